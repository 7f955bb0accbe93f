/* Helpers of the integer, load/store and system lifters: see lift_gpr_int.h. */
#include "engine/lift/lift_gpr_int.h"

ir_val lift_base(struct lift *l, unsigned n)
{
    ir_val v = lift_xsp(l, n, IR_I64);
    if (n == 31 && (l->mode & LIFT_SPCHECK) && l->sp_checked != v) {
        ir_emit(l->b, IR_CHKSP, IR_VOID, 0, v, 0, 0, 0);
        l->sp_checked = v;
    }
    return v;
}

void lift_sp_moved(struct lift *l, ir_val from, ir_val to, uint64_t delta)
{
    if (l->sp_checked && l->sp_checked == from && delta % 16 == 0)
        l->sp_checked = to;
}

ir_val lift_state_get(struct lift *l, unsigned log2, size_t offset)
{
    return ir_emit(l->b, IR_GETS, lift_type(log2), log2, 0, 0, 0, (int64_t)offset);
}

void lift_state_put(struct lift *l, unsigned log2, size_t offset, ir_val v)
{
    ir_emit(l->b, IR_PUTS, ir_type_of(l->b, v), log2, v, 0, 0, (int64_t)offset);
}

/* ---- Memory ---- */

static ir_val access_op(struct lift *l, enum ir_op op, enum ir_type t, unsigned log2, ir_val value,
                        const struct lift_addr *at)
{
    return ir_emit(l->b, op, t, IR_SUB(log2, at->shift | at->how), at->base, at->index, value,
                   at->imm);
}

ir_val lift_load(struct lift *l, unsigned log2, const struct lift_addr *at)
{
    return access_op(l, IR_LD, lift_type(log2), log2, 0, at);
}

void lift_store(struct lift *l, unsigned log2, ir_val value, const struct lift_addr *at)
{
    access_op(l, IR_ST, ir_type_of(l->b, value), log2, value, at);
}

ir_val lift_load_v(struct lift *l, unsigned log2, const struct lift_addr *at)
{
    return access_op(l, IR_LDV, IR_V128, log2, 0, at);
}

void lift_store_v(struct lift *l, unsigned log2, ir_val value, const struct lift_addr *at)
{
    access_op(l, IR_STV, IR_VOID, log2, value, at);
}

void lift_transfer(struct lift *l, enum lift_kind kind, unsigned log2, unsigned rt,
                   const struct lift_addr *at)
{
    switch (kind) {
    case LIFT_STORE:
        lift_store(l, log2, lift_x(l, rt, lift_type(log2)), at);
        break;
    case LIFT_LOAD:
        lift_put(l, rt, lift_load(l, log2, at));
        break;
    case LIFT_LOAD_SW:
        lift_put(l, rt, access_op(l, IR_LDS, IR_I32, log2, 0, at));
        break;
    case LIFT_LOAD_SX:
        lift_put(l, rt, access_op(l, IR_LDS, IR_I64, log2, 0, at));
        break;
    case LIFT_STORE_V:
        lift_store_v(l, log2, ir_getv(l->b, rt), at);
        break;
    case LIFT_LOAD_V:
        ir_putv(l->b, rt, lift_load_v(l, log2, at));
        break;
    }
}

void lift_write_back(struct lift *l, unsigned rn, ir_val base, uint64_t delta)
{
    ir_val to = ir_bini(l->b, IR_ADD, IR_I64, base, delta);
    lift_put_sp(l, rn, to);
    if (rn == 31)
        lift_sp_moved(l, base, to, delta);
}
