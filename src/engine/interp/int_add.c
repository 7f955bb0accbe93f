/* Integer addition and subtraction, comparison and flags: PC-relative addressing, add/subtract
 * (immediate, shifted register, extended register, with carry), conditional compare, and the flag
 * manipulation of FEAT_FlagM and FEAT_FlagM2 (Arm ARM DDI 0487, C4.1.86, C4.1.89, C6.2).
 *
 * Subtraction is x + NOT(y) + 1, as in the pseudocode; then the carry means "no borrow". Results of
 * 32-bit forms are zero-extended by add_with_carry() itself.
 */
#include "engine/interp/interp_int.h"

#include "a64_ops.h"
#include "interp_table.h"

static inline uint64_t add_sub(struct a64_cpu *cpu, bool sf, uint64_t x, uint64_t y, bool sub,
                               bool setflags)
{
    uint32_t nzcv;
    uint64_t r = add_with_carry(sf ? 64 : 32, x, sub ? ~y : y, sub, &nzcv);
    if (setflags)
        cpu->nzcv = nzcv;
    return r;
}

/* ---- PC-relative addressing ---- */

enum xr interp_ADR(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_ADR f = a64_get_ADR(word);
    x_write(cpu, f.rd, cpu->pc + (uint64_t)sign_extend(f.immhi << 2 | f.immlo, 21));
    return XR_NEXT;
}

enum xr interp_ADRP(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_ADRP f = a64_get_ADRP(word);
    uint64_t offset = (uint64_t)sign_extend(f.immhi << 2 | f.immlo, 21) << 12;
    x_write(cpu, f.rd, align_down(cpu->pc, 4096) + offset);
    return XR_NEXT;
}

/* ---- Add/subtract ---- */

/* The forms that set flags write XZR for Rd = 31, the others SP. */
static inline enum xr add_sub_imm(struct a64_cpu *cpu, struct a64_f_ADD_i f, bool sub,
                                  bool setflags)
{
    uint64_t imm = (uint64_t)f.imm12 << (f.sh ? 12 : 0);
    uint64_t r = add_sub(cpu, f.sf, xsp_read(cpu, f.rn), imm, sub, setflags);
    if (setflags)
        x_write(cpu, f.rd, r);
    else
        xsp_write(cpu, f.rd, r);
    return XR_NEXT;
}

/* ShiftReg() of an operand that is not rotated: shift = 0 LSL, 1 LSR, 2 ASR. */
static inline uint64_t shift_operand(bool sf, uint64_t x, unsigned shift, unsigned amount)
{
    switch (shift) {
    case 0:
        return x << amount;
    case 1:
        return (sf ? x : (uint32_t)x) >> amount;
    default:
        return (uint64_t)(sign_extend(x, sf ? 64 : 32) >> amount);
    }
}

static inline enum xr add_sub_shifted(struct a64_cpu *cpu, struct a64_f_ADD_s f, bool sub,
                                      bool setflags)
{
    uint64_t y = shift_operand(f.sf, x_read(cpu, f.rm), f.shift, f.imm6);
    x_write(cpu, f.rd, add_sub(cpu, f.sf, x_read(cpu, f.rn), y, sub, setflags));
    return XR_NEXT;
}

/* ExtendReg(): option<1:0> is the width of the part taken, option<2> the sign. */
static inline uint64_t extend_operand(uint64_t x, unsigned option, unsigned shift)
{
    unsigned len = 8u << (option & 3);
    x = option & 4 ? (uint64_t)sign_extend(x, len) : x & MASK(len);
    return x << shift;
}

static inline enum xr add_sub_extended(struct a64_cpu *cpu, struct a64_f_ADD_x f, bool sub,
                                       bool setflags)
{
    uint64_t y = extend_operand(x_read(cpu, f.rm), f.option, f.imm3);
    uint64_t r = add_sub(cpu, f.sf, xsp_read(cpu, f.rn), y, sub, setflags);
    if (setflags)
        x_write(cpu, f.rd, r);
    else
        xsp_write(cpu, f.rd, r);
    return XR_NEXT;
}

#define ADD_SUB(name, sub, setflags)                                                               \
    enum xr interp_##name##_i(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        return add_sub_imm(cpu, a64_get_##name##_i(word), sub, setflags);                          \
    }                                                                                              \
    enum xr interp_##name##_s(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        return add_sub_shifted(cpu, a64_get_##name##_s(word), sub, setflags);                      \
    }                                                                                              \
    enum xr interp_##name##_x(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        return add_sub_extended(cpu, a64_get_##name##_x(word), sub, setflags);                     \
    }
ADD_SUB(ADD, false, false)
ADD_SUB(ADDS, false, true)
ADD_SUB(SUB, true, false)
ADD_SUB(SUBS, true, true)
#undef ADD_SUB

static inline enum xr add_sub_carry(struct a64_cpu *cpu, struct a64_f_ADC f, bool sub,
                                    bool setflags)
{
    uint32_t nzcv;
    uint64_t y = x_read(cpu, f.rm);
    x_write(cpu, f.rd, add_with_carry(f.sf ? 64 : 32, x_read(cpu, f.rn), sub ? ~y : y,
                                      cpu->nzcv & PSTATE_C, &nzcv));
    if (setflags)
        cpu->nzcv = nzcv;
    return XR_NEXT;
}

enum xr interp_ADC(struct a64_cpu *cpu, uint32_t word)
{
    return add_sub_carry(cpu, a64_get_ADC(word), false, false);
}

enum xr interp_ADCS(struct a64_cpu *cpu, uint32_t word)
{
    return add_sub_carry(cpu, a64_get_ADCS(word), false, true);
}

enum xr interp_SBC(struct a64_cpu *cpu, uint32_t word)
{
    return add_sub_carry(cpu, a64_get_SBC(word), true, false);
}

enum xr interp_SBCS(struct a64_cpu *cpu, uint32_t word)
{
    return add_sub_carry(cpu, a64_get_SBCS(word), true, true);
}

/* ---- Conditional compare ---- */

static inline enum xr cond_compare(struct a64_cpu *cpu, bool sf, unsigned cond, unsigned rn,
                                   uint64_t y, bool sub, unsigned nzcv)
{
    if (condition_holds(cpu->nzcv, cond))
        add_sub(cpu, sf, x_read(cpu, rn), y, sub, true);
    else
        cpu->nzcv = nzcv << 28;
    return XR_NEXT;
}

enum xr interp_CCMN_r(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_CCMN_r f = a64_get_CCMN_r(word);
    return cond_compare(cpu, f.sf, f.cond, f.rn, x_read(cpu, f.rm), false, f.nzcv);
}

enum xr interp_CCMP_r(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_CCMP_r f = a64_get_CCMP_r(word);
    return cond_compare(cpu, f.sf, f.cond, f.rn, x_read(cpu, f.rm), true, f.nzcv);
}

enum xr interp_CCMN_i(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_CCMN_i f = a64_get_CCMN_i(word);
    return cond_compare(cpu, f.sf, f.cond, f.rn, f.imm5, false, f.nzcv);
}

enum xr interp_CCMP_i(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_CCMP_i f = a64_get_CCMP_i(word);
    return cond_compare(cpu, f.sf, f.cond, f.rn, f.imm5, true, f.nzcv);
}

/* ---- Flag manipulation ---- */

enum xr interp_RMIF(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_RMIF f = a64_get_RMIF(word);
    uint32_t flags = (uint32_t)ror_bits(x_read(cpu, f.rn), 64, f.imm6) << 28, mask = f.mask << 28;
    cpu->nzcv = (cpu->nzcv & ~mask) | (flags & mask);
    return XR_NEXT;
}

/* Flags of the low `n` bits as if they were a register; V: bit n differs from the sign. */
static enum xr set_flags_of(struct a64_cpu *cpu, uint64_t x, unsigned n)
{
    cpu->nzcv = (cpu->nzcv & PSTATE_C) | (bit(x, n - 1) ? PSTATE_N : 0) |
                ((x & MASK(n)) == 0 ? PSTATE_Z : 0) | (bit(x, n) != bit(x, n - 1) ? PSTATE_V : 0);
    return XR_NEXT;
}

enum xr interp_SETF8(struct a64_cpu *cpu, uint32_t word)
{
    return set_flags_of(cpu, x_read(cpu, a64_get_SETF8(word).rn), 8);
}

enum xr interp_SETF16(struct a64_cpu *cpu, uint32_t word)
{
    return set_flags_of(cpu, x_read(cpu, a64_get_SETF16(word).rn), 16);
}

enum xr interp_CFINV(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    cpu->nzcv ^= PSTATE_C;
    return XR_NEXT;
}

/* From the flags of an alternative floating-point comparison to those of FCMP. */
enum xr interp_XAFLAG(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    bool z = cpu->nzcv & PSTATE_Z, c = cpu->nzcv & PSTATE_C;
    cpu->nzcv = (!c && !z ? PSTATE_N : 0) | (z && c ? PSTATE_Z : 0) | (c || z ? PSTATE_C : 0) |
                (!c && z ? PSTATE_V : 0);
    return XR_NEXT;
}

/* And back. */
enum xr interp_AXFLAG(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    bool z = cpu->nzcv & PSTATE_Z, c = cpu->nzcv & PSTATE_C, v = cpu->nzcv & PSTATE_V;
    cpu->nzcv = (z || v ? PSTATE_Z : 0) | (c && !v ? PSTATE_C : 0);
    return XR_NEXT;
}
