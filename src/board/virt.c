/* The machine `virt`: memory map and wiring. See virt.h, virt_map.h and the device tree in
 * virt_fdt.c.
 */
#include "board/virt.h"

#include "base/bits.h"
#include "board/power_key.h"
#include "board/virt_map.h"
#include "dev/gicv3.h"
#include "dev/pl011.h"
#include "dev/pl031.h"
#include "dev/pl061.h"
#include "dev/psci.h"
#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/mmio.h"
#include "virtio/net.h"
#include "virtio/rng.h"
#include "vm/vm_hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DTB_FILE_MAX (UINT64_C(2) << 20)

_Static_assert(VIRT_GICD_BASE == GICV3_DIST_BASE, "one fact, two names");
_Static_assert(VIRT_GICR_BASE == GICV3_REDIST_BASE, "one fact, two names");
_Static_assert((VIRT_UART_BASE - VIRT_GICR_BASE) / VIRT_GICR_BYTES_PER_CPU == VM_MAX_CPUS &&
                   VM_MAX_CPUS == GICV3_MAX_CPUS,
               "as many redistributors as fit");

_Static_assert(VM_MAX_CPUS * VCPU_STEAL_BYTES <= VIRT_STEAL_BYTES, "a structure for each");

/* ---- Devices ---- */

static int add_peripherals(struct virt *b, struct gicv3 *gic, struct err *e)
{
    struct vm *vm = &b->vm;
    struct pl061 *gpio = NULL;
    int r = pl011_create(vm, "pl011", VIRT_UART_BASE, gicv3_spi(gic, VIRT_SPI_UART),
                         b->cfg->console, e);
    if (!r)
        r = pl031_create(vm, "pl031", VIRT_RTC_BASE, gicv3_spi(gic, VIRT_SPI_RTC), e);
    if (!r)
        r = pl061_create(vm, "pl061", VIRT_GPIO_BASE, gicv3_spi(gic, VIRT_SPI_GPIO), &gpio, e);
    if (!r)
        r = power_key_create(vm, gpio, VIRT_GPIO_POWER_KEY, &b->power_key, e);
    return r;
}

/* Puts a virtio device (null: nothing) into the next slot. Linux numbers disks and networks in the
 * order of addresses, so devices fill slots from the bottom in command line order. */
static int plug(struct virt *b, struct gicv3 *gic, struct virtio_dev *vd, struct err *e)
{
    unsigned slot = b->next_slot++;
    if (slot == VIRT_VIRTIO_SLOTS)
        return err_set(e, ENOSPC, "more than %u virtio devices", VIRT_VIRTIO_SLOTS);
    if (vd)
        b->virtio_slots |= (uint32_t)BIT(slot);
    return virtio_mmio_create(&b->vm, slot, VIRT_VIRTIO_BASE + slot * VIRT_VIRTIO_STRIDE,
                              gicv3_spi(gic, VIRT_SPI_VIRTIO + slot), vd, e);
}

/* A queue for each vCPU that submits, as far as a disk has them. */
static unsigned disk_queues(const struct virt *b)
{
    return b->cfg->cpus < VIRTIO_BLK_MAX_QUEUES ? b->cfg->cpus : VIRTIO_BLK_MAX_QUEUES;
}

static int add_disks(struct virt *b, struct gicv3 *gic, struct err *e)
{
    for (unsigned i = 0; i < b->cfg->disk_count; i++) {
        const struct virt_disk *d = &b->cfg->disks[i];
        const struct virtio_blk_config cfg = {
            .backend = d->backend,
            .serial = d->serial,
            .queues = d->queues ? d->queues : disk_queues(b),
        };
        struct virtio_dev *vd;
        int r = virtio_blk_create(&b->vm, &cfg, &vd, e);
        if (r)
            return r;
        b->disks_taken++;
        r = plug(b, gic, vd, e);
        if (r)
            return r;
    }
    return 0;
}

static int add_nets(struct virt *b, struct gicv3 *gic, struct err *e)
{
    for (unsigned i = 0; i < b->cfg->net_count; i++) {
        struct virtio_net_config cfg = {.backend = b->cfg->nets[i].backend};
        memcpy(cfg.mac, b->cfg->nets[i].mac, sizeof(cfg.mac));
        struct virtio_dev *vd;
        int r = virtio_net_create(&b->vm, &cfg, &vd, e);
        if (r)
            return r;
        b->nets_taken++;
        r = plug(b, gic, vd, e);
        if (r)
            return r;
    }
    return 0;
}

static int add_virtio(struct virt *b, struct gicv3 *gic, struct err *e)
{
    struct virtio_dev *vd;
    int r = add_disks(b, gic, e);
    if (!r)
        r = add_nets(b, gic, e);
    if (!r && b->cfg->hvc) {
        const struct virtio_console_config cfg = {.chr = b->cfg->hvc};
        r = virtio_console_create(&b->vm, &cfg, &vd, e);
        if (!r)
            r = plug(b, gic, vd, e);
    }
    if (!r && b->cfg->rng) {
        r = virtio_rng_create(&b->vm, &vd, e);
        if (!r)
            r = plug(b, gic, vd, e);
    }
    while (!r && b->next_slot < VIRT_VIRTIO_SLOTS)
        r = plug(b, gic, NULL, e);
    return r;
}

/* ---- The machine ---- */

static int open_files(struct virt *b, struct err *e)
{
    const struct virt_config *cfg = b->cfg;
    if (cfg->dtb) {
        int r = buf_read_file(&b->user_dtb, cfg->dtb, DTB_FILE_MAX, e);
        if (!r && !b->user_dtb.len)
            r = err_set(e, EINVAL, "'%s' is empty", cfg->dtb);
        if (r)
            return err_add(e, "--dtb");
    }
    const struct loader_files files = {.kernel = cfg->kernel, .initrd = cfg->initrd};
    return loader_open(&b->loader, &files, cfg->memory_bytes, e);
}

/* Those that no device has taken. */
static void release_backends(struct virt *b)
{
    for (unsigned i = b->disks_taken; i < b->cfg->disk_count; i++)
        blk_destroy(b->cfg->disks[i].backend);
    for (unsigned i = b->nets_taken; i < b->cfg->net_count; i++)
        net_destroy(b->cfg->nets[i].backend);
}

int virt_create(struct virt *b, const struct virt_config *cfg, struct err *e)
{
    *b = (struct virt){.cfg = cfg};
    int r = vm_create(&b->vm, VIRT_RAM_BASE, cfg->memory_bytes, cfg->clock, e);
    if (r) {
        release_backends(b);
        return r;
    }
    b->vm.engine_config = cfg->engine_config;
    if (cfg->clock == CLOCK_COUNTED) {
        journal_fix(&b->vm.journal, cfg->clock_seed);
        turns_seed(&b->vm.turns, cfg->clock_seed);
    }
    struct gicv3 *gic = NULL;
    for (unsigned i = 0; !r && i < cfg->cpus; i++) {
        r = vm_add_vcpu(&b->vm, cfg->engine, &cfg->features, e);
        if (!r)
            b->vm.vcpus[i]->cpu.semihosting = cfg->semihosting;
    }
    if (!r)
        r = gicv3_create(&b->vm, &gic, e);
    if (!r)
        r = add_peripherals(b, gic, e);
    if (!r)
        r = add_virtio(b, gic, e);
    if (!r)
        r = open_files(b, e);
    if (r) {
        virt_destroy(b);
        return r;
    }
    b->vm.smccc = psci_smccc;
    return 0;
}

static bool is_apart(uint64_t at, uint64_t start, uint64_t end)
{
    return at + VIRT_STEAL_BYTES <= start || at >= end;
}

/* The highest 64 KiB of RAM without an image, or 0. With the counted clock nothing is ever stolen,
 * so that there is nothing to tell. */
static gpa_t steal_place(const struct virt *b)
{
    const struct loader_result *p = &b->placed;
    const struct mem *m = &b->vm.mem;
    uint64_t at = (m->ram_base + m->ram_bytes) & ~(uint64_t)(VIRT_STEAL_BYTES - 1);
    if (b->cfg->clock == CLOCK_COUNTED)
        return 0;
    while (at >= m->ram_base + VIRT_STEAL_BYTES) {
        at -= VIRT_STEAL_BYTES;
        if (is_apart(at, p->kernel_start, p->kernel_end) &&
            is_apart(at, p->initrd_start, p->initrd_end) &&
            is_apart(at, p->dtb, p->dtb + p->dtb_max_bytes))
            return at;
    }
    return 0;
}

int virt_reset(struct virt *b, struct err *e)
{
    struct vm *vm = &b->vm;
    int r = mem_reset(&vm->mem, e);
    if (!r)
        r = loader_place(&b->loader, &vm->mem, &b->placed, e);
    if (r)
        return r;
    vm->boot_pc = b->placed.entry;
    vm->boot_x0 = b->placed.dtb;
    vm->steal_base = steal_place(b);
    vm_reset(vm);
    struct buf dtb = {0};
    r = virt_fdt_build(b, &dtb, e);
    if (!r && !mem_write(&vm->mem, b->placed.dtb, dtb.data, dtb.len))
        r = err_set(e, EFBIG, "the device tree does not fit into memory; give more with --memory");
    buf_fini(&dtb);
    return r;
}

void virt_power_key(struct virt *b)
{
    power_key_press(b->power_key);
}

/* Of a machine that another run can be equal to. */
static void hash_stats(struct vm *vm, FILE *to)
{
    uint64_t state;
    struct err e = {0};
    if (vm_hash_state(vm, &state, &e))
        return; /* it has not come to its end */
    fprintf(to, "state_hash 0x%016llx\n", (unsigned long long)state);
    fprintf(to, "ram_hash 0x%016llx\n", (unsigned long long)vm_hash_ram(vm));
}

/* The engine's lines, with the vCPU's name in front when there are several. */
static void engine_stats(struct vcpu *v, FILE *to)
{
    char *text = NULL, *rest = NULL;
    size_t len = 0;
    FILE *f = v->vm->cpu_count > 1 ? open_memstream(&text, &len) : NULL;
    v->engine->stats(v, f ? f : to);
    if (!f)
        return;
    fclose(f);
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        fprintf(to, "vcpu%u.%s\n", v->index, line);
    free(text);
}

void virt_stats(struct virt *b, FILE *to)
{
    static const char *const exit_names[A64_EXIT_COUNT] = {
        [A64_EXIT_BUDGET] = "budget",     [A64_EXIT_REQUEST] = "request",
        [A64_EXIT_WFI] = "wfi",           [A64_EXIT_WFE] = "wfe",
        [A64_EXIT_HVC] = "hvc",           [A64_EXIT_SMC] = "smc",
        [A64_EXIT_SEMIHOST] = "semihost", [A64_EXIT_DEBUG] = "debug",
    };
    for (unsigned i = 0; i < b->vm.cpu_count; i++) {
        struct vcpu *v = b->vm.vcpus[i];
        fprintf(to, "vcpu%u.engine %s\n", i, v->engine->name);
        fprintf(to, "vcpu%u.instructions %llu\n", i, (unsigned long long)v->cpu.instret);
        for (unsigned k = 0; k < A64_EXIT_COUNT; k++)
            fprintf(to, "vcpu%u.exits.%s %llu\n", i, exit_names[k],
                    (unsigned long long)v->exits[k]);
        if (b->vm.cpu_count > 1) {
            fprintf(to, "vcpu%u.broadcasts %llu\n", i, (unsigned long long)v->broadcast.sent);
            fprintf(to, "vcpu%u.broadcast_waits %llu\n", i,
                    (unsigned long long)v->broadcast.waits);
        }
        engine_stats(v, to);
    }
    fprintf(to, "virtual_time_ns %llu\n", (unsigned long long)b->vm.clock.frozen);
    for (const struct device *d = b->vm.devices; d; d = d->next) {
        if (d->err.count)
            fprintf(to, "%s.guest_errors %llu\n", d->name, (unsigned long long)d->err.count);
    }
    if (b->cfg->clock == CLOCK_COUNTED)
        hash_stats(&b->vm, to);
}

void virt_destroy(struct virt *b)
{
    vm_destroy(&b->vm);
    release_backends(b);
    loader_close(&b->loader);
    buf_fini(&b->user_dtb);
}
