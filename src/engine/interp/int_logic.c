/* Integer logic: logical (immediate, shifted register), move wide, bitfield, extract, variable
 * shifts, bit and byte reversal, counting, conditional select (Arm ARM DDI 0487, C4.1.86, C4.1.89,
 * C6.2).
 */
#include "engine/interp/interp_int.h"

#include "a64/bitmask.h"
#include "a64_ops.h"
#include "interp_table.h"

/* A result of 32 or 64 bits. */
static inline enum xr write_result(struct a64_cpu *cpu, unsigned rd, bool sf, uint64_t r)
{
    x_write(cpu, rd, sf ? r : (uint32_t)r);
    return XR_NEXT;
}

/* Rn or Rm, zero-extended from 32 bits for the W form. */
static inline uint64_t operand(const struct a64_cpu *cpu, unsigned n, bool sf)
{
    return sf ? x_read(cpu, n) : (uint32_t)x_read(cpu, n);
}

/* ---- Logical ---- */

enum logic { LOGIC_AND, LOGIC_ORR, LOGIC_EOR };

static inline uint64_t logic(enum logic op, uint64_t x, uint64_t y)
{
    return op == LOGIC_AND ? x & y : op == LOGIC_ORR ? x | y : x ^ y;
}

/* C and V become 0. */
static inline void logic_flags(struct a64_cpu *cpu, bool sf, uint64_t r)
{
    cpu->nzcv = (bit(r, sf ? 63 : 31) ? PSTATE_N : 0) |
                ((sf ? r : (uint32_t)r) == 0 ? PSTATE_Z : 0);
}

static inline enum xr logical_imm(struct a64_cpu *cpu, struct a64_f_AND_i f, enum logic op,
                                  bool setflags)
{
    uint64_t imm, tmask;
    CHECK(a64_decode_bit_masks(f.n, f.imms, f.immr, true, &imm, &tmask));
    uint64_t r = logic(op, x_read(cpu, f.rn), imm);
    if (!setflags) {
        xsp_write(cpu, f.rd, f.sf ? r : (uint32_t)r);
        return XR_NEXT;
    }
    logic_flags(cpu, f.sf, r);
    return write_result(cpu, f.rd, f.sf, r);
}

enum xr interp_AND_i(struct a64_cpu *cpu, uint32_t word)
{
    return logical_imm(cpu, a64_get_AND_i(word), LOGIC_AND, false);
}

enum xr interp_ORR_i(struct a64_cpu *cpu, uint32_t word)
{
    return logical_imm(cpu, a64_get_ORR_i(word), LOGIC_ORR, false);
}

enum xr interp_EOR_i(struct a64_cpu *cpu, uint32_t word)
{
    return logical_imm(cpu, a64_get_EOR_i(word), LOGIC_EOR, false);
}

enum xr interp_ANDS_i(struct a64_cpu *cpu, uint32_t word)
{
    return logical_imm(cpu, a64_get_ANDS_i(word), LOGIC_AND, true);
}

/* ShiftReg(): 0 LSL, 1 LSR, 2 ASR, 3 ROR of the low 32 or 64 bits. Bits above may be garbage for
 * the W form. */
static inline uint64_t shift_reg(bool sf, uint64_t x, unsigned shift, unsigned amount)
{
    switch (shift) {
    case 0:
        return x << amount;
    case 1:
        return (sf ? x : (uint32_t)x) >> amount;
    case 2:
        return (uint64_t)(sign_extend(x, sf ? 64 : 32) >> amount);
    default:
        return ror_bits(x, sf ? 64 : 32, amount);
    }
}

static inline enum xr logical_shifted(struct a64_cpu *cpu, struct a64_f_AND_s f, enum logic op,
                                      bool invert, bool setflags)
{
    uint64_t y = shift_reg(f.sf, x_read(cpu, f.rm), f.shift, f.imm6);
    uint64_t r = logic(op, x_read(cpu, f.rn), invert ? ~y : y);
    if (setflags)
        logic_flags(cpu, f.sf, r);
    return write_result(cpu, f.rd, f.sf, r);
}

#define LOGICAL_SHIFTED(name, op, invert, setflags)                                                \
    enum xr interp_##name(struct a64_cpu *cpu, uint32_t word)                                      \
    {                                                                                              \
        return logical_shifted(cpu, a64_get_##name(word), op, invert, setflags);                   \
    }
LOGICAL_SHIFTED(AND_s, LOGIC_AND, false, false)
LOGICAL_SHIFTED(BIC_s, LOGIC_AND, true, false)
LOGICAL_SHIFTED(ORR_s, LOGIC_ORR, false, false)
LOGICAL_SHIFTED(ORN_s, LOGIC_ORR, true, false)
LOGICAL_SHIFTED(EOR_s, LOGIC_EOR, false, false)
LOGICAL_SHIFTED(EON_s, LOGIC_EOR, true, false)
LOGICAL_SHIFTED(ANDS_s, LOGIC_AND, false, true)
LOGICAL_SHIFTED(BICS_s, LOGIC_AND, true, true)
#undef LOGICAL_SHIFTED

/* ---- Move wide ---- */

enum xr interp_MOVN(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_MOVN f = a64_get_MOVN(word);
    return write_result(cpu, f.rd, f.sf, ~((uint64_t)f.imm16 << (16 * f.hw)));
}

enum xr interp_MOVZ(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_MOVZ f = a64_get_MOVZ(word);
    return write_result(cpu, f.rd, f.sf, (uint64_t)f.imm16 << (16 * f.hw));
}

enum xr interp_MOVK(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_MOVK f = a64_get_MOVK(word);
    unsigned lo = 16 * f.hw;
    return write_result(cpu, f.rd, f.sf, bits_set(x_read(cpu, f.rd), lo + 15, lo, f.imm16));
}

/* ---- Bitfield and extract ---- */

enum bitfield { BITFIELD_SIGNED, BITFIELD_INSERT, BITFIELD_UNSIGNED };

static inline enum xr bitfield(struct a64_cpu *cpu, struct a64_f_SBFM f, enum bitfield kind)
{
    uint64_t wmask, tmask;
    CHECK(a64_decode_bit_masks(f.n, f.imms, f.immr, false, &wmask, &tmask));
    uint64_t src = x_read(cpu, f.rn), dst = kind == BITFIELD_INSERT ? x_read(cpu, f.rd) : 0;
    uint64_t bot = (dst & ~wmask) | (ror_bits(src, f.sf ? 64 : 32, f.immr) & wmask);
    uint64_t top = kind == BITFIELD_SIGNED ? (bit(src, f.imms) ? ~UINT64_C(0) : 0) : dst;
    return write_result(cpu, f.rd, f.sf, (top & ~tmask) | (bot & tmask));
}

enum xr interp_SBFM(struct a64_cpu *cpu, uint32_t word)
{
    return bitfield(cpu, a64_get_SBFM(word), BITFIELD_SIGNED);
}

enum xr interp_BFM(struct a64_cpu *cpu, uint32_t word)
{
    return bitfield(cpu, a64_get_BFM(word), BITFIELD_INSERT);
}

enum xr interp_UBFM(struct a64_cpu *cpu, uint32_t word)
{
    return bitfield(cpu, a64_get_UBFM(word), BITFIELD_UNSIGNED);
}

enum xr interp_EXTR(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_EXTR f = a64_get_EXTR(word);
    uint64_t hi = operand(cpu, f.rn, f.sf), lo = operand(cpu, f.rm, f.sf);
    if (!f.sf)
        return write_result(cpu, f.rd, false, (hi << 32 | lo) >> f.imms);
    return write_result(cpu, f.rd, true, f.imms ? hi << (64 - f.imms) | lo >> f.imms : lo);
}

/* ---- Variable shifts ---- */

static inline enum xr shift_variable(struct a64_cpu *cpu, struct a64_f_LSLV f, unsigned shift)
{
    unsigned amount = x_read(cpu, f.rm) & (f.sf ? 63 : 31);
    return write_result(cpu, f.rd, f.sf, shift_reg(f.sf, x_read(cpu, f.rn), shift, amount));
}

enum xr interp_LSLV(struct a64_cpu *cpu, uint32_t word)
{
    return shift_variable(cpu, a64_get_LSLV(word), 0);
}

enum xr interp_LSRV(struct a64_cpu *cpu, uint32_t word)
{
    return shift_variable(cpu, a64_get_LSRV(word), 1);
}

enum xr interp_ASRV(struct a64_cpu *cpu, uint32_t word)
{
    return shift_variable(cpu, a64_get_ASRV(word), 2);
}

enum xr interp_RORV(struct a64_cpu *cpu, uint32_t word)
{
    return shift_variable(cpu, a64_get_RORV(word), 3);
}

/* ---- Reversing and counting ---- */

enum xr interp_RBIT(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_RBIT f = a64_get_RBIT(word);
    uint64_t x = operand(cpu, f.rn, f.sf), r = 0;
    for (unsigned i = 0; i < 64; i++)
        r |= (x >> i & 1) << (63 - i);
    return write_result(cpu, f.rd, f.sf, f.sf ? r : r >> 32);
}

/* Bytes reversed within each 16 bits. */
enum xr interp_REV16(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_REV16 f = a64_get_REV16(word);
    uint64_t x = x_read(cpu, f.rn), low = UINT64_C(0x00ff00ff00ff00ff);
    return write_result(cpu, f.rd, f.sf, (x & low) << 8 | (x >> 8 & low));
}

enum xr interp_REV_w(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_REV_w f = a64_get_REV_w(word);
    return write_result(cpu, f.rd, false, __builtin_bswap32((uint32_t)x_read(cpu, f.rn)));
}

enum xr interp_REV32(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_REV32 f = a64_get_REV32(word);
    return write_result(cpu, f.rd, true, ror_bits(__builtin_bswap64(x_read(cpu, f.rn)), 64, 32));
}

enum xr interp_REV_x(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_REV_x f = a64_get_REV_x(word);
    return write_result(cpu, f.rd, true, __builtin_bswap64(x_read(cpu, f.rn)));
}

static unsigned leading_zeros(uint64_t x, unsigned n)
{
    return x ? (unsigned)__builtin_clzll(x) - (64 - n) : n;
}

enum xr interp_CLZ(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_CLZ f = a64_get_CLZ(word);
    x_write(cpu, f.rd, leading_zeros(operand(cpu, f.rn, f.sf), f.sf ? 64 : 32));
    return XR_NEXT;
}

/* Copies of the sign bit below it. */
enum xr interp_CLS(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_CLS f = a64_get_CLS(word);
    unsigned n = f.sf ? 64 : 32;
    uint64_t x = x_read(cpu, f.rn);
    x_write(cpu, f.rd, leading_zeros((x ^ x >> 1) & MASK(n - 1), n - 1));
    return XR_NEXT;
}

/* ---- Conditional select ---- */

/* Otherwise: Rm, inverted, incremented or both (negated). */
static inline enum xr cond_select(struct a64_cpu *cpu, struct a64_f_CSEL f, bool invert,
                                  bool increment)
{
    if (condition_holds(cpu->nzcv, f.cond))
        return write_result(cpu, f.rd, f.sf, x_read(cpu, f.rn));
    uint64_t r = x_read(cpu, f.rm);
    r = invert ? ~r : r;
    return write_result(cpu, f.rd, f.sf, increment ? r + 1 : r);
}

enum xr interp_CSEL(struct a64_cpu *cpu, uint32_t word)
{
    return cond_select(cpu, a64_get_CSEL(word), false, false);
}

enum xr interp_CSINC(struct a64_cpu *cpu, uint32_t word)
{
    return cond_select(cpu, a64_get_CSINC(word), false, true);
}

enum xr interp_CSINV(struct a64_cpu *cpu, uint32_t word)
{
    return cond_select(cpu, a64_get_CSINV(word), true, false);
}

enum xr interp_CSNEG(struct a64_cpu *cpu, uint32_t word)
{
    return cond_select(cpu, a64_get_CSNEG(word), true, true);
}
