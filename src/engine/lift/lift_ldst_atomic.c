/* Lifters of load-acquire and store-release, compare and swap, and atomic memory operations (Arm
 * ARM DDI 0487, C4.1.94: Load/store ordered, LDAPR/STLR (unscaled immediate), Compare and swap,
 * Atomic memory operations). Exclusives and CASP are left to the interpreter.
 *
 * Locked instructions of the host are full barriers, so the A and L bits change nothing.
 */
#include "engine/lift/lift_gpr_int.h"

/* ---- Ordered ---- */

static bool ordered(struct lift *l, enum lift_kind kind, unsigned log2, unsigned rt, unsigned rn,
                    int64_t offset)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    const struct lift_addr at = {
        .base = lift_base(l, rn), .imm = offset, .how = IR_ACC_ORDERED};
    lift_transfer(l, kind, log2, rt, &at);
    return true;
}

#define ORDERED(name, kind)                                                                        \
    LIFTER(name##B, ordered(l, kind, 0, f.rt, f.rn, 0))                                            \
    LIFTER(name##H, ordered(l, kind, 1, f.rt, f.rn, 0))                                            \
    LIFTER(name, ordered(l, kind, 2 + f.sf, f.rt, f.rn, 0))

ORDERED(LDAR, LIFT_LOAD)
ORDERED(LDLAR, LIFT_LOAD)
ORDERED(LDAPR, LIFT_LOAD)
ORDERED(STLR, LIFT_STORE)
ORDERED(STLLR, LIFT_STORE)

#define UNSCALED(name, kind, log2)                                                                 \
    LIFTER(name, ordered(l, kind, log2, f.rt, f.rn, sign_extend(f.imm9, 9)))

UNSCALED(LDAPURB, LIFT_LOAD, 0)
UNSCALED(LDAPURSB_x, LIFT_LOAD_SX, 0)
UNSCALED(LDAPURSB_w, LIFT_LOAD_SW, 0)
UNSCALED(LDAPURH, LIFT_LOAD, 1)
UNSCALED(LDAPURSH_x, LIFT_LOAD_SX, 1)
UNSCALED(LDAPURSH_w, LIFT_LOAD_SW, 1)
UNSCALED(LDAPUR, LIFT_LOAD, 2 + f.sf)
UNSCALED(LDAPURSW, LIFT_LOAD_SX, 2)
UNSCALED(STLURB, LIFT_STORE, 0)
UNSCALED(STLURH, LIFT_STORE, 1)
UNSCALED(STLUR, LIFT_STORE, 2 + f.sf)

/* ---- Compare and swap ---- */

static bool cas(struct lift *l, unsigned log2, unsigned rs, unsigned rn, unsigned rt)
{
    const enum ir_type t = lift_type(log2);
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, rn), expected = lift_x(l, rs, t), desired = lift_x(l, rt, t);
    lift_put(l, rs, ir_emit(l->b, IR_CAS, t, log2, base, expected, desired, 0));
    return true;
}

LIFTER(CASB, cas(l, 0, f.rs, f.rn, f.rt))
LIFTER(CASH, cas(l, 1, f.rs, f.rn, f.rt))
LIFTER(CAS, cas(l, 2 + f.sf, f.rs, f.rn, f.rt))

/* ---- Atomic memory operations ---- */

static bool rmw(struct lift *l, enum ir_rmw op, unsigned log2, unsigned rs, unsigned rn,
                unsigned rt)
{
    const enum ir_type t = lift_type(log2);
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, rn), value = lift_x(l, rs, t);
    lift_put(l, rt, ir_emit(l->b, IR_RMW, t, IR_SUB(log2, op), base, 0, value, 0));
    return true;
}

#define RMW(name, op)                                                                              \
    LIFTER(name##B, rmw(l, op, 0, f.rs, f.rn, f.rt))                                               \
    LIFTER(name##H, rmw(l, op, 1, f.rs, f.rn, f.rt))                                               \
    LIFTER(name, rmw(l, op, 2 + f.sf, f.rs, f.rn, f.rt))

RMW(LDADD, IR_RMW_ADD)
RMW(LDCLR, IR_RMW_CLR)
RMW(LDEOR, IR_RMW_EOR)
RMW(LDSET, IR_RMW_SET)
RMW(LDSMAX, IR_RMW_SMAX)
RMW(LDSMIN, IR_RMW_SMIN)
RMW(LDUMAX, IR_RMW_UMAX)
RMW(LDUMIN, IR_RMW_UMIN)
RMW(SWP, IR_RMW_SWP)
