/* Registers that are storage or constants: identification, caches, FPCR and FPSR, thread registers,
 * what control registers keep (Arm ARM D17.2). */
#include "rt.h"

CODE(c_fp, "fmov v0.2d, #1.0\nfmov v31.2d, #-2.0\nmsr fpcr, x0\nmsr fpsr, x1");
CODE(c_fp_read, "umov x0, v0.d[1]\numov x1, v31.d[0]\nmrs x2, fpcr\nmrs x3, fpsr");

static void identification(void)
{
    EQ(MRS(mpidr_el1) & 0xff00ffffff, 0); /* affinity of the first PE */
    TRUE(MRS(mpidr_el1) & BIT(31));
    EQ(MRS(id_aa64pfr0_el1) & 0xff, rt_qemu ? 0x22 : 0x11); /* EL1, EL0: AArch64 only */
    EQ(MRS(id_aa64pfr0_el1) >> 8 & 0xff, 0);                /* no EL3, EL2 */
    EQ(MRS(currentel), 4);
    EQ(MRS(revidr_el1) >> 32, 0);
    MRS(aidr_el1);
    EQ(MRS(id_aa64afr0_el1), 0);
    if (rt_qemu) /* has more */
        return;
    EQ(MRS(midr_el1), 0x000f0530);
    EQ(MRS(id_aa64pfr0_el1), 0x1101000011110011);
    EQ(MRS(id_aa64pfr1_el1), 0x21);
    EQ(MRS(id_aa64isar0_el1), 0x1021100110212120);
    EQ(MRS(id_aa64isar1_el1), 0x0010101100211001);
    EQ(MRS(id_aa64isar2_el1), 0);
    EQ(MRS(id_aa64mmfr0_el1), 0x100025);
    EQ(MRS(id_aa64mmfr1_el1) & 0xf0ffff0f, 0x211002 & 0xf0ffff0f);
    EQ(MRS(id_aa64mmfr2_el1), 0x1000000110001011);
    EQ(MRS(id_aa64dfr0_el1), 0xf010305108);
    EQ(MRS(s3_0_c0_c4_4), 0); /* ID_AA64ZFR0_EL1 */
    /* the rest of the identification space is zero: MVFR0_EL1, ID_PFR0_EL1, and unnamed ones */
    EQ(MRS(s3_0_c0_c3_0), 0);
    EQ(MRS(s3_0_c0_c1_0), 0);
    EQ(MRS(s3_0_c0_c7_7), 0);
    EQ(MRS(s3_0_c0_c4_7), 0);
}

static void caches(void)
{
    u64 ctr = MRS(ctr_el0);
    EQ(MRS(dczid_el0) & 0xf, 4);
    EQ(ctr >> 16 & 15, 4); /* DminLine: 64 bytes */
    EQ(ctr & 15, 4);
    TRUE(ctr & BIT(31));
    if (rt_qemu)
        return;
    EQ(ctr >> 28 & 3, 1); /* IDC, not DIC */
    EQ(ctr >> 14 & 3, 3); /* PIPT */
    EQ(MRS(clidr_el1), 0x2000023);
    static const struct {
        u64 select, ccsidr;
    } rows[] = {
        {0, 127 << 13 | 3 << 3 | 2}, {1, 127 << 13 | 3 << 3 | 2}, {2, 1023 << 13 | 15 << 3 | 2}};
    for (unsigned i = 0; i < LEN(rows); i++) {
        MSR(csselr_el1, rows[i].select);
        EQ(MRS(csselr_el1), rows[i].select);
        EQ(MRS(ccsidr_el1), rows[i].ccsidr);
    }
    MSR(csselr_el1, 0);
}

static void floating_point(void)
{
    asm volatile("msr fpcr, %0" ::"r"(~0ul));
    EQ(MRS(fpcr) & 0x7c80000, 0x7c80000); /* AHP DN FZ RMode FZ16 */
    EQ(MRS(fpcr) & ~0x7f79f07ul, 0x80000); /* nothing outside; Len and Stride may be storage */
    if (!rt_qemu)
        EQ(MRS(fpcr), 0x7c80000);
    asm volatile("msr fpsr, %0" ::"r"(~0ul));
    EQ(MRS(fpsr) & 0x0fffffff, 0x800009f);
    asm volatile("msr fpcr, xzr\nmsr fpsr, xzr");
    EQ(MRS(fpcr), 0);
    EQ(MRS(fpsr), 0);
    /* one set of registers for all levels; exceptions leave it alone */
    RAN(RUN2(EL0T, c_fp, 0x2c00000, 0x11));
    for (unsigned mode = EL0T; mode <= EL1H; mode += 5) {
        struct frame *f = RUN0(mode, c_fp_read);
        EQ(f->x[0], 0x3ff0000000000000);
        EQ(f->x[1], 0xc000000000000000);
        EQ(f->x[2], 0x2c00000);
        EQ(f->x[3], 0x11);
    }
    asm volatile("msr fpcr, xzr\nmsr fpsr, xzr");
}

static void storage(void)
{
#define KEEPS(reg, value, want)                                                                    \
    do {                                                                                           \
        u64 was_ = MRS(reg);                                                                       \
        asm volatile("msr " #reg ", %0" ::"r"((u64)(value)));                                      \
        u64 got_ = MRS(reg);                                                                       \
        asm volatile("msr " #reg ", %0\nisb" ::"r"(was_));                                         \
        if (got_ != (u64)(want))                                                                   \
            rt_fail(__FILE_NAME__, __LINE__, #reg, got_, want);                                    \
    } while (0)
    KEEPS(tpidr_el0, 0x0123456789abcdef, 0x0123456789abcdef);
    KEEPS(tpidrro_el0, 0xfedcba9876543210, 0xfedcba9876543210);
    KEEPS(ttbr0_el1, 0xfffe0000fffff000, 0xfffe0000fffff000);
    KEEPS(ttbr1_el1, 0xfffe0000fffff001, 0xfffe0000fffff001);
    KEEPS(mair_el1, ~0ul, ~0ul);
    KEEPS(par_el1, 0xff000000fffff801, 0xff000000fffff801);
    KEEPS(cntkctl_el1, 0x3ff, 0x3ff);
    KEEPS(sp_el0, 0x123456789abcdef1, 0x123456789abcdef1);
    KEEPS(elr_el1, ~0ul, ~0ul);
    if (rt_qemu)
        return;
    KEEPS(cntkctl_el1, ~0ul, 0x3ff);
    KEEPS(actlr_el1, ~0ul, 0);
    KEEPS(amair_el1, ~0ul, 0);
    KEEPS(afsr0_el1, ~0ul, 0);
    KEEPS(contextidr_el1, ~0ul, 0xffffffff);
    KEEPS(csselr_el1, ~0ul, 0xf);
    KEEPS(cpacr_el1, ~0ul, 0x300000);
    /* bits of features that are not offered stay clear: TBID, NFD, HWU, TCMA, DS */
    KEEPS(tcr_el1, 0xfffffffffffffffful & ~BIT(6), 0x018007f7ffffffbf);
    MRS(isr_el1);
    EQ(MRS(s3_0_c12_c0_1) & 3, 0); /* RVBAR_EL1: EL1 is the highest level */
}

/* RNDR: numbers, NZCV = 0000, not always the same. */
static void random_numbers(void)
{
    u64 first, v, flags, same = 0;
    asm volatile("mrs %0, s3_3_c2_c4_0" : "=r"(first));
    for (unsigned i = 0; i < 64; i++) {
        asm volatile("cmp xzr, xzr\nmrs %0, s3_3_c2_c4_0\nmrs %1, nzcv"
                     : "=r"(v), "=r"(flags)::"cc");
        EQ(flags, 0);
        same += v == first;
    }
    EQ(same, 0);
    asm volatile("mrs %0, s3_3_c2_c4_1\nmrs %1, nzcv" : "=r"(v), "=r"(flags));
    EQ(flags, 0);
}

int main(void)
{
    identification();
    caches();
    floating_point();
    storage();
    random_numbers();
    return 0;
}
