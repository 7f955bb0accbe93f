/* The network device: transmit, receive with and without merging, filter, control queue, pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bits.h"
#include "fake_driver.h"
#include "virtio/net.h"

#include <errno.h>
#include <string.h>

#define RAM (8u << 20)
#define ALL (~UINT64_C(0))
#define F_MRG_RXBUF 15
#define F_MQ 22
#define HDR 12

struct test_net {
    struct net net;
    net_receive *receive;
    void *arg;
    unsigned sent;
    uint8_t last[65536];
    size_t last_len;
    bool destroyed, answer; /* answer: send each frame back at once, from inside send() */
};

static struct test_net wire;
static struct fd fd;
static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};

static int wire_start(struct net *n, net_receive *receive, void *arg, struct err *e)
{
    (void)n;
    (void)e;
    wire.receive = receive;
    wire.arg = arg;
    return 0;
}

static void wire_send(struct net *n, const uint8_t *frame, size_t len)
{
    (void)n;
    wire.sent++;
    wire.last_len = len;
    memcpy(wire.last, frame, len);
    if (wire.answer)
        wire.receive(wire.arg, frame, len);
}

static void wire_destroy(struct net *n)
{
    (void)n;
    wire.destroyed = true;
}

static const struct net_ops wire_ops = {wire_start, wire_send, wire_destroy};

static void start_pairs(uint64_t features, unsigned pairs)
{
    struct err e = {0};
    struct virtio_dev *vd;
    memset(&wire, 0, sizeof(wire));
    wire.net = (struct net){&wire_ops, 1500, 1514, pairs, true};
    fd_init(&fd, RAM);
    struct virtio_net_config config = {.backend = &wire.net};
    memcpy(config.mac, mac, 6);
    assert_int_equal(virtio_net_create(&fd.vm, &config, &vd, &e), 0);
    fd_connect(&fd, vd);
    fd_by_hand(&fd);
    fd_start(&fd, features, 64);
}

static void start(uint64_t features)
{
    start_pairs(features, 1);
}

static void stop(void)
{
    fd_fini(&fd);
    assert_true(wire.destroyed);
}

static void send_frame(const uint8_t *hdr, const uint8_t *frame, uint32_t len)
{
    gpa_t keep = fd.next_free, at = fd_alloc(&fd, HDR + len, 16);
    memcpy(fd_ptr(&fd, at, HDR), hdr, HDR);
    memcpy(fd_ptr(&fd, at + HDR, len), frame, len);
    struct fd_seg segs[] = {{at, HDR, false}, {at + HDR, len, false}};
    fd_add(&fd, 1, segs, 2, false);
    fd_serve(&fd, 1);
    uint16_t id;
    uint32_t used;
    assert_true(fd_used(&fd, 1, &id, &used));
    assert_int_equal(used, 0);
    fd.next_free = keep;
}

static void test_net_transmits(void **state)
{
    (void)state;
    uint8_t hdr[HDR] = {0}, frame[1515];
    for (unsigned i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)(i * 3);
    start(ALL);
    send_frame(hdr, frame, 60);
    assert_int_equal(wire.last_len, 60);
    assert_memory_equal(wire.last, frame, 60);
    send_frame(hdr, frame, 1514);
    assert_int_equal(wire.last_len, 1514);
    assert_int_equal(wire.sent, 2);
    send_frame(hdr, frame, 1515); /* too long: dropped, the device lives */
    send_frame(hdr, frame, 0);
    assert_int_equal(wire.sent, 2);
    assert_false(fd_status(&fd) & VIRTIO_STATUS_DEVICE_NEEDS_RESET);
    stop();
}

static void give_buffers(unsigned queue, unsigned n, uint32_t len)
{
    for (unsigned i = 0; i < n; i++) {
        struct fd_seg seg = {fd_alloc(&fd, len, 16), len, true};
        memset(fd_ptr(&fd, seg.addr, len), 0xee, len);
        fd_add(&fd, queue, &seg, 1, false);
    }
}

static uint8_t incoming[65536];

static void arrive(size_t len)
{
    for (size_t i = 6; i < len; i++)
        incoming[i] = (uint8_t)(i * 7 + len);
    wire.receive(wire.arg, incoming, len);
}

static void for_us(void)
{
    memcpy(incoming, mac, 6);
}

static void test_net_receives_into_one_buffer(void **state)
{
    (void)state;
    start(ALL);
    for_us();
    gpa_t first = align_up(fd.next_free, 16);
    give_buffers(0, 2, 1526);
    arrive(1514);
    uint16_t id;
    uint32_t len;
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(len, HDR + 1514);
    const uint8_t *p = fd_ptr(&fd, first, 1526);
    assert_int_equal(p[0], 2); /* DATA_VALID: the backend's checksums are right */
    assert_int_equal(p[1], 0);
    assert_int_equal(p[10] | p[11] << 8, 1);
    assert_memory_equal(p + HDR, incoming, 1514);
    assert_false(fd_used(&fd, 0, &id, &len));
    assert_true(atomic_load(&fd.irq_raised) > 0);
    stop();
}

static void merged(uint64_t features)
{
    start(features);
    for_us();
    gpa_t first = align_up(fd.next_free, 16);
    give_buffers(0, 5, 512);
    arrive(1500); /* 12 + 1500 = 512 + 512 + 488 */
    uint16_t id;
    uint32_t len;
    const uint32_t lens[] = {512, 512, 488};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(fd_used(&fd, 0, &id, &len));
        assert_int_equal(len, lens[i]);
    }
    assert_false(fd_used(&fd, 0, &id, &len));
    const uint8_t *p = fd_ptr(&fd, first, 512 * 3);
    assert_int_equal(p[10] | p[11] << 8, 3);
    assert_memory_equal(p + HDR, incoming, 1500);
    arrive(1500); /* two buffers are too few: all stay with the driver's */
    assert_false(fd_used(&fd, 0, &id, &len));
    give_buffers(0, 1, 512);
    fd_serve(&fd, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_true(fd_used(&fd, 0, &id, &len));
    stop();
}

static void test_net_merges_buffers_and_waits_for_enough(void **state)
{
    (void)state;
    merged(ALL);
    merged(ALL & ~BIT(VIRTIO_F_RING_PACKED));
    merged(ALL & ~BIT(VIRTIO_F_RING_PACKED) & ~BIT(VIRTIO_F_EVENT_IDX));
}

static void test_net_without_merging_drops_what_does_not_fit(void **state)
{
    (void)state;
    start(ALL & ~BIT(F_MRG_RXBUF));
    for_us();
    give_buffers(0, 2, 512);
    arrive(600);
    arrive(100);
    uint16_t id;
    uint32_t len;
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(len, HDR + 100);
    assert_false(fd_used(&fd, 0, &id, &len));
    stop();
}

static void test_net_receive_buffer_without_room_for_a_header_is_malformed(void **state)
{
    (void)state;
    start(ALL);
    for_us();
    give_buffers(0, 1, HDR);
    arrive(100);
    assert_true(fd_status(&fd) & VIRTIO_STATUS_DEVICE_NEEDS_RESET);
    stop();
}

static void test_net_absurdly_small_buffers_lose_the_frame_only(void **state)
{
    (void)state;
    start(ALL);
    for_us();
    give_buffers(0, 1, 13);
    give_buffers(0, 63, 1);
    arrive(1000); /* 64 buffers are not enough and more are not used for one frame */
    uint16_t id;
    uint32_t len;
    assert_false(fd_used(&fd, 0, &id, &len));
    arrive(60); /* 48 buffers */
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(len, 13);
    assert_false(fd_status(&fd) & VIRTIO_STATUS_DEVICE_NEEDS_RESET);
    stop();
}

static void test_net_keeps_frames_while_the_driver_has_no_buffers(void **state)
{
    (void)state;
    start(ALL);
    for_us();
    for (unsigned i = 0; i < 2000; i++)
        arrive(1514); /* more than the ring holds: the rest is lost */
    give_buffers(0, 64, 2048);
    fd_serve(&fd, 0);
    uint16_t id;
    uint32_t len;
    unsigned got = 0;
    for (; fd_used(&fd, 0, &id, &len); got++)
        assert_int_equal(len, HDR + 1514);
    assert_int_equal(got, 64);
    for (unsigned round = 0; round < 20; round++) {
        give_buffers(0, 64, 2048);
        fd_serve(&fd, 0);
        for (; fd_used(&fd, 0, &id, &len); got++)
            assert_int_equal(len, HDR + 1514);
    }
    assert_in_range(got, 300, 400); /* 512 KiB */
    stop();
}

static void test_net_ring_wraps_with_frames_of_all_lengths(void **state)
{
    (void)state;
    start(ALL & ~BIT(VIRTIO_F_RING_PACKED));
    for_us();
    gpa_t keep = fd.next_free;
    for (unsigned i = 0; i < 3000; i++) {
        size_t n = 60 + (i * 977) % 9000;
        arrive(n);
        fd.next_free = keep;
        gpa_t at = align_up(fd.next_free, 16);
        give_buffers(0, 1, 16384);
        fd_serve(&fd, 0);
        uint16_t id;
        uint32_t len;
        assert_true(fd_used(&fd, 0, &id, &len));
        assert_int_equal(len, HDR + n);
        assert_memory_equal(fd_ptr(&fd, at + HDR, n), incoming, n);
    }
    stop();
}

static void test_net_backend_may_answer_inside_send(void **state)
{
    (void)state;
    uint8_t hdr[HDR] = {0}, frame[100] = {0};
    start(ALL);
    wire.answer = true;
    memcpy(frame, mac, 6);
    give_buffers(0, 1, 2048);
    send_frame(hdr, frame, 100);
    uint16_t id;
    uint32_t len;
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(len, HDR + 100);
    stop();
}

/* ---- Control queue ---- */

static int control(uint8_t class, uint8_t command, const void *data, uint32_t bytes)
{
    unsigned q = virtio_has(fd.vd, F_MQ) ? fd.vd->queue_count - 1 : 2;
    gpa_t at = fd_alloc(&fd, 2 + bytes + 1, 16);
    uint8_t *p = fd_ptr(&fd, at, 2 + bytes + 1);
    p[0] = class;
    p[1] = command;
    if (bytes)
        memcpy(p + 2, data, bytes);
    p[2 + bytes] = 0xff;
    struct fd_seg segs[] = {{at, 2 + bytes, false}, {at + 2 + bytes, 1, true}};
    fd_add(&fd, q, segs, 2, false);
    fd_serve(&fd, q);
    uint16_t id;
    uint32_t len;
    assert_true(fd_used(&fd, q, &id, &len));
    assert_int_equal(len, 1);
    return p[2 + bytes];
}

static bool receives(const uint8_t *to)
{
    uint16_t id;
    uint32_t len;
    give_buffers(0, 1, 256);
    memcpy(incoming, to, 6);
    arrive(100);
    bool got = fd_used(&fd, 0, &id, &len);
    if (!got) { /* use the buffer up */
        control(0, 0, "\1", 1);
        arrive(100);
        assert_true(fd_used(&fd, 0, &id, &len));
        control(0, 0, "\0", 1);
    }
    return got;
}

static void test_net_filter(void **state)
{
    (void)state;
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 9}, multi[6] = {1, 0, 0x5e, 0, 0, 1},
                         broadcast[6] = {255, 255, 255, 255, 255, 255};
    start(ALL);
    assert_true(receives(other)); /* everything until the driver says otherwise */
    assert_int_equal(control(0, 0, "\0", 1), 0);
    assert_true(receives(mac));
    assert_true(receives(broadcast));
    assert_false(receives(other));
    assert_false(receives(multi));
    assert_int_equal(control(0, 1, "\1", 1), 0); /* ALLMULTI */
    assert_true(receives(multi));
    assert_int_equal(control(0, 1, "\0", 1), 0);
    uint8_t table[4 + 6 + 4 + 6] = {1, 0, 0, 0};
    memcpy(table + 4, other, 6);
    table[10] = 1;
    memcpy(table + 14, multi, 6);
    assert_int_equal(control(1, 0, table, sizeof(table)), 0);
    assert_true(receives(other));
    assert_true(receives(multi));
    assert_int_equal(control(0, 5, "\1", 1), 0); /* NOBCAST */
    assert_false(receives(broadcast));
    assert_int_equal(control(0, 4, "\1", 1), 0); /* NOUNI */
    assert_false(receives(mac));
    stop();
}

static void test_net_mac_table_overflow_passes_all_of_the_kind(void **state)
{
    (void)state;
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 9};
    static uint8_t table[4 + 65 * 6 + 4];
    start(ALL);
    control(0, 0, "\0", 1);
    le_store(table, 4, 64);
    assert_int_equal(control(1, 0, table, 4 + 64 * 6 + 4), 0);
    assert_false(receives(other));
    le_store(table, 4, 65);
    assert_int_equal(control(1, 0, table, sizeof(table)), 0);
    assert_true(receives(other));
    stop();
}

static void test_net_bad_control_commands_are_refused(void **state)
{
    (void)state;
    start(ALL);
    assert_int_equal(control(0, 0, "\2", 1), 1);
    assert_int_equal(control(0, 6, "\1", 1), 1);
    assert_int_equal(control(0, 0, NULL, 0), 1);
    assert_int_equal(control(1, 0, "\xff\xff\xff\xff", 4), 1); /* more entries than bytes */
    assert_int_equal(control(1, 0, "\1\0\0\0", 4), 1);
    assert_int_equal(control(1, 1, "12345", 5), 1);
    assert_int_equal(control(1, 2, "123456", 6), 1);
    assert_int_equal(control(2, 0, "\1\0", 2), 1); /* VLAN is not offered */
    assert_int_equal(control(4, 0, "\1\0", 2), 1); /* nor are several pairs */
    assert_int_equal(control(200, 0, NULL, 0), 1);
    assert_false(fd_status(&fd) & VIRTIO_STATUS_DEVICE_NEEDS_RESET);
    stop();
}

static void test_net_mac_can_be_set(void **state)
{
    (void)state;
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 9};
    start(ALL);
    control(0, 0, "\0", 1);
    assert_int_equal(control(1, 1, other, 6), 0);
    assert_int_equal(fd_read(&fd, REG_CONFIG), 2);
    assert_true(receives(other));
    assert_false(receives(mac));
    fd_write(&fd, REG_STATUS, 0);
    assert_int_equal(fd_read(&fd, REG_CONFIG), 0x01005452); /* its own again */
    stop();
}

static void test_net_announces_and_follows_the_cable(void **state)
{
    (void)state;
    start(ALL);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 4) >> 16, 1);
    virtio_net_announce(fd.vd);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 4) >> 16, 3);
    assert_int_equal(fd_read(&fd, REG_INTERRUPT_STATUS) & 2, 2);
    assert_int_equal(control(3, 0, NULL, 0), 0);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 4) >> 16, 1);
    virtio_net_set_link(fd.vd, false);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 4) >> 16, 0);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 8) >> 16, 1500);
    stop();
}

static void test_net_control_command_without_room_for_the_result_is_malformed(void **state)
{
    (void)state;
    start(ALL);
    struct fd_seg seg = {FD_RAM_BASE, 3, false};
    fd_add(&fd, 2, &seg, 1, false);
    fd_serve(&fd, 2);
    assert_true(fd_status(&fd) & VIRTIO_STATUS_DEVICE_NEEDS_RESET);
    stop();
}

static void test_net_impossible_feature_combinations_are_refused(void **state)
{
    (void)state;
    start(ALL);
    fd_negotiate(&fd, ALL & ~BIT(0)); /* TSO without CSUM */
    assert_false(fd_status(&fd) & VIRTIO_STATUS_FEATURES_OK);
    fd_negotiate(&fd, ALL & ~BIT(17)); /* control commands without the queue */
    assert_false(fd_status(&fd) & VIRTIO_STATUS_FEATURES_OK);
    fd_negotiate(&fd, ALL);
    assert_true(fd_status(&fd) & VIRTIO_STATUS_FEATURES_OK);
    stop();
}

static void test_net_pairs_share_flows(void **state)
{
    (void)state;
    start_pairs(ALL, 3);
    assert_int_equal(fd.vd->queue_count, 7);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 8) & 0xffff, 3);
    for (unsigned i = 0; i < 3; i++)
        give_buffers(2 * i, 40, 256);
    for_us();
    memset(incoming + 6, 0, 100);
    incoming[12] = 8;
    incoming[14] = 0x45;
    incoming[23] = 17;
    unsigned count[3] = {0};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 30; i++) {
            incoming[35] = (uint8_t)i;
            wire.receive(wire.arg, incoming, 60);
        }
        uint16_t id;
        uint32_t len;
        for (unsigned p = 0; p < 3; p++)
            for (count[p] = 0; fd_used(&fd, 2 * p, &id, &len);)
                count[p]++;
        if (round == 0) {
            assert_int_equal(count[0], 30); /* one pair until the driver asks for more */
            assert_int_equal(control(4, 0, "\4\0", 2), 1);
            assert_int_equal(control(4, 0, "\0\0", 2), 1);
            assert_int_equal(control(4, 0, "\3\0", 2), 0);
        }
    }
    assert_int_equal(count[0] + count[1] + count[2], 30);
    assert_true(count[0] > 0 && count[1] > 0 && count[2] > 0);
    stop();
}

static void test_net_state_is_complete(void **state)
{
    (void)state;
    const char *hole = state_uncovered(virtio_net_class.fields, virtio_net_class.object_bytes);
    assert_string_equal(hole ? hole : "none", "none");
    start(ALL);
    uint8_t table[4 + 6 + 4] = {1, 0, 0, 0, 2, 2, 2, 2, 2, 2};
    control(1, 0, table, sizeof(table));
    control(0, 0, "\0", 1);
    struct buf a = {0}, b = {0};
    struct err e = {0};
    size_t used;
    fd.vd->dev.cls->pause(&fd.vd->dev, true);
    assert_int_equal(state_save(virtio_net_class.fields, fd.vd, &a), 0);
    fd.vd->dev.cls->reset(&fd.vd->dev);
    assert_int_equal(state_load(virtio_net_class.fields, fd.vd, a.data, a.len, &used, &e), 0);
    assert_int_equal(fd.vd->dev.cls->loaded(&fd.vd->dev, &e), 0);
    assert_int_equal(state_save(virtio_net_class.fields, fd.vd, &b), 0);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    fd.vd->dev.cls->pause(&fd.vd->dev, false);
    assert_true(receives((const uint8_t *)"\2\2\2\2\2\2"));
    buf_fini(&a);
    buf_fini(&b);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_transmits),
        cmocka_unit_test(test_net_receives_into_one_buffer),
        cmocka_unit_test(test_net_merges_buffers_and_waits_for_enough),
        cmocka_unit_test(test_net_without_merging_drops_what_does_not_fit),
        cmocka_unit_test(test_net_receive_buffer_without_room_for_a_header_is_malformed),
        cmocka_unit_test(test_net_absurdly_small_buffers_lose_the_frame_only),
        cmocka_unit_test(test_net_keeps_frames_while_the_driver_has_no_buffers),
        cmocka_unit_test(test_net_ring_wraps_with_frames_of_all_lengths),
        cmocka_unit_test(test_net_backend_may_answer_inside_send),
        cmocka_unit_test(test_net_filter),
        cmocka_unit_test(test_net_mac_table_overflow_passes_all_of_the_kind),
        cmocka_unit_test(test_net_bad_control_commands_are_refused),
        cmocka_unit_test(test_net_mac_can_be_set),
        cmocka_unit_test(test_net_announces_and_follows_the_cable),
        cmocka_unit_test(test_net_control_command_without_room_for_the_result_is_malformed),
        cmocka_unit_test(test_net_impossible_feature_combinations_are_refused),
        cmocka_unit_test(test_net_pairs_share_flows),
        cmocka_unit_test(test_net_state_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
