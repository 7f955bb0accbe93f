# Random damage: kernels, device trees and disks end in an error or in what the guest makes of them,
# never in a crash of the monitor.

rounds=${ROUNDS:-64}
echo "# damage: seed $seed, $rounds rounds of each kind (SEED=$seed repeats it)"
RANDOM=$seed

# damage FROM TO: up to 16 bytes changed; one in four cut off as well. Prefers the first 4 KiB, where
# headers are.
damage() {
    local size at i n=$((RANDOM % 16 + 1))
    size=$(stat -c %s "$1")
    cp "$1" "$2"
    for ((i = 0; i < n; i++)); do
        at=$(((RANDOM << 15 | RANDOM) % size))
        [ $((RANDOM % 2)) -eq 0 ] && at=$((at % 4096))
        printf "\\x$(printf %02x $((RANDOM % 256)))" | patch "$2" "$at"
    done
    [ $((RANDOM % 4)) -eq 0 ] && truncate -s $(((RANDOM << 15 | RANDOM) % size)) "$2"
    return 0
}

# round KIND NUMBER ARGS...: runs in the background, at most 2 s; leaves its status in a file.
round() {
    local id="$tmp/round.$1.$2"
    shift 2
    timeout -s TERM -k 10 2 "$bin" run -m 64M --console null "$@" </dev/null >/dev/null 2>"$id.err"
    echo $? >"$id.status"
}

verdict() { # KIND
    local i bad=
    for ((i = 0; i < rounds; i++)); do
        status=$(cat "$tmp/round.$1.$i.status" 2>/dev/null || echo none)
        case $status in
        [0-3] | 124 | 143) ;; # ended; or ran on until timeout's SIGTERM
        *) bad="$bad $i(status $status)" ;;
        esac
        grep -qs -e Sanitizer -e 'runtime error' "$tmp/round.$1.$i.err" && bad="$bad $i(sanitizer)"
        [ "$status" = 1 ] && [ "$(wc -l <"$tmp/round.$1.$i.err")" -ne 1 ] && bad="$bad $i(not one line)"
    done
    if [ -z "$bad" ]; then
        ok "$rounds damaged $1"
    else
        not_ok "$rounds damaged $1" "seed $seed, rounds:$bad" \
            "$(cat "$tmp"/round.$1.*.err | sort | uniq -c | sort -n | tail -3)"
    fi
}

# A guest that uses the machine: vectors do not matter, it prints, sleeps and powers off.
{ cat "$tmp/hello"; head -c 3000 /dev/zero; } >"$tmp/guest"
image "$tmp/guest" >"$tmp/good.0"
elf "$tmp/guest" >"$tmp/good.1"
gzip -c "$tmp/good.0" >"$tmp/good.2"
cp "$tmp/guest" "$tmp/good.3"
kinds=4
if [ -z "${KERNEL:-}" ]; then
    KERNEL=$(ls "${XDG_CACHE_HOME:-$HOME/.cache}"/sojourn/kernel/*cloud*/vmlinuz 2>/dev/null | head -n 1)
fi
if [ -n "$KERNEL" ]; then
    cp "$KERNEL" "$tmp/good.4"
    kinds=5
else
    skip 'damaged real kernels' 'there is no kernel; give KERNEL=FILE'
fi
for ((i = 0; i < rounds; i++)); do
    damage "$tmp/good.$((i % kinds))" "$tmp/damaged.$((i % 4))"
    round kernels "$i" --kernel "$tmp/damaged.$((i % 4))" &
    [ $((i % 4)) -eq 3 ] && wait
done
wait
verdict kernels

# The monitor's own device tree is not to be had from outside: a good one of dtc's, or the smallest.
dtb >"$tmp/good.dtb"
if command -v dtc >/dev/null; then
    dtc -q -I dts -O dtb -o "$tmp/good.dtb" - <<'DTS'
/dts-v1/;
/memreserve/ 0x41000000 0x1000;
/ {
    #address-cells = <2>; #size-cells = <2>; compatible = "linux,dummy-virt"; model = "x";
    chosen { bootargs = "old"; stdout-path = "/pl011@9000000"; rng-seed = <1 2 3 4>; };
    memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x1000000>; };
    cpus { #address-cells = <1>; #size-cells = <0>;
        cpu@0 { device_type = "cpu"; compatible = "arm,armv8"; reg = <0>; }; };
    pl011@9000000 { compatible = "arm,pl011", "arm,primecell"; reg = <0 0x9000000 0 0x1000>; };
};
DTS
fi
for ((i = 0; i < rounds; i++)); do
    damage "$tmp/good.dtb" "$tmp/damaged.$((i % 4))"
    round 'device-trees' "$i" --kernel "$tmp/off" --dtb "$tmp/damaged.$((i % 4))" --append x \
        --initrd "$tmp/guest" &
    [ $((i % 4)) -eq 3 ] && wait
done
wait
verdict 'device-trees'

zeroes 65536 >"$tmp/good.disk"
printf 'QFI\xfb' | patch "$tmp/good.disk" 0
for ((i = 0; i < rounds; i++)); do
    damage "$tmp/good.disk" "$tmp/damaged.$((i % 4))"
    round disks "$i" --kernel "$tmp/off" --disk "$tmp/damaged.$((i % 4))" &
    [ $((i % 4)) -eq 3 ] && wait
done
wait
verdict disks
