/* vm/journal.c: the live journal changes nothing; the fixed one is a function of its seed. */
#include "vm/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

static struct journal fixed(uint64_t seed)
{
    struct journal j = {.ops = &journal_live_ops};
    journal_fix(&j, seed);
    return j;
}

static void test_live_journal_hands_values_through(void **state)
{
    (void)state;
    struct journal j = {.ops = &journal_live_ops};
    uint8_t data[4] = {1, 2, 3, 4};
    for (int kind = JOURNAL_TIME; kind <= JOURNAL_STEAL; kind++) {
        assert_int_equal(journal_value(&j, (enum journal_kind)kind, 99), 99);
        assert_int_equal(journal_bytes(&j, (enum journal_kind)kind, data, 3, 4), 3);
    }
    assert_memory_equal(data, ((uint8_t[]){1, 2, 3, 4}), 4);
}

static void test_fixed_journal_repeats_by_seed(void **state)
{
    (void)state;
    struct journal a = fixed(1), b = fixed(1), c = fixed(2);
    uint8_t x[37] = {0}, y[37] = {1}, z[37] = {2};
    for (unsigned i = 0; i < 100; i++) {
        uint64_t v = journal_value(&a, JOURNAL_RANDOM, i);
        assert_int_equal(v, journal_value(&b, JOURNAL_RANDOM, i + 1)); /* whatever is live */
        assert_int_not_equal(v, journal_value(&c, JOURNAL_RANDOM, i));
    }
    assert_int_equal(journal_bytes(&a, JOURNAL_RANDOM, x, sizeof(x), sizeof(x)), sizeof(x));
    assert_int_equal(journal_bytes(&b, JOURNAL_RANDOM, y, sizeof(y), sizeof(y)), sizeof(y));
    assert_int_equal(journal_bytes(&c, JOURNAL_RANDOM, z, sizeof(z), sizeof(z)), sizeof(z));
    assert_memory_equal(x, y, sizeof(x));
    assert_memory_not_equal(x, z, sizeof(x));
}

static void test_fixed_journal_does_not_repeat_itself(void **state)
{
    (void)state;
    struct journal j = fixed(0);
    uint64_t seen[200];
    for (unsigned i = 0; i < 200; i++) {
        seen[i] = journal_value(&j, JOURNAL_RANDOM, 0);
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(seen[i], seen[k]);
    }
}

static void test_fixed_journal_has_one_date_and_takes_input(void **state)
{
    (void)state;
    struct journal a = fixed(1), b = fixed(2);
    uint8_t key = 'x';
    assert_int_equal(journal_value(&a, JOURNAL_WALL, 1), journal_value(&b, JOURNAL_WALL, 2));
    assert_int_equal(journal_value(&a, JOURNAL_DMA, 5), 5);
    assert_int_equal(journal_value(&a, JOURNAL_STEAL, 5), 0);
    assert_int_equal(journal_bytes(&a, JOURNAL_INPUT, &key, 1, 1), 1);
    assert_int_equal(key, 'x');
}

/* The guest's seeds must not be what RNDR gives it next. */
static void test_seed_bytes_are_another_sequence(void **state)
{
    (void)state;
    struct journal j = fixed(3);
    uint8_t seeds[16], again[16], random[16];
    journal_seed_bytes(3, seeds, sizeof(seeds));
    journal_seed_bytes(3, again, sizeof(again));
    (void)journal_bytes(&j, JOURNAL_RANDOM, random, sizeof(random), sizeof(random));
    assert_memory_equal(seeds, again, sizeof(seeds));
    assert_memory_not_equal(seeds, random, sizeof(seeds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_journal_hands_values_through),
        cmocka_unit_test(test_fixed_journal_repeats_by_seed),
        cmocka_unit_test(test_fixed_journal_does_not_repeat_itself),
        cmocka_unit_test(test_fixed_journal_has_one_date_and_takes_input),
        cmocka_unit_test(test_seed_bytes_are_another_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
