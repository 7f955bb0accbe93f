/* Blocks of the intermediate representation: appending, guest registers, conversions of width.
 *
 * The builder is where most of the optimising happens, because it costs next to nothing there: a
 * guest register that was read or written before in the block is its value, constants fold while
 * they are made (ir_fold.c), and a conversion of width that would change nothing is not appended.
 * So no pass has to propagate anything.
 *
 * Constants have no place: one that was made before is used again. The cache of them is
 * direct-mapped and may forget. ir_begin clears what one block needs and leaves the array of
 * instructions alone; index 0 is never appended to, so that "no value" has no operation and no
 * type.
 */
#include "ir/ir.h"

#include "base/bits.h"
#include "base/check.h"

_Static_assert(sizeof(struct ir_insn) == 32, "an instruction is half a cache line");
_Static_assert(IR_MAX_INSNS <= UINT16_MAX + 1u, "ir_val holds an index");

const struct ir_op_info ir_op_info[IR_OP_COUNT] = {
    [IR_NONE] = {"NONE", 'V', {'-', '-', '-'}, IR_P, "nothing"},
#define OP(name, result, a, b, c, traits, text) \
    [IR_##name] = {#name, result, {a, b, c}, traits, text},
#include "ir/ops_int.def"
#include "ir/ops_vint.def"
#include "ir/ops_vfp.def"
#include "ir/ops_vperm.def"
#undef OP
};

void ir_begin(struct ir_block *b)
{
    b->insn[0] = (struct ir_insn){.op = IR_NONE};
    b->count = 1;
    b->guest = 0;
    b->guest_count = 0;
    b->full = false;
    memset(b->gpr, 0, sizeof(b->gpr));
    memset(b->vec, 0, sizeof(b->vec));
    memset(b->constant, 0, sizeof(b->constant));
}

ir_val ir_emit(struct ir_block *b, enum ir_op op, enum ir_type type, unsigned sub, ir_val a,
               ir_val x, ir_val c, int64_t imm)
{
    const struct ir_op_info *info = &ir_op_info[op];
    if (ir_can_group(op, sub >> 8) && b->count < IR_MAX_INSNS) /* room for its GUARD */
        b->insn[b->count++] = (struct ir_insn){.op = IR_NONE, .guest = (uint16_t)b->guest};
    if (UNLIKELY(b->count >= IR_MAX_INSNS)) {
        b->full = true;
        return 0;
    }
    b->insn[b->count] = (struct ir_insn){
        .op = (uint16_t)op,
        .type = (uint8_t)type,
        .sub = (uint8_t)sub,
        .sub2 = (uint8_t)(sub >> 8),
        .setf = (info->traits & IR_S) && info->result == 'V',
        .guest = (uint16_t)b->guest,
        .a = a,
        .b = x,
        .c = c,
        .imm = imm,
    };
    return (ir_val)b->count++;
}

/* ---- Constants ---- */

ir_val ir_const(struct ir_block *b, enum ir_type t, uint64_t value)
{
    if (t == IR_I32)
        value = (uint32_t)value;
    uint64_t mixed = (value ^ value >> 32) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)t;
    ir_val *slot = &b->constant[(mixed ^ mixed >> 60) % ARRAY_LEN(b->constant)];
    const struct ir_insn *i = &b->insn[*slot];
    if (*slot && (uint64_t)i->imm == value && i->type == t)
        return *slot;
    ir_val v = ir_emit(b, IR_CONST, t, 0, 0, 0, 0, (int64_t)value);
    *slot = v;
    return v;
}

bool ir_is_const(const struct ir_block *b, ir_val v, uint64_t *value)
{
    if (b->insn[v].op != IR_CONST)
        return false;
    *value = (uint64_t)b->insn[v].imm;
    return true;
}

/* ---- Width ---- */

ir_val ir_trunc(struct ir_block *b, ir_val v)
{
    const struct ir_insn *i = &b->insn[v];
    if (i->type != IR_I64)
        return v;
    if (i->op == IR_ZEXT)
        return i->a;
    if (i->op == IR_CONST)
        return ir_const(b, IR_I32, (uint64_t)i->imm);
    return ir_emit(b, IR_TRUNC, IR_I32, 0, v, 0, 0, 0);
}

ir_val ir_zext(struct ir_block *b, ir_val v)
{
    const struct ir_insn *i = &b->insn[v];
    if (i->type != IR_I32)
        return v;
    if (i->op == IR_CONST)
        return ir_const(b, IR_I64, (uint64_t)i->imm);
    if (i->op == IR_TRUNC)
        return ir_ext(b, IR_UEXT, IR_I64, 2, i->a);
    return ir_emit(b, IR_ZEXT, IR_I64, 0, v, 0, 0, 0);
}

/* ---- Guest registers ---- */

ir_val ir_get(struct ir_block *b, unsigned r, enum ir_type t)
{
    DCHECK(r < IR_GPRS);
    ir_val v = b->gpr[r];
    if (!v)
        v = b->gpr[r] = ir_emit(b, IR_GET, IR_I64, 0, 0, 0, 0, r);
    return t == IR_I32 ? ir_trunc(b, v) : v;
}

void ir_put(struct ir_block *b, unsigned r, ir_val v)
{
    DCHECK(r < IR_GPRS);
    v = ir_zext(b, v);
    if (v && b->gpr[r] == v)
        return;
    ir_emit(b, IR_PUT, IR_I64, 0, v, 0, 0, r);
    b->gpr[r] = v;
}

ir_val ir_getv(struct ir_block *b, unsigned r)
{
    DCHECK(r < IR_VECS);
    if (!b->vec[r])
        b->vec[r] = ir_emit(b, IR_GETV, IR_V128, 0, 0, 0, 0, r);
    return b->vec[r];
}

void ir_putv(struct ir_block *b, unsigned r, ir_val v)
{
    DCHECK(r < IR_VECS);
    if (v && b->vec[r] == v)
        return;
    ir_emit(b, IR_PUTV, IR_V128, 0, v, 0, 0, r);
    b->vec[r] = v;
}

/* ---- Vectors ---- */

ir_val ir_vec(struct ir_block *b, enum ir_op op, unsigned sub, ir_val x, ir_val y, ir_val z,
              int64_t imm)
{
    if (x && x == y) {
        if (op == IR_VAND || op == IR_VOR)
            return x;
        if (op == IR_VXOR)
            return ir_emit(b, IR_VCONST, IR_V128, 0, 0, 0, 0, 0);
    }
    return ir_emit(b, op, IR_V128, sub, x, y, z, imm);
}
