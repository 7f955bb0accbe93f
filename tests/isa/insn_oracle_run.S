/* void oracle_execute(struct oracle_record *r, const uint32_t *code): loads the state of *r, calls
 * the code, stores the state. Offsets are those of insn_oracle.h, asserted in insn_oracle_guest.c.
 */
        .set    X, 512
        .set    NZCV, 752
        .set    FPCR, 760
        .set    FPSR, 768

        /* All of V0..V31 with x29 at the record; X0..X28 with x29 at record + X. */
        .macro  vectors op
        .irp    n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
        .altmacro
        vector_pair \op, \n, %(\n + 1)
        .noaltmacro
        .endr
        .endm
        .macro  vector_pair op, a, b
        \op     q\a, q\b, [x29, #16 * \a]
        .endm
        .macro  generals op, one
        .irp    n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26
        .altmacro
        general_pair \op, \n, %(\n + 1)
        .noaltmacro
        .endr
        \one    x28, [x29, #8 * 28]
        .endm
        .macro  general_pair op, a, b
        \op     x\a, x\b, [x29, #8 * \a]
        .endm
        .macro  callee_saved op
        \op     x19, x20, [sp, #16]
        \op     x21, x22, [sp, #32]
        \op     x23, x24, [sp, #48]
        \op     x25, x26, [sp, #64]
        \op     x27, x28, [sp, #80]
        \op     d8, d9, [sp, #96]
        \op     d10, d11, [sp, #112]
        \op     d12, d13, [sp, #128]
        \op     d14, d15, [sp, #144]
        .endm

        .text
        .global oracle_execute
        .type   oracle_execute, %function
oracle_execute:
        stp     x29, x30, [sp, #-160]!
        callee_saved stp
        mov     x29, x0
        mov     x30, x1
        vectors ldp
        ldr     x0, [x29, #NZCV]
        msr     nzcv, x0
        ldr     x0, [x29, #FPCR]
        msr     fpcr, x0
        ldr     x0, [x29, #FPSR]
        msr     fpsr, x0
        add     x29, x29, #X
        generals ldp, ldr
        blr     x30
        generals stp, str
        sub     x29, x29, #X
        vectors stp
        mrs     x0, nzcv
        str     x0, [x29, #NZCV]
        mrs     x0, fpsr
        str     x0, [x29, #FPSR]
        msr     fpcr, xzr
        callee_saved ldp
        ldp     x29, x30, [sp], #160
        ret

        .section .note.GNU-stack, "", %progbits
