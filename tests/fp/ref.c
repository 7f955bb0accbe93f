/* The floating-point functions of the manual around exact arithmetic. See ref.h. */
#include "ref.h"

#include <assert.h>

/* ---- Formats and encodings ---- */

static struct ref_fmt fmt(unsigned esize)
{
    return esize == 16 ? REF_HALF : esize == 32 ? REF_SINGLE : REF_DOUBLE;
}

static int bias(struct ref_fmt f)
{
    return (1 << (f.e - 1)) - 1;
}

static uint64_t ones(int n)
{
    return n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

static uint64_t encode(struct ref_fmt f, bool neg, uint64_t exp, uint64_t frac)
{
    return (uint64_t)neg << (f.e + f.f) | exp << f.f | frac;
}

static uint64_t zero(struct ref_fmt f, bool neg)
{
    return encode(f, neg, 0, 0);
}

static uint64_t infinity(struct ref_fmt f, bool neg)
{
    return encode(f, neg, ones(f.e), 0);
}

static uint64_t default_nan(struct ref_fmt f)
{
    return encode(f, false, ones(f.e), UINT64_C(1) << (f.f - 1));
}

static bool is_nan(struct ref_num n)
{
    return n.kind == REF_QNAN || n.kind == REF_SNAN;
}

static bool flushes(struct ref_fmt f, uint32_t fpcr)
{
    return f.e == 5 ? fpcr & FPCR_FZ16 : fpcr & FPCR_FZ;
}

/* FPUnpackBase() with FPCR bits as its caller left them. */
static struct ref_num unpack_with(struct ref_fmt f, uint32_t fpcr, uint32_t *fpsr, uint64_t bits)
{
    uint64_t frac = bits & ones(f.f), exp = (bits >> f.f) & ones(f.e);
    struct ref_num n = {.neg = bits >> (f.f + f.e) & 1, .kind = REF_FINITE};
    if (exp == ones(f.e) && !(f.e == 5 && fpcr & FPCR_AHP)) {
        n.kind = !frac ? REF_INF : frac & UINT64_C(1) << (f.f - 1) ? REF_QNAN : REF_SNAN;
    } else if (exp) {
        n.m = frac + (UINT64_C(1) << f.f);
        n.e = (int)exp - bias(f) - f.f;
    } else if (!frac) {
        n.kind = REF_ZERO;
    } else if (flushes(f, fpcr)) {
        n.kind = REF_ZERO;
        *fpsr |= f.e == 5 ? 0 : FPSR_IDC;
    } else {
        n.m = frac;
        n.e = 1 - bias(f) - f.f;
    }
    return n;
}

static struct ref_num unpack(struct ref_fmt f, struct ref_env *env, uint64_t bits)
{
    return unpack_with(f, env->fpcr & ~FPCR_AHP, &env->fpsr, bits);
}

/* ---- Rounding ---- */

static int bit_length(u128 v)
{
    uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
    return high ? 128 - __builtin_clzll(high) : low ? 64 - __builtin_clzll(low) : 0;
}

/* How much of a real lies below a place: nothing, less than half, half, more than half. */
enum tail { TAIL_NONE, TAIL_LOW, TAIL_HALF, TAIL_HIGH };

/* Cuts r at 2^place: *whole * 2^place + the tail. */
static enum tail cut(struct ref_real r, int place, u128 *whole)
{
    int shift = place - r.exp;
    if (shift <= 0) {
        assert(!r.more && bit_length(r.mant) - shift <= 128);
        *whole = r.mant << -shift;
        return TAIL_NONE;
    }
    if (shift > bit_length(r.mant)) {
        *whole = 0;
        return r.mant || r.more ? TAIL_LOW : TAIL_NONE;
    }
    u128 half = (u128)1 << (shift - 1), below;
    *whole = shift == 128 ? 0 : r.mant >> shift;
    below = r.mant & (half + (half - 1));
    if (below == half)
        return r.more ? TAIL_HIGH : TAIL_HALF;
    return below > half ? TAIL_HIGH : below || r.more ? TAIL_LOW : TAIL_NONE;
}

/* The integer next to whole + tail that a rounding chooses. */
static u128 choose(u128 whole, enum tail tail, bool neg, enum fp_rounding rounding)
{
    if (tail == TAIL_NONE)
        return whole;
    switch (rounding) {
    case FP_TIEEVEN: return whole + (tail == TAIL_HIGH || (tail == TAIL_HALF && (whole & 1)));
    case FP_TIEAWAY: return whole + (tail >= TAIL_HALF);
    case FP_POSINF: return whole + !neg;
    case FP_NEGINF: return whole + neg;
    case FP_ODD: return whole | 1;
    case FP_ZERO: break;
    }
    return whole;
}

/* FPRoundBase(): r is not zero. */
static uint64_t round_with(struct ref_fmt f, uint32_t fpcr, uint32_t *fpsr, struct ref_real r,
                           enum fp_rounding rounding)
{
    bool alternative = f.e == 5 && fpcr & FPCR_AHP;
    int exponent = r.exp + bit_length(r.mant) - 1; /* of the leading bit */
    int smallest = 1 - bias(f);
    bool tiny = exponent < smallest;
    u128 whole;
    if (tiny && flushes(f, fpcr)) {
        *fpsr |= FPSR_UFC;
        return zero(f, r.neg);
    }
    int place = (tiny ? smallest : exponent) - f.f;
    enum tail tail = cut(r, place, &whole);
    whole = choose(whole, tail, r.neg, rounding);
    if (whole >> (f.f + 1)) { /* rounded up to the next power of two */
        whole >>= 1;
        place++;
    }
    if (place + f.f > bias(f) + alternative) {
        if (alternative) {
            *fpsr |= FPSR_IOC;
            return encode(f, r.neg, ones(f.e), ones(f.f));
        }
        *fpsr |= FPSR_OFC | FPSR_IXC;
        bool to_infinity = rounding == FP_TIEEVEN || rounding == FP_TIEAWAY ||
                           (rounding == FP_POSINF && !r.neg) || (rounding == FP_NEGINF && r.neg);
        return to_infinity ? infinity(f, r.neg) : encode(f, r.neg, ones(f.e) - 1, ones(f.f));
    }
    if (tail != TAIL_NONE)
        *fpsr |= FPSR_IXC | (tiny ? FPSR_UFC : 0);
    if (!(whole >> f.f)) /* denormal, or zero */
        return encode(f, r.neg, 0, (uint64_t)whole);
    return encode(f, r.neg, (uint64_t)(place + f.f + bias(f)), (uint64_t)whole & ones(f.f));
}

/* A result of arithmetic; `neg_zero` is the sign it has if it is zero. */
static uint64_t round_to(struct ref_fmt f, struct ref_env *env, struct ref_real r, bool neg_zero)
{
    if (!r.mant && !r.more)
        return zero(f, neg_zero);
    return round_with(f, env->fpcr & ~FPCR_AHP, &env->fpsr, r, fp_rounding_mode(env->fpcr));
}

/* The sign of an exact sum that is zero though its parts are not, or are of different signs. */
static bool zero_sum_sign(struct ref_env *env)
{
    return fp_rounding_mode(env->fpcr) == FP_NEGINF;
}

/* ---- NaNs ---- */

static uint64_t invalid(struct ref_fmt f, struct ref_env *env)
{
    env->fpsr |= FPSR_IOC;
    return default_nan(f);
}

static uint64_t process_nan(struct ref_fmt f, struct ref_env *env, struct ref_num n, uint64_t bits)
{
    if (n.kind == REF_SNAN)
        env->fpsr |= FPSR_IOC;
    if (env->fpcr & FPCR_DN)
        return default_nan(f);
    return (bits & ones(1 + f.e + f.f)) | UINT64_C(1) << (f.f - 1);
}

/* FPProcessNaNs(), FPProcessNaNs3(): the first signalling one, or else the first one. */
static bool process_nans(struct ref_fmt f, struct ref_env *env, const struct ref_num *n,
                         const uint64_t *bits, int count, uint64_t *result)
{
    for (enum ref_class kind = REF_SNAN; kind >= REF_QNAN; kind--)
        for (int i = 0; i < count; i++)
            if (n[i].kind == kind) {
                *result = process_nan(f, env, n[i], bits[i]);
                return true;
            }
    return false;
}

/* ---- Arithmetic ---- */

static struct ref_real muladd_real(struct ref_fmt f, struct ref_env *env, struct ref_num addend,
                                   struct ref_num a, struct ref_num b)
{
    if (f.e == 5 && !env->use_mpfr)
        return ref_half_muladd(addend, a, b);
    return ref_exact_muladd(addend, a, b);
}

static const struct ref_num one = {.kind = REF_FINITE, .m = 1};
static const struct ref_num nothing = {.kind = REF_ZERO};

/* FPAdd() of two that are unpacked. */
static uint64_t add(struct ref_fmt f, struct ref_env *env, uint64_t a, uint64_t b, bool subtract)
{
    uint64_t bits[2] = {a, b}, result;
    struct ref_num n[2] = {unpack(f, env, a), unpack(f, env, b)};
    if (process_nans(f, env, n, bits, 2, &result))
        return result;
    n[1].neg ^= subtract;
    if (n[0].kind == REF_INF && n[1].kind == REF_INF && n[0].neg != n[1].neg)
        return invalid(f, env);
    if (n[0].kind == REF_INF || n[1].kind == REF_INF)
        return infinity(f, n[n[0].kind != REF_INF].neg);
    if (n[0].kind == REF_ZERO && n[1].kind == REF_ZERO && n[0].neg == n[1].neg)
        return zero(f, n[0].neg);
    return round_to(f, env, muladd_real(f, env, n[0], n[1], one), zero_sum_sign(env));
}

uint64_t ref_add(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return add(fmt(esize), env, a, b, false);
}

uint64_t ref_sub(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return add(fmt(esize), env, a, b, true);
}

static uint64_t mul(struct ref_fmt f, struct ref_env *env, uint64_t a, uint64_t b, bool x)
{
    uint64_t bits[2] = {a, b}, result;
    struct ref_num n[2] = {unpack(f, env, a), unpack(f, env, b)};
    bool neg = n[0].neg != n[1].neg;
    bool inf = n[0].kind == REF_INF || n[1].kind == REF_INF;
    bool null = n[0].kind == REF_ZERO || n[1].kind == REF_ZERO;
    if (process_nans(f, env, n, bits, 2, &result))
        return result;
    if (inf && null)
        return x ? encode(f, neg, (uint64_t)bias(f) + 1, 0) : invalid(f, env);
    if (inf)
        return infinity(f, neg);
    if (null)
        return zero(f, neg);
    return round_to(f, env, muladd_real(f, env, nothing, n[0], n[1]), neg);
}

uint64_t ref_mul(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return mul(fmt(esize), env, a, b, false);
}

uint64_t ref_mulx(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return mul(fmt(esize), env, a, b, true);
}

uint64_t ref_div(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    struct ref_fmt f = fmt(esize);
    uint64_t bits[2] = {a, b}, result;
    struct ref_num n[2] = {unpack(f, env, a), unpack(f, env, b)};
    bool neg = n[0].neg != n[1].neg;
    if (process_nans(f, env, n, bits, 2, &result))
        return result;
    if (n[0].kind == n[1].kind && n[0].kind != REF_FINITE)
        return invalid(f, env); /* inf / inf, 0 / 0 */
    if (n[1].kind == REF_ZERO && n[0].kind == REF_FINITE)
        env->fpsr |= FPSR_DZC;
    if (n[0].kind == REF_INF || n[1].kind == REF_ZERO)
        return infinity(f, neg);
    if (n[0].kind == REF_ZERO || n[1].kind == REF_INF)
        return zero(f, neg);
    bool integers = esize == 16 && !env->use_mpfr;
    return round_to(f, env, (integers ? ref_half_div : ref_exact_div)(n[0], n[1]), neg);
}

uint64_t ref_sqrt(struct ref_env *env, unsigned esize, uint64_t a)
{
    struct ref_fmt f = fmt(esize);
    struct ref_num n = unpack(f, env, a);
    if (is_nan(n))
        return process_nan(f, env, n, a);
    if (n.kind == REF_ZERO)
        return zero(f, n.neg);
    if (n.neg)
        return invalid(f, env);
    if (n.kind == REF_INF)
        return infinity(f, false);
    bool integers = esize == 16 && !env->use_mpfr;
    struct ref_real r = integers ? ref_half_sqrt(n) : ref_exact_sqrt(n);
    return round_to(f, env, r, false);
}

/* FPMulAdd() with the factors in a format of their own (FPMulAddH()). */
static uint64_t muladd(struct ref_fmt f, struct ref_fmt factors, struct ref_env *env,
                       uint64_t addend, uint64_t a, uint64_t b)
{
    struct ref_num n[3] = {unpack(f, env, addend), unpack(factors, env, a),
                           unpack(factors, env, b)};
    uint64_t bits[3] = {addend, a, b}, result;
    bool inf = n[1].kind == REF_INF || n[2].kind == REF_INF;
    bool null = n[1].kind == REF_ZERO || n[2].kind == REF_ZERO;
    bool neg = n[1].neg != n[2].neg;
    if (inf && null && n[0].kind == REF_QNAN)
        return invalid(f, env);
    if (f.e != factors.e) /* a NaN among the factors is converted once it is chosen */
        for (int i = 1; i < 3; i++)
            if (is_nan(n[i]))
                bits[i] = encode(f, n[i].neg, ones(f.e),
                                 (bits[i] & ones(factors.f)) << (f.f - factors.f));
    if (process_nans(f, env, n, bits, 3, &result))
        return result;
    if ((inf && null) || (inf && n[0].kind == REF_INF && n[0].neg != neg))
        return invalid(f, env);
    if (inf || n[0].kind == REF_INF)
        return infinity(f, inf ? neg : n[0].neg);
    if (null && n[0].kind == REF_ZERO && n[0].neg == neg)
        return zero(f, neg);
    struct ref_real r = f.e == factors.e ? muladd_real(f, env, n[0], n[1], n[2])
                                         : ref_exact_muladd(n[0], n[1], n[2]);
    return round_to(f, env, r, zero_sum_sign(env));
}

uint64_t ref_muladd(struct ref_env *env, unsigned esize, uint64_t addend, uint64_t a, uint64_t b)
{
    return muladd(fmt(esize), fmt(esize), env, addend, a, b);
}

uint64_t ref_muladd_h(struct ref_env *env, uint64_t addend, uint64_t a, uint64_t b)
{
    return muladd(REF_SINGLE, REF_HALF, env, addend, a, b);
}

/* (c - a * b) / 2^halve, where zero times infinity counts as zero. */
static uint64_t step(struct ref_fmt f, struct ref_env *env, uint64_t a, uint64_t b, unsigned c,
                     int halve)
{
    uint64_t bits[2] = {a ^ UINT64_C(1) << (f.e + f.f), b}, result;
    struct ref_num n[2] = {unpack(f, env, bits[0]), unpack(f, env, bits[1])};
    struct ref_num constant = {.kind = REF_FINITE, .m = c};
    bool inf = n[0].kind == REF_INF || n[1].kind == REF_INF;
    bool null = n[0].kind == REF_ZERO || n[1].kind == REF_ZERO;
    if (process_nans(f, env, n, bits, 2, &result))
        return result;
    if (inf && !null)
        return infinity(f, n[0].neg != n[1].neg);
    struct ref_real r = inf ? ref_exact_muladd(constant, nothing, nothing)
                            : muladd_real(f, env, constant, n[0], n[1]);
    r.exp -= halve;
    return round_to(f, env, r, zero_sum_sign(env));
}

uint64_t ref_recip_step(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return step(fmt(esize), env, a, b, 2, 0);
}

uint64_t ref_rsqrt_step(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return step(fmt(esize), env, a, b, 3, 1);
}

/* ---- Comparison ---- */

/* -1, 0, 1; no NaNs. Magnitudes are aligned: the m of all finite numbers have leading bits at
 * different places, so the exponent of that bit decides first. */
static int order(struct ref_num a, struct ref_num b)
{
    int sign_a = a.kind == REF_ZERO ? 0 : a.neg ? -1 : 1;
    int sign_b = b.kind == REF_ZERO ? 0 : b.neg ? -1 : 1;
    if (sign_a != sign_b || !sign_a)
        return (sign_a > sign_b) - (sign_a < sign_b);
    if (a.kind == REF_INF || b.kind == REF_INF)
        return sign_a * ((a.kind == REF_INF) - (b.kind == REF_INF));
    int top_a = a.e + bit_length(a.m), top_b = b.e + bit_length(b.m);
    if (top_a != top_b)
        return top_a > top_b ? sign_a : -sign_a;
    uint64_t m_a = a.m << (64 - bit_length(a.m)), m_b = b.m << (64 - bit_length(b.m));
    return sign_a * ((m_a > m_b) - (m_a < m_b));
}

static uint64_t extreme(struct ref_fmt f, struct ref_env *env, uint64_t a, uint64_t b, int want,
                        bool number)
{
    uint64_t bits[2] = {a & ones(1 + f.e + f.f), b & ones(1 + f.e + f.f)}, result;
    struct ref_num n[2] = {unpack(f, env, a), unpack(f, env, b)};
    if (number && n[0].kind == REF_QNAN && !is_nan(n[1]))
        return n[1].kind == REF_ZERO ? zero(f, n[1].neg) : bits[1];
    if (number && n[1].kind == REF_QNAN && !is_nan(n[0]))
        return n[0].kind == REF_ZERO ? zero(f, n[0].neg) : bits[0];
    if (process_nans(f, env, n, bits, 2, &result))
        return result;
    if (n[0].kind == REF_ZERO && n[1].kind == REF_ZERO)
        return zero(f, want > 0 ? n[0].neg && n[1].neg : n[0].neg || n[1].neg);
    int at = order(n[0], n[1]) == want ? 0 : 1;
    return n[at].kind == REF_ZERO ? zero(f, n[at].neg) : bits[at];
}

uint64_t ref_max(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return extreme(fmt(esize), env, a, b, 1, false);
}

uint64_t ref_min(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return extreme(fmt(esize), env, a, b, -1, false);
}

uint64_t ref_maxnum(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return extreme(fmt(esize), env, a, b, 1, true);
}

uint64_t ref_minnum(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return extreme(fmt(esize), env, a, b, -1, true);
}

uint64_t ref_compare(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b, bool signal)
{
    struct ref_fmt f = fmt(esize);
    struct ref_num n = unpack(f, env, a), m = unpack(f, env, b);
    if (is_nan(n) || is_nan(m)) {
        if (signal || n.kind == REF_SNAN || m.kind == REF_SNAN)
            env->fpsr |= FPSR_IOC;
        return 3;
    }
    int o = order(n, m);
    return o < 0 ? 8 : o > 0 ? 2 : 6;
}

uint64_t ref_compare_eq(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return ref_compare(env, esize, a, b, false) == 6;
}

uint64_t ref_compare_ge(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    uint64_t nzcv = ref_compare(env, esize, a, b, true);
    return nzcv == 6 || nzcv == 2;
}

uint64_t ref_compare_gt(struct ref_env *env, unsigned esize, uint64_t a, uint64_t b)
{
    return ref_compare(env, esize, a, b, true) == 2;
}

/* ---- Conversion ---- */

static struct ref_real real(struct ref_num n)
{
    return (struct ref_real){.neg = n.neg, .mant = n.m, .exp = n.e};
}

/* FPConvertNaN(): by way of the 51 payload bits of a double. */
static uint64_t convert_nan(struct ref_fmt to, struct ref_fmt from, bool neg, uint64_t bits)
{
    uint64_t payload = (bits & ones(from.f - 1)) << (52 - from.f);
    return encode(to, neg, ones(to.e), UINT64_C(1) << (to.f - 1) | payload >> (52 - to.f));
}

uint64_t ref_convert(struct ref_env *env, unsigned to_size, unsigned from_size, uint64_t a,
                     enum fp_rounding rounding)
{
    struct ref_fmt to = fmt(to_size), from = fmt(from_size);
    uint32_t fpcr = env->fpcr & ~FPCR_FZ16;
    struct ref_num n = unpack_with(from, fpcr, &env->fpsr, a);
    bool alternative = to_size == 16 && fpcr & FPCR_AHP;
    if (is_nan(n)) {
        if (n.kind == REF_SNAN || alternative)
            env->fpsr |= FPSR_IOC;
        if (alternative)
            return zero(to, n.neg);
        return fpcr & FPCR_DN ? default_nan(to) : convert_nan(to, from, n.neg, a);
    }
    if (n.kind == REF_INF && alternative) {
        env->fpsr |= FPSR_IOC;
        return encode(to, n.neg, ones(to.e), ones(to.f));
    }
    if (n.kind == REF_INF)
        return infinity(to, n.neg);
    if (n.kind == REF_ZERO)
        return zero(to, n.neg);
    return round_with(to, fpcr, &env->fpsr, real(n), rounding);
}

/* |n| * 2^fbits as an integer, at most 2^120 (what is larger is larger than every limit). */
static u128 integral(struct ref_num n, int fbits, enum fp_rounding rounding, bool *inexact)
{
    u128 whole;
    struct ref_real r = real(n);
    *inexact = false;
    if (n.kind == REF_ZERO)
        return 0;
    r.exp += fbits;
    if (n.kind == REF_INF || r.exp + bit_length(r.mant) > 120)
        return (u128)1 << 120;
    enum tail tail = cut(r, 0, &whole);
    *inexact = tail != TAIL_NONE;
    return choose(whole, tail, n.neg, rounding);
}

/* An integer that the format can hold. */
static uint64_t from_integer(struct ref_fmt f, bool neg, u128 v)
{
    uint32_t flags = 0;
    if (!v)
        return zero(f, neg);
    return round_with(f, 0, &flags, (struct ref_real){.neg = neg, .mant = v}, FP_ZERO);
}

uint64_t ref_round_int(struct ref_env *env, unsigned esize, uint64_t a, enum fp_rounding rounding,
                       bool exact)
{
    struct ref_fmt f = fmt(esize);
    struct ref_num n = unpack(f, env, a);
    bool inexact;
    if (is_nan(n))
        return process_nan(f, env, n, a);
    if (n.kind == REF_INF)
        return infinity(f, n.neg);
    if (n.kind == REF_FINITE && n.e >= 0)
        return a & ones(1 + f.e + f.f); /* an integer */
    u128 v = integral(n, 0, rounding, &inexact);
    if (inexact && exact)
        env->fpsr |= FPSR_IXC;
    return from_integer(f, n.neg, v);
}

uint64_t ref_round_int_n(struct ref_env *env, unsigned esize, uint64_t a, enum fp_rounding rounding,
                         unsigned intsize)
{
    struct ref_fmt f = fmt(esize);
    struct ref_num n = unpack(f, env, a);
    bool inexact = false;
    u128 limit = (u128)1 << (intsize - 1), v = is_nan(n) ? 0 : integral(n, 0, rounding, &inexact);
    if (is_nan(n) || v > limit || (v == limit && !n.neg)) {
        env->fpsr |= FPSR_IOC;
        return from_integer(f, true, limit);
    }
    if (inexact)
        env->fpsr |= FPSR_IXC;
    return from_integer(f, n.neg, v);
}

uint64_t ref_to_fixed(struct ref_env *env, unsigned esize, uint64_t a, unsigned isize,
                      unsigned fbits, bool is_unsigned, enum fp_rounding rounding)
{
    struct ref_num n = unpack(fmt(esize), env, a);
    bool inexact;
    if (is_nan(n)) {
        env->fpsr |= FPSR_IOC;
        return 0;
    }
    __int128 v = (__int128)integral(n, (int)fbits, rounding, &inexact);
    __int128 highest = ((__int128)1 << (is_unsigned ? isize : isize - 1)) - 1;
    __int128 lowest = is_unsigned ? 0 : -highest - 1;
    v = n.neg ? -v : v;
    if (v < lowest || v > highest) {
        env->fpsr |= FPSR_IOC;
        v = v < lowest ? lowest : highest;
    } else if (inexact) {
        env->fpsr |= FPSR_IXC;
    }
    return (uint64_t)v & ones((int)isize);
}

uint64_t ref_from_fixed(struct ref_env *env, unsigned esize, uint64_t a, unsigned isize,
                        unsigned fbits, bool is_unsigned, enum fp_rounding rounding)
{
    struct ref_fmt f = fmt(esize);
    __int128 v = (__int128)(a & ones((int)isize));
    if (!is_unsigned && v >> (isize - 1))
        v -= (__int128)1 << isize;
    if (!v)
        return zero(f, false);
    struct ref_real r = {.neg = v < 0, .mant = (u128)(v < 0 ? -v : v), .exp = -(int)fbits};
    return round_with(f, env->fpcr & ~FPCR_AHP, &env->fpsr, r, rounding);
}

uint64_t ref_to_fixed_js(struct ref_env *env, uint64_t a)
{
    struct ref_num n = unpack(REF_DOUBLE, env, a);
    bool inexact = false;
    uint32_t low = 0;
    if (is_nan(n) || n.kind == REF_INF) {
        env->fpsr |= FPSR_IOC;
        return 0;
    }
    if (n.kind == REF_ZERO) /* Z is for +0 alone, not for a denormal that was flushed */
        return a == 0 ? UINT64_C(1) << 32 : 0;
    u128 v = integral(n, 0, FP_ZERO, &inexact);
    if (n.e < 64) /* else a multiple of 2^64 */
        low = (uint32_t)(n.e >= 0 ? (u128)n.m << n.e : v);
    uint32_t result = n.neg ? -low : low;
    if (v > (u128)INT32_MAX + n.neg) {
        env->fpsr |= FPSR_IOC;
        return result;
    }
    if (inexact) {
        env->fpsr |= FPSR_IXC;
        return result;
    }
    return result | UINT64_C(1) << 32;
}

/* (-1)^a * (16 + efgh) / 16 * 2^(NOT(b):cd - 3) of the immediate abcdefgh. */
uint64_t ref_expand_imm(unsigned esize, uint64_t imm8)
{
    uint32_t flags = 0;
    int exp = (int)((imm8 >> 4 & 7) ^ 4) - 3;
    struct ref_real r = {.neg = imm8 >> 7 & 1, .mant = 16 + (imm8 & 15), .exp = exp - 4};
    return round_with(fmt(esize), 0, &flags, r, FP_ZERO);
}

/* ---- Estimates ----
 *
 * As the first issues of the manual define them, in real numbers: the operand is cut to 8 bits, the
 * middle of that interval is taken, and the result rounded to the nearest 256th. */

/* 256 / x rounded, for x = (q + 1/2) / 512 in [1/2, 1): the greatest s with s - 1/2 <= 256 / x. */
static unsigned recip(unsigned q)
{
    unsigned s = 256;
    while ((uint64_t)(2 * (s + 1) - 1) * (2 * q + 1) <= 2 * 2 * 256 * 512)
        s++;
    return s;
}

/* 256 / sqrt(x) rounded, for x = (q + 1/2) / n in [1/4, 1): (s - 1/2)^2 x <= 2^16. */
static unsigned rsqrt(unsigned q, unsigned n)
{
    unsigned s = 256;
    for (;;) {
        uint64_t twice = 2 * (s + 1) - 1;
        if (twice * twice * (2 * q + 1) > (UINT64_C(1) << 16) * 4 * 2 * n)
            return s;
        s++;
    }
}

static unsigned rsqrt_512ths(unsigned a)
{
    return a < 256 ? rsqrt(a, 512) : rsqrt(a / 2, 256);
}

uint64_t ref_unsigned_recip_estimate(uint64_t a)
{
    uint32_t op = (uint32_t)a;
    return op < UINT32_C(1) << 31 ? UINT32_MAX : (uint64_t)recip(op >> 23) << 23;
}

uint64_t ref_unsigned_rsqrt_estimate(uint64_t a)
{
    uint32_t op = (uint32_t)a;
    return op < UINT32_C(1) << 30 ? UINT32_MAX : (uint64_t)rsqrt_512ths(op >> 23) << 23;
}

/* The leading `count` bits of n.m. */
static unsigned leading(struct ref_num n, int count)
{
    int length = bit_length(n.m);
    return (unsigned)(length > count ? n.m >> (length - count) : n.m << (count - length));
}

uint64_t ref_recip_estimate(struct ref_env *env, unsigned esize, uint64_t a)
{
    struct ref_fmt f = fmt(esize);
    struct ref_num n = unpack(f, env, a);
    uint32_t flags = 0;
    if (is_nan(n))
        return process_nan(f, env, n, a);
    if (n.kind == REF_INF)
        return zero(f, n.neg);
    if (n.kind == REF_ZERO) {
        env->fpsr |= FPSR_DZC;
        return infinity(f, n.neg);
    }
    int exponent = n.e + bit_length(n.m); /* n is in [1/2, 1) * 2^exponent */
    struct ref_real r = {.neg = n.neg, .mant = recip(leading(n, 9)), .exp = -exponent - 8};
    if (exponent < -bias(f)) { /* below 2^-16, 2^-128, 2^-1024: like an overflow of 2^(bias+1) */
        r.exp += 4;
        return round_with(f, 0, &env->fpsr, r, fp_rounding_mode(env->fpcr));
    }
    if (flushes(f, env->fpcr) && exponent >= bias(f)) { /* 2^14, 2^126, 2^1022 and above */
        env->fpsr |= FPSR_UFC;
        return zero(f, n.neg);
    }
    return round_with(f, 0, &flags, r, FP_ZERO);
}

uint64_t ref_rsqrt_estimate(struct ref_env *env, unsigned esize, uint64_t a)
{
    struct ref_fmt f = fmt(esize);
    struct ref_num n = unpack(f, env, a);
    uint32_t flags = 0;
    if (is_nan(n))
        return process_nan(f, env, n, a);
    if (n.kind == REF_ZERO) {
        env->fpsr |= FPSR_DZC;
        return infinity(f, n.neg);
    }
    if (n.neg)
        return invalid(f, env);
    if (n.kind == REF_INF)
        return zero(f, false);
    int exponent = n.e + bit_length(n.m); /* [1/2, 1) * 2^exponent; made even: [1/4, 1) */
    bool odd = exponent & 1;
    unsigned a512 = odd ? leading(n, 8) : leading(n, 9);
    struct ref_real r = {.mant = rsqrt_512ths(a512), .exp = -(exponent + odd) / 2 - 8};
    return round_with(f, 0, &flags, r, FP_ZERO);
}

uint64_t ref_recpx(struct ref_env *env, unsigned esize, uint64_t a)
{
    struct ref_fmt f = fmt(esize);
    struct ref_num n = unpack(f, env, a);
    uint64_t exp = a >> f.f & ones(f.e);
    if (is_nan(n))
        return process_nan(f, env, n, a);
    return encode(f, n.neg, exp ? ones(f.e) - exp : ones(f.e) - 1, 0);
}

/* ---- BFloat16 ---- */

uint64_t ref_convert_bf(struct ref_env *env, uint64_t a, enum fp_rounding rounding)
{
    struct ref_num n = unpack(REF_SINGLE, env, a);
    if (is_nan(n)) {
        if (n.kind == REF_SNAN)
            env->fpsr |= FPSR_IOC;
        return env->fpcr & FPCR_DN ? default_nan(REF_BF16)
                                   : convert_nan(REF_BF16, REF_SINGLE, n.neg, a);
    }
    if (n.kind == REF_INF)
        return infinity(REF_BF16, n.neg);
    if (n.kind == REF_ZERO)
        return zero(REF_BF16, n.neg);
    return round_with(REF_BF16, env->fpcr, &env->fpsr, real(n), rounding);
}

/* BFRound(): to odd, to infinity, and to zero instead of a denormal. */
static uint64_t bf_round(struct ref_real r)
{
    uint32_t flags = 0;
    uint64_t bits = round_with(REF_SINGLE, FPCR_FZ, &flags, r, FP_ODD);
    return flags & FPSR_OFC ? infinity(REF_SINGLE, r.neg) : bits;
}

static uint64_t bf_mul(uint64_t a, uint64_t b)
{
    struct ref_env env = {.fpcr = FPCR_FZ | FPCR_DN};
    struct ref_num n = unpack(REF_BF16, &env, a), m = unpack(REF_BF16, &env, b);
    if (n.kind != REF_FINITE || m.kind != REF_FINITE)
        return ref_mul(&env, 32, a << 16, b << 16);
    return bf_round(ref_exact_muladd(nothing, n, m));
}

static uint64_t bf_add(uint64_t a, uint64_t b)
{
    struct ref_env env = {.fpcr = FPCR_FZ | FPCR_DN};
    struct ref_num n = unpack(REF_SINGLE, &env, a), m = unpack(REF_SINGLE, &env, b);
    if (n.kind > REF_FINITE || m.kind > REF_FINITE || (n.kind == REF_ZERO && m.kind == REF_ZERO))
        return ref_add(&env, 32, a, b);
    struct ref_real r = ref_exact_muladd(n, m, one);
    return r.mant ? bf_round(r) : 0;
}

uint64_t ref_bf_dotadd(uint64_t addend, uint64_t a0, uint64_t a1, uint64_t b0, uint64_t b1)
{
    return bf_add(addend,
                  bf_add(bf_mul(a0 & 0xffff, b0 & 0xffff), bf_mul(a1 & 0xffff, b1 & 0xffff)));
}
