/* Floating-point arithmetic (Arm ARM DDI 0487, J1 shared/functions/float: FPAdd, FPMul, ...).
 *
 * The host's FPU computes, in the guest's rounding mode; its sticky flags are the guest's. Where
 * the two architectures differ the interpreter does the instruction again, out of line, on guest
 * state that is still as before:
 *  - The result is a NaN: which operand it comes from, and the sign of the default NaN.
 *  - The magnitude of the result is the smallest normal number: Arm detects tininess before
 *    rounding, x86 after it, which only makes a difference there (less after rounding is less
 *    before it, and both then raise Underflow if inexact). Sums cannot be tiny and inexact.
 * x86 raises no flag in these cases that Arm would not. A result is therefore made in a scratch
 * register and moved to its destination after the check, since that may be an operand's home.
 * DE is not an Arm flag. What FPCR.DN, FZ and AHP change is not here: the lifter sees to it, but
 * that with FZ results are flushed (MXCSR.FTZ), and no operand is denormal.
 *
 * Lanes that are not live hold anything and must not raise flags: vectors of 8 bytes are computed
 * with zeros above (ones in a divisor); their differences are -0 when rounding
 * down. A scalar result must be zero above; it is if its first operand is, else it costs an
 * instruction.
 */
#include "x64/lower_vfp_int.h"

#include "base/bits.h"
#include "base/check.h"

/* ---- Shapes ---- */

struct x64_mem fp_abs_k(const struct lower *e, struct fp_form f)
{
    static const uint8_t k[][4] = {
        [IR_FP_SCALAR] = {0, X64_K_ABS_H0, X64_K_ABS_S0, X64_K_ABS_D0},
        [IR_FP_V8] = {0, X64_K_ABS_H, X64_K_ABS_SL, X64_K_ABS_D0},
        [IR_FP_V16] = {0, X64_K_ABS_H, X64_K_ABS_S, X64_K_ABS_D},
    };
    return lo_k(e, (enum x64_const)k[f.shape][f.size]);
}

struct x64_mem fp_sign_k(const struct lower *e, struct fp_form f)
{
    static const uint8_t k[][4] = {
        [IR_FP_SCALAR] = {0, X64_K_SIGN_H0, X64_K_SIGN_S0, X64_K_SIGN_D0},
        [IR_FP_V8] = {0, 0, X64_K_SIGN_SL, X64_K_SIGN_D0},
        [IR_FP_V16] = {0, 0, X64_K_SIGN_S, X64_K_SIGN_D},
    };
    return lo_k(e, (enum x64_const)k[f.shape][f.size]);
}

static unsigned live_bytes(struct fp_form f)
{
    return f.shape == IR_FP_SCALAR ? 1u << f.size : f.shape == IR_FP_V8 ? 8 : 16;
}

bool fp_zero_above(const struct lower *e, ir_val v, struct fp_form f)
{
    const struct ir_insn *i = &e->ir->insn[v];
    unsigned bytes = 16, live = live_bytes(f);
    if (i->op == IR_VLOW || i->op == IR_LDV)
        bytes = 1u << i->sub;
    else if (i->op == IR_VFROM)
        bytes = e->ir->insn[i->a].type == IR_I64 ? 8 : 4;
    else if (i->op == IR_VCONST)
        bytes = i->imm == 0 ? 0 : i->sub ? 8 : 16;
    else if (i->op == IR_VFTOI || i->op == IR_VITOF)
        bytes = live_bytes((struct fp_form){IR_FP_CVT_LOG2(i->sub),
                                            (enum ir_fp_shape)IR_FP_CVT_SHAPE(i->sub)});
    else if (i->op == IR_ITOF)
        bytes = 1u << IR_FP_CVT_LOG2(i->sub);
    else if (i->op >= IR_FADD && i->op <= IR_FLANE)
        bytes = live_bytes(fp_form(i));
    return bytes <= live;
}

static void clear_above(struct lower *e, struct fp_form f, int dst, int x)
{
    if (live_bytes(f) == 8)
        x64_vrr(e->b, X64_VMOVQ, 0, dst, x);
    else if (live_bytes(f) == 4)
        x64_vrrri(e->b, X64_VINSERTPS, 0, dst, x, x, 0x0e);
    else
        x64_vrrm(e->b, X64_VPAND, 0, dst, x, lo_k(e, X64_K_LOW_H));
}

int fp_clean(struct lower *e, ir_val v, struct fp_form f, int scratch)
{
    int x = lo_v(e, v);
    if (f.shape == IR_FP_V16 || fp_zero_above(e, v, f))
        return x;
    clear_above(e, f, scratch, x);
    return scratch;
}

int fp_live(struct lower *e, ir_val v, struct fp_form f, int scratch)
{
    return f.shape == IR_FP_V8 ? fp_clean(e, v, f, scratch) : lo_v(e, v);
}

void fp_finish(struct lower *e, struct fp_form f, int dst, int x, bool clean)
{
    if (!clean && f.shape != IR_FP_V16)
        clear_above(e, f, dst, x);
    else if (dst != x)
        x64_vrr(e->b, X64_VMOVAPS, 0, dst, x);
}

/* ---- Checks ---- */

uint8_t *fp_check_any(struct lower *e, int s)
{
    x64_vrr(e->b, X64_VPTEST, 0, s, s);
    return x64_jcc_fwd(e->b, X64_NE);
}

uint8_t *fp_check_nan(struct lower *e, struct fp_form f, int t, int s)
{
    if (f.shape == IR_FP_SCALAR) {
        x64_vrr(e->b, f.size == 3 ? X64_VUCOMISD : X64_VUCOMISS, 0, t, t);
        return x64_jcc_fwd(e->b, X64_P);
    }
    x64_vrrri(e->b, fp_packed(f, X64_VCMPPS, X64_VCMPPD), 0, s, t, t, CMP_UNORD_Q);
    return fp_check_any(e, s);
}

uint8_t *fp_check_tiny(struct lower *e, struct fp_form f, int t, int s)
{
    x64_vrrm(e->b, X64_VANDPS, 0, s, t, FP_K(e, f, ABS));
    if (f.shape == IR_FP_SCALAR) {
        /* Equal and unordered both set ZF. */
        x64_vrm(e->b, f.size == 3 ? X64_VUCOMISD : X64_VUCOMISS, 0, s, FP_K(e, f, MIN_NORMAL));
        return x64_jcc_fwd(e->b, X64_E);
    }
    x64_vrrmi(e->b, fp_packed(f, X64_VCMPPS, X64_VCMPPD), 0, s, s, FP_K(e, f, MIN_NORMAL),
              CMP_EQ_UQ);
    return fp_check_any(e, s);
}

uint8_t *fp_check_below(struct lower *e, struct fp_form f, int x, struct x64_mem limit)
{
    x64_vrrm(e->b, X64_VANDPS, 0, LO_XS0, x, FP_K(e, f, ABS));
    x64_vrrmi(e->b, fp_packed(f, X64_VCMPPS, X64_VCMPPD), 0, LO_XS0, LO_XS0, limit, CMP_NLT_UQ);
    return fp_check_any(e, LO_XS0);
}

/* ---- Two operands ---- */

FP_OPS(VADD);
FP_OPS(VSUB);
FP_OPS(VMUL);
FP_OPS(VDIV);

enum check { NAN_ONLY, NAN_OR_TINY };

/* XMM0 = op x, y, with the check; returns the branch. */
static uint8_t *compute(struct lower *e, struct fp_form f, enum x64_vop op, int x, int y,
                        enum check check)
{
    x64_vrrr(e->b, op, 0, LO_XS0, x, y);
    return check == NAN_ONLY ? fp_check_nan(e, f, LO_XS0, LO_XS1)
                             : fp_check_tiny(e, f, LO_XS0, LO_XS1);
}

static void two(struct lower *e, const struct ir_insn *i, const uint16_t ops[4], bool commutes,
                enum check check)
{
    struct fp_form f = fp_form(i);
    int x = fp_live(e, i->a, f, LO_XS0), y = fp_live(e, i->b, f, LO_XS1);
    if (i->op == IR_FDIV && f.shape == IR_FP_V8) {
        x64_vrrm(e->b, X64_VORPS, 0, LO_XS1, y, lo_k(e, X64_K_ONE_SH));
        y = LO_XS1;
    }
    if (!(i->sub2 & IR_FP_RAW))
        lo_clobber(e);
    int dst = lo_vdef(e, i);
    bool clean = f.shape == IR_FP_V8 ? i->op != IR_FSUB : fp_zero_above(e, i->a, f);
    if (!clean && commutes && fp_zero_above(e, i->b, f)) {
        int t = x;
        x = y;
        y = t;
        clean = true;
    }
    if (i->sub2 & IR_FP_RAW) {
        x64_vrrr(e->b, fp_op(ops, f), 0, LO_XS0, x, y);
        fp_finish(e, f, dst, LO_XS0, clean);
        return;
    }
    uint8_t *rare = compute(e, f, fp_op(ops, f), x, y, check);
    if (i->sub2 & IR_FP_ABS) {
        x64_vrrm(e->b, X64_VANDPS, 0, dst, LO_XS0, fp_abs_k(e, f));
    } else if (i->sub2 & IR_FP_NEG) {
        x64_vrrm(e->b, X64_VXORPS, 0, LO_XS0, LO_XS0, fp_sign_k(e, f));
        fp_finish(e, f, dst, LO_XS0, clean);
    } else {
        fp_finish(e, f, dst, LO_XS0, clean);
    }
    lo_cold_interp(e, rare, i, dst, true);
}

void lower_FADD(struct lower *e, const struct ir_insn *i)
{
    two(e, i, ops_VADD, true, NAN_ONLY);
}

void lower_FSUB(struct lower *e, const struct ir_insn *i)
{
    two(e, i, ops_VSUB, false, NAN_ONLY);
}

/* Zero times infinity is not invalid in FMULX: operands that are not finite are rare. */
static void multiply_finite(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int a = fp_clean(e, i->a, f, LO_XS1), m = fp_clean(e, i->b, f, LO_XS2);
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    uint8_t *rare_a = fp_check_below(e, f, a, FP_K(e, f, INF));
    uint8_t *rare_m = fp_check_below(e, f, m, FP_K(e, f, INF));
    uint8_t *rare = compute(e, f, fp_op(ops_VMUL, f), a, m, NAN_OR_TINY);
    fp_finish(e, f, dst, LO_XS0, true);
    lo_cold_interp(e, rare_a, i, dst, true);
    lo_cold_interp(e, rare_m, i, dst, true);
    lo_cold_interp(e, rare, i, dst, true);
}

void lower_FMUL(struct lower *e, const struct ir_insn *i)
{
    if (i->sub2 & IR_FP_FINITE)
        multiply_finite(e, i);
    else
        two(e, i, ops_VMUL, true, NAN_OR_TINY);
}

void lower_FDIV(struct lower *e, const struct ir_insn *i)
{
    two(e, i, ops_VDIV, false, NAN_OR_TINY);
}

/* ---- Fused, root ---- */

FP_OPS(VFMADD231);
FP_OPS(VFNMADD231);
FP_OPS(VFMSUB231);
FP_OPS(VFNMSUB231);

void lower_FMA(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    const uint16_t *ops;
    if (i->sub2 & IR_FP_NEGADD)
        ops = i->sub2 & IR_FP_NEG ? ops_VFNMSUB231 : ops_VFMSUB231;
    else
        ops = i->sub2 & IR_FP_NEG ? ops_VFNMADD231 : ops_VFMADD231;
    int a = fp_live(e, i->a, f, LO_XS0);
    int n = fp_live(e, i->b, f, LO_XS1), m = fp_live(e, i->c, f, LO_XS2);
    if (!(i->sub2 & IR_FP_RAW))
        lo_clobber(e);
    int dst = lo_vdef(e, i);
    if (a != LO_XS0)
        x64_vrr(e->b, X64_VMOVAPS, 0, LO_XS0, a);
    x64_vrrr(e->b, fp_op(ops, f), 0, LO_XS0, n, m);
    bool clean = f.shape == IR_FP_V8 ? !(i->sub2 & (IR_FP_NEG | IR_FP_NEGADD))
                                     : fp_zero_above(e, i->a, f);
    uint8_t *rare = i->sub2 & IR_FP_RAW ? NULL : fp_check_tiny(e, f, LO_XS0, LO_XS1);
    fp_finish(e, f, dst, LO_XS0, clean);
    if (rare)
        lo_cold_interp(e, rare, i, dst, true);
}

void lower_FSQRT(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    int x = fp_live(e, i->a, f, LO_XS1);
    if (!(i->sub2 & IR_FP_RAW))
        lo_clobber(e);
    int dst = lo_vdef(e, i);
    if (f.shape == IR_FP_SCALAR) {
        x64_vrrr(e->b, X64_VXORPS, 0, LO_XS0, LO_XS0, LO_XS0);
        x64_vrrr(e->b, f.size == 3 ? X64_VSQRTSD : X64_VSQRTSS, 0, LO_XS0, LO_XS0, x);
    } else {
        x64_vrr(e->b, fp_packed(f, X64_VSQRTPS, X64_VSQRTPD), 0, LO_XS0, x);
    }
    uint8_t *rare = i->sub2 & IR_FP_RAW ? NULL : fp_check_nan(e, f, LO_XS0, LO_XS1);
    fp_finish(e, f, dst, LO_XS0, true);
    if (rare)
        lo_cold_interp(e, rare, i, dst, true);
}

/* Newton steps. Zero times infinity is not invalid in them, and a sum may overflow that is halved
 * then: operands of 2^63 (2^511) and more, and NaNs, are rare. What is left cannot underflow. */
static void step(struct lower *e, const struct ir_insn *i, bool rsqrt)
{
    struct fp_form f = fp_form(i);
    struct x64_mem big = lo_k(e, f.size == 3 ? X64_K_P511_D : X64_K_P63_S);
    struct x64_mem k = rsqrt ? FP_K(e, f, THREE) : FP_K(e, f, TWO);
    int a = fp_clean(e, i->a, f, LO_XS1), m = fp_clean(e, i->b, f, LO_XS2);
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    uint8_t *rare_a = fp_check_below(e, f, a, big);
    uint8_t *rare_m = fp_check_below(e, f, m, big);
    if (f.shape == IR_FP_V16)
        x64_vrm(e->b, X64_VMOVAPS, 0, LO_XS0, k);
    else if (live_bytes(f) == 8)
        x64_vrm(e->b, X64_VMOVQ, 0, LO_XS0, k);
    else
        x64_vrm(e->b, X64_VMOVSS, 0, LO_XS0, k);
    x64_vrrr(e->b, fp_packed(f, X64_VFNMADD231PS, X64_VFNMADD231PD), 0, LO_XS0, a, m);
    if (rsqrt)
        x64_vrrm(e->b, fp_packed(f, X64_VMULPS, X64_VMULPD), 0, LO_XS0, LO_XS0, FP_K(e, f, HALF));
    fp_finish(e, f, dst, LO_XS0, false);
    lo_cold_interp(e, rare_a, i, dst, true);
    lo_cold_interp(e, rare_m, i, dst, true);
}

void lower_FRECPS(struct lower *e, const struct ir_insn *i)
{
    step(e, i, false);
}

void lower_FRSQRTS(struct lower *e, const struct ir_insn *i)
{
    step(e, i, true);
}
