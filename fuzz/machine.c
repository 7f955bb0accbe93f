/* See machine.h. */
#include "machine.h"

#include "backend/chr_tap.h"
#include "base/check.h"
#include "base/log.h"
#include "dev/semihost.h"
#include "engine/interp/interp.h"

#include <stdlib.h>

#define MAX_CONTEXTS 2000u
#define MAX_ROUNDS 200u

/* ---- Creation ---- */

static struct machine *the_machine;

/* The only call that every exception makes: a guest whose vectors fault executes no instruction, so
 * a budget of instructions does not end it. */
static void counting_context_changed(struct a64_cpu *cpu)
{
    struct vcpu *v = cpu->env_ctx;
    if (++the_machine->contexts > MAX_CONTEXTS)
        atomic_fetch_or(&cpu->request, VCPU_REQ_STOP);
    v->engine->context_changed(v);
}

static void fail_if(int r, const struct err *e)
{
    if (r) {
        log_error("fuzz: %s", e->text);
        abort();
    }
}

static void find_devices(struct machine *m)
{
    for (struct device *d = m->board.vm.devices; d; d = d->next) {
        CHECK(m->device_count < MACHINE_MAX_DEVICES);
        m->devices[m->device_count++] = d;
        struct virtio_dev *vd = machine_virtio(d);
        for (unsigned i = 0; vd && i < vd->thread_count; i++)
            iothread_stop(&vd->threads[i]);
    }
}

static struct machine *machine_create(void)
{
    struct machine *m = calloc(1, sizeof(*m));
    struct err e = {0};
    CHECK(m);
    the_machine = m;
    log_set_level(LOG_ERROR);
    fake_chr_init(&m->console);
    fake_chr_init(&m->hvc);
    fake_blk_init(&m->blk);
    fake_net_init(&m->net);
    fail_if(chr_tap_create(&m->console.chr, &m->tap, &e), &e);
    m->cfg = (struct virt_config){
        .memory_bytes = MACHINE_RAM_BYTES,
        .cpus = 1,
        .engine = &interp_engine,
        .clock = CLOCK_COUNTED,
        .semihosting = true,
        .console = chr_tap_chr(m->tap),
        .hvc = &m->hvc.chr,
        .disks = {{.backend = &m->blk.blk, .serial = "fuzz"}},
        .disk_count = 1,
        .nets = {{.backend = &m->net.net, .mac = {0x52, 0x54, 0, 0x12, 0x34, 0x56}}},
        .net_count = 1,
        .rng = true,
    };
    fail_if(a64_features_parse(&m->cfg.features, "max", &e), &e);
    fail_if(virt_create(&m->board, &m->cfg, &e), &e);
    fail_if(semihost_create(&m->board.vm, m->tap, NULL, "fuzz", &e), &e);
    find_devices(m);
    struct a64_cpu *cpu = &m->board.vm.vcpus[0]->cpu;
    m->env = *cpu->env;
    m->env.context_changed = counting_context_changed;
    cpu->env = &m->env;
    clock_start(&m->board.vm.clock);
    return m;
}

struct machine *machine_get(void)
{
    if (!the_machine)
        machine_create();
    machine_reset(the_machine);
    return the_machine;
}

void machine_reset(struct machine *m)
{
    struct vm *vm = &m->board.vm;
    struct err e = {0};
    fail_if(mem_reset(&vm->mem, &e), &e);
    vm->boot_pc = vm->mem.ram_base;
    vm->event = VM_EVENT_NONE;
    m->contexts = 0;
    m->console.room = m->hvc.room = SIZE_MAX;
    m->console.answers = false;
    m->net.loops = false;
    m->blk.fails = 0;
    memset(m->blk.data, 0, sizeof(m->blk.data));
    clock_set(&vm->clock, 0);
    vm->vcpus[0]->cpu.instret = 0;
    vm_reset(vm);
    for (unsigned i = 0; i < m->device_count; i++) {
        if (m->devices[i]->cls->pause)
            m->devices[i]->cls->pause(m->devices[i], false);
    }
}

struct virtio_dev *machine_virtio(struct device *d)
{
    return d->cls->pause == virtio_dev_pause ? (struct virtio_dev *)(void *)d : NULL;
}

void machine_serve(struct machine *m)
{
    for (unsigned i = 0; i < m->device_count; i++) {
        struct virtio_dev *vd = machine_virtio(m->devices[i]);
        for (unsigned q = 0; vd && q < vd->queue_count; q++)
            virtio_serve(vd, q);
    }
}

/* ---- Running ---- */

static void advance(struct vm *vm, vtime_t ns)
{
    clock_advance_to(&vm->clock, clock_now(&vm->clock) + ns);
}

static void handle_requests(struct vcpu *v)
{
    unsigned bits = atomic_exchange(&v->cpu.request, 0);
    if (bits & VCPU_REQ_EVENT)
        v->cpu.event_register = true;
    if (bits & VCPU_REQ_TIMER) {
        v->timer_due = VTIME_NEVER;
        v->cpu.env->timer_changed(&v->cpu);
    }
}

/* False: the vCPU would sleep. */
static bool handle_exit(struct vcpu *v, enum a64_exit why)
{
    struct vm *vm = v->vm;
    switch (why) {
    case A64_EXIT_WFI:
    case A64_EXIT_WFE:
        if (clock_next_deadline(&vm->clock) == VTIME_NEVER)
            return false;
        advance(vm, clock_next_deadline(&vm->clock) - clock_now(&vm->clock));
        return true;
    case A64_EXIT_HVC:
    case A64_EXIT_SMC:
        atomic_fetch_or(&v->cpu.request, VCPU_REQ_STOP); /* CPU_SUSPEND does not sleep then */
        vm->smccc(v, vm->smccc_arg);
        return true;
    case A64_EXIT_SEMIHOST:
        if (vm->semihost(v, vm->semihost_arg))
            v->cpu.pc += 4;
        return true;
    default:
        return why != A64_EXIT_DEBUG;
    }
}

void machine_run(struct machine *m, uint64_t insns)
{
    struct vcpu *v = m->board.vm.vcpus[0];
    uint64_t end = v->cpu.instret + insns;
    m->console.answers = true;
    m->contexts = 0;
    for (unsigned round = 0; round < MAX_ROUNDS && v->powered && v->cpu.instret < end; round++) {
        handle_requests(v);
        if (m->contexts > MAX_CONTEXTS)
            break;
        uint64_t done = v->cpu.instret - v->counted_base;
        v->counted_base = v->cpu.instret;
        advance(v->vm, done);
        if (!handle_exit(v, v->engine->run(v, end - v->cpu.instret)))
            break;
    }
    m->console.answers = false;
}

/* ---- Scripts ---- */

static void step_access(struct machine *m, struct input *in, bool write)
{
    struct bus *bus = &m->board.vm.bus;
    uint8_t which = (uint8_t)take(in, 1);
    const struct bus_window *w = &bus->windows[which % bus->count];
    uint64_t offset = take(in, 2), value = 0;
    unsigned size = 4;
    if (offset & 3 || w->bytes > 0x10000)
        size = 1u << (take(in, 1) & 3);
    if (w->bytes > 0x10000)
        offset |= take(in, 1) << 16;
    if (!write)
        bus_read(bus, w->base + offset % w->bytes, size, &value);
    else
        bus_write(bus, w->base + offset % w->bytes, size, take_value(in, m->board.vm.mem.ram_base));
}

/* ICC_* registers, as the interpreter reaches them. */
static void step_icc(struct machine *m, struct input *in)
{
    struct intc *ic = m->board.vm.intc;
    unsigned reg = (unsigned)take(in, 2);
    uint64_t value = take_value(in, 0);
    if (reg & 0x8000)
        ic->ops->sysreg_write(ic, 0, (enum a64_sysreg)((reg & 0x7fff) % A64_SYSREG_COUNT), value);
    else
        ic->ops->sysreg_read(ic, 0, (enum a64_sysreg)(reg % A64_SYSREG_COUNT), &value);
}

static void step_host(struct machine *m, struct input *in)
{
    uint64_t what = take(in, 1);
    size_t n = take(in, 1);
    const uint8_t *p;
    switch (what & 7) {
    case 0:
    case 1:
        p = take_bytes(in, &n);
        fake_chr_input(what & 1 ? &m->console : &m->hvc, p, n);
        break;
    case 2:
    case 3:
        fake_chr_drain(what & 1 ? &m->console : &m->hvc, n);
        break;
    case 4:
        n *= 8;
        p = take_bytes(in, &n);
        m->net.receive(m->net.arg, p, n);
        break;
    case 5:
        virt_power_key(&m->board);
        break;
    case 6:
        m->net.loops = n & 1;
        m->blk.fails = (int)(n >> 1) & 31;
        break;
    default:
        vm_reset(&m->board.vm);
        break;
    }
}

void machine_step(struct machine *m, struct input *in)
{
    struct vm *vm = &m->board.vm;
    uint64_t op = take(in, 1), at, value;
    switch (op & 15) {
    case 0:
    case 1:
    case 2:
        step_access(m, in, false);
        break;
    default:
        step_access(m, in, true);
        break;
    case 10:
        step_icc(m, in);
        break;
    case 11:
        step_host(m, in);
        break;
    case 12:
        advance(vm, take_value(in, 0) >> 8);
        break;
    case 13: /* the guest's memory */
        at = take_value(in, vm->mem.ram_base);
        value = take(in, 8);
        if (!mem_write(&vm->mem, at, &value, 1u << (op >> 4 & 3)))
            bus_write(&vm->bus, at & ~UINT64_C(7), 8, value);
        break;
    case 14:
        machine_serve(m);
        break;
    case 15:
        handle_requests(vm->vcpus[0]);
        break;
    }
}
