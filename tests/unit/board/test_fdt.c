/* The device tree that the guest gets: valid to the last byte, and saying of each device what the
 * map and the wiring say. */
#include "machine_test.h"

#include "base/bits.h"

#include <errno.h>
#include <libfdt.h>

#define SPI 0u
#define PPI 1u
#define EDGE 1u
#define LEVEL 4u

static struct board *machine;

static struct code one_instruction(void)
{
    struct code c = {0};
    I(&c, WFI);
    I(&c, NOP);
    return c;
}

static struct board *new_board(void)
{
    static struct code c;
    c = one_instruction();
    return board_new(&c, CLOCK_COUNTED);
}

static int set_up(void **state)
{
    (void)state;
    machine = new_board();
    machine->cfg.append = "console=ttyAMA0 quiet";
    machine->cfg.have_seed = true;
    for (unsigned i = 0; i < sizeof(machine->cfg.seed); i++)
        machine->cfg.seed[i] = (uint8_t)(i + 1);
    board_build(machine);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    board_destroy(machine);
    return 0;
}

/* The tree in guest memory, as the guest sees it. */
static const void *tree(const struct board *m)
{
    const void *fdt = mem_ptr(&m->virt.vm.mem, m->virt.placed.dtb, 4096, MEM_READ);
    assert_non_null(fdt);
    assert_int_equal(fdt_check_full(fdt, fdt_totalsize(fdt)), 0);
    return fdt;
}

static int node(const void *fdt, const char *path)
{
    int n = fdt_path_offset(fdt, path);
    if (n < 0)
        fail_msg("no node %s: %s", path, fdt_strerror(n));
    return n;
}

static uint32_t cell(const void *fdt, int n, const char *name, int i)
{
    int len;
    const fdt32_t *p = fdt_getprop(fdt, n, name, &len);
    if (!p || len < 4 * (i + 1))
        fail_msg("no cell %d of %s", i, name);
    return fdt32_to_cpu(p[i]);
}

static void assert_string(const void *fdt, int n, const char *name, const char *value)
{
    const char *p = fdt_getprop(fdt, n, name, NULL);
    assert_non_null(p);
    assert_string_equal(p, value);
}

static void assert_reg(const void *fdt, int n, int i, uint64_t base, uint64_t bytes)
{
    assert_int_equal(cell(fdt, n, "reg", 4 * i), base >> 32);
    assert_int_equal(cell(fdt, n, "reg", 4 * i + 1), (uint32_t)base);
    assert_int_equal(cell(fdt, n, "reg", 4 * i + 2), bytes >> 32);
    assert_int_equal(cell(fdt, n, "reg", 4 * i + 3), (uint32_t)bytes);
}

static void assert_interrupt(const void *fdt, int n, int i, uint32_t kind, uint32_t number,
                             uint32_t trigger)
{
    assert_int_equal(cell(fdt, n, "interrupts", 3 * i), kind);
    assert_int_equal(cell(fdt, n, "interrupts", 3 * i + 1), number);
    assert_int_equal(cell(fdt, n, "interrupts", 3 * i + 2), trigger);
}

/* ---- The built tree ---- */

static void test_root_and_interrupt_controller(void **state)
{
    (void)state;
    const void *fdt = tree(machine);
    int gic = node(fdt, "/intc@8000000");
    assert_int_equal(cell(fdt, 0, "#address-cells", 0), 2);
    assert_int_equal(cell(fdt, 0, "#size-cells", 0), 2);
    assert_int_equal(cell(fdt, 0, "interrupt-parent", 0), fdt_get_phandle(fdt, gic));
    assert_string(fdt, gic, "compatible", "arm,gic-v3");
    assert_int_equal(cell(fdt, gic, "#interrupt-cells", 0), 3);
    assert_non_null(fdt_getprop(fdt, gic, "interrupt-controller", NULL));
    assert_reg(fdt, gic, 0, VIRT_GICD_BASE, VIRT_GICD_BYTES);
    assert_reg(fdt, gic, 1, VIRT_GICR_BASE, VIRT_GICR_BYTES_PER_CPU);
}

static void test_processor_psci_timer_and_pmu(void **state)
{
    (void)state;
    const void *fdt = tree(machine);
    int n = node(fdt, "/cpus/cpu@0");
    assert_string(fdt, n, "device_type", "cpu");
    assert_string(fdt, n, "enable-method", "psci");
    assert_int_equal(cell(fdt, n, "reg", 0), 0);
    n = node(fdt, "/psci");
    assert_string(fdt, n, "method", "hvc");
    assert_true(fdt_node_check_compatible(fdt, n, "arm,psci-1.0") == 0);
    n = node(fdt, "/timer");
    assert_true(fdt_node_check_compatible(fdt, n, "arm,armv8-timer") == 0);
    assert_interrupt(fdt, n, 0, PPI, 13, LEVEL);
    assert_interrupt(fdt, n, 1, PPI, 14, LEVEL);
    assert_interrupt(fdt, n, 2, PPI, 11, LEVEL);
    assert_interrupt(fdt, n, 3, PPI, 10, LEVEL);
    n = node(fdt, "/pmu");
    assert_interrupt(fdt, n, 0, PPI, 7, LEVEL);
}

static void test_devices_are_where_the_bus_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *path, *compatible;
        uint32_t base, spi;
    } rows[] = {
        {"/pl011@9000000", "arm,pl011", VIRT_UART_BASE, VIRT_SPI_UART},
        {"/pl031@9010000", "arm,pl031", VIRT_RTC_BASE, VIRT_SPI_RTC},
        {"/pl061@9030000", "arm,pl061", VIRT_GPIO_BASE, VIRT_SPI_GPIO},
    };
    const void *fdt = tree(machine);
    int clock = node(fdt, "/apb-pclk");
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        int n = node(fdt, rows[i].path);
        assert_true(fdt_node_check_compatible(fdt, n, rows[i].compatible) == 0);
        assert_true(fdt_node_check_compatible(fdt, n, "arm,primecell") == 0);
        assert_reg(fdt, n, 0, rows[i].base, 0x1000);
        assert_interrupt(fdt, n, 0, SPI, rows[i].spi, LEVEL);
        assert_int_equal(cell(fdt, n, "clocks", 0), fdt_get_phandle(fdt, clock));
        uint64_t value;
        assert_true(bus_read(&machine->virt.vm.bus, rows[i].base + 0xfe0, 4, &value));
        assert_int_equal(value, 0x11 + 0x20 * (i == 1) + 0x50 * (i == 2)); /* PeriphID0 */
    }
    assert_string(fdt, node(fdt, "/chosen"), "stdout-path", "/pl011@9000000");
    assert_string(fdt, node(fdt, "/aliases"), "serial0", "/pl011@9000000");
}

static void test_power_key_is_at_its_pin(void **state)
{
    (void)state;
    const void *fdt = tree(machine);
    int n = node(fdt, "/gpio-keys/poweroff");
    assert_int_equal(cell(fdt, n, "gpios", 0),
                     fdt_get_phandle(fdt, node(fdt, "/pl061@9030000")));
    assert_int_equal(cell(fdt, n, "gpios", 1), VIRT_GPIO_POWER_KEY);
    assert_int_equal(cell(fdt, n, "linux,code", 0), 116);
    uint64_t pin = UINT64_C(1) << VIRT_GPIO_POWER_KEY, value;
    assert_true(bus_read(&machine->virt.vm.bus, VIRT_GPIO_BASE + (pin << 2), 1, &value));
    assert_int_equal(value, 0);
    virt_power_key(&machine->virt);
    assert_true(bus_read(&machine->virt.vm.bus, VIRT_GPIO_BASE + (pin << 2), 1, &value));
    assert_int_equal(value, pin);
}

/* Occupied slots only; each with the device's own interrupt. */
static void test_virtio_slots_with_a_device_are_described(void **state)
{
    (void)state;
    const void *fdt = tree(machine);
    int n = node(fdt, "/virtio_mmio@a000000");
    assert_string(fdt, n, "compatible", "virtio,mmio");
    assert_reg(fdt, n, 0, VIRT_VIRTIO_BASE, VIRT_VIRTIO_STRIDE);
    assert_interrupt(fdt, n, 0, SPI, VIRT_SPI_VIRTIO, EDGE);
    assert_non_null(fdt_getprop(fdt, n, "dma-coherent", NULL));
    assert_int_equal(fdt_path_offset(fdt, "/virtio_mmio@a000200"), -FDT_ERR_NOTFOUND);
}

static void test_memory_bootargs_and_seeds(void **state)
{
    (void)state;
    const void *fdt = tree(machine);
    int n = node(fdt, "/memory@40000000"), len;
    assert_string(fdt, n, "device_type", "memory");
    assert_reg(fdt, n, 0, VIRT_RAM_BASE, MACHINE_RAM_BYTES);
    n = node(fdt, "/chosen");
    assert_string(fdt, n, "bootargs", "console=ttyAMA0 quiet");
    assert_null(fdt_getprop(fdt, n, "linux,initrd-start", NULL));
    const uint8_t *p = fdt_getprop(fdt, n, "kaslr-seed", &len);
    assert_true(p && len == 8 && p[0] == 1 && p[7] == 8);
    p = fdt_getprop(fdt, n, "rng-seed", &len);
    assert_true(p && len == 56 && p[0] == 9);
}

/* Affinity, clusters and redistributors of several vCPUs, up to the most there can be. */
static void test_cpus_clusters_and_redistributors(void **state)
{
    (void)state;
    const unsigned counts[] = {1, 2, 16, 17, VM_MAX_CPUS};
    for (unsigned k = 0; k < ARRAY_LEN(counts); k++) {
        struct board *m = new_board();
        m->cfg.cpus = counts[k];
        m->cfg.engine = &interp_engine;
        board_build(m);
        const void *fdt = tree(m);
        for (unsigned i = 0; i < counts[k]; i++) {
            char path[64];
            unsigned mpidr = i / 16 << 8 | i % 16;
            snprintf(path, sizeof(path), "/cpus/cpu@%x", mpidr);
            int cpu = node(fdt, path);
            assert_int_equal(cell(fdt, cpu, "reg", 0), mpidr);
            assert_string(fdt, cpu, "enable-method", "psci");
            snprintf(path, sizeof(path), "/cpus/cpu-map/cluster%u/core%u", i / 16, i % 16);
            assert_int_equal(cell(fdt, node(fdt, path), "cpu", 0), fdt_get_phandle(fdt, cpu));
        }
        assert_reg(fdt, node(fdt, "/intc@8000000"), 1, VIRT_GICR_BASE,
                   (uint64_t)counts[k] * VIRT_GICR_BYTES_PER_CPU);
        board_destroy(m);
    }
}

static void test_initrd_is_where_it_was_placed(void **state)
{
    (void)state;
    struct board *m = new_board();
    char initrd[] = "/tmp/sojourn-initrd-XXXXXX";
    int fd = mkstemp(initrd);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "ramdisk!", 8), 8);
    close(fd);
    m->cfg.initrd = initrd;
    board_build(m);
    const void *fdt = tree(m);
    int n = node(fdt, "/chosen");
    uint64_t start = (uint64_t)cell(fdt, n, "linux,initrd-start", 0) << 32 |
                     cell(fdt, n, "linux,initrd-start", 1);
    uint64_t end = (uint64_t)cell(fdt, n, "linux,initrd-end", 0) << 32 |
                   cell(fdt, n, "linux,initrd-end", 1);
    assert_int_equal(end - start, 8);
    assert_int_equal(board_peek(m, start, 8), le_load("ramdisk!", 8));
    unlink(initrd);
    board_destroy(m);
}

/* No two windows of the tree overlap, and each lies on the bus. */
static void test_every_register_window_is_on_the_bus(void **state)
{
    (void)state;
    const void *fdt = tree(machine);
    unsigned checked = 0;
    for (int n = fdt_first_subnode(fdt, 0); n >= 0; n = fdt_next_subnode(fdt, n)) {
        int len;
        if (!fdt_getprop(fdt, n, "reg", &len) || fdt_getprop(fdt, n, "device_type", NULL))
            continue;
        for (int i = 0; i < len / 16; i++) {
            uint64_t value, base = (uint64_t)cell(fdt, n, "reg", 4 * i) << 32 |
                                   cell(fdt, n, "reg", 4 * i + 1);
            assert_true(bus_read(&machine->virt.vm.bus, base, 4, &value));
            checked++;
        }
    }
    assert_int_equal(checked, 6); /* GIC (2), UART, RTC, GPIO, one virtio slot */
}

/* ---- The user's tree ---- */

/* A tree of the user's, made here: with or without /chosen and memory. */
static void write_dtb(char *path, bool complete, size_t padding)
{
    size_t room = 4096 + padding;
    void *fdt = calloc(1, room);
    assert_non_null(fdt);
    assert_int_equal(fdt_create_empty_tree(fdt, (int)room), 0);
    assert_int_equal(fdt_setprop_u32(fdt, 0, "#address-cells", 2), 0);
    assert_int_equal(fdt_setprop_u32(fdt, 0, "#size-cells", 2), 0);
    assert_int_equal(fdt_setprop_string(fdt, 0, "model", "mine"), 0);
    if (complete) {
        int n = fdt_add_subnode(fdt, 0, "chosen");
        assert_int_equal(fdt_setprop_string(fdt, n, "bootargs", "old"), 0);
        assert_int_equal(fdt_setprop_string(fdt, n, "stdout-path", "/mine"), 0);
        n = fdt_add_subnode(fdt, 0, "memory@0");
        assert_int_equal(fdt_setprop_string(fdt, n, "device_type", "memory"), 0);
        assert_int_equal(fdt_setprop_u64(fdt, n, "reg", 7), 0);
    }
    if (padding) {
        uint8_t *fill = calloc(1, padding);
        assert_non_null(fill);
        assert_int_equal(fdt_setprop(fdt, 0, "fill", fill, (int)padding), 0);
        free(fill);
    }
    assert_int_equal(fdt_pack(fdt), 0);
    strcpy(path, "/tmp/sojourn-dtb-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, fdt, fdt_totalsize(fdt)), (ssize_t)fdt_totalsize(fdt));
    close(fd);
    free(fdt);
}

static void test_users_tree_is_kept_and_filled_in(void **state)
{
    (void)state;
    for (unsigned complete = 0; complete < 2; complete++) {
        char path[40];
        write_dtb(path, complete, 0);
        struct board *m = new_board();
        m->cfg.dtb = path;
        m->cfg.append = "new";
        board_build(m);
        const void *fdt = tree(m);
        assert_string(fdt, 0, "model", "mine");
        assert_string(fdt, node(fdt, "/chosen"), "bootargs", "new");
        assert_reg(fdt, node(fdt, complete ? "/memory@0" : "/memory@40000000"), 0, VIRT_RAM_BASE,
                   MACHINE_RAM_BYTES);
        if (complete)
            assert_string(fdt, node(fdt, "/chosen"), "stdout-path", "/mine");
        assert_int_equal(fdt_path_offset(fdt, "/pl011@9000000"), -FDT_ERR_NOTFOUND);
        unlink(path);
        board_destroy(m);
    }
}

/* Small trees have addresses of one cell. */
static void test_users_tree_with_32_bit_addresses_gets_them(void **state)
{
    (void)state;
    char path[40];
    write_dtb(path, true, 0);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    uint8_t fdt[2048];
    size_t n = fread(fdt, 1, sizeof(fdt), f);
    assert_true(n > 0 && n < sizeof(fdt));
    assert_int_equal(fdt_setprop_inplace_u32(fdt, 0, "#address-cells", 1), 0);
    assert_int_equal(fdt_setprop_inplace_u32(fdt, 0, "#size-cells", 1), 0);
    rewind(f);
    assert_int_equal(fwrite(fdt, 1, n, f), n);
    fclose(f);
    struct board *m = new_board();
    m->cfg.dtb = path;
    board_build(m);
    int at = node(tree(m), "/memory@0");
    assert_int_equal(cell(tree(m), at, "reg", 0), VIRT_RAM_BASE);
    assert_int_equal(cell(tree(m), at, "reg", 1), MACHINE_RAM_BYTES);
    unlink(path);
    board_destroy(m);
}

static void test_users_bootargs_stay_without_append(void **state)
{
    (void)state;
    char path[40];
    write_dtb(path, true, 0);
    struct board *m = new_board();
    m->cfg.dtb = path;
    board_build(m);
    assert_string(tree(m), node(tree(m), "/chosen"), "bootargs", "old");
    unlink(path);
    board_destroy(m);
}

/* With the host's clock memory for stolen time is reserved in either tree, apart from what the boot
 * has put there. */
static void test_memory_of_stolen_time_is_reserved(void **state)
{
    (void)state;
    struct board *m = new_board(); /* counted clock */
    board_build(m);
    assert_int_equal(fdt_num_mem_rsv(tree(m)), 0);
    board_destroy(m);
    for (unsigned users = 0; users < 2; users++) {
        char path[40];
        uint64_t at, bytes;
        m = new_board();
        m->cfg.clock = CLOCK_HOST;
        write_dtb(path, false, 0);
        if (users)
            m->cfg.dtb = path;
        board_build(m);
        const struct loader_result *p = &m->virt.placed;
        assert_int_equal(fdt_num_mem_rsv(tree(m)), 1);
        assert_int_equal(fdt_get_mem_rsv(tree(m), 0, &at, &bytes), 0);
        assert_int_equal(at, m->virt.vm.steal_base);
        assert_int_equal(bytes, VIRT_STEAL_BYTES);
        assert_int_equal(at % VIRT_STEAL_BYTES, 0);
        assert_non_null(mem_ptr(&m->virt.vm.mem, at, bytes, MEM_WRITE));
        assert_true(at + bytes <= p->kernel_start || at >= p->kernel_end);
        assert_true(at + bytes <= p->dtb || at >= p->dtb + p->dtb_max_bytes);
        assert_int_equal(m->virt.vm.vcpus[0]->steal.at, at);
        unlink(path);
        board_destroy(m);
    }
}

static void assert_build_fails(struct board *m, int code, const char *word)
{
    struct err e = {0};
    int r = virt_create(&m->virt, &m->cfg, &e);
    if (!r) {
        r = virt_reset(&m->virt, &e);
        virt_destroy(&m->virt);
    }
    assert_int_equal(r, -code);
    if (!strstr(e.text, word))
        fail_msg("'%s' does not mention '%s'", e.text, word);
    unlink(m->kernel);
    free(m);
}

static void test_damaged_tree_is_refused_with_its_name(void **state)
{
    (void)state;
    char path[40];
    write_dtb(path, true, 0);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 80, SEEK_SET), 0);
    for (unsigned i = 0; i < 64; i++)
        fputc(0xff, f);
    fclose(f);
    struct board *m = new_board();
    m->cfg.dtb = path;
    assert_build_fails(m, EINVAL, path);
    assert_int_equal(truncate(path, 30), 0);
    m = new_board();
    m->cfg.dtb = path;
    assert_build_fails(m, EINVAL, path);
    unlink(path);
}

/* ---- Limits ---- */

static void test_append_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    const size_t bytes = 3 << 20;
    char *append = malloc(bytes + 1);
    assert_non_null(append);
    memset(append, 'x', bytes);
    append[bytes] = 0;
    struct board *m = new_board();
    m->cfg.append = append;
    assert_build_fails(m, EFBIG, "--append");
    append[1 << 20] = 0; /* but a long one that fits is taken */
    m = new_board();
    m->cfg.append = append;
    board_build(m);
    assert_string(tree(m), node(tree(m), "/chosen"), "bootargs", append);
    board_destroy(m);
    free(append);
}

static void test_tree_that_is_too_large_is_refused(void **state)
{
    (void)state;
    char path[40];
    write_dtb(path, true, (2 << 20) - 400);
    struct board *m = new_board();
    m->cfg.dtb = path;
    m->cfg.append = "this does not fit any more, since two mebibytes is what the boot protocol "
                    "gives to a device tree, and what is filled in here makes it larger than that. "
                    "So the operator is told which options to look at, instead of the guest being "
                    "left with half a tree.";
    assert_build_fails(m, EFBIG, "--dtb");
    unlink(path);
    write_dtb(path, true, 3 << 20);
    m = new_board();
    m->cfg.dtb = path;
    assert_build_fails(m, EFBIG, path);
    unlink(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_root_and_interrupt_controller),
        TEST(test_processor_psci_timer_and_pmu),
        TEST(test_devices_are_where_the_bus_has_them),
        TEST(test_power_key_is_at_its_pin),
        TEST(test_virtio_slots_with_a_device_are_described),
        TEST(test_memory_bootargs_and_seeds),
        cmocka_unit_test(test_cpus_clusters_and_redistributors),
        cmocka_unit_test(test_initrd_is_where_it_was_placed),
        TEST(test_every_register_window_is_on_the_bus),
        cmocka_unit_test(test_users_tree_is_kept_and_filled_in),
        cmocka_unit_test(test_users_tree_with_32_bit_addresses_gets_them),
        cmocka_unit_test(test_users_bootargs_stay_without_append),
        cmocka_unit_test(test_memory_of_stolen_time_is_reserved),
        cmocka_unit_test(test_damaged_tree_is_refused_with_its_name),
        cmocka_unit_test(test_append_that_does_not_fit_is_refused),
        cmocka_unit_test(test_tree_that_is_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
