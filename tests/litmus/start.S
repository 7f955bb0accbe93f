// Entry of all vCPUs, and a translation regime that makes RAM Normal, Inner Shareable, Write-Back
// memory, without which the architecture promises no order (DDI 0487, B2.7).
//
// X0: 0 for the first vCPU (the device tree is not looked at), else its number. One level-1 table,
// 4 KiB granule, T0SZ 32: 1 GiB of devices, RAM, RAM again (an alias), nothing.
#include "guest.h"

    .section .text.start, "ax"
    .global _start, secondary
_start:
    mov x0, #0
secondary:
    mov x19, x0
    msr daifset, #15
    msr spsel, #1
    adrp x1, vectors
    add x1, x1, :lo12:vectors
    msr vbar_el1, x1
    mov x1, #3 << 20
    msr cpacr_el1, x1
    mov x1, #0xff00 // Attr0 Device-nGnRnE, Attr1 Normal Write-Back
    msr mair_el1, x1
    ldr x1, =0x280803520 // IPS 40 bits, EPD1, TG0 4 KiB, SH0 inner, ORGN0 IRGN0 WB, T0SZ 32
    msr tcr_el1, x1
    adrp x1, table
    add x1, x1, :lo12:table
    msr ttbr0_el1, x1
    dsb sy
    tlbi vmalle1
    dsb sy
    isb
    mrs x1, sctlr_el1
    mov x2, #0x1005 // I, C, M
    orr x1, x1, x2
    bic x1, x1, #2 // A
    msr sctlr_el1, x1
    isb
    adrp x1, stacks
    add x1, x1, :lo12:stacks
    add x2, x19, #1
    mov x3, #STACK_BYTES
    madd x1, x2, x3, x1
    mov sp, x1
    mov x0, x19
    bl main
1:  wfi
    b 1b

    .balign 0x800
vectors:
    .rept 16
    .balign 0x80
    mrs x0, esr_el1
    mrs x1, elr_el1
    b unexpected
    .endr

    .section .data
    .balign 4096
table:
    .quad 0x401                            // device: AF, Attr0
    .quad 0x40000000 | 0x701 | 1 << 2      // AF, SH inner, Attr1
    .quad 0x40000000 | 0x701 | 1 << 2
    .quad 0

    .section .bss
    .balign 64
stacks:
    .skip STACK_BYTES * CPUS
