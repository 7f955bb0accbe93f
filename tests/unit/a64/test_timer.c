/* Generic timers: CVAL, TVAL, CTL against the counter, levels and deadlines, the event stream. */
#include "fake_pe.h"

#define NEVER UINT64_MAX

static void test_cntfrq_is_one_gigahertz_and_written_at_the_top_level_only(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    assert_int_equal(fake_mrs(cpu, A64_CNTFRQ_EL0), 1000000000);
    fake_msr(cpu, A64_CNTFRQ_EL0, 62500000);
    assert_int_equal(fake_mrs(cpu, A64_CNTFRQ_EL0), 62500000);
    fake_init_el(f, 2);
    fake_go(cpu, 1);
    assert_int_equal(a64_sysreg_write(cpu, fake_key(A64_CNTFRQ_EL0), 0, 1), A64_SYS_TRAPPED);
    assert_int_equal(fake_ec(cpu), 0);
}

static void test_virtual_count_is_physical_minus_offset(void **state)
{
    struct fake_pe *f = *state;
    f->counter = 1000;
    f->cpu.sys[A64_CNTVOFF_EL2] = 300;
    assert_int_equal(fake_mrs(&f->cpu, A64_CNTPCT_EL0), 1000);
    assert_int_equal(fake_mrs(&f->cpu, A64_CNTVCT_EL0), 700);
    f->cpu.sys[A64_CNTVOFF_EL2] = 1001;
    assert_int_equal(fake_mrs(&f->cpu, A64_CNTVCT_EL0), NEVER);
}

static void test_tval_is_a_signed_view_of_cval(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    f->counter = UINT64_C(0x100000000);
    fake_msr(cpu, A64_CNTP_TVAL_EL0, 0x7fffffff);
    assert_int_equal(fake_mrs(cpu, A64_CNTP_CVAL_EL0), UINT64_C(0x17fffffff));
    fake_msr(cpu, A64_CNTP_TVAL_EL0, 0xabcd00000000 | 0x80000000); /* upper half ignored */
    assert_int_equal(fake_mrs(cpu, A64_CNTP_CVAL_EL0), UINT64_C(0x80000000));
    assert_int_equal(fake_mrs(cpu, A64_CNTP_TVAL_EL0), 0x80000000);
    f->counter += 5;
    assert_int_equal(fake_mrs(cpu, A64_CNTP_TVAL_EL0), 0x7ffffffb); /* wraps at 32 bits */
    fake_msr(cpu, A64_CNTP_CVAL_EL0, f->counter - 1);
    assert_int_equal(fake_mrs(cpu, A64_CNTP_TVAL_EL0), 0xffffffff);
    assert_int_equal(f->timer_calls, 3);
    cpu->sys[A64_CNTVOFF_EL2] = 0x80000000;
    fake_msr(cpu, A64_CNTV_TVAL_EL0, 10);
    assert_int_equal(fake_mrs(cpu, A64_CNTV_CVAL_EL0), 0x8000000f);
}

static void test_ctl_shows_istatus_only_while_enabled(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    f->counter = 100;
    fake_msr(cpu, A64_CNTV_CVAL_EL0, 100);
    assert_int_equal(fake_mrs(cpu, A64_CNTV_CTL_EL0), 0);
    fake_msr(cpu, A64_CNTV_CTL_EL0, 0xff);
    assert_int_equal(fake_mrs(cpu, A64_CNTV_CTL_EL0), 7);
    f->counter = 99;
    assert_int_equal(fake_mrs(cpu, A64_CNTV_CTL_EL0), 3);
    fake_msr(cpu, A64_CNTV_CTL_EL0, 1);
    f->counter = NEVER;
    assert_int_equal(fake_mrs(cpu, A64_CNTV_CTL_EL0), 5);
}

static void test_levels_and_deadlines(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    uint64_t next;
    assert_int_equal(a64_timer_levels(cpu, 0, &next), 0);
    assert_int_equal(next, NEVER);
    cpu->sys[A64_CNTP_CVAL_EL0] = 500;
    cpu->sys[A64_CNTP_CTL_EL0] = 1;
    cpu->sys[A64_CNTVOFF_EL2] = 100;
    cpu->sys[A64_CNTV_CVAL_EL0] = 300; /* 400 in the physical count */
    cpu->sys[A64_CNTV_CTL_EL0] = 1;
    assert_int_equal(a64_timer_levels(cpu, 399, &next), 0);
    assert_int_equal(next, 400);
    assert_int_equal(a64_timer_levels(cpu, 400, &next), 1u << A64_TIMER_VIRT);
    assert_int_equal(next, 500);
    assert_int_equal(a64_timer_levels(cpu, 500, &next),
                     1u << A64_TIMER_VIRT | 1u << A64_TIMER_PHYS);
    assert_int_equal(next, NEVER);
    cpu->sys[A64_CNTV_CTL_EL0] = 3; /* IMASK */
    assert_int_equal(a64_timer_levels(cpu, 500, &next), 1u << A64_TIMER_PHYS);
    cpu->sys[A64_CNTP_CVAL_EL0] = NEVER; /* how Linux stops a timer without disabling it */
    assert_int_equal(a64_timer_levels(cpu, 500, &next), 0);
    assert_int_equal(next, NEVER);
    cpu->sys[A64_CNTHP_CTL_EL2] = 1; /* no EL2: no such timer */
    assert_int_equal(a64_timer_levels(cpu, 500, &next), 0);
}

static void test_event_stream_edges(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    assert_int_equal(a64_event_stream_next(cpu, 0), NEVER);
    fake_msr(cpu, A64_CNTKCTL_EL1, 1u << 2 | 4u << 4); /* EVNTI = 4, rising: 16, 48, 80 */
    assert_int_equal(a64_event_stream_next(cpu, 0), 16);
    assert_int_equal(a64_event_stream_next(cpu, 15), 16);
    assert_int_equal(a64_event_stream_next(cpu, 16), 48);
    fake_msr(cpu, A64_CNTKCTL_EL1, 1u << 3 | 1u << 2 | 4u << 4); /* falling: 32, 64 */
    assert_int_equal(a64_event_stream_next(cpu, 0), 32);
    assert_int_equal(a64_event_stream_next(cpu, 32), 64);
    cpu->sys[A64_CNTVOFF_EL2] = 3;
    assert_int_equal(a64_event_stream_next(cpu, 32), 35);
    fake_msr(cpu, A64_CNTKCTL_EL1, 1u << 2 | 0u << 4); /* each other tick */
    cpu->sys[A64_CNTVOFF_EL2] = 0;
    assert_int_equal(a64_event_stream_next(cpu, 1), 3);
}

static void test_el0_needs_cntkctl(void **state)
{
    static const struct {
        enum a64_sysreg reg;
        unsigned bits; /* any of these CNTKCTL bits opens it */
    } rows[] = {
        { A64_CNTFRQ_EL0, 3 },       { A64_CNTPCT_EL0, 1 },       { A64_CNTVCT_EL0, 2 },
        { A64_CNTP_CTL_EL0, 0x200 }, { A64_CNTP_CVAL_EL0, 0x200 }, { A64_CNTP_TVAL_EL0, 0x200 },
        { A64_CNTV_CTL_EL0, 0x100 }, { A64_CNTV_CVAL_EL0, 0x100 }, { A64_CNTV_TVAL_EL0, 0x100 },
    };
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned b = 0; b < 10; b++) {
            uint64_t v;
            cpu->sys[A64_CNTKCTL_EL1] = 1u << b;
            fake_go(cpu, 0);
            bool open = a64_sysreg_read(cpu, fake_key(rows[i].reg), 3, &v) == A64_SYS_OK;
            assert_int_equal(open, (rows[i].bits >> b) & 1);
            if (!open) {
                assert_int_equal(fake_ec(cpu), 0x18);
                assert_int_equal(bits(fake_iss(cpu), 9, 5), 3);
                assert_int_equal(fake_iss(cpu) & 1, 1);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_cntfrq_is_one_gigahertz_and_written_at_the_top_level_only),
        FAKE_TEST(test_virtual_count_is_physical_minus_offset),
        FAKE_TEST(test_tval_is_a_signed_view_of_cval),
        FAKE_TEST(test_ctl_shows_istatus_only_while_enabled),
        FAKE_TEST(test_levels_and_deadlines),
        FAKE_TEST(test_event_stream_edges),
        FAKE_TEST(test_el0_needs_cntkctl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
