/* ir/ir_pass.c: what each pass drops, what it must leave, and the counts of uses. That the meaning
 * stays is tested in test_semantics.c. */
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

static ir_val jump(struct ir_block *b)
{
    return ir_emit(b, IR_JUMP, IR_VOID, 0, 0, 0, 0, 0);
}

static ir_val load(struct ir_block *b, unsigned base)
{
    return ir_emit(b, IR_LD, IR_I64, 3, ir_get(b, base, IR_I64), 0, 0, 0);
}

static ir_val compare(struct ir_block *b, unsigned n, unsigned m)
{
    return ir_bin_setf(b, IR_SUB, IR_I64, ir_get(b, n, IR_I64), ir_get(b, m, IR_I64));
}

static bool gone(const struct ir_block *b, ir_val v)
{
    return b->insn[v].op == IR_NONE;
}

static void test_flags_defined_again_are_not_defined(void **state)
{
    struct ir_block *b = *state;
    ir_val first = compare(b, 1, 2);
    ir_put(b, 3, first);
    ir_val ccmp = ir_emit(b, IR_CCMP, IR_I64, 0, b->gpr[1], b->gpr[2], 0, 0);
    ir_val last = compare(b, 2, 1);
    jump(b);
    ir_optimise(b, IR_PASS_FLAGS);
    assert_true(gone(b, ccmp));
    assert_false(gone(b, first)); /* its result is used */
    assert_false(b->insn[first].setf);
    assert_true(b->insn[last].setf);
}

static void test_flags_that_somebody_may_read_stay(void **state)
{
    struct ir_block *b = *state;
    ir_val read = compare(b, 1, 2);
    ir_put(b, 4, ir_emit(b, IR_CSET, IR_I64, 0, 0, 0, 0, 0));
    ir_val seen_by_fault = compare(b, 2, 3);
    load(b, 1);
    ir_val seen_by_interp = compare(b, 3, 1);
    ir_emit(b, IR_INTERP, IR_VOID, 0, 0, 0, 0, 0);
    ir_val seen_outside = compare(b, 1, 2);
    jump(b);
    ir_optimise(b, IR_PASS_ALL);
    assert_true(b->insn[read].setf);
    assert_true(b->insn[seen_by_fault].setf);
    assert_true(b->insn[seen_by_interp].setf);
    assert_true(b->insn[seen_outside].setf);
}

static void test_flags_read_by_something_dead_are_not_needed(void **state)
{
    struct ir_block *b = *state;
    ir_val first = compare(b, 1, 2);
    ir_val set = ir_emit(b, IR_CSET, IR_I64, 0, 0, 0, 0, 0);
    compare(b, 2, 3);
    jump(b);
    ir_optimise(b, IR_PASS_ALL);
    assert_true(gone(b, set));
    assert_true(gone(b, first));
}

static void test_a_compare_that_may_write_fpsr_stays(void **state)
{
    struct ir_block *b = *state;
    ir_val f = ir_emit(b, IR_FCMP, IR_V128, 3, ir_getv(b, 1), ir_getv(b, 2), 0, 0);
    assert_true(b->insn[f].setf);
    compare(b, 1, 2);
    jump(b);
    ir_optimise(b, IR_PASS_ALL);
    assert_false(gone(b, f));
}

static void test_a_register_written_twice_is_written_once(void **state)
{
    struct ir_block *b = *state;
    ir_put(b, 1, ir_const(b, IR_I64, 5));
    ir_val first = (ir_val)(b->count - 1);
    ir_put(b, 2, ir_get(b, 1, IR_I64));
    ir_val other = (ir_val)(b->count - 1);
    ir_put(b, 1, ir_const(b, IR_I64, 6));
    ir_val last = (ir_val)(b->count - 1);
    ir_putv(b, 1, ir_getv(b, 2));
    ir_val vector = (ir_val)(b->count - 1);
    ir_putv(b, 1, ir_getv(b, 3));
    jump(b);
    ir_optimise(b, IR_PASS_PUTS);
    assert_true(gone(b, first));
    assert_true(gone(b, vector));
    assert_false(gone(b, other));
    assert_false(gone(b, last));
}

static void test_a_register_that_a_fault_shows_is_written(void **state)
{
    struct ir_block *b = *state;
    ir_put(b, 1, ir_const(b, IR_I64, 5));
    ir_val first = (ir_val)(b->count - 1);
    load(b, 2);
    ir_put(b, 1, ir_const(b, IR_I64, 6));
    ir_val second = (ir_val)(b->count - 1);
    ir_emit(b, IR_INTERP, IR_VOID, 0, 0, 0, 0, 0);
    memset(b->gpr, 0, sizeof(b->gpr));
    ir_put(b, 1, ir_const(b, IR_I64, 7));
    jump(b);
    ir_optimise(b, IR_PASS_ALL);
    assert_false(gone(b, first));
    assert_false(gone(b, second));
}

static void test_dead_chains_go_and_effects_stay(void **state)
{
    struct ir_block *b = *state;
    ir_val x = ir_get(b, 1, IR_I64), k = ir_const(b, IR_I64, 77);
    ir_val sum = ir_bin(b, IR_ADD, IR_I64, x, k), not = ir_un(b, IR_NOT, IR_I64, sum);
    ir_val ld = load(b, 2);
    jump(b);
    ir_optimise(b, IR_PASS_DEAD);
    assert_true(gone(b, x) && gone(b, k) && gone(b, sum) && gone(b, not));
    assert_false(gone(b, ld));
    assert_false(gone(b, b->gpr[2]));
}

static void test_passes_switch_off_one_by_one(void **state)
{
    struct ir_block *b = *state;
    ir_val first = compare(b, 1, 2), dead = ir_get(b, 9, IR_I64);
    ir_put(b, 4, ir_const(b, IR_I64, 1));
    ir_val put = (ir_val)(b->count - 1);
    ir_put(b, 4, ir_const(b, IR_I64, 2));
    compare(b, 2, 1);
    jump(b);
    ir_optimise(b, 0);
    assert_true(b->insn[first].setf && !gone(b, dead) && !gone(b, put));
    ir_optimise(b, IR_PASS_DEAD);
    assert_true(b->insn[first].setf && gone(b, dead) && !gone(b, put));
    ir_optimise(b, IR_PASS_FLAGS);
    assert_true(!gone(b, first) && !b->insn[first].setf && !gone(b, put));
    ir_optimise(b, IR_PASS_PUTS);
    assert_true(!gone(b, first) && gone(b, put));
}

static void test_uses_of_a_reinterpretation_are_uses_of_the_value(void **state)
{
    struct ir_block *b = *state;
    ir_val x = ir_get(b, 1, IR_I64), w = ir_trunc(b, x);
    ir_val sum = ir_bin(b, IR_ADD, IR_I32, w, w);
    ir_val wide = ir_zext(b, sum);
    ir_put(b, 2, wide);
    ir_val put = (ir_val)(b->count - 1);
    ir_put(b, 3, wide);
    jump(b);
    ir_count_uses(b);
    assert_int_equal(b->insn[w].uses, 2);
    assert_int_equal(b->insn[w].last, sum);
    assert_int_equal(b->insn[x].uses, 3);
    assert_int_equal(b->insn[x].last, sum);
    assert_int_equal(b->insn[wide].uses, 2);
    assert_int_equal(b->insn[sum].uses, 3);
    assert_int_equal(b->insn[sum].last, put + 1);
    ir_count_uses(b); /* counts afresh */
    assert_int_equal(b->insn[sum].uses, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_flags_defined_again_are_not_defined),
        TEST(test_flags_that_somebody_may_read_stay),
        TEST(test_flags_read_by_something_dead_are_not_needed),
        TEST(test_a_compare_that_may_write_fpsr_stays),
        TEST(test_a_register_written_twice_is_written_once),
        TEST(test_a_register_that_a_fault_shows_is_written),
        TEST(test_dead_chains_go_and_effects_stay),
        TEST(test_passes_switch_off_one_by_one),
        TEST(test_uses_of_a_reinterpretation_are_uses_of_the_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
