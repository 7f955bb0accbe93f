/* The vCPUs' turns on one thread. See turns.h.
 *
 * Requests of all vCPUs are handled before each choice, in order, so that when a thread of the host
 * sets one does not shift the sequence of pseudo-random numbers. Lengths are spread evenly over
 * magnitudes, from 1 to 1024 instructions: short turns find races, long ones make progress.
 */
#include "vm/turns.h"

#include "vm/vcpu_int.h"

#include <string.h>

#define TURN_LOG2_MAX 10u

/* ---- The choice ---- */

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016). */
static uint64_t turns_random(struct turns *t)
{
    uint64_t x = t->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    t->random = x;
    return x * UINT64_C(0x2545f4914f6cdd1d) >> 32;
}

void turns_seed(struct turns *t, uint64_t seed)
{
    t->random = seed ^ UINT64_C(0x9e3779b97f4a7c15);
    if (!t->random)
        t->random = 1;
}

static bool can_run(struct vcpu *v, vtime_t now)
{
    if (!atomic_load(&v->powered))
        return false;
    return v->wait == VCPU_WAIT_NONE || atomic_load(&v->cpu.irq_lines) ||
           (v->wait == VCPU_WAIT_WFE &&
            (v->cpu.event_register || now >= v->wait_until || vcpu_monitor_lost(v)));
}

/* The vCPU whose turn it is, or null: all wait. */
static struct vcpu *turns_next(struct vm *vm)
{
    struct vcpu *ready[VM_MAX_CPUS];
    unsigned n = 0;
    vtime_t now = clock_now(&vm->clock);
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        if (can_run(vm->vcpus[i], now))
            ready[n++] = vm->vcpus[i];
    }
    return n ? ready[turns_random(&vm->turns) % n] : NULL;
}

static uint64_t turn_length(struct turns *t)
{
    uint64_t r = turns_random(t);
    return 1 + (r >> 8) % (UINT64_C(1) << (r & 0xff) % (TURN_LOG2_MAX + 1));
}

/* ---- Waiting ---- */

static bool turns_wanted(struct vcpu *first)
{
    struct vm *vm = first->vm;
    if (atomic_load(&vm->stopping))
        return true;
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        struct vcpu *v = vm->vcpus[i];
        if (atomic_load(&v->cpu.request) ||
            (atomic_load(&v->powered) && atomic_load(&v->cpu.irq_lines)))
            return true;
    }
    return false;
}

/* Everybody waits: time jumps to what comes next, or the thread sleeps until a device wants
 * something. */
static void turns_idle(struct vm *vm)
{
    vtime_t to = clock_next_deadline(&vm->clock);
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        const struct vcpu *v = vm->vcpus[i];
        if (atomic_load(&v->powered) && v->wait == VCPU_WAIT_WFE && v->wait_until < to)
            to = v->wait_until;
    }
    if (to != VTIME_NEVER)
        clock_advance_to(&vm->clock, to);
    else
        vcpu_sleep_until(vm->vcpus[0], turns_wanted);
}

/* ---- Turns ---- */

/* Of all vCPUs; the bits that were set. */
static unsigned turns_requests(struct vm *vm)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        if (atomic_load(&vm->vcpus[i]->cpu.request))
            bits |= vcpu_handle_requests(vm->vcpus[i]);
    }
    return bits;
}

static void turn(struct vm *vm, uint64_t most)
{
    struct vcpu *v = turns_next(vm);
    if (!v) {
        turns_idle(vm);
        return;
    }
    if (v->wait == VCPU_WAIT_WFE)
        v->cpu.event_register = false;
    v->wait = VCPU_WAIT_NONE;
    uint64_t n = turn_length(&vm->turns);
    vcpu_step(v, v->cpu.instret + (n < most ? n : most));
}

static bool is_stopping(struct vcpu *first)
{
    return atomic_load(&first->vm->stopping);
}

/* After an event nobody executes anything more, so that the machine ends in one state. */
void turns_run(struct vm *vm)
{
    while (!atomic_load(&vm->stopping)) {
        (void)turns_requests(vm);
        if (atomic_load(&vm->posted))
            vcpu_sleep_until(vm->vcpus[0], is_stopping);
        else
            turn(vm, UINT64_MAX);
    }
}

uint64_t turns_executed(const struct vm *vm)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < vm->cpu_count; i++)
        sum += vm->vcpus[i]->cpu.instret;
    return sum;
}

static bool turns_over(struct vm *vm)
{
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        if (vcpu_power(vm->vcpus[i]) != VCPU_OFF)
            return false;
    }
    return true;
}

void turns_run_until(struct vm *vm, uint64_t instructions)
{
    uint64_t done;
    while ((done = turns_executed(vm)) < instructions && !turns_over(vm)) {
        if (turns_requests(vm) & VCPU_REQ_STOP)
            return;
        turn(vm, instructions - done);
    }
}
