/* One virtual machine: memory, bus, clock, vCPUs, devices. Several can live in one process; there
 * is no other state.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include "mem/mem.h"
#include "vm/bus.h"
#include "vm/clock.h"
#include "vm/device.h"
#include "vm/engine.h"
#include "vm/exclusive.h"
#include "vm/intc.h"
#include "vm/journal.h"
#include "vm/turns.h"
#include "vm/vcpu.h"

#define VM_MAX_CPUS 123 /* as many redistributors as the memory map has room for */

/* How a run of the machine ended or what it waits for. */
enum vm_event {
    VM_EVENT_NONE,
    VM_EVENT_POWEROFF, /* PSCI SYSTEM_OFF */
    VM_EVENT_RESET,    /* PSCI SYSTEM_RESET */
    VM_EVENT_QUIT,     /* the operator (Ctrl-A x, signal) */
    VM_EVENT_EXIT,     /* semihosting SYS_EXIT: vm->exit_status */
    VM_EVENT_FAILED,   /* the monitor itself failed: vm->failure */
};

struct vm {
    struct mem mem;
    struct bus bus;
    struct clock clock;
    struct journal journal;
    struct intc *intc;
    struct device *devices; /* in creation order */
    struct vcpu *vcpus[VM_MAX_CPUS];
    unsigned cpu_count;
    struct engine_config engine_config; /* set between vm_create() and vm_add_vcpu() */
    struct broadcast_hub broadcast;
    struct exclusive exclusive;
    struct turns turns; /* its seed is set after vm_create() */
    atomic_bool stopping; /* vCPU threads end */

    /* Boot state of vCPU 0 and what a reset restores; set by the board. */
    uint64_t boot_pc, boot_x0;
    unsigned boot_el;

    /* Guest memory for VM_MAX_CPUS structures of stolen time, kept free for them; 0: they are not
     * offered. Set by the board before a reset. */
    gpa_t steal_base;

    /* PSCI and other SMCCC calls of the guest, set by the board (dev/psci.c). @vcpu */
    void (*smccc)(struct vcpu *v, void *arg);
    void *smccc_arg;
    /* Semihosting call at HLT #0xF000: returns false to stop the vCPU (an event was posted). @vcpu
     */
    bool (*semihost)(struct vcpu *v, void *arg);
    void *semihost_arg;

    pthread_mutex_t lock; /* rank: outermost; events */
    pthread_cond_t changed;
    enum vm_event event;  /* first event not yet handled */
    atomic_bool posted;   /* there was one since the start */
    int exit_status;
    struct err failure;
};

/* Initialises an empty machine with RAM. -E... on failure. @any */
int MUST_CHECK vm_create(struct vm *vm, gpa_t ram_base, uint64_t ram_bytes,
                         enum clock_source source, struct err *e);

/* Adds a vCPU run by `engine`, with the given features. -EINVAL above VM_MAX_CPUS, -ENOTSUP when
 * the engine runs one only. @stopped */
int MUST_CHECK vm_add_vcpu(struct vm *vm, const struct engine_ops *engine,
                           const struct a64_features *features, struct err *e);

/* Starts the clock and one thread per vCPU (counted clock: one for all, vm/turns.h). @any */
int MUST_CHECK vm_start(struct vm *vm, struct err *e);

/* Stops vCPU threads and the clock; vCPU state is complete afterwards. @any but a vCPU thread */
void vm_stop(struct vm *vm);

/* Resets every device and vCPU to power-on state (RAM is kept; the board reloads images). @stopped
 */
void vm_reset(struct vm *vm);

/* Posts an event; the first one wins until it is taken, but a reset gives way to any other. The
 * vCPUs leave run(). @any */
void vm_post(struct vm *vm, enum vm_event event, int exit_status);
/* Posts VM_EVENT_FAILED with a reason. @any */
void vm_fail(struct vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Waits for an event and takes it. @any but a vCPU thread */
enum vm_event vm_wait(struct vm *vm);

/* Destroys devices in reverse order of creation, vCPUs, memory. @stopped */
void vm_destroy(struct vm *vm);

#endif
