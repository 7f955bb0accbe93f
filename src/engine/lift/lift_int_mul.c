/* Lifters of integer multiplication, division and CRC32 (Arm ARM DDI 0487, C4.1.89: data-processing
 * with 2 and 3 sources). */
#include "engine/lift/lift_gpr_int.h"

/* ---- Multiply-add ---- */

/* Ra + or - product. */
static bool accumulate(struct lift *l, enum ir_type t, unsigned rd, unsigned ra, ir_val product,
                       bool sub)
{
    lift_put(l, rd, ir_bin(l->b, sub ? IR_SUB : IR_ADD, t, lift_x(l, ra, t), product));
    return true;
}

static bool multiply(struct lift *l, struct a64_f_MADD f, bool sub)
{
    const enum ir_type t = lift_sf(f.sf);
    ir_val x = lift_x(l, f.rn, t), y = lift_x(l, f.rm, t);
    return accumulate(l, t, f.rd, f.ra, ir_bin(l->b, IR_MUL, t, x, y), sub);
}

LIFTER(MADD, multiply(l, f, false))
LIFTER(MSUB, multiply(l, f, true))

static bool multiply_long(struct lift *l, struct a64_f_SMADDL f, bool is_signed, bool sub)
{
    const enum ir_op extend = is_signed ? IR_SEXT : IR_UEXT;
    ir_val x = ir_ext(l->b, extend, IR_I64, 2, lift_x(l, f.rn, IR_I64));
    ir_val y = ir_ext(l->b, extend, IR_I64, 2, lift_x(l, f.rm, IR_I64));
    return accumulate(l, IR_I64, f.rd, f.ra, ir_bin(l->b, IR_MUL, IR_I64, x, y), sub);
}

LIFTER(SMADDL, multiply_long(l, f, true, false))
LIFTER(SMSUBL, multiply_long(l, f, true, true))
LIFTER(UMADDL, multiply_long(l, f, false, false))
LIFTER(UMSUBL, multiply_long(l, f, false, true))

/* Rd := x op y. */
static bool binary(struct lift *l, enum ir_op op, enum ir_type t, unsigned rd, unsigned rn,
                   unsigned rm)
{
    ir_val x = lift_x(l, rn, t), y = lift_x(l, rm, t);
    lift_put(l, rd, ir_bin(l->b, op, t, x, y));
    return true;
}

LIFTER(SMULH, binary(l, IR_SMULH, IR_I64, f.rd, f.rn, f.rm))
LIFTER(UMULH, binary(l, IR_UMULH, IR_I64, f.rd, f.rn, f.rm))
LIFTER(UDIV, binary(l, IR_UDIV, lift_sf(f.sf), f.rd, f.rn, f.rm))
LIFTER(SDIV, binary(l, IR_SDIV, lift_sf(f.sf), f.rd, f.rn, f.rm))
LIFTER(LSLV, binary(l, IR_SHL, lift_sf(f.sf), f.rd, f.rn, f.rm))
LIFTER(LSRV, binary(l, IR_SHR, lift_sf(f.sf), f.rd, f.rn, f.rm))
LIFTER(ASRV, binary(l, IR_SAR, lift_sf(f.sf), f.rd, f.rn, f.rm))
LIFTER(RORV, binary(l, IR_ROR, lift_sf(f.sf), f.rd, f.rn, f.rm))

/* ---- CRC32 ---- */

static bool crc32(struct lift *l, struct a64_f_CRC32B f, enum ir_op op, unsigned log2)
{
    ir_val acc = lift_x(l, f.rn, IR_I32), data = lift_x(l, f.rm, IR_I64);
    lift_put(l, f.rd, ir_emit(l->b, op, IR_I32, log2, acc, data, 0, 0));
    return true;
}

LIFTER(CRC32B, crc32(l, f, IR_CRC32, 0))
LIFTER(CRC32H, crc32(l, f, IR_CRC32, 1))
LIFTER(CRC32W, crc32(l, f, IR_CRC32, 2))
LIFTER(CRC32X, crc32(l, f, IR_CRC32, 3))
LIFTER(CRC32CB, crc32(l, f, IR_CRC32C, 0))
LIFTER(CRC32CH, crc32(l, f, IR_CRC32C, 1))
LIFTER(CRC32CW, crc32(l, f, IR_CRC32C, 2))
LIFTER(CRC32CX, crc32(l, f, IR_CRC32C, 3))
