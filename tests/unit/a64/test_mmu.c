/* Stage 1 translation: every granule, level and fault code; permissions against a model written
 * from the manual's tables; hardware access flag and dirty state. */
#include "fake_pe.h"

#define AF BIT(10)
#define AP1 BIT(6)
#define AP2 BIT(7)
#define NG BIT(11)
#define GP BIT(50)
#define DBM BIT(51)
#define CONTIG BIT(52)
#define PXN BIT(53)
#define UXN BIT(54)
#define TCR_HA BIT(39)
#define TCR_HD BIT(40)

static const unsigned grains[] = { 12, 14, 16 };

/* A mapping under construction. */
struct map {
    unsigned grain, in_bits;
    bool upper;
    gva_t va;
    unsigned leaf_level;
    uint64_t leaf;        /* attributes of the leaf */
    gpa_t pa;             /* its output address */
    uint64_t table_attrs; /* of every table descriptor */
    unsigned start;       /* out: first level */
    gpa_t desc_pa[4];     /* out: descriptor of each level */
};

static unsigned level_lo(unsigned grain, unsigned level)
{
    return grain + (3 - level) * (grain - 3);
}

static unsigned start_level(unsigned grain, unsigned in_bits)
{
    unsigned level = 3;
    while (level_lo(grain, level) + grain - 3 < in_bits)
        level--;
    return level;
}

static void set_tcr(struct fake_pe *f, const struct map *m, uint64_t more)
{
    static const uint8_t tg0[] = { 0, 2, 1 }, tg1[] = { 2, 1, 3 };
    unsigned g = (m->grain - 12) / 2;
    uint64_t tsz = 64 - m->in_bits;
    fake_msr(&f->cpu, A64_TCR_EL1,
             more | tsz | tsz << 16 | (uint64_t)tg0[g] << 14 | (uint64_t)tg1[g] << 30 |
                 UINT64_C(5) << 32);
    fake_msr(&f->cpu, A64_SCTLR_EL1, 1);
    fake_msr(&f->cpu, A64_MAIR_EL1, 0x44ff04);
}

static void build(struct fake_pe *f, struct map *m, uint64_t tcr)
{
    set_tcr(f, m, tcr);
    f->next_table = 0x1000;
    m->start = start_level(m->grain, m->in_bits);
    gpa_t table = fake_table(f, 1u << m->grain);
    f->cpu.sys[m->upper ? A64_TTBR1_EL1 : A64_TTBR0_EL1] = table;
    unsigned hi = m->in_bits - 1;
    for (unsigned level = m->start; level <= m->leaf_level; level++) {
        unsigned lo = level_lo(m->grain, level);
        m->desc_pa[level] = table + 8 * bits(m->va, hi, lo);
        uint64_t desc;
        if (level == m->leaf_level) {
            desc = (m->pa & ~MASK(lo)) | m->leaf | (level == 3 ? 3 : 1);
        } else {
            table = fake_table(f, 1u << m->grain);
            desc = table | m->table_attrs | 3;
        }
        f->mem[m->desc_pa[level] / 8] = desc;
        hi = lo - 1;
    }
}

static bool block_allowed(unsigned grain, unsigned level)
{
    return level == 3 || level == 2 || (level == 1 && grain == 12);
}

static bool translate(struct fake_pe *f, gva_t va, enum a64_access access, unsigned el,
                      struct a64_translation *t, unsigned *fsc)
{
    struct a64_walk req = { .va = va, .access = access, .el = (uint8_t)el };
    struct a64_fault fault = { .fsc = 0xff };
    bool ok = a64_translate(&f->cpu, &req, t, &fault);
    *fsc = fault.fsc;
    if (!ok) {
        assert_int_equal(fault.va, va);
        assert_int_equal(fault.write, access == A64_ACCESS_WRITE);
    }
    return ok;
}

static unsigned fault_of(struct fake_pe *f, gva_t va, enum a64_access access, unsigned el)
{
    struct a64_translation t;
    unsigned fsc;
    assert_false(translate(f, va, access, el, &t, &fsc));
    return fsc;
}

static struct a64_translation ok_of(struct fake_pe *f, gva_t va, enum a64_access access,
                                    unsigned el)
{
    struct a64_translation t;
    unsigned fsc;
    assert_true(translate(f, va, access, el, &t, &fsc));
    return t;
}

static gva_t some_va(unsigned in_bits, bool upper)
{
    gva_t va = UINT64_C(0x5a5bc6d7e8f9abcd) & MASK(in_bits);
    return upper ? va | ~MASK(in_bits) : va;
}

/* Runs `check` for each granule, address size, half and leaf level that exist. */
static void each_shape(struct fake_pe *f, void (*check)(struct fake_pe *, struct map *))
{
    for (unsigned g = 0; g < ARRAY_LEN(grains); g++)
        for (unsigned in_bits = grains[g] == 16 ? 17 : 16; in_bits <= 48; in_bits++)
            for (unsigned half = 0; half < 2; half++)
                for (unsigned level = start_level(grains[g], in_bits); level <= 3; level++) {
                    struct map m = {
                        .grain = grains[g],
                        .in_bits = in_bits,
                        .upper = half,
                        .va = some_va(in_bits, half),
                        .leaf_level = level,
                        .leaf = AF | AP1 | 1 << 2,
                        .pa = UINT64_C(0xa5a5a5a5a000),
                    };
                    check(f, &m);
                }
}

static void check_maps(struct fake_pe *f, struct map *m)
{
    build(f, m, 0);
    unsigned lo = level_lo(m->grain, m->leaf_level);
    if (!block_allowed(m->grain, m->leaf_level)) {
        assert_int_equal(fault_of(f, m->va, A64_ACCESS_READ, 1), 0x04 + m->leaf_level);
        return;
    }
    struct a64_translation t = ok_of(f, m->va, A64_ACCESS_READ, 1);
    assert_int_equal(t.pa, (m->pa & ~MASK(lo)) | (m->va & MASK(lo)));
    assert_int_equal(t.log2_bytes, lo);
    assert_int_equal(t.log2_run, lo);
    assert_int_equal(t.attr, 0xff);
    assert_int_equal(t.type, A64_MEM_NORMAL);
}

static void test_every_granule_size_and_level_translates(void **state)
{
    each_shape(*state, check_maps);
}

static void check_invalid(struct fake_pe *f, struct map *m)
{
    build(f, m, 0);
    for (unsigned level = m->start; level <= m->leaf_level; level++) {
        uint64_t *d = &f->mem[m->desc_pa[level] / 8], keep = *d;
        *d &= ~UINT64_C(1);
        assert_int_equal(fault_of(f, m->va, A64_ACCESS_READ, 0), 0x04 + level);
        *d = keep;
        f->fail_pa = m->desc_pa[level];
        assert_int_equal(fault_of(f, m->va, A64_ACCESS_FETCH, 0), 0x14 + level);
        f->fail_pa = ~UINT64_C(0);
    }
    if (m->leaf_level == 3) { /* 01 is reserved at level 3 */
        f->mem[m->desc_pa[3] / 8] &= ~UINT64_C(2);
        assert_int_equal(fault_of(f, m->va, A64_ACCESS_WRITE, 1), 0x07);
    }
}

static void test_invalid_descriptors_and_aborts_name_their_level(void **state)
{
    each_shape(*state, check_invalid);
}

static void check_address_size(struct fake_pe *f, struct map *m)
{
    if (!block_allowed(m->grain, m->leaf_level))
        return;
    build(f, m, 0);
    f->cpu.sys[A64_TCR_EL1] &= ~(UINT64_C(7) << 32); /* 32-bit output */
    assert_int_equal(fault_of(f, m->va, A64_ACCESS_READ, 1), m->leaf_level);
    f->mem[m->desc_pa[m->leaf_level] / 8] &= MASK(32);
    ok_of(f, m->va, A64_ACCESS_READ, 1);
    for (unsigned level = m->start; level < m->leaf_level; level++) {
        uint64_t *d = &f->mem[m->desc_pa[level] / 8];
        *d |= BIT(32);
        assert_int_equal(fault_of(f, m->va, A64_ACCESS_READ, 1), level);
        *d &= ~BIT(32);
    }
    f->cpu.sys[m->upper ? A64_TTBR1_EL1 : A64_TTBR0_EL1] |= BIT(32);
    assert_int_equal(fault_of(f, m->va, A64_ACCESS_READ, 1), 0);
}

static void test_output_beyond_ips_is_an_address_size_fault_of_that_level(void **state)
{
    each_shape(*state, check_address_size);
}

static void check_af_and_permission(struct fake_pe *f, struct map *m)
{
    if (!block_allowed(m->grain, m->leaf_level))
        return;
    m->leaf = AF | AP2; /* read only, no EL0 */
    build(f, m, 0);
    assert_int_equal(fault_of(f, m->va, A64_ACCESS_WRITE, 1), 0x0c + m->leaf_level);
    assert_int_equal(fault_of(f, m->va, A64_ACCESS_READ, 0), 0x0c + m->leaf_level);
    f->mem[m->desc_pa[m->leaf_level] / 8] &= ~AF; /* goes before permissions */
    assert_int_equal(fault_of(f, m->va, A64_ACCESS_WRITE, 1), 0x08 + m->leaf_level);
    assert_int_equal(f->cas_calls, 0);
}

static void test_access_flag_and_permission_faults_name_their_level(void **state)
{
    each_shape(*state, check_af_and_permission);
}

static void check_outside(struct fake_pe *f, struct map *m)
{
    build(f, m, 0);
    if (m->in_bits < 48)
        assert_int_equal(fault_of(f, m->va ^ BIT(m->in_bits), A64_ACCESS_READ, 1), 0x04);
    assert_int_equal(fault_of(f, m->va ^ BIT(55), A64_ACCESS_READ, 1), 0x04);
    assert_int_equal(fault_of(f, m->va ^ BIT(63), A64_ACCESS_READ, 1), 0x04);
}

static void test_addresses_outside_the_range_fault_at_level_0(void **state)
{
    each_shape(*state, check_outside);
}

static struct map page_map(bool upper)
{
    return (struct map){ .grain = 12, .in_bits = 48, .upper = upper, .leaf_level = 3,
                         .va = some_va(48, upper), .leaf = AF | AP1 | 1 << 2, .pa = 0x12345000 };
}

static void test_tnsz_out_of_range_faults(void **state)
{
    struct fake_pe *f = *state;
    struct map m = page_map(false);
    build(f, &m, 0);
    uint64_t tcr = f->cpu.sys[A64_TCR_EL1];
    for (unsigned tsz = 0; tsz < 64; tsz++) {
        struct a64_translation t;
        unsigned fsc;
        f->cpu.sys[A64_TCR_EL1] = bits_set(tcr, 5, 0, tsz);
        if (tsz < 16 || tsz > 48)
            assert_int_equal(fault_of(f, 0, A64_ACCESS_READ, 1), 0x04);
        else if (translate(f, 0, A64_ACCESS_READ, 1, &t, &fsc) == false)
            assert_int_equal(fsc & 0x3c, 0x04); /* nothing is mapped at 0 */
    }
    a64_feature_set(&f->cpu.features, A64_FEAT_TTST, false);
    f->cpu.sys[A64_TCR_EL1] = bits_set(tcr, 5, 0, 40);
    f->fail_pa = f->cpu.sys[A64_TTBR0_EL1];
    assert_int_equal(fault_of(f, 0, A64_ACCESS_READ, 1), 0x04); /* no walk was begun */
}

/* ---- Permissions, from the tables of D8.4 ---- */

struct rwx {
    bool r, w, x;
};

/* What AP[2:1], UXN, PXN allow with the table attributes, WXN and PAN, told as text tables. */
static struct rwx model(unsigned ap, bool uxn, bool pxn, unsigned aptable, bool uxntable,
                        bool pxntable, unsigned el, bool pan, bool wxn)
{
    static const char *const el1_data[] = { "rw", "rw", "r-", "r-" };
    static const char *const el0_data[] = { "--", "rw", "--", "r-" };
    struct rwx p;
    if (aptable & 1) /* no EL0 access below */
        ap = ap == 1 ? 0 : ap == 3 ? 2 : ap;
    if (aptable & 2) /* no writes below */
        ap = ap == 0 ? 2 : ap == 1 ? 3 : ap;
    const char *data = el == 0 ? el0_data[ap] : el1_data[ap];
    p.r = data[0] == 'r';
    p.w = data[1] == 'w';
    bool el0_writes = el0_data[ap][1] == 'w';
    if (el == 0)
        p.x = !(uxn || uxntable);
    else
        p.x = !(pxn || pxntable) && !el0_writes;
    if (wxn && p.w)
        p.x = false;
    if (el == 1 && pan && el0_data[ap][0] == 'r')
        p.r = p.w = false;
    return p;
}

static void test_permissions_equal_the_model_in_all_combinations(void **state)
{
    struct fake_pe *f = *state;
    struct map m = page_map(true);
    m.leaf_level = 2;
    for (unsigned c = 0; c < 1u << 14; c++) {
        unsigned ap = c & 3, aptable = c >> 4 & 3, el = c >> 8 & 1;
        bool uxn = c & 4, pxn = c & 8, uxnt = c & 0x40, pxnt = c & 0x80, pan = c & 0x200;
        bool wxn = c & 0x400, hpd = c & 0x800, dbm = c & 0x1000, hd = c & 0x2000;
        if (c == 0)
            build(f, &m, 0);
        uint64_t leaf = (m.pa & ~MASK(21)) | 1 | AF | (uint64_t)ap << 6 | (uxn ? UXN : 0) |
                        (pxn ? PXN : 0) | (dbm ? DBM : 0);
        uint64_t table = (uint64_t)aptable << 61 | (uint64_t)uxnt << 60 | (uint64_t)pxnt << 59;
        uint64_t *root = &f->mem[m.desc_pa[0] / 8];
        *root = (*root & MASK(48)) | table;
        f->cpu.sys[A64_TCR_EL1] = (f->cpu.sys[A64_TCR_EL1] & ~(BIT(42) | TCR_HA | TCR_HD)) |
                                  (hpd ? BIT(42) : 0) | (hd ? TCR_HA | TCR_HD : 0);
        f->cpu.sys[A64_SCTLR_EL1] = 1 | (wxn ? BIT(19) : 0);
        /* With hardware dirty state a read-only entry with DBM is a writable clean one. */
        struct rwx want = model(dbm && hd ? ap & 1 : ap, uxn, pxn, hpd ? 0 : aptable,
                                uxnt && !hpd, pxnt && !hpd, el, pan, wxn);
        for (enum a64_access a = A64_ACCESS_READ; a <= A64_ACCESS_FETCH; a++) {
            f->mem[m.desc_pa[2] / 8] = leaf;
            struct a64_walk req = { .va = m.va, .access = a, .el = (uint8_t)el, .pan = pan };
            struct a64_translation t;
            struct a64_fault fault;
            bool allowed = a == A64_ACCESS_READ ? want.r : a == A64_ACCESS_WRITE ? want.w : want.x;
            bool got = a64_translate(&f->cpu, &req, &t, &fault);
            assert_int_equal(got, allowed);
            if (!got) {
                assert_int_equal(fault.fsc, 0x0e);
                assert_int_equal(f->mem[m.desc_pa[2] / 8], leaf);
                continue;
            }
            assert_int_equal(t.readable, want.r);
            assert_int_equal(t.writable, want.w);
            assert_int_equal(t.executable, want.x);
            bool wrote = a == A64_ACCESS_WRITE && dbm && hd;
            assert_int_equal(t.dirty, want.w && (!(ap & 2) || wrote));
        }
    }
}

/* ---- Hardware management of the access flag and dirty state ---- */

static uint64_t *leaf_of(struct fake_pe *f, const struct map *m)
{
    return &f->mem[m->desc_pa[m->leaf_level] / 8];
}

static void test_access_flag_is_set_by_hardware_when_enabled(void **state)
{
    struct fake_pe *f = *state;
    struct map m = page_map(false);
    m.leaf &= ~AF;
    build(f, &m, TCR_HA);
    uint64_t before = *leaf_of(f, &m);
    struct a64_walk at = { .va = m.va, .access = A64_ACCESS_READ, .el = 1, .at = true };
    struct a64_translation t;
    struct a64_fault fault;
    assert_true(a64_translate(&f->cpu, &at, &t, &fault));
    assert_int_equal(*leaf_of(f, &m), before);
    ok_of(f, m.va, A64_ACCESS_READ, 1);
    assert_int_equal(*leaf_of(f, &m), before | AF);
    ok_of(f, m.va, A64_ACCESS_READ, 1);
    assert_int_equal(f->cas_calls, 1);
}

static void test_a_write_makes_a_clean_page_dirty_and_a_read_does_not(void **state)
{
    struct fake_pe *f = *state;
    struct map m = page_map(false);
    m.leaf |= DBM | AP2;
    build(f, &m, TCR_HA | TCR_HD);
    uint64_t clean = *leaf_of(f, &m);
    struct a64_translation t = ok_of(f, m.va, A64_ACCESS_READ, 0);
    assert_true(t.writable && !t.dirty);
    assert_int_equal(*leaf_of(f, &m), clean);
    t = ok_of(f, m.va, A64_ACCESS_WRITE, 0);
    assert_true(t.dirty);
    assert_int_equal(*leaf_of(f, &m), clean & ~AP2);

    f->cpu.sys[A64_TCR_EL1] &= ~TCR_HD; /* DBM is then ignored */
    *leaf_of(f, &m) = clean;
    assert_int_equal(fault_of(f, m.va, A64_ACCESS_WRITE, 0), 0x0f);
}

static void test_a_descriptor_changed_meanwhile_is_walked_again(void **state)
{
    struct fake_pe *f = *state;
    struct map m = page_map(false);
    m.leaf &= ~AF;
    build(f, &m, TCR_HA);
    f->cas_meddle = BIT(13); /* another PE maps another page first */
    struct a64_translation t = ok_of(f, m.va, A64_ACCESS_READ, 1);
    assert_int_equal(t.pa, (m.pa ^ BIT(13)) | (m.va & 0xfff));
    assert_int_equal(f->cas_calls, 2);
    f->cas_meddle = 1; /* ... or unmaps it */
    *leaf_of(f, &m) &= ~AF;
    assert_int_equal(fault_of(f, m.va, A64_ACCESS_READ, 1), 0x07);
}

/* ---- The rest ---- */

static void test_contiguous_runs_have_the_architected_length(void **state)
{
    static const struct {
        uint8_t grain, level, log2_run;
    } runs[] = { { 12, 3, 16 }, { 12, 2, 25 }, { 12, 1, 34 }, { 14, 3, 21 },
                 { 14, 2, 30 }, { 16, 3, 21 }, { 16, 2, 34 } };
    struct fake_pe *f = *state;
    for (unsigned i = 0; i < ARRAY_LEN(runs); i++) {
        struct map m = page_map(false);
        m.grain = runs[i].grain;
        m.leaf_level = runs[i].level;
        m.leaf |= CONTIG;
        build(f, &m, 0);
        struct a64_translation t = ok_of(f, m.va, A64_ACCESS_READ, 1);
        assert_int_equal(t.log2_run, runs[i].log2_run);
        assert_int_equal(t.log2_bytes, level_lo(m.grain, m.leaf_level));
    }
}

static void test_tags_are_ignored_only_where_tbi_says(void **state)
{
    struct fake_pe *f = *state;
    for (unsigned half = 0; half < 2; half++) {
        struct map m = page_map(half);
        gva_t tagged = m.va ^ (UINT64_C(0x5a) << 56);
        build(f, &m, 0);
        assert_int_equal(fault_of(f, tagged, A64_ACCESS_READ, 1), 0x04);
        assert_int_equal(a64_untag(&f->cpu, tagged, false, 0), tagged);
        build(f, &m, BIT(half ? 37 : 38)); /* the other half */
        assert_int_equal(fault_of(f, tagged, A64_ACCESS_READ, 1), 0x04);
        build(f, &m, BIT(half ? 38 : 37));
        ok_of(f, tagged, A64_ACCESS_READ, 1);
        ok_of(f, tagged, A64_ACCESS_FETCH, 0);
        assert_int_equal(a64_untag(&f->cpu, tagged, true, 1), m.va);
        assert_int_equal(fault_of(f, tagged ^ BIT(55), A64_ACCESS_READ, 1), 0x04);
    }
}

static void test_epd_and_e0pd_close_a_half(void **state)
{
    struct fake_pe *f = *state;
    for (unsigned half = 0; half < 2; half++) {
        struct map m = page_map(half);
        build(f, &m, BIT(half ? 56 : 55));
        assert_int_equal(fault_of(f, m.va, A64_ACCESS_READ, 0), 0x04);
        ok_of(f, m.va, A64_ACCESS_READ, 1);
        build(f, &m, BIT(half ? 55 : 56));
        ok_of(f, m.va, A64_ACCESS_READ, 0);
        build(f, &m, BIT(half ? 23 : 7));
        assert_int_equal(fault_of(f, m.va, A64_ACCESS_READ, 1), 0x04);
        build(f, &m, BIT(half ? 7 : 23));
        ok_of(f, m.va, A64_ACCESS_READ, 1);
    }
}

static void test_attributes_come_from_mair_and_the_descriptor(void **state)
{
    struct fake_pe *f = *state;
    struct map m = page_map(false);
    m.leaf |= NG | GP | 3u << 8;
    build(f, &m, 0);
    struct a64_translation t = ok_of(f, m.va, A64_ACCESS_READ, 1);
    assert_true(!t.global && t.guarded && t.sh == 3 && t.attr == 0xff);
    m.leaf = AF | 0u << 2; /* Device-nGnRE, always outer shareable */
    build(f, &m, 0);
    t = ok_of(f, m.va, A64_ACCESS_READ, 1);
    assert_true(t.global && !t.guarded && t.sh == 2 && t.attr == 0x04);
    assert_int_equal(t.type, A64_MEM_DEVICE);
    m.leaf = AF | 2u << 2; /* Non-cacheable */
    build(f, &m, 0);
    t = ok_of(f, m.va, A64_ACCESS_READ, 1);
    assert_true(t.attr == 0x44 && t.sh == 2 && t.type == A64_MEM_NORMAL);
}

static void test_mmu_off_is_flat(void **state)
{
    struct fake_pe *f = *state;
    fake_msr(&f->cpu, A64_SCTLR_EL1, 0);
    struct a64_translation t = ok_of(f, 0x123456789abc, A64_ACCESS_WRITE, 0);
    assert_int_equal(t.pa, 0x123456789abc);
    assert_int_equal(t.type, A64_MEM_DEVICE);
    assert_true(t.readable && t.writable && t.executable && t.dirty);
    t = ok_of(f, 0x1000, A64_ACCESS_FETCH, 1);
    assert_int_equal(t.type, A64_MEM_NORMAL);
    assert_int_equal(fault_of(f, BIT(48), A64_ACCESS_READ, 1), 0x00);
    assert_int_equal(fault_of(f, BIT(60), A64_ACCESS_READ, 1), 0x00);
    fake_msr(&f->cpu, A64_TCR_EL1, BIT(37));
    ok_of(f, BIT(60) | 0x1000, A64_ACCESS_READ, 1);
}

static void test_the_asid_follows_a1_and_as(void **state)
{
    struct fake_pe *f = *state;
    fake_msr(&f->cpu, A64_TTBR0_EL1, UINT64_C(0x1234) << 48);
    fake_msr(&f->cpu, A64_TTBR1_EL1, UINT64_C(0x5678) << 48);
    fake_msr(&f->cpu, A64_TCR_EL1, 0);
    assert_int_equal(a64_current_asid(&f->cpu), 0x34);
    fake_msr(&f->cpu, A64_TCR_EL1, BIT(36));
    assert_int_equal(a64_current_asid(&f->cpu), 0x1234);
    fake_msr(&f->cpu, A64_TCR_EL1, BIT(36) | BIT(22));
    assert_int_equal(a64_current_asid(&f->cpu), 0x5678);
}

static void test_el2_has_one_privilege(void **state)
{
    struct fake_pe *f = *state;
    fake_init_el(f, 2);
    struct map m = page_map(false);
    m.leaf = AF | UXN | 1 << 2; /* bit 54 is XN; bit 6 is RES1 and ignored */
    build(f, &m, 0);
    fake_msr(&f->cpu, A64_TCR_EL2, 16 | 5u << 16);
    fake_msr(&f->cpu, A64_TTBR0_EL2, f->cpu.sys[A64_TTBR0_EL1]);
    fake_msr(&f->cpu, A64_MAIR_EL2, 0xff00);
    fake_msr(&f->cpu, A64_SCTLR_EL2, 1);
    struct a64_translation t = ok_of(f, m.va, A64_ACCESS_WRITE, 2);
    assert_true(t.readable && t.writable && !t.executable && t.global);
    assert_int_equal(fault_of(f, m.va, A64_ACCESS_FETCH, 2), 0x0f);
    assert_int_equal(fault_of(f, m.va | BIT(63), A64_ACCESS_READ, 2), 0x04);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_every_granule_size_and_level_translates),
        FAKE_TEST(test_invalid_descriptors_and_aborts_name_their_level),
        FAKE_TEST(test_output_beyond_ips_is_an_address_size_fault_of_that_level),
        FAKE_TEST(test_access_flag_and_permission_faults_name_their_level),
        FAKE_TEST(test_addresses_outside_the_range_fault_at_level_0),
        FAKE_TEST(test_tnsz_out_of_range_faults),
        FAKE_TEST(test_permissions_equal_the_model_in_all_combinations),
        FAKE_TEST(test_access_flag_is_set_by_hardware_when_enabled),
        FAKE_TEST(test_a_write_makes_a_clean_page_dirty_and_a_read_does_not),
        FAKE_TEST(test_a_descriptor_changed_meanwhile_is_walked_again),
        FAKE_TEST(test_contiguous_runs_have_the_architected_length),
        FAKE_TEST(test_tags_are_ignored_only_where_tbi_says),
        FAKE_TEST(test_epd_and_e0pd_close_a_half),
        FAKE_TEST(test_attributes_come_from_mair_and_the_descriptor),
        FAKE_TEST(test_mmu_off_is_flat),
        FAKE_TEST(test_the_asid_follows_a1_and_as),
        FAKE_TEST(test_el2_has_one_privilege),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
