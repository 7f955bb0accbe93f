/* PMUv3: the cycle counter and the event counters INST_RETIRED, CPU_CYCLES, SW_INCR, CHAIN;
 * filters, selection, overflow and its interrupt, PPI 7 (Arm ARM D12). */
#include "gic.h"

#define PMU_INTID 23
#define SW_INCR 0
#define INST_RETIRED 8
#define CPU_CYCLES 0x11
#define CHAIN 0x1e
#define E 1ul
#define P 2ul
#define C 4ul
#define CYCLES BIT(31)

CODE(c_loop, "1: subs x0, x0, #1\nb.ne 1b");

static unsigned hits;

static void handler(struct frame *f)
{
    u32 intid = (u32)ICC_READ(ICC_IAR1);
    if (intid == PMU_INTID) {
        hits++;
        MSR(pmovsclr_el0, ~0ul);
    }
    if (intid != GIC_SPURIOUS)
        ICC_WRITE(ICC_EOIR1, intid);
}

static void all_off(void)
{
    MSR(pmcntenclr_el0, ~0ul);
    MSR(pmintenclr_el1, ~0ul);
    MSR(pmovsclr_el0, ~0ul);
    MSR(pmcr_el0, P | C);
    MSR(pmccfiltr_el0, 0);
    MSR(pmevtyper0_el0, 0);
    MSR(pmevtyper1_el0, 0);
}

static void registers(void)
{
    unsigned n = MRS(pmcr_el0) >> 11 & 31;
    EQ(n, 6);
    all_off();
    EQ(MRS(pmcr_el0) & 7, 0); /* P and C read as zero */
    MSR(pmcntenset_el0, ~0ul);
    EQ(MRS(pmcntenset_el0), CYCLES | 0x3f);
    EQ(MRS(pmcntenclr_el0), CYCLES | 0x3f);
    MSR(pmcntenclr_el0, 0x15);
    EQ(MRS(pmcntenset_el0), CYCLES | 0x2a);
    MSR(pmcntenclr_el0, ~0ul);
    MSR(pmintenset_el1, ~0ul);
    EQ(MRS(pmintenclr_el1), CYCLES | 0x3f);
    MSR(pmintenclr_el1, CYCLES | 1);
    EQ(MRS(pmintenset_el1), 0x3e);
    MSR(pmintenclr_el1, ~0ul);
    MSR(pmovsset_el0, 0x21);
    EQ(MRS(pmovsclr_el0), 0x21);
    MSR(pmovsclr_el0, 1);
    EQ(MRS(pmovsset_el0), 0x20);
    MSR(pmovsclr_el0, ~0ul);
    /* PMSELR: the same registers by another name */
    for (u64 i = 0; i < n; i++) {
        MSR(pmselr_el0, i);
        MSR(pmxevtyper_el0, 0x80000000 | i);
        MSR(pmxevcntr_el0, 0x1000 + i);
        EQ(MRS(pmxevcntr_el0), 0x1000 + i);
    }
    EQ(MRS(pmevcntr0_el0), 0x1000);
    EQ(MRS(pmevcntr3_el0), 0x1003);
    EQ(MRS(pmevcntr5_el0), 0x1005);
    EQ(MRS(pmevtyper5_el0), 0x80000005);
    MSR(pmevcntr2_el0, 0x123456789);
    MSR(pmselr_el0, 2);
    EQ(MRS(pmxevcntr_el0) & 0xffffffff, 0x23456789);
    if (!rt_qemu) /* PMUv3p5: 64 bits */
        EQ(MRS(pmxevcntr_el0), 0x23456789);
    MSR(pmselr_el0, 31);
    MSR(pmxevtyper_el0, 0xc0000000);
    EQ(MRS(pmccfiltr_el0), 0xc0000000);
    MSR(pmccfiltr_el0, 0);
    EQ(MRS(pmxevtyper_el0), 0);
    MSR(pmccntr_el0, 0x123456789abcdef);
    EQ(MRS(pmccntr_el0), 0x123456789abcdef);
    MSR(pmcr_el0, P); /* event counters only */
    EQ(MRS(pmevcntr3_el0), 0);
    EQ(MRS(pmccntr_el0), 0x123456789abcdef);
    MSR(pmcr_el0, C);
    EQ(MRS(pmccntr_el0), 0);
    TRUE(MRS(pmceid0_el0) & BIT(CPU_CYCLES));
    TRUE(MRS(pmceid0_el0) & BIT(SW_INCR));
    if (!rt_qemu)
        TRUE(MRS(pmceid0_el0) & BIT(INST_RETIRED));
}

static void cycles(void)
{
    all_off();
    MSR(pmcr_el0, E | C);
    RUN1(EL1H, c_loop, 1000);
    EQ(MRS(pmccntr_el0), 0); /* not enabled */
    MSR(pmcntenset_el0, CYCLES);
    u64 a = MRS(pmccntr_el0);
    RUN1(EL1H, c_loop, 10000);
    u64 b = MRS(pmccntr_el0);
    TRUE(b > a);
    MSR(pmcr_el0, 0); /* E = 0 stops all */
    a = MRS(pmccntr_el0);
    RUN1(EL1H, c_loop, 1000);
    EQ(MRS(pmccntr_el0), a);
    TRUE(a >= b);
}

static u64 instructions(u64 loops, unsigned mode)
{
    MSR(pmevcntr0_el0, 0);
    MSR(pmcr_el0, E);
    RUN1(mode, c_loop, loops);
    MSR(pmcr_el0, 0);
    return MRS(pmevcntr0_el0);
}

/* Straight counting, exact to the instruction. */
static u64 exact(void)
{
    u64 n;
    asm volatile(
        "msr pmevcntr0_el0, xzr\nmsr pmcr_el0, %1\nisb\nnop\nnop\nnop\nnop\nnop\nnop\nnop\n"
        "mrs %0, pmevcntr0_el0\nmsr pmcr_el0, xzr"
        : "=r"(n)
        : "r"(E));
    return n;
}

static void retired(void)
{
    if (rt_qemu) /* only with -icount */
        return;
    all_off();
    MSR(pmcntenset_el0, 1);
    MSR(pmevtyper0_el0, INST_RETIRED);
    TRUE(exact() - 8 <= 1); /* ISB, seven NOPs; the access that starts it may count */
    EQ(exact(), exact());
    u64 a = instructions(100, EL1H), b = instructions(1100, EL1H);
    EQ(b - a, 2000);
    EQ(instructions(1100, EL1H), b); /* deterministic */
    a = instructions(100, EL0T);
    b = instructions(600, EL0T);
    EQ(b - a, 1000);
    /* filters: U = do not count EL0, P = do not count EL1 */
    MSR(pmevtyper0_el0, INST_RETIRED | BIT(30));
    a = instructions(100, EL0T);
    EQ(instructions(1000, EL0T), a);
    b = instructions(1100, EL1H);
    TRUE(b >= 2200);
    MSR(pmevtyper0_el0, INST_RETIRED | BIT(31));
    EQ(instructions(1000, EL0T), 2 * 1000 + 1); /* the loop, and SVC */
    EQ(instructions(1000, EL1H), 0);
    MSR(pmevtyper0_el0, INST_RETIRED | BIT(31) | BIT(30));
    EQ(instructions(1000, EL0T), 0);
    /* an event that does not exist counts nothing */
    MSR(pmevtyper0_el0, 0x3fe);
    EQ(instructions(1000, EL0T), 0);
}

static void software(void)
{
    all_off();
    MSR(pmevtyper0_el0, SW_INCR);
    MSR(pmevtyper1_el0, SW_INCR);
    MSR(pmcntenset_el0, 1);
    MSR(pmcr_el0, E);
    for (unsigned i = 0; i < 5; i++)
        MSR(pmswinc_el0, 3);
    EQ(MRS(pmevcntr0_el0), 5);
    EQ(MRS(pmevcntr1_el0), 0); /* not enabled */
    MSR(pmevcntr0_el0, 0xffffffff);
    MSR(pmswinc_el0, 1);
    EQ((u32)MRS(pmevcntr0_el0), 0);
    EQ(MRS(pmovsset_el0), 1);
    MSR(pmovsclr_el0, 1);
    if (!rt_qemu) { /* no CHAIN event */
        MSR(pmevtyper1_el0, CHAIN);
        MSR(pmcntenset_el0, 3);
        MSR(pmevcntr0_el0, 0xffffffff);
        MSR(pmevcntr1_el0, 7);
        MSR(pmswinc_el0, 1);
        EQ(MRS(pmevcntr0_el0), 0);
        EQ(MRS(pmevcntr1_el0), 8);
        EQ(MRS(pmovsclr_el0), 1);
        MSR(pmswinc_el0, 1);
        EQ(MRS(pmevcntr1_el0), 8);
    }
    all_off();
}

static void interrupt(void)
{
    gic_init();
    rt_irq = handler;
    gic_enable(PMU_INTID, 0x80);
    all_off();
    /* a flag set by software, with its enable: a level */
    MSR(pmcr_el0, E);
    MSR(pmovsset_el0, 1);
    TRUE(!gic_get(PMU_INTID, GIC_ISPENDR));
    MSR(pmintenset_el1, 1);
    TRUE(gic_get(PMU_INTID, GIC_ISPENDR));
    hits = 0;
    irq_window();
    EQ(hits, 1);
    TRUE(!gic_get(PMU_INTID, GIC_ISPENDR));
    MSR(pmovsset_el0, 1);
    MSR(pmintenclr_el1, 1);
    TRUE(!gic_get(PMU_INTID, GIC_ISPENDR));
    all_off();
    /* SW_INCR over the end */
    MSR(pmcr_el0, E);
    MSR(pmcntenset_el0, 1);
    MSR(pmintenset_el1, 1);
    MSR(pmevcntr0_el0, 0xfffffffe);
    MSR(pmswinc_el0, 1);
    irq_window();
    EQ(hits, 1);
    MSR(pmswinc_el0, 1);
    irq_window();
    EQ(hits, 2);
    all_off();
    if (rt_qemu)
        return;
    /* instructions: the interrupt comes while they run */
    MSR(pmevtyper0_el0, INST_RETIRED);
    MSR(pmcntenset_el0, 1);
    MSR(pmintenset_el1, 1);
    MSR(pmevcntr0_el0, -100000u);
    MSR(pmcr_el0, E);
    struct frame f;
    rt_frame(&f, EL0T, c_loop, 500000, 0, 0, 0);
    f.spsr = EL0T;
    rt_enter(&f);
    RAN(&f);
    EQ(hits, 3);
    all_off();
    /* cycles */
    MSR(pmcntenset_el0, CYCLES);
    MSR(pmintenset_el1, CYCLES);
    MSR(pmccntr_el0, -100000ul);
    MSR(pmcr_el0, E);
    u64 end = MRS(cntvct_el0) + MRS(cntfrq_el0);
    asm volatile("msr daifclr, #2");
    while (*(volatile unsigned *)&hits < 4 && MRS(cntvct_el0) < end)
        ;
    asm volatile("msr daifset, #2");
    EQ(hits, 4);
    TRUE(MRS(pmccntr_el0) < BIT(40));
    all_off();
}

int main(void)
{
    rt_mmu_on();
    registers();
    cycles();
    retired();
    software();
    interrupt();
    return 0;
}
