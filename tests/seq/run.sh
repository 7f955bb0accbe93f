#!/bin/sh
# modes: rel
#
# usage: tests/seq/run.sh [SOJOURN]
#
# Random sequences at EL0 on an engine and on qemu-user (doc/oracles.md). SOJOURN names the build,
# its folder; default out/rel/sojourn. From the environment:
#     SEED=n     another sequence of sequences (default 1)
#     I=n        only the sequence with this index
#     N=n        sequences (default 10000, 5000 with engines that translate)
#     K=n        states for each (default 8)
#     E=NAME     engine (default: the interpreter, and the translator in both forms of host code)
set -eu
cd "$(dirname "$0")/../.."
build=$(dirname "${1:-out/rel/sojourn}")
cross=${CROSS_CC:-aarch64-linux-gnu-gcc}
emu=${QEMU_AARCH64:-qemu-aarch64-static}
for tool in "$cross" "$emu"; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "skip seq $tool is not installed"
        exit 77
    fi
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
words=-DRANDOM_WORDS=48
warn="-Wall -Wextra -Wshadow -Werror"
rand=tests/isa/random
# shellcheck disable=SC2086
"$cross" -std=gnu11 -O1 -static -fno-stack-protector $warn $words \
    -Wl,-Ttext-segment=0x6f000000,--defsym=guest_slot=0x70102000 -o "$tmp/guest" $rand/guest.c
# shellcheck disable=SC2086
${CC:-gcc} -std=gnu11 -O2 -g -D_GNU_SOURCE $warn $words ${TEST_CFLAGS:-} -Isrc -Iisa \
    -I"$build/gen" -I$rand -o "$tmp/seq" tests/seq/main.c tests/seq/make.c $rand/generate.c \
    $rand/machine.c $rand/known.c $rand/oracle.c \
    -Wl,--start-group "$build"/lib_*.a -Wl,--end-group -pthread
status=0
for engine in ${E:-interp jit jit,stress=avx2}; do
    count=10000
    [ "$engine" = interp ] || count=5000
    "$tmp/seq" -e "$engine" -n "${N:-$count}" -k "${K:-8}" -s "${SEED:-1}" -i "${I:-}" -- \
        timeout --foreground "${LIMIT:-600}" "$emu" -cpu max,pauth=off,sve=off,sme=off "$tmp/guest" || {
        code=$?
        status=1
        [ "$code" -eq 1 ] || echo "not ok sequences,$engine ended with status $code"
    }
done
exit $status
