/* Virtual time by the time stamp counter: never back, whoever looks; never far from the host's
 * clock; and where it is stopped and goes on. */
#include "base/tsc.h"
#include "vm/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define AHEAD_NS 9000000 /* the rest of two lines, and a little */

static uint64_t host_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void nap(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static uint64_t now(struct clock_tsc *t)
{
    uint64_t ns;
    assert_true(clock_tsc_now(t, &ns));
    return ns;
}

/* Time is not before `last`, which it was when the host's clock showed `since`, and later than that
 * by no more than what has passed, and AHEAD_NS. Returns it. */
static uint64_t near_host(struct clock_tsc *t, uint64_t last, uint64_t since)
{
    uint64_t at = now(t);
    assert_in_range(at, last, last + (host_ns() - since) + AHEAD_NS);
    return at;
}

/* Until the rate is known. */
static void settle(struct clock_tsc *t)
{
    for (unsigned n = 0; n < 200 && !t->line.limit; n++) {
        nap(5);
        (void)now(t);
    }
    assert_int_not_equal(t->line.limit, 0);
}

static struct clock_tsc *start(uint64_t at)
{
    struct clock_tsc *t = malloc(sizeof(*t));
    assert_non_null(t);
    clock_tsc_init(t);
    clock_tsc_start(t, at, host_ns() - at);
    return t;
}

static void finish(struct clock_tsc *t)
{
    clock_tsc_fini(t);
    free(t);
}

struct racer {
    struct clock_tsc *clock;
    _Atomic uint64_t last; /* that anybody has read */
    _Atomic unsigned back;
    uint64_t end;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    uint64_t at = 0;
    while (at < r->end) {
        uint64_t seen = atomic_load(&r->last);
        if (!clock_tsc_now(r->clock, &at) || at < seen)
            atomic_fetch_add(&r->back, 1);
        while (seen < at && !atomic_compare_exchange_weak(&r->last, &seen, at))
            ;
    }
    return NULL;
}

static void test_time_goes_on_for_all_threads_alike(void **state)
{
    (void)state;
    struct racer r = {.clock = start(1000), .end = 150000000};
    pthread_t thread[3];
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, race, &r), 0);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(r.back, 0);
    assert_true(r.clock->line.whole > 4); /* lines have followed each other */
    finish(r.clock);
}

static void test_time_is_the_host_s(void **state)
{
    (void)state;
    uint64_t offset = host_ns() - 5000;
    struct clock_tsc *t = malloc(sizeof(*t));
    assert_non_null(t);
    clock_tsc_init(t);
    clock_tsc_start(t, 5000, offset);
    settle(t);
    for (unsigned n = 0; n < 40; n++) {
        uint64_t before = host_ns() - offset, at = now(t), after = host_ns() - offset;
        assert_in_range(at, before - 1000000, after + 1000000);
        nap(2);
    }
    finish(t);
}

static void test_stopped_time_is_not_read(void **state)
{
    (void)state;
    struct clock_tsc *t = start(0);
    settle(t);
    uint64_t last = now(t), ns;
    clock_tsc_stop(t);
    assert_int_equal(t->line.limit, 0);
    assert_false(clock_tsc_now(t, &ns));
    nap(30);
    uint64_t since = host_ns();
    clock_tsc_start(t, last, since - last);
    (void)near_host(t, last, since);
    clock_tsc_stop(t);
    since = host_ns();
    clock_tsc_start(t, 7, since - 7); /* an earlier state was loaded */
    (void)near_host(t, 7, since);
    finish(t);
}

/* The counter is reset or goes on while the host sleeps: the host's clock tells. */
static void test_odd_counters_make_no_odd_time(void **state)
{
    (void)state;
    struct clock_tsc *t = start(0);
    settle(t);
    uint64_t since = host_ns(), last = now(t);
    t->line.ticks += UINT64_C(1) << 40; /* as if the counter had gone back */
    t->rate_ticks += UINT64_C(1) << 40;
    last = near_host(t, last, since);
    t->line.ticks -= UINT64_C(1) << 40; /* as if it had gone on */
    t->rate_ticks -= UINT64_C(1) << 40;
    last = near_host(t, last, since);
    settle(t);
    since = host_ns();
    last = now(t);
    for (unsigned n = 0; n < 15; n++) { /* if it was ahead, the host's clock catches up */
        nap(2);
        (void)near_host(t, last, since);
    }
    assert_true(now(t) >= last + 20000000);
    finish(t);
}

int main(void)
{
    if (!tsc_is_time()) {
        print_message("skipped: the time stamp counter is no clock here\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_goes_on_for_all_threads_alike),
        cmocka_unit_test(test_time_is_the_host_s),
        cmocka_unit_test(test_stopped_time_is_not_read),
        cmocka_unit_test(test_odd_counters_make_no_odd_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
