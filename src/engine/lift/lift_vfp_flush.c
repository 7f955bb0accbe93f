/* FPCR.FZ (Arm ARM DDI 0487, A1.5.4 and J1: FPUnpack, FPRound): operands that are denormal count as
 * zeros and set FPSR.IDC, results that would be become zeros and set FPSR.UFC.
 *
 * Results: MXCSR.FTZ does the same, but with MXCSR.PE; so the mode LIFT_FPFLUSH is only for when
 * FPSR.IXC is set already, as it is after the first few operations of a program. Operands are
 * looked at before each operation, unless they come from one; a denormal one leaves the block for
 * the interpreter. Halves do not obey FZ.
 */
#include "engine/lift/lift_vfp_int.h"

/* Is v known to be made by an operation on elements of this size, whose results are flushed? */
static bool is_flushed(const struct lift *l, unsigned size, ir_val v)
{
    const struct ir_insn *i = &l->b->insn[v];
    switch (i->op) {
    case IR_FADD:
    case IR_FSUB:
    case IR_FMUL:
    case IR_FDIV:
    case IR_FMA:
    case IR_FSQRT:
    case IR_FRECPS:
    case IR_FRSQRTS:
    case IR_FRINT:
    case IR_FRINTA:
    case IR_FWIDEN:
        return i->sub == size;
    default:
        return false;
    }
}

void fp_check_operand(struct lift *l, unsigned size, unsigned shape, ir_val v)
{
    if (l->mode & LIFT_FPFLUSH && v && !is_flushed(l, size, v))
        ir_emit(l->b, IR_FCHK, IR_VOID, IR_SUB(size, shape), v, 0, 0, 0);
}

void fp_check_operands(struct lift *l, enum ir_op op, unsigned sub, unsigned sub2,
                       const ir_val v[3])
{
    const unsigned shape = sub2 & IR_FP_SHAPE, whole = shape == IR_FP_SCALAR ? shape : IR_FP_V16;
    switch (op) {
    case IR_FADD:
    case IR_FSUB:
    case IR_FMUL:
    case IR_FDIV:
    case IR_FMA:
    case IR_FSQRT:
        if (sub2 & IR_FP_RAW)
            return;
        break;
    case IR_FMIN:
    case IR_FMAX:
        if (sub == 1)
            return;
        break;
    case IR_FREDUCE:
        fp_check_operand(l, sub, IR_FP_V16, v[0]);
        return;
    case IR_FCMP:
        for (unsigned k = 0; k < 2; k++)
            fp_check_operand(l, sub, IR_FP_SCALAR, v[k]);
        return;
    case IR_FWIDEN:
        if (sub == 3)
            fp_check_operand(l, 2, whole, v[0]);
        return;
    case IR_FNARROW:
        fp_check_operand(l, sub + 1, whole, v[0]);
        return;
    case IR_VFTOI:
        fp_check_operand(l, IR_FP_CVT_LOG2(sub), IR_FP_CVT_SHAPE(sub), v[0]);
        return;
    case IR_FRECPS:
    case IR_FRSQRTS:
    case IR_FCMPV:
    case IR_FRINT:
    case IR_FRINTA:
    case IR_FRINTW:
        break;
    default:
        return;
    }
    for (unsigned k = 0; k < 3; k++)
        fp_check_operand(l, sub, shape, v[k]);
}
