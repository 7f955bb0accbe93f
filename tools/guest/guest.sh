# Runs inside the guest: sourced by process 1 of the initramfs (init) and of the disk image
# (rootfs-init), in busybox's shell and in dash. Only the busybox program is taken for granted.
#
# The protocol with the host (doc/guests.md):
#   output  A command's standard output and error go, as they are, to the second console
#           (/dev/hvc0, `sojourn run --hvc`) when there is one. Without it they go to the first
#           console, between the lines `sojourn: begin` and `sojourn: status N` of the kernel's log.
#   status  The kernel's log says `sojourn: status N` on a line, whole and never mixed with other
#           text because the kernel itself prints it (/dev/kmsg). A command that powers the machine
#           off in the ordinary way ends with status 0. Then the machine is switched off.
# A command has no input (/dev/null) and is not on a terminal, so programs print what they print
# into a pipe.

guest_log() { printf '<0>sojourn: %s\n' "$*" >/dev/kmsg; }

# Process 1 of a shell ends with a kernel panic, which `panic=-1` turns into a reset that
# `sojourn run --no-reboot` reports.
guest_fail() {
    guest_log "$*"
    exit 1
}

guest_has_mount() { busybox grep -q " $1 " /proc/self/mounts; }

guest_mount() {
    [ -e /proc/self ] || busybox mount -t proc proc /proc
    [ -e /sys/class ] || busybox mount -t sysfs sysfs /sys
    [ -e /dev/kmsg ] || busybox mount -t devtmpfs devtmpfs /dev
    busybox mkdir -p /dev/pts /dev/shm /run /tmp
    guest_has_mount /dev/pts || busybox mount -t devpts devpts /dev/pts
    guest_has_mount /dev/shm || busybox mount -t tmpfs tmpfs /dev/shm
    guest_has_mount /run || busybox mount -t tmpfs tmpfs /run
    [ -e /dev/fd ] || busybox ln -s /proc/self/fd /dev/fd
}

# halt, poweroff and reboot (without -f) tell process 1 by these signals; the command in whose
# midst that happens has no status of its own.
guest_wait() {
    ending=
    trap 'ending=poweroff' USR1 USR2
    trap 'ending=reboot' TERM
    status=0
    wait "$1" || status=$?
    [ -z "$ending" ] || status=0
    trap '' USR1 USR2 TERM
}

# Ends every process but this one and $1. Kernel threads take no notice.
guest_kill_others() {
    for entry in /proc/[0-9]*; do
        pid=${entry#/proc/}
        case $pid in
            "$$" | "$1") ;;
            *) kill -KILL "$pid" 2>/dev/null ;;
        esac
    done
}

guest_end() {
    busybox sync
    busybox mount -o remount,ro / 2>/dev/null
    busybox "${ending:-poweroff}" -f
}

# guest_second_console: whether there is one. Its driver announces it a little after it is loaded.
guest_second_console() {
    for device in /sys/bus/virtio/drivers/virtio_console/virtio*; do
        [ -e "$device" ] || return 1
    done
    tries=0
    while [ ! -c /dev/hvc0 ] && [ "$tries" -lt 50 ]; do
        busybox sleep 0.1
        tries=$((tries + 1))
    done
    [ -c /dev/hvc0 ]
}

# guest_run FILE: runs the shell program FILE by the protocol above, then ends the machine.
guest_run() {
    if guest_second_console; then
        exec 4<>/dev/hvc0
    else
        exec 4<>/dev/console
    fi
    busybox stty raw -echo <&4
    guest_log begin
    busybox rm -f /run/output
    busybox mkfifo /run/output
    busybox cat </run/output >&4 &
    copier=$!
    busybox setsid "${SHELL:-/bin/sh}" "$1" </dev/null >/run/output 2>&1 4>&- &
    guest_wait $!
    # What it left running would keep the pipe open.
    guest_kill_others "$copier"
    wait "$copier"
    # stty waits until the console has taken what was written to it.
    busybox stty raw <&4
    guest_log "status $status"
    guest_end
}

# guest_shell: an interactive shell on the console; the machine ends with it.
guest_shell() {
    read -r consoles </sys/class/tty/console/active
    terminal=/dev/${consoles##* }
    busybox setsid -c "${SHELL:-/bin/sh}" -i <"$terminal" >"$terminal" 2>&1 &
    guest_wait $!
    guest_end
}
