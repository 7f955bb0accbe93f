/* What the lowerings of integer vectors share: short names for common forms, tables of rows by
 * element size, and pieces of more than one instruction. All work on 128 bits.
 */
#ifndef X64_LOWER_VINT_H
#define X64_LOWER_VINT_H

#include "ir/vint.h"
#include "x64/lower_int.h"

/* Rows of vec_ops.def for elements of 1 << size bytes. */
extern const uint16_t lo_padd[4], lo_psub[4], lo_pcmpeq[4], lo_pcmpgt[4];
/* Constants: the sign bits, and all but those. */
extern const uint8_t lo_k_sign[4], lo_k_abs[4];

static inline void v3(struct lower *e, unsigned op, int d, int a, int c)
{
    x64_vrrr(e->b, (enum x64_vop)op, 0, d, a, c);
}

static inline void v3k(struct lower *e, unsigned op, int d, int a, unsigned k)
{
    x64_vrrm(e->b, (enum x64_vop)op, 0, d, a, lo_k(e, (enum x64_const)k));
}

/* Shifts by an immediate, shuffles. */
static inline void v2i(struct lower *e, unsigned op, int d, int a, unsigned imm)
{
    x64_vrri(e->b, (enum x64_vop)op, 0, d, a, (int)imm);
}

static inline void vmov(struct lower *e, int d, int a)
{
    if (d != a)
        x64_vrr(e->b, X64_VMOVDQA, 0, d, a);
}

static inline void vzero(struct lower *e, int d)
{
    v3(e, X64_VPXOR, d, d, d);
}

/* d: below 16 */
static inline void vones(struct lower *e, int d)
{
    v3(e, X64_VPCMPEQD, d, d, d);
}

/* d := f(a, b, c) of each bit, f as VPTERNLOG's table (bit 4a + 2b + c). AVX-512. d may be one of
 * the operands. */
void lo_ternlog(struct lower *e, int d, int a, int b, int c, unsigned table);

/* d := all ones where a compares so with c; op is of lo_pcmpeq or lo_pcmpgt. Any registers. */
void lo_pcmp(struct lower *e, unsigned op, unsigned size, int d, int a, int c);

/* d := a < 0 ? -1 : 0. tmp: another scratch register. */
void lo_vsign(struct lower *e, unsigned size, int d, int a, int tmp);

/* d := a shifted by n, kind IR_VSHI_SHL, SHR or SAR. d may be a; tmp is neither. */
void lo_vshift(struct lower *e, unsigned kind, unsigned size, int d, int a, unsigned n, int tmp);

/* d := a shifted as IR_VSHV says, how: IR_VSH_*. Uses all scratch registers; d may be one. */
void lo_vshv(struct lower *e, unsigned size, unsigned how, int d, int a, int c);

/* ---- Saturation ---- */

/* Where few lanes saturate, the wrapped result is the usual one, and a piece of code out of line
 * replaces lanes and sets FPSR.QC. By what: */
enum lo_sat {
    LO_SAT_RESULT,   /* the wrapped result has the wrong sign: the limit of the other sign */
    LO_SAT_SOURCE,   /* the limit of the sign of XS2 */
    LO_SAT_POSITIVE, /* 0 where XS2 is negative, else all ones */
    LO_SAT_ONES,
    LO_SAT_ZERO,
};

/* i's result := XS0, and in lanes where the sign bit of XS1 is set what `how` says; then QC. The
 * flags have been given up by lo_clobber(). */
void lo_saturate(struct lower *e, const struct ir_insn *i, unsigned size, enum lo_sat how);

/* FPSR.QC if XS0 is not zero; XS0 is below 16; flags as above. */
void lo_qc_if(struct lower *e, const struct ir_insn *i);

#endif
