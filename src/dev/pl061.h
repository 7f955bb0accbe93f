/* Arm PrimeCell General Purpose Input/Output PL061 (DDI 0190B). */
#ifndef DEV_PL061_H
#define DEV_PL061_H

#include "vm/vm.h"

#define PL061_PINS 8

struct pl061;

/* Creates the port at `base`, driving `irq` (GPIOINTR). The VM owns it; *out is for
 * pl061_set_input(). -E... when there is no memory or the window is taken. @stopped */
int MUST_CHECK pl061_create(struct vm *vm, const char *name, uint64_t base, struct irq irq,
                            struct pl061 **out, struct err *e);

/* Drives pin `pin` (< PL061_PINS) from outside. Takes the device's lock. @any */
void pl061_set_input(struct pl061 *p, unsigned pin, bool level);

extern const struct dev_class pl061_class;

#endif
