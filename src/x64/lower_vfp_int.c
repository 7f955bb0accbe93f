/* Conversions between floating point and integers (Arm ARM DDI 0487, J1: FPToFixed, FixedToFP).
 *
 * To integers: x86 gives one certain integer for NaNs and whatever does not fit, and raises Invalid
 * only, as Arm does. For scalars rounded toward zero that result, right or not, is replaced out of
 * line (programs find out so whether a number is an integer); else it is left to the interpreter.
 * Other roundings are made first, without Inexact, so that a value that does not fit raises Invalid
 * alone; converting the unrounded value once more, its result not used, then raises Inexact.
 * Scaling by a power of two is exact: values that it might overflow are out of range in any case,
 * and gone before.
 *
 * Without AVX-512 there are signed conversions of scalars and of singles only: unsigned ones check
 * the range first (of the 64-bit range, the lower half; the upper half is the interpreter's),
 * doubles go by the general registers.
 *
 * From integers there is one rounding, and scaling down cannot be tiny.
 */
#include "x64/lower_vfp_int.h"

#include "base/check.h"

/* ---- Powers of two ---- */

void fp_load_power(struct lower *e, struct fp_form f, int x, int power)
{
    uint64_t bits = f.size == 3 ? (uint64_t)(1023 + power) << 52 : (uint64_t)(127 + power) << 23;
    x64_mov_ri(e->b, RAX, bits);
    x64_vmov_xr(e->b, f.size == 3, x, RAX);
    if (f.shape != IR_FP_SCALAR)
        x64_vrr(e->b, f.size == 3 ? X64_VPBROADCASTQ : X64_VPBROADCASTD, 0, x, x);
}

/* ---- To integers: scalars ---- */

#define MAX_RARE 6
struct to_int {
    struct fp_form f;
    bool is_unsigned;
    enum ir_fp_round round;
    int fbits;
    int w; /* 64-bit integers */
    uint8_t *rare[MAX_RARE];
    unsigned rare_count;
};

static struct to_int to_int_of(const struct ir_insn *i, int w)
{
    return (struct to_int){
        .f = {IR_FP_CVT_LOG2(i->sub), (enum ir_fp_shape)IR_FP_CVT_SHAPE(i->sub)},
        .is_unsigned = IR_FP_CVT_UNSIGNED(i->sub),
        .round = (enum ir_fp_round)IR_FP_CVT_ROUND(i->sub),
        .fbits = i->sub2,
        .w = w,
    };
}

static void rare_at(struct to_int *c, uint8_t *point)
{
    CHECK(c->rare_count < MAX_RARE);
    c->rare[c->rare_count++] = point;
}

static void rare_end(struct lower *e, const struct to_int *c, const struct ir_insn *i, int dst,
                     bool vector)
{
    for (unsigned k = 0; k < c->rare_count; k++)
        lo_cold_interp(e, c->rare[k], i, dst, vector);
}

/* Signed conversions with the range checked first. */
static bool by_range(const struct lower *e, const struct to_int *c)
{
    return c->is_unsigned && !e->host->avx512;
}

/* From the operand *x what is to be converted: *x scaled, *u rounded as well unless that is toward
 * zero anyway. Both may be the operand; else *x is XMM0, *u XMM1. */
static void prepare(struct lower *e, struct to_int *c, int *x, int *u)
{
    if (c->fbits) {
        x64_vrrm(e->b, X64_VANDPS, 0, LO_XS1, *x, FP_K(e, c->f, ABS));
        x64_vrrmi(e->b, fp_packed(c->f, X64_VCMPPS, X64_VCMPPD), 0, LO_XS1, LO_XS1,
                  FP_K(e, c->f, P63), CMP_NLT_UQ);
        rare_at(c, fp_check_any(e, LO_XS1));
        fp_load_power(e, c->f, LO_XS1, c->fbits);
        x64_vrrr(e->b, fp_packed(c->f, X64_VMULPS, X64_VMULPD), 0, LO_XS0, *x, LO_XS1);
        *x = LO_XS0;
    }
    *u = *x;
    if (c->round == IR_FP_TOZERO && !by_range(e, c))
        return;
    *u = LO_XS1;
    if (c->round == IR_FP_AWAY)
        fp_round_away(e, c->f, *u, *x, LO_XS2);
    else
        fp_round(e, c->f, *u, *x, fp_round_imm(c->round));
}

/* r = u truncated; rare if it does not fit, or might not. */
static void convert_scalar(struct lower *e, struct to_int *c, int r, int u)
{
    struct x64_buf *b = e->b;
    bool d = c->f.size == 3;
    enum x64_vop compare = d ? X64_VUCOMISD : X64_VUCOMISS;
    if (!c->is_unsigned) {
        x64_vcvt_rx(b, d ? X64_VCVTTSD2SI : X64_VCVTTSS2SI, c->w, r, u);
        x64_alu_ri(b, X64_CMP, c->w, r, 1); /* overflows for the least integer only */
        rare_at(c, x64_jcc_fwd(b, X64_O));
    } else if (!by_range(e, c)) {
        x64_vcvt_rx(b, d ? X64_VCVTTSD2USI : X64_VCVTTSS2USI, c->w, r, u);
        x64_alu_ri(b, X64_CMP, c->w, r, -1);
        rare_at(c, x64_jcc_fwd(b, X64_E));
    } else {
        x64_vrm(b, compare, 0, u, lo_k(e, X64_K_ZERO));
        rare_at(c, x64_jcc_fwd(b, X64_B)); /* less, or unordered */
        x64_vrm(b, compare, 0, u, c->w ? FP_K(e, c->f, P63) : FP_K(e, c->f, P32));
        rare_at(c, x64_jcc_fwd(b, X64_AE));
        x64_vcvt_rx(b, d ? X64_VCVTTSD2SI : X64_VCVTTSS2SI, 1, r, u);
    }
}

/* Raises Inexact if x, which fits, is not integral. Changes RCX. */
static void raise_scalar(struct lower *e, const struct to_int *c, int x)
{
    bool d = c->f.size == 3;
    if (c->is_unsigned && !by_range(e, c))
        x64_vcvt_rx(e->b, d ? X64_VCVTTSD2USI : X64_VCVTTSS2USI, c->w, RCX, x);
    else
        x64_vcvt_rx(e->b, d ? X64_VCVTTSD2SI : X64_VCVTTSS2SI, c->w || c->is_unsigned, RCX, x);
}

/* r[0] = destination, r[1] = operand: it does not fit, and has raised Invalid, or just does. */
static void cold_saturate(struct lower *e, const struct lo_cold *c)
{
    const struct ir_insn *i = c->insn;
    const bool d = IR_FP_CVT_LOG2(i->sub) == 3, w = i->type == IR_I64;
    struct x64_buf *b = e->b;
    x64_vrr(b, d ? X64_VUCOMISD : X64_VUCOMISS, 0, c->r[1], c->r[1]);
    uint8_t *nan = x64_jcc_fwd8(b, X64_P);
    x64_vmov_rx(b, d, RCX, c->r[1]);
    x64_test_rr(b, d, RCX, RCX);
    uint8_t *done, *greatest = NULL;
    if (IR_FP_CVT_UNSIGNED(i->sub)) {
        x64_mov_ri(b, RAX, w ? UINT64_MAX : UINT32_MAX);
        done = x64_jcc_fwd8(b, X64_NS);
    } else {
        x64_mov_ri(b, RAX, w ? (uint64_t)INT64_MIN : 1u << 31);
        done = x64_jcc_fwd8(b, X64_S);
        x64_mov_ri(b, RAX, w ? INT64_MAX : INT32_MAX);
        greatest = x64_jmp_fwd8(b);
    }
    x64_patch(b, nan);
    x64_mov_ri(b, RAX, 0);
    if (greatest)
        x64_patch(b, greatest);
    x64_patch(b, done);
    x64_mov_rr(b, w, c->r[0], RAX);
    x64_jmp(b, c->resume);
}

void lower_FTOI(struct lower *e, const struct ir_insn *i)
{
    struct to_int c = to_int_of(i, i->type == IR_I64);
    bool packed = c.fbits || c.round == IR_FP_AWAY;
    int x = packed ? fp_clean(e, i->a, c.f, LO_XS0) : lo_v(e, i->a), u;
    lo_clobber(e);
    int dst = lo_rdef(e, i);
    prepare(e, &c, &x, &u);
    convert_scalar(e, &c, RAX, u);
    if (u != x)
        raise_scalar(e, &c, x);
    x64_mov_rr(e->b, c.w, dst, RAX);
    if (u == x && !by_range(e, &c)) {
        struct lo_cold *cold = lo_cold(e, c.rare[--c.rare_count], i, cold_saturate);
        cold->r[0] = (int8_t)dst;
        cold->r[1] = (int8_t)x;
    }
    rare_end(e, &c, i, dst, false);
}

/* ECX = 1 if the doubles a and c are the same bits (0 and -0 are not), else 0. Changes a. */
static void same_double(struct lower *e, int a, int c)
{
    x64_vrrr(e->b, X64_VPXOR, 0, a, a, c);
    x64_vmov_rx(e->b, 1, RCX, a);
    x64_test_rr(e->b, 1, RCX, RCX);
    x64_setcc(e->b, X64_E, RCX);
    x64_ext_rr(e->b, 1, false, 0, RCX, RCX);
}

/* NZCV = Z alone, if ECX is 1, or nothing into area->nzcv. C of memory is inverted. */
static void store_z(struct lower *e)
{
    x64_shift_ri(e->b, X64_SHL, 0, RCX, 14);
    x64_alu_ri(e->b, X64_OR, 0, RCX, 0x100);
    x64_store(e->b, 2, lo_area(e, nzcv), RCX);
}

/* EAX = x modulo 2^32 for a double of 2^63 or more: the fraction moved up, no bit of which is then
 * below 2^11; 0 if infinite or a NaN. */
static void huge_modulo(struct lower *e, int x)
{
    struct x64_buf *b = e->b;
    x64_vmov_rx(b, 1, RAX, x);
    x64_mov_rr(b, 1, RCX, RAX);
    x64_shift_ri(b, X64_SHR, 1, RCX, 52);
    x64_alu_ri(b, X64_AND, 0, RCX, 0x7ff);
    x64_alu_ri(b, X64_SUB, 0, RCX, 1023 + 52);
    x64_shlx(b, 0, RAX, RAX, RCX);
    x64_alu_ri(b, X64_CMP, 0, RCX, 32);
    uint8_t *some = x64_jcc_fwd8(b, X64_B);
    x64_mov_ri(b, RAX, 0);
    x64_patch(b, some);
    x64_vmov_rx(b, 1, RCX, x);
    x64_test_rr(b, 1, RCX, RCX);
    uint8_t *positive = x64_jcc_fwd8(b, X64_NS);
    x64_neg(b, 0, RAX);
    x64_patch(b, positive);
}

/* r[0] = destination, r[1] = operand: it is -2^31 truncated, or does not fit, and then Invalid has
 * been raised already. */
static void cold_modulo(struct lower *e, const struct lo_cold *c)
{
    const struct fp_form f = {3, IR_FP_SCALAR};
    struct x64_buf *b = e->b;
    fp_round(e, f, LO_XS0, c->r[1], ROUND_TOZERO);
    x64_vcvt_rx(b, X64_VCVTTSD2SI, 1, RAX, LO_XS0);
    x64_alu_ri(b, X64_CMP, 1, RAX, 1);
    uint8_t *not_huge = x64_jcc_fwd8(b, X64_NO);
    huge_modulo(e, c->r[1]);
    x64_mov_ri(b, RCX, 0);
    uint8_t *done = x64_jmp_fwd8(b);
    x64_patch(b, not_huge);
    x64_mov_ri(b, RCX, 0);
    x64_alu_ri(b, X64_CMP, 1, RAX, INT32_MIN);
    uint8_t *does_not_fit = x64_jcc_fwd8(b, X64_NE);
    same_double(e, LO_XS0, c->r[1]);
    x64_patch(b, does_not_fit);
    x64_patch(b, done);
    if (c->insn->setf)
        store_z(e);
    x64_mov_rr(b, 0, c->r[0], RAX);
    x64_jmp(b, c->resume);
}

void lower_FTOJ(struct lower *e, const struct ir_insn *i)
{
    int x = lo_v(e, i->a);
    lo_clobber(e);
    int dst = lo_rdef(e, i);
    x64_vcvt_rx(e->b, X64_VCVTTSD2SI, 0, RAX, x);
    x64_alu_ri(e->b, X64_CMP, 0, RAX, 1);
    uint8_t *rare = x64_jcc_fwd(e->b, X64_O);
    if (i->setf) {
        x64_vrrr(e->b, X64_VXORPS, 0, LO_XS0, LO_XS0, LO_XS0);
        x64_vcvt_xr(e->b, X64_VCVTSI2SD, 0, LO_XS0, LO_XS0, RAX);
        same_double(e, LO_XS0, x);
        store_z(e);
        lo_flags_set(e, LO_F_MEM);
    }
    x64_mov_rr(e->b, 0, dst, RAX);
    struct lo_cold *c = lo_cold(e, rare, i, cold_modulo);
    c->r[0] = (int8_t)dst;
    c->r[1] = (int8_t)x;
}

/* ---- To integers: vectors ---- */

/* XMM2 = lanes of u, by `op`; then Inexact of x. XMM1: scratch, or u. */
static void convert_packed(struct lower *e, struct to_int *c, enum x64_vop op, int x, int u)
{
    struct x64_buf *b = e->b;
    bool d = c->f.size == 3;
    if (by_range(e, c)) {
        x64_vrrmi(b, X64_VCMPPS, 0, LO_XS2, u, lo_k(e, X64_K_ZERO), CMP_NGE_UQ);
        rare_at(c, fp_check_any(e, LO_XS2));
        x64_vrrmi(b, X64_VCMPPS, 0, LO_XS2, u, lo_k(e, X64_K_P31_S), CMP_NLT_UQ);
        rare_at(c, fp_check_any(e, LO_XS2));
        x64_vrr(b, op, 0, LO_XS2, u);
    } else {
        struct x64_mem limit = c->is_unsigned ? lo_k(e, X64_K_ONES) : FP_K(e, c->f, SIGN);
        x64_vrr(b, op, 0, LO_XS2, u);
        x64_vrrm(b, d ? X64_VPCMPEQQ : X64_VPCMPEQD, 0, LO_XS1, LO_XS2, limit);
        rare_at(c, fp_check_any(e, LO_XS1));
    }
    if (u != x)
        x64_vrr(b, op, 0, LO_XS1, x);
}

/* Two doubles by the general registers; result in XMM2. */
static void convert_pair(struct lower *e, struct to_int *c, int x, int u)
{
    struct x64_buf *b = e->b;
    convert_scalar(e, c, RAX, u);
    x64_vrrr(b, X64_VUNPCKHPD, 0, LO_XS2, u, u);
    convert_scalar(e, c, RCX, LO_XS2);
    x64_vmov_xr(b, 1, LO_XS2, RAX);
    x64_vpinsr(b, 8, LO_XS2, LO_XS2, RCX, 1);
    if (u == x)
        return;
    raise_scalar(e, c, x);
    x64_vrrr(b, X64_VUNPCKHPD, 0, LO_XS1, x, x);
    raise_scalar(e, c, LO_XS1);
}

void lower_VFTOI(struct lower *e, const struct ir_insn *i)
{
    struct to_int c = to_int_of(i, IR_FP_CVT_LOG2(i->sub) == 3);
    struct fp_form f = c.f;
    bool d = f.size == 3, wide = e->host->avx512;
    int x = fp_clean(e, i->a, f, LO_XS0), u;
    lo_clobber(e);
    int dst = lo_vdef(e, i);
    if (f.shape == IR_FP_SCALAR)
        c.f.shape = IR_FP_V8; /* packed, with zeros above */
    prepare(e, &c, &x, &u);
    if (d && !wide && f.shape == IR_FP_V16) {
        convert_pair(e, &c, x, u);
    } else if (d && !wide) {
        convert_scalar(e, &c, RAX, u);
        if (u != x)
            raise_scalar(e, &c, x);
        x64_vmov_xr(e->b, 1, LO_XS2, RAX);
    } else if (d) {
        convert_packed(e, &c, c.is_unsigned ? X64_VCVTTPD2UQQ : X64_VCVTTPD2QQ, x, u);
    } else {
        convert_packed(e, &c, c.is_unsigned && wide ? X64_VCVTTPS2UDQ : X64_VCVTTPS2DQ, x, u);
    }
    fp_finish(e, f, dst, LO_XS2, true);
    rare_end(e, &c, i, dst, true);
}

/* ---- From integers ---- */

/* x = RAX, an unsigned 64-bit integer; zeros above. Changes RCX, EFLAGS. The upper half of the
 * range is halved, the bit that drops out kept as a sticky one. */
static void from_u64(struct lower *e, struct fp_form f, int x)
{
    struct x64_buf *b = e->b;
    enum x64_vop op = f.size == 3 ? X64_VCVTSI2SD : X64_VCVTSI2SS;
    x64_vrrr(b, X64_VXORPS, 0, x, x, x);
    x64_test_rr(b, 1, RAX, RAX);
    uint8_t *large = x64_jcc_fwd8(b, X64_S);
    x64_vcvt_xr(b, op, 1, x, x, RAX);
    uint8_t *done = x64_jmp_fwd8(b);
    x64_patch(b, large);
    x64_mov_rr(b, 0, RCX, RAX);
    x64_shift_ri(b, X64_SHR, 1, RAX, 1);
    x64_alu_ri(b, X64_AND, 0, RCX, 1);
    x64_alu_rr(b, X64_OR, 1, RAX, RCX);
    x64_vcvt_xr(b, op, 1, x, x, RAX);
    x64_vrrr(b, f.size == 3 ? X64_VADDSD : X64_VADDSS, 0, x, x, x);
    x64_patch(b, done);
}

/* x *= 2^-fbits in the live lanes. */
static void scale_down(struct lower *e, struct fp_form f, int x, int s, int64_t fbits)
{
    if (!fbits)
        return;
    fp_load_power(e, f, s, -(int)fbits);
    x64_vrrr(e->b, fp_packed(f, X64_VMULPS, X64_VMULPD), 0, x, x, s);
}

void lower_ITOF(struct lower *e, const struct ir_insn *i)
{
    const struct fp_form f = {IR_FP_CVT_LOG2(i->sub), IR_FP_SCALAR};
    int w = e->ir->insn[i->a].type == IR_I64;
    bool d = f.size == 3, is_unsigned = IR_FP_CVT_UNSIGNED(i->sub);
    enum x64_vop op = d ? X64_VCVTSI2SD : X64_VCVTSI2SS;
    if (is_unsigned && w && !e->host->avx512) {
        lo_clobber(e);
        lo_mov(e, 1, RAX, i->a);
        from_u64(e, f, LO_XS0);
    } else {
        x64_vrrr(e->b, X64_VXORPS, 0, LO_XS0, LO_XS0, LO_XS0);
        if (is_unsigned && w) {
            op = d ? X64_VCVTUSI2SD : X64_VCVTUSI2SS;
            x64_vcvt_xr(e->b, op, 1, LO_XS0, LO_XS0, lo_r(e, i->a));
        } else if (is_unsigned) {
            lo_mov(e, 0, RAX, i->a);
            x64_vcvt_xr(e->b, op, 1, LO_XS0, LO_XS0, RAX);
        } else {
            x64_vcvt_xr(e->b, op, w, LO_XS0, LO_XS0, lo_r(e, i->a));
        }
    }
    scale_down(e, f, LO_XS0, LO_XS1, i->imm);
    fp_finish(e, f, lo_vdef(e, i), LO_XS0, true);
}

/* XMM0 = unsigned words x: each half is exact, their sum is rounded once. */
static void from_u32_lanes(struct lower *e, int x)
{
    struct x64_buf *b = e->b;
    x64_vrri(b, X64_VPSRLD_I, 0, LO_XS1, x, 16);
    x64_vrr(b, X64_VCVTDQ2PS, 0, LO_XS1, LO_XS1);
    x64_vrrm(b, X64_VMULPS, 0, LO_XS1, LO_XS1, lo_k(e, X64_K_P16_S));
    x64_vrri(b, X64_VPSLLD_I, 0, LO_XS0, x, 16);
    x64_vrri(b, X64_VPSRLD_I, 0, LO_XS0, LO_XS0, 16);
    x64_vrr(b, X64_VCVTDQ2PS, 0, LO_XS0, LO_XS0);
    x64_vrrr(b, X64_VADDPS, 0, LO_XS0, LO_XS0, LO_XS1);
}

/* XMM0 = 64-bit integers x, by the general registers. */
static void from_64_lanes(struct lower *e, struct fp_form f, bool is_unsigned, int x)
{
    unsigned lanes = f.shape == IR_FP_V16 ? 2 : 1;
    if (is_unsigned)
        lo_clobber(e);
    for (unsigned k = 0; k < lanes; k++) {
        int to = k ? LO_XS1 : LO_XS2;
        x64_vpextr(e->b, 8, RAX, x, (int)k);
        if (is_unsigned) {
            from_u64(e, f, to);
        } else {
            x64_vrrr(e->b, X64_VXORPS, 0, to, to, to);
            x64_vcvt_xr(e->b, X64_VCVTSI2SD, 1, to, to, RAX);
        }
    }
    if (lanes == 2)
        x64_vrrr(e->b, X64_VUNPCKLPD, 0, LO_XS0, LO_XS2, LO_XS1);
    else
        x64_vrr(e->b, X64_VMOVAPS, 0, LO_XS0, LO_XS2);
}

void lower_VITOF(struct lower *e, const struct ir_insn *i)
{
    const struct fp_form f = {IR_FP_CVT_LOG2(i->sub), (enum ir_fp_shape)IR_FP_CVT_SHAPE(i->sub)};
    bool is_unsigned = IR_FP_CVT_UNSIGNED(i->sub), wide = e->host->avx512;
    int x = fp_clean(e, i->a, f, LO_XS0);
    if (f.size == 3 && !wide)
        from_64_lanes(e, f, is_unsigned, x);
    else if (f.size == 3)
        x64_vrr(e->b, is_unsigned ? X64_VCVTUQQ2PD : X64_VCVTQQ2PD, 0, LO_XS0, x);
    else if (!is_unsigned)
        x64_vrr(e->b, X64_VCVTDQ2PS, 0, LO_XS0, x);
    else if (wide)
        x64_vrr(e->b, X64_VCVTUDQ2PS, 0, LO_XS0, x);
    else
        from_u32_lanes(e, x);
    scale_down(e, f, LO_XS0, LO_XS1, i->imm);
    fp_finish(e, f, lo_vdef(e, i), LO_XS0, true);
}
