/* Devices touch RAM only, whatever the driver's descriptors and queue addresses say. */
#include "guest.h"

static struct ring ring;

static void start(uint64_t base)
{
    ring.avail.idx = ring.used.idx = 0;
    virtio_start(base, (uint64_t)&ring.desc, (uint64_t)&ring.avail, (uint64_t)&ring.used);
}

/* A buffer that the device shall write. */
static int offer(uint64_t base, uint64_t addr, uint32_t len)
{
    start(base);
    ring.desc[0] = (struct desc){addr, len, DESC_WRITE, 0};
    return virtio_offer(base, &ring);
}

static void buffers(uint64_t rng)
{
    static const struct {
        const char *name;
        uint64_t addr;
        uint32_t len;
    } bad[] = {
        {"buffer_in_registers_is_refused", RTC + 8, 4},
        {"buffer_in_the_interrupt_controller_is_refused", GICD + 0x100, 128},
        {"buffer_below_ram_is_refused", RAM - 8, 16},
        {"buffer_at_zero_is_refused", 0, 64},
        {"buffer_across_the_end_of_ram_is_refused", RAM_END - 16, 32},
        {"buffer_above_ram_is_refused", RAM_END, 1},
        {"buffer_that_wraps_is_refused", UINT64_MAX - 15, 32},
        {"buffer_wrapping_into_ram_is_refused", UINT64_MAX - 15, 0x40100000},
        {"buffer_of_4_gib_is_refused", RAM, UINT32_MAX},
        {"buffer_beyond_32_bits_is_refused", (1ul << 32) + RAM + 0x200000, 64},
        {"buffer_beyond_48_bits_is_refused", (1ul << 48) + RAM + 0x200000, 64},
    };
    uint32_t rtc = mmio_read(RTC + 8);
    volatile uint64_t *end = (volatile uint64_t *)(RAM_END - 16);
    end[0] = end[1] = 0x5a5a5a5a5a5a5a5a;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect(bad[i].name, offer(rng, bad[i].addr, bad[i].len) == 0);
    expect("nothing_outside_buffers_was_written",
           mmio_read(RTC + 8) == rtc && end[0] == 0x5a5a5a5a5a5a5a5a && end[1] == end[0]);
    expect("last_bytes_of_ram_are_a_buffer", offer(rng, RAM_END - 16, 16) == 1 && end[1] != end[0]);
}

static void queues(uint64_t rng)
{
    static const struct {
        const char *name;
        uint64_t desc, driver, device; /* 0: a good one */
    } bad[] = {
        {"descriptors_in_registers_are_refused", UART, 0, 0},
        {"available_ring_above_ram_is_refused", 0, RAM_END, 0},
        {"used_ring_across_the_end_of_ram_is_refused", 0, 0, RAM_END - 8},
        {"used_ring_that_wraps_is_refused", 0, 0, UINT64_MAX - 7},
        {"descriptors_beyond_32_bits_are_refused", (1ul << 32) + RAM, 0, 0},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        virtio_start(rng, bad[i].desc ? bad[i].desc : (uint64_t)&ring.desc,
                     bad[i].driver ? bad[i].driver : (uint64_t)&ring.avail,
                     bad[i].device ? bad[i].device : (uint64_t)&ring.used);
        expect(bad[i].name, mmio_read(rng + 0x70) & STATUS_NEEDS_RESET);
    }
}

static void chains(uint64_t rng)
{
    start(rng);
    ring.desc[0] = (struct desc){RAM + 0x100000, 64, DESC_NEXT | DESC_WRITE, 1};
    ring.desc[1] = (struct desc){RAM + 0x100000, 64, DESC_NEXT | DESC_WRITE, 0};
    expect("chain_that_loops_is_refused", virtio_offer(rng, &ring) == 0);
    start(rng);
    ring.desc[0] = (struct desc){RAM + 0x100000, 64, DESC_NEXT | DESC_WRITE, 8};
    expect("chain_out_of_the_table_is_refused", virtio_offer(rng, &ring) == 0);
    start(rng);
    ring.avail.idx = 0x4000;
    expect("available_index_too_far_ahead_is_refused", virtio_offer(rng, &ring) == 0);
    expect("device_works_again_after_reset", offer(rng, RAM + 0x100000, 64) == 1);
}

void guest_main(void)
{
    uint64_t rng = virtio_find(4);
    expect("entropy_device_is_there", rng != 0);
    buffers(rng);
    queues(rng);
    chains(rng);
}
