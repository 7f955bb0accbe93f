/* CPU features: reading --cpu, and the ID registers that follow from them. */
#include "fake_pe.h"

#include <errno.h>
#include <stdio.h>

static void reject(const char *text, const char *words)
{
    struct a64_features f = a64_features_default(), before = f;
    struct err e = { 0 };
    assert_int_equal(a64_features_parse(&f, text, &e), -EINVAL);
    assert_memory_equal(&f, &before, sizeof(f));
    if (!strstr(e.text, words))
        fail_msg("'%s': \"%s\" does not say \"%s\"", text, e.text, words);
}

static struct a64_features accept(const char *text)
{
    struct a64_features f = { { 0 } };
    struct err e = { 0 };
    if (a64_features_parse(&f, text, &e) != 0)
        fail_msg("'%s': %s", text, e.text);
    return f;
}

static void test_cpu_option_switches_features(void **state)
{
    (void)state;
    struct a64_features d = a64_features_default(), f = accept("default");
    assert_memory_equal(&f, &d, sizeof(f));
    f = accept("max");
    assert_memory_equal(&f, &d, sizeof(f));
    f = accept("default,-lse,-Lse2,-PMUv3");
    assert_false(a64_feature_has(&f, A64_FEAT_LSE) || a64_feature_has(&f, A64_FEAT_LSE2) ||
                 a64_feature_has(&f, A64_FEAT_PMUV3));
    assert_true(a64_feature_has(&f, A64_FEAT_BASE) && a64_feature_has(&f, A64_FEAT_CRC32));
    f = accept("default,-lse,+lse");
    assert_memory_equal(&f, &d, sizeof(f));
    f = accept("default,-sha3,-sha512,-pauth"); /* removing what is not there is no error */
    assert_true(a64_feature_has(&f, A64_FEAT_SHA256));
}

static void test_cpu_option_errors_name_the_mistake(void **state)
{
    (void)state;
    reject("", "use default or max");
    reject("cortex-a57", "cortex-a57");
    reject("default,", "expected +feature");
    reject("default,lse", "'lse'");
    reject("default,+", "'+'");
    reject("default,+frobnicate", "frobnicate");
    reject("default,-base", "base");
    reject("default,+sve", "not implemented yet");
    reject("default,-fp16", "'FHM' needs 'FP16'");
    reject("default,-aes", "'PMULL' needs 'AES'");
}

static void test_every_single_feature_can_be_removed_with_its_dependents(void **state)
{
    (void)state;
    for (unsigned i = A64_FEAT_BASE + 1; i < A64_FEATURE_COUNT; i++) {
        char text[64];
        struct a64_features f = { { 0 } };
        struct err e = { 0 };
        snprintf(text, sizeof(text), "default,-%s", a64_feature_name((enum a64_feature)i));
        if (a64_features_parse(&f, text, &e) == 0)
            assert_false(a64_feature_has(&f, (enum a64_feature)i));
        else
            assert_non_null(strstr(e.text, "needs"));
        assert_true(strlen(a64_feature_text((enum a64_feature)i)) > 0);
    }
}

static struct a64_cpu *with(void **state, const char *text, unsigned max_el)
{
    struct fake_pe *f = *state;
    fake_init_el(f, max_el);
    f->cpu.features = accept(text);
    a64_reset(&f->cpu);
    return &f->cpu;
}

static void test_id_registers_of_cpu_default(void **state)
{
    struct a64_cpu *cpu = with(state, "default", 1);
    static const struct {
        enum a64_sysreg reg;
        uint64_t value;
    } rows[] = {
        { A64_ID_AA64PFR0_EL1, UINT64_C(0x1101000011110011) },
        { A64_ID_AA64PFR1_EL1, 0x21 },
        { A64_ID_AA64ISAR0_EL1, UINT64_C(0x1021100110212120) },
        { A64_ID_AA64ISAR1_EL1, UINT64_C(0x0010101100211001) },
        { A64_ID_AA64MMFR0_EL1, 0x100025 },
        { A64_ID_AA64MMFR1_EL1, 0x211002 },
        { A64_ID_AA64MMFR2_EL1, UINT64_C(0x1000000110001011) },
        { A64_ID_AA64DFR0_EL1, UINT64_C(0xf010305108) },
        { A64_MIDR_EL1, 0x000f0530 },
        { A64_CTR_EL0, 0x9444c004 },
        { A64_CLIDR_EL1, 0x02000023 },
        { A64_MPIDR_EL1, 0x80000000 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(fake_mrs(cpu, rows[i].reg), rows[i].value);
}

static void test_id_fields_follow_the_features(void **state)
{
    struct a64_cpu *cpu = with(state, "default,-sha3,-sha512,-fhm,-fp16,-pan2,-flagm2,-lse", 3);
    assert_int_equal(bits(fake_mrs(cpu, A64_ID_AA64ISAR0_EL1), 15, 12), 1);
    assert_int_equal(bits(fake_mrs(cpu, A64_ID_AA64ISAR0_EL1), 23, 20), 0);
    assert_int_equal(bits(fake_mrs(cpu, A64_ID_AA64ISAR0_EL1), 55, 52), 1);
    assert_int_equal(bits(fake_mrs(cpu, A64_ID_AA64PFR0_EL1), 23, 16), 0);
    assert_int_equal(bits(fake_mrs(cpu, A64_ID_AA64MMFR1_EL1), 23, 20), 1);
    assert_int_equal(bits(fake_mrs(cpu, A64_ID_AA64PFR0_EL1), 15, 0), 0x1111); /* EL3..EL0 */
    cpu = with(state, "default,-rng,-pmuv3,-pan2,-pan", 1);
    uint64_t v;
    assert_int_equal(a64_sysreg_read(cpu, fake_key(A64_RNDR), 0, &v), A64_SYS_TRAPPED);
    assert_int_equal(a64_sysreg_read(cpu, fake_key(A64_PMCR_EL0), 0, &v), A64_SYS_TRAPPED);
    assert_int_equal(a64_sysreg_write(cpu, fake_key(A64_PAN), 0, 0), A64_SYS_TRAPPED);
    assert_int_equal(a64_msr_imm(cpu, 0, 4, 1), A64_SYS_TRAPPED);
}

static void test_cache_geometry_follows_csselr(void **state)
{
    struct a64_cpu *cpu = with(state, "default", 1);
    static const uint32_t bytes[] = { 32 << 10, 32 << 10, 1 << 20 };
    for (unsigned i = 0; i < ARRAY_LEN(bytes); i++) {
        fake_msr(cpu, A64_CSSELR_EL1, i);
        uint64_t v = fake_mrs(cpu, A64_CCSIDR_EL1);
        assert_int_equal((16u << bits(v, 2, 0)) * (bits(v, 12, 3) + 1) * (bits(v, 27, 13) + 1),
                         bytes[i]);
    }
    fake_msr(cpu, A64_CSSELR_EL1, 5);
    assert_int_equal(fake_mrs(cpu, A64_CCSIDR_EL1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_cpu_option_switches_features),
        FAKE_TEST(test_cpu_option_errors_name_the_mistake),
        FAKE_TEST(test_every_single_feature_can_be_removed_with_its_dependents),
        FAKE_TEST(test_id_registers_of_cpu_default),
        FAKE_TEST(test_id_fields_follow_the_features),
        FAKE_TEST(test_cache_geometry_follows_csselr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
