// Small programs of which the host instructions are counted; see counts.c.
//
// Each is run with X0 = a few rounds and with more of them; the difference is what counts. X1 = 64 KiB of data (random bytes, the same in every
// run), SP = a stack, NZCV = 0, everything else 0, at EL1, and ends with HVC #0. What is in memory
// and registers then must be the same with every engine. Registers are used as compilers use them:
// the low ones first, X19 and up across calls.

    .arch armv8.2-a+crypto+lse+crc+rcpc
    .equ EL0_ALIAS, 0x40000000 // added to an address: the same memory, for EL0

    .macro kernel name, few, many
    .section .table, "a"
1:  .ascii "\name"
    .skip 24 - (. - 1b)
    .quad k_\name, \few, \many
    .text
    .balign 4096
k_\name:
    .endm

    .macro done
    hvc #0
    .endm

    // ---- System registers ----

    kernel counter, 8, 24 // the clock has a line, see counts.c; what it shows is nobody's business
1:  mrs x2, cntvct_el0
    isb
    mrs x3, cntpct_el0
    mov x2, #0
    mov x3, #0
    subs x0, x0, #1
    b.ne 1b
    done

    kernel context, 8, 24 // what a change of context saves and loads, translation apart
    fmov d0, #1.0
    fmov d1, #3.0
1:  mrs x2, fpsr
    mrs x3, fpcr
    fdiv d2, d0, d1
    mrs x4, fpsr
    msr fpsr, x2
    msr contextidr_el1, x0
    mrs x5, tpidr_el0
    msr tpidr_el0, x2
    add x6, x6, x4
    subs x0, x0, #1
    b.ne 1b
    done

    // ---- Integers ----

    kernel alu, 8, 24
    mov x2, #3
    mov x3, #5
    mov x4, #7
1:  add x2, x2, x3
    eor x4, x4, x2, lsl #3
    sub x5, x4, x3
    and x6, x5, #0xff00ff00ff00ff
    orr x3, x6, x2, lsr #7
    add w7, w5, w6
    lsl x8, x2, x7
    add x9, x8, w7, uxtw #2
    mvn x10, x9
    bic x11, x10, x4
    movz x12, #0x1234, lsl #16
    movk x12, #0x5678
    add x2, x11, x12
    sub x0, x0, #1
    cbnz x0, 1b
    done

    kernel bits, 8, 24
    ldr x2, [x1]
1:  clz x3, x2
    rbit x4, x2
    ubfx x5, x4, #7, #21
    sbfx x6, x2, #3, #9
    bfi x5, x6, #11, #13
    rev x7, x5
    rev16 w8, w7
    extr x9, x7, x2, #19
    ror x10, x9, x3
    cls w11, w10
    asr x12, x10, #5
    ubfiz x13, x11, #4, #6
    eor x2, x12, x13
    tbz x2, #3, 2f
    add x2, x2, #1
2:  subs x0, x0, #1
    b.ne 1b
    done

    kernel flags, 8, 24
    ldp x2, x3, [x1]
    ldp x4, x5, [x1, #16]
1:  adds x6, x2, x4
    adcs x7, x3, x5
    cset x8, cs
    subs x9, x6, x2
    sbcs x10, x7, x3
    csel x11, x9, x10, lo
    cmp x11, x2
    ccmp x10, #17, #4, hi
    csinc x12, x3, x4, gt
    cmn w12, w8
    csneg x13, x11, x12, vs
    tst x13, #0xff0
    cinc x2, x13, ne
    cmp w2, #100
    b.le 2f
    eor x3, x3, x2
2:  subs x0, x0, #1
    b.hi 1b
    done

    kernel muldiv, 8, 24
    ldp x2, x3, [x1]
1:  madd x4, x2, x3, x0
    msub x5, x4, x3, x2
    umulh x6, x4, x5
    smull x7, w4, w6
    umaddl x8, w5, w6, x7
    orr x9, x3, #1
    udiv x10, x8, x9
    sdiv w11, w8, w10
    msub x12, x10, x9, x8
    smulh x13, x12, x4
    eor x2, x12, x13
    add x3, x3, x11
    subs x0, x0, #1
    b.ne 1b
    done

    kernel hash, 2, 6
    mov x2, #0x9dc5
    movk x2, #0x811c, lsl #16
    mov x3, #0x0193
    movk x3, #0x0100, lsl #16
    mov x4, x1
1:  mov w5, #8
2:  ldrb w6, [x4], #1
    eor w2, w2, w6
    mul w2, w2, w3
    subs w5, w5, #1
    b.ne 2b
    ror w2, w2, #13
    add w2, w2, w2, lsl #2
    subs x0, x0, #1
    b.ne 1b
    done

    kernel crc32, 8, 24
    mov w2, #-1
    mov x4, x1
1:  ldr x3, [x4], #8
    crc32x w2, w2, x3
    crc32cx w2, w2, x3
    ldrb w5, [x4, #3]
    crc32cb w2, w2, w5
    subs x0, x0, #1
    b.ne 1b
    done

    // ---- Memory ----

    kernel ldst, 8, 24
    add x2, x1, #256
1:  ldr x3, [x2, #8]
    ldrb w4, [x2, #3]
    ldrsh x5, [x2, #6]
    ldp x6, x7, [x2, #16]
    add x3, x3, x4
    add x6, x6, x5
    str x3, [x2, #24]
    strb w6, [x2, #1]
    stp x7, x6, [x2, #32]
    ldrsw x8, [x1, x0, lsl #2]
    str w8, [x2, #48]!
    ldur x9, [x2, #-17]
    str x9, [x2], #-40
    subs x0, x0, #1
    b.ne 1b
    done

    kernel memcpy, 8, 24
    add x2, x1, #0x4000
    mov x3, x1
1:  ldp q0, q1, [x3]
    ldp q2, q3, [x3, #32]
    add x3, x3, #64
    stp q0, q1, [x2]
    stp q2, q3, [x2, #32]
    add x2, x2, #64
    subs x0, x0, #1
    b.ne 1b
    done

    kernel prefetch, 8, 24
    mov x2, #64
1:  prfm pldl1keep, [x1, #256]
    prfm pstl1keep, [x1, x2]
    ldr x3, [x1]
    prfum pldl2strm, [x1, #-8]
    add x1, x1, #64
    subs x0, x0, #1
    b.ne 1b
    done

    kernel strlen, 1, 3
    mov w3, #1
    mov x2, x1
    mov x4, #0
1:  strb w3, [x2, x4] // no zero among the first 100
    add x4, x4, #1
    cmp x4, #100
    b.ne 1b
    strb wzr, [x2, x4]
    mov x19, x0
2:  mov x0, x1
    bl 3f
    add x20, x20, x0
    subs x19, x19, #1
    b.ne 2b
    mov x0, x20
    done
3:  mov x2, x0
4:  ldrb w3, [x2], #1
    cbnz w3, 4b
    sub x0, x2, x0
    sub x0, x0, #1
    ret

    kernel strcmp, 1, 3
    add x3, x1, #0x1000
    mov x4, #0
1:  ldr x5, [x1, x4]
    str x5, [x3, x4]
    add x4, x4, #8
    cmp x4, #64
    b.ne 1b
    strb wzr, [x3, #40]
2:  mov x4, #0
3:  ldrb w5, [x1, x4]
    ldrb w6, [x3, x4]
    add x4, x4, #1
    cmp w5, #0
    ccmp w5, w6, #0, ne
    b.eq 3b
    sub w7, w5, w6
    add w8, w8, w7
    subs x0, x0, #1
    b.ne 2b
    done

    kernel list, 1, 2
    mov x2, #0
1:  add x3, x2, #37 // element n leads to n + 37 mod 64
    and x3, x3, #63
    add x4, x1, x2, lsl #4
    add x5, x1, x3, lsl #4
    str x5, [x4]
    add x2, x2, #1
    cmp x2, #64
    b.ne 1b
2:  mov x2, x1
    mov x3, #0
3:  ldr x4, [x2, #8]
    ldr x2, [x2]
    add x3, x3, x4
    cmp x2, x1
    b.ne 3b
    subs x0, x0, #1
    b.ne 2b
    mov x0, x3
    done

    kernel sort, 8, 20
    // insertion sort of words
    mov x2, #1
1:  ldr w3, [x1, x2, lsl #2]
    mov x4, x2
2:  sub x5, x4, #1
    ldr w6, [x1, x5, lsl #2]
    cmp w6, w3
    b.ls 3f
    str w6, [x1, x4, lsl #2]
    mov x4, x5
    cbnz x4, 2b
3:  str w3, [x1, x4, lsl #2]
    add x2, x2, #1
    cmp x2, x0
    b.ne 1b
    done

    kernel atomics, 8, 24
    mov x2, #1
    mov x3, #3
    add x10, x1, #8
    add x11, x1, #16
    add x12, x1, #24
1:  ldadd x2, x4, [x1]
    swpal w3, w5, [x10]
    ldset x3, x6, [x11]
    mov x7, x4
    casal x7, x0, [x1]
    ldar x8, [x1]
    stlr x8, [x12]
    ldapr x9, [x1]
    dmb ish
    add x3, x3, x9
    subs x0, x0, #1
    b.ne 1b
    done

    // ---- Control ----

    kernel fib, 5, 8
    bl 1f
    done
1:  cmp x0, #1
    b.ls 2f
    stp x29, x30, [sp, #-32]!
    mov x29, sp
    stp x19, x20, [sp, #16]
    mov x19, x0
    sub x0, x0, #1
    bl 1b
    mov x20, x0
    sub x0, x19, #2
    bl 1b
    add x0, x0, x20
    ldp x19, x20, [sp, #16]
    ldp x29, x30, [sp], #32
2:  ret

    kernel indirect, 8, 40
    mov x19, x0
    adr x2, 5f
    adr x3, 6f
    stp x2, x3, [x1]
    mov x20, x1
    mov x0, #0
1:  and x2, x19, #1
    ldr x2, [x20, x2, lsl #3]
    blr x2
    subs x19, x19, #1
    b.ne 1b
    done
5:  add x0, x0, #3
    ret
6:  eor x0, x0, #0x7f
    ret

    kernel switch, 8, 40
    adr x4, 10f
1:  and x2, x0, #3
    ldrb w3, [x4, x2]
    adr x5, 11f
    add x3, x5, w3, uxtb #2
    br x3
10: .byte (20f - 11f) / 4, (21f - 11f) / 4, (22f - 11f) / 4, (23f - 11f) / 4
11:
20: add x6, x6, #1
    b 2f
21: add x6, x6, x2
    b 2f
22: eor x6, x6, x0
    b 2f
23: lsl x6, x6, #1
2:  subs x0, x0, #1
    b.ne 1b
    done

    kernel pages, 8, 40
    // a call into another page and a branch to and fro
    mov x19, x0
1:  mov x0, x19
    bl 2f
    add x20, x20, x0
    b 3f
    .balign 4096
2:  add x0, x0, #5
    ret
3:  eor x20, x20, #15
    b 4f
    .balign 4096
4:  subs x19, x19, #1
    b.ne 1b
    done

    kernel svc, 4, 12
    // system calls: a loop at EL0, a handler that keeps what it uses
    adr x2, 9f
    msr vbar_el1, x2
    mov x2, #EL0_ALIAS
    adr x3, 1f
    add x3, x3, x2
    msr elr_el1, x3
    msr spsr_el1, xzr
    mov x8, #64
    eret
1:  svc #0
    add x3, x3, x0
    sub x0, x0, #1
    cbnz x0, 1b
    mov x8, #93
    svc #0
    .balign 2048
9:  .skip 0x400
    // synchronous, from EL0 with AArch64
    stp x0, x1, [sp, #-48]!
    stp x2, x3, [sp, #16]
    mrs x1, esr_el1
    lsr x1, x1, #26
    cmp x1, #0x15
    b.ne 3f
    cmp x8, #93
    b.eq 3f
    mrs x2, elr_el1
    mrs x3, spsr_el1
    stp x2, x3, [sp, #32]
    add x9, x9, #1
    ldp x2, x3, [sp, #32]
    msr elr_el1, x2
    msr spsr_el1, x3
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp], #48
    eret
3:  done

    // ---- Floating point and vectors ----

    kernel fp_scalar, 4, 16
    ldr w2, [x1]
    ucvtf d0, w2
    fmov d1, #1.5
    fmov d2, #0.125
    fmov s16, #3.0
1:  fadd d3, d0, d1
    fmul d4, d3, d2
    fmadd d5, d4, d1, d3
    fsub d6, d5, d0
    fdiv d7, d6, d1
    fsqrt d17, d7
    fabs d18, d17
    fcvt s19, d18
    fmul s20, s19, s16
    fcvt d21, s20
    fcmp d21, d1
    fcsel d0, d21, d18, gt
    fcvtzs x3, d0
    scvtf d22, x3
    fmax d0, d0, d22
    subs x0, x0, #1
    b.ne 1b
    done

    kernel fp_vector, 4, 16
    fmov v0.4s, #1.0
    fmov v1.4s, #0.5
    fmov v2.2d, #0.25
    fmov v3.2d, #3.0
1:  fmla v4.4s, v0.4s, v1.4s
    fadd v5.4s, v4.4s, v0.4s
    fmul v6.4s, v5.4s, v1.s[2]
    fmla v7.2d, v2.2d, v3.2d
    fsub v16.2d, v7.2d, v2.2d
    fmax v17.4s, v6.4s, v5.4s
    fcmgt v18.4s, v17.4s, v6.4s
    bsl v18.16b, v5.16b, v6.16b
    faddp v19.4s, v18.4s, v17.4s
    scvtf v20.4s, v18.4s
    fcvtzs v21.4s, v19.4s
    subs x0, x0, #1
    b.ne 1b
    done

    kernel neon, 4, 16
    mov x2, x1
    movi v16.16b, #15
1:  ldr q0, [x2], #16
    and v1.16b, v0.16b, v16.16b
    ushr v2.16b, v0.16b, #4
    tbl v3.16b, {v0.16b}, v1.16b
    add v4.8h, v3.8h, v2.8h
    umull v5.8h, v1.8b, v2.8b
    mla v6.4s, v5.4s, v4.4s
    zip1 v7.16b, v3.16b, v2.16b
    cmeq v17.16b, v7.16b, v1.16b
    umax v18.16b, v7.16b, v0.16b
    uaddlv h19, v18.16b
    umov w3, v19.h[0]
    add w4, w4, w3
    dup v20.4s, w4
    eor v6.16b, v6.16b, v20.16b
    uqadd v21.16b, v6.16b, v0.16b
    xtn v22.8b, v21.8h
    str d22, [x2, #0x4000]
    subs x0, x0, #1
    b.ne 1b
    done

    kernel aes, 4, 16
    ldp q1, q2, [x1]
    ldp q3, q4, [x1, #32]
    mov x2, x1
1:  ldr q0, [x2]
    aese v0.16b, v1.16b
    aesmc v0.16b, v0.16b
    aese v0.16b, v2.16b
    aesmc v0.16b, v0.16b
    aese v0.16b, v3.16b
    eor v0.16b, v0.16b, v4.16b
    aesd v5.16b, v2.16b
    aesimc v5.16b, v5.16b
    pmull v6.1q, v0.1d, v1.1d
    pmull2 v7.1q, v0.2d, v1.2d
    eor v5.16b, v6.16b, v7.16b
    str q5, [x2], #16
    subs x0, x0, #1
    b.ne 1b
    done

    kernel sha256, 4, 16
    ldp q0, q1, [x1]
    ldp q4, q5, [x1, #32]
    ldp q6, q7, [x1, #64]
1:  add v2.4s, v4.4s, v16.4s
    mov v3.16b, v0.16b
    sha256h q0, q1, v2.4s
    sha256h2 q1, q3, v2.4s
    sha256su0 v4.4s, v5.4s
    sha256su1 v4.4s, v6.4s, v7.4s
    sha1h s17, s0
    sha1c q18, s17, v4.4s
    sha1su1 v5.4s, v4.4s
    ext v6.16b, v6.16b, v7.16b, #4
    rev32 v7.16b, v4.16b
    subs x0, x0, #1
    b.ne 1b
    done

    .section .table, "a"
    .skip 48
