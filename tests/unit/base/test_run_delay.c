/* base/run_delay.c: the second number of the scheduler's line, and nothing else. */
#include "base/run_delay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
/* after the above */
#include <cmocka.h>

static void test_the_second_number_is_the_delay(void **state)
{
    (void)state;
    uint64_t ns = 1;
    assert_true(run_delay_parse("1383520 26361508 2\n", &ns));
    assert_int_equal(ns, 26361508);
    assert_true(run_delay_parse("0 0 0\n", &ns));
    assert_int_equal(ns, 0);
    assert_true(run_delay_parse("1 18446744073709551614 1\n", &ns));
    assert_int_equal(ns, UINT64_MAX - 1);
}

static void test_other_lines_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "\n", "5", "5 ", "5 7", "5 -7 1", "5  7 1", "x 7 1",
                                      "5 x 1", "5,7,1"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        uint64_t ns = 99;
        assert_false(run_delay_parse(bad[i], &ns));
        assert_int_equal(ns, 99);
    }
}

static void test_own_delay_never_decreases(void **state)
{
    (void)state;
    struct err e = {0};
    uint64_t before = 0, now;
    int fd = run_delay_open(&e);
    if (fd < 0) {
        print_message("# the host keeps no statistics: %s\n", e.text);
        skip();
    }
    for (unsigned i = 0; i < 20; i++) {
        assert_true(run_delay_read(fd, &now));
        assert_true(now >= before);
        before = now;
    }
    close(fd);
    assert_false(run_delay_read(fd, &now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_second_number_is_the_delay),
        cmocka_unit_test(test_other_lines_are_refused),
        cmocka_unit_test(test_own_delay_never_decreases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
