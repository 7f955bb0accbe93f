/* Lowering of the operations of cryptography: the host's own instructions for AES, SHA-1, SHA-256
 * and carry-less products (Intel SDM, volume 2).
 *
 * AES: AESENC is one round with the key added last; A64's AESE adds it first, so here the host's
 * key is zero. The SHA instructions have no VEX form: they work on scratch registers. Their element
 * order is FIPS 180-4's variables from the top down, A64's from the bottom up. A host without them
 * has the interpreter do the instruction.
 */
#include "ir/vperm.h"
#include "x64/lower_vint.h"

/* Shuffles of double words: variables 1, 0 or 3, 2 of each of two registers; order reversed. */
enum { PAIRS_10 = 0x11, PAIRS_32 = 0xbb, REVERSE = 0x1b };

/* ---- AES ---- */

/* d := op of a and a round key; VAES has it for all registers. a and key may be d. */
static void aes(struct lower *e, const struct ir_insn *i, enum x64_vop op, int a, int key)
{
    const int d = lo_vdef(e, i);
    if (e->host->vaes && e->host->avx512) {
        v3(e, op, d, a, key);
    } else {
        const int t = d < 16 ? d : LO_XS0;
        v3(e, op, t, lo_below16(e, a, LO_XS0), key);
        vmov(e, d, t);
    }
}

void lower_VAESR(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    vzero(e, LO_XS1);
    aes(e, i, i->sub2 == IR_VAES_DECRYPT ? X64_VAESDEC : X64_VAESENC, a, LO_XS1);
}

void lower_VAESL(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    vzero(e, LO_XS1);
    aes(e, i, i->sub2 == IR_VAES_DECRYPT ? X64_VAESDECLAST : X64_VAESENCLAST, a, LO_XS1);
}

/* MixColumns: the inverse of the round's other steps, then the round. */
void lower_VAESMC(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_below16(e, lo_v(e, i->a), LO_XS0);
    if (i->sub2 == IR_VAES_DECRYPT) {
        x64_vrr(e->b, X64_VAESIMC, 0, LO_XS0, a);
        vmov(e, lo_vdef(e, i), LO_XS0);
        return;
    }
    vzero(e, LO_XS1);
    v3(e, X64_VAESDECLAST, LO_XS0, a, LO_XS1);
    aes(e, i, X64_VAESENC, LO_XS0, LO_XS1);
}

/* ---- Carry-less products ---- */

void lower_VPMULL(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b), imm = i->sub2 ? 0x11 : 0;
    if (e->host->vpclmul && e->host->avx512) {
        x64_vrrri(e->b, X64_VPCLMULQDQ, 0, lo_vdef(e, i), a, b, imm);
        return;
    }
    x64_vrrri(e->b, X64_VPCLMULQDQ, 0, LO_XS0, lo_below16(e, a, LO_XS0),
              lo_below16(e, b, LO_XS1), imm);
    vmov(e, lo_vdef(e, i), LO_XS0);
}

/* From the top bit of b down: twice the sum, and a where the bit is set. */
void lower_VPMUL(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    vzero(e, LO_XS0);
    for (unsigned bit = 8; bit-- > 0;) {
        v2i(e, X64_VPSLLW_I, LO_XS1, b, 15 - bit);
        v2i(e, X64_VPSRAW_I, LO_XS1, LO_XS1, 15);
        v3(e, X64_VPAND, LO_XS1, LO_XS1, a);
        v3(e, X64_VPADDW, LO_XS0, LO_XS0, LO_XS0);
        v3(e, X64_VPXOR, LO_XS0, LO_XS0, LO_XS1);
    }
    vmov(e, lo_vdef(e, i), LO_XS0);
}

/* ---- SHA ---- */

/* True: the host has no such instruction, and the interpreter does it. */
static bool without_sha(struct lower *e, const struct ir_insn *i)
{
    if (e->host->sha)
        return false;
    lo_clobber(e);
    const int d = lo_vdef(e, i);
    uint8_t *point = x64_jmp_fwd(e->b);
    lo_cold_interp(e, point, i, d, true);
    return true;
}

void lower_VSHA1(struct lower *e, const struct ir_insn *i)
{
    if (without_sha(e, i))
        return;
    const int a = lo_v(e, i->a), b = lo_v(e, i->b), c = lo_v(e, i->c);
    /* The host adds the round constant and wants e in the first word. */
    v3k(e, X64_VPSUBD, LO_XS0, c, X64_K_SHA1_C + i->sub2);
    v3k(e, X64_VPAND, LO_XS1, b, X64_K_LOW_S);
    v3(e, X64_VPADDD, LO_XS0, LO_XS0, LO_XS1);
    v2i(e, X64_VPSHUFD, LO_XS0, LO_XS0, REVERSE);
    v2i(e, X64_VPSHUFD, LO_XS1, a, REVERSE);
    x64_sha1rnds4(e->b, LO_XS1, LO_XS0, i->sub2);
    v2i(e, X64_VPSHUFD, lo_vdef(e, i), LO_XS1, REVERSE);
}

/* A64 has an instruction for each half of the state, one after the other: is the result of i's
 * rounds still in XS1 and XS2, for only moves of guest registers came between? */
static bool sha256_is_done(const struct lower *e, const struct ir_insn *i)
{
    const struct ir_insn *before = &e->ir->insn[e->sha_at];
    if (!e->sha_at || before->a != i->a || before->b != i->b || before->c != i->c)
        return false;
    for (unsigned n = e->sha_at + 1u; n < e->at; n++) {
        const unsigned op = e->ir->insn[n].op;
        if (op != IR_NONE && op != IR_PUTV && op != IR_GETV)
            return false;
    }
    return true;
}

/* SHA256RNDS2 does two rounds on registers with c, d, g, h and a, b, e, f, and XMM0 = XS0. The
 * first one's a, b, e, f are the second one's c, d, g, h. */
void lower_VSHA256(struct lower *e, const struct ir_insn *i)
{
    if (without_sha(e, i))
        return;
    if (!sha256_is_done(e, i)) {
        const int a = lo_v(e, i->a), b = lo_v(e, i->b), c = lo_v(e, i->c);
        vmov(e, LO_XS0, c);
        x64_vrrri(e->b, X64_VSHUFPS, 0, LO_XS1, b, a, PAIRS_32);
        x64_vrrri(e->b, X64_VSHUFPS, 0, LO_XS2, b, a, PAIRS_10);
        x64_sha_rr(e->b, X64_SHA256RNDS2, LO_XS1, LO_XS2);
        v2i(e, X64_VPSHUFD, LO_XS0, LO_XS0, 0xe);
        x64_sha_rr(e->b, X64_SHA256RNDS2, LO_XS2, LO_XS1);
    }
    const int d = lo_vdef(e, i);
    x64_vrrri(e->b, X64_VSHUFPS, 0, d, LO_XS2, LO_XS1,
              i->sub2 == IR_VSHA256_ABCD ? PAIRS_32 : PAIRS_10);
    e->sha_at = (uint16_t)(d == LO_XS2 ? 0 : e->at);
}

void lower_VSHA256U(struct lower *e, const struct ir_insn *i)
{
    if (without_sha(e, i))
        return;
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    if (!i->c) {
        vmov(e, LO_XS0, a);
        x64_sha_rr(e->b, X64_SHA256MSG1, LO_XS0, lo_below16(e, b, LO_XS1));
    } else {
        const int c = lo_v(e, i->c);
        x64_vrrri(e->b, X64_VPALIGNR, 0, LO_XS0, c, b, 4);
        v3(e, X64_VPADDD, LO_XS0, LO_XS0, a);
        x64_sha_rr(e->b, X64_SHA256MSG2, LO_XS0, lo_below16(e, c, LO_XS1));
    }
    vmov(e, lo_vdef(e, i), LO_XS0);
}
