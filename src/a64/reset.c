/* Reset of a PE (Arm ARM D1.3.4, pseudocode AArch64.TakeReset).
 *
 * What the architecture leaves UNKNOWN becomes zero, so that two machines that start alike run
 * alike. Kept: wiring, features, the affinity in MPIDR_EL1, the input lines (their sources hold
 * them), instret (a clock never goes back) and a pending request to leave run(). */
#include "a64/sysreg_int.h"

#include <string.h>

void a64_reset(struct a64_cpu *cpu)
{
    uint64_t mpidr = cpu->sys[A64_MPIDR_EL1];

    memset(cpu->x, 0, sizeof(cpu->x));
    memset(cpu->v, 0, sizeof(cpu->v));
    memset(cpu->sp, 0, sizeof(cpu->sp));
    cpu->pc = 0;
    cpu->fp = (struct fp_env){ 0 };
    a64_pstate_write(cpu, PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F |
                              (uint64_t)cpu->max_el << 2 | 1);

    for (unsigned i = 0; i < A64_SYSREG_COUNT; i++)
        cpu->sys[i] = a64_sysreg_info((enum a64_sysreg)i)->reset;
    cpu->sys[A64_MPIDR_EL1] = mpidr;
    a64_id_reset(cpu);

    cpu->monitor = (struct a64_monitor){ 0 };
    cpu->event_register = false;
    cpu->os_double_lock = false;
    cpu->pmu_cycle_base = cpu->env && cpu->env->cycles ? cpu->env->cycles(cpu) : 0;
    cpu->pmu_instr_base = cpu->instret;
    cpu->step_valid = cpu->step_exclusive = false;
    cpu->exit_imm = 0;
}
