# shellcheck shell=bash
# Shared by the host-side scripts of this folder (bash; source it, do not run it).
#
# What it gives: error lines, the cache folder with its lock, finished-artifact bookkeeping, and a
# private apt whose architecture is arm64. The private apt has its own state, lists and sources, so
# the host's dpkg never hears of a foreign architecture and no step needs root.
#
# An artifact is a folder CACHE/KIND/NAME which holds CHECKSUMS as its last-written file; it is
# made in a temporary folder beside it and renamed, so a folder with the right name is complete.
# CACHE/KIND/current-WHAT is a link to the one in use: with it nothing asks the network.

# The release whose packages make the guests.
guest_release=bookworm
guest_arch=arm64
# Where under the cache this architecture's apt lives; a script for another one names another folder.
apt_folder=apt

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
me=${0##*/}

say() { printf '%s: %s\n' "$me" "$*" >&2; }
die() { say "$*"; exit 1; }
usage_error() { say "$* (try $me --help)"; exit 2; }

need_tools() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null ||
            die "'$tool' is not installed; run tools/install-deps --check"
    done
}

# The comment at a script's head, from line 2 to the first line that is not one, is its help.
show_help() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

cache_init() {
    local base=${XDG_CACHE_HOME:-}
    if [ -z "$base" ]; then
        [ -n "${HOME:-}" ] || die "neither XDG_CACHE_HOME nor HOME is set: no place for the cache"
        base=$HOME/.cache
    fi
    case $base in /*) ;; *) die "XDG_CACHE_HOME must be an absolute path, not '$base'" ;; esac
    cache=$base/sojourn
    mkdir -p "$cache" 2>/dev/null || die "cannot make the cache folder '$cache'"
    scratch=
    trap 'if [ -n "$scratch" ]; then chmod -R u+rwX "$scratch"; rm -rf "$scratch"; fi' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# One script at a time fetches or builds; the lock goes with the process.
cache_lock() {
    [ -z "${cache_locked:-}" ] || return 0
    exec 9>"$cache/lock" || die "cannot write '$cache/lock'"
    if ! flock -n 9; then
        say "waiting for another run that fills $cache"
        flock 9
    fi
    cache_locked=1
}

# make_scratch KIND: a temporary folder on the file system of the artifacts, removed at exit;
# those of killed runs go too (the lock is held, so nobody uses them).
make_scratch() {
    mkdir -p "$cache/$1"
    rm -rf "$cache/$1"/.new-*
    scratch=$(mktemp -d "$cache/$1/.new-XXXXXX") || die "cannot write to '$cache/$1'"
    chmod 755 "$scratch"
}

# artifact_sums FOLDER: a checksum of every file in it. A CRC finds damage, which is what is looked
# for, and is fast enough for a disk image at each use; apt has checked what came over the network.
artifact_sums() {
    (cd "$1" && find . -type f ! -name CHECKSUMS -printf '%P\0' | LC_ALL=C sort -z | xargs -0 cksum)
}

# artifact_ok FOLDER: whether it is complete and undamaged.
artifact_ok() {
    [ -f "$1/CHECKSUMS" ] && artifact_sums "$1" 2>/dev/null | cmp -s - "$1/CHECKSUMS"
}

# artifact_seal KIND NAME: $scratch becomes CACHE/KIND/NAME.
artifact_seal() {
    artifact_sums "$scratch" >"$scratch.sums"
    mv "$scratch.sums" "$scratch/CHECKSUMS"
    rm -rf "${cache:?}/$1/$2"
    mv -T "$scratch" "$cache/$1/$2"
    scratch=
}

# artifact_select KIND WHAT NAME: CACHE/KIND/current-WHAT names it from now on.
artifact_select() {
    ln -sfn "$3" "$cache/$1/.current-$2.$$"
    mv -T "$cache/$1/.current-$2.$$" "$cache/$1/current-$2"
}

# artifact_current KIND WHAT: prints the folder in use, fails when there is none or it is damaged.
artifact_current() {
    local folder
    folder=$(readlink -e "$cache/$1/current-$2") || return 1
    if ! artifact_ok "$folder"; then
        say "$folder is damaged; making it again"
        return 1
    fi
    printf '%s\n' "$folder"
}

# key FILE...: a short name for the contents of files, for folders that depend on them.
key() { cat -- "$@" | sha256sum | cut -c1-12; }

# ---- The private apt ----

# The host's own Debian sources of this release, whatever mirror they name, with the architecture
# restrictions taken out; Debian's own address where the host has none (another release, another
# distribution).
apt_sources() {
    local parts=$1 file
    local -x suites=" $guest_release $guest_release-updates $guest_release-security "
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        awk '$1 == "deb" {
                line = $0
                if (match(line, /\[[^]]*\]/)) {
                    options = substr(line, RSTART, RLENGTH)
                    rest = substr(line, RSTART + RLENGTH)
                    gsub(/arch[+-]?=[^] ]*/, "", options)
                    if (options ~ /^\[ *\]$/) options = ""
                } else {
                    options = ""
                    rest = substr(line, index(line, "deb") + 3)
                }
                n = split(rest, word, " ")
                main = 0
                for (i = 3; i <= n; i++) main += word[i] == "main"
                if (main && index(ENVIRON["suites"], " " word[2] " "))
                    print "deb", options, word[1], word[2], "main"
            }' "$file"
    done >"$parts/host.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        grep -v '^#' "$file" | awk 'BEGIN { RS = ""; FS = "\n" } {
                keep = 0; main = 0; binary = 0; text = ""
                for (i = 1; i <= NF; i++) {
                    n = split($i, word, /[ \t]+/)
                    if ($i !~ /^[ \t]/) field = tolower(word[1])
                    for (j = 1; j <= n; j++) {
                        if (field == "suites:" && index(ENVIRON["suites"], " " word[j] " "))
                            keep = 1
                        if (field == "components:" && word[j] == "main") main = 1
                        if (field == "types:" && word[j] == "deb") binary = 1
                    }
                    if (field == "types:") { if ($i !~ /^[ \t]/) text = text "Types: deb\n" }
                    else if (field !~ /^architectures/) text = text $i "\n"
                }
                if (keep && main && binary) print text
            }'
    done >"$parts/host.sources"
    if [ ! -s "$parts/host.list" ] && [ ! -s "$parts/host.sources" ]; then
        local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
        [ -r "$keyring" ] ||
            die "/etc/apt has no Debian $guest_release; install debian-archive-keyring for its own"
        cat >"$parts/debian.sources" <<END
Types: deb
URIs: http://deb.debian.org/debian
Suites: $guest_release $guest_release-updates
Components: main
Signed-By: $keyring

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: $guest_release-security
Components: main
Signed-By: $keyring
END
    fi
}

# Makes the configuration anew (the host's proxies and sources may have changed) and exports it to
# every apt program that this script runs. Call with the lock held.
apt_init() {
    local apt=$cache/$apt_folder
    [ -z "${APT_CONFIG_SOJOURN:-}" ] || return 0
    need_tools apt-get apt-cache apt-config dpkg-deb
    rm -rf "${apt:?}/etc"
    mkdir -p "$apt/etc/sources.list.d" "$apt/etc/apt.conf.d" "$apt/state/lists/partial" \
        "$apt/cache/archives/partial" "$apt/log" "$cache/debs" || die "cannot write to '$apt'"
    : >"$apt/status"
    apt_sources "$apt/etc/sources.list.d"
    # How the host reaches its mirrors (proxies, time-outs, date checks); no other setting of its.
    apt-config dump 2>/dev/null | grep '^Acquire::' |
        grep -vE '^Acquire::(IndexTargets|Languages|Changelogs|GzipIndexes|CompressionTypes)' \
            >"$apt/etc/apt.conf" || :
    cat >>"$apt/etc/apt.conf" <<END
APT::Architecture "$guest_arch";
APT::Architectures { "$guest_arch"; };
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Log "$apt/log";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "$apt/etc/apt.conf.d";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/etc/sources.list.d";
END
    export APT_CONFIG=$apt/etc/apt.conf
    APT_CONFIG_SOJOURN=1
    say "reading Debian's $guest_arch package lists"
    apt-get -q update >"$apt/log/update" 2>&1 &&
        ! grep -q '^[WE]: Failed to fetch' "$apt/log/update" ||
        die "cannot read Debian's package lists: $(apt_reason "$apt/log/update")"
}

# The first error of an apt log, for a one-line message.
apt_reason() { grep -m1 '^[EW]:' "$1" || tail -n 1 "$1"; }

# apt_candidate PACKAGE FIELD: a field of the version that would be installed.
apt_candidate() {
    apt-cache --no-all-versions show "$1" 2>/dev/null | sed -n "s/^$2: //p" | head -n 1
}

deb_file() { printf '%s/debs/%s_%s_%s.deb\n' "$cache" "$1" "${2//:/%3a}" "$3"; }

# apt_download PACKAGE=VERSION...: into CACHE/debs. apt checks each against the signed lists, and
# keeps what is there already and right.
apt_download() {
    local log=$cache/$apt_folder/log/download
    (cd "$cache/debs" && apt-get -q download "$@") >"$log" 2>&1 ||
        die "cannot download: $(apt_reason "$log")"
}

# ---- Trees and images of unpacked packages ----

# Debian's essential packages; others rely on them without saying so.
essential_packages="base-files base-passwd bash bsdutils coreutils dash debianutils diffutils dpkg
    findutils grep gzip hostname libc-bin login mawk mount ncurses-base ncurses-bin sed tar
    util-linux"

# apt_plan PACKAGE...: prints what an empty system needs for them, NAME=VERSION=ARCHITECTURE a line.
# The solver says it in lines: Inst NAME (VERSION ORIGIN... [ARCHITECTURE])
apt_plan() {
    local log=$cache/$apt_folder/log/plan
    apt-get -s --no-install-recommends install "$@" >"$log" 2>&1 ||
        die "apt cannot plan the image: $(apt_reason "$log")"
    sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*\[\([^ ]*\)\]).*/\1=\2=\3/p' "$log" | LC_ALL=C sort
}

# Downloads the packages named PACKAGE=VERSION=ARCHITECTURE and unpacks them over each other.
# Merged /usr: the links come first, and tar keeps a link where a package has a folder.
unpack_tree() {
    local tree=$1 item name version arch rest folder
    shift
    for folder in bin sbin lib; do
        mkdir -p "$tree/usr/$folder"
        ln -s "usr/$folder" "$tree/$folder"
    done
    local wanted=()
    for item; do
        wanted+=("${item%=*}")
    done
    apt_download "${wanted[@]}"
    for item; do
        name=${item%%=*} rest=${item#*=}
        version=${rest%=*} arch=${rest##*=}
        dpkg-deb --fsys-tarfile "$(deb_file "$name" "$version" "$arch")" |
            tar -x -C "$tree" --keep-directory-symlink ||
            die "cannot unpack '$(deb_file "$name" "$version" "$arch")'"
    done
}

# finish_essential TREE: accounts, and the alternatives and links that packages' scripts would have
# made for the essential packages and busybox-static.
finish_essential() {
    local tree=$1 applet
    cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
    cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
    # Alternatives and diversions.
    [ -e "$tree/usr/bin/awk" ] || ln -s mawk "$tree/usr/bin/awk"
    [ -e "$tree/usr/bin/which" ] || ln -s which.debianutils "$tree/usr/bin/which"
    [ -e "$tree/usr/bin/sh" ] || ln -s dash "$tree/usr/bin/sh"
    # busybox-static ships the program only; these have no other owner in the image.
    for applet in halt ip poweroff reboot; do
        [ -e "$tree/usr/sbin/$applet" ] || ln -s ../bin/busybox "$tree/usr/sbin/$applet"
    done
    printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 sojourn\n' >"$tree/etc/hosts"
    printf 'sojourn\n' >"$tree/etc/hostname"
    chmod 1777 "$tree/tmp"
    # Words for people; nobody reads them here.
    rm -rf "$tree"/usr/share/{doc,info,lintian,locale,man}/*
}

# make_image TREE IMAGE SIZE: an ext4 file system with the files of TREE, owned by root.
make_image() {
    local tree=$1 image=$2 size=$3 fakeroot= log=$cache/$apt_folder/log/mke2fs
    [ "$(id -u)" -eq 0 ] || fakeroot=fakeroot
    # Root reads files of mode 0; others must be let in (and let out again within the image: the
    # few such files, shadow and the like, are of no use there).
    [ -z "$fakeroot" ] || chmod -R u+rX "$tree"
    PATH=$PATH:/usr/sbin:/sbin $fakeroot mke2fs -q -t ext4 -L sojourn -U clear \
        -E root_owner=0:0,hash_seed=736f6a6f-7572-6e00-0000-000000000000 -m 0 \
        -d "$tree" "$image" "$size" >"$log" 2>&1 ||
        die "cannot make the file system: $(tail -n 1 "$log")"
}
