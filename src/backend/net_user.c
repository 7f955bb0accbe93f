/* User-mode networking with libslirp. See net.h.
 *
 * libslirp is not thread-safe: one mutex guards it. The backend's thread sleeps in poll(2) without
 * the mutex; the device's I/O thread sends frames with it and then wakes the thread, because a
 * frame may have opened sockets or freed window. Frames for the guest come out of libslirp with the
 * mutex held, on either thread; the device only stores them.
 *
 * Large TCP segments are handed over as they are: libslirp takes an IP packet of any size and does
 * not look at the MSS, so segmenting them here would only cost time.
 *
 * The clock is the host's: this network is outside the machine, and what comes from it passes the
 * journal in the device.
 */
#include "backend/net.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/evloop.h"
#include "base/fault.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_TIMERS 4
#define ETHERNET_HEADER 14u
#define MAX_IP_PACKET 65535u

struct user_timer {
    bool used, armed;
    SlirpTimerId id;
    void *opaque;
    int64_t expires_ms;
};

struct net_user {
    struct net net;
    pthread_mutex_t lock; /* libslirp and everything below */
    Slirp *slirp;
    struct user_timer timers[MAX_TIMERS];
    struct guest_err err;
    struct pollfd *polled; /* [0] is the wake-up */
    size_t polled_count, polled_cap;
    net_receive *receive;
    void *receive_arg;
    /* Without the lock. */
    int wake_fd;
    pthread_t thread;
    bool running;
    atomic_bool quit, woken;
};

static struct net_user *to_user(struct net *n)
{
    return CONTAINER_OF(n, struct net_user, net);
}

static void user_wake(struct net_user *u)
{
    if (atomic_exchange(&u->woken, true))
        return;
    uint64_t one = 1;
    ssize_t r = write(u->wake_fd, &one, sizeof(one));
    CHECK(r == sizeof(one));
}

/* ---- Callbacks of libslirp; lock held ---- */

static ssize_t cb_send_packet(const void *buf, size_t len, void *opaque)
{
    struct net_user *u = opaque;
    if (u->receive)
        u->receive(u->receive_arg, buf, len);
    return (ssize_t)len;
}

static void cb_guest_error(const char *msg, void *opaque)
{
    struct net_user *u = opaque;
    guest_err(&u->err, "net user", "%s", msg);
}

static int64_t cb_clock_get_ns(void *opaque)
{
    (void)opaque;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *cb_timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
    struct net_user *u = opaque;
    for (unsigned i = 0; i < MAX_TIMERS; i++) {
        if (!u->timers[i].used) {
            u->timers[i] = (struct user_timer){.used = true, .id = id, .opaque = cb_opaque};
            return &u->timers[i];
        }
    }
    CHECK(!"libslirp has more timers than SLIRP_TIMER_NUM");
    return NULL;
}

static void cb_timer_free(void *timer, void *opaque)
{
    (void)opaque;
    *(struct user_timer *)timer = (struct user_timer){0};
}

static void cb_timer_mod(void *timer, int64_t expire_time, void *opaque)
{
    struct user_timer *t = timer;
    t->armed = true;
    t->expires_ms = expire_time;
    user_wake(opaque);
}

static void cb_poll_fd(int fd, void *opaque)
{
    (void)fd; /* slirp_pollfds_fill names them all each time */
    (void)opaque;
}

static void cb_notify(void *opaque)
{
    user_wake(opaque);
}

static const SlirpCb user_callbacks = {
    .send_packet = cb_send_packet,
    .guest_error = cb_guest_error,
    .clock_get_ns = cb_clock_get_ns,
    .timer_free = cb_timer_free,
    .timer_mod = cb_timer_mod,
    .register_poll_fd = cb_poll_fd,
    .unregister_poll_fd = cb_poll_fd,
    .notify = cb_notify,
    .timer_new_opaque = cb_timer_new,
};

/* ---- Thread ---- */

static short poll_events(int slirp)
{
    return (short)((slirp & SLIRP_POLL_IN ? POLLIN : 0) | (slirp & SLIRP_POLL_OUT ? POLLOUT : 0) |
                   (slirp & SLIRP_POLL_PRI ? POLLPRI : 0));
}

static int add_poll(int fd, int events, void *opaque)
{
    struct net_user *u = opaque;
    if (u->polled_count == u->polled_cap) {
        size_t cap = u->polled_cap * 2;
        struct pollfd *p = fault_point("net_poll") ? NULL : realloc(u->polled, cap * sizeof(*p));
        if (!p)
            return -1; /* not polled this time: tried again at the next round */
        u->polled = p;
        u->polled_cap = cap;
    }
    u->polled[u->polled_count] = (struct pollfd){fd, poll_events(events), 0};
    return (int)u->polled_count++;
}

static int get_revents(int index, void *opaque)
{
    struct net_user *u = opaque;
    if (index < 0)
        return 0;
    short r = u->polled[index].revents;
    return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (r & POLLPRI ? SLIRP_POLL_PRI : 0) | (r & POLLERR ? SLIRP_POLL_ERR : 0) |
           (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static int64_t user_now_ms(struct net_user *u)
{
    return cb_clock_get_ns(u) / 1000000;
}

static void user_run_timers(struct net_user *u)
{
    for (unsigned i = 0; i < MAX_TIMERS; i++) {
        struct user_timer *t = &u->timers[i];
        if (t->used && t->armed && t->expires_ms <= user_now_ms(u)) {
            t->armed = false;
            slirp_handle_timer(u->slirp, t->id, t->opaque);
        }
    }
}

static uint32_t user_timeout(struct net_user *u)
{
    uint32_t timeout = UINT32_MAX;
    for (unsigned i = 0; i < MAX_TIMERS; i++) {
        const struct user_timer *t = &u->timers[i];
        if (!t->used || !t->armed)
            continue;
        int64_t left = t->expires_ms - user_now_ms(u);
        if (left < 0)
            left = 0;
        if (left < timeout)
            timeout = (uint32_t)left;
    }
    return timeout;
}

static void *user_main(void *arg)
{
    struct net_user *u = arg;
    pthread_mutex_lock(&u->lock);
    while (!atomic_load(&u->quit)) {
        uint32_t timeout = user_timeout(u);
        u->polled_count = 1;
        u->polled[0] = (struct pollfd){u->wake_fd, POLLIN, 0};
        slirp_pollfds_fill(u->slirp, &timeout, add_poll, u);
        pthread_mutex_unlock(&u->lock);
        int n = poll(u->polled, u->polled_count, timeout > INT32_MAX ? -1 : (int)timeout);
        pthread_mutex_lock(&u->lock);
        if (n > 0 && u->polled[0].revents) {
            uint64_t count;
            ssize_t r = read(u->wake_fd, &count, sizeof(count));
            CHECK(r == sizeof(count) || errno == EAGAIN);
            atomic_store(&u->woken, false);
        }
        slirp_pollfds_poll(u->slirp, n < 0, get_revents, u);
        user_run_timers(u);
    }
    pthread_mutex_unlock(&u->lock);
    return NULL;
}

/* ---- Interface ---- */

static int user_start(struct net *n, net_receive *receive, void *arg, struct err *e)
{
    struct net_user *u = to_user(n);
    u->receive = receive;
    u->receive_arg = arg;
    int r = thread_start(&u->thread, "net-user", user_main, u, e);
    u->running = r == 0;
    return r;
}

static void user_send(struct net *n, const uint8_t *frame, size_t len)
{
    struct net_user *u = to_user(n);
    pthread_mutex_lock(&u->lock);
    slirp_input(u->slirp, frame, (int)len);
    pthread_mutex_unlock(&u->lock);
    user_wake(u);
}

static void user_destroy(struct net *n)
{
    struct net_user *u = to_user(n);
    if (u->running) {
        atomic_store(&u->quit, true);
        user_wake(u);
        pthread_join(u->thread, NULL);
    }
    u->receive = NULL; /* closing connections sends their last segments */
    if (u->slirp)
        slirp_cleanup(u->slirp);
    if (u->wake_fd >= 0)
        close(u->wake_fd);
    pthread_mutex_destroy(&u->lock);
    free(u->polled);
    free(u);
}

static const struct net_ops user_ops = {
    .start = user_start,
    .send = user_send,
    .destroy = user_destroy,
};

/* libslirp binds datagram sockets with SO_REUSEADDR: two could have one port. So try without. */
static int udp_port_is_free(struct in_addr addr, uint16_t port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = addr, .sin_port = htons(port)};
    int r = bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) ? -errno : 0;
    close(fd);
    return r;
}

static int user_forward(struct net_user *u, const struct net_forward *f, struct err *e)
{
    const char *host = *f->host_address ? f->host_address : "127.0.0.1";
    const char *protocol = f->udp ? "udp" : "tcp";
    struct in_addr addr, guest;
    if (inet_pton(AF_INET, host, &addr) != 1)
        return err_set(e, EINVAL, "forward %s:%s:%u: '%s' is not an IPv4 address", protocol, host,
                       f->host_port, host);
    if (!f->host_port || !f->guest_port)
        return err_set(e, EINVAL, "forward %s:%s:%u:%u: ports are 1 to 65535", protocol, host,
                       f->host_port, f->guest_port);
    inet_pton(AF_INET, "10.0.2.15", &guest);
    int r = f->udp ? udp_port_is_free(addr, f->host_port) : 0;
    errno = 0;
    if (!r && slirp_add_hostfwd(u->slirp, f->udp, addr, f->host_port, guest, f->guest_port))
        r = errno ? -errno : -EADDRINUSE;
    if (r == -EADDRINUSE)
        return err_set(e, EADDRINUSE, "forward %s:%s:%u: the port is in use; choose another one",
                       protocol, host, f->host_port);
    if (r)
        return err_set(e, -r, "forward %s:%s:%u: %s", protocol, host, f->host_port, strerror(-r));
    return 0;
}

static int user_slirp(struct net_user *u, struct err *e)
{
    SlirpConfig c = {
        .version = 4,
        .in_enabled = true,
        .in6_enabled = true,
        .vprefix_len = 64,
        .vhostname = "sojourn",
        .if_mtu = u->net.mtu,
        .if_mru = u->net.mtu,
    };
    inet_pton(AF_INET, "10.0.2.0", &c.vnetwork);
    inet_pton(AF_INET, "255.255.255.0", &c.vnetmask);
    inet_pton(AF_INET, "10.0.2.2", &c.vhost);
    inet_pton(AF_INET, "10.0.2.15", &c.vdhcp_start);
    inet_pton(AF_INET, "10.0.2.3", &c.vnameserver);
    inet_pton(AF_INET6, "fec0::", &c.vprefix_addr6);
    inet_pton(AF_INET6, "fec0::2", &c.vhost6);
    inet_pton(AF_INET6, "fec0::3", &c.vnameserver6);
    u->slirp = fault_point("net_slirp") ? NULL : slirp_new(&c, &user_callbacks, u);
    return u->slirp ? 0 : err_set(e, ENOMEM, "user network: libslirp cannot start");
}

int net_user_create(const struct net_user_config *config, struct net **out, struct err *e)
{
    uint16_t mtu = config->mtu ? config->mtu : 1500;
    if (mtu < NET_MTU_MIN || mtu > NET_MTU_MAX)
        return err_set(e, EINVAL, "user network: MTU %u is not in %d..%d", mtu, NET_MTU_MIN,
                       NET_MTU_MAX);
    struct net_user *u = fault_point("net_alloc") ? NULL : calloc(1, sizeof(*u));
    if (!u)
        return err_set(e, ENOMEM, "user network: out of memory");
    u->net = (struct net){&user_ops, mtu, ETHERNET_HEADER + MAX_IP_PACKET, 1, true};
    pthread_mutex_init(&u->lock, NULL);
    u->polled_cap = 64;
    u->polled = malloc(u->polled_cap * sizeof(*u->polled));
    u->wake_fd = fault_point("net_eventfd") ? (errno = EMFILE, -1)
                                            : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = 0;
    if (!u->polled || u->wake_fd < 0)
        r = err_set(e, u->polled ? errno : ENOMEM, "user network: %s",
                    u->polled ? strerror(errno) : "out of memory");
    if (!r)
        r = user_slirp(u, e);
    for (unsigned i = 0; i < config->forward_count && !r; i++)
        r = user_forward(u, &config->forwards[i], e);
    if (r) {
        user_destroy(&u->net);
        return r;
    }
    *out = &u->net;
    return 0;
}
