/* Host half: which differences from the other side are known. */
#ifndef TESTS_EL1_KNOWN_H
#define TESTS_EL1_KNOWN_H

#include "trial.h"

/* The reason why `theirs` may differ from `mine`, else null. */
const char *known_difference(const struct el1_trial *t, const struct el1_result *mine,
                             const struct el1_result *theirs);

#endif
