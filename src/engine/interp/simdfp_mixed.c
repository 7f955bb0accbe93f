/* Advanced SIMD floating point that crosses lanes or precisions: FMLAL and FMLSL (FEAT_FHM), FCADD
 * and FCMLA (FEAT_FCMA), BFDOT, BFMMLA and BFMLAL (FEAT_BF16), vector and by element (Arm ARM
 * DDI 0487, C4.1, "Advanced SIMD three-register extension", "three same", "vector x indexed
 * element"; C7.2).
 *
 * Sources are copied before the first write to the destination, which may be one of them.
 */
#include "engine/interp/fp_lanes_int.h"
#include "interp_table.h"

/* ---- FMLAL, FMLSL: half-precision products added to single precision ---- */

struct fmlal_op {
    unsigned part; /* lower (0) or upper (1) half of the vector */
    bool negate;
};

static const struct fmlal_op op_FMLAL = {0, false}, op_FMLSL = {0, true}, op_FMLAL2 = {1, false},
                             op_FMLSL2 = {1, true};

static uint32_t fmlal_lane(struct a64_cpu *cpu, uint32_t d, uint16_t n, uint16_t m,
                           const struct fmlal_op *op)
{
    return fp_muladd_h(&cpu->fp, d, (uint16_t)(op->negate ? fp_neg(16, n) : n), m);
}

static enum xr fmlal(struct a64_cpu *cpu, const struct a64_f_FADD_vh *f, const struct fmlal_op *op)
{
    const union a64_vreg d = cpu->v[f->rd], n = cpu->v[f->rn], m = cpu->v[f->rm];
    unsigned lanes = fp_lane_count(f->q, 32), at = op->part * lanes;
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < lanes; e++)
        r.s[e] = fmlal_lane(cpu, d.s[e], n.h[at + e], m.h[at + e], op);
    cpu->v[f->rd] = r;
    return XR_NEXT;
}

static enum xr fmlal_element(struct a64_cpu *cpu, const struct a64_f_FMLAL_e *f,
                             const struct fmlal_op *op)
{
    const union a64_vreg d = cpu->v[f->rd], n = cpu->v[f->rn];
    const uint16_t m = cpu->v[f->rm].h[f->h << 2 | f->l << 1 | f->m];
    unsigned lanes = fp_lane_count(f->q, 32), at = op->part * lanes;
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < lanes; e++)
        r.s[e] = fmlal_lane(cpu, d.s[e], n.h[at + e], m, op);
    cpu->v[f->rd] = r;
    return XR_NEXT;
}

#define FMLAL(NAME)                                                                                \
    enum xr interp_##NAME##_v(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FADD_vh f = a64_get_##NAME##_v(word);                                   \
        return fmlal(cpu, &f, &op_##NAME);                                                         \
    }                                                                                              \
    enum xr interp_##NAME##_e(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FMLAL_e f = a64_get_##NAME##_e(word);                                   \
        return fmlal_element(cpu, &f, &op_##NAME);                                                 \
    }

FMLAL(FMLAL)
FMLAL(FMLSL)
FMLAL(FMLAL2)
FMLAL(FMLSL2)

/* ---- Complex numbers: even lanes are real parts, odd lanes imaginary parts ---- */

/* Vd = Vn + Vm rotated by 90 (rot = 0) or 270 degrees. */
static enum xr fcadd(struct a64_cpu *cpu, unsigned esize, const struct a64_f_FCADD_vh *f)
{
    const unsigned lanes = fp_lane_count(f->q, esize);
    const union a64_vreg n = cpu->v[f->rn], m = cpu->v[f->rm];
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < lanes; e += 2) {
        uint64_t real = fp_lane(&m, esize, e + 1), imag = fp_lane(&m, esize, e);
        if (f->rot)
            imag = fp_neg(esize, imag);
        else
            real = fp_neg(esize, real);
        fp_lane_set(&r, esize, e, fp_add(&cpu->fp, esize, fp_lane(&n, esize, e), real));
        fp_lane_set(&r, esize, e + 1, fp_add(&cpu->fp, esize, fp_lane(&n, esize, e + 1), imag));
    }
    cpu->v[f->rd] = r;
    return XR_NEXT;
}

enum xr interp_FCADD_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCADD_v f = a64_get_FCADD_v(word);
    const struct a64_f_FCADD_vh rest = {
        .q = f.q, .rm = f.rm, .rot = f.rot, .rn = f.rn, .rd = f.rd};
    return fcadd(cpu, 8u << f.size, &rest);
}

enum xr interp_FCADD_vh(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCADD_vh f = a64_get_FCADD_vh(word);
    return fcadd(cpu, 16, &f);
}

/* One complex number: the part of n that `rot` selects times the number m rotated by rot * 90
 * degrees, added to d. */
static void complex_mla(struct fp_env *env, unsigned esize, unsigned rot, uint64_t d[2],
                        const uint64_t n[2], const uint64_t m[2])
{
    uint64_t part = n[rot & 1], real = m[rot & 1], imag = m[(rot & 1) ^ 1];
    if (rot == 1 || rot == 2)
        real = fp_neg(esize, real);
    if (rot == 2 || rot == 3)
        imag = fp_neg(esize, imag);
    d[0] = fp_muladd(env, esize, d[0], part, real);
    d[1] = fp_muladd(env, esize, d[1], part, imag);
}

/* `index` is the number of the complex element of Vm, or -1 for lane by lane. */
static enum xr fcmla(struct a64_cpu *cpu, uint32_t q, unsigned esize, unsigned rd, unsigned rn,
                     unsigned rm, int index, unsigned rot)
{
    const union a64_vreg n = cpu->v[rn], m = cpu->v[rm];
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned e = 0; e < fp_lane_count(q, esize); e += 2) {
        unsigned at = index < 0 ? e : 2 * (unsigned)index;
        uint64_t d[2] = {fp_lane(&cpu->v[rd], esize, e), fp_lane(&cpu->v[rd], esize, e + 1)};
        const uint64_t op1[2] = {fp_lane(&n, esize, e), fp_lane(&n, esize, e + 1)};
        const uint64_t op2[2] = {fp_lane(&m, esize, at), fp_lane(&m, esize, at + 1)};
        complex_mla(&cpu->fp, esize, rot, d, op1, op2);
        fp_lane_set(&r, esize, e, d[0]);
        fp_lane_set(&r, esize, e + 1, d[1]);
    }
    cpu->v[rd] = r;
    return XR_NEXT;
}

enum xr interp_FCMLA_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCMLA_v f = a64_get_FCMLA_v(word);
    return fcmla(cpu, f.q, 8u << f.size, f.rd, f.rn, f.rm, -1, f.rot);
}

enum xr interp_FCMLA_vh(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCMLA_vh f = a64_get_FCMLA_vh(word);
    return fcmla(cpu, f.q, 16, f.rd, f.rn, f.rm, -1, f.rot);
}

enum xr interp_FCMLA_eh(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCMLA_eh f = a64_get_FCMLA_eh(word);
    return fcmla(cpu, f.q, 16, f.rd, f.rn, f.m << 4 | f.rm, (int)(f.h << 1 | f.l), f.rot);
}

enum xr interp_FCMLA_e(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FCMLA_e f = a64_get_FCMLA_e(word);
    return fcmla(cpu, 1, 32, f.rd, f.rn, f.m << 4 | f.rm, (int)f.h, f.rot);
}

/* ---- BFloat16 ---- */

/* BFDOT: each single-precision lane gains the dot product of two pairs. */
static void bfdot_lane(union a64_vreg *d, unsigned e, const union a64_vreg *n,
                       const union a64_vreg *m, unsigned pair)
{
    d->s[e] = fp_bf_dotadd(d->s[e], n->h[2 * e], n->h[2 * e + 1], m->h[2 * pair],
                           m->h[2 * pair + 1]);
}

enum xr interp_BFDOT_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_BFDOT_v f = a64_get_BFDOT_v(word);
    const union a64_vreg n = cpu->v[f.rn], m = cpu->v[f.rm];
    for (unsigned e = 0; e < fp_lane_count(f.q, 32); e++)
        bfdot_lane(&cpu->v[f.rd], e, &n, &m, e);
    if (!f.q)
        cpu->v[f.rd].d[1] = 0;
    return XR_NEXT;
}

enum xr interp_BFDOT_e(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_BFDOT_e f = a64_get_BFDOT_e(word);
    const union a64_vreg n = cpu->v[f.rn], m = cpu->v[f.m << 4 | f.rm];
    for (unsigned e = 0; e < fp_lane_count(f.q, 32); e++)
        bfdot_lane(&cpu->v[f.rd], e, &n, &m, f.h << 1 | f.l);
    if (!f.q)
        cpu->v[f.rd].d[1] = 0;
    return XR_NEXT;
}

enum xr interp_BFMMLA(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_BFMMLA f = a64_get_BFMMLA(word);
    const union a64_vreg n = cpu->v[f.rn], m = cpu->v[f.rm];
    fp_bf_matmuladd(cpu->v[f.rd].s, n.h, m.h);
    return XR_NEXT;
}

/* BFMLALB (q = 0) takes the even lanes, BFMLALT the odd ones. */
enum xr interp_BFMLAL_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_BFMLAL_v f = a64_get_BFMLAL_v(word);
    const union a64_vreg n = cpu->v[f.rn], m = cpu->v[f.rm];
    union a64_vreg *d = &cpu->v[f.rd];
    for (unsigned e = 0; e < 4; e++)
        d->s[e] = fp_bf_muladd(&cpu->fp, d->s[e], n.h[2 * e + f.q], m.h[2 * e + f.q]);
    return XR_NEXT;
}

enum xr interp_BFMLAL_e(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_BFMLAL_e f = a64_get_BFMLAL_e(word);
    const union a64_vreg n = cpu->v[f.rn];
    const uint16_t m = cpu->v[f.rm].h[f.h << 2 | f.l << 1 | f.m];
    union a64_vreg *d = &cpu->v[f.rd];
    for (unsigned e = 0; e < 4; e++)
        d->s[e] = fp_bf_muladd(&cpu->fp, d->s[e], n.h[2 * e + f.q], m);
    return XR_NEXT;
}
