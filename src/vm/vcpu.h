/* One vCPU: its architected state, its thread and its run loop. */
#ifndef VM_VCPU_H
#define VM_VCPU_H

#include "a64/cpu.h"
#include "vm/clock.h"
#include "vm/engine.h"
#include "state/state.h"
#include "vm/irq.h"

struct vm;

/* Bits of cpu->request. */
#define VCPU_REQ_STOP 1u   /* leave the run loop's inside: pause or end */
#define VCPU_REQ_TIMER 2u  /* a generic timer's deadline passed: recompute its outputs */
#define VCPU_REQ_EVENT 4u  /* an event register was set by another PE */
#define VCPU_REQ_CODE 8u   /* somebody wrote to a page with code */
#define VCPU_REQ_CLOCK 16u /* counted clock: a deadline came nearer than run() was called for */

struct vcpu {
    struct a64_cpu cpu;
    struct vm *vm;
    unsigned index;
    const struct engine_ops *engine;
    pthread_t thread;
    bool started;
    bool powered; /* PSCI: on */

    pthread_mutex_t sleep_lock; /* WFI, WFE, powered off: waits for irq_lines and request */
    pthread_cond_t sleep_wake;
    atomic_bool sleeping;

    struct clock_timer timer; /* next change of a generic timer output */
    vtime_t timer_due;        /* what `timer` is set to; @vcpu */
    uint64_t counted_base;    /* cpu.instret at clock.counted (counted clock) */
    uint64_t exits[A64_EXIT_COUNT]; /* statistics: returns of run() by reason */
};

/* Sets or clears an interrupt line of the PE and wakes it. Called by the interrupt controller. @any
 */
void vcpu_set_line(struct vcpu *v, unsigned line, bool level);

/* Creates the thread of an already initialised vCPU; joins it. Used by vm_start and vm_stop. */
int MUST_CHECK vcpu_start(struct vcpu *v, struct err *e);
void vcpu_join(struct vcpu *v);

/* In place of a thread, for tools that compare machines: runs on the caller's until cpu.instret is
 * `instret`, an event was posted or the vCPU has no power. The clock is the counted one and has a
 * timer set, or a WFI may sleep for ever. @stopped */
void vcpu_run_until(struct vcpu *v, uint64_t instret);

/* Power-on reset of the architected state and the timer outputs. @stopped */
void vcpu_reset(struct vcpu *v);

/* Creates and destroys the vCPU with its engine's data. The VM owns it. @stopped */
int MUST_CHECK vcpu_create(struct vcpu **out, struct vm *vm, unsigned index,
                           const struct engine_ops *engine, const struct a64_features *features,
                           struct err *e);
void vcpu_destroy(struct vcpu *v);

/* Sets bits of cpu->request and wakes the vCPU. @any */
void vcpu_request(struct vcpu *v, unsigned bits);

/* Counted clock: adds what the vCPU executed since the last time to virtual time, so that a device
 * it accesses sees the same time whatever run() calls the instructions were cut into. @vcpu, or
 * @stopped */
void vcpu_sync_clock(struct vcpu *v);

/* Waits as WFI does: until an interrupt line or a request. Also PSCI's standby. @vcpu */
void vcpu_wfi(struct vcpu *v);

/* Field tables of the architected state (of `cpu`) and of the rest of the vCPU. */
extern const struct state_field vcpu_fields[];
extern const struct state_field vcpu_run_fields[];

/* Before a save: takes what has reached the vCPU and is not in its fields yet. @stopped */
void vcpu_settle(struct vcpu *v);

/* After a load of those fields: checks that the state is one a vCPU can reach, and lets the engine
 * forget what it derived from the old one. -EINVAL names what is impossible; the vCPU then needs a
 * reset. @stopped */
int MUST_CHECK vcpu_loaded(struct vcpu *v, struct err *e);

/* MPIDR_EL1 of a vCPU; and, after its state was replaced: engine and timers start from what it is
 * now. @stopped */
uint64_t vcpu_mpidr(const struct vcpu *v);
void vcpu_forget(struct vcpu *v);

#endif
