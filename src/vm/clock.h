/* Virtual time: nanoseconds since the machine started; the generic timers' counter is this number
 * (CNTFRQ_EL0 = 1 GHz). Stops while the VM is stopped.
 *
 * Two sources: the host's monotonic clock, or the count of executed instructions (deterministic:
 * 1 instruction = 1 ns). With the host source a thread runs the timers; with the counted source the
 * vCPU's run loop does: it adds what it executed (clock_count), runs what is due (clock_advance_to)
 * and lets the engine run until the next deadline. `nearer` tells it when a deadline set meanwhile
 * is earlier than that, so that each timer fires after exactly the instruction that it is due at.
 */
#ifndef VM_CLOCK_H
#define VM_CLOCK_H

#include "base/err.h"
#include "vm/clock_tsc.h"
#include "vm/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef uint64_t vtime_t;
#define VTIME_NEVER UINT64_MAX

struct clock_timer {
    vtime_t deadline; /* VTIME_NEVER: not armed */
    void (*fn)(void *arg); /* called without the clock's lock */
    void *arg;
    struct clock_timer *next;
};

enum clock_source { CLOCK_HOST, CLOCK_COUNTED };

struct clock {
    enum clock_source source;
    struct journal *journal;
    pthread_mutex_t lock; /* rank: innermost */
    pthread_cond_t wake;  /* the timer thread: something changed */
    pthread_cond_t idle;  /* no callback is running */
    bool in_callback;
    pthread_t thread;
    bool thread_running, quit, stopped;
    bool by_tsc;               /* host source: time is read by `tsc`, as nobody records it */
    struct clock_tsc tsc;
    vtime_t offset;            /* host monotonic time of virtual time zero (host source) */
    vtime_t frozen;            /* virtual time while stopped */
    _Atomic vtime_t counted;   /* virtual time of the counted source */
    struct clock_timer *timers; /* armed, sorted by deadline */
    /* Counted source: the earliest deadline became an earlier one. Without the clock's lock; null:
     * nobody asks. Set before the first start. */
    void (*nearer)(void *arg);
    void *nearer_arg;
};

/* Begins at virtual time 0, stopped. @any */
int MUST_CHECK clock_create(struct clock *c, enum clock_source source, struct journal *j,
                            struct err *e);
void clock_destroy(struct clock *c);

/* The host's monotonic time, for statistics that no guest sees; guests get clock_now(). @any */
uint64_t clock_host_ns(void);

/* Processor time of the calling thread, for statistics too: unlike what passed, it does not grow
 * with the host's other work. @any */
uint64_t clock_thread_ns(void);

/* Starts (or goes on) and stops virtual time. clock_stop() returns when no timer callback is
 * running; it must not be called from one. @any */
void clock_start(struct clock *c);
void clock_stop(struct clock *c);

/* Virtual time now; host reads pass the journal. @any */
vtime_t clock_now(struct clock *c);

/* Sets the time of a stopped clock (load). @stopped */
void clock_set(struct clock *c, vtime_t now);

/* Seconds since the epoch, through the journal: for the real-time clock only. @any */
uint64_t clock_wall_seconds(struct clock *c);

/* Initialises a timer; arms it (replacing an earlier deadline) or cancels it. A callback may still
 * be running when cancel returns. @any */
void clock_timer_init(struct clock_timer *t, void (*fn)(void *), void *arg);
void clock_timer_set(struct clock *c, struct clock_timer *t, vtime_t deadline);

/* Counted source: next deadline, moving time on by executed instructions, moving it on to `now`
 * (never back) and running what is due. @vcpu */
vtime_t clock_next_deadline(struct clock *c);
void clock_count(struct clock *c, uint64_t instructions);
void clock_advance_to(struct clock *c, vtime_t now);

#endif
