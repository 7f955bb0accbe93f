/* vm/vcpu_steal.c: stolen time reaches the guest's structure through the journal, not too often,
 * never before the guest asks, and outlasts a pause and a save. The engine is a double that asks
 * and then sleeps. */
#include "base/bits.h"
#include "base/fault.h"
#include "vm/vm.h"
#include "vm/vm_state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define RAM UINT64_C(0x40000000)
#define TABLE (RAM + 0x8000)
#define EACH_NS 1000u /* what each reading says was stolen */
#define INTERVAL_NS 2000000u

struct machine {
    struct vm vm;
    struct journal_ops journal;
    atomic_uint readings;
};

/* ---- The engine ---- */

static int ask_create(struct vcpu *v, struct err *e)
{
    (void)v;
    (void)e;
    return 0;
}

static enum a64_exit ask_run(struct vcpu *v, uint64_t budget)
{
    (void)budget;
    if (v->cpu.instret++ == 0)
        v->cpu.x[0] = vcpu_steal_start(v);
    return A64_EXIT_WFI;
}

static enum a64_exit sleep_run(struct vcpu *v, uint64_t budget)
{
    (void)budget;
    v->cpu.instret++;
    return A64_EXIT_WFI;
}

static void no_tlbi(struct vcpu *v, const struct a64_tlbi *op)
{
    (void)v;
    (void)op;
}

static void nothing(struct vcpu *v)
{
    (void)v;
}

static const struct engine_ops asking = {
    .name = "asking", .smp = true, .vcpu_create = ask_create, .vcpu_destroy = nothing,
    .run = ask_run, .tlbi = no_tlbi, .context_changed = nothing, .forget = nothing,
};
static const struct engine_ops sleeping = {
    .name = "sleeping", .smp = true, .vcpu_create = ask_create, .vcpu_destroy = nothing,
    .run = sleep_run, .tlbi = no_tlbi, .context_changed = nothing, .forget = nothing,
};

/* ---- The machine ---- */

static uint64_t each_reading(struct journal *j, enum journal_kind kind, uint64_t live)
{
    struct machine *m = CONTAINER_OF(CONTAINER_OF(j, struct vm, journal), struct machine, vm);
    if (kind != JOURNAL_STEAL)
        return live;
    atomic_fetch_add(&m->readings, 1);
    return EACH_NS;
}

static void create(struct machine *m, const struct engine_ops *engine, enum clock_source source)
{
    struct err e = {0};
    const struct a64_features f = {{1, 0}};
    memset(m, 0, sizeof(*m));
    assert_int_equal(vm_create(&m->vm, RAM, 0x10000, source, &e), 0);
    m->journal = journal_live_ops;
    m->journal.value = each_reading;
    m->vm.journal.ops = &m->journal;
    assert_int_equal(vm_add_vcpu(&m->vm, engine, &f, &e), 0);
    m->vm.steal_base = TABLE;
    memset(mem_ptr(&m->vm.mem, TABLE, 128, MEM_WRITE), 0xa5, 128);
    vm_reset(&m->vm);
}

/* Lets timers of the guest fire for so long; the readings. */
static unsigned run_for(struct machine *m, unsigned milliseconds)
{
    struct err e = {0};
    unsigned before = atomic_load(&m->readings);
    assert_int_equal(vm_start(&m->vm, &e), 0);
    for (unsigned i = 0; i < milliseconds * 4; i++) {
        vcpu_request(m->vm.vcpus[0], VCPU_REQ_TIMER);
        nanosleep(&(struct timespec){0, 250000}, NULL);
    }
    vm_stop(&m->vm);
    return atomic_load(&m->readings) - before;
}

static uint64_t guest_sees(struct machine *m)
{
    return le_load(mem_ptr(&m->vm.mem, TABLE + 8, 8, MEM_READ), 8);
}

static void skip_without_statistics(void)
{
    if (access("/proc/thread-self/schedstat", R_OK))
        skip();
}

/* ---- Tests ---- */

static void test_steal_is_published_through_the_journal(void **state)
{
    (void)state;
    skip_without_statistics();
    static struct machine m;
    create(&m, &asking, CLOCK_HOST);
    uint64_t before = clock_now(&m.vm.clock);
    unsigned n = run_for(&m, 50);
    uint64_t passed = clock_now(&m.vm.clock) - before;
    assert_int_equal(m.vm.vcpus[0]->cpu.x[0], TABLE);
    assert_true(n >= 2);
    assert_true(n <= passed / INTERVAL_NS + 2); /* one at once, one at the end */
    assert_int_equal(guest_sees(&m), (uint64_t)n * EACH_NS);
    const uint8_t *p = mem_ptr(&m.vm.mem, TABLE, 128, MEM_READ);
    assert_int_equal(le_load(p, 8), 0); /* revision and attributes */
    for (unsigned i = 16; i < 128; i++)
        assert_int_equal(p[i], i < 64 ? 0 : 0xa5);
    vm_destroy(&m.vm);
}

static void test_steal_goes_on_after_a_pause_and_ends_with_a_reset(void **state)
{
    (void)state;
    skip_without_statistics();
    static struct machine m;
    create(&m, &asking, CLOCK_HOST);
    unsigned n = run_for(&m, 10);
    n += run_for(&m, 10);
    assert_int_equal(guest_sees(&m), (uint64_t)n * EACH_NS);
    vm_reset(&m.vm);
    assert_false(m.vm.vcpus[0]->steal.on);
    assert_int_equal(m.vm.vcpus[0]->steal.ns, 0);
    assert_int_equal(m.vm.vcpus[0]->steal.at, TABLE);
    vm_destroy(&m.vm);
}

static void test_steal_of_a_guest_that_does_not_ask_writes_nothing(void **state)
{
    (void)state;
    static struct machine m;
    create(&m, &sleeping, CLOCK_HOST);
    assert_int_equal(run_for(&m, 10), 0);
    assert_int_equal(guest_sees(&m), UINT64_C(0xa5a5a5a5a5a5a5a5));
    vm_destroy(&m.vm);
}

static void test_steal_is_nothing_with_the_counted_clock(void **state)
{
    (void)state;
    static struct machine m;
    create(&m, &asking, CLOCK_COUNTED);
    assert_int_equal(run_for(&m, 10), 0);
    assert_int_equal(guest_sees(&m), 0);
    vm_destroy(&m.vm);
}

static void test_steal_without_statistics_stands_still(void **state)
{
    (void)state;
    static struct machine m;
    create(&m, &asking, CLOCK_HOST);
    assert_null(fault_arm(2)); /* after vcpu_thread */
    assert_int_equal(run_for(&m, 10), 0);
    assert_string_equal(fault_arm(0), "run_delay_open");
    assert_int_equal(guest_sees(&m), 0);
    assert_int_equal(m.vm.vcpus[0]->cpu.x[0], TABLE);
    vm_destroy(&m.vm);
}

static void test_steal_is_saved_and_loaded(void **state)
{
    (void)state;
    skip_without_statistics();
    static struct machine a, b;
    struct err e = {0};
    struct buf saved = {0};
    create(&a, &asking, CLOCK_HOST);
    create(&b, &asking, CLOCK_HOST);
    unsigned n = run_for(&a, 10);
    assert_int_equal(vm_save(&a.vm, &saved, &e), 0);
    if (vm_load(&b.vm, saved.data, saved.len, &e))
        fail_msg("%s", e.text);
    assert_true(b.vm.vcpus[0]->steal.on);
    n += run_for(&b, 10);
    assert_int_equal(guest_sees(&b), (uint64_t)n * EACH_NS);
    buf_fini(&saved);
    vm_destroy(&a.vm);
    vm_destroy(&b.vm);
}

static void test_impossible_steal_is_refused(void **state)
{
    (void)state;
    static const struct vcpu_steal bad[] = {
        {.at = TABLE + 8}, {.at = RAM - 64}, {.at = RAM + 0x10000}, {.at = UINT64_MAX - 63},
        {.at = 0, .on = true}, {.at = 0, .ns = 1},
    };
    static struct machine m;
    create(&m, &asking, CLOCK_HOST);
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        struct buf saved = {0};
        m.vm.vcpus[0]->steal = bad[i];
        m.vm.vcpus[0]->steal.fd = -1;
        assert_int_equal(vm_save(&m.vm, &saved, &e), 0);
        assert_int_equal(vm_load(&m.vm, saved.data, saved.len, &e), -EINVAL);
        assert_non_null(strstr(e.text, "stolen time"));
        buf_fini(&saved);
    }
    vm_destroy(&m.vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steal_is_published_through_the_journal),
        cmocka_unit_test(test_steal_goes_on_after_a_pause_and_ends_with_a_reset),
        cmocka_unit_test(test_steal_of_a_guest_that_does_not_ask_writes_nothing),
        cmocka_unit_test(test_steal_is_nothing_with_the_counted_clock),
        cmocka_unit_test(test_steal_without_statistics_stands_still),
        cmocka_unit_test(test_steal_is_saved_and_loaded),
        cmocka_unit_test(test_impossible_steal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
