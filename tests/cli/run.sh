#!/bin/bash
# The command line as an operator meets it: every wrong option and damaged file ends in one line and
# the right exit status, every way out leaves terminal and files in order.
#
#   tests/cli/run.sh BINARY [CASES...]        CASES: names of files in cases/ without .sh
#
# Prints "ok NAME", "not ok NAME" (then what was seen, indented) or "skip NAME reason", and at the
# end "N passed, N failed, N skipped". Needs no kernel and no cross compiler: guests are the few
# words in guests.sh. SEED=N repeats the random damage of a run; KERNEL=FILE is a real kernel to damage
# too, by default one that tools/guest has fetched.
#
# modes: rel asan
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ $# -lt 1 ] || [ ! -x "$1" ]; then
    echo "usage: $0 BINARY [CASES...]" >&2
    exit 2
fi
bin=$(realpath "$1")
shift
. "$here/lib.sh"
. "$here/guests.sh"

[ $# -gt 0 ] || set -- help options translator images disks nets consoles ends terminal damage
for cases in "$@"; do
    . "$here/cases/$cases.sh"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
