/* Groups of accesses that share a look-up (ir/ir_group.c), where the guard finds something: two
 * pages, a page that may not be entered, faults. The guest must see nothing of it. */
#include "jit_rig.h"

#define EC_DABT_SAME 0x25
#define FSC_TRANSLATION3 7
#define FSC_PERMISSION3 0xf

static int set_up(void **state)
{
    *state = jit_rig_create(&(struct engine_config){0});
    return 0;
}

/* X0 = [X1] + [X1, #8] + [X1, #16]; [X2] = X0; [X2, #8] = X1; [X2, #16] = X2 */
static void place_group(struct rig *r)
{
    struct code c = {0};
    I(&c, LDR_i, 1, 0, 1, 3);
    I(&c, LDR_i, 1, 1, 1, 4);
    I(&c, LDR_i, 1, 2, 1, 5);
    I(&c, ADD_s, 1, 0, 4, 0, 3, 0);
    I(&c, ADD_s, 1, 0, 5, 0, 0, 0);
    I(&c, STR_i, 1, 0, 2, 0);
    I(&c, STR_i, 1, 1, 2, 1);
    I(&c, STR_i, 1, 2, 2, 2);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
}

static void call(struct rig *r, uint64_t from, uint64_t to)
{
    r->cpu->x[1] = from;
    r->cpu->x[2] = to;
    (void)rig_call(r, RIG_CODE);
}

static void test_a_group_makes_one_look_up(void **state)
{
    struct rig *r = *state;
    place_group(r);
    rig_poke(r, RIG_DATA, 8, 1);
    rig_poke(r, RIG_DATA + 8, 8, 20);
    rig_poke(r, RIG_DATA + 16, 8, 300);
    call(r, RIG_DATA, RIG_DATA + 0x1000);
    assert_int_equal(r->cpu->x[0], 321);
    assert_int_equal(rig_peek(r, RIG_DATA + 0x1008, 8), RIG_DATA);
    assert_int_equal(jit(r)->stat.fills, 2);
    assert_int_equal(jit(r)->stat.single, 0);
}

/* Pages that lie together in the guest only. */
static void test_a_group_in_two_pages_is_right_in_both(void **state)
{
    struct rig *r = *state;
    place_group(r);
    rig_map(r, 0, RIG_DATA | PTE_PAGE);
    rig_map(r, 1, (RIG_DATA + 0x10000) | PTE_PAGE);
    rig_map(r, 2, (RIG_DATA + 0x3000) | PTE_PAGE);
    for (uint64_t back = 4; back <= 24; back += 4) {
        for (unsigned n = 0; n < 3; n++) {
            uint64_t at = 0x1000 - back + 8 * n;
            for (unsigned k = 0; k < 8; k++, at++)
                rig_poke(r, at < 0x1000 ? RIG_DATA + at : RIG_DATA + 0x10000 + at - 0x1000, 1,
                         k ? 0 : n + 1);
        }
        for (unsigned round = 0; round < 3; round++) {
            call(r, rig_page(1) - back, rig_page(2) - back);
            assert_int_equal(r->cpu->x[0], 6);
            assert_int_equal(r->hvc, 0);
        }
        uint8_t stored[24];
        const uint64_t want[3] = {6, rig_page(1) - back, rig_page(2) - back};
        for (unsigned k = 0; k < sizeof(stored); k++) {
            uint64_t at = 0x1000 - back + k;
            stored[k] = (uint8_t)rig_peek(
                r, at < 0x1000 ? RIG_DATA + 0x10000 + at : RIG_DATA + 0x3000 + at - 0x1000, 1);
        }
        assert_memory_equal(stored, want, sizeof(stored));
    }
    /* Unaligned accesses over the end itself apart, nothing is the interpreter's. */
    const uint64_t links = jit(r)->stat.links;
    call(r, rig_page(1) - 8, rig_page(2) - 8);
    assert_int_equal(jit(r)->stat.links, links);
}

/* The second page is not there: the access that is in it faults, those before are done. */
static void test_the_access_in_a_missing_page_faults(void **state)
{
    struct rig *r = *state;
    place_group(r);
    rig_map(r, 0, RIG_DATA | PTE_PAGE);
    r->cpu->x[1] = RIG_DATA;
    r->cpu->x[2] = rig_page(1) - 8;
    r->cpu->x[LR] = RIG_RETURN;
    r->cpu->pc = RIG_CODE;
    assert_false(rig_run(r));
    assert_int_equal(rig_ec(r), EC_DABT_SAME);
    assert_int_equal(rig_fsc(r), FSC_TRANSLATION3);
    assert_true(rig_wnr(r));
    assert_int_equal(rig_far(r), rig_page(1));
    assert_int_equal(r->cpu->sys[A64_ELR_EL1], RIG_CODE + 6 * 4);
    assert_int_equal(rig_peek(r, RIG_DATA + 0xff8, 8), r->cpu->x[0]);
}

/* Loads of a read-only page are grouped, the stores after them fault one by one. */
static void test_a_read_only_page_faults_at_the_store(void **state)
{
    struct rig *r = *state;
    place_group(r);
    rig_map(r, 0, RIG_DATA | PTE_PAGE | PTE_READ_ONLY);
    r->cpu->x[1] = r->cpu->x[2] = rig_page(0);
    r->cpu->pc = RIG_CODE;
    assert_false(rig_run(r));
    assert_int_equal(rig_ec(r), EC_DABT_SAME);
    assert_int_equal(rig_fsc(r), FSC_PERMISSION3);
    assert_int_equal(rig_far(r), rig_page(0));
    assert_int_equal(r->cpu->sys[A64_ELR_EL1], RIG_CODE + 5 * 4);
}

/* Nothing of a group that another way is taken from happens. */
static void test_a_store_that_is_not_reached_leaves_the_page_clean(void **state)
{
    struct rig *r = *state;
    struct code c = {0};
    I(&c, LDR_i, 1, 0, 1, 3);
    I(&c, LDR_i, 1, 1, 1, 4);
    unsigned skip = I(&c, CBZ, 1, 0, 3);
    I(&c, STR_i, 1, 0, 1, 4);
    I(&c, STR_i, 1, 1, 1, 3);
    label(&c, skip);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    r->cpu->sys[A64_TCR_EL1] |= BIT(39) | BIT(40); /* HA, HD */
    r->v->engine->context_changed(r->v);
    /* DBM, read-only: clean */
    const uint64_t clean = RIG_DATA | PTE_PAGE | PTE_READ_ONLY | BIT(51);
    rig_map(r, 0, clean);
    rig_poke(r, RIG_DATA, 8, 0);
    for (unsigned n = 0; n < 3; n++) {
        r->cpu->x[1] = rig_page(0);
        (void)rig_call(r, RIG_CODE);
        assert_int_equal(rig_peek(r, RIG_L3_WINDOW, 8), clean);
    }
    rig_poke(r, RIG_DATA, 8, 7);
    (void)rig_call(r, RIG_CODE);
    assert_int_equal(rig_peek(r, RIG_L3_WINDOW, 8), clean & ~PTE_READ_ONLY);
    assert_int_equal(rig_peek(r, RIG_DATA + 8, 8), 7);
}

/* A page that code is in has no store entry: stores beside it are made, into it are seen. */
static void test_stores_to_a_page_with_code_are_not_grouped(void **state)
{
    struct rig *r = *state;
    struct code f = {0};
    place_group(r);
    I(&f, MOVZ, 1, 0, 1, 0);
    I(&f, RET, LR);
    rig_place(r, RIG_DATA, &f);
    assert_int_equal(rig_call(r, RIG_DATA), 1);
    for (unsigned n = 0; n < 3; n++) {
        call(r, RIG_DATA + 0x1000, RIG_DATA + 0x100);
        assert_int_equal(rig_peek(r, RIG_DATA + 0x110, 8), RIG_DATA + 0x100);
    }
    /* X1 becomes the second word of code; its low half is MOV X0, #n. */
    uint32_t movz = a64_encode_MOVZ(1, 0, 99, 0), ret = a64_encode_RET(LR);
    struct code s = {0};
    I(&s, STR_i, 1, 1, 2, XZR);
    I(&s, STR_i, 1, 0, 2, 1);
    I(&s, LDR_i, 1, 0, 2, 0);
    I(&s, ISB, 15);
    I(&s, RET, LR);
    rig_place(r, RIG_CODE + 0x1000, &s);
    for (unsigned n = 0; n < 3; n++) {
        r->cpu->x[1] = (uint64_t)ret << 32 | (movz + (n << 5));
        r->cpu->x[2] = RIG_DATA;
        assert_int_equal(rig_call(r, RIG_CODE + 0x1000), r->cpu->x[1]);
        assert_int_equal(rig_call(r, RIG_DATA), 99 + n);
    }
}

/* Device memory has no entries at all. */
static void test_a_group_on_a_device_is_single_accesses(void **state)
{
    struct rig *r = *state;
    place_group(r);
    call(r, RIG_DATA, RIG_DEVICE + 8);
    assert_int_equal(r->device.count, 3);
    for (unsigned n = 0; n < 3; n++) {
        assert_true(r->device.log[n].write);
        assert_int_equal(r->device.log[n].offset, 8 + 8 * n);
        assert_int_equal(r->device.log[n].size, 8);
    }
}

/* RAM mapped as device memory: allowed, never entered. */
static void test_memory_that_is_never_entered_is_not_grouped(void **state)
{
    struct rig *r = *state;
    place_group(r);
    rig_map(r, 0, RIG_DATA | PTE_PAGE | PTE_DEVICE);
    rig_poke(r, RIG_DATA, 8, 5);
    rig_poke(r, RIG_DATA + 8, 8, 6);
    rig_poke(r, RIG_DATA + 16, 8, 7);
    for (unsigned n = 0; n < 3; n++) {
        call(r, rig_page(0), rig_page(0) + 64);
        assert_int_equal(r->cpu->x[0], 18);
        assert_int_equal(rig_peek(r, RIG_DATA + 64 + 16, 8), rig_page(0) + 64);
    }
}

/* X0 = [X1]; [X1, #8] = X0 if it is not 0 */
static void place_conditional(struct rig *r)
{
    struct code c = {0};
    I(&c, LDR_i, 1, 0, 1, 0);
    unsigned skip = I(&c, CBZ, 1, 0, 0);
    I(&c, STR_i, 1, 1, 1, 0);
    label(&c, skip);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
}

/* The group hopes for a store entry that a read-only page never has. */
static void test_a_group_that_is_left_often_is_given_up(void **state)
{
    struct rig *r = *state;
    place_conditional(r);
    rig_map(r, 0, RIG_DATA | PTE_PAGE | PTE_READ_ONLY);
    rig_poke(r, RIG_DATA, 8, 0);
    for (unsigned n = 0; n < 200; n++)
        call(r, rig_page(0), 0);
    assert_int_equal(jit(r)->stat.alone, 1);
    uint64_t left = jit(r)->stat.ungrouped;
    assert_true(left > 10 && left < 100);
    call(r, rig_page(0), 0);
    assert_int_equal(jit(r)->stat.ungrouped, left);
    rig_poke(r, RIG_DATA, 8, 1);
    r->cpu->pc = RIG_CODE;
    assert_false(rig_run(r));
    assert_int_equal(rig_fsc(r), FSC_PERMISSION3);
    assert_int_equal(r->cpu->sys[A64_ELR_EL1], RIG_CODE + 8);
}

/* run() with any budget gets on where groups are left, and stops where the interpreter does. */
static void test_a_budget_of_any_size_gets_on(void **state)
{
    struct rig *r = *state;
    place_group(r);
    rig_map(r, 0, RIG_DATA | PTE_PAGE);
    rig_map(r, 1, (RIG_DATA + 0x10000) | PTE_PAGE);
    for (uint64_t budget = 1; budget < 12; budget++) {
        for (unsigned round = 0; round < 3; round++) {
            r->cpu->x[1] = rig_page(1) - 16;
            r->cpu->x[2] = rig_page(1) - 8;
            r->cpu->x[LR] = RIG_RETURN;
            r->cpu->pc = RIG_CODE;
            for (uint64_t done = 0; done < 9; done += budget) {
                atomic_store(&r->cpu->request, 0);
                uint64_t start = r->cpu->instret;
                enum a64_exit why = r->v->engine->run(r->v, budget);
                if (why == A64_EXIT_HVC)
                    break;
                assert_int_equal(why, A64_EXIT_BUDGET);
                assert_int_equal(r->cpu->instret - start, budget);
                if (done + budget < 9)
                    assert_int_equal(r->cpu->pc, RIG_CODE + 4 * (done + budget));
            }
        }
    }
}

/* A loop over the end of a page takes the same number of instructions as anywhere. */
static void test_counting_is_exact_where_groups_are_left(void **state)
{
    struct rig *r = *state;
    uint64_t took[2];
    place_group(r);
    rig_map(r, 0, RIG_DATA | PTE_PAGE);
    rig_map(r, 1, (RIG_DATA + 0x10000) | PTE_PAGE);
    for (unsigned n = 0; n < 2; n++) {
        call(r, rig_page(1) - 16 * n - 64, rig_page(1) - 8 * n - 64);
        took[0] = r->cpu->instret;
        call(r, rig_page(1) - 16 * n, rig_page(1) - 8 * n);
        took[1] = r->cpu->instret;
        call(r, rig_page(1) - 16 * n, rig_page(1) - 8 * n);
        assert_int_equal(r->cpu->instret - took[1], took[1] - took[0]);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, jit_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_group_makes_one_look_up),
        TEST(test_a_group_in_two_pages_is_right_in_both),
        TEST(test_the_access_in_a_missing_page_faults),
        TEST(test_a_read_only_page_faults_at_the_store),
        TEST(test_a_store_that_is_not_reached_leaves_the_page_clean),
        TEST(test_stores_to_a_page_with_code_are_not_grouped),
        TEST(test_a_group_on_a_device_is_single_accesses),
        TEST(test_memory_that_is_never_entered_is_not_grouped),
        TEST(test_a_group_that_is_left_often_is_given_up),
        TEST(test_a_budget_of_any_size_gets_on),
        TEST(test_counting_is_exact_where_groups_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
