/* dev/gicv3*.c against IHI 0069: registers, priorities, the life of an interrupt. */
#include "gic_test.h"

/* ---- Registers ---- */

static void test_gic_distributor_reset_values(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    assert_int_equal(d_read(b, GICD_CTLR), 0x50); /* DS, ARE */
    assert_int_equal(d_read(b, GICD_TYPER), 9 << 19 | 1 << 16 | 8);
    assert_int_equal(d_read(b, GICD_IIDR) & 0xfff, 0x43b);
    assert_int_equal(d_read(b, PIDR2), 0x3b);
    for (unsigned reg = 0x80; reg < 0xf30; reg += 4)
        assert_int_equal(d_read(b, reg), 0);
    for (unsigned i = 32; i < 288; i++)
        assert_int_equal(d_read_size(b, IROUTER + 8 * i, 8), 0);
    assert_int_equal(guest_errors(&b->g->dev), 0);
    bench_destroy(b);
}

static void test_gic_distributor_ctlr_has_two_writable_bits(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    d_write(b, GICD_CTLR, 0xffffffff);
    assert_int_equal(d_read(b, GICD_CTLR), 0x53);
    d_write(b, GICD_CTLR, 0);
    assert_int_equal(d_read(b, GICD_CTLR), 0x50);
    bench_destroy(b);
}

static void test_gic_private_and_absent_interrupts_are_raz_wi_in_the_distributor(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    const unsigned groups[] = {IGROUPR, ISENABLER, ISPENDR, ISACTIVER};
    for (unsigned i = 0; i < ARRAY_LEN(groups); i++) {
        for (unsigned word = 0; word < 32; word++) {
            d_write(b, groups[i] + 4 * word, 0xffffffff);
            bool there = word >= 1 && word <= 8;
            assert_int_equal(d_read(b, groups[i] + 4 * word), there ? 0xffffffff : 0);
        }
    }
    for (unsigned i = 0; i < 1020; i += 4) {
        d_write(b, IPRIORITYR + i, 0xffffffff);
        assert_int_equal(d_read(b, IPRIORITYR + i), i >= 32 && i < 288 ? 0xf8f8f8f8 : 0);
        d_write(b, ITARGETSR + i, 0xffffffff);
        assert_int_equal(d_read(b, ITARGETSR + i), 0);
    }
    for (unsigned i = 0; i < 64; i++) {
        d_write(b, ICFGR + 4 * i, 0xffffffff);
        assert_int_equal(d_read(b, ICFGR + 4 * i), i >= 2 && i < 18 ? 0xaaaaaaaa : 0);
    }
    d_write(b, 0xd04, 0xffffffff); /* IGRPMODR, NSACR, SGIR */
    d_write(b, 0xe04, 0xffffffff);
    d_write(b, 0xf00, 0xffffffff);
    assert_int_equal(d_read(b, 0xd04) | d_read(b, 0xe04) | d_read(b, 0xf00), 0);
    assert_int_equal(guest_errors(&b->g->dev), 0);
    bench_destroy(b);
}

static void test_gic_clear_registers_clear_and_read_the_same(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    const unsigned pairs[][2] = {{ISENABLER, ICENABLER}, {ISPENDR, ICPENDR}, {ISACTIVER, ICACTIVER}};
    for (unsigned i = 0; i < 3; i++) {
        d_write(b, pairs[i][0] + 4, 0xff00ff);
        d_write(b, pairs[i][0] + 4, 0x1000);
        assert_int_equal(d_read(b, pairs[i][1] + 4), 0xff10ff);
        d_write(b, pairs[i][1] + 4, 0x0f00f0);
        assert_int_equal(d_read(b, pairs[i][0] + 4), 0xf0100f);
        r_write(b, 0, SGI_BASE + pairs[i][0], 0x80000001);
        assert_int_equal(r_read(b, 0, SGI_BASE + pairs[i][1]), 0x80000001);
        r_write(b, 0, SGI_BASE + pairs[i][1], 1);
        assert_int_equal(r_read(b, 0, SGI_BASE + pairs[i][0]), 0x80000000);
    }
    bench_destroy(b);
}

static void test_gic_access_sizes(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    spi_priority(b, 33, 0xff);
    assert_int_equal(d_read(b, IPRIORITYR + 32), 0xf800);
    assert_int_equal(d_read_size(b, IPRIORITYR + 33, 1), 0xf8);
    d_write_size(b, IROUTER + 8 * 40, 8, UINT64_MAX);
    assert_int_equal(d_read_size(b, IROUTER + 8 * 40, 8), 0x80ffffff); /* no Aff3 */
    assert_int_equal(d_read(b, IROUTER + 8 * 40 + 4), 0);
    d_write(b, IROUTER + 8 * 40 + 4, 0xff);
    d_write(b, IROUTER + 8 * 40, 0x80000003);
    assert_int_equal(d_read_size(b, IROUTER + 8 * 40, 8), 0x80000003);
    assert_int_equal(guest_errors(&b->g->dev), 0);

    d_write_size(b, ISENABLER + 4, 1, 0xff); /* words only */
    assert_int_equal(d_read(b, ISENABLER + 4), 0);
    d_read_size(b, ISENABLER + 8, 8);
    d_write_size(b, IPRIORITYR + 40, 8, UINT64_MAX);
    assert_int_equal(d_read(b, IPRIORITYR + 40), 0);
    d_write_size(b, IROUTER + 8 * 41, 2, 1);
    assert_int_equal(d_read(b, IROUTER + 8 * 41), 0);
    assert_int_equal(guest_errors(&b->g->dev), 4);

    struct device *r = &b->g->redist[0]->dev;
    assert_int_equal(gicv3_redist_class.read(r, GICR_TYPER, 8), 0x10);
    assert_int_equal(gicv3_redist_class.read(r, GICR_WAKER, 1), 0);
    gicv3_redist_class.write(r, SGI_BASE + ISENABLER, 8, 1);
    assert_int_equal(r_read(b, 0, SGI_BASE + ISENABLER), 0);
    assert_int_equal(guest_errors(r), 2);
    bench_destroy(b);
}

static void test_gic_unknown_offsets_are_raz_wi_and_counted(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    const unsigned off[] = {0x14, 0x60, 0x5000, 0x6000, 0x6900, 0xc000};
    for (unsigned i = 0; i < ARRAY_LEN(off); i++) {
        d_write(b, off[i], 1);
        assert_int_equal(d_read(b, off[i]), 0);
    }
    assert_int_equal(guest_errors(&b->g->dev), 2 * ARRAY_LEN(off));
    r_write(b, 0, 0x18, 1);
    r_write(b, 0, SGI_BASE + 0x84, 1);
    r_write(b, 0, SGI_BASE + 0x420, 1);
    assert_int_equal(r_read(b, 0, 0x18) | r_read(b, 0, SGI_BASE + 0xf00), 0);
    assert_int_equal(guest_errors(&b->g->redist[0]->dev), 5);
    bench_destroy(b);
}

static void test_gic_redistributor_identification(void **s)
{
    (void)s;
    struct bench *b = bench_create(18);
    for (unsigned i = 0; i < 18; i++) {
        uint64_t typer = gicv3_redist_class.read(&b->g->redist[i]->dev, GICR_TYPER, 8);
        uint64_t affinity = i < 16 ? i : 0x100 + i - 16;
        assert_int_equal(typer, affinity << 32 | i << 8 | (i == 17) << 4);
        assert_int_equal(r_read(b, i, GICR_TYPER + 4), affinity);
        assert_int_equal(r_read(b, i, PIDR2), 0x3b);
    }
    assert_int_equal(r_read(b, 0, 0x4) & 0xfff, 0x43b);
    assert_int_equal(r_read(b, 0, GICR_WAKER), 6);
    r_write(b, 0, GICR_WAKER, 0);
    assert_int_equal(r_read(b, 0, GICR_WAKER), 0);
    r_write(b, 0, GICR_WAKER, 2);
    assert_int_equal(r_read(b, 0, GICR_WAKER), 6);
    bench_destroy(b);
}

static void test_gic_lpi_registers_are_raz_wi(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    const unsigned off[] = {0x40, 0x48, 0x70, 0x78, 0xa0, 0xb0, 0xc0};
    for (unsigned i = 0; i < ARRAY_LEN(off); i++) {
        gicv3_redist_class.write(&b->g->redist[0]->dev, off[i], 8, UINT64_MAX);
        assert_int_equal(gicv3_redist_class.read(&b->g->redist[0]->dev, off[i], 8), 0);
    }
    r_write(b, 0, 0, 1); /* EnableLPIs */
    assert_int_equal(r_read(b, 0, 0), 0);
    assert_int_equal(guest_errors(&b->g->redist[0]->dev), 0);
    bench_destroy(b);
}

static void test_gic_sgis_are_always_edge_triggered(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    assert_int_equal(r_read(b, 0, SGI_BASE + ICFGR), 0xaaaaaaaa);
    assert_int_equal(r_read(b, 0, SGI_BASE + ICFGR + 4), 0);
    r_write(b, 0, SGI_BASE + ICFGR, 0);
    r_write(b, 0, SGI_BASE + ICFGR + 4, 0x80000003);
    assert_int_equal(r_read(b, 0, SGI_BASE + ICFGR), 0xaaaaaaaa);
    assert_int_equal(r_read(b, 0, SGI_BASE + ICFGR + 4), 0x80000002);
    bench_destroy(b);
}

static void test_gic_cpu_interface_reset_values(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    const struct { enum a64_sysreg reg; uint64_t value; } v[] = {
        {A64_ICC_PMR_EL1, 0}, {A64_ICC_BPR0_EL1, 2}, {A64_ICC_BPR1_EL1, 3}, {A64_ICC_CTLR_EL1, 0x400},
        {A64_ICC_SRE_EL1, 7}, {A64_ICC_RPR_EL1, 0xff}, {A64_ICC_IGRPEN0_EL1, 0},
        {A64_ICC_IGRPEN1_EL1, 0}, {A64_ICC_AP0R0_EL1, 0}, {A64_ICC_AP1R0_EL1, 0},
        {A64_ICC_IAR0_EL1, NONE}, {A64_ICC_IAR1_EL1, NONE}, {A64_ICC_HPPIR0_EL1, NONE},
        {A64_ICC_HPPIR1_EL1, NONE}};
    for (unsigned i = 0; i < ARRAY_LEN(v); i++)
        assert_int_equal(icc_read(b, 0, v[i].reg), v[i].value);
    bench_destroy(b);
}

static void test_gic_cpu_interface_writable_bits(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    icc_write(b, 0, A64_ICC_PMR_EL1, 0xfff);
    assert_int_equal(icc_read(b, 0, A64_ICC_PMR_EL1), 0xf8);
    icc_write(b, 0, A64_ICC_PMR_EL1, 8); /* how Linux finds out that Group 0 is there */
    assert_int_equal(icc_read(b, 0, A64_ICC_PMR_EL1), 8);
    icc_write(b, 0, A64_ICC_BPR0_EL1, 0);
    icc_write(b, 0, A64_ICC_BPR1_EL1, 0);
    assert_int_equal(icc_read(b, 0, A64_ICC_BPR0_EL1), 2);
    assert_int_equal(icc_read(b, 0, A64_ICC_BPR1_EL1), 3);
    icc_write(b, 0, A64_ICC_BPR1_EL1, 0xf);
    assert_int_equal(icc_read(b, 0, A64_ICC_BPR1_EL1), 7);
    icc_write(b, 0, A64_ICC_CTLR_EL1, UINT64_MAX);
    assert_int_equal(icc_read(b, 0, A64_ICC_CTLR_EL1), 0x403);
    icc_write(b, 0, A64_ICC_SRE_EL1, 0);
    assert_int_equal(icc_read(b, 0, A64_ICC_SRE_EL1), 7);
    icc_write(b, 0, A64_ICC_IGRPEN1_EL1, UINT64_MAX);
    assert_int_equal(icc_read(b, 0, A64_ICC_IGRPEN1_EL1), 1);
    bench_destroy(b);
}

static void test_gic_registers_of_absent_preemption_levels_are_undefined(void **s)
{
    (void)s;
    struct bench *b = bench_create(1);
    const enum a64_sysreg none[] = {A64_ICC_AP0R1_EL1, A64_ICC_AP0R3_EL1, A64_ICC_AP1R1_EL1,
                                    A64_ICC_AP1R3_EL1, A64_MPIDR_EL1};
    uint64_t v;
    for (unsigned i = 0; i < ARRAY_LEN(none); i++) {
        assert_false(b->g->intc.ops->sysreg_read(&b->g->intc, 0, none[i], &v));
        assert_false(b->g->intc.ops->sysreg_write(&b->g->intc, 0, none[i], 0));
    }
    assert_false(b->g->intc.ops->sysreg_read(&b->g->intc, 0, A64_ICC_EOIR1_EL1, &v));
    assert_false(b->g->intc.ops->sysreg_write(&b->g->intc, 0, A64_ICC_IAR1_EL1, 0));
    bench_destroy(b);
}

/* ---- Signalling and masking ---- */

static void test_gic_signals_only_when_everything_is_open(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_level(b, 40, true);
    assert_int_equal(b->lines[0], 0); /* not enabled */
    spi_set(b, ISENABLER, 40);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    spi_set(b, ICENABLER, 40);
    assert_int_equal(b->lines[0], 0);
    spi_set(b, ISENABLER, 40);

    d_write(b, GICD_CTLR, 1);
    assert_int_equal(b->lines[0], 0);
    d_write(b, GICD_CTLR, 2);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);

    icc_write(b, 0, A64_ICC_IGRPEN1_EL1, 0);
    assert_int_equal(b->lines[0], 0);
    assert_int_equal(iar1(b), NONE);
    icc_write(b, 0, A64_ICC_IGRPEN1_EL1, 1);

    r_write(b, 0, GICR_WAKER, 2);
    assert_int_equal(b->lines[0], 0);
    assert_int_equal(iar1(b), NONE);
    r_write(b, 0, GICR_WAKER, 0);

    icc_write(b, 0, A64_ICC_PMR_EL1, 0xa0); /* equal is masked */
    assert_int_equal(b->lines[0], 0);
    assert_int_equal(iar1(b), NONE);
    icc_write(b, 0, A64_ICC_PMR_EL1, 0xa8);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);

    spi_level(b, 40, false);
    assert_int_equal(b->lines[0], 0);
    assert_int_equal(iar1(b), NONE);
    bench_destroy(b);
}

static void test_gic_group_0_is_fiq_and_group_1_irq(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_set(b, ISENABLER, 40);
    spi_level(b, 40, true);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    d_write(b, IGROUPR + 4, ~(1u << 8));
    assert_int_equal(b->lines[0], A64_LINE_FIQ);
    assert_int_equal(iar1(b), NONE); /* of the other group */
    assert_int_equal(icc_read(b, 0, A64_ICC_HPPIR1_EL1), NONE);
    assert_int_equal(icc_read(b, 0, A64_ICC_HPPIR0_EL1), 40);
    assert_int_equal(iar0(b), 40);
    assert_int_equal(icc_read(b, 0, A64_ICC_AP0R0_EL1), 1u << (0xa0 >> 3));
    assert_int_equal(icc_read(b, 0, A64_ICC_AP1R0_EL1), 0);
    assert_int_equal(b->lines[0], 0);
    eoi0(b, 40);
    assert_int_equal(b->lines[0], A64_LINE_FIQ);
    bench_destroy(b);
}

static void test_gic_disabled_group_does_not_hide_the_other(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, IGROUPR + 4, ~(1u << 8)); /* 40 is Group 0 and more urgent */
    spi_priority(b, 40, 0x10);
    d_write(b, ISENABLER + 4, 0xffffffff);
    spi_level(b, 40, true);
    spi_level(b, 41, true);
    assert_int_equal(b->lines[0], A64_LINE_FIQ);
    assert_int_equal(iar1(b), NONE);
    icc_write(b, 0, A64_ICC_IGRPEN0_EL1, 0);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    icc_write(b, 0, A64_ICC_IGRPEN0_EL1, 1);
    d_write(b, GICD_CTLR, 2);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    assert_int_equal(iar1(b), 41);
    bench_destroy(b);
}

static void test_gic_lines_are_driven_only_when_they_change(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, ISENABLER + 4, 0xffffffff);
    unsigned before = b->changes;
    spi_level(b, 40, true);
    spi_level(b, 40, true);
    spi_level(b, 41, true);
    spi_level(b, 41, false);
    icc_write(b, 0, A64_ICC_PMR_EL1, 0xf0);
    assert_int_equal(b->changes, before + 1);
    bench_destroy(b);
}

static void test_gic_highest_pending_ignores_mask_and_running_priority(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, ISENABLER + 4, 0xffffffff);
    spi_level(b, 40, true);
    icc_write(b, 0, A64_ICC_PMR_EL1, 0);
    assert_int_equal(icc_read(b, 0, A64_ICC_HPPIR1_EL1), 40);
    icc_write(b, 0, A64_ICC_PMR_EL1, 0xf8);
    assert_int_equal(iar1(b), 40);
    assert_int_equal(icc_read(b, 0, A64_ICC_HPPIR1_EL1), NONE); /* it is active */
    spi_level(b, 41, true);
    assert_int_equal(icc_read(b, 0, A64_ICC_HPPIR1_EL1), 41);
    assert_int_equal(iar1(b), NONE);
    bench_destroy(b);
}

/* ---- Life of an interrupt ---- */

static void test_gic_level_interrupt_is_taken_again_while_the_wire_is_high(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_set(b, ISENABLER, 40);
    spi_level(b, 40, true);
    assert_true(spi_is(b, ISPENDR, 40));
    assert_int_equal(iar1(b), 40);
    assert_true(spi_is(b, ISPENDR, 40)); /* active and pending */
    assert_true(spi_is(b, ISACTIVER, 40));
    assert_int_equal(rpr(b), 0xa0);
    assert_int_equal(b->lines[0], 0);
    assert_int_equal(iar1(b), NONE);
    eoi1(b, 40);
    assert_false(spi_is(b, ISACTIVER, 40));
    assert_int_equal(rpr(b), 0xff);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    assert_int_equal(iar1(b), 40);
    spi_level(b, 40, false);
    assert_false(spi_is(b, ISPENDR, 40));
    eoi1(b, 40);
    assert_int_equal(b->lines[0], 0);
    assert_int_equal(iar1(b), NONE);
    bench_destroy(b);
}

static void test_gic_level_pending_state_by_registers(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_set(b, ISENABLER, 40);
    spi_level(b, 40, true);
    spi_set(b, ICPENDR, 40); /* cannot clear a high level */
    assert_true(spi_is(b, ICPENDR, 40));
    spi_level(b, 40, false);
    assert_int_equal(b->lines[0], 0);
    spi_set(b, ISPENDR, 40); /* stays until acknowledged or cleared */
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    spi_set(b, ICPENDR, 40);
    assert_int_equal(b->lines[0], 0);
    spi_set(b, ISPENDR, 40);
    assert_int_equal(iar1(b), 40);
    assert_false(spi_is(b, ISPENDR, 40));
    eoi1(b, 40);
    assert_int_equal(b->lines[0], 0);
    bench_destroy(b);
}

static void test_gic_edge_interrupt_is_taken_once_per_edge(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_edge(b, 40);
    spi_set(b, ISENABLER, 40);
    spi_level(b, 40, true);
    spi_level(b, 40, false); /* the edge is remembered */
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    assert_int_equal(iar1(b), 40);
    assert_false(spi_is(b, ISPENDR, 40));
    eoi1(b, 40);
    assert_int_equal(iar1(b), NONE);

    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    eoi1(b, 40);
    assert_int_equal(iar1(b), NONE); /* high, but no new edge */
    spi_level(b, 40, false);

    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    spi_level(b, 40, false);
    spi_level(b, 40, true); /* a second edge while active, and a third that merges */
    spi_level(b, 40, false);
    spi_level(b, 40, true);
    assert_true(spi_is(b, ISPENDR, 40));
    assert_int_equal(iar1(b), NONE);
    eoi1(b, 40);
    assert_int_equal(iar1(b), 40);
    eoi1(b, 40);
    assert_int_equal(iar1(b), NONE);

    spi_level(b, 40, false);
    spi_level(b, 40, true);
    spi_set(b, ICPENDR, 40);
    assert_int_equal(b->lines[0], 0);
    bench_destroy(b);
}

static void test_gic_active_state_written_by_software(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_set(b, ISENABLER, 40);
    spi_set(b, ISACTIVER, 40);
    spi_level(b, 40, true);
    assert_int_equal(b->lines[0], 0); /* active: not signalled */
    assert_int_equal(rpr(b), 0xff);   /* but no priority is active */
    assert_int_equal(iar1(b), NONE);
    spi_set(b, ICACTIVER, 40);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    assert_int_equal(iar1(b), 40);
    spi_set(b, ICACTIVER, 40); /* deactivated, its priority still runs */
    assert_int_equal(rpr(b), 0xa0);
    assert_int_equal(b->lines[0], 0);
    eoi1(b, 40);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    bench_destroy(b);
}

static void test_gic_ppi_is_private(void **s)
{
    (void)s;
    struct bench *b = bench_ready(3);
    for (unsigned c = 0; c < 3; c++)
        r_write(b, c, SGI_BASE + ISENABLER, 1u << 27);
    ppi_level(b, 1, 27, true);
    assert_int_equal(b->lines[0], 0);
    assert_int_equal(b->lines[1], A64_LINE_IRQ);
    assert_int_equal(b->lines[2], 0);
    assert_int_equal(r_read(b, 0, SGI_BASE + ISPENDR), 0);
    assert_int_equal(r_read(b, 1, SGI_BASE + ISPENDR), 1u << 27);
    assert_int_equal(icc_read(b, 1, A64_ICC_IAR1_EL1), 27);
    icc_write(b, 1, A64_ICC_EOIR1_EL1, 27);
    ppi_level(b, 1, 27, false);
    assert_int_equal(b->lines[1], 0);
    bench_destroy(b);
}

static void test_gic_message_based_interrupts(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, ISENABLER + 8, 0xffffffff);
    spi_edge(b, 64);
    d_write(b, GICD_SETSPI_NSR, 64);
    assert_int_equal(iar1(b), 64);
    eoi1(b, 64);
    assert_int_equal(iar1(b), NONE);
    d_write_size(b, GICD_SETSPI_NSR, 2, 64);
    d_write(b, GICD_CLRSPI_NSR, 64);
    assert_int_equal(iar1(b), NONE);
    d_write(b, GICD_SETSPI_NSR, 65); /* level-sensitive: until cleared */
    assert_int_equal(iar1(b), 65);
    eoi1(b, 65);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    d_write(b, GICD_CLRSPI_NSR, 65);
    assert_int_equal(b->lines[0], 0);
    d_write(b, GICD_SETSPI_NSR, 3); /* not SPIs */
    d_write(b, GICD_SETSPI_NSR, 288);
    d_write(b, GICD_SETSPI_NSR, 0xffffffff);
    d_write(b, 0x50, 65); /* SETSPI_SR: reserved */
    assert_int_equal(b->lines[0], 0);
    bench_destroy(b);
}

/* ---- Priorities ---- */

static void test_gic_highest_priority_then_lowest_intid_wins(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, ISENABLER + 4, 0xffffffff);
    d_write(b, ISENABLER + 8, 0xffffffff);
    r_write(b, 0, SGI_BASE + ISENABLER, 0xffffffff);
    spi_priority(b, 70, 0x40);
    spi_level(b, 50, true);
    spi_level(b, 45, true);
    spi_level(b, 70, true);
    ppi_level(b, 0, 30, true);
    assert_int_equal(icc_read(b, 0, A64_ICC_HPPIR1_EL1), 70);
    spi_level(b, 70, false);
    assert_int_equal(icc_read(b, 0, A64_ICC_HPPIR1_EL1), 30);
    ppi_level(b, 0, 30, false);
    assert_int_equal(icc_read(b, 0, A64_ICC_HPPIR1_EL1), 45);
    spi_priority(b, 50, 0x98);
    assert_int_equal(icc_read(b, 0, A64_ICC_HPPIR1_EL1), 50);
    bench_destroy(b);
}

static void test_gic_lowest_priority_is_never_signalled(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_set(b, ISENABLER, 40);
    spi_priority(b, 40, 0xff);
    spi_level(b, 40, true);
    icc_write(b, 0, A64_ICC_PMR_EL1, 0xff);
    assert_int_equal(b->lines[0], 0);
    spi_priority(b, 40, 0xf0);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    bench_destroy(b);
}

static void test_gic_preemption_nests_and_unwinds(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, ISENABLER + 4, 0xffffffff);
    spi_priority(b, 41, 0x80);
    spi_priority(b, 42, 0x40);
    spi_priority(b, 43, 0x40);
    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    spi_level(b, 41, true);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    assert_int_equal(iar1(b), 41);
    assert_int_equal(rpr(b), 0x80);
    spi_level(b, 42, true);
    assert_int_equal(iar1(b), 42);
    assert_int_equal(rpr(b), 0x40);
    assert_int_equal(icc_read(b, 0, A64_ICC_AP1R0_EL1), 1u << 20 | 1u << 16 | 1u << 8);
    spi_level(b, 43, true); /* equal priority does not preempt */
    assert_int_equal(b->lines[0], 0);
    assert_int_equal(iar1(b), NONE);
    spi_level(b, 42, false);
    eoi1(b, 42);
    assert_int_equal(rpr(b), 0x80);
    assert_int_equal(iar1(b), 43);
    spi_level(b, 43, false);
    eoi1(b, 43);
    spi_level(b, 41, false);
    eoi1(b, 41);
    assert_int_equal(rpr(b), 0xa0);
    assert_int_equal(iar1(b), NONE);
    spi_level(b, 40, false);
    eoi1(b, 40);
    assert_int_equal(rpr(b), 0xff);
    bench_destroy(b);
}

static void test_gic_binary_point_limits_preemption(void **s)
{
    (void)s;
    /* Which difference of priorities preempts: BPR1 = n groups by bits 7..n. */
    for (unsigned bpr = 3; bpr <= 7; bpr++) {
        for (unsigned differ = 3; differ <= 7; differ++) {
            struct bench *b = bench_ready(1);
            d_write(b, ISENABLER + 4, 0xffffffff);
            icc_write(b, 0, A64_ICC_BPR1_EL1, bpr);
            spi_priority(b, 40, 0x80 >> (7 - differ));
            spi_priority(b, 41, 0);
            spi_level(b, 40, true);
            assert_int_equal(iar1(b), 40);
            spi_level(b, 41, true);
            bool preempts = differ >= bpr;
            assert_int_equal(b->lines[0], preempts ? A64_LINE_IRQ : 0);
            assert_int_equal(iar1(b), preempts ? 41 : NONE);
            bench_destroy(b);
        }
    }
}

static void test_gic_group_0_binary_point(void **s)
{
    (void)s;
    /* BPR0 = n groups by bits 7..n+1; 7 means no preemption at all. */
    for (unsigned bpr = 2; bpr <= 7; bpr++) {
        for (unsigned differ = 3; differ <= 7; differ++) {
            struct bench *b = bench_ready(1);
            d_write(b, IGROUPR + 4, 0);
            d_write(b, ISENABLER + 4, 0xffffffff);
            icc_write(b, 0, A64_ICC_BPR0_EL1, bpr);
            spi_priority(b, 40, 0x80 >> (7 - differ));
            spi_priority(b, 41, 0);
            spi_level(b, 40, true);
            assert_int_equal(iar0(b), 40);
            spi_level(b, 41, true);
            assert_int_equal(iar0(b), differ > bpr ? 41 : NONE);
            bench_destroy(b);
        }
    }
}

static void test_gic_running_priority_is_the_group_priority(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, ISENABLER + 4, 0xffffffff);
    icc_write(b, 0, A64_ICC_BPR1_EL1, 6);
    spi_priority(b, 40, 0xb8);
    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    assert_int_equal(rpr(b), 0x80);
    bench_destroy(b);
}

static void test_gic_common_binary_point(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, ISENABLER + 4, 0xffffffff);
    icc_write(b, 0, A64_ICC_BPR0_EL1, 5);
    icc_write(b, 0, A64_ICC_BPR1_EL1, 3);
    icc_write(b, 0, A64_ICC_CTLR_EL1, 1);
    assert_int_equal(icc_read(b, 0, A64_ICC_BPR1_EL1), 6); /* BPR0 + 1 */
    icc_write(b, 0, A64_ICC_BPR1_EL1, 7);                  /* ignored */
    spi_priority(b, 40, 0x20);
    spi_priority(b, 41, 0x00);
    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    spi_level(b, 41, true); /* same group of 64 priorities */
    assert_int_equal(iar1(b), NONE);
    icc_write(b, 0, A64_ICC_BPR0_EL1, 7);
    assert_int_equal(icc_read(b, 0, A64_ICC_BPR1_EL1), 7); /* saturated */
    icc_write(b, 0, A64_ICC_CTLR_EL1, 0);
    assert_int_equal(icc_read(b, 0, A64_ICC_BPR1_EL1), 3);
    bench_destroy(b);
}

static void test_gic_active_priorities_can_be_restored(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_set(b, ISENABLER, 40);
    icc_write(b, 0, A64_ICC_AP1R0_EL1, 1u << 10);
    assert_int_equal(rpr(b), 0x50);
    spi_level(b, 40, true);
    assert_int_equal(b->lines[0], 0);
    icc_write(b, 0, A64_ICC_AP0R0_EL1, 1u << 3);
    assert_int_equal(rpr(b), 0x18);
    icc_write(b, 0, A64_ICC_AP0R0_EL1, 0);
    icc_write(b, 0, A64_ICC_AP1R0_EL1, 0);
    assert_int_equal(rpr(b), 0xff);
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    bench_destroy(b);
}

/* ---- End of interrupt ---- */

static void test_gic_eoimode_1_separates_priority_drop_from_deactivation(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, ISENABLER + 4, 0xffffffff);
    icc_write(b, 0, A64_ICC_CTLR_EL1, 2);
    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    eoi1(b, 40);
    assert_int_equal(rpr(b), 0xff);
    assert_true(spi_is(b, ISACTIVER, 40));
    assert_int_equal(b->lines[0], 0);
    spi_level(b, 41, true); /* others of the same priority go on meanwhile */
    assert_int_equal(iar1(b), 41);
    eoi1(b, 41);
    icc_write(b, 0, A64_ICC_DIR_EL1, 40);
    assert_false(spi_is(b, ISACTIVER, 40));
    assert_int_equal(b->lines[0], A64_LINE_IRQ);
    assert_true(spi_is(b, ISACTIVER, 41));
    spi_level(b, 40, false);
    spi_level(b, 41, false);
    icc_write(b, 0, A64_ICC_DIR_EL1, 41);
    assert_int_equal(d_read(b, ISACTIVER + 4), 0);
    bench_destroy(b);
}

static void test_gic_dir_is_ignored_without_eoimode(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_set(b, ISENABLER, 40);
    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    icc_write(b, 0, A64_ICC_DIR_EL1, 40);
    assert_true(spi_is(b, ISACTIVER, 40));
    icc_write(b, 0, A64_ICC_CTLR_EL1, 2);
    icc_write(b, 0, A64_ICC_DIR_EL1, 1000);
    icc_write(b, 0, A64_ICC_DIR_EL1, 0xffffff);
    assert_true(spi_is(b, ISACTIVER, 40));
    bench_destroy(b);
}

static void test_gic_eoi_that_matches_nothing_is_ignored(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    spi_set(b, ISENABLER, 40);
    eoi1(b, 40); /* nothing active */
    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    for (unsigned special = 1020; special <= 1023; special++)
        eoi1(b, special);
    eoi1(b, 288);
    eoi1(b, 8192);
    eoi1(b, 0xffffff);
    eoi0(b, 40); /* the other group's register */
    assert_int_equal(rpr(b), 0xa0);
    assert_true(spi_is(b, ISACTIVER, 40));
    eoi1(b, 40);
    assert_int_equal(rpr(b), 0xff);
    assert_false(spi_is(b, ISACTIVER, 40));
    bench_destroy(b);
}

static void test_gic_eoi_drops_the_highest_active_priority(void **s)
{
    (void)s;
    struct bench *b = bench_ready(1);
    d_write(b, ISENABLER + 4, 0xffffffff);
    d_write(b, IGROUPR + 4, ~(1u << 9)); /* 41: Group 0 */
    spi_priority(b, 41, 0x20);
    spi_level(b, 40, true);
    assert_int_equal(iar1(b), 40);
    spi_level(b, 41, true);
    assert_int_equal(b->lines[0], A64_LINE_FIQ);
    assert_int_equal(iar0(b), 41);
    eoi1(b, 40); /* Group 0 runs: not Group 1's turn */
    assert_int_equal(rpr(b), 0x20);
    spi_level(b, 41, false);
    eoi0(b, 41);
    assert_int_equal(rpr(b), 0xa0);
    eoi1(b, 40);
    assert_int_equal(rpr(b), 0xff);
    bench_destroy(b);
}

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
        cmocka_unit_test(test_gic_distributor_reset_values),
        cmocka_unit_test(test_gic_distributor_ctlr_has_two_writable_bits),
        cmocka_unit_test(test_gic_private_and_absent_interrupts_are_raz_wi_in_the_distributor),
        cmocka_unit_test(test_gic_clear_registers_clear_and_read_the_same),
        cmocka_unit_test(test_gic_access_sizes),
        cmocka_unit_test(test_gic_unknown_offsets_are_raz_wi_and_counted),
        cmocka_unit_test(test_gic_redistributor_identification),
        cmocka_unit_test(test_gic_lpi_registers_are_raz_wi),
        cmocka_unit_test(test_gic_sgis_are_always_edge_triggered),
        cmocka_unit_test(test_gic_cpu_interface_reset_values),
        cmocka_unit_test(test_gic_cpu_interface_writable_bits),
        cmocka_unit_test(test_gic_registers_of_absent_preemption_levels_are_undefined),
        cmocka_unit_test(test_gic_signals_only_when_everything_is_open),
        cmocka_unit_test(test_gic_group_0_is_fiq_and_group_1_irq),
        cmocka_unit_test(test_gic_disabled_group_does_not_hide_the_other),
        cmocka_unit_test(test_gic_lines_are_driven_only_when_they_change),
        cmocka_unit_test(test_gic_highest_pending_ignores_mask_and_running_priority),
        cmocka_unit_test(test_gic_level_interrupt_is_taken_again_while_the_wire_is_high),
        cmocka_unit_test(test_gic_level_pending_state_by_registers),
        cmocka_unit_test(test_gic_edge_interrupt_is_taken_once_per_edge),
        cmocka_unit_test(test_gic_active_state_written_by_software),
        cmocka_unit_test(test_gic_ppi_is_private),
        cmocka_unit_test(test_gic_message_based_interrupts),
        cmocka_unit_test(test_gic_highest_priority_then_lowest_intid_wins),
        cmocka_unit_test(test_gic_lowest_priority_is_never_signalled),
        cmocka_unit_test(test_gic_preemption_nests_and_unwinds),
        cmocka_unit_test(test_gic_binary_point_limits_preemption),
        cmocka_unit_test(test_gic_group_0_binary_point),
        cmocka_unit_test(test_gic_running_priority_is_the_group_priority),
        cmocka_unit_test(test_gic_common_binary_point),
        cmocka_unit_test(test_gic_active_priorities_can_be_restored),
        cmocka_unit_test(test_gic_eoimode_1_separates_priority_drop_from_deactivation),
        cmocka_unit_test(test_gic_dir_is_ignored_without_eoimode),
        cmocka_unit_test(test_gic_eoi_that_matches_nothing_is_ignored),
        cmocka_unit_test(test_gic_eoi_drops_the_highest_active_priority),
        cmocka_unit_test(test_gic_sgi_to_self),
        cmocka_unit_test(test_gic_sgi_target_list_and_clusters),
        cmocka_unit_test(test_gic_sgi_to_all_but_self),
        cmocka_unit_test(test_gic_sgi_groups),
        cmocka_unit_test(test_gic_sgi_pending_state_by_registers),
        cmocka_unit_test(test_gic_sgi_waits_for_a_sleeping_pe),
        cmocka_unit_test(test_gic_spi_goes_where_it_is_routed),
        cmocka_unit_test(test_gic_1_of_n_goes_to_one_that_can_take_it),
        cmocka_unit_test(test_gic_another_pe_can_deactivate),
        cmocka_unit_test(test_gic_save_load),
        cmocka_unit_test(test_gic_reset_is_fresh),
        cmocka_unit_test(test_gic_rejects_hostile_state),
        cmocka_unit_test(test_gic_in_a_machine_drives_the_vcpu),
        cmocka_unit_test(test_gic_creation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
