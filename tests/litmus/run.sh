#!/bin/sh
# Litmus tests: Arm's memory model, exclusives and atomic operations between 2, 3 and 4 vCPUs.
# doc/testing-lab.md says what is in it.
#
#   tests/litmus/run.sh BIN
#
# Environment: ENGINES (as --engine has them; all), N (runs of each test, 10000, which are 6 million
# in all; 10000000 for a long run), ROUNDS (of each loop of atomics.c and vCPU, 2 N), SEED (1), CPUS
# ("2 3 4"), TIMEOUT (seconds for each run), KEEP (folder for the image and logs, kept), CROSS
# (prefix of the compiler), RUN_ARGS (more arguments for BIN).
#
# modes: rel
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=${1:?usage: run.sh BIN}
cross=${CROSS-aarch64-linux-gnu-}
n=${N:-10000}
rounds=${ROUNDS:-$((n * 2))}
limit=${TIMEOUT:-$((120 + n / 1000))}
engines=${ENGINES:-$(sed -n 's/^ENGINE("\([^"]*\)".*/\1/p' "$here/../../src/engine/engines.def")}

command -v "${cross}gcc" >/dev/null 2>&1 || {
    echo "skip litmus no ${cross}gcc"
    exit 0
}
if [ -n "${KEEP:-}" ]; then
    out=$KEEP
    mkdir -p "$out"
else
    out=$(mktemp -d) || exit 2
    trap 'rm -rf "$out"' EXIT
fi

"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -o "$out/litmus" "$here/litmus.c" "$here/model.c" || exit 2
"$out/litmus" gen >"$out/tests.S" || exit 2
# -O1: at -O2 GCC unrolls the loops that wait; no outcome depends on it.
for f in "$here/start.S" "$here/guest.c" "$here/atomics.c" "$out/tests.S"; do
    "${cross}gcc" -std=gnu11 -O1 -Wall -Wextra -ffreestanding -fno-builtin -fno-pic -fno-pie \
        -fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -mno-outline-atomics \
        -mgeneral-regs-only -march=armv8.4-a -I"$here" -DRUNS="$n" -DROUNDS="${rounds}ul" \
        -DSEED="${SEED:-1}ul" -c -o "$out/$(basename "${f%.*}").o" "$f" || exit 2
done
"${cross}ld" --no-warn-rwx-segments -T "$here/guest.ld" -o "$out/guest.elf" "$out/start.o" \
    "$out/guest.o" "$out/atomics.o" "$out/tests.o" || exit 2
"${cross}objcopy" -O binary "$out/guest.elf" "$out/guest.bin" || exit 2

failed=0
"$out/litmus" verdicts || failed=1
for engine in $engines; do
    if "$bin" run --engine "$engine" --cpus 2 --kernel /dev/null 2>&1 </dev/null |
        grep -q 'runs one virtual CPU'; then
        echo "skip litmus,$engine the engine runs one virtual CPU"
        continue
    fi
    : >"$out/$engine.log"
    for cpus in ${CPUS:-2 3 4}; do
        rm -f "$out/console"
        # shellcheck disable=SC2086
        timeout "$limit" "$bin" run --kernel "$out/guest.bin" --console "file:$out/console" --no-rng \
            --quiet --memory 128 --cpus "$cpus" --engine "$engine" ${RUN_ARGS:-} </dev/null >"$out/err" 2>&1
        status=$?
        [ $status -eq 0 ] || echo "    $engine, $cpus vCPUs: status $status: $(head -c 500 "$out/err")"
        # Every loop of atomics.c is a test of its own for each number of vCPUs.
        sed "s/^\([AK]\) \([^ ]*\)/\1 \2,cpus=$cpus/" "$out/console" >>"$out/$engine.log"
    done
    "$out/litmus" check "$out/$engine.log" "$engine" "${CPUS:-2 3 4}" || failed=1
done
exit $failed
