/* Advanced SIMD, shift by immediate, vector and scalar (Arm ARM DDI 0487, C4.1.96: AdvSIMD shift by
 * immediate, AdvSIMD scalar shift by immediate), the integer members.
 *
 * The highest one of immh tells the lane size (for narrowing and widening that of the narrow
 * lanes); immh:immb then is 2 * esize - shift for right shifts and esize + shift for left shifts.
 * The shift amount is the b operand of the lane operation.
 */
#include "engine/interp/handler_int.h"
#include "engine/interp/simd_int.h"

LANE_FN(shr, lane_shift(a, -(int)b, false, esize))
LANE_FN(rshr, lane_shift(a, -(int)b, true, esize))
LANE_FN(sra, d + lane_shift(a, -(int)b, false, esize))
LANE_FN(rsra, d + lane_shift(a, -(int)b, true, esize))
LANE_FN(shl, lane_shift(a, (int)b, false, esize))
/* Insert: the bits that the shift leaves free are those of d. All lanes are unsigned here. */
LANE_FN(sri, (a >> b) | (d & ~((lane_t)MASK(esize) >> b)))
LANE_FN(sli, a << b | (d & (((lane_t)1 << b) - 1)))
/* From lanes of twice the size: the shift is at most half of that. */
LANE_FN(shrn, a >> b)
LANE_FN(rshrn, (a + ((lane_t)1 << (b - 1))) >> b)

static unsigned size_of(unsigned immh)
{
    return 31 - (unsigned)__builtin_clz(immh);
}

static unsigned right_amount(unsigned immh, unsigned immb)
{
    return (16u << size_of(immh)) - (immh << 3 | immb);
}

static unsigned left_amount(unsigned immh, unsigned immb)
{
    return (immh << 3 | immb) - (8u << size_of(immh));
}

/* Runs op with the same number as b for all lanes. */
static enum xr run(struct a64_cpu *cpu, const struct lane_op *op, struct lane_dst dst,
                   struct lane_src a, unsigned amount)
{
    const union a64_vreg b = {.d = {amount, 0}};
    simd_lanes(cpu, op, dst, a, (struct lane_src){&b, 3, 0, 0});
    return XR_NEXT;
}

static enum xr vector(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned immh,
                      unsigned rd, unsigned rn, unsigned amount)
{
    const unsigned size = size_of(immh);
    return run(cpu, op, (struct lane_dst){rd, size, lane_count(q, size), 0},
               lane_all(cpu, rn, size), amount);
}

static enum xr scalar(struct a64_cpu *cpu, const struct lane_op *op, unsigned immh, unsigned rd,
                      unsigned rn, unsigned amount)
{
    const unsigned size = size_of(immh);
    return run(cpu, op, (struct lane_dst){rd, size, 1, 0}, lane_all(cpu, rn, size), amount);
}

static enum xr narrow(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned immh,
                      unsigned rd, unsigned rn, unsigned amount)
{
    const unsigned size = size_of(immh), count = lane_count(false, size);
    return run(cpu, op, (struct lane_dst){rd, size, count, q ? count : 0},
               lane_all(cpu, rn, size + 1), amount);
}

static enum xr narrow_scalar(struct a64_cpu *cpu, const struct lane_op *op, unsigned immh,
                             unsigned rd, unsigned rn, unsigned amount)
{
    const unsigned size = size_of(immh);
    return run(cpu, op, (struct lane_dst){rd, size, 1, 0}, lane_all(cpu, rn, size + 1), amount);
}

static enum xr longer(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned immh,
                      unsigned rd, unsigned rn, unsigned amount)
{
    const unsigned size = size_of(immh);
    return run(cpu, op, (struct lane_dst){rd, size + 1, lane_count(false, size), 0},
               lane_half(cpu, rn, size, q), amount);
}

/* ---- Handlers ---- */

#define VECTOR(name, amount, fn, sign, finish)                                                     \
    HANDLER(name##_vi, vector(cpu, OP(fn, sign, finish), f.q, f.immh, f.rd, f.rn,                  \
                              amount(f.immh, f.immb)))
#define BOTH(name, amount, fn, sign, finish)                                                       \
    VECTOR(name, amount, fn, sign, finish)                                                         \
    HANDLER(name##_si,                                                                             \
            scalar(cpu, OP(fn, sign, finish), f.immh, f.rd, f.rn, amount(f.immh, f.immb)))

BOTH(SSHR, right_amount, shr, SIGNED, WRAP)
BOTH(USHR, right_amount, shr, UNSIGNED, WRAP)
BOTH(SSRA, right_amount, sra, SIGNED, WRAP)
BOTH(USRA, right_amount, sra, UNSIGNED, WRAP)
BOTH(SRSHR, right_amount, rshr, SIGNED, WRAP)
BOTH(URSHR, right_amount, rshr, UNSIGNED, WRAP)
BOTH(SRSRA, right_amount, rsra, SIGNED, WRAP)
BOTH(URSRA, right_amount, rsra, UNSIGNED, WRAP)
BOTH(SRI, right_amount, sri, UNSIGNED, WRAP)
BOTH(SHL, left_amount, shl, UNSIGNED, WRAP)
BOTH(SLI, left_amount, sli, UNSIGNED, WRAP)
BOTH(SQSHLU, left_amount, shl, SIGNED, SAT_U)
BOTH(SQSHL, left_amount, shl, SIGNED, SAT_S)
BOTH(UQSHL, left_amount, shl, UNSIGNED, SAT_U)

#define NARROW(name, fn, sign, finish)                                                             \
    HANDLER(name##_vi, narrow(cpu, OP(fn, sign, finish), f.q, f.immh, f.rd, f.rn,                  \
                              right_amount(f.immh, f.immb)))
#define NARROW_BOTH(name, fn, sign, finish)                                                        \
    NARROW(name, fn, sign, finish)                                                                 \
    HANDLER(name##_si, narrow_scalar(cpu, OP(fn, sign, finish), f.immh, f.rd, f.rn,                \
                                     right_amount(f.immh, f.immb)))

NARROW(SHRN, shrn, UNSIGNED, WRAP)
NARROW(RSHRN, rshrn, UNSIGNED, WRAP)
NARROW_BOTH(SQSHRN, shrn, SIGNED, SAT_S)
NARROW_BOTH(SQSHRUN, shrn, SIGNED, SAT_U)
NARROW_BOTH(UQSHRN, shrn, UNSIGNED, SAT_U)
NARROW_BOTH(SQRSHRN, rshrn, SIGNED, SAT_S)
NARROW_BOTH(SQRSHRUN, rshrn, SIGNED, SAT_U)
NARROW_BOTH(UQRSHRN, rshrn, UNSIGNED, SAT_U)

#define LONG(name, sign)                                                                           \
    HANDLER(name##_vi, longer(cpu, OP(shl, sign, WRAP), f.q, f.immh, f.rd, f.rn,                   \
                              left_amount(f.immh, f.immb)))
LONG(SSHLL, SIGNED)
LONG(USHLL, UNSIGNED)
