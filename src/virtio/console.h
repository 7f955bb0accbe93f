/* The virtio console (virtio 1.2, 5.3): one port. */
#ifndef VIRTIO_CONSOLE_H
#define VIRTIO_CONSOLE_H

#include "backend/chr.h"
#include "virtio/virtio.h"

struct virtio_console_config {
    struct chr *chr; /* stays the caller's; must outlive the machine */
};

/* Adds a console to the machine and attaches it to its backend; connect it to a transport. -E...:
 * the machine may know a device without a backend, which its destruction frees. @stopped */
int MUST_CHECK virtio_console_create(struct vm *vm, const struct virtio_console_config *config,
                                     struct virtio_dev **out, struct err *e);

/* The terminal behind the console has another size now. @any */
void virtio_console_resize(struct virtio_dev *vd, uint16_t cols, uint16_t rows);

/* For the coverage tests. */
extern const struct dev_class virtio_console_class;

#endif
