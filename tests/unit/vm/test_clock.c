/* Virtual time: stops with the machine, timers fire in order and not before their time. */
#include "vm/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static struct journal journal = {.ops = &journal_live_ops};

static void nap(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

struct shot {
    struct clock_timer timer;
    struct clock *clock;
    _Atomic vtime_t at;
    unsigned *order, place;
};

static void fire(void *arg)
{
    struct shot *s = arg;
    s->place = ++*s->order;
    s->at = clock_now(s->clock);
}

static void test_clock_stands_while_stopped(void **state)
{
    (void)state;
    struct clock c;
    assert_int_equal(clock_create(&c, CLOCK_HOST, &journal, NULL), 0);
    assert_int_equal(clock_now(&c), 0);
    nap(5);
    assert_int_equal(clock_now(&c), 0);
    clock_start(&c);
    nap(5);
    clock_stop(&c);
    vtime_t t = clock_now(&c);
    assert_true(t >= 5000000);
    nap(20);
    assert_int_equal(clock_now(&c), t);
    clock_start(&c);
    vtime_t u = clock_now(&c);
    assert_true(u >= t && u < t + 20000000);
    clock_destroy(&c);
}

static void test_clock_fires_timers_in_order(void **state)
{
    (void)state;
    struct clock c;
    assert_int_equal(clock_create(&c, CLOCK_HOST, &journal, NULL), 0);
    unsigned order = 0;
    struct shot s[3] = {{.clock = &c, .order = &order}, {.clock = &c, .order = &order},
                        {.clock = &c, .order = &order}};
    const vtime_t deadline[3] = {9000000, 3000000, 6000000};
    for (unsigned i = 0; i < 3; i++) {
        clock_timer_init(&s[i].timer, fire, &s[i]);
        clock_timer_set(&c, &s[i].timer, deadline[i]);
    }
    clock_start(&c);
    nap(30);
    clock_stop(&c);
    assert_int_equal(s[1].place, 1);
    assert_int_equal(s[2].place, 2);
    assert_int_equal(s[0].place, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_true(s[i].at >= deadline[i]);
    clock_destroy(&c);
}

static void test_clock_cancelled_timer_does_not_fire(void **state)
{
    (void)state;
    struct clock c;
    assert_int_equal(clock_create(&c, CLOCK_HOST, &journal, NULL), 0);
    unsigned order = 0;
    struct shot s = {.clock = &c, .order = &order};
    clock_timer_init(&s.timer, fire, &s);
    clock_timer_set(&c, &s.timer, 5000000);
    clock_timer_set(&c, &s.timer, VTIME_NEVER);
    clock_start(&c);
    nap(15);
    clock_stop(&c);
    assert_int_equal(order, 0);
    clock_destroy(&c);
}

static void test_clock_counted_runs_what_is_due(void **state)
{
    (void)state;
    struct clock c;
    assert_int_equal(clock_create(&c, CLOCK_COUNTED, &journal, NULL), 0);
    unsigned order = 0;
    struct shot s = {.clock = &c, .order = &order};
    clock_timer_init(&s.timer, fire, &s);
    clock_timer_set(&c, &s.timer, 1000);
    assert_int_equal(clock_next_deadline(&c), 1000);
    clock_advance_to(&c, 999);
    assert_int_equal(order, 0);
    clock_advance_to(&c, 1000);
    assert_int_equal(order, 1);
    assert_int_equal(s.at, 1000);
    assert_int_equal(clock_next_deadline(&c), VTIME_NEVER);
    clock_advance_to(&c, 5); /* never goes back */
    assert_int_equal(clock_now(&c), 1000);
    clock_destroy(&c);
}

/* A journal that replaces time: everything nondeterministic must pass it. */
static uint64_t fixed_value(struct journal *j, enum journal_kind kind, uint64_t live)
{
    (void)j;
    return kind == JOURNAL_TIME ? 77000 : kind == JOURNAL_WALL ? 123 : live;
}

static void test_clock_reads_pass_the_journal(void **state)
{
    (void)state;
    static const struct journal_ops ops = {fixed_value, NULL};
    struct journal j = {.ops = &ops};
    struct clock c;
    assert_int_equal(clock_create(&c, CLOCK_HOST, &j, NULL), 0);
    clock_start(&c);
    nap(2);
    assert_int_equal(clock_now(&c), 0); /* 77000 at the start, 77000 now */
    assert_int_equal(clock_wall_seconds(&c), 123);
    clock_destroy(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_stands_while_stopped),
        cmocka_unit_test(test_clock_fires_timers_in_order),
        cmocka_unit_test(test_clock_cancelled_timer_does_not_fire),
        cmocka_unit_test(test_clock_counted_runs_what_is_due),
        cmocka_unit_test(test_clock_reads_pass_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
