/* The vCPU's thread: run the engine, handle why it came back, sleep when the guest does.
 *
 * Everything asynchronous reaches a vCPU through two words: cpu->irq_lines (levels, driven by the
 * interrupt controller) and cpu->request (bits). Engines poll both. A sleeping vCPU is woken by the
 * usual handshake: the sleeper announces itself, then looks; the waker writes, then looks for a
 * sleeper (both sequentially consistent).
 *
 * Several vCPUs have a thread each; with the counted clock one thread runs them in turns
 * (vm/turns.h), then a vCPU that waits is marked and others go on.
 */
#include "vm/vcpu_int.h"

#include "a64/pmu.h"
#include "a64/sysreg.h"
#include "base/fault.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Instructions per run() call. With the host's clock this bounds how late a timer is seen when the
 * clock's thread gets no processor; with the counted clock run() ends at the deadline. */
#define RUN_BUDGET 100000u
#define COUNTED_BUDGET 10000u
#define WFE_MAX_NS 100000u
#define WFE_SPINS 200u /* looks at the monitored location before the host may have the processor */

/* ---- Time ---- */

void vcpu_sync_clock(struct vcpu *v)
{
    struct clock *c = &v->vm->clock;
    if (c->source != CLOCK_COUNTED)
        return;
    clock_count(c, v->cpu.instret - v->counted_base);
    v->counted_base = v->cpu.instret;
}

static void vcpu_timer_fired(void *arg)
{
    vcpu_request(arg, VCPU_REQ_TIMER);
}

/* ---- Asynchronous input ---- */

/* With turns the one thread sleeps as vCPU 0. */
static void vcpu_wake(struct vcpu *v)
{
    if (v->vm->turns.on)
        v = v->vm->vcpus[0];
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

static bool vcpu_is_wanted(struct vcpu *v)
{
    return atomic_load(&v->cpu.request) ||
           (atomic_load(&v->powered) && atomic_load(&v->cpu.irq_lines));
}

void vcpu_sleep_until(struct vcpu *v, bool (*ready)(struct vcpu *v))
{
    pthread_mutex_lock(&v->sleep_lock);
    atomic_store(&v->sleeping, true);
    while (!ready(v))
        pthread_cond_wait(&v->sleep_wake, &v->sleep_lock);
    atomic_store(&v->sleeping, false);
    pthread_mutex_unlock(&v->sleep_lock);
}

/* Sleeps until an interrupt line or a request, for at most `max_ns`. */
static void vcpu_sleep_for(struct vcpu *v, uint64_t max_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)max_ns;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;

    pthread_mutex_lock(&v->sleep_lock);
    atomic_store(&v->sleeping, true);
    while (!vcpu_is_wanted(v) &&
           pthread_cond_timedwait(&v->sleep_wake, &v->sleep_lock, &until) != ETIMEDOUT)
        ;
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
    if (v->vm->turns.on)
        v->wait = VCPU_WAIT_WFI;
    else if (v->vm->clock.source != CLOCK_COUNTED || !vcpu_jump(v, VTIME_NEVER))
        vcpu_sleep_until(v, vcpu_is_wanted);
}

bool vcpu_monitor_lost(struct vcpu *v)
{
    const struct a64_monitor *m = &v->cpu.monitor;
    uint64_t now[2] = {0, 0};
    if (!m->valid)
        return false;
    const void *p = mem_ptr(&v->vm->mem, m->pa, m->size, MEM_READ);
    if (!p)
        return true;
    memcpy(now, p, m->size);
    const _Atomic uint64_t *word = exclusive_word(&v->vm->exclusive, p);
    return now[0] != m->value[0] || now[1] != m->value[1] ||
           (v->vm->cpu_count > 1 && atomic_load(word) != m->version);
}

/* A store of another PE that clears the monitor is an event. Nobody who stores looks for monitors,
 * so the waiting PE looks at the location, at first without pause: locks change hands this way.
 * Once the host's processor is wanted elsewhere, sched_yield() gives it away. */
static bool vcpu_watch_monitor(struct vcpu *v, uint64_t max_ns)
{
    uint64_t end = clock_host_ns() + max_ns / 2;
    for (unsigned n = 0; n < WFE_SPINS || clock_host_ns() < end; n++) {
        if (vcpu_is_wanted(v) || vcpu_monitor_lost(v))
            return true;
        if (n < WFE_SPINS)
            __builtin_ia32_pause();
        else
            sched_yield();
    }
    return false;
}

/* WFE with the event register clear. It ends after a short time in any case, as WFE may. */
static void vcpu_wfe(struct vcpu *v)
{
    vtime_t now = vcpu_now(v);
    uint64_t wait = a64_event_stream_next(&v->cpu, now) - now; /* at least 1 */
    if (wait > WFE_MAX_NS)
        wait = WFE_MAX_NS;
    if (v->vm->turns.on) {
        v->wait = VCPU_WAIT_WFE;
        v->wait_until = now + wait;
        return;
    }
    if (v->vm->clock.source == CLOCK_COUNTED)
        (void)vcpu_jump(v, now + wait);
    else if (v->vm->cpu_count == 1 || !v->cpu.monitor.valid || !vcpu_watch_monitor(v, wait))
        vcpu_sleep_for(v, wait);
    atomic_fetch_and(&v->cpu.request, ~VCPU_REQ_EVENT); /* the event that ended it is used up */
    v->cpu.event_register = false;
}

/* ---- The run loop ---- */

unsigned vcpu_handle_requests(struct vcpu *v)
{
    unsigned bits = atomic_exchange(&v->cpu.request, 0);
    if (bits & VCPU_REQ_POWER && atomic_load(&v->on_pending))
        vcpu_power_take(v);
    if (bits & VCPU_REQ_EVENT)
        v->cpu.event_register = true;
    if (bits & VCPU_REQ_TIMER) {
        a64_pmu_sync(&v->cpu);
        vcpu_steal_update(v); /* before the guest's tick */
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
        vcpu_steal_update(v);
        break;
    case A64_EXIT_WFE:
        vcpu_wfe(v);
        vcpu_steal_update(v);
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

void vcpu_step(struct vcpu *v, uint64_t limit)
{
    struct clock *c = &v->vm->clock;
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
    broadcast_enter(v);
    enum a64_exit why = v->engine->run(v, vcpu_budget(v, budget));
    broadcast_leave(v);
    vcpu_sync_clock(v);
    v->exits[why]++;
    if (why == A64_EXIT_BUDGET && v->timer_due <= vcpu_now(v)) {
        vcpu_steal_update(v);
        vcpu_update_timers(v, false);
    }
    vcpu_handle_exit(v, why);
}

static void *vcpu_main(void *arg)
{
    struct vcpu *v = arg;
    if (v->vm->turns.on)
        turns_run(v->vm);
    vcpu_steal_begin(v);
    while (!atomic_load(&v->vm->stopping)) {
        if (atomic_load(&v->cpu.request))
            (void)vcpu_handle_requests(v);
        else if (atomic_load(&v->powered))
            vcpu_step(v, UINT64_MAX);
        else
            vcpu_sleep_until(v, vcpu_is_wanted);
    }
    vcpu_steal_end(v);
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
    v->steal.fd = -1;
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
    broadcast_init(&v->broadcast);
    clock_timer_init(&v->timer, vcpu_timer_fired, v);
    int r = engine->vcpu_create(v, e);
    if (r) {
        broadcast_fini(&v->broadcast);
        free(v);
        return r;
    }
    *out = v;
    return 0;
}

void vcpu_destroy(struct vcpu *v)
{
    clock_timer_set(&v->vm->clock, &v->timer, VTIME_NEVER);
    vcpu_steal_forget(v);
    v->engine->vcpu_destroy(v);
    broadcast_fini(&v->broadcast);
    pthread_cond_destroy(&v->sleep_wake);
    pthread_mutex_destroy(&v->sleep_lock);
    free(v);
}
