/* engine/jit: creation, the dispatcher, the code cache. A guest sees no difference from the
 * interpreter; here is what only the translator can get wrong. */
#include "base/fault.h"
#include "base/tsc.h"
#include "jit_rig.h"

#include <errno.h>
#include <pthread.h>

static int set_up(void **state)
{
    *state = jit_rig_create(&(struct engine_config){0});
    return 0;
}

/* X0 = sum of X1 .. 1 squared, by a function in another page; memory is read and written. */
static void place_sum(struct rig *r)
{
    struct code c = {0}, f = {0};
    mov(&c, 9, LR);
    li(&c, 0, 0);
    li(&c, 2, RIG_DATA);
    unsigned loop = here(&c);
    I(&c, BL, 0x400 - here(&c)); /* the next page */
    I(&c, SUBS_i, 1, 0, 1, 1, 1);
    b_cond(&c, COND_NE, loop);
    I(&c, RET, 9);
    rig_place(r, RIG_CODE, &c);
    I(&f, STR_i, 1, 0, 2, 1);
    I(&f, LDR_i, 1, 0, 2, 3);
    I(&f, MADD, 1, 3, 0, 3, 0);
    I(&f, RET, LR);
    rig_place(r, RIG_CODE + 0x1000, &f);
}

static void test_program_is_translated_once_and_joined(void **state)
{
    struct rig *r = *state;
    place_sum(r);
    r->cpu->x[1] = 1000;
    assert_int_equal(rig_call(r, RIG_CODE), UINT64_C(333833500));
    const struct jit_stats before = jit(r)->stat;
    r->cpu->x[1] = 100000;
    (void)rig_call(r, RIG_CODE);
    assert_in_range(before.blocks, 3, 12);
    assert_in_range(jit(r)->stat.blocks, 3, 30); /* run() may begin in the middle of a block */
    assert_true(jit(r)->stat.dispatches - before.dispatches < 1000);
    assert_true(jit(r)->stat.jumps - before.jumps < 1000);
    assert_true(jit(r)->stat.fills - before.fills < 10);
}

/* run() ends after exactly as many instructions as it was called for, wherever that is in a
 * block, and the state is that of the interpreter there. */
static void test_budget_is_exact_and_so_is_the_state(void **state)
{
    struct rig *r = *state;
    struct rig *other =
        rig_create_engine(&interp_engine, &(struct engine_config){0}, CLOCK_COUNTED, 64 << 20);
    struct rig *both[] = {r, other};
    for (unsigned i = 0; i < 2; i++) {
        place_sum(both[i]);
        both[i]->cpu->x[1] = 10000;
        both[i]->cpu->pc = RIG_CODE;
        atomic_store(&both[i]->cpu->request, 0);
    }
    for (uint64_t n = 1; n < 150; n++) {
        uint64_t at = r->cpu->instret;
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(both[i]->v->engine->run(both[i]->v, n), A64_EXIT_BUDGET);
        assert_int_equal(r->cpu->instret, at + n);
        assert_int_equal(r->cpu->pc, other->cpu->pc);
        assert_int_equal(r->cpu->nzcv, other->cpu->nzcv);
        assert_memory_equal(r->cpu->x, other->cpu->x, sizeof(r->cpu->x));
        assert_memory_equal(r->cpu->sp, other->cpu->sp, sizeof(r->cpu->sp));
    }
    rig_destroy(other);
}

/* The counter is read in place while the machine's clock has a line that is whole and not at its
 * end; else by the interpreter, which here finds the clock stopped at 0. */
static void test_counter_is_the_line_or_the_clock(void **state)
{
    (void)state;
    struct rig *r =
        rig_create_engine(&jit_engine, &(struct engine_config){0}, CLOCK_HOST, 64 << 20);
    struct clock_line *line = &r->vm.clock.tsc.line;
    struct code c = {0};
    li(&c, 1, 0x1111);
    I(&c, MRS, 1, 3, 14, 0, 2, 0);
    I(&c, MRS, 1, 3, 14, 0, 1, 2);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    const uint64_t *left = &jit(r)->stat.fallback[A64_MRS];
    assert_int_equal(rig_call(r, RIG_CODE), 0);
    assert_int_equal(*left, 2);
    *line = (struct clock_line){.limit = UINT64_MAX, .now = 12345, .begun = 7, .whole = 7};
    r->cpu->sys[A64_CNTVOFF_EL2] = 45;
    assert_int_equal(rig_call(r, RIG_CODE), 12300);
    assert_int_equal(r->cpu->x[2], 12345);
    assert_int_equal(r->cpu->x[1], 0x1111);
    assert_int_equal(*left, 2);
    line->begun = 8; /* somebody writes another one */
    assert_int_equal(rig_call(r, RIG_CODE), (uint64_t)-45);
    assert_int_equal(*left, 4);
    line->whole = 8;
    line->mult = UINT64_C(1) << 31;
    line->ticks = tsc_read();
    uint64_t now = rig_call(r, RIG_CODE) - 12300, then = tsc_read();
    assert_in_range(now, 1, (then - line->ticks) / 2);
    assert_in_range(r->cpu->x[2] - 12345, now, (then - line->ticks) / 2);
    assert_int_equal(*left, 4);
    line->ticks = then + (UINT64_C(1) << 60); /* it went back */
    line->limit = UINT64_C(1) << 60;
    assert_int_equal(rig_call(r, RIG_CODE), (uint64_t)-45);
    assert_int_equal(*left, 6);
    rig_destroy(r);
}

/* SVC and ERET, and branches that the jump cache does not know, go on in translated code. */
static void test_exceptions_and_jumps_do_not_go_through_the_dispatcher(void **state)
{
    struct rig *r = *state;
    struct code c = {0}, vector = {0};
    I(&vector, ADD_i, 1, 0, 1, 0, 0);
    I(&vector, ERET);
    rig_place(r, RIG_VECTORS + 0x200, &vector);
    mov(&c, 9, LR);
    li(&c, 2, RIG_CODE + 0x1000);
    unsigned loop = here(&c);
    I(&c, SVC, 5);
    I(&c, ADD_i, 1, 0, 4, 2, 2);
    I(&c, BLR, 2); /* another place each time */
    I(&c, SUBS_i, 1, 0, 1, 1, 1);
    b_cond(&c, COND_NE, loop);
    I(&c, RET, 9);
    rig_place(r, RIG_CODE, &c);
    for (unsigned n = 0; n <= 500; n++) {
        struct code ret = {0};
        I(&ret, RET, LR);
        rig_place(r, RIG_CODE + 0x1000 + 4 * n, &ret);
    }
    r->cpu->x[0] = 0;
    r->cpu->x[1] = 500;
    assert_int_equal(rig_call(r, RIG_CODE), 500);
    assert_int_equal(r->cpu->sys[A64_ESR_EL1], (uint64_t)EC_SVC64 << 26 | BIT(25) | 5);
    assert_int_equal(jit(r)->stat.fallback[A64_SVC], 500);
    assert_true(jit(r)->stat.fallback[A64_ERET] < 20); /* but for the first ones */
    assert_true(jit(r)->stat.exceptions > 480);
    assert_true(jit(r)->stat.jumps >= 500);
    assert_true(jit(r)->stat.entered < 100);
}

/* The empty return stack stands for a caller at an address that no instruction has, 1; a return
 * there went to the host's address 0. */
/* System calls of EL0, and what makes them take the long way: each leaves the same behind. */
static void test_system_calls_are_quick_and_exact(void **state)
{
    struct rig *r = *state;
    struct code c = {0}, user = {0}, vector = {0};
    mov(&c, 9, LR);
    li(&c, 2, RIG_CODE + 0x1000);
    I(&c, MSR_r, 1, 0, 4, 0, 1, 2);  /* ELR_EL1 */
    I(&c, MSR_r, 1, 0, 4, 0, 0, 31); /* SPSR_EL1 */
    I(&c, ERET);
    rig_place(r, RIG_CODE, &c);
    unsigned loop = here(&user);
    I(&user, SVC, 7);
    I(&user, SUBS_i, 1, 0, 1, 1, 1);
    b_cond(&user, COND_NE, loop);
    I(&user, SVC, 8);
    rig_place(r, RIG_CODE + 0x1000, &user);
    I(&vector, CBZ, 1, 4, 1);
    I(&vector, MRS, 1, 0, 4, 0, 0, 3); /* SPSR_EL1 */
    I(&vector, ADD_i, 1, 0, 1, 0, 0);
    I(&vector, ERET);
    I(&vector, RET, 9);
    rig_place(r, RIG_VECTORS + 0x400, &vector);
    for (unsigned odd = 0; odd < 3; odd++) {
        uint64_t *pmcr = &r->cpu->sys[A64_PMCR_EL0], *mdscr = &r->cpu->sys[A64_MDSCR_EL1];
        *pmcr = (*pmcr & ~BIT(0)) | (odd == 1);
        *mdscr = odd == 2 ? BIT(15) : 0;
        r->cpu->x[0] = 0;
        r->cpu->x[1] = 300;
        const struct jit_stats before = jit(r)->stat;
        assert_int_equal(rig_call(r, RIG_CODE), 300);
        assert_int_equal(r->cpu->el, 1);
        assert_int_equal(r->cpu->sys[A64_ESR_EL1], (uint64_t)EC_SVC64 << 26 | BIT(25) | 8);
        assert_int_equal(r->cpu->sys[A64_ELR_EL1], RIG_CODE + 0x1010);
        assert_int_equal(r->cpu->sys[A64_SPSR_EL1], PSTATE_Z | PSTATE_C);
        assert_int_equal(r->cpu->x[3], PSTATE_C); /* of the last but one */
        uint64_t quick = jit(r)->stat.exceptions - before.exceptions;
        assert_true(odd ? quick == 0 : quick > 580);
    }
}

static void test_return_to_an_odd_address_faults(void **state)
{
    struct rig *r = *state;
    for (uint64_t to = 0; to < 8; to++) {
        struct code c = {0}, vector = {0};
        I(&vector, MRS, 1, 0, 4, 0, 1, 0); /* ELR_EL1 */
        I(&vector, MSR_r, 1, 0, 4, 0, 1, 9);
        I(&vector, ERET);
        rig_place(r, RIG_VECTORS + 0x200, &vector);
        mov(&c, 9, LR);
        li(&c, 22, to);
        I(&c, RET, 22);
        rig_place(r, RIG_CODE, &c);
        assert_int_equal(rig_call(r, RIG_CODE), to);
        assert_int_equal(r->cpu->sys[A64_FAR_EL1], to);
    }
}

static void *post(void *arg)
{
    vcpu_request(arg, VCPU_REQ_EVENT);
    return NULL;
}

static void test_request_ends_an_endless_loop(void **state)
{
    (void)state;
    struct rig *r =
        rig_create_engine(&jit_engine, &(struct engine_config){0}, CLOCK_HOST, 64 << 20);
    struct code c = {0};
    unsigned loop = here(&c);
    I(&c, ADD_i, 1, 0, 1, 0, 0);
    b(&c, loop);
    rig_place(r, RIG_CODE, &c);
    r->cpu->pc = RIG_CODE;
    for (unsigned n = 0; n < 5; n++) {
        pthread_t thread;
        atomic_store(&r->cpu->request, 0);
        assert_int_equal(pthread_create(&thread, NULL, post, r->v), 0);
        assert_int_equal(r->v->engine->run(r->v, 1000), A64_EXIT_REQUEST);
        pthread_join(thread, NULL);
    }
    rig_destroy(r);
}

/* FPSR is made of MXCSR, FPCR makes it. */
static void test_floating_point_state_survives_leaving(void **state)
{
    struct rig *r = *state;
    struct code c = {0};
    I(&c, FDIV_f, 1, 1, 0, 2); /* 1 / 3 */
    I(&c, HVC, 0);
    rig_place(r, RIG_CODE, &c);
    static const uint64_t third[] = {
        UINT64_C(0x3fd5555555555555), UINT64_C(0x3fd5555555555556), UINT64_C(0x3fd5555555555555),
        UINT64_C(0x3fd5555555555555),
    };
    for (uint32_t mode = 0; mode < 4; mode++) {
        r->cpu->v[0].d[0] = UINT64_C(0x3ff0000000000000);
        r->cpu->v[1].d[0] = UINT64_C(0x4008000000000000);
        r->cpu->fp = (struct fp_env){.fpcr = mode << 22, .fpsr = FPSR_QC};
        r->cpu->pc = RIG_CODE;
        assert_true(rig_run(r));
        assert_int_equal(r->cpu->v[2].d[0], third[mode]);
        assert_int_equal(r->cpu->fp.fpsr, FPSR_QC | FPSR_IXC);
    }
}

/* ---- The code cache ---- */

static void test_full_cache_makes_room_and_the_program_goes_on(void **state)
{
    (void)state;
    struct rig *r = jit_rig_create(&(struct engine_config){.code_cache = ENGINE_CODE_MIN});
    struct code c = {0};
    for (unsigned i = 0; i < 1023; i++)
        I(&c, EOR_s, 1, 0, 2 + i % 7, i % 5, 8 + i % 6, 8 + i % 6);
    I(&c, RET, LR);
    for (unsigned page = 0; page < 200; page++)
        rig_place(r, RIG_DATA + 0x100000 + 4096 * page, &c);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned page = 0; page < 200; page++)
            (void)rig_call(r, RIG_DATA + 0x100000 + 4096 * page);
    }
    assert_in_range(jit(r)->code.evictions, 1, 400);
    rig_destroy(r);
}

static void test_no_mapping_is_writable_and_executable(void **state)
{
    struct rig *r = *state;
    char line[300];
    unsigned executable = 0;
    place_sum(r);
    r->cpu->x[1] = 10;
    (void)rig_call(r, RIG_CODE);
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        executable += strstr(line, "sojourn-code") && strstr(line, " r-xs ");
        assert_null(strstr(line, " rwx"));
    }
    fclose(maps);
    assert_int_equal(executable, 1);
}

static void test_stores_beside_code_invalidate_nothing(void **state)
{
    struct rig *r = *state;
    place_sum(r);
    r->cpu->x[1] = 10;
    (void)rig_call(r, RIG_CODE);
    uint64_t invalidated = jit(r)->stat.invalidated, blocks = jit(r)->stat.blocks;
    struct code c = {0};
    li(&c, 1, 1000);
    unsigned loop = here(&c);
    I(&c, STR_i, 1, 0, 2, 1);
    I(&c, SUBS_i, 1, 0, 1, 1, 1);
    b_cond(&c, COND_NE, loop);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE + 0x8000, &c);
    r->cpu->x[2] = RIG_CODE + 0x800; /* the page has translations, not there */
    (void)rig_call(r, RIG_CODE + 0x8000);
    assert_int_equal(jit(r)->stat.invalidated, invalidated);
    assert_in_range(jit(r)->stat.blocks - blocks, 1, 5);
}

static void test_page_whose_code_was_overwritten_is_data_again(void **state)
{
    struct rig *r = *state;
    uint64_t index = (RIG_CODE + 0x1000 - RIG_RAM) >> MEM_PAGE_SHIFT;
    place_sum(r);
    r->cpu->x[1] = 10;
    (void)rig_call(r, RIG_CODE);
    assert_true(mem_code_test(&r->vm.mem, index));
    r->cpu->x[2] = RIG_CODE + 0x1000;
    assert_true(EXEC(r, STR_i, 1, 0, 2, XZR));
    assert_true(EXEC(r, STR_i, 1, 1, 2, XZR));
    assert_false(mem_code_test(&r->vm.mem, index));
    assert_null(jit(r)->code.by_page[index] ? r : NULL);
}

static void test_others_may_write_while_the_guest_runs(void **state)
{
    struct rig *r = *state;
    place_sum(r);
    for (unsigned n = 1; n < 5; n++) {
        rig_poke(r, RIG_CODE + 0x1008, 4, a64_encode_ADD_i(1, 0, n, 0, 0));
        r->cpu->x[1] = 100;
        assert_int_equal(rig_call(r, RIG_CODE), 100 * n);
    }
}

/* ---- Creation ---- */

static void test_creation_may_fail_at_every_point(void **state)
{
    (void)state;
    const struct a64_features features = a64_features_default();
    unsigned long n = 1;
    for (;; n++) {
        struct vm vm;
        struct err e = {0};
        assert_int_equal(vm_create(&vm, RIG_RAM, 1 << 20, CLOCK_COUNTED, &e), 0);
        fault_arm(n);
        int failed = vm_add_vcpu(&vm, &jit_engine, &features, &e);
        const char *hit = fault_arm(0);
        assert_true(!hit == !failed);
        assert_true(!failed == !e.text[0]);
        vm_destroy(&vm);
        if (!hit)
            break;
    }
    assert_in_range(n, 9, 40);
}

static void test_code_cache_has_a_least_size(void **state)
{
    (void)state;
    const struct a64_features features = a64_features_default();
    struct vm vm;
    struct err e = {0};
    assert_int_equal(vm_create(&vm, RIG_RAM, 1 << 20, CLOCK_COUNTED, &e), 0);
    vm.engine_config.code_cache = 4096;
    assert_int_equal(vm_add_vcpu(&vm, &jit_engine, &features, &e), -EINVAL);
    assert_non_null(strstr(e.text, "MiB"));
    vm_destroy(&vm);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, jit_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_program_is_translated_once_and_joined),
        TEST(test_budget_is_exact_and_so_is_the_state),
        cmocka_unit_test(test_counter_is_the_line_or_the_clock),
        TEST(test_exceptions_and_jumps_do_not_go_through_the_dispatcher),
        TEST(test_system_calls_are_quick_and_exact),
        TEST(test_return_to_an_odd_address_faults),
        cmocka_unit_test(test_request_ends_an_endless_loop),
        TEST(test_floating_point_state_survives_leaving),
        cmocka_unit_test(test_full_cache_makes_room_and_the_program_goes_on),
        TEST(test_no_mapping_is_writable_and_executable),
        TEST(test_stores_beside_code_invalidate_nothing),
        TEST(test_page_whose_code_was_overwritten_is_data_again),
        TEST(test_others_may_write_while_the_guest_runs),
        cmocka_unit_test(test_creation_may_fail_at_every_point),
        cmocka_unit_test(test_code_cache_has_a_least_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
