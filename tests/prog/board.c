/* The devices' registers as the data sheets give them: UART, RTC, GPIO, virtio slots; the device
 * tree's header. */
#include "gic.h"

static void primecell(u64 base, u32 part)
{
    u32 id = 0, cell = 0;
    for (unsigned i = 0; i < 4; i++) {
        id |= r32(base + 0xfe0 + 4 * i) << 8 * i;
        cell |= r32(base + 0xff0 + 4 * i) << 8 * i;
    }
    rt_note("part", part);
    EQ(id & 0xfff, part);
    EQ(id >> 12 & 0xff, 0x41); /* designer: Arm */
    EQ(cell, 0xb105f00d);
    rt_note(NULL, 0);
}

static void uart(void)
{
    primecell(UART, 0x011);
    EQ(r32(UART + 0x18) & 0x10, 0x10); /* FR: nothing received */
    if (!rt_qemu) { /* keeps all bits */
        w32(UART + 0x24, 0x12345);
        EQ(r32(UART + 0x24), 0x2345); /* IBRD: 16 bits */
        w32(UART + 0x28, 0xff);
        EQ(r32(UART + 0x28), 0x3f);
    }
    u32 lcr = r32(UART + 0x2c), cr = r32(UART + 0x30);
    w32(UART + 0x2c, 0x70);
    EQ(r32(UART + 0x2c), 0x70); /* 8 bits, FIFOs */
    w32(UART + 0x34, 0x12);
    EQ(r32(UART + 0x34), 0x12);
    w32(UART + 0x38, 0x7ff);
    EQ(r32(UART + 0x38), 0x7ff);
    EQ(r32(UART + 0x40), r32(UART + 0x3c));
    w32(UART + 0x38, 0);
    EQ(r32(UART + 0x40), 0);
    w32(UART + 0x44, 0x7ff);
    EQ(r32(UART + 0x3c) & ~0xful, 0); /* but for modem lines */
    /* loopback: what is sent is received */
    if (!rt_qemu) {
        w32(UART + 0x30, cr | 0x80);
        static const char text[] = "loop";
        for (unsigned i = 0; i < 4; i++)
            w32(UART, text[i]);
        EQ(r32(UART + 0x18) & 0x10, 0);
        TRUE(r32(UART + 0x3c) & 0x40); /* receive timeout: some are waiting */
        for (unsigned i = 0; i < 4; i++)
            EQ(r32(UART), text[i]);
        EQ(r32(UART + 0x18) & 0x10, 0x10);
        EQ(r32(UART + 0x3c) & 0x40, 0);
        for (unsigned i = 0; i < 33; i++) /* one more than the FIFO holds */
            w32(UART, i);
        EQ(r32(UART + 0x18) & 0x40, 0x40); /* RXFF */
        EQ(r32(UART + 0x3c) & 0x410, 0x410); /* overrun, half full */
        for (unsigned i = 0; i < 32; i++)
            EQ(r32(UART) & 0xff, i);
        EQ(r32(UART + 0x18) & 0x10, 0x10);
        EQ(r32(UART + 4) & 8, 8); /* RSR.OE until ECR is written */
        w32(UART + 4, 0);
        EQ(r32(UART + 4), 0);
        w32(UART + 0x44, 0x7ff);
        w32(UART + 0x30, cr);
    }
    w32(UART + 0x2c, lcr);
    EQ(r8(UART + 0xfe0), 0x11); /* narrow accesses */
}

static void rtc(void)
{
    primecell(RTC, 0x031);
    u32 now = r32(RTC);
    TRUE(now > 1600000000); /* after 2020 */
    EQ(r32(RTC + 0xc), 1);
    w32(RTC + 8, 1000);
    EQ(r32(RTC + 8), 1000);
    TRUE(r32(RTC) - 1000 <= 2);
    w32(RTC + 0x10, 1);
    w32(RTC + 0x1c, 1);
    EQ(r32(RTC + 0x14), 0);
    w32(RTC + 4, r32(RTC) + 1); /* in a second at most */
    u64 end = MRS(cntvct_el0) + 5 * MRS(cntfrq_el0);
    while (!(r32(RTC + 0x14) & 1) && MRS(cntvct_el0) < end)
        ;
    EQ(r32(RTC + 0x14), 1);
    EQ(r32(RTC + 0x18), 1);
    TRUE(gic_get(34, GIC_ISPENDR));
    w32(RTC + 0x1c, 1);
    EQ(r32(RTC + 0x18), 0);
    TRUE(!gic_get(34, GIC_ISPENDR));
    w32(RTC + 0x10, 0);
    w32(RTC + 8, now);
}

static void gpio(void)
{
    primecell(GPIO, 0x061);
    w32(GPIO + 0x400, 0xf0); /* DIR: upper four are outputs */
    EQ(r32(GPIO + 0x400), 0xf0);
    w32(GPIO + 0x3fc, 0xa5);
    EQ(r32(GPIO + 0x3fc) & 0xf0, 0xa0);
    w32(GPIO + (0x20 << 2), 0); /* masked write: bit 5 only */
    EQ(r32(GPIO + 0x3fc) & 0xf0, 0x80);
    w32(GPIO + (0x40 << 2), 0xff);
    EQ(r32(GPIO + 0x3fc) & 0xf0, 0xc0);
    EQ(r32(GPIO + (0x40 << 2)), 0x40); /* masked read */
    EQ(r32(GPIO), 0);
    for (u64 r = 0x404; r <= 0x410; r += 4) {
        w32(GPIO + r, 0x5a);
        EQ(r32(GPIO + r), 0x5a);
        w32(GPIO + r, 0);
    }
    w32(GPIO + 0x41c, 0xff);
    EQ(r32(GPIO + 0x414), 0);
    w32(GPIO + 0x400, 0);
}

static void virtio(void)
{
    for (u64 slot = 0; slot < 32; slot++) {
        u64 at = VIRTIO + slot * 0x200;
        rt_note("slot", slot);
        EQ(r32(at), 0x74726976);
        if (!rt_qemu) { /* legacy unless told otherwise */
            EQ(r32(at + 4), 2);
            EQ(r32(at + 8), 0); /* nothing is plugged in: --no-rng */
            EQ(r32(at + 0xc), 0x4e524a53);
        }
        EQ(r32(at + 0x10), 0);
        EQ(r32(at + 0x70), 0);
        w32(at + 0x70, 3); /* no effect on an empty slot */
        EQ(r32(at + 0x70), 0);
        EQ(r32(at + 0x34), 0);
        EQ(r32(at + 0x100), 0);
        EQ(r32(at + 0x60), 0);
    }
    rt_note(NULL, 0);
}

static void device_tree(void)
{
    u32 magic = r32(rt_dtb);
    EQ(magic, 0xedfe0dd0);
    EQ(rt_dtb & 7, 0);
    u32 size = __builtin_bswap32(r32(rt_dtb + 4));
    TRUE(size > 1000 && size <= 0x200000);
}

int main(void)
{
    device_tree();
    rt_mmu_on();
    gic_init();
    uart();
    rtc();
    gpio();
    virtio();
    return 0;
}
