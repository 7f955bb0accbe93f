/* The generic timers (Arm ARM D11.2): comparisons with a 64-bit counter that env->counter gives.
 *
 * A timer has two stored registers, CVAL and CTL; TVAL is a 32-bit signed view of CVAL relative to
 * the counter now, and ISTATUS is computed when read. All counts are unsigned: the condition holds
 * while count >= CVAL. The virtual timer counts CNTVCT = CNTPCT - CNTVOFF_EL2.
 *
 * Nothing here waits: whoever owns the virtual clock asks a64_timer_levels() when it was told that
 * a register changed, and again when the returned deadline is reached. */
#include "a64/sysreg_int.h"

#define CTL_ENABLE BIT(0)
#define CTL_IMASK BIT(1)
#define CTL_ISTATUS BIT(2)
#define CNTKCTL_EVNTEN BIT(2)

struct timer {
    enum a64_sysreg ctl, cval, tval;
    bool virt;      /* counts CNTVCT */
    uint8_t min_el; /* exists when the PE has this Exception level */
};

static const struct timer timers[A64_TIMER_COUNT] = {
    [A64_TIMER_PHYS] = { A64_CNTP_CTL_EL0, A64_CNTP_CVAL_EL0, A64_CNTP_TVAL_EL0, false, 1 },
    [A64_TIMER_VIRT] = { A64_CNTV_CTL_EL0, A64_CNTV_CVAL_EL0, A64_CNTV_TVAL_EL0, true, 1 },
    [A64_TIMER_HYP] = { A64_CNTHP_CTL_EL2, A64_CNTHP_CVAL_EL2, A64_CNTHP_TVAL_EL2, false, 2 },
    [A64_TIMER_SEC] = { A64_CNTPS_CTL_EL1, A64_CNTPS_CVAL_EL1, A64_CNTPS_TVAL_EL1, false, 3 },
};

static const struct timer *timer_of(enum a64_sysreg reg)
{
    for (unsigned i = 0; i < A64_TIMER_COUNT; i++)
        if (reg == timers[i].ctl || reg == timers[i].tval)
            return &timers[i];
    return &timers[A64_TIMER_PHYS];
}

static uint64_t count_of(const struct a64_cpu *cpu, const struct timer *t, uint64_t counter)
{
    return t->virt ? counter - cpu->sys[A64_CNTVOFF_EL2] : counter;
}

static void timer_changed(struct a64_cpu *cpu)
{
    if (cpu->env->timer_changed)
        cpu->env->timer_changed(cpu);
}

unsigned a64_timer_levels(const struct a64_cpu *cpu, uint64_t counter, uint64_t *next)
{
    unsigned levels = 0;
    uint64_t due = UINT64_MAX;
    for (unsigned i = 0; i < A64_TIMER_COUNT; i++) {
        const struct timer *t = &timers[i];
        uint64_t ctl = cpu->sys[t->ctl], cval = cpu->sys[t->cval];
        if (t->min_el > cpu->max_el || !(ctl & CTL_ENABLE) || (ctl & CTL_IMASK))
            continue;
        uint64_t now = count_of(cpu, t, counter);
        if (now >= cval)
            levels |= 1u << i;
        else if (cval - now < due - counter)
            due = counter + (cval - now);
    }
    *next = due;
    return levels;
}

uint64_t a64_event_stream_next(const struct a64_cpu *cpu, uint64_t counter)
{
    uint64_t ctl = cpu->sys[A64_CNTKCTL_EL1];
    if (!(ctl & CNTKCTL_EVNTEN))
        return UINT64_MAX;
    uint64_t period = BIT(bits(ctl, 7, 4) + 1), half = period / 2;
    uint64_t phase = (counter - cpu->sys[A64_CNTVOFF_EL2]) & (period - 1);
    /* EVNTDIR = 0: the bit goes 0 to 1, in the middle of its period; 1: at the end. */
    uint64_t edge = bit(ctl, 3) ? 0 : half;
    uint64_t wait = ((edge - phase - 1) & (period - 1)) + 1;
    return counter > UINT64_MAX - wait ? UINT64_MAX : counter + wait;
}

/* ---- Registers ---- */

enum a64_sys_result sysrd_cntpct(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    (void)reg;
    *value = cpu->env->counter(cpu);
    return A64_SYS_OK;
}

enum a64_sys_result sysrd_cntvct(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    (void)reg;
    *value = cpu->env->counter(cpu) - cpu->sys[A64_CNTVOFF_EL2];
    return A64_SYS_OK;
}

enum a64_sys_result sysrd_timer_tval(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    const struct timer *t = timer_of(reg);
    *value = (uint32_t)(cpu->sys[t->cval] - count_of(cpu, t, cpu->env->counter(cpu)));
    return A64_SYS_OK;
}

enum a64_sys_result syswr_timer_tval(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    const struct timer *t = timer_of(reg);
    uint64_t now = count_of(cpu, t, cpu->env->counter(cpu));
    cpu->sys[t->cval] = now + (uint64_t)sign_extend(value, 32);
    timer_changed(cpu);
    return A64_SYS_CONTEXT;
}

enum a64_sys_result sysrd_timer_ctl(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    const struct timer *t = timer_of(reg);
    *value = cpu->sys[reg];
    if ((*value & CTL_ENABLE) && count_of(cpu, t, cpu->env->counter(cpu)) >= cpu->sys[t->cval])
        *value |= CTL_ISTATUS;
    return A64_SYS_OK;
}

/* CTL, CVAL, CNTKCTL, CNTHCTL, CNTVOFF: stored, and the owner of the clock is told. */
enum a64_sys_result syswr_timer(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    sysreg_store(cpu, reg, value);
    timer_changed(cpu);
    return A64_SYS_CONTEXT;
}

enum a64_sys_result syswr_cntfrq(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    if (cpu->el != cpu->max_el) /* writable at the highest Exception level only */
        return sys_undefined(cpu);
    sysreg_store(cpu, reg, value);
    return A64_SYS_OK;
}
