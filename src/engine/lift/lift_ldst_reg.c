/* Lifters of loads and stores of one register (Arm ARM DDI 0487, C4.1.94: Load/store register with
 * unsigned, unscaled, pre- and post-indexed immediate, register offset, unprivileged; Load register
 * (literal)), in the same lists as the interpreter's handlers.
 *
 * All registers are read before the access and written after it, the base last: a fault finds the
 * state of before the instruction, and where Rn = Rt the result is the interpreter's.
 *
 * Where every access must be aligned (LIFT_ALIGN) the interpreter makes all of them.
 */
#include "engine/lift/lift_gpr_int.h"

/* ---- Addressing modes ---- */

static bool at_offset(struct lift *l, enum lift_kind kind, unsigned log2, unsigned rt, unsigned rn,
                      int64_t offset, unsigned how)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    const struct lift_addr at = {.base = lift_base(l, rn), .imm = offset, .how = how};
    lift_transfer(l, kind, log2, rt, &at);
    return true;
}

/* Base register that gets base plus offset afterwards. */
static bool indexed(struct lift *l, enum lift_kind kind, unsigned log2, unsigned rt, unsigned rn,
                    uint64_t imm9, bool post)
{
    const int64_t offset = sign_extend(imm9, 9);
    if (l->mode & LIFT_ALIGN)
        return false;
    const struct lift_addr at = {.base = lift_base(l, rn), .imm = post ? 0 : offset};
    lift_transfer(l, kind, log2, rt, &at);
    lift_write_back(l, rn, at.base, (uint64_t)offset);
    return true;
}

/* ExtendReg() for option UXTW, LSL (UXTX), SXTW and SXTX. The address does shifts up to 3. */
static void set_index(struct lift *l, struct lift_addr *at, unsigned rm, unsigned option,
                      unsigned shift)
{
    if (rm == 31)
        return;
    at->index = lift_x(l, rm, IR_I64);
    if (!(option & 1))
        at->index = ir_ext(l->b, option & 4 ? IR_SEXT : IR_UEXT, IR_I64, 2, at->index);
    if (shift <= IR_ACC_SHIFT)
        at->shift = shift;
    else
        at->index = ir_bini(l->b, IR_SHL, IR_I64, at->index, shift);
}

static bool at_register(struct lift *l, enum lift_kind kind, unsigned log2, unsigned rt,
                        unsigned rn, unsigned rm, unsigned option, unsigned shift)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    struct lift_addr at = {.base = lift_base(l, rn)};
    set_index(l, &at, rm, option, shift);
    lift_transfer(l, kind, log2, rt, &at);
    return true;
}

static bool literal(struct lift *l, enum lift_kind kind, unsigned log2, unsigned rt, uint32_t imm19)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    const int64_t from_page = l->off + sign_extend(imm19, 19) * 4;
    const struct lift_addr at = {.base = ir_emit(l->b, IR_PC, IR_I64, 0, 0, 0, 0, from_page)};
    lift_transfer(l, kind, log2, rt, &at);
    return true;
}

/* ---- Lift functions ---- */

/* `kind` and `log2` may use the fields f of the instruction. */
#define FAMILY(name, unscaled, kind, log2)                                                         \
    LIFTER(name##_i, at_offset(l, kind, log2, f.rt, f.rn, (int64_t)f.imm12 << (log2), 0))          \
    LIFTER(unscaled, at_offset(l, kind, log2, f.rt, f.rn, sign_extend(f.imm9, 9), 0))              \
    LIFTER(name##_post, indexed(l, kind, log2, f.rt, f.rn, f.imm9, true))                          \
    LIFTER(name##_pre, indexed(l, kind, log2, f.rt, f.rn, f.imm9, false))                          \
    LIFTER(name##_r, at_register(l, kind, log2, f.rt, f.rn, f.rm, f.option, f.s ? (log2) : 0))

FAMILY(STRB, STURB, LIFT_STORE, 0)
FAMILY(LDRB, LDURB, LIFT_LOAD, 0)
FAMILY(LDRSB_x, LDURSB_x, LIFT_LOAD_SX, 0)
FAMILY(LDRSB_w, LDURSB_w, LIFT_LOAD_SW, 0)
FAMILY(STRH, STURH, LIFT_STORE, 1)
FAMILY(LDRH, LDURH, LIFT_LOAD, 1)
FAMILY(LDRSH_x, LDURSH_x, LIFT_LOAD_SX, 1)
FAMILY(LDRSH_w, LDURSH_w, LIFT_LOAD_SW, 1)
FAMILY(STR, STUR, LIFT_STORE, 2 + f.sf)
FAMILY(LDR, LDUR, LIFT_LOAD, 2 + f.sf)
FAMILY(LDRSW, LDURSW, LIFT_LOAD_SX, 2)
FAMILY(STR_v, STUR_v, LIFT_STORE_V, f.size)
FAMILY(LDR_v, LDUR_v, LIFT_LOAD_V, f.size)
FAMILY(STR_q, STUR_q, LIFT_STORE_V, 4)
FAMILY(LDR_q, LDUR_q, LIFT_LOAD_V, 4)

/* At EL0 they are like the others. */
#define UNPRIVILEGED(name, kind, log2)                                                             \
    LIFTER(name, at_offset(l, kind, log2, f.rt, f.rn, sign_extend(f.imm9, 9),                      \
                           l->mode & LIFT_EL1 ? IR_ACC_UNPRIV : 0))

UNPRIVILEGED(STTRB, LIFT_STORE, 0)
UNPRIVILEGED(LDTRB, LIFT_LOAD, 0)
UNPRIVILEGED(LDTRSB_x, LIFT_LOAD_SX, 0)
UNPRIVILEGED(LDTRSB_w, LIFT_LOAD_SW, 0)
UNPRIVILEGED(STTRH, LIFT_STORE, 1)
UNPRIVILEGED(LDTRH, LIFT_LOAD, 1)
UNPRIVILEGED(LDTRSH_x, LIFT_LOAD_SX, 1)
UNPRIVILEGED(LDTRSH_w, LIFT_LOAD_SW, 1)
UNPRIVILEGED(STTR, LIFT_STORE, 2 + f.sf)
UNPRIVILEGED(LDTR, LIFT_LOAD, 2 + f.sf)
UNPRIVILEGED(LDTRSW, LIFT_LOAD_SX, 2)

LIFTER(LDR_lit, literal(l, LIFT_LOAD, 2 + f.sf, f.rt, f.imm19))
LIFTER(LDRSW_lit, literal(l, LIFT_LOAD_SX, 2, f.rt, f.imm19))
LIFTER(LDR_v_lit, literal(l, LIFT_LOAD_V, 2 + f.opc, f.rt, f.imm19))

/* ---- Prefetches: a hint, which neither faults nor checks SP. Those of instructions (PLI) are not
 * passed on: the host fetches translations. Which cache and how long is the host's choice. ---- */

static bool prefetch(struct lift *l, unsigned operation, const struct lift_addr *at)
{
    unsigned kind = operation >> 3;
    if (kind == 0 || kind == 2) /* PLD, PST */
        ir_emit(l->b, IR_PREFETCH, IR_VOID, IR_SUB(kind == 2, at->shift), at->base, at->index, 0,
                at->imm);
    return true;
}

static bool prefetch_at(struct lift *l, unsigned operation, unsigned rn, int64_t offset)
{
    return prefetch(l, operation,
                    &(const struct lift_addr){.base = lift_xsp(l, rn, IR_I64), .imm = offset});
}

static bool prefetch_register(struct lift *l, const struct a64_f_PRFM_r *f)
{
    struct lift_addr at = {.base = lift_xsp(l, f->rn, IR_I64)};
    set_index(l, &at, f->rm, f->option, f->s ? 3 : 0);
    return prefetch(l, f->rt, &at);
}

LIFTER(PRFM_i, prefetch_at(l, f.rt, f.rn, (int64_t)f.imm12 << 3))
LIFTER(PRFUM, prefetch_at(l, f.rt, f.rn, sign_extend(f.imm9, 9)))
LIFTER(PRFM_r, prefetch_register(l, &f))
LIFTER(PRFM_lit, ((void)l, (void)f, true)) /* constants that code has beside it: near already */
