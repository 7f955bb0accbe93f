/* Lifter: Advanced SIMD shift by immediate, vector and scalar, lanes of one size (Arm ARM DDI 0487,
 * C4.1.96: AdvSIMD shift by immediate, AdvSIMD scalar shift by immediate).
 *
 * The highest one of immh tells the lane size; immh:immb then is 2 * esize - shift for right shifts
 * and esize + shift for left shifts.
 */
#include "engine/lift/lift_vint_int.h"

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

static bool shift(struct lift *l, unsigned kind, bool accumulate, unsigned live, unsigned size,
                  unsigned rd, unsigned rn, unsigned n)
{
    ir_val v = ir_getv(l->b, rn);
    if (n)
        v = lift_vec(l, IR_VSHI, size, kind, v, 0, 0, n);
    if (accumulate)
        v = ir_vec(l->b, IR_VADD, size, ir_getv(l->b, rd), v, 0, 0);
    return lift_putv(l, live, rd, v);
}

static bool insert(struct lift *l, bool right, unsigned live, unsigned size, unsigned rd,
                   unsigned rn, unsigned n)
{
    ir_val v;
    if (n == 0)
        v = ir_getv(l->b, rn);
    else if (n == 8u << size)
        v = ir_getv(l->b, rd);
    else
        v = lift_vec(l, IR_VSLI, size, right, ir_getv(l->b, rd), ir_getv(l->b, rn), 0, n);
    return lift_putv(l, live, rd, v);
}

static bool saturating(struct lift *l, unsigned kind, unsigned live, unsigned size, unsigned rd,
                       unsigned rn, unsigned n)
{
    ir_putv(l->b, rd, lift_vec(l, IR_VQSHLI, size, kind, lift_getv(l, live, rn), 0, 0, n));
    return true;
}

#define SHIFT(name, amount, kind, accumulate)                                                      \
    VLIFTER(name##_vi, shift(l, IR_VSHI_##kind, accumulate, lift_live(f.q), size_of(f.immh),       \
                             f.rd, f.rn, amount(f.immh, f.immb)))                                  \
    VLIFTER(name##_si, shift(l, IR_VSHI_##kind, accumulate, LIVE_D, 3, f.rd, f.rn,                 \
                             amount(f.immh, f.immb)))
#define INSERT(name, amount, right)                                                                \
    VLIFTER(name##_vi, insert(l, right, lift_live(f.q), size_of(f.immh), f.rd, f.rn,               \
                              amount(f.immh, f.immb)))                                             \
    VLIFTER(name##_si, insert(l, right, LIVE_D, 3, f.rd, f.rn, amount(f.immh, f.immb)))
#define SATURATING(name, kind)                                                                     \
    VLIFTER(name##_vi, saturating(l, IR_VQSHLI_##kind, lift_live(f.q), size_of(f.immh), f.rd,      \
                                  f.rn, left_amount(f.immh, f.immb)))                              \
    VLIFTER(name##_si, saturating(l, IR_VQSHLI_##kind, size_of(f.immh), size_of(f.immh), f.rd,     \
                                  f.rn, left_amount(f.immh, f.immb)))

SHIFT(SHL, left_amount, SHL, false)
SHIFT(SSHR, right_amount, SAR, false)
SHIFT(USHR, right_amount, SHR, false)
SHIFT(SSRA, right_amount, SAR, true)
SHIFT(USRA, right_amount, SHR, true)
SHIFT(SRSHR, right_amount, RSAR, false)
SHIFT(URSHR, right_amount, RSHR, false)
SHIFT(SRSRA, right_amount, RSAR, true)
SHIFT(URSRA, right_amount, RSHR, true)
INSERT(SLI, left_amount, false)
INSERT(SRI, right_amount, true)
SATURATING(SQSHL, SS)
SATURATING(UQSHL, UU)
SATURATING(SQSHLU, SU)
