/* Lowering of integer vectors: arithmetic without saturation, logic, comparison. And the pieces
 * that lower_vint.h declares for the other files of the group.
 *
 * Host instructions: Intel SDM, volume 2. Where AVX2 lacks an element size (bytes in shifts and
 * products, 64 bits in comparisons without sign, minimum, right shifts with sign) a short sequence
 * of others does it; with AVX-512 comparisons go through a mask register, since that is the only
 * form that registers 16 to 31 have.
 */
#include "x64/lower_vint.h"

const uint16_t lo_padd[4] = {X64_VPADDB, X64_VPADDW, X64_VPADDD, X64_VPADDQ};
const uint16_t lo_psub[4] = {X64_VPSUBB, X64_VPSUBW, X64_VPSUBD, X64_VPSUBQ};
const uint16_t lo_pcmpeq[4] = {X64_VPCMPEQB, X64_VPCMPEQW, X64_VPCMPEQD, X64_VPCMPEQQ};
const uint16_t lo_pcmpgt[4] = {X64_VPCMPGTB, X64_VPCMPGTW, X64_VPCMPGTD, X64_VPCMPGTQ};
const uint8_t lo_k_sign[4] = {X64_K_B_80, X64_K_SIGN_H, X64_K_SIGN_S, X64_K_SIGN_2D};
const uint8_t lo_k_abs[4] = {X64_K_B_7F, X64_K_ABS_H, X64_K_ABS_S, X64_K_ABS_D};

/* [signed][size], sizes 0 to 2 */
static const uint16_t pmin[2][3] = {
    {X64_VPMINUB, X64_VPMINUW, X64_VPMINUD},
    {X64_VPMINSB, X64_VPMINSW, X64_VPMINSD},
};
static const uint16_t pmax[2][3] = {
    {X64_VPMAXUB, X64_VPMAXUW, X64_VPMAXUD},
    {X64_VPMAXSB, X64_VPMAXSW, X64_VPMAXSD},
};

/* ---- Pieces ---- */

/* The table for operands in another order: where[k] is the old place (0: a, the highest) of the new
 * operand k. */
static unsigned permute_table(unsigned table, const unsigned where[3])
{
    unsigned r = 0;
    for (unsigned n = 0; n < 8; n++) {
        unsigned old = 0;
        for (unsigned k = 0; k < 3; k++)
            old |= (n >> (2 - k) & 1) << (2 - where[k]);
        r |= (table >> old & 1) << n;
    }
    return r;
}

void lo_ternlog(struct lower *e, int d, int a, int b, int c, unsigned table)
{
    if (d == b) {
        table = permute_table(table, (const unsigned[3]){1, 0, 2});
        b = a;
    } else if (d == c) {
        table = permute_table(table, (const unsigned[3]){2, 1, 0});
        c = a;
    } else {
        vmov(e, d, a);
    }
    x64_vrrri(e->b, X64_VPTERNLOGD, 0, d, b, c, (int)table);
}

void lo_pcmp(struct lower *e, unsigned op, unsigned size, int d, int a, int c)
{
    if ((d | a | c) < 16) {
        v3(e, op, d, a, c);
    } else {
        x64_vcmp_k(e->b, (enum x64_vop)op, 0, 1, a, c, 0);
        x64_vpmovm2(e->b, 1 << size, 0, d, 1);
    }
}

/* ---- Logic ---- */

#define LOGIC(name, op)                                                                            \
    void lower_##name(struct lower *e, const struct ir_insn *i)                                    \
    {                                                                                              \
        const int a = lo_v(e, i->a), b = lo_v(e, i->b);                                            \
        v3(e, X64_##op, lo_vdef(e, i), a, b);                                                      \
    }

LOGIC(VAND, VPAND)
LOGIC(VOR, VPOR)
LOGIC(VXOR, VPXOR)

void lower_VANDN(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    v3(e, X64_VPANDN, lo_vdef(e, i), b, a);
}

void lower_VNOT(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), d = lo_vdef(e, i);
    if (e->host->avx512)
        x64_vrrri(e->b, X64_VPTERNLOGD, 0, d, a, a, 0x55);
    else
        v3k(e, X64_VPXOR, d, a, X64_K_ONES);
}

void lower_VORN(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    if (e->host->avx512) {
        lo_ternlog(e, lo_vdef(e, i), a, b, b, 0xf3);
    } else {
        v3k(e, X64_VPXOR, LO_XS0, b, X64_K_ONES);
        v3(e, X64_VPOR, lo_vdef(e, i), LO_XS0, a);
    }
}

void lower_VBSL(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b), c = lo_v(e, i->c);
    if (e->host->avx512) {
        lo_ternlog(e, lo_vdef(e, i), a, b, c, 0xca);
        return;
    }
    v3(e, X64_VPAND, LO_XS0, a, b);
    v3(e, X64_VPANDN, LO_XS1, a, c);
    v3(e, X64_VPOR, lo_vdef(e, i), LO_XS0, LO_XS1);
}

/* ---- Arithmetic ---- */

void lower_VADD(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    v3(e, lo_padd[i->sub], lo_vdef(e, i), a, b);
}

void lower_VSUB(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    v3(e, lo_psub[i->sub], lo_vdef(e, i), a, b);
}

void lower_VNEG(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a);
    vzero(e, LO_XS0);
    v3(e, lo_psub[i->sub], lo_vdef(e, i), LO_XS0, a);
}

void lower_VABS(struct lower *e, const struct ir_insn *i)
{
    static const uint16_t pabs[4] = {X64_VPABSB, X64_VPABSW, X64_VPABSD, X64_VPABSQ};
    const int a = lo_v(e, i->a), d = lo_vdef(e, i);
    if (i->sub < 3 || e->host->avx512) {
        x64_vrr(e->b, (enum x64_vop)pabs[i->sub], 0, d, a);
    } else {
        lo_vsign(e, 3, LO_XS0, a, LO_XS1);
        v3(e, X64_VPXOR, LO_XS1, a, LO_XS0);
        v3(e, X64_VPSUBQ, d, LO_XS1, LO_XS0);
    }
}

void lower_VMIN(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    v3(e, pmin[i->sub2][i->sub], lo_vdef(e, i), a, b);
}

void lower_VMAX(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    v3(e, pmax[i->sub2][i->sub], lo_vdef(e, i), a, b);
}

void lower_VABD(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    v3(e, pmax[i->sub2][i->sub], LO_XS0, a, b);
    v3(e, pmin[i->sub2][i->sub], LO_XS1, a, b);
    v3(e, lo_psub[i->sub], lo_vdef(e, i), LO_XS0, LO_XS1);
}

/* Bytes and half words: all six are the host's rounded average of operands in which some bits are
 * inverted (all: -x - 1; the sign: between signed and unsigned), and so is the result. */
static void half_by_average(struct lower *e, const struct ir_insn *i, int a, int b)
{
    enum { NONE, ALL, SIGN, REST };
    static const uint8_t invert[IR_VHALF_COUNT][3] = {
        [IR_VHALF_UHADD] = {ALL, ALL, ALL},     [IR_VHALF_URHADD] = {NONE, NONE, NONE},
        [IR_VHALF_UHSUB] = {NONE, ALL, SIGN},   [IR_VHALF_SHADD] = {REST, REST, REST},
        [IR_VHALF_SRHADD] = {SIGN, SIGN, SIGN}, [IR_VHALF_SHSUB] = {SIGN, REST, SIGN},
    };
    const unsigned k[4] = {0, X64_K_ONES, lo_k_sign[i->sub], lo_k_abs[i->sub]};
    const uint8_t *how = invert[i->sub2];
    if (how[0])
        v3k(e, X64_VPXOR, LO_XS0, a, k[how[0]]);
    if (how[1])
        v3k(e, X64_VPXOR, LO_XS1, b, k[how[1]]);
    const int d = lo_vdef(e, i);
    v3(e, i->sub ? X64_VPAVGW : X64_VPAVGB, how[2] ? LO_XS0 : d, how[0] ? LO_XS0 : a,
       how[1] ? LO_XS1 : b);
    if (how[2])
        v3k(e, X64_VPXOR, d, LO_XS0, k[how[2]]);
}

/* Words: a + b = 2 (a & b) + (a ^ b) = 2 (a | b) - (a ^ b), a - b = (a ^ b) - 2 (~a & b). */
static void half_by_parts(struct lower *e, const struct ir_insn *i, int a, int b)
{
    const bool is_signed = i->sub2 >= IR_VHALF_SHADD;
    v3(e, X64_VPXOR, LO_XS0, a, b);
    v2i(e, is_signed ? X64_VPSRAD_I : X64_VPSRLD_I, LO_XS0, LO_XS0, 1);
    switch (i->sub2) {
    case IR_VHALF_UHADD:
    case IR_VHALF_SHADD:
        v3(e, X64_VPAND, LO_XS1, a, b);
        v3(e, X64_VPADDD, lo_vdef(e, i), LO_XS0, LO_XS1);
        break;
    case IR_VHALF_URHADD:
    case IR_VHALF_SRHADD:
        v3(e, X64_VPOR, LO_XS1, a, b);
        v3(e, X64_VPSUBD, lo_vdef(e, i), LO_XS1, LO_XS0);
        break;
    default:
        v3(e, X64_VPANDN, LO_XS1, a, b);
        v3(e, X64_VPSUBD, lo_vdef(e, i), LO_XS0, LO_XS1);
        break;
    }
}

void lower_VHALF(struct lower *e, const struct ir_insn *i)
{
    const int a = lo_v(e, i->a), b = lo_v(e, i->b);
    if (i->sub < 2)
        half_by_average(e, i, a, b);
    else
        half_by_parts(e, i, a, b);
}

/* ---- Comparison ---- */

/* AVX-512: into a mask, and from there. */
static void compare_mask(struct lower *e, const struct ir_insn *i, unsigned kind, int a, int b)
{
    static const uint16_t with_sign[4] = {X64_VPCMPB, X64_VPCMPW, X64_VPCMPD, X64_VPCMPQ};
    static const uint16_t no_sign[4] = {X64_VPCMPUB, X64_VPCMPUW, X64_VPCMPUD, X64_VPCMPUQ};
    static const uint16_t test[4] = {X64_VPTESTMB, X64_VPTESTMW, X64_VPTESTMD, X64_VPTESTMQ};
    enum { NOT_LESS = 5, GREATER = 6 };
    switch (kind) {
    case IR_VCMP_TST:
        x64_vcmp_k(e->b, (enum x64_vop)test[i->sub], 0, 1, a, b, 0);
        break;
    case IR_VCMP_GE:
        x64_vcmp_k(e->b, (enum x64_vop)with_sign[i->sub], 0, 1, a, b, NOT_LESS);
        break;
    case IR_VCMP_HI:
        x64_vcmp_k(e->b, (enum x64_vop)no_sign[i->sub], 0, 1, a, b, GREATER);
        break;
    default:
        x64_vcmp_k(e->b, (enum x64_vop)no_sign[i->sub], 0, 1, a, b, NOT_LESS);
        break;
    }
    x64_vpmovm2(e->b, 1 << i->sub, 0, lo_vdef(e, i), 1);
}

/* 64-bit lanes by AVX2: the operands as signed numbers; >= is the inverse of <. */
static void compare_wide(struct lower *e, const struct ir_insn *i, unsigned kind, int a, int b)
{
    if (kind != IR_VCMP_GE) {
        v3k(e, X64_VPXOR, LO_XS0, a, X64_K_SIGN_2D);
        v3k(e, X64_VPXOR, LO_XS1, b, X64_K_SIGN_2D);
        a = LO_XS0;
        b = LO_XS1;
    }
    if (kind == IR_VCMP_HI) {
        v3(e, X64_VPCMPGTQ, lo_vdef(e, i), a, b);
        return;
    }
    v3(e, X64_VPCMPGTQ, LO_XS0, b, a);
    v3k(e, X64_VPXOR, lo_vdef(e, i), LO_XS0, X64_K_ONES);
}

/* GE, HI, HS, TST; with AVX-512 only GE and HS of registers below 16. */
static void compare_derived(struct lower *e, const struct ir_insn *i, unsigned kind, int a, int b)
{
    switch (kind) {
    case IR_VCMP_TST:
        v3(e, X64_VPAND, LO_XS0, a, b);
        vzero(e, LO_XS1);
        v3(e, lo_pcmpeq[i->sub], LO_XS0, LO_XS0, LO_XS1);
        v3k(e, X64_VPXOR, lo_vdef(e, i), LO_XS0, X64_K_ONES);
        break;
    case IR_VCMP_HI: /* not min(a, b) == a */
        v3(e, pmin[0][i->sub], LO_XS0, a, b);
        v3(e, lo_pcmpeq[i->sub], LO_XS0, LO_XS0, a);
        v3k(e, X64_VPXOR, lo_vdef(e, i), LO_XS0, X64_K_ONES);
        break;
    default: /* max(a, b) == a */
        v3(e, pmax[kind == IR_VCMP_GE][i->sub], LO_XS0, a, b);
        lo_pcmp(e, lo_pcmpeq[i->sub], i->sub, lo_vdef(e, i), LO_XS0, a);
        break;
    }
}

void lower_VCMP(struct lower *e, const struct ir_insn *i)
{
    int a = lo_v(e, i->a), b = i->b ? lo_v(e, i->b) : LO_XS2;
    unsigned kind = i->sub2;
    if (!i->b && kind == IR_VCMP_GE) { /* a > -1 */
        vones(e, LO_XS2);
        kind = IR_VCMP_GT;
    } else if (!i->b) {
        vzero(e, LO_XS2);
    }
    if (kind == IR_VCMP_LE || kind == IR_VCMP_LT) {
        const int swap = a;
        a = b;
        b = swap;
        kind = kind == IR_VCMP_LE ? IR_VCMP_GE : IR_VCMP_GT;
    }
    const bool high = (a | b) >= 16;
    if (kind == IR_VCMP_EQ || kind == IR_VCMP_GT)
        lo_pcmp(e, (kind == IR_VCMP_EQ ? lo_pcmpeq : lo_pcmpgt)[i->sub], i->sub, lo_vdef(e, i), a,
                b);
    else if (e->host->avx512 &&
             (high || i->sub == 3 || kind == IR_VCMP_HI || kind == IR_VCMP_TST))
        compare_mask(e, i, kind, a, b);
    else if (i->sub == 3 && kind != IR_VCMP_TST)
        compare_wide(e, i, kind, a, b);
    else
        compare_derived(e, i, kind, a, b);
}
