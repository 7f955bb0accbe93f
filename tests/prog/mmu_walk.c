/* Table geometry (Arm ARM D8.2): granules, TnSZ, starting levels, block and page sizes; translation
 * faults of each level; both table base registers. */
#include "mm.h"

MM_CODE;

/* Every 4 KiB of SCRATCH says where it is. */
static void mark_scratch(void)
{
    for (u64 a = SCRATCH; a < SCRATCH + 0x100000; a += 4096)
        for (u64 o = 0; o < 4096; o += 512)
            w64(a + o, a + o);
}

static bool block_allowed(unsigned grain, unsigned level)
{
    return level == 3 || level == 2 || (level == 1 && grain == 12);
}

/* Reads va, which is mapped to pa, and asks AT. */
static void expect_mapped(int line, u64 va, u64 pa)
{
    struct frame *f = RUN1(EL1H, c_ldr, va);
    u64 par = AT(s1e1r, va);
    if (f->esr != ESR_DONE)
        rt_fail(__FILE_NAME__, line, "ESR of a load", f->esr, ESR_DONE);
    else if (f->x[1] != pa)
        rt_fail(__FILE_NAME__, line, "the word there", f->x[1], pa);
    if (par != PAR_OK(pa, 0xff, 3))
        rt_fail(__FILE_NAME__, line, "PAR_EL1", par, PAR_OK(pa, 0xff, 3));
}

static void expect_fault(int line, u64 va, unsigned fsc)
{
    struct frame *f = RUN1(EL1H, c_ldr, va);
    u64 want = ESR(EC_DABT, fsc);
    if (f->esr != want)
        rt_fail(__FILE_NAME__, line, "ESR of a load", f->esr, want);
    if (f->far != va)
        rt_fail(__FILE_NAME__, line, "FAR of a load", f->far, va);
    f = RUN1(EL1H, c_str, va);
    if (f->esr != (want | WNR))
        rt_fail(__FILE_NAME__, line, "ESR of a store", f->esr, want | WNR);
    f = RUN1(EL1H, c_br, va);
    if (f->esr != ESR(EC_IABT, fsc) || f->far != va || f->elr != va)
        rt_fail(__FILE_NAME__, line, "ESR of a fetch", f->esr, ESR(EC_IABT, fsc));
    u64 par = AT(s1e1r, va);
    if (par != PAR_FAULT(fsc))
        rt_fail(__FILE_NAME__, line, "PAR_EL1 of a fault", par, PAR_FAULT(fsc));
}

/* One geometry in TTBR1. */
static void upper(unsigned grain, unsigned tsz)
{
    struct pt p;
    for (unsigned leaf = 1; leaf <= 3; leaf++) {
        pt_init(&p, grain, tsz);
        if (leaf < p.level || !block_allowed(grain, leaf))
            continue;
        u64 size = 1ul << pt_shift(&p, leaf), base = mm_upper(&p), span = -base;
        u64 pa = SCRATCH & ~(size - 1), in = SCRATCH & (size - 1);
        /* lowest, highest and some other entry */
        u64 at[3] = {base, -size, base + (span / 2 & ~(size - 1))};
        rt_note("grain, TnSZ, leaf level", (u64)grain << 16 | tsz << 8 | leaf);
        for (unsigned i = 0; i < 3; i++)
            pt_map(&p, at[i], pa, leaf, D_MEM | D_UXN | D_PXN);
        mm_ttbr1(&p, 0, 0);
        for (unsigned i = 0; i < 3; i++) {
            u64 end = size < 0x100000 ? size : 0x100000;
            expect_mapped(__LINE__, at[i] + in, SCRATCH);
            expect_mapped(__LINE__, at[i] + in + end / 2, SCRATCH + end / 2);
            expect_mapped(__LINE__, at[i] + in + end - 512, SCRATCH + end - 512);
        }
        if (tsz > 16) /* one below the range */
            expect_fault(__LINE__, base - 8, FSC_TRANS(0));
        /* an invalid entry at each level on the way */
        for (unsigned l = p.level; l <= leaf; l++) {
            u64 *e = pt_entry(&p, at[0], l), was = *e;
            *e = was & ~1ul;
            TLBI_ALL();
            expect_fault(__LINE__, at[0] + in, FSC_TRANS(l));
            *e = was;
        }
        TLBI_ALL();
        expect_mapped(__LINE__, at[0] + in, SCRATCH);
    }
    /* block descriptors where there may be none, and the reserved encoding at level 3 */
    pt_init(&p, grain, tsz);
    for (unsigned l = p.level; l <= 3; l++) {
        if (l < 3 && (block_allowed(grain, l) || rt_qemu)) /* which takes any block */
            continue;
        u64 *e = pt_entry(&p, mm_upper(&p), l);
        *e = D_VALID | D_MEM; /* bit 1 clear */
        mm_ttbr1(&p, 0, 0);
        rt_note("grain, TnSZ, level of a reserved descriptor", (u64)grain << 16 | tsz << 8 | l);
        expect_fault(__LINE__, mm_upper(&p), FSC_TRANS(l));
        *e = 0;
    }
    rt_note(NULL, 0);
}

/* The same for TTBR0, with the program itself in the map. */
static void lower(unsigned grain, unsigned tsz)
{
    struct pt p;
    pt_init(&p, grain, tsz);
    pt_identity(&p);
    u64 page = 1ul << grain, block = 1ul << pt_shift(&p, 2), top = 1ul << (64 - tsz);
    u64 a = top - page, b = 0x50000000 & ~(block - 1);
    if (b < 0x50000000)
        b += block;
    bool room = b + block <= top - block;
    pt_map(&p, a, SCRATCH, 3, D_MEM);
    if (room)
        pt_map(&p, b, SCRATCH & ~(block - 1), 2, D_MEM);
    rt_note("TTBR0: grain, TnSZ", (u64)grain << 16 | tsz << 8);
    u64 ttbr = MRS(ttbr0_el1);
    MSR(sctlr_el1, MRS(sctlr_el1) & ~SCTLR_M);
    MSR(tcr_el1, TCR_T0SZ(tsz) | TCR_TG0(grain) | TCR_WALK0 | TCR_IPS48 | TCR_EPD1);
    MSR(ttbr0_el1, p.root);
    TLBI_ALL();
    MSR(sctlr_el1, MRS(sctlr_el1) | SCTLR_M);
    expect_mapped(__LINE__, a, SCRATCH);
    if (room)
        expect_mapped(__LINE__, b + (SCRATCH & (block - 1)), SCRATCH);
    expect_fault(__LINE__, top, FSC_TRANS(0));
    expect_fault(__LINE__, 0x00ff000000000000, FSC_TRANS(0));
    expect_fault(__LINE__, 0xffffffffffff0000, FSC_TRANS(0)); /* EPD1 */
    MSR(sctlr_el1, MRS(sctlr_el1) & ~SCTLR_M);
    MSR(tcr_el1, TCR_BASE | TCR_EPD1);
    MSR(ttbr0_el1, ttbr);
    TLBI_ALL();
    MSR(sctlr_el1, MRS(sctlr_el1) | SCTLR_M);
    rt_note(NULL, 0);
}

int main(void)
{
    static const u8 grains[] = {12, 14, 16};
    mark_scratch();
    for (unsigned g = 0; g < 3; g++) {
        for (unsigned tsz = 16; tsz <= (grains[g] == 16 ? 47 : 48); tsz++) {
            pt_reset();
            MSR(sctlr_el1, MRS(sctlr_el1) & ~SCTLR_M);
            rt_mmu_on();
            upper(grains[g], tsz);
        }
        for (unsigned tsz = 16; tsz <= 33; tsz++) {
            pt_reset();
            MSR(sctlr_el1, MRS(sctlr_el1) & ~SCTLR_M);
            rt_mmu_on();
            lower(grains[g], tsz);
        }
    }
    return 0;
}
