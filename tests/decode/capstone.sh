#!/bin/sh
# Compares our decoder and disassembler with Capstone, mnemonic and operands.
#
#     tests/decode/capstone.sh [BUILD [COUNT [SEED]]]
#
# BUILD: folder with lib_a64.a and gen/, default out/rel. COUNT: words for each line of isa/ (see
# capstone.c), default 256.
#
# Capstone prints aliases, our disassembler none. So where the texts differ GNU as is the judge:
# both are assembled, and equal words mean the same mnemonic and operands. What remains, and what
# only one side knows, must have its reason in known.txt; it is counted by reason.
#
# Exit status: 0 agreed, 1 not (the words are printed), 77 skipped without Capstone or GNU as.
set -eu
build=${1:-out/rel}
count=${2:-256}
seed=${3:-1}
here=$(dirname "$0")
as=${CROSS_AS:-aarch64-linux-gnu-as}
objcopy=${CROSS_OBJCOPY:-aarch64-linux-gnu-objcopy}
if ! command -v "$as" >/dev/null; then
    echo "skip capstone no $as (package binutils-aarch64-linux-gnu)"
    exit 77
fi
if ! echo '#include <capstone/capstone.h>' | ${CC:-gcc} -E - >/dev/null 2>&1; then
    echo "skip capstone no capstone.h (package libcapstone-dev)"
    exit 77
fi
extensions=crypto+sha3+sm4+fp16+fp16fml+bf16+i8mm+rng+memtag+ssbs+sb+predres+flagm
assemble="$as --no-warn -march=armv8.6-a+$extensions"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
${CC:-gcc} -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror -Isrc -Iisa -I"$build/gen" \
    -o "$dir/capstone" "$here/capstone.c" "$build/lib_a64.a" "$build/lib_base.a" -lcapstone
"$dir/capstone" "$count" "$seed" >"$dir/all"
grep '^differ' "$dir/all" >"$dir/differ" || :

# words_of COLUMN: the words of that column's texts to stdout, one per line; "rejected" for what GNU
# as does not take. Targets of branches and literals are relative to the instruction.
words_of() {
    cut -f"$1" "$dir/differ" | awk '
        /^(b|bl|b\.[a-z]+|cbn?z|tbn?z|adr|ldr|ldrsw|prfm) [^[]*#-?[0-9]+$/ {
            match($0, /#-?[0-9]+$/)
            $0 = substr($0, 1, RSTART - 1) ".+(" substr($0, RSTART + 1) ")"
        }
        { print }' >"$dir/text"
    $assemble -o "$dir/object" "$dir/text" 2>"$dir/errors" || :
    sed -n 's/^[^:]*:\([0-9]*\): Error.*/\1/p' "$dir/errors" | sort -un >"$dir/rejected"
    awk 'NR == FNR { bad[$1] = 1; next } { print FNR in bad ? ".inst 0" : $0 }' \
        "$dir/rejected" "$dir/text" >"$dir/clean"
    # An empty file of rejected lines makes awk take the text for it.
    [ -s "$dir/rejected" ] || cp "$dir/text" "$dir/clean"
    $assemble -o "$dir/object" "$dir/clean"
    "$objcopy" -O binary -j .text "$dir/object" "$dir/binary"
    od -An -v -tx4 -w4 "$dir/binary" | sed 's/ *//; s/^00000000$/rejected/'
}

words_of 5 >"$dir/ours"
words_of 6 >"$dir/theirs"
if [ "$(wc -l <"$dir/ours")" -ne "$(wc -l <"$dir/differ")" ] ||
    [ "$(wc -l <"$dir/theirs")" -ne "$(wc -l <"$dir/differ")" ]; then
    echo "capstone: GNU as lost lines"
    exit 1
fi
{
    paste "$dir/differ" "$dir/ours" "$dir/theirs"
    grep -v '^differ' "$dir/all"
} | awk -F'\t' -v known="$here/known.txt" '
    BEGIN {
        while ((getline row < known) > 0) {
            if (row ~ /^#/ || row ~ /^ *$/)
                continue
            split(row, f, /   *+/)
            rows++
            kind[rows] = f[1]; line[rows] = "^(" f[2] ")$"; word[rows] = f[3]; feature[rows] = f[4]
            reason[rows] = f[5]
            if (f[2] == ".") line[rows] = "."
        }
    }
    $1 == "total" { words = $2; equal = $3; neither = $4; next }
    $1 == "differ" && $7 == $8 && $7 != "rejected" { alias++; next }
    {
        for (i = 1; i <= rows; i++)
            if (kind[i] == $1 && $3 ~ line[i] && $2 ~ word[i] && $4 ~ feature[i])
                break
        if (i <= rows) { explained[i]++; total_explained++; next }
        if (bad++ < 40)
            printf "capstone: %s %s %s (%s): ours \"%s\" %s, Capstone \"%s\" %s\n", \
                $1, $2, $3, $4, $5, $7, $6, $8
    }
    END {
        for (i = 1; i <= rows; i++)
            if (explained[i])
                printf "%8d %s: %s (%s)\n", explained[i], kind[i], reason[i], \
                    line[i] == "." ? "many lines" : substr(line[i], 3, length(line[i]) - 4)
        printf "capstone: %d words: %d with equal texts, %d by way of an alias, %d known to " \
            "neither, %d explained above; unexplained: %d\n", words, equal, alias, neither, \
            total_explained, bad
        exit bad || !equal
    }'
