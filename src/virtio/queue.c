/* Split and packed virtqueues, device side: virtio 1.2, sections 2.7 and 2.8. See queue.h.
 *
 * Reading guest memory. A descriptor is 16 bytes that the driver may change at any moment; it is
 * read with two 8-byte loads into a local copy, and only the copy is looked at. Its address is
 * turned into a host pointer by mem_ptr() together with its length, so whatever the driver stored,
 * the segment lies in RAM. Changing a ring while it is read can only give the driver other buffers
 * of its own memory than it meant.
 *
 * Order. The available index (or the AVAIL and USED flags) is loaded with acquire before what it
 * announces is read; the used index (or flags) is stored with release after what it announces was
 * written. Notification suppression needs a full barrier on both sides between "publish" and "look
 * at what the other side wants", or both go to sleep.
 *
 * Packed rings may be pushed out of order: a used element goes to the next used position, whatever
 * chain it is for, and the position moves on by the number of ring entries that chain had taken.
 *
 * Rejected: keeping descriptors' addresses beyond a service run. A chain that cannot be finished
 * now is given back with vq_seek(), so that between runs a queue's whole state is its positions.
 */
#include "virtio/queue.h"

#include "base/bits.h"
#include "virtio/virtio.h"
#include "vm/vm.h"

#include <string.h>

#define DESC_BYTES 16u
/* Split: virtq_desc.flags; packed: the same bits and two more. */
#define DESC_F_NEXT 1u
#define DESC_F_WRITE 2u
#define DESC_F_INDIRECT 4u
#define DESC_F_AVAIL BIT(7)
#define DESC_F_USED BIT(15)

#define AVAIL_F_NO_INTERRUPT 1u
#define USED_F_NO_NOTIFY 1u

/* Packed event suppression structures (2.8.10). */
#define EVENT_FLAGS_ENABLE 0u
#define EVENT_FLAGS_DISABLE 1u
#define EVENT_FLAGS_DESC 2u

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags; /* split: flags, next; packed: flags last, id before it */
    uint16_t next_or_id;
};

static struct virtio_dev *vq_dev(const struct virtqueue *vq)
{
    return vq->wiring.vd;
}

static struct mem *vq_mem(const struct virtqueue *vq)
{
    return &vq->wiring.vd->dev.vm->mem;
}

static uint16_t load16(const void *p)
{
    return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
}

static uint16_t load16_acquire(const void *p)
{
    return __atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE);
}

static uint32_t load32(const void *p)
{
    return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
}

static uint64_t load64(const void *p)
{
    return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
}

static void store16(void *p, uint16_t v)
{
    __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELAXED);
}

static void store16_release(void *p, uint16_t v)
{
    __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELEASE);
}

static void store32(void *p, uint32_t v)
{
    __atomic_store_n((uint32_t *)p, v, __ATOMIC_RELAXED);
}

/* The areas that we store into are guest memory like any other, so they might hold code. */
static void vq_areas_wrote(struct virtqueue *vq)
{
    if (vq->derived.packed) {
        mem_wrote(vq_mem(vq), vq->desc, (uint64_t)vq->size * DESC_BYTES);
        mem_wrote(vq_mem(vq), vq->device, 4);
    } else {
        mem_wrote(vq_mem(vq), vq->device, 6 + 8 * (uint64_t)vq->size);
    }
}

static struct desc desc_load(const uint8_t *p, bool packed)
{
    struct desc d;
    uint64_t rest;
    if ((uintptr_t)p % 8 == 0) {
        d.addr = load64(p);
        rest = load64(p + 8);
    } else { /* an indirect table may lie anywhere */
        memcpy(&d.addr, p, 8);
        memcpy(&rest, p + 8, 8);
    }
    d.len = (uint32_t)rest;
    d.flags = (uint16_t)bits(rest, packed ? 63 : 47, packed ? 48 : 32);
    d.next_or_id = (uint16_t)bits(rest, packed ? 47 : 63, packed ? 32 : 48);
    return d;
}

/* ---- Configuration ---- */

void vq_rewind(struct virtqueue *vq)
{
    vq->avail_wrap = vq->used_wrap = true;
    vq->avail_next = vq->used_next = 0;
    vq->since_irq = 0;
    vq->derived.staged = vq->derived.staged_slots = 0;
}

void vq_reset(struct virtqueue *vq)
{
    vq->desc = vq->driver = vq->device = 0;
    vq->size = vq->wiring.max_size;
    vq->ready = false;
    vq->derived.running = false;
    vq_rewind(vq);
}

static const char *vq_check_positions(const struct virtqueue *vq, bool packed)
{
    if (packed && (vq->avail_next >= vq->size || vq->used_next >= vq->size))
        return "queue position is outside the ring";
    return NULL;
}

const char *vq_start(struct virtqueue *vq)
{
    const struct virtio_dev *vd = vq_dev(vq);
    const struct mem *m = vq_mem(vq);
    bool packed = virtio_has(vd, VIRTIO_F_RING_PACKED);
    uint32_t size = vq->size;
    if (size == 0 || size > vq->wiring.max_size)
        return "queue size is out of range";
    if (!packed && (size & (size - 1)))
        return "size of a split queue is not a power of two";
    uint64_t driver_bytes = packed ? 4 : 6 + 2 * size, device_bytes = packed ? 4 : 6 + 8 * size;
    if (vq->desc % 16 || vq->driver % (packed ? 4 : 2) || vq->device % 4)
        return "queue area is not aligned";
    vq->derived.desc = mem_ptr(m, vq->desc, (uint64_t)size * DESC_BYTES, MEM_WRITE);
    vq->derived.driver = mem_ptr(m, vq->driver, driver_bytes, MEM_WRITE);
    vq->derived.device = mem_ptr(m, vq->device, device_bytes, MEM_WRITE);
    if (!vq->derived.desc || !vq->derived.driver || !vq->derived.device)
        return "queue area is not in RAM";
    vq->derived.packed = packed;
    vq->derived.event_idx = virtio_has(vd, VIRTIO_F_EVENT_IDX);
    vq->derived.indirect = virtio_has(vd, VIRTIO_F_INDIRECT_DESC);
    vq->derived.staged = vq->derived.staged_slots = 0;
    return vq_check_positions(vq, packed);
}

struct vq_pos vq_tell(const struct virtqueue *vq)
{
    return (struct vq_pos){vq->avail_next, vq->avail_wrap};
}

void vq_seek(struct virtqueue *vq, struct vq_pos pos)
{
    vq->avail_next = pos.next;
    vq->avail_wrap = pos.wrap;
}

/* ---- Chains ---- */

static bool vq_malformed(struct virtqueue *vq, const char *what)
{
    virtio_fail(vq_dev(vq), "queue %u: %s", vq->wiring.index, what);
    return false;
}

static bool chain_add(struct virtqueue *vq, struct vq_chain *c, const struct desc *d)
{
    bool write = d->flags & DESC_F_WRITE;
    if (!write && c->writable)
        return vq_malformed(vq, "readable buffer follows a writable one");
    if (d->len == 0)
        return true;
    if (c->readable + c->writable == VQ_MAX_SEGS)
        return vq_malformed(vq, "chain has too many buffers");
    if (c->readable_bytes + c->writable_bytes + d->len > UINT32_MAX)
        return vq_malformed(vq, "chain is longer than 4 GiB");
    void *host = mem_ptr(vq_mem(vq), d->addr, d->len, write ? MEM_WRITE : MEM_READ);
    if (!host)
        return vq_malformed(vq, "buffer is not in RAM");
    c->seg[c->readable + c->writable] = (struct vq_seg){d->addr, host, d->len};
    if (write) {
        c->writable++;
        c->writable_bytes += d->len;
    } else {
        c->readable++;
        c->readable_bytes += d->len;
    }
    return true;
}

static const uint8_t *indirect_table(struct virtqueue *vq, const struct desc *d, uint32_t *entries)
{
    if (!vq->derived.indirect) {
        vq_malformed(vq, "indirect descriptor was not negotiated");
        return NULL;
    }
    if (d->len == 0 || d->len % DESC_BYTES || d->len / DESC_BYTES > VQ_MAX_SEGS) {
        vq_malformed(vq, "indirect table has a bad length");
        return NULL;
    }
    const uint8_t *table = mem_ptr(vq_mem(vq), d->addr, d->len, MEM_READ);
    if (!table) {
        vq_malformed(vq, "indirect table is not in RAM");
        return NULL;
    }
    *entries = d->len / DESC_BYTES;
    return table;
}

/* Follows NEXT links in a table of `entries` descriptors; `may_indirect` in the ring itself. */
static bool split_walk(struct virtqueue *vq, struct vq_chain *c, const uint8_t *table,
                       uint32_t entries, uint32_t first, bool may_indirect)
{
    uint32_t i = first;
    for (uint32_t steps = 0; steps < entries; steps++) {
        if (i >= entries)
            return vq_malformed(vq, "descriptor index is outside the table");
        struct desc d = desc_load(table + i * DESC_BYTES, false);
        if (d.flags & DESC_F_INDIRECT) {
            if (!may_indirect)
                return vq_malformed(vq, "indirect table contains an indirect descriptor");
            if (d.flags & DESC_F_NEXT)
                return vq_malformed(vq, "indirect descriptor has a next one");
            uint32_t n = 0;
            const uint8_t *inner = indirect_table(vq, &d, &n);
            return inner && split_walk(vq, c, inner, n, 0, false);
        }
        if (!chain_add(vq, c, &d))
            return false;
        if (!(d.flags & DESC_F_NEXT))
            return true;
        i = d.next_or_id;
    }
    return vq_malformed(vq, "descriptor chain is a loop");
}

static bool split_pop(struct virtqueue *vq, struct vq_chain *c)
{
    uint16_t avail = load16_acquire(vq->derived.driver + 2);
    uint16_t waiting = (uint16_t)(avail - vq->avail_next);
    if (waiting == 0)
        return false;
    if (waiting > vq->size)
        return vq_malformed(vq, "available index moved by more than the queue size");
    uint16_t head = load16(vq->derived.driver + 4 + 2 * (vq->avail_next & (vq->size - 1)));
    if (head >= vq->size)
        return vq_malformed(vq, "available ring names a descriptor outside the table");
    c->id = head;
    c->slots = 1;
    if (!split_walk(vq, c, vq->derived.desc, vq->size, head, true))
        return false;
    vq->avail_next++;
    return true;
}

static bool packed_indirect(struct virtqueue *vq, struct vq_chain *c, const struct desc *ring)
{
    uint32_t n = 0;
    const uint8_t *table = indirect_table(vq, ring, &n);
    if (!table)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct desc d = desc_load(table + i * DESC_BYTES, true);
        if (d.flags & DESC_F_INDIRECT)
            return vq_malformed(vq, "indirect table contains an indirect descriptor");
        if (!chain_add(vq, c, &d))
            return false;
    }
    return true;
}

static bool packed_available(const struct virtqueue *vq, const uint8_t *p)
{
    uint16_t flags = load16_acquire(p + 14);
    return !!(flags & DESC_F_AVAIL) == vq->avail_wrap && !!(flags & DESC_F_USED) != vq->avail_wrap;
}

static bool packed_pop(struct virtqueue *vq, struct vq_chain *c)
{
    struct vq_pos at = vq_tell(vq);
    if (!packed_available(vq, vq->derived.desc + at.next * DESC_BYTES))
        return false;
    for (uint32_t n = 1; n <= vq->size; n++) {
        struct desc d = desc_load(vq->derived.desc + at.next * DESC_BYTES, true);
        if (++at.next == vq->size) {
            at.next = 0;
            at.wrap = !at.wrap;
        }
        if (d.flags & DESC_F_INDIRECT) {
            if (d.flags & DESC_F_NEXT || n > 1)
                return vq_malformed(vq, "indirect descriptor is part of a longer chain");
            if (!packed_indirect(vq, c, &d))
                return false;
        } else if (!chain_add(vq, c, &d)) {
            return false;
        }
        if (!(d.flags & DESC_F_NEXT)) {
            c->id = d.next_or_id;
            c->slots = (uint16_t)n;
            vq_seek(vq, at);
            return true;
        }
    }
    return vq_malformed(vq, "descriptor chain is a loop");
}

bool vq_pop(struct virtqueue *vq, struct vq_chain *chain)
{
    if (!vq->derived.running || atomic_load_explicit(&vq->derived.stop, memory_order_relaxed) ||
        atomic_load_explicit(&vq_dev(vq)->failed, memory_order_relaxed))
        return false;
    chain->readable = chain->writable = 0;
    chain->readable_bytes = chain->writable_bytes = 0;
    return vq->derived.packed ? packed_pop(vq, chain) : split_pop(vq, chain);
}

/* ---- Used elements ---- */

static void packed_write_used(struct virtqueue *vq, uint32_t index, bool wrap, uint16_t id,
                              uint32_t len)
{
    uint8_t *p = vq->derived.desc + index * DESC_BYTES;
    uint16_t flags = wrap ? (uint16_t)(DESC_F_AVAIL | DESC_F_USED) : 0;
    store32(p + 8, len);
    store16(p + 12, id);
    store16_release(p + 14, flags);
}

/* A loop, not one subtraction: a driver that offers entries again before they were used can make
 * the staged ones cover more than the ring. */
static void packed_wrap(const struct virtqueue *vq, uint32_t *index, bool *wrap)
{
    while (*index >= vq->size) {
        *index -= vq->size;
        *wrap = !*wrap;
    }
}

/* The first staged element is what the driver looks at: it is written last, by vq_publish(). */
static void packed_stage(struct virtqueue *vq, uint16_t id, uint16_t slots, uint32_t len)
{
    uint32_t index = vq->used_next + vq->derived.staged_slots;
    bool wrap = vq->used_wrap;
    packed_wrap(vq, &index, &wrap);
    if (vq->derived.staged == 0) {
        vq->derived.staged_id = id;
        vq->derived.staged_len = len;
    } else {
        packed_write_used(vq, index, wrap, id, len);
    }
    vq->derived.staged_slots += slots;
}

void vq_stage(struct virtqueue *vq, uint16_t id, uint16_t slots, uint32_t len)
{
    if (vq->derived.packed) {
        packed_stage(vq, id, slots, len);
    } else {
        uint16_t at = (uint16_t)(vq->used_next + vq->derived.staged) & (uint16_t)(vq->size - 1);
        uint8_t *p = vq->derived.device + 4 + 8 * at;
        store32(p, id);
        store32(p + 4, len);
    }
    vq->derived.staged++;
}

void vq_publish(struct virtqueue *vq)
{
    uint32_t moved = vq->derived.packed ? vq->derived.staged_slots : vq->derived.staged;
    if (moved == 0)
        return;
    if (vq->derived.packed) {
        packed_write_used(vq, vq->used_next, vq->used_wrap, vq->derived.staged_id,
                          vq->derived.staged_len);
        uint32_t next = vq->used_next + moved;
        packed_wrap(vq, &next, &vq->used_wrap);
        vq->used_next = (uint16_t)next;
    } else {
        vq->used_next = (uint16_t)(vq->used_next + moved);
        store16_release(vq->derived.device + 2, vq->used_next);
    }
    vq_areas_wrote(vq);
    if (vq->since_irq <= UINT16_MAX)
        vq->since_irq += moved;
    vq->derived.staged = vq->derived.staged_slots = 0;
}

void vq_push(struct virtqueue *vq, const struct vq_chain *chain, uint32_t len)
{
    vq_stage(vq, chain->id, chain->slots, len);
    vq_publish(vq);
}

/* ---- Notifications ---- */

static bool split_wants_interrupt(const struct virtqueue *vq)
{
    if (!vq->derived.event_idx)
        return !(load16(vq->derived.driver) & AVAIL_F_NO_INTERRUPT);
    uint16_t event = load16(vq->derived.driver + 4 + 2 * vq->size);
    return (uint16_t)(vq->used_next - event - 1) < vq->since_irq;
}

/* The driver names the ring position (with its wrap counter) at which it wants to be told. It was
 * passed when it lies among the last since_irq entries before used_next. */
static bool packed_wants_interrupt(const struct virtqueue *vq)
{
    uint32_t event = load32(vq->derived.driver);
    unsigned flags = (unsigned)bits(event, 17, 16);
    if (flags != EVENT_FLAGS_DESC || !vq->derived.event_idx)
        return flags != EVENT_FLAGS_DISABLE;
    uint32_t offset = event & 0x7fff;
    bool wrap = bit(event, 15);
    int64_t behind = (int64_t)vq->used_next - offset + (wrap == vq->used_wrap ? 0 : vq->size);
    return behind >= 1 && behind <= vq->since_irq;
}

void vq_notify(struct virtqueue *vq)
{
    if (vq->since_irq == 0)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    bool wants = vq->derived.packed ? packed_wants_interrupt(vq) : split_wants_interrupt(vq);
    vq->since_irq = 0;
    if (wants)
        virtio_queue_interrupt(vq_dev(vq), vq->wiring.index);
}

void vq_kicks_off(struct virtqueue *vq)
{
    if (vq->derived.packed)
        store16(vq->derived.device + 2, EVENT_FLAGS_DISABLE);
    else if (!vq->derived.event_idx)
        store16(vq->derived.device, USED_F_NO_NOTIFY);
    /* Split with the event index: an old index is as good as "no". */
}

bool vq_kicks_on(struct virtqueue *vq)
{
    if (!vq->derived.running || atomic_load(&vq->derived.stop) || atomic_load(&vq_dev(vq)->failed))
        return false;
    if (vq->derived.packed) {
        uint16_t flags = EVENT_FLAGS_ENABLE;
        if (vq->derived.event_idx) {
            uint16_t at = (uint16_t)(vq->avail_next | (unsigned)vq->avail_wrap << 15);
            store16(vq->derived.device, at);
            flags = EVENT_FLAGS_DESC;
        }
        store16_release(vq->derived.device + 2, flags);
    } else if (vq->derived.event_idx) {
        store16(vq->derived.device + 4 + 8 * vq->size, vq->avail_next);
    } else {
        store16(vq->derived.device, 0);
    }
    vq_areas_wrote(vq);
    atomic_thread_fence(memory_order_seq_cst);
    if (vq->derived.packed)
        return packed_available(vq, vq->derived.desc + vq->avail_next * DESC_BYTES);
    return load16_acquire(vq->derived.driver + 2) != vq->avail_next;
}

/* ---- Access to a chain's bytes ---- */

/* Calls for each piece of [offset, offset + len) of one part; stops at the end of the part. */
struct piece {
    const struct vq_seg *seg;
    uint32_t offset, len; /* inside the segment */
};

struct piece_iter {
    const struct vq_seg *seg, *end;
    uint64_t skip, left;
};

static struct piece_iter piece_iter(const struct vq_chain *c, bool writable, uint64_t offset,
                                    uint64_t len)
{
    const struct vq_seg *first = c->seg + (writable ? c->readable : 0);
    return (struct piece_iter){first, first + (writable ? c->writable : c->readable), offset, len};
}

static bool piece_next(struct piece_iter *it, struct piece *out)
{
    while (it->seg < it->end && it->left) {
        const struct vq_seg *s = it->seg++;
        if (it->skip >= s->len) {
            it->skip -= s->len;
            continue;
        }
        uint32_t offset = (uint32_t)it->skip, len = s->len - offset;
        if (len > it->left)
            len = (uint32_t)it->left;
        it->skip = 0;
        it->left -= len;
        *out = (struct piece){s, offset, len};
        return true;
    }
    return false;
}

size_t vq_chain_read(const struct vq_chain *c, uint64_t offset, void *dst, size_t len)
{
    struct piece_iter it = piece_iter(c, false, offset, len);
    struct piece p;
    size_t done = 0;
    while (piece_next(&it, &p)) {
        memcpy((uint8_t *)dst + done, p.seg->host + p.offset, p.len);
        done += p.len;
    }
    return done;
}

size_t vq_chain_write(struct virtqueue *vq, const struct vq_chain *c, uint64_t offset,
                      const void *src, size_t len)
{
    struct piece_iter it = piece_iter(c, true, offset, len);
    struct piece p;
    size_t done = 0;
    while (piece_next(&it, &p)) {
        memcpy(p.seg->host + p.offset, (const uint8_t *)src + done, p.len);
        mem_wrote(vq_mem(vq), p.seg->gpa + p.offset, p.len);
        done += p.len;
    }
    return done;
}

int vq_chain_iov(const struct vq_chain *c, bool writable, uint64_t offset, uint64_t len,
                 struct iovec *iov)
{
    struct piece_iter it = piece_iter(c, writable, offset, len);
    struct piece p;
    int n = 0;
    while (piece_next(&it, &p))
        iov[n++] = (struct iovec){p.seg->host + p.offset, p.len};
    return n;
}

void vq_chain_wrote(struct virtqueue *vq, const struct vq_chain *c, uint64_t offset, uint64_t len)
{
    struct piece_iter it = piece_iter(c, true, offset, len);
    struct piece p;
    while (piece_next(&it, &p))
        mem_wrote(vq_mem(vq), p.seg->gpa + p.offset, p.len);
}
