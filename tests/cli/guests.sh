# Guests: A64 words, with their assembly beside them. Made into files in $tmp.

psci_off() { # SYSTEM_OFF: mov w0, #0x84000008; hvc #0
    words 0x52800100 0x72b08000 0xd4000002
}

psci_off >"$tmp/off"

# SYSTEM_RESET: mov w0, #0x84000009; hvc #0
words 0x52800120 0x72b08000 0xd4000002 >"$tmp/reset"

# Prints "R\n" at the PL011 and sleeps: mov x1, #0x9000000; mov w0, #'R'; strb w0, [x1]; mov w0, #10;
# strb w0, [x1]; 1: wfi; b 1b
words 0xd2a12001 0x52800a40 0x39000020 0x52800140 0x39000020 0xd503207f 0x17ffffff >"$tmp/ready"

# Prints "R\n" and powers off.
{ words 0xd2a12001 0x52800a40 0x39000020 0x52800140 0x39000020; psci_off; } >"$tmp/hello"

# Runs without end: b .
words 0x14000000 >"$tmp/spin"

# Prints without end: mov x1, #0x9000000; mov w0, #'x'; 1: strb w0, [x1]; b 1b
words 0xd2a12001 0x52800f00 0x39000020 0x17ffffff >"$tmp/flood"

# Prints what it reads: mov x1, #0x9000000; mov w0, #0x301; str w0, [x1, #0x30] (UARTEN, TXE, RXE);
# 1: ldr w0, [x1, #0x18]; tbnz w0, #4, 1b; ldrb w0, [x1]; strb w0, [x1]; b 1b
words 0xd2a12001 0x52806020 0xb9003020 0xb9401820 0x3727ffe0 0x39400020 0x39000020 0x17fffffc >"$tmp/echo"

# Semihosting SYS_EXIT with status $1: adr x1, 1f; mov w0, #0x18; hlt #0xf000; 1: .quad 0x20026, $1
semihost_exit() {
    words 0x10000061 0x52800300 0xd45e0000 0x20026 0 "$1" 0
}
semihost_exit 42 >"$tmp/exit42"

# Semihosting SYS_WRITE0 "hello\n", then SYS_EXIT 0: adr x1, 2f; mov w0, #4; hlt #0xf000; adr x1, 1f;
# mov w0, #0x18; hlt #0xf000; 1: .quad 0x20026, 0; 2: .asciz "hello\n"
{
    words 0x10000141 0x52800080 0xd45e0000 0x10000061 0x52800300 0xd45e0000 0x20026 0 0 0
    printf 'hello\n\0\0'
} >"$tmp/semihello"

# Semihosting SYS_OPEN "f" for writing; exit status = the handle, 255 when that fails (-1):
# adr x1, 1f; mov w0, #1; hlt #0xf000; adr x1, 2f; str x0, [x1, #8]; mov w0, #0x18; hlt #0xf000;
# nop; 1: .quad 3f, 4, 1; 2: .quad 0x20026, 0; 3: .asciz "f"
# Its address in 1: is that of a flat binary, 0x40080000 + 0x48.
{
    words 0x10000101 0x52800020 0xd45e0000 0x10000161 0xf9000420 0x52800300 0xd45e0000 0xd503201f
    words 0x40080048 0 4 0 1 0 0x20026 0 0 0
    printf 'f\0\0\0'
} >"$tmp/semiopen"

# Semihosting SYS_READC; exit status = the character: mov x1, #0; mov w0, #7; hlt #0xf000; adr x1, 2f;
# str x0, [x1, #8]; mov w0, #0x18; hlt #0xf000; nop; 2: .quad 0x20026, 0
words 0xd2800001 0x528000e0 0xd45e0000 0x100000a1 0xf9000420 0x52800300 0xd45e0000 0xd503201f \
    0x20026 0 0 0 >"$tmp/semiread"

# image CODE-FILE [IMAGE_SIZE [TEXT_OFFSET [FLAGS]]]: an arm64 Image whose code0 jumps over the header.
image() {
    words 0x14000010 0
    le "${3:-0}" 8
    le "${2:-0x10000}" 8
    le "${4:-0xa}" 8
    zeroes 24
    words 0x644d5241 0
    cat "$1"
}

# elf CODE-FILE [PHYSICAL [MACHINE [MEMORY_BYTES [FILE_BYTES]]]]: one loadable segment.
elf() {
    local size
    size=$(stat -c %s "$1")
    printf '\x7fELF\x02\x01\x01'
    zeroes 9
    le 2 2                       # ET_EXEC
    le "${3:-183}" 2             # EM_AARCH64
    le 1 4
    le "${2:-0x40100000}" 8      # entry
    le 64 8                      # program headers
    le 0 8
    le 0 4
    le 64 2; le 56 2; le 1 2; le 64 2; le 0 2; le 0 2
    le 1 4; le 7 4               # PT_LOAD
    le 120 8                     # offset
    le "${2:-0x40100000}" 8; le "${2:-0x40100000}" 8
    le "${5:-$size}" 8
    le "${4:-0x1000}" 8
    le 4096 8
    cat "$1"
}

# dtb: the smallest good device tree: a root node with #address-cells and #size-cells of 2.
dtb() {
    local strings='#address-cells\0#size-cells\0'
    be32 0xd00dfeed 143 56 116 40 17 16 0 27 60
    zeroes 16
    be32 1 0  3 4 0 2  3 4 15 2  1 0x63687500 2  2  9 # root { cells; chu {} }
    printf "$strings"
}
