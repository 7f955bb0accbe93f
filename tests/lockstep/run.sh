#!/bin/bash
# usage: tests/lockstep/run.sh [SOJOURN]
#
# Two machines that must be equal to the last bit, compared with tools/lockstep; and faults planted
# in one of them, which must be found at the very instruction (doc/testing-lab.md). From the
# environment:
#     N      instructions of each Linux boot in lock-step (default 200000000)
#     A, B   the engines that boot it (default interp; and interp with knobs, and then jit)
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
sojourn=$(realpath "${1:-$root/out/rel/sojourn}")
lockstep=$(dirname "$sojourn")/lockstep
instructions=${N:-200000000}
a=${A:-interp}
cross=${CROSS-aarch64-linux-gnu-}
cd "$root" || exit 1 # where the tool finds isa/a64.isa
if ! command -v "${cross}gcc" >/dev/null; then
    echo "skip lockstep no ${cross}gcc"
    exit 77
fi
[ -x "$lockstep" ] || { echo "not ok lockstep is not built"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
ok() { echo "ok $1"; }
not_ok() { # NAME: with what the tool printed last
    failed=$((failed + 1))
    echo "not ok $1"
    tail -n 30 "$work/out" | sed 's/^/# /'
}

# compare OPTION...: the tool's exit status; what it printed is in $work/out
compare() { timeout 600 "$lockstep" "$@" >"$work/out" 2>&1 </dev/null; }
# equal NAME OPTION...
equal() {
    local name=$1
    shift
    if compare "$@"; then ok "$name"; else not_ok "$name"; fi
}
# said PATTERN: the part of the tool's output that the group of the pattern matches
said() { sed -n "s/^$1.*/\1/p" "$work/out" | head -n 1; }

# ---- Programs in lock-step ----

KEEP=$work BUILD_ONLY=1 tests/prog/run.sh "$sojourn" | grep '^not ok'
all=stress=tlb1+code1+nofast+poll+preempt
for image in "$work"/*.bin; do
    name=$(basename "$image" .bin)
    case $name in elf_*) image=$work/$name.elf ;; esac
    for b in interp,$all jit jit,$all+nochain jit,stress=evict+preempt:3; do
        equal "equal_$name,$b" --kernel "$image" --b $b --chunk 17 --instructions 2000000
    done
done
for name in mmu_tlb switch exc_el0; do
    for b in interp,stress=flush:7 jit,stress=flush:50+avx2; do
        equal "equal_$name,$b" --kernel "$work/$name.bin" --a interp,stress=nofast --b $b --chunk 16 \
            --instructions 400000
    done
done

# ---- Each run is like the others, with threads and without ----

hashes() { # STATISTICS
    sed -n 's/^\(state\|ram\)_hash //p; s/^vcpu0.instructions //p' "$1" | tr '\n' ' '
}
for name in timer switch gic; do
    n=0
    for engine in interp jit; do
        n=$((n + 1))
        "$sojourn" run --kernel "$work/$name.bin" --no-rng --memory 64M --clock counted:5 \
            --engine $engine --console "file:$work/console$n" --stats "$work/stats$n" </dev/null
    done
    compare --kernel "$work/$name.bin" --memory 64M --seed 5 --b interp,stress=preempt
    sed -n 's/^equal: \([0-9]*\) instructions, state \([^,]*\), RAM \([^,]*\),.*/\1 \2 \3 /p' \
        "$work/out" >"$work/lockstep"
    if [ "$(hashes "$work/stats1")" = "$(hashes "$work/stats2")" ] &&
        cmp -s "$work/console1" "$work/console2" &&
        [ "$(hashes "$work/stats1")" = "$(cat "$work/lockstep")" ]; then
        ok "reproducible_$name"
    else
        echo "# $(hashes "$work/stats1")/ $(hashes "$work/stats2")/ $(cat "$work/lockstep")"
        not_ok "reproducible_$name"
    fi
done

# ---- Planted faults ----

"${cross}gcc" -march=armv8.6-a+crypto -c -o "$work/chain.o" tests/lockstep/chain.S &&
    "${cross}objcopy" -O binary -j .text "$work/chain.o" "$work/chain" ||
    { echo "not ok chain does not build"; exit 1; }
chain=(--kernel "$work/chain" --memory 16M)

# The instructions that chain.S names in its comments, and two branches, in either engine: the other
# machine has the translator.
n=0
for name in $(sed -n 's,.*// \([A-Z0-9]*\(_[a-z0-9_]*\)*\)$,\1,p' tests/lockstep/chain.S) CBNZ B; do
    from=80004 # the chain begins
    [ "$name" != CBNZ ] || from=70000
    n=$((n + 1))
    base=interp
    [ $((n % 2)) -eq 0 ] || base=jit
    compare "${chain[@]}" --instructions 150000 --a jit --b "$base,fault=$name:5@$from"
    status=$?
    planted=$(said 'planted in B: instruction \([0-9]*\)')
    found=$(said 'the first difference is after instruction \([0-9]*\)')
    row=$(said 'row: \([A-Za-z0-9_]*\)')
    line=$(said 'row: [^ ]* (isa\/a64.isa:\([0-9]*\))')
    if [ $status -eq 1 ] && [ -n "$planted" ] && [ "$planted" = "$found" ] && [ "$row" = "$name" ] &&
        sed -n "${line}p" isa/a64.isa | grep -q "^$name "; then
        ok "finds_$name"
    else
        not_ok "finds_$name"
    fi
done

# A translation that stays is found where it is used, which no saved state would show.
for base in interp jit; do
    compare --kernel "$work/mmu_tlb.bin" --b $base,fault=lost-tlbi@1000000 --instructions 3000000
    if [ $? -eq 1 ] &&
        [ "$(said 'the first difference is after instruction \([0-9]*\)')" -gt 1000000 ]; then
        ok finds_lost_tlbi,$base
    else
        not_ok finds_lost_tlbi,$base
    fi
done
compare "${chain[@]}" --instructions 150000 --b interp,fault=crash@70000
if [ $? -eq 1 ] && grep -q 'after instruction 70001$' "$work/out"; then ok finds_crash; else not_ok finds_crash; fi
compare "${chain[@]}" --chunk 3 --ram-every 1 --timeout 1 --b interp,fault=hang@200 --instructions 300
if [ $? -eq 1 ] && grep -q 'after instruction 201$' "$work/out"; then ok finds_hang; else not_ok finds_hang; fi
compare "${chain[@]}" --b interp,fault=NOSUCH:1
if [ $? -eq 2 ]; then ok refuses_unknown_fault; else not_ok refuses_unknown_fault; fi

# ---- Linux ----

if kernel=$(tools/guest/fetch-kernel cloud 2>"$work/out") &&
    tools/guest/make-initramfs --command 'while :; do ls -lR /proc/self /dev | sort >/tmp/x; done' \
        "$work/initrd" 2>"$work/out"; then
    for b in ${B:-interp,stress=tlb1+poll+preempt jit jit,stress=nochain+avx2+preempt jit,stress=evict}; do
        if compare --kernel "$kernel/vmlinuz" --initrd "$work/initrd" --append "console=ttyAMA0" \
            --a "$a" --b "$b" --instructions "$instructions"; then
            ok "linux_in_lockstep_$instructions,$b"
        else
            not_ok "linux_in_lockstep_$instructions,$b"
        fi
        sed 's/^/# /' "$work/out"
    done
else
    echo "skip linux_in_lockstep no kernel: $(tail -n 1 "$work/out")"
fi
[ $failed -eq 0 ]
