/* Hints, barriers, PSTATE and system registers (Arm ARM DDI 0487, C4.1.87, C5, C6.2).
 *
 * What a register or system instruction does is in a64/ (sysreg*.c), which also decides traps; here
 * are the parts that need the engine: waiting, memory, and telling the run loop to look again at
 * interrupts and translation.
 *
 * Guest memory is shared host memory and x86-64 orders more than A64 asks for except a store before
 * a later load, so every data barrier is one sequentially consistent fence.
 */
#include "engine/interp/interp_int.h"

#include "a64/sysreg.h"
#include "a64_ops.h"
#include "interp_table.h"

/* ---- Waiting ---- */

enum { WFX_WFI = 0, WFX_WFE = 1 }; /* ISS.TI */

/* SCTLR_EL1.nTWI and nTWE trap at EL0 what would wait. True: exception taken.
 * NYI(el2): HCR_EL2.TWI, TWE; NYI(el3): SCR_EL3.TWI, TWE. */
static bool trap_wait(struct a64_cpu *cpu, unsigned ti)
{
    unsigned allowed_bit = ti == WFX_WFI ? 16 : 18;
    if (cpu->el != 0 || bit(cpu->sys[A64_SCTLR_EL1], allowed_bit))
        return false;
    a64_exception(cpu, EC_WFX, 1u << 24 | 0xeu << 20 | ti); /* CV, COND = always */
    return true;
}

enum xr interp_WFI(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    if (a64_wakeup_pending(cpu))
        return XR_SYNC;
    if (trap_wait(cpu, WFX_WFI))
        return XR_EXC;
    cpu->pc += 4;
    return interp_exit(cpu, A64_EXIT_WFI);
}

enum xr interp_WFE(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    if (cpu->event_register) {
        cpu->event_register = false;
        return XR_NEXT;
    }
    if (trap_wait(cpu, WFX_WFE))
        return XR_EXC;
    cpu->pc += 4;
    return interp_exit(cpu, A64_EXIT_WFE);
}

enum xr interp_YIELD(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    if (cpu->env->yield)
        cpu->env->yield(cpu);
    return XR_NEXT;
}

enum xr interp_SEV(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    cpu->env->send_event(cpu);
    return XR_NEXT;
}

enum xr interp_SEVL(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    cpu->event_register = true;
    return XR_NEXT;
}

/* ---- Hints without effect ---- */

/* A physical SError is taken when it arrives, or waits for PSTATE.A; no instruction of this PE
 * leaves an error behind, so there is nothing to defer into DISR_EL1. */
enum xr interp_ESB(struct a64_cpu *cpu, uint32_t word)
{
    (void)cpu;
    (void)word;
    return XR_SYNC;
}

/* BTI only matters to the fetch after a branch, which the run loop checks. The PAC hints are NOPs
 * without FEAT_PAuth. */
#define NO_OPERATION(name)                                                                         \
    enum xr interp_##name(struct a64_cpu *cpu, uint32_t word)                                      \
    {                                                                                              \
        (void)cpu;                                                                                 \
        (void)word;                                                                                \
        return XR_NEXT;                                                                            \
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
NO_OPERATION(SB) /* nothing here is executed speculatively */
#undef NO_OPERATION

/* ---- Barriers ---- */

enum xr interp_CLREX(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    cpu->monitor.valid = false;
    return XR_NEXT;
}

static enum xr data_barrier(void)
{
    atomic_thread_fence(memory_order_seq_cst);
    return XR_NEXT;
}

#define DATA_BARRIER(name)                                                                         \
    enum xr interp_##name(struct a64_cpu *cpu, uint32_t word)                                      \
    {                                                                                              \
        (void)cpu;                                                                                 \
        (void)word;                                                                                \
        return data_barrier();                                                                     \
    }
DATA_BARRIER(SSBB)
DATA_BARRIER(PSSBB)
DATA_BARRIER(DMB)
#undef DATA_BARRIER

/* Also completes the broadcast TLB and instruction cache maintenance of this PE, which every form
 * does here. */
enum xr interp_DSB(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    if (cpu->env->barrier)
        cpu->env->barrier(cpu);
    return data_barrier();
}

enum xr interp_ISB(struct a64_cpu *cpu, uint32_t word)
{
    (void)cpu;
    (void)word;
    return XR_SYNC;
}

/* ---- System registers and instructions ---- */

static enum xr sys_result(struct a64_cpu *cpu, enum a64_sys_result result)
{
    switch (result) {
    case A64_SYS_OK:
        return XR_NEXT;
    case A64_SYS_CONTEXT:
        return XR_SYNC;
    case A64_SYS_TRAPPED:
        return XR_EXC;
    case A64_SYS_EXIT:
        break;
    }
    cpu->pc += 4;
    return interp_exit(cpu, A64_EXIT_REQUEST);
}

/* op0:op1:CRn:CRm:op2 as a64_sysreg_read() and the others take it. */
static inline unsigned sys_key(uint32_t word)
{
    return word >> 5 & 0xffff;
}

enum {
    SYS_DC_IVAC = A64_SYS_KEY(1, 0, 7, 6, 1),
    SYS_DC_ZVA = A64_SYS_KEY(1, 3, 7, 4, 1),
    SYS_IC_IVAU = A64_SYS_KEY(1, 3, 7, 5, 1),
    SYS_DC_CVAC = A64_SYS_KEY(1, 3, 7, 10, 1),
    SYS_DC_CVAU = A64_SYS_KEY(1, 3, 7, 11, 1),
    SYS_DC_CVAP = A64_SYS_KEY(1, 3, 7, 12, 1),
    SYS_DC_CIVAC = A64_SYS_KEY(1, 3, 7, 14, 1),
    DC_ZVA_BYTES = 64, /* DCZID_EL0.BS = 4 */
};

enum xr interp_MSR_i(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_MSR_i f = a64_get_MSR_i(word);
    return sys_result(cpu, a64_msr_imm(cpu, f.op1, f.op2, f.crm));
}

enum xr interp_MSR_r(struct a64_cpu *cpu, uint32_t word)
{
    unsigned rt = a64_get_MSR_r(word).rt;
    return sys_result(cpu, a64_sysreg_write(cpu, sys_key(word), rt, x_read(cpu, rt)));
}

enum xr interp_MRS(struct a64_cpu *cpu, uint32_t word)
{
    unsigned rt = a64_get_MRS(word).rt;
    uint64_t value;
    enum a64_sys_result result = a64_sysreg_read(cpu, sys_key(word), rt, &value);
    if (result != A64_SYS_TRAPPED)
        x_write(cpu, rt, value);
    return sys_result(cpu, result);
}

/* a64_sys() decides whether the instruction exists and is allowed, and does all of those that do
 * not go through the engine's view of memory. */
enum xr interp_SYS(struct a64_cpu *cpu, uint32_t word)
{
    unsigned rt = a64_get_SYS(word).rt, key = sys_key(word);
    uint64_t va = x_read(cpu, rt);
    enum a64_sys_result result = a64_sys(cpu, key, rt, va);
    if (result != A64_SYS_OK)
        return sys_result(cpu, result);
    switch (key) {
    case SYS_DC_ZVA:
        return interp_zero_block(cpu, va, DC_ZVA_BYTES) ? XR_NEXT : XR_EXC;
    case SYS_IC_IVAU:
        return interp_cache_op(cpu, va, CACHE_INSTRUCTIONS) ? XR_SYNC : XR_EXC;
    case SYS_DC_IVAC:
        return interp_cache_op(cpu, va, CACHE_INVALIDATE) ? XR_NEXT : XR_EXC;
    case SYS_DC_CVAC:
    case SYS_DC_CVAU:
    case SYS_DC_CVAP:
    case SYS_DC_CIVAC:
        return interp_cache_op(cpu, va, CACHE_CLEAN) ? XR_NEXT : XR_EXC;
    default:
        return XR_NEXT;
    }
}

/* No system instruction of the implemented features has a result. */
enum xr interp_SYSL(struct a64_cpu *cpu, uint32_t word)
{
    (void)word;
    return interp_undefined(cpu);
}
