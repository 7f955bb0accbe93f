#!/bin/sh
# modes: rel
#
# usage: tests/el1/run.sh [SOJOURN]
#
# EL1 on an engine and on QEMU's system emulation (doc/oracles.md): system registers, the system
# instruction space, exceptions and returns, translation. SOJOURN names the build, its folder;
# default out/rel/sojourn. From the environment:
#     SEED=n     another sequence (default 1)
#     I=KIND     only sysreg, system, pstate, walk or pair
#     N=n        trials of each kind (default 20000, 10000 with jit)
#     E=NAME     engine (default interp and jit)
set -eu
cd "$(dirname "$0")/../.."
build=$(dirname "${1:-out/rel/sojourn}")
cross=${CROSS_CC:-aarch64-linux-gnu-gcc}
emu=${QEMU_SYSTEM_AARCH64:-qemu-system-aarch64}
for tool in "$cross" "$emu"; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "skip el1 $tool is not installed"
        exit 77
    fi
done
tmp=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) # the other machine's RAM: not on a disk
trap 'rm -rf "$tmp"' EXIT
warn="-Wall -Wextra -Wshadow -Werror"
here=tests/el1
# shellcheck disable=SC2086
"$cross" -std=gnu11 -O1 $warn -ffreestanding -nostdlib -static -fno-pic -fno-stack-protector \
    -fno-asynchronous-unwind-tables -mgeneral-regs-only -mstrict-align -march=armv8.2-a \
    -Wl,-T,$here/runner.ld -Wl,--no-warn-rwx-segments -Wl,--build-id=none -o "$tmp/runner.elf" \
    $here/runner.S $here/runner.c
# shellcheck disable=SC2086
${CC:-gcc} -std=gnu11 -O2 -g -D_GNU_SOURCE $warn ${TEST_CFLAGS:-} -Isrc -Iisa -I"$build/gen" \
    -o "$tmp/el1" $here/main.c $here/generate.c $here/machine.c $here/known.c \
    -Wl,--start-group "$build"/lib_*.a -Wl,--end-group -pthread
# Features that no CPU model here has are switched off there too. EL2 is for the runner.
status=0
for engine in ${E:-interp jit}; do
    count=20000
    [ "$engine" = interp ] || count=10000
    TMPDIR=$tmp "$tmp/el1" -e "$engine" -n "${N:-$count}" -s "${SEED:-1}" -i "${I:-}" -- \
        timeout "${TIMEOUT:-120}" "$emu" \
        -M virt,virtualization=on,gic-version=3,memory-backend=ram -accel tcg \
        -cpu max,pauth=off,sve=off,sme=off -m 128M \
        -object memory-backend-file,id=ram,size=128M,mem-path=@RAM@,share=on \
        -display none -monitor none -serial none -net none -kernel "$tmp/runner.elf" || {
        code=$?
        status=1
        [ "$code" -eq 1 ] || echo "not ok el1,$engine ended with status $code"
    }
done
exit $status
