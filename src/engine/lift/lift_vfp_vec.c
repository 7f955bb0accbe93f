/* Lifts Advanced SIMD floating point: three same, two-register miscellaneous, by element, pairwise,
 * across lanes, and comparisons with their scalar forms (Arm ARM DDI 0487, C4.1). Half precision:
 * lift_vfp_half.c.
 */
#include "engine/lift/lift_vfp_int.h"

#include "base/bits.h"

/* ---- Three same ---- */

static bool three_same(struct lift *l, uint32_t word, enum a64_op op, enum ir_op ir, unsigned marks)
{
    if (fp_slow(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word)), m = ir_getv(l->b, fp_rm(word));
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, ir, fp_size(word), fp_shape(word) | marks, n, m, 0, fp_again(op, word)));
    return true;
}

#define THREE_SAME(NAME, ir, marks)                                                                \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return three_same(l, word, A64_##NAME, ir, marks);                                         \
    }

THREE_SAME(FADD_v, IR_FADD, 0)
THREE_SAME(FSUB_v, IR_FSUB, 0)
THREE_SAME(FABD_v, IR_FSUB, IR_FP_ABS)
THREE_SAME(FMUL_v, IR_FMUL, 0)
THREE_SAME(FDIV_v, IR_FDIV, 0)
THREE_SAME(FMIN_v, IR_FMIN, 0)
THREE_SAME(FMAX_v, IR_FMAX, 0)
THREE_SAME(FMINNM_v, IR_FMIN, IR_FP_NUM)
THREE_SAME(FMAXNM_v, IR_FMAX, IR_FP_NUM)
THREE_SAME(FMULX_v, IR_FMUL, IR_FP_FINITE)
THREE_SAME(FRECPS_v, IR_FRECPS, 0)
THREE_SAME(FRSQRTS_v, IR_FRSQRTS, 0)

static bool fused(struct lift *l, uint32_t word, enum a64_op op, unsigned sub2, ir_val m)
{
    ir_val d = ir_getv(l->b, fp_rd(word)), n = ir_getv(l->b, fp_rn(word));
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, IR_FMA, fp_size(word), sub2, d, n, m, fp_again(op, word)));
    return true;
}

#define FUSED_SAME(NAME, marks)                                                                    \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return !fp_slow(l) && fused(l, word, A64_##NAME, fp_shape(word) | marks,                   \
                                    ir_getv(l->b, fp_rm(word)));                                   \
    }

FUSED_SAME(FMLA_v, 0)
FUSED_SAME(FMLS_v, IR_FP_NEG)

/* ---- By element ---- */

/* The element of M:Rm in all live lanes. Single: index H:L; double: H. */
static ir_val element(struct lift *l, uint32_t word, unsigned shape)
{
    unsigned h = word >> 11 & 1, low = word >> 21 & 1, size = fp_size(word);
    unsigned lane = size == 3 ? h : h << 1 | low;
    ir_val m = ir_getv(l->b, (word >> 20 & 1) << 4 | (word >> 16 & 15));
    if (shape == IR_FP_SCALAR && lane == 0)
        return m;
    return fp_emit(l, IR_FLANE, size, shape, m, 0, 0, lane);
}

static bool multiply_element(struct lift *l, uint32_t word, enum a64_op op, unsigned shape,
                             unsigned marks)
{
    if (fp_slow(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word)), m = element(l, word, shape);
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, IR_FMUL, fp_size(word), shape | marks, n, m, 0, fp_again(op, word)));
    return true;
}

static bool fused_element(struct lift *l, uint32_t word, enum a64_op op, unsigned shape,
                          unsigned marks)
{
    return !fp_slow(l) && fused(l, word, op, shape | marks, element(l, word, shape));
}

#define BY_ELEMENT(NAME, function, ...)                                                            \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return function(l, word, A64_##NAME, __VA_ARGS__);                                         \
    }

BY_ELEMENT(FMUL_e, multiply_element, fp_shape(word), 0)
BY_ELEMENT(FMUL_es, multiply_element, IR_FP_SCALAR, 0)
BY_ELEMENT(FMULX_e, multiply_element, fp_shape(word), IR_FP_FINITE)
BY_ELEMENT(FMULX_es, multiply_element, IR_FP_SCALAR, IR_FP_FINITE)
BY_ELEMENT(FMLA_e, fused_element, fp_shape(word), 0)
BY_ELEMENT(FMLA_es, fused_element, IR_FP_SCALAR, 0)
BY_ELEMENT(FMLS_e, fused_element, fp_shape(word), IR_FP_NEG)
BY_ELEMENT(FMLS_es, fused_element, IR_FP_SCALAR, IR_FP_NEG)

/* ---- Complex numbers: even lanes are real parts ---- */

static ir_val swap_parts(struct lift *l, unsigned size, ir_val v)
{
    return ir_vec(l->b, IR_VSHUFS, 0, v, 0, 0, size == 3 ? 0x4e : 0xb1);
}

/* The real or the imaginary parts in both places. */
static ir_val parts(struct lift *l, unsigned size, bool imaginary, ir_val v)
{
    static const uint8_t order[2][2] = {{0xa0, 0xf5}, {0x44, 0xee}};
    return ir_vec(l->b, IR_VSHUFS, 0, v, 0, 0, order[size == 3][imaginary]);
}

/* v with the signs of the real or the imaginary parts inverted. */
static ir_val negate_parts(struct lift *l, unsigned size, bool imaginary, ir_val v)
{
    struct ir_block *b = l->b;
    const uint64_t sign = size == 3 || imaginary ? BIT(63) : BIT(31);
    ir_val signs = ir_vec(b, IR_VCONST, size == 3, 0, 0, 0, (int64_t)sign);
    if (size == 3 && imaginary)
        signs = ir_vec(b, IR_VEXT, 0, ir_vec(b, IR_VCONST, 0, 0, 0, 0, 0), signs, 0, 8);
    return ir_vec(b, IR_VXOR, 0, v, signs, 0, 0);
}

/* Vn + Vm times i, or -i. */
bool lift_FCADD_v(struct lift *l, uint32_t word)
{
    const unsigned size = fp_size(word);
    if (fp_slow(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word)), m = swap_parts(l, size, ir_getv(l->b, fp_rm(word)));
    m = negate_parts(l, size, word >> 12 & 1, m);
    ir_putv(l->b, fp_rd(word), fp_emit(l, IR_FADD, size, fp_shape(word), n, m, 0,
                                       fp_again(A64_FCADD_v, word)));
    return true;
}

/* Vd + one part of Vn times m, turned by `quarters` right angles, for which its other part has had
 * its turn when the sum of both is a complex product. */
static bool complex_fused(struct lift *l, uint32_t word, enum a64_op op, unsigned quarters,
                          ir_val m)
{
    const unsigned size = fp_size(word);
    ir_val d = ir_getv(l->b, fp_rd(word));
    ir_val n = parts(l, size, quarters & 1, ir_getv(l->b, fp_rn(word)));
    if (quarters & 1)
        m = negate_parts(l, size, quarters == 3, swap_parts(l, size, m));
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, IR_FMA, size, fp_shape(word) | (quarters == 2 ? IR_FP_NEG : 0), d, n, m,
                    fp_again(op, word)));
    return true;
}

bool lift_FCMLA_v(struct lift *l, uint32_t word)
{
    return !fp_slow(l) && complex_fused(l, word, A64_FCMLA_v, word >> 11 & 3,
                                        ir_getv(l->b, fp_rm(word)));
}

/* Singles only, number H of the register M:Rm. */
bool lift_FCMLA_e(struct lift *l, uint32_t word)
{
    if (fp_slow(l))
        return false;
    ir_val m = ir_vec(l->b, IR_VDUPL, 3, ir_getv(l->b, fp_rm(word)), 0, 0, word >> 11 & 1);
    return complex_fused(l, word, A64_FCMLA_e, word >> 13 & 3, m);
}

/* ---- Pairwise, across lanes ---- */

static bool pairwise(struct lift *l, uint32_t word, enum a64_op op, enum ir_op ir, unsigned marks)
{
    if (fp_slow(l))
        return false;
    unsigned size = fp_size(word), shape = fp_shape(word);
    ir_val n = ir_getv(l->b, fp_rn(word)), m = ir_getv(l->b, fp_rm(word));
    ir_val even = fp_emit(l, IR_FPAIR, size, shape, n, m, 0, 0);
    ir_val odd = fp_emit(l, IR_FPAIR, size, shape | IR_FP_ODD, n, m, 0, 0);
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, ir, size, shape | marks, even, odd, 0, fp_again(op, word)));
    return true;
}

static bool pairwise_scalar(struct lift *l, uint32_t word, enum a64_op op, enum ir_op ir,
                            unsigned marks)
{
    if (fp_slow(l))
        return false;
    unsigned size = fp_size(word);
    ir_val n = ir_getv(l->b, fp_rn(word));
    ir_val second = fp_emit(l, IR_FLANE, size, IR_FP_SCALAR, n, 0, 0, 1);
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, ir, size, IR_FP_SCALAR | marks, n, second, 0, fp_again(op, word)));
    return true;
}

#define PAIRWISE(NAME, ir, marks)                                                                  \
    bool lift_##NAME##_v(struct lift *l, uint32_t word)                                            \
    {                                                                                              \
        return pairwise(l, word, A64_##NAME##_v, ir, marks);                                       \
    }                                                                                              \
    bool lift_##NAME##_ss(struct lift *l, uint32_t word)                                           \
    {                                                                                              \
        return pairwise_scalar(l, word, A64_##NAME##_ss, ir, marks);                               \
    }

PAIRWISE(FADDP, IR_FADD, 0)
PAIRWISE(FMINP, IR_FMIN, 0)
PAIRWISE(FMAXP, IR_FMAX, 0)
PAIRWISE(FMINNMP, IR_FMIN, IR_FP_NUM)
PAIRWISE(FMAXNMP, IR_FMAX, IR_FP_NUM)

#define ACROSS(NAME, marks)                                                                        \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        if (fp_slow(l))                                                                            \
            return false;                                                                          \
        ir_val n = ir_getv(l->b, fp_rn(word));                                                     \
        ir_putv(l->b, fp_rd(word), fp_emit(l, IR_FREDUCE, 2, IR_FP_SCALAR | marks, n, 0, 0,        \
                                           fp_again(A64_##NAME, word)));                           \
        return true;                                                                               \
    }

ACROSS(FMINV_v, 0)
ACROSS(FMAXV_v, IR_FP_MAX)
ACROSS(FMINNMV_v, IR_FP_NUM)
ACROSS(FMAXNMV_v, IR_FP_MAX | IR_FP_NUM)

/* ---- Comparison ---- */

static bool compare(struct lift *l, uint32_t word, unsigned shape, unsigned rel, bool zero,
                    unsigned marks)
{
    if (fp_slow(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word)), m = zero ? 0 : ir_getv(l->b, fp_rm(word));
    ir_putv(l->b, fp_rd(word), fp_emit(l, IR_FCMPV, fp_size(word),
                                       shape | marks | rel << IR_FP_REL_SHIFT, n, m, 0, 0));
    return true;
}

#define COMPARE(NAME, rel, zero, marks)                                                            \
    bool lift_##NAME##_v(struct lift *l, uint32_t word)                                            \
    {                                                                                              \
        return compare(l, word, fp_shape(word), rel, zero, marks);                                 \
    }                                                                                              \
    bool lift_##NAME##_ss(struct lift *l, uint32_t word)                                           \
    {                                                                                              \
        return compare(l, word, IR_FP_SCALAR, rel, zero, marks);                                   \
    }

FP_COMPARISONS(COMPARE)

/* ---- Two-register miscellaneous ---- */

static bool two_register(struct lift *l, uint32_t word, enum ir_op ir, unsigned marks, int64_t imm)
{
    ir_val n = ir_getv(l->b, fp_rn(word));
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, ir, fp_size(word), fp_shape(word) | marks, n, 0, 0, imm));
    return true;
}

bool lift_FABS_v(struct lift *l, uint32_t word)
{
    return two_register(l, word, IR_FABS, 0, 0);
}

bool lift_FNEG_v(struct lift *l, uint32_t word)
{
    return two_register(l, word, IR_FNEG, 0, 0);
}

bool lift_FSQRT_v(struct lift *l, uint32_t word)
{
    return !fp_slow(l) && two_register(l, word, IR_FSQRT, 0, fp_again(A64_FSQRT_v, word));
}

#define ROUND(NAME, rounding)                                                                      \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return !fp_odd(l) &&                                                                       \
               two_register(l, word, IR_FRINT, rounding << IR_FP_ROUND_SHIFT, 0);                  \
    }

ROUND(FRINTN_v, IR_FP_NEAREST)
ROUND(FRINTP_v, IR_FP_UP)
ROUND(FRINTM_v, IR_FP_DOWN)
ROUND(FRINTZ_v, IR_FP_TOZERO)
ROUND(FRINTX_v, IR_FP_CURRENTX)
ROUND(FRINTI_v, IR_FP_CURRENT)

bool lift_FRINTA_v(struct lift *l, uint32_t word)
{
    return !fp_slow(l) && two_register(l, word, IR_FRINTA, 0, fp_again(A64_FRINTA_v, word));
}

#define BOUNDED(NAME, rounding, wide)                                                              \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return !fp_slow(l) &&                                                                      \
               two_register(l, word, IR_FRINTW, rounding << IR_FP_ROUND_SHIFT | wide,              \
                            fp_again(A64_##NAME, word));                                           \
    }

BOUNDED(FRINT32Z_v, IR_FP_TOZERO, 0)
BOUNDED(FRINT32X_v, IR_FP_CURRENTX, 0)
BOUNDED(FRINT64Z_v, IR_FP_TOZERO, IR_FP_WIDE)
BOUNDED(FRINT64X_v, IR_FP_CURRENTX, IR_FP_WIDE)

bool lift_FRECPE_v(struct lift *l, uint32_t word)
{
    return !fp_slow(l) && two_register(l, word, IR_FESTIMATE, 0, fp_again(A64_FRECPE_v, word));
}

bool lift_FRSQRTE_v(struct lift *l, uint32_t word)
{
    return !fp_slow(l) &&
           two_register(l, word, IR_FESTIMATE, IR_FP_ROOT, fp_again(A64_FRSQRTE_v, word));
}

/* ---- Between precisions; sz is of the narrower format: 0 half, 1 single ---- */

bool lift_FCVTL_v(struct lift *l, uint32_t word)
{
    unsigned high = word >> 30 & 1 ? IR_FP_HIGH : 0;
    if (fp_odd(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word));
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, IR_FWIDEN, fp_size(word), IR_FP_V16 | high, n, 0, 0, 0));
    return true;
}

bool lift_FCVTN_v(struct lift *l, uint32_t word)
{
    bool high = word >> 30 & 1;
    if (fp_odd(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word)), low = high ? ir_getv(l->b, fp_rd(word)) : 0;
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, IR_FNARROW, fp_size(word) - 1, high ? IR_FP_V16 | IR_FP_HIGH : IR_FP_V8, n,
                    low, 0, fp_again(A64_FCVTN_v, word)));
    return true;
}
