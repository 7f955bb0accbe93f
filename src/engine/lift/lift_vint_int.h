/* What the lifters of integer vector instructions share. */
#ifndef ENGINE_LIFT_LIFT_VINT_INT_H
#define ENGINE_LIFT_LIFT_VINT_INT_H

#include "engine/lift/lift.h"

#include "a64_ops.h"
#include "base/bits.h"
#include "ir/vint.h"

#define LIFT(name) bool lift_##name(struct lift *l, uint32_t word);
#include "engine/lift/lift_vint.def"
#undef LIFT

/* The frame of a lift function, for files that make many of them from tables: `body` is an
 * expression of type bool that may use l and the fields f of the instruction. */
#define VLIFTER(name, body)                                                                        \
    bool lift_##name(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        const struct a64_f_##name f = a64_get_##name(word);                                        \
        return body;                                                                               \
    }

/* How much of the registers an instruction is about, as log2 of the bytes. */
#define LIVE_D 3u
#define LIVE_Q 4u

static inline unsigned lift_live(bool q)
{
    return q ? LIVE_Q : LIVE_D;
}

/* An operation with sub2. One that may fold to an operand has none. */
static inline ir_val lift_vec(struct lift *l, enum ir_op op, unsigned sub, unsigned sub2, ir_val x,
                              ir_val y, ir_val z, int64_t imm)
{
    const ir_val v = ir_vec(l->b, op, sub, x, y, z, imm);
    if (sub2)
        l->b->insn[v].sub2 = (uint8_t)sub2;
    return v;
}

/* Is v known to be zero above its low 1 << live bytes? */
static inline bool lift_is_low(const struct lift *l, unsigned live, ir_val v)
{
    const struct ir_insn *i = &l->b->insn[v];
    switch (i->op) {
    case IR_VLOW:
    case IR_LDV:
    case IR_LDPV:
        return i->sub <= live;
    case IR_VCONST:
        return i->sub && !((uint64_t)i->imm & ~MASK(8u << live));
    case IR_VFROM:
        return live == LIVE_D;
    default:
        return false;
    }
}

/* v with zeros above the live part. */
static inline ir_val lift_low(struct lift *l, unsigned live, ir_val v)
{
    return live == LIVE_Q || lift_is_low(l, live, v) ? v : ir_vec(l->b, IR_VLOW, live, v, 0, 0, 0);
}

/* Vn with zeros above the live part; for operations that saturate. */
static inline ir_val lift_getv(struct lift *l, unsigned live, unsigned n)
{
    return lift_low(l, live, ir_getv(l->b, n));
}

/* Vd := the live part of v. */
static inline bool lift_putv(struct lift *l, unsigned live, unsigned rd, ir_val v)
{
    ir_putv(l->b, rd, lift_low(l, live, v));
    return true;
}

/* A vector constant: x in both halves, or in the low half only. */
static inline ir_val lift_vconst(struct lift *l, unsigned live, uint64_t x)
{
    return ir_vec(l->b, IR_VCONST, live != LIVE_Q, 0, 0, 0, (int64_t)x);
}

/* Lane `lane` of Vn everywhere. */
static inline ir_val lift_element(struct lift *l, unsigned size, unsigned n, unsigned lane)
{
    return ir_vec(l->b, IR_VDUPL, size, ir_getv(l->b, n), 0, 0, lane);
}

#endif
