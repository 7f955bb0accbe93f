/* Host half: runs trials of trial.h with an engine, in a VM with nothing but RAM. */
#ifndef TESTS_EL1_MACHINE_H
#define TESTS_EL1_MACHINE_H

#include "trial.h"

#include "vm/vm.h"

struct machine {
    struct vm vm;
};

/* False (after saying why on stderr) if the VM cannot be made. */
bool machine_create(struct machine *m, const char *engine);
void machine_destroy(struct machine *m);
/* Reset: what trials left in registers that are not in regs.def is gone. */
void machine_restart(struct machine *m);

/* Executes the trial until HVC. False: it did not end within some instructions. */
bool machine_run(struct machine *m, const struct el1_trial *t, struct el1_result *r);

/* Prints the engine's statistics whose names begin with `prefix`, as comments. */
void machine_print_stats(struct machine *m, const char *prefix);

/* MRS/MSR key (bits 20..5 of the words) of register `n` of regs.def, and its name. */
unsigned machine_key(unsigned n);
const char *machine_reg_name(unsigned n);

#endif
