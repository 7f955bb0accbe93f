/* Lifters of AdvSIMD loads and stores of structures (Arm ARM DDI 0487, C4.1.94): LD1 and ST1 of 1
 * to 4 registers, single structures, and load and replicate.
 *
 * Registers one after the other in memory are loaded whole: the elements' order is the host's. All
 * loads come before the first register is written, so the instruction may be repeated from its
 * start when one of them faults; a store that faults has stored the elements before, as the
 * architecture allows.
 *
 * Multiple structures of several elements are in lift_ldst_weave.c.
 */
#include "engine/lift/lift_gpr_int.h"

enum { NO_WRITEBACK = -1 };

/* Base := base + Xm, or + `bytes` when m is 31. */
static bool write_back(struct lift *l, unsigned rn, ir_val base, int rm, unsigned bytes)
{
    if (rm == 31)
        lift_write_back(l, rn, base, bytes);
    else if (rm != NO_WRITEBACK)
        lift_put_sp(l, rn, ir_bin(l->b, IR_ADD, IR_I64, base, lift_x(l, (unsigned)rm, IR_I64)));
    return true;
}

/* ---- Multiple structures of one register ---- */

static void load_registers(struct lift *l, unsigned log2, unsigned regs, ir_val base, unsigned rt)
{
    struct ir_block *b = l->b;
    ir_val v[4] = {0};
    for (unsigned i = 0; i < regs; i++) {
        const int64_t imm = (int64_t)i << log2;
        if (i + 1 < regs) {
            v[i++] = ir_emit(b, IR_LDPV, IR_V128, log2, base, 0, 0, imm);
            v[i] = ir_emit(b, IR_PAIRV, IR_V128, 0, 0, 0, 0, 0);
        } else {
            v[i] = lift_load_v(l, log2, &(struct lift_addr){.base = base, .imm = imm});
        }
    }
    for (unsigned i = 0; i < regs; i++)
        ir_putv(b, (rt + i) % 32, v[i]);
}

static void store_registers(struct lift *l, unsigned log2, unsigned regs, ir_val base, unsigned rt)
{
    struct ir_block *b = l->b;
    for (unsigned i = 0; i < regs; i++) {
        const int64_t imm = (int64_t)i << log2;
        ir_val v = ir_getv(b, (rt + i) % 32);
        if (i + 1 < regs) {
            ir_val second = ir_getv(b, (rt + ++i) % 32);
            ir_emit(b, IR_STPV, IR_VOID, log2, base, v, second, imm);
        } else {
            lift_store_v(l, log2, v, &(struct lift_addr){.base = base, .imm = imm});
        }
    }
}

static bool registers(struct lift *l, bool load, unsigned regs, bool q, unsigned rn, unsigned rt,
                      int rm)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, rn);
    if (load)
        load_registers(l, 3 + q, regs, base, rt);
    else
        store_registers(l, 3 + q, regs, base, rt);
    return write_back(l, rn, base, rm, regs << (3 + q));
}

/* ---- Single structures ---- */

struct single {
    unsigned selem, log2, lane, rn, rt;
    int rm;
};

static bool single_load(struct lift *l, const struct single *s)
{
    ir_val v[4];
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, s->rn);
    for (unsigned i = 0; i < s->selem; i++) {
        const struct lift_addr at = {.base = base, .imm = (int64_t)i << s->log2};
        v[i] = lift_load(l, s->log2, &at);
    }
    for (unsigned i = 0; i < s->selem; i++) {
        unsigned t = (s->rt + i) % 32;
        ir_putv(l->b, t, ir_vec(l->b, IR_VSET, s->log2, ir_getv(l->b, t), v[i], 0, s->lane));
    }
    return write_back(l, s->rn, base, s->rm, s->selem << s->log2);
}

static bool single_store(struct lift *l, const struct single *s)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, s->rn);
    for (unsigned i = 0; i < s->selem; i++) {
        const struct lift_addr at = {.base = base, .imm = (int64_t)i << s->log2};
        ir_val v = ir_getv(l->b, (s->rt + i) % 32);
        if (s->lane == 0) {
            lift_store_v(l, s->log2, v, &at);
            continue;
        }
        v = ir_emit(l->b, IR_VGET, lift_type(s->log2), s->log2, v, 0, 0, s->lane);
        lift_store(l, s->log2, v, &at);
    }
    return write_back(l, s->rn, base, s->rm, s->selem << s->log2);
}

/* LD1R to LD4R: each element to all lanes of its register. */
static bool replicate(struct lift *l, unsigned selem, unsigned log2, bool q, unsigned rn,
                      unsigned rt, int rm)
{
    ir_val v[4];
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, rn);
    for (unsigned i = 0; i < selem; i++)
        v[i] = lift_load(l, log2,
                         &(struct lift_addr){.base = base, .imm = (int64_t)i << log2});
    for (unsigned i = 0; i < selem; i++) {
        v[i] = ir_vec(l->b, IR_VDUP, log2, v[i], 0, 0, 0);
        ir_putv(l->b, (rt + i) % 32, q ? v[i] : ir_vec(l->b, IR_VLOW, 3, v[i], 0, 0, 0));
    }
    return write_back(l, rn, base, rm, selem << log2);
}

/* ---- Lift functions ---- */

#define REGISTERS(n)                                                                               \
    LIFTER(LD1_m##n, registers(l, true, n, f.q, f.rn, f.rt, NO_WRITEBACK))                         \
    LIFTER(LD1_m##n##_post, registers(l, true, n, f.q, f.rn, f.rt, (int)f.rm))                     \
    LIFTER(ST1_m##n, registers(l, false, n, f.q, f.rn, f.rt, NO_WRITEBACK))                        \
    LIFTER(ST1_m##n##_post, registers(l, false, n, f.q, f.rn, f.rt, (int)f.rm))

REGISTERS(1)
REGISTERS(2)
REGISTERS(3)
REGISTERS(4)

#define SINGLE_1(name, fn, n_selem, n_log2, n_lane, index)                                         \
    LIFTER(name, fn(l, &(struct single){.selem = n_selem, .log2 = n_log2, .lane = n_lane,          \
                                        .rn = f.rn, .rt = f.rt, .rm = index}))
#define SINGLE_MODES(tail, selem, log2, lane)                                                      \
    SINGLE_1(LD##tail, single_load, selem, log2, lane, NO_WRITEBACK)                               \
    SINGLE_1(LD##tail##_post, single_load, selem, log2, lane, (int)f.rm)                           \
    SINGLE_1(ST##tail, single_store, selem, log2, lane, NO_WRITEBACK)                              \
    SINGLE_1(ST##tail##_post, single_store, selem, log2, lane, (int)f.rm)
/* The lane number is Q:S:size, without the bits of it that tell the element size. */
#define SINGLE(n)                                                                                  \
    SINGLE_MODES(n##_sb, n, 0, f.q << 3 | f.s << 2 | f.size)                                       \
    SINGLE_MODES(n##_sh, n, 1, f.q << 2 | f.s << 1 | f.size)                                       \
    SINGLE_MODES(n##_ss, n, 2, f.q << 1 | f.s)                                                     \
    SINGLE_MODES(n##_sd, n, 3, f.q)

SINGLE(1)
SINGLE(2)
SINGLE(3)
SINGLE(4)

#define REPLICATE(n)                                                                               \
    LIFTER(LD##n##R, replicate(l, n, f.size, f.q, f.rn, f.rt, NO_WRITEBACK))                       \
    LIFTER(LD##n##R_post, replicate(l, n, f.size, f.q, f.rn, f.rt, (int)f.rm))

REPLICATE(1)
REPLICATE(2)
REPLICATE(3)
REPLICATE(4)
