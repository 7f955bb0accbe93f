/* Scalar floating point: moves, arithmetic, comparison, selection (Arm ARM DDI 0487, C4.1,
 * "Floating-point data-processing (1, 2, 3 source)", "compare", "conditional compare",
 * "conditional select", "immediate"; C7.2).
 *
 * Each instruction has a line for single and double (_f, field sz) and one for half precision (_h,
 * FEAT_FP16); they differ in the element size only, so both handlers are made by one macro from one
 * operation. All arithmetic, with flags and NaNs, is a64/fp.h's. FPCR.NEP does not exist here
 * (FEAT_AFP): a scalar result always zeroes the rest of the vector register.
 */
#include "engine/interp/fp_lanes_int.h"
#include "interp_table.h"

/* ---- One source ---- */

typedef uint64_t fp_op1(struct fp_env *env, unsigned esize, uint64_t op);

static enum xr one_source(struct a64_cpu *cpu, unsigned esize, unsigned rd, unsigned rn, fp_op1 *fn)
{
    fp_scalar_set(cpu, rd, esize, fn(&cpu->fp, esize, fp_scalar(cpu, rn, esize)));
    return XR_NEXT;
}

static uint64_t op_mov(struct fp_env *env, unsigned esize, uint64_t op)
{
    (void)env;
    (void)esize;
    return op;
}

static uint64_t op_abs(struct fp_env *env, unsigned esize, uint64_t op)
{
    (void)env;
    return fp_abs(esize, op);
}

static uint64_t op_neg(struct fp_env *env, unsigned esize, uint64_t op)
{
    (void)env;
    return fp_neg(esize, op);
}

static uint64_t op_rintn(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int(env, esize, op, FP_TIEEVEN, false);
}

static uint64_t op_rintp(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int(env, esize, op, FP_POSINF, false);
}

static uint64_t op_rintm(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int(env, esize, op, FP_NEGINF, false);
}

static uint64_t op_rintz(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int(env, esize, op, FP_ZERO, false);
}

static uint64_t op_rinta(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int(env, esize, op, FP_TIEAWAY, false);
}

static uint64_t op_rintx(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int(env, esize, op, fp_rounding_mode(env->fpcr), true);
}

static uint64_t op_rinti(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int(env, esize, op, fp_rounding_mode(env->fpcr), false);
}

static uint64_t op_rint32z(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int_n(env, esize, op, FP_ZERO, 32);
}

static uint64_t op_rint32x(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int_n(env, esize, op, fp_rounding_mode(env->fpcr), 32);
}

static uint64_t op_rint64z(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int_n(env, esize, op, FP_ZERO, 64);
}

static uint64_t op_rint64x(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_round_int_n(env, esize, op, fp_rounding_mode(env->fpcr), 64);
}

#define ONE_SOURCE_F(NAME, fn)                                                                     \
    enum xr interp_##NAME##_f(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FMOV_f f = a64_get_##NAME##_f(word);                                    \
        return one_source(cpu, fp_esize(f.sz), f.rd, f.rn, fn);                                    \
    }
#define ONE_SOURCE(NAME, fn)                                                                       \
    ONE_SOURCE_F(NAME, fn)                                                                         \
    enum xr interp_##NAME##_h(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FMOV_h f = a64_get_##NAME##_h(word);                                    \
        return one_source(cpu, 16, f.rd, f.rn, fn);                                                \
    }

ONE_SOURCE(FMOV, op_mov)
ONE_SOURCE(FABS, op_abs)
ONE_SOURCE(FNEG, op_neg)
ONE_SOURCE(FSQRT, fp_sqrt)
ONE_SOURCE(FRINTN, op_rintn)
ONE_SOURCE(FRINTP, op_rintp)
ONE_SOURCE(FRINTM, op_rintm)
ONE_SOURCE(FRINTZ, op_rintz)
ONE_SOURCE(FRINTA, op_rinta)
ONE_SOURCE(FRINTX, op_rintx)
ONE_SOURCE(FRINTI, op_rinti)
ONE_SOURCE_F(FRINT32Z, op_rint32z)
ONE_SOURCE_F(FRINT32X, op_rint32x)
ONE_SOURCE_F(FRINT64Z, op_rint64z)
ONE_SOURCE_F(FRINT64X, op_rint64x)

/* ---- Two sources ---- */

typedef uint64_t fp_op2(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);

static enum xr two_source(struct a64_cpu *cpu, unsigned esize, unsigned rd, unsigned rn,
                          unsigned rm, fp_op2 *fn)
{
    uint64_t op1 = fp_scalar(cpu, rn, esize), op2 = fp_scalar(cpu, rm, esize);
    fp_scalar_set(cpu, rd, esize, fn(&cpu->fp, esize, op1, op2));
    return XR_NEXT;
}

static uint64_t op_nmul(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return fp_neg(esize, fp_mul(env, esize, op1, op2));
}

#define TWO_SOURCE(NAME, fn)                                                                       \
    enum xr interp_##NAME##_f(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FMUL_f f = a64_get_##NAME##_f(word);                                    \
        return two_source(cpu, fp_esize(f.sz), f.rd, f.rn, f.rm, fn);                              \
    }                                                                                              \
    enum xr interp_##NAME##_h(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FMUL_h f = a64_get_##NAME##_h(word);                                    \
        return two_source(cpu, 16, f.rd, f.rn, f.rm, fn);                                          \
    }

TWO_SOURCE(FMUL, fp_mul)
TWO_SOURCE(FDIV, fp_div)
TWO_SOURCE(FADD, fp_add)
TWO_SOURCE(FSUB, fp_sub)
TWO_SOURCE(FMAX, fp_max)
TWO_SOURCE(FMIN, fp_min)
TWO_SOURCE(FMAXNM, fp_maxnum)
TWO_SOURCE(FMINNM, fp_minnum)
TWO_SOURCE(FNMUL, op_nmul)

/* ---- Three sources ---- */

/* (-)Ra + (-)Rn * Rm: the sign changes are made before the operation, on NaNs too. */
static enum xr three_source(struct a64_cpu *cpu, unsigned esize, const struct a64_f_FMADD_h *f,
                            bool neg_addend, bool neg_product)
{
    uint64_t a = fp_scalar(cpu, f->ra, esize);
    uint64_t n = fp_scalar(cpu, f->rn, esize), m = fp_scalar(cpu, f->rm, esize);
    if (neg_addend)
        a = fp_neg(esize, a);
    if (neg_product)
        n = fp_neg(esize, n);
    fp_scalar_set(cpu, f->rd, esize, fp_muladd(&cpu->fp, esize, a, n, m));
    return XR_NEXT;
}

#define THREE_SOURCE(NAME, neg_addend, neg_product)                                                \
    enum xr interp_##NAME##_f(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FMADD_f f = a64_get_##NAME##_f(word);                                   \
        const struct a64_f_FMADD_h regs = {.rm = f.rm, .ra = f.ra, .rn = f.rn, .rd = f.rd};        \
        return three_source(cpu, fp_esize(f.sz), &regs, neg_addend, neg_product);                  \
    }                                                                                              \
    enum xr interp_##NAME##_h(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FMADD_h f = a64_get_##NAME##_h(word);                                   \
        return three_source(cpu, 16, &f, neg_addend, neg_product);                                 \
    }

THREE_SOURCE(FMADD, false, false)
THREE_SOURCE(FMSUB, false, true)
THREE_SOURCE(FNMADD, true, true)
THREE_SOURCE(FNMSUB, true, false)

/* ---- Comparison ---- */

static uint32_t compare_nzcv(struct a64_cpu *cpu, unsigned esize, uint64_t op1, uint64_t op2,
                             bool signal_nans)
{
    return (uint32_t)fp_compare(&cpu->fp, esize, op1, op2, signal_nans) << 28;
}

static enum xr compare(struct a64_cpu *cpu, unsigned esize, unsigned rn, unsigned rm,
                       bool signal_nans)
{
    uint64_t op1 = fp_scalar(cpu, rn, esize), op2 = fp_scalar(cpu, rm, esize);
    cpu->nzcv = compare_nzcv(cpu, esize, op1, op2, signal_nans);
    return XR_NEXT;
}

static enum xr compare_zero(struct a64_cpu *cpu, unsigned esize, unsigned rn, bool signal_nans)
{
    cpu->nzcv = compare_nzcv(cpu, esize, fp_scalar(cpu, rn, esize), 0, signal_nans);
    return XR_NEXT;
}

static enum xr conditional_compare(struct a64_cpu *cpu, unsigned esize,
                                   const struct a64_f_FCCMP_h *f, bool signal_nans)
{
    if (condition_holds(cpu->nzcv, f->cond))
        return compare(cpu, esize, f->rn, f->rm, signal_nans);
    cpu->nzcv = f->nzcv << 28;
    return XR_NEXT;
}

#define COMPARE(NAME, signal_nans)                                                                 \
    enum xr interp_##NAME##_f(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FCMP_f f = a64_get_##NAME##_f(word);                                    \
        return compare(cpu, fp_esize(f.sz), f.rn, f.rm, signal_nans);                              \
    }                                                                                              \
    enum xr interp_##NAME##_h(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FCMP_h f = a64_get_##NAME##_h(word);                                    \
        return compare(cpu, 16, f.rn, f.rm, signal_nans);                                          \
    }                                                                                              \
    enum xr interp_##NAME##Z_f(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FCMPZ_f f = a64_get_##NAME##Z_f(word);                                  \
        return compare_zero(cpu, fp_esize(f.sz), f.rn, signal_nans);                               \
    }                                                                                              \
    enum xr interp_##NAME##Z_h(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FCMPZ_h f = a64_get_##NAME##Z_h(word);                                  \
        return compare_zero(cpu, 16, f.rn, signal_nans);                                           \
    }

COMPARE(FCMP, false)
COMPARE(FCMPE, true)

#define CONDITIONAL_COMPARE(NAME, signal_nans)                                                     \
    enum xr interp_##NAME##_f(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FCCMP_f f = a64_get_##NAME##_f(word);                                   \
        const struct a64_f_FCCMP_h rest = {                                                        \
            .rm = f.rm, .cond = f.cond, .rn = f.rn, .nzcv = f.nzcv};                               \
        return conditional_compare(cpu, fp_esize(f.sz), &rest, signal_nans);                       \
    }                                                                                              \
    enum xr interp_##NAME##_h(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FCCMP_h f = a64_get_##NAME##_h(word);                                   \
        return conditional_compare(cpu, 16, &f, signal_nans);                                      \
    }

CONDITIONAL_COMPARE(FCCMP, false)
CONDITIONAL_COMPARE(FCCMPE, true)

/* ---- Selection and immediate ---- */

enum xr interp_FCSEL_f(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCSEL_f f = a64_get_FCSEL_f(word);
    unsigned from = condition_holds(cpu->nzcv, f.cond) ? f.rn : f.rm;
    fp_scalar_set(cpu, f.rd, fp_esize(f.sz), fp_scalar(cpu, from, fp_esize(f.sz)));
    return XR_NEXT;
}

enum xr interp_FCSEL_h(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCSEL_h f = a64_get_FCSEL_h(word);
    unsigned from = condition_holds(cpu->nzcv, f.cond) ? f.rn : f.rm;
    fp_scalar_set(cpu, f.rd, 16, fp_scalar(cpu, from, 16));
    return XR_NEXT;
}

enum xr interp_FMOV_fi(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_fi f = a64_get_FMOV_fi(word);
    fp_scalar_set(cpu, f.rd, fp_esize(f.sz), fp_expand_imm(fp_esize(f.sz), (uint8_t)f.imm8));
    return XR_NEXT;
}

enum xr interp_FMOV_hi(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_hi f = a64_get_FMOV_hi(word);
    fp_scalar_set(cpu, f.rd, 16, fp_expand_imm(16, (uint8_t)f.imm8));
    return XR_NEXT;
}
