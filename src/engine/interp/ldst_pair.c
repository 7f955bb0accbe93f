/* Loads and stores of register pairs (Arm ARM DDI 0487, C4.1.94: Load/store register pair, and
 * no-allocate pair, whose hint is ignored).
 *
 * No register changes before both elements have been accessed. A store of two Q registers is two
 * accesses of 16 bytes: when the second one faults the first has been stored, which the
 * architecture allows, as the instruction is executed again from the start.
 *
 * CONSTRAINED UNPREDICTABLE: a load with Rt = Rt2 leaves the second element in the register;
 * write-back with Rn = Rt or Rt2 is done last, so the base holds the address after a load, and a
 * store stores its old value.
 */
#include "engine/interp/interp_int.h"

#include "interp_table.h"

enum pair_kind { PAIR_X, PAIR_SW, PAIR_V };
enum pair_mode { PAIR_OFF, PAIR_POST, PAIR_PRE };

static bool pair_load(struct a64_cpu *cpu, gva_t va, enum pair_kind kind, unsigned log2,
                      unsigned rt, unsigned rt2)
{
    union a64_vreg v[2] = {{.d = {0, 0}}, {.d = {0, 0}}};
    uint64_t x[2];
    if (log2 == 4) {
        if (!interp_load16(cpu, va, ACC_NORMAL, v[0].d) ||
            !interp_load16(cpu, va + 16, ACC_NORMAL, v[1].d))
            return false;
    } else {
        if (!interp_load_pair(cpu, va, 1u << log2, ACC_NORMAL, x))
            return false;
        v[0].d[0] = x[0];
        v[1].d[0] = x[1];
    }
    if (kind == PAIR_V) {
        cpu->v[rt] = v[0];
        cpu->v[rt2] = v[1];
        return true;
    }
    x_write(cpu, rt, kind == PAIR_SW ? (uint64_t)sign_extend(x[0], 32) : x[0]);
    x_write(cpu, rt2, kind == PAIR_SW ? (uint64_t)sign_extend(x[1], 32) : x[1]);
    return true;
}

static bool pair_store(struct a64_cpu *cpu, gva_t va, enum pair_kind kind, unsigned log2,
                       unsigned rt, unsigned rt2)
{
    if (log2 == 4)
        return interp_store16(cpu, va, ACC_NORMAL, cpu->v[rt].d) &&
               interp_store16(cpu, va + 16, ACC_NORMAL, cpu->v[rt2].d);
    const uint64_t mask = MASK(8u << log2);
    const uint64_t x[2] = {
        (kind == PAIR_V ? cpu->v[rt].d[0] : x_read(cpu, rt)) & mask,
        (kind == PAIR_V ? cpu->v[rt2].d[0] : x_read(cpu, rt2)) & mask,
    };
    return interp_store_pair(cpu, va, 1u << log2, ACC_NORMAL, x);
}

static enum xr pair(struct a64_cpu *cpu, bool load, enum pair_kind kind, unsigned log2,
                    enum pair_mode mode, const struct a64_f_STP_off *f)
{
    const uint64_t offset = (uint64_t)sign_extend(f->imm7, 7) << log2;
    gva_t base;
    if (!interp_base(cpu, f->rn, &base))
        return XR_EXC;
    const gva_t va = mode == PAIR_POST ? base : base + offset;
    if (load ? !pair_load(cpu, va, kind, log2, f->rt, f->rt2)
             : !pair_store(cpu, va, kind, log2, f->rt, f->rt2))
        return XR_EXC;
    if (mode != PAIR_OFF)
        xsp_write(cpu, f->rn, base + offset);
    return XR_NEXT;
}

/* The lines differ in whether and how the width is a field; the rest goes on in STP's fields. */
#define HANDLER(name, load, kind, log2, mode)                                                      \
    enum xr interp_##name(struct a64_cpu *cpu, uint32_t word)                                      \
    {                                                                                              \
        const struct a64_f_##name f = a64_get_##name(word);                                        \
        const struct a64_f_STP_off g = {.imm7 = f.imm7, .rt2 = f.rt2, .rn = f.rn, .rt = f.rt};     \
        return pair(cpu, load, kind, log2, mode, &g);                                              \
    }

#define MODES(name, load, kind, log2)                                                              \
    HANDLER(name##_off, load, kind, log2, PAIR_OFF)                                                \
    HANDLER(name##_post, load, kind, log2, PAIR_POST)                                              \
    HANDLER(name##_pre, load, kind, log2, PAIR_PRE)

MODES(STP, false, PAIR_X, 2 + f.sf)
MODES(LDP, true, PAIR_X, 2 + f.sf)
MODES(LDPSW, true, PAIR_SW, 2)
MODES(STP_v, false, PAIR_V, 2 + f.opc)
MODES(LDP_v, true, PAIR_V, 2 + f.opc)

HANDLER(STNP, false, PAIR_X, 2 + f.sf, PAIR_OFF)
HANDLER(LDNP, true, PAIR_X, 2 + f.sf, PAIR_OFF)
HANDLER(STNP_v, false, PAIR_V, 2 + f.opc, PAIR_OFF)
HANDLER(LDNP_v, true, PAIR_V, 2 + f.opc, PAIR_OFF)
