/* What a device is to the rest of the machine.
 *
 * A device sees offsets into its register window, virtual time, interrupt wires and checked DMA;
 * never host time, threads, random numbers or another device. Its class is a constant table at the
 * bottom of its file with a row in dev/classes.def. Its structure begins with `struct device`.
 */
#ifndef VM_DEVICE_H
#define VM_DEVICE_H

#include "base/err.h"
#include "base/log.h"
#include "state/state.h"
#include "vm/irq.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct device;
struct vm;

struct dev_class {
    const char *name;           /* "pl011" */
    uint64_t window_bytes;      /* size of its register window; 0: none (reached otherwise) */
    /* Access sizes accepted, in bytes; others are RAZ/WI and a guest_err(). */
    uint8_t min_access, max_access;
    const struct state_field *fields; /* complete (state_uncovered() is null) */
    size_t object_bytes;

    /* One register access, device lock held, offset < window_bytes, size accepted and naturally
     * aligned. Cannot fail: unknown offsets are RAZ/WI with guest_err. @vcpu */
    uint64_t (*read)(struct device *d, uint64_t offset, unsigned size);
    void (*write)(struct device *d, uint64_t offset, unsigned size, uint64_t value);
    /* Power-on state; drops interrupt lines. @stopped */
    void (*reset)(struct device *d);
    /* After load: validates cross-field rules, recomputes DERIVED members, drives the wires.
     * -EINVAL with a text when the state is impossible. May be null. @stopped */
    int (*loaded)(struct device *d, struct err *e);
    /* Frees what create made, the structure included. @stopped */
    void (*destroy)(struct device *d);
    /* Makes the device's own threads leave its state and guest memory alone, or lets them go on.
     * Called by vm_stop() and vm_start(); repeating is harmless. Null: it has none. @any */
    void (*pause)(struct device *d, bool paused);
};

struct device {
    const struct dev_class *cls;
    struct vm *vm;
    char name[32];        /* unique in the machine: "pl011", "virtio-mmio.3" */
    uint64_t base;        /* guest-physical address of the window */
    pthread_mutex_t lock; /* rank: device, above the GIC's (ARCHITECTURE.md) */
    struct guest_err err;
    struct device *next;  /* the VM's list, in creation order */
};

/* The row that every device's field table begins with. */
#define F_DEVICE(type) F_WIRING(type, dev)

/* Initialises the common part and adds the device to the VM's list and bus at `base`. -EINVAL when
 * the window overlaps another. @stopped */
int MUST_CHECK device_attach(struct device *d, const struct dev_class *cls, struct vm *vm,
                             const char *name, uint64_t base, struct err *e);

/* For tests and DMA-less use: common part only, no VM, no bus. */
void device_init(struct device *d, const struct dev_class *cls, const char *name);

#endif
