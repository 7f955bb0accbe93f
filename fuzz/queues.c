/* See queues.h. */
#include "queues.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/log.h"

static void no_interrupt(struct virtio_transport *t, unsigned queue)
{
    (void)t;
    (void)queue;
}

static void no_config_interrupt(struct virtio_transport *t)
{
    (void)t;
}

static struct virtio_transport transport = {no_interrupt, no_config_interrupt};

void queue_test_init(struct queue_test *t)
{
    struct err e = {0};
    log_set_level(LOG_ERROR);
    CHECK(!vm_create(&t->vm, 0, QUEUE_RAM_BYTES, CLOCK_COUNTED, &e));
}

void queue_test_ready(struct queue_test *t)
{
    for (unsigned i = 0; i < t->vd->thread_count; i++)
        iothread_stop(&t->vd->threads[i]);
    virtio_connect(t->vd, &transport);
}

/* ---- The driver ---- */

static void set_area(struct virtio_dev *vd, unsigned q, enum virtio_area area, uint64_t at)
{
    virtio_queue_set_area(vd, q, area, false, (uint32_t)at);
    virtio_queue_set_area(vd, q, area, true, (uint32_t)(at >> 32));
}

static void set_queue(struct virtio_dev *vd, unsigned q, uint32_t size)
{
    virtio_queue_set_size(vd, q, size);
    set_area(vd, q, VIRTIO_AREA_DESC, QUEUE_BASE(q));
    set_area(vd, q, VIRTIO_AREA_DRIVER, QUEUE_BASE(q) + QUEUE_DRIVER);
    set_area(vd, q, VIRTIO_AREA_DEVICE, QUEUE_BASE(q) + QUEUE_DEVICE);
    virtio_queue_set_ready(vd, q, true);
}

static void negotiate(struct virtio_dev *vd, unsigned flags, uint64_t wanted)
{
    uint64_t f = wanted & vd->device_features & ~VIRTIO_F_COMMON;
    f |= BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_RING_RESET);
    f |= flags & Q_PACKED ? BIT(VIRTIO_F_RING_PACKED) : 0;
    f |= flags & Q_EVENT_IDX ? BIT(VIRTIO_F_EVENT_IDX) : 0;
    f |= flags & Q_INDIRECT ? BIT(VIRTIO_F_INDIRECT_DESC) : 0;
    unsigned status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
    virtio_set_status(vd, (uint8_t)status);
    virtio_set_driver_features(vd, 0, (uint32_t)f);
    virtio_set_driver_features(vd, 1, (uint32_t)(f >> 32));
    virtio_set_status(vd, (uint8_t)(status | VIRTIO_STATUS_FEATURES_OK));
}

/* Sizes that fit into the areas: powers of two for split rings. */
static uint32_t queue_size(unsigned flags, uint64_t byte)
{
    return flags & Q_PACKED ? 1 + (uint32_t)byte % 8 : 1u << (byte & 3);
}

/* Saves and loads the device in the middle of things. */
static void save_and_load(struct queue_test *t)
{
    struct device *d = &t->vd->dev;
    struct buf b = {0};
    struct err e = {0};
    size_t used;
    CHECK(!state_save(d->cls->fields, d, &b));
    CHECK(!state_load(d->cls->fields, d, b.data, b.len, &used, &e) && used == b.len);
    CHECK(!d->cls->loaded(d, &e));
    d->cls->pause(d, false);
    buf_fini(&b);
}

static void step(struct queue_test *t, struct input *in)
{
    struct virtio_dev *vd = t->vd;
    unsigned op = (unsigned)take(in, 1), a = (unsigned)take(in, 1), b = (unsigned)take(in, 2);
    switch (op & 15) {
    default:
        virtio_serve(vd, a % vd->queue_count);
        break;
    case 1: /* the driver goes on: 16 bits anywhere */
        CHECK(mem_write(&t->vm.mem, QUEUE_BASE(a % 8) + (op >> 4) * 2, &b, 2));
        break;
    case 2: /* the available index of a split ring */
        CHECK(mem_write(&t->vm.mem, QUEUE_BASE(a % vd->queue_count) + QUEUE_DRIVER + 2, &b, 2));
        virtio_serve(vd, a % vd->queue_count);
        break;
    case 3:
        (void)mem_write(&t->vm.mem, b, &a, 1);
        break;
    case 4:
        virtio_config_write(vd, a, 1u << (op >> 4 & 1), b);
        (void)virtio_config_read(vd, b & 0xff, 4);
        break;
    case 5:
        virtio_queue_reset(vd, a % vd->queue_count);
        set_queue(vd, a % vd->queue_count, b);
        break;
    case 6:
        virtio_queue_set_ready(vd, a % vd->queue_count, b & 1);
        break;
    case 7:
        save_and_load(t);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        if (t->step)
            t->step(t, op & 3, a, b);
        break;
    }
}

void queue_test_run(struct queue_test *t, const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct virtio_dev *vd = t->vd;
    unsigned flags = (unsigned)take(&in, 1);
    uint64_t wanted = take(&in, 8);
    memset(t->vm.mem.ram, 0, QUEUE_RAM_BYTES);
    virtio_reset(vd);
    if (t->begin)
        t->begin(t, flags);
    negotiate(vd, flags, wanted);
    for (unsigned q = 0; q < vd->queue_count; q++)
        set_queue(vd, q, queue_size(flags, take(&in, 1)));

    size_t steps = (take(&in, 1) & 31) * 4, memory = QUEUE_RAM_BYTES;
    const uint8_t *script = take_bytes(&in, &steps), *p = take_bytes(&in, &memory);
    memcpy(t->vm.mem.ram, p, memory);
    virtio_set_status(vd, virtio_get_status(vd) | VIRTIO_STATUS_DRIVER_OK);
    for (unsigned q = 0; q < vd->queue_count; q++)
        virtio_serve(vd, q);
    struct input s = {script, steps};
    while (s.left)
        step(t, &s);
    for (unsigned q = 0; q < vd->queue_count; q++)
        virtio_serve(vd, q);
}
