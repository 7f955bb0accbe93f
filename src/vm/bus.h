/* The map from guest-physical addresses to device windows. Built before the start, constant while
 * vCPUs run, so look-ups take no lock.
 */
#ifndef VM_BUS_H
#define VM_BUS_H

#include "vm/device.h"

#define BUS_MAX_WINDOWS 256 /* a redistributor for each vCPU, 32 virtio slots and the rest */

struct bus_window {
    uint64_t base, bytes;
    struct device *dev;
    uint64_t offset; /* added to the offset handed to the device */
};

struct bus {
    struct bus_window windows[BUS_MAX_WINDOWS]; /* sorted by base */
    unsigned count;
};

/* Adds a window; -EINVAL on overlap, -ENOSPC when full. @stopped */
int MUST_CHECK bus_add(struct bus *b, uint64_t base, uint64_t bytes, struct device *dev,
                       uint64_t offset, struct err *e);

/* One access of 1, 2, 4 or 8 bytes. False: nothing is there (external abort). A device that does
 * not take this size reads as zero and ignores writes. Takes the device's lock. @vcpu */
bool bus_read(struct bus *b, uint64_t pa, unsigned size, uint64_t *value);
bool bus_write(struct bus *b, uint64_t pa, unsigned size, uint64_t value);

#endif
