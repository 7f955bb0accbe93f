/* dev/pl031.c against DDI 0224. */
#include "dev/pl031.h"
#include "dev_test.h"

enum { DR = 0, MR = 4, LR = 8, CR = 0xc, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c };

static struct machine *with_rtc(void)
{
    struct machine *m = machine_create();
    struct err e = {0};
    assert_int_equal(pl031_create(&m->vm, "pl031", DEV_BASE, machine_irq(m), &e), 0);
    return m;
}

static void at(struct machine *m, uint64_t ns)
{
    clock_advance_to(&m->vm.clock, ns);
}

static void test_pl031_reset_values(void **s)
{
    (void)s;
    struct machine *m = with_rtc();
    assert_int_equal(rd(m, DR), WALL_SECONDS);
    assert_int_equal(rd(m, MR), 0);
    assert_int_equal(rd(m, LR), 0);
    assert_int_equal(rd(m, CR), 1);
    assert_int_equal(rd(m, IMSC), 0);
    assert_int_equal(rd(m, RIS), 0);
    assert_int_equal(rd(m, MIS), 0);
    const uint8_t id[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(rd(m, 0xfe0 + 4 * i), id[i]);
    machine_destroy(m);
}

static void test_pl031_counts_virtual_seconds(void **s)
{
    (void)s;
    struct machine *m = with_rtc();
    at(m, SECOND_NS - 1);
    assert_int_equal(rd(m, DR), WALL_SECONDS);
    at(m, SECOND_NS);
    assert_int_equal(rd(m, DR), WALL_SECONDS + 1);
    wr(m, CR, 0); /* cannot be stopped */
    assert_int_equal(rd(m, CR), 1);
    at(m, 100 * SECOND_NS);
    assert_int_equal(rd(m, DR), WALL_SECONDS + 100);
    machine_destroy(m);
}

static void test_pl031_load_sets_the_counter(void **s)
{
    (void)s;
    struct machine *m = with_rtc();
    at(m, 5 * SECOND_NS / 2);
    wr(m, LR, 0xffffffff);
    assert_int_equal(rd(m, LR), 0xffffffff);
    assert_int_equal(rd(m, DR), 0xffffffff);
    at(m, 7 * SECOND_NS / 2); /* a whole second after the load, not on the old beat */
    assert_int_equal(rd(m, DR), 0);
    machine_destroy(m);
}

static void test_pl031_alarm(void **s)
{
    (void)s;
    struct machine *m = with_rtc();
    wr(m, IMSC, 1);
    wr(m, MR, WALL_SECONDS + 3);
    at(m, 3 * SECOND_NS - 1);
    assert_false(m->line);
    at(m, 3 * SECOND_NS);
    assert_true(m->line);
    assert_int_equal(rd(m, RIS), 1);
    assert_int_equal(rd(m, MIS), 1);
    wr(m, IMSC, 0);
    assert_false(m->line);
    assert_int_equal(rd(m, MIS), 0);
    wr(m, IMSC, 1);
    wr(m, ICR, 0);
    assert_true(m->line);
    wr(m, ICR, 1);
    assert_false(m->line);
    at(m, 1000 * SECOND_NS);
    assert_false(m->line);
    machine_destroy(m);
}

static void test_pl031_alarm_now_moved_and_reached_by_a_load(void **s)
{
    (void)s;
    struct machine *m = with_rtc();
    wr(m, MR, WALL_SECONDS); /* equal now */
    assert_int_equal(rd(m, RIS), 1);
    wr(m, ICR, 1);
    wr(m, MR, WALL_SECONDS + 2);
    wr(m, MR, WALL_SECONDS + 5); /* moved: the first must not fire */
    at(m, 4 * SECOND_NS);
    assert_int_equal(rd(m, RIS), 0);
    wr(m, LR, WALL_SECONDS + 1); /* set back: four more seconds */
    at(m, 7 * SECOND_NS);
    assert_int_equal(rd(m, RIS), 0);
    at(m, 8 * SECOND_NS);
    assert_int_equal(rd(m, RIS), 1);
    wr(m, ICR, 1);
    wr(m, MR, 77);
    wr(m, LR, 77);
    assert_int_equal(rd(m, RIS), 1);
    machine_destroy(m);
}

static void test_pl031_match_with_a_counter_that_has_run_is_immediate(void **s)
{
    (void)s;
    struct machine *m = with_rtc();
    at(m, 5 * SECOND_NS / 2);
    wr(m, MR, WALL_SECONDS + 2);
    assert_int_equal(rd(m, RIS), 1);
    machine_destroy(m);
}

static void test_pl031_unknown_and_read_only_registers_are_raz_wi(void **s)
{
    (void)s;
    struct machine *m = with_rtc();
    wr(m, DR, 1);
    wr(m, RIS, 1);
    wr(m, MIS, 1);
    wr(m, 0xfe0, 1);
    assert_int_equal(rd(m, ICR), 0);
    assert_int_equal(rd(m, 0x20), 0);
    assert_int_equal(guest_errors(m->vm.devices), 6);
    assert_int_equal(rd(m, DR), WALL_SECONDS);
    assert_int_equal(rd_size(m, DR, 8), 0);
    assert_int_equal(rd_size(m, 0xfe0, 1), 0x31);
    machine_destroy(m);
}

static void test_pl031_state(void **s)
{
    (void)s;
    struct machine *m = with_rtc(), *other = with_rtc();
    struct device *d = m->vm.devices;
    at(m, 10 * SECOND_NS);
    wr(m, LR, 500);
    wr(m, MR, 520);
    wr(m, IMSC, 1);
    at(other, 15 * SECOND_NS);
    check_save_load(d, other->vm.devices);
    assert_int_equal(rd(other, DR), 505);
    at(other, 30 * SECOND_NS);
    assert_true(other->line);
    check_save_load(other->vm.devices, d);
    assert_true(m->line);
    check_hostile_loads(d);
    machine_destroy(other);
    machine_destroy(m);

    m = with_rtc(), other = with_rtc();
    wr(m, LR, 500);
    wr(m, MR, 500);
    wr(m, IMSC, 1);
    check_reset_is_fresh(m->vm.devices, other->vm.devices);
    assert_false(m->line);
    machine_destroy(other);
    machine_destroy(m);
}

static void test_pl031_survives_any_loaded_time(void **s)
{
    (void)s;
    struct machine *m = with_rtc();
    struct device *d = m->vm.devices;
    const uint64_t odd[] = {0, 1, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63};
    at(m, 10 * SECOND_NS);
    for (unsigned i = 0; i < ARRAY_LEN(odd); i++) {
        for (unsigned j = 0; j < ARRAY_LEN(odd); j++) {
            struct buf b = save_device(d);
            le_store(field_data(&b, "loaded_at"), 8, odd[i]);
            le_store(field_data(&b, "alarm_at"), 8, odd[j]);
            assert_int_equal(load_device(d, &b), 0);
            wr(m, MR, (uint32_t)odd[i] + j);
            rd(m, DR);
            buf_fini(&b);
        }
    }
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pl031_reset_values),
        cmocka_unit_test(test_pl031_counts_virtual_seconds),
        cmocka_unit_test(test_pl031_load_sets_the_counter),
        cmocka_unit_test(test_pl031_alarm),
        cmocka_unit_test(test_pl031_alarm_now_moved_and_reached_by_a_load),
        cmocka_unit_test(test_pl031_match_with_a_counter_that_has_run_is_immediate),
        cmocka_unit_test(test_pl031_unknown_and_read_only_registers_are_raz_wi),
        cmocka_unit_test(test_pl031_state),
        cmocka_unit_test(test_pl031_survives_any_loaded_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
