/* What a PE may remember of translations: every TLBI makes a changed table visible, ASIDs keep nG
 * entries apart, invalid entries are never remembered, break-before-make works for data and code
 * (Arm ARM D8.13, D8.14). */
#include "mm.h"

MM_CODE;
CODE(c_call, "mov x9, x30\nblr x0\nmov x30, x9");

#define A (SCRATCH + 0x200000) /* the two places a page is mapped to */
#define B (SCRATCH + 0x600000)

static struct pt p;
static u64 va;
static bool big; /* pages or blocks of more than 4 KiB: QEMU's jump cache forgets only a part */

/* ---- TLBI ---- */

/* Code that returns in x1 which place it is in, and a word that says so. */
static void mark(u64 pa, u64 bytes, u32 value)
{
    for (u64 a = pa; a < pa + bytes; a += 512) {
        w32(a, 0xd2800001u | value << 5); /* mov x1, #value */
        w32(a + 4, 0xd65f03c0);           /* ret */
        w64(a + 8, value);
    }
    sync_code((void *)pa, bytes);
}

static void warm(u64 at)
{
    RUN1(EL1H, c_ldr, at + 8);
    RUN1(EL1H, c_call, at);
    struct frame *f = RUN1(EL1H, c_ldr, at + 8);
    RUN2(EL1H, c_str, at + 8, f->x[1]);
    RUN1(EL0T, c_ldr, at + 8);
}

static void expect(int line, u64 at, u64 value)
{
    struct frame *f = RUN1(EL1H, c_ldr, at + 8);
    if (f->esr != ESR_DONE || f->x[1] != value)
        rt_fail(__FILE_NAME__, line, "the word there (or ESR)",
                f->esr == ESR_DONE ? f->x[1] : f->esr, value);
    f = RUN1(EL1H, c_call, at);
    if (!(rt_qemu && big) && (f->esr != ESR_DONE || f->x[1] != value))
        rt_fail(__FILE_NAME__, line, "the code there (or ESR)",
                f->esr == ESR_DONE ? f->x[1] : f->esr, value);
    f = RUN1(EL0T, c_ldr, at + 8);
    if (f->esr != ESR_DONE || f->x[1] != value)
        rt_fail(__FILE_NAME__, line, "EL0's word (or ESR)", f->esr == ESR_DONE ? f->x[1] : f->esr,
                value);
}

enum op { VAE1, VAAE1, VALE1, VAALE1, ASIDE1, VMALLE1, VAE1IS, VAAE1IS, VALE1IS, VAALE1IS, ASIDE1IS,
          VMALLE1IS, OPS };

static void tlbi(enum op op, u64 at, u64 asid)
{
    u64 arg = (at >> 12 & 0xfffffffffff) | asid << 48;
    switch (op) {
    case VAE1: TLBI(vae1, arg); break;
    case VAAE1: TLBI(vaae1, arg); break;
    case VALE1: TLBI(vale1, arg); break;
    case VAALE1: TLBI(vaale1, arg); break;
    case ASIDE1: TLBI(aside1, asid << 48); break;
    case VAE1IS: TLBI(vae1is, arg); break;
    case VAAE1IS: TLBI(vaae1is, arg); break;
    case VALE1IS: TLBI(vale1is, arg); break;
    case VAALE1IS: TLBI(vaale1is, arg); break;
    case ASIDE1IS: TLBI(aside1is, asid << 48); break;
    case VMALLE1IS: asm volatile("dsb sy\ntlbi vmalle1is\ndsb sy\nisb" ::: "memory"); break;
    default: TLBI_ALL();
    }
}

static bool by_asid(enum op op)
{
    return op == ASIDE1 || op == ASIDE1IS;
}

static bool last_level(enum op op)
{
    return op == VALE1 || op == VAALE1 || op == VALE1IS || op == VAALE1IS;
}

static void leaves(unsigned grain, unsigned level, u64 asid)
{
    struct pt q;
    pt_init(&q, grain, 25);
    u64 size = 1ul << pt_shift(&q, level), base = mm_upper(&q) + (9ul << 33);
    u64 a = A & ~(size - 1), b = B & ~(size - 1), span = size < 0x200000 ? size : 0x200000;
    if (a == b) /* blocks larger than the distance: A or nothing */
        b = 0;
    big = size > 4096;
    for (unsigned ng = 0; ng < 2; ng++) {
        u64 attrs = D_MEM | D_EL0 | D_RO | (ng ? D_NG : 0);
        pt_map(&q, base, a, level, attrs);
        mm_ttbr1(&q, asid, TCR_A1);
        for (unsigned op = 0; op < OPS; op++) {
            if (by_asid(op) && !ng) /* leaves global entries */
                continue;
            u64 in = a == (A & ~(size - 1)) ? A & (size - 1) : 0,
                offset[3] = {0, span / 2, span - 4096};
            rt_note("granule, level, nG, op", grain << 16 | level << 12 | ng << 8 | op);
            for (unsigned from = 0; from < 3; from++) {
                u64 *e = pt_entry(&q, base, level);
                u64 other = b ? base + (B & (size - 1)) : 0;
                for (unsigned i = 0; i < 3; i++)
                    warm(base + in + offset[i]);
                expect(__LINE__, base + in + offset[from], 1);
                *e = 0; /* break ... */
                tlbi(op, base + in + offset[from], asid);
                for (unsigned i = 0; i < 3; i++)
                    DABT(RUN1(EL1H, c_ldr, base + in + offset[i] + 8), EL1H, FSC_TRANS(level),
                         base + in + offset[i] + 8);
                if (b) {
                    pt_map(&q, base, b, level, attrs); /* ... make: no TLBI after invalid */
                    DSB();
                    ISB();
                    for (unsigned i = 0; i < 3; i++)
                        expect(__LINE__, other + offset[i], 2);
                    *e = 0;
                    tlbi(op, other + offset[2], asid);
                }
                pt_map(&q, base, a, level, attrs);
                DSB();
                ISB();
                expect(__LINE__, base + in + offset[from], 1);
            }
        }
    }
    rt_note(NULL, 0);
    big = false;
}

/* A table entry is changed above the leaf: the forms that are not for the last level. */
static void tables(void)
{
    struct pt q;
    u64 base;
    pt_init(&q, 12, 25);
    base = mm_upper(&q) + 0x40000000;
    pt_map(&q, base, A, 3, D_MEM | D_NG | D_EL0 | D_RO);
    pt_map(&q, base + 0x200000, B, 3, D_MEM | D_NG | D_EL0 | D_RO);
    u64 *t = pt_entry(&q, base, 2), first = *t, second = t[1];
    mm_ttbr1(&q, 5, TCR_A1);
    for (unsigned op = 0; op < OPS; op++) {
        if (last_level(op))
            continue;
        rt_note("op", op);
        warm(base);
        expect(__LINE__, base, 1);
        *t = 0;
        tlbi(op, base, 5);
        *t = second;
        DSB();
        ISB();
        expect(__LINE__, base, 2);
        *t = 0;
        tlbi(op, base, 5);
        *t = first;
        DSB();
        ISB();
        expect(__LINE__, base, 1);
    }
    rt_note(NULL, 0);
}

/* ---- ASIDs ---- */

static void asids(void)
{
    struct pt q[2];
    static const u64 wide[] = {0x1001, 0x2001}, narrow[] = {1, 2};
    for (unsigned i = 0; i < 2; i++) {
        pt_init(&q[i], 12, 25);
        pt_map(&q[i], va, i ? B : A, 3, D_MEM | D_NG | D_EL0 | D_RO);
        pt_map(&q[i], va + 4096, A + 4096, 3, D_MEM | D_EL0 | D_RO); /* global: the same in both */
    }
    for (unsigned kind = 0; kind < 2; kind++) {
        const u64 *asid = kind ? wide : narrow;
        mm_ttbr1(&q[0], asid[0], TCR_A1 | (kind ? TCR_AS : 0));
        rt_note("16-bit ASIDs", kind);
        for (unsigned n = 0; n < 20; n++) {
            unsigned i = n & 1;
            MSR(ttbr1_el1, q[i].root | asid[i] << 48);
            expect(__LINE__, va, i + 1);
            expect(__LINE__, va + 4096, 1);
        }
        /* one ASID is invalidated while the other is current */
        MSR(ttbr1_el1, q[1].root | asid[1] << 48);
        expect(__LINE__, va, 2);
        *pt_entry(&q[0], va, 3) = B | D_MEM | D_NG | D_EL0 | D_RO | D_VALID | D_TABLE;
        tlbi(ASIDE1, 0, asid[0]);
        expect(__LINE__, va, 2);
        MSR(ttbr1_el1, q[0].root | asid[0] << 48);
        expect(__LINE__, va, 2);
        MSR(ttbr1_el1, q[1].root | asid[1] << 48);
        *pt_entry(&q[0], va, 3) = A | D_MEM | D_NG | D_EL0 | D_RO | D_VALID | D_TABLE;
        tlbi(VAE1, va, asid[0]);
        MSR(ttbr1_el1, q[0].root | asid[0] << 48);
        expect(__LINE__, va, 1);
    }
    /* ASID of TTBR0 (A1 = 0) also names nG entries of TTBR1's half. */
    mm_ttbr1(&q[0], 0, 0);
    u64 ttbr0 = MRS(ttbr0_el1);
    for (u64 asid = 1; asid < 20; asid++) {
        rt_note("ASID of TTBR0", asid);
        *pt_entry(&q[0], va, 3) =
            (asid & 1 ? A : B) | D_MEM | D_NG | D_EL0 | D_RO | D_VALID | D_TABLE;
        DSB();
        MSR(ttbr0_el1, ttbr0 | asid << 48); /* one that was never used */
        expect(__LINE__, va, asid & 1 ? 1 : 2);
    }
    MSR(ttbr0_el1, ttbr0);
    rt_note(NULL, 0);
}

/* ---- Permissions and attributes change ---- */

static void changes(void)
{
    u64 *e = pt_entry(&p, va, 3);
    mm_ttbr1(&p, 0, 0);
    for (unsigned n = 0; n < 50; n++) {
        *e = A | D_MEM | D_EL0 | D_VALID | D_TABLE;
        tlbi(n % OPS == ASIDE1 || n % OPS == ASIDE1IS ? VMALLE1 : n % OPS, va, 0);
        RAN(RUN1(EL0T, c_str, va));
        RAN(RUN1(EL1H, c_str, va));
        *e = A | D_MEM | D_EL0 | D_RO | D_VALID | D_TABLE;
        TLBI(vale1, va >> 12 & 0xfffffffffff);
        DABT(RUN1(EL0T, c_str, va), EL0T, FSC_PERM(3) | WNR, va);
        DABT(RUN1(EL1H, c_str, va), EL1H, FSC_PERM(3) | WNR, va);
        RAN(RUN1(EL0T, c_ldr, va));
        *e = A | D_MEM | D_VALID | D_TABLE;
        TLBI(vaae1, va >> 12 & 0xfffffffffff);
        DABT(RUN1(EL0T, c_ldr, va), EL0T, FSC_PERM(3), va);
        RAN(RUN1(EL1H, c_str, va));
    }
    /* the same page, now Device and Normal */
    *e = A | D_ATTR(ATTR_DEVICE) | D_AF | D_VALID | D_TABLE;
    TLBI(vae1, va >> 12 & 0xfffffffffff);
    if (!rt_qemu)
        DABT(RUN1(EL1H, c_ldr, va + 1), EL1H, FSC_ALIGN, va + 1);
    *e = A | D_MEM | D_VALID | D_TABLE;
    TLBI(vae1, va >> 12 & 0xfffffffffff);
    RAN(RUN1(EL1H, c_ldr, va + 1));
    mark(A, 4096, 1);
}

/* An invalid entry is not remembered: a fault, then a valid entry, DSB and ISB, no TLBI. */
static void faults_forgotten(void)
{
    for (unsigned n = 0; n < 64; n++) {
        u64 at = va + 0x100000 + n * 4096;
        u64 *e = pt_entry(&p, at, 3);
        DABT(RUN1(EL1H, c_ldr, at), EL1H, FSC_TRANS(3), at);
        IABT(RUN1(EL1H, c_br, at), EL1H, FSC_TRANS(3), at);
        *e = (n & 1 ? A : B) | D_MEM | D_EL0 | D_RO | D_VALID | D_TABLE;
        DSB();
        ISB();
        expect(__LINE__, at, n & 1 ? 1 : 2);
    }
}

/* Many pages that fall on the same places of any small cache of translations. */
static void conflicts(void)
{
    static const u64 strides[] = {0x1000, 0x10000, 0x100000, 0x400000, 0x1000000};
    for (unsigned s = 0; s < LEN(strides); s++) {
        pt_reset();
        MSR(sctlr_el1, MRS(sctlr_el1) & ~SCTLR_M);
        rt_mmu_on();
        pt_init(&p, 12, 25);
        for (unsigned i = 0; i < 200; i++)
            pt_map(&p, va + i * strides[s], SCRATCH + 0x800000 + i * 4096, 3, D_MEM);
        mm_ttbr1(&p, 0, 0);
        rt_note("stride", strides[s]);
        for (unsigned i = 0; i < 200; i++)
            w64(va + i * strides[s], i * 7 + s);
        for (unsigned i = 0; i < 200; i++) {
            EQ(r64(va + i * strides[s]), i * 7 + s);
            EQ(r64(SCRATCH + 0x800000 + i * 4096), i * 7 + s);
        }
    }
    rt_note(NULL, 0);
}

int main(void)
{
    static const struct {
        u8 grain, level;
    } sizes[] = {{12, 3}, {14, 3}, {16, 3}, {12, 2}, {14, 2}, {16, 2}, {12, 1}};
    mark(A, 0x200000, 1);
    mark(B, 0x200000, 2);
    rt_mmu_on();
    for (unsigned i = 0; i < LEN(sizes); i++) {
        leaves(sizes[i].grain, sizes[i].level, 0);
        leaves(sizes[i].grain, sizes[i].level, 7);
    }
    tables();
    pt_init(&p, 12, 25);
    va = mm_upper(&p) + 0x7654321000;
    asids();
    changes();
    faults_forgotten();
    conflicts();
    return 0;
}
