/* Random instruction test: every line of isa/ that EL0 can execute, with random words and states,
 * on an engine and on another implementation of the architecture; see random.h.
 *
 *     random [-e ENGINE] [-n WORDS] [-k STATES] [-s SEED] [-i NAME] [-t TRIAL] -- COMMAND...
 *
 * COMMAND runs the AArch64 half, e.g. `qemu-aarch64-static ./guest`. WORDS words for each line,
 * each with STATES states, so that the other side translates once for several trials; a NAME that
 * ends with * is a prefix. Each word has its own sequence of random numbers, made from SEED, the
 * line's name and the word's number: a line can be repeated alone, and so can one TRIAL (its
 * number is WORD * STATES + state). Prints "ok NAME,ENGINE" or "not ok NAME,ENGINE" for each line,
 * the first differences in full; exit status 1 if there is any, 2 if the test could not run.
 */
#include "generate.h"
#include "known.h"
#include "oracle.h"

#include "a64/disasm.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REPORTS = 3, UNDEFINED_FACTOR = 20 };

struct expected {
    enum a64_op op;
    uint64_t index;
    uint64_t esr;
    struct random_result result;
};

struct test {
    struct machine machine;
    struct oracle oracle;
    const char *engine, *only;
    uint64_t words, states, seed;
    int64_t only_trial; /* -1: all */
    struct expected expected[RANDOM_BATCHES][RANDOM_BATCH];

    enum a64_op op; /* generation: which line, which word, how many states it has had */
    uint64_t word, made;
    uint64_t random;
    const struct random_trial *last;

    uint64_t trials[A64_OP_COUNT], wrong[A64_OP_COUNT], known[A64_OP_COUNT];
    uint64_t total_words;
};

static void lost_guest(struct test *t, unsigned b)
{
    const struct random_batch *batch = &t->oracle.batch[b];
    const struct expected *e = &t->expected[b][batch->done < batch->count ? batch->done : 0];
    fprintf(stderr, "random: the AArch64 half ended (status 0x%x) in %s #%" PRIu64 ", seed %" PRIu64
            "\n", oracle_stop(&t->oracle), a64_op_info[e->op].name, e->index, t->seed);
    exit(2);
}

/* ---- Generation ---- */

static bool is_selected(const struct test *t, enum a64_op op)
{
    const char *name = a64_op_info[op].name;
    size_t n = t->only ? strlen(t->only) : 0;
    if (!t->only)
        return true;
    return t->only[n - 1] == '*' ? strncmp(name, t->only, n - 1) == 0 : strcmp(name, t->only) == 0;
}

static uint64_t seed_for(const struct test *t, enum a64_op op, uint64_t word)
{
    uint64_t h = t->seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0xcbf29ce484222325);
    for (const char *c = a64_op_info[op].name; *c; c++)
        h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    h += (word + 1) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return (h ^ h >> 31) | 1;
}

/* UNDEFINED words are many, and states make no difference to them. */
static uint64_t words_of(const struct test *t, enum a64_op op)
{
    return op == A64_UNDEFINED ? UNDEFINED_FACTOR * t->words : t->words;
}

static uint64_t states_of(const struct test *t, enum a64_op op)
{
    return op == A64_UNDEFINED ? 1 : t->states;
}

static void next_line(struct test *t)
{
    t->op++;
    t->word = t->made = 0;
    if (t->only_trial >= 0 && t->op < A64_OP_COUNT)
        t->word = (uint64_t)t->only_trial / states_of(t, t->op);
}

static bool at_end_of_line(const struct test *t)
{
    if (t->only_trial >= 0)
        return t->word != (uint64_t)t->only_trial / states_of(t, t->op);
    return t->word == words_of(t, t->op);
}

/* The next trial of the line; false: none can be made. */
static bool make_trial(struct test *t, struct random_trial *trial, struct expected *e)
{
    if (t->made == states_of(t, t->op)) {
        t->made = 0;
        t->word++;
    }
    if (t->made > 0) {
        e->index = t->word * states_of(t, t->op) + t->made;
        if (generate_again(&t->machine, t->op, &t->random, t->last, trial, &e->result, &e->esr))
            return true;
        t->made = 0;
        t->word++;
    }
    if (at_end_of_line(t))
        return false;
    e->index = t->word * states_of(t, t->op);
    t->random = seed_for(t, t->op, t->word);
    t->total_words++;
    return generate_trial(&t->machine, t->op, &t->random, trial, &e->result, &e->esr);
}

/* Fills a batch with the next trials; an empty one at the end. */
static void make_batch(struct test *t, unsigned b)
{
    struct random_batch *batch = &t->oracle.batch[b];
    batch->count = 0;
    while (batch->count < RANDOM_BATCH && t->op < A64_OP_COUNT) {
        struct random_trial *trial = &batch->trial[batch->count];
        struct expected *e = &t->expected[b][batch->count];
        if (!is_selected(t, t->op) || !make_trial(t, trial, e)) {
            next_line(t);
            continue;
        }
        e->op = t->op;
        t->made++;
        t->last = trial;
        batch->count++;
    }
}

/* ---- Comparison ---- */

/* What a result that is an exception leaves open: after a data abort the registers that were to be
 * loaded and the memory that was to be stored are UNKNOWN, and the address is compared by page, as
 * far as the host's page fault tells QEMU. */
static void normalise(const struct random_trial *t, struct random_result *r)
{
    bool inside = r->state.pc - RANDOM_SLOT < 4u * t->count;
    if (!inside) { /* completed; then a trap, or no instruction there */
        r->signal = 0;
        r->address = 0;
    }
    if (r->signal == SIGSEGV)
        r->address = bits(r->address, 55, 12) << 12;
    else
        r->address = 0;
}

static bool is_equal(const struct random_result *a, const struct random_result *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void print_difference(const char *what, unsigned n, uint64_t in, uint64_t mine,
                             uint64_t theirs)
{
    if (mine != theirs)
        printf("#     %s%-2u %016" PRIx64 ": expected %016" PRIx64 ", got %016" PRIx64 "\n", what,
               n, in, theirs, mine);
}

static void print_operands(const struct random_trial *t, enum a64_op op)
{
    const struct a64_op_info *info = &a64_op_info[op];
    for (unsigned i = 0; i < info->field_count; i++) {
        const struct a64_op_field *f = &info->fields[i];
        if (f->name[0] != 'r' || f->width != 5)
            continue;
        unsigned n = (unsigned)bits(t->word[t->count - 1], f->lo + 4u, f->lo);
        printf("#     %s: x%u %016" PRIx64 "  v%u %016" PRIx64 "%016" PRIx64 "\n", f->name, n,
               n < 31 ? t->state.x[n] : t->state.sp, n, t->state.v[n][1], t->state.v[n][0]);
    }
}

static void report(const struct test *test, const struct expected *e, const struct random_trial *t,
                   const struct random_result *mine, const struct random_result *theirs)
{
    const struct random_state *i = &t->state, *a = &mine->state, *b = &theirs->state;
    printf("# %s #%" PRIu64 " (E=%s SEED=%" PRIu64 " K=%" PRIu64 " I=%s T=%" PRIu64 "):\n",
           a64_op_info[e->op].name, e->index, test->engine, test->seed, test->states,
           a64_op_info[e->op].name, e->index);
    for (unsigned k = 0; k < t->count; k++) {
        char text[256];
        a64_disasm(t->word[k], RANDOM_SLOT + 4 * k, text, sizeof(text));
        printf("#     %08x  %s\n", t->word[k], text);
    }
    printf("#     nzcv %" PRIx64 " fpcr %08" PRIx64 " fpsr %08" PRIx64 " sp %016" PRIx64 "\n",
           i->nzcv >> 28, i->fpcr, i->fpsr, i->sp);
    print_operands(t, e->op);
    if (mine->signal != theirs->signal || mine->address != theirs->address)
        printf("#     expected signal %" PRIu64 " address %" PRIx64 ", got %" PRIu64 " %" PRIx64
               " (ESR %08" PRIx64 ")\n", theirs->signal, theirs->address, mine->signal,
               mine->address, e->esr);
    for (unsigned n = 0; n < 31; n++)
        print_difference("x", n, i->x[n], a->x[n], b->x[n]);
    for (unsigned n = 0; n < 32; n++)
        for (unsigned half = 0; half < 2; half++)
            print_difference(half ? "v.d[1] " : "v.d[0] ", n, i->v[n][half], a->v[n][half],
                             b->v[n][half]);
    print_difference("sp", 0, i->sp, a->sp, b->sp);
    print_difference("pc", 0, RANDOM_SLOT, a->pc, b->pc);
    print_difference("nzcv", 0, i->nzcv, a->nzcv, b->nzcv);
    print_difference("fpcr", 0, i->fpcr, a->fpcr, b->fpcr);
    print_difference("fpsr", 0, i->fpsr, a->fpsr, b->fpsr);
    for (unsigned z = 0; z < RANDOM_ZONES; z++)
        for (unsigned k = 0; k < RANDOM_ZONE; k++)
            if (a->memory[z][k] != b->memory[z][k])
                printf("#     byte %" PRIx64 " %02x: expected %02x, got %02x\n",
                       random_zone_address(z) + k, i->memory[z][k], b->memory[z][k],
                       a->memory[z][k]);
}

static void compare_one(struct test *test, const struct expected *e, const struct random_trial *t,
                        struct random_result *theirs)
{
    struct random_result mine = e->result;
    if (test->only_trial >= 0 && e->index != (uint64_t)test->only_trial)
        return;
    test->trials[e->op]++;
    normalise(t, &mine);
    normalise(t, theirs);
    if (is_equal(&mine, theirs))
        return;
    if (known_difference(e->op, t, &mine, theirs)) {
        test->known[e->op]++;
        return;
    }
    if (test->wrong[e->op]++ < MAX_REPORTS)
        report(test, e, t, &mine, theirs);
}

static void compare_batch(struct test *t, unsigned b)
{
    struct random_batch *batch = &t->oracle.batch[b];
    for (unsigned i = 0; i < batch->count; i++)
        compare_one(t, &t->expected[b][i], &batch->trial[i], &batch->result[i]);
}

/* One batch is made and run here while the other is run there. */
static void run_batches(struct test *t)
{
    unsigned now = 0;
    make_batch(t, now);
    while (t->oracle.batch[now].count) {
        if (!oracle_send(&t->oracle, now))
            lost_guest(t, now);
        make_batch(t, !now);
        if (!oracle_receive(&t->oracle, now))
            lost_guest(t, now);
        compare_batch(t, now);
        now = !now;
    }
}

/* ---- Summary ---- */

static int summary(const struct test *t, double seconds)
{
    uint64_t lines = 0, trials = 0, bad = 0, known = 0, none = 0;
    for (unsigned op = 0; op < A64_OP_COUNT; op++) {
        const char *name = a64_op_info[op].name;
        if (!is_selected(t, (enum a64_op)op))
            continue;
        if (!t->trials[op]) {
            printf("# %s: not comparable in user mode, see known.c\n", name);
            none++;
        } else if (t->wrong[op]) {
            printf("not ok %s,%s: %" PRIu64 " of %" PRIu64 " differ (E=%s SEED=%" PRIu64 " I=%s N=%"
                   PRIu64 " K=%" PRIu64 ")\n", name, t->engine, t->wrong[op], t->trials[op],
                   t->engine, t->seed, name, t->words, t->states);
            bad++;
        } else {
            printf("ok %s,%s\n", name, t->engine);
        }
        lines++;
        trials += t->trials[op];
        known += t->known[op];
    }
    printf("# random: %s: seed %" PRIu64 ", %" PRIu64 " lines of isa/, %" PRIu64
           " not comparable, %" PRIu64 " words, %" PRIu64 " trials (%.0f/s), %" PRIu64
           " known differences, %" PRIu64 " lines differ\n",
           t->engine, t->seed, lines, none, t->total_words, trials,
           (double)trials / seconds, known, bad);
    return bad || !trials;
}

static double now_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int usage(void)
{
    fprintf(stderr, "usage: random [-e ENGINE] [-n WORDS] [-k STATES] [-s SEED] [-i NAME] "
            "[-t TRIAL] -- COMMAND...\n");
    return 2;
}

int main(int argc, char **argv)
{
    static struct test t = {
        .words = 100, .states = 8, .seed = 1, .only_trial = -1, .engine = "interp"};
    for (int c; (c = getopt(argc, argv, "e:n:k:s:i:t:")) != -1;) {
        switch (c) {
        case 'e': t.engine = optarg; break;
        case 'n': t.words = strtoull(optarg, NULL, 0); break;
        case 'k': t.states = strtoull(optarg, NULL, 0); break;
        case 's': t.seed = strtoull(optarg, NULL, 0); break;
        case 'i': t.only = *optarg ? optarg : NULL; break;
        case 't': t.only_trial = *optarg ? (int64_t)strtoull(optarg, NULL, 0) : -1; break;
        default: return usage();
        }
    }
    if (optind == argc || !t.words || !t.states)
        return usage();
    if (!machine_create(&t.machine, t.engine, 0) || !oracle_start(&t.oracle, argv + optind))
        return 2;
    double start = now_seconds();
    if (t.only_trial >= 0)
        t.word = (uint64_t)t.only_trial / states_of(&t, t.op);
    run_batches(&t);
    oracle_stop(&t.oracle);
    machine_destroy(&t.machine);
    return summary(&t, now_seconds() - start);
}
