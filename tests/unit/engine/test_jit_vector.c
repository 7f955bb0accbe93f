/* Translated vector code, but for floating point, does what the interpreter's handlers do: random
 * instructions of lift_vint.def and lift_vperm.def in sequences, through lifter, passes and back
 * end, executed on the host, with and without AVX-512 and other extensions. The handlers are the
 * reference; what is compared is V0 to V31, X0 to X30 and FPSR. */
#include "engine/lift/lift.h"
#include "interp_table.h"
#include "x64/lower.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#define LENGTH 6u
#define CODE_BYTES (1u << 20)
#define BIAS 128

struct encoding {
    enum a64_op op;
    enum xr (*handler)(struct a64_cpu *cpu, uint32_t word);
};

static const struct encoding encodings[] = {
#define LIFT(name) {A64_##name, interp_##name},
#include "engine/lift/lift_vint.def"
#include "engine/lift/lift_vperm.def"
#undef LIFT
};

/* ---- The machine ---- */

#define FROM_STATE(field) ((int32_t)offsetof(struct a64_cpu, field) - BIAS)

static const struct x64_layout layout = {
    .state = -BIAS,
    .x = FROM_STATE(x),
    .v = FROM_STATE(v),
    .fpsr = FROM_STATE(fp.fpsr),
    .attention = FROM_STATE(attention),
    .area = FROM_STATE(engine_area),
};

struct host {
    uint8_t *code, *blocks;
    struct x64_glue glue;
    struct x64_host cpu;
    struct lower *work;
    struct ir_block *block;
    struct a64_cpu *guest, *expected;
    struct a64_features features;
    uint64_t random;
};

static struct x64_area *area_of(struct a64_cpu *cpu)
{
    return (struct x64_area *)(void *)cpu->engine_area;
}

static const struct encoding *encoding_of(enum a64_op op)
{
    for (unsigned k = 0; k < ARRAY_LEN(encodings); k++)
        if (encodings[k].op == op)
            return &encodings[k];
    fail_msg("the interpreter is asked for %s", a64_op_info[op].name);
    return NULL;
}

static const void *hook_interp(void *rbp, uint64_t word_op, uint32_t site)
{
    struct a64_cpu *cpu = (void *)((char *)rbp - BIAS);
    (void)site;
    encoding_of((enum a64_op)(word_op >> 32))->handler(cpu, (uint32_t)word_op);
    return X64_GO_ON;
}

/* Everything leaves. */
static const void *hook_jump(void *rbp, uint64_t pc, uint32_t btype)
{
    (void)rbp;
    (void)pc;
    (void)btype;
    return NULL;
}

static const struct x64_hooks hooks = {.interp = hook_interp, .jump = hook_jump};

/* ---- Random words and values ---- */

static uint64_t next_random(struct host *h)
{
    h->random += UINT64_C(0x9e3779b97f4a7c15);
    return hash_bytes(&h->random, sizeof(h->random), 0);
}

static unsigned pick(struct host *h, unsigned n)
{
    return (unsigned)(next_random(h) % n);
}

/* Register numbers are often one of few, so that operands coincide: of each kind of home. */
static unsigned pick_register(struct host *h)
{
    static const uint8_t few[] = {0, 9, 10, 25, 26, 31};
    return pick(h, 3) ? few[pick(h, ARRAY_LEN(few))] : pick(h, 32);
}

static uint32_t pick_word(struct host *h, const struct encoding *e)
{
    const struct a64_op_info *info = &a64_op_info[e->op];
    for (;;) {
        uint32_t word = info->value | ((uint32_t)next_random(h) & ~info->mask);
        for (unsigned k = 0; k < info->field_count; k++) {
            const struct a64_op_field *f = &info->fields[k];
            if (f->width == 5 && f->name[0] == 'r')
                word = (uint32_t)bits_set(word, f->lo + 4, f->lo, pick_register(h));
        }
        if (a64_decode(word) == e->op)
            return word;
    }
}

/* Lanes near the limits, small numbers, anything. */
static uint64_t pick_lanes(struct host *h)
{
    static const uint64_t edge[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 63, 64, 127};
    const unsigned esize = 8u << pick(h, 4);
    uint64_t r = 0;
    for (unsigned at = 0; at < 64; at += esize) {
        uint64_t x = edge[pick(h, ARRAY_LEN(edge))];
        switch (pick(h, 6)) {
        case 0:
            x = -x;
            break;
        case 1:
            x = BIT(esize - 1) - x;
            break;
        case 2:
            x = BIT(esize - 1) + x;
            break;
        case 3:
            x = next_random(h);
            break;
        default:
            break;
        }
        r |= (x & MASK(esize)) << at;
    }
    return r;
}

static void randomise(struct host *h)
{
    struct a64_cpu *cpu = h->guest;
    for (unsigned n = 0; n < 32; n++)
        for (unsigned k = 0; k < 2; k++)
            cpu->v[n].d[k] = pick_lanes(h);
    for (unsigned n = 0; n < 31; n++)
        cpu->x[n] = pick_lanes(h);
    cpu->fp.fpsr = 0;
    area_of(cpu)->nzcv = 0;
    area_of(cpu)->mxcsr = 0x1f80;
    memcpy(h->expected, cpu, sizeof(*cpu));
}

/* ---- One sequence ---- */

static bool is_right(const struct host *h)
{
    return !memcmp(h->guest->v, h->expected->v, sizeof(h->guest->v)) &&
           !memcmp(h->guest->x, h->expected->x, sizeof(h->guest->x)) &&
           h->guest->fp.fpsr == h->expected->fp.fpsr;
}

static void report(const struct host *h, const uint32_t *words, unsigned count, unsigned round)
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
    fail_msg("round %u, avx512 %d: fpsr %x, expected %x", round, h->cpu.avx512, h->guest->fp.fpsr,
             h->expected->fp.fpsr);
}

/* Saturating shifts of narrow lanes by a register. */
static bool may_be_interpreted(enum a64_op op)
{
    return op == A64_SQSHL_v || op == A64_SQSHL_ss || op == A64_UQSHL_v || op == A64_UQSHL_ss ||
           op == A64_SQRSHL_v || op == A64_SQRSHL_ss || op == A64_UQRSHL_v || op == A64_UQRSHL_ss;
}

static void translate(struct host *h, const uint32_t *words, unsigned count,
                      struct x64_result *result)
{
    uint32_t page[1024] = {0};
    memcpy(page, words, count * sizeof(*words));
    assert_int_equal(lift_block(h->block, page, 0, count, 0, &h->features), count);
    for (unsigned n = 1; n < h->block->count; n++)
        if (h->block->insn[n].op == IR_INTERP)
            assert_true(may_be_interpreted((enum a64_op)(h->block->insn[n].imm >> 32)));
    ir_optimise(h->block, IR_PASS_ALL);
    ir_count_uses(h->block);
    struct x64_buf buf = {.p = h->blocks, .start = h->blocks, .end = h->code + CODE_BYTES};
    struct x64_request req = {.block = h->block, .layout = &layout, .host = &h->cpu,
                              .work = h->work};
    assert_true(x64_lower(&req, &buf, result));
}

static void check(struct host *h, const uint32_t *words, unsigned count, unsigned round)
{
    struct x64_result result;
    struct x64_left left;
    translate(h, words, count, &result);
    for (unsigned k = 0; k < 4; k++) {
        randomise(h);
        for (unsigned n = 0; n < count; n++)
            encoding_of(a64_decode(words[n]))->handler(h->expected, words[n]);
        h->glue.enter((char *)h->guest + BIAS, h->blocks + result.entry, &left);
        assert_int_equal(left.why, X64_LEAVE_LINK);
        if (!is_right(h))
            report(h, words, count, round);
    }
}

/* ---- Tests ---- */

/* Each encoding alone `words` times, then as many sequences. */
static void check_all(struct host *h, unsigned rounds)
{
    uint32_t words[LENGTH];
    for (unsigned k = 0; k < ARRAY_LEN(encodings); k++) {
        for (unsigned round = 0; round < rounds; round++) {
            words[0] = pick_word(h, &encodings[k]);
            check(h, words, 1, round);
        }
    }
    for (unsigned round = 0; round < rounds * ARRAY_LEN(encodings) / LENGTH; round++) {
        for (unsigned n = 0; n < LENGTH; n++)
            words[n] = pick_word(h, &encodings[pick(h, ARRAY_LEN(encodings))]);
        check(h, words, LENGTH, round);
    }
}

static unsigned rounds(void)
{
    const char *text = getenv("ROUNDS");
    return text ? (unsigned)atoi(text) : 12;
}

/* The fixed code, which depends on the host too. */
static void make_glue(struct host *h)
{
    struct x64_buf buf = {.p = h->code, .start = h->code, .end = h->code + CODE_BYTES};
    assert_true(x64_glue_make(&buf, 0, &layout, &h->cpu, &hooks, &h->glue));
    memcpy(area_of(h->guest)->entry, h->glue.entry, sizeof(h->glue.entry));
    h->blocks = buf.p;
}

static void test_vectors_by_avx2_are_the_interpreters(void **data)
{
    struct host *h = *data;
    h->cpu = x64_host_detect();
    x64_host_drop_avx512(&h->cpu);
    make_glue(h);
    check_all(h, rounds());
}

static void test_vectors_by_avx512_are_the_interpreters(void **data)
{
    struct host *h = *data;
    h->cpu = x64_host_detect();
    if (!h->cpu.avx512)
        skip();
    make_glue(h);
    check_all(h, rounds());
    h->cpu.vnni = false;
    check_all(h, rounds() / 4);
}

/* As they were before these extensions; SHA is then the interpreter's. */
static void drop_extensions(struct x64_host *cpu)
{
    cpu->sha = cpu->gfni = cpu->vaes = cpu->vpclmul = false;
    cpu->vbmi = cpu->bitalg = cpu->vnni = false;
}

static void test_vectors_by_older_hosts_are_the_interpreters(void **data)
{
    struct host *h = *data;
    h->cpu = x64_host_detect();
    drop_extensions(&h->cpu);
    make_glue(h);
    check_all(h, rounds() / 4);
    x64_host_drop_avx512(&h->cpu);
    make_glue(h);
    check_all(h, rounds() / 4);
}

/* A round and MixColumns next to each other become one operation, if they belong together. */
static void test_aes_pairs_are_the_interpreters(void **data)
{
    static const enum a64_op aes[] = {A64_AESE, A64_AESMC, A64_AESD, A64_AESIMC};
    struct host *h = *data;
    uint32_t words[LENGTH];
    h->cpu = x64_host_detect();
    make_glue(h);
    for (unsigned round = 0; round < 50 * rounds(); round++) {
        const unsigned d = pick_register(h);
        for (unsigned n = 0; n < LENGTH; n++) {
            const unsigned from = n % 2 ? d : pick_register(h), to = pick(h, 4) ? d : from;
            const unsigned which = pick(h, 4) ? n % 2 : pick(h, ARRAY_LEN(aes));
            words[n] = a64_op_info[aes[which]].value | from << 5 | to;
        }
        check(h, words, LENGTH, round);
    }
}

static int setup(void **data)
{
    struct host *h = calloc(1, sizeof(*h));
    assert_non_null(h);
    /* A test may have one mapping for both. */
    h->code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(h->code, MAP_FAILED);
    h->work = x64_work_new();
    h->block = malloc(sizeof(*h->block));
    h->guest = aligned_alloc(64, (sizeof(*h->guest) + 63) / 64 * 64);
    h->expected = aligned_alloc(64, (sizeof(*h->guest) + 63) / 64 * 64);
    assert_true(h->work && h->block && h->guest && h->expected);
    memset(h->guest, 0, sizeof(*h->guest));
    const char *seed = getenv("SEED");
    h->random = seed ? (uint64_t)atoi(seed) : 1;
    h->features = a64_features_default();
    for (unsigned k = 0; k < ARRAY_LEN(encodings); k++) {
        a64_feature_set(&h->features, a64_op_info[encodings[k].op].feature, true);
        a64_feature_set(&h->features, a64_op_info[encodings[k].op].feature2, true);
    }
    x64_area_init(area_of(h->guest));
    *data = h;
    return 0;
}

static int teardown(void **data)
{
    struct host *h = *data;
    munmap(h->code, CODE_BYTES);
    x64_work_free(h->work);
    free(h->block);
    free(h->guest);
    free(h->expected);
    free(h);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_by_avx2_are_the_interpreters),
        cmocka_unit_test(test_vectors_by_avx512_are_the_interpreters),
        cmocka_unit_test(test_vectors_by_older_hosts_are_the_interpreters),
        cmocka_unit_test(test_aes_pairs_are_the_interpreters),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
