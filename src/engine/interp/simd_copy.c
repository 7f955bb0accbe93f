/* Advanced SIMD moves of lanes: copy, permute, extract, table lookup, and modified immediate (Arm
 * ARM DDI 0487, C4.1.96: AdvSIMD copy, AdvSIMD scalar copy, AdvSIMD permute, AdvSIMD extract,
 * AdvSIMD table lookup, AdvSIMD modified immediate without FMOV).
 */
#include "engine/interp/handler_int.h"
#include "engine/interp/simd_int.h"

/* ---- Copy: imm5 is the lane number, a one, and as many zeros as log2 of the lane's bytes ---- */

static unsigned imm5_size(unsigned imm5)
{
    return (unsigned)__builtin_ctz(imm5);
}

static unsigned imm5_lane(unsigned imm5)
{
    return imm5 >> (imm5_size(imm5) + 1);
}

static enum xr duplicate(struct a64_cpu *cpu, bool q, unsigned size, unsigned rd, uint64_t x)
{
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned i = 0; i < lane_count(q, size); i++)
        lane_set(&r, size, i, x);
    cpu->v[rd] = r;
    return XR_NEXT;
}

static uint64_t imm5_element(const struct a64_cpu *cpu, unsigned rn, unsigned imm5)
{
    return lane_get(&cpu->v[rn], imm5_size(imm5), imm5_lane(imm5));
}

static enum xr copy_scalar(struct a64_cpu *cpu, unsigned rd, uint64_t x)
{
    cpu->v[rd] = (union a64_vreg){.d = {x, 0}};
    return XR_NEXT;
}

static enum xr insert(struct a64_cpu *cpu, unsigned rd, unsigned imm5, uint64_t x)
{
    lane_set(&cpu->v[rd], imm5_size(imm5), imm5_lane(imm5), x);
    return XR_NEXT;
}

static enum xr to_general(struct a64_cpu *cpu, unsigned rd, uint64_t x)
{
    x_write(cpu, rd, x);
    return XR_NEXT;
}

static uint64_t signed_element(const struct a64_cpu *cpu, unsigned rn, unsigned imm5)
{
    return (uint64_t)sign_extend(imm5_element(cpu, rn, imm5), 8u << imm5_size(imm5));
}

HANDLER(DUP_e, duplicate(cpu, f.q, imm5_size(f.imm5), f.rd, imm5_element(cpu, f.rn, f.imm5)))
HANDLER(DUP_g, duplicate(cpu, f.q, imm5_size(f.imm5), f.rd, x_read(cpu, f.rn)))
HANDLER(DUP_es, copy_scalar(cpu, f.rd, imm5_element(cpu, f.rn, f.imm5)))
HANDLER(SMOV_w, to_general(cpu, f.rd, signed_element(cpu, f.rn, f.imm5) & UINT32_MAX))
HANDLER(SMOV_x, to_general(cpu, f.rd, signed_element(cpu, f.rn, f.imm5)))
HANDLER(UMOV_w, to_general(cpu, f.rd, imm5_element(cpu, f.rn, f.imm5)))
HANDLER(UMOV_x, to_general(cpu, f.rd, cpu->v[f.rn].d[f.i]))
HANDLER(INS_g, insert(cpu, f.rd, f.imm5, x_read(cpu, f.rn)))
HANDLER(INS_e, insert(cpu, f.rd, f.imm5,
                      lane_get(&cpu->v[f.rn], imm5_size(f.imm5), f.imm4 >> imm5_size(f.imm5))))

/* ---- Permute ---- */

/* Which lane of Vm:Vn, Vn first, becomes lane i of the result; part is 0 for the 1 forms. */
typedef unsigned pick_fn(unsigned i, unsigned count, unsigned part);

static enum xr permute(struct a64_cpu *cpu, pick_fn *pick, unsigned part,
                       const struct a64_f_ZIP1_v *f)
{
    const unsigned count = lane_count(f->q, f->size);
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned i = 0; i < count; i++) {
        const unsigned k = pick(i, count, part);
        lane_set(&r, f->size, i, lane_get(&cpu->v[k < count ? f->rn : f->rm], f->size, k % count));
    }
    cpu->v[f->rd] = r;
    return XR_NEXT;
}

static unsigned pick_unzip(unsigned i, unsigned count, unsigned part)
{
    (void)count;
    return 2 * i + part;
}

static unsigned pick_transpose(unsigned i, unsigned count, unsigned part)
{
    return (i & ~1u) + part + (i & 1 ? count : 0);
}

static unsigned pick_zip(unsigned i, unsigned count, unsigned part)
{
    return i / 2 + part * (count / 2) + (i & 1 ? count : 0);
}

HANDLER(UZP1_v, permute(cpu, pick_unzip, 0, &f))
HANDLER(UZP2_v, permute(cpu, pick_unzip, 1, &f))
HANDLER(TRN1_v, permute(cpu, pick_transpose, 0, &f))
HANDLER(TRN2_v, permute(cpu, pick_transpose, 1, &f))
HANDLER(ZIP1_v, permute(cpu, pick_zip, 0, &f))
HANDLER(ZIP2_v, permute(cpu, pick_zip, 1, &f))

/* ---- Extract and table lookup ---- */

enum xr interp_EXT_v(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_EXT_v f = a64_get_EXT_v(word);
    const unsigned bytes = f.q ? 16 : 8;
    union a64_vreg r = {.d = {0, 0}};
    for (unsigned i = 0; i < bytes; i++) {
        const unsigned k = i + f.imm4;
        r.b[i] = cpu->v[k < bytes ? f.rn : f.rm].b[k % bytes];
    }
    cpu->v[f.rd] = r;
    return XR_NEXT;
}

/* Table of len + 1 registers from Vn on, V0 after V31. Indexes beyond it give the byte of `r`. */
static enum xr lookup(struct a64_cpu *cpu, union a64_vreg r, const struct a64_f_TBL_v *f)
{
    for (unsigned i = 0; i < 16; i++) {
        const unsigned k = cpu->v[f->rm].b[i];
        if (i >= 8 && !f->q)
            r.b[i] = 0;
        else if (k / 16 <= f->len)
            r.b[i] = cpu->v[(f->rn + k / 16) % 32].b[k % 16];
    }
    cpu->v[f->rd] = r;
    return XR_NEXT;
}

HANDLER(TBL_v, lookup(cpu, (union a64_vreg){.d = {0, 0}}, &f))
HANDLER(TBX_v, lookup(cpu, cpu->v[f.rd], &f))

/* ---- Modified immediate: AdvSIMDExpandImm() ---- */

static uint64_t repeat16(uint64_t x)
{
    return x * UINT64_C(0x0001000100010001);
}

static uint64_t repeat32(uint64_t x)
{
    return x << 32 | x;
}

/* MSL: shifted left with ones coming in. */
static uint64_t shift_ones(uint64_t imm8, unsigned sh)
{
    const unsigned n = sh ? 16 : 8;
    return imm8 << n | MASK(n);
}

static uint64_t byte_mask(uint64_t imm8)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < 8; i++)
        if (bit(imm8, i))
            r |= UINT64_C(0xff) << (8 * i);
    return r;
}

/* The bits `keep` of each half of Vd stay, and the bits `x` are set. */
static enum xr immediate(struct a64_cpu *cpu, bool q, unsigned rd, uint64_t keep, uint64_t x)
{
    for (unsigned i = 0; i < 2; i++)
        cpu->v[rd].d[i] = i <= q ? (cpu->v[rd].d[i] & keep) | x : 0;
    return XR_NEXT;
}

#define IMM8(f) ((uint64_t)((f).abc << 5 | (f).defgh))
#define IMM_S repeat32(IMM8(f) << (8 * f.sh))
#define IMM_H repeat16(IMM8(f) << (8 * f.sh))
#define IMM_MSL repeat32(shift_ones(IMM8(f), f.sh))

HANDLER(MOVI_s, immediate(cpu, f.q, f.rd, 0, IMM_S))
HANDLER(MOVI_h, immediate(cpu, f.q, f.rd, 0, IMM_H))
HANDLER(MOVI_msl, immediate(cpu, f.q, f.rd, 0, IMM_MSL))
HANDLER(MOVI_b, immediate(cpu, f.q, f.rd, 0, repeat16(IMM8(f) << 8 | IMM8(f))))
HANDLER(MOVI_d, immediate(cpu, f.q, f.rd, 0, byte_mask(IMM8(f))))
HANDLER(MVNI_s, immediate(cpu, f.q, f.rd, 0, ~IMM_S))
HANDLER(MVNI_h, immediate(cpu, f.q, f.rd, 0, ~IMM_H))
HANDLER(MVNI_msl, immediate(cpu, f.q, f.rd, 0, ~IMM_MSL))
HANDLER(ORR_si, immediate(cpu, f.q, f.rd, UINT64_MAX, IMM_S))
HANDLER(ORR_hi, immediate(cpu, f.q, f.rd, UINT64_MAX, IMM_H))
HANDLER(BIC_si, immediate(cpu, f.q, f.rd, ~IMM_S, 0))
HANDLER(BIC_hi, immediate(cpu, f.q, f.rd, ~IMM_H, 0))
