/* What the integer Advanced SIMD handlers share: lanes, and the operation on them.
 *
 * Nearly all of these instructions do the same thing to each lane, so there is one loop,
 * simd_lanes(), and a small function per operation. Lane values are 128-bit signed numbers
 * (lane_t) extended from the lane as the operation says, so an operation is its arithmetic
 * definition, without a thought on overflow: the exact result is wrapped or saturated afterwards.
 */
#ifndef ENGINE_INTERP_SIMD_INT_H
#define ENGINE_INTERP_SIMD_INT_H

#include "engine/interp/interp_int.h"

typedef __int128 lane_t;

/* ---- Lanes of 1 << log2 bytes ---- */

static inline uint64_t lane_get(const union a64_vreg *v, unsigned log2, unsigned i)
{
    switch (log2) {
    case 0:
        return v->b[i];
    case 1:
        return v->h[i];
    case 2:
        return v->s[i];
    default:
        return v->d[i];
    }
}

static inline void lane_set(union a64_vreg *v, unsigned log2, unsigned i, uint64_t x)
{
    switch (log2) {
    case 0:
        v->b[i] = (uint8_t)x;
        break;
    case 1:
        v->h[i] = (uint16_t)x;
        break;
    case 2:
        v->s[i] = (uint32_t)x;
        break;
    default:
        v->d[i] = x;
        break;
    }
}

static inline lane_t lane_extend(uint64_t x, unsigned esize, bool is_signed)
{
    return is_signed ? (lane_t)sign_extend(x, esize) : (lane_t)(x & MASK(esize));
}

/* Lanes in a vector of 64 (q = 0) or 128 bits. */
static inline unsigned lane_count(bool q, unsigned log2)
{
    return (q ? 16u : 8u) >> log2;
}

/* SignedSatQ() and UnsignedSatQ() with their effect on FPSR.QC; wrapping drops the high bits. */
enum lane_finish { WRAP, SAT_S, SAT_U };

static inline lane_t lane_finish(struct a64_cpu *cpu, lane_t x, unsigned esize,
                                 enum lane_finish finish)
{
    const lane_t one = 1;
    const lane_t max = (one << (finish == SAT_S ? esize - 1 : esize)) - 1;
    const lane_t min = finish == SAT_S ? -max - 1 : 0;
    if (finish == WRAP || (x >= min && x <= max))
        return x;
    cpu->fp.fpsr |= FPSR_QC;
    return x < min ? min : max;
}

/* ---- Operations ---- */

/* The exact result from d (the old destination lane), a and b (the sources); esize is the width of
 * the destination lane in bits. */
typedef lane_t lane_fn(struct a64_cpu *cpu, lane_t d, lane_t a, lane_t b, unsigned esize);

struct lane_op {
    lane_fn *fn;
    enum lane_sign { UNSIGNED, SIGNED } sign; /* how d, a and b are extended */
    enum lane_finish finish;
};

/* A row of a table: OP(add, SIGNED, SAT_S). */
#define OP(fn, sign, finish)                                                                       \
    &(const struct lane_op)                                                                        \
    {                                                                                              \
        lane_##fn, sign, finish                                                                    \
    }

#define LANE_FN(name, expr)                                                                        \
    static inline lane_t lane_##name(struct a64_cpu *cpu, lane_t d, lane_t a, lane_t b,            \
                                     unsigned esize)                                               \
    {                                                                                              \
        (void)cpu;                                                                                 \
        (void)d;                                                                                   \
        (void)a;                                                                                   \
        (void)b;                                                                                   \
        (void)esize;                                                                               \
        return expr;                                                                               \
    }

LANE_FN(add, a + b)
LANE_FN(sub, a - b)
LANE_FN(mul, (a * b))
LANE_FN(mla, d + a * b)
LANE_FN(mls, d - a * b)
LANE_FN(max, a > b ? a : b)
LANE_FN(min, a < b ? a : b)
LANE_FN(abd, a > b ? a - b : b - a)
LANE_FN(aba, d + (a > b ? a - b : b - a))

/* Doubling multiplies: returning the high half, its accumulating forms, and widening. */
LANE_FN(dmulh, (2 * a * b) >> esize)
LANE_FN(rdmulh, (2 * a * b + ((lane_t)1 << (esize - 1))) >> esize)
LANE_FN(rdmlah, (d * ((lane_t)1 << esize) + 2 * a * b + ((lane_t)1 << (esize - 1))) >> esize)
LANE_FN(rdmlsh, (d * ((lane_t)1 << esize) - 2 * a * b + ((lane_t)1 << (esize - 1))) >> esize)
LANE_FN(dmull, 2 * a * b)
LANE_FN(dmlal, d + lane_finish(cpu, 2 * a * b, esize, SAT_S))
LANE_FN(dmlsl, d - lane_finish(cpu, 2 * a * b, esize, SAT_S))

/* PolynomialMult() of 8-bit lanes. */
static inline lane_t lane_pmul(struct a64_cpu *cpu, lane_t d, lane_t a, lane_t b, unsigned esize)
{
    uint64_t r = 0;
    (void)cpu;
    (void)d;
    (void)esize;
    for (unsigned i = 0; i < 8; i++)
        if (bit((uint64_t)b, i))
            r ^= (uint64_t)a << i;
    return (lane_t)r;
}

/* a shifted left, or right by -shift with optional rounding. Left shifts that lose all bits give a
 * number too large for every lane and 0 in its low 64 bits, so that both finishes are right. */
static inline lane_t lane_shift(lane_t a, int shift, bool round, unsigned esize)
{
    const lane_t one = 1, huge = one << 100;
    if (shift >= (int)esize)
        return a == 0 ? 0 : a > 0 ? huge : -huge;
    if (shift >= 0)
        return a * (one << shift);
    const unsigned n = -shift > (int)esize + 1 ? esize + 1 : (unsigned)-shift;
    return (a + (round ? one << (n - 1) : 0)) >> n;
}

/* ---- The loop ---- */

/* Lane i of a source is lane first + i * step of v. Step 0: the same lane for all. */
struct lane_src {
    const union a64_vreg *v;
    unsigned log2, first, step;
};

/* Lane i of the result is lane first + i of Vd. With first = 0 all other lanes become zero, else
 * the lower 64 bits stay (the "2" forms of narrowing instructions). */
struct lane_dst {
    unsigned rd, log2, count, first;
};

/* Vd[i] := op(Vd[i], a[i], b[i]) for all lanes; sources may overlap Vd. @vcpu */
void simd_lanes(struct a64_cpu *cpu, const struct lane_op *op, struct lane_dst dst,
                struct lane_src a, struct lane_src b);

/* All of Vn from its first lane on. */
static inline struct lane_src lane_all(const struct a64_cpu *cpu, unsigned n, unsigned log2)
{
    return (struct lane_src){&cpu->v[n], log2, 0, 1};
}

/* The lower (part 0) or upper 64 bits of Vn. */
static inline struct lane_src lane_half(const struct a64_cpu *cpu, unsigned n, unsigned log2,
                                        unsigned part)
{
    return (struct lane_src){&cpu->v[n], log2, part ? 8u >> log2 : 0, 1};
}

#endif
