#!/bin/sh
# quick
#
# tools/check_layers and tools/lint find what they say they do, each in a small tree with one fault.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fresh() {
    rm -rf "$dir/t"
    mkdir -p "$dir/t/src/base" "$dir/t/src/mem" "$dir/t/src/vm/inner"
    printf '%s\n' '/* Head. */' '#ifndef BASE_A_H' '#define BASE_A_H' '#endif' >"$dir/t/src/base/a.h"
    printf '%s\n' '/* Head. */' '#include "base/a.h"' >"$dir/t/src/mem/b.c"
}

# finds NAME TOOL MESSAGE: the tool rejects the tree and says so.
finds() {
    case $2 in
        layers) text=$(cd "$dir/t" && "$root/tools/check_layers" "$root/tools/layers.txt" src 2>&1) ;;
        lint) text=$("$root/tools/lint" "$dir/t" 2>&1) ;;
    esac && { echo "not ok $1"; return; }
    case $text in
        *"$3"*) echo "ok $1" ;;
        *) echo "not ok $1"; printf '# %s\n' "$text" ;;
    esac
}

# add FILE LINE...
add() {
    file=$dir/t/src/$1
    shift
    printf '%s\n' "$@" >>"$file"
}

fresh
(cd "$dir/t" && "$root/tools/check_layers" "$root/tools/layers.txt" src) && "$root/tools/lint" "$dir/t" &&
    echo "ok clean_tree_passes" || echo "not ok clean_tree_passes"

fresh; add mem/b.c '#include "vm/vm.h"'
finds layers_rejects_include_upwards layers 'b.c:3: folder mem may not include "vm/vm.h"'
fresh; add base/a.h '#include <zlib.h>'
finds layers_rejects_library layers 'folder base may not include <zlib.h>'
fresh; add vm/c.c '/* Head. */' '#include "vm/inner/x_int.h"'
finds layers_rejects_internal_header layers 'is internal to src/vm/inner'
fresh; mkdir "$dir/t/src/new"; add new/c.c '/* Head. */'
finds layers_rejects_unknown_folder layers 'folder "new" is not in'
fresh; add mem/b.c "// TO""DO: later"
finds lint_rejects_note_to_oneself lint 'NYI(name)'
fresh; add mem/b.c '    CHECK(n++ < 3);'
finds lint_rejects_side_effect_in_check lint 'side effect'
fresh; add mem/b.c '    s = "CHECK(n++)"; CHECK(a == b && c <= d); /* CHECK(x = 1) */' '    strcpy(a, b);'
finds lint_looks_at_code_only lint 'b.c:4: banned function'
fresh; add mem/b.c '    t = time(NULL);'
finds lint_rejects_host_time lint 'host time'
fresh; add mem/b.c '#ifdef __linux__'
finds lint_rejects_conditional_compilation lint 'conditional compilation'
fresh; add mem/b.c "$(printf '%0101d' 0)"
finds lint_rejects_long_line lint '100 columns'
fresh; sed -i 1d "$dir/t/src/mem/b.c"
finds lint_rejects_file_without_head lint 'begins with a comment'
fresh; sed -i 's/BASE_A_H/A_H/' "$dir/t/src/base/a.h"
finds lint_rejects_other_guard lint 'no include guard BASE_A_H'
fresh; awk 'BEGIN { for (i = 0; i < 1001; i++) print "" }' >>"$dir/t/src/mem/b.c"
finds lint_rejects_long_file lint 'split the file'
fresh; mkdir "$dir/t/tools"; printf '%s\n' '#!/bin/bash' "trap 'rm -rf x' EXIT" 'sleep 9 &' 'kill $!' >"$dir/t/tools/a"
chmod +x "$dir/t/tools/a"
finds lint_rejects_exit_trap_of_killed_children lint 'must look at BASHPID'
