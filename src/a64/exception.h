/* Taking and returning from exceptions: Arm ARM D1.3, D1.10 (AArch64 System level). */
#ifndef A64_EXCEPTION_H
#define A64_EXCEPTION_H

#include "a64/cpu.h"

/* ESR_ELx.EC values (D17.2.37). Rows of isa/esr.def. */
enum a64_ec {
#define ESR_CLASS(name, value, text) EC_##name = value,
#include "esr.def"
#undef ESR_CLASS
};

/* A fault found by address translation or by the access itself; fsc is the DFSC/IFSC encoding. */
struct a64_fault {
    uint8_t fsc;
    bool s1ptw;      /* fault on a stage 2 access for a stage 1 walk (EL2 only) */
    bool external;   /* ESR.EA */
    bool write;      /* ESR.WnR */
    bool cm;         /* ESR.CM: cache maintenance */
    gva_t va;
};

/* Each of the following takes a synchronous exception at once: PC, PSTATE, ELR, SPSR, ESR, FAR are
 * set, for the preferred return address named. Call with cpu->pc = address of the instruction. All
 * @vcpu, none fails. */

/* UNDEFINED instruction (EC 0, IL 1). */
void a64_undefined(struct a64_cpu *cpu);
/* EC with an explicit ISS; preferred return = the instruction itself. ESR.IL is always 1. */
void a64_exception(struct a64_cpu *cpu, enum a64_ec ec, uint32_t iss);
/* SVC/HVC/SMC/BRK family: preferred return address given; goes to target_el, or to the level that
 * takes the current one's exceptions if that is higher. */
void a64_exception_return_to(struct a64_cpu *cpu, enum a64_ec ec, uint32_t iss, uint64_t ret,
                             unsigned target_el);
/* SSAdvance(): software step counts the instruction as executed although it leaves for a higher
 * Exception level or the monitor; what follows its return is the active-pending state. @vcpu */
void a64_step_advance(struct a64_cpu *cpu);
/* SIMD&FP access trapped by CPACR/CPTR: true when it is allowed, else the exception is taken. */
bool a64_fp_check(struct a64_cpu *cpu);
void a64_data_abort(struct a64_cpu *cpu, const struct a64_fault *f);
void a64_prefetch_abort(struct a64_cpu *cpu, const struct a64_fault *f);
void a64_pc_alignment_fault(struct a64_cpu *cpu);
void a64_sp_alignment_fault(struct a64_cpu *cpu);
void a64_illegal_state(struct a64_cpu *cpu);
/* Debug exceptions; debug.h decides when. ESR.ISS.{ISV,EX} of a step come from cpu->step_valid and
 * was_exclusive. */
void a64_watchpoint(struct a64_cpu *cpu, gva_t va, bool write, bool cm);
void a64_breakpoint(struct a64_cpu *cpu);
void a64_software_step(struct a64_cpu *cpu, bool was_exclusive);

/* Takes a pending, unmasked SError, FIQ or IRQ if there is one (in this order). True if taken.
 * @vcpu */
bool a64_take_interrupt(struct a64_cpu *cpu);
/* True when an interrupt is pending that ends WFI (masked or not). @vcpu */
bool a64_wakeup_pending(const struct a64_cpu *cpu);

/* ERET: restores PSTATE from SPSR_ELx and PC from ELR_ELx, with illegal-return rules. */
void a64_eret(struct a64_cpu *cpu);

/* PSTATE as an SPSR value, and back (without legality checks). */
uint64_t a64_pstate_read(const struct a64_cpu *cpu);
void a64_pstate_write(struct a64_cpu *cpu, uint64_t spsr);

#endif
