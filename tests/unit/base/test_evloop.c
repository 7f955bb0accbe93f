/* The event loop: notifications are not lost, sources may remove each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/evloop.h"
#include "base/fault.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static struct err e;

struct counter {
    struct ev_notifier notifier;
    atomic_uint asked, seen;
};

static void count(void *arg)
{
    struct counter *c = arg;
    atomic_store(&c->seen, atomic_load(&c->asked));
}

static void wait_for(atomic_uint *a, unsigned value)
{
    struct timespec t = {0, 1000000};
    for (unsigned i = 0; i < 5000 && atomic_load(a) != value; i++)
        nanosleep(&t, NULL);
    assert_int_equal(atomic_load(a), value);
}

static void test_evloop_no_notification_is_lost(void **state)
{
    (void)state;
    struct iothread t;
    struct counter c = {0};
    assert_int_equal(iothread_init(&t, "test", &e), 0);
    assert_int_equal(ev_notifier_init(&c.notifier, &t.loop, count, &c, &e), 0);
    assert_int_equal(iothread_start(&t, &e), 0);
    for (unsigned i = 1; i <= 2000; i++) {
        atomic_store(&c.asked, i);
        ev_notify(&c.notifier);
        if (i % 100 == 0)
            wait_for(&c.seen, i);
    }
    iothread_stop(&t);
    ev_notifier_fini(&c.notifier, &t.loop);
    iothread_fini(&t);
}

static void test_evloop_thread_can_be_stopped_and_started_again(void **state)
{
    (void)state;
    struct iothread t;
    struct counter c = {0};
    assert_int_equal(iothread_init(&t, "test", &e), 0);
    assert_int_equal(ev_notifier_init(&c.notifier, &t.loop, count, &c, &e), 0);
    for (unsigned i = 1; i <= 5; i++) {
        atomic_store(&c.asked, i);
        ev_notify(&c.notifier); /* while no thread runs */
        assert_int_equal(iothread_start(&t, &e), 0);
        wait_for(&c.seen, i);
        iothread_stop(&t);
    }
    ev_notifier_fini(&c.notifier, &t.loop);
    iothread_fini(&t);
}

/* Two sources are ready in one batch; whichever comes first removes the other. */
struct pair {
    struct evloop loop;
    struct ev_source source[2];
    int pipe[2][2];
    unsigned calls;
};

static void remove_other(void *arg, uint32_t events)
{
    struct pair *p = arg;
    (void)events;
    p->calls++;
    evloop_quit(&p->loop);
    for (int i = 0; i < 2; i++)
        evloop_del(&p->loop, &p->source[i]);
}

static void test_evloop_source_removed_in_a_batch_is_not_called(void **state)
{
    (void)state;
    struct pair p = {0};
    assert_int_equal(evloop_init(&p.loop, &e), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(p.pipe[i]), 0);
        assert_int_equal(write(p.pipe[i][1], "x", 1), 1);
        p.source[i] = (struct ev_source){p.pipe[i][0], remove_other, &p};
        assert_int_equal(evloop_add(&p.loop, &p.source[i], EPOLLIN, &e), 0);
    }
    evloop_run(&p.loop);
    assert_int_equal(p.calls, 1);
    evloop_fini(&p.loop);
    for (int i = 0; i < 2; i++) {
        close(p.pipe[i][0]);
        close(p.pipe[i][1]);
    }
}

static void test_evloop_failures_are_reported(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct iothread t;
        fault_arm(n);
        int r = iothread_init(&t, "test", &e);
        if (!r) {
            r = iothread_start(&t, &e);
            const char *hit = fault_arm(0);
            iothread_fini(&t);
            if (!hit)
                break;
        } else {
            assert_non_null(fault_arm(0));
        }
        assert_true(r < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evloop_no_notification_is_lost),
        cmocka_unit_test(test_evloop_thread_can_be_stopped_and_started_again),
        cmocka_unit_test(test_evloop_source_removed_in_a_batch_is_not_called),
        cmocka_unit_test(test_evloop_failures_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
