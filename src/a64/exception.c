/* Exception entry and return in AArch64 state (Arm ARM D1.3; pseudocode AArch64.TakeException,
 * AArch64.ExceptionReturn, SetPSTATEFromPSR).
 *
 * One function, take(), makes every entry; the exported ones only build the syndrome. ESR.IL is
 * always 1: all A64 instructions are 32 bits, and the classes without an instruction have IL = 1.
 *
 * Choices where the architecture leaves one:
 *  - SPSR.BTYPE is PSTATE.BTYPE for interrupts and for the exceptions that come before or instead
 *    of execution (fetch, step, breakpoints, BRK, branch targets); for all others it is 0.
 *  - On an illegal exception return SSBS, UAO, DIT and BTYPE (UNKNOWN) keep their values.
 *  - PSTATE.DIT is not changed by exception entry, PSTATE.UAO becomes 0.
 *  - SError goes before FIQ, FIQ before IRQ. A physical SError is an edge: taking it clears it.
 *  - SCTLR.IESB needs no action: there are no delayed errors to synchronise.
 * NYI(el2): routing by HCR_EL2 and SCR_EL3 is here for interrupts and EL0's synchronous exceptions
 * (TGE), traps of EL1 instructions to EL2 are not. */
#include "a64/exception.h"

#include "a64/debug.h"
#include "a64/mmu.h"
#include "a64/pmu.h"
#include "a64/sysreg_int.h"

enum vector { VECTOR_SYNC = 0x000, VECTOR_IRQ = 0x080, VECTOR_FIQ = 0x100, VECTOR_SERROR = 0x180 };

#define ESR_EC_SHIFT 26
#define ESR_IL BIT(25)
#define ISS_WNR BIT(6)
#define ISS_S1PTW BIT(7)
#define ISS_CM BIT(8)
#define ISS_EA BIT(9)
#define ISS_DEBUG 0x22u /* DFSC or IFSC: debug exception */
#define ISS_STEP_ISV BIT(24)
#define ISS_STEP_EX BIT(6)
#define ISS_FP_TRAP 0x1e00000u /* CV = 1, COND = 0b1110 */

#define SCTLR_SPAN 23
#define SCTLR_DSSBS 44
#define HCR_FMO 3
#define HCR_IMO 4
#define HCR_AMO 5
#define HCR_TGE 27
#define MDCR_EL2_TDE 8

/* The registers of an Exception level; [0] is never used. */
static const enum a64_sysreg vbar_of[4] = { A64_VBAR_EL1, A64_VBAR_EL1, A64_VBAR_EL2,
                                            A64_VBAR_EL3 };
static const enum a64_sysreg elr_of[4] = { A64_ELR_EL1, A64_ELR_EL1, A64_ELR_EL2, A64_ELR_EL3 };
static const enum a64_sysreg spsr_of[4] = { A64_SPSR_EL1, A64_SPSR_EL1, A64_SPSR_EL2,
                                            A64_SPSR_EL3 };
static const enum a64_sysreg esr_of[4] = { A64_ESR_EL1, A64_ESR_EL1, A64_ESR_EL2, A64_ESR_EL3 };
static const enum a64_sysreg far_of[4] = { A64_FAR_EL1, A64_FAR_EL1, A64_FAR_EL2, A64_FAR_EL3 };
static const enum a64_sysreg sctlr_of[4] = { A64_SCTLR_EL1, A64_SCTLR_EL1, A64_SCTLR_EL2,
                                             A64_SCTLR_EL3 };

/* ---- PSTATE as SPSR ---- */

#define SPSR_M_AARCH32 BIT(4)

uint64_t a64_pstate_read(const struct a64_cpu *cpu)
{
    return cpu->nzcv | (uint64_t)cpu->dit << 24 | (uint64_t)cpu->uao << 23 |
           (uint64_t)cpu->pan << 22 | (uint64_t)cpu->ss << 21 | (uint64_t)cpu->il << 20 |
           (uint64_t)cpu->ssbs << 12 | (uint64_t)cpu->btype << 10 | cpu->daif |
           (uint64_t)cpu->el << 2 | cpu->spsel;
}

static bool has(const struct a64_cpu *cpu, enum a64_feature f)
{
    return a64_feature_has(&cpu->features, f);
}

void a64_pstate_write(struct a64_cpu *cpu, uint64_t spsr)
{
    cpu->nzcv = (uint32_t)spsr & 0xf0000000u;
    cpu->daif = (uint32_t)spsr & 0x3c0u;
    cpu->dit = bit(spsr, 24) && has(cpu, A64_FEAT_DIT);
    cpu->uao = bit(spsr, 23) && has(cpu, A64_FEAT_UAO);
    cpu->pan = bit(spsr, 22) && has(cpu, A64_FEAT_PAN);
    cpu->ss = bit(spsr, 21);
    cpu->il = bit(spsr, 20);
    cpu->ssbs = bit(spsr, 12) && has(cpu, A64_FEAT_SSBS);
    cpu->btype = has(cpu, A64_FEAT_BTI) ? (uint8_t)bits(spsr, 11, 10) : 0;
    cpu->el = (uint8_t)bits(spsr, 3, 2);
    cpu->spsel = (uint8_t)bit(spsr, 0);
}

/* ---- Entry ---- */

static void take(struct a64_cpu *cpu, unsigned target, uint64_t ret, enum vector vector)
{
    uint64_t offset = vector, spsr = a64_pstate_read(cpu);
    uint64_t sctlr = cpu->sys[sctlr_of[target]];

    a64_pmu_el_change(cpu);
    if (target > cpu->el)
        offset += 0x400;
    else if (cpu->spsel)
        offset += 0x200;
    if (ret != cpu->pc)
        spsr = bits_set(spsr, 11, 10, 0);
    cpu->sys[spsr_of[target]] = spsr;
    cpu->sys[elr_of[target]] = ret;
    cpu->el = (uint8_t)target;
    cpu->spsel = 1;
    cpu->daif = PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F;
    cpu->ss = 0;
    cpu->il = 0;
    cpu->btype = 0;
    cpu->uao = 0;
    if (target == 1 && has(cpu, A64_FEAT_PAN) && !bit(sctlr, SCTLR_SPAN))
        cpu->pan = 1;
    if (has(cpu, A64_FEAT_SSBS))
        cpu->ssbs = bit(sctlr, SCTLR_DSSBS);
    cpu->step_valid = false;
    cpu->pc = a64_untag(cpu, cpu->sys[vbar_of[target]] + offset, true, target);
    context_changed(cpu);
}

static void take_sync(struct a64_cpu *cpu, enum a64_ec ec, uint64_t iss, uint64_t ret,
                      unsigned target)
{
    cpu->sys[esr_of[target]] = (uint64_t)ec << ESR_EC_SHIFT | ESR_IL | iss;
    take(cpu, target, ret, VECTOR_SYNC);
}

/* Where a synchronous exception of the current Exception level goes. */
static unsigned sync_target(const struct a64_cpu *cpu)
{
    if (cpu->el == 0)
        return cpu->max_el >= 2 && bit(cpu->sys[A64_HCR_EL2], HCR_TGE) ? 2 : 1;
    return cpu->el;
}

static unsigned debug_target(const struct a64_cpu *cpu)
{
    bool to_el2 = cpu->max_el >= 2 && (bit(cpu->sys[A64_HCR_EL2], HCR_TGE) ||
                                       bit(cpu->sys[A64_MDCR_EL2], MDCR_EL2_TDE));
    return cpu->el == 2 || to_el2 ? 2 : 1;
}

/* The "lower" row of a pair of classes, or the "same" one, which is the next number. */
static enum a64_ec ec_for(const struct a64_cpu *cpu, enum a64_ec lower, unsigned target)
{
    return target > cpu->el ? lower : (enum a64_ec)(lower + 1);
}

void a64_step_advance(struct a64_cpu *cpu)
{
    if (cpu->sys[A64_MDSCR_EL1] & MDSCR_SS)
        cpu->ss = 0;
}

void a64_exception_return_to(struct a64_cpu *cpu, enum a64_ec ec, uint32_t iss, uint64_t ret,
                             unsigned target_el)
{
    unsigned target = sync_target(cpu);
    if (ret != cpu->pc) /* SVC, HVC, SMC: the instruction is done, so SPSR.SS is 0 */
        a64_step_advance(cpu);
    if (target_el > target)
        target = target_el;
    take_sync(cpu, ec, iss, ret, target);
}

void a64_exception(struct a64_cpu *cpu, enum a64_ec ec, uint32_t iss)
{
    take_sync(cpu, ec, iss, cpu->pc, sync_target(cpu));
}

void a64_undefined(struct a64_cpu *cpu)
{
    a64_exception(cpu, EC_UNKNOWN, 0);
}

bool a64_fp_check(struct a64_cpu *cpu)
{
    if (cpu->el <= 1) {
        unsigned fpen = (unsigned)bits(cpu->sys[A64_CPACR_EL1], 21, 20);
        if (fpen != 3 && !(fpen == 1 && cpu->el == 1)) {
            a64_exception(cpu, EC_FP_ACCESS, ISS_FP_TRAP);
            return false;
        }
    }
    if (cpu->max_el >= 2 && cpu->el <= 2 && bit(cpu->sys[A64_CPTR_EL2], 10)) {
        a64_exception_return_to(cpu, EC_FP_ACCESS, ISS_FP_TRAP, cpu->pc, 2);
        return false;
    }
    if (cpu->max_el >= 3 && bit(cpu->sys[A64_CPTR_EL3], 10)) {
        a64_exception_return_to(cpu, EC_FP_ACCESS, ISS_FP_TRAP, cpu->pc, 3);
        return false;
    }
    return true;
}

static uint64_t abort_iss(const struct a64_fault *f)
{
    return f->fsc | (f->s1ptw ? ISS_S1PTW : 0) | (f->external ? ISS_EA : 0);
}

void a64_data_abort(struct a64_cpu *cpu, const struct a64_fault *f)
{
    unsigned target = sync_target(cpu);
    uint64_t iss = abort_iss(f) | (f->write || f->cm ? ISS_WNR : 0) | (f->cm ? ISS_CM : 0);
    cpu->sys[far_of[target]] = f->va;
    take_sync(cpu, ec_for(cpu, EC_DABT_LOWER, target), iss, cpu->pc, target);
}

void a64_prefetch_abort(struct a64_cpu *cpu, const struct a64_fault *f)
{
    unsigned target = sync_target(cpu);
    cpu->sys[far_of[target]] = f->va;
    take_sync(cpu, ec_for(cpu, EC_IABT_LOWER, target), abort_iss(f), cpu->pc, target);
}

void a64_pc_alignment_fault(struct a64_cpu *cpu)
{
    unsigned target = sync_target(cpu);
    cpu->sys[far_of[target]] = cpu->pc;
    take_sync(cpu, EC_PC_ALIGN, 0, cpu->pc, target);
}

void a64_sp_alignment_fault(struct a64_cpu *cpu)
{
    a64_exception(cpu, EC_SP_ALIGN, 0);
}

void a64_illegal_state(struct a64_cpu *cpu)
{
    a64_exception(cpu, EC_ILLEGAL_STATE, 0);
}

void a64_watchpoint(struct a64_cpu *cpu, gva_t va, bool write, bool cm)
{
    unsigned target = debug_target(cpu);
    uint64_t iss = ISS_DEBUG | (write || cm ? ISS_WNR : 0) | (cm ? ISS_CM : 0);
    cpu->sys[far_of[target]] = va;
    take_sync(cpu, ec_for(cpu, EC_WATCHPOINT_LOWER, target), iss, cpu->pc, target);
}

void a64_breakpoint(struct a64_cpu *cpu)
{
    unsigned target = debug_target(cpu);
    take_sync(cpu, ec_for(cpu, EC_BREAKPOINT_LOWER, target), ISS_DEBUG, cpu->pc, target);
}

void a64_software_step(struct a64_cpu *cpu, bool was_exclusive)
{
    unsigned target = debug_target(cpu);
    uint64_t iss = ISS_DEBUG;
    if (cpu->step_valid)
        iss |= ISS_STEP_ISV | (was_exclusive ? ISS_STEP_EX : 0);
    take_sync(cpu, ec_for(cpu, EC_STEP_LOWER, target), iss, cpu->pc, target);
}

/* ---- Interrupts ---- */

/* Target of an asynchronous exception: `scr` and `hcr` are its routing bits. */
static unsigned interrupt_target(const struct a64_cpu *cpu, unsigned scr, unsigned hcr)
{
    if (cpu->max_el >= 3 && bit(cpu->sys[A64_SCR_EL3], scr))
        return 3;
    if (cpu->max_el >= 2 && (bit(cpu->sys[A64_HCR_EL2], hcr) ||
                             bit(cpu->sys[A64_HCR_EL2], HCR_TGE)))
        return 2;
    return 1;
}

static bool interrupt_masked(const struct a64_cpu *cpu, unsigned target, uint32_t mask)
{
    if (target < cpu->el)
        return true;
    if (target > cpu->el && target > 1)
        return false;
    return cpu->daif & mask;
}

static bool take_line(struct a64_cpu *cpu, unsigned lines, unsigned line)
{
    static const struct {
        uint32_t mask;
        uint8_t scr, hcr;
        enum vector vector;
    } how[] = {
        [A64_LINE_IRQ] = { PSTATE_I, 1, HCR_IMO, VECTOR_IRQ },
        [A64_LINE_FIQ] = { PSTATE_F, 2, HCR_FMO, VECTOR_FIQ },
        [A64_LINE_SERROR] = { PSTATE_A, 3, HCR_AMO, VECTOR_SERROR },
    };
    if (!(lines & line))
        return false;
    unsigned target = interrupt_target(cpu, how[line].scr, how[line].hcr);
    if (interrupt_masked(cpu, target, how[line].mask))
        return false;
    if (line == A64_LINE_SERROR) {
        atomic_fetch_and(&cpu->irq_lines, ~line);
        cpu->sys[esr_of[target]] = (uint64_t)EC_SERROR << ESR_EC_SHIFT | ESR_IL;
    }
    take(cpu, target, cpu->pc, how[line].vector);
    return true;
}

bool a64_take_interrupt(struct a64_cpu *cpu)
{
    unsigned lines = atomic_load_explicit(&cpu->irq_lines, memory_order_acquire);
    if (lines == 0)
        return false;
    return take_line(cpu, lines, A64_LINE_SERROR) || take_line(cpu, lines, A64_LINE_FIQ) ||
           take_line(cpu, lines, A64_LINE_IRQ);
}

bool a64_wakeup_pending(const struct a64_cpu *cpu)
{
    return atomic_load_explicit(&cpu->irq_lines, memory_order_acquire) != 0;
}

/* ---- Return ---- */

static bool illegal_return(const struct a64_cpu *cpu, uint64_t spsr)
{
    unsigned el = (unsigned)bits(spsr, 3, 2);
    if (spsr & SPSR_M_AARCH32) /* no AArch32 state at any level */
        return true;
    if (bit(spsr, 1) || (el == 0 && bit(spsr, 0)))
        return true;
    if (el > cpu->el || el > cpu->max_el)
        return true;
    return cpu->max_el >= 2 && el == 1 && bit(cpu->sys[A64_HCR_EL2], HCR_TGE);
}

/* DebugExceptionReturnSS(): SPSR.SS is honoured only where step becomes enabled by the return. */
static bool return_ss(const struct a64_cpu *cpu, uint64_t spsr, bool illegal)
{
    if (!(cpu->sys[A64_MDSCR_EL1] & MDSCR_SS))
        return false;
    unsigned dest = illegal ? cpu->el : (unsigned)bits(spsr, 3, 2);
    return bit(spsr, 21) && !a64_debug_enabled_from(cpu, cpu->el, cpu->daif & PSTATE_D) &&
           a64_debug_enabled_from(cpu, dest, spsr & PSTATE_D);
}

void a64_eret(struct a64_cpu *cpu)
{
    uint64_t spsr = cpu->sys[spsr_of[cpu->el]], pc = cpu->sys[elr_of[cpu->el]];
    bool illegal = illegal_return(cpu, spsr), ss = return_ss(cpu, spsr, illegal);

    a64_pmu_el_change(cpu);
    if (illegal) {
        cpu->il = 1;
        cpu->nzcv = (uint32_t)spsr & 0xf0000000u;
        cpu->daif = (uint32_t)spsr & 0x3c0u;
        cpu->pan = bit(spsr, 22) && has(cpu, A64_FEAT_PAN);
    } else {
        a64_pstate_write(cpu, spsr);
    }
    cpu->ss = ss;
    cpu->step_valid = false;
    cpu->monitor.valid = false;
    cpu->event_register = true;
    cpu->pc = a64_untag(cpu, pc, true, cpu->el);
    context_changed(cpu);
}
