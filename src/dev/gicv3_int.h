/* The state of the interrupt controller and how its files share it. Only for dev/gicv3*.c and their
 * tests.
 *
 *   gicv3.c         creation, wires, the decision which interrupt a PE sees (gic_update)
 *   gicv3_dist.c    GICD_* registers
 *   gicv3_redist.c  GICR_* registers
 *   gicv3_cpuif.c   ICC_* registers: acknowledge, priority drop, deactivate, SGIs
 *
 * Thirty-two interrupts are one `struct gic_bank`, as the registers have them: bank 0 of each
 * redistributor holds its SGIs and PPIs (INTID 0 to 31), the distributor's banks hold the SPIs.
 *
 * An interrupt is pending when it is latched (an edge, a write to ISPENDR, an SGI) or when it is
 * level-sensitive and its wire is high. Acknowledging takes the latch only; so a level that is
 * still high makes the interrupt active and pending, and it is signalled again when it is
 * deactivated.
 */
#ifndef DEV_GICV3_INT_H
#define DEV_GICV3_INT_H

#include "base/bits.h"
#include "dev/gicv3.h"

#define GIC_SPI_BANKS (GICV3_SPI_COUNT / 32)
#define GIC_INTID_COUNT (32 + GICV3_SPI_COUNT)
#define GIC_INTID_NONE 1023u

#define GIC_PRIORITY_MASK 0xf8u /* 5 priority bits are implemented */
#define GIC_PRIORITY_IDLE 0xffu
#define GIC_BPR0_MIN 2u /* all 5 bits are group priority */
#define GIC_BPR1_MIN 3u /* the Non-secure view of BPR1 is one more */

/* GICD_IIDR and GICR_IIDR: ProductID 'S', variant 0, revision 0, implementer Arm (JEP106). */
#define GIC_IIDR 0x5300043bu

struct gic_bank {
    uint32_t group;   /* 1: Group 1 */
    uint32_t enabled;
    uint32_t latched; /* pending by an edge, a register write or an SGI */
    uint32_t active;
    uint32_t level;   /* what the wire is driven to */
    uint32_t edge;    /* 1: edge-triggered */
    uint8_t priority[32];
};

/* Rows of a field table for the bank `m` of `type`. */
#define GIC_BANK_FIELDS(type, m)                                                                   \
    F_UINT(type, m.group), F_UINT(type, m.enabled), F_UINT(type, m.latched),                       \
        F_UINT(type, m.active), F_UINT(type, m.level), F_UINT(type, m.edge),                       \
        F_ARRAY_MAX(type, m.priority, uint8_t, GIC_PRIORITY_MASK)

/* An interrupt that a PE may take. */
struct gic_pending {
    unsigned intid;
    uint8_t priority;
    uint8_t group;
};

/* A redistributor and the CPU interface of the PE behind it. */
struct gicv3_redist {
    struct device dev;
    struct gicv3 *gic;
    unsigned cpu;
    uint32_t affinity; /* Aff2.Aff1.Aff0 of the PE */
    pthread_mutex_t lock; /* guards all below; rank: under gicv3.lock, one at a time */

    struct gic_bank bank;
    /* These two choose where 1-of-N interrupts go: they change under gicv3.lock as well. */
    bool asleep; /* GICR_WAKER.ProcessorSleep and ChildrenAsleep, which follows at once */
    /* CPU interface; index 0 is Group 0, 1 is Group 1 */
    bool enabled[2];  /* ICC_IGRPENn */
    bool cbpr;        /* ICC_CTLR.CBPR */
    bool eoimode;     /* ICC_CTLR.EOImode: EOIR drops priority only */
    uint8_t pmr;
    uint8_t bpr[2];
    uint32_t apr[2];  /* ICC_APnR0: bit p = a group priority p << 3 is active */

    /* The best SPI for this PE as of the last change under gicv3.lock. */
    struct gic_pending spi;
    uint32_t lines; /* A64_LINE_IRQ, A64_LINE_FIQ as last driven */
};

/* Where the outputs go: `line` is A64_LINE_IRQ or A64_LINE_FIQ. Called with the redistributor's
 * lock held. */
typedef void gic_set_line(void *arg, unsigned cpu, unsigned line, bool level);

struct gicv3 {
    struct device dev;
    struct intc intc;
    pthread_mutex_t lock; /* the distributor: all below */
    gic_set_line *set_line;
    void *set_line_arg;
    unsigned cpu_count;
    struct gicv3_redist *redist[GICV3_MAX_CPUS];

    uint32_t enabled; /* GICD_CTLR.EnableGrp1 : EnableGrp0; read without the lock: atomic access */
    struct gic_bank spi[GIC_SPI_BANKS];
    uint32_t route[GICV3_SPI_COUNT]; /* GICD_IROUTERn: Interrupt_Routing_Mode (bit 31), Aff2..0 */
};

#define GIC_ROUTE_1OFN 0x80000000u
#define GIC_ROUTE_MASK 0x80ffffffu

/* ---- gicv3.c ---- */

/* Creates a controller for `cpus` PEs that is not attached to a machine; for tests, and the first
 * half of gicv3_create. */
int MUST_CHECK gic_core_create(unsigned cpus, gic_set_line *set_line, void *arg, struct gicv3 **out,
                               struct err *e);
void gic_core_destroy(struct gicv3 *g);

/* "D": with gicv3.lock held, "R": with the redistributor's, "DR": with both. */

static inline void gic_lock(struct gicv3_redist *r)
{
    pthread_mutex_lock(&r->lock);
}
static inline void gic_unlock(struct gicv3_redist *r)
{
    pthread_mutex_unlock(&r->lock);
}

/* The PE with this affinity, or null. Any. */
struct gicv3_redist *gic_redist_at(struct gicv3 *g, uint32_t affinity);

/* The highest priority pending interrupt of enabled groups that PE `r` would take, whatever its
 * priority mask and running priority; GIC_INTID_NONE when there is none. R. */
struct gic_pending gic_highest_pending(struct gicv3_redist *r);

/* Finds the best SPI anew. DR. */
void gic_scan_spis(struct gicv3_redist *r);

/* True when `p` is of sufficient priority to be signalled to the PE now. R. */
bool gic_is_signalled(const struct gicv3_redist *r, struct gic_pending p);

/* Mask of the bits of a priority that are its group priority, for interrupts of `group`. R. */
uint8_t gic_group_priority_mask(const struct gicv3_redist *r, unsigned group);

/* Highest active priority of the PE, GIC_PRIORITY_IDLE when none is. R. */
uint8_t gic_running_priority(const struct gicv3_redist *r);

/* Drives the outputs of a PE to what state says. R. */
void gic_update(struct gicv3_redist *r);
/* After a change of an SPI, or of anything: finds the best SPI of those it may reach, or of all
 * PEs, and drives their outputs. D. */
void gic_update_spi(struct gicv3 *g, unsigned spi);
void gic_update_all(struct gicv3 *g);

/* Finds the best SPI and drives both lines of a PE whatever was driven last (reset, load, power).
 * D.
 */
void gic_refresh(struct gicv3_redist *r);

/* One 32-bit register of IGROUPR ... ICACTIVER for a bank. `block` is the offset of the register
 * with the word index cleared (0x080, 0x100, ...). False: not one of these. */
bool gic_bank_read(const struct gic_bank *b, uint64_t block, uint32_t *value);
bool gic_bank_write(struct gic_bank *b, uint64_t block, uint32_t value);
/* ICFGR: the 16 interrupts from `first` (0 or 16) on; only those in `writable` change. */
uint32_t gic_bank_read_cfg(const struct gic_bank *b, unsigned first);
void gic_bank_write_cfg(struct gic_bank *b, unsigned first, uint32_t value, uint32_t writable);
/* IPRIORITYR: `size` (1 or 4) bytes from interrupt `first` on. */
uint32_t gic_bank_read_priority(const struct gic_bank *b, unsigned first, unsigned size);
void gic_bank_write_priority(struct gic_bank *b, unsigned first, unsigned size, uint32_t value);
/* -EINVAL when no sequence of accesses leads to this state. */
int gic_bank_check(const struct gic_bank *b, const char *what, struct err *e);

/* Identification registers at 0xffd0 to 0xfffc; `part` is PIDR0. */
uint32_t gic_id_read(uint64_t offset, uint8_t part);

/* ---- gicv3_cpuif.c ---- */

void gic_cpuif_reset(struct gicv3_redist *r);
bool gic_sysreg_read(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t *value);
bool gic_sysreg_write(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t value);

#endif
