/* dev/psci.c against DEN0022 and DEN0028. */
#include "dev/psci.h"
#include "dev_test.h"

/* An engine that is never run. */
static int no_create(struct vcpu *v, struct err *e)
{
    (void)v;
    (void)e;
    return 0;
}
static void no_vcpu(struct vcpu *v)
{
    (void)v;
}
static void no_tlbi(struct vcpu *v, const struct a64_tlbi *op)
{
    (void)v;
    (void)op;
}
static void no_icache(struct vcpu *v, gpa_t pa, bool all)
{
    (void)v;
    (void)pa;
    (void)all;
}
static const struct engine_ops no_engine = {
    .name = "none", .smp = true, .vcpu_create = no_create, .vcpu_destroy = no_vcpu, .tlbi = no_tlbi,
    .context_changed = no_vcpu, .icache_invalidate = no_icache, .forget = no_vcpu};

static struct machine *with_vcpu(void)
{
    struct machine *m = machine_create();
    struct a64_features f = {{1, 0}};
    struct err e = {0};
    assert_int_equal(vm_add_vcpu(&m->vm, &no_engine, &f, &e), 0);
    vm_reset(&m->vm);
    atomic_store(&m->vm.vcpus[0]->cpu.request, 0);
    return m;
}

/* A call by `v`; the arguments keep rubbish above their width, which SMC32 calls must not see. */
static int64_t call_by(struct vcpu *v, uint32_t id, uint64_t a1, uint64_t a2, uint64_t a3)
{
    uint64_t rubbish = id & SMCCC_64 ? 0 : UINT64_C(0xabcdef01) << 32;
    v->cpu.x[0] = id | UINT64_C(0x5555) << 32;
    v->cpu.x[1] = a1 | rubbish;
    v->cpu.x[2] = a2 | rubbish;
    v->cpu.x[3] = a3 | rubbish;
    v->cpu.x[4] = 4444;
    psci_smccc(v, NULL);
    assert_int_equal(v->cpu.x[2], a2 | rubbish);
    assert_int_equal(v->cpu.x[4], 4444);
    return (int64_t)v->cpu.x[0];
}

static int64_t call(struct machine *m, uint32_t id, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return call_by(m->vm.vcpus[0], id, a1, a2, a3);
}

static void test_psci_versions(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    assert_int_equal(call(m, PSCI_VERSION, 0, 0, 0), 0x10001);
    assert_int_equal(call(m, SMCCC_VERSION, 0, 0, 0), 0x10001);
    assert_int_equal(call(m, PSCI_MIGRATE_INFO_TYPE, 0, 0, 0), 2);
    machine_destroy(m);
}

static void test_psci_unknown_calls_are_not_supported(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    const uint32_t none[] = {
        PSCI_VERSION | SMCCC_64, PSCI_SYSTEM_OFF | SMCCC_64, 0x84000005 /* MIGRATE */,
        0x8400000b /* CPU_FREEZE */, 0x8400000d /* NODE_HW_STATE */,
        0x8400000e /* SYSTEM_SUSPEND */, 0x84000050 /* TRNG_VERSION */,
        0x86000000, 0x04000000, 0, 0xffffffff};
    for (unsigned i = 0; i < ARRAY_LEN(none); i++) {
        assert_int_equal(call(m, none[i], 0, 0, 0), -1);
        assert_int_equal(m->vm.event, VM_EVENT_NONE);
    }
    m->vm.vcpus[0]->cpu.exit_imm = 1; /* HVC #1 */
    assert_int_equal(call(m, PSCI_VERSION, 0, 0, 0), -1);
    machine_destroy(m);
}

static void test_psci_features_tells_what_is_there(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    const uint32_t there[] = {
        PSCI_VERSION, PSCI_CPU_SUSPEND, PSCI_CPU_SUSPEND | SMCCC_64, PSCI_CPU_OFF, PSCI_CPU_ON,
        PSCI_CPU_ON | SMCCC_64, PSCI_AFFINITY_INFO | SMCCC_64, PSCI_SYSTEM_OFF, PSCI_SYSTEM_RESET,
        PSCI_SYSTEM_RESET2, PSCI_SYSTEM_RESET2 | SMCCC_64, PSCI_FEATURES, SMCCC_VERSION};
    for (unsigned i = 0; i < ARRAY_LEN(there); i++)
        assert_int_equal(call(m, PSCI_FEATURES, there[i], 0, 0), 0);
    assert_int_equal(call(m, PSCI_FEATURES, PSCI_VERSION | SMCCC_64, 0, 0), -1);
    assert_int_equal(call(m, PSCI_FEATURES, 0x8400000d, 0, 0), -1);
    assert_int_equal(call(m, PSCI_FEATURES, 0x12345678, 0, 0), -1);
    machine_destroy(m);
}

static void test_smccc_workarounds_are_not_needed_but_callable(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    const uint32_t w[] = {SMCCC_ARCH_WORKAROUND_1, SMCCC_ARCH_WORKAROUND_2,
                          SMCCC_ARCH_WORKAROUND_3};
    for (unsigned i = 0; i < ARRAY_LEN(w); i++) {
        assert_int_equal(call(m, SMCCC_ARCH_FEATURES, w[i], 0, 0), 1);
        assert_true(call(m, w[i], 0, 0, 0) >= 0);
    }
    assert_int_equal(call(m, SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0), 0);
    assert_int_equal(call(m, SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES, 0, 0), 0);
    assert_int_equal(call(m, SMCCC_ARCH_FEATURES, 0x80000002, 0, 0), -1); /* SOC_ID */
    assert_int_equal(call(m, SMCCC_ARCH_FEATURES, PSCI_VERSION, 0, 0), -1);
    machine_destroy(m);
}

/* 0xc5000020 and 0xc5000021 have no SMC32 form; PSCI_FEATURES does not know them. */
static void test_pv_time_is_there_only_where_the_board_has_room(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    const uint64_t table = 0x40008000;
    for (unsigned there = 0; there < 2; there++) {
        int64_t yes = there ? 0 : -1;
        m->vm.steal_base = there ? table : 0;
        vm_reset(&m->vm);
        assert_int_equal(call(m, SMCCC_ARCH_FEATURES, PV_TIME_FEATURES, 0, 0), yes);
        assert_int_equal(call(m, PV_TIME_FEATURES, PV_TIME_FEATURES, 0, 0), yes);
        assert_int_equal(call(m, PV_TIME_FEATURES, PV_TIME_ST, 0, 0), yes);
        assert_int_equal(call(m, PV_TIME_FEATURES, 0xc5000022, 0, 0), -1);
        assert_int_equal(call(m, SMCCC_ARCH_FEATURES, PV_TIME_FEATURES & ~SMCCC_64, 0, 0), -1);
        assert_int_equal(call(m, PSCI_FEATURES, PV_TIME_FEATURES, 0, 0), -1);
        assert_int_equal(call(m, PV_TIME_FEATURES & ~SMCCC_64, PV_TIME_ST, 0, 0), -1);
        assert_int_equal(call(m, PV_TIME_ST & ~SMCCC_64, 0, 0, 0), -1);
        assert_int_equal(call(m, PV_TIME_ST, 0, 0, 0), there ? (int64_t)table : -1);
    }
    machine_destroy(m);
}

static void test_pv_time_has_a_structure_for_each_cpu(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    struct a64_features f = {{1, 0}};
    struct err e = {0};
    const uint64_t table = 0x40008000;
    assert_int_equal(vm_add_vcpu(&m->vm, &no_engine, &f, &e), 0);
    m->vm.steal_base = table;
    vm_reset(&m->vm);
    memset(mem_ptr(&m->vm.mem, table, 192, MEM_WRITE), 0xff, 192);
    m->vm.vcpus[1]->steal.ns = 5; /* from before CPU_OFF */
    assert_int_equal(call_by(m->vm.vcpus[1], PV_TIME_ST, 0, 0, 0), table + 64);
    const uint8_t *p = mem_ptr(&m->vm.mem, table, 192, MEM_READ);
    for (unsigned i = 0; i < 192; i++)
        assert_int_equal(p[i], i < 64 || i >= 128 ? 0xff : i == 72 ? 5 : 0);
    machine_destroy(m);
}

static void test_psci_system_calls_post_events_and_stop_the_cpu(void **s)
{
    (void)s;
    const struct { uint32_t id; enum vm_event event; } c[] = {
        {PSCI_SYSTEM_OFF, VM_EVENT_POWEROFF},
        {PSCI_SYSTEM_RESET, VM_EVENT_RESET},
        {PSCI_SYSTEM_RESET2, VM_EVENT_RESET},
        {PSCI_SYSTEM_RESET2 | SMCCC_64, VM_EVENT_RESET}};
    for (unsigned i = 0; i < ARRAY_LEN(c); i++) {
        struct machine *m = with_vcpu();
        call(m, c[i].id, 0, 0, 0);
        assert_int_equal(vm_wait(&m->vm), c[i].event);
        assert_false(m->vm.vcpus[0]->powered);
        machine_destroy(m);
    }
}

static void test_psci_reset2_rejects_other_types(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    assert_int_equal(call(m, PSCI_SYSTEM_RESET2, 1, 0, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(call(m, PSCI_SYSTEM_RESET2 | SMCCC_64, 0x80000000, 0, 0),
                     PSCI_INVALID_PARAMETERS);
    assert_int_equal(m->vm.event, VM_EVENT_NONE);
    machine_destroy(m);
}

static void test_psci_suspend_returns_when_an_interrupt_is_pending(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    vcpu_set_line(m->vm.vcpus[0], A64_LINE_IRQ, true);
    assert_int_equal(call(m, PSCI_CPU_SUSPEND, 0, 0x40000000, 0), 0);
    assert_int_equal(call(m, PSCI_CPU_SUSPEND | SMCCC_64, 0x10000, 0x40000000, 0), 0);
    assert_int_equal(call(m, PSCI_CPU_SUSPEND, 0x80000000, 0, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(call(m, PSCI_CPU_SUSPEND, 0x20000, 0, 0), PSCI_INVALID_PARAMETERS);
    machine_destroy(m);
}

/* The thread of `v` comes to what CPU_ON asked for. */
static void let_it_begin(struct vcpu *v)
{
    assert_true(atomic_load(&v->cpu.request) & VCPU_REQ_POWER);
    vcpu_power_take(v);
}

static void test_psci_cpu_off_and_on(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    struct vcpu *v = m->vm.vcpus[0];
    struct vcpu caller = {.vm = &m->vm, .index = 1}; /* any other PE */
    const uint64_t entry = UINT64_C(0x40001230);
    assert_int_equal(call_by(&caller, PSCI_CPU_ON | SMCCC_64, 0, entry, 7), PSCI_ALREADY_ON);
    assert_int_equal(call_by(&caller, PSCI_AFFINITY_INFO, 0, 0, 0), 0);

    call(m, PSCI_CPU_OFF, 0, 0, 0);
    assert_false(v->powered);
    assert_int_equal(call_by(&caller, PSCI_AFFINITY_INFO | SMCCC_64, 0, 0, 0), 1);
    assert_int_equal(call_by(&caller, PSCI_AFFINITY_INFO, 0, 3, 0), 1);
    v->cpu.x[7] = 7;
    assert_int_equal(call_by(&caller, PSCI_CPU_ON | SMCCC_64, 0, entry, 0x123456789), 0);
    let_it_begin(v);
    assert_true(v->powered);
    assert_int_equal(call_by(&caller, PSCI_AFFINITY_INFO, 0, 0, 0), 0);
    assert_int_equal(v->cpu.pc, entry);
    assert_int_equal(v->cpu.x[0], 0x123456789);
    assert_int_equal(v->cpu.x[7], 0); /* reset */

    call(m, PSCI_CPU_OFF, 0, 0, 0);
    assert_int_equal(call_by(&caller, PSCI_CPU_ON, 0, 0x40000000, 0x89abcdef), 0);
    let_it_begin(v);
    assert_int_equal(v->cpu.pc, 0x40000000); /* SMC32: upper halves are not arguments */
    assert_int_equal(v->cpu.x[0], 0x89abcdef);
    machine_destroy(m);
}

static void test_psci_cpu_on_is_pending_until_the_cpu_begins(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    struct vcpu *v = m->vm.vcpus[0];
    struct vcpu caller = {.vm = &m->vm, .index = 1};
    call(m, PSCI_CPU_OFF, 0, 0, 0);
    assert_int_equal(call_by(&caller, PSCI_CPU_ON, 0, 0x40000000, 1), 0);
    assert_false(v->powered);
    assert_int_equal(call_by(&caller, PSCI_AFFINITY_INFO, 0, 0, 0), 2);
    assert_int_equal(call_by(&caller, PSCI_AFFINITY_INFO, 0, 1, 0), 2);
    assert_int_equal(call_by(&caller, PSCI_CPU_ON, 0, 0x40000004, 2), PSCI_ON_PENDING);
    let_it_begin(v);
    assert_int_equal(v->cpu.pc, 0x40000000); /* the first call's */
    assert_int_equal(v->cpu.x[0], 1);
    assert_int_equal(call_by(&caller, PSCI_CPU_ON, 0, 0x40000004, 2), PSCI_ALREADY_ON);
    machine_destroy(m);
}

static void test_psci_cpu_on_refuses_entries_outside_memory(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    struct vcpu caller = {.vm = &m->vm, .index = 1};
    call(m, PSCI_CPU_OFF, 0, 0, 0);
    const uint64_t bad[] = {0, 0x3ffffffc, 0x40010000, 0x40000002, UINT64_MAX - 3};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(call_by(&caller, PSCI_CPU_ON | SMCCC_64, 0, bad[i], 0),
                         PSCI_INVALID_ADDRESS);
    assert_int_equal(call_by(&caller, PSCI_AFFINITY_INFO, 0, 0, 0), 1);
    machine_destroy(m);
}

static void test_psci_affinity_levels_ask_whole_clusters(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    struct a64_features f = {{1, 0}};
    struct err e = {0};
    while (m->vm.cpu_count < 18)
        assert_int_equal(vm_add_vcpu(&m->vm, &no_engine, &f, &e), 0);
    vm_reset(&m->vm);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 0, 0, 0), 0);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 15, 0, 0), 1);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 16, 0, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 0x101, 0, 0), 1);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 0x102, 0, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 0x00, 1, 0), 0);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 0x100, 1, 0), 1);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 0x200, 1, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(call(m, PSCI_CPU_ON, 0x101, 0x40000000, 5), 0);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 0x100, 1, 0), 2);
    let_it_begin(m->vm.vcpus[17]);
    assert_int_equal(m->vm.vcpus[17]->cpu.sys[A64_MPIDR_EL1], 0x80000101);
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 0x100, 1, 0), 0);
    machine_destroy(m);
}

static void test_psci_rejects_cpus_that_do_not_exist(void **s)
{
    (void)s;
    struct machine *m = with_vcpu();
    const uint64_t none[] = {1, 0x100, 0x10000, UINT64_C(1) << 32, UINT64_C(0x100) << 32, BIT(24)};
    for (unsigned i = 0; i < ARRAY_LEN(none); i++) {
        assert_int_equal(call(m, PSCI_CPU_ON | SMCCC_64, none[i], 0, 0), PSCI_INVALID_PARAMETERS);
        assert_int_equal(call(m, PSCI_AFFINITY_INFO | SMCCC_64, none[i], 0, 0),
                         PSCI_INVALID_PARAMETERS);
    }
    assert_int_equal(call(m, PSCI_AFFINITY_INFO, 0, 4, 0), PSCI_INVALID_PARAMETERS);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_psci_versions),
        cmocka_unit_test(test_psci_unknown_calls_are_not_supported),
        cmocka_unit_test(test_psci_features_tells_what_is_there),
        cmocka_unit_test(test_smccc_workarounds_are_not_needed_but_callable),
        cmocka_unit_test(test_pv_time_is_there_only_where_the_board_has_room),
        cmocka_unit_test(test_pv_time_has_a_structure_for_each_cpu),
        cmocka_unit_test(test_psci_system_calls_post_events_and_stop_the_cpu),
        cmocka_unit_test(test_psci_reset2_rejects_other_types),
        cmocka_unit_test(test_psci_suspend_returns_when_an_interrupt_is_pending),
        cmocka_unit_test(test_psci_cpu_off_and_on),
        cmocka_unit_test(test_psci_cpu_on_is_pending_until_the_cpu_begins),
        cmocka_unit_test(test_psci_cpu_on_refuses_entries_outside_memory),
        cmocka_unit_test(test_psci_affinity_levels_ask_whole_clusters),
        cmocka_unit_test(test_psci_rejects_cpus_that_do_not_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
