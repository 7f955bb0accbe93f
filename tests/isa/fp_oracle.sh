#!/bin/sh
# Compares a64/fp.h with an external AArch64 implementation, instruction by instruction.
# Usage: tests/isa/fp_oracle.sh [COUNT-PER-ROW [SEED]], from the root of the tree.
# Exit status 0 equal, 1 different, 77 skipped (says why).
set -eu

count=${1:-2000}
seed=${2:-1}
cross=${CROSS_CC:-aarch64-linux-gnu-gcc}
emu=${QEMU_AARCH64:-qemu-aarch64-static}
here=$(dirname "$0")

for tool in "$cross" "$emu"; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "SKIP fp_oracle: $tool is not installed"
        exit 77
    fi
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$cross" -std=gnu11 -O1 -static -march=armv8.6-a+fp16+fp16fml+bf16 \
    -o "$tmp/oracle" "$here/fp_oracle.c"
${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -I"$here/../../src" -o "$tmp/check" \
    "$here/fp_oracle_check.c" "$here"/../../src/a64/fp_*.c
"$emu" -cpu max "$tmp/oracle" "$count" "$seed" >"$tmp/records"
"$tmp/check" <"$tmp/records"
