/* The field table of a vCPU's architected state, and what a loaded state must be: see vcpu.h.
 * Registers go by their array; the interrupt lines are driven again by the interrupt controller
 * after a load.
 *
 * Version words of exclusives are not saved: an exclusive that was open fails once, as it may.
 *
 * A loaded state is refused unless instructions could have led to it: code that acts on a register
 * relies on its RES0 bits being 0. */
#include "vm/vcpu_int.h"

#include "a64/pmu.h"
#include "a64/sysreg.h"

#include <errno.h>

#define V struct a64_cpu
#define OSLSR_OSLK BIT(1)

const struct state_field vcpu_fields[] = {
    F_ARRAY(V, x, uint64_t),
    F_UINT(V, pc),
    F_BYTES(V, v),
    F_UINT(V, fp.fpcr),
    F_UINT(V, fp.fpsr),
    F_UINT(V, nzcv),
    F_UINT(V, daif),
    F_UINT_MAX(V, el, 3),
    F_UINT_MAX(V, spsel, 1),
    F_UINT_MAX(V, pan, 1),
    F_UINT_MAX(V, uao, 1),
    F_UINT_MAX(V, dit, 1),
    F_UINT_MAX(V, ssbs, 1),
    F_UINT_MAX(V, il, 1),
    F_UINT_MAX(V, ss, 1),
    F_UINT_MAX(V, btype, 3),
    F_ARRAY(V, sp, uint64_t),
    F_ARRAY(V, sys, uint64_t),
    F_BOOL(V, monitor.valid),
    F_UINT_MAX(V, monitor.size, 16),
    F_UINT(V, monitor.pa),
    F_ARRAY(V, monitor.value, uint64_t),
    F_UINT(V, monitor.version),
    F_BOOL(V, event_register),
    F_BOOL(V, os_double_lock),
    F_UINT(V, instret),
    F_UINT(V, pmu_cycle_base),
    F_UINT(V, pmu_instr_base),
    F_BOOL(V, step_valid),
    F_BOOL(V, step_exclusive),
    F_DERIVED(V, irq_lines, "driven by the interrupt controller after load"),
    F_DERIVED(V, request, "transient: every request is set again"),
    F_DERIVED(V, attention, "set after either of the two, and after a load"),
    F_DERIVED(V, exit_imm, "transient: consumed before run() is called again"),
    F_WIRING(V, env),
    F_WIRING(V, env_ctx),
    F_WIRING(V, engine),
    F_WIRING(V, features),
    F_WIRING(V, engine_area),
    F_WIRING(V, max_el),
    F_WIRING(V, semihosting),
    F_END,
};

#undef V
#define V struct vcpu

const struct state_field vcpu_run_fields[] = {
    F_DERIVED(V, cpu, "has a table of its own: vcpu_fields"),
    F_WIRING(V, vm),
    F_WIRING(V, index),
    F_WIRING(V, engine),
    F_WIRING(V, thread),
    F_WIRING(V, started),
    F_BOOL(V, powered),
    F_BOOL(V, on_pending),
    F_UINT(V, on_entry),
    F_UINT(V, on_context),
    F_DERIVED(V, broadcast, "vcpu_forget() has the engine forget everything"),
    F_UINT_MAX(V, wait, VCPU_WAIT_WFE),
    F_UINT(V, wait_until),
    F_UINT(V, steal.at),
    F_BOOL(V, steal.on),
    F_UINT(V, steal.ns),
    F_DERIVED(V, steal.fd, "open while the vCPU's thread runs"),
    F_DERIVED(V, steal.seen, "as steal.fd"),
    F_DERIVED(V, steal.due, "as steal.fd"),
    F_WIRING(V, sleep_lock),
    F_WIRING(V, sleep_wake),
    F_DERIVED(V, sleeping, "nobody sleeps while the machine is stopped"),
    F_DERIVED(V, timer, "vcpu_forget() has it set again from the timers' registers"),
    F_DERIVED(V, timer_due, "as timer"),
    F_DERIVED(V, counted_base, "vcpu_settle() and vcpu_forget(): instret, at the clock's time"),
    F_DERIVED(V, exits, "statistics of this run"),
    F_END,
};

/* Time and counters up to the last instruction, and an event sent by another PE. Other requests are
 * made again by vcpu_forget(), or have nothing to ask for after a load. */
void vcpu_settle(struct vcpu *v)
{
    vcpu_sync_clock(v);
    a64_pmu_sync(&v->cpu);
    if (atomic_fetch_and(&v->cpu.request, ~VCPU_REQ_EVENT) & VCPU_REQ_EVENT)
        v->cpu.event_register = true;
}

/* ---- After a load ---- */

static int bad_state(const char *what, struct err *e)
{
    return err_set(e, EINVAL, "saved state of the vCPU is impossible: %s", what);
}

/* Power is on or off or about to be on; only a vCPU with power waits. */
static int check_power(const struct vcpu *v, struct err *e)
{
    bool on = atomic_load(&v->powered);
    if ((on && atomic_load(&v->on_pending)) || (v->wait != VCPU_WAIT_NONE && !on))
        return bad_state("power", e);
    return 0;
}

static int check_pstate(const struct a64_cpu *cpu, struct err *e)
{
    if (cpu->el > cpu->max_el || (cpu->el == 0 && cpu->spsel))
        return bad_state("Exception level", e);
    if (cpu->nzcv & ~(PSTATE_N | PSTATE_Z | PSTATE_C | PSTATE_V) ||
        cpu->daif & ~(PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F))
        return bad_state("PSTATE", e);
    if (cpu->fp.fpcr & ~FPCR_MASK || cpu->fp.fpsr & ~FPSR_MASK)
        return bad_state("FPCR or FPSR", e);
    unsigned size = cpu->monitor.size;
    /* FEAT_LSE2: unaligned exclusives work within 16 bytes. */
    if (cpu->monitor.valid && (size == 0 || size & (size - 1) || cpu->monitor.pa % 16 + size > 16))
        return bad_state("exclusive monitor", e);
    return 0;
}

/* `fresh` is a PE after reset. A register whose writable bits depend on features is written there.
 */
static bool register_is_possible(const struct a64_cpu *cpu, struct a64_cpu *fresh,
                                 enum a64_sysreg reg)
{
    const struct a64_sysreg_info *info = a64_sysreg_info(reg);
    uint64_t value = cpu->sys[reg], changes = info->writable;
    if (reg == A64_OSLSR_EL1)
        changes = OSLSR_OSLK; /* by way of OSLAR_EL1 */
    if (info->flags & A64_SYSREG_ALIAS)
        return value == fresh->sys[reg];
    if (info->wr <= fresh->el && !changes)
        (void)a64_sysreg_write(fresh, info->key, 0, value);
    return !((value ^ fresh->sys[reg]) & ~changes);
}

int vcpu_loaded(struct vcpu *v, struct err *e)
{
    struct a64_cpu *cpu = &v->cpu, fresh = *cpu;
    int r = check_pstate(cpu, e);
    if (!r)
        r = check_power(v, e);
    if (!r)
        r = vcpu_steal_loaded(v, e);
    if (r)
        return r;
    fresh.sys[A64_MPIDR_EL1] = vcpu_mpidr(v);
    a64_reset(&fresh);
    for (unsigned i = 0; i < A64_SYSREG_COUNT; i++) {
        enum a64_sysreg reg = (enum a64_sysreg)i;
        if (!register_is_possible(cpu, &fresh, reg))
            return bad_state(a64_sysreg_info(reg)->name, e);
    }
    vcpu_forget(v);
    return 0;
}
