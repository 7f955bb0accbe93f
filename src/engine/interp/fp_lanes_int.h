/* Floating-point operands as lanes of SIMD&FP registers, shared by the scalar (fp_*.c) and the
 * vector (simdfp_*.c) handlers.
 *
 * An element is `esize` bits (16, 32, 64), as in the Arm ARM's Elem[]; values travel zero-extended
 * in 64 bits, the convention of a64/fp.h.
 */
#ifndef ENGINE_INTERP_FP_LANES_INT_H
#define ENGINE_INTERP_FP_LANES_INT_H

#include "engine/interp/interp_int.h"

/* Elem[v, e, esize]. */
static inline uint64_t fp_lane(const union a64_vreg *v, unsigned esize, unsigned e)
{
    switch (esize) {
    case 16: return v->h[e];
    case 32: return v->s[e];
    default: return v->d[e];
    }
}

/* Elem[v, e, esize] = value<esize-1:0>. */
static inline void fp_lane_set(union a64_vreg *v, unsigned esize, unsigned e, uint64_t value)
{
    switch (esize) {
    case 16: v->h[e] = (uint16_t)value; break;
    case 32: v->s[e] = (uint32_t)value; break;
    default: v->d[e] = value; break;
    }
}

/* V[n] read as an esize-bit scalar. */
static inline uint64_t fp_scalar(const struct a64_cpu *cpu, unsigned n, unsigned esize)
{
    return fp_lane(&cpu->v[n], esize, 0);
}

/* V[d] written as an esize-bit scalar: the rest of the register becomes zero. */
static inline void fp_scalar_set(struct a64_cpu *cpu, unsigned d, unsigned esize, uint64_t value)
{
    cpu->v[d].d[0] = value & MASK(esize);
    cpu->v[d].d[1] = 0;
}

/* Element size by the field sz of single and double precision encodings. */
static inline unsigned fp_esize(uint32_t sz)
{
    return sz ? 64 : 32;
}

/* Number of elements of a 64-bit (q = 0) or 128-bit vector. */
static inline unsigned fp_lane_count(uint32_t q, unsigned esize)
{
    return (q ? 128 : 64) / esize;
}

#endif
