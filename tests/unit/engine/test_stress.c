/* engine/stress.c, engine_parse() and what the interpreter makes of the knobs: each does what it
 * says to the engine, and nothing to the guest. */
#include "rig.h"

#include "engine/engines.h"
#include "engine/stress.h"
#include "vm/vm_hash.h"

#include <errno.h>

/* ---- The command line ---- */

static struct engine_stress parsed(const char *text)
{
    const struct engine_ops *ops = NULL;
    struct engine_config config = {.stress = {.poll = true}}; /* must not stay */
    struct err e = {0};
    if (engine_parse(text, &ops, &config, &e))
        fail_msg("'%s' was refused: %s", text, e.text);
    const struct engine_ops *named = NULL;
    char name[32] = "";
    assert_int_equal(sscanf(text, "%31[^,]", name), 1);
    assert_int_equal(engine_find(name, &named, &e), 0);
    assert_ptr_equal(ops, named);
    return config.stress;
}

static void test_knobs_are_parsed(void **state)
{
    (void)state;
    struct engine_stress s = parsed("interp");
    assert_memory_equal(&s, &(struct engine_stress){0}, sizeof(s));
    s = parsed("auto,stress=tlb1+preempt:0x10+flush:7");
    assert_true(s.tlb1 && s.preempt && s.preempt_seed == 16 && s.flush == 7);
    assert_false(s.code1 || s.nofast || s.poll);
    s = parsed("interp,stress=code1,stress=nofast+poll+preempt+flush");
    assert_true(s.code1 && s.nofast && s.poll && s.preempt && s.flush && !s.tlb1);
}

static void test_wrong_knobs_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "interp,", "interp,stress", "interp,stress=", "interp,stress=tlb2", "interp,stress=tlb1:3",
        "interp,stress=tlb1+", "interp,stress=+poll", "interp,stress=flush:0",
        "interp,stress=flush:x", "interp,stress=preempt:", "interp,stress=preempt:1x",
        "interp,stress=preempt:99999999999999999999", "interp,frob=1", "interp,stress=poll,x",
        "warp,stress=poll", ",stress=poll", "",
        "a_name_that_is_longer_than_any_engine_could_have_one",
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const struct engine_ops *ops;
        struct engine_config config;
        struct err e = {0};
        if (engine_parse(wrong[i], &ops, &config, &e) != -EINVAL)
            fail_msg("'%s' was not refused", wrong[i]);
        assert_int_not_equal(e.text[0], 0);
    }
}

/* ---- Budgets ---- */

static void test_preempt_cuts_at_random_and_repeats_by_seed(void **state)
{
    (void)state;
    struct stress a, b, c;
    stress_init(&a, &(struct engine_stress){.preempt = true, .preempt_seed = 4});
    stress_init(&b, &(struct engine_stress){.preempt = true, .preempt_seed = 4});
    stress_init(&c, &(struct engine_stress){.preempt = true, .preempt_seed = 5});
    unsigned ones = 0, whole = 0, others = 0;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t n = stress_budget(&a, 100);
        assert_in_range(n, 1, 100);
        assert_int_equal(stress_budget(&b, 100), n);
        others += stress_budget(&c, 100) != n;
        ones += n == 1;
        whole += n == 100;
    }
    assert_true(ones > 100 && whole > 100 && others > 1000);
}

static void test_budget_is_left_alone_without_preempt(void **state)
{
    (void)state;
    struct stress s;
    stress_init(&s, &(struct engine_stress){.poll = true, .tlb1 = true});
    assert_int_equal(stress_budget(&s, 12345), 12345);
    assert_true(s.on);
    stress_init(&s, &(struct engine_stress){.tlb1 = true, .code1 = true, .nofast = true});
    assert_false(s.on); /* the run loop need not know */
}

/* ---- The interpreter ---- */

static struct rig *stressed(const char *knobs)
{
    struct rig *r = rig_create();
    struct err e = {0};
    r->v->engine->vcpu_destroy(r->v);
    assert_int_equal(stress_parse(knobs, &r->vm.engine_config.stress, &e), 0);
    assert_int_equal(r->v->engine->vcpu_create(r->v, &e), 0);
    r->it = r->cpu->engine;
    r->v->engine->context_changed(r->v);
    return r;
}

#define PAGES 16u

/* Adds up and changes a word in each of some pages, many times; a function in another page is
 * called in between. X0: the sum. */
static void place_program(struct rig *r)
{
    struct code c = {.n = 0};
    for (unsigned i = 0; i < PAGES; i++)
        rig_map(r, i, (RIG_DATA + 0x10000 + 4096 * i) | PTE_PAGE);
    I(&c, ADD_i, 1, 0, 0, LR, 9); /* keep LR */
    I(&c, MOVZ, 1, 0, 0, 0);
    I(&c, MOVZ, 1, 0, 50, 1);
    unsigned outer = here(&c);
    I(&c, MOVZ, 1, 1, RIG_WINDOW >> 16, 2);
    I(&c, MOVZ, 1, 0, PAGES, 3);
    unsigned inner = here(&c);
    I(&c, LDR_i, 1, 0, 2, 4);
    I(&c, ADD_s, 1, 0, 4, 0, 0, 0);
    I(&c, ADD_i, 1, 0, 3, 4, 4);
    I(&c, STR_i, 1, 0, 2, 4);
    I(&c, ADD_i, 1, 1, 1, 2, 2);
    I(&c, SUBS_i, 1, 0, 1, 3, 3);
    b_cond(&c, COND_NE, inner);
    I(&c, BL, 0x1000 - here(&c)); /* 16 KiB on */
    I(&c, SUBS_i, 1, 0, 1, 1, 1);
    b_cond(&c, COND_NE, outer);
    I(&c, ADD_i, 1, 0, 0, 9, LR);
    I(&c, RET, LR);
    rig_place(r, RIG_CODE, &c);
    rig_poke(r, RIG_CODE + 0x4000, 4, a64_encode_RET(LR));
}

/* What the guest sees, as a number. */
static uint64_t outcome(struct rig *r)
{
    uint64_t hash;
    struct err e = {0};
    place_program(r);
    uint64_t sum = rig_call(r, RIG_CODE);
    assert_int_equal(vm_hash_state(&r->vm, &hash, &e), 0);
    return hash ^ sum ^ vm_hash_ram(&r->vm);
}

static void test_guest_sees_nothing_of_the_knobs(void **state)
{
    (void)state;
    static const char *const knobs[] = {
        "tlb1", "code1", "nofast", "poll", "preempt", "flush", "flush:1",
        "tlb1+code1+nofast+poll+preempt:3+flush:5",
    };
    struct rig *plain = rig_create();
    uint64_t expected = outcome(plain);
    rig_destroy(plain);
    for (unsigned i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
        struct rig *r = stressed(knobs[i]);
        if (outcome(r) != expected)
            fail_msg("different with %s", knobs[i]);
        rig_destroy(r);
    }
}

static unsigned entries(const struct rig *r, enum interp_set set)
{
    unsigned n = 0;
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        const struct tlb_entry *t = &r->it->tlb[set][i];
        n += t->tag[0] != TLB_INVALID || t->tag[1] != TLB_INVALID || t->tag[2] != TLB_INVALID;
    }
    return n;
}

static unsigned data_tags(const struct rig *r)
{
    unsigned n = 0;
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        const struct tlb_entry *t = &r->it->tlb[SET_EL1][i];
        n += t->tag[A64_ACCESS_READ] != TLB_INVALID || t->tag[A64_ACCESS_WRITE] != TLB_INVALID;
    }
    return n;
}

static void test_tlb1_leaves_one_entry(void **state)
{
    rig_interp_only();
    (void)state;
    struct rig *r = stressed("tlb1"), *plain = rig_create();
    (void)outcome(r);
    (void)outcome(plain);
    assert_int_equal(entries(r, SET_EL1), 1);
    assert_true(entries(plain, SET_EL1) > PAGES);
    assert_true(r->it->stat_tlb_fill > 50 * PAGES);
    rig_destroy(r);
    rig_destroy(plain);
}

static void test_code1_keeps_one_page(void **state)
{
    rig_interp_only();
    (void)state;
    struct rig *r = stressed("code1");
    (void)outcome(r);
    assert_int_equal(r->it->pages_used, 1);
    assert_true(r->it->stat_evicted > 90); /* each call and return */
    rig_destroy(r);
}

static void test_nofast_enters_no_data_tag(void **state)
{
    rig_interp_only();
    (void)state;
    struct rig *r = stressed("nofast"), *plain = rig_create();
    (void)outcome(r);
    (void)outcome(plain);
    assert_int_equal(data_tags(r), 0);
    assert_true(data_tags(plain) > PAGES / 2); /* some share an entry with code */
    rig_destroy(r);
    rig_destroy(plain);
}

static void test_preempt_leaves_early_and_flush_forgets(void **state)
{
    (void)state;
    struct rig *r = stressed("preempt");
    place_program(r);
    r->cpu->pc = RIG_CODE;
    unsigned early = 0;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t before = r->cpu->instret;
        atomic_store(&r->cpu->request, 0);
        assert_int_equal(r->v->engine->run(r->v, 20), A64_EXIT_BUDGET);
        assert_in_range(r->cpu->instret - before, 1, 20);
        early += r->cpu->instret - before < 20;
    }
    assert_true(early > 0);
    rig_destroy(r);

    r = stressed("flush:10");
    (void)outcome(r);
    assert_true(r->it->stat_tlb_flush > r->cpu->instret / 20);
    rig_destroy(r);
}

/* A guest whose vectors cannot be fetched used to keep run() from ever returning. */
static void test_run_ends_when_vectors_cannot_be_fetched(void **state)
{
    (void)state;
    static const char *const knobs[] = {"nofast", "poll", "flush:3"};
    for (unsigned i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
        struct rig *r = stressed(knobs[i]);
        r->cpu->sys[A64_VBAR_EL1] = rig_page(3);
        r->cpu->pc = rig_page(2);
        atomic_store(&r->cpu->request, 0);
        uint64_t before = r->cpu->instret;
        assert_int_equal(r->v->engine->run(r->v, 1000), A64_EXIT_BUDGET);
        assert_int_equal(r->cpu->instret - before, 1000);
        rig_destroy(r);
    }
}

/* ---- Hashes of a machine ---- */

static void test_hashes_show_each_register_and_page(void **state)
{
    (void)state;
    struct rig *r = rig_create();
    struct err e = {0};
    uint64_t before, after, ram = vm_hash_ram(&r->vm);
    assert_int_equal(vm_hash_state(&r->vm, &before, &e), 0);
    r->cpu->x[7] ^= 1;
    assert_int_equal(vm_hash_state(&r->vm, &after, &e), 0);
    assert_int_not_equal(after, before);
    r->cpu->x[7] ^= 1;
    r->cpu->sys[A64_TPIDR_EL1] ^= BIT(63);
    assert_int_equal(vm_hash_state(&r->vm, &after, &e), 0);
    assert_int_not_equal(after, before);
    r->cpu->sys[A64_TPIDR_EL1] ^= BIT(63);
    tlb_flush(r->it);
    assert_int_equal(vm_hash_state(&r->vm, &after, &e), 0);
    assert_int_equal(after, before);

    rig_poke(r, RIG_RAM + (60u << 20), 1, 0); /* touched, but as it was */
    assert_int_equal(vm_hash_ram(&r->vm), ram);
    rig_poke(r, RIG_RAM + (60u << 20), 1, 0x80);
    after = vm_hash_ram(&r->vm);
    assert_int_not_equal(after, ram);
    rig_poke(r, RIG_RAM + (60u << 20), 1, 0);
    rig_poke(r, RIG_RAM + (61u << 20), 1, 0x80); /* the same page elsewhere */
    assert_int_not_equal(vm_hash_ram(&r->vm), after);
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knobs_are_parsed),
        cmocka_unit_test(test_wrong_knobs_are_refused),
        cmocka_unit_test(test_preempt_cuts_at_random_and_repeats_by_seed),
        cmocka_unit_test(test_budget_is_left_alone_without_preempt),
        cmocka_unit_test(test_guest_sees_nothing_of_the_knobs),
        cmocka_unit_test(test_tlb1_leaves_one_entry),
        cmocka_unit_test(test_code1_keeps_one_page),
        cmocka_unit_test(test_nofast_enters_no_data_tag),
        cmocka_unit_test(test_preempt_leaves_early_and_flush_forgets),
        cmocka_unit_test(test_run_ends_when_vectors_cannot_be_fetched),
        cmocka_unit_test(test_hashes_show_each_register_and_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
