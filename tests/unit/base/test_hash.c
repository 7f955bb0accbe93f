/* base/hash.c: a changed bit, length, order or seed shows; where the bytes lie does not. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#define BYTES 77u

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 37 + 11);
}

static void test_each_bit_changes_the_hash(void **state)
{
    (void)state;
    uint8_t data[BYTES];
    fill(data, sizeof(data));
    for (size_t n = 0; n <= BYTES; n++) {
        uint64_t before = hash_bytes(data, n, 0);
        for (size_t b = 0; b < 8 * n; b++) {
            data[b / 8] ^= (uint8_t)(1u << b % 8);
            assert_int_not_equal(hash_bytes(data, n, 0), before);
            data[b / 8] ^= (uint8_t)(1u << b % 8);
        }
        assert_int_equal(hash_bytes(data, n, 0), before);
    }
}

static void test_zeros_of_other_lengths_differ(void **state)
{
    (void)state;
    static const uint8_t zeros[200];
    uint64_t seen[sizeof(zeros)];
    for (size_t n = 0; n < sizeof(zeros); n++) {
        seen[n] = hash_bytes(zeros, n, 0);
        for (size_t k = 0; k < n; k++)
            assert_int_not_equal(seen[n], seen[k]);
    }
}

static void test_exchanged_words_and_seeds_differ(void **state)
{
    (void)state;
    const uint64_t ab[8] = {1, 2, 3, 4, 5, 6, 7, 8}, ba[8] = {5, 2, 3, 4, 1, 6, 7, 8};
    uint64_t h = hash_bytes(ab, sizeof(ab), 0);
    assert_int_not_equal(h, hash_bytes(ba, sizeof(ba), 0));
    assert_int_not_equal(h, hash_bytes(ab, sizeof(ab), 1));
    assert_int_equal(h, hash_bytes(ab, sizeof(ab), 0));
}

static void test_place_of_the_bytes_does_not_matter(void **state)
{
    (void)state;
    uint8_t room[BYTES + 8], data[BYTES];
    fill(data, sizeof(data));
    for (unsigned at = 0; at < 8; at++) {
        memset(room, 0xaa, sizeof(room));
        memcpy(room + at, data, sizeof(data));
        assert_int_equal(hash_bytes(room + at, sizeof(data), 7), hash_bytes(data, BYTES, 7));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bit_changes_the_hash),
        cmocka_unit_test(test_zeros_of_other_lengths_differ),
        cmocka_unit_test(test_exchanged_words_and_seeds_differ),
        cmocka_unit_test(test_place_of_the_bytes_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
