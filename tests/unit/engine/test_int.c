/* Integer, branch and system instructions where an instruction-level oracle under a user-mode
 * emulator cannot look: register 31, PC, exceptions and waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a64_encode.h"
#include "engine/interp/interp_vcpu.h"
#include "interp_table.h"

#include <stdlib.h>

#define PC UINT64_C(0x40001000)
#define VBAR UINT64_C(0x40080000)

static void env_nothing(struct a64_cpu *cpu)
{
    (void)cpu;
}

static uint64_t env_zero(struct a64_cpu *cpu)
{
    (void)cpu;
    return 0;
}

static void env_send_event(struct a64_cpu *cpu)
{
    cpu->event_register = true;
}

static const struct a64_env env = {
    .context_changed = env_nothing,
    .pmu_changed = env_nothing,
    .timer_changed = env_nothing,
    .counter = env_zero,
    .cycles = env_zero,
    .send_event = env_send_event,
};

struct fixture {
    struct a64_cpu cpu;
    struct interp interp;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    f->cpu.env = &env;
    f->cpu.engine = &f->interp;
    f->cpu.features = a64_features_default();
    f->cpu.max_el = 1;
    f->cpu.el = 1;
    f->cpu.spsel = 1;
    f->cpu.pc = PC;
    f->cpu.sys[A64_VBAR_EL1] = VBAR;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

#define CPU(state) (&((struct fixture *)*(state))->cpu)
#define RUN(cpu, NAME, ...) interp_##NAME(cpu, a64_encode_##NAME(__VA_ARGS__))

static void assert_exception(const struct a64_cpu *cpu, enum a64_ec ec, uint64_t iss, uint64_t ret)
{
    assert_int_equal(cpu->sys[A64_ESR_EL1] >> 26, ec);
    assert_int_equal(cpu->sys[A64_ESR_EL1] & MASK(25), iss);
    assert_int_equal(cpu->sys[A64_ELR_EL1], ret);
    assert_int_equal(cpu->el, 1);
}

/* ---- Corners that random operands seldom hit ---- */

static void test_division_by_zero_is_zero_and_its_overflow_wraps(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    cpu->x[1] = BIT(63);
    cpu->x[2] = UINT64_MAX;
    RUN(cpu, SDIV, 1, 2, 1, 3);
    assert_true(cpu->x[3] == BIT(63));
    cpu->x[1] = BIT(31);
    RUN(cpu, SDIV, 0, 2, 1, 3);
    assert_true(cpu->x[3] == BIT(31));
    RUN(cpu, UDIV, 0, 2, 1, 3);
    assert_true(cpu->x[3] == 0);
    cpu->x[2] = BIT(32); /* zero for the W forms */
    cpu->x[3] = cpu->x[4] = 1;
    RUN(cpu, SDIV, 0, 2, 1, 3);
    RUN(cpu, UDIV, 0, 2, 1, 4);
    assert_true(cpu->x[3] == 0 && cpu->x[4] == 0);
}

/* ---- Register 31 ---- */

static void test_add_immediate_reads_and_writes_sp(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    cpu->sp[1] = 0x1000;
    RUN(cpu, SUB_i, 1, 0, 16, 31, 31);
    assert_int_equal(cpu->sp[1], 0xff0);
    RUN(cpu, SUBS_i, 1, 0, 0xff0, 31, 31); /* CMP SP, #0xff0: Rd is XZR */
    assert_int_equal(cpu->sp[1], 0xff0);
    assert_int_equal(cpu->nzcv, PSTATE_Z | PSTATE_C);
    cpu->spsel = 0;
    RUN(cpu, ADD_i, 0, 1, 1, 31, 31); /* WSP: the upper half becomes zero */
    assert_int_equal(cpu->sp[0], 0x1000);
}

static void test_shifted_register_forms_take_register_31_as_zero(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    cpu->sp[1] = 77;
    cpu->x[1] = 5;
    RUN(cpu, ADD_s, 1, 0, 31, 0, 1, 31);
    assert_int_equal(cpu->sp[1], 77);
    RUN(cpu, SUB_s, 1, 0, 1, 0, 31, 2); /* NEG */
    assert_int_equal(cpu->x[2], (uint64_t)-5);
    RUN(cpu, ADD_x, 1, 1, 6, 2, 31, 3); /* ADD X3, SP, W1, SXTW #2 */
    assert_int_equal(cpu->x[3], 97);
}

static void test_logical_immediate_writes_sp_but_ands_does_not(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    cpu->x[0] = UINT64_C(0x123456789abcdeff);
    RUN(cpu, AND_i, 1, 1, 60, 59, 0, 31); /* AND SP, X0, #~15 */
    assert_int_equal(cpu->sp[1], UINT64_C(0x123456789abcdef0));
    RUN(cpu, ANDS_i, 1, 1, 60, 59, 31, 31);
    assert_int_equal(cpu->sp[1], UINT64_C(0x123456789abcdef0));
    assert_int_equal(cpu->nzcv, PSTATE_Z);
}

static void test_reserved_integer_encodings_are_undefined(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    const uint32_t words[] = {
        a64_encode_AND_i(0, 1, 0, 0, 0, 0),   a64_encode_AND_i(1, 1, 0, 63, 0, 0),
        a64_encode_ORR_i(1, 0, 0, 61, 0, 0),  a64_encode_ORR_i(1, 0, 0, 63, 0, 0),
        a64_encode_MOVZ(0, 2, 0, 0),          a64_encode_SBFM(1, 0, 0, 0, 0, 0),
        a64_encode_BFM(0, 0, 32, 0, 0, 0),    a64_encode_UBFM(0, 0, 0, 32, 0, 0),
        a64_encode_EXTR(0, 0, 0, 32, 0, 0),   a64_encode_ADD_s(0, 0, 0, 32, 0, 0),
        a64_encode_EOR_s(0, 3, 0, 63, 0, 0),  a64_encode_DCPS1(0),
        a64_encode_HLT(0xf000),               a64_encode_SMC(0),
        a64_encode_UDF(1),
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        cpu->pc = PC;
        assert_int_equal(interp_handlers[a64_decode(words[i])](cpu, words[i]), XR_EXC);
        assert_exception(cpu, EC_UNKNOWN, 0, PC);
        assert_int_equal(cpu->pc, VBAR + 0x200);
    }
}

/* ---- PC ---- */

static void test_adr_and_adrp_count_from_the_instruction(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    cpu->pc = PC + 0x124;
    RUN(cpu, ADR, 3, 0x7ffff, 0); /* ADR X0, . - 1 */
    assert_int_equal(cpu->x[0], PC + 0x123);
    RUN(cpu, ADRP, 1, 0, 0);
    assert_int_equal(cpu->x[0], PC + 0x1000);
    RUN(cpu, ADRP, 0, 0x40000, 0);
    assert_int_equal(cpu->x[0], PC - (UINT64_C(1) << 32));
}

static void test_branches_reach_their_limits(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    assert_int_equal(RUN(cpu, BL, 0x2000000), XR_BRANCH);
    assert_int_equal(cpu->pc, PC - (UINT64_C(128) << 20));
    assert_int_equal(cpu->x[30], PC + 4);
    cpu->pc = PC;
    cpu->x[1] = UINT64_C(1) << 32;
    assert_int_equal(RUN(cpu, CBNZ, 0, 0x3ffff, 1), XR_NEXT); /* W1 is zero */
    assert_int_equal(cpu->pc, PC);
    assert_int_equal(RUN(cpu, CBNZ, 1, 0x3ffff, 1), XR_BRANCH);
    assert_int_equal(cpu->pc, PC + (1 << 20) - 4);
    cpu->pc = PC;
    assert_int_equal(RUN(cpu, TBNZ, 1, 0, 0x2000, 1), XR_BRANCH); /* bit 32 */
    assert_int_equal(cpu->pc, PC - 32768);
    cpu->pc = PC;
    assert_int_equal(RUN(cpu, TBZ, 1, 0, 1, 1), XR_NEXT);
    assert_int_equal(RUN(cpu, B_cond, 1, 15), XR_BRANCH); /* NV is always */
    assert_int_equal(cpu->pc, PC + 4);
}

static void test_blr_by_x30_reads_its_target_first(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    cpu->x[30] = 0x5000;
    assert_int_equal(RUN(cpu, BLR, 30), XR_BRANCH);
    assert_int_equal(cpu->pc, 0x5000);
    assert_int_equal(cpu->x[30], PC + 4);
}

static void test_indirect_branches_set_btype(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    struct interp *it = cpu->engine;
    RUN(cpu, BLR, 1);
    assert_int_equal(cpu->btype, 2);
    RUN(cpu, BR, 1);
    assert_int_equal(cpu->btype, 1); /* from a page that is not guarded */
    it->fetch_guarded = true;
    RUN(cpu, BR, 1);
    assert_int_equal(cpu->btype, 3);
    RUN(cpu, BR, 17);
    assert_int_equal(cpu->btype, 1);
    RUN(cpu, RET, 30);
    assert_int_equal(cpu->btype, 0);
    a64_feature_set(&cpu->features, A64_FEAT_BTI, false);
    RUN(cpu, BR, 1);
    assert_int_equal(cpu->btype, 0);
}

/* ---- Exceptions ---- */

static void test_svc_returns_behind_it_and_brk_to_it(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    cpu->el = 0;
    cpu->spsel = 0;
    assert_int_equal(RUN(cpu, SVC, 0x1234), XR_EXC);
    assert_exception(cpu, EC_SVC64, 0x1234, PC + 4);
    assert_int_equal(cpu->pc, VBAR + 0x400);
    cpu->pc = PC;
    assert_int_equal(RUN(cpu, BRK, 0xffff), XR_EXC);
    assert_exception(cpu, EC_BRK64, 0xffff, PC);
    assert_int_equal(cpu->pc, VBAR + 0x200);
}

static void test_hvc_calls_the_monitor_from_el1_only(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    struct interp *it = cpu->engine;
    assert_int_equal(RUN(cpu, HVC, 7), XR_EXIT);
    assert_int_equal(it->exit, A64_EXIT_HVC);
    assert_int_equal(cpu->exit_imm, 7);
    assert_int_equal(cpu->pc, PC + 4);
    cpu->el = 0;
    assert_int_equal(RUN(cpu, HVC, 7), XR_EXC);
    assert_exception(cpu, EC_UNKNOWN, 0, PC + 4);
}

static void test_semihosting_call_stops_at_the_hlt(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    struct interp *it = cpu->engine;
    cpu->semihosting = true;
    assert_int_equal(RUN(cpu, HLT, 0xf000), XR_EXIT);
    assert_int_equal(it->exit, A64_EXIT_SEMIHOST);
    assert_int_equal(cpu->pc, PC);
    assert_int_equal(RUN(cpu, HLT, 0xf001), XR_EXC);
    assert_exception(cpu, EC_UNKNOWN, 0, PC);
}

static void test_eret_is_undefined_at_el0(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    cpu->el = 0;
    assert_int_equal(RUN(cpu, ERET), XR_EXC);
    assert_exception(cpu, EC_UNKNOWN, 0, PC);
}

/* ---- Waiting ---- */

static void test_wfi_at_el0_traps_unless_allowed_or_pending(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    struct interp *it = cpu->engine;
    cpu->el = 0;
    assert_int_equal(RUN(cpu, WFI), XR_EXC);
    assert_exception(cpu, EC_WFX, 0x1e00000, PC);
    cpu->el = 0;
    cpu->pc = PC;
    assert_int_equal(RUN(cpu, WFE), XR_EXC);
    assert_exception(cpu, EC_WFX, 0x1e00001, PC);
    cpu->el = 0;
    cpu->pc = PC;
    atomic_store(&cpu->irq_lines, A64_LINE_IRQ);
    assert_int_equal(RUN(cpu, WFI), XR_SYNC); /* would not wait */
    atomic_store(&cpu->irq_lines, 0);
    cpu->sys[A64_SCTLR_EL1] = BIT(16);
    assert_int_equal(RUN(cpu, WFI), XR_EXIT);
    assert_int_equal(it->exit, A64_EXIT_WFI);
    assert_int_equal(cpu->pc, PC + 4);
}

static void test_wfe_consumes_the_event(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    struct interp *it = cpu->engine;
    RUN(cpu, SEV);
    assert_int_equal(RUN(cpu, WFE), XR_NEXT);
    assert_false(cpu->event_register);
    RUN(cpu, SEVL);
    assert_int_equal(RUN(cpu, WFE), XR_NEXT);
    assert_int_equal(RUN(cpu, WFE), XR_EXIT);
    assert_int_equal(it->exit, A64_EXIT_WFE);
}

static void test_clrex_clears_the_monitor(void **state)
{
    struct a64_cpu *cpu = CPU(state);
    cpu->monitor.valid = true;
    assert_int_equal(RUN(cpu, CLREX, 0), XR_NEXT);
    assert_false(cpu->monitor.valid);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_division_by_zero_is_zero_and_its_overflow_wraps),
        TEST(test_add_immediate_reads_and_writes_sp),
        TEST(test_shifted_register_forms_take_register_31_as_zero),
        TEST(test_logical_immediate_writes_sp_but_ands_does_not),
        TEST(test_reserved_integer_encodings_are_undefined),
        TEST(test_adr_and_adrp_count_from_the_instruction),
        TEST(test_branches_reach_their_limits),
        TEST(test_blr_by_x30_reads_its_target_first),
        TEST(test_indirect_branches_set_btype),
        TEST(test_svc_returns_behind_it_and_brk_to_it),
        TEST(test_hvc_calls_the_monitor_from_el1_only),
        TEST(test_semihosting_call_stops_at_the_hlt),
        TEST(test_eret_is_undefined_at_el0),
        TEST(test_wfi_at_el0_traps_unless_allowed_or_pending),
        TEST(test_wfe_consumes_the_event),
        TEST(test_clrex_clears_the_monitor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
