/* The CPU interface: ICC_*_EL1 (IHI 0069H chapters 4.1, 4.8 and 12.2).
 *
 * EL3 is not implemented and the guest runs in the only Security state, so ICC_BPR1_EL1 is the
 * Non-secure one (its value is one above the position of the binary point) and priorities are not
 * shifted. With 5 priority bits there are 32 preemption levels, hence one active priorities
 * register per group.
 *
 * Life of an interrupt here: reading IARn acknowledges it (pending -> active, its group priority is
 * active); writing EOIRn drops the highest active priority, and deactivates with EOImode = 0; with
 * EOImode = 1 writing DIR deactivates. What the architecture calls UNPREDICTABLE - an EOIR write
 * with no priority active, or by the other group's register, or DIR with EOImode = 0 - is ignored.
 */
#include "dev/gicv3_int.h"

#define CTLR_CBPR (1u << 0)
#define CTLR_EOIMODE (1u << 1)
#define CTLR_PRIBITS (4u << 8) /* 5 priority bits; IDbits = 16, no Aff3, no range selector */
#define SRE_VALUE 7u           /* DIB, DFB, SRE: system registers only */

void gic_cpuif_reset(struct gicv3_redist *r)
{
    for (unsigned n = 0; n < 2; n++) {
        r->enabled[n] = false;
        r->apr[n] = 0;
    }
    r->cbpr = r->eoimode = false;
    r->pmr = 0;
    r->bpr[0] = GIC_BPR0_MIN;
    r->bpr[1] = GIC_BPR1_MIN;
}

static void cpuif_misuse(struct gicv3_redist *r, const char *what, uint64_t value)
{
    guest_err(&r->dev.err, r->dev.name, "%s (0x%llx)", what, (unsigned long long)value);
}

/* ---- Acknowledge ---- */

static unsigned acknowledge(struct gicv3_redist *r, unsigned group)
{
    struct gic_pending p = gic_highest_pending(r);
    if (!gic_is_signalled(r, p) || p.group != group)
        return GIC_INTID_NONE;
    struct gic_bank *b = gic_bank_of(r, p.intid);
    uint32_t m = (uint32_t)BIT(p.intid % 32);
    b->active |= m;
    b->latched &= ~m;
    r->apr[group] |= 1u << ((p.priority & gic_group_priority_mask(r, group)) >> 3);
    gic_update(r);
    return p.intid;
}

static unsigned highest_pending_id(struct gicv3_redist *r, unsigned group)
{
    struct gic_pending p = gic_highest_pending(r);
    return p.group == group ? p.intid : GIC_INTID_NONE;
}

/* ---- End of interrupt ---- */

static void deactivate(struct gicv3_redist *r, unsigned intid)
{
    gic_bank_of(r, intid)->active &= ~(uint32_t)BIT(intid % 32);
    gic_update_intid(r, intid);
}

static void end_of_interrupt(struct gicv3_redist *r, unsigned group, uint64_t value)
{
    unsigned intid = value & 0xffffff;
    if (intid >= 1020 && intid <= 1023)
        return; /* special: no effect */
    uint32_t active = r->apr[0] | r->apr[1];
    uint32_t highest = active & -active;
    if (intid >= GIC_INTID_COUNT || !(r->apr[group] & highest)) {
        cpuif_misuse(r, "EOIR write that matches no acknowledged interrupt is ignored", value);
        return;
    }
    r->apr[group] &= ~highest;
    if (!r->eoimode)
        deactivate(r, intid);
    gic_update(r);
}

static void write_dir(struct gicv3_redist *r, uint64_t value)
{
    unsigned intid = value & 0xffffff;
    if (!r->eoimode || intid >= GIC_INTID_COUNT) {
        cpuif_misuse(r, "DIR write with EOImode = 0 or without an interrupt is ignored", value);
        return;
    }
    deactivate(r, intid);
    gic_update(r);
}

/* ---- Software generated interrupts ---- */

static void sgi_to(struct gicv3_redist *target, unsigned intid, unsigned group)
{
    if (bit(target->bank.group, intid) != group)
        return; /* not configured for this group: not forwarded (Table 12-14) */
    target->bank.latched |= (uint32_t)BIT(intid);
    gic_update(target);
}

static void write_sgir(struct gicv3_redist *r, uint64_t value, unsigned group)
{
    struct gicv3 *g = r->gic;
    unsigned intid = (unsigned)bits(value, 27, 24);
    if (bit(value, 40)) { /* IRM: all but this PE */
        for (unsigned i = 0; i < g->cpu_count; i++) {
            if (g->redist[i] != r)
                sgi_to(g->redist[i], intid, group);
        }
        return;
    }
    if (bits(value, 55, 48) || bits(value, 47, 44))
        return; /* neither Aff3 nor the range selector is supported: no such PE */
    uint32_t cluster = (uint32_t)(bits(value, 39, 32) << 16 | bits(value, 23, 16) << 8);
    for (unsigned i = 0; i < 16; i++) {
        struct gicv3_redist *target = bit(value, i) ? gic_redist_at(g, cluster | i) : NULL;
        if (target)
            sgi_to(target, intid, group);
    }
}

/* ---- Registers ---- */

static uint64_t read_bpr1(const struct gicv3_redist *r)
{
    if (!r->cbpr)
        return r->bpr[1];
    return r->bpr[0] == 7 ? 7 : r->bpr[0] + 1u;
}

static void write_bpr(struct gicv3_redist *r, unsigned group, uint64_t value)
{
    uint8_t min = group ? GIC_BPR1_MIN : GIC_BPR0_MIN;
    uint8_t bpr = value & 7;
    if (group && r->cbpr)
        return; /* BPR0 governs both */
    r->bpr[group] = bpr < min ? min : bpr;
}

static bool cpuif_read(struct gicv3_redist *r, enum a64_sysreg reg, uint64_t *value)
{
    switch (reg) {
    case A64_ICC_PMR_EL1:
        *value = r->pmr;
        return true;
    case A64_ICC_IAR0_EL1:
        *value = acknowledge(r, 0);
        return true;
    case A64_ICC_IAR1_EL1:
        *value = acknowledge(r, 1);
        return true;
    case A64_ICC_HPPIR0_EL1:
        *value = highest_pending_id(r, 0);
        return true;
    case A64_ICC_HPPIR1_EL1:
        *value = highest_pending_id(r, 1);
        return true;
    case A64_ICC_BPR0_EL1:
        *value = r->bpr[0];
        return true;
    case A64_ICC_BPR1_EL1:
        *value = read_bpr1(r);
        return true;
    case A64_ICC_AP0R0_EL1:
        *value = r->apr[0];
        return true;
    case A64_ICC_AP1R0_EL1:
        *value = r->apr[1];
        return true;
    case A64_ICC_RPR_EL1:
        *value = gic_running_priority(r);
        return true;
    case A64_ICC_CTLR_EL1:
        *value = CTLR_PRIBITS | (r->cbpr ? CTLR_CBPR : 0) | (r->eoimode ? CTLR_EOIMODE : 0);
        return true;
    case A64_ICC_SRE_EL1:
        *value = SRE_VALUE;
        return true;
    case A64_ICC_IGRPEN0_EL1:
        *value = r->enabled[0];
        return true;
    case A64_ICC_IGRPEN1_EL1:
        *value = r->enabled[1];
        return true;
    default:
        return false;
    }
}

static void write_igrpen(struct gicv3_redist *r, unsigned group, uint64_t value)
{
    r->enabled[group] = value & 1;
    gic_update_all(r->gic); /* 1-of-N interrupts may go elsewhere now */
}

/* Registers that take effect only through gic_update(). */
static bool cpuif_write_control(struct gicv3_redist *r, enum a64_sysreg reg, uint64_t value)
{
    switch (reg) {
    case A64_ICC_PMR_EL1:
        r->pmr = value & GIC_PRIORITY_MASK;
        return true;
    case A64_ICC_BPR0_EL1:
        write_bpr(r, 0, value);
        return true;
    case A64_ICC_BPR1_EL1:
        write_bpr(r, 1, value);
        return true;
    case A64_ICC_AP0R0_EL1:
        r->apr[0] = (uint32_t)value;
        return true;
    case A64_ICC_AP1R0_EL1:
        r->apr[1] = (uint32_t)value;
        return true;
    case A64_ICC_CTLR_EL1:
        r->cbpr = value & CTLR_CBPR;
        r->eoimode = value & CTLR_EOIMODE;
        return true;
    case A64_ICC_SRE_EL1: /* RAO/WI: there is no other interface */
        return true;
    default:
        return false;
    }
}

static bool cpuif_write(struct gicv3_redist *r, enum a64_sysreg reg, uint64_t value)
{
    switch (reg) {
    case A64_ICC_EOIR0_EL1:
        end_of_interrupt(r, 0, value);
        return true;
    case A64_ICC_EOIR1_EL1:
        end_of_interrupt(r, 1, value);
        return true;
    case A64_ICC_DIR_EL1:
        write_dir(r, value);
        return true;
    case A64_ICC_SGI0R_EL1:
        write_sgir(r, value, 0);
        return true;
    case A64_ICC_SGI1R_EL1:
        write_sgir(r, value, 1);
        return true;
    case A64_ICC_ASGI1R_EL1: /* the other Security state's: Group 0 when there is one */
        write_sgir(r, value, 0);
        return true;
    case A64_ICC_IGRPEN0_EL1:
        write_igrpen(r, 0, value);
        return true;
    case A64_ICC_IGRPEN1_EL1:
        write_igrpen(r, 1, value);
        return true;
    default:
        break;
    }
    if (!cpuif_write_control(r, reg, value))
        return false;
    gic_update(r);
    return true;
}

bool gic_sysreg_read(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t *value)
{
    struct gicv3 *g = CONTAINER_OF(ic, struct gicv3, intc);
    pthread_mutex_lock(&g->lock);
    bool known = cpuif_read(g->redist[cpu], reg, value);
    pthread_mutex_unlock(&g->lock);
    return known;
}

bool gic_sysreg_write(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t value)
{
    struct gicv3 *g = CONTAINER_OF(ic, struct gicv3, intc);
    pthread_mutex_lock(&g->lock);
    bool known = cpuif_write(g->redist[cpu], reg, value);
    pthread_mutex_unlock(&g->lock);
    return known;
}
