/* Tests of the memory model as data, and what the model says about them. */
#ifndef LITMUS_MODEL_H
#define LITMUS_MODEL_H

#include <stdbool.h>

#define THREADS 4u
#define VARS 4u
#define EVENTS 8u
#define SLOTS 6u              /* observations of one test: registers, then final values */
#define OUTCOMES (1u << 2 * SLOTS) /* two bits each */

/* What stands between an access and the next one of its thread. */
enum order {
    O_PO,      /* program order only */
    O_SY,      /* DMB ISH */
    O_LD,      /* DMB ISHLD */
    O_ST,      /* DMB ISHST */
    O_ADDR,    /* the second address depends on the value read */
    O_DATA,    /* the value written depends on the value read */
    O_CTRL,    /* a branch depends on the value read */
    O_CTRLISB, /* ... and an ISB follows it */
    O_A,       /* the first access is LDAR */
    O_Q,       /* the first access is LDAPR */
    O_L,       /* the second access is STLR */
    O_AL,      /* LDAR, STLR */
    O_LA,      /* STLR, LDAR */
    O_LQ,      /* STLR, LDAPR */
    ORDERS
};

struct event {
    unsigned thread, var;
    unsigned value;       /* of a write */
    unsigned slot;        /* of a read: the observation */
    enum order before;    /* to the access before this one in the thread */
    bool write, first;    /* first: of its thread */
    bool A, Q, L;
};

struct test {
    char name[64];
    const char *shape;
    struct event event[EVENTS];
    unsigned events, threads, vars, reads, slots;
    bool final[VARS];        /* its last value is an observation */
    bool allowed[OUTCOMES];  /* by the architecture */
    bool sc[OUTCOMES];       /* by an interleaving */
};

/* Calls `f` for every test there is, with `allowed` and `sc` filled in. */
void tests_each(void (*f)(const struct test *t, void *arg), void *arg);

#endif
