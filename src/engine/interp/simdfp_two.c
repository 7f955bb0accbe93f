/* Advanced SIMD floating point with two registers: sign, root, rounding, estimates, comparison with
 * zero, conversion to and from integer and fixed-point, between precisions, across lanes (Arm ARM
 * DDI 0487, C4.1, "Advanced SIMD two-register miscellaneous", its FP16 and scalar classes,
 * "across lanes", "scalar pairwise", "shift by immediate", "modified immediate"; C7.2).
 *
 * As in simdfp_three.c an instruction is one operation on lanes and up to four handlers: _v vector
 * of single and double, _vh of half precision, _ss and _ssh their scalar forms.
 */
#include "engine/interp/fp_lanes_int.h"
#include "interp_table.h"

/* ---- Operations on lanes ---- */

typedef uint64_t lane_op(struct fp_env *env, unsigned esize, uint64_t op);

static uint64_t lane_abs(struct fp_env *env, unsigned esize, uint64_t op)
{
    (void)env;
    return fp_abs(esize, op);
}

static uint64_t lane_neg(struct fp_env *env, unsigned esize, uint64_t op)
{
    (void)env;
    return fp_neg(esize, op);
}

/* Rounding to integral, with a rounding of its own or FPCR's; X forms raise Inexact. */
#define LANE_RINT(name, rounding, exact)                                                           \
    static uint64_t lane_##name(struct fp_env *env, unsigned esize, uint64_t op)                   \
    {                                                                                              \
        return fp_round_int(env, esize, op, rounding, exact);                                      \
    }
LANE_RINT(rintn, FP_TIEEVEN, false)
LANE_RINT(rintp, FP_POSINF, false)
LANE_RINT(rintm, FP_NEGINF, false)
LANE_RINT(rintz, FP_ZERO, false)
LANE_RINT(rinta, FP_TIEAWAY, false)
LANE_RINT(rintx, fp_rounding_mode(env->fpcr), true)
LANE_RINT(rinti, fp_rounding_mode(env->fpcr), false)

#define LANE_RINT_N(name, rounding, intsize)                                                       \
    static uint64_t lane_##name(struct fp_env *env, unsigned esize, uint64_t op)                   \
    {                                                                                              \
        return fp_round_int_n(env, esize, op, rounding, intsize);                                  \
    }
LANE_RINT_N(rint32z, FP_ZERO, 32)
LANE_RINT_N(rint32x, fp_rounding_mode(env->fpcr), 32)
LANE_RINT_N(rint64z, FP_ZERO, 64)
LANE_RINT_N(rint64x, fp_rounding_mode(env->fpcr), 64)

/* Conversion to an integer of the same size. */
#define LANE_TO_INT(name, is_unsigned, rounding)                                                   \
    static uint64_t lane_##name(struct fp_env *env, unsigned esize, uint64_t op)                   \
    {                                                                                              \
        return fp_to_fixed(env, esize, op, esize, 0, is_unsigned, rounding);                       \
    }
LANE_TO_INT(cvtns, false, FP_TIEEVEN)
LANE_TO_INT(cvtnu, true, FP_TIEEVEN)
LANE_TO_INT(cvtas, false, FP_TIEAWAY)
LANE_TO_INT(cvtau, true, FP_TIEAWAY)
LANE_TO_INT(cvtps, false, FP_POSINF)
LANE_TO_INT(cvtpu, true, FP_POSINF)
LANE_TO_INT(cvtms, false, FP_NEGINF)
LANE_TO_INT(cvtmu, true, FP_NEGINF)
LANE_TO_INT(cvtzs, false, FP_ZERO)
LANE_TO_INT(cvtzu, true, FP_ZERO)

static uint64_t lane_scvtf(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_from_fixed(env, esize, op, esize, 0, false, fp_rounding_mode(env->fpcr));
}

static uint64_t lane_ucvtf(struct fp_env *env, unsigned esize, uint64_t op)
{
    return fp_from_fixed(env, esize, op, esize, 0, true, fp_rounding_mode(env->fpcr));
}

/* Comparison with zero: all ones if true. */
#define LANE_COMPARE(name, comparison)                                                             \
    static uint64_t lane_##name(struct fp_env *env, unsigned esize, uint64_t op)                   \
    {                                                                                              \
        return comparison ? MASK(esize) : 0;                                                       \
    }
LANE_COMPARE(cmeqz, fp_compare_eq(env, esize, op, 0))
LANE_COMPARE(cmgez, fp_compare_ge(env, esize, op, 0))
LANE_COMPARE(cmgtz, fp_compare_gt(env, esize, op, 0))
LANE_COMPARE(cmlez, fp_compare_ge(env, esize, 0, op))
LANE_COMPARE(cmltz, fp_compare_gt(env, esize, 0, op))

/* ---- Two-register miscellaneous ---- */

static enum xr two(struct a64_cpu *cpu, unsigned lanes, unsigned esize, unsigned rd, unsigned rn,
                   lane_op *fn)
{
    const union a64_vreg *n = &cpu->v[rn];
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < lanes; e++)
        fp_lane_set(&r, esize, e, fn(&cpu->fp, esize, fp_lane(n, esize, e)));
    cpu->v[rd] = r;
    return XR_NEXT;
}

#define TWO_V(NAME, fn)                                                                            \
    enum xr interp_##NAME##_v(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FABS_v f = a64_get_##NAME##_v(word);                                    \
        unsigned esize = fp_esize(f.sz);                                                           \
        return two(cpu, fp_lane_count(f.q, esize), esize, f.rd, f.rn, fn);                         \
    }
#define TWO_VECTOR(NAME, fn)                                                                       \
    TWO_V(NAME, fn)                                                                                \
    enum xr interp_##NAME##_vh(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FABS_vh f = a64_get_##NAME##_vh(word);                                  \
        return two(cpu, fp_lane_count(f.q, 16), 16, f.rd, f.rn, fn);                               \
    }
#define TWO_SCALAR(NAME, fn)                                                                       \
    enum xr interp_##NAME##_ss(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FRECPX_ss f = a64_get_##NAME##_ss(word);                                \
        return two(cpu, 1, fp_esize(f.sz), f.rd, f.rn, fn);                                        \
    }                                                                                              \
    enum xr interp_##NAME##_ssh(struct a64_cpu *cpu, uint32_t word)                                \
    {                                                                                              \
        const struct a64_f_FRECPX_ssh f = a64_get_##NAME##_ssh(word);                              \
        return two(cpu, 1, 16, f.rd, f.rn, fn);                                                    \
    }
#define TWO_BOTH(NAME, fn)                                                                         \
    TWO_VECTOR(NAME, fn)                                                                           \
    TWO_SCALAR(NAME, fn)

TWO_VECTOR(FABS, lane_abs)
TWO_VECTOR(FNEG, lane_neg)
TWO_VECTOR(FSQRT, fp_sqrt)
TWO_VECTOR(FRINTN, lane_rintn)
TWO_VECTOR(FRINTM, lane_rintm)
TWO_VECTOR(FRINTP, lane_rintp)
TWO_VECTOR(FRINTZ, lane_rintz)
TWO_VECTOR(FRINTA, lane_rinta)
TWO_VECTOR(FRINTX, lane_rintx)
TWO_VECTOR(FRINTI, lane_rinti)
TWO_V(FRINT32Z, lane_rint32z)
TWO_V(FRINT32X, lane_rint32x)
TWO_V(FRINT64Z, lane_rint64z)
TWO_V(FRINT64X, lane_rint64x)

TWO_BOTH(FCMEQZ, lane_cmeqz)
TWO_BOTH(FCMGEZ, lane_cmgez)
TWO_BOTH(FCMGTZ, lane_cmgtz)
TWO_BOTH(FCMLEZ, lane_cmlez)
TWO_BOTH(FCMLTZ, lane_cmltz)

TWO_BOTH(FCVTNS, lane_cvtns)
TWO_BOTH(FCVTNU, lane_cvtnu)
TWO_BOTH(FCVTAS, lane_cvtas)
TWO_BOTH(FCVTAU, lane_cvtau)
TWO_BOTH(FCVTPS, lane_cvtps)
TWO_BOTH(FCVTPU, lane_cvtpu)
TWO_BOTH(FCVTMS, lane_cvtms)
TWO_BOTH(FCVTMU, lane_cvtmu)
TWO_BOTH(FCVTZS, lane_cvtzs)
TWO_BOTH(FCVTZU, lane_cvtzu)
TWO_BOTH(SCVTF, lane_scvtf)
TWO_BOTH(UCVTF, lane_ucvtf)

TWO_BOTH(FRECPE, fp_recip_estimate)
TWO_BOTH(FRSQRTE, fp_rsqrt_estimate)
TWO_SCALAR(FRECPX, fp_recpx)

static uint64_t lane_urecpe(struct fp_env *env, unsigned esize, uint64_t op)
{
    (void)env;
    (void)esize;
    return fp_unsigned_recip_estimate((uint32_t)op);
}

static uint64_t lane_ursqrte(struct fp_env *env, unsigned esize, uint64_t op)
{
    (void)env;
    (void)esize;
    return fp_unsigned_rsqrt_estimate((uint32_t)op);
}

enum xr interp_URECPE_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_URECPE_v f = a64_get_URECPE_v(word);
    return two(cpu, fp_lane_count(f.q, 32), 32, f.rd, f.rn, lane_urecpe);
}

enum xr interp_URSQRTE_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_URSQRTE_v f = a64_get_URSQRTE_v(word);
    return two(cpu, fp_lane_count(f.q, 32), 32, f.rd, f.rn, lane_ursqrte);
}

/* ---- Between precisions: a 64-bit half (q: the upper one) and a 128-bit vector ---- */

/* The low half of the destination becomes zero above it; the upper half keeps the lower. */
static void set_half(union a64_vreg *d, uint32_t q, uint64_t value)
{
    d->d[q] = value;
    if (!q)
        d->d[1] = 0;
}

static enum xr narrow(struct a64_cpu *cpu, unsigned to, uint32_t q, unsigned rd, unsigned rn,
                      enum fp_rounding rounding)
{
    const union a64_vreg n = cpu->v[rn];
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < 64 / to; e++)
        fp_lane_set(&r, to, e,
                    fp_convert(&cpu->fp, to, 2 * to, fp_lane(&n, 2 * to, e), rounding));
    set_half(&cpu->v[rd], q, r.d[0]);
    return XR_NEXT;
}

enum xr interp_FCVTN_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCVTN_v f = a64_get_FCVTN_v(word);
    return narrow(cpu, f.sz ? 32 : 16, f.q, f.rd, f.rn, fp_rounding_mode(cpu->fp.fpcr));
}

enum xr interp_FCVTXN_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCVTXN_v f = a64_get_FCVTXN_v(word);
    return narrow(cpu, 32, f.q, f.rd, f.rn, FP_ODD);
}

enum xr interp_FCVTXN_ss(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCVTXN_ss f = a64_get_FCVTXN_ss(word);
    fp_scalar_set(cpu, f.rd, 32, fp_convert(&cpu->fp, 32, 64, cpu->v[f.rn].d[0], FP_ODD));
    return XR_NEXT;
}

enum xr interp_FCVTL_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCVTL_v f = a64_get_FCVTL_v(word);
    unsigned from = f.sz ? 32 : 16, lanes = 64 / from;
    const union a64_vreg n = cpu->v[f.rn];
    for (unsigned e = 0; e < lanes; e++) {
        uint64_t op = fp_lane(&n, from, f.q * lanes + e);
        fp_lane_set(&cpu->v[f.rd], 2 * from, e,
                    fp_convert(&cpu->fp, 2 * from, from, op, fp_rounding_mode(cpu->fp.fpcr)));
    }
    return XR_NEXT;
}

enum xr interp_BFCVTN(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_BFCVTN f = a64_get_BFCVTN(word);
    const union a64_vreg n = cpu->v[f.rn];
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < 4; e++)
        r.h[e] = fp_convert_bf(&cpu->fp, n.s[e], fp_rounding_mode(cpu->fp.fpcr));
    set_half(&cpu->v[f.rd], f.q, r.d[0]);
    return XR_NEXT;
}

/* ---- Scalar pairwise, across lanes: Reduce() ---- */

typedef uint64_t reduce_op(struct fp_env *env, unsigned esize, uint64_t op1, uint64_t op2);

/* The lower half of the lanes with the upper half, each reduced first. */
static uint64_t reduce(struct fp_env *env, unsigned esize, const union a64_vreg *v, unsigned first,
                       unsigned lanes, reduce_op *fn)
{
    if (lanes == 1)
        return fp_lane(v, esize, first);
    uint64_t lo = reduce(env, esize, v, first, lanes / 2, fn);
    uint64_t hi = reduce(env, esize, v, first + lanes / 2, lanes / 2, fn);
    return fn(env, esize, lo, hi);
}

static enum xr across(struct a64_cpu *cpu, unsigned lanes, unsigned esize, unsigned rd, unsigned rn,
                      reduce_op *fn)
{
    fp_scalar_set(cpu, rd, esize, reduce(&cpu->fp, esize, &cpu->v[rn], 0, lanes, fn));
    return XR_NEXT;
}

#define PAIRWISE_SCALAR(NAME, fn)                                                                  \
    enum xr interp_##NAME##_ss(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FADDP_ss f = a64_get_##NAME##_ss(word);                                 \
        return across(cpu, 2, fp_esize(f.sz), f.rd, f.rn, fn);                                     \
    }                                                                                              \
    enum xr interp_##NAME##_ssh(struct a64_cpu *cpu, uint32_t word)                                \
    {                                                                                              \
        const struct a64_f_FADDP_ssh f = a64_get_##NAME##_ssh(word);                               \
        return across(cpu, 2, 16, f.rd, f.rn, fn);                                                 \
    }

PAIRWISE_SCALAR(FMAXNMP, fp_maxnum)
PAIRWISE_SCALAR(FADDP, fp_add)
PAIRWISE_SCALAR(FMAXP, fp_max)
PAIRWISE_SCALAR(FMINNMP, fp_minnum)
PAIRWISE_SCALAR(FMINP, fp_min)

#define ACROSS(NAME, fn)                                                                           \
    enum xr interp_##NAME##_v(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FMAXV_v f = a64_get_##NAME##_v(word);                                   \
        return across(cpu, 4, 32, f.rd, f.rn, fn);                                                 \
    }                                                                                              \
    enum xr interp_##NAME##_vh(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FMAXV_vh f = a64_get_##NAME##_vh(word);                                 \
        return across(cpu, fp_lane_count(f.q, 16), 16, f.rd, f.rn, fn);                            \
    }

ACROSS(FMAXNMV, fp_maxnum)
ACROSS(FMAXV, fp_max)
ACROSS(FMINNMV, fp_minnum)
ACROSS(FMINV, fp_min)

/* ---- Fixed-point: shift by immediate ---- */

struct fixed_op {
    bool to_fixed, is_unsigned;
};

static const struct fixed_op fixed_SCVTF = {false, false}, fixed_UCVTF = {false, true},
                             fixed_FCVTZS = {true, false}, fixed_FCVTZU = {true, true};

static enum xr fixed(struct a64_cpu *cpu, unsigned lanes, unsigned esize, unsigned rd, unsigned rn,
                     unsigned fbits, const struct fixed_op *op)
{
    const union a64_vreg *n = &cpu->v[rn];
    enum fp_rounding rounding = fp_rounding_mode(cpu->fp.fpcr);
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < lanes; e++) {
        uint64_t x = fp_lane(n, esize, e);
        x = op->to_fixed
                ? fp_to_fixed(&cpu->fp, esize, x, esize, fbits, op->is_unsigned, FP_ZERO)
                : fp_from_fixed(&cpu->fp, esize, x, esize, fbits, op->is_unsigned, rounding);
        fp_lane_set(&r, esize, e, x);
    }
    cpu->v[rd] = r;
    return XR_NEXT;
}

/* immh = 01xx: single, 1xxx: double; fraction bits are 2 * esize - immh:immb. In the lines of half
 * precision immh = 001x, of which the field imm has the lowest bit, with immb. */
#define FIXED(NAME)                                                                                \
    enum xr interp_##NAME##_vx(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_SCVTF_vx f = a64_get_##NAME##_vx(word);                                 \
        unsigned esize = f.immh & 8 ? 64 : 32, fbits = 2 * esize - (f.immh << 3 | f.immb);         \
        return fixed(cpu, fp_lane_count(f.q, esize), esize, f.rd, f.rn, fbits, &fixed_##NAME);     \
    }                                                                                              \
    enum xr interp_##NAME##_vhx(struct a64_cpu *cpu, uint32_t word)                                \
    {                                                                                              \
        const struct a64_f_SCVTF_vhx f = a64_get_##NAME##_vhx(word);                               \
        return fixed(cpu, fp_lane_count(f.q, 16), 16, f.rd, f.rn, 16 - f.imm, &fixed_##NAME);      \
    }                                                                                              \
    enum xr interp_##NAME##_ssx(struct a64_cpu *cpu, uint32_t word)                                \
    {                                                                                              \
        const struct a64_f_SCVTF_ssx f = a64_get_##NAME##_ssx(word);                               \
        unsigned esize = f.immh & 8 ? 64 : 32, fbits = 2 * esize - (f.immh << 3 | f.immb);         \
        return fixed(cpu, 1, esize, f.rd, f.rn, fbits, &fixed_##NAME);                             \
    }                                                                                              \
    enum xr interp_##NAME##_sshx(struct a64_cpu *cpu, uint32_t word)                               \
    {                                                                                              \
        const struct a64_f_SCVTF_sshx f = a64_get_##NAME##_sshx(word);                             \
        return fixed(cpu, 1, 16, f.rd, f.rn, 16 - f.imm, &fixed_##NAME);                           \
    }

FIXED(SCVTF)
FIXED(UCVTF)
FIXED(FCVTZS)
FIXED(FCVTZU)

/* ---- Modified immediate ---- */

static enum xr immediate(struct a64_cpu *cpu, unsigned lanes, unsigned esize, unsigned rd,
                         uint32_t imm8)
{
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < lanes; e++)
        fp_lane_set(&r, esize, e, fp_expand_imm(esize, (uint8_t)imm8));
    cpu->v[rd] = r;
    return XR_NEXT;
}

enum xr interp_FMOV_vs(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_vs f = a64_get_FMOV_vs(word);
    return immediate(cpu, fp_lane_count(f.q, 32), 32, f.rd, f.abc << 5 | f.defgh);
}

enum xr interp_FMOV_vd(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_vd f = a64_get_FMOV_vd(word);
    return immediate(cpu, 2, 64, f.rd, f.abc << 5 | f.defgh);
}

enum xr interp_FMOV_vh(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_vh f = a64_get_FMOV_vh(word);
    return immediate(cpu, fp_lane_count(f.q, 16), 16, f.rd, f.abc << 5 | f.defgh);
}
