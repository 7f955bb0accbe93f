/*
 * Edge-biased random floating-point operands, shared by the unit tests and the AArch64 oracle
 * program (tests/isa/fp_oracle.c). Deterministic: the same seed gives the same operands.
 */
#ifndef TESTS_UNIT_A64_FP_OPERANDS_H
#define TESTS_UNIT_A64_FP_OPERANDS_H

#include <stdint.h>

static inline uint64_t fp_rand(uint64_t *seed)
{
    // xorshift64*
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1d;
}

// An operand of `width` bits (8 and less: plain random bits). Exponents are drawn to the ends of
// the range and to the neighbourhood of one, fractions to few set or few clear bits.
static inline uint64_t fp_operand(uint64_t *seed, unsigned width)
{
    unsigned f = width == 64 ? 52 : width == 32 ? 23 : 10;
    uint64_t fmask = ((uint64_t)1 << f) - 1, emax = ((uint64_t)1 << (width - f - 1)) - 1;
    uint64_t bias = emax / 2, r = fp_rand(seed), frac = fp_rand(seed) >> 11 & fmask, exp;

    if (width < 16)
        return width ? r >> 8 & (((uint64_t)1 << width) - 1) : 0;
    switch (r & 15) {
    case 0:
        exp = 0;
        break;
    case 1:
        exp = 1 + (r >> 8) % 3;
        break;
    case 2:
        exp = emax;
        break;
    case 3:
        exp = emax - 1 - (r >> 8) % 3;
        break;
    case 4:
    case 5:
        exp = (r >> 8) % (emax + 1);
        break;
    case 6:
        exp = (bias + 13 + (r >> 8) % 54) % emax; // around the ends of integer ranges
        break;
    case 7:
        exp = (bias / 2 + (r >> 8) % (bias < 60 ? bias : 60)) % emax; // product may be denormal
        break;
    case 8:
        exp = bias - 2 + (r >> 8) % 5;
        break;
    default:
        exp = (bias - f - 3 + emax + (r >> 8) % (2 * f + 6)) % emax;
        break;
    }
    switch (r >> 4 & 15) {
    case 0:
    case 1:
        frac = 0;
        break;
    case 2:
        frac = fmask;
        break;
    case 3:
        frac = (r >> 16) & 3;
        break;
    case 4:
        frac = fmask - ((r >> 16) & 3);
        break;
    case 5:
        frac = ((fmask >> 1) + (r >> 16 & 3)) & fmask; // around the quiet bit
        break;
    case 6:
        frac = (uint64_t)1 << (r >> 16) % f;
        break;
    case 7:
        frac = fmask << (r >> 16) % f & fmask;
        break;
    case 8:
        frac = fmask >> (r >> 16) % f;
        break;
    case 9:
        frac &= fmask << (r >> 16) % f;
        break;
    default:
        break;
    }
    return (r >> 63) << (width - 1) | exp << f | frac;
}

#endif
