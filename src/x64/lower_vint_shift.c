/* Lowering of integer vectors: shifts without saturation.
 *
 * A rounding right shift by n adds half of the last bit: with x = a >> (n - 1) it is x - (x >> 1),
 * and nothing overflows. Variable counts (SSHL, USHL, SRSHL, URSHL: the signed low byte of each
 * lane, negative to the right): with n = -count, a >> n is (a >> (n - 1)) >> 1 and n - 1 is ~count,
 * so both directions come from one count, and the host's shifts by a count that is too large give 0
 * or the sign as A64's do. The left shifts of lanes that go right, and the reverse, are computed
 * too and not selected. Upper halves of registers that were used are cleared at the end, since C
 * code would be slow with them.
 */
#include "x64/lower_vint.h"

#include <stddef.h>

/* [kind][size], sizes 1 to 3; SHL, SHR, SAR */
static const uint16_t shift_i[3][4] = {
    {0, X64_VPSLLW_I, X64_VPSLLD_I, X64_VPSLLQ_I},
    {0, X64_VPSRLW_I, X64_VPSRLD_I, X64_VPSRLQ_I},
    {0, X64_VPSRAW_I, X64_VPSRAD_I, X64_VPSRAQ_I},
};
static const uint16_t shift_v[3][4] = {
    {0, X64_VPSLLVW, X64_VPSLLVD, X64_VPSLLVQ},
    {0, X64_VPSRLVW, X64_VPSRLVD, X64_VPSRLVQ},
    {0, X64_VPSRAVW, X64_VPSRAVD, X64_VPSRAVQ},
};

/* ---- By an immediate ---- */

void lo_vsign(struct lower *e, unsigned size, int d, int a, int tmp)
{
    if (size == 1 || size == 2 || (size == 3 && e->host->avx512)) {
        v2i(e, shift_i[IR_VSHI_SAR][size], d, a, (8u << size) - 1);
    } else {
        vzero(e, tmp);
        lo_pcmp(e, lo_pcmpgt[size], size, d, tmp, a);
    }
}

/* Bytes: as half words, then what came from the neighbour is masked out. */
static void shift_bytes(struct lower *e, unsigned kind, int d, int a, unsigned n, int tmp)
{
    if (kind == IR_VSHI_SAR && n == 7) {
        lo_vsign(e, 0, d, a, tmp);
    } else if (kind == IR_VSHI_SHL) {
        v2i(e, X64_VPSLLW_I, d, a, n);
        v3k(e, X64_VPAND, d, d, X64_K_B_FE + n - 1);
    } else {
        v2i(e, X64_VPSRLW_I, d, a, n);
        v3k(e, X64_VPAND, d, d, X64_K_B_7F + n - 1);
        if (kind == IR_VSHI_SAR) { /* extends the sign, which is bit 7 - n now */
            v3k(e, X64_VPXOR, d, d, X64_K_B_40 + n - 1);
            v3k(e, X64_VPSUBB, d, d, X64_K_B_40 + n - 1);
        }
    }
}

/* 64-bit lanes to the right with sign by AVX2: from shifts of the 32-bit halves. */
static void sar_wide(struct lower *e, int d, int a, unsigned n, int tmp)
{
    if (n == 63) {
        lo_vsign(e, 3, d, a, tmp);
    } else if (n < 32) {
        v2i(e, X64_VPSRAD_I, tmp, a, n);
        v2i(e, X64_VPSRLQ_I, d, a, n);
        x64_vrrri(e->b, X64_VPBLENDD, 0, d, d, tmp, 0xa);
    } else {
        v2i(e, X64_VPSRAD_I, tmp, a, 31);
        v2i(e, X64_VPSRAD_I, d, a, n - 32);
        v2i(e, X64_VPSHUFD, d, d, 0xf5);
        x64_vrrri(e->b, X64_VPBLENDD, 0, d, d, tmp, 0xa);
    }
}

void lo_vshift(struct lower *e, unsigned kind, unsigned size, int d, int a, unsigned n, int tmp)
{
    const unsigned esize = 8u << size;
    if (kind == IR_VSHI_SAR && n >= esize)
        n = esize - 1;
    if (n == 0)
        vmov(e, d, a);
    else if (n >= esize)
        vzero(e, d);
    else if (size == 0)
        shift_bytes(e, kind, d, a, n, tmp);
    else if (kind == IR_VSHI_SAR && size == 3 && !e->host->avx512)
        sar_wide(e, d, a, n, tmp);
    else
        v2i(e, shift_i[kind][size], d, a, n);
}

void lower_VSHI(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    const unsigned n = (unsigned)i->imm;
    if (i->sub2 < IR_VSHI_RSHR) {
        lo_vshift(e, i->sub2, i->sub, lo_vdef(e, i), a, n, LO_XS0);
        return;
    }
    const unsigned kind = i->sub2 == IR_VSHI_RSHR ? IR_VSHI_SHR : IR_VSHI_SAR;
    lo_vshift(e, kind, i->sub, LO_XS0, a, n - 1, LO_XS2);
    lo_vshift(e, kind, i->sub, LO_XS1, a, n, LO_XS2);
    v3(e, lo_psub[i->sub], lo_vdef(e, i), LO_XS0, LO_XS1);
}

void lower_VSLI(struct lower *e, const struct ir_insn *i)
{
    const int keep = lo_v(e, i->a), b = lo_v(e, i->b);
    const unsigned size = i->sub, n = (unsigned)i->imm, other = (8u << size) - n;
    const unsigned kind = i->sub2 ? IR_VSHI_SHR : IR_VSHI_SHL;
    lo_vshift(e, kind, size, LO_XS0, b, n, LO_XS2);
    if (size == 0) {
        v3k(e, X64_VPAND, LO_XS1, keep, (i->sub2 ? X64_K_B_FE : X64_K_B_7F) + other - 1);
    } else {
        lo_vshift(e, kind, size, LO_XS1, keep, other, LO_XS2);
        lo_vshift(e, kind ^ IR_VSHI_SHL ^ IR_VSHI_SHR, size, LO_XS1, LO_XS1, other, LO_XS2);
    }
    v3(e, X64_VPOR, lo_vdef(e, i), LO_XS0, LO_XS1);
}

/* ---- By a register ---- */

/* AVX-512, which has all of it for 16 to 64 bits; bytes are widened to half words. */
static void shift_v_512(struct lower *e, unsigned size, unsigned how, int d, int a, int c)
{
    static const uint16_t blend[4] = {0, X64_VPBLENDMW, X64_VPBLENDMD, X64_VPBLENDMQ};
    const unsigned right = how & IR_VSH_SIGNED ? IR_VSHI_SAR : IR_VSHI_SHR;
    const unsigned wide = size ? size : 1, esize = 8u << wide;
    const int L = size == 0;
    struct x64_buf *b = e->b;
    if (size == 0) {
        x64_vrr(b, X64_VPMOVSXBW, L, LO_XS0, c);
        x64_vrr(b, how & IR_VSH_SIGNED ? X64_VPMOVSXBW : X64_VPMOVZXBW, L, LO_XS1, a);
        a = LO_XS1;
    } else {
        v2i(e, shift_i[IR_VSHI_SHL][size], LO_XS0, c, esize - 8);
        v2i(e, shift_i[IR_VSHI_SAR][size], LO_XS0, LO_XS0, esize - 8);
    }
    x64_vpmov2m(b, 1 << wide, L, 1, LO_XS0);
    x64_vrrr(b, (enum x64_vop)shift_v[IR_VSHI_SHL][wide], L, LO_XS2, a, LO_XS0);
    x64_vrrri(b, X64_VPTERNLOGD, L, LO_XS0, LO_XS0, LO_XS0, 0x55);
    x64_vrrr(b, (enum x64_vop)shift_v[right][wide], L, LO_XS1, a, LO_XS0);
    x64_vrri(b, (enum x64_vop)shift_i[right][wide], L, LO_XS0, LO_XS1, 1);
    if (how & IR_VSH_ROUND)
        x64_vrrr(b, (enum x64_vop)lo_psub[wide], L, LO_XS0, LO_XS1, LO_XS0);
    if (size) {
        x64_k_vrrr(b, (enum x64_vop)blend[size], L, 1, 0, d, LO_XS2, LO_XS0);
    } else {
        x64_k_vrrr(b, X64_VPBLENDMW, L, 1, 0, LO_XS0, LO_XS2, LO_XS0);
        x64_vrr(b, X64_VPMOVWB, L, d, LO_XS0);
        x64_vzeroupper(b);
    }
}

/* AVX2, lanes of 32 and 64 bits. There is no right shift with sign for 64 bits; (a ^ s) >> n ^ s
 * with s = sign of a is one, for both. */
static void shift_v_avx2(struct lower *e, unsigned size, unsigned how, int d, int a, int c)
{
    const unsigned low_byte = size == 2 ? X64_K_S_FF : X64_K_D_FF;
    const bool is_signed = how & IR_VSH_SIGNED;
    int x = a;
    v3k(e, X64_VPAND, LO_XS0, c, low_byte);
    v3k(e, X64_VPXOR, LO_XS0, LO_XS0, low_byte);
    if (is_signed) {
        lo_vsign(e, size, LO_XS2, a, LO_XS1);
        v3(e, X64_VPXOR, LO_XS1, a, LO_XS2);
        x = LO_XS1;
    }
    v3(e, shift_v[IR_VSHI_SHR][size], LO_XS1, x, LO_XS0);
    v2i(e, shift_i[IR_VSHI_SHR][size], LO_XS0, LO_XS1, 1);
    if (how & IR_VSH_ROUND)
        v3(e, lo_psub[size], LO_XS1, LO_XS1, LO_XS0);
    else
        vmov(e, LO_XS1, LO_XS0);
    if (is_signed)
        v3(e, X64_VPXOR, LO_XS1, LO_XS1, LO_XS2);
    if (is_signed && how & IR_VSH_ROUND) /* was the negated rounded number, not its inverse */
        v3(e, lo_psub[size], LO_XS1, LO_XS1, LO_XS2);
    v3k(e, X64_VPAND, LO_XS0, c, low_byte);
    v3(e, shift_v[IR_VSHI_SHL][size], LO_XS0, a, LO_XS0);
    v2i(e, shift_i[IR_VSHI_SHL][size], LO_XS2, c, (8u << size) - 8);
    x64_vblendv(e->b, size == 2 ? X64_VBLENDVPS : X64_VBLENDVPD, 0, d, LO_XS0, LO_XS1, LO_XS2);
}

/* AVX2, eight lanes of 8 or 16 bits as words of a 256-bit register: from the operands' byte `at`
 * on; the result as 8 lanes in XS1. */
static void shift_v_eight(struct lower *e, unsigned size, unsigned how, int a, int c, unsigned at)
{
    struct x64_buf *b = e->b;
    const enum x64_vop sx = size ? X64_VPMOVSXWD : X64_VPMOVSXBD;
    const enum x64_vop zx = size ? X64_VPMOVZXWD : X64_VPMOVZXBD;
    const bool is_signed = how & IR_VSH_SIGNED;
    if (at) {
        v2i(e, X64_VPSRLDQ_I, LO_XS0, c, at);
        v2i(e, X64_VPSRLDQ_I, LO_XS1, a, at);
        c = LO_XS0;
        a = LO_XS1;
    }
    x64_vrr(b, sx, 1, LO_XS0, c);
    if (size) { /* the low byte only */
        x64_vrri(b, X64_VPSLLD_I, 1, LO_XS0, LO_XS0, 24);
        x64_vrri(b, X64_VPSRAD_I, 1, LO_XS0, LO_XS0, 24);
    }
    x64_vrr(b, is_signed ? sx : zx, 1, LO_XS1, a);
    x64_vrrr(b, X64_VPCMPEQD, 1, LO_XS2, LO_XS2, LO_XS2);
    x64_vrrr(b, X64_VPXOR, 1, LO_XS2, LO_XS2, LO_XS0);
    x64_vrrr(b, X64_VPSRAVD, 1, LO_XS2, LO_XS1, LO_XS2);
    x64_vrrr(b, X64_VPSLLVD, 1, LO_XS1, LO_XS1, LO_XS0);
    /* x = a << count or a >> (n - 1); in lanes that go right take away x >> 1 to round, else the
     * rest */
    x64_vblendv(b, X64_VBLENDVPS, 1, LO_XS1, LO_XS1, LO_XS2, LO_XS0);
    x64_vrri(b, X64_VPSRAD_I, 1, LO_XS0, LO_XS0, 31);
    x64_vrri(b, X64_VPSRAD_I, 1, LO_XS2, LO_XS1, 1);
    if (!(how & IR_VSH_ROUND))
        x64_vrrr(b, X64_VPSUBD, 1, LO_XS2, LO_XS1, LO_XS2);
    x64_vrrr(b, X64_VPAND, 1, LO_XS2, LO_XS2, LO_XS0);
    x64_vrrr(b, X64_VPSUBD, 1, LO_XS1, LO_XS1, LO_XS2);
    /* narrow: the low bits with their sign, so that packing changes nothing */
    x64_vrri(b, X64_VPSLLD_I, 1, LO_XS1, LO_XS1, size ? 16 : 24);
    x64_vrri(b, X64_VPSRAD_I, 1, LO_XS1, LO_XS1, size ? 16 : 24);
    x64_vrri(b, X64_VEXTRACTI128, 1, LO_XS0, LO_XS1, 1);
    v3(e, X64_VPACKSSDW, LO_XS1, LO_XS1, LO_XS0);
    if (!size)
        v3(e, X64_VPACKSSWB, LO_XS1, LO_XS1, LO_XS1);
}

void lo_vshv(struct lower *e, unsigned size, unsigned how, int d, int a, int c)
{
    if (e->host->avx512) {
        shift_v_512(e, size, how, d, a, c);
    } else if (size >= 2) {
        shift_v_avx2(e, size, how, d, a, c);
    } else if (size == 1) {
        shift_v_eight(e, size, how, a, c, 0);
        x64_vzeroupper(e->b);
        vmov(e, d, LO_XS1);
    } else {
        shift_v_eight(e, size, how, a, c, 0);
        x64_vmr(e->b, X64_VMOVQ, 0, lo_area(e, lo_hi), LO_XS1);
        shift_v_eight(e, size, how, a, c, 8);
        x64_vzeroupper(e->b);
        x64_vrm(e->b, X64_VMOVQ, 0, LO_XS0, lo_area(e, lo_hi));
        v3(e, X64_VPUNPCKLQDQ, d, LO_XS0, LO_XS1);
    }
}

void lower_VSHV(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    lo_vshv(e, i->sub, i->sub2, lo_vdef(e, i), a, b);
}
