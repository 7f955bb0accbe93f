#!/bin/sh
# Compares the interpreter's handlers with an external AArch64 implementation (qemu-user), for every
# instruction that only computes: random words, edge operands, whole state.
# Usage: tests/isa/insn_oracle.sh LIBDIR [COUNT-PER-INSTRUCTION [SEED [PREFIX]]], from the root of the
# tree; LIBDIR is the build folder with lib_*.a and gen/ (out/rel). PREFIX: only names that begin so.
# Exit status 0 equal, 1 different, 77 skipped (says why).
set -eu

build=$1
count=${2:-100}
seed=${3:-1}
prefix=${4:-}
cross=${CROSS_CC:-aarch64-linux-gnu-gcc}
emu=${QEMU_AARCH64:-qemu-aarch64-static}
here=$(dirname "$0")

for tool in "$cross" "$emu"; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "SKIP insn_oracle: $tool is not installed"
        exit 77
    fi
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$cross" -std=gnu11 -O1 -static -Wall -Wextra -o "$tmp/guest" \
    "$here/insn_oracle_guest.c" "$here/insn_oracle_run.S"
${CC:-cc} -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -I"$here/../../src" -I"$here/../../isa" \
    -I"$build/gen" ${ORACLE_CFLAGS:-} -o "$tmp/check" "$here/insn_oracle_check.c" \
    -Wl,--start-group "$build"/lib_engine.a "$build"/lib_vm.a "$build"/lib_mem.a \
    "$build"/lib_a64.a "$build"/lib_state.a "$build"/lib_base.a -Wl,--end-group -pthread
"$tmp/check" gen "$count" "$seed" "$prefix" >"$tmp/in"
"$emu" -cpu max "$tmp/guest" <"$tmp/in" >"$tmp/out"
"$tmp/check" compare "$tmp/in" "$tmp/out"
