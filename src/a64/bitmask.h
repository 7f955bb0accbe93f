/* DecodeBitMasks(): the bit patterns that logical immediates and bitfield instructions encode (Arm
 * ARM, aarch64/instrs/integer/bitmasks). */
#ifndef A64_BITMASK_H
#define A64_BITMASK_H

#include "base/bits.h"

/* wmask: imms + 1 ones in each element, rotated right by immr; tmask: the bits of each element that
 * a bitfield instruction inserts. Masks are those of 64 bits; elements repeat, so the low half is
 * the mask for 32. `immediate`: a logical immediate, for which all ones is reserved. False:
 * reserved value. @any */
static inline bool a64_decode_bit_masks(unsigned n, unsigned imms, unsigned immr, bool immediate,
                                        uint64_t *wmask, uint64_t *tmask)
{
    unsigned combined = n << 6 | (~imms & 0x3f);
    if (combined < 2)
        return false; /* the element would have fewer than two bits */
    unsigned len = 31 - (unsigned)__builtin_clz(combined);
    unsigned esize = 1u << len, levels = esize - 1;
    if (immediate && (imms & levels) == levels)
        return false;
    unsigned s = imms & levels, r = immr & levels, d = (s - r) & levels;
    uint64_t welem = ror_bits(MASK(s + 1), esize, r), telem = MASK(d + 1);
    for (unsigned i = esize; i < 64; i *= 2) {
        welem |= welem << i;
        telem |= telem << i;
    }
    *wmask = welem;
    *tmask = telem;
    return true;
}

#endif
