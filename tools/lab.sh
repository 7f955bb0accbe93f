#!/bin/sh
# usage: tools/lab.sh [SOJOURN]        (make lab N=... SEED=...)
#
# The nightly size of every comparison with an outside oracle (doc/oracles.md), one after the other
# on one core; prints each suite's failures and a summary with rates and seeds. From the environment:
#     N=n        trials of single instructions, spread over the lines of isa/ (default 100000000);
#                sequences N/100; trials at EL1 N/100 of each kind
#     SEED=n     first seed (default: the day's number, so that each night has its own)
#     ONLY="..." some of: random seq el1 decode fp (default all)
#     CHUNK=n    trials of single instructions for each seed (default 10000000)
#     K=n        states for each word of them (default 8)
set -u
cd "$(dirname "$0")/.."
sojourn=${1:-out/rel/sojourn}
build=$(dirname "$sojourn")
total=${N:-100000000}
seed=${SEED:-$(($(date +%s) / 86400))}
chunk=${CHUNK:-10000000}
log=$build/lab
mkdir -p "$log"
states=${K:-8}
# Trials for each word that a line gets; UNDEFINED gets 20 words with one state each.
lines=$(($(grep -c '^    A64_[A-Za-z0-9_]*,$' "$build/gen/a64_ops.h") * states + 20))
failed=0
summary=$log/summary
: >"$summary"

# suite NAME COMMAND...: runs it, keeps its output, shows what is not ok.
suite() {
    name=$1
    shift
    start=$(date +%s)
    echo "== $name: $*"
    env "$@" >"$log/$name.log" 2>&1
    status=$?
    seconds=$(($(date +%s) - start))
    grep -v '^ok ' "$log/$name.log" | tail -n 60
    [ $status -eq 0 ] || [ $status -eq 77 ] || failed=$((failed + 1))
    printf '%-16s status %d, %d s: %s\n' "$name" $status $seconds "$(tail -n 1 "$log/$name.log")" \
        >>"$summary"
}

for what in ${ONLY:-random seq el1 decode fp}; do
    case $what in
    random)
        left=$total n=$seed
        while [ "$left" -gt 0 ]; do
            now=$chunk
            [ "$left" -gt "$chunk" ] || now=$left
            suite "random.$n" "N=$((now / lines + 1))" "K=$states" "SEED=$n" LIMIT=7200 \
                tests/isa/random/random.sh "$build"
            left=$((left - now)) n=$((n + 1))
        done
        ;;
    seq) suite seq "N=$((total / 100 + 1))" "SEED=$seed" tests/seq/run.sh "$sojourn" ;;
    el1) suite el1 "N=$((total / 100 + 1))" "SEED=$seed" tests/el1/run.sh "$sojourn" ;;
    decode | fp)
        if [ -x "tests/$what/run.sh" ]; then
            suite "$what" N=full "SEED=$seed" "tests/$what/run.sh" "$sojourn"
        else
            echo "$what: no tests/$what/run.sh" >>"$summary"
        fi
        ;;
    *)
        echo "lab.sh: no suite '$what'" >&2
        exit 2
        ;;
    esac
done
echo "== summary (N=$total SEED=$seed), logs in $log"
cat "$summary"
[ $failed -eq 0 ]
