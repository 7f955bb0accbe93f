/* Branches, exception generation and exception return (Arm ARM DDI 0487, C4.1.87, C6.2; branch
 * target identification: D8.4.5).
 *
 * PSTATE.BTYPE is zero after every instruction but BR and BLR: the run loop clears it before it
 * calls a handler, and checks it when the target is fetched from a guarded page.
 *
 * The target of a branch to a register loses its ignored top byte (BranchAddr()). Direct branches
 * cannot leave the half of the address space they are in except where no code can be, so that is
 * not done for them.
 */
#include "engine/interp/interp_int.h"

#include "a64/mmu.h"
#include "a64_ops.h"
#include "interp_table.h"

/* ---- Direct branches ---- */

static inline enum xr branch_by(struct a64_cpu *cpu, uint32_t imm, unsigned width)
{
    cpu->pc += (uint64_t)sign_extend(imm, width) << 2;
    return XR_BRANCH;
}

enum xr interp_B(struct a64_cpu *cpu, uint32_t word)
{
    return branch_by(cpu, a64_get_B(word).imm26, 26);
}

enum xr interp_BL(struct a64_cpu *cpu, uint32_t word)
{
    cpu->x[30] = cpu->pc + 4;
    return branch_by(cpu, a64_get_BL(word).imm26, 26);
}

enum xr interp_B_cond(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_B_cond f = a64_get_B_cond(word);
    return condition_holds(cpu->nzcv, f.cond) ? branch_by(cpu, f.imm19, 19) : XR_NEXT;
}

enum xr interp_CBZ(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_CBZ f = a64_get_CBZ(word);
    uint64_t x = x_read(cpu, f.rt);
    return (f.sf ? x : (uint32_t)x) == 0 ? branch_by(cpu, f.imm19, 19) : XR_NEXT;
}

enum xr interp_CBNZ(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_CBNZ f = a64_get_CBNZ(word);
    uint64_t x = x_read(cpu, f.rt);
    return (f.sf ? x : (uint32_t)x) != 0 ? branch_by(cpu, f.imm19, 19) : XR_NEXT;
}

enum xr interp_TBZ(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_TBZ f = a64_get_TBZ(word);
    return bit(x_read(cpu, f.rt), f.b5 << 5 | f.b40) ? XR_NEXT : branch_by(cpu, f.imm14, 14);
}

enum xr interp_TBNZ(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_TBNZ f = a64_get_TBNZ(word);
    return bit(x_read(cpu, f.rt), f.b5 << 5 | f.b40) ? branch_by(cpu, f.imm14, 14) : XR_NEXT;
}

/* ---- Branches to a register ---- */

/* PSTATE.BTYPE after them (BTypeNext). */
enum btype { BTYPE_NONE = 0, BTYPE_CALL_OR_JUMP = 1, BTYPE_CALL = 2, BTYPE_JUMP = 3 };

static enum xr branch_to(struct a64_cpu *cpu, uint64_t target, enum btype btype)
{
    if (a64_feature_has(&cpu->features, A64_FEAT_BTI))
        cpu->btype = (uint8_t)btype;
    cpu->pc = a64_untag(cpu, target, true, cpu->el);
    return XR_BRANCH;
}

/* A jump from a guarded page must land on BTI j, unless by X16 or X17, which veneers of calls use
 * and which may land on BTI c too. */
enum xr interp_BR(struct a64_cpu *cpu, uint32_t word)
{
    unsigned rn = a64_get_BR(word).rn;
    bool strict = rn != 16 && rn != 17 && a64_feature_has(&cpu->features, A64_FEAT_BTI) &&
                  interp_page_guarded(cpu);
    return branch_to(cpu, x_read(cpu, rn), strict ? BTYPE_JUMP : BTYPE_CALL_OR_JUMP);
}

enum xr interp_BLR(struct a64_cpu *cpu, uint32_t word)
{
    uint64_t target = x_read(cpu, a64_get_BLR(word).rn);
    cpu->x[30] = cpu->pc + 4;
    return branch_to(cpu, target, BTYPE_CALL);
}

enum xr interp_RET(struct a64_cpu *cpu, uint32_t word)
{
    return branch_to(cpu, x_read(cpu, a64_get_RET(word).rn), BTYPE_NONE);
}

/* ---- Exception return ---- */

enum xr interp_ERET(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    if (cpu->el == 0)
        return interp_undefined(cpu);
    a64_eret(cpu);
    return XR_EXC;
}

/* Debug state is never entered: there is no external debugger in the architected sense. */
enum xr interp_DRPS(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    return interp_undefined(cpu);
}

/* ---- Exception generation ---- */

enum xr interp_UDF(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    return interp_undefined(cpu);
}

/* NYI(el2): HCR_EL2.TGE routes to EL2. */
enum xr interp_SVC(struct a64_cpu *cpu, uint32_t word)
{
    a64_exception_return_to(cpu, EC_SVC64, a64_get_SVC(word).imm16, cpu->pc + 4,
                            cpu->el ? cpu->el : 1);
    return XR_EXC;
}

/* A call of the monitor: PSCI and SMCCC, as if firmware ran at the level above. */
static enum xr monitor_call(struct a64_cpu *cpu, uint32_t imm16, enum a64_exit reason)
{
    cpu->exit_imm = (uint16_t)imm16;
    cpu->pc += 4;
    a64_step_advance(cpu);
    return interp_exit(cpu, reason);
}

enum xr interp_HVC(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_HVC f = a64_get_HVC(word);
    if (cpu->el == 0)
        return interp_undefined(cpu);
    if (cpu->max_el < 2)
        return monitor_call(cpu, f.imm16, A64_EXIT_HVC);
    /* NYI(el2): HCR_EL2.HCD, SCR_EL3.HCE. */
    a64_exception_return_to(cpu, EC_HVC64, f.imm16, cpu->pc + 4, cpu->el == 3 ? 3 : 2);
    return XR_EXC;
}

/* UNDEFINED without EL3, which the monitor plays the part of when the guest has EL2. */
enum xr interp_SMC(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_SMC f = a64_get_SMC(word);
    if (cpu->el == 0 || cpu->max_el < 2)
        return interp_undefined(cpu);
    if (cpu->max_el < 3)
        return monitor_call(cpu, f.imm16, A64_EXIT_SMC);
    /* NYI(el3): SCR_EL3.SMD; HCR_EL2.TSC traps from EL1. */
    a64_exception_return_to(cpu, EC_SMC64, f.imm16, cpu->pc + 4, 3);
    return XR_EXC;
}

enum xr interp_BRK(struct a64_cpu *cpu, uint32_t word)
{
    a64_exception(cpu, EC_BRK64, a64_get_BRK(word).imm16);
    return XR_EXC;
}

/* Halting debug is disabled, so HLT is UNDEFINED, but for the semihosting call (which the monitor
 * serves with PC at the instruction and then steps over). */
enum xr interp_HLT(struct a64_cpu *cpu, uint32_t word)
{
    if (cpu->semihosting && a64_get_HLT(word).imm16 == 0xf000)
        return interp_exit(cpu, A64_EXIT_SEMIHOST);
    return interp_undefined(cpu);
}

/* Only for Debug state. */
enum xr interp_DCPS1(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    return interp_undefined(cpu);
}

enum xr interp_DCPS2(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    return interp_undefined(cpu);
}

enum xr interp_DCPS3(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    return interp_undefined(cpu);
}
