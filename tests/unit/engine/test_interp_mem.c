/* What a load or store does with translation, alignment, devices and faults, with real tables. */
#include "rig.h"

#define PAGE_A (RIG_DATA + 0x10000) /* what the window's pages are mapped to */
#define PAGE_B (RIG_DATA + 0x20000)
#define ASID(n) ((uint64_t)(n) << 48)

static int set_up(void **state)
{
    struct rig *r = rig_create();
    for (unsigned i = 0; i < 4096; i += 8) {
        rig_poke(r, PAGE_A + i, 8, UINT64_C(0xaa00000000000000) + i);
        rig_poke(r, PAGE_B + i, 8, UINT64_C(0xbb00000000000000) + i);
    }
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rig_destroy(*state);
    return 0;
}

/* X0 = [va]; the byte that tells the page. */
static unsigned which_page(struct rig *r, uint64_t va)
{
    r->cpu->x[1] = va;
    assert_true(EXEC(r, LDR_i, 1, 0, 1, 0));
    return (unsigned)(r->cpu->x[0] >> 56);
}

/* Stores to va + 0x808; which page has it? */
static unsigned which_page_stored(struct rig *r, uint64_t va)
{
    rig_poke(r, PAGE_A + 0x808, 8, 0);
    rig_poke(r, PAGE_B + 0x808, 8, 0);
    r->cpu->x[1] = va;
    r->cpu->x[2] = 1;
    assert_true(EXEC(r, STR_i, 1, 0x101, 1, 2));
    return rig_peek(r, PAGE_A + 0x808, 8) ? 0xaa : rig_peek(r, PAGE_B + 0x808, 8) ? 0xbb : 0;
}

/* ---- TLB maintenance ---- */

#define TLBI(op1, crm, op2) A64_SYS_KEY(1, op1, 8, crm, op2)
static const unsigned tlbi_all[] = {TLBI(0, 7, 0), TLBI(0, 3, 0)};     /* VMALLE1, VMALLE1IS */
static const unsigned tlbi_asid[] = {TLBI(0, 7, 2), TLBI(0, 3, 2)};    /* ASIDE1 */
static const unsigned tlbi_va[] = {TLBI(0, 7, 1), TLBI(0, 7, 3), TLBI(0, 7, 5), TLBI(0, 7, 7),
                                   TLBI(0, 3, 1), TLBI(0, 3, 3), TLBI(0, 3, 5), TLBI(0, 3, 7)};

static void check_tlbi(struct rig *r, unsigned key, uint64_t operand)
{
    rig_map(r, 3, PAGE_A | PTE_PAGE);
    assert_true(rig_exec(r, word_sys(SYS_TLBI_VMALLE1, XZR)));
    assert_int_equal(which_page(r, rig_page(3)), 0xaa);
    assert_int_equal(which_page_stored(r, rig_page(3)), 0xaa);
    rig_map(r, 3, PAGE_B | PTE_PAGE);
    r->cpu->x[5] = operand;
    assert_true(rig_exec(r, word_sys(key, 5)));
    assert_int_equal(which_page(r, rig_page(3)), 0xbb);
    assert_int_equal(which_page_stored(r, rig_page(3)), 0xbb);
}

static void test_tlbi_of_every_scope_takes_effect_on_loads_and_stores(void **state)
{
    struct rig *r = *state;
    for (unsigned i = 0; i < ARRAY_LEN(tlbi_all); i++)
        check_tlbi(r, tlbi_all[i], 0);
    for (unsigned i = 0; i < ARRAY_LEN(tlbi_asid); i++)
        check_tlbi(r, tlbi_asid[i], ASID(0));
    for (unsigned i = 0; i < ARRAY_LEN(tlbi_va); i++)
        check_tlbi(r, tlbi_va[i], ASID(0) | rig_page(3) >> 12);
}

static void test_tlbi_takes_effect_on_fetches(void **state)
{
    struct rig *r = *state;
    const uint32_t a[] = {a64_encode_MOVZ(1, 0, 1, 0), a64_encode_RET(LR)};
    const uint32_t b2[] = {a64_encode_MOVZ(1, 0, 2, 0), a64_encode_RET(LR)};
    assert_true(mem_write(&r->vm.mem, PAGE_A, a, sizeof(a)));
    assert_true(mem_write(&r->vm.mem, PAGE_B, b2, sizeof(b2)));
    rig_map(r, 3, PAGE_A | PTE_PAGE);
    assert_int_equal(rig_call(r, rig_page(3)), 1);
    rig_map(r, 3, PAGE_B | PTE_PAGE);
    r->cpu->x[5] = rig_page(3) >> 12;
    assert_true(rig_exec(r, word_sys(tlbi_va[0], 5)));
    assert_int_equal(rig_call(r, rig_page(3)), 2);
}

static void test_forgetting_the_state_forgets_translations(void **state)
{
    struct rig *r = *state;
    rig_map(r, 3, PAGE_A | PTE_PAGE);
    assert_int_equal(which_page(r, rig_page(3)), 0xaa);
    rig_map(r, 3, PAGE_B | PTE_PAGE);
    vcpu_forget(r->v);
    assert_int_equal(which_page(r, rig_page(3)), 0xbb);
}

static void test_unmapped_page_needs_no_tlbi_to_be_mapped(void **state)
{
    struct rig *r = *state;
    r->cpu->x[1] = rig_page(3);
    assert_false(EXEC(r, LDR_i, 1, 0, 1, 0));
    assert_int_equal(rig_fsc(r), A64_FSC_TRANSLATION + 3);
    rig_map(r, 3, PAGE_A | PTE_PAGE);
    assert_int_equal(which_page(r, rig_page(3)), 0xaa);
}

/* A block is one TLB entry to the architecture: any address of it names all. */
static void test_tlbi_of_one_address_takes_a_whole_block(void **state)
{
    struct rig *r = *state;
    const uint64_t other = RIG_RAM + (4 << 20), block = RIG_WINDOW + (2 << 20);
    rig_poke(r, other + 0x5000, 8, UINT64_C(0xcc) << 56);
    rig_poke(r, other + 0x85000, 8, UINT64_C(0xcc) << 56);
    rig_poke(r, RIG_DATA + 0x5000, 8, UINT64_C(0xdd) << 56);
    rig_poke(r, RIG_DATA + 0x85000, 8, UINT64_C(0xdd) << 56);
    rig_poke(r, RIG_L2_WINDOW + 8, 8, RIG_DATA | PTE_BLOCK);
    assert_int_equal(which_page(r, block + 0x5000), 0xdd);
    assert_int_equal(which_page(r, block + 0x85000), 0xdd);
    rig_poke(r, RIG_L2_WINDOW + 8, 8, other | PTE_BLOCK);
    r->cpu->x[5] = (block + 0x1f0000) >> 12;
    assert_true(rig_exec(r, word_sys(tlbi_va[0], 5)));
    assert_int_equal(which_page(r, block + 0x5000), 0xcc);
    assert_int_equal(which_page(r, block + 0x85000), 0xcc);
}

/* With 64 KiB pages one entry is sixteen of the engine's pages. */
static void test_tlbi_takes_a_whole_64k_page(void **state)
{
    struct rig *r = *state;
    const uint64_t l2 = RIG_RAM + 0x100000, l3 = RIG_RAM + 0x110000, va = RIG_WINDOW + 0x30000;
    rig_poke(r, l2 + 8 * 2, 8, RIG_RAM | PTE_BLOCK); /* 512 MiB blocks: 0x40000000 is the third */
    rig_poke(r, l2 + 8 * 4, 8, l3 | 3);
    rig_poke(r, l3 + 8 * 3, 8, PAGE_A | PTE_PAGE);
    rig_poke(r, PAGE_A + 0xf000, 8, UINT64_C(0xa1) << 56);
    rig_poke(r, PAGE_B + 0xf000, 8, UINT64_C(0xb1) << 56);
    r->cpu->sys[A64_TCR_EL1] = 32 | 1 << 14 | BIT(23) | UINT64_C(5) << 32;
    r->cpu->sys[A64_TTBR0_EL1] = l2;
    assert_int_equal(which_page(r, va), 0xaa);
    assert_int_equal(which_page(r, va + 0xf000), 0xa1);
    rig_poke(r, l3 + 8 * 3, 8, PAGE_B | PTE_PAGE);
    r->cpu->x[5] = (va + 0x4000) >> 12;
    assert_true(rig_exec(r, word_sys(tlbi_va[0], 5)));
    assert_int_equal(which_page(r, va), 0xbb);
    assert_int_equal(which_page(r, va + 0xf000), 0xb1);
}

/* A second set of tables that maps the window's page 3 elsewhere. */
static void test_ttbr_switch_changes_what_is_accessed(void **state)
{
    struct rig *r = *state;
    const uint64_t l1 = RIG_RAM + 0x100000, l2 = l1 + 0x1000, l3 = l1 + 0x2000;
    rig_map(r, 3, PAGE_A | PTE_PAGE | PTE_NG);
    rig_poke(r, l1, 8, rig_peek(r, RIG_L1, 8));
    rig_poke(r, l1 + 8, 8, rig_peek(r, RIG_L1 + 8, 8));
    rig_poke(r, l1 + 16, 8, l2 | 3);
    rig_poke(r, l2, 8, l3 | 3);
    rig_poke(r, l3 + 24, 8, PAGE_B | PTE_PAGE | PTE_NG);
    for (unsigned i = 0; i < 4; i++) {
        r->cpu->x[5] = ASID(1) | RIG_L1;
        assert_true(rig_exec(r, word_msr(A64_TTBR0_EL1, 5)));
        assert_int_equal(which_page(r, rig_page(3)), 0xaa);
        assert_int_equal(which_page_stored(r, rig_page(3)), 0xaa);
        r->cpu->x[5] = ASID(2) | l1;
        assert_true(rig_exec(r, word_msr(A64_TTBR0_EL1, 5)));
        assert_int_equal(which_page(r, rig_page(3)), 0xbb);
        assert_int_equal(which_page_stored(r, rig_page(3)), 0xbb);
    }
}

/* ---- Privilege ---- */

static void assert_permission_fault(struct rig *r, uint64_t far, bool write)
{
    assert_int_equal(rig_ec(r), EC_DABT_SAME);
    assert_int_equal(rig_fsc(r), A64_FSC_PERMISSION + 3);
    assert_int_equal(rig_far(r), far);
    assert_int_equal(rig_wnr(r), write);
}

static void test_pan_blocks_and_unblocks_user_pages(void **state)
{
    struct rig *r = *state;
    const uint64_t va = rig_page(4);
    rig_map(r, 4, PAGE_A | PTE_PAGE | PTE_USER);
    for (unsigned i = 0; i < 2; i++) {
        r->cpu->pan = 0;
        assert_int_equal(which_page(r, va), 0xaa);
        assert_int_equal(which_page_stored(r, va), 0xaa);
        r->cpu->pan = 1;
        r->cpu->x[1] = va;
        assert_false(EXEC(r, LDR_i, 1, 0, 1, 0));
        assert_permission_fault(r, va, false);
        assert_int_equal(bit(r->cpu->sys[A64_SPSR_EL1], 22), 1);
        r->cpu->pan = 1;
        assert_false(EXEC(r, STR_i, 1, 0, 1, 0));
        assert_permission_fault(r, va, true);
        r->cpu->pan = 1;
        assert_true(EXEC(r, LDTR, 1, 0, 1, 0)); /* unprivileged: PAN does not apply */
        assert_true(EXEC(r, STTR, 1, 8, 1, 0));
    }
}

static void test_ldtr_and_sttr_have_the_permissions_of_el0(void **state)
{
    struct rig *r = *state;
    rig_map(r, 4, PAGE_A | PTE_PAGE);
    rig_map(r, 5, PAGE_B | PTE_PAGE | PTE_USER | PTE_READ_ONLY);
    r->cpu->x[1] = rig_page(4);
    assert_true(EXEC(r, LDR_i, 1, 0, 1, 0));
    assert_false(EXEC(r, LDTR, 1, 0, 1, 0));
    assert_permission_fault(r, rig_page(4), false);
    assert_false(EXEC(r, STTR, 1, 0, 1, 0));
    assert_permission_fault(r, rig_page(4), true);
    r->cpu->x[1] = rig_page(5);
    assert_true(EXEC(r, LDTRB, 0, 1, 0));
    assert_false(EXEC(r, STTRB, 0, 1, 0));
    assert_permission_fault(r, rig_page(5), true);
}

static void test_uao_makes_ldtr_an_ordinary_load(void **state)
{
    struct rig *r = *state;
    rig_map(r, 4, PAGE_A | PTE_PAGE);
    rig_map(r, 5, PAGE_B | PTE_PAGE | PTE_USER);
    r->cpu->uao = 1;
    r->cpu->x[1] = rig_page(4);
    assert_true(EXEC(r, LDTR, 1, 0, 1, 0));
    assert_true(EXEC(r, STTR, 1, 0, 1, 0));
    r->cpu->pan = 1;
    r->cpu->x[1] = rig_page(5);
    assert_false(EXEC(r, LDTR, 1, 0, 1, 0)); /* privileged now, so PAN applies */
    assert_permission_fault(r, rig_page(5), false);
}

/* ---- Page-crossing accesses ---- */

/* Page 10 is mapped to PAGE_A, page 11 is what the test says. */
static void check_second_page_faults(struct rig *r, uint32_t word, bool write)
{
    uint8_t before[4096];
    memcpy(before, rig_host(r, PAGE_A), sizeof(before));
    for (unsigned i = 2; i < 30; i++)
        r->cpu->x[i] = i * UINT64_C(0x0101010101010101);
    r->cpu->x[1] = rig_page(11) - 4;
    struct a64_cpu *old = malloc(sizeof(*old));
    assert_non_null(old);
    *old = *r->cpu;
    if (rig_exec(r, word))
        fail_msg("0x%08x: no exception", word);
    assert_int_equal(rig_ec(r), EC_DABT_SAME);
    assert_int_equal(rig_far(r), rig_page(11));
    assert_int_equal(rig_wnr(r), write);
    assert_memory_equal(old->x, r->cpu->x, sizeof(old->x));
    assert_memory_equal(old->v, r->cpu->v, sizeof(old->v));
    assert_memory_equal(before, rig_host(r, PAGE_A), sizeof(before));
    free(old);
}

static void test_fault_on_the_second_page_changes_nothing(void **state)
{
    struct rig *r = *state;
    const uint32_t loads[] = {
        a64_encode_LDR_i(1, 0, 1, 2),         a64_encode_LDR_post(1, 8, 1, 2),
        a64_encode_LDR_pre(1, 0, 1, 2),       a64_encode_LDP_off(0, 0, 3, 1, 2),
        a64_encode_LDP_post(1, 8, 3, 1, 2),   a64_encode_LDR_q_i(0, 1, 2),
        a64_encode_LDP_v_post(2, 8, 3, 1, 2), a64_encode_LD1_m4_post(1, 31, 0, 1, 2),
        a64_encode_LD4_m_post(1, 31, 2, 1, 2), a64_encode_LDTR(1, 0, 1, 2),
        a64_encode_LD2R_post(1, 31, 2, 1, 2),
    };
    const uint32_t stores[] = {
        a64_encode_STR_i(1, 0, 1, 2),         a64_encode_STR_post(1, 8, 1, 2),
        a64_encode_STR_pre(1, 0, 1, 2),       a64_encode_STP_off(0, 0, 3, 1, 2),
        a64_encode_STP_pre(1, 0, 3, 1, 2),    a64_encode_STR_q_i(0, 1, 2),
        a64_encode_STP_v_post(2, 8, 3, 1, 2), a64_encode_STTR(1, 0, 1, 2),
    };
    rig_map(r, 10, PAGE_A | PTE_PAGE | PTE_USER);
    for (unsigned warm = 0; warm < 2; warm++) {
        for (unsigned i = 0; i < ARRAY_LEN(loads); i++)
            check_second_page_faults(r, loads[i], false);
        for (unsigned i = 0; i < ARRAY_LEN(stores); i++)
            check_second_page_faults(r, stores[i], true);
        assert_int_equal(which_page_stored(r, rig_page(10)), 0xaa); /* translations are kept */
        rig_poke(r, PAGE_A + 0x808, 8, 0);
    }
    rig_map(r, 11, PAGE_B | PTE_PAGE | PTE_USER | PTE_READ_ONLY);
    for (unsigned i = 0; i < ARRAY_LEN(stores); i++)
        check_second_page_faults(r, stores[i], true);
    assert_int_equal(rig_fsc(r), A64_FSC_PERMISSION + 3);
}

/* Two virtual neighbours that are none physically. */
static void test_crossing_access_takes_each_part_from_its_page(void **state)
{
    struct rig *r = *state;
    rig_map(r, 10, PAGE_B | PTE_PAGE);
    rig_map(r, 11, PAGE_A | PTE_PAGE);
    for (unsigned i = 0; i < 2; i++) {
        r->cpu->x[1] = rig_page(11) - 3;
        assert_true(EXEC(r, LDR_i, 1, 0, 1, 0));
        assert_true(r->cpu->x[0] == 0xbb0000); /* three bytes of 0xbb...ff8, then 0xaa...000 */
        r->cpu->x[0] = UINT64_C(0x1122334455667788);
        assert_true(EXEC(r, STR_i, 1, 0, 1, 0));
        assert_int_equal(rig_peek(r, PAGE_B + 0xffd, 2), 0x7788);
        assert_int_equal(rig_peek(r, PAGE_B + 0xfff, 1), 0x66);
        assert_true(rig_peek(r, PAGE_A, 8) == UINT64_C(0xaa00001122334455));
        rig_poke(r, PAGE_B + 0xff8, 8, UINT64_C(0xbb00000000000ff8));
        rig_poke(r, PAGE_A, 8, UINT64_C(0xaa00000000000000));
    }
}

static void test_fault_on_the_first_page_reports_the_address(void **state)
{
    struct rig *r = *state;
    rig_map(r, 11, PAGE_A | PTE_PAGE);
    r->cpu->x[1] = rig_page(11) - 3;
    assert_false(EXEC(r, LDR_i, 1, 0, 1, 0));
    assert_int_equal(rig_far(r), rig_page(11) - 3);
}

/* ---- Alignment (B2.5.2, AArch64.UnalignedAccessFaults) ---- */

enum kind { PLAIN, ORDERED, ATOMIC };

static const struct aligned_case {
    enum kind kind;
    unsigned bytes, unit; /* of the access, of its alignment */
    uint32_t word;
} cases[] = {
    {PLAIN, 8, 8, 0xf9400022},   /* LDR X2, [X1] */
    {PLAIN, 4, 4, 0xb9000022},   /* STR W2, [X1] */
    {PLAIN, 2, 2, 0x79400022},   /* LDRH */
    {PLAIN, 1, 1, 0x39400022},   /* LDRB */
    {PLAIN, 16, 8, 0xa9400c22},  /* LDP X2, X3, [X1] */
    {PLAIN, 8, 4, 0x29000c22},   /* STP W2, W3, [X1] */
    {PLAIN, 16, 16, 0x3dc00022}, /* LDR Q2, [X1] */
    {PLAIN, 16, 4, 0x4c407822},  /* LD1 {V2.4S}, [X1] */
    {PLAIN, 8, 8, 0xf8400822},   /* LDTR X2, [X1] */
    {ORDERED, 8, 8, 0xc8dffc22}, /* LDAR X2, [X1] */
    {ORDERED, 4, 4, 0x889ffc22}, /* STLR W2, [X1] */
    {ORDERED, 2, 2, 0x48dffc22}, /* LDARH */
    {ORDERED, 8, 8, 0xf8bfc022}, /* LDAPR X2, [X1] */
    {ORDERED, 4, 4, 0x99400022}, /* LDAPUR W2, [X1] */
    {ORDERED, 8, 8, 0xd9000022}, /* STLUR X2, [X1] */
    {ATOMIC, 8, 8, 0xc85f7c22},  /* LDXR X2, [X1] */
    {ATOMIC, 4, 4, 0x885ffc22},  /* LDAXR W2, [X1] */
    {ATOMIC, 16, 16, 0xc87f0c22}, /* LDXP X2, X3, [X1] */
    {ATOMIC, 8, 8, 0x887f0c22},  /* LDXP W2, W3, [X1] */
    {ATOMIC, 8, 8, 0xf8230022},  /* LDADD X3, X2, [X1] */
    {ATOMIC, 2, 2, 0x78230022},  /* LDADDH */
    {ATOMIC, 4, 4, 0xb8238022},  /* SWP W3, W2, [X1] */
    {ATOMIC, 8, 8, 0xc8a47c22},  /* CAS X4, X2, [X1] */
    {ATOMIC, 16, 16, 0x48247c22}, /* CASP X4, X5, X2, X3, [X1] */
};

static bool fault_expected(const struct aligned_case *c, unsigned offset, bool a, bool naa,
                           bool lse2, bool device)
{
    if (offset % c->unit == 0)
        return false;
    bool within = offset % 16 + c->bytes <= 16;
    if (a || device)
        return true;
    if (c->kind == ATOMIC)
        return !lse2 || !within;
    if (c->kind == ORDERED)
        return !lse2 || (!naa && !within);
    return false;
}

static void check_alignment(struct rig *r, const struct aligned_case *c, bool a, bool naa,
                            bool lse2, bool device)
{
    uint64_t *sctlr = &r->cpu->sys[A64_SCTLR_EL1];
    *sctlr = (*sctlr & ~(SCTLR_A | SCTLR_NAA)) | (a ? SCTLR_A : 0) | (naa ? SCTLR_NAA : 0);
    a64_feature_set(&r->cpu->features, A64_FEAT_LSE2, lse2);
    for (unsigned offset = 0; offset < 32; offset++) {
        uint64_t va = rig_page(device ? 13 : 12) + 0x100 + offset;
        for (unsigned warm = 0; warm < 2; warm++) { /* without and with a translation kept */
            r->cpu->x[1] = va;
            bool ok = rig_exec(r, c->word);
            bool expected = fault_expected(c, offset, a, naa, lse2, device);
            if (ok == expected)
                fail_msg("0x%08x offset %u A %d nAA %d LSE2 %d device %d: fault %d", c->word,
                         offset, a, naa, lse2, device, !ok);
            if (ok)
                continue;
            assert_int_equal(rig_ec(r), EC_DABT_SAME);
            assert_int_equal(rig_fsc(r), A64_FSC_ALIGNMENT);
            assert_int_equal(rig_far(r), va);
        }
    }
}

static void test_alignment_rules(void **state)
{
    struct rig *r = *state;
    rig_map(r, 12, PAGE_A | PTE_PAGE | PTE_USER);
    rig_map(r, 13, PAGE_A | PTE_PAGE | PTE_USER | PTE_DEVICE); /* RAM as Device memory */
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        for (unsigned m = 0; m < 16; m++)
            check_alignment(r, &cases[i], bit(m, 0), bit(m, 1), bit(m, 2), bit(m, 3));
    }
}

/* What crosses 16 bytes is done when it is allowed, and as a whole. */
static void test_unaligned_atomic_within_16_bytes_adds(void **state)
{
    struct rig *r = *state;
    rig_map(r, 12, PAGE_A | PTE_PAGE);
    r->cpu->x[1] = rig_page(12) + 0x105;
    r->cpu->x[3] = UINT64_C(0x0100000000000001);
    rig_poke(r, PAGE_A + 0x105, 8, UINT64_C(0x00ffffffffffffff));
    assert_true(EXEC(r, LDADD, 1, 0, 0, 3, 1, 2));
    assert_true(r->cpu->x[2] == UINT64_C(0x00ffffffffffffff));
    assert_true(rig_peek(r, PAGE_A + 0x105, 8) == UINT64_C(0x0200000000000000));
    assert_true(EXEC(r, LDXR, 1, 1, 2));
    r->cpu->x[3] = 7;
    assert_true(EXEC(r, STXR, 1, 4, 1, 3));
    assert_int_equal(r->cpu->x[4], 0);
    assert_int_equal(rig_peek(r, PAGE_A + 0x105, 8), 7);
}

static void test_translation_fault_goes_before_a_device_alignment_fault(void **state)
{
    struct rig *r = *state;
    r->cpu->x[1] = rig_page(20) + 1;
    assert_false(EXEC(r, LDR_i, 1, 0, 1, 0));
    assert_int_equal(rig_fsc(r), A64_FSC_TRANSLATION + 3);
    r->cpu->sys[A64_SCTLR_EL1] |= SCTLR_A; /* but one that SCTLR.A makes goes before translation */
    assert_false(EXEC(r, LDR_i, 1, 0, 1, 0));
    assert_int_equal(rig_fsc(r), A64_FSC_ALIGNMENT);
}

/* ---- Devices and nothing ---- */

static void check_device(struct rig *r, uint64_t at, uint32_t word, unsigned count, unsigned size,
                         bool write)
{
    r->device.count = 0;
    r->cpu->x[1] = RIG_DEVICE + at;
    assert_true(rig_exec(r, word));
    if (r->device.count != count)
        fail_msg("0x%08x: %u accesses", word, r->device.count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(r->device.log[i].offset, at + i * size);
        assert_int_equal(r->device.log[i].size, size);
        assert_int_equal(r->device.log[i].write, write);
        assert_true(!write || r->device.log[i].value == (r->cpu->x[2 + i] & MASK(8 * size)));
    }
}

static void test_accesses_reach_a_device_with_their_size_and_offset(void **state)
{
    struct rig *r = *state;
    r->cpu->x[2] = UINT64_C(0x0123456789abcdef);
    r->cpu->x[3] = UINT64_C(0x1122334455667788);
    r->cpu->v[2].d[0] = r->cpu->x[2];
    r->cpu->v[2].d[1] = r->cpu->x[3];
    check_device(r, 7, a64_encode_STRB_i(0, 1, 2), 1, 1, true);
    check_device(r, 6, a64_encode_STRH_i(0, 1, 2), 1, 2, true);
    check_device(r, 4, a64_encode_STR_i(0, 0, 1, 2), 1, 4, true);
    check_device(r, 8, a64_encode_STR_i(1, 0, 1, 2), 1, 8, true);
    check_device(r, 8, a64_encode_STLR(1, 1, 2), 1, 8, true);
    check_device(r, 4, a64_encode_STP_off(0, 0, 3, 1, 2), 2, 4, true);
    check_device(r, 8, a64_encode_STP_off(1, 0, 3, 1, 2), 2, 8, true);
    check_device(r, 16, a64_encode_STR_q_i(0, 1, 2), 2, 8, true);
    check_device(r, 3, a64_encode_LDRB_i(0, 1, 4), 1, 1, false);
    assert_int_equal(r->cpu->x[4], 0x11);
    check_device(r, 2, a64_encode_LDRSH_x_i(0, 1, 4), 1, 2, false);
    check_device(r, 4, a64_encode_LDRSW_i(0, 1, 4), 1, 4, false);
    assert_int_equal(r->cpu->x[4], 0x44332211);
    check_device(r, 0, a64_encode_LDR_i(1, 0, 1, 4), 1, 8, false);
    assert_true(r->cpu->x[4] == UINT64_C(0x8877665544332211));
    check_device(r, 4, a64_encode_LDAR(0, 1, 4), 1, 4, false);
    check_device(r, 8, a64_encode_LDP_off(1, 0, 5, 1, 4), 2, 8, false);
    check_device(r, 16, a64_encode_LDR_q_i(0, 1, 4), 2, 8, false);
    assert_true(r->cpu->v[4].d[1] == UINT64_C(0x8877665544332211));
}

static void test_access_to_nothing_is_an_external_abort(void **state)
{
    struct rig *r = *state;
    r->cpu->x[1] = RIG_NOTHING + 8;
    r->cpu->x[2] = 5;
    assert_false(EXEC(r, LDR_i, 1, 0, 1, 2));
    assert_int_equal(rig_ec(r), EC_DABT_SAME);
    assert_int_equal(rig_fsc(r), A64_FSC_EXTERNAL);
    assert_int_equal(rig_far(r), RIG_NOTHING + 8);
    assert_false(rig_wnr(r));
    assert_int_equal(r->cpu->x[2], 5);
    assert_false(EXEC(r, STP_pre, 1, 2, 2, 1, 3));
    assert_int_equal(rig_fsc(r), A64_FSC_EXTERNAL);
    assert_int_equal(rig_far(r), RIG_NOTHING + 24);
    assert_true(rig_wnr(r));
    assert_int_equal(r->cpu->x[1], RIG_NOTHING + 8);
    r->cpu->pc = RIG_NOTHING; /* and a fetch */
    assert_false(rig_run(r));
    assert_int_equal(rig_ec(r), EC_IABT_SAME);
    assert_int_equal(rig_fsc(r), A64_FSC_EXTERNAL);
}

static void test_access_off_the_end_of_a_device_is_an_external_abort(void **state)
{
    struct rig *r = *state;
    r->cpu->x[1] = RIG_DEVICE + 0xff8;
    assert_false(EXEC(r, LDP_off, 1, 0, 3, 1, 2)); /* the second element */
    assert_int_equal(rig_fsc(r), A64_FSC_EXTERNAL);
    assert_int_equal(rig_far(r), RIG_DEVICE + 0x1000);
}

static void test_atomic_access_to_a_device_is_unsupported(void **state)
{
    struct rig *r = *state;
    const uint32_t words[] = {
        a64_encode_LDADD(0, 0, 0, 3, 1, 2), a64_encode_CAS(1, 0, 3, 0, 1, 2),
        a64_encode_SWP(0, 0, 0, 3, 1, 2),   a64_encode_LDXR(0, 1, 2),
        a64_encode_LDAXR(1, 1, 2),          a64_encode_CASP(1, 0, 4, 0, 1, 2),
    };
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        r->cpu->x[1] = RIG_DEVICE;
        assert_false(rig_exec(r, words[i]));
        assert_int_equal(rig_ec(r), EC_DABT_SAME);
        assert_int_equal(rig_fsc(r), A64_FSC_UNSUPPORTED_ATOMIC);
        assert_int_equal(rig_far(r), RIG_DEVICE);
    }
    assert_int_equal(r->device.count, 0);
}

/* The interrupts and timers that a write to a device changes are looked at before the next
 * instruction, also in straight-line code. */
static void stop_on_write(struct rig *r, const struct rig_access *a)
{
    if (a->write)
        vcpu_request(r->v, VCPU_REQ_STOP);
}

static void test_device_write_ends_the_run_when_it_asks_to(void **state)
{
    struct rig *r = *state;
    struct code c = {0};
    I(&c, STR_i, 0, 0, 1, 2);
    for (unsigned i = 0; i < 10; i++)
        I(&c, NOP);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    r->device.on_access = stop_on_write;
    r->cpu->x[1] = RIG_DEVICE;
    r->cpu->x[LR] = RIG_RETURN;
    r->cpu->pc = RIG_CODE;
    atomic_store(&r->cpu->request, 0);
    assert_int_equal(r->v->engine->run(r->v, 1000), A64_EXIT_REQUEST);
    assert_int_equal(r->cpu->pc, RIG_CODE + 4);
}

/* ---- Syndromes ---- */

static void test_wnr_of_atomics_is_0_where_a_read_would_fault(void **state)
{
    struct rig *r = *state;
    const uint32_t words[] = {
        a64_encode_LDADD(0, 0, 0, 3, 1, 2),
        a64_encode_CAS(1, 0, 3, 0, 1, 2),
        a64_encode_SWP(1, 1, 1, 3, 1, 2),
    };
    rig_map(r, 14, PAGE_A | PTE_PAGE | PTE_READ_ONLY);
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        r->cpu->x[1] = rig_page(15);
        assert_false(rig_exec(r, words[i]));
        assert_int_equal(rig_fsc(r), A64_FSC_TRANSLATION + 3);
        assert_false(rig_wnr(r));
        r->cpu->x[1] = rig_page(14) + 13; /* was reported as a write */
        assert_false(rig_exec(r, words[i]));
        assert_int_equal(rig_fsc(r), A64_FSC_ALIGNMENT);
        assert_false(rig_wnr(r));
        r->cpu->x[1] = rig_page(14);
        assert_false(rig_exec(r, words[i]));
        assert_permission_fault(r, rig_page(14), true);
    }
    /* A store-exclusive only writes. */
    assert_true(EXEC(r, LDXR, 1, 1, 2));
    assert_false(EXEC(r, STXR, 1, 4, 1, 3));
    assert_permission_fault(r, rig_page(14), true);
}

static void test_far_has_the_tag_of_a_tagged_address(void **state)
{
    struct rig *r = *state;
    const uint64_t tag = UINT64_C(0x5a) << 56;
    r->cpu->sys[A64_TCR_EL1] |= BIT(37); /* TBI0 */
    r->v->engine->context_changed(r->v);
    rig_map(r, 12, PAGE_A | PTE_PAGE);
    assert_int_equal(which_page(r, tag | rig_page(12)), 0xaa);
    assert_int_equal(which_page_stored(r, tag | rig_page(12)), 0xaa);
    r->cpu->x[1] = tag | rig_page(20);
    assert_false(EXEC(r, LDR_i, 1, 1, 1, 0));
    assert_true(rig_far(r) == (tag | (rig_page(20) + 8)));
    r->cpu->x[1] = tag | (rig_page(13) - 4);
    assert_false(EXEC(r, STR_i, 1, 0, 1, 0));
    assert_true(rig_far(r) == (tag | rig_page(13)));
}

static void test_far_of_dc_zva_is_the_register_not_the_block(void **state)
{
    struct rig *r = *state;
    r->cpu->x[1] = rig_page(20) + 0x7b;
    assert_false(rig_exec(r, word_sys(SYS_DC_ZVA, 1)));
    assert_int_equal(rig_fsc(r), A64_FSC_TRANSLATION + 3);
    assert_int_equal(rig_far(r), rig_page(20) + 0x7b);
    assert_true(rig_wnr(r));
    r->cpu->x[1] = RIG_DEVICE + 0x40;
    assert_false(rig_exec(r, word_sys(SYS_DC_ZVA, 1)));
    assert_int_equal(rig_fsc(r), A64_FSC_ALIGNMENT);
    rig_map(r, 12, PAGE_A | PTE_PAGE);
    rig_poke(r, PAGE_A + 0x38, 8, 1);
    rig_poke(r, PAGE_A + 0x80, 8, 2);
    r->cpu->x[1] = rig_page(12) + 0x7b;
    assert_true(rig_exec(r, word_sys(SYS_DC_ZVA, 1)));
    static const uint8_t zeros[64];
    assert_memory_equal(rig_host(r, PAGE_A + 0x40), zeros, sizeof(zeros));
    assert_int_equal(rig_peek(r, PAGE_A + 0x38, 8), 1);
    assert_int_equal(rig_peek(r, PAGE_A + 0x80, 8), 2);
}

/* ---- Watchpoints ---- */

/* Watches `bytes` bytes at an address in a doubleword, for loads and stores at EL1. */
static void watch(struct rig *r, uint64_t va, unsigned bytes)
{
    uint64_t bas = MASK(bytes) << va % 8;
    r->cpu->sys[A64_OSLSR_EL1] &= ~BIT(1);
    r->cpu->sys[A64_MDSCR_EL1] |= BIT(13) | BIT(15); /* KDE, MDE */
    r->cpu->sys[A64_DBGWVR0_EL1] = va & ~UINT64_C(7);
    r->cpu->sys[A64_DBGWCR0_EL1] = bas << 5 | 3 << 3 | 1 << 1 | 1; /* LSC, PAC = EL1, E */
    r->cpu->daif &= ~PSTATE_D;
    r->v->engine->context_changed(r->v);
}

static void check_watch(struct rig *r, uint64_t va, uint32_t word, bool hit)
{
    r->cpu->x[1] = va;
    r->cpu->daif &= ~PSTATE_D;
    uint64_t a = rig_peek(r, PAGE_A + 0xff8, 8), b2 = rig_peek(r, PAGE_B, 8);
    bool ok = rig_exec(r, word);
    assert_int_equal(!ok, hit);
    if (!hit)
        return;
    assert_int_equal(rig_ec(r), EC_WATCHPOINT_SAME);
    assert_int_equal(rig_fsc(r), A64_FSC_DEBUG);
    assert_int_equal(r->cpu->sys[A64_ELR_EL1], RIG_SCRATCH);
    assert_true(rig_peek(r, PAGE_A + 0xff8, 8) == a && rig_peek(r, PAGE_B, 8) == b2);
}

static void test_watchpoints_see_page_crossing_accesses(void **state)
{
    struct rig *r = *state;
    const uint64_t edge = rig_page(17);
    const uint32_t str = a64_encode_STR_i(1, 0, 1, 2), ldr = a64_encode_LDR_i(1, 0, 1, 3);
    rig_map(r, 16, PAGE_A | PTE_PAGE);
    rig_map(r, 17, PAGE_B | PTE_PAGE);
    r->cpu->x[2] = 0x12345678;
    assert_int_equal(which_page_stored(r, rig_page(16)), 0xaa); /* translations without a watch */
    assert_int_equal(which_page_stored(r, rig_page(17)), 0xbb);
    watch(r, edge, 1); /* the first byte of the second page */
    check_watch(r, edge - 4, str, true);
    assert_int_equal(rig_far(r), edge);
    check_watch(r, edge - 4, ldr, true);
    check_watch(r, edge - 8, str, false);
    check_watch(r, edge - 12, a64_encode_STP_off(0, 1, 2, 1, 2), false); /* ends at the edge */
    check_watch(r, edge - 8, a64_encode_STP_off(1, 0, 2, 1, 2), true);
    check_watch(r, edge + 1, a64_encode_STRB_i(0, 1, 2), false);
    watch(r, edge - 1, 1); /* the last byte of the first page */
    check_watch(r, edge - 4, str, true);
    check_watch(r, edge, str, false);
    check_watch(r, edge - 8, a64_encode_LDP_off(1, 0, 3, 1, 2), true);
    check_watch(r, edge - 0x40, word_sys(SYS_DC_ZVA, 1), true);
    check_watch(r, edge - 1, a64_encode_LDADDB(0, 0, 2, 1, 3), true);
    check_watch(r, edge - 1, a64_encode_LDXRB(1, 3), true);
}

static void test_watchpoint_that_is_switched_off_is_silent(void **state)
{
    struct rig *r = *state;
    rig_map(r, 16, PAGE_A | PTE_PAGE);
    watch(r, rig_page(16) + 0xff8, 8);
    check_watch(r, rig_page(16) + 0xff8, a64_encode_STR_i(1, 0, 1, 2), true);
    r->cpu->x[5] = 0;
    assert_true(rig_exec(r, word_msr(A64_DBGWCR0_EL1, 5)));
    check_watch(r, rig_page(16) + 0xff8, a64_encode_STR_i(1, 0, 1, 2), false);
    r->cpu->x[5] = UINT64_C(0xff) << 5 | 3 << 3 | 1 << 1 | 1;
    assert_true(rig_exec(r, word_msr(A64_DBGWCR0_EL1, 5)));
    check_watch(r, rig_page(16) + 0xff8, a64_encode_STR_i(1, 0, 1, 2), true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_tlbi_of_every_scope_takes_effect_on_loads_and_stores),
        TEST(test_tlbi_takes_effect_on_fetches),
        TEST(test_forgetting_the_state_forgets_translations),
        TEST(test_unmapped_page_needs_no_tlbi_to_be_mapped),
        TEST(test_tlbi_of_one_address_takes_a_whole_block),
        TEST(test_tlbi_takes_a_whole_64k_page),
        TEST(test_ttbr_switch_changes_what_is_accessed),
        TEST(test_pan_blocks_and_unblocks_user_pages),
        TEST(test_ldtr_and_sttr_have_the_permissions_of_el0),
        TEST(test_uao_makes_ldtr_an_ordinary_load),
        TEST(test_fault_on_the_second_page_changes_nothing),
        TEST(test_crossing_access_takes_each_part_from_its_page),
        TEST(test_fault_on_the_first_page_reports_the_address),
        TEST(test_alignment_rules),
        TEST(test_unaligned_atomic_within_16_bytes_adds),
        TEST(test_translation_fault_goes_before_a_device_alignment_fault),
        TEST(test_accesses_reach_a_device_with_their_size_and_offset),
        TEST(test_access_to_nothing_is_an_external_abort),
        TEST(test_access_off_the_end_of_a_device_is_an_external_abort),
        TEST(test_atomic_access_to_a_device_is_unsupported),
        TEST(test_device_write_ends_the_run_when_it_asks_to),
        TEST(test_wnr_of_atomics_is_0_where_a_read_would_fault),
        TEST(test_far_has_the_tag_of_a_tagged_address),
        TEST(test_far_of_dc_zva_is_the_register_not_the_block),
        TEST(test_watchpoints_see_page_crossing_accesses),
        TEST(test_watchpoint_that_is_switched_off_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
