# Helpers of run.sh; expects $bin.

passed=0 failed=0 skipped=0
seed=${SEED:-$RANDOM}
tmp=$(mktemp -d /tmp/sojourn-cli-XXXXXX) || exit 1
chmod 755 "$tmp"
background=()

cleanup() {
    local pid
    [ "$BASHPID" = $$ ] || return # a subshell
    for pid in "${background[@]}"; do
        kill -KILL "$pid" 2>/dev/null
    done
    rm -rf "$tmp"
}
trap cleanup EXIT

# Sanitizers must not look like an ordinary failure.
export ASAN_OPTIONS="abort_on_error=1:disable_coredump=1:${ASAN_OPTIONS:-}"
export TSAN_OPTIONS="handle_segv=0:${TSAN_OPTIONS:-}"
export UBSAN_OPTIONS="abort_on_error=1:${UBSAN_OPTIONS:-}"
ulimit -c 0

ok() {
    passed=$((passed + 1))
    echo "ok $1"
}

not_ok() { # NAME WHAT...
    failed=$((failed + 1))
    echo "not ok $1"
    shift
    printf '    %s\n' "$@"
}

skip() { # NAME REASON
    skipped=$((skipped + 1))
    echo "skip $1 $2"
}

# Runs the monitor with nothing to read; sets $status, $tmp/out, $tmp/err.
sojourn() {
    timeout -s KILL 20 "$bin" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
}

# What the last run wrote, for a failure's report.
seen() {
    echo "status $status"
    head -c 2000 "$tmp/err" | sed 's/^/stderr: /'
}

# fails NAME STATUS PATTERN ARGS...: that status, nothing on stdout, exactly one line on stderr, which
# begins "sojourn: " and matches the extended regular expression.
fails() {
    local name=$1 want=$2 pattern=$3
    shift 3
    sojourn "$@"
    fails_check "$name" "$want" "$pattern"
}

fails_check() {
    if [ "$status" -eq "$2" ] && [ "$(wc -l <"$tmp/err")" -eq 1 ] && [ ! -s "$tmp/out" ] &&
        grep -qE "^sojourn: .*$3" "$tmp/err"; then
        ok "$1"
    else
        not_ok "$1" "expected status $2 and one line like '$3'" "$(seen)"
    fi
}

# runs NAME STATUS ARGS...: that status and not a word on stderr.
runs() {
    local name=$1 want=$2
    shift 2
    sojourn "$@"
    if [ "$status" -eq "$want" ] && [ ! -s "$tmp/err" ]; then
        ok "$name"
    else
        not_ok "$name" "expected status $want and silence" "$(seen)"
    fi
}

# no_crash NAME: the last run ended by itself (or by our SIGTERM), without a sanitizer's report.
no_crash() {
    if { [ "$status" -lt 126 ] || [ "$status" -eq 143 ]; } && ! grep -q Sanitizer "$tmp/err"; then
        return 0
    fi
    not_ok "$1" "$(seen)"
    return 1
}

# start ARGS...: the monitor in the background; sets $pid. Its console is the file $tmp/bg.out.
start() {
    : >"$tmp/bg.out"
    "$bin" run --console "file:$tmp/bg.out" --kernel "$tmp/ready" -m 16M "$@" \
        </dev/null >/dev/null 2>"$tmp/bg.err" &
    pid=$!
    background+=("$pid")
    wait_for "the guest of $pid" grep -qs R "$tmp/bg.out"
}

stop() {
    kill -TERM "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
}

# wait_for WHAT COMMAND...: until the command succeeds, at most 10 s.
wait_for() {
    local what=$1 i
    shift
    for ((i = 0; i < 500; i++)); do
        "$@" && return 0
        sleep 0.02
    done
    echo "    waited in vain for $what"
    return 1
}

# Runs the rest of the line as a user without privileges (tests of permissions); false when that is
# not possible here.
unprivileged() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    fi
}

# ---- Bytes ----

le() { # VALUE BYTES: little-endian
    local v=$(($1)) i
    for ((i = 0; i < $2; i++)); do
        printf "\\x$(printf %02x $((v & 255)))"
        v=$((v >> 8))
    done
}

be32() {
    local v
    for v in "$@"; do
        v=$((v))
        printf "\\x$(printf %02x $((v >> 24 & 255)))\\x$(printf %02x $((v >> 16 & 255)))"
        printf "\\x$(printf %02x $((v >> 8 & 255)))\\x$(printf %02x $((v & 255)))"
    done
}

words() { # VALUE...: 32-bit little-endian
    local v
    for v in "$@"; do
        le "$v" 4
    done
}

zeroes() {
    head -c "$1" /dev/zero
}

# patch FILE OFFSET: replaces bytes there by standard input.
patch() {
    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
