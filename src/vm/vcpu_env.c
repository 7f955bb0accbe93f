/* What architected behaviour asks of its surroundings (struct a64_env), and the part of the generic
 * timer (Arm ARM D11) that lies outside the PE: the outputs of its timers are wires to the
 * interrupt controller, recomputed when a timer register is written and when the earliest deadline
 * passes.
 */
#include "vm/vcpu_int.h"

#include "a64/pmu.h"
#include "a64/sysreg.h"
#include "base/rng.h"

#include <sched.h>

static struct vcpu *vcpu_of(struct a64_cpu *cpu)
{
    return cpu->env_ctx;
}

/* ---- Timers ---- */

vtime_t vcpu_now(struct vcpu *v)
{
    struct clock *c = &v->vm->clock;
    vtime_t now = clock_now(c);
    return c->source == CLOCK_COUNTED ? now + (v->cpu.instret - v->counted_base) : now;
}

/* PPI numbers of the timers' outputs on this machine (INTID - 16). */
static const uint8_t timer_ppi[A64_TIMER_COUNT] = {
    [A64_TIMER_PHYS] = 14,
    [A64_TIMER_VIRT] = 11,
    [A64_TIMER_HYP] = 10,
    [A64_TIMER_SEC] = 13,
};

#define PMU_PPI 7

/* Virtual time when an enabled cycle counter overflows. */
static vtime_t vcpu_pmu_due(struct vcpu *v)
{
    uint64_t cycles, instructions;
    a64_pmu_next(&v->cpu, &cycles, &instructions);
    vtime_t now = vcpu_now(v);
    return cycles < VTIME_NEVER - now ? now + cycles : VTIME_NEVER;
}

void vcpu_update_timers(struct vcpu *v, bool rearm)
{
    uint64_t next;
    unsigned levels = a64_timer_levels(&v->cpu, vcpu_now(v), &next);
    struct intc *ic = v->vm->intc;
    if (vcpu_pmu_due(v) < next)
        next = vcpu_pmu_due(v);
    for (unsigned i = 0; ic && i < A64_TIMER_COUNT; i++)
        ic->ops->set_ppi(ic, v->index, timer_ppi[i], bit(levels, i));
    if (rearm || next != v->timer_due) {
        v->timer_due = next;
        clock_timer_set(&v->vm->clock, &v->timer, next);
    }
}

/* ---- struct a64_env ---- */

static bool env_walk_read(struct a64_cpu *cpu, gpa_t pa, uint64_t *value)
{
    const uint64_t *p = mem_ptr(&vcpu_of(cpu)->vm->mem, pa, 8, MEM_READ);
    if (!p || pa % 8)
        return false;
    *value = __atomic_load_n(p, __ATOMIC_ACQUIRE);
    return true;
}

static bool env_walk_cas(struct a64_cpu *cpu, gpa_t pa, uint64_t *expected, uint64_t desired)
{
    struct mem *m = &vcpu_of(cpu)->vm->mem;
    uint64_t *p = mem_ptr(m, pa, 8, MEM_WRITE);
    if (!p || pa % 8)
        return false;
    __atomic_compare_exchange_n(p, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    mem_wrote(m, pa, 8);
    return true;
}

static uint64_t env_counter(struct a64_cpu *cpu)
{
    return vcpu_now(vcpu_of(cpu));
}

static void env_timer_changed(struct a64_cpu *cpu)
{
    vcpu_update_timers(vcpu_of(cpu), false);
}

/* The next overflow may be nearer than what run() was called for: it returns and is called again.
 */
static void env_pmu_changed(struct a64_cpu *cpu)
{
    struct vcpu *v = vcpu_of(cpu);
    struct intc *ic = v->vm->intc;
    if (ic)
        ic->ops->set_ppi(ic, v->index, PMU_PPI, a64_pmu_level(cpu));
    vcpu_request(v, VCPU_REQ_TIMER);
}

static bool env_random(struct a64_cpu *cpu, uint64_t *value)
{
    rng_bytes(value, sizeof(*value));
    *value = journal_value(&vcpu_of(cpu)->vm->journal, JOURNAL_RANDOM, *value);
    return true;
}

static bool env_icc_read(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    struct vcpu *v = vcpu_of(cpu);
    struct intc *ic = v->vm->intc;
    return ic && ic->ops->sysreg_read(ic, v->index, reg, value);
}

static bool env_icc_write(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    struct vcpu *v = vcpu_of(cpu);
    struct intc *ic = v->vm->intc;
    return ic && ic->ops->sysreg_write(ic, v->index, reg, value);
}

static void env_tlbi(struct a64_cpu *cpu, const struct a64_tlbi *op)
{
    struct vcpu *v = vcpu_of(cpu);
    v->engine->tlbi(v, op);
    if (op->broadcast)
        broadcast_tlbi(v, op);
}

/* A page that nobody has marked as code is in no vCPU's caches. Marking comes before the reading of
 * its words, and the fence orders this PE's stores before the look at the mark. */
static bool page_has_code(const struct mem *m, gpa_t pa)
{
    uint64_t off = pa - m->ram_base;
    atomic_thread_fence(memory_order_seq_cst);
    return off < m->ram_bytes && mem_code_test(m, off >> MEM_PAGE_SHIFT);
}

static void env_icache_invalidate(struct a64_cpu *cpu, gpa_t pa, enum a64_icache what)
{
    struct vcpu *v = vcpu_of(cpu);
    v->engine->icache_invalidate(v, pa, what != A64_ICACHE_LINE);
    if (what == A64_ICACHE_ALL_IS || (what == A64_ICACHE_LINE && page_has_code(&v->vm->mem, pa)))
        broadcast_code(v, pa, what != A64_ICACHE_LINE);
}

static void env_barrier(struct a64_cpu *cpu)
{
    broadcast_complete(vcpu_of(cpu));
}

static void env_context_changed(struct a64_cpu *cpu)
{
    struct vcpu *v = vcpu_of(cpu);
    v->engine->context_changed(v);
}

static void env_send_event(struct a64_cpu *cpu)
{
    struct vm *vm = vcpu_of(cpu)->vm;
    cpu->event_register = true;
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        if (&vm->vcpus[i]->cpu != cpu)
            vcpu_request(vm->vcpus[i], VCPU_REQ_EVENT);
    }
}

/* A guest that spins may wait for a vCPU that the host does not run. */
static void env_yield(struct a64_cpu *cpu)
{
    const struct vm *vm = vcpu_of(cpu)->vm;
    if (vm->cpu_count > 1 && !vm->turns.on)
        sched_yield();
}

const struct a64_env vcpu_env = {
    .walk_read = env_walk_read,
    .walk_cas = env_walk_cas,
    .counter = env_counter,
    .timer_changed = env_timer_changed,
    .pmu_changed = env_pmu_changed,
    .cycles = env_counter,
    .random = env_random,
    .icc_read = env_icc_read,
    .icc_write = env_icc_write,
    .tlbi = env_tlbi,
    .icache_invalidate = env_icache_invalidate,
    .barrier = env_barrier,
    .yield = env_yield,
    .context_changed = env_context_changed,
    .send_event = env_send_event,
};
