/* The block device: virtio 1.2, section 5.2.
 *
 * A request is a chain: a header and data that the device reads, data and a status byte that it
 * writes. No framing is assumed: the header may span buffers, the status is the last writable byte.
 * Data moves directly between guest memory and the image.
 *
 * What "done" means (5.2.6.2): with a write-back cache a finished write may still be in the host's
 * page cache until a FLUSH; with write-through it is on stable storage. The driver chooses by the
 * writeback byte when it took VIRTIO_BLK_F_CONFIG_WCE, else it is write-back exactly when it can
 * flush. Going from write-back to write-through commits what was finished before.
 *
 * Errors of the guest (ranges, alignment, a write to a read-only disk) and of the host end in
 * S_IOERR, unknown requests in S_UNSUPP. Only a chain without room for header and status is
 * malformed.
 */
#include "virtio/blk.h"

#include "base/bits.h"
#include "base/fault.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_ID 2
#define QUEUE_SIZE 256
#define SECTOR_BITS 9
#define SECTOR_BYTES 512u
#define SEG_MAX (QUEUE_SIZE - 2)

/* Feature bits (5.2.3). */
#define F_SEG_MAX 2
#define F_GEOMETRY 4
#define F_RO 5
#define F_BLK_SIZE 6
#define F_FLUSH 9
#define F_TOPOLOGY 10
#define F_CONFIG_WCE 11
#define F_MQ 12
#define F_DISCARD 13
#define F_WRITE_ZEROES 14

/* Configuration layout (5.2.4). */
#define CONFIG_CAPACITY 0
#define CONFIG_SEG_MAX 12
#define CONFIG_CYLINDERS 16
#define CONFIG_HEADS 18
#define CONFIG_SECTORS 19
#define CONFIG_BLK_SIZE 20
#define CONFIG_PHYSICAL_BLOCK_EXP 24
#define CONFIG_MIN_IO_SIZE 26
#define CONFIG_OPT_IO_SIZE 28
#define CONFIG_WRITEBACK 32
#define CONFIG_NUM_QUEUES 34
#define CONFIG_MAX_DISCARD_SECTORS 36
#define CONFIG_MAX_DISCARD_SEG 40
#define CONFIG_DISCARD_SECTOR_ALIGNMENT 44
#define CONFIG_MAX_WRITE_ZEROES_SECTORS 48
#define CONFIG_MAX_WRITE_ZEROES_SEG 52
#define CONFIG_WRITE_ZEROES_MAY_UNMAP 56
#define CONFIG_BYTES 60

/* Request types and status (5.2.6). */
#define T_IN 0
#define T_OUT 1
#define T_FLUSH 4
#define T_GET_ID 8
#define T_DISCARD 11
#define T_WRITE_ZEROES 13
#define S_OK 0
#define S_IOERR 1
#define S_UNSUPP 2
#define GIVEN_BACK 0xff /* not a status: the queue stopped on the way, do it again later */

#define HEADER_BYTES 16
#define RANGE_BYTES 16
#define RANGE_F_UNMAP 1u
#define MAX_RANGES 16
#define MAX_RANGE_SECTORS (1u << 22) /* 2 GiB */
#define PIECE_BYTES (UINT64_C(4) << 20)       /* a multiple of the sector */
#define RANGE_PIECE_BYTES (UINT64_C(64) << 20) /* of discard and write zeroes */

struct virtio_blk {
    struct virtio_dev vd;
    atomic_bool writeback; /* the configuration byte */
    atomic_bool flush_due; /* write-through was switched on: commit what is finished */
    struct blk *backend;
    uint8_t serial[VIRTIO_BLK_SERIAL_BYTES];
};

static const struct state_field virtio_blk_fields[] = {
    VIRTIO_DEV_FIELDS(struct virtio_blk),
    F_BOOL(struct virtio_blk, writeback),
    F_BOOL(struct virtio_blk, flush_due),
    F_WIRING(struct virtio_blk, backend),
    F_WIRING(struct virtio_blk, serial),
    F_END,
};

static struct virtio_blk *to_blk(struct virtio_dev *vd)
{
    return (struct virtio_blk *)(void *)vd;
}

/* ---- Requests ---- */

struct request {
    struct virtqueue *vq;
    const struct vq_chain *chain;
    uint32_t type;
    uint64_t sector;
    uint64_t out_bytes, in_bytes; /* data after the header, data before the status byte */
};

static bool writes_are_durable(struct virtio_blk *b)
{
    if (virtio_has(&b->vd, F_CONFIG_WCE))
        return !atomic_load(&b->writeback);
    return !virtio_has(&b->vd, F_FLUSH);
}

static bool range_is_valid(const struct virtio_blk *b, uint64_t sector, uint64_t sectors)
{
    uint64_t capacity = b->backend->bytes >> SECTOR_BITS;
    return sector <= capacity && sectors <= capacity - sector;
}

static bool data_is_valid(const struct virtio_blk *b, const struct request *r, uint64_t bytes)
{
    return bytes % SECTOR_BYTES == 0 && range_is_valid(b, r->sector, bytes >> SECTOR_BITS);
}

static uint8_t status_of(int result)
{
    return result ? S_IOERR : S_OK;
}

static bool is_stopping(const struct request *r)
{
    return atomic_load(&r->vq->derived.stop);
}

/* In pieces, so that whoever stops the queue does not wait for 4 GiB. */
static uint8_t transfer(struct virtio_blk *b, const struct request *r, bool in, uint64_t bytes)
{
    const struct blk_ops *ops = b->backend->ops;
    struct iovec iov[VQ_MAX_SEGS];
    int result = 0;
    for (uint64_t at = 0; at < bytes && !result; at += PIECE_BYTES) {
        if (at && is_stopping(r))
            return GIVEN_BACK;
        uint64_t len = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        uint64_t offset = (r->sector << SECTOR_BITS) + at;
        int n = vq_chain_iov(r->chain, in, in ? at : HEADER_BYTES + at, len, iov);
        result = in ? ops->read(b->backend, iov, n, offset)
                    : ops->write(b->backend, iov, n, offset, writes_are_durable(b));
        if (in)
            vq_chain_wrote(r->vq, r->chain, at, len);
    }
    return status_of(result);
}

static uint8_t do_in(struct virtio_blk *b, const struct request *r)
{
    return data_is_valid(b, r, r->in_bytes) ? transfer(b, r, true, r->in_bytes) : S_IOERR;
}

static uint8_t do_out(struct virtio_blk *b, const struct request *r)
{
    if (b->backend->readonly || !data_is_valid(b, r, r->out_bytes))
        return S_IOERR;
    return transfer(b, r, false, r->out_bytes);
}

static uint8_t do_get_id(struct virtio_blk *b, const struct request *r)
{
    size_t n = r->in_bytes < sizeof(b->serial) ? (size_t)r->in_bytes : sizeof(b->serial);
    vq_chain_write(r->vq, r->chain, 0, b->serial, n);
    return S_OK;
}

/* One range of a request (5.2.6, struct virtio_blk_discard_write_zeroes). */
static uint8_t do_range(struct virtio_blk *b, const struct request *r, const uint8_t *range)
{
    const struct blk_ops *ops = b->backend->ops;
    uint64_t sector = le_load(range, 8);
    uint32_t sectors = (uint32_t)le_load(range + 8, 4), flags = (uint32_t)le_load(range + 12, 4);
    if (r->type == T_DISCARD ? flags != 0 : (flags & ~RANGE_F_UNMAP) != 0)
        return S_UNSUPP;
    if (sectors > MAX_RANGE_SECTORS || !range_is_valid(b, sector, sectors))
        return S_IOERR;
    uint64_t at = sector << SECTOR_BITS, end = at + ((uint64_t)sectors << SECTOR_BITS);
    int result = 0;
    for (; at < end && !result; at += RANGE_PIECE_BYTES) {
        if (is_stopping(r))
            return GIVEN_BACK;
        uint64_t len = end - at < RANGE_PIECE_BYTES ? end - at : RANGE_PIECE_BYTES;
        result = r->type == T_DISCARD
                     ? ops->discard(b->backend, at, len)
                     : ops->write_zeroes(b->backend, at, len, flags & RANGE_F_UNMAP,
                                         writes_are_durable(b));
    }
    return status_of(result);
}

static uint8_t do_ranges(struct virtio_blk *b, const struct request *r)
{
    uint8_t ranges[MAX_RANGES * RANGE_BYTES];
    if (b->backend->readonly || r->out_bytes == 0 || r->out_bytes % RANGE_BYTES ||
        r->out_bytes > sizeof(ranges))
        return S_IOERR;
    size_t bytes = vq_chain_read(r->chain, HEADER_BYTES, ranges, (size_t)r->out_bytes);
    uint8_t status = S_OK;
    for (size_t at = 0; at < bytes && status == S_OK; at += RANGE_BYTES)
        status = do_range(b, r, ranges + at);
    return status;
}

static uint8_t do_request(struct virtio_blk *b, const struct request *r)
{
    switch (r->type) {
    case T_IN:
        return do_in(b, r);
    case T_OUT:
        return do_out(b, r);
    case T_FLUSH:
        return status_of(b->backend->ops->flush(b->backend));
    case T_GET_ID:
        return do_get_id(b, r);
    case T_DISCARD:
    case T_WRITE_ZEROES:
        return do_ranges(b, r);
    default:
        return S_UNSUPP;
    }
}

enum outcome { DONE, STOPPED, MALFORMED };

static enum outcome blk_request(struct virtio_blk *b, struct virtqueue *vq,
                                const struct vq_chain *chain)
{
    uint8_t header[HEADER_BYTES];
    if (chain->writable_bytes == 0 ||
        vq_chain_read(chain, 0, header, sizeof(header)) != sizeof(header))
        return MALFORMED;
    struct request r = {
        .vq = vq,
        .chain = chain,
        .type = (uint32_t)le_load(header, 4),
        .sector = le_load(header + 8, 8),
        .out_bytes = chain->readable_bytes - HEADER_BYTES,
        .in_bytes = chain->writable_bytes - 1,
    };
    uint8_t status = do_request(b, &r);
    if (status == GIVEN_BACK)
        return STOPPED;
    vq_chain_write(vq, chain, r.in_bytes, &status, 1);
    /* The used length counts from the start: what lies before the status must have been written. */
    bool filled = r.in_bytes == 0 || (status == S_OK && r.type == T_IN) ||
                  (r.type == T_GET_ID && r.in_bytes <= VIRTIO_BLK_SERIAL_BYTES);
    vq_push(vq, chain, filled ? (uint32_t)chain->writable_bytes : 0);
    return DONE;
}

static void blk_serve(struct virtio_dev *vd, struct virtqueue *vq)
{
    struct virtio_blk *b = to_blk(vd);
    struct vq_chain *chain = vq->wiring.chain;
    if (atomic_exchange(&b->flush_due, false) && b->backend->ops->flush(b->backend))
        guest_err(&vd->dev.err, vd->dev.name, "flush on change to write-through failed");
    do {
        vq_kicks_off(vq);
        for (;;) {
            struct vq_pos at = vq_tell(vq);
            if (!vq_pop(vq, chain))
                break;
            enum outcome o = blk_request(b, vq, chain);
            if (o == STOPPED) {
                vq_seek(vq, at);
                return;
            }
            if (o == MALFORMED) {
                virtio_fail(vd, "queue %u: request without header or status", vq->wiring.index);
                return;
            }
            vq_notify(vq);
        }
    } while (vq_kicks_on(vq));
}

/* ---- Configuration ---- */

static void blk_config_write(struct virtio_dev *vd, unsigned offset, unsigned size, uint32_t value)
{
    struct virtio_blk *b = to_blk(vd);
    if (offset != CONFIG_WRITEBACK || size != 1 || !virtio_has(vd, F_CONFIG_WCE)) {
        guest_err(&vd->dev.err, vd->dev.name, "write to read-only configuration space");
        return;
    }
    bool on = value & 1;
    if (atomic_exchange(&b->writeback, on) && !on) {
        atomic_store(&b->flush_due, true);
        virtio_kick(vd, 0);
    }
}

static void blk_config_update(struct virtio_dev *vd)
{
    struct virtio_blk *b = to_blk(vd);
    uint8_t *c = vd->config;
    uint64_t sectors = b->backend->bytes >> SECTOR_BITS;
    uint64_t cylinders = sectors / (16 * 63);
    uint32_t physical = b->backend->physical_block;
    memset(c, 0, CONFIG_BYTES);
    le_store(c + CONFIG_CAPACITY, 8, sectors);
    le_store(c + CONFIG_SEG_MAX, 4, SEG_MAX);
    le_store(c + CONFIG_CYLINDERS, 2, cylinders < UINT16_MAX ? cylinders : UINT16_MAX);
    c[CONFIG_HEADS] = 16;
    c[CONFIG_SECTORS] = 63;
    le_store(c + CONFIG_BLK_SIZE, 4, SECTOR_BYTES);
    c[CONFIG_PHYSICAL_BLOCK_EXP] = (uint8_t)(__builtin_ctz(physical) - SECTOR_BITS);
    le_store(c + CONFIG_MIN_IO_SIZE, 2, physical / SECTOR_BYTES);
    le_store(c + CONFIG_OPT_IO_SIZE, 4, 0);
    c[CONFIG_WRITEBACK] = atomic_load(&b->writeback);
    le_store(c + CONFIG_NUM_QUEUES, 2, vd->queue_count);
    le_store(c + CONFIG_MAX_DISCARD_SECTORS, 4, MAX_RANGE_SECTORS);
    le_store(c + CONFIG_MAX_DISCARD_SEG, 4, MAX_RANGES);
    le_store(c + CONFIG_DISCARD_SECTOR_ALIGNMENT, 4, physical / SECTOR_BYTES);
    le_store(c + CONFIG_MAX_WRITE_ZEROES_SECTORS, 4, MAX_RANGE_SECTORS);
    le_store(c + CONFIG_MAX_WRITE_ZEROES_SEG, 4, MAX_RANGES);
    c[CONFIG_WRITE_ZEROES_MAY_UNMAP] = 1;
}

static void blk_reset(struct virtio_dev *vd)
{
    struct virtio_blk *b = to_blk(vd);
    atomic_store(&b->writeback, true);
    atomic_store(&b->flush_due, false);
}

static void blk_device_destroy(struct virtio_dev *vd)
{
    blk_destroy(to_blk(vd)->backend);
}

static const struct virtio_class blk_virtio_class = {
    .name = "virtio-blk",
    .device_id = DEVICE_ID,
    .serve = blk_serve,
    .config_write = blk_config_write,
    .config_update = blk_config_update,
    .reset = blk_reset,
    .destroy = blk_device_destroy,
};

const struct dev_class virtio_blk_class =
    VIRTIO_DEV_CLASS("virtio-blk", virtio_blk_fields, struct virtio_blk);

int virtio_blk_create(struct vm *vm, const struct virtio_blk_config *config,
                      struct virtio_dev **out, struct err *e)
{
    if (config->queues < 1 || config->queues > VIRTIO_BLK_MAX_QUEUES)
        return err_set(e, EINVAL, "a disk has 1 to %d queues", VIRTIO_BLK_MAX_QUEUES);
    size_t serial = config->serial ? strlen(config->serial) : 0;
    if (serial > VIRTIO_BLK_SERIAL_BYTES)
        return err_set(e, EINVAL, "disk serial '%s' is longer than %d characters", config->serial,
                       VIRTIO_BLK_SERIAL_BYTES);
    struct virtio_blk *b = fault_point("virtio_blk") ? NULL : calloc(1, sizeof(*b));
    if (!b)
        return err_set(e, ENOMEM, "out of memory");
    b->backend = config->backend;
    if (serial)
        memcpy(b->serial, config->serial, serial);
    b->writeback = true;
    b->vd.config_bytes = CONFIG_BYTES;
    uint64_t features = BIT(F_SEG_MAX) | BIT(F_GEOMETRY) | BIT(F_BLK_SIZE) | BIT(F_TOPOLOGY) |
                        BIT(F_FLUSH) | BIT(F_CONFIG_WCE);
    features |= b->backend->readonly ? BIT(F_RO) : BIT(F_DISCARD) | BIT(F_WRITE_ZEROES);
    if (config->queues > 1)
        features |= BIT(F_MQ);
    int r = virtio_dev_create(&b->vd, &blk_virtio_class, &virtio_blk_class, vm, config->queues,
                              QUEUE_SIZE, config->queues, features, e);
    if (r) {
        free(b);
        return r;
    }
    *out = &b->vd;
    return 0;
}
