/* Whole machines with several vCPUs: PSCI brings them up and takes them down, SGIs by affinity
 * cross clusters, every way to an end leaves no thread behind. */
#include "machine_test.h"

#include "dev/psci.h"

#include <dirent.h>
#include <time.h>

#define CPUS 18u /* two clusters */
#define ROUNDS 40u
#define SGI 1u
#define READY (MACHINE_DATA)
#define COUNTS (MACHINE_DATA + 0x100) /* a doubleword for each vCPU */
#define FAILURES (MACHINE_DATA + 0x1000)
#define DONE 0xd0e5u

/* Registers that keep their meaning. */
enum { R_INDEX = 19, R_CPUS = 20, R_LEFT = 22, R_ONE = 23, R_ENTRY = 24 };

static unsigned threads_now(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* ---- Programs ---- */

/* HVC with the function in X0; what it returns is added to FAILURES if it is not what it should be
 * (in Xgood). */
static void psci_expect(struct code *c, uint32_t function, unsigned good)
{
    li(c, 0, function);
    I(c, HVC, 0);
    I(c, SUBS_s, 1, 0, good, 0, 0, XZR);
    unsigned fine = I(c, B_cond, 0, COND_EQ);
    li(c, 4, FAILURES);
    I(c, LDADD, 1, 0, 0, R_ONE, 4, 5);
    label(c, fine);
}

static void power_off(struct code *c)
{
    li(c, 0, PSCI_SYSTEM_OFF);
    I(c, HVC, 0);
}

/* X1 = affinity of the vCPU in Xn. */
static void affinity_of(struct code *c, unsigned n)
{
    I(c, UBFM, 1, 1, 4, 63, n, 2);
    I(c, UBFM, 1, 1, 0, 3, n, 1);
    I(c, ADD_s, 1, 0, 2, 8, 1, 1);
}

/* The first vCPU's start: constants, and XR_ENTRY = where the others begin, `*at` instructions from
 * the program's start, which label_entry() fills in. */
static unsigned begin(struct code *c)
{
    li(c, R_ONE, 1);
    li(c, R_CPUS, CPUS);
    li(c, R_ENTRY, MACHINE_ENTRY);
    return I(c, ADD_i, 1, 0, 0, R_ENTRY, R_ENTRY);
}

static void label_entry(struct code *c, unsigned at)
{
    assert_true(c->n * 4 < 4096);
    c->w[at] |= c->n * 4 << 10;
}

/* CPU_ON for vCPUs 1 and up; X0 of each is its number. */
static void bring_up_all(struct code *c)
{
    li(c, R_INDEX, 1);
    unsigned loop = here(c);
    affinity_of(c, R_INDEX);
    mov(c, 2, R_ENTRY);
    mov(c, 3, R_INDEX);
    psci_expect(c, PSCI_CPU_ON | SMCCC_64, XZR);
    I(c, ADD_i, 1, 0, 1, R_INDEX, R_INDEX);
    I(c, SUBS_s, 1, 0, R_CPUS, 0, R_INDEX, XZR);
    b_cond(c, COND_NE, loop);
    li(c, 0, 0);
}

/* Of the vCPU in XR_INDEX. */
static void wake_redistributor(struct code *c)
{
    li(c, 1, VIRT_GICR_BASE);
    I(c, ADD_s, 1, 0, R_INDEX, 17, 1, 1);
    I(c, STR_i, 0, 0x14 / 4, 1, XZR); /* GICR_WAKER */
    I(c, ADD_i, 1, 1, 0x10, 1, 1);    /* SGI_base */
    li(c, 2, UINT32_MAX);
    I(c, STR_i, 0, 0x80 / 4, 1, 2); /* IGROUPR0 */
    li(c, 2, 1u << SGI);
    I(c, STR_i, 0, 0x100 / 4, 1, 2); /* ISENABLER0 */
    set_sysreg(c, A64_ICC_PMR_EL1, 2, 0xf0);
    set_sysreg(c, A64_ICC_IGRPEN1_EL1, 2, 1);
}

static void send_to_next(struct code *c)
{
    I(c, ADD_i, 1, 0, 1, R_INDEX, 1);
    I(c, SUBS_s, 1, 0, R_CPUS, 0, 1, XZR);
    I(c, CSEL, 1, XZR, COND_NE, 1, 1);
    I(c, UBFM, 1, 1, 4, 63, 1, 2); /* Aff1 */
    I(c, UBFM, 1, 1, 0, 3, 1, 1);
    I(c, LSLV, 1, 1, R_ONE, 3); /* target list */
    I(c, ADD_s, 1, 0, 2, 16, 3, 3);
    li(c, 2, SGI << 24);
    I(c, ADD_s, 1, 0, 2, 0, 3, 3);
    I(c, DSB, 10);
    emit(c, word_msr(A64_ICC_SGI1R_EL1, 3));
}

/* An SGI goes around; each vCPU waits for it in WFI and counts it. */
static struct code ring_program(void)
{
    struct code c = {0};
    unsigned entry = begin(&c);
    poke(&c, 0, VIRT_GICD_BASE, 0x12); /* ARE, EnableGrp1 */
    bring_up_all(&c);
    label_entry(&c, entry);
    mov(&c, R_INDEX, 0);
    li(&c, R_ONE, 1);
    li(&c, R_CPUS, CPUS);
    li(&c, R_LEFT, ROUNDS);
    wake_redistributor(&c);
    li(&c, 1, READY);
    I(&c, LDADD, 1, 0, 1, R_ONE, 1, 2);
    unsigned others = I(&c, CBNZ, 1, 0, R_INDEX);
    unsigned all = here(&c);
    I(&c, YIELD);
    I(&c, LDAR, 1, 1, 2);
    I(&c, SUBS_s, 1, 0, R_CPUS, 0, 2, XZR);
    b_cond(&c, COND_NE, all);
    send_to_next(&c);
    label(&c, others);

    unsigned wait = here(&c);
    I(&c, WFI);
    emit(&c, word_mrs(A64_ICC_IAR1_EL1, 7));
    I(&c, SUBS_i, 1, 0, SGI, 7, XZR);
    b_cond(&c, COND_NE, wait);
    emit(&c, word_msr(A64_ICC_EOIR1_EL1, 7));
    li(&c, 1, COUNTS);
    I(&c, ADD_s, 1, 0, R_INDEX, 3, 1, 1);
    I(&c, LDR_i, 1, 0, 1, 2);
    I(&c, ADD_i, 1, 0, 1, 2, 2);
    I(&c, STR_i, 1, 0, 1, 2);
    unsigned go_on = I(&c, CBNZ, 1, 0, R_INDEX);
    I(&c, SUB_i, 1, 0, 1, R_LEFT, R_LEFT);
    unsigned not_yet = I(&c, CBNZ, 1, 0, R_LEFT);
    power_off(&c);
    label(&c, go_on);
    label(&c, not_yet);
    send_to_next(&c);
    b(&c, wait);
    return c;
}

/* vCPU 0 turns vCPU 17 on again and again; that tells its context and turns itself off. */
static struct code plug_program(void)
{
    struct code c = {0};
    unsigned entry = begin(&c);
    li(&c, R_LEFT, ROUNDS);
    unsigned loop = here(&c);
    li(&c, 1, 0x101);
    mov(&c, 2, R_ENTRY);
    mov(&c, 3, R_LEFT);
    psci_expect(&c, PSCI_CPU_ON | SMCCC_64, XZR);
    unsigned wait = here(&c);
    I(&c, YIELD);
    li(&c, 1, 0x101);
    li(&c, 2, 0);
    li(&c, 0, PSCI_AFFINITY_INFO);
    I(&c, HVC, 0);
    I(&c, SUBS_i, 1, 0, 1, 0, XZR); /* OFF */
    b_cond(&c, COND_NE, wait);
    li(&c, 1, READY);
    I(&c, LDR_i, 1, 0, 1, 2);
    I(&c, SUBS_s, 1, 0, R_LEFT, 0, 2, XZR);
    unsigned fine = I(&c, B_cond, 0, COND_EQ);
    li(&c, 4, FAILURES);
    I(&c, LDADD, 1, 0, 0, R_ONE, 4, 5);
    label(&c, fine);
    I(&c, SUB_i, 1, 0, 1, R_LEFT, R_LEFT);
    cbnz(&c, R_LEFT, loop);
    li(&c, 1, DONE);
    li(&c, 2, READY);
    I(&c, STR_i, 1, 0, 2, 1);
    power_off(&c);

    label_entry(&c, entry);
    li(&c, 1, READY);
    I(&c, STR_i, 1, 0, 1, 0);
    li(&c, 0, PSCI_CPU_OFF);
    I(&c, HVC, 0);
    return c;
}

/* All are busy for ever; vCPU 0 asks for `function` when all are. */
static struct code busy_program(uint32_t function)
{
    struct code c = {0};
    unsigned entry = begin(&c);
    bring_up_all(&c);
    li(&c, 1, READY);
    unsigned all = here(&c);
    I(&c, YIELD);
    I(&c, LDAR, 1, 1, 2);
    I(&c, ADD_i, 1, 0, 1, 2, 2);
    I(&c, SUBS_s, 1, 0, R_CPUS, 0, 2, XZR);
    b_cond(&c, COND_NE, all);
    if (function) {
        li(&c, 0, function);
        I(&c, HVC, 0);
    }
    unsigned self = here(&c);
    I(&c, YIELD);
    b(&c, self);
    label_entry(&c, entry);
    li(&c, R_ONE, 1);
    li(&c, 1, READY);
    I(&c, LDADD, 1, 0, 1, R_ONE, 1, 2);
    self = here(&c);
    I(&c, YIELD);
    b(&c, self);
    return c;
}

/* ---- Tests ---- */

static struct board *smp_create(const struct code *c, enum clock_source clock, uint64_t seed)
{
    struct board *m = board_new(c, clock);
    m->cfg.cpus = CPUS;
    m->cfg.engine = &interp_engine;
    m->cfg.clock_seed = seed;
    board_build(m);
    return m;
}

static void test_sgis_go_around_all_clusters(void **state)
{
    (void)state;
    static struct code c;
    c = ring_program();
    for (unsigned n = 0; n < 3; n++) {
        struct board *m = smp_create(&c, n ? CLOCK_COUNTED : CLOCK_HOST, n);
        assert_int_equal(board_run(m, UINT64_MAX), VM_EVENT_POWEROFF);
        for (unsigned i = 0; i < CPUS; i++)
            assert_int_equal(board_peek(m, COUNTS + 8 * i, 8), ROUNDS);
        assert_int_equal(board_peek(m, FAILURES, 8), 0);
        board_destroy(m);
    }
}

static void test_a_vcpu_is_plugged_again_and_again(void **state)
{
    (void)state;
    static struct code c;
    c = plug_program();
    for (unsigned n = 0; n < 3; n++) {
        struct board *m = smp_create(&c, n ? CLOCK_COUNTED : CLOCK_HOST, n);
        assert_int_equal(board_run(m, UINT64_MAX), VM_EVENT_POWEROFF);
        assert_int_equal(board_peek(m, READY, 8), DONE);
        assert_int_equal(board_peek(m, FAILURES, 8), 0);
        board_destroy(m);
    }
}

/* What has no power takes no interrupts, and comes back with its CPU interface reset. */
static void test_power_off_closes_the_cpu_interface(void **state)
{
    (void)state;
    static struct code c;
    c = busy_program(0);
    struct board *m = smp_create(&c, CLOCK_COUNTED, 0);
    struct vcpu *v = m->virt.vm.vcpus[1];
    struct intc *ic = m->virt.vm.intc;
    const enum a64_sysreg regs[] = {A64_ICC_PMR_EL1, A64_ICC_IGRPEN1_EL1};
    for (unsigned n = 0; n < 2; n++) {
        uint64_t value;
        v->powered = true;
        ic->ops->sysreg_write(ic, 1, A64_ICC_PMR_EL1, 0xf0);
        ic->ops->sysreg_write(ic, 1, A64_ICC_IGRPEN1_EL1, 1);
        if (n) {
            v->powered = false;
            assert_int_equal(vcpu_power_on(v, MACHINE_ENTRY, 5), VCPU_OFF);
            vcpu_power_take(v);
        } else {
            vcpu_power_off(v);
        }
        assert_int_equal(vcpu_power(v), n ? VCPU_ON : VCPU_OFF);
        for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
            assert_true(ic->ops->sysreg_read(ic, 1, regs[i], &value));
            assert_int_equal(value, 0);
        }
    }
    board_destroy(m);
}

static void test_the_end_leaves_no_thread(void **state)
{
    (void)state;
    static struct code c;
    const struct { uint32_t function; enum vm_event event; } end[] = {
        {PSCI_SYSTEM_OFF, VM_EVENT_POWEROFF}, {PSCI_SYSTEM_RESET, VM_EVENT_RESET},
        {0, VM_EVENT_QUIT}};
    unsigned before = threads_now();
    for (unsigned n = 0; n < 2 * ARRAY_LEN(end); n++) {
        c = busy_program(end[n / 2].function);
        struct board *m = smp_create(&c, n % 2 ? CLOCK_COUNTED : CLOCK_HOST, n);
        struct err e = {0};
        for (unsigned k = 0; k < 2; k++) { /* a reset is followed by another start */
            assert_int_equal(vm_start(&m->virt.vm, &e), 0);
            if (!end[n / 2].function) {
                nanosleep(&(struct timespec){0, 3000000}, NULL);
                vm_post(&m->virt.vm, VM_EVENT_QUIT, 0);
            }
            assert_int_equal(vm_wait(&m->virt.vm), end[n / 2].event);
            vm_stop(&m->virt.vm);
            assert_int_equal(virt_reset(&m->virt, &e), 0);
            for (unsigned i = 0; i < CPUS; i++)
                assert_int_equal(vcpu_power(m->virt.vm.vcpus[i]), i ? VCPU_OFF : VCPU_ON);
        }
        board_destroy(m);
    }
    assert_int_equal(threads_now(), before);
}

static void test_as_many_vcpus_as_the_map_allows(void **state)
{
    (void)state;
    static struct code c;
    c = (struct code){0};
    power_off(&c);
    struct board *m = board_new(&c, CLOCK_HOST);
    m->cfg.cpus = VM_MAX_CPUS;
    m->cfg.engine = &interp_engine;
    board_build(m);
    assert_int_equal(board_run(m, UINT64_MAX), VM_EVENT_POWEROFF);
    board_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgis_go_around_all_clusters),
        cmocka_unit_test(test_a_vcpu_is_plugged_again_and_again),
        cmocka_unit_test(test_power_off_closes_the_cpu_interface),
        cmocka_unit_test(test_the_end_leaves_no_thread),
        cmocka_unit_test(test_as_many_vcpus_as_the_map_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
