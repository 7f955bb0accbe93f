# Verbs, help, the manual page and the completion.

k="$tmp/off"

fails 'no verb' 2 'which verb'
fails 'unknown verb' 2 "'frob'" frob
fails 'empty verb' 2 "''" ''
fails 'an option for a verb' 2 "'--kernel'" --kernel "$k"
fails 'help about nothing' 2 "'frob'" help frob
fails 'help with too much' 2 "unexpected argument 'x'" help run x
fails 'help --completion without a shell' 2 'bash' help --completion
fails 'help --completion for another shell' 2 "'zsh'" help --completion zsh
fails 'help --man with too much' 2 "'x'" help --man x
fails 'version with too much' 2 "'x'" version x

for args in help --help -h 'help run' 'run --help' 'run -h' 'help help' 'help version' \
    'version --help' version --version -V 'help cpu' 'help --man' 'help --completion bash'; do
    sojourn $args
    if [ "$status" -eq 0 ] && [ -s "$tmp/out" ] && [ ! -s "$tmp/err" ]; then
        ok "sojourn $args"
    else
        not_ok "sojourn $args" "$(seen)"
    fi
done

sojourn help run
if [ "$(awk '{ if (length > 80) print }' "$tmp/out" | wc -l)" -eq 0 ]; then
    ok 'help run fits into 80 columns'
else
    not_ok 'help run fits into 80 columns' "$(awk '{ if (length > 80) print }' "$tmp/out")"
fi

# Every engine is named wherever one looks for it.
here_engines=$(sed -n 's/^ENGINE("\([^"]*\)".*/\1/p' "$here/../../src/engine/engines.def")
missing=
for args in version 'help run' 'help --man' 'run --engine warp --kernel none'; do
    sojourn $args
    for engine in $here_engines; do
        grep -qw -- "$engine" "$tmp/out" "$tmp/err" || missing="$missing '$args':$engine"
    done
done
if [ -z "$missing" ] && [ "$(echo "$here_engines" | wc -l)" -ge 2 ]; then
    ok 'version, help and messages name every engine'
else
    not_ok 'version, help and messages name every engine' "missing:$missing"
fi

# Every option of the parser is in help, manual page and completion.
options=$(sojourn help run; grep -oE '^  (-., )?--[a-z-]+' "$tmp/out" | grep -oE -- '--[a-z-]+')
sojourn help --man
cp "$tmp/out" "$tmp/man"
sojourn help --completion bash
missing=
for o in $options; do
    grep -qF -- "${o//-/\\-}" "$tmp/man" || missing="$missing man:$o"
    grep -qF -- "$o" "$tmp/out" || missing="$missing completion:$o"
done
if [ -z "$missing" ] && [ "$(echo "$options" | wc -l)" -gt 15 ]; then
    ok 'manual page and completion have every option'
else
    not_ok 'manual page and completion have every option' "missing:$missing"
fi

if ! command -v man >/dev/null; then
    skip 'the manual page has no formatting errors' 'man is not installed'
elif MANROFFOPT=-ww LC_ALL=C.UTF-8 man --warnings -l "$tmp/man" 2>"$tmp/err" >"$tmp/page" &&
    [ ! -s "$tmp/err" ] && grep -q 'EXIT STATUS' "$tmp/page"; then
    ok 'the manual page has no formatting errors'
else
    not_ok 'the manual page has no formatting errors' "$(head -5 "$tmp/err")"
fi

complete_with() { # WORD...: what bash would offer for the last one
    bash -c '. "$1"; shift; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sojourn;
        printf "%s\n" "${COMPREPLY[@]}"' bash "$tmp/out" "$@"
}
if [ "$(complete_with sojourn ver)" = version ] &&
    [ "$(complete_with sojourn run --kern)" = --kernel ] &&
    [ "$(complete_with sojourn run --console st)" = stdio ] &&
    [ "$(complete_with sojourn run --kernel "$tmp/of")" = "$tmp/off" ]; then
    ok 'bash completion offers verbs, options, words and files'
else
    not_ok 'bash completion offers verbs, options, words and files'
fi

"$bin" help run >/dev/full 2>"$tmp/err"
status=$?
: >"$tmp/out"
fails_check 'help to a full disk' 1 'cannot write'
"$bin" version >/dev/full 2>"$tmp/err"
status=$?
fails_check 'version to a full disk' 1 'cannot write'
