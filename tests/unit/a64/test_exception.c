/* Exception entry and return: vectors, saved state, syndromes, illegal returns, interrupts. */
#include "fake_pe.h"

#define VBAR UINT64_C(0xffff000008080000)

static const unsigned entry_rows[] = { 0, 1, 1 };

static struct a64_cpu *at(void **state, unsigned el, unsigned spsel)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    fake_init_el(f, 1);
    fake_msr(cpu, A64_VBAR_EL1, VBAR);
    cpu->el = (uint8_t)el;
    cpu->spsel = (uint8_t)spsel;
    cpu->daif = 0;
    cpu->pc = 0x400000;
    return cpu;
}

static void test_vectors_are_at_the_architected_offsets(void **state)
{
    static const unsigned base[] = { 0x400, 0x000, 0x200 }; /* EL0, EL1 SP_EL0, EL1 SP_EL1 */
    static const struct {
        unsigned line, offset;
    } lines[] = { { A64_LINE_IRQ, 0x80 }, { A64_LINE_FIQ, 0x100 }, { A64_LINE_SERROR, 0x180 } };
    for (unsigned row = 0; row < ARRAY_LEN(base); row++) {
        struct a64_cpu *cpu = at(state, entry_rows[row], row == 2);
        a64_undefined(cpu);
        assert_int_equal(cpu->pc, VBAR + base[row]);
        for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
            cpu = at(state, entry_rows[row], row == 2);
            cpu->irq_lines = lines[i].line;
            assert_true(a64_take_interrupt(cpu));
            assert_int_equal(cpu->pc, VBAR + base[row] + lines[i].offset);
            assert_int_equal(cpu->sys[A64_ELR_EL1], 0x400000);
        }
    }
}

static void test_entry_saves_pstate_and_sets_the_architected_one(void **state)
{
    struct a64_cpu *cpu = at(state, 0, 0);
    cpu->nzcv = PSTATE_N | PSTATE_C;
    cpu->daif = PSTATE_D | PSTATE_F;
    cpu->dit = cpu->uao = cpu->ss = cpu->ssbs = 1;
    cpu->btype = 2;
    a64_exception(cpu, EC_BTI, 2);
    assert_int_equal(cpu->sys[A64_SPSR_EL1],
                     PSTATE_N | PSTATE_C | BIT(24) | BIT(23) | BIT(21) | BIT(12) | 2u << 10 |
                         PSTATE_D | PSTATE_F);
    assert_int_equal(cpu->sys[A64_ESR_EL1], 0x0du << 26 | 1u << 25 | 2);
    assert_int_equal(cpu->el, 1);
    assert_int_equal(cpu->spsel, 1);
    assert_int_equal(cpu->daif, 0x3c0);
    assert_int_equal(cpu->nzcv, PSTATE_N | PSTATE_C);
    assert_true(cpu->dit && !cpu->uao && !cpu->ss && !cpu->il && !cpu->btype && !cpu->ssbs);
    assert_int_equal(cpu->pan, 0); /* SCTLR_EL1.SPAN is set out of reset */
    assert_int_equal(fake_of(cpu)->context_calls, 1);
}

static void test_span_and_dssbs_choose_pan_and_ssbs(void **state)
{
    struct a64_cpu *cpu = at(state, 0, 0);
    cpu->sys[A64_SCTLR_EL1] &= ~BIT(23);
    cpu->sys[A64_SCTLR_EL1] |= BIT(44);
    a64_undefined(cpu);
    assert_int_equal(cpu->pan, 1);
    assert_int_equal(cpu->ssbs, 1);
    cpu = at(state, 0, 0);
    a64_feature_set(&cpu->features, A64_FEAT_PAN, false);
    cpu->sys[A64_SCTLR_EL1] &= ~BIT(23);
    a64_undefined(cpu);
    assert_int_equal(cpu->pan, 0);
}

static void test_svc_returns_to_the_next_instruction(void **state)
{
    struct a64_cpu *cpu = at(state, 0, 0);
    cpu->btype = 1;
    a64_exception_return_to(cpu, EC_SVC64, 0x123, cpu->pc + 4, 1);
    assert_int_equal(cpu->sys[A64_ELR_EL1], 0x400004);
    assert_int_equal(cpu->sys[A64_ESR_EL1], 0x15u << 26 | 1u << 25 | 0x123);
    assert_int_equal(bits(cpu->sys[A64_SPSR_EL1], 11, 10), 0);
}

static void test_aborts_report_the_fault(void **state)
{
    struct a64_fault fault = { .fsc = 0x07, .write = true, .va = 0xdead0000 };
    struct a64_cpu *cpu = at(state, 0, 0);
    a64_data_abort(cpu, &fault);
    assert_int_equal(cpu->sys[A64_ESR_EL1], 0x24u << 26 | 1u << 25 | 1u << 6 | 7);
    assert_int_equal(cpu->sys[A64_FAR_EL1], 0xdead0000);
    cpu = at(state, 1, 1);
    fault = (struct a64_fault){ .fsc = 0x10, .external = true, .cm = true, .va = 8 };
    a64_data_abort(cpu, &fault);
    assert_int_equal(cpu->sys[A64_ESR_EL1],
                     0x25u << 26 | 1u << 25 | 1u << 9 | 1u << 8 | 1u << 6 | 0x10);
    cpu = at(state, 1, 1);
    fault = (struct a64_fault){ .fsc = 0x0f, .va = 0x400000 };
    a64_prefetch_abort(cpu, &fault);
    assert_int_equal(cpu->sys[A64_ESR_EL1], 0x21u << 26 | 1u << 25 | 0x0f);
    cpu = at(state, 0, 0);
    a64_prefetch_abort(cpu, &fault);
    assert_int_equal(fake_ec(cpu), 0x20);
    cpu = at(state, 0, 0);
    cpu->pc = 0x400002;
    a64_pc_alignment_fault(cpu);
    assert_int_equal(fake_ec(cpu), 0x22);
    assert_int_equal(cpu->sys[A64_FAR_EL1], 0x400002);
    cpu = at(state, 0, 0);
    cpu->sys[A64_FAR_EL1] = 77;
    a64_sp_alignment_fault(cpu);
    assert_int_equal(fake_ec(cpu), 0x26);
    assert_int_equal(cpu->sys[A64_FAR_EL1], 77);
}

static void test_fp_access_follows_cpacr(void **state)
{
    for (unsigned fpen = 0; fpen < 4; fpen++)
        for (unsigned el = 0; el < 2; el++) {
            struct a64_cpu *cpu = at(state, el, el);
            cpu->sys[A64_CPACR_EL1] = fpen << 20;
            bool want = fpen == 3 || (fpen == 1 && el == 1);
            assert_int_equal(a64_fp_check(cpu), want);
            if (!want)
                assert_int_equal(cpu->sys[A64_ESR_EL1], 0x07u << 26 | 1u << 25 | 0x1e00000);
        }
}

static void test_interrupts_obey_masks_and_priority(void **state)
{
    static const struct {
        unsigned line;
        uint32_t mask;
    } rows[] = { { A64_LINE_IRQ, PSTATE_I }, { A64_LINE_FIQ, PSTATE_F },
                 { A64_LINE_SERROR, PSTATE_A } };
    for (unsigned el = 0; el < 2; el++)
        for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
            struct a64_cpu *cpu = at(state, el, el);
            assert_false(a64_take_interrupt(cpu));
            assert_false(a64_wakeup_pending(cpu));
            cpu->irq_lines = rows[i].line;
            cpu->daif = rows[i].mask;
            assert_true(a64_wakeup_pending(cpu));
            assert_false(a64_take_interrupt(cpu));
            cpu->daif = ~rows[i].mask & 0x3c0;
            assert_true(a64_take_interrupt(cpu));
        }
    struct a64_cpu *cpu = at(state, 0, 0);
    cpu->irq_lines = A64_LINE_IRQ | A64_LINE_FIQ | A64_LINE_SERROR;
    a64_take_interrupt(cpu);
    assert_int_equal(cpu->pc, VBAR + 0x580);
    assert_int_equal(fake_ec(cpu), 0x2f);
    assert_int_equal(cpu->irq_lines, A64_LINE_IRQ | A64_LINE_FIQ); /* SError is an edge */
    cpu->daif = 0;
    a64_take_interrupt(cpu);
    assert_int_equal(cpu->pc, VBAR + 0x300);
}

/* ---- ERET ---- */

static void test_eret_restores_state_and_clears_the_monitor(void **state)
{
    struct a64_cpu *cpu = at(state, 1, 1);
    cpu->sys[A64_SPSR_EL1] = PSTATE_Z | PSTATE_V | BIT(24) | BIT(23) | BIT(22) | BIT(12) |
                             1u << 10 | PSTATE_A;
    cpu->sys[A64_ELR_EL1] = 0x1234;
    cpu->monitor.valid = true;
    a64_eret(cpu);
    assert_int_equal(cpu->pc, 0x1234);
    assert_int_equal(cpu->el, 0);
    assert_int_equal(cpu->spsel, 0);
    assert_int_equal(cpu->nzcv, PSTATE_Z | PSTATE_V);
    assert_int_equal(cpu->daif, PSTATE_A);
    assert_true(cpu->dit && cpu->uao && cpu->pan && cpu->ssbs && cpu->btype == 1 && !cpu->il);
    assert_true(!cpu->monitor.valid && cpu->event_register);
}

static void test_eret_of_every_mode_is_legal_or_sets_il(void **state)
{
    for (unsigned mode = 0; mode < 32; mode++) {
        bool legal = mode == 0x0 || mode == 0x4 || mode == 0x5; /* EL0t, EL1t, EL1h */
        struct a64_cpu *cpu = at(state, 1, 1);
        cpu->sys[A64_SPSR_EL1] =
            mode | PSTATE_N | BIT(22) | BIT(12) | BIT(24) | 3u << 10 | PSTATE_I;
        cpu->sys[A64_ELR_EL1] = 0x8888;
        a64_eret(cpu);
        assert_int_equal(cpu->il, !legal);
        assert_int_equal(cpu->pc, 0x8888);
        assert_int_equal(cpu->nzcv, PSTATE_N);
        assert_int_equal(cpu->daif, PSTATE_I);
        assert_int_equal(cpu->pan, 1);
        if (legal) {
            assert_int_equal(cpu->el, mode >> 2);
            assert_int_equal(cpu->spsel, mode & 1);
            assert_int_equal(cpu->btype, 3);
        } else { /* EL and SP stay, and so do the UNKNOWN ones */
            assert_int_equal(cpu->el, 1);
            assert_int_equal(cpu->spsel, 1);
            assert_true(!cpu->btype && !cpu->ssbs && !cpu->dit);
        }
    }
}

static void test_illegal_state_is_an_exception_at_the_next_instruction(void **state)
{
    struct a64_cpu *cpu = at(state, 1, 1);
    assert_false(a64_debug_active(cpu));
    cpu->sys[A64_SPSR_EL1] = BIT(20) | 5; /* SPSR.IL itself */
    cpu->sys[A64_ELR_EL1] = 0x8888;
    a64_eret(cpu);
    assert_true(a64_debug_active(cpu));
    assert_true(a64_debug_fetch(cpu));
    assert_int_equal(fake_ec(cpu), 0x0e);
    assert_int_equal(cpu->sys[A64_ELR_EL1], 0x8888);
    assert_true(cpu->sys[A64_SPSR_EL1] & BIT(20));
    assert_false(cpu->il);
}

static void test_return_addresses_lose_tags_under_tbi(void **state)
{
    struct a64_cpu *cpu = at(state, 1, 1);
    cpu->sys[A64_TCR_EL1] = BIT(37);
    cpu->sys[A64_SPSR_EL1] = 0;
    cpu->sys[A64_ELR_EL1] = UINT64_C(0x5a00000000001000);
    a64_eret(cpu);
    assert_int_equal(cpu->pc, 0x1000);
}

static void test_pstate_round_trips_through_spsr(void **state)
{
    struct a64_cpu *cpu = at(state, 1, 1);
    uint64_t all = 0xf1f01fc0u | 5;
    a64_pstate_write(cpu, all);
    assert_int_equal(a64_pstate_read(cpu), all);
    a64_pstate_write(cpu, 0);
    assert_int_equal(a64_pstate_read(cpu), 0);
}

static void test_el2_takes_what_hcr_routes_to_it(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    fake_init_el(f, 2);
    assert_int_equal(cpu->el, 2);
    fake_msr(cpu, A64_VBAR_EL2, 0x10000);
    fake_msr(cpu, A64_HCR_EL2, BIT(31) | BIT(4)); /* IMO */
    fake_go(cpu, 1);
    cpu->daif = 0x3c0;
    cpu->irq_lines = A64_LINE_IRQ | A64_LINE_FIQ;
    assert_true(a64_take_interrupt(cpu)); /* PSTATE.I does not mask it at EL1 */
    assert_int_equal(cpu->el, 2);
    assert_int_equal(cpu->pc, 0x10480);
    cpu->daif = 0;
    cpu->irq_lines = A64_LINE_FIQ; /* routed to EL1: pending while at EL2 */
    assert_false(a64_take_interrupt(cpu));
    fake_msr(cpu, A64_HCR_EL2, BIT(31) | BIT(27)); /* TGE: EL0's exceptions, no return to EL1 */
    fake_go(cpu, 0);
    a64_undefined(cpu);
    assert_int_equal(cpu->el, 2);
    cpu->sys[A64_SPSR_EL2] = 5;
    a64_eret(cpu);
    assert_true(cpu->il && cpu->el == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_vectors_are_at_the_architected_offsets),
        FAKE_TEST(test_entry_saves_pstate_and_sets_the_architected_one),
        FAKE_TEST(test_span_and_dssbs_choose_pan_and_ssbs),
        FAKE_TEST(test_svc_returns_to_the_next_instruction),
        FAKE_TEST(test_aborts_report_the_fault),
        FAKE_TEST(test_fp_access_follows_cpacr),
        FAKE_TEST(test_interrupts_obey_masks_and_priority),
        FAKE_TEST(test_eret_restores_state_and_clears_the_monitor),
        FAKE_TEST(test_eret_of_every_mode_is_legal_or_sets_il),
        FAKE_TEST(test_illegal_state_is_an_exception_at_the_next_instruction),
        FAKE_TEST(test_return_addresses_lose_tags_under_tbi),
        FAKE_TEST(test_pstate_round_trips_through_spsr),
        FAKE_TEST(test_el2_takes_what_hcr_routes_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
