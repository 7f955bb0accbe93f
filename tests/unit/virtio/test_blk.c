/* The block device's requests, over a backend in memory that records what it was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bits.h"
#include "fake_driver.h"
#include "virtio/blk.h"

#include <errno.h>
#include <string.h>

#define RAM (4u << 20)
#define DISK (1u << 20)
#define ALL (~UINT64_C(0))
#define F_FLUSH 9
#define F_CONFIG_WCE 11
#define OK 0
#define IOERR 1
#define UNSUPP 2

struct memory_blk {
    struct blk blk;
    uint8_t data[DISK];
    unsigned flushes, durable_writes, writes, discards;
    bool last_unmap, destroyed;
    int fail; /* errno of the next operations */
};

static struct memory_blk disk;
static struct fd fd;

static int memory_move(struct iovec *iov, int n, uint64_t offset, bool write)
{
    for (int i = 0; i < n; i++) {
        assert_true(offset + iov[i].iov_len <= DISK);
        if (write)
            memcpy(disk.data + offset, iov[i].iov_base, iov[i].iov_len);
        else
            memcpy(iov[i].iov_base, disk.data + offset, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    return 0;
}

static int memory_read(struct blk *b, struct iovec *iov, int n, uint64_t offset)
{
    (void)b;
    return disk.fail ? -disk.fail : memory_move(iov, n, offset, false);
}

static int memory_write(struct blk *b, struct iovec *iov, int n, uint64_t offset, bool durable)
{
    (void)b;
    disk.writes++;
    disk.durable_writes += durable;
    return disk.fail ? -disk.fail : memory_move(iov, n, offset, true);
}

static int memory_flush(struct blk *b)
{
    (void)b;
    disk.flushes++;
    return -disk.fail;
}

static int memory_discard(struct blk *b, uint64_t offset, uint64_t len)
{
    (void)b;
    assert_true(offset + len <= DISK);
    disk.discards++;
    return -disk.fail;
}

static int memory_zero(struct blk *b, uint64_t offset, uint64_t len, bool unmap, bool durable)
{
    (void)b;
    assert_true(offset + len <= DISK);
    memset(disk.data + offset, 0, len);
    disk.last_unmap = unmap;
    disk.durable_writes += durable;
    return -disk.fail;
}

static void memory_destroy(struct blk *b)
{
    (void)b;
    disk.destroyed = true;
}

static const struct blk_ops memory_ops = {
    memory_read, memory_write, memory_flush, memory_discard, memory_zero, memory_destroy,
};

static void start_config(uint64_t features, bool readonly, unsigned queues)
{
    struct err e = {0};
    struct virtio_dev *vd;
    memset(&disk, 0, sizeof(disk));
    for (unsigned i = 0; i < DISK; i++)
        disk.data[i] = (uint8_t)(i / 512 + i);
    disk.blk = (struct blk){&memory_ops, DISK, readonly, 4096};
    fd_init(&fd, RAM);
    struct virtio_blk_config config = {&disk.blk, "serial-0123456789abc", queues};
    assert_int_equal(virtio_blk_create(&fd.vm, &config, &vd, &e), 0);
    fd_connect(&fd, vd);
    fd_by_hand(&fd);
    fd_start(&fd, features, 64);
}

static void start(uint64_t features)
{
    start_config(features, false, 1);
}

static void stop(void)
{
    fd_fini(&fd);
    assert_true(disk.destroyed);
}

/* One request with `out` bytes to the device and `in` bytes from it; returns the status byte. */
static int request(uint32_t type, uint64_t sector, const void *out, uint32_t out_bytes, void *in,
                   uint32_t in_bytes)
{
    gpa_t keep = fd.next_free, at = fd_alloc(&fd, 16 + out_bytes + in_bytes + 1, 16);
    uint8_t *p = fd_ptr(&fd, at, 16 + out_bytes + in_bytes + 1);
    le_store(p, 4, type);
    le_store(p + 4, 4, 0);
    le_store(p + 8, 8, sector);
    if (out_bytes)
        memcpy(p + 16, out, out_bytes);
    p[16 + out_bytes + in_bytes] = 0xff;
    struct fd_seg segs[] = {
        {at, 16, false},
        {at + 16, out_bytes, false},
        {at + 16 + out_bytes, in_bytes, true},
        {at + 16 + out_bytes + in_bytes, 1, true},
    };
    fd_add(&fd, 0, segs, 4, true);
    fd_serve(&fd, 0);
    uint16_t id;
    uint32_t len;
    if (!fd_used(&fd, 0, &id, &len))
        return -1;
    if (in_bytes)
        memcpy(in, p + 16 + out_bytes, in_bytes);
    fd.next_free = keep;
    return p[16 + out_bytes + in_bytes];
}

static void test_blk_reads_and_writes(void **state)
{
    (void)state;
    static uint8_t data[8192], back[8192];
    for (unsigned packed = 0; packed < 2; packed++) {
        start(packed ? ALL : ALL & ~BIT(VIRTIO_F_RING_PACKED));
        assert_int_equal(request(0, 3, NULL, 0, back, 1024), OK);
        assert_memory_equal(back, disk.data + 3 * 512, 1024);
        memset(data, 0x5a, sizeof(data));
        assert_int_equal(request(1, 7, data, sizeof(data), NULL, 0), OK);
        assert_memory_equal(disk.data + 7 * 512, data, sizeof(data));
        assert_int_equal(disk.data[7 * 512 - 1], (uint8_t)(6 + 7 * 512 - 1));
        assert_int_equal(request(0, 7, NULL, 0, back, sizeof(back)), OK);
        assert_memory_equal(back, data, sizeof(data));
        stop();
    }
}

static void test_blk_header_and_status_may_be_split_anyhow(void **state)
{
    (void)state;
    start(ALL);
    gpa_t at = fd_alloc(&fd, 2048, 16);
    uint8_t *p = fd_ptr(&fd, at, 2048);
    memset(p, 0, 2048);
    le_store(p + 8, 8, 2);
    struct fd_seg segs[18 + 3];
    unsigned n = 0;
    for (; n < 16; n++)
        segs[n] = (struct fd_seg){at + n, 1, false};
    segs[n++] = (struct fd_seg){at + 100, 100, true};
    segs[n++] = (struct fd_seg){at + 200, 413, true}; /* 412 bytes of data and the status */
    fd_add(&fd, 0, segs, n, true);
    fd_serve(&fd, 0);
    uint16_t id;
    uint32_t len;
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(len, 513);
    assert_int_equal(p[612], OK);
    assert_memory_equal(p + 100, disk.data + 1024, 512);
    stop();
}

static void test_blk_ranges_are_checked(void **state)
{
    (void)state;
    static uint8_t data[1024];
    const uint64_t end = DISK / 512;
    start(ALL);
    for (uint32_t type = 0; type <= 1; type++) {
        uint32_t out = type ? 512 : 0, in = type ? 0 : 512;
        assert_int_equal(request(type, end - 1, data, out, data, in), OK);
        assert_int_equal(request(type, end, data, out, data, in), IOERR);
        assert_int_equal(request(type, end - 1, data, 2 * out, data, 2 * in), IOERR);
        assert_int_equal(request(type, UINT64_MAX, data, out, data, in), IOERR);
        assert_int_equal(request(type, UINT64_MAX / 512 + 1, data, out, data, in), IOERR);
        assert_int_equal(request(type, 0, data, type ? 511 : 0, data, type ? 0 : 511), IOERR);
        assert_int_equal(request(type, 0, data, type ? 513 : 0, data, type ? 0 : 513), IOERR);
    }
    stop();
}

static void test_blk_host_error_is_ioerr(void **state)
{
    (void)state;
    static uint8_t data[512];
    start(ALL);
    disk.fail = ENOSPC;
    assert_int_equal(request(0, 0, NULL, 0, data, 512), IOERR);
    assert_int_equal(request(1, 0, data, 512, NULL, 0), IOERR);
    assert_int_equal(request(4, 0, NULL, 0, NULL, 0), IOERR);
    disk.fail = 0;
    assert_int_equal(request(1, 0, data, 512, NULL, 0), OK);
    stop();
}

static void test_blk_unknown_request_is_unsupported(void **state)
{
    (void)state;
    start(ALL);
    assert_int_equal(request(2, 0, NULL, 0, NULL, 0), UNSUPP);
    assert_int_equal(request(14, 0, NULL, 0, NULL, 0), UNSUPP);
    assert_int_equal(request(0xffffffff, 0, NULL, 0, NULL, 0), UNSUPP);
    stop();
}

static void test_blk_gives_its_serial(void **state)
{
    (void)state;
    char id[20];
    start(ALL);
    assert_int_equal(request(8, 0, NULL, 0, id, 20), OK);
    assert_memory_equal(id, "serial-0123456789abc", 20);
    assert_int_equal(request(8, 0, NULL, 0, id, 5), OK); /* as much as fits */
    assert_memory_equal(id, "seria", 5);
    stop();
}

static void test_blk_serial_of_21_characters_is_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct virtio_dev *vd;
    fd_init(&fd, RAM);
    struct virtio_blk_config config = {&disk.blk, "serial-0123456789abcd", 1};
    assert_int_equal(virtio_blk_create(&fd.vm, &config, &vd, &e), -EINVAL);
    assert_non_null(strstr(e.text, "20"));
    config.serial = NULL;
    config.queues = 5;
    assert_int_equal(virtio_blk_create(&fd.vm, &config, &vd, &e), -EINVAL);
    config.queues = 0;
    assert_int_equal(virtio_blk_create(&fd.vm, &config, &vd, &e), -EINVAL);
    fd_fini(&fd);
}

static void range(uint8_t *p, uint64_t sector, uint32_t sectors, uint32_t flags)
{
    le_store(p, 8, sector);
    le_store(p + 8, 4, sectors);
    le_store(p + 12, 4, flags);
}

static void test_blk_discard_and_write_zeroes(void **state)
{
    (void)state;
    uint8_t r[17 * 16];
    start(ALL);
    range(r, 2, 2, 0);
    range(r + 16, 10, 1, 1);
    assert_int_equal(request(13, 0, r, 32, NULL, 0), OK);
    assert_true(disk.last_unmap);
    for (unsigned i = 0; i < 1024; i++)
        assert_int_equal(disk.data[1024 + i], 0);
    assert_int_equal(disk.data[2048 + 511], (uint8_t)(4 + 2048 + 511));
    assert_int_equal(request(11, 0, r, 16, NULL, 0), OK);
    assert_int_equal(disk.discards, 1);
    assert_int_equal(request(11, 0, r + 16, 16, NULL, 0), UNSUPP); /* unmap is not for discard */
    range(r, 0, 1, 2);
    assert_int_equal(request(13, 0, r, 16, NULL, 0), UNSUPP); /* reserved flag */
    range(r, DISK / 512, 1, 0);
    assert_int_equal(request(13, 0, r, 16, NULL, 0), IOERR);
    range(r, 1, DISK / 512, 0);
    assert_int_equal(request(11, 0, r, 16, NULL, 0), IOERR);
    range(r, UINT64_MAX, 0xffffffff, 0);
    assert_int_equal(request(11, 0, r, 16, NULL, 0), IOERR);
    assert_int_equal(request(11, 0, r, 15, NULL, 0), IOERR);
    assert_int_equal(request(11, 0, NULL, 0, NULL, 0), IOERR);
    for (unsigned i = 0; i < 17; i++)
        range(r + 16 * i, i, 1, 0);
    assert_int_equal(request(11, 0, r, 16 * 16, NULL, 0), OK);
    assert_int_equal(request(11, 0, r, 17 * 16, NULL, 0), IOERR);
    stop();
}

static void test_blk_readonly_disk_is_not_written(void **state)
{
    (void)state;
    uint8_t data[512] = {0}, r[16];
    start_config(ALL, true, 1);
    assert_true(virtio_has(fd.vd, 5));
    assert_false(virtio_has(fd.vd, 13) || virtio_has(fd.vd, 14));
    range(r, 0, 1, 0);
    assert_int_equal(request(1, 0, data, 512, NULL, 0), IOERR);
    assert_int_equal(request(11, 0, r, 16, NULL, 0), IOERR);
    assert_int_equal(request(13, 0, r, 16, NULL, 0), IOERR);
    assert_int_equal(disk.writes, 0);
    assert_int_equal(request(0, 0, NULL, 0, data, 512), OK);
    stop();
}

static void test_blk_writes_are_durable_unless_the_driver_can_flush(void **state)
{
    (void)state;
    uint8_t data[512] = {0};
    start(ALL & ~BIT(F_FLUSH) & ~BIT(F_CONFIG_WCE)); /* write-through */
    request(1, 0, data, 512, NULL, 0);
    assert_int_equal(disk.durable_writes, 1);
    stop();
    start(ALL & ~BIT(F_CONFIG_WCE)); /* write-back, flushes are the driver's business */
    request(1, 0, data, 512, NULL, 0);
    assert_int_equal(disk.durable_writes, 0);
    assert_int_equal(request(4, 0, NULL, 0, NULL, 0), OK);
    assert_int_equal(disk.flushes, 1);
    stop();
}

static void test_blk_driver_chooses_the_cache_mode(void **state)
{
    (void)state;
    uint8_t data[512] = {0};
    uint64_t v = 0;
    start(ALL);
    assert_true(bus_read(&fd.vm.bus, FD_MMIO_BASE + REG_CONFIG + 32, 1, &v));
    assert_int_equal(v, 1);
    request(1, 0, data, 512, NULL, 0);
    assert_int_equal(disk.durable_writes, 0);
    bus_write(&fd.vm.bus, FD_MMIO_BASE + REG_CONFIG + 32, 1, 0);
    bus_read(&fd.vm.bus, FD_MMIO_BASE + REG_CONFIG + 32, 1, &v);
    assert_int_equal(v, 0);
    fd_serve(&fd, 0);
    assert_int_equal(disk.flushes, 1); /* what was finished before is committed */
    request(1, 0, data, 512, NULL, 0);
    assert_int_equal(disk.durable_writes, 1);
    bus_write(&fd.vm.bus, FD_MMIO_BASE + REG_CONFIG + 33, 1, 1); /* nothing else is writable */
    bus_write(&fd.vm.bus, FD_MMIO_BASE + REG_CONFIG, 4, 1);
    assert_int_equal(fd_read(&fd, REG_CONFIG), DISK / 512);
    stop();
}

static void test_blk_config_space(void **state)
{
    (void)state;
    start_config(ALL, false, 3);
    assert_int_equal(fd_read(&fd, REG_DEVICE_ID), 2);
    assert_int_equal(fd_read(&fd, REG_CONFIG), DISK / 512);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 12), 254);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 16) & 0xffff, DISK / 512 / (16 * 63));
    assert_int_equal(fd_read(&fd, REG_CONFIG + 20), 512);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 24) & 0xff, 3); /* 4096 bytes */
    assert_int_equal(fd_read(&fd, REG_CONFIG + 32) >> 16, 3);
    assert_true(virtio_has(fd.vd, 12));
    for (unsigned q = 0; q < 4; q++) {
        fd_write(&fd, REG_QUEUE_SEL, q);
        assert_int_equal(fd_read(&fd, REG_QUEUE_READY), q < 3);
    }
    stop();
}

static void malformed(const struct fd_seg *segs, unsigned n)
{
    start(ALL);
    fd_add(&fd, 0, segs, n, false);
    fd_serve(&fd, 0);
    assert_true(fd_status(&fd) & VIRTIO_STATUS_DEVICE_NEEDS_RESET);
    stop();
}

static void test_blk_request_without_header_or_status_is_malformed(void **state)
{
    (void)state;
    struct fd_seg short_header[] = {{FD_RAM_BASE, 15, false}, {FD_RAM_BASE, 1, true}};
    struct fd_seg no_header[] = {{FD_RAM_BASE, 512, true}};
    struct fd_seg no_status[] = {{FD_RAM_BASE, 528, false}};
    struct fd_seg nothing[] = {{FD_RAM_BASE, 0, false}};
    malformed(short_header, 2);
    malformed(no_header, 1);
    malformed(no_status, 1);
    malformed(nothing, 1);
}

static void test_blk_state_is_complete(void **state)
{
    (void)state;
    const char *hole = state_uncovered(virtio_blk_class.fields, virtio_blk_class.object_bytes);
    assert_string_equal(hole ? hole : "none", "none");
    start(ALL);
    bus_write(&fd.vm.bus, FD_MMIO_BASE + REG_CONFIG + 32, 1, 0);
    struct buf a = {0}, b = {0};
    struct err e = {0};
    size_t used;
    fd.vd->dev.cls->pause(&fd.vd->dev, true);
    assert_int_equal(state_save(virtio_blk_class.fields, fd.vd, &a), 0);
    fd.vd->dev.cls->reset(&fd.vd->dev);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 32) & 1, 1);
    assert_int_equal(state_load(virtio_blk_class.fields, fd.vd, a.data, a.len, &used, &e), 0);
    assert_int_equal(fd.vd->dev.cls->loaded(&fd.vd->dev, &e), 0);
    assert_int_equal(fd_read(&fd, REG_CONFIG + 32) & 1, 0);
    assert_int_equal(state_save(virtio_blk_class.fields, fd.vd, &b), 0);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    buf_fini(&a);
    buf_fini(&b);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blk_reads_and_writes),
        cmocka_unit_test(test_blk_header_and_status_may_be_split_anyhow),
        cmocka_unit_test(test_blk_ranges_are_checked),
        cmocka_unit_test(test_blk_host_error_is_ioerr),
        cmocka_unit_test(test_blk_unknown_request_is_unsupported),
        cmocka_unit_test(test_blk_gives_its_serial),
        cmocka_unit_test(test_blk_serial_of_21_characters_is_refused),
        cmocka_unit_test(test_blk_discard_and_write_zeroes),
        cmocka_unit_test(test_blk_readonly_disk_is_not_written),
        cmocka_unit_test(test_blk_writes_are_durable_unless_the_driver_can_flush),
        cmocka_unit_test(test_blk_driver_chooses_the_cache_mode),
        cmocka_unit_test(test_blk_config_space),
        cmocka_unit_test(test_blk_request_without_header_or_status_is_malformed),
        cmocka_unit_test(test_blk_state_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
