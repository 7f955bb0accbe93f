/* Lowering of vector permutations and of counts of bits.
 *
 * Host instructions: Intel SDM, volume 2. Most element orders are one or two of its shuffles. Where
 * a result is made in two steps, the first one goes to the destination unless that is an operand
 * still to be read (step()); the destination may be XS2, so the steps use the other two scratch
 * registers.
 */
#include "ir/vperm.h"
#include "x64/lower_vint.h"

static const uint16_t unpack_low[4] = {X64_VPUNPCKLBW, X64_VPUNPCKLWD, X64_VPUNPCKLDQ,
                                       X64_VPUNPCKLQDQ};
static const uint16_t unpack_high[4] = {X64_VPUNPCKHBW, X64_VPUNPCKHWD, X64_VPUNPCKHDQ,
                                        X64_VPUNPCKHQDQ};
/* The low half of each lane of twice the size. */
static const uint8_t k_low_half[3] = {X64_K_H_00FF, X64_K_S_FFFF, X64_K_D_FFFFFFFF};
/* Shifts of lanes of twice the size. */
static const uint16_t shift_down[3] = {X64_VPSRLW_I, X64_VPSRLD_I, X64_VPSRLQ_I};
static const uint16_t shift_up[3] = {X64_VPSLLW_I, X64_VPSLLD_I, X64_VPSLLQ_I};

static inline void load_k(struct lower *e, int x, unsigned k)
{
    x64_vrm(e->b, X64_VMOVDQA, 0, x, lo_k(e, (enum x64_const)k));
}

/* Where a first step may put its result: d, unless `later` is there. */
static int step(int d, int later)
{
    return d == later ? LO_XS0 : d;
}

/* ---- Elements ---- */

void lower_VEXT(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    x64_vrrri(e->b, X64_VPALIGNR, 0, lo_vdef(e, i), b, a, (int)i->imm);
}

void lower_VHIGH(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    v2i(e, X64_VPSRLDQ_I, lo_vdef(e, i), a, 8);
}

void lower_VZIP(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    v3(e, (i->sub2 ? unpack_high : unpack_low)[i->sub], lo_vdef(e, i), a, b);
}

/* Bytes and half words: what is wanted as zero-extended lanes of twice the size, which then pack
 * without saturation. */
static void unzip_narrow(struct lower *e, const struct ir_insn *i, int a, int b)
{
    const unsigned size = i->sub;
    const int from[2] = {a, b};
    const int n = a == b ? 1 : 2;
    for (int k = 0; k < n; k++) {
        if (i->sub2)
            v2i(e, shift_down[size], LO_XS0 + k, from[k], 8u << size);
        else
            v3k(e, X64_VPAND, LO_XS0 + k, from[k], k_low_half[size]);
    }
    v3(e, size ? X64_VPACKUSDW : X64_VPACKUSWB, lo_vdef(e, i), LO_XS0, LO_XS0 + n - 1);
}

void lower_VUZP(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    if (i->sub == 3)
        v3(e, i->sub2 ? X64_VPUNPCKHQDQ : X64_VPUNPCKLQDQ, lo_vdef(e, i), a, b);
    else if (i->sub == 2)
        x64_vrrri(e->b, X64_VSHUFPS, 0, lo_vdef(e, i), a, b, i->sub2 ? 0xdd : 0x88);
    else
        unzip_narrow(e, i, a, b);
}

/* Even: a's low halves and b's moved up; odd: a's high halves moved down and b's. */
void lower_VTRN(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b), d = lo_vdef(e, i);
    const unsigned size = i->sub;
    if (size == 3) {
        v3(e, i->sub2 ? X64_VPUNPCKHQDQ : X64_VPUNPCKLQDQ, d, a, b);
        return;
    }
    const int stay = i->sub2 ? b : a, move = i->sub2 ? a : b, t = step(d, stay);
    v2i(e, (i->sub2 ? shift_down : shift_up)[size], t, move, 8u << size);
    if (e->host->avx512) { /* t := low halves ? one : the other */
        x64_vrrmi(e->b, X64_VPTERNLOGD, 0, t, stay, lo_k(e, (enum x64_const)k_low_half[size]),
                  i->sub2 ? 0xe4 : 0xd8);
        vmov(e, d, t);
    } else if (size) {
        const int low = i->sub2 ? t : a, high = i->sub2 ? b : t;
        x64_vrrri(e->b, size == 2 ? X64_VPBLENDD : X64_VPBLENDW, 0, d, low, high, 0xaa);
    } else {
        v3k(e, X64_VPAND, LO_XS1, stay, i->sub2 ? X64_K_H_FF00 : X64_K_H_00FF);
        v3(e, X64_VPOR, d, t, LO_XS1);
    }
}

void lower_VREV(struct lower *e, const struct ir_insn *i)
{
    static const uint8_t order[2][4] = {
        {0, X64_K_REV_B_2, X64_K_REV_B_4, X64_K_REV_B_8},
        {0, 0, X64_K_REV_H_4, X64_K_REV_H_8},
    };
    const int a = lo_v(e, i->a), d = lo_vdef(e, i);
    if (i->sub == 2)
        v2i(e, X64_VPSHUFD, d, a, 0xb1);
    else
        v3k(e, X64_VPSHUFB, d, a, order[i->sub][i->sub2]);
}

void lower_VINS(struct lower *e, const struct ir_insn *i)
{
    const int to = (int)i->imm & 15, from = (int)(i->imm >> 8);
    const int a = lo_v(e, i->a), b = lo_v(e, i->b), d = lo_vdef(e, i);
    if (i->sub == 2) {
        x64_vrrri(e->b, X64_VINSERTPS, 0, d, a, b, from << 6 | to << 4);
    } else if (i->sub < 2) {
        x64_vpextr(e->b, 1 << i->sub, RAX, b, from);
        x64_vpinsr(e->b, 1 << i->sub, d, a, RAX, to);
    } else if (to == 0) {
        x64_vrrri(e->b, X64_VSHUFPD, 0, d, b, a, from | 2);
    } else {
        x64_vrrri(e->b, X64_VSHUFPD, 0, d, a, b, from << 1);
    }
}

/* ---- Structures of three ---- */

/* t := lane p of a, b or c by p modulo 3, by instructions that choose with a mask register. The
 * lanes of b, of c: a bit for each. */
static void thirds_by_mask(struct lower *e, unsigned size, int t, int a, const int from[2])
{
    static const uint16_t move[4] = {X64_VMOVDQU8, X64_VMOVDQU16, X64_VMOVDQA, X64_VMOVDQU64};
    static const uint16_t lanes[2] = {0x2492, 0x4924};
    vmov(e, t, a);
    for (unsigned k = 0; k < 2; k++) {
        x64_mov_ri(e->b, RAX, lanes[k]);
        x64_kmov_kr(e->b, 4, 1, RAX);
        x64_k_vrr(e->b, (enum x64_vop)move[size], 0, 1, 0, t, from[k]);
    }
}

void lower_VTHIRDS(struct lower *e, const struct ir_insn *i)
{
    static const uint8_t word_mask[4][2] = {{0, 0}, {0x92, 0x24}, {2, 4}, {12, 0}};
    const int a = lo_v(e, i->a), b = lo_v(e, i->b), c = lo_v(e, i->c), d = lo_vdef(e, i);
    const uint8_t *mask = word_mask[i->sub];
    const enum x64_vop blend = i->sub == 1 ? X64_VPBLENDW : X64_VPBLENDD;
    if ((a | b | c) >= 16 || (i->sub == 0 && e->host->avx512)) {
        thirds_by_mask(e, i->sub, LO_XS0, a, (const int[2]){b, c});
        vmov(e, d, LO_XS0);
    } else if (i->sub == 0) {
        load_k(e, LO_XS1, X64_K_THIRD_B_1);
        x64_vblendv(e->b, X64_VPBLENDVB, 0, LO_XS0, a, b, LO_XS1);
        load_k(e, LO_XS1, X64_K_THIRD_B_2);
        x64_vblendv(e->b, X64_VPBLENDVB, 0, LO_XS0, LO_XS0, c, LO_XS1);
        vmov(e, d, LO_XS0);
    } else {
        x64_vrrri(e->b, blend, 0, LO_XS0, a, b, mask[0]);
        if (mask[1])
            x64_vrrri(e->b, blend, 0, LO_XS0, LO_XS0, c, mask[1]);
        vmov(e, d, LO_XS0);
    }
}

/* Immediate of vpshufd and vpshuflw: lane p of `lanes` is p * step + from, the others stay. */
static unsigned stride_imm(unsigned lanes, unsigned step, unsigned from)
{
    unsigned imm = 0;
    for (unsigned p = 0; p < 4; p++)
        imm |= (p < lanes ? (p * step + from) % lanes : p) << 2 * p;
    return imm;
}

void lower_VSTRIDE(struct lower *e, const struct ir_insn *i)
{
    static const uint8_t wide[6] = {X64_K_STRIDE3_H_0, X64_K_STRIDE3_H_1, X64_K_STRIDE3_H_2, 0, 0,
                                    X64_K_STRIDE3_H_5};
    static const uint8_t half[6] = {X64_K_STRIDE3_BL_0, X64_K_STRIDE3_BL_1, X64_K_STRIDE3_BL_2, 0,
                                    0, X64_K_STRIDE3_BL_5};
    const unsigned from = (unsigned)i->imm & 0xff, low = (unsigned)i->imm >> 8;
    const unsigned lanes = (low ? 8u : 16u) >> i->sub;
    const int a = lo_v(e, i->a), d = lo_vdef(e, i);
    if (lanes == 16 && i->sub2 == 3)
        v3k(e, X64_VPSHUFB, d, a, X64_K_STRIDE3_B_0 + from);
    else if (lanes == 16)
        v3k(e, X64_VPSHUFB, d, a, X64_K_STRIDE11_B_0 + from / 5);
    else if (lanes == 8)
        v3k(e, X64_VPSHUFB, d, a, low ? half[from] : wide[from]);
    else if (i->sub == 1)
        v2i(e, X64_VPSHUFLW, d, a, stride_imm(4, i->sub2, from));
    else if (i->sub == 2)
        v2i(e, X64_VPSHUFD, d, a, stride_imm(lanes, i->sub2, from));
    else
        v2i(e, X64_VPSHUFD, d, a, 0x4e);
}

/* ---- Table look-up ---- */

/* d := the bytes of `table` with numbers x - from, zero where there is none: adding 0x70 with
 * saturation leaves the low four bits of 0..15 and sets bit 7 of what is above. tmp: not d. */
static void look_up(struct lower *e, int d, int x, int table, unsigned from, int tmp)
{
    static const uint8_t k_from[4] = {0, X64_K_B_10, X64_K_B_20, X64_K_B_30};
    if (from) {
        v3k(e, X64_VPSUBB, tmp, x, k_from[from / 16]);
        x = tmp;
    }
    v3k(e, X64_VPADDUSB, tmp, x, X64_K_B_70);
    v3(e, X64_VPSHUFB, d, table, tmp);
}

void lower_VTBL(struct lower *e, const struct ir_insn *i)
{
    const int x = lo_v(e, i->a), low = lo_v(e, i->b);
    const unsigned from = (unsigned)i->imm;
    if (!i->c) {
        look_up(e, lo_vdef(e, i), x, low, from, LO_XS0);
        return;
    }
    const int high = lo_v(e, i->c);
    if (e->host->vbmi) { /* 32 entries; numbers with one of the bits 7:5 set are none */
        if (from)
            v3k(e, X64_VPXOR, LO_XS0, x, X64_K_B_20);
        else
            vmov(e, LO_XS0, x);
        x64_vcmp_km(e->b, X64_VPTESTNMB, 0, 1, LO_XS0, lo_k(e, X64_K_B_E0), 0);
        x64_k_vrrr(e->b, X64_VPERMI2B, 0, 1, 1, LO_XS0, low, high);
        vmov(e, lo_vdef(e, i), LO_XS0);
    } else {
        look_up(e, LO_XS0, x, low, from, LO_XS1);
        look_up(e, LO_XS1, x, high, from + 16, LO_XS2);
        v3(e, X64_VPOR, lo_vdef(e, i), LO_XS0, LO_XS1);
    }
}

/* ---- Bits ---- */

/* XS0, XS1 := the entries of two tables for the low and the high nibbles of a's bytes. */
static void nibbles(struct lower *e, int a, unsigned k_low, unsigned k_high)
{
    v3k(e, X64_VPAND, LO_XS0, a, X64_K_B_0F);
    v2i(e, X64_VPSRLW_I, LO_XS1, a, 4);
    v3k(e, X64_VPAND, LO_XS1, LO_XS1, X64_K_B_0F);
    load_k(e, LO_XS2, k_low);
    v3(e, X64_VPSHUFB, LO_XS0, LO_XS2, LO_XS0);
    if (k_high != k_low)
        load_k(e, LO_XS2, k_high);
    v3(e, X64_VPSHUFB, LO_XS1, LO_XS2, LO_XS1);
}

void lower_VCNT(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    if (e->host->bitalg) {
        x64_vrr(e->b, X64_VPOPCNTB, 0, lo_vdef(e, i), a);
        return;
    }
    nibbles(e, a, X64_K_NIBBLE_ONES, X64_K_NIBBLE_ONES);
    v3(e, X64_VPADDB, lo_vdef(e, i), LO_XS0, LO_XS1);
}

void lower_VRBIT(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    if (e->host->gfni) {
        x64_vrrmi(e->b, X64_VGF2P8AFFINEQB, 0, lo_vdef(e, i), a, lo_k(e, X64_K_RBIT_MATRIX), 0);
        return;
    }
    nibbles(e, a, X64_K_NIBBLE_REV_UP, X64_K_NIBBLE_REV);
    v3(e, X64_VPOR, lo_vdef(e, i), LO_XS0, LO_XS1);
}

/* From lanes of `size` to lanes of twice that: the high half's count, and where it is all of the
 * half the low one's, too. In XS0. */
static void join_counts(struct lower *e, unsigned size)
{
    static const uint8_t k_all[2] = {X64_K_B_08, X64_K_H_0010};
    load_k(e, LO_XS1, k_all[size]);
    v3(e, lo_pcmpeq[size], LO_XS1, LO_XS1, LO_XS0);
    v2i(e, shift_down[size], LO_XS1, LO_XS1, 8u << size);
    v2i(e, shift_down[size], LO_XS2, LO_XS0, 8u << size);
    v3(e, X64_VPAND, LO_XS0, LO_XS0, LO_XS1);
    v3(e, lo_padd[size + 1], LO_XS0, LO_XS0, LO_XS2);
}

void lower_VCLZ(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    if (i->sub == 2 && e->host->avx512) {
        x64_vrr(e->b, X64_VPLZCNTD, 0, lo_vdef(e, i), a);
        return;
    }
    nibbles(e, a, X64_K_NIBBLE_CLZ_LOW, X64_K_NIBBLE_CLZ_HIGH);
    v3(e, X64_VPMINUB, LO_XS0, LO_XS0, LO_XS1);
    for (unsigned size = 0; size < i->sub; size++)
        join_counts(e, size);
    vmov(e, lo_vdef(e, i), LO_XS0);
}

void lower_VROL(struct lower *e, const struct ir_insn *i)
{
    const bool wide = i->sub == 3;
    const unsigned n = (unsigned)i->imm;
    const int a = lo_v(e, i->a);
    if (e->host->avx512) {
        v2i(e, wide ? X64_VPROLQ_I : X64_VPROLD_I, lo_vdef(e, i), a, n);
        return;
    }
    v2i(e, wide ? X64_VPSLLQ_I : X64_VPSLLD_I, LO_XS0, a, n);
    v2i(e, wide ? X64_VPSRLQ_I : X64_VPSRLD_I, LO_XS1, a, (wide ? 64 : 32) - n);
    v3(e, X64_VPOR, lo_vdef(e, i), LO_XS0, LO_XS1);
}
