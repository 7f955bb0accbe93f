/* The distributor's registers (GICD_*), IHI 0069H chapter 12.9.
 *
 * With DS = 1 and ARE = 1 fixed, INTIDs 0 to 31 belong to the redistributors: the first word of
 * each register group is RAZ/WI here, and so are GICD_ITARGETSRn, GICD_SGIR, GICD_NSACRn and
 * GICD_IGRPMODRn. Register writes take effect at once, so RWP reads as zero.
 */
#include "dev/gicv3_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    GICD_CTLR = 0x0000,
    GICD_TYPER = 0x0004,
    GICD_IIDR = 0x0008,
    GICD_TYPER2 = 0x000c,
    GICD_STATUSR = 0x0010,
    GICD_SETSPI_NSR = 0x0040,
    GICD_CLRSPI_NSR = 0x0048,
    GICD_SETSPI_SR = 0x0050,
    GICD_CLRSPI_SR = 0x0058,
    GICD_IGROUPR = 0x0080,
    GICD_IPRIORITYR = 0x0400,
    GICD_ITARGETSR = 0x0800,
    GICD_ICFGR = 0x0c00,
    GICD_IGRPMODR = 0x0d00,
    GICD_NSACR = 0x0e00,
    GICD_SGIR = 0x0f00,
    GICD_CPENDSGIR = 0x0f10,
    GICD_SGI_END = 0x0f30,
    GICD_IROUTER = 0x6100, /* of INTID 32 */
    GICD_IDREGS = 0xffd0,
};

#define CTLR_ENABLE 3u          /* EnableGrp1, EnableGrp0 */
#define CTLR_FIXED (1u << 4 | 1u << 6) /* ARE, DS */

/* IDbits = 10 bits, MBIS, ITLinesNumber; no LPIs, no Security Extensions, Aff3 = 0, RSS = 0. */
#define TYPER_VALUE (9u << 19 | 1u << 16 | (GIC_INTID_COUNT / 32 - 1))

static struct gicv3 *dist_of(struct device *d)
{
    return CONTAINER_OF(d, struct gicv3, dev);
}

static bool in(uint64_t offset, uint64_t first, uint64_t bytes)
{
    return offset - first < bytes;
}

/* The bank of the word at `offset` in a group of registers with `per_word` interrupts per word;
 * null for INTIDs below 32 and above the last SPI. */
static struct gic_bank *bank_at(struct gicv3 *g, uint64_t intid)
{
    return intid >= 32 && intid < GIC_INTID_COUNT ? &g->spi[intid / 32 - 1] : NULL;
}

/* ---- Reads ---- */

/* False: no such register, or not by accesses of this size. */
static bool dist_read_group(struct gicv3 *g, uint64_t offset, unsigned size, uint64_t *value)
{
    uint32_t v = 0;
    bool known = true;
    if (in(offset, GICD_IPRIORITYR, 0x400)) {
        struct gic_bank *b = bank_at(g, offset - GICD_IPRIORITYR);
        known = size == 1 || size == 4;
        if (b && known)
            v = gic_bank_read_priority(b, offset % 32, size);
    } else if (in(offset, GICD_ITARGETSR, 0x400)) {
        known = size == 1 || size == 4; /* RAZ: affinity routing */
    } else if (size != 4) {
        known = false;
    } else if (in(offset, GICD_IGROUPR, GICD_IPRIORITYR - GICD_IGROUPR)) {
        struct gic_bank *b = bank_at(g, (offset & 0x7f) * 8);
        if (b)
            known = gic_bank_read(b, offset & ~0x7full, &v);
    } else if (in(offset, GICD_ICFGR, 0x100)) {
        uint64_t intid = (offset - GICD_ICFGR) * 4;
        struct gic_bank *b = bank_at(g, intid);
        if (b)
            v = gic_bank_read_cfg(b, intid % 32);
    } else {
        known = in(offset, GICD_IGRPMODR, GICD_SGI_END - GICD_IGRPMODR); /* RES0 with DS, ARE = 1 */
    }
    *value = v;
    return known;
}

static bool dist_read(struct gicv3 *g, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    if (in(offset, GICD_IROUTER, 8 * GICV3_SPI_COUNT)) {
        uint64_t route = g->route[(offset - GICD_IROUTER) / 8];
        *value = route >> (offset % 8 * 8);
        return size >= 4;
    }
    if (in(offset, GICD_IGROUPR, GICD_SGI_END - GICD_IGROUPR))
        return dist_read_group(g, offset, size, value);
    if (size != 4)
        return false;
    if (in(offset, GICD_IDREGS, 0x30)) {
        *value = gic_id_read(offset, 0x92);
        return true;
    }
    switch (offset) {
    case GICD_CTLR:
        *value = CTLR_FIXED | g->enabled;
        return true;
    case GICD_TYPER:
        *value = TYPER_VALUE;
        return true;
    case GICD_IIDR:
        *value = GIC_IIDR;
        return true;
    case GICD_TYPER2:
    case GICD_STATUSR: /* optional, not implemented: RAZ/WI */
        return true;
    default:
        return false;
    }
}

static uint64_t gicd_read(struct device *d, uint64_t offset, unsigned size)
{
    struct gicv3 *g = dist_of(d);
    uint64_t value;
    pthread_mutex_lock(&g->lock);
    bool known = dist_read(g, offset, size, &value);
    pthread_mutex_unlock(&g->lock);
    if (known)
        return value;
    guest_err(&d->err, d->name, "read of %u bytes at offset 0x%llx: no such register", size,
              (unsigned long long)offset);
    return 0;
}

/* ---- Writes ---- */

static bool dist_write_group(struct gicv3 *g, uint64_t offset, unsigned size, uint32_t value)
{
    if (in(offset, GICD_IPRIORITYR, 0x400)) {
        struct gic_bank *b = bank_at(g, offset - GICD_IPRIORITYR);
        if (size != 1 && size != 4)
            return false;
        if (b)
            gic_bank_write_priority(b, offset % 32, size, value);
        return true;
    }
    if (in(offset, GICD_ITARGETSR, 0x400))
        return size == 1 || size == 4;
    if (size != 4)
        return false;
    if (in(offset, GICD_IGROUPR, GICD_IPRIORITYR - GICD_IGROUPR)) {
        struct gic_bank *b = bank_at(g, (offset & 0x7f) * 8);
        return !b || gic_bank_write(b, offset & ~0x7full, value);
    }
    if (in(offset, GICD_ICFGR, 0x100)) {
        uint64_t intid = (offset - GICD_ICFGR) * 4;
        struct gic_bank *b = bank_at(g, intid);
        if (b)
            gic_bank_write_cfg(b, intid % 32, value, UINT32_MAX);
        return true;
    }
    return in(offset, GICD_IGRPMODR, GICD_SGI_END - GICD_IGRPMODR);
}

/* Message-based SPIs: a set is an edge, or raises the level until the clear. */
static void dist_message(struct gicv3 *g, uint32_t intid, bool set)
{
    struct gic_bank *b = bank_at(g, intid & 0x3ff);
    uint32_t m = (uint32_t)BIT(intid % 32);
    if (!b)
        return;
    if (b->edge & m)
        b->latched = set ? b->latched | m : b->latched & ~m;
    else
        b->level = set ? b->level | m : b->level & ~m;
}

static bool dist_write(struct gicv3 *g, uint64_t offset, unsigned size, uint64_t value)
{
    if (in(offset, GICD_IROUTER, 8 * GICV3_SPI_COUNT)) {
        if (size >= 4 && offset % 8 == 0) /* the other half holds Aff3, which is RES0 */
            g->route[(offset - GICD_IROUTER) / 8] = (uint32_t)value & GIC_ROUTE_MASK;
        return size >= 4;
    }
    if (in(offset, GICD_IGROUPR, GICD_SGI_END - GICD_IGROUPR))
        return dist_write_group(g, offset, size, (uint32_t)value);
    if ((offset == GICD_SETSPI_NSR || offset == GICD_CLRSPI_NSR) && (size == 2 || size == 4)) {
        dist_message(g, (uint32_t)value, offset == GICD_SETSPI_NSR);
        return true;
    }
    if (size != 4)
        return false;
    switch (offset) {
    case GICD_CTLR:
        __atomic_store_n(&g->enabled, (uint32_t)value & CTLR_ENABLE, __ATOMIC_RELAXED);
        return true;
    case GICD_STATUSR:
    case GICD_SETSPI_SR: /* reserved with DS = 1 */
    case GICD_CLRSPI_SR:
        return true;
    default:
        return false;
    }
}

static void gicd_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct gicv3 *g = dist_of(d);
    pthread_mutex_lock(&g->lock);
    bool known = dist_write(g, offset, size, value);
    if (known)
        gic_update_all(g);
    pthread_mutex_unlock(&g->lock);
    if (!known)
        guest_err(&d->err, d->name, "write of %u bytes at offset 0x%llx: no such register", size,
                  (unsigned long long)offset);
}

/* ---- Life ---- */

static void gicd_reset(struct device *d)
{
    struct gicv3 *g = dist_of(d);
    pthread_mutex_lock(&g->lock);
    __atomic_store_n(&g->enabled, 0, __ATOMIC_RELAXED);
    memset(g->spi, 0, sizeof(g->spi));
    memset(g->route, 0, sizeof(g->route));
    for (unsigned i = 0; i < g->cpu_count; i++)
        gic_refresh(g->redist[i]);
    pthread_mutex_unlock(&g->lock);
}

static int gicd_loaded(struct device *d, struct err *e)
{
    struct gicv3 *g = dist_of(d);
    for (unsigned i = 0; i < GIC_SPI_BANKS; i++) {
        int rc = gic_bank_check(&g->spi[i], "GICD_IPRIORITYR", e);
        if (rc)
            return rc;
    }
    for (unsigned i = 0; i < GICV3_SPI_COUNT; i++) {
        if (g->route[i] & ~GIC_ROUTE_MASK)
            return err_set(e, EINVAL, "GICD_IROUTER%u is 0x%x", 32 + i, g->route[i]);
    }
    pthread_mutex_lock(&g->lock);
    for (unsigned i = 0; i < g->cpu_count; i++)
        gic_refresh(g->redist[i]);
    pthread_mutex_unlock(&g->lock);
    return 0;
}

/* The machine destroys in reverse order of creation, so its redistributors are gone by now; those
 * that never were attached are not. */
static void gicd_destroy(struct device *d)
{
    if (d->vm)
        d->vm->intc = NULL;
    gic_core_destroy(dist_of(d));
}

/* ---- Class ---- */

#define S struct gicv3
static const struct state_field gicd_fields[] = {
    F_DEVICE(S),
    F_WIRING(S, intc),
    F_WIRING(S, lock),
    F_WIRING(S, set_line),
    F_WIRING(S, set_line_arg),
    F_WIRING(S, cpu_count),
    F_WIRING(S, redist),
    F_UINT_MAX(S, enabled, CTLR_ENABLE),
    GIC_BANK_FIELDS(S, spi[0]),
    GIC_BANK_FIELDS(S, spi[1]),
    GIC_BANK_FIELDS(S, spi[2]),
    GIC_BANK_FIELDS(S, spi[3]),
    GIC_BANK_FIELDS(S, spi[4]),
    GIC_BANK_FIELDS(S, spi[5]),
    GIC_BANK_FIELDS(S, spi[6]),
    GIC_BANK_FIELDS(S, spi[7]),
    F_ARRAY_MAX(S, route, uint32_t, GIC_ROUTE_MASK),
    F_END,
};
_Static_assert(GIC_SPI_BANKS == 8, "gicd_fields names each bank");

const struct dev_class gicv3_dist_class = {
    .name = "gicv3",
    .window_bytes = GICV3_DIST_BYTES,
    .min_access = 1,
    .max_access = 8,
    .fields = gicd_fields,
    .object_bytes = sizeof(S),
    .read = gicd_read,
    .write = gicd_write,
    .reset = gicd_reset,
    .loaded = gicd_loaded,
    .destroy = gicd_destroy,
};
