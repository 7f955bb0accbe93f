/* Inside of a64/: accessors of system registers, shared between the files that implement them.
 *
 * An accessor runs after the access checks. It returns A64_SYS_OK, A64_SYS_CONTEXT when interrupts
 * or translation must be looked at again, or A64_SYS_TRAPPED after taking an exception itself. */
#ifndef A64_SYSREG_INT_H
#define A64_SYSREG_INT_H

#include "a64/debug.h"
#include "a64/exception.h"
#include "a64/pmu.h"
#include "a64/sysreg.h"

typedef enum a64_sys_result sysrd_fn(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value);
typedef enum a64_sys_result syswr_fn(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value);
typedef enum a64_sys_result sysop_fn(struct a64_cpu *cpu, enum a64_sysop op, uint64_t value);

/* sysreg_pstate.c */
sysrd_fn sysrd_sp_el0, sysrd_sp_el1, sysrd_sp_el2, sysrd_spsel, sysrd_currentel, sysrd_pan,
    sysrd_uao, sysrd_nzcv, sysrd_daif, sysrd_dit, sysrd_ssbs, sysrd_fpcr, sysrd_fpsr, sysrd_rndr;
syswr_fn syswr_sp_el0, syswr_sp_el1, syswr_sp_el2, syswr_spsel, syswr_pan, syswr_uao, syswr_nzcv,
    syswr_daif, syswr_dit, syswr_ssbs, syswr_fpcr, syswr_fpsr;

/* sysreg_ctl.c */
sysrd_fn sysrd_dczid, sysrd_rvbar, sysrd_isr, sysrd_icc, sysrd_zero;
syswr_fn syswr_sctlr, syswr_ttbr, syswr_tcr, syswr_icc, syswr_ignore;

/* sysreg_id.c */
sysrd_fn sysrd_ccsidr;
void a64_id_reset(struct a64_cpu *cpu); /* fills the identification registers; keeps MPIDR.Aff */

/* debug.c */
sysrd_fn sysrd_claimset, sysrd_mdccsr;
syswr_fn syswr_mdscr, syswr_oslar, syswr_claimset, syswr_claimclr;

/* timer.c */
sysrd_fn sysrd_cntpct, sysrd_cntvct, sysrd_timer_tval, sysrd_timer_ctl;
syswr_fn syswr_cntfrq, syswr_timer, syswr_timer_tval;

/* pmu.c */
sysrd_fn sysrd_pmu_clr, sysrd_pmovs, sysrd_pmccntr, sysrd_pmxevtyper, sysrd_pmxevcntr,
    sysrd_pmevcntr;
syswr_fn syswr_pmcr, syswr_pmu_set, syswr_pmu_clr, syswr_pmswinc, syswr_pmccntr, syswr_pmxevtyper,
    syswr_pmxevcntr, syswr_pmevcntr, syswr_pmevtyper;

/* sysreg_op.c */
sysop_fn sysop_nop, sysop_line, sysop_ic_all, sysop_at, sysop_tlbi;

/* Stores the writable bits of a register (sysregs.def). */
void sysreg_store(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value);

/* Takes the UNDEFINED exception and says so. */
static inline enum a64_sys_result sys_undefined(struct a64_cpu *cpu)
{
    a64_undefined(cpu);
    return A64_SYS_TRAPPED;
}

static inline void context_changed(struct a64_cpu *cpu)
{
    if (cpu->env->context_changed)
        cpu->env->context_changed(cpu);
}

#endif
