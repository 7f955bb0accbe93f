#!/bin/sh
# modes: rel
#
# usage: tests/unicorn/run.sh [SOJOURN]
#
# Random instructions at EL1 on an engine and on Unicorn in the same process (doc/oracles.md).
# SOJOURN names the build, its folder; default out/rel/sojourn. From the environment:
#     SEED=n     another sequence (default 1)
#     I=NAME     only this line of isa/; NAME* all that begin so
#     N=n        words for each line (default 150, 40 with engines that translate)
#     K=n        states for each word (default 8): both sides translate once for all of them
#     T=n        only this trial of each line, as reports number them (with the same SEED and K)
#     E=NAME     engine (default interp and jit)
# Prints "ok NAME,ENGINE" or "not ok NAME,ENGINE" for each line of isa/. Exit status 77: skipped, says why.
set -eu
cd "$(dirname "$0")/../.."
build=$(dirname "${1:-out/rel/sojourn}")
cc=${CC:-gcc}
if ! echo '#include <unicorn/unicorn.h>' | "$cc" -E -x c - >/dev/null 2>&1; then
    echo "skip unicorn libunicorn-dev is not installed"
    exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
warn="-Wall -Wextra -Wshadow -Werror"
here=tests/unicorn
rand=tests/isa/random
# shellcheck disable=SC2086
"$cc" -std=gnu11 -O2 -g -D_GNU_SOURCE $warn ${TEST_CFLAGS:-} -Isrc -Iisa -I"$build/gen" -I$rand \
    -o "$tmp/unicorn" $here/main.c $here/emulator.c $here/known.c $rand/generate.c $rand/machine.c \
    -Wl,--start-group "$build"/lib_*.a -Wl,--end-group -pthread -lunicorn
status=0
for engine in ${E:-interp jit}; do
    words=150
    [ "$engine" = interp ] || words=40
    "$tmp/unicorn" -e "$engine" -n "${N:-$words}" -k "${K:-8}" -s "${SEED:-1}" -i "${I:-}" -t "${T:-}" || {
        code=$?
        status=1
        [ "$code" -eq 1 ] || echo "not ok unicorn,$engine ended with status $code"
    }
done
exit $status
