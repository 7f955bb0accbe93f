# What is said of the translator: its cache, its trace, names for perf, statistics.

k=(--kernel "$tmp/hello" -m 16M --console "file:$tmp/console" --no-rng)

for size in 0 1M 2048M 2G lots -1; do
    fails "--code-cache '$size'" 2 "--code-cache: '$size'" run "${k[@]}" --code-cache "$size"
done
fails '--code-cache out of range says what is possible' 2 'from 2M to 2047M' run "${k[@]}" --code-cache 1M
for part in frob pc= pc=x pc=2-1 pc=1-x guest=1 '' pc=0x10000000000000000; do
    fails "--trace with '$part'" 2 '--trace: ' run "${k[@]}" --engine jit --trace "$tmp/t,$part"
done
fails '--trace without a file' 2 '--trace: needs a file' run "${k[@]}" --engine jit --trace ,ir
fails '--trace of the interpreter' 2 '--trace .*--engine jit' run "${k[@]}" --engine interp --trace "$tmp/t"
fails '--perf-map of the interpreter' 2 '--perf-map .*--engine jit' run "${k[@]}" --engine interp --perf-map
fails '--trace into a missing folder' 1 "--trace: '$tmp/none/t'" run "${k[@]}" --engine jit --trace "$tmp/none/t"

sojourn run "${k[@]}" --engine jit --quiet
if [ "$status" -ne 0 ]; then
    skip 'the translator' "it does not work here: $(cat "$tmp/err")"
    return
fi
k+=(--engine jit)

fails '--trace to a full disk' 1 '--trace: .*cannot write' run "${k[@]}" --trace /dev/full
runs '--code-cache before --engine' 0 run --code-cache 2M "${k[@]}" --stats "$tmp/stats"
if grep -qx 'jit.cache_bytes 2097152' "$tmp/stats"; then
    ok 'the code cache has the size asked for'
else
    not_ok 'the code cache has the size asked for' "$(grep jit.cache "$tmp/stats")"
fi
runs 'statistics of the translator' 0 run "${k[@]}" --stats "$tmp/stats"
missing=
for name in blocks guest_instructions code_bytes cache_bytes cache_used_bytes cache_resets cache_misses cache_evictions cache_evicted_blocks \
    cache_eviction_ns_max cache_undone_links translation_ns \
    translation_ns_per_instruction links jump_misses fills walks tlb_flushes invalidated_blocks interpreted \
    single_steps 'fallback\.HVC'; do
    grep -qE "^jit\.$name [0-9.]+$" "$tmp/stats" || missing="$missing $name"
done
if [ -z "$missing" ]; then
    ok 'statistics count what there is'
else
    not_ok 'statistics count what there is' "missing:$missing"
fi

runs '--trace' 0 run "${k[@]}" --trace "$tmp/t"
if grep -q '^block 1: pc 0x40080000, .*EL1.* instructions, .* bytes and ' "$tmp/t" &&
    grep -q '^  0x0000000040080000  d2a12001  movz x1' "$tmp/t" && grep -q '^ir:$' "$tmp/t" &&
    grep -qE '^ +[0-9]+: (void|i64) put .* x1 ; guest 0' "$tmp/t" &&
    grep -qE '^host: entry \+[0-9a-f]+ at 0x[0-9a-f]+$' "$tmp/t" && grep -qE '^  \+[0-9a-f]{7}  ([0-9a-f]{2} ?)+$' "$tmp/t"; then
    ok 'the trace shows guest, ir and host code'
else
    not_ok 'the trace shows guest, ir and host code' "$(head -c 2000 "$tmp/t")"
fi
runs '--trace of host code' 0 run "${k[@]}" --trace "$tmp/t,host"
if grep -q '^host:' "$tmp/t" && ! grep -qE '^(guest|ir):' "$tmp/t"; then
    ok 'the trace shows what was named only'
else
    not_ok 'the trace shows what was named only' "$(head -c 1000 "$tmp/t")"
fi
if ! command -v python3 >/dev/null || ! command -v objdump >/dev/null; then
    skip 'tools/trace-dis disassembles' 'no python3 or no objdump'
elif "$here/../../tools/trace-dis" "$tmp/t" >"$tmp/dis" 2>"$tmp/err" && [ ! -s "$tmp/err" ] &&
    grep -qE '^  \+[0-9a-f]{7}  (jmp|call) ' "$tmp/dis" && ! grep -q '(bad)' "$tmp/dis" &&
    [ "$(grep -c '^block' "$tmp/t")" -eq "$(grep -c '^block' "$tmp/dis")" ]; then
    ok 'tools/trace-dis disassembles'
else
    not_ok 'tools/trace-dis disassembles' "$(cat "$tmp/err")" "$(head -c 1000 "$tmp/dis")"
fi
runs '--trace of other addresses' 0 run "${k[@]}" --trace "$tmp/t,pc=0x1000-0x1fff"
[ -s "$tmp/t" ] && not_ok 'pc= leaves out other addresses' "$(head -1 "$tmp/t")" || ok 'pc= leaves out other addresses'
runs '--trace of one address' 0 run "${k[@]}" --trace "$tmp/t,guest,pc=0x40080004"
[ "$(grep -c '^block' "$tmp/t")" -ge 1 ] && ok 'pc= finds the block around an address' ||
    not_ok 'pc= finds the block around an address'

"$bin" run "${k[@]}" --perf-map --quiet </dev/null >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait "$pid"
status=$?
map=/tmp/perf-$pid.map
if [ "$status" -eq 0 ] && grep -qE '^[0-9a-f]+ [0-9a-f]+ sojourn_enter$' "$map" &&
    grep -qE '^[0-9a-f]+ [0-9a-f]+ guest_el1_0000000040080000$' "$map" &&
    ! grep -vqE '^[0-9a-f]+ [1-9a-f][0-9a-f]* [a-z0-9_]+$' "$map"; then
    ok '--perf-map names entries and blocks'
else
    not_ok '--perf-map names entries and blocks' "$(seen)" "$(head -5 "$map" 2>&1)"
fi
rm -f "$map"
