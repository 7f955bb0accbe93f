/* The interrupt controller's core: wires in, the decision which interrupt each PE sees, lines out.
 *
 * IHI 0069H chapters 4 (handling and prioritization) and 11. After every change of state the
 * affected PEs are decided anew from scratch: scan the pending, enabled, not active interrupts that
 * are routed to the PE, take the best, compare it with the priority mask and the running priority,
 * and drive the lines when they changed. That costs some ten nanoseconds and cannot get out of step
 * with the state. One thing is remembered, so that a PE that handles its private interrupts needs
 * only its own lock: the best SPI for it (eight words to scan), found anew at each change of the
 * distributor and of what says which groups the PE takes. Who acknowledges an SPI holds both locks
 * and finds it once more.
 *
 * Choices where the architecture leaves one: among equal priorities the lowest INTID wins; a 1-of-N
 * SPI goes to the first PE that is awake and has the group enabled; interrupts of a group that is
 * disabled in a PE's CPU interface do not hide others from that PE.
 */
#include "dev/gicv3_int.h"

#include "base/check.h"
#include "base/fault.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Which interrupt does a PE see? ---- */

struct gicv3_redist *gic_redist_at(struct gicv3 *g, uint32_t affinity)
{
    /* The inverse of the affinity given at creation: 16 PEs per Aff1 cluster, so that one
     * ICC_SGI1R target list names a whole cluster. */
    unsigned cpu = (affinity >> 8 & 0xff) * 16 + (affinity & 0xff);
    if ((affinity & 0xff) > 15 || affinity >> 16 || cpu >= g->cpu_count)
        return NULL;
    return g->redist[cpu];
}

/* Groups that can reach the PE now: bit 0 = Group 0, bit 1 = Group 1. */
static unsigned groups_open(const struct gicv3_redist *r)
{
    if (r->asleep)
        return 0;
    return __atomic_load_n(&r->gic->enabled, __ATOMIC_RELAXED) &
           (r->enabled[0] | (unsigned)r->enabled[1] << 1);
}

static struct gicv3_redist *route_1ofn(struct gicv3 *g, unsigned group)
{
    for (unsigned i = 0; i < g->cpu_count; i++) {
        if (bit(groups_open(g->redist[i]), group))
            return g->redist[i];
    }
    return NULL;
}

static bool spi_goes_to(const struct gicv3_redist *r, unsigned spi, unsigned group)
{
    uint32_t route = r->gic->route[spi];
    if (route & GIC_ROUTE_1OFN)
        return route_1ofn(r->gic, group) == r;
    return route == r->affinity;
}

static uint32_t bank_pending(const struct gic_bank *b)
{
    return b->latched | (b->level & ~b->edge);
}

/* Replaces *best by the best candidate of one bank if that has a higher priority. */
static void scan_bank(const struct gicv3_redist *r, const struct gic_bank *b, unsigned first_intid,
                      unsigned groups, struct gic_pending *best)
{
    uint32_t c = bank_pending(b) & b->enabled & ~b->active;
    if (!bit(groups, 0))
        c &= b->group;
    if (!bit(groups, 1))
        c &= ~b->group;
    for (; c; c &= c - 1) {
        unsigned i = (unsigned)__builtin_ctz(c);
        unsigned group = bit(b->group, i);
        if (best->intid != GIC_INTID_NONE && b->priority[i] >= best->priority)
            continue;
        if (first_intid >= 32 && !spi_goes_to(r, first_intid - 32 + i, group))
            continue;
        *best = (struct gic_pending){first_intid + i, b->priority[i], (uint8_t)group};
    }
}

static const struct gic_pending nothing = {GIC_INTID_NONE, GIC_PRIORITY_IDLE, 0};

struct gic_pending gic_highest_pending(struct gicv3_redist *r)
{
    struct gic_pending best = nothing;
    unsigned groups = groups_open(r);
    if (!groups)
        return best;
    scan_bank(r, &r->bank, 0, groups, &best);
    /* Its group was open when it was found; what closes a group finds anew. */
    return r->spi.intid != GIC_INTID_NONE && r->spi.priority < best.priority ? r->spi : best;
}

void gic_scan_spis(struct gicv3_redist *r)
{
    unsigned groups = groups_open(r);
    r->spi = nothing;
    for (unsigned i = 0; groups && i < GIC_SPI_BANKS; i++)
        scan_bank(r, &r->gic->spi[i], 32 * (i + 1), groups, &r->spi);
}

uint8_t gic_group_priority_mask(const struct gicv3_redist *r, unsigned group)
{
    /* BPR0 = n: bits 7..n+1 are group priority; BPR1 is offset by one (Table 4-8). */
    unsigned shift = group && !r->cbpr ? r->bpr[1] : r->bpr[0] + 1u;
    return (uint8_t)(0xffu << shift & GIC_PRIORITY_MASK);
}

uint8_t gic_running_priority(const struct gicv3_redist *r)
{
    uint32_t active = r->apr[0] | r->apr[1];
    return active ? (uint8_t)(__builtin_ctz(active) << 3) : GIC_PRIORITY_IDLE;
}

bool gic_is_signalled(const struct gicv3_redist *r, struct gic_pending p)
{
    return p.intid != GIC_INTID_NONE && p.priority < r->pmr &&
           (p.priority & gic_group_priority_mask(r, p.group)) < gic_running_priority(r);
}

static uint32_t lines_wanted(struct gicv3_redist *r)
{
    struct gic_pending p = gic_highest_pending(r);
    if (!gic_is_signalled(r, p))
        return 0;
    return p.group ? A64_LINE_IRQ : A64_LINE_FIQ;
}

static void drive_lines(struct gicv3_redist *r, uint32_t changed, uint32_t lines)
{
    struct gicv3 *g = r->gic;
    r->lines = lines;
    if (changed & A64_LINE_IRQ)
        g->set_line(g->set_line_arg, r->cpu, A64_LINE_IRQ, lines & A64_LINE_IRQ);
    if (changed & A64_LINE_FIQ)
        g->set_line(g->set_line_arg, r->cpu, A64_LINE_FIQ, lines & A64_LINE_FIQ);
}

void gic_update(struct gicv3_redist *r)
{
    uint32_t lines = lines_wanted(r);
    drive_lines(r, lines ^ r->lines, lines);
}

/* Finds the best SPI, then drives the lines. */
static void update_with_spis(struct gicv3_redist *r)
{
    gic_lock(r);
    gic_scan_spis(r);
    gic_update(r);
    gic_unlock(r);
}

void gic_refresh(struct gicv3_redist *r)
{
    gic_lock(r);
    gic_scan_spis(r);
    drive_lines(r, A64_LINE_IRQ | A64_LINE_FIQ, lines_wanted(r));
    gic_unlock(r);
}

void gic_update_all(struct gicv3 *g)
{
    for (unsigned i = 0; i < g->cpu_count; i++)
        update_with_spis(g->redist[i]);
}

void gic_update_spi(struct gicv3 *g, unsigned spi)
{
    uint32_t route = g->route[spi];
    struct gicv3_redist *target = route & GIC_ROUTE_1OFN
                                      ? route_1ofn(g, bit(g->spi[spi / 32].group, spi % 32))
                                      : gic_redist_at(g, route);
    if (target)
        update_with_spis(target);
}

/* ---- Banks of registers ---- */

bool gic_bank_read(const struct gic_bank *b, uint64_t block, uint32_t *value)
{
    switch (block) {
    case 0x080: /* IGROUPR */
        *value = b->group;
        return true;
    case 0x100: /* ISENABLER */
    case 0x180: /* ICENABLER */
        *value = b->enabled;
        return true;
    case 0x200: /* ISPENDR */
    case 0x280: /* ICPENDR */
        *value = bank_pending(b);
        return true;
    case 0x300: /* ISACTIVER */
    case 0x380: /* ICACTIVER */
        *value = b->active;
        return true;
    default:
        return false;
    }
}

bool gic_bank_write(struct gic_bank *b, uint64_t block, uint32_t value)
{
    switch (block) {
    case 0x080:
        b->group = value;
        return true;
    case 0x100:
        b->enabled |= value;
        return true;
    case 0x180:
        b->enabled &= ~value;
        return true;
    case 0x200:
        b->latched |= value;
        return true;
    case 0x280: /* a high level stays pending */
        b->latched &= ~value;
        return true;
    case 0x300:
        b->active |= value;
        return true;
    case 0x380:
        b->active &= ~value;
        return true;
    default:
        return false;
    }
}

uint32_t gic_bank_read_cfg(const struct gic_bank *b, unsigned first)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < 16; i++)
        v |= (uint32_t)bit(b->edge, first + i) << (2 * i + 1);
    return v;
}

void gic_bank_write_cfg(struct gic_bank *b, unsigned first, uint32_t value, uint32_t writable)
{
    for (unsigned i = 0; i < 16; i++) {
        uint32_t m = (uint32_t)BIT(first + i) & writable;
        b->edge = bit(value, 2 * i + 1) ? b->edge | m : b->edge & ~m;
    }
}

uint32_t gic_bank_read_priority(const struct gic_bank *b, unsigned first, unsigned size)
{
    return (uint32_t)le_load(&b->priority[first], size);
}

void gic_bank_write_priority(struct gic_bank *b, unsigned first, unsigned size, uint32_t value)
{
    le_store(&b->priority[first], size, value & (GIC_PRIORITY_MASK * 0x01010101u));
}

int gic_bank_check(const struct gic_bank *b, const char *what, struct err *e)
{
    for (unsigned i = 0; i < 32; i++) {
        if (b->priority[i] & ~GIC_PRIORITY_MASK)
            return err_set(e, EINVAL, "%s: priority 0x%x has bits that are not implemented", what,
                           b->priority[i]);
    }
    return 0;
}

uint32_t gic_id_read(uint64_t offset, uint8_t part)
{
    switch (offset) {
    case 0xffd0: /* PIDR4: JEP106 continuation code of Arm, 64 KiB */
        return 0x44;
    case 0xffe0: /* PIDR0 */
        return part;
    case 0xffe4: /* PIDR1 */
        return 0xb4;
    case 0xffe8: /* PIDR2: architecture revision 3 */
        return 0x3b;
    case 0xfff0: /* CIDR0..3 */
        return 0x0d;
    case 0xfff4:
        return 0xf0;
    case 0xfff8:
        return 0x05;
    case 0xfffc:
        return 0xb1;
    default:
        return 0;
    }
}

/* ---- Wires ---- */

static struct gicv3 *gic_of(struct intc *ic)
{
    return CONTAINER_OF(ic, struct gicv3, intc);
}

/* Takes the new level of a wire. Only a change matters: a rising edge latches. */
static bool bank_set_level(struct gic_bank *b, unsigned i, bool level)
{
    uint32_t m = (uint32_t)BIT(i);
    if (!(b->level & m) == !level)
        return false;
    b->level ^= m;
    b->latched |= level ? b->edge & m : 0;
    return true;
}

static void gic_set_spi(struct intc *ic, unsigned spi, bool level)
{
    struct gicv3 *g = gic_of(ic);
    CHECK(spi < GICV3_SPI_COUNT);
    pthread_mutex_lock(&g->lock);
    if (bank_set_level(&g->spi[spi / 32], spi % 32, level))
        gic_update_spi(g, spi);
    pthread_mutex_unlock(&g->lock);
}

static void gic_set_ppi(struct intc *ic, unsigned cpu, unsigned ppi, bool level)
{
    struct gicv3 *g = gic_of(ic);
    CHECK(cpu < g->cpu_count && ppi < 16);
    struct gicv3_redist *r = g->redist[cpu];
    gic_lock(r);
    if (bank_set_level(&r->bank, 16 + ppi, level))
        gic_update(r);
    gic_unlock(r);
}

static void gic_reset_cpu(struct intc *ic, unsigned cpu)
{
    struct gicv3 *g = gic_of(ic);
    CHECK(cpu < g->cpu_count);
    pthread_mutex_lock(&g->lock);
    gic_lock(g->redist[cpu]);
    gic_cpuif_reset(g->redist[cpu]);
    gic_unlock(g->redist[cpu]);
    gic_update_all(g); /* 1-of-N interrupts may go elsewhere now */
    gic_refresh(g->redist[cpu]);
    pthread_mutex_unlock(&g->lock);
}

static const struct intc_ops gic_intc_ops = {
    .set_spi = gic_set_spi,
    .set_ppi = gic_set_ppi,
    .sysreg_read = gic_sysreg_read,
    .sysreg_write = gic_sysreg_write,
    .reset_cpu = gic_reset_cpu,
};

static void spi_sink(void *arg, unsigned n, bool level)
{
    struct gicv3 *g = arg;
    gic_set_spi(&g->intc, n, level);
}

struct irq gicv3_spi(struct gicv3 *g, unsigned spi)
{
    CHECK(spi < GICV3_SPI_COUNT);
    return (struct irq){.sink = spi_sink, .arg = g, .n = spi};
}

/* ---- Life ---- */

void gic_core_destroy(struct gicv3 *g)
{
    for (unsigned i = 0; i < g->cpu_count; i++) {
        if (g->redist[i]) {
            pthread_mutex_destroy(&g->redist[i]->dev.lock);
            pthread_mutex_destroy(&g->redist[i]->lock);
        }
        free(g->redist[i]);
    }
    pthread_mutex_destroy(&g->lock);
    pthread_mutex_destroy(&g->dev.lock);
    free(g);
}

int gic_core_create(unsigned cpus, gic_set_line *set_line, void *arg, struct gicv3 **out,
                    struct err *e)
{
    CHECK(cpus >= 1 && cpus <= GICV3_MAX_CPUS);
    struct gicv3 *g = fault_point("gicv3_alloc") ? NULL : calloc(1, sizeof(*g));
    if (!g)
        return err_set(e, ENOMEM, "out of memory for the interrupt controller");
    device_init(&g->dev, &gicv3_dist_class, "gicv3");
    pthread_mutex_init(&g->lock, NULL);
    g->intc.ops = &gic_intc_ops;
    g->set_line = set_line;
    g->set_line_arg = arg;
    for (unsigned i = 0; i < cpus; i++) {
        struct gicv3_redist *r = fault_point("gicv3_redist_alloc") ? NULL : calloc(1, sizeof(*r));
        if (!r) {
            gic_core_destroy(g);
            return err_set(e, ENOMEM, "out of memory for the interrupt controller");
        }
        device_init(&r->dev, &gicv3_redist_class, "gicv3-redist");
        pthread_mutex_init(&r->lock, NULL);
        r->gic = g;
        r->cpu = i;
        r->affinity = i / 16 << 8 | i % 16;
        g->redist[g->cpu_count++] = r;
    }
    gicv3_dist_class.reset(&g->dev);
    for (unsigned i = 0; i < cpus; i++)
        gicv3_redist_class.reset(&g->redist[i]->dev);
    *out = g;
    return 0;
}

static void vm_set_line(void *arg, unsigned cpu, unsigned line, bool level)
{
    struct vm *vm = arg;
    vcpu_set_line(vm->vcpus[cpu], line, level);
}

/* device_attach() initialises the common part again. */
static int gic_attach(struct device *d, const struct dev_class *cls, struct vm *vm,
                      const char *name, uint64_t base, struct err *e)
{
    pthread_mutex_destroy(&d->lock);
    int r = device_attach(d, cls, vm, name, base, e);
    if (r)
        pthread_mutex_init(&d->lock, NULL); /* gic_core_destroy() expects it */
    return r;
}

int gicv3_create(struct vm *vm, struct gicv3 **out, struct err *e)
{
    struct gicv3 *g;
    int rc = gic_core_create(vm->cpu_count, vm_set_line, vm, &g, e);
    if (rc)
        return rc;
    rc = gic_attach(&g->dev, &gicv3_dist_class, vm, "gicv3", GICV3_DIST_BASE, e);
    if (rc) {
        gic_core_destroy(g);
        return rc;
    }
    for (unsigned i = 0; i < g->cpu_count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "gicv3-redist.%u", i);
        rc = gic_attach(&g->redist[i]->dev, &gicv3_redist_class, vm, name,
                        GICV3_REDIST_BASE + (uint64_t)i * GICV3_REDIST_BYTES, e);
        if (rc)
            return rc; /* those attached are the VM's, the distributor frees the others */
    }
    vm->intc = &g->intc;
    *out = g;
    return 0;
}
