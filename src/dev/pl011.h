/* Arm PrimeCell UART PL011, revision r1p5 (DDI 0183G). */
#ifndef DEV_PL011_H
#define DEV_PL011_H

#include "backend/chr.h"
#include "vm/vm.h"

/* Creates a UART at `base` that drives `irq` (UARTINTR) and talks to `chr`, which stays the
 * caller's and must outlive the device; null discards output and never receives. The VM owns the
 * device. -E... when there is no memory, the window is taken or the backend cannot start. @stopped
 */
int MUST_CHECK pl011_create(struct vm *vm, const char *name, uint64_t base, struct irq irq,
                            struct chr *chr, struct err *e);

extern const struct dev_class pl011_class;

#endif
