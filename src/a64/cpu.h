/* The architected state of one processing element (PE) and the functions it reaches its
 * surroundings through.
 *
 * At each engine exit `struct a64_cpu` is complete, and all other parts of the program see only
 * it. Engines may keep more (decoded pages, translation buffers) elsewhere; nothing of that is
 * state. Names are those of the Arm ARM (DDI 0487); system registers live in one array indexed by
 * the enum that isa/sysregs.def defines, so that reset, save, load and the debugger share one list.
 *
 * This folder is pure: no I/O, no locks, no allocation. What an instruction needs from outside
 * (guest-physical memory, the counter, the interrupt controller) it calls through `a64_env`.
 */
#ifndef A64_CPU_H
#define A64_CPU_H

#include "a64/features.h"
#include "a64/fp.h"
#include "a64/sysreg_ids.h"
#include "base/bits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct a64_cpu;

typedef uint64_t gpa_t; /* guest-physical address */
typedef uint64_t gva_t; /* guest-virtual address */

/* One SIMD&FP register Vn; the host is little-endian, so lanes are in architectural order. */
union a64_vreg {
    uint64_t d[2];
    uint32_t s[4];
    uint16_t h[8];
    uint8_t b[16];
} __attribute__((aligned(16)));

/* PSTATE.NZCV keeps its SPSR position: bits 31..28. */
#define PSTATE_N (1u << 31)
#define PSTATE_Z (1u << 30)
#define PSTATE_C (1u << 29)
#define PSTATE_V (1u << 28)

/* PSTATE.DAIF keeps its SPSR position too: D = 9, A = 8, I = 7, F = 6. */
#define PSTATE_D (1u << 9)
#define PSTATE_A (1u << 8)
#define PSTATE_I (1u << 7)
#define PSTATE_F (1u << 6)

/* Why engine_ops.run() returned. */
enum a64_exit {
    A64_EXIT_BUDGET,   /* the instruction budget is used up */
    A64_EXIT_REQUEST,  /* cpu->request became nonzero: somebody wants the vCPU thread */
    A64_EXIT_WFI,      /* WFI with no wake-up event pending; PC is past it */
    A64_EXIT_WFE,      /* WFE with the event register clear; PC is past it */
    A64_EXIT_HVC,      /* HVC for the monitor (PSCI, SMCCC); PC is past it; cpu->exit_imm */
    A64_EXIT_SMC,      /* SMC for the monitor; PC is past it; cpu->exit_imm */
    A64_EXIT_SEMIHOST, /* HLT #0xF000 with semihosting enabled; PC is at the HLT */
    A64_EXIT_DEBUG,    /* a breakpoint of the external debugger; PC is at it */
    A64_EXIT_COUNT
};

/* Asynchronous interrupt inputs of the PE: bits of cpu->irq_lines. */
#define A64_LINE_IRQ 1u
#define A64_LINE_FIQ 2u
#define A64_LINE_SERROR 4u

/* The local exclusive monitor. Physical address and the value seen, so that STXR can be a host
 * compare-and-exchange, and, with several PEs, the version of what else has been written there
 * atomically (doc/decisions: exclusives). */
struct a64_monitor {
    bool valid;
    uint8_t size; /* bytes: 1, 2, 4, 8 or 16 */
    gpa_t pa;
    uint64_t value[2];
    uint64_t version;
};

/* Which instructions are to be read from memory again. */
enum a64_icache {
    A64_ICACHE_LINE,   /* IC IVAU: at this address, by every PE of the Inner Shareable domain */
    A64_ICACHE_ALL,    /* IC IALLU: all, by this PE */
    A64_ICACHE_ALL_IS, /* IC IALLUIS: all, by every PE of the Inner Shareable domain */
};

/* Which address space and privilege a data or instruction access uses. */
enum a64_access { A64_ACCESS_READ, A64_ACCESS_WRITE, A64_ACCESS_FETCH };

/* TLB maintenance by one instruction, decoded (TLBI_*). Addresses are already shifted to bytes and
 * sign-extended from bit 55. */
enum a64_tlbi_scope { A64_TLBI_ALL, A64_TLBI_ASID, A64_TLBI_VA, A64_TLBI_VA_ALL_ASID };
struct a64_tlbi {
    enum a64_tlbi_scope scope;
    bool broadcast; /* an IS or OS form: every PE of the Inner Shareable domain */
    bool last_level;
    uint8_t el;     /* translation regime: 1 = EL1&0 */
    uint16_t asid;
    gva_t va;       /* page aligned */
    uint64_t bytes; /* length of the range, 0 for a single entry of unknown granule size */
};

/* Calls from architected behaviour to its surroundings. All are called on the vCPU's own thread
 * while it runs (@vcpu). */
struct a64_env {
    /* One aligned translation table access. False: external abort (no memory there). */
    bool (*walk_read)(struct a64_cpu *cpu, gpa_t pa, uint64_t *value);
    /* Replaces *pa by `desired` if it still is `expected`; *expected gets what was there.
     * False: external abort. Success is told by *expected being unchanged. */
    bool (*walk_cas)(struct a64_cpu *cpu, gpa_t pa, uint64_t *expected, uint64_t desired);

    uint64_t (*counter)(struct a64_cpu *cpu);    /* CNTPCT_EL0: ticks of CNTFRQ_EL0 */
    void (*timer_changed)(struct a64_cpu *cpu);  /* a CNT*_CTL, _CVAL, _TVAL, ... was written */
    void (*pmu_changed)(struct a64_cpu *cpu);    /* PMU overflow state: level of the PMU's PPI */
    uint64_t (*cycles)(struct a64_cpu *cpu);     /* source of PMCCNTR_EL0: monotonic cycles */
    bool (*random)(struct a64_cpu *cpu, uint64_t *value); /* RNDR: false = none now */

    /* The GIC CPU interface (ICC_*_EL1). False: the register is UNDEFINED there. */
    bool (*icc_read)(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value);
    bool (*icc_write)(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value);

    void (*tlbi)(struct a64_cpu *cpu, const struct a64_tlbi *op);
    /* `pa`, of A64_ICACHE_LINE, is the translated address. */
    void (*icache_invalidate)(struct a64_cpu *cpu, gpa_t pa, enum a64_icache what);
    void (*yield)(struct a64_cpu *cpu); /* YIELD: the host may run others. May be null */
    /* DSB: returns when this PE's broadcast maintenance is complete on every PE. May be null. */
    void (*barrier)(struct a64_cpu *cpu);
    /* Anything that changes how addresses translate or which code may run was written: SCTLR, TCR,
     * TTBRn, MAIR, CONTEXTIDR, PSTATE.{EL,PAN,UAO}, debug registers. Called at every exception and
     * ERET too, so it must be cheap: note the change, look later. */
    void (*context_changed)(struct a64_cpu *cpu);
    void (*send_event)(struct a64_cpu *cpu); /* SEV: to every PE */
};

/* Such that no padding ends the structure: tests check that vcpu_fields covers it. */
#define A64_ENGINE_AREA 8176

struct a64_cpu {
    /* ---- General-purpose and SIMD&FP registers (B1.2) ---- */
    uint64_t x[31];
    uint64_t pc;
    union a64_vreg v[32];
    /* Wiring: words of the engine that translated code must find near the registers. */
    _Alignas(16) uint8_t engine_area[A64_ENGINE_AREA];
    struct fp_env fp; /* FPCR, FPSR */

    /* ---- PSTATE (D1.4) ---- */
    uint32_t nzcv; /* PSTATE_N | PSTATE_Z | PSTATE_C | PSTATE_V */
    uint32_t daif; /* PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F */
    uint8_t el;    /* current Exception level, 0..3 */
    uint8_t spsel; /* PSTATE.SP */
    uint8_t pan, uao, dit, ssbs, il, ss;
    uint8_t btype;

    /* ---- Banked by Exception level: SP_ELx; ELR/SPSR live in sys[] ---- */
    uint64_t sp[4]; /* SP_EL0..3; the current one is sp[spsel ? el : 0] */

    /* ---- System registers, indexed by enum a64_sysreg (isa/sysregs.def) ---- */
    uint64_t sys[A64_SYSREG_COUNT];

    struct a64_monitor monitor;
    bool event_register;     /* WFE/SEV */
    bool os_double_lock;     /* not implemented by `default`: stays false */
    uint64_t instret;        /* instructions executed: the deterministic clock */

    /* ---- PMU event counting state not visible in a register ---- */
    uint64_t pmu_cycle_base;  /* env->cycles() when PMCCNTR_EL0 was last synchronised */
    uint64_t pmu_instr_base;  /* instret when the event counters were last synchronised */

    /* ---- Software step: what ESR_ELx.ISS of the next step exception says (a64/debug.h) ---- */
    bool step_valid;     /* an instruction was stepped since the last exception or ERET */
    bool step_exclusive; /* ... and it was a Load-Exclusive */

    /* ---- Asynchronous inputs, written by other threads ---- */
    atomic_uint irq_lines; /* A64_LINE_*: levels */
    atomic_uint request;   /* nonzero: leave run() with A64_EXIT_REQUEST at the next poll */
    atomic_uint attention; /* set after either of the two: an engine may poll this one only,
                            * clearing it before it looks at them */

    /* ---- Why run() ended ---- */
    uint16_t exit_imm; /* immediate of HVC/SMC */

    /* ---- Wiring, constant after creation; not state ---- */
    uint8_t max_el; /* highest Exception level the guest is given: 1 today */
    bool semihosting;
    const struct a64_env *env;
    void *env_ctx; /* the vCPU that owns this PE */
    void *engine;  /* the engine's private data for this PE */
    struct a64_features features; /* what the ID registers say */
};

/* General register n, 31 reading as zero (XZR). */
static inline uint64_t x_read(const struct a64_cpu *cpu, unsigned n)
{
    return n == 31 ? 0 : cpu->x[n];
}

static inline void x_write(struct a64_cpu *cpu, unsigned n, uint64_t v)
{
    if (n != 31)
        cpu->x[n] = v;
}

static inline uint64_t sp_read(const struct a64_cpu *cpu)
{
    return cpu->sp[cpu->spsel ? cpu->el : 0];
}

static inline void sp_write(struct a64_cpu *cpu, uint64_t v)
{
    cpu->sp[cpu->spsel ? cpu->el : 0] = v;
}

/* General register n, 31 meaning the stack pointer. */
static inline uint64_t xsp_read(const struct a64_cpu *cpu, unsigned n)
{
    return n == 31 ? sp_read(cpu) : cpu->x[n];
}

static inline void xsp_write(struct a64_cpu *cpu, unsigned n, uint64_t v)
{
    if (n == 31)
        sp_write(cpu, v);
    else
        cpu->x[n] = v;
}

/* Sets the whole state to its architected reset values (D1.9: cold reset), entering max_el with
 * SPSel = 1 and DAIF set; PC = 0. Keeps wiring and features. @stopped */
void a64_reset(struct a64_cpu *cpu);

#endif
