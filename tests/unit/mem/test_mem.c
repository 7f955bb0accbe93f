/* Guest RAM: no address outside it ever becomes a host pointer. */
#include "base/fault.h"
#include "mem/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BASE UINT64_C(0x40000000)
#define BYTES UINT64_C(0x100000)

static int set_up(void **state)
{
    static struct mem m;
    *state = &m;
    return mem_create(&m, BASE, BYTES, NULL);
}

static int tear_down(void **state)
{
    mem_destroy(*state);
    return 0;
}

static void test_mem_ptr_accepts_exactly_ram(void **state)
{
    struct mem *m = *state;
    assert_ptr_equal(mem_ptr(m, BASE, 1, MEM_READ), m->ram);
    assert_ptr_equal(mem_ptr(m, BASE, BYTES, MEM_READ), m->ram);
    assert_ptr_equal(mem_ptr(m, BASE + BYTES - 1, 1, MEM_WRITE), m->ram + BYTES - 1);
    assert_null(mem_ptr(m, BASE - 1, 1, MEM_READ));
    assert_null(mem_ptr(m, BASE - 1, 2, MEM_READ));
    assert_null(mem_ptr(m, BASE + BYTES, 1, MEM_READ));
    assert_null(mem_ptr(m, BASE + BYTES - 1, 2, MEM_READ));
    assert_null(mem_ptr(m, BASE, BYTES + 1, MEM_READ));
    assert_null(mem_ptr(m, BASE + 16, UINT64_MAX, MEM_READ));
    assert_null(mem_ptr(m, UINT64_MAX, 2, MEM_READ));
    assert_null(mem_ptr(m, 0, 1, MEM_READ));
}

static void test_mem_copies_are_all_or_nothing(void **state)
{
    struct mem *m = *state;
    char in[8] = "abcdefg", out[8] = "-------";
    assert_true(mem_write(m, BASE + 100, in, 8));
    assert_true(mem_read(m, BASE + 100, out, 8));
    assert_string_equal(out, in);
    assert_false(mem_write(m, BASE + BYTES - 4, "XXXXXXX", 8));
    assert_true(mem_read(m, BASE + BYTES - 4, out, 4));
    assert_memory_equal(out, "\0\0\0\0", 4);
    assert_false(mem_read(m, BASE + BYTES - 4, out, 8));
}

static void test_mem_reset_zeroes(void **state)
{
    struct mem *m = *state;
    assert_true(mem_write(m, BASE + 5000, "x", 1));
    assert_int_equal(mem_reset(m, NULL), 0);
    char c = 1;
    assert_true(mem_read(m, BASE + 5000, &c, 1));
    assert_int_equal(c, 0);
}

static uint64_t hook_pages[8];
static unsigned hook_count;

static void record(void *arg, uint64_t page)
{
    (void)arg;
    hook_pages[hook_count++ % 8] = page;
}

static void test_mem_reports_writes_to_code_pages(void **state)
{
    struct mem *m = *state;
    m->code_hook = record;
    hook_count = 0;
    mem_code_mark(m, 3, true);
    mem_code_mark(m, 4, true);
    assert_true(mem_write(m, BASE + 0x2fff, "x", 1)); /* page 2 */
    assert_int_equal(hook_count, 0);
    assert_true(mem_write(m, BASE + 0x2fff, "xy", 2)); /* pages 2 and 3 */
    assert_int_equal(hook_count, 1);
    assert_int_equal(hook_pages[0], 3);
    mem_wrote(m, BASE + 0x3ffe, 4); /* pages 3 and 4 */
    assert_int_equal(hook_count, 3);
    assert_int_equal(hook_pages[2], 4);
    mem_code_mark(m, 3, false);
    mem_wrote(m, BASE + 0x3000, 8);
    assert_int_equal(hook_count, 3);
}

static void test_mem_create_survives_every_fault(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct mem m;
        struct err e = {0};
        fault_arm(n);
        int r = mem_create(&m, BASE, BYTES, &e);
        bool hit = fault_arm(0) != NULL;
        assert_int_equal(r < 0, hit);
        mem_destroy(&m);
        if (!hit)
            break;
        assert_true(e.text[0] != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mem_ptr_accepts_exactly_ram, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mem_copies_are_all_or_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mem_reset_zeroes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mem_reports_writes_to_code_pages, set_up, tear_down),
        cmocka_unit_test(test_mem_create_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
