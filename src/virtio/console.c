/* The console device with one port: virtio 1.2, section 5.3.
 *
 * Neither direction has a buffer of its own. Input stays with the backend until the guest has a
 * buffer for it; output that the backend has no room for stays in the guest's queue: the chain is
 * given back and tx_offset remembers how much of it was written, until the backend tells that there
 * is room. So a save between two service runs loses nothing.
 *
 * NYI(virtio_console_multiport): VIRTIO_CONSOLE_F_MULTIPORT is not offered.
 */
#include "virtio/console.h"

#include "base/bits.h"
#include "base/fault.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_ID 3
#define QUEUE_SIZE 128
#define QUEUE_RX 0
#define QUEUE_TX 1
#define PIECE_BYTES 4096u

#define F_SIZE 0
#define F_EMERG_WRITE 2

#define CONFIG_COLS 0
#define CONFIG_ROWS 2
#define CONFIG_MAX_NR_PORTS 4
#define CONFIG_EMERG_WR 8
#define CONFIG_BYTES 12

struct virtio_console {
    struct virtio_dev vd;
    uint64_t tx_offset; /* bytes of the next chain of the transmit queue already written; service */
    uint16_t cols, rows; /* vd.lock */
    struct chr *chr;
};

static const struct state_field virtio_console_fields[] = {
    VIRTIO_DEV_FIELDS(struct virtio_console),
    F_UINT(struct virtio_console, tx_offset),
    F_WIRING(struct virtio_console, cols),
    F_WIRING(struct virtio_console, rows),
    F_WIRING(struct virtio_console, chr),
    F_END,
};

static struct virtio_console *to_console(struct virtio_dev *vd)
{
    return (struct virtio_console *)(void *)vd;
}

/* ---- Transmit ---- */

/* True when all of the chain was written. */
static bool tx_chain(struct virtio_console *c, const struct vq_chain *chain)
{
    uint8_t piece[PIECE_BYTES];
    size_t n;
    while ((n = vq_chain_read(chain, c->tx_offset, piece, sizeof(piece))) > 0) {
        size_t taken = chr_write(c->chr, piece, n);
        c->tx_offset += taken;
        if (taken < n)
            return false;
    }
    c->tx_offset = 0;
    return true;
}

static void tx_serve(struct virtio_console *c, struct virtqueue *vq)
{
    do {
        vq_kicks_off(vq);
        for (;;) {
            struct vq_pos at = vq_tell(vq);
            if (!vq_pop(vq, vq->wiring.chain))
                break;
            if (!tx_chain(c, vq->wiring.chain)) {
                vq_seek(vq, at); /* console_write_ready() goes on */
                return;
            }
            vq_push(vq, vq->wiring.chain, 0);
            vq_notify(vq);
        }
    } while (vq_kicks_on(vq));
}

static void console_write_ready(void *arg)
{
    struct virtio_console *c = arg;
    virtio_kick(&c->vd, QUEUE_TX);
}

/* ---- Receive, called by the backend's thread ---- */

static size_t console_can_receive(void *arg)
{
    struct virtio_console *c = arg;
    struct virtqueue *vq = &c->vd.q[QUEUE_RX];
    size_t room = 0;
    pthread_mutex_lock(&vq->wiring.service);
    if (vq->derived.running && !vq->derived.paused) {
        struct vq_pos at = vq_tell(vq);
        vq_kicks_off(vq);
        bool have;
        do {
            have = vq_pop(vq, vq->wiring.chain);
        } while (!have && vq_kicks_on(vq));
        if (have)
            room = vq->wiring.chain->writable_bytes;
        vq_seek(vq, at);
        if (have && !room) { /* a buffer that takes nothing would block all others */
            if (vq_pop(vq, vq->wiring.chain))
                vq_push(vq, vq->wiring.chain, 0);
            chr_rx_ready(c->chr);
        }
    }
    pthread_mutex_unlock(&vq->wiring.service);
    return room < PIECE_BYTES ? room : PIECE_BYTES;
}

static void console_receive(void *arg, const uint8_t *data, size_t len)
{
    struct virtio_console *c = arg;
    struct virtqueue *vq = &c->vd.q[QUEUE_RX];
    uint8_t piece[PIECE_BYTES];
    size_t n = len < sizeof(piece) ? len : sizeof(piece);
    memcpy(piece, data, n);
    n = journal_bytes(&c->vd.dev.vm->journal, JOURNAL_INPUT, piece, n, n);
    pthread_mutex_lock(&vq->wiring.service);
    if (vq_pop(vq, vq->wiring.chain)) { /* else the driver reset the device since can_receive */
        n = vq_chain_write(vq, vq->wiring.chain, 0, piece, n);
        vq_push(vq, vq->wiring.chain, (uint32_t)n);
        vq_notify(vq);
    }
    pthread_mutex_unlock(&vq->wiring.service);
}

static void console_serve(struct virtio_dev *vd, struct virtqueue *vq)
{
    struct virtio_console *c = to_console(vd);
    if (vq->wiring.index == QUEUE_TX)
        tx_serve(c, vq);
    else
        chr_rx_ready(c->chr); /* new buffers: the backend's thread comes back to can_receive */
}

/* ---- Configuration ---- */

static void console_config_write(struct virtio_dev *vd, unsigned offset, unsigned size,
                                 uint32_t value)
{
    (void)size;
    if (offset != CONFIG_EMERG_WR) {
        guest_err(&vd->dev.err, vd->dev.name, "write to read-only configuration space");
        return;
    }
    uint8_t byte = (uint8_t)value;
    if (!chr_write(to_console(vd)->chr, &byte, 1)) /* there is no way to make the driver wait */
        guest_err(&vd->dev.err, vd->dev.name, "emergency write found no room");
}

static void console_config_update(struct virtio_dev *vd)
{
    struct virtio_console *c = to_console(vd);
    memset(vd->config, 0, CONFIG_BYTES);
    le_store(vd->config + CONFIG_COLS, 2, c->cols);
    le_store(vd->config + CONFIG_ROWS, 2, c->rows);
    le_store(vd->config + CONFIG_MAX_NR_PORTS, 4, 1);
}

void virtio_console_resize(struct virtio_dev *vd, uint16_t cols, uint16_t rows)
{
    struct virtio_console *c = to_console(vd);
    pthread_mutex_lock(&vd->lock);
    c->cols = cols;
    c->rows = rows;
    virtio_config_changed(vd);
    pthread_mutex_unlock(&vd->lock);
}

static void console_reset(struct virtio_dev *vd)
{
    to_console(vd)->tx_offset = 0;
}

static void console_destroy(struct virtio_dev *vd)
{
    chr_detach(to_console(vd)->chr);
}

static const struct virtio_class console_virtio_class = {
    .name = "virtio-console",
    .device_id = DEVICE_ID,
    .serve = console_serve,
    .config_write = console_config_write,
    .config_update = console_config_update,
    .reset = console_reset,
    .destroy = console_destroy,
};

const struct dev_class virtio_console_class =
    VIRTIO_DEV_CLASS("virtio-console", virtio_console_fields, struct virtio_console);

int virtio_console_create(struct vm *vm, const struct virtio_console_config *config,
                          struct virtio_dev **out, struct err *e)
{
    struct virtio_console *c = fault_point("virtio_console") ? NULL : calloc(1, sizeof(*c));
    if (!c)
        return err_set(e, ENOMEM, "out of memory");
    c->chr = config->chr;
    c->vd.config_bytes = CONFIG_BYTES;
    uint64_t features = BIT(F_EMERG_WRITE);
    if (chr_size(c->chr, &c->cols, &c->rows))
        features |= BIT(F_SIZE);
    int r = virtio_dev_create(&c->vd, &console_virtio_class, &virtio_console_class, vm, 2,
                              QUEUE_SIZE, 1, features, e);
    if (r) {
        free(c);
        return r;
    }
    struct chr_client client = {
        .can_receive = console_can_receive,
        .receive = console_receive,
        .write_ready = console_write_ready,
        .arg = c,
    };
    r = chr_attach(c->chr, &client, e);
    if (r)
        return r;
    *out = &c->vd;
    return 0;
}
