// EL2 entry and the switch to a trial and back. See trial.h and runner.c.
// TPIDR_EL2 holds the struct el1_state.
#define X(n) (8 * (n))
#define SP0 (31 * 8)
#define PC (33 * 8)
#define V (35 * 8)
#define FPCR (V + 512)

    .section .text.start, "ax"
    .global _start
_start:
    adrp x1, stack_end
    add x1, x1, :lo12:stack_end
    mov sp, x1
    adrp x1, vectors
    add x1, x1, :lo12:vectors
    msr vbar_el2, x1
    mov x1, #0x33ff
    msr cptr_el2, x1
    isb
    bl runner_main
1:  wfi
    b 1b

    .text
    .balign 0x800
vectors:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    .balign 0x80
    b failed
    .endr
    .balign 0x80
    b leave
    .irp n, 9, 10, 11, 12, 13, 14, 15
    .balign 0x80
    b failed
    .endr

failed:
    mrs x0, esr_el2
    mrs x1, elr_el2
    b runner_failed

leave:
    stp x0, x1, [sp, #-16]!
    mrs x0, tpidr_el2
    stp x2, x3, [x0, #X(2)]
    stp x4, x5, [x0, #X(4)]
    stp x6, x7, [x0, #X(6)]
    stp x8, x9, [x0, #X(8)]
    stp x10, x11, [x0, #X(10)]
    stp x12, x13, [x0, #X(12)]
    stp x14, x15, [x0, #X(14)]
    stp x16, x17, [x0, #X(16)]
    stp x18, x19, [x0, #X(18)]
    stp x20, x21, [x0, #X(20)]
    stp x22, x23, [x0, #X(22)]
    stp x24, x25, [x0, #X(24)]
    stp x26, x27, [x0, #X(26)]
    stp x28, x29, [x0, #X(28)]
    str x30, [x0, #X(30)]
    ldp x1, x2, [sp], #16
    stp x1, x2, [x0]
    mrs x1, sp_el0
    mrs x2, sp_el1
    stp x1, x2, [x0, #SP0]
    mrs x1, elr_el2
    mrs x2, spsr_el2
    stp x1, x2, [x0, #PC]
    add x1, x0, #V
    .irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28
    stp q\n, q30, [x1, #\n * 16]
    .endr
    stp q30, q31, [x1, #480]
    .irp n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29
    str q\n, [x1, #\n * 16]
    .endr
    mrs x1, fpcr
    mrs x2, fpsr
    add x3, x0, #FPCR
    stp x1, x2, [x3]
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    add sp, sp, #96
    ret

    .global runner_enter
runner_enter:
    sub sp, sp, #96
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    msr tpidr_el2, x0
    ldp x1, x2, [x0, #SP0]
    msr sp_el0, x1
    msr sp_el1, x2
    ldp x1, x2, [x0, #PC]
    msr elr_el2, x1
    msr spsr_el2, x2
    add x3, x0, #FPCR
    ldp x1, x2, [x3]
    msr fpcr, x1
    msr fpsr, x2
    add x1, x0, #V
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ldr q\n, [x1, #\n * 16]
    .endr
    ldp x2, x3, [x0, #X(2)]
    ldp x4, x5, [x0, #X(4)]
    ldp x6, x7, [x0, #X(6)]
    ldp x8, x9, [x0, #X(8)]
    ldp x10, x11, [x0, #X(10)]
    ldp x12, x13, [x0, #X(12)]
    ldp x14, x15, [x0, #X(14)]
    ldp x16, x17, [x0, #X(16)]
    ldp x18, x19, [x0, #X(18)]
    ldp x20, x21, [x0, #X(20)]
    ldp x22, x23, [x0, #X(22)]
    ldp x24, x25, [x0, #X(24)]
    ldp x26, x27, [x0, #X(26)]
    ldp x28, x29, [x0, #X(28)]
    ldr x30, [x0, #X(30)]
    ldp x0, x1, [x0]
    eret

    .bss
    .balign 16
    .skip 8192
stack_end:
