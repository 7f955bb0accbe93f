/* Builder and passes keep the meaning: random programs of a small machine (8 registers, NZCV) run
 * directly and, translated by the builder, on an evaluator of the IR, before and after each
 * combination of passes. Wherever the block could be left, registers and NZCV must be the same.
 * Constants come up often, so that folding is compared with the operations themselves. */
#include "ir/ir.h"

#include "base/bits.h"
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir_model.h"

#define REGS 8u
#define PROGRAMS 1500u
#define LENGTH 40u

struct machine {
    uint64_t x[REGS];
    unsigned nzcv;
    uint64_t seen; /* hash over all states that could be looked at */
};

static void look(struct machine *m)
{
    m->seen = hash_bytes(m->x, sizeof(m->x), m->seen + m->nzcv);
}

/* What a barrier does to the machine. */
static void disturb(struct machine *m)
{
    look(m);
    m->x[1] += UINT64_C(0x123456789abcdef1);
    m->x[6] ^= m->x[1] >> 7;
    m->nzcv ^= m->x[1] & 15;
}

/* ---- The evaluator ---- */

/* Bits above an I32 that is a TRUNC are its operand's: whoever relies on zeros there shows. */
static uint64_t evaluate(struct machine *m, const struct ir_block *b, const uint64_t *val,
                         unsigned v)
{
    const struct ir_insn *i = &b->insn[v];
    unsigned w = i->type == IR_I32 ? 32 : 64, nzcv = m->nzcv;
    uint64_t x = val[i->a], y = val[i->b], r = 0;
    switch (i->op) {
    case IR_NONE: return 0;
    case IR_CONST: return (uint64_t)i->imm;
    case IR_GET: return m->x[i->imm];
    case IR_PUT: m->x[i->imm] = x; return 0;
    case IR_TRUNC:
    case IR_ZEXT: return x;
    case IR_SEXT:
    case IR_UEXT: return do_ext((enum ir_op)i->op, w, i->sub, x);
    case IR_NOT:
    case IR_NEG:
    case IR_CLZ:
    case IR_RBIT:
    case IR_BSWAP:
    case IR_REV16: return do_un((enum ir_op)i->op, w, x);
    case IR_CSEL: return cut(w, holds(i->sub, m->nzcv) ? x : y);
    case IR_CSET: return holds(i->sub, m->nzcv);
    case IR_CCMP:
        if (holds(i->sub, m->nzcv))
            do_bin(i->sub2 ? IR_ADD : IR_SUB, w, x, y, &m->nzcv);
        else
            m->nzcv = (unsigned)i->imm;
        return 0;
    case IR_FENCE: return 0;
    case IR_EXITZ: m->seen += cut(w, x); look(m); return 0;
    case IR_JUMP: look(m); return 0;
    case IR_INTERP: disturb(m); return 0;
    default:
        r = do_bin((enum ir_op)i->op, w, x, y, &nzcv);
        if (i->setf)
            m->nzcv = nzcv;
        return r;
    }
}

static void run(struct machine *m, const struct ir_block *b)
{
    static uint64_t val[IR_MAX_INSNS];
    for (unsigned v = 1; v < b->count; v++)
        val[v] = evaluate(m, b, val, v);
}

/* ---- Random programs: built and executed side by side ---- */

struct gen {
    uint64_t random;
    struct ir_block *b;
    struct machine m;
};

static void set(struct gen *g, unsigned w, ir_val v, uint64_t r)
{
    unsigned d = pick(&g->random, REGS);
    ir_put(g->b, d, v);
    g->m.x[d] = cut(w, r);
}

static void gen_bin(struct gen *g, enum ir_type t, unsigned w)
{
    static const enum ir_op ops[] = {
        IR_ADD, IR_SUB, IR_AND, IR_ANDN, IR_ADC, IR_SBC, IR_OR, IR_XOR, IR_SHL, IR_SHR, IR_SAR,
        IR_ROR, IR_MUL, IR_UDIV, IR_SDIV, IR_UMULH, IR_SMULH,
    };
    unsigned o = pick(&g->random, w == 32 ? ARRAY_LEN(ops) - 2 : ARRAY_LEN(ops));
    unsigned n = pick(&g->random, REGS), m = pick(&g->random, REGS), nzcv = g->m.nzcv;
    bool immediate = pick(&g->random, 3) == 0;
    uint64_t y = immediate ? pick_value(&g->random) : g->m.x[m];
    uint64_t r = do_bin(ops[o], w, g->m.x[n], y, &nzcv);
    ir_val a = ir_get(g->b, n, t), v;
    if (o < 6 && pick(&g->random, 2)) {
        v = ir_bin_setf(g->b, ops[o], t, a, immediate ? ir_const(g->b, t, y) : ir_get(g->b, m, t));
        g->m.nzcv = nzcv;
    } else if (immediate && ops[o] != IR_ADC && ops[o] != IR_SBC) {
        v = ir_bini(g->b, ops[o], t, a, y);
    } else {
        v = ir_bin(g->b, ops[o], t, a, immediate ? ir_const(g->b, t, y) : ir_get(g->b, m, t));
    }
    set(g, w, v, r);
}

static void gen_un(struct gen *g, enum ir_type t, unsigned w)
{
    static const enum ir_op ops[] = {IR_NOT, IR_NEG, IR_CLZ, IR_RBIT, IR_BSWAP, IR_REV16};
    enum ir_op op = ops[pick(&g->random, ARRAY_LEN(ops))];
    unsigned n = pick(&g->random, REGS);
    set(g, w, ir_un(g->b, op, t, ir_get(g->b, n, t)), do_un(op, w, g->m.x[n]));
}

static void gen_ext(struct gen *g, enum ir_type t, unsigned w)
{
    enum ir_op op = pick(&g->random, 2) ? IR_SEXT : IR_UEXT;
    unsigned n = pick(&g->random, REGS), sub = pick(&g->random, 3);
    set(g, w, ir_ext(g->b, op, t, sub, ir_get(g->b, n, t)), do_ext(op, w, sub, g->m.x[n]));
}

static void gen_cond(struct gen *g, enum ir_type t, unsigned w)
{
    unsigned n = pick(&g->random, REGS), m = pick(&g->random, REGS);
    unsigned cond = pick(&g->random, 14), imm = pick(&g->random, 16);
    ir_val x = ir_get(g->b, n, t), y = ir_get(g->b, m, t);
    bool add = pick(&g->random, 2), is_true = holds(cond, g->m.nzcv);
    if (pick(&g->random, 2)) {
        set(g, w, ir_csel(g->b, t, cond, x, y), g->m.x[is_true ? n : m]);
        return;
    }
    ir_emit(g->b, IR_CCMP, t, IR_SUB(cond, add), x, y, 0, imm);
    if (is_true)
        do_bin(add ? IR_ADD : IR_SUB, w, g->m.x[n], g->m.x[m], &g->m.nzcv);
    else
        g->m.nzcv = imm;
}

static void gen_control(struct gen *g, enum ir_type t, unsigned w)
{
    unsigned n = pick(&g->random, REGS);
    if (pick(&g->random, 3)) {
        ir_emit(g->b, IR_EXITZ, t, 0, ir_get(g->b, n, t), 0, 0, 0);
        g->m.seen += cut(w, g->m.x[n]);
        look(&g->m);
    } else {
        ir_emit(g->b, IR_INTERP, IR_VOID, 0, 0, 0, 0, 0);
        memset(g->b->gpr, 0, sizeof(g->b->gpr));
        disturb(&g->m);
    }
}

static void gen_insn(struct gen *g)
{
    bool wide = pick(&g->random, 2);
    enum ir_type t = wide ? IR_I64 : IR_I32;
    unsigned w = wide ? 64 : 32, kind = pick(&g->random, 16);
    uint64_t k;
    if (kind < 7) {
        gen_bin(g, t, w);
    } else if (kind < 9) {
        gen_un(g, t, w);
    } else if (kind < 10) {
        gen_ext(g, t, w);
    } else if (kind < 12) {
        gen_cond(g, t, w);
    } else if (kind < 15) {
        k = pick_value(&g->random);
        set(g, w, ir_const(g->b, t, k), k);
    } else {
        gen_control(g, t, w);
    }
}

static void check_program(struct ir_block *b, struct ir_block *copy, uint64_t seed)
{
    struct gen g = {.b = b, .random = seed << 32};
    char text[128];
    for (unsigned n = 0; n < REGS; n++)
        g.m.x[n] = pick_value(&g.random);
    g.m.nzcv = pick(&g.random, 16);
    const struct machine start = g.m;
    ir_begin(b);
    for (b->guest = 0; b->guest < LENGTH; b->guest++)
        gen_insn(&g);
    ir_emit(b, IR_JUMP, IR_VOID, 0, 0, 0, 0, 0);
    look(&g.m);
    for (unsigned passes = 0; passes <= IR_PASS_ALL; passes++) {
        struct machine m = start;
        memcpy(copy->insn, b->insn, b->count * sizeof(*b->insn));
        copy->count = b->count;
        copy->full = b->full;
        ir_optimise(copy, passes);
        if (!ir_verify(copy, text, sizeof(text)))
            fail_msg("program %lu passes %u: %s", (unsigned long)seed, passes, text);
        run(&m, copy);
        if (m.seen != g.m.seen || m.nzcv != g.m.nzcv || memcmp(m.x, g.m.x, sizeof(m.x)) != 0) {
            ir_print(b, stderr);
            ir_print(copy, stderr);
            fail_msg("program %lu differs with passes %u", (unsigned long)seed, passes);
        }
    }
}

static void test_builder_and_passes_keep_the_meaning(void **state)
{
    (void)state;
    struct ir_block *b = calloc(2, sizeof(*b));
    assert_non_null(b);
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
        check_program(b, b + 1, seed);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builder_and_passes_keep_the_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
