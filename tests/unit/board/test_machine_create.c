/* Building the machine: every allocation and system call of it may fail, at the first time or
 * later; then there is an error text, nothing leaks (the sanitizer looks), and files and backends
 * are closed. */
#include "machine_test.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct code power_off_program(void)
{
    struct code c = {0};
    li(&c, 0, 0x84000008); /* SYSTEM_OFF */
    I(&c, HVC, 0);
    return c;
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void make_file(char *path, const char *template, size_t bytes)
{
    strcpy(path, template);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    close(fd);
}

/* A machine with one of everything. */
static struct board *full_board(const struct code *c, char *disk, char *initrd)
{
    struct board *m = board_new(c, CLOCK_HOST);
    make_file(disk, "/tmp/sojourn-disk-XXXXXX", 4096);
    make_file(initrd, "/tmp/sojourn-initrd-XXXXXX", 5000);
    m->cfg.initrd = initrd;
    m->cfg.append = "quiet";
    m->cfg.hvc = &m->console.chr;
    m->cfg.disk_count = 2;
    m->cfg.have_seed = true;
    return m;
}

static void full_board_free(struct board *m, const char *disk, const char *initrd)
{
    unlink(m->kernel);
    unlink(disk);
    unlink(initrd);
    free(m);
}

static void open_disks(struct board *m, const char *disk)
{
    const struct blk_config cfg = {.path = disk, .readonly = true};
    struct err e = {0};
    for (unsigned i = 0; i < m->cfg.disk_count; i++)
        assert_int_equal(blk_open(&cfg, &m->cfg.disks[i].backend, &e), 0);
}

static void test_creation_may_fail_at_every_point_without_a_leak(void **state)
{
    (void)state;
    static struct code c;
    char disk[40], initrd[40];
    c = power_off_program();
    struct board *m = full_board(&c, disk, initrd);
    unsigned fds = open_descriptors();
    unsigned long n = 1;
    for (;; n++) {
        struct err e = {0};
        open_disks(m, disk);
        fault_arm(n);
        int r = virt_create(&m->virt, &m->cfg, &e);
        if (!r) {
            r = virt_reset(&m->virt, &e);
            virt_destroy(&m->virt);
        }
        const char *hit = fault_arm(0);
        if (open_descriptors() != fds)
            fail_msg("'%s' failed and left a file open", hit ? hit : "nothing");
        if (!hit) {
            assert_int_equal(r, 0);
            break;
        }
        if (r == 0 || !e.text[0])
            fail_msg("'%s' failed and nobody said so", hit);
    }
    assert_true(n > 40);
    full_board_free(m, disk, initrd);
}

static void test_machine_with_everything_starts_and_powers_off(void **state)
{
    (void)state;
    static struct code c;
    char disk[40], initrd[40];
    c = power_off_program();
    struct board *m = full_board(&c, disk, initrd);
    open_disks(m, disk);
    board_build(m);
    for (unsigned i = 0; i < 3; i++) { /* and again after a reset */
        struct err e = {0};
        assert_int_equal(board_run(m, UINT64_MAX), VM_EVENT_POWEROFF);
        assert_int_equal(virt_reset(&m->virt, &e), 0);
        m->virt.vm.vcpus[0]->cpu.instret = 0;
    }
    virt_destroy(&m->virt);
    full_board_free(m, disk, initrd);
}

static void assert_not_created(struct board *m, const char *word)
{
    struct err e = {0};
    int r = virt_create(&m->virt, &m->cfg, &e);
    if (!r) {
        r = virt_reset(&m->virt, &e);
        virt_destroy(&m->virt);
    }
    assert_true(r < 0);
    if (!strstr(e.text, word))
        fail_msg("'%s' does not mention '%s'", e.text, word);
}

static void test_files_that_are_missing_or_empty_are_named(void **state)
{
    (void)state;
    static struct code c;
    c = power_off_program();
    struct board *m = board_new(&c, CLOCK_HOST);
    char empty[40];
    make_file(empty, "/tmp/sojourn-empty-XXXXXX", 0);
    m->cfg.dtb = "/nonexistent.dtb";
    assert_not_created(m, "/nonexistent.dtb");
    m->cfg.dtb = empty;
    assert_not_created(m, empty);
    m->cfg.dtb = NULL;
    m->cfg.initrd = "/nonexistent.cpio";
    assert_not_created(m, "/nonexistent.cpio");
    m->cfg.initrd = NULL;
    m->cfg.kernel = "/nonexistent";
    assert_not_created(m, "/nonexistent");
    unlink(empty);
    unlink(m->kernel);
    free(m);
}

static void test_too_many_vcpus_are_refused(void **state)
{
    (void)state;
    static struct code c;
    c = power_off_program();
    struct board *m = board_new(&c, CLOCK_HOST);
    m->cfg.cpus = VM_MAX_CPUS + 1;
    assert_not_created(m, "vCPU");
    unlink(m->kernel);
    free(m);
}

/* Two machines in one process share nothing. */
static void test_two_machines_run_side_by_side(void **state)
{
    (void)state;
    static struct code c;
    c = power_off_program();
    struct board *a = board_create(&c, CLOCK_HOST), *b2 = board_create(&c, CLOCK_COUNTED);
    struct err e = {0};
    stop_at = UINT64_MAX;
    assert_int_equal(vm_start(&a->virt.vm, &e), 0);
    assert_int_equal(vm_start(&b2->virt.vm, &e), 0);
    assert_int_equal(vm_wait(&b2->virt.vm), VM_EVENT_POWEROFF);
    assert_int_equal(vm_wait(&a->virt.vm), VM_EVENT_POWEROFF);
    vm_stop(&a->virt.vm);
    vm_stop(&b2->virt.vm);
    board_destroy(a);
    board_destroy(b2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_creation_may_fail_at_every_point_without_a_leak),
        cmocka_unit_test(test_machine_with_everything_starts_and_powers_off),
        cmocka_unit_test(test_files_that_are_missing_or_empty_are_named),
        cmocka_unit_test(test_too_many_vcpus_are_refused),
        cmocka_unit_test(test_two_machines_run_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
