/* The block device with a hostile driver: see queues.h. Device steps: the backend's errors. */
#include "base/check.h"
#include "queues.h"
#include "virtio/blk.h"

static struct fake_blk disk;

static void blk_step(struct queue_test *t, unsigned op, unsigned a, unsigned b)
{
    (void)t;
    (void)b;
    disk.fails = op & 1 ? (int)(a & 63) : 0;
}

static void blk_begin(struct queue_test *t, unsigned flags)
{
    (void)t;
    disk.fails = 0;
    disk.blk.readonly = flags & Q_BACKEND;
    for (unsigned i = 0; i < FAKE_BLK_BYTES; i++)
        disk.data[i] = (uint8_t)(i ^ i >> 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct queue_test t = {.step = blk_step, .begin = blk_begin};
    if (!t.vd) {
        struct err e = {0};
        fake_blk_init(&disk);
        queue_test_init(&t);
        const struct virtio_blk_config cfg = {.backend = &disk.blk, .serial = "fuzz", .queues = 2};
        CHECK(!virtio_blk_create(&t.vm, &cfg, &t.vd, &e));
        queue_test_ready(&t);
    }
    queue_test_run(&t, data, size);
    return 0;
}
