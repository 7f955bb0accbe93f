/* Host half: what is not compared, and which differences from the other side are known. */
#ifndef TESTS_ISA_RANDOM_KNOWN_H
#define TESTS_ISA_RANDOM_KNOWN_H

#include "random.h"

#include "a64/features.h"
#include "a64_ops.h"

#include <stdbool.h>

/* False for words whose result depends on the operating system or the implementation. */
bool known_comparable(enum a64_op op, uint32_t word);

/* The reason why `theirs` may differ from `mine`, else null. */
const char *known_difference(enum a64_op op, const struct random_trial *t,
                             const struct random_result *mine, const struct random_result *theirs);

#endif
