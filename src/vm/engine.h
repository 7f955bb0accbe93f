/* An engine executes the guest's instructions for one vCPU. vm/ knows engines only by this table.
 * At each return of run() the vCPU's `struct a64_cpu` is complete.
 */
#ifndef VM_ENGINE_H
#define VM_ENGINE_H

#include "a64/cpu.h"
#include "base/err.h"

#include <stdio.h>

struct vcpu;

struct engine_ops {
    const char *name;
    /* Allocates per-vCPU data into cpu->engine. */
    int (*vcpu_create)(struct vcpu *v, struct err *e);
    void (*vcpu_destroy)(struct vcpu *v);
    /* Executes until something of enum a64_exit happens, at most `budget` instructions. @vcpu */
    enum a64_exit (*run)(struct vcpu *v, uint64_t budget);
    /* TLB maintenance on this vCPU. @vcpu */
    void (*tlbi)(struct vcpu *v, const struct a64_tlbi *op);
    /* Translation context or debug state changed. @vcpu */
    void (*context_changed)(struct vcpu *v);
    /* Forget decoded instructions of the page holding pa, or all. @vcpu */
    void (*icache_invalidate)(struct vcpu *v, gpa_t pa, bool all);
    /* Somebody else wrote to RAM page `page` that holds code. @any */
    void (*code_written)(struct vcpu *v, uint64_t page);
    /* Statistics as "name value" lines. @stopped */
    void (*stats)(struct vcpu *v, FILE *to);
};

#endif
