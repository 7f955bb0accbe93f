/* Lifts scalar floating point: arithmetic, comparison, selection (Arm ARM DDI 0487, C4.1,
 * "Floating-point data-processing (1, 2, 3 source)", "compare", "conditional compare", "conditional
 * select"). Single and double precision; half precision: lift_vfp_half.c, but for signs.
 */
#include "engine/lift/lift_vfp_int.h"

/* ---- Two and three sources ---- */

static bool two_source(struct lift *l, uint32_t word, enum a64_op op, enum ir_op ir, unsigned marks)
{
    if (fp_slow(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word)), m = ir_getv(l->b, fp_rm(word));
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, ir, fp_size(word), IR_FP_SCALAR | marks, n, m, 0, fp_again(op, word)));
    return true;
}

#define TWO_SOURCE(NAME, ir, marks)                                                                \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return two_source(l, word, A64_##NAME, ir, marks);                                         \
    }

TWO_SOURCE(FADD_f, IR_FADD, 0)
TWO_SOURCE(FSUB_f, IR_FSUB, 0)
TWO_SOURCE(FMUL_f, IR_FMUL, 0)
TWO_SOURCE(FNMUL_f, IR_FMUL, IR_FP_NEG)
TWO_SOURCE(FDIV_f, IR_FDIV, 0)
TWO_SOURCE(FMIN_f, IR_FMIN, 0)
TWO_SOURCE(FMAX_f, IR_FMAX, 0)
TWO_SOURCE(FMINNM_f, IR_FMIN, IR_FP_NUM)
TWO_SOURCE(FMAXNM_f, IR_FMAX, IR_FP_NUM)
/* Advanced SIMD scalars that nothing else has */
TWO_SOURCE(FABD_ss, IR_FSUB, IR_FP_ABS)
TWO_SOURCE(FMULX_ss, IR_FMUL, IR_FP_FINITE)
TWO_SOURCE(FRECPS_ss, IR_FRECPS, 0)
TWO_SOURCE(FRSQRTS_ss, IR_FRSQRTS, 0)

static bool three_source(struct lift *l, uint32_t word, enum a64_op op, unsigned marks)
{
    if (fp_slow(l))
        return false;
    ir_val a = ir_getv(l->b, fp_ra(word));
    ir_val n = ir_getv(l->b, fp_rn(word)), m = ir_getv(l->b, fp_rm(word));
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, IR_FMA, fp_size(word), IR_FP_SCALAR | marks, a, n, m, fp_again(op, word)));
    return true;
}

#define THREE_SOURCE(NAME, marks)                                                                  \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return three_source(l, word, A64_##NAME, marks);                                           \
    }

THREE_SOURCE(FMADD_f, 0)
THREE_SOURCE(FMSUB_f, IR_FP_NEG)
THREE_SOURCE(FNMADD_f, IR_FP_NEG | IR_FP_NEGADD)
THREE_SOURCE(FNMSUB_f, IR_FP_NEGADD)

/* ---- One source ---- */

static bool one_source(struct lift *l, uint32_t word, enum ir_op ir, unsigned size, unsigned marks,
                       int64_t imm)
{
    ir_val n = ir_getv(l->b, fp_rn(word));
    ir_putv(l->b, fp_rd(word), fp_emit(l, ir, size, IR_FP_SCALAR | marks, n, 0, 0, imm));
    return true;
}

#define SIGN(NAME, ir, size)                                                                       \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return one_source(l, word, ir, size, 0, 0);                                                \
    }

SIGN(FABS_f, IR_FABS, fp_size(word))
SIGN(FABS_h, IR_FABS, 1)
SIGN(FNEG_f, IR_FNEG, fp_size(word))
SIGN(FNEG_h, IR_FNEG, 1)

bool lift_FSQRT_f(struct lift *l, uint32_t word)
{
    return !fp_slow(l) &&
           one_source(l, word, IR_FSQRT, fp_size(word), 0, fp_again(A64_FSQRT_f, word));
}

#define ROUND(NAME, rounding)                                                                      \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return !fp_odd(l) &&                                                                       \
               one_source(l, word, IR_FRINT, fp_size(word), rounding << IR_FP_ROUND_SHIFT, 0);     \
    }

ROUND(FRINTN_f, IR_FP_NEAREST)
ROUND(FRINTP_f, IR_FP_UP)
ROUND(FRINTM_f, IR_FP_DOWN)
ROUND(FRINTZ_f, IR_FP_TOZERO)
ROUND(FRINTX_f, IR_FP_CURRENTX)
ROUND(FRINTI_f, IR_FP_CURRENT)

bool lift_FRINTA_f(struct lift *l, uint32_t word)
{
    return !fp_slow(l) &&
           one_source(l, word, IR_FRINTA, fp_size(word), 0, fp_again(A64_FRINTA_f, word));
}

/* FRINT32 and FRINT64; other marks of IR_FRINTW. */
#define BOUNDED(NAME, rounding, wide)                                                              \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return !fp_slow(l) && one_source(l, word, IR_FRINTW, fp_size(word),                        \
                                         rounding << IR_FP_ROUND_SHIFT | wide,                     \
                                         fp_again(A64_##NAME, word));                              \
    }

BOUNDED(FRINT32Z_f, IR_FP_TOZERO, 0)
BOUNDED(FRINT32X_f, IR_FP_CURRENTX, 0)
BOUNDED(FRINT64Z_f, IR_FP_TOZERO, IR_FP_WIDE)
BOUNDED(FRINT64X_f, IR_FP_CURRENTX, IR_FP_WIDE)

bool lift_FRECPE_ss(struct lift *l, uint32_t word)
{
    return !fp_slow(l) &&
           one_source(l, word, IR_FESTIMATE, fp_size(word), 0, fp_again(A64_FRECPE_ss, word));
}

bool lift_FRSQRTE_ss(struct lift *l, uint32_t word)
{
    return !fp_slow(l) && one_source(l, word, IR_FESTIMATE, fp_size(word), IR_FP_ROOT,
                                     fp_again(A64_FRSQRTE_ss, word));
}

/* ---- Between precisions ---- */

bool lift_FCVT_ds(struct lift *l, uint32_t word)
{
    return !fp_odd(l) && one_source(l, word, IR_FWIDEN, 3, 0, 0);
}

bool lift_FCVT_sh(struct lift *l, uint32_t word)
{
    return !fp_odd(l) && one_source(l, word, IR_FWIDEN, 2, 0, 0);
}

bool lift_FCVT_dh(struct lift *l, uint32_t word)
{
    if (fp_odd(l))
        return false;
    ir_val s = fp_emit(l, IR_FWIDEN, 2, IR_FP_SCALAR, ir_getv(l->b, fp_rn(word)), 0, 0, 0);
    ir_putv(l->b, fp_rd(word), fp_emit(l, IR_FWIDEN, 3, IR_FP_SCALAR, s, 0, 0, 0));
    return true;
}

bool lift_FCVT_sd(struct lift *l, uint32_t word)
{
    return !fp_slow(l) && one_source(l, word, IR_FNARROW, 2, 0, fp_again(A64_FCVT_sd, word));
}

bool lift_FCVT_hs(struct lift *l, uint32_t word)
{
    return !fp_odd(l) && one_source(l, word, IR_FNARROW, 1, 0, fp_again(A64_FCVT_hs, word));
}

/* ---- Comparison, selection ---- */

static bool compare(struct lift *l, uint32_t word, bool zero, bool signal_nans)
{
    if (fp_slow(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word)), m = zero ? 0 : ir_getv(l->b, fp_rm(word));
    ir_val v = fp_emit(l, IR_FCMP, fp_size(word), signal_nans, n, m, 0, 0);
    l->b->insn[v].setf = true;
    return true;
}

#define COMPARE(NAME, zero, signal_nans)                                                           \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return compare(l, word, zero, signal_nans);                                                \
    }

COMPARE(FCMP_f, false, false)
COMPARE(FCMPZ_f, true, false)
COMPARE(FCMPE_f, false, true)
COMPARE(FCMPEZ_f, true, true)

static bool conditional_compare(struct lift *l, uint32_t word, bool signal_nans)
{
    unsigned cond = word >> 12 & 15, sub2 = cond | (signal_nans ? IR_FP_FCCMP_SIGNAL : 0);
    if (cond >= 14)
        return compare(l, word, false, signal_nans);
    if (l->mode & (LIFT_FPSLOW | LIFT_FPFLUSH))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word)), m = ir_getv(l->b, fp_rm(word));
    ir_val v = fp_emit(l, IR_FCCMP, fp_size(word), sub2, n, m, 0, word & 15);
    l->b->insn[v].setf = true;
    return true;
}

bool lift_FCCMP_f(struct lift *l, uint32_t word)
{
    return conditional_compare(l, word, false);
}

bool lift_FCCMPE_f(struct lift *l, uint32_t word)
{
    return conditional_compare(l, word, true);
}

bool lift_FCSEL_f(struct lift *l, uint32_t word)
{
    unsigned cond = word >> 12 & 15;
    ir_val n = ir_getv(l->b, fp_rn(word)), m = cond < 14 ? ir_getv(l->b, fp_rm(word)) : 0;
    ir_putv(l->b, fp_rd(word),
            cond < 14 ? fp_emit(l, IR_FCSEL, fp_size(word), cond, n, m, 0, 0)
                      : ir_vec(l->b, IR_VLOW, fp_size(word), n, 0, 0, 0));
    return true;
}
