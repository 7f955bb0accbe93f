/* Checksums and segmentation against a plain reference written from the RFCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "virtio/net_offload.h"

#include <stdbool.h>
#include <string.h>

static uint8_t frame[NET_FRAME_MAX], scratch[NET_FRAME_MAX];

/* RFC 1071, 16 bits at a time. */
static uint16_t reference_sum(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    if (len & 1)
        sum += (uint32_t)(p[len - 1] << 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

struct made {
    size_t ip, tcp, payload, len;
    bool v6;
};

/* A TCP frame with `payload` bytes, optionally behind a VLAN tag, with IP options. */
static struct made make_tcp(bool v6, bool vlan, size_t payload)
{
    struct made m = {.v6 = v6};
    memset(frame, 0, sizeof(frame));
    m.ip = vlan ? 18 : 14;
    if (vlan)
        put16(frame + 12, 0x8100);
    put16(frame + m.ip - 2, v6 ? 0x86dd : 0x0800);
    m.tcp = m.ip + (v6 ? 40 : 24);
    m.payload = m.tcp + 32;
    m.len = m.payload + payload;
    for (size_t i = 0; i < payload; i++)
        frame[m.payload + i] = (uint8_t)(i * 31 + i / 256);
    uint8_t *ip = frame + m.ip, *tcp = frame + m.tcp;
    if (v6) {
        ip[0] = 0x60;
        ip[6] = 6;
        for (unsigned i = 0; i < 32; i++)
            ip[8 + i] = (uint8_t)(i * 9 + 1);
    } else {
        ip[0] = 0x46;
        put16(ip + 4, 0xfffe); /* the identification wraps */
        ip[8] = 64;
        ip[9] = 6;
        for (unsigned i = 0; i < 8; i++)
            ip[12 + i] = (uint8_t)(10 + i);
    }
    put16(tcp, 1234);
    put16(tcp + 2, 80);
    put16(tcp + 4, 0xffff); /* the sequence number wraps */
    put16(tcp + 6, 0xf000);
    tcp[12] = 8 << 4;
    tcp[13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR, ACK, PSH, FIN */
    return m;
}

static struct net_hdr gso_header(const struct made *m, uint16_t size)
{
    return (struct net_hdr){
        .flags = NET_HDR_F_NEEDS_CSUM,
        .gso_type = m->v6 ? NET_HDR_GSO_TCPV6 : NET_HDR_GSO_TCPV4,
        .gso_size = size,
        .csum_start = (uint16_t)m->tcp,
        .csum_offset = 16,
    };
}

/* Collects what is emitted and checks each frame by itself. */
struct seen {
    const struct made *m;
    unsigned count;
    size_t payload;
    uint8_t data[NET_FRAME_MAX];
    uint32_t first_seq;
    size_t longest;
    bool last_had_fin;
};

static struct seen seen;

static void check_segment(void *arg, const uint8_t *f, size_t len)
{
    struct seen *s = arg;
    const struct made *m = s->m;
    size_t payload = len - m->payload;
    uint32_t tcp_len = (uint32_t)(len - m->tcp), pseudo;
    if (m->v6) {
        assert_int_equal(get16(f + m->ip + 4), len - m->ip - 40);
        pseudo = reference_sum(6 + tcp_len, f + m->ip + 8, 32);
    } else {
        assert_int_equal(get16(f + m->ip + 2), len - m->ip);
        assert_int_equal(reference_sum(0, f + m->ip, 24), 0xffff);
        assert_int_equal(get16(f + m->ip + 4), (0xfffe + s->count) & 0xffff);
        pseudo = reference_sum(6 + tcp_len, f + m->ip + 12, 8);
    }
    assert_int_equal(reference_sum(pseudo, f + m->tcp, tcp_len), 0xffff);
    assert_int_equal(get32(f + m->tcp + 4), (uint32_t)(s->first_seq + s->payload));
    assert_false(s->last_had_fin);
    assert_int_equal(!!(f[m->tcp + 13] & 0x80), s->count == 0);
    assert_int_equal(!!(f[m->tcp + 13] & 0x08), !!(f[m->tcp + 13] & 0x01));
    s->last_had_fin = f[m->tcp + 13] & 1;
    memcpy(s->data + s->payload, f + m->payload, payload);
    s->payload += payload;
    s->count++;
    if (len > s->longest)
        s->longest = len;
}

static void segments(bool v6, bool vlan, size_t payload, uint16_t size, size_t max_frame,
                     unsigned expected)
{
    struct made m = make_tcp(v6, vlan, payload);
    struct net_hdr h = gso_header(&m, size);
    if (!max_frame)
        max_frame = m.payload + size; /* just enough */
    memset(&seen, 0, sizeof(seen));
    seen.m = &m;
    seen.first_seq = get32(frame + m.tcp + 4);
    static uint8_t original[NET_FRAME_MAX];
    memcpy(original, frame + m.payload, payload);
    assert_null(net_offload_tx(&h, frame, m.len, max_frame, scratch, check_segment, &seen));
    assert_int_equal(seen.count, expected);
    assert_int_equal(seen.payload, payload);
    assert_memory_equal(seen.data, original, payload);
    assert_true(seen.last_had_fin || payload == 0);
    assert_true(seen.longest <= max_frame);
}

static void test_tso_cuts_into_correct_segments(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        bool v6 = kind & 1, vlan = kind & 2;
        segments(v6, vlan, 5000, 1448, 0, 4);
        segments(v6, vlan, 4 * 1400, 1400, 0, 4);
        segments(v6, vlan, 4 * 1400 + 1, 1400, 0, 5);
        segments(v6, vlan, 1401, 1400, 0, 2);
        segments(v6, vlan, 60000, 1000, 0, 60);
        segments(v6, vlan, 100, 1, 0, 100);
    }
}

static void test_tso_frame_that_fits_goes_as_one(void **state)
{
    (void)state;
    segments(false, false, 60000, 1448, 65549, 1);
    segments(true, false, 60000, 1448, 65549, 1);
    segments(false, false, 10, 1448, 1514, 1);
    segments(false, false, 65535 - 56, 1448, 65549, 1); /* the longest IPv4 packet */
}

static unsigned emitted;
static uint8_t last[NET_FRAME_MAX];
static size_t last_len;

static void count_emit(void *arg, const uint8_t *f, size_t len)
{
    (void)arg;
    emitted++;
    memcpy(last, f, len);
    last_len = len;
}

static void test_checksum_is_filled_in(void **state)
{
    (void)state;
    for (size_t len = 42; len < 200; len++) { /* odd and even lengths */
        for (size_t i = 0; i < len; i++)
            frame[i] = (uint8_t)(i * 5 + len);
        uint32_t pseudo = 0x1234;
        put16(frame + 34 + 6, pseudo);
        struct net_hdr h = {.flags = NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};
        assert_null(net_offload_tx(&h, frame, len, 1514, scratch, count_emit, NULL));
        assert_int_equal(last_len, len);
        assert_int_equal(reference_sum(pseudo, last + 34, len - 34), 0xffff);
    }
}

static void test_udp_checksum_0_is_sent_as_ffff(void **state)
{
    (void)state;
    memset(frame, 0, 60);
    put16(frame + 34, 0xffff); /* everything sums to ffff, whose complement is 0 */
    struct net_hdr h = {.flags = NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};
    assert_null(net_offload_tx(&h, frame, 60, 1514, scratch, count_emit, NULL));
    assert_int_equal(get16(last + 40), 0xffff);
}

/* Only UDP has "no checksum"; TCP's zero is a checksum like others. */
static void test_tcp_checksum_0_is_sent_as_0(void **state)
{
    (void)state;
    memset(frame, 0, 60);
    put16(frame + 34, 0xffff);
    struct net_hdr h = {.flags = NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
    assert_null(net_offload_tx(&h, frame, 60, 1514, scratch, count_emit, NULL));
    assert_int_equal(get16(last + 50), 0);
}

static void rejected(struct net_hdr h, size_t len, size_t max_frame)
{
    emitted = 0;
    assert_non_null(net_offload_tx(&h, frame, len, max_frame, scratch, count_emit, NULL));
    assert_int_equal(emitted, 0);
}

static void test_headers_that_lie_are_rejected(void **state)
{
    (void)state;
    struct net_hdr none = {0}, h;
    rejected(none, 13, 1514);
    rejected(none, 1515, 1514);
    rejected(none, NET_FRAME_MAX + 1, 100000);
    rejected((struct net_hdr){.flags = 1, .csum_start = 60, .csum_offset = 0}, 60, 1514);
    rejected((struct net_hdr){.flags = 1, .csum_start = 50, .csum_offset = 9}, 60, 1514);
    rejected((struct net_hdr){.flags = 1, .csum_start = 65535, .csum_offset = 65535}, 60, 1514);
    rejected((struct net_hdr){.gso_type = 3, .gso_size = 10}, 60, 1514);
    rejected((struct net_hdr){.gso_type = 77, .gso_size = 10}, 60, 1514);

    struct made m = make_tcp(false, false, 5000);
    h = gso_header(&m, 0);
    rejected(h, m.len, 1514);
    h = gso_header(&m, 1448);
    h.flags = 0;
    rejected(h, m.len, 1514);
    h = gso_header(&m, 4000); /* segments longer than the network takes */
    rejected(h, m.len, 1514);
    h = gso_header(&m, 1448);
    h.gso_type = NET_HDR_GSO_TCPV6;
    rejected(h, m.len, 1514);
    h.gso_type = NET_HDR_GSO_TCPV4;
    rejected(h, m.tcp + 19, 1514);
    rejected(h, m.tcp + 31, 1514);
    frame[m.ip + 9] = 17;
    rejected(h, m.len, 1514);
    frame[m.ip + 9] = 6;
    frame[m.tcp + 12] = 4 << 4;
    rejected(h, m.len, 1514);
    frame[m.tcp + 12] = 8 << 4;
    frame[m.ip] = 0x41;
    rejected(h, m.len, 1514);
    frame[m.ip] = 0x66;
    rejected(h, m.len, 1514);
}

static void test_random_headers_stay_inside_the_frame(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    for (unsigned i = 0; i < 20000; i++) {
        make_tcp(i & 1, i & 2, 300);
        uint8_t bytes[NET_HDR_BYTES];
        for (unsigned k = 0; k < 4 + 12; k++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            if (k < 4)
                frame[12 + x % 80] = (uint8_t)(x >> 32);
            else
                bytes[k - 4] = (uint8_t)(x >> (i & 31));
        }
        bytes[1] &= 0x87;
        struct net_hdr h = net_hdr_parse(bytes);
        size_t len = x % 400;
        (void)net_offload_tx(&h, frame, len, 1514, scratch, count_emit, NULL);
        (void)net_flow_hash(frame, len);
    }
}

static void test_flow_hash_keeps_flows_together_and_apart(void **state)
{
    (void)state;
    struct made m = make_tcp(false, false, 100);
    uint32_t one = net_flow_hash(frame, m.len);
    frame[m.payload]++;
    frame[m.tcp + 13]++;
    assert_int_equal(net_flow_hash(frame, m.len), one);
    put16(frame + m.tcp, 1235);
    assert_int_not_equal(net_flow_hash(frame, m.len), one);
    m = make_tcp(true, true, 100);
    one = net_flow_hash(frame, m.len);
    frame[m.ip + 9]++;
    assert_int_not_equal(net_flow_hash(frame, m.len), one);
}

static void test_sum_matches_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)(i * 131 + (i >> 8));
    for (size_t len = 0; len < 70; len++)
        for (size_t at = 0; at < 8; at++)
            assert_int_equal(net_sum_finish(net_sum(7, frame + at, len)),
                             (uint16_t)~reference_sum(7, frame + at, len));
    memset(frame, 0xff, sizeof(frame));
    assert_int_equal(net_sum_finish(net_sum(0, frame, 65535)),
                     (uint16_t)~reference_sum(0, frame, 65535));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_matches_the_reference),
        cmocka_unit_test(test_tso_cuts_into_correct_segments),
        cmocka_unit_test(test_tso_frame_that_fits_goes_as_one),
        cmocka_unit_test(test_checksum_is_filled_in),
        cmocka_unit_test(test_udp_checksum_0_is_sent_as_ffff),
        cmocka_unit_test(test_tcp_checksum_0_is_sent_as_0),
        cmocka_unit_test(test_headers_that_lie_are_rejected),
        cmocka_unit_test(test_random_headers_stay_inside_the_frame),
        cmocka_unit_test(test_flow_hash_keeps_flows_together_and_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
