/* Lifter: Advanced SIMD integer, two registers of the same type, vector and scalar; modified
 * immediate; FMOV as far as it only moves bits (Arm ARM DDI 0487, C4.1.96: AdvSIMD two-register
 * miscellaneous, AdvSIMD scalar two-register miscellaneous, AdvSIMD modified immediate, conversion
 * between floating-point and integer, floating-point immediate, floating-point data-processing
 * (1 source)).
 */
#include "engine/lift/lift_vint_int.h"

#include "a64/fp.h"

/* ---- Two registers ---- */

static bool unary(struct lift *l, enum ir_op op, unsigned sub2, unsigned live, unsigned size,
                  unsigned rd, unsigned rn)
{
    return lift_putv(l, live, rd, lift_vec(l, op, size, sub2, ir_getv(l->b, rn), 0, 0, 0));
}

static bool saturating(struct lift *l, unsigned sub2, unsigned live, unsigned size, unsigned rd,
                       unsigned rn)
{
    ir_putv(l->b, rd, lift_vec(l, IR_VQNEG, size, sub2, lift_getv(l, live, rn), 0, 0, 0));
    return true;
}

static uint64_t repeat(unsigned size, uint64_t x)
{
    for (unsigned n = 8u << size; n < 64; n *= 2)
        x |= x << n;
    return x;
}

/* Signed plus unsigned and the reverse: with the accumulator's sign bit inverted it is the sum of
 * numbers of the other's kind. */
static bool accumulate(struct lift *l, unsigned kind, unsigned live, unsigned size, unsigned rd,
                       unsigned rn)
{
    const ir_val sign = lift_vconst(l, LIVE_Q, repeat(size, UINT64_C(0x80) << ((8u << size) - 8)));
    const ir_val d = ir_vec(l->b, IR_VXOR, 0, lift_getv(l, live, rd), sign, 0, 0);
    const ir_val v = lift_vec(l, IR_VQADD, size, kind, d, lift_getv(l, live, rn), 0, 0);
    ir_putv(l->b, rd, ir_vec(l->b, IR_VXOR, 0, v, sign, 0, 0));
    return true;
}

#define UNARY(name, op, sub2)                                                                      \
    VLIFTER(name##_v, unary(l, IR_##op, sub2, lift_live(f.q), f.size, f.rd, f.rn))                 \
    VLIFTER(name##_ss, unary(l, IR_##op, sub2, LIVE_D, 3, f.rd, f.rn))
#define SATURATING(name, fn, sub2)                                                                 \
    VLIFTER(name##_v, fn(l, sub2, lift_live(f.q), f.size, f.rd, f.rn))                             \
    VLIFTER(name##_ss, fn(l, sub2, f.size, f.size, f.rd, f.rn))

UNARY(ABS, VABS, 0)
UNARY(NEG, VNEG, 0)
UNARY(CMGTZ, VCMP, IR_VCMP_GT)
UNARY(CMGEZ, VCMP, IR_VCMP_GE)
UNARY(CMEQZ, VCMP, IR_VCMP_EQ)
UNARY(CMLEZ, VCMP, IR_VCMP_LE)
UNARY(CMLTZ, VCMP, IR_VCMP_LT)
VLIFTER(NOT_v, unary(l, IR_VNOT, 0, lift_live(f.q), 0, f.rd, f.rn))
SATURATING(SQABS, saturating, 1)
SATURATING(SQNEG, saturating, 0)
SATURATING(SUQADD, accumulate, IR_VQADD_UADD)
SATURATING(USQADD, accumulate, IR_VQADD_SADD)

/* ---- Modified immediate: AdvSIMDExpandImm() ---- */

static bool set(struct lift *l, unsigned live, unsigned rd, uint64_t x)
{
    ir_putv(l->b, rd, lift_vconst(l, live, x));
    return true;
}

static bool change(struct lift *l, enum ir_op op, bool q, unsigned rd, uint64_t x)
{
    const ir_val d = ir_getv(l->b, rd);
    return lift_putv(l, lift_live(q), rd,
                     ir_vec(l->b, op, 0, d, lift_vconst(l, LIVE_Q, x), 0, 0));
}

/* Each bit as a byte. */
static uint64_t byte_mask(uint64_t imm8)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < 8; i++)
        if (bit(imm8, i))
            r |= UINT64_C(0xff) << (8 * i);
    return r;
}

#define IMM8(f) ((uint64_t)((f).abc << 5 | (f).defgh))
#define IMM_S repeat(2, IMM8(f) << (8 * f.sh))
#define IMM_H repeat(1, IMM8(f) << (8 * f.sh))
/* Ones come in from the right. */
#define IMM_MSL repeat(2, IMM8(f) << (8 << f.sh) | MASK(8 << f.sh))
#define LIVE lift_live(f.q)

VLIFTER(MOVI_s, set(l, LIVE, f.rd, IMM_S))
VLIFTER(MOVI_h, set(l, LIVE, f.rd, IMM_H))
VLIFTER(MOVI_msl, set(l, LIVE, f.rd, IMM_MSL))
VLIFTER(MOVI_b, set(l, LIVE, f.rd, repeat(0, IMM8(f))))
VLIFTER(MOVI_d, set(l, LIVE, f.rd, byte_mask(IMM8(f))))
VLIFTER(MVNI_s, set(l, LIVE, f.rd, ~IMM_S))
VLIFTER(MVNI_h, set(l, LIVE, f.rd, ~IMM_H))
VLIFTER(MVNI_msl, set(l, LIVE, f.rd, ~IMM_MSL))
VLIFTER(ORR_si, change(l, IR_VOR, f.q, f.rd, IMM_S))
VLIFTER(ORR_hi, change(l, IR_VOR, f.q, f.rd, IMM_H))
VLIFTER(BIC_si, change(l, IR_VANDN, f.q, f.rd, IMM_S))
VLIFTER(BIC_hi, change(l, IR_VANDN, f.q, f.rd, IMM_H))
VLIFTER(FMOV_vh, set(l, LIVE, f.rd, repeat(1, fp_expand_imm(16, (uint8_t)IMM8(f)))))
VLIFTER(FMOV_vs, set(l, LIVE, f.rd, repeat(2, fp_expand_imm(32, (uint8_t)IMM8(f)))))
VLIFTER(FMOV_vd, set(l, LIVE_Q, f.rd, fp_expand_imm(64, (uint8_t)IMM8(f))))
VLIFTER(FMOV_fi, set(l, LIVE_D, f.rd, fp_expand_imm(32u << f.sz, (uint8_t)f.imm8)))
VLIFTER(FMOV_hi, set(l, LIVE_D, f.rd, fp_expand_imm(16, (uint8_t)f.imm8)))

/* ---- FMOV between registers ---- */

static bool move(struct lift *l, unsigned live, unsigned rd, unsigned rn)
{
    return lift_putv(l, live, rd, ir_getv(l->b, rn));
}

/* The low 1 << live bytes of a general register. */
static bool from_general(struct lift *l, unsigned live, unsigned rd, unsigned rn)
{
    if (rn == 31)
        return set(l, LIVE_D, rd, 0);
    const ir_val x = ir_get(l->b, rn, live == 3 ? IR_I64 : IR_I32);
    ir_val v = ir_emit(l->b, IR_VFROM, IR_V128, 0, x, 0, 0, 0);
    if (live == 1)
        v = lift_low(l, 1, v);
    ir_putv(l->b, rd, v);
    return true;
}

static bool to_general(struct lift *l, unsigned size, unsigned rd, unsigned rn, unsigned lane)
{
    lift_put(l, rd, ir_emit(l->b, IR_VGET, size == 3 ? IR_I64 : IR_I32, size, ir_getv(l->b, rn),
                            0, 0, lane));
    return true;
}

static bool to_top(struct lift *l, unsigned rd, unsigned rn)
{
    const ir_val x = lift_x(l, rn, IR_I64);
    ir_putv(l->b, rd, ir_emit(l->b, IR_VSET, IR_V128, 3, ir_getv(l->b, rd), x, 0, 1));
    return true;
}

VLIFTER(FMOV_f, move(l, 2 + f.sz, f.rd, f.rn))
VLIFTER(FMOV_h, move(l, 1, f.rd, f.rn))
VLIFTER(FMOV_ws, to_general(l, 2, f.rd, f.rn, 0))
VLIFTER(FMOV_sw, from_general(l, 2, f.rd, f.rn))
VLIFTER(FMOV_xd, to_general(l, 3, f.rd, f.rn, 0))
VLIFTER(FMOV_dx, from_general(l, 3, f.rd, f.rn))
VLIFTER(FMOV_xtop, to_general(l, 3, f.rd, f.rn, 1))
VLIFTER(FMOV_topx, to_top(l, f.rd, f.rn))
VLIFTER(FMOV_gh, to_general(l, 1, f.rd, f.rn, 0))
VLIFTER(FMOV_hg, from_general(l, 1, f.rd, f.rn))
