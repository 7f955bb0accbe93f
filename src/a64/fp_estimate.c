/*
 * Reciprocal and reciprocal square root estimates.
 *
 * Follows DDI 0487 J1 "shared/functions/float": FPRecipEstimate, FPRSqrtEstimate, FPRecpX,
 * RecipEstimate, RecipSqrtEstimate, UnsignedRecipEstimate, UnsignedRSqrtEstimate. The architecture
 * fixes every bit of these estimates (FEAT_RPRES, which would give more, is not implemented). The
 * manual searches the square root estimate by counting up; the same number is found here by
 * bisection.
 */
#include "a64/fp_int.h"

/* ---- The two 9-bit functions ---- */

// RecipEstimate(): a is 256..511, standing for a/512 in [0.5, 1); result 256..511 is r/256.
static unsigned recip_estimate(unsigned a)
{
    a = a * 2 + 1;
    return (((1u << 19) / a) + 1) >> 1;
}

// RecipSqrtEstimate(): a is 128..511, standing for a/512 in [0.25, 1); result 256..511 is r/256.
static unsigned rsqrt_estimate(unsigned a)
{
    unsigned lo = 512, hi = 1024; // a * lo^2 < 2^28 holds, a * hi^2 < 2^28 does not

    a = a < 256 ? a * 2 + 1 : ((a >> 1 << 1) + 1) * 2;
    while (hi - lo > 1) {
        unsigned mid = (lo + hi) / 2;

        if ((uint64_t)a * mid * mid < (uint64_t)1 << 28)
            lo = mid;
        else
            hi = mid;
    }
    return (lo + 1) >> 1;
}

uint32_t fp_unsigned_recip_estimate(uint32_t op)
{
    return op >> 31 ? recip_estimate(op >> 23) << 23 : UINT32_MAX;
}

uint32_t fp_unsigned_rsqrt_estimate(uint32_t op)
{
    return op >> 30 ? rsqrt_estimate(op >> 23) << 23 : UINT32_MAX;
}

/* ---- FPRecipEstimate ---- */

FP_INLINE uint64_t recpe(struct fp_fmt f, struct fp_env *env, uint64_t op)
{
    struct fp_val v = fp_unpack(f, env, op);
    int bias = fp_bias(f);

    if (fp_is_nan(v.type))
        return fp_process_nan(f, env, v.type, op);
    if (v.type == FPTYPE_INF)
        return fp_zero(f, v.sign);
    if (v.type == FPTYPE_ZERO) {
        env->fpsr |= FPSR_DZC;
        return fp_infinity(f, v.sign);
    }
    if (v.exp < -bias - 1) { // the reciprocal is too large for the format
        env->fpsr |= FPSR_OFC | FPSR_IXC;
        return fp_overflow_to_inf(fp_rounding_mode(env->fpcr), v.sign) ? fp_infinity(f, v.sign)
                                                                        : fp_max_normal(f, v.sign);
    }
    if (fp_flushes(f, env->fpcr) && v.exp >= bias - 1) { // it would be denormal
        env->fpsr |= FPSR_UFC;
        return fp_zero(f, v.sign);
    }

    // v.exp is -bias-1 .. bias: the exponent field of the result is -1 .. 2*bias
    int exp = bias - 1 - v.exp;
    uint64_t frac = recip_estimate((unsigned)(v.sig >> 55)) & 0xff;

    if (exp == 0) {
        frac = (0x100 | frac) << (f.f - 9);
    } else if (exp == -1) {
        // Of half precision the low bits have to fit as well: 8 + 2 bits is all it has.
        frac = (0x100 | frac) << (f.f - 10);
        exp = 0;
    } else {
        frac <<= f.f - 8;
    }
    return fp_sign_bit(f, v.sign) | (uint64_t)exp << f.f | frac;
}

uint64_t fp_recip_estimate(struct fp_env *env, unsigned esize, uint64_t op)
{
    return FP_BY_ESIZE(esize, recpe, env, op);
}

/* ---- FPRSqrtEstimate ---- */

FP_INLINE uint64_t rsqrte(struct fp_fmt f, struct fp_env *env, uint64_t op)
{
    struct fp_val v = fp_unpack(f, env, op);
    int bias = fp_bias(f);

    if (fp_is_nan(v.type))
        return fp_process_nan(f, env, v.type, op);
    if (v.type == FPTYPE_ZERO) {
        env->fpsr |= FPSR_DZC;
        return fp_infinity(f, v.sign);
    }
    if (v.sign)
        return fp_invalid(f, env);
    if (v.type == FPTYPE_INF)
        return fp_zero(f, false);

    // An even exponent field (an odd exponent: the bias is odd) scales to [0.5, 1), else to
    // [0.25, 0.5).
    bool even_field = v.exp & 1;
    unsigned scaled = (unsigned)(v.sig >> (even_field ? 55 : 56));
    int exp = (3 * bias - 1 - (v.exp + bias)) >> 1; // field of the result; never negative
    uint64_t frac = rsqrt_estimate(scaled) & 0xff;

    return (uint64_t)exp << f.f | frac << (f.f - 8);
}

uint64_t fp_rsqrt_estimate(struct fp_env *env, unsigned esize, uint64_t op)
{
    return FP_BY_ESIZE(esize, rsqrte, env, op);
}

/* ---- FPRecpX ---- */

FP_INLINE uint64_t recpx(struct fp_fmt f, struct fp_env *env, uint64_t op)
{
    struct fp_val v = fp_unpack(f, env, op);
    uint64_t exp = op >> f.f & fp_exp_ones(f);

    if (fp_is_nan(v.type))
        return fp_process_nan(f, env, v.type, op);
    exp = exp == 0 ? fp_exp_ones(f) - 1 : exp ^ fp_exp_ones(f);
    return fp_sign_bit(f, v.sign) | exp << f.f;
}

uint64_t fp_recpx(struct fp_env *env, unsigned esize, uint64_t op)
{
    return FP_BY_ESIZE(esize, recpx, env, op);
}
