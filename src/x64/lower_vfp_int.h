/* What the lowerings of floating point share. How exactness is kept: lower_vfp.c. */
#ifndef X64_LOWER_VFP_INT_H
#define X64_LOWER_VFP_INT_H

#include "x64/lower_int.h"

#include "ir/ir_fp.h"

/* Predicates of vcmpps: quiet (Q) or signalling (S), ordered (O) or true if unordered (U). */
enum { CMP_EQ_OQ = 0x00, CMP_LT_OS = 0x01, CMP_LE_OS = 0x02, CMP_UNORD_Q = 0x03, CMP_EQ_UQ = 0x08,
       CMP_GE_OS = 0x0d, CMP_GT_OS = 0x0e, CMP_LT_OQ = 0x11, CMP_NLT_UQ = 0x15, CMP_NGE_UQ = 0x19,
       CMP_GE_OQ = 0x1d };

/* Rounding field of vroundps: without Inexact. */
enum { ROUND_NEAREST = 8, ROUND_DOWN = 9, ROUND_UP = 10, ROUND_TOZERO = 11 };

/* Immediate of vroundps for a rounding other than AWAY. */
static inline int fp_round_imm(enum ir_fp_round r)
{
    static const uint8_t imm[] = {
        [IR_FP_NEAREST] = ROUND_NEAREST, [IR_FP_UP] = ROUND_UP, [IR_FP_DOWN] = ROUND_DOWN,
        [IR_FP_TOZERO] = ROUND_TOZERO, [IR_FP_CURRENT] = 12, [IR_FP_CURRENTX] = 4,
    };
    return imm[r];
}

/* What a function below works on: size is log2 of the bytes of an element (2, 3). */
struct fp_form {
    unsigned size;
    enum ir_fp_shape shape;
};

static inline struct fp_form fp_form(const struct ir_insn *i)
{
    return (struct fp_form){i->sub & 3u, (enum ir_fp_shape)(i->sub2 & IR_FP_SHAPE)};
}

/* Defines ops_NAME, the four forms of an instruction: SS SD PS PD. */
#define FP_OPS(name)                                                                               \
    static const uint16_t ops_##name[4] = {X64_##name##SS, X64_##name##SD, X64_##name##PS,         \
                                           X64_##name##PD}
/* The form for f. */
static inline enum x64_vop fp_op(const uint16_t ops[4], struct fp_form f)
{
    return (enum x64_vop)ops[(f.shape == IR_FP_SCALAR ? 0 : 2) + (f.size & 1)];
}

/* The packed one whatever the shape. */
static inline enum x64_vop fp_packed(struct fp_form f, enum x64_vop ps, enum x64_vop pd)
{
    return f.size == 3 ? pd : ps;
}

/* The constant for singles or doubles. */
#define FP_K(e, f, name) lo_k(e, (f).size == 3 ? X64_K_##name##_D : X64_K_##name##_S)
/* |x| mask, sign mask; zero in the lanes that are not live. */
struct x64_mem fp_abs_k(const struct lower *e, struct fp_form f);
struct x64_mem fp_sign_k(const struct lower *e, struct fp_form f);

/* Is v known to be zero above the live lanes of f? */
bool fp_zero_above(const struct lower *e, ir_val v, struct fp_form f);
/* v where what is not live cannot raise flags: for a vector of 8 bytes zero above, in `scratch`
 * unless it is known to be so already. A scalar as it is. */
int fp_live(struct lower *e, ir_val v, struct fp_form f, int scratch);
/* v with zeros above the live lanes, for packed instructions on scalars too. */
int fp_clean(struct lower *e, ir_val v, struct fp_form f, int scratch);
/* dst = x with zeros above the live lanes. `clean`: it has them. */
void fp_finish(struct lower *e, struct fp_form f, int dst, int x, bool clean);

/* Branches if a lane of t (below 16) is a NaN. `s`: scratch. EFLAGS change. */
uint8_t *fp_check_nan(struct lower *e, struct fp_form f, int t, int s);
/* Branches if a lane of t is a NaN or of the magnitude of the smallest normal number. */
uint8_t *fp_check_tiny(struct lower *e, struct fp_form f, int t, int s);
/* Branches if the magnitude of a lane of x, of all 16 bytes, is not below the limit, or it is a
 * NaN. Changes XS0. */
uint8_t *fp_check_below(struct lower *e, struct fp_form f, int x, struct x64_mem limit);
/* Branches if any bit of s is set. */
uint8_t *fp_check_any(struct lower *e, int s);

/* t = x rounded to nearest, ties away; all lanes, which must be finite or the result is a NaN.
 * Raises nothing for finite ones. x other than t and s. */
void fp_round_away(struct lower *e, struct fp_form f, int t, int x, int s);
/* t = x rounded: a scalar with zeros above (t other than x), or all lanes. */
void fp_round(struct lower *e, struct fp_form f, int t, int x, int imm);
/* FMIN and FMAX of halves. */
void fp_half_min_max(struct lower *e, const struct ir_insn *i, bool max);
/* x = 2^power in the live lanes. Changes RAX. */
void fp_load_power(struct lower *e, struct fp_form f, int x, int power);

#endif
