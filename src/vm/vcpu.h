/* One vCPU: its architected state, its thread and its run loop. */
#ifndef VM_VCPU_H
#define VM_VCPU_H

#include "a64/cpu.h"
#include "state/state.h"
#include "vm/broadcast.h"
#include "vm/clock.h"
#include "vm/engine.h"
#include "vm/irq.h"

struct vm;

/* Bits of cpu->request. */
#define VCPU_REQ_STOP 1u   /* leave the run loop's inside: pause or end */
#define VCPU_REQ_TIMER 2u  /* a generic timer's deadline passed: recompute its outputs */
#define VCPU_REQ_EVENT 4u  /* an event register was set by another PE */
#define VCPU_REQ_CODE 8u   /* somebody wrote to a page with code */
#define VCPU_REQ_CLOCK 16u /* counted clock: a deadline came nearer than run() was called for */
#define VCPU_REQ_BROADCAST 32u /* another PE's TLB or code maintenance waits in the mailbox */
#define VCPU_REQ_POWER 64u /* PSCI CPU_ON: on_pending was set */

/* What a vCPU that has power waits for, when it is not its thread that sleeps (vm/turns.h). */
enum vcpu_wait { VCPU_WAIT_NONE, VCPU_WAIT_WFI, VCPU_WAIT_WFE };

#define VCPU_STEAL_BYTES 64u /* of guest memory per vCPU, at vm->steal_base */

/* Stolen time (vcpu_steal.c); @vcpu. */
struct vcpu_steal {
    gpa_t at;     /* where the guest's structure is or would be; 0: it is not offered */
    bool on;      /* the guest has asked for it: it is kept up to date */
    uint64_t ns;  /* what the guest sees */
    int fd;       /* statistics of this thread; -1: not open */
    uint64_t seen; /* what they said last */
    vtime_t due;  /* not looked at again before */
};

struct vcpu {
    struct a64_cpu cpu;
    struct vm *vm;
    unsigned index;
    const struct engine_ops *engine;
    pthread_t thread;
    bool started;
    atomic_bool powered; /* PSCI: on; changes on its own thread */

    /* CPU_ON was accepted; the vCPU's thread resets it and begins. Written under vm->lock. */
    atomic_bool on_pending;
    uint64_t on_entry, on_context;

    struct broadcast broadcast;
    uint32_t wait; /* enum vcpu_wait */
    vtime_t wait_until; /* of VCPU_WAIT_WFE */
    struct vcpu_steal steal;

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

/* Creates the thread of an already initialised vCPU; asks it to end and joins it. Used by vm_start
 * and vm_stop. */
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

/* Power of a PE as PSCI sees it. vcpu_power_on() asks for power; the PE begins at `entry` with
 * `context` in X0 when its thread comes to it. It returns what the power was: the request counts if
 * that is VCPU_OFF. @any */
enum vcpu_power { VCPU_OFF, VCPU_ON_PENDING, VCPU_ON };
enum vcpu_power vcpu_power(struct vcpu *v);
enum vcpu_power vcpu_power_on(struct vcpu *v, uint64_t entry, uint64_t context);
/* Takes the PE's power away; its interrupt controller's CPU interface loses its state. @vcpu */
void vcpu_power_off(struct vcpu *v);
/* Does what vcpu_power_on() asked for. @vcpu */
void vcpu_power_take(struct vcpu *v);

/* DEN0057A's PV_TIME_ST: from now on the vCPU's structure of stolen time is kept up to date; its
 * guest-physical address. 0: the machine does not offer it (vm->steal_base). @vcpu */
gpa_t vcpu_steal_start(struct vcpu *v);

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
