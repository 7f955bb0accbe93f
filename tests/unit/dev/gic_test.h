/* A GICv3 without a machine: accesses to its registers and a record of its output lines. */
#ifndef TESTS_UNIT_DEV_GIC_TEST_H
#define TESTS_UNIT_DEV_GIC_TEST_H

#include "dev/gicv3_int.h"
#include "dev_test.h"

#define NONE 1023u
#define GROUP1_ENABLES 2u
#define BOTH_GROUPS 3u

enum {
    GICD_CTLR = 0x0, GICD_TYPER = 0x4, GICD_IIDR = 0x8, GICD_SETSPI_NSR = 0x40,
    GICD_CLRSPI_NSR = 0x48, IGROUPR = 0x80, ISENABLER = 0x100, ICENABLER = 0x180, ISPENDR = 0x200,
    ICPENDR = 0x280, ISACTIVER = 0x300, ICACTIVER = 0x380, IPRIORITYR = 0x400, ITARGETSR = 0x800,
    ICFGR = 0xc00, IROUTER = 0x6000, PIDR2 = 0xffe8,
    GICR_TYPER = 0x8, GICR_WAKER = 0x14, SGI_BASE = 0x10000,
};

struct bench {
    struct gicv3 *g;
    unsigned lines[GICV3_MAX_CPUS];
    unsigned changes; /* calls of set_line */
};

static inline void bench_line(void *arg, unsigned cpu, unsigned line, bool level)
{
    struct bench *b = arg;
    __atomic_fetch_add(&b->changes, 1, __ATOMIC_RELAXED); /* PEs on threads */
    b->lines[cpu] = level ? b->lines[cpu] | line : b->lines[cpu] & ~line;
}

static inline uint64_t d_read_size(struct bench *b, uint64_t off, unsigned size)
{
    return gicv3_dist_class.read(&b->g->dev, off, size);
}
static inline uint32_t d_read(struct bench *b, uint64_t off)
{
    return (uint32_t)d_read_size(b, off, 4);
}
static inline void d_write_size(struct bench *b, uint64_t off, unsigned size, uint64_t v)
{
    gicv3_dist_class.write(&b->g->dev, off, size, v);
}
static inline void d_write(struct bench *b, uint64_t off, uint32_t v)
{
    d_write_size(b, off, 4, v);
}
static inline uint32_t r_read(struct bench *b, unsigned cpu, uint64_t off)
{
    return (uint32_t)gicv3_redist_class.read(&b->g->redist[cpu]->dev, off, 4);
}
static inline void r_write(struct bench *b, unsigned cpu, uint64_t off, uint32_t v)
{
    gicv3_redist_class.write(&b->g->redist[cpu]->dev, off, 4, v);
}
static inline uint64_t icc_read(struct bench *b, unsigned cpu, enum a64_sysreg reg)
{
    uint64_t v = 0;
    assert_true(b->g->intc.ops->sysreg_read(&b->g->intc, cpu, reg, &v));
    return v;
}
static inline void icc_write(struct bench *b, unsigned cpu, enum a64_sysreg reg, uint64_t v)
{
    assert_true(b->g->intc.ops->sysreg_write(&b->g->intc, cpu, reg, v));
}

/* Registers of PE 0 in few words. */
static inline unsigned iar1(struct bench *b)
{
    return (unsigned)icc_read(b, 0, A64_ICC_IAR1_EL1);
}
static inline unsigned iar0(struct bench *b)
{
    return (unsigned)icc_read(b, 0, A64_ICC_IAR0_EL1);
}
static inline void eoi1(struct bench *b, unsigned intid)
{
    icc_write(b, 0, A64_ICC_EOIR1_EL1, intid);
}
static inline void eoi0(struct bench *b, unsigned intid)
{
    icc_write(b, 0, A64_ICC_EOIR0_EL1, intid);
}
static inline unsigned rpr(struct bench *b)
{
    return (unsigned)icc_read(b, 0, A64_ICC_RPR_EL1);
}

static inline void spi_level(struct bench *b, unsigned intid, bool level)
{
    b->g->intc.ops->set_spi(&b->g->intc, intid - 32, level);
}
static inline void ppi_level(struct bench *b, unsigned cpu, unsigned intid, bool level)
{
    b->g->intc.ops->set_ppi(&b->g->intc, cpu, intid - 16, level);
}

/* One bit of the register group `reg` for an SPI, a byte of IPRIORITYR, a field of ICFGR. */
static inline void spi_set(struct bench *b, unsigned reg, unsigned intid)
{
    d_write(b, reg + intid / 32 * 4, 1u << intid % 32);
}
static inline bool spi_is(struct bench *b, unsigned reg, unsigned intid)
{
    return d_read(b, reg + intid / 32 * 4) >> intid % 32 & 1;
}
static inline void spi_priority(struct bench *b, unsigned intid, unsigned priority)
{
    d_write_size(b, IPRIORITYR + intid, 1, priority);
}
static inline void spi_edge(struct bench *b, unsigned intid)
{
    unsigned reg = ICFGR + intid / 16 * 4;
    d_write(b, reg, d_read(b, reg) | 2u << intid % 16 * 2);
}
static inline void sgi_priority(struct bench *b, unsigned cpu, unsigned intid, unsigned priority)
{
    gicv3_redist_class.write(&b->g->redist[cpu]->dev, SGI_BASE + IPRIORITYR + intid, 1, priority);
}

static inline struct bench *bench_create(unsigned cpus)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct err e = {0};
    assert_non_null(b);
    assert_int_equal(gic_core_create(cpus, bench_line, b, &b->g, &e), 0);
    return b;
}

/* As an operating system sets it up: everything Group 1 at priority 0xa0, all PEs awake. */
static inline struct bench *bench_ready(unsigned cpus)
{
    struct bench *b = bench_create(cpus);
    for (unsigned i = 32; i < 288; i += 32)
        d_write(b, IGROUPR + i / 8, 0xffffffff);
    for (unsigned i = 32; i < 288; i += 4)
        d_write(b, IPRIORITYR + i, 0xa0a0a0a0);
    d_write(b, GICD_CTLR, BOTH_GROUPS);
    for (unsigned c = 0; c < cpus; c++) {
        r_write(b, c, GICR_WAKER, 0);
        r_write(b, c, SGI_BASE + IGROUPR, 0xffffffff);
        for (unsigned i = 0; i < 32; i += 4)
            r_write(b, c, SGI_BASE + IPRIORITYR + i, 0xa0a0a0a0);
        icc_write(b, c, A64_ICC_PMR_EL1, 0xf8);
        icc_write(b, c, A64_ICC_IGRPEN0_EL1, 1);
        icc_write(b, c, A64_ICC_IGRPEN1_EL1, 1);
    }
    return b;
}

static inline void bench_destroy(struct bench *b)
{
    gic_core_destroy(b->g);
    free(b);
}

#endif
