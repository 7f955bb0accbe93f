/* A 64-bit hash of bytes, for comparing large states: fast, and good enough that a difference of
 * one bit shows. Not for adversaries. The value is the same on every host and in every version that
 * says so in a file; it is not stored anywhere today.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of n bytes, continuing from `seed` (0, or the hash of what came before). @any */
uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);

#endif
