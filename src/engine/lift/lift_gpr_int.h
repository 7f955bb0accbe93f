/* What the lifters of integer, branch, load/store and system instructions share. */
#ifndef ENGINE_LIFT_LIFT_GPR_INT_H
#define ENGINE_LIFT_LIFT_GPR_INT_H

#include "engine/lift/lift.h"

#include "a64_ops.h"
#include "base/bits.h"

#include <stddef.h>

#define LIFT(name) bool lift_##name(struct lift *l, uint32_t word);
#include "engine/lift/lift_int.def"
#include "engine/lift/lift_branch.def"
#include "engine/lift/lift_ldst.def"
#undef LIFT

/* The frame of a lift function, for files that make many of them from tables: `body` is an
 * expression of type bool that may use l and the fields f of the instruction. */
#define LIFTER(name, body)                                                                         \
    bool lift_##name(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        const struct a64_f_##name f = a64_get_##name(word);                                        \
        return body;                                                                               \
    }

/* Xn|SP as a base register, with the alignment check of SP where it is not known to be aligned. */
ir_val lift_base(struct lift *l, unsigned n);

/* SP became `to` = `from` + delta: remembers when the new value needs no check either. */
void lift_sp_moved(struct lift *l, ir_val from, ir_val to, uint64_t delta);

/* A word of the guest state (1 << log2 bytes at `offset` of struct a64_cpu): read as I32 (log2 = 2)
 * or I64 (3), and written. */
ir_val lift_state_get(struct lift *l, unsigned log2, size_t offset);
void lift_state_put(struct lift *l, unsigned log2, size_t offset, ir_val v);

/* ---- Memory ---- */

struct lift_addr {
    ir_val base, index; /* index 0: none */
    unsigned shift;     /* of the index, 0..3 */
    int64_t imm;
    unsigned how;       /* IR_ACC_UNPRIV, IR_ACC_ORDERED */
};

/* What happens to register Rt: as enum ls_kind of the interpreter. */
enum lift_kind {
    LIFT_STORE,
    LIFT_LOAD,    /* zero-extended */
    LIFT_LOAD_SW, /* sign-extended to 32 bits */
    LIFT_LOAD_SX, /* sign-extended to 64 bits */
    LIFT_STORE_V,
    LIFT_LOAD_V,
};

/* One access of 1 << log2 bytes between Rt or Vt and memory. */
void lift_transfer(struct lift *l, enum lift_kind kind, unsigned log2, unsigned rt,
                   const struct lift_addr *at);
/* The parts of it: value read (I32 or I64 by size), value written. */
ir_val lift_load(struct lift *l, unsigned log2, const struct lift_addr *at);
void lift_store(struct lift *l, unsigned log2, ir_val value, const struct lift_addr *at);
ir_val lift_load_v(struct lift *l, unsigned log2, const struct lift_addr *at);
void lift_store_v(struct lift *l, unsigned log2, ir_val value, const struct lift_addr *at);

/* Xn|SP := base + delta, after the access. */
void lift_write_back(struct lift *l, unsigned rn, ir_val base, uint64_t delta);

/* Type of an integer of 1 << log2 bytes. */
static inline enum ir_type lift_type(unsigned log2)
{
    return log2 == 3 ? IR_I64 : IR_I32;
}

#endif
