/* Unicorn as the other side: trials of tests/isa/random/random.h at EL1, in this process. */
#ifndef TESTS_UNICORN_EMULATOR_H
#define TESTS_UNICORN_EMULATOR_H

#include "machine.h"

#include <unicorn/unicorn.h>

/* What a result has beyond random_result. An exception is told by `signal`, EMULATOR_*. */
struct uni_result {
    struct random_result r;
    uint64_t pstate, sp_el0, elr, spsr, tpidr, tpidrro;
};

/* Classes of exceptions, QEMU's numbers. */
enum {
    EMULATOR_NONE = 0,
    EMULATOR_UNDEFINED = 1,
    EMULATOR_SVC = 2,
    EMULATOR_FETCH = 3,
    EMULATOR_DATA = 4,
    EMULATOR_BRK = 7,
};

struct emulator {
    uc_engine *uc;
    uint8_t *window, *code; /* RANDOM_WINDOW's writable pages, RANDOM_CODE */
    unsigned exception;     /* that ended the last trial */
    uint64_t exceptions;
};

/* An emulator with the map of random.h. False, after saying why on stderr, if there is none. */
bool emulator_create(struct emulator *e);
void emulator_destroy(struct emulator *e);

/* Runs a trial. `system`: its word may use system registers, which are set and read only then.
 * False, after saying why on stderr: the emulator failed. */
bool emulator_run(struct emulator *e, const struct random_trial *t, bool system,
                  struct uni_result *u);

#endif
