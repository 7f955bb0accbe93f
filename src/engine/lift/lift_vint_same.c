/* Lifter: Advanced SIMD integer, three registers of the same type, vector and scalar, without the
 * pairwise ones; their forms by element; logical operations; dot products (Arm ARM DDI 0487,
 * C4.1.96: AdvSIMD three same, AdvSIMD scalar three same, AdvSIMD three same extra, AdvSIMD vector
 * x indexed element).
 *
 * Operations work on 128 bits; what an instruction does not write becomes zero at the end. Only
 * where lanes that are not there could saturate they are made zero before, which also zeroes the
 * result.
 */
#include "engine/lift/lift_vint_int.h"

#include "ir/vperm.h"

/* ---- Without saturation ---- */

struct vop {
    enum ir_op op;
    unsigned sub2;
    enum ir_op accumulate; /* VADD or VSUB: Vd +- the result; 0: no */
};

static bool plain(struct lift *l, const struct vop *op, unsigned live, unsigned size, unsigned rd,
                  ir_val a, ir_val b)
{
    ir_val v = lift_vec(l, op->op, size, op->sub2, a, b, 0, 0);
    if (op->accumulate)
        v = ir_vec(l->b, op->accumulate, size, ir_getv(l->b, rd), v, 0, 0);
    return lift_putv(l, live, rd, v);
}

static bool same(struct lift *l, const struct vop *op, unsigned live, unsigned size, unsigned rd,
                 unsigned rn, unsigned rm)
{
    return plain(l, op, live, size, rd, ir_getv(l->b, rn), ir_getv(l->b, rm));
}

#define OP(op, sub2, accumulate)                                                                   \
    &(const struct vop)                                                                            \
    {                                                                                              \
        IR_##op, sub2, accumulate                                                                  \
    }

#define VECTOR(name, op, sub2)                                                                     \
    VLIFTER(name##_v, same(l, OP(op, sub2, IR_NONE), lift_live(f.q), f.size, f.rd, f.rn, f.rm))
#define ACCUMULATE(name, op, sub2, accumulate)                                                     \
    VLIFTER(name##_v,                                                                              \
            same(l, OP(op, sub2, IR_##accumulate), lift_live(f.q), f.size, f.rd, f.rn, f.rm))
#define BOTH(name, op, sub2)                                                                       \
    VECTOR(name, op, sub2)                                                                         \
    VLIFTER(name##_ss, same(l, OP(op, sub2, IR_NONE), LIVE_D, 3, f.rd, f.rn, f.rm))

VECTOR(SHADD, VHALF, IR_VHALF_SHADD)
VECTOR(UHADD, VHALF, IR_VHALF_UHADD)
VECTOR(SRHADD, VHALF, IR_VHALF_SRHADD)
VECTOR(URHADD, VHALF, IR_VHALF_URHADD)
VECTOR(SHSUB, VHALF, IR_VHALF_SHSUB)
VECTOR(UHSUB, VHALF, IR_VHALF_UHSUB)
VECTOR(SMAX, VMAX, 1)
VECTOR(UMAX, VMAX, 0)
VECTOR(SMIN, VMIN, 1)
VECTOR(UMIN, VMIN, 0)
VECTOR(SABD, VABD, 1)
VECTOR(UABD, VABD, 0)
ACCUMULATE(SABA, VABD, 1, VADD)
ACCUMULATE(UABA, VABD, 0, VADD)
VECTOR(MUL, VMUL, 0)
ACCUMULATE(MLA, VMUL, 0, VADD)
ACCUMULATE(MLS, VMUL, 0, VSUB)
BOTH(ADD, VADD, 0)
BOTH(SUB, VSUB, 0)
BOTH(CMGT, VCMP, IR_VCMP_GT)
BOTH(CMHI, VCMP, IR_VCMP_HI)
BOTH(CMGE, VCMP, IR_VCMP_GE)
BOTH(CMHS, VCMP, IR_VCMP_HS)
BOTH(CMEQ, VCMP, IR_VCMP_EQ)
BOTH(CMTST, VCMP, IR_VCMP_TST)
BOTH(SSHL, VSHV, IR_VSH_SIGNED)
BOTH(USHL, VSHV, 0)
BOTH(SRSHL, VSHV, IR_VSH_SIGNED | IR_VSH_ROUND)
BOTH(URSHL, VSHV, IR_VSH_ROUND)

/* ---- With saturation ---- */

static bool saturating(struct lift *l, enum ir_op op, unsigned sub2, unsigned live, unsigned size,
                       unsigned rd, unsigned rn, unsigned rm)
{
    const ir_val a = lift_getv(l, live, rn), b = lift_getv(l, live, rm);
    ir_putv(l->b, rd, lift_vec(l, op, size, sub2, a, b, 0, 0));
    return true;
}

/* VQSHV, without rounding, of lanes of any size: bytes and half words as the upper part of words
 * with zeros below, which are then out of range when the lanes would be. */
static ir_val shift_narrow(struct lift *l, unsigned sub2, unsigned live, unsigned size, ir_val a,
                           ir_val b)
{
    if (size >= 2)
        return lift_vec(l, IR_VQSHV, size, sub2, a, b, 0, 0);
    const ir_val zero = lift_vconst(l, LIVE_Q, 0);
    ir_val half[2];
    for (unsigned k = 0; k < (live == LIVE_Q ? 2 : 1); k++) {
        const ir_val wide_a = lift_vec(l, IR_VZIP, size, k, zero, a, 0, 0);
        const ir_val wide_b = lift_vec(l, IR_VZIP, size, k, b, b, 0, 0);
        half[k] = shift_narrow(l, sub2, live == LIVE_Q ? LIVE_Q : live + 1, size + 1, wide_a,
                               wide_b);
    }
    return lift_vec(l, IR_VUZP, size, IR_V_HIGH, half[0], half[live == LIVE_Q], 0, 0);
}

/* What rounds is shifted right, and cannot be out of range. */
static bool saturating_shift(struct lift *l, unsigned sub2, unsigned live, unsigned size,
                             unsigned rd, unsigned rn, unsigned rm)
{
    if (size >= 2)
        return saturating(l, IR_VQSHV, sub2, live, size, rd, rn, rm);
    const ir_val a = lift_getv(l, live, rn), b = lift_getv(l, live, rm);
    ir_val v = shift_narrow(l, sub2 & IR_VSH_SIGNED, live, size, a, b);
    if (sub2 & IR_VSH_ROUND) {
        const ir_val rounded = lift_vec(l, IR_VSHV, size, sub2, a, b, 0, 0);
        ir_val sign = b; /* that of the low byte */
        if (size == 1)
            sign = lift_vec(l, IR_VSHI, 1, IR_VSHI_SHL, b, 0, 0, 8);
        const ir_val right = lift_vec(l, IR_VCMP, size, IR_VCMP_LT, sign, 0, 0, 0);
        v = ir_vec(l->b, IR_VBSL, 0, right, rounded, v, 0);
    }
    return lift_putv(l, live, rd, v);
}

#define SATURATING(name, op, sub2)                                                                 \
    VLIFTER(name##_v,                                                                              \
            saturating(l, IR_##op, sub2, lift_live(f.q), f.size, f.rd, f.rn, f.rm))                \
    VLIFTER(name##_ss, saturating(l, IR_##op, sub2, f.size, f.size, f.rd, f.rn, f.rm))
#define SATURATING_SHIFT(name, sub2)                                                               \
    VLIFTER(name##_v, saturating_shift(l, sub2, lift_live(f.q), f.size, f.rd, f.rn, f.rm))         \
    VLIFTER(name##_ss, saturating_shift(l, sub2, f.size, f.size, f.rd, f.rn, f.rm))

SATURATING(SQADD, VQADD, IR_VQADD_SADD)
SATURATING(UQADD, VQADD, IR_VQADD_UADD)
SATURATING(SQSUB, VQADD, IR_VQADD_SSUB)
SATURATING(UQSUB, VQADD, IR_VQADD_USUB)
SATURATING(SQDMULH, VQDMULH, 0)
SATURATING(SQRDMULH, VQDMULH, 1)
SATURATING_SHIFT(SQSHL, IR_VSH_SIGNED)
SATURATING_SHIFT(UQSHL, 0)
SATURATING_SHIFT(SQRSHL, IR_VSH_SIGNED | IR_VSH_ROUND)
SATURATING_SHIFT(UQRSHL, IR_VSH_ROUND)

/* SQRDMLAH, SQRDMLSH with the third operand given. */
static bool accumulate_high(struct lift *l, unsigned sub2, unsigned live, unsigned size,
                            unsigned rd, unsigned rn, ir_val m)
{
    const ir_val a = lift_getv(l, live, rd), b = lift_getv(l, live, rn);
    ir_putv(l->b, rd, lift_vec(l, IR_VQRDMLA, size, sub2, a, b, m, 0));
    return true;
}

#define ACCUMULATE_HIGH(name, sub2)                                                                \
    VLIFTER(name##_v, accumulate_high(l, sub2, lift_live(f.q), f.size, f.rd, f.rn,                 \
                                      ir_getv(l->b, f.rm)))                                        \
    VLIFTER(name##_ss,                                                                             \
            accumulate_high(l, sub2, f.size, f.size, f.rd, f.rn, ir_getv(l->b, f.rm)))

ACCUMULATE_HIGH(SQRDMLAH, 0)
ACCUMULATE_HIGH(SQRDMLSH, 1)

/* ---- By element: lane h:l:m of V0 to V15 for half words, h:l of V0 to V31 for words ---- */

static ir_val element(struct lift *l, unsigned size, unsigned h, unsigned lo, unsigned m,
                      unsigned rm)
{
    return size == 1 ? lift_element(l, 1, rm, h << 2 | lo << 1 | m)
                     : lift_element(l, 2, m << 4 | rm, h << 1 | lo);
}

static bool saturating_element(struct lift *l, unsigned sub2, unsigned live, unsigned size,
                               unsigned rd, unsigned rn, ir_val m)
{
    const ir_val a = lift_getv(l, live, rn);
    ir_putv(l->b, rd, lift_vec(l, IR_VQDMULH, size, sub2, a, m, 0, 0));
    return true;
}

#define ELEMENT element(l, f.size, f.h, f.l, f.m, f.rm)
#define BY_ELEMENT(name, accumulate)                                                               \
    VLIFTER(name##_e, plain(l, OP(VMUL, 0, accumulate), lift_live(f.q), f.size, f.rd,              \
                            ir_getv(l->b, f.rn), ELEMENT))
#define HIGH_BY_ELEMENT(name, fn, sub2)                                                            \
    VLIFTER(name##_e, fn(l, sub2, lift_live(f.q), f.size, f.rd, f.rn, ELEMENT))                    \
    VLIFTER(name##_es, fn(l, sub2, f.size, f.size, f.rd, f.rn, ELEMENT))

BY_ELEMENT(MUL, IR_NONE)
BY_ELEMENT(MLA, IR_VADD)
BY_ELEMENT(MLS, IR_VSUB)
HIGH_BY_ELEMENT(SQDMULH, saturating_element, 0)
HIGH_BY_ELEMENT(SQRDMULH, saturating_element, 1)
HIGH_BY_ELEMENT(SQRDMLAH, accumulate_high, 0)
HIGH_BY_ELEMENT(SQRDMLSH, accumulate_high, 1)

/* ---- Dot products ---- */

static bool dot(struct lift *l, unsigned sub2, bool q, unsigned rd, ir_val b, ir_val c)
{
    const ir_val a = ir_getv(l->b, rd);
    return lift_putv(l, lift_live(q), rd, lift_vec(l, IR_VDOT, 2, sub2, a, b, c, 0));
}

#define DOT_UU 0
#define DOT_US IR_VDOT_C_SIGNED
#define DOT_SS (IR_VDOT_B_SIGNED | IR_VDOT_C_SIGNED)
#define VN ir_getv(l->b, f.rn)
#define VM ir_getv(l->b, f.rm)
#define FOUR_BYTES lift_element(l, 2, f.rm, f.h << 1 | f.l)

VLIFTER(SDOT_v, dot(l, DOT_SS, f.q, f.rd, VN, VM))
VLIFTER(UDOT_v, dot(l, DOT_UU, f.q, f.rd, VN, VM))
VLIFTER(USDOT_v, dot(l, DOT_US, f.q, f.rd, VN, VM))
VLIFTER(SDOT_e, dot(l, DOT_SS, f.q, f.rd, VN, FOUR_BYTES))
VLIFTER(UDOT_e, dot(l, DOT_UU, f.q, f.rd, VN, FOUR_BYTES))
VLIFTER(USDOT_e, dot(l, DOT_US, f.q, f.rd, VN, FOUR_BYTES))
VLIFTER(SUDOT_e, dot(l, DOT_US, f.q, f.rd, FOUR_BYTES, VN))

/* Vd, 2x2 words, += Vn (2x8 bytes) times the transpose of Vm (2x8): for words 0 to 3 rows 0011 of
 * Vn and 0101 of Vm; first the left halves of the rows, then the right. */
static bool matrix(struct lift *l, unsigned sub2, unsigned rd, unsigned rn, unsigned rm)
{
    ir_val a = ir_getv(l->b, rd);
    const ir_val n = ir_getv(l->b, rn), m = ir_getv(l->b, rm);
    for (unsigned half = 0; half < 2; half++) {
        const ir_val b = ir_vec(l->b, IR_VSHUFS, 0, n, 0, 0, 0xa0 + 0x55 * half);
        const ir_val c = ir_vec(l->b, IR_VSHUFS, 0, m, 0, 0, 0x88 + 0x55 * half);
        a = lift_vec(l, IR_VDOT, 2, sub2, a, b, c, 0);
    }
    ir_putv(l->b, rd, a);
    return true;
}

VLIFTER(SMMLA_v, matrix(l, DOT_SS, f.rd, f.rn, f.rm))
VLIFTER(UMMLA_v, matrix(l, DOT_UU, f.rd, f.rn, f.rm))
VLIFTER(USMMLA_v, matrix(l, DOT_US, f.rd, f.rn, f.rm))

/* ---- Logical; MOV is ORR of a register with itself ---- */

static bool logical(struct lift *l, enum ir_op op, bool q, unsigned rd, unsigned rn, unsigned rm)
{
    return lift_putv(l, lift_live(q), rd,
                     ir_vec(l->b, op, 0, ir_getv(l->b, rn), ir_getv(l->b, rm), 0, 0));
}

static bool select(struct lift *l, bool q, unsigned rd, unsigned mask, unsigned ones,
                   unsigned zeros)
{
    const ir_val a = ir_getv(l->b, mask), b = ir_getv(l->b, ones), c = ir_getv(l->b, zeros);
    return lift_putv(l, lift_live(q), rd, ir_vec(l->b, IR_VBSL, 0, a, b, c, 0));
}

VLIFTER(AND_v, logical(l, IR_VAND, f.q, f.rd, f.rn, f.rm))
VLIFTER(BIC_v, logical(l, IR_VANDN, f.q, f.rd, f.rn, f.rm))
VLIFTER(ORR_v, logical(l, IR_VOR, f.q, f.rd, f.rn, f.rm))
VLIFTER(ORN_v, logical(l, IR_VORN, f.q, f.rd, f.rn, f.rm))
VLIFTER(EOR_v, logical(l, IR_VXOR, f.q, f.rd, f.rn, f.rm))
VLIFTER(BSL_v, select(l, f.q, f.rd, f.rd, f.rn, f.rm))
VLIFTER(BIT_v, select(l, f.q, f.rd, f.rm, f.rn, f.rd))
VLIFTER(BIF_v, select(l, f.q, f.rd, f.rm, f.rd, f.rn))
