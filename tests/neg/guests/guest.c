/* See guest.h. */
#include "guest.h"

void print(const char *text)
{
    for (; *text; text++) {
        while (mmio_read(UART + 0x18) & 0x20)
            ;
        mmio_write(UART, (uint8_t)*text);
    }
}

void expect(const char *name, int good)
{
    print(good ? "ok " : "not ok ");
    print(name);
    print("\n");
}

void power_off(void)
{
    while (!(mmio_read(UART + 0x18) & 0x80))
        ;
    for (;;)
        hvc(0x84000008, 0, 0, 0);
}

uint64_t virtio_find(uint32_t id)
{
    for (unsigned slot = 0; slot < 32; slot++) {
        if (mmio_read(VIRTIO + slot * 0x200 + 8) == id)
            return VIRTIO + slot * 0x200;
    }
    return 0;
}

void virtio_start(uint64_t base, uint64_t desc, uint64_t driver, uint64_t device)
{
    mmio_write(base + 0x70, 0);
    mmio_write(base + 0x70, 3);
    mmio_write(base + 0x24, 1);
    mmio_write(base + 0x20, 1); /* VERSION_1 */
    mmio_write(base + 0x70, 11);
    mmio_write(base + 0x30, 0);
    mmio_write(base + 0x38, 8);
    const uint64_t area[3] = {desc, driver, device};
    for (unsigned i = 0; i < 3; i++) {
        mmio_write(base + 0x80 + 0x10 * i, (uint32_t)area[i]);
        mmio_write(base + 0x84 + 0x10 * i, (uint32_t)(area[i] >> 32));
    }
    mmio_write(base + 0x44, 1);
    mmio_write(base + 0x70, 15);
}

int virtio_offer(uint64_t base, struct ring *r)
{
    volatile struct ring *v = r;
    uint16_t used = v->used.idx;
    v->avail.ring[v->avail.idx % 8] = 0;
    __asm__ volatile("dmb sy" ::: "memory");
    v->avail.idx++;
    __asm__ volatile("dmb sy" ::: "memory");
    mmio_write(base + 0x50, 0);
    for (unsigned i = 0; i < 20000000; i++) {
        if (v->used.idx != used)
            return 1;
        if (mmio_read(base + 0x70) & STATUS_NEEDS_RESET)
            return 0;
    }
    print("# neither used nor failed\n");
    return -1;
}
