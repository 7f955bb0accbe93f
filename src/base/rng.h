/* The host's random numbers: the only source of them in the program. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>

/* Fills `n` bytes from getrandom(2). Never fails on a running system; aborts if the call is
 * missing. @any */
void rng_bytes(void *p, size_t n);

#endif
