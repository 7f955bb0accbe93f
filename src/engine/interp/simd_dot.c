/* Advanced SIMD dot products and matrix multiplication of 8-bit lanes (FEAT_DotProd, FEAT_I8MM; Arm
 * ARM DDI 0487, C7.2 SDOT, UDOT, USDOT, SUDOT, SMMLA, UMMLA, USMMLA).
 *
 * Sums wrap at 32 bits. No product or sum of products saturates.
 */
#include "engine/interp/handler_int.h"
#include "engine/interp/simd_int.h"

/* An 8-bit lane as a number. */
static int32_t byte_lane(const union a64_vreg *v, unsigned i, bool is_signed)
{
    return is_signed ? (int8_t)v->b[i] : v->b[i];
}

/* The sum of `count` products of bytes from a[i] and b[k] on. */
static uint32_t dot(const union a64_vreg *a, unsigned i, bool a_signed, const union a64_vreg *b,
                    unsigned k, bool b_signed, unsigned count)
{
    uint32_t sum = 0;
    for (unsigned e = 0; e < count; e++)
        sum += (uint32_t)(byte_lane(a, i + e, a_signed) * byte_lane(b, k + e, b_signed));
    return sum;
}

/* Each 32-bit lane of Vd += dot product of the four bytes there. `index` is that of the group of
 * four bytes of Vm to use, or -1 for the one of the lane. */
static enum xr dot_product(struct a64_cpu *cpu, bool q, unsigned rd, unsigned rn, bool n_signed,
                           unsigned rm, bool m_signed, int index)
{
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned i = 0; i < (q ? 4u : 2u); i++)
        r.s[i] = cpu->v[rd].s[i] + dot(&cpu->v[rn], 4 * i, n_signed, &cpu->v[rm],
                                       4 * (index < 0 ? i : (unsigned)index), m_signed, 4);
    cpu->v[rd] = r;
    return XR_NEXT;
}

/* Vd, a 2x2 matrix, += Vn (2x8) times the transpose of Vm (2x8). */
static enum xr matrix_multiply(struct a64_cpu *cpu, unsigned rd, unsigned rn, bool n_signed,
                               unsigned rm, bool m_signed)
{
    union a64_vreg r = cpu->v[rd];
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 2; k++)
            r.s[2 * i + k] +=
                dot(&cpu->v[rn], 8 * i, n_signed, &cpu->v[rm], 8 * k, m_signed, 8);
    cpu->v[rd] = r;
    return XR_NEXT;
}

#define DOT(name, n_signed, m_signed)                                                              \
    HANDLER(name##_v, dot_product(cpu, f.q, f.rd, f.rn, n_signed, f.rm, m_signed, -1))
#define DOT_ELEMENT(name, n_signed, m_signed)                                                      \
    HANDLER(name##_e, dot_product(cpu, f.q, f.rd, f.rn, n_signed, f.rm, m_signed,                  \
                                  (int)(f.h << 1 | f.l)))
#define MATRIX(name, n_signed, m_signed)                                                           \
    HANDLER(name##_v, matrix_multiply(cpu, f.rd, f.rn, n_signed, f.rm, m_signed))

DOT(SDOT, true, true)
DOT(UDOT, false, false)
DOT(USDOT, false, true)
DOT_ELEMENT(SDOT, true, true)
DOT_ELEMENT(UDOT, false, false)
DOT_ELEMENT(USDOT, false, true)
DOT_ELEMENT(SUDOT, true, false)
MATRIX(SMMLA, true, true)
MATRIX(UMMLA, false, false)
MATRIX(USMMLA, false, true)
