/* Lowering of operations between vector lanes of different widths, and of reductions.
 *
 * Host instructions: Intel SDM, volume 2. Narrowing is one byte shuffle, since the host's own
 * instructions for it pack two operands or want AVX-512 and take longer. Saturation is noticed by
 * extending the result again and comparing it with the operand.
 */
#include "ir/vperm.h"
#include "x64/lower_vint.h"

static void load_k(struct lower *e, int x, unsigned k)
{
    x64_vrm(e->b, X64_VMOVDQA, 0, x, lo_k(e, (enum x64_const)k));
}

/* [signed][size of the source] */
static const uint16_t extend[2][3] = {
    {X64_VPMOVZXBW, X64_VPMOVZXWD, X64_VPMOVZXDQ},
    {X64_VPMOVSXBW, X64_VPMOVSXWD, X64_VPMOVSXDQ},
};
static const uint8_t k_xtn[2][3] = {
    {X64_K_XTN_B, X64_K_XTN_H, X64_K_XTN_S},
    {X64_K_XHN_B, X64_K_XHN_H, X64_K_XHN_S},
};

/* ---- Widening ---- */

/* d := half of a's lanes, extended. d may be a. tmp: neither. */
static void widen(struct lower *e, unsigned size, unsigned how, int d, int a, int tmp)
{
    static const uint16_t unpack_high[3] = {X64_VPUNPCKHBW, X64_VPUNPCKHWD, X64_VPUNPCKHDQ};
    const unsigned sign = how & IR_VW_SIGNED;
    if (!(how & IR_VW_HIGH)) {
        x64_vrr(e->b, (enum x64_vop)extend[sign][size], 0, d, a);
    } else if (!sign) {
        vzero(e, tmp);
        v3(e, unpack_high[size], d, a, tmp);
    } else if (size < 2) {
        v3(e, unpack_high[size], tmp, a, a);
        v2i(e, size ? X64_VPSRAD_I : X64_VPSRAW_I, d, tmp, 8u << size);
    } else {
        v2i(e, X64_VPSHUFD, tmp, a, 0x0e);
        x64_vrr(e->b, X64_VPMOVSXDQ, 0, d, tmp);
    }
}

void lower_VWIDEN(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    widen(e, i->sub, i->sub2, lo_vdef(e, i), a, LO_XS0);
}

/* Words of one half to the low halves of double words. All alike: they are there. */
static int words_apart(struct lower *e, const struct ir_insn *i, ir_val v, int x, int tmp)
{
    if (e->ir->insn[v].op == IR_VDUPL && e->ir->insn[v].sub == 2)
        return x;
    v2i(e, X64_VPSHUFD, tmp, x, i->sub2 & IR_VW_HIGH ? 0x32 : 0x10);
    return tmp;
}

void lower_VMULL(struct lower *e, const struct ir_insn *i)
{
    int a = lo_v(e, i->a), b = lo_v(e, i->b);
    const bool sign = i->sub2 & IR_VW_SIGNED;
    switch (i->sub) {
    case 0:
        widen(e, 0, i->sub2, LO_XS0, a, LO_XS0);
        widen(e, 0, i->sub2, LO_XS1, b, LO_XS1);
        v3(e, X64_VPMULLW, lo_vdef(e, i), LO_XS0, LO_XS1);
        break;
    case 1:
        v3(e, X64_VPMULLW, LO_XS0, a, b);
        v3(e, sign ? X64_VPMULHW : X64_VPMULHUW, LO_XS1, a, b);
        v3(e, i->sub2 & IR_VW_HIGH ? X64_VPUNPCKHWD : X64_VPUNPCKLWD, lo_vdef(e, i), LO_XS0,
           LO_XS1);
        break;
    default:
        a = words_apart(e, i, i->a, a, LO_XS0);
        b = words_apart(e, i, i->b, b, LO_XS1);
        v3(e, sign ? X64_VPMULDQ : X64_VPMULUDQ, lo_vdef(e, i), a, b);
        break;
    }
}

/* ---- Narrowing ---- */

void lower_VXTN(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    v3k(e, X64_VPSHUFB, lo_vdef(e, i), a, k_xtn[i->sub2][i->sub]);
}

/* Half words and words, into XS1. The host's unsigned packing takes signed numbers: numbers
 * without sign become their minimum with the largest result first. */
static void saturate_narrow(struct lower *e, const struct ir_insn *i, int a)
{
    static const uint16_t pack[2][2] = {{X64_VPACKSSWB, X64_VPACKUSWB},
                                        {X64_VPACKSSDW, X64_VPACKUSDW}};
    if (i->sub2 == IR_VQXTN_UU) {
        load_k(e, LO_XS1, i->sub ? X64_K_S_FFFF : X64_K_H_00FF);
        v3(e, i->sub ? X64_VPMINUD : X64_VPMINUW, LO_XS1, LO_XS1, a);
        a = LO_XS1;
    }
    vzero(e, LO_XS0);
    v3(e, pack[i->sub][i->sub2 != IR_VQXTN_SS], LO_XS1, a, LO_XS0);
}

/* Double words, into XS1, with AVX-512. */
static void saturate_wide_512(struct lower *e, const struct ir_insn *i, int a)
{
    if (i->sub2 == IR_VQXTN_SU) {
        vzero(e, LO_XS0);
        v3(e, X64_VPMAXSQ, LO_XS0, LO_XS0, a);
        a = LO_XS0;
    }
    x64_vrr(e->b, i->sub2 == IR_VQXTN_SS ? X64_VPMOVSQD : X64_VPMOVUSQD, 0, LO_XS1, a);
}

/* The same without. Signed: what has a high word other than the sign of its low word becomes the
 * limit of its sign. Unsigned: all ones for a high word other than 0. */
static void saturate_wide_avx2(struct lower *e, const struct ir_insn *i, int a)
{
    if (i->sub2 == IR_VQXTN_SS) {
        v2i(e, X64_VPSRAD_I, LO_XS0, a, 31);
        v2i(e, X64_VPSHUFD, LO_XS1, LO_XS0, 0xa0);
        v3(e, X64_VPCMPEQD, LO_XS1, LO_XS1, a);
        v2i(e, X64_VPSHUFD, LO_XS1, LO_XS1, 0xf5); /* fits */
        v2i(e, X64_VPSHUFD, LO_XS0, LO_XS0, 0xf5);
        v3k(e, X64_VPXOR, LO_XS0, LO_XS0, X64_K_ABS_S); /* the limit */
        x64_vblendv(e->b, X64_VPBLENDVB, 0, LO_XS1, LO_XS0, a, LO_XS1);
    } else {
        if (i->sub2 == IR_VQXTN_SU) { /* negative: 0 */
            v2i(e, X64_VPSRAD_I, LO_XS1, a, 31);
            v2i(e, X64_VPSHUFD, LO_XS1, LO_XS1, 0xf5);
            v3(e, X64_VPANDN, LO_XS1, LO_XS1, a);
            a = LO_XS1;
        }
        vzero(e, LO_XS0);
        v3(e, X64_VPCMPEQD, LO_XS0, LO_XS0, a);
        v3k(e, X64_VPXOR, LO_XS0, LO_XS0, X64_K_ONES);
        v2i(e, X64_VPSHUFD, LO_XS0, LO_XS0, 0xf5);
        v3(e, X64_VPOR, LO_XS1, LO_XS0, a);
    }
    v3k(e, X64_VPSHUFB, LO_XS1, LO_XS1, X64_K_XTN_S);
}

void lower_VQXTN(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    lo_clobber(e);
    if (i->sub < 2)
        saturate_narrow(e, i, a);
    else if (e->host->avx512)
        saturate_wide_512(e, i, a);
    else
        saturate_wide_avx2(e, i, a);
    x64_vrr(e->b, (enum x64_vop)extend[i->sub2 == IR_VQXTN_SS][i->sub], 0, LO_XS0, LO_XS1);
    v3(e, X64_VPXOR, LO_XS0, LO_XS0, a);
    vmov(e, lo_vdef(e, i), LO_XS1);
    lo_qc_if(e, i);
}

/* ---- Sums of neighbours ---- */

void lower_VADDLP(struct lower *e, const struct ir_insn *i)
{
    static const uint8_t k_low[3] = {0, X64_K_S_FFFF, X64_K_D_FFFFFFFF};
    const bool sign = i->sub2 & IR_VW_SIGNED;
    const int a = lo_v(e, i->a);
    if (i->sub == 0 && !sign) { /* the first operand is unsigned, the second signed */
        v3k(e, X64_VPMADDUBSW, lo_vdef(e, i), a, X64_K_B_01);
    } else if (i->sub == 0) {
        load_k(e, LO_XS0, X64_K_B_01);
        v3(e, X64_VPMADDUBSW, lo_vdef(e, i), LO_XS0, a);
    } else if (i->sub == 1 && sign) {
        v3k(e, X64_VPMADDWD, lo_vdef(e, i), a, X64_K_H_01);
    } else if (!sign) {
        v2i(e, i->sub == 1 ? X64_VPSRLD_I : X64_VPSRLQ_I, LO_XS0, a, 8u << i->sub);
        v3k(e, X64_VPAND, LO_XS1, a, k_low[i->sub]);
        v3(e, lo_padd[i->sub + 1], lo_vdef(e, i), LO_XS0, LO_XS1);
    } else {
        lo_vshift(e, IR_VSHI_SAR, 3, LO_XS0, a, 32, LO_XS2);
        lo_vshift(e, IR_VSHI_SHL, 3, LO_XS1, a, 32, LO_XS2);
        lo_vshift(e, IR_VSHI_SAR, 3, LO_XS1, LO_XS1, 32, LO_XS2);
        v3(e, X64_VPADDQ, lo_vdef(e, i), LO_XS0, LO_XS1);
    }
}

/* ---- Reductions ---- */

/* XS0 := op of all words of a; in every word. */
static void reduce_words(struct lower *e, unsigned op, int a)
{
    v2i(e, X64_VPSHUFD, LO_XS1, a, 0x4e);
    v3(e, op, LO_XS0, LO_XS1, a);
    v2i(e, X64_VPSHUFD, LO_XS1, LO_XS0, 0xb1);
    v3(e, op, LO_XS0, LO_XS0, LO_XS1);
}

static void reduce_sum(struct lower *e, const struct ir_insn *i, int a)
{
    static const uint8_t k_low[3] = {X64_K_LOW_B, X64_K_LOW_H, X64_K_LOW_S};
    unsigned size = i->sub;
    if (size == 3) {
        v2i(e, X64_VPSHUFD, LO_XS0, a, 0x4e);
        v3(e, X64_VPADDQ, LO_XS0, LO_XS0, a);
        x64_vrr(e->b, X64_VMOVQ, 0, lo_vdef(e, i), LO_XS0);
        return;
    }
    if (size == 0) {
        vzero(e, LO_XS1);
        v3(e, X64_VPSADBW, LO_XS0, a, LO_XS1);
        v2i(e, X64_VPSHUFD, LO_XS1, LO_XS0, 0x4e);
        v3(e, X64_VPADDQ, LO_XS0, LO_XS0, LO_XS1);
        size = i->sub2 == IR_VREDUCE_UADDL;
    } else if (size == 1) { /* of neighbours; only the low half words of sums count */
        v3k(e, X64_VPMADDWD, LO_XS0, a, X64_K_H_01);
        reduce_words(e, X64_VPADDD, LO_XS0);
    } else {
        reduce_words(e, X64_VPADDD, a);
    }
    v3k(e, X64_VPAND, lo_vdef(e, i), LO_XS0, k_low[size]);
}

/* Bytes and half words: the host finds the unsigned minimum of half words; the other three are
 * that with some bits inverted before and after. */
static void reduce_narrow(struct lower *e, const struct ir_insn *i, int a)
{
    const unsigned size = i->sub;
    const unsigned invert = i->sub2 == IR_VREDUCE_UMAX   ? X64_K_ONES
                            : i->sub2 == IR_VREDUCE_SMAX ? lo_k_abs[size]
                                                         : lo_k_sign[size];
    const bool plain = i->sub2 == IR_VREDUCE_UMIN;
    if (!plain) {
        v3k(e, X64_VPXOR, LO_XS0, a, invert);
        a = LO_XS0;
    }
    if (size == 0) { /* pairs; the upper bytes become 0 */
        v2i(e, X64_VPSRLW_I, LO_XS1, a, 8);
        v3(e, X64_VPMINUB, LO_XS0, LO_XS1, a);
        a = LO_XS0;
    }
    x64_vrr(e->b, X64_VPHMINPOSUW, 0, LO_XS0, lo_below16(e, a, LO_XS0));
    if (!plain)
        v3k(e, X64_VPXOR, LO_XS0, LO_XS0, invert);
    v3k(e, X64_VPAND, lo_vdef(e, i), LO_XS0, size ? X64_K_LOW_H : X64_K_LOW_B);
}

void lower_VREDUCE(struct lower *e, const struct ir_insn *i)
{
    static const uint16_t words[] = {
        [IR_VREDUCE_SMAX] = X64_VPMAXSD, [IR_VREDUCE_UMAX] = X64_VPMAXUD,
        [IR_VREDUCE_SMIN] = X64_VPMINSD, [IR_VREDUCE_UMIN] = X64_VPMINUD,
    };
    const int a = lo_v(e, i->a);
    if (i->sub2 <= IR_VREDUCE_UADDL) {
        reduce_sum(e, i, a);
    } else if (i->sub < 2) {
        reduce_narrow(e, i, a);
    } else {
        reduce_words(e, words[i->sub2], a);
        v3k(e, X64_VPAND, lo_vdef(e, i), LO_XS0, X64_K_LOW_S);
    }
}
