/* Lifts half-precision arithmetic (Arm ARM DDI 0487, C4.1: the encodings that FEAT_FP16 and
 * FEAT_FHM add to those of lift_vfp.c, lift_vfp_vec.c and lift_vfp_cvt.c).
 *
 * Halves are widened to singles, computed with, and rounded again by FHALF, the one operation that
 * looks for rare cases: all others are on the way and must not leave to the interpreter (mark RAW).
 * Why two roundings are as good as one: lower_vfp_half.c. Minimum and maximum are made of halves.
 *
 * NYI(lift-half): FMULX, estimates and Newton steps, FRINTA, FMAXV and the like, FCCMP, conversions
 * from double precision, of lanes to integers, and of general registers from fixed point are left
 * to the interpreter.
 */
#include "engine/lift/lift_vfp_int.h"

#include "base/bits.h"
#include "ir/vperm.h"

/* ---- Halves and singles ---- */

/* Parts of a register that are computed on as four singles. */
static unsigned part_count(unsigned shape)
{
    return shape == IR_FP_V16 ? 2 : 1;
}

/* Shape of a part. */
static unsigned part_shape(unsigned shape)
{
    return shape == IR_FP_SCALAR ? IR_FP_SCALAR : IR_FP_V16;
}

static ir_val widen(struct lift *l, unsigned shape, unsigned part, ir_val v)
{
    return fp_emit(l, IR_FWIDEN, 2, part_shape(shape) | (part ? IR_FP_HIGH : 0), v, 0, 0, 0);
}

/* Vd := halves from the singles in x[]. */
static bool put_halves(struct lift *l, uint32_t word, enum a64_op op, unsigned shape,
                       unsigned marks, const ir_val x[2])
{
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, IR_FHALF, 1, shape | marks, x[0], shape == IR_FP_V16 ? x[1] : 0, 0,
                    fp_again(op, word)));
    return true;
}

/* Vd := n OP m; absent m: of one operand. */
static bool two(struct lift *l, uint32_t word, enum a64_op op, enum ir_op ir, unsigned shape,
                unsigned marks, ir_val n, ir_val m)
{
    ir_val x[2] = {0};
    for (unsigned k = 0; k < part_count(shape); k++) {
        ir_val a = widen(l, shape, k, n), b = m ? widen(l, shape, k, m) : 0;
        x[k] = fp_emit(l, ir, 2, part_shape(shape) | IR_FP_RAW, a, b, 0, 0);
    }
    return put_halves(l, word, op, shape, marks, x);
}

/* Vd := a + n * m with the marks of IR_FMA. */
static bool three(struct lift *l, uint32_t word, enum a64_op op, unsigned shape, unsigned marks,
                  ir_val a, ir_val n, ir_val m)
{
    ir_val x[2] = {0};
    for (unsigned k = 0; k < part_count(shape); k++) {
        ir_val wide_a = widen(l, shape, k, a);
        ir_val wide_n = widen(l, shape, k, n), wide_m = widen(l, shape, k, m);
        x[k] = fp_emit(l, IR_FMA, 2, part_shape(shape) | IR_FP_RAW | marks, wide_a, wide_n, wide_m,
                       0);
    }
    return put_halves(l, word, op, shape, IR_FP_FUSED, x);
}

#define VD ir_getv(l->b, fp_rd(word))
#define VN ir_getv(l->b, fp_rn(word))
#define VM ir_getv(l->b, fp_rm(word))
#define VA ir_getv(l->b, fp_ra(word))

/* The frame of a lift function; `body` is an expression of type bool. */
#define HALF(NAME, body)                                                                           \
    bool lift_##NAME(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        return !fp_odd(l) && (body);                                                               \
    }

/* ---- Two sources ---- */

#define TWO(NAME, ir, marks)                                                                       \
    HALF(NAME##_h, two(l, word, A64_##NAME##_h, ir, IR_FP_SCALAR, marks, VN, VM))
#define TWO_LANES(NAME, ir, marks)                                                                 \
    HALF(NAME##_vh, two(l, word, A64_##NAME##_vh, ir, fp_shape(word), marks, VN, VM))

TWO(FADD, IR_FADD, 0)
TWO(FSUB, IR_FSUB, 0)
TWO(FMUL, IR_FMUL, 0)
TWO(FNMUL, IR_FMUL, IR_FP_NEG)
TWO(FDIV, IR_FDIV, 0)
TWO_LANES(FADD, IR_FADD, 0)
TWO_LANES(FSUB, IR_FSUB, 0)
TWO_LANES(FMUL, IR_FMUL, 0)
TWO_LANES(FDIV, IR_FDIV, 0)
TWO_LANES(FABD, IR_FSUB, IR_FP_ABS)
HALF(FABD_ssh, two(l, word, A64_FABD_ssh, IR_FSUB, IR_FP_SCALAR, IR_FP_ABS, VN, VM))

/* Halves as they are. */
static bool extreme(struct lift *l, uint32_t word, enum a64_op op, enum ir_op ir, unsigned shape,
                    ir_val n, ir_val m)
{
    ir_putv(l->b, fp_rd(word), fp_emit(l, ir, 1, shape, n, m, 0, fp_again(op, word)));
    return true;
}

/* The even or odd halves of Vm:Vn. */
static ir_val pairs(struct lift *l, uint32_t word, bool odd)
{
    struct ir_block *b = l->b;
    ir_val n = VN, m = VM;
    if (fp_shape(word) == IR_FP_V8)
        n = m = ir_vec(b, IR_VZIP, 3, n, m, 0, 0);
    return ir_vec(b, IR_VUZP, IR_SUB(1, odd ? IR_V_HIGH : IR_V_LOW), n, m, 0, 0);
}

/* Half 1 of Vn: the second operand of a scalar pairwise operation. */
static ir_val second(struct lift *l, uint32_t word)
{
    return ir_vec(l->b, IR_VDUPL, 1, VN, 0, 0, 1);
}

#define EXTREME(NAME, ir)                                                                          \
    HALF(NAME##_h, extreme(l, word, A64_##NAME##_h, ir, IR_FP_SCALAR, VN, VM))                     \
    HALF(NAME##_vh, extreme(l, word, A64_##NAME##_vh, ir, fp_shape(word), VN, VM))                 \
    HALF(NAME##P_vh, extreme(l, word, A64_##NAME##P_vh, ir, fp_shape(word), pairs(l, word, false), \
                             pairs(l, word, true)))                                                \
    HALF(NAME##P_ssh, extreme(l, word, A64_##NAME##P_ssh, ir, IR_FP_SCALAR, VN, second(l, word)))

EXTREME(FMIN, IR_FMIN)
EXTREME(FMAX, IR_FMAX)
EXTREME(FMINNM, IR_FMIN)
EXTREME(FMAXNM, IR_FMAX)

HALF(FADDP_vh, two(l, word, A64_FADDP_vh, IR_FADD, fp_shape(word), 0, pairs(l, word, false),
                   pairs(l, word, true)))
HALF(FADDP_ssh, two(l, word, A64_FADDP_ssh, IR_FADD, IR_FP_SCALAR, 0, VN, second(l, word)))

/* ---- Three sources ---- */

HALF(FMADD_h, three(l, word, A64_FMADD_h, IR_FP_SCALAR, 0, VA, VN, VM))
HALF(FMSUB_h, three(l, word, A64_FMSUB_h, IR_FP_SCALAR, IR_FP_NEG, VA, VN, VM))
HALF(FNMADD_h, three(l, word, A64_FNMADD_h, IR_FP_SCALAR, IR_FP_NEG | IR_FP_NEGADD, VA, VN, VM))
HALF(FNMSUB_h, three(l, word, A64_FNMSUB_h, IR_FP_SCALAR, IR_FP_NEGADD, VA, VN, VM))
HALF(FMLA_vh, three(l, word, A64_FMLA_vh, fp_shape(word), 0, VD, VN, VM))
HALF(FMLS_vh, three(l, word, A64_FMLS_vh, fp_shape(word), IR_FP_NEG, VD, VN, VM))

/* Half H:L:M of V0 to V15, in all lanes. */
static ir_val element(struct lift *l, uint32_t word)
{
    const unsigned lane = (word >> 11 & 1) << 2 | (word >> 20 & 3); /* L is bit 21, M bit 20 */
    return ir_vec(l->b, IR_VDUPL, 1, ir_getv(l->b, word >> 16 & 15), 0, 0, lane);
}

#define BY_ELEMENT(NAME, form, shape, marks)                                                       \
    HALF(NAME##_##form,                                                                            \
         three(l, word, A64_##NAME##_##form, shape, marks, VD, VN, element(l, word)))

BY_ELEMENT(FMLA, eh, fp_shape(word), 0)
BY_ELEMENT(FMLA, esh, IR_FP_SCALAR, 0)
BY_ELEMENT(FMLS, eh, fp_shape(word), IR_FP_NEG)
BY_ELEMENT(FMLS, esh, IR_FP_SCALAR, IR_FP_NEG)
HALF(FMUL_eh, two(l, word, A64_FMUL_eh, IR_FMUL, fp_shape(word), 0, VN, element(l, word)))
HALF(FMUL_esh, two(l, word, A64_FMUL_esh, IR_FMUL, IR_FP_SCALAR, 0, VN, element(l, word)))

/* ---- FMLAL: singles plus products of halves, rounded once ---- */

/* The halves that part `second_part` of the register has for the live singles, widened. */
static ir_val long_operand(struct lift *l, uint32_t word, bool second_part, ir_val v)
{
    if (fp_shape(word) == IR_FP_V16)
        return widen(l, IR_FP_V16, second_part, v);
    if (second_part)
        v = ir_vec(l->b, IR_VSHUFS, 0, v, 0, 0, 0x55);
    return widen(l, IR_FP_V16, 0, ir_vec(l->b, IR_VLOW, 2, v, 0, 0, 0));
}

static bool long_fused(struct lift *l, uint32_t word, enum a64_op op, bool second_part,
                       unsigned marks, ir_val m)
{
    ir_val d = VD, n = long_operand(l, word, second_part, VN);
    ir_putv(l->b, fp_rd(word),
            fp_emit(l, IR_FMA, 2, fp_shape(word) | marks, d, n, m, fp_again(op, word)));
    return true;
}

#define LONG(NAME, second_part, marks)                                                             \
    HALF(NAME##_v, long_fused(l, word, A64_##NAME##_v, second_part, marks,                         \
                              long_operand(l, word, second_part, VM)))                             \
    HALF(NAME##_e, long_fused(l, word, A64_##NAME##_e, second_part, marks,                         \
                              widen(l, IR_FP_V16, 0, element(l, word))))

LONG(FMLAL, false, 0)
LONG(FMLSL, false, IR_FP_NEG)
LONG(FMLAL2, true, 0)
LONG(FMLSL2, true, IR_FP_NEG)

/* ---- Complex numbers: see lift_vfp_vec.c ---- */

static ir_val swap_parts(struct lift *l, ir_val v)
{
    return ir_vec(l->b, IR_VREV, IR_SUB(1, 2), v, 0, 0, 0);
}

static ir_val negate_parts(struct lift *l, bool imaginary, ir_val v)
{
    const uint64_t signs = UINT64_C(0x0000800000008000) << (imaginary ? 16 : 0);
    return ir_vec(l->b, IR_VXOR, 0, v, ir_vec(l->b, IR_VCONST, 0, 0, 0, 0, (int64_t)signs), 0, 0);
}

HALF(FCADD_vh, two(l, word, A64_FCADD_vh, IR_FADD, fp_shape(word), 0, VN,
                   negate_parts(l, word >> 12 & 1, swap_parts(l, VM))))

static bool complex_fused(struct lift *l, uint32_t word, enum a64_op op, unsigned quarters,
                          ir_val m)
{
    ir_val d = VD, n = VN;
    n = ir_vec(l->b, IR_VTRN, IR_SUB(1, quarters & 1 ? IR_V_HIGH : IR_V_LOW), n, n, 0, 0);
    if (quarters & 1)
        m = negate_parts(l, quarters == 3, swap_parts(l, m));
    return three(l, word, op, fp_shape(word), quarters == 2 ? IR_FP_NEG : 0, d, n, m);
}

HALF(FCMLA_vh, complex_fused(l, word, A64_FCMLA_vh, word >> 11 & 3, VM))
/* Number H:L of the register M:Rm. */
HALF(FCMLA_eh, complex_fused(l, word, A64_FCMLA_eh, word >> 13 & 3,
                             ir_vec(l->b, IR_VDUPL, 2, VM, 0, 0,
                                    (word >> 11 & 1) << 1 | (word >> 21 & 1))))

/* ---- One source ---- */

HALF(FSQRT_h, two(l, word, A64_FSQRT_h, IR_FSQRT, IR_FP_SCALAR, 0, VN, 0))
HALF(FSQRT_vh, two(l, word, A64_FSQRT_vh, IR_FSQRT, fp_shape(word), 0, VN, 0))

static bool round_to_integral(struct lift *l, uint32_t word, enum a64_op op, unsigned rounding,
                              unsigned shape)
{
    ir_val n = VN, x[2] = {0};
    for (unsigned k = 0; k < part_count(shape); k++)
        x[k] = fp_emit(l, IR_FRINT, 2, part_shape(shape) | rounding << IR_FP_ROUND_SHIFT,
                       widen(l, shape, k, n), 0, 0, 0);
    return put_halves(l, word, op, shape, 0, x);
}

#define ROUND(NAME, rounding)                                                                      \
    HALF(NAME##_h, round_to_integral(l, word, A64_##NAME##_h, rounding, IR_FP_SCALAR))             \
    HALF(NAME##_vh, round_to_integral(l, word, A64_##NAME##_vh, rounding, fp_shape(word)))

ROUND(FRINTN, IR_FP_NEAREST)
ROUND(FRINTP, IR_FP_UP)
ROUND(FRINTM, IR_FP_DOWN)
ROUND(FRINTZ, IR_FP_TOZERO)
ROUND(FRINTX, IR_FP_CURRENTX)
ROUND(FRINTI, IR_FP_CURRENT)

/* Signs: bits, whatever FPCR says. */
static bool sign(struct lift *l, uint32_t word, enum ir_op ir, uint64_t mask)
{
    const bool low = fp_shape(word) == IR_FP_V8;
    ir_val n = VN, k = ir_vec(l->b, IR_VCONST, low, 0, 0, 0, (int64_t)mask);
    if (low)
        n = ir_vec(l->b, IR_VLOW, 3, n, 0, 0, 0);
    ir_putv(l->b, fp_rd(word), ir_vec(l->b, ir, 0, n, k, 0, 0));
    return true;
}

bool lift_FABS_vh(struct lift *l, uint32_t word)
{
    return sign(l, word, IR_VAND, UINT64_C(0x7fff7fff7fff7fff));
}

bool lift_FNEG_vh(struct lift *l, uint32_t word)
{
    return sign(l, word, IR_VXOR, UINT64_C(0x8000800080008000));
}

/* ---- Comparison, selection ---- */

static bool compare(struct lift *l, uint32_t word, bool zero, bool signal_nans)
{
    ir_val n = widen(l, IR_FP_SCALAR, 0, VN), m = zero ? 0 : widen(l, IR_FP_SCALAR, 0, VM);
    ir_val v = fp_emit(l, IR_FCMP, 2, signal_nans, n, m, 0, 0);
    l->b->insn[v].setf = true;
    return true;
}

HALF(FCMP_h, compare(l, word, false, false))
HALF(FCMPZ_h, compare(l, word, true, false))
HALF(FCMPE_h, compare(l, word, false, true))
HALF(FCMPEZ_h, compare(l, word, true, true))

bool lift_FCSEL_h(struct lift *l, uint32_t word)
{
    unsigned cond = word >> 12 & 15;
    ir_val v = VN;
    if (cond < 14)
        v = fp_emit(l, IR_FCSEL, 2, cond, v, VM, 0, 0);
    ir_putv(l->b, fp_rd(word), ir_vec(l->b, IR_VLOW, 1, v, 0, 0, 0));
    return true;
}

static bool compare_lanes(struct lift *l, uint32_t word, unsigned shape, unsigned rel, bool zero,
                          unsigned marks)
{
    struct ir_block *b = l->b;
    ir_val n = VN, m = zero ? 0 : VM, x[2] = {0}, v;
    for (unsigned k = 0; k < part_count(shape); k++) {
        ir_val wide_n = widen(l, shape, k, n), wide_m = zero ? 0 : widen(l, shape, k, m);
        x[k] = fp_emit(l, IR_FCMPV, 2, part_shape(shape) | marks | rel << IR_FP_REL_SHIFT, wide_n,
                       wide_m, 0, 0);
    }
    if (shape == IR_FP_V16)
        v = ir_vec(b, IR_VUZP, 1, x[0], x[1], 0, 0);
    else if (shape == IR_FP_V8)
        v = ir_vec(b, IR_VXTN, 1, x[0], 0, 0, 0);
    else
        v = ir_vec(b, IR_VLOW, 1, x[0], 0, 0, 0);
    ir_putv(b, fp_rd(word), v);
    return true;
}

#define COMPARE(NAME, rel, zero, marks)                                                            \
    HALF(NAME##_vh, compare_lanes(l, word, fp_shape(word), rel, zero, marks))                      \
    HALF(NAME##_ssh, compare_lanes(l, word, IR_FP_SCALAR, rel, zero, marks))

FP_COMPARISONS(COMPARE)

/* ---- To and from integers ---- */

static bool to_general(struct lift *l, uint32_t word, enum a64_op op, bool is_unsigned,
                       unsigned rounding, unsigned fbits)
{
    unsigned sub = IR_FP_CVT(2, is_unsigned, rounding, IR_FP_SCALAR);
    ir_val n = widen(l, IR_FP_SCALAR, 0, VN);
    ir_val v = ir_emit(l->b, IR_FTOI, lift_sf(word >> 31), IR_SUB(sub, fbits), n, 0, 0,
                       fp_again(op, word));
    lift_put(l, fp_rd(word), v);
    return true;
}

#define TO_GENERAL(NAME, is_unsigned, rounding)                                                    \
    HALF(NAME##_h, to_general(l, word, A64_##NAME##_h, is_unsigned, rounding, 0))

TO_GENERAL(FCVTNS, false, IR_FP_NEAREST)
TO_GENERAL(FCVTNU, true, IR_FP_NEAREST)
TO_GENERAL(FCVTAS, false, IR_FP_AWAY)
TO_GENERAL(FCVTAU, true, IR_FP_AWAY)
TO_GENERAL(FCVTPS, false, IR_FP_UP)
TO_GENERAL(FCVTPU, true, IR_FP_UP)
TO_GENERAL(FCVTMS, false, IR_FP_DOWN)
TO_GENERAL(FCVTMU, true, IR_FP_DOWN)
TO_GENERAL(FCVTZS, false, IR_FP_TOZERO)
TO_GENERAL(FCVTZU, true, IR_FP_TOZERO)
HALF(FCVTZS_hx, to_general(l, word, A64_FCVTZS_hx, false, IR_FP_TOZERO, 64 - (word >> 10 & 63)))
HALF(FCVTZU_hx, to_general(l, word, A64_FCVTZU_hx, true, IR_FP_TOZERO, 64 - (word >> 10 & 63)))

/* An integer that is not exact as a single is too large for a half anyway. */
static bool from_general(struct lift *l, uint32_t word, enum a64_op op, bool is_unsigned)
{
    ir_val n = lift_x(l, fp_rn(word), lift_sf(word >> 31));
    unsigned sub = IR_FP_CVT(2, is_unsigned, 0, IR_FP_SCALAR);
    const ir_val x[2] = {ir_vec(l->b, IR_ITOF, sub, n, 0, 0, 0)};
    return put_halves(l, word, op, IR_FP_SCALAR, 0, x);
}

/* Integers of 16 bits and their fractions are exact as singles. */
static bool from_lanes(struct lift *l, uint32_t word, enum a64_op op, unsigned shape,
                       bool is_unsigned, unsigned fbits)
{
    struct ir_block *b = l->b;
    unsigned sub = IR_FP_CVT(2, false, 0, IR_FP_V16), how = is_unsigned ? 0 : IR_VW_SIGNED;
    ir_val n = VN, x[2] = {0};
    if (shape == IR_FP_SCALAR)
        n = ir_vec(b, IR_VLOW, 1, n, 0, 0, 0);
    for (unsigned k = 0; k < part_count(shape); k++) {
        x[k] = ir_vec(b, IR_VWIDEN, IR_SUB(1, how | (k ? IR_VW_HIGH : 0)), n, 0, 0, 0);
        x[k] = ir_vec(b, IR_VITOF, sub, x[k], 0, 0, fbits);
    }
    return put_halves(l, word, op, shape, 0, x);
}

/* immh:immb is 001xxxx: 32 minus the fraction bits. */
#define LANE_FBITS (32 - (word >> 16 & 31))
#define FROM_INT(NAME, is_unsigned)                                                                \
    HALF(NAME##_h, from_general(l, word, A64_##NAME##_h, is_unsigned))                             \
    HALF(NAME##_vh, from_lanes(l, word, A64_##NAME##_vh, fp_shape(word), is_unsigned, 0))          \
    HALF(NAME##_ssh, from_lanes(l, word, A64_##NAME##_ssh, IR_FP_SCALAR, is_unsigned, 0))          \
    HALF(NAME##_vhx,                                                                               \
         from_lanes(l, word, A64_##NAME##_vhx, fp_shape(word), is_unsigned, LANE_FBITS))           \
    HALF(NAME##_sshx,                                                                              \
         from_lanes(l, word, A64_##NAME##_sshx, IR_FP_SCALAR, is_unsigned, LANE_FBITS))

FROM_INT(SCVTF, false)
FROM_INT(UCVTF, true)
