// Entry and vectors of the guests; see guest.h.
    .section .text.start, "ax"
    .global _start
_start:
    msr daifset, #15
    adrp x1, stack_end
    add x1, x1, :lo12:stack_end
    mov sp, x1
    mov x1, #3 << 20
    msr cpacr_el1, x1
    adrp x1, vectors
    add x1, x1, :lo12:vectors
    msr vbar_el1, x1
    isb
    bl guest_main
    bl power_off

    .text
    .balign 0x800
vectors:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .if (\n & 3) == 1 || (\n & 3) == 2
    b interrupt
    .else
    b trap
    .endif
    .balign 0x80
    .endr

// The timers are the only sources: off until the guest sets them again.
interrupt:
    stp x0, x1, [sp, #-16]!
    msr cntv_ctl_el0, xzr
    msr cntp_ctl_el0, xzr
    mrs x0, s3_0_c12_c12_0 // ICC_IAR1_EL1
    msr s3_0_c12_c12_1, x0 // ICC_EOIR1_EL1
    ldp x0, x1, [sp], #16
    eret

trap:
    stp x0, x1, [sp, #-32]!
    stp x2, x3, [sp, #16]
    adrp x0, trap_count
    add x0, x0, :lo12:trap_count
    ldr x1, [x0]
    add x1, x1, #1
    str x1, [x0]
    mrs x2, esr_el1
    mrs x3, far_el1
    stp x2, x3, [x0, #8]
    mrs x1, elr_el1
    add x1, x1, #4
    lsr x2, x2, #26
    sub x3, x2, #0x20
    cmp x3, #2 // 0x20, 0x21: instruction abort; 0x22: PC alignment
    b.hi 1f
    ldr x1, [x0, #24]
1:  msr elr_el1, x1
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp], #32
    eret

    .global hvc
hvc:
    hvc #0
    ret

    .global semihost
semihost:
    hlt #0xf000
    ret

    .data
    .balign 8
    .global trap_count, trap_esr, trap_far, trap_resume
trap_count: .quad 0
trap_esr: .quad 0
trap_far: .quad 0
trap_resume: .quad 0

    .bss
    .balign 16
    .skip 16384
stack_end:
