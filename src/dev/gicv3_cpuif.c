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

static struct gic_pending acknowledgeable(struct gicv3_redist *r, unsigned group)
{
    struct gic_pending p = gic_highest_pending(r);
    if (!gic_is_signalled(r, p) || p.group != group)
        p.intid = GIC_INTID_NONE;
    return p;
}

/* `b` is the interrupt's bank; the locks that it needs are held. */
static void activate(struct gicv3_redist *r, struct gic_bank *b, struct gic_pending p)
{
    uint32_t m = (uint32_t)BIT(p.intid % 32);
    b->active |= m;
    b->latched &= ~m;
    r->apr[p.group] |= 1u << ((p.priority & gic_group_priority_mask(r, p.group)) >> 3);
}

/* With both locks, as the remembered SPI is only a hint that both are needed. */
static unsigned acknowledge_any(struct gicv3_redist *r, unsigned group)
{
    struct gicv3 *g = r->gic;
    pthread_mutex_lock(&g->lock);
    gic_lock(r);
    gic_scan_spis(r);
    struct gic_pending p = acknowledgeable(r, group);
    if (p.intid != GIC_INTID_NONE) {
        activate(r, p.intid < 32 ? &r->bank : &g->spi[p.intid / 32 - 1], p);
        gic_scan_spis(r);
        gic_update(r);
    }
    gic_unlock(r);
    pthread_mutex_unlock(&g->lock);
    return p.intid;
}

static unsigned acknowledge(struct gicv3_redist *r, unsigned group)
{
    gic_lock(r);
    struct gic_pending p = acknowledgeable(r, group);
    if (p.intid < 32) {
        activate(r, &r->bank, p);
        gic_update(r);
    }
    gic_unlock(r);
    return p.intid < 32 || p.intid == GIC_INTID_NONE ? p.intid : acknowledge_any(r, group);
}

static unsigned highest_pending_id(struct gicv3_redist *r, unsigned group)
{
    struct gic_pending p = gic_highest_pending(r);
    return p.group == group ? p.intid : GIC_INTID_NONE;
}

/* ---- End of interrupt ---- */

static void deactivate(struct gicv3_redist *r, unsigned intid)
{
    struct gicv3 *g = r->gic;
    uint32_t m = (uint32_t)BIT(intid % 32);
    if (intid < 32) {
        gic_lock(r);
        r->bank.active &= ~m;
        gic_update(r);
        gic_unlock(r);
        return;
    }
    pthread_mutex_lock(&g->lock);
    g->spi[intid / 32 - 1].active &= ~m;
    gic_update_spi(g, intid - 32);
    pthread_mutex_unlock(&g->lock);
}

static void end_of_interrupt(struct gicv3_redist *r, unsigned group, uint64_t value)
{
    unsigned intid = value & 0xffffff;
    if (intid >= 1020 && intid <= 1023)
        return; /* special: no effect */
    gic_lock(r);
    uint32_t active = r->apr[0] | r->apr[1];
    uint32_t highest = active & -active;
    bool good = intid < GIC_INTID_COUNT && (r->apr[group] & highest);
    bool split = r->eoimode;
    if (good) {
        r->apr[group] &= ~highest;
        if (!split && intid < 32)
            r->bank.active &= ~(uint32_t)BIT(intid);
        gic_update(r);
    }
    gic_unlock(r);
    if (!good)
        cpuif_misuse(r, "EOIR write that matches no acknowledged interrupt is ignored", value);
    else if (!split && intid >= 32)
        deactivate(r, intid);
}

static void write_dir(struct gicv3_redist *r, uint64_t value)
{
    unsigned intid = value & 0xffffff;
    gic_lock(r);
    bool good = r->eoimode && intid < GIC_INTID_COUNT;
    gic_unlock(r);
    if (good)
        deactivate(r, intid);
    else
        cpuif_misuse(r, "DIR write with EOImode = 0 or without an interrupt is ignored", value);
}

/* ---- Software generated interrupts ---- */

static void sgi_to(struct gicv3_redist *target, unsigned intid, unsigned group)
{
    gic_lock(target);
    if (bit(target->bank.group, intid) == group) { /* else not forwarded (Table 12-14) */
        target->bank.latched |= (uint32_t)BIT(intid);
        gic_update(target);
    }
    gic_unlock(target);
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

/* Reads without an effect, under the redistributor's lock. */
static bool cpuif_read(struct gicv3_redist *r, enum a64_sysreg reg, uint64_t *value)
{
    switch (reg) {
    case A64_ICC_PMR_EL1:
        *value = r->pmr;
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
    pthread_mutex_lock(&r->gic->lock);
    gic_lock(r);
    r->enabled[group] = value & 1;
    gic_unlock(r);
    gic_update_all(r->gic); /* 1-of-N interrupts may go elsewhere now */
    pthread_mutex_unlock(&r->gic->lock);
}

/* Registers that take effect only through gic_update(); under the redistributor's lock. */
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
    gic_lock(r);
    bool known = cpuif_write_control(r, reg, value);
    if (known)
        gic_update(r);
    gic_unlock(r);
    return known;
}

bool gic_sysreg_read(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t *value)
{
    struct gicv3_redist *r = CONTAINER_OF(ic, struct gicv3, intc)->redist[cpu];
    if (reg == A64_ICC_IAR0_EL1 || reg == A64_ICC_IAR1_EL1) {
        *value = acknowledge(r, reg == A64_ICC_IAR1_EL1);
        return true;
    }
    gic_lock(r);
    bool known = cpuif_read(r, reg, value);
    gic_unlock(r);
    return known;
}

bool gic_sysreg_write(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t value)
{
    return cpuif_write(CONTAINER_OF(ic, struct gicv3, intc)->redist[cpu], reg, value);
}
