/* Integer multiplication, division and CRC32 (Arm ARM DDI 0487, C4.1.89: data-processing with 2 and
 * 3 sources; C6.2).
 *
 * Division by zero gives 0, and the one quotient that overflows wraps, without exceptions. CRC32 is
 * the reflected form without initial and final inversion: BitReverse and Poly32Mod2 of the
 * pseudocode together are the usual right-shifting algorithm.
 */
#include "engine/interp/interp_int.h"

#include "a64_ops.h"
#include "interp_table.h"

/* ---- Multiply-add ---- */

enum xr interp_MADD(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_MADD f = a64_get_MADD(word);
    uint64_t r = x_read(cpu, f.ra) + x_read(cpu, f.rn) * x_read(cpu, f.rm);
    x_write(cpu, f.rd, f.sf ? r : (uint32_t)r);
    return XR_NEXT;
}

enum xr interp_MSUB(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_MSUB f = a64_get_MSUB(word);
    uint64_t r = x_read(cpu, f.ra) - x_read(cpu, f.rn) * x_read(cpu, f.rm);
    x_write(cpu, f.rd, f.sf ? r : (uint32_t)r);
    return XR_NEXT;
}

static uint64_t product_signed(const struct a64_cpu *cpu, unsigned rn, unsigned rm)
{
    return (uint64_t)(sign_extend(x_read(cpu, rn), 32) * sign_extend(x_read(cpu, rm), 32));
}

static uint64_t product_unsigned(const struct a64_cpu *cpu, unsigned rn, unsigned rm)
{
    return (uint64_t)(uint32_t)x_read(cpu, rn) * (uint32_t)x_read(cpu, rm);
}

enum xr interp_SMADDL(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SMADDL f = a64_get_SMADDL(word);
    x_write(cpu, f.rd, x_read(cpu, f.ra) + product_signed(cpu, f.rn, f.rm));
    return XR_NEXT;
}

enum xr interp_SMSUBL(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SMSUBL f = a64_get_SMSUBL(word);
    x_write(cpu, f.rd, x_read(cpu, f.ra) - product_signed(cpu, f.rn, f.rm));
    return XR_NEXT;
}

enum xr interp_UMADDL(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_UMADDL f = a64_get_UMADDL(word);
    x_write(cpu, f.rd, x_read(cpu, f.ra) + product_unsigned(cpu, f.rn, f.rm));
    return XR_NEXT;
}

enum xr interp_UMSUBL(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_UMSUBL f = a64_get_UMSUBL(word);
    x_write(cpu, f.rd, x_read(cpu, f.ra) - product_unsigned(cpu, f.rn, f.rm));
    return XR_NEXT;
}

/* Ra should be 31; other values are executed alike. */
enum xr interp_SMULH(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SMULH f = a64_get_SMULH(word);
    __int128 r = (__int128)(int64_t)x_read(cpu, f.rn) * (int64_t)x_read(cpu, f.rm);
    x_write(cpu, f.rd, (uint64_t)(r >> 64));
    return XR_NEXT;
}

enum xr interp_UMULH(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_UMULH f = a64_get_UMULH(word);
    unsigned __int128 r = (unsigned __int128)x_read(cpu, f.rn) * x_read(cpu, f.rm);
    x_write(cpu, f.rd, (uint64_t)(r >> 64));
    return XR_NEXT;
}

/* ---- Divide ---- */

enum xr interp_UDIV(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_UDIV f = a64_get_UDIV(word);
    uint64_t x = x_read(cpu, f.rn), y = x_read(cpu, f.rm);
    if (!f.sf) {
        x = (uint32_t)x;
        y = (uint32_t)y;
    }
    x_write(cpu, f.rd, y ? x / y : 0);
    return XR_NEXT;
}

enum xr interp_SDIV(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SDIV f = a64_get_SDIV(word);
    unsigned n = f.sf ? 64 : 32;
    int64_t x = sign_extend(x_read(cpu, f.rn), n), y = sign_extend(x_read(cpu, f.rm), n);
    uint64_t r = y == 0 ? 0 : y == -1 ? 0 - (uint64_t)x : (uint64_t)(x / y);
    x_write(cpu, f.rd, f.sf ? r : (uint32_t)r);
    return XR_NEXT;
}

/* ---- CRC32 ---- */

#define CRC32_POLY UINT32_C(0xedb88320)  /* 0x04c11db7 reversed */
#define CRC32C_POLY UINT32_C(0x82f63b78) /* 0x1edc6f41 reversed */

static enum xr crc32(struct a64_cpu *cpu, struct a64_f_CRC32B f, unsigned bytes, uint32_t poly)
{
    uint64_t data = x_read(cpu, f.rm) & MASK(8 * bytes);
    uint32_t acc = (uint32_t)x_read(cpu, f.rn);
    for (unsigned i = 0; i < bytes; i++) {
        acc ^= (uint8_t)(data >> (8 * i));
        for (unsigned k = 0; k < 8; k++)
            acc = acc >> 1 ^ (acc & 1 ? poly : 0);
    }
    x_write(cpu, f.rd, acc);
    return XR_NEXT;
}

#define CRC32(name, bytes, poly)                                                                   \
    enum xr interp_##name(struct a64_cpu *cpu, uint32_t word)                                      \
    {                                                                                              \
        return crc32(cpu, a64_get_##name(word), bytes, poly);                                      \
    }
CRC32(CRC32B, 1, CRC32_POLY)
CRC32(CRC32H, 2, CRC32_POLY)
CRC32(CRC32W, 4, CRC32_POLY)
CRC32(CRC32X, 8, CRC32_POLY)
CRC32(CRC32CB, 1, CRC32C_POLY)
CRC32(CRC32CH, 2, CRC32C_POLY)
CRC32(CRC32CW, 4, CRC32C_POLY)
CRC32(CRC32CX, 8, CRC32C_POLY)
#undef CRC32
