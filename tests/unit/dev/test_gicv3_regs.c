/* dev/gicv3*.c against IHI 0069: registers. */
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
    const unsigned pairs[][2] = {
        {ISENABLER, ICENABLER}, {ISPENDR, ICPENDR}, {ISACTIVER, ICACTIVER}};
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
        {A64_ICC_PMR_EL1, 0}, {A64_ICC_BPR0_EL1, 2}, {A64_ICC_BPR1_EL1, 3},
        {A64_ICC_CTLR_EL1, 0x400}, {A64_ICC_SRE_EL1, 7},
        {A64_ICC_RPR_EL1, 0xff}, {A64_ICC_IGRPEN0_EL1, 0},
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
