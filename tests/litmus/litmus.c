/* litmus list | gen | verdicts | check LOG ENGINE THREADS: the host's half of the litmus tests.
 *
 * gen prints the guest's assembly: for each test and thread a function, and a table of them
 * (struct guest_test in guest.h). check reads what the guest counted and fails on any outcome that
 * the model (model.c) forbids; `# seen` names the relaxed ones that it allows and that occurred.
 * verdicts compares the model with what is published about tests that everybody uses. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_relaxed(const struct test *t)
{
    for (unsigned o = 0; o < OUTCOMES; o++)
        if (t->allowed[o] && !t->sc[o])
            return true;
    return false;
}

/* ---- Verdicts ---- */

/* Is there an outcome beyond interleavings? As the literature has it (Alglave, Maranget,
 * Tautschnig, "Herding cats", 2014; Pulte et al., "Simplifying ARM Concurrency", 2018), and where
 * it does not, by hand from B2.3: LDAPR; R and Z6.3 with DMB ST, where the relaxed outcome is a
 * cycle of Ordered-before in a model that is other-multi-copy-atomic. */
static struct verdict {
    const char *name;
    bool relaxed, found;
} verdicts[] = {
    {"MP+po+po", true, false},
    {"MP+dmb+po", true, false},
    {"MP+dmb+addr", false, false},
    {"MP+dmb+ctrl", true, false},
    {"MP+dmb+ctrlisb", false, false},
    {"MP+dmb.st+dmb.ld", false, false},
    {"MP+L+A", false, false},
    {"MP+L+Q", false, false},
    {"MP+po+addr", true, false},
    {"MP+dmb.ld+addr", true, false},
    {"SB+po+po", true, false},
    {"SB+dmb+dmb", false, false},
    {"SB+dmb.st+dmb.st", true, false},
    {"SB+LA+LA", false, false},
    {"SB+LQ+LQ", true, false},
    {"SB+dmb+LQ", true, false},
    {"LB+po+po", true, false},
    {"LB+data+data", false, false},
    {"LB+ctrl+ctrl", false, false},
    {"LB+addr+A", false, false},
    {"LB+po+data", true, false},
    {"S+dmb.st+data", false, false},
    {"S+po+data", true, false},
    {"S+L+po", true, false},
    {"R+dmb+dmb", false, false},
    {"R+dmb.st+dmb", false, false},
    {"R+L+LA", false, false},
    {"R+L+LQ", true, false},
    {"2+2W+po+po", true, false},
    {"2+2W+dmb.st+dmb.st", false, false},
    {"2+2W+L+L", false, false},
    {"CoRR+po", false, false},
    {"CoWW+po+po", false, false},
    {"WRC+data+addr", false, false},
    {"WRC+po+addr", true, false},
    {"RWC+addr+dmb", false, false},
    {"RWC+addr+po", true, false},
    {"ISA2+dmb.st+data+addr", false, false},
    {"ISA2+L+data+po", true, false},
    {"IRIW+addr+addr", false, false},
    {"IRIW+po+po", true, false},
    {"SB+rfi+po+addr+po+addr", true, false},
    {"3.SB+dmb+dmb+dmb", false, false},
    {"Z6.3+dmb.st+dmb.st+addr", false, false},
    {"WRW+2W+data+dmb.st", false, false},
};

static unsigned wrong;

static void verdict_one(const struct test *t, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
        struct verdict *v = &verdicts[i];
        if (strcmp(v->name, t->name))
            continue;
        v->found = true;
        if (has_relaxed(t) != v->relaxed) {
            printf("not ok model,%s (%s by the model)\n", t->name,
                   v->relaxed ? "forbidden" : "allowed");
            wrong++;
        }
    }
}

static int cmd_verdicts(void)
{
    unsigned n = sizeof(verdicts) / sizeof(*verdicts);
    tests_each(verdict_one, NULL);
    for (unsigned i = 0; i < n; i++)
        if (!verdicts[i].found) {
            printf("not ok model,%s (no such test)\n", verdicts[i].name);
            wrong++;
        }
    if (!wrong)
        printf("ok model,published-verdicts (%u tests)\n", n);
    return wrong != 0;
}

/* ---- The guest's functions ----
 * void f(u32 *x, u32 *y, u32 *z, u32 *unused, u32 *out): X0 to X2 the variables, X4 the results,
 * W8 and up what was read. */

static void gen_access(const struct test *t, const struct event *e, unsigned reg, unsigned last)
{
    bool dep_addr = !e->first && e->before == O_ADDR, dep_data = !e->first && e->before == O_DATA;
    char base[8];
    (void)t;
    snprintf(base, sizeof(base), "x%u", e->var);
    if (!e->first) {
        switch (e->before) {
        case O_SY: printf("\tdmb ish\n"); break;
        case O_LD: printf("\tdmb ishld\n"); break;
        case O_ST: printf("\tdmb ishst\n"); break;
        case O_CTRL: printf("\tcbnz w%u, 1f\n1:\n", last); break;
        case O_CTRLISB: printf("\tcbnz w%u, 1f\n1:\tisb\n", last); break;
        default: break;
        }
    }
    if (dep_addr) {
        printf("\teor w5, w%u, w%u\n\tadd x6, %s, w5, uxtw\n", last, last, base);
        snprintf(base, sizeof(base), "x6");
    }
    if (!e->write) {
        printf("\t%s w%u, [%s]\n", e->A ? "ldar" : e->Q ? "ldapr" : "ldr", reg, base);
        return;
    }
    if (dep_data)
        printf("\teor w5, w%u, w%u\n\tadd w7, w5, #%u\n", last, last, e->value);
    else
        printf("\tmov w7, #%u\n", e->value);
    printf("\t%s w7, [%s]\n", e->L ? "stlr" : "str", base);
}

static void gen_one(const struct test *t, void *arg)
{
    unsigned *n = arg, reg[EVENTS], finals = 0;
    for (unsigned thread = 0; thread < t->threads; thread++) {
        printf("\t.balign 16\nt%u_%u: // %s\n", *n, thread, t->name);
        unsigned next = 8;
        for (unsigned e = 0; e < t->events; e++)
            if (t->event[e].thread == thread) {
                reg[e] = t->event[e].write ? 0 : next++;
                gen_access(t, &t->event[e], reg[e], e ? reg[e - 1] : 0);
            }
        for (unsigned e = 0; e < t->events; e++)
            if (t->event[e].thread == thread && !t->event[e].write)
                printf("\tstr w%u, [x4, #%u]\n", reg[e], t->event[e].slot * 4);
        printf("\tret\n");
    }
    for (unsigned v = 0; v < t->vars; v++)
        finals |= (unsigned)t->final[v] << v;
    printf("\t.pushsection .rodata.names, \"a\"\nt%u_name: .asciz \"%s\"\n\t.popsection\n", *n,
           t->name);
    printf("\t.pushsection .rodata.tests, \"a\"\n\t.quad t%u_name", *n);
    for (unsigned thread = 0; thread < THREADS; thread++)
        if (thread < t->threads)
            printf(", t%u_%u", *n, thread);
        else
            printf(", 0");
    printf("\n\t.long %u, %u, %u, %u\n\t.popsection\n", t->threads, t->vars, t->reads, finals);
    ++*n;
}

static int cmd_gen(void)
{
    unsigned n = 0;
    printf("// Made by litmus.c\n\t.text\n\t.pushsection .rodata.tests, \"a\"\n\t.balign 8\n"
           "\t.global guest_tests\nguest_tests:\n\t.popsection\n");
    tests_each(gen_one, &n);
    printf("\t.section .rodata.tests, \"a\"\n\t.global guest_tests_end\nguest_tests_end:\n");
    return 0;
}

static void list_one(const struct test *t, void *arg)
{
    (void)arg;
    printf("%u %s %s\n", t->threads, t->name, has_relaxed(t) ? "relaxed" : "sc");
}

/* ---- Checking ---- */

struct line {
    char name[64];
    unsigned code;
    unsigned long long count;
};

struct check {
    struct line *line;
    unsigned lines;
    const char *engine, *shape; /* shape: the one that is being added up */
    unsigned tests, bad, raced, missing;
    unsigned long long runs, least;
    const char *threads;  /* the numbers of vCPUs that there were runs with, as text */
    unsigned total_tests, total_seen, total_bad;
    unsigned long long total_runs;
};

static void text_of(const struct test *t, unsigned code, char *out, size_t size)
{
    unsigned slot = t->reads;
    *out = 0;
    for (unsigned e = 0; e < t->events; e++)
        if (!t->event[e].write)
            snprintf(out + strlen(out), size - strlen(out), " %u:%c=%u", t->event[e].thread,
                     'x' + t->event[e].var, code >> 2 * t->event[e].slot & 3);
    for (unsigned v = 0; v < t->vars; v++)
        if (t->final[v])
            snprintf(out + strlen(out), size - strlen(out), " %c=%u", 'x' + v,
                     code >> 2 * slot++ & 3);
}

static void check_end(struct check *c)
{
    if (!c->shape)
        return;
    if (c->bad || c->missing)
        printf("not ok %s,%s (%u forbidden, %u missing)\n", c->shape, c->engine, c->bad,
               c->missing);
    else
        printf("ok %s,%s (%u tests, %llu runs of each, more than one outcome in %u)\n", c->shape,
               c->engine, c->tests, c->least, c->raced);
    c->total_bad += c->bad + c->missing;
    c->tests = c->bad = c->raced = c->missing = 0;
    c->least = ~0ull;
}

static void check_one(const struct test *t, void *arg)
{
    struct check *c = arg;
    unsigned long long runs = 0;
    unsigned outcomes = 0;
    char text[128];
    if (!strchr(c->threads, (int)('0' + t->threads)))
        return;
    if (!c->shape || strcmp(c->shape, t->shape)) {
        check_end(c);
        c->shape = t->shape;
        c->least = ~0ull;
    }
    for (unsigned i = 0; i < c->lines; i++) {
        const struct line *l = &c->line[i];
        if (strcmp(l->name, t->name))
            continue;
        runs += l->count;
        outcomes++;
        text_of(t, l->code, text, sizeof(text));
        if (l->code >= OUTCOMES || !t->allowed[l->code]) {
            printf("    forbidden: %s%s, %llu times\n", t->name, text, l->count);
            c->bad++;
        } else if (!t->sc[l->code]) {
            printf("# seen: %s%s, %llu times (%s)\n", t->name, text, l->count, c->engine);
            c->total_seen++;
        }
    }
    c->tests++;
    c->total_tests++;
    c->total_runs += runs;
    c->missing += !runs;
    c->raced += outcomes > 1;
    if (runs < c->least)
        c->least = runs;
}

/* The guest's lines: L NAME CODE COUNT, A NAME ROUNDS FAILURES, K as A (a known limit), END. */
static int cmd_check(const char *path, const char *engine, const char *threads)
{
    struct check c = {.engine = engine, .threads = threads};
    char buf[256], name[64];
    unsigned long long a, b;
    unsigned ended = 0, ends = 0, atomics = 0;
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return 2;
    }
    for (const char *p = threads; *p; p++)
        ends += *p > '1' && *p <= '4';
    c.line = calloc(1u << 16, sizeof(*c.line));
    if (!c.line)
        abort();
    while (fgets(buf, sizeof(buf), f)) {
        struct line *l = &c.line[c.lines];
        if (c.lines < (1u << 16) - 1 &&
            sscanf(buf, "L %63s %u %llu", l->name, &l->code, &l->count) == 3) {
            c.lines++;
        } else if (sscanf(buf, "A %63s %llu %llu", name, &a, &b) == 3) {
            printf("%s %s,%s (%llu rounds, %llu wrong)\n", b || !a ? "not ok" : "ok", name, engine,
                   a, b);
            atomics++;
            c.total_bad += b || !a;
        } else if (sscanf(buf, "K %63s %llu %llu", name, &a, &b) == 3) {
            printf("# known limit: %s,%s: %llu of %llu rounds differ from the architecture\n", name,
                   engine, b, a);
        } else if (!strncmp(buf, "END", 3)) {
            ended++;
        } else {
            printf("    guest: %s", buf);
        }
    }
    fclose(f);
    tests_each(check_one, &c);
    check_end(&c);
    printf("# %s: %u tests, %llu runs; %u allowed relaxed outcomes were seen\n", engine,
           c.total_tests, c.total_runs, c.total_seen);
    if (ended != ends || !atomics) {
        printf("not ok guest,%s (%u of %u runs came to their end)\n", engine, ended, ends);
        c.total_bad++;
    }
    free(c.line);
    return c.total_bad != 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "gen"))
        return cmd_gen();
    if (argc == 2 && !strcmp(argv[1], "verdicts"))
        return cmd_verdicts();
    if (argc == 2 && !strcmp(argv[1], "list")) {
        tests_each(list_one, NULL);
        return 0;
    }
    if (argc == 5 && !strcmp(argv[1], "check"))
        return cmd_check(argv[2], argv[3], argv[4]);
    fprintf(stderr, "usage: litmus list | gen | verdicts | check LOG ENGINE THREADS\n");
    return 2;
}
