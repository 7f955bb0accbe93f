/* Random sequences of instructions for tests/seq. */
#ifndef TESTS_SEQ_MAKE_H
#define TESTS_SEQ_MAKE_H

#include "machine.h"

/* A sequence and its result on `m`, from *seed, which it advances. False: this one would fault or
 * touch memory that a trial does not carry. */
bool make_sequence(struct machine *m, uint64_t *seed, struct random_trial *t,
                   struct random_result *r);

/* The words of `last` with another state of everything but the registers that hold addresses.
 * False: no such state keeps the rules. */
bool make_variant(struct machine *m, uint64_t *seed, const struct random_trial *last,
                  struct random_trial *t, struct random_result *r);

#endif
