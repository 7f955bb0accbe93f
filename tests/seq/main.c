/* Random sequences at EL0: straight words, flags, memory, forward branches and loops (make.c), on
 * an engine and by the AArch64 half of tests/isa/random; the state at the end is compared.
 *
 *     seq [-e ENGINE] [-n COUNT] [-s SEED] [-i INDEX] -- COMMAND...
 *
 * Each sequence has its own random numbers, made from SEED and its index: INDEX repeats one. */
#include "make.h"

#include "a64/disasm.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_REPORTS = 3 };

struct batch {
    uint64_t count, index[RANDOM_BATCH];
    struct random_trial trials[RANDOM_BATCH];
    struct random_result mine[RANDOM_BATCH];
};

struct test {
    struct machine machine;
    uint64_t count, seed, next, last;
    FILE *to, *from;
    pid_t child;
    uint64_t trials, words, wrong;
};

static bool start_guest(struct test *t, char **command)
{
    int in[2], out[2];
    if (pipe(in) || pipe(out))
        return false;
    t->child = fork();
    if (t->child < 0)
        return false;
    if (t->child == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    t->to = fdopen(in[1], "w");
    t->from = fdopen(out[0], "r");
    return t->to && t->from;
}

static void lost_guest(const struct test *t, const struct batch *b)
{
    fprintf(stderr, "seq: the AArch64 half ended at or after #%" PRIu64 ", seed %" PRIu64 "\n",
            b->index[0], t->seed);
    exit(2);
}

static void make_batch(struct test *t, struct batch *b)
{
    b->count = 0;
    while (b->count < RANDOM_BATCH && t->next < t->last) {
        uint64_t state = (t->seed << 40 ^ t->next) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        for (unsigned i = 0; i < 8; i++) { /* away from the first numbers of similar seeds */
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }
        while (!make_sequence(&t->machine, &state, &b->trials[b->count], &b->mine[b->count]))
            ;
        b->index[b->count++] = t->next++;
    }
}

static void send_batch(struct test *t, const struct batch *b)
{
    if (fwrite(&b->count, sizeof(b->count), 1, t->to) != 1 ||
        fwrite(b->trials, sizeof(b->trials[0]), b->count, t->to) != b->count || fflush(t->to))
        lost_guest(t, b);
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
    printf("# sequence #%" PRIu64 " (SEED=%" PRIu64 " I=%" PRIu64 "): nzcv %" PRIx64 " fpcr %08"
           PRIx64 "\n", index, test->seed, index, i->nzcv >> 28, i->fpcr);
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

static void receive_batch(struct test *t, const struct batch *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        struct random_result theirs;
        if (fread(&theirs, sizeof(theirs), 1, t->from) != 1)
            lost_guest(t, b);
        if (theirs.state.pc == b->mine[i].state.pc) /* ended by the UDF after the words */
            theirs.signal = theirs.address = 0;
        t->trials++;
        t->words += b->trials[i].count;
        if (memcmp(&theirs, &b->mine[i], sizeof(theirs)) != 0 && t->wrong++ < MAX_REPORTS)
            report(t, b->index[i], &b->trials[i], &b->mine[i], &theirs);
    }
}

int main(int argc, char **argv)
{
    static struct test t = {.count = 1000, .seed = 1};
    static struct batch batches[2];
    const char *engine = "interp", *only = NULL;
    for (int c; (c = getopt(argc, argv, "e:n:s:i:")) != -1;) {
        switch (c) {
        case 'e': engine = optarg; break;
        case 'n': t.count = strtoull(optarg, NULL, 0); break;
        case 's': t.seed = strtoull(optarg, NULL, 0); break;
        case 'i': only = *optarg ? optarg : NULL; break;
        default: return 2;
        }
    }
    if (optind == argc || !t.count)
        return 2;
    t.next = only ? strtoull(only, NULL, 0) : 0;
    t.last = only ? t.next + 1 : t.count;
    signal(SIGPIPE, SIG_IGN);
    if (!machine_create(&t.machine, engine))
        return 2;
    if (!start_guest(&t, argv + optind)) {
        perror("seq: cannot start the AArch64 half");
        return 2;
    }
    unsigned now = 0;
    make_batch(&t, &batches[now]);
    while (batches[now].count) {
        send_batch(&t, &batches[now]);
        make_batch(&t, &batches[!now]);
        receive_batch(&t, &batches[now]);
        now = !now;
    }
    fclose(t.to);
    fclose(t.from);
    waitpid(t.child, NULL, 0);
    machine_destroy(&t.machine);
    if (t.wrong)
        printf("not ok sequences: %" PRIu64 " of %" PRIu64 " differ (SEED=%" PRIu64 " N=%" PRIu64
               ")\n", t.wrong, t.trials, t.seed, t.count);
    else
        printf("ok sequences\n");
    printf("# seq: seed %" PRIu64 ", %" PRIu64 " sequences, %" PRIu64 " words, %" PRIu64
           " differ\n", t.seed, t.trials, t.words, t.wrong);
    return t.wrong || !t.trials;
}
