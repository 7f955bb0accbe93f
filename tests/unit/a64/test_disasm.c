/* The disassembler: known words, every template, and the buffer contract. */
#include "a64/disasm.h"
#include "a64_ops.h"
#include "base/bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_disasm_prints_known_words(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t word;
        const char *text;
    } known[] = {
        {0x91000420, "add x0, x1, #0x1"},
        {0x914007ff, "add sp, sp, #0x1, lsl #12"},
        {0x8b226020, "add x0, x1, x2, uxtx"},
        {0x0b2b4d6a, "add w10, w11, w11, uxtw #3"},
        {0xca829062, "eor x2, x3, x2, asr #36"},
        {0x4a829062, ".inst 0x4a829062"},
        {0x9240ec00, "and x0, x0, #0xfffffffffffffff"},
        {0x14000001, "b 0x1004"},
        {0x17ffffff, "b 0xffc"},
        {0x54000040, "b.eq 0x1008"},
        {0xb7f80021, "tbnz x1, #63, 0x1004"},
        {0x37000021, "tbnz w1, #0, 0x1004"},
        {0x90000001, "adrp x1, 0x1000"},
        {0x30000001, "adr x1, 0x1001"},
        {0xd65f03c0, "ret x30"},
        {0xd503201f, "nop"},
        {0xd5033bbf, "dmb ish"},
        {0xd5033fdf, "isb"},
        {0xd50342df, "msr daifset, #0x2"},
        {0xd53b4200, "mrs x0, nzcv"},
        {0xd538f800, "mrs x0, s3_0_c15_c8_0"},
        {0xd2b00001, "movz x1, #0x8000, lsl #16"},
        {0xffffffff, ".inst 0xffffffff"},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        char text[128];
        size_t len = a64_disasm(known[i].word, 0x1000, text, sizeof(text));
        assert_string_equal(text, known[i].text);
        assert_int_equal(len, strlen(text));
    }
}

/* "{?}" stands for a placeholder of unknown kind. */
static void test_disasm_understands_every_template(void **unused)
{
    (void)unused;
    uint32_t noise = 12345;
    for (unsigned op = 1; op < A64_OP_COUNT; op++) {
        for (unsigned n = 0; n < 8; n++) {
            char text[256];
            noise = noise * 1664525u + 1013904223u;
            uint32_t fields = n == 0 ? 0 : n == 1 ? UINT32_MAX : noise ^ noise >> 16;
            uint32_t word = (fields & ~a64_op_info[op].mask) | a64_op_info[op].value;
            size_t len = a64_disasm(word, 0, text, sizeof(text));
            assert_true(len > 1 && len < sizeof(text));
            if (strstr(text, "{?}"))
                fail_msg("%s: %s", a64_op_info[op].name, a64_op_info[op].template);
        }
    }
}

static void test_disasm_never_writes_past_the_buffer(void **unused)
{
    (void)unused;
    char text[16];
    for (size_t size = 0; size < sizeof(text); size++) {
        memset(text, 'Z', sizeof(text));
        size_t len = a64_disasm(0x8b226020, 0, text, size);
        assert_int_equal(len, strlen("add x0, x1, x2, uxtx"));
        if (size)
            assert_int_equal(strlen(text), size - 1);
        assert_int_equal(text[size], 'Z');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disasm_prints_known_words),
        cmocka_unit_test(test_disasm_understands_every_template),
        cmocka_unit_test(test_disasm_never_writes_past_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
