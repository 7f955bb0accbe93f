/* The console's two directions, over a backend whose room the test sets; and the entropy device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bits.h"
#include "fake_driver.h"
#include "virtio/console.h"
#include "virtio/rng.h"

#include <string.h>

#define RAM (4u << 20)
#define ALL (~UINT64_C(0))

struct test_chr {
    struct chr chr;
    struct chr_client client;
    bool attached;
    uint8_t out[1 << 17];
    size_t out_len, room;
    unsigned rx_ready;
};

static struct test_chr host;
static struct fd fd;

static size_t host_write(struct chr *c, const void *data, size_t len)
{
    (void)c;
    size_t n = len < host.room ? len : host.room;
    memcpy(host.out + host.out_len, data, n);
    host.out_len += n;
    host.room -= n;
    return n;
}

static void host_rx_ready(struct chr *c)
{
    (void)c;
    host.rx_ready++;
}

static int host_attach(struct chr *c, const struct chr_client *client, struct err *e)
{
    (void)c;
    (void)e;
    host.client = *client;
    host.attached = true;
    return 0;
}

static void host_detach(struct chr *c)
{
    (void)c;
    host.attached = false;
}

static bool host_size(struct chr *c, uint16_t *cols, uint16_t *rows)
{
    (void)c;
    *cols = 80;
    *rows = 25;
    return true;
}

static const struct chr_ops host_ops = {
    .write = host_write,
    .rx_ready = host_rx_ready,
    .attach = host_attach,
    .detach = host_detach,
    .size = host_size,
};

static void start(uint64_t features)
{
    struct err e = {0};
    struct virtio_dev *vd;
    memset(&host, 0, sizeof(host));
    host.chr.ops = &host_ops;
    host.room = sizeof(host.out);
    fd_init(&fd, RAM);
    struct virtio_console_config config = {&host.chr};
    assert_int_equal(virtio_console_create(&fd.vm, &config, &vd, &e), 0);
    fd_connect(&fd, vd);
    fd_by_hand(&fd);
    fd_start(&fd, features, 16);
}

static void stop(void)
{
    fd_fini(&fd);
    assert_false(host.attached);
}

static gpa_t text(size_t len)
{
    gpa_t at = fd_alloc(&fd, len, 16);
    uint8_t *p = fd_ptr(&fd, at, len);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(i * 11 + i / 256);
    return at;
}

static void test_console_writes(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        start(packed ? ALL : ALL & ~BIT(VIRTIO_F_RING_PACKED));
        gpa_t at = text(10000);
        struct fd_seg segs[] = {{at, 9999, false}, {at + 9999, 1, false}};
        fd_add(&fd, 1, segs, 2, false);
        fd_serve(&fd, 1);
        uint16_t id;
        uint32_t len;
        assert_true(fd_used(&fd, 1, &id, &len));
        assert_int_equal(host.out_len, 10000);
        assert_memory_equal(host.out, fd_ptr(&fd, at, 10000), 10000);
        stop();
    }
}

static void test_console_leaves_the_queue_alone_when_the_host_has_no_room(void **state)
{
    (void)state;
    start(ALL);
    gpa_t at = text(10000);
    struct fd_seg seg = {at, 10000, false};
    fd_add(&fd, 1, &seg, 1, false);
    uint16_t id;
    uint32_t len;
    for (size_t given = 0; given < 9000; given += 3000) {
        host.room = 3000;
        fd_serve(&fd, 1);
        fd_serve(&fd, 1); /* kicks do not help */
        assert_false(fd_used(&fd, 1, &id, &len));
        assert_int_equal(host.out_len, given + 3000);
    }
    host.room = 3000;
    host.client.write_ready(host.client.arg);
    fd_serve(&fd, 1);
    assert_true(fd_used(&fd, 1, &id, &len));
    assert_int_equal(host.out_len, 10000);
    assert_memory_equal(host.out, fd_ptr(&fd, at, 10000), 10000);
    stop();
}

static void test_console_half_written_chain_survives_save_and_load(void **state)
{
    (void)state;
    start(ALL);
    gpa_t at = text(5000);
    struct fd_seg seg = {at, 5000, false};
    fd_add(&fd, 1, &seg, 1, false);
    host.room = 1234;
    fd_serve(&fd, 1);
    struct buf b = {0};
    struct err e = {0};
    size_t used;
    struct device *d = &fd.vd->dev;
    d->cls->pause(d, true);
    assert_int_equal(state_save(d->cls->fields, d, &b), 0);
    d->cls->reset(d);
    assert_int_equal(state_load(d->cls->fields, d, b.data, b.len, &used, &e), 0);
    assert_int_equal(d->cls->loaded(d, &e), 0);
    d->cls->pause(d, false);
    host.room = 10000;
    fd_serve(&fd, 1);
    assert_int_equal(host.out_len, 5000);
    assert_memory_equal(host.out, fd_ptr(&fd, at, 5000), 5000);
    buf_fini(&b);
    stop();
}

static size_t can_receive(void)
{
    return host.client.can_receive(host.client.arg);
}

static void receive(const char *s)
{
    host.client.receive(host.client.arg, (const uint8_t *)s, strlen(s));
}

static void test_console_takes_input_only_into_buffers(void **state)
{
    (void)state;
    start(ALL);
    assert_int_equal(can_receive(), 0);
    gpa_t at = fd_alloc(&fd, 64, 16);
    struct fd_seg segs[] = {{at, 4, true}, {at + 32, 6, true}};
    fd_add(&fd, 0, segs, 2, false);
    unsigned before = host.rx_ready;
    fd_serve(&fd, 0);
    assert_int_equal(host.rx_ready, before + 1);
    assert_int_equal(can_receive(), 10);
    receive("0123456");
    uint16_t id;
    uint32_t len;
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(len, 7);
    assert_memory_equal(fd_ptr(&fd, at, 4), "0123", 4);
    assert_memory_equal(fd_ptr(&fd, at + 32, 3), "456", 3);
    assert_int_equal(can_receive(), 0);
    fd_write(&fd, REG_STATUS, 0);
    assert_int_equal(can_receive(), 0);
    receive("lost"); /* the driver reset the device between the two calls */
    stop();
}

static void test_console_takes_no_input_while_paused(void **state)
{
    (void)state;
    start(ALL);
    struct fd_seg seg = {fd_alloc(&fd, 64, 16), 64, true};
    fd_add(&fd, 0, &seg, 1, false);
    assert_int_equal(can_receive(), 64);
    fd.vd->dev.cls->pause(&fd.vd->dev, true);
    assert_int_equal(can_receive(), 0);
    fd.vd->dev.cls->pause(&fd.vd->dev, false);
    assert_int_equal(can_receive(), 64);
    stop();
}

static void test_console_input_buffer_without_room_does_not_block_the_next(void **state)
{
    (void)state;
    start(ALL);
    gpa_t at = fd_alloc(&fd, 64, 16);
    struct fd_seg readable = {at, 8, false}, writable = {at, 8, true};
    fd_add(&fd, 0, &readable, 1, false);
    fd_add(&fd, 0, &writable, 1, false);
    size_t room = 0;
    for (unsigned i = 0; i < 3 && !room; i++)
        room = can_receive();
    assert_int_equal(room, 8);
    stop();
}

static void test_console_config_has_size_and_emergency_write(void **state)
{
    (void)state;
    start(ALL);
    assert_int_equal(fd_read(&fd, REG_DEVICE_ID), 3);
    assert_int_equal(fd_read(&fd, REG_CONFIG), 80 | 25 << 16);
    uint32_t generation = fd_read(&fd, REG_CONFIG_GENERATION);
    virtio_console_resize(fd.vd, 132, 50);
    assert_int_equal(fd_read(&fd, REG_CONFIG), 132 | 50 << 16);
    assert_int_not_equal(fd_read(&fd, REG_CONFIG_GENERATION), generation);
    assert_int_equal(fd_read(&fd, REG_INTERRUPT_STATUS) & 2, 2);
    fd_write(&fd, REG_STATUS, 0);
    fd_write(&fd, REG_CONFIG + 8, 'P'); /* needs no negotiation */
    assert_int_equal(host.out_len, 1);
    assert_int_equal(host.out[0], 'P');
    fd_write(&fd, REG_CONFIG, 0);
    assert_int_equal(host.out_len, 1);
    stop();
}

static void test_rng_fills_buffers(void **state)
{
    (void)state;
    struct err e = {0};
    struct virtio_dev *vd;
    fd_init(&fd, RAM);
    assert_int_equal(virtio_rng_create(&fd.vm, &vd, &e), 0);
    fd_connect(&fd, vd);
    fd_by_hand(&fd);
    fd_start(&fd, ALL, 16);
    gpa_t at = fd_alloc(&fd, 0x20000, 16);
    uint8_t *p = fd_ptr(&fd, at, 0x20000);
    memset(p, 0, 0x20000);
    struct fd_seg segs[] = {{at, 100, true}, {at + 200, 100, true}};
    uint16_t id;
    uint32_t len;
    fd_add(&fd, 0, segs, 2, false);
    fd_serve(&fd, 0);
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(len, 200);
    unsigned ones = 0;
    for (unsigned i = 0; i < 300; i++)
        ones += (unsigned)__builtin_popcount(p[i]);
    assert_in_range(ones, 500, 1100); /* of 1600 random bits */
    for (unsigned i = 100; i < 200; i++)
        assert_int_equal(p[i], 0);
    struct fd_seg large = {at, 0x20000, true}, readable = {at, 10, false};
    fd_add(&fd, 0, &large, 1, false);
    fd_add(&fd, 0, &readable, 1, false);
    fd_serve(&fd, 0);
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(len, 65536);
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(len, 0);
    fd_fini(&fd);
}

static void test_state_tables_are_complete(void **state)
{
    (void)state;
    const struct dev_class *classes[] = {&virtio_console_class, &virtio_rng_class};
    for (unsigned i = 0; i < 2; i++) {
        const char *hole = state_uncovered(classes[i]->fields, classes[i]->object_bytes);
        assert_string_equal(hole ? hole : "none", "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_console_writes),
        cmocka_unit_test(test_console_leaves_the_queue_alone_when_the_host_has_no_room),
        cmocka_unit_test(test_console_half_written_chain_survives_save_and_load),
        cmocka_unit_test(test_console_takes_input_only_into_buffers),
        cmocka_unit_test(test_console_takes_no_input_while_paused),
        cmocka_unit_test(test_console_input_buffer_without_room_does_not_block_the_next),
        cmocka_unit_test(test_console_config_has_size_and_emergency_write),
        cmocka_unit_test(test_rng_fills_buffers),
        cmocka_unit_test(test_state_tables_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
