/* dev/gicv3*.c against IHI 0069: signalling, the life of an interrupt, priorities. */
#include "gic_test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
