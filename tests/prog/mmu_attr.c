/* Access flag and dirty state by hardware, address sizes, aborts of walks and of accesses, tags,
 * EPD, E0PD, contiguous entries, alignment by memory type, MAIR in PAR (Arm ARM D8.2, D8.4, D8.5).
 */
#include "mm.h"

MM_CODE;
CODE(c_zva, "dc zva, x0");
CODE(c_cvau, "dc cvau, x0");
CODE(c_ivau, "ic ivau, x0");
CODE(c_ivac, "dc ivac, x0");
CODE(c_prfm, "prfm pldl1keep, [x0]\nprfm pstl1keep, [x0]");
CODE(c_swp, "swp x1, x2, [x0]");
CODE(c_ldxr, "ldxr x1, [x0]");
CODE(c_ldar, "ldar x1, [x0]");
CODE(c_ldp, "ldp x1, x2, [x0]");
CODE(c_ldrq, "ldr q0, [x0]");
CODE(c_ldrb, "ldrb w1, [x0]");
CODE(c_at, "at s1e1r, x0");

static struct pt p;
static u64 va; /* a page in TTBR1's range */

static u64 *page(u64 attrs)
{
    u64 *e = pt_entry(&p, va, 3);
    *e = SCRATCH | attrs | D_VALID | D_TABLE;
    TLBI_ALL();
    return e;
}

/* ---- Access flag, dirty state ---- */

static void access_flag(void)
{
    u64 *e;
    mm_ttbr1(&p, 0, 0);
    e = page(D_MEM & ~D_AF);
    DABT(RUN1(EL1H, c_ldr, va), EL1H, FSC_AF(3), va);
    DABT(RUN1(EL1H, c_str, va), EL1H, FSC_AF(3) | WNR, va);
    IABT(RUN1(EL1H, c_br, va), EL1H, FSC_AF(3), va);
    EQ(AT(s1e1r, va), PAR_FAULT(FSC_AF(3)));
    EQ(*e & D_AF, 0);
    /* an access flag fault goes before a permission fault */
    e = page((D_MEM & ~D_AF) | D_RO);
    DABT(RUN1(EL1H, c_str, va), EL1H, FSC_AF(3) | WNR, va);
    /* a block */
    u64 *b = pt_entry(&p, va + (1ul << 30), 2);
    *b = SCRATCH | (D_MEM & ~D_AF) | D_VALID;
    TLBI_ALL();
    DABT(RUN1(EL1H, c_ldr, va + (1ul << 30)), EL1H, FSC_AF(2), va + (1ul << 30));
    /* by hardware */
    mm_ttbr1(&p, 0, TCR_HA);
    e = page(D_MEM & ~D_AF);
    RAN(RUN1(EL1H, c_ldr, va));
    EQ(*e & D_AF, D_AF);
    e = page(D_MEM & ~D_AF);
    RAN(RUN1(EL1H, c_str, va));
    EQ(*e & D_AF, D_AF);
    e = page(D_MEM & ~D_AF);
    w64(SCRATCH, 0xd41fffe1);
    sync_code((void *)SCRATCH, 4);
    RAN(RUN1(EL1H, c_br, va));
    EQ(*e & D_AF, D_AF);
    e = page((D_MEM & ~D_AF) | D_PXN | D_RO);
    DABT(RUN1(EL1H, c_str, va), EL1H, FSC_PERM(3) | WNR, va);
    IABT(RUN1(EL1H, c_br, va), EL1H, FSC_PERM(3), va);
    RAN(RUN1(EL1H, c_ldr, va));
    EQ(*e & D_AF, D_AF);
    RAN(RUN1(EL1H, c_ldr, va + (1ul << 30)));
    EQ(*b & D_AF, D_AF);
    *b = 0;
}

static void dirty_state(void)
{
    u64 *e;
    /* DBM without HD is ignored */
    mm_ttbr1(&p, 0, TCR_HA);
    e = page(D_MEM | D_RO | D_DBM);
    DABT(RUN1(EL1H, c_str, va), EL1H, FSC_PERM(3) | WNR, va);
    EQ(*e & D_RO, D_RO);
    mm_ttbr1(&p, 0, TCR_HA | TCR_HD);
    e = page(D_MEM | D_RO); /* no DBM: read-only */
    DABT(RUN1(EL1H, c_str, va), EL1H, FSC_PERM(3) | WNR, va);
    EQ(*e & D_RO, D_RO);
    e = page(D_MEM | D_RO | D_DBM);
    RAN(RUN1(EL1H, c_ldr, va));
    EQ(*e & D_RO, D_RO); /* reading leaves it clean */
    RAN(RUN1(EL1H, c_str, va));
    EQ(*e & (D_RO | D_DBM), D_DBM);
    EQ(*e & D_AF, D_AF);
    RAN(RUN1(EL1H, c_str, va));
    /* after a read: the write must still be noticed */
    e = page((D_MEM & ~D_AF) | D_RO | D_DBM);
    RAN(RUN1(EL1H, c_ldr, va));
    EQ(*e & (D_RO | D_AF), D_RO | D_AF);
    RAN(RUN1(EL1H, c_swp, va));
    EQ(*e & (D_RO | D_AF), D_AF);
    /* EL0's page, its own write; and one that EL0 may not use stays clean */
    e = page(D_MEM | D_RO | D_DBM | D_EL0);
    RAN(RUN1(EL0T, c_str, va));
    EQ(*e & D_RO, 0);
    e = page(D_MEM | D_RO | D_DBM);
    DABT(RUN1(EL0T, c_str, va), EL0T, FSC_PERM(3) | WNR, va);
    EQ(*e & D_RO, D_RO);
    /* made clean again by software */
    *e |= D_RO;
    TLBI_ALL();
    RAN(RUN1(EL1H, c_str, va));
    EQ(*e & D_RO, 0);
    *e |= D_RO;
    TLBI(vae1, va >> 12 & 0xfffffffffff);
    RAN(RUN1(EL1H, c_str, va));
    EQ(*e & D_RO, 0);
    /* DC ZVA is a write, a store exclusive too */
    e = page(D_MEM | D_RO | D_DBM);
    RAN(RUN1(EL1H, c_zva, va));
    EQ(*e & D_RO, 0);
    /* AT S1E1W says that a clean page is writable */
    e = page(D_MEM | D_RO | D_DBM);
    EQ(AT(s1e1w, va), PAR_OK(SCRATCH, 0xff, 3));
    *e = 0;
}

/* ---- Sizes and aborts ---- */

static void address_size(void)
{
    static const u8 bits[] = {32, 36, 40, 42, 44, 48};
    u64 *e = pt_entry(&p, va, 3), *t = pt_entry(&p, va, 2), was = *t;
    for (u64 ips = 0; ips < 5; ips++) {
        u64 high = 1ul << bits[ips];
        rt_note("IPS", ips);
        *t = was;
        *e = (high | SCRATCH) | D_MEM | D_VALID | D_TABLE;
        MSR(tcr_el1,
            (TCR_BASE & ~(7ul << 32)) | ips << 32 | TCR_WALK1 | TCR_TG1(12) | TCR_T1SZ(25));
        MSR(ttbr1_el1, p.root);
        TLBI_ALL();
        DABT(RUN1(EL1H, c_ldr, va), EL1H, FSC_SIZE(3), va);
        IABT(RUN1(EL1H, c_br, va), EL1H, FSC_SIZE(3), va);
        EQ(AT(s1e1r, va), PAR_FAULT(FSC_SIZE(3)));
        *e = SCRATCH | D_MEM | D_VALID | D_TABLE;
        *t = was | high; /* the table's address */
        TLBI_ALL();
        DABT(RUN1(EL1H, c_str, va), EL1H, FSC_SIZE(2) | WNR, va);
        *t = was;
        MSR(ttbr1_el1, p.root | high); /* the base register's: level 0 */
        TLBI_ALL();
        DABT(RUN1(EL1H, c_ldr, va), EL1H, FSC_SIZE(0), va);
        MSR(ttbr1_el1, p.root);
        TLBI_ALL();
        RAN(RUN1(EL1H, c_ldr, va));
    }
    rt_note(NULL, 0);
    *e = 0;
    mm_ttbr1(&p, 0, 0);
}

static void external(void)
{
    u64 *e = pt_entry(&p, va, 3), *t = pt_entry(&p, va, 2), was = *t;
    /* a page of nothing */
    *e = HOLE | D_MEM | D_VALID | D_TABLE;
    TLBI_ALL();
    struct frame *f = RUN1(EL1H, c_ldr, va);
    EQ(f->esr & ~BIT(9), ESR(EC_DABT, FSC_EXT)); /* EA is IMPLEMENTATION DEFINED */
    EQ(f->far, va);
    f = RUN1(EL1H, c_str, va + 8);
    EQ(f->esr & ~BIT(9), ESR(EC_DABT, FSC_EXT | WNR));
    EQ(f->far, va + 8);
    f = RUN1(EL0T, c_ldr, HOLE);
    EQ(EC_OF(f), EC_DABT_LOW);
    f = RUN1(EL1H, c_br, va);
    EQ(f->esr & ~BIT(9), ESR(EC_IABT, FSC_EXT));
    EQ(f->far, va);
    *e = 0;
    /* tables in nothing, at each level */
    *t = HOLE | D_VALID | D_TABLE;
    TLBI_ALL();
    f = RUN1(EL1H, c_ldr, va);
    EQ(f->esr & ~BIT(9), ESR(EC_DABT, FSC_EXT_WALK(3)));
    EQ(f->far, va);
    f = RUN1(EL1H, c_br, va);
    EQ(f->esr & ~BIT(9), ESR(EC_IABT, FSC_EXT_WALK(3)));
    f = RUN1(EL1H, c_at, va); /* an exception here, not a report in PAR */
    EQ(f->esr & ~BIT(9), ESR(EC_DABT, FSC_EXT_WALK(3) | CM | WNR));
    EQ(f->far, va);
    *t = was;
    MSR(ttbr1_el1, HOLE);
    TLBI_ALL();
    f = RUN1(EL1H, c_str, va);
    EQ(f->esr & ~BIT(9), ESR(EC_DABT, FSC_EXT_WALK(1) | WNR));
    mm_ttbr1(&p, 0, 0);
}

/* ---- Tags, disables ---- */

static void tags(void)
{
    u64 tag = 0x5aul << 56, bare = va & ~(0xfful << 56);
    u64 low = (u64)rt_user_page, other = tag | bare;
    w64(SCRATCH + 8, 0x1122334455667788);
    page(D_MEM | D_EL0);
    w64(low + 8, 0x99);
    for (unsigned tbi = 0; tbi < 4; tbi++) {
        rt_note("TBI1:TBI0", tbi);
        mm_ttbr1(&p, 0, (tbi & 1 ? TCR_TBI0 : 0) | (tbi & 2 ? TCR_TBI1 : 0));
        struct frame *f = RUN1(EL0T, c_ldr, other + 8);
        if (tbi & 2) {
            RAN(f);
            EQ(f->x[1], 0x1122334455667788);
            EQ(AT(s1e1r, other), PAR_OK(SCRATCH, 0xff, 3));
        } else {
            DABT(f, EL0T, FSC_TRANS(0), other + 8);
        }
        f = RUN1(EL1H, c_ldr, tag | (low + 8));
        if (tbi & 1) {
            RAN(f);
            EQ(f->x[1], 0x99);
        } else {
            DABT(f, EL1H, FSC_TRANS(0), tag | (low + 8));
        }
    }
    rt_note(NULL, 0);
    /* FAR keeps the tag of data; a branch removes it from the PC */
    struct frame *f = RUN1(EL1H, c_ldr, (tag | bare) + 4096);
    DABT(f, EL1H, FSC_TRANS(3), (tag | bare) + 4096);
    f = RUN1(EL1H, c_br, (tag | bare) + 4096);
    IABT(f, EL1H, FSC_TRANS(3), va + 4096);
    f = RUN1(EL1H, c_br, tag | (u64)rt_done);
    RAN(f);
    EQ(f->elr, (u64)rt_done + 4);
    f = RUN0(EL0T, (void *)(tag | (u64)rt_done)); /* by exception return */
    RAN(f);
    EQ(f->elr, (u64)rt_done + 4);
    mm_ttbr1(&p, 0, 0);
}

static void disables(void)
{
    page(D_MEM | D_EL0);
    mm_ttbr1(&p, 0, TCR_EPD1);
    DABT(RUN1(EL1H, c_ldr, va), EL1H, FSC_TRANS(0), va);
    EQ(AT(s1e1r, va), PAR_FAULT(FSC_TRANS(0)));
    mm_ttbr1(&p, 0, TCR_E0PD1);
    RAN(RUN1(EL1H, c_ldr, va));
    DABT(RUN1(EL0T, c_ldr, va), EL0T, FSC_TRANS(0), va);
    DABT(RUN1(EL1H, c_ldtr, va), EL1H, FSC_TRANS(0), va);
    EQ(AT(s1e0r, va), PAR_FAULT(FSC_TRANS(0)));
    mm_ttbr1(&p, 0, 0);
    RAN(RUN1(EL0T, c_ldr, va));
    mm_ttbr1(&p, 0, TCR_E0PD0); /* EL0 loses the whole lower half, its code too */
    IABT(RUN0(EL0T, c_ldr), EL0T, FSC_TRANS(0), (u64)c_ldr);
    mm_ttbr1(&p, 0, 0);
}

/* ---- Contiguous ---- */

static void contiguous(void)
{
    static const struct {
        u8 grain, level;
        u16 count;
    } rows[] = {{12, 3, 16}, {14, 3, 128}, {16, 3, 32}, {12, 2, 16}};
    for (unsigned r = 0; r < LEN(rows); r++) {
        struct pt q;
        pt_init(&q, rows[r].grain, 25);
        u64 size = 1ul << pt_shift(&q, rows[r].level), base = mm_upper(&q) + (3ul << 36);
        u64 pa = rows[r].level == 3 ? SCRATCH & ~(size * rows[r].count - 1) : 0x40000000;
        base &= ~(size * rows[r].count - 1);
        rt_note("contiguous row", r);
        for (unsigned i = 0; i < rows[r].count; i++)
            pt_map(&q, base + i * size, pa + i * size, rows[r].level, D_MEM | D_CONT);
        mm_ttbr1(&q, 0, 0);
        for (unsigned i = 0; i < rows[r].count; i++) {
            EQ(AT(s1e1r, base + i * size + size - 4096),
               PAR_OK(pa + i * size + size - 4096, 0xff, 3));
            if (rows[r].level == 3) {
                w64(pa + i * size, i + 1000);
                EQ(RUN1(EL1H, c_ldr, base + i * size)->x[1], i + 1000);
            }
        }
    }
    rt_note(NULL, 0);
    mm_ttbr1(&p, 0, 0);
}

/* ---- Memory types ---- */

static void alignment(void)
{
    static const void *unaligned[] = {c_ldr, c_str, c_ldp, c_ldrq};
    u64 sctlr = MRS(sctlr_el1);
    page(D_MEM | D_EL0);
    for (unsigned i = 0; i < LEN(unaligned); i++) {
        RAN(RUN1(EL0T, unaligned[i], va + 1)); /* Normal: works */
        MSR(sctlr_el1, sctlr | SCTLR_A);
        struct frame *f = RUN1(EL0T, unaligned[i], va + 1);
        DABT(f, EL0T, FSC_ALIGN | (i == 1 ? WNR : 0), va + 1);
        MSR(sctlr_el1, sctlr);
    }
    RAN(RUN1(EL0T, c_ldrb, va + 4095));
}

static void device(void)
{
    if (rt_qemu) /* does not look at the memory type */
        return;
    page(D_ATTR(ATTR_DEVICE) | D_AF | D_EL0);
    DABT(RUN1(EL0T, c_ldr, va + 1), EL0T, FSC_ALIGN, va + 1);
    DABT(RUN1(EL0T, c_str, va + 4), EL0T, FSC_ALIGN | WNR, va + 4);
    RAN(RUN1(EL0T, c_ldrb, va + 1));
    RAN(RUN1(EL0T, c_ldr, va + 8));
    RAN(RUN1(EL0T, c_ldp, va + 8)); /* aligned to its elements */
    DABT(RUN1(EL0T, c_ldp, va + 4), EL0T, FSC_ALIGN, va + 4);
    DABT(RUN1(EL0T, c_ldar, va + 4), EL0T, FSC_ALIGN, va + 4);
    DABT(RUN1(EL1H, c_zva, va + 8), EL1H, FSC_ALIGN | WNR, va + 8);
    /* a fault of translation or permission goes before alignment by type, but an access that is
     * never allowed unaligned faults before translation */
    page(D_ATTR(ATTR_DEVICE) | D_AF);
    DABT(RUN1(EL0T, c_ldr, va + 1), EL0T, FSC_PERM(3), va + 1);
    page(0);
    DABT(RUN1(EL0T, c_ldxr, va + 9), EL0T, FSC_ALIGN, va + 9); /* over 16 bytes */
}

static void page_straddle(void)
{
    u64 *next = pt_entry(&p, va + 4096, 3);
    page(D_MEM | D_EL0);
    *next = 0;
    TLBI_ALL();
    /* The faulting address is the first byte of the missing page; nothing is written before it. */
    w64(SCRATCH + 4088, 0x0102030405060708);
    struct frame *f = RUN2(EL0T, c_str, va + 4092, ~0ul);
    DABT(f, EL0T, FSC_TRANS(3) | WNR, va + 4096);
    EQ(r64(SCRATCH + 4088), 0x0102030405060708);
    f = RUN1(EL0T, c_ldr, va + 4089);
    DABT(f, EL0T, FSC_TRANS(3), va + 4096);
    EQ(f->x[1], 0);
    /* first page bad, second good */
    *next = (SCRATCH + 4096) | D_MEM | D_EL0 | D_VALID | D_TABLE;
    *pt_entry(&p, va, 3) = 0;
    TLBI_ALL();
    DABT(RUN1(EL0T, c_ldr, va + 4092), EL0T, FSC_TRANS(3), va + 4092);
    /* two pages that are not neighbours in memory */
    page(D_MEM | D_EL0);
    *next = (SCRATCH + 0x5000) | D_MEM | D_EL0 | D_VALID | D_TABLE;
    TLBI_ALL();
    w64(SCRATCH + 4088, 0x1111111111111111);
    w64(SCRATCH + 0x5000, 0x2222222222222222);
    EQ(RUN1(EL0T, c_ldr, va + 4092)->x[1], 0x2222222211111111);
    RUN2(EL0T, c_str, va + 4093, 0xa1a2a3a4a5a6a7a8);
    EQ(r64(SCRATCH + 4088), 0xa6a7a81111111111);
    EQ(r64(SCRATCH + 0x5000), 0x222222a1a2a3a4a5);
    *next = 0;
}

static void cache_operations(void)
{
    struct frame *f;
    MSR(sctlr_el1, MRS(sctlr_el1) | SCTLR_UCI | SCTLR_DZE);
    page(D_MEM);
    RAN(RUN1(EL1H, c_cvau, va));
    RAN(RUN1(EL1H, c_ivau, va));
    RAN(RUN1(EL1H, c_prfm, va + 0x100000000)); /* never faults */
    if (!rt_qemu) {
        f = RUN1(EL1H, c_cvau, va + 4096);
        DABT(f, EL1H, FSC_TRANS(3) | CM | WNR, va + 4096);
        f = RUN1(EL1H, c_ivau, va + 4096);
        EQ(f->esr & ~(u64)(CM | WNR), ESR(EC_DABT, FSC_TRANS(3)));
        f = RUN1(EL0T, c_cvau, va); /* EL0 needs read permission */
        DABT(f, EL0T, FSC_PERM(3) | CM | WNR, va);
        page(D_MEM | D_RO);
        f = RUN1(EL1H, c_ivac, va); /* needs write permission: it is a write */
        DABT(f, EL1H, FSC_PERM(3) | CM | WNR, va);
    }
    page(D_MEM | D_RO | D_EL0);
    f = RUN1(EL0T, c_zva, va + 70);
    EQ(f->esr, ESR(EC_DABT_LOW, FSC_PERM(3) | WNR));
    TRUE(f->far >= va + 64 && f->far < va + 128);
    page(D_MEM | D_EL0);
    for (u64 i = 0; i < 256; i += 8)
        w64(SCRATCH + i, ~0ul);
    RAN(RUN1(EL0T, c_zva, va + 70));
    EQ(r64(SCRATCH + 56), ~0ul);
    EQ(r64(SCRATCH + 64), 0);
    EQ(r64(SCRATCH + 120), 0);
    EQ(r64(SCRATCH + 128), ~0ul);
    EQ(MRS(dczid_el0), 4);
}

static void atomics_faults(void)
{
    page(D_MEM | D_RO | D_EL0);
    struct frame *f = RUN1(EL0T, c_swp, va);
    DABT(f, EL0T, FSC_PERM(3) | WNR, va);
    *pt_entry(&p, va, 3) = 0;
    TLBI_ALL();
    f = RUN1(EL0T, c_swp, va);
    DABT(f, EL0T, FSC_TRANS(3), va); /* a read would have faulted as well: WnR = 0 */
    f = RUN1(EL0T, c_swp, va + 15);
    EQ(f->esr & ~(u64)WNR, ESR(EC_DABT_LOW, FSC_ALIGN));
}

static void attributes(void)
{
    static const struct {
        u8 attr, byte;
    } rows[] = {
        {ATTR_DEVICE, 0}, {ATTR_NORMAL, 0xff}, {ATTR_NC, 0x44}, {ATTR_GRE, 0xc}, {ATTR_WT, 0xbb}};
    for (unsigned i = 0; i < LEN(rows); i++)
        for (unsigned sh = 0; sh < 4; sh++) {
            if (sh == 1)
                continue;
            bool outer = rows[i].byte == 0x44 || rows[i].byte < 0x10;
            rt_note("attribute * 16 + SH", i * 16 + sh);
            page(D_ATTR(rows[i].attr) | (u64)sh << 8 | D_AF);
            if (outer && rt_qemu) /* reports SH as in the descriptor */
                continue;
            EQ(AT(s1e1r, va), PAR_OK(SCRATCH, rows[i].byte, outer ? 2 : sh));
        }
    rt_note(NULL, 0);
}

/* Translation off: flat, Device for data. */
static void off(void)
{
    MSR(sctlr_el1, MRS(sctlr_el1) & ~SCTLR_M);
    EQ(AT(s1e1r, SCRATCH + 0x123) & ~(3ul << 7), PAR_OK(SCRATCH, 0, 0));
    RAN(RUN1(EL0T, c_ldr, SCRATCH));
    if (rt_qemu) /* no alignment faults; too large addresses are external aborts */
        return;
    struct frame *f = RUN1(EL1H, c_ldr, SCRATCH + 1);
    DABT(f, EL1H, FSC_ALIGN, SCRATCH + 1);
    f = RUN1(EL1H, c_ldr, 1ul << 48);
    DABT(f, EL1H, FSC_SIZE(0), 1ul << 48);
    f = RUN1(EL1H, c_br, 1ul << 52);
    IABT(f, EL1H, FSC_SIZE(0), 1ul << 52);
}

int main(void)
{
    rt_mmu_on();
    pt_init(&p, 12, 25);
    va = mm_upper(&p) + 0x123456000;
    access_flag();
    dirty_state();
    address_size();
    external();
    tags();
    disables();
    contiguous();
    alignment();
    device();
    page_straddle();
    cache_operations();
    atomics_faults();
    attributes();
    off();
    return 0;
}
