/* User-mode networking with a guest made of a few hand-written frames: address resolution, forwards
 * of both protocols, and a TCP segment larger than the MTU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/net.h"
#include "base/fault.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct err e;
static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

/* What the guest has received: a queue of frames. */
static struct {
    pthread_mutex_t lock;
    uint8_t frame[64][2048];
    size_t len[64];
    unsigned head, tail;
} inbox = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void guest_receive(void *arg, const uint8_t *frame, size_t len)
{
    (void)arg;
    assert_true(len <= 1514);
    pthread_mutex_lock(&inbox.lock);
    if (inbox.tail - inbox.head < 64) {
        memcpy(inbox.frame[inbox.tail % 64], frame, len);
        inbox.len[inbox.tail++ % 64] = len;
    }
    pthread_mutex_unlock(&inbox.lock);
}

static bool take(uint8_t *frame, size_t *len)
{
    pthread_mutex_lock(&inbox.lock);
    bool have = inbox.head != inbox.tail;
    if (have) {
        *len = inbox.len[inbox.head % 64];
        memcpy(frame, inbox.frame[inbox.head++ % 64], *len);
    }
    pthread_mutex_unlock(&inbox.lock);
    return have;
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint16_t checksum(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Answers address resolution for 10.0.2.15; true when the frame was such a request. */
static bool answer_arp(struct net *n, const uint8_t *f)
{
    if (get16(f + 12) != 0x806 || get16(f + 20) != 1)
        return false;
    uint8_t a[42];
    memcpy(a, f + 6, 6);
    memcpy(a + 6, guest_mac, 6);
    memcpy(a + 12, f + 12, 10);
    put16(a + 20, 2);
    memcpy(a + 22, guest_mac, 6);
    memcpy(a + 28, f + 38, 4);
    memcpy(a + 32, f + 22, 10);
    n->ops->send(n, a, sizeof(a));
    return true;
}

/* The next IPv4 frame of `protocol`; answers ARP on the way. */
static size_t next_ip(struct net *n, uint8_t protocol, uint8_t *f)
{
    size_t len;
    for (unsigned i = 0; i < 5000; i++) {
        while (take(f, &len)) {
            if (!answer_arp(n, f) && get16(f + 12) == 0x800 && f[23] == protocol)
                return len;
        }
        struct timespec t = {0, 1000000};
        nanosleep(&t, NULL);
    }
    fail_msg("no frame of protocol %u", protocol);
    return 0;
}

static struct net *start(const struct net_forward *f, unsigned count)
{
    struct net *n = NULL;
    struct net_user_config c = {.forwards = f, .forward_count = count};
    inbox.head = inbox.tail;
    assert_int_equal(net_user_create(&c, &n, &e), 0);
    assert_int_equal(n->ops->start(n, guest_receive, NULL, &e), 0);
    return n;
}

/* Announces the guest's address, so that libslirp knows it. */
static void gratuitous_arp(struct net *n)
{
    uint8_t a[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t middle[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
    memcpy(a + 6, guest_mac, 6);
    memcpy(a + 12, middle, sizeof(middle));
    memcpy(a + 22, guest_mac, 6);
    memcpy(a + 28, (const uint8_t[]){10, 0, 2, 15}, 4);
    memcpy(a + 38, (const uint8_t[]){10, 0, 2, 2}, 4);
    n->ops->send(n, a, sizeof(a));
}

static void test_user_network_answers_arp(void **state)
{
    (void)state;
    struct net *n = start(NULL, 0);
    gratuitous_arp(n);
    uint8_t f[2048];
    size_t len = 0;
    for (unsigned i = 0; i < 1000 && !take(f, &len); i++)
        usleep(1000);
    assert_true(len >= 42);
    assert_int_equal(get16(f + 20), 2);
    assert_memory_equal(f + 28, ((const uint8_t[]){10, 0, 2, 2}), 4);
    assert_memory_equal(f, guest_mac, 6);
    net_destroy(n);
}

/* A socket bound to a free port of the loopback address. */
static int bound(int type, uint16_t *port)
{
    int fd = socket(AF_INET, type, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void test_user_network_forward_to_a_port_in_use_is_a_clear_error(void **state)
{
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        struct net_forward f = {.udp = udp, .guest_port = 22};
        int fd = bound(udp ? SOCK_DGRAM : SOCK_STREAM, &f.host_port);
        if (!udp)
            assert_int_equal(listen(fd, 1), 0);
        struct net *n = NULL;
        struct net_user_config c = {.forwards = &f, .forward_count = 1};
        assert_int_equal(net_user_create(&c, &n, &e), -EADDRINUSE);
        char want[64];
        snprintf(want, sizeof(want), "forward %s:127.0.0.1:%u: the port is in use",
                 udp ? "udp" : "tcp", f.host_port);
        assert_non_null(strstr(e.text, want));
        close(fd);
    }
}

static void test_user_network_two_forwards_of_one_port_are_refused(void **state)
{
    (void)state;
    struct net_forward f[2] = {{.guest_port = 22}, {.guest_port = 23}};
    close(bound(SOCK_STREAM, &f[0].host_port));
    f[1].host_port = f[0].host_port;
    struct net *n = NULL;
    struct net_user_config c = {.forwards = f, .forward_count = 2};
    assert_int_equal(net_user_create(&c, &n, &e), -EADDRINUSE);
    c.forward_count = 1; /* and the first one's port is free again */
    assert_int_equal(net_user_create(&c, &n, &e), 0);
    net_destroy(n);
}

static void test_user_network_bad_configurations_are_refused(void **state)
{
    (void)state;
    struct net *n = NULL;
    struct net_forward f = {.host_port = 1, .guest_port = 1};
    struct net_user_config c = {.forwards = &f, .forward_count = 1};
    strcpy(f.host_address, "localhost");
    assert_int_equal(net_user_create(&c, &n, &e), -EINVAL);
    assert_non_null(strstr(e.text, "not an IPv4 address"));
    strcpy(f.host_address, "192.0.2.1"); /* not an address of this machine */
    f.host_port = 40000;
    assert_int_equal(net_user_create(&c, &n, &e), -EADDRNOTAVAIL);
    f.host_address[0] = 0;
    f.guest_port = 0;
    assert_int_equal(net_user_create(&c, &n, &e), -EINVAL);
    c.forward_count = 0;
    c.mtu = NET_MTU_MIN - 1;
    assert_int_equal(net_user_create(&c, &n, &e), -EINVAL);
    c.mtu = NET_MTU_MAX + 1;
    assert_int_equal(net_user_create(&c, &n, &e), -EINVAL);
    c.mtu = NET_MTU_MAX;
    assert_int_equal(net_user_create(&c, &n, &e), 0);
    net_destroy(n);
}

static void test_user_network_forwards_udp(void **state)
{
    (void)state;
    struct net_forward f = {.udp = true, .guest_port = 5353};
    close(bound(SOCK_DGRAM, &f.host_port));
    struct net *n = start(&f, 1);
    gratuitous_arp(n);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons(f.host_port)};
    assert_int_equal(sendto(fd, "hello", 5, 0, (const struct sockaddr *)&a, sizeof(a)), 5);
    uint8_t frame[2048];
    size_t len = next_ip(n, 17, frame);
    assert_int_equal(len, 14 + 20 + 8 + 5);
    assert_int_equal(get16(frame + 36), 5353);
    assert_memory_equal(frame + 42, "hello", 5);
    close(fd);
    net_destroy(n);
}

/* ---- TCP ---- */

struct tcp {
    struct net *net;
    uint16_t port;
    uint32_t seq, ack;
};

static void send_tcp(struct tcp *t, uint8_t flags, const uint8_t *data, size_t len)
{
    static uint8_t f[70000];
    size_t total = 54 + len;
    memset(f, 0, 54);
    memcpy(f, (const uint8_t[]){0x52, 0x55, 10, 0, 2, 2}, 6);
    memcpy(f + 6, guest_mac, 6);
    put16(f + 12, 0x800);
    f[14] = 0x45;
    put16(f + 16, (unsigned)(total - 14));
    f[22] = 64;
    f[23] = 6;
    memcpy(f + 26, (const uint8_t[]){10, 0, 2, 15, 10, 0, 2, 2}, 8);
    put16(f + 24, checksum(0, f + 14, 20));
    put16(f + 34, 1024);
    put16(f + 36, t->port);
    put32(f + 38, t->seq);
    put32(f + 42, t->ack);
    f[46] = 5 << 4;
    f[47] = flags;
    put16(f + 48, 65535);
    if (len)
        memcpy(f + 54, data, len);
    uint32_t pseudo = 6 + (uint32_t)(len + 20);
    for (unsigned i = 26; i < 34; i += 2)
        pseudo += get16(f + i);
    put16(f + 50, checksum(pseudo, f + 34, len + 20));
    t->net->ops->send(t->net, f, total);
    t->seq += (uint32_t)len + !!(flags & 2);
}

static void test_user_network_takes_tcp_segments_larger_than_the_mtu(void **state)
{
    (void)state;
    struct net *n = start(NULL, 0);
    gratuitous_arp(n);
    struct tcp t = {.net = n, .seq = 1000};
    int server = bound(SOCK_STREAM, &t.port);
    assert_int_equal(listen(server, 1), 0);
    send_tcp(&t, 2, NULL, 0); /* SYN to the host's loopback address, which 10.0.2.2 stands for */
    uint8_t f[2048];
    next_ip(n, 6, f);
    assert_int_equal(f[47] & 0x3f, 0x12); /* SYN, ACK */
    t.ack = get32(f + 38) + 1;
    static uint8_t data[50000], back[50000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 3 + i / 256);
    send_tcp(&t, 0x10, NULL, 0);
    send_tcp(&t, 0x18, data, sizeof(data));
    int fd = accept(server, NULL, NULL);
    assert_true(fd >= 0);
    size_t got = 0;
    while (got < sizeof(back)) {
        struct pollfd p = {fd, POLLIN, 0};
        assert_int_equal(poll(&p, 1, 5000), 1);
        ssize_t r = read(fd, back + got, sizeof(back) - got);
        assert_true(r > 0);
        got += (size_t)r;
    }
    assert_memory_equal(back, data, sizeof(data));
    assert_int_equal(write(fd, "answer", 6), 6);
    do {
        next_ip(n, 6, f);
    } while (get16(f + 16) == 40);
    assert_int_equal(get32(f + 42), t.seq);
    assert_memory_equal(f + 54, "answer", 6);
    close(fd);
    close(server);
    net_destroy(n);
}

static void test_user_network_faults_are_reported_and_leak_nothing(void **state)
{
    (void)state;
    for (unsigned long i = 1;; i++) {
        struct net *n = NULL;
        struct net_user_config c = {0};
        fault_arm(i);
        int r = net_user_create(&c, &n, &e);
        int s = r ? r : n->ops->start(n, guest_receive, NULL, &e);
        const char *hit = fault_arm(0);
        if (!r)
            net_destroy(n);
        if (!hit)
            break;
        (void)s; /* the thread may go on without one descriptor for a round */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_network_answers_arp),
        cmocka_unit_test(test_user_network_forward_to_a_port_in_use_is_a_clear_error),
        cmocka_unit_test(test_user_network_two_forwards_of_one_port_are_refused),
        cmocka_unit_test(test_user_network_bad_configurations_are_refused),
        cmocka_unit_test(test_user_network_forwards_udp),
        cmocka_unit_test(test_user_network_takes_tcp_segments_larger_than_the_mtu),
        cmocka_unit_test(test_user_network_faults_are_reported_and_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
