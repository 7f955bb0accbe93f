#!/bin/sh
# modes: rel
#
# usage: tests/unicorn/run.sh [SOJOURN]
#
# Random instructions at EL1 on an engine and on Unicorn in the same process (doc/oracles.md).
# SOJOURN names the build, its folder; default out/rel/sojourn. From the environment:
#     SEED=n     another sequence (default 1)
#     I=NAME     only this line of isa/; NAME* all that begin so
#     N=n        words for each line (default 150)
#     K=n        states for each word (default 8): both sides translate once for all of them
#     T=n        only this trial of each line, as reports number them (with the same SEED and K)
#     E=NAME     engine (default interp)
# Prints "ok NAME" or "not ok NAME" for each line of isa/. Exit status 77: skipped, says why.
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
"$tmp/unicorn" -e "${E:-interp}" -n "${N:-150}" -k "${K:-8}" -s "${SEED:-1}" -i "${I:-}" -t "${T:-}"
