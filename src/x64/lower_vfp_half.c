/* Half precision (Arm ARM DDI 0487, J1 shared/functions/float) by singles, and by integers.
 *
 * Arithmetic on halves is made of operations on singles, without checks, and FHALF, which rounds
 * their results to halves in the guest's rounding mode and has the checks. Two roundings to the
 * same side are as good as one. To nearest they are, too, if the first result can be the middle
 * between two halves, or a half, only when it is exact:
 *  - Products of halves (22 bits) are exact, and so is a sum that is less than a normal half, since
 *    all halves are multiples of 2^-24. Other sums, quotients and roots: a single has 24 bits,
 *    which is 2 * 11 + 2, and then it holds (S. Figueroa, When is double rounding innocuous?,
 *    1995). A quotient a / b of less than a normal half: it differs from a number m of 12 bits by
 *    1 / (b m) of it, which is more than half a unit of 24 bits.
 *  - Fused sums can have up to 80 bits. FUSED: a result that is just the middle is left to the
 *    interpreter, and one that is less than a normal half, where the middles are others.
 *  - Integers are exact, or too large for any half.
 * Flags add up: where the first rounding is inexact the value is no half, so the second would be as
 * well. Underflow is of the second alone, and inexact exactly when the sum of both is, but for the
 * smallest normal half (see lower_vfp.c) and FUSED. NaNs are left to the interpreter.
 */
#include "x64/lower_vfp_int.h"

#include "base/check.h"

/* XS1 |= the lanes of singles x that fused sums must not have. Changes XS2. */
static void find_fused(struct lower *e, int x)
{
    struct x64_buf *b = e->b;
    /* the bits that a half has no room for are 1000... */
    x64_vrri(b, X64_VPSLLD_I, 0, LO_XS2, x, 19);
    x64_vrrm(b, X64_VPCMPEQD, 0, LO_XS2, LO_XS2, lo_k(e, X64_K_SIGN_S));
    x64_vrrr(b, X64_VPOR, 0, LO_XS1, LO_XS1, LO_XS2);
    /* 0 < |x| < 2^-14 */
    x64_vrrm(b, X64_VANDPS, 0, LO_XS2, x, lo_k(e, X64_K_ABS_S));
    x64_vrrmi(b, X64_VCMPPS, 0, LO_XS2, LO_XS2, lo_k(e, X64_K_P_14_S), CMP_LT_OQ);
    x64_vrrr(b, X64_VANDPS, 0, LO_XS2, LO_XS2, x);
    x64_vrri(b, X64_VPSLLD_I, 0, LO_XS2, LO_XS2, 1);
    x64_vrrr(b, X64_VPOR, 0, LO_XS1, LO_XS1, LO_XS2);
}

/* s = lanes of halves x that are NaNs. */
static void find_nan(struct lower *e, int s, int x)
{
    x64_vrrm(e->b, X64_VPAND, 0, s, x, lo_k(e, X64_K_ABS_H));
    x64_vrrm(e->b, X64_VPCMPGTW, 0, s, s, lo_k(e, X64_K_INF_H));
}

void lower_FHALF(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    struct x64_buf *b = e->b;
    int x = lo_v(e, i->a), y = i->b ? lo_v(e, i->b) : 0;
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    x64_vrri(b, X64_VCVTPS2PH, 0, LO_XS0, x, 4);
    if (i->b) {
        x64_vrri(b, X64_VCVTPS2PH, 0, LO_XS1, y, 4);
        x64_vrrr(b, X64_VPUNPCKLQDQ, 0, LO_XS0, LO_XS0, LO_XS1);
    }
    find_nan(e, LO_XS1, LO_XS0);
    x64_vrrm(b, X64_VPAND, 0, LO_XS2, LO_XS0, lo_k(e, X64_K_ABS_H));
    x64_vrrm(b, X64_VPCMPEQW, 0, LO_XS2, LO_XS2, lo_k(e, X64_K_MIN_NORMAL_H));
    x64_vrrr(b, X64_VPOR, 0, LO_XS1, LO_XS1, LO_XS2);
    if (i->sub2 & IR_FP_FUSED) {
        find_fused(e, x);
        if (i->b)
            find_fused(e, y);
    }
    uint8_t *rare = fp_check_any(e, LO_XS1);
    if (i->sub2 & IR_FP_ABS)
        x64_vrrm(b, X64_VPAND, 0, LO_XS0, LO_XS0, lo_k(e, X64_K_ABS_H));
    else if (i->sub2 & IR_FP_NEG)
        x64_vrrm(b, X64_VPXOR, 0, LO_XS0, LO_XS0, lo_k(e, X64_K_SIGN_H));
    /* four singles make zeros above, a scalar's others are zeros: +0, but for NEG */
    fp_finish(e, f, dst, LO_XS0, !(i->sub2 & IR_FP_NEG));
    lo_cold_interp(e, rare, i, dst, true);
}

/* t = x as integers of the same order, or back: all but the sign inverted if it is set. */
static void by_order(struct lower *e, int t, int x)
{
    x64_vrri(e->b, X64_VPSRAW_I, 0, t, x, 15);
    x64_vrrm(e->b, X64_VPAND, 0, t, t, lo_k(e, X64_K_ABS_H));
    x64_vrrr(e->b, X64_VPXOR, 0, t, t, x);
}

/* Zeros are ordered as Arm wants them. */
void fp_half_min_max(struct lower *e, const struct ir_insn *i, bool max)
{
    struct fp_form f = fp_form(i);
    int x = fp_clean(e, i->a, f, LO_XS0), y = fp_clean(e, i->b, f, LO_XS1);
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    find_nan(e, LO_XS2, x);
    uint8_t *rare_x = fp_check_any(e, LO_XS2);
    find_nan(e, LO_XS2, y);
    uint8_t *rare_y = fp_check_any(e, LO_XS2);
    by_order(e, LO_XS2, x);
    by_order(e, LO_XS0, y);
    x64_vrrr(e->b, max ? X64_VPMAXSW : X64_VPMINSW, 0, LO_XS2, LO_XS2, LO_XS0);
    by_order(e, LO_XS0, LO_XS2);
    fp_finish(e, f, dst, LO_XS0, true);
    lo_cold_interp(e, rare_x, i, dst, true);
    lo_cold_interp(e, rare_y, i, dst, true);
}
