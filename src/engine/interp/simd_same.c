/* Advanced SIMD, three registers of the same type, vector and scalar; the rounding doubling
 * multiply accumulates of FEAT_RDM; logical operations (Arm ARM DDI 0487, C4.1.96: AdvSIMD three
 * same, AdvSIMD scalar three same, AdvSIMD three same extra). And the loop over lanes of them all.
 *
 * Tables: one row per mnemonic with the operation, how lanes are extended, and how the exact result
 * is made to fit.
 */
#include "engine/interp/handler_int.h"
#include "engine/interp/simd_int.h"

void simd_lanes(struct a64_cpu *cpu, const struct lane_op *op, struct lane_dst dst,
                struct lane_src a, struct lane_src b)
{
    const union a64_vreg *old = &cpu->v[dst.rd];
    const unsigned esize = 8u << dst.log2;
    union a64_vreg r = {.d = {dst.first ? old->d[0] : 0, 0}};
    for (unsigned i = 0; i < dst.count; i++) {
        const lane_t d =
            lane_extend(lane_get(old, dst.log2, dst.first + i), esize, op->sign);
        const lane_t x = lane_extend(lane_get(a.v, a.log2, a.first + i * a.step), 8u << a.log2,
                                     op->sign);
        const lane_t y = lane_extend(lane_get(b.v, b.log2, b.first + i * b.step), 8u << b.log2,
                                     op->sign);
        const lane_t exact = op->fn(cpu, d, x, y, esize);
        lane_set(&r, dst.log2, dst.first + i,
                 (uint64_t)lane_finish(cpu, exact, esize, op->finish));
    }
    cpu->v[dst.rd] = r;
}

/* ---- Operations of this class only ---- */

LANE_FN(hadd, (a + b) >> 1)
LANE_FN(rhadd, (a + b + 1) >> 1)
LANE_FN(hsub, (a - b) >> 1)
LANE_FN(gt, -(a > b))
LANE_FN(ge, -(a >= b))
LANE_FN(eq, -(a == b))
LANE_FN(tst, -((a & b) != 0))

/* The shift amount is the lowest byte of the lane, signed. */
LANE_FN(shl, lane_shift(a, (int8_t)b, false, esize))
LANE_FN(rshl, lane_shift(a, (int8_t)b, true, esize))

static enum xr same(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned size,
                    unsigned rd, unsigned rn, unsigned rm)
{
    const struct lane_dst dst = {rd, size, lane_count(q, size), 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, rn, size), lane_all(cpu, rm, size));
    return XR_NEXT;
}

static enum xr scalar(struct a64_cpu *cpu, const struct lane_op *op, unsigned size, unsigned rd,
                      unsigned rn, unsigned rm)
{
    const struct lane_dst dst = {rd, size, 1, 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, rn, size), lane_all(cpu, rm, size));
    return XR_NEXT;
}

/* Adjacent pairs of Vm:Vn, Vn being the lower half. */
static enum xr pairwise(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned size,
                        unsigned rd, unsigned rn, unsigned rm)
{
    const unsigned count = lane_count(q, size);
    union a64_vreg even = {.d = {0, 0}}, odd = even;
    for (unsigned i = 0; i < count; i++) {
        const union a64_vreg *v = &cpu->v[i < count / 2 ? rn : rm];
        const unsigned lane = 2 * i % count;
        lane_set(&even, size, i, lane_get(v, size, lane));
        lane_set(&odd, size, i, lane_get(v, size, lane + 1));
    }
    const struct lane_dst dst = {rd, size, count, 0};
    simd_lanes(cpu, op, dst, (struct lane_src){&even, size, 0, 1},
               (struct lane_src){&odd, size, 0, 1});
    return XR_NEXT;
}

/* ---- Handlers ---- */

#define VECTOR(name, fn, sign, finish)                                                             \
    HANDLER(name##_v, same(cpu, OP(fn, sign, finish), f.q, f.size, f.rd, f.rn, f.rm))
#define SCALAR(name, fn, sign, finish, size)                                                       \
    HANDLER(name##_ss, scalar(cpu, OP(fn, sign, finish), size, f.rd, f.rn, f.rm))
#define BOTH(name, fn, sign, finish, size)                                                         \
    VECTOR(name, fn, sign, finish)                                                                 \
    SCALAR(name, fn, sign, finish, size)
#define PAIRWISE(name, fn, sign)                                                                   \
    HANDLER(name##_v, pairwise(cpu, OP(fn, sign, WRAP), f.q, f.size, f.rd, f.rn, f.rm))

VECTOR(SHADD, hadd, SIGNED, WRAP)
VECTOR(UHADD, hadd, UNSIGNED, WRAP)
VECTOR(SRHADD, rhadd, SIGNED, WRAP)
VECTOR(URHADD, rhadd, UNSIGNED, WRAP)
VECTOR(SHSUB, hsub, SIGNED, WRAP)
VECTOR(UHSUB, hsub, UNSIGNED, WRAP)
VECTOR(SMAX, max, SIGNED, WRAP)
VECTOR(UMAX, max, UNSIGNED, WRAP)
VECTOR(SMIN, min, SIGNED, WRAP)
VECTOR(UMIN, min, UNSIGNED, WRAP)
VECTOR(SABD, abd, SIGNED, WRAP)
VECTOR(UABD, abd, UNSIGNED, WRAP)
VECTOR(SABA, aba, SIGNED, WRAP)
VECTOR(UABA, aba, UNSIGNED, WRAP)
VECTOR(MLA, mla, UNSIGNED, WRAP)
VECTOR(MLS, mls, UNSIGNED, WRAP)
VECTOR(MUL, mul, UNSIGNED, WRAP)
PAIRWISE(ADDP, add, UNSIGNED)
PAIRWISE(SMAXP, max, SIGNED)
PAIRWISE(UMAXP, max, UNSIGNED)
PAIRWISE(SMINP, min, SIGNED)
PAIRWISE(UMINP, min, UNSIGNED)
HANDLER(PMUL_v, same(cpu, OP(pmul, UNSIGNED, WRAP), f.q, 0, f.rd, f.rn, f.rm))

BOTH(SQADD, add, SIGNED, SAT_S, f.size)
BOTH(UQADD, add, UNSIGNED, SAT_U, f.size)
BOTH(SQSUB, sub, SIGNED, SAT_S, f.size)
BOTH(UQSUB, sub, UNSIGNED, SAT_U, f.size)
BOTH(SQSHL, shl, SIGNED, SAT_S, f.size)
BOTH(UQSHL, shl, UNSIGNED, SAT_U, f.size)
BOTH(SQRSHL, rshl, SIGNED, SAT_S, f.size)
BOTH(UQRSHL, rshl, UNSIGNED, SAT_U, f.size)
BOTH(SQDMULH, dmulh, SIGNED, SAT_S, f.size)
BOTH(SQRDMULH, rdmulh, SIGNED, SAT_S, f.size)
BOTH(SQRDMLAH, rdmlah, SIGNED, SAT_S, f.size)
BOTH(SQRDMLSH, rdmlsh, SIGNED, SAT_S, f.size)
BOTH(ADD, add, UNSIGNED, WRAP, 3)
BOTH(SUB, sub, UNSIGNED, WRAP, 3)
BOTH(CMGT, gt, SIGNED, WRAP, 3)
BOTH(CMHI, gt, UNSIGNED, WRAP, 3)
BOTH(CMGE, ge, SIGNED, WRAP, 3)
BOTH(CMHS, ge, UNSIGNED, WRAP, 3)
BOTH(CMEQ, eq, UNSIGNED, WRAP, 3)
BOTH(CMTST, tst, UNSIGNED, WRAP, 3)
BOTH(SSHL, shl, SIGNED, WRAP, 3)
BOTH(USHL, shl, UNSIGNED, WRAP, 3)
BOTH(SRSHL, rshl, SIGNED, WRAP, 3)
BOTH(URSHL, rshl, UNSIGNED, WRAP, 3)

/* ---- Logical ---- */

/* Each half of Vd := expr of the halves d, n and m. */
#define LOGICAL(name, expr)                                                                        \
    enum xr interp_##name##_v(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_##name##_v f = a64_get_##name##_v(word);                                \
        for (unsigned i = 0; i < 2; i++) {                                                         \
            const uint64_t d = cpu->v[f.rd].d[i], n = cpu->v[f.rn].d[i], m = cpu->v[f.rm].d[i];    \
            (void)d;                                                                               \
            cpu->v[f.rd].d[i] = i <= f.q ? (expr) : 0;                                             \
        }                                                                                          \
        return XR_NEXT;                                                                            \
    }

LOGICAL(AND, n & m)
LOGICAL(BIC, n & ~m)
LOGICAL(ORR, n | m)
LOGICAL(ORN, n | ~m)
LOGICAL(EOR, n ^ m)
LOGICAL(BSL, (d & n) | (~d & m))
LOGICAL(BIT, (d & ~m) | (n & m))
LOGICAL(BIF, (d & m) | (n & ~m))
