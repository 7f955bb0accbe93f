/* An engine executes the guest's instructions for one vCPU. vm/ knows engines only by this table.
 * At each return of run() the vCPU's `struct a64_cpu` is complete.
 */
#ifndef VM_ENGINE_H
#define VM_ENGINE_H

#include "a64/cpu.h"
#include "base/err.h"

#include <stdio.h>

struct vcpu;

/* Limits of engine_config.code_cache: branches reach 2 GiB. */
#define ENGINE_CODE_DEFAULT (UINT64_C(256) << 20)
#define ENGINE_CODE_MIN (UINT64_C(2) << 20)
#define ENGINE_CODE_MAX (UINT64_C(2047) << 20)

/* What an engine that translates is to write down about each translation it makes. The streams stay
 * the caller's and outlive the machine. */
struct engine_trace {
    FILE *to;               /* null: nothing */
    bool guest, ir, host;   /* guest instructions, intermediate code, host code */
    uint64_t first, last;   /* translations with an instruction at one of these addresses */
    FILE *perf_map;         /* names of host code as perf(1) reads them; null: none */
};

/* How the engine of a machine is to work. What its guest sees must not depend on it; all zero is
 * the normal way. */
struct engine_config {
    /* For tests: rare paths made common (doc/testing-lab.md). */
    struct engine_stress {
        bool tlb1;    /* one entry in each set of the translation buffer */
        bool code1;   /* one page of decoded or translated instructions is kept */
        bool nofast;  /* each data access takes the slow path */
        bool poll;    /* interrupts and requests are looked for before each instruction */
        bool preempt; /* run() returns after random numbers of instructions */
        uint64_t preempt_seed;
        uint64_t flush; /* after so many instructions all that was derived is forgotten; 0: never */
        bool nochain; /* translated blocks are never joined */
        bool avx2;    /* nothing beyond AVX2 is used of the host */
        bool evict;   /* translated code has room for a few blocks only */
        /* A pass of the translator left out: groups of accesses, dead flags, dead register writes,
         * dead operations. */
        bool nogroups, noflags, noputs, nodead;
    } stress;
    uint64_t code_cache; /* bytes for translated code; 0: ENGINE_CODE_DEFAULT */
    struct engine_trace trace;
    /* For tools whose process forks while it has a machine: translated code is memory of the
     * process alone, in one mapping that is writable and executable. */
    bool forks;
};

struct engine_ops {
    const char *name;
    /* A feature that this engine needs and the host lacks, or null; absent: needs none. @any */
    const char *(*missing)(void);
    bool translates; /* engine_config.code_cache and trace mean something to it */
    bool smp; /* runs several vCPUs of a machine at once, with vm/broadcast.h and vm/exclusive.h */
    /* Allocates per-vCPU data into cpu->engine. It is to work as v->vm->engine_config says. */
    int (*vcpu_create)(struct vcpu *v, struct err *e);
    void (*vcpu_destroy)(struct vcpu *v);
    /* Executes until something of enum a64_exit happens, at most `budget` instructions; one that
     * cannot be fetched counts too. @vcpu */
    enum a64_exit (*run)(struct vcpu *v, uint64_t budget);
    /* TLB maintenance on this vCPU, by itself or taken from the mailbox (vm/broadcast.h). @vcpu */
    void (*tlbi)(struct vcpu *v, const struct a64_tlbi *op);
    /* Translation context or debug state changed. @vcpu */
    void (*context_changed)(struct vcpu *v);
    /* IC IVAU for the line at pa, or IC IALLU: what was written before, by whomever, is what is
     * executed from now on. @vcpu */
    void (*icache_invalidate)(struct vcpu *v, gpa_t pa, bool all);
    /* Memory may be another, and code_written() was not told: forget all that was made of its
     * instructions. @stopped or @vcpu */
    void (*forget)(struct vcpu *v);
    /* Somebody else wrote to RAM page `page` that holds code. @any */
    void (*code_written)(struct vcpu *v, uint64_t page);
    /* Statistics as "name value" lines. @stopped */
    void (*stats)(struct vcpu *v, FILE *to);
};

#endif
