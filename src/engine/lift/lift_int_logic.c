/* Lifters of integer logic: logical (immediate, shifted register), move wide, bitfield, extract,
 * bit and byte reversal, counting, conditional select (Arm ARM DDI 0487, C4.1.86, C4.1.89).
 *
 * Bitfield moves are taken apart by their aliases (C6.2, SBFM and UBFM): each has a sequence of one
 * or two operations that fits it better than rotating and masking.
 */
#include "engine/lift/lift_gpr_int.h"

#include "a64/bitmask.h"
#include "base/check.h"

/* ---- Logical ---- */

/* x & imm: the masks of whole bytes are zero-extensions. */
static ir_val and_imm(struct lift *l, enum ir_type t, ir_val x, uint64_t imm)
{
    for (unsigned log2 = 0; log2 < 3; log2++)
        if (imm == MASK(8u << log2))
            return ir_ext(l->b, IR_UEXT, t, log2, x);
    return ir_bini(l->b, IR_AND, t, x, imm);
}

static bool logical_imm(struct lift *l, struct a64_f_AND_i f, enum ir_op op, bool setflags)
{
    const enum ir_type t = lift_sf(f.sf);
    uint64_t imm, tmask;
    CHECK(a64_decode_bit_masks(f.n, f.imms, f.immr, true, &imm, &tmask));
    imm = f.sf ? imm : (uint32_t)imm;
    ir_val x = lift_x(l, f.rn, t);
    if (setflags) {
        lift_put(l, f.rd, ir_bin_setf(l->b, op, t, x, ir_const(l->b, t, imm)));
        return true;
    }
    ir_val r = op == IR_AND ? and_imm(l, t, x, imm) : ir_bini(l->b, op, t, x, imm);
    lift_put_sp(l, f.rd, r);
    if (f.rd == 31 && f.sf && op == IR_AND && (imm & 15) == 0)
        l->sp_checked = r;
    return true;
}

LIFTER(AND_i, logical_imm(l, f, IR_AND, false))
LIFTER(ORR_i, logical_imm(l, f, IR_OR, false))
LIFTER(EOR_i, logical_imm(l, f, IR_XOR, false))
LIFTER(ANDS_i, logical_imm(l, f, IR_AND, true))

/* Rn and the shifted Rm. */
static void shifted_operands(struct lift *l, struct a64_f_AND_s f, ir_val *x, ir_val *y)
{
    static const uint16_t shifts[] = {IR_SHL, IR_SHR, IR_SAR, IR_ROR};
    const enum ir_type t = lift_sf(f.sf);
    *x = lift_x(l, f.rn, t);
    *y = ir_bini(l->b, (enum ir_op)shifts[f.shift], t, lift_x(l, f.rm, t), f.imm6);
}

static bool logical_shifted(struct lift *l, struct a64_f_AND_s f, enum ir_op op, bool setflags)
{
    const enum ir_type t = lift_sf(f.sf);
    ir_val x, y;
    shifted_operands(l, f, &x, &y);
    lift_put(l, f.rd, setflags ? ir_bin_setf(l->b, op, t, x, y) : ir_bin(l->b, op, t, x, y));
    return true;
}

/* ORN and EON. */
static bool logical_not(struct lift *l, struct a64_f_AND_s f, enum ir_op op)
{
    const enum ir_type t = lift_sf(f.sf);
    ir_val x, y;
    shifted_operands(l, f, &x, &y);
    y = ir_un(l->b, IR_NOT, t, y);
    lift_put(l, f.rd, ir_bin(l->b, op, t, x, y));
    return true;
}

LIFTER(AND_s, logical_shifted(l, f, IR_AND, false))
LIFTER(BIC_s, logical_shifted(l, f, IR_ANDN, false))
LIFTER(ORR_s, logical_shifted(l, f, IR_OR, false))
LIFTER(ORN_s, logical_not(l, f, IR_OR))
LIFTER(EOR_s, logical_shifted(l, f, IR_XOR, false))
LIFTER(EON_s, logical_not(l, f, IR_XOR))
LIFTER(ANDS_s, logical_shifted(l, f, IR_AND, true))
LIFTER(BICS_s, logical_shifted(l, f, IR_ANDN, true))

/* ---- Move wide ---- */

static bool put_const(struct lift *l, unsigned rd, bool sf, uint64_t value)
{
    lift_put(l, rd, ir_const(l->b, IR_I64, sf ? value : (uint32_t)value));
    return true;
}

LIFTER(MOVN, put_const(l, f.rd, f.sf, ~((uint64_t)f.imm16 << (16 * f.hw))))
LIFTER(MOVZ, put_const(l, f.rd, f.sf, (uint64_t)f.imm16 << (16 * f.hw)))

/* A field of Rd replaced. */
static ir_val insert(struct lift *l, enum ir_type t, ir_val x, unsigned lsb, unsigned width,
                     ir_val field)
{
    return ir_emit(l->b, IR_BFI, t, IR_SUB(lsb, width), x, field, 0, 0);
}

bool lift_MOVK(struct lift *l, uint32_t word)
{
    const struct a64_f_MOVK f = a64_get_MOVK(word);
    const enum ir_type t = lift_sf(f.sf);
    const unsigned lsb = 16 * f.hw;
    uint64_t old;
    if (f.rd == 31)
        return true;
    ir_val x = ir_get(l->b, f.rd, t);
    if (ir_is_const(l->b, x, &old))
        return put_const(l, f.rd, f.sf, bits_set(old, lsb + 15, lsb, f.imm16));
    lift_put(l, f.rd, insert(l, t, x, lsb, 16, ir_const(l->b, t, f.imm16)));
    return true;
}

/* ---- Bitfield ---- */

/* Bits [width - 1 : 0] of x extended to t, then shifted left by `lsb`. */
static ir_val field_to(struct lift *l, bool is_signed, enum ir_type t, ir_val x, unsigned width,
                       unsigned lsb)
{
    const unsigned n = t == IR_I64 ? 64 : 32;
    if (width + lsb == n)
        return ir_bini(l->b, IR_SHL, t, x, lsb);
    if (width == 8 || width == 16 || width == 32) {
        x = ir_ext(l->b, is_signed ? IR_SEXT : IR_UEXT, t, width == 8 ? 0 : width == 16 ? 1 : 2, x);
        return ir_bini(l->b, IR_SHL, t, x, lsb);
    }
    if (!is_signed && width < 32)
        return ir_bini(l->b, IR_SHL, t, ir_bini(l->b, IR_AND, t, x, MASK(width)), lsb);
    x = ir_bini(l->b, IR_SHL, t, x, n - width);
    return ir_bini(l->b, is_signed ? IR_SAR : IR_SHR, t, x, n - width - lsb);
}

/* Bits [lsb + width - 1 : lsb] of x extended to t. */
static ir_val field_from(struct lift *l, bool is_signed, enum ir_type t, ir_val x, unsigned width,
                         unsigned lsb)
{
    const unsigned n = t == IR_I64 ? 64 : 32;
    const enum ir_op right = is_signed ? IR_SAR : IR_SHR;
    if (width + lsb == n)
        return ir_bini(l->b, right, t, x, lsb);
    if (lsb == 0 || width == 8 || width == 16 || width == 32 || (!is_signed && width < 32))
        return field_to(l, is_signed, t, ir_bini(l->b, IR_SHR, t, x, lsb), width, 0);
    x = ir_bini(l->b, IR_SHL, t, x, n - width - lsb);
    return ir_bini(l->b, right, t, x, n - width);
}

/* SBFM, UBFM: imms >= immr takes a field to the bottom, else the bottom bits go up. */
static bool bitfield(struct lift *l, struct a64_f_SBFM f, bool is_signed)
{
    const enum ir_type t = lift_sf(f.sf);
    const unsigned n = f.sf ? 64 : 32;
    ir_val x = lift_x(l, f.rn, t), r;
    if (f.imms >= f.immr)
        r = field_from(l, is_signed, t, x, f.imms - f.immr + 1, f.immr);
    else
        r = field_to(l, is_signed, t, x, f.imms + 1, n - f.immr);
    lift_put(l, f.rd, r);
    return true;
}

LIFTER(SBFM, bitfield(l, f, true))
LIFTER(UBFM, bitfield(l, f, false))

bool lift_BFM(struct lift *l, uint32_t word)
{
    const struct a64_f_BFM f = a64_get_BFM(word);
    const enum ir_type t = lift_sf(f.sf);
    const unsigned n = f.sf ? 64 : 32;
    const bool down = f.imms >= f.immr;
    const unsigned lsb = down ? 0 : n - f.immr;
    const unsigned width = down ? f.imms - f.immr + 1 : f.imms + 1;
    ir_val x = lift_x(l, f.rn, t), r;
    if (width == n)
        r = x;
    else if (f.rn == 31) /* BFC */
        r = ir_bini(l->b, IR_AND, t, lift_x(l, f.rd, t), ~(MASK(width) << lsb) & MASK(n));
    else
        r = insert(l, t, lift_x(l, f.rd, t), lsb, width,
                   down ? ir_bini(l->b, IR_SHR, t, x, f.immr) : x);
    lift_put(l, f.rd, r);
    return true;
}

bool lift_EXTR(struct lift *l, uint32_t word)
{
    const struct a64_f_EXTR f = a64_get_EXTR(word);
    const enum ir_type t = lift_sf(f.sf);
    ir_val hi = lift_x(l, f.rn, t), lo = lift_x(l, f.rm, t);
    if (f.imms && f.rn == f.rm)
        lo = ir_bini(l->b, IR_ROR, t, lo, f.imms);
    else if (f.imms)
        lo = ir_emit(l->b, IR_EXTR, t, 0, hi, lo, 0, f.imms);
    lift_put(l, f.rd, lo);
    return true;
}

/* ---- Reversing and counting ---- */

static bool unary(struct lift *l, enum ir_op op, enum ir_type t, unsigned rd, unsigned rn)
{
    lift_put(l, rd, ir_un(l->b, op, t, lift_x(l, rn, t)));
    return true;
}

LIFTER(RBIT, unary(l, IR_RBIT, lift_sf(f.sf), f.rd, f.rn))
LIFTER(REV16, unary(l, IR_REV16, lift_sf(f.sf), f.rd, f.rn))
LIFTER(REV_w, unary(l, IR_BSWAP, IR_I32, f.rd, f.rn))
LIFTER(REV_x, unary(l, IR_BSWAP, IR_I64, f.rd, f.rn))
LIFTER(CLZ, unary(l, IR_CLZ, lift_sf(f.sf), f.rd, f.rn))

bool lift_REV32(struct lift *l, uint32_t word)
{
    const struct a64_f_REV32 f = a64_get_REV32(word);
    ir_val r = ir_un(l->b, IR_BSWAP, IR_I64, lift_x(l, f.rn, IR_I64));
    lift_put(l, f.rd, ir_bini(l->b, IR_ROR, IR_I64, r, 32));
    return true;
}

/* Copies of the sign bit below it: x ^ (x >> 1) has zeros there, and one more on top. */
bool lift_CLS(struct lift *l, uint32_t word)
{
    const struct a64_f_CLS f = a64_get_CLS(word);
    const enum ir_type t = lift_sf(f.sf);
    ir_val x = lift_x(l, f.rn, t);
    x = ir_bin(l->b, IR_XOR, t, x, ir_bini(l->b, IR_SAR, t, x, 1));
    x = ir_un(l->b, IR_CLZ, t, x);
    lift_put(l, f.rd, ir_bini(l->b, IR_SUB, t, x, 1));
    return true;
}

/* ---- Conditional select ---- */

/* Rm, inverted, incremented or both (negated, in a way that needs no host flags). */
static ir_val otherwise(struct lift *l, enum ir_type t, ir_val y, bool invert, bool increment)
{
    if (invert)
        y = ir_un(l->b, IR_NOT, t, y);
    return increment ? ir_bini(l->b, IR_ADD, t, y, 1) : y;
}

static bool cond_select(struct lift *l, struct a64_f_CSEL f, bool invert, bool increment)
{
    const enum ir_type t = lift_sf(f.sf);
    ir_val x = lift_x(l, f.rn, t), y;
    if (f.cond >= 14) { /* AL and NV */
        lift_put(l, f.rd, x);
        return true;
    }
    if (f.rn == 31 && f.rm == 31 && invert && !increment) {
        /* CSETM: 1 - 1 or 0 - 1; ir_csel() knows CSET */
        y = ir_emit(l->b, IR_CSET, t, f.cond, 0, 0, 0, 0);
        y = ir_bini(l->b, IR_ADD, t, y, UINT64_MAX);
    } else {
        y = otherwise(l, t, lift_x(l, f.rm, t), invert, increment);
        y = ir_csel(l->b, t, f.cond, x, y);
    }
    lift_put(l, f.rd, y);
    return true;
}

LIFTER(CSEL, cond_select(l, f, false, false))
LIFTER(CSINC, cond_select(l, f, false, true))
LIFTER(CSINV, cond_select(l, f, true, false))
LIFTER(CSNEG, cond_select(l, f, true, true))
