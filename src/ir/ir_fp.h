/* What `sub` and `sub2` of the floating-point operations (ops_vfp.def) mean.
 *
 * Most have log2 of the bytes of an element of the result in sub, the shape and marks in sub2.
 * Those that convert to or from integers need both for other things and have size and shape in sub.
 */
#ifndef IR_IR_FP_H
#define IR_IR_FP_H

/* sub2 bits 1:0: how much of the register is live; the rest is zero in the result and does not take
 * part (the operands may hold anything there). */
enum ir_fp_shape { IR_FP_SCALAR, IR_FP_V8, IR_FP_V16 };
#define IR_FP_SHAPE 3u

/* sub2, marks */
#define IR_FP_NEG 4u     /* FMUL: the result is negated; FMA: the product is */
#define IR_FP_ABS 8u     /* FSUB: the absolute value of the result; FCMPV: of the operands */
#define IR_FP_NEGADD 16u /* FMA: the addend is negated */
#define IR_FP_FINITE 8u  /* FMUL: infinities and NaNs are left to the interpreter */
#define IR_FP_WIDE 8u    /* FRINTW: 64-bit integers */
#define IR_FP_ROOT 4u    /* FESTIMATE: of the square root */
#define IR_FP_RAW 32u    /* arithmetic: does not look for rare cases, an FHALF after it does */
#define IR_FP_FUSED 16u  /* FHALF: the operands are inexact sums of exact products */
#define IR_FP_HIGH 4u    /* FWIDEN: from the upper half; FNARROW: into the upper half of b */
#define IR_FP_ODD 4u     /* FPAIR: the odd elements */
#define IR_FP_MAX 4u     /* FREDUCE: maximum, else minimum */
#define IR_FP_NUM 8u     /* FREDUCE: a number wins against a quiet NaN; FMINMAX too */

/* sub2 bits 6:4 of FCMPV: the relation */
#define IR_FP_REL_SHIFT 4u
enum ir_fp_rel { IR_FP_EQ, IR_FP_GE, IR_FP_GT, IR_FP_LE, IR_FP_LT };

/* Roundings to integral: the first four as in FPCR.RMode; FRINT has one in sub2 bits 6:4. */
#define IR_FP_ROUND_SHIFT 4u
enum ir_fp_round {
    IR_FP_NEAREST, IR_FP_UP, IR_FP_DOWN, IR_FP_TOZERO,
    IR_FP_AWAY,     /* to nearest, ties away from zero */
    IR_FP_CURRENT,  /* FPCR's */
    IR_FP_CURRENTX, /* FPCR's, and raises Inexact */
};

/* sub of FTOI, VFTOI, ITOF, VITOF: log2 of the bytes of the floating-point element in bits 1:0,
 * the integer is unsigned in bit 2, a rounding in 5:3, the shape in 7:6. */
#define IR_FP_CVT(log2, is_unsigned, round, shape)                                                 \
    ((unsigned)(log2) | (unsigned)(is_unsigned) << 2 | (unsigned)(round) << 3 |                    \
     (unsigned)(shape) << 6)
#define IR_FP_CVT_LOG2(sub) ((sub) & 3u)
#define IR_FP_CVT_UNSIGNED(sub) ((sub) >> 2 & 1u)
#define IR_FP_CVT_ROUND(sub) ((sub) >> 3 & 7u)
#define IR_FP_CVT_SHAPE(sub) ((sub) >> 6 & 3u)

/* FCCMP: sub2 bits 3:0 the condition, bit 4 signalling. */
#define IR_FP_FCCMP_SIGNAL 16u

#endif
