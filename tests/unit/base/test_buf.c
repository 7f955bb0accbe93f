/* Buffers and files: every failure is an error with the file's name, and frees what was read. */
#include "base/bits.h"
#include "base/buf.h"
#include "base/fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void test_buf_grows(void **state)
{
    (void)state;
    struct buf b = {0};
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t byte = (uint8_t)i;
        assert_int_equal(buf_append(&b, &byte, 1), 0);
    }
    assert_int_equal(b.len, 10000);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(b.data[i], (uint8_t)i);
    buf_fini(&b);
    assert_null(b.data);
}

static char *temp_file(size_t bytes)
{
    static char name[64];
    snprintf(name, sizeof(name), "/tmp/test_buf.XXXXXX");
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    close(fd);
    return name;
}

static void test_buf_read_file_limits_size(void **state)
{
    (void)state;
    char *name = temp_file(100001);
    struct buf b = {0};
    struct err e = {0};
    assert_int_equal(buf_read_file(&b, name, 100000, &e), -EFBIG);
    assert_non_null(strstr(e.text, name));
    assert_int_equal(buf_read_file(&b, name, 100001, &e), 0);
    assert_int_equal(b.len, 100001);
    buf_fini(&b);
    unlink(name);
}

static void test_buf_read_file_names_what_is_wrong(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    assert_int_equal(buf_read_file(&b, "/no/such/file", 10, &e), -ENOENT);
    assert_non_null(strstr(e.text, "/no/such/file"));
    assert_int_equal(buf_read_file(&b, "/tmp", 10, &e), -EISDIR);
}

/* SQLite's method: the n-th fault point fails, for every n until none is reached. */
static void test_buf_read_file_survives_every_fault(void **state)
{
    (void)state;
    char *name = temp_file(300000);
    for (unsigned long n = 1;; n++) {
        struct buf b = {0};
        struct err e = {0};
        fault_arm(n);
        int r = buf_read_file(&b, name, 1 << 20, &e);
        bool hit = fault_arm(0) != NULL;
        assert_int_equal(r < 0, hit);
        if (r < 0)
            assert_null(b.data);
        buf_fini(&b);
        if (!hit)
            break;
    }
    unlink(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_grows),
        cmocka_unit_test(test_buf_read_file_limits_size),
        cmocka_unit_test(test_buf_read_file_names_what_is_wrong),
        cmocka_unit_test(test_buf_read_file_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
