/* What EL0 may do with system registers and instructions, and the syndrome of each trap (Arm ARM
 * D17.2.37, "ISS encoding for trapped MSR, MRS, System instruction"). MMU off. */
#include "rt.h"

enum { READ, WRITE };
enum verdict { ALLOWED, TRAPPED, UNDEF };

asm(".pushsection .utext, \"ax\"\n.balign 64\ncode: .skip 64\n.popsection");
extern u32 code[2];

struct reg {
    u8 op0, op1, crn, crm, op2;
};
#define R(op0, op1, crn, crm, op2) ((struct reg){op0, op1, crn, crm, op2})

static struct frame *access(struct reg r, unsigned dir, unsigned rt)
{
    bool load = dir == READ && r.op0 != 1;
    code[0] = 0xd5000000u | (u32)load << 21 | (u32)r.op0 << 19 | (u32)r.op1 << 16 |
              (u32)r.crn << 12 | (u32)r.crm << 8 | (u32)r.op2 << 5 | rt;
    code[1] = 0xd41fffe1u; /* svc #0xffff */
    sync_code(code, sizeof(code));
    static struct frame f;
    rt_frame(&f, EL0T, code, 0, 0, 0, 0);
    f.x[5] = (u64)rt_user_page;
    rt_enter(&f);
    return &f;
}

static void expect(int line, struct reg r, unsigned dir, unsigned rt, enum verdict want)
{
    u64 iss = (u64)r.op0 << 20 | (u64)r.op2 << 17 | (u64)r.op1 << 14 | (u64)r.crn << 10 |
              (u64)rt << 5 | (u64)r.crm << 1 | (dir == READ);
    struct frame *f = access(r, dir, rt);
    u64 esr = want == ALLOWED ? ESR_DONE : want == TRAPPED ? ESR(EC_SYS, iss) : ESR_UNDEFINED;
    if (f->esr != esr)
        rt_fail(__FILE_NAME__, line, "ESR of the access", f->esr, esr);
    if (want != ALLOWED && f->elr != (u64)code)
        rt_fail(__FILE_NAME__, line, "ELR of the access", f->elr, (u64)code);
}
#define EXPECT(reg, dir, want) expect(__LINE__, reg, dir, 5, want)

static void sctlr_traps(void)
{
    static const struct {
        struct reg r;
        u64 enable;
        u8 dir;
    } rows[] = {
        {R(3, 3, 0, 0, 1), SCTLR_UCT, READ},    /* CTR_EL0 */
        {R(1, 3, 7, 5, 1), SCTLR_UCI, WRITE},   /* IC IVAU */
        {R(1, 3, 7, 10, 1), SCTLR_UCI, WRITE},  /* DC CVAC */
        {R(1, 3, 7, 11, 1), SCTLR_UCI, WRITE},  /* DC CVAU */
        {R(1, 3, 7, 12, 1), SCTLR_UCI, WRITE},  /* DC CVAP */
        {R(1, 3, 7, 14, 1), SCTLR_UCI, WRITE},  /* DC CIVAC */
        {R(3, 3, 4, 2, 1), SCTLR_UMA, READ},    /* DAIF */
        {R(3, 3, 4, 2, 1), SCTLR_UMA, WRITE},
    };
    u64 sctlr = MRS(sctlr_el1), all = SCTLR_UCT | SCTLR_UCI | SCTLR_UMA | SCTLR_DZE;
    for (unsigned i = 0; i < LEN(rows); i++) {
        rt_note("row", i);
        MSR(sctlr_el1, (sctlr | all) & ~rows[i].enable);
        EXPECT(rows[i].r, rows[i].dir, TRAPPED);
        MSR(sctlr_el1, (sctlr & ~all) | rows[i].enable);
        EXPECT(rows[i].r, rows[i].dir, ALLOWED);
    }
    rt_note(NULL, 0);
    /* MSR DAIFSet, DAIFClr with UMA = 0: Rt is 31, CRm the immediate */
    MSR(sctlr_el1, sctlr & ~all);
    if (!rt_qemu) { /* exchanges op1 and op2 in the ISS */
        expect(__LINE__, R(0, 3, 4, 2, 6), WRITE, 31, TRAPPED);
        expect(__LINE__, R(0, 3, 4, 15, 7), WRITE, 31, TRAPPED);
    }
    MSR(sctlr_el1, sctlr | SCTLR_UMA);
    expect(__LINE__, R(0, 3, 4, 2, 6), WRITE, 31, ALLOWED);
    EQ(access(R(3, 3, 4, 2, 1), READ, 5)->x[5], 0x3c0); /* rt_frame() masked all */
    /* DC ZVA and what DCZID_EL0 says about it; with the MMU off memory is Device: alignment fault
     */
    MSR(sctlr_el1, sctlr & ~SCTLR_DZE);
    EXPECT(R(1, 3, 7, 4, 1), WRITE, TRAPPED);
    EQ(access(R(3, 3, 0, 0, 7), READ, 5)->x[5] & 0x10, 0x10);
    MSR(sctlr_el1, sctlr | SCTLR_DZE);
    EQ(access(R(3, 3, 0, 0, 7), READ, 5)->x[5] & 0x10, 0);
    if (!rt_qemu) /* lets it pass */
        EQ(access(R(1, 3, 7, 4, 1), WRITE, 5)->esr, ESR(EC_DABT_LOW, 0x61));
    MSR(sctlr_el1, sctlr);
}

static void timer_traps(void)
{
    static const struct {
        struct reg r;
        u8 enable, writable; /* bits of CNTKCTL_EL1 */
    } rows[] = {
        {R(3, 3, 14, 0, 1), 0, false},                               /* CNTPCT */
        {R(3, 3, 14, 0, 2), 1, false},                               /* CNTVCT */
        {R(3, 3, 14, 3, 0), 8, true}, {R(3, 3, 14, 3, 1), 8, true},  /* CNTV_TVAL, CTL */
        {R(3, 3, 14, 3, 2), 8, true},                                /* CVAL */
        {R(3, 3, 14, 2, 0), 9, true}, {R(3, 3, 14, 2, 1), 9, true},  /* CNTP */
        {R(3, 3, 14, 2, 2), 9, true},
    };
    for (unsigned i = 0; i < LEN(rows); i++)
        for (unsigned dir = READ; dir <= WRITE; dir++) {
            rt_note("row * 16 + direction", i * 16 + dir);
            if (dir == WRITE && !rows[i].writable) {
                MSR(cntkctl_el1, 0x303);
                EXPECT(rows[i].r, dir, UNDEF);
                continue;
            }
            MSR(cntkctl_el1, 0x303 & ~BIT(rows[i].enable));
            EXPECT(rows[i].r, dir, TRAPPED);
            MSR(cntkctl_el1, BIT(rows[i].enable));
            EXPECT(rows[i].r, dir, ALLOWED);
        }
    rt_note(NULL, 0);
    MSR(cntkctl_el1, 0x300); /* CNTFRQ: either counter's bit */
    EXPECT(R(3, 3, 14, 0, 0), READ, TRAPPED);
    MSR(cntkctl_el1, 1);
    EXPECT(R(3, 3, 14, 0, 0), READ, ALLOWED);
    MSR(cntkctl_el1, 2);
    EXPECT(R(3, 3, 14, 0, 0), READ, ALLOWED);
    EXPECT(R(3, 3, 14, 0, 0), WRITE, UNDEF);
    MSR(cntkctl_el1, 0);
    MSR(cntv_ctl_el0, 0);
    MSR(cntp_ctl_el0, 0);
}

static void pmu_traps(void)
{
    enum { EN = 1, SW = 2, CR = 4, ER = 8 };
    static const struct {
        struct reg r;
        u8 read, write; /* bits of PMUSERENR_EL0, each of which allows it; 0: UNDEFINED */
    } rows[] = {
        {R(3, 3, 9, 12, 0), EN, EN},           /* PMCR */
        {R(3, 3, 9, 12, 1), EN, EN},           /* PMCNTENSET */
        {R(3, 3, 9, 12, 2), EN, EN},           /* PMCNTENCLR */
        {R(3, 3, 9, 12, 3), EN, EN},           /* PMOVSCLR */
        {R(3, 3, 9, 12, 4), 0, EN | SW},       /* PMSWINC */
        {R(3, 3, 9, 12, 5), EN | ER, EN | ER}, /* PMSELR */
        {R(3, 3, 9, 12, 6), EN, 0},            /* PMCEID0 */
        {R(3, 3, 9, 12, 7), EN, 0},
        {R(3, 3, 9, 13, 0), EN | CR, EN},      /* PMCCNTR */
        {R(3, 3, 9, 13, 1), EN, EN},           /* PMXEVTYPER */
        {R(3, 3, 9, 13, 2), EN | ER, EN},      /* PMXEVCNTR */
        {R(3, 3, 9, 14, 3), EN, EN},           /* PMOVSSET */
        {R(3, 3, 14, 8, 0), EN | ER, EN},      /* PMEVCNTR0 */
        {R(3, 3, 14, 8, 3), EN | ER, EN},
        {R(3, 3, 14, 12, 0), EN, EN},          /* PMEVTYPER0 */
        {R(3, 3, 14, 15, 7), EN, EN},          /* PMCCFILTR */
    };
    MSR(pmselr_el0, 0);
    for (unsigned user = 0; user < 16; user++) {
        MSR(pmuserenr_el0, user);
        for (unsigned i = 0; i < LEN(rows); i++) {
            rt_note("PMUSERENR * 256 + row", user * 256 + i);
            EXPECT(rows[i].r, READ,
                   !rows[i].read         ? UNDEF
                   : rows[i].read & user ? ALLOWED
                                         : TRAPPED);
            MSR(pmselr_el0, 0);
            EXPECT(rows[i].r, WRITE,
                   !rows[i].write         ? UNDEF
                   : rows[i].write & user ? ALLOWED
                                          : TRAPPED);
            MSR(pmselr_el0, 0);
        }
    }
    rt_note(NULL, 0);
    EXPECT(R(3, 3, 9, 14, 0), READ, ALLOWED); /* PMUSERENR_EL0 */
    EXPECT(R(3, 3, 9, 14, 0), WRITE, UNDEF);
    EXPECT(R(3, 0, 9, 14, 1), READ, UNDEF);   /* PMINTENSET_EL1 */
    MSR(pmuserenr_el0, 0);
    MSR(pmcr_el0, 6);
}

static void debug_traps(void)
{
    u64 mdscr = MRS(mdscr_el1);
    EXPECT(R(2, 3, 0, 1, 0), READ, ALLOWED); /* MDCCSR_EL0 */
    MSR(mdscr_el1, mdscr | BIT(12));         /* TDCC */
    if (!rt_qemu) { /* ignores TDCC */
        EXPECT(R(2, 3, 0, 1, 0), READ, TRAPPED);
        EXPECT(R(2, 3, 0, 4, 0), READ, TRAPPED); /* DBGDTR_EL0 */
        EXPECT(R(2, 3, 0, 5, 0), WRITE, TRAPPED);
    }
    MSR(mdscr_el1, mdscr);
    EXPECT(R(2, 0, 0, 2, 2), READ, UNDEF); /* MDSCR_EL1 */
    EXPECT(R(2, 0, 1, 0, 4), WRITE, UNDEF);
}

static void not_for_el0(void)
{
    static const struct reg regs[] = {
        R(3, 0, 1, 0, 0), R(3, 0, 1, 0, 2), R(3, 0, 2, 0, 0), R(3, 0, 2, 0, 2), R(3, 0, 4, 0, 0),
        R(3, 0, 4, 0, 1), R(3, 0, 4, 1, 0), R(3, 0, 4, 2, 0), R(3, 0, 4, 2, 2), R(3, 0, 4, 2, 3),
        R(3, 0, 5, 2, 0), R(3, 0, 6, 0, 0), R(3, 0, 7, 4, 0), R(3, 0, 10, 2, 0), R(3, 0, 12, 0, 0),
        R(3, 0, 12, 12, 0), R(3, 0, 13, 0, 1), R(3, 0, 13, 0, 4), R(3, 0, 14, 1, 0),
        R(3, 0, 4, 6, 0), R(3, 3, 11, 15, 7), R(3, 4, 1, 1, 0), R(3, 6, 1, 1, 0), R(3, 3, 9, 15, 7),
    };
    static const struct reg ops[] = {
        R(1, 0, 7, 1, 0), R(1, 0, 7, 5, 0), R(1, 0, 7, 6, 1), R(1, 0, 7, 6, 2), R(1, 0, 7, 10, 2),
        R(1, 0, 7, 14, 2), R(1, 0, 7, 8, 0), R(1, 0, 7, 8, 2), R(1, 0, 8, 7, 0), R(1, 0, 8, 3, 1),
        R(1, 0, 8, 7, 7), R(1, 4, 8, 7, 0), R(1, 6, 8, 7, 0),
    };
    for (unsigned i = 0; i < LEN(regs); i++) {
        rt_note("register", i);
        EXPECT(regs[i], READ, UNDEF);
        EXPECT(regs[i], WRITE, UNDEF);
    }
    for (unsigned i = 0; i < LEN(ops); i++) {
        rt_note("operation", i);
        EXPECT(ops[i], WRITE, UNDEF);
    }
    rt_note(NULL, 0);
    if (!rt_qemu) { /* its max has FEAT_IDST: traps with EC 0x18 */
        EXPECT(R(3, 0, 0, 0, 0), READ, UNDEF);
        EXPECT(R(3, 0, 0, 4, 0), READ, UNDEF);
        EXPECT(R(3, 1, 0, 0, 1), READ, UNDEF);
    }
    EXPECT(R(3, 0, 0, 0, 0), WRITE, UNDEF);
    expect(__LINE__, R(0, 0, 4, 1, 4), WRITE, 31, UNDEF); /* MSR PAN, #1 */
    expect(__LINE__, R(0, 0, 4, 1, 5), WRITE, 31, UNDEF); /* MSR SPSel, #1 */
    expect(__LINE__, R(0, 0, 4, 1, 3), WRITE, 31, UNDEF); /* MSR UAO, #1 */
}

static void for_el0(void)
{
    static const struct reg both[] = {
        R(3, 3, 4, 2, 0), /* NZCV */
        R(3, 3, 4, 2, 5), /* DIT */
        R(3, 3, 4, 2, 6), /* SSBS */
        R(3, 3, 4, 4, 0), /* FPCR */
        R(3, 3, 4, 4, 1), /* FPSR */
        R(3, 3, 13, 0, 2), /* TPIDR_EL0 */
    };
    for (unsigned i = 0; i < LEN(both); i++) {
        rt_note("register", i);
        EXPECT(both[i], READ, ALLOWED);
        EXPECT(both[i], WRITE, ALLOWED);
    }
    rt_note(NULL, 0);
    EXPECT(R(3, 3, 0, 0, 7), READ, ALLOWED); /* DCZID_EL0 */
    EXPECT(R(3, 3, 0, 0, 7), WRITE, UNDEF);
    EXPECT(R(3, 3, 13, 0, 3), READ, ALLOWED); /* TPIDRRO_EL0 */
    EXPECT(R(3, 3, 13, 0, 3), WRITE, UNDEF);
    EXPECT(R(3, 3, 2, 4, 0), READ, ALLOWED); /* RNDR */
    EXPECT(R(3, 3, 2, 4, 0), WRITE, UNDEF);
    expect(__LINE__, R(0, 3, 4, 1, 1), WRITE, 31, ALLOWED); /* MSR SSBS, #1 */
    expect(__LINE__, R(0, 3, 4, 1, 2), WRITE, 31, ALLOWED); /* MSR DIT, #1 */
    asm volatile("msr fpcr, xzr\nmsr fpsr, xzr");
}

int main(void)
{
    sctlr_traps();
    timer_traps();
    pmu_traps();
    debug_traps();
    not_for_el0();
    for_el0();
    return 0;
}
