/* Translated floating point does what the interpreter's handlers do, flags included: random
 * instructions of lift_vfp.def in sequences, through lifter, passes and back end, executed on the
 * host, with and without AVX-512, in all rounding modes, on operands near the limits of formats and
 * integers and with results near the smallest normal number. The handlers are the reference; what
 * is compared is V0 to V31, X0 to X30, NZCV and FPSR, half of which is MXCSR here. */
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
#include "engine/lift/lift_vfp.def"
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
    struct a64_cpu *guest, *expected, *before;
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

/* NZCV as translated code has it: LAHF and SETO AL after a subtraction. */
static uint16_t to_area(unsigned nzcv)
{
    return (uint16_t)((nzcv & 8 ? 0x8000 : 0) | (nzcv & 4 ? 0x4000 : 0) | (nzcv & 2 ? 0 : 0x100) |
                      (nzcv & 1));
}

static const void *hook_interp(void *rbp, uint64_t word_op, uint32_t site)
{
    struct a64_cpu *cpu = (void *)((char *)rbp - BIAS);
    (void)site;
    enum a64_op op = (enum a64_op)(word_op >> 32);
    encoding_of(op)->handler(cpu, (uint32_t)word_op);
    if (a64_op_info[op].traits & A64_TRAIT_WRITES_NZCV)
        area_of(cpu)->nzcv = to_area(cpu->nzcv >> 28);
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

static const uint64_t double_edge[] = {
    0, 1, 0x000fffffffffffff, 0x0010000000000000, 0x0010000000000001, 0x3fdfffffffffffff,
    0x3fe0000000000000, 0x3ff0000000000000, 0x3ff8000000000000, 0x3fffffffffffffff,
    0x4004000000000000, 0x41dfffffffc00000, 0x41dfffffffe00000, 0x41e0000000000000,
    0x41e0000000080000,
    0x41e0000000100000, 0x41efffffffe00000, 0x41effffffff00000, 0x41f0000000000000,
    0x4330000000000001, 0x432fffffffffffff, 0x4340000000000000, 0x43dfffffffffffff,
    0x43e0000000000000, 0x43efffffffffffff, 0x43f0000000000000, 0x7fefffffffffffff,
    0x7ff0000000000000, 0x7ff8000000000123, 0x7ff0000000000123, 0x380fffffffffffff,
    0x380fffffefffffff, 0x380fffffe0000000, 0x3810000000000000, 0x47efffffefffffff,
    0x47effffff0000000,
};
static const uint32_t single_edge[] = {
    0, 1, 0x007fffff, 0x00800000, 0x00800001, 0x3effffff, 0x3f000000, 0x3f800000, 0x3fc00000,
    0x3fffffff, 0x40200000, 0x4b000001, 0x4affffff, 0x4effffff, 0x4f000000, 0x4f7fffff, 0x4f800000,
    0x5effffff, 0x5f000000, 0x5f7fffff, 0x5f800000, 0x7f7fffff, 0x7f800000, 0x7fc00123, 0x7f800123,
    0x387fffff, 0x387fe000, 0x387ff000, 0x38800000, 0x477fefff, 0x477ff000, 0x000007ff, 0x3c003bff,
    0x7c007e01, 0x7d010400,
};

/* Anything, a value near a limit, or a number of middling size; of either sign. */
static uint64_t pick_double(struct host *h)
{
    uint64_t sign = (uint64_t)pick(h, 2) << 63, r = next_random(h);
    switch (pick(h, 8)) {
    case 0:
        return r;
    case 1:
    case 2:
    case 3:
        return sign | double_edge[pick(h, ARRAY_LEN(double_edge))];
    case 4:
        return sign | (double_edge[pick(h, ARRAY_LEN(double_edge))] + 1 - pick(h, 3));
    default:
        return sign | (UINT64_C(1023) - 4 + pick(h, 70)) << 52 |
               (r & MASK(52) & (pick(h, 2) ? -(uint64_t)1 << pick(h, 52) : ~(uint64_t)0));
    }
}

static uint32_t pick_single(struct host *h)
{
    uint32_t sign = pick(h, 2) << 31, r = (uint32_t)next_random(h);
    switch (pick(h, 8)) {
    case 0:
        return r;
    case 1:
    case 2:
    case 3:
        return sign | single_edge[pick(h, ARRAY_LEN(single_edge))];
    case 4:
        return sign | (single_edge[pick(h, ARRAY_LEN(single_edge))] + 1 - pick(h, 3));
    default:
        return sign | (127 - 4 + pick(h, 70)) << 23 |
               (r & (uint32_t)MASK(23) & (pick(h, 2) ? ~0u << pick(h, 23) : ~0u));
    }
}

static uint64_t pick_lanes(struct host *h, bool single)
{
    if (pick(h, 16) == 0)
        single = !single;
    return single ? pick_single(h) | (uint64_t)pick_single(h) << 32 : pick_double(h);
}

/* y so that x * y, or y / (1 / x), is near the smallest normal number. */
static uint64_t pick_partner(struct host *h, uint64_t bits_x, bool single)
{
    union {
        uint64_t u;
        double d;
        float s[2];
    } x = {bits_x}, y;
    if (single)
        for (unsigned k = 0; k < 2; k++)
            y.s[k] = 0x1p-126f / x.s[k];
    else
        y.d = 0x1p-1022 / x.d;
    y.u += pick(h, 3);
    y.u -= pick(h, 3);
    return y.u;
}

/* Operands for sequences that begin with `word`. */
static void randomise(struct host *h, uint32_t word)
{
    static const uint32_t control[] = {0x1f80, 0x5f80, 0x3f80, 0x7f80}; /* MXCSR by FPCR.RMode */
    struct a64_cpu *cpu = h->guest;
    union a64_vreg *n = &cpu->v[word >> 5 & 31], *m = &cpu->v[word >> 16 & 31];
    union a64_vreg *a = &cpu->v[word >> 10 & 31], *d = &cpu->v[word & 31];
    bool single = !(word >> 22 & 1);
    unsigned mode = pick(h, 4), nzcv = pick(h, 16);
    for (unsigned r = 0; r < 32; r++)
        for (unsigned k = 0; k < 2; k++)
            cpu->v[r].d[k] = pick_lanes(h, single);
    if (pick(h, 4) == 0) {
        for (unsigned k = 0; k < 2; k++) {
            a->d[k] = d->d[k] = 0; /* a possible addend */
            m->d[k] = pick_partner(h, n->d[k], single);
        }
    }
    for (unsigned r = 0; r < 31; r++)
        cpu->x[r] = pick_lanes(h, pick(h, 2)) >> pick(h, 4) * 16;
    cpu->fp.fpsr = 0;
    cpu->fp.fpcr = mode << FPCR_RMODE_SHIFT;
    cpu->nzcv = nzcv << 28;
    area_of(cpu)->nzcv = to_area(nzcv);
    area_of(cpu)->mxcsr = control[mode];
    memcpy(h->expected, cpu, sizeof(*cpu));
}

/* ---- One sequence ---- */

/* FPSR with the flags that are in MXCSR: IE, ZE, OE, UE, PE. */
static uint32_t fpsr_of(struct a64_cpu *cpu)
{
    uint32_t c = area_of(cpu)->mxcsr;
    return cpu->fp.fpsr | (c & 1 ? FPSR_IOC : 0) | (c & 4 ? FPSR_DZC : 0) | (c & 8 ? FPSR_OFC : 0) |
           (c & 16 ? FPSR_UFC : 0) | (c & 32 ? FPSR_IXC : 0);
}

static bool is_right(const struct host *h)
{
    return !memcmp(h->guest->v, h->expected->v, sizeof(h->guest->v)) &&
           !memcmp(h->guest->x, h->expected->x, sizeof(h->guest->x)) &&
           fpsr_of(h->guest) == h->expected->fp.fpsr &&
           /* SF ZF CF, OF */
           (area_of(h->guest)->nzcv & 0xc101) == to_area(h->expected->nzcv >> 28);
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
    for (unsigned n = 0; n < 31; n++)
        if (h->guest->x[n] != h->expected->x[n])
            fprintf(stderr, "x%u %llx expected %llx\n", n, (unsigned long long)h->guest->x[n],
                    (unsigned long long)h->expected->x[n]);
    fprintf(stderr, "before:\n");
    for (unsigned n = 0; n < 32; n++)
        fprintf(stderr, "v%u %016llx:%016llx\n", n, (unsigned long long)h->before->v[n].d[1],
                (unsigned long long)h->before->v[n].d[0]);
    fail_msg("round %u, avx512 %d, fpcr %x: fpsr %x expected %x, nzcv %x expected %x", round,
             h->cpu.avx512, h->guest->fp.fpcr, fpsr_of(h->guest), h->expected->fp.fpsr,
             area_of(h->guest)->nzcv, to_area(h->expected->nzcv >> 28));
}

static void translate(struct host *h, const uint32_t *words, unsigned count,
                      struct x64_result *result)
{
    uint32_t page[1024] = {0};
    memcpy(page, words, count * sizeof(*words));
    assert_int_equal(lift_block(h->block, page, 0, count, 0, &h->features), count);
    for (unsigned n = 1; n < h->block->count; n++)
        assert_int_not_equal(h->block->insn[n].op, IR_INTERP);
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
        randomise(h, words[0]);
        memcpy(h->before, h->guest, sizeof(*h->guest));
        for (unsigned n = 0; n < count; n++)
            encoding_of(a64_decode(words[n]))->handler(h->expected, words[n]);
        h->glue.enter((char *)h->guest + BIAS, h->blocks + result.entry, &left);
        assert_int_equal(left.why, X64_LEAVE_LINK);
        if (!is_right(h))
            report(h, words, count, round);
    }
}

/* ---- Tests ---- */

/* One that sets or reads NZCV more often than there are of them. */
static const struct encoding *pick_encoding(struct host *h)
{
    const struct encoding *e = &encodings[pick(h, ARRAY_LEN(encodings))];
    bool flags = pick(h, 3) == 0;
    while (flags && !(a64_op_info[e->op].traits & (A64_TRAIT_WRITES_NZCV | A64_TRAIT_READS_NZCV)))
        e = &encodings[pick(h, ARRAY_LEN(encodings))];
    return e;
}

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
            words[n] = pick_word(h, pick_encoding(h));
        check(h, words, LENGTH, round);
    }
}

static unsigned rounds(void)
{
    const char *text = getenv("ROUNDS");
    return text ? (unsigned)atoi(text) : 20;
}

/* The fixed code, which depends on the host too. */
static void make_glue(struct host *h)
{
    struct x64_buf buf = {.p = h->code, .start = h->code, .end = h->code + CODE_BYTES};
    assert_true(x64_glue_make(&buf, 0, &layout, &h->cpu, &hooks, &h->glue));
    memcpy(area_of(h->guest)->entry, h->glue.entry, sizeof(h->glue.entry));
    h->blocks = buf.p;
}

static void test_floating_point_by_avx2_is_the_interpreters(void **data)
{
    struct host *h = *data;
    h->cpu = x64_host_detect();
    x64_host_drop_avx512(&h->cpu);
    make_glue(h);
    check_all(h, rounds());
}

static void test_floating_point_by_avx512_is_the_interpreters(void **data)
{
    struct host *h = *data;
    h->cpu = x64_host_detect();
    if (!h->cpu.avx512)
        skip();
    make_glue(h);
    check_all(h, rounds());
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
    h->before = malloc(sizeof(*h->before));
    h->expected = aligned_alloc(64, (sizeof(*h->guest) + 63) / 64 * 64);
    assert_true(h->work && h->block && h->guest && h->expected && h->before);
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
    free(h->before);
    free(h);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floating_point_by_avx2_is_the_interpreters),
        cmocka_unit_test(test_floating_point_by_avx512_is_the_interpreters),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
