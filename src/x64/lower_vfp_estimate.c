/* Reciprocal estimates (Arm ARM DDI 0487, J1: FPRecipEstimate, FPRSqrtEstimate): FRECPE, FRSQRTE.
 *
 * The architecture gives all bits of the result: 8 of the fraction, which depend on as many of the
 * operand's (and for the root on the low bit of its exponent), by tables in consts.def, through the
 * general registers. The exponent is arithmetic on all lanes. Operands that are not normal, and
 * results that would not be, are left to the interpreter; no flag is raised for the others.
 */
#include "x64/lower_vfp_int.h"

#include "base/check.h"

/* XS0 = the exponents of the results, and signs, in place. */
static void exponents(struct lower *e, struct fp_form f, bool root, int x)
{
    const bool d = f.size == 3;
    const enum x64_vop sub = d ? X64_VPSUBQ : X64_VPSUBD;
    const int shift = d ? 52 : 23;
    struct x64_buf *b = e->b;
    if (!root) {
        x64_vrrm(b, X64_VPAND, 0, LO_XS0, x, FP_K(e, f, SIGN_EXP));
        x64_vrm(b, X64_VMOVDQA, 0, LO_XS1, FP_K(e, f, RECIP_BASE));
        x64_vrrr(b, sub, 0, LO_XS0, LO_XS1, LO_XS0);
        return;
    }
    x64_vrri(b, d ? X64_VPSRLQ_I : X64_VPSRLD_I, 0, LO_XS0, x, shift);
    x64_vrm(b, X64_VMOVDQA, 0, LO_XS1, FP_K(e, f, RSQRT_BASE));
    x64_vrrr(b, sub, 0, LO_XS0, LO_XS1, LO_XS0);
    x64_vrri(b, d ? X64_VPSRLQ_I : X64_VPSRLD_I, 0, LO_XS0, LO_XS0, 1);
    x64_vrri(b, d ? X64_VPSLLQ_I : X64_VPSLLD_I, 0, LO_XS0, LO_XS0, shift);
}

/* XS1 = the bytes of the table for the lanes of x. Changes RAX, EFLAGS. */
static void look_up(struct lower *e, struct fp_form f, bool root, int x)
{
    struct x64_mem table = lo_k(e, root ? X64_K_RSQRT_0 : X64_K_RECIP_0);
    const int bytes = 1 << f.size, wide = f.size == 3;
    const int live = f.shape == IR_FP_SCALAR ? bytes : f.shape == IR_FP_V8 ? 8 : 16;
    table.index = RAX;
    for (int lane = 0; lane < live / bytes; lane++) {
        if (lane == 0)
            x64_vmov_rx(e->b, wide, RAX, x);
        else
            x64_vpextr(e->b, bytes, RAX, x, lane);
        x64_shift_ri(e->b, X64_SHR, wide, RAX, wide ? 44 : 15);
        x64_alu_ri(e->b, X64_AND, 0, RAX, root ? 0x1ff : 0xff);
        x64_load(e->b, 1, false, 0, RAX, table);
        if (lane == 0)
            x64_vmov_xr(e->b, 0, LO_XS1, RAX);
        else
            x64_vpinsr(e->b, bytes, LO_XS1, LO_XS1, RAX, lane);
    }
}

void lower_FESTIMATE(struct lower *e, const struct ir_insn *i)
{
    struct fp_form f = fp_form(i);
    const bool d = f.size == 3, root = i->sub2 & IR_FP_ROOT;
    const enum x64_vop sub = d ? X64_VPSUBQ : X64_VPSUBD;
    struct x64_buf *b = e->b;
    int x = lo_v(e, i->a);
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    /* As integers, magnitudes of too small numbers become negative, and those of a root's negative
     * operand negative or too large. */
    if (root) {
        x64_vrrm(b, sub, 0, LO_XS0, x, FP_K(e, f, MIN_NORMAL));
    } else {
        x64_vrrm(b, X64_VPAND, 0, LO_XS0, x, FP_K(e, f, ABS));
        x64_vrrm(b, sub, 0, LO_XS0, LO_XS0, FP_K(e, f, MIN_NORMAL));
    }
    x64_vrrm(b, d ? X64_VPCMPGTQ : X64_VPCMPGTD, 0, LO_XS1, LO_XS0,
             root ? FP_K(e, f, RSQRT_TOP) : FP_K(e, f, RECIP_TOP));
    x64_vrrr(b, X64_VPOR, 0, LO_XS1, LO_XS1, LO_XS0);
    x64_vrm(b, X64_VPTEST, 0, LO_XS1, fp_sign_k(e, f));
    uint8_t *rare = x64_jcc_fwd(b, X64_NE);
    exponents(e, f, root, x);
    look_up(e, f, root, x);
    x64_vrri(b, d ? X64_VPSLLQ_I : X64_VPSLLD_I, 0, LO_XS1, LO_XS1, d ? 44 : 15);
    x64_vrrr(b, X64_VPOR, 0, LO_XS0, LO_XS0, LO_XS1);
    fp_finish(e, f, dst, LO_XS0, false);
    lo_cold_interp(e, rare, i, dst, true);
}
