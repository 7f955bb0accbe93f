# The terminal is as it was after every way out. Needs expect for a terminal.

if ! command -v expect >/dev/null; then
    skip 'the terminal is restored' 'expect is not installed'
    return
elif ! expect -c 'spawn true' >/dev/null 2>&1; then
    skip 'the terminal is restored' 'no pseudo-terminals here (is /dev/pts mounted?)'
    return
fi

# on_terminal NAME WANTED-STATUS[|OTHER] GUEST EXPECT-COMMANDS: runs the guest in a terminal of its own; the
# commands run once it has printed R. $pid_file holds the monitor's process id.
on_terminal() {
    local name=$1 want=$2 guest=$3 commands=$4
    rm -f "$tmp/before" "$tmp/during" "$tmp/after" "$tmp/status" "$tmp/pid" "$tmp/tty"
    cat >"$tmp/session" <<SESSION
trap '' INT QUIT HUP
tty >"$tmp/tty"
stty -a >"$tmp/before"
bash -c 'trap - INT QUIT HUP; echo \$\$ >"$tmp/pid"; exec "$bin" run -m 16M --kernel "$tmp/$guest"'
echo \$? >"$tmp/status"
stty -a >"$tmp/after"
SESSION
    cat >"$tmp/expect" <<EXPECT
set timeout 10
log_user 0
log_file -noappend $tmp/screen
spawn -noecho bash $tmp/session
proc monitor {} { set f [open $tmp/pid]; set p [gets \$f]; close \$f; return \$p }
$commands
expect eof
EXPECT
    timeout -s KILL 30 expect "$tmp/expect" >"$tmp/out" 2>&1
    status=$(cat "$tmp/status" 2>/dev/null || echo none)
    if [[ "|$want|" == *"|$status|"* ]] && [ -s "$tmp/after" ] && cmp -s "$tmp/before" "$tmp/after"; then
        ok "$name"
    else
        not_ok "$name" "status $status, expected $want" \
            "$(cat "$tmp/screen" "$tmp/out" 2>/dev/null | tail -5)" \
            "$(diff "$tmp/before" "$tmp/after" 2>&1 | head -6)"
    fi
}

ready='expect "R" {} timeout { exit 9 }; sleep 0.1'
on_terminal 'power off leaves the terminal as it was' 0 hello ''
on_terminal 'Ctrl-A x ends and restores the terminal' 0 ready "$ready; send \"\\001x\""
on_terminal 'Ctrl-A h explains, Ctrl-A x ends' 0 ready \
    "$ready; send \"\\001h\"; expect \"Ctrl-A x\" {} timeout { exit 8 }; send \"\\001x\""
on_terminal 'the terminal is raw while the guest runs' 0 ready \
    "$ready; exec stty -a -F [exec cat $tmp/tty] >$tmp/during; send \"\\001x\""
if grep -q -e '-icanon' "$tmp/during" 2>/dev/null && grep -q -e '-echo ' "$tmp/during"; then
    ok 'raw mode was seen'
else
    not_ok 'raw mode was seen' "$(head -5 "$tmp/during" 2>&1)"
fi
on_terminal 'Ctrl-C goes to the guest' 0 echo \
    'sleep 0.5; send "\003R"; expect "R" {} timeout { exit 9 }; send "\001x"'
on_terminal 'Ctrl-A Ctrl-A sends Ctrl-A' 0 echo \
    'sleep 0.5; send "\001\001R"; expect "\001R" {} timeout { exit 9 }; send "\001x"'
for sig in TERM INT HUP QUIT; do
    on_terminal "SIG$sig restores the terminal" $((128 + $(kill -l $sig))) ready \
        "$ready; exec sh -c \"kill -$sig [monitor]\""
done
for sig in ABRT SEGV; do # a sanitizer turns either into SIGABRT
    on_terminal "a crash (SIG$sig) restores the terminal" "$((128 + $(kill -l $sig)))|134" ready \
        "$ready; exec sh -c \"kill -$sig [monitor]\""
done
