/* How instructions are put together: prefixes, opcode, ModRM, SIB, displacement. Shared by
 * asm.c and the vector files; Intel SDM volume 2, sections 2.1 (legacy), 2.3 (VEX), 2.7 (EVEX).
 *
 * Everything works on a local write pointer; b->p moves once, at the end of the instruction, so it
 * is also the start that rip-relative operands are counted from. Immediates are stored as 4 bytes
 * of which the next instruction overwrites the surplus: X64_ROOM covers it.
 */
#ifndef X64_ASM_INT_H
#define X64_ASM_INT_H

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "x64/asm.h"

/* An opcode: its byte, its map (0 is the one-byte map) and its mandatory prefix. */
#define X64_MAP(n) ((unsigned)(n) << 8)
#define X64_0F X64_MAP(1)
#define X64_0F38 X64_MAP(2)
#define X64_0F3A X64_MAP(3)
#define X64_PP(n) ((unsigned)(n) << 12) /* 1: 66, 2: F3, 3: F2, as in VEX */
#define X64_66 X64_PP(1)
#define X64_F3 X64_PP(2)
#define X64_F2 X64_PP(3)
#define X64_OPERAND16 0x8000u /* 66 as well as another prefix: crc32 with 16 bits */

/* Bits of REX; X64_REX alone asks for the prefix without any, for sil, dil, bpl and spl. */
#define X64_REX 0x40u
#define X64_REX_W 8u

/* Where the instruction goes, or NULL if there is no room. */
static inline uint8_t *x64_begin(struct x64_buf *b)
{
    if (UNLIKELY(b->full || b->end - b->p < X64_ROOM)) {
        b->full = true;
        return NULL;
    }
    return b->p;
}

/* Number of the register with 0 for X64_NONE. */
static inline unsigned x64_reg_or_0(int r)
{
    return r < 0 ? 0 : (unsigned)r;
}

static inline uint8_t *x64_put_u32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
    return p + 4;
}

/* No base, or rip. */
static inline uint8_t *x64_put_mem_rare(uint8_t *p, const uint8_t *start, unsigned reg,
                                        struct x64_mem m, unsigned imm_bytes)
{
    if (m.base == X64_RIP) {
        CHECK(m.index < 0);
        *p++ = (uint8_t)(reg << 3 | 5);
        return x64_put_u32(p, (uint32_t)m.disp - (uint32_t)(p + 4 + imm_bytes - start));
    }
    unsigned index = m.index < 0 ? 4 : (unsigned)m.index & 7;
    *p++ = (uint8_t)(reg << 3 | 4);
    *p++ = (uint8_t)(m.scale_log2 << 6 | index << 3 | 5);
    return x64_put_u32(p, (uint32_t)m.disp);
}

/* ModRM, SIB and displacement. start: of the instruction; disp8_log2: what EVEX scales an 8-bit
 * displacement with; imm_bytes: what follows (rip counts from behind it). */
static inline uint8_t *x64_put_mem(uint8_t *p, const uint8_t *start, unsigned reg,
                                   struct x64_mem m, unsigned disp8_log2, unsigned imm_bytes)
{
    reg &= 7;
    DCHECK(m.index != RSP && m.scale_log2 < 4);
    if (UNLIKELY(m.base < 0 || m.base == X64_RIP))
        return x64_put_mem_rare(p, start, reg, m, imm_bytes);
    unsigned base = (unsigned)m.base & 7;
    int32_t short_disp = m.disp >> disp8_log2;
    unsigned mod = 0x80;
    if (m.disp == 0 && base != 5)
        mod = 0;
    else if (short_disp == (int8_t)short_disp && !(m.disp & ((1 << disp8_log2) - 1)))
        mod = 0x40;
    if (m.index >= 0 || base == 4) {
        unsigned index = m.index < 0 ? 4 : (unsigned)m.index & 7;
        *p++ = (uint8_t)(mod | reg << 3 | 4);
        *p++ = (uint8_t)(m.scale_log2 << 6 | index << 3 | base);
    } else {
        *p++ = (uint8_t)(mod | reg << 3 | base);
    }
    if (mod == 0x80)
        return x64_put_u32(p, (uint32_t)m.disp);
    *p = (uint8_t)short_disp;
    return p + (mod >> 6);
}

static inline uint8_t *x64_put_rr(uint8_t *p, unsigned reg, unsigned rm)
{
    *p = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
    return p + 1;
}

/* Prefixes and opcode of a legacy instruction. */
static inline uint8_t *x64_put_op(uint8_t *p, unsigned op, unsigned rex)
{
    static const uint8_t prefix[4] = {0, 0x66, 0xf3, 0xf2};
    if (op & X64_OPERAND16)
        *p++ = 0x66;
    if (op & X64_PP(3))
        *p++ = prefix[op >> 12 & 3];
    if (rex)
        *p++ = (uint8_t)(X64_REX | rex);
    if (op & X64_MAP(3)) {
        *p++ = 0x0f;
        if (op & X64_MAP(2))
            *p++ = (op & X64_MAP(1)) ? 0x3a : 0x38;
    }
    *p++ = (uint8_t)op;
    return p;
}

/* VEX and opcode; x, bb: the registers that extend X and B by their bit 3. */
static inline uint8_t *x64_put_vex(uint8_t *p, unsigned op, unsigned w, unsigned l, unsigned reg,
                                   unsigned v, unsigned x, unsigned bb)
{
    unsigned pp = op >> 12 & 3, last = (~v & 15) << 3 | l << 2 | pp;
    unsigned r_bit = (~reg & 8) << 4, map = op >> 8 & 3;
    if (map == 1 && !((x | bb) & 8) && !w) {
        *p++ = 0xc5;
        *p++ = (uint8_t)(r_bit | last);
    } else {
        *p++ = 0xc4;
        *p++ = (uint8_t)(r_bit | (~x & 8) << 3 | (~bb & 8) << 2 | map);
        *p++ = (uint8_t)(w << 7 | last);
    }
    *p++ = (uint8_t)op;
    return p;
}

/* ---- Whole legacy instructions; imm_bytes of imm follow ---- */
static inline void x64_ins_rr(struct x64_buf *b, unsigned op, unsigned rex, int reg, int rm,
                              unsigned imm_bytes, int32_t imm)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    unsigned r = (unsigned)reg, m = (unsigned)rm;
    p = x64_put_op(p, op, rex | (r & 8) >> 1 | (m & 8) >> 3);
    p = x64_put_rr(p, r, m);
    x64_put_u32(p, (uint32_t)imm);
    b->p = p + imm_bytes;
}

static inline void x64_ins_rm(struct x64_buf *b, unsigned op, unsigned rex, int reg,
                              struct x64_mem m, unsigned imm_bytes, int32_t imm)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    unsigned r = (unsigned)reg;
    unsigned x_bit = (x64_reg_or_0(m.index) & 8) >> 2, b_bit = (x64_reg_or_0(m.base) & 8) >> 3;
    p = x64_put_op(p, op, rex | (r & 8) >> 1 | x_bit | b_bit);
    p = x64_put_mem(p, b->p, r, m, 0, imm_bytes);
    x64_put_u32(p, (uint32_t)imm);
    b->p = p + imm_bytes;
}

/* ---- Whole VEX instructions ---- */
static inline void x64_vex_rr(struct x64_buf *b, unsigned op, int w, int l, int reg, int v, int rm,
                              unsigned imm_bytes, int imm)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    p = x64_put_vex(p, op, (unsigned)w, (unsigned)l, (unsigned)reg, (unsigned)v, 0, (unsigned)rm);
    p = x64_put_rr(p, (unsigned)reg, (unsigned)rm);
    *p = (uint8_t)imm;
    b->p = p + imm_bytes;
}

static inline void x64_vex_rm(struct x64_buf *b, unsigned op, int w, int l, int reg, int v,
                              struct x64_mem m, unsigned imm_bytes, int imm)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    p = x64_put_vex(p, op, (unsigned)w, (unsigned)l, (unsigned)reg, (unsigned)v,
                    x64_reg_or_0(m.index), x64_reg_or_0(m.base));
    p = x64_put_mem(p, b->p, (unsigned)reg, m, 0, imm_bytes);
    *p = (uint8_t)imm;
    b->p = p + imm_bytes;
}

#endif
