/* What the integer operations of the IR do, written without the IR's help: the model that its
 * builder, its passes and the back end are compared with. For tests that have included cmocka.
 * NZCV is 4 bits, N the highest.
 */
#ifndef TESTS_UNIT_IR_IR_MODEL_H
#define TESTS_UNIT_IR_IR_MODEL_H

#include "base/bits.h"
#include "ir/ir.h"

#include "../random.h"

/* ---- What the operations do ---- */

static inline uint64_t cut(unsigned w, uint64_t x)
{
    return w == 32 ? x & UINT32_MAX : x;
}

static inline unsigned nz(unsigned w, uint64_t r)
{
    return (r >> (w - 1) & 1) << 3 | (cut(w, r) == 0) << 2;
}

static inline uint64_t add_carry(unsigned w, uint64_t x, uint64_t y, unsigned c, unsigned *nzcv)
{
    x = cut(w, x);
    y = cut(w, y);
    unsigned __int128 sum = (unsigned __int128)x + y + c;
    uint64_t r = cut(w, (uint64_t)sum);
    *nzcv = nz(w, r) | (unsigned)(sum >> w & 1) << 1 | ((~(x ^ y) & (x ^ r)) >> (w - 1) & 1);
    return r;
}

static inline uint64_t high(bool is_signed, uint64_t x, uint64_t y)
{
    uint64_t lo = (x & UINT32_MAX) * (y & UINT32_MAX), a = (x >> 32) * (y & UINT32_MAX);
    uint64_t b = (x & UINT32_MAX) * (y >> 32);
    uint64_t carry = ((lo >> 32) + (a & UINT32_MAX) + (b & UINT32_MAX)) >> 32;
    uint64_t r = (x >> 32) * (y >> 32) + (a >> 32) + (b >> 32) + carry;
    if (is_signed)
        r -= (x >> 63 ? y : 0) + (y >> 63 ? x : 0);
    return r;
}

static inline uint64_t divide(unsigned w, uint64_t x, uint64_t y)
{
    int64_t a = sign_extend(x, w), b = sign_extend(y, w);
    uint64_t ma = a < 0 ? 0 - (uint64_t)a : (uint64_t)a;
    uint64_t mb = b < 0 ? 0 - (uint64_t)b : (uint64_t)b;
    if (!b)
        return 0;
    uint64_t q = ma / mb;
    return (a < 0) != (b < 0) ? 0 - q : q;
}

static inline uint64_t do_bin(enum ir_op op, unsigned w, uint64_t x, uint64_t y, unsigned *nzcv)
{
    unsigned c = *nzcv >> 1 & 1, s = (unsigned)(y % w);
    uint64_t r;
    x = cut(w, x);
    y = cut(w, y);
    switch (op) {
    case IR_ADD: return add_carry(w, x, y, 0, nzcv);
    case IR_SUB: return add_carry(w, x, ~y, 1, nzcv);
    case IR_ADC: return add_carry(w, x, y, c, nzcv);
    case IR_SBC: return add_carry(w, x, ~y, c, nzcv);
    case IR_AND: r = x & y; break;
    case IR_ANDN: r = x & ~y; break;
    case IR_OR: r = x | y; break;
    case IR_XOR: r = x ^ y; break;
    case IR_SHL: r = x << s; break;
    case IR_SHR: r = x >> s; break;
    case IR_SAR: r = (uint64_t)(sign_extend(x, w) >> s); break;
    case IR_ROR: r = s ? x >> s | x << (w - s) : x; break;
    case IR_MUL: r = x * y; break;
    case IR_UMULH: r = high(false, x, y); break;
    case IR_SMULH: r = high(true, x, y); break;
    case IR_UDIV: r = y ? x / y : 0; break;
    case IR_SDIV: r = divide(w, x, y); break;
    default: fail_msg("operation %u", op); return 0;
    }
    *nzcv = nz(w, r);
    return cut(w, r);
}

static inline uint64_t do_un(enum ir_op op, unsigned w, uint64_t x)
{
    uint64_t r = 0;
    switch (op) {
    case IR_NOT: return cut(w, ~x);
    case IR_NEG: return cut(w, 0 - x);
    case IR_CLZ:
        while (r < w && !(x >> (w - 1 - r) & 1))
            r++;
        return r;
    case IR_RBIT:
        for (unsigned n = 0; n < w; n++)
            r |= (x >> n & 1) << (w - 1 - n);
        return r;
    case IR_BSWAP:
        for (unsigned n = 0; n < w; n += 8)
            r |= (x >> n & 255) << (w - 8 - n);
        return r;
    case IR_REV16:
        for (unsigned n = 0; n < w; n += 8)
            r |= (x >> n & 255) << (n ^ 8);
        return r;
    default: fail_msg("operation %u", op); return 0;
    }
}

static inline uint64_t do_ext(enum ir_op op, unsigned w, unsigned sub, uint64_t x)
{
    uint64_t r = x & MASK(8u << sub);
    if (op == IR_SEXT && r >> ((8u << sub) - 1))
        r |= ~MASK(8u << sub);
    return cut(w, r);
}

static inline bool holds(unsigned cond, unsigned nzcv)
{
    bool n = nzcv & 8, z = nzcv & 4, c = nzcv & 2, v = nzcv & 1;
    const bool base[] = {z, c, n, v, c && !z, n == v, n == v && !z};
    return base[cond >> 1] != (cond & 1);
}

/* For operands and constants: often one near a limit. */
static inline uint64_t pick_value(uint64_t *random)
{
    static const uint64_t edge[] = {0, 1, 2, 8, 31, 32, 63, 64, 0x7fffffff, 0x80000000, UINT32_MAX,
                                    0x100000000, INT64_MAX, BIT(63), UINT64_MAX, UINT64_MAX - 7};
    return pick(random, 4) ? edge[pick(random, ARRAY_LEN(edge))] : next_random(random);
}

#endif
