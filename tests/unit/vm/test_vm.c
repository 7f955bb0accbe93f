/* A machine's life apart from instructions: events, failures, creation that fails anywhere, and a
 * saved state that is not this machine's. The engine is a double that does nothing but sleep. */
#include "vm/vm.h"

#include "base/fault.h"
#include "vm/vm_state.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- The engine ---- */

static int idle_create(struct vcpu *v, struct err *e)
{
    v->cpu.engine = fault_point("idle_engine") ? NULL : malloc(1);
    return v->cpu.engine ? 0 : err_set(e, ENOMEM, "out of memory for the engine");
}

static void idle_destroy(struct vcpu *v)
{
    free(v->cpu.engine);
}

static enum a64_exit idle_run(struct vcpu *v, uint64_t budget)
{
    (void)budget;
    v->cpu.instret++;
    return A64_EXIT_WFI;
}

static void idle_tlbi(struct vcpu *v, const struct a64_tlbi *op)
{
    (void)v;
    (void)op;
}

static void idle_context(struct vcpu *v)
{
    (void)v;
}

static void idle_icache(struct vcpu *v, gpa_t pa, bool all)
{
    (void)v;
    (void)pa;
    (void)all;
}

static void idle_written(struct vcpu *v, uint64_t page)
{
    (void)v;
    (void)page;
}

static void idle_stats(struct vcpu *v, FILE *to)
{
    (void)v;
    (void)to;
}

static const struct engine_ops idle_engine = {
    .name = "idle",
    .smp = true,
    .vcpu_create = idle_create,
    .vcpu_destroy = idle_destroy,
    .run = idle_run,
    .tlbi = idle_tlbi,
    .context_changed = idle_context,
    .icache_invalidate = idle_icache,
    .forget = idle_context,
    .code_written = idle_written,
    .stats = idle_stats,
};

/* ---- Devices ---- */

struct lamp {
    struct device dev;
    bool on;
    unsigned loaded, paused; /* how often */
};

static uint64_t lamp_read(struct device *d, uint64_t offset, unsigned size)
{
    (void)offset;
    (void)size;
    return CONTAINER_OF(d, struct lamp, dev)->on;
}

static void lamp_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    (void)offset;
    (void)size;
    CONTAINER_OF(d, struct lamp, dev)->on = value & 1;
}

static void lamp_reset(struct device *d)
{
    CONTAINER_OF(d, struct lamp, dev)->on = false;
}

static int lamp_loaded(struct device *d, struct err *e)
{
    (void)e;
    CONTAINER_OF(d, struct lamp, dev)->loaded++;
    return 0;
}

static void lamp_destroy(struct device *d)
{
    pthread_mutex_destroy(&d->lock);
    free(CONTAINER_OF(d, struct lamp, dev));
}

static void lamp_pause(struct device *d, bool paused)
{
    CONTAINER_OF(d, struct lamp, dev)->paused += paused;
}

static const struct state_field lamp_fields[] = {
    F_DEVICE(struct lamp),         F_BOOL(struct lamp, on), F_WIRING(struct lamp, loaded),
    F_WIRING(struct lamp, paused), F_END,
};

static const struct dev_class lamp_class = {
    .name = "lamp",
    .window_bytes = 0x1000,
    .min_access = 4,
    .max_access = 4,
    .fields = lamp_fields,
    .object_bytes = sizeof(struct lamp),
    .read = lamp_read,
    .write = lamp_write,
    .reset = lamp_reset,
    .loaded = lamp_loaded,
    .destroy = lamp_destroy,
    .pause = lamp_pause,
};

static int lamp_create(struct vm *vm, const char *name, uint64_t base, struct lamp **out,
                       struct err *e)
{
    struct lamp *l = fault_point("lamp") ? NULL : calloc(1, sizeof(*l));
    if (!l)
        return err_set(e, ENOMEM, "out of memory for %s", name);
    int r = device_attach(&l->dev, &lamp_class, vm, name, base, e);
    if (r)
        free(l);
    else
        *out = l;
    return r;
}

/* ---- Set-up ---- */

struct fixture {
    struct vm vm;
    struct lamp *lamps[2];
};

static int build(struct fixture *f, struct err *e)
{
    const struct a64_features features = a64_features_default();
    int r = vm_create(&f->vm, 0x40000000, 0x10000, CLOCK_HOST, e);
    if (r)
        return r;
    r = vm_add_vcpu(&f->vm, &idle_engine, &features, e);
    if (!r)
        r = lamp_create(&f->vm, "lamp.0", 0x1000, &f->lamps[0], e);
    if (!r)
        r = lamp_create(&f->vm, "lamp.1", 0x2000, &f->lamps[1], e);
    if (r)
        vm_destroy(&f->vm);
    return r;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e = {0};
    if (!f || build(f, &e))
        return -1;
    vm_reset(&f->vm);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    vm_destroy(&f->vm);
    free(f);
    return 0;
}

/* ---- Events ---- */

static void test_first_event_wins_until_it_is_taken(void **state)
{
    struct fixture *f = *state;
    vm_post(&f->vm, VM_EVENT_EXIT, 7);
    vm_post(&f->vm, VM_EVENT_POWEROFF, 0);
    assert_int_equal(vm_wait(&f->vm), VM_EVENT_EXIT);
    assert_int_equal(f->vm.exit_status, 7);
    vm_post(&f->vm, VM_EVENT_RESET, 0);
    assert_int_equal(vm_wait(&f->vm), VM_EVENT_RESET);
}

static void *post_quit(void *arg)
{
    vm_post(arg, VM_EVENT_QUIT, 0);
    return NULL;
}

static void test_waiter_is_woken_by_another_thread(void **state)
{
    struct fixture *f = *state;
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, post_quit, &f->vm), 0);
    assert_int_equal(vm_wait(&f->vm), VM_EVENT_QUIT);
    assert_int_equal(pthread_join(t, NULL), 0);
}

static void test_failure_keeps_the_first_reason(void **state)
{
    struct fixture *f = *state;
    vm_fail(&f->vm, "disk %d is gone", 3);
    vm_fail(&f->vm, "and so is another");
    assert_int_equal(vm_wait(&f->vm), VM_EVENT_FAILED);
    assert_int_equal(f->vm.failure.code, EIO);
    assert_string_equal(f->vm.failure.text, "disk 3 is gone");
}

static void test_failure_text_of_any_length_is_cut(void **state)
{
    struct fixture *f = *state;
    char text[2 * ERR_TEXT_MAX];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    vm_fail(&f->vm, "%s", text);
    assert_int_equal(strlen(f->vm.failure.text), ERR_TEXT_MAX - 1);
}

/* ---- Start and stop ---- */

static void test_stop_pauses_devices_and_time(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    assert_int_equal(vm_start(&f->vm, &e), 0);
    vm_stop(&f->vm);
    assert_int_equal(f->lamps[0]->paused, 1);
    assert_int_equal(clock_now(&f->vm.clock), clock_now(&f->vm.clock));
    vm_stop(&f->vm); /* once more is harmless */
}

static void test_start_that_fails_leaves_a_stopped_machine(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    fault_arm(1);
    int r = vm_start(&f->vm, &e);
    assert_string_equal(fault_arm(0), "vcpu_thread");
    assert_int_equal(r, -EAGAIN);
    assert_non_null(strstr(e.text, "vCPU 0"));
    assert_int_equal(clock_now(&f->vm.clock), clock_now(&f->vm.clock));
    assert_int_equal(vm_start(&f->vm, &e), 0);
    vm_stop(&f->vm);
}

static void test_reset_reaches_vcpus_and_devices(void **state)
{
    struct fixture *f = *state;
    f->lamps[1]->on = true;
    f->vm.vcpus[0]->cpu.x[3] = 5;
    f->vm.boot_pc = 0x40001000;
    f->vm.boot_x0 = 77;
    vm_reset(&f->vm);
    assert_false(f->lamps[1]->on);
    assert_int_equal(f->vm.vcpus[0]->cpu.x[3], 0);
    assert_int_equal(f->vm.vcpus[0]->cpu.pc, 0x40001000);
    assert_int_equal(f->vm.vcpus[0]->cpu.x[0], 77);
}

/* ---- Limits and failing creation ---- */

static void test_one_vcpu_too_many_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    const struct a64_features features = a64_features_default();
    while (f->vm.cpu_count < VM_MAX_CPUS)
        assert_int_equal(vm_add_vcpu(&f->vm, &idle_engine, &features, &e), 0);
    assert_int_equal(vm_add_vcpu(&f->vm, &idle_engine, &features, &e), -EINVAL);
    assert_true(e.text[0]);
}

static void test_creation_may_fail_at_every_point_without_a_leak(void **state)
{
    (void)state;
    unsigned long n = 1;
    for (;; n++) {
        struct fixture f = {0};
        struct err e = {0};
        fault_arm(n);
        int r = build(&f, &e);
        const char *hit = fault_arm(0);
        if (!hit) {
            assert_int_equal(r, 0);
            vm_destroy(&f.vm);
            break;
        }
        if (r == 0 || !e.text[0])
            fail_msg("'%s' failed and nobody said so", hit);
    }
    assert_true(n > 6); /* the sweep reached something */
}

/* ---- A saved machine that is not this one ---- */

/* The bytes of a save with its sections found: the vCPU, lamp.0, lamp.1. */
struct save {
    struct buf b;
    size_t at[4]; /* where each begins; the last: the end */
};

static struct save saved(struct fixture *f)
{
    struct save s = {0};
    struct err e = {0};
    static const char *const names[] = {"vcpu0", "lamp.0", "lamp.1"};
    assert_int_equal(vm_save(&f->vm, &s.b, &e), 0);
    size_t from = 0;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t *p = memmem(s.b.data + from, s.b.len - from, names[i], strlen(names[i]));
        assert_non_null(p);
        s.at[i] = (size_t)(p - s.b.data) - 1;
        from = s.at[i] + 1;
    }
    s.at[3] = s.b.len;
    return s;
}

static void refuse(struct fixture *f, const struct buf *b, const char *word)
{
    struct err e = {0};
    unsigned loaded = f->lamps[0]->loaded;
    f->lamps[0]->on = f->lamps[1]->on = true;
    assert_int_equal(vm_load(&f->vm, b->data, b->len, &e), -EINVAL);
    if (!strstr(e.text, word))
        fail_msg("'%s' does not mention '%s'", e.text, word);
    assert_true(f->lamps[0]->on && f->lamps[1]->on);
    assert_int_equal(f->lamps[0]->loaded, loaded);
}

static void test_save_and_load_give_the_machine_back(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    f->lamps[1]->on = true;
    f->vm.vcpus[0]->cpu.x[5] = 55;
    f->vm.vcpus[0]->powered = false;
    clock_set(&f->vm.clock, 123456789);
    vcpu_request(f->vm.vcpus[0], VCPU_REQ_EVENT);
    struct save s = saved(f);
    vm_reset(&f->vm);
    clock_set(&f->vm.clock, 5);
    assert_int_equal(vm_load(&f->vm, s.b.data, s.b.len, &e), 0);
    assert_true(f->lamps[1]->on && !f->lamps[0]->on);
    assert_int_equal(f->lamps[0]->loaded, 1);
    assert_int_equal(f->vm.vcpus[0]->cpu.x[5], 55);
    assert_true(f->vm.vcpus[0]->cpu.event_register);
    assert_false(f->vm.vcpus[0]->powered);
    assert_int_equal(clock_now(&f->vm.clock), 123456789);
    buf_fini(&s.b);
}

static void test_load_refuses_reordered_devices(void **state)
{
    struct fixture *f = *state;
    struct save s = saved(f);
    struct buf b = {0};
    assert_int_equal(buf_append(&b, s.b.data, s.at[1]), 0);
    assert_int_equal(buf_append(&b, s.b.data + s.at[2], s.at[3] - s.at[2]), 0);
    assert_int_equal(buf_append(&b, s.b.data + s.at[1], s.at[2] - s.at[1]), 0);
    refuse(f, &b, "'lamp.1' (lamp) where this one has 'lamp.0' (lamp)");
    buf_fini(&b);
    buf_fini(&s.b);
}

static void test_load_refuses_missing_doubled_and_foreign_devices(void **state)
{
    struct fixture *f = *state;
    struct save s = saved(f);
    s.b.len = s.at[2];
    refuse(f, &s.b, "before or inside 'lamp.1'");
    s.b.len = s.at[3];
    assert_int_equal(buf_append(&s.b, s.b.data + s.at[2], s.at[3] - s.at[2]), 0);
    refuse(f, &s.b, "bytes follow");
    s.b.len = s.at[3];
    s.b.data[s.at[2] + 1] = '\n';
    refuse(f, &s.b, "'?amp.1'");
    s.b.data[s.at[2] + 1] = 'l';
    s.b.data[s.at[2] + 8] = 'd'; /* the class */
    refuse(f, &s.b, "(damp)");
    buf_fini(&s.b);
}

static void test_load_refuses_lengths_that_lie(void **state)
{
    struct fixture *f = *state;
    struct save s = saved(f);
    struct err e = {0};
    uint8_t *length = s.b.data + s.at[2] + 12;
    uint32_t right = (uint32_t)le_load(length, 4);
    assert_int_equal(s.at[2] + 16 + right, s.at[3]);
    le_store(length, 4, UINT32_MAX);
    refuse(f, &s.b, "inside 'lamp.1'");
    le_store(length, 4, right + 1);
    refuse(f, &s.b, "inside 'lamp.1'");
    le_store(length, 4, right - 1);
    refuse(f, &s.b, "bytes follow");
    le_store(length, 4, right + 1); /* the object and a byte more */
    assert_int_equal(buf_append(&s.b, "", 1), 0);
    assert_int_equal(vm_load(&f->vm, s.b.data, s.b.len, &e), -EINVAL);
    assert_non_null(strstr(e.text, "too many"));
    buf_fini(&s.b);
}

static void test_load_refuses_another_version_or_shape(void **state)
{
    struct fixture *f = *state;
    struct save s = saved(f);
    s.b.data[6] = 2;
    refuse(f, &s.b, "version 2");
    s.b.data[6] = 1;
    s.b.data[0] = 'x';
    refuse(f, &s.b, "not a saved machine");
    s.b.data[0] = 'S';
    f->vm.mem.ram_bytes -= MEM_PAGE_SIZE;
    refuse(f, &s.b, "ram_bytes");
    f->vm.mem.ram_bytes += MEM_PAGE_SIZE;
    f->vm.mem.ram_base += MEM_PAGE_SIZE;
    refuse(f, &s.b, "ram_base");
    f->vm.mem.ram_base -= MEM_PAGE_SIZE;
    buf_fini(&s.b);
}

static void test_load_refuses_impossible_states(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    f->vm.vcpus[0]->cpu.el = 0; /* with SPSel = 1 */
    struct save s = saved(f);
    assert_int_equal(vm_load(&f->vm, s.b.data, s.b.len, &e), -EINVAL);
    assert_non_null(strstr(e.text, "Exception level"));
    buf_fini(&s.b);
    vm_reset(&f->vm);
    clock_set(&f->vm.clock, UINT64_MAX - 5); /* deadlines would wrap */
    s = saved(f);
    refuse(f, &s.b, "'now'");
    buf_fini(&s.b);
}

static void test_save_without_memory_leaves_the_buffer(void **state)
{
    struct fixture *f = *state;
    for (unsigned long n = 1;; n++) {
        struct buf b = {0};
        struct err e = {0};
        fault_arm(n);
        int r = vm_save(&f->vm, &b, &e);
        if (!fault_arm(0)) {
            assert_int_equal(r, 0);
            buf_fini(&b);
            return;
        }
        assert_int_equal(r, -ENOMEM);
        assert_int_equal(b.len, 0);
        buf_fini(&b);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_first_event_wins_until_it_is_taken),
        TEST(test_waiter_is_woken_by_another_thread),
        TEST(test_failure_keeps_the_first_reason),
        TEST(test_failure_text_of_any_length_is_cut),
        TEST(test_stop_pauses_devices_and_time),
        TEST(test_start_that_fails_leaves_a_stopped_machine),
        TEST(test_reset_reaches_vcpus_and_devices),
        TEST(test_one_vcpu_too_many_is_refused),
        cmocka_unit_test(test_creation_may_fail_at_every_point_without_a_leak),
        TEST(test_save_and_load_give_the_machine_back),
        TEST(test_load_refuses_reordered_devices),
        TEST(test_load_refuses_missing_doubled_and_foreign_devices),
        TEST(test_load_refuses_lengths_that_lie),
        TEST(test_load_refuses_another_version_or_shape),
        TEST(test_load_refuses_impossible_states),
        TEST(test_save_without_memory_leaves_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
