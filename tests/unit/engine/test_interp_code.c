/* Decoded instructions are never stale: whoever changes an instruction, and by whatever access, the
 * next execution is of what memory holds. */
#include "rig.h"

#include <pthread.h>
#include <sched.h>

#define F_PAGE (RIG_CODE + 0x4000)
#define ALIAS rig_page(7)
#define MOV_X0(n) a64_encode_MOVZ(1, 0, (n), 0)

static int set_up(void **state)
{
    struct rig *r = rig_create();
    rig_map(r, 7, F_PAGE | PTE_PAGE);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rig_destroy(*state);
    return 0;
}

static bool holds_code(struct rig *r, uint64_t pa)
{
    return mem_code_test(&r->vm.mem, (pa - RIG_RAM) >> MEM_PAGE_SHIFT);
}

/* A function at `pa` that returns `n`. It has been written to by stores that may leave translations
 * behind, then executed, so that it is decoded. */
static void function_at(struct rig *r, uint64_t pa, unsigned n)
{
    struct code c = {0};
    emit(&c, MOV_X0(n));
    I(&c, RET, LR);
    rig_place(r, pa, &c);
    r->cpu->x[2] = (pa & ~UINT64_C(0xfff)) + 0x800;
    assert_true(EXEC(r, STR_i, 1, 0, 2, XZR));
    r->cpu->x[2] = ALIAS + 0x800;
    assert_true(EXEC(r, STR_i, 1, 0, 2, XZR));
    assert_int_equal(rig_call(r, pa), n);
    assert_true(holds_code(r, pa));
}

/* ---- The PE's own stores ---- */

/* X1..X4, V1 and V2 are set to make `word` write MOV X0, #2 over the function at F, which is
 * `lead` bytes after X2's address. */
static void check_store(struct rig *r, uint64_t f, uint64_t base, unsigned lead, uint32_t word)
{
    function_at(r, f, 1);
    uint64_t ret = (uint64_t)a64_encode_RET(LR) << 32, two = MOV_X0(2) | ret;
    uint8_t bytes[48];
    memcpy(bytes, rig_host(r, f - lead), sizeof(bytes));
    le_store(bytes + lead, 8, two);
    for (unsigned i = 0; i < 4; i++) /* X10.. and V10.. hold the bytes from X2 on */
        r->cpu->x[10 + i] = le_load(bytes + 8 * i, 8);
    for (unsigned i = 0; i < 2; i++)
        memcpy(&r->cpu->v[10 + i], bytes + 16 * i, 16);
    r->cpu->x[2] = base - lead;
    if (!rig_exec(r, word))
        fail_msg("0x%08x: exception 0x%x, FAR 0x%llx", word, rig_ec(r),
                 (unsigned long long)rig_far(r));
    unsigned got = (unsigned)rig_call(r, f);
    if (got != 2)
        fail_msg("0x%08x: the function still returns %u", word, got);
}

static void test_every_kind_of_store_reaches_decoded_code(void **state)
{
    struct rig *r = *state;
    const uint32_t words[] = {
        a64_encode_STR_i(1, 0, 2, 10),       a64_encode_STR_i(0, 0, 2, 10),
        a64_encode_STRH_i(0, 2, 10),         a64_encode_STRB_i(0, 2, 10),
        a64_encode_STUR(1, 0, 2, 10),        a64_encode_STP_off(1, 0, 11, 2, 10),
        a64_encode_STR_v_i(3, 0, 2, 10),     a64_encode_STP_v_off(2, 0, 11, 2, 10),
        a64_encode_STLR(1, 2, 10),           a64_encode_STLRB(2, 10),
        a64_encode_ST1_m1(1, 0, 2, 10),     a64_encode_ST1_m2(1, 3, 2, 10),
        a64_encode_SWP(1, 0, 0, 10, 2, 20),  a64_encode_SWP(0, 1, 1, 10, 2, 20),
        a64_encode_STUR_v(2, 0, 2, 10),
    };
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        check_store(r, F_PAGE, F_PAGE, 0, words[i]);
        check_store(r, F_PAGE, ALIAS, 0, words[i]);
    }
}

static void test_stores_that_cross_into_a_code_page_reach_it(void **state)
{
    struct rig *r = *state;
    check_store(r, F_PAGE, F_PAGE, 8, a64_encode_STP_off(1, 0, 11, 2, 10));
    check_store(r, F_PAGE, F_PAGE, 16, a64_encode_STP_v_off(2, 0, 11, 2, 10));
    check_store(r, F_PAGE, F_PAGE, 8, a64_encode_STUR_q(0, 2, 10));
    check_store(r, F_PAGE, F_PAGE, 4, a64_encode_STUR(1, 0, 2, 10));
    check_store(r, F_PAGE, F_PAGE, 3, a64_encode_STUR(0, 0, 2, 10)); /* one byte of the word */
    check_store(r, F_PAGE, F_PAGE, 16, a64_encode_ST1_m2(1, 3, 2, 10));
    /* The last two words of a page, written together with the next page's first bytes. */
    check_store(r, F_PAGE + 0xff8, F_PAGE + 0xff8, 0, a64_encode_STP_off(1, 0, 11, 2, 10));
    check_store(r, F_PAGE + 0xff8, ALIAS + 0xff8, 6, a64_encode_STUR(1, 0, 2, 10));
}

static void test_atomics_and_exclusives_reach_decoded_code(void **state)
{
    struct rig *r = *state;
    const uint64_t bases[] = {F_PAGE, ALIAS};
    for (unsigned i = 0; i < ARRAY_LEN(bases); i++) {
        function_at(r, F_PAGE, 1);
        r->cpu->x[2] = bases[i];
        r->cpu->x[3] = 1 << 5; /* the immediate of MOVZ begins at bit 5 */
        assert_true(EXEC(r, LDADD, 0, 0, 0, 3, 2, 31));
        assert_int_equal(rig_call(r, F_PAGE), 2);

        r->cpu->x[2] = bases[i];
        r->cpu->x[3] = MOV_X0(2);
        r->cpu->x[4] = MOV_X0(3);
        assert_true(EXEC(r, CAS, 0, 0, 3, 0, 2, 4));
        assert_int_equal(rig_call(r, F_PAGE), 3);

        r->cpu->x[2] = bases[i];
        r->cpu->x[4] = MOV_X0(4) | (uint64_t)a64_encode_RET(LR) << 32;
        assert_true(EXEC(r, LDXR, 1, 2, 3));
        assert_true(EXEC(r, STXR, 1, 5, 2, 4));
        assert_int_equal(r->cpu->x[5], 0);
        assert_int_equal(rig_call(r, F_PAGE), 4);

        r->cpu->x[4] = MOV_X0(5) | (uint64_t)a64_encode_RET(LR) << 32;
        r->cpu->x[2] = bases[i];
        assert_true(EXEC(r, LDXP, 1, 6, 2, 3));
        assert_true(EXEC(r, STXP, 1, 5, 6, 2, 4));
        assert_int_equal(r->cpu->x[5], 0);
        assert_int_equal(rig_call(r, F_PAGE), 5);
    }
}

static void test_dc_zva_clears_decoded_code(void **state)
{
    struct rig *r = *state;
    function_at(r, F_PAGE + 0x40, 1);
    r->cpu->x[2] = ALIAS + 0x7f;
    assert_true(rig_exec(r, word_sys(SYS_DC_ZVA, 2)));
    r->cpu->pc = F_PAGE + 0x40;
    assert_false(rig_run(r)); /* UDF #0 */
    assert_int_equal(rig_ec(r), EC_UNKNOWN);
    assert_int_equal(r->cpu->sys[A64_ELR_EL1], F_PAGE + 0x40);
}

/* The words are decoded: the program runs twice, the first time it stores what is there already. */
static void test_store_to_the_next_instruction_is_executed(void **state)
{
    struct rig *r = *state;
    const uint32_t add1 = a64_encode_ADD_i(1, 0, 1, 0, 0), add10 = a64_encode_ADD_i(1, 0, 10, 0, 0);
    struct code c = {0};
    li(&c, 0, 0);
    unsigned one = 1 + I(&c, STR_i, 0, 0, 2, 3);
    emit(&c, add1);
    unsigned two = 1 + I(&c, STP_off, 0, 0, 3, 4, 3);
    emit(&c, add1);
    emit(&c, add1);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    r->cpu->x[2] = RIG_CODE + 4 * one;
    r->cpu->x[4] = RIG_CODE + 4 * two;
    r->cpu->x[3] = add1;
    assert_int_equal(rig_call(r, RIG_CODE), 3);
    r->cpu->x[3] = add10;
    assert_int_equal(rig_call(r, RIG_CODE), 30);
    r->cpu->x[3] = add1;
    assert_int_equal(rig_call(r, RIG_CODE), 3);
}

static void test_loop_that_rewrites_itself_runs_every_version(void **state)
{
    struct rig *r = *state;
    struct code c = {0};
    li(&c, 0, 0);
    li(&c, 1, 300); /* more stores than CODE_WRITES_MAX, from the page itself */
    unsigned loop = here(&c);
    unsigned patched = I(&c, ADD_i, 1, 0, 1, 0, 0);
    I(&c, LDR_i, 0, 0, 2, 3);
    I(&c, ADD_i, 0, 0, 1 << 10, 3, 3); /* imm12 += 1 */
    I(&c, STR_i, 0, 0, 2, 3);
    I(&c, SUB_i, 1, 0, 1, 1, 1);
    cbnz(&c, 1, loop);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    r->cpu->x[2] = RIG_CODE + patched * 4;
    assert_int_equal(rig_call(r, RIG_CODE), 300 * 301 / 2);
}

/* ---- What a decoded page costs ---- */

static void test_page_that_became_data_is_forgotten(void **state)
{
    rig_interp_only();
    struct rig *r = *state;
    function_at(r, F_PAGE, 1);
    struct code c = {0};
    li(&c, 1, CODE_WRITES_MAX + 1);
    unsigned loop = here(&c);
    I(&c, STR_i, 1, 0x100, 2, 1);
    I(&c, SUB_i, 1, 0, 1, 1, 1);
    cbnz(&c, 1, loop);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    r->cpu->x[2] = ALIAS;
    rig_call(r, RIG_CODE);
    assert_false(holds_code(r, F_PAGE));
    assert_int_equal(rig_call(r, F_PAGE), 1); /* and is code again */
    assert_true(holds_code(r, F_PAGE));
    check_store(r, F_PAGE, ALIAS, 0, a64_encode_STR_i(0, 0, 2, 10));
}

static void test_more_pages_than_are_kept_run_as_written(void **state)
{
    rig_interp_only();
    struct rig *r = *state;
    const unsigned pages = CODE_PAGES_MAX + 100;
    const uint64_t first = RIG_RAM + (16 << 20);
    for (unsigned n = 0; n < pages; n++) {
        const uint32_t words[] = {MOV_X0(n), a64_encode_RET(LR)};
        assert_true(mem_write(&r->vm.mem, first + 4096 * (uint64_t)n, words, sizeof(words)));
        assert_int_equal(rig_call(r, first + 4096 * (uint64_t)n), n);
    }
    assert_true(r->it->stat_evicted > 0);
    assert_false(holds_code(r, first));
    for (unsigned n = 0; n < pages; n += 97) {
        uint64_t f = first + 4096 * (uint64_t)n;
        r->cpu->x[2] = f;
        r->cpu->x[3] = MOV_X0(pages - n);
        assert_true(EXEC(r, STR_i, 0, 0, 2, 3));
        assert_int_equal(rig_call(r, f), pages - n);
    }
}

/* ... as what is kept is what memory says. Forgetting the state is another thing. */
static void test_ic_iallu_forgets_nothing(void **state)
{
    rig_interp_only();
    struct rig *r = *state;
    function_at(r, F_PAGE, 1);
    assert_true(rig_exec(r, word_sys(SYS_IC_IALLU, XZR)));
    uint64_t decoded = r->it->stat_decoded;
    assert_true(holds_code(r, F_PAGE));
    assert_int_equal(rig_call(r, F_PAGE), 1);
    assert_int_equal(r->it->stat_decoded, decoded);
    vcpu_forget(r->v);
    assert_false(holds_code(r, F_PAGE));
    assert_int_equal(rig_call(r, F_PAGE), 1);
    assert_true(r->it->stat_decoded > decoded);
}

/* ---- Other agents' writes ---- */

static void *write_two(void *arg)
{
    rig_poke(arg, F_PAGE, 4, MOV_X0(2));
    return NULL;
}

static void in_another_thread(void *(*fn)(void *), void *arg)
{
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, fn, arg), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
}

static void test_dma_into_code_is_executed_at_the_next_run(void **state)
{
    struct rig *r = *state;
    function_at(r, F_PAGE, 1);
    in_another_thread(write_two, r);
    assert_int_equal(rig_call(r, F_PAGE), 2);
}

/* RAM that is replaced as a whole (a snapshot's file is mapped) tells nobody. */
static void test_forgetting_the_state_forgets_decoded_code(void **state)
{
    struct rig *r = *state;
    function_at(r, F_PAGE, 1);
    le_store(rig_host(r, F_PAGE), 4, MOV_X0(2));
    vcpu_forget(r->v);
    assert_int_equal(rig_call(r, F_PAGE), 2);
}

static void *write_one_later(void *arg)
{
    struct rig *r = arg;
    while (!rig_peek(r, RIG_DATA, 1)) /* until the loop runs */
        sched_yield();
    rig_poke(r, F_PAGE, 4, MOV_X0(1));
    return NULL;
}

static void test_dma_into_code_is_seen_by_a_running_loop(void **state)
{
    struct rig *r = *state;
    function_at(r, F_PAGE, 0);
    struct code c = {0};
    mov(&c, 20, LR);
    li(&c, 1, F_PAGE | 1); /* its low byte says that the loop runs */
    unsigned loop = here(&c);
    I(&c, STRB_i, 0, 2, 1);
    I(&c, SUB_i, 1, 0, 1, 1, 3);
    I(&c, BLR, 3);
    cbz(&c, 0, loop);
    I(&c, RET, 20);
    rig_place(r, RIG_CODE, &c);
    r->cpu->x[2] = RIG_DATA;
    rig_poke(r, RIG_DATA, 1, 0);
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, write_one_later, r), 0);
    assert_int_equal(rig_call(r, RIG_CODE), 1);
    assert_int_equal(pthread_join(t, NULL), 0);
}

/* The device writes MOV X0, #2 to where X2 points when it is accessed. */
static void dma_on_access(struct rig *r, const struct rig_access *a)
{
    (void)a;
    rig_poke(r, r->cpu->x[2], 4, MOV_X0(2));
}

/* LDR from the device, `sync`, MOV X0, #1 (which the device replaces), RET. */
static void check_dma_then(struct rig *r, bool store, const uint32_t *sync, unsigned n)
{
    struct code c = {0};
    if (store)
        I(&c, STR_i, 0, 0, 4, 4);
    else
        I(&c, LDR_i, 0, 0, 4, 6);
    for (unsigned i = 0; i < n; i++)
        emit(&c, sync[i]);
    unsigned at = emit(&c, MOV_X0(1));
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    r->cpu->x[2] = RIG_CODE + 4 * at;
    r->cpu->x[4] = RIG_DEVICE;
    r->device.on_access = NULL;
    r->device.count = 0;
    assert_int_equal(rig_call(r, RIG_CODE), 1);
    r->device.on_access = dma_on_access;
    assert_int_equal(rig_call(r, RIG_CODE), 2);
}

static void test_dma_is_executed_after_a_synchronisation(void **state)
{
    struct rig *r = *state;
    const uint32_t isb[] = {a64_encode_ISB(15)};
    const uint32_t ivau[] = {a64_encode_DSB(15), word_sys(SYS_IC_IVAU, 2), a64_encode_DSB(15)};
    const uint32_t iallu[] = {word_sys(SYS_IC_IALLU, XZR)};
    for (unsigned store = 0; store < 2; store++) {
        check_dma_then(r, store, isb, ARRAY_LEN(isb));
        check_dma_then(r, store, ivau, ARRAY_LEN(ivau));
        check_dma_then(r, store, iallu, ARRAY_LEN(iallu));
    }
}

static void *write_many(void *arg)
{
    for (unsigned n = 0; n < 2 * CODE_PENDING_MAX; n++)
        rig_poke(arg, RIG_RAM + (16 << 20) + 4096 * (uint64_t)n, 4, MOV_X0(n + 1));
    return NULL;
}

static void test_dma_into_more_pages_than_are_queued_is_executed(void **state)
{
    struct rig *r = *state;
    const uint64_t first = RIG_RAM + (16 << 20);
    for (unsigned n = 0; n < 2 * CODE_PENDING_MAX; n++)
        function_at(r, first + 4096 * (uint64_t)n, 0);
    in_another_thread(write_many, r);
    for (unsigned n = 0; n < 2 * CODE_PENDING_MAX; n++)
        assert_int_equal(rig_call(r, first + 4096 * (uint64_t)n), n + 1);
}

/* The hardware's update of a descriptor's access flag is a write too: the table is also code
 * here. */
static void test_descriptor_update_reaches_decoded_code(void **state)
{
    rig_interp_only();
    struct rig *r = *state;
    r->cpu->sys[A64_TCR_EL1] |= BIT(39); /* HA */
    r->v->engine->context_changed(r->v);
    rig_map(r, 9, RIG_DATA | (PTE_PAGE & ~BIT(10)));
    /* Reads the descriptor's low word as an instruction. */
    uint32_t before = (uint32_t)rig_peek(r, RIG_L3_WINDOW + 72, 4);
    r->cpu->pc = RIG_L3_WINDOW + 72;
    assert_false(rig_run(r));
    r->cpu->x[2] = rig_page(9);
    assert_true(EXEC(r, LDR_i, 1, 0, 2, 3));
    uint32_t after = (uint32_t)rig_peek(r, RIG_L3_WINDOW + 72, 4);
    assert_int_equal(after, before | BIT(10));
    r->cpu->pc = RIG_L3_WINDOW + 72;
    rig_run(r);
    struct code_page *p = r->it->by_page[(RIG_L3_WINDOW - RIG_RAM) >> MEM_PAGE_SHIFT];
    assert_non_null(p);
    assert_int_equal(p->rec[72 / 4].word, after);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_every_kind_of_store_reaches_decoded_code),
        TEST(test_stores_that_cross_into_a_code_page_reach_it),
        TEST(test_atomics_and_exclusives_reach_decoded_code),
        TEST(test_dc_zva_clears_decoded_code),
        TEST(test_store_to_the_next_instruction_is_executed),
        TEST(test_loop_that_rewrites_itself_runs_every_version),
        TEST(test_page_that_became_data_is_forgotten),
        TEST(test_more_pages_than_are_kept_run_as_written),
        TEST(test_ic_iallu_forgets_nothing),
        TEST(test_dma_into_code_is_executed_at_the_next_run),
        TEST(test_forgetting_the_state_forgets_decoded_code),
        TEST(test_dma_into_code_is_seen_by_a_running_loop),
        TEST(test_dma_is_executed_after_a_synchronisation),
        TEST(test_dma_into_more_pages_than_are_queued_is_executed),
        TEST(test_descriptor_update_reaches_decoded_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
