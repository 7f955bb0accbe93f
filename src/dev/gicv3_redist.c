/* A redistributor's registers (GICR_*), IHI 0069H chapter 12.11: the RD_base frame with control and
 * identification, the SGI_base frame (64 KiB above) with the state of INTIDs 0 to 31.
 *
 * There are no LPIs, so GICR_TYPER.PLPIS is 0 and the LPI registers are RAZ/WI. SGIs are always
 * edge-triggered; PPIs can be configured. A PE is asleep (GICR_WAKER) after reset and receives
 * nothing until software clears ProcessorSleep, as on hardware.
 */
#include "dev/gicv3_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    GICR_CTLR = 0x0000,
    GICR_IIDR = 0x0004,
    GICR_TYPER = 0x0008, /* 64 bits */
    GICR_STATUSR = 0x0010,
    GICR_WAKER = 0x0014,
    GICR_SETLPIR = 0x0040,
    GICR_CLRLPIR = 0x0048,
    GICR_PROPBASER = 0x0070,
    GICR_PENDBASER = 0x0078,
    GICR_INVLPIR = 0x00a0,
    GICR_INVALLR = 0x00b0,
    GICR_SYNCR = 0x00c0,
    GICR_IDREGS = 0xffd0,
    GICR_SGI_BASE = 0x10000, /* offsets below are from here */
    GICR_IGROUPR0 = 0x0080,
    GICR_IPRIORITYR0 = 0x0400,
    GICR_ICFGR0 = 0x0c00,
    GICR_ICFGR1 = 0x0c04,
    GICR_IGRPMODR0 = 0x0d00,
    GICR_NSACR = 0x0e00,
};

#define WAKER_PROCESSOR_SLEEP (1u << 1)
#define WAKER_CHILDREN_ASLEEP (1u << 2)
#define SGI_MASK 0x0000ffffu
#define PPI_MASK 0xffff0000u

static struct gicv3_redist *redist_of(struct device *d)
{
    return CONTAINER_OF(d, struct gicv3_redist, dev);
}

/* ---- RD_base frame ---- */

static uint64_t redist_typer(const struct gicv3_redist *r)
{
    bool last = r->cpu == r->gic->cpu_count - 1;
    return (uint64_t)r->affinity << 32 | r->cpu << 8 | (unsigned)last << 4;
}

/* Registers of LPIs, which this controller does not have: RAZ/WI. */
static bool is_lpi_register(uint64_t offset)
{
    switch (offset & ~7ull) {
    case GICR_SETLPIR:
    case GICR_CLRLPIR:
    case GICR_PROPBASER:
    case GICR_PENDBASER:
    case GICR_INVLPIR:
    case GICR_INVALLR:
    case GICR_SYNCR:
        return true;
    default:
        return false;
    }
}

static bool rd_read(const struct gicv3_redist *r, uint64_t offset, unsigned size, uint64_t *value)
{
    if ((offset & ~7ull) == GICR_TYPER && size >= 4) {
        *value = redist_typer(r) >> (offset % 8 * 8);
        return true;
    }
    if (is_lpi_register(offset))
        return size >= 4;
    if (size != 4)
        return false;
    if (offset >= GICR_IDREGS) {
        *value = gic_id_read(offset, 0x93);
        return true;
    }
    switch (offset) {
    case GICR_CTLR: /* no LPIs to enable, no write is ever pending */
    case GICR_STATUSR:
        return true;
    case GICR_IIDR:
        *value = GIC_IIDR;
        return true;
    case GICR_WAKER:
        *value = r->asleep ? WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP : 0;
        return true;
    default:
        return false;
    }
}

static bool rd_write(struct gicv3_redist *r, uint64_t offset, unsigned size, uint64_t value)
{
    if (is_lpi_register(offset))
        return size >= 4;
    if (size != 4)
        return false;
    switch (offset) {
    case GICR_CTLR:
    case GICR_STATUSR:
        return true;
    case GICR_WAKER:
        r->asleep = value & WAKER_PROCESSOR_SLEEP;
        return true;
    default:
        return false;
    }
}

/* ---- SGI_base frame ---- */

static bool sgi_read(const struct gicv3_redist *r, uint64_t offset, unsigned size, uint64_t *value)
{
    uint32_t v = 0;
    bool known = true;
    if (offset - GICR_IPRIORITYR0 < 32) {
        known = size == 1 || size == 4;
        if (known)
            v = gic_bank_read_priority(&r->bank, (unsigned)(offset - GICR_IPRIORITYR0), size);
    } else if (size != 4) {
        known = false;
    } else if (offset == GICR_ICFGR0 || offset == GICR_ICFGR1) {
        v = gic_bank_read_cfg(&r->bank, offset == GICR_ICFGR0 ? 0 : 16);
    } else if (offset != GICR_IGRPMODR0 && offset != GICR_NSACR) { /* these: RAZ/WI with DS = 1 */
        known = gic_bank_read(&r->bank, offset, &v);
    }
    *value = v;
    return known;
}

static bool sgi_write(struct gicv3_redist *r, uint64_t offset, unsigned size, uint32_t value)
{
    if (offset - GICR_IPRIORITYR0 < 32) {
        if (size != 1 && size != 4)
            return false;
        gic_bank_write_priority(&r->bank, (unsigned)(offset - GICR_IPRIORITYR0), size, value);
        return true;
    }
    if (size != 4)
        return false;
    switch (offset) {
    case GICR_ICFGR1:
        gic_bank_write_cfg(&r->bank, 16, value, PPI_MASK);
        return true;
    case GICR_ICFGR0:
    case GICR_IGRPMODR0:
    case GICR_NSACR:
        return true;
    default:
        return gic_bank_write(&r->bank, offset, value);
    }
}

/* ---- Accesses ---- */

static uint64_t gicr_read(struct device *d, uint64_t offset, unsigned size)
{
    struct gicv3_redist *r = redist_of(d);
    uint64_t value = 0;
    gic_lock(r);
    bool known = offset < GICR_SGI_BASE ? rd_read(r, offset, size, &value)
                                        : sgi_read(r, offset - GICR_SGI_BASE, size, &value);
    gic_unlock(r);
    if (known)
        return value;
    guest_err(&d->err, d->name, "read of %u bytes at offset 0x%llx: no such register", size,
              (unsigned long long)offset);
    return 0;
}

/* GICR_WAKER: 1-of-N interrupts may go elsewhere afterwards. */
static bool write_waker(struct gicv3_redist *r, unsigned size, uint64_t value)
{
    pthread_mutex_lock(&r->gic->lock);
    gic_lock(r);
    bool known = rd_write(r, GICR_WAKER, size, value);
    gic_unlock(r);
    gic_update_all(r->gic);
    pthread_mutex_unlock(&r->gic->lock);
    return known;
}

static bool write_private(struct gicv3_redist *r, uint64_t offset, unsigned size, uint64_t value)
{
    gic_lock(r);
    bool known = offset < GICR_SGI_BASE
                     ? rd_write(r, offset, size, value)
                     : sgi_write(r, offset - GICR_SGI_BASE, size, (uint32_t)value);
    if (known)
        gic_update(r);
    gic_unlock(r);
    return known;
}

static void gicr_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct gicv3_redist *r = redist_of(d);
    bool known = offset == GICR_WAKER ? write_waker(r, size, value)
                                      : write_private(r, offset, size, value);
    if (!known)
        guest_err(&d->err, d->name, "write of %u bytes at offset 0x%llx: no such register", size,
                  (unsigned long long)offset);
}

/* ---- Life ---- */

static void gicr_reset(struct device *d)
{
    struct gicv3_redist *r = redist_of(d);
    pthread_mutex_lock(&r->gic->lock);
    gic_lock(r);
    memset(&r->bank, 0, sizeof(r->bank));
    r->bank.edge = SGI_MASK;
    r->asleep = true;
    gic_cpuif_reset(r);
    gic_unlock(r);
    gic_refresh(r);
    pthread_mutex_unlock(&r->gic->lock);
}

static int gicr_loaded(struct device *d, struct err *e)
{
    struct gicv3_redist *r = redist_of(d);
    int rc = gic_bank_check(&r->bank, "GICR_IPRIORITYR", e);
    if (rc)
        return rc;
    if ((r->bank.edge & SGI_MASK) != SGI_MASK || r->bank.level & SGI_MASK)
        return err_set(e, EINVAL, "SGIs are not edge-triggered, or have a level");
    if (r->pmr & ~GIC_PRIORITY_MASK)
        return err_set(e, EINVAL, "ICC_PMR_EL1 is 0x%x", r->pmr);
    if (r->bpr[0] < GIC_BPR0_MIN || r->bpr[1] < GIC_BPR1_MIN)
        return err_set(e, EINVAL, "ICC_BPR0_EL1 is %u, ICC_BPR1_EL1 %u: below the minimum",
                       r->bpr[0], r->bpr[1]);
    pthread_mutex_lock(&r->gic->lock);
    for (unsigned i = 0; i < r->gic->cpu_count; i++)
        gic_refresh(r->gic->redist[i]);
    pthread_mutex_unlock(&r->gic->lock);
    return 0;
}

static void gicr_destroy(struct device *d)
{
    struct gicv3_redist *r = redist_of(d);
    r->gic->redist[r->cpu] = NULL;
    pthread_mutex_destroy(&d->lock);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- Class ---- */

#define S struct gicv3_redist
static const struct state_field gicr_fields[] = {
    F_DEVICE(S),
    F_WIRING(S, gic),
    F_WIRING(S, cpu),
    F_WIRING(S, affinity),
    F_WIRING(S, lock),
    GIC_BANK_FIELDS(S, bank),
    F_BOOL(S, asleep),
    F_BOOL(S, enabled),
    F_BOOL(S, cbpr),
    F_BOOL(S, eoimode),
    F_UINT_MAX(S, pmr, GIC_PRIORITY_MASK),
    F_ARRAY_MAX(S, bpr, uint8_t, 7),
    F_ARRAY(S, apr, uint32_t),
    F_DERIVED(S, spi, "found anew with lines"),
    F_DERIVED(S, lines, "gicr_loaded drives the outputs again"),
    F_END,
};

const struct dev_class gicv3_redist_class = {
    .name = "gicv3-redist",
    .window_bytes = GICV3_REDIST_BYTES,
    .min_access = 1,
    .max_access = 8,
    .fields = gicr_fields,
    .object_bytes = sizeof(S),
    .read = gicr_read,
    .write = gicr_write,
    .reset = gicr_reset,
    .loaded = gicr_loaded,
    .destroy = gicr_destroy,
};
