/* EL1 against another implementation: random trials of trial.h on an engine and on QEMU's system
 * emulation, where runner.c runs them at EL2; every register, the descriptors and memory compared.
 *
 *     el1 [-e ENGINE] [-n COUNT] [-s SEED] [-i KIND] -- COMMAND...
 *
 * COMMAND runs the machine; @RAM@ in its arguments is replaced by the file that is to be its RAM.
 * COUNT trials of each kind (generate.h). Trials are batches, one run of COMMAND each. Exit status
 * 1: a difference that known.c does not explain; 2: could not run. */
#include "generate.h"
#include "known.h"
#include "machine.h"

#include "a64/disasm.h"
#include "base/bits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_REPORTS = 3, MAX_REASONS = 64 };
#define RAM_FILE_BYTES UINT64_C(0x8000000)
_Static_assert(sizeof(struct el1_batch) < RAM_FILE_BYTES - (EL1_BATCH - EL1_RAM), "RAM of a batch");

struct test {
    struct machine machine;
    struct el1_batch *batch;
    struct el1_result *mine;
    uint64_t count, seed;
    const char *engine, *only;
    char **command;
    char ram[4096];
    uint64_t trials[EL1_KINDS], wrong[EL1_KINDS], known[EL1_KINDS];
    struct {
        const char *reason;
        uint64_t count;
    } reasons[MAX_REASONS];
};

/* ---- The other machine ---- */

static bool map_ram(struct test *t)
{
    const char *dir = getenv("TMPDIR");
    snprintf(t->ram, sizeof(t->ram), "%s/el1.XXXXXX", dir ? dir : "/tmp");
    int fd = mkstemp(t->ram);
    if (fd < 0 || ftruncate(fd, (off_t)RAM_FILE_BYTES))
        return false;
    t->batch = mmap(NULL, sizeof(*t->batch), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                    (off_t)(EL1_BATCH - EL1_RAM));
    close(fd);
    return t->batch != MAP_FAILED;
}

static char *with_ram(const char *arg, const char *ram)
{
    const char *at = strstr(arg, "@RAM@");
    char *out;
    if (!at)
        return strdup(arg);
    if (asprintf(&out, "%.*s%s%s", (int)(at - arg), arg, ram, at + 5) < 0)
        return NULL;
    return out;
}

static void run_theirs(struct test *t)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        for (char **a = t->command; *a; a++)
            *a = with_ram(*a, t->ram);
        execvp(t->command[0], t->command);
        perror(t->command[0]);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status || t->batch->error ||
        t->batch->done != t->batch->count) {
        const struct el1_trial *last = &t->batch->trial[t->batch->done % EL1_TRIALS];
        fprintf(stderr, "el1: the other machine ended with status 0x%x, ESR 0x%" PRIx64 " at 0x%"
                PRIx64 " after %" PRIu64 " of %" PRIu64 " trials; next: kind %s word %08x\n",
                status, t->batch->error, t->batch->where, t->batch->done, t->batch->count,
                el1_kind_name[last->kind], last->word[0]);
        unlink(t->ram);
        exit(2);
    }
}

/* ---- Comparison ---- */

static void difference(const char *what, int n, uint64_t in, uint64_t mine, uint64_t theirs)
{
    if (mine != theirs)
        printf("#     %s%.0d %016" PRIx64 ": expected %016" PRIx64 ", got %016" PRIx64 "\n", what,
               n, in, theirs, mine);
}

static void report(const struct test *test, uint64_t index, const struct el1_trial *t,
                   const struct el1_result *a, const struct el1_result *b)
{
    const struct el1_state *i = &t->state;
    printf("# %s #%" PRIu64 " of seed %" PRIu64 ": pc %" PRIx64 " pstate %" PRIx64 " x0 %" PRIx64
           "\n", el1_kind_name[t->kind], index, test->seed, i->pc, i->pstate, i->x[0]);
    for (unsigned k = 0; k < t->count; k++) {
        char text[256];
        a64_disasm(t->word[k], i->pc + 4 * k, text, sizeof(text));
        printf("#     %08x  %s\n", t->word[k], text);
    }
    printf("#     SCTLR %" PRIx64 " TCR %" PRIx64 " TTBR0 %" PRIx64 " TTBR1 %" PRIx64 "\n",
           i->sys[EL1_SCTLR_EL1], i->sys[EL1_TCR_EL1], i->sys[EL1_TTBR0_EL1],
           i->sys[EL1_TTBR1_EL1]);
    printf("#     here: pc %" PRIx64 " ESR %" PRIx64 " FAR %" PRIx64 "\n", a->state.pc,
           a->state.sys[EL1_ESR_EL1], a->state.sys[EL1_FAR_EL1]);
    if (t->kind == EL1_PSTATE)
        printf("#     SPSR %" PRIx64 " ELR %" PRIx64 "\n", i->sys[EL1_SPSR_EL1],
               i->sys[EL1_ELR_EL1]);
    for (unsigned k = 0; k < EL1_ENTRIES; k++) {
        if (t->entry[k].pa)
            printf("#     level %u: %016" PRIx64 " at %" PRIx64 "\n", k, t->entry[k].value,
                   t->entry[k].pa);
        difference("descriptor ", (int)k, t->entry[k].value, a->entry[k], b->entry[k]);
    }
    for (int n = 0; n < 31; n++)
        difference("x", n, i->x[n], a->state.x[n], b->state.x[n]);
    for (int n = 0; n < 64; n++)
        difference("v half ", n, i->v[n / 2][n % 2], a->state.v[n / 2][n % 2],
                   b->state.v[n / 2][n % 2]);
    difference("sp_el0", 0, i->sp[0], a->state.sp[0], b->state.sp[0]);
    difference("sp_el1", 0, i->sp[1], a->state.sp[1], b->state.sp[1]);
    difference("pc", 0, i->pc, a->state.pc, b->state.pc);
    difference("pstate", 0, i->pstate, a->state.pstate, b->state.pstate);
    difference("fpcr", 0, i->fpcr, a->state.fpcr, b->state.fpcr);
    difference("fpsr", 0, i->fpsr, a->state.fpsr, b->state.fpsr);
    for (unsigned n = 0; n < EL1_REGS; n++)
        difference(machine_reg_name(n), 0, i->sys[n], a->state.sys[n], b->state.sys[n]);
    for (int n = 0; n < EL1_WINDOW; n++)
        difference("data ", n, 0, a->data[n], b->data[n]);
    difference("end ", 0, 0, a->ec, b->ec);
}

static void count_reason(struct test *t, const char *reason)
{
    for (unsigned i = 0; i < MAX_REASONS; i++) {
        if (t->reasons[i].reason && t->reasons[i].reason != reason)
            continue;
        t->reasons[i].reason = reason;
        t->reasons[i].count++;
        return;
    }
}

static void compare(struct test *test, uint64_t index, unsigned i)
{
    const struct el1_trial *t = &test->batch->trial[i];
    const struct el1_result *a = &test->mine[i], *b = &test->batch->result[i];
    const char *reason;
    test->trials[t->kind]++;
    if (memcmp(a, b, sizeof(*a)) == 0)
        return;
    reason = known_difference(t, a, b);
    if (reason) {
        test->known[t->kind]++;
        count_reason(test, reason);
    } else if (test->wrong[t->kind]++ < MAX_REPORTS) {
        report(test, index, t, a, b);
    }
}

static void run_kind(struct test *t, enum el1_kind kind)
{
    uint64_t state = (t->seed * EL1_KINDS + kind) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (uint64_t done = 0; done < t->count;) {
        uint64_t n = t->count - done < EL1_TRIALS ? t->count - done : EL1_TRIALS;
        t->batch->count = n;
        t->batch->done = 0;
        machine_restart(&t->machine);
        for (unsigned i = 0; i < n; i++) {
            do
                generate_trial(kind, &state, &t->batch->trial[i]);
            while (!machine_run(&t->machine, &t->batch->trial[i], &t->mine[i]));
        }
        run_theirs(t);
        for (unsigned i = 0; i < n; i++)
            compare(t, done + i, i);
        done += n;
    }
}

static int summary(const struct test *t)
{
    uint64_t trials = 0, wrong = 0, known = 0;
    for (unsigned k = 0; k < EL1_KINDS; k++) {
        if (!t->trials[k])
            continue;
        if (t->wrong[k])
            printf("not ok %s,%s: %" PRIu64 " of %" PRIu64 " differ (E=%s SEED=%" PRIu64 " I=%s N=%"
                   PRIu64 ")\n", el1_kind_name[k], t->engine, t->wrong[k], t->trials[k], t->engine,
                   t->seed, el1_kind_name[k], t->count);
        else
            printf("ok %s,%s\n", el1_kind_name[k], t->engine);
        trials += t->trials[k];
        wrong += t->wrong[k];
        known += t->known[k];
    }
    for (unsigned i = 0; i < MAX_REASONS && t->reasons[i].reason; i++)
        printf("# known, %" PRIu64 ": %s\n", t->reasons[i].count, t->reasons[i].reason);
    printf("# el1: %s: seed %" PRIu64 ", %" PRIu64 " trials, %" PRIu64
           " known differences, %" PRIu64
           " differ\n", t->engine, t->seed, trials, known, wrong);
    return wrong || !trials;
}

int main(int argc, char **argv)
{
    static struct test t = {.count = 1000, .seed = 1, .engine = "interp"};
    /* Whether a translator was tested at all. */
    static const char *const shown[] = {"jit.blocks", "jit.entered", "jit.single_steps"};
    for (int c; (c = getopt(argc, argv, "e:n:s:i:")) != -1;) {
        switch (c) {
        case 'e': t.engine = optarg; break;
        case 'n': t.count = strtoull(optarg, NULL, 0); break;
        case 's': t.seed = strtoull(optarg, NULL, 0); break;
        case 'i': t.only = *optarg ? optarg : NULL; break;
        default: return 2;
        }
    }
    t.command = argv + optind;
    t.mine = calloc(EL1_TRIALS, sizeof(*t.mine));
    if (optind == argc || !t.count || !t.mine || !machine_create(&t.machine, t.engine))
        return 2;
    if (!map_ram(&t)) {
        perror("el1: cannot map the other machine's RAM");
        return 2;
    }
    for (unsigned k = 0; k < EL1_KINDS; k++)
        if (!t.only || strcmp(t.only, el1_kind_name[k]) == 0)
            run_kind(&t, (enum el1_kind)k);
    unlink(t.ram);
    for (unsigned i = 0; i < ARRAY_LEN(shown); i++)
        machine_print_stats(&t.machine, shown[i]);
    machine_destroy(&t.machine);
    return summary(&t);
}
