#!/bin/bash
# usage: [UPDATE=1] tests/counts/run.sh [SOJOURN [NAME...]]
#
# Host instructions of translated code for each small program of kernels.S, compared with
# expected.txt: any difference, for better or worse, is a failure, so that it is seen. UPDATE=1
# writes the new numbers there instead (a host without AVX-512 keeps the old ones of that column).
# KEEP=FOLDER leaves programs and output there. SOJOURN names the build, its folder; default out/rel/sojourn. NAME...: those programs only.
#
# modes: rel
set -u
cd "$(dirname "$0")/../.." || exit 2
here=tests/counts
build=$(dirname "${1:-out/rel/sojourn}")
[ $# -eq 0 ] || shift
cross=${CROSS-aarch64-linux-gnu-}
if ! command -v "${cross}gcc" >/dev/null 2>&1; then
    echo "skip counts no ${cross}gcc"
    exit 77
fi
tmp=${KEEP:-$(mktemp -d)} || exit 2
[ -n "${KEEP:-}" ] || trap 'rm -rf "$tmp"' EXIT
"${cross}gcc" -c -o "$tmp/kernels.o" $here/kernels.S &&
    "${cross}ld" --no-warn-rwx-segments --section-start=.table=0x40200000 -Ttext=0x40201000 \
        -e 0 -o "$tmp/kernels.elf" "$tmp/kernels.o" &&
    "${cross}objcopy" -O binary -j .table -j .text "$tmp/kernels.elf" "$tmp/kernels.bin" || exit 2
# shellcheck disable=SC2086
${CC:-gcc} -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror ${TEST_CFLAGS:-} -Isrc \
    -Iisa -I"$build/gen" -o "$tmp/counts" $here/counts.c \
    -Wl,--start-group "$build"/lib_*.a -Wl,--end-group -pthread || exit 2

timeout ${LIMIT:-120} "$tmp/counts" "$tmp/kernels.bin" "$@" >"$tmp/new" 2>"$tmp/err"
status=$?
cat "$tmp/err"
[ $status -ne 77 ] || { cat "$tmp/new"; exit 77; }

if [ -n "${UPDATE:-}" ]; then
    [ $status -eq 0 ] || { cat "$tmp/new"; exit 1; }
    {
        cat <<'END'
# Host instructions of translated code: made by UPDATE=1 tests/counts/run.sh, see counts.c.
# program, guest instructions, host instructions with AVX2, with AVX-512
END
        awk 'FILENAME == ARGV[1] { if (!/^#/) { old[$1] = $4; line[$1] = $0 } next }
            /^#/ { next }
            { if ($4 == "-" && old[$1] != "") $4 = old[$1]; print }' $here/expected.txt "$tmp/new"
    } >"$tmp/expected"
    [ $# -eq 0 ] || { echo "UPDATE=1 is for all programs"; exit 2; }
    cp "$tmp/expected" $here/expected.txt
    exit 0
fi

awk -v named=$# '
    FILENAME == ARGV[1] { if (!/^#/) { was[$1] = $0; order[++n] = $1 } next }
    /^#/ { print; next }
    { is[$1] = $0; if (!($1 in was)) print "not ok counts/" $1 " is not in expected.txt" }
    function compare(name, what, old, new)
    {
        if (new == "-" || new == old)
            return ""
        return " " what " was " old " is " new
    }
    END {
        for (i = 1; i <= n; i++) {
            name = order[i]
            if (!(name in is)) {
                if (!named)
                    print "not ok counts/" name " did not run"
                continue
            }
            split(was[name], a); split(is[name], b)
            text = b[2] == "error" ? " has other results than with the interpreter" : \
                compare(name, "guest", a[2], b[2]) compare(name, "avx2", a[3], b[3]) \
                compare(name, "avx512", a[4], b[4])
            if (text != "")
                print "not ok counts/" name text
            else
                print "ok counts/" name
        }
        if (b[4] == "-")
            print "skip counts/avx512 the host has less than the column is for"
    }' $here/expected.txt "$tmp/new"
[ $status -le 1 ]
