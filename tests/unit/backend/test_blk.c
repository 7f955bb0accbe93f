/* Raw images and the ephemeral layer over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/blk.h"
#include "base/fault.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (3u * 65536 + 512)

static char folder[64], path[96];
static struct err e;

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/sojourn-test-blk-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/image", folder);
    log_set_level(LOG_ERROR);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static uint8_t pattern(uint64_t at)
{
    return (uint8_t)(at * 7 + at / 512 + 1);
}

static void make_image(size_t bytes)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < bytes; i++)
        fputc(pattern(i), f);
    assert_int_equal(fclose(f), 0);
}

static struct blk *open_image(bool readonly, bool ephemeral)
{
    struct blk *b = NULL;
    struct blk_config c = {path, readonly, ephemeral, folder};
    assert_int_equal(blk_open(&c, &b, &e), 0);
    return b;
}

static int open_fails(bool readonly, bool ephemeral, const char *text)
{
    struct blk *b = NULL;
    struct blk_config c = {path, readonly, ephemeral, folder};
    int r = blk_open(&c, &b, &e);
    assert_true(r < 0);
    assert_non_null(strstr(e.text, text));
    assert_non_null(strstr(e.text, path));
    assert_null(strchr(e.text, '\n'));
    return r;
}

static void do_read(struct blk *b, void *p, size_t len, uint64_t at)
{
    struct iovec v[2] = {{p, len / 3}, {(uint8_t *)p + len / 3, len - len / 3}};
    assert_int_equal(b->ops->read(b, v, 2, at), 0);
}

static int do_write(struct blk *b, void *p, size_t len, uint64_t at, bool durable)
{
    struct iovec v[2] = {{p, len / 3}, {(uint8_t *)p + len / 3, len - len / 3}};
    return b->ops->write(b, v, 2, at, durable);
}

static void test_blk_moves_bytes_to_and_from_the_file(void **state)
{
    (void)state;
    uint8_t data[4096];
    make_image(SIZE);
    struct blk *b = open_image(false, false);
    assert_int_equal(b->bytes, SIZE);
    do_read(b, data, sizeof(data), SIZE - sizeof(data));
    for (size_t i = 0; i < sizeof(data); i++)
        assert_int_equal(data[i], pattern(SIZE - sizeof(data) + i));
    memset(data, 9, sizeof(data));
    assert_int_equal(do_write(b, data, sizeof(data), 512, false), 0);
    assert_int_equal(do_write(b, data, 512, 8192, true), 0);
    assert_int_equal(b->ops->flush(b), 0);
    assert_int_equal(b->ops->write_zeroes(b, 1024, 512, false, true), 0);
    assert_int_equal(b->ops->write_zeroes(b, 65536, 65536, true, false), 0);
    assert_int_equal(b->ops->discard(b, 2 * 65536, 65536), 0);
    blk_destroy(b);

    int fd = open(path, O_RDONLY);
    static uint8_t all[SIZE + 1];
    assert_int_equal(read(fd, all, sizeof(all)), SIZE); /* the size did not change */
    close(fd);
    assert_int_equal(all[511], pattern(511));
    assert_int_equal(all[512], 9);
    assert_int_equal(all[1024], 0);
    assert_int_equal(all[1535], 0);
    assert_int_equal(all[1536], 9);
    assert_int_equal(all[8192], 9);
    assert_int_equal(all[65535], pattern(65535));
    assert_int_equal(all[65536], 0);
    assert_int_equal(all[2 * 65536 - 1], 0);
    assert_int_equal(all[SIZE - 1], pattern(SIZE - 1));
}

static void test_blk_bad_images_are_clear_errors(void **state)
{
    (void)state;
    unlink(path);
    assert_int_equal(open_fails(false, false, "No such file"), -ENOENT);
    make_image(0);
    assert_int_equal(open_fails(false, false, "empty"), -EINVAL);
    make_image(511);
    assert_int_equal(open_fails(false, false, "multiple of 512"), -EINVAL);
    make_image(513);
    assert_int_equal(open_fails(true, false, "multiple of 512"), -EINVAL);
    FILE *f = fopen(path, "w");
    fwrite("QFI\xfb", 1, 4, f);
    fclose(f);
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(open_fails(false, false, "qcow2"), -EINVAL);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    open_fails(true, false, "neither a file nor a block device");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    open_fails(true, false, "neither a file nor a block device");
    open_fails(false, false, "directory");
    rmdir(path);
}

static void test_blk_unwritable_image_names_the_remedy(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        print_message("root may write anything\n");
        skip();
    }
    make_image(512);
    chmod(path, 0400);
    assert_int_equal(open_fails(false, false, "readonly"), -EACCES);
}

static void test_blk_one_writer_excludes_all_others(void **state)
{
    (void)state;
    make_image(4096);
    struct blk *writer = open_image(false, false);
    assert_int_equal(open_fails(false, false, "in use"), -EBUSY);
    assert_int_equal(open_fails(true, false, "in use"), -EBUSY);
    assert_int_equal(open_fails(false, true, "in use"), -EBUSY);
    blk_destroy(writer);
    struct blk *one = open_image(true, false), *two = open_image(false, true);
    assert_int_equal(open_fails(false, false, "in use"), -EBUSY);
    blk_destroy(one);
    blk_destroy(two);
    blk_destroy(open_image(false, false));
}

static void test_blk_ephemeral_never_changes_the_file(void **state)
{
    (void)state;
    static uint8_t model[SIZE], data[70000], back[SIZE];
    make_image(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        model[i] = pattern(i);
    struct blk *b = open_image(false, true);
    assert_false(b->readonly);
    uint64_t x = 88172645463325252u;
    for (unsigned i = 0; i < 300; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        size_t at = x % (SIZE / 512) * 512, len = (x >> 32) % 137 * 512;
        if (len > SIZE - at)
            len = SIZE - at;
        if (i % 8 == 7) {
            assert_int_equal(b->ops->write_zeroes(b, at, len, i & 8, false), 0);
            memset(model + at, 0, len);
        } else if (i % 8 == 6) {
            assert_int_equal(b->ops->discard(b, at, len), 0);
        } else {
            memset(data, (int)i, len);
            assert_int_equal(do_write(b, data, len, at, i & 1), 0);
            memset(model + at, (int)i, len);
        }
        if (i % 16 == 0) {
            do_read(b, back, SIZE, 0);
            assert_memory_equal(back, model, SIZE);
        }
    }
    do_read(b, back, SIZE, 0);
    assert_memory_equal(back, model, SIZE);
    assert_int_equal(b->ops->flush(b), 0);
    blk_destroy(b);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, back, SIZE), SIZE);
    close(fd);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(back[i], pattern(i));
}

static void test_blk_ephemeral_needs_a_folder(void **state)
{
    (void)state;
    struct blk *b = NULL;
    make_image(4096);
    struct blk_config c = {path, false, true, "/nonexistent"};
    assert_int_equal(blk_open(&c, &b, &e), -ENOENT);
    assert_non_null(strstr(e.text, "TMPDIR"));
    blk_destroy(open_image(false, false)); /* the lock is gone */
}

static void test_blk_truncated_file_is_an_error_not_zeroes(void **state)
{
    (void)state;
    uint8_t data[1024];
    make_image(4096);
    struct blk *b = open_image(false, false);
    assert_int_equal(truncate(path, 512), 0);
    struct iovec v = {data, sizeof(data)};
    log_set_level(LOG_ERROR);
    assert_int_equal(b->ops->read(b, &v, 1, 0), -EIO);
    blk_destroy(b);
}

static void test_blk_faults_are_reported_and_leak_nothing(void **state)
{
    (void)state;
    make_image(SIZE);
    uint8_t data[1024] = {0};
    for (unsigned long n = 1;; n++) {
        struct blk *b = NULL;
        struct blk_config c = {path, false, true, folder};
        fault_arm(n);
        int r = blk_open(&c, &b, &e);
        if (!r) {
            int w = do_write(b, data, sizeof(data), 512, false);
            struct iovec v = {data, sizeof(data)};
            int q = b->ops->read(b, &v, 1, 0);
            const char *hit = fault_arm(0);
            blk_destroy(b);
            if (!hit)
                break;
            assert_true(w < 0 || q < 0);
        } else {
            assert_non_null(fault_arm(0));
            assert_true(e.text[0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blk_moves_bytes_to_and_from_the_file),
        cmocka_unit_test(test_blk_bad_images_are_clear_errors),
        cmocka_unit_test(test_blk_unwritable_image_names_the_remedy),
        cmocka_unit_test(test_blk_one_writer_excludes_all_others),
        cmocka_unit_test(test_blk_ephemeral_never_changes_the_file),
        cmocka_unit_test(test_blk_ephemeral_needs_a_folder),
        cmocka_unit_test(test_blk_truncated_file_is_an_error_not_zeroes),
        cmocka_unit_test(test_blk_faults_are_reported_and_leak_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
