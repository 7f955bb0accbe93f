/* Guests that never end by themselves; run.sh ends them with a signal. LOOP says which. */
#include "guest.h"

static void vectors_at(uint64_t at)
{
    __asm__ volatile("msr vbar_el1, %0\n isb\n svc #0" ::"r"(at));
}

static void mmu_on_without_a_map(void)
{
    static uint64_t table[512] __attribute__((aligned(4096)));
    __asm__ volatile("msr ttbr0_el1, %0\n msr tcr_el1, %1\n isb\n"
                     "mrs x9, sctlr_el1\n orr x9, x9, #1\n msr sctlr_el1, x9\n isb" ::"r"(table),
                     "r"(25ul)
                     : "x9");
}

/* Interrupts that come as fast as they are taken: the handler (start.S) switches the timers off. */
static void timer_storm(void)
{
    mmio_write(GICD, 0x12);
    mmio_write(GICR + 0x14, 0);
    __asm__ volatile("msr s3_0_c4_c6_0, %0\n msr s3_0_c12_c12_7, %1" ::"r"(0xfful), "r"(1ul));
    for (uint64_t i = 0;; i++) {
        mmio_write(GICR + 0x10100, 0xffffffff);
        mmio_write(GICR + 0x10200, (uint32_t)i);
        mmio_write(GICR + 0x10400 + (i & 28), (uint32_t)(i * 0x9e3779b9));
        mmio_write(GICD + 0x104 + (i & 28), (uint32_t)i);
        mmio_write(GICD + 0x204 + (i & 28), (uint32_t)i);
        __asm__ volatile(
            "msr cntv_tval_el0, %0\n msr cntp_cval_el0, %0\n msr cntv_ctl_el0, %1\n"
            "msr cntp_ctl_el0, %1\n msr daifclr, #3\n isb\n msr daifset, #3" ::"r"(i & 7),
            "r"(1ul));
        uint64_t intid;
        __asm__ volatile("mrs %0, s3_0_c12_c12_0\n msr s3_0_c12_c12_1, %0" : "=r"(intid));
    }
}

static void dma_storm(void)
{
    static struct ring ring;
    uint64_t rng = virtio_find(4);
    for (;;) {
        virtio_start(rng, (uint64_t)&ring.desc, (uint64_t)&ring.avail, (uint64_t)&ring.used);
        for (unsigned i = 0; i < 8; i++) {
            ring.desc[i] = (struct desc){RAM + 0x200000, 0x3000000, DESC_WRITE, 0};
            ring.avail.ring[i] = (uint16_t)i;
        }
        ring.avail.idx += 8;
        mmio_write(rng + 0x50, 0);
        mmio_write(rng + 0x70, 0);
        ring.avail.idx = ring.used.idx = 0;
    }
}

/* Requests of almost 4 GiB, one after the other. */
static void disk_storm(uint32_t type)
{
    static struct desc table[128] __attribute__((aligned(16)));
    static volatile struct {
        uint16_t flags, idx, ring[128], used_event;
    } avail;
    static volatile uint32_t used[2 + 2 * 128];
    static const uint64_t sector;
    static uint64_t header[2];
    static uint8_t status;
    uint64_t blk = virtio_find(2);
    header[0] = type;
    header[1] = sector;
    table[0] = (struct desc){(uint64_t)header, 16, DESC_NEXT, 1};
    for (uint16_t i = 1; i < 80; i++)
        table[i] = (struct desc){RAM + 0x200000, 0x3000000, DESC_NEXT | (type ? 0 : DESC_WRITE),
                                 (uint16_t)(i + 1)};
    table[80] = (struct desc){(uint64_t)&status, 1, DESC_WRITE, 0};
    mmio_write(blk + 0x70, 0);
    mmio_write(blk + 0x70, 3);
    mmio_write(blk + 0x24, 1);
    mmio_write(blk + 0x20, 1);
    mmio_write(blk + 0x70, 11);
    mmio_write(blk + 0x38, 128);
    const uint64_t area[3] = {(uint64_t)table, (uint64_t)&avail, (uint64_t)used};
    for (unsigned i = 0; i < 3; i++)
        mmio_write(blk + 0x80 + 0x10 * i, (uint32_t)area[i]);
    mmio_write(blk + 0x44, 1);
    mmio_write(blk + 0x70, 15);
    avail.idx = 100;
    for (;;)
        mmio_write(blk + 0x50, 0);
}

void guest_main(void)
{
#if defined(LOOP_vectors_nowhere)
    vectors_at(0x10000000);
#elif defined(LOOP_vectors_in_registers)
    vectors_at(UART);
#elif defined(LOOP_vectors_beyond_addresses)
    vectors_at(0xfffffffffffff800);
#elif defined(LOOP_mmu_without_map)
    mmu_on_without_a_map();
#elif defined(LOOP_branch_to_self)
    __asm__ volatile("b .");
#elif defined(LOOP_wfi_masked)
    for (;;)
        __asm__ volatile("wfi");
#elif defined(LOOP_wfe)
    for (;;)
        __asm__ volatile("wfe");
#elif defined(LOOP_cpu_off)
    hvc(0x84000002, 0, 0, 0);
#elif defined(LOOP_cpu_suspend)
    for (;;)
        hvc(0xc4000001, 0, RAM, 0);
#elif defined(LOOP_reset_storm)
    hvc(0x84000009, 0, 0, 0);
#elif defined(LOOP_timer_storm)
    timer_storm();
#elif defined(LOOP_dma_storm)
    dma_storm();
#elif defined(LOOP_disk_read_storm)
    disk_storm(0);
#elif defined(LOOP_disk_write_storm)
    disk_storm(1);
#elif defined(LOOP_output_storm)
    for (;;)
        print("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
#elif defined(LOOP_self_modifying)
    for (;;)
        __asm__ volatile("adr x9, 1f\n ldr w10, [x9]\n eor w10, w10, #0x20\n str w10, [x9]\n"
                         "dc cvau, x9\n dsb ish\n ic ivau, x9\n dsb ish\n isb\n1: movz x10, #0" ::
                             : "x9", "x10", "memory");
#elif defined(LOOP_semihost_read)
    const uint64_t tt[3] = {(uint64_t)":tt", 0, 3};
    uint64_t handle = semihost(1, tt), read[3] = {handle, RAM + 0x200000, 4096};
    for (;;)
        semihost(6, read);
#else
#error "LOOP_name"
#endif
    (void)vectors_at;
    (void)mmu_on_without_a_map;
    (void)timer_storm;
    (void)dma_storm;
    (void)disk_storm;
    for (;;)
        ;
}
