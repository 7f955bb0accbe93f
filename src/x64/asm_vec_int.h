/* Between the vector files: the emitter of asm_vec.c for instructions that are not rows of
 * vec_ops.def, and the flags of those rows. */
#ifndef X64_ASM_VEC_INT_H
#define X64_ASM_VEC_INT_H

#include "x64/asm_int.h"

/* Flags of the rows: see vec_ops.def. */
enum {
    IMM = 1,
    ER = 2,
    SAE = 4,
    KD = 8,
    NM = 16,
    NARROW = 32,
    BC = 64,
    ST66 = 128,
};

/* Operands besides that of ModRM.rm. */
struct x64_vec {
    int8_t reg;        /* ModRM.reg */
    int8_t v;          /* vvvv; 0 if unused */
    bool evex;         /* even if VEX would do */
    bool b;            /* EVEX.b: broadcast, or rounding mode rc */
    uint8_t rc;
    uint8_t k;         /* EVEX.aaa */
    bool z;
    uint8_t imm_bytes; /* 0 or 1 */
    uint8_t imm;
};

/* op as asm_int.h writes opcodes. row_w: bit 0 is W in VEX, bit 1 is W in EVEX. enc: bit 1, VEX
 * exists; bit 0, EVEX. l: 0..2. scale_log2: of EVEX's disp8. Without a form: CHECK. */
void x64_vec_reg(struct x64_buf *b, unsigned op, unsigned row_w, unsigned enc, int l,
                 const struct x64_vec *o, int rm);
void x64_vec_mem(struct x64_buf *b, unsigned op, unsigned row_w, unsigned enc, int l,
                 unsigned scale_log2, const struct x64_vec *o, struct x64_mem m);

#endif
