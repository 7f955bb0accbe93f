# The ways a run ends, seen from outside.

runs 'power off' 0 run --console null -m 16M --kernel "$tmp/off"
runs 'reset under --no-reboot' 3 run --console null -m 16M --kernel "$tmp/reset" --no-reboot

# A guest that prints and resets itself, over and over.
{ words 0xd2a12001 0x52800a40 0x39000020 0x52800140 0x39000020; cat "$tmp/reset"; } >"$tmp/resets"
timeout -s TERM 2 "$bin" run -m 16M --kernel "$tmp/resets" </dev/null >"$tmp/out" 2>"$tmp/err"
status=$?
if [ "$status" -eq 124 ] && [ "$(wc -l <"$tmp/out")" -gt 3 ]; then
    ok 'a reset starts the kernel again'
else
    not_ok 'a reset starts the kernel again' "$(seen)"
fi

for sig in INT TERM HUP QUIT; do
    for guest in ready spin flood; do
        if [ $guest = ready ]; then
            start || true
        else
            "$bin" run -m 16M --console null --kernel "$tmp/$guest" </dev/null >/dev/null 2>"$tmp/bg.err" &
            pid=$!
            background+=("$pid")
            sleep 0.3
        fi
        # A background process of a script ignores INT and QUIT; the monitor takes them all the same.
        kill -$sig "$pid"
        sleep 10 &
        watch=$!
        wait -n "$pid" "$watch" 2>/dev/null
        status=$?
        { kill -KILL "$pid" "$watch"; wait "$pid" "$watch"; } 2>/dev/null
        if [ "$status" -eq $((128 + $(kill -l $sig))) ] && [ ! -s "$tmp/bg.err" ]; then
            ok "SIG$sig ends a $guest guest, and the monitor by that signal"
        else
            not_ok "SIG$sig ends a $guest guest, and the monitor by that signal" "status $status" \
                "$(cat "$tmp/bg.err")"
        fi
    done
done

# What a signal ends is put away in order: the socket goes, statistics are written.
"$bin" run -m 16M --kernel "$tmp/ready" --console "unix:$tmp/sock" --stats "$tmp/stats" </dev/null \
    >/dev/null 2>&1 &
pid=$!
background+=("$pid")
wait_for 'the socket' test -S "$tmp/sock"
kill -TERM "$pid"
wait "$pid" 2>/dev/null
if [ ! -e "$tmp/sock" ] && [ -s "$tmp/stats" ]; then
    ok 'after a signal the socket is gone and statistics are written'
else
    not_ok 'after a signal the socket is gone and statistics are written' \
        "$(ls -l "$tmp/sock" "$tmp/stats" 2>&1)"
fi

# Output that nobody takes holds up an orderly end; a second signal does not wait for it.
mkfifo "$tmp/unread"
"$bin" run -m 16M --kernel "$tmp/flood" </dev/null >"$tmp/unread" 2>"$tmp/bg.err" &
pid=$!
background+=("$pid")
exec 7<"$tmp/unread"
sleep 1.5 # pipe and buffer are full
kill -TERM "$pid"
sleep 0.5
alive=$(kill -0 "$pid" 2>/dev/null && echo yes)
kill -TERM "$pid" 2>/dev/null
sleep 0.7
still=$(kill -0 "$pid" 2>/dev/null && echo yes)
kill -KILL "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
status=$?
exec 7<&-
if [ "$alive:$still:$status" = yes::143 ]; then
    ok 'a second signal ends the monitor at once'
else
    not_ok 'a second signal ends the monitor at once' "$alive:$still:$status" "$(cat "$tmp/bg.err")"
fi
