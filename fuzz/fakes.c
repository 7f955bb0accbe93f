/* See fakes.h. */
#include "fakes.h"

#include "base/bits.h"
#include "base/check.h"

#include <string.h>

/* ---- Characters ---- */

static struct fake_chr *to_chr(struct chr *c)
{
    return CONTAINER_OF(c, struct fake_chr, chr);
}

static size_t chr_take(struct chr *chr, const void *data, size_t len)
{
    struct fake_chr *c = to_chr(chr);
    uint8_t seen = 0;
    size_t n = len < c->room ? len : c->room;
    for (size_t i = 0; i < n; i++)
        seen ^= ((const uint8_t *)data)[i]; /* the sanitizer sees that all of it may be read */
    c->room -= n;
    c->starved |= n < len || (seen == 1 && n == len + 1);
    return n;
}

static void chr_ready(struct chr *chr)
{
    struct fake_chr *c = to_chr(chr);
    static const uint8_t text[] = "sojourn\r\n";
    if (c->answers)
        fake_chr_input(c, text, sizeof(text));
}

static int chr_connect(struct chr *chr, const struct chr_client *client, struct err *e)
{
    (void)e;
    to_chr(chr)->client = *client;
    to_chr(chr)->attached = true;
    return 0;
}

static void chr_disconnect(struct chr *chr)
{
    to_chr(chr)->attached = false;
}

static bool chr_window(struct chr *chr, uint16_t *cols, uint16_t *rows)
{
    (void)chr;
    *cols = 80;
    *rows = 25;
    return true;
}

static void chr_end(struct chr *chr)
{
    (void)chr;
}

static const struct chr_ops fake_chr_ops = {chr_take, chr_ready, chr_connect, chr_disconnect,
                                            chr_window, chr_end};

void fake_chr_init(struct fake_chr *c)
{
    *c = (struct fake_chr){.chr = {&fake_chr_ops}, .room = SIZE_MAX};
}

void fake_chr_input(struct fake_chr *c, const uint8_t *data, size_t len)
{
    size_t n = c->attached ? c->client.can_receive(c->client.arg) : 0;
    if (n > len)
        n = len;
    if (n)
        c->client.receive(c->client.arg, data, n);
}

void fake_chr_drain(struct fake_chr *c, size_t room)
{
    c->room = room;
    if (c->starved && c->attached && c->client.write_ready) {
        c->starved = false;
        c->client.write_ready(c->client.arg);
    }
}

/* ---- Disks ---- */

static struct fake_blk *to_blk(struct blk *b)
{
    return CONTAINER_OF(b, struct fake_blk, blk);
}

static int blk_move(struct fake_blk *b, const struct iovec *iov, int n, uint64_t at, bool write)
{
    for (int i = 0; i < n; i++) {
        size_t len = iov[i].iov_len;
        CHECK(at <= FAKE_BLK_BYTES && len <= FAKE_BLK_BYTES - at);
        if (!b->fails)
            memmove(write ? b->data + at : iov[i].iov_base, write ? iov[i].iov_base : b->data + at,
                    len);
        at += len;
    }
    return -b->fails;
}

static int blk_read(struct blk *b, struct iovec *iov, int n, uint64_t offset)
{
    return blk_move(to_blk(b), iov, n, offset, false);
}

static int blk_write(struct blk *b, struct iovec *iov, int n, uint64_t offset, bool durable)
{
    (void)durable;
    CHECK(!b->readonly);
    return blk_move(to_blk(b), iov, n, offset, true);
}

static int blk_flush(struct blk *b)
{
    return -to_blk(b)->fails;
}

static int blk_discard(struct blk *b, uint64_t offset, uint64_t len)
{
    CHECK(!b->readonly && offset <= FAKE_BLK_BYTES && len <= FAKE_BLK_BYTES - offset);
    return -to_blk(b)->fails;
}

static int blk_zero(struct blk *b, uint64_t offset, uint64_t len, bool unmap, bool durable)
{
    (void)unmap;
    (void)durable;
    CHECK(!b->readonly && offset <= FAKE_BLK_BYTES && len <= FAKE_BLK_BYTES - offset);
    memset(to_blk(b)->data + offset, 0, len);
    return -to_blk(b)->fails;
}

static void blk_end(struct blk *b)
{
    (void)b;
}

static const struct blk_ops fake_blk_ops = {blk_read, blk_write, blk_flush, blk_discard, blk_zero,
                                            blk_end};

void fake_blk_init(struct fake_blk *b)
{
    memset(b, 0, sizeof(*b));
    b->blk = (struct blk){.ops = &fake_blk_ops, .bytes = FAKE_BLK_BYTES, .physical_block = 4096};
}

/* ---- Networks ---- */

static struct fake_net *to_net(struct net *n)
{
    return CONTAINER_OF(n, struct fake_net, net);
}

static int net_begin(struct net *n, net_receive *receive, void *arg, struct err *e)
{
    (void)e;
    to_net(n)->receive = receive;
    to_net(n)->arg = arg;
    return 0;
}

static void net_send(struct net *net, const uint8_t *frame, size_t len)
{
    struct fake_net *n = to_net(net);
    CHECK(len && len <= net->max_frame);
    n->frames++;
    for (size_t i = 0; i < len; i++)
        n->sum += frame[i];
    if (n->loops)
        n->receive(n->arg, frame, len);
}

static void net_end(struct net *n)
{
    (void)n;
}

static const struct net_ops fake_net_ops = {net_begin, net_send, net_end};

void fake_net_init(struct fake_net *n)
{
    *n = (struct fake_net){.net = {.ops = &fake_net_ops,
                                   .mtu = 1500,
                                   .max_frame = 1514,
                                   .max_queue_pairs = 2,
                                   .checksums_valid = true}};
}
