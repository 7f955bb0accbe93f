/* MRS, MSR, SYS: lookup, access rights, traps, write masks, AT and TLBI. */
#include "fake_pe.h"

static void expect_undefined(struct a64_cpu *cpu, enum a64_sys_result r)
{
    assert_int_equal(r, A64_SYS_TRAPPED);
    assert_int_equal(cpu->sys[A64_ESR_EL1], 1u << 25);
}

static void test_every_row_is_found_by_its_encoding(void **state)
{
    (void)state;
    for (unsigned i = 0; i < A64_SYSREG_COUNT; i++) {
        const struct a64_sysreg_info *info = a64_sysreg_info((enum a64_sysreg)i);
        assert_int_equal(a64_sysreg_find(info->key), i);
        assert_true(bits(info->key, 15, 14) >= 2); /* op0 */
        assert_true(info->rd <= 4 && info->wr <= 4);
    }
    unsigned found = 0;
    for (unsigned key = 0; key < 1u << 16; key++)
        found += a64_sysreg_find(key) != A64_SYSREG_COUNT;
    assert_int_equal(found, A64_SYSREG_COUNT);
}

static void test_unallocated_encodings_are_undefined_except_the_id_space(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    for (unsigned key = 0; key < 1u << 16; key++) {
        uint64_t v = 1;
        if (a64_sysreg_find(key) != A64_SYSREG_COUNT)
            continue;
        bool id = bits(key, 15, 7) == 0x180 && bits(key, 6, 3) >= 1 && bits(key, 6, 3) <= 7;
        fake_go(cpu, 1);
        enum a64_sys_result r = a64_sysreg_read(cpu, key, 0, &v);
        if (id) {
            assert_int_equal(r, A64_SYS_OK);
            assert_int_equal(v, 0);
        } else {
            expect_undefined(cpu, r);
        }
        expect_undefined(cpu, a64_sysreg_write(cpu, key, 0, 0));
        fake_go(cpu, 0);
        expect_undefined(cpu, a64_sysreg_read(cpu, key, 0, &v));
    }
}

static void test_access_rights_are_those_of_the_rows(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    for (unsigned i = 0; i < A64_SYSREG_COUNT; i++) {
        const struct a64_sysreg_info *info = a64_sysreg_info((enum a64_sysreg)i);
        uint64_t v;
        fake_go(cpu, 0);
        if (info->rd > 0)
            expect_undefined(cpu, a64_sysreg_read(cpu, info->key, 0, &v));
        fake_go(cpu, 0);
        if (info->wr > 0)
            expect_undefined(cpu, a64_sysreg_write(cpu, info->key, 0, 0));
        fake_go(cpu, 1);
        if (info->rd > 1) /* EL2, EL3 and write-only registers */
            expect_undefined(cpu, a64_sysreg_read(cpu, info->key, 0, &v));
        fake_go(cpu, 1);
        if (info->wr > 1)
            expect_undefined(cpu, a64_sysreg_write(cpu, info->key, 0, 0));
    }
}

static void test_plain_registers_change_only_writable_bits(void **state)
{
    static const struct {
        enum a64_sysreg reg;
        uint64_t all_ones; /* what reads back */
    } rows[] = {
        { A64_SCTLR_EL1, UINT64_C(0x101834fddbdf) }, /* RES1: 29 28 22 20 11 8 7 */
        { A64_TCR_EL1, UINT64_C(0x018007f7ffffffbf) },
        { A64_CPACR_EL1, 0x300000 },
        { A64_VBAR_EL1, ~UINT64_C(0x7ff) },
        { A64_CONTEXTIDR_EL1, 0xffffffff },
        { A64_TTBR0_EL1, UINT64_MAX },
        { A64_ACTLR_EL1, 0 },
        { A64_DBGBCR0_EL1, 0xffe1e7 },
        { A64_DBGWCR0_EL1, 0x1f1fffff },
        { A64_LORC_EL1, 0 },
        { A64_ERXCTLR_EL1, 0 },
        { A64_FPCR, 0x07c80000 },
        { A64_NZCV, 0xf0000000 },
        { A64_DAIF, 0x3c0 },
        { A64_PAN, 1u << 22 },
        { A64_UAO, 1u << 23 },
        { A64_DIT, 1u << 24 },
        { A64_SSBS, 1u << 12 },
        { A64_SPSel, 1 },
    };
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    fake_msr(cpu, A64_CPACR_EL1, 3u << 20);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        fake_msr(cpu, rows[i].reg, UINT64_MAX);
        assert_int_equal(fake_mrs(cpu, rows[i].reg), rows[i].all_ones);
    }
    fake_msr(cpu, A64_SCTLR_EL1, 0);
    assert_int_equal(fake_mrs(cpu, A64_SCTLR_EL1), 0x30500980);
}

static void test_writes_that_change_translation_tell_the_engine(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    static const enum a64_sysreg regs[] = {
        A64_SCTLR_EL1,      A64_TTBR0_EL1, A64_TTBR1_EL1, A64_TCR_EL1,   A64_MAIR_EL1,
        A64_CONTEXTIDR_EL1, A64_PAN,       A64_UAO,       A64_MDSCR_EL1, A64_OSLAR_EL1,
        A64_DBGWCR0_EL1,
    };
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
        unsigned before = f->context_calls;
        assert_int_equal(a64_sysreg_write(cpu, fake_key(regs[i]), 0, 0), A64_SYS_CONTEXT);
        assert_int_equal(f->context_calls, before + 1);
    }
    assert_int_equal(a64_sysreg_write(cpu, fake_key(A64_TPIDR_EL0), 0, 5), A64_SYS_OK);
    assert_int_equal(fake_mrs(cpu, A64_TPIDR_EL0), 5);
}

static void test_el0_traps_follow_sctlr(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    uint64_t v;
    fake_go(cpu, 0);
    assert_int_equal(a64_sysreg_read(cpu, fake_key(A64_CTR_EL0), 7, &v), A64_SYS_TRAPPED);
    /* S3_3_C0_C0_1, read */
    assert_int_equal(cpu->sys[A64_ESR_EL1],
                     0x18u << 26 | 1u << 25 | 3u << 20 | 1u << 17 | 3u << 14 | 7u << 5 | 1);
    fake_go(cpu, 0);
    assert_int_equal(a64_sysreg_write(cpu, fake_key(A64_DAIF), 7, 0), A64_SYS_TRAPPED);
    assert_int_equal(fake_ec(cpu), 0x18);
    fake_go(cpu, 0);
    assert_int_equal(a64_msr_imm(cpu, 3, 6, 2), A64_SYS_TRAPPED); /* DAIFSet */
    assert_int_equal(fake_iss(cpu), 6u << 17 | 3u << 14 | 4u << 10 | 31u << 5 | 2u << 1);
    fake_go(cpu, 0);
    assert_int_equal(fake_mrs(cpu, A64_DCZID_EL0), 0x14);
    cpu->sys[A64_SCTLR_EL1] |= BIT(9) | BIT(14) | BIT(15) | BIT(26);
    assert_int_equal(fake_mrs(cpu, A64_CTR_EL0), 0x9444c004);
    assert_int_equal(fake_mrs(cpu, A64_DCZID_EL0), 4);
    assert_int_equal(a64_msr_imm(cpu, 3, 6, 2), A64_SYS_CONTEXT);
    assert_int_equal(cpu->daif & PSTATE_I, PSTATE_I);
}

static void test_cache_instructions_trap_by_uci_and_dze(void **state)
{
    static const struct {
        enum a64_sysop op;
        unsigned op1, crm, op2, sctlr_bit;
    } rows[] = {
        { A64_DC_ZVA, 3, 4, 1, 14 },   { A64_DC_CVAC, 3, 10, 1, 26 }, { A64_DC_CVAU, 3, 11, 1, 26 },
        { A64_DC_CVAP, 3, 12, 1, 26 }, { A64_DC_CIVAC, 3, 14, 1, 26 }, { A64_IC_IVAU, 3, 5, 1, 26 },
    };
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned key = A64_SYS_KEY(1, rows[i].op1, 7, rows[i].crm, rows[i].op2);
        assert_int_equal(a64_sysop_find(key), rows[i].op);
        cpu->sys[A64_SCTLR_EL1] = 0;
        fake_go(cpu, 1);
        assert_int_equal(a64_sys(cpu, key, 0, 0), A64_SYS_OK);
        fake_go(cpu, 0);
        assert_int_equal(a64_sys(cpu, key, 2, 0), A64_SYS_TRAPPED);
        assert_int_equal(fake_ec(cpu), 0x18);
        assert_int_equal(bits(fake_iss(cpu), 21, 20), 1);
        fake_go(cpu, 0);
        cpu->sys[A64_SCTLR_EL1] = BIT(rows[i].sctlr_bit);
        assert_int_equal(a64_sys(cpu, key, 0, 0), A64_SYS_OK);
    }
    fake_go(cpu, 0);
    expect_undefined(cpu, a64_sys(cpu, A64_SYS_KEY(1, 0, 7, 6, 1), 0, 0)); /* DC IVAC at EL0 */
    expect_undefined(cpu, a64_sys(cpu, A64_SYS_KEY(1, 3, 7, 13, 1), 0, 0)); /* DC CVADP */
    /* IC IALLUIS */
    assert_int_equal(a64_sys(cpu, A64_SYS_KEY(1, 0, 7, 1, 0), 31, 0), A64_SYS_CONTEXT);
    assert_int_equal(f->ic_all_calls, 1);
}

static void test_msr_immediate_sets_its_field_only(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    cpu->daif = 0;
    assert_int_equal(a64_msr_imm(cpu, 3, 6, 0xa), A64_SYS_CONTEXT);
    assert_int_equal(cpu->daif, PSTATE_D | PSTATE_I);
    a64_msr_imm(cpu, 3, 7, 0x8);
    assert_int_equal(cpu->daif, PSTATE_I);
    a64_msr_imm(cpu, 0, 4, 1);
    a64_msr_imm(cpu, 0, 3, 1);
    a64_msr_imm(cpu, 3, 1, 1);
    a64_msr_imm(cpu, 3, 2, 1);
    assert_true(cpu->pan == 1 && cpu->uao == 1 && cpu->ssbs == 1 && cpu->dit == 1);
    a64_msr_imm(cpu, 0, 4, 0);
    assert_true(cpu->pan == 0 && cpu->uao == 1);
    a64_msr_imm(cpu, 0, 5, 0);
    assert_int_equal(cpu->spsel, 0);
    uint64_t v;
    expect_undefined(cpu, a64_sysreg_read(cpu, fake_key(A64_SP_EL0), 0, &v)); /* current SP */
    expect_undefined(cpu, a64_msr_imm(cpu, 3, 4, 1)); /* TCO: no MTE */
    fake_go(cpu, 0);
    expect_undefined(cpu, a64_msr_imm(cpu, 0, 4, 1));
    fake_go(cpu, 0);
    assert_int_equal(a64_msr_imm(cpu, 3, 2, 0), A64_SYS_OK); /* DIT and SSBS are EL0's too */
    assert_int_equal(cpu->dit, 0);
}

static void test_fp_registers_trap_with_their_own_class(void **state)
{
    struct fake_pe *f = *state;
    uint64_t v;
    assert_int_equal(a64_sysreg_read(&f->cpu, fake_key(A64_FPCR), 0, &v), A64_SYS_TRAPPED);
    assert_int_equal(fake_ec(&f->cpu), 0x07);
}

static void test_rndr_reports_failure_in_nzcv(void **state)
{
    struct fake_pe *f = *state;
    f->cpu.nzcv = 0xf0000000;
    assert_int_equal(fake_mrs(&f->cpu, A64_RNDR), 0x1234);
    assert_int_equal(f->cpu.nzcv, 0);
    f->no_random = true;
    assert_int_equal(fake_mrs(&f->cpu, A64_RNDRRS), 0);
    assert_int_equal(f->cpu.nzcv, PSTATE_Z);
}

static void test_icc_registers_go_to_the_gic(void **state)
{
    struct fake_pe *f = *state;
    f->icc_value = 1023;
    assert_int_equal(fake_mrs(&f->cpu, A64_ICC_IAR1_EL1), 1023);
    assert_int_equal(f->icc_reg, A64_ICC_IAR1_EL1);
    assert_int_equal(a64_sysreg_write(&f->cpu, fake_key(A64_ICC_PMR_EL1), 0, 0xf0),
                     A64_SYS_CONTEXT);
    assert_int_equal(f->icc_value, 0xf0);
    expect_undefined(&f->cpu, a64_sysreg_write(&f->cpu, fake_key(A64_ICC_AP0R3_EL1), 0, 0));
}

static void test_isr_shows_pending_lines(void **state)
{
    struct fake_pe *f = *state;
    f->cpu.irq_lines = A64_LINE_IRQ | A64_LINE_SERROR;
    assert_int_equal(fake_mrs(&f->cpu, A64_ISR_EL1), PSTATE_I | PSTATE_A);
    f->cpu.irq_lines = A64_LINE_FIQ;
    assert_int_equal(fake_mrs(&f->cpu, A64_ISR_EL1), PSTATE_F);
}

/* ---- AT ---- */

static void at(struct a64_cpu *cpu, unsigned crm, unsigned op2, uint64_t va)
{
    assert_int_equal(a64_sys(cpu, A64_SYS_KEY(1, 0, 7, crm, op2), 0, va), A64_SYS_OK);
}

static void test_at_writes_par(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    gpa_t table = fake_table(f, 4096);
    fake_msr(cpu, A64_TTBR0_EL1, table);
    fake_msr(cpu, A64_TCR_EL1, 25 | UINT64_C(5) << 32); /* 39 bits: starts at level 1 */
    fake_msr(cpu, A64_MAIR_EL1, 0xff);
    fake_msr(cpu, A64_SCTLR_EL1, 1);
    f->mem[table / 8 + 1] = 0x80000000 | 3u << 8 | 1u << 10 | 1u << 6 | 1; /* EL0 and EL1 RW */
    f->mem[table / 8 + 2] = 0x80000000 | 1u << 10 | 1u << 7 | 1;           /* EL1 R */

    at(cpu, 8, 0, 0x40001234); /* S1E1R */
    assert_int_equal(fake_mrs(cpu, A64_PAR_EL1), UINT64_C(0xff) << 56 | 0x80001000 | 1u << 11 |
                                                     1u << 9 | 3u << 7);
    at(cpu, 8, 1, 0x80000000); /* S1E1W of a read-only block */
    assert_int_equal(fake_mrs(cpu, A64_PAR_EL1), 1u << 11 | 0x0du << 1 | 1);
    at(cpu, 8, 2, 0x80000000); /* S1E0R */
    assert_int_equal(fake_mrs(cpu, A64_PAR_EL1), 1u << 11 | 0x0du << 1 | 1);
    at(cpu, 8, 3, 0x40000000); /* S1E0W */
    assert_int_equal(fake_mrs(cpu, A64_PAR_EL1) & 1, 0);
    at(cpu, 8, 0, 0xc0000000);
    assert_int_equal(fake_mrs(cpu, A64_PAR_EL1), 1u << 11 | 0x05u << 1 | 1);

    cpu->pan = 1;
    at(cpu, 8, 0, 0x40000000); /* S1E1R ignores PAN, S1E1RP does not */
    assert_int_equal(fake_mrs(cpu, A64_PAR_EL1) & 1, 0);
    at(cpu, 9, 0, 0x40000000);
    assert_int_equal(fake_mrs(cpu, A64_PAR_EL1), 1u << 11 | 0x0du << 1 | 1);
    at(cpu, 9, 1, 0x40000000);
    assert_int_equal(fake_mrs(cpu, A64_PAR_EL1) & 1, 1);

    f->fail_pa = table; /* an external abort is an exception */
    assert_int_equal(a64_sys(cpu, A64_SYS_KEY(1, 0, 7, 8, 0), 0, 0), A64_SYS_TRAPPED);
    assert_int_equal(cpu->sys[A64_ESR_EL1], 0x25u << 26 | 1u << 25 | 1u << 8 | 1u << 6 | 0x15);
}

/* ---- TLBI ---- */

static void test_tlbi_forms_are_decoded(void **state)
{
    static const struct {
        unsigned op2;
        enum a64_tlbi_scope scope;
        bool last;
    } rows[] = {
        { 0, A64_TLBI_ALL, false },         { 1, A64_TLBI_VA, false },
        { 2, A64_TLBI_ASID, false },        { 3, A64_TLBI_VA_ALL_ASID, false },
        { 5, A64_TLBI_VA, true },           { 7, A64_TLBI_VA_ALL_ASID, true },
    };
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    /* ASID, a TTL hint to be ignored, VA[55:12] */
    uint64_t arg = UINT64_C(0x1234) << 48 | UINT64_C(4) << 44 | UINT64_C(0xfff0000abcd);
    for (unsigned is = 0; is < 2; is++)
        for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
            for (unsigned as = 0; as < 2; as++) {
                unsigned key = A64_SYS_KEY(1, 0, 8, is ? 3 : 7, rows[i].op2);
                cpu->sys[A64_TCR_EL1] = (uint64_t)as << 36;
                assert_int_equal(a64_sys(cpu, key, 0, arg), A64_SYS_CONTEXT);
                const struct a64_tlbi *t = &f->tlbi;
                assert_int_equal(t->scope, rows[i].scope);
                assert_int_equal(t->broadcast, is);
                assert_int_equal(t->last_level, rows[i].last);
                assert_int_equal(t->el, 1);
                if (t->scope == A64_TLBI_VA || t->scope == A64_TLBI_VA_ALL_ASID)
                    assert_int_equal(t->va, UINT64_C(0xfffff0000abcd000));
                if (t->scope == A64_TLBI_ASID || t->scope == A64_TLBI_VA)
                    assert_int_equal(t->asid, as ? 0x1234 : 0x34);
            }
    assert_int_equal(f->tlbi_calls, 24);
    expect_undefined(cpu, a64_sys(cpu, A64_SYS_KEY(1, 0, 8, 1, 0), 0, 0)); /* VMALLE1OS */
    fake_go(cpu, 1);
    expect_undefined(cpu, a64_sys(cpu, A64_SYS_KEY(1, 0, 8, 6, 1), 0, 0)); /* RVAE1 */
    fake_go(cpu, 0);
    expect_undefined(cpu, a64_sys(cpu, A64_SYS_KEY(1, 0, 8, 7, 0), 0, 0));
}

/* ---- Reset, and the levels above ---- */

static void test_reset_gives_the_same_state_from_any_other(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    uint64_t *fresh = malloc(sizeof(cpu->sys));
    assert_non_null(fresh);
    cpu->sys[A64_MPIDR_EL1] |= 3;
    memcpy(fresh, cpu->sys, sizeof(cpu->sys));
    memset(cpu->sys, 0x5a, sizeof(cpu->sys));
    cpu->sys[A64_MPIDR_EL1] = 3;
    cpu->instret = 99;
    cpu->x[7] = cpu->pc = cpu->sp[1] = 5;
    cpu->il = cpu->ss = cpu->pan = 1;
    cpu->irq_lines = A64_LINE_IRQ;
    a64_reset(cpu);
    assert_memory_equal(fresh, cpu->sys, sizeof(cpu->sys));
    free(fresh);
    assert_true(cpu->el == 1 && cpu->spsel == 1 && cpu->daif == 0x3c0 && cpu->pc == 0);
    assert_true(!cpu->x[7] && !cpu->sp[1] && !cpu->il && !cpu->ss && !cpu->pan);
    assert_true(cpu->instret == 99 && cpu->irq_lines == A64_LINE_IRQ);
    assert_int_equal(fake_mrs(cpu, A64_SCTLR_EL1), 0x30d00980);
    assert_int_equal(fake_mrs(cpu, A64_CurrentEL), 4);
}

static void test_el2_registers_exist_with_el2(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    uint64_t v;
    expect_undefined(cpu, a64_sysreg_read(cpu, fake_key(A64_HCR_EL2), 0, &v));
    fake_go(cpu, 1);
    assert_int_equal(fake_mrs(cpu, A64_RVBAR_EL1), 0);
    fake_init_el(f, 2);
    assert_int_equal(fake_mrs(cpu, A64_CurrentEL), 8);
    fake_msr(cpu, A64_SP_EL1, 0x1000);
    assert_int_equal(cpu->sp[1], 0x1000);
    assert_int_equal(a64_sysreg_read(cpu, fake_key(A64_SCR_EL3), 0, &v), A64_SYS_TRAPPED);
    assert_int_equal(cpu->el, 2);
    assert_int_equal(cpu->sys[A64_ESR_EL2], 1u << 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_every_row_is_found_by_its_encoding),
        FAKE_TEST(test_unallocated_encodings_are_undefined_except_the_id_space),
        FAKE_TEST(test_access_rights_are_those_of_the_rows),
        FAKE_TEST(test_plain_registers_change_only_writable_bits),
        FAKE_TEST(test_writes_that_change_translation_tell_the_engine),
        FAKE_TEST(test_el0_traps_follow_sctlr),
        FAKE_TEST(test_cache_instructions_trap_by_uci_and_dze),
        FAKE_TEST(test_msr_immediate_sets_its_field_only),
        FAKE_TEST(test_fp_registers_trap_with_their_own_class),
        FAKE_TEST(test_rndr_reports_failure_in_nzcv),
        FAKE_TEST(test_icc_registers_go_to_the_gic),
        FAKE_TEST(test_isr_shows_pending_lines),
        FAKE_TEST(test_at_writes_par),
        FAKE_TEST(test_tlbi_forms_are_decoded),
        FAKE_TEST(test_reset_gives_the_same_state_from_any_other),
        FAKE_TEST(test_el2_registers_exist_with_el2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
