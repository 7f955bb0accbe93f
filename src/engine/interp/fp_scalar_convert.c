/* Scalar floating point: conversions (Arm ARM DDI 0487, C4.1, "Conversion between
 * floating-point and integer", "and fixed-point", FCVT, BFCVT, FJCVTZS; C7.2).
 *
 * Conversions to integer name their rounding (FCVT<r><sign>), those from integer and between
 * precisions use FPCR.RMode. FMOV to and from general registers copies bits. FCVT from and to half
 * precision is of the base architecture and honours FPCR.AHP; all other half-precision lines need
 * FEAT_FP16.
 */
#include "engine/interp/fp_lanes_int.h"
#include "interp_table.h"

/* ---- Between precisions ---- */

static enum xr convert(struct a64_cpu *cpu, unsigned to, unsigned from, unsigned rd, unsigned rn)
{
    enum fp_rounding rounding = fp_rounding_mode(cpu->fp.fpcr);
    uint64_t r = fp_convert(&cpu->fp, to, from, fp_scalar(cpu, rn, from), rounding);
    fp_scalar_set(cpu, rd, to, r);
    return XR_NEXT;
}

#define CONVERT(NAME, to, from)                                                                    \
    enum xr interp_##NAME(struct a64_cpu *cpu, uint32_t word)                                      \
    {                                                                                              \
        const struct a64_f_FCVT_sd f = a64_get_##NAME(word);                                       \
        return convert(cpu, to, from, f.rd, f.rn);                                                 \
    }

CONVERT(FCVT_ds, 64, 32)
CONVERT(FCVT_hs, 16, 32)
CONVERT(FCVT_sd, 32, 64)
CONVERT(FCVT_hd, 16, 64)
CONVERT(FCVT_sh, 32, 16)
CONVERT(FCVT_dh, 64, 16)

enum xr interp_BFCVT(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_BFCVT f = a64_get_BFCVT(word);
    uint32_t op = cpu->v[f.rn].s[0];
    fp_scalar_set(cpu, f.rd, 16, fp_convert_bf(&cpu->fp, op, fp_rounding_mode(cpu->fp.fpcr)));
    return XR_NEXT;
}

/* ---- To integer and fixed-point, general register ---- */

static enum xr to_fixed(struct a64_cpu *cpu, unsigned esize, const struct a64_f_FCVTZS_hx *f,
                        bool is_unsigned, enum fp_rounding rounding)
{
    uint64_t op = fp_scalar(cpu, f->rn, esize);
    unsigned isize = f->sf ? 64 : 32, fbits = 64 - f->scale;
    x_write(cpu, f->rd, fp_to_fixed(&cpu->fp, esize, op, isize, fbits, is_unsigned, rounding));
    return XR_NEXT;
}

static enum xr to_int(struct a64_cpu *cpu, unsigned esize, const struct a64_f_FCVTNS_h *f,
                      bool is_unsigned, enum fp_rounding rounding)
{
    uint64_t op = fp_scalar(cpu, f->rn, esize);
    unsigned isize = f->sf ? 64 : 32;
    x_write(cpu, f->rd, fp_to_fixed(&cpu->fp, esize, op, isize, 0, is_unsigned, rounding));
    return XR_NEXT;
}

#define TO_INT(NAME, is_unsigned, rounding)                                                        \
    enum xr interp_##NAME##_f(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FCVTNS_f f = a64_get_##NAME##_f(word);                                  \
        const struct a64_f_FCVTNS_h regs = {.sf = f.sf, .rn = f.rn, .rd = f.rd};                   \
        return to_int(cpu, fp_esize(f.sz), &regs, is_unsigned, rounding);                          \
    }                                                                                              \
    enum xr interp_##NAME##_h(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_FCVTNS_h f = a64_get_##NAME##_h(word);                                  \
        return to_int(cpu, 16, &f, is_unsigned, rounding);                                         \
    }

TO_INT(FCVTNS, false, FP_TIEEVEN)
TO_INT(FCVTNU, true, FP_TIEEVEN)
TO_INT(FCVTAS, false, FP_TIEAWAY)
TO_INT(FCVTAU, true, FP_TIEAWAY)
TO_INT(FCVTPS, false, FP_POSINF)
TO_INT(FCVTPU, true, FP_POSINF)
TO_INT(FCVTMS, false, FP_NEGINF)
TO_INT(FCVTMU, true, FP_NEGINF)
TO_INT(FCVTZS, false, FP_ZERO)
TO_INT(FCVTZU, true, FP_ZERO)

/* Both directions: a 32-bit general register has at most 32 fraction bits. */
#define FIXED(NAME, direction, ...)                                                                \
    enum xr interp_##NAME##_fx(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FCVTZS_fx f = a64_get_##NAME##_fx(word);                                \
        const struct a64_f_FCVTZS_hx rest = {                                                      \
            .sf = f.sf, .scale = f.scale, .rn = f.rn, .rd = f.rd};                                 \
        return direction(cpu, fp_esize(f.sz), &rest, __VA_ARGS__);                                 \
    }                                                                                              \
    enum xr interp_##NAME##_hx(struct a64_cpu *cpu, uint32_t word)                                 \
    {                                                                                              \
        const struct a64_f_FCVTZS_hx f = a64_get_##NAME##_hx(word);                                \
        return direction(cpu, 16, &f, __VA_ARGS__);                                                \
    }

FIXED(FCVTZS, to_fixed, false, FP_ZERO)
FIXED(FCVTZU, to_fixed, true, FP_ZERO)

enum xr interp_FJCVTZS(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FJCVTZS f = a64_get_FJCVTZS(word);
    bool exact;
    x_write(cpu, f.rd, fp_to_fixed_js(&cpu->fp, cpu->v[f.rn].d[0], &exact));
    cpu->nzcv = exact ? PSTATE_Z : 0;
    return XR_NEXT;
}

/* ---- From integer and fixed-point, general register ---- */

static enum xr from_fixed(struct a64_cpu *cpu, unsigned esize, const struct a64_f_FCVTZS_hx *f,
                          bool is_unsigned)
{
    unsigned isize = f->sf ? 64 : 32, fbits = 64 - f->scale;
    uint64_t op = x_read(cpu, f->rn) & MASK(isize);
    enum fp_rounding rounding = fp_rounding_mode(cpu->fp.fpcr);
    uint64_t r = fp_from_fixed(&cpu->fp, esize, op, isize, fbits, is_unsigned, rounding);
    fp_scalar_set(cpu, f->rd, esize, r);
    return XR_NEXT;
}

FIXED(SCVTF, from_fixed, false)
FIXED(UCVTF, from_fixed, true)

static enum xr from_int(struct a64_cpu *cpu, unsigned esize, const struct a64_f_SCVTF_h *f,
                        bool is_unsigned)
{
    unsigned isize = f->sf ? 64 : 32;
    uint64_t op = x_read(cpu, f->rn) & MASK(isize);
    enum fp_rounding rounding = fp_rounding_mode(cpu->fp.fpcr);
    uint64_t r = fp_from_fixed(&cpu->fp, esize, op, isize, 0, is_unsigned, rounding);
    fp_scalar_set(cpu, f->rd, esize, r);
    return XR_NEXT;
}

#define FROM_INT(NAME, is_unsigned)                                                                \
    enum xr interp_##NAME##_f(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_SCVTF_f f = a64_get_##NAME##_f(word);                                   \
        const struct a64_f_SCVTF_h regs = {.sf = f.sf, .rn = f.rn, .rd = f.rd};                    \
        return from_int(cpu, fp_esize(f.sz), &regs, is_unsigned);                                  \
    }                                                                                              \
    enum xr interp_##NAME##_h(struct a64_cpu *cpu, uint32_t word)                                  \
    {                                                                                              \
        const struct a64_f_SCVTF_h f = a64_get_##NAME##_h(word);                                   \
        return from_int(cpu, 16, &f, is_unsigned);                                                 \
    }

FROM_INT(SCVTF, false)
FROM_INT(UCVTF, true)

/* ---- FMOV between register files ---- */

enum xr interp_FMOV_ws(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_ws f = a64_get_FMOV_ws(word);
    x_write(cpu, f.rd, cpu->v[f.rn].s[0]);
    return XR_NEXT;
}

enum xr interp_FMOV_sw(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_sw f = a64_get_FMOV_sw(word);
    fp_scalar_set(cpu, f.rd, 32, x_read(cpu, f.rn));
    return XR_NEXT;
}

enum xr interp_FMOV_xd(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_xd f = a64_get_FMOV_xd(word);
    x_write(cpu, f.rd, cpu->v[f.rn].d[0]);
    return XR_NEXT;
}

enum xr interp_FMOV_dx(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_dx f = a64_get_FMOV_dx(word);
    fp_scalar_set(cpu, f.rd, 64, x_read(cpu, f.rn));
    return XR_NEXT;
}

enum xr interp_FMOV_xtop(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_xtop f = a64_get_FMOV_xtop(word);
    x_write(cpu, f.rd, cpu->v[f.rn].d[1]);
    return XR_NEXT;
}

/* The only one that keeps the rest of the vector register. */
enum xr interp_FMOV_topx(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_topx f = a64_get_FMOV_topx(word);
    cpu->v[f.rd].d[1] = x_read(cpu, f.rn);
    return XR_NEXT;
}

enum xr interp_FMOV_gh(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_gh f = a64_get_FMOV_gh(word);
    x_write(cpu, f.rd, cpu->v[f.rn].h[0]);
    return XR_NEXT;
}

enum xr interp_FMOV_hg(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_FMOV_hg f = a64_get_FMOV_hg(word);
    fp_scalar_set(cpu, f.rd, 16, x_read(cpu, f.rn));
    return XR_NEXT;
}
