/* Lifters of hints, barriers, PSTATE and system registers (Arm ARM DDI 0487, C4.1.87, C5).
 *
 * Of the system registers those are lifted of which an access is no more than a load or a masked
 * store (a64_sysreg_is_plain). Of those with accessors a few are that simple, too, and frequent in
 * kernels. Everything else is the interpreter's: what traps, waits, or needs the time, translation
 * or the interrupt controller.
 *
 * The hints that wait or signal are the interpreter's; the others do nothing (system.c there).
 */
#include "engine/lift/lift_gpr_int.h"

#include "a64/debug.h"
#include "a64/sysreg.h"

/* ---- Hints ---- */

#define NO_OPERATION(name)                                                                         \
    bool lift_##name(struct lift *l, uint32_t word)                                                \
    {                                                                                              \
        (void)l;                                                                                   \
        (void)word;                                                                                \
        return true;                                                                               \
    }
NO_OPERATION(HINT)
NO_OPERATION(NOP)
NO_OPERATION(DGH)
NO_OPERATION(XPACLRI)
NO_OPERATION(PACIA1716)
NO_OPERATION(PACIB1716)
NO_OPERATION(AUTIA1716)
NO_OPERATION(AUTIB1716)
NO_OPERATION(PSB)
NO_OPERATION(TSB)
NO_OPERATION(CSDB)
NO_OPERATION(PACIAZ)
NO_OPERATION(PACIASP)
NO_OPERATION(PACIBZ)
NO_OPERATION(PACIBSP)
NO_OPERATION(AUTIAZ)
NO_OPERATION(AUTIASP)
NO_OPERATION(AUTIBZ)
NO_OPERATION(AUTIBSP)
NO_OPERATION(BTI)
NO_OPERATION(SB)
#undef NO_OPERATION

/* Among several vCPUs the host's processor is given away. */
bool lift_YIELD(struct lift *l, uint32_t word)
{
    (void)word;
    return !(l->mode & LIFT_SMP);
}

/* ---- Barriers ---- */

static bool fence(struct lift *l)
{
    ir_emit(l->b, IR_FENCE, IR_VOID, 0, 0, 0, 0, 0);
    return true;
}

/* Loads before (LD), and stores before stores (ST): the host orders these by itself. */
bool lift_DMB(struct lift *l, uint32_t word)
{
    unsigned types = a64_get_DMB(word).crm & 3;
    return types == 1 || types == 2 || fence(l);
}

/* Among several vCPUs it waits for the others (vm/broadcast.h). */
LIFTER(DSB, ((void)f, !(l->mode & LIFT_SMP) && fence(l)))
bool lift_SSBB(struct lift *l, uint32_t word)
{
    (void)word;
    return fence(l);
}

bool lift_PSSBB(struct lift *l, uint32_t word)
{
    (void)word;
    return fence(l);
}

/* Back to the dispatcher, which looks at everything again. */
static bool leave(struct lift *l)
{
    ir_emit(l->b, IR_LEAVE, IR_VOID, 0, 0, 0, 0, l->off + 4);
    l->ended = true;
    return true;
}

/* Instructions that change what ISB synchronises go to the dispatcher by themselves, so it only
 * looks for requests, as the interpreter does. */
bool lift_ISB(struct lift *l, uint32_t word)
{
    const uint64_t offset = offsetof(struct a64_cpu, attention);
    (void)word;
    ir_emit(l->b, IR_LEAVES, IR_VOID, 0, 0, 0, 0,
            (int64_t)(offset << 32 | (uint32_t)(l->off + 4)));
    return true;
}

bool lift_ESB(struct lift *l, uint32_t word)
{
    (void)word;
    return leave(l);
}

bool lift_CLREX(struct lift *l, uint32_t word)
{
    (void)word;
    lift_state_put(l, 0, offsetof(struct a64_cpu, monitor.valid), ir_const(l->b, IR_I32, 0));
    return true;
}

/* ---- PSTATE.DAIF ---- */

#define DAIF_MASK (PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F)

/* Leaves the instruction to the interpreter if PSTATE.D could let debug exceptions happen: CHKSP
 * does that for a value whose low bits are not zero. */
static void unless_debugged(struct lift *l)
{
    _Static_assert(MDSCR_SS == BIT(0) && MDSCR_MDE == BIT(15), "bits move into 3:0");
    struct ir_block *b = l->b;
    ir_val mdscr = lift_state_get(l, 2, offsetof(struct a64_cpu, sys[A64_MDSCR_EL1]));
    ir_val on = ir_bini(b, IR_AND, IR_I32, mdscr, MDSCR_SS | MDSCR_MDE);
    on = ir_bin(b, IR_OR, IR_I32, on, ir_bini(b, IR_SHR, IR_I32, on, 12));
    ir_emit(b, IR_CHKSP, IR_VOID, 0, ir_zext(b, on), 0, 0, 0);
}

/* What was pending may be taken now. */
static void leave_if_pending(struct lift *l)
{
    const uint64_t offset = offsetof(struct a64_cpu, irq_lines);
    ir_emit(l->b, IR_LEAVES, IR_VOID, 0, 0, 0, 0,
            (int64_t)(offset << 32 | (uint32_t)(l->off + 4)));
}

/* MSR DAIFSet and DAIFClr; the other fields change translation or the stack pointer. */
bool lift_MSR_i(struct lift *l, uint32_t word)
{
    const struct a64_f_MSR_i f = a64_get_MSR_i(word);
    const size_t at = offsetof(struct a64_cpu, daif);
    const uint32_t fields = f.crm << 6;
    if (!(l->mode & LIFT_EL1) || f.op1 != 3 || (f.op2 != 6 && f.op2 != 7))
        return false;
    const bool clear = f.op2 == 7;
    if (clear && (fields & PSTATE_D))
        unless_debugged(l);
    ir_val old = lift_state_get(l, 2, at);
    if (!clear) {
        lift_state_put(l, 2, at, ir_bini(l->b, IR_OR, IR_I32, old, fields));
        return true;
    }
    lift_state_put(l, 2, at, ir_bini(l->b, IR_AND, IR_I32, old, ~fields));
    leave_if_pending(l);
    return true;
}

static void write_daif(struct lift *l, ir_val x)
{
    unless_debugged(l);
    x = ir_bini(l->b, IR_AND, IR_I32, ir_trunc(l->b, x), DAIF_MASK);
    lift_state_put(l, 2, offsetof(struct a64_cpu, daif), x);
    leave_if_pending(l);
}

/* ---- System registers ---- */

static unsigned level(const struct lift *l)
{
    return l->mode & LIFT_EL1 ? 1 : 0;
}

/* The register exists at this Exception level, `lowest` being where it may be accessed from. */
static bool exists(const struct lift *l, const struct a64_sysreg_info *info, unsigned lowest)
{
    return lowest <= level(l) && a64_feature_has(l->features, (enum a64_feature)info->feature);
}

static size_t storage(enum a64_sysreg reg)
{
    return offsetof(struct a64_cpu, sys) + sizeof(uint64_t) * (size_t)reg;
}

/* SP_EL0 while it is not the stack pointer. */
static bool sp_el0_allowed(const struct lift *l)
{
    return (l->mode & LIFT_EL1) && !(l->mode & LIFT_SPEL0);
}

#define SCTLR_DZE 14
#define SCTLR_UCI 26

/* DCZID_EL0: blocks of 64 bytes; DZP where SCTLR_EL1.DZE traps. */
static ir_val read_dczid(struct lift *l)
{
    struct ir_block *b = l->b;
    if (l->mode & LIFT_EL1)
        return ir_const(b, IR_I64, 4);
    ir_val sctlr = lift_state_get(l, 3, storage(A64_SCTLR_EL1));
    ir_val dze = ir_bini(b, IR_SHR, IR_I64, sctlr, SCTLR_DZE - 4);
    return ir_bini(b, IR_XOR, IR_I64, ir_bini(b, IR_AND, IR_I64, dze, BIT(4)), BIT(4) | 4);
}

/* The value of a register, or 0: the interpreter reads it. */
static ir_val read_register(struct lift *l, enum a64_sysreg reg)
{
    if (a64_sysreg_is_plain(reg, level(l), false))
        return lift_state_get(l, 3, storage(reg));
    if (reg == A64_DCZID_EL0)
        return read_dczid(l);
    if (reg == A64_FPCR && !(l->mode & LIFT_FPOFF))
        return lift_state_get(l, 2, offsetof(struct a64_cpu, fp.fpcr));
    if (reg == A64_FPSR && !(l->mode & LIFT_FPOFF))
        return ir_zext(l->b, ir_emit(l->b, IR_GETFPSR, IR_I32, 0, 0, 0, 0, 0));
    if (reg == A64_SP_EL0 && sp_el0_allowed(l))
        return lift_state_get(l, 3, offsetof(struct a64_cpu, sp[0]));
    if (!(l->mode & LIFT_EL1))
        return 0;
    switch (reg) {
    case A64_DAIF:
        return lift_state_get(l, 2, offsetof(struct a64_cpu, daif));
    case A64_CurrentEL:
        return ir_const(l->b, IR_I64, 1 << 2);
    case A64_SPSel:
        return ir_const(l->b, IR_I64, l->mode & LIFT_SPEL0 ? 0 : 1);
    default:
        return 0;
    }
}

/* op0:op1:CRn:CRm:op2 */
static enum a64_sysreg find(uint32_t word)
{
    return a64_sysreg_find(word >> 5 & 0xffff);
}

/* CNTKCTL_EL1.{EL0PCTEN, EL0VCTEN}: clear, an access from EL0 traps. */
enum { CNTKCTL_EL0PCTEN = 0, CNTKCTL_EL0VCTEN = 1 };

/* CNTPCT_EL0 and CNTVCT_EL0. When instructions are counted they may be what time is. */
static ir_val read_counter(struct lift *l, enum a64_sysreg reg, uint32_t word)
{
    struct ir_block *b = l->b;
    bool virt = reg == A64_CNTVCT_EL0;
    if (l->mode & LIFT_COUNT || a64_get_MRS(word).rt == 31)
        return 0;
    if (!(l->mode & LIFT_EL1)) {
        ir_val off = lift_state_get(l, 3, storage(A64_CNTKCTL_EL1));
        off = ir_bini(b, IR_SHR, IR_I64, off, virt ? CNTKCTL_EL0VCTEN : CNTKCTL_EL0PCTEN);
        off = ir_bini(b, IR_AND, IR_I64, ir_un(b, IR_NOT, IR_I64, off), 1);
        ir_emit(b, IR_CHKSP, IR_VOID, 0, off, 0, 0, 0);
    }
    ir_val minus = virt ? lift_state_get(l, 3, storage(A64_CNTVOFF_EL2)) : ir_const(b, IR_I64, 0);
    return ir_emit(b, IR_COUNTER, IR_I64, 0, minus, 0, 0,
                   (int64_t)((uint64_t)A64_MRS << 32 | word));
}

bool lift_MRS(struct lift *l, uint32_t word)
{
    const enum a64_sysreg reg = find(word);
    if (reg == A64_SYSREG_COUNT)
        return false;
    const struct a64_sysreg_info *info = a64_sysreg_info(reg);
    if (!exists(l, info, info->rd))
        return false;
    bool counter = reg == A64_CNTVCT_EL0 || reg == A64_CNTPCT_EL0;
    ir_val v = counter ? read_counter(l, reg, word) : read_register(l, reg);
    if (!v)
        return false;
    lift_put(l, a64_get_MRS(word).rt, v);
    return true;
}

/* The bits that are not writable stay as they are. */
static void write_plain(struct lift *l, enum a64_sysreg reg, uint64_t writable, ir_val x)
{
    if (writable != UINT64_MAX) {
        ir_val old = lift_state_get(l, 3, storage(reg));
        old = ir_bini(l->b, IR_AND, IR_I64, old, ~writable);
        x = ir_bin(l->b, IR_OR, IR_I64, old, ir_bini(l->b, IR_AND, IR_I64, x, writable));
    }
    lift_state_put(l, 3, storage(reg), x);
}

bool lift_MSR_r(struct lift *l, uint32_t word)
{
    const unsigned rt = a64_get_MSR_r(word).rt;
    const enum a64_sysreg reg = find(word);
    if (reg == A64_SYSREG_COUNT)
        return false;
    const struct a64_sysreg_info *info = a64_sysreg_info(reg);
    if (!exists(l, info, info->wr))
        return false;
    if (a64_sysreg_is_plain(reg, level(l), true)) {
        write_plain(l, reg, info->writable, lift_x(l, rt, IR_I64));
        return true;
    }
    if (reg == A64_SP_EL0 && sp_el0_allowed(l)) {
        lift_state_put(l, 3, offsetof(struct a64_cpu, sp[0]), lift_x(l, rt, IR_I64));
        return true;
    }
    if (reg == A64_FPSR && !(l->mode & (LIFT_FPOFF | LIFT_FPFLUSH))) {
        ir_val x = ir_bini(l->b, IR_AND, IR_I32, lift_x(l, rt, IR_I32), FPSR_MASK);
        ir_emit(l->b, IR_PUTFPSR, IR_VOID, 0, x, 0, 0, 0);
        return true;
    }
    if (reg == A64_CONTEXTIDR_EL1 && (l->mode & LIFT_EL1)) { /* breakpoints compare it */
        unless_debugged(l);
        write_plain(l, reg, info->writable, lift_x(l, rt, IR_I64));
        return true;
    }
    if (reg == A64_DAIF && (l->mode & LIFT_EL1)) {
        write_daif(l, lift_x(l, rt, IR_I64));
        return true;
    }
    return false;
}

/* ---- System instructions ---- */

/* An address that an instruction of this kind may use. At EL0 a bit of SCTLR_EL1 that is clear
 * traps: then it becomes one that no translation can have, so that the access ends up with the
 * interpreter, which traps. */
static ir_val allowed_address(struct lift *l, unsigned rt, unsigned sctlr_bit)
{
    struct ir_block *b = l->b;
    ir_val va = lift_x(l, rt, IR_I64);
    if (l->mode & LIFT_EL1)
        return va;
    ir_val sctlr = lift_state_get(l, 3, storage(A64_SCTLR_EL1));
    ir_val allowed = ir_bini(b, IR_SHL, IR_I64, sctlr, 63 - sctlr_bit);
    allowed = ir_bini(b, IR_SAR, IR_I64, allowed, 63); /* all ones or none */
    ir_val never = ir_bini(b, IR_AND, IR_I64, ir_un(b, IR_NOT, IR_I64, allowed), BIT(54));
    return ir_bin(b, IR_OR, IR_I64, ir_bin(b, IR_AND, IR_I64, va, allowed), never);
}

/* Caches are coherent: cleaning one needs no more than the permission to read, which a load asks
 * for. Nor does invalidating instructions, since stores do that when they happen; but for what
 * devices wrote, which asks for attention, and among several vCPUs, which must be told. */
static void cache_line(struct lift *l, unsigned rt)
{
    const struct lift_addr at = {.base = allowed_address(l, rt, SCTLR_UCI)};
    (void)lift_load(l, 0, &at);
}

bool lift_SYS(struct lift *l, uint32_t word)
{
    const unsigned rt = a64_get_SYS(word).rt;
    switch (a64_sysop_find(word >> 5 & 0xffff)) {
    case A64_DC_ZVA:
        ir_emit(l->b, IR_ZERO64, IR_VOID, 0, allowed_address(l, rt, SCTLR_DZE), 0, 0, 0);
        return true;
    case A64_DC_CVAC:
    case A64_DC_CVAU:
    case A64_DC_CIVAC:
        cache_line(l, rt);
        return true;
    case A64_IC_IVAU:
        if (l->mode & LIFT_SMP)
            return false;
        cache_line(l, rt);
        return lift_ISB(l, word);
    default:
        return false;
    }
}
