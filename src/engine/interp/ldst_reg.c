/* Loads and stores of one register (Arm ARM DDI 0487, C4.1.94: Load/store register with unsigned,
 * unscaled, pre- and post-indexed immediate, register offset, unprivileged; Load register
 * (literal); C3.2).
 *
 * Every instruction is a kind of transfer (ldst_transfer) at an address made by an addressing mode.
 * The two lists at the end of the file combine them: one row per mnemonic gives its whole family of
 * addressing modes.
 *
 * Write-back happens after the transfer, so a fault leaves the base register as it was.
 * CONSTRAINED UNPREDICTABLE, write-back with Rn = Rt (C6.2 of each instruction): a store stores the
 * old value of the base; after a load the base holds the address, the loaded value is lost.
 *
 * PRFM and PRFUM have no effect: they neither translate nor check the stack pointer's alignment.
 */
#include "engine/interp/handler_int.h"
#include "engine/interp/ldst_int.h"

bool ldst_transfer(struct a64_cpu *cpu, gva_t va, enum ls_kind kind, unsigned log2, unsigned rt,
                   enum interp_acc acc)
{
    const unsigned size = 1u << log2, width = 8u << log2;
    union a64_vreg q = {.d = {0, 0}};
    uint64_t v;
    switch (kind) {
    case LS_STORE:
        return interp_store(cpu, va, size, acc, x_read(cpu, rt) & MASK(width));
    case LS_STORE_V:
        if (log2 == 4)
            return interp_store16(cpu, va, acc, cpu->v[rt].d);
        return interp_store(cpu, va, size, acc, cpu->v[rt].d[0] & MASK(width));
    case LS_LOAD_V:
        if (!(log2 == 4 ? interp_load16(cpu, va, acc, q.d)
                        : interp_load(cpu, va, size, acc, &q.d[0])))
            return false;
        cpu->v[rt] = q;
        return true;
    default:
        break;
    }
    if (!interp_load(cpu, va, size, acc, &v))
        return false;
    if (kind != LS_LOAD)
        v = (uint64_t)sign_extend(v, width);
    x_write(cpu, rt, kind == LS_LOAD_SW ? v & UINT32_MAX : v);
    return true;
}

/* ---- Addressing modes ---- */

/* Base register plus offset. */
static enum xr at_offset(struct a64_cpu *cpu, enum ls_kind kind, unsigned log2, unsigned rt,
                         unsigned rn, uint64_t offset, enum interp_acc acc)
{
    gva_t base;
    if (!interp_base(cpu, rn, &base))
        return XR_EXC;
    return ldst_transfer(cpu, base + offset, kind, log2, rt, acc) ? XR_NEXT : XR_EXC;
}

/* Base register that gets base plus offset afterwards. */
static enum xr indexed(struct a64_cpu *cpu, enum ls_kind kind, unsigned log2, unsigned rt,
                       unsigned rn, uint64_t imm9, bool post)
{
    const uint64_t offset = (uint64_t)sign_extend(imm9, 9);
    gva_t base;
    if (!interp_base(cpu, rn, &base))
        return XR_EXC;
    if (!ldst_transfer(cpu, post ? base : base + offset, kind, log2, rt, ACC_NORMAL))
        return XR_EXC;
    xsp_write(cpu, rn, base + offset);
    return XR_NEXT;
}

/* ExtendReg() for option UXTW, LSL (UXTX), SXTW and SXTX. */
static uint64_t extended(const struct a64_cpu *cpu, unsigned rm, unsigned option, unsigned shift)
{
    uint64_t v = x_read(cpu, rm);
    if (option == 2)
        v &= UINT32_MAX;
    else if (option == 6)
        v = (uint64_t)sign_extend(v, 32);
    return v << shift;
}

static enum xr literal(struct a64_cpu *cpu, enum ls_kind kind, unsigned log2, unsigned rt,
                       uint32_t imm19)
{
    const gva_t va = cpu->pc + ((uint64_t)sign_extend(imm19, 19) << 2);
    return ldst_transfer(cpu, va, kind, log2, rt, ACC_NORMAL) ? XR_NEXT : XR_EXC;
}

/* ---- Handlers ---- */

/* `kind` and `log2` may use the fields f of the instruction. */
#define FAMILY(name, unscaled, kind, log2)                                                         \
    HANDLER(name##_i,                                                                              \
            at_offset(cpu, kind, log2, f.rt, f.rn, (uint64_t)f.imm12 << (log2), ACC_NORMAL))       \
    HANDLER(unscaled,                                                                              \
            at_offset(cpu, kind, log2, f.rt, f.rn, (uint64_t)sign_extend(f.imm9, 9), ACC_NORMAL))  \
    HANDLER(name##_post, indexed(cpu, kind, log2, f.rt, f.rn, f.imm9, true))                       \
    HANDLER(name##_pre, indexed(cpu, kind, log2, f.rt, f.rn, f.imm9, false))                       \
    HANDLER(name##_r, at_offset(cpu, kind, log2, f.rt, f.rn,                                       \
                                extended(cpu, f.rm, f.option, f.s ? (log2) : 0), ACC_NORMAL))

FAMILY(STRB, STURB, LS_STORE, 0)
FAMILY(LDRB, LDURB, LS_LOAD, 0)
FAMILY(LDRSB_x, LDURSB_x, LS_LOAD_SX, 0)
FAMILY(LDRSB_w, LDURSB_w, LS_LOAD_SW, 0)
FAMILY(STRH, STURH, LS_STORE, 1)
FAMILY(LDRH, LDURH, LS_LOAD, 1)
FAMILY(LDRSH_x, LDURSH_x, LS_LOAD_SX, 1)
FAMILY(LDRSH_w, LDURSH_w, LS_LOAD_SW, 1)
FAMILY(STR, STUR, LS_STORE, 2 + f.sf)
FAMILY(LDR, LDUR, LS_LOAD, 2 + f.sf)
FAMILY(LDRSW, LDURSW, LS_LOAD_SX, 2)
FAMILY(STR_v, STUR_v, LS_STORE_V, f.size)
FAMILY(LDR_v, LDUR_v, LS_LOAD_V, f.size)
FAMILY(STR_q, STUR_q, LS_STORE_V, 4)
FAMILY(LDR_q, LDUR_q, LS_LOAD_V, 4)

#define UNPRIVILEGED(name, kind, log2)                                                             \
    HANDLER(name,                                                                                  \
            at_offset(cpu, kind, log2, f.rt, f.rn, (uint64_t)sign_extend(f.imm9, 9), ACC_UNPRIV))

UNPRIVILEGED(STTRB, LS_STORE, 0)
UNPRIVILEGED(LDTRB, LS_LOAD, 0)
UNPRIVILEGED(LDTRSB_x, LS_LOAD_SX, 0)
UNPRIVILEGED(LDTRSB_w, LS_LOAD_SW, 0)
UNPRIVILEGED(STTRH, LS_STORE, 1)
UNPRIVILEGED(LDTRH, LS_LOAD, 1)
UNPRIVILEGED(LDTRSH_x, LS_LOAD_SX, 1)
UNPRIVILEGED(LDTRSH_w, LS_LOAD_SW, 1)
UNPRIVILEGED(STTR, LS_STORE, 2 + f.sf)
UNPRIVILEGED(LDTR, LS_LOAD, 2 + f.sf)
UNPRIVILEGED(LDTRSW, LS_LOAD_SX, 2)

HANDLER(LDR_lit, literal(cpu, LS_LOAD, 2 + f.sf, f.rt, f.imm19))
HANDLER(LDRSW_lit, literal(cpu, LS_LOAD_SX, 2, f.rt, f.imm19))
HANDLER(LDR_v_lit, literal(cpu, LS_LOAD_V, 2 + f.opc, f.rt, f.imm19))

#define PREFETCH(name)                                                                             \
    enum xr interp_##name(struct a64_cpu *cpu, uint32_t word)                                      \
    {                                                                                              \
        (void)cpu;                                                                                 \
        (void)word;                                                                                \
        return XR_NEXT;                                                                            \
    }

PREFETCH(PRFM_i)
PREFETCH(PRFUM)
PREFETCH(PRFM_r)
PREFETCH(PRFM_lit)
