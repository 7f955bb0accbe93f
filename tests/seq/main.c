/* Random sequences at EL0: straight words, flags, memory, forward branches and loops (make.c), on
 * an engine and by the AArch64 half of tests/isa/random; the state at the end is compared.
 *
 *     seq [-e ENGINE] [-n COUNT] [-k STATES] [-s SEED] [-i INDEX] -- COMMAND...
 *
 * COUNT sequences, each with up to STATES states: both sides translate the words once for all of
 * them. Each sequence has its own random numbers, from SEED and its index: INDEX repeats one. */
#include "make.h"
#include "oracle.h"

#include "a64/disasm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_REPORTS = 3 };

struct test {
    struct machine machine;
    struct oracle oracle;
    uint64_t index[RANDOM_BATCHES][RANDOM_BATCH];
    struct random_result mine[RANDOM_BATCHES][RANDOM_BATCH];
    const char *engine;
    uint64_t count, states, seed;
    uint64_t next, last, made, random; /* generation: sequence, states that it has had */
    const struct random_trial *before;
    uint64_t trials, sequences, words, wrong;
};

static void lost_guest(struct test *t, unsigned b)
{
    const struct random_batch *batch = &t->oracle.batch[b];
    fprintf(stderr, "seq: the AArch64 half ended in #%" PRIu64 ", seed %" PRIu64 "\n",
            t->index[b][batch->done < batch->count ? batch->done : 0], t->seed);
    exit(2);
}

/* The next trial: another state for the last sequence, or a new one. False at the end. */
static bool make_trial(struct test *t, struct random_trial *trial, struct random_result *r)
{
    if (t->made && t->made < t->states &&
        make_variant(&t->machine, &t->random, t->before, trial, r))
        return true;
    if (t->made)
        t->next++;
    t->made = 0;
    if (t->next >= t->last)
        return false;
    t->random = (t->seed << 40 ^ t->next) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (unsigned i = 0; i < 8; i++) { /* away from the first numbers of similar seeds */
        t->random ^= t->random << 13;
        t->random ^= t->random >> 7;
        t->random ^= t->random << 17;
    }
    while (!make_sequence(&t->machine, &t->random, trial, r))
        ;
    t->sequences++;
    return true;
}

static void make_batch(struct test *t, unsigned b)
{
    struct random_batch *batch = &t->oracle.batch[b];
    batch->count = 0;
    while (batch->count < RANDOM_BATCH) {
        struct random_trial *trial = &batch->trial[batch->count];
        if (!make_trial(t, trial, &t->mine[b][batch->count]))
            break;
        t->before = trial;
        t->made++;
        t->index[b][batch->count++] = t->next;
    }
}

static void difference(const char *what, unsigned n, uint64_t in, uint64_t mine, uint64_t theirs)
{
    if (mine != theirs)
        printf("#     %s%u %016" PRIx64 ": expected %016" PRIx64 ", got %016" PRIx64 "\n", what, n,
               in, theirs, mine);
}

static void report(const struct test *test, uint64_t index, const struct random_trial *t,
                   const struct random_result *mine, const struct random_result *theirs)
{
    const struct random_state *i = &t->state, *a = &mine->state, *b = &theirs->state;
    printf("# sequence #%" PRIu64 " (E=%s SEED=%" PRIu64 " I=%" PRIu64 "): nzcv %" PRIx64
           " fpcr %08" PRIx64 "\n", index, test->engine, test->seed, index, i->nzcv >> 28, i->fpcr);
    for (unsigned k = 0; k < t->count; k++) {
        char text[256];
        a64_disasm(t->word[k], RANDOM_SLOT + 4 * k, text, sizeof(text));
        printf("#     %08x  %s\n", t->word[k], text);
    }
    difference("signal", 0, 0, mine->signal, theirs->signal);
    difference("pc", 0, RANDOM_SLOT, a->pc, b->pc);
    difference("sp", 0, i->sp, a->sp, b->sp);
    difference("nzcv", 0, i->nzcv, a->nzcv, b->nzcv);
    difference("fpcr", 0, i->fpcr, a->fpcr, b->fpcr);
    difference("fpsr", 0, i->fpsr, a->fpsr, b->fpsr);
    for (unsigned n = 0; n < 31; n++)
        difference("x", n, i->x[n], a->x[n], b->x[n]);
    for (unsigned n = 0; n < 64; n++)
        difference("v half ", n, i->v[n / 2][n % 2], a->v[n / 2][n % 2], b->v[n / 2][n % 2]);
    for (unsigned z = 0; z < RANDOM_ZONES; z++)
        for (unsigned k = 0; k < RANDOM_ZONE; k++)
            difference("byte of the zones ", z * RANDOM_ZONE + k, i->memory[z][k], a->memory[z][k],
                       b->memory[z][k]);
}

static void compare_batch(struct test *t, unsigned b)
{
    struct random_batch *batch = &t->oracle.batch[b];
    for (unsigned i = 0; i < batch->count; i++) {
        const struct random_result *mine = &t->mine[b][i], *theirs = &batch->result[i];
        t->trials++;
        t->words += batch->trial[i].count;
        if (memcmp(theirs, mine, sizeof(*mine)) != 0 && t->wrong++ < MAX_REPORTS)
            report(t, t->index[b][i], &batch->trial[i], mine, theirs);
    }
}

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

int main(int argc, char **argv)
{
    static struct test t = {.count = 1000, .states = 8, .seed = 1, .engine = "interp"};
    const char *only = NULL;
    for (int c; (c = getopt(argc, argv, "e:n:k:s:i:")) != -1;) {
        switch (c) {
        case 'e': t.engine = optarg; break;
        case 'n': t.count = strtoull(optarg, NULL, 0); break;
        case 'k': t.states = strtoull(optarg, NULL, 0); break;
        case 's': t.seed = strtoull(optarg, NULL, 0); break;
        case 'i': only = *optarg ? optarg : NULL; break;
        default: return 2;
        }
    }
    if (optind == argc || !t.count || !t.states)
        return 2;
    t.next = only ? strtoull(only, NULL, 0) : 0;
    t.last = only ? t.next + 1 : t.count;
    if (!machine_create(&t.machine, t.engine, 0) || !oracle_start(&t.oracle, argv + optind))
        return 2;
    run_batches(&t);
    oracle_stop(&t.oracle);
    machine_destroy(&t.machine);
    if (t.wrong)
        printf("not ok sequences,%s: %" PRIu64 " of %" PRIu64 " differ (E=%s SEED=%" PRIu64 " N=%"
               PRIu64 " K=%" PRIu64 ")\n", t.engine, t.wrong, t.trials, t.engine, t.seed, t.count,
               t.states);
    else
        printf("ok sequences,%s\n", t.engine);
    printf("# seq: %s: seed %" PRIu64 ", %" PRIu64 " sequences, %" PRIu64 " trials, %" PRIu64
           " words, %" PRIu64 " differ\n",
           t.engine, t.seed, t.sequences, t.trials, t.words, t.wrong);
    return t.wrong || !t.trials;
}
