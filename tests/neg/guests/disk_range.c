/* A read-only disk of 1 MiB stays as it is, and nothing outside it is read. */
#include "guest.h"

static struct ring ring;
static struct {
    uint32_t type, reserved;
    uint64_t sector;
} header;
static volatile uint8_t data[4096], status;

static int request(uint64_t blk, uint32_t type, uint64_t sector, uint32_t bytes)
{
    ring.avail.idx = ring.used.idx = 0;
    virtio_start(blk, (uint64_t)&ring.desc, (uint64_t)&ring.avail, (uint64_t)&ring.used);
    header.type = type;
    header.sector = sector;
    status = 0xff;
    uint16_t direction = type == 0 ? DESC_WRITE : 0;
    ring.desc[0] = (struct desc){(uint64_t)&header, 16, DESC_NEXT, 1};
    ring.desc[1] = (struct desc){(uint64_t)data, bytes, DESC_NEXT | direction, 2};
    ring.desc[2] = (struct desc){(uint64_t)&status, 1, DESC_WRITE, 0};
    return virtio_offer(blk, &ring) == 1 ? status : -1;
}

void guest_main(void)
{
    uint64_t blk = virtio_find(2);
    expect("disk_is_there", blk != 0);
    expect("last_sector_is_read", request(blk, 0, 2047, 512) == 0);
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = 0xee;
    expect("sector_after_the_last_is_refused", request(blk, 0, 2048, 512) == 1);
    expect("range_across_the_end_is_refused", request(blk, 0, 2047, 1024) == 1);
    expect("sector_number_that_wraps_is_refused", request(blk, 0, UINT64_MAX, 512) == 1);
    expect("byte_offset_that_wraps_is_refused", request(blk, 0, 1ul << 55, 512) == 1);
    expect("refused_reads_leave_memory_alone", data[0] == 0xee && data[4095] == 0xee);
    expect("write_is_refused", request(blk, 1, 0, 512) == 1);
    expect("write_beyond_the_end_is_refused", request(blk, 1, 4096, 512) == 1);
    uint64_t *range = (uint64_t *)(uintptr_t)data;
    range[0] = 0;
    range[1] = 8;
    expect("discard_is_refused", request(blk, 11, 0, 16) == 1);
    expect("write_zeroes_is_refused", request(blk, 13, 0, 16) == 1);
}
