#!/bin/bash
# usage: tests/bench/run.sh [SOJOURN]
#
# The benchmark harness (tools/bench, doc/bench.md): its conclusions from fabricated runs, its
# options, and a run of two small workloads natively and under Sojourn, whose speed does not matter.
# One line per test: ok NAME | not ok NAME | skip NAME reason.
# E=ENGINE in the environment: another engine than auto.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
sojourn=$(realpath "${1:-$root/out/rel/sojourn}")
bench=$root/tools/bench/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then
        echo "ok $name"
    else
        failed=1
        echo "not ok $name"
        sed 's/^/# /' "$work/out" "$work/err" 2>/dev/null | tail -n 30
    fi
}

python3 "$root/tests/bench/test_bench.py" || failed=1

# refuses PATTERN ARGUMENT...: status 2 and one line that says why
refuses() {
    local pattern=$1 status=0
    shift
    "$bench" "$@" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" = 2 ] && [ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" = 1 ] &&
        grep -q "$pattern" "$work/err"
}
check refuses_an_unknown_option refuses "unknown argument '--fast'" --fast
check refuses_an_option_without_its_argument refuses "needs an argument" --rounds
check refuses_no_rounds refuses "rounds: '0'" --rounds 0
check refuses_an_unknown_size refuses "size: quick or full" --size huge
check refuses_an_unknown_workload refuses "no workload or class 'doom'" --only "gzip doom"
check refuses_an_unknown_system refuses "systems: 'xen'" --systems "native xen"
check refuses_memory_without_unit refuses "memory: '2'" --memory 2
check refuses_a_workload_that_the_base_image_lacks refuses "'node' needs nodejs" --base --only node

lists() {
    "$bench" --list >"$work/out" 2>"$work/err" && [ "$(wc -l <"$work/out")" -ge 30 ] &&
        grep -q '^forkexec  *system  *quick=' "$work/out"
}
check lists_its_workloads lists

# The rest needs Debian's packages (from the cache, or the network) and namespaces.
if ! "$root/tools/bench/make-images" base >"$work/out" 2>"$work/err" ||
    ! "$root/tools/guest/fetch-kernel" cloud >>"$work/out" 2>>"$work/err"; then
    echo "skip runs_natively_and_under_sojourn no packages: $(tail -n 1 "$work/err")"
    exit $failed
fi
systems="native sojourn"
if ! unshare $([ "$(id -u)" = 0 ] || echo --user --map-root-user) --mount --pid --net --fork true \
    2>/dev/null; then
    systems=sojourn
    echo "# no namespaces here: without native"
fi

small() { # OUT SOJOURN: two small workloads and the boot
    "$bench" --base --only "gzip forkexec boot" --size quick --rounds 1 --systems "$systems" \
        --engine "${E:-auto}" --sojourn "$2" --out "$work/$1" --memory 512M --timeout 100 \
        >"$work/out" 2>"$work/err"
}
runs() {
    small good "$sojourn" && cmp -s "$work/out" "$work/good/results.txt" &&
        grep -Eq '^gzip  *integer  *[-0-9.]+  *-  *[0-9.]+  ' "$work/out" &&
        grep -Eq '^boot  *boot  *-  *-  *[0-9.]+  ' "$work/out"
}
check runs_natively_and_under_sojourn runs
json() {
    python3 - "$work/good/results.json" $systems <<'END'
import json, sys
with open(sys.argv[1]) as f:
    results = json.load(f)
assert not results["failures"], results["failures"]
assert list(results["workloads"]) == ["gzip", "forkexec", "boot"]
assert list(results["times"]) == sys.argv[2:]
sums = {run["sha256"] for times in results["times"].values() for run in times["gzip"]}
assert len(sums) == 1 and len(sums.pop()) == 64
for times in results["times"].values():
    for name, runs in times.items():
        assert len(runs) == 1 and 0 < runs[0]["seconds"] < 100 and runs[0]["status"] == 0, name
END
}
check results_are_whole json
again() {
    "$bench" --report "$work/good/results.json" >"$work/out" 2>"$work/err" &&
        cmp -s "$work/out" "$work/good/results.txt"
}
check shows_earlier_results again

covers() { # 0.1 s of processes; of it all but a few are translated
    "$bench" --base --coverage --only "forkexec" --size quick --sojourn "$sojourn" --out "$work/cover" \
        --memory 512M --timeout 100 >"$work/out" 2>"$work/err" &&
        cmp -s "$work/out" "$work/cover/coverage.txt" &&
        grep -Eq '^forkexec  *system  *[0-9]{7,9}  *[0-9]{1,6}  *-?[0-9]+  *99[.][0-9]{3}%  .*ERET [0-9]' "$work/out" &&
        grep -q '^below 99.9%: ' "$work/out"
}
if [ "${E:-auto}" = interp ]; then
    echo "skip shows_what_is_translated E=interp translates nothing"
else
    check shows_what_is_translated covers
fi

# A monitor that ends at once is a failure of every workload, and the run still ends with a table.
broken() {
    local status=0
    systems=sojourn
    small bad /bin/false || status=$?
    [ "$status" = 1 ] && grep -q '^FAILED .* under sojourn: .*ended early, status 1' "$work/out"
}
check a_broken_monitor_is_reported broken
exit $failed
