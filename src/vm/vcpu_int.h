/* What the files of the vCPU share: vcpu.c (run loop, sleeping, life), vcpu_env.c (surroundings of
 * the PE, timers), vcpu_power.c, turns.c. */
#ifndef VM_VCPU_INT_H
#define VM_VCPU_INT_H

#include "vm/vm.h"

/* vcpu_env.c */
extern const struct a64_env vcpu_env;

/* Virtual time as the vCPU sees it: with the counted clock up to its last instruction. @vcpu */
vtime_t vcpu_now(struct vcpu *v);
/* Drives the outputs of the generic timers and sets the clock's timer for the next change. `rearm`:
 * what the clock's list holds is not timer_due. @vcpu */
void vcpu_update_timers(struct vcpu *v, bool rearm);

/* vcpu.c */

/* Takes the requests; returns the bits that were set. @vcpu */
unsigned vcpu_handle_requests(struct vcpu *v);
/* One round: at most one run() of the engine, which ends when cpu.instret is `limit`. The vCPU has
 * power and no request. @vcpu */
void vcpu_step(struct vcpu *v, uint64_t limit);
/* Sleeps until `ready` of the vCPU, whose waker is vcpu_wake(). @vcpu */
void vcpu_sleep_until(struct vcpu *v, bool (*ready)(struct vcpu *v));

/* The exclusive monitor is set, and memory is not what it remembers: another agent has cleared it,
 * which is an event (Arm ARM D1.6.1). @vcpu */
bool vcpu_monitor_lost(struct vcpu *v);

/* vcpu_steal.c. The vCPU's thread begins and ends; a moment at which the host's statistics may be
 * looked at, if that was not done lately. @vcpu */
void vcpu_steal_begin(struct vcpu *v);
void vcpu_steal_end(struct vcpu *v);
void vcpu_steal_update(struct vcpu *v);
/* Lets go of the statistics of a vCPU without a thread. @stopped */
void vcpu_steal_forget(struct vcpu *v);
/* Nothing was stolen and nobody has asked; and the check of a loaded state, -EINVAL. @stopped */
void vcpu_steal_reset(struct vcpu *v);
int MUST_CHECK vcpu_steal_loaded(struct vcpu *v, struct err *e);

#endif
