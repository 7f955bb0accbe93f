/* PMUv3 (Arm ARM D12) with the events SW_INCR, INST_RETIRED, CPU_CYCLES and CHAIN.
 *
 * Cycles come from env->cycles, instructions from cpu->instret. Both are read only when counters
 * are looked at, changed, or change their filter (an Exception level change): a64_pmu_sync() adds
 * the difference since the last time. Any other event number counts nothing.
 *
 * PMCR.LC is RES1 (AArch64 only): the cycle counter overflows at 64 bits and PMCR.D is ignored.
 * Event counters have 32 bits. */
#include "a64/pmu.h"

#include "a64/sysreg_int.h"

#define PMCR_E BIT(0)
#define PMCR_P BIT(1)
#define PMCR_C BIT(2)
#define CYCLE_BIT BIT(31)
#define COUNTER_BITS (CYCLE_BIT | MASK(A64_PMU_COUNTERS))

#define EVENT_SW_INCR 0x00u
#define EVENT_INST_RETIRED 0x08u
#define EVENT_CPU_CYCLES 0x11u
#define EVENT_CHAIN 0x1eu

_Static_assert(A64_PMEVCNTR5_EL0 == A64_PMEVCNTR0_EL0 + A64_PMU_COUNTERS - 1, "rows in order");
_Static_assert(A64_PMEVTYPER5_EL0 == A64_PMEVTYPER0_EL0 + A64_PMU_COUNTERS - 1, "rows in order");

/* ---- Counting ---- */

static bool counts_here(const struct a64_cpu *cpu, uint64_t filter)
{
    if (cpu->el == 0)
        return !bit(filter, 30);
    return cpu->el == 1 && !bit(filter, 31); /* EL2 and EL3: prohibited without NSH, M */
}

static unsigned event_of(const struct a64_cpu *cpu, unsigned n)
{
    return (unsigned)bits(cpu->sys[A64_PMEVTYPER0_EL0 + n], 9, 0);
}

static bool counter_on(const struct a64_cpu *cpu, unsigned n)
{
    return (cpu->sys[A64_PMCR_EL0] & PMCR_E) && bit(cpu->sys[A64_PMCNTENSET_EL0], n) &&
           counts_here(cpu, cpu->sys[A64_PMEVTYPER0_EL0 + n]);
}

static void set_overflow(struct a64_cpu *cpu, unsigned n)
{
    cpu->sys[A64_PMOVSSET_EL0] |= BIT(n);
}

/* Adds to event counter n; an overflow also counts in the odd counter chained to it. */
static void counter_add(struct a64_cpu *cpu, unsigned n, uint64_t amount)
{
    while (amount) {
        uint64_t sum = cpu->sys[A64_PMEVCNTR0_EL0 + n] + (amount & UINT32_MAX);
        uint64_t overflows = (amount >> 32) + (sum >> 32);
        cpu->sys[A64_PMEVCNTR0_EL0 + n] = sum & UINT32_MAX;
        if (overflows)
            set_overflow(cpu, n);
        if (!overflows || (n & 1) || event_of(cpu, n + 1) != EVENT_CHAIN || !counter_on(cpu, n + 1))
            return;
        n++;
        amount = overflows;
    }
}

static void pmu_notify(struct a64_cpu *cpu)
{
    if (cpu->env->pmu_changed)
        cpu->env->pmu_changed(cpu);
}

/* Brings the counters up to date; true if an overflow flag was newly set. */
static bool sync_quiet(struct a64_cpu *cpu)
{
    uint64_t now_c = cpu->env->cycles ? cpu->env->cycles(cpu) : 0, now_i = cpu->instret;
    uint64_t cycles = now_c - cpu->pmu_cycle_base, instrs = now_i - cpu->pmu_instr_base;
    uint64_t before = cpu->sys[A64_PMOVSSET_EL0];

    cpu->pmu_cycle_base = now_c;
    cpu->pmu_instr_base = now_i;
    if (!(cpu->sys[A64_PMCR_EL0] & PMCR_E) || cpu->sys[A64_PMCNTENSET_EL0] == 0)
        return false;
    if ((cpu->sys[A64_PMCNTENSET_EL0] & CYCLE_BIT) &&
        counts_here(cpu, cpu->sys[A64_PMCCFILTR_EL0])) {
        cpu->sys[A64_PMCCNTR_EL0] += cycles;
        if (cpu->sys[A64_PMCCNTR_EL0] < cycles)
            set_overflow(cpu, 31);
    }
    for (unsigned n = 0; n < A64_PMU_COUNTERS; n++) {
        unsigned event = event_of(cpu, n);
        if (!counter_on(cpu, n))
            continue;
        if (event == EVENT_CPU_CYCLES)
            counter_add(cpu, n, cycles);
        else if (event == EVENT_INST_RETIRED)
            counter_add(cpu, n, instrs);
    }
    return cpu->sys[A64_PMOVSSET_EL0] != before;
}

void a64_pmu_sync(struct a64_cpu *cpu)
{
    if (sync_quiet(cpu))
        pmu_notify(cpu);
}

bool a64_pmu_level(const struct a64_cpu *cpu)
{
    return (cpu->sys[A64_PMCR_EL0] & PMCR_E) &&
           (cpu->sys[A64_PMOVSSET_EL0] & cpu->sys[A64_PMINTENSET_EL1]);
}

static void sooner(uint64_t *when, uint64_t left)
{
    if (left < *when)
        *when = left;
}

void a64_pmu_next(const struct a64_cpu *cpu, uint64_t *cycles, uint64_t *instructions)
{
    uint64_t inten = cpu->sys[A64_PMINTENSET_EL1];
    *cycles = *instructions = UINT64_MAX;
    if (!(cpu->sys[A64_PMCR_EL0] & PMCR_E))
        return;
    if ((inten & cpu->sys[A64_PMCNTENSET_EL0] & CYCLE_BIT) &&
        counts_here(cpu, cpu->sys[A64_PMCCFILTR_EL0]) && cpu->sys[A64_PMCCNTR_EL0])
        sooner(cycles, -cpu->sys[A64_PMCCNTR_EL0]);
    for (unsigned n = 0; n < A64_PMU_COUNTERS; n++) {
        /* The lower half of a chain must be followed for the sake of the upper. */
        bool chained = !(n & 1) && event_of(cpu, n + 1) == EVENT_CHAIN && bit(inten, n + 1);
        uint64_t left = BIT(32) - cpu->sys[A64_PMEVCNTR0_EL0 + n];
        if (!counter_on(cpu, n) || !(bit(inten, n) || chained))
            continue;
        if (event_of(cpu, n) == EVENT_CPU_CYCLES)
            sooner(cycles, left);
        else if (event_of(cpu, n) == EVENT_INST_RETIRED)
            sooner(instructions, left);
    }
}

/* ---- Registers: each brings the counters up to date first ---- */

enum a64_sys_result syswr_pmcr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    sync_quiet(cpu);
    sysreg_store(cpu, reg, value);
    if (value & PMCR_P)
        for (unsigned n = 0; n < A64_PMU_COUNTERS; n++)
            cpu->sys[A64_PMEVCNTR0_EL0 + n] = 0;
    if (value & PMCR_C)
        cpu->sys[A64_PMCCNTR_EL0] = 0;
    pmu_notify(cpu);
    return A64_SYS_CONTEXT;
}

/* The SET register that holds the bits of a CLR register. */
static enum a64_sysreg set_of(enum a64_sysreg clr)
{
    return clr == A64_PMCNTENCLR_EL0 ? A64_PMCNTENSET_EL0
           : clr == A64_PMOVSCLR_EL0 ? A64_PMOVSSET_EL0
                                     : A64_PMINTENSET_EL1;
}

enum a64_sys_result syswr_pmu_set(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    sync_quiet(cpu);
    cpu->sys[reg] |= value & COUNTER_BITS;
    pmu_notify(cpu);
    return A64_SYS_CONTEXT;
}

enum a64_sys_result syswr_pmu_clr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    sync_quiet(cpu);
    cpu->sys[set_of(reg)] &= ~(value & COUNTER_BITS);
    pmu_notify(cpu);
    return A64_SYS_CONTEXT;
}

enum a64_sys_result sysrd_pmu_clr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    a64_pmu_sync(cpu);
    *value = cpu->sys[set_of(reg)];
    return A64_SYS_OK;
}

enum a64_sys_result sysrd_pmovs(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    a64_pmu_sync(cpu);
    *value = cpu->sys[reg];
    return A64_SYS_OK;
}

enum a64_sys_result syswr_pmswinc(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    (void)reg;
    sync_quiet(cpu);
    for (unsigned n = 0; n < A64_PMU_COUNTERS; n++)
        if (bit(value, n) && event_of(cpu, n) == EVENT_SW_INCR && counter_on(cpu, n))
            counter_add(cpu, n, 1);
    pmu_notify(cpu);
    return A64_SYS_CONTEXT;
}

enum a64_sys_result sysrd_pmccntr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    a64_pmu_sync(cpu);
    *value = cpu->sys[reg];
    return A64_SYS_OK;
}

enum a64_sys_result syswr_pmccntr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    sync_quiet(cpu);
    cpu->sys[reg] = value;
    pmu_notify(cpu);
    return A64_SYS_CONTEXT;
}

enum a64_sys_result sysrd_pmevcntr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    return sysrd_pmccntr(cpu, reg, value);
}

enum a64_sys_result syswr_pmevcntr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    return syswr_pmccntr(cpu, reg, (uint32_t)value);
}

enum a64_sys_result syswr_pmevtyper(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    sync_quiet(cpu);
    sysreg_store(cpu, reg, value);
    pmu_notify(cpu);
    return A64_SYS_CONTEXT;
}

/* PMXEV* go to the counter that PMSELR_EL0 selects; one that does not exist is RAZ/WI. */
enum a64_sys_result sysrd_pmxevtyper(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    uint64_t sel = cpu->sys[A64_PMSELR_EL0];
    (void)reg;
    *value = sel == 31                   ? cpu->sys[A64_PMCCFILTR_EL0]
             : sel < A64_PMU_COUNTERS ? cpu->sys[A64_PMEVTYPER0_EL0 + sel]
                                         : 0;
    return A64_SYS_OK;
}

enum a64_sys_result syswr_pmxevtyper(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    uint64_t sel = cpu->sys[A64_PMSELR_EL0];
    (void)reg;
    if (sel == 31)
        return syswr_pmevtyper(cpu, A64_PMCCFILTR_EL0, value);
    if (sel < A64_PMU_COUNTERS)
        return syswr_pmevtyper(cpu, (enum a64_sysreg)(A64_PMEVTYPER0_EL0 + sel), value);
    return A64_SYS_OK;
}

enum a64_sys_result sysrd_pmxevcntr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    uint64_t sel = cpu->sys[A64_PMSELR_EL0];
    (void)reg;
    *value = 0;
    if (sel < A64_PMU_COUNTERS)
        return sysrd_pmccntr(cpu, (enum a64_sysreg)(A64_PMEVCNTR0_EL0 + sel), value);
    return A64_SYS_OK;
}

enum a64_sys_result syswr_pmxevcntr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    uint64_t sel = cpu->sys[A64_PMSELR_EL0];
    (void)reg;
    if (sel < A64_PMU_COUNTERS)
        return syswr_pmevcntr(cpu, (enum a64_sysreg)(A64_PMEVCNTR0_EL0 + sel), value);
    return A64_SYS_OK;
}
