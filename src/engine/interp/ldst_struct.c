/* AdvSIMD loads and stores of structures (Arm ARM DDI 0487, C4.1.94: AdvSIMD load/store multiple
 * structures, single structure, and their post-indexed forms).
 *
 * Elements are accessed one by one in the order of the manual's pseudocode, each aligned by itself.
 * Loaded registers are collected first and written when all elements have arrived; a store that
 * faults has stored the elements before the faulting one, as the architecture allows.
 */
#include "engine/interp/handler_int.h"
#include "engine/interp/simd_int.h"

enum { NO_WRITEBACK = -1 };

/* Base := base + Xm, or + `bytes` when m is 31. */
static void write_back(struct a64_cpu *cpu, unsigned rn, gva_t base, int rm, unsigned bytes)
{
    if (rm != NO_WRITEBACK)
        xsp_write(cpu, rn, base + (rm == 31 ? bytes : cpu->x[rm]));
}

static bool element(struct a64_cpu *cpu, gva_t va, bool load, unsigned log2, union a64_vreg *v,
                    unsigned lane)
{
    uint64_t x;
    if (!load)
        return interp_store(cpu, va, 1u << log2, ACC_VECTOR, lane_get(v, log2, lane));
    if (!interp_load(cpu, va, 1u << log2, ACC_VECTOR, &x))
        return false;
    lane_set(v, log2, lane, x);
    return true;
}

struct multiple {
    bool load, q;
    unsigned rpt, selem; /* registers one after the other, and interleaved */
    unsigned size, rn, rt;
    int rm;
};

static enum xr multiple(struct a64_cpu *cpu, const struct multiple *m)
{
    const unsigned lanes = (m->q ? 16u : 8u) >> m->size, regs = m->rpt * m->selem;
    union a64_vreg buf[4] = {{.d = {0, 0}}};
    gva_t base;
    if (!interp_base(cpu, m->rn, &base))
        return XR_EXC;
    if (!m->load)
        for (unsigned i = 0; i < regs; i++)
            buf[i] = cpu->v[(m->rt + i) % 32];
    gva_t va = base;
    for (unsigned r = 0; r < m->rpt; r++)
        for (unsigned e = 0; e < lanes; e++)
            for (unsigned s = 0; s < m->selem; s++, va += 1u << m->size)
                if (!element(cpu, va, m->load, m->size, &buf[r + s], e))
                    return XR_EXC;
    if (m->load)
        for (unsigned i = 0; i < regs; i++)
            cpu->v[(m->rt + i) % 32] = buf[i];
    write_back(cpu, m->rn, base, m->rm, (unsigned)(va - base));
    return XR_NEXT;
}

struct single {
    bool load;
    unsigned selem, log2, lane, rn, rt;
    int rm;
};

static enum xr single(struct a64_cpu *cpu, const struct single *s)
{
    union a64_vreg buf[4];
    gva_t base;
    if (!interp_base(cpu, s->rn, &base))
        return XR_EXC;
    for (unsigned i = 0; i < s->selem; i++) {
        buf[i] = cpu->v[(s->rt + i) % 32];
        if (!element(cpu, base + (i << s->log2), s->load, s->log2, &buf[i], s->lane))
            return XR_EXC;
    }
    if (s->load)
        for (unsigned i = 0; i < s->selem; i++)
            cpu->v[(s->rt + i) % 32] = buf[i];
    write_back(cpu, s->rn, base, s->rm, s->selem << s->log2);
    return XR_NEXT;
}

/* LD1R to LD4R: each element to all lanes of its register. */
static enum xr replicate(struct a64_cpu *cpu, unsigned selem, unsigned log2, bool q, unsigned rn,
                         unsigned rt, int rm)
{
    union a64_vreg buf[4] = {{.d = {0, 0}}};
    gva_t base;
    if (!interp_base(cpu, rn, &base))
        return XR_EXC;
    for (unsigned i = 0; i < selem; i++) {
        if (!element(cpu, base + (i << log2), true, log2, &buf[i], 0))
            return XR_EXC;
        for (unsigned e = 1; e < (q ? 16u : 8u) >> log2; e++)
            lane_set(&buf[i], log2, e, lane_get(&buf[i], log2, 0));
    }
    for (unsigned i = 0; i < selem; i++)
        cpu->v[(rt + i) % 32] = buf[i];
    write_back(cpu, rn, base, rm, selem << log2);
    return XR_NEXT;
}

/* ---- Handlers ---- */

#define MULTIPLE_1(name, is_load, n_rpt, n_selem, index)                                           \
    HANDLER(name, multiple(cpu, &(struct multiple){.load = is_load, .q = f.q, .rpt = n_rpt,        \
                                                   .selem = n_selem, .size = f.size, .rn = f.rn,   \
                                                   .rt = f.rt, .rm = index}))
#define MULTIPLE(tail, rpt, selem)                                                                 \
    MULTIPLE_1(LD##tail, true, rpt, selem, NO_WRITEBACK)                                           \
    MULTIPLE_1(LD##tail##_post, true, rpt, selem, (int)f.rm)                                       \
    MULTIPLE_1(ST##tail, false, rpt, selem, NO_WRITEBACK)                                          \
    MULTIPLE_1(ST##tail##_post, false, rpt, selem, (int)f.rm)

MULTIPLE(1_m1, 1, 1)
MULTIPLE(1_m2, 2, 1)
MULTIPLE(1_m3, 3, 1)
MULTIPLE(1_m4, 4, 1)
MULTIPLE(2_m, 1, 2)
MULTIPLE(3_m, 1, 3)
MULTIPLE(4_m, 1, 4)

#define SINGLE_1(name, is_load, n_selem, n_log2, n_lane, index)                                    \
    HANDLER(name, single(cpu, &(struct single){.load = is_load, .selem = n_selem, .log2 = n_log2,  \
                                               .lane = n_lane, .rn = f.rn, .rt = f.rt,             \
                                               .rm = index}))
#define SINGLE_MODES(tail, selem, log2, lane)                                                      \
    SINGLE_1(LD##tail, true, selem, log2, lane, NO_WRITEBACK)                                      \
    SINGLE_1(LD##tail##_post, true, selem, log2, lane, (int)f.rm)                                  \
    SINGLE_1(ST##tail, false, selem, log2, lane, NO_WRITEBACK)                                     \
    SINGLE_1(ST##tail##_post, false, selem, log2, lane, (int)f.rm)
/* The lane number is Q:S:size, without the bits of it that tell the element size. */
#define SINGLE(n)                                                                                  \
    SINGLE_MODES(n##_sb, n, 0, f.q << 3 | f.s << 2 | f.size)                                       \
    SINGLE_MODES(n##_sh, n, 1, f.q << 2 | f.s << 1 | f.size)                                       \
    SINGLE_MODES(n##_ss, n, 2, f.q << 1 | f.s)                                                     \
    SINGLE_MODES(n##_sd, n, 3, f.q)

SINGLE(1)
SINGLE(2)
SINGLE(3)
SINGLE(4)

#define REPLICATE(n)                                                                               \
    HANDLER(LD##n##R, replicate(cpu, n, f.size, f.q, f.rn, f.rt, NO_WRITEBACK))                    \
    HANDLER(LD##n##R_post, replicate(cpu, n, f.size, f.q, f.rn, f.rt, (int)f.rm))

REPLICATE(1)
REPLICATE(2)
REPLICATE(3)
REPLICATE(4)
