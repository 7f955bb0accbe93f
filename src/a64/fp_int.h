/*
 * Inside of the floating-point library: formats, FPUnpack, FPRound and NaN processing.
 *
 * The manual computes with real numbers. Here a real is a struct fp_val: sign, exponent and a
 * 64-bit significand whose top bit is set, value = sig * 2^(exp - 63). Where a result has more bits
 * than that, all bits that do not fit are ORed into bit 0 ("jammed"): the widest format keeps 53
 * bits, so bit 0 lies below the rounding position by at least ten bits and can only say "not
 * exact", never shift a tie. This is all FPRound needs to know.
 *
 * Everything takes the format as a compile-time constant and is forced inline, so that a switch on
 * the element size outside gives three specialised copies (FP_BY_ESIZE).
 */
#ifndef A64_FP_INT_H
#define A64_FP_INT_H

#include "a64/fp.h"

#define FP_INLINE static inline __attribute__((always_inline))

// A format: total, exponent and fraction bits.
struct fp_fmt {
    int n, e, f;
};

#define FP_HALF ((struct fp_fmt){ .n = 16, .e = 5, .f = 10 })
#define FP_SINGLE ((struct fp_fmt){ .n = 32, .e = 8, .f = 23 })
#define FP_DOUBLE ((struct fp_fmt){ .n = 64, .e = 11, .f = 52 })
#define FP_BFLOAT16 ((struct fp_fmt){ .n = 16, .e = 8, .f = 7 })

// Calls fn(format, ...) with the format of an element size.
#define FP_BY_ESIZE(esize, fn, ...)                                                                \
    ((esize) == 16   ? fn(FP_HALF, __VA_ARGS__)                                                    \
     : (esize) == 32 ? fn(FP_SINGLE, __VA_ARGS__)                                                  \
                     : fn(FP_DOUBLE, __VA_ARGS__))

// FPType. Everything from QNAN on is a NaN. Denormals are NONZERO once unpacked.
enum fp_type { FPTYPE_ZERO, FPTYPE_NONZERO, FPTYPE_INF, FPTYPE_QNAN, FPTYPE_SNAN };

struct fp_val {
    uint64_t sig; // NONZERO: bit 63 is set; else 0
    int exp;      // NONZERO: exponent of bit 63
    enum fp_type type;
    bool sign;
};

/* ---- Format constants ---- */

FP_INLINE uint64_t fp_frac_mask(struct fp_fmt f)
{
    return ((uint64_t)1 << f.f) - 1;
}

FP_INLINE uint64_t fp_exp_ones(struct fp_fmt f)
{
    return ((uint64_t)1 << f.e) - 1;
}

FP_INLINE uint64_t fp_mask(struct fp_fmt f)
{
    return ~(uint64_t)0 >> (64 - f.n);
}

FP_INLINE uint64_t fp_sign_bit(struct fp_fmt f, bool sign)
{
    return (uint64_t)sign << (f.n - 1);
}

FP_INLINE int fp_bias(struct fp_fmt f)
{
    return (1 << (f.e - 1)) - 1;
}

FP_INLINE uint64_t fp_zero(struct fp_fmt f, bool sign)
{
    return fp_sign_bit(f, sign);
}

FP_INLINE uint64_t fp_infinity(struct fp_fmt f, bool sign)
{
    return fp_sign_bit(f, sign) | fp_exp_ones(f) << f.f;
}

FP_INLINE uint64_t fp_max_normal(struct fp_fmt f, bool sign)
{
    return fp_infinity(f, sign) - 1;
}

FP_INLINE uint64_t fp_default_nan(struct fp_fmt f)
{
    return fp_exp_ones(f) << f.f | (uint64_t)1 << (f.f - 1);
}

// Does FPCR flush denormals of this format? Half precision has a bit of its own.
FP_INLINE bool fp_flushes(struct fp_fmt f, uint32_t fpcr)
{
    return fpcr & (f.e == 5 ? FPCR_FZ16 : FPCR_FZ);
}

/* ---- Small helpers ---- */

FP_INLINE bool fp_is_nan(enum fp_type type)
{
    return type >= FPTYPE_QNAN;
}

FP_INLINE uint64_t fp_shr_jam64(uint64_t v, unsigned n)
{
    if (n == 0)
        return v;
    if (n > 63)
        return v != 0;
    return v >> n | (v << (64 - n) != 0);
}

// FPProcessException() for one that the manual raises as InvalidOp with the default NaN.
FP_INLINE uint64_t fp_invalid(struct fp_fmt f, struct fp_env *env)
{
    env->fpsr |= FPSR_IOC;
    return fp_default_nan(f);
}

/* ---- FPUnpack ---- */

// FPUnpackBase(): fpcr is explicit since callers mask AHP or FZ16 out of it.
FP_INLINE struct fp_val fp_unpack_base(struct fp_fmt f, uint32_t fpcr, uint32_t *fpsr, uint64_t op)
{
    uint64_t frac = op & fp_frac_mask(f);
    uint64_t be = op >> f.f & fp_exp_ones(f);
    struct fp_val v = { .sign = op >> (f.n - 1) & 1 };

    if (__builtin_expect(be == 0, 0)) {
        if (frac == 0)
            return v;
        if (fp_flushes(f, fpcr)) {
            if (f.e != 5)
                *fpsr |= FPSR_IDC; // FZ16 flushes inputs silently
            return v;
        }
        int lz = __builtin_clzll(frac);
        v.type = FPTYPE_NONZERO;
        v.sig = frac << lz;
        v.exp = 1 - fp_bias(f) - f.f + 63 - lz;
        return v;
    }
    if (__builtin_expect(be == fp_exp_ones(f), 0) && !(f.e == 5 && fpcr & FPCR_AHP)) {
        if (frac == 0)
            v.type = FPTYPE_INF;
        else
            v.type = frac >> (f.f - 1) ? FPTYPE_QNAN : FPTYPE_SNAN;
        return v;
    }
    v.type = FPTYPE_NONZERO;
    v.sig = (uint64_t)1 << 63 | frac << (63 - f.f);
    v.exp = (int)be - fp_bias(f);
    return v;
}

// FPUnpack(): for arithmetic; alternative half precision exists only in conversions.
FP_INLINE struct fp_val fp_unpack(struct fp_fmt f, struct fp_env *env, uint64_t op)
{
    return fp_unpack_base(f, env->fpcr & ~FPCR_AHP, &env->fpsr, op);
}

// FPUnpackCV(): for conversions between formats; FZ16 does not act on them.
FP_INLINE struct fp_val fp_unpack_cv(struct fp_fmt f, struct fp_env *env, uint64_t op)
{
    return fp_unpack_base(f, env->fpcr & ~FPCR_FZ16, &env->fpsr, op);
}

/* ---- NaNs ---- */

// FPProcessNaN(): quiets, or replaces by the default NaN.
FP_INLINE uint64_t fp_process_nan(struct fp_fmt f, struct fp_env *env, enum fp_type type,
                                  uint64_t op)
{
    if (type == FPTYPE_SNAN)
        env->fpsr |= FPSR_IOC;
    if (env->fpcr & FPCR_DN)
        return fp_default_nan(f);
    return (op & fp_mask(f)) | (uint64_t)1 << (f.f - 1);
}

// FPProcessNaNs() where at least one is known to be a NaN: signalling first, then operand order.
FP_INLINE uint64_t fp_process_nans(struct fp_fmt f, struct fp_env *env, enum fp_type type1,
                                   enum fp_type type2, uint64_t op1, uint64_t op2)
{
    bool first = type1 == FPTYPE_SNAN || (type2 != FPTYPE_SNAN && type1 == FPTYPE_QNAN);

    return first ? fp_process_nan(f, env, type1, op1) : fp_process_nan(f, env, type2, op2);
}

// FPConvertNaN(): keeps the sign and the leading payload bits, and is quiet.
FP_INLINE uint64_t fp_convert_nan(struct fp_fmt to, struct fp_fmt from, uint64_t op)
{
    uint64_t payload = op & (fp_frac_mask(from) >> 1);
    bool sign = op >> (from.n - 1) & 1;

    payload = to.f >= from.f ? payload << (to.f >= from.f ? to.f - from.f : 0)
                             : payload >> (to.f >= from.f ? 0 : from.f - to.f);
    return fp_sign_bit(to, sign) | fp_default_nan(to) | payload;
}

/* ---- FPRound ---- */

FP_INLINE bool fp_round_up(enum fp_rounding rounding, bool sign, bool odd, uint64_t rem,
                           uint64_t half)
{
    switch (rounding) {
    case FP_TIEEVEN:
        return rem > half || (rem == half && odd);
    case FP_POSINF:
        return rem != 0 && !sign;
    case FP_NEGINF:
        return rem != 0 && sign;
    case FP_TIEAWAY:
        return rem >= half;
    case FP_ZERO:
    case FP_ODD:
        break;
    }
    return false;
}

FP_INLINE bool fp_overflow_to_inf(enum fp_rounding rounding, bool sign)
{
    return rounding == FP_TIEEVEN || rounding == FP_TIEAWAY ||
           rounding == (sign ? FP_NEGINF : FP_POSINF);
}

/*
 * FPRoundBase(): sig has bit 63 set and possibly a jammed bit 0. Tininess is detected before
 * rounding; a flushed result raises UFC alone. Alternative half precision has no infinity: overflow
 * there is InvalidOp and saturates, without Inexact.
 */
FP_INLINE uint64_t fp_round_base(struct fp_fmt f, uint32_t fpcr, uint32_t *fpsr, bool sign, int exp,
                                 uint64_t sig, enum fp_rounding rounding)
{
    const int shift = 63 - f.f;
    const uint64_t half = (uint64_t)1 << (shift - 1);
    bool alt_half = f.e == 5 && fpcr & FPCR_AHP;
    int limit = (int)fp_exp_ones(f) + alt_half;
    int be = exp + fp_bias(f);
    uint32_t flags = 0;

    if (__builtin_expect(be < 1, 0)) {
        if (fp_flushes(f, fpcr)) {
            *fpsr |= FPSR_UFC;
            return fp_zero(f, sign);
        }
        sig = fp_shr_jam64(sig, (unsigned)(1 - be));
        if (sig & (half * 2 - 1))
            flags = FPSR_UFC;
        be = 1; // with the implicit bit clear in sig, this packs as exponent 0
    } else if (be > limit) {
        be = limit;
    }

    uint64_t rem = sig & (half * 2 - 1);
    uint64_t mant = sig >> shift;

    if (rem) {
        flags |= FPSR_IXC;
        if (fp_round_up(rounding, sign, mant & 1, rem, half))
            mant++; // a carry out moves into the exponent below
        else if (rounding == FP_ODD)
            mant |= 1;
    }

    uint64_t bits = ((uint64_t)(be - 1) << f.f) + mant;

    if (__builtin_expect(bits >> f.f >= (uint64_t)limit, 0)) {
        if (alt_half) {
            *fpsr |= FPSR_IOC;
            return fp_sign_bit(f, sign) | (fp_mask(f) >> 1);
        }
        *fpsr |= FPSR_OFC | FPSR_IXC;
        return fp_overflow_to_inf(rounding, sign) ? fp_infinity(f, sign) : fp_max_normal(f, sign);
    }
    if (flags)
        *fpsr |= flags;
    return fp_sign_bit(f, sign) | bits;
}

// FPRound() for arithmetic.
FP_INLINE uint64_t fp_round(struct fp_fmt f, struct fp_env *env, struct fp_val v,
                            enum fp_rounding rounding)
{
    return fp_round_base(f, env->fpcr & ~FPCR_AHP, &env->fpsr, v.sign, v.exp, v.sig, rounding);
}

// FPRoundCV() for conversions between formats.
FP_INLINE uint64_t fp_round_cv(struct fp_fmt f, struct fp_env *env, struct fp_val v,
                               enum fp_rounding rounding)
{
    return fp_round_base(f, env->fpcr & ~FPCR_FZ16, &env->fpsr, v.sign, v.exp, v.sig, rounding);
}

/* ---- Exact sums ---- */

// The sum of two ZERO or NONZERO values, jammed to 64 bits; type ZERO if it is exactly zero (its
// sign is then the caller's business). Operands have at most 53 significant bits.
FP_INLINE struct fp_val fp_sum(struct fp_val a, struct fp_val b)
{
    if (a.type == FPTYPE_ZERO)
        return b;
    if (b.type == FPTYPE_ZERO)
        return a;
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        struct fp_val t = a;
        a = b;
        b = t;
    }

    uint64_t x = a.sig >> 1, y = fp_shr_jam64(b.sig >> 1, (unsigned)(a.exp - b.exp));
    uint64_t s = a.sign == b.sign ? x + y : x - y;

    if (s == 0)
        return (struct fp_val){ .type = FPTYPE_ZERO };
    int lz = __builtin_clzll(s);
    a.sig = s << lz;
    a.exp += 1 - lz;
    return a;
}

#endif
