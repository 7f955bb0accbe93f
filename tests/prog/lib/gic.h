/* Access to the GICv3 for programs: one PE, affinity routing, single Security state. */
#ifndef GIC_H
#define GIC_H

#include "rt.h"

#define GICR_SGI (GICR + 0x10000)
#define GIC_SPURIOUS 1023u
#define UART_INTID 33

/* The bank of an INTID: SGIs and PPIs are in the redistributor. */
static inline u64 gic_word(u32 intid, u32 block)
{
    return (intid < 32 ? GICR_SGI : GICD) + block + (intid < 32 ? 0 : intid / 32 * 4);
}
static inline void gic_set(u32 intid, u32 block)
{
    w32(gic_word(intid, block), 1u << intid % 32);
    DSB();
}
static inline bool gic_get(u32 intid, u32 block)
{
    return r32(gic_word(intid, block)) >> intid % 32 & 1;
}
#define GIC_ISENABLER 0x100
#define GIC_ICENABLER 0x180
#define GIC_ISPENDR 0x200
#define GIC_ICPENDR 0x280
#define GIC_ISACTIVER 0x300
#define GIC_ICACTIVER 0x380
#define GIC_IGROUPR 0x080

static inline void gic_priority(u32 intid, u32 priority)
{
    w8((intid < 32 ? GICR_SGI : GICD) + 0x400 + intid, priority);
    DSB();
}
static inline void gic_group(u32 intid, bool group1)
{
    u64 a = gic_word(intid, GIC_IGROUPR);
    w32(a, (r32(a) & ~(1u << intid % 32)) | (u32)group1 << intid % 32);
    DSB();
}
static inline void gic_edge(u32 intid, bool edge)
{
    u64 a = (intid < 32 ? GICR_SGI : GICD) + 0xc00 + intid / 16 * 4;
    u32 m = 2u << intid % 16 * 2;
    w32(a, edge ? r32(a) | m : r32(a) & ~m);
    DSB();
}
/* Group 1, priority, enabled. */
static inline void gic_enable(u32 intid, u32 priority)
{
    gic_group(intid, true);
    gic_priority(intid, priority);
    gic_set(intid, GIC_ISENABLER);
}
static inline void gic_disable(u32 intid)
{
    gic_set(intid, GIC_ICENABLER);
    gic_set(intid, GIC_ICPENDR);
    gic_set(intid, GIC_ICACTIVER);
}

#define ICC_PMR s3_0_c4_c6_0
#define ICC_IAR0 s3_0_c12_c8_0
#define ICC_EOIR0 s3_0_c12_c8_1
#define ICC_HPPIR0 s3_0_c12_c8_2
#define ICC_BPR0 s3_0_c12_c8_3
#define ICC_AP0R0 s3_0_c12_c8_4
#define ICC_AP1R0 s3_0_c12_c9_0
#define ICC_DIR s3_0_c12_c11_1
#define ICC_RPR s3_0_c12_c11_3
#define ICC_SGI1R s3_0_c12_c11_5
#define ICC_SGI0R s3_0_c12_c11_7
#define ICC_IAR1 s3_0_c12_c12_0
#define ICC_EOIR1 s3_0_c12_c12_1
#define ICC_HPPIR1 s3_0_c12_c12_2
#define ICC_BPR1 s3_0_c12_c12_3
#define ICC_CTLR s3_0_c12_c12_4
#define ICC_SRE s3_0_c12_c12_5
#define ICC_IGRPEN0 s3_0_c12_c12_6
#define ICC_IGRPEN1 s3_0_c12_c12_7
#define MRS_(r) MRS(r)
#define MSR_(r, v) MSR(r, v)
#define ICC_READ(r) MRS_(r)
#define ICC_WRITE(r, v) MSR_(r, v)

/* Everything on: distributor, redistributor, CPU interface; no interrupt enabled. */
static inline void gic_init(void)
{
    w32(GICD, 0);
    w32(GICR + 0x14, r32(GICR + 0x14) & ~2u); /* WAKER.ProcessorSleep */
    while (r32(GICR + 0x14) & 4)
        ;
    w32(GICR_SGI + GIC_ICENABLER, ~0u);
    for (u64 i = 4; i < 36; i += 4)
        w32(GICD + GIC_ICENABLER + i, ~0u);
    ICC_WRITE(ICC_SRE, 7);
    ICC_WRITE(ICC_PMR, 0xff);
    ICC_WRITE(ICC_BPR1, 0);
    ICC_WRITE(ICC_CTLR, 0);
    ICC_WRITE(ICC_IGRPEN0, 1);
    ICC_WRITE(ICC_IGRPEN1, 1);
    w32(GICD, 0x13); /* ARE, EnableGrp1, EnableGrp0 */
    DSB();
}

/* Opens PSTATE.I and F for a moment. */
static inline void irq_window(void)
{
    asm volatile("dsb sy\nisb\nmsr daifclr, #3\nnop\nnop\nisb\nmsr daifset, #3" ::: "memory");
}

#endif
