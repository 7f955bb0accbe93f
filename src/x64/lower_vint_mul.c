/* Lowering of integer vectors: products, doubling products with saturation, dot products.
 *
 * The host multiplies 16 bits (either half of the product), 32 bits (the low half, or all of the
 * even ones) and, with VNNI, four bytes of which one side has a sign. The rest is made of these;
 * sums are arranged so that nothing overflows before it is known to be out of range.
 */
#include "x64/lower_vint.h"

/* Bytes: those at odd places as upper halves of half words, where their product with bytes that
 * stand there too comes out in place. */
static void mul_bytes(struct lower *e, const struct ir_insn *i, int a, int b)
{
    v3(e, X64_VPMULLW, LO_XS0, a, b);
    v3k(e, X64_VPAND, LO_XS0, LO_XS0, X64_K_H_00FF);
    v2i(e, X64_VPSRLW_I, LO_XS1, a, 8);
    v3k(e, X64_VPAND, LO_XS2, b, X64_K_H_FF00);
    v3(e, X64_VPMULLW, LO_XS1, LO_XS1, LO_XS2);
    v3(e, X64_VPOR, lo_vdef(e, i), LO_XS0, LO_XS1);
}

void lower_VMUL(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    if (i->sub == 0)
        mul_bytes(e, i, a, b);
    else
        v3(e, i->sub == 1 ? X64_VPMULLW : X64_VPMULLD, lo_vdef(e, i), a, b);
}

/* ---- SQDMULH, SQRDMULH: only minimum times minimum is out of range; it wraps to the minimum, and
 * nothing else gives that ---- */

/* XS0 := high halves of 2ab. */
static void double_halves(struct lower *e, bool round, int a, int b)
{
    if (round) {
        v3(e, X64_VPMULHRSW, LO_XS0, a, b);
        return;
    }
    v3(e, X64_VPMULHW, LO_XS0, a, b);
    v3(e, X64_VPMULLW, LO_XS1, a, b);
    v3(e, X64_VPADDW, LO_XS0, LO_XS0, LO_XS0);
    v2i(e, X64_VPSRLW_I, LO_XS1, LO_XS1, 15);
    v3(e, X64_VPOR, LO_XS0, LO_XS0, LO_XS1);
}

/* XS0, XS1 := 64-bit products of the even and the odd words. Uses XS2. */
static void wide_products(struct lower *e, int a, int b)
{
    v2i(e, X64_VPSRLQ_I, LO_XS1, a, 32);
    v2i(e, X64_VPSRLQ_I, LO_XS2, b, 32);
    v3(e, X64_VPMULDQ, LO_XS0, a, b);
    v3(e, X64_VPMULDQ, LO_XS1, LO_XS1, LO_XS2);
}

static void double_words(struct lower *e, bool round, int a, int b)
{
    wide_products(e, a, b);
    v3(e, X64_VPADDQ, LO_XS0, LO_XS0, LO_XS0);
    v3(e, X64_VPADDQ, LO_XS1, LO_XS1, LO_XS1);
    if (round) {
        v3k(e, X64_VPADDQ, LO_XS0, LO_XS0, X64_K_D_80000000);
        v3k(e, X64_VPADDQ, LO_XS1, LO_XS1, X64_K_D_80000000);
    }
    v2i(e, X64_VPSRLQ_I, LO_XS0, LO_XS0, 32);
    x64_vrrri(e->b, X64_VPBLENDD, 0, LO_XS0, LO_XS0, LO_XS1, 0xa);
}

void lower_VQDMULH(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    lo_clobber(e);
    if (i->sub == 1)
        double_halves(e, i->sub2, a, b);
    else
        double_words(e, i->sub2, a, b);
    v3k(e, lo_pcmpeq[i->sub], LO_XS1, LO_XS0, lo_k_sign[i->sub]);
    lo_saturate(e, i, i->sub, LO_SAT_RESULT);
}

/* ---- SQRDMLAH, SQRDMLSH ---- */

/* Half of everything, (a << 15 +- bc + (1 << 14)) >> 15, is exact in words. */

static void accumulate_halves(struct lower *e, const struct ir_insn *i, int a, int b, int c)
{
    const unsigned op = i->sub2 ? X64_VPSUBD : X64_VPADDD;
    v3(e, X64_VPMULLW, LO_XS0, b, c);
    v3(e, X64_VPMULHW, LO_XS1, b, c);
    v3(e, X64_VPUNPCKHWD, LO_XS2, LO_XS0, LO_XS1);
    v3(e, X64_VPUNPCKLWD, LO_XS0, LO_XS0, LO_XS1);
    vzero(e, LO_XS1);
    v3(e, X64_VPUNPCKLWD, LO_XS1, LO_XS1, a);
    v2i(e, X64_VPSRAD_I, LO_XS1, LO_XS1, 1);
    v3(e, op, LO_XS0, LO_XS1, LO_XS0);
    v3k(e, X64_VPADDD, LO_XS0, LO_XS0, X64_K_S_4000);
    v2i(e, X64_VPSRAD_I, LO_XS0, LO_XS0, 15);
    vzero(e, LO_XS1);
    v3(e, X64_VPUNPCKHWD, LO_XS1, LO_XS1, a);
    v2i(e, X64_VPSRAD_I, LO_XS1, LO_XS1, 1);
    v3(e, op, LO_XS1, LO_XS1, LO_XS2);
    v3k(e, X64_VPADDD, LO_XS1, LO_XS1, X64_K_S_4000);
    v2i(e, X64_VPSRAD_I, LO_XS1, LO_XS1, 15);
    const int d = lo_vdef(e, i);
    v3(e, X64_VPACKSSDW, d, LO_XS0, LO_XS1);
    /* out of range: x + 0x8000 does not fit 16 bits without sign */
    v3k(e, X64_VPADDD, LO_XS0, LO_XS0, X64_K_S_8000);
    v3k(e, X64_VPADDD, LO_XS1, LO_XS1, X64_K_S_8000);
    v3(e, X64_VPOR, LO_XS0, LO_XS0, LO_XS1);
    v2i(e, X64_VPSRLD_I, LO_XS0, LO_XS0, 16);
    lo_qc_if(e, i);
}

/* XS := half of (a << 32) +- 2bc and the rounding, from bc, for the even words of a. VPMULDQ by the
 * minimum is a << 31 negated. */
static void accumulate_wide(struct lower *e, bool subtract, int xs, int a)
{
    v3k(e, X64_VPMULDQ, LO_XS2, a, X64_K_SIGN_S);
    if (subtract) {
        v3(e, X64_VPADDQ, xs, xs, LO_XS2);
        vzero(e, LO_XS2);
        v3(e, X64_VPSUBQ, xs, LO_XS2, xs);
    } else {
        v3(e, X64_VPSUBQ, xs, xs, LO_XS2);
    }
    v3k(e, X64_VPADDQ, xs, xs, X64_K_D_40000000);
}

static void accumulate_words(struct lower *e, const struct ir_insn *i, int a, int b, int c)
{
    wide_products(e, b, c);
    accumulate_wide(e, i->sub2, LO_XS0, a);
    v2i(e, X64_VPSRLQ_I, LO_XS2, a, 32);
    accumulate_wide(e, i->sub2, LO_XS1, LO_XS2);
    /* results are bits 62:31; bit 63 is the true sign */
    v2i(e, X64_VPSRLQ_I, LO_XS2, LO_XS0, 32);
    x64_vrrri(e->b, X64_VPBLENDD, 0, LO_XS2, LO_XS2, LO_XS1, 0xa);
    v2i(e, X64_VPSRLQ_I, LO_XS0, LO_XS0, 31);
    v3(e, X64_VPADDQ, LO_XS1, LO_XS1, LO_XS1);
    x64_vrrri(e->b, X64_VPBLENDD, 0, LO_XS0, LO_XS0, LO_XS1, 0xa);
    v3(e, X64_VPXOR, LO_XS1, LO_XS0, LO_XS2);
    lo_saturate(e, i, 2, LO_SAT_RESULT);
}

void lower_VQRDMLA(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b), c = lo_v(e, i->c);
    lo_clobber(e);
    if (i->sub == 1)
        accumulate_halves(e, i, a, b, c);
    else
        accumulate_words(e, i, a, b, c);
}

/* ---- Dot products ---- */

/* VNNI multiplies bytes without sign by bytes with. Else: x + 128 is x with the other top bit. */
static void dot_vnni(struct lower *e, const struct ir_insn *i, int a, int b, int c)
{
    const bool b_signed = i->sub2 & IR_VDOT_B_SIGNED, c_signed = i->sub2 & IR_VDOT_C_SIGNED;
    vmov(e, LO_XS0, a);
    if (!b_signed && c_signed) {
        v3(e, X64_VPDPBUSD, LO_XS0, b, c);
    } else if (b_signed) { /* both: (b + 128) c - 128 c */
        v3k(e, X64_VPXOR, LO_XS1, b, X64_K_B_80);
        v3(e, X64_VPDPBUSD, LO_XS0, LO_XS1, c);
        x64_vrm(e->b, X64_VMOVDQA, 0, LO_XS2, lo_k(e, X64_K_B_80));
        vzero(e, LO_XS1);
        v3(e, X64_VPDPBUSD, LO_XS1, LO_XS2, c);
        v3(e, X64_VPSUBD, LO_XS0, LO_XS0, LO_XS1);
    } else { /* none: b (c - 128) + 64 b + 64 b */
        v3k(e, X64_VPXOR, LO_XS1, c, X64_K_B_80);
        v3(e, X64_VPDPBUSD, LO_XS0, b, LO_XS1);
        v3k(e, X64_VPDPBUSD, LO_XS0, b, X64_K_B_40);
        v3k(e, X64_VPDPBUSD, LO_XS0, b, X64_K_B_40);
    }
    vmov(e, lo_vdef(e, i), LO_XS0);
}

/* Half words of the odd or even bytes of x. */
static void half_words(struct lower *e, bool odd, bool is_signed, int d, int x)
{
    if (odd) {
        v2i(e, is_signed ? X64_VPSRAW_I : X64_VPSRLW_I, d, x, 8);
    } else if (is_signed) {
        v2i(e, X64_VPSLLW_I, d, x, 8);
        v2i(e, X64_VPSRAW_I, d, d, 8);
    } else {
        v3k(e, X64_VPAND, d, x, X64_K_H_00FF);
    }
}

void lower_VDOT(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b), c = lo_v(e, i->c);
    const bool b_signed = i->sub2 & IR_VDOT_B_SIGNED, c_signed = i->sub2 & IR_VDOT_C_SIGNED;
    if (e->host->vnni && (c_signed || !b_signed)) {
        dot_vnni(e, i, a, b, c);
        return;
    }
    half_words(e, false, b_signed, LO_XS0, b);
    half_words(e, false, c_signed, LO_XS1, c);
    v3(e, X64_VPMADDWD, LO_XS0, LO_XS0, LO_XS1);
    half_words(e, true, b_signed, LO_XS1, b);
    half_words(e, true, c_signed, LO_XS2, c);
    v3(e, X64_VPMADDWD, LO_XS1, LO_XS1, LO_XS2);
    v3(e, X64_VPADDD, LO_XS0, LO_XS0, a);
    v3(e, X64_VPADDD, lo_vdef(e, i), LO_XS0, LO_XS1);
}
