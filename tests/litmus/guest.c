/* Runs the tests of the memory model and counts their outcomes; which of them are right is not
 * known here (model.c).
 *
 * A test has as many threads as the machine has vCPUs. It runs in batches: a barrier, then every
 * thread goes through BATCH instances, each with variables of its own; another barrier, and the
 * threads share the work of counting and clearing. Within a batch the threads wait for each other
 * only a microsecond before each instance, so that they meet where the host lets them and do not
 * stall where it does not, and then for a random number of loops. The layout of variables changes
 * with each batch: cache lines of one page, pages of their own, the same through two virtual
 * addresses, one granule of 16 bytes. */
#include "guest.h"

#define BATCH 1024u
#define SLOTS 6u
#define PATIENCE 16u /* instances without a wait after a wait in vain */
#define MEET_NS 1000u
#define START_NS 2000000u /* before the first instance: for who is about to get a host processor */
#define CROWD_START_NS 30000u /* more than two seldom have one at the same time */

#define UART 0x09000000ul
#define PSCI_CPU_ON 0xc4000003ul
#define PSCI_SYSTEM_OFF 0x84000008ul

struct line {
    volatile u32 value;
    u32 unused[31];
};

extern char secondary[];
u32 cpus;
static struct line arrived, phase, at[CPUS], ready;
static u64 polls_per_ms;
static u32 out[BATCH][8];
static u32 histogram[CPUS][1u << 2 * SLOTS];

/* ---- Runtime ---- */

static u64 psci(u64 function, u64 a, u64 b, u64 c)
{
    register u64 x0 asm("x0") = function;
    register u64 x1 asm("x1") = a;
    register u64 x2 asm("x2") = b;
    register u64 x3 asm("x3") = c;
    asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7", "x8",
                 "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    return x0;
}

void say(const char *s)
{
    for (; *s; s++)
        *(volatile u32 *)UART = (u8)*s;
}

void say_number(u64 n)
{
    char text[24], *p = text + sizeof(text);
    *--p = 0;
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    say(p);
}

void say_result(const char *kind, const char *name, u64 a, u64 b)
{
    say(kind);
    say(" ");
    say(name);
    say(" ");
    say_number(a);
    say(" ");
    say_number(b);
    say("\n");
}

void unexpected(u64 esr, u64 elr);
void unexpected(u64 esr, u64 elr)
{
    say_result("exception", "ESR and ELR:", esr, elr);
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
}

u32 next_random(u64 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (u32)(*state >> 20);
}

void barrier(void)
{
    u32 now = phase.value, old;
    asm volatile("dmb ish\nldaddal %w2, %w0, [%1]" : "=&r"(old) : "r"(&arrived.value), "r"(1)
                 : "memory");
    if (old + 1 == cpus) {
        arrived.value = 0;
        asm volatile("dmb ish" ::: "memory");
        phase.value = now + 1;
    } else {
        while (phase.value == now)
            asm volatile("yield");
    }
    asm volatile("dmb ish" ::: "memory");
}

/* ---- Tests ---- */

/* Engines differ in speed: polls are measured. */
static void measure_polls(void)
{
    u64 from, to, hz;
    u32 polls = 50000;
    asm volatile("isb\nmrs %0, cntvct_el0" : "=r"(from));
    while (at[CPUS - 1].value <= ready.value && polls) /* as run_batch() does */
        polls--;
    asm volatile("isb\nmrs %0, cntvct_el0\nmrs %1, cntfrq_el0" : "=r"(to), "=r"(hz));
    polls_per_ms = 50000 * (hz / 1000) / (to - from + 1) + 1;
}

static u32 polls_in(u32 ns)
{
    return (u32)(polls_per_ms * ns / 1000000) + 24;
}

static u32 *variable(u32 layout, u32 i, u32 v, u32 me)
{
    switch (layout) {
    case 0: return (u32 *)(POOL + i * 512 + v * 128);
    case 1: return (u32 *)(POOL + v * 0x21000 + i * 64);
    case 2: return (u32 *)(POOL + v * 0x21000 + i * 64 + (me & 1 ? ALIAS : 0));
    default: return (u32 *)(POOL + i * 64 + v * 4);
    }
}

void start(u32 me)
{
    u32 polls = polls_in(START_NS);
    at[me].value = 0;
    barrier();
    at[me].value = 1;
    for (u32 k = 0; k < cpus; k++)
        while (!at[k].value && polls)
            polls--;
}

static void run_batch(const struct guest_test *t, u32 me, u32 layout, u64 *random)
{
    void (*f)(u32 *, u32 *, u32 *, u32 *, u32 *) = t->thread[me];
    u32 patience = 0, meet = polls_in(MEET_NS);
    u32 start = polls_in(t->threads > 2 ? CROWD_START_NS : START_NS);
    for (u32 i = 0; i < BATCH; i++) {
        u32 r = next_random(random);
        at[me].value = i + 1;
        if (patience) {
            patience--;
        } else {
            for (u32 k = 0; k < t->threads; k++) {
                u32 polls = i ? meet : start;
                while (at[k].value <= i && polls)
                    polls--;
                if (!polls)
                    patience = PATIENCE;
            }
        }
        for (u32 loops = r & 8 ? r >> 8 & (r & 16 ? 63 : 7) : 0; loops; loops--)
            asm volatile("");
        f(variable(layout, i, 0, me), variable(layout, i, 1, me), variable(layout, i, 2, me), 0,
          out[i]);
    }
}

static void count_batch(const struct guest_test *t, u32 me, u32 layout)
{
    for (u32 i = me; i < BATCH; i += t->threads) {
        u32 code = 0, slot = 0;
        for (; slot < t->reads; slot++)
            code |= (out[i][slot] & 3) << 2 * slot;
        for (u32 v = 0; v < t->vars; v++) {
            u32 *p = variable(layout, i, v, 0);
            if (t->finals >> v & 1)
                code |= (*p & 3) << 2 * slot++;
            *p = 0;
        }
        histogram[me][code]++;
    }
}

static void run_test(const struct guest_test *t, u32 me, u32 batches, u64 *random)
{
    for (u32 b = 0; b < batches; b++) {
        u32 layout = b & 3;
        barrier();
        run_batch(t, me, layout, random);
        barrier();
        at[me].value = 0;
        count_batch(t, me, layout);
    }
    barrier();
    if (me)
        return;
    for (u32 code = 0; code < 1u << 2 * SLOTS; code++) {
        u64 n = 0;
        for (u32 k = 0; k < CPUS; k++) {
            n += histogram[k][code];
            histogram[k][code] = 0;
        }
        if (n)
            say_result("L", t->name, code, n);
    }
}

void main(u32 me);
void main(u32 me)
{
    u64 random = 0x9e3779b97f4a7c15ul * (me + 1) + SEED;
    if (!me) {
        cpus = 1;
        while (cpus < CPUS && !psci(PSCI_CPU_ON, cpus, (u64)secondary, cpus))
            cpus++;
        measure_polls();
        asm volatile("dmb ish" ::: "memory");
        ready.value = 1;
    }
    while (!ready.value)
        asm volatile("yield");
    asm volatile("dmb ish" ::: "memory");
    for (const struct guest_test *t = guest_tests; t < guest_tests_end; t++)
        if (t->threads == cpus)
            run_test(t, me, (RUNS + BATCH - 1) / BATCH, &random);
    atomics(me, ROUNDS);
    barrier();
    if (!me) {
        say("END\n");
        psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    }
}
