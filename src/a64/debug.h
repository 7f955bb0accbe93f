/* Self-hosted debug: breakpoints, watchpoints, software step, OS lock, and the checks made before
 * an instruction runs (Arm ARM D2; BTI: D8.4).
 *
 * An engine asks a64_debug_active() after each context change. While it is true the engine calls
 * a64_debug_fetch() before each instruction and a64_debug_step_done() after each one that completed
 * without an exception or ERET; otherwise it needs neither. */
#ifndef A64_DEBUG_H
#define A64_DEBUG_H

#include "a64/cpu.h"

#define A64_BREAKPOINTS 6
#define A64_CONTEXT_BREAKPOINTS 2 /* the last ones also compare CONTEXTIDR_EL1 */
#define A64_WATCHPOINTS 4

#define MDSCR_SS BIT(0)
#define MDSCR_TDCC BIT(12)
#define MDSCR_KDE BIT(13)
#define MDSCR_MDE BIT(15)

/* a64_debug_active() after its quick test. @vcpu */
bool a64_debug_active_slow(const struct a64_cpu *cpu);

/* True when instructions need the checks of a64_debug_fetch(): PSTATE.IL is set, software step is
 * active, or a breakpoint or watchpoint is enabled and may raise exceptions here. @vcpu */
static inline bool a64_debug_active(const struct a64_cpu *cpu)
{
    return cpu->il || ((cpu->sys[A64_MDSCR_EL1] & (MDSCR_SS | MDSCR_MDE)) &&
                       a64_debug_active_slow(cpu));
}

/* AArch64.GenerateDebugExceptionsFrom(): whether breakpoints, watchpoints and software step raise
 * exceptions at level `el` with PSTATE.D = `masked`. @vcpu */
bool a64_debug_enabled_from(const struct a64_cpu *cpu, unsigned el, bool masked);

/* Before the instruction at pc, in order of priority: software step (active-pending), PC alignment,
 * breakpoints, illegal execution state. True: an exception was taken. An instruction abort at pc
 * goes before the last two: then false, and the engine's fetch takes it. @vcpu */
bool a64_debug_fetch(struct a64_cpu *cpu);

/* After an instruction completed (not for one that took an exception, nor for ERET): software step
 * goes from active-not-pending to active-pending. `exclusive`: it was a Load-Exclusive. @vcpu */
void a64_debug_step_done(struct a64_cpu *cpu, bool exclusive);

/* Checks a data access of `size` bytes at `va` against the watchpoints; call it after translation
 * succeeded. True: the Watchpoint exception was taken. @vcpu */
bool a64_debug_access(struct a64_cpu *cpu, gva_t va, unsigned size, bool write);
/* The same with the privilege of the access: `el` = 0 for LDTR and STTR. @vcpu */
bool a64_debug_access_as(struct a64_cpu *cpu, gva_t va, unsigned size, bool write, unsigned el);

/* True when an enabled watchpoint may match within the 4 KiB page at `va_page`, at any Exception
 * level. Engines keep such pages off their fast path. @vcpu */
bool a64_watch_page(const struct a64_cpu *cpu, gva_t va_page);

/* For an instruction `word` on a guarded page with PSTATE.BTYPE != 0: true when it is a landing pad
 * for that BTYPE, otherwise the Branch Target exception was taken and false is returned. @vcpu */
bool a64_bti_check(struct a64_cpu *cpu, uint32_t word);

#endif
