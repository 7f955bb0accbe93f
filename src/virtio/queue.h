/* Virtqueues: the device's side of split (2.7) and packed (2.8) rings.
 *
 * Everything here works on memory that a hostile guest writes at the same time. Each ring entry and
 * descriptor is read once, validated as the copy it is, and used from the copy; loops are bounded
 * by the queue size or the indirect table's size. A malformed ring makes the device need a reset.
 *
 * All functions need the queue's service lock unless they say otherwise.
 */
#ifndef VIRTIO_QUEUE_H
#define VIRTIO_QUEUE_H

#include "base/evloop.h"
#include "mem/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define VQ_MAX_SIZE 1024 /* entries of a ring */
#define VQ_MAX_SEGS 1024 /* buffers of one chain, whose total is below 4 GiB */

struct virtio_dev;

/* One buffer of a chain: all of it is RAM. */
struct vq_seg {
    gpa_t gpa;
    uint8_t *host;
    uint32_t len; /* never 0 */
};

/* A chain that the driver made available: first what the device reads, then what it writes. */
struct vq_chain {
    uint16_t id;     /* what the driver gets back: head index, or buffer id in packed rings */
    uint16_t slots;  /* ring entries it took (packed) */
    unsigned readable, writable; /* seg[0..readable), seg[readable..readable + writable) */
    uint64_t readable_bytes, writable_bytes;
    struct vq_seg seg[VQ_MAX_SEGS];
};

struct virtqueue {
    /* State: configuration, by the transport while not ready. */
    uint64_t desc, driver, device; /* addresses of the three areas */
    uint16_t size;
    bool ready;
    /* State: positions. avail_next and used_next are free-running in split rings, indices with wrap
     * counters in packed ones. since_irq: buffers used since the driver was last notified. */
    bool avail_wrap, used_wrap;
    uint16_t avail_next, used_next;
    uint32_t since_irq;
    struct {
        uint8_t *desc, *driver, *device; /* host addresses of the areas */
        bool running;                    /* ready, mapped, and the driver is up */
        bool packed, event_idx, indirect;
        bool staged_wrap;     /* packed: of the first staged element */
        uint16_t staged_id;   /* packed: of the first staged element, held back */
        uint32_t staged_len;
        uint32_t staged;      /* elements written but not yet published */
        uint32_t staged_slots; /* packed: ring entries they cover */
        bool paused;          /* leave the queue alone: state is being saved */
        atomic_bool stop;     /* somebody waits for the service lock to stop the queue */
    } derived;
    struct {
        struct virtio_dev *vd;
        uint16_t index, max_size;
        pthread_mutex_t service;
        struct ev_notifier kick;
        struct vq_chain *chain; /* scratch for serve() */
    } wiring;
};

/* Back to the state after reset: no addresses, size the maximum, not ready. */
void vq_reset(struct virtqueue *vq);

/* The positions of a ring that was just set up. The queue does not run. */
void vq_rewind(struct virtqueue *vq);

/* Checks size and areas against the negotiated features and maps them. Returns null, or what is
 * wrong. Does not make the queue run. */
const char *vq_start(struct virtqueue *vq);

/* Takes the next available chain. False: none, or the queue shall be left alone, or the ring is
 * malformed (the device has then been failed). */
bool MUST_CHECK vq_pop(struct virtqueue *vq, struct vq_chain *chain);

/* Where vq_pop() stands; going back returns the chains popped since to the available ones. */
struct vq_pos {
    uint16_t next;
    bool wrap;
};
struct vq_pos vq_tell(const struct virtqueue *vq);
void vq_seek(struct virtqueue *vq, struct vq_pos pos);

/* Writes a used element that the driver does not see before vq_publish(), which shows all of them
 * at once. `len` is the number of bytes written into the chain's writable part. */
void vq_stage(struct virtqueue *vq, uint16_t id, uint16_t slots, uint32_t len);
void vq_publish(struct virtqueue *vq);

/* Returns one chain to the driver: stage and publish. */
void vq_push(struct virtqueue *vq, const struct vq_chain *chain, uint32_t len);

/* Interrupts the driver, unless it does not want to hear about the buffers used since last time. */
void vq_notify(struct virtqueue *vq);

/* Asks the driver not to kick, or to kick again. vq_kicks_on() returns true when buffers became
 * available meanwhile: serve them, or they stay unnoticed. */
void vq_kicks_off(struct virtqueue *vq);
bool MUST_CHECK vq_kicks_on(struct virtqueue *vq);

/* Copies from the readable part at `offset`; returns bytes copied (less than len at its end). */
size_t vq_chain_read(const struct vq_chain *c, uint64_t offset, void *dst, size_t len);
/* Copies to the writable part at `offset`; marks the pages written. Returns bytes copied. */
size_t vq_chain_write(struct virtqueue *vq, const struct vq_chain *c, uint64_t offset,
                      const void *src, size_t len);
/* Describes [offset, offset+len) of the readable or writable part; returns the number of elements,
 * at most VQ_MAX_SEGS. After writing through it, call vq_chain_wrote(). */
int vq_chain_iov(const struct vq_chain *c, bool writable, uint64_t offset, uint64_t len,
                 struct iovec *iov);
/* Reports bytes of the writable part that were written by other means. */
void vq_chain_wrote(struct virtqueue *vq, const struct vq_chain *c, uint64_t offset, uint64_t len);

#endif
