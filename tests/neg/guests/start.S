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
    .rept 16
    b trap
    .balign 0x80
    .endr

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
    and x3, x2, #0x3e
    cmp x3, #0x20 // instruction abort
    ccmp x2, #0x22, #4, ne // PC alignment
    b.ne 1f
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
