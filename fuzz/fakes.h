/* Host backends in memory: what a device reaches of the host is here, synchronous and without
 * threads, and checks what the device promises to check (ranges, lengths). */
#ifndef FUZZ_FAKES_H
#define FUZZ_FAKES_H

#include "backend/blk.h"
#include "backend/chr.h"
#include "backend/net.h"

struct fake_chr {
    struct chr chr;
    struct chr_client client;
    bool attached;
    bool answers; /* rx_ready() delivers input at once: for a blocking reader, not for a device */
    size_t room;  /* what chr_write() still takes */
    bool starved; /* it took less than it was given */
};

void fake_chr_init(struct fake_chr *c);
/* Input from the host, as much as the device has room for. */
void fake_chr_input(struct fake_chr *c, const uint8_t *data, size_t len);
/* The reader of the output has taken some. */
void fake_chr_drain(struct fake_chr *c, size_t room);

#define FAKE_BLK_BYTES 65536u

struct fake_blk {
    struct blk blk;
    int fails; /* errno that operations end with, 0: none */
    uint8_t data[FAKE_BLK_BYTES];
};

void fake_blk_init(struct fake_blk *b);

struct fake_net {
    struct net net;
    net_receive *receive;
    void *arg;
    bool loops; /* what is sent comes back, inside send() */
    size_t frames, sum;
};

void fake_net_init(struct fake_net *n);

#endif
