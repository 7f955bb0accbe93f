/* ir/ir_verify.c: a sound block passes and each kind of damage is found where it is. ir/ir_print.c:
 * every operation has a line with its name, its operands and its guest instruction. */
#include "ir/ir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct rig {
    struct ir_block b;
    ir_val x, w, q, sum, store, flags, end;
    char text[128];
};

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    *state = r;
    if (!r)
        return -1;
    struct ir_block *b = &r->b;
    ir_begin(b);
    r->x = ir_get(b, 1, IR_I64);
    r->w = ir_get(b, 2, IR_I32);
    r->q = ir_getv(b, 3);
    b->guest = 1;
    r->sum = ir_bin_setf(b, IR_ADD, IR_I64, r->x, ir_const(b, IR_I64, 0x10));
    ir_put(b, IR_SP, r->sum);
    r->store = ir_emit(b, IR_ST, IR_I32, 2, r->x, 0, r->w, -8);
    r->flags = ir_emit(b, IR_CCMP, IR_I32, IR_SUB(11, 1), r->w, r->w, 0, 4);
    b->guest = 2;
    r->end = ir_emit(b, IR_JUMP, IR_VOID, 0, 0, 0, 0, 0x40);
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static bool sound(struct rig *r)
{
    r->text[0] = 0;
    return ir_verify(&r->b, r->text, sizeof(r->text));
}

/* The block is rejected at instruction `at`, for a reason with these words. */
static void check_rejected(struct rig *r, unsigned at, const char *words)
{
    assert_false(sound(r));
    assert_int_equal(strtoul(r->text, NULL, 10), at);
    if (!strstr(r->text, words))
        fail_msg("\"%s\" does not say \"%s\"", r->text, words);
}

static void test_verify_accepts_a_sound_block(void **state)
{
    struct rig *r = *state;
    if (!sound(r))
        fail_msg("%s", r->text);
    ir_optimise(&r->b, IR_PASS_ALL);
    ir_count_uses(&r->b);
    if (!sound(r))
        fail_msg("%s", r->text);
}

static void test_verify_finds_a_wrong_type(void **state)
{
    struct rig *r = *state;
    r->b.insn[r->sum].a = r->w;
    check_rejected(r, r->sum, "operand a");
    r->b.insn[r->sum].a = r->q;
    check_rejected(r, r->sum, "wrong type");
    r->b.insn[r->sum].a = r->x;
    r->b.insn[r->store].type = IR_I64;
    check_rejected(r, r->store, "operand c");
    r->b.insn[r->store].type = IR_I32;
    r->b.insn[r->q].type = IR_I64;
    check_rejected(r, r->q, "type of result");
    r->b.insn[r->q].type = IR_V128;
    assert_true(sound(r));
}

static void test_verify_finds_a_forward_reference(void **state)
{
    struct rig *r = *state;
    r->b.insn[r->sum].a = r->sum;
    check_rejected(r, r->sum, "made later");
    r->b.insn[r->sum].a = 60000;
    check_rejected(r, r->sum, "made later");
}

static void test_verify_finds_operands_too_many_or_too_few(void **state)
{
    struct rig *r = *state;
    r->b.insn[r->sum].c = r->x;
    check_rejected(r, r->sum, "takes none");
    r->b.insn[r->sum].c = 0;
    r->b.insn[r->sum].b = 0;
    check_rejected(r, r->sum, "missing");
    r->b.insn[r->sum].b = r->x;
    r->b.insn[r->store].b = r->store - 1; /* a PUT */
    check_rejected(r, r->store, "no result");
}

static void test_verify_finds_a_missing_or_early_end(void **state)
{
    struct rig *r = *state;
    r->b.insn[r->end].op = IR_FENCE;
    check_rejected(r, r->end, "does not end");
    r->b.insn[r->end].op = IR_JUMP;
    ir_get(&r->b, 7, IR_I64);
    check_rejected(r, r->end + 1u, "after the end");
}

static void test_verify_finds_bad_marks(void **state)
{
    struct rig *r = *state;
    r->b.insn[r->x].setf = true;
    check_rejected(r, r->x, "NZCV");
    r->b.insn[r->x].setf = false;
    r->b.insn[r->flags].setf = false;
    check_rejected(r, r->flags, "setf");
    r->b.insn[r->flags].setf = true;
    r->b.insn[r->flags].sub = 14;
    check_rejected(r, r->flags, "out of range");
    r->b.insn[r->flags].sub = 0;
    r->b.insn[r->x].imm = 32;
    check_rejected(r, r->x, "out of range");
    r->b.insn[r->x].imm = 31;
    r->b.insn[r->end].guest = 0;
    check_rejected(r, r->end, "order");
    r->b.insn[r->end].guest = 2;
    assert_true(sound(r));
    r->b.insn[r->x].op = IR_OP_COUNT;
    check_rejected(r, r->x, "no operation");
}

static void test_verify_finds_a_pair_alone(void **state)
{
    struct rig *r = *state;
    struct ir_block *b = &r->b;
    b->count--; /* before the JUMP */
    ir_val first = ir_emit(b, IR_LDP, IR_I64, 3, r->x, 0, 0, 0);
    ir_val second = ir_emit(b, IR_PAIR, IR_I64, 0, 0, 0, 0, 0);
    ir_emit(b, IR_JUMP, IR_VOID, 0, 0, 0, 0, 0);
    assert_true(sound(r));
    b->insn[second].type = IR_I32;
    check_rejected(r, second, "belongs to");
    b->insn[second].type = IR_I64;
    b->insn[first].op = IR_LD;
    check_rejected(r, second, "belongs to");
}

static void test_verify_finds_the_use_of_something_dropped(void **state)
{
    struct rig *r = *state;
    r->b.insn[r->x] = (struct ir_insn){.op = IR_NONE};
    assert_false(sound(r));
    assert_non_null(strstr(r->text, "no result"));
}

static char *print(const struct ir_block *b)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    ir_print(b, to);
    fclose(to);
    return text;
}

static void test_print_shows_operands_and_marks(void **state)
{
    struct rig *r = *state;
    char line[64], *text = print(&r->b);
    static const char *const parts[] = {
        "i64 get x1 ; guest 0", "v128 getv v3", "i64 add.s %1, #0x10 ; guest 1",
        "put %", " sp ;", "i32 st %1, %", "sub=2 imm=-0x8", "ccmp.s", " lt sub2=1 imm=0x4",
        "void jump imm=0x40 ; guest 2",
    };
    for (unsigned n = 0; n < sizeof(parts) / sizeof(*parts); n++)
        if (!strstr(text, parts[n]))
            fail_msg("no \"%s\" in:\n%s", parts[n], text);
    assert_null(strstr(text, "uses"));
    free(text);
    ir_count_uses(&r->b);
    text = print(&r->b);
    snprintf(line, sizeof(line), "get x1 ; guest 0, 2 uses, last %u\n", r->store);
    assert_non_null(strstr(text, line));
    free(text);
}

static void test_print_names_every_operation(void **state)
{
    struct rig *r = *state;
    ir_begin(&r->b);
    for (unsigned op = 1; op < IR_OP_COUNT; op++)
        ir_emit(&r->b, (enum ir_op)op, IR_I64, 1, 1, 1, 1, 1);
    char *text = print(&r->b), *line = text;
    for (unsigned op = 1; op < IR_OP_COUNT; op++) {
        const char *name = ir_op_info[op].name;
        line = strstr(line, ": ");
        assert_non_null(line);
        assert_memory_equal(line, ": i64 ", 6);
        line += 6;
        if (strncasecmp(line, name, strlen(name)) != 0)
            fail_msg("%s is not in \"%.20s\"", name, line);
    }
    free(text);
}

static void test_every_row_of_the_table_is_sensible(void **state)
{
    (void)state;
    for (unsigned op = 1; op < IR_OP_COUNT; op++) {
        const struct ir_op_info *info = &ir_op_info[op];
        bool operand_ok = strchr("VIWLQ", info->result) != NULL;
        for (unsigned n = 0; n < 3; n++)
            operand_ok &= strchr("-IWLQiwlq", info->operand[n]) != NULL;
        bool pure_ok = !(info->traits & IR_P) || !(info->traits & (IR_X | IR_B | IR_E));
        bool does_ok = info->result != 'V' || !(info->traits & IR_P) || (info->traits & IR_S);
        bool leaves_ok = !(info->traits & (IR_B | IR_E)) || (info->traits & IR_X);
        bool flags_ok = !(info->traits & IR_S) || !(info->traits & IR_X);
        if (!operand_ok || !pure_ok || !does_ok || !leaves_ok || !flags_ok || !*info->text)
            fail_msg("the row of %s: operands %d pure %d result %d leaves %d flags %d", info->name,
                     operand_ok, pure_ok, does_ok, leaves_ok, flags_ok);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_verify_accepts_a_sound_block),
        TEST(test_verify_finds_a_wrong_type),
        TEST(test_verify_finds_a_forward_reference),
        TEST(test_verify_finds_operands_too_many_or_too_few),
        TEST(test_verify_finds_a_missing_or_early_end),
        TEST(test_verify_finds_bad_marks),
        TEST(test_verify_finds_a_pair_alone),
        TEST(test_verify_finds_the_use_of_something_dropped),
        TEST(test_print_shows_operands_and_marks),
        TEST(test_print_names_every_operation),
        TEST(test_every_row_of_the_table_is_sensible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
