/* ir/ir.c and ir_fold.c: a guest register is read once and written when it changes, conversions of
 * width that change nothing do not appear, neutral elements vanish. That folding computes what the
 * operations do is tested in test_semantics.c. */
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
    memset(b, 0xee, sizeof(*b)); /* ir_begin must not rely on what was there */
    ir_begin(b);
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static unsigned op_of(const struct ir_block *b, ir_val v)
{
    return b->insn[v].op;
}

static void check_const(const struct ir_block *b, ir_val v, enum ir_type t, uint64_t want)
{
    uint64_t value;
    assert_true(ir_is_const(b, v, &value));
    assert_int_equal(value, want);
    assert_int_equal(ir_type_of(b, v), t);
}

static void test_constants_are_shared_within_a_type(void **state)
{
    struct ir_block *b = *state;
    ir_val v = ir_const(b, IR_I64, 5);
    assert_int_equal(ir_const(b, IR_I64, 5), v);
    assert_int_not_equal(ir_const(b, IR_I32, 5), v);
    check_const(b, ir_const(b, IR_I32, UINT64_MAX), IR_I32, UINT32_MAX);
    check_const(b, ir_const(b, IR_I64, UINT64_MAX), IR_I64, UINT64_MAX);
    for (uint64_t k = 0; k < 300; k++)
        check_const(b, ir_const(b, IR_I64, k << 20), IR_I64, k << 20);
}

static void test_a_guest_register_is_read_once(void **state)
{
    struct ir_block *b = *state;
    ir_val x = ir_get(b, 3, IR_I64), w = ir_get(b, 3, IR_I32);
    assert_int_equal(ir_get(b, 3, IR_I64), x);
    assert_int_equal(op_of(b, w), IR_TRUNC);
    assert_int_equal(b->insn[w].a, x);
    assert_int_equal(ir_getv(b, 9), ir_getv(b, 9));
    assert_int_equal(b->count, 4);
}

static void test_a_write_of_the_same_value_is_none(void **state)
{
    struct ir_block *b = *state;
    ir_val x = ir_get(b, 3, IR_I64), q = ir_getv(b, 3);
    unsigned count = b->count;
    ir_put(b, 3, x);
    ir_putv(b, 3, q);
    assert_int_equal(b->count, count);
    ir_put(b, 4, x);
    ir_putv(b, 4, q);
    assert_int_equal(b->count, count + 2);
    assert_int_equal(ir_get(b, 4, IR_I64), x);
    assert_int_equal(ir_getv(b, 4), q);
}

static void test_a_word_written_is_the_word_read(void **state)
{
    struct ir_block *b = *state;
    ir_val w = ir_bin(b, IR_ADD, IR_I32, ir_get(b, 1, IR_I32), ir_get(b, 2, IR_I32));
    ir_put(b, 0, w);
    assert_int_equal(op_of(b, b->gpr[0]), IR_ZEXT);
    assert_int_equal(ir_get(b, 0, IR_I32), w);
}

static void test_the_low_half_of_a_register_is_zero_extended(void **state)
{
    struct ir_block *b = *state;
    ir_val x = ir_get(b, 1, IR_I64);
    ir_put(b, 0, ir_get(b, 1, IR_I32));
    ir_val moved = ir_get(b, 0, IR_I64);
    assert_int_equal(op_of(b, moved), IR_UEXT);
    assert_int_equal(b->insn[moved].sub, 2);
    assert_int_equal(b->insn[moved].a, x);
    /* Once is enough. */
    ir_put(b, 2, ir_get(b, 0, IR_I32));
    assert_int_equal(ir_get(b, 2, IR_I64), moved);
    ir_val byte = ir_emit(b, IR_LD, IR_I64, 0, x, 0, 0, 0);
    assert_int_equal(ir_zext(b, ir_trunc(b, byte)), byte);
    assert_int_equal(ir_ext(b, IR_UEXT, IR_I64, 0, byte), byte);
    assert_int_equal(ir_ext(b, IR_SEXT, IR_I64, 1, byte), byte);
    assert_int_equal(op_of(b, ir_ext(b, IR_SEXT, IR_I64, 0, byte)), IR_SEXT);
}

static void test_neutral_elements_vanish(void **state)
{
    struct ir_block *b = *state;
    static const struct { enum ir_op op; uint64_t y; } neutral[] = {
        {IR_ADD, 0}, {IR_SUB, 0}, {IR_OR, 0}, {IR_XOR, 0}, {IR_AND, UINT64_MAX}, {IR_ANDN, 0},
        {IR_SHL, 0}, {IR_SHR, 64}, {IR_SAR, 128}, {IR_ROR, 0}, {IR_MUL, 1}, {IR_UDIV, 1},
        {IR_SDIV, 1},
    };
    ir_val x = ir_get(b, 1, IR_I64), w = ir_get(b, 1, IR_I32);
    for (unsigned n = 0; n < sizeof(neutral) / sizeof(*neutral); n++) {
        assert_int_equal(ir_bini(b, neutral[n].op, IR_I64, x, neutral[n].y), x);
        assert_int_equal(ir_bini(b, neutral[n].op, IR_I32, w, neutral[n].y), w);
        assert_int_equal(ir_bin(b, neutral[n].op, IR_I64, x, ir_const(b, IR_I64, neutral[n].y)), x);
    }
    check_const(b, ir_bin(b, IR_SUB, IR_I64, x, x), IR_I64, 0);
    check_const(b, ir_bin(b, IR_XOR, IR_I32, w, w), IR_I32, 0);
    check_const(b, ir_bini(b, IR_AND, IR_I32, w, 0), IR_I32, 0);
    assert_int_equal(ir_bin(b, IR_OR, IR_I64, x, x), x);
    assert_int_equal(ir_csel(b, IR_I64, 3, x, x), x);
}

static void test_constants_go_second(void **state)
{
    struct ir_block *b = *state;
    ir_val x = ir_get(b, 1, IR_I64), k = ir_const(b, IR_I64, 6);
    static const enum ir_op ops[] = {IR_ADD, IR_AND, IR_OR, IR_XOR, IR_MUL};
    for (unsigned n = 0; n < sizeof(ops) / sizeof(*ops); n++) {
        ir_val v = ir_bin(b, ops[n], IR_I64, k, x);
        assert_int_equal(b->insn[v].a, x);
        assert_int_equal(b->insn[v].b, k);
    }
    ir_val v = ir_bin_setf(b, IR_ADD, IR_I64, k, x);
    assert_int_equal(b->insn[v].a, x);
    assert_true(b->insn[v].setf);
    v = ir_bin_setf(b, IR_SUB, IR_I64, k, x);
    assert_int_equal(b->insn[v].a, k);
}

static void test_sums_of_constants_merge_while_the_register_lives(void **state)
{
    struct ir_block *b = *state;
    ir_val x = ir_get(b, 1, IR_I64);
    ir_put(b, 2, ir_bini(b, IR_ADD, IR_I64, x, 8));
    b->guest = 1;
    ir_val v = ir_bini(b, IR_SUB, IR_I64, ir_get(b, 2, IR_I64), 24);
    assert_int_equal(b->insn[v].a, x);
    check_const(b, b->insn[v].b, IR_I64, (uint64_t)-16);
    ir_put(b, 1, ir_const(b, IR_I64, 0)); /* now x is in no register */
    ir_val old = ir_get(b, 2, IR_I64);
    v = ir_bini(b, IR_ADD, IR_I64, old, 24);
    assert_int_equal(b->insn[v].a, old);
    ir_val page = ir_emit(b, IR_PC, IR_I64, 0, 0, 0, 0, 0x5000);
    v = ir_bini(b, IR_ADD, IR_I64, page, 0x123);
    assert_int_equal(op_of(b, v), IR_PC);
    assert_int_equal(b->insn[v].imm, 0x5123);
}

static void test_selecting_one_or_zero_is_cset(void **state)
{
    struct ir_block *b = *state;
    ir_val one = ir_const(b, IR_I32, 1), zero = ir_const(b, IR_I32, 0);
    ir_val v = ir_csel(b, IR_I32, 10, one, zero);
    assert_int_equal(op_of(b, v), IR_CSET);
    assert_int_equal(b->insn[v].sub, 10);
    v = ir_csel(b, IR_I32, 10, zero, one);
    assert_int_equal(b->insn[v].sub, 11);
}

static void test_vector_moves_are_the_value(void **state)
{
    struct ir_block *b = *state;
    ir_val q = ir_getv(b, 1);
    assert_int_equal(ir_vec(b, IR_VOR, 0, q, q, 0, 0), q);
    assert_int_equal(op_of(b, ir_vec(b, IR_VXOR, 0, q, q, 0, 0)), IR_VCONST);
    ir_val v = ir_vec(b, IR_VLOW, IR_SUB(3, 5), q, 0, 0, 7);
    assert_int_equal(b->insn[v].sub, 3);
    assert_int_equal(b->insn[v].sub2, 5);
    assert_int_equal(b->insn[v].imm, 7);
}

static void test_a_full_block_says_so_and_harms_nothing(void **state)
{
    struct ir_block *b = *state;
    for (unsigned n = 0; n < 3 * IR_MAX_INSNS; n++) {
        ir_val v = ir_bin_setf(b, IR_ADD, IR_I32, ir_get(b, n % 32, IR_I32),
                               ir_const(b, IR_I32, n));
        ir_put(b, n % 31, v);
        ir_putv(b, n % 32, ir_vec(b, IR_VADD, 0, ir_getv(b, 1), ir_getv(b, 2), 0, 0));
    }
    assert_true(b->full);
    assert_int_equal(b->count, IR_MAX_INSNS);
    ir_begin(b);
    assert_false(b->full);
    assert_int_equal(b->insn[0].op, IR_NONE);
    assert_false(b->insn[0].setf);
    assert_int_equal(ir_get(b, 0, IR_I64), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_constants_are_shared_within_a_type),
        TEST(test_a_guest_register_is_read_once),
        TEST(test_a_write_of_the_same_value_is_none),
        TEST(test_a_word_written_is_the_word_read),
        TEST(test_the_low_half_of_a_register_is_zero_extended),
        TEST(test_neutral_elements_vanish),
        TEST(test_constants_go_second),
        TEST(test_sums_of_constants_merge_while_the_register_lives),
        TEST(test_selecting_one_or_zero_is_cset),
        TEST(test_vector_moves_are_the_value),
        TEST(test_a_full_block_says_so_and_harms_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
