/*
 * BFloat16 conversion and multiply-add.
 *
 * Follows DDI 0487 J1 "shared/functions/float": FPConvertBF, BFMulAddH, BFDotAdd, BFMatMulAdd,
 * BFMulH, FPAdd_BF16, BFUnpack, BFRound, for FEAT_BF16 without FEAT_EBF16.
 *
 * Two worlds: BFCVT and BFMLAL behave like the single-precision functions (FPCR acts, flags are
 * raised). BFDOT and BFMMLA do not look at FPCR: denormal inputs, intermediate values and results
 * are zero, every step rounds to odd, overflow is infinity, every NaN is the default NaN, and no
 * flags are raised.
 */
#include "a64/fp_int.h"

#include <stddef.h>

/* ---- As single precision ---- */

uint16_t fp_convert_bf(struct fp_env *env, uint32_t op, enum fp_rounding rounding)
{
    struct fp_val v = fp_unpack(FP_SINGLE, env, op);

    switch (v.type) {
    case FPTYPE_SNAN:
    case FPTYPE_QNAN:
        return (uint16_t)(fp_process_nan(FP_SINGLE, env, v.type, op) >> 16);
    case FPTYPE_INF:
        return (uint16_t)fp_infinity(FP_BFLOAT16, v.sign);
    case FPTYPE_ZERO:
        return (uint16_t)fp_zero(FP_BFLOAT16, v.sign);
    case FPTYPE_NONZERO:
        break;
    }
    return (uint16_t)fp_round(FP_BFLOAT16, env, v, rounding);
}

uint32_t fp_bf_muladd(struct fp_env *env, uint32_t addend, uint16_t op1, uint16_t op2)
{
    return (uint32_t)fp_muladd(env, 32, addend, (uint32_t)op1 << 16, (uint32_t)op2 << 16);
}

/* ---- Rounded to odd ---- */

// BFUnpack(): denormals are zero, all NaNs are quiet. Single precision holds BFloat16 on top.
static struct fp_val bf_unpack(uint32_t op)
{
    uint32_t no_flags = 0;
    struct fp_val v = fp_unpack_base(FP_SINGLE, FPCR_FZ, &no_flags, op);

    if (v.type == FPTYPE_SNAN)
        v.type = FPTYPE_QNAN;
    return v;
}

// BFRound(): to single precision, to odd; overflow is infinity, a denormal result is zero.
static uint32_t bf_round(struct fp_val v)
{
    const struct fp_fmt f = FP_SINGLE;
    int be = v.exp + fp_bias(f);

    if (be < 1)
        return (uint32_t)fp_zero(f, v.sign);
    if (be >= (int)fp_exp_ones(f))
        return (uint32_t)fp_infinity(f, v.sign);

    uint64_t mant = v.sig >> 40 | (v.sig << 24 != 0);

    return (uint32_t)(fp_sign_bit(f, v.sign) | (uint64_t)be << f.f | (mant & fp_frac_mask(f)));
}

// BFMulH(): operands have 8 significant bits, so that the product is exact.
static uint32_t bf_mul(uint16_t op1, uint16_t op2)
{
    struct fp_val a = bf_unpack((uint32_t)op1 << 16), b = bf_unpack((uint32_t)op2 << 16);
    struct fp_val v = { .type = FPTYPE_NONZERO, .sign = a.sign ^ b.sign };
    bool inf = a.type == FPTYPE_INF || b.type == FPTYPE_INF;
    bool zero = a.type == FPTYPE_ZERO || b.type == FPTYPE_ZERO;

    if (fp_is_nan(a.type) || fp_is_nan(b.type) || (inf && zero))
        return (uint32_t)fp_default_nan(FP_SINGLE);
    if (inf)
        return (uint32_t)fp_infinity(FP_SINGLE, v.sign);
    if (zero)
        return (uint32_t)fp_zero(FP_SINGLE, v.sign);

    uint64_t p = (a.sig >> 32) * (b.sig >> 32); // top bit 62 or 63
    int lz = __builtin_clzll(p);

    v.sig = p << lz;
    v.exp = a.exp + b.exp + 1 - lz;
    return bf_round(v);
}

// FPAdd_BF16()
static uint32_t bf_add(uint32_t op1, uint32_t op2)
{
    struct fp_val a = bf_unpack(op1), b = bf_unpack(op2);

    if (fp_is_nan(a.type) || fp_is_nan(b.type) ||
        (a.type == FPTYPE_INF && b.type == FPTYPE_INF && a.sign != b.sign))
        return (uint32_t)fp_default_nan(FP_SINGLE);
    if (a.type == FPTYPE_INF || b.type == FPTYPE_INF)
        return (uint32_t)fp_infinity(FP_SINGLE, a.type == FPTYPE_INF ? a.sign : b.sign);
    if (a.type == FPTYPE_ZERO && b.type == FPTYPE_ZERO)
        return (uint32_t)fp_zero(FP_SINGLE, a.sign && b.sign);

    struct fp_val v = fp_sum(a, b);

    return v.type == FPTYPE_ZERO ? (uint32_t)fp_zero(FP_SINGLE, false) : bf_round(v);
}

uint32_t fp_bf_dotadd(uint32_t addend, uint16_t op1_a, uint16_t op1_b, uint16_t op2_a,
                      uint16_t op2_b)
{
    return bf_add(addend, bf_add(bf_mul(op1_a, op2_a), bf_mul(op1_b, op2_b)));
}

void fp_bf_matmuladd(uint32_t acc[4], const uint16_t op1[8], const uint16_t op2[8])
{
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            for (size_t k = 0; k < 2; k++) {
                const uint16_t *a = &op1[4 * i + 2 * k], *b = &op2[4 * j + 2 * k];

                acc[2 * i + j] = fp_bf_dotadd(acc[2 * i + j], a[0], a[1], b[0], b[1]);
            }
}
