/* The virtio network device (virtio 1.2, 5.1). */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include "backend/net.h"
#include "virtio/virtio.h"

#define VIRTIO_NET_MAX_PAIRS 4

struct virtio_net_config {
    struct net *backend; /* the device's after success */
    uint8_t mac[6];      /* a unicast address */
};

/* Adds a network device to the machine and starts its backend; connect it to a transport. After
 * -E... the backend is still the caller's; the machine may know a device without one, which its
 * destruction frees. @stopped */
int MUST_CHECK virtio_net_create(struct vm *vm, const struct virtio_net_config *config,
                                 struct virtio_dev **out, struct err *e);

/* Plugs or unplugs the cable. @any */
void virtio_net_set_link(struct virtio_dev *vd, bool up);

/* Asks the driver to announce itself to the network (after the machine moved). @any */
void virtio_net_announce(struct virtio_dev *vd);

/* For the coverage tests. */
extern const struct dev_class virtio_net_class;

#endif
