/* PSTATE through exception entry and return: SPSR_EL1 fields, what entry sets, illegal returns
 * (Arm ARM D1.3.4, D1.3.5, C5.2.19). MMU off. */
#include "rt.h"

CODE(c_nothing, "nop");
CODE(c_brk, "brk #1");
CODE(c_read, "mrs x0, nzcv\nmrs x1, s3_3_c4_c2_5\nmrs x2, s3_3_c4_c2_6");
CODE(c_read_el1, "mrs x0, nzcv\nmrs x1, s3_3_c4_c2_5\nmrs x2, s3_3_c4_c2_6\nmrs x3, s3_0_c4_c2_3\n"
                 "mrs x4, s3_0_c4_c2_4\nmrs x5, daif\nmrs x6, spsel\nmrs x7, currentel");
CODE(c_sel, "msr spsel, #0\nmrs x0, spsel\nmov x1, sp\nmsr spsel, #1\nmrs x2, spsel\nmov x3, sp");

static struct frame f;

static struct frame *run(unsigned mode, const void *fn, u64 spsr)
{
    rt_frame(&f, mode, fn, 0, 0, 0, 0);
    f.spsr = spsr;
    rt_enter(&f);
    return &f;
}

static void round_trip(void)
{
    static const unsigned modes[] = {EL0T, EL1T, EL1H};
    static const u64 bits[] = {BIT(31), BIT(30), BIT(29), BIT(28), SPSR_DIT, SPSR_SSBS,
                               BIT(9),  BIT(8),  BIT(7),  BIT(6),  SPSR_PAN, SPSR_UAO};
    for (unsigned m = 0; m < LEN(modes); m++) {
        for (unsigned i = 0; i < LEN(bits); i++) {
            u64 spsr = modes[m] | SPSR_DAIF;
            spsr ^= bits[i]; /* each bit alone; a DAIF bit is one that is clear */
            rt_note("SPSR", spsr);
            run(modes[m], c_nothing, spsr);
            RAN(&f);
            EQ(f.spsr, spsr);
            EQ(f.ps.daif, 0x3c0);
            EQ(f.ps.pan, spsr & SPSR_PAN); /* SPAN = 1: unchanged */
            EQ(f.ps.uao, 0);
            EQ(f.ps.ssbs, 0); /* SCTLR_EL1.DSSBS */
            if (!rt_qemu) { /* clears both */
                EQ(f.ps.dit, spsr & SPSR_DIT);
                EQ(f.ps.nzcv, spsr & 0xf0000000);
            }
        }
        u64 all = modes[m] | 0xf0000000 | SPSR_DIT | SPSR_SSBS | SPSR_PAN | SPSR_UAO;
        rt_note("SPSR", all);
        run(modes[m], c_nothing, all | SPSR_DAIF);
        EQ(f.spsr, all | SPSR_DAIF);
        run(modes[m], modes[m] ? c_read_el1 : c_read, all | SPSR_DAIF);
        EQ(f.x[0], 0xf0000000);
        EQ(f.x[1], SPSR_DIT);
        EQ(f.x[2], SPSR_SSBS);
        if (modes[m]) {
            EQ(f.x[3], SPSR_PAN);
            EQ(f.x[4], SPSR_UAO);
            EQ(f.x[5], 0x3c0);
            EQ(f.x[6], modes[m] & 1);
            EQ(f.x[7], 4);
        }
        /* fields that do not exist here read as zero */
        run(modes[m], c_nothing, modes[m] | SPSR_DAIF | 0x0f00002000000000 | BIT(26) | BIT(27));
        EQ(f.spsr & ~BIT(25), modes[m] | SPSR_DAIF);
    }
    rt_note(NULL, 0);
}

static void entry_controls(void)
{
    u64 sctlr = MRS(sctlr_el1);
    MSR(sctlr_el1, (sctlr & ~SCTLR_SPAN) | SCTLR_DSSBS);
    run(EL0T, c_nothing, EL0T | SPSR_DAIF);
    EQ(f.ps.pan, SPSR_PAN);
    EQ(f.ps.ssbs, SPSR_SSBS);
    EQ(f.spsr, EL0T | SPSR_DAIF);
    run(EL1H, c_brk, EL1H | SPSR_DAIF);
    EQ(f.ps.pan, SPSR_PAN);
    EQ(f.ps.ssbs, SPSR_SSBS);
    MSR(sctlr_el1, sctlr);
    asm volatile("msr pan, #0" ::: "memory");
    run(EL0T, c_nothing, EL0T | SPSR_DAIF);
    EQ(f.ps.pan, 0);
    EQ(f.ps.ssbs, 0);

    /* BTYPE is kept in SPSR for a software breakpoint and cleared in PSTATE. */
    for (u64 btype = 0; btype < 4; btype++) {
        run(EL0T, c_brk, EL0T | SPSR_DAIF | btype << 10);
        EQ(f.spsr, EL0T | SPSR_DAIF | btype << 10);
        run(EL0T, c_nothing, EL0T | SPSR_DAIF | btype << 10);
        EQ(f.spsr, EL0T | SPSR_DAIF);
    }
}

static void stack_pointers(void)
{
    rt_frame(&f, EL1H, c_sel, 0, 0, 0, 0);
    f.sp_el0 = 0x1230;
    f.sp_el1 = 0x4560;
    rt_enter(&f);
    RAN(&f);
    EQ(f.x[0], 0);
    EQ(f.x[1], 0x1230);
    EQ(f.x[2], 1);
    EQ(f.x[3], 0x4560);
    CODE(c_sp_el0_t, "mrs x0, sp_el0"); /* UNDEFINED while it is SP */
    f = *RUN0(EL1T, c_sp_el0_t);
    EQ(f.esr, ESR_UNDEFINED);
    f = *RUN0(EL1H, c_sp_el0_t);
    RAN(&f);
}

static void illegal_return(void)
{
    static const u8 modes[] = {1, 2, 3, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0x10, 0x13, 0x1f};
    for (unsigned i = 0; i < LEN(modes); i++) {
        rt_note("M", modes[i]);
        if (rt_qemu && modes[i] == 0x10) /* has AArch32 */
            continue;
        run(EL1H, c_nothing, modes[i] | SPSR_DAIF | BIT(31) | BIT(29));
        EQ(f.esr, ESR(EC_ILLEGAL, 0));
        EQ(f.elr, (u64)c_nothing);
        EQ(f.vector, V_SYNC_SPX); /* EL and SP did not change */
        EQ(f.spsr & 0xf01003df, BIT(31) | BIT(29) | SPSR_IL | SPSR_DAIF | EL1H);
        EQ(f.ps.daif, 0x3c0);
        /* NZCV, DAIF and PAN come from SPSR all the same */
        run(EL1H, c_nothing, modes[i] | SPSR_I | SPSR_F | SPSR_PAN | BIT(30));
        EQ(f.esr, ESR(EC_ILLEGAL, 0));
        EQ(f.spsr & 0xf01003df, BIT(30) | SPSR_IL | SPSR_I | SPSR_F | EL1H);
        if (!rt_qemu) { /* does not restore PAN here */
            EQ(f.spsr & SPSR_PAN, SPSR_PAN);
            EQ(f.ps.pan, SPSR_PAN);
        }
    }
    rt_note(NULL, 0);
    /* SPSR.IL with a legal mode: the return is legal, the state is not */
    run(EL0T, c_nothing, EL0T | SPSR_DAIF | SPSR_IL);
    EQ(f.esr, ESR(EC_ILLEGAL, 0));
    EQ(f.vector, V_SYNC_LOW);
    EQ(f.elr, (u64)c_nothing);
    EQ(f.spsr, EL0T | SPSR_DAIF | SPSR_IL);
    run(EL1T, c_nothing, EL1T | SPSR_DAIF | SPSR_IL);
    EQ(f.esr, ESR(EC_ILLEGAL, 0));
    EQ(f.vector, V_SYNC_SP0);
    /* ... and PC alignment goes first */
    run(EL0T, (char *)c_nothing + 2, EL0T | SPSR_DAIF | SPSR_IL);
    EQ(f.esr, ESR(EC_PC_ALIGN, 0));
    EQ(f.spsr, EL0T | SPSR_DAIF | SPSR_IL);
}

/* VBAR_EL1 and the unused low bits; ELR and SPSR are plain storage. */
static void registers(void)
{
    u64 vbar = MRS(vbar_el1);
    asm volatile("msr vbar_el1, %0" ::"r"(~0ul));
    EQ(MRS(vbar_el1) & ~0x7fful, ~0x7fful);
    if (!rt_qemu) { /* keeps RES0 bits; no RES1 bits */
        EQ(MRS(vbar_el1), ~0x7fful);
        EQ(MRS(sctlr_el1) & SCTLR_RES1, SCTLR_RES1);
    }
    MSR(vbar_el1, vbar);
    MSR(elr_el1, 0x8123456789abcdef);
    EQ(MRS(elr_el1), 0x8123456789abcdef);
    MSR(esr_el1, 0xffffffff);
    EQ(MRS(esr_el1) & 0xffffffff, 0xffffffff);
    MSR(far_el1, 0xfedcba9876543210);
    EQ(MRS(far_el1), 0xfedcba9876543210);
    EQ(MRS(currentel), 4);
    MSR(tpidr_el0, ~0ul);
    EQ(MRS(tpidr_el0), ~0ul);
    MSR(contextidr_el1, 0x12345678);
    EQ(MRS(contextidr_el1), 0x12345678);
    MSR(contextidr_el1, 0);
}

int main(void)
{
    round_trip();
    entry_controls();
    stack_pointers();
    illegal_return();
    registers();
    return 0;
}
