/* Advanced SIMD floating point with three registers of the same element size: vector, scalar,
 * by element and pairwise forms (Arm ARM DDI 0487, C4.1, "Advanced SIMD three same", "three same
 * (FP16)", "scalar three same", "vector x indexed element"; C7.2).
 *
 * Every form applies one operation on lanes; operations that do not accumulate ignore the old
 * destination. A scalar form is a vector of one lane. Results are collected in a fresh register, so
 * that sources may be the destination and the bits above the vector become zero. Lanes are computed
 * in ascending order, which only the order of FPSR updates could show, and those are ORs.
 *
 * _v, _e: single and double precision, field sz; _vh, _eh: half precision.
 */
#include "engine/interp/fp_lanes_int.h"
#include "interp_table.h"

/* ---- Operations on lanes ---- */

typedef uint64_t lane_op(struct fp_env *env, unsigned esize, uint64_t d, uint64_t n, uint64_t m);

/* lane_<fn>: a function of n and m only. */
#define LANE2(fn)                                                                                  \
    static uint64_t lane_##fn(struct fp_env *env, unsigned esize, uint64_t d, uint64_t n,          \
                              uint64_t m)                                                          \
    {                                                                                              \
        (void)d;                                                                                   \
        return fn(env, esize, n, m);                                                               \
    }

LANE2(fp_add)
LANE2(fp_sub)
LANE2(fp_mul)
LANE2(fp_mulx)
LANE2(fp_div)
LANE2(fp_max)
LANE2(fp_min)
LANE2(fp_maxnum)
LANE2(fp_minnum)
LANE2(fp_recip_step)
LANE2(fp_rsqrt_step)

static uint64_t fp_abs_diff(struct fp_env *env, unsigned esize, uint64_t n, uint64_t m)
{
    return fp_abs(esize, fp_sub(env, esize, n, m));
}
LANE2(fp_abs_diff)

/* Comparisons: all ones if true. */
static uint64_t fp_cmeq(struct fp_env *env, unsigned esize, uint64_t n, uint64_t m)
{
    return fp_compare_eq(env, esize, n, m) ? MASK(esize) : 0;
}
LANE2(fp_cmeq)

static uint64_t fp_cmge(struct fp_env *env, unsigned esize, uint64_t n, uint64_t m)
{
    return fp_compare_ge(env, esize, n, m) ? MASK(esize) : 0;
}
LANE2(fp_cmge)

static uint64_t fp_cmgt(struct fp_env *env, unsigned esize, uint64_t n, uint64_t m)
{
    return fp_compare_gt(env, esize, n, m) ? MASK(esize) : 0;
}
LANE2(fp_cmgt)

static uint64_t fp_acge(struct fp_env *env, unsigned esize, uint64_t n, uint64_t m)
{
    return fp_cmge(env, esize, fp_abs(esize, n), fp_abs(esize, m));
}
LANE2(fp_acge)

static uint64_t fp_acgt(struct fp_env *env, unsigned esize, uint64_t n, uint64_t m)
{
    return fp_cmgt(env, esize, fp_abs(esize, n), fp_abs(esize, m));
}
LANE2(fp_acgt)

static uint64_t lane_mla(struct fp_env *env, unsigned esize, uint64_t d, uint64_t n, uint64_t m)
{
    return fp_muladd(env, esize, d, n, m);
}

static uint64_t lane_mls(struct fp_env *env, unsigned esize, uint64_t d, uint64_t n, uint64_t m)
{
    return fp_muladd(env, esize, d, fp_neg(esize, n), m);
}

/* ---- Three same ---- */

static enum xr three(struct a64_cpu *cpu, unsigned lanes, unsigned esize, unsigned rd, unsigned rn,
                     unsigned rm, lane_op *fn)
{
    const union a64_vreg *d = &cpu->v[rd], *n = &cpu->v[rn], *m = &cpu->v[rm];
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < lanes; e++)
        fp_lane_set(&r, esize, e, fn(&cpu->fp, esize, fp_lane(d, esize, e), fp_lane(n, esize, e),
                                     fp_lane(m, esize, e)));
    cpu->v[rd] = r;
    return XR_NEXT;
}

#define THREE_VECTOR(NAME, fn)                                                                     \
    enum xr interp_##NAME##_v(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FADD_v f = a64_get_##NAME##_v(word);                                    \
        unsigned esize = fp_esize(f.sz);                                                           \
        return three(cpu, fp_lane_count(f.q, esize), esize, f.rd, f.rn, f.rm, fn);                 \
    }                                                                                              \
    enum xr interp_##NAME##_vh(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FADD_vh f = a64_get_##NAME##_vh(word);                                  \
        return three(cpu, fp_lane_count(f.q, 16), 16, f.rd, f.rn, f.rm, fn);                       \
    }
#define THREE_SCALAR(NAME, fn)                                                                     \
    enum xr interp_##NAME##_ss(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FMULX_ss f = a64_get_##NAME##_ss(word);                                 \
        return three(cpu, 1, fp_esize(f.sz), f.rd, f.rn, f.rm, fn);                                \
    }                                                                                              \
    enum xr interp_##NAME##_ssh(struct a64_cpu *cpu, uint32_t word)                                \
    {                                                                                              \
        const struct a64_f_FMULX_ssh f = a64_get_##NAME##_ssh(word);                               \
        return three(cpu, 1, 16, f.rd, f.rn, f.rm, fn);                                            \
    }

THREE_VECTOR(FMAXNM, lane_fp_maxnum)
THREE_VECTOR(FMINNM, lane_fp_minnum)
THREE_VECTOR(FMLA, lane_mla)
THREE_VECTOR(FMLS, lane_mls)
THREE_VECTOR(FADD, lane_fp_add)
THREE_VECTOR(FSUB, lane_fp_sub)
THREE_VECTOR(FMULX, lane_fp_mulx)
THREE_VECTOR(FCMEQ, lane_fp_cmeq)
THREE_VECTOR(FMAX, lane_fp_max)
THREE_VECTOR(FMIN, lane_fp_min)
THREE_VECTOR(FRECPS, lane_fp_recip_step)
THREE_VECTOR(FRSQRTS, lane_fp_rsqrt_step)
THREE_VECTOR(FABD, lane_fp_abs_diff)
THREE_VECTOR(FMUL, lane_fp_mul)
THREE_VECTOR(FCMGE, lane_fp_cmge)
THREE_VECTOR(FCMGT, lane_fp_cmgt)
THREE_VECTOR(FACGE, lane_fp_acge)
THREE_VECTOR(FACGT, lane_fp_acgt)
THREE_VECTOR(FDIV, lane_fp_div)

THREE_SCALAR(FMULX, lane_fp_mulx)
THREE_SCALAR(FCMEQ, lane_fp_cmeq)
THREE_SCALAR(FRECPS, lane_fp_recip_step)
THREE_SCALAR(FRSQRTS, lane_fp_rsqrt_step)
THREE_SCALAR(FABD, lane_fp_abs_diff)
THREE_SCALAR(FCMGE, lane_fp_cmge)
THREE_SCALAR(FCMGT, lane_fp_cmgt)
THREE_SCALAR(FACGE, lane_fp_acge)
THREE_SCALAR(FACGT, lane_fp_acgt)

/* ---- Pairwise: lanes of Vm:Vn, two by two ---- */

static enum xr pairwise(struct a64_cpu *cpu, unsigned lanes, unsigned esize, unsigned rd,
                        unsigned rn, unsigned rm, lane_op *fn)
{
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < lanes; e++) {
        const union a64_vreg *from = &cpu->v[2 * e < lanes ? rn : rm];
        unsigned at = 2 * e % lanes;
        fp_lane_set(&r, esize, e, fn(&cpu->fp, esize, 0, fp_lane(from, esize, at),
                                     fp_lane(from, esize, at + 1)));
    }
    cpu->v[rd] = r;
    return XR_NEXT;
}

#define PAIRWISE(NAME, fn)                                                                         \
    enum xr interp_##NAME##_v(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FADDP_v f = a64_get_##NAME##_v(word);                                   \
        unsigned esize = fp_esize(f.sz);                                                           \
        return pairwise(cpu, fp_lane_count(f.q, esize), esize, f.rd, f.rn, f.rm, fn);              \
    }                                                                                              \
    enum xr interp_##NAME##_vh(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FADDP_vh f = a64_get_##NAME##_vh(word);                                 \
        return pairwise(cpu, fp_lane_count(f.q, 16), 16, f.rd, f.rn, f.rm, fn);                    \
    }

PAIRWISE(FMAXNMP, lane_fp_maxnum)
PAIRWISE(FMINNMP, lane_fp_minnum)
PAIRWISE(FADDP, lane_fp_add)
PAIRWISE(FMAXP, lane_fp_max)
PAIRWISE(FMINP, lane_fp_min)

/* ---- By element: lane `index` of Vm with every lane of Vn ---- */

static enum xr by_element(struct a64_cpu *cpu, unsigned lanes, unsigned esize, unsigned rd,
                          unsigned rn, uint64_t m, lane_op *fn)
{
    const union a64_vreg *d = &cpu->v[rd], *n = &cpu->v[rn];
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < lanes; e++)
        fp_lane_set(&r, esize, e,
                    fn(&cpu->fp, esize, fp_lane(d, esize, e), fp_lane(n, esize, e), m));
    cpu->v[rd] = r;
    return XR_NEXT;
}

/* Double: index H; single: index H:L; Vm is M:Rm in both. */
#define BY_ELEMENT(NAME, fn)                                                                       \
    enum xr interp_##NAME##_e(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FMLA_e f = a64_get_##NAME##_e(word);                                    \
        unsigned esize = fp_esize(f.sz);                                                           \
        uint64_t m = fp_lane(&cpu->v[f.m << 4 | f.rm], esize, f.sz ? f.h : f.h << 1 | f.l);        \
        return by_element(cpu, fp_lane_count(f.q, esize), esize, f.rd, f.rn, m, fn);               \
    }                                                                                              \
    enum xr interp_##NAME##_eh(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FMLA_eh f = a64_get_##NAME##_eh(word);                                  \
        uint64_t m = fp_lane(&cpu->v[f.rm], 16, f.h << 2 | f.l << 1 | f.m);                        \
        return by_element(cpu, fp_lane_count(f.q, 16), 16, f.rd, f.rn, m, fn);                     \
    }                                                                                              \
    enum xr interp_##NAME##_es(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FMLA_es f = a64_get_##NAME##_es(word);                                  \
        unsigned esize = fp_esize(f.sz);                                                           \
        uint64_t m = fp_lane(&cpu->v[f.m << 4 | f.rm], esize, f.sz ? f.h : f.h << 1 | f.l);        \
        return by_element(cpu, 1, esize, f.rd, f.rn, m, fn);                                       \
    }                                                                                              \
    enum xr interp_##NAME##_esh(struct a64_cpu *cpu, uint32_t word)                                \
    {                                                                                              \
        const struct a64_f_FMLA_esh f = a64_get_##NAME##_esh(word);                                \
        uint64_t m = fp_lane(&cpu->v[f.rm], 16, f.h << 2 | f.l << 1 | f.m);                        \
        return by_element(cpu, 1, 16, f.rd, f.rn, m, fn);                                          \
    }

BY_ELEMENT(FMLA, lane_mla)
BY_ELEMENT(FMLS, lane_mls)
BY_ELEMENT(FMUL, lane_fp_mul)
BY_ELEMENT(FMULX, lane_fp_mulx)
