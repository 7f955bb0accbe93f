/* MRS, MSR and SYS: every system register and system instruction of isa/sysregs.def. */
#ifndef A64_SYSREG_H
#define A64_SYSREG_H

#include "a64/cpu.h"

/* The outcome of an access. */
enum a64_sys_result {
    A64_SYS_OK,
    A64_SYS_CONTEXT, /* done; interrupts or translation must be re-evaluated before going on */
    A64_SYS_TRAPPED, /* an exception was taken */
    A64_SYS_EXIT,    /* done; the vCPU must leave run() (cpu->request set) */
};

/* What the table says about a register, for state, debugger and disassembler. */
enum a64_sysreg_flag {
    A64_SYSREG_CTX = 1,    /* a write may change translation, code to run or interrupt masks */
    A64_SYSREG_ALIAS = 2,  /* no storage of its own: sys[] is unused */
    A64_SYSREG_NOSAVE = 4, /* storage that is constant: identification */
};
struct a64_sysreg_info {
    const char *name;
    uint64_t reset;    /* see isa/sysregs.def; 0 for identification registers */
    uint64_t writable; /* 0 also for registers with their own write accessor */
    uint16_t key;      /* A64_SYS_KEY of its encoding */
    uint8_t rd, wr;    /* lowest Exception level that may read and write; 4: none */
    uint8_t feature;   /* enum a64_feature */
    uint8_t trap;      /* private to sysreg.c */
    uint8_t flags;     /* enum a64_sysreg_flag */
};

/* The row of a register; static storage. @any */
const struct a64_sysreg_info *a64_sysreg_info(enum a64_sysreg reg);
/* The register of an encoding, or A64_SYSREG_COUNT; says nothing about access rights. @any */
enum a64_sysreg a64_sysreg_find(unsigned key);
/* True when at Exception level `el` a read of the register is no more than a load from sys[], or a
 * write no more than a store there of the bits in `writable`: nothing traps, no context changes.
 * Says nothing about features. @any */
bool a64_sysreg_is_plain(enum a64_sysreg reg, unsigned el, bool write);
/* The system instruction (op0 = 1) of an encoding, or A64_SYSOP_COUNT. @any */
enum a64_sysop a64_sysop_find(unsigned key);
/* Its name as isa/sysregs.def has it; null for A64_SYSOP_COUNT. @any */
const char *a64_sysop_name(enum a64_sysop op);

/* MRS Xt, op0 op1 CRn CRm op2; `key` = op0:op1:CRn:CRm:op2 as in the instruction's bits<20:5>.
 * PSTATE.NZCV changes for RNDR and RNDRRS. @vcpu */
enum a64_sys_result a64_sysreg_read(struct a64_cpu *cpu, unsigned key, unsigned rt,
                                    uint64_t *value);
/* MSR (register). @vcpu */
enum a64_sys_result a64_sysreg_write(struct a64_cpu *cpu, unsigned key, unsigned rt,
                                     uint64_t value);
/* SYS: AT, DC, IC, TLBI (op0 = 1). For DC ZVA and cache maintenance by address this does the checks
 * for UNDEFINED and traps; after A64_SYS_OK the caller's engine does the memory part, with
 * `a64_translate`. SYSL and everything unallocated is UNDEFINED. @vcpu */
enum a64_sys_result a64_sys(struct a64_cpu *cpu, unsigned key, unsigned rt, uint64_t value);
/* MSR (immediate): PSTATE fields, `op1:op2` and CRm. @vcpu */
enum a64_sys_result a64_msr_imm(struct a64_cpu *cpu, unsigned op1, unsigned op2, unsigned crm);

/* Levels of the generic timers' interrupt outputs now, as a mask of bits by enum a64_timer, and
 * when (in counter ticks) the next change is due, ~0 for never. Pure. @vcpu */
enum a64_timer { A64_TIMER_PHYS, A64_TIMER_VIRT, A64_TIMER_HYP, A64_TIMER_SEC, A64_TIMER_COUNT };
unsigned a64_timer_levels(const struct a64_cpu *cpu, uint64_t counter, uint64_t *next);
/* When (in counter ticks, after `counter`) the event stream of CNTKCTL_EL1 next sets the event
 * register, which ends WFE; ~0 while it is off. Pure. @vcpu */
uint64_t a64_event_stream_next(const struct a64_cpu *cpu, uint64_t counter);

#endif
