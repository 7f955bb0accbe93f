/* The state of a whole machine apart from RAM, as one stream of bytes: what a snapshot holds of it,
 * and what a clone or a migrated machine is made from.
 *
 * Stream (little-endian): "SJRNVM", u16 version, the machine's own object, then one section for
 * each vCPU and each device in order of creation: u8 length and name, u8 length and class, u32
 * length, and the object's state as state/state.h encodes it (two tables for a vCPU). The order is
 * part of the format: it says that the machine was built the same way.
 *
 * RAM is not in it, because it is large and shared in other ways; nor are events that nobody has
 * taken yet, statistics, and what the host holds (files of semihosting, connections, bytes that a
 * console has not delivered).
 */
#ifndef VM_VM_STATE_H
#define VM_VM_STATE_H

#include "base/buf.h"
#include "base/err.h"

struct vm;

/* Appends the machine's state to `out`. -EBUSY when an event waits to be taken (the machine has
 * ended),
 * -ENOMEM; `out` is then as before. @stopped */
int MUST_CHECK vm_save(struct vm *vm, struct buf *out, struct err *e);

/* Replaces the state of a machine that was built the same way by what vm_save() gave; RAM must have
 * its contents already, since virtio devices look at their rings. Afterwards vm_start() goes on
 * exactly where the other stopped.
 *
 * The input is hostile: header, names, order and lengths are checked before anything changes, each
 * object's fields before that object changes, and what is impossible across fields at the end.
 * -EINVAL with a text says what is wrong; the machine is then to be reset, loaded again or
 * destroyed, but not started. @stopped
 *
 * Order: time, because devices ask for it; then every object's fields; then vCPUs and devices in
 * order of creation make what they derive. The interrupt controller comes before what is wired to
 * it, so a wire that is driven again meets inputs that know its level already, and no edge is
 * seen. */
int MUST_CHECK vm_load(struct vm *vm, const void *data, size_t len, struct err *e);

#endif
