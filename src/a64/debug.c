/* Self-hosted debug and branch target checks: see debug.h.
 *
 * Matching follows the pseudocode AArch64.BreakpointMatch, AArch64.WatchpointMatch and
 * AArch64.StateMatch for a PE without AArch32. CONSTRAINED UNPREDICTABLE settings disable the
 * breakpoint or watchpoint, except: a MASK with low bits of DBGWVR set compares only the bits that
 * are not masked, non-contiguous BAS matches the bytes selected, and MASK of 1 or 2 is MASK 0.
 *
 * The data transfer registers are present but unconnected: there is no external debugger. */
#include "a64/debug.h"

#include "a64/mmu.h"
#include "a64/sysreg_int.h"

#define CR_E BIT(0)
#define BCR_BT_LINKED 1u
#define WCR_WT 20

_Static_assert(A64_DBGBVR5_EL1 == A64_DBGBVR0_EL1 + A64_BREAKPOINTS - 1, "rows in order");
_Static_assert(A64_DBGBCR5_EL1 == A64_DBGBCR0_EL1 + A64_BREAKPOINTS - 1, "rows in order");
_Static_assert(A64_DBGWVR3_EL1 == A64_DBGWVR0_EL1 + A64_WATCHPOINTS - 1, "rows in order");
_Static_assert(A64_DBGWCR3_EL1 == A64_DBGWCR0_EL1 + A64_WATCHPOINTS - 1, "rows in order");

/* ---- Whether debug exceptions are possible ---- */

bool a64_debug_enabled_from(const struct a64_cpu *cpu, unsigned el, bool masked)
{
    unsigned target = 1;
    if (bit(cpu->sys[A64_OSLSR_EL1], 1) || cpu->os_double_lock)
        return false;
    if (cpu->max_el >= 2 && (bit(cpu->sys[A64_HCR_EL2], 27) || bit(cpu->sys[A64_MDCR_EL2], 8)))
        target = 2;
    if (el == target)
        return (cpu->sys[A64_MDSCR_EL1] & MDSCR_KDE) && !masked;
    return target > el;
}

static bool enabled_here(const struct a64_cpu *cpu)
{
    return a64_debug_enabled_from(cpu, cpu->el, cpu->daif & PSTATE_D);
}

bool a64_debug_active_slow(const struct a64_cpu *cpu)
{
    uint64_t mdscr = cpu->sys[A64_MDSCR_EL1];
    if (!enabled_here(cpu))
        return false;
    if (mdscr & MDSCR_SS)
        return true;
    if (!(mdscr & MDSCR_MDE))
        return false;
    for (unsigned i = 0; i < A64_BREAKPOINTS; i++)
        if (cpu->sys[A64_DBGBCR0_EL1 + i] & CR_E)
            return true;
    for (unsigned i = 0; i < A64_WATCHPOINTS; i++)
        if (cpu->sys[A64_DBGWCR0_EL1 + i] & CR_E)
            return true;
    return false;
}

/* ---- Matching ---- */

/* The bits of `va` that are compared: without the tag where TBI ignores it. */
static unsigned addr_top(const struct a64_cpu *cpu, gva_t va, bool fetch)
{
    /* A bit flipped in the tag survives a64_untag() only if the tag is not ignored. */
    gva_t probe = va ^ BIT(60);
    return a64_untag(cpu, probe, fetch, cpu->el) == a64_untag(cpu, va, fetch, cpu->el) ? 55 : 63;
}

static bool addr_equal(uint64_t a, uint64_t b, unsigned top, unsigned low)
{
    return bits(a ^ b, top, low) == 0;
}

/* AArch64.BreakpointValueMatch() */
static bool value_match(const struct a64_cpu *cpu, unsigned n, gva_t va, bool linked_to)
{
    uint64_t bcr = cpu->sys[A64_DBGBCR0_EL1 + n], bvr = cpu->sys[A64_DBGBVR0_EL1 + n];
    unsigned bt = (unsigned)bits(bcr, 23, 20);
    bool context_aware = n >= A64_BREAKPOINTS - A64_CONTEXT_BREAKPOINTS;

    if (!(bcr & CR_E))
        return false;
    switch (bt & ~BCR_BT_LINKED) {
    case 0: /* address */
        return !linked_to && addr_equal(va, bvr, addr_top(cpu, va, true), 2);
    case 2: /* CONTEXTIDR_EL1; unlinked matches by itself, linked only when linked to */
        return context_aware && linked_to == (bool)(bt & BCR_BT_LINKED) && cpu->el <= 1 &&
               (uint32_t)bvr == (uint32_t)cpu->sys[A64_CONTEXTIDR_EL1];
    default: /* NYI(el2): VMID and CONTEXTIDR_EL2 types; reserved here */
        return false;
    }
}

/* AArch64.StateMatch(): HMC, SSC, PxC of a breakpoint or watchpoint, and the linked breakpoint. */
static bool state_match(const struct a64_cpu *cpu, uint64_t cr, bool linked, bool watch,
                        unsigned el)
{
    unsigned hmc = bit(cr, 13), ssc = (unsigned)bits(cr, 15, 14), pxc = (unsigned)bits(cr, 2, 1);
    unsigned all = hmc << 4 | ssc << 2 | pxc;
    bool el2 = cpu->max_el >= 2, el3 = cpu->max_el >= 3, match;

    if ((all & 0x1c) == 0x0c || (all & 0x1d) == 0x10 || (all & 0x1d) == 0x14 || all == 0x1a ||
        all == 0x1d || (all & 0x1e) == 0x1e || (hmc == 0 && pxc == 0) ||
        ((ssc == 1 || ssc == 2) && !el3) ||
        ((hmc << 2 | ssc) != 0 && (hmc << 2 | ssc) != 7 && !el3 && !el2) || (all == 0x1c && !el2))
        return false;
    if (watch && el == 0)
        match = pxc & 2;
    else
        match = cpu->el == 3   ? hmc && !(ssc & 1)
                : cpu->el == 2 ? hmc
                : cpu->el == 1 ? pxc & 1
                               : pxc & 2;
    /* SSC: without EL3 the PE is Non-secure; with it, NYI(el3): Secure state below EL3. */
    if (ssc == 2)
        match = false;
    if (match && linked) {
        unsigned lbn = (unsigned)bits(cr, 19, 16);
        match = lbn >= A64_BREAKPOINTS - A64_CONTEXT_BREAKPOINTS && lbn < A64_BREAKPOINTS &&
                value_match(cpu, lbn, 0, true);
    }
    return match;
}

static bool breakpoint_match(const struct a64_cpu *cpu, gva_t pc)
{
    for (unsigned n = 0; n < A64_BREAKPOINTS; n++) {
        uint64_t bcr = cpu->sys[A64_DBGBCR0_EL1 + n];
        bool linked = (bits(bcr, 23, 20) & 0xb) == 1;
        if ((bcr & CR_E) && value_match(cpu, n, pc, false) &&
            state_match(cpu, bcr, linked, false, cpu->el))
            return true;
    }
    return false;
}

/* AArch64.WatchpointByteMatch() */
static bool byte_match(uint64_t wcr, uint64_t wvr, gva_t va, unsigned top)
{
    unsigned bottom = bit(wvr, 2) ? 2 : 3, mask = (unsigned)bits(wcr, 28, 24);
    unsigned bas = (unsigned)bits(wcr, 12, 5);
    if (mask > bottom)
        return bas == 0xff && addr_equal(va, wvr, top, mask);
    return addr_equal(va, wvr, top, bottom) && bit(bas, (unsigned)bits(va, bottom - 1, 0));
}

/* ---- Checks of the engines ---- */

/* True when the fetch at pc would abort, which goes before breakpoints and illegal state. */
static bool fetch_aborts(struct a64_cpu *cpu)
{
    struct a64_walk req = { .va = cpu->pc, .access = A64_ACCESS_FETCH, .el = cpu->el, .at = true };
    struct a64_translation t;
    struct a64_fault f;
    return !a64_translate(cpu, &req, &t, &f);
}

bool a64_debug_fetch(struct a64_cpu *cpu)
{
    uint64_t mdscr = cpu->sys[A64_MDSCR_EL1];
    bool enabled = (mdscr & (MDSCR_SS | MDSCR_MDE)) && enabled_here(cpu);

    if (enabled && (mdscr & MDSCR_SS) && !cpu->ss) {
        a64_software_step(cpu, cpu->step_exclusive);
        return true;
    }
    if (cpu->pc & 3) {
        a64_pc_alignment_fault(cpu);
        return true;
    }
    bool brk = enabled && (mdscr & MDSCR_MDE) && breakpoint_match(cpu, cpu->pc);
    if ((!brk && !cpu->il) || fetch_aborts(cpu))
        return false;
    if (brk)
        a64_breakpoint(cpu);
    else
        a64_illegal_state(cpu);
    return true;
}

void a64_debug_step_done(struct a64_cpu *cpu, bool exclusive)
{
    if ((cpu->sys[A64_MDSCR_EL1] & MDSCR_SS) && cpu->ss) {
        cpu->ss = 0;
        cpu->step_valid = true;
        cpu->step_exclusive = exclusive;
    }
}

bool a64_debug_access_as(struct a64_cpu *cpu, gva_t va, unsigned size, bool write, unsigned el)
{
    if (!(cpu->sys[A64_MDSCR_EL1] & MDSCR_MDE) || !enabled_here(cpu))
        return false;
    unsigned top = addr_top(cpu, va, false);
    for (unsigned n = 0; n < A64_WATCHPOINTS; n++) {
        uint64_t wcr = cpu->sys[A64_DBGWCR0_EL1 + n], wvr = cpu->sys[A64_DBGWVR0_EL1 + n];
        if (!(wcr & CR_E) || !bit(wcr, write ? 4 : 3) ||
            !state_match(cpu, wcr, bit(wcr, WCR_WT), true, el))
            continue;
        for (unsigned i = 0; i < size; i++)
            if (byte_match(wcr, wvr, va + i, top)) {
                a64_watchpoint(cpu, va + i, write, false);
                return true;
            }
    }
    return false;
}

bool a64_debug_access(struct a64_cpu *cpu, gva_t va, unsigned size, bool write)
{
    return a64_debug_access_as(cpu, va, size, write, cpu->el);
}

bool a64_watch_page(const struct a64_cpu *cpu, gva_t va_page)
{
    if (!(cpu->sys[A64_MDSCR_EL1] & MDSCR_MDE) || bit(cpu->sys[A64_OSLSR_EL1], 1))
        return false;
    for (unsigned n = 0; n < A64_WATCHPOINTS; n++) {
        uint64_t wcr = cpu->sys[A64_DBGWCR0_EL1 + n], wvr = cpu->sys[A64_DBGWVR0_EL1 + n];
        unsigned mask = (unsigned)bits(wcr, 28, 24);
        if ((wcr & CR_E) && addr_equal(va_page, wvr, 55, mask > 12 ? mask : 12))
            return true;
    }
    return false;
}

/* ---- Branch target identification ---- */

bool a64_bti_check(struct a64_cpu *cpu, uint32_t word)
{
    unsigned btype = cpu->btype;
    bool ok;
    if ((word & 0xffffff3fu) == 0xd503241fu) { /* BTI, with c and j in <7:6> */
        unsigned targets = (word >> 6) & 3;
        ok = targets == 3 || (targets == 1 && btype != 3) || (targets == 2 && btype != 2);
    } else if ((word & 0xffffffbfu) == 0xd503233fu) { /* PACIASP, PACIBSP */
        unsigned sctlr = cpu->el <= 1   ? A64_SCTLR_EL1
                         : cpu->el == 2 ? A64_SCTLR_EL2
                                        : A64_SCTLR_EL3;
        ok = btype != 3 || !bit(cpu->sys[sctlr], cpu->el == 0 ? 35 : 36);
    } else {
        uint32_t op = word & 0xffe0001fu; /* BRK, HLT */
        ok = op == 0xd4200000u || op == 0xd4400000u;
    }
    if (!ok && btype != 0) {
        a64_exception(cpu, EC_BTI, btype);
        return false;
    }
    return true;
}

/* ---- Registers ---- */

enum a64_sys_result syswr_mdscr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    /* SS, TDCC, KDE, MDE; the others only while the OS Lock is set, to save and restore. */
    uint64_t mask = 0xb001;
    if (bit(cpu->sys[A64_OSLSR_EL1], 1))
        mask |= 0x6ce04040; /* ERR, HDE, TDA, INTdis, TXU, RXO, TXfull, RXfull */
    cpu->sys[reg] = (cpu->sys[reg] & ~mask) | (value & mask);
    return A64_SYS_OK;
}

enum a64_sys_result syswr_oslar(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    (void)reg;
    cpu->sys[A64_OSLSR_EL1] = bits_set(cpu->sys[A64_OSLSR_EL1], 1, 1, value);
    return A64_SYS_OK;
}

enum a64_sys_result sysrd_claimset(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    (void)cpu;
    (void)reg;
    *value = 0xff; /* the tags that exist */
    return A64_SYS_OK;
}

enum a64_sys_result syswr_claimset(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    (void)reg;
    cpu->sys[A64_DBGCLAIMCLR_EL1] |= value & 0xff;
    return A64_SYS_OK;
}

enum a64_sys_result syswr_claimclr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    cpu->sys[reg] &= ~(value & 0xff);
    return A64_SYS_OK;
}

enum a64_sys_result sysrd_mdccsr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    (void)reg;
    *value = cpu->sys[A64_MDSCR_EL1] & (BIT(30) | BIT(29));
    return A64_SYS_OK;
}
