/* Lifter: Advanced SIMD between lanes of different widths, pairwise and across lanes (Arm ARM DDI
 * 0487, C4.1.96: AdvSIMD three different; the long forms of AdvSIMD vector x indexed element; the
 * narrowing and long forms of AdvSIMD shift by immediate; the pairwise members of AdvSIMD three
 * same; of AdvSIMD two-register miscellaneous XTN to UQXTN, SHLL, SADDLP to UADALP; AdvSIMD across
 * lanes; their scalar classes).
 *
 * Each is a widening or narrowing operation and others of the IR. Long forms read 64 bits of each
 * source, the upper half in the "2" forms (Q = 1); narrow forms write 64 bits, there the upper
 * half.
 */
#include "engine/lift/lift_vperm_int.h"

/* IR_VW_* of a form with Q. */
static unsigned half(bool q, unsigned is_signed)
{
    return is_signed | (q ? IR_VW_HIGH : 0);
}

static ir_val widen(struct lift *l, unsigned size, unsigned how, ir_val v)
{
    return lift_vec(l, IR_VWIDEN, size, how, v, 0, 0, 0);
}

/* Vd := r, which has 64 bits, or its upper half. */
static bool put_narrow(struct lift *l, bool q, unsigned rd, ir_val r)
{
    ir_putv(l->b, rd, q ? lift_halves(l, ir_getv(l->b, rd), r) : r);
    return true;
}

/* ---- Three different ---- */

static bool longer(struct lift *l, enum ir_op op, unsigned sign, const struct a64_f_SADDL_v *f)
{
    const unsigned how = half(f->q, sign);
    const ir_val n = widen(l, f->size, how, ir_getv(l->b, f->rn));
    const ir_val m = widen(l, f->size, how, ir_getv(l->b, f->rm));
    return lift_putv(l, LIVE_Q, f->rd, ir_vec(l->b, op, f->size + 1, n, m, 0, 0));
}

static bool wide(struct lift *l, enum ir_op op, unsigned sign, const struct a64_f_SADDL_v *f)
{
    const ir_val n = ir_getv(l->b, f->rn);
    const ir_val m = widen(l, f->size, half(f->q, sign), ir_getv(l->b, f->rm));
    return lift_putv(l, LIVE_Q, f->rd, ir_vec(l->b, op, f->size + 1, n, m, 0, 0));
}

/* The absolute difference needs no more bits than the lanes have. op: VADD adds it to Vd. */
static bool difference(struct lift *l, enum ir_op op, unsigned sign, const struct a64_f_SADDL_v *f)
{
    const ir_val n = ir_getv(l->b, f->rn), m = ir_getv(l->b, f->rm);
    ir_val v = lift_vec(l, IR_VABD, f->size, sign, n, m, 0, 0);
    v = widen(l, f->size, half(f->q, 0), v);
    if (op == IR_VADD)
        v = ir_vec(l->b, op, f->size + 1, ir_getv(l->b, f->rd), v, 0, 0);
    return lift_putv(l, LIVE_Q, f->rd, v);
}

/* op: VADD or VSUB, from Vd; or none. */
static bool multiply(struct lift *l, enum ir_op op, unsigned sign, bool q, unsigned size,
                     unsigned rd, ir_val n, ir_val m)
{
    ir_val v = lift_vec(l, IR_VMULL, size, half(q, sign), n, m, 0, 0);
    if (op)
        v = ir_vec(l->b, op, size + 1, ir_getv(l->b, rd), v, 0, 0);
    return lift_putv(l, LIVE_Q, rd, v);
}

static bool product(struct lift *l, enum ir_op op, unsigned sign, const struct a64_f_SADDL_v *f)
{
    return multiply(l, op, sign, f->q, f->size, f->rd, ir_getv(l->b, f->rn),
                    ir_getv(l->b, f->rm));
}

/* Twice the product, saturated, then added to or taken from Vd with saturation. `live`: of the
 * result; above it n and so the product is zero, and Vd is made so. */
static bool double_multiply(struct lift *l, int accumulate, unsigned live, bool q, unsigned size,
                            unsigned rd, ir_val n, ir_val m)
{
    const ir_val p = lift_vec(l, IR_VMULL, size, half(q, IR_VW_SIGNED), n, m, 0, 0);
    ir_val v = lift_vec(l, IR_VQADD, size + 1, IR_VQADD_SADD, p, p, 0, 0);
    if (accumulate >= 0)
        v = lift_vec(l, IR_VQADD, size + 1, (unsigned)accumulate, lift_getv(l, live, rd), v, 0, 0);
    ir_putv(l->b, rd, v);
    return true;
}

static bool doubled(struct lift *l, int accumulate, const struct a64_f_SADDL_v *f)
{
    return double_multiply(l, accumulate, LIVE_Q, f->q, f->size, f->rd, ir_getv(l->b, f->rn),
                           ir_getv(l->b, f->rm));
}

static bool doubled_scalar(struct lift *l, int accumulate, unsigned size, unsigned rd, unsigned rn,
                           unsigned rm)
{
    return double_multiply(l, accumulate, size + 1, false, size, rd, lift_getv(l, size, rn),
                           ir_getv(l->b, rm));
}

/* The high halves of sums or differences. Rounding may carry out of a lane: what is lost there is
 * above the result. */
static bool high_half(struct lift *l, enum ir_op op, bool round, const struct a64_f_SADDL_v *f)
{
    const unsigned size = f->size;
    ir_val v = ir_vec(l->b, op, size + 1, ir_getv(l->b, f->rn), ir_getv(l->b, f->rm), 0, 0);
    if (round)
        v = lift_vec(l, IR_VSHI, size + 1, IR_VSHI_RSHR, v, 0, 0, 8 << size);
    return put_narrow(l, f->q, f->rd,
                      lift_vec(l, IR_VXTN, size, round ? IR_V_LOW : IR_V_HIGH, v, 0, 0, 0));
}

#define DIFFERENT(name, ...)                                                                       \
    VLIFTER(name##_v, DIFFERENT_CALL(__VA_ARGS__,                                                  \
                      &(const struct a64_f_SADDL_v){.q = f.q, .size = f.size, .rm = f.rm,          \
                                                    .rn = f.rn, .rd = f.rd}))
#define DIFFERENT_CALL(fn, ...) fn(l, __VA_ARGS__)

DIFFERENT(SADDL, longer, IR_VADD, 1)
DIFFERENT(UADDL, longer, IR_VADD, 0)
DIFFERENT(SSUBL, longer, IR_VSUB, 1)
DIFFERENT(USUBL, longer, IR_VSUB, 0)
DIFFERENT(SADDW, wide, IR_VADD, 1)
DIFFERENT(UADDW, wide, IR_VADD, 0)
DIFFERENT(SSUBW, wide, IR_VSUB, 1)
DIFFERENT(USUBW, wide, IR_VSUB, 0)
DIFFERENT(SABDL, difference, IR_NONE, 1)
DIFFERENT(UABDL, difference, IR_NONE, 0)
DIFFERENT(SABAL, difference, IR_VADD, 1)
DIFFERENT(UABAL, difference, IR_VADD, 0)
DIFFERENT(SMULL, product, IR_NONE, 1)
DIFFERENT(UMULL, product, IR_NONE, 0)
DIFFERENT(SMLAL, product, IR_VADD, 1)
DIFFERENT(UMLAL, product, IR_VADD, 0)
DIFFERENT(SMLSL, product, IR_VSUB, 1)
DIFFERENT(UMLSL, product, IR_VSUB, 0)
DIFFERENT(SQDMULL, doubled, -1)
DIFFERENT(SQDMLAL, doubled, IR_VQADD_SADD)
DIFFERENT(SQDMLSL, doubled, IR_VQADD_SSUB)
DIFFERENT(ADDHN, high_half, IR_VADD, false)
DIFFERENT(SUBHN, high_half, IR_VSUB, false)
DIFFERENT(RADDHN, high_half, IR_VADD, true)
DIFFERENT(RSUBHN, high_half, IR_VSUB, true)

VLIFTER(SQDMULL_ss, doubled_scalar(l, -1, f.size, f.rd, f.rn, f.rm))
VLIFTER(SQDMLAL_ss, doubled_scalar(l, IR_VQADD_SADD, f.size, f.rd, f.rn, f.rm))
VLIFTER(SQDMLSL_ss, doubled_scalar(l, IR_VQADD_SSUB, f.size, f.rd, f.rn, f.rm))

/* ---- By element ---- */

/* Vm.Ts[index] everywhere: 16-bit lanes have index H:L:M and only V0 to V15, 32-bit lanes H:L. */
static ir_val element(struct lift *l, unsigned size, unsigned h, unsigned low, unsigned m,
                      unsigned rm)
{
    if (size == 1)
        return lift_element(l, 1, rm, h << 2 | low << 1 | m);
    return lift_element(l, 2, m << 4 | rm, h << 1 | low);
}

#define VM element(l, f.size, f.h, f.l, f.m, f.rm)
#define PRODUCT_E(name, op, sign)                                                                  \
    VLIFTER(name##_e, multiply(l, op, sign, f.q, f.size, f.rd, ir_getv(l->b, f.rn), VM))
#define DOUBLED_E(name, accumulate)                                                                \
    VLIFTER(name##_e, double_multiply(l, accumulate, LIVE_Q, f.q, f.size, f.rd,                    \
                                      ir_getv(l->b, f.rn), VM))                                    \
    VLIFTER(name##_es, double_multiply(l, accumulate, f.size + 1, false, f.size, f.rd,             \
                                       lift_getv(l, f.size, f.rn), VM))

PRODUCT_E(SMULL, IR_NONE, 1)
PRODUCT_E(UMULL, IR_NONE, 0)
PRODUCT_E(SMLAL, IR_VADD, 1)
PRODUCT_E(UMLAL, IR_VADD, 0)
PRODUCT_E(SMLSL, IR_VSUB, 1)
PRODUCT_E(UMLSL, IR_VSUB, 0)
DOUBLED_E(SQDMULL, -1)
DOUBLED_E(SQDMLAL, IR_VQADD_SADD)
DOUBLED_E(SQDMLSL, IR_VQADD_SSUB)

/* ---- Narrowing ---- */

/* How the double-width lane becomes a narrow one: a shift (IR_VSHI_*), and a saturation
 * (IR_VQXTN_*) or WRAP. */
enum { WRAP = -1 };

static ir_val narrow(struct lift *l, unsigned shift, int how, unsigned size, unsigned amount,
                     ir_val v)
{
    if (how == WRAP && shift == IR_VSHI_SHR && amount == 8u << size)
        return lift_vec(l, IR_VXTN, size, IR_V_HIGH, v, 0, 0, 0);
    if (amount)
        v = lift_vec(l, IR_VSHI, size + 1, shift, v, 0, 0, amount);
    return how == WRAP ? lift_vec(l, IR_VXTN, size, IR_V_LOW, v, 0, 0, 0)
                       : lift_vec(l, IR_VQXTN, size, (unsigned)how, v, 0, 0, 0);
}

static bool narrow_vector(struct lift *l, unsigned shift, int how, bool q, unsigned size,
                          unsigned amount, unsigned rd, unsigned rn)
{
    return put_narrow(l, q, rd, narrow(l, shift, how, size, amount, ir_getv(l->b, rn)));
}

static bool narrow_scalar(struct lift *l, unsigned shift, int how, unsigned size, unsigned amount,
                          unsigned rd, unsigned rn)
{
    ir_putv(l->b, rd, narrow(l, shift, how, size, amount, lift_getv(l, size + 1, rn)));
    return true;
}

#define XTN(name, how)                                                                             \
    VLIFTER(name##_v, narrow_vector(l, IR_VSHI_SHR, how, f.q, f.size, 0, f.rd, f.rn))
#define XTN_BOTH(name, how)                                                                        \
    XTN(name, how)                                                                                 \
    VLIFTER(name##_ss, narrow_scalar(l, IR_VSHI_SHR, how, f.size, 0, f.rd, f.rn))

XTN(XTN, WRAP)
XTN_BOTH(SQXTN, IR_VQXTN_SS)
XTN_BOTH(SQXTUN, IR_VQXTN_SU)
XTN_BOTH(UQXTN, IR_VQXTN_UU)

/* immh:immb is 2 * width - amount for right shifts and width + amount for left ones; the highest
 * one of immh is the width. */
static unsigned size_of(unsigned immh)
{
    return 31 - (unsigned)__builtin_clz(immh);
}

static unsigned right_amount(unsigned immh, unsigned immb)
{
    return (16u << size_of(immh)) - (immh << 3 | immb);
}

#define SHRN(name, shift, how)                                                                     \
    VLIFTER(name##_vi, narrow_vector(l, IR_VSHI_##shift, how, f.q, size_of(f.immh),                \
                                     right_amount(f.immh, f.immb), f.rd, f.rn))
#define SHRN_BOTH(name, shift, how)                                                                \
    SHRN(name, shift, how)                                                                         \
    VLIFTER(name##_si, narrow_scalar(l, IR_VSHI_##shift, how, size_of(f.immh),                     \
                                     right_amount(f.immh, f.immb), f.rd, f.rn))

SHRN(SHRN, SHR, WRAP)
SHRN(RSHRN, RSHR, WRAP)
SHRN_BOTH(SQSHRN, SAR, IR_VQXTN_SS)
SHRN_BOTH(SQSHRUN, SAR, IR_VQXTN_SU)
SHRN_BOTH(UQSHRN, SHR, IR_VQXTN_UU)
SHRN_BOTH(SQRSHRN, RSAR, IR_VQXTN_SS)
SHRN_BOTH(SQRSHRUN, RSAR, IR_VQXTN_SU)
SHRN_BOTH(UQRSHRN, RSHR, IR_VQXTN_UU)

/* ---- Shift left long ---- */

static bool shift_long(struct lift *l, unsigned sign, bool q, unsigned size, unsigned amount,
                       unsigned rd, unsigned rn)
{
    ir_val v = widen(l, size, half(q, sign), ir_getv(l->b, rn));
    if (amount)
        v = lift_vec(l, IR_VSHI, size + 1, IR_VSHI_SHL, v, 0, 0, amount);
    return lift_putv(l, LIVE_Q, rd, v);
}

#define SHLL(name, sign)                                                                           \
    VLIFTER(name##_vi, shift_long(l, sign, f.q, size_of(f.immh),                                   \
                                  (f.immh << 3 | f.immb) - (8u << size_of(f.immh)), f.rd, f.rn))
SHLL(SSHLL, 1)
SHLL(USHLL, 0)
VLIFTER(SHLL_v, shift_long(l, 0, f.q, f.size, 8u << f.size, f.rd, f.rn))

/* ---- Pairwise ---- */

static bool pairwise(struct lift *l, enum ir_op op, unsigned sub2, const struct a64_f_SADDL_v *f)
{
    ir_val n = ir_getv(l->b, f->rn), m = ir_getv(l->b, f->rm);
    if (!f->q)
        n = m = lift_halves(l, n, m);
    const ir_val even = lift_vec(l, IR_VUZP, f->size, IR_V_LOW, n, m, 0, 0);
    const ir_val odd = lift_vec(l, IR_VUZP, f->size, IR_V_HIGH, n, m, 0, 0);
    return lift_putv(l, lift_live(f->q), f->rd,
                     lift_vec(l, op, f->size, sub2, even, odd, 0, 0));
}

DIFFERENT(ADDP, pairwise, IR_VADD, 0)
DIFFERENT(SMAXP, pairwise, IR_VMAX, 1)
DIFFERENT(UMAXP, pairwise, IR_VMAX, 0)
DIFFERENT(SMINP, pairwise, IR_VMIN, 1)
DIFFERENT(UMINP, pairwise, IR_VMIN, 0)

static bool pairs_long(struct lift *l, enum ir_op op, unsigned sign, bool q, unsigned size,
                       unsigned rd, unsigned rn)
{
    ir_val v = lift_vec(l, IR_VADDLP, size, sign, ir_getv(l->b, rn), 0, 0, 0);
    if (op)
        v = ir_vec(l->b, op, size + 1, ir_getv(l->b, rd), v, 0, 0);
    return lift_putv(l, lift_live(q), rd, v);
}

VLIFTER(SADDLP_v, pairs_long(l, IR_NONE, 1, f.q, f.size, f.rd, f.rn))
VLIFTER(UADDLP_v, pairs_long(l, IR_NONE, 0, f.q, f.size, f.rd, f.rn))
VLIFTER(SADALP_v, pairs_long(l, IR_VADD, 1, f.q, f.size, f.rd, f.rn))
VLIFTER(UADALP_v, pairs_long(l, IR_VADD, 0, f.q, f.size, f.rd, f.rn))

/* ---- Across lanes: what is not there is zero in a sum, and the other half again else ---- */

static bool across(struct lift *l, unsigned kind, bool q, unsigned size, unsigned rd, unsigned rn)
{
    ir_val n = ir_getv(l->b, rn);
    if (!q)
        n = kind == IR_VREDUCE_ADD ? lift_low(l, LIVE_D, n) : lift_halves(l, n, n);
    return lift_putv(l, LIVE_Q, rd, lift_vec(l, IR_VREDUCE, size, kind, n, 0, 0, 0));
}

static bool sum_long(struct lift *l, unsigned sign, bool q, unsigned size, unsigned rd, unsigned rn)
{
    ir_val v = lift_getv(l, lift_live(q), rn);
    if (size == 0 && !sign) {
        v = lift_vec(l, IR_VREDUCE, 0, IR_VREDUCE_UADDL, v, 0, 0, 0);
    } else {
        v = lift_vec(l, IR_VADDLP, size, sign, v, 0, 0, 0);
        v = lift_vec(l, IR_VREDUCE, size + 1, IR_VREDUCE_ADD, v, 0, 0, 0);
    }
    return lift_putv(l, LIVE_Q, rd, v);
}

#define ACROSS(name) VLIFTER(name##V_v, across(l, IR_VREDUCE_##name, f.q, f.size, f.rd, f.rn))
ACROSS(ADD)
ACROSS(SMAX)
ACROSS(UMAX)
ACROSS(SMIN)
ACROSS(UMIN)
VLIFTER(ADDP_ss, across(l, IR_VREDUCE_ADD, true, 3, f.rd, f.rn))
VLIFTER(SADDLV_v, sum_long(l, 1, f.q, f.size, f.rd, f.rn))
VLIFTER(UADDLV_v, sum_long(l, 0, f.q, f.size, f.rd, f.rn))
