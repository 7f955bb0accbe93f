/* What the lifters of floating point share. Register fields are at the same place in all their
 * encodings: Rd 4:0, Rn 9:5, Ra 14:10, Rm 20:16; sz 22 (0 single, 1 double), Q 30. */
#ifndef ENGINE_LIFT_LIFT_VFP_INT_H
#define ENGINE_LIFT_LIFT_VFP_INT_H

#include "engine/lift/lift.h"

#include "a64_ops.h"

#include "ir/ir_fp.h"

#define LIFT(name) lift_fn lift_##name;
#include "engine/lift/lift_vfp.def"
#undef LIFT

static inline unsigned fp_rd(uint32_t word) { return word & 31; }
static inline unsigned fp_rn(uint32_t word) { return word >> 5 & 31; }
static inline unsigned fp_ra(uint32_t word) { return word >> 10 & 31; }
static inline unsigned fp_rm(uint32_t word) { return word >> 16 & 31; }
static inline unsigned fp_size(uint32_t word) { return 2 + (word >> 22 & 1); }

/* Shape of an Advanced SIMD vector instruction. */
static inline unsigned fp_shape(uint32_t word)
{
    return word >> 30 & 1 ? IR_FP_V16 : IR_FP_V8;
}

/* Arithmetic is the interpreter's. */
static inline bool fp_slow(const struct lift *l)
{
    return l->mode & LIFT_FPSLOW;
}

/* The same, and for operations on halves or that pass NaNs on without a check. */
static inline bool fp_odd(const struct lift *l)
{
    return l->mode & (LIFT_FPSLOW | LIFT_FPODD);
}

/* With FPCR.FZ: what has denormal operands is left to the interpreter. 1 << size bytes. */
void fp_check_operand(struct lift *l, unsigned size, unsigned shape, ir_val v);
/* The same for the operands of an operation of ops_vfp.def. */
void fp_check_operands(struct lift *l, enum ir_op op, unsigned sub, unsigned sub2,
                       const ir_val v[3]);

/* imm of the operations that the interpreter may have to do again. */
static inline int64_t fp_again(enum a64_op op, uint32_t word)
{
    return (int64_t)((uint64_t)op << 32 | word);
}

/* Appends an operation with sub2. */
static inline ir_val fp_emit(struct lift *l, enum ir_op op, unsigned sub, unsigned sub2, ir_val a,
                             ir_val x, ir_val c, int64_t imm)
{
    if (l->mode & LIFT_FPFLUSH)
        fp_check_operands(l, op, sub, sub2, (const ir_val[3]){a, x, c});
    ir_val v = ir_vec(l->b, op, sub, a, x, c, imm);
    l->b->insn[v].sub2 = (uint8_t)sub2;
    return v;
}

/* Comparisons of lanes, of all sizes alike: X(name, relation, with zero, IR_FP_* besides). */
#define FP_COMPARISONS(X)                                                                  \
    X(FCMEQ, IR_FP_EQ, false, 0)                                                                   \
    X(FCMGE, IR_FP_GE, false, 0)                                                                   \
    X(FCMGT, IR_FP_GT, false, 0)                                                                   \
    X(FACGE, IR_FP_GE, false, IR_FP_ABS)                                                           \
    X(FACGT, IR_FP_GT, false, IR_FP_ABS)                                                           \
    X(FCMEQZ, IR_FP_EQ, true, 0)                                                                   \
    X(FCMGEZ, IR_FP_GE, true, 0)                                                                   \
    X(FCMGTZ, IR_FP_GT, true, 0)                                                                   \
    X(FCMLEZ, IR_FP_LE, true, 0)                                                                   \
    X(FCMLTZ, IR_FP_LT, true, 0)

#endif
