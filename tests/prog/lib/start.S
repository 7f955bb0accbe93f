// Entry, vectors and the switch between contexts. See rt.h.
//
// TPIDR_EL1 holds the struct frame that the next exception fills, TPIDRRO_EL0 is scratch of the
// vectors. Entry saves everything without a stack, since the context may have run with any SP.
#include "rt.h"

    .section .text.start, "ax"
    .global _start
_start:
    msr daifset, #15
    msr spsel, #1
    mov x19, x0
    adrp x1, rt_stack_end
    add x1, x1, :lo12:rt_stack_end
    mov sp, x1
    adrp x1, __bss_start
    add x1, x1, :lo12:__bss_start
    adrp x2, __bss_end
    add x2, x2, :lo12:__bss_end
1:  cmp x1, x2
    b.hs 2f
    stp xzr, xzr, [x1], #16
    b 1b
2:  adrp x1, rt_vectors
    add x1, x1, :lo12:rt_vectors
    msr vbar_el1, x1
    mrs x1, cpacr_el1
    orr x1, x1, #3 << 20
    msr cpacr_el1, x1
    adrp x1, rt_root
    add x1, x1, :lo12:rt_root
    adrp x2, rt_spare_end
    add x2, x2, :lo12:rt_spare_end
    str x2, [x1, #F_RTSP]
    msr tpidr_el1, x1
    isb
    mov x0, x19
    bl rt_start
3:  wfi
    b 3b

    .macro vector n
    .balign 0x80
    msr tpidrro_el0, x0
    mrs x0, tpidr_el1
    stp x1, x2, [x0, #F_X + 8]
    mov x1, #\n
    b taken
    .endm

    .text
    .balign 0x800
    .global rt_vectors
rt_vectors:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector \n
    .endr

    .balign 0x80
taken:
    stp x3, x4, [x0, #F_X + 3 * 8]
    stp x5, x6, [x0, #F_X + 5 * 8]
    stp x7, x8, [x0, #F_X + 7 * 8]
    stp x9, x10, [x0, #F_X + 9 * 8]
    stp x11, x12, [x0, #F_X + 11 * 8]
    stp x13, x14, [x0, #F_X + 13 * 8]
    stp x15, x16, [x0, #F_X + 15 * 8]
    stp x17, x18, [x0, #F_X + 17 * 8]
    stp x19, x20, [x0, #F_X + 19 * 8]
    stp x21, x22, [x0, #F_X + 21 * 8]
    stp x23, x24, [x0, #F_X + 23 * 8]
    stp x25, x26, [x0, #F_X + 25 * 8]
    stp x27, x28, [x0, #F_X + 27 * 8]
    stp x29, x30, [x0, #F_X + 29 * 8]
    mrs x2, tpidrro_el0
    str x2, [x0, #F_X]
    str x1, [x0, #F_VECTOR]
    mrs x2, nzcv
    mrs x3, daif
    stp x2, x3, [x0, #F_PS]
    mrs x2, s3_0_c4_c2_3 // PAN
    mrs x3, s3_0_c4_c2_4 // UAO
    stp x2, x3, [x0, #F_PS + 16]
    mrs x2, s3_3_c4_c2_5 // DIT
    mrs x3, s3_3_c4_c2_6 // SSBS
    stp x2, x3, [x0, #F_PS + 32]
    mrs x2, spsel
    mrs x3, currentel
    stp x2, x3, [x0, #F_PS + 48]
    mrs x2, sp_el0
    mov x3, sp
    stp x2, x3, [x0, #F_SP0]
    mrs x2, elr_el1
    mrs x4, spsr_el1
    stp x2, x4, [x0, #F_ELR]
    mrs x2, esr_el1
    mrs x4, far_el1
    stp x2, x4, [x0, #F_ESR]
    // Go on with the stack if it is the runtime's own, else with that of rt_enter().
    adrp x4, rt_stack
    add x4, x4, :lo12:rt_stack
    sub x4, x3, x4
    cmp x4, #RT_STACK_BYTES
    ldr x2, [x0, #F_RTSP]
    csel x3, x3, x2, ls
    and x3, x3, #~15
    mov sp, x3
    bl rt_exception
    mov x1, x0
    mrs x0, tpidr_el1
    cbz x1, resume
    // Leave rt_enter().
    ldr x1, [x0, #F_RTSP]
    mov sp, x1
    ldr x1, [sp, #96]
    msr tpidr_el1, x1
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    add sp, sp, #112
    ret

    .global rt_enter
rt_enter:
    sub sp, sp, #112
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    mrs x1, tpidr_el1
    str x1, [sp, #96]
    mov x2, sp
    str x2, [x0, #F_RTSP]
    mov x1, #1
    str x1, [x0, #F_ARMED]
    msr daifset, #15
    msr tpidr_el1, x0
resume:
    ldp x1, x2, [x0, #F_SP0]
    msr sp_el0, x1
    mov sp, x2
    ldp x1, x2, [x0, #F_ELR]
    msr elr_el1, x1
    msr spsr_el1, x2
    ldp x1, x2, [x0, #F_X + 8]
    ldp x3, x4, [x0, #F_X + 3 * 8]
    ldp x5, x6, [x0, #F_X + 5 * 8]
    ldp x7, x8, [x0, #F_X + 7 * 8]
    ldp x9, x10, [x0, #F_X + 9 * 8]
    ldp x11, x12, [x0, #F_X + 11 * 8]
    ldp x13, x14, [x0, #F_X + 13 * 8]
    ldp x15, x16, [x0, #F_X + 15 * 8]
    ldp x17, x18, [x0, #F_X + 17 * 8]
    ldp x19, x20, [x0, #F_X + 19 * 8]
    ldp x21, x22, [x0, #F_X + 21 * 8]
    ldp x23, x24, [x0, #F_X + 23 * 8]
    ldp x25, x26, [x0, #F_X + 25 * 8]
    ldp x27, x28, [x0, #F_X + 27 * 8]
    ldp x29, x30, [x0, #F_X + 29 * 8]
    ldr x0, [x0]
    eret

    .section .utext, "ax"
    .global rt_done
rt_done:
    svc #DONE_IMM

    .bss
    .balign 16
    .global rt_stack
rt_stack:
    .skip RT_STACK_BYTES
rt_stack_end:
    .skip 4096
rt_spare_end:
    .global rt_test_stack_end
    .skip 16384
rt_test_stack_end:
