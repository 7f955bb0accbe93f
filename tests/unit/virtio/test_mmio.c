/* The virtio-mmio registers, negotiation, status, resets while the device works, save and load. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bits.h"
#include "fake_driver.h"

#include <errno.h>
#include <string.h>

#define RAM (4u << 20)
#define ALL (~UINT64_C(0))
#define SPLIT (ALL & ~BIT(VIRTIO_F_RING_PACKED))

static struct fd fd;
static struct echo_dev *echo;

static void start(uint64_t features)
{
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 2, 16);
    fd_start(&fd, features, 16);
}

static uint64_t bus_get(uint32_t reg, unsigned size)
{
    uint64_t v = 0;
    assert_true(bus_read(&fd.vm.bus, FD_MMIO_BASE + reg, size, &v));
    return v;
}

static void test_mmio_identifies_itself(void **state)
{
    (void)state;
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 2, 16);
    assert_int_equal(fd_read(&fd, 0x000), 0x74726976);
    assert_int_equal(fd_read(&fd, 0x004), 2);
    assert_int_equal(fd_read(&fd, REG_DEVICE_ID), 63);
    assert_int_equal(fd_read(&fd, 0x0b0), 0xffffffff); /* no shared memory region */
    assert_int_equal(fd_read(&fd, 0x0bc), 0xffffffff);
    assert_int_equal(bus_get(0x000, 1), 0); /* registers are 32 bits wide */
    fd_write(&fd, REG_QUEUE_SEL, 1);
    assert_int_equal(fd_read(&fd, REG_QUEUE_NUM_MAX), 16);
    fd_write(&fd, REG_QUEUE_SEL, 2);
    assert_int_equal(fd_read(&fd, REG_QUEUE_NUM_MAX), 0);
    fd_write(&fd, REG_QUEUE_SEL, 0xffffffff);
    assert_int_equal(fd_read(&fd, REG_QUEUE_NUM_MAX), 0);
    fd_write(&fd, REG_QUEUE_READY, 1);
    fd_write(&fd, REG_QUEUE_NUM, 4);
    fd_write(&fd, REG_QUEUE_DESC, 4);
    fd_write(&fd, REG_QUEUE_RESET, 1);
    fd_write(&fd, REG_QUEUE_NOTIFY, 77); /* ignored, all of them */
    fd_fini(&fd);
}

static void test_mmio_empty_slot_reads_device_id_0(void **state)
{
    (void)state;
    fd_init(&fd, RAM);
    fd_connect(&fd, NULL);
    assert_int_equal(fd_read(&fd, 0x000), 0x74726976);
    assert_int_equal(fd_read(&fd, 0x004), 2);
    for (uint32_t reg = 8; reg < 0x200; reg += 4) {
        if (reg != 0x00c)
            assert_int_equal(fd_read(&fd, reg), 0);
        fd_write(&fd, reg, 0xffffffff);
        assert_int_equal(bus_get(reg, 1), 0);
    }
    fd_fini(&fd);
}

static void test_mmio_refuses_features_that_were_not_offered(void **state)
{
    (void)state;
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 2, 16);
    fd_write(&fd, REG_STATUS, 3);
    fd_write(&fd, REG_DRIVER_FEATURES_SEL, 0);
    fd_write(&fd, REG_DRIVER_FEATURES, 1);
    fd_write(&fd, REG_DRIVER_FEATURES_SEL, 1);
    fd_write(&fd, REG_DRIVER_FEATURES, 1);
    fd_write(&fd, REG_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK);
    assert_int_equal(fd_status(&fd), 3);
    fd_write(&fd, REG_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
    assert_int_equal(fd_status(&fd), 3);
    fd_write(&fd, REG_DRIVER_FEATURES_SEL, 0); /* it may try again */
    fd_write(&fd, REG_DRIVER_FEATURES, 0);
    fd_write(&fd, REG_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK);
    assert_int_equal(fd_status(&fd), 3 | VIRTIO_STATUS_FEATURES_OK);
    fd_fini(&fd);
}

static void test_mmio_requires_version_1(void **state)
{
    (void)state;
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 2, 16);
    fd_write(&fd, REG_STATUS, 3);
    fd_write(&fd, REG_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK);
    assert_int_equal(fd_status(&fd), 3);
    fd_fini(&fd);
}

static void test_mmio_features_are_fixed_after_features_ok(void **state)
{
    (void)state;
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 2, 16);
    fd_negotiate(&fd, 0);
    fd_write(&fd, REG_DRIVER_FEATURES_SEL, 0);
    fd_write(&fd, REG_DRIVER_FEATURES, 0xffffffff);
    assert_int_equal(echo->vd.driver_features, BIT(VIRTIO_F_VERSION_1));
    fd_fini(&fd);
}

static void test_mmio_driver_ok_needs_features_ok(void **state)
{
    (void)state;
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 2, 16);
    fd_write(&fd, REG_STATUS, 3 | VIRTIO_STATUS_DRIVER_OK);
    assert_int_equal(fd_status(&fd), 3);
    fd_write(&fd, REG_QUEUE_READY, 1); /* neither does a queue become ready */
    assert_int_equal(fd_read(&fd, REG_QUEUE_READY), 0);
    fd_fini(&fd);
}

static void test_mmio_status_bits_clear_only_by_reset(void **state)
{
    (void)state;
    start(SPLIT);
    assert_int_equal(fd_status(&fd), 15);
    fd_write(&fd, REG_STATUS, 1);
    assert_int_equal(fd_status(&fd), 15);
    fd_write(&fd, REG_STATUS, 0x7f & ~64);
    assert_int_equal(fd_status(&fd), 15); /* bits that do not exist */
    fd_write(&fd, REG_STATUS, 0);
    assert_int_equal(fd_status(&fd), 0);
    assert_int_equal(fd_read(&fd, REG_QUEUE_READY), 0);
    fd_fini(&fd);
}

static void test_mmio_ready_queue_is_not_reconfigured(void **state)
{
    (void)state;
    start(SPLIT);
    fd_write(&fd, REG_QUEUE_SEL, 0);
    gpa_t before = echo->vd.q[0].desc;
    fd_write(&fd, REG_QUEUE_NUM, 2);
    fd_write(&fd, REG_QUEUE_DESC, 0x1000);
    assert_int_equal(echo->vd.q[0].size, 16);
    assert_int_equal(echo->vd.q[0].desc, before);
    fd_fini(&fd);
}

static void echo_by_thread(uint32_t bytes)
{
    gpa_t b = fd_alloc(&fd, 2 * bytes, 16);
    struct fd_seg seg[] = {{b, bytes, false}, {b + bytes, bytes, true}};
    uint16_t want = fd_add(&fd, 0, seg, 2, false), id;
    uint32_t len;
    fd_kick(&fd, 0);
    assert_true(fd_wait(&fd, 0, &id, &len));
    assert_int_equal(id, want);
    assert_int_equal(len, bytes);
}

static void test_mmio_kick_is_served_by_the_io_thread(void **state)
{
    (void)state;
    start(ALL);
    for (unsigned i = 0; i < 20; i++)
        echo_by_thread(100);
    for (unsigned i = 0; i < 1000 && !atomic_load(&fd.irq_level); i++)
        sleep_ms(1);
    assert_true(atomic_load(&fd.irq_level));
    assert_int_equal(fd_read(&fd, REG_INTERRUPT_STATUS), 1);
    fd_write(&fd, REG_INTERRUPT_ACK, 2); /* not that one */
    assert_true(atomic_load(&fd.irq_level));
    fd_write(&fd, REG_INTERRUPT_ACK, 1);
    assert_false(atomic_load(&fd.irq_level));
    fd_fini(&fd);
}

static void test_mmio_buffers_made_available_before_driver_ok_are_served(void **state)
{
    (void)state;
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 2, 16);
    fd_negotiate(&fd, SPLIT);
    fd_queue(&fd, 0, 16);
    struct fd_seg seg = {fd_alloc(&fd, 16, 16), 5, false};
    fd_add(&fd, 0, &seg, 1, false);
    fd_kick(&fd, 0);
    sleep_ms(5);
    assert_int_equal(atomic_load(&echo->served), 0);
    fd_driver_ok(&fd);
    uint16_t id;
    uint32_t len;
    assert_true(fd_wait(&fd, 0, &id, &len));
    fd_fini(&fd);
}

/* After the write of 0 returns, the device is not to touch guest memory any more. */
static void test_mmio_reset_waits_for_the_request_in_flight(void **state)
{
    (void)state;
    start(SPLIT);
    atomic_store(&echo->slow, true);
    gpa_t b = fd_alloc(&fd, 64, 16);
    struct fd_seg seg[] = {{b, 8, false}, {b + 32, 8, true}};
    for (unsigned i = 0; i < 8; i++)
        fd_add(&fd, 0, seg, 2, false);
    fd_kick(&fd, 0);
    sleep_ms(10);
    fd_write(&fd, REG_STATUS, 0);
    unsigned served = atomic_load(&echo->served);
    assert_true(served < 8);
    uint8_t used[128];
    memcpy(used, fd_ptr(&fd, fd.q[0].device, 128), 128);
    sleep_ms(60);
    assert_int_equal(atomic_load(&echo->served), served);
    assert_memory_equal(used, fd_ptr(&fd, fd.q[0].device, 128), 128);
    assert_false(atomic_load(&fd.irq_level));
    atomic_store(&echo->slow, false);
    fd_start(&fd, ALL, 16);
    echo_by_thread(40);
    fd_fini(&fd);
}

static void test_mmio_queue_reset_stops_one_queue_and_starts_again(void **state)
{
    (void)state;
    start(SPLIT);
    echo_by_thread(10);
    fd_write(&fd, REG_QUEUE_SEL, 0);
    fd_write(&fd, REG_QUEUE_RESET, 1);
    assert_int_equal(fd_read(&fd, REG_QUEUE_RESET), 0);
    assert_int_equal(fd_read(&fd, REG_QUEUE_READY), 0);
    fd_write(&fd, REG_QUEUE_SEL, 1);
    assert_int_equal(fd_read(&fd, REG_QUEUE_READY), 1);
    fd_queue(&fd, 0, 4);
    echo_by_thread(10);
    fd_fini(&fd);
}

static void test_mmio_failure_sets_needs_reset_and_interrupts(void **state)
{
    (void)state;
    start(SPLIT);
    uint32_t generation = fd_read(&fd, REG_CONFIG_GENERATION);
    fd_avail(&fd, 0, 99, 1);
    fd_kick(&fd, 0);
    for (unsigned i = 0; i < 1000 && !(fd_status(&fd) & 64); i++)
        sleep_ms(1);
    assert_int_equal(fd_status(&fd), 15 | 64);
    assert_int_equal(fd_read(&fd, REG_INTERRUPT_STATUS) & 2, 2);
    assert_true(atomic_load(&fd.irq_level));
    fd_kick(&fd, 0);
    fd_kick(&fd, 1);
    assert_int_equal(fd_read(&fd, REG_CONFIG_GENERATION), generation);
    assert_true(echo->vd.dev.err.count > 0);
    fd_start(&fd, SPLIT, 16);
    assert_int_equal(fd_status(&fd), 15);
    assert_int_equal(fd_read(&fd, REG_INTERRUPT_STATUS), 0);
    echo_by_thread(10);
    fd_fini(&fd);
}

static void test_mmio_cause_that_comes_before_the_acknowledgement_makes_a_new_edge(void **state)
{
    (void)state;
    start(SPLIT);
    echo_by_thread(10);
    for (unsigned i = 0; i < 1000 && !atomic_load(&fd.irq_level); i++)
        sleep_ms(1);
    assert_int_equal(fd_read(&fd, REG_INTERRUPT_STATUS), 1);
    pthread_mutex_lock(&echo->vd.lock);
    virtio_config_changed(&echo->vd); /* after the driver has looked */
    pthread_mutex_unlock(&echo->vd.lock);
    int edges = atomic_load(&fd.irq_raised);
    fd_write(&fd, REG_INTERRUPT_ACK, 1);
    assert_int_equal(fd_read(&fd, REG_INTERRUPT_STATUS), 2);
    assert_true(atomic_load(&fd.irq_level));
    assert_int_equal(atomic_load(&fd.irq_raised), edges + 1);
    fd_fini(&fd);
}

static void test_mmio_config_space_has_an_end(void **state)
{
    (void)state;
    start(SPLIT);
    pthread_mutex_lock(&echo->vd.lock);
    memset(echo->vd.config, 0xaa, sizeof(echo->vd.config));
    uint32_t g = echo->vd.config_generation;
    virtio_config_changed(&echo->vd);
    pthread_mutex_unlock(&echo->vd.lock);
    assert_int_equal(fd_read(&fd, REG_CONFIG_GENERATION), g + 1);
    assert_int_equal(bus_get(0x104, 4), 0xaaaaaaaa);
    assert_int_equal(bus_get(0x107, 1), 0xaa);
    assert_int_equal(bus_get(0x106, 2), 0xaaaa);
    assert_int_equal(bus_get(0x108, 1), 0); /* 8 bytes long */
    assert_int_equal(bus_get(0x1fc, 4), 0);
    fd_write(&fd, 0x100, 0);
    fd_write(&fd, 0x1fc, 0);
    assert_int_equal(bus_get(0x100, 4), 0xaaaaaaaa);
    fd_fini(&fd);
}

/* ---- State ---- */

static void assert_complete(const struct dev_class *cls)
{
    const char *hole = state_uncovered(cls->fields, cls->object_bytes);
    assert_string_equal(hole ? hole : "none", "none");
}

static void test_state_tables_cover_the_structures(void **state)
{
    (void)state;
    start(SPLIT);
    assert_complete(&virtio_mmio_class);
    assert_complete(echo->vd.dev.cls);
    fd_fini(&fd);
}

static void save_all(struct buf *out)
{
    for (struct device *d = fd.vm.devices; d; d = d->next)
        assert_int_equal(state_save(d->cls->fields, d, out), 0);
}

static int load_all(const struct buf *in, struct err *e)
{
    size_t at = 0;
    for (struct device *d = fd.vm.devices; d; d = d->next) {
        size_t used;
        int r = state_load(d->cls->fields, d, in->data + at, in->len - at, &used, e);
        if (!r)
            r = d->cls->loaded(d, e);
        if (r)
            return r;
        at += used;
    }
    return 0;
}

static void pause_all(bool paused)
{
    for (struct device *d = fd.vm.devices; d; d = d->next) {
        if (d->cls->pause)
            d->cls->pause(d, paused);
    }
}

static void test_state_saved_loaded_and_saved_again_is_the_same(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        start(packed ? ALL : SPLIT);
        for (unsigned i = 0; i < 21; i++)
            echo_by_thread(10);
        pause_all(true);
        struct buf first = {0}, second = {0};
        struct err e = {0};
        save_all(&first);
        fd.vd->dev.cls->reset(&fd.vd->dev);
        assert_int_equal(load_all(&first, &e), 0);
        save_all(&second);
        assert_int_equal(first.len, second.len);
        assert_memory_equal(first.data, second.data, first.len);
        pause_all(false);
        echo_by_thread(10); /* and the rings go on where they were */
        buf_fini(&first);
        buf_fini(&second);
        fd_fini(&fd);
    }
}

static void test_state_work_waiting_at_the_save_is_done_after_the_load(void **state)
{
    (void)state;
    start(ALL);
    pause_all(true);
    struct fd_seg seg = {fd_alloc(&fd, 16, 16), 5, false};
    fd_add(&fd, 0, &seg, 1, false);
    fd_kick(&fd, 0);
    sleep_ms(5);
    assert_int_equal(atomic_load(&echo->served), 0);
    struct buf b = {0};
    struct err e = {0};
    save_all(&b);
    assert_int_equal(load_all(&b, &e), 0);
    pause_all(false);
    uint16_t id;
    uint32_t len;
    assert_true(fd_wait(&fd, 0, &id, &len));
    buf_fini(&b);
    fd_fini(&fd);
}

static void test_state_hostile_queues_are_refused(void **state)
{
    (void)state;
    start(ALL);
    pause_all(true);
    struct virtqueue *vq = &echo->vd.q[0], good = *vq;
    struct err e = {0};
    struct device *d = &echo->vd.dev;
    assert_int_equal(d->cls->loaded(d, &e), 0);
    vq->desc = 0;
    assert_int_equal(d->cls->loaded(d, &e), -EINVAL);
    vq->desc = good.desc;
    vq->used_next = 16;
    assert_int_equal(d->cls->loaded(d, &e), -EINVAL);
    vq->used_next = good.used_next;
    vq->size = 17;
    assert_int_equal(d->cls->loaded(d, &e), -EINVAL);
    vq->size = 0;
    assert_int_equal(d->cls->loaded(d, &e), -EINVAL);
    vq->size = good.size;
    echo->vd.q[5].ready = true;
    assert_int_equal(d->cls->loaded(d, &e), -EINVAL);
    echo->vd.q[5].ready = false;
    echo->vd.driver_features |= 1;
    assert_int_equal(d->cls->loaded(d, &e), -EINVAL);
    echo->vd.driver_features &= ~1ull;
    echo->vd.status = VIRTIO_STATUS_DRIVER_OK;
    assert_int_equal(d->cls->loaded(d, &e), -EINVAL);
    echo->vd.status = 15;
    assert_int_equal(d->cls->loaded(d, &e), 0);
    fd_fini(&fd);
}

static void test_state_after_reset_is_that_of_a_fresh_device(void **state)
{
    (void)state;
    static struct fd fresh;
    fd_init(&fresh, RAM);
    struct echo_dev *other = echo_create(&fresh, 2, 16);
    start(ALL);
    echo_by_thread(10);
    for (struct device *d = fd.vm.devices; d; d = d->next)
        d->cls->reset(d);
    assert_null(state_diff(echo->vd.dev.cls->fields, echo, other));
    struct device *mmio = fd.vm.devices->next, *fresh_mmio = fresh.vm.devices->next;
    assert_null(state_diff(virtio_mmio_class.fields, mmio, fresh_mmio));
    assert_false(atomic_load(&fd.irq_level));
    fd_fini(&fd);
    fd_fini(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mmio_identifies_itself),
        cmocka_unit_test(test_mmio_empty_slot_reads_device_id_0),
        cmocka_unit_test(test_mmio_refuses_features_that_were_not_offered),
        cmocka_unit_test(test_mmio_requires_version_1),
        cmocka_unit_test(test_mmio_features_are_fixed_after_features_ok),
        cmocka_unit_test(test_mmio_driver_ok_needs_features_ok),
        cmocka_unit_test(test_mmio_status_bits_clear_only_by_reset),
        cmocka_unit_test(test_mmio_ready_queue_is_not_reconfigured),
        cmocka_unit_test(test_mmio_kick_is_served_by_the_io_thread),
        cmocka_unit_test(test_mmio_buffers_made_available_before_driver_ok_are_served),
        cmocka_unit_test(test_mmio_reset_waits_for_the_request_in_flight),
        cmocka_unit_test(test_mmio_queue_reset_stops_one_queue_and_starts_again),
        cmocka_unit_test(test_mmio_failure_sets_needs_reset_and_interrupts),
        cmocka_unit_test(test_mmio_cause_that_comes_before_the_acknowledgement_makes_a_new_edge),
        cmocka_unit_test(test_mmio_config_space_has_an_end),
        cmocka_unit_test(test_state_tables_cover_the_structures),
        cmocka_unit_test(test_state_saved_loaded_and_saved_again_is_the_same),
        cmocka_unit_test(test_state_work_waiting_at_the_save_is_done_after_the_load),
        cmocka_unit_test(test_state_hostile_queues_are_refused),
        cmocka_unit_test(test_state_after_reset_is_that_of_a_fresh_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
