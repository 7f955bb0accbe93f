/* See hash.h. Four lanes of multiply, rotate and multiply over 32-byte blocks, which keeps the
 * multipliers of a modern processor busy; then the rest and the length, mixed down by the finaliser
 * of splitmix64. The constants are odd numbers with bits everywhere: digits of the square roots of
 * 2, 3, 5 and 7.
 */
#include "base/hash.h"

#include "base/bits.h"

#define LANES 4
#define K1 UINT64_C(0x6a09e667f3bcc909)
#define K2 UINT64_C(0xbb67ae8584caa73b)
#define K3 UINT64_C(0x3c6ef372fe94f82b)
#define K4 UINT64_C(0xa54ff53a5f1d36f1)

static uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static uint64_t mix(uint64_t lane, uint64_t word)
{
    return rotl((lane ^ word) * K1, 29) * K2;
}

static uint64_t finish(uint64_t z)
{
    z = (z ^ z >> 30) * K3;
    z = (z ^ z >> 27) * K4;
    return z ^ z >> 31;
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
    const uint8_t *at = p;
    uint64_t lane[LANES] = {seed + K1, seed + K2, seed + K3, seed + K4};
    size_t left = n;
    for (; left >= 8 * LANES; left -= 8 * LANES, at += 8 * LANES) {
        for (unsigned i = 0; i < LANES; i++)
            lane[i] = mix(lane[i], le_load(at + 8 * i, 8));
    }
    uint64_t h = n * K3;
    for (unsigned i = 0; i < LANES; i++)
        h = rotl(h, 17) ^ finish(lane[i]);
    for (; left >= 8; left -= 8, at += 8)
        h = mix(h, le_load(at, 8));
    uint64_t rest = 0;
    memcpy(&rest, at, left);
    return finish(mix(h, rest));
}
