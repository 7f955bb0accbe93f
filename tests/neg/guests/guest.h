/* What the guests of tests/neg share: a serial port, PSCI, traps that are counted and stepped over,
 * and a virtio driver that can be told to misbehave. They run at EL1 with the MMU off. */
#ifndef TESTS_NEG_GUESTS_GUEST_H
#define TESTS_NEG_GUESTS_GUEST_H

#include <stdint.h>

#define UART 0x09000000ul
#define RTC 0x09010000ul
#define GPIO 0x09030000ul
#define GICD 0x08000000ul
#define GICR 0x080a0000ul
#define VIRTIO 0x0a000000ul /* slot 0; 0x200 bytes each */
#define RAM 0x40000000ul
#define RAM_END 0x44000000ul /* run.sh gives 64 MiB */

/* The traps seen and the last one's syndrome and address; the vectors step over the instruction, or
 * return to `trap_resume` after an aborted fetch. */
extern volatile uint64_t trap_count, trap_esr, trap_far, trap_resume;

void guest_main(void);

static inline uint32_t mmio_read(uint64_t at)
{
    uint32_t v;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(at) : "memory");
    return v;
}

static inline void mmio_write(uint64_t at, uint32_t v)
{
    __asm__ volatile("str %w0, [%1]" ::"r"(v), "r"(at) : "memory");
}

void print(const char *text);
/* "ok NAME" or "not ok NAME"; run.sh looks for them. */
void expect(const char *name, int good);
uint64_t hvc(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3);
uint64_t semihost(uint64_t operation, const void *block);
void power_off(void) __attribute__((noreturn));

/* ---- virtio ---- */

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

#define DESC_NEXT 1
#define DESC_WRITE 2
#define STATUS_NEEDS_RESET 64u

struct ring {
    struct desc desc[8];
    struct {
        uint16_t flags, idx, ring[8], used_event;
    } avail;
    struct {
        uint16_t flags, idx;
        struct {
            uint32_t id, len;
        } ring[8];
    } used;
} __attribute__((aligned(16)));

/* Base of the first virtio device with this ID, 0 when there is none. */
uint64_t virtio_find(uint32_t id);
/* Resets the device, takes VERSION_1 only and starts queue 0 at the three addresses. */
void virtio_start(uint64_t base, uint64_t desc, uint64_t driver, uint64_t device);
/* Offers chain 0 of the ring and waits until it is used (1) or the device gives up (0). */
int virtio_offer(uint64_t base, struct ring *r);

#endif
