#!/bin/sh
# modes: rel
#
# usage: tests/fp/run.sh [SOJOURN]
#
# a64/fp.h against expected values made with MPFR and with integers, flags included: one test for
# each row of cases.def. SOJOURN names the build, its folder; default out/rel/sojourn. From the
# environment:
#     N=n      random operands for each row (default 500000); N=full: see the head of main.c (hours)
#     SEED=n   another sequence (default 1)
#     I=NAME   only this row; NAME* all that begin so
#     JOBS=n   processes (default: as many as there are processors)
set -eu
cd "$(dirname "$0")/../.."
build=$(dirname "${1:-out/rel/sojourn}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if ! echo '#include <mpfr.h>' | ${CC:-gcc} -E - >/dev/null 2>&1; then
    echo "skip fp no mpfr.h (package libmpfr-dev)"
    exit 77
fi
${CC:-gcc} -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror -Isrc -o "$dir/fp" \
    tests/fp/main.c tests/fp/ref.c tests/fp/ref_exact.c "$build/lib_a64.a" -lmpfr -lgmp
"$dir/fp" "${N:-500000}" "${SEED:-1}" "${I:-*}" "${JOBS:-$(nproc)}"
