#!/bin/bash
# usage: tests/boot/run.sh [SOJOURN [TEST...]]
#
# Boots Debian's stock arm64 kernels and checks what they see of the machine: the kernels' logs, the
# console, disks (ext4 image with Debian programs, discard, several queues, durability after a kill of
# the monitor), the network in both directions, entropy, power key, reset. All of it with the
# translator; again, with the interpreter, what executes most. One line per test: ok ENGINE/NAME |
# not ok ENGINE/NAME | skip ENGINE/NAME reason; the last line counts them. ENGINE from the environment:
# the whole with that one.
# modes: rel asan tsan
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
sojourn=$(realpath "${1:-$root/out/rel/sojourn}")
shift $(($# > 0 ? 1 : 0))
if [ -z "${ENGINE:-}" ]; then
    status=0
    ENGINE=jit "$0" "$sojourn" "$@" || status=1
    [ $# -gt 0 ] || set -- kernel_cloud_reaches_user_space kernel_cloud_boots_in_time \
        smp_two_vcpus_are_seen smp_vcpus_are_unplugged_and_plugged smp_parallel_load_is_right \
        smp_clusters_are_told smp_stolen_time_is_told smp_turns_repeat \
        debian_programs_print_the_expected every_device_at_once
    ENGINE=interp "$0" "$sojourn" "$@" || status=1
    exit $status
fi
only=" $* "
# With sanitizers one guest that uses every device at once is what the time allows.
case ${BUILD:-} in */asan | */tsan) only=" every_device_at_once " ;; esac
export TSAN_OPTIONS="${TSAN_OPTIONS:-} suppressions=$root/tests/tsan.supp"
# The suppressions name functions, so the sanitizer must find its symbolizer.
symbolizer=$(command -v llvm-symbolizer-14 || command -v llvm-symbolizer) &&
    TSAN_OPTIONS="$TSAN_OPTIONS external_symbolizer_path=$symbolizer"
guest=$root/tools/guest
work=$(mktemp -d)
cleanup() {
    [ "$BASHPID" = $$ ] || return # a subshell that was killed before it was one
    kill $(jobs -p) 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)); echo "ok $ENGINE/$1"; }
skip() { skipped=$((skipped + 1)); echo "skip $ENGINE/$1 $2"; }
not_ok() { # NAME TEXT...: with the end of the guest's console for the reader
    failed=$((failed + 1))
    echo "not ok $ENGINE/$1"
    shift
    printf '# %s\n' "$@"
    tail -n 15 "$work/console" 2>/dev/null | tr -d '\r' | sed 's/^/# console: /'
}
wanted() { [ "$only" = "  " ] || case $only in *" $1 "*) ;; *) return 1 ;; esac; }

# boot FLAVOUR SECONDS COMMAND [OPTION...]: runs COMMAND in the guest; its output is in $work/out, the
# console in $work/console, its status in $told, the monitor's in $status.
boot() {
    local flavour=$1 limit=$2 command=$3 kernel
    shift 3
    kernel=$("$guest/fetch-kernel" "$flavour") || return 1
    "$guest/make-initramfs" --kernel "$flavour" --command "$command" "$work/initrd" || return 1
    rm -f "$work/console"
    status=0
    timeout "$limit" "$sojourn" run --engine "$ENGINE" --kernel "$kernel/vmlinuz" \
        --initrd "$work/initrd" --memory 1G \
        --append "console=ttyAMA0 panic=-1 oops=panic" --no-reboot --console "file:$work/console" \
        --hvc stdio --stats "$work/stats" "$@" </dev/null >"$work/out" 2>"$work/err" || status=$?
    told=$(tr -d '\r' <"$work/console" | sed -n 's/.*sojourn: status \([0-9]*\)$/\1/p' | tail -n 1)
}

# The kernel's log has none of the words that announce trouble.
log_is_clean() {
    ! tr -d '\r' <"$work/console" | grep -E -q \
        'WARNING:|BUG:|Oops|Unable to handle|Call trace|rcu.*stall|soft lockup|INFO: task|Internal error|Kernel panic'
}

# expect NAME COMMAND OUTPUT [FLAVOUR [OPTION...]]: the command prints exactly OUTPUT and succeeds.
expect_output() {
    local name=$1 command=$2 output=$3 flavour=${4:-cloud}
    wanted "$name" || return 0
    shift $(($# < 4 ? 3 : 4))
    boot "$flavour" 120 "$command" "$@"
    if [ "$status" != 0 ] || [ "$told" != 0 ]; then
        not_ok "$name" "monitor status $status, command status ${told:-none}" "$(cat "$work/err")"
    elif [ "$(cat "$work/out")" != "$output" ]; then
        not_ok "$name" "printed: $(cat "$work/out")" "expected: $output"
    elif ! log_is_clean; then
        not_ok "$name" "the kernel's log reports trouble"
    else
        ok "$name"
    fi
}

for flavour in cloud generic; do
    expect_output "kernel_${flavour}_reaches_user_space" 'uname -m; cat /proc/cpuinfo | head -3 | wc -l' \
        "$(printf 'aarch64\n3')" $flavour
done

# Under 60 seconds even with the interpreter: the first user process' time on the kernel's clock.
name=kernel_cloud_boots_in_time
if wanted $name; then
    boot cloud 120 true
    seconds=$(tr -d '\r' <"$work/console" | sed -n 's/^\[ *\([0-9]*\)\..*Run \/init as init.*/\1/p')
    if [ -n "$seconds" ] && [ "$seconds" -lt 60 ]; then ok $name; else not_ok $name "took '$seconds' s"; fi
fi

# ---- Several vCPUs ----

expect_output smp_two_vcpus_are_seen \
    'grep -c ^processor /proc/cpuinfo; cat /sys/devices/system/cpu/online; nproc' "$(printf '2\n0-1\n2')" cloud --cpus 2
# Unplugged, plugged again five times, and at work in between.
expect_output smp_vcpus_are_unplugged_and_plugged \
    'cd /sys/devices/system/cpu; for n in 1 2 3 4 5; do for c in 1 2 3; do echo 0 >cpu$c/online; done; cat online;
        for c in 3 1 2; do echo 1 >cpu$c/online; done; cat online; taskset 8 true && echo ran; done' \
    "$(for _ in 1 2 3 4 5; do printf '0\n0-3\nran\n'; done)" cloud --cpus 4
# Interrupts between vCPUs, timers of each, and a parallel load whose result is known.
expect_output smp_parallel_load_is_right \
    'for n in 1 2 3 4; do (seq 1 20000 | md5sum) & done; wait' \
    "$(for _ in 1 2 3 4; do seq 1 20000 | md5sum; done)" cloud --cpus 4
expect_output smp_clusters_are_told \
    'cd /sys/devices/system/cpu; cat cpu0/topology/physical_package_id cpu17/topology/physical_package_id cpu17/topology/core_id' \
    "$(printf '0\n0\n1')" cloud --cpus 18
# Two busy vCPUs on one processor of the host miss half of the time, and are told.
if ! [ -r /proc/thread-self/schedstat ]; then
    skip smp_stolen_time_is_told "the host keeps no statistics of its scheduler"
elif wanted smp_stolen_time_is_told; then
    processors=$(taskset -pc $$ | sed 's/.*: //')
    taskset -pc "${processors%%[-,]*}" $$ >/dev/null
    expect_output smp_stolen_time_is_told \
        'for n in 1 2; do timeout 3 sh -c "while :; do :; done" & done; wait
            set -- $(grep "^cpu " /proc/stat); [ $9 -gt 50 ] && echo told || echo "$@"' told cloud --cpus 2
    taskset -pc "$processors" $$ >/dev/null
fi
# In turns on one thread two runs are alike to the last bit.
name=smp_turns_repeat
if wanted $name; then
    kernel=$("$guest/fetch-kernel" cloud)
    "$guest/make-initramfs" --kernel cloud --command 'cat /sys/devices/system/cpu/online' "$work/initrd"
    hashes=
    for _ in 1 2; do # without virtio devices, whose threads answer when they do
        rm -f "$work/console"
        hashes="$hashes $(timeout 120 "$sojourn" run --engine "$ENGINE" --cpus 2 --clock counted:5 --no-rng --kernel "$kernel/vmlinuz" \
            --initrd "$work/initrd" --append "console=ttyAMA0 panic=-1" --no-reboot --console "file:$work/console" --stats - \
            </dev/null 2>&1 | sed -n 's/.*_hash //p' | tr '\n' ' ')"
    done
    set -- $hashes
    if [ $# = 4 ] && [ "$1 $2" = "$3 $4" ]; then ok $name; else not_ok $name "$hashes"; fi
fi

expect_output command_status_is_told 'sh -c "exit 0"; echo done' done
expect_output entropy_device_gives_bytes 'head -c 512 /dev/hwrng | wc -c; cat /sys/class/misc/hw_random/rng_current' \
    "$(printf '512\nvirtio_rng.0')"
expect_output no_rng_removes_the_device '[ -z "$(cat /sys/class/misc/hw_random/rng_available)" ] && echo none' none cloud --no-rng
expect_output realtime_clock_is_right \
    "[ \$((\$(date +%s) - $(date +%s))) -lt 60 ] && [ \$((\$(date +%s) - $(date +%s))) -ge 0 ] && echo right" right
expect_output sleep_takes_its_time 'a=$(cut -d. -f1 /proc/uptime); sleep 3; b=$(cut -d. -f1 /proc/uptime); [ $((b - a)) -ge 3 ] && [ $((b - a)) -le 5 ] && echo right' right

# ---- Disks ----

# fresh_disk MEGABYTES: a sparse raw file in $disk
fresh_disk() { disk=$work/disk.img; rm -f "$disk"; truncate -s "$1M" "$disk"; }

if wanted disk_serial_size_and_queues; then
    fresh_disk 64
    expect_output disk_serial_size_and_queues \
        'cat /sys/block/vda/serial; echo; cat /sys/block/vda/size; ls /sys/block/vda/mq | wc -l' \
        "$(printf 'ABC-123\n131072\n1')" cloud --disk "$disk,serial=ABC-123,queues=1"
fi
if wanted disk_data_reaches_the_file; then
    fresh_disk 64
    expect_output disk_data_reaches_the_file \
        'seq 1 2000000 >/tmp/x; dd if=/tmp/x of=/dev/vda bs=64k conv=fsync 2>/dev/null; wc -c </tmp/x' \
        14888896 cloud --disk "$disk"
    if cmp -s -n 14888896 <(seq 1 2000000) "$disk"; then ok disk_file_has_the_data; else not_ok disk_file_has_the_data; fi
fi
if wanted disk_readonly_refuses_writes; then
    fresh_disk 64
    expect_output disk_readonly_refuses_writes \
        'cat /sys/block/vda/ro; (echo x >/dev/vda) 2>/dev/null || echo refused' "$(printf '1\nrefused')" cloud --disk "$disk,readonly"
fi
if wanted disk_ephemeral_leaves_the_file_untouched; then
    fresh_disk 64
    before=$(sha256sum <"$disk")
    expect_output disk_ephemeral_leaves_the_file_untouched \
        'mke2fs -q /dev/vda >/dev/null; mkdir -p /mnt; mount -t ext4 /dev/vda /mnt && echo hello >/mnt/a && sync && cat /mnt/a' hello cloud --disk "$disk,ephemeral"
    if [ "$(sha256sum <"$disk")" = "$before" ]; then ok disk_file_is_unchanged; else not_ok disk_file_is_unchanged; fi
fi
if wanted disk_discard_gives_space_back; then
    fresh_disk 64
    dd if=/dev/urandom of="$disk" bs=1M count=64 conv=notrunc status=none
    expect_output disk_discard_gives_space_back 'blkdiscard /dev/vda && echo discarded' discarded cloud --disk "$disk"
    if [ "$(du -k "$disk" | cut -f1)" -lt 1024 ]; then ok disk_space_is_back; else not_ok disk_space_is_back; fi
fi

# What a guest's sync promised is in the file although the monitor is killed at once afterwards.
name=disk_survives_kill_after_sync
if wanted $name; then
    fresh_disk 64
    mke2fs -q -t ext4 "$disk"
    kernel=$("$guest/fetch-kernel" cloud)
    "$guest/make-initramfs" --kernel cloud --command \
        'mkdir -p /mnt; mount -t ext4 /dev/vda /mnt; n=0; while :; do n=$((n+1)); seq 1 20000 | sed "s/^/$n /" >/mnt/f$n; sync; echo "synced $n"; done' "$work/initrd"
    rm -f "$work/console"
    "$sojourn" run --engine "$ENGINE" --kernel "$kernel/vmlinuz" --initrd "$work/initrd" \
        --append "console=ttyAMA0" --console "file:$work/console" --hvc "file:$work/hvc" --disk "$disk" </dev/null 2>"$work/err" &
    monitor=$!
    for _ in $(seq 600); do
        grep -q 'synced 5' "$work/hvc" 2>/dev/null && break
        sleep 0.1
    done
    kill -9 $monitor
    wait $monitor 2>/dev/null
    synced=$(tr -d '\r' <"$work/hvc" | sed -n 's/^synced \([0-9]*\)$/\1/p' | tail -n 1)
    bad=
    for n in $(seq 1 "${synced:-0}"); do
        debugfs -R "cat /f$n" "$disk" 2>/dev/null | cmp -s - <(seq 1 20000 | sed "s/^/$n /") || bad="$bad $n"
    done
    cp "$disk" "$work/fsck.img"
    e2fsck -fy "$work/fsck.img" >"$work/fsck" 2>&1
    fsck=$?
    if [ "${synced:-0}" -ge 5 ] && [ -z "$bad" ] && [ $fsck -le 1 ]; then
        ok $name
    else
        not_ok $name "synced '$synced', damaged files:$bad, e2fsck $fsck"
    fi
fi

# 64 damaged ext4 images, 16 at a time: whatever the guest makes of them, machine and monitor live on.
name=damaged_disks_are_survived
if wanted $name; then
    seed=${SEED:-$RANDOM}
    echo "# SEED=$seed"
    RANDOM=$seed
    fresh_disk 4
    mke2fs -q -t ext4 "$disk"
    bad=
    for round in 1 2 3 4; do
        disks=()
        for n in $(seq 16); do
            image=$work/damaged$n.img
            cp --sparse=always "$disk" "$image"
            for _ in $(seq $((1 + RANDOM % 40))); do # most damage where the metadata is
                printf "\\x$(printf %02x $((RANDOM % 256)))" |
                    dd of="$image" bs=1 seek=$(((RANDOM % 4 ? 1024 : 0) + (RANDOM * 32768 + RANDOM) % 262144)) conv=notrunc status=none
            done
            disks+=(--disk "$image,queues=1")
        done
        boot cloud 120 'mkdir -p /mnt; for d in /dev/vd?; do mount -t ext4 -o errors=continue $d /mnt 2>/dev/null && { ls -lR /mnt; echo x >/mnt/x; umount /mnt; } >/dev/null 2>&1; done; ls /dev/vd? | wc -l' "${disks[@]}"
        [ "$status" = 0 ] && [ "$(cat "$work/out")" = 16 ] || bad="$bad round $round: status $status, $(cat "$work/out" "$work/err");"
    done
    rm -f "$work"/damaged*
    if [ -z "$bad" ]; then ok $name; else not_ok $name "$bad"; fi
fi

# Debian's own perl, python3, gcc, openssl, sqlite3 from an ext4 image print what they print elsewhere.
name=debian_programs_print_the_expected
if wanted $name; then
    if image=$("$guest/make-rootfs" 2>"$work/err"); then
        kernel=$("$guest/fetch-kernel" cloud)
        "$guest/make-initramfs" --kernel cloud "$work/initrd"
        rm -f "$work/console" "$work/hvc"
        status=0
        timeout 300 "$sojourn" run --engine "$ENGINE" --kernel "$kernel/vmlinuz" --initrd "$work/initrd" --memory 1G \
            --append "console=ttyAMA0 panic=-1 oops=panic root=/dev/vda rw" --disk "$image,ephemeral" --no-reboot \
            --console "file:$work/console" --hvc "file:$work/hvc" </dev/null 2>"$work/err" || status=$?
        if [ $status = 0 ] && cmp -s "$work/hvc" "$guest/workloads.expected" && log_is_clean; then
            ok $name
        else
            not_ok $name "monitor status $status" "$(diff "$work/hvc" "$guest/workloads.expected" | head -n 10)"
        fi
    else
        not_ok $name "no image: $(tail -n 3 "$work/err")"
    fi
fi

# ---- Network ----

free_port() { # prints a TCP port that nobody listens on
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo $port; return; }
    done
}

expect_output net_user_gets_an_address 'ip -4 addr show eth0 | grep -o "inet [0-9.]*"; cat /sys/class/net/eth0/address' \
    "$(printf 'inet 10.0.2.15\n52:54:00:12:34:56')" cloud --net user

name=net_forward_reaches_the_guest
if wanted $name; then
    port=$(free_port)
    : >"$work/out"
    ( # waits for the guest's word, then asks it
        for _ in $(seq 600); do
            grep -q serving "$work/out" && break
            sleep 0.1
        done
        exec 3<>"/dev/tcp/127.0.0.1/$port"
        printf 'GET /big HTTP/1.0\r\n\r\n' >&3
        timeout 20 cat <&3 >"$work/reply"
    ) &
    boot cloud 120 'mkdir /www; seq 1 300000 >/www/big; httpd -p 80 -h /www; echo serving; sleep 12' \
        --net "user,forward=tcp:127.0.0.1:$port:80"
    wait
    if sed '1,/^\r*$/d' "$work/reply" 2>/dev/null | cmp -s - <(seq 1 300000); then
        ok $name
    else
        not_ok $name "reply of $(wc -c <"$work/reply" 2>/dev/null) bytes" "$(cat "$work/err")"
    fi
fi

name=net_guest_reaches_the_host
if wanted $name; then
    if command -v python3 >/dev/null; then
        port=$(free_port)
        mkdir -p "$work/www"
        seq 1 300000 >"$work/www/data"
        (cd "$work/www" && exec python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1) &
        server=$!
        sleep 1
        expect_output $name "wget -q -O - http://10.0.2.2:$port/data | md5sum" \
            "$(md5sum <"$work/www/data")" cloud --net user
        kill $server
        wait $server 2>/dev/null
    else
        skip $name "python3 is not installed"
    fi
fi

name=every_device_at_once
if wanted $name; then
    fresh_disk 64
    dd if=/dev/urandom of="$disk" bs=1M count=32 conv=notrunc status=none
    sum=$(head -c 16777216 "$disk" | md5sum)
    boot cloud 500 'head -c 100000 /dev/hwrng | wc -c & ping -c 3 -W 20 10.0.2.2 >/dev/null && echo pong &
        dd if=/dev/zero of=/dev/vda bs=64k seek=512 count=256 conv=fsync 2>/dev/null &
        dd if=/dev/vda bs=1M count=16 2>/dev/null | md5sum; wait; echo end' \
        --disk "$disk" --net user --rng
    if [ "$status" = 0 ] && [ "$(sort "$work/out" | tr '\n' ' ')" = "$(printf '%s\n' 100000 end pong "$sum" | sort | tr '\n' ' ')" ] &&
        ! grep -v "^LLVMSymbolizer" "$work/err" | grep -q .; then
        ok $name
    else
        not_ok $name "monitor status $status" "$(cat "$work/out")" "$(head -n 40 "$work/err")"
    fi
fi

# ---- Power ----

name=reset_restarts_the_guest
if wanted $name; then
    kernel=$("$guest/fetch-kernel" cloud)
    "$guest/make-initramfs" --kernel cloud --command 'reboot -f' "$work/initrd"
    rm -f "$work/console"
    timeout 40 "$sojourn" run --engine "$ENGINE" --kernel "$kernel/vmlinuz" --initrd "$work/initrd" --append console=ttyAMA0 \
        --console "file:$work/console" --hvc null </dev/null 2>"$work/err"
    boots=$(grep -c 'Booting Linux on physical CPU' "$work/console")
    if [ "$boots" -ge 2 ]; then ok $name; else not_ok $name "$boots boots"; fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
