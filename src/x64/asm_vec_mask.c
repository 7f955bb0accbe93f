/* Between vector, general and mask registers: instructions whose operation depends on a size, which
 * the SDM lists as separate mnemonics (vpextrb/w/d/q, kmovb/w/d/q).
 *
 * The opmask instructions have no regular encoding of the size: W and the prefix 66 together select
 * one of four, and kmov from and to general registers differs again (SDM volume 2, KMOV).
 */
#include "x64/asm_vec_int.h"

enum { EVEX_ONLY = 1, VEX_ONLY = 2, BOTH = 3 };
enum { W_BOTH = 3, W_EVEX = 2 };

/* ---- Vector and general registers ---- */
void x64_vmov_xr(struct x64_buf *b, int w, int x, int r)
{
    struct x64_vec o = {.reg = (int8_t)x};
    x64_vec_reg(b, X64_0F | X64_66 | 0x6e, w ? W_BOTH : 0, BOTH, 0, &o, r);
}

void x64_vmov_rx(struct x64_buf *b, int w, int r, int x)
{
    struct x64_vec o = {.reg = (int8_t)x};
    x64_vec_reg(b, X64_0F | X64_66 | 0x7e, w ? W_BOTH : 0, BOTH, 0, &o, r);
}

void x64_vpextr(struct x64_buf *b, int size, int r, int x, int lane)
{
    static const uint8_t opcode[9] = {[1] = 0x14, [4] = 0x16, [8] = 0x16};
    struct x64_vec o = {.reg = (int8_t)x, .imm_bytes = 1, .imm = (uint8_t)lane};
    if (size == 2) { /* the one with the general register in ModRM.reg, one byte shorter */
        o.reg = (int8_t)r;
        x64_vec_reg(b, X64_0F | X64_66 | 0xc5, 0, BOTH, 0, &o, x);
        return;
    }
    CHECK(size > 0 && size <= 8 && opcode[size]);
    x64_vec_reg(b, X64_0F3A | X64_66 | opcode[size], size == 8 ? W_BOTH : 0, BOTH, 0, &o, r);
}

void x64_vpextr_m(struct x64_buf *b, int size, struct x64_mem m, int x, int lane)
{
    static const uint8_t opcode[9] = {[1] = 0x14, [2] = 0x15, [4] = 0x16, [8] = 0x16};
    static const uint8_t log2[9] = {[2] = 1, [4] = 2, [8] = 3};
    struct x64_vec o = {.reg = (int8_t)x, .imm_bytes = 1, .imm = (uint8_t)lane};
    CHECK(size > 0 && size <= 8 && opcode[size]);
    x64_vec_mem(b, X64_0F3A | X64_66 | opcode[size], size == 8 ? W_BOTH : 0, BOTH, 0, log2[size],
                &o, m);
}

static unsigned pinsr_op(int size)
{
    switch (size) {
    case 1: return X64_0F3A | X64_66 | 0x20;
    case 2: return X64_0F | X64_66 | 0xc4;
    case 4:
    case 8: return X64_0F3A | X64_66 | 0x22;
    default: CHECK(!"size is 1, 2, 4 or 8"); return 0;
    }
}

void x64_vpinsr(struct x64_buf *b, int size, int dst, int a, int r, int lane)
{
    struct x64_vec o = {.reg = (int8_t)dst, .v = (int8_t)a, .imm_bytes = 1, .imm = (uint8_t)lane};
    x64_vec_reg(b, pinsr_op(size), size == 8 ? W_BOTH : 0, BOTH, 0, &o, r);
}

void x64_vpinsr_m(struct x64_buf *b, int size, int dst, int a, struct x64_mem m, int lane)
{
    static const uint8_t log2[9] = {[2] = 1, [4] = 2, [8] = 3};
    struct x64_vec o = {.reg = (int8_t)dst, .v = (int8_t)a, .imm_bytes = 1, .imm = (uint8_t)lane};
    unsigned op = pinsr_op(size);
    x64_vec_mem(b, op, size == 8 ? W_BOTH : 0, BOTH, 0, log2[size], &o, m);
}

void x64_vpbroadcast_r(struct x64_buf *b, int size, int L, int k, int z, int dst, int r)
{
    unsigned op = X64_0F38 | X64_66 | (size == 1 ? 0x7a : size == 2 ? 0x7b : 0x7c);
    struct x64_vec o = {.reg = (int8_t)dst, .k = (unsigned)k & 7, .z = z && k};
    x64_vec_reg(b, op, size == 8 ? W_EVEX : 0, EVEX_ONLY, L, &o, r);
}

void x64_vzeroupper(struct x64_buf *b)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    x64_put_u32(p, 0x77f8c5);
    b->p = p + 3;
}

/* ---- Vector and mask registers ---- */
void x64_vpmovm2(struct x64_buf *b, int size, int L, int dst, int k)
{
    unsigned op = X64_0F38 | X64_F3 | (size <= 2 ? 0x28 : 0x38);
    struct x64_vec o = {.reg = (int8_t)dst};
    CHECK(k >= 0 && k < 8);
    x64_vec_reg(b, op, size == 2 || size == 8 ? W_EVEX : 0, EVEX_ONLY, L, &o, k);
}

void x64_vpmov2m(struct x64_buf *b, int size, int L, int k, int src)
{
    unsigned op = X64_0F38 | X64_F3 | (size <= 2 ? 0x29 : 0x39);
    struct x64_vec o = {.reg = (int8_t)k};
    CHECK(k >= 0 && k < 8);
    x64_vec_reg(b, op, size == 2 || size == 8 ? W_EVEX : 0, EVEX_ONLY, L, &o, src);
}

/* ---- Mask registers ---- */
/* Size 1: 66.W0, 2: W0, 4: 66.W1, 8: W1. */
static unsigned k_pp(int size)
{
    return size == 1 || size == 4 ? X64_66 : 0;
}

static int k_w(int size)
{
    return size >= 4;
}

void x64_kop(struct x64_buf *b, enum x64_kop op, int size, int dst, int a, int c)
{
    static const uint8_t opcode[] = {
        [X64_KAND] = 0x41, [X64_KANDN] = 0x42, [X64_KOR] = 0x45,
        [X64_KXNOR] = 0x46, [X64_KXOR] = 0x47, [X64_KADD] = 0x4a,
    };
    x64_vex_rr(b, X64_0F | k_pp(size) | opcode[op], k_w(size), 1, dst, a, c, 0, 0);
}

void x64_knot(struct x64_buf *b, int size, int dst, int src)
{
    x64_vex_rr(b, X64_0F | k_pp(size) | 0x44, k_w(size), 0, dst, 0, src, 0, 0);
}

void x64_kortest(struct x64_buf *b, int size, int a, int c)
{
    x64_vex_rr(b, X64_0F | k_pp(size) | 0x98, k_w(size), 0, a, 0, c, 0, 0);
}

void x64_ktest(struct x64_buf *b, int size, int a, int c)
{
    x64_vex_rr(b, X64_0F | k_pp(size) | 0x99, k_w(size), 0, a, 0, c, 0, 0);
}

/* kshift: always 66; W for 2 and 8; the opcode's low bit for 4 and 8. */
static void kshift(struct x64_buf *b, unsigned opcode, int size, int dst, int src, int imm)
{
    x64_vex_rr(b, X64_0F3A | X64_66 | opcode | (size >= 4), size == 2 || size == 8, 0, dst, 0, src,
               1, imm);
}

void x64_kshiftl(struct x64_buf *b, int size, int dst, int src, int imm)
{
    kshift(b, 0x32, size, dst, src, imm);
}

void x64_kshiftr(struct x64_buf *b, int size, int dst, int src, int imm)
{
    kshift(b, 0x30, size, dst, src, imm);
}

/* General registers: 1: 66.W0, 2: W0, 4: F2.W0, 8: F2.W1. */
static unsigned kmov_r_pp(int size)
{
    return size == 1 ? X64_66 : size == 2 ? 0 : X64_F2;
}

void x64_kmov_kr(struct x64_buf *b, int size, int k, int r)
{
    x64_vex_rr(b, X64_0F | kmov_r_pp(size) | 0x92, size == 8, 0, k, 0, r, 0, 0);
}

void x64_kmov_rk(struct x64_buf *b, int size, int r, int k)
{
    x64_vex_rr(b, X64_0F | kmov_r_pp(size) | 0x93, size == 8, 0, r, 0, k, 0, 0);
}

void x64_kmov_kk(struct x64_buf *b, int size, int dst, int src)
{
    x64_vex_rr(b, X64_0F | k_pp(size) | 0x90, k_w(size), 0, dst, 0, src, 0, 0);
}

void x64_kmov_km(struct x64_buf *b, int size, int k, struct x64_mem m)
{
    x64_vex_rm(b, X64_0F | k_pp(size) | 0x90, k_w(size), 0, k, 0, m, 0, 0);
}

void x64_kmov_mk(struct x64_buf *b, int size, struct x64_mem m, int k)
{
    x64_vex_rm(b, X64_0F | k_pp(size) | 0x91, k_w(size), 0, k, 0, m, 0, 0);
}
