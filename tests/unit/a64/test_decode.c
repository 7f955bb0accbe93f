/* The generated decoder against isa/a64.isa itself: what a line encodes it decodes, and every word
 * is decoded as the plain definition says (the matching line with the most fixed bits). */
#include "a64_encode.h"
#include "a64_ops.h"
#include "a64/features.h"
#include "base/bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* xorshift64*: the same words in each run. */
static uint32_t random_word(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

static bool line_matches(const struct a64_op_info *info, uint32_t word)
{
    if ((word & info->mask) != info->value)
        return false;
    for (unsigned i = 0; i < info->not_count; i++)
        if ((word & info->nots[i].mask) == info->nots[i].value)
            return false;
    return true;
}

/* The definition of decoding; checks the overlap rule on the way. */
static enum a64_op decode_linear(uint32_t word)
{
    enum a64_op best = A64_UNDEFINED;
    for (unsigned op = 1; op < A64_OP_COUNT; op++) {
        if (!line_matches(&a64_op_info[op], word))
            continue;
        uint32_t mask = a64_op_info[op].mask, other = a64_op_info[best].mask;
        assert_true(best == A64_UNDEFINED || (mask != other && ((mask & other) == mask ||
                                                                (mask & other) == other)));
        if (best == A64_UNDEFINED || (mask & other) == other)
            best = (enum a64_op)op;
    }
    return best;
}

static uint32_t (*const recode[A64_OP_COUNT])(uint32_t) = {
#define ROW(name) [A64_##name] = a64_recode_##name,
    A64_INSNS(ROW)
#undef ROW
};

static void test_decode_inverts_encode_for_every_line(void **unused)
{
    (void)unused;
    uint64_t state = 1;
    for (unsigned op = 1; op < A64_OP_COUNT; op++) {
        const struct a64_op_info *info = &a64_op_info[op];
        uint32_t used = info->mask;
        for (unsigned i = 0; i < info->field_count; i++)
            used |= (uint32_t)MASK(info->fields[i].width) << info->fields[i].lo;
        for (unsigned n = 0; n < 50; n++) {
            uint32_t word = (random_word(&state) & ~info->mask) | info->value;
            uint32_t made = recode[op](word);
            assert_int_equal(made, word & used);
            if (!line_matches(info, made))
                continue;
            enum a64_op got = a64_decode(made); /* the line or a more specific one */
            assert_int_equal(got, decode_linear(made));
            assert_int_equal(a64_op_info[got].mask & info->mask, info->mask);
        }
    }
}

static void test_decode_finds_the_most_specific_line_for_any_word(void **unused)
{
    (void)unused;
    uint64_t state = 2;
    for (unsigned n = 0; n < 100000; n++) {
        uint32_t word = random_word(&state);
        assert_int_equal(a64_decode(word), decode_linear(word));
    }
}

static void test_decode_is_exact_one_bit_away_from_every_line(void **unused)
{
    (void)unused;
    uint64_t state = 3;
    for (unsigned op = 1; op < A64_OP_COUNT; op++) {
        const struct a64_op_info *info = &a64_op_info[op];
        for (unsigned b = 0; b < 32; b++) {
            uint32_t word = (random_word(&state) & ~info->mask) | info->value;
            word ^= (uint32_t)BIT(b);
            assert_int_equal(a64_decode(word), decode_linear(word));
        }
    }
}

/* A reserved value is UNDEFINED or belongs to another line: never to this one. */
static void test_decode_gives_no_line_its_reserved_values(void **unused)
{
    (void)unused;
    uint64_t state = 4;
    for (unsigned op = 1; op < A64_OP_COUNT; op++) {
        const struct a64_op_info *info = &a64_op_info[op];
        for (unsigned i = 0; i < info->not_count; i++) {
            assert_int_equal(info->mask & info->nots[i].mask, 0);
            uint32_t word = (random_word(&state) & ~info->mask) | info->value;
            word = (word & ~info->nots[i].mask) | info->nots[i].value;
            assert_int_not_equal(a64_decode(word), op);
            assert_int_equal(a64_decode(word), decode_linear(word));
        }
    }
}

/* The CPACR check comes before the handler, so an SIMD&FP line has no reserved values in it. */
static void test_decode_leaves_no_fp_line_that_may_be_undefined(void **unused)
{
    (void)unused;
    for (unsigned op = 1; op < A64_OP_COUNT; op++)
        if (a64_op_info[op].traits & A64_TRAIT_FP)
            assert_false(a64_op_info[op].traits & A64_TRAIT_MAYBE_UNDEFINED);
}

static void test_decode_knows_the_reserved_values_of_the_manual(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t word;
        enum a64_op op;
    } known[] = {
        {0x12000000, A64_AND_i},  {0x12400000, A64_UNDEFINED}, /* N = 1 with sf = 0 */
        {0x9200fc00, A64_UNDEFINED},                           /* AND with imms = 111111 */
        {0x92007800, A64_AND_i},  {0x92007c00, A64_UNDEFINED}, /* imms = 011110, 011111 */
        {0x9240f800, A64_AND_i},  {0x9240fc00, A64_UNDEFINED}, /* N = 1, imms = 111111 */
        {0x9200f000, A64_AND_i},  {0x9200f400, A64_UNDEFINED}, /* imms = 111100, 111101 */
        {0x52a00000, A64_MOVZ},   {0x52c00000, A64_UNDEFINED}, /* hw = 2 with sf = 0 */
        {0x13007c00, A64_SBFM},   {0x13008000, A64_UNDEFINED}, /* imms = 32 with sf = 0 */
        {0x93400000, A64_SBFM},   {0x93000000, A64_UNDEFINED}, /* N = 0 with sf = 1 */
        {0x0b007c00, A64_ADD_s},  {0x0b008000, A64_UNDEFINED}, /* imm6 = 32 with sf = 0 */
        {0x4ee08400, A64_ADD_v},  {0x0ee08400, A64_UNDEFINED}, /* ADD of 1D */
        {0x4eb1b800, A64_ADDV_v}, {0x0eb1b800, A64_UNDEFINED}, /* ADDV of 2S */
        {0x4e60d400, A64_FADD_v}, {0x0e60d400, A64_UNDEFINED}, /* FADD of 1D */
        {0x4fc01000, A64_FMLA_e}, {0x4fe01000, A64_UNDEFINED}, /* FMLA of D with L = 1 */
        {0x6e004000, A64_EXT_v},  {0x2e004000, A64_UNDEFINED}, /* EXT of 8B with imm4 = 8 */
        {0x1e02fc00, A64_SCVTF_fx}, {0x1e027c00, A64_UNDEFINED}, /* 33 fraction bits of W */
        {0x48207c00, A64_CASP},   {0x48207c01, A64_UNDEFINED}, /* odd register */
        {0x2e40c400, A64_FCMLA_vh}, {0x2e00c400, A64_UNDEFINED}, /* FCMLA of bytes */
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        assert_int_equal(a64_decode(known[i].word), known[i].op);
}

static void test_decode_knows_words_from_the_manual(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t word;
        enum a64_op op;
    } known[] = {
        {0xd503201f, A64_NOP},    {0xd503207f, A64_WFI},       {0xd503229f, A64_CSDB},
        {0xd50323ff, A64_AUTIBSP}, {0xd503245f, A64_BTI},      {0xd5032ddf, A64_HINT},
        {0xd5033fdf, A64_ISB},    {0xd503309f, A64_SSBB},      {0xd5033f9f, A64_DSB},
        {0xd65f03c0, A64_RET},    {0xd69f03e0, A64_ERET},      {0x00000000, A64_UDF},
        {0x91000420, A64_ADD_i},  {0x8b226020, A64_ADD_x},     {0x8b020020, A64_ADD_s},
        {0xd53b4200, A64_MRS},    {0xd50342df, A64_MSR_i},     {0xd500401f, A64_CFINV},
        {0xd50b7420, A64_SYS},    {0x9bc27c20, A64_UMULH},     {0x54000001, A64_B_cond},
        {0x54000010, A64_UNDEFINED}, /* BC.cond, FEAT_HBC */
        {0x8bc20020, A64_UNDEFINED}, /* ADD with ROR */
        {0xd65f0bff, A64_UNDEFINED}, /* RETAA */
        {0xd5031000, A64_UNDEFINED}, /* WFET */
        {0xffffffff, A64_UNDEFINED},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        assert_int_equal(a64_decode(known[i].word), known[i].op);
}

static void test_decode_table_names_a_feature_of_every_line(void **unused)
{
    (void)unused;
    for (unsigned op = 1; op < A64_OP_COUNT; op++)
        assert_true(a64_op_info[op].feature < A64_FEATURE_COUNT &&
                    a64_op_info[op].feature2 < A64_FEATURE_COUNT);
    assert_int_equal(a64_op_info[A64_ADD_i].feature, A64_FEAT_BASE);
    assert_int_equal(a64_op_info[A64_CRC32B].feature, A64_FEAT_CRC32);
    assert_int_equal(a64_op_info[A64_FCMLA_vh].feature, A64_FEAT_FCMA);
    assert_int_equal(a64_op_info[A64_FCMLA_vh].feature2, A64_FEAT_FP16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode_inverts_encode_for_every_line),
        cmocka_unit_test(test_decode_finds_the_most_specific_line_for_any_word),
        cmocka_unit_test(test_decode_is_exact_one_bit_away_from_every_line),
        cmocka_unit_test(test_decode_gives_no_line_its_reserved_values),
        cmocka_unit_test(test_decode_leaves_no_fp_line_that_may_be_undefined),
        cmocka_unit_test(test_decode_knows_words_from_the_manual),
        cmocka_unit_test(test_decode_knows_the_reserved_values_of_the_manual),
        cmocka_unit_test(test_decode_table_names_a_feature_of_every_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
