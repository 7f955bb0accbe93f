/* Promises of backend/hostdir: nothing outside the folder can be read, made, removed or replaced.
 */
#include "backend/hostdir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after the above */
#include <cmocka.h>

/* ROOT/secret and ROOT/box/..., of which ROOT/box is opened. */
struct place {
    char root[64];
    struct hostdir dir;
};

static void path_of(const struct place *p, char *out, size_t size, const char *name)
{
    assert_true((size_t)snprintf(out, size, "%s/%s", p->root, name) < size);
}

static void make_file(const struct place *p, const char *name, const char *text)
{
    char path[256];
    path_of(p, path, sizeof(path), name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool exists(const struct place *p, const char *name)
{
    char path[256];
    struct stat st;
    path_of(p, path, sizeof(path), name);
    return lstat(path, &st) == 0;
}

static void make_link(const struct place *p, const char *target, const char *name)
{
    char path[256];
    path_of(p, path, sizeof(path), name);
    assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    char path[256];
    struct err e;
    if (!p)
        return -1;
    snprintf(p->root, sizeof(p->root), "/tmp/hostdir-XXXXXX");
    if (!mkdtemp(p->root))
        return -1;
    path_of(p, path, sizeof(path), "box");
    mkdir(path, 0755);
    path_of(p, path, sizeof(path), "box/sub");
    mkdir(path, 0755);
    make_file(p, "secret", "secret");
    make_file(p, "box/file", "inside");
    path_of(p, path, sizeof(path), "box");
    *state = p;
    return hostdir_open(&p->dir, path, &e);
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    hostdir_close(&p->dir);
    snprintf(command, sizeof(command), "rm -r '%s'", p->root);
    int r = system(command);
    free(p);
    return r;
}

static void expect_open(const struct place *p, const char *name, int flags, int expected)
{
    int fd = hostdir_open_file(&p->dir, name, flags);
    if (fd >= 0)
        hostfile_close(fd);
    if (expected == 0 ? fd < 0 : fd != expected)
        fail_msg("'%s': got %d, expected %d", name, fd, expected);
}

static void test_hostdir_opens_files_inside(void **state)
{
    struct place *p = *state;
    char text[16];
    int fd = hostdir_open_file(&p->dir, "file", O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(hostfile_length(fd), 6);
    assert_int_equal(hostfile_read(fd, text, sizeof(text)), 6);
    assert_memory_equal(text, "inside", 6);
    assert_int_equal(hostfile_read(fd, text, sizeof(text)), 0);
    assert_int_equal(hostfile_seek(fd, 2), 0);
    assert_int_equal(hostfile_read(fd, text, sizeof(text)), 4);
    assert_int_equal(hostfile_seek(fd, UINT64_MAX), -EINVAL);
    hostfile_close(fd);
    expect_open(p, "sub/../file", O_RDONLY, 0);
    expect_open(p, "./file", O_RDONLY, 0);
    expect_open(p, "none", O_RDONLY, -ENOENT);
}

static void test_hostdir_writes_and_creates_inside(void **state)
{
    struct place *p = *state;
    int fd = hostdir_open_file(&p->dir, "sub/new", O_RDWR | O_CREAT | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(hostfile_write(fd, "hello", 5), 5);
    assert_int_equal(hostfile_length(fd), 5);
    hostfile_close(fd);
    assert_true(exists(p, "box/sub/new"));
}

static void test_hostdir_refuses_dot_dot(void **state)
{
    struct place *p = *state;
    expect_open(p, "../secret", O_RDONLY, -EXDEV);
    expect_open(p, "sub/../../secret", O_RDONLY, -EXDEV);
    expect_open(p, "../created", O_WRONLY | O_CREAT, -EXDEV);
    assert_false(exists(p, "created"));
}

static void test_hostdir_refuses_absolute_names(void **state)
{
    struct place *p = *state;
    char path[256];
    path_of(p, path, sizeof(path), "secret");
    expect_open(p, path, O_RDONLY, -EXDEV);
    assert_int_equal(hostdir_remove(&p->dir, path), -EXDEV);
    assert_int_equal(hostdir_rename(&p->dir, "file", path), -EXDEV);
    assert_int_equal(hostdir_remove(&p->dir, "/file"), -EXDEV);
    assert_true(exists(p, "secret"));
    assert_true(exists(p, "box/file"));
}

static void test_hostdir_refuses_links_that_leave(void **state)
{
    struct place *p = *state;
    make_link(p, "../secret", "box/out");
    make_link(p, "/etc", "box/etc");
    make_link(p, "..", "box/up");
    make_link(p, "file", "box/in");
    expect_open(p, "out", O_RDONLY, -EXDEV);
    expect_open(p, "etc/passwd", O_RDONLY, -EXDEV);
    expect_open(p, "up/secret", O_RDONLY, -EXDEV);
    expect_open(p, "up/created", O_WRONLY | O_CREAT, -EXDEV);
    expect_open(p, "in", O_RDONLY, 0);
    assert_int_equal(hostdir_remove(&p->dir, "up/secret"), -EXDEV);
    assert_int_equal(hostdir_rename(&p->dir, "file", "up/stolen"), -EXDEV);
    assert_int_equal(hostdir_rename(&p->dir, "up/secret", "mine"), -EXDEV);
    assert_true(exists(p, "secret"));
    assert_false(exists(p, "stolen"));
}

static void test_hostdir_remove_takes_the_link_not_its_target(void **state)
{
    struct place *p = *state;
    make_link(p, "../secret", "box/out2");
    assert_int_equal(hostdir_remove(&p->dir, "out2"), 0);
    assert_true(exists(p, "secret"));
}

static void test_hostdir_refuses_rename_out(void **state)
{
    struct place *p = *state;
    assert_int_equal(hostdir_rename(&p->dir, "file", "../stolen"), -EXDEV);
    assert_int_equal(hostdir_rename(&p->dir, "../secret", "mine"), -EXDEV);
    assert_int_equal(hostdir_rename(&p->dir, "file", ".."), -EINVAL);
    assert_int_equal(hostdir_rename(&p->dir, "file", "sub/"), -EINVAL);
    assert_int_equal(hostdir_rename(&p->dir, "sub", "sub2"), -EISDIR);
    assert_int_equal(hostdir_rename(&p->dir, "none", "x"), -ENOENT);
    assert_true(exists(p, "box/file"));
    assert_true(exists(p, "secret"));
}

static void test_hostdir_removes_and_renames_inside(void **state)
{
    struct place *p = *state;
    make_file(p, "box/a", "a");
    assert_int_equal(hostdir_rename(&p->dir, "a", "sub/b"), 0);
    assert_false(exists(p, "box/a"));
    assert_int_equal(hostdir_remove(&p->dir, "sub/b"), 0);
    assert_false(exists(p, "box/sub/b"));
    assert_int_equal(hostdir_remove(&p->dir, "sub/b"), -ENOENT);
    assert_int_equal(hostdir_remove(&p->dir, "sub"), -EISDIR);
    assert_int_equal(hostdir_remove(&p->dir, ""), -EINVAL);
    assert_int_equal(hostdir_remove(&p->dir, "."), -EINVAL);
    assert_int_equal(hostdir_remove(&p->dir, ".."), -EINVAL);
}

static void test_hostdir_refuses_what_is_not_a_file(void **state)
{
    struct place *p = *state;
    char path[256];
    path_of(p, path, sizeof(path), "box/fifo");
    assert_int_equal(mkfifo(path, 0644), 0);
    expect_open(p, "fifo", O_RDONLY, -EACCES);
    expect_open(p, "fifo", O_WRONLY, -ENXIO); /* nobody reads it, and nothing blocked */
    expect_open(p, "sub", O_RDONLY, -EACCES);
}

static void test_hostdir_names_a_missing_folder(void **state)
{
    (void)state;
    struct hostdir d;
    struct err e = {0};
    assert_int_equal(hostdir_open(&d, "/nonexistent/folder", &e), -ENOENT);
    assert_non_null(strstr(e.text, "/nonexistent/folder"));
    assert_int_equal(hostdir_open(&d, "/dev/null", &e), -ENOTDIR);
}

int main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(test_hostdir_opens_files_inside),
        ONE(test_hostdir_writes_and_creates_inside),
        ONE(test_hostdir_refuses_dot_dot),
        ONE(test_hostdir_refuses_absolute_names),
        ONE(test_hostdir_refuses_links_that_leave),
        ONE(test_hostdir_remove_takes_the_link_not_its_target),
        ONE(test_hostdir_refuses_rename_out),
        ONE(test_hostdir_removes_and_renames_inside),
        ONE(test_hostdir_refuses_what_is_not_a_file),
        cmocka_unit_test(test_hostdir_names_a_missing_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
