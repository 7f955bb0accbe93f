/* What is not compared with Unicorn, and which differences are known. */
#ifndef TESTS_UNICORN_UNI_KNOWN_H
#define TESTS_UNICORN_UNI_KNOWN_H

#include "emulator.h"
#include "known.h" /* known_comparable() is for the generator, defined here */

/* PSTATE that runner.S stores: UAO, PAN, DAIF, EL, SP. */
#define UNI_PSTATE UINT64_C(0xc003cd)

/* The reason why `theirs` may differ from `mine`, else null. `esr`: the engine's exception. */
const char *uni_known(enum a64_op op, const struct random_trial *t, const struct uni_result *mine,
                      const struct uni_result *theirs, uint64_t esr);

#endif
