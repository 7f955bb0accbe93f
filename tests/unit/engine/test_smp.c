/* Several vCPUs at once: atomicity, exclusives, events, broadcast maintenance, stopping and saving.
 * Each program runs with a thread per vCPU, and in turns on one thread with several seeds, where
 * short turns make the rare interleavings common. A program finds its vCPU's number in X0 and ends
 * with HVC #0, or with HVC #2 when it saw what must not be. */
#include "rig.h"

#include "vm/vm_hash.h"
#include "vm/vm_state.h"

#include <errno.h>
#include <time.h>

#define CPUS 4u
#define SEEDS 4u
#define HOST_SEED UINT64_MAX /* threads */

#define SHARED RIG_DATA                 /* words that programs share */
#define GENERATION (RIG_DATA + 0x1000)  /* another page */
#define PAGES (RIG_DATA + 0x10000)      /* what the window is mapped to, by turns */
#define FUNCTION (RIG_DATA + 0x20000)
#define NODES (RIG_DATA + 0x30000)

/* How often, in X20. With threads a DSB may have to wait until a thread that the host has put aside
 * goes on; in turns it is free. */
#define CHANGES_HOST 40u
#define CHANGES_TURNS 2000u

#define SYS_TLBI_VAE1IS A64_SYS_KEY(1, 0, 8, 3, 1)
#define SYS_IC_IALLUIS A64_SYS_KEY(1, 0, 7, 1, 0)
#define ISH 11u
#define ISHST 10u

struct smp {
    struct rig *r;
    atomic_uint ended, seen_wrong;
};

/* ---- Set-up ---- */

static void hvc_ends_the_vcpu(struct vcpu *v, void *arg)
{
    struct smp *s = arg;
    v->powered = false;
    if (v->cpu.exit_imm)
        atomic_fetch_add(&s->seen_wrong, 1);
    if (atomic_fetch_add(&s->ended, 1) + 1 == v->vm->cpu_count)
        vm_post(v->vm, VM_EVENT_POWEROFF, 0);
}

/* The state that rig_create() gives vCPU 0. */
static void begin_at(struct vcpu *v, const struct a64_cpu *like, uint64_t pc)
{
    static const enum a64_sysreg regs[] = {A64_MAIR_EL1, A64_TCR_EL1, A64_TTBR0_EL1,
                                           A64_SCTLR_EL1, A64_VBAR_EL1, A64_CPACR_EL1};
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++)
        v->cpu.sys[regs[i]] = like->sys[regs[i]];
    v->cpu.sp[1] = RIG_DATA + 0x8000 + v->index * 0x100;
    v->cpu.x[0] = v->index;
    v->cpu.x[20] = v->vm->turns.on ? CHANGES_TURNS : CHANGES_HOST;
    v->cpu.pc = pc;
    v->powered = true;
    vcpu_forget(v);
}

static struct smp *smp_create(unsigned cpus, uint64_t seed, const struct code *program)
{
    struct smp *s = calloc(1, sizeof(*s));
    const struct a64_features features = a64_features_default();
    struct err e = {0};
    assert_non_null(s);
    s->r = rig_create_with(seed == HOST_SEED ? CLOCK_HOST : CLOCK_COUNTED, 16 << 20);
    struct vm *vm = &s->r->vm;
    while (vm->cpu_count < cpus)
        assert_int_equal(vm_add_vcpu(vm, rig_engine(), &features, &e), 0);
    turns_seed(&vm->turns, seed);
    vm->smccc = hvc_ends_the_vcpu;
    vm->smccc_arg = s;
    rig_place(s->r, RIG_CODE, program);
    for (unsigned i = 0; i < cpus; i++) {
        if (i)
            vcpu_reset(vm->vcpus[i]);
        begin_at(vm->vcpus[i], s->r->cpu, RIG_CODE);
    }
    return s;
}

static void smp_destroy(struct smp *s)
{
    rig_destroy(s->r);
    free(s);
}

static void smp_start(struct smp *s)
{
    struct err e = {0};
    assert_int_equal(vm_start(&s->r->vm, &e), 0);
}

static void smp_run(struct smp *s)
{
    smp_start(s);
    assert_int_equal(vm_wait(&s->r->vm), VM_EVENT_POWEROFF);
    vm_stop(&s->r->vm);
    assert_int_equal(s->seen_wrong, 0);
}

/* With threads, then in turns; `check` looks at the end. */
static void in_every_way(unsigned cpus, const struct code *program, void (*prepare)(struct rig *r),
                         void (*check)(struct rig *r))
{
    for (unsigned n = 0; n <= SEEDS; n++) {
        struct smp *s = smp_create(cpus, n ? n : HOST_SEED, program);
        if (prepare)
            prepare(s->r);
        smp_run(s);
        if (check)
            check(s->r);
        smp_destroy(s);
    }
}

/* X9 = iterations; the loop's end: one less, and again. */
static unsigned loop_begin(struct code *c, unsigned iterations)
{
    li(c, 9, iterations);
    return here(c);
}

static void loop_end(struct code *c, unsigned loop)
{
    I(c, SUB_i, 1, 0, 1, 9, 9);
    cbnz(c, 9, loop);
}

static void good_end(struct code *c)
{
    I(c, HVC, 0);
}

/* HVC #2 unless Xn >= Xm (unsigned). */
static void must_not_be_below(struct code *c, unsigned n, unsigned m)
{
    I(c, SUBS_s, 1, 0, m, 0, n, XZR);
    unsigned fine = I(c, B_cond, 0, COND_CS);
    I(c, HVC, 2);
    label(c, fine);
}

static void must_be_equal(struct code *c, unsigned n, unsigned m)
{
    I(c, SUBS_s, 1, 0, m, 0, n, XZR);
    unsigned fine = I(c, B_cond, 0, COND_EQ);
    I(c, HVC, 2);
    label(c, fine);
}

/* ---- Atomic operations and exclusives ---- */

#define ADDS 20000u

static void check_sum(struct rig *r)
{
    assert_int_equal(rig_peek(r, SHARED, 8), (uint64_t)ADDS * CPUS);
}

static void test_exclusive_increments_are_not_lost(void **state)
{
    (void)state;
    struct code c = {0};
    li(&c, 1, SHARED);
    unsigned loop = loop_begin(&c, ADDS), again = here(&c);
    I(&c, LDXR, 1, 1, 2);
    I(&c, ADD_i, 1, 0, 1, 2, 2);
    I(&c, STXR, 1, 3, 1, 2);
    cbnz(&c, 3, again);
    loop_end(&c, loop);
    good_end(&c);
    in_every_way(CPUS, &c, NULL, check_sum);
}

/* Halves of one doubleword, by LSE on all of it, exclusives on a half, and pairs. */
static void check_mixed(struct rig *r)
{
    assert_int_equal(rig_peek(r, SHARED, 4), 2 * ADDS);
    assert_int_equal(rig_peek(r, SHARED + 4, 4), 2 * ADDS);
}

static void test_atomics_of_different_sizes_respect_each_other(void **state)
{
    (void)state;
    struct code c = {0};
    li(&c, 1, SHARED);
    li(&c, 4, 1);
    li(&c, 5, UINT64_C(1) << 32);
    unsigned other = I(&c, TBZ, 0, 0, 0, 0); /* even vCPUs: exclusives */
    unsigned loop = loop_begin(&c, ADDS);
    I(&c, LDADD, 1, 0, 0, 5, 1, 6); /* 64 bits: the upper half */
    loop_end(&c, loop);
    good_end(&c);
    c.w[other] |= (here(&c) - other) << 5;
    loop = loop_begin(&c, ADDS);
    unsigned again = here(&c);
    I(&c, LDXR, 0, 1, 2); /* 32 bits: the lower half */
    I(&c, ADD_i, 0, 0, 1, 2, 2);
    I(&c, STXR, 0, 3, 1, 2);
    cbnz(&c, 3, again);
    loop_end(&c, loop);
    good_end(&c);
    in_every_way(CPUS, &c, NULL, check_mixed);
}

/* A stack of nodes, popped by LDXR/STXR, pushed by either vCPU's way: CAS or exclusives. Popping is
 * wrong if the head was popped and pushed again meanwhile and STXR does not notice. */
#define NODE_COUNT 3u

static void prepare_stack(struct rig *r)
{
    for (unsigned i = 0; i < NODE_COUNT; i++) {
        uint64_t node = NODES + 64 * i;
        rig_poke(r, node, 8, i ? node - 64 : 0); /* next */
        rig_poke(r, node + 8, 8, 0);             /* owners */
    }
    rig_poke(r, SHARED, 8, NODES + 64 * (NODE_COUNT - 1));
}

static void check_stack(struct rig *r)
{
    unsigned n = 0;
    for (uint64_t at = rig_peek(r, SHARED, 8); at && n <= NODE_COUNT; at = rig_peek(r, at, 8))
        n++;
    assert_int_equal(n, NODE_COUNT);
}

/* Pops into Xd, 0 when there is none. */
static void pop(struct code *c, unsigned d)
{
    unsigned again = here(c);
    I(c, LDAXR, 1, 1, d);
    unsigned empty = I(c, CBZ, 1, 0, d);
    I(c, LDR_i, 1, 0, d, 2);
    I(c, STXR, 1, 3, 1, 2);
    cbnz(c, 3, again);
    label(c, empty);
    /* Nobody else has it. */
    unsigned none = I(c, CBZ, 1, 0, d);
    I(c, ADD_i, 1, 0, 8, d, 4);
    I(c, LDADD, 1, 0, 0, 5, 4, 6);
    must_be_equal(c, 6, XZR);
    label(c, none);
}

static void push(struct code *c, unsigned n, bool exclusive)
{
    unsigned none = I(c, CBZ, 1, 0, n);
    I(c, ADD_i, 1, 0, 8, n, 4);
    I(c, STR_i, 1, 0, 4, XZR);
    unsigned again = here(c);
    if (exclusive)
        I(c, LDXR, 1, 1, 2);
    else
        I(c, LDR_i, 1, 0, 1, 2);
    I(c, STR_i, 1, 0, n, 2);
    if (exclusive) {
        I(c, STLXR, 1, 3, 1, n);
        cbnz(c, 3, again);
    } else {
        mov(c, 3, 2);
        I(c, CAS, 1, 0, 3, 1, 1, n);
        I(c, SUBS_s, 1, 0, 2, 0, 3, XZR);
        b_cond(c, COND_NE, again);
    }
    label(c, none);
}

static void test_exclusives_notice_a_value_that_came_back(void **state)
{
    (void)state;
    struct code c = {0};
    li(&c, 1, SHARED);
    li(&c, 5, 1);
    unsigned loop = loop_begin(&c, 20000);
    pop(&c, 10);
    pop(&c, 11);
    push(&c, 10, true);
    push(&c, 11, false);
    loop_end(&c, loop);
    good_end(&c);
    in_every_way(CPUS, &c, prepare_stack, check_stack);
}

/* Between one vCPU's load-exclusive and its store-exclusive another does `between` to the location:
 * X1 = its address, X10 = X12 = what it holds, X11 = one more, X13 = 1, XZR and X15 = 0. */
typedef void between_fn(struct code *c);

static void do_nothing(struct code *c)
{
    (void)c;
}

static void do_failing_cas(struct code *c)
{
    I(c, CAS, 1, 0, 11, 0, 1, 13);
    I(c, CASP, 1, 0, 14, 0, 1, 12); /* expects 0 in the first half */
}

static void do_exclusives(struct code *c)
{
    for (unsigned value = 11;; value--) {
        unsigned again = here(c);
        I(c, LDXR, 1, 1, 16);
        I(c, STXR, 1, 17, 1, value);
        cbnz(c, 17, again);
        if (value == 10)
            return;
    }
}

static void do_exclusive_pairs(struct code *c)
{
    for (unsigned value = 11;; value--) {
        unsigned again = here(c);
        I(c, LDXP, 1, 17, 1, 16);
        I(c, STXP, 1, 18, XZR, 1, value);
        cbnz(c, 18, again);
        if (value == 10)
            return;
    }
}

static void do_add(struct code *c)
{
    I(c, LDADD, 1, 0, 0, 13, 1, 16);
    I(c, SUB_s, 1, 0, 13, 0, XZR, 14);
    I(c, LDADD, 1, 0, 0, 14, 1, 16);
}

static void do_set_and_clear(struct code *c)
{
    I(c, LDSET, 0, 0, 0, 13, 1, 16);
    I(c, LDCLR, 0, 0, 0, 13, 1, 16);
}

static void do_swap(struct code *c)
{
    I(c, SWP, 1, 0, 0, 11, 1, 16);
    I(c, SWP, 1, 0, 0, 10, 1, 16);
}

static void do_cas(struct code *c)
{
    I(c, CAS, 1, 0, 10, 0, 1, 11);
    I(c, CAS, 1, 0, 11, 0, 1, 12);
}

static void do_casp(struct code *c)
{
    mov(c, 20, 10);
    li(c, 21, 0);
    mov(c, 22, 11);
    li(c, 23, 0);
    I(c, CASP, 1, 0, 20, 0, 1, 22);
    I(c, CASP, 1, 0, 22, 0, 1, 20);
}

#define EVEN 4 /* so that LDSET and LDCLR of bit 0 put it back */

static void prepare_even(struct rig *r)
{
    rig_poke(r, SHARED, 8, EVEN);
}

static void flag_wait(struct code *c, unsigned address)
{
    unsigned again = here(c);
    I(c, LDAR, 1, address, 9);
    unsigned set = I(c, CBNZ, 1, 0, 9);
    b(c, again);
    label(c, set);
}

/* The store-exclusive must fail, or must not. */
static void between(between_fn *fn, bool pair, bool fails)
{
    struct code c = {0};
    li(&c, 1, SHARED);
    li(&c, 2, SHARED + 64);
    li(&c, 3, SHARED + 128);
    li(&c, 13, 1);
    li(&c, 15, 0);
    li(&c, 14, 0);
    unsigned other = I(&c, CBNZ, 1, 0, 0);
    if (pair)
        I(&c, LDXP, 1, 5, 1, 4);
    else
        I(&c, LDXR, 1, 1, 4);
    I(&c, STLR, 1, 2, 13);
    flag_wait(&c, 3);
    if (pair)
        I(&c, STXP, 1, 6, 5, 1, 4);
    else
        I(&c, STXR, 1, 6, 1, 4);
    li(&c, 7, fails);
    must_be_equal(&c, 6, 7);
    good_end(&c);
    label(&c, other);
    li(&c, 10, EVEN);
    li(&c, 11, EVEN + 1);
    mov(&c, 12, 10);
    flag_wait(&c, 2);
    fn(&c);
    I(&c, STLR, 1, 3, 13);
    good_end(&c);
    in_every_way(2, &c, prepare_even, NULL);
}

static void test_exclusives_notice_each_atomic_write(void **state)
{
    (void)state;
    static between_fn *const writes[] = {do_exclusives, do_exclusive_pairs, do_add,
                                         do_set_and_clear, do_swap, do_cas, do_casp};
    for (unsigned n = 0; n < ARRAY_LEN(writes); n++) {
        between(writes[n], false, true);
        between(writes[n], true, true);
    }
}

/* It could be otherwise, but loops of compare and swap would never let an exclusive through. */
static void test_exclusives_ignore_what_wrote_nothing(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 2; pair++) {
        between(do_nothing, pair, false);
        between(do_failing_cas, pair, false);
    }
}

/* One writes the same number into both halves of 16 bytes, of 8 that are not aligned, the others
 * never see them differ. */
static void test_pairs_and_unaligned_doublewords_are_single_copy_atomic(void **state)
{
    (void)state;
    struct code c = {0};
    li(&c, 1, SHARED);
    unsigned reader = I(&c, CBNZ, 1, 0, 0);
    unsigned loop = loop_begin(&c, 60000);
    I(&c, STP_off, 1, 0, 9, 1, 9);
    I(&c, ORR_s, 1, 0, 9, 32, 9, 2); /* X2 = X9 in both halves */
    I(&c, STUR, 1, 36, 1, 2);
    loop_end(&c, loop);
    good_end(&c);
    label(&c, reader);
    loop = loop_begin(&c, 60000);
    I(&c, LDP_off, 1, 0, 3, 1, 2);
    must_be_equal(&c, 2, 3);
    I(&c, LDUR, 1, 36, 1, 2);
    I(&c, UBFM, 1, 1, 32, 63, 2, 3);
    I(&c, UBFM, 1, 1, 0, 31, 2, 2);
    must_be_equal(&c, 2, 3);
    loop_end(&c, loop);
    good_end(&c);
    in_every_way(2, &c, NULL, NULL);
}

/* ---- Broadcast maintenance ---- */

static unsigned changes_begin(struct code *c)
{
    mov(c, 9, 20);
    return here(c);
}

static void tell_generation(struct code *c)
{
    li(c, 7, GENERATION);
    I(c, STLR, 1, 7, 8);
}

static void see_generation(struct code *c)
{
    li(c, 7, GENERATION);
    I(c, LDAR, 1, 7, 8);
}

static void prepare_window(struct rig *r)
{
    rig_map(r, 0, PAGES | PTE_PAGE);
}

/* The mapping of a page changes; after the DSB nobody sees the old page any more. */
static void test_tlbi_is_complete_on_every_vcpu_at_the_dsb(void **state)
{
    (void)state;
    struct code c = {0};
    li(&c, 1, RIG_WINDOW);
    unsigned reader = I(&c, CBNZ, 1, 0, 0);
    li(&c, 2, PAGES);
    li(&c, 3, RIG_L3_WINDOW);
    li(&c, 8, 0);
    unsigned loop = changes_begin(&c);
    I(&c, ADD_i, 1, 0, 1, 8, 8);
    I(&c, UBFM, 1, 1, 0, 0, 8, 4);   /* parity */
    I(&c, ADD_s, 1, 0, 4, 12, 2, 4); /* the page: X2 + parity * 4096 */
    I(&c, STR_i, 1, 0, 4, 8);
    li(&c, 5, PTE_PAGE);
    I(&c, ORR_s, 1, 0, 5, 0, 4, 5);
    I(&c, STR_i, 1, 0, 3, 5);
    I(&c, DSB, ISHST);
    I(&c, UBFM, 1, 1, 12, 55, 1, 6);
    emit(&c, word_sys(SYS_TLBI_VAE1IS, 6));
    I(&c, DSB, ISH);
    tell_generation(&c);
    loop_end(&c, loop);
    good_end(&c);

    label(&c, reader);
    loop = here(&c);
    I(&c, YIELD);
    li(&c, 11, 0);
    li(&c, 7, GENERATION);
    for (unsigned i = 0; i < 50; i++) { /* without a branch: between two polls */
        I(&c, LDAR, 1, 7, 8);
        I(&c, LDR_i, 1, 0, 1, 2);
        I(&c, SUBS_s, 1, 0, 8, 0, 2, 3); /* negative: an old page */
        I(&c, ORR_s, 1, 0, 3, 0, 11, 11);
    }
    I(&c, UBFM, 1, 1, 63, 63, 11, 11);
    must_be_equal(&c, 11, XZR);
    I(&c, SUBS_s, 1, 0, 20, 0, 8, XZR);
    b_cond(&c, COND_NE, loop);
    good_end(&c);
    in_every_way(CPUS, &c, prepare_window, NULL);
}

static void prepare_function(struct rig *r)
{
    rig_poke(r, FUNCTION, 4, a64_encode_MOVZ(1, 0, 0, 2));
    rig_poke(r, FUNCTION + 4, 4, a64_encode_RET(LR));
}

/* One changes a function that the others call; after IC and DSB they execute the new one. */
static void code_changes(unsigned key, bool by_line)
{
    struct code c = {0};
    li(&c, 1, FUNCTION);
    unsigned caller = I(&c, CBNZ, 1, 0, 0);
    li(&c, 2, a64_encode_MOVZ(1, 0, 0, 2));
    li(&c, 8, 0);
    unsigned loop = changes_begin(&c);
    I(&c, ADD_i, 1, 0, 1, 8, 8);
    I(&c, ADD_s, 1, 0, 8, 5, 2, 3);
    I(&c, STR_i, 0, 0, 1, 3);
    I(&c, DSB, ISH);
    emit(&c, word_sys(key, by_line ? 1 : XZR));
    I(&c, DSB, ISH);
    tell_generation(&c);
    loop_end(&c, loop);
    good_end(&c);

    label(&c, caller);
    loop = here(&c);
    I(&c, YIELD);
    see_generation(&c);
    I(&c, ISB, 15);
    I(&c, BLR, 1);
    must_not_be_below(&c, 2, 8);
    I(&c, SUBS_s, 1, 0, 20, 0, 8, XZR);
    b_cond(&c, COND_NE, loop);
    good_end(&c);
    in_every_way(CPUS, &c, prepare_function, NULL);
}

static void test_ic_ivau_reaches_every_vcpu(void **state)
{
    (void)state;
    code_changes(SYS_IC_IVAU, true);
}

static void test_ic_ialluis_reaches_every_vcpu(void **state)
{
    (void)state;
    code_changes(SYS_IC_IALLUIS, false);
}

/* All send at once and wait for each other. */
static void test_vcpus_that_wait_for_each_other_do_not_hang(void **state)
{
    (void)state;
    struct code c = {0};
    li(&c, 1, RIG_WINDOW >> 12);
    unsigned loop = loop_begin(&c, 500);
    for (unsigned i = 0; i < 20; i++) { /* more than a mailbox holds */
        emit(&c, word_sys(SYS_TLBI_VAE1IS, 1));
        I(&c, ADD_i, 1, 0, 1, 1, 1);
    }
    I(&c, DSB, ISH);
    loop_end(&c, loop);
    good_end(&c);
    in_every_way(CPUS, &c, NULL, NULL);
}

/* A vCPU that sleeps or is inside a device is not waited for. */
static atomic_uint in_device;
static pthread_mutex_t device_gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_in_device(struct rig *r, const struct rig_access *a)
{
    (void)r;
    (void)a;
    atomic_store(&in_device, 1);
    pthread_mutex_lock(&device_gate);
    pthread_mutex_unlock(&device_gate);
}

static void test_a_dsb_does_not_wait_for_who_sleeps_or_is_in_a_device(void **state)
{
    (void)state;
    struct code c = {0};
    li(&c, 1, RIG_DEVICE);
    li(&c, 2, SHARED);
    unsigned sender = I(&c, CBZ, 1, 0, 0);
    I(&c, SUBS_i, 1, 0, 1, 0, XZR);
    unsigned sleeper = I(&c, B_cond, 0, COND_NE);
    I(&c, LDR_i, 0, 0, 1, 3); /* vCPU 1 */
    good_end(&c);
    label(&c, sleeper); /* vCPU 2 */
    unsigned wfi = I(&c, WFI);
    I(&c, LDAR, 1, 2, 4);
    cbz(&c, 4, wfi);
    good_end(&c);
    label(&c, sender);
    unsigned loop = loop_begin(&c, 100);
    emit(&c, word_sys(SYS_TLBI_VAE1IS, XZR));
    I(&c, DSB, ISH);
    loop_end(&c, loop);
    li(&c, 4, 1);
    I(&c, STLR, 1, 2, 4);
    good_end(&c);

    struct smp *s = smp_create(3, HOST_SEED, &c);
    atomic_store(&in_device, 0);
    s->r->device.on_access = wait_in_device;
    pthread_mutex_lock(&device_gate);
    s->r->vm.vcpus[0]->powered = false; /* comes when the others are where they should be */
    smp_start(s);
    while (!atomic_load(&in_device) || !atomic_load(&s->r->vm.vcpus[2]->sleeping))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    s->r->vm.vcpus[0]->powered = true;
    vcpu_request(s->r->vm.vcpus[0], VCPU_REQ_EVENT);
    while (!rig_peek(s->r, SHARED, 8)) /* the sender is through */
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    pthread_mutex_unlock(&device_gate);
    vcpu_request(s->r->vm.vcpus[2], VCPU_REQ_EVENT);
    assert_int_equal(vm_wait(&s->r->vm), VM_EVENT_POWEROFF);
    vm_stop(&s->r->vm);
    smp_destroy(s);
}

/* ---- Events ---- */

/* vCPUs hand a number around; each waits in WFE for its turn. The one that has been waited for
 * sends the event, or its store clears the monitor of who waits. */
static void hand_around(bool monitor, bool sev)
{
    struct code c = {0};
    li(&c, 1, SHARED);
    li(&c, 4, CPUS);
    unsigned loop = loop_begin(&c, 100), wait = here(&c);
    if (monitor)
        I(&c, LDAXR, 1, 1, 2);
    else
        I(&c, LDAR, 1, 1, 2);
    I(&c, UBFM, 1, 1, 0, 1, 2, 3); /* modulo CPUS */
    I(&c, SUBS_s, 1, 0, 0, 0, 3, XZR);
    unsigned mine = I(&c, B_cond, 0, COND_EQ);
    I(&c, WFE);
    b(&c, wait);
    label(&c, mine);
    I(&c, ADD_i, 1, 0, 1, 2, 2);
    I(&c, STLR, 1, 1, 2);
    if (sev) {
        I(&c, DSB, ISHST);
        I(&c, SEV);
    }
    loop_end(&c, loop);
    good_end(&c);
    in_every_way(CPUS, &c, NULL, NULL);
}
_Static_assert(CPUS == 4, "two bits of the number");

static void test_sev_wakes_the_others(void **state)
{
    (void)state;
    hand_around(false, true);
}

static void test_a_store_that_clears_a_monitor_wakes(void **state)
{
    (void)state;
    hand_around(true, false);
}

/* ---- Stopping, saving ---- */

/* Counts in its own word and in a shared one, for ever or until both are what they should be. */
static struct code counting_program(unsigned n)
{
    struct code c = {0};
    li(&c, 1, SHARED);
    li(&c, 4, 1);
    unsigned loop = loop_begin(&c, n);
    I(&c, LDADD, 1, 0, 0, 4, 1, 2);
    unsigned again = here(&c);
    I(&c, LDXR, 1, 1, 2);
    I(&c, ADD_i, 1, 0, 1, 2, 2);
    I(&c, STXR, 1, 3, 1, 2);
    cbnz(&c, 3, again);
    loop_end(&c, loop);
    good_end(&c);
    return c;
}

static void test_stop_and_start_lose_nothing(void **state)
{
    (void)state;
    static struct code c;
    c = counting_program(30000);
    for (unsigned n = 0; n < 2; n++) {
        struct smp *s = smp_create(CPUS, n ? n : HOST_SEED, &c);
        struct vm *vm = &s->r->vm;
        for (unsigned i = 0; i < 30 && atomic_load(&s->ended) < CPUS; i++) {
            smp_start(s);
            nanosleep(&(struct timespec){0, 100000 * (long)(i % 4)}, NULL);
            vm_stop(vm);
            for (unsigned k = 0; k < CPUS; k++)
                assert_false(vm->vcpus[k]->started);
        }
        smp_run(s);
        assert_int_equal(rig_peek(s->r, SHARED, 8), 2u * 30000 * CPUS);
        smp_destroy(s);
    }
}

static void copy_ram(struct rig *to, const struct rig *from)
{
    memcpy(to->vm.mem.ram, from->vm.mem.ram, from->vm.mem.ram_bytes);
}

static void test_a_saved_machine_goes_on_in_another(void **state)
{
    (void)state;
    static struct code c;
    c = counting_program(20000);
    for (unsigned n = 0; n < 2; n++) {
        struct smp *a = smp_create(CPUS, n ? n : HOST_SEED, &c);
        smp_start(a);
        nanosleep(&(struct timespec){0, 2000000}, NULL);
        vm_stop(&a->r->vm);
        struct smp *z = smp_create(CPUS, n ? n : HOST_SEED, &c);
        struct buf b = {0};
        struct err e = {0};
        if (a->r->vm.event == VM_EVENT_NONE) { /* else it was too quick */
            assert_int_equal(vm_save(&a->r->vm, &b, &e), 0);
            copy_ram(z->r, a->r);
            atomic_store(&z->ended, atomic_load(&a->ended));
            if (vm_load(&z->r->vm, b.data, b.len, &e))
                fail_msg("%s", e.text);
            smp_run(z);
            assert_int_equal(rig_peek(z->r, SHARED, 8), 2u * 20000 * CPUS);
        }
        buf_fini(&b);
        smp_destroy(a);
        smp_destroy(z);
    }
}

static void test_load_refuses_impossible_power(void **state)
{
    (void)state;
    static struct code c;
    c = counting_program(1);
    struct smp *s = smp_create(2, HOST_SEED, &c);
    struct vcpu *v = s->r->vm.vcpus[1];
    struct err e = {0};
    v->on_pending = true; /* and powered */
    assert_int_equal(vcpu_loaded(v, &e), -EINVAL);
    v->powered = false;
    assert_int_equal(vcpu_loaded(v, &e), 0);
    assert_true(atomic_load(&v->cpu.request) & VCPU_REQ_POWER);
    v->on_pending = false;
    v->wait = VCPU_WAIT_WFI;
    assert_int_equal(vcpu_loaded(v, &e), -EINVAL);
    smp_destroy(s);
}

/* ---- Turns ---- */

static uint64_t hash_after(uint64_t seed, const struct code *c, uint64_t stop_at)
{
    struct smp *s = smp_create(CPUS, seed, c);
    struct vm *vm = &s->r->vm;
    uint64_t hash;
    struct err e = {0};
    clock_start(&vm->clock);
    turns_run_until(vm, stop_at);
    clock_stop(&vm->clock);
    assert_int_equal(turns_executed(vm), stop_at);
    assert_int_equal(vm_hash_state(vm, &hash, &e), 0);
    hash ^= vm_hash_ram(vm);
    smp_destroy(s);
    return hash;
}

static void test_turns_are_a_function_of_the_seed(void **state)
{
    (void)state;
    static struct code c;
    c = counting_program(20000);
    uint64_t a = hash_after(7, &c, 100000);
    assert_true(a == hash_after(7, &c, 100000));
    assert_true(a != hash_after(8, &c, 100000));
}

/* Every vCPU gets about its share. */
static void test_turns_are_fair(void **state)
{
    (void)state;
    struct code c = {0};
    b(&c, 0);
    struct smp *s = smp_create(CPUS, 3, &c);
    struct vm *vm = &s->r->vm;
    clock_start(&vm->clock);
    turns_run_until(vm, 400000);
    clock_stop(&vm->clock);
    for (unsigned i = 0; i < CPUS; i++)
        assert_in_range(vm->vcpus[i]->cpu.instret, 60000, 140000);
    assert_int_equal(clock_now(&vm->clock), 400000);
    smp_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exclusive_increments_are_not_lost),
        cmocka_unit_test(test_atomics_of_different_sizes_respect_each_other),
        cmocka_unit_test(test_exclusives_notice_a_value_that_came_back),
        cmocka_unit_test(test_exclusives_notice_each_atomic_write),
        cmocka_unit_test(test_exclusives_ignore_what_wrote_nothing),
        cmocka_unit_test(test_pairs_and_unaligned_doublewords_are_single_copy_atomic),
        cmocka_unit_test(test_tlbi_is_complete_on_every_vcpu_at_the_dsb),
        cmocka_unit_test(test_ic_ivau_reaches_every_vcpu),
        cmocka_unit_test(test_ic_ialluis_reaches_every_vcpu),
        cmocka_unit_test(test_vcpus_that_wait_for_each_other_do_not_hang),
        cmocka_unit_test(test_a_dsb_does_not_wait_for_who_sleeps_or_is_in_a_device),
        cmocka_unit_test(test_sev_wakes_the_others),
        cmocka_unit_test(test_a_store_that_clears_a_monitor_wakes),
        cmocka_unit_test(test_stop_and_start_lose_nothing),
        cmocka_unit_test(test_a_saved_machine_goes_on_in_another),
        cmocka_unit_test(test_load_refuses_impossible_power),
        cmocka_unit_test(test_turns_are_a_function_of_the_seed),
        cmocka_unit_test(test_turns_are_fair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
