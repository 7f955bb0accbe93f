/* What a network device does for its driver with frames: checksums and segmentation in software
 * (virtio 1.2, 5.1.6.2), and the hash that steers received frames. Pure functions. */
#ifndef VIRTIO_NET_OFFLOAD_H
#define VIRTIO_NET_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_HDR_BYTES 12 /* struct virtio_net_hdr with num_buffers */
#define NET_HDR_F_NEEDS_CSUM 1u
#define NET_HDR_F_DATA_VALID 2u
#define NET_HDR_GSO_NONE 0u
#define NET_HDR_GSO_TCPV4 1u
#define NET_HDR_GSO_TCPV6 4u
#define NET_HDR_GSO_ECN 0x80u

#define NET_FRAME_MAX 65550u /* Ethernet header, a VLAN tag's room less two, and 64 KiB of IP */

struct net_hdr {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset;
};

struct net_hdr net_hdr_parse(const uint8_t bytes[NET_HDR_BYTES]);

/* The Internet checksum's running sum (RFC 1071) of bytes starting at an even offset, and its end:
 * the value for the checksum field, in host order of a big-endian field. */
uint32_t net_sum(uint32_t sum, const uint8_t *p, size_t len);
uint16_t net_sum_finish(uint32_t sum);

typedef void net_emit(void *arg, const uint8_t *frame, size_t len);

/* Completes a frame that the driver sent with header `h`, and emits it: as it is, with its checksum
 * filled in, as one large segment when that fits into max_frame, or cut into segments. `frame` may
 * be modified; `scratch` has NET_FRAME_MAX bytes. Null, or what is wrong (nothing was emitted). */
const char *net_offload_tx(const struct net_hdr *h, uint8_t *frame, size_t len, size_t max_frame,
                           uint8_t *scratch, net_emit *emit, void *arg);

/* A number that is equal for frames of one flow (addresses, and ports of TCP and UDP). */
uint32_t net_flow_hash(const uint8_t *frame, size_t len);

#endif
