/* A virtio device whose driver is the fuzzer: guest memory, its queues' areas included, is bytes of
 * the input; RAM begins at 0, so that small numbers are good addresses.
 *
 * Input: a byte of flags (enum queue_flag), 8 bytes of features wanted, one byte for each queue's
 * size, a byte that says how many steps of 4 bytes follow, the steps, then memory from address 0.
 * Queue q has its areas at QUEUE_BASE(q): descriptors (8), driver area, device area.
 *
 * A step is op, a, and a 16-bit b: serve, patch memory, kick, configure, reset; 8 to 15 belong to
 * the device (input from its backend and the like). */
#ifndef FUZZ_QUEUES_H
#define FUZZ_QUEUES_H

#include "fakes.h"
#include "input.h"
#include "virtio/virtio.h"
#include "vm/vm.h"

#define QUEUE_RAM_BYTES 0x4000u
#define QUEUE_BASE(q) ((q) * 0x200u)
#define QUEUE_DRIVER 0x80u
#define QUEUE_DEVICE 0x100u
#define QUEUE_DATA 0xa00u /* above all queues: what the steps of a device use */

enum queue_flag { Q_PACKED = 1, Q_EVENT_IDX = 2, Q_INDIRECT = 4, Q_BACKEND = 8, Q_SAVE = 16 };

struct queue_test {
    struct vm vm;
    struct virtio_dev *vd;
    void (*step)(struct queue_test *t, unsigned op, unsigned a, unsigned b);
    void (*begin)(struct queue_test *t, unsigned flags); /* backends as the flags say */
};

/* Makes the machine without the device; then the caller creates that and calls queue_test_ready().
 */
void queue_test_init(struct queue_test *t);
void queue_test_ready(struct queue_test *t);
void queue_test_run(struct queue_test *t, const uint8_t *data, size_t size);

#endif
