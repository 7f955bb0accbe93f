/* Floating-point conversions between formats and to integral values (Arm ARM DDI 0487, J1:
 * FPConvert, FPRoundInt).
 *
 * Widening, and rounding to integral, treat NaNs as x86 does (quieted, payload and sign kept) and
 * cannot be tiny. Ties away from zero is no rounding of x86: FRINTA truncates, and adds one where
 * what was cut off is a half or more; both steps are exact.
 */
#include "x64/lower_vfp_int.h"

#include "base/check.h"

/* ---- Rounding to integral ---- */

FP_OPS(VROUND);
FP_OPS(VRNDSCALE);

void fp_round(struct lower *e, struct fp_form f, int t, int x, int imm)
{
    enum x64_vop op = fp_op(t < 16 && x < 16 ? ops_VROUND : ops_VRNDSCALE, f);
    if (f.shape != IR_FP_SCALAR) {
        x64_vrri(e->b, op, 0, t, x, imm);
        return;
    }
    x64_vrrr(e->b, X64_VXORPS, 0, t, t, t);
    x64_vrrri(e->b, op, 0, t, t, x, imm);
}

void fp_round_away(struct lower *e, struct fp_form f, int t, int x, int s)
{
    struct x64_buf *b = e->b;
    f.shape = IR_FP_V16;
    fp_round(e, f, t, x, ROUND_TOZERO);
    x64_vrrr(b, fp_packed(f, X64_VSUBPS, X64_VSUBPD), 0, s, x, t);
    x64_vrrm(b, X64_VANDPS, 0, s, s, FP_K(e, f, ABS));
    x64_vrrmi(b, fp_packed(f, X64_VCMPPS, X64_VCMPPD), 0, s, s, FP_K(e, f, HALF), CMP_GE_OQ);
    x64_vrrm(b, X64_VANDPS, 0, s, s, FP_K(e, f, ONE));
    /* On magnitudes, so that zero keeps its sign in all rounding modes. */
    x64_vrrm(b, X64_VANDPS, 0, t, t, FP_K(e, f, ABS));
    x64_vrrr(b, fp_packed(f, X64_VADDPS, X64_VADDPD), 0, t, t, s);
    x64_vrrm(b, X64_VANDPS, 0, s, x, FP_K(e, f, SIGN));
    x64_vrrr(b, X64_VORPS, 0, t, t, s);
}

void lower_FRINT(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int imm = fp_round_imm((enum ir_fp_round)(i->sub2 >> IR_FP_ROUND_SHIFT & 7));
    int x = fp_live(e, i->a, f, LO_XS1), dst = lo_vdef(e, i);
    int t = f.shape == IR_FP_SCALAR ? LO_XS0 : dst;
    fp_round(e, f, t, x, imm);
    fp_finish(e, f, dst, t, true);
}

/* For infinities the difference is invalid: they and NaNs are left to the interpreter. */
void lower_FRINTA(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int x = fp_clean(e, i->a, f, LO_XS2);
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    x64_vrrm(e->b, X64_VANDPS, 0, LO_XS1, x, FP_K(e, f, ABS));
    x64_vrrmi(e->b, fp_packed(f, X64_VCMPPS, X64_VCMPPD), 0, LO_XS1, LO_XS1, FP_K(e, f, INF),
              CMP_NLT_UQ);
    uint8_t *rare = fp_check_any(e, LO_XS1);
    fp_round_away(e, f, LO_XS0, x, LO_XS1);
    fp_finish(e, f, dst, LO_XS0, true);
    lo_cold_interp(e, rare, i, dst, true);
}

/* A limit below which all round to what fits; doubles from 2^52 on are integral. */
static struct x64_mem integer_limit(const struct lower *e, struct fp_form f, bool wide)
{
    if (wide)
        return FP_K(e, f, P63);
    return lo_k(e, f.size == 3 ? X64_K_M31_D : X64_K_P31_S);
}

void lower_FRINTW(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int imm = fp_round_imm((enum ir_fp_round)(i->sub2 >> IR_FP_ROUND_SHIFT & 7)) & 7;
    int x = fp_clean(e, i->a, f, LO_XS2);
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    uint8_t *rare = fp_check_below(e, f, x, integer_limit(e, f, i->sub2 & IR_FP_WIDE));
    fp_round(e, f, LO_XS0, x, imm);
    fp_finish(e, f, dst, LO_XS0, true);
    lo_cold_interp(e, rare, i, dst, true);
}

/* ---- Between formats ---- */

/* x's upper half in the lower one of XMM0 if the operation is on that. */
static int source_half(struct lower *e, const struct ir_insn *i, int x)
{
    if (!(i->sub2 & IR_FP_HIGH))
        return x;
    x64_vrri(e->b, X64_VPSHUFD, 0, LO_XS0, x, 0xee);
    return LO_XS0;
}

void lower_FWIDEN(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int x = lo_v(e, i->a), dst = lo_vdef(e, i);
    if (f.size == 2 && f.shape == IR_FP_SCALAR) {
        x64_vrrm(e->b, X64_VPAND, 0, LO_XS0, x, lo_k(e, X64_K_LOW_H));
        x64_vrr(e->b, X64_VCVTPH2PS, 0, dst, LO_XS0);
    } else if (f.size == 2) {
        x64_vrr(e->b, X64_VCVTPH2PS, 0, dst, source_half(e, i, x));
    } else if (f.shape == IR_FP_SCALAR) {
        x64_vrrr(e->b, X64_VXORPS, 0, LO_XS0, LO_XS0, LO_XS0);
        x64_vrrr(e->b, X64_VCVTSS2SD, 0, LO_XS0, LO_XS0, x);
        fp_finish(e, f, dst, LO_XS0, true);
    } else {
        x64_vrr(e->b, X64_VCVTPS2PD, 0, dst, source_half(e, i, x));
    }
}

/* XMM0 = x narrowed, zeros above; returns the branch for tiny results (and NaNs of doubles). */
static uint8_t *narrow(struct lower *e, struct fp_form f, int x)
{
    struct x64_buf *b = e->b;
    if (f.size == 1) {
        if (f.shape == IR_FP_SCALAR) {
            x64_vrrm(b, X64_VANDPS, 0, LO_XS0, x, lo_k(e, X64_K_LOW_S));
            x = LO_XS0;
        }
        x64_vrri(b, X64_VCVTPS2PH, 0, LO_XS0, x, 4);
        x64_vrrm(b, X64_VPAND, 0, LO_XS1, LO_XS0, lo_k(e, X64_K_ABS_H));
        x64_vrrm(b, X64_VPCMPEQW, 0, LO_XS1, LO_XS1, lo_k(e, X64_K_MIN_NORMAL_H));
        return fp_check_any(e, LO_XS1);
    }
    if (f.shape == IR_FP_SCALAR) {
        x64_vrrr(b, X64_VXORPS, 0, LO_XS0, LO_XS0, LO_XS0);
        x64_vrrr(b, X64_VCVTSD2SS, 0, LO_XS0, LO_XS0, x);
    } else {
        x64_vrr(b, X64_VCVTPD2PS, 0, LO_XS0, x);
    }
    return fp_check_tiny(e, f, LO_XS0, LO_XS1);
}

void lower_FNARROW(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int x = lo_v(e, i->a), low = i->b ? lo_v(e, i->b) : 0;
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    uint8_t *rare = narrow(e, f, x);
    if (i->b)
        x64_vrrr(e->b, X64_VPUNPCKLQDQ, 0, dst, low, LO_XS0);
    else
        fp_finish(e, f, dst, LO_XS0, true);
    lo_cold_interp(e, rare, i, dst, true);
}
