#!/bin/bash
# usage: tests/fuzz/run.sh [SOJOURN [TARGET...]]
#
# Replays the committed inputs of every fuzz target (fuzz/corpus), then lets each make new ones for a few
# seconds from a fixed seed. The targets are those of the build that SOJOURN belongs to, else of
# out/fuzz (make m=fuzz fuzzers); without them the tests are skipped. Environment: FUZZ_SECONDS (3)
# for each target, FUZZ_SEED (1). What breaks a target is kept in out/check, or $FUZZ_KEEP.
# Prints ok NAME | not ok NAME text | skip NAME reason and a last line that counts them.
# modes: fuzz
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:+$(dirname "$1")}
[ -n "$build" ] && [ -x "$build/fuzz_a64" ] || build=$root/out/fuzz
shift $(($# > 0 ? 1 : 0))
keep=${FUZZ_KEEP:-$root/out/check}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
mkdir -p "$keep"
passed=0 failed=0 skipped=0
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_stack_use_after_return=0"

# try NAME ARGUMENT...: runs the target; its output is shown when it fails.
try() {
    local name=$1
    shift
    if timeout -k 5 300 "$@" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$keep/$target-" \
        </dev/null >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "not ok $name the input is in $keep"
        grep -av '^INFO: \|^#[0-9]' "$work/log" | tail -n 40 | sed 's/^/# /'
    fi
}

names=$*
[ -n "$names" ] || names=$(cd "$root/fuzz" && ls fuzz_*.c | sed 's/^fuzz_//;s/\.c$//')
for target in $names; do
    program=$build/fuzz_$target
    corpus=$root/fuzz/corpus/$target
    if [ ! -x "$program" ]; then
        skipped=$((skipped + 1))
        echo "skip $target no $program: make m=fuzz fuzzers"
        continue
    fi
    if ls "$corpus"/* >/dev/null 2>&1; then
        try "$target/replay" "$program" -runs=0 "$corpus"
    else
        failed=$((failed + 1))
        echo "not ok $target/replay no inputs in fuzz/corpus/$target"
    fi
    mkdir -p "$work/$target"
    try "$target/new" "$program" -max_total_time="${FUZZ_SECONDS:-3}" -seed="${FUZZ_SEED:-1}" \
        -print_final_stats=0 "$work/$target" "$corpus"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
