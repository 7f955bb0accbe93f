/* Field tables: state/state.h. */
#include "state/state.h"

#include "base/bits.h"
#include "base/fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct thing {
    uint32_t a;
    uint8_t mode;
    bool on;
    uint64_t wide[3];
    uint16_t level;
    uint8_t raw[5];
    uint32_t cache;
    void *wire;
};

#define T struct thing
static const struct state_field thing_fields[] = {
    F_UINT(T, a),           F_UINT_MAX(T, mode, 3), F_BOOL(T, on),
    F_ARRAY(T, wide, uint64_t), F_UINT_MAX(T, level, 1000), F_BYTES(T, raw),
    F_DERIVED(T, cache, "recomputed"), F_WIRING(T, wire), F_END,
};

static const struct thing sample = {
    .a = 0x11223344, .mode = 2, .on = true, .wide = {1, 2, UINT64_MAX}, .level = 1000,
    .raw = {9, 8, 7, 6, 5}, .cache = 77,
};

static struct buf saved(const struct thing *t)
{
    struct buf b = {0};
    assert_int_equal(state_save(thing_fields, t, &b), 0);
    return b;
}

/* Loads and expects a refusal whose text has `word`; the object must be untouched. */
static void expect_refused(const uint8_t *data, size_t len, const char *word)
{
    struct thing t, before;
    memset(&t, 0x5a, sizeof(t));
    t.on = false;
    before = t;
    struct err e = {0};
    size_t used = 12345;
    assert_int_equal(state_load(thing_fields, &t, data, len, &used, &e), -EINVAL);
    if (!strstr(e.text, word))
        fail_msg("'%s' does not mention '%s'", e.text, word);
    assert_int_equal(used, 12345);
    assert_memory_equal(&t, &before, sizeof(t));
}

/* Offset in the stream of the header (name length byte) of a field. */
static size_t header_of(const struct buf *b, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 4; i + n < b->len; i++) {
        if (b->data[i] == n && memcmp(b->data + i + 1, name, n) == 0)
            return i;
    }
    fail_msg("no field %s", name);
    return 0;
}

static size_t data_of(const struct buf *b, const char *name)
{
    return header_of(b, name) + strlen(name) + 6;
}

static void test_save_load_save_is_identical(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    struct thing t = {.cache = 5};
    size_t used;
    struct err e = {0};
    assert_int_equal(state_load(thing_fields, &t, b.data, b.len, &used, &e), 0);
    assert_int_equal(used, b.len);
    assert_null(state_diff(thing_fields, &sample, &t));
    assert_int_equal(t.cache, 5); /* derived: not in the stream */
    struct buf c = saved(&t);
    assert_int_equal(c.len, b.len);
    assert_memory_equal(c.data, b.data, b.len);
    buf_fini(&b);
    buf_fini(&c);
}

static void test_encoding_is_the_documented_one(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    const uint8_t expect[] = {6, 0, 0, 0, 1, 'a', 4, 1, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 4, 'm'};
    assert_memory_equal(b.data, expect, sizeof(expect));
    buf_fini(&b);
}

static void test_load_consumes_one_object_of_several(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    size_t one = b.len;
    struct thing other = sample;
    other.a = 7;
    assert_int_equal(state_save(thing_fields, &other, &b), 0);
    struct thing t = {0};
    size_t used;
    assert_int_equal(state_load(thing_fields, &t, b.data, b.len, &used, NULL), 0);
    assert_int_equal(used, one);
    assert_int_equal(state_load(thing_fields, &t, b.data + one, b.len - one, &used, NULL), 0);
    assert_int_equal(t.a, 7);
    buf_fini(&b);
}

static void test_load_goes_by_name_not_order(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    size_t mode = header_of(&b, "mode"), on = header_of(&b, "on");
    struct buf c = {0}; /* a and mode swapped */
    assert_int_equal(buf_append(&c, b.data, 4), 0);
    assert_int_equal(buf_append(&c, b.data + mode, on - mode), 0);
    assert_int_equal(buf_append(&c, b.data + 4, mode - 4), 0);
    assert_int_equal(buf_append(&c, b.data + on, b.len - on), 0);
    struct thing t = {0};
    size_t used;
    assert_int_equal(state_load(thing_fields, &t, c.data, c.len, &used, NULL), 0);
    assert_null(state_diff(thing_fields, &sample, &t));
    buf_fini(&b);
    buf_fini(&c);
}

static void test_load_rejects_every_truncation(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    for (size_t n = 0; n < b.len; n++) {
        uint8_t *exact = malloc(n ? n : 1); /* so that the sanitizer sees a read past the end */
        assert_non_null(exact);
        memcpy(exact, b.data, n);
        expect_refused(exact, n, "ends");
        free(exact);
    }
    buf_fini(&b);
}

static void test_load_rejects_unknown_duplicate_and_missing_fields(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    size_t mode = header_of(&b, "mode");

    b.data[5] = 'b';
    expect_refused(b.data, b.len, "unknown field 'b'");
    b.data[5] = '\n';
    expect_refused(b.data, b.len, "unknown field '?'");
    b.data[5] = 'a';

    struct buf c = {0};
    uint32_t count = 7;
    assert_int_equal(buf_append(&c, &count, 4), 0);
    assert_int_equal(buf_append(&c, b.data + 4, mode - 4), 0);
    assert_int_equal(buf_append(&c, b.data + 4, b.len - 4), 0);
    expect_refused(c.data, c.len, "'a' is there twice");

    b.data[0] = 5; /* the last field is left out */
    expect_refused(b.data, b.len, "'raw' is missing");
    b.data[0] = 0;
    expect_refused(b.data, b.len, "'a' is missing");
    b.data[3] = 0xff; /* an absurd count */
    expect_refused(b.data, b.len, "");
    buf_fini(&b);
    buf_fini(&c);
}

static void test_load_rejects_rows_that_are_not_saved(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    const uint8_t extra[] = {5, 'c', 'a', 'c', 'h', 'e', 4, 1, 0, 0, 0, 1, 2, 3, 4};
    assert_int_equal(buf_append(&b, extra, sizeof(extra)), 0);
    b.data[0] = 7;
    expect_refused(b.data, b.len, "unknown field 'cache'");
    buf_fini(&b);
}

static void test_load_rejects_wrong_sizes_and_counts(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    size_t size_at = header_of(&b, "raw") + 4;
    b.data[size_at] = 5; /* five elements of one byte as one of five */
    b.data[size_at + 1] = 1;
    expect_refused(b.data, b.len, "'raw'");
    b.data[size_at] = 1;
    b.data[size_at + 1] = 4;
    expect_refused(b.data, b.len, "'raw'");
    b.data[size_at] = 255;
    memset(b.data + size_at + 1, 0xff, 4);
    expect_refused(b.data, b.len, "ends");
    b.data[size_at] = 0; /* no bytes at all, many elements */
    expect_refused(b.data, b.len, "'raw'");
    buf_fini(&b);
}

static void test_load_rejects_values_above_the_maximum(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    size_t level = data_of(&b, "level"), mode = data_of(&b, "mode");
    le_store(b.data + level, 2, 1001);
    expect_refused(b.data, b.len, "'level' is 1001");
    le_store(b.data + level, 2, 0);
    b.data[mode] = 4;
    expect_refused(b.data, b.len, "'mode'");
    b.data[mode] = 3;
    struct thing t = {0};
    size_t used;
    assert_int_equal(state_load(thing_fields, &t, b.data, b.len, &used, NULL), 0);
    assert_int_equal(t.mode, 3);
    buf_fini(&b);
}

static void test_load_rejects_booleans_other_than_0_and_1(void **s)
{
    (void)s;
    struct buf b = saved(&sample);
    b.data[data_of(&b, "on")] = 2;
    expect_refused(b.data, b.len, "'on'");
    b.data[data_of(&b, "on")] = 0xff;
    expect_refused(b.data, b.len, "'on'");
    buf_fini(&b);
}

static void test_diff_names_the_first_difference(void **s)
{
    (void)s;
    struct thing t = sample;
    assert_null(state_diff(thing_fields, &sample, &t));
    t.cache = 1;
    t.wire = &t;
    assert_null(state_diff(thing_fields, &sample, &t));
    t.raw[4] = 0;
    assert_string_equal(state_diff(thing_fields, &sample, &t), "raw");
    t.wide[2] = 0;
    assert_string_equal(state_diff(thing_fields, &sample, &t), "wide");
}

static void test_dump_prints_a_line_per_saved_field(void **s)
{
    (void)s;
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    struct thing t = sample;
    t.wide[0] = t.wide[1] = 4;
    state_dump(thing_fields, &t, "dev", f);
    fclose(f);
    assert_string_equal(text, "dev.a = 0x11223344\ndev.mode = 0x2\ndev.on = 0x1\n"
                              "dev.wide = 0x4*2 0xffffffffffffffff\ndev.level = 0x3e8\n"
                              "dev.raw = 0x9 0x8 0x7 0x6 0x5\n");
    free(text);
}

static void test_uncovered_accepts_a_complete_table(void **s)
{
    (void)s;
    assert_null(state_uncovered(thing_fields, sizeof(struct thing)));
}

static void test_uncovered_finds_a_member_without_row(void **s)
{
    (void)s;
    const struct state_field no_a[] = {
        F_UINT(T, mode), F_BOOL(T, on), F_ARRAY(T, wide, uint64_t), F_UINT(T, level),
        F_BYTES(T, raw), F_UINT(T, cache), F_WIRING(T, wire), F_END};
    assert_string_equal(state_uncovered(no_a, sizeof(T)), "(the beginning)");
    const struct state_field no_on[] = {
        F_UINT(T, a), F_UINT(T, mode), F_ARRAY(T, wide, uint8_t), F_UINT(T, level), F_BYTES(T, raw),
        F_UINT(T, cache), F_WIRING(T, wire), F_END};
    assert_string_equal(state_uncovered(no_on, sizeof(T)), "mode");
    const struct state_field no_wire[] = {
        F_UINT(T, a), F_UINT(T, mode), F_BOOL(T, on), F_ARRAY(T, wide, uint64_t), F_UINT(T, level),
        F_BYTES(T, raw), F_UINT(T, cache), F_END};
    assert_string_equal(state_uncovered(no_wire, sizeof(T)), "cache");
}

static void test_uncovered_finds_overlapping_rows(void **s)
{
    (void)s;
    const struct state_field twice[] = {
        F_UINT(T, a), F_UINT(T, mode), F_BOOL(T, on), F_ARRAY(T, wide, uint64_t), F_UINT(T, level),
        F_BYTES(T, raw), F_UINT(T, cache), F_WIRING(T, wire), F_UINT(T, mode), F_END};
    assert_string_equal(state_uncovered(twice, sizeof(T)), "mode");
}

static void test_save_without_memory_leaves_the_buffer(void **s)
{
    (void)s;
    for (unsigned long n = 1;; n++) {
        struct buf b = {0};
        fault_arm(n);
        int r = state_save(thing_fields, &sample, &b);
        const char *hit = fault_arm(0);
        if (!hit) {
            assert_int_equal(r, 0);
            buf_fini(&b);
            return;
        }
        assert_int_equal(r, -ENOMEM);
        assert_int_equal(b.len, 0);
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_save_load_save_is_identical),
        cmocka_unit_test(test_encoding_is_the_documented_one),
        cmocka_unit_test(test_load_consumes_one_object_of_several),
        cmocka_unit_test(test_load_goes_by_name_not_order),
        cmocka_unit_test(test_load_rejects_every_truncation),
        cmocka_unit_test(test_load_rejects_unknown_duplicate_and_missing_fields),
        cmocka_unit_test(test_load_rejects_rows_that_are_not_saved),
        cmocka_unit_test(test_load_rejects_wrong_sizes_and_counts),
        cmocka_unit_test(test_load_rejects_values_above_the_maximum),
        cmocka_unit_test(test_load_rejects_booleans_other_than_0_and_1),
        cmocka_unit_test(test_diff_names_the_first_difference),
        cmocka_unit_test(test_dump_prints_a_line_per_saved_field),
        cmocka_unit_test(test_uncovered_accepts_a_complete_table),
        cmocka_unit_test(test_uncovered_finds_a_member_without_row),
        cmocka_unit_test(test_uncovered_finds_overlapping_rows),
        cmocka_unit_test(test_save_without_memory_leaves_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
