#!/bin/sh
# usage: tests/isa/random/random.sh [BUILD]
#
# Every instruction that EL0 can execute, with random operands, on the interpreter and on qemu-user.
# BUILD: folder with lib_*.a and gen/, default out/rel. From the environment:
#     SEED=n     another sequence (default 1)
#     I=NAME     only this line of isa/; NAME* all that begin so
#     N=n        words for each line (default 100)
#     K=n        states for each word (default 8): the other side translates once for all of them
#     T=n        only this trial of each line, as reports number them (with the same SEED and K)
#     E=NAME     engine (default interp)
# Prints "ok NAME,ENGINE" or "not ok NAME,ENGINE" for each line of isa/. Exit status 77: skipped, says why.
set -eu
build=${1:-out/rel}
cross=${CROSS_CC:-aarch64-linux-gnu-gcc}
emu=${QEMU_AARCH64:-qemu-aarch64-static}
for tool in "$cross" "$emu"; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "skip random $tool is not installed"
        exit 77
    fi
done
here=$(dirname "$0")
root=$here/../../..
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
warn="-Wall -Wextra -Wshadow -Werror"
"$cross" -std=gnu11 -O1 -static -fno-stack-protector \
    -Wl,-Ttext-segment=0x6f000000,--defsym=guest_slot=0x70102000 $warn -o "$tmp/guest" \
    "$here/guest.c"
${CC:-gcc} -std=gnu11 -O2 -g -D_GNU_SOURCE $warn ${TEST_CFLAGS:-} -I"$root/src" -I"$root/isa" \
    -I"$build/gen" -o "$tmp/random" "$here/main.c" "$here/generate.c" "$here/machine.c" \
    "$here/known.c" "$here/oracle.c" -Wl,--start-group "$build"/lib_*.a -Wl,--end-group -pthread
# Features that no CPU model here has are switched off there too. A trial that never ends there ends
# with the time limit.
"$tmp/random" -e "${E:-interp}" -n "${N:-100}" -k "${K:-8}" -t "${T:-}" -s "${SEED:-1}" \
    -i "${I:-}" -- timeout --foreground "${LIMIT:-600}" "$emu" \
    -cpu max,pauth=off,sve=off,sme=off "$tmp/guest"
