/* Creation, start, stop, reset and events of a machine. See vm.h. */
#include "vm/vm.h"

#include "base/check.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* A write by a device into a page that holds decoded code: every engine must forget the page. */
static void vm_code_written(void *arg, uint64_t page)
{
    struct vm *vm = arg;
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        struct vcpu *v = vm->vcpus[i];
        v->engine->code_written(v, page);
    }
}

/* The counted clock's next deadline is nearer than what run() was called for. */
static void vm_deadline_nearer(void *arg)
{
    struct vm *vm = arg;
    for (unsigned i = 0; i < vm->cpu_count; i++)
        vcpu_request(vm->vcpus[i], VCPU_REQ_CLOCK);
}

int vm_create(struct vm *vm, gpa_t ram_base, uint64_t ram_bytes, enum clock_source source,
              struct err *e)
{
    memset(vm, 0, sizeof(*vm));
    vm->journal.ops = &journal_live_ops;
    int r = mem_create(&vm->mem, ram_base, ram_bytes, e);
    if (r)
        return r;
    r = clock_create(&vm->clock, source, &vm->journal, e);
    if (r) {
        mem_destroy(&vm->mem);
        return r;
    }
    vm->clock.nearer = vm_deadline_nearer;
    vm->clock.nearer_arg = vm;
    vm->mem.code_hook = vm_code_written;
    vm->mem.code_hook_arg = vm;
    broadcast_hub_init(&vm->broadcast);
    turns_seed(&vm->turns, 0);
    pthread_mutex_init(&vm->lock, NULL);
    pthread_cond_init(&vm->changed, NULL);
    return 0;
}

int vm_add_vcpu(struct vm *vm, const struct engine_ops *engine, const struct a64_features *features,
                struct err *e)
{
    if (vm->cpu_count == VM_MAX_CPUS)
        return err_set(e, EINVAL, "at most %d vCPUs are possible", VM_MAX_CPUS);
    if (vm->cpu_count && !engine->smp)
        return err_set(e, ENOTSUP, "engine %s runs one vCPU in this version", engine->name);
    int r = vcpu_create(&vm->vcpus[vm->cpu_count], vm, vm->cpu_count, engine, features, e);
    if (r)
        return r;
    vm->cpu_count++;
    vm->turns.on = vm->clock.source == CLOCK_COUNTED && vm->cpu_count > 1;
    return 0;
}

static void vm_pause_devices(struct vm *vm, bool paused)
{
    for (struct device *d = vm->devices; d; d = d->next) {
        if (d->cls->pause)
            d->cls->pause(d, paused);
    }
}

int vm_start(struct vm *vm, struct err *e)
{
    pthread_mutex_lock(&vm->lock);
    atomic_store(&vm->posted, vm->event != VM_EVENT_NONE);
    pthread_mutex_unlock(&vm->lock);
    atomic_store(&vm->stopping, false);
    vm_pause_devices(vm, false);
    clock_start(&vm->clock);
    for (unsigned i = 0; i < (vm->turns.on ? 1 : vm->cpu_count); i++) {
        int r = vcpu_start(vm->vcpus[i], e);
        if (r) {
            vm_stop(vm);
            return r;
        }
    }
    return 0;
}

void vm_stop(struct vm *vm)
{
    atomic_store(&vm->stopping, true);
    for (unsigned i = 0; i < vm->cpu_count; i++)
        vcpu_request(vm->vcpus[i], VCPU_REQ_STOP);
    for (unsigned i = 0; i < vm->cpu_count; i++)
        vcpu_join(vm->vcpus[i]);
    vm_pause_devices(vm, true);
    clock_stop(&vm->clock);
}

void vm_reset(struct vm *vm)
{
    for (unsigned i = 0; i < vm->cpu_count; i++)
        vcpu_reset(vm->vcpus[i]);
    for (struct device *d = vm->devices; d; d = d->next)
        d->cls->reset(d);
}

void vm_post(struct vm *vm, enum vm_event event, int exit_status)
{
    pthread_mutex_lock(&vm->lock);
    /* A machine that resets itself all the time can still be ended. */
    if (vm->event == VM_EVENT_NONE || (vm->event == VM_EVENT_RESET && event != VM_EVENT_RESET)) {
        vm->event = event;
        vm->exit_status = exit_status;
        atomic_store(&vm->posted, true);
        pthread_cond_broadcast(&vm->changed);
    }
    pthread_mutex_unlock(&vm->lock);
    for (unsigned i = 0; i < vm->cpu_count; i++)
        vcpu_request(vm->vcpus[i], VCPU_REQ_STOP);
}

void vm_fail(struct vm *vm, const char *fmt, ...)
{
    pthread_mutex_lock(&vm->lock);
    if (!vm->failure.code) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(vm->failure.text, sizeof(vm->failure.text), fmt, ap);
        va_end(ap);
        vm->failure.code = EIO;
    }
    pthread_mutex_unlock(&vm->lock);
    vm_post(vm, VM_EVENT_FAILED, 0);
}

enum vm_event vm_wait(struct vm *vm)
{
    pthread_mutex_lock(&vm->lock);
    while (vm->event == VM_EVENT_NONE)
        pthread_cond_wait(&vm->changed, &vm->lock);
    enum vm_event event = vm->event;
    vm->event = VM_EVENT_NONE;
    pthread_mutex_unlock(&vm->lock);
    return event;
}

static void vm_destroy_devices(struct device *d)
{
    if (!d)
        return;
    vm_destroy_devices(d->next);
    d->cls->destroy(d);
}

void vm_destroy(struct vm *vm)
{
    vm_destroy_devices(vm->devices);
    vm->devices = NULL;
    for (unsigned i = 0; i < vm->cpu_count; i++)
        vcpu_destroy(vm->vcpus[i]);
    vm->cpu_count = 0;
    clock_destroy(&vm->clock);
    mem_destroy(&vm->mem);
    broadcast_hub_fini(&vm->broadcast);
    pthread_cond_destroy(&vm->changed);
    pthread_mutex_destroy(&vm->lock);
}
