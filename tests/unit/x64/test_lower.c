/* The back end keeps the meaning: random programs of 12 guest registers and NZCV, built as IR,
 * lowered and executed on the host, against the same programs done directly. Registers with and
 * without a home take part, values outlive the registers they came from, NZCV is wanted late, out
 * of line and by the interpreter's hook; with each combination of passes, counted or not. */
#include "x64/lower.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../ir/ir_model.h"

#define PROGRAMS 4000u
#define LENGTH 40u
#define CODE_BYTES (1u << 20)
#define BUDGET 1000

/* RBP points at x[16]. */
struct state {
    uint64_t x[32];
    uint64_t v[32][2];
    uint32_t fpsr, attention;
    struct x64_area area;
} __attribute__((aligned(64)));

static const struct x64_layout layout = {
    .state = -128,
    .x = -128,
    .v = (int32_t)offsetof(struct state, v) - 128,
    .fpsr = (int32_t)offsetof(struct state, fpsr) - 128,
    .attention = (int32_t)offsetof(struct state, attention) - 128,
    .area = (int32_t)offsetof(struct state, area) - 128,
};

static const uint8_t guest_reg[] = {0, 1, 2, 3, 19, IR_SP, 4, 5, 7, 8, 29, 30};
#define REGS 12u

struct model {
    uint64_t x[REGS];
    unsigned nzcv;
};

/* ---- NZCV as the area has it ---- */

static uint16_t to_area(unsigned nzcv)
{
    return (uint16_t)((nzcv & 8 ? 0x8000 : 0) | (nzcv & 4 ? 0x4000 : 0) | (nzcv & 2 ? 0 : 0x100) |
                      (nzcv & 1));
}

static unsigned from_area(uint16_t w)
{
    return (w & 0x8000 ? 8u : 0) | (w & 0x4000 ? 4u : 0) | (w & 0x100 ? 0 : 2u) | (w & 1u);
}

static uint64_t *reg_of(struct state *s, unsigned n)
{
    return guest_reg[n] == IR_SP ? &s->area.sp : &s->x[guest_reg[n]];
}

/* What the interpreter's hook does to the machine. */
static void disturb(struct model *m)
{
    m->x[1] += UINT64_C(0x123456789abcdef1);
    m->x[6] ^= m->x[1] >> 7;
    m->nzcv ^= m->x[1] & 15;
}

static struct state *state_of(void *rbp)
{
    return (struct state *)(void *)((char *)rbp - 128);
}

static const void *hook_interp(void *rbp, uint64_t word_op, uint32_t site)
{
    struct state *s = state_of(rbp);
    struct model m = {.nzcv = from_area(s->area.nzcv)};
    assert_int_equal(word_op, 77);
    assert_true(x64_site_off(site) >= 0);
    for (unsigned n = 0; n < REGS; n++)
        m.x[n] = *reg_of(s, n);
    disturb(&m);
    for (unsigned n = 0; n < REGS; n++)
        *reg_of(s, n) = m.x[n];
    s->area.nzcv = to_area(m.nzcv);
    return X64_GO_ON;
}

static uint64_t hook_fill(void *rbp, uint64_t va, uint32_t site, uint32_t entry)
{
    (void)rbp;
    (void)va;
    (void)site;
    (void)entry;
    return 0;
}

static bool hook_poll(void *rbp, uint32_t site)
{
    (void)rbp;
    (void)site;
    return true;
}

/* Everything leaves. */
static const void *hook_jump(void *rbp, uint64_t pc, uint32_t btype)
{
    (void)rbp;
    (void)pc;
    (void)btype;
    return NULL;
}

static const void *hook_cross(void *rbp, uint64_t pc, uint64_t point, uint32_t distance)
{
    (void)rbp;
    (void)pc;
    (void)point;
    (void)distance;
    return NULL;
}

static const struct x64_hooks hooks = {
    .fill = hook_fill, .interp = hook_interp, .jump = hook_jump,
    .cross = hook_cross, .poll = hook_poll,
};

/* ---- Random programs ---- */

struct gen {
    uint64_t random;
    struct ir_block *b;
    struct model m;
    bool left; /* the model has taken an exit: the rest is not executed */
    int64_t left_to;
    unsigned done;
    struct model end;
};

static ir_val get(struct gen *g, unsigned n, enum ir_type t)
{
    return ir_get(g->b, guest_reg[n], t);
}

static void set(struct gen *g, unsigned w, ir_val v, uint64_t r)
{
    unsigned d = pick(&g->random, REGS);
    ir_put(g->b, guest_reg[d], v);
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
    ir_val a = get(g, n, t), b = immediate ? ir_const(g->b, t, y) : get(g, m, t);
    if (o < 6 && pick(&g->random, 2)) {
        ir_val v = ir_bin_setf(g->b, ops[o], t, a, b);
        g->m.nzcv = nzcv;
        if (pick(&g->random, 2))
            set(g, w, v, r);
    } else {
        set(g, w, ir_bin(g->b, ops[o], t, a, b), r);
    }
}

static void gen_un(struct gen *g, enum ir_type t, unsigned w)
{
    static const enum ir_op ops[] = {IR_NOT, IR_NEG, IR_CLZ, IR_RBIT, IR_BSWAP, IR_REV16};
    enum ir_op op = ops[pick(&g->random, ARRAY_LEN(ops))];
    unsigned n = pick(&g->random, REGS);
    set(g, w, ir_un(g->b, op, t, get(g, n, t)), do_un(op, w, g->m.x[n]));
}

static void gen_field(struct gen *g, enum ir_type t, unsigned w)
{
    unsigned n = pick(&g->random, REGS), m = pick(&g->random, REGS), lsb = pick(&g->random, w);
    unsigned width = 1 + pick(&g->random, w - lsb);
    uint64_t mask = MASK(width) << lsb;
    if (pick(&g->random, 2)) {
        ir_val v = ir_emit(g->b, IR_BFI, t, IR_SUB(lsb, width), get(g, n, t), get(g, m, t), 0, 0);
        set(g, w, v, (g->m.x[n] & ~mask) | (g->m.x[m] << lsb & mask));
    } else if (lsb) {
        ir_val v = ir_emit(g->b, IR_EXTR, t, 0, get(g, n, t), get(g, m, t), 0, lsb);
        set(g, w, v, cut(w, g->m.x[m]) >> lsb | g->m.x[n] << (w - lsb));
    }
}

static void gen_ext(struct gen *g, enum ir_type t, unsigned w)
{
    enum ir_op op = pick(&g->random, 2) ? IR_SEXT : IR_UEXT;
    unsigned n = pick(&g->random, REGS), sub = pick(&g->random, 3);
    set(g, w, ir_ext(g->b, op, t, sub, get(g, n, t)), do_ext(op, w, sub, g->m.x[n]));
}

static void gen_cond(struct gen *g, enum ir_type t, unsigned w)
{
    unsigned n = pick(&g->random, REGS), m = pick(&g->random, REGS);
    unsigned cond = pick(&g->random, 14), imm = pick(&g->random, 16);
    ir_val x = get(g, n, t), y = get(g, m, t);
    bool add = pick(&g->random, 2), is_true = holds(cond, g->m.nzcv);
    switch (pick(&g->random, 3)) {
    case 0:
        set(g, w, ir_csel(g->b, t, cond, x, y), g->m.x[is_true ? n : m]);
        return;
    case 1:
        set(g, w, ir_emit(g->b, IR_CSET, t, cond, 0, 0, 0, 0), is_true);
        return;
    default:
        ir_emit(g->b, IR_CCMP, t, IR_SUB(cond, add), x, y, 0, imm);
        if (is_true)
            do_bin(add ? IR_ADD : IR_SUB, w, g->m.x[n], g->m.x[m], &g->m.nzcv);
        else
            g->m.nzcv = imm;
    }
}

static void leave(struct gen *g, bool taken, int64_t to)
{
    if (!taken || g->left)
        return;
    g->left = true;
    g->left_to = to;
    g->done = g->b->guest + 1;
    g->end = g->m;
}

static void gen_control(struct gen *g, enum ir_type t, unsigned w)
{
    unsigned n = pick(&g->random, REGS), cond = pick(&g->random, 14);
    unsigned bit = pick(&g->random, w), sense = pick(&g->random, 2);
    int64_t to = 4 * (int64_t)pick(&g->random, 1024);
    switch (pick(&g->random, 4)) {
    case 0:
        ir_emit(g->b, IR_EXITZ, t, sense, get(g, n, t), 0, 0, to);
        leave(g, (cut(w, g->m.x[n]) != 0) == sense, to);
        break;
    case 1:
        ir_emit(g->b, IR_EXITC, IR_VOID, cond, 0, 0, 0, to);
        leave(g, holds(cond, g->m.nzcv), to);
        break;
    case 2:
        ir_emit(g->b, IR_EXITB, t, IR_SUB(sense, bit), get(g, n, t), 0, 0, to);
        leave(g, (g->m.x[n] >> bit & 1) == sense, to);
        break;
    default:
        ir_emit(g->b, IR_INTERP, IR_VOID, 0, 0, 0, 0, 77);
        memset(g->b->gpr, 0, sizeof(g->b->gpr));
        disturb(&g->m);
        break;
    }
}

static void gen_insn(struct gen *g)
{
    bool is_wide = pick(&g->random, 2);
    enum ir_type t = is_wide ? IR_I64 : IR_I32;
    unsigned w = is_wide ? 64 : 32, kind = pick(&g->random, 20);
    uint64_t k;
    if (kind < 7) {
        gen_bin(g, t, w);
    } else if (kind < 9) {
        gen_un(g, t, w);
    } else if (kind < 11) {
        gen_ext(g, t, w);
    } else if (kind < 13) {
        gen_field(g, t, w);
    } else if (kind < 16) {
        gen_cond(g, t, w);
    } else if (kind < 18) {
        k = pick_value(&g->random);
        set(g, w, ir_const(g->b, t, k), k);
    } else {
        gen_control(g, t, w);
    }
}

/* ---- Execution ---- */

struct host {
    uint8_t *code;
    struct x64_glue glue;
    uint8_t *blocks;
    struct x64_host cpu;
    struct lower *work;
    struct ir_block *block;
    struct state *state;
};

static void check_end(struct host *h, const struct gen *g, bool count, uint64_t seed,
                      const struct x64_left *left)
{
    struct state *s = h->state;
    bool ok = left->why == X64_LEAVE_LINK && x64_site_off((uint32_t)left->site) == g->left_to &&
              from_area(s->area.nzcv) == g->end.nzcv &&
              s->area.budget == (count ? BUDGET - (int64_t)g->done : BUDGET);
    for (unsigned n = 0; n < REGS; n++)
        ok = ok && *reg_of(s, n) == g->end.x[n];
    if (ok)
        return;
    ir_print(h->block, stderr);
    for (unsigned n = 0; n < REGS; n++)
        fprintf(stderr, "x%u %llx expected %llx\n", guest_reg[n], (unsigned long long)*reg_of(s, n),
                (unsigned long long)g->end.x[n]);
    fail_msg("seed %llu: why %llu, to %d expected %lld, nzcv %x expected %x, budget %lld, done %u",
             (unsigned long long)seed, (unsigned long long)left->why,
             x64_site_off((uint32_t)left->site), (long long)g->left_to, from_area(s->area.nzcv),
             g->end.nzcv, (long long)s->area.budget, g->done);
}

static void check_program(struct host *h, uint64_t seed)
{
    struct gen g = {.random = seed, .b = h->block};
    struct model start;
    bool count = seed & 1;
    ir_begin(g.b);
    for (unsigned n = 0; n < REGS; n++)
        start.x[n] = g.m.x[n] = pick_value(&g.random);
    start.nzcv = g.m.nzcv = pick(&g.random, 16);
    for (g.b->guest = 0; g.b->guest < LENGTH; g.b->guest++)
        gen_insn(&g);
    g.b->guest--;
    ir_emit(g.b, IR_JUMP, IR_VOID, 0, 0, 0, 0, 4 * LENGTH);
    g.b->guest_count = LENGTH;
    leave(&g, true, 4 * LENGTH);
    assert_false(g.b->full);
    ir_optimise(g.b, (unsigned)(seed >> 1) & IR_PASS_ALL);
    ir_count_uses(g.b);

    struct x64_buf buf = {.p = h->blocks, .start = h->blocks, .end = h->code + CODE_BYTES};
    struct x64_result result;
    struct x64_request req = {.block = g.b, .layout = &layout, .host = &h->cpu, .count = count,
                              .work = h->work};
    assert_true(x64_lower(&req, &buf, &result));
    struct state *s = h->state;
    for (unsigned n = 0; n < REGS; n++)
        *reg_of(s, n) = start.x[n];
    s->area.nzcv = to_area(start.nzcv);
    s->area.budget = BUDGET;
    s->area.mxcsr = 0x1f80;
    struct x64_left left;
    h->glue.enter(&s->x[16], h->blocks + result.entry, &left);
    check_end(h, &g, count, seed, &left);
}

static int setup(void **data)
{
    struct host *h = calloc(1, sizeof(*h));
    assert_non_null(h);
    /* A test may have one mapping for both. */
    h->code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(h->code, MAP_FAILED);
    h->cpu = x64_host_detect();
    h->work = x64_work_new();
    h->block = malloc(sizeof(*h->block));
    h->state = aligned_alloc(64, (sizeof(*h->state) + 63) / 64 * 64);
    assert_true(h->work && h->block && h->state);
    memset(h->state, 0, sizeof(*h->state));
    x64_area_init(&h->state->area);
    struct x64_buf buf = {.p = h->code, .start = h->code, .end = h->code + CODE_BYTES};
    assert_true(x64_glue_make(&buf, 0, &layout, &h->cpu, &hooks, &h->glue));
    memcpy(h->state->area.entry, h->glue.entry, sizeof(h->glue.entry));
    h->blocks = buf.p;
    *data = h;
    return 0;
}

static int teardown(void **data)
{
    struct host *h = *data;
    munmap(h->code, CODE_BYTES);
    x64_work_free(h->work);
    free(h->block);
    free(h->state);
    free(h);
    return 0;
}

static void test_random_programs_do_what_they_say(void **data)
{
    for (uint64_t seed = 0; seed < PROGRAMS; seed++)
        check_program(*data, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_programs_do_what_they_say),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
