/* Permissions: AP[2:1], PXN, UXN, the hierarchical APTable, PXNTable, UXNTable, WXN, PAN, HPD,
 * against a model (Arm ARM D8.4); the same through AT and LDTR, STTR with and without UAO. */
#include "mm.h"

MM_CODE;

struct setting {
    bool user, ro, pxn, uxn;                 /* of the page */
    bool t_nouser, t_ro, t_pxn, t_uxn;       /* of the table above */
    bool wxn, hpd, pan;
};

/* ---- The model, by the tables of the manual rather than by its pseudocode ---- */

static bool may_user_read(const struct setting *s)
{
    return s->user && (s->hpd || !s->t_nouser);
}

static bool is_read_only(const struct setting *s)
{
    return s->ro || (!s->hpd && s->t_ro);
}

static bool may_user_write(const struct setting *s)
{
    return may_user_read(s) && !is_read_only(s);
}

static bool may_user_exec(const struct setting *s)
{
    bool never = s->uxn || (!s->hpd && s->t_uxn);
    /* Execute-only for EL0 exists: no need to be readable. */
    return !never && !(s->wxn && may_user_write(s));
}

static bool may_kernel_read(const struct setting *s)
{
    return !(s->pan && may_user_read(s));
}

static bool may_kernel_write(const struct setting *s)
{
    return may_kernel_read(s) && !is_read_only(s);
}

static bool may_kernel_exec(const struct setting *s)
{
    bool never = s->pxn || (!s->hpd && s->t_pxn);
    bool writable = !is_read_only(s); /* PAN is not asked */
    return !never && !(s->wxn && writable) && !may_user_write(s);
}

/* ---- The check ---- */

static u64 va, pa;
static unsigned wanted_level;

static void expect(int line, unsigned mode, const void *fn, unsigned spsr_bits, bool ok, bool write)
{
    static struct frame f;
    rt_frame(&f, mode, fn, va, 0xd41fffe1, 0, 0); /* what is stored is the code that is there */
    f.spsr |= spsr_bits;
    rt_enter(&f);
    u64 want =
        ok ? ESR_DONE
           : ESR(mode == EL0T ? EC_DABT_LOW : EC_DABT, FSC_PERM(wanted_level) | (write ? WNR : 0));
    if (f.esr != want)
        rt_fail(__FILE_NAME__, line, "ESR", f.esr, want);
    else if (!ok && f.far != va)
        rt_fail(__FILE_NAME__, line, "FAR", f.far, va);
}

static void expect_fetch(int line, unsigned mode, bool ok)
{
    struct frame *f = RUN1(mode, c_br, va);
    u64 want = ok ? ESR_DONE : ESR(mode == EL0T ? EC_IABT_LOW : EC_IABT, FSC_PERM(wanted_level));
    if (f->esr != want)
        rt_fail(__FILE_NAME__, line, "ESR of a fetch", f->esr, want);
    else if (!ok && f->far != va)
        rt_fail(__FILE_NAME__, line, "FAR of a fetch", f->far, va);
}

static void expect_par(int line, u64 par, bool ok)
{
    u64 want = ok ? PAR_OK(pa, 0xff, 3) : PAR_FAULT(FSC_PERM(wanted_level));
    if (par != want)
        rt_fail(__FILE_NAME__, line, "PAR_EL1", par, want);
}

static void check(const struct setting *s)
{
    bool ur = may_user_read(s), uw = may_user_write(s);
    bool kr = may_kernel_read(s), kw = may_kernel_write(s);
    struct setting no_pan = *s;
    no_pan.pan = false;
    unsigned pan = s->pan ? SPSR_PAN : 0;

    expect(__LINE__, EL0T, c_ldr, pan, ur, false);
    expect(__LINE__, EL0T, c_str, pan, uw, true);
    expect(__LINE__, EL1H, c_ldr, pan, kr, false);
    expect(__LINE__, EL1H, c_str, pan, kw, true);
    /* EL0's privilege at EL1, unless UAO; PAN does not count for LDTR but does with UAO */
    expect(__LINE__, EL1H, c_ldtr, pan, ur, false);
    expect(__LINE__, EL1H, c_sttr, pan, uw, true);
    expect(__LINE__, EL1H, c_ldtr, pan | SPSR_UAO, kr, false);
    expect(__LINE__, EL1H, c_sttr, pan | SPSR_UAO, kw, true);
    expect(__LINE__, EL1T, c_ldr, pan, kr, false);
    expect(__LINE__, EL0T, c_ldtr, pan, ur, false);
    if (!s->pan) {
        expect_fetch(__LINE__, EL0T, may_user_exec(s));
        expect_fetch(__LINE__, EL1H, may_kernel_exec(s));
        expect_par(__LINE__, AT(s1e0r, va), ur);
        expect_par(__LINE__, AT(s1e0w, va), uw);
    }
    /* AT S1E1R ignores PAN, AT S1E1RP does not */
    expect_par(__LINE__, AT(s1e1r, va), may_kernel_read(&no_pan));
    expect_par(__LINE__, AT(s1e1w, va), may_kernel_write(&no_pan));
    if (s->pan)
        asm volatile("msr pan, #1");
    u64 rp = AT(s1e1rp, va), wp = AT(s1e1wp, va);
    asm volatile("msr pan, #0");
    expect_par(__LINE__, rp, kr);
    expect_par(__LINE__, wp, kw);
}

static void all(unsigned level)
{
    struct pt p;
    u64 sctlr = MRS(sctlr_el1);
    wanted_level = level;
    pt_init(&p, 12, 25);
    va = mm_upper(&p) + (5ul << 30);
    pa = SCRATCH;
    u64 *leaf = pt_entry(&p, va, level), *table = pt_entry(&p, va, level - 1), table_was = *table;
    w64(SCRATCH, 0xd41fffe1); /* svc #0xffff */
    sync_code((void *)SCRATCH, 4);
    mm_ttbr1(&p, 0, 0);

    for (unsigned n = 0; n < 1024; n++) {
        struct setting s = {
            .user = n & 1, .ro = n & 2, .pxn = n & 4, .uxn = n & 8,
            .t_nouser = n & 16, .t_ro = n & 32, .t_pxn = n & 64, .t_uxn = n & 128,
            .wxn = n & 256, .pan = n & 512,
        };
        rt_note("setting", n);
        MSR(sctlr_el1, (sctlr & ~SCTLR_WXN) | (s.wxn ? SCTLR_WXN : 0));
        *leaf = SCRATCH | D_MEM | D_VALID | (level == 3 ? D_TABLE : 0) | (s.user ? D_EL0 : 0) |
                (s.ro ? D_RO : 0) | (s.pxn ? D_PXN : 0) | (s.uxn ? D_UXN : 0);
        *table = table_was | (s.t_nouser ? D_AP0_TABLE : 0) | (s.t_ro ? D_AP1_TABLE : 0) |
                 (s.t_pxn ? D_PXN_TABLE : 0) | (s.t_uxn ? D_UXN_TABLE : 0);
        TLBI_ALL();
        check(&s);
    }
    MSR(sctlr_el1, sctlr);
    rt_note(NULL, 0);
    *table = table_was;
    TLBI_ALL();
}

/* HPD1 makes the table's bits mean nothing. */
static void hierarchical_off(void)
{
    struct pt p;
    pt_init(&p, 12, 25);
    va = mm_upper(&p) + (7ul << 30);
    pa = SCRATCH;
    wanted_level = 3;
    u64 *leaf = pt_entry(&p, va, 3), *table = pt_entry(&p, va, 2);
    *table |= D_AP0_TABLE | D_AP1_TABLE | D_PXN_TABLE | D_UXN_TABLE;
    for (unsigned hpd = 0; hpd < 2; hpd++) {
        mm_ttbr1(&p, 0, hpd ? TCR_HPD1 : 0);
        for (unsigned n = 0; n < 16; n++) {
            struct setting s = {
                .user = n & 1, .ro = n & 2, .pxn = n & 4, .uxn = n & 8,
                .t_nouser = true, .t_ro = true, .t_pxn = true, .t_uxn = true, .hpd = hpd,
            };
            rt_note("HPD * 16 + setting", hpd * 16 + n);
            *leaf = SCRATCH | D_MEM | D_VALID | D_TABLE | (s.user ? D_EL0 : 0) | (s.ro ? D_RO : 0) |
                    (s.pxn ? D_PXN : 0) | (s.uxn ? D_UXN : 0);
            TLBI_ALL();
            check(&s);
        }
    }
    rt_note(NULL, 0);
}

int main(void)
{
    rt_mmu_on();
    all(3);
    all(2);
    hierarchical_off();
    return 0;
}
