/* Power and reset of a vCPU (PSCI, DEN0022 5.5 to 5.8; Arm ARM D1.3.4).
 *
 * A PE's state belongs to its thread. So CPU_ON only leaves entry point and context and a request;
 * the PE's own thread resets it and begins, and until then its power is "on pending". A PE that has
 * just called CPU_OFF may be asked to come back before its thread sleeps: it finds the request.
 */
#include "vm/vcpu_int.h"

uint64_t vcpu_mpidr(const struct vcpu *v)
{
    return BIT(31) | (v->index & 15) | (uint64_t)(v->index >> 4) << 8;
}

void vcpu_forget(struct vcpu *v)
{
    atomic_store(&v->cpu.request,
                 VCPU_REQ_TIMER | (atomic_load(&v->on_pending) ? VCPU_REQ_POWER : 0));
    atomic_store(&v->cpu.attention, 1);
    v->counted_base = v->cpu.instret;
    broadcast_reset(v);
    v->engine->context_changed(v);
    v->engine->forget(v);
    v->engine->tlbi(v, &(struct a64_tlbi){.scope = A64_TLBI_ALL, .el = 1});
}

static void reset_pe(struct vcpu *v, uint64_t pc, uint64_t x0)
{
    a64_reset(&v->cpu);
    v->cpu.sys[A64_MPIDR_EL1] = vcpu_mpidr(v);
    v->cpu.pc = pc;
    v->cpu.x[0] = x0;
    v->wait = VCPU_WAIT_NONE;
    v->wait_until = 0;
    atomic_store(&v->cpu.irq_lines, 0);
}

void vcpu_reset(struct vcpu *v)
{
    bool first = v->index == 0;
    reset_pe(v, first ? v->vm->boot_pc : 0, first ? v->vm->boot_x0 : 0);
    atomic_store(&v->powered, first);
    atomic_store(&v->on_pending, false);
    v->on_entry = v->on_context = 0;
    vcpu_steal_reset(v);
    vcpu_forget(v);
}

/* ---- Power ---- */

static void reset_interrupts(struct vcpu *v)
{
    struct intc *ic = v->vm->intc;
    if (ic && ic->ops->reset_cpu)
        ic->ops->reset_cpu(ic, v->index);
}

static enum vcpu_power power_locked(struct vcpu *v)
{
    return atomic_load(&v->powered) ? VCPU_ON
           : atomic_load(&v->on_pending) ? VCPU_ON_PENDING
                                         : VCPU_OFF;
}

enum vcpu_power vcpu_power(struct vcpu *v)
{
    pthread_mutex_lock(&v->vm->lock);
    enum vcpu_power p = power_locked(v);
    pthread_mutex_unlock(&v->vm->lock);
    return p;
}

enum vcpu_power vcpu_power_on(struct vcpu *v, uint64_t entry, uint64_t context)
{
    pthread_mutex_lock(&v->vm->lock);
    enum vcpu_power was = power_locked(v);
    if (was == VCPU_OFF) {
        v->on_entry = entry;
        v->on_context = context;
        atomic_store(&v->on_pending, true);
    }
    pthread_mutex_unlock(&v->vm->lock);
    if (was == VCPU_OFF)
        vcpu_request(v, VCPU_REQ_POWER);
    return was;
}

void vcpu_power_off(struct vcpu *v)
{
    reset_interrupts(v);
    pthread_mutex_lock(&v->vm->lock);
    atomic_store(&v->powered, false);
    pthread_mutex_unlock(&v->vm->lock);
}

void vcpu_power_take(struct vcpu *v)
{
    pthread_mutex_lock(&v->vm->lock);
    uint64_t entry = v->on_entry, context = v->on_context;
    atomic_store(&v->on_pending, false);
    atomic_store(&v->powered, true);
    v->on_entry = v->on_context = 0;
    pthread_mutex_unlock(&v->vm->lock);
    reset_pe(v, entry, context);
    vcpu_forget(v);
    reset_interrupts(v);
}
