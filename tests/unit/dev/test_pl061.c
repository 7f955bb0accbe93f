/* dev/pl061.c against DDI 0190. */
#include "dev/pl061.h"
#include "dev_test.h"

enum {
    DATA = 0x3fc, DIR = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c, IE = 0x410, RIS = 0x414,
    MIS = 0x418, IC = 0x41c, AFSEL = 0x420,
};

static struct machine *with_gpio(struct pl061 **p)
{
    struct machine *m = machine_create();
    struct err e = {0};
    assert_int_equal(pl061_create(&m->vm, "pl061", DEV_BASE, machine_irq(m), p, &e), 0);
    return m;
}

static void test_pl061_reset_values(void **s)
{
    (void)s;
    struct pl061 *p;
    struct machine *m = with_gpio(&p);
    for (unsigned reg = 0; reg <= AFSEL; reg += 4) {
        if (reg != IC)
            assert_int_equal(rd(m, reg), 0);
    }
    assert_int_equal(guest_errors(m->vm.devices), 0);
    const uint8_t id[] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(rd(m, 0xfe0 + 4 * i), id[i]);
    machine_destroy(m);
}

static void test_pl061_data_is_masked_by_the_address(void **s)
{
    (void)s;
    struct pl061 *p;
    struct machine *m = with_gpio(&p);
    wr(m, DIR, 0xf0);
    wr(m, DATA, 0xff);
    assert_int_equal(rd(m, DATA), 0xf0); /* inputs cannot be written */
    wr(m, 0x10 << 2, 0);
    assert_int_equal(rd(m, DATA), 0xe0);
    assert_int_equal(rd(m, 0x60 << 2), 0x60);
    assert_int_equal(rd(m, 0), 0);
    pl061_set_input(p, 0, true);
    pl061_set_input(p, 7, true); /* an output: the wire is not seen */
    assert_int_equal(rd(m, DATA), 0xe1);
    wr(m, DIR, 0);
    assert_int_equal(rd(m, DATA), 0x81);
    machine_destroy(m);
}

static void test_pl061_edges(void **s)
{
    (void)s;
    struct pl061 *p;
    struct machine *m = with_gpio(&p);
    wr(m, IE, 0x08);
    wr(m, IEV, 0x08); /* rising */
    pl061_set_input(p, 3, true);
    assert_true(m->line);
    pl061_set_input(p, 3, true);
    wr(m, IC, 0x08);
    assert_false(m->line);
    pl061_set_input(p, 3, false);
    assert_false(m->line);
    wr(m, IEV, 0); /* falling */
    pl061_set_input(p, 3, true);
    assert_false(m->line);
    pl061_set_input(p, 3, false);
    assert_true(m->line);
    wr(m, IC, 0xff);
    wr(m, IBE, 0x08);
    pl061_set_input(p, 3, true);
    assert_int_equal(rd(m, RIS), 8);
    wr(m, IC, 0xff);
    pl061_set_input(p, 3, false);
    assert_int_equal(rd(m, MIS), 8);
    wr(m, IE, 0);
    assert_false(m->line);
    assert_int_equal(rd(m, RIS), 8);
    assert_int_equal(rd(m, MIS), 0);
    machine_destroy(m);
}

static void test_pl061_levels_follow_the_wire(void **s)
{
    (void)s;
    struct pl061 *p;
    struct machine *m = with_gpio(&p);
    wr(m, IS, 0x02);
    wr(m, IEV, 0x02);
    wr(m, IE, 0x02);
    pl061_set_input(p, 1, true);
    assert_true(m->line);
    wr(m, IC, 0xff); /* no effect on levels */
    assert_true(m->line);
    pl061_set_input(p, 1, false);
    assert_false(m->line);
    wr(m, IEV, 0); /* low */
    assert_true(m->line);
    wr(m, DIR, 0x02); /* an output does not interrupt */
    assert_false(m->line);
    machine_destroy(m);
}

static void test_pl061_unknown_registers_are_raz_wi(void **s)
{
    (void)s;
    struct pl061 *p;
    struct machine *m = with_gpio(&p);
    wr(m, RIS, 0xff);
    wr(m, MIS, 0xff);
    wr(m, 0x424, 1);
    wr(m, 0xfe0, 1);
    assert_int_equal(rd(m, IC), 0);
    assert_int_equal(rd(m, 0x424), 0);
    assert_int_equal(rd_size(m, 0x3fd, 1), 0);
    assert_int_equal(guest_errors(m->vm.devices), 7);
    wr(m, AFSEL, 0xfff);
    assert_int_equal(rd(m, AFSEL), 0xff);
    machine_destroy(m);
}

static void test_pl061_state(void **s)
{
    (void)s;
    struct pl061 *p, *q;
    struct machine *m = with_gpio(&p), *other = with_gpio(&q);
    struct device *d = m->vm.devices;
    wr(m, IE, 0x09);
    wr(m, IEV, 0x09);
    wr(m, IS, 0x01);
    wr(m, IBE, 0x40);
    wr(m, DIR, 0x80);
    wr(m, DATA, 0x80);
    wr(m, AFSEL, 0x20);
    pl061_set_input(p, 3, true);
    check_save_load(d, other->vm.devices);
    assert_true(other->line);
    wr(other, IC, 0xff);
    assert_false(other->line);
    check_hostile_loads(d);
    machine_destroy(other);

    other = with_gpio(&q);
    check_reset_is_fresh(d, other->vm.devices);
    assert_false(m->line);
    machine_destroy(other);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pl061_reset_values),
        cmocka_unit_test(test_pl061_data_is_masked_by_the_address),
        cmocka_unit_test(test_pl061_edges),
        cmocka_unit_test(test_pl061_levels_follow_the_wire),
        cmocka_unit_test(test_pl061_unknown_registers_are_raz_wi),
        cmocka_unit_test(test_pl061_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
