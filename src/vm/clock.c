/* Virtual time and its timers. See clock.h.
 *
 * With the host source one thread sleeps until the earliest deadline and calls back; with the
 * counted source the vCPU's loop calls clock_advance_to(). A callback runs without the clock's
 * lock, because it takes a device's lock and devices set timers under theirs (rank: device before
 * clock).
 */
#include "vm/clock.h"

#include "base/fault.h"
#include "base/tsc.h"

#include <errno.h>
#include <string.h>
#include <time.h>

uint64_t clock_host_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t host_ns(struct clock *c)
{
    return journal_value(c->journal, JOURNAL_TIME, clock_host_ns());
}

/* Of a running clock with the host source. */
static vtime_t host_now(struct clock *c)
{
    vtime_t now;
    if (c->by_tsc && clock_tsc_now(&c->tsc, &now))
        return now;
    return host_ns(c) - __atomic_load_n(&c->offset, __ATOMIC_RELAXED);
}

/* Under the lock, or while stopped. */
static vtime_t clock_now_locked(struct clock *c)
{
    if (c->source == CLOCK_COUNTED)
        return atomic_load(&c->counted);
    return c->stopped ? c->frozen : host_now(c);
}

vtime_t clock_now(struct clock *c)
{
    if (c->source == CLOCK_COUNTED)
        return atomic_load_explicit(&c->counted, memory_order_relaxed);
    /* offset and stopped change only while no vCPU runs (clock_start, clock_stop). */
    if (__atomic_load_n(&c->stopped, __ATOMIC_ACQUIRE))
        return __atomic_load_n(&c->frozen, __ATOMIC_RELAXED);
    return host_now(c);
}

/* Takes the earliest timer off the list when it is due. Under the lock. */
static struct clock_timer *clock_pop_due(struct clock *c, vtime_t now)
{
    struct clock_timer *t = c->timers;
    if (!t || t->deadline > now)
        return NULL;
    c->timers = t->next;
    t->next = NULL;
    t->deadline = VTIME_NEVER;
    return t;
}

/* Runs what is due; the lock is held on entry and exit, not during callbacks. */
static void clock_run_due(struct clock *c, vtime_t now)
{
    struct clock_timer *t;
    while ((t = clock_pop_due(c, now))) {
        void (*fn)(void *) = t->fn;
        void *arg = t->arg;
        c->in_callback = true;
        pthread_mutex_unlock(&c->lock);
        fn(arg);
        pthread_mutex_lock(&c->lock);
        c->in_callback = false;
        pthread_cond_broadcast(&c->idle);
    }
}

static void *clock_main(void *arg)
{
    struct clock *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->quit) {
        if (c->stopped || !c->timers) {
            pthread_cond_wait(&c->wake, &c->lock);
            continue;
        }
        vtime_t now = clock_now_locked(c);
        vtime_t deadline = c->timers->deadline;
        if (deadline <= now) {
            clock_run_due(c, now);
            continue;
        }
        uint64_t at = deadline > UINT64_MAX / 2 ? UINT64_MAX / 2 : deadline + c->offset;
        struct timespec until = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)};
        pthread_cond_timedwait(&c->wake, &c->lock, &until);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int clock_create(struct clock *c, enum clock_source source, struct journal *j, struct err *e)
{
    *c = (struct clock){.source = source, .journal = j, .stopped = true};
    pthread_mutex_init(&c->lock, NULL);
    clock_tsc_init(&c->tsc);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_cond_init(&c->idle, NULL);
    pthread_condattr_destroy(&attr);
    if (source == CLOCK_COUNTED)
        return 0;
    int r = fault_point("clock_thread") ? EAGAIN : pthread_create(&c->thread, NULL, clock_main, c);
    if (r)
        return err_set(e, r, "cannot start the timer thread: %s", strerror(r));
    c->thread_running = true;
    return 0;
}

void clock_destroy(struct clock *c)
{
    if (c->thread_running) {
        pthread_mutex_lock(&c->lock);
        c->quit = true;
        pthread_cond_signal(&c->wake);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
        c->thread_running = false;
    }
    pthread_cond_destroy(&c->wake);
    pthread_cond_destroy(&c->idle);
    pthread_mutex_destroy(&c->lock);
    clock_tsc_fini(&c->tsc);
}

void clock_start(struct clock *c)
{
    pthread_mutex_lock(&c->lock);
    if (c->stopped) {
        if (c->source == CLOCK_HOST) {
            __atomic_store_n(&c->offset, host_ns(c) - c->frozen, __ATOMIC_RELAXED);
            c->by_tsc = journal_is_live(c->journal) && tsc_is_time();
            if (c->by_tsc)
                clock_tsc_start(&c->tsc, c->frozen, c->offset);
        }
        __atomic_store_n(&c->stopped, false, __ATOMIC_RELEASE);
        pthread_cond_signal(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
}

void clock_stop(struct clock *c)
{
    pthread_mutex_lock(&c->lock);
    if (!c->stopped) {
        __atomic_store_n(&c->frozen, clock_now_locked(c), __ATOMIC_RELAXED);
        __atomic_store_n(&c->stopped, true, __ATOMIC_RELEASE);
        clock_tsc_stop(&c->tsc);
    }
    while (c->in_callback)
        pthread_cond_wait(&c->idle, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

void clock_set(struct clock *c, vtime_t now)
{
    pthread_mutex_lock(&c->lock);
    __atomic_store_n(&c->frozen, now, __ATOMIC_RELAXED);
    atomic_store(&c->counted, now);
    pthread_mutex_unlock(&c->lock);
}

uint64_t clock_wall_seconds(struct clock *c)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return journal_value(c->journal, JOURNAL_WALL, (uint64_t)t.tv_sec);
}

void clock_timer_init(struct clock_timer *t, void (*fn)(void *), void *arg)
{
    *t = (struct clock_timer){.deadline = VTIME_NEVER, .fn = fn, .arg = arg};
}

void clock_timer_set(struct clock *c, struct clock_timer *t, vtime_t deadline)
{
    pthread_mutex_lock(&c->lock);
    if (t->deadline != VTIME_NEVER) {
        struct clock_timer **p = &c->timers;
        while (*p && *p != t)
            p = &(*p)->next;
        if (*p)
            *p = t->next;
    }
    t->deadline = deadline;
    t->next = NULL;
    bool first = false;
    if (deadline != VTIME_NEVER) {
        struct clock_timer **p = &c->timers;
        while (*p && (*p)->deadline <= deadline)
            p = &(*p)->next;
        t->next = *p;
        *p = t;
        first = c->timers == t;
        if (first)
            pthread_cond_signal(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
    if (first && c->source == CLOCK_COUNTED && c->nearer)
        c->nearer(c->nearer_arg);
}

vtime_t clock_next_deadline(struct clock *c)
{
    pthread_mutex_lock(&c->lock);
    vtime_t d = c->timers ? c->timers->deadline : VTIME_NEVER;
    pthread_mutex_unlock(&c->lock);
    return d;
}

void clock_count(struct clock *c, uint64_t instructions)
{
    atomic_fetch_add_explicit(&c->counted, instructions, memory_order_relaxed);
}

void clock_advance_to(struct clock *c, vtime_t now)
{
    pthread_mutex_lock(&c->lock);
    if (now > atomic_load(&c->counted))
        atomic_store(&c->counted, now);
    clock_run_due(c, atomic_load(&c->counted));
    pthread_mutex_unlock(&c->lock);
}
