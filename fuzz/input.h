/* The fuzzer's bytes as a stream of numbers. An exhausted stream reads as zero, so every prefix of
 * an input means something. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
    const uint8_t *p;
    size_t left;
};

/* The next `bytes` (at most 8) as a little-endian number. */
static inline uint64_t take(struct input *in, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes && in->left; i++) {
        v |= (uint64_t)*in->p++ << (8 * i);
        in->left--;
    }
    return v;
}

/* Up to n bytes in place; *n becomes how many there were. */
static inline const uint8_t *take_bytes(struct input *in, size_t *n)
{
    const uint8_t *p = in->p;
    if (*n > in->left)
        *n = in->left;
    in->p += *n;
    in->left -= *n;
    return p;
}

/* A number of the kinds that matter: small, an address near `base`, an edge, anything. */
static inline uint64_t take_value(struct input *in, uint64_t base)
{
    uint64_t kind = take(in, 1);
    switch (kind & 7) {
    case 0:
    case 1:
        return take(in, 1);
    case 2:
        return base + take(in, 2);
    case 3:
        return base + take(in, 4);
    case 4:
        return ~take(in, 2);
    case 5:
        return UINT64_C(1) << (kind >> 3) << (take(in, 1) & 32);
    case 6:
        return take(in, 4);
    default:
        return take(in, 8);
    }
}

/* The entry point that libFuzzer calls; a declaration for -Wmissing-prototypes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
