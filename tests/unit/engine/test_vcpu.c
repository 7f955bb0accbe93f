/* The vCPU's thread: sleeping and waking, starting and stopping, and the counted clock's promise
 * that time is a function of the instructions executed. The interrupt controller is a double that
 * ORs all its inputs into the PE's IRQ line. */
#include "rig.h"

#include <pthread.h>
#include <time.h>

#define MS UINT64_C(1000000)
#define LOG RIG_DATA

struct bench {
    struct rig *r;
    struct intc intc;
    atomic_uint levels; /* of the PPIs */
};

static uint64_t host_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void nap_us(unsigned us)
{
    nanosleep(&(struct timespec){0, (long)us * 1000}, NULL);
}

/* ---- The interrupt controller ---- */

static void fake_spi(struct intc *ic, unsigned spi, bool level)
{
    (void)ic;
    (void)spi;
    (void)level;
}

static void fake_ppi(struct intc *ic, unsigned cpu, unsigned ppi, bool level)
{
    struct bench *t = CONTAINER_OF(ic, struct bench, intc);
    (void)cpu;
    if (level)
        atomic_fetch_or(&t->levels, 1u << ppi);
    else
        atomic_fetch_and(&t->levels, ~(1u << ppi));
    vcpu_set_line(t->r->v, A64_LINE_IRQ, atomic_load(&t->levels) != 0);
}

static bool fake_read(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t *value)
{
    (void)ic;
    (void)cpu;
    (void)reg;
    (void)value;
    return false;
}

static bool fake_write(struct intc *ic, unsigned cpu, enum a64_sysreg reg, uint64_t value)
{
    (void)ic;
    (void)cpu;
    (void)reg;
    (void)value;
    return false;
}

static const struct intc_ops fake_ops = {fake_spi, fake_ppi, fake_read, fake_write, NULL};

/* ---- Set-up ---- */

static void hvc_ends_the_machine(struct vcpu *v, void *arg)
{
    (void)arg;
    v->powered = false;
    vm_post(v->vm, VM_EVENT_POWEROFF, v->cpu.exit_imm);
}

static struct bench *bench_create(enum clock_source clock)
{
    struct bench *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->r = rig_create_with(clock, 16 << 20);
    t->intc.ops = &fake_ops;
    t->r->vm.intc = &t->intc;
    t->r->vm.smccc = hvc_ends_the_machine;
    return t;
}

static void bench_destroy(struct bench *t)
{
    rig_destroy(t->r);
    free(t);
}

static void bench_program(struct bench *t, const struct code *c)
{
    rig_place(t->r, RIG_CODE, c);
    t->r->cpu->pc = RIG_CODE;
}

static void start(struct bench *t)
{
    struct err e = {0};
    assert_int_equal(vm_start(&t->r->vm, &e), 0);
}

/* Runs to HVC #0. */
static void run_to_end(struct bench *t)
{
    start(t);
    assert_int_equal(vm_wait(&t->r->vm), VM_EVENT_POWEROFF);
    vm_stop(&t->r->vm);
    if (t->r->vm.exit_status)
        fail_msg("exception: ESR 0x%llx ELR 0x%llx FAR 0x%llx",
                 (unsigned long long)t->r->cpu->sys[A64_ESR_EL1],
                 (unsigned long long)t->r->cpu->sys[A64_ELR_EL1],
                 (unsigned long long)rig_far(t->r));
}

/* CNTV_TVAL = ticks, enabled. Through X9. */
static void arm_timer(struct code *c, uint64_t ticks)
{
    set_sysreg(c, A64_CNTV_TVAL_EL0, 9, ticks);
    set_sysreg(c, A64_CNTV_CTL_EL0, 9, 1);
}

/* ---- WFI ---- */

static void test_wfi_sleeps_until_the_timer(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_HOST);
    struct code c = {0};
    emit(&c, word_mrs(A64_CNTVCT_EL0, 0));
    arm_timer(&c, 30 * MS);
    unsigned again = I(&c, WFI);
    emit(&c, word_mrs(A64_CNTV_CTL_EL0, 2));
    I(&c, UBFM, 1, 1, 2, 2, 2, 2); /* ISTATUS */
    cbz(&c, 2, again);
    emit(&c, word_mrs(A64_CNTVCT_EL0, 1));
    I(&c, HVC, 0);
    bench_program(t, &c);
    run_to_end(t);
    uint64_t waited = t->r->cpu->x[1] - t->r->cpu->x[0];
    assert_true(waited >= 30 * MS);
    assert_true(t->r->cpu->instret < 100);
    assert_true(t->r->v->exits[A64_EXIT_WFI] >= 1);
    bench_destroy(t);
}

static void test_wfi_is_woken_by_a_line_although_masked(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_HOST);
    struct code c = {0};
    I(&c, WFI);
    I(&c, HVC, 0);
    bench_program(t, &c);
    t->r->cpu->daif = PSTATE_I;
    start(t);
    nap_us(20000);
    assert_int_equal(t->r->vm.event, VM_EVENT_NONE); /* asleep */
    fake_ppi(&t->intc, 0, 3, true);
    assert_int_equal(vm_wait(&t->r->vm), VM_EVENT_POWEROFF);
    vm_stop(&t->r->vm);
    assert_int_equal(t->r->cpu->instret, 2);
    bench_destroy(t);
}

static void test_vm_stop_wakes_a_sleeper(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_HOST);
    struct code c = {0};
    unsigned loop = I(&c, WFI);
    b(&c, loop);
    bench_program(t, &c);
    for (unsigned i = 0; i < 20; i++) {
        start(t);
        nap_us(i * 50);
        uint64_t before = host_ns();
        vm_stop(&t->r->vm);
        assert_true(host_ns() - before < 100 * MS);
    }
    bench_destroy(t);
}

static void test_powered_off_vcpu_ignores_interrupts_and_stops(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_HOST);
    struct code c = {0};
    b(&c, 0);
    bench_program(t, &c);
    t->r->v->powered = false;
    start(t);
    fake_ppi(&t->intc, 0, 3, true);
    nap_us(2000);
    vm_stop(&t->r->vm);
    assert_int_equal(t->r->cpu->instret, 0);
    bench_destroy(t);
}

/* ---- WFE ---- */

static void test_wfe_after_sev_does_not_wait(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct code c = {0};
    I(&c, SEV);
    I(&c, WFE);
    emit(&c, word_mrs(A64_CNTVCT_EL0, 0));
    I(&c, HVC, 0);
    bench_program(t, &c);
    run_to_end(t);
    assert_int_equal(t->r->cpu->x[0], 2);
    assert_int_equal(t->r->v->exits[A64_EXIT_WFE], 0);
    bench_destroy(t);
}

static void test_wfe_without_events_ends_after_a_short_time(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_HOST);
    struct code c = {0};
    li(&c, 1, 50);
    unsigned loop = I(&c, WFE);
    I(&c, SUB_i, 1, 0, 1, 1, 1);
    cbnz(&c, 1, loop);
    I(&c, HVC, 0);
    bench_program(t, &c);
    run_to_end(t);
    assert_int_equal(t->r->v->exits[A64_EXIT_WFE], 50);
    bench_destroy(t);
}

static void test_event_from_elsewhere_sets_the_event_register(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct code c = {0};
    I(&c, WFE);
    I(&c, HVC, 0);
    bench_program(t, &c);
    vcpu_request(t->r->v, VCPU_REQ_EVENT);
    run_to_end(t);
    assert_int_equal(t->r->v->exits[A64_EXIT_WFE], 0);
    bench_destroy(t);
}

static void test_event_stream_ends_wfe_at_its_edge(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct code c = {0};
    /* EVNTEN, bit 10: every 2048, from 1024 on. */
    set_sysreg(&c, A64_CNTKCTL_EL1, 9, 1 << 2 | 10 << 4);
    I(&c, WFE);
    emit(&c, word_mrs(A64_CNTVCT_EL0, 0));
    I(&c, WFE);
    emit(&c, word_mrs(A64_CNTVCT_EL0, 1));
    I(&c, HVC, 0);
    bench_program(t, &c);
    run_to_end(t);
    assert_int_equal(t->r->cpu->x[0], 1024);
    assert_int_equal(t->r->cpu->x[1], 3072);
    bench_destroy(t);
}

/* ---- Start and stop ---- */

/* X0 counts, X1 is a hash of the count that depends on every step; both also lie in memory. */
static void counting_program(struct code *c)
{
    li(c, 2, RIG_DATA);
    li(c, 3, UINT64_C(6364136223846793005));
    unsigned loop = here(c);
    I(c, ADD_i, 1, 0, 1, 0, 0);
    I(c, MADD, 1, 3, 0, 1, 1); /* X1 = X1 * X3 + X0 */
    I(c, STP_off, 1, 0, 1, 2, 0);
    b(c, loop);
}

static uint64_t hash_of(uint64_t count)
{
    uint64_t h = 0;
    for (uint64_t i = 1; i <= count; i++)
        h = h * UINT64_C(6364136223846793005) + i;
    return h;
}

static void test_a_thousand_starts_and_stops_lose_nothing(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_HOST);
    struct code c = {0};
    counting_program(&c);
    bench_program(t, &c);
    t->r->cpu->daif |= PSTATE_I;
    uint64_t last = 0, hashed = 0, hash = 0;
    for (unsigned i = 0; i < 1000; i++) {
        start(t);
        if (i % 8 == 0)
            nap_us(10);
        vm_stop(&t->r->vm);
        const uint64_t *x = t->r->cpu->x, *m = rig_host(t->r, RIG_DATA);
        assert_true(t->r->cpu->instret >= last);
        last = t->r->cpu->instret;
        for (; hashed < m[0]; hashed++)
            hash = hash * UINT64_C(6364136223846793005) + hashed + 1;
        assert_true(m[1] == hash);
        assert_true(x[0] - m[0] <= 1); /* stopped before the store at most */
        uint64_t now = clock_now(&t->r->vm.clock);
        assert_int_equal(now, clock_now(&t->r->vm.clock)); /* time stands */
    }
    assert_true(hash == hash_of(hashed) && hashed > 0);
    bench_destroy(t);
}

/* With time counted, stopping is not seen at all. */
static void test_stops_do_not_move_counted_time(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct code c = {0};
    unsigned loop = here(&c);
    emit(&c, word_mrs(A64_CNTVCT_EL0, 0));
    emit(&c, word_mrs(A64_CNTVCT_EL0, 1));
    I(&c, SUB_s, 1, 0, 0, 0, 1, 2);
    I(&c, SUB_i, 1, 0, 1, 2, 2);
    cbz(&c, 2, loop);
    I(&c, HVC, 1);
    bench_program(t, &c);
    for (unsigned i = 0; i < 300; i++) {
        start(t);
        vm_stop(&t->r->vm);
        assert_int_equal(t->r->vm.event, VM_EVENT_NONE);
        vcpu_sync_clock(t->r->v);
        assert_int_equal(clock_now(&t->r->vm.clock), t->r->cpu->instret);
    }
    bench_destroy(t);
}

static void check_stops_soon(struct bench *t)
{
    for (unsigned i = 0; i < 5; i++) {
        start(t);
        nap_us(1000);
        uint64_t before = host_ns();
        vm_stop(&t->r->vm);
        assert_true(host_ns() - before < 100 * MS);
    }
    bench_destroy(t);
}

static void test_spinning_guest_with_masked_interrupts_stops_soon(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_HOST);
    struct code c = {0};
    b(&c, 0);
    bench_program(t, &c);
    t->r->cpu->daif = PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F;
    check_stops_soon(t);
}

static void test_guest_whose_vectors_are_unmapped_stops_soon(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_HOST);
    t->r->cpu->sys[A64_VBAR_EL1] = rig_page(100);
    t->r->cpu->pc = rig_page(50);
    check_stops_soon(t);
}

static void test_guest_in_an_undefined_loop_stops_soon(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_HOST);
    t->r->cpu->sys[A64_VBAR_EL1] = RIG_DATA; /* zeros: UDF #0 */
    t->r->cpu->pc = RIG_DATA;
    check_stops_soon(t);
}

/* The longest that anything asked of a vCPU waits: a page of straight-line code. */
static uint64_t instret_at_request;
static void request_on_read(struct rig *r, const struct rig_access *a)
{
    if (!a->write) {
        instret_at_request = r->cpu->instret;
        vcpu_request(r->v, VCPU_REQ_STOP);
    }
}

static void test_request_is_seen_within_a_page_of_code(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct code c = {0};
    I(&c, LDR_i, 0, 0, 1, 2);
    for (unsigned i = 0; i < 1900; i++)
        I(&c, NOP);
    I(&c, HVC, 0);
    bench_program(t, &c);
    t->r->cpu->x[1] = RIG_DEVICE;
    t->r->device.on_access = request_on_read;
    atomic_store(&t->r->cpu->request, 0);
    assert_int_equal(t->r->v->engine->run(t->r->v, 100000), A64_EXIT_REQUEST);
    assert_true(t->r->cpu->instret - instret_at_request <= PAGE_WORDS);
    bench_destroy(t);
}

/* ---- Counted time ---- */

/* At the IRQ vector: appends {ELR, time, CVAL} to the log at X20 and arms the timer X21 ticks after
 * the old deadline; X21 changes from time to time. */
static void place_timer_handler(struct bench *t)
{
    struct code c = {0};
    emit(&c, word_mrs(A64_CNTVCT_EL0, 10));
    emit(&c, word_mrs(A64_ELR_EL1, 11));
    emit(&c, word_mrs(A64_CNTV_CVAL_EL0, 12));
    I(&c, STP_post, 1, 2, 10, 20, 11);
    I(&c, STR_post, 1, 8, 20, 12);
    I(&c, MADD, 1, 23, 22, 21, 21);   /* X21 = X21 * X23 + X22 */
    I(&c, UBFM, 1, 1, 33, 44, 21, 13); /* 12 bits of it */
    I(&c, ADD_i, 1, 0, 60, 13, 13);
    I(&c, ADD_s, 1, 0, 13, 0, 12, 12);
    emit(&c, word_msr(A64_CNTV_CVAL_EL0, 12));
    I(&c, ERET);
    rig_place(t->r, RIG_VECTORS + 0x280, &c);
}

/* Computes, waits and touches a device until the log has `entries`. */
static void place_timer_program(struct bench *t, unsigned entries)
{
    struct code c = {0};
    li(&c, 20, LOG);
    li(&c, 21, 12345);
    li(&c, 22, 77777);
    li(&c, 23, UINT64_C(6364136223846793005));
    li(&c, 24, LOG + 24 * (uint64_t)entries);
    li(&c, 25, RIG_DEVICE);
    arm_timer(&c, 100);
    irq_on(&c);
    unsigned loop = here(&c);
    li(&c, 1, 40);
    unsigned inner = here(&c);
    I(&c, ADD_i, 1, 0, 1, 0, 0);
    I(&c, ADD_s, 1, 0, 0, 3, 2, 2);
    I(&c, SUB_i, 1, 0, 1, 1, 1);
    cbnz(&c, 1, inner);
    for (unsigned i = 0; i < 30; i++)
        I(&c, ADD_i, 1, 0, 1, 0, 0);
    I(&c, STRB_i, 0, 26, 0); /* RAM that is nobody's */
    I(&c, WFI);
    I(&c, SUBS_s, 1, 0, 24, 0, 20, XZR);
    b_cond(&c, COND_CC, loop);
    irq_off(&c);
    I(&c, HVC, 0);
    bench_program(t, &c);
    t->r->cpu->x[26] = RIG_DATA + 0x40000;
    place_timer_handler(t);
}

struct log_entry {
    uint64_t elr, time, cval;
};

static struct log_entry *timer_log(unsigned entries, bool disturbed)
{
    struct bench *t = bench_create(CLOCK_COUNTED);
    place_timer_program(t, entries);
    struct log_entry *log = calloc(entries, sizeof(*log));
    assert_non_null(log);
    if (disturbed) {
        while (t->r->vm.event == VM_EVENT_NONE) {
            start(t);
            for (unsigned i = 0; i < 20; i++)
                vcpu_request(t->r->v, VCPU_REQ_CODE | VCPU_REQ_TIMER);
            vm_stop(&t->r->vm);
        }
    } else {
        run_to_end(t);
    }
    memcpy(log, rig_host(t->r, LOG), entries * sizeof(*log));
    bench_destroy(t);
    return log;
}

static void test_timer_interrupts_come_after_exactly_so_many_instructions(void **state)
{
    (void)state;
    struct log_entry *log = timer_log(500, false);
    unsigned late = 0;
    for (unsigned i = 0; i < 500; i++) {
        assert_true(log[i].time >= log[i].cval);
        late += log[i].time > log[i].cval; /* the deadline passed inside the handler */
    }
    if (late)
        fail_msg("%u of 500 interrupts were late", late);
    free(log);
}

static void test_interrupts_of_two_runs_are_identical(void **state)
{
    (void)state;
    struct log_entry *one = timer_log(500, false), *two = timer_log(500, false),
                     *three = timer_log(500, true);
    assert_memory_equal(one, two, 500 * sizeof(*one));
    assert_memory_equal(one, three, 500 * sizeof(*one));
    free(one);
    free(two);
    free(three);
}

static void test_wfi_jumps_to_the_deadline(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct code c = {0};
    emit(&c, word_mrs(A64_CNTVCT_EL0, 0));
    arm_timer(&c, 3600 * 1000 * MS);
    emit(&c, word_mrs(A64_CNTV_CVAL_EL0, 2));
    I(&c, WFI);
    emit(&c, word_mrs(A64_CNTVCT_EL0, 1));
    I(&c, HVC, 0);
    bench_program(t, &c);
    uint64_t before = host_ns();
    run_to_end(t);
    assert_true(host_ns() - before < 1000 * MS);
    assert_int_equal(t->r->cpu->x[1], t->r->cpu->x[2]);
    bench_destroy(t);
}

/* A machine that goes back to before a timer fired: the clock's list no longer has it, although the
 * deadline is the one that was set last. */
static void test_timer_that_fired_is_armed_again_when_state_is_replaced(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct clock *clock = &t->r->vm.clock;
    struct code c = {0};
    arm_timer(&c, 1000 * MS);
    I(&c, HVC, 0);
    b(&c, here(&c));
    bench_program(t, &c);
    run_to_end(t);
    vtime_t deadline = clock_next_deadline(clock);
    assert_true(deadline > 1000 * MS && deadline != VTIME_NEVER);
    clock_timer_set(clock, &t->r->v->timer, VTIME_NEVER); /* as after firing */
    t->r->v->powered = true;
    vcpu_forget(t->r->v);
    for (unsigned i = 0; i < 1000 && clock_next_deadline(clock) == VTIME_NEVER; i++) {
        start(t);
        nap_us(100);
        vm_stop(&t->r->vm);
    }
    assert_int_equal(clock_next_deadline(clock), deadline);
    bench_destroy(t);
}

/* A deadline that passed while the PE did not look must not take time back. */
static void test_time_never_goes_back_at_wfi(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct code c = {0};
    arm_timer(&c, 50);
    set_sysreg(&c, A64_CNTV_CTL_EL0, 9, 3); /* masked: no interrupt, no deadline */
    for (unsigned i = 0; i < 100; i++)
        I(&c, NOP);
    set_sysreg(&c, A64_CNTP_TVAL_EL0, 9, 1000);
    set_sysreg(&c, A64_CNTP_CTL_EL0, 9, 1);
    emit(&c, word_mrs(A64_CNTPCT_EL0, 0));
    I(&c, WFI);
    emit(&c, word_mrs(A64_CNTPCT_EL0, 1));
    I(&c, WFE);
    emit(&c, word_mrs(A64_CNTPCT_EL0, 2));
    I(&c, HVC, 0);
    bench_program(t, &c);
    run_to_end(t);
    assert_true(t->r->cpu->x[1] > t->r->cpu->x[0]);
    assert_true(t->r->cpu->x[2] > t->r->cpu->x[1]);
    bench_destroy(t);
}

/* A device reads virtual time: it is that of the instruction, not of the last run() call. */
static uint64_t time_at_access;
static void note_time(struct rig *r, const struct rig_access *a)
{
    (void)a;
    time_at_access = clock_now(&r->vm.clock);
}

static void test_device_sees_the_time_of_the_instruction(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct code c = {0};
    for (unsigned i = 0; i < 700; i++)
        I(&c, NOP);
    emit(&c, word_mrs(A64_CNTPCT_EL0, 0));
    I(&c, LDR_i, 0, 0, 1, 2);
    I(&c, HVC, 0);
    bench_program(t, &c);
    t->r->cpu->x[1] = RIG_DEVICE;
    t->r->device.on_access = note_time;
    run_to_end(t);
    assert_int_equal(time_at_access, t->r->cpu->x[0] + 1);
    bench_destroy(t);
}

/* ... and a timer that it sets fires after the right instruction, although run() was called for
 * more. */
static struct clock_timer device_timer;
static uint64_t fired_at;
static void device_timer_fired(void *arg)
{
    struct rig *r = arg;
    fired_at = r->cpu->instret;
}

static void set_timer_on_write(struct rig *r, const struct rig_access *a)
{
    clock_timer_set(&r->vm.clock, &device_timer, clock_now(&r->vm.clock) + a->value);
}

static void test_device_timer_fires_at_its_instruction(void **state)
{
    (void)state;
    struct bench *t = bench_create(CLOCK_COUNTED);
    struct code c = {0};
    for (unsigned i = 0; i < 10; i++)
        I(&c, NOP);
    unsigned at = I(&c, STR_i, 0, 0, 1, 2);
    for (unsigned i = 0; i < 200; i++)
        I(&c, NOP);
    I(&c, HVC, 0);
    bench_program(t, &c);
    t->r->cpu->x[1] = RIG_DEVICE;
    t->r->cpu->x[2] = 77;
    clock_timer_init(&device_timer, device_timer_fired, t->r);
    t->r->device.on_access = set_timer_on_write;
    run_to_end(t);
    assert_int_equal(fired_at, at + 77);
    bench_destroy(t);
}

/* ---- PMU ---- */

/* Where an INST_RETIRED counter interrupts that overflows `n` instructions after it was enabled. */
static uint64_t overflow_elr(unsigned n)
{
    struct bench *t = bench_create(CLOCK_HOST);
    struct code c = {0}, h = {0};
    set_sysreg(&c, A64_PMEVTYPER0_EL0, 9, 8);
    set_sysreg(&c, A64_PMEVCNTR0_EL0, 9, (uint32_t)-n);
    set_sysreg(&c, A64_PMINTENSET_EL1, 9, 1);
    set_sysreg(&c, A64_PMCNTENSET_EL0, 9, 1);
    irq_on(&c);
    set_sysreg(&c, A64_PMCR_EL0, 9, 1);
    unsigned first = here(&c);
    for (unsigned i = 0; i < 1200; i++)
        I(&c, NOP);
    I(&c, HVC, 2);
    emit(&h, word_mrs(A64_ELR_EL1, 0));
    emit(&h, word_mrs(A64_PMOVSSET_EL0, 1));
    I(&h, HVC, 0);
    rig_place(t->r, RIG_VECTORS + 0x280, &h);
    bench_program(t, &c);
    run_to_end(t);
    assert_int_equal(t->r->cpu->x[1], 1);
    uint64_t elr = t->r->cpu->x[0];
    bench_destroy(t);
    return (elr - RIG_CODE) / 4 - first;
}

static void test_pmu_overflow_interrupts_at_the_exact_instruction(void **state)
{
    (void)state;
    const unsigned counts[] = {3, 10, 11, 63, 500, 1100};
    uint64_t base = overflow_elr(2);
    assert_true(base <= 2);
    for (unsigned i = 0; i < ARRAY_LEN(counts); i++)
        assert_int_equal(overflow_elr(counts[i]), base + counts[i] - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wfi_sleeps_until_the_timer),
        cmocka_unit_test(test_wfi_is_woken_by_a_line_although_masked),
        cmocka_unit_test(test_vm_stop_wakes_a_sleeper),
        cmocka_unit_test(test_powered_off_vcpu_ignores_interrupts_and_stops),
        cmocka_unit_test(test_wfe_after_sev_does_not_wait),
        cmocka_unit_test(test_wfe_without_events_ends_after_a_short_time),
        cmocka_unit_test(test_event_from_elsewhere_sets_the_event_register),
        cmocka_unit_test(test_event_stream_ends_wfe_at_its_edge),
        cmocka_unit_test(test_a_thousand_starts_and_stops_lose_nothing),
        cmocka_unit_test(test_stops_do_not_move_counted_time),
        cmocka_unit_test(test_spinning_guest_with_masked_interrupts_stops_soon),
        cmocka_unit_test(test_guest_whose_vectors_are_unmapped_stops_soon),
        cmocka_unit_test(test_guest_in_an_undefined_loop_stops_soon),
        cmocka_unit_test(test_request_is_seen_within_a_page_of_code),
        cmocka_unit_test(test_timer_interrupts_come_after_exactly_so_many_instructions),
        cmocka_unit_test(test_interrupts_of_two_runs_are_identical),
        cmocka_unit_test(test_wfi_jumps_to_the_deadline),
        cmocka_unit_test(test_timer_that_fired_is_armed_again_when_state_is_replaced),
        cmocka_unit_test(test_time_never_goes_back_at_wfi),
        cmocka_unit_test(test_device_sees_the_time_of_the_instruction),
        cmocka_unit_test(test_device_timer_fires_at_its_instruction),
        cmocka_unit_test(test_pmu_overflow_interrupts_at_the_exact_instruction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
