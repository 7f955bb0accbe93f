# Disk files: what cannot be used, and who may use one at the same time.

k=(--console null -m 16M --kernel "$tmp/off")
disk() { # NAME PATTERN VALUE
    fails "$1" 1 "--disk.*$2" run "${k[@]}" --disk "$3"
}

zeroes 1048576 >"$tmp/disk"
runs 'a disk' 0 run "${k[@]}" --disk "$tmp/disk"
runs 'a read-only disk' 0 run "${k[@]}" --disk "$tmp/disk,readonly"
runs 'an ephemeral disk with a serial' 0 run "${k[@]}" --disk "$tmp/disk,ephemeral,serial=abc"
zeroes 4096 >"$tmp/a,b"
runs 'a disk with a comma in its name' 0 run "${k[@]}" --disk "$tmp/a,,b"
many=()
for ((i = 0; i < 16; i++)); do
    zeroes 512 >"$tmp/d$i"
    many+=(--disk "$tmp/d$i")
done
runs '16 disks' 0 run "${k[@]}" "${many[@]}"

disk 'disk missing' "'$tmp/none'.*No such file" "$tmp/none"
disk 'disk a directory' "'$tmp'" "$tmp"
disk 'disk a character device' "'/dev/null'" /dev/null
: >"$tmp/bad"
disk 'disk empty' "'$tmp/bad'.*empty" "$tmp/bad"
zeroes 1000 >"$tmp/bad"
disk 'disk of an odd size' "'$tmp/bad'.*512" "$tmp/bad"
printf 'QFI\xfb%1020s' '' >"$tmp/bad"
disk 'disk a qcow2 image' "'$tmp/bad'.*qcow2.*convert" "$tmp/bad"
disk 'disk in a missing folder' "'$tmp/none/disk'" "$tmp/none/disk"
fails 'the same disk twice' 1 "--disk.*'$tmp/disk'.*in use" run "${k[@]}" --disk "$tmp/disk" \
    --disk "$tmp/disk"
runs 'the same disk twice, read-only' 0 run "${k[@]}" --disk "$tmp/disk,readonly" \
    --disk "$tmp/disk,readonly"

cp "$tmp/disk" "$tmp/ro"
chmod 444 "$tmp/ro"
if unprivileged test -x "$bin" 2>/dev/null; then
    unprivileged "$bin" run "${k[@]}" --disk "$tmp/ro" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
    fails_check 'a file without write permission' 1 "--disk.*'$tmp/ro'.*Permission denied.*readonly"
    unprivileged "$bin" run "${k[@]}" --disk "$tmp/ro,readonly" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
    if [ "$status" -eq 0 ]; then
        ok 'a file without write permission, read-only'
    else
        not_ok 'a file without write permission, read-only' "$(seen)"
    fi
else
    skip 'a file without write permission' 'cannot run the monitor without privileges here'
fi

if start --disk "$tmp/disk"; then
    disk 'disk in use by a writer' "'$tmp/disk'.*in use" "$tmp/disk"
    disk 'disk in use by a writer, read-only' "'$tmp/disk'.*in use" "$tmp/disk,readonly"
    disk 'disk in use by a writer, ephemeral' "'$tmp/disk'.*in use" "$tmp/disk,ephemeral"
else
    not_ok 'disk in use by a writer' "$(cat "$tmp/bg.err")"
fi
stop
runs 'the disk is free again afterwards' 0 run "${k[@]}" --disk "$tmp/disk"
if start --disk "$tmp/disk,readonly"; then
    disk 'disk in use by a reader' "'$tmp/disk'.*in use" "$tmp/disk"
    runs 'two readers of a disk' 0 run "${k[@]}" --disk "$tmp/disk,readonly"
else
    not_ok 'disk in use by a reader' "$(cat "$tmp/bg.err")"
fi
stop
if start --disk "$tmp/disk"; then
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    runs 'the disk is free after a killed monitor' 0 run "${k[@]}" --disk "$tmp/disk"
else
    not_ok 'the disk is free after a killed monitor' "$(cat "$tmp/bg.err")"
fi
