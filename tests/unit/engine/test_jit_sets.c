/* engine/jit/jit_tlb.c: what translation sets keep over changes of context, and what they must
 * not. */
#include "jit_rig.h"

#define ASID(n) ((uint64_t)(n) << 48)
#define SECOND_L1 (RIG_RAM + 0x5000) /* tables of another process */
#define SECOND_L2 (RIG_RAM + 0x6000)
#define SECOND_L3 (RIG_RAM + 0x7000)
#define USER_PAGE (PTE_PAGE | PTE_USER | PTE_NG)

static int set_up(void **state)
{
    struct rig *r = jit_rig_create(&(struct engine_config){0});
    rig_poke(r, SECOND_L1, 8, PTE_BLOCK | PTE_DEVICE);
    rig_poke(r, SECOND_L1 + 8, 8, RIG_L2_RAM | 3);
    rig_poke(r, SECOND_L1 + 16, 8, SECOND_L2 | 3);
    rig_poke(r, SECOND_L2, 8, SECOND_L3 | 3);
    *state = r;
    return 0;
}

/* The program of a process: X0 = [X2], [X2] = X1. It is at the same address in both. */
static void place_user(struct rig *r)
{
    struct code c = {0};
    I(&c, LDR_i, 1, 0, 2, 0);
    I(&c, STR_i, 1, 0, 2, 1);
    I(&c, SVC, 0);
    rig_place(r, RIG_CODE, &c);
    for (unsigned n = 0; n < 2; n++) {
        uint64_t l3 = n ? SECOND_L3 : RIG_L3_WINDOW;
        rig_poke(r, l3, 8, RIG_CODE | USER_PAGE | PTE_READ_ONLY);
        rig_poke(r, l3 + 8, 8, (RIG_DATA + 0x1000 * n) | USER_PAGE);
    }
}

/* Runs it as process n, 0 or 1; what it loaded. */
static uint64_t run_user(struct rig *r, unsigned n, uint64_t store)
{
    struct a64_cpu *cpu = r->cpu;
    cpu->sys[A64_TTBR0_EL1] = (n ? SECOND_L1 : RIG_L1) | ASID(n + 1);
    cpu->el = 0;
    cpu->spsel = 0;
    cpu->x[1] = store;
    cpu->x[2] = rig_page(1);
    cpu->pc = rig_page(0);
    r->v->engine->context_changed(r->v);
    assert_false(rig_run(r));
    assert_int_equal(rig_ec(r), EC_SVC64);
    return cpu->x[0];
}

static void test_switching_processes_drops_nothing(void **state)
{
    struct rig *r = *state;
    place_user(r);
    rig_poke(r, RIG_DATA, 8, 100);
    rig_poke(r, RIG_DATA + 0x1000, 8, 200);
    assert_int_equal(run_user(r, 0, 101), 100);
    assert_int_equal(run_user(r, 1, 201), 200);
    const struct jit_stats before = jit(r)->stat;
    for (uint64_t n = 1; n < 20; n++) {
        assert_int_equal(run_user(r, 0, 101 + n), 100 + n);
        assert_int_equal(run_user(r, 1, 201 + n), 200 + n);
    }
    assert_int_equal(jit(r)->stat.fills, before.fills);
    assert_int_equal(jit(r)->stat.flushes, before.flushes);
    assert_int_equal(jit(r)->stat.blocks, before.blocks);
}

static void test_more_processes_than_sets_all_run(void **state)
{
    struct rig *r = *state;
    place_user(r);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned n = 0; n < JIT_SPACES + 3; n++) {
            struct a64_cpu *cpu = r->cpu;
            (void)run_user(r, n & 1, n);
            cpu->sys[A64_TTBR0_EL1] = (n & 1 ? SECOND_L1 : RIG_L1) | ASID(n + 10);
            cpu->el = 0;
            cpu->spsel = 0;
            cpu->x[1] = 1000 + n;
            cpu->pc = rig_page(0);
            r->v->engine->context_changed(r->v);
            assert_false(rig_run(r));
            assert_int_equal(cpu->x[0], n);
        }
    }
}

static void tlbi(struct rig *r, enum a64_tlbi_scope scope, unsigned asid, uint64_t va)
{
    const struct a64_tlbi op = {.scope = scope, .el = 1, .asid = (uint16_t)asid, .va = va};
    r->v->engine->tlbi(r->v, &op);
}

/* Process 0's data page moves; each kind of TLBI that concerns it must make that visible. */
static void test_each_kind_of_tlbi_removes_the_entry(void **state)
{
    struct rig *r = *state;
    static const struct {
        enum a64_tlbi_scope scope;
        unsigned asid;
    } kinds[] = {
        {A64_TLBI_ALL, 0}, {A64_TLBI_ASID, 1}, {A64_TLBI_VA, 1}, {A64_TLBI_VA_ALL_ASID, 0},
    };
    place_user(r);
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        uint64_t here = RIG_DATA + 0x10000 * (i & 1), there = RIG_DATA + 0x10000 * !(i & 1);
        rig_poke(r, RIG_L3_WINDOW + 8, 8, here | USER_PAGE);
        tlbi(r, A64_TLBI_ALL, 0, 0);
        rig_poke(r, here, 8, 1);
        assert_int_equal(run_user(r, 0, 2), 1);
        assert_int_equal(run_user(r, 0, 3), 2);
        rig_poke(r, there, 8, 77);
        rig_poke(r, RIG_L3_WINDOW + 8, 8, there | USER_PAGE);
        tlbi(r, kinds[i].scope, kinds[i].asid, rig_page(1));
        if (run_user(r, 0, 4) != 77)
            fail_msg("kind %u left the entry", i);
        assert_int_equal(rig_peek(r, here, 8), 3);
        assert_int_equal(rig_peek(r, there, 8), 4);
    }
}

static void test_tlbi_of_another_asid_keeps_the_entry(void **state)
{
    struct rig *r = *state;
    place_user(r);
    (void)run_user(r, 0, 1);
    uint64_t fills = jit(r)->stat.fills;
    tlbi(r, A64_TLBI_ASID, 9, 0);
    tlbi(r, A64_TLBI_VA, 9, rig_page(1));
    tlbi(r, A64_TLBI_VA_ALL_ASID, 0, rig_page(5));
    (void)run_user(r, 0, 2);
    assert_int_equal(jit(r)->stat.fills, fills);
}

/* TLBI of one address in a block removes what was entered for all of it. */
static void test_tlbi_in_a_block_removes_all_of_it(void **state)
{
    struct rig *r = *state;
    uint64_t far = RIG_DATA + 0x100000, entry = RIG_L2_RAM + 8; /* the second 2 MiB */
    rig_poke(r, RIG_RAM + 0x400000 + 0x100000, 8, 77);
    r->cpu->x[2] = far;
    assert_true(EXEC(r, LDR_i, 1, 0, 2, 3));
    assert_int_equal(r->cpu->x[3], 0);
    rig_poke(r, entry, 8, (RIG_RAM + 0x400000) | PTE_BLOCK);
    tlbi(r, A64_TLBI_VA_ALL_ASID, 0, RIG_DATA);
    assert_true(EXEC(r, LDR_i, 1, 0, 2, 3));
    assert_int_equal(r->cpu->x[3], 77);
}

/* Code too: the same address, another page. */
static void test_moved_code_is_executed_after_tlbi(void **state)
{
    struct rig *r = *state;
    for (unsigned n = 1; n < 5; n++) {
        struct code c = {0};
        I(&c, MOVZ, 1, 0, n, 0);
        I(&c, RET, LR);
        rig_place(r, RIG_CODE + 0x1000 * n, &c);
        rig_map(r, 3, (RIG_CODE + 0x1000 * n) | PTE_PAGE);
        tlbi(r, n & 1 ? A64_TLBI_VA : A64_TLBI_VA_ALL_ASID, 0, rig_page(3));
        for (unsigned again = 0; again < 3; again++)
            assert_int_equal(rig_call(r, rig_page(3)), n);
    }
    assert_true(jit(r)->stat.flushes < 10);
}

/* EL1's entries of the lower half are those of the present process. */
static void test_el1_sees_the_lower_half_of_the_present_process(void **state)
{
    struct rig *r = *state;
    place_user(r);
    rig_poke(r, RIG_DATA, 8, 100);
    rig_poke(r, RIG_DATA + 0x1000, 8, 200);
    for (unsigned n = 0; n < 6; n++) {
        r->cpu->sys[A64_TTBR0_EL1] = (n & 1 ? SECOND_L1 : RIG_L1) | ASID(1 + (n & 1));
        r->v->engine->context_changed(r->v);
        r->cpu->x[2] = rig_page(1);
        assert_true(EXEC(r, LDR_i, 1, 0, 2, 3));
        assert_int_equal(r->cpu->x[3], n & 1 ? 200 : 100);
    }
}

static void test_pan_hides_what_was_entered_without_it(void **state)
{
    struct rig *r = *state;
    place_user(r);
    r->cpu->x[2] = rig_page(1);
    for (unsigned n = 0; n < 4; n++) {
        r->cpu->pan = n & 1;
        assert_true(EXEC(r, LDR_i, 1, 0, 2, 3) == !(n & 1));
        r->cpu->pan = n & 1;
        assert_true(EXEC(r, LDTR, 1, 0, 2, 3)); /* as EL0: PAN is nothing to it */
        r->cpu->pan = 0;
        r->cpu->x[2] = RIG_DATA; /* EL1's own */
        assert_false(EXEC(r, LDTR, 1, 0, 2, 3));
        r->cpu->x[2] = rig_page(1);
    }
}

/* A page that was stored to is translated: the store entry must go, under every address. */
static void test_first_translation_drops_store_entries(void **state)
{
    struct rig *r = *state;
    uint64_t page = RIG_DATA + 0x20000;
    struct code c = {0};
    I(&c, MOVZ, 1, 0, 1, 0);
    I(&c, RET, LR);
    rig_map(r, 4, page | PTE_PAGE);
    rig_map(r, 5, page | PTE_PAGE);
    const uint64_t places[] = {page, rig_page(4), rig_page(5)};
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        r->cpu->x[2] = places[i] + 0x800;
        assert_true(EXEC(r, STR_i, 1, 0, 2, 2));
    }
    rig_place(r, page, &c);
    assert_int_equal(rig_call(r, page), 1);
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        r->cpu->x[2] = places[i];
        r->cpu->x[3] = a64_encode_MOVZ(1, 0, i + 2, 0);
        assert_true(EXEC(r, STR_i, 0, 0, 2, 3));
        assert_int_equal(rig_call(r, page), i + 2);
    }
}

/* ---- The second way: RAM and the window are at the same places of a set ---- */

#define RIVAL(n) (RIG_RAM + 0x1000 * (uint64_t)(n)) /* of rig_page(n) */

/* X0 = [X1] + [X2]; [X1] = X3; [X2, #8] = X3 */
static void place_rivals(struct rig *r)
{
    struct code c = {0};
    I(&c, LDR_i, 1, 0, 1, 0);
    I(&c, LDR_i, 1, 0, 2, 4);
    I(&c, ADD_s, 1, 0, 4, 0, 0, 0);
    I(&c, STR_i, 1, 0, 1, 3);
    I(&c, STR_i, 1, 1, 2, 3);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    rig_map(r, 300, RIG_DATA | PTE_PAGE);
    r->cpu->x[1] = rig_page(300);
    r->cpu->x[2] = RIVAL(300);
    r->cpu->x[3] = 7;
}

static void test_two_pages_of_one_place_stay(void **state)
{
    struct rig *r = *state;
    place_rivals(r);
    (void)rig_call(r, RIG_CODE);
    rig_poke(r, RIVAL(300), 8, 30);
    (void)rig_call(r, RIG_CODE);
    uint64_t fills = jit(r)->stat.fills;
    for (unsigned n = 0; n < 10; n++)
        assert_int_equal(rig_call(r, RIG_CODE), 37);
    assert_int_equal(jit(r)->stat.fills, fills);
    assert_int_equal(rig_peek(r, RIG_DATA, 8), 7);
    assert_int_equal(rig_peek(r, RIVAL(300) + 8, 8), 7);
}

/* Whichever of the two was used last. */
static void test_tlbi_removes_the_second_way_too(void **state)
{
    struct rig *r = *state;
    for (unsigned kind = 0; kind < 4; kind++) {
        static const enum a64_tlbi_scope scope[] = {A64_TLBI_VA_ALL_ASID, A64_TLBI_ALL};
        uint64_t other = RIG_DATA + 0x10000 * (kind + 1);
        place_rivals(r);
        tlbi(r, A64_TLBI_ALL, 0, 0);
        (void)rig_call(r, RIG_CODE);
        if (kind & 1) { /* now the window's is used last */
            r->cpu->x[1] = RIVAL(300);
            r->cpu->x[2] = rig_page(300);
            (void)rig_call(r, RIG_CODE);
        }
        rig_poke(r, other, 8, 1000);
        rig_map(r, 300, other | PTE_PAGE);
        tlbi(r, scope[kind / 2], 0, rig_page(300));
        rig_poke(r, RIVAL(300), 8, 1);
        assert_int_equal(rig_call(r, RIG_CODE), 1001);
        assert_int_equal(rig_peek(r, other + (kind & 1 ? 8 : 0), 8), 7);
    }
}

/* A page's first translation drops its store entry wherever that is. */
static void test_code_is_not_stored_over_by_the_second_way(void **state)
{
    struct rig *r = *state;
    struct code f = {0};
    I(&f, MOVZ, 1, 0, 1, 0);
    I(&f, RET, LR);
    for (unsigned kind = 0; kind < 2; kind++) {
        place_rivals(r);
        rig_place(r, RIG_DATA + 8 * kind, &f);
        tlbi(r, A64_TLBI_ALL, 0, 0);
        r->cpu->x[3] = f.w[0] | (uint64_t)f.w[1] << 32;
        if (kind) {
            r->cpu->x[1] = RIVAL(300);
            r->cpu->x[2] = rig_page(300);
        }
        (void)rig_call(r, RIG_CODE); /* both have store entries */
        assert_int_equal(rig_call(r, RIG_DATA + 8 * kind), 1);
        r->cpu->x[1] = kind ? RIVAL(300) : rig_page(300);
        r->cpu->x[2] = kind ? rig_page(300) : RIVAL(300);
        r->cpu->x[3] = a64_encode_MOVZ(1, 0, 2, 0) | (uint64_t)f.w[1] << 32;
        (void)rig_call(r, RIG_CODE);
        assert_int_equal(rig_call(r, RIG_DATA + 8 * kind), 2);
    }
}

/* The first of a group is a load, and there are stores: the entry for stores is asked for. */
static void test_a_group_finds_its_store_entry_in_the_second_way(void **state)
{
    struct rig *r = *state;
    struct code c = {0};
    for (unsigned n = 1; n < 3; n++) {
        I(&c, LDR_i, 1, 0, n, 4);
        I(&c, STR_i, 1, 1, n, 4);
    }
    I(&c, RET, LR);
    place_rivals(r);
    rig_place(r, RIG_CODE, &c);
    rig_poke(r, RIG_DATA, 8, 5);
    rig_poke(r, RIVAL(300), 8, 6);
    (void)rig_call(r, RIG_CODE);
    uint64_t fills = jit(r)->stat.fills;
    for (unsigned n = 0; n < 5; n++)
        (void)rig_call(r, RIG_CODE);
    assert_int_equal(jit(r)->stat.fills, fills);
    assert_int_equal(jit(r)->stat.ungrouped, 0);
    assert_int_equal(rig_peek(r, RIG_DATA + 8, 8), 5);
    assert_int_equal(rig_peek(r, RIVAL(300) + 8, 8), 6);
    /* Read-only: there is an entry for loads, which is not what the group needs. */
    rig_map(r, 300, RIG_DATA | PTE_PAGE | PTE_READ_ONLY);
    tlbi(r, A64_TLBI_VA_ALL_ASID, 0, rig_page(300));
    for (unsigned n = 0; n < 4; n++) {
        r->cpu->pc = RIG_CODE;
        assert_false(rig_run(r));
        assert_int_equal(rig_far(r), rig_page(300) + 8);
        r->cpu->x[2] = RIVAL(300);
        r->cpu->x[1] = RIVAL(300);
        (void)rig_call(r, RIG_CODE);
        r->cpu->x[1] = rig_page(300);
    }
}

/* ---- Loads from two pages ---- */

/* X1 + n: the last bytes of page 0 of the window and the first of page 1, which lie apart. */
static void place_loads(struct rig *r)
{
    struct code c = {0};
    I(&c, LDR_i, 1, 0, 1, 3);
    I(&c, LDRSW_i, 0, 1, 4);
    I(&c, LDP_off, 1, 0, 6, 1, 5);
    I(&c, LDR_q_i, 0, 1, 0);
    I(&c, LDP_v_off, 2, 0, 2, 1, 1);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    rig_map(r, 0, RIG_DATA | PTE_PAGE);
    rig_map(r, 1, (RIG_DATA + 0x10000) | PTE_PAGE);
    for (unsigned n = 0; n < 32; n++) {
        rig_poke(r, RIG_DATA + 0x1000 - 32 + n, 1, 0x80 + n);
        rig_poke(r, RIG_DATA + 0x10000 + n, 1, 0xa0 + n);
    }
}

static void test_loads_from_two_pages_are_put_together(void **state)
{
    struct rig *r = *state;
    place_loads(r);
    for (unsigned back = 1; back < 32; back++) {
        uint8_t want[32];
        for (unsigned n = 0; n < 32; n++)
            want[n] = (uint8_t)(0xa0 - back + n);
        r->cpu->x[1] = rig_page(1) - back;
        (void)rig_call(r, RIG_CODE);
        assert_int_equal(r->cpu->x[3], le_load(want, 8));
        assert_int_equal(r->cpu->x[4], (uint64_t)sign_extend(le_load(want, 4), 32));
        assert_int_equal(r->cpu->x[5], le_load(want, 8));
        assert_int_equal(r->cpu->x[6], le_load(want + 8, 8));
        assert_memory_equal(&r->cpu->v[0], want, 16);
        assert_memory_equal(&r->cpu->v[1], want, 16);
        assert_memory_equal(&r->cpu->v[2], want + 16, 16);
    }
    assert_true(jit(r)->stat.across > 31);
    assert_int_equal(jit(r)->stat.single, 0);
}

/* The second page is missing, or is a device's: as the interpreter says. */
static void test_loads_from_two_pages_fault_at_the_second(void **state)
{
    struct rig *r = *state;
    place_loads(r);
    r->cpu->x[1] = rig_page(2) - 3;
    r->cpu->pc = RIG_CODE;
    assert_false(rig_run(r));
    assert_int_equal(rig_far(r), rig_page(2));
    assert_int_equal(r->cpu->sys[A64_ELR_EL1], RIG_CODE);
    rig_map(r, 2, RIG_DEVICE | PTE_PAGE | PTE_DEVICE);
    r->cpu->pc = RIG_CODE;
    assert_false(rig_run(r)); /* unaligned, to Device memory */
    assert_int_equal(rig_fsc(r), 0x21);
    assert_int_equal(jit(r)->stat.across, 0);
}

/* Of pages that are there, are not there yet, and are nowhere; SP need not be aligned. */
static void test_a_prefetch_neither_faults_nor_fills(void **state)
{
    struct rig *r = *state;
    struct code c = {0};
    I(&c, PRFM_i, 0, 1, 0);
    I(&c, PRFM_i, 3, 2, 16);
    I(&c, PRFM_r, 3, 3, 1, 1, 0);
    I(&c, PRFUM, 1, SP, 0);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    r->cpu->x[1] = RIG_DATA;
    r->cpu->x[2] = rig_page(3);
    r->cpu->x[3] = ~UINT64_C(0) - RIG_DATA;
    r->cpu->sp[1] = 0xdead000000000001;
    r->cpu->sys[A64_SCTLR_EL1] |= BIT(3); /* SA */
    r->v->engine->context_changed(r->v);
    for (unsigned n = 0; n < 3; n++) {
        (void)rig_call(r, RIG_CODE);
        assert_int_equal(jit(r)->stat.fills, 0);
    }
    rig_poke(r, RIG_CODE + 0x1000, 4, a64_encode_LDR_i(1, 0, 1, 0));
    rig_poke(r, RIG_CODE + 0x1004, 4, a64_encode_RET(LR));
    (void)rig_call(r, RIG_CODE + 0x1000);
    (void)rig_call(r, RIG_CODE);
    assert_int_equal(jit(r)->stat.fills, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, jit_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_switching_processes_drops_nothing),
        TEST(test_more_processes_than_sets_all_run),
        TEST(test_each_kind_of_tlbi_removes_the_entry),
        TEST(test_tlbi_of_another_asid_keeps_the_entry),
        TEST(test_tlbi_in_a_block_removes_all_of_it),
        TEST(test_moved_code_is_executed_after_tlbi),
        TEST(test_el1_sees_the_lower_half_of_the_present_process),
        TEST(test_pan_hides_what_was_entered_without_it),
        TEST(test_first_translation_drops_store_entries),
        TEST(test_two_pages_of_one_place_stay),
        TEST(test_tlbi_removes_the_second_way_too),
        TEST(test_code_is_not_stored_over_by_the_second_way),
        TEST(test_a_group_finds_its_store_entry_in_the_second_way),
        TEST(test_loads_from_two_pages_are_put_together),
        TEST(test_loads_from_two_pages_fault_at_the_second),
        TEST(test_a_prefetch_neither_faults_nor_fills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
