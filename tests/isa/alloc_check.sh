#!/bin/sh
# Compares which words are allocated with GNU objdump: random words of all groups, and words near to
# every line of isa/a64.isa. See alloc_check.c for what may differ.
#
#     tests/isa/alloc_check.sh [BUILD [COUNT [SEED]]]
#
# BUILD: folder with lib_a64.a and gen/, default out/rel. COUNT: how many words, default 3 million.
#
# Exit status: 0 agreed, 1 not (the words are printed), 77 skipped without an objdump.
set -eu
build=${1:-out/rel}
count=${2:-3000000}
seed=${3:-1}
objdump=${OBJDUMP:-aarch64-linux-gnu-objdump}
if ! command -v "$objdump" >/dev/null; then
    echo "alloc_check: skipped: no $objdump (package binutils-aarch64-linux-gnu)"
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Isrc -Iisa -I"$build/gen" \
    ${ALLOC_CFLAGS:-} -o "$dir/check" tests/isa/alloc_check.c "$build/lib_a64.a" "$build/lib_base.a"
"$dir/check" gen "$count" "$seed" >"$dir/words"
"$objdump" -D -z -b binary -m aarch64 -M no-aliases "$dir/words" | "$dir/check" compare "$dir/words"
