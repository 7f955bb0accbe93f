/* The virtio-mmio transport, version 2 (virtio 1.2, 4.2). */
#ifndef VIRTIO_MMIO_H
#define VIRTIO_MMIO_H

#include "virtio/virtio.h"

#define VIRTIO_MMIO_WINDOW 0x200u

/* Adds the transport "virtio-mmio.SLOT" at `base` with interrupt wire `irq`, and connects `vd`
 * (null: an empty slot, which reads DeviceID 0). Both belong to the machine. -E... @stopped */
int MUST_CHECK virtio_mmio_create(struct vm *vm, unsigned slot, uint64_t base, struct irq irq,
                                  struct virtio_dev *vd, struct err *e);

/* For the coverage tests. */
extern const struct dev_class virtio_mmio_class;

#endif
