// Runs one row of an isa_*.S table: registers in, the instruction, registers out.
#include "isa.h"

    .text
    .global isa_call
isa_call: // x0: code, x1: struct isa_context
    stp x19, x20, [sp, #-16]!
    stp x29, x30, [sp, #-16]!
    mov x19, x1
    mov x20, x0
    ldp q0, q1, [x19, #C_V]
    ldp q2, q3, [x19, #C_V + 32]
    ldr x9, [x19, #C_FPCR]
    msr fpcr, x9
    msr fpsr, xzr
    ldr x9, [x19, #C_NZCV]
    lsl x9, x9, #28
    msr nzcv, x9
    ldp x10, x11, [x19, #C_X10]
    ldp x0, x1, [x19]
    ldp x2, x3, [x19, #16]
    blr x20
    mrs x9, nzcv
    stp x0, x1, [x19]
    stp x2, x3, [x19, #16]
    lsr x9, x9, #28
    stp x9, x10, [x19, #C_NZCV]
    mrs x9, fpsr
    str x9, [x19, #C_FPSR]
    msr fpcr, xzr
    stp q0, q1, [x19, #C_V]
    stp q2, q3, [x19, #C_V + 32]
    ldp x29, x30, [sp], #16
    ldp x19, x20, [sp], #16
    ret
