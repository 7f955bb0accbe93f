/* The entropy device: virtio 1.2, section 5.4. Fills what the driver asks for, up to 64 KiB of each
 * chain (the device may give less than asked), with bytes that pass the journal. */
#include "virtio/rng.h"

#include "base/fault.h"
#include "base/rng.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdlib.h>

#define DEVICE_ID 4
#define QUEUE_SIZE 64
#define CHAIN_LIMIT 65536u

struct virtio_rng {
    struct virtio_dev vd;
};

static const struct state_field virtio_rng_fields[] = {
    VIRTIO_DEV_FIELDS(struct virtio_rng),
    F_END,
};

static uint32_t rng_fill(struct virtio_dev *vd, struct virtqueue *vq, const struct vq_chain *chain)
{
    uint8_t bytes[1024];
    uint32_t done = 0;
    while (done < CHAIN_LIMIT && done < chain->writable_bytes) {
        size_t n = chain->writable_bytes - done;
        if (n > sizeof(bytes))
            n = sizeof(bytes);
        rng_bytes(bytes, n);
        n = journal_bytes(&vd->dev.vm->journal, JOURNAL_RANDOM, bytes, n, n);
        n = vq_chain_write(vq, chain, done, bytes, n);
        if (!n)
            break;
        done += (uint32_t)n;
    }
    return done;
}

static void rng_serve(struct virtio_dev *vd, struct virtqueue *vq)
{
    do {
        vq_kicks_off(vq);
        while (vq_pop(vq, vq->wiring.chain)) {
            vq_push(vq, vq->wiring.chain, rng_fill(vd, vq, vq->wiring.chain));
            vq_notify(vq);
        }
    } while (vq_kicks_on(vq));
}

static const struct virtio_class rng_virtio_class = {
    .name = "virtio-rng",
    .device_id = DEVICE_ID,
    .serve = rng_serve,
};

const struct dev_class virtio_rng_class =
    VIRTIO_DEV_CLASS("virtio-rng", virtio_rng_fields, struct virtio_rng);

int virtio_rng_create(struct vm *vm, struct virtio_dev **out, struct err *e)
{
    struct virtio_rng *d = fault_point("virtio_rng") ? NULL : calloc(1, sizeof(*d));
    if (!d)
        return err_set(e, ENOMEM, "out of memory");
    int r =
        virtio_dev_create(&d->vd, &rng_virtio_class, &virtio_rng_class, vm, 1, QUEUE_SIZE, 1, 0, e);
    if (r) {
        free(d);
        return r;
    }
    *out = &d->vd;
    return 0;
}
