/* Advanced SIMD, three registers of different types, and by element, vector and scalar (Arm ARM
 * DDI 0487, C4.1.96: AdvSIMD three different, AdvSIMD vector x indexed element, and their scalar
 * classes).
 *
 * Long forms read 64 bits of each source (the upper half in the "2" forms) and give lanes of twice
 * the width; wide forms read the first source at the double width; narrow forms read both at the
 * double width and write half a register.
 */
#include "engine/interp/handler_int.h"
#include "engine/interp/simd_int.h"

/* The high half of the sum or difference of lanes twice as wide as the result. */
LANE_FN(addhn, (a + b) >> esize)
LANE_FN(raddhn, (a + b + ((lane_t)1 << (esize - 1))) >> esize)
LANE_FN(subhn, (a - b) >> esize)
LANE_FN(rsubhn, (a - b + ((lane_t)1 << (esize - 1))) >> esize)

static enum xr longer(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned size,
                      unsigned rd, unsigned rn, unsigned rm)
{
    const struct lane_dst dst = {rd, size + 1, lane_count(false, size), 0};
    simd_lanes(cpu, op, dst, lane_half(cpu, rn, size, q), lane_half(cpu, rm, size, q));
    return XR_NEXT;
}

static enum xr wide(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned size,
                    unsigned rd, unsigned rn, unsigned rm)
{
    const struct lane_dst dst = {rd, size + 1, lane_count(false, size), 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, rn, size + 1), lane_half(cpu, rm, size, q));
    return XR_NEXT;
}

static enum xr narrow(struct a64_cpu *cpu, const struct lane_op *op, bool q, unsigned size,
                      unsigned rd, unsigned rn, unsigned rm)
{
    const unsigned count = lane_count(false, size);
    const struct lane_dst dst = {rd, size, count, q ? count : 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, rn, size + 1), lane_all(cpu, rm, size + 1));
    return XR_NEXT;
}

static enum xr long_scalar(struct a64_cpu *cpu, const struct lane_op *op, unsigned size,
                           unsigned rd, unsigned rn, unsigned rm)
{
    const struct lane_dst dst = {rd, size + 1, 1, 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, rn, size), lane_all(cpu, rm, size));
    return XR_NEXT;
}

/* ---- By element ---- */

/* Vm.Ts[index]: 16-bit lanes have index H:L:M and only V0 to V15, 32-bit lanes H:L. */
static struct lane_src indexed(const struct a64_cpu *cpu, unsigned size,
                               const struct a64_f_MUL_e *f)
{
    if (size == 1)
        return (struct lane_src){&cpu->v[f->rm], 1, f->h << 2 | f->l << 1 | f->m, 0};
    return (struct lane_src){&cpu->v[f->m << 4 | f->rm], 2, f->h << 1 | f->l, 0};
}

static enum xr by_element(struct a64_cpu *cpu, const struct lane_op *op, bool is_long,
                          const struct a64_f_MUL_e *f)
{
    const struct lane_dst dst = {f->rd, f->size + is_long,
                                 lane_count(is_long ? false : f->q, f->size), 0};
    simd_lanes(cpu, op, dst, lane_half(cpu, f->rn, f->size, is_long && f->q),
               indexed(cpu, f->size, f));
    return XR_NEXT;
}

static enum xr by_element_scalar(struct a64_cpu *cpu, const struct lane_op *op, bool is_long,
                                 const struct a64_f_SQDMULH_es *f)
{
    const struct a64_f_MUL_e g = {.l = f->l, .m = f->m, .rm = f->rm, .h = f->h};
    const struct lane_dst dst = {f->rd, f->size + is_long, 1, 0};
    simd_lanes(cpu, op, dst, lane_all(cpu, f->rn, f->size), indexed(cpu, f->size, &g));
    return XR_NEXT;
}

/* ---- Handlers ---- */

#define DIFFERENT(shape, name, fn, sign, finish)                                                   \
    HANDLER(name##_v, shape(cpu, OP(fn, sign, finish), f.q, f.size, f.rd, f.rn, f.rm))

DIFFERENT(longer, SADDL, add, SIGNED, WRAP)
DIFFERENT(longer, UADDL, add, UNSIGNED, WRAP)
DIFFERENT(longer, SSUBL, sub, SIGNED, WRAP)
DIFFERENT(longer, USUBL, sub, UNSIGNED, WRAP)
DIFFERENT(longer, SABAL, aba, SIGNED, WRAP)
DIFFERENT(longer, UABAL, aba, UNSIGNED, WRAP)
DIFFERENT(longer, SABDL, abd, SIGNED, WRAP)
DIFFERENT(longer, UABDL, abd, UNSIGNED, WRAP)
DIFFERENT(longer, SMLAL, mla, SIGNED, WRAP)
DIFFERENT(longer, UMLAL, mla, UNSIGNED, WRAP)
DIFFERENT(longer, SMLSL, mls, SIGNED, WRAP)
DIFFERENT(longer, UMLSL, mls, UNSIGNED, WRAP)
DIFFERENT(longer, SMULL, mul, SIGNED, WRAP)
DIFFERENT(longer, UMULL, mul, UNSIGNED, WRAP)
DIFFERENT(longer, SQDMLAL, dmlal, SIGNED, SAT_S)
DIFFERENT(longer, SQDMLSL, dmlsl, SIGNED, SAT_S)
DIFFERENT(longer, SQDMULL, dmull, SIGNED, SAT_S)
DIFFERENT(wide, SADDW, add, SIGNED, WRAP)
DIFFERENT(wide, UADDW, add, UNSIGNED, WRAP)
DIFFERENT(wide, SSUBW, sub, SIGNED, WRAP)
DIFFERENT(wide, USUBW, sub, UNSIGNED, WRAP)
DIFFERENT(narrow, ADDHN, addhn, UNSIGNED, WRAP)
DIFFERENT(narrow, RADDHN, raddhn, UNSIGNED, WRAP)
DIFFERENT(narrow, SUBHN, subhn, UNSIGNED, WRAP)
DIFFERENT(narrow, RSUBHN, rsubhn, UNSIGNED, WRAP)

HANDLER(SQDMLAL_ss, long_scalar(cpu, OP(dmlal, SIGNED, SAT_S), f.size, f.rd, f.rn, f.rm))
HANDLER(SQDMLSL_ss, long_scalar(cpu, OP(dmlsl, SIGNED, SAT_S), f.size, f.rd, f.rn, f.rm))
HANDLER(SQDMULL_ss, long_scalar(cpu, OP(dmull, SIGNED, SAT_S), f.size, f.rd, f.rn, f.rm))

HANDLER(PMULL_v, longer(cpu, OP(pmul, UNSIGNED, WRAP), f.q, 0, f.rd, f.rn, f.rm))

/* FEAT_PMULL: polynomials of 64 bits. */
enum xr interp_PMULL_q(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_PMULL_q f = a64_get_PMULL_q(word);
    const uint64_t a = cpu->v[f.rn].d[f.q], b = cpu->v[f.rm].d[f.q];
    unsigned __int128 r = 0;
    for (unsigned i = 0; i < 64; i++)
        if (bit(b, i))
            r ^= (unsigned __int128)a << i;
    cpu->v[f.rd] = (union a64_vreg){.d = {(uint64_t)r, (uint64_t)(r >> 64)}};
    return XR_NEXT;
}

#define ELEMENT(name, is_long, fn, sign, finish)                                                   \
    HANDLER(name##_e, by_element(cpu, OP(fn, sign, finish), is_long, &f))
#define ELEMENT_BOTH(name, is_long, fn)                                                            \
    ELEMENT(name, is_long, fn, SIGNED, SAT_S)                                                      \
    HANDLER(name##_es, by_element_scalar(cpu, OP(fn, SIGNED, SAT_S), is_long, &f))

ELEMENT(MUL, false, mul, UNSIGNED, WRAP)
ELEMENT(MLA, false, mla, UNSIGNED, WRAP)
ELEMENT(MLS, false, mls, UNSIGNED, WRAP)
ELEMENT(SMLAL, true, mla, SIGNED, WRAP)
ELEMENT(UMLAL, true, mla, UNSIGNED, WRAP)
ELEMENT(SMLSL, true, mls, SIGNED, WRAP)
ELEMENT(UMLSL, true, mls, UNSIGNED, WRAP)
ELEMENT(SMULL, true, mul, SIGNED, WRAP)
ELEMENT(UMULL, true, mul, UNSIGNED, WRAP)
ELEMENT_BOTH(SQDMLAL, true, dmlal)
ELEMENT_BOTH(SQDMLSL, true, dmlsl)
ELEMENT_BOTH(SQDMULL, true, dmull)
ELEMENT_BOTH(SQDMULH, false, dmulh)
ELEMENT_BOTH(SQRDMULH, false, rdmulh)
ELEMENT_BOTH(SQRDMLAH, false, rdmlah)
ELEMENT_BOTH(SQRDMLSH, false, rdmlsh)
