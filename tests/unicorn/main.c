/* Random instructions at EL1, on an engine with the MMU on and on Unicorn in this process: the
 * words and states of tests/isa/random with EL1's system registers, every register, flag and byte
 * compared, exceptions by class (emulator.h).
 *
 *     unicorn [-e ENGINE] [-n WORDS] [-k STATES] [-s SEED] [-i NAME] [-t TRIAL]
 *
 * The arguments are those of tests/isa/random. */
#include "emulator.h"
#include "generate.h"
#include "uni_known.h"

#include "a64/disasm.h"
#include "a64/exception.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REPORTS = 3, UNDEFINED_FACTOR = 20 };

struct expected {
    enum a64_op op;
    uint64_t index, esr;
    struct uni_result result;
};

struct test {
    struct machine machine;
    struct emulator emulator;
    const char *engine, *only;
    uint64_t words, states, seed;
    int64_t only_trial; /* -1: all */

    enum a64_op op;
    uint64_t word, made, random;
    struct random_trial trial[2]; /* the last and the next */
    unsigned now;

    uint64_t trials[A64_OP_COUNT], wrong[A64_OP_COUNT], known[A64_OP_COUNT];
};

/* ---- Generation, as in tests/isa/random/main.c ---- */

static bool is_selected(const struct test *t, enum a64_op op)
{
    const char *name = a64_op_info[op].name;
    size_t n = t->only ? strlen(t->only) : 0;
    if (!t->only)
        return true;
    return t->only[n - 1] == '*' ? strncmp(name, t->only, n - 1) == 0 : strcmp(name, t->only) == 0;
}

static uint64_t seed_for(const struct test *t)
{
    uint64_t h = t->seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x6a09e667f3bcc909);
    for (const char *c = a64_op_info[t->op].name; *c; c++)
        h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    h += (t->word + 1) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return (h ^ h >> 31) | 1;
}

static uint64_t states_of(const struct test *t)
{
    return t->op == A64_UNDEFINED ? 1 : t->states;
}

static bool at_end_of_line(const struct test *t)
{
    if (t->only_trial >= 0)
        return t->word != (uint64_t)t->only_trial / states_of(t);
    return t->word == (t->op == A64_UNDEFINED ? UNDEFINED_FACTOR * t->words : t->words);
}

/* The next trial of the line, and the engine's result; false: none can be made. */
static bool make_one(struct test *t, struct expected *e)
{
    const struct random_trial *last = &t->trial[t->now];
    struct random_trial *trial = &t->trial[!t->now];
    struct random_result *r = &e->result.r;
    if (t->made == states_of(t)) {
        t->made = 0;
        t->word++;
    }
    if (t->made > 0) {
        e->index = t->word * states_of(t) + t->made;
        if (generate_again(&t->machine, t->op, &t->random, last, trial, r, &e->esr))
            return true;
        t->made = 0;
        t->word++;
    }
    if (at_end_of_line(t))
        return false;
    e->index = t->word * states_of(t);
    t->random = seed_for(t);
    return generate_trial(&t->machine, t->op, &t->random, trial, r, &e->esr);
}

static uint64_t class_of(uint64_t esr)
{
    switch (bits(esr, 31, 26)) {
    case EC_SVC64:
        return EMULATOR_SVC;
    case EC_IABT_LOWER:
    case EC_IABT_LOWER + 1:
        return EMULATOR_FETCH;
    case EC_DABT_LOWER:
    case EC_DABT_LOWER + 1:
        return EMULATOR_DATA;
    case EC_BRK64:
        return EMULATOR_BRK;
    default:
        return EMULATOR_UNDEFINED; /* traps of system registers too */
    }
}

/* The rest of the engine's result, from the vCPU as the trial left it. */
static void complete(struct test *t, struct expected *e)
{
    const struct a64_cpu *cpu = &t->machine.vm.vcpus[0]->cpu;
    struct uni_result *u = &e->result;
    if (e->esr)
        u->r.signal = class_of(e->esr);
    u->pstate = a64_pstate_read(cpu) & UNI_PSTATE;
    u->sp_el0 = cpu->sp[0];
    u->elr = cpu->sys[A64_ELR_EL1];
    u->spsr = cpu->sys[A64_SPSR_EL1];
    u->tpidr = cpu->sys[A64_TPIDR_EL0];
    u->tpidrro = cpu->sys[A64_TPIDRRO_EL0];
    e->op = t->op;
}

/* ---- Comparison ---- */

/* An exception: no ESR, FAR, SPSR or vector there. One after the words is told by PC. */
static void normalise(const struct random_trial *t, struct uni_result *u)
{
    bool inside = u->r.state.pc - RANDOM_SLOT < 4u * t->count;
    if (u->r.state.pc != RANDOM_SLOT + 4 * t->count || u->r.signal)
        u->pstate = u->sp_el0 = u->elr = u->spsr = u->tpidr = u->tpidrro = 0;
    u->pstate &= UNI_PSTATE;
    if (!inside && u->r.signal != EMULATOR_SVC)
        u->r.signal = 0;
    u->r.address = 0;
}

static void difference(const char *what, int n, uint64_t in, uint64_t mine, uint64_t theirs)
{
    if (mine != theirs)
        printf("#     %s%.0d %016" PRIx64 ": expected %016" PRIx64 ", got %016" PRIx64 "\n", what,
               n, in, theirs, mine);
}

static void report(const struct test *test, const struct expected *e, const struct random_trial *t,
                   const struct uni_result *mine, const struct uni_result *theirs)
{
    const struct random_state *i = &t->state, *a = &mine->r.state, *b = &theirs->r.state;
    const char *name = a64_op_info[e->op].name;
    printf("# %s #%" PRIu64 " (E=%s SEED=%" PRIu64 " K=%" PRIu64 " I=%s T=%" PRIu64 "):\n", name,
           e->index, test->engine, test->seed, test->states, name, e->index);
    for (unsigned k = 0; k < t->count; k++) {
        char text[256];
        a64_disasm(t->word[k], RANDOM_SLOT + 4 * k, text, sizeof(text));
        printf("#     %08x  %s\n", t->word[k], text);
    }
    printf("#     nzcv %" PRIx64 " fpcr %08" PRIx64 " fpsr %08" PRIx64 " ESR %08" PRIx64 "\n",
           i->nzcv >> 28, i->fpcr, i->fpsr, e->esr);
    difference("exception", 0, 0, mine->r.signal, theirs->r.signal);
    for (int n = 0; n < 31; n++)
        difference("x", n, i->x[n], a->x[n], b->x[n]);
    for (int n = 0; n < 64; n++)
        difference(n % 2 ? "v.d[1] " : "v.d[0] ", n / 2, i->v[n / 2][n % 2], a->v[n / 2][n % 2],
                   b->v[n / 2][n % 2]);
    difference("sp", 0, i->sp, a->sp, b->sp);
    difference("pc", 0, RANDOM_SLOT, a->pc, b->pc);
    difference("nzcv", 0, i->nzcv, a->nzcv, b->nzcv);
    difference("fpcr", 0, i->fpcr, a->fpcr, b->fpcr);
    difference("fpsr", 0, i->fpsr, a->fpsr, b->fpsr);
    if (mine->r.signal != theirs->r.signal)
        return; /* the rest tells nothing */
    difference("pstate", 0, 0, mine->pstate, theirs->pstate);
    difference("sp_el0", 0, RANDOM_OTHER_SP, mine->sp_el0, theirs->sp_el0);
    difference("elr_el1", 0, RANDOM_ELR, mine->elr, theirs->elr);
    difference("spsr_el1", 0, RANDOM_SPSR, mine->spsr, theirs->spsr);
    difference("tpidr_el0", 0, RANDOM_TPIDR, mine->tpidr, theirs->tpidr);
    difference("tpidrro_el0", 0, RANDOM_TPIDRRO, mine->tpidrro, theirs->tpidrro);
    for (int n = 0; n < RANDOM_ZONES * RANDOM_ZONE; n++)
        difference("byte ", n, i->memory[n / RANDOM_ZONE][n % RANDOM_ZONE],
                   a->memory[n / RANDOM_ZONE][n % RANDOM_ZONE],
                   b->memory[n / RANDOM_ZONE][n % RANDOM_ZONE]);
}

static void compare_one(struct test *test, const struct expected *e, const struct random_trial *t,
                        struct uni_result *theirs)
{
    struct uni_result mine = e->result;
    if (test->only_trial >= 0 && e->index != (uint64_t)test->only_trial)
        return;
    test->trials[e->op]++;
    normalise(t, &mine);
    normalise(t, theirs);
    if (memcmp(&mine, theirs, sizeof(mine)) == 0)
        return;
    if (uni_known(e->op, t, &mine, theirs, e->esr))
        test->known[e->op]++;
    else if (test->wrong[e->op]++ < MAX_REPORTS)
        report(test, e, t, &mine, theirs);
}

static bool is_system(enum a64_op op)
{
    return op == A64_MRS || op == A64_MSR_r || op == A64_MSR_i || op == A64_UNDEFINED;
}

static bool run_line(struct test *t)
{
    struct expected e = {0};
    struct uni_result theirs;
    memset(&theirs, 0, sizeof(theirs));
    t->made = 0;
    t->word = t->only_trial >= 0 ? (uint64_t)t->only_trial / states_of(t) : 0;
    while (make_one(t, &e)) {
        complete(t, &e);
        t->made++;
        t->now = !t->now;
        const struct random_trial *trial = &t->trial[t->now];
        if (!emulator_run(&t->emulator, trial, is_system(t->op), &theirs)) {
            fprintf(stderr, "unicorn: failed in %s #%" PRIu64 ", word %08x, seed %" PRIu64 "\n",
                    a64_op_info[t->op].name, e.index, trial->word[0], t->seed);
            return false;
        }
        compare_one(t, &e, trial, &theirs);
    }
    return true;
}

static double now_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int summary(const struct test *t, double seconds)
{
    uint64_t lines = 0, trials = 0, bad = 0, known = 0, none = 0;
    for (unsigned op = 0; op < A64_OP_COUNT; op++) {
        const char *name = a64_op_info[op].name;
        if (!is_selected(t, (enum a64_op)op))
            continue;
        if (!t->trials[op]) {
            printf("# %s: not comparable, see known.c\n", name);
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
    printf("# unicorn: %s: seed %" PRIu64 ", %" PRIu64 " lines of isa/, %" PRIu64
           " not comparable, %" PRIu64 " trials (%.0f/s, %" PRIu64 " exceptions), %" PRIu64
           " known differences, %" PRIu64 " lines differ\n",
           t->engine, t->seed, lines, none, trials, (double)trials / seconds,
           t->emulator.exceptions, known, bad);
    return bad || !trials;
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
        default: return 2;
        }
    }
    if (optind != argc || !t.words || !t.states)
        return 2;
    if (!machine_create(&t.machine, t.engine, 1) || !emulator_create(&t.emulator))
        return 2;
    double start = now_seconds();
    for (unsigned op = 0; op < A64_OP_COUNT; op++) {
        t.op = (enum a64_op)op;
        if (is_selected(&t, t.op) && !run_line(&t))
            return 2;
    }
    emulator_destroy(&t.emulator);
    machine_destroy(&t.machine);
    return summary(&t, now_seconds() - start);
}
