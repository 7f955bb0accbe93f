/* A machine for tests of the engine and the vCPU: RAM, one vCPU run by the interpreter, page tables
 * that map RAM as it is, a window of pages to map at will, and a device that records accesses.
 *
 *   guest-physical                       virtual
 *   0x09000000  the device               the same, Device memory
 *   0x40000000  RAM: vectors, tables     the same, Normal memory in 2 MiB blocks, EL1 only
 *   RIG_CODE    programs
 *   RIG_DATA    data
 *                                        RIG_WINDOW: 512 pages, nothing mapped at first
 *
 * Programs end at HVC #0; every exception vector is HVC #1, after which the syndrome registers
 * tell.
 *
 * RIG_ENGINE is the engine: the tests of one run with another by defining it and including them.
 * Those that look at the interpreter's data begin with rig_interp_only().
 */
#ifndef TESTS_UNIT_ENGINE_RIG_H
#define TESTS_UNIT_ENGINE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a64/exception.h"
#include "engine/engines.h"
#include "engine/interp/interp.h"
#include "engine/interp/interp_vcpu.h"
#include "guest_code.h"
#include "vm/vm.h"

#include <stdlib.h>
#include <string.h>

#ifndef RIG_ENGINE
#define RIG_ENGINE "interp"
#endif

#define RIG_RAM UINT64_C(0x40000000)
#define RIG_VECTORS RIG_RAM
#define RIG_L1 (RIG_RAM + 0x1000)
#define RIG_L2_RAM (RIG_RAM + 0x2000)
#define RIG_L2_WINDOW (RIG_RAM + 0x3000)
#define RIG_L3_WINDOW (RIG_RAM + 0x4000)
#define RIG_RETURN (RIG_RAM + 0x8000) /* HVC #0 */
#define RIG_SCRATCH (RIG_RAM + 0x9000) /* programs of rig_exec() */
#define RIG_CODE (RIG_RAM + 0x10000)
#define RIG_DATA (RIG_RAM + 0x200000)
#define RIG_WINDOW UINT64_C(0x80000000)
#define RIG_DEVICE UINT64_C(0x09000000)
#define RIG_NOTHING UINT64_C(0x0a000000)

/* Descriptor attributes: MAIR index 0 is Normal, 1 Device-nGnRnE. */
#define PTE_PAGE UINT64_C(0x703) /* valid, AF, inner shareable, EL1 only, index 0 */
#define PTE_BLOCK UINT64_C(0x701)
#define PTE_USER BIT(6)
#define PTE_READ_ONLY BIT(7)
#define PTE_NG BIT(11)
#define PTE_DEVICE BIT(2)

#define SCTLR_A BIT(1)
#define SCTLR_NAA BIT(6)
#define SCTLR_SPAN BIT(23)

#define RIG_ACCESSES 32

struct rig_access {
    uint64_t offset, value;
    unsigned size;
    bool write;
};

struct rig {
    struct vm vm;
    struct vcpu *v;
    struct a64_cpu *cpu;
    struct interp *it;
    unsigned hvc; /* immediate of the HVC that ended the last program */
    struct rig_device {
        struct device dev;
        struct rig_access log[RIG_ACCESSES];
        unsigned count;
        void (*on_access)(struct rig *r, const struct rig_access *a); /* may be null */
        struct rig *rig;
    } device;
};

/* ---- The device ---- */

static inline void rig_log(struct device *d, const struct rig_access *a)
{
    struct rig_device *t = CONTAINER_OF(d, struct rig_device, dev);
    assert_true(t->count < RIG_ACCESSES);
    t->log[t->count++] = *a;
    if (t->on_access)
        t->on_access(t->rig, a);
}

static inline uint64_t rig_device_read(struct device *d, uint64_t offset, unsigned size)
{
    rig_log(d, &(struct rig_access){.offset = offset, .size = size});
    return UINT64_C(0x8877665544332211);
}

static inline void rig_device_write(struct device *d, uint64_t offset, unsigned size,
                                    uint64_t value)
{
    rig_log(d, &(struct rig_access){offset, value, size, true});
}

static inline void rig_device_nothing(struct device *d)
{
    (void)d;
}

static const struct state_field rig_device_fields[] = {F_END};
static const struct dev_class rig_device_class = {
    .name = "recorder",
    .window_bytes = 0x1000,
    .min_access = 1,
    .max_access = 8,
    .fields = rig_device_fields,
    .object_bytes = sizeof(struct rig_device),
    .read = rig_device_read,
    .write = rig_device_write,
    .reset = rig_device_nothing,
    .destroy = rig_device_nothing,
};

/* ---- Memory ---- */

static inline void *rig_host(struct rig *r, uint64_t pa)
{
    uint8_t *p = mem_ptr(&r->vm.mem, pa, 1, MEM_WRITE);
    assert_non_null(p);
    return p;
}

static inline uint64_t rig_peek(struct rig *r, uint64_t pa, unsigned size)
{
    return le_load(rig_host(r, pa), size);
}

/* As a device or another agent writes. */
static inline void rig_poke(struct rig *r, uint64_t pa, unsigned size, uint64_t value)
{
    assert_true(mem_write(&r->vm.mem, pa, &value, size));
}

static inline void rig_place(struct rig *r, uint64_t pa, const struct code *c)
{
    assert_true(mem_write(&r->vm.mem, pa, c->w, c->n * 4));
}

/* Maps page `n` of the window (0: unmaps); no TLB maintenance. */
static inline void rig_map(struct rig *r, unsigned n, uint64_t descriptor)
{
    rig_poke(r, RIG_L3_WINDOW + 8 * n, 8, descriptor);
}

static inline uint64_t rig_page(unsigned n)
{
    return RIG_WINDOW + (uint64_t)n * 0x1000;
}

/* ---- Running ---- */

static inline void rig_mmu(struct rig *r, bool on)
{
    uint64_t *sys = r->cpu->sys;
    sys[A64_MAIR_EL1] = 0x00ff;
    /* 39-bit addresses, 4 KiB, inner shareable and cacheable walks, 48-bit output, EPD1. */
    sys[A64_TCR_EL1] = 25 | 1 << 8 | 1 << 10 | 3 << 12 | BIT(23) | UINT64_C(5) << 32;
    sys[A64_TTBR0_EL1] = RIG_L1;
    sys[A64_SCTLR_EL1] = (sys[A64_SCTLR_EL1] & ~BIT(0)) | on;
    r->v->engine->context_changed(r->v);
}

static inline void rig_tables(struct rig *r)
{
    rig_poke(r, RIG_L1, 8, PTE_BLOCK | PTE_DEVICE); /* addresses below 1 GiB */
    rig_poke(r, RIG_L1 + 8, 8, RIG_L2_RAM | 3);
    rig_poke(r, RIG_L1 + 16, 8, RIG_L2_WINDOW | 3);
    for (unsigned i = 0; i < 512 && i < r->vm.mem.ram_bytes >> 21; i++)
        rig_poke(r, RIG_L2_RAM + 8 * i, 8, (RIG_RAM + ((uint64_t)i << 21)) | PTE_BLOCK);
    rig_poke(r, RIG_L2_WINDOW, 8, RIG_L3_WINDOW | 3);
}

static inline const struct engine_ops *rig_engine(void)
{
    const struct engine_ops *ops;
    struct err e = {0};
    assert_int_equal(engine_find(RIG_ENGINE, &ops, &e), 0);
    return ops;
}

static inline void rig_interp_only(void)
{
    if (strcmp(RIG_ENGINE, "interp")) {
        print_message("looks at what the interpreter keeps\n");
        skip();
    }
}

/* `config`: what the engine is to be made with. */
static inline struct rig *rig_create_engine(const struct engine_ops *engine,
                                            const struct engine_config *config,
                                            enum clock_source clock, uint64_t ram_bytes)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct err e = {0};
    assert_non_null(r);
    const struct a64_features features = a64_features_default();
    assert_int_equal(vm_create(&r->vm, RIG_RAM, ram_bytes, clock, &e), 0);
    r->vm.engine_config = *config;
    assert_int_equal(vm_add_vcpu(&r->vm, engine, &features, &e), 0);
    assert_int_equal(device_attach(&r->device.dev, &rig_device_class, &r->vm, "recorder",
                                   RIG_DEVICE, &e),
                     0);
    r->device.rig = r;
    r->v = r->vm.vcpus[0];
    r->cpu = &r->v->cpu;
    r->it = r->cpu->engine;
    vm_reset(&r->vm);
    rig_tables(r);
    for (unsigned i = 0; i < 16; i++)
        rig_poke(r, RIG_VECTORS + 0x80 * i, 4, a64_encode_HVC(1));
    rig_poke(r, RIG_RETURN, 4, a64_encode_HVC(0));
    r->cpu->sys[A64_VBAR_EL1] = RIG_VECTORS;
    r->cpu->sys[A64_CPACR_EL1] = 3 << 20;
    r->cpu->sys[A64_SCTLR_EL1] |= SCTLR_SPAN;
    r->cpu->sp[1] = RIG_DATA + 0x8000;
    rig_mmu(r, true);
    return r;
}

static inline struct rig *rig_create_with(enum clock_source clock, uint64_t ram_bytes)
{
    return rig_create_engine(rig_engine(), &(struct engine_config){0}, clock, ram_bytes);
}

static inline struct rig *rig_create(void)
{
    return rig_create_with(CLOCK_COUNTED, 64 << 20);
}

static inline void rig_destroy(struct rig *r)
{
    vm_destroy(&r->vm);
    free(r);
}

/* Runs from PC on to an HVC; true when it was HVC #0. */
static inline bool rig_run(struct rig *r)
{
    enum a64_exit why;
    do {
        atomic_store(&r->cpu->request, 0);
        why = r->v->engine->run(r->v, 100000);
    } while (why == A64_EXIT_REQUEST || why == A64_EXIT_BUDGET);
    assert_int_equal(why, A64_EXIT_HVC);
    r->hvc = r->cpu->exit_imm;
    return r->hvc == 0;
}

/* Calls the function at `va`, which returns with RET; the result is X0. */
static inline uint64_t rig_call(struct rig *r, uint64_t va)
{
    r->cpu->pc = va;
    r->cpu->x[LR] = RIG_RETURN;
    assert_true(rig_run(r));
    return r->cpu->x[0];
}

/* Executes one instruction at EL1; true when it took no exception. */
static inline bool rig_exec(struct rig *r, uint32_t word)
{
    r->cpu->pc = RIG_SCRATCH;
    r->cpu->el = 1;
    r->cpu->spsel = 1;
    r->v->engine->context_changed(r->v);
    rig_poke(r, RIG_SCRATCH, 4, word);
    rig_poke(r, RIG_SCRATCH + 4, 4, a64_encode_HVC(0));
    return rig_run(r);
}

#define EXEC(r, NAME, ...) rig_exec((r), a64_encode_##NAME(__VA_ARGS__))

/* What the last exception was. */
static inline unsigned rig_ec(const struct rig *r)
{
    return (unsigned)(r->cpu->sys[A64_ESR_EL1] >> 26);
}

static inline unsigned rig_fsc(const struct rig *r)
{
    return r->cpu->sys[A64_ESR_EL1] & 0x3f;
}

static inline bool rig_wnr(const struct rig *r)
{
    return bit(r->cpu->sys[A64_ESR_EL1], 6);
}

static inline uint64_t rig_far(const struct rig *r)
{
    return r->cpu->sys[A64_FAR_EL1];
}

#endif
