/* Exclusives, atomic operations and single-copy atomicity between vCPUs (DDI 0487: B2.2, B2.9,
 * B2.12). Each test counts what the architecture forbids; `A` lines must have none of it.
 *
 * The tests of the monitor (meddle) are not races: one vCPU executes LDXR, tells another, and
 * executes STXR when that one has told it that it wrote. That STXR must fail, however the location
 * looks by then. `K` lines are the case that doc/decisions/0011-exclusives-smp.md gives up. */
#include "guest.h"

#define ALIGNED(n) __attribute__((aligned(n)))

struct cell {
    volatile u64 w[16];
} ALIGNED(128);

static struct cell x, lock, turn, wrong[CPUS];

static void begin(void)
{
    for (u32 i = 0; i < 16; i++)
        x.w[i] = lock.w[i] = turn.w[i] = 0;
    for (u32 k = 0; k < CPUS; k++)
        wrong[k].w[0] = wrong[k].w[1] = 0;
}

static u64 sum(u32 word)
{
    u64 n = 0;
    for (u32 k = 0; k < CPUS; k++)
        n += wrong[k].w[word];
    return n;
}

/* ---- Counters ---- */

#define LLSC(name, ld, st, r)                                                                      \
    static void name(volatile void *p)                                                             \
    {                                                                                              \
        u64 v;                                                                                     \
        u32 fail;                                                                                  \
        asm volatile("1: " ld " %" r "0, [%2]\n add %0, %0, #1\n " st " %w1, %" r "0, [%2]\n"      \
                     " cbnz %w1, 1b" : "=&r"(v), "=&r"(fail) : "r"(p) : "memory");                 \
    }
LLSC(add_ldxrb, "ldxrb", "stxrb", "w")
LLSC(add_ldxrh, "ldxrh", "stxrh", "w")
LLSC(add_ldxr32, "ldxr", "stxr", "w")
LLSC(add_ldxr64, "ldxr", "stxr", "x")
LLSC(add_ldaxr64, "ldaxr", "stlxr", "x")

static void add_ldxp(volatile void *p)
{
    u64 a, b;
    u32 fail;
    asm volatile("1: ldxp %0, %1, [%3]\n add %0, %0, #1\n add %1, %1, #1\n"
                 " stxp %w2, %0, %1, [%3]\n cbnz %w2, 1b"
                 : "=&r"(a), "=&r"(b), "=&r"(fail) : "r"(p) : "memory");
}
static void add_ldxp32(volatile void *p)
{
    u64 a, b;
    u32 fail;
    asm volatile("1: ldxp %w0, %w1, [%3]\n add %w0, %w0, #1\n"
                 " stxp %w2, %w0, %w1, [%3]\n cbnz %w2, 1b"
                 : "=&r"(a), "=&r"(b), "=&r"(fail) : "r"(p) : "memory");
}
static void add_ldadd(volatile void *p)
{
    asm volatile("stadd %1, [%0]" ::"r"(p), "r"(1ul) : "memory");
}
static void add_ldaddb(volatile void *p)
{
    asm volatile("staddb %w1, [%0]" ::"r"(p), "r"(1ul) : "memory");
}
static void add_cas(volatile void *p)
{
    u64 old = *(volatile u64 *)p, seen;
    for (;; old = seen) {
        seen = old;
        asm volatile("cas %0, %1, [%2]" : "+r"(seen) : "r"(old + 1), "r"(p) : "memory");
        if (seen == old)
            return;
    }
}
static void add_casp(volatile void *p)
{
    volatile u64 *q = p;
    register u64 a asm("x4") = q[0];
    register u64 b asm("x5") = q[1];
    for (;;) {
        register u64 c asm("x6") = a + 1;
        register u64 d asm("x7") = b + 1;
        u64 a0 = a, b0 = b;
        asm volatile("casp x4, x5, x6, x7, [%2]" : "+r"(a), "+r"(b) : "r"(p), "r"(c), "r"(d)
                     : "memory");
        if (a == a0 && b == b0)
            return;
    }
}

/* In turns: what two kinds of agents do to one location. */
struct counter {
    const char *name;
    void (*even)(volatile void *), (*odd)(volatile void *);
    u32 even_at, odd_at; /* bytes into the cell */
    u64 mask;            /* of the sum of both */
};

static const struct counter counters[] = {
    {"count_ldxrb", add_ldxrb, add_ldxrb, 0, 0, 0xff},
    {"count_ldxrh", add_ldxrh, add_ldxrh, 0, 0, 0xffff},
    {"count_ldxr_w", add_ldxr32, add_ldxr32, 0, 0, 0xffffffff},
    {"count_ldxr_x", add_ldxr64, add_ldxr64, 0, 0, ~0ul},
    {"count_ldaxr_x", add_ldaxr64, add_ldaxr64, 0, 0, ~0ul},
    {"count_ldxp", add_ldxp, add_ldxp, 0, 0, ~0ul},
    {"count_ldxp_w", add_ldxp32, add_ldxp32, 0, 0, 0xffffffff},
    {"count_ldadd", add_ldadd, add_ldadd, 0, 0, ~0ul},
    {"count_cas", add_cas, add_cas, 0, 0, ~0ul},
    {"count_casp", add_casp, add_casp, 0, 0, ~0ul},
    {"count_ldxr_and_ldadd", add_ldxr64, add_ldadd, 0, 0, ~0ul},
    {"count_ldxr_and_cas", add_ldxr64, add_cas, 0, 0, ~0ul},
    {"count_ldxp_and_casp", add_ldxp, add_casp, 0, 0, ~0ul},
    {"count_ldxp_and_ldaxr", add_ldaxr64, add_ldxp, 0, 0, ~0ul},
    /* Bytes of one doubleword: each agent has its own, and must not lose the other's. */
    {"bytes_ldxr_and_staddb", add_ldxr32, add_ldaddb, 0, 7, 0xff000000fffffffful},
    {"bytes_ldxrb_and_ldxrh", add_ldxrb, add_ldxrh, 1, 4, 0x0000ffff0000ff00ul},
};

static void count(const struct counter *c, u32 me, u64 rounds)
{
    u32 evens = (cpus + 1) / 2, odds = cpus - evens;
    if (!me)
        begin();
    start(me);
    for (u64 i = 0; i < rounds; i++)
        if (me & 1)
            c->odd((volatile char *)&x + c->odd_at);
        else
            c->even((volatile char *)&x + c->even_at);
    barrier();
    if (me)
        return;
    u64 want = (evens * rounds << c->even_at * 8) + (odds * rounds << c->odd_at * 8);
    if (c->even_at | c->odd_at) { /* no carry out of a field */
        u64 low = c->odd_at == 7 ? 0xfffffffful : 0xff00ul;
        want = (evens * rounds << c->even_at * 8 & low) |
               (odds * rounds << c->odd_at * 8 & c->mask & ~low);
    }
    say_result("A", c->name, rounds * cpus, ((x.w[0] ^ want) & c->mask) != 0);
}

/* Odd vCPUs count in a byte of their own with plain accesses, while the others update the whole
 * doubleword: no update may undo a plain store. */
static void plain_bytes(const char *name, void (*update)(volatile void *), u32 me, u64 rounds)
{
    volatile u8 *own = (volatile u8 *)&x + 4 + me;
    if (!me)
        begin();
    start(me);
    for (u64 i = 0; i < rounds; i++) {
        if (me & 1) {
            wrong[me].w[0] += *own != (u8)i;
            *own = (u8)(i + 1);
        } else {
            update(&x);
        }
    }
    barrier();
    if (me)
        return;
    u64 bad = (u32)x.w[0] != (u32)((cpus + 1) / 2 * rounds);
    for (u32 k = 1; k < cpus; k += 2)
        bad += (x.w[0] >> (4 + k) * 8 & 0xff) != (rounds & 0xff);
    say_result("A", name, rounds * cpus, sum(0) + bad);
}

/* Each vCPU swaps its tokens in; every token comes out once, but the last. */
static void count_swp(u32 me, u64 rounds)
{
    u64 in = 0, got = 0;
    if (!me)
        begin();
    start(me);
    for (u64 i = 0; i < rounds; i++) {
        u64 token = i * CPUS + me + 1, old;
        asm volatile("swp %1, %0, [%2]" : "=r"(old) : "r"(token), "r"(&x) : "memory");
        in += token;
        got += old;
    }
    wrong[me].w[0] = in;
    wrong[me].w[1] = got;
    barrier();
    if (!me)
        say_result("A", "count_swp", rounds * cpus, sum(0) != sum(1) + x.w[0]);
}

/* ---- Locks ---- */

static void lock_ldaxr(volatile u64 *p)
{
    u64 v;
    asm volatile("1: ldaxr %0, [%1]\n cbnz %0, 2f\n stxr %w0, %2, [%1]\n cbz %w0, 3f\n"
                 "2: yield\n b 1b\n3:" : "=&r"(v) : "r"(p), "r"(1ul) : "memory");
}
static void lock_wfe(volatile u64 *p)
{
    u64 v;
    asm volatile(" sevl\n1: wfe\n2: ldaxr %0, [%1]\n cbnz %0, 1b\n stxr %w0, %2, [%1]\n"
                 " cbnz %w0, 2b" : "=&r"(v) : "r"(p), "r"(1ul) : "memory");
}
static void lock_cas(volatile u64 *p)
{
    u64 v;
    asm volatile("1: mov %0, #0\n casa %0, %2, [%1]\n cbz %0, 2f\n yield\n b 1b\n2:"
                 : "=&r"(v) : "r"(p), "r"(1ul) : "memory");
}
static void lock_swp(volatile u64 *p)
{
    u64 v;
    asm volatile("1: swpa %2, %0, [%1]\n cbz %0, 2f\n yield\n b 1b\n2:"
                 : "=&r"(v) : "r"(p), "r"(1ul) : "memory");
}
static void unlock(volatile u64 *p)
{
    asm volatile("stlr xzr, [%0]" ::"r"(p) : "memory");
}
/* A ticket lock; w[0] next, w[1] served. */
static void lock_ticket(volatile u64 *p)
{
    u64 mine, now;
    asm volatile("ldadda %2, %0, [%1]" : "=r"(mine) : "r"(p), "r"(1ul) : "memory");
    for (;;) {
        asm volatile("ldapr %0, [%1]" : "=r"(now) : "r"(p + 1) : "memory");
        if (now == mine)
            return;
        asm volatile("yield");
    }
}
static void unlock_ticket(volatile u64 *p)
{
    asm volatile("stlr %0, [%1]" ::"r"(p[1] + 1), "r"(p + 1) : "memory");
}

static void locked(const char *name, void (*take)(volatile u64 *), void (*give)(volatile u64 *),
                   u32 me, u64 rounds)
{
    if (!me)
        begin();
    start(me);
    for (u64 i = 0; i < rounds; i++) {
        take(lock.w);
        u64 n = x.w[0];
        wrong[me].w[0] += x.w[8] != n;
        x.w[0] = n + 1;
        x.w[8] = n + 1;
        give(lock.w);
    }
    barrier();
    if (!me)
        say_result("A", name, rounds * cpus, sum(0) + (x.w[0] != rounds * cpus));
}

/* ---- A stack whose nodes come back: ABA ---- */

#define NODES 6u

static struct node {
    struct node *volatile next;
    volatile u64 owner;
} ALIGNED(64) nodes[NODES];

static struct node *pop(void)
{
    struct node *n, *next;
    u32 fail;
    do {
        asm volatile("ldaxr %0, [%1]" : "=r"(n) : "r"(&x) : "memory");
        if (!n)
            return n;
        next = n->next;
        asm volatile("stlxr %w0, %1, [%2]" : "=&r"(fail) : "r"(next), "r"(&x) : "memory");
    } while (fail);
    return n;
}

static void push(struct node *n)
{
    struct node *head;
    u32 fail;
    do {
        asm volatile("ldaxr %0, [%1]" : "=r"(head) : "r"(&x) : "memory");
        n->next = head;
        asm volatile("stlxr %w0, %1, [%2]" : "=&r"(fail) : "r"(n), "r"(&x) : "memory");
    } while (fail);
}

static u64 owner(struct node *n, u64 who)
{
    u64 old;
    asm volatile("swpal %1, %0, [%2]" : "=r"(old) : "r"(who), "r"(&n->owner) : "memory");
    return old;
}

static void stack(u32 me, u64 rounds)
{
    u64 bad = 0, random = me * 77 + 5, n = 0;
    if (!me) {
        begin();
        for (u32 i = 0; i < NODES; i++) {
            nodes[i].owner = 0;
            push(&nodes[i]);
        }
    }
    start(me);
    for (u64 i = 0; i < rounds; i++) {
        u32 r = next_random(&random);
        struct node *a = pop(), *b = r & 1 ? pop() : 0;
        bad += a && owner(a, me + 1) != 0;
        bad += b && owner(b, me + 1) != 0;
        if (a) {
            bad += owner(a, 0) != me + 1;
            push(a);
        }
        if (b) {
            bad += owner(b, 0) != me + 1;
            push(b);
        }
    }
    wrong[me].w[0] = bad;
    barrier();
    if (me)
        return;
    for (struct node *p = (struct node *)x.w[0]; p && n <= NODES; p = p->next)
        n++;
    say_result("A", "stack_aba", rounds * cpus, sum(0) + (n != NODES));
}

/* ---- What the monitor must notice ---- */

#define A_VALUE 0x1111111111111111ul
#define B_VALUE 0x2222222222222222ul

/* What the other vCPU does to x (X0: its address) between LDXR and STXR; x is A, A. */
#define MEDDLE(name, text)                                                                         \
    static void name(volatile void *p)                                                             \
    {                                                                                              \
        register volatile void *x0 asm("x0") = p;                                                  \
        register u64 x1 asm("x1") = A_VALUE;                                                       \
        register u64 x2 asm("x2") = B_VALUE;                                                       \
        asm volatile(text : "+r"(x0), "+r"(x1), "+r"(x2)                                           \
                     ::"x3", "x4", "x5", "x6", "x7", "x8", "x9", "memory");                        \
    }
#define STXR_OF(v) "1: ldxr x3, [x0]\n stxr w4, " v ", [x0]\n cbnz w4, 1b\n"
MEDDLE(m_str, "str x2, [x0]")
MEDDLE(m_stlr, "stlr x2, [x0]")
MEDDLE(m_strb, "strb w2, [x0, #5]")
MEDDLE(m_strh, "strh w2, [x0, #2]")
MEDDLE(m_strw, "str w2, [x0, #4]")
MEDDLE(m_stp, "stp x2, x2, [x0]")
MEDDLE(m_stp_below, "stp x2, x2, [x0, #-8]")
MEDDLE(m_zva, "dc zva, x0")
MEDDLE(m_ldadd, "ldadd x2, x3, [x0]")
MEDDLE(m_ldadd_zero, "ldadd xzr, x3, [x0]")
MEDDLE(m_ldaddb, "add x3, x0, #3\n ldaddb w2, w4, [x3]")
MEDDLE(m_swpb_same, "add x3, x0, #6\n swpb w1, w4, [x3]")
MEDDLE(m_swp_aba, "swp x2, x3, [x0]\n swp x1, x3, [x0]")
MEDDLE(m_swp_same, "swp x1, x3, [x0]")
MEDDLE(m_cas, "cas x1, x2, [x0]")
MEDDLE(m_cas_same, "mov x3, x1\n cas x3, x1, [x0]")
MEDDLE(m_cas_aba, "mov x3, x1\n cas x3, x2, [x0]\n mov x3, x2\n cas x3, x1, [x0]")
MEDDLE(m_casp_same, "mov x4, x1\n mov x5, x1\n mov x6, x1\n mov x7, x1\n"
                    "casp x4, x5, x6, x7, [x0]")
MEDDLE(m_stxr, STXR_OF("x2"))
MEDDLE(m_stxr_same, STXR_OF("x1"))
MEDDLE(m_stxr_aba, STXR_OF("x2") STXR_OF("x1"))
MEDDLE(m_stxrb_same, "add x3, x0, #1\n1: ldxrb w4, [x3]\n stxrb w5, w1, [x3]\n cbnz w5, 1b")
MEDDLE(m_stxp_same, "1: ldxp x3, x4, [x0]\n stxp w5, x1, x1, [x0]\n cbnz w5, 1b")
MEDDLE(m_str_aba, "str x2, [x0]\n str x1, [x0]")
MEDDLE(m_str_same, "str x1, [x0]")

struct meddle {
    const char *name;
    void (*f)(volatile void *);
    const char *kind;
};

static const struct meddle meddles[] = {
    {"stxr_after_str", m_str, "A"},
    {"stxr_after_stlr", m_stlr, "A"},
    {"stxr_after_strb_inside", m_strb, "A"},
    {"stxr_after_strh_inside", m_strh, "A"},
    {"stxr_after_str_w_inside", m_strw, "A"},
    {"stxr_after_stp", m_stp, "A"},
    {"stxr_after_stp_that_overlaps", m_stp_below, "A"},
    {"stxr_after_dc_zva", m_zva, "A"},
    {"stxr_after_ldadd", m_ldadd, "A"},
    {"stxr_after_ldadd_of_zero", m_ldadd_zero, "A"},
    {"stxr_after_ldaddb_inside", m_ldaddb, "A"},
    {"stxr_after_swpb_of_the_same", m_swpb_same, "A"},
    {"stxr_after_swp_aba", m_swp_aba, "A"},
    {"stxr_after_swp_of_the_same", m_swp_same, "A"},
    {"stxr_after_cas", m_cas, "A"},
    {"stxr_after_cas_of_the_same", m_cas_same, "A"},
    {"stxr_after_cas_aba", m_cas_aba, "A"},
    {"stxr_after_casp_of_the_same", m_casp_same, "A"},
    {"stxr_after_stxr", m_stxr, "A"},
    {"stxr_after_stxr_of_the_same", m_stxr_same, "A"},
    {"stxr_after_stxr_aba", m_stxr_aba, "A"},
    {"stxr_after_stxrb_of_the_same", m_stxrb_same, "A"},
    {"stxr_after_stxp_of_the_same", m_stxp_same, "A"},
    {"stxr_after_str_aba", m_str_aba, "K"},
    {"stxr_after_str_of_the_same", m_str_same, "K"},
};

static void wait_turn(u64 value)
{
    u64 now;
    for (;;) {
        asm volatile("ldar %0, [%1]" : "=r"(now) : "r"(&turn) : "memory");
        if (now == value)
            return;
        asm volatile("yield");
    }
}

static void give_turn(u64 value)
{
    asm volatile("stlr %0, [%1]" ::"r"(value), "r"(&turn) : "memory");
}

/* Of LDXR and STXR, and on odd rounds of LDXP and STXP; every vCPU but 0 has its turn. */
static void meddle(const struct meddle *m, u32 me, u64 rounds)
{
    u64 succeeded = 0;
    if (!me)
        begin();
    start(me);
    for (u64 i = 0; i < rounds; i++) {
        u32 other = 1 + (u32)i % (cpus - 1), fail;
        if (me == other) {
            wait_turn(2 * i + 1);
            m->f(&x.w[2]);
            give_turn(2 * i + 2);
        } else if (!me) {
            u64 a, b;
            x.w[1] = x.w[2] = x.w[3] = A_VALUE;
            asm volatile("dmb ish" ::: "memory");
            if (i & 1)
                asm volatile("ldxp %0, %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(&x.w[2]) : "memory");
            else
                asm volatile("ldxr %0, [%1]" : "=&r"(a) : "r"(&x.w[2]) : "memory");
            give_turn(2 * i + 1);
            wait_turn(2 * i + 2);
            if (i & 1)
                asm volatile("stxp %w0, %1, %1, [%2]" : "=&r"(fail) : "r"(7ul), "r"(&x.w[2])
                             : "memory");
            else
                asm volatile("stxr %w0, %1, [%2]" : "=&r"(fail) : "r"(7ul), "r"(&x.w[2])
                             : "memory");
            succeeded += !fail;
        }
    }
    barrier();
    if (!me)
        say_result(m->kind, m->name, rounds, succeeded);
}

/* Nobody writes: STXR succeeds within a few tries. */
static void undisturbed(u32 me, u64 rounds)
{
    u64 bad = 0;
    if (!me)
        begin();
    start(me);
    for (u64 i = 0; i < rounds; i++) {
        u32 fail = 1;
        for (u32 tries = 0; fail && tries < 100000; tries++) {
            u64 v;
            asm volatile("ldxr %0, [%2]\n stxr %w1, %0, [%2]" : "=&r"(v), "=&r"(fail)
                         : "r"(&wrong[me].w[8]) : "memory");
        }
        bad += fail;
    }
    wrong[me].w[0] = bad;
    barrier();
    if (!me)
        say_result("A", "stxr_undisturbed", rounds * cpus, sum(0));
}

/* ---- Single-copy atomicity ---- */

/* p: 16 bytes, aligned. A writer writes n to both doublewords; a reader says if they differ. */
static void w_stp(volatile void *p, u64 n)
{
    asm volatile("stp %1, %1, [%0]" ::"r"(p), "r"(n) : "memory");
}
static void w_stxp(volatile void *p, u64 n)
{
    u64 a, b;
    u32 fail;
    asm volatile("1: ldxp %0, %1, [%3]\n stxp %w2, %4, %4, [%3]\n cbnz %w2, 1b"
                 : "=&r"(a), "=&r"(b), "=&r"(fail) : "r"(p), "r"(n) : "memory");
}
static void w_casp(volatile void *p, u64 n)
{
    volatile u64 *q = p;
    register u64 a asm("x4") = q[0];
    register u64 b asm("x5") = q[1];
    register u64 c asm("x6") = n;
    register u64 d asm("x7") = n;
    for (;;) {
        u64 a0 = a, b0 = b;
        asm volatile("casp x4, x5, x6, x7, [%2]" : "+r"(a), "+r"(b) : "r"(p), "r"(c), "r"(d)
                     : "memory");
        if (a == a0 && b == b0)
            return;
    }
}
static u64 r_ldp(volatile void *p)
{
    u64 a, b;
    asm volatile("ldp %0, %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(p) : "memory");
    return a ^ b;
}
static u64 r_casp(volatile void *p)
{
    register u64 a asm("x4") = ~0ul;
    register u64 b asm("x5") = ~0ul;
    asm volatile("casp x4, x5, x4, x5, [%2]" : "+r"(a), "+r"(b) : "r"(p) : "memory");
    return a ^ b;
}
static u64 r_ldxp(volatile void *p)
{
    u64 a, b;
    u32 fail;
    asm volatile("1: ldxp %0, %1, [%3]\n stxp %w2, %0, %1, [%3]\n cbnz %w2, 1b"
                 : "=&r"(a), "=&r"(b), "=&r"(fail) : "r"(p) : "memory");
    return a ^ b;
}
/* A doubleword across the middle of the 16 bytes. */
static void w_middle(volatile void *p, u64 n)
{
    n &= 0xffffffff;
    asm volatile("str %1, [%0, #4]" ::"r"(p), "r"(n | n << 32) : "memory");
}
static u64 r_middle(volatile void *p)
{
    u64 v;
    asm volatile("ldur %0, [%1, #4]" : "=r"(v) : "r"(p) : "memory");
    return (u32)v ^ v >> 32;
}
static void w_middle_cas(volatile void *p, u64 n)
{
    u64 v;
    n &= 0xffffffff;
    asm volatile("swp %2, %0, [%1]" : "=r"(v) : "r"((volatile char *)p + 4), "r"(n | n << 32)
                 : "memory");
}
static void w_stp_w(volatile void *p, u64 n)
{
    asm volatile("stp %w1, %w1, [%0, #4]" ::"r"(p), "r"(n) : "memory");
}
static u64 r_ldp_w(volatile void *p)
{
    u64 a, b;
    asm volatile("ldp %w0, %w1, [%2, #4]" : "=&r"(a), "=&r"(b) : "r"(p) : "memory");
    return (u32)a ^ (u32)b;
}

/* lse2: the architecture promises it with FEAT_LSE2 only. */
static const struct tear {
    const char *name;
    void (*write)(volatile void *p, u64 n);
    u64 (*read)(volatile void *p);
    u32 lse2;
} tears[] = {
    {"tear_casp_casp", w_casp, r_casp, 0},
    {"tear_stxp_casp", w_stxp, r_casp, 0},
    {"tear_stxp_ldxp", w_stxp, r_ldxp, 0},
    {"tear_casp_ldxp", w_casp, r_ldxp, 0},
    {"tear_stp_ldp", w_stp, r_ldp, 1},
    {"tear_stp_casp", w_stp, r_casp, 1},
    {"tear_stp_ldxp", w_stp, r_ldxp, 1},
    {"tear_casp_ldp", w_casp, r_ldp, 1},
    {"tear_stxp_ldp", w_stxp, r_ldp, 1},
    {"tear_str_ldr_unaligned", w_middle, r_middle, 1},
    {"tear_swp_ldr_unaligned", w_middle_cas, r_middle, 1},
    {"tear_stp_ldp_w_unaligned", w_stp_w, r_ldp_w, 1},
};

static void tear(const struct tear *t, u32 me, u64 rounds)
{
    u64 bad = 0, mmfr2;
    asm("mrs %0, id_aa64mmfr2_el1" : "=r"(mmfr2));
    if (t->lse2 && !(mmfr2 >> 32 & 15))
        return;
    if (!me)
        begin();
    start(me);
    for (u64 i = 0; i < rounds; i++)
        if (me & 1)
            bad += t->read(&x.w[4]) != 0;
        else
            t->write(&x.w[4], (i * CPUS + me + 1) * 0x9e3779b97f4a7c15ul);
    wrong[me].w[0] = bad;
    barrier();
    if (!me)
        say_result("A", t->name, rounds * cpus, sum(0));
}

void atomics(u32 me, u64 rounds)
{
    for (u32 i = 0; i < sizeof(counters) / sizeof(*counters); i++)
        count(&counters[i], me, rounds);
    plain_bytes("plain_bytes_in_ldxr", add_ldxr64, me, rounds);
    plain_bytes("plain_bytes_in_ldxp", add_ldxp, me, rounds);
    plain_bytes("plain_bytes_in_ldadd", add_ldadd, me, rounds);
    plain_bytes("plain_bytes_in_cas", add_cas, me, rounds);
    plain_bytes("plain_bytes_in_casp", add_casp, me, rounds);
    count_swp(me, rounds);
    locked("lock_ldaxr", lock_ldaxr, unlock, me, rounds / 2);
    locked("lock_wfe", lock_wfe, unlock, me, rounds / 8);
    locked("lock_casa", lock_cas, unlock, me, rounds / 2);
    locked("lock_swpa", lock_swp, unlock, me, rounds / 2);
    locked("lock_ticket", lock_ticket, unlock_ticket, me, rounds / 16);
    stack(me, rounds);
    undisturbed(me, rounds);
    for (u32 i = 0; i < sizeof(meddles) / sizeof(*meddles); i++)
        meddle(&meddles[i], me, rounds / 64 + 2);
    for (u32 i = 0; i < sizeof(tears) / sizeof(*tears); i++)
        tear(&tears[i], me, rounds);
}
