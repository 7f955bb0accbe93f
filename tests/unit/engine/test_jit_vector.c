/* Translated vector code, but for floating point, does what the interpreter's handlers do: random
 * instructions of lift_vint.def and lift_vperm.def in sequences, through lifter, passes and back
 * end, executed on the host, with and without AVX-512 and other extensions. The handlers are the
 * reference; what is compared is V0 to V31, X0 to X30 and FPSR. */
#include "jit_host.h"

static const struct encoding encodings[] = {
#define LIFT(name) {A64_##name, interp_##name},
#include "engine/lift/lift_vint.def"
#include "engine/lift/lift_vperm.def"
#undef LIFT
};

/* ---- Random values ---- */

/* Lanes near the limits, small numbers, anything. */
static uint64_t pick_lanes(uint64_t *random)
{
    static const uint64_t edge[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 63, 64, 127};
    const unsigned esize = 8u << pick(random, 4);
    uint64_t r = 0;
    for (unsigned at = 0; at < 64; at += esize) {
        uint64_t x = edge[pick(random, ARRAY_LEN(edge))];
        switch (pick(random, 6)) {
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
            x = next_random(random);
            break;
        default:
            break;
        }
        r |= (x & MASK(esize)) << at;
    }
    return r;
}

static void randomise(struct host *h, uint32_t word)
{
    (void)word;
    struct a64_cpu *cpu = h->guest;
    for (unsigned n = 0; n < 32; n++)
        for (unsigned k = 0; k < 2; k++)
            cpu->v[n].d[k] = pick_lanes(&h->random);
    for (unsigned n = 0; n < 31; n++)
        cpu->x[n] = pick_lanes(&h->random);
    cpu->fp.fpsr = 0;
    area_of(cpu)->nzcv = 0;
    area_of(cpu)->mxcsr = 0x1f80;
}

/* ---- What is looked at ---- */

static bool flags_are_right(const struct host *h)
{
    return h->guest->fp.fpsr == h->expected->fp.fpsr;
}

static bool may_be_interpreted(enum a64_op op)
{
    (void)op;
    return false;
}

/* ---- Tests ---- */

static const struct host_test vectors = {
    .encodings = encodings,
    .count = ARRAY_LEN(encodings),
    .rounds = 12,
    .may_be_interpreted = may_be_interpreted,
    .pick_encoding = pick_any,
    .randomise = randomise,
    .flags_are_right = flags_are_right,
};

static void test_vectors_by_avx2_are_the_interpreters(void **data)
{
    host_check_by_avx2(*data);
}

static void test_vectors_by_avx512_are_the_interpreters(void **data)
{
    struct host *h = *data;
    host_check_by_avx512(h);
    h->cpu.vnni = false;
    host_check_all(h, host_rounds(h) / 4);
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
    host_make_glue(h);
    host_check_all(h, host_rounds(h) / 4);
    x64_host_drop_avx512(&h->cpu);
    host_make_glue(h);
    host_check_all(h, host_rounds(h) / 4);
}

/* A round and MixColumns next to each other become one operation, if they belong together. */
static void test_aes_pairs_are_the_interpreters(void **data)
{
    static const enum a64_op aes[] = {A64_AESE, A64_AESMC, A64_AESD, A64_AESIMC};
    struct host *h = *data;
    uint32_t words[HOST_LENGTH];
    h->cpu = x64_host_detect();
    host_make_glue(h);
    for (unsigned round = 0; round < 50 * host_rounds(h); round++) {
        const unsigned d = pick_register(h);
        for (unsigned n = 0; n < HOST_LENGTH; n++) {
            const unsigned from = n % 2 ? d : pick_register(h), to = pick(&h->random, 4) ? d : from;
            const unsigned which = pick(&h->random, 4) ? n % 2 : pick(&h->random, ARRAY_LEN(aes));
            words[n] = a64_op_info[aes[which]].value | from << 5 | to;
        }
        host_check(h, words, HOST_LENGTH, round);
    }
}

static int set_up(void **data)
{
    return host_set_up(data, &vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_by_avx2_are_the_interpreters),
        cmocka_unit_test(test_vectors_by_avx512_are_the_interpreters),
        cmocka_unit_test(test_vectors_by_older_hosts_are_the_interpreters),
        cmocka_unit_test(test_aes_pairs_are_the_interpreters),
    };
    return cmocka_run_group_tests(tests, set_up, host_tear_down);
}
