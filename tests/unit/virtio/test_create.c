/* Creation of each device with every allocation and system call failing in turn: an error is
 * reported, nothing leaks, the machine can still be destroyed. Also: how instances are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fault.h"
#include "fake_driver.h"
#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/net.h"
#include "virtio/rng.h"

#include <stdlib.h>
#include <unistd.h>

static struct fd fd;
static struct err e;
static char image[] = "/tmp/sojourn-test-create-XXXXXX";

static int create_blk(struct virtio_dev **vd)
{
    struct blk_config c = {.path = image};
    struct virtio_blk_config config = {.queues = 4};
    int r = blk_open(&c, &config.backend, &e);
    if (r)
        return r;
    r = virtio_blk_create(&fd.vm, &config, vd, &e);
    if (r)
        blk_destroy(config.backend);
    return r;
}

static int create_net(struct virtio_dev **vd)
{
    struct net_user_config c = {0};
    struct virtio_net_config config = {.mac = {2}};
    int r = net_user_create(&c, &config.backend, &e);
    if (r)
        return r;
    r = virtio_net_create(&fd.vm, &config, vd, &e);
    if (r)
        net_destroy(config.backend);
    return r;
}

static struct chr *chr;

static int create_console(struct virtio_dev **vd)
{
    int r = chr_file_create("/dev/null", NULL, &chr, &e);
    if (r)
        return r;
    struct virtio_console_config config = {chr};
    return virtio_console_create(&fd.vm, &config, vd, &e);
}

static int create_rng(struct virtio_dev **vd)
{
    return virtio_rng_create(&fd.vm, vd, &e);
}

static void sweep(int (*create)(struct virtio_dev **))
{
    for (unsigned long n = 1;; n++) {
        assert_true(n < 1000);
        struct virtio_dev *vd = NULL;
        fd_init(&fd, 1 << 20);
        chr = NULL;
        fault_arm(n);
        int r = create(&vd);
        if (!r) {
            struct irq irq = {0};
            r = virtio_mmio_create(&fd.vm, 0, FD_MMIO_BASE, irq, vd, &e);
        }
        const char *hit = fault_arm(0);
        if (r && !(hit && e.text[0]))
            fail_msg("failed with %d at point %lu (%s): %s", r, n, hit ? hit : "none", e.text);
        fd_fini(&fd);
        if (chr)
            chr_destroy(chr);
        if (!hit)
            break;
    }
}

static void test_create_survives_every_fault(void **state)
{
    (void)state;
    sweep(create_rng);
    sweep(create_blk);
    sweep(create_net);
    sweep(create_console);
}

static void test_create_numbers_the_instances_of_a_kind(void **state)
{
    (void)state;
    struct virtio_dev *a, *b;
    fd_init(&fd, 1 << 20);
    assert_int_equal(create_rng(&a), 0);
    assert_int_equal(create_rng(&b), 0);
    assert_string_equal(a->dev.name, "virtio-rng.0");
    assert_string_equal(b->dev.name, "virtio-rng.1");
    fd_fini(&fd);
}

static void test_create_slot_that_overlaps_is_refused(void **state)
{
    (void)state;
    struct irq irq = {0};
    fd_init(&fd, 1 << 20);
    assert_int_equal(virtio_mmio_create(&fd.vm, 0, FD_MMIO_BASE, irq, NULL, &e), 0);
    assert_true(virtio_mmio_create(&fd.vm, 1, FD_MMIO_BASE + 0x100, irq, NULL, &e) < 0);
    assert_int_equal(virtio_mmio_create(&fd.vm, 1, FD_MMIO_BASE + 0x200, irq, NULL, &e), 0);
    fd_fini(&fd);
}

static int make_image(void **state)
{
    (void)state;
    int f = mkstemp(image);
    int r = f < 0 ? -1 : ftruncate(f, 1 << 20);
    if (f >= 0)
        close(f);
    return r;
}

static int remove_image(void **state)
{
    (void)state;
    return unlink(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_survives_every_fault),
        cmocka_unit_test(test_create_numbers_the_instances_of_a_kind),
        cmocka_unit_test(test_create_slot_that_overlaps_is_refused),
    };
    return cmocka_run_group_tests(tests, make_image, remove_image);
}
