/* A VM for the trials of trial.h: the vCPU is driven directly, without its thread, until an HVC
 * leaves the engine. The budget is longer than any trial: an engine that counts instructions by
 * blocks would interpret one that ends inside a block. The trial's system registers are written by
 * MSR's own function, as the other half does with MSR. */
#include "machine.h"

#include "a64/exception.h"
#include "a64/sysreg.h"
#include "engine/engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_BYTES UINT64_C(0x1000000)

enum { MAX_STEPS = 24 };

struct reg {
    const char *name;
    uint16_t key;
    enum a64_sysreg id;
};

static const struct reg regs[] = {
#define EL1REG(name, op0, op1, crn, crm, op2)                                                      \
    {#name, (op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2), A64_##name},
#include "regs.def"
};

unsigned machine_key(unsigned n)
{
    return regs[n].key;
}

const char *machine_reg_name(unsigned n)
{
    return regs[n].name;
}

static void put(struct machine *m, gpa_t pa, const void *from, size_t bytes)
{
    if (!mem_write(&m->vm.mem, pa, from, bytes)) {
        fprintf(stderr, "el1: no RAM at 0x%llx\n", (unsigned long long)pa);
        abort();
    }
}

static void put64(struct machine *m, gpa_t pa, uint64_t value)
{
    put(m, pa, &value, sizeof(value));
}

static void get(struct machine *m, gpa_t pa, void *to, size_t bytes)
{
    memcpy(to, mem_ptr(&m->vm.mem, pa, bytes, MEM_READ), bytes);
}

/* As make_map() of runner.c. */
static void make_map(struct machine *m)
{
    const gpa_t l2 = EL1_FIXED + 0x1000, l3 = EL1_FIXED + 0x2000;
    const uint32_t hvc = EL1_HVC;
    for (unsigned i = 0; i < 16; i++)
        put(m, EL1_VECTORS + 0x80 * i, &hvc, sizeof(hvc));
    for (gpa_t a = EL1_DATA; a < EL1_DATA + EL1_DATA_BYTES; a += 4)
        put(m, a, &hvc, sizeof(hvc));
    put64(m, EL1_FIXED + (EL1_CODE >> 30) * 8, l2 | 3);
    put64(m, l2 + (EL1_CODE >> 21 & 511) * 8, l3 | 3);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t desc = i == 2 ? EL1_CODE | BIT(53) | BIT(6) : (EL1_CODE + i * 0x1000) | BIT(54);
        put64(m, l3 + ((EL1_CODE >> 12 & 511) + i) * 8,
              desc | BIT(10) | 3u << 8 | BIT(7) | 7u << 2 | 3);
    }
}

void machine_restart(struct machine *m)
{
    vm_reset(&m->vm);
    make_map(m);
}

bool machine_create(struct machine *m, const char *engine)
{
    struct err e = {0};
    const struct engine_ops *ops;
    const struct a64_features features = a64_features_default();
    struct engine_config config = {0};
    if (engine_parse(engine, &ops, &config, &e) ||
        vm_create(&m->vm, EL1_RAM, RAM_BYTES, CLOCK_COUNTED, &e)) {
        fprintf(stderr, "el1: %s\n", e.text);
        return false;
    }
    m->vm.engine_config = config;
    if (vm_add_vcpu(&m->vm, ops, &features, &e)) {
        fprintf(stderr, "el1: %s\n", e.text);
        vm_destroy(&m->vm);
        return false;
    }
    machine_restart(m);
    for (unsigned i = 0; i < EL1_REGS; i++) {
        if (a64_sysreg_info(regs[i].id)->key != regs[i].key) {
            fprintf(stderr, "el1: regs.def has a wrong encoding of %s\n", regs[i].name);
            return false;
        }
    }
    return true;
}

void machine_destroy(struct machine *m)
{
    vm_destroy(&m->vm);
}

static void load(struct machine *m, const struct el1_trial *t)
{
    struct vcpu *v = m->vm.vcpus[0];
    struct a64_cpu *cpu = &v->cpu;
    const struct a64_tlbi all = {.scope = A64_TLBI_ALL, .el = 1};
    uint32_t code[EL1_WORDS + 1];
    for (unsigned i = 0; i <= EL1_WORDS; i++)
        code[i] = i < t->count ? t->word[i] : EL1_HVC;
    put(m, EL1_CODE, code, sizeof(code));
    for (unsigned i = 0; i < EL1_ENTRIES; i++)
        if (t->entry[i].pa)
            put64(m, t->entry[i].pa, t->entry[i].value);
    cpu->el = cpu->spsel = 1;
    for (unsigned i = 0; i < EL1_REGS; i++)
        a64_sysreg_write(cpu, regs[i].key, 0, t->state.sys[i]);
    a64_sysreg_write(cpu, 2u << 14 | 1 << 7 | 4, 31, 0); /* OSLAR_EL1 */
    memcpy(cpu->x, t->state.x, sizeof(cpu->x));
    memcpy(cpu->v, t->state.v, sizeof(cpu->v));
    cpu->sp[0] = t->state.sp[0];
    cpu->sp[1] = t->state.sp[1];
    cpu->fp.fpcr = (uint32_t)t->state.fpcr;
    cpu->fp.fpsr = (uint32_t)t->state.fpsr;
    cpu->pc = t->state.pc;
    a64_pstate_write(cpu, t->state.pstate);
    cpu->ss = 0;
    cpu->monitor.valid = false;
    atomic_store(&cpu->request, 0);
    v->engine->tlbi(v, &all);
    v->engine->context_changed(v);
}

static void store(struct machine *m, const struct el1_trial *t, struct el1_result *r)
{
    const struct a64_cpu *cpu = &m->vm.vcpus[0]->cpu;
    memcpy(r->state.x, cpu->x, sizeof(cpu->x));
    memcpy(r->state.v, cpu->v, sizeof(cpu->v));
    r->state.sp[0] = cpu->sp[0];
    r->state.sp[1] = cpu->sp[1];
    r->state.pc = cpu->pc;
    r->state.pstate = a64_pstate_read(cpu);
    r->state.fpcr = cpu->fp.fpcr;
    r->state.fpsr = cpu->fp.fpsr;
    for (unsigned i = 0; i < EL1_REGS; i++)
        r->state.sys[i] = cpu->sys[regs[i].id];
    for (unsigned i = 0; i < EL1_ENTRIES; i++) {
        r->entry[i] = 0;
        if (t->entry[i].pa) {
            get(m, t->entry[i].pa, &r->entry[i], 8);
            put64(m, t->entry[i].pa, 0);
        }
    }
    get(m, t->window, r->data, sizeof(r->data));
    for (unsigned i = 0; i < EL1_WINDOW; i++)
        put64(m, t->window + 8 * i, (uint64_t)EL1_HVC << 32 | EL1_HVC);
    r->ec = 0x16;
}

bool machine_run(struct machine *m, const struct el1_trial *t, struct el1_result *r)
{
    struct vcpu *v = m->vm.vcpus[0];
    enum a64_exit exit = A64_EXIT_BUDGET;
    load(m, t);
    const uint64_t end = v->cpu.instret + MAX_STEPS;
    for (unsigned i = 0; i < MAX_STEPS && v->cpu.instret < end && exit != A64_EXIT_HVC; i++) {
        atomic_store(&v->cpu.request, 0);
        exit = v->engine->run(v, end - v->cpu.instret);
    }
    store(m, t, r);
    return exit == A64_EXIT_HVC;
}

void machine_print_stats(struct machine *m, const char *prefix)
{
    struct vcpu *v = m->vm.vcpus[0];
    char *text = NULL, *save = NULL;
    size_t bytes;
    FILE *to = open_memstream(&text, &bytes);
    if (!to)
        return;
    if (v->engine->stats)
        v->engine->stats(v, to);
    fclose(to);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, prefix, strlen(prefix)) == 0)
            printf("# %s\n", line);
    free(text);
}
