/* The device tree of the machine `virt`, made with libfdt (Devicetree Specification 0.4 and the
 * bindings of Linux' Documentation/devicetree). With --dtb the user's tree is taken and only what
 * the boot protocol needs is filled in (memory, bootargs, initrd, seeds), and the memory reserved
 * for stolen time.
 */
#include "base/bits.h"
#include "base/check.h"
#include "board/virt.h"
#include "board/virt_map.h"

#include <errno.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHANDLE_GIC 1u
#define PHANDLE_CLOCK 2u
#define PHANDLE_GPIO 3u
#define PHANDLE_CPU 0x100u /* + its number */

#define GIC_SPI 0u
#define GIC_PPI 1u
#define IRQ_EDGE_RISING 1u
#define IRQ_LEVEL_HIGH 4u

#define FDT_BYTES 65536u
#define KEY_POWER 116u

/* libfdt's sequential-write calls fail only for lack of room, and the size is ours: a failure is
 * kept and looked at once at the end. */
struct tree {
    void *fdt;
    int err;
};

static void keep(struct tree *t, int r)
{
    if (r < 0 && !t->err)
        t->err = r;
}

static void begin(struct tree *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void begin(struct tree *t, const char *fmt, ...)
{
    char name[64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
    keep(t, fdt_begin_node(t->fdt, name));
}

static void end(struct tree *t)
{
    keep(t, fdt_end_node(t->fdt));
}

static void str(struct tree *t, const char *name, const char *value)
{
    keep(t, fdt_property_string(t->fdt, name, value));
}

/* A list of strings, given with embedded NULs. */
#define STRS(t, name, list) keep((t), fdt_property((t)->fdt, (name), (list), (int)sizeof(list)))

static void flag(struct tree *t, const char *name)
{
    keep(t, fdt_property(t->fdt, name, NULL, 0));
}

static void cells(struct tree *t, const char *name, const uint32_t *v, unsigned n)
{
    fdt32_t be[32];
    CHECK(n <= ARRAY_LEN(be));
    for (unsigned i = 0; i < n; i++)
        be[i] = cpu_to_fdt32(v[i]);
    keep(t, fdt_property(t->fdt, name, be, (int)(n * 4)));
}

#define CELLS(t, name, ...)                                                                        \
    cells((t), (name), (const uint32_t[]){__VA_ARGS__},                                            \
          sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

#define HI(x) ((uint32_t)((uint64_t)(x) >> 32))
#define LO(x) ((uint32_t)(x))

/* Clusters as the affinity has them: what shares Aff1 and above. */
static void add_cpu_map(struct tree *t, const struct virt *b)
{
    begin(t, "cpu-map");
    for (unsigned i = 0; i < b->vm.cpu_count; i++) {
        uint64_t mpidr = vcpu_mpidr(b->vm.vcpus[i]);
        unsigned core = (unsigned)bits(mpidr, 7, 0), cluster = (unsigned)bits(mpidr, 15, 8);
        if (core == 0)
            begin(t, "cluster%u", cluster);
        begin(t, "core%u", core);
        CELLS(t, "cpu", PHANDLE_CPU + i);
        end(t);
        if (i + 1 == b->vm.cpu_count ||
            bits(vcpu_mpidr(b->vm.vcpus[i + 1]), 15, 8) != cluster)
            end(t);
    }
    end(t);
}

static void add_cpus(struct tree *t, const struct virt *b)
{
    begin(t, "cpus");
    CELLS(t, "#address-cells", 1);
    CELLS(t, "#size-cells", 0);
    for (unsigned i = 0; i < b->vm.cpu_count; i++) {
        uint32_t mpidr = (uint32_t)b->vm.vcpus[i]->cpu.sys[A64_MPIDR_EL1] & 0xffffff;
        begin(t, "cpu@%x", mpidr);
        str(t, "device_type", "cpu");
        str(t, "compatible", "arm,armv8");
        CELLS(t, "reg", mpidr);
        str(t, "enable-method", "psci");
        CELLS(t, "phandle", PHANDLE_CPU + i);
        end(t);
    }
    add_cpu_map(t, b);
    end(t);
}

static void add_gic(struct tree *t, const struct virt *b)
{
    begin(t, "intc@%x", VIRT_GICD_BASE);
    str(t, "compatible", "arm,gic-v3");
    CELLS(t, "#interrupt-cells", 3);
    CELLS(t, "#address-cells", 2);
    CELLS(t, "#size-cells", 2);
    flag(t, "ranges");
    flag(t, "interrupt-controller");
    CELLS(t, "#redistributor-regions", 1);
    CELLS(t, "reg", 0, VIRT_GICD_BASE, 0, VIRT_GICD_BYTES, 0, VIRT_GICR_BASE, 0,
          VIRT_GICR_BYTES_PER_CPU * b->vm.cpu_count);
    CELLS(t, "interrupts", GIC_PPI, VIRT_PPI_MAINTENANCE, IRQ_LEVEL_HIGH);
    CELLS(t, "phandle", PHANDLE_GIC);
    end(t);
}

static void add_timer_and_pmu(struct tree *t)
{
    begin(t, "timer");
    STRS(t, "compatible", "arm,armv8-timer\0arm,armv7-timer");
    CELLS(t, "interrupts", GIC_PPI, VIRT_PPI_TIMER_SEC, IRQ_LEVEL_HIGH, GIC_PPI,
          VIRT_PPI_TIMER_PHYS, IRQ_LEVEL_HIGH, GIC_PPI, VIRT_PPI_TIMER_VIRT, IRQ_LEVEL_HIGH,
          GIC_PPI, VIRT_PPI_TIMER_HYP, IRQ_LEVEL_HIGH);
    flag(t, "always-on");
    end(t);
    begin(t, "pmu");
    str(t, "compatible", "arm,armv8-pmuv3");
    CELLS(t, "interrupts", GIC_PPI, VIRT_PPI_PMU, IRQ_LEVEL_HIGH);
    end(t);
}

static void add_psci(struct tree *t)
{
    begin(t, "psci");
    STRS(t, "compatible", "arm,psci-1.0\0arm,psci-0.2");
    str(t, "method", "hvc");
    end(t);
}

static void add_primecell(struct tree *t, const char *node, uint32_t base, uint32_t spi,
                          const char *clock_names, unsigned clocks)
{
    const uint32_t clock[2] = {PHANDLE_CLOCK, PHANDLE_CLOCK};
    begin(t, "%s@%x", node, base);
    CELLS(t, "reg", 0, base, 0, 0x1000);
    CELLS(t, "interrupts", GIC_SPI, spi, IRQ_LEVEL_HIGH);
    cells(t, "clocks", clock, clocks);
    keep(t, fdt_property(t->fdt, "clock-names", clock_names,
                         (int)(clocks == 2 ? sizeof("uartclk\0apb_pclk") : sizeof("apb_pclk"))));
}

static void add_peripherals(struct tree *t)
{
    begin(t, "apb-pclk");
    str(t, "compatible", "fixed-clock");
    CELLS(t, "#clock-cells", 0);
    CELLS(t, "clock-frequency", 24000000);
    str(t, "clock-output-names", "clk24mhz");
    CELLS(t, "phandle", PHANDLE_CLOCK);
    end(t);

    add_primecell(t, "pl011", VIRT_UART_BASE, VIRT_SPI_UART, "uartclk\0apb_pclk", 2);
    STRS(t, "compatible", "arm,pl011\0arm,primecell");
    end(t);
    add_primecell(t, "pl031", VIRT_RTC_BASE, VIRT_SPI_RTC, "apb_pclk", 1);
    STRS(t, "compatible", "arm,pl031\0arm,primecell");
    end(t);
    add_primecell(t, "pl061", VIRT_GPIO_BASE, VIRT_SPI_GPIO, "apb_pclk", 1);
    STRS(t, "compatible", "arm,pl061\0arm,primecell");
    CELLS(t, "#gpio-cells", 2);
    flag(t, "gpio-controller");
    CELLS(t, "#interrupt-cells", 2);
    flag(t, "interrupt-controller");
    CELLS(t, "phandle", PHANDLE_GPIO);
    end(t);

    begin(t, "gpio-keys");
    str(t, "compatible", "gpio-keys");
    begin(t, "poweroff");
    str(t, "label", "GPIO Key Poweroff");
    CELLS(t, "linux,code", KEY_POWER);
    CELLS(t, "gpios", PHANDLE_GPIO, VIRT_GPIO_POWER_KEY, 0);
    end(t);
    end(t);
}

/* Only slots with a device are described: Linux would probe empty ones in vain. */
static void add_virtio(struct tree *t, const struct virt *b)
{
    for (unsigned slot = 0; slot < VIRT_VIRTIO_SLOTS; slot++) {
        if (!bit(b->virtio_slots, slot))
            continue;
        uint32_t base = VIRT_VIRTIO_BASE + slot * VIRT_VIRTIO_STRIDE;
        begin(t, "virtio_mmio@%x", base);
        str(t, "compatible", "virtio,mmio");
        CELLS(t, "reg", 0, base, 0, VIRT_VIRTIO_STRIDE);
        CELLS(t, "interrupts", GIC_SPI, VIRT_SPI_VIRTIO + slot, IRQ_EDGE_RISING);
        flag(t, "dma-coherent");
        end(t);
    }
}

static void add_chosen(struct tree *t)
{
    char stdout_path[32];
    snprintf(stdout_path, sizeof(stdout_path), "/pl011@%x", VIRT_UART_BASE);
    begin(t, "chosen");
    str(t, "stdout-path", stdout_path);
    end(t);
    begin(t, "aliases");
    str(t, "serial0", stdout_path);
    end(t);
}

static int build(const struct virt *b, void *fdt, struct err *e)
{
    struct tree t = {.fdt = fdt};
    keep(&t, fdt_create(fdt, FDT_BYTES));
    keep(&t, fdt_finish_reservemap(fdt));
    begin(&t, "%s", "");
    STRS(&t, "compatible", "linux,dummy-virt");
    str(&t, "model", "linux,dummy-virt");
    CELLS(&t, "#address-cells", 2);
    CELLS(&t, "#size-cells", 2);
    CELLS(&t, "interrupt-parent", PHANDLE_GIC);
    add_cpus(&t, b);
    add_gic(&t, b);
    add_timer_and_pmu(&t);
    add_psci(&t);
    add_peripherals(&t);
    add_virtio(&t, b);
    add_chosen(&t);
    end(&t);
    keep(&t, fdt_finish(fdt));
    if (t.err)
        return err_set(e, ENOSPC, "cannot build the device tree: %s", fdt_strerror(t.err));
    return 0;
}

/* ---- What a boot fills in, in either tree ---- */

/* Node /name, made when missing; negative libfdt error otherwise. */
static int node_at(void *fdt, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/%s", name);
    int node = fdt_path_offset(fdt, path);
    return node >= 0 ? node : fdt_add_subnode(fdt, 0, name);
}

/* Appends a number of as many cells (1 or 2) as the root says that an address or a length has. */
static int append_number(void *fdt, int node, const char *name, int cells, uint64_t value)
{
    if (cells == 2)
        return fdt_appendprop_u64(fdt, node, name, value);
    return cells == 1 && !HI(value) ? fdt_appendprop_u32(fdt, node, name, LO(value))
                                    : -FDT_ERR_BADNCELLS;
}

static int fill_memory(const struct virt *b, void *fdt)
{
    int address_cells = fdt_address_cells(fdt, 0), size_cells = fdt_size_cells(fdt, 0);
    int node = fdt_node_offset_by_prop_value(fdt, -1, "device_type", "memory", sizeof("memory"));
    int err = 0;
    if (node < 0) {
        char name[32];
        snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)b->vm.mem.ram_base);
        node = node_at(fdt, name);
        if (node < 0)
            return node;
        err = fdt_setprop_string(fdt, node, "device_type", "memory");
    }
    if (!err)
        err = fdt_setprop_empty(fdt, node, "reg");
    if (!err)
        err = append_number(fdt, node, "reg", address_cells, b->vm.mem.ram_base);
    if (!err)
        err = append_number(fdt, node, "reg", size_cells, b->vm.mem.ram_bytes);
    return err;
}

static int fill_chosen(const struct virt *b, void *fdt)
{
    const struct virt_config *cfg = b->cfg;
    int node = node_at(fdt, "chosen"), err = 0;
    if (node < 0)
        return node;
    if (cfg->append)
        err = fdt_setprop_string(fdt, node, "bootargs", cfg->append);
    if (!err && b->placed.initrd_end > b->placed.initrd_start) {
        err = fdt_setprop_u64(fdt, node, "linux,initrd-start", b->placed.initrd_start);
        if (!err)
            err = fdt_setprop_u64(fdt, node, "linux,initrd-end", b->placed.initrd_end);
    }
    if (!err && cfg->have_seed) {
        err = fdt_setprop(fdt, node, "kaslr-seed", cfg->seed, 8);
        if (!err)
            err = fdt_setprop(fdt, node, "rng-seed", cfg->seed + 8, (int)sizeof(cfg->seed) - 8);
    }
    return err;
}

/* In the memory reservation block, which a loader keeps in either tree and which leaves the memory
 * mapped as Normal. */
static int reserve_steal(const struct virt *b, void *fdt)
{
    gpa_t at = b->vm.steal_base;
    return at ? fdt_add_mem_rsv(fdt, at, VIRT_STEAL_BYTES) : 0;
}

/* Trees older than version 16 name nodes by full paths; fdt_check_full() of libfdt before 1.7
 * crashes on the root of one. */
static int check_tree(const void *fdt, size_t bytes)
{
    if (bytes >= FDT_V1_SIZE && fdt_magic(fdt) == FDT_MAGIC && fdt_version(fdt) < 16)
        return -FDT_ERR_BADVERSION;
    return fdt_check_full(fdt, bytes);
}

int virt_fdt_build(const struct virt *b, struct buf *out, struct err *e)
{
    size_t room = FDT_BYTES + b->user_dtb.len + (b->cfg->append ? strlen(b->cfg->append) : 0);
    void *fdt = calloc(1, room);
    if (!fdt)
        return err_set(e, ENOMEM, "out of memory for the device tree");
    int r = 0, err;
    if (b->user_dtb.len) {
        err = check_tree(b->user_dtb.data, b->user_dtb.len);
        if (!err)
            err = fdt_open_into(b->user_dtb.data, fdt, (int)room);
        if (err)
            r = err_set(e, EINVAL, "--dtb: '%s' is not a valid device tree (%s)", b->cfg->dtb,
                        fdt_strerror(err));
    } else {
        r = build(b, fdt, e);
        if (!r && (err = fdt_open_into(fdt, fdt, (int)room)))
            r = err_set(e, EINVAL, "cannot extend the device tree: %s", fdt_strerror(err));
    }
    if (!r) {
        err = fill_memory(b, fdt);
        if (!err)
            err = fill_chosen(b, fdt);
        if (!err)
            err = reserve_steal(b, fdt);
        if (!err)
            err = fdt_pack(fdt);
        if (err)
            r = err_set(e, EINVAL, "cannot complete the device tree: %s", fdt_strerror(err));
    }
    if (!r && fdt_totalsize(fdt) > b->placed.dtb_max_bytes)
        r = err_set(e, EFBIG,
                    "the device tree (%u bytes) is larger than 2 MiB; shorten --append or --dtb",
                    fdt_totalsize(fdt));
    if (!r && buf_append(out, fdt, fdt_totalsize(fdt)))
        r = err_set(e, ENOMEM, "out of memory for the device tree");
    free(fdt);
    return r;
}
