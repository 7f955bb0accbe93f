/* The vCPU's field table covers its structure, and a save and load gives the same state back. */
#include "vm/vcpu.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_vcpu_table_covers_the_structure(void **state)
{
    (void)state;
    const char *hole = state_uncovered(vcpu_fields, sizeof(struct a64_cpu));
    if (hole)
        fail_msg("not covered after '%s'", hole);
}

static void test_vcpu_saves_and_loads(void **state)
{
    (void)state;
    static struct a64_cpu a, b;
    for (unsigned i = 0; i < 31; i++)
        a.x[i] = i * UINT64_C(0x0123456789abcdef);
    a.pc = 0x40080000;
    a.el = 1;
    a.v[3].d[1] = 7;
    a.sys[A64_TTBR0_EL1] = 0x41000000;
    a.nzcv = PSTATE_C;
    struct buf out = {0};
    size_t used = 0;
    assert_int_equal(state_save(vcpu_fields, &a, &out), 0);
    assert_int_equal(state_load(vcpu_fields, &b, out.data, out.len, &used, NULL), 0);
    assert_int_equal(used, out.len);
    assert_null(state_diff(vcpu_fields, &a, &b));
    b.sys[A64_TTBR0_EL1]++;
    assert_string_equal(state_diff(vcpu_fields, &a, &b), "sys");
    buf_fini(&out);
}

static void test_vcpu_load_rejects_impossible_levels(void **state)
{
    (void)state;
    static struct a64_cpu a, b;
    struct err e = {0};
    struct buf out = {0};
    size_t used;
    a.el = 9;
    assert_int_equal(state_save(vcpu_fields, &a, &out), 0);
    assert_int_equal(state_load(vcpu_fields, &b, out.data, out.len, &used, &e), -EINVAL);
    assert_non_null(strstr(e.text, "el"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vcpu_table_covers_the_structure),
        cmocka_unit_test(test_vcpu_saves_and_loads),
        cmocka_unit_test(test_vcpu_load_rejects_impossible_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
