/* Translated floating point does what the interpreter's handlers do, flags included: random
 * instructions of lift_vfp.def in sequences, through lifter, passes and back end, executed on the
 * host, with and without AVX-512, in all rounding modes, on operands near the limits of formats and
 * integers and with results near the smallest normal number. The handlers are the reference; what
 * is compared is V0 to V31, X0 to X30, NZCV and FPSR, half of which is MXCSR here. */
#include "jit_host.h"

static const struct encoding encodings[] = {
#define LIFT(name) {A64_##name, interp_##name},
#include "engine/lift/lift_vfp.def"
#undef LIFT
};

/* ---- Random values ---- */

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
static uint64_t pick_double(uint64_t *random)
{
    uint64_t sign = (uint64_t)pick(random, 2) << 63, r = next_random(random);
    switch (pick(random, 8)) {
    case 0:
        return r;
    case 1:
    case 2:
    case 3:
        return sign | double_edge[pick(random, ARRAY_LEN(double_edge))];
    case 4:
        return sign | (double_edge[pick(random, ARRAY_LEN(double_edge))] + 1 - pick(random, 3));
    default:
        return sign | (UINT64_C(1023) - 4 + pick(random, 70)) << 52 |
               (r & MASK(52) & (pick(random, 2) ? -(uint64_t)1 << pick(random, 52) : ~(uint64_t)0));
    }
}

static uint32_t pick_single(uint64_t *random)
{
    uint32_t sign = pick(random, 2) << 31, r = (uint32_t)next_random(random);
    switch (pick(random, 8)) {
    case 0:
        return r;
    case 1:
    case 2:
    case 3:
        return sign | single_edge[pick(random, ARRAY_LEN(single_edge))];
    case 4:
        return sign | (single_edge[pick(random, ARRAY_LEN(single_edge))] + 1 - pick(random, 3));
    default:
        return sign | (127 - 4 + pick(random, 70)) << 23 |
               (r & (uint32_t)MASK(23) & (pick(random, 2) ? ~0u << pick(random, 23) : ~0u));
    }
}

static uint32_t pick_half(uint64_t *random)
{
    static const uint16_t edge[] = {
        0, 1, 0x3ff, 0x400, 0x401, 0x7ff, 0x800, 0x1400, 0x2c00, 0x37ff, 0x3800, 0x3bff, 0x3c00,
        0x3c01, 0x3e00, 0x4000, 0x6400, 0x6401, 0x6800, 0x6801, 0x77ff, 0x7800, 0x7bff, 0x7c00,
        0x7c01, 0x7e00, 0x7fff,
    };
    uint32_t sign = pick(random, 2) << 15, r = (uint32_t)next_random(random) & 0x7fff;
    switch (pick(random, 8)) {
    case 0:
        return sign | edge[pick(random, ARRAY_LEN(edge))];
    case 1:
        return sign | (edge[pick(random, ARRAY_LEN(edge))] + 1 - pick(random, 3));
    case 2: /* few ones: sums and products in the middle between others */
        return sign | (pick(random, 31) << 10 | (r & 0x3ff & ~0u << pick(random, 10)));
    case 3:
    case 4:
        return sign | ((12 + pick(random, 6)) << 10 | (r & 0x3ff));
    default:
        return sign | (r < 0x7c00 ? r : r - 0x7c00);
    }
}

static uint64_t pick_halves(uint64_t *random)
{
    uint64_t r = 0;
    for (unsigned k = 0; k < 4; k++)
        r |= (uint64_t)(pick_half(random) & 0xffff) << 16 * k;
    return r;
}

static uint64_t pick_lanes(uint64_t *random, bool single)
{
    if (pick(random, 16) == 0)
        single = !single;
    if (pick(random, 16) == 0)
        return pick_halves(random);
    return single ? pick_single(random) | (uint64_t)pick_single(random) << 32 : pick_double(random);
}

/* y so that x * y, or y / (1 / x), is near the smallest normal number. */
static uint64_t pick_partner(uint64_t *random, uint64_t bits_x, bool single)
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
    y.u += pick(random, 3);
    y.u -= pick(random, 3);
    return y.u;
}

/* Halves n * m + d that are rounded wrongly, or with a flag too few, if they are singles first: a
 * sum just below the middle of two halves, products just below the smallest normal half, a tiny
 * sum that loses what is inexact. In all lanes, with any signs. */
static void pick_hard(uint64_t *random, union a64_vreg *n, union a64_vreg *m, union a64_vreg *d)
{
    static const uint16_t hard[][3] = {
        {0x3bfe, 0x3c01, 0x6801}, {0x3bfe, 0x0401, 0}, {0x0001, 0x0008, 0x0200},
    };
    const uint16_t *x = hard[pick(random, ARRAY_LEN(hard))];
    for (unsigned k = 0; k < 8; k++) {
        n->h[k] = (uint16_t)(x[0] | pick(random, 2) << 15);
        m->h[k] = (uint16_t)(x[1] | pick(random, 2) << 15);
        d->h[k] = (uint16_t)(x[2] | pick(random, 2) << 15);
    }
}

/* Operands for sequences that begin with `word`. */
static void randomise(struct host *h, uint32_t word)
{
    static const uint32_t control[] = {0x1f80, 0x5f80, 0x3f80, 0x7f80}; /* MXCSR by FPCR.RMode */
    struct a64_cpu *cpu = h->guest;
    union a64_vreg *n = &cpu->v[word >> 5 & 31], *m = &cpu->v[word >> 16 & 31];
    union a64_vreg *a = &cpu->v[word >> 10 & 31], *d = &cpu->v[word & 31];
    bool single = !(word >> 22 & 1);
    bool half = pick(&h->random, 3) == 0;
    unsigned mode = pick(&h->random, 4), nzcv = pick(&h->random, 16);
    for (unsigned r = 0; r < 32; r++)
        for (unsigned k = 0; k < 2; k++)
            cpu->v[r].d[k] = half ? pick_halves(&h->random) : pick_lanes(&h->random, single);
    if (half && pick(&h->random, 3) == 0) {
        pick_hard(&h->random, n, m, d);
        *a = *d;
    }
    if (!half && pick(&h->random, 4) == 0) {
        for (unsigned k = 0; k < 2; k++) {
            a->d[k] = d->d[k] = 0; /* a possible addend */
            m->d[k] = pick_partner(&h->random, n->d[k], single);
        }
    }
    for (unsigned r = 0; r < 31; r++)
        cpu->x[r] = pick_lanes(&h->random, pick(&h->random, 2)) >> pick(&h->random, 4) * 16;
    cpu->fp.fpsr = 0;
    cpu->fp.fpcr = mode << FPCR_RMODE_SHIFT;
    cpu->nzcv = nzcv << 28;
    area_of(cpu)->nzcv = to_area(nzcv);
    area_of(cpu)->mxcsr = control[mode];
    if (h->mode & LIFT_FPFLUSH) {
        cpu->fp.fpcr |= FPCR_FZ;
        cpu->fp.fpsr |= FPSR_IXC;
        area_of(cpu)->mxcsr |= 0x8000; /* FTZ */
    }
    if (h->mode & LIFT_FPODD)
        cpu->fp.fpcr |= pick(&h->random, 2) ? FPCR_DN : FPCR_DN | FPCR_AHP | FPCR_FZ16;
}

/* ---- What is looked at ---- */

/* FPSR with the flags that are in MXCSR: IE, ZE, OE, UE, PE. */
static uint32_t fpsr_of(struct a64_cpu *cpu)
{
    uint32_t c = area_of(cpu)->mxcsr;
    return cpu->fp.fpsr | (c & 1 ? FPSR_IOC : 0) | (c & 4 ? FPSR_DZC : 0) | (c & 8 ? FPSR_OFC : 0) |
           (c & 16 ? FPSR_UFC : 0) | (c & 32 ? FPSR_IXC : 0);
}

static bool flags_are_right(const struct host *h)
{
    return fpsr_of(h->guest) == h->expected->fp.fpsr &&
           /* SF ZF CF, OF */
           (area_of(h->guest)->nzcv & 0xc101) == to_area(h->expected->nzcv >> 28);
}

static bool may_be_interpreted(enum a64_op op)
{
    (void)op;
    return false;
}

/* ---- Tests ---- */

/* One that sets or reads NZCV more often than there are of them. */
static const struct encoding *pick_encoding(struct host *h)
{
    const struct encoding *e = pick_any(h);
    bool flags = pick(&h->random, 3) == 0;
    while (flags && !(a64_op_info[e->op].traits & (A64_TRAIT_WRITES_NZCV | A64_TRAIT_READS_NZCV)))
        e = pick_any(h);
    return e;
}

static const struct host_test floating_point = {
    .encodings = encodings,
    .count = ARRAY_LEN(encodings),
    .rounds = 20,
    .may_be_interpreted = may_be_interpreted,
    .pick_encoding = pick_encoding,
    .randomise = randomise,
    .flags_are_right = flags_are_right,
};

static void test_floating_point_by_avx2_is_the_interpreters(void **data)
{
    host_check_by_avx2(*data);
}

static void test_floating_point_by_avx512_is_the_interpreters(void **data)
{
    host_check_by_avx512(*data);
}

static void test_flushed_denormals_are_the_interpreters(void **data)
{
    struct host *h = *data;
    h->mode = LIFT_FPFLUSH;
    host_check_by_avx2(h);
    h->cpu = x64_host_detect();
    host_make_glue(h);
    host_check_all(h, host_rounds(h));
    h->mode = 0;
}

static void test_default_nans_are_the_interpreters(void **data)
{
    struct host *h = *data;
    h->cpu = x64_host_detect();
    host_make_glue(h);
    h->mode = LIFT_FPODD;
    host_check_all(h, host_rounds(h));
    h->mode = LIFT_FPODD | LIFT_FPFLUSH;
    host_check_all(h, host_rounds(h));
    h->mode = 0;
}

static int set_up(void **data)
{
    return host_set_up(data, &floating_point);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floating_point_by_avx2_is_the_interpreters),
        cmocka_unit_test(test_floating_point_by_avx512_is_the_interpreters),
        cmocka_unit_test(test_flushed_denormals_are_the_interpreters),
        cmocka_unit_test(test_default_nans_are_the_interpreters),
    };
    return cmocka_run_group_tests(tests, set_up, host_tear_down);
}
