#!/bin/sh
# Runs the bare-metal programs of this folder.
#
#   tests/prog/run.sh BIN [NAME...]    BIN: the monitor, or a qemu-system-aarch64 as an oracle
#
# Prints `ok NAME,ENGINE`, `not ok NAME,ENGINE` or `skip NAME reason` per program and engine, and a
# summary. Environment: ENGINES (as --engine has them; all), TIMEOUT (seconds per program, 120), KEEP (folder for images and logs, kept), BUILD_ONLY (do not run
# what is built there), CROSS (prefix of the compiler), PROG_CFLAGS (more flags), RUN_ARGS (more
# arguments for BIN). README says more.
#
# modes: rel asan
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=${1:?usage: run.sh BIN [NAME...]}
shift
cross=${CROSS-aarch64-linux-gnu-}
limit=${TIMEOUT:-120}
case $(basename "$bin") in
qemu-system-*) engines=qemu ;;
*) engines=${ENGINES:-$(sed -n 's/^ENGINE("\([^"]*\)".*/\1/p' "$here/../../src/engine/engines.def")} ;;
esac
names=$*
[ -n "$names" ] || names=$(cd "$here" && for f in *.c *.S; do [ -f "$f" ] && echo "${f%.*}"; done | sort)
passed=0 failed=0 skipped=0

result() { # kind name text
    case $1 in
    ok) passed=$((passed + 1)) ;;
    'not ok') failed=$((failed + 1)) ;;
    skip) skipped=$((skipped + 1)) ;;
    esac
    echo "$1 $2${3:+ $3}"
}

skip_all() {
    for n in $names; do result skip "$n" "$1"; done
    echo "$passed passed, $failed failed, $skipped skipped"
    exit 0
}

command -v "${cross}gcc" >/dev/null 2>&1 || skip_all "no ${cross}gcc"
if [ ! -x "$bin" ] && ! command -v "$bin" >/dev/null 2>&1; then
    echo "run.sh: cannot execute '$bin'" >&2
    exit 2
fi
if [ -n "${KEEP:-}" ]; then
    out=$KEEP
    mkdir -p "$out"
else
    out=$(mktemp -d) || exit 2
    trap 'rm -rf "$out"' EXIT
fi

arch=armv8.6-a+crypto+sha3+fp16+fp16fml+rng+ssbs+sb+bf16+i8mm
cflags="-std=gnu11 -O1 -Wall -Wextra -Wno-unused-parameter -ffreestanding -fno-builtin -nostdlib -static
 -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fwrapv
 -mgeneral-regs-only -mstrict-align -march=$arch
 -I$here/lib ${PROG_CFLAGS:-}"
sflags="-march=$arch -nostdlib -I$here/lib ${PROG_CFLAGS:-}"

lib=
for f in "$here"/lib/*.S "$here"/lib/*.c; do
    o=$out/lib_$(basename "${f%.*}").o
    case $f in
    *.S) flags=$sflags ;;
    *) flags=$cflags ;;
    esac
    # shellcheck disable=SC2086
    "${cross}gcc" $flags -c -o "$o" "$f" || exit 2
    case $o in
    */lib_isa*) ;;
    *) lib="$lib $o" ;;
    esac
done

build() { # name -> $out/name.elf, $out/name.bin
    src=$here/$1.c flags=$cflags extra=
    [ -f "$src" ] || src=$here/$1.S flags=$sflags
    case $1 in
    isa_*) extra="$out/lib_isa.o $out/lib_isa_call.o" ;;
    esac
    # shellcheck disable=SC2086
    "${cross}gcc" $flags -c -o "$out/$1.o" "$src" &&
        "${cross}ld" --no-warn-rwx-segments -T "$here/lib/prog.ld" -o "$out/$1.elf" "$out/$1.o" $lib $extra &&
        "${cross}objcopy" -O binary "$out/$1.elf" "$out/$1.bin"
}

run() { # name engine -> $out/name.log
    image=$out/$1.bin
    case $1 in
    elf_*) image=$out/$1.elf ;;
    esac
    rm -f "$out/$1.log"
    case $(basename "$bin") in
    qemu-system-*)
        # shellcheck disable=SC2086
        timeout "$limit" "$bin" -M virt,gic-version=3 -cpu max -m 1G -display none -monitor none \
            -serial "file:$out/$1.log" -net none -kernel "$image" ${RUN_ARGS:-} </dev/null
        ;;
    *)
        # shellcheck disable=SC2086
        timeout "$limit" "$bin" run --kernel "$image" --console "file:$out/$1.log" --no-rng --quiet \
            --engine "$2" ${RUN_ARGS:-} </dev/null
        ;;
    esac
}

for n in $names; do
    if ! build "$n"; then
        result 'not ok' "$n" "(does not build)"
        continue
    fi
    [ -z "${BUILD_ONLY:-}" ] || continue
    for engine in $engines; do
        run "$n" "$engine" >"$out/$n.err" 2>&1
        status=$?
        if [ $status -eq 0 ] && grep -q '^SUCCESS' "$out/$n.log" 2>/dev/null; then
            result ok "$n,$engine"
            continue
        fi
        if [ $status -eq 124 ]; then why="(no end after $limit s)"; else why="(status $status)"; fi
        result 'not ok' "$n,$engine" "$why"
        sed 's/^/    /' "$out/$n.err" "$out/$n.log" 2>/dev/null | tail -n 100
    done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
