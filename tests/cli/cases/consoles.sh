# Consoles, statistics and semihosting: where output goes, and what is in the way.

k=(-m 16M --kernel "$tmp/hello")

console() { # NAME STATUS PATTERN ARGS...
    local name=$1 status=$2 pattern=$3
    shift 3
    fails "$name" "$status" "$pattern" run "${k[@]}" "$@"
}
said() { # NAME FILE: it holds what the guest said
    if [ "$status" -eq 0 ] && [ "$(cat "$2")" = R ]; then
        ok "$1"
    else
        not_ok "$1" "$(seen)" "$2: $(head -c 200 "$2")"
    fi
}

# ---- The five kinds ----
sojourn run "${k[@]}"
said 'console stdio' "$tmp/out"
sojourn run "${k[@]}" --console "file:$tmp/log"
said 'console file' "$tmp/log"
sojourn run "${k[@]}" --console "file:$tmp/log"
said 'console file is truncated first' "$tmp/log"
runs 'console null' 0 run "${k[@]}" --console null
sojourn run "${k[@]}" --console pty
if [ "$status" -eq 0 ] && grep -q /dev/pts/ "$tmp/err"; then
    ok 'console pty says where it is'
else
    not_ok 'console pty says where it is' "$(seen)"
fi
runs 'console unix' 0 run "${k[@]}" --console "unix:$tmp/sock"
if [ -e "$tmp/sock" ]; then
    not_ok 'console unix removes its socket' "$tmp/sock is there"
else
    ok 'console unix removes its socket'
fi
sojourn run "${k[@]}" --console "file:$tmp/log" --hvc stdio
said 'a second console on stdio' "$tmp/log"

# ---- In the way ----
long="$tmp/$(printf '%0120d' 0)"
console 'console socket path too long' 1 "--console.*$long.*longer than 107" --console "unix:$long"
console 'console socket exists as a file' 1 "--console.*'$tmp/off'.*not a socket" --console "unix:$tmp/off"
[ -s "$tmp/off" ] || not_ok 'the file in the way was left alone'
console 'console socket in a missing folder' 1 "--console.*'$tmp/none/s'" --console "unix:$tmp/none/s"
console 'console file in a missing folder' 1 "--console.*'$tmp/none/f'" --console "file:$tmp/none/f"
console 'console file a directory' 1 "--console.*'$tmp'" --console "file:$tmp"
console 'second console file in a missing folder' 1 "--hvc.*'$tmp/none/f'" --hvc "file:$tmp/none/f"

"$bin" run -m 16M --kernel "$tmp/ready" --console "unix:$tmp/sock" </dev/null >/dev/null 2>&1 &
pid=$!
background+=("$pid")
if wait_for 'the socket' test -S "$tmp/sock"; then
    console 'console socket in use' 1 "--console.*'$tmp/sock'.*in use" --console "unix:$tmp/sock"
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    [ -S "$tmp/sock" ] || not_ok 'a killed monitor leaves its socket'
    runs 'console socket of a killed monitor is replaced' 0 run "${k[@]}" --console "unix:$tmp/sock"
else
    not_ok 'console socket in use' 'the monitor did not make it'
fi

# ---- Full disks and closed pipes ----
sojourn run "${k[@]}" --console file:/dev/full
fails_check 'console file on a full disk' 0 '/dev/full'
"$bin" run -m 16M --kernel "$tmp/flood" --console file:/dev/full </dev/null >"$tmp/out" \
    2>"$tmp/err" &
flood=$!
background+=("$flood")
sleep 1
kill -TERM "$flood"
wait "$flood" 2>/dev/null
if [ "$(wc -l <"$tmp/err")" -le 2 ]; then
    ok 'a full disk is told once, however much is lost'
else
    not_ok 'a full disk is told once, however much is lost' "$(head -5 "$tmp/err")"
fi
timeout -s KILL 20 "$bin" run -m 16M --kernel "$tmp/hello" </dev/null >/dev/full 2>"$tmp/err"
status=$?
: >"$tmp/out"
if [ "$status" -le 1 ] && [ "$(wc -l <"$tmp/err")" -eq 1 ] && grep -q '^sojourn: .*standard output' "$tmp/err"; then
    ok 'standard output to a full disk'
else
    not_ok 'standard output to a full disk' "$(seen)"
fi
timeout -s KILL 20 "$bin" run -m 16M --kernel "$tmp/flood" </dev/null 2>"$tmp/err" | head -c 100 >/dev/null
status=${PIPESTATUS[0]}
fails_check 'standard output to a closed pipe' 1 'standard output'
timeout -s KILL 20 "$bin" run -m 16M --kernel "$tmp/flood" </dev/null 2>"$tmp/err" | true
status=${PIPESTATUS[0]}
fails_check 'standard output to a pipe that nobody reads' 1 'standard output'
timeout -s KILL 20 "$bin" run -m 16M --kernel "$tmp/off" </dev/null >&- 2>"$tmp/err"
status=$?
no_crash 'standard output not open' && ok 'standard output not open'
timeout -s KILL 20 "$bin" run -m 16M --kernel "$tmp/off" <&- >"$tmp/out" 2>"$tmp/err"
status=$?
if [ "$status" -eq 0 ]; then
    ok 'standard input not open'
else
    not_ok 'standard input not open' "$(seen)"
fi
out=$(printf 'typed ahead' | timeout -s TERM 3 "$bin" run -m 16M --kernel "$tmp/echo" 2>/dev/null)
if [ "$out" = 'typed ahead' ]; then
    ok 'piped input reaches the guest whole'
else
    not_ok 'piped input reaches the guest whole' "got '$out'"
fi

# ---- Statistics ----
sojourn run "${k[@]}" --console null --stats "$tmp/stats"
if [ "$status" -eq 0 ] && [ -s "$tmp/stats" ] && ! grep -qvE '^[a-zA-Z0-9_.-]+ [^ ]+$' "$tmp/stats"; then
    ok 'statistics are lines of name and value'
else
    not_ok 'statistics are lines of name and value' "$(seen)" "$(head -5 "$tmp/stats")"
fi
sojourn run "${k[@]}" --console null --stats -
if [ "$status" -eq 0 ] && [ -s "$tmp/err" ]; then
    ok 'statistics on standard error'
else
    not_ok 'statistics on standard error' "$(seen)"
fi
console 'statistics in a missing folder' 1 "--stats.*'$tmp/none/s'" --console null --stats "$tmp/none/s"
console 'statistics on a full disk' 1 "--stats.*'/dev/full'.*No space" --console null --stats /dev/full

# ---- Semihosting ----
runs 'semihosting exit status' 42 run -m 16M --console null --kernel "$tmp/exit42" --semihosting
sojourn run -m 16M --kernel "$tmp/semihello" --semihosting
if [ "$status" -eq 0 ] && [ "$(cat "$tmp/out")" = hello ]; then
    ok 'semihosting writes to the console'
else
    not_ok 'semihosting writes to the console' "$(seen)"
fi
sojourn run -m 16M --kernel "$tmp/semihello" --semihosting --console "file:$tmp/log"
if [ "$status" -eq 0 ] && [ "$(cat "$tmp/log")" = hello ]; then
    ok 'semihosting writes to another console'
else
    not_ok 'semihosting writes to another console' "$(seen)"
fi
printf A | timeout -s KILL 20 "$bin" run -m 16M --kernel "$tmp/semiread" --semihosting \
    >"$tmp/out" 2>"$tmp/err"
status=$?
if [ "$status" -eq 65 ]; then
    ok 'semihosting reads the console'
else
    not_ok 'semihosting reads the console' "$(seen)"
fi
sleep 20 | timeout -s TERM -k 5 1 "$bin" run -m 16M --kernel "$tmp/semiread" --semihosting \
    >"$tmp/out" 2>"$tmp/err" &
wait $!
status=$?
if [ "$status" -eq 124 ] && [ ! -s "$tmp/err" ]; then
    ok 'SIGTERM ends a guest that waits for semihosting input'
else
    not_ok 'SIGTERM ends a guest that waits for semihosting input' "$(seen)"
fi
mkdir -p "$tmp/share"
runs 'semihosting makes a file below its folder' 1 run -m 16M --console null --kernel "$tmp/semiopen" \
    --semihosting="$tmp/share"
if [ -e "$tmp/share/f" ]; then
    ok 'the file is there'
else
    not_ok 'the file is there' "$(ls "$tmp/share")"
fi
runs 'semihosting without a folder has no files' 255 run -m 16M --console null \
    --kernel "$tmp/semiopen" --semihosting
console 'semihosting folder missing' 1 "--semihosting.*'$tmp/none'" --semihosting="$tmp/none"
console 'semihosting folder a file' 1 "--semihosting.*'$tmp/off'" --semihosting="$tmp/off"
# HLT is UNDEFINED then, and the guest hangs in its exception.
timeout -s TERM 1 "$bin" run -m 16M --console null --kernel "$tmp/exit42" </dev/null >"$tmp/out" 2>"$tmp/err"
status=$?
if [ "$status" -eq 124 ]; then
    ok 'semihosting is off unless asked for'
else
    not_ok 'semihosting is off unless asked for' "$(seen)"
fi
