/* See fake_driver.h. */
#include "fake_driver.h"

#include "base/bits.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void sleep_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static void irq_wire(void *arg, unsigned n, bool level)
{
    struct fd *fd = arg;
    (void)n;
    atomic_store(&fd->irq_level, level);
    if (level)
        atomic_fetch_add(&fd->irq_raised, 1);
}

void fd_init(struct fd *fd, uint64_t ram_bytes)
{
    memset(fd, 0, sizeof(*fd));
    struct err e = {0};
    CHECK(mem_create(&fd->vm.mem, FD_RAM_BASE, ram_bytes, &e) == 0);
    fd->vm.journal.ops = &journal_live_ops;
    fd->next_free = FD_RAM_BASE + 0x1000;
}

void fd_connect(struct fd *fd, struct virtio_dev *vd)
{
    struct err e = {0};
    struct irq irq = {.sink = irq_wire, .arg = fd};
    fd->vd = vd;
    CHECK(virtio_mmio_create(&fd->vm, 0, FD_MMIO_BASE, irq, vd, &e) == 0);
}

void fd_by_hand(struct fd *fd)
{
    for (unsigned i = 0; i < fd->vd->thread_count; i++)
        iothread_stop(&fd->vd->threads[i]);
}

static void destroy_devices(struct device *d)
{
    if (!d)
        return;
    destroy_devices(d->next);
    d->cls->destroy(d);
}

void fd_fini(struct fd *fd)
{
    destroy_devices(fd->vm.devices);
    mem_destroy(&fd->vm.mem);
}

uint32_t fd_read(struct fd *fd, uint32_t reg)
{
    uint64_t v = 0;
    CHECK(bus_read(&fd->vm.bus, FD_MMIO_BASE + reg, 4, &v));
    return (uint32_t)v;
}

void fd_write(struct fd *fd, uint32_t reg, uint32_t value)
{
    CHECK(bus_write(&fd->vm.bus, FD_MMIO_BASE + reg, 4, value));
}

uint8_t fd_status(struct fd *fd)
{
    return (uint8_t)fd_read(fd, REG_STATUS);
}

gpa_t fd_alloc(struct fd *fd, uint64_t bytes, uint64_t align)
{
    gpa_t at = align_up(fd->next_free, align);
    fd->next_free = at + bytes;
    CHECK(fd_ptr(fd, at, bytes));
    return at;
}

void *fd_ptr(struct fd *fd, gpa_t at, uint64_t len)
{
    return mem_ptr(&fd->vm.mem, at, len, MEM_WRITE);
}

uint64_t fd_negotiate(struct fd *fd, uint64_t wanted)
{
    fd_write(fd, REG_STATUS, 0);
    fd_write(fd, REG_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
    fd_write(fd, REG_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    uint64_t offered = 0;
    for (uint32_t word = 0; word < 2; word++) {
        fd_write(fd, REG_DEVICE_FEATURES_SEL, word);
        offered |= (uint64_t)fd_read(fd, REG_DEVICE_FEATURES) << (32 * word);
    }
    uint64_t f = (offered & wanted) | BIT(VIRTIO_F_VERSION_1);
    for (uint32_t word = 0; word < 2; word++) {
        fd_write(fd, REG_DRIVER_FEATURES_SEL, word);
        fd_write(fd, REG_DRIVER_FEATURES, (uint32_t)(f >> (32 * word)));
    }
    fd_write(fd, REG_STATUS, fd_status(fd) | VIRTIO_STATUS_FEATURES_OK);
    fd->packed = bit(f, VIRTIO_F_RING_PACKED);
    return f;
}

static void write_area(struct fd *fd, uint32_t reg, gpa_t at)
{
    fd_write(fd, reg, (uint32_t)at);
    fd_write(fd, reg + 4, (uint32_t)(at >> 32));
}

void fd_queue(struct fd *fd, unsigned q, uint16_t size)
{
    struct fd_queue *fq = &fd->q[q];
    *fq = (struct fd_queue){.size = size, .avail_wrap = true, .used_wrap = true};
    fq->desc = fd_alloc(fd, 16u * size, 16);
    fq->driver = fd_alloc(fd, 6 + 2u * size, 4);
    fq->device = fd_alloc(fd, 6 + 8u * size, 4);
    memset(fd_ptr(fd, fq->desc, 16u * size), 0, 16u * size);
    memset(fd_ptr(fd, fq->driver, 6 + 2u * size), 0, 6 + 2u * size);
    memset(fd_ptr(fd, fq->device, 6 + 8u * size), 0, 6 + 8u * size);
    fd_write(fd, REG_QUEUE_SEL, q);
    fd_write(fd, REG_QUEUE_NUM, size);
    write_area(fd, REG_QUEUE_DESC, fq->desc);
    write_area(fd, REG_QUEUE_DRIVER, fq->driver);
    write_area(fd, REG_QUEUE_DEVICE, fq->device);
    fd_write(fd, REG_QUEUE_READY, 1);
}

void fd_driver_ok(struct fd *fd)
{
    fd_write(fd, REG_STATUS, fd_status(fd) | VIRTIO_STATUS_DRIVER_OK);
}

void fd_start(struct fd *fd, uint64_t wanted, uint16_t size)
{
    fd_negotiate(fd, wanted);
    for (unsigned q = 0; q < FD_MAX_QUEUES; q++) {
        fd_write(fd, REG_QUEUE_SEL, q);
        uint32_t max = fd_read(fd, REG_QUEUE_NUM_MAX);
        if (max)
            fd_queue(fd, q, size < max ? size : (uint16_t)max);
    }
    fd_driver_ok(fd);
}

/* ---- Rings ---- */

static uint16_t *ring16(struct fd *fd, gpa_t at)
{
    return fd_ptr(fd, at, 2);
}

static void put16(struct fd *fd, gpa_t at, uint16_t v)
{
    __atomic_store_n(ring16(fd, at), v, __ATOMIC_RELEASE);
}

static uint16_t get16(struct fd *fd, gpa_t at)
{
    return __atomic_load_n(ring16(fd, at), __ATOMIC_ACQUIRE);
}

void fd_desc(struct fd *fd, gpa_t table, unsigned index, uint64_t addr, uint32_t len,
             uint16_t flags, uint16_t next_or_id)
{
    uint64_t *p = fd_ptr(fd, table + 16u * index, 16);
    uint64_t high = fd->packed ? (uint64_t)next_or_id | (uint64_t)flags << 16
                               : (uint64_t)flags | (uint64_t)next_or_id << 16;
    __atomic_store_n(p, addr, __ATOMIC_RELAXED);
    __atomic_store_n(p + 1, len | high << 32, __ATOMIC_RELEASE);
}

void fd_avail(struct fd *fd, unsigned q, uint16_t head, uint16_t by)
{
    struct fd_queue *fq = &fd->q[q];
    put16(fd, fq->driver + 4 + 2u * (fq->avail_next % fq->size), head);
    fq->avail_next = (uint16_t)(fq->avail_next + by);
    put16(fd, fq->driver + 2, fq->avail_next);
}

static gpa_t indirect_table(struct fd *fd, const struct fd_seg *segs, unsigned n)
{
    gpa_t table = fd_alloc(fd, 16u * n, 16);
    for (unsigned i = 0; i < n; i++) {
        uint16_t flags = segs[i].write ? 2 : 0;
        if (!fd->packed && i + 1 < n)
            flags |= 1;
        fd_desc(fd, table, i, segs[i].addr, segs[i].len, flags, fd->packed ? 0 : (uint16_t)(i + 1));
    }
    return table;
}

static uint16_t add_split(struct fd *fd, unsigned q, const struct fd_seg *segs, unsigned n,
                          gpa_t table)
{
    struct fd_queue *fq = &fd->q[q];
    uint16_t head = fq->free_head;
    if (table) {
        fd_desc(fd, fq->desc, head, table, 16 * n, 4, 0);
        fq->free_head = (uint16_t)((head + 1) % fq->size);
    } else {
        for (unsigned i = 0; i < n; i++) {
            uint16_t at = fq->free_head;
            fq->free_head = (uint16_t)((at + 1) % fq->size);
            fd_desc(fd, fq->desc, at, segs[i].addr, segs[i].len,
                    (uint16_t)((segs[i].write ? 2 : 0) | (i + 1 < n ? 1 : 0)), fq->free_head);
        }
    }
    fd_avail(fd, q, head, 1);
    return head;
}

/* The first descriptor's flags are written last. */
static uint16_t add_packed(struct fd *fd, unsigned q, const struct fd_seg *segs, unsigned n,
                           gpa_t table)
{
    struct fd_queue *fq = &fd->q[q];
    uint16_t first = fq->avail_next, first_flags = 0, id = fq->next_id;
    unsigned count = table ? 1 : n;
    fq->next_id = (uint16_t)((id + 1) % fq->size);
    fq->slots_of[id] = (uint16_t)count;
    for (unsigned i = 0; i < count; i++) {
        uint16_t flags = fq->avail_wrap ? 0x80 : 0x8000;
        flags |= table ? 4 : (segs[i].write ? 2 : 0) | (i + 1 < n ? 1 : 0);
        gpa_t addr = table ? table : segs[i].addr;
        uint32_t len = table ? 16 * n : segs[i].len;
        if (i == 0)
            first_flags = flags;
        fd_desc(fd, fq->desc, fq->avail_next, addr, len,
                i == 0 ? get16(fd, fq->desc + 16u * fq->avail_next + 14) : flags, id);
        if (++fq->avail_next == fq->size) {
            fq->avail_next = 0;
            fq->avail_wrap = !fq->avail_wrap;
        }
    }
    put16(fd, fq->desc + 16u * first + 14, first_flags);
    return id;
}

uint16_t fd_add(struct fd *fd, unsigned q, const struct fd_seg *segs, unsigned n, bool indirect)
{
    gpa_t table = indirect ? indirect_table(fd, segs, n) : 0;
    return fd->packed ? add_packed(fd, q, segs, n, table) : add_split(fd, q, segs, n, table);
}

void fd_kick(struct fd *fd, unsigned q)
{
    fd_write(fd, REG_QUEUE_NOTIFY, q);
}

void fd_serve(struct fd *fd, unsigned q)
{
    virtio_serve(fd->vd, q);
}

static bool used_packed(struct fd *fd, struct fd_queue *fq, uint16_t *id, uint32_t *len)
{
    gpa_t at = fq->desc + 16u * fq->used_next;
    uint16_t flags = get16(fd, at + 14);
    if (!!(flags & 0x80) != fq->used_wrap || !!(flags & 0x8000) != fq->used_wrap)
        return false;
    *id = get16(fd, at + 12);
    *len = __atomic_load_n((uint32_t *)fd_ptr(fd, at + 8, 4), __ATOMIC_RELAXED);
    CHECK(*id < fq->size);
    fq->used_next = (uint16_t)(fq->used_next + fq->slots_of[*id]);
    if (fq->used_next >= fq->size) {
        fq->used_next = (uint16_t)(fq->used_next - fq->size);
        fq->used_wrap = !fq->used_wrap;
    }
    return true;
}

bool fd_used(struct fd *fd, unsigned q, uint16_t *id, uint32_t *len)
{
    struct fd_queue *fq = &fd->q[q];
    if (fd->packed)
        return used_packed(fd, fq, id, len);
    if (get16(fd, fq->device + 2) == fq->used_next)
        return false;
    gpa_t at = fq->device + 4 + 8u * (fq->used_next++ % fq->size);
    *id = (uint16_t)__atomic_load_n((uint32_t *)fd_ptr(fd, at, 4), __ATOMIC_RELAXED);
    *len = __atomic_load_n((uint32_t *)fd_ptr(fd, at + 4, 4), __ATOMIC_RELAXED);
    return true;
}

bool fd_wait(struct fd *fd, unsigned q, uint16_t *id, uint32_t *len)
{
    for (unsigned i = 0; i < 5000; i++) {
        if (fd_used(fd, q, id, len))
            return true;
        sleep_ms(1);
    }
    return false;
}

/* ---- Echo device ---- */

static const struct state_field echo_fields[] = {
    VIRTIO_DEV_FIELDS(struct echo_dev),
    F_WIRING(struct echo_dev, served),
    F_WIRING(struct echo_dev, bytes),
    F_WIRING(struct echo_dev, slow),
    F_END,
};

static void echo_serve(struct virtio_dev *vd, struct virtqueue *vq)
{
    struct echo_dev *e = (struct echo_dev *)(void *)vd;
    do {
        vq_kicks_off(vq);
        while (vq_pop(vq, vq->wiring.chain)) {
            const struct vq_chain *c = vq->wiring.chain;
            uint8_t piece[512];
            uint64_t at = 0;
            size_t n;
            uint32_t written = 0;
            if (atomic_load(&e->slow))
                sleep_ms(20);
            while ((n = vq_chain_read(c, at, piece, sizeof(piece))) > 0) {
                written += (uint32_t)vq_chain_write(vq, c, at, piece, n);
                at += n;
            }
            atomic_fetch_add(&e->bytes, at);
            atomic_fetch_add(&e->served, 1);
            vq_push(vq, c, written);
            vq_notify(vq);
        }
    } while (vq_kicks_on(vq));
}

static const struct virtio_class echo_virtio_class = {
    .name = "virtio-echo",
    .device_id = 63,
    .serve = echo_serve,
};

static const struct dev_class echo_class =
    VIRTIO_DEV_CLASS("virtio-echo", echo_fields, struct echo_dev);

struct echo_dev *echo_create(struct fd *fd, unsigned queues, uint16_t queue_size)
{
    struct echo_dev *d = calloc(1, sizeof(*d));
    struct err e = {0};
    CHECK(d);
    d->vd.config_bytes = 8;
    CHECK(virtio_dev_create(&d->vd, &echo_virtio_class, &echo_class, &fd->vm, queues, queue_size, 1,
                            0, &e) == 0);
    fd_connect(fd, &d->vd);
    return d;
}
