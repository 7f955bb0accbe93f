/* A virtio driver in user space for tests: a machine with RAM and a bus but no vCPU, a virtio-mmio
 * transport, and rings built by hand. Devices are driven through the registers, as a guest would;
 * queues are served either by their threads (fd_kick) or by the test (fd_serve).
 */
#ifndef TESTS_FAKE_DRIVER_H
#define TESTS_FAKE_DRIVER_H

#include "virtio/mmio.h"
#include "vm/vm.h"

#define FD_RAM_BASE 0x40000000u
#define FD_MMIO_BASE 0x0a000000u
#define FD_MAX_QUEUES VIRTIO_MAX_QUEUES

/* Registers that tests name. */
#define REG_DEVICE_ID 0x008
#define REG_DEVICE_FEATURES 0x010
#define REG_DEVICE_FEATURES_SEL 0x014
#define REG_DRIVER_FEATURES 0x020
#define REG_DRIVER_FEATURES_SEL 0x024
#define REG_QUEUE_SEL 0x030
#define REG_QUEUE_NUM_MAX 0x034
#define REG_QUEUE_NUM 0x038
#define REG_QUEUE_READY 0x044
#define REG_QUEUE_NOTIFY 0x050
#define REG_INTERRUPT_STATUS 0x060
#define REG_INTERRUPT_ACK 0x064
#define REG_STATUS 0x070
#define REG_QUEUE_DESC 0x080
#define REG_QUEUE_DRIVER 0x090
#define REG_QUEUE_DEVICE 0x0a0
#define REG_QUEUE_RESET 0x0c0
#define REG_CONFIG_GENERATION 0x0fc
#define REG_CONFIG 0x100

struct fd_seg {
    gpa_t addr;
    uint32_t len;
    bool write;
};

struct fd_queue {
    uint16_t size;
    gpa_t desc, driver, device;
    uint16_t avail_next;  /* split: free-running index; packed: position */
    uint16_t used_next;
    bool avail_wrap, used_wrap;
    uint16_t free_head; /* next descriptor slot handed out (split), never reused while in flight */
    uint16_t slots_of[VQ_MAX_SIZE]; /* packed: by buffer id */
    uint16_t next_id;
};

struct fd {
    struct vm vm;
    struct virtio_dev *vd;
    gpa_t next_free; /* bump allocator over guest RAM */
    bool packed;
    atomic_int irq_raised; /* times the wire went up */
    atomic_bool irq_level;
    struct fd_queue q[FD_MAX_QUEUES];
};

/* A machine of `ram_bytes`; devices are then created in fd->vm and connected. */
void fd_init(struct fd *fd, uint64_t ram_bytes);
void fd_connect(struct fd *fd, struct virtio_dev *vd);
void fd_fini(struct fd *fd);
/* Ends the device's I/O threads: from now on only fd_serve() serves. */
void fd_by_hand(struct fd *fd);

uint32_t fd_read(struct fd *fd, uint32_t reg);
void fd_write(struct fd *fd, uint32_t reg, uint32_t value);
uint8_t fd_status(struct fd *fd);

gpa_t fd_alloc(struct fd *fd, uint64_t bytes, uint64_t align);
void *fd_ptr(struct fd *fd, gpa_t at, uint64_t len);

/* Reset to FEATURES_OK with (offered & wanted) | VERSION_1; returns the features. */
uint64_t fd_negotiate(struct fd *fd, uint64_t wanted);
/* Lays out a ring of `size` and makes it ready. */
void fd_queue(struct fd *fd, unsigned q, uint16_t size);
void fd_driver_ok(struct fd *fd);
/* All of it: negotiate, every queue with at most `size`, DRIVER_OK. */
void fd_start(struct fd *fd, uint64_t wanted, uint16_t size);

/* Makes a chain available; `indirect` puts it into a table. Returns its id. */
uint16_t fd_add(struct fd *fd, unsigned q, const struct fd_seg *segs, unsigned n, bool indirect);
void fd_kick(struct fd *fd, unsigned q);
void fd_serve(struct fd *fd, unsigned q);
/* Takes a used element; false when there is none. fd_wait waits up to 5 s for one. */
bool fd_used(struct fd *fd, unsigned q, uint16_t *id, uint32_t *len);
bool fd_wait(struct fd *fd, unsigned q, uint16_t *id, uint32_t *len);

/* Writes one raw descriptor: split (flags, next) or packed (flags, id). */
void fd_desc(struct fd *fd, gpa_t table, unsigned index, uint64_t addr, uint32_t len,
             uint16_t flags, uint16_t next_or_id);
/* Makes descriptor `head` available without building it (split), and moves the index by `by`. */
void fd_avail(struct fd *fd, unsigned q, uint16_t head, uint16_t by);

/* A device whose one kind of queue echoes: what a chain's readable part holds goes to its writable
 * part. `served` counts chains, `bytes` what they held. */
struct echo_dev {
    struct virtio_dev vd;
    atomic_uint served;
    _Atomic uint64_t bytes;
    atomic_bool slow; /* sleep a little in each request */
};
struct echo_dev *echo_create(struct fd *fd, unsigned queues, uint16_t queue_size);

void sleep_ms(unsigned ms);

#endif
