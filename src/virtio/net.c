/* The network device: virtio 1.2, section 5.1.
 *
 * Queues: pair i has receive queue 2i and transmit queue 2i+1; the control queue follows the last
 * pair the driver may use.
 *
 * Transmit: a frame is copied out of guest memory, completed (net_offload.c) and handed to the
 * backend, which takes it at once or loses it, as networks do.
 *
 * Receive: the backend calls net_received() on a thread of its own, or inside send() on the I/O
 * thread that serves a transmit queue (so a transmit queue's service lock comes before a receive
 * queue's). The frame goes into a bounded ring of the pair and from there, in the receive queue's
 * service run, into the guest's buffers; when the ring is full frames are dropped. The ring is
 * outside the machine: a saved machine loses what is in it, which is a lost frame like any other. A
 * frame that needs several buffers (mergeable) is published all at once; when there are too few,
 * those taken are given back.
 *
 * The receive filter (5.1.6.5) is under vd->lock: the control queue writes, the backend reads.
 */
#include "virtio/net.h"

#include "base/bits.h"
#include "base/fault.h"
#include "virtio/net_offload.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_ID 1
#define QUEUE_SIZE 256
#define MAC_BYTES 6
#define MAX_MERGED 64   /* buffers for one frame */
#define RING_BYTES (1u << 19)
#define TABLE_MAX 64    /* addresses of one kind in the receive filter */

#define F_CSUM 0
#define F_GUEST_CSUM 1
#define F_MTU 3
#define F_MAC 5
#define F_HOST_TSO4 11
#define F_HOST_TSO6 12
#define F_HOST_ECN 13
#define F_MRG_RXBUF 15
#define F_STATUS 16
#define F_CTRL_VQ 17
#define F_CTRL_RX 18
#define F_CTRL_RX_EXTRA 20
#define F_GUEST_ANNOUNCE 21
#define F_MQ 22
#define F_CTRL_MAC_ADDR 23

#define CONFIG_MAC 0
#define CONFIG_STATUS 6
#define CONFIG_MAX_PAIRS 8
#define CONFIG_MTU 10
#define CONFIG_BYTES 12
#define STATUS_LINK_UP 1u
#define STATUS_ANNOUNCE 2u

#define CTRL_RX 0
#define CTRL_RX_PROMISC 0
#define CTRL_RX_NOBCAST 5
#define CTRL_MAC 1
#define CTRL_MAC_TABLE_SET 0
#define CTRL_MAC_ADDR_SET 1
#define CTRL_ANNOUNCE 3
#define CTRL_ANNOUNCE_ACK 0
#define CTRL_MQ 4
#define CTRL_MQ_VQ_PAIRS_SET 0
#define CTRL_OK 0
#define CTRL_ERR 1

/* Receive modes, in the order of the CTRL_RX commands. */
enum { RX_PROMISC, RX_ALLMULTI, RX_ALLUNI, RX_NOMULTI, RX_NOUNI, RX_NOBCAST, RX_MODES };
_Static_assert(RX_NOBCAST == CTRL_RX_NOBCAST, "modes are indexed by command");

/* Frames from the backend to one pair: records of a 4-byte length and the frame, 4-byte aligned. */
struct frame_ring {
    pthread_mutex_t lock;
    uint8_t *bytes;
    size_t head, tail; /* free-running; lock */
};

struct table {
    uint8_t count;    /* lock of the device */
    uint8_t overflow; /* more than TABLE_MAX: all of the kind pass */
    uint8_t mac[TABLE_MAX][MAC_BYTES];
};

struct virtio_net {
    struct virtio_dev vd;
    /* State; vd.lock. */
    uint8_t mac[MAC_BYTES];
    uint8_t rx_mode[RX_MODES];
    bool link_up, announce;
    uint16_t pairs_in_use;
    struct table unicast, multicast;
    /* Wiring. */
    struct net *backend;
    uint8_t own_mac[MAC_BYTES]; /* of the configuration */
    uint16_t max_pairs;
    struct frame_ring ring[VIRTIO_NET_MAX_PAIRS];
    uint8_t *frame[VIRTIO_NET_MAX_PAIRS];   /* a frame being sent */
    uint8_t *segment[VIRTIO_NET_MAX_PAIRS]; /* and what is cut from it */
};

static const struct state_field virtio_net_fields[] = {
    VIRTIO_DEV_FIELDS(struct virtio_net),
    F_BYTES(struct virtio_net, mac),
    F_ARRAY_MAX(struct virtio_net, rx_mode, uint8_t, 1),
    F_BOOL(struct virtio_net, link_up),
    F_BOOL(struct virtio_net, announce),
    F_UINT_MAX(struct virtio_net, pairs_in_use, VIRTIO_NET_MAX_PAIRS),
    F_UINT_MAX(struct virtio_net, unicast.count, TABLE_MAX),
    F_UINT_MAX(struct virtio_net, unicast.overflow, 1),
    F_BYTES(struct virtio_net, unicast.mac),
    F_UINT_MAX(struct virtio_net, multicast.count, TABLE_MAX),
    F_UINT_MAX(struct virtio_net, multicast.overflow, 1),
    F_BYTES(struct virtio_net, multicast.mac),
    F_WIRING(struct virtio_net, backend),
    F_WIRING(struct virtio_net, own_mac),
    F_WIRING(struct virtio_net, max_pairs),
    F_WIRING(struct virtio_net, ring),
    F_WIRING(struct virtio_net, frame),
    F_WIRING(struct virtio_net, segment),
    F_END,
};

static struct virtio_net *to_net(struct virtio_dev *vd)
{
    return (struct virtio_net *)(void *)vd;
}

/* ---- Transmit ---- */

static void tx_emit(void *arg, const uint8_t *frame, size_t len)
{
    struct virtio_net *n = arg;
    n->backend->ops->send(n->backend, frame, len);
}

static void tx_chain(struct virtio_net *n, unsigned pair, const struct vq_chain *chain)
{
    uint8_t header[NET_HDR_BYTES];
    const char *wrong = NULL;
    size_t len = 0;
    if (vq_chain_read(chain, 0, header, sizeof(header)) != sizeof(header))
        wrong = "frame without a header";
    else if (chain->readable_bytes - NET_HDR_BYTES > NET_FRAME_MAX)
        wrong = "frame is too long";
    else
        len = vq_chain_read(chain, NET_HDR_BYTES, n->frame[pair], NET_FRAME_MAX);
    if (!wrong) {
        struct net_hdr h = net_hdr_parse(header);
        wrong = net_offload_tx(&h, n->frame[pair], len, n->backend->max_frame, n->segment[pair],
                               tx_emit, n);
    }
    if (wrong)
        guest_err(&n->vd.dev.err, n->vd.dev.name, "%s: dropped", wrong);
}

static void tx_serve(struct virtio_net *n, struct virtqueue *vq)
{
    unsigned pair = vq->wiring.index / 2;
    do {
        vq_kicks_off(vq);
        while (vq_pop(vq, vq->wiring.chain)) {
            tx_chain(n, pair, vq->wiring.chain);
            vq_push(vq, vq->wiring.chain, 0);
            vq_notify(vq);
        }
    } while (vq_kicks_on(vq));
}

/* ---- Receive ring ---- */

#define RING_SKIP UINT32_MAX /* record length: the rest up to the end of the ring is unused */

static size_t record_bytes(size_t len)
{
    return 4 + align_up(len, 4);
}

/* False: the ring is full and the frame is lost. */
static bool ring_put(struct frame_ring *r, struct journal *j, const uint8_t *frame, size_t len)
{
    pthread_mutex_lock(&r->lock);
    size_t need = record_bytes(len), at = r->tail % RING_BYTES, to_end = RING_BYTES - at;
    size_t skip = need > to_end ? to_end : 0;
    bool fits = r->tail - r->head + skip + need <= RING_BYTES;
    if (fits) {
        if (skip) {
            le_store(r->bytes + at, 4, RING_SKIP);
            r->tail += skip;
            at = 0;
        }
        memcpy(r->bytes + at + 4, frame, len);
        len = journal_bytes(j, JOURNAL_INPUT, r->bytes + at + 4, len, len);
        le_store(r->bytes + at, 4, len);
        r->tail += record_bytes(len);
    }
    pthread_mutex_unlock(&r->lock);
    return fits;
}

/* The oldest frame, which stays in place until ring_drop(); null when there is none. */
static const uint8_t *ring_peek(struct frame_ring *r, size_t *len)
{
    const uint8_t *p = NULL;
    pthread_mutex_lock(&r->lock);
    if (r->head != r->tail && le_load(r->bytes + r->head % RING_BYTES, 4) == RING_SKIP)
        r->head += RING_BYTES - r->head % RING_BYTES;
    if (r->head != r->tail) {
        p = r->bytes + r->head % RING_BYTES;
        *len = (size_t)le_load(p, 4);
        p += 4;
    }
    pthread_mutex_unlock(&r->lock);
    return p;
}

static void ring_drop(struct frame_ring *r, size_t len)
{
    pthread_mutex_lock(&r->lock);
    r->head += record_bytes(len);
    pthread_mutex_unlock(&r->lock);
}

static void ring_clear(struct frame_ring *r)
{
    pthread_mutex_lock(&r->lock);
    r->head = r->tail = 0;
    pthread_mutex_unlock(&r->lock);
}

/* ---- Receive ---- */

struct merged {
    struct {
        uint16_t id, slots;
        uint32_t len;
    } buffer[MAX_MERGED];
    unsigned count;
    uint8_t *num_buffers; /* where the first header has it, when that is contiguous in RAM */
};

enum rx_result { RX_DONE, RX_DROPPED, RX_NO_BUFFERS, RX_AGAIN, RX_FAILED };

static void write_header(struct virtio_net *n, struct virtqueue *vq, const struct vq_chain *chain)
{
    uint8_t header[NET_HDR_BYTES] = {0};
    if (n->backend->checksums_valid && virtio_has(&n->vd, F_GUEST_CSUM))
        header[0] = NET_HDR_F_DATA_VALID;
    header[10] = 1; /* num_buffers; replaced when there are more */
    vq_chain_write(vq, chain, 0, header, sizeof(header));
}

/* Remembers where num_buffers is. It can be split between two one-byte buffers: then such a frame
 * cannot be merged, and false is returned. */
static bool find_num_buffers(const struct vq_chain *chain, struct merged *m)
{
    struct iovec iov[2];
    int count = vq_chain_iov(chain, true, 10, 2, iov);
    if (count != 1)
        return false;
    m->num_buffers = iov[0].iov_base;
    return true;
}

/* No more buffers: asks for a kick beyond those seen, then gives them back. */
static enum rx_result rx_shortage(struct virtqueue *vq, struct vq_pos start)
{
    bool more = vq_kicks_on(vq);
    vq_seek(vq, start);
    return more ? RX_AGAIN : RX_NO_BUFFERS;
}

static void rx_publish(struct virtio_net *n, struct virtqueue *vq, const struct merged *m)
{
    if (m->count > 1) {
        struct mem *mem = &n->vd.dev.vm->mem;
        le_store(m->num_buffers, 2, m->count);
        mem_wrote(mem, mem->ram_base + (uint64_t)(m->num_buffers - mem->ram), 2);
    }
    for (unsigned i = 0; i < m->count; i++)
        vq_stage(vq, m->buffer[i].id, m->buffer[i].slots, m->buffer[i].len);
    vq_publish(vq);
}

static enum rx_result rx_frame(struct virtio_net *n, struct virtqueue *vq, const uint8_t *frame,
                               size_t len)
{
    bool merge = virtio_has(&n->vd, F_MRG_RXBUF), mergeable = false;
    struct vq_chain *chain = vq->wiring.chain;
    struct vq_pos start = vq_tell(vq);
    struct merged m = {.count = 0};
    size_t done = 0;
    while (m.count == 0 || done < len) {
        if (m.count == MAX_MERGED || (m.count && (!merge || !mergeable))) {
            vq_seek(vq, start);
            return RX_DROPPED;
        }
        if (!vq_pop(vq, chain))
            return rx_shortage(vq, start);
        size_t skip = m.count ? 0 : NET_HDR_BYTES;
        if (chain->writable_bytes <= skip) {
            virtio_fail(&n->vd, "queue %u: receive buffer is too small", vq->wiring.index);
            return RX_FAILED;
        }
        if (!m.count) {
            write_header(n, vq, chain);
            mergeable = find_num_buffers(chain, &m);
        }
        size_t some = vq_chain_write(vq, chain, skip, frame + done, len - done);
        done += some;
        m.buffer[m.count].id = chain->id;
        m.buffer[m.count].slots = chain->slots;
        m.buffer[m.count++].len = (uint32_t)(skip + some);
    }
    rx_publish(n, vq, &m);
    return RX_DONE;
}

static void rx_serve(struct virtio_net *n, struct virtqueue *vq)
{
    struct frame_ring *ring = &n->ring[vq->wiring.index / 2];
    const uint8_t *frame;
    size_t len;
    vq_kicks_off(vq);
    while ((frame = ring_peek(ring, &len))) {
        enum rx_result r = rx_frame(n, vq, frame, len);
        if (r == RX_AGAIN)
            continue;
        if (r == RX_NO_BUFFERS || r == RX_FAILED)
            break;
        ring_drop(ring, len);
        if (r == RX_DROPPED)
            guest_err(&n->vd.dev.err, n->vd.dev.name, "receive buffers are too small: dropped");
    }
    vq_notify(vq);
}

static bool table_has(const struct table *t, const uint8_t *mac)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (!memcmp(t->mac[i], mac, MAC_BYTES))
            return true;
    }
    return t->overflow;
}

static bool filter_passes(const struct virtio_net *n, const uint8_t *mac)
{
    static const uint8_t broadcast[MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (n->rx_mode[RX_PROMISC])
        return true;
    if (!memcmp(mac, broadcast, MAC_BYTES))
        return !n->rx_mode[RX_NOBCAST];
    if (mac[0] & 1)
        return !n->rx_mode[RX_NOMULTI] &&
               (n->rx_mode[RX_ALLMULTI] || table_has(&n->multicast, mac));
    return !n->rx_mode[RX_NOUNI] && (n->rx_mode[RX_ALLUNI] || !memcmp(mac, n->mac, MAC_BYTES) ||
                                     table_has(&n->unicast, mac));
}

/* A frame from the backend, on its thread. */
static void net_received(void *arg, const uint8_t *frame, size_t len)
{
    struct virtio_net *n = arg;
    if (len < MAC_BYTES || len > NET_FRAME_MAX)
        return;
    pthread_mutex_lock(&n->vd.lock);
    bool pass = n->link_up && (n->vd.status & VIRTIO_STATUS_DRIVER_OK) && filter_passes(n, frame);
    unsigned pair = n->pairs_in_use > 1 ? net_flow_hash(frame, len) % n->pairs_in_use : 0;
    pthread_mutex_unlock(&n->vd.lock);
    if (pass && ring_put(&n->ring[pair], &n->vd.dev.vm->journal, frame, len))
        virtio_serve(&n->vd, 2 * pair);
}

/* ---- Control queue ---- */

struct control {
    const struct vq_chain *chain;
    uint64_t at; /* next byte of the command */
};

static bool take(struct control *c, void *dst, size_t len)
{
    bool all = vq_chain_read(c->chain, c->at, dst, len) == len;
    c->at += len;
    return all;
}

static bool take_table(struct control *c, struct table *t)
{
    uint8_t entries[4];
    *t = (struct table){0};
    if (!take(c, entries, sizeof(entries)))
        return false;
    uint64_t count = le_load(entries, 4);
    if (count * MAC_BYTES > c->chain->readable_bytes)
        return false;
    if (count > TABLE_MAX) {
        t->overflow = 1;
        c->at += count * MAC_BYTES;
        return true;
    }
    t->count = (uint8_t)count;
    return take(c, t->mac, (size_t)count * MAC_BYTES);
}

static bool control_mac(struct virtio_net *n, struct control *c, uint8_t command)
{
    if (command == CTRL_MAC_ADDR_SET && virtio_has(&n->vd, F_CTRL_MAC_ADDR)) {
        uint8_t mac[MAC_BYTES];
        if (!take(c, mac, sizeof(mac)))
            return false;
        pthread_mutex_lock(&n->vd.lock);
        memcpy(n->mac, mac, sizeof(mac));
        n->vd.cls->config_update(&n->vd);
        pthread_mutex_unlock(&n->vd.lock);
        return true;
    }
    struct table unicast, multicast;
    if (command != CTRL_MAC_TABLE_SET || !virtio_has(&n->vd, F_CTRL_RX) ||
        !take_table(c, &unicast) || !take_table(c, &multicast))
        return false;
    pthread_mutex_lock(&n->vd.lock);
    n->unicast = unicast;
    n->multicast = multicast;
    pthread_mutex_unlock(&n->vd.lock);
    return true;
}

static bool control_rx(struct virtio_net *n, struct control *c, uint8_t command)
{
    uint8_t on;
    unsigned feature = command <= RX_ALLMULTI ? F_CTRL_RX : F_CTRL_RX_EXTRA;
    if (command >= RX_MODES || !virtio_has(&n->vd, feature) || !take(c, &on, 1) || on > 1)
        return false;
    pthread_mutex_lock(&n->vd.lock);
    n->rx_mode[command] = on;
    pthread_mutex_unlock(&n->vd.lock);
    return true;
}

static bool control_announce(struct virtio_net *n, uint8_t command)
{
    if (command != CTRL_ANNOUNCE_ACK || !virtio_has(&n->vd, F_GUEST_ANNOUNCE))
        return false;
    pthread_mutex_lock(&n->vd.lock);
    n->announce = false;
    n->vd.cls->config_update(&n->vd);
    pthread_mutex_unlock(&n->vd.lock);
    return true;
}

static bool control_mq(struct virtio_net *n, struct control *c, uint8_t command)
{
    uint8_t value[2];
    if (command != CTRL_MQ_VQ_PAIRS_SET || !virtio_has(&n->vd, F_MQ) ||
        !take(c, value, sizeof(value)))
        return false;
    uint16_t pairs = (uint16_t)le_load(value, 2);
    if (pairs < 1 || pairs > n->max_pairs)
        return false;
    pthread_mutex_lock(&n->vd.lock);
    n->pairs_in_use = pairs;
    pthread_mutex_unlock(&n->vd.lock);
    return true;
}

static bool control_command(struct virtio_net *n, const struct vq_chain *chain)
{
    struct control c = {chain, 0};
    uint8_t head[2]; /* class, command */
    if (!take(&c, head, sizeof(head)))
        return false;
    switch (head[0]) {
    case CTRL_RX:
        return control_rx(n, &c, head[1]);
    case CTRL_MAC:
        return control_mac(n, &c, head[1]);
    case CTRL_ANNOUNCE:
        return control_announce(n, head[1]);
    case CTRL_MQ:
        return control_mq(n, &c, head[1]);
    default:
        return false;
    }
}

static void control_serve(struct virtio_net *n, struct virtqueue *vq)
{
    do {
        vq_kicks_off(vq);
        while (vq_pop(vq, vq->wiring.chain)) {
            uint8_t ack = control_command(n, vq->wiring.chain) ? CTRL_OK : CTRL_ERR;
            size_t written = vq_chain_write(vq, vq->wiring.chain, 0, &ack, 1);
            if (!written) {
                virtio_fail(&n->vd, "control command without room for its result");
                return;
            }
            vq_push(vq, vq->wiring.chain, 1);
            vq_notify(vq);
        }
    } while (vq_kicks_on(vq));
}

/* Without VIRTIO_NET_F_MQ the control queue is number 2, whatever max_pairs is. */
static bool is_control(const struct virtio_net *n, unsigned queue)
{
    return queue == (virtio_has(&n->vd, F_MQ) ? 2u * n->max_pairs : 2u);
}

static void net_serve(struct virtio_dev *vd, struct virtqueue *vq)
{
    struct virtio_net *n = to_net(vd);
    if (is_control(n, vq->wiring.index))
        control_serve(n, vq);
    else if (vq->wiring.index % 2)
        tx_serve(n, vq);
    else
        rx_serve(n, vq);
}

/* ---- Configuration ---- */

static bool net_features_ok(struct virtio_dev *vd, uint64_t f)
{
    (void)vd;
    uint64_t need_csum = BIT(F_HOST_TSO4) | BIT(F_HOST_TSO6);
    uint64_t need_ctrl = BIT(F_CTRL_RX) | BIT(F_CTRL_RX_EXTRA) | BIT(F_GUEST_ANNOUNCE) | BIT(F_MQ) |
                         BIT(F_CTRL_MAC_ADDR);
    return (!(f & need_csum) || (f & BIT(F_CSUM))) &&
           (!(f & BIT(F_HOST_ECN)) || (f & need_csum)) &&
           (!(f & need_ctrl) || (f & BIT(F_CTRL_VQ)));
}

static void net_config_update(struct virtio_dev *vd)
{
    struct virtio_net *n = to_net(vd);
    memset(vd->config, 0, CONFIG_BYTES);
    memcpy(vd->config + CONFIG_MAC, n->mac, MAC_BYTES);
    le_store(vd->config + CONFIG_STATUS, 2,
             (n->link_up ? STATUS_LINK_UP : 0) | (n->announce ? STATUS_ANNOUNCE : 0));
    le_store(vd->config + CONFIG_MAX_PAIRS, 2, n->max_pairs);
    le_store(vd->config + CONFIG_MTU, 2, n->backend->mtu);
}

void virtio_net_set_link(struct virtio_dev *vd, bool up)
{
    pthread_mutex_lock(&vd->lock);
    to_net(vd)->link_up = up;
    virtio_config_changed(vd);
    pthread_mutex_unlock(&vd->lock);
}

void virtio_net_announce(struct virtio_dev *vd)
{
    pthread_mutex_lock(&vd->lock);
    to_net(vd)->announce = virtio_has(vd, F_GUEST_ANNOUNCE);
    virtio_config_changed(vd);
    pthread_mutex_unlock(&vd->lock);
}

/* ---- Class ---- */

/* Until the driver says otherwise all is received. The cable is not the guest's to reset. */
static void net_reset(struct virtio_dev *vd)
{
    struct virtio_net *n = to_net(vd);
    pthread_mutex_lock(&vd->lock);
    memcpy(n->mac, n->own_mac, MAC_BYTES);
    memset(n->rx_mode, 0, sizeof(n->rx_mode));
    n->rx_mode[RX_PROMISC] = 1;
    n->announce = false;
    n->pairs_in_use = 1;
    n->unicast = n->multicast = (struct table){0};
    pthread_mutex_unlock(&vd->lock);
    for (unsigned i = 0; i < n->max_pairs; i++)
        ring_clear(&n->ring[i]);
}

static int net_loaded(struct virtio_dev *vd, struct err *e)
{
    struct virtio_net *n = to_net(vd);
    if (n->pairs_in_use < 1 || n->pairs_in_use > n->max_pairs)
        return err_set(e, EINVAL, "%s: saved number of queue pairs is not possible", vd->dev.name);
    return 0;
}

static void net_free_buffers(struct virtio_net *n)
{
    for (unsigned i = 0; i < n->max_pairs; i++) {
        pthread_mutex_destroy(&n->ring[i].lock);
        free(n->ring[i].bytes);
        free(n->frame[i]);
        free(n->segment[i]);
    }
}

static bool net_alloc_buffers(struct virtio_net *n)
{
    bool ok = true;
    for (unsigned i = 0; i < n->max_pairs; i++) {
        pthread_mutex_init(&n->ring[i].lock, NULL);
        n->ring[i].bytes = fault_point("virtio_net_ring") ? NULL : malloc(RING_BYTES);
        n->frame[i] = fault_point("virtio_net_frame") ? NULL : malloc(NET_FRAME_MAX);
        n->segment[i] = fault_point("virtio_net_segment") ? NULL : malloc(NET_FRAME_MAX);
        ok = ok && n->ring[i].bytes && n->frame[i] && n->segment[i];
    }
    return ok;
}

static void net_device_destroy(struct virtio_dev *vd)
{
    struct virtio_net *n = to_net(vd);
    if (n->backend)
        net_destroy(n->backend);
    net_free_buffers(n);
}

static const struct virtio_class net_virtio_class = {
    .name = "virtio-net",
    .device_id = DEVICE_ID,
    .serve = net_serve,
    .features_ok = net_features_ok,
    .config_update = net_config_update,
    .reset = net_reset,
    .loaded = net_loaded,
    .destroy = net_device_destroy,
};

const struct dev_class virtio_net_class =
    VIRTIO_DEV_CLASS("virtio-net", virtio_net_fields, struct virtio_net);

static uint64_t net_features(const struct virtio_net *n)
{
    uint64_t f = BIT(F_CSUM) | BIT(F_HOST_TSO4) | BIT(F_HOST_TSO6) | BIT(F_HOST_ECN) | BIT(F_MAC) |
                 BIT(F_MTU) | BIT(F_MRG_RXBUF) | BIT(F_STATUS) | BIT(F_CTRL_VQ) | BIT(F_CTRL_RX) |
                 BIT(F_CTRL_RX_EXTRA) | BIT(F_GUEST_ANNOUNCE) | BIT(F_CTRL_MAC_ADDR);
    if (n->backend->checksums_valid)
        f |= BIT(F_GUEST_CSUM);
    if (n->max_pairs > 1)
        f |= BIT(F_MQ);
    return f;
}

int virtio_net_create(struct vm *vm, const struct virtio_net_config *config,
                      struct virtio_dev **out, struct err *e)
{
    struct virtio_net *n = fault_point("virtio_net") ? NULL : calloc(1, sizeof(*n));
    if (!n)
        return err_set(e, ENOMEM, "out of memory");
    unsigned pairs = config->backend->max_queue_pairs;
    n->backend = config->backend;
    n->max_pairs = (uint16_t)(pairs < VIRTIO_NET_MAX_PAIRS ? pairs : VIRTIO_NET_MAX_PAIRS);
    memcpy(n->own_mac, config->mac, MAC_BYTES);
    memcpy(n->mac, config->mac, MAC_BYTES);
    n->rx_mode[RX_PROMISC] = 1;
    n->link_up = true;
    n->pairs_in_use = 1;
    n->vd.config_bytes = CONFIG_BYTES;
    int r = net_alloc_buffers(n) ? 0 : err_set(e, ENOMEM, "out of memory");
    if (!r)
        r = virtio_dev_create(&n->vd, &net_virtio_class, &virtio_net_class, vm,
                              2u * n->max_pairs + 1, QUEUE_SIZE, n->max_pairs, net_features(n), e);
    if (r) {
        net_free_buffers(n);
        free(n);
        return r;
    }
    r = n->backend->ops->start(n->backend, net_received, n, e);
    if (r) {
        n->backend = NULL;
        return r;
    }
    *out = &n->vd;
    return 0;
}
