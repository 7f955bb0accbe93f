/* Interrupt wires. A device holds `struct irq` and drives levels; the interrupt controller is the
 * sink. Wires remember their level so that repeated sets cost nothing.
 */
#ifndef VM_IRQ_H
#define VM_IRQ_H

#include <stdbool.h>

typedef void irq_sink(void *arg, unsigned n, bool level);

struct irq {
    irq_sink *sink; /* null: not connected */
    void *arg;
    unsigned n;     /* input of the sink */
    bool level;     /* driven under the owning device's lock */
};

/* Drives the wire. Under the owner's lock. @any */
static inline void irq_set(struct irq *i, bool level)
{
    if (i->level == level)
        return;
    i->level = level;
    if (i->sink)
        i->sink(i->arg, i->n, level);
}

/* Drives the wire again to whatever the sink should see, also if unchanged (after load). */
static inline void irq_refresh(struct irq *i, bool level)
{
    i->level = level;
    if (i->sink)
        i->sink(i->arg, i->n, level);
}

#endif
