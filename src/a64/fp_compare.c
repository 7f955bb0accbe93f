/*
 * Floating-point comparison, maximum and minimum.
 *
 * Follows DDI 0487 J1 "shared/functions/float": FPCompare, FPCompareEQ, FPCompareGE, FPCompareGT,
 * FPMax, FPMin, FPMaxNum, FPMinNum. No arithmetic is needed: once denormal inputs have been flushed
 * (where FPCR says so), sign-magnitude bit patterns order like the values they stand for.
 */
#include "a64/fp_int.h"

/* ---- Ordering of bit patterns ---- */

// The part of FPUnpack that matters here: the type of an operand, flushed in place.
FP_INLINE enum fp_type classify(struct fp_fmt f, struct fp_env *env, uint64_t *op)
{
    uint64_t mag, inf = fp_infinity(f, false);

    *op &= fp_mask(f);
    mag = *op & (fp_mask(f) >> 1);
    if (mag > inf)
        return mag >= fp_default_nan(f) ? FPTYPE_QNAN : FPTYPE_SNAN;
    if (mag == inf)
        return FPTYPE_INF;
    if (mag == 0)
        return FPTYPE_ZERO;
    if (mag <= fp_frac_mask(f) && fp_flushes(f, env->fpcr)) {
        if (f.e != 5)
            env->fpsr |= FPSR_IDC;
        *op ^= mag;
        return FPTYPE_ZERO;
    }
    return FPTYPE_NONZERO;
}

// A number that orders like the value; both zeroes give 0.
FP_INLINE int64_t order(struct fp_fmt f, uint64_t op)
{
    int64_t mag = (int64_t)(op & (fp_mask(f) >> 1));

    return op >> (f.n - 1) & 1 ? -mag : mag;
}

/* ---- Maximum and minimum ---- */

FP_INLINE uint64_t extreme(struct fp_fmt f, struct fp_env *env, uint64_t op1, uint64_t op2,
                           bool want_max, bool num)
{
    enum fp_type type1 = classify(f, env, &op1), type2 = classify(f, env, &op2);

    if (num && type1 == FPTYPE_QNAN && !fp_is_nan(type2)) {
        op1 = fp_infinity(f, want_max); // loses against every number
        type1 = FPTYPE_INF;
    } else if (num && type2 == FPTYPE_QNAN && !fp_is_nan(type1)) {
        op2 = fp_infinity(f, want_max);
        type2 = FPTYPE_INF;
    }
    if (fp_is_nan(type1) || fp_is_nan(type2))
        return fp_process_nans(f, env, type1, type2, op1, op2);
    if (type1 == FPTYPE_ZERO && type2 == FPTYPE_ZERO)
        return want_max ? op1 & op2 : op1 | op2; // the signs
    if (want_max)
        return order(f, op1) > order(f, op2) ? op1 : op2;
    return order(f, op1) < order(f, op2) ? op1 : op2;
}

uint64_t fp_max(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, extreme, env, op1, op2, true, false);
}

uint64_t fp_min(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, extreme, env, op1, op2, false, false);
}

uint64_t fp_maxnum(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, extreme, env, op1, op2, true, true);
}

uint64_t fp_minnum(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, extreme, env, op1, op2, false, true);
}

/* ---- Comparison ---- */

FP_INLINE unsigned compare(struct fp_fmt f, struct fp_env *env, uint64_t op1, uint64_t op2,
                           bool signal_nans)
{
    enum fp_type type1 = classify(f, env, &op1), type2 = classify(f, env, &op2);

    if (fp_is_nan(type1) || fp_is_nan(type2)) {
        if (signal_nans || type1 == FPTYPE_SNAN || type2 == FPTYPE_SNAN)
            env->fpsr |= FPSR_IOC;
        return FP_NZCV_C | FP_NZCV_V;
    }

    int64_t a = order(f, op1), b = order(f, op2);

    if (a == b)
        return FP_NZCV_Z | FP_NZCV_C;
    return a < b ? FP_NZCV_N : FP_NZCV_C;
}

unsigned fp_compare(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2,
                    bool signal_nans)
{
    return FP_BY_ESIZE(esize, compare, env, op1, op2, signal_nans);
}

bool fp_compare_eq(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return fp_compare(env, esize, op1, op2, false) & FP_NZCV_Z;
}

// In NZCV: greater is C alone, equal is Z and C, unordered is C and V.
bool fp_compare_ge(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    unsigned nzcv = fp_compare(env, esize, op1, op2, true);

    return nzcv == FP_NZCV_C || nzcv == (FP_NZCV_Z | FP_NZCV_C);
}

bool fp_compare_gt(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return fp_compare(env, esize, op1, op2, true) == FP_NZCV_C;
}
