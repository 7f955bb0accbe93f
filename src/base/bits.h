/* Bit fields and host-endian access, in the Arm ARM's vocabulary: bits(x, hi, lo) is x<hi:lo>. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BIT(n) (UINT64_C(1) << (n))
#define MASK(n) ((n) >= 64 ? ~UINT64_C(0) : ((UINT64_C(1) << ((n) & 63)) - 1)) /* n low ones */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

static inline uint64_t bits(uint64_t x, unsigned hi, unsigned lo)
{
    return (x >> lo) & MASK(hi - lo + 1);
}

static inline bool bit(uint64_t x, unsigned n)
{
    return (x >> n) & 1;
}

/* x with x<hi:lo> replaced by the low bits of v. */
static inline uint64_t bits_set(uint64_t x, unsigned hi, unsigned lo, uint64_t v)
{
    uint64_t m = MASK(hi - lo + 1) << lo;
    return (x & ~m) | ((v << lo) & m);
}

/* The low `n` bits of x (1 <= n <= 64) as a signed number. */
static inline int64_t sign_extend(uint64_t x, unsigned n)
{
    return (int64_t)(x << (64 - n)) >> (64 - n);
}

/* The low `esize` bits rotated right by n (esize 1..64, n < esize), zero extended. */
static inline uint64_t ror_bits(uint64_t x, unsigned esize, unsigned n)
{
    x &= MASK(esize);
    return n ? ((x >> n) | (x << (esize - n))) & MASK(esize) : x;
}

static inline uint64_t align_down(uint64_t x, uint64_t a)
{
    return x & ~(a - 1);
}

static inline uint64_t align_up(uint64_t x, uint64_t a)
{
    return (x + a - 1) & ~(a - 1);
}

/* Unaligned little-endian access to bytes (the host is little-endian: x86-64). `size` is 1, 2, 4
 * or 8. */
static inline uint64_t le_load(const void *p, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, p, size);
    return v;
}

static inline void le_store(void *p, unsigned size, uint64_t v)
{
    memcpy(p, &v, size);
}

#endif
