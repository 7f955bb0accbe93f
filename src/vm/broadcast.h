/* Broadcast maintenance: TLBI *IS, IC IALLUIS and IC IVAU of one vCPU reach the others, and are
 * complete at its DSB (Arm ARM D8.13.4, B2.7.4.2). Nothing stops the world.
 *
 * What an engine derives from translation tables and code, it keeps per vCPU and only the vCPU's
 * own thread removes it. So maintenance is a message: the sender puts the operation into the
 * receiver's mailbox and asks the receiver to look (VCPU_REQ_BROADCAST); the receiver takes its
 * mail at its next poll, between two guest instructions, through the engine's tlbi() and
 * icache_invalidate(). The DSB waits until all have taken it, or cannot use it.
 *
 * A vCPU is `running` while its thread may use what maintenance removes: inside engine_ops.run()
 * and not in one of the waits in it. It is not running while it sleeps, has no power, is stopped,
 * handles an exit, is inside a device (one single access), or waits in a DSB itself. One that does
 * not run is not waited for and not woken; it takes its mail before it runs on.
 *
 * The machine has one counter, `epoch`. The protocol, with all accesses to `epoch`, `running` and
 * `passed` sequentially consistent:
 *
 *   sender S                                   receiver R
 *   1 puts mail into R's box (box lock)        enter: a running = 1
 *   2 t = ++epoch; own ticket = t                     b e = epoch; if passed != e: take
 *   3 if R.running: vcpu_request(R)            take:  c e = epoch
 *   DSB: waits until, for each R,                     d empties the box (box lock), applies it
 *   4 !R.running or R.passed >= t                     e passed = e
 *                                              poll:  take
 *                                              leave: f running = 0
 *
 * Mail is not lost: R's take that stores passed >= t read the epoch (c) after 2, hence emptied its
 * box (d) after 1. It is taken in time: if S sees R not running at 3 or 4, then R's next a comes
 * after it, so b sees at least t, and as passed < t until the mail was taken, R takes it before its
 * first instruction. If S sees R running at 3, R is requested and passes a poll, or leaves. The
 * wait is finite: a running vCPU polls within a bounded number of instructions, and everything it
 * can wait for inside run() is either bracketed by leave and enter, or a lock held for a bounded
 * time by a thread that does not wait for a DSB. Two that wait for each other are both not running,
 * so neither waits. What R did before is done: R's accesses through the old translation precede its
 * store to `passed` or `running` in program order; x86-64 makes its stores visible in order, and
 * the values of its loads are known by then. So after 4 no access through the old translation is
 * outstanding (D8.13.4).
 *
 * What the proof asks of an engine: between enter and leave it uses a derived translation only for
 * the instruction that found it, or drops it when its tlbi() is called; it polls cpu->request (or
 * attention) at least at every backward branch; and it calls broadcast_leave() only where the rest
 * of the instruction uses no translation that was found before.
 *
 * The epoch also serves who must know that nobody uses something any more, as code that was
 * unlinked: broadcast_start_epoch(), later broadcast_passed(). */
#ifndef VM_BROADCAST_H
#define VM_BROADCAST_H

#include "a64/cpu.h"

#include <pthread.h>

struct vcpu;
struct vm;

#define BROADCAST_TLBI_MAX 16u
#define BROADCAST_CODE_MAX 16u

/* A vCPU's part. */
struct broadcast {
    atomic_bool running;
    _Atomic uint64_t passed; /* all mail of this epoch and those before was taken */
    uint64_t ticket;         /* @vcpu: the epoch that its DSB waits for; 0: none */
    uint64_t sent, waits;    /* @vcpu: statistics: operations sent, DSBs that had to wait */

    pthread_mutex_t lock; /* rank: innermost; the mailbox */
    unsigned tlbi_count;  /* BROADCAST_TLBI_MAX + 1: everything */
    unsigned code_count;  /* BROADCAST_CODE_MAX + 1: everything */
    struct a64_tlbi tlbi[BROADCAST_TLBI_MAX];
    gpa_t code[BROADCAST_CODE_MAX];
};

/* The machine's part. */
struct broadcast_hub {
    _Atomic uint64_t epoch;
    atomic_uint waiters; /* asleep in a DSB */
    pthread_mutex_t lock;
    pthread_cond_t passed; /* somebody passed or left while there were waiters */
};

void broadcast_hub_init(struct broadcast_hub *h);
void broadcast_hub_fini(struct broadcast_hub *h);
void broadcast_init(struct broadcast *b);
void broadcast_fini(struct broadcast *b);

/* Sends TLB maintenance to all other vCPUs. The vCPU's own is its caller's. @vcpu */
void broadcast_tlbi(struct vcpu *v, const struct a64_tlbi *op);
/* Sends that the instructions in the page of `pa`, or all, are to be read from memory again. @vcpu
 */
void broadcast_code(struct vcpu *v, gpa_t pa, bool all);
/* The DSB: returns when what this vCPU sent is complete. Its own mail may be taken meanwhile: what
 * the engine derived may be gone afterwards. @vcpu */
void broadcast_complete(struct vcpu *v);

/* The vCPU may use translations from here on; mail is taken first. And: not any more. @vcpu */
void broadcast_enter(struct vcpu *v);
void broadcast_leave(struct vcpu *v);
/* The poll: takes the mail. Between two instructions. @vcpu */
void broadcast_take(struct vcpu *v);

/* Forgets the mail, as everything that is derived is to be forgotten. @vcpu, or @stopped */
void broadcast_reset(struct vcpu *v);

/* Starts an epoch and asks every running vCPU to pass; true once all have, or do not run. @any */
uint64_t broadcast_start_epoch(struct vm *vm);
bool broadcast_passed(struct vm *vm, uint64_t epoch);

#endif
