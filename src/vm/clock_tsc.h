/* Virtual time between two looks at the host's clock: a line over the time stamp counter.
 *
 * A guest reads its counter millions of times a second; asking the kernel each time costs more than
 * all the rest of the read. So now and then the host's clock is asked, together with the time stamp
 * counter, and for a few milliseconds from there virtual time is
 *
 *     now + ((TSC - ticks) * mult >> 32)        while TSC - ticks < limit.
 *
 * Then, or if the counter does anything odd (it stood or jumped while the host slept), the host's
 * clock is asked again. Translated code evaluates the line itself. As everybody who wants to know
 * the time, timers included, uses this one function, nothing can be seen that contradicts it: a
 * timer has expired when, and only when, the counter that the guest reads has reached its value.
 *
 * Never back: the next line begins at the host's time or, if that is later, at the end of the
 * present one (`top`). Lines are a little too flat (LINE_SLACK), so that it is the host's time in
 * general; NTP may slow the host's clock down by more than that, then virtual time is up to a
 * few microseconds ahead, and after a counter that jumped by the rest of a line. A line that begins
 * ahead is the flatter, so that the host's clock catches up in a few milliseconds. The rate is
 * measured again and again, over intervals that are long against the uncertainty of one look; so
 * virtual time follows the host's monotonic clock and does not drift.
 *
 * Readers do not wait. The writer counts lines, in `begun` before it writes one and in `whole`
 * after it. A reader takes `whole` first and `begun` last: if they are equal, that line was whole
 * before it read anything, and the next one not begun when it had read everything. (x86-64 keeps
 * loads in order, and stores; in C they are acquire and release.)
 */
#ifndef VM_CLOCK_TSC_H
#define VM_CLOCK_TSC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct clock_line {
    uint64_t limit; /* ticks that the line is valid for; 0: there is none */
    uint64_t begun, whole; /* lines */
    uint64_t ticks; /* where it begins */
    uint64_t mult;  /* 2^32 ns per tick */
    uint64_t now;   /* virtual time there */
};

struct clock_tsc {
    struct clock_line line; /* read by anybody, see above */
    pthread_mutex_t lock;   /* of the rest, and of writing the line. Rank: after struct clock's */
    bool on;                /* there are lines to be made */
    uint64_t offset;        /* host time of virtual time 0 */
    uint64_t top;           /* no time later than this was given out */
    uint64_t rate_ticks, rate_ns; /* one end of the interval that the rate is measured over */
    uint64_t rate;          /* 2^32 ns per tick; 0: not measured yet */
};

void clock_tsc_init(struct clock_tsc *t);
void clock_tsc_fini(struct clock_tsc *t);

/* Virtual time is `now` when the host's clock shows now + offset, and goes on from there.
 * @stopped */
void clock_tsc_start(struct clock_tsc *t, uint64_t now, uint64_t offset);
/* No more lines, until the next start. @any */
void clock_tsc_stop(struct clock_tsc *t);

/* Virtual time; false: it has been stopped. @any */
bool clock_tsc_now(struct clock_tsc *t, uint64_t *now);

#endif
