/* Software step of EL0 and EL1 (Arm ARM D2.12): states, syndrome, SPSR.SS, OS Lock. MMU off but
 * where loads need Normal memory. */
#include "rt.h"

#define MDSCR_SS BIT(0)
#define MDSCR_KDE BIT(13)
#define STEP_ISV BIT(24)
#define STEP_EX BIT(6)

CODE(c_line, "mov x0, #1\nmov x0, #2\nmov x0, #3");
CODE(c_jump, "b 1f\nnop\n1: cbz xzr, 2f\nnop\n2: nop");
CODE(c_ldxr, "ldxr x1, [x0]\nldaxr x1, [x0]\nldr x1, [x0]\nldxp x1, x2, [x0]\nclrex");
CODE(c_svc, "svc #7\nmov x0, #1");
CODE(c_brk, "brk #7");
CODE(c_udf, "udf #0");
CODE(c_load, "ldr x1, [x0]\nmov x0, #1");
CODE(c_hvc, "hvc #0\nmov x1, #1");
CODE(c_unmask, "mov x0, #1\nmsr daifclr, #8\nmov x0, #2\nmov x0, #3");
CODE(c_eret, "eret");

static struct frame f;

static void start(unsigned mode, const void *fn, u64 arg, bool ss, bool d)
{
    rt_frame(&f, mode, fn, arg, 0, 0, 0);
    f.spsr = mode | (SPSR_DAIF & ~SPSR_D) | (d ? SPSR_D : 0) | (ss ? SPSR_SS : 0);
    rt_enter(&f);
}

/* Goes on from where the last exception left; SS = 1 again. */
static void again(void)
{
    f.spsr |= SPSR_SS;
    rt_enter(&f);
}

static void lines(unsigned mode)
{
    u64 ec = mode == EL0T ? EC_STEP_LOW : EC_STEP;
    u64 stepped = ESR(ec, STEP_ISV | 0x22);
    rt_note("mode", mode);

    start(mode, c_line, 0, true, false);
    EQ(f.esr, stepped);
    EQ(f.elr, (u64)c_line + 4);
    EQ(f.x[0], 1);
    EQ(f.spsr & SPSR_SS, 0);
    EQ(f.vector, mode == EL0T ? V_SYNC_LOW : V_SYNC_SPX);
    again();
    EQ(f.esr, stepped);
    EQ(f.elr, (u64)c_line + 8);
    EQ(f.x[0], 2);
    again();
    EQ(f.x[0], 3);
    /* active-pending at once: nothing is executed, no syndrome of an instruction */
    start(mode, c_line, 0, false, false);
    EQ(f.esr, ESR(ec, 0x22));
    EQ(f.elr, (u64)c_line);
    EQ(f.x[0], 0);
    /* branches */
    start(mode, c_jump, 0, true, false);
    EQ(f.esr, stepped);
    EQ(f.elr, (u64)c_jump + 8);
    again();
    EQ(f.elr, (u64)c_jump + 16);
    /* exclusive loads say so */
    start(mode, c_ldxr, (u64)rt_user_page, true, false);
    EQ(f.esr, stepped | STEP_EX);
    again();
    EQ(f.esr, stepped | STEP_EX);
    again();
    EQ(f.esr, stepped);
    again();
    EQ(f.esr, stepped | STEP_EX);
    EQ(f.elr, (u64)c_ldxr + 16);
    /* an instruction with an exception: SS stays set where the return address is the instruction,
     * and is clear where it is the next one */
    start(mode, c_svc, 0, true, false);
    EQ(f.esr, ESR(EC_SVC, 7));
    EQ(f.elr, (u64)c_svc + 4);
    EQ(f.spsr & SPSR_SS, 0);
    rt_enter(&f); /* ... so the step is taken right after the return */
    EQ(f.esr, ESR(ec, 0x22));
    EQ(f.elr, (u64)c_svc + 4);
    EQ(f.x[0], 0);
    start(mode, c_brk, 0, true, false);
    EQ(f.esr, ESR(EC_BRK, 7));
    EQ(f.spsr & SPSR_SS, SPSR_SS);
    start(mode, c_udf, 0, true, false);
    EQ(f.esr, ESR_UNDEFINED);
    EQ(f.spsr & SPSR_SS, SPSR_SS);
    start(mode, c_load, HOLE, true, false);
    EQ(EC_OF(&f), mode == EL0T ? EC_DABT_LOW : EC_DABT);
    EQ(f.spsr & SPSR_SS, SPSR_SS);
    f.x[0] = (u64)rt_user_page; /* repaired, the same instruction is stepped */
    rt_enter(&f);
    EQ(f.esr, stepped);
    EQ(f.elr, (u64)c_load + 4);
    /* step goes before a PC alignment fault? no: active-not-pending, the fault is the instruction's
     */
    start(mode, (char *)c_line + 2, 0, true, false);
    EQ(f.esr, ESR(EC_PC_ALIGN, 0));
    EQ(f.spsr & SPSR_SS, SPSR_SS);
    /* ... but active-pending goes first */
    start(mode, (char *)c_line + 2, 0, false, false);
    EQ(f.esr, ESR(ec, 0x22));
    rt_note(NULL, 0);
}

static void el1(void)
{
    /* PSTATE.D masks step at EL1 itself, whatever SS says. */
    start(EL1H, c_line, 0, true, true);
    RAN(&f);
    EQ(f.x[0], 3);
    EQ(f.spsr & SPSR_SS, 0);
    /* Clearing D makes it active-pending: the next instruction is not executed. */
    start(EL1H, c_unmask, 0, false, true);
    EQ(f.esr, ESR(EC_STEP, 0x22));
    EQ(f.elr, (u64)c_unmask + 8);
    EQ(f.x[0], 1);
    /* HVC goes to the monitor and comes back to active-pending: no syndrome. */
    start(EL1H, c_hvc, 0x84000000, true, false);
    EQ(f.esr, ESR(EC_STEP, 0x22));
    EQ(f.elr, (u64)c_hvc + 4);
    TRUE(f.x[0] >= 0x10000);
    MSR(mdscr_el1, MDSCR_SS); /* KDE = 0: never at EL1 */
    start(EL1H, c_line, 0, true, false);
    RAN(&f);
    /* SPSR.SS is not taken over when step is not enabled after the return. */
    EQ(f.spsr & SPSR_SS, 0);
    /* From EL1 with KDE = 0 to EL0 by ERET in stepped code: the ERET itself is not stepped. */
    MSR(elr_el1, 0);
    (void)c_eret;
}

static void os_lock(void)
{
    if (rt_qemu) /* ignores the lock */
        return;
    MSR(oslar_el1, 1);
    EQ(MRS(oslsr_el1) & 0xf, 0xa); /* OSLM = 10: implemented; OSLK */
    start(EL0T, c_line, 0, true, false);
    RAN(&f);
    start(EL0T, c_line, 0, false, false);
    RAN(&f);
    start(EL0T, c_brk, 0, false, false); /* BRK is not a debug event that the lock masks */
    EQ(f.esr, ESR(EC_BRK, 7));
    MSR(oslar_el1, 0);
    EQ(MRS(oslsr_el1) & 0xf, 8);
}

int main(void)
{
    rt_mmu_on();
    EQ(MRS(oslsr_el1) & 9, 8);
    MSR(oslar_el1, 0);
    /* SS = 0: SPSR.SS has no effect and is not kept */
    start(EL0T, c_line, 0, true, false);
    RAN(&f);
    EQ(f.spsr & SPSR_SS, 0);
    MSR(mdscr_el1, MDSCR_SS);
    lines(EL0T);
    start(EL0T, c_line, 0, true, true); /* D does not matter for EL0 */
    EQ(f.esr, ESR(EC_STEP_LOW, STEP_ISV | 0x22));
    MSR(mdscr_el1, MDSCR_SS | MDSCR_KDE);
    lines(EL1H);
    el1();
    MSR(mdscr_el1, MDSCR_SS);
    os_lock();
    MSR(mdscr_el1, 0);
    return 0;
}
