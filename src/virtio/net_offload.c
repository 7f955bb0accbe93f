/* Checksums and TCP segmentation in software. See net_offload.h.
 *
 * The driver describes a frame by a header which is as untrusted as the frame: every offset is
 * checked against the frame's length and against what the frame's own headers say. Works on a
 * private copy of the frame, so nothing changes underneath.
 *
 * Segmentation (RFC 9293 for TCP; RFC 791 and RFC 8200 for lengths): each segment gets the headers,
 * its own IP length and, for IPv4, a following identification; sequence numbers advance; FIN and
 * PSH only on the last, CWR only on the first segment.
 */
#include "virtio/net_offload.h"

#include "base/bits.h"

#include <string.h>

#define ETHERNET_BYTES 14u
#define VLAN_TAG_BYTES 4u
#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu
#define ETHERTYPE_VLAN 0x8100u
#define ETHERTYPE_QINQ 0x88a8u
#define IPV4_MIN_BYTES 20u
#define IPV6_BYTES 40u
#define TCP_MIN_BYTES 20u
#define PROTOCOL_TCP 6u
#define PROTOCOL_UDP 17u
#define UDP_CSUM_OFFSET 6u
#define TCP_CSUM_OFFSET 16u
#define TCP_FLAGS 13u
#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

static uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void put_be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put_be32(uint8_t *p, uint32_t v)
{
    put_be16(p, v >> 16);
    put_be16(p + 2, v);
}

struct net_hdr net_hdr_parse(const uint8_t bytes[NET_HDR_BYTES])
{
    return (struct net_hdr){
        .flags = bytes[0],
        .gso_type = bytes[1],
        .hdr_len = (uint16_t)le_load(bytes + 2, 2),
        .gso_size = (uint16_t)le_load(bytes + 4, 2),
        .csum_start = (uint16_t)le_load(bytes + 6, 2),
        .csum_offset = (uint16_t)le_load(bytes + 8, 2),
    };
}

/* ---- Checksums ---- */

/* Sums host-endian words and swaps at the end: the ones' complement sum commutes with that. */
uint32_t net_sum(uint32_t sum, const uint8_t *p, size_t len)
{
    uint64_t wide = 0;
    for (; len >= 4; p += 4, len -= 4)
        wide += le_load(p, 4);
    if (len >= 2) {
        wide += le_load(p, 2);
        p += 2;
        len -= 2;
    }
    if (len)
        wide += *p;
    while (wide >> 16)
        wide = (wide & 0xffff) + (wide >> 16);
    return sum + __builtin_bswap16((uint16_t)wide);
}

uint16_t net_sum_finish(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* NEEDS_CSUM alone: the field holds the pseudo-header's sum already. */
static const char *fill_checksum(const struct net_hdr *h, uint8_t *frame, size_t len)
{
    size_t field = (size_t)h->csum_start + h->csum_offset;
    if (h->csum_start >= len || field + 2 > len)
        return "checksum lies outside the frame";
    uint16_t csum = net_sum_finish(net_sum(0, frame + h->csum_start, len - h->csum_start));
    if (csum == 0 && h->csum_offset == UDP_CSUM_OFFSET)
        csum = 0xffff; /* 0 would mean "no checksum" (RFC 768) */
    put_be16(frame + field, csum);
    return NULL;
}

/* ---- Headers ---- */

struct packet {
    size_t ip, tcp, payload; /* offsets */
    bool v6;
};

/* Offset of the network header and the EtherType behind up to two VLAN tags; 0: too short. */
static size_t find_network(const uint8_t *frame, size_t len, uint16_t *type)
{
    size_t at = ETHERNET_BYTES;
    for (unsigned tags = 0; tags <= 2 && at <= len; tags++, at += VLAN_TAG_BYTES) {
        *type = be16(frame + at - 2);
        if (*type != ETHERTYPE_VLAN && *type != ETHERTYPE_QINQ)
            return at;
    }
    return 0;
}

static const char *parse_ipv4(const uint8_t *frame, size_t len, struct packet *p)
{
    if (p->ip + IPV4_MIN_BYTES > len || frame[p->ip] >> 4 != 4)
        return "segmentation of a damaged IPv4 packet";
    size_t header = (frame[p->ip] & 15) * 4u;
    if (header < IPV4_MIN_BYTES || frame[p->ip + 9] != PROTOCOL_TCP)
        return "segmentation of IPv4 that is not TCP";
    p->tcp = p->ip + header;
    return NULL;
}

/* Extension headers may lie before TCP; the driver says where that starts (csum_start). */
static const char *parse_ipv6(const uint8_t *frame, size_t len, uint16_t csum_start,
                              struct packet *p)
{
    if (p->ip + IPV6_BYTES > len || frame[p->ip] >> 4 != 6)
        return "segmentation of a damaged IPv6 packet";
    p->tcp = p->ip + IPV6_BYTES;
    if (frame[p->ip + 6] != PROTOCOL_TCP) {
        if (csum_start < p->tcp)
            return "segmentation of IPv6 that is not TCP";
        p->tcp = csum_start;
    }
    return NULL;
}

static const char *parse_tcp(const struct net_hdr *h, const uint8_t *frame, size_t len,
                             struct packet *p)
{
    uint16_t type = 0;
    p->ip = find_network(frame, len, &type);
    p->v6 = (h->gso_type & ~NET_HDR_GSO_ECN) == NET_HDR_GSO_TCPV6;
    if (!p->ip || type != (p->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4))
        return "segmentation of a frame that is not of the announced type";
    const char *wrong =
        p->v6 ? parse_ipv6(frame, len, h->csum_start, p) : parse_ipv4(frame, len, p);
    if (wrong)
        return wrong;
    if (p->tcp + TCP_MIN_BYTES > len)
        return "segmentation of a frame without a TCP header";
    size_t header = (frame[p->tcp + 12] >> 4) * 4u;
    p->payload = p->tcp + header;
    if (header < TCP_MIN_BYTES || p->payload > len)
        return "segmentation of a frame with a bad TCP header";
    return NULL;
}

/* Sets lengths and checksums of a TCP packet of `len` bytes for what it is now. */
static void finish_tcp(uint8_t *f, size_t len, const struct packet *p)
{
    uint32_t tcp_bytes = (uint32_t)(len - p->tcp), sum;
    if (p->v6) {
        put_be16(f + p->ip + 4, (uint32_t)(len - p->ip - IPV6_BYTES));
        sum = net_sum(0, f + p->ip + 8, 32);
    } else {
        put_be16(f + p->ip + 2, (uint32_t)(len - p->ip));
        put_be16(f + p->ip + 10, 0);
        put_be16(f + p->ip + 10, net_sum_finish(net_sum(0, f + p->ip, p->tcp - p->ip)));
        sum = net_sum(0, f + p->ip + 12, 8);
    }
    sum += PROTOCOL_TCP + (tcp_bytes >> 16) + (tcp_bytes & 0xffff);
    put_be16(f + p->tcp + TCP_CSUM_OFFSET, 0);
    put_be16(f + p->tcp + TCP_CSUM_OFFSET, net_sum_finish(net_sum(sum, f + p->tcp, tcp_bytes)));
}

/* ---- Segmentation ---- */

static void cut(const struct net_hdr *h, const uint8_t *frame, size_t len, const struct packet *p,
                uint8_t *out, net_emit *emit, void *arg)
{
    uint32_t seq = be32(frame + p->tcp + 4);
    uint16_t id = p->v6 ? 0 : be16(frame + p->ip + 4);
    uint8_t flags = frame[p->tcp + TCP_FLAGS];
    memcpy(out, frame, p->payload);
    for (size_t at = p->payload; at < len; at += h->gso_size) {
        bool first = at == p->payload, last = len - at <= h->gso_size;
        size_t some = last ? len - at : h->gso_size;
        memcpy(out + p->payload, frame + at, some);
        put_be32(out + p->tcp + 4, seq);
        out[p->tcp + TCP_FLAGS] = (uint8_t)(flags & ~((last ? 0 : TCP_FIN | TCP_PSH) |
                                                      (first ? 0 : TCP_CWR)));
        if (!p->v6)
            put_be16(out + p->ip + 4, id++);
        finish_tcp(out, p->payload + some, p);
        emit(arg, out, p->payload + some);
        seq += (uint32_t)some;
    }
}

static const char *segment(const struct net_hdr *h, uint8_t *frame, size_t len, size_t max_frame,
                           uint8_t *scratch, net_emit *emit, void *arg)
{
    struct packet p;
    const char *wrong = parse_tcp(h, frame, len, &p);
    if (wrong)
        return wrong;
    if (!(h->flags & NET_HDR_F_NEEDS_CSUM) || h->gso_size == 0)
        return "segmentation without a checksum or a size";
    size_t largest = len - p.payload < h->gso_size ? len : p.payload + h->gso_size;
    if (len <= max_frame && len - p.ip <= UINT16_MAX) {
        finish_tcp(frame, len, &p);
        emit(arg, frame, len);
    } else if (largest > max_frame) {
        return "segment is longer than the network takes";
    } else {
        cut(h, frame, len, &p, scratch, emit, arg);
    }
    return NULL;
}

const char *net_offload_tx(const struct net_hdr *h, uint8_t *frame, size_t len, size_t max_frame,
                           uint8_t *scratch, net_emit *emit, void *arg)
{
    unsigned gso = h->gso_type & ~NET_HDR_GSO_ECN;
    if (len < ETHERNET_BYTES || len > NET_FRAME_MAX)
        return "frame is too short or too long";
    if (gso == NET_HDR_GSO_TCPV4 || gso == NET_HDR_GSO_TCPV6)
        return segment(h, frame, len, max_frame, scratch, emit, arg);
    if (gso != NET_HDR_GSO_NONE)
        return "kind of segmentation that was not offered";
    if (len > max_frame)
        return "frame is longer than the network takes";
    const char *wrong = h->flags & NET_HDR_F_NEEDS_CSUM ? fill_checksum(h, frame, len) : NULL;
    if (!wrong)
        emit(arg, frame, len);
    return wrong;
}

/* ---- Steering ---- */

static uint32_t mix(uint32_t hash, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 16777619u; /* FNV-1a */
    return hash;
}

uint32_t net_flow_hash(const uint8_t *frame, size_t len)
{
    uint16_t type = 0;
    uint32_t hash = 2166136261u;
    size_t ip = len >= ETHERNET_BYTES ? find_network(frame, len, &type) : 0, ports;
    uint8_t protocol;
    if (ip && type == ETHERTYPE_IPV4 && ip + IPV4_MIN_BYTES <= len) {
        hash = mix(hash, frame + ip + 12, 8);
        ports = ip + (frame[ip] & 15) * 4u;
        protocol = be16(frame + ip + 6) & 0x3fff ? 0 : frame[ip + 9]; /* fragments have no ports */
    } else if (ip && type == ETHERTYPE_IPV6 && ip + IPV6_BYTES <= len) {
        hash = mix(hash, frame + ip + 8, 32);
        ports = ip + IPV6_BYTES;
        protocol = frame[ip + 6];
    } else {
        return 0;
    }
    if ((protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) && ports + 4 <= len)
        hash = mix(hash, frame + ports, 4);
    return hash;
}
