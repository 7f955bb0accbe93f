/* Random instruction test: every line of isa/ that EL0 can execute, with random words and states,
 * on an engine and on another implementation of the architecture; see random.h.
 *
 *     random [-e ENGINE] [-n COUNT] [-s SEED] [-i NAME] -- COMMAND...
 *
 * COMMAND runs the AArch64 half, e.g. `qemu-aarch64-static ./guest`. COUNT trials per line; a NAME
 * that ends with * is a prefix. Each line has its own sequence of random numbers, made from SEED
 * and the name, so one line can be repeated alone. Prints "ok NAME" or "not ok NAME" for each line,
 * the first differences in full; exit status 1 if there is any, 2 if the test could not run.
 */
#include "generate.h"
#include "known.h"

#include "a64/disasm.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_REPORTS = 3, UNDEFINED_FACTOR = 20 };

struct expected {
    enum a64_op op;
    unsigned index;
    uint64_t esr;
    struct random_result result;
};

struct batch {
    uint64_t count;
    struct random_trial trials[RANDOM_BATCH];
    struct expected expected[RANDOM_BATCH];
};

struct test {
    struct machine machine;
    const char *only;
    unsigned count;
    uint64_t seed;
    FILE *to, *from; /* the AArch64 half */
    pid_t child;

    enum a64_op op; /* generation: which line, how many were made, its random numbers */
    unsigned made;
    uint64_t state;

    unsigned trials[A64_OP_COUNT], wrong[A64_OP_COUNT], known[A64_OP_COUNT];
};

/* ---- The AArch64 half ---- */

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

static void lost_guest(struct test *t, const struct batch *b, unsigned done)
{
    int status = 0;
    waitpid(t->child, &status, 0);
    fprintf(stderr, "random: the AArch64 half ended (status 0x%x) at or after %s #%u, seed %" PRIu64
            "\n", status, a64_op_info[b->expected[done].op].name, b->expected[done].index, t->seed);
    exit(2);
}

static void send_batch(struct test *t, const struct batch *b)
{
    if (fwrite(&b->count, sizeof(b->count), 1, t->to) != 1 ||
        fwrite(b->trials, sizeof(b->trials[0]), b->count, t->to) != b->count || fflush(t->to))
        lost_guest(t, b, 0);
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

static uint64_t seed_for(const struct test *t, enum a64_op op)
{
    uint64_t h = t->seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0xcbf29ce484222325);
    for (const char *c = a64_op_info[op].name; *c; c++)
        h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    return h | 1;
}

static unsigned trials_of(const struct test *t, enum a64_op op)
{
    return op == A64_UNDEFINED ? UNDEFINED_FACTOR * t->count : t->count;
}

/* Fills a batch with the next trials; an empty one at the end. */
static void make_batch(struct test *t, struct batch *b)
{
    b->count = 0;
    while (b->count < RANDOM_BATCH && t->op < A64_OP_COUNT) {
        struct expected *e = &b->expected[b->count];
        if (t->made == 0)
            t->state = seed_for(t, t->op);
        if (!is_selected(t, t->op) || t->made == trials_of(t, t->op) ||
            !generate_trial(&t->machine, t->op, &t->state, &b->trials[b->count], &e->result,
                            &e->esr)) {
            t->op++;
            t->made = 0;
            continue;
        }
        e->op = t->op;
        e->index = t->made++;
        b->count++;
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
    printf("# %s #%u of seed %" PRIu64 ":\n", a64_op_info[e->op].name, e->index, test->seed);
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

static void receive_batch(struct test *t, const struct batch *b)
{
    struct random_result r;
    for (unsigned i = 0; i < b->count; i++) {
        if (fread(&r, sizeof(r), 1, t->from) != 1)
            lost_guest(t, b, i);
        compare_one(t, &b->expected[i], &b->trials[i], &r);
    }
}

/* ---- Summary ---- */

static int summary(const struct test *t)
{
    unsigned lines = 0, trials = 0, bad = 0, known = 0, none = 0;
    for (unsigned op = 0; op < A64_OP_COUNT; op++) {
        const char *name = a64_op_info[op].name;
        if (!is_selected(t, (enum a64_op)op))
            continue;
        if (!t->trials[op]) {
            printf("# %s: not comparable in user mode, see known.c\n", name);
            none++;
        } else if (t->wrong[op]) {
            printf("not ok %s: %u of %u differ (SEED=%" PRIu64 " I=%s N=%u)\n", name, t->wrong[op],
                   t->trials[op], t->seed, name, t->count);
            bad++;
        } else {
            printf("ok %s\n", name);
        }
        lines++;
        trials += t->trials[op];
        known += t->known[op];
    }
    printf("# random: seed %" PRIu64 ", %u lines of isa/, %u not comparable, %u trials, %u known "
           "differences, %u lines differ\n", t->seed, lines, none, trials, known, bad);
    return bad || !trials;
}

static int usage(void)
{
    fprintf(stderr, "usage: random [-e ENGINE] [-n COUNT] [-s SEED] [-i NAME] -- COMMAND...\n");
    return 2;
}

int main(int argc, char **argv)
{
    static struct test t = {.count = 100, .seed = 1};
    static struct batch batches[2];
    const char *engine = "interp";
    for (int c; (c = getopt(argc, argv, "e:n:s:i:")) != -1;) {
        switch (c) {
        case 'e': engine = optarg; break;
        case 'n': t.count = (unsigned)strtoul(optarg, NULL, 0); break;
        case 's': t.seed = strtoull(optarg, NULL, 0); break;
        case 'i': t.only = *optarg ? optarg : NULL; break;
        default: return usage();
        }
    }
    if (optind == argc || !t.count)
        return usage();
    signal(SIGPIPE, SIG_IGN);
    if (!machine_create(&t.machine, engine))
        return 2;
    if (!start_guest(&t, argv + optind)) {
        perror("random: cannot start the AArch64 half");
        return 2;
    }
    /* One batch is made and run here while the other is run there. */
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
    return summary(&t);
}
