# Networks: forwards and their ports.

k=(--console null -m 16M --kernel "$tmp/off")
runs 'a user network' 0 run "${k[@]}" --net user
runs 'a user network with a MAC' 0 run "${k[@]}" --net user,mac=52:54:00:00:00:01
runs 'no network' 0 run "${k[@]}" --net none
runs '8 networks' 0 run "${k[@]}" --net user --net user --net user --net user --net user --net user \
    --net user --net user

# A port that is free now.
for ((i = 0; i < 20; i++)); do
    port=$((20000 + RANDOM))
    sojourn run "${k[@]}" --net "user,forward=tcp:$port:22"
    [ "$status" -eq 0 ] && break
done
runs 'a forward' 0 run "${k[@]}" --net "user,forward=tcp:$port:22,forward=udp:127.0.0.1:$port:53"
fails 'the same forward twice' 1 "--net.*$port.*in use" run "${k[@]}" \
    --net "user,forward=tcp:$port:22,forward=tcp:$port:23"
if start --net "user,forward=tcp:$port:22,forward=udp:$port:53"; then
    fails 'a forward whose TCP port is in use' 1 "--net.*tcp.*$port.*in use" run "${k[@]}" \
        --net "user,forward=tcp:$port:22"
    fails 'a forward whose UDP port is in use' 1 "--net.*udp.*$port.*in use" run "${k[@]}" \
        --net "user,forward=udp:$port:22"
else
    not_ok 'a forward whose port is in use' "$(cat "$tmp/bg.err")"
fi
stop
runs 'the port is free again afterwards' 0 run "${k[@]}" --net "user,forward=tcp:$port:22"
fails 'a forward at an address of nobody' 1 '--net.*192.0.2.1' run "${k[@]}" \
    --net "user,forward=tcp:192.0.2.1:$port:22"
if unprivileged test -x "$bin" 2>/dev/null &&
    [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 80 ]; then
    unprivileged "$bin" run "${k[@]}" --net user,forward=tcp:80:80 </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
    fails_check 'a forward of a privileged port' 1 '--net.*80.*Permission denied'
else
    skip 'a forward of a privileged port' 'every port is free for all here'
fi
