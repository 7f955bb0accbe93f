/* Arm PrimeCell Real Time Clock PL031 (DDI 0224C). */
#ifndef DEV_PL031_H
#define DEV_PL031_H

#include "vm/vm.h"

/* Creates the clock at `base`, driving `irq` (RTCINTR). The VM owns it. -E... when there is no
 * memory or the window is taken. @stopped */
int MUST_CHECK pl031_create(struct vm *vm, const char *name, uint64_t base, struct irq irq,
                            struct err *e);

extern const struct dev_class pl031_class;

#endif
