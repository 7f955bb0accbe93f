#!/bin/bash
# usage: tests/matrix/run.sh [SOJOURN [PROGRAM...]]
#
# Every program of tests/prog under every engine of src/engine/engines.def and every stress knob
# (src/engine/stress.h): what a guest sees must not depend on them. One line per pair: "ok PROGRAM
# ENGINE,KNOB", "not ok ...", and how to repeat it. From the environment, separated by spaces:
#     ENGINES    others than all
#     KNOBS      others than those below; "none" is no knob, which tests/prog has
# A translator is given longer between two flushes: it has more to do for an instruction that runs once.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
sojourn=$(realpath "${1:-$root/out/rel/sojourn}")
shift $(($# > 0 ? 1 : 0))
engines=${ENGINES:-$(sed -n 's/^ENGINE("\([^"]*\)".*/\1/p' "$root/src/engine/engines.def")}
limit=${TIMEOUT:-120}

if ! command -v "${CROSS-aarch64-linux-gnu-}gcc" >/dev/null; then
    echo "skip matrix no ${CROSS-aarch64-linux-gnu-}gcc"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
KEEP=$work BUILD_ONLY=1 "$root/tests/prog/run.sh" "$sojourn" "$@" | grep '^not ok'
programs=$(cd "$work" && ls ./*.bin | sed 's,^\./,,; s,\.bin$,,')
[ -n "$programs" ] || { echo "not ok matrix no program was built"; exit 1; }

# knobs_of ENGINE
knobs_of() {
    case $1 in
        jit) echo tlb1 code1 evict nofast poll preempt flush:2000 nochain avx2 nochain+avx2+preempt:7 evict+preempt:5 nogroups nogroups+noflags+noputs+nodead \
            tlb1+code1+nofast+poll+preempt:9 tlb1+code1+nofast+poll+preempt:9+nochain+avx2 ;;
        *) echo tlb1 code1 nofast poll preempt flush:300 tlb1+code1+nofast+poll+preempt:9 ;;
    esac
}

failed=0
for engine in $engines; do
    for knob in ${KNOBS:-$(knobs_of "$engine")}; do
        spec=$engine,stress=$knob
        [ "$knob" != none ] || spec=$engine
        for name in $programs; do
            image=$work/$name.bin
            case $name in elf_*) image=$work/$name.elf ;; esac
            rm -f "$work/log"
            timeout "$limit" "$sojourn" run --kernel "$image" --console "file:$work/log" --no-rng \
                --quiet --engine "$spec" </dev/null >"$work/err" 2>&1
            status=$?
            if [ $status -eq 0 ] && grep -q '^SUCCESS' "$work/log" 2>/dev/null; then
                echo "ok $name $spec"
                continue
            fi
            failed=$((failed + 1))
            echo "not ok $name $spec (status $status)"
            cat "$work/err" "$work/log" 2>/dev/null | tail -n 20 | sed 's/^/# /'
            echo "# ENGINES=$engine KNOBS=$knob tests/matrix/run.sh $sojourn $name"
        done
    done
done
[ $failed -eq 0 ]
