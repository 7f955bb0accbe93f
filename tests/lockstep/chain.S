/* One instruction of each of many kinds, at EL1 without an MMU; every result stays where it was put, so
 * that one wrong bit is there at the end too. After the chain the program counts for ever. */
        .text
        .globl _start
_start:
        mov     x0, #(3 << 20)
        msr     cpacr_el1, x0           // SIMD&FP
        isb
        adr     x29, data
        mov     x28, #20000             // so that the chain is not at the beginning
1:      sub     x28, x28, #1
        str     x28, [x29, #128]
        ldr     x27, [x29, #128]
        cbnz    x27, 1b                 // 80005 instructions so far

        movz    x0, #0x1234
        movk    x0, #0xabcd, lsl #16    // MOVK
        movn    x1, #0x77, lsl #32      // MOVN
        adr     x2, data                // ADR
        add     x3, x0, x1, lsr #3      // ADD_s
        eor     x4, x3, x1, ror #9      // EOR_s
        subs    x5, x3, #0x321          // SUBS_i
        ccmp    x5, #7, #5, eq          // CCMP_i
        mrs     x6, nzcv
        csel    x7, x3, x4, cc          // CSEL
        csinc   x8, x3, x4, mi          // CSINC
        lsl     x9, x4, x0              // LSLV
        madd    x10, x3, x4, x1         // MADD
        smulh   x11, x3, x4             // SMULH
        udiv    x12, x4, x0             // UDIV
        sdiv    x13, x1, x0             // SDIV
        clz     x14, x12                // CLZ
        rbit    x15, x12                // RBIT
        extr    x16, x3, x4, #13        // EXTR
        ubfx    x17, x4, #5, #33        // UBFM
        bfi     x17, x0, #40, #12       // BFM
        crc32x  w18, w13, x4            // CRC32X

        ldr     x19, [x2]               // LDR_i
        ldrsw   x20, [x2, #12]          // LDRSW_i
        ldp     x21, x22, [x2, #16]     // LDP_off
        str     x4, [x2, #32]           // STR_i
        stp     x5, x3, [x2, #40]       // STP_off
        strb    w4, [x2, #56]           // STRB_i
        add     x23, x2, #64
        ldxr    x24, [x23]              // LDXR
        stxr    w25, x4, [x23]          // STXR
        ldadd   x3, x26, [x23]          // LDADD
        add     x23, x2, #72
        swp     x4, x27, [x23]          // SWP
        mov     x28, x1
        cas     x28, x3, [x23]          // CAS

        scvtf   d0, x4                  // SCVTF_f
        fadd    d1, d0, d0              // FADD_f
        fmadd   d2, d1, d0, d1          // FMADD_f
        fsqrt   d3, d2                  // FSQRT_f
        dup     v4.4s, w4               // DUP_g
        ldr     q5, [x2, #80]           // LDR_q_i
        add     v6.4s, v4.4s, v5.4s     // ADD_v
        fmul    v7.2d, v6.2d, v5.2d     // FMUL_v
        movi    v9.16b, #15
        and     v9.16b, v9.16b, v6.16b
        tbl     v8.16b, {v5.16b}, v9.16b // TBL_v
        mov     v9.16b, v5.16b
        aese    v9.16b, v6.16b          // AESE
        addv    s10, v6.4s              // ADDV_v
        umov    x30, v6.d[1]            // UMOV_x
        str     q8, [x2, #96]           // STR_q_i
        mov     v11.d[0], x30
        mrs     x30, fpsr
        mov     v12.d[0], x30

        msr     tpidr_el1, x4           // MSR_r
        bl      2f                      // BL
        nop
2:      mov     v13.d[0], x30
        mov     x30, #0
3:      add     x30, x30, #1
        b       3b

        .align  6
data:   .quad   0x0123456789abcdef, 0xfedcba9876543210, 0x0f1e2d3c4b5a6978, 0x8796a5b4c3d2e1f0
        .quad   0, 0, 0, 0
        .quad   0x1111111111111111, 0x2222222222222222, 0x3ff0a0b0c0d0e0f1, 0x400123456789abcd
        .zero   256
