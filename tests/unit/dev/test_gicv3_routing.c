/* dev/gicv3*.c against IHI 0069: SGIs, routing, state, creation. */
#include "gic_test.h"

/* ---- SGIs ---- */

static uint64_t sgi(unsigned intid, unsigned targets, unsigned aff1, unsigned aff2)
{
    return (uint64_t)aff2 << 32 | intid << 24 | aff1 << 16 | targets;
}

static struct bench *bench_sgi(unsigned cpus)
{
    struct bench *b = bench_ready(cpus);
    for (unsigned c = 0; c < cpus; c++)
        r_write(b, c, SGI_BASE + ISENABLER, 0xffff);
    return b;
}

static void test_gic_sgi_to_self(void **s)
{
    (void)s;
    struct bench *b = bench_sgi(1);
    icc_write(b, 0, A64_ICC_SGI1R_EL1, sgi(7, 1, 0, 0));
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    assert_int_equal(iar1(b), 7);
    icc_write(b, 0, A64_ICC_SGI1R_EL1, sgi(7, 1, 0, 0)); /* pending again while active */
    assert_int_equal(b->lines[0], 0);
    eoi1(b, 7);
    assert_int_equal(iar1(b), 7);
    eoi1(b, 7);
    assert_int_equal(iar1(b), NONE);
    bench_destroy(b);
}

static unsigned cpus_with_irq(struct bench *b)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < b->g->cpu_count; i++)
        mask |= (b->lines[i] & A64_LINE_IRQ ? 1u : 0) << i;
    return mask;
}

static void test_gic_sgi_target_list_and_clusters(void **s)
{
    (void)s;
    struct bench *b = bench_sgi(20);
    icc_write(b, 3, A64_ICC_SGI1R_EL1, sgi(1, 0x8005, 0, 0));
    assert_int_equal(cpus_with_irq(b), 0x8005);
    bench_destroy(b);

    b = bench_sgi(20);
    icc_write(b, 3, A64_ICC_SGI1R_EL1, sgi(1, 0xffff, 1, 0)); /* only four PEs are there */
    assert_int_equal(cpus_with_irq(b), 0xf0000);
    bench_destroy(b);

    b = bench_sgi(20);
    icc_write(b, 3, A64_ICC_SGI1R_EL1, sgi(1, 0xffff, 2, 0)); /* no such clusters */
    icc_write(b, 3, A64_ICC_SGI1R_EL1, sgi(1, 0xffff, 0xff, 0));
    icc_write(b, 3, A64_ICC_SGI1R_EL1, sgi(1, 0xffff, 0, 1));
    icc_write(b, 3, A64_ICC_SGI1R_EL1, sgi(1, 0xffff, 0, 0) | BIT(48)); /* Aff3 */
    icc_write(b, 3, A64_ICC_SGI1R_EL1, sgi(1, 0xffff, 0, 0) | BIT(44)); /* RS */
    assert_int_equal(cpus_with_irq(b), 0);
    bench_destroy(b);
}

static void test_gic_sgi_to_all_but_self(void **s)
{
    (void)s;
    struct bench *b = bench_sgi(20);
    icc_write(b, 3, A64_ICC_SGI1R_EL1, sgi(15, 0, 0, 0) | BIT(40));
    assert_int_equal(cpus_with_irq(b), 0xffff7);
    assert_int_equal(icc_read(b, 19, A64_ICC_IAR1_EL1), 15);
    bench_destroy(b);
}

static void test_gic_sgi_groups(void **s)
{
    (void)s;
    struct bench *b = bench_sgi(2);
    r_write(b, 1, SGI_BASE + IGROUPR, ~4u); /* SGI 2 of PE 1 is Group 0 */
    icc_write(b, 0, A64_ICC_SGI1R_EL1, sgi(2, 2, 0, 0));
    assert_int_equal(b->lines[1], 0); /* not of this group: not forwarded */
    icc_write(b, 0, A64_ICC_SGI0R_EL1, sgi(2, 2, 0, 0));
    assert_int_equal(b->lines[1], A64_LINE_FIQ);
    assert_int_equal(icc_read(b, 1, A64_ICC_IAR0_EL1), 2);
    icc_write(b, 1, A64_ICC_EOIR0_EL1, 2);
    icc_write(b, 0, A64_ICC_ASGI1R_EL1, sgi(2, 2, 0, 0));
    assert_int_equal(b->lines[1], A64_LINE_FIQ);
    icc_write(b, 0, A64_ICC_SGI0R_EL1, sgi(3, 2, 0, 0)); /* SGI 3 is Group 1 */
    assert_int_equal(r_read(b, 1, SGI_BASE + ISPENDR), 4);
    bench_destroy(b);
}

static void test_gic_sgi_pending_state_by_registers(void **s)
{
    (void)s;
    struct bench *b = bench_sgi(1);
    r_write(b, 0, SGI_BASE + ISPENDR, 1u << 5);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    r_write(b, 0, SGI_BASE + ICPENDR, 1u << 5);
    assert_int_equal(b->lines[0], 0);
    r_write(b, 0, SGI_BASE + ISACTIVER, 1u << 5);
    icc_write(b, 0, A64_ICC_SGI1R_EL1, sgi(5, 1, 0, 0));
    assert_int_equal(b->lines[0], 0);
    r_write(b, 0, SGI_BASE + ICACTIVER, 1u << 5);
    assert_int_equal(iar1(b), 5);
    bench_destroy(b);
}

static void test_gic_sgi_waits_for_a_sleeping_pe(void **s)
{
    (void)s;
    struct bench *b = bench_sgi(2);
    r_write(b, 1, GICR_WAKER, 2);
    icc_write(b, 0, A64_ICC_SGI1R_EL1, sgi(1, 2, 0, 0));
    assert_int_equal(b->lines[1], 0);
    r_write(b, 1, GICR_WAKER, 0);
    assert_int_equal(b->lines[1], A64_LINE_IRQ);
    bench_destroy(b);
}

/* ---- Routing ---- */

static void test_gic_spi_goes_where_it_is_routed(void **s)
{
    (void)s;
    struct bench *b = bench_ready(20);
    spi_set(b, ISENABLER, 40);
    spi_level(b, 40, true);
    assert_int_equal(cpus_with_irq(b), 1);
    d_write_size(b, IROUTER + 8 * 40, 8, 5);
    assert_int_equal(cpus_with_irq(b), 1u << 5);
    d_write_size(b, IROUTER + 8 * 40, 8, 0x102);
    assert_int_equal(cpus_with_irq(b), 1u << 18);
    d_write_size(b, IROUTER + 8 * 40, 8, 0x104); /* nobody */
    assert_int_equal(cpus_with_irq(b), 0);
    d_write_size(b, IROUTER + 8 * 40, 8, 0x10010000);
    d_write_size(b, IROUTER + 8 * 40, 8, 0x10); /* Aff0 is at most 15 */
    assert_int_equal(cpus_with_irq(b), 0);
    spi_level(b, 40, false);
    spi_level(b, 40, true);
    assert_int_equal(cpus_with_irq(b), 0);
    d_write_size(b, IROUTER + 8 * 40, 8, 0);
    assert_int_equal(iar1(b), 40);
    bench_destroy(b);
}

static void test_gic_1_of_n_goes_to_one_that_can_take_it(void **s)
{
    (void)s;
    struct bench *b = bench_ready(3);
    spi_set(b, ISENABLER, 40);
    d_write(b, IROUTER + 8 * 40, 0x80000000);
    spi_level(b, 40, true);
    assert_int_equal(cpus_with_irq(b), 1);
    r_write(b, 0, GICR_WAKER, 2);
    assert_int_equal(cpus_with_irq(b), 2);
    icc_write(b, 1, A64_ICC_IGRPEN1_EL1, 0);
    assert_int_equal(cpus_with_irq(b), 4);
    assert_int_equal(icc_read(b, 2, A64_ICC_IAR1_EL1), 40);
    r_write(b, 0, GICR_WAKER, 0);
    assert_int_equal(cpus_with_irq(b), 0); /* active: nobody else gets it */
    spi_level(b, 40, false);
    icc_write(b, 2, A64_ICC_EOIR1_EL1, 40);
    spi_level(b, 40, true);
    assert_int_equal(cpus_with_irq(b), 1);
    bench_destroy(b);
}

static void test_gic_another_pe_can_deactivate(void **s)
{
    (void)s;
    struct bench *b = bench_ready(2);
    spi_set(b, ISENABLER, 40);
    icc_write(b, 0, A64_ICC_CTLR_EL1, 2);
    icc_write(b, 1, A64_ICC_CTLR_EL1, 2);
    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    eoi1(b, 40);
    icc_write(b, 1, A64_ICC_DIR_EL1, 40);
    assert_int_equal(cpus_with_irq(b), 1); /* again pending where it is routed to */
    bench_destroy(b);
}

/* ---- State ---- */

/* A controller in the middle of things: nested active interrupts of both groups, SGIs pending. */
static struct bench *bench_busy(void)
{
    struct bench *b = bench_sgi(2);
    d_write(b, ISENABLER + 4, 0xffffffff);
    d_write(b, IGROUPR + 4, ~(1u << 9));
    spi_edge(b, 45);
    spi_priority(b, 41, 0x20);
    icc_write(b, 0, A64_ICC_BPR0_EL1, 4);
    icc_write(b, 1, A64_ICC_CTLR_EL1, 3);
    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    spi_level(b, 41, true);
    assert_int_equal(iar0(b), 41);
    spi_level(b, 45, true);
    d_write(b, IROUTER + 8 * 50, 0x80000000);
    spi_level(b, 50, true);
    ppi_level(b, 1, 27, true);
    icc_write(b, 0, A64_ICC_SGI1R_EL1, sgi(9, 3, 0, 0));
    return b;
}

/* A PE that loses its power: its CPU interface is as after reset, its redistributor keeps what it
 * has, 1-of-N interrupts go to another. */
static void test_gic_power_resets_the_cpu_interface(void **s)
{
    (void)s;
    struct bench *b = bench_ready(2);
    spi_set(b, ISENABLER, 40);
    d_write_size(b, IROUTER + 8 * 40, 8, BIT(31));
    spi_edge(b, 40);
    r_write(b, 0, SGI_BASE + ISENABLER, 1u << 3);
    spi_set(b, ISPENDR, 40);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    b->g->intc.ops->reset_cpu(&b->g->intc, 0);
    assert_int_equal(b->lines[0], 0);
    assert_int_equal(b->lines[1], A64_LINE_IRQ);
    assert_int_equal(icc_read(b, 0, A64_ICC_PMR_EL1), 0);
    assert_int_equal(icc_read(b, 0, A64_ICC_IGRPEN1_EL1), 0);
    assert_int_equal(r_read(b, 0, SGI_BASE + ISENABLER), 1u << 3);
    assert_int_equal(r_read(b, 0, GICR_WAKER), 0);
    assert_int_equal(icc_read(b, 1, A64_ICC_IAR1_EL1), 40);
    /* Lines are driven again: a PE that begins has forgotten them. */
    ppi_level(b, 1, 27, true);
    unsigned changes = b->changes;
    b->g->intc.ops->reset_cpu(&b->g->intc, 1);
    assert_true(b->changes > changes);
    bench_destroy(b);
}

/* Each PE, on a thread of its own, sends SGIs to all others and handles what comes; devices raise
 * SPIs meanwhile. Each interrupt is acknowledged by somebody, and at the end nothing is left. */
#define STORM_CPUS 3u
#define STORM_ROUNDS 2000u

struct storm {
    struct bench *b;
    unsigned cpu;
    unsigned sgis, spis; /* acknowledged */
};

static void storm_handle(struct storm *t)
{
    unsigned intid;
    while ((intid = (unsigned)icc_read(t->b, t->cpu, A64_ICC_IAR1_EL1)) != NONE) {
        t->sgis += intid < 16;
        t->spis += intid >= 32;
        icc_write(t->b, t->cpu, A64_ICC_EOIR1_EL1, intid);
    }
}

static void *storm_thread(void *arg)
{
    struct storm *t = arg;
    for (unsigned i = 0; i < STORM_ROUNDS; i++) {
        icc_write(t->b, t->cpu, A64_ICC_SGI1R_EL1, BIT(40) | (uint64_t)t->cpu << 24);
        icc_write(t->b, t->cpu, A64_ICC_PMR_EL1, i % 2 ? 0xf8 : 0x80);
        ppi_level(t->b, t->cpu, 27, i % 2);
        spi_set(t->b, ISPENDR, 40 + t->cpu);
        storm_handle(t);
    }
    icc_write(t->b, t->cpu, A64_ICC_PMR_EL1, 0xf8);
    return NULL;
}

static void test_gic_stands_interrupts_from_all_sides(void **s)
{
    (void)s;
    struct bench *b = bench_ready(STORM_CPUS);
    pthread_t threads[STORM_CPUS];
    struct storm t[STORM_CPUS];
    for (unsigned i = 0; i < STORM_CPUS; i++) {
        spi_edge(b, 40 + i);
        spi_set(b, ISENABLER, 40 + i);
        d_write_size(b, IROUTER + 8 * (40 + i), 8, i ? i - 1 : BIT(31));
        r_write(b, i, SGI_BASE + ISENABLER, 0xffff);
        t[i] = (struct storm){.b = b, .cpu = i};
    }
    for (unsigned i = 0; i < STORM_CPUS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, storm_thread, &t[i]), 0);
    for (unsigned i = 0; i < STORM_CPUS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < STORM_CPUS; i++)
        storm_handle(&t[i]);
    unsigned spis = 0;
    for (unsigned i = 0; i < STORM_CPUS; i++) {
        assert_int_equal(b->lines[i], 0);
        assert_int_equal(r_read(b, i, SGI_BASE + ISPENDR) & 0xffff, 0);
        assert_int_equal(r_read(b, i, SGI_BASE + ISACTIVER), 0);
        assert_int_equal(icc_read(b, i, A64_ICC_RPR_EL1), 0xff);
        assert_in_range(t[i].sgis, 1, (STORM_CPUS - 1) * STORM_ROUNDS);
        spis += t[i].spis;
    }
    assert_in_range(spis, STORM_CPUS, STORM_CPUS * STORM_ROUNDS);
    for (unsigned i = 0; i < STORM_CPUS; i++)
        assert_false(spi_is(b, ISPENDR, 40 + i) || spi_is(b, ISACTIVER, 40 + i));
    bench_destroy(b);
}

static void test_gic_save_load(void **s)
{
    (void)s;
    struct bench *a = bench_busy(), *b = bench_create(2);
    check_save_load(&a->g->dev, &b->g->dev);
    for (unsigned i = 0; i < 2; i++)
        check_save_load(&a->g->redist[i]->dev, &b->g->redist[i]->dev);
    assert_int_equal(b->lines[0], a->lines[0]);
    assert_int_equal(b->lines[1], A64_LINE_IRQ);
    spi_level(b, 45, true); /* the devices drive their wires again: no new edge */
    spi_level(b, 41, false);
    eoi0(b, 41);
    assert_int_equal(rpr(b), 0xa0);
    spi_level(b, 40, false);
    eoi1(b, 40);
    assert_int_equal(iar1(b), 9);
    eoi1(b, 9);
    assert_int_equal(iar1(b), 45);
    eoi1(b, 45);
    assert_int_equal(iar1(b), 50);
    bench_destroy(a);
    bench_destroy(b);
}

static void test_gic_reset_is_fresh(void **s)
{
    (void)s;
    struct bench *a = bench_busy(), *b = bench_create(2);
    check_reset_is_fresh(&a->g->dev, &b->g->dev);
    for (unsigned i = 0; i < 2; i++) {
        check_reset_is_fresh(&a->g->redist[i]->dev, &b->g->redist[i]->dev);
        assert_int_equal(a->lines[i], 0);
    }
    bench_destroy(a);
    bench_destroy(b);
}

static void test_gic_rejects_hostile_state(void **s)
{
    (void)s;
    struct bench *b = bench_busy();
    struct device *d = &b->g->dev, *r = &b->g->redist[0]->dev;
    check_hostile_loads(r);
    check_load_refuses(d, "enabled", 4, 4);
    check_load_refuses(d, "spi[3].priority", 1, 0xff);
    check_load_refuses(d, "spi[3].priority", 1, 0x11);
    d->cls->reset(d);
    check_load_refuses(d, "route", 4, 0xffffffff);
    d->cls->reset(d);
    check_load_refuses(d, "route", 4, 0x40000000);
    d->cls->reset(d);

    check_load_refuses(r, "bank.priority", 1, 0x07);
    r->cls->reset(r);
    check_load_refuses(r, "bank.edge", 4, 0);
    r->cls->reset(r);
    check_load_refuses(r, "bank.level", 4, 1);
    r->cls->reset(r);
    check_load_refuses(r, "pmr", 1, 0x33);
    r->cls->reset(r);
    check_load_refuses(r, "bpr", 1, 1);
    r->cls->reset(r);
    check_load_refuses(r, "enabled", 1, 2);
    bench_destroy(b);
}

/* ---- In a machine ---- */

static int no_create(struct vcpu *v, struct err *e)
{
    (void)v;
    (void)e;
    return 0;
}
static void no_vcpu(struct vcpu *v)
{
    (void)v;
}
static const struct engine_ops no_engine = {
    .name = "none", .vcpu_create = no_create, .vcpu_destroy = no_vcpu};

static struct machine *machine_with_vcpu(void)
{
    struct machine *m = machine_create();
    struct a64_features f = {{1, 0}};
    struct err e = {0};
    assert_int_equal(vm_add_vcpu(&m->vm, &no_engine, &f, &e), 0);
    return m;
}

static void bus_wr(struct machine *m, uint64_t pa, unsigned size, uint64_t v)
{
    assert_true(bus_write(&m->vm.bus, pa, size, v));
}

static void test_gic_in_a_machine_drives_the_vcpu(void **s)
{
    (void)s;
    struct machine *m = machine_with_vcpu();
    struct gicv3 *g;
    struct err e = {0};
    uint64_t v;
    assert_int_equal(gicv3_create(&m->vm, &g, &e), 0);
    assert_ptr_equal(m->vm.intc, &g->intc);
    assert_true(bus_read(&m->vm.bus, GICV3_REDIST_BASE + GICR_TYPER, 8, &v));
    assert_int_equal(v, 0x10);
    assert_false(bus_read(&m->vm.bus, GICV3_REDIST_BASE + GICV3_REDIST_BYTES, 4, &v));

    bus_wr(m, GICV3_DIST_BASE + GICD_CTLR, 4, 3);
    bus_wr(m, GICV3_DIST_BASE + IGROUPR + 4, 4, 2);
    bus_wr(m, GICV3_DIST_BASE + ISENABLER + 4, 4, 2);
    bus_wr(m, GICV3_REDIST_BASE + GICR_WAKER, 4, 0);
    assert_true(m->vm.intc->ops->sysreg_write(m->vm.intc, 0, A64_ICC_PMR_EL1, 0xff));
    assert_true(m->vm.intc->ops->sysreg_write(m->vm.intc, 0, A64_ICC_IGRPEN1_EL1, 1));
    struct irq wire = gicv3_spi(g, 1);
    irq_set(&wire, true);
    assert_int_equal(atomic_load(&m->vm.vcpus[0]->cpu.irq_lines), A64_LINE_IRQ);
    irq_set(&wire, false);
    assert_int_equal(atomic_load(&m->vm.vcpus[0]->cpu.irq_lines), 0);
    machine_destroy(m);
}

static void test_gic_creation_failures(void **s)
{
    (void)s;
    for (unsigned long n = 1;; n++) {
        struct machine *m = machine_with_vcpu();
        struct gicv3 *g;
        struct err e = {0};
        fault_arm(n);
        int r = gicv3_create(&m->vm, &g, &e);
        const char *hit = fault_arm(0);
        assert_int_equal(r, hit ? -ENOMEM : 0);
        machine_destroy(m);
        if (!hit)
            break;
    }
    for (unsigned i = 0; i < 2; i++) { /* a window is taken */
        struct machine *m = machine_with_vcpu();
        struct device squatter;
        struct gicv3 *g;
        struct err e = {0};
        device_init(&squatter, &gicv3_dist_class, "squatter");
        assert_int_equal(bus_add(&m->vm.bus, i ? GICV3_REDIST_BASE : GICV3_DIST_BASE, 0x1000,
                                 &squatter, 0, &e), 0);
        assert_int_equal(gicv3_create(&m->vm, &g, &e), -EINVAL);
        assert_null(m->vm.intc);
        machine_destroy(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gic_sgi_to_self),
        cmocka_unit_test(test_gic_sgi_target_list_and_clusters),
        cmocka_unit_test(test_gic_sgi_to_all_but_self),
        cmocka_unit_test(test_gic_sgi_groups),
        cmocka_unit_test(test_gic_sgi_pending_state_by_registers),
        cmocka_unit_test(test_gic_sgi_waits_for_a_sleeping_pe),
        cmocka_unit_test(test_gic_spi_goes_where_it_is_routed),
        cmocka_unit_test(test_gic_1_of_n_goes_to_one_that_can_take_it),
        cmocka_unit_test(test_gic_another_pe_can_deactivate),
        cmocka_unit_test(test_gic_power_resets_the_cpu_interface),
        cmocka_unit_test(test_gic_stands_interrupts_from_all_sides),
        cmocka_unit_test(test_gic_save_load),
        cmocka_unit_test(test_gic_reset_is_fresh),
        cmocka_unit_test(test_gic_rejects_hostile_state),
        cmocka_unit_test(test_gic_in_a_machine_drives_the_vcpu),
        cmocka_unit_test(test_gic_creation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
