#!/bin/sh
# isagen accepts what the format allows and names file, line and fault of what it does not.
#
#     tests/isa/isagen_check.sh [BUILD]         BUILD: folder with the program isagen, default out/rel
set -eu
isagen=${1:-out/rel}/isagen
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf '%s\n' 'FEATURE(LSE, 1)' 'FEATURE(RDM, 1)' >"$dir/features.def"
failed=0

# rejects MESSAGE LINE...: the last LINE is the wrong one.
rejects() {
    message=$1
    shift
    printf '%s\n' "$@" >"$dir/t.isa"
    if "$isagen" "$dir" "$dir/features.def" "$dir/t.isa" 2>"$dir/errors"; then
        echo "isagen_check: accepted: $*"
        failed=1
    elif ! grep -q "t.isa:$#: .*$message" "$dir/errors"; then
        echo "isagen_check: expected \"$message\" in line $#, got: $(cat "$dir/errors")"
        failed=1
    fi
}

accepts() {
    printf '%s\n' "$@" >"$dir/t.isa"
    if ! "$isagen" "$dir" "$dir/features.def" "$dir/t.isa"; then
        echo "isagen_check: rejected: $*"
        failed=1
    fi
}

HINT='HINT  11010101000000110010 crm:4 op2:3 11111  -  BASE  hint {crm.op2:h}'
accepts "$HINT" 'NOP  11010101000000110010 0000 000 11111  -  BASE  nop'
accepts 'A  size:2!=11 x rn:5 000000000000000000000000  u  LSE  a {rn:x}' \
    'B  11 x rn:5 000000000000000000000000  -  BASE  b'
accepts 'A  size:2 q:1 x:28 0 size.q!=110,0x1  f  LSE+RDM  a' 'B  110 x:29  -  BASE  b' \
    'C  0 x 1 x:29  -  BASE  c'
accepts 'A  a:1!=0 b:31  -  BASE  a' 'B  0 b:31 b!=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1  -  BASE  b'
rejects 'overlaps A .*, e.g. 0xc0000000' 'A  size:2 q:1 x:28 0 size.q!=0xx,10x  -  BASE  a' \
    'B  a:1 1 x:30  -  BASE  b'
rejects 'leave no word' 'A  size:2!=0x,11 x:30 size!=10  -  BASE  a'
rejects 'the line inside the other one has' 'A  0 a:31  -  BASE  a' 'B  0 0 q:1!=0 a:29  -  BASE  b'
rejects "cannot read 'q.size!=11'" 'A  size:2 q:1 x:29 q.size!=11  -  BASE  a'
rejects "cannot read 'size.r!=111'" 'A  size:2 q:1 x:29 size.r!=111  -  BASE  a'
rejects 'traits f and u' 'A  0 imm:31  fu  BASE  a'
rejects 'not 32' 'A  0000 rn:5  -  BASE  a'
rejects 'longer than 32' 'A  00000000000000000000000000000 rn:5  -  BASE  a'
rejects "cannot read 'rn'" 'A  000000000000000000000000000 rn  -  BASE  a'
rejects "cannot read 's:1!=00'" 'A  0000000000000000000000000000000 s:1!=00  -  BASE  a'
rejects "field 'rn' twice" 'A  0000000000000000000000 rn:5 rn:5  -  BASE  a'
rejects 'already defined' "$HINT" 'HINT  0 imm:31  -  BASE  x'
rejects 'overlaps' 'A  0 imm:31  -  BASE  a' 'B  imm:31 0  -  BASE  b'
rejects 'overlaps' 'A  size:2!=11 imm:30  -  BASE  a' 'B  size:2!=00 imm:30  -  BASE  b'
rejects 'unknown feature' 'A  0 imm:31  -  LSE128  a'
rejects "unknown feature 'FP99'" 'A  0 imm:31  -  LSE+FP99  a'
rejects 'unknown trait' 'A  0 imm:31  q  BASE  a'
rejects 'no asm template' 'A  0 imm:31  -  BASE'
rejects "no field 'rd'" 'A  0 imm:31  -  BASE  a {rd:x}'
rejects 'bad placeholder' 'A  0 imm:31  -  BASE  a {imm'
[ $failed = 0 ] && echo "isagen_check: passed"
exit $failed
