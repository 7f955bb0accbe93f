/* What the lifters of vector permutations, widening, narrowing and cryptography share. */
#ifndef ENGINE_LIFT_LIFT_VPERM_INT_H
#define ENGINE_LIFT_LIFT_VPERM_INT_H

#include "engine/lift/lift_vint_int.h"

#include "ir/vperm.h"

#define LIFT(name) bool lift_##name(struct lift *l, uint32_t word);
#include "engine/lift/lift_vperm.def"
#undef LIFT

/* The low halves of Vn and Vm, Vn's below: 64-bit forms that treat the two as one table. */
static inline ir_val lift_halves(struct lift *l, ir_val n, ir_val m)
{
    return ir_vec(l->b, IR_VZIP, 3, n, m, 0, 0);
}

#endif
