/* Host half: runs trials of random.h with an engine, at EL0 of a small VM. */
#ifndef TESTS_ISA_RANDOM_MACHINE_H
#define TESTS_ISA_RANDOM_MACHINE_H

#include "random.h"

#include "vm/vm.h"

struct machine {
    struct vm vm;
};

/* False (after saying why on stderr) if the VM cannot be made. */
bool machine_create(struct machine *m, const char *engine);
void machine_destroy(struct machine *m);

/* Executes the words of `t`; *r gets the state after them, with the signal that Linux would send
 * for the exception, or 0 when all words were completed; `esr` the syndrome or 0. */
void machine_run(struct machine *m, const struct random_trial *t, struct random_result *r,
                 uint64_t *esr);

/* True if the window is zero outside the zones that a trial carries; makes it so. */
bool machine_clean(struct machine *m);

#endif
