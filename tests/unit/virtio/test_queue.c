/* Virtqueues, split and packed: what the device takes, and that whatever a driver writes into a
 * ring ends at worst in DEVICE_NEEDS_RESET. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bits.h"
#include "fake_driver.h"

#include <string.h>

#define RAM (4u << 20)
#define SIZE 8
#define F_NEXT 1
#define F_WRITE 2
#define F_INDIRECT 4
#define ALL (~UINT64_C(0))
#define SPLIT (ALL & ~BIT(VIRTIO_F_RING_PACKED))

static struct fd fd;
static struct echo_dev *echo;

static void start(uint64_t features, uint16_t size)
{
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 1, VQ_MAX_SIZE);
    fd_by_hand(&fd);
    fd_start(&fd, features, size);
}

static void stop(void)
{
    fd_fini(&fd);
}

static bool needs_reset(void)
{
    return fd_status(&fd) & VIRTIO_STATUS_DEVICE_NEEDS_RESET;
}

static void assert_rejected(void)
{
    unsigned before = atomic_load(&echo->served);
    fd_serve(&fd, 0);
    assert_true(needs_reset());
    assert_int_equal(atomic_load(&echo->served), before);
    assert_int_equal(fd_read(&fd, REG_INTERRUPT_STATUS) & 2, 2);
    uint16_t id;
    uint32_t len;
    assert_false(!fd.packed && fd_used(&fd, 0, &id, &len));
    stop();
}

/* A chain of `out` readable bytes in `pieces` pieces, and as many writable ones. */
static void echo_once(unsigned pieces, unsigned out, bool indirect)
{
    struct fd_seg segs[2 * 16];
    gpa_t from = fd_alloc(&fd, out + 16, 1), to = fd_alloc(&fd, out + 16, 1);
    uint8_t *src = fd_ptr(&fd, from, out + 16), *dst = fd_ptr(&fd, to, out + 16);
    for (unsigned i = 0; i < out; i++)
        src[i] = (uint8_t)(i * 7 + out);
    memset(dst, 0, out + 16);
    unsigned n = 0;
    for (int write = 0; write < 2; write++) {
        for (unsigned i = 0, at = 0; i < pieces; i++) {
            uint32_t len = i + 1 == pieces ? out - at : out / pieces;
            segs[n++] = (struct fd_seg){(write ? to : from) + at, len, write};
            at += len;
        }
    }
    uint16_t want = fd_add(&fd, 0, segs, n, indirect), id = 0xffff;
    uint32_t len = 0;
    fd_serve(&fd, 0);
    assert_false(needs_reset());
    assert_true(fd_used(&fd, 0, &id, &len));
    assert_int_equal(id, want);
    assert_int_equal(len, out);
    assert_memory_equal(src, dst, out);
    assert_int_equal(dst[out], 0);
    fd.next_free = from; /* take the buffers back */
}

static void moves_chains(uint64_t features)
{
    start(features, 32);
    for (unsigned pieces = 1; pieces <= 16; pieces++) {
        echo_once(pieces, 600, false);
        if (features & BIT(VIRTIO_F_INDIRECT_DESC))
            echo_once(pieces, 600, true);
    }
    stop();
}

static void test_vq_moves_chains(void **state)
{
    (void)state;
    moves_chains(SPLIT);
    moves_chains(SPLIT & ~BIT(VIRTIO_F_EVENT_IDX));
    moves_chains(0);
    moves_chains(ALL);
    moves_chains(ALL & ~BIT(VIRTIO_F_EVENT_IDX));
}

static void wraps(uint64_t features, uint16_t size)
{
    start(features, size);
    struct fd_seg seg = {fd_alloc(&fd, 4, 4), 4, false};
    for (unsigned i = 0; i < 66000; i++) {
        uint16_t want = fd_add(&fd, 0, &seg, 1, false), id;
        uint32_t len;
        fd_serve(&fd, 0);
        assert_true(fd_used(&fd, 0, &id, &len));
        assert_int_equal(id, want);
    }
    assert_int_equal(atomic_load(&echo->served), 66000);
    stop();
}

static void test_vq_positions_wrap_at_65536_and_at_the_ring_size(void **state)
{
    (void)state;
    wraps(SPLIT, 1);
    wraps(SPLIT, SIZE);
    wraps(ALL, SIZE);
    wraps(ALL, 7); /* packed rings need no power of two */
}

static void test_vq_packed_chains_cross_the_end_of_the_ring(void **state)
{
    (void)state;
    start(ALL, 7);
    for (unsigned i = 0; i < 100; i++)
        echo_once(1 + i % 3, 60, i % 5 == 0);
    stop();
}

static void test_vq_packed_completes_in_batches(void **state)
{
    (void)state;
    start(ALL, 8);
    struct fd_seg seg[2] = {{fd_alloc(&fd, 8, 4), 4, false}, {fd_alloc(&fd, 8, 4), 4, true}};
    for (unsigned round = 0; round < 20; round++) {
        uint16_t want[4], id;
        uint32_t len;
        for (unsigned i = 0; i < 4; i++)
            want[i] = fd_add(&fd, 0, seg, 2, false);
        fd_serve(&fd, 0);
        for (unsigned i = 0; i < 4; i++) {
            assert_true(fd_used(&fd, 0, &id, &len));
            assert_int_equal(id, want[i]);
        }
        assert_false(fd_used(&fd, 0, &id, &len));
    }
    stop();
}

/* ---- Limits ---- */

static void test_vq_size_limits(void **state)
{
    (void)state;
    static const struct {
        uint64_t features;
        uint32_t size;
        bool ok;
    } cases[] = {
        {SPLIT, 1, true},        {SPLIT, VQ_MAX_SIZE / 2, true}, {SPLIT, VQ_MAX_SIZE, true},
        {SPLIT, 3, false},       {SPLIT, VQ_MAX_SIZE - 1, false}, {ALL, VQ_MAX_SIZE - 1, true},
        {ALL, VQ_MAX_SIZE, true}, {ALL, 1, true},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        fd_init(&fd, RAM);
        echo = echo_create(&fd, 1, VQ_MAX_SIZE);
        fd_by_hand(&fd);
        fd_negotiate(&fd, cases[i].features);
        fd_queue(&fd, 0, (uint16_t)cases[i].size);
        fd_driver_ok(&fd);
        assert_int_equal(!needs_reset(), cases[i].ok);
        if (cases[i].ok && cases[i].size >= 2)
            echo_once(1, 10, false);
        stop();
    }
}

static void test_vq_size_outside_the_limits_is_ignored(void **state)
{
    (void)state;
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 1, 64);
    fd_negotiate(&fd, SPLIT);
    fd_write(&fd, REG_QUEUE_SEL, 0);
    fd_write(&fd, REG_QUEUE_NUM, 65);
    assert_int_equal(echo->vd.q[0].size, 64);
    fd_write(&fd, REG_QUEUE_NUM, 0);
    assert_int_equal(echo->vd.q[0].size, 64);
    fd_write(&fd, REG_QUEUE_NUM, 63);
    assert_int_equal(echo->vd.q[0].size, 63);
    stop();
}

static void chain_of(unsigned n, bool indirect)
{
    gpa_t table = indirect ? fd_alloc(&fd, 16u * (n + 1), 16) : fd.q[0].desc;
    gpa_t buffer = fd_alloc(&fd, 16, 16);
    for (unsigned i = 0; i < n; i++)
        fd_desc(&fd, table, i, buffer, 1, i + 1 < n ? F_NEXT : 0, (uint16_t)(i + 1));
    if (indirect)
        fd_desc(&fd, fd.q[0].desc, 0, table, 16 * n, F_INDIRECT, 0);
    fd_avail(&fd, 0, 0, 1);
    fd_serve(&fd, 0);
}

static void test_vq_chain_length_limits(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    chain_of(SIZE, false); /* as long as the ring */
    assert_false(needs_reset());
    assert_int_equal(atomic_load(&echo->bytes), SIZE);
    stop();
    start(SPLIT, SIZE);
    chain_of(VQ_MAX_SEGS, true);
    assert_false(needs_reset());
    assert_int_equal(atomic_load(&echo->bytes), VQ_MAX_SEGS);
    stop();
    start(SPLIT, SIZE);
    chain_of(VQ_MAX_SEGS + 1, true);
    assert_true(needs_reset());
    stop();
}

/* ---- Malformed split rings ---- */

static void test_vq_rejects_descriptor_loop(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    gpa_t b = fd_alloc(&fd, 16, 16);
    fd_desc(&fd, fd.q[0].desc, 0, b, 1, F_NEXT, 1);
    fd_desc(&fd, fd.q[0].desc, 1, b, 1, F_NEXT, 0);
    fd_avail(&fd, 0, 0, 1);
    assert_rejected();
}

static void test_vq_rejects_descriptor_that_is_its_own_next(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    fd_desc(&fd, fd.q[0].desc, 0, fd_alloc(&fd, 16, 16), 0, F_NEXT, 0); /* even with no bytes */
    fd_avail(&fd, 0, 0, 1);
    assert_rejected();
}

static void test_vq_rejects_next_outside_the_table(void **state)
{
    (void)state;
    static const uint16_t bad[] = {SIZE, SIZE + 1, 0x7fff, 0xffff};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        start(SPLIT, SIZE);
        fd_desc(&fd, fd.q[0].desc, 0, fd_alloc(&fd, 16, 16), 1, F_NEXT, bad[i]);
        fd_avail(&fd, 0, 0, 1);
        assert_rejected();
    }
}

static void test_vq_rejects_head_outside_the_table(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    fd_avail(&fd, 0, SIZE, 1);
    assert_rejected();
}

static void test_vq_rejects_available_index_that_jumps(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    fd_desc(&fd, fd.q[0].desc, 0, fd_alloc(&fd, 16, 16), 1, 0, 0);
    fd_avail(&fd, 0, 0, SIZE + 1);
    assert_rejected();
    start(SPLIT, SIZE);
    fd_avail(&fd, 0, 0, 0xffff); /* backwards */
    assert_rejected();
    start(SPLIT, SIZE); /* exactly the size is a full ring */
    fd_desc(&fd, fd.q[0].desc, 0, fd_alloc(&fd, 16, 16), 1, 0, 0);
    fd_avail(&fd, 0, 0, SIZE);
    fd_serve(&fd, 0);
    assert_false(needs_reset());
    assert_int_equal(atomic_load(&echo->served), SIZE);
    stop();
}

static const struct {
    uint64_t addr;
    uint32_t len;
} bad_buffers[] = {
    {0, 16},
    {FD_RAM_BASE - 1, 2},
    {FD_RAM_BASE + RAM, 1},
    {FD_RAM_BASE + RAM - 1, 2},
    {FD_RAM_BASE, 0xffffffff},
    {FD_RAM_BASE, RAM + 1},
    {UINT64_MAX, 1},
    {UINT64_MAX - 7, 16},
    {FD_MMIO_BASE, 4},
};

static void test_vq_rejects_buffers_outside_ram(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        for (unsigned i = 0; i < 2 * ARRAY_LEN(bad_buffers); i++) {
            start(packed ? ALL : SPLIT, SIZE);
            struct fd_seg seg = {bad_buffers[i / 2].addr, bad_buffers[i / 2].len, i & 1};
            fd_add(&fd, 0, &seg, 1, i % 3 == 0);
            assert_rejected();
        }
    }
}

static void test_vq_accepts_buffers_up_to_the_last_byte_of_ram(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    struct fd_seg segs[] = {{FD_RAM_BASE, 1, false}, {FD_RAM_BASE + RAM - 1, 1, true}};
    fd_add(&fd, 0, segs, 2, false);
    fd_serve(&fd, 0);
    assert_false(needs_reset());
    assert_int_equal(atomic_load(&echo->served), 1);
    stop();
}

static void test_vq_rejects_readable_after_writable(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        start(packed ? ALL : SPLIT, SIZE);
        gpa_t b = fd_alloc(&fd, 16, 16);
        struct fd_seg segs[] = {{b, 1, true}, {b, 1, false}};
        fd_add(&fd, 0, segs, 2, false);
        assert_rejected();
    }
}

static void test_vq_rejects_more_than_4_gib(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    gpa_t table = fd_alloc(&fd, 16u * 1024, 16);
    for (unsigned i = 0; i < 1024; i++) /* 1024 * 4 MiB */
        fd_desc(&fd, table, i, FD_RAM_BASE, RAM, F_WRITE | (i < 1023 ? F_NEXT : 0),
                (uint16_t)(i + 1));
    fd_desc(&fd, fd.q[0].desc, 0, table, 16 * 1024, F_INDIRECT, 0);
    fd_avail(&fd, 0, 0, 1);
    assert_rejected();
}

static void test_vq_skips_zero_length_buffers(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        start(packed ? ALL : SPLIT, SIZE);
        gpa_t b = fd_alloc(&fd, 16, 16);
        struct fd_seg segs[] = {{0, 0, false}, {b, 3, false}, {b + 8, 3, true}, {0, 0, true}};
        fd_add(&fd, 0, segs, 4, false);
        fd_serve(&fd, 0);
        assert_false(needs_reset());
        assert_int_equal(atomic_load(&echo->bytes), 3);
        stop();
    }
}

/* ---- Indirect tables ---- */

static void indirect_case(uint64_t features, uint64_t addr, uint32_t len, uint16_t flags)
{
    start(features, SIZE);
    if (fd.packed)
        flags |= 0x80; /* available */
    fd_desc(&fd, fd.q[0].desc, 0, addr, len, flags, 0);
    if (!fd.packed)
        fd_avail(&fd, 0, 0, 1);
    assert_rejected();
}

static void test_vq_rejects_bad_indirect_tables(void **state)
{
    (void)state;
    static const uint64_t modes[] = {SPLIT, ALL};
    for (unsigned i = 0; i < 2; i++) {
        indirect_case(modes[i], FD_RAM_BASE, 0, F_INDIRECT);
        indirect_case(modes[i], FD_RAM_BASE, 15, F_INDIRECT);
        indirect_case(modes[i], FD_RAM_BASE, 17, F_INDIRECT);
        indirect_case(modes[i], FD_RAM_BASE, 0xfffffff0, F_INDIRECT);
        indirect_case(modes[i], FD_RAM_BASE, 16 * (VQ_MAX_SEGS + 1), F_INDIRECT);
        indirect_case(modes[i], FD_RAM_BASE + RAM - 16, 32, F_INDIRECT);
        indirect_case(modes[i], 0, 16, F_INDIRECT);
        indirect_case(modes[i], FD_RAM_BASE, 16, F_INDIRECT | F_NEXT);
        indirect_case(modes[i] & ~BIT(VIRTIO_F_INDIRECT_DESC), FD_RAM_BASE, 16, F_INDIRECT);
    }
}

static void test_vq_rejects_nested_indirect(void **state)
{
    (void)state;
    static const uint64_t modes[] = {SPLIT, ALL};
    for (unsigned i = 0; i < 2; i++) {
        start(modes[i], SIZE);
        gpa_t table = fd_alloc(&fd, 32, 16);
        fd_desc(&fd, table, 0, table, 16, F_INDIRECT, 0);
        fd_desc(&fd, fd.q[0].desc, 0, table, 16, F_INDIRECT | (fd.packed ? 0x80 : 0), 0);
        if (!fd.packed)
            fd_avail(&fd, 0, 0, 1);
        assert_rejected();
    }
}

static void test_vq_rejects_loop_and_bad_next_in_indirect_table(void **state)
{
    (void)state;
    for (uint16_t next = 0; next <= 2; next += 2) { /* 0: a loop; 2: outside the table */
        start(SPLIT, SIZE);
        gpa_t table = fd_alloc(&fd, 32, 16), b = fd_alloc(&fd, 16, 16);
        fd_desc(&fd, table, 0, b, 1, F_NEXT, 1);
        fd_desc(&fd, table, 1, b, 1, F_NEXT, next);
        fd_desc(&fd, fd.q[0].desc, 0, table, 32, F_INDIRECT, 0);
        fd_avail(&fd, 0, 0, 1);
        assert_rejected();
    }
}

static void test_vq_accepts_unaligned_indirect_table(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    gpa_t b = fd_alloc(&fd, 16, 16), table = fd_alloc(&fd, 32, 16) + 1;
    uint8_t *p = fd_ptr(&fd, table, 16);
    le_store(p, 8, b);
    le_store(p + 8, 8, 5);
    fd_desc(&fd, fd.q[0].desc, 0, table, 16, F_INDIRECT, 0);
    fd_avail(&fd, 0, 0, 1);
    fd_serve(&fd, 0);
    assert_false(needs_reset());
    assert_int_equal(atomic_load(&echo->bytes), 5);
    stop();
}

/* ---- Malformed packed rings ---- */

static void test_vq_packed_rejects_chain_without_end(void **state)
{
    (void)state;
    start(ALL, SIZE);
    gpa_t b = fd_alloc(&fd, 16, 16);
    for (unsigned i = 0; i < SIZE; i++)
        fd_desc(&fd, fd.q[0].desc, i, b, 1, F_NEXT | 0x80, 0);
    assert_rejected();
}

static void test_vq_packed_rejects_indirect_inside_a_chain(void **state)
{
    (void)state;
    start(ALL, SIZE);
    gpa_t b = fd_alloc(&fd, 16, 16);
    fd_desc(&fd, fd.q[0].desc, 1, b, 16, F_INDIRECT | 0x80, 0);
    fd_desc(&fd, fd.q[0].desc, 0, b, 1, F_NEXT | 0x80, 0);
    assert_rejected();
}

static void test_vq_packed_driver_that_marks_the_ring_again_does_not_leave_it(void **state)
{
    (void)state;
    start(ALL, 3);
    gpa_t b = fd_alloc(&fd, 64, 16);
    struct virtqueue *vq = &fd.vd->q[0];
    static struct vq_chain c;
    pthread_mutex_lock(&vq->wiring.service);
    for (unsigned i = 0; i < 10; i++) { /* pops more than the ring holds before any is used */
        for (unsigned k = 0; k < 3; k++)
            fd_desc(&fd, fd.q[0].desc, k, b, 1, vq->avail_wrap ? 0x80 : 0x8000,
                    (uint16_t)(0xfff0 + k));
        if (vq_pop(vq, &c))
            vq_stage(vq, c.id, c.slots, 1);
    }
    vq_publish(vq);
    assert_true(vq->used_next < 3);
    pthread_mutex_unlock(&vq->wiring.service);
    stop();
}

/* ---- Areas ---- */

static void areas_case(uint64_t features, gpa_t desc, gpa_t driver, gpa_t device, bool ok)
{
    fd_init(&fd, RAM);
    echo = echo_create(&fd, 1, SIZE);
    fd_negotiate(&fd, features);
    fd_write(&fd, REG_QUEUE_SEL, 0);
    fd_write(&fd, REG_QUEUE_NUM, SIZE);
    const gpa_t at[] = {desc, driver, device};
    for (uint32_t i = 0; i < 3; i++) {
        fd_write(&fd, REG_QUEUE_DESC + 0x10 * i, (uint32_t)at[i]);
        fd_write(&fd, REG_QUEUE_DESC + 0x10 * i + 4, (uint32_t)(at[i] >> 32));
    }
    fd_write(&fd, REG_QUEUE_READY, 1);
    fd_driver_ok(&fd);
    assert_int_equal(!needs_reset(), ok);
    fd_serve(&fd, 0);
    stop();
}

static void test_vq_areas_must_be_aligned_and_in_ram(void **state)
{
    (void)state;
    const gpa_t b = FD_RAM_BASE, end = FD_RAM_BASE + RAM;
    areas_case(SPLIT, b, b + 0x1000, b + 0x2000, true);
    areas_case(SPLIT, b + 8, b + 0x1000, b + 0x2000, false);
    areas_case(SPLIT, b, b + 0x1001, b + 0x2000, false);
    areas_case(SPLIT, b, b + 0x1000, b + 0x2002, false);
    areas_case(SPLIT, 0, b + 0x1000, b + 0x2000, false);
    areas_case(SPLIT, end - 16 * SIZE, b, b, true);
    areas_case(SPLIT, end - 16 * SIZE + 16, b, b, false);
    areas_case(SPLIT, b, end - (6 + 2 * SIZE), b, true);
    areas_case(SPLIT, b, end - (4 + 2 * SIZE), b, false);
    areas_case(SPLIT, b, b, end - (8 + 8 * SIZE), true);
    areas_case(SPLIT, b, b, end - (4 + 8 * SIZE), false);
    areas_case(ALL, b, end - 4, end - 4, true);
    areas_case(ALL, b, b + 2, b + 4, false);
    areas_case(ALL, b, b, end, false);
    areas_case(SPLIT, UINT64_MAX & ~15ull, b, b, false);
}

/* ---- Notification suppression ---- */

static void add_and_serve(unsigned n)
{
    struct fd_seg seg = {FD_RAM_BASE, 1, false};
    for (unsigned i = 0; i < n; i++)
        fd_add(&fd, 0, &seg, 1, false);
    fd_serve(&fd, 0);
}

static int irqs_of(unsigned n)
{
    fd_write(&fd, REG_INTERRUPT_ACK, 3);
    int before = atomic_load(&fd.irq_raised);
    add_and_serve(n);
    return atomic_load(&fd.irq_raised) - before;
}

static void test_vq_split_event_index_suppresses_interrupts(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    uint16_t *used_event = fd_ptr(&fd, fd.q[0].driver + 4 + 2 * SIZE, 2);
    assert_int_equal(irqs_of(1), 1); /* used_event 0: the first one */
    assert_int_equal(irqs_of(1), 0); /* was not moved */
    *used_event = 4;
    assert_int_equal(irqs_of(2), 0); /* index 2, 3 */
    assert_int_equal(irqs_of(1), 1); /* passes 4 */
    *used_event = 3;
    assert_int_equal(irqs_of(3), 0); /* behind */
    stop();
}

/* Found by a planted bug: indices are compared modulo 2^16. */
static void test_vq_split_event_index_works_across_the_wrap(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    uint16_t *used_event = fd_ptr(&fd, fd.q[0].driver + 4 + 2 * SIZE, 2);
    *used_event = 0x8000;
    for (unsigned done = 0; done < 65532; done += 4)
        irqs_of(4);
    *used_event = 65535;
    assert_int_equal(irqs_of(3), 0); /* index 65532 to 65534 */
    assert_int_equal(irqs_of(1), 1); /* passes 65535; the index is now 0 */
    assert_int_equal(irqs_of(1), 0); /* behind */
    *used_event = 2;
    assert_int_equal(irqs_of(1), 0);
    assert_int_equal(irqs_of(1), 1);
    stop();
}

static void test_vq_split_flags_suppress_interrupts(void **state)
{
    (void)state;
    start(SPLIT & ~BIT(VIRTIO_F_EVENT_IDX), SIZE);
    uint16_t *flags = fd_ptr(&fd, fd.q[0].driver, 2);
    assert_int_equal(irqs_of(1), 1);
    *flags = 1;
    assert_int_equal(irqs_of(1), 0);
    *flags = 0;
    assert_int_equal(irqs_of(1), 1);
    stop();
}

static void test_vq_packed_event_structure_suppresses_interrupts(void **state)
{
    (void)state;
    start(ALL, SIZE);
    uint16_t *event = fd_ptr(&fd, fd.q[0].driver, 4); /* off_wrap, flags */
    event[1] = 0;
    assert_int_equal(irqs_of(1), 1);
    event[1] = 1;
    assert_int_equal(irqs_of(1), 0); /* now at position 2 */
    event[1] = 2;
    event[0] = 4 | 0x8000;
    assert_int_equal(irqs_of(2), 0); /* used 2, 3 */
    assert_int_equal(irqs_of(1), 1); /* used 4 */
    event[0] = 1; /* position 1 of the next round */
    assert_int_equal(irqs_of(3), 0); /* used 5, 6, 7 */
    assert_int_equal(irqs_of(1), 0); /* used 0 */
    assert_int_equal(irqs_of(1), 1); /* used 1 */
    event[0] = SIZE - 1; /* the last position: the ring has wrapped when it was passed */
    assert_int_equal(irqs_of(SIZE - 3), 0);
    assert_int_equal(irqs_of(1), 1);
    stop();
}

static void test_vq_asks_for_kicks_only_when_idle(void **state)
{
    (void)state;
    start(SPLIT, SIZE);
    uint16_t *avail_event = fd_ptr(&fd, fd.q[0].device + 4 + 8 * SIZE, 2);
    add_and_serve(3);
    assert_int_equal(*avail_event, 3);
    stop();
    start(SPLIT & ~BIT(VIRTIO_F_EVENT_IDX), SIZE);
    add_and_serve(3);
    assert_int_equal(*(uint16_t *)fd_ptr(&fd, fd.q[0].device, 2), 0);
    struct virtqueue *vq = &fd.vd->q[0];
    pthread_mutex_lock(&vq->wiring.service);
    vq_kicks_off(vq);
    assert_int_equal(*(uint16_t *)fd_ptr(&fd, fd.q[0].device, 2), 1);
    struct fd_seg seg = {FD_RAM_BASE, 1, false};
    fd_add(&fd, 0, &seg, 1, false);
    assert_true(vq_kicks_on(vq)); /* what came in between is not forgotten */
    pthread_mutex_unlock(&vq->wiring.service);
    stop();
    start(ALL, SIZE);
    add_and_serve(3);
    uint16_t *event = fd_ptr(&fd, fd.q[0].device, 4);
    assert_int_equal(event[0], 3 | 0x8000);
    assert_int_equal(event[1], 2);
    stop();
}

/* ---- Rings that change while they are read ---- */

/* A guest that writes into its buffers while the device copies them is a race by intent: the copy
 * may be anything, and nothing depends on it. Only tsan builds ask. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:scribble";
}

struct scribbler {
    pthread_t thread;
    atomic_bool quit;
    uint64_t seed;
};

static uint64_t next_random(uint64_t *x) /* xorshift64 */
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

/* Writes plausible and implausible words over ring areas and descriptors. */
static void *scribble(void *arg)
{
    struct scribbler *s = arg;
    uint64_t r = s->seed;
    uint64_t *words = fd_ptr(&fd, FD_RAM_BASE, 0x10000);
    while (!atomic_load(&s->quit)) {
        uint64_t at = next_random(&r) % (0x10000 / 8), v = next_random(&r);
        switch (v % 4) {
        case 0:
            break;
        case 1:
            v = FD_RAM_BASE + v % (2 * RAM);
            break;
        case 2:
            v = (v >> 32 & 0x000f0007ffff) | (v & 7) << 32;
            break;
        default:
            v &= 0x8087000f00000fff;
        }
        __atomic_store_n(&words[at], v, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void torture(uint64_t features, unsigned rounds)
{
    start(features, 64);
    struct scribbler s = {.seed = features};
    assert_int_equal(pthread_create(&s.thread, NULL, scribble, &s), 0);
    for (unsigned i = 0; i < rounds; i++) {
        fd_serve(&fd, 0);
        if (i % 8 == 7) { /* the driver resets; RAM stays hostile */
            fd.next_free = FD_RAM_BASE + 0x1000;
            fd_start(&fd, features, 64);
        }
        struct fd_seg seg[2] = {{FD_RAM_BASE + 0x8000, 64, false},
                                {FD_RAM_BASE + 0x9000, 64, true}};
        fd_add(&fd, 0, seg, 2, i & 1);
    }
    atomic_store(&s.quit, true);
    pthread_join(s.thread, NULL);
    fd_write(&fd, REG_STATUS, 0);
    fd.next_free = FD_RAM_BASE + 0x1000;
    fd_start(&fd, features, 64); /* and a reset makes it work again */
    echo_once(2, 100, false);
    stop();
}

static void test_vq_survives_rings_that_change_while_read(void **state)
{
    (void)state;
    torture(SPLIT, 3000);
    torture(ALL, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vq_moves_chains),
        cmocka_unit_test(test_vq_positions_wrap_at_65536_and_at_the_ring_size),
        cmocka_unit_test(test_vq_packed_chains_cross_the_end_of_the_ring),
        cmocka_unit_test(test_vq_packed_completes_in_batches),
        cmocka_unit_test(test_vq_size_limits),
        cmocka_unit_test(test_vq_size_outside_the_limits_is_ignored),
        cmocka_unit_test(test_vq_chain_length_limits),
        cmocka_unit_test(test_vq_rejects_descriptor_loop),
        cmocka_unit_test(test_vq_rejects_descriptor_that_is_its_own_next),
        cmocka_unit_test(test_vq_rejects_next_outside_the_table),
        cmocka_unit_test(test_vq_rejects_head_outside_the_table),
        cmocka_unit_test(test_vq_rejects_available_index_that_jumps),
        cmocka_unit_test(test_vq_rejects_buffers_outside_ram),
        cmocka_unit_test(test_vq_accepts_buffers_up_to_the_last_byte_of_ram),
        cmocka_unit_test(test_vq_rejects_readable_after_writable),
        cmocka_unit_test(test_vq_rejects_more_than_4_gib),
        cmocka_unit_test(test_vq_skips_zero_length_buffers),
        cmocka_unit_test(test_vq_rejects_bad_indirect_tables),
        cmocka_unit_test(test_vq_rejects_nested_indirect),
        cmocka_unit_test(test_vq_rejects_loop_and_bad_next_in_indirect_table),
        cmocka_unit_test(test_vq_accepts_unaligned_indirect_table),
        cmocka_unit_test(test_vq_packed_rejects_chain_without_end),
        cmocka_unit_test(test_vq_packed_rejects_indirect_inside_a_chain),
        cmocka_unit_test(test_vq_packed_driver_that_marks_the_ring_again_does_not_leave_it),
        cmocka_unit_test(test_vq_areas_must_be_aligned_and_in_ram),
        cmocka_unit_test(test_vq_split_event_index_suppresses_interrupts),
        cmocka_unit_test(test_vq_split_event_index_works_across_the_wrap),
        cmocka_unit_test(test_vq_split_flags_suppress_interrupts),
        cmocka_unit_test(test_vq_packed_event_structure_suppresses_interrupts),
        cmocka_unit_test(test_vq_asks_for_kicks_only_when_idle),
        cmocka_unit_test(test_vq_survives_rings_that_change_while_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
