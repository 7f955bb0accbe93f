/* Unicorn (a library made of QEMU 5.0's translator) with one CPU at EL1 and the MMU off: the map of
 * random.h, which tables make in the machine that it is compared with, is Unicorn's own here. (With
 * the MMU on, 2.0.1 takes a prefetch abort at the first fetch: doc/oracles.md.)
 *
 * A trial is: registers in, uc_emu_start() until LEAVE, registers out. A loop inside the emulator
 * that does many trials for each uc_emu_start(), as tests/isa/random/guest.c is, was slower: each
 * of its stores looks for translated code in its page. Words are translated once for all trials
 * that repeat them.
 *
 * An exception does not go to EL1's vector: Unicorn calls a hook with QEMU's number of the
 * exception instead, which ends emulation. So ESR and FAR, SPSR and the vector cannot be compared
 * here; tests/el1 does. */
#include "emulator.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static bool complain(const char *what, uc_err err)
{
    fprintf(stderr, "unicorn: %s: %s\n", what, uc_strerror(err));
    return false;
}

static void on_exception(uc_engine *uc, uint32_t number, void *user)
{
    struct emulator *e = user;
    e->exception = number;
    uc_emu_stop(uc);
}

/* No memory there, or read-only. */
static bool on_memory(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                      void *user)
{
    struct emulator *e = user;
    (void)uc, (void)address, (void)size, (void)value;
    e->exception = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT ? EMULATOR_FETCH
                                                                              : EMULATOR_DATA;
    return false;
}

/* ---- Memory ---- */

/* New memory at `at`; null if there is none. */
static uint8_t *map(struct emulator *e, uint64_t at, uint64_t bytes, uint32_t prot)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || uc_mem_map_ptr(e->uc, at, bytes, prot, p)) {
        fprintf(stderr, "unicorn: cannot map memory\n");
        return NULL;
    }
    return p;
}

static bool make_map(struct emulator *e)
{
    uint8_t *read_only = map(e, RANDOM_READ_ONLY, RANDOM_PAGE, UC_PROT_READ);
    e->window = map(e, RANDOM_WINDOW, 2 * RANDOM_PAGE, UC_PROT_READ | UC_PROT_WRITE);
    e->code = map(e, RANDOM_CODE, RANDOM_CODE_BYTES, UC_PROT_ALL);
    if (!read_only || !e->window || !e->code ||
        !map(e, RANDOM_LEAVE, RANDOM_PAGE, UC_PROT_READ | UC_PROT_EXEC))
        return false;
    for (unsigned i = 0; i < RANDOM_PAGE; i++)
        read_only[i] = random_read_only_byte(i);
    /* If Unicorn forgets to check it is seen here. */
    return mprotect(read_only, RANDOM_PAGE, PROT_READ) == 0;
}

static void put_words(struct emulator *e, const struct random_trial *t)
{
    uint32_t slot[RANDOM_WORDS + 1] = {0};
    memcpy(slot, t->word, t->count * sizeof(slot[0]));
    slot[t->count] = random_leave(t->count);
    memcpy(e->code + (RANDOM_SLOT - RANDOM_CODE), slot, sizeof(slot));
    uc_ctl_remove_cache(e->uc, RANDOM_SLOT, RANDOM_SLOT + sizeof(slot));
}

/* ---- Registers ---- */

#define X_REGISTERS 31
#define V_REGISTERS 32

static const int registers[] = {
    UC_ARM64_REG_SP, /* the current one: before PSTATE changes which that is */
    UC_ARM64_REG_X0,  UC_ARM64_REG_X1,  UC_ARM64_REG_X2,  UC_ARM64_REG_X3,  UC_ARM64_REG_X4,
    UC_ARM64_REG_X5,  UC_ARM64_REG_X6,  UC_ARM64_REG_X7,  UC_ARM64_REG_X8,  UC_ARM64_REG_X9,
    UC_ARM64_REG_X10, UC_ARM64_REG_X11, UC_ARM64_REG_X12, UC_ARM64_REG_X13, UC_ARM64_REG_X14,
    UC_ARM64_REG_X15, UC_ARM64_REG_X16, UC_ARM64_REG_X17, UC_ARM64_REG_X18, UC_ARM64_REG_X19,
    UC_ARM64_REG_X20, UC_ARM64_REG_X21, UC_ARM64_REG_X22, UC_ARM64_REG_X23, UC_ARM64_REG_X24,
    UC_ARM64_REG_X25, UC_ARM64_REG_X26, UC_ARM64_REG_X27, UC_ARM64_REG_X28, UC_ARM64_REG_X29,
    UC_ARM64_REG_X30, UC_ARM64_REG_PSTATE, UC_ARM64_REG_FPCR, UC_ARM64_REG_FPSR, UC_ARM64_REG_PC,
    UC_ARM64_REG_V0,  UC_ARM64_REG_V1,  UC_ARM64_REG_V2,  UC_ARM64_REG_V3,  UC_ARM64_REG_V4,
    UC_ARM64_REG_V5,  UC_ARM64_REG_V6,  UC_ARM64_REG_V7,  UC_ARM64_REG_V8,  UC_ARM64_REG_V9,
    UC_ARM64_REG_V10, UC_ARM64_REG_V11, UC_ARM64_REG_V12, UC_ARM64_REG_V13, UC_ARM64_REG_V14,
    UC_ARM64_REG_V15, UC_ARM64_REG_V16, UC_ARM64_REG_V17, UC_ARM64_REG_V18, UC_ARM64_REG_V19,
    UC_ARM64_REG_V20, UC_ARM64_REG_V21, UC_ARM64_REG_V22, UC_ARM64_REG_V23, UC_ARM64_REG_V24,
    UC_ARM64_REG_V25, UC_ARM64_REG_V26, UC_ARM64_REG_V27, UC_ARM64_REG_V28, UC_ARM64_REG_V29,
    UC_ARM64_REG_V30, UC_ARM64_REG_V31,
};

enum { REGISTERS = ARRAY_LEN(registers) };
_Static_assert(REGISTERS == 1 + X_REGISTERS + 4 + V_REGISTERS, "order of move_registers()");

/* Values of the batch that are not where the record has them. */
struct values {
    uint64_t pstate, fpcr, fpsr, pc;
};

static void list_registers(struct random_state *s, struct values *v, int *ids, void **at)
{
    unsigned n = 0;
    at[n++] = &s->sp;
    for (unsigned i = 0; i < X_REGISTERS; i++)
        at[n++] = &s->x[i];
    at[n++] = &v->pstate;
    at[n++] = &v->fpcr;
    at[n++] = &v->fpsr;
    at[n++] = &v->pc;
    for (unsigned i = 0; i < V_REGISTERS; i++)
        at[n++] = s->v[i];
    memcpy(ids, registers, sizeof(registers));
}

static uint64_t read_one(struct emulator *e, int id)
{
    uint64_t value = 0;
    uc_reg_read(e->uc, id, &value);
    return value;
}

static void write_one(struct emulator *e, int id, uint64_t value)
{
    uc_reg_write(e->uc, id, &value);
}

static uint64_t move_spsr(struct emulator *e, const uint64_t *value)
{
    uc_arm64_cp_reg reg = {.op0 = 3, .op1 = 0, .crn = 4, .crm = 0, .op2 = 0};
    if (value) {
        reg.val = *value;
        uc_reg_write(e->uc, UC_ARM64_REG_CP_REG, &reg);
    } else {
        uc_reg_read(e->uc, UC_ARM64_REG_CP_REG, &reg);
    }
    return reg.val;
}

static void load_system(struct emulator *e)
{
    const uint64_t spsr = RANDOM_SPSR;
    write_one(e, UC_ARM64_REG_SP_EL0, RANDOM_OTHER_SP);
    write_one(e, UC_ARM64_REG_ELR_EL1, RANDOM_ELR);
    write_one(e, UC_ARM64_REG_TPIDR_EL0, RANDOM_TPIDR);
    write_one(e, UC_ARM64_REG_TPIDRRO_EL0, RANDOM_TPIDRRO);
    move_spsr(e, &spsr);
}

static void store_system(struct emulator *e, struct uni_result *u)
{
    u->sp_el0 = read_one(e, UC_ARM64_REG_SP_EL0);
    if (!(u->pstate & 1)) { /* the banked copies are those of before */
        u->sp_el0 = u->r.state.sp;
        u->r.state.sp = read_one(e, UC_ARM64_REG_SP_EL1);
    }
    u->elr = read_one(e, UC_ARM64_REG_ELR_EL1);
    u->tpidr = read_one(e, UC_ARM64_REG_TPIDR_EL0);
    u->tpidrro = read_one(e, UC_ARM64_REG_TPIDRRO_EL0);
    u->spsr = move_spsr(e, NULL);
}

static void load(struct emulator *e, const struct random_trial *t, bool system)
{
    struct random_state s = t->state;
    struct values v = {s.nzcv | 0x3c5, s.fpcr, s.fpsr, RANDOM_SLOT};
    int ids[REGISTERS];
    void *at[REGISTERS];
    if (!t->repeat)
        put_words(e, t);
    for (unsigned z = 0; z < RANDOM_ZONES; z++)
        memcpy(e->window + (random_zone_address(z) - RANDOM_WINDOW), s.memory[z], RANDOM_ZONE);
    list_registers(&s, &v, ids, at);
    uc_reg_write_batch(e->uc, ids, at, REGISTERS);
    if (system)
        load_system(e);
}

static void store(struct emulator *e, bool system, struct uni_result *u)
{
    struct values v = {0};
    int ids[REGISTERS];
    void *at[REGISTERS];
    list_registers(&u->r.state, &v, ids, at);
    uc_reg_read_batch(e->uc, ids, at, REGISTERS);
    u->pstate = v.pstate;
    u->r.state.nzcv = v.pstate & 0xf0000000u;
    u->r.state.fpcr = (uint32_t)v.fpcr;
    u->r.state.fpsr = (uint32_t)v.fpsr;
    u->r.state.pc = v.pc;
    u->r.signal = e->exception;
    u->r.address = 0;
    for (unsigned z = 0; z < RANDOM_ZONES; z++)
        memcpy(u->r.state.memory[z], e->window + (random_zone_address(z) - RANDOM_WINDOW),
               RANDOM_ZONE);
    u->sp_el0 = RANDOM_OTHER_SP;
    u->elr = RANDOM_ELR;
    u->spsr = RANDOM_SPSR;
    u->tpidr = RANDOM_TPIDR;
    u->tpidrro = RANDOM_TPIDRRO;
    if (system)
        store_system(e, u);
}

/* ---- Exported ---- */

bool emulator_create(struct emulator *e)
{
    uc_hook hook;
    memset(e, 0, sizeof(*e));
    uc_err err = uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &e->uc);
    if (!err)
        err = uc_ctl_set_cpu_model(e->uc, UC_CPU_ARM64_MAX);
    if (err)
        return complain("cannot make a CPU", err);
    if (!make_map(e))
        return false;
    err = uc_hook_add(e->uc, &hook, UC_HOOK_INTR, (void *)on_exception, e, 1, 0);
    if (!err)
        err = uc_hook_add(e->uc, &hook, UC_HOOK_MEM_INVALID, (void *)on_memory, e, 1, 0);
    if (err)
        return complain("cannot add hooks", err);
    const uint64_t cpacr = 3u << 20;
    err = uc_reg_write(e->uc, UC_ARM64_REG_CPACR_EL1, &cpacr);
    return err ? complain("cannot enable FP", err) : true;
}

void emulator_destroy(struct emulator *e)
{
    uc_close(e->uc);
}

bool emulator_run(struct emulator *e, const struct random_trial *t, bool system,
                  struct uni_result *u)
{
    e->exception = EMULATOR_NONE;
    load(e, t, system);
    uc_err err = uc_emu_start(e->uc, RANDOM_SLOT, RANDOM_LEAVE, 0, 0);
    if (err && !e->exception)
        return complain("emulation ended", err);
    e->exceptions += e->exception != EMULATOR_NONE;
    store(e, system, u);
    if (!e->exception && u->r.state.pc == RANDOM_LEAVE)
        u->r.state.pc = RANDOM_SLOT + 4 * t->count;
    return true;
}
