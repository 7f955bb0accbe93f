/* Self-hosted debug: the software step state machine, breakpoints, watchpoints, OS lock, and branch
 * target checks. */
#include "fake_pe.h"

#define SS BIT(0)
#define KDE BIT(13)
#define MDE BIT(15)
/* DBGBCR: enabled, matching at EL0 only, EL1 only, both; DBGWCR adds LSC and BAS. */
#define BCR_EL0 (1u | 2u << 1)
#define BCR_EL1 (1u | 1u << 1)
#define BCR_BOTH (1u | 3u << 1)
#define WCR(lsc, bas) (1u | 3u << 1 | (lsc) << 3 | (uint64_t)(bas) << 5)

/* EL0 code under a debugger in the kernel: MMU off, OS lock open. */
static struct a64_cpu *debuggee(void **state, uint64_t mdscr)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    fake_init_el(f, 1);
    fake_msr(cpu, A64_OSLAR_EL1, 0);
    fake_msr(cpu, A64_MDSCR_EL1, mdscr);
    fake_go(cpu, 0);
    cpu->daif = 0;
    cpu->pc = 0x1000;
    return cpu;
}

/* ---- Software step ---- */

/* The kernel returns to EL0 at 0x1000 with SPSR.SS as given. */
static struct a64_cpu *step_return(void **state, bool ss)
{
    struct a64_cpu *cpu = debuggee(state, SS);
    fake_go(cpu, 1);
    cpu->daif = PSTATE_D;
    assert_false(a64_debug_active(cpu)); /* the kernel itself is not stepped: KDE = 0 */
    cpu->sys[A64_SPSR_EL1] = ss ? BIT(21) : 0;
    cpu->sys[A64_ELR_EL1] = 0x1000;
    a64_eret(cpu);
    assert_int_equal(cpu->ss, ss);
    assert_true(a64_debug_active(cpu));
    return cpu;
}

static void test_step_executes_one_instruction_then_traps(void **state)
{
    for (unsigned exclusive = 0; exclusive < 2; exclusive++) {
        struct a64_cpu *cpu = step_return(state, true);
        assert_false(a64_debug_fetch(cpu)); /* active-not-pending */
        cpu->pc += 4;
        a64_debug_step_done(cpu, exclusive);
        assert_int_equal(cpu->ss, 0);
        assert_true(a64_debug_fetch(cpu)); /* active-pending */
        assert_int_equal(fake_ec(cpu), 0x32);
        assert_int_equal(fake_iss(cpu), 1u << 24 | (uint32_t)exclusive << 6 | 0x22);
        assert_int_equal(cpu->sys[A64_ELR_EL1], 0x1004);
        assert_false(a64_debug_active(cpu));
    }
}

static void test_step_pending_on_return_reports_no_instruction(void **state)
{
    struct a64_cpu *cpu = step_return(state, false);
    assert_true(a64_debug_fetch(cpu));
    assert_int_equal(fake_iss(cpu), 0x22); /* ISV = 0 */
    assert_int_equal(cpu->sys[A64_ELR_EL1], 0x1000);
}

static void test_an_exception_of_the_stepped_instruction_saves_ss(void **state)
{
    struct a64_cpu *cpu = step_return(state, true);
    assert_false(a64_debug_fetch(cpu));
    a64_undefined(cpu);
    assert_true(cpu->sys[A64_SPSR_EL1] & BIT(21)); /* it is stepped again after the return */
    assert_int_equal(cpu->ss, 0);
    assert_false(a64_debug_active(cpu)); /* in the kernel */
}

/* AArch64.CallSupervisor() has SSAdvance(): the step is due after the return. */
static void test_a_stepped_svc_saves_ss_clear(void **state)
{
    struct a64_cpu *cpu = step_return(state, true);
    assert_false(a64_debug_fetch(cpu));
    a64_exception_return_to(cpu, EC_SVC64, 0, cpu->pc + 4, 1);
    assert_false(cpu->sys[A64_SPSR_EL1] & BIT(21));
}

static void test_spsr_ss_is_ignored_unless_step_becomes_enabled(void **state)
{
    struct a64_cpu *cpu = debuggee(state, 0); /* MDSCR.SS = 0 */
    fake_go(cpu, 1);
    cpu->sys[A64_SPSR_EL1] = BIT(21);
    a64_eret(cpu);
    assert_int_equal(cpu->ss, 0);
    cpu = debuggee(state, SS | KDE); /* enabled at the source already: EL1, D = 0, KDE */
    fake_go(cpu, 1);
    cpu->sys[A64_SPSR_EL1] = BIT(21) | 5;
    a64_eret(cpu);
    assert_int_equal(cpu->ss, 0);
    cpu = debuggee(state, SS | KDE); /* EL1 to EL1, D from 1 to 0 */
    fake_go(cpu, 1);
    cpu->daif = PSTATE_D;
    cpu->sys[A64_SPSR_EL1] = BIT(21) | 5;
    a64_eret(cpu);
    assert_int_equal(cpu->ss, 1);
}

static void test_step_goes_before_pc_alignment(void **state)
{
    struct a64_cpu *cpu = step_return(state, false);
    cpu->pc = 0x1001;
    assert_true(a64_debug_fetch(cpu));
    assert_int_equal(fake_ec(cpu), 0x32);
}

/* ---- OS lock, KDE, mask ---- */

static void test_the_os_lock_is_set_by_reset_and_stops_debug_exceptions(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    assert_int_equal(fake_mrs(cpu, A64_OSLSR_EL1), 0xa);
    cpu = debuggee(state, MDE | SS);
    fake_go(cpu, 1);
    fake_msr(cpu, A64_DBGBVR0_EL1, 0x1000);
    fake_msr(cpu, A64_DBGBCR0_EL1, BCR_EL0);
    fake_go(cpu, 0);
    assert_true(a64_debug_active(cpu));
    fake_go(cpu, 1);
    fake_msr(cpu, A64_OSLAR_EL1, 1);
    fake_go(cpu, 0);
    assert_false(a64_debug_active(cpu));
    assert_false(a64_debug_fetch(cpu));
    fake_go(cpu, 1);
    fake_msr(cpu, A64_OSLAR_EL1, 0);
    assert_int_equal(fake_mrs(cpu, A64_OSLSR_EL1), 8);
}

static void test_debug_of_el1_needs_kde_and_d_clear(void **state)
{
    struct a64_cpu *cpu = debuggee(state, 0);
    for (unsigned kde = 0; kde < 2; kde++)
        for (unsigned d = 0; d < 2; d++) {
            cpu->sys[A64_MDSCR_EL1] = kde ? KDE : 0;
            assert_int_equal(a64_debug_enabled_from(cpu, 1, d), kde && !d);
            assert_true(a64_debug_enabled_from(cpu, 0, d));
        }
}

/* ---- Breakpoints ---- */

static bool hits(struct a64_cpu *cpu, unsigned el, uint64_t pc)
{
    fake_go(cpu, el);
    cpu->daif = 0;
    cpu->pc = pc;
    cpu->sys[A64_ESR_EL1] = 0;
    bool taken = a64_debug_fetch(cpu);
    if (taken) {
        assert_int_equal(fake_ec(cpu), el == 0 ? 0x30 : 0x31);
        assert_int_equal(fake_iss(cpu), 0x22);
        assert_int_equal(cpu->sys[A64_ELR_EL1], pc);
    }
    return taken;
}

static void set_bp(struct a64_cpu *cpu, unsigned n, uint64_t bcr, uint64_t bvr)
{
    fake_go(cpu, 1);
    fake_msr(cpu, (enum a64_sysreg)(A64_DBGBCR0_EL1 + n), bcr);
    fake_msr(cpu, (enum a64_sysreg)(A64_DBGBVR0_EL1 + n), bvr);
}

static void test_breakpoints_match_address_and_level(void **state)
{
    struct a64_cpu *cpu = debuggee(state, MDE | KDE);
    for (unsigned n = 0; n < A64_BREAKPOINTS; n++) {
        set_bp(cpu, n, BCR_EL0, 0x2000);
        assert_true(hits(cpu, 0, 0x2000));
        assert_false(hits(cpu, 0, 0x2004));
        assert_false(hits(cpu, 1, 0x2000));
        set_bp(cpu, n, BCR_EL1, 0x2000);
        assert_false(hits(cpu, 0, 0x2000));
        assert_true(hits(cpu, 1, 0x2000));
        set_bp(cpu, n, BCR_BOTH, 0x2000);
        assert_true(hits(cpu, 0, 0x2000) && hits(cpu, 1, 0x2000));
        set_bp(cpu, n, BCR_BOTH & ~1u, 0x2000);
        assert_false(hits(cpu, 0, 0x2000));
    }
    set_bp(cpu, 0, BCR_BOTH, 0x2000);
    cpu->sys[A64_MDSCR_EL1] &= ~MDE;
    assert_false(hits(cpu, 0, 0x2000));
}

static void test_context_breakpoints_compare_contextidr(void **state)
{
    struct a64_cpu *cpu = debuggee(state, MDE | KDE);
    fake_go(cpu, 1);
    fake_msr(cpu, A64_CONTEXTIDR_EL1, 77);
    set_bp(cpu, 4, BCR_EL0 | 2u << 20, 77);
    assert_true(hits(cpu, 0, 0x3000));
    assert_false(hits(cpu, 1, 0x3000));
    cpu->sys[A64_CONTEXTIDR_EL1] = 78;
    assert_false(hits(cpu, 0, 0x3000));
    set_bp(cpu, 4, 0, 0);
    cpu->sys[A64_CONTEXTIDR_EL1] = 77;
    set_bp(cpu, 3, BCR_EL0 | 2u << 20, 77); /* not context-aware: reserved */
    assert_false(hits(cpu, 0, 0x3000));
}

static void test_linked_breakpoints_need_both_to_match(void **state)
{
    struct a64_cpu *cpu = debuggee(state, MDE | KDE);
    cpu->sys[A64_CONTEXTIDR_EL1] = 5;
    set_bp(cpu, 5, BCR_BOTH | 3u << 20, 5);              /* linked context */
    set_bp(cpu, 0, BCR_BOTH | 1u << 20 | 5u << 16, 0x4000); /* linked address, LBN = 5 */
    assert_true(hits(cpu, 0, 0x4000));
    assert_false(hits(cpu, 0, 0x4004)); /* the context alone does not match */
    cpu->sys[A64_CONTEXTIDR_EL1] = 6;
    assert_false(hits(cpu, 0, 0x4000));
    cpu->sys[A64_CONTEXTIDR_EL1] = 5;
    set_bp(cpu, 5, BCR_BOTH | 2u << 20, 5); /* not linked: cannot be linked to */
    set_bp(cpu, 5, (BCR_BOTH | 3u << 20) & ~1u, 5); /* disabled */
    assert_false(hits(cpu, 0, 0x4000));
    set_bp(cpu, 0, BCR_BOTH | 1u << 20 | 2u << 16, 0x4000); /* LBN is not context-aware */
    assert_false(hits(cpu, 0, 0x4000));
}

static void test_a_fetch_abort_goes_before_the_breakpoint(void **state)
{
    struct a64_cpu *cpu = debuggee(state, MDE);
    set_bp(cpu, 0, BCR_EL0, BIT(50)); /* beyond the 48 bits of physical address */
    assert_false(hits(cpu, 0, BIT(50)));
    cpu->pc = 0x1002;
    assert_true(a64_debug_fetch(cpu));
    assert_int_equal(fake_ec(cpu), 0x22);
}

/* ---- Watchpoints ---- */

static bool watch(struct a64_cpu *cpu, gva_t va, unsigned size, bool write)
{
    fake_go(cpu, 0);
    cpu->daif = 0;
    cpu->sys[A64_ESR_EL1] = 0;
    bool taken = a64_debug_access(cpu, va, size, write);
    if (taken) {
        assert_int_equal(fake_ec(cpu), 0x34);
        assert_int_equal(fake_iss(cpu), 0x22 | (uint32_t)write << 6);
    }
    return taken;
}

static void set_wp(struct a64_cpu *cpu, uint64_t wcr, uint64_t wvr)
{
    fake_go(cpu, 1);
    fake_msr(cpu, A64_DBGWCR1_EL1, wcr);
    fake_msr(cpu, A64_DBGWVR1_EL1, wvr);
}

static void test_watchpoints_match_bytes_and_direction(void **state)
{
    struct a64_cpu *cpu = debuggee(state, MDE);
    set_wp(cpu, WCR(3, 0x30), 0x5000); /* bytes 4 and 5 */
    for (unsigned size = 1; size <= 16; size *= 2)
        for (gva_t va = 0x4ff0; va < 0x5010; va++) {
            bool overlap = va < 0x5006 && va + size > 0x5004;
            assert_int_equal(watch(cpu, va, size, false), overlap);
            if (overlap)
                assert_in_range(cpu->sys[A64_FAR_EL1], 0x5004, 0x5005);
        }
    set_wp(cpu, WCR(1, 0xff), 0x5000); /* loads */
    assert_true(watch(cpu, 0x5000, 1, false));
    assert_false(watch(cpu, 0x5000, 1, true));
    set_wp(cpu, WCR(2, 0xff), 0x5000); /* stores */
    assert_false(watch(cpu, 0x5000, 1, false));
    assert_true(watch(cpu, 0x5000, 1, true));
    set_wp(cpu, WCR(3, 0x0f), 0x5004); /* word watchpoint: WVR<2> = 1 */
    assert_true(watch(cpu, 0x5007, 1, true));
    assert_false(watch(cpu, 0x5003, 1, true));
}

static void test_watchpoint_masks_cover_a_range(void **state)
{
    struct a64_cpu *cpu = debuggee(state, MDE);
    set_wp(cpu, WCR(3, 0xff) | 16u << 24, 0x70000);
    assert_true(watch(cpu, 0x7ffff, 1, true));
    assert_true(watch(cpu, 0x70000, 4, true));
    assert_true(watch(cpu, 0x6fffc, 8, true));
    assert_false(watch(cpu, 0x80000, 8, true));
    assert_true(a64_watch_page(cpu, 0x7f000));
    assert_false(a64_watch_page(cpu, 0x80000));
    set_wp(cpu, WCR(3, 0x01), 0x9ff8);
    assert_true(a64_watch_page(cpu, 0x9000));
    assert_false(a64_watch_page(cpu, 0xa000));
    cpu->sys[A64_MDSCR_EL1] = 0;
    assert_false(a64_watch_page(cpu, 0x9000));
}

static void test_watchpoints_see_the_privilege_of_the_access(void **state)
{
    struct a64_cpu *cpu = debuggee(state, MDE | KDE);
    set_wp(cpu, 1u | 2u << 1 | 3u << 3 | 0xffu << 5, 0x5000); /* EL0 accesses only */
    cpu->daif = 0;
    assert_false(a64_debug_access(cpu, 0x5000, 8, false));
    assert_true(a64_debug_access_as(cpu, 0x5000, 8, false, 0)); /* LDTR */
    assert_int_equal(fake_ec(cpu), 0x35);
}

static void test_linked_watchpoints_follow_the_context(void **state)
{
    struct a64_cpu *cpu = debuggee(state, MDE);
    set_bp(cpu, 4, BCR_BOTH | 3u << 20, 9);
    set_wp(cpu, WCR(3, 0xff) | 1u << 20 | 4u << 16, 0x5000);
    assert_false(watch(cpu, 0x5000, 8, false));
    cpu->sys[A64_CONTEXTIDR_EL1] = 9;
    assert_true(watch(cpu, 0x5000, 8, false));
}

/* ---- Registers ---- */

static void test_claim_tags_and_mdscr_write_rules(void **state)
{
    struct fake_pe *f = *state;
    struct a64_cpu *cpu = &f->cpu;
    assert_int_equal(fake_mrs(cpu, A64_DBGCLAIMSET_EL1), 0xff);
    fake_msr(cpu, A64_DBGCLAIMSET_EL1, 0x5);
    fake_msr(cpu, A64_DBGCLAIMCLR_EL1, 0x1);
    assert_int_equal(fake_mrs(cpu, A64_DBGCLAIMCLR_EL1), 0x4);
    fake_msr(cpu, A64_MDSCR_EL1, UINT64_MAX); /* OS lock set: all of it */
    assert_int_equal(fake_mrs(cpu, A64_MDSCR_EL1), 0x6ce0f041);
    fake_msr(cpu, A64_OSLAR_EL1, 0);
    fake_msr(cpu, A64_MDSCR_EL1, 0);
    assert_int_equal(fake_mrs(cpu, A64_MDSCR_EL1), 0x6ce04040);
}

/* ---- Branch target identification ---- */

static void test_landing_pads_accept_their_branch_types(void **state)
{
    static const struct {
        uint32_t word;
        uint8_t btypes; /* bit n: accepts BTYPE n */
    } pads[] = {
        { 0xd503241f, 0x0 }, /* BTI */
        { 0xd503245f, 0x6 }, /* BTI c: 01, 10 */
        { 0xd503249f, 0xa }, /* BTI j: 01, 11 */
        { 0xd50324df, 0xe }, /* BTI jc */
        { 0xd503233f, 0xe }, /* PACIASP with SCTLR.BT = 0 */
        { 0xd503237f, 0xe }, /* PACIBSP */
        { 0xd4200000, 0xe }, /* BRK */
        { 0xd4400000, 0xe }, /* HLT */
        { 0xd503201f, 0x0 }, /* NOP */
        { 0xd4000001, 0x0 }, /* SVC */
        { 0x91000000, 0x0 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(pads); i++)
        for (unsigned btype = 1; btype < 4; btype++) {
            struct a64_cpu *cpu = debuggee(state, 0);
            cpu->btype = (uint8_t)btype;
            bool ok = a64_bti_check(cpu, pads[i].word);
            assert_int_equal(ok, (pads[i].btypes >> btype) & 1);
            if (!ok) {
                assert_int_equal(cpu->sys[A64_ESR_EL1], 0x0du << 26 | 1u << 25 | btype);
                assert_int_equal(bits(cpu->sys[A64_SPSR_EL1], 11, 10), btype);
                assert_int_equal(cpu->sys[A64_ELR_EL1], 0x1000);
            }
        }
    for (unsigned el = 0; el < 2; el++) { /* SCTLR_EL1.BT0, BT1 close PACIxSP to BTYPE 11 */
        struct a64_cpu *cpu = debuggee(state, 0);
        fake_go(cpu, el);
        cpu->sys[A64_SCTLR_EL1] |= BIT(35 + el);
        cpu->btype = 3;
        assert_false(a64_bti_check(cpu, 0xd503233f));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_step_executes_one_instruction_then_traps),
        FAKE_TEST(test_step_pending_on_return_reports_no_instruction),
        FAKE_TEST(test_an_exception_of_the_stepped_instruction_saves_ss),
        FAKE_TEST(test_a_stepped_svc_saves_ss_clear),
        FAKE_TEST(test_spsr_ss_is_ignored_unless_step_becomes_enabled),
        FAKE_TEST(test_step_goes_before_pc_alignment),
        FAKE_TEST(test_the_os_lock_is_set_by_reset_and_stops_debug_exceptions),
        FAKE_TEST(test_debug_of_el1_needs_kde_and_d_clear),
        FAKE_TEST(test_breakpoints_match_address_and_level),
        FAKE_TEST(test_context_breakpoints_compare_contextidr),
        FAKE_TEST(test_linked_breakpoints_need_both_to_match),
        FAKE_TEST(test_a_fetch_abort_goes_before_the_breakpoint),
        FAKE_TEST(test_watchpoints_match_bytes_and_direction),
        FAKE_TEST(test_watchpoint_masks_cover_a_range),
        FAKE_TEST(test_watchpoints_see_the_privilege_of_the_access),
        FAKE_TEST(test_linked_watchpoints_follow_the_context),
        FAKE_TEST(test_claim_tags_and_mdscr_write_rules),
        FAKE_TEST(test_landing_pads_accept_their_branch_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
