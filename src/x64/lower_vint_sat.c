/* Lowering of integer vectors: what saturates and sets FPSR.QC (Arm ARM DDI 0487, shared pseudocode
 * SatQ()).
 *
 * Sums and differences of 8 and 16 bits saturate by one host instruction; that it differs from the
 * wrapped sum means QC. All other operations compute the wrapped result and, in the sign bits,
 * which lanes are out of range. The hot path ends with a test of those bits; the code that replaces
 * lanes is out of line, since saturation is rare.
 */
#include "x64/lower_vint.h"

#include <stddef.h>

#define FPSR_QC 0x08000000

/* ---- Out of line ---- */

static void cold_qc(struct lower *e, const struct lo_cold *c)
{
    x64_alu_mi(e->b, X64_OR, 0, lo_fpsr(e), FPSR_QC);
    x64_jmp(e->b, c->resume);
}

/* XS0 := XS2's saturated lanes where XS1 is negative. */
static void cold_saturate(struct lower *e, const struct lo_cold *c)
{
    const unsigned size = (unsigned)c->r[0];
    const unsigned last = (8u << size) - 1;
    switch ((enum lo_sat)c->r[1]) {
    case LO_SAT_RESULT: /* 0 or 1; maximum or minimum; the other one */
        lo_vshift(e, IR_VSHI_SHR, size, LO_XS2, LO_XS0, last, LO_XS2);
        v3k(e, lo_padd[size], LO_XS2, LO_XS2, lo_k_abs[size]);
        v3k(e, X64_VPXOR, LO_XS2, LO_XS2, X64_K_ONES);
        break;
    case LO_SAT_SOURCE:
        lo_vshift(e, IR_VSHI_SHR, size, LO_XS2, LO_XS2, last, LO_XS2);
        v3k(e, lo_padd[size], LO_XS2, LO_XS2, lo_k_abs[size]);
        break;
    case LO_SAT_POSITIVE: /* 1 or 0; less one */
        lo_vshift(e, IR_VSHI_SHR, size, LO_XS2, LO_XS2, last, LO_XS2);
        v3k(e, lo_padd[size], LO_XS2, LO_XS2, X64_K_ONES);
        break;
    case LO_SAT_ONES:
        vones(e, LO_XS2);
        break;
    case LO_SAT_ZERO:
        vzero(e, LO_XS2);
        break;
    }
    if (size == 1)
        v2i(e, X64_VPSRAW_I, LO_XS1, LO_XS1, 15);
    x64_vblendv(e->b, size < 2 ? X64_VPBLENDVB : size == 2 ? X64_VBLENDVPS : X64_VBLENDVPD, 0,
                LO_XS0, LO_XS0, LO_XS2, LO_XS1);
    cold_qc(e, c);
}

void lo_saturate(struct lower *e, const struct ir_insn *i, unsigned size, enum lo_sat how)
{
    static const uint16_t signs[4] = {X64_VPMOVMSKB, X64_VPMOVMSKB, X64_VMOVMSKPS, X64_VMOVMSKPD};
    x64_vmovmsk(e->b, (enum x64_vop)signs[size], 0, RAX, LO_XS1);
    if (size == 1)
        x64_test_ri(e->b, 0, RAX, 0xaaaa); /* the upper bytes of half words */
    else
        x64_test_rr(e->b, 0, RAX, RAX);
    struct lo_cold *c = lo_cold(e, x64_jcc_fwd(e->b, X64_NE), i, cold_saturate);
    c->r[0] = (int8_t)size;
    c->r[1] = (int8_t)how;
    vmov(e, lo_vdef(e, i), LO_XS0);
}

void lo_qc_if(struct lower *e, const struct ir_insn *i)
{
    x64_vrr(e->b, X64_VPTEST, 0, LO_XS0, LO_XS0);
    lo_cold(e, x64_jcc_fwd(e->b, X64_NE), i, cold_qc);
}

/* ---- Sums and differences ---- */

static void add_narrow(struct lower *e, const struct ir_insn *i, int a, int b)
{
    static const uint16_t saturating[4][2] = {
        [IR_VQADD_SADD] = {X64_VPADDSB, X64_VPADDSW},
        [IR_VQADD_UADD] = {X64_VPADDUSB, X64_VPADDUSW},
        [IR_VQADD_SSUB] = {X64_VPSUBSB, X64_VPSUBSW},
        [IR_VQADD_USUB] = {X64_VPSUBUSB, X64_VPSUBUSW},
    };
    const bool add = i->sub2 < IR_VQADD_SSUB;
    v3(e, (add ? lo_padd : lo_psub)[i->sub], LO_XS0, a, b);
    const int d = lo_vdef(e, i);
    v3(e, saturating[i->sub2][i->sub], d, a, b);
    v3(e, X64_VPXOR, LO_XS0, LO_XS0, d);
    lo_qc_if(e, i);
}

/* Sign bits of XS1 := which lanes of a + b or a - b = XS0 are out of range. */
static void overflow(struct lower *e, unsigned kind, int a, int b)
{
    /* of a, b and the result: VPTERNLOG's tables */
    static const uint8_t table[4] = {
        [IR_VQADD_SADD] = 0x42, /* (a ^ r) & (b ^ r) */
        [IR_VQADD_UADD] = 0xd4, /* (a & b) | ((a | b) & ~r) */
        [IR_VQADD_SSUB] = 0x18, /* (a ^ b) & (a ^ r) */
        [IR_VQADD_USUB] = 0x8e, /* (~a & b) | (~(a ^ b) & r) */
    };
    if (e->host->avx512) {
        lo_ternlog(e, LO_XS1, a, b, LO_XS0, table[kind]);
        return;
    }
    switch (kind) {
    case IR_VQADD_SADD:
        v3(e, X64_VPXOR, LO_XS1, a, LO_XS0);
        v3(e, X64_VPXOR, LO_XS2, b, LO_XS0);
        v3(e, X64_VPAND, LO_XS1, LO_XS1, LO_XS2);
        break;
    case IR_VQADD_SSUB:
        v3(e, X64_VPXOR, LO_XS1, a, b);
        v3(e, X64_VPXOR, LO_XS2, a, LO_XS0);
        v3(e, X64_VPAND, LO_XS1, LO_XS1, LO_XS2);
        break;
    case IR_VQADD_UADD:
        v3(e, X64_VPOR, LO_XS1, a, b);
        v3(e, X64_VPANDN, LO_XS1, LO_XS0, LO_XS1);
        v3(e, X64_VPAND, LO_XS2, a, b);
        v3(e, X64_VPOR, LO_XS1, LO_XS1, LO_XS2);
        break;
    default: /* a ^ b: the operands differ, then b decides, else the difference */
        v3(e, X64_VPXOR, LO_XS1, a, b);
        v3(e, X64_VPANDN, LO_XS2, LO_XS1, LO_XS0);
        v3(e, X64_VPANDN, LO_XS1, a, b);
        v3(e, X64_VPOR, LO_XS1, LO_XS1, LO_XS2);
        break;
    }
}

void lower_VQADD(struct lower *e, const struct ir_insn *i)
{
    static const uint8_t how[4] = {
        [IR_VQADD_SADD] = LO_SAT_RESULT, [IR_VQADD_UADD] = LO_SAT_ONES,
        [IR_VQADD_SSUB] = LO_SAT_RESULT, [IR_VQADD_USUB] = LO_SAT_ZERO,
    };
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    lo_clobber(e);
    if (i->sub < 2) {
        add_narrow(e, i, a, b);
        return;
    }
    v3(e, (i->sub2 < IR_VQADD_SSUB ? lo_padd : lo_psub)[i->sub], LO_XS0, a, b);
    overflow(e, i->sub2, a, b);
    lo_saturate(e, i, i->sub, (enum lo_sat)how[i->sub2]);
}

/* Only the minimum is out of range; it is its own negative. */
void lower_VQNEG(struct lower *e, const struct ir_insn *i)
{
    static const uint16_t pabs[4] = {X64_VPABSB, X64_VPABSW, X64_VPABSD, X64_VPABSQ};
    const int a = lo_v(e, i->a);
    lo_clobber(e);
    if (!i->sub2) {
        vzero(e, LO_XS1);
        v3(e, lo_psub[i->sub], LO_XS0, LO_XS1, a);
        v3(e, X64_VPAND, LO_XS1, LO_XS0, a);
    } else if (i->sub < 3 || e->host->avx512) {
        x64_vrr(e->b, (enum x64_vop)pabs[i->sub], 0, LO_XS0, a);
        vmov(e, LO_XS1, LO_XS0);
    } else {
        lo_vsign(e, 3, LO_XS1, a, LO_XS0);
        v3(e, X64_VPXOR, LO_XS0, a, LO_XS1);
        v3(e, X64_VPSUBQ, LO_XS0, LO_XS0, LO_XS1);
        vmov(e, LO_XS1, LO_XS0);
    }
    lo_saturate(e, i, i->sub, LO_SAT_RESULT);
}

/* ---- Shifts ---- */

/* In range is what comes back when it is shifted back; SQSHLU: and is not negative. */
void lower_VQSHLI(struct lower *e, const struct ir_insn *i)
{
    static const uint8_t how[3] = {
        [IR_VQSHLI_SS] = LO_SAT_SOURCE,
        [IR_VQSHLI_UU] = LO_SAT_ONES,
        [IR_VQSHLI_SU] = LO_SAT_POSITIVE,
    };
    const unsigned back = i->sub2 == IR_VQSHLI_SS ? IR_VSHI_SAR : IR_VSHI_SHR;
    const unsigned n = (unsigned)i->imm;
    const int a = lo_v(e, i->a);
    lo_clobber(e);
    lo_vshift(e, IR_VSHI_SHL, i->sub, LO_XS0, a, n, LO_XS2);
    lo_vshift(e, back, i->sub, LO_XS1, LO_XS0, n, LO_XS2);
    vmov(e, LO_XS2, a);
    v3(e, lo_pcmpeq[i->sub], LO_XS1, LO_XS1, LO_XS2);
    v3k(e, X64_VPXOR, LO_XS1, LO_XS1, X64_K_ONES);
    if (i->sub2 == IR_VQSHLI_SU)
        v3(e, X64_VPOR, LO_XS1, LO_XS1, LO_XS2);
    lo_saturate(e, i, i->sub, (enum lo_sat)how[i->sub2]);
}

/* XS2 := a shifted left by the counts in XS1 and back. By AVX2 there is no signed right shift of
 * 64-bit lanes; XS0 is saved around the replacement. */
static void shift_and_back(struct lower *e, const struct ir_insn *i, int a)
{
    const bool is_signed = i->sub2 & IR_VSH_SIGNED;
    if (i->sub == 2) {
        v3(e, X64_VPSLLVD, LO_XS2, a, LO_XS1);
        v3(e, is_signed ? X64_VPSRAVD : X64_VPSRLVD, LO_XS2, LO_XS2, LO_XS1);
        return;
    }
    v3(e, X64_VPSLLVQ, LO_XS2, a, LO_XS1);
    if (!is_signed || e->host->avx512) {
        v3(e, is_signed ? X64_VPSRAVQ : X64_VPSRLVQ, LO_XS2, LO_XS2, LO_XS1);
        return;
    }
    x64_vmr(e->b, X64_VMOVDQA, 0, lo_area(e, lo_hi), LO_XS0);
    vzero(e, LO_XS0);
    v3(e, X64_VPCMPGTQ, LO_XS0, LO_XS0, LO_XS2);
    v3(e, X64_VPXOR, LO_XS2, LO_XS2, LO_XS0);
    v3(e, X64_VPSRLVQ, LO_XS2, LO_XS2, LO_XS1);
    v3(e, X64_VPXOR, LO_XS2, LO_XS2, LO_XS0);
    x64_vrm(e->b, X64_VMOVDQA, 0, LO_XS0, lo_area(e, lo_hi));
}

void lower_VQSHV(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), c = lo_v(e, i->b);
    const bool word = i->sub == 2;
    lo_clobber(e);
    lo_vshv(e, i->sub, i->sub2, LO_XS0, a, c);
    v3k(e, X64_VPAND, LO_XS1, c, word ? X64_K_S_FF : X64_K_D_FF);
    shift_and_back(e, i, a);
    lo_pcmp(e, lo_pcmpeq[i->sub], i->sub, LO_XS2, LO_XS2, a);
    /* out of range: did not come back, and the count is not negative */
    v2i(e, word ? X64_VPSLLD_I : X64_VPSLLQ_I, LO_XS1, c, word ? 24 : 56);
    v3(e, X64_VPOR, LO_XS1, LO_XS1, LO_XS2);
    v3k(e, X64_VPXOR, LO_XS1, LO_XS1, X64_K_ONES);
    vmov(e, LO_XS2, a);
    lo_saturate(e, i, i->sub, i->sub2 & IR_VSH_SIGNED ? LO_SAT_SOURCE : LO_SAT_ONES);
}
