/* PMUv3: counting by time and instructions, filters, overflow, chaining, EL0 access. */
#include "fake_pe.h"

#define CYCLES 0x11u
#define INST 0x08u
#define CHAIN 0x1eu

static struct a64_cpu *start(void **state)
{
    struct fake_pe *f = *state;
    fake_init_el(f, 1);
    fake_msr(&f->cpu, A64_PMCR_EL0, 1);
    return &f->cpu;
}

static void run(struct a64_cpu *cpu, uint64_t instructions, uint64_t cycles)
{
    cpu->instret += instructions;
    fake_of(cpu)->cycles += cycles;
}

static void test_pmcr_says_six_counters_and_long_cycles(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    assert_int_equal(fake_mrs(cpu, A64_PMCR_EL0), 6u << 11 | 1u << 6);
    fake_msr(cpu, A64_PMCR_EL0, UINT64_MAX);
    assert_int_equal(fake_mrs(cpu, A64_PMCR_EL0), 6u << 11 | 1u << 6 | 0x39);
    assert_int_equal(fake_mrs(cpu, A64_PMCEID0_EL0), 1u | 1u << 8 | 1u << 17 | 1u << 30);
    assert_int_equal(fake_mrs(cpu, A64_PMCEID1_EL0), 0);
}

static void test_counters_count_only_while_enabled(void **state)
{
    struct a64_cpu *cpu = start(state);
    fake_msr(cpu, A64_PMEVTYPER2_EL0, INST);
    run(cpu, 10, 20);
    assert_int_equal(fake_mrs(cpu, A64_PMCCNTR_EL0), 0);
    fake_msr(cpu, A64_PMCNTENSET_EL0, BIT(31) | BIT(2));
    run(cpu, 100, 200);
    assert_int_equal(fake_mrs(cpu, A64_PMCCNTR_EL0), 200);
    assert_int_equal(fake_mrs(cpu, A64_PMEVCNTR2_EL0), 100);
    fake_msr(cpu, A64_PMCNTENCLR_EL0, BIT(2));
    run(cpu, 1, 2);
    assert_int_equal(fake_mrs(cpu, A64_PMEVCNTR2_EL0), 100);
    assert_int_equal(fake_mrs(cpu, A64_PMCCNTR_EL0), 202);
    fake_msr(cpu, A64_PMCR_EL0, 0);
    run(cpu, 1, 2);
    assert_int_equal(fake_mrs(cpu, A64_PMCCNTR_EL0), 202);
    fake_msr(cpu, A64_PMCR_EL0, 1 | 2); /* P: event counters to zero */
    assert_int_equal(fake_mrs(cpu, A64_PMEVCNTR2_EL0), 0);
    assert_int_equal(fake_mrs(cpu, A64_PMCCNTR_EL0), 202);
    fake_msr(cpu, A64_PMCR_EL0, 1 | 4); /* C */
    assert_int_equal(fake_mrs(cpu, A64_PMCCNTR_EL0), 0);
}

static void test_filters_follow_the_exception_level(void **state)
{
    struct a64_cpu *cpu = start(state);
    fake_msr(cpu, A64_PMEVTYPER0_EL0, INST | BIT(31)); /* not EL1 */
    fake_msr(cpu, A64_PMEVTYPER1_EL0, INST | BIT(30)); /* not EL0 */
    fake_msr(cpu, A64_PMCNTENSET_EL0, 3);
    run(cpu, 5, 0);
    cpu->sys[A64_SPSR_EL1] = 0;
    a64_eret(cpu);
    run(cpu, 7, 0);
    a64_undefined(cpu);
    run(cpu, 11, 0);
    assert_int_equal(fake_mrs(cpu, A64_PMEVCNTR0_EL0), 7);
    assert_int_equal(fake_mrs(cpu, A64_PMEVCNTR1_EL0), 16);
}

static void test_overflow_sets_a_flag_and_the_interrupt_level(void **state)
{
    struct a64_cpu *cpu = start(state);
    fake_msr(cpu, A64_PMEVTYPER5_EL0, CYCLES);
    fake_msr(cpu, A64_PMEVCNTR5_EL0, 0xfffffff0);
    fake_msr(cpu, A64_PMCNTENSET_EL0, BIT(5));
    uint64_t cycles, instrs;
    a64_pmu_next(cpu, &cycles, &instrs);
    assert_true(cycles == UINT64_MAX && instrs == UINT64_MAX); /* nobody would be told */
    fake_msr(cpu, A64_PMINTENSET_EL1, BIT(5));
    a64_pmu_next(cpu, &cycles, &instrs);
    assert_int_equal(cycles, 16);
    run(cpu, 0, 15);
    a64_pmu_sync(cpu);
    assert_false(a64_pmu_level(cpu));
    unsigned calls = fake_of(cpu)->pmu_calls;
    run(cpu, 0, 3);
    a64_pmu_sync(cpu);
    assert_true(a64_pmu_level(cpu));
    assert_int_equal(fake_of(cpu)->pmu_calls, calls + 1);
    assert_int_equal(fake_mrs(cpu, A64_PMEVCNTR5_EL0), 2);
    assert_int_equal(fake_mrs(cpu, A64_PMOVSSET_EL0), BIT(5));
    fake_msr(cpu, A64_PMOVSCLR_EL0, BIT(5));
    assert_false(a64_pmu_level(cpu));
    fake_msr(cpu, A64_PMOVSSET_EL0, BIT(5)); /* software may set it */
    assert_true(a64_pmu_level(cpu));
    fake_msr(cpu, A64_PMINTENCLR_EL1, BIT(5));
    assert_false(a64_pmu_level(cpu));
}

static void test_the_cycle_counter_overflows_at_64_bits(void **state)
{
    struct a64_cpu *cpu = start(state);
    fake_msr(cpu, A64_PMCNTENSET_EL0, BIT(31));
    fake_msr(cpu, A64_PMCCNTR_EL0, 0xffffffff);
    run(cpu, 0, 1);
    assert_int_equal(fake_mrs(cpu, A64_PMCCNTR_EL0), BIT(32));
    assert_int_equal(fake_mrs(cpu, A64_PMOVSCLR_EL0), 0);
    fake_msr(cpu, A64_PMCCNTR_EL0, UINT64_MAX);
    run(cpu, 0, 2);
    assert_int_equal(fake_mrs(cpu, A64_PMOVSCLR_EL0), BIT(31));
    assert_int_equal(fake_mrs(cpu, A64_PMCCNTR_EL0), 1);
}

static void test_chained_counters_make_64_bits(void **state)
{
    struct a64_cpu *cpu = start(state);
    fake_msr(cpu, A64_PMEVTYPER2_EL0, INST);
    fake_msr(cpu, A64_PMEVTYPER3_EL0, CHAIN);
    fake_msr(cpu, A64_PMCNTENSET_EL0, 0xc);
    run(cpu, UINT64_C(0x300000005), 0);
    assert_int_equal(fake_mrs(cpu, A64_PMEVCNTR2_EL0), 5);
    assert_int_equal(fake_mrs(cpu, A64_PMEVCNTR3_EL0), 3);
    assert_int_equal(fake_mrs(cpu, A64_PMOVSSET_EL0), BIT(2));
    fake_msr(cpu, A64_PMEVCNTR3_EL0, 0xffffffff);
    run(cpu, BIT(32), 0);
    assert_int_equal(fake_mrs(cpu, A64_PMOVSSET_EL0), BIT(2) | BIT(3));
}

static void test_software_increment_and_indirect_access(void **state)
{
    struct a64_cpu *cpu = start(state);
    fake_msr(cpu, A64_PMSELR_EL0, 4);
    fake_msr(cpu, A64_PMXEVTYPER_EL0, BIT(30)); /* SW_INCR, not EL0 */
    assert_int_equal(fake_mrs(cpu, A64_PMEVTYPER4_EL0), BIT(30));
    fake_msr(cpu, A64_PMXEVCNTR_EL0, 0xffffffff);
    fake_msr(cpu, A64_PMCNTENSET_EL0, BIT(4));
    run(cpu, 50, 50);
    fake_msr(cpu, A64_PMSWINC_EL0, BIT(4) | BIT(3));
    assert_int_equal(fake_mrs(cpu, A64_PMXEVCNTR_EL0), 0);
    assert_int_equal(fake_mrs(cpu, A64_PMOVSSET_EL0), BIT(4));
    fake_msr(cpu, A64_PMSELR_EL0, 31);
    fake_msr(cpu, A64_PMXEVTYPER_EL0, UINT64_MAX);
    assert_int_equal(fake_mrs(cpu, A64_PMCCFILTR_EL0), 0xc0000000);
    fake_msr(cpu, A64_PMSELR_EL0, 6); /* no such counter */
    fake_msr(cpu, A64_PMXEVCNTR_EL0, 1);
    assert_int_equal(fake_mrs(cpu, A64_PMXEVCNTR_EL0), 0);
}

static void test_el0_needs_pmuserenr(void **state)
{
    static const struct {
        enum a64_sysreg reg;
        bool write;
        unsigned bits; /* PMUSERENR bits that open it */
    } rows[] = {
        { A64_PMCR_EL0, false, 1 },      { A64_PMCNTENSET_EL0, true, 1 },
        { A64_PMSWINC_EL0, true, 3 },    { A64_PMCCNTR_EL0, false, 5 },
        { A64_PMCCNTR_EL0, true, 1 },    { A64_PMSELR_EL0, true, 9 },
        { A64_PMXEVCNTR_EL0, false, 9 }, { A64_PMXEVCNTR_EL0, true, 1 },
        { A64_PMEVCNTR3_EL0, false, 9 }, { A64_PMEVCNTR3_EL0, true, 1 },
        { A64_PMEVTYPER0_EL0, true, 1 }, { A64_PMUSERENR_EL0, false, 0xf },
    };
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned b = 0; b < 4; b++) {
            unsigned key = fake_key(rows[i].reg);
            uint64_t v;
            cpu->sys[A64_PMUSERENR_EL0] = 1u << b;
            fake_go(cpu, 0);
            bool open = (rows[i].write ? a64_sysreg_write(cpu, key, 1, 0)
                                       : a64_sysreg_read(cpu, key, 1, &v)) != A64_SYS_TRAPPED;
            assert_int_equal(open, (rows[i].bits >> b) & 1);
            if (!open)
                assert_int_equal(fake_ec(cpu), 0x18);
        }
    fake_go(cpu, 0);
    assert_int_equal(a64_sysreg_write(cpu, fake_key(A64_PMUSERENR_EL0), 0, 1), A64_SYS_TRAPPED);
    assert_int_equal(fake_ec(cpu), 0); /* not trapped: UNDEFINED */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_pmcr_says_six_counters_and_long_cycles),
        FAKE_TEST(test_counters_count_only_while_enabled),
        FAKE_TEST(test_filters_follow_the_exception_level),
        FAKE_TEST(test_overflow_sets_a_flag_and_the_interrupt_level),
        FAKE_TEST(test_the_cycle_counter_overflows_at_64_bits),
        FAKE_TEST(test_chained_counters_make_64_bits),
        FAKE_TEST(test_software_increment_and_indirect_access),
        FAKE_TEST(test_el0_needs_pmuserenr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
