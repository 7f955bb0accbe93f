#!/bin/bash
# usage: tests/neg/run.sh [SOJOURN [TEST...]]
#
# The isolation promises: each is a guest (guests/*.c) or a look at the process that tries to break it.
# A guest prints a line per promise; others must be ended by a signal within a second, whatever they
# do. All of it with every engine (or those in ENGINES). One line per test: ok ENGINE/NAME |
# not ok ENGINE/NAME text | skip NAME reason; the last line counts them.
# modes: rel asan
set -u
here=$(cd "$(dirname "$0")" && pwd)
sojourn=$(realpath "${1:-$here/../../out/rel/sojourn}")
shift $(($# > 0 ? 1 : 0))
only=" $* "
engines=${ENGINES:-$(sed -n 's/^ENGINE("\([^"]*\)".*/\1/p' "$here/../../src/engine/engines.def")}
engine=
cross=${CROSS-aarch64-linux-gnu-}
top=$(mktemp -d) || exit 2
monitor=
cleanup() {
    [ "$BASHPID" = $$ ] || return # a subshell that was killed before it was one
    [ -z "$monitor" ] || kill -9 "$monitor" 2>/dev/null
    rm -rf "$top"
}
trap cleanup EXIT
passed=0 failed=0 skipped=0
patience=1 # seconds in which a signal ends any guest
case ${BUILD:-} in */asan | */tsan) patience=5 ;; esac

ok() { passed=$((passed + 1)); echo "ok ${engine:+$engine/}$1"; }
not_ok() { failed=$((failed + 1)); echo "not ok ${engine:+$engine/}$*"; }
skip() { skipped=$((skipped + 1)); echo "skip ${engine:+$engine/}$*"; }
wanted() { [ "$only" = "  " ] || case $only in *" $1 "*) ;; *) return 1 ;; esac; }
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}

command -v "${cross}gcc" >/dev/null 2>&1 || { skip neg "no ${cross}gcc to build the guests"; finish; }
[ -x "$sojourn" ] || { echo "run.sh: cannot execute '$sojourn'" >&2; exit 2; }

# guest NAME [FLAG...]: builds guests/NAME.c as $work/NAME.elf. -N: one segment, from _start on.
guest() {
    local name=$1
    shift
    "${cross}gcc" -std=gnu11 -O1 -Wall -Wextra -Werror -Wno-unused-function -ffreestanding -nostdlib \
        -static -fno-pic -fno-pie -mgeneral-regs-only -mstrict-align -fno-stack-protector \
        -fno-asynchronous-unwind-tables -I"$here/guests" "$@" -Wl,-N,-Ttext=0x40080000,--build-id=none \
        -Wl,--no-warn-rwx-segments -o "$work/$name.elf" "$here/guests/start.S" "$here/guests/guest.c" \
        "$here/guests/$name.c" >"$work/build" 2>&1 || { not_ok "build_$name"; cat "$work/build"; false; }
}

run() { # GUEST OPTION...: output in $work/out and $work/err
    local name=$1
    shift
    timeout -k 1 60 "$sojourn" run --engine $engine --kernel "$work/$name.elf" --memory 64M "$@" </dev/null \
        >"$work/out" 2>"$work/err"
}

# promises NAME OPTION...: runs the guest; its lines are the tests'.
promises() {
    local name=$1 line status
    wanted "$name" || return 0
    guest "$name" || return 1
    run "$@"
    status=$?
    while IFS= read -r line; do
        case $line in
            'ok '*) ok "$name/${line#ok }" ;;
            'not ok '*) not_ok "$name/${line#not ok }" ;;
        esac
    done < <(tr -d '\r\0' <"$work/out" | grep -a '^\(not \)\?ok ')
    if [ "$status" -eq 0 ]; then
        ok "$name/ends"
    else
        not_ok "$name/ends" "status $status"
        tail -n 5 "$work/err" | sed 's/^/# /'
        return 1
    fi
}

# start NAME OPTION...: in the background, until it has surely begun to execute the guest.
start() {
    local name=$1
    shift
    "$sojourn" run --engine $engine --kernel "$work/$name.elf" --memory 64M "$@" </dev/null \
        >"$work/out" 2>"$work/err" &
    monitor=$!
    sleep "${begun:-0.4}"
}

# stop SIGNAL: sends it; the milliseconds until the process is gone in $took, its status in $status.
stop() {
    local from
    from=$(date +%s%3N)
    kill -"$1" "$monitor" 2>/dev/null
    { sleep $((patience + 4)); kill -9 "$monitor"; } 2>/dev/null &
    local watchdog=$!
    wait "$monitor" 2>/dev/null
    status=$?
    took=$(($(date +%s%3N) - from))
    kill "$watchdog" 2>/dev/null
    wait "$watchdog" 2>/dev/null
    monitor=
}

ended_in_time() { # NAME
    if [ "$status" -ne 143 ]; then
        not_ok "$1" "status $status after $took ms, not 143 (SIGTERM)"
        tail -n 5 "$work/err" | sed 's/^/# /'
    elif [ "$took" -gt $((patience * 1000)) ]; then
        not_ok "$1" "it took $took ms, more than $patience s"
    else
        ok "$1"
    fi
}

# endless NAME OPTION...: guests/loop.c or guests/branches.c, ended by SIGTERM.
endless() {
    local name=$1 source=loop
    wanted "$name" || return 0
    shift
    case " $loops " in *" $name "*) source=branches ;; esac
    guest $source "-DLOOP_$name" || return
    start $source --console null "$@"
    case " $* " in *" --code-cache "*) name=$name,small_cache ;; esac
    if ! kill -0 "$monitor" 2>/dev/null; then
        stop TERM
        not_ok "$name/ends_by_signal" "the monitor ended by itself with status $status"
        tail -n 5 "$work/err" | sed 's/^/# /'
        return
    fi
    stop TERM
    ended_in_time "$name/ends_by_signal"
}

# Loops of every kind of branch, within a page and between pages; and code that grows, changes its state
# or is replaced faster than it runs.
code_storms="code_everywhere code_growing code_overwritten"
loops="bl_to_self blr_to_self br_to_self ret_to_self cbz_back tbz_back bcond_back cross_pages \
cross_pages_bl exclusive_load deep_recursion swapped_returns eret_svc svc_in_vector tlbi_storm \
address_spaces fp_modes $code_storms"

for engine in $engines; do
    work=$top/$engine
    mkdir "$work" || exit 2

    # ---- What guests must not reach ----

    promises virtio_dma
    promises addresses

    if wanted disk_range; then
        yes sojourn | head -c 1M >"$work/disk"
        sum=$(md5sum <"$work/disk")
        if promises disk_range --disk "$work/disk,readonly" && [ "$sum" = "$(md5sum <"$work/disk")" ]; then
            ok disk_range/image_is_unchanged
        else
            not_ok disk_range/image_is_unchanged
        fi
    fi

    if wanted semihost; then
        mkdir -p "$work/above/shared"
        echo untouched >"$work/above/secret"
        echo something >"$work/above/shared/inside"
        ln -s ../secret "$work/above/shared/link"
        ln -s .. "$work/above/shared/up"
        before=$(cd "$work" && find above | sort)
        if promises semihost --semihosting="$work/above/shared" && [ "$(cat "$work/above/secret")" = untouched ] &&
            [ "$(cd "$work" && find above | sort)" = "$before" ]; then
            ok semihost/nothing_outside_has_changed
        else
            not_ok semihost/nothing_outside_has_changed
        fi
    fi

    # ---- What guests must not make the monitor do ----

    if wanted device_errors; then
        promises device_errors -v --semihosting && lines=$(wc -l <"$work/err") || lines=0
        # 16 lines for each device: GIC, its redistributor, three PL0xx, 32 slots, entropy, semihosting.
        if [ "$lines" -gt 0 ] && [ "$lines" -le $((39 * 16)) ]; then
            ok device_errors/messages_are_bounded
        else
            not_ok device_errors/messages_are_bounded "$lines lines"
        fi
        if ! run device_errors --semihosting || [ -s "$work/err" ]; then
            not_ok device_errors/no_messages_unless_verbose "$(head -n 1 "$work/err")"
        else
            ok device_errors/no_messages_unless_verbose
        fi
    fi

    for name in vectors_nowhere vectors_in_registers vectors_beyond_addresses mmu_without_map branch_to_self \
        wfi_masked wfe cpu_off cpu_suspend timer_storm dma_storm self_modifying output_storm $loops; do
        endless "$name"
    done
    for name in self_modifying $code_storms; do
        [ "$engine" = interp ] || endless "$name" --code-cache 2M
    done
    endless semihost_read --semihosting
    truncate -s 8G "$work/sparse"
    endless disk_read_storm --disk "$work/sparse,readonly"
    endless disk_write_storm --disk "$work/sparse,ephemeral"

    # A request to end that comes while the machine is being reset is not forgotten.
    if wanted reset_storm && guest loop -DLOOP_reset_storm; then
        begun=0.1
        for ((i = 0; i < 12; i++)); do
            start loop --console null
            stop TERM
            [ "$status" -eq 143 ] && [ "$took" -le $((patience * 1000)) ] || break
        done
        begun=
        ended_in_time reset_storm/ends_by_signal
    fi

    # Nobody reads the output: the guest waits, the monitor still ends.
    if wanted output_nobody_reads && guest loop -DLOOP_output_storm; then
        mkfifo "$work/pipe"
        exec 9<>"$work/pipe"
        "$sojourn" run --engine $engine --kernel "$work/loop.elf" --memory 64M </dev/null >"$work/pipe" \
            2>"$work/err" &
        monitor=$!
        sleep 0.6
        patience=$((patience + 10)) # what the console waits for a reader that does not come back
        stop TERM
        ended_in_time output_nobody_reads/ends_by_signal
        patience=$((patience - 10))
        exec 9<&-
    fi

    # ---- The process ----

    if wanted process && guest loop -DLOOP_branch_to_self; then
        truncate -s 1M "$work/disk2"
        inherited=" $(ls "/proc/$$/fd" | tr '\n' ' ')" # descriptors that are not the monitor's doing
        start loop --console null --hvc "file:$work/hvc" --disk "$work/disk2" --net user --semihosting="$work"
        if [ -r "/proc/$monitor/maps" ]; then
            bad=$(awk '$2 ~ /w/ && $2 ~ /x/' "/proc/$monitor/maps")
            if [ "$(wc -l <"/proc/$monitor/maps")" -gt 10 ] && [ -z "$bad" ]; then
                ok process/no_mapping_is_writable_and_executable
            else
                not_ok process/no_mapping_is_writable_and_executable "$bad"
            fi
            open=
            for fd in /proc/"$monitor"/fdinfo/*; do
                n=${fd##*/}
                case $inherited in *" $n "*) continue ;; esac
                flags=$(awk '$1 == "flags:" { print $2 }' "$fd" 2>/dev/null)
                (((0$flags & 02000000) != 0)) ||
                    open="$open $n=$(readlink "/proc/$monitor/fd/$n")"
            done
            if [ -z "$open" ]; then
                ok process/descriptors_are_closed_on_exec
            else
                not_ok process/descriptors_are_closed_on_exec "$open"
            fi
        else
            skip process "no /proc/PID/maps"
        fi
        stop TERM
        ended_in_time process/ends_by_signal
        for signal in INT HUP QUIT; do
            start loop --console null
            stop "$signal"
            if [ "$status" -eq $((128 + $(kill -l $signal))) ] && [ "$took" -le $((patience * 1000)) ]; then
                ok "process/ends_by_SIG$signal"
            else
                not_ok "process/ends_by_SIG$signal" "status $status after $took ms"
            fi
        done
    fi
done

finish
