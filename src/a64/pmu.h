/* PMUv3: a cycle counter and six event counters (Arm ARM D12).
 *
 * Counters are brought up to date when somebody looks or something changes (a64_pmu_sync), not at
 * each instruction. Engines must have cpu->instret exact when they call into a64/ for a system
 * register, an exception or ERET. */
#ifndef A64_PMU_H
#define A64_PMU_H

#include "a64/cpu.h"

#define A64_PMU_COUNTERS 6

/* Adds what happened since the last call to the counters that are enabled at the current Exception
 * level; sets overflow flags and calls env->pmu_changed for new ones. @vcpu */
void a64_pmu_sync(struct a64_cpu *cpu);

/* Level of the PMU's interrupt: an enabled overflow flag is set. @vcpu */
bool a64_pmu_level(const struct a64_cpu *cpu);

/* How many cycles and instructions from the last synchronisation until a counter overflows that may
 * interrupt; ~0 where none will. The earlier of the two is when to call a64_pmu_sync(). @vcpu */
void a64_pmu_next(const struct a64_cpu *cpu, uint64_t *cycles, uint64_t *instructions);

/* Call before PSTATE.EL changes. @vcpu */
static inline void a64_pmu_el_change(struct a64_cpu *cpu)
{
    if (cpu->sys[A64_PMCR_EL0] & 1)
        a64_pmu_sync(cpu);
}

#endif
