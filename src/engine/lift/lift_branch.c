/* Lifters of branches (Arm ARM DDI 0487, C4.1.87). Exception generation and return are left to the
 * interpreter.
 *
 * Conditional branches leave the block when taken, which then goes on with the next instruction. A
 * target is an offset from the page of code and may lie outside of it.
 *
 * PSTATE.BTYPE is 0 while a block runs: the engine interprets the first instruction when it is not.
 * BR and BLR say in sub2 what it becomes. What BR sets depends on the page: on a guarded one both
 * are left to the interpreter.
 */
#include "engine/lift/lift_gpr_int.h"

enum btype { BTYPE_NONE = 0, BTYPE_CALL_OR_JUMP = 1, BTYPE_CALL = 2 };

/* Offset of the target from the page, of an instruction with `imm` of `width` bits. */
static int64_t target(const struct lift *l, uint32_t imm, unsigned width)
{
    return l->off + sign_extend(imm, width) * 4;
}

static bool end(struct lift *l, enum ir_op op, unsigned sub2, ir_val x, int64_t to)
{
    ir_emit(l->b, op, IR_VOID, IR_SUB(0, sub2), x, 0, 0, to);
    l->ended = true;
    return true;
}

/* ---- Direct branches ---- */

LIFTER(B, end(l, IR_JUMP, 0, 0, target(l, f.imm26, 26)))

static void link(struct lift *l)
{
    lift_put(l, 30, ir_emit(l->b, IR_PC, IR_I64, 0, 0, 0, 0, l->off + 4));
}

bool lift_BL(struct lift *l, uint32_t word)
{
    link(l);
    return end(l, IR_CALL, 0, 0, target(l, a64_get_BL(word).imm26, 26));
}

bool lift_B_cond(struct lift *l, uint32_t word)
{
    const struct a64_f_B_cond f = a64_get_B_cond(word);
    const int64_t to = target(l, f.imm19, 19);
    if (f.cond >= 14) /* AL and NV */
        return end(l, IR_JUMP, 0, 0, to);
    ir_emit(l->b, IR_EXITC, IR_VOID, f.cond, 0, 0, 0, to);
    return true;
}

static bool compare_branch(struct lift *l, struct a64_f_CBZ f, bool nonzero)
{
    const enum ir_type t = lift_sf(f.sf);
    const int64_t to = target(l, f.imm19, 19);
    uint64_t value;
    ir_val x = lift_x(l, f.rt, t);
    if (!ir_is_const(l->b, x, &value))
        ir_emit(l->b, IR_EXITZ, t, nonzero, x, 0, 0, to);
    else if ((value != 0) == nonzero)
        end(l, IR_JUMP, 0, 0, to);
    return true;
}

LIFTER(CBZ, compare_branch(l, f, false))
LIFTER(CBNZ, compare_branch(l, f, true))

static bool test_branch(struct lift *l, struct a64_f_TBZ f, bool set)
{
    const unsigned n = f.b5 << 5 | f.b40;
    const int64_t to = target(l, f.imm14, 14);
    uint64_t value;
    ir_val x = lift_x(l, f.rt, IR_I64);
    if (!ir_is_const(l->b, x, &value))
        ir_emit(l->b, IR_EXITB, IR_I64, IR_SUB(set, n), x, 0, 0, to);
    else if (bit(value, n) == set)
        end(l, IR_JUMP, 0, 0, to);
    return true;
}

LIFTER(TBZ, test_branch(l, f, false))
LIFTER(TBNZ, test_branch(l, f, true))

/* ---- Branches to a register ---- */

static unsigned btype(const struct lift *l, enum btype next)
{
    return a64_feature_has(l->features, A64_FEAT_BTI) ? next : BTYPE_NONE;
}

bool lift_BR(struct lift *l, uint32_t word)
{
    if (l->mode & LIFT_GUARDED)
        return false;
    ir_val to = lift_x(l, a64_get_BR(word).rn, IR_I64);
    return end(l, IR_JUMPR, btype(l, BTYPE_CALL_OR_JUMP), to, 0);
}

/* The target is read before X30 is written. */
bool lift_BLR(struct lift *l, uint32_t word)
{
    if (l->mode & LIFT_GUARDED)
        return false;
    ir_val to = lift_x(l, a64_get_BLR(word).rn, IR_I64);
    link(l);
    return end(l, IR_CALLR, btype(l, BTYPE_CALL), to, 0);
}

LIFTER(RET, end(l, IR_RET, 0, lift_x(l, f.rn, IR_I64), 0))
