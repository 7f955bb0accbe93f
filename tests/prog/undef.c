/* What is not offered does not exist: instructions and registers of features that the ID registers
 * do not announce are UNDEFINED, and those in the hint space do nothing (Arm ARM A2, C4.1). */
#include "rt.h"

/* A word, and SVC after it. */
#define WORD(w) ".inst " #w "\nsvc #0xffff\n"
asm(".pushsection .utext, \"ax\"\n.balign 4\nabsent:\n"
    /* FEAT_PAuth outside the hint space */
    WORD(0xdac10000)  /* pacia x0, x0 */
    WORD(0xdac11041)  /* autia x1, x2 */
    WORD(0xdac123e0)  /* paciza x0 */
    WORD(0xdac143e0)  /* xpaci x0 */
    WORD(0x9ac03000)  /* pacga x0, x0, x0 */
    WORD(0xd65f0bff)  /* retaa */
    WORD(0xd61f081f)  /* braaz x0 */
    WORD(0xd73f0801)  /* blraa x0, x1 */
    WORD(0xd69f0bff)  /* eretaa */
    WORD(0xf8200400)  /* ldraa x0, [x0] */
    /* FEAT_MTE */
    WORD(0x9ac01000)  /* irg x0, x0, x0 */
    WORD(0x91800000)  /* addg x0, x0, #0, #0 */
    WORD(0x9ac01400)  /* gmi x0, x0, x0 */
    WORD(0xd9600000)  /* ldg x0, [x0] */
    WORD(0xd9200800)  /* stg x0, [x0] */
    WORD(0xd50b7460)  /* dc gva, x0 */
    WORD(0xd50b7480)  /* dc gzva, x0 */
    WORD(0xd503419f)  /* msr tco, #1 */
    WORD(0xd53b42e0)  /* mrs x0, tco */
    /* FEAT_SVE, FEAT_SME */
    WORD(0x04e30000)  /* add z0.d, z0.d, z3.d */
    WORD(0x2518e3e0)  /* ptrue p0.b */
    WORD(0xd5381200)  /* mrs x0, zcr_el1 */
    WORD(0xd503477f)  /* smstart */
    /* FEAT_SM3, FEAT_SM4 */
    WORD(0xce60c000)  /* sm3partw1 */
    WORD(0xcec08400)  /* sm4e */
    /* FEAT_WFxT, FEAT_LS64, FEAT_XS, FEAT_MOPS, FEAT_CSSC, FEAT_LRCPC3, FEAT_LSE128 */
    WORD(0xd5031000)  /* wfet x0 */
    WORD(0xd5031020)  /* wfit x0 */
    WORD(0xf83fd000)  /* ld64b x0, [x0] */
    WORD(0xd503323f)  /* dsb synXS */
    WORD(0x19000400)  /* cpyfp */
    WORD(0x11c00000)  /* smax w0, w0, #0 */
    WORD(0xdac02000)  /* abs x0, x0 */
    WORD(0x19201000)  /* ldclrp */
    /* FEAT_TLBIOS, FEAT_TLBIRANGE, FEAT_DPB2, FEAT_SPECRES */
    WORD(0xd508811f)  /* tlbi vmalle1os */
    WORD(0xd5088220)  /* tlbi rvae1is, x0 */
    WORD(0xd50b7d20)  /* dc cvadp, x0 */
    WORD(0xd50b7380)  /* cfp rctx, x0 */
    /* registers: FEAT_CSV2_2, FEAT_AMUv1, FEAT_ECV, FEAT_MPAM, FEAT_TRF, FEAT_SPE, FEAT_NV */
    WORD(0xd53bd0e0)  /* mrs x0, scxtnum_el0 */
    WORD(0xd53bd2e0)  /* mrs x0, amcgcr_el0 (op2 = 7) */
    WORD(0xd53be0a0)  /* mrs x0, cntpctss_el0 */
    WORD(0xd538a500)  /* mrs x0, mpam1_el1 */
    WORD(0xd5381220)  /* mrs x0, trfcr_el1 */
    WORD(0xd5389900)  /* mrs x0, pmscr_el1 */
    WORD(0xd53ec000) /* mrs x0, vbar_el3 */
    WORD(0xd53cc000)  /* mrs x0, vbar_el2 */
    WORD(0xd53d1000)  /* mrs x0, sctlr_el12 */
    WORD(0xd5384300)  /* mrs x0, allint */
    /* AArch32-only and implementation defined space */
    WORD(0xd53bf000)  /* mrs x0, s3_3_c15_c0_0 */
    WORD(0xd53c4300)  /* mrs x0, spsr_irq */
    WORD(0xd53c3020)  /* mrs x0, ifar / dacr32_el2 space */
    "absent_end:\n"
    "hints:\n"
    WORD(0xd503211f)  /* pacia1716 */
    WORD(0xd503219f)  /* autia1716 */
    WORD(0xd503233f)  /* paciasp */
    WORD(0xd50323bf)  /* autiasp */
    WORD(0xd50320ff)  /* xpaclri */
    WORD(0xd503225f)  /* tsb csync */
    WORD(0xd503223f)  /* psb csync */
    WORD(0xd503229f)  /* csdb */
    WORD(0xd50320df)  /* dgh */
    WORD(0xd503221f)  /* esb */
    WORD(0xd503241f)  /* bti */
    WORD(0xd503203f)  /* yield */
    WORD(0xd503251f)  /* hint #40: nothing yet */
    WORD(0xd5032fff)  /* hint #127 */
    WORD(0xd503209f)  /* sev */
    WORD(0xd50320bf)  /* sevl */
    WORD(0xd5033fdf)  /* isb */
    WORD(0xd50330ff)  /* sb */
    WORD(0xd503309f)  /* ssbb */
    WORD(0xd503349f)  /* pssbb */
    "hints_end:\n.popsection\n");
extern char absent[], absent_end[], hints[], hints_end[];

static void run(const char *at, unsigned mode, u64 want)
{
    static struct frame f;
    rt_note("word", r32((u64)at));
    rt_frame(&f, mode, at, (u64)rt_user_page, 0, 0, 0);
    for (unsigned i = 1; i < 31; i++)
        f.x[i] = i * 0x0101010101010101;
    f.x[30] = (u64)rt_done;
    rt_enter(&f);
    EQ(f.esr, want);
    EQ(f.elr, (u64)at + (want == ESR_DONE ? 8 : 0));
    EQ(f.x[0], (u64)rt_user_page);
    for (unsigned i = 1; i < 30; i++)
        EQ(f.x[i], i * 0x0101010101010101);
    EQ(f.x[30], (u64)rt_done); /* no pointer authentication code */
}

int main(void)
{
    if (rt_qemu) /* offers most of these */
        return 0;
    rt_mmu_on();
    for (const char *w = absent; w < absent_end; w += 8) {
        run(w, EL0T, ESR_UNDEFINED);
        run(w, EL1H, ESR_UNDEFINED);
    }
    for (const char *w = hints; w < hints_end; w += 8) {
        run(w, EL0T, ESR_DONE);
        run(w, EL1H, ESR_DONE);
    }
    return 0;
}
