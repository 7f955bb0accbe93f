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

# instructions WORDS STATES FEWER: WORDS of each line with the interpreter, which is the specification
# of other engines, FEWER with the translator in both forms of host code. E: other engines.
instructions() {
    words=$1 states=$2
    for engine in ${E:-interp jit jit,stress=avx2}; do
        E=$engine N=${N:-$words} K=${K:-$states} tests/isa/random/random.sh "$build"
        code=$?
        case $code in
            0 | 1 | 77) ;;
            *) echo "not ok random,$engine ended with status $code" ;;
        esac
        words=$3
    done
}

case $build in
    *asan*)
        TEST_CFLAGS="-fsanitize=address,undefined"
        export TEST_CFLAGS
        instructions 10 2 3
        exit 0 ;;
esac
script isagen tests/isa/isagen_check.sh "$build"
script objdump tests/isa/objdump_check.sh "$build"
script alloc tests/isa/alloc_check.sh "$build"
script fp_oracle tests/isa/fp_oracle.sh "${N:-2000}" "${SEED:-1}"
if [ -n "${CHECK_QUICK:-}" ]; then
    instructions 20 3 10
else
    instructions 1000 3 200
fi
exit 0 # the lines say what failed
