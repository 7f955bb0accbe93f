/* Mailboxes and epochs of vm/broadcast.h with an engine that only notes what it is told. The
 * promise to guests, with threads and programs, is tested in tests/unit/engine/test_smp.c. */
#include "vm/vm.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CPUS 3u
#define PAGE UINT64_C(0x40001000)

/* What one vCPU's engine was told. */
struct told {
    unsigned tlbi, tlbi_all, line, all;
    struct a64_tlbi last;
    gpa_t last_line;
};

static struct told *told_of(struct vcpu *v)
{
    return v->cpu.engine;
}

static int note_create(struct vcpu *v, struct err *e)
{
    v->cpu.engine = calloc(1, sizeof(struct told));
    return v->cpu.engine ? 0 : err_set(e, ENOMEM, "out of memory");
}

static void note_destroy(struct vcpu *v)
{
    free(v->cpu.engine);
}

static void note_tlbi(struct vcpu *v, const struct a64_tlbi *op)
{
    told_of(v)->tlbi++;
    told_of(v)->tlbi_all += op->scope == A64_TLBI_ALL;
    told_of(v)->last = *op;
}

static void note_icache(struct vcpu *v, gpa_t pa, bool all)
{
    told_of(v)->line += !all;
    told_of(v)->all += all;
    told_of(v)->last_line = pa;
}

static void note_context(struct vcpu *v)
{
    (void)v;
}

static const struct engine_ops note_engine = {
    .name = "note",
    .smp = true,
    .vcpu_create = note_create,
    .vcpu_destroy = note_destroy,
    .tlbi = note_tlbi,
    .context_changed = note_context,
    .icache_invalidate = note_icache,
    .forget = note_context,
};

/* All vCPUs run and have nothing to do. */
static struct vm *machine(unsigned cpus)
{
    struct vm *vm = calloc(1, sizeof(*vm));
    const struct a64_features features = a64_features_default();
    struct err e = {0};
    assert_non_null(vm);
    assert_int_equal(vm_create(vm, 0x40000000, 0x10000, CLOCK_HOST, &e), 0);
    while (vm->cpu_count < cpus)
        assert_int_equal(vm_add_vcpu(vm, &note_engine, &features, &e), 0);
    vm_reset(vm);
    for (unsigned i = 0; i < cpus; i++) {
        broadcast_enter(vm->vcpus[i]);
        atomic_store(&vm->vcpus[i]->cpu.request, 0);
        memset(told_of(vm->vcpus[i]), 0, sizeof(struct told));
    }
    return vm;
}

static void machine_destroy(struct vm *vm)
{
    vm_destroy(vm);
    free(vm);
}

static void send_va(struct vm *vm, gva_t va)
{
    broadcast_tlbi(vm->vcpus[0],
                   &(struct a64_tlbi){.scope = A64_TLBI_VA, .broadcast = true, .el = 1, .va = va});
}

static bool is_requested(struct vm *vm, unsigned i)
{
    return atomic_load(&vm->vcpus[i]->cpu.request) & VCPU_REQ_BROADCAST;
}

/* ---- Tests ---- */

static void test_mail_is_taken_at_the_poll_in_order(void **state)
{
    (void)state;
    struct vm *vm = machine(CPUS);
    send_va(vm, 0x1000);
    send_va(vm, 0x2000);
    broadcast_code(vm->vcpus[0], PAGE + 0x123, false);
    for (unsigned i = 1; i < CPUS; i++) {
        struct told *t = told_of(vm->vcpus[i]);
        assert_true(is_requested(vm, i));
        assert_int_equal(t->tlbi + t->line, 0);
        broadcast_take(vm->vcpus[i]);
        assert_int_equal(t->tlbi, 2);
        assert_int_equal(t->last.va, 0x2000);
        assert_int_equal(t->line, 1);
        assert_int_equal(t->last_line, PAGE);
        broadcast_take(vm->vcpus[i]); /* once */
        assert_int_equal(t->tlbi, 2);
    }
    assert_false(is_requested(vm, 0));
    assert_int_equal(told_of(vm->vcpus[0])->tlbi, 0); /* its own is the caller's */
    machine_destroy(vm);
}

static void test_a_full_mailbox_becomes_everything(void **state)
{
    (void)state;
    struct vm *vm = machine(2);
    struct told *t = told_of(vm->vcpus[1]);
    for (unsigned i = 0; i < BROADCAST_TLBI_MAX; i++)
        send_va(vm, i * 0x1000);
    broadcast_take(vm->vcpus[1]);
    assert_int_equal(t->tlbi, BROADCAST_TLBI_MAX);
    assert_int_equal(t->tlbi_all, 0);
    for (unsigned i = 0; i < 3 * BROADCAST_TLBI_MAX; i++)
        send_va(vm, i * 0x1000);
    broadcast_take(vm->vcpus[1]);
    assert_int_equal(t->tlbi, BROADCAST_TLBI_MAX + 1);
    assert_int_equal(t->tlbi_all, 1);
    for (unsigned i = 0; i < 3 * BROADCAST_CODE_MAX; i++)
        broadcast_code(vm->vcpus[0], PAGE + i * 0x1000, false);
    broadcast_take(vm->vcpus[1]);
    assert_int_equal(t->line, 0);
    assert_int_equal(t->all, 1);
    machine_destroy(vm);
}

static void test_repeated_mail_is_one(void **state)
{
    (void)state;
    struct vm *vm = machine(2);
    for (unsigned i = 0; i < 100; i++) { /* IC IVAU line by line */
        broadcast_code(vm->vcpus[0], PAGE + i % 64 * 64, false);
        send_va(vm, 0x5000);
    }
    broadcast_take(vm->vcpus[1]);
    assert_int_equal(told_of(vm->vcpus[1])->line, 1);
    assert_int_equal(told_of(vm->vcpus[1])->tlbi, 1);
    machine_destroy(vm);
}

static void test_who_does_not_run_is_not_asked_and_takes_it_first(void **state)
{
    (void)state;
    struct vm *vm = machine(CPUS);
    broadcast_leave(vm->vcpus[1]);
    broadcast_leave(vm->vcpus[2]);
    send_va(vm, 0x1000);
    assert_false(is_requested(vm, 1) || is_requested(vm, 2));
    broadcast_complete(vm->vcpus[0]); /* waits for nobody */
    assert_int_equal(told_of(vm->vcpus[1])->tlbi, 0);
    broadcast_enter(vm->vcpus[1]);
    assert_int_equal(told_of(vm->vcpus[1])->tlbi, 1);
    broadcast_leave(vm->vcpus[1]);
    broadcast_enter(vm->vcpus[1]);
    assert_int_equal(told_of(vm->vcpus[1])->tlbi, 1);
    machine_destroy(vm);
}

static void test_an_epoch_passes_when_all_have_polled_or_left(void **state)
{
    (void)state;
    struct vm *vm = machine(CPUS);
    uint64_t epoch = broadcast_start_epoch(vm);
    for (unsigned i = 0; i < CPUS; i++) {
        assert_true(is_requested(vm, i));
        assert_false(broadcast_passed(vm, epoch));
        if (i == 1)
            broadcast_leave(vm->vcpus[i]);
        else
            broadcast_take(vm->vcpus[i]);
    }
    assert_true(broadcast_passed(vm, epoch));
    uint64_t later = broadcast_start_epoch(vm);
    assert_true(later > epoch);
    assert_true(broadcast_passed(vm, epoch));
    assert_false(broadcast_passed(vm, later));
    machine_destroy(vm);
}

static void test_one_vcpu_tells_nobody(void **state)
{
    (void)state;
    struct vm *vm = machine(1);
    uint64_t before = atomic_load(&vm->broadcast.epoch);
    send_va(vm, 0x1000);
    broadcast_code(vm->vcpus[0], 0, true);
    broadcast_complete(vm->vcpus[0]);
    assert_true(atomic_load(&vm->broadcast.epoch) == before);
    assert_int_equal(vm->vcpus[0]->broadcast.sent, 0);
    machine_destroy(vm);
}

/* The DSB of one thread ends when another has polled, and not before. */
static atomic_uint complete;

static void *dsb_thread(void *arg)
{
    broadcast_complete(arg);
    atomic_store(&complete, 1);
    return NULL;
}

static void test_dsb_waits_for_the_poll(void **state)
{
    (void)state;
    struct vm *vm = machine(2);
    for (unsigned n = 0; n < 50; n++) {
        pthread_t thread;
        atomic_store(&complete, 0);
        send_va(vm, 0x1000 * n);
        assert_int_equal(pthread_create(&thread, NULL, dsb_thread, vm->vcpus[0]), 0);
        for (unsigned i = 0; i < 20 * n; i++) /* now it spins, now it sleeps */
            sched_yield();
        assert_int_equal(atomic_load(&complete), 0);
        if (n % 2)
            broadcast_take(vm->vcpus[1]);
        else
            broadcast_leave(vm->vcpus[1]);
        pthread_join(thread, NULL);
        assert_int_equal(atomic_load(&complete), 1);
        broadcast_enter(vm->vcpus[1]);
    }
    machine_destroy(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mail_is_taken_at_the_poll_in_order),
        cmocka_unit_test(test_a_full_mailbox_becomes_everything),
        cmocka_unit_test(test_repeated_mail_is_one),
        cmocka_unit_test(test_who_does_not_run_is_not_asked_and_takes_it_first),
        cmocka_unit_test(test_an_epoch_passes_when_all_have_polled_or_left),
        cmocka_unit_test(test_one_vcpu_tells_nobody),
        cmocka_unit_test(test_dsb_waits_for_the_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
