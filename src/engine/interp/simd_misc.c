/* Advanced SIMD, two registers, miscellaneous, vector and scalar, and across lanes (Arm ARM DDI
 * 0487, C4.1.96: AdvSIMD two-register miscellaneous, AdvSIMD across lanes, AdvSIMD scalar
 * two-register miscellaneous, AdvSIMD scalar pairwise), the integer members.
 */
#include "engine/interp/handler_int.h"
#include "engine/interp/simd_int.h"

/* ---- Operations of this class ---- */

static unsigned leading_zeros(uint64_t x, unsigned esize)
{
    return x ? (unsigned)__builtin_clzll(x) - (64 - esize) : esize;
}

static uint64_t reverse_bits(uint64_t x, unsigned esize)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < esize; i++)
        r |= (uint64_t)bit(x, i) << (esize - 1 - i);
    return r;
}

LANE_FN(cls, leading_zeros((uint64_t)(a < 0 ? ~a : a), esize) - 1)
LANE_FN(clz, leading_zeros((uint64_t)a, esize))
LANE_FN(cnt, __builtin_popcountll((uint64_t)a))
LANE_FN(not, ~a)
LANE_FN(rbit, reverse_bits((uint64_t)a, esize))
LANE_FN(abs, a < 0 ? -a : a)
LANE_FN(neg, -a)
LANE_FN(gtz, -(a > 0))
LANE_FN(gez, -(a >= 0))
LANE_FN(eqz, -(a == 0))
LANE_FN(lez, -(a <= 0))
LANE_FN(ltz, -(a < 0))
LANE_FN(same, a)
LANE_FN(adda, d + a + b)
LANE_FN(shll, a << (esize / 2))
/* Signed plus unsigned and the reverse: d is extended like a, which is then taken the other way. */
LANE_FN(suqadd, d + lane_extend((uint64_t)a, esize, false))
LANE_FN(usqadd, d + lane_extend((uint64_t)a, esize, true))

static enum xr unary(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned size,
                     unsigned rd, unsigned rn)
{
    const struct lane_dst dst = {rd, size, lane_count(q, size), 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, rn, size), lane_all(cpu, rn, size));
    return XR_NEXT;
}

static enum xr unary_scalar(struct a64_cpu *cpu, const struct lane_op *op, unsigned size,
                            unsigned rd, unsigned rn)
{
    const struct lane_dst dst = {rd, size, 1, 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, rn, size), lane_all(cpu, rn, size));
    return XR_NEXT;
}

/* Sums of adjacent lanes, at twice the width. */
static enum xr add_long_pairs(struct a64_cpu *cpu, const struct lane_op *op, bool q,
                              unsigned size, unsigned rd, unsigned rn)
{
    const struct lane_dst dst = {rd, size + 1, lane_count(q, size + 1), 0};
    simd_lanes(cpu, op, dst, (struct lane_src){&cpu->v[rn], size, 0, 2},
               (struct lane_src){&cpu->v[rn], size, 1, 2});
    return XR_NEXT;
}

/* XTN and its saturating forms; Vd keeps its lower half in the "2" forms. */
static enum xr narrow(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned size,
                      unsigned rd, unsigned rn)
{
    const unsigned count = lane_count(false, size);
    const struct lane_dst dst = {rd, size, count, q ? count : 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, rn, size + 1), lane_all(cpu, rn, size + 1));
    return XR_NEXT;
}

static enum xr narrow_scalar(struct a64_cpu *cpu, const struct lane_op *op, unsigned size,
                             unsigned rd, unsigned rn)
{
    const struct lane_dst dst = {rd, size, 1, 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, rn, size + 1), lane_all(cpu, rn, size + 1));
    return XR_NEXT;
}

/* Reverses the lanes within each container of 1 << log2 bytes. */
static enum xr reverse(struct a64_cpu *cpu, bool q, unsigned size, unsigned log2, unsigned rd,
                       unsigned rn)
{
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned i = 0; i < lane_count(q, size); i++)
        lane_set(&r, size, i ^ ((1u << (log2 - size)) - 1), lane_get(&cpu->v[rn], size, i));
    cpu->v[rd] = r;
    return XR_NEXT;
}

/* Vd := op of all lanes of Vn, in a lane of `result_log2`. */
static enum xr across(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned size,
                      unsigned result_log2, unsigned rd, unsigned rn)
{
    const unsigned esize = 8u << size;
    lane_t acc = lane_extend(lane_get(&cpu->v[rn], size, 0), esize, op->sign);
    for (unsigned i = 1; i < lane_count(q, size); i++)
        acc = op->fn(cpu, 0, acc,
                     lane_extend(lane_get(&cpu->v[rn], size, i), esize, op->sign), esize);
    cpu->v[rd] = (union a64_vreg){.d = {0, 0}};
    lane_set(&cpu->v[rd], result_log2, 0, (uint64_t)acc);
    return XR_NEXT;
}

static enum xr add_pair_scalar(struct a64_cpu *cpu, unsigned rd, unsigned rn)
{
    cpu->v[rd] = (union a64_vreg){.d = {cpu->v[rn].d[0] + cpu->v[rn].d[1], 0}};
    return XR_NEXT;
}

/* ---- Handlers ---- */

#define UNARY(name, fn, sign, finish, size)                                                        \
    HANDLER(name##_v, unary(cpu, OP(fn, sign, finish), f.q, size, f.rd, f.rn))
#define UNARY_BOTH(name, fn, sign, finish, scalar_size)                                            \
    UNARY(name, fn, sign, finish, f.size)                                                          \
    HANDLER(name##_ss, unary_scalar(cpu, OP(fn, sign, finish), scalar_size, f.rd, f.rn))

HANDLER(REV64_v, reverse(cpu, f.q, f.size, 3, f.rd, f.rn))
HANDLER(REV32_v, reverse(cpu, f.q, f.z, 2, f.rd, f.rn))
HANDLER(REV16_v, reverse(cpu, f.q, 0, 1, f.rd, f.rn))

UNARY(CLS, cls, SIGNED, WRAP, f.size)
UNARY(CLZ, clz, UNSIGNED, WRAP, f.size)
UNARY(CNT, cnt, UNSIGNED, WRAP, 0)
UNARY(NOT, not, UNSIGNED, WRAP, 0)
UNARY(RBIT, rbit, UNSIGNED, WRAP, 0)
UNARY_BOTH(SUQADD, suqadd, SIGNED, SAT_S, f.size)
UNARY_BOTH(USQADD, usqadd, UNSIGNED, SAT_U, f.size)
UNARY_BOTH(SQABS, abs, SIGNED, SAT_S, f.size)
UNARY_BOTH(SQNEG, neg, SIGNED, SAT_S, f.size)
UNARY_BOTH(ABS, abs, SIGNED, WRAP, 3)
UNARY_BOTH(NEG, neg, SIGNED, WRAP, 3)
UNARY_BOTH(CMGTZ, gtz, SIGNED, WRAP, 3)
UNARY_BOTH(CMGEZ, gez, SIGNED, WRAP, 3)
UNARY_BOTH(CMEQZ, eqz, SIGNED, WRAP, 3)
UNARY_BOTH(CMLEZ, lez, SIGNED, WRAP, 3)
UNARY_BOTH(CMLTZ, ltz, SIGNED, WRAP, 3)

#define LONG_PAIRS(name, fn, sign)                                                                 \
    HANDLER(name##_v, add_long_pairs(cpu, OP(fn, sign, WRAP), f.q, f.size, f.rd, f.rn))
LONG_PAIRS(SADDLP, add, SIGNED)
LONG_PAIRS(UADDLP, add, UNSIGNED)
LONG_PAIRS(SADALP, adda, SIGNED)
LONG_PAIRS(UADALP, adda, UNSIGNED)

#define NARROW(name, sign, finish)                                                                 \
    HANDLER(name##_v, narrow(cpu, OP(same, sign, finish), f.q, f.size, f.rd, f.rn))
#define NARROW_BOTH(name, sign, finish)                                                            \
    NARROW(name, sign, finish)                                                                     \
    HANDLER(name##_ss, narrow_scalar(cpu, OP(same, sign, finish), f.size, f.rd, f.rn))
NARROW(XTN, UNSIGNED, WRAP)
NARROW_BOTH(SQXTN, SIGNED, SAT_S)
NARROW_BOTH(SQXTUN, SIGNED, SAT_U)
NARROW_BOTH(UQXTN, UNSIGNED, SAT_U)

static enum xr shift_left_long(struct a64_cpu *cpu, bool q, unsigned size, unsigned rd, unsigned rn)
{
    const struct lane_dst dst = {rd, size + 1, lane_count(false, size), 0};
    simd_lanes(cpu, OP(shll, UNSIGNED, WRAP), dst, lane_half(cpu, rn, size, q),
               lane_half(cpu, rn, size, q));
    return XR_NEXT;
}
HANDLER(SHLL_v, shift_left_long(cpu, f.q, f.size, f.rd, f.rn))

#define ACROSS(name, fn, sign, widen)                                                              \
    HANDLER(name##_v, across(cpu, OP(fn, sign, WRAP), f.q, f.size, f.size + (widen), f.rd, f.rn))
ACROSS(ADDV, add, UNSIGNED, 0)
ACROSS(SADDLV, add, SIGNED, 1)
ACROSS(UADDLV, add, UNSIGNED, 1)
ACROSS(SMAXV, max, SIGNED, 0)
ACROSS(UMAXV, max, UNSIGNED, 0)
ACROSS(SMINV, min, SIGNED, 0)
ACROSS(UMINV, min, UNSIGNED, 0)
HANDLER(ADDP_ss, add_pair_scalar(cpu, f.rd, f.rn))
