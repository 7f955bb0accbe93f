/* Host half: makes trials. */
#ifndef TESTS_EL1_GENERATE_H
#define TESTS_EL1_GENERATE_H

#include "trial.h"

/* The suites; a trial is of one kind. */
enum el1_kind {
    EL1_SYSREG, /* MSR then MRS of a register of isa/sysregs.def */
    EL1_SYSTEM, /* any word of the system instruction space */
    EL1_PSTATE, /* exceptions, exception return, PSTATE fields */
    EL1_WALK_KIND, /* an access through random translation tables */
    EL1_PAIR_KIND, /* ... and another to the same address, perhaps with other PSTATE between */
    EL1_KINDS
};

extern const char *const el1_kind_name[EL1_KINDS];

/* A random trial of a kind, with *seed, which it advances. */
void generate_trial(enum el1_kind kind, uint64_t *seed, struct el1_trial *t);

#endif
