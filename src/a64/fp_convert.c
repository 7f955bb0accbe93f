/*
 * Floating-point conversions: between formats, to and from integers, to integral values.
 *
 * Follows DDI 0487 J1 "shared/functions/float": FPConvert, FPRoundInt, FPRoundIntN, FPToFixed,
 * FixedToFP, FPToFixedJS, VFPExpandImm. The manual rounds a signed real towards minus infinity and
 * corrects; here the magnitude is rounded and the sign taken into account by the direction, which
 * is the same thing with 64 bits instead of 65.
 */
#include "a64/fp_int.h"

/* ---- Between formats ---- */

FP_INLINE uint64_t convert(struct fp_fmt to, struct fp_fmt from, struct fp_env *env, uint64_t op,
                           enum fp_rounding rounding)
{
    struct fp_val v = fp_unpack_cv(from, env, op);
    bool alt_half = to.e == 5 && env->fpcr & FPCR_AHP;

    switch (v.type) {
    case FPTYPE_SNAN:
    case FPTYPE_QNAN:
        if (v.type == FPTYPE_SNAN || alt_half)
            env->fpsr |= FPSR_IOC;
        if (alt_half)
            return fp_zero(to, v.sign);
        return env->fpcr & FPCR_DN ? fp_default_nan(to) : fp_convert_nan(to, from, op);
    case FPTYPE_INF:
        if (alt_half) {
            env->fpsr |= FPSR_IOC;
            return fp_sign_bit(to, v.sign) | (fp_mask(to) >> 1);
        }
        return fp_infinity(to, v.sign);
    case FPTYPE_ZERO:
        return fp_zero(to, v.sign);
    case FPTYPE_NONZERO:
        break;
    }
    return fp_round_cv(to, env, v, rounding);
}

FP_INLINE uint64_t convert_from(struct fp_fmt from, unsigned to_esize, struct fp_env *env,
                                uint64_t op, enum fp_rounding rounding)
{
    return FP_BY_ESIZE(to_esize, convert, from, env, op, rounding);
}

uint64_t fp_convert(struct fp_env *env, unsigned to_esize, unsigned from_esize, uint64_t op,
                    enum fp_rounding rounding)
{
    return FP_BY_ESIZE(from_esize, convert_from, to_esize, env, op, rounding);
}

/* ---- To integers ---- */

struct magnitude {
    uint64_t mag;
    bool inexact;
    bool overflow; // does not fit 64 bits; mag is then unknown
};

// Rounds |v| * 2^fbits to an integer; v is ZERO, NONZERO or INF.
FP_INLINE struct magnitude round_magnitude(struct fp_val v, int fbits, enum fp_rounding rounding)
{
    struct magnitude m = { 0 };
    uint64_t rem; // the fraction, in units of 2^-64
    int exp = v.exp + fbits;

    if (v.type == FPTYPE_ZERO)
        return m;
    if (v.type == FPTYPE_INF || exp > 63) {
        m.overflow = true;
        return m;
    }
    if (exp == 63) {
        m.mag = v.sig;
        return m;
    }
    if (exp >= 0) {
        m.mag = v.sig >> (63 - exp);
        rem = v.sig << (exp + 1);
    } else {
        rem = exp == -1 ? v.sig : 1;
    }
    m.inexact = rem != 0;
    m.mag += fp_round_up(rounding, v.sign, m.mag & 1, rem, (uint64_t)1 << 63);
    return m;
}

// An integral magnitude, exact in the format, back to a value; zero keeps the operand's sign.
FP_INLINE uint64_t pack_integral(struct fp_fmt f, bool sign, uint64_t mag)
{
    if (mag == 0)
        return fp_zero(f, sign);

    int exp = 63 - __builtin_clzll(mag);
    uint64_t frac = exp >= f.f ? mag >> (exp >= f.f ? exp - f.f : 0)
                               : mag << (exp >= f.f ? 0 : f.f - exp);

    return fp_sign_bit(f, sign) | (uint64_t)(exp + fp_bias(f)) << f.f | (frac & fp_frac_mask(f));
}

FP_INLINE uint64_t round_int(struct fp_fmt f, struct fp_env *env, uint64_t op,
                             enum fp_rounding rounding, bool exact)
{
    struct fp_val v = fp_unpack(f, env, op);

    if (fp_is_nan(v.type))
        return fp_process_nan(f, env, v.type, op);
    if (v.type == FPTYPE_ZERO)
        return fp_zero(f, v.sign);
    if (v.type == FPTYPE_INF || v.exp >= f.f)
        return op & fp_mask(f);

    struct magnitude m = round_magnitude(v, 0, rounding);

    if (m.inexact && exact)
        env->fpsr |= FPSR_IXC;
    return pack_integral(f, v.sign, m.mag);
}

uint64_t fp_round_int(struct fp_env *env, unsigned esize, uint64_t op, enum fp_rounding rounding,
                      bool exact)
{
    return FP_BY_ESIZE(esize, round_int, env, op, rounding, exact);
}

FP_INLINE uint64_t round_int_n(struct fp_fmt f, struct fp_env *env, uint64_t op,
                               enum fp_rounding rounding, unsigned intsize)
{
    struct fp_val v = fp_unpack(f, env, op);
    struct magnitude m = { .overflow = true };
    uint64_t limit = (uint64_t)1 << (intsize - 1);

    if (!fp_is_nan(v.type))
        m = round_magnitude(v, 0, rounding);
    if (m.overflow || m.mag > limit - !v.sign) {
        env->fpsr |= FPSR_IOC;
        return pack_integral(f, true, limit);
    }
    if (m.inexact)
        env->fpsr |= FPSR_IXC;
    return pack_integral(f, v.sign, m.mag);
}

uint64_t fp_round_int_n(struct fp_env *env, unsigned esize, uint64_t op, enum fp_rounding rounding,
                        unsigned intsize)
{
    return FP_BY_ESIZE(esize, round_int_n, env, op, rounding, intsize);
}

FP_INLINE uint64_t to_fixed(struct fp_fmt f, struct fp_env *env, uint64_t op, unsigned isize,
                            unsigned fbits, bool is_unsigned, enum fp_rounding rounding)
{
    struct fp_val v = fp_unpack(f, env, op);
    uint64_t ones = ~(uint64_t)0 >> (64 - isize);
    uint64_t limit; // the largest magnitude of that sign

    if (fp_is_nan(v.type)) {
        env->fpsr |= FPSR_IOC;
        return 0;
    }
    if (is_unsigned)
        limit = v.sign ? 0 : ones;
    else
        limit = (ones >> 1) + v.sign;

    struct magnitude m = round_magnitude(v, (int)fbits, rounding);

    if (m.overflow || m.mag > limit) {
        env->fpsr |= FPSR_IOC;
        m.mag = limit;
    } else if (m.inexact) {
        env->fpsr |= FPSR_IXC;
    }
    return (v.sign ? -m.mag : m.mag) & ones;
}

uint64_t fp_to_fixed(struct fp_env *env, unsigned esize, uint64_t op, unsigned isize,
                     unsigned fbits, bool is_unsigned, enum fp_rounding rounding)
{
    return FP_BY_ESIZE(esize, to_fixed, env, op, isize, fbits, is_unsigned, rounding);
}

uint32_t fp_to_fixed_js(struct fp_env *env, uint64_t op, bool *z)
{
    struct fp_val v = fp_unpack(FP_DOUBLE, env, op);
    uint64_t frac = 0;
    uint32_t low = 0; // the low 32 bits of the truncated magnitude
    bool fits = true;

    *z = false;
    if (v.type == FPTYPE_ZERO) {
        *z = (op << 1) == 0 && !v.sign; // not for -0, not for a denormal that was flushed
        return 0;
    }
    if (v.type != FPTYPE_NONZERO) {
        env->fpsr |= FPSR_IOC;
        return 0;
    }
    if (v.exp > 63) {
        fits = false;
        if (v.exp < 63 + 32)
            low = (uint32_t)(v.sig << (v.exp - 63));
    } else if (v.exp < 0) {
        frac = v.sig;
    } else {
        uint64_t mag = v.sig >> (63 - v.exp);

        fits = mag <= (uint64_t)INT32_MAX + v.sign;
        frac = v.exp == 63 ? 0 : v.sig << (v.exp + 1);
        low = (uint32_t)mag;
    }
    if (!fits)
        env->fpsr |= FPSR_IOC;
    else if (frac)
        env->fpsr |= FPSR_IXC;
    else
        *z = true;
    return v.sign ? -low : low;
}

/* ---- From integers ---- */

FP_INLINE uint64_t from_fixed(struct fp_fmt f, struct fp_env *env, uint64_t op, unsigned isize,
                              unsigned fbits, bool is_unsigned, enum fp_rounding rounding)
{
    struct fp_val v = { .type = FPTYPE_NONZERO };
    uint64_t mag = op & ~(uint64_t)0 >> (64 - isize);

    if (!is_unsigned && mag >> (isize - 1) & 1) {
        v.sign = true;
        mag = -mag & ~(uint64_t)0 >> (64 - isize);
    }
    if (mag == 0)
        return fp_zero(f, false);

    int lz = __builtin_clzll(mag);

    v.sig = mag << lz;
    v.exp = 63 - lz - (int)fbits;
    return fp_round(f, env, v, rounding);
}

uint64_t fp_from_fixed(struct fp_env *env, unsigned esize, uint64_t op, unsigned isize,
                       unsigned fbits, bool is_unsigned, enum fp_rounding rounding)
{
    return FP_BY_ESIZE(esize, from_fixed, env, op, isize, fbits, is_unsigned, rounding);
}

/* ---- Immediate ---- */

FP_INLINE uint64_t expand_imm(struct fp_fmt f, uint8_t imm8)
{
    uint64_t b = imm8 >> 6 & 1;
    uint64_t repeat = b ? ((uint64_t)1 << (f.e - 3)) - 1 : 0;
    uint64_t exp = (b ^ 1) << (f.e - 1) | repeat << 2 | (imm8 >> 4 & 3);

    return fp_sign_bit(f, imm8 >> 7) | exp << f.f | (uint64_t)(imm8 & 15) << (f.f - 4);
}

uint64_t fp_expand_imm(unsigned esize, uint8_t imm8)
{
    return FP_BY_ESIZE(esize, expand_imm, imm8);
}
