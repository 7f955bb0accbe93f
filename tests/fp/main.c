/* a64/fp.h against ref.h: half precision with all operands, the other formats with the edges of the
 * formats and random numbers. See run.sh for the usage.
 *
 * How much of a row of cases.def is run:
 *                       N=<number>                         N=full
 *   one operand, 16     all, in each RMode, DN, FZ16       all, in all 64 values of FPCR
 *   two operands, 16    N pairs                            all pairs, twice: FPCR 0, random FPCR
 *   one operand, 32     N                                  all, random FPCR
 *   all others          N                                  100 million
 * Half of the random operands are drawn by fp_operand(): close to the edges. Edges are also run in
 * all combinations. FPCR bits that a row does not loop over are random: they are either relevant,
 * or it is part of the test that they are not.
 */
#include "a64/fp.h"
#include "ref.h"

#include "../unit/a64/fp_operands.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Rows ---- */

static uint64_t to_fixed_js(struct fp_env *env, uint64_t a)
{
    bool z;
    uint64_t r = fp_to_fixed_js(env, a, &z);
    return r | (uint64_t)z << 32;
}

/* BFMMLA, element p of the result. The operands are made from a and b, the accumulator from c. */
static void matmul_operands(uint64_t a, uint64_t b, uint16_t op1[8], uint16_t op2[8])
{
    for (unsigned i = 0; i < 8; i++) {
        op1[i] = (uint16_t)((i < 4 ? a : a ^ b) >> 16 * (i & 3));
        op2[i] = (uint16_t)((i < 4 ? b : b + a) >> 16 * (i & 3));
    }
}

static uint64_t matmul(uint64_t p, uint64_t a, uint64_t b, uint64_t c)
{
    uint32_t acc[4] = {(uint32_t)c, (uint32_t)(c >> 32), (uint32_t)~c, (uint32_t)(c >> 16)};
    uint16_t op1[8], op2[8];
    matmul_operands(a, b, op1, op2);
    fp_bf_matmuladd(acc, op1, op2);
    return acc[p];
}

static uint64_t matmul_expected(uint64_t p, uint64_t a, uint64_t b, uint64_t c)
{
    const uint32_t acc[4] = {(uint32_t)c, (uint32_t)(c >> 32), (uint32_t)~c, (uint32_t)(c >> 16)};
    uint16_t op1[8], op2[8];
    matmul_operands(a, b, op1, op2);
    const uint16_t *row = op1 + (p & 2 ? 4 : 0), *column = op2 + (p & 1 ? 4 : 0);
    uint64_t sum = ref_bf_dotadd(acc[p], row[0], row[1], column[0], column[1]);
    return ref_bf_dotadd(sum, row[2], row[3], column[2], column[3]);
}

#define CASE(name, wa, wb, wc, parameters, expected, actual)                                       \
    static uint64_t expected_##name(struct ref_env *env, uint64_t a, uint64_t b, uint64_t c,       \
                                    unsigned p)                                                    \
    {                                                                                              \
        (void)env, (void)a, (void)b, (void)c, (void)p;                                             \
        return expected;                                                                           \
    }                                                                                              \
    static uint64_t actual_##name(struct fp_env *env, uint64_t a, uint64_t b, uint64_t c,          \
                                  unsigned p)                                                      \
    {                                                                                              \
        (void)env, (void)a, (void)b, (void)c, (void)p;                                             \
        return actual;                                                                             \
    }
#include "cases.def"
#undef CASE

struct row {
    const char *name;
    unsigned width[3], parameters;
    uint64_t (*expected)(struct ref_env *, uint64_t, uint64_t, uint64_t, unsigned);
    uint64_t (*actual)(struct fp_env *, uint64_t, uint64_t, uint64_t, unsigned);
};

static const struct row rows[] = {
#define CASE(name, wa, wb, wc, parameters, expected, actual)                                       \
    {#name, {wa, wb, wc}, parameters, expected_##name, actual_##name},
#include "cases.def"
#undef CASE
};

/* ---- One row ---- */

struct run {
    const struct row *row;
    uint64_t seed, count, bad, cross;
};

/* RMode, DN, FZ16, FZ, AHP from the low six bits. */
static uint32_t fpcr_of(uint64_t bits)
{
    return (uint32_t)((bits & 3) << FPCR_RMODE_SHIFT | (bits & 4 ? FPCR_DN : 0) |
                      (bits & 8 ? FPCR_FZ16 : 0) | (bits & 16 ? FPCR_FZ : 0) |
                      (bits & 32 ? FPCR_AHP : 0));
}

static void trial(struct run *run, uint32_t fpcr, uint64_t a, uint64_t b, uint64_t c, unsigned p)
{
    const struct row *row = run->row;
    struct ref_env want = {.fpcr = fpcr};
    struct fp_env got = {.fpcr = fpcr};
    uint64_t expected = row->expected(&want, a, b, c, p), actual = row->actual(&got, a, b, c, p);
    run->count++;
    if (expected != actual || want.fpsr != got.fpsr || got.fpcr != fpcr) {
        if (run->bad++ < 3)
            printf("# %s: fpcr %08" PRIx32 " a %" PRIx64 " b %" PRIx64 " c %" PRIx64
                   " p %u: expected %" PRIx64 " fpsr %02" PRIx32 ", got %" PRIx64 " fpsr %02" PRIx32
                   "\n",
                   row->name, fpcr, a, b, c, p, expected, want.fpsr, actual, got.fpsr);
        return;
    }
    if (row->width[0] == 16 && run->count % 64 == 0) { /* the two references against each other */
        struct ref_env other = {.fpcr = fpcr, .use_mpfr = true};
        uint64_t again = row->expected(&other, a, b, c, p);
        run->cross++;
        if ((again != expected || other.fpsr != want.fpsr) && run->bad++ < 3)
            printf("# %s: fpcr %08" PRIx32 " a %" PRIx64 " b %" PRIx64 " c %" PRIx64
                   " p %u: the integer reference says %" PRIx64 " fpsr %02" PRIx32 ", MPFR %" PRIx64
                   " fpsr %02" PRIx32 "\n",
                   row->name, fpcr, a, b, c, p, expected, want.fpsr, again, other.fpsr);
    }
}

static uint64_t operand(struct run *run, unsigned width)
{
    uint64_t r = fp_rand(&run->seed) >> 8;
    if (r & 1)
        return fp_operand(&run->seed, width);
    r = fp_rand(&run->seed);
    return width == 64 ? r : r >> 20 & ((UINT64_C(1) << width) - 1);
}

static unsigned parameter(struct run *run)
{
    return run->row->parameters == 1 ? 0
                                     : (unsigned)(fp_rand(&run->seed) >> 16) % run->row->parameters;
}

static void random_trials(struct run *run, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t r = fp_rand(&run->seed) >> 16, op[3];
        for (unsigned k = 0; k < 3; k++)
            op[k] = run->row->width[k] ? operand(run, run->row->width[k]) : 0;
        if (run->row->width[1] == run->row->width[0] && (r >> 8 & 15) == 0) /* cancellation */
            op[1] = op[0] ^ (r >> 12 & 3) ^ (r >> 14 & 1) << (run->row->width[0] - 1);
        trial(run, fpcr_of(r), op[0], op[1], op[2], parameter(run));
    }
}

/* Both signs of zero, one unit, the ends of the denormal and normal numbers, one and its
 * neighbours, infinity, NaNs: as fields of a format. */
static unsigned edges_of(unsigned width, uint64_t *out)
{
    unsigned f = width == 64 ? 52 : width == 32 ? 23 : 10, n = 0;
    uint64_t fraction = (UINT64_C(1) << f) - 1, exp = (UINT64_C(1) << (width - f - 1)) - 1;
    const uint64_t positive[] = {
        0,
        1,
        2,
        fraction >> 1,
        fraction,
        UINT64_C(1) << f,
        (UINT64_C(1) << f) + 1,
        ((exp >> 1) << f) - 1,
        (exp >> 1) << f,
        ((exp >> 1) << f) + 1,
        (exp >> 1 << f) + fraction,
        ((exp >> 1) + 1) << f,
        ((exp >> 1) + f) << f,
        (((exp >> 1) + f) << f) + 1,
        ((exp - 1) << f),
        ((exp - 1) << f) + fraction,
        exp << f,
        (exp << f) + 1,
        (exp << f) + (fraction >> 1),
        (exp << f) + fraction,
        (exp << f) + (fraction >> 1) + 1,
    };
    for (unsigned i = 0; i < sizeof(positive) / sizeof(positive[0]); i++) {
        out[n++] = positive[i];
        out[n++] = positive[i] | UINT64_C(1) << (width - 1);
    }
    return n;
}

static void edge_trials(struct run *run)
{
    uint64_t edge[3][64] = {{0}};
    unsigned n[3];
    for (unsigned k = 0; k < 3; k++)
        n[k] = run->row->width[k] ? edges_of(run->row->width[k], edge[k]) : 1;
    for (unsigned i = 0; i < n[0]; i++)
        for (unsigned j = 0; j < n[1]; j++)
            for (unsigned k = 0; k < n[2]; k++)
                for (unsigned m = 0; m < (n[2] > 1 ? 1 : 8); m++) {
                    uint64_t r = fp_rand(&run->seed) >> 16;
                    trial(run, fpcr_of(r), edge[0][i], edge[1][j], edge[2][k], parameter(run));
                }
}

static void half_trials(struct run *run, bool full)
{
    for (uint64_t a = 0; a <= UINT16_MAX; a++)
        for (uint64_t mode = 0; mode < (full ? 64 : 16); mode++) {
            uint64_t r = full ? 0 : fp_rand(&run->seed) >> 16 & 0x30;
            unsigned parameters = run->row->parameters;
            if (full || parameters <= 4)
                for (unsigned p = 0; p < parameters; p++)
                    trial(run, fpcr_of(mode | r), a, 0, 0, p);
            else
                for (unsigned i = 0; i < 4; i++)
                    trial(run, fpcr_of(mode | r), a, 0, 0, parameter(run));
        }
}

static void all_pairs(struct run *run)
{
    for (uint64_t pair = 0; pair <= UINT32_MAX; pair++)
        trial(run, 0, pair >> 16, pair & UINT16_MAX, 0, 0);
    for (uint64_t pair = 0; pair <= UINT32_MAX; pair++)
        trial(run, fpcr_of(fp_rand(&run->seed) >> 16), pair >> 16, pair & UINT16_MAX, 0, 0);
}

static void all_words(struct run *run)
{
    for (uint64_t a = 0; a <= UINT32_MAX; a++)
        trial(run, fpcr_of(fp_rand(&run->seed) >> 16), a, 0, 0, parameter(run));
}

static bool run_row(const struct row *row, uint64_t seed, uint64_t n, bool full)
{
    struct run run = {.row = row, .seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    bool one = !row->width[1], two = row->width[1] && !row->width[2];
    edge_trials(&run);
    if (row->width[0] == 16 && one)
        half_trials(&run, full);
    else if (row->width[0] == 16 && row->width[1] == 16 && two && full)
        all_pairs(&run);
    else if (row->width[0] == 32 && one && full)
        all_words(&run);
    else
        random_trials(&run, full ? 100000000 : n);
    if (run.bad)
        printf("not ok %s %" PRIu64 " of %" PRIu64 " differ (SEED=%" PRIu64 " I=%s)\n", row->name,
               run.bad, run.count, seed, row->name);
    else
        printf("ok %s %" PRIu64 " cases\n", row->name, run.count);
    fflush(stdout);
    return !run.bad;
}

/* ---- Main ---- */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Every jobs-th row, the first being number `first`. */
static int run_rows(unsigned first, unsigned jobs, const char *pattern, uint64_t seed, uint64_t n,
                    bool full)
{
    int status = 0;
    for (unsigned i = first; i < ROWS; i += jobs)
        if (fnmatch(pattern, rows[i].name, 0) == 0 && !run_row(&rows[i], seed, n, full))
            status = 1;
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: fp N|full SEED PATTERN JOBS\n");
        return 2;
    }
    bool full = strcmp(argv[1], "full") == 0;
    uint64_t n = strtoull(argv[1], NULL, 0), seed = strtoull(argv[2], NULL, 0);
    unsigned jobs = (unsigned)strtoul(argv[4], NULL, 0);
    int failed = 0, status;
    if ((!full && !n) || !jobs)
        return fprintf(stderr, "fp: a number is wrong\n"), 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned i = 0; i < jobs; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return perror("fork"), 2;
        if (pid == 0)
            _exit(run_rows(i, jobs, argv[3], seed, n, full));
    }
    while (wait(&status) > 0)
        failed |= !WIFEXITED(status) || WEXITSTATUS(status);
    return failed;
}
