# Kernels, initial RAM disks and device trees: good ones run, bad ones end in one line.

bad() { # NAME PATTERN FILE ARGS...
    local name=$1 pattern=$2 file=$3
    shift 3
    fails "$name" 1 "$pattern" run --console null -m 16M --kernel "$file" "$@"
}
good() { # NAME FILE ARGS...
    local name=$1 file=$2
    shift 2
    runs "$name" 0 run --console null -m 16M --kernel "$file" "$@"
}

# ---- Good ones ----
image "$tmp/off" >"$tmp/image"
image "$tmp/off" 0x20000 0x80000 >"$tmp/image80000"
elf "$tmp/off" >"$tmp/elf"
gzip -c "$tmp/image" >"$tmp/image.gz"
gzip -c "$tmp/elf" >"$tmp/elf.gz"
good 'a flat binary' "$tmp/off"
good 'an Image' "$tmp/image"
good 'an Image with a text offset' "$tmp/image80000"
good 'a gzip Image' "$tmp/image.gz"
good 'an ELF program' "$tmp/elf"
good 'a gzip ELF program' "$tmp/elf.gz"
elf "$tmp/off" 0x40000000 >"$tmp/elf.bottom"
good 'an ELF program at the start of RAM' "$tmp/elf.bottom"
head -c 100000 /dev/urandom >"$tmp/initrd"
good 'a kernel with an initrd' "$tmp/image" --initrd "$tmp/initrd" --append 'a b=c'
runs 'the smallest memory' 0 run --console null -m 4M --kernel "$tmp/off"

# ---- Files that cannot be read ----
bad 'kernel missing' "--kernel: '$tmp/none': No such file" "$tmp/none"
bad 'kernel a directory' "--kernel: '$tmp' is a directory" "$tmp"
: >"$tmp/empty"
bad 'kernel empty' "--kernel: '$tmp/empty' is empty" "$tmp/empty"
bad 'initrd missing' "--initrd: '$tmp/none'" "$tmp/image" --initrd "$tmp/none"
bad 'initrd a directory' "--initrd: '$tmp' is a directory" "$tmp/image" --initrd "$tmp"
bad 'initrd empty' "--initrd: '$tmp/empty' is empty" "$tmp/image" --initrd "$tmp/empty"
bad 'dtb missing' "--dtb: '$tmp/none'" "$tmp/image" --dtb "$tmp/none"
bad 'dtb a directory' "--dtb: '$tmp' is a directory" "$tmp/image" --dtb "$tmp"
cp "$tmp/off" "$tmp/secret"
chmod 000 "$tmp/secret"
if unprivileged test -x "$bin" 2>/dev/null; then
    unprivileged "$bin" run --kernel "$tmp/secret" </dev/null >"$tmp/out" 2>"$tmp/err"
    status=$?
    fails_check 'kernel unreadable' 1 "--kernel: '$tmp/secret': Permission denied"
else
    skip 'kernel unreadable' 'cannot run the monitor without privileges here'
fi

# ---- Damaged kernels ----
head -c -4 "$tmp/image.gz" >"$tmp/bad"
bad 'gzip cut off' "--kernel: '$tmp/bad': damaged gzip" "$tmp/bad"
cp "$tmp/image.gz" "$tmp/bad"
printf '\xff\xff\xff\xff' | patch "$tmp/bad" 30
bad 'gzip damaged' "--kernel: '$tmp/bad': damaged gzip" "$tmp/bad"
zeroes 20000000 | gzip -1 >"$tmp/bad"
bad 'gzip larger than memory' "--kernel.*16 MiB.*--memory" "$tmp/bad"
image "$tmp/off" 0x10000 0 0xb >"$tmp/bad"
bad 'Image big-endian' "--kernel: '$tmp/bad'.*big-endian" "$tmp/bad"
image "$tmp/off" 0x10000 0x200000 >"$tmp/bad"
bad 'Image with a wild text offset' "--kernel: '$tmp/bad'.*text offset" "$tmp/bad"
image "$tmp/off" 0x7fffffffffffffff >"$tmp/bad"
bad 'Image too large for memory' "--kernel: '$tmp/bad'.*16 MiB.*--memory" "$tmp/bad"
image "$tmp/off" 0x1000000 >"$tmp/bad"
bad 'Image as large as memory' "--kernel: '$tmp/bad'.*--memory" "$tmp/bad"
zeroes 17000000 >"$tmp/bad"
bad 'a file larger than memory' "--kernel: '$tmp/bad'.*16 MiB.*--memory" "$tmp/bad"
for n in 4 20 63 100 125; do
    head -c $n "$tmp/elf" >"$tmp/bad"
    bad "ELF cut off at $n" "--kernel: '$tmp/bad'.*ELF" "$tmp/bad"
done
elf "$tmp/off" 0x40100000 62 >"$tmp/bad"
bad 'ELF for x86-64' "--kernel: '$tmp/bad'.*AArch64" "$tmp/bad"
bad 'the monitor itself as a kernel' "--kernel: '$bin'" "$bin" -m 255M
elf "$tmp/off" 0x10000000 >"$tmp/bad"
bad 'ELF outside RAM' "--kernel: '$tmp/bad'.*0x10000000.*outside" "$tmp/bad"
elf "$tmp/off" 0x41000000 >"$tmp/bad"
bad 'ELF above RAM' "--kernel: '$tmp/bad'.*outside" "$tmp/bad"
elf "$tmp/off" 0x40100000 183 0x8000000000000000 >"$tmp/bad"
bad 'ELF segment that wraps' "--kernel: '$tmp/bad'.*outside" "$tmp/bad"
elf "$tmp/off" 0x40100000 183 4 >"$tmp/bad"
bad 'ELF segment smaller in memory' "--kernel: '$tmp/bad'" "$tmp/bad"
printf 'MZ\0\0zimg%4096s' '' >"$tmp/bad"
bad 'EFI zboot image' "--kernel: '$tmp/bad'.*unpack" "$tmp/bad"

# ---- Initial RAM disks ----
zeroes 14700000 >"$tmp/bad"
bad 'initrd too large beside the kernel' "--initrd: '$tmp/bad'.*--memory" "$tmp/image" --initrd "$tmp/bad"
zeroes 17000000 >"$tmp/bad"
bad 'initrd larger than memory' "--initrd: '$tmp/bad'.*--memory" "$tmp/image" --initrd "$tmp/bad"

# ---- Device trees ----
dtb >"$tmp/dtb"
bad_dtb() { # NAME
    fails "dtb $1" 1 "--dtb: '$tmp/bad'" run --console null -m 16M --kernel "$tmp/off" --dtb "$tmp/bad"
}
patched_dtb() { # NAME OFFSET VALUE
    cp "$tmp/dtb" "$tmp/bad"
    be32 "$3" | patch "$tmp/bad" "$2"
    bad_dtb "$1"
}
good 'a device tree of the user' "$tmp/off" --dtb "$tmp/dtb" --append x --initrd "$tmp/initrd"
if command -v dtc >/dev/null; then
    dtc -q -I dtb -O dtb -o "$tmp/dtc.dtb" "$tmp/dtb" &&
        good 'a device tree of dtc' "$tmp/off" --dtb "$tmp/dtc.dtb"
else
    skip 'a device tree of dtc' 'dtc is not installed'
fi
: >"$tmp/bad"; bad_dtb 'empty'
echo 'not a device tree' >"$tmp/bad"; bad_dtb 'text'
for n in 4 8 39 55 60 100 142; do
    head -c $n "$tmp/dtb" >"$tmp/bad"
    bad_dtb "cut off at $n"
done
zeroes 3000000 >"$tmp/bad"; bad_dtb 'of zeroes'
patched_dtb 'with a bad magic number' 0 0xd00dfeee
patched_dtb 'that says it is larger' 4 0x10000
patched_dtb 'that says it is huge' 4 0xffffffff
patched_dtb 'that says it is empty' 4 0
patched_dtb 'with its structure outside' 8 0x1000
patched_dtb 'with its structure misaligned' 8 57
patched_dtb 'with its strings outside' 12 0xfffffff0
patched_dtb 'with its reservations outside' 16 0x1000
patched_dtb 'of version 99 only' 24 99
patched_dtb 'with a string offset outside' 72 0x1000
patched_dtb 'with a property longer than it' 68 0x7fffffff
patched_dtb 'with an unknown token' 64 0x77
patched_dtb 'without an end' 112 4
patched_dtb 'with one node end too many' 96 2
