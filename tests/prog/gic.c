/* GICv3: identification, pending state, masks, priorities and preemption, groups, EOI modes, SGIs,
 * level-sensitive wires, routing (IHI 0069H chapters 4 and 12). */
#include "gic.h"

#define A 100 /* SPIs without a device */
#define B 101
#define C 150

/* What the handler saw, in order. */
static struct event {
    u32 intid, vector, rpr;
} seen[32];
static unsigned seen_count;
static void (*inside)(u32 intid); /* called between acknowledge and EOI */
static bool keep_active;          /* EOImode = 1: no DIR */

static void handler(struct frame *f)
{
    bool fiq = f->vector % 4 == 2;
    u32 intid = fiq ? (u32)ICC_READ(ICC_IAR0) : (u32)ICC_READ(ICC_IAR1);
    if (seen_count < LEN(seen))
        seen[seen_count++] = (struct event){intid, (u32)f->vector, (u32)ICC_READ(ICC_RPR)};
    if (intid == GIC_SPURIOUS)
        return;
    if (inside)
        inside(intid);
    if (fiq)
        ICC_WRITE(ICC_EOIR0, intid);
    else
        ICC_WRITE(ICC_EOIR1, intid);
    if ((ICC_READ(ICC_CTLR) & 2) && !keep_active)
        ICC_WRITE(ICC_DIR, intid);
}

static void fresh(void)
{
    seen_count = 0;
    inside = NULL;
    keep_active = false;
    gic_init();
    ICC_WRITE(ICC_BPR0, 0);
    for (u32 i = A; i <= C; i++) {
        if (i == C || i <= B) {
            gic_disable(i);
            gic_edge(i, true);
            w64(GICD + 0x6000 + 8 * i, 0);
        }
    }
}

static void expect_seen(int line, unsigned count, const u32 *intids)
{
    if (seen_count != count)
        rt_fail(__FILE_NAME__, line, "number of interrupts", seen_count, count);
    for (unsigned i = 0; i < count && i < seen_count; i++)
        if (seen[i].intid != intids[i])
            rt_fail(__FILE_NAME__, line, "INTID", seen[i].intid, intids[i]);
    seen_count = 0;
}
#define SEEN(...)                                                                                  \
    do {                                                                                           \
        static const u32 ids_[] = {__VA_ARGS__};                                                   \
        expect_seen(__LINE__, LEN(ids_), ids_);                                                    \
    } while (0)
#define NONE() expect_seen(__LINE__, 0, NULL)

/* ---- Registers ---- */

static void identification(void)
{
    EQ(r32(GICD + 0xffe8) >> 4 & 15, 3); /* PIDR2.ArchRev */
    EQ(r32(GICD + 4) & 0x1f, rt_qemu ? 7 : 8); /* TYPER.ITLinesNumber: 288 INTIDs */
    EQ(r32(GICD) & 0x50, 0x50);          /* CTLR: DS, ARE */
    EQ(r64(GICR + 8) & 0x10, 0x10);      /* GICR_TYPER.Last */
    EQ(r64(GICR + 8) >> 32, MRS(mpidr_el1) & 0xffffff);
    EQ(ICC_READ(ICC_SRE), 7);
    EQ(ICC_READ(ICC_CTLR) >> 8 & 7, 4); /* PRIbits: 5 */
    EQ(MRS(id_aa64pfr0_el1) >> 24 & 15, 1);
    /* the first words of the distributor's banks belong to redistributors */
    w32(GICD + GIC_ISENABLER, ~0u);
    EQ(r32(GICD + GIC_ISENABLER), 0);
    EQ(r32(GICD + 0x800 + 64), 0); /* ITARGETSR: RAZ */
}

static void storage(void)
{
    fresh();
    gic_priority(A, 0xff);
    EQ(r8(GICD + 0x400 + A) & 0xf8, 0xf8);
    if (!rt_qemu) /* stores 8 bits */
        EQ(r8(GICD + 0x400 + A), 0xf8);
    w32(GICD + 0x400 + A, 0x10203040);
    EQ(r32(GICD + 0x400 + A), 0x10203040);
    EQ(r8(GICD + 0x400 + A + 2), 0x20);
    w32(GICD + 0x400 + A, 0);
    gic_set(A, GIC_ISENABLER);
    TRUE(gic_get(A, GIC_ISENABLER));
    TRUE(gic_get(A, GIC_ICENABLER));
    TRUE(!gic_get(B, GIC_ISENABLER));
    gic_set(A, GIC_ICENABLER);
    TRUE(!gic_get(A, GIC_ISENABLER));
    gic_set(A, GIC_ISPENDR);
    TRUE(gic_get(A, GIC_ISPENDR));
    TRUE(gic_get(A, GIC_ICPENDR));
    gic_set(A, GIC_ICPENDR);
    TRUE(!gic_get(A, GIC_ISPENDR));
    gic_set(A, GIC_ISACTIVER);
    TRUE(gic_get(A, GIC_ICACTIVER));
    gic_set(A, GIC_ICACTIVER);
    TRUE(!gic_get(A, GIC_ISACTIVER));
    gic_edge(A, false);
    EQ(r32(GICD + 0xc00 + A / 16 * 4) >> A % 16 * 2 & 3, 0);
    gic_edge(A, true);
    EQ(r32(GICD + 0xc00 + A / 16 * 4) >> A % 16 * 2 & 3, 2);
    w32(GICR_SGI + 0xc00, 0);
    EQ(r32(GICR_SGI + 0xc00), 0xaaaaaaaa); /* SGIs are edge-triggered */
    w64(GICD + 0x6000 + 8 * A, 0x80000000ul);
    EQ(r64(GICD + 0x6000 + 8 * A), 0x80000000ul);
    EQ(r32(GICD + 0x6000 + 8 * A + 4), 0);
    w64(GICD + 0x6000 + 8 * A, 0);
    ICC_WRITE(ICC_PMR, 0x57);
    EQ(ICC_READ(ICC_PMR), 0x50);
    ICC_WRITE(ICC_PMR, 0xff);
    EQ(ICC_READ(ICC_PMR), 0xf8);
    for (u64 bpr = 0; bpr < 8; bpr++) {
        ICC_WRITE(ICC_BPR0, bpr);
        ICC_WRITE(ICC_BPR1, bpr);
        EQ(ICC_READ(ICC_BPR0), bpr < 2 ? 2 : bpr);
        EQ(ICC_READ(ICC_BPR1), bpr < 3 ? 3 : bpr);
    }
    EQ(ICC_READ(ICC_RPR), 0xff);
}

/* ---- Delivery ---- */

CODE(c_spin, "1: cbz x0, 1b"); /* the handler sets x0 */

static void end_spin(struct frame *f)
{
    handler(f);
    f->x[0] = 1;
}

static void delivery(void)
{
    static struct frame f;
    fresh();
    gic_enable(A, 0x80);
    irq_window();
    NONE();
    EQ(MRS(isr_el1), 0);
    EQ(ICC_READ(ICC_IAR1), GIC_SPURIOUS);
    EQ(ICC_READ(ICC_HPPIR1), GIC_SPURIOUS);
    gic_set(A, GIC_ISPENDR);
    EQ(MRS(isr_el1), 0x80);
    EQ(ICC_READ(ICC_HPPIR1), A);
    EQ(ICC_READ(ICC_HPPIR0), GIC_SPURIOUS);
    NONE(); /* PSTATE.I */
    irq_window();
    EQ(seen[0].vector, V_IRQ_SPX);
    EQ(seen[0].rpr, 0x80);
    SEEN(A);
    TRUE(!gic_get(A, GIC_ISPENDR));
    TRUE(!gic_get(A, GIC_ISACTIVER));
    EQ(ICC_READ(ICC_RPR), 0xff);
    EQ(MRS(isr_el1), 0);
    irq_window();
    NONE();

    /* from EL0, from EL1 with SP_EL0: other vectors; masked at EL0 only by its own PSTATE.I */
    rt_irq = end_spin;
    rt_frame(&f, EL0T, c_spin, 0, 0, 0, 0);
    f.spsr = EL0T;
    gic_set(A, GIC_ISPENDR);
    rt_enter(&f);
    RAN(&f);
    EQ(seen[0].vector, V_IRQ_LOW);
    SEEN(A);
    rt_frame(&f, EL1T, c_spin, 0, 0, 0, 0);
    f.spsr = EL1T;
    gic_set(A, GIC_ISPENDR);
    rt_enter(&f);
    EQ(seen[0].vector, V_IRQ_SP0);
    SEEN(A);
    rt_frame(&f, EL0T, rt_done, 0, 0, 0, 0); /* I = 1 at EL0 */
    gic_set(A, GIC_ISPENDR);
    rt_enter(&f);
    RAN(&f);
    NONE();
    rt_irq = handler;
    irq_window();
    SEEN(A);

    /* acknowledged without an exception */
    gic_set(A, GIC_ISPENDR);
    EQ(ICC_READ(ICC_IAR1), A);
    EQ(ICC_READ(ICC_RPR), 0x80);
    EQ(ICC_READ(ICC_AP1R0), 1u << (0x80 >> 3));
    TRUE(gic_get(A, GIC_ISACTIVER));
    TRUE(!gic_get(A, GIC_ISPENDR));
    EQ(ICC_READ(ICC_IAR1), GIC_SPURIOUS);
    gic_set(A, GIC_ISPENDR); /* active and pending: not signalled */
    EQ(MRS(isr_el1), 0);
    ICC_WRITE(ICC_EOIR1, A);
    EQ(MRS(isr_el1), 0x80);
    EQ(ICC_READ(ICC_AP1R0), 0);
    irq_window();
    SEEN(A);
    ICC_WRITE(ICC_EOIR1, GIC_SPURIOUS); /* no effect */
}

static void masks(void)
{
    fresh();
    gic_enable(A, 0x80);
    gic_set(A, GIC_ISPENDR);
    ICC_WRITE(ICC_PMR, 0x80); /* equal is not higher */
    irq_window();
    NONE();
    EQ(ICC_READ(ICC_IAR1), GIC_SPURIOUS);
    ICC_WRITE(ICC_PMR, 0x88);
    irq_window();
    SEEN(A);
    ICC_WRITE(ICC_PMR, 0xff);
    gic_priority(A, 0xf8);
    gic_set(A, GIC_ISPENDR); /* idle priority 0xf8 is never below PMR 0xf8 */
    irq_window();
    NONE();
    gic_priority(A, 0xf0);
    irq_window();
    SEEN(A);
    gic_priority(A, 0x80);
    /* the interrupt's enable bit */
    gic_set(A, GIC_ICENABLER);
    gic_set(A, GIC_ISPENDR);
    irq_window();
    NONE();
    TRUE(gic_get(A, GIC_ISPENDR));
    gic_set(A, GIC_ISENABLER);
    irq_window();
    SEEN(A);
    /* the group's, in the CPU interface and in the distributor */
    ICC_WRITE(ICC_IGRPEN1, 0);
    gic_set(A, GIC_ISPENDR);
    irq_window();
    NONE();
    ICC_WRITE(ICC_IGRPEN1, 1);
    irq_window();
    SEEN(A);
    w32(GICD, 0x11);
    gic_set(A, GIC_ISPENDR);
    irq_window();
    NONE();
    w32(GICD, 0x13);
    irq_window();
    SEEN(A);
    /* made active by software */
    gic_set(A, GIC_ISACTIVER);
    gic_set(A, GIC_ISPENDR);
    irq_window();
    NONE();
    gic_set(A, GIC_ICACTIVER);
    irq_window();
    SEEN(A);
    /* taken back before it was seen */
    gic_set(A, GIC_ISPENDR);
    gic_set(A, GIC_ICPENDR);
    irq_window();
    NONE();
}

static void order(void)
{
    fresh();
    gic_enable(A, 0x80);
    gic_enable(B, 0x40);
    gic_enable(C, 0x80);
    gic_set(C, GIC_ISPENDR);
    gic_set(A, GIC_ISPENDR);
    gic_set(B, GIC_ISPENDR);
    EQ(ICC_READ(ICC_HPPIR1), B);
    irq_window();
    irq_window();
    irq_window();
    SEEN(B, A, C);
    gic_priority(A, 0x90); /* a change while pending counts */
    gic_set(C, GIC_ISPENDR);
    gic_set(A, GIC_ISPENDR);
    gic_set(B, GIC_ISPENDR);
    gic_priority(B, 0xa0);
    irq_window();
    irq_window();
    irq_window();
    SEEN(C, A, B);
}

/* ---- Preemption ---- */

static u32 trace[8];
static unsigned trace_count;

static void nest(u32 intid)
{
    if (intid == A) {
        trace[trace_count++] = 1;
        gic_set(B, GIC_ISPENDR);
        irq_window();
        trace[trace_count++] = 2;
        EQ(ICC_READ(ICC_RPR), 0x80);
    } else {
        trace[trace_count++] = 3;
    }
}

static void preemption(void)
{
    /* B preempts A if its group priority is higher */
    static const struct {
        u8 a, b, bpr;
        bool preempts;
    } rows[] = {
        {0x80, 0x40, 3, true},  {0x80, 0x78, 3, true}, {0x80, 0x80, 3, false},
        {0x80, 0x90, 3, false}, {0x80, 0x78, 4, true}, {0x88, 0x80, 4, false},
        {0x88, 0x80, 3, true},  {0x80, 0x60, 6, true}, {0x88, 0x80, 5, false},
        {0x80, 0x78, 7, true},  {0x80, 0x60, 7, true}, {0xa0, 0x80, 7, false},
    };
    for (unsigned i = 0; i < LEN(rows); i++) {
        fresh();
        rt_note("row", i);
        inside = NULL;
        ICC_WRITE(ICC_BPR1, rows[i].bpr);
        gic_enable(A, rows[i].a);
        gic_enable(B, rows[i].b);
        gic_set(A, GIC_ISPENDR);
        EQ(ICC_READ(ICC_IAR1), A);
        u8 group = rows[i].a & (0xff << rows[i].bpr);
        EQ(ICC_READ(ICC_RPR), rows[i].bpr > 7 ? 0 : group);
        gic_set(B, GIC_ISPENDR);
        EQ(MRS(isr_el1), rows[i].preempts ? 0x80 : 0);
        if (rows[i].preempts) {
            EQ(ICC_READ(ICC_IAR1), B);
            ICC_WRITE(ICC_EOIR1, B);
            EQ(ICC_READ(ICC_RPR), group);
        } else {
            EQ(ICC_READ(ICC_IAR1), GIC_SPURIOUS);
        }
        ICC_WRITE(ICC_EOIR1, A);
        EQ(ICC_READ(ICC_RPR), 0xff);
        irq_window();
        if (rows[i].preempts)
            NONE();
        else
            SEEN(B);
    }
    rt_note(NULL, 0);
    /* with exceptions inside exceptions */
    fresh();
    inside = nest;
    trace_count = 0;
    gic_enable(A, 0x80);
    gic_enable(B, 0x40);
    gic_set(A, GIC_ISPENDR);
    irq_window();
    EQ(seen[1].rpr, 0x40);
    SEEN(A, B);
    EQ(trace_count, 3);
    EQ(trace[0] * 100 + trace[1] * 10 + trace[2], 132);
    trace_count = 0;
    gic_priority(B, 0x80); /* not higher: after A */
    gic_set(A, GIC_ISPENDR);
    irq_window();
    irq_window();
    SEEN(A, B);
    EQ(trace[0] * 100 + trace[1] * 10 + trace[2], 123);
}

/* ---- Groups ---- */

static void groups(void)
{
    fresh();
    gic_enable(A, 0x80);
    gic_group(A, false);
    gic_set(A, GIC_ISPENDR);
    EQ(MRS(isr_el1), 0x40);
    EQ(ICC_READ(ICC_HPPIR0), A);
    EQ(ICC_READ(ICC_HPPIR1), GIC_SPURIOUS);
    EQ(ICC_READ(ICC_IAR1), GIC_SPURIOUS); /* not by the other group's register */
    asm volatile("msr daifclr, #2\nisb\nmsr daifset, #2" ::: "memory"); /* only I */
    NONE();
    irq_window();
    EQ(seen[0].vector, V_FIQ_SPX);
    SEEN(A);
    /* FIQ before IRQ by priority only: the more urgent one is the one signalled */
    gic_enable(B, 0x40);
    gic_set(B, GIC_ISPENDR);
    gic_set(A, GIC_ISPENDR);
    EQ(MRS(isr_el1), 0x80);
    irq_window();
    irq_window();
    SEEN(B, A);
    gic_priority(A, 0x20);
    gic_set(B, GIC_ISPENDR);
    gic_set(A, GIC_ISPENDR);
    EQ(MRS(isr_el1), 0x40);
    irq_window();
    irq_window();
    SEEN(A, B);
    /* the two groups preempt each other */
    gic_set(B, GIC_ISPENDR);
    EQ(ICC_READ(ICC_IAR1), B);
    gic_set(A, GIC_ISPENDR);
    EQ(MRS(isr_el1), 0x40);
    EQ(ICC_READ(ICC_IAR0), A);
    EQ(ICC_READ(ICC_AP0R0), 1u << (0x20 >> 3));
    EQ(ICC_READ(ICC_RPR), 0x20);
    ICC_WRITE(ICC_EOIR0, A);
    EQ(ICC_READ(ICC_RPR), 0x40);
    ICC_WRITE(ICC_EOIR1, B);
    /* Group 0 switched off */
    ICC_WRITE(ICC_IGRPEN0, 0);
    gic_set(A, GIC_ISPENDR);
    irq_window();
    NONE();
    ICC_WRITE(ICC_IGRPEN0, 1);
    irq_window();
    SEEN(A);
    gic_group(A, true);
}

/* ---- EOI modes ---- */

static void eoi_modes(void)
{
    fresh();
    ICC_WRITE(ICC_CTLR, 2);
    EQ(ICC_READ(ICC_CTLR) & 3, 2);
    gic_enable(A, 0x80);
    keep_active = true;
    gic_set(A, GIC_ISPENDR);
    irq_window();
    SEEN(A);
    TRUE(gic_get(A, GIC_ISACTIVER));
    EQ(ICC_READ(ICC_RPR), 0xff);
    gic_set(A, GIC_ISPENDR);
    irq_window();
    NONE();
    ICC_WRITE(ICC_DIR, A);
    TRUE(!gic_get(A, GIC_ISACTIVER));
    keep_active = false;
    irq_window();
    SEEN(A);
    TRUE(!gic_get(A, GIC_ISACTIVER));
    ICC_WRITE(ICC_CTLR, 0);
}

/* ---- SGIs and PPIs ---- */

static void sgis(void)
{
    fresh();
    for (u32 i = 0; i < 16; i++)
        gic_enable(i, 0x80 + (i & 3) * 8);
    for (u64 i = 0; i < 16; i++) {
        ICC_WRITE(ICC_SGI1R, i << 24 | 1);
        TRUE(gic_get((u32)i, GIC_ISPENDR));
        irq_window();
        const u32 id = (u32)i;
        expect_seen(__LINE__, 1, &id);
    }
    ICC_WRITE(ICC_SGI1R, 5ul << 24 | 2);        /* another PE */
    ICC_WRITE(ICC_SGI1R, 5ul << 24 | 1 | 1ul << 16); /* another cluster */
    ICC_WRITE(ICC_SGI1R, 5ul << 24 | 1 | 1ul << 40); /* all but this */
    irq_window();
    NONE();
    ICC_WRITE(ICC_SGI0R, 5ul << 24 | 1); /* of Group 0, but it is in Group 1 */
    irq_window();
    NONE();
    gic_group(5, false);
    ICC_WRITE(ICC_SGI0R, 5ul << 24 | 1);
    irq_window();
    EQ(seen[0].vector, V_FIQ_SPX);
    SEEN(5);
    gic_group(5, true);
    w32(GICR_SGI + GIC_ISPENDR, 1u << 3); /* by the register */
    irq_window();
    SEEN(3);
    /* a PPI without a device */
    gic_enable(20, 0x70);
    gic_set(20, GIC_ISPENDR);
    irq_window();
    SEEN(20);
    gic_disable(20);
    for (u32 i = 0; i < 16; i++)
        gic_disable(i);
}

/* ---- Wires ---- */

static unsigned mask_after;

static void mask_uart(u32 intid)
{
    if (--mask_after == 0)
        w32(UART + 0x38, 0);
}

static void level(void)
{
    fresh();
    gic_disable(UART_INTID);
    gic_edge(UART_INTID, false);
    gic_enable(UART_INTID, 0x80);
    put("#\n"); /* a comment: the transmitter runs empty and says so */
    for (unsigned n = 0; n < 1000000 && !(r32(UART + 0x3c) & 0x20); n++)
        ;
    EQ(r32(UART + 0x3c) & 0x20, 0x20); /* RIS.TX */
    TRUE(!gic_get(UART_INTID, GIC_ISPENDR));
    w32(UART + 0x38, 0x20);
    EQ(r32(UART + 0x40) & 0x20, 0x20); /* MIS */
    TRUE(gic_get(UART_INTID, GIC_ISPENDR));
    w32(UART + 0x38, 0);
    TRUE(!gic_get(UART_INTID, GIC_ISPENDR)); /* pending follows the wire */
    w32(UART + 0x38, 0x20);
    gic_set(UART_INTID, GIC_ICPENDR); /* cannot be cleared while it is high */
    TRUE(gic_get(UART_INTID, GIC_ISPENDR));
    /* stays high through a whole handler: comes again, until the handler lowers it */
    inside = mask_uart;
    mask_after = 3;
    irq_window();
    SEEN(UART_INTID, UART_INTID, UART_INTID);
    TRUE(!gic_get(UART_INTID, GIC_ISPENDR));
    inside = NULL;
    /* set by software while the wire is low: pending until acknowledged */
    gic_set(UART_INTID, GIC_ISPENDR);
    TRUE(gic_get(UART_INTID, GIC_ISPENDR));
    irq_window();
    SEEN(UART_INTID);
    irq_window();
    NONE();
    /* cleared at the device */
    w32(UART + 0x38, 0x20);
    w32(UART + 0x44, 0x20); /* ICR */
    EQ(r32(UART + 0x3c) & 0x20, 0);
    TRUE(!gic_get(UART_INTID, GIC_ISPENDR));
    w32(UART + 0x38, 0);
    gic_disable(UART_INTID);
}

static void routing(void)
{
    fresh();
    gic_enable(A, 0x80);
    w64(GICD + 0x6000 + 8 * A, 5); /* a PE that does not exist */
    gic_set(A, GIC_ISPENDR);
    irq_window();
    NONE();
    TRUE(gic_get(A, GIC_ISPENDR));
    w64(GICD + 0x6000 + 8 * A, 0);
    irq_window();
    SEEN(A);
    w64(GICD + 0x6000 + 8 * A, 0x80000000); /* any PE */
    gic_set(A, GIC_ISPENDR);
    irq_window();
    SEEN(A);
    w64(GICD + 0x6000 + 8 * A, 0);
    if (!rt_qemu) { /* message-based SPIs */
        w32(GICD + 0x40, A);
        irq_window();
        SEEN(A);
    }
}

/* WFI ends on a pending interrupt that PSTATE.I masks, and on nothing less. */
static void wait(void)
{
    fresh();
    gic_enable(A, 0x80);
    gic_set(A, GIC_ISPENDR);
    asm volatile("wfi");
    EQ(MRS(isr_el1), 0x80);
    irq_window();
    SEEN(A);
}

/* An interrupt handler that takes synchronous exceptions of its own. */
CODE(c_undefined, "udf #1");

static void faults_inside(u32 intid)
{
    struct frame f;
    rt_frame(&f, EL0T, c_undefined, 0, 0, 0, 0);
    rt_enter(&f);
    EQ(f.esr, ESR_UNDEFINED);
    rt_frame(&f, EL1H, rt_done, 0, 0, 0, 0);
    rt_enter(&f);
    RAN(&f);
}

CODE(c_regs, "mov x1, #1\nmov x2, #2\nmov x19, #19\nmov x30, #30\nmsr nzcv, x3\n1: cbz x0, 1b\nmrs "
             "x4, nzcv");

static void nested_context(void)
{
    static struct frame f;
    fresh();
    gic_enable(A, 0x80);
    inside = faults_inside;
    rt_irq = end_spin;
    rt_frame(&f, EL0T, c_regs, 0, 0, 0, 0xa0000000);
    f.spsr = EL0T;
    gic_set(A, GIC_ISPENDR);
    rt_enter(&f);
    RAN(&f);
    SEEN(A);
    EQ(f.x[1], 1);
    EQ(f.x[2], 2);
    EQ(f.x[19], 19);
    EQ(f.x[30], 30);
    EQ(f.x[4], 0xa0000000);
    rt_irq = handler;
}

int main(void)
{
    rt_mmu_on();
    identification();
    gic_init();
    rt_irq = handler;
    storage();
    delivery();
    masks();
    order();
    preemption();
    groups();
    eoi_modes();
    sgis();
    level();
    routing();
    wait();
    nested_context();
    return 0;
}
