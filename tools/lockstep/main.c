/* lockstep: runs one machine under two engines, or two ways of working of one, and compares them
 * after every few instructions: all state but RAM each time, RAM every few times. The first
 * difference is narrowed down to one instruction (bisect.c). doc/testing-lab.md says how it is
 * used.
 *
 * Exit status: 0 equal, 1 different, 2 usage or a machine that cannot be made, 3 not reproducible.
 */
#include "lockstep.h"

#include "base/bits.h"
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define CHUNK_LOG2_DEFAULT 20
#define SAMPLE_LOG2_DEFAULT 10
#define RAM_EVERY_DEFAULT 16

struct plan {
    struct ls_machine machine;
    const char *spec[2];
    const char *dump;
    uint64_t instructions, chunk, ram_every, timeout_s;
};

static const char usage[] =
    "usage: lockstep --kernel FILE [OPTION...]\n"
    "  --a ENGINE, --b ENGINE  NAME[,stress=KNOB[+KNOB...]][,fault=INSN:BIT[@N]]; default interp.\n"
    "                          fault: one bit of the result of the first INSN (a name of\n"
    "                          isa/a64.isa) after N instructions is wrong; also crash[@N],\n"
    "                          hang[@N], lost-tlbi[@N]\n"
    "  --initrd FILE, --append TEXT, --memory SIZE (256M), --cpu MODEL, --rng: as sojourn run\n"
    "  --seed N                of random numbers (0)\n"
    "  --instructions N        how far (until the machine's end)\n"
    "  --chunk K               compare each 2^K instructions (20)\n"
    "  --sample K              look at the registers each 2^K instructions (10)\n"
    "  --ram-every M           compare RAM, and make a checkpoint, each M comparisons (16)\n"
    "  --timeout S             what takes longer than that hangs (120)\n"
    "  --console FILE          write A's console there\n"
    "  --dump PREFIX           write the states around the difference to PREFIX.before, .a, .b\n";

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- Command line ---- */

enum { O_A = 256, O_B, O_KERNEL, O_INITRD, O_APPEND, O_MEMORY, O_CPU, O_RNG, O_SEED, O_INSTRUCTIONS,
       O_CHUNK, O_SAMPLE, O_RAM_EVERY, O_CONSOLE, O_DUMP,
       O_TIMEOUT, O_HELP };

static const struct option options[] = {
    {"a", 1, NULL, O_A},           {"b", 1, NULL, O_B},
    {"kernel", 1, NULL, O_KERNEL}, {"initrd", 1, NULL, O_INITRD},
    {"append", 1, NULL, O_APPEND}, {"memory", 1, NULL, O_MEMORY},
    {"cpu", 1, NULL, O_CPU},       {"rng", 0, NULL, O_RNG},
    {"seed", 1, NULL, O_SEED},     {"instructions", 1, NULL, O_INSTRUCTIONS},
    {"chunk", 1, NULL, O_CHUNK},   {"ram-every", 1, NULL, O_RAM_EVERY},
    {"dump", 1, NULL, O_DUMP},     {"console", 1, NULL, O_CONSOLE},
    {"sample", 1, NULL, O_SAMPLE}, {"help", 0, NULL, O_HELP},
    {"timeout", 1, NULL, O_TIMEOUT}, {NULL, 0, NULL, 0},
};

static int number(const char *text, uint64_t min, uint64_t max, uint64_t *to, struct err *e)
{
    char *end;
    errno = 0;
    *to = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || errno || *end || *to < min || *to > max)
        return err_set(e, EINVAL, "'%s' is not a number from %" PRIu64 " to %" PRIu64, text, min,
                       max);
    return 0;
}

static int take_option(struct plan *p, int option, char *value, struct err *e)
{
    struct ls_machine *m = &p->machine;
    uint64_t n = 0;
    int r = 0;
    switch (option) {
    case O_A: p->spec[0] = value; break;
    case O_B: p->spec[1] = value; break;
    case O_KERNEL: m->kernel = value; break;
    case O_INITRD: m->initrd = value; break;
    case O_APPEND: m->append = value; break;
    case O_MEMORY: r = parse_size(value, &m->memory_bytes, e); break;
    case O_CPU: r = a64_features_parse(&m->features, value, e); break;
    case O_RNG: m->rng = true; break;
    case O_SEED: r = number(value, 0, UINT64_MAX, &m->seed, e); break;
    case O_INSTRUCTIONS: r = number(value, 1, UINT64_MAX / 2, &p->instructions, e); break;
    case O_CHUNK:
        r = number(value, 0, 40, &n, e);
        p->chunk = BIT(n);
        break;
    case O_SAMPLE:
        r = number(value, 0, 40, &n, e);
        m->sample = BIT(n);
        break;
    case O_RAM_EVERY: r = number(value, 1, UINT32_MAX, &p->ram_every, e); break;
    case O_TIMEOUT: r = number(value, 1, 86400, &p->timeout_s, e); break;
    case O_CONSOLE: m->console = value; break;
    case O_DUMP: p->dump = value; break;
    default: r = err_set(e, EINVAL, "see lockstep --help"); break;
    }
    return r;
}

static int parse(struct plan *p, int argc, char **argv, struct err *e)
{
    *p = (struct plan){
        .machine = {.memory_bytes = UINT64_C(256) << 20,
                    .sample = BIT(SAMPLE_LOG2_DEFAULT),
                    .features = a64_features_default()},
        .spec = {"interp", "interp"},
        .instructions = UINT64_MAX / 2,
        .chunk = BIT(CHUNK_LOG2_DEFAULT),
        .ram_every = RAM_EVERY_DEFAULT,
        .timeout_s = 120,
    };
    int option, r = 0;
    while (!r && (option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (option == O_HELP) {
            fputs(usage, stdout);
            exit(0);
        }
        r = take_option(p, option, optarg, e);
    }
    if (!r && (optind < argc || !p->machine.kernel))
        r = err_set(e, EINVAL, "--kernel FILE is missing, or a word too many; see lockstep --help");
    return r;
}

/* ---- Running ---- */

/* Until the end, or the first comparison that fails: *lo is then the checkpoint and *hi where they
 * differ. True: equal to the end. */
static bool run_equal(const struct plan *p, struct side side[2], uint64_t *lo, uint64_t *hi)
{
    uint64_t chunks = 0;
    *lo = 0;
    both_do(side, LS_MARK, 0);
    for (*hi = 0; *hi < p->instructions;) {
        uint64_t n = *hi + p->chunk;
        *hi = n < p->instructions ? n : p->instructions;
        both_do(side, LS_RUN, *hi);
        if (!both_equal(side))
            return false;
        bool ended = side[0].at.end != LS_GOES_ON;
        if (++chunks % p->ram_every && !ended && *hi < p->instructions)
            continue;
        both_do(side, LS_RAM, 0);
        if (!both_equal(side))
            return false;
        if (ended)
            break;
        both_do(side, LS_MARK, 0);
        *lo = *hi;
    }
    return true;
}

static void print_planted(const struct side *s)
{
    if (!strstr(s->spec, "fault="))
        return;
    if (s->planted->done)
        printf("planted in %s: instruction %" PRIu64 " at pc 0x%016" PRIx64 "\n", s->name,
               s->planted->instret + 1, s->planted->pc);
    else
        printf("planted in %s: the instruction was not executed\n", s->name);
}

static int compare(const struct plan *p, struct side side[2])
{
    uint64_t lo, hi;
    double begin = now_s();
    bool equal = run_equal(p, side, &lo, &hi);
    double took = now_s() - begin;
    print_planted(&side[0]);
    print_planted(&side[1]);
    if (!equal)
        return bisect(side, lo, hi, p->chunk, p->dump);
    const struct ls_where *w = &side[0].at;
    printf("equal: %" PRIu64 " instructions, state 0x%016" PRIx64 ", RAM 0x%016" PRIx64
           ", console %" PRIu64 " bytes; %.1f s\n",
           w->instret, w->state, w->ram, w->console_bytes, took);
    return 0;
}

int main(int argc, char **argv)
{
    struct plan p;
    struct err e = {0};
    if (parse(&p, argc, argv, &e)) {
        fprintf(stderr, "lockstep: %s\n", e.text);
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    struct side side[2] = {{.name = "A", .spec = p.spec[0], .timeout_s = (double)p.timeout_s},
                           {.name = "B", .spec = p.spec[1], .timeout_s = (double)p.timeout_s}};
    struct ls_machine quiet = p.machine;
    quiet.console = NULL;
    if (side_start(&side[0], &p.machine, &e) || side_start(&side[1], &quiet, &e)) {
        fprintf(stderr, "lockstep: %s\n", e.text);
        return 2;
    }
    int status = compare(&p, side);
    side_stop(&side[0]);
    side_stop(&side[1]);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    return status;
}
