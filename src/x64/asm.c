/* Integer instructions, moves, flags and atomics; branches are in asm_flow.c, vectors in asm_vec.c.
 *
 * Each function names its opcode as the SDM prints it and leaves prefixes and operands to
 * asm_int.h, whose functions are inlined here with constants: an instruction costs some ten host
 * instructions to emit. Where there are several encodings the shortest is taken, except that
 * nothing ever changes what an instruction does to the flags.
 */
#include "x64/asm_int.h"

static inline bool fits8(int32_t v)
{
    return v == (int8_t)v;
}

static inline unsigned rex_w(int w)
{
    return w ? X64_REX_W : 0;
}

/* The opcode for bytes made that of `size`: bit 0 for all others, prefix 66 for 2. */
static inline unsigned sized_op(unsigned byte_op, int size)
{
    DCHECK(size == 1 || size == 2 || size == 4 || size == 8);
    return byte_op | (size != 1) | (size == 2 ? X64_66 : 0);
}

/* REX for a register of `size` bytes; spl to dil need one. */
static inline unsigned sized_rex(int size, int reg)
{
    if (size == 8)
        return X64_REX_W;
    return size == 1 && reg >= 4 ? X64_REX : 0;
}

/* ---- Raw data ---- */
void x64_byte(struct x64_buf *b, uint8_t v)
{
    x64_data(b, &v, 1);
}

void x64_data(struct x64_buf *b, const void *bytes, unsigned count)
{
    if (b->full || (size_t)(b->end - b->p) < count) {
        b->full = true;
        return;
    }
    memcpy(b->p, bytes, count);
    b->p += count;
}

void x64_align(struct x64_buf *b, unsigned pow2)
{
    x64_nop(b, -(unsigned)(uintptr_t)b->p & (pow2 - 1));
}

/* The low `count` bytes of v, lowest first. */
static void bytes_n(struct x64_buf *b, unsigned count, uint32_t v)
{
    uint8_t *p = x64_begin(b);
    if (p) {
        x64_put_u32(p, v);
        b->p = p + count;
    }
}

/* ---- Arithmetic ---- */
void x64_alu_rr(struct x64_buf *b, enum x64_alu op, int w, int dst, int src)
{
    x64_ins_rr(b, (unsigned)op << 3 | 1, rex_w(w), src, dst, 0, 0);
}

void x64_alu_ri(struct x64_buf *b, enum x64_alu op, int w, int dst, int32_t imm)
{
    x64_alu_sz_ri(b, op, w ? 8 : 4, dst, imm);
}

void x64_alu_rm(struct x64_buf *b, enum x64_alu op, int w, int dst, struct x64_mem m)
{
    x64_ins_rm(b, (unsigned)op << 3 | 3, rex_w(w), dst, m, 0, 0);
}

void x64_alu_mr(struct x64_buf *b, enum x64_alu op, int w, struct x64_mem m, int src)
{
    x64_ins_rm(b, (unsigned)op << 3 | 1, rex_w(w), src, m, 0, 0);
}

void x64_alu_mi(struct x64_buf *b, enum x64_alu op, int w, struct x64_mem m, int32_t imm)
{
    x64_alu_sz_mi(b, op, w ? 8 : 4, m, imm);
}

void x64_alu_mi8(struct x64_buf *b, enum x64_alu op, struct x64_mem m, int8_t imm)
{
    x64_ins_rm(b, 0x80, 0, op, m, 1, imm);
}

void x64_alu_sz_rr(struct x64_buf *b, enum x64_alu op, int size, int dst, int src)
{
    x64_ins_rr(b, sized_op((unsigned)op << 3, size), sized_rex(size, dst | src), src, dst, 0, 0);
}

void x64_alu_sz_ri(struct x64_buf *b, enum x64_alu op, int size, int dst, int32_t imm)
{
    if (size == 1) {
        x64_ins_rr(b, 0x80, sized_rex(1, dst), op, dst, 1, imm);
        return;
    }
    unsigned prefix = size == 2 ? X64_66 : 0, rex = sized_rex(size, dst);
    unsigned imm_bytes = size == 2 ? 2 : 4;
    if (size == 2)
        imm = (int16_t)imm;
    if (fits8(imm)) {
        x64_ins_rr(b, 0x83 | prefix, rex, op, dst, 1, imm);
    } else if (dst == RAX) {
        uint8_t *p = x64_begin(b);
        if (!p)
            return;
        p = x64_put_op(p, (unsigned)op << 3 | 5 | prefix, rex);
        x64_put_u32(p, (uint32_t)imm);
        b->p = p + imm_bytes;
    } else {
        x64_ins_rr(b, 0x81 | prefix, rex, op, dst, imm_bytes, imm);
    }
}

void x64_alu_sz_rm(struct x64_buf *b, enum x64_alu op, int size, int dst, struct x64_mem m)
{
    x64_ins_rm(b, sized_op((unsigned)op << 3 | 2, size), sized_rex(size, dst), dst, m, 0, 0);
}

void x64_alu_sz_mr(struct x64_buf *b, enum x64_alu op, int size, struct x64_mem m, int src)
{
    x64_ins_rm(b, sized_op((unsigned)op << 3, size), sized_rex(size, src), src, m, 0, 0);
}

void x64_alu_sz_mi(struct x64_buf *b, enum x64_alu op, int size, struct x64_mem m, int32_t imm)
{
    unsigned prefix = size == 2 ? X64_66 : 0, rex = sized_rex(size, 0);
    if (size == 2)
        imm = (int16_t)imm;
    if (size == 1)
        x64_ins_rm(b, 0x80, 0, op, m, 1, imm);
    else if (fits8(imm))
        x64_ins_rm(b, 0x83 | prefix, rex, op, m, 1, imm);
    else
        x64_ins_rm(b, 0x81 | prefix, rex, op, m, size == 2 ? 2 : 4, imm);
}

void x64_test_rr(struct x64_buf *b, int w, int a, int c)
{
    x64_ins_rr(b, 0x85, rex_w(w), c, a, 0, 0);
}

void x64_test_ri(struct x64_buf *b, int w, int r, int32_t imm)
{
    x64_test_sz_ri(b, w ? 8 : 4, r, imm);
}

void x64_test_mi(struct x64_buf *b, int w, struct x64_mem m, int32_t imm)
{
    x64_ins_rm(b, 0xf7, rex_w(w), 0, m, 4, imm);
}

void x64_test_mr(struct x64_buf *b, int w, struct x64_mem m, int r)
{
    x64_ins_rm(b, 0x85, rex_w(w), r, m, 0, 0);
}

void x64_test_mi8(struct x64_buf *b, struct x64_mem m, int8_t imm)
{
    x64_ins_rm(b, 0xf6, 0, 0, m, 1, imm);
}

void x64_test_sz_rr(struct x64_buf *b, int size, int a, int c)
{
    x64_ins_rr(b, sized_op(0x84, size), sized_rex(size, a | c), c, a, 0, 0);
}

void x64_test_sz_ri(struct x64_buf *b, int size, int r, int32_t imm)
{
    unsigned op = sized_op(r == RAX ? 0xa8 : 0xf6, size), rex = sized_rex(size, r);
    unsigned imm_bytes = size > 4 ? 4 : (unsigned)size;
    if (r != RAX) {
        x64_ins_rr(b, op, rex, 0, r, imm_bytes, imm);
        return;
    }
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    p = x64_put_op(p, op, rex);
    x64_put_u32(p, (uint32_t)imm);
    b->p = p + imm_bytes;
}

#define UNARY(name, extension)                                                                     \
    void name(struct x64_buf *b, int w, int r)                                                     \
    {                                                                                              \
        x64_ins_rr(b, 0xf7, rex_w(w), extension, r, 0, 0);                                         \
    }
UNARY(x64_not, 2)
UNARY(x64_neg, 3)
UNARY(x64_mul, 4)
UNARY(x64_imul1, 5)
UNARY(x64_div, 6)
UNARY(x64_idiv, 7)
#undef UNARY

void x64_imul_rr(struct x64_buf *b, int w, int dst, int src)
{
    x64_ins_rr(b, X64_0F | 0xaf, rex_w(w), dst, src, 0, 0);
}

void x64_imul_rri(struct x64_buf *b, int w, int dst, int src, int32_t imm)
{
    x64_ins_rr(b, fits8(imm) ? 0x6b : 0x69, rex_w(w), dst, src, fits8(imm) ? 1 : 4, imm);
}

void x64_imul_rm(struct x64_buf *b, int w, int dst, struct x64_mem m)
{
    x64_ins_rm(b, X64_0F | 0xaf, rex_w(w), dst, m, 0, 0);
}

void x64_cdq(struct x64_buf *b)
{
    bytes_n(b, 1, 0x99);
}

void x64_cqo(struct x64_buf *b)
{
    bytes_n(b, 2, 0x9948);
}

/* ---- Moves ---- */
void x64_mov_rr(struct x64_buf *b, int w, int dst, int src)
{
    if (dst != src || !w)
        x64_ins_rr(b, 0x89, rex_w(w), src, dst, 0, 0);
}

void x64_mov_ri(struct x64_buf *b, int dst, uint64_t imm)
{
    if (imm >> 32 == 0) {
        uint8_t *p = x64_begin(b);
        if (!p)
            return;
        p = x64_put_op(p, 0xb8 | ((unsigned)dst & 7), ((unsigned)dst & 8) >> 3);
        b->p = x64_put_u32(p, (uint32_t)imm);
    } else if ((int64_t)imm == (int32_t)imm) {
        x64_ins_rr(b, 0xc7, X64_REX_W, 0, dst, 4, (int32_t)imm);
    } else {
        x64_movabs(b, dst, imm);
    }
}

void x64_movabs(struct x64_buf *b, int dst, uint64_t imm)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    p = x64_put_op(p, 0xb8 | ((unsigned)dst & 7), X64_REX_W | ((unsigned)dst & 8) >> 3);
    memcpy(p, &imm, 8);
    b->p = p + 8;
}

/* Opcode of the move that extends from `size` bytes, and whether it takes REX.W. */
static inline unsigned extension_op(int size, bool sext, int *w)
{
    *w = *w && sext;
    switch (size) {
    case 1: return X64_0F | (sext ? 0xbe : 0xb6);
    case 2: return X64_0F | (sext ? 0xbf : 0xb7);
    case 4: return *w ? 0x63 : 0x8b;
    case 8: *w = 1; return 0x8b;
    default: CHECK(!"size is 1, 2, 4 or 8"); return 0;
    }
}

void x64_load(struct x64_buf *b, int size, bool sext, int w, int dst, struct x64_mem m)
{
    unsigned op = extension_op(size, sext, &w);
    x64_ins_rm(b, op, rex_w(w), dst, m, 0, 0);
}

void x64_ext_rr(struct x64_buf *b, int size, bool sext, int w, int dst, int src)
{
    if (size == 8) {
        x64_mov_rr(b, 1, dst, src);
        return;
    }
    unsigned op = extension_op(size, sext, &w);
    x64_ins_rr(b, op, rex_w(w) | (size == 1 ? sized_rex(1, src) : 0), dst, src, 0, 0);
}

void x64_store(struct x64_buf *b, int size, struct x64_mem m, int src)
{
    x64_ins_rm(b, sized_op(0x88, size), sized_rex(size, src), src, m, 0, 0);
}

void x64_store_i(struct x64_buf *b, int size, struct x64_mem m, int32_t imm)
{
    x64_ins_rm(b, sized_op(0xc6, size), sized_rex(size, 0), 0, m, size > 4 ? 4 : (unsigned)size,
               imm);
}

void x64_lea(struct x64_buf *b, int w, int dst, struct x64_mem m)
{
    x64_ins_rm(b, 0x8d, rex_w(w), dst, m, 0, 0);
}

void x64_movbe_load(struct x64_buf *b, int size, int dst, struct x64_mem m)
{
    DCHECK(size == 2 || size == 4 || size == 8);
    x64_ins_rm(b, X64_0F38 | 0xf0 | (size == 2 ? X64_66 : 0), rex_w(size == 8), dst, m, 0, 0);
}

void x64_movbe_store(struct x64_buf *b, int size, struct x64_mem m, int src)
{
    DCHECK(size == 2 || size == 4 || size == 8);
    x64_ins_rm(b, X64_0F38 | 0xf1 | (size == 2 ? X64_66 : 0), rex_w(size == 8), src, m, 0, 0);
}

/* An opcode with the register in its low three bits. */
static void op_plus_reg(struct x64_buf *b, unsigned op, unsigned rex, int r)
{
    uint8_t *p = x64_begin(b);
    if (p)
        b->p = x64_put_op(p, op | ((unsigned)r & 7), rex | ((unsigned)r & 8) >> 3);
}

void x64_bswap(struct x64_buf *b, int w, int r)
{
    op_plus_reg(b, X64_0F | 0xc8, rex_w(w), r);
}

void x64_push(struct x64_buf *b, int r)
{
    op_plus_reg(b, 0x50, 0, r);
}

void x64_pop(struct x64_buf *b, int r)
{
    op_plus_reg(b, 0x58, 0, r);
}

void x64_push_m(struct x64_buf *b, struct x64_mem m)
{
    x64_ins_rm(b, 0xff, 0, 6, m, 0, 0);
}

void x64_pop_m(struct x64_buf *b, struct x64_mem m)
{
    x64_ins_rm(b, 0x8f, 0, 0, m, 0, 0);
}

void x64_push_i(struct x64_buf *b, int32_t imm)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    *p++ = fits8(imm) ? 0x6a : 0x68;
    x64_put_u32(p, (uint32_t)imm);
    b->p = p + (fits8(imm) ? 1 : 4);
}

void x64_pushfq(struct x64_buf *b)
{
    bytes_n(b, 1, 0x9c);
}

void x64_popfq(struct x64_buf *b)
{
    bytes_n(b, 1, 0x9d);
}

void x64_xchg_rr(struct x64_buf *b, int w, int a, int c)
{
    x64_ins_rr(b, 0x87, rex_w(w), c, a, 0, 0);
}

/* ---- Shifts ---- */
void x64_shift_ri(struct x64_buf *b, enum x64_shift op, int w, int dst, int imm)
{
    x64_shift_sz_ri(b, op, w ? 8 : 4, dst, imm);
}

void x64_shift_sz_ri(struct x64_buf *b, enum x64_shift op, int size, int dst, int imm)
{
    unsigned rex = sized_rex(size, dst);
    if (imm == 1)
        x64_ins_rr(b, sized_op(0xd0, size), rex, op, dst, 0, 0);
    else
        x64_ins_rr(b, sized_op(0xc0, size), rex, op, dst, 1, imm);
}

void x64_shift_cl(struct x64_buf *b, enum x64_shift op, int w, int dst)
{
    x64_ins_rr(b, 0xd3, rex_w(w), op, dst, 0, 0);
}

void x64_shift_mi(struct x64_buf *b, enum x64_shift op, int w, struct x64_mem m, int imm)
{
    if (imm == 1)
        x64_ins_rm(b, 0xd1, rex_w(w), op, m, 0, 0);
    else
        x64_ins_rm(b, 0xc1, rex_w(w), op, m, 1, imm);
}

void x64_shld_rri(struct x64_buf *b, int w, int dst, int src, int imm)
{
    x64_ins_rr(b, X64_0F | 0xa4, rex_w(w), src, dst, 1, imm);
}

void x64_shrd_rri(struct x64_buf *b, int w, int dst, int src, int imm)
{
    x64_ins_rr(b, X64_0F | 0xac, rex_w(w), src, dst, 1, imm);
}

void x64_rorx(struct x64_buf *b, int w, int dst, int src, int imm)
{
    x64_vex_rr(b, X64_0F3A | X64_F2 | 0xf0, w, 0, dst, 0, src, 1, imm);
}

void x64_rorx_m(struct x64_buf *b, int w, int dst, struct x64_mem m, int imm)
{
    x64_vex_rm(b, X64_0F3A | X64_F2 | 0xf0, w, 0, dst, 0, m, 1, imm);
}

#define SHIFTX(name, prefix)                                                                       \
    void name(struct x64_buf *b, int w, int dst, int src, int count)                               \
    {                                                                                              \
        x64_vex_rr(b, X64_0F38 | (prefix) | 0xf7, w, 0, dst, count, src, 0, 0);                    \
    }                                                                                              \
    void name##_m(struct x64_buf *b, int w, int dst, struct x64_mem m, int count)                  \
    {                                                                                              \
        x64_vex_rm(b, X64_0F38 | (prefix) | 0xf7, w, 0, dst, count, m, 0, 0);                      \
    }
SHIFTX(x64_shlx, X64_66)
SHIFTX(x64_sarx, X64_F3)
SHIFTX(x64_shrx, X64_F2)
#undef SHIFTX

/* ---- Bits ---- */
void x64_andn(struct x64_buf *b, int w, int dst, int inverted, int src)
{
    x64_vex_rr(b, X64_0F38 | 0xf2, w, 0, dst, inverted, src, 0, 0);
}

void x64_andn_m(struct x64_buf *b, int w, int dst, int inverted, struct x64_mem m)
{
    x64_vex_rm(b, X64_0F38 | 0xf2, w, 0, dst, inverted, m, 0, 0);
}

void x64_bextr(struct x64_buf *b, int w, int dst, int src, int control)
{
    x64_vex_rr(b, X64_0F38 | 0xf7, w, 0, dst, control, src, 0, 0);
}

void x64_bzhi(struct x64_buf *b, int w, int dst, int src, int count)
{
    x64_vex_rr(b, X64_0F38 | 0xf5, w, 0, dst, count, src, 0, 0);
}

void x64_pext(struct x64_buf *b, int w, int dst, int src, int mask)
{
    x64_vex_rr(b, X64_0F38 | X64_F3 | 0xf5, w, 0, dst, src, mask, 0, 0);
}

void x64_pdep(struct x64_buf *b, int w, int dst, int src, int mask)
{
    x64_vex_rr(b, X64_0F38 | X64_F2 | 0xf5, w, 0, dst, src, mask, 0, 0);
}

void x64_blsr(struct x64_buf *b, int w, int dst, int src)
{
    x64_vex_rr(b, X64_0F38 | 0xf3, w, 0, 1, dst, src, 0, 0);
}

void x64_blsmsk(struct x64_buf *b, int w, int dst, int src)
{
    x64_vex_rr(b, X64_0F38 | 0xf3, w, 0, 2, dst, src, 0, 0);
}

void x64_blsi(struct x64_buf *b, int w, int dst, int src)
{
    x64_vex_rr(b, X64_0F38 | 0xf3, w, 0, 3, dst, src, 0, 0);
}

void x64_mulx(struct x64_buf *b, int w, int hi, int lo, int src)
{
    x64_vex_rr(b, X64_0F38 | X64_F2 | 0xf6, w, 0, hi, lo, src, 0, 0);
}

void x64_mulx_m(struct x64_buf *b, int w, int hi, int lo, struct x64_mem m)
{
    x64_vex_rm(b, X64_0F38 | X64_F2 | 0xf6, w, 0, hi, lo, m, 0, 0);
}

void x64_popcnt(struct x64_buf *b, int w, int dst, int src)
{
    x64_ins_rr(b, X64_0F | X64_F3 | 0xb8, rex_w(w), dst, src, 0, 0);
}

void x64_tzcnt(struct x64_buf *b, int w, int dst, int src)
{
    x64_ins_rr(b, X64_0F | X64_F3 | 0xbc, rex_w(w), dst, src, 0, 0);
}

void x64_lzcnt(struct x64_buf *b, int w, int dst, int src)
{
    x64_ins_rr(b, X64_0F | X64_F3 | 0xbd, rex_w(w), dst, src, 0, 0);
}

void x64_bt_rr(struct x64_buf *b, int w, int r, int bit_reg)
{
    x64_ins_rr(b, X64_0F | 0xa3, rex_w(w), bit_reg, r, 0, 0);
}

void x64_bt_ri(struct x64_buf *b, int w, int r, int bit)
{
    x64_ins_rr(b, X64_0F | 0xba, rex_w(w), 4, r, 1, bit);
}

void x64_bt_mi(struct x64_buf *b, int w, struct x64_mem m, int bit)
{
    x64_ins_rm(b, X64_0F | 0xba, rex_w(w), 4, m, 1, bit);
}

void x64_bts_ri(struct x64_buf *b, int w, int r, int bit)
{
    x64_ins_rr(b, X64_0F | 0xba, rex_w(w), 5, r, 1, bit);
}

void x64_bts_mi(struct x64_buf *b, int w, struct x64_mem m, int bit)
{
    x64_ins_rm(b, X64_0F | 0xba, rex_w(w), 5, m, 1, bit);
}

void x64_btr_ri(struct x64_buf *b, int w, int r, int bit)
{
    x64_ins_rr(b, X64_0F | 0xba, rex_w(w), 6, r, 1, bit);
}

void x64_btc_ri(struct x64_buf *b, int w, int r, int bit)
{
    x64_ins_rr(b, X64_0F | 0xba, rex_w(w), 7, r, 1, bit);
}

void x64_crc32(struct x64_buf *b, int size, int crc, int src)
{
    unsigned op = X64_0F38 | X64_F2 | 0xf0 | (size != 1) | (size == 2 ? X64_OPERAND16 : 0);
    x64_ins_rr(b, op, sized_rex(size, src), crc, src, 0, 0);
}

/* ---- Conditions and flags ---- */
void x64_setcc(struct x64_buf *b, enum x64_cc cc, int r)
{
    x64_ins_rr(b, X64_0F | 0x90 | cc, sized_rex(1, r), 0, r, 0, 0);
}

void x64_setcc_m(struct x64_buf *b, enum x64_cc cc, struct x64_mem m)
{
    x64_ins_rm(b, X64_0F | 0x90 | cc, 0, 0, m, 0, 0);
}

void x64_cmov(struct x64_buf *b, enum x64_cc cc, int w, int dst, int src)
{
    x64_ins_rr(b, X64_0F | 0x40 | cc, rex_w(w), dst, src, 0, 0);
}

void x64_cmov_m(struct x64_buf *b, enum x64_cc cc, int w, int dst, struct x64_mem m)
{
    x64_ins_rm(b, X64_0F | 0x40 | cc, rex_w(w), dst, m, 0, 0);
}

#define PLAIN(name, count, bytes)                                                                  \
    void name(struct x64_buf *b)                                                                   \
    {                                                                                              \
        bytes_n(b, count, bytes);                                                                  \
    }
PLAIN(x64_cmc, 1, 0xf5)
PLAIN(x64_clc, 1, 0xf8)
PLAIN(x64_stc, 1, 0xf9)
PLAIN(x64_sahf, 1, 0x9e)
PLAIN(x64_lahf, 1, 0x9f)

/* ---- Atomics, fences, other ---- */
PLAIN(x64_lock, 1, 0xf0)
PLAIN(x64_lfence, 3, 0xe8ae0f)
PLAIN(x64_mfence, 3, 0xf0ae0f)
PLAIN(x64_sfence, 3, 0xf8ae0f)
PLAIN(x64_rdtsc, 2, 0x310f)
PLAIN(x64_rdtscp, 3, 0xf9010f)
PLAIN(x64_pause, 2, 0x90f3)
PLAIN(x64_ud2, 2, 0x0b0f)
PLAIN(x64_int3, 1, 0xcc)
PLAIN(x64_ret, 1, 0xc3)
#undef PLAIN

void x64_xchg_mr(struct x64_buf *b, int size, struct x64_mem m, int r)
{
    x64_ins_rm(b, sized_op(0x86, size), sized_rex(size, r), r, m, 0, 0);
}

void x64_cmpxchg_mr(struct x64_buf *b, int size, struct x64_mem m, int src)
{
    x64_ins_rm(b, sized_op(X64_0F | 0xb0, size), sized_rex(size, src), src, m, 0, 0);
}

void x64_xadd_mr(struct x64_buf *b, int size, struct x64_mem m, int r)
{
    x64_ins_rm(b, sized_op(X64_0F | 0xc0, size), sized_rex(size, r), r, m, 0, 0);
}

void x64_cmpxchg16b(struct x64_buf *b, struct x64_mem m)
{
    x64_ins_rm(b, X64_0F | 0xc7, X64_REX_W, 1, m, 0, 0);
}

void x64_ldmxcsr(struct x64_buf *b, struct x64_mem m)
{
    x64_ins_rm(b, X64_0F | 0xae, 0, 2, m, 0, 0);
}

void x64_stmxcsr(struct x64_buf *b, struct x64_mem m)
{
    x64_ins_rm(b, X64_0F | 0xae, 0, 3, m, 0, 0);
}

void x64_prefetcht0(struct x64_buf *b, struct x64_mem m)
{
    x64_ins_rm(b, X64_0F | 0x18, 0, 1, m, 0, 0);
}

void x64_prefetchw(struct x64_buf *b, struct x64_mem m)
{
    x64_ins_rm(b, X64_0F | 0x0d, 0, 1, m, 0, 0);
}

/* The forms that the SDM recommends (NOP, table 4-12). */
void x64_nop(struct x64_buf *b, unsigned bytes)
{
    static const uint8_t forms[9][9] = {
        {0x90},
        {0x66, 0x90},
        {0x0f, 0x1f, 0x00},
        {0x0f, 0x1f, 0x40, 0x00},
        {0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
        {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
    };
    while (bytes > 0 && !b->full) {
        unsigned n = bytes < 9 ? bytes : 9;
        x64_data(b, forms[n - 1], n);
        bytes -= n;
    }
}

/* SHA extensions: the only vector instructions without VEX here. */
void x64_sha_rr(struct x64_buf *b, enum x64_sha op, int dst, int src)
{
    CHECK((dst | src) < 16);
    x64_ins_rr(b, X64_0F38 | (0xc8u + op), 0, dst, src, 0, 0);
}

void x64_sha_rm(struct x64_buf *b, enum x64_sha op, int dst, struct x64_mem m)
{
    CHECK(dst < 16);
    x64_ins_rm(b, X64_0F38 | (0xc8u + op), 0, dst, m, 0, 0);
}

void x64_sha1rnds4(struct x64_buf *b, int dst, int src, int imm)
{
    CHECK((dst | src) < 16);
    x64_ins_rr(b, X64_0F3A | 0xcc, 0, dst, src, 1, imm);
}
