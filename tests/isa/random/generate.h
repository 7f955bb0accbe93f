/* Host half: makes trials. */
#ifndef TESTS_ISA_RANDOM_GENERATE_H
#define TESTS_ISA_RANDOM_GENERATE_H

#include "machine.h"

#include "a64_ops.h"

/* Makes a random trial for a line of isa/ (A64_UNDEFINED: a word that no line matches) with *seed,
 * which it advances, and runs it on `m` for the result *r: both are done together, because trials
 * that would touch memory outside the test's region are not wanted. False: none was found. */
bool generate_trial(struct machine *m, enum a64_op op, uint64_t *seed, struct random_trial *t,
                    struct random_result *r, uint64_t *esr);

/* The same with another state for the words of the trial `last`, which *t then repeats. */
bool generate_again(struct machine *m, enum a64_op op, uint64_t *seed,
                    const struct random_trial *last, struct random_trial *t,
                    struct random_result *r, uint64_t *esr);

/* Its parts: a word for EL0 of a line that is not A64_UNDEFINED; a state whose vectors have the
 * format `kind` (0 double, 1 single, 2 half, 3 BFloat16, 4 integer). */
uint32_t generate_word(uint64_t *seed, enum a64_op op);
void generate_state(uint64_t *seed, struct random_state *st, unsigned kind);

#endif
