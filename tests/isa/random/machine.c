/* A VM with nothing but RAM and translation tables for the map of random.h. The engine's vCPU is
 * driven directly, without its thread: the trial's state in, run() for as many instructions as it
 * has words, state out. An exception leaves the vCPU at an EL1 vector with ESR, FAR and ELR set;
 * the HVC there makes run() return. So a sequence (`steps`) is one run(): the branch to LEAVE
 * after its words is a prefetch abort here.
 *
 * Words stay in RAM from trial to trial while they are the same: the engine translates them once,
 * as the other side does.
 */
#include "machine.h"

#include "a64/exception.h"
#include "a64/mmu.h"
#include "engine/engines.h"
#include "a64_ops.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_BYTES UINT64_C(0x100000)
#define TABLES RAM_BASE                       /* one page per level 0..3 */
#define RAM_CODE (RAM_BASE + 0x10000)         /* RANDOM_CODE */
#define RAM_WINDOW (RAM_BASE + 0x20000)       /* RANDOM_WINDOW */
#define RAM_VECTORS (RAM_BASE + 0x30000)      /* RANDOM_VECTORS */
#define HVC UINT32_C(0xd4000002)

/* Descriptor bits (Arm ARM D8.3). */
#define DESC_TABLE 3u
#define DESC_PAGE 3u
#define DESC_EL0 BIT(6)       /* AP[1] */
#define DESC_READ_ONLY BIT(7) /* AP[2] */
#define DESC_INNER (BIT(9) | BIT(8))
#define DESC_AF BIT(10)
#define DESC_PXN BIT(53)
#define DESC_UXN BIT(54)

static void ram_put(struct machine *m, gpa_t pa, const void *from, size_t bytes)
{
    if (!mem_write(&m->vm.mem, pa, from, bytes)) {
        fprintf(stderr, "random: no RAM at 0x%llx\n", (unsigned long long)pa);
        abort();
    }
}

static void map_page(struct machine *m, uint64_t va, gpa_t pa, uint64_t attributes)
{
    for (unsigned level = 0; level < 4; level++) {
        unsigned lo = 39 - 9 * level;
        gpa_t at = TABLES + level * RANDOM_PAGE + bits(va, lo + 8, lo) * 8;
        uint64_t desc = level < 3 ? (TABLES + (level + 1) * RANDOM_PAGE) | DESC_TABLE
                                  : pa | attributes | DESC_PAGE | DESC_INNER | DESC_AF;
        ram_put(m, at, &desc, sizeof(desc));
    }
}

static void make_map(struct machine *m)
{
    const uint64_t code = m->el == 0 ? DESC_EL0 | DESC_PXN : DESC_UXN;
    uint8_t page[RANDOM_PAGE];
    for (uint64_t off = 0; off < RANDOM_CODE_BYTES; off += RANDOM_PAGE)
        map_page(m, RANDOM_CODE + off, RAM_CODE + off, code);
    for (uint64_t off = 0; off < 2 * RANDOM_PAGE; off += RANDOM_PAGE)
        map_page(m, RANDOM_WINDOW + off, RAM_WINDOW + off, DESC_EL0 | DESC_PXN);
    map_page(m, RANDOM_READ_ONLY, RAM_WINDOW + 2 * RANDOM_PAGE,
             DESC_EL0 | DESC_PXN | DESC_READ_ONLY);
    map_page(m, RANDOM_VECTORS, RAM_VECTORS, DESC_UXN | DESC_READ_ONLY);
    for (unsigned i = 0; i < RANDOM_PAGE; i++)
        page[i] = random_read_only_byte(i);
    ram_put(m, RAM_WINDOW + 2 * RANDOM_PAGE, page, sizeof(page));
    for (unsigned vector = 0; vector < 0x800; vector += 0x80) {
        const uint32_t hvc = HVC;
        ram_put(m, RAM_VECTORS + vector, &hvc, sizeof(hvc));
    }
}

/* System registers as Linux sets them for its processes, as far as EL0 can tell. */
static void make_context(struct a64_cpu *cpu)
{
    cpu->sys[A64_MAIR_EL1] = 0xff; /* attribute 0: Normal, write-back */
    cpu->sys[A64_TTBR0_EL1] = TABLES;
    /* T0SZ = 16, write-back walks, inner shareable, TBI0, EPD1, 48-bit PA */
    cpu->sys[A64_TCR_EL1] = 16 | 5u << 8 | 3u << 12 | BIT(23) | 5ull << 32 | BIT(37);
    /* M, C, SA, SA0, I, DZE, UCT, nTWI, nTWE, UCI, SPAN and the bits that are RES1 */
    cpu->sys[A64_SCTLR_EL1] |= BIT(0) | BIT(2) | BIT(3) | BIT(4) | BIT(12) | BIT(14) | BIT(15) |
                               BIT(16) | BIT(18) | BIT(23) | BIT(26);
    cpu->sys[A64_CPACR_EL1] = 3u << 20;
    cpu->sys[A64_VBAR_EL1] = RANDOM_VECTORS;
}

bool machine_create(struct machine *m, const char *engine, unsigned el)
{
    struct err e = {0};
    const struct engine_ops *ops;
    const struct a64_features features = a64_features_default();
    struct engine_config config = {0};
    if (engine_parse(engine, &ops, &config, &e) ||
        vm_create(&m->vm, RAM_BASE, RAM_BYTES, CLOCK_COUNTED, &e)) {
        fprintf(stderr, "random: %s\n", e.text);
        return false;
    }
    m->vm.engine_config = config;
    if (vm_add_vcpu(&m->vm, ops, &features, &e)) {
        fprintf(stderr, "random: %s\n", e.text);
        vm_destroy(&m->vm);
        return false;
    }
    vm_reset(&m->vm);
    m->el = el;
    make_map(m);
    make_context(&m->vm.vcpus[0]->cpu);
    return true;
}

void machine_destroy(struct machine *m)
{
    vm_destroy(&m->vm);
}

/* ---- One trial ---- */

/* The words with what follows them, as guest.c writes them. */
static void put_words(struct machine *m, const struct random_trial *t)
{
    const gpa_t pa = RAM_CODE + (RANDOM_SLOT - RANDOM_CODE);
    uint32_t slot[RANDOM_WORDS + 1] = {0};
    memcpy(slot, t->word, t->count * sizeof(slot[0]));
    slot[t->count] = m->el ? HVC : random_leave(t->count);
    if (memcmp(mem_ptr(&m->vm.mem, pa, sizeof(slot), MEM_READ), slot, sizeof(slot)))
        ram_put(m, pa, slot, sizeof(slot));
}

static void load(struct machine *m, const struct random_trial *t)
{
    struct vcpu *v = m->vm.vcpus[0];
    struct a64_cpu *cpu = &v->cpu;
    put_words(m, t);
    for (unsigned z = 0; z < RANDOM_ZONES; z++)
        ram_put(m, RAM_WINDOW + (random_zone_address(z) - RANDOM_WINDOW), t->state.memory[z],
                RANDOM_ZONE);
    memcpy(cpu->x, t->state.x, sizeof(cpu->x));
    memcpy(cpu->v, t->state.v, sizeof(cpu->v));
    cpu->sp[m->el] = t->state.sp;
    cpu->sp[!m->el] = RANDOM_OTHER_SP;
    cpu->nzcv = (uint32_t)t->state.nzcv;
    cpu->fp.fpcr = (uint32_t)t->state.fpcr;
    cpu->fp.fpsr = (uint32_t)t->state.fpsr;
    cpu->pc = RANDOM_SLOT;
    cpu->el = cpu->spsel = m->el;
    cpu->daif = m->el ? PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F : 0;
    cpu->pan = cpu->uao = cpu->dit = cpu->ssbs = cpu->il = cpu->ss = cpu->btype = 0;
    if (m->el) {
        cpu->sys[A64_ELR_EL1] = RANDOM_ELR;
        cpu->sys[A64_SPSR_EL1] = RANDOM_SPSR;
        cpu->sys[A64_TPIDR_EL0] = RANDOM_TPIDR;
        cpu->sys[A64_TPIDRRO_EL0] = RANDOM_TPIDRRO;
        cpu->sys[A64_PAR_EL1] = 0;
    }
    cpu->monitor.valid = false;
    atomic_store(&cpu->request, 0);
    v->engine->context_changed(v);
}

static void store(struct machine *m, struct random_result *r)
{
    const struct a64_cpu *cpu = &m->vm.vcpus[0]->cpu;
    memcpy(r->state.x, cpu->x, sizeof(cpu->x));
    memcpy(r->state.v, cpu->v, sizeof(cpu->v));
    r->state.sp = cpu->sp[m->el];
    r->state.nzcv = cpu->nzcv;
    r->state.fpcr = cpu->fp.fpcr;
    r->state.fpsr = cpu->fp.fpsr;
    r->state.pc = a64_untag(cpu, cpu->pc, true, m->el);
    for (unsigned z = 0; z < RANDOM_ZONES; z++) {
        gpa_t pa = RAM_WINDOW + (random_zone_address(z) - RANDOM_WINDOW);
        memcpy(r->state.memory[z], mem_ptr(&m->vm.mem, pa, RANDOM_ZONE, MEM_READ), RANDOM_ZONE);
    }
}

bool machine_is_data_abort(uint64_t esr)
{
    return (bits(esr, 31, 26) & ~UINT64_C(1)) == EC_DABT_LOWER; /* or of the same level */
}

/* What Linux makes of an exception that EL0 caused. */
static uint64_t signal_of(uint64_t esr)
{
    unsigned fsc = (unsigned)bits(esr, 5, 0);
    switch (bits(esr, 31, 26)) {
    case EC_IABT_LOWER:
    case EC_IABT_LOWER + 1:
    case EC_DABT_LOWER:
    case EC_DABT_LOWER + 1:
        return fsc == A64_FSC_ALIGNMENT ? SIGBUS : SIGSEGV;
    case EC_PC_ALIGN:
    case EC_SP_ALIGN:
        return SIGBUS;
    case EC_BRK64:
        return SIGTRAP;
    default:
        return SIGILL;
    }
}

/* `budget` instructions, or until an exception. */
static void execute(struct vcpu *v, uint64_t budget)
{
    struct a64_cpu *cpu = &v->cpu;
    const uint64_t end = cpu->instret + budget;
    enum a64_exit exit = A64_EXIT_BUDGET;
    while ((exit == A64_EXIT_BUDGET || exit == A64_EXIT_REQUEST) && cpu->instret < end) {
        exit = v->engine->run(v, end - cpu->instret);
        atomic_store(&cpu->request, 0);
    }
}

/* How many instructions to execute. An engine that counts them by blocks interprets what is left of
 * a budget that ends inside a block. So words that do not branch are run to their end: the branch
 * to LEAVE and the fault there, or at EL1, where that would change what is compared, an HVC. */
static uint32_t steps_of(const struct machine *m, const struct random_trial *t)
{
    if (t->steps)
        return t->steps;
    for (uint32_t i = 0; i < t->count; i++) {
        if (a64_op_info[a64_decode(t->word[i])].traits & A64_TRAIT_BRANCH)
            return t->count;
    }
    return m->el ? t->count + 1 : t->count + 2;
}

void machine_run(struct machine *m, const struct random_trial *t, struct random_result *r,
                 uint64_t *esr)
{
    const uint32_t steps = steps_of(m, t);
    struct vcpu *v = m->vm.vcpus[0];
    struct a64_cpu *cpu = &v->cpu;
    load(m, t);
    execute(v, steps);
    store(m, r);
    r->signal = r->address = *esr = 0;
    if (m->el && steps > t->count && r->state.pc == RANDOM_SLOT + 4 * t->count + 4)
        r->state.pc -= 4; /* the HVC */
    if (cpu->pc - RANDOM_VECTORS >= 0x800)
        return;
    *esr = cpu->sys[A64_ESR_EL1];
    r->state.pc = cpu->sys[A64_ELR_EL1];
    if (steps > t->count && r->state.pc == RANDOM_LEAVE && bits(*esr, 31, 26) == EC_IABT_LOWER) {
        r->state.pc = RANDOM_SLOT + 4 * t->count;
        *esr = 0;
        return;
    }
    r->signal = signal_of(*esr);
    r->address = machine_is_data_abort(*esr) ? cpu->sys[A64_FAR_EL1] : 0;
}

bool machine_kept_words(const struct machine *m, const struct random_trial *t)
{
    const gpa_t pa = RAM_CODE + (RANDOM_SLOT - RANDOM_CODE);
    const size_t bytes = t->count * sizeof(t->word[0]);
    return memcmp(mem_ptr(&m->vm.mem, pa, bytes, MEM_READ), t->word, bytes) == 0;
}

bool machine_clean(struct machine *m)
{
    uint8_t *window = mem_ptr(&m->vm.mem, RAM_WINDOW, 2 * RANDOM_PAGE, MEM_WRITE);
    bool clean = true;
    for (unsigned page = 0; page < 2; page++) {
        uint8_t *from = window + page * RANDOM_PAGE + RANDOM_ZONE;
        for (unsigned i = 0; i < RANDOM_PAGE - 2 * RANDOM_ZONE; i += 8) {
            uint64_t v;
            memcpy(&v, from + i, sizeof(v));
            clean = clean && v == 0;
        }
        if (!clean)
            memset(from, 0, RANDOM_PAGE - 2 * RANDOM_ZONE);
    }
    return clean;
}
