/* Does everything wrong with every device, very often. run.sh looks at how much the monitor says.
 */
#include "guest.h"

#define ROUNDS 300u

static const uint64_t windows[][2] = {
    {GICD, 0x10000}, {GICR, 0x20000}, {UART, 0x1000}, {RTC, 0x1000}, {GPIO, 0x1000},
};

static void touch(uint64_t at)
{
    uint64_t v;
    __asm__ volatile("ldrb %w0, [%1]\n ldrh %w0, [%1]\n ldr %w0, [%1]\n ldr %0, [%1]\n"
                     : "=&r"(v) : "r"(at) : "memory");
    if (at != UART) /* not into the output that run.sh reads */
        __asm__ volatile("strb wzr, [%0]\n strh wzr, [%0]\n str xzr, [%0]" ::"r"(at) : "memory");
}

void guest_main(void)
{
    static struct ring ring;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
            /* 0xe00 on: nothing that is needed to print. */
            for (uint64_t at = 0xe00; at < 0x1000; at += 0x28)
                touch(windows[w][0] + (at & ~7ul));
        }
        for (unsigned slot = 0; slot < 32; slot++) {
            uint64_t base = VIRTIO + slot * 0x200;
            for (unsigned at = 0; at < 0x200; at += 0x34)
                mmio_write(base + at, 0xffffffff);
            mmio_write(base + 0x70, 0);
            mmio_write(base + 0x70, 15);
            mmio_write(base + 0x50, 0xffff);
            mmio_write(base + 0x44, 1);
        }
        uint64_t rng = virtio_find(4);
        ring.avail.idx = ring.used.idx = 0;
        virtio_start(rng, (uint64_t)&ring.desc, (uint64_t)&ring.avail, (uint64_t)&ring.used);
        ring.desc[0] = (struct desc){round, 1, DESC_WRITE, 0};
        if (virtio_offer(rng, &ring))
            print("not ok buffer_outside_ram\n");
        hvc(0x84000020 + round, round, round, round); /* none of them is a function */
        semihost(0x40 + round, &ring);
        if (round % 16 != 6) /* SYS_READC would wait for input */
            semihost(1 + round % 16, (void *)(uintptr_t)UART);
        __asm__ volatile("msr s3_0_c12_c12_1, %0\n msr s3_0_c12_c11_1, %0" ::"r"((uint64_t)round));
    }
    expect("guest_went_on_after_all_mistakes", 1);
}
