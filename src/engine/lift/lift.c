/* The lifter's loop and its table. See lift.h. */
#include "engine/lift/lift.h"

#include "a64/decode.h"

#include "base/bits.h"

#include <string.h>

#define LIFT(name) bool lift_##name(struct lift *l, uint32_t word);
#include "engine/lift/lift_int.def"
#include "engine/lift/lift_branch.def"
#include "engine/lift/lift_ldst.def"
#include "engine/lift/lift_vint.def"
#include "engine/lift/lift_vfp.def"
#include "engine/lift/lift_vperm.def"
#undef LIFT

static lift_fn *const lift_table[A64_OP_COUNT] = {
#define LIFT(name) [A64_##name] = lift_##name,
#include "engine/lift/lift_int.def"
#include "engine/lift/lift_branch.def"
#include "engine/lift/lift_ldst.def"
#include "engine/lift/lift_vint.def"
#include "engine/lift/lift_vfp.def"
#include "engine/lift/lift_vperm.def"
#undef LIFT
};

#define PAGE_BYTES 4096u

/* After which instructions the next one is not known. System instructions that change how code is
 * fetched or which interrupts are taken leave by themselves (INTERP sees the handler's result). */
static bool ends_block(enum a64_op op)
{
    return a64_op_info[op].traits & A64_TRAIT_BRANCH;
}

static void lift_interp(struct lift *l, enum a64_op op, uint32_t word)
{
    bool end = ends_block(op) || op == A64_UNDEFINED, exception = op == A64_SVC || op == A64_ERET;
    struct ir_block *b = l->b;
    ir_emit(b, IR_INTERP, IR_VOID, IR_SUB(end, exception), 0, 0, 0,
            (int64_t)((uint64_t)op << 32 | word));
    memset(b->gpr, 0, sizeof(b->gpr));
    memset(b->vec, 0, sizeof(b->vec));
    l->sp_checked = 0;
    if (end) {
        ir_emit(b, IR_LEAVE, IR_VOID, 0, 0, 0, 0, l->off + 4);
        l->ended = true;
    }
}

static void lift_one(struct lift *l, uint32_t word)
{
    enum a64_op op = a64_decode_with(l->features, word);
    bool fp_off = (a64_op_info[op].traits & A64_TRAIT_FP) && (l->mode & LIFT_FPOFF);
    if (fp_off || !lift_table[op] || !lift_table[op](l, word))
        lift_interp(l, op, word);
}

unsigned lift_block(struct ir_block *b, const uint32_t *words, uint32_t off, unsigned limit,
                    unsigned mode, const struct a64_features *features)
{
    struct lift l = {.b = b, .mode = mode, .features = features};
    unsigned n = 0;
    ir_begin(b);
    while (!l.ended && n < limit && off + 4 * n < PAGE_BYTES) {
        uint32_t word;
        memcpy(&word, words + off / 4 + n, sizeof(word));
        l.off = (int32_t)(off + 4 * n);
        b->guest = n++;
        lift_one(&l, word);
    }
    if (!l.ended)
        ir_emit(b, IR_JUMP, IR_VOID, 0, 0, 0, 0, (int64_t)off + 4 * n);
    b->guest_count = n;
    return n;
}
