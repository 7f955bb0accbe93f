#!/bin/sh
# usage: tools/lab.sh [SOJOURN]        (make lab N=... SEED=...)
#
# The nightly size of every comparison with an outside oracle (doc/oracles.md), one after the other
# on one core; prints each suite's failures and a summary with rates and seeds. From the environment:
#     N=n        trials of single instructions, spread over the lines of isa/ (default 100000000),
#                at EL0 (random) and again at EL1 (unicorn); sequences N/1000, each with K states;
#                trials at EL1 with system registers (el1) N/100 of each kind
#                From 10^7 on, all words of the decoder and the full floating point (hours); below
#                that their usual sizes.
#     E=NAMES    engines (default: the interpreter and the translator, which for what runs at EL0 is
#                tried in both forms of host code)
#     SEED=n     first seed (default: the day's number, so that each night has its own)
#     ONLY="..." some of: random unicorn seq el1 decode fp (default all)
#     CHUNK=n    trials of single instructions for each seed (default 10000000; unicorn 1000000,
#                because Unicorn forgets no translation, and slows down)
#     K=n        states for each word and sequence (default 8)
set -u
cd "$(dirname "$0")/.."
sojourn=${1:-out/rel/sojourn}
build=$(dirname "$sojourn")
total=${N:-100000000}
seed=${SEED:-$(($(date +%s) / 86400))}
states=${K:-8}
[ "$total" -ge 10000000 ] && full=N=full || full=
log=$build/lab
mkdir -p "$log"
# Trials for each word that every line gets: UNDEFINED gets 20 words with one state, some lines are
# not compared.
lines=$((($(grep -c '^    A64_[A-Za-z0-9_]*,$' "$build/gen/a64_ops.h") - 6) * states))
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

# single NAME CHUNK COMMAND...: trials of single instructions, CHUNK for each seed.
single() {
    what=$1 chunk=$2
    shift 2
    left=$total n=$seed
    while [ "$left" -gt 0 ]; do
        now=$chunk
        [ "$left" -gt "$chunk" ] || now=$left
        suite "$what.$n" "N=$((now / lines + 1))" "K=$states" "SEED=$n" LIMIT=7200 "$@"
        left=$((left - now)) n=$((n + 1))
    done
}

for what in ${ONLY:-random unicorn seq el1 decode fp}; do
    case $what in
    random)
        for engine in ${E:-interp jit jit,stress=avx2}; do
            single "random-$engine" "${CHUNK:-10000000}" "E=$engine" tests/isa/random/random.sh "$build"
        done
        ;;
    unicorn) single unicorn "${CHUNK:-1000000}" tests/unicorn/run.sh "$sojourn" ;;
    seq)
        suite seq "N=$((total / 1000 + 1))" "K=$states" "SEED=$seed" LIMIT=7200 \
            tests/seq/run.sh "$sojourn"
        ;;
    el1) suite el1 "N=$((total / 100 + 1))" "SEED=$seed" TIMEOUT=7200 tests/el1/run.sh "$sojourn" ;;
    decode | fp)
        if [ -x "tests/$what/run.sh" ]; then
            suite "$what" -u N $full "SEED=$seed" "tests/$what/run.sh" "$sojourn"
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
