/* Lifter: Advanced SIMD moves of lanes and counts of bits (Arm ARM DDI 0487, C4.1.96: AdvSIMD copy,
 * AdvSIMD scalar copy, AdvSIMD permute, AdvSIMD extract, AdvSIMD table lookup; of AdvSIMD
 * two-register miscellaneous REV16, REV32, REV64, CLS, CLZ, CNT, RBIT).
 *
 * Where a 64-bit form takes both registers as one sequence, their lower halves are joined first,
 * and the operation for 128 bits on that register and itself gives the result.
 */
#include "engine/lift/lift_vperm_int.h"

/* ---- Copy: imm5 is the lane number, a one, and as many zeros as log2 of the lane's bytes ---- */

static unsigned imm5_size(unsigned imm5)
{
    return (unsigned)__builtin_ctz(imm5);
}

static unsigned imm5_lane(unsigned imm5)
{
    return imm5 >> (imm5_size(imm5) + 1);
}

static bool dup_element(struct lift *l, unsigned live, unsigned imm5, unsigned rd, unsigned rn)
{
    return lift_putv(l, live, rd, lift_element(l, imm5_size(imm5), rn, imm5_lane(imm5)));
}

/* One lane, with zeros above. */
static bool dup_scalar(struct lift *l, unsigned imm5, unsigned rd, unsigned rn)
{
    const unsigned size = imm5_size(imm5), lane = imm5_lane(imm5);
    if (size == 3 && lane)
        ir_putv(l->b, rd, ir_vec(l->b, IR_VHIGH, 0, ir_getv(l->b, rn), 0, 0, 0));
    else if (lane == 0)
        lift_putv(l, size, rd, ir_getv(l->b, rn));
    else
        dup_element(l, size, imm5, rd, rn);
    return true;
}

static ir_val general(struct lift *l, unsigned size, unsigned rn)
{
    return lift_x(l, rn, size == 3 ? IR_I64 : IR_I32);
}

static bool dup_general(struct lift *l, unsigned live, unsigned imm5, unsigned rd, unsigned rn)
{
    const unsigned size = imm5_size(imm5);
    if (rn == 31) {
        ir_putv(l->b, rd, lift_vconst(l, LIVE_Q, 0));
        return true;
    }
    return lift_putv(l, live, rd, ir_vec(l->b, IR_VDUP, size, general(l, size, rn), 0, 0, 0));
}

static bool to_general(struct lift *l, enum ir_type t, bool is_signed, unsigned imm5, unsigned rd,
                       unsigned rn)
{
    if (rd != 31)
        lift_put(l, rd, ir_emit(l->b, IR_VGET, t, IR_SUB(imm5_size(imm5), is_signed),
                                ir_getv(l->b, rn), 0, 0, imm5_lane(imm5)));
    return true;
}

static bool insert_general(struct lift *l, unsigned imm5, unsigned rd, unsigned rn)
{
    const unsigned size = imm5_size(imm5);
    const ir_val x = general(l, size, rn);
    ir_putv(l->b, rd, ir_vec(l->b, IR_VSET, size, ir_getv(l->b, rd), x, 0, imm5_lane(imm5)));
    return true;
}

static bool insert_element(struct lift *l, unsigned imm5, unsigned imm4, unsigned rd, unsigned rn)
{
    const unsigned size = imm5_size(imm5), from = imm4 >> size;
    ir_putv(l->b, rd, ir_vec(l->b, IR_VINS, size, ir_getv(l->b, rd), ir_getv(l->b, rn), 0,
                             imm5_lane(imm5) | from << 8));
    return true;
}

VLIFTER(DUP_e, dup_element(l, lift_live(f.q), f.imm5, f.rd, f.rn))
VLIFTER(DUP_g, dup_general(l, lift_live(f.q), f.imm5, f.rd, f.rn))
VLIFTER(DUP_es, dup_scalar(l, f.imm5, f.rd, f.rn))
VLIFTER(SMOV_w, to_general(l, IR_I32, true, f.imm5, f.rd, f.rn))
VLIFTER(SMOV_x, to_general(l, IR_I64, true, f.imm5, f.rd, f.rn))
VLIFTER(UMOV_w, to_general(l, IR_I32, false, f.imm5, f.rd, f.rn))
VLIFTER(UMOV_x, to_general(l, IR_I64, false, f.i << 4 | 8, f.rd, f.rn))
VLIFTER(INS_g, insert_general(l, f.imm5, f.rd, f.rn))
VLIFTER(INS_e, insert_element(l, f.imm5, f.imm4, f.rd, f.rn))

/* ---- Permute, extract ---- */

static bool unzip(struct lift *l, unsigned part, const struct a64_f_UZP1_v *f)
{
    ir_val n = ir_getv(l->b, f->rn), m = ir_getv(l->b, f->rm);
    if (!f->q)
        n = m = lift_halves(l, n, m);
    return lift_putv(l, lift_live(f->q), f->rd, lift_vec(l, IR_VUZP, f->size, part, n, m, 0, 0));
}

static bool transpose(struct lift *l, unsigned part, const struct a64_f_UZP1_v *f)
{
    return lift_putv(l, lift_live(f->q), f->rd,
                     lift_vec(l, IR_VTRN, f->size, part, ir_getv(l->b, f->rn),
                              ir_getv(l->b, f->rm), 0, 0));
}

/* Of 64-bit registers both results are halves of one of 128 bits. */
static bool zip(struct lift *l, unsigned part, const struct a64_f_UZP1_v *f)
{
    const ir_val n = ir_getv(l->b, f->rn), m = ir_getv(l->b, f->rm);
    const ir_val v = lift_vec(l, IR_VZIP, f->size, f->q ? part : IR_V_LOW, n, m, 0, 0);
    if (f->q || part == IR_V_LOW)
        return lift_putv(l, lift_live(f->q), f->rd, v);
    ir_putv(l->b, f->rd, ir_vec(l->b, IR_VHIGH, 0, v, 0, 0, 0));
    return true;
}

static bool extract(struct lift *l, const struct a64_f_EXT_v *f)
{
    ir_val n = ir_getv(l->b, f->rn), m = ir_getv(l->b, f->rm);
    if (f->q && f->imm4 == 0)
        return lift_putv(l, LIVE_Q, f->rd, n);
    if (!f->q)
        n = m = lift_halves(l, n, m);
    return lift_putv(l, lift_live(f->q), f->rd, ir_vec(l->b, IR_VEXT, 0, n, m, 0, f->imm4));
}

VLIFTER(UZP1_v, unzip(l, IR_V_LOW, &f))
VLIFTER(EXT_v, extract(l, &f))

#define PERMUTE(name, fn, part)                                                                    \
    VLIFTER(name, fn(l, part, &(const struct a64_f_UZP1_v){.q = f.q, .size = f.size, .rm = f.rm,   \
                                                           .rn = f.rn, .rd = f.rd}))
PERMUTE(UZP2_v, unzip, IR_V_HIGH)
PERMUTE(TRN1_v, transpose, IR_V_LOW)
PERMUTE(TRN2_v, transpose, IR_V_HIGH)
PERMUTE(ZIP1_v, zip, IR_V_LOW)
PERMUTE(ZIP2_v, zip, IR_V_HIGH)

/* ---- Table lookup ---- */

/* Table of len + 1 registers from Vn on, V0 after V31; zero for numbers beyond it. */
static ir_val look_up(struct lift *l, const struct a64_f_TBL_v *f)
{
    struct ir_block *b = l->b;
    const ir_val index = ir_getv(b, f->rm);
    ir_val r = 0;
    for (unsigned i = 0; i <= f->len; i += 2) {
        const ir_val low = ir_getv(b, (f->rn + i) % 32);
        const ir_val high = i < f->len ? ir_getv(b, (f->rn + i + 1) % 32) : 0;
        const ir_val part = ir_vec(b, IR_VTBL, 0, index, low, high, 16 * (int64_t)i);
        r = r ? ir_vec(b, IR_VOR, 0, r, part, 0, 0) : part;
    }
    return r;
}

/* Vd's bytes stay where the number is beyond the table. */
static bool look_up_extend(struct lift *l, const struct a64_f_TBL_v *f)
{
    struct ir_block *b = l->b;
    const uint64_t count = 16 * (f->len + 1);
    const ir_val r = look_up(l, f);
    const ir_val limit = lift_vconst(l, LIVE_Q, count * UINT64_C(0x0101010101010101));
    const ir_val there = lift_vec(l, IR_VCMP, 0, IR_VCMP_HI, limit, ir_getv(b, f->rm), 0, 0);
    return lift_putv(l, lift_live(f->q), f->rd,
                     ir_vec(b, IR_VBSL, 0, there, r, ir_getv(b, f->rd), 0));
}

VLIFTER(TBL_v, lift_putv(l, lift_live(f.q), f.rd, look_up(l, &f)))
VLIFTER(TBX_v, look_up_extend(l, &(const struct a64_f_TBL_v){.q = f.q, .rm = f.rm, .len = f.len,
                                                             .rn = f.rn, .rd = f.rd}))

/* ---- Two registers, miscellaneous ---- */

static bool unary(struct lift *l, enum ir_op op, unsigned sub2, bool q, unsigned size, unsigned rd,
                  unsigned rn)
{
    return lift_putv(l, lift_live(q), rd, lift_vec(l, op, size, sub2, ir_getv(l->b, rn), 0, 0, 0));
}

/* Leading bits equal to the sign, without it: leading zeros of what has its sign removed. */
static bool leading_signs(struct lift *l, bool q, unsigned size, unsigned rd, unsigned rn)
{
    static const uint64_t one[] = {UINT64_C(0x0101010101010101), UINT64_C(0x0001000100010001),
                                   UINT64_C(0x0000000100000001)};
    struct ir_block *b = l->b;
    const ir_val n = ir_getv(b, rn);
    const ir_val sign = lift_vec(l, IR_VSHI, size, IR_VSHI_SAR, n, 0, 0, (8 << size) - 1);
    const ir_val zeros = ir_vec(b, IR_VCLZ, size, ir_vec(b, IR_VXOR, 0, n, sign, 0, 0), 0, 0, 0);
    return lift_putv(l, lift_live(q), rd,
                     ir_vec(b, IR_VSUB, size, zeros, lift_vconst(l, LIVE_Q, one[size]), 0, 0));
}

VLIFTER(REV64_v, unary(l, IR_VREV, 3, f.q, f.size, f.rd, f.rn))
VLIFTER(REV32_v, unary(l, IR_VREV, 2, f.q, f.z, f.rd, f.rn))
VLIFTER(REV16_v, unary(l, IR_VREV, 1, f.q, 0, f.rd, f.rn))
VLIFTER(CNT_v, unary(l, IR_VCNT, 0, f.q, 0, f.rd, f.rn))
VLIFTER(RBIT_v, unary(l, IR_VRBIT, 0, f.q, 0, f.rd, f.rn))
VLIFTER(CLZ_v, unary(l, IR_VCLZ, 0, f.q, f.size, f.rd, f.rn))
VLIFTER(CLS_v, leading_signs(l, f.q, f.size, f.rd, f.rn))
