/* Lifters of integer addition and subtraction: PC-relative addressing, add/subtract (immediate,
 * shifted register, extended register, with carry), conditional compare (Arm ARM DDI 0487, C4.1.86,
 * C4.1.89). The flag manipulation of FEAT_FlagM is left to the interpreter.
 */
#include "engine/lift/lift_gpr_int.h"

/* ---- PC-relative addressing ---- */

static bool put_pc(struct lift *l, unsigned rd, int64_t from_page)
{
    if (rd != 31)
        lift_put(l, rd, ir_emit(l->b, IR_PC, IR_I64, 0, 0, 0, 0, from_page));
    return true;
}

LIFTER(ADR, put_pc(l, f.rd, l->off + sign_extend(f.immhi << 2 | f.immlo, 21)))
LIFTER(ADRP, put_pc(l, f.rd, sign_extend(f.immhi << 2 | f.immlo, 21) * 4096))

/* ---- Add/subtract ---- */

static ir_val add_sub(struct lift *l, enum ir_type t, ir_val x, ir_val y, bool sub, bool setflags)
{
    enum ir_op op = sub ? IR_SUB : IR_ADD;
    return setflags ? ir_bin_setf(l->b, op, t, x, y) : ir_bin(l->b, op, t, x, y);
}

/* The forms that set flags write XZR for Rd = 31, the others SP. */
static bool add_sub_imm(struct lift *l, struct a64_f_ADD_i f, bool sub, bool setflags)
{
    const enum ir_type t = lift_sf(f.sf);
    const uint64_t imm = (uint64_t)f.imm12 << (f.sh ? 12 : 0), delta = sub ? 0 - imm : imm;
    ir_val x = lift_xsp(l, f.rn, t);
    if (setflags) {
        lift_put(l, f.rd, add_sub(l, t, x, ir_const(l->b, t, imm), sub, true));
        return true;
    }
    ir_val r = ir_bini(l->b, IR_ADD, t, x, delta);
    lift_put_sp(l, f.rd, r);
    if (f.sf && f.rd == 31)
        lift_sp_moved(l, x, r, delta);
    return true;
}

static bool add_sub_shifted(struct lift *l, struct a64_f_ADD_s f, bool sub, bool setflags)
{
    static const uint16_t shifts[] = {IR_SHL, IR_SHR, IR_SAR};
    const enum ir_type t = lift_sf(f.sf);
    ir_val x = lift_x(l, f.rn, t);
    ir_val y = ir_bini(l->b, (enum ir_op)shifts[f.shift], t, lift_x(l, f.rm, t), f.imm6);
    lift_put(l, f.rd, add_sub(l, t, x, y, sub, setflags));
    return true;
}

/* option<1:0> is the width of the part taken, option<2> the sign; all of a W register is taken by
 * the forms of 32 bits and more. */
static bool add_sub_extended(struct lift *l, struct a64_f_ADD_x f, bool sub, bool setflags)
{
    const enum ir_type t = lift_sf(f.sf);
    ir_val x = lift_xsp(l, f.rn, t), y = lift_x(l, f.rm, t);
    if ((f.option & 3) < (f.sf ? 3 : 2))
        y = ir_ext(l->b, f.option & 4 ? IR_SEXT : IR_UEXT, t, f.option & 3, y);
    y = ir_bini(l->b, IR_SHL, t, y, f.imm3);
    ir_val r = add_sub(l, t, x, y, sub, setflags);
    if (setflags)
        lift_put(l, f.rd, r);
    else
        lift_put_sp(l, f.rd, r);
    return true;
}

#define ADD_SUB(name, sub, setflags)                                                               \
    LIFTER(name##_i, add_sub_imm(l, f, sub, setflags))                                             \
    LIFTER(name##_s, add_sub_shifted(l, f, sub, setflags))                                         \
    LIFTER(name##_x, add_sub_extended(l, f, sub, setflags))
ADD_SUB(ADD, false, false)
ADD_SUB(ADDS, false, true)
ADD_SUB(SUB, true, false)
ADD_SUB(SUBS, true, true)

static bool add_sub_carry(struct lift *l, struct a64_f_ADC f, enum ir_op op, bool setflags)
{
    const enum ir_type t = lift_sf(f.sf);
    ir_val x = lift_x(l, f.rn, t), y = lift_x(l, f.rm, t);
    ir_val r = setflags ? ir_bin_setf(l->b, op, t, x, y) : ir_emit(l->b, op, t, 0, x, y, 0, 0);
    lift_put(l, f.rd, r);
    return true;
}

LIFTER(ADC, add_sub_carry(l, f, IR_ADC, false))
LIFTER(ADCS, add_sub_carry(l, f, IR_ADC, true))
LIFTER(SBC, add_sub_carry(l, f, IR_SBC, false))
LIFTER(SBCS, add_sub_carry(l, f, IR_SBC, true))

/* ---- Conditional compare ---- */

static bool cond_compare(struct lift *l, bool sf, unsigned cond, unsigned rn, ir_val y, bool add,
                         unsigned nzcv)
{
    const enum ir_type t = lift_sf(sf);
    ir_val x = lift_x(l, rn, t);
    if (cond >= 14) { /* AL and NV */
        ir_bin_setf(l->b, add ? IR_ADD : IR_SUB, t, x, y);
        return true;
    }
    ir_emit(l->b, IR_CCMP, t, IR_SUB(cond, add), x, y, 0, nzcv);
    return true;
}

LIFTER(CCMN_r, cond_compare(l, f.sf, f.cond, f.rn, lift_x(l, f.rm, lift_sf(f.sf)), true, f.nzcv))
LIFTER(CCMP_r, cond_compare(l, f.sf, f.cond, f.rn, lift_x(l, f.rm, lift_sf(f.sf)), false, f.nzcv))
LIFTER(CCMN_i,
       cond_compare(l, f.sf, f.cond, f.rn, ir_const(l->b, lift_sf(f.sf), f.imm5), true, f.nzcv))
LIFTER(CCMP_i,
       cond_compare(l, f.sf, f.cond, f.rn, ir_const(l->b, lift_sf(f.sf), f.imm5), false, f.nzcv))
