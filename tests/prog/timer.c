/* Generic timers: counters, CVAL, TVAL, CTL, interrupts PPI 14 and 11 (INTID 30, 27), WFI, EL0,
 * event stream (Arm ARM D11). */
#include "gic.h"

#define PHYS 30
#define VIRT 27

CODE(c_el0,
     "mrs x0, cntvct_el0\nmov x1, #1000\nmsr cntv_tval_el0, x1\nmov x1, #1\nmsr cntv_ctl_el0, x1\n"
     "1: mrs x2, cntv_ctl_el0\ntbz x2, #2, 1b\nmrs x3, cntv_cval_el0\nmrs x4, cntvct_el0\n"
     "msr cntv_ctl_el0, xzr");

static u64 frequency;
static unsigned hits[32];
static u32 order[8];
static unsigned order_count;
static u64 first_at; /* counter when the first of `order` had been acknowledged */
static void (*on_hit)(u32 intid);

static void off(u32 intid)
{
    if (intid == PHYS)
        MSR(cntp_ctl_el0, 0);
    else
        MSR(cntv_ctl_el0, 0);
}

static void handler(struct frame *f)
{
    u32 intid = (u32)ICC_READ(ICC_IAR1);
    if (intid == GIC_SPURIOUS)
        return;
    hits[intid % 32]++;
    if (order_count == 0)
        first_at = MRS(cntvct_el0);
    if (order_count < LEN(order))
        order[order_count++] = intid;
    on_hit(intid);
    ICC_WRITE(ICC_EOIR1, intid);
}

static void counters(void)
{
    u64 last = MRS(cntvct_el0), first = last;
    TRUE(frequency >= 1000000);
    for (unsigned i = 0; i < 10000; i++) {
        ISB();
        u64 p = MRS(cntpct_el0);
        ISB();
        u64 v = MRS(cntvct_el0);
        TRUE(p >= last);
        TRUE(v >= p); /* CNTVOFF is 0 */
        last = v;
    }
    TRUE(last > first);
}

/* ---- Registers of both timers ---- */

static void registers(bool phys)
{
#define R(reg) (phys ? MRS(cntp_##reg##_el0) : MRS(cntv_##reg##_el0))
#define W(reg, v)                                                                                  \
    do {                                                                                           \
        if (phys)                                                                                  \
            MSR(cntp_##reg##_el0, v);                                                              \
        else                                                                                       \
            MSR(cntv_##reg##_el0, v);                                                              \
    } while (0)
#define NOW() (phys ? MRS(cntpct_el0) : MRS(cntvct_el0))
    rt_note("physical", phys);
    W(ctl, 0);
    W(cval, 0x123456789abcdef0);
    EQ(R(cval), 0x123456789abcdef0);
    W(cval, 0);
    W(ctl, ~0ul);
    EQ(R(ctl), 7); /* ENABLE, IMASK, ISTATUS */
    W(ctl, 3);
    W(cval, ~0ul);
    EQ(R(ctl), 3);
    W(cval, NOW() + 0x7fffffffffff);
    EQ(R(ctl), 3);
    W(cval, 1);
    EQ(R(ctl), 7);
    W(ctl, 2);
    EQ(R(ctl) & 3, 2);

    /* TVAL: a signed 32-bit view of CVAL - now */
    static const s32 values[] = {0, 1, 1000, 0x7fffffff, -1, -1000, -0x7fffffff - 1};
    W(ctl, 3);
    for (unsigned i = 0; i < LEN(values); i++) {
        u64 before = NOW();
        W(tval, (u32)values[i]);
        u64 after = NOW(), cval = R(cval);
        rt_note("TVAL", (u32)values[i]);
        TRUE(cval - before - (u64)(s64)values[i] <= after - before);
        if (values[i] <= 0 && cval <= after) /* compared as unsigned: not if it wrapped */
            EQ(R(ctl), 7);
        if (values[i] == 0x7fffffff)
            EQ(R(ctl), 3);
        u64 t0 = NOW(), tval = R(tval), t1 = NOW();
        EQ(tval >> 32, 0);
        TRUE((u32)((u32)(cval - t0) - tval) <= t1 - t0);
    }
    W(tval, 0xffffffff00000010ul); /* the upper half is ignored */
    TRUE(R(cval) - NOW() < 0x1000 || NOW() - R(cval) < frequency);
    /* far CVAL: TVAL shows its low half */
    W(cval, NOW() + (5ul << 32));
    u64 t0 = NOW(), tval = R(tval), t1 = NOW();
    TRUE((u32)((u32)(R(cval) - t0) - tval) <= t1 - t0);

    /* ISTATUS changes exactly when the counter reaches CVAL, without being asked */
    for (unsigned n = 0; n < 20 && !rt_qemu; n++) { /* which changes it some time later */
        u64 cval = NOW() + frequency / 5000 + n * 7;
        W(cval, cval);
        unsigned early = 0, late = 0;
        for (;;) {
            u64 a = NOW();
            ISB();
            u64 ctl = R(ctl);
            ISB();
            u64 b = NOW();
            if ((ctl & 4) && b < cval)
                early++;
            if (!(ctl & 4) && a >= cval)
                late++;
            if (a > cval + frequency / 10000)
                break;
        }
        EQ(early, 0);
        EQ(late, 0);
    }
    W(ctl, 0);
    rt_note(NULL, 0);
#undef R
#undef W
#undef NOW
}

/* Read over and over for a while, in which the host's clock is looked at now and then: never back,
 * and as long as it has not reached CVAL, and no longer, the timer has not either. */
static void steadily(void)
{
    MSR(cntv_ctl_el0, 3);
    u64 last = MRS(cntvct_el0), end = last + frequency / 10, cval = last;
    unsigned back = 0, early = 0, late = 0;
    while (last < end) {
        cval += frequency / 20000 + 13;
        MSR(cntv_cval_el0, cval);
        ISB();
        u64 now = last;
        do {
            last = now;
            now = MRS(cntvct_el0);
            back += now < last;
        } while (now < cval);
        ISB();
        late += !(MRS(cntv_ctl_el0) & 4);
        MSR(cntv_cval_el0, now + 200);
        ISB();
        while (!(MRS(cntv_ctl_el0) & 4))
            ;
        ISB();
        last = MRS(cntvct_el0);
        early += last < now + 200;
    }
    EQ(back, 0);
    if (!rt_qemu) { /* which is late now and then */
        EQ(late, 0);
        EQ(early, 0);
    }
    MSR(cntv_ctl_el0, 0);
}

/* ---- Interrupts ---- */

static void wait_for(unsigned *count, unsigned n)
{
    u64 end = MRS(cntvct_el0) + 4 * frequency;
    asm volatile("msr daifclr, #2" ::: "memory");
    while (*(volatile unsigned *)count < n && MRS(cntvct_el0) < end)
        ;
    asm volatile("msr daifset, #2" ::: "memory");
}

/* Both timers, in the order of their times. That is only defined if the first is taken before the
 * second is due: a busy host may stop the PE for longer, then both are pending and the lower INTID
 * goes first. So the wait grows until one attempt counts. */
static void in_order(void)
{
    for (u64 wait = frequency / 50; wait <= 2 * frequency; wait *= 2) {
        order_count = 0;
        u64 now = MRS(cntvct_el0), second = now + wait;
        MSR(cntv_cval_el0, second);
        MSR(cntp_cval_el0, now + frequency / 1000);
        MSR(cntv_ctl_el0, 1);
        MSR(cntp_ctl_el0, 1);
        wait_for(&order_count, 1);
        bool counts = first_at < second;
        wait_for(&order_count, 2);
        EQ(order_count, 2);
        if (!counts)
            continue;
        EQ(order[0], PHYS);
        EQ(order[1], VIRT);
        return;
    }
    rt_fail(__FILE_NAME__, __LINE__, "an attempt in time", 0, 1);
}

static void interrupts(void)
{
    static const u32 ids[] = {PHYS, VIRT};
    on_hit = off;
    for (unsigned i = 0; i < 2; i++) {
        u32 id = ids[i];
        rt_note("INTID", id);
        hits[id] = 0;
        gic_enable(id, 0x80);
        u64 due = MRS(cntvct_el0) + frequency / 1000;
        if (id == PHYS) {
            MSR(cntp_cval_el0, due);
            MSR(cntp_ctl_el0, 1);
        } else {
            MSR(cntv_cval_el0, due);
            MSR(cntv_ctl_el0, 1);
        }
        if (MRS(cntvct_el0) < due - frequency / 4000)
            TRUE(!gic_get(id, GIC_ISPENDR));
        wait_for(&hits[id], 1);
        EQ(hits[id], 1);
        TRUE(MRS(cntvct_el0) >= due);
        TRUE(!gic_get(id, GIC_ISPENDR));
        irq_window();
        EQ(hits[id], 1);
        /* the output is a level: ENABLE and not IMASK and ISTATUS */
        if (id == PHYS) {
            MSR(cntp_cval_el0, 0);
            MSR(cntp_ctl_el0, 1);
        } else {
            MSR(cntv_cval_el0, 0);
            MSR(cntv_ctl_el0, 1);
        }
        TRUE(gic_get(id, GIC_ISPENDR));
        EQ(MRS(isr_el1), 0x80);
        if (id == PHYS)
            MSR(cntp_ctl_el0, 3);
        else
            MSR(cntv_ctl_el0, 3);
        TRUE(!gic_get(id, GIC_ISPENDR));
        EQ(MRS(isr_el1), 0);
        if (id == PHYS)
            MSR(cntp_ctl_el0, 1);
        else
            MSR(cntv_ctl_el0, 1);
        TRUE(gic_get(id, GIC_ISPENDR));
        if (id == PHYS)
            MSR(cntp_tval_el0, 0x7fffffff); /* moved to the future */
        else
            MSR(cntv_tval_el0, 0x7fffffff);
        TRUE(!gic_get(id, GIC_ISPENDR));
        irq_window();
        EQ(hits[id], 1);
        off(id);
    }
    rt_note(NULL, 0);
    /* switched off before it is due */
    MSR(cntv_tval_el0, frequency / 2000);
    MSR(cntv_ctl_el0, 1);
    MSR(cntv_ctl_el0, 0);
    u64 end = MRS(cntvct_el0) + frequency / 500;
    asm volatile("msr daifclr, #2" ::: "memory");
    while (MRS(cntvct_el0) < end)
        ;
    asm volatile("msr daifset, #2" ::: "memory");
    EQ(hits[VIRT], 1);
    in_order();
    /* by priority when both are due */
    order_count = 0;
    gic_priority(VIRT, 0x40);
    MSR(cntv_cval_el0, 0);
    MSR(cntp_cval_el0, 0);
    MSR(cntv_ctl_el0, 1);
    MSR(cntp_ctl_el0, 1);
    irq_window();
    irq_window();
    EQ(order_count, 2);
    EQ(order[0], VIRT);
    EQ(order[1], PHYS);
}

#define TICKS 200
static u64 next_due, period;

/* Stops by itself: on a slow host nothing but the handler runs while it goes on. */
static void periodic(u32 intid)
{
    if (hits[VIRT] >= TICKS) {
        off(intid);
        return;
    }
    next_due += period;
    MSR(cntv_cval_el0, next_due);
}

static void ticks(void)
{
    on_hit = periodic;
    hits[VIRT] = 0;
    period = frequency / 5000;
    u64 start = MRS(cntvct_el0);
    next_due = start + period;
    MSR(cntv_cval_el0, next_due);
    MSR(cntv_ctl_el0, 1);
    wait_for(&hits[VIRT], TICKS);
    MSR(cntv_ctl_el0, 0);
    EQ(hits[VIRT], TICKS);
    TRUE(MRS(cntvct_el0) - start >= (TICKS - 1) * period);
    on_hit = off;
}

/* ---- Waiting ---- */

static void wfi(void)
{
    hits[VIRT] = hits[PHYS] = 0;
    for (unsigned n = 1; n <= 20; n++) {
        u64 due = MRS(cntvct_el0) + frequency / 2000 * (n % 4 + 1);
        MSR(cntv_cval_el0, due);
        MSR(cntv_ctl_el0, 1);
        asm volatile("dsb sy\nwfi" ::: "memory"); /* I is masked: wakes all the same */
        while (!(MRS(isr_el1) & 0x80)) /* WFI may end early */
            asm volatile("wfi");
        TRUE(MRS(cntvct_el0) >= due);
        EQ(hits[VIRT], n - 1);
        irq_window();
        EQ(hits[VIRT], n);
    }
    /* with interrupts open */
    u64 due = MRS(cntvct_el0) + frequency / 1000;
    MSR(cntp_cval_el0, due);
    MSR(cntp_ctl_el0, 1);
    asm volatile("msr daifclr, #2" ::: "memory");
    while (!*(volatile unsigned *)&hits[PHYS])
        asm volatile("wfi");
    asm volatile("msr daifset, #2" ::: "memory");
    TRUE(MRS(cntvct_el0) >= due);
    /* one that is due already: no wait */
    MSR(cntv_cval_el0, 0);
    MSR(cntv_ctl_el0, 1);
    asm volatile("wfi");
    irq_window();
    EQ(hits[VIRT], 21);
}

static void event_stream(void)
{
    if (rt_qemu) /* WFE does not wait */
        return;
    /* EVNTI = 15: every 65536 ticks */
    MSR(cntkctl_el1, 15 << 4 | 4);
    asm volatile("sevl\nwfe\nwfe");
    u64 start = MRS(cntvct_el0);
    for (unsigned i = 0; i < 64; i++)
        asm volatile("wfe");
    u64 spent = MRS(cntvct_el0) - start;
    MSR(cntkctl_el1, 0);
    TRUE(spent >= 60 * 65536 || spent >= frequency / 1000); /* a WFE may end early, but not all */
    TRUE(spent < 2 * frequency);
}

static void el0(void)
{
    MSR(cntkctl_el1, 0x102); /* EL0VTEN, EL0VCTEN */
    gic_disable(VIRT);
    struct frame *f = RUN0(EL0T, c_el0);
    RAN(f);
    TRUE(f->x[3] >= f->x[0] + 1000);
    TRUE(f->x[4] >= f->x[3]);
    EQ(f->x[2], 5);
    MSR(cntkctl_el1, 0);
}

int main(void)
{
    rt_mmu_on();
    gic_init();
    rt_irq = handler;
    on_hit = off;
    frequency = MRS(cntfrq_el0);
    counters();
    registers(false);
    registers(true);
    steadily();
    interrupts();
    ticks();
    wfi();
    event_stream();
    el0();
    return 0;
}
