/* Floating-point minimum and maximum, comparison to masks, selection, signs, and the moves of
 * lanes that pairwise and by-element forms need (Arm ARM DDI 0487, J1: FPMin, FPMaxNum,
 * FPCompareGE, ...).
 *
 * vminps returns its second operand for NaNs and equal zeros, and raises Invalid for quiet NaNs. So
 * NaNs are looked for first, and for the zeros both orders are computed and combined: where the two
 * results differ they are +0 and -0. vrangeps (AVX-512DQ) orders zeros as Arm does, and gives the
 * number of a number and a quiet NaN.
 */
#include "x64/lower_vfp_int.h"

#include "base/check.h"

/* ---- Minimum and maximum ---- */

FP_OPS(VRANGE);
FP_OPS(VMAX);
FP_OPS(VMIN);
FP_OPS(VCMP);

/* XMM0 = minimum or maximum; no operand is a NaN, or a range instruction sees to it. s: scratch,
 * other than x and y. */
static void extreme(struct lower *e, struct fp_form f, bool max, int x, int y, int s)
{
    if (e->host->avx512) {
        x64_vrrri(e->b, fp_op(ops_VRANGE, f), 0, LO_XS0, x, y, max ? 5 : 4);
        return;
    }
    const uint16_t *ops = max ? ops_VMAX : ops_VMIN;
    x64_vrrr(e->b, fp_op(ops, f), 0, s, y, x);
    x64_vrrr(e->b, fp_op(ops, f), 0, LO_XS0, x, y);
    x64_vrrr(e->b, max ? X64_VANDPS : X64_VORPS, 0, LO_XS0, LO_XS0, s);
}

static void min_max(struct lower *e, const struct ir_insn *i, bool max)
{
    struct fp_form f = fp_form(i);
    int x = fp_live(e, i->a, f, LO_XS0), y = fp_live(e, i->b, f, LO_XS1);
    uint8_t *rare;
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    if (e->host->avx512 && i->sub2 & IR_FP_NUM) {
        extreme(e, f, max, x, y, LO_XS2);
        rare = fp_check_nan(e, f, LO_XS0, LO_XS1);
    } else {
        if (f.shape == IR_FP_SCALAR) {
            x64_vrr(e->b, f.size == 3 ? X64_VUCOMISD : X64_VUCOMISS, 0, x, y);
            rare = x64_jcc_fwd(e->b, X64_P);
        } else {
            x = lo_below16(e, x, LO_XS0);
            y = lo_below16(e, y, LO_XS1);
            x64_vrrri(e->b, fp_packed(f, X64_VCMPPS, X64_VCMPPD), 0, LO_XS2, x, y, CMP_UNORD_Q);
            rare = fp_check_any(e, LO_XS2);
        }
        extreme(e, f, max, x, y, LO_XS2);
    }
    bool clean = f.shape == IR_FP_V8 ||
                 (fp_zero_above(e, i->a, f) && fp_zero_above(e, i->b, f));
    fp_finish(e, f, dst, LO_XS0, clean);
    lo_cold_interp(e, rare, i, dst, true);
}

void lower_FMIN(struct lower *e, const struct ir_insn *i)
{
    if (i->sub == 1)
        fp_half_min_max(e, i, false);
    else
        min_max(e, i, false);
}

void lower_FMAX(struct lower *e, const struct ir_insn *i)
{
    if (i->sub == 1)
        fp_half_min_max(e, i, true);
    else
        min_max(e, i, true);
}

/* Without NaNs the order does not matter. */
void lower_FREDUCE(struct lower *e, const struct ir_insn *i)
{
    const struct fp_form f = {2, IR_FP_V16};
    bool max = i->sub2 & IR_FP_MAX;
    int x = lo_below16(e, lo_v(e, i->a), LO_XS2);
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    uint8_t *rare = fp_check_nan(e, f, x, LO_XS1);
    x64_vrri(e->b, X64_VPSHUFD, 0, LO_XS0, x, 0x4e);
    extreme(e, f, max, x, LO_XS0, LO_XS1);
    x64_vrri(e->b, X64_VPSHUFD, 0, LO_XS2, LO_XS0, 0xb1);
    extreme(e, f, max, LO_XS0, LO_XS2, LO_XS1);
    fp_finish(e, (struct fp_form){2, IR_FP_SCALAR}, dst, LO_XS0, false);
    lo_cold_interp(e, rare, i, dst, true);
}

/* ---- Denormal operands ---- */

static void cold_interp_one(struct lower *e, const struct lo_cold *c)
{
    x64_mov_ri(e->b, RCX, lo_site(e, lo_off(e, c->insn), c->insn->guest));
    lo_jump_entry(e, X64_E_INTERP_ONE);
}

/* 0 < |a| < the smallest normal number, as integers: no flag may be raised. */
void lower_FCHK(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int x = lo_v(e, i->a);
    lo_clobber(e);
    x64_vrrm(e->b, X64_VPAND, 0, LO_XS0, x, fp_abs_k(e, f));
    x64_vrm(e->b, X64_VMOVDQA, 0, LO_XS1, FP_K(e, f, MIN_NORMAL));
    x64_vrrr(e->b, f.size == 3 ? X64_VPCMPGTQ : X64_VPCMPGTD, 0, LO_XS1, LO_XS1, LO_XS0);
    x64_vrr(e->b, X64_VPTEST, 0, LO_XS1, LO_XS0);
    lo_cold(e, x64_jcc_fwd(e->b, X64_NE), i, cold_interp_one);
}

/* ---- Comparison ---- */

void lower_FCMPV(struct lower *e, const struct ir_insn *i)
{
    static const uint8_t predicate[] = {
        [IR_FP_EQ] = CMP_EQ_OQ, [IR_FP_GE] = CMP_GE_OS, [IR_FP_GT] = CMP_GT_OS,
        [IR_FP_LE] = CMP_LE_OS, [IR_FP_LT] = CMP_LT_OS,
    };
    struct fp_form f = fp_form(i);
    int x = lo_below16(e, fp_live(e, i->a, f, LO_XS0), LO_XS0), y = LO_XS1;
    enum ir_fp_rel rel = (enum ir_fp_rel)(i->sub2 >> IR_FP_REL_SHIFT & 7);
    bool clean = f.shape == IR_FP_SCALAR ? fp_zero_above(e, i->a, f) || i->sub2 & IR_FP_ABS
                                         : rel == IR_FP_GT || rel == IR_FP_LT;
    if (i->b)
        y = lo_below16(e, fp_live(e, i->b, f, LO_XS1), LO_XS1);
    else
        x64_vrrr(e->b, X64_VXORPS, 0, y, y, y);
    if (i->sub2 & IR_FP_ABS) {
        x64_vrrm(e->b, X64_VANDPS, 0, LO_XS0, x, fp_abs_k(e, f));
        x64_vrrm(e->b, X64_VANDPS, 0, LO_XS1, y, fp_abs_k(e, f));
        x = LO_XS0;
        y = LO_XS1;
    }
    int dst = lo_vdef(e, i);
    bool direct = dst < 16 && (clean || f.shape == IR_FP_V16);
    int t = direct ? dst : LO_XS0;
    x64_vrrri(e->b, fp_op(ops_VCMP, f), 0, t, x, y, predicate[rel]);
    if (!direct)
        fp_finish(e, f, dst, t, clean);
}

/* NZCV as area->nzcv has it: LAHF and SETO AL after a subtraction. */
static int32_t memory_nzcv(int64_t nzcv)
{
    return (nzcv & 8 ? 0x8000 : 0) | (nzcv & 4 ? 0x4000 : 0) | (nzcv & 2 ? 0 : 0x100) |
           (nzcv & 1 ? 1 : 0);
}

/* Both ways end with NZCV in area->nzcv. */
void lower_FCCMP(struct lower *e, const struct ir_insn *i)
{
    bool d = i->sub == 3;
    enum x64_vop quiet = d ? X64_VUCOMISD : X64_VUCOMISS, signal = d ? X64_VCOMISD : X64_VCOMISS;
    int x = lo_v(e, i->a), y = lo_v(e, i->b);
    enum x64_cc cc = lo_cond(e, i->sub2 & 15u);
    uint8_t *other = x64_jcc_fwd8(e->b, x64_cc_not(cc));
    x64_vrr(e->b, i->sub2 & IR_FP_FCCMP_SIGNAL ? signal : quiet, 0, x, y);
    lo_flags_set(e, LO_F_FCMP);
    lo_flags_save(e);
    uint8_t *done = x64_jmp_fwd8(e->b);
    x64_patch(e->b, other);
    x64_store_i(e->b, 2, lo_area(e, nzcv), memory_nzcv(i->imm));
    x64_patch(e->b, done);
    e->flags = LO_F_MEM;
}

/* By the general registers: a branch would be foretold wrongly now and then, cmov is not. */
void lower_FCSEL(struct lower *e, const struct ir_insn *i)
{
    int w = i->sub == 3;
    int x = lo_v(e, i->a), y = lo_v(e, i->b);
    int dst = lo_vdef(e, i), t = lo_temp(e);
    enum x64_cc cc = lo_cond(e, i->sub2 & 15u);
    x64_vmov_rx(e->b, w, t, x);
    x64_vmov_rx(e->b, w, RCX, y);
    x64_cmov(e->b, x64_cc_not(cc), w, t, RCX);
    x64_vmov_xr(e->b, w, dst, t);
}

/* ---- Signs, lanes ---- */

void lower_FABS(struct lower *e, const struct ir_insn *i)
{
    int x = lo_v(e, i->a), dst = lo_vdef(e, i);
    x64_vrrm(e->b, X64_VANDPS, 0, dst, x, fp_abs_k(e, fp_form(i)));
}

void lower_FNEG(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int x = lo_v(e, i->a), dst = lo_vdef(e, i);
    if (f.shape == IR_FP_V16 || fp_zero_above(e, i->a, f)) {
        x64_vrrm(e->b, X64_VXORPS, 0, dst, x, fp_sign_k(e, f));
        return;
    }
    x64_vrrm(e->b, X64_VXORPS, 0, LO_XS0, x, fp_sign_k(e, f));
    fp_finish(e, f, dst, LO_XS0, false);
}

void lower_FPAIR(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    bool odd = i->sub2 & IR_FP_ODD;
    int x = lo_v(e, i->a), y = lo_v(e, i->b), dst = lo_vdef(e, i);
    if (f.size == 3) {
        x64_vrrr(e->b, odd ? X64_VUNPCKHPD : X64_VUNPCKLPD, 0, dst, x, y);
    } else if (f.shape == IR_FP_V16) {
        x64_vrrri(e->b, X64_VSHUFPS, 0, dst, x, y, odd ? 0xdd : 0x88);
    } else {
        x64_vrrr(e->b, X64_VUNPCKLPS, 0, LO_XS0, x, y); /* a0 b0 a1 b1 */
        if (odd)
            x64_vrri(e->b, X64_VPSRLDQ_I, 0, dst, LO_XS0, 8);
        else
            x64_vrr(e->b, X64_VMOVQ, 0, dst, LO_XS0);
    }
}

void lower_FLANE(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int lane = (int)i->imm, imm = f.size == 3 ? (lane ? 0xee : 0x44) : 0x55 * lane;
    int x = lo_v(e, i->a), dst = lo_vdef(e, i);
    if (f.shape == IR_FP_V16) {
        x64_vrri(e->b, X64_VPSHUFD, 0, dst, x, imm);
        return;
    }
    x64_vrri(e->b, X64_VPSHUFD, 0, LO_XS0, x, imm);
    fp_finish(e, f, dst, LO_XS0, false);
}
