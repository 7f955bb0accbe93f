/* Lifters of load-acquire and store-release, compare and swap, and atomic memory operations (Arm
 * ARM DDI 0487, C4.1.94: Load/store ordered, LDAPR/STLR (unscaled immediate), Compare and swap,
 * Atomic memory operations, Load/store exclusive).
 *
 * Locked instructions of the host are full barriers, so the A and L bits change nothing. Pairs of
 * words are one access of 8 bytes, first element low.
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

/* ---- Pairs ---- */

/* Wn and Wm as one value, Wn low. */
static ir_val join(struct lift *l, unsigned n, unsigned m)
{
    struct ir_block *b = l->b;
    ir_val low = ir_ext(b, IR_UEXT, IR_I64, 2, lift_x(l, n, IR_I64));
    ir_val high = ir_bini(b, IR_SHL, IR_I64, lift_x(l, m, IR_I64), 32);
    return ir_bin(b, IR_OR, IR_I64, low, high);
}

/* The other way. */
static void split(struct lift *l, unsigned n, unsigned m, ir_val both)
{
    ir_val low = ir_ext(l->b, IR_UEXT, IR_I64, 2, both);
    ir_val high = ir_bini(l->b, IR_SHR, IR_I64, both, 32);
    lift_put(l, n, low);
    lift_put(l, m, high);
}

/* Results of a 16-byte operation just emitted. */
static void put_pair(struct lift *l, unsigned n, unsigned m, ir_val first)
{
    ir_val second = ir_emit(l->b, IR_PAIR, IR_I64, 0, 0, 0, 0, 0);
    lift_put(l, n, first);
    lift_put(l, m, second);
}

/* ---- Exclusives ---- */

static bool load_exclusive(struct lift *l, unsigned log2, unsigned rn, unsigned rt)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, rn);
    lift_put(l, rt, ir_emit(l->b, IR_LDX, lift_type(log2), log2, base, 0, 0, 0));
    return true;
}

static bool load_exclusive_pair(struct lift *l, bool sf, unsigned rn, unsigned rt, unsigned rt2)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, rn);
    if (sf)
        put_pair(l, rt, rt2, ir_emit(l->b, IR_LDXP, IR_I64, 0, base, 0, 0, 0));
    else
        split(l, rt, rt2, ir_emit(l->b, IR_LDX, IR_I64, 3, base, 0, 0, 0));
    return true;
}

static bool store_exclusive(struct lift *l, unsigned log2, unsigned rn, unsigned rs, unsigned rt)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, rn), value = lift_x(l, rt, IR_I64);
    lift_put(l, rs, ir_emit(l->b, IR_STX, IR_I32, log2, base, 0, value, 0));
    return true;
}

static bool store_exclusive_pair(struct lift *l, bool sf, unsigned rn, unsigned rs, unsigned rt,
                                 unsigned rt2)
{
    struct ir_block *b = l->b;
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, rn), status;
    if (sf) {
        ir_val first = lift_x(l, rt, IR_I64), second = lift_x(l, rt2, IR_I64);
        status = ir_emit(b, IR_STXP, IR_I32, 0, base, first, second, 0);
    } else {
        status = ir_emit(b, IR_STX, IR_I32, 3, base, 0, join(l, rt, rt2), 0);
    }
    lift_put(l, rs, status);
    return true;
}

#define LOAD_EXCLUSIVE(name)                                                                       \
    LIFTER(name##RB, load_exclusive(l, 0, f.rn, f.rt))                                             \
    LIFTER(name##RH, load_exclusive(l, 1, f.rn, f.rt))                                             \
    LIFTER(name##R, load_exclusive(l, 2 + f.sf, f.rn, f.rt))                                       \
    LIFTER(name##P, load_exclusive_pair(l, f.sf, f.rn, f.rt, f.rt2))
#define STORE_EXCLUSIVE(name)                                                                      \
    LIFTER(name##RB, store_exclusive(l, 0, f.rn, f.rs, f.rt))                                      \
    LIFTER(name##RH, store_exclusive(l, 1, f.rn, f.rs, f.rt))                                      \
    LIFTER(name##R, store_exclusive(l, 2 + f.sf, f.rn, f.rs, f.rt))                                \
    LIFTER(name##P, store_exclusive_pair(l, f.sf, f.rn, f.rs, f.rt, f.rt2))

LOAD_EXCLUSIVE(LDX)
LOAD_EXCLUSIVE(LDAX)
STORE_EXCLUSIVE(STX)
STORE_EXCLUSIVE(STLX)

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

/* Rs and Rt are even here; 30 pairs with the zero register. */
static bool casp(struct lift *l, struct a64_f_CASP f)
{
    struct ir_block *b = l->b;
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, f.rn);
    if (!f.sf) {
        ir_val expected = join(l, f.rs, f.rs + 1), desired = join(l, f.rt, f.rt + 1);
        split(l, f.rs, f.rs + 1, ir_emit(b, IR_CAS, IR_I64, 3, base, expected, desired, 0));
        return true;
    }
    ir_val s = lift_x(l, f.rs, IR_I64), s2 = lift_x(l, f.rs + 1, IR_I64);
    ir_val t = lift_x(l, f.rt, IR_I64), t2 = lift_x(l, f.rt + 1, IR_I64);
    ir_emit(b, IR_HOLD, IR_VOID, 0, t, t2, 0, 0);
    put_pair(l, f.rs, f.rs + 1, ir_emit(b, IR_CASP, IR_I64, 0, base, s, s2, 0));
    return true;
}

LIFTER(CASP, casp(l, f))

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
