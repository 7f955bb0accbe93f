/* dev/TEMPLATE.c: the device to copy, and with this file the test to copy. */
#include "dev_test.h"

int template_create(struct vm *vm, const char *name, uint64_t base, struct irq irq, struct err *e);

enum { CTRL = 0x00, LOAD = 0x04, VALUE = 0x08, STATUS = 0x0c, ID = 0xfc };

static struct machine *with_template(void)
{
    struct machine *m = machine_create();
    struct err e = {0};
    assert_int_equal(template_create(&m->vm, "template", DEV_BASE, machine_irq(m), &e), 0);
    return m;
}

static void test_template_reset_values(void **s)
{
    (void)s;
    struct machine *m = with_template();
    assert_int_equal(rd(m, CTRL), 0);
    assert_int_equal(rd(m, LOAD), 0);
    assert_int_equal(rd(m, VALUE), 0);
    assert_int_equal(rd(m, STATUS), 0);
    assert_int_equal(rd(m, ID), 0x54504d31);
    assert_false(m->line);
    machine_destroy(m);
}

static void test_template_unknown_and_read_only_registers_are_raz_wi(void **s)
{
    (void)s;
    struct machine *m = with_template();
    assert_int_equal(rd(m, 0x40), 0);
    wr(m, 0x40, 1);
    wr(m, ID, 1);
    wr(m, VALUE, 1);
    assert_int_equal(guest_errors(m->vm.devices), 4);
    assert_int_equal(rd(m, ID), 0x54504d31);
    wr(m, CTRL, 0xffffffff);
    assert_int_equal(rd(m, CTRL), 1);
    machine_destroy(m);
}

static void test_template_accepts_word_accesses_only(void **s)
{
    (void)s;
    struct machine *m = with_template();
    assert_int_equal(rd_size(m, ID, 1), 0);
    assert_int_equal(rd_size(m, 0xf8, 8), 0);
    wr_size(m, CTRL, 2, 1);
    assert_int_equal(rd(m, CTRL), 0);
    assert_int_equal(guest_errors(m->vm.devices), 3);
    machine_destroy(m);
}

static void test_template_interrupts_when_time_is_up(void **s)
{
    (void)s;
    struct machine *m = with_template();
    wr(m, CTRL, 1);
    wr(m, LOAD, 10);
    clock_advance_to(&m->vm.clock, 4000);
    assert_int_equal(rd(m, VALUE), 6);
    assert_false(m->line);
    clock_advance_to(&m->vm.clock, 10000);
    assert_true(m->line);
    assert_int_equal(rd(m, STATUS), 1);
    wr(m, STATUS, 1);
    assert_false(m->line);
    machine_destroy(m);
}

static void test_template_state(void **s)
{
    (void)s;
    struct machine *m = with_template(), *fresh = with_template();
    struct device *d = m->vm.devices;
    wr(m, CTRL, 1);
    wr(m, LOAD, 10);
    check_save_load(d, fresh->vm.devices);
    clock_advance_to(&fresh->vm.clock, 10000);
    assert_true(fresh->line); /* the loaded timer runs */
    check_hostile_loads(d);
    check_load_refuses(d, "load", 4, 0); /* running without a period */
    machine_destroy(fresh);

    fresh = with_template();
    check_reset_is_fresh(d, fresh->vm.devices);
    machine_destroy(fresh);
    machine_destroy(m);
}

static void test_template_creation_failures(void **s)
{
    (void)s;
    struct machine *m = with_template();
    struct err e = {0};
    assert_int_equal(template_create(&m->vm, "second", DEV_BASE, machine_irq(m), &e), -EINVAL);
    assert_non_null(strstr(e.text, "second"));
    fault_arm(1);
    assert_int_equal(template_create(&m->vm, "third", 0, machine_irq(m), &e), -ENOMEM);
    fault_arm(0);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template_reset_values),
        cmocka_unit_test(test_template_unknown_and_read_only_registers_are_raz_wi),
        cmocka_unit_test(test_template_accepts_word_accesses_only),
        cmocka_unit_test(test_template_interrupts_when_time_is_up),
        cmocka_unit_test(test_template_state),
        cmocka_unit_test(test_template_creation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
