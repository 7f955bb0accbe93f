/* The interrupt controller as the machine sees it; implemented by dev/gicv3.c. */
#ifndef VM_INTC_H
#define VM_INTC_H

#include "a64/cpu.h"

struct intc;

struct intc_ops {
    /* Levels of shared and private peripheral interrupts. Takes the controller's lock. @any */
    void (*set_spi)(struct intc *ic, unsigned spi, bool level);               /* INTID 32 + spi */
    void (*set_ppi)(struct intc *ic, unsigned cpu, unsigned ppi, bool level); /* INTID 16 + ppi */
    /* CPU interface system registers of `cpu` (ICC_*_EL1). False: no such register. @vcpu */
    bool (*sysreg_read)(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t *value);
    bool (*sysreg_write)(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t value);
    /* The PE `cpu` lost its power or got it: its CPU interface is as after reset, and its lines are
     * driven again to what they should be. @vcpu */
    void (*reset_cpu)(struct intc *ic, unsigned cpu);
};

struct intc {
    const struct intc_ops *ops;
};

#endif
