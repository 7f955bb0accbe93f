/* What is UNDEFINED has exception class 0, whatever else would have trapped: the whole way from the
 * word in memory to ESR_EL1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a64/cpu.h"
#include "a64/exception.h"
#include "a64_ops.h"
#include "engine/interp/interp.h"
#include "vm/vm.h"

#include <stdatomic.h>
#include <string.h>

enum { RAM_BASE = 0x40000000, CODE = RAM_BASE + 0x80000, CODE_BYTES = 0x80000 };

/* One vCPU at EL1 that has not enabled FP; the next word goes to `at`. */
struct machine {
    struct vm vm;
    gpa_t at;
};

static void machine_create(struct machine *m, const struct a64_features *features)
{
    struct err e = {0};
    memset(m, 0, sizeof(*m));
    assert_int_equal(vm_create(&m->vm, RAM_BASE, 1 << 20, CLOCK_HOST, &e), 0);
    assert_int_equal(vm_add_vcpu(&m->vm, &interp_engine, features, &e), 0);
    m->vm.boot_pc = CODE;
    m->at = CODE;
    vm_reset(&m->vm);
}

/* ESR_EL1.EC of the exception that `word` takes. */
static unsigned exception_class(struct machine *m, uint32_t word)
{
    struct vcpu *v = m->vm.vcpus[0];
    assert_true(mem_write(&m->vm.mem, m->at, &word, sizeof(word)));
    v->cpu.sys[A64_ESR_EL1] = 0xffffffff;
    v->cpu.sys[A64_VBAR_EL1] = RAM_BASE;
    v->cpu.sys[A64_CPACR_EL1] = 0;
    v->cpu.el = 1;
    v->cpu.pc = m->at;
    m->at = m->at + 4 < CODE + CODE_BYTES ? m->at + 4 : CODE;
    atomic_store(&v->cpu.request, 0);
    v->engine->run(v, 1);
    return (unsigned)(v->cpu.sys[A64_ESR_EL1] >> 26 & 0x3f);
}

static uint32_t random_word(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

static uint32_t word_of(enum a64_op op, uint64_t *state)
{
    uint32_t word;
    do
        word = (random_word(state) & ~a64_op_info[op].mask) | a64_op_info[op].value;
    while (a64_decode(word) != op);
    return word;
}

static void test_fp_instructions_trap_when_fp_is_off(void **unused)
{
    (void)unused;
    static struct machine m;
    const struct a64_features features = a64_features_default();
    uint64_t state = 1;
    machine_create(&m, &features);
    for (unsigned op = 1; op < A64_OP_COUNT; op++)
        if (a64_op_info[op].traits & A64_TRAIT_FP)
            for (unsigned i = 0; i < 4; i++)
                assert_int_equal(exception_class(&m, word_of((enum a64_op)op, &state)), 0x07);
    vm_destroy(&m.vm);
}

static void test_reserved_values_are_undefined_when_fp_is_off(void **unused)
{
    (void)unused;
    static struct machine m;
    const struct a64_features features = a64_features_default();
    uint64_t state = 2;
    machine_create(&m, &features);
    for (unsigned op = 1; op < A64_OP_COUNT; op++) {
        const struct a64_op_info *info = &a64_op_info[op];
        for (unsigned i = 0; i < info->not_count; i++) {
            uint32_t word = (random_word(&state) & ~info->mask) | info->value;
            word = (word & ~info->nots[i].mask) | info->nots[i].value;
            if (a64_decode(word) == A64_UNDEFINED)
                assert_int_equal(exception_class(&m, word), 0);
        }
    }
    vm_destroy(&m.vm);
}

/* Without FEAT_FP16, FCADD and FCMLA of halves (FEAT_FCMA) too. */
static void test_absent_features_are_undefined_when_fp_is_off(void **unused)
{
    (void)unused;
    static struct machine m;
    struct a64_features features = a64_features_default();
    uint64_t state = 3;
    unsigned absent = 0;
    a64_feature_set(&features, A64_FEAT_FP16, false);
    machine_create(&m, &features);
    for (unsigned op = 1; op < A64_OP_COUNT; op++) {
        const struct a64_op_info *info = &a64_op_info[op];
        if (info->feature != A64_FEAT_FP16 && info->feature2 != A64_FEAT_FP16)
            continue;
        assert_int_equal(exception_class(&m, word_of((enum a64_op)op, &state)), 0);
        absent++;
    }
    assert_true(absent > 100);
    assert_int_equal(exception_class(&m, 0x2e40c400), 0);    /* FCMLA V0.4H */
    assert_int_equal(exception_class(&m, 0x6e80c400), 0x07); /* FCMLA V0.4S */
    vm_destroy(&m.vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fp_instructions_trap_when_fp_is_off),
        cmocka_unit_test(test_reserved_values_are_undefined_when_fp_is_off),
        cmocka_unit_test(test_absent_features_are_undefined_when_fp_is_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
