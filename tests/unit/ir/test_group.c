/* ir/ir_group.c: which accesses share a look-up, and where that look-up is. */
#include "ir/ir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct ir_block *b = malloc(sizeof(*b));
    *state = b;
    if (!b)
        return -1;
    ir_begin(b);
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static ir_val x(struct ir_block *b, unsigned r)
{
    return ir_get(b, r, IR_I64);
}

static ir_val load(struct ir_block *b, ir_val base, int64_t imm)
{
    return ir_emit(b, IR_LD, IR_I64, 3, base, 0, 0, imm);
}

static ir_val store(struct ir_block *b, ir_val base, int64_t imm)
{
    return ir_emit(b, IR_ST, IR_I64, 3, base, 0, x(b, 9), imm);
}

static void finish(struct ir_block *b)
{
    char text[200];
    ir_emit(b, IR_JUMP, IR_VOID, 0, 0, 0, 0, 0);
    ir_group(b, 0);
    if (!ir_verify(b, text, sizeof(text)))
        fail_msg("%s", text);
}

/* The guard of a member, or 0. */
static ir_val guard_of(const struct ir_block *b, ir_val v)
{
    const struct ir_insn *i = &b->insn[v];
    if (!(i->sub2 & IR_ACC_HOST))
        return 0;
    assert_int_equal(b->insn[i->a].op, IR_GUARD);
    assert_false(ir_traits(i) & IR_X);
    return i->a;
}

static int64_t range(const struct ir_block *b, ir_val guard, bool hi)
{
    return hi ? (int32_t)(b->insn[guard].imm >> 32) : (int32_t)b->insn[guard].imm;
}

static void test_fields_of_a_structure_share_one(void **state)
{
    struct ir_block *b = *state;
    ir_val base = x(b, 1), first = load(b, base, 16), second = load(b, base, 0);
    ir_val vector = ir_emit(b, IR_LDV, IR_V128, 4, base, 0, 0, 40);
    finish(b);
    ir_val guard = guard_of(b, first);
    assert_int_equal(guard, first - 1);
    assert_int_equal(guard_of(b, second), guard);
    assert_int_equal(guard_of(b, vector), guard);
    assert_int_equal(b->insn[guard].a, base);
    assert_int_equal(b->insn[guard].sub, 3);
    assert_int_equal(b->insn[guard].sub2, 0);
    assert_int_equal(range(b, guard, false), 0);
    assert_int_equal(range(b, guard, true), 56);
    assert_int_equal(b->insn[vector].imm, 40);
}

/* stp x29, x30, [sp, #-32]!; stp x19, x20, [sp, #16]; ldr x1, [sp, #8] */
static void test_a_moved_base_is_the_same_base(void **state)
{
    struct ir_block *b = *state;
    ir_val sp = x(b, IR_SP);
    ir_val first = ir_emit(b, IR_STP, IR_I64, 3, sp, x(b, 29), x(b, 30), -32);
    ir_put(b, IR_SP, ir_bini(b, IR_ADD, IR_I64, sp, (uint64_t)-32));
    ir_val second = ir_emit(b, IR_STP, IR_I64, 3, x(b, IR_SP), x(b, 19), x(b, 20), 16);
    ir_val third = load(b, x(b, IR_SP), 8);
    finish(b);
    ir_val guard = guard_of(b, first);
    assert_true(guard && guard_of(b, second) == guard && guard_of(b, third) == guard);
    assert_int_equal(b->insn[guard].sub2, IR_GUARD_STORE | IR_GUARD_WRITE);
    assert_int_equal(b->insn[guard].sub, 4);
    assert_int_equal(range(b, guard, false), -32);
    assert_int_equal(range(b, guard, true), 0);
    assert_int_equal(b->insn[second].imm, -16);
    assert_int_equal(b->insn[third].imm, -24);
}

/* ldr x1, [x0, x2, lsl #3]; add; str x1, [x0, x2, lsl #3]; ldr x3, [x0, x4, lsl #3], x4 = x2 + 1 */
static void test_a_sum_of_base_and_index_is_a_base(void **state)
{
    struct ir_block *b = *state;
    ir_val base = x(b, 0), index = x(b, 2), next = ir_bini(b, IR_ADD, IR_I64, index, 1);
    ir_val first = ir_emit(b, IR_LD, IR_I64, IR_SUB(3, 3), base, index, 0, 0);
    ir_val second = ir_emit(b, IR_ST, IR_I64, IR_SUB(3, 3), base, index, x(b, 9), 0);
    ir_val third = ir_emit(b, IR_LD, IR_I64, IR_SUB(3, 3), base, next, 0, 0);
    ir_val other = ir_emit(b, IR_LD, IR_I64, IR_SUB(3, 2), base, index, 0, 0);
    finish(b);
    ir_val guard = guard_of(b, first);
    assert_true(guard && guard_of(b, second) == guard && guard_of(b, third) == guard);
    assert_int_equal(guard_of(b, other), 0);
    assert_int_equal(b->insn[guard].a, base);
    assert_int_equal(b->insn[guard].b, index);
    assert_int_equal(b->insn[guard].sub2, 3 | IR_GUARD_WRITE);
    assert_int_equal(range(b, guard, true), 16);
    assert_int_equal(b->insn[third].b, 0);
    assert_int_equal(b->insn[third].imm, 8);
}

static void test_a_guard_says_what_comes_first_and_whether_there_are_stores(void **state)
{
    struct ir_block *b = *state;
    ir_val l1 = load(b, x(b, 1), 0), l2 = load(b, x(b, 1), 8), l3 = load(b, x(b, 2), 0);
    ir_val s1 = store(b, x(b, 2), 8), s2 = store(b, x(b, 3), 0), l4 = load(b, x(b, 3), 8);
    finish(b);
    assert_true(guard_of(b, l1) && guard_of(b, l1) == guard_of(b, l2));
    assert_true(guard_of(b, l3) && guard_of(b, l3) == guard_of(b, s1));
    assert_true(guard_of(b, s2) && guard_of(b, s2) == guard_of(b, l4));
    assert_int_equal(b->insn[guard_of(b, l1)].sub2, 0);
    assert_int_equal(b->insn[guard_of(b, l3)].sub2, IR_GUARD_WRITE);
    assert_int_equal(b->insn[guard_of(b, s2)].sub2, IR_GUARD_WRITE | IR_GUARD_STORE);
}

static void test_no_group_begins_where_it_is_forbidden(void **state)
{
    struct ir_block *b = *state;
    ir_val v[4];
    for (b->guest = 0; b->guest < 4; b->guest++)
        v[b->guest] = load(b, x(b, 1), 8 * b->guest);
    b->guest--;
    ir_emit(b, IR_JUMP, IR_VOID, 0, 0, 0, 0, 0);
    ir_group(b, 3);
    assert_false(guard_of(b, v[0]) || guard_of(b, v[1]));
    assert_true(guard_of(b, v[2]) && guard_of(b, v[2]) == guard_of(b, v[3]));
}

static void test_what_stays_alone(void **state)
{
    struct ir_block *b = *state;
    ir_val base = x(b, 1), other = x(b, 2);
    ir_val alone[] = {
        load(b, other, 0),
        ir_emit(b, IR_LD, IR_I64, 3, base, other, 0, 0),                          /* index */
        ir_emit(b, IR_LD, IR_I64, IR_SUB(3, IR_ACC_UNPRIV), base, 0, 0, 0),
        ir_emit(b, IR_LD, IR_I64, IR_SUB(3, IR_ACC_ORDERED), base, 0, 0, 0),
        load(b, base, 8),
        load(b, base, 4000), /* too far */
        load(b, base, INT64_C(1) << 31),
        load(b, base, (INT64_C(1) << 31) + 8),
    };
    finish(b);
    for (unsigned k = 0; k < sizeof(alone) / sizeof(alone[0]); k++)
        assert_int_equal(guard_of(b, alone[k]), 0);
}

/* The interpreter may change translations. */
static void test_a_barrier_ends_a_group(void **state)
{
    struct ir_block *b = *state;
    ir_val base = x(b, 1), l1 = load(b, base, 0), l2 = load(b, base, 8);
    ir_emit(b, IR_INTERP, IR_VOID, 0, 0, 0, 0, 0);
    ir_val l3 = load(b, base, 16), l4 = load(b, base, 24);
    finish(b);
    assert_true(guard_of(b, l1) && guard_of(b, l1) == guard_of(b, l2));
    assert_true(guard_of(b, l3) && guard_of(b, l3) == guard_of(b, l4));
    assert_int_not_equal(guard_of(b, l1), guard_of(b, l3));
}

/* A register that only a fault of the second load could show need not be written. */
static void test_members_show_no_registers_and_no_flags(void **state)
{
    struct ir_block *b = *state;
    ir_val base = x(b, 1);
    load(b, base, 0);
    ir_put(b, 3, ir_const(b, IR_I64, 5));
    ir_val put = (ir_val)(b->count - 1);
    ir_val flags = ir_bin_setf(b, IR_SUB, IR_I64, x(b, 4), x(b, 5));
    load(b, base, 8);
    ir_put(b, 3, ir_const(b, IR_I64, 6));
    ir_bin_setf(b, IR_SUB, IR_I64, x(b, 5), x(b, 4));
    ir_emit(b, IR_JUMP, IR_VOID, 0, 0, 0, 0, 0);
    ir_optimise(b, IR_PASS_ALL);
    assert_int_equal(b->insn[put].op, IR_PUT);
    assert_true(b->insn[flags].setf);
    ir_group(b, 0);
    ir_optimise(b, IR_PASS_ALL);
    assert_int_equal(b->insn[put].op, IR_NONE);
    assert_int_equal(b->insn[flags].op, IR_NONE);
}

static void test_more_groups_than_are_remembered_are_right(void **state)
{
    struct ir_block *b = *state;
    ir_val v[2][200];
    for (unsigned k = 0; k < 200; k++) {
        ir_val base = ir_emit(b, IR_ADD, IR_I64, 0, x(b, 1), x(b, 2), 0, 0);
        v[0][k] = load(b, base, 0);
        v[1][k] = load(b, base, 8);
    }
    finish(b);
    for (unsigned k = 0; k < 200; k++)
        assert_int_equal(guard_of(b, v[0][k]), guard_of(b, v[1][k]));
    assert_true(guard_of(b, v[0][0]));
    assert_false(guard_of(b, v[0][199]));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fields_of_a_structure_share_one),
        TEST(test_a_moved_base_is_the_same_base),
        TEST(test_a_sum_of_base_and_index_is_a_base),
        TEST(test_a_guard_says_what_comes_first_and_whether_there_are_stores),
        TEST(test_no_group_begins_where_it_is_forbidden),
        TEST(test_what_stays_alone),
        TEST(test_a_barrier_ends_a_group),
        TEST(test_members_show_no_registers_and_no_flags),
        TEST(test_more_groups_than_are_remembered_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
