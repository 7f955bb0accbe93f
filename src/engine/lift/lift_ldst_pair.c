/* Lifters of loads and stores of register pairs (Arm ARM DDI 0487, C4.1.94: Load/store register
 * pair, and no-allocate pair, whose hint is ignored).
 *
 * As in the interpreter: Rt is written before Rt2, both before the base.
 */
#include "engine/lift/lift_gpr_int.h"

enum pair_kind { PAIR_X, PAIR_SW, PAIR_V };
enum pair_mode { PAIR_OFF, PAIR_POST, PAIR_PRE };

static void pair_load(struct lift *l, enum pair_kind kind, unsigned log2, ir_val base, int64_t imm,
                      unsigned rt, unsigned rt2)
{
    struct ir_block *b = l->b;
    if (kind == PAIR_V) {
        ir_val first = ir_emit(b, IR_LDPV, IR_V128, log2, base, 0, 0, imm);
        ir_val second = ir_emit(b, IR_PAIRV, IR_V128, 0, 0, 0, 0, 0);
        ir_putv(b, rt, first);
        ir_putv(b, rt2, second);
        return;
    }
    const enum ir_type t = kind == PAIR_SW ? IR_I64 : lift_type(log2);
    ir_val first = ir_emit(b, kind == PAIR_SW ? IR_LDPS : IR_LDP, t, log2, base, 0, 0, imm);
    ir_val second = ir_emit(b, IR_PAIR, t, 0, 0, 0, 0, 0);
    lift_put(l, rt, first);
    lift_put(l, rt2, second);
}

static void pair_store(struct lift *l, enum pair_kind kind, unsigned log2, ir_val base, int64_t imm,
                       unsigned rt, unsigned rt2)
{
    struct ir_block *b = l->b;
    if (kind == PAIR_V) {
        ir_val first = ir_getv(b, rt), second = ir_getv(b, rt2);
        ir_emit(b, IR_STPV, IR_VOID, log2, base, first, second, imm);
        return;
    }
    const enum ir_type t = lift_type(log2);
    ir_val first = lift_x(l, rt, t), second = lift_x(l, rt2, t);
    ir_emit(b, IR_STP, t, log2, base, first, second, imm);
}

static bool pair(struct lift *l, bool load, enum pair_kind kind, unsigned log2, enum pair_mode mode,
                 const struct a64_f_STP_off *f)
{
    const int64_t offset = sign_extend(f->imm7, 7) * (1 << log2);
    const int64_t imm = mode == PAIR_POST ? 0 : offset;
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, f->rn);
    if (load)
        pair_load(l, kind, log2, base, imm, f->rt, f->rt2);
    else
        pair_store(l, kind, log2, base, imm, f->rt, f->rt2);
    if (mode != PAIR_OFF)
        lift_write_back(l, f->rn, base, (uint64_t)offset);
    return true;
}

/* The lines differ in whether and how the width is a field; the rest goes on in STP's fields. */
#define PAIR(name, load, kind, log2, mode)                                                         \
    LIFTER(name, pair(l, load, kind, log2, mode,                                                   \
                      &(const struct a64_f_STP_off){                                               \
                          .imm7 = f.imm7, .rt2 = f.rt2, .rn = f.rn, .rt = f.rt}))

#define MODES(name, load, kind, log2)                                                              \
    PAIR(name##_off, load, kind, log2, PAIR_OFF)                                                   \
    PAIR(name##_post, load, kind, log2, PAIR_POST)                                                 \
    PAIR(name##_pre, load, kind, log2, PAIR_PRE)

MODES(STP, false, PAIR_X, 2 + f.sf)
MODES(LDP, true, PAIR_X, 2 + f.sf)
MODES(LDPSW, true, PAIR_SW, 2)
MODES(STP_v, false, PAIR_V, 2 + f.opc)
MODES(LDP_v, true, PAIR_V, 2 + f.opc)

PAIR(STNP, false, PAIR_X, 2 + f.sf, PAIR_OFF)
PAIR(LDNP, true, PAIR_X, 2 + f.sf, PAIR_OFF)
PAIR(STNP_v, false, PAIR_V, 2 + f.opc, PAIR_OFF)
PAIR(LDNP_v, true, PAIR_V, 2 + f.opc, PAIR_OFF)
