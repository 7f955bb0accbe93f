/* Network backends: where the Ethernet frames of a network device go in the host. */
#ifndef BACKEND_NET_H
#define BACKEND_NET_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net;

/* Takes one frame without FCS. Must not block and must not call the backend. Called on the
 * backend's thread, or inside send(). */
typedef void net_receive(void *arg, const uint8_t *frame, size_t len);

struct net_ops {
    /* From now on frames go to receive(); starts the backend's thread. @any */
    int (*start)(struct net *n, net_receive *receive, void *arg, struct err *e);
    /* Sends one frame of at most max_frame bytes with all checksums right; it may be lost, as
     * frames may. Several threads may send at once. @io */
    void (*send)(struct net *n, const uint8_t *frame, size_t len);
    /* Stops the thread (no receive() runs afterwards) and frees everything. @stopped */
    void (*destroy)(struct net *n);
};

struct net {
    const struct net_ops *ops;
    uint16_t mtu;            /* of the link, told to the guest */
    size_t max_frame;        /* longest frame that send() takes; a TCP segment may exceed the MTU */
    unsigned max_queue_pairs; /* how many threads can usefully send at once */
    bool checksums_valid;    /* received frames need no check by the guest */
};

static inline void net_destroy(struct net *n)
{
    n->ops->destroy(n);
}

#define NET_MTU_MIN 1280 /* IPv6 needs it */
#define NET_MTU_MAX 65521

struct net_forward {
    bool udp;
    char host_address[64]; /* IPv4; empty: 127.0.0.1 */
    uint16_t host_port, guest_port;
};

struct net_user_config {
    const struct net_forward *forwards;
    unsigned forward_count;
    uint16_t mtu; /* 0: 1500 */
};

/* User-mode networking (libslirp): the guest is 10.0.2.15/24 by DHCP and has fec0::/64; gateway and
 * host 10.0.2.2, name server 10.0.2.3. Needs no privileges. A forward whose port is taken is
 * -EADDRINUSE. @any */
int MUST_CHECK net_user_create(const struct net_user_config *config, struct net **out,
                               struct err *e);

#endif
