/* The vCPU's thread: run the engine, handle why it came back, sleep when the guest does.
 *
 * Everything asynchronous reaches a vCPU through two words: cpu->irq_lines (levels, driven by the
 * interrupt controller) and cpu->request (bits). Engines poll both. A sleeping vCPU is woken by the
 * usual handshake: the sleeper announces itself, then looks; the waker writes, then looks for a
 * sleeper (both sequentially consistent).
 *
 * Implements the part of the generic timer (Arm ARM D11) that lies outside the PE: the outputs of
 * its timers are wires to the interrupt controller, recomputed when a timer register is written and
 * when the earliest deadline passes.
 */
#include "vm/vcpu.h"

#include "a64/pmu.h"
#include "a64/sysreg.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/rng.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Instructions per run() call. With the host's clock this bounds how late a timer is seen when the
 * clock's thread gets no processor; with the counted clock run() ends at the deadline. */
#define RUN_BUDGET 100000u
#define COUNTED_BUDGET 10000u
#define WFE_MAX_NS 100000u

static struct vcpu *vcpu_of(struct a64_cpu *cpu)
{
    return cpu->env_ctx;
}

/* ---- Timers ---- */

static vtime_t vcpu_now(struct vcpu *v)
{
    struct clock *c = &v->vm->clock;
    vtime_t now = clock_now(c);
    return c->source == CLOCK_COUNTED ? now + (v->cpu.instret - v->counted_base) : now;
}

void vcpu_sync_clock(struct vcpu *v)
{
    struct clock *c = &v->vm->clock;
    if (c->source != CLOCK_COUNTED)
        return;
    clock_count(c, v->cpu.instret - v->counted_base);
    v->counted_base = v->cpu.instret;
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

/* `rearm`: what the clock's list holds is not timer_due. */
static void vcpu_update_timers(struct vcpu *v, bool rearm)
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

static void vcpu_timer_fired(void *arg)
{
    vcpu_request(arg, VCPU_REQ_TIMER);
}

/* ---- What architected behaviour asks of its surroundings (struct a64_env) ---- */

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
    v->engine->tlbi(v, op); /* one vCPU: a broadcast reaches nobody else */
}

static void env_icache_invalidate(struct a64_cpu *cpu, gpa_t pa, bool all)
{
    struct vcpu *v = vcpu_of(cpu);
    v->engine->icache_invalidate(v, pa, all);
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

static const struct a64_env vcpu_env = {
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
    .context_changed = env_context_changed,
    .send_event = env_send_event,
};

/* ---- Asynchronous input ---- */

static void vcpu_wake(struct vcpu *v)
{
    if (!atomic_load(&v->sleeping))
        return;
    pthread_mutex_lock(&v->sleep_lock);
    pthread_cond_broadcast(&v->sleep_wake);
    pthread_mutex_unlock(&v->sleep_lock);
}

void vcpu_set_line(struct vcpu *v, unsigned line, bool level)
{
    if (level) {
        atomic_fetch_or(&v->cpu.irq_lines, line);
        atomic_store(&v->cpu.attention, 1);
        vcpu_wake(v);
    } else {
        atomic_fetch_and(&v->cpu.irq_lines, ~line);
    }
}

void vcpu_request(struct vcpu *v, unsigned bits)
{
    atomic_fetch_or(&v->cpu.request, bits);
    atomic_store(&v->cpu.attention, 1);
    vcpu_wake(v);
}

/* ---- Sleeping ---- */

/* Sleeps until an interrupt line or a request, or for at most `max_ns` (0: no limit). */
static void vcpu_sleep(struct vcpu *v, uint64_t max_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)max_ns;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;

    pthread_mutex_lock(&v->sleep_lock);
    atomic_store(&v->sleeping, true);
    while (!atomic_load(&v->cpu.request) && (!v->powered || !atomic_load(&v->cpu.irq_lines))) {
        int r = max_ns ? pthread_cond_timedwait(&v->sleep_wake, &v->sleep_lock, &until)
                       : pthread_cond_wait(&v->sleep_wake, &v->sleep_lock);
        if (r == ETIMEDOUT)
            break;
    }
    atomic_store(&v->sleeping, false);
    pthread_mutex_unlock(&v->sleep_lock);
}

/* With the counted clock time does not pass for one who waits: it jumps to the next timer, but not
 * beyond `limit`. False: there is no limit and no timer. */
static bool vcpu_jump(struct vcpu *v, vtime_t limit)
{
    struct clock *c = &v->vm->clock;
    vtime_t next = clock_next_deadline(c), to = next < limit ? next : limit;
    if (to == VTIME_NEVER)
        return false;
    vcpu_sync_clock(v);
    clock_advance_to(c, to);
    return true;
}

void vcpu_wfi(struct vcpu *v)
{
    if (atomic_load(&v->cpu.irq_lines))
        return;
    if (v->vm->clock.source != CLOCK_COUNTED || !vcpu_jump(v, VTIME_NEVER))
        vcpu_sleep(v, 0);
}

/* WFE. What clears another PE's monitor is not seen as an event, so the sleep is short. */
static void vcpu_wfe(struct vcpu *v)
{
    vtime_t now = vcpu_now(v);
    uint64_t wait = a64_event_stream_next(&v->cpu, now) - now; /* at least 1 */
    if (wait > WFE_MAX_NS)
        wait = WFE_MAX_NS;
    if (v->vm->clock.source == CLOCK_COUNTED)
        (void)vcpu_jump(v, now + wait);
    else
        vcpu_sleep(v, wait);
    v->cpu.event_register = false;
}

/* ---- The run loop ---- */

/* Returns the bits that were set. */
static unsigned vcpu_handle_requests(struct vcpu *v)
{
    unsigned bits = atomic_exchange(&v->cpu.request, 0);
    if (bits & VCPU_REQ_EVENT)
        v->cpu.event_register = true;
    if (bits & VCPU_REQ_TIMER) {
        a64_pmu_sync(&v->cpu);
        vcpu_update_timers(v, true); /* it fired, or state was replaced */
    }
    return bits;
}

static void vcpu_handle_exit(struct vcpu *v, enum a64_exit why)
{
    struct vm *vm = v->vm;
    switch (why) {
    case A64_EXIT_WFI:
        vcpu_wfi(v);
        break;
    case A64_EXIT_WFE:
        vcpu_wfe(v);
        break;
    case A64_EXIT_HVC:
    case A64_EXIT_SMC:
        vm->smccc(v, vm->smccc_arg);
        break;
    case A64_EXIT_SEMIHOST:
        if (vm->semihost(v, vm->semihost_arg))
            v->cpu.pc += 4;
        break;
    case A64_EXIT_DEBUG:
        vm_fail(vm, "breakpoint of a debugger without a debugger at 0x%llx",
                (unsigned long long)v->cpu.pc);
        break;
    case A64_EXIT_BUDGET:
    case A64_EXIT_REQUEST:
    case A64_EXIT_COUNT:
        break;
    }
}

/* Instructions to run: `most`, or fewer when an instruction counter of the PMU overflows before. */
static uint64_t vcpu_budget(struct vcpu *v, uint64_t most)
{
    uint64_t cycles, instructions;
    if (!bit(v->cpu.sys[A64_PMCR_EL0], 0))
        return most;
    a64_pmu_sync(&v->cpu);
    a64_pmu_next(&v->cpu, &cycles, &instructions);
    return instructions < most ? (instructions ? instructions : 1) : most;
}

/* One round: at most one run() of the engine, which ends when `limit` instructions were executed
 * since the reset. */
static void vcpu_step(struct vcpu *v, uint64_t limit)
{
    struct clock *c = &v->vm->clock;
    if (!v->powered) {
        vcpu_sleep(v, 0);
        return;
    }
    uint64_t budget = RUN_BUDGET;
    if (c->source == CLOCK_COUNTED) {
        vcpu_sync_clock(v);
        vtime_t now = clock_now(c);
        clock_advance_to(c, now);
        vtime_t next = clock_next_deadline(c);
        budget = next > now && next - now < COUNTED_BUDGET ? next - now : COUNTED_BUDGET;
    }
    if (budget > limit - v->cpu.instret)
        budget = limit - v->cpu.instret;
    enum a64_exit why = v->engine->run(v, vcpu_budget(v, budget));
    vcpu_sync_clock(v);
    v->exits[why]++;
    if (why == A64_EXIT_BUDGET && v->timer_due <= vcpu_now(v))
        vcpu_update_timers(v, false);
    vcpu_handle_exit(v, why);
}

static void *vcpu_main(void *arg)
{
    struct vcpu *v = arg;
    while (!atomic_load(&v->vm->stopping)) {
        if (atomic_load(&v->cpu.request))
            (void)vcpu_handle_requests(v);
        else
            vcpu_step(v, UINT64_MAX);
    }
    return NULL;
}

void vcpu_run_until(struct vcpu *v, uint64_t instret)
{
    while (v->powered && v->cpu.instret < instret) {
        if (!atomic_load(&v->cpu.request))
            vcpu_step(v, instret);
        else if (vcpu_handle_requests(v) & VCPU_REQ_STOP)
            return;
    }
}

int vcpu_start(struct vcpu *v, struct err *e)
{
    int r = fault_point("vcpu_thread") ? EAGAIN : pthread_create(&v->thread, NULL, vcpu_main, v);
    if (r)
        return err_set(e, r, "cannot start the thread of vCPU %u: %s", v->index, strerror(r));
    v->started = true;
    return 0;
}

void vcpu_join(struct vcpu *v)
{
    if (!v->started)
        return;
    vcpu_request(v, VCPU_REQ_STOP);
    pthread_join(v->thread, NULL);
    v->started = false;
}

uint64_t vcpu_mpidr(const struct vcpu *v)
{
    return BIT(31) | (v->index & 15) | (uint64_t)(v->index >> 4) << 8;
}

void vcpu_forget(struct vcpu *v)
{
    atomic_store(&v->cpu.request, VCPU_REQ_TIMER);
    atomic_store(&v->cpu.attention, 1);
    v->counted_base = v->cpu.instret;
    v->engine->context_changed(v);
    v->engine->icache_invalidate(v, 0, true);
    v->engine->tlbi(v, &(struct a64_tlbi){.scope = A64_TLBI_ALL, .el = 1});
}

void vcpu_reset(struct vcpu *v)
{
    a64_reset(&v->cpu);
    v->cpu.sys[A64_MPIDR_EL1] = vcpu_mpidr(v);
    atomic_store(&v->cpu.irq_lines, 0);
    v->powered = v->index == 0;
    if (v->index == 0) {
        v->cpu.pc = v->vm->boot_pc;
        v->cpu.x[0] = v->vm->boot_x0;
    }
    vcpu_forget(v);
}

int vcpu_create(struct vcpu **out, struct vm *vm, unsigned index, const struct engine_ops *engine,
                const struct a64_features *features, struct err *e)
{
    struct vcpu *v =
        fault_point("vcpu_alloc") ? NULL : aligned_alloc(64, (sizeof(*v) + 63) / 64 * 64);
    if (!v)
        return err_set(e, ENOMEM, "out of memory for vCPU %u", index);
    memset(v, 0, sizeof(*v));
    v->vm = vm;
    v->index = index;
    v->engine = engine;
    v->timer_due = VTIME_NEVER;
    v->cpu.env = &vcpu_env;
    v->cpu.env_ctx = v;
    v->cpu.features = *features;
    v->cpu.max_el = 1;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&v->sleep_wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&v->sleep_lock, NULL);
    clock_timer_init(&v->timer, vcpu_timer_fired, v);
    int r = engine->vcpu_create(v, e);
    if (r) {
        free(v);
        return r;
    }
    *out = v;
    return 0;
}

void vcpu_destroy(struct vcpu *v)
{
    clock_timer_set(&v->vm->clock, &v->timer, VTIME_NEVER);
    v->engine->vcpu_destroy(v);
    pthread_cond_destroy(&v->sleep_wake);
    pthread_mutex_destroy(&v->sleep_lock);
    free(v);
}
