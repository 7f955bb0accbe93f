/* Host half: runs trials of random.h with an engine, at EL0 or EL1 of a small VM. */
#ifndef TESTS_ISA_RANDOM_MACHINE_H
#define TESTS_ISA_RANDOM_MACHINE_H

#include "random.h"

#include "vm/vm.h"

/* What trials at EL1 find in registers that their record has not: SP_EL0 (for EL0: SP_EL1), and
 * these of EL1. PAR_EL1 is zero. */
#define RANDOM_OTHER_SP UINT64_C(0x5050505050505050)
#define RANDOM_ELR UINT64_C(0xe1e1e1e1e1e1e1e0)
#define RANDOM_SPSR UINT64_C(0x3c5)
#define RANDOM_TPIDR UINT64_C(0x7d7d7d7d7d7d7d7d)
#define RANDOM_TPIDRRO UINT64_C(0x7070707070707070)

struct machine {
    struct vm vm;
    unsigned el; /* of the trials: 0, or 1 with SP_EL1, and pages that EL0 may use too */
};

/* False (after saying why on stderr) if the VM cannot be made. */
bool machine_create(struct machine *m, const char *engine, unsigned el);
void machine_destroy(struct machine *m);

/* Executes the words of `t`; *r gets the state after them, with the signal that Linux would send
 * for the exception, or 0 when all words were completed; `esr` the syndrome or 0. */
void machine_run(struct machine *m, const struct random_trial *t, struct random_result *r,
                 uint64_t *esr);

bool machine_is_data_abort(uint64_t esr);

/* False: the trial that just ran has written to its own words. */
bool machine_kept_words(const struct machine *m, const struct random_trial *t);

/* True if the window is zero outside the zones that a trial carries; makes it so. */
bool machine_clean(struct machine *m);

#endif
