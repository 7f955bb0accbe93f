/*
 * Floating-point add, multiply, divide, fused multiply-add and square root.
 *
 * Follows DDI 0487 J1 "shared/functions/float": FPAdd, FPSub, FPMul, FPMulX, FPDiv, FPMulAdd,
 * FPMulAddH, FPSqrt, FPRecipStepFused, FPRSqrtStepFused. Each function first unpacks all operands
 * (which may raise IDC), then looks for NaNs, then for infinities and zeroes, and at last computes
 * the exact value with as many bits as FPRound can tell apart.
 *
 * Exact values: sums need 64 bits and a jammed bit, products and fused sums 128, quotients one
 * 128/64 division whose remainder is jammed, roots come from an exact integer square root of 128
 * bits made of two division steps (Zimmermann's Karatsuba square root).
 */
#include "a64/fp_int.h"

typedef unsigned __int128 fp_u128;

/* ---- Helpers ---- */

FP_INLINE fp_u128 shr_jam128(fp_u128 v, unsigned n)
{
    if (n == 0)
        return v;
    if (n > 127)
        return v != 0;
    return v >> n | (v << (128 - n) != 0);
}

// Normalises a non-zero 128-bit significand whose bit 127 would have exponent exp.
FP_INLINE struct fp_val from_u128(bool sign, int exp, fp_u128 v)
{
    uint64_t hi = (uint64_t)(v >> 64);
    int lz = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);

    v <<= lz;
    return (struct fp_val){
        .sig = (uint64_t)(v >> 64) | ((uint64_t)v != 0),
        .exp = exp - lz,
        .type = FPTYPE_NONZERO,
        .sign = sign,
    };
}

// a + x * y of ZERO or NONZERO values; type ZERO if exactly zero or if all terms are.
FP_INLINE struct fp_val fused_sum(struct fp_val a, struct fp_val x, struct fp_val y)
{
    if (x.type == FPTYPE_ZERO || y.type == FPTYPE_ZERO)
        return a;

    // Both terms with the top bit at 126, so that the sum has room; 106 bits of product are exact.
    fp_u128 p = (fp_u128)x.sig * y.sig;
    int pexp = x.exp + y.exp;
    bool psign = x.sign ^ y.sign;

    if (p >> 127) {
        p >>= 1;
        pexp++;
    }
    if (a.type == FPTYPE_ZERO)
        return from_u128(psign, pexp + 1, p);

    fp_u128 q = (fp_u128)a.sig << 63;
    int exp = a.exp;

    if (a.exp >= pexp) {
        p = shr_jam128(p, (unsigned)(a.exp - pexp));
    } else {
        q = shr_jam128(q, (unsigned)(pexp - a.exp));
        exp = pexp;
    }
    if (a.sign == psign)
        return from_u128(psign, exp + 1, p + q);
    if (p == q)
        return (struct fp_val){ .type = FPTYPE_ZERO };
    return p > q ? from_u128(psign, exp + 1, p - q) : from_u128(a.sign, exp + 1, q - p);
}

// Rounds a sum; an exact zero gets the sign that the rounding mode asks for.
FP_INLINE uint64_t round_sum(struct fp_fmt f, struct fp_env *env, struct fp_val v)
{
    enum fp_rounding rounding = fp_rounding_mode(env->fpcr);

    if (v.type == FPTYPE_ZERO)
        return fp_zero(f, rounding == FP_NEGINF);
    return fp_round(f, env, v, rounding);
}

/* ---- Sum ---- */

FP_INLINE uint64_t add(struct fp_fmt f, struct fp_env *env, uint64_t op1, uint64_t op2,
                       bool subtract)
{
    struct fp_val a = fp_unpack(f, env, op1), b = fp_unpack(f, env, op2);

    if (fp_is_nan(a.type) || fp_is_nan(b.type))
        return fp_process_nans(f, env, a.type, b.type, op1, op2);
    b.sign ^= subtract;
    if (a.type == FPTYPE_INF) {
        if (b.type == FPTYPE_INF && a.sign != b.sign)
            return fp_invalid(f, env);
        return fp_infinity(f, a.sign);
    }
    if (b.type == FPTYPE_INF)
        return fp_infinity(f, b.sign);
    if (a.type == FPTYPE_ZERO && b.type == FPTYPE_ZERO && a.sign == b.sign)
        return fp_zero(f, a.sign);
    return round_sum(f, env, fp_sum(a, b));
}

uint64_t fp_add(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, add, env, op1, op2, false);
}

uint64_t fp_sub(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, add, env, op1, op2, true);
}

/* ---- Product and quotient ---- */

FP_INLINE uint64_t mul(struct fp_fmt f, struct fp_env *env, uint64_t op1, uint64_t op2,
                       bool extended)
{
    struct fp_val a = fp_unpack(f, env, op1), b = fp_unpack(f, env, op2);
    bool sign = a.sign ^ b.sign;

    if (fp_is_nan(a.type) || fp_is_nan(b.type))
        return fp_process_nans(f, env, a.type, b.type, op1, op2);
    if (a.type == FPTYPE_INF || b.type == FPTYPE_INF) {
        if (a.type != FPTYPE_ZERO && b.type != FPTYPE_ZERO)
            return fp_infinity(f, sign);
        if (!extended)
            return fp_invalid(f, env);
        return fp_sign_bit(f, sign) | (uint64_t)(fp_bias(f) + 1) << f.f; // 2.0
    }
    if (a.type == FPTYPE_ZERO || b.type == FPTYPE_ZERO)
        return fp_zero(f, sign);

    struct fp_val v = from_u128(sign, a.exp + b.exp + 1, (fp_u128)a.sig * b.sig);

    return fp_round(f, env, v, fp_rounding_mode(env->fpcr));
}

uint64_t fp_mul(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, mul, env, op1, op2, false);
}

uint64_t fp_mulx(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, mul, env, op1, op2, true);
}

// a / b of NONZERO values: the quotient has its top bit at 63, the remainder is jammed.
FP_INLINE struct fp_val quotient(struct fp_fmt f, struct fp_val a, struct fp_val b)
{
    struct fp_val v = { .type = FPTYPE_NONZERO, .sign = a.sign ^ b.sign, .exp = a.exp - b.exp };

    if (f.f <= 23) {
        uint64_t n = a.sig >> 1, d = b.sig >> 32; // d is 32 bits, both exact: 24 bits are used
        uint64_t q = n / d;                       // 2^30 < q < 2^32
        int lz = __builtin_clzll(q);

        v.sig = q << lz | (q * d != n);
        v.exp += 32 - lz;
        return v;
    }

    unsigned up = a.sig < b.sig ? 64 : 63;
    fp_u128 n = (fp_u128)a.sig << up;
    uint64_t q = (uint64_t)(n / b.sig);

    v.sig = q | (q * b.sig != (uint64_t)n);
    v.exp -= up == 64;
    return v;
}

FP_INLINE uint64_t divide(struct fp_fmt f, struct fp_env *env, uint64_t op1, uint64_t op2)
{
    struct fp_val a = fp_unpack(f, env, op1), b = fp_unpack(f, env, op2);
    bool sign = a.sign ^ b.sign;

    if (fp_is_nan(a.type) || fp_is_nan(b.type))
        return fp_process_nans(f, env, a.type, b.type, op1, op2);
    if (a.type == b.type && a.type != FPTYPE_NONZERO)
        return fp_invalid(f, env);
    if (a.type == FPTYPE_INF)
        return fp_infinity(f, sign);
    if (b.type == FPTYPE_ZERO) {
        env->fpsr |= FPSR_DZC;
        return fp_infinity(f, sign);
    }
    if (a.type == FPTYPE_ZERO || b.type == FPTYPE_INF)
        return fp_zero(f, sign);
    return fp_round(f, env, quotient(f, a, b), fp_rounding_mode(env->fpcr));
}

uint64_t fp_div(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, divide, env, op1, op2);
}

/* ---- Fused multiply-add ---- */

// FPProcessNaNs3(), and FPProcessNaNs3H() where the factors are of a narrower format: at least one
// operand is a NaN; order addend, op1, op2, signalling ones first.
FP_INLINE uint64_t process_nans3(struct fp_fmt f, struct fp_fmt ff, struct fp_env *env,
                                 const struct fp_val v[3], const uint64_t op[3])
{
    int pick = -1;

    for (int i = 2; i >= 0; i--)
        if (v[i].type == FPTYPE_QNAN)
            pick = i;
    for (int i = 2; i >= 0; i--)
        if (v[i].type == FPTYPE_SNAN)
            pick = i;
    if (pick == 0 || f.f == ff.f)
        return fp_process_nan(f, env, v[pick].type, op[pick]);

    uint64_t nan = fp_process_nan(ff, env, v[pick].type, op[pick]);

    return fp_convert_nan(f, ff, nan);
}

// f is the format of addend and result, ff that of the factors.
FP_INLINE uint64_t muladd(struct fp_fmt f, struct fp_fmt ff, struct fp_env *env, uint64_t addend,
                          uint64_t op1, uint64_t op2)
{
    struct fp_val a = fp_unpack(f, env, addend);
    struct fp_val x = fp_unpack(ff, env, op1), y = fp_unpack(ff, env, op2);
    bool zero_x = x.type == FPTYPE_ZERO, zero_y = y.type == FPTYPE_ZERO;
    bool inf_x = x.type == FPTYPE_INF, inf_y = y.type == FPTYPE_INF;
    bool invalid_product = (inf_x && zero_y) || (zero_x && inf_y);
    bool psign = x.sign ^ y.sign;

    if (fp_is_nan(a.type) || fp_is_nan(x.type) || fp_is_nan(y.type)) {
        if (a.type == FPTYPE_QNAN && invalid_product)
            return fp_invalid(f, env);
        return process_nans3(f, ff, env, (const struct fp_val[]){ a, x, y },
                             (const uint64_t[]){ addend, op1, op2 });
    }
    if (inf_x || inf_y) {
        if (invalid_product || (a.type == FPTYPE_INF && a.sign != psign))
            return fp_invalid(f, env);
        return fp_infinity(f, psign);
    }
    if (a.type == FPTYPE_INF)
        return fp_infinity(f, a.sign);
    if (a.type == FPTYPE_ZERO && (zero_x || zero_y) && a.sign == psign)
        return fp_zero(f, psign);
    return round_sum(f, env, fused_sum(a, x, y));
}

FP_INLINE uint64_t muladd_same(struct fp_fmt f, struct fp_env *env, uint64_t addend, uint64_t op1,
                               uint64_t op2)
{
    return muladd(f, f, env, addend, op1, op2);
}

uint64_t fp_muladd(struct fp_env *env, unsigned esize, uint64_t addend, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, muladd_same, env, addend, op1, op2);
}

uint32_t fp_muladd_h(struct fp_env *env, uint32_t addend, uint16_t op1, uint16_t op2)
{
    return (uint32_t)muladd(FP_SINGLE, FP_HALF, env, addend, op1, op2);
}

// (constant - op1 * op2) / 2^halve. A NaN op1 is negated like any other value.
FP_INLINE uint64_t step(struct fp_fmt f, struct fp_env *env, uint64_t op1, uint64_t op2,
                        unsigned constant, int halve)
{
    op1 ^= fp_sign_bit(f, true);

    struct fp_val x = fp_unpack(f, env, op1), y = fp_unpack(f, env, op2);

    if (fp_is_nan(x.type) || fp_is_nan(y.type))
        return fp_process_nans(f, env, x.type, y.type, op1, op2);

    // The constant is 2 or 3: one integer bit and one fraction bit below 2^1.
    struct fp_val c = { .sig = (uint64_t)constant << 62, .exp = 1, .type = FPTYPE_NONZERO };

    if (x.type == FPTYPE_INF || y.type == FPTYPE_INF) {
        if (x.type != FPTYPE_ZERO && y.type != FPTYPE_ZERO)
            return fp_infinity(f, x.sign ^ y.sign);
    } else {
        c = fused_sum(c, x, y);
    }
    c.exp -= halve;
    return round_sum(f, env, c);
}

uint64_t fp_recip_step(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, step, env, op1, op2, 2, 0);
}

uint64_t fp_rsqrt_step(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2)
{
    return FP_BY_ESIZE(esize, step, env, op1, op2, 3, 1);
}

/* ---- Square root ---- */

// floor(sqrt(n)) for n >= 2^30, one bit at a time.
FP_INLINE uint32_t sqrt32(uint32_t n, uint32_t *rem)
{
    uint32_t root = 0;

    for (uint32_t bit = (uint32_t)1 << 30; bit; bit >>= 2) {
        bool fits = n >= root + bit;

        n -= fits ? root + bit : 0;
        root = root >> 1 | (fits ? bit : 0);
    }
    *rem = n;
    return root;
}

// floor(sqrt(n)) for n >= 2^62; *rem = n - root^2.
FP_INLINE uint32_t sqrt64(uint64_t n, uint64_t *rem)
{
    uint32_t r1;
    uint64_t s1 = sqrt32((uint32_t)(n >> 32), &r1);
    uint64_t num = (uint64_t)r1 << 16 | (n >> 16 & 0xffff);
    uint64_t q = num / (2 * s1), u = num % (2 * s1);
    uint64_t s = (s1 << 16) + q;
    int64_t r = (int64_t)(u << 16 | (n & 0xffff)) - (int64_t)(q * q);

    if (r < 0) {
        r += (int64_t)(2 * s - 1);
        s--;
    }
    *rem = (uint64_t)r;
    return (uint32_t)s;
}

// floor(sqrt(n)) for n >= 2^126; *exact = n is a square.
static uint64_t sqrt128(fp_u128 n, bool *exact)
{
    uint64_t r1;
    uint64_t s1 = sqrt64((uint64_t)(n >> 64), &r1);
    fp_u128 num = (fp_u128)r1 << 32 | (uint32_t)((uint64_t)n >> 32);
    uint64_t q = (uint64_t)(num / (2 * s1)), u = (uint64_t)num - q * (2 * s1);
    fp_u128 s = ((fp_u128)s1 << 32) + q;
    __int128 r = (__int128)((fp_u128)u << 32 | (uint32_t)n) - (__int128)((fp_u128)q * q);

    if (r < 0) {
        r += (__int128)(2 * s - 1);
        s--;
    }
    *exact = r == 0;
    return (uint64_t)s;
}

FP_INLINE uint64_t square_root(struct fp_fmt f, struct fp_env *env, uint64_t op)
{
    struct fp_val v = fp_unpack(f, env, op);

    if (fp_is_nan(v.type))
        return fp_process_nan(f, env, v.type, op);
    if (v.type == FPTYPE_ZERO)
        return fp_zero(f, v.sign);
    if (v.sign)
        return fp_invalid(f, env);
    if (v.type == FPTYPE_INF)
        return fp_infinity(f, false);

    int odd = v.exp & 1; // also right for negative exponents: (exp - odd) is even

    if (f.f <= 23) {
        uint64_t rem;
        uint64_t root = sqrt64(v.sig >> (1 - odd), &rem); // bit 0 of sig is 0: 24 bits are used

        v.sig = root << 32 | (rem != 0);
    } else {
        bool exact;
        uint64_t root = sqrt128((fp_u128)v.sig << (63 + odd), &exact);

        v.sig = root | !exact;
    }
    v.exp = (v.exp - odd) / 2;
    return fp_round(f, env, v, fp_rounding_mode(env->fpcr));
}

uint64_t fp_sqrt(struct fp_env *env, unsigned esize, uint64_t op)
{
    return FP_BY_ESIZE(esize, square_root, env, op);
}
