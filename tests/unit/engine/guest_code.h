/* Guest programs for tests, made of the generated encoders: a buffer of words with what an
 * assembler gives beyond single instructions (constants, labels, system registers by name).
 *
 *     unsigned loop = here(c);
 *     I(c, ADD_i, 1, 0, 1, 0, 0);          fields from the most significant one
 *     b_cond(c, COND_NE, loop);
 *     unsigned skip = I(c, CBZ, 1, 0, 3);   a branch forwards ...
 *     label(c, skip);                       ... to here
 */
#ifndef TESTS_UNIT_ENGINE_GUEST_CODE_H
#define TESTS_UNIT_ENGINE_GUEST_CODE_H

#include "a64/sysreg.h"
#include "a64_encode.h"
#include "base/check.h"

#define CODE_MAX 2048u

struct code {
    uint32_t w[CODE_MAX];
    unsigned n;
};

enum { COND_EQ, COND_NE, COND_CS, COND_CC, COND_MI, COND_PL };
enum { XZR = 31, SP = 31, LR = 30 };

static inline unsigned emit(struct code *c, uint32_t word)
{
    CHECK(c->n < CODE_MAX);
    c->w[c->n] = word;
    return c->n++;
}

#define I(c, NAME, ...) emit((c), a64_encode_##NAME(__VA_ARGS__))

static inline unsigned here(const struct code *c)
{
    return c->n;
}

/* Rd = value, in as many instructions as it takes. */
static inline void li(struct code *c, unsigned rd, uint64_t value)
{
    I(c, MOVZ, 1, 0, (uint32_t)value & 0xffff, rd);
    for (unsigned hw = 1; hw < 4; hw++) {
        if (value >> (16 * hw) & 0xffff)
            I(c, MOVK, 1, hw, (uint32_t)(value >> (16 * hw)) & 0xffff, rd);
    }
}

static inline void mov(struct code *c, unsigned rd, unsigned rm)
{
    I(c, ORR_s, 1, 0, rm, 0, XZR, rd);
}

/* The branch at index `at` (B, BL, B.cond, CBZ, CBNZ) goes to index `to`. */
static inline void branch_to(struct code *c, unsigned at, unsigned to)
{
    uint32_t off = to - at;
    if ((c->w[at] & 0x7c000000) == 0x14000000)
        c->w[at] = (c->w[at] & ~0x3ffffffu) | (off & 0x3ffffff);
    else
        c->w[at] = (c->w[at] & ~0xffffe0u) | (off & 0x7ffff) << 5;
}

static inline void label(struct code *c, unsigned at)
{
    branch_to(c, at, c->n);
}

static inline void b(struct code *c, unsigned to)
{
    branch_to(c, I(c, B, 0), to);
}

static inline void bl(struct code *c, unsigned to)
{
    branch_to(c, I(c, BL, 0), to);
}

static inline void b_cond(struct code *c, unsigned cond, unsigned to)
{
    branch_to(c, I(c, B_cond, 0, cond), to);
}

static inline void cbz(struct code *c, unsigned rt, unsigned to)
{
    branch_to(c, I(c, CBZ, 1, 0, rt), to);
}

static inline void cbnz(struct code *c, unsigned rt, unsigned to)
{
    branch_to(c, I(c, CBNZ, 1, 0, rt), to);
}

/* MSR and MRS by register, SYS by A64_SYS_KEY(1, ...). */
static inline uint32_t word_msr(enum a64_sysreg reg, unsigned rt)
{
    return 0xd5000000u | (uint32_t)a64_sysreg_info(reg)->key << 5 | rt;
}

static inline uint32_t word_mrs(enum a64_sysreg reg, unsigned rt)
{
    return 0xd5200000u | (uint32_t)a64_sysreg_info(reg)->key << 5 | rt;
}

static inline uint32_t word_sys(unsigned key, unsigned rt)
{
    return 0xd5000000u | (uint32_t)key << 5 | rt;
}

#define SYS_DC_ZVA A64_SYS_KEY(1, 3, 7, 4, 1)
#define SYS_IC_IALLU A64_SYS_KEY(1, 0, 7, 5, 0)
#define SYS_IC_IVAU A64_SYS_KEY(1, 3, 7, 5, 1)
#define SYS_TLBI_VMALLE1 A64_SYS_KEY(1, 0, 8, 7, 0)

/* Register `reg` = value, through Xn. */
static inline void set_sysreg(struct code *c, enum a64_sysreg reg, unsigned n, uint64_t value)
{
    li(c, n, value);
    emit(c, word_msr(reg, n));
}

/* MSR DAIFSet, #2 and DAIFClr, #2: IRQ masked and not. */
static inline void irq_off(struct code *c)
{
    I(c, MSR_i, 3, 2, 6);
}

static inline void irq_on(struct code *c)
{
    I(c, MSR_i, 3, 2, 7);
}

/* 32-bit store of a constant to an address, through X(n) and X(n+1). */
static inline void poke(struct code *c, unsigned n, uint64_t address, uint32_t value)
{
    li(c, n, address);
    li(c, n + 1, value);
    I(c, STR_i, 0, 0, n, n + 1);
}

#endif
