/* Arm's memory model (DDI 0487, B2.3) for straight-line tests: shapes times kinds of order, and for
 * each of them the outcomes that the architecture allows, by enumeration.
 *
 * No table of forbidden outcomes is written down, since a slip in it would be a test that cannot
 * fail. Instead each candidate execution - a write (or the initial value) that each read takes its
 * value from (rf), and a coherence order of the writes to each location (co) - is kept if it has
 *
 *   internal visibility: po-loc | rf | fr | co has no cycle
 *   external visibility: Ordered-before, which is obs | dob | bob, has no cycle
 *     obs  rfe | fre | coe: other-multi-copy-atomic, a write is seen by all other threads at once
 *     dob  addr | data | ctrl; [W] | ctrl; [ISB]; po; [R] | addr; po; [W] | (addr|data); rfi
 *     bob  po; [DMB]; po | [R]; po; [DMB LD]; po | [W]; po; [DMB ST]; po; [W]
 *          | [L]; po; [A] | [A|Q]; po | po; [L]
 *
 * and its outcome is then allowed. A is LDAR, L is STLR, Q is LDAPR (FEAT_LRCPC), which lacks
 * [L]; po; [Q]. The third axiom (atomic) has nothing to say here: atomics.c tests it. litmus.c
 * compares the result with verdicts for well-known tests.
 *
 * An outcome that no interleaving gives ("relaxed") is what these tests are about. A test for which
 * the architecture forbids all of those is one that its order makes sequentially consistent. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    const char *name;
    const char *text;  /* threads of accesses: Wx1 writes 1 to x, Rx reads it */
    bool all;          /* every kind of order, else a choice */
    bool symmetric;    /* exchanging the threads changes nothing: each pair of kinds once */
};

static const struct shape shapes[] = {
    {"MP", "Wx1 Wy1|Ry Rx", true, false},
    {"SB", "Wx1 Ry|Wy1 Rx", true, true},
    {"LB", "Rx Wy1|Ry Wx1", true, true},
    {"S", "Wx2 Wy1|Ry Wx1", true, false},
    {"R", "Wx1 Wy1|Wy2 Rx", true, false},
    {"2+2W", "Wx1 Wy2|Wy1 Wx2", true, true},
    {"CoRR", "Wx1|Rx Rx", false, false},
    {"CoWW", "Wx1 Wx2|Rx Rx", false, false},
    {"CoRW1", "Rx Wx1|Wx2", false, false},
    {"CoWR", "Wx1 Rx|Wx2", false, false},
    {"CoRW2", "Wx1|Rx Wx2", false, false},
    {"SB+rfi", "Wx1 Rx Ry|Wy1 Ry Rx", false, true},
    {"MP+rfi", "Wx1 Wy1 Ry|Ry Rx", false, false},
    {"MP+3R", "Wx1 Wy1|Ry Ry Rx", false, false},
    {"WRC", "Wx1|Rx Wy1|Ry Rx", false, false},
    {"RWC", "Wx1|Rx Ry|Wy1 Rx", false, false},
    {"WWC", "Wx2|Rx Wy1|Ry Wx1", false, false},
    {"WRW+2W", "Wx2|Rx Wy1|Wy2 Wx1", false, false},
    {"ISA2", "Wx1 Wy1|Ry Wz1|Rz Rx", false, false},
    {"3.SB", "Wx1 Ry|Wy1 Rz|Wz1 Rx", false, false},
    {"3.LB", "Rx Wy1|Ry Wz1|Rz Wx1", false, false},
    {"3.2W", "Wx1 Wy2|Wy1 Wz2|Wz1 Wx2", false, false},
    {"Z6.3", "Wx1 Wy1|Wy2 Wz1|Rz Rx", false, false},
    {"CoRR2", "Wx1|Wx2|Rx Rx|Rx Rx", false, false},
    {"IRIW", "Wx1|Wy1|Rx Ry|Ry Rx", false, false},
    {"IRRWIW", "Wx2|Wy1|Rx Ry|Ry Wx1", false, false},
};

/* Kinds for a pair of accesses: W/R first, W/R second; all of them, and the choice. */
#define END ORDERS
static const enum order kinds_all[2][2][ORDERS + 1] = {
    {{O_PO, O_SY, O_LD, O_ST, O_ADDR, O_CTRL, O_CTRLISB, O_A, O_Q, END},
     {O_PO, O_SY, O_LD, O_ADDR, O_DATA, O_CTRL, O_A, O_Q, O_L, O_AL, END}},
    {{O_PO, O_SY, O_LD, O_ST, O_LA, O_LQ, END}, {O_PO, O_SY, O_LD, O_ST, O_L, END}}};
static const enum order kinds_few[2][2][ORDERS + 1] = {
    {{O_PO, O_SY, O_ADDR, O_A, O_Q, END}, {O_PO, O_SY, O_DATA, O_L, END}},
    {{O_PO, O_SY, O_LA, END}, {O_PO, O_ST, O_L, END}}};
static const enum order kinds_same[] = {O_PO, END}; /* both to one location */

static const char *const order_name[ORDERS] = {"po", "dmb", "dmb.ld", "dmb.st", "addr",
                                               "data", "ctrl", "ctrlisb", "A", "Q",
                                               "L", "AL", "LA", "LQ"};

/* ---- The model ---- */

struct rel {
    unsigned row[EVENTS]; /* bit b of row[a]: a before b */
};

struct execution {
    unsigned rf[EVENTS]; /* of a read: the write, EVENTS for the initial value */
    unsigned co[EVENTS]; /* of a write: its place among the writes to its location, from 1 */
};

static void add(struct rel *r, unsigned a, unsigned b)
{
    r->row[a] |= 1u << b;
}

static bool acyclic(const struct rel *r, unsigned n)
{
    struct rel c = *r;
    for (unsigned k = 0; k < n; k++)
        for (unsigned a = 0; a < n; a++)
            if (c.row[a] >> k & 1)
                c.row[a] |= c.row[k];
    for (unsigned a = 0; a < n; a++)
        if (c.row[a] >> a & 1)
            return false;
    return true;
}

/* rf, co and fr between two accesses of one location. */
static bool communicates(const struct test *t, const struct execution *x, unsigned a, unsigned b)
{
    const struct event *ea = &t->event[a], *eb = &t->event[b];
    if (ea->var != eb->var || a == b)
        return false;
    if (ea->write && !eb->write)
        return x->rf[b] == a;
    if (ea->write)
        return x->co[a] < x->co[b];
    return eb->write && (x->rf[a] == EVENTS || x->co[x->rf[a]] < x->co[b]);
}

/* A fence of this kind between a and b, a before b in one thread. */
static bool fence_between(const struct test *t, unsigned a, unsigned b, enum order kind)
{
    for (unsigned e = a + 1; e <= b; e++)
        if (t->event[e].before == kind)
            return true;
    return false;
}

/* dob and bob for a before b in one thread. */
static bool locally_ordered(const struct test *t, const struct execution *x, unsigned a, unsigned b)
{
    const struct event *ea = &t->event[a], *eb = &t->event[b];
    if (fence_between(t, a, b, O_SY) || (!ea->write && fence_between(t, a, b, O_LD)) ||
        (ea->write && eb->write && fence_between(t, a, b, O_ST)))
        return true;
    if (ea->A || ea->Q || eb->L || (ea->L && eb->A))
        return true;
    if (ea->write)
        return false;
    enum order dep = t->event[a + 1].before; /* dependencies begin at the access before */
    switch (dep) {
    case O_ADDR:
    case O_DATA:
        return b == a + 1 || (dep == O_ADDR && eb->write) ||
               (t->event[a + 1].write && !eb->write && x->rf[b] == a + 1);
    case O_CTRL: return eb->write;
    case O_CTRLISB: return true;
    default: return false;
    }
}

static bool is_allowed(const struct test *t, const struct execution *x, bool *sc)
{
    struct rel internal = {0}, external = {0}, all = {0};
    for (unsigned a = 0; a < t->events; a++)
        for (unsigned b = 0; b < t->events; b++) {
            bool same = t->event[a].thread == t->event[b].thread;
            bool po = same && a < b;
            bool com = communicates(t, x, a, b);
            if (com || (po && t->event[a].var == t->event[b].var))
                add(&internal, a, b);
            if ((com && !same) || (po && locally_ordered(t, x, a, b)))
                add(&external, a, b);
            if (com || po)
                add(&all, a, b);
        }
    *sc = acyclic(&all, t->events);
    return acyclic(&internal, t->events) && acyclic(&external, t->events);
}

static unsigned outcome_of(const struct test *t, const struct execution *x)
{
    unsigned code = 0, slot = t->reads;
    for (unsigned e = 0; e < t->events; e++)
        if (!t->event[e].write && x->rf[e] != EVENTS)
            code |= t->event[x->rf[e]].value << 2 * t->event[e].slot;
    for (unsigned v = 0; v < t->vars; v++) {
        unsigned last = EVENTS;
        if (!t->final[v])
            continue;
        for (unsigned e = 0; e < t->events; e++)
            if (t->event[e].write && t->event[e].var == v &&
                (last == EVENTS || x->co[e] > x->co[last]))
                last = e;
        code |= t->event[last].value << 2 * slot++;
    }
    return code;
}

/* All executions: event e and those after it are still to be chosen. */
static void enumerate(struct test *t, struct execution *x, unsigned e)
{
    if (e == t->events) {
        bool sc, allowed = is_allowed(t, x, &sc);
        unsigned code = outcome_of(t, x);
        t->allowed[code] |= allowed;
        t->sc[code] |= sc;
        return;
    }
    const struct event *this = &t->event[e];
    if (!this->write) {
        for (x->rf[e] = 0; x->rf[e] <= EVENTS; x->rf[e]++) {
            unsigned w = x->rf[e];
            if (w == EVENTS ||
                (w < t->events && t->event[w].write && t->event[w].var == this->var))
                enumerate(t, x, e + 1);
        }
        return;
    }
    unsigned writes = 0, taken = 0;
    for (unsigned w = 0; w < t->events; w++)
        if (t->event[w].write && t->event[w].var == this->var) {
            writes++;
            if (w < e)
                taken |= 1u << x->co[w];
        }
    for (unsigned place = 1; place <= writes; place++)
        if (!(taken >> place & 1)) {
            x->co[e] = place;
            enumerate(t, x, e + 1);
        }
}

/* ---- Tests from shapes ---- */

static void parse(struct test *t, const struct shape *s)
{
    unsigned writes[VARS] = {0};
    bool first = true;
    *t = (struct test){.shape = s->name, .threads = 1};
    for (const char *p = s->text; *p; p++) {
        struct event *e = &t->event[t->events];
        if (*p == ' ')
            continue;
        if (*p == '|') {
            t->threads++;
            first = true;
            continue;
        }
        *e = (struct event){.write = *p == 'W', .thread = t->threads - 1, .first = first};
        e->var = (unsigned)(*++p - 'x');
        if (e->write) {
            e->value = (unsigned)(*++p - '0');
            writes[e->var]++;
        } else {
            e->slot = t->reads++;
        }
        if (e->var >= t->vars)
            t->vars = e->var + 1;
        t->events++;
        first = false;
    }
    t->slots = t->reads;
    for (unsigned v = 0; v < t->vars; v++)
        if ((t->final[v] = writes[v] > 1))
            t->slots++;
    if (t->slots > SLOTS || t->threads > THREADS) {
        fprintf(stderr, "%s is too large\n", s->name);
        exit(2);
    }
}

static void annotate(struct test *t)
{
    for (unsigned i = 1; i < t->events; i++) {
        struct event *a = &t->event[i - 1], *b = &t->event[i];
        if (b->first)
            continue;
        enum order o = b->before;
        a->A |= o == O_A || o == O_AL;
        a->Q |= o == O_Q;
        a->L |= o == O_LA || o == O_LQ;
        b->L |= o == O_L || o == O_AL;
        b->A |= o == O_LA;
        b->Q |= o == O_LQ;
    }
}

struct visit {
    void (*f)(const struct test *t, void *arg);
    void *arg;
};

/* Chooses the kind before event e and those after it. */
static void choose(const struct shape *s, const struct test *t, unsigned e, const struct visit *v)
{
    static struct test done;
    while (e < t->events && t->event[e].first)
        e++;
    if (e == t->events) {
        struct execution x = {0};
        unsigned half = t->events / 2;
        for (unsigned i = 1; s->symmetric && i < half; i++) {
            if (t->event[i].before > t->event[half + i].before)
                return;
            if (t->event[i].before < t->event[half + i].before)
                break;
        }
        done = *t;
        annotate(&done);
        enumerate(&done, &x, 0);
        v->f(&done, v->arg);
        return;
    }
    struct test next = *t;
    const struct event *a = &t->event[e - 1], *b = &t->event[e];
    const enum order *kind = s->all ? kinds_all[a->write][b->write] : kinds_few[a->write][b->write];
    if (a->var == b->var)
        kind = kinds_same;
    for (; *kind != END; kind++) {
        next.event[e].before = *kind;
        snprintf(next.name, sizeof(next.name), "%.40s+%s", t->name, order_name[*kind]);
        choose(s, &next, e + 1, v);
    }
}

void tests_each(void (*f)(const struct test *t, void *arg), void *arg)
{
    static struct test t;
    for (unsigned i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        parse(&t, &shapes[i]);
        snprintf(t.name, sizeof(t.name), "%s", shapes[i].name);
        choose(&shapes[i], &t, 1, &(struct visit){f, arg});
    }
}
