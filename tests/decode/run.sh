#!/bin/sh
# modes: rel
# quick
#
# usage: tests/decode/run.sh [SOJOURN]
#
# The decoder on words of all 2^32 against the lines of isa/ (words.c), and decoder and disassembler
# against Capstone (capstone.sh). SOJOURN names the build, its folder; default out/rel/sojourn. From
# the environment:
#     N=n      words for each of the 2^16 upper halves (default 4096), and how many for Capstone, in
#              proportion; N=full: all 2^32, and 4096 for each line
#     SEED=n   another sequence (default 1)
set -eu
cd "$(dirname "$0")/../.."
build=$(dirname "${1:-out/rel/sojourn}")
N=${N:-${CHECK_QUICK:+512}}
N=${N:-4096}
case $N in
    full) capstone=4096 ;;
    *) capstone=$((N / 16 + 1)) ;;
esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
${CC:-gcc} -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror -Isrc -Iisa \
    -I"$build/gen" -o "$dir/words" tests/decode/words.c "$build/lib_a64.a"
failed=0
"$dir/words" isa/a64.isa "$N" "${SEED:-1}" "$(nproc)" || failed=1
status=0
text=$(tests/decode/capstone.sh "$build" "$capstone" "${SEED:-1}" 2>&1) || status=$?
case $status in
    0) printf '%s\nok capstone\n' "$text" | sed '/^ok /!s/^/# /' ;;
    77) printf '%s\n' "$text" ;;
    *) printf '%s\nnot ok capstone\n' "$text" | sed '/^not ok /!s/^/# /'; failed=1 ;;
esac
exit $failed
