/* The virtio entropy device (virtio 1.2, 5.4). */
#ifndef VIRTIO_RNG_H
#define VIRTIO_RNG_H

#include "virtio/virtio.h"

/* Adds an entropy device to the machine; connect it to a transport. -E... on failure. @stopped */
int MUST_CHECK virtio_rng_create(struct vm *vm, struct virtio_dev **out, struct err *e);

/* For the coverage tests. */
extern const struct dev_class virtio_rng_class;

#endif
