/* The virtio block device (virtio 1.2, 5.2). */
#ifndef VIRTIO_BLK_H
#define VIRTIO_BLK_H

#include "backend/blk.h"
#include "virtio/virtio.h"

#define VIRTIO_BLK_SERIAL_BYTES 20
#define VIRTIO_BLK_MAX_QUEUES 4

struct virtio_blk_config {
    struct blk *backend; /* the device's after success */
    const char *serial;  /* at most 20 characters; null: none */
    unsigned queues;     /* 1..VIRTIO_BLK_MAX_QUEUES, each served by a thread of its own */
};

/* Adds a block device to the machine; connect it to a transport. After -E... the backend is still
 * the caller's. @stopped */
int MUST_CHECK virtio_blk_create(struct vm *vm, const struct virtio_blk_config *config,
                                 struct virtio_dev **out, struct err *e);

/* For the coverage tests. */
extern const struct dev_class virtio_blk_class;

#endif
