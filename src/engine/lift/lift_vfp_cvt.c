/* Lifts conversions between floating point and integers or fixed-point numbers: general register,
 * vector and Advanced SIMD scalar forms (Arm ARM DDI 0487, C4.1, "Conversion between floating-point
 * and integer", "and fixed-point", "Advanced SIMD two-register miscellaneous", "shift by
 * immediate").
 */
#include "engine/lift/lift_vfp_int.h"

/* ---- To and from general registers ---- */

static bool to_general(struct lift *l, uint32_t word, enum a64_op op, bool is_unsigned,
                       unsigned rounding, unsigned fbits)
{
    if (fp_slow(l))
        return false;
    enum ir_type t = lift_sf(word >> 31);
    unsigned sub = IR_FP_CVT(fp_size(word), is_unsigned, rounding, IR_FP_SCALAR);
    ir_val n = ir_getv(l->b, fp_rn(word));
    fp_check_operand(l, fp_size(word), IR_FP_SCALAR, n);
    ir_val v = ir_emit(l->b, IR_FTOI, t, sub, n, 0, 0, fp_again(op, word));
    l->b->insn[v].sub2 = (uint8_t)fbits;
    lift_put(l, fp_rd(word), v);
    return true;
}

static bool from_general(struct lift *l, uint32_t word, bool is_unsigned, unsigned fbits)
{
    if (fp_slow(l))
        return false;
    ir_val n = lift_x(l, fp_rn(word), lift_sf(word >> 31));
    unsigned sub = IR_FP_CVT(fp_size(word), is_unsigned, 0, IR_FP_SCALAR);
    ir_putv(l->b, fp_rd(word), ir_vec(l->b, IR_ITOF, sub, n, 0, 0, fbits));
    return true;
}

static unsigned general_fbits(uint32_t word)
{
    return 64 - (word >> 10 & 63);
}

bool lift_FJCVTZS(struct lift *l, uint32_t word)
{
    if (fp_slow(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word));
    fp_check_operand(l, 3, IR_FP_SCALAR, n);
    ir_val v = ir_emit(l->b, IR_FTOJ, IR_I32, 3, n, 0, 0, 0);
    l->b->insn[v].setf = true;
    lift_put(l, fp_rd(word), v);
    return true;
}

/* ---- Lanes ---- */

static bool to_lanes(struct lift *l, uint32_t word, enum a64_op op, unsigned sub, unsigned fbits)
{
    if (fp_slow(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word));
    ir_putv(l->b, fp_rd(word), fp_emit(l, IR_VFTOI, sub, fbits, n, 0, 0, fp_again(op, word)));
    return true;
}

static bool from_lanes(struct lift *l, uint32_t word, unsigned sub, unsigned fbits)
{
    if (fp_slow(l))
        return false;
    ir_val n = ir_getv(l->b, fp_rn(word));
    ir_putv(l->b, fp_rd(word), ir_vec(l->b, IR_VITOF, sub, n, 0, 0, fbits));
    return true;
}

/* immh:immb: 01xxxxx single, 1xxxxxx double; fraction bits are twice the size minus it. */
static unsigned lane_size(uint32_t word)
{
    return word >> 22 & 1 ? 3 : 2;
}

static unsigned lane_fbits(uint32_t word)
{
    return (16u << lane_size(word)) - (word >> 16 & 127);
}

/* ---- Encodings ---- */

#define TO_INT(NAME, is_unsigned, rounding)                                                        \
    bool lift_##NAME##_f(struct lift *l, uint32_t word)                                            \
    {                                                                                              \
        return to_general(l, word, A64_##NAME##_f, is_unsigned, rounding, 0);                      \
    }                                                                                              \
    bool lift_##NAME##_v(struct lift *l, uint32_t word)                                            \
    {                                                                                              \
        return to_lanes(l, word, A64_##NAME##_v,                                                   \
                        IR_FP_CVT(fp_size(word), is_unsigned, rounding, fp_shape(word)), 0);       \
    }                                                                                              \
    bool lift_##NAME##_ss(struct lift *l, uint32_t word)                                           \
    {                                                                                              \
        return to_lanes(l, word, A64_##NAME##_ss,                                                  \
                        IR_FP_CVT(fp_size(word), is_unsigned, rounding, IR_FP_SCALAR), 0);         \
    }

TO_INT(FCVTNS, false, IR_FP_NEAREST)
TO_INT(FCVTNU, true, IR_FP_NEAREST)
TO_INT(FCVTAS, false, IR_FP_AWAY)
TO_INT(FCVTAU, true, IR_FP_AWAY)
TO_INT(FCVTPS, false, IR_FP_UP)
TO_INT(FCVTPU, true, IR_FP_UP)
TO_INT(FCVTMS, false, IR_FP_DOWN)
TO_INT(FCVTMU, true, IR_FP_DOWN)
TO_INT(FCVTZS, false, IR_FP_TOZERO)
TO_INT(FCVTZU, true, IR_FP_TOZERO)

#define TO_FIXED(NAME, is_unsigned)                                                                \
    bool lift_##NAME##_fx(struct lift *l, uint32_t word)                                           \
    {                                                                                              \
        return to_general(l, word, A64_##NAME##_fx, is_unsigned, IR_FP_TOZERO,                     \
                          general_fbits(word));                                                    \
    }                                                                                              \
    bool lift_##NAME##_vx(struct lift *l, uint32_t word)                                           \
    {                                                                                              \
        return to_lanes(l, word, A64_##NAME##_vx,                                                  \
                        IR_FP_CVT(lane_size(word), is_unsigned, IR_FP_TOZERO, fp_shape(word)),     \
                        lane_fbits(word));                                                         \
    }                                                                                              \
    bool lift_##NAME##_ssx(struct lift *l, uint32_t word)                                          \
    {                                                                                              \
        return to_lanes(l, word, A64_##NAME##_ssx,                                                 \
                        IR_FP_CVT(lane_size(word), is_unsigned, IR_FP_TOZERO, IR_FP_SCALAR),       \
                        lane_fbits(word));                                                         \
    }

TO_FIXED(FCVTZS, false)
TO_FIXED(FCVTZU, true)

#define FROM_INT(NAME, is_unsigned)                                                                \
    bool lift_##NAME##_f(struct lift *l, uint32_t word)                                            \
    {                                                                                              \
        return from_general(l, word, is_unsigned, 0);                                              \
    }                                                                                              \
    bool lift_##NAME##_fx(struct lift *l, uint32_t word)                                           \
    {                                                                                              \
        return from_general(l, word, is_unsigned, general_fbits(word));                            \
    }                                                                                              \
    bool lift_##NAME##_v(struct lift *l, uint32_t word)                                            \
    {                                                                                              \
        return from_lanes(l, word, IR_FP_CVT(fp_size(word), is_unsigned, 0, fp_shape(word)), 0);   \
    }                                                                                              \
    bool lift_##NAME##_ss(struct lift *l, uint32_t word)                                           \
    {                                                                                              \
        return from_lanes(l, word, IR_FP_CVT(fp_size(word), is_unsigned, 0, IR_FP_SCALAR), 0);     \
    }                                                                                              \
    bool lift_##NAME##_vx(struct lift *l, uint32_t word)                                           \
    {                                                                                              \
        return from_lanes(l, word, IR_FP_CVT(lane_size(word), is_unsigned, 0, fp_shape(word)),     \
                          lane_fbits(word));                                                       \
    }                                                                                              \
    bool lift_##NAME##_ssx(struct lift *l, uint32_t word)                                          \
    {                                                                                              \
        return from_lanes(l, word, IR_FP_CVT(lane_size(word), is_unsigned, 0, IR_FP_SCALAR),       \
                          lane_fbits(word));                                                       \
    }

FROM_INT(SCVTF, false)
FROM_INT(UCVTF, true)
