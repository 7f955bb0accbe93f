/* Random numbers for tests, the same in each run: a sequence is its state, a word that the test
 * sets at the beginning. */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include "base/hash.h"

#include <stdint.h>

static inline uint64_t next_random(uint64_t *random)
{
    *random += UINT64_C(0x9e3779b97f4a7c15);
    return hash_bytes(random, sizeof(*random), 0);
}

/* One of 0 to n - 1. */
static inline unsigned pick(uint64_t *random, unsigned n)
{
    return (unsigned)(next_random(random) % n);
}

#endif
