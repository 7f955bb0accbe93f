#!/bin/sh
# modes: rel asan
# quick
#
# usage: tests/isa/run.sh [SOJOURN]
#
# The instruction set: the generator of the tables, the decoder and the disassembler against objdump,
# floating-point arithmetic and whole instructions against qemu-user. Under a sanitizer only the
# instructions, fewer of them. SOJOURN names the build, its folder; default out/rel/sojourn.
set -u
cd "$(dirname "$0")/../.."
build=$(dirname "${1:-out/rel/sojourn}")

# script NAME COMMAND...: one test, by its exit status.
script() {
    name=$1 status=0
    shift
    text=$("$@" 2>&1) || status=$?
    printf '%s\n' "$text" | sed 's/^/# /'
    case $status in
        0) echo "ok $name" ;;
        77) echo "skip $name $(printf '%s\n' "$text" | grep -i skip | head -n 1)" ;;
        *) echo "not ok $name" ;;
    esac
}

case $build in
    *asan*)
        TEST_CFLAGS="-fsanitize=address,undefined" N=${N:-10} K=${K:-2} tests/isa/random/random.sh "$build"
        exit ;;
esac
script isagen tests/isa/isagen_check.sh "$build"
script objdump tests/isa/objdump_check.sh "$build"
script alloc tests/isa/alloc_check.sh "$build"
script fp_oracle tests/isa/fp_oracle.sh "${N:-2000}" "${SEED:-1}"
N=${N:-${CHECK_QUICK:+20}}
N=${N:-1000} K=${K:-3} tests/isa/random/random.sh "$build"
