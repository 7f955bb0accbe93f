#!/bin/sh
# Compares the lines of isa/ and our disassembler with GNU objdump, on random words of every line and
# on such words with one bit flipped: what matches, the mnemonic and all operands.
#
#     tests/isa/objdump_check.sh [BUILD]        BUILD: folder with lib_a64.a and gen/, default out/rel
#
# Exit status: 0 agreed, 1 not (the differences are printed), 77 skipped without an objdump.
set -eu
build=${1:-out/rel}
objdump=${OBJDUMP:-aarch64-linux-gnu-objdump}
if ! command -v "$objdump" >/dev/null; then
    echo "objdump_check: skipped: no $objdump (package binutils-aarch64-linux-gnu)"
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
${CC:-gcc} -std=gnu11 -O1 -Isrc -Iisa -I"$build/gen" -o "$dir/words" tests/isa/objdump_words.c \
    "$build/lib_a64.a" "$build/lib_base.a"
"$dir/words" "$dir/binary" "$dir/ours"
"$objdump" -D -b binary -m aarch64 -M no-aliases "$dir/binary" >"$dir/theirs"
awk -v ours="$dir/ours" '
function hex(s,   i, v) {
    for (i = 1; i <= length(s); i++)
        v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
    return sprintf("%.0f", v)
}
# Register ranges written out: v1.8b-v3.8b as v1.8b, v2.8b, v3.8b.
function unrange(s,   a, b, n, t, first, last, suffix) {
    while (match(s, /v[0-9]+\.[0-9a-z]+-v[0-9]+\.[0-9a-z]+/)) {
        n = split(substr(s, RSTART, RLENGTH), a, /[v.-]+/)
        first = a[2] + 0; suffix = a[3]; last = a[4] + 0; t = ""
        for (b = first; b <= last; b++)
            t = t (b > first ? "," : "") "v" b "." suffix
        s = substr(s, 1, RSTART - 1) t substr(s, RSTART + RLENGTH)
    }
    return s
}
# One spelling: no spaces around operands, immediates of up to 32 bits decimal.
function normal(s,   t) {
    s = tolower(s)
    sub(/[ \t]*(\/\/|;).*/, "", s)
    gsub(/[ \t]+/, " ", s); sub(/ $/, "", s)
    gsub(/ *, */, ",", s); gsub(/{ /, "{", s); gsub(/ }/, "}", s)
    t = ""
    while (match(s, /#0x[0-9a-f]+/)) {
        if (RLENGTH - 3 <= 8)
            t = t substr(s, 1, RSTART) hex(substr(s, RSTART + 3, RLENGTH - 3))
        else
            t = t substr(s, 1, RSTART + RLENGTH - 1)
        s = substr(s, RSTART + RLENGTH)
    }
    return unrange(t s)
}
function differ(why) {
    if (!(seen[name " " why]++)) {
        print "objdump_check: " word " " name ": " why ": ours \"" mine "\", objdump \"" other "\""
        bad++
    }
}
BEGIN {
    # Of features that no CPU model offers: pointer authentication, MTE, CSSC, LS64, MOPS, SM3, SM4,
    # TME, XS. SVE and SME are known by their operands.
    n = split("abs cnt ctz smax smin umax umin aut[id][ab] autiz[ab] autdz[ab] pac[id][ab] paci?z[ab]" \
              " pacd?z[ab] pacga xpac[id] ldra[ab] bra[ab]z? blra[ab]z? reta[ab] ereta[ab]" \
              " irg gmi subps? addg subg st2?z?g?m? stz?2?gm? stz?g st2g stz2g stgp stzgm ldgm? ldg" \
              " st64b ld64b st64bv0? cpy[a-z]* setg?[pme][a-z]* sm3[a-z0-9]* sm4e sm4ekey tstart" \
              " tcommit tcancel ttest wfet wfit", f, " ")
    for (i = 1; i <= n; i++)
        absent = absent (i > 1 ? "|" : "") f[i]
    absent = "^(" absent ")$"
    # objdump prints the number form of hints and flag instructions.
    n = split("nop yield wfe wfi sev sevl dgh xpaclri pacia1716 pacib1716 autia1716 autib1716 esb psb" \
              " tsb csdb paciaz paciasp pacibz pacibsp autiaz autiasp autibz autibsp bti", f, " ")
    for (i = 1; i <= n; i++)
        alias[f[i]] = "hint"
    alias["ssbb"] = alias["pssbb"] = "dsb"
    alias["sb"] = alias["cfinv"] = alias["xaflag"] = alias["axflag"] = "msr"
}
!/^ *[0-9a-f]+:\t/ { next }
{
    if ((getline line < ours) <= 0) { print "objdump_check: too few words"; bad++; exit }
    split(line, f, " ")
    name = f[1]; word = f[3]
    mine = normal(substr(line, length(name) + 13))
    other = $0
    sub(/^ *[0-9a-f]+:[ \t]*[0-9a-f]+ *\t/, "", other)
    other = normal(other)
    split(mine, a, " "); split(other, b, " ")
    total++
    if (name == "UNDEFINED") {
        # objdump prints any word of the system space as MSR or MRS, and FMLAL with sz = 1.
        if (b[1] == ".inst" || other ~ /[ {,\[](z|p|za)[0-9]/ || b[1] ~ absent ||
            other ~ /^(msr|mrs) .*s0_/ || b[1] ~ /^fml[as]l2?$/ || other ~ /^dsb .*nxs$/)
            next
        differ("only objdump decodes it")
    } else if (b[1] == ".inst") {
        # LDAR and such: objdump wants ones in the ignored fields; LDPSW: and different registers.
        if (f[2] != "u" && name !~ /^(LDAR|LDARB|LDARH|LDPSW_[a-z]+)$/)
            differ("objdump does not decode it")
    } else if (a[1] != b[1] && alias[a[1]] != b[1]) {
        if (name != "MSR_i") # SMSTART and others of absent features; our handler decides
            differ("mnemonic")
    } else if (mine != other && alias[a[1]] == "" && mine !~ /s[0-3]_[0-7]_c/ &&
             !(name == "MSR_i" && other ~ /s0_/)) {
        differ("operands")
    }
}
END {
    printf "objdump_check: %d words, %d kinds of difference\n", total, bad + 0
    exit bad || !total
}' "$dir/theirs"
