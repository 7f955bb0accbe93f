/* Error lines: never overflown, context goes in front. */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_err_set_returns_negative_code(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, ENOENT, "'%s': gone", "x"), -ENOENT);
    assert_int_equal(e.code, ENOENT);
    assert_string_equal(e.text, "'x': gone");
}

static void test_err_add_puts_context_in_front(void **state)
{
    (void)state;
    struct err e = {0};
    int r = err_set(&e, EIO, "cannot read");
    assert_int_equal(r, -EIO);
    assert_int_equal(err_add(&e, "--disk %d", 2), -EIO);
    assert_string_equal(e.text, "--disk 2: cannot read");
}

static void test_err_truncates_long_texts(void **state)
{
    (void)state;
    char big[3 * ERR_TEXT_MAX];
    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    struct err e = {0};
    assert_int_equal(err_set(&e, EINVAL, "%s", big), -EINVAL);
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    assert_int_equal(err_add(&e, "%s", big), -EINVAL);
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    struct err f = {0};
    assert_int_equal(err_set(&f, EINVAL, "%s", big), -EINVAL);
    assert_int_equal(err_add(&f, "where"), -EINVAL);
    assert_int_equal(strlen(f.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(f.text, "where: aaa", 10);
}

static void test_err_may_be_null(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, EINVAL, "x"), -EINVAL);
    assert_int_equal(err_add(NULL, "x"), -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_set_returns_negative_code),
        cmocka_unit_test(test_err_add_puts_context_in_front),
        cmocka_unit_test(test_err_truncates_long_texts),
        cmocka_unit_test(test_err_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
