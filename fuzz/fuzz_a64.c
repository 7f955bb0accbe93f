/* Random instructions under the interpreter. Input: flags, a seed for the registers, up to 15
 * system registers to write as MSR would, then instruction words, placed at the start of RAM.
 * Whatever happens the monitor survives, and the vCPU's state is one that a load accepts;
 * instructions and exceptions are bounded. The rest of the machine is there, so that loads and
 * stores reach devices and HVC reaches PSCI. */
#include "machine.h"

#include "a64/sysreg.h"
#include "base/check.h"
#include "base/log.h"

#define VECTORS 0x10000u /* offsets into RAM */
#define TABLES 0x20000u
#define INSNS 1000u

enum { F_MMU = 1, F_EL0 = 2, F_SKIP = 4, F_FP = 8, F_SP0 = 16, F_UNMASK = 32 };

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static uint64_t register_value(uint64_t *seed)
{
    static const uint64_t windows[] = {VIRT_GICD_BASE, VIRT_UART_BASE, VIRT_VIRTIO_BASE, 0};
    uint64_t r = next_random(seed);
    switch (r >> 60) {
    case 0:
    case 1:
    case 2:
        return r & 63;
    case 3:
        return windows[r & 3] + (r >> 8 & 0xffc);
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
        return VIRT_RAM_BASE + (r & 0x3ffff8);
    case 9:
        return VIRT_RAM_BASE + (r & 0x3ffff);
    case 10:
        return ~(r & 0xff);
    case 11:
        return r & 1 ? 0x3ff0000000000000
                     : 0x7ff00000ff800001; /* as floating point: 1, infinities */
    default:
        return next_random(seed);
    }
}

/* The handler of every exception steps over what caused it: x28 is its own. */
static void put_vectors(struct mem *mem)
{
    static const uint32_t handler[] = {
        0xd538403c, /* mrs x28, elr_el1 */
        0x9100139c, /* add x28, x28, #4 */
        0xd518403c, /* msr elr_el1, x28 */
        0xd69f03e0, /* eret */
    };
    for (unsigned i = 0; i < 16; i++)
        CHECK(mem_write(mem, VIRT_RAM_BASE + VECTORS + 0x80 * i, handler, sizeof(handler)));
}

/* The first 4 GiB onto themselves in 1 GiB blocks: devices, then RAM that EL0 may use too. */
static void put_tables(struct mem *mem)
{
    const uint64_t l1[] = {0x0060000000000401, 0x0000000040000745, 0x0000000040000705,
                           0x00600000400007c5};
    CHECK(mem_write(mem, VIRT_RAM_BASE + TABLES, l1, sizeof(l1)));
}

static void set_up(struct machine *m, struct input *in)
{
    struct a64_cpu *cpu = &m->board.vm.vcpus[0]->cpu;
    unsigned flags = (unsigned)take(in, 1), presets = take(in, 1) & 15;
    uint64_t seed = take(in, 8) | 1;
    for (unsigned i = 0; i < 31; i++)
        cpu->x[i] = register_value(&seed);
    for (unsigned i = 0; i < 32; i++)
        cpu->v[i] = (union a64_vreg){.d = {register_value(&seed), register_value(&seed)}};
    cpu->sp[0] = VIRT_RAM_BASE + 0x180000;
    cpu->sp[1] = VIRT_RAM_BASE + 0x1c0000;
    put_vectors(&m->board.vm.mem);
    put_tables(&m->board.vm.mem);
    cpu->sys[A64_VBAR_EL1] =
        flags & F_SKIP ? VIRT_RAM_BASE + VECTORS : next_random(&seed) & ~2047ul;
    cpu->sys[A64_CPACR_EL1] = flags & F_FP ? 3u << 20 : 0;
    cpu->sys[A64_MAIR_EL1] = 0xff04;
    cpu->sys[A64_TTBR0_EL1] = cpu->sys[A64_TTBR1_EL1] = VIRT_RAM_BASE + TABLES;
    cpu->sys[A64_TCR_EL1] = 0x00000005801f001f | 0x3500u;
    if (flags & F_MMU)
        cpu->sys[A64_SCTLR_EL1] |= 1;
    cpu->env->context_changed(cpu);
    for (unsigned i = 0; i < presets; i++) {
        enum a64_sysreg reg = (enum a64_sysreg)(take(in, 2) % A64_SYSREG_COUNT);
        (void)a64_sysreg_write(cpu, a64_sysreg_info(reg)->key, 0, take_value(in, VIRT_RAM_BASE));
    }
    cpu->pc = VIRT_RAM_BASE;
    cpu->el = !(flags & F_EL0);
    cpu->spsel = cpu->el && !(flags & F_SP0);
    cpu->daif = flags & F_UNMASK ? 0 : PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F;
    cpu->env->context_changed(cpu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct machine *m = machine_get();
    set_up(m, &in);
    size_t n = VECTORS;
    const uint8_t *code = take_bytes(&in, &n);
    CHECK(mem_write(&m->board.vm.mem, VIRT_RAM_BASE, code, n));
    machine_run(m, INSNS);
    struct err e = {0};
    if (vcpu_loaded(m->board.vm.vcpus[0], &e)) { /* what instructions lead to is a state to load */
        log_error("fuzz: %s", e.text);
        CHECK(false);
    }
    return 0;
}
