/* Builder of translation tables. See rt.h. */
#include "rt.h"

extern char __utext_start[], __utext_end[], __udata_start[], __udata_end[];
struct pt rt_map;
static u64 pool = PT_POOL;

void pt_reset(void)
{
    pool = PT_POOL;
}

static u64 table(u64 bytes)
{
    if (bytes < 64)
        bytes = 64;
    u64 at = (pool + bytes - 1) & ~(bytes - 1);
    pool = at + bytes;
    if (pool > PT_POOL + PT_POOL_BYTES) {
        put("FAIL pt.c: the pool of tables is used up\n");
        rt_fail(__FILE_NAME__, __LINE__, "pool", pool, 0);
        rt_off();
    }
    for (u64 a = at; a < pool; a += 8)
        w64(a, 0);
    return at;
}

void pt_init(struct pt *p, unsigned grain, unsigned tsz)
{
    unsigned stride = grain - 3, bits = 64 - tsz;
    p->grain = grain;
    p->tsz = tsz;
    p->level = 3;
    while ((4 - p->level) * stride + grain < bits)
        p->level--;
    p->root = table(8ul << (bits - ((3 - p->level) * stride + grain)));
}

u64 *pt_entry(struct pt *p, u64 va, unsigned level)
{
    u64 at = p->root, in = va & ~(~0ul << (64 - p->tsz));
    unsigned stride = p->grain - 3;
    for (unsigned l = p->level;; l++) {
        u64 index = in >> pt_shift(p, l);
        if (l != p->level)
            index &= (1ul << stride) - 1;
        u64 *e = (u64 *)(at + 8 * index);
        if (l == level)
            return e;
        if (!(*e & D_VALID))
            *e = table(1ul << p->grain) | D_VALID | D_TABLE;
        at = *e & D_PA;
    }
}

void pt_map(struct pt *p, u64 va, u64 pa, unsigned level, u64 attrs)
{
    *pt_entry(p, va, level) = pa | attrs | D_VALID | (level == 3 ? D_TABLE : 0);
}

void pt_identity(struct pt *p)
{
    u64 page = 1ul << p->grain, block = 1ul << pt_shift(p, 2);
    for (u64 a = 0x08000000; a < 0x0a000000; a += block)
        pt_map(p, a, a & ~(block - 1), 2, D_DEV);
    if (block <= 0x2000000)
        pt_map(p, 0x0a000000, 0x0a000000 & ~(block - 1), 2, D_DEV);
    u64 low = 0x40400000;
    low = (low + block - 1) & ~(block - 1);
    for (u64 a = 0x40000000; a < low; a += page) {
        u64 attr = D_MEM | D_UXN;
        if (a >= 0x40080000 && a < (u64)__utext_start) /* so that WXN lets it run */
            attr |= D_RO;
        if (a >= ((u64)__utext_start & ~(page - 1)) && a < (u64)__utext_end)
            attr = D_MEM | D_EL0 | D_RO;
        else if (a >= ((u64)__udata_start & ~(page - 1)) && a < (u64)__udata_end)
            attr = D_MEM | D_EL0 | D_UXN | D_PXN;
        pt_map(p, a, a, 3, attr);
    }
    for (u64 a = low; a < 0x50000000; a += block)
        pt_map(p, a, a, 2, D_MEM | D_UXN);
}

void rt_mmu_on(void)
{
    pt_init(&rt_map, 12, 25);
    pt_identity(&rt_map);
    MSR(mair_el1, MAIR_VALUE);
    MSR(tcr_el1, TCR_BASE | TCR_EPD1);
    MSR(ttbr0_el1, rt_map.root);
    MSR(ttbr1_el1, 0);
    TLBI_ALL();
    MSR(sctlr_el1, MRS(sctlr_el1) | SCTLR_M | SCTLR_C | SCTLR_I);
}
