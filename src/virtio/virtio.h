/* The virtio device model (virtio 1.2): what a device is to its transport and to whoever serves its
 * queues. See doc/virtio.md for the locks and the life of a request.
 *
 * A virtio device is a `struct device` without a register window; a transport (mmio.c) owns the
 * window and calls the functions below. Queues are served by virtio_serve(dev, queue), off the vCPU
 * threads: today by the device's own I/O threads on a kick or by a backend's thread, later by a
 * polling core or a remote server. It needs the device and the queue and nothing else.
 *
 * Locks, outermost first:
 *   device.lock of the transport   MMIO, negotiation, queue configuration
 *   virtqueue.service              one queue: ring positions, the chain being served, host I/O
 *   (locks inside backends)
 *   virtio_dev.lock                status, interrupts, configuration space; never held across I/O
 *   the interrupt controller's
 * MMIO takes a service lock only to start, stop or reset a queue: it then waits for the request in
 * flight, because after a reset no byte of guest memory may change any more.
 */
#ifndef VIRTIO_VIRTIO_H
#define VIRTIO_VIRTIO_H

#include "base/evloop.h"
#include "virtio/queue.h"
#include "vm/device.h"

#define VIRTIO_MAX_QUEUES 9
#define VIRTIO_CONFIG_MAX 64
#define VIRTIO_MAX_THREADS 4

/* Device status field (2.1). */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_DEVICE_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED 128u

/* Reserved feature bits (6). */
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_RING_PACKED 34
#define VIRTIO_F_RING_RESET 40

/* What every device offers. */
#define VIRTIO_F_COMMON                                                                            \
    (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) |             \
     BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_F_RING_RESET))

struct virtio_dev;

struct virtio_class {
    const char *name;   /* "virtio-blk" */
    uint32_t device_id; /* 5 */
    /* Serves all available buffers of a queue. Service lock held; may block on host I/O; returns
     * early when vq_pop() says so. @any; on a vCPU's thread with the counted clock only */
    void (*serve)(struct virtio_dev *vd, struct virtqueue *vq);
    /* Vetoes a combination of features the driver accepted (null: any). @vcpu */
    bool (*features_ok)(struct virtio_dev *vd, uint64_t features);
    /* The driver wrote to configuration space (null: read-only). vd->lock held. @vcpu */
    void (*config_write)(struct virtio_dev *vd, unsigned offset, unsigned size, uint32_t value);
    /* Recomputes vd->config from the device's state (null: constant). vd->lock held. @any */
    void (*config_update)(struct virtio_dev *vd);
    /* Device-specific state back to power-on; no queue is being served. @any */
    void (*reset)(struct virtio_dev *vd);
    /* After load: validates the device's own fields (null: nothing to do). @stopped */
    int (*loaded)(struct virtio_dev *vd, struct err *e);
    /* Stops backends' callbacks and frees what the device owns; the structure is freed by the
     * caller. I/O threads are already stopped. @stopped */
    void (*destroy)(struct virtio_dev *vd);
};

/* What a transport gives to its device. Both are called with vd->lock held. @any */
struct virtio_transport {
    void (*queue_interrupt)(struct virtio_transport *t, unsigned queue);
    void (*config_interrupt)(struct virtio_transport *t);
};

struct virtio_dev {
    struct device dev; /* no window; dev.lock is not used: the transport's serves both */
    /* State. */
    uint64_t driver_features; /* accepted by the driver; constant after FEATURES_OK */
    uint8_t status;           /* lock */
    struct virtqueue q[VIRTIO_MAX_QUEUES];
    /* Derived. */
    atomic_bool failed;               /* DEVICE_NEEDS_RESET is set */
    uint32_t config_generation;       /* lock */
    uint8_t config[VIRTIO_CONFIG_MAX]; /* lock; from configuration and state by config_update */
    /* Constant after creation. */
    const struct virtio_class *cls;
    uint64_t device_features; /* offered */
    unsigned queue_count, config_bytes, thread_count;
    struct virtio_transport *transport; /* lock; null: not connected */
    pthread_mutex_t lock;
    struct iothread threads[VIRTIO_MAX_THREADS];
};

/* ---- For devices ---- */

/* Initialises the common part: `queues` queues of at most `queue_size` entries, served by `threads`
 * I/O threads (queue i by thread i % threads), offering `features`; adds the device to the machine
 * as "NAME.N", whose destruction frees it. After -E... the machine does not know the device and the
 * caller frees the structure. The new device has no transport and is reset. @stopped */
int MUST_CHECK virtio_dev_create(struct virtio_dev *vd, const struct virtio_class *cls,
                                 const struct dev_class *dev_cls, struct vm *vm, unsigned queues,
                                 uint16_t queue_size, unsigned threads, uint64_t features,
                                 struct err *e);

/* True when the driver accepted feature `bit`. Valid from FEATURES_OK on. @any */
static inline bool virtio_has(const struct virtio_dev *vd, unsigned feature)
{
    return (vd->driver_features >> feature) & 1;
}

/* Sets DEVICE_NEEDS_RESET after a misuse by the driver, counts it, tells the driver. No queue is
 * served any more until the driver resets the device. vd->lock not held. @any */
void virtio_fail(struct virtio_dev *vd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Configuration space changed for a reason outside the driver: new generation, interrupt.
 * vd->lock held. @any */
void virtio_config_changed(struct virtio_dev *vd);

/* Interrupts the driver for a queue's used buffers; use vq_notify(). @any */
void virtio_queue_interrupt(struct virtio_dev *vd, unsigned queue);

/* The rows of a device's `struct dev_class`; every device uses these. */
void virtio_dev_reset(struct device *d);
int virtio_dev_loaded(struct device *d, struct err *e);
void virtio_dev_destroy(struct device *d);
void virtio_dev_pause(struct device *d, bool paused);
uint64_t virtio_dev_no_read(struct device *d, uint64_t offset, unsigned size);
void virtio_dev_no_write(struct device *d, uint64_t offset, unsigned size, uint64_t value);

#define VIRTIO_DEV_CLASS(class_name, field_table, type)                                            \
    {                                                                                              \
        .name = class_name, .window_bytes = 0, .min_access = 1, .max_access = 4,                   \
        .fields = field_table, .object_bytes = sizeof(type), .read = virtio_dev_no_read,           \
        .write = virtio_dev_no_write, .reset = virtio_dev_reset, .loaded = virtio_dev_loaded,      \
        .destroy = virtio_dev_destroy, .pause = virtio_dev_pause                                   \
    }

/* ---- For whoever serves queues ---- */

/* Serves queue `queue` once, if it runs. Takes its service lock; may block on host I/O. @any */
void virtio_serve(struct virtio_dev *vd, unsigned queue);

/* Makes the queue's I/O thread call virtio_serve() soon. Never blocks. @any */
void virtio_kick(struct virtio_dev *vd, unsigned queue);

/* The driver says that a queue has buffers: virtio_kick(), but with the counted clock
 * virtio_serve(), so that what the guest sees depends on its instructions only. vd->lock not held.
 * @vcpu or @stopped */
void virtio_notified(struct virtio_dev *vd, unsigned queue);

/* ---- For transports; transport's device.lock held. @vcpu ---- */

void virtio_connect(struct virtio_dev *vd, struct virtio_transport *t); /* null: disconnect */
uint8_t virtio_get_status(struct virtio_dev *vd);
void virtio_set_status(struct virtio_dev *vd, uint8_t status);
void virtio_set_driver_features(struct virtio_dev *vd, unsigned word, uint32_t value);
/* Queue configuration; ignored (and counted as misuse) while the queue is ready. */
void virtio_queue_set_size(struct virtio_dev *vd, unsigned queue, uint32_t size);
enum virtio_area { VIRTIO_AREA_DESC, VIRTIO_AREA_DRIVER, VIRTIO_AREA_DEVICE };
void virtio_queue_set_area(struct virtio_dev *vd, unsigned queue, enum virtio_area area,
                           bool high_word, uint32_t value);
void virtio_queue_set_ready(struct virtio_dev *vd, unsigned queue, bool ready);
void virtio_queue_reset(struct virtio_dev *vd, unsigned queue); /* VIRTIO_F_RING_RESET */
/* Configuration space; bytes outside it read as zero. */
uint32_t virtio_config_read(struct virtio_dev *vd, unsigned offset, unsigned size);
void virtio_config_write(struct virtio_dev *vd, unsigned offset, unsigned size, uint32_t value);
uint32_t virtio_config_generation(struct virtio_dev *vd);
/* Reset by the driver: waits for requests in flight. */
void virtio_reset(struct virtio_dev *vd);

/* ---- Field table rows: a device structure begins with `struct virtio_dev vd` ---- */

#define VIRTIO_QUEUE_FIELDS(type, i)                                                               \
    F_UINT(type, vd.q[i].desc), F_UINT(type, vd.q[i].driver), F_UINT(type, vd.q[i].device),        \
        F_UINT_MAX(type, vd.q[i].size, VQ_MAX_SIZE), F_BOOL(type, vd.q[i].ready),                  \
        F_BOOL(type, vd.q[i].avail_wrap), F_BOOL(type, vd.q[i].used_wrap),                         \
        F_UINT(type, vd.q[i].avail_next), F_UINT(type, vd.q[i].used_next),                         \
        F_UINT(type, vd.q[i].since_irq),                                                           \
        F_DERIVED(type, vd.q[i].derived, "vq_start, from the features, addresses and status"),     \
        F_WIRING(type, vd.q[i].wiring)

#define VIRTIO_DEV_FIELDS(type)                                                                    \
    F_WIRING(type, vd.dev), F_UINT(type, vd.driver_features), F_UINT(type, vd.status),             \
        VIRTIO_QUEUE_FIELDS(type, 0), VIRTIO_QUEUE_FIELDS(type, 1), VIRTIO_QUEUE_FIELDS(type, 2),  \
        VIRTIO_QUEUE_FIELDS(type, 3), VIRTIO_QUEUE_FIELDS(type, 4), VIRTIO_QUEUE_FIELDS(type, 5),  \
        VIRTIO_QUEUE_FIELDS(type, 6), VIRTIO_QUEUE_FIELDS(type, 7), VIRTIO_QUEUE_FIELDS(type, 8),  \
        F_DERIVED(type, vd.failed, "virtio_dev_loaded, from status"),                              \
        F_DERIVED(type, vd.config_generation, "counts changes seen by one driver session"),        \
        F_DERIVED(type, vd.config, "config_update, from the device's own fields"),                 \
        F_WIRING(type, vd.cls), F_WIRING(type, vd.device_features),                                \
        F_WIRING(type, vd.queue_count), F_WIRING(type, vd.config_bytes),                           \
        F_WIRING(type, vd.thread_count), F_WIRING(type, vd.transport), F_WIRING(type, vd.lock),    \
        F_WIRING(type, vd.threads)

_Static_assert(VIRTIO_MAX_QUEUES == 9, "VIRTIO_DEV_FIELDS lists each queue");

#endif
