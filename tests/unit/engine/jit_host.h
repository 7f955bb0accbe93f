/* A machine for tests of what instructions become: sequences of random words go through lifter,
 * passes and back end and are executed on the host, without an engine around them, and by the
 * interpreter's handlers, the reference, on the same random operands. V0 to V31 and X0 to X30 must
 * then be equal; flags are the test's to compare.
 *
 * A test file says in a struct host_test which encodings it has and what is special about them.
 * Environment: SEED, another sequence; ROUNDS, more or fewer words of each encoding.
 */
#ifndef TESTS_UNIT_ENGINE_JIT_HOST_H
#define TESTS_UNIT_ENGINE_JIT_HOST_H

#include "engine/lift/lift.h"
#include "interp_table.h"
#include "x64/lower.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../random.h"

#define HOST_LENGTH 6u
#define HOST_CODE_BYTES (1u << 20)
#define HOST_BIAS 128

struct host;

/* Handlers by name: those of the interpreter's table ask CPACR_EL1 first. */
struct encoding {
    enum a64_op op;
    enum xr (*handler)(struct a64_cpu *cpu, uint32_t word);
};

struct host_test {
    const struct encoding *encodings;
    unsigned count, rounds;
    /* May the lifter leave it to the interpreter? */
    bool (*may_be_interpreted)(enum a64_op op);
    /* One for a sequence. */
    const struct encoding *(*pick_encoding)(struct host *h);
    /* Sets h->guest for a sequence that begins with `word`. */
    void (*randomise)(struct host *h, uint32_t word);
    /* Are FPSR and what else the test looks at those of h->expected? */
    bool (*flags_are_right)(const struct host *h);
};

struct host {
    const struct host_test *test;
    uint8_t *code, *blocks;
    struct x64_glue glue;
    struct x64_host cpu;
    struct lower *work;
    struct ir_block *block;
    struct a64_cpu *guest, *expected, *before;
    struct a64_features features;
    unsigned mode; /* LIFT_*; other than 0: anything may be left to the interpreter */
    uint64_t random;
};

/* ---- State, and the hooks of translated code ---- */

#define HOST_FROM_STATE(field) ((int32_t)offsetof(struct a64_cpu, field) - HOST_BIAS)

static const struct x64_layout host_layout = {
    .state = -HOST_BIAS,
    .x = HOST_FROM_STATE(x),
    .v = HOST_FROM_STATE(v),
    .fpsr = HOST_FROM_STATE(fp.fpsr),
    .attention = HOST_FROM_STATE(attention),
    .area = HOST_FROM_STATE(engine_area),
};

static inline struct x64_area *area_of(struct a64_cpu *cpu)
{
    return (struct x64_area *)(void *)cpu->engine_area;
}

/* NZCV as translated code has it: LAHF and SETO AL after a subtraction. */
static inline uint16_t to_area(unsigned nzcv)
{
    return (uint16_t)((nzcv & 8 ? 0x8000 : 0) | (nzcv & 4 ? 0x4000 : 0) | (nzcv & 2 ? 0 : 0x100) |
                      (nzcv & 1));
}

static inline unsigned from_area(unsigned nzcv)
{
    return (nzcv & 0x8000 ? 8 : 0) | (nzcv & 0x4000 ? 4 : 0) | (nzcv & 0x100 ? 0 : 2) | (nzcv & 1);
}

static inline const struct encoding *encoding_of(const struct host *h, enum a64_op op)
{
    for (unsigned k = 0; k < h->test->count; k++)
        if (h->test->encodings[k].op == op)
            return &h->test->encodings[k];
    fail_msg("the interpreter is asked for %s", a64_op_info[op].name);
    return NULL;
}

static inline const void *host_interp(void *rbp, uint64_t word_op, uint32_t site)
{
    struct a64_cpu *cpu = (void *)((char *)rbp - HOST_BIAS);
    (void)site;
    enum a64_op op = (enum a64_op)(word_op >> 32);
    if (a64_op_info[op].traits & A64_TRAIT_READS_NZCV)
        cpu->nzcv = from_area(area_of(cpu)->nzcv) << 28;
    encoding_of(cpu->engine, op)->handler(cpu, (uint32_t)word_op);
    if (a64_op_info[op].traits & A64_TRAIT_WRITES_NZCV)
        area_of(cpu)->nzcv = to_area(cpu->nzcv >> 28);
    return X64_GO_ON;
}

/* Everything leaves. */
static inline const void *host_jump(void *rbp, uint64_t pc, uint32_t btype)
{
    (void)rbp;
    (void)pc;
    (void)btype;
    return NULL;
}

static const struct x64_hooks host_hooks = {.interp = host_interp, .jump = host_jump};

/* The fixed code, which depends on h->cpu too. */
static inline void host_make_glue(struct host *h)
{
    struct x64_buf buf = {.p = h->code, .start = h->code, .end = h->code + HOST_CODE_BYTES};
    assert_true(x64_glue_make(&buf, 0, &host_layout, &h->cpu, &host_hooks, &h->glue));
    memcpy(area_of(h->guest)->entry, h->glue.entry, sizeof(h->glue.entry));
    h->blocks = buf.p;
}

/* ---- Random words ---- */

/* Register numbers are often one of few, so that operands coincide: of each kind of home. */
static inline unsigned pick_register(struct host *h)
{
    static const uint8_t few[] = {0, 9, 10, 25, 26, 31};
    return pick(&h->random, 3) ? few[pick(&h->random, ARRAY_LEN(few))] : pick(&h->random, 32);
}

static inline uint32_t pick_word(struct host *h, const struct encoding *e)
{
    const struct a64_op_info *info = &a64_op_info[e->op];
    for (;;) {
        uint32_t word = info->value | ((uint32_t)next_random(&h->random) & ~info->mask);
        for (unsigned k = 0; k < info->field_count; k++) {
            const struct a64_op_field *f = &info->fields[k];
            if (f->width == 5 && f->name[0] == 'r')
                word = (uint32_t)bits_set(word, f->lo + 4, f->lo, pick_register(h));
        }
        if (a64_decode(word) == e->op)
            return word;
    }
}

/* Any of the test's. */
static inline const struct encoding *pick_any(struct host *h)
{
    return &h->test->encodings[pick(&h->random, h->test->count)];
}

/* ---- One sequence ---- */

static inline bool host_is_right(const struct host *h)
{
    return !memcmp(h->guest->v, h->expected->v, sizeof(h->guest->v)) &&
           !memcmp(h->guest->x, h->expected->x, sizeof(h->guest->x)) && h->test->flags_are_right(h);
}

static inline void host_report(const struct host *h, const uint32_t *words, unsigned count,
                               unsigned round)
{
    ir_print(h->block, stderr);
    for (unsigned k = 0; k < count; k++)
        fprintf(stderr, "%08x %s\n", words[k], a64_op_info[a64_decode(words[k])].name);
    for (unsigned n = 0; n < 32; n++) {
        const uint64_t *is = h->guest->v[n].d, *should = h->expected->v[n].d;
        if (is[0] != should[0] || is[1] != should[1])
            fprintf(stderr, "v%u %016llx:%016llx expected %016llx:%016llx\n", n,
                    (unsigned long long)is[1], (unsigned long long)is[0],
                    (unsigned long long)should[1], (unsigned long long)should[0]);
    }
    for (unsigned n = 0; n < 31; n++)
        if (h->guest->x[n] != h->expected->x[n])
            fprintf(stderr, "x%u %llx expected %llx\n", n, (unsigned long long)h->guest->x[n],
                    (unsigned long long)h->expected->x[n]);
    fprintf(stderr, "before:\n");
    for (unsigned n = 0; n < 32; n++)
        fprintf(stderr, "v%u %016llx:%016llx\n", n, (unsigned long long)h->before->v[n].d[1],
                (unsigned long long)h->before->v[n].d[0]);
    fail_msg("round %u, avx512 %d, fpcr %x: fpsr %x and mxcsr %x expected %x, nzcv %x expected %x",
             round, h->cpu.avx512, h->guest->fp.fpcr, h->guest->fp.fpsr, area_of(h->guest)->mxcsr,
             h->expected->fp.fpsr, area_of(h->guest)->nzcv, to_area(h->expected->nzcv >> 28));
}

static inline void host_translate(struct host *h, const uint32_t *words, unsigned count,
                                  struct x64_result *result)
{
    uint32_t page[1024] = {0};
    memcpy(page, words, count * sizeof(*words));
    assert_int_equal(lift_block(h->block, page, 0, count, h->mode, &h->features), count);
    for (unsigned n = 1; n < h->block->count; n++)
        if (h->block->insn[n].op == IR_INTERP)
            assert_true(h->mode || h->test->may_be_interpreted(
                                       (enum a64_op)(h->block->insn[n].imm >> 32)));
    ir_optimise(h->block, IR_PASS_ALL);
    ir_count_uses(h->block);
    struct x64_buf buf = {.p = h->blocks, .start = h->blocks, .end = h->code + HOST_CODE_BYTES};
    struct x64_request req = {.block = h->block, .layout = &host_layout, .host = &h->cpu,
                              .work = h->work};
    assert_true(x64_lower(&req, &buf, result));
}

/* What is left of a block that the interpreter must go on with. */
static inline void host_finish(struct host *h, const struct x64_left *left, const uint32_t *words,
                               unsigned count)
{
    struct a64_cpu *cpu = h->guest;
    if (left->why != X64_LEAVE_INTERP_ONE || !h->mode) {
        assert_int_equal(left->why, X64_LEAVE_LINK);
        return;
    }
    cpu->nzcv = from_area(area_of(cpu)->nzcv) << 28;
    for (unsigned n = (unsigned)x64_site_off((uint32_t)left->site) / 4; n < count; n++)
        encoding_of(h, a64_decode(words[n]))->handler(cpu, words[n]);
    area_of(cpu)->nzcv = to_area(cpu->nzcv >> 28);
}

static inline void host_check(struct host *h, const uint32_t *words, unsigned count,
                              unsigned round)
{
    struct x64_result result;
    struct x64_left left;
    host_translate(h, words, count, &result);
    for (unsigned k = 0; k < 4; k++) {
        h->test->randomise(h, words[0]);
        memcpy(h->expected, h->guest, sizeof(*h->guest));
        memcpy(h->before, h->guest, sizeof(*h->guest));
        for (unsigned n = 0; n < count; n++)
            encoding_of(h, a64_decode(words[n]))->handler(h->expected, words[n]);
        h->glue.enter((char *)h->guest + HOST_BIAS, h->blocks + result.entry, &left);
        host_finish(h, &left, words, count);
        if (!host_is_right(h))
            host_report(h, words, count, round);
    }
}

/* ---- All encodings ---- */

static inline unsigned host_rounds(const struct host *h)
{
    const char *text = getenv("ROUNDS");
    return text ? (unsigned)atoi(text) : h->test->rounds;
}

/* Each encoding alone `rounds` times, then as many in sequences. */
static inline void host_check_all(struct host *h, unsigned rounds)
{
    uint32_t words[HOST_LENGTH];
    for (unsigned k = 0; k < h->test->count; k++) {
        for (unsigned round = 0; round < rounds; round++) {
            words[0] = pick_word(h, &h->test->encodings[k]);
            host_check(h, words, 1, round);
        }
    }
    for (unsigned round = 0; round < rounds * h->test->count / HOST_LENGTH; round++) {
        for (unsigned n = 0; n < HOST_LENGTH; n++)
            words[n] = pick_word(h, h->test->pick_encoding(h));
        host_check(h, words, HOST_LENGTH, round);
    }
}

static inline void host_check_by_avx2(struct host *h)
{
    h->cpu = x64_host_detect();
    x64_host_drop_avx512(&h->cpu);
    host_make_glue(h);
    host_check_all(h, host_rounds(h));
}

/* Skips the test on a host without it. */
static inline void host_check_by_avx512(struct host *h)
{
    h->cpu = x64_host_detect();
    if (!h->cpu.avx512)
        skip();
    host_make_glue(h);
    host_check_all(h, host_rounds(h));
}

/* ---- Creation ---- */

static inline int host_set_up(void **data, const struct host_test *test)
{
    struct host *h = calloc(1, sizeof(*h));
    assert_non_null(h);
    h->test = test;
    /* A test may have one mapping for both. */
    h->code = mmap(NULL, HOST_CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(h->code, MAP_FAILED);
    h->work = x64_work_new();
    h->block = malloc(sizeof(*h->block));
    h->guest = aligned_alloc(64, (sizeof(*h->guest) + 63) / 64 * 64);
    h->before = aligned_alloc(64, (sizeof(*h->guest) + 63) / 64 * 64);
    h->expected = aligned_alloc(64, (sizeof(*h->guest) + 63) / 64 * 64);
    assert_true(h->work && h->block && h->guest && h->expected && h->before);
    memset(h->guest, 0, sizeof(*h->guest));
    h->guest->engine = h; /* for host_interp() */
    const char *seed = getenv("SEED");
    h->random = seed ? (uint64_t)atoi(seed) : 1;
    h->features = a64_features_default();
    for (unsigned k = 0; k < test->count; k++) {
        a64_feature_set(&h->features, a64_op_info[test->encodings[k].op].feature, true);
        a64_feature_set(&h->features, a64_op_info[test->encodings[k].op].feature2, true);
    }
    x64_area_init(area_of(h->guest));
    *data = h;
    return 0;
}

static inline int host_tear_down(void **data)
{
    struct host *h = *data;
    munmap(h->code, HOST_CODE_BYTES);
    x64_work_free(h->work);
    free(h->block);
    free(h->guest);
    free(h->expected);
    free(h->before);
    free(h);
    return 0;
}

#endif
