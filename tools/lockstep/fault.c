/* An engine with one wrong bit: what the tool is tested with. It runs another engine, one
 * instruction at a time from the given count on, until the instruction in question has been
 * executed and its result can be changed:
 *
 *   loads, data processing   the first of X0..X30, SP, NZCV and V0..V31 that changed
 *   stores, MSR, SYS         the source register Rt, which is right again afterwards
 *   branches                 the new PC
 *
 * Afterwards it runs the other engine as it is. Three faults more have names of their own:
 *
 *   crash       the process dies
 *   hang        run() does not return
 *   lost-tlbi   one TLB maintenance operation is not done: what a saved state could not show */
#include "lockstep.h"

#include "a64/exception.h"
#include "a64/mmu.h"
#include "a64_ops.h"
#include "base/bits.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { RESULT, CRASH, HANG, LOST_TLBI };

static const char *const special[] = {[CRASH] = "crash", [HANG] = "hang",
                                      [LOST_TLBI] = "lost-tlbi"};

static struct {
    enum kind kind;
    const struct engine_ops *base;
    struct engine_ops ops;
    enum a64_op op;
    unsigned bit;
    uint64_t from;
    struct ls_planted *planted;
    bool done; /* by this process: a checkpoint before it has it still to do */
} fault;

/* The next instruction, unless an interrupt or an exception comes first. */
static bool next_word(struct vcpu *v, uint32_t *word)
{
    struct a64_cpu *cpu = &v->cpu;
    struct a64_walk req = {.va = cpu->pc, .access = A64_ACCESS_FETCH, .el = cpu->el};
    struct a64_translation t;
    struct a64_fault f;
    if (atomic_load(&cpu->irq_lines) || atomic_load(&cpu->request) || cpu->il || cpu->pc & 3 ||
        !a64_translate(cpu, &req, &t, &f))
        return false;
    return mem_read(&v->vm->mem, t.pa, word, sizeof(*word));
}

static bool changes_source(uint16_t traits)
{
    if (traits & A64_TRAIT_READS_MEM)
        return false;
    return traits & A64_TRAIT_WRITES_MEM || fault.op == A64_MSR_r || fault.op == A64_SYS;
}

static void flip(void *p, unsigned bit)
{
    ((uint8_t *)p)[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* Flips a bit of the first register that differs from `old`. */
static bool flip_result(struct a64_cpu *cpu, const struct a64_cpu *old)
{
    for (unsigned i = 0; i < 31; i++) {
        if (cpu->x[i] != old->x[i])
            return flip(&cpu->x[i], fault.bit % 64), true;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (cpu->sp[i] != old->sp[i])
            return flip(&cpu->sp[i], fault.bit % 64), true;
    }
    if (cpu->nzcv != old->nzcv)
        return flip(&cpu->nzcv, 28 + fault.bit % 4), true;
    for (unsigned i = 0; i < 32; i++) {
        if (memcmp(&cpu->v[i], &old->v[i], sizeof(cpu->v[i])))
            return flip(&cpu->v[i], fault.bit % 128), true;
    }
    if (a64_op_info[fault.op].traits & A64_TRAIT_BRANCH && cpu->pc != old->pc + 4)
        return flip(&cpu->pc, 2 + fault.bit % 10), true;
    return false;
}

static void note(const struct a64_cpu *old, uint32_t word)
{
    fault.done = true;
    *fault.planted = (struct ls_planted){
        .done = true, .word = word, .instret = old->instret, .pc = old->pc};
}

/* Runs the instruction `word`, which is the one to be wrong. */
static enum a64_exit run_wrong(struct vcpu *v, uint32_t word)
{
    struct a64_cpu *cpu = &v->cpu, *old = malloc(sizeof(*old));
    if (!old)
        abort();
    memcpy(old, cpu, sizeof(*old));
    uint16_t traits = a64_op_info[fault.op].traits;
    unsigned rt = word & 31, rn = word >> 5 & 31;
    bool source = changes_source(traits), vector = traits & A64_TRAIT_FP, hit = false;
    if (source && (vector || (rt != 31 && (rt != rn || traits & A64_TRAIT_SYSTEM)))) {
        if (vector)
            flip(&cpu->v[rt], fault.bit % 128);
        else
            flip(&cpu->x[rt], fault.bit % 64);
        hit = true;
    }
    enum a64_exit why = fault.base->run(v, 1);
    if (hit && vector)
        flip(&cpu->v[rt], fault.bit % 128);
    else if (hit)
        flip(&cpu->x[rt], fault.bit % 64);
    else if (!source && cpu->instret == old->instret + 1)
        hit = flip_result(cpu, old);
    if (hit)
        note(old, word);
    free(old);
    return why;
}

static enum a64_exit fault_run(struct vcpu *v, uint64_t budget)
{
    struct a64_cpu *cpu = &v->cpu;
    uint64_t end = cpu->instret + budget;
    if (fault.done || fault.kind == LOST_TLBI)
        return fault.base->run(v, budget);
    if (cpu->instret < fault.from) {
        uint64_t n = fault.from - cpu->instret;
        return fault.base->run(v, n < budget ? n : budget);
    }
    if (fault.kind != RESULT)
        note(cpu, 0);
    if (fault.kind == CRASH)
        abort();
    while (fault.kind == HANG)
        pause();
    enum a64_exit why = A64_EXIT_BUDGET;
    while (cpu->instret < end && why == A64_EXIT_BUDGET && !fault.done) {
        uint32_t word;
        if (next_word(v, &word) && a64_decode(word) == fault.op)
            why = run_wrong(v, word);
        else
            why = fault.base->run(v, 1);
    }
    return why;
}

static void fault_tlbi(struct vcpu *v, const struct a64_tlbi *op)
{
    if (fault.done || fault.kind != LOST_TLBI || v->cpu.instret < fault.from)
        fault.base->tlbi(v, op);
    else
        note(&v->cpu, 0);
}

static enum a64_op find_op(const char *name, size_t len)
{
    for (unsigned i = 1; i < A64_OP_COUNT; i++) {
        if (strlen(a64_op_info[i].name) == len && !memcmp(a64_op_info[i].name, name, len))
            return (enum a64_op)i;
    }
    return A64_UNDEFINED;
}

int fault_parse(const char *text, const struct engine_ops *base, struct ls_planted *planted,
                const struct engine_ops **out, struct err *e)
{
    size_t len = strcspn(text, ":@");
    const char *rest = text + len;
    char *end;
    for (unsigned i = CRASH; i < ARRAY_LEN(special); i++) {
        if (strlen(special[i]) == len && !memcmp(special[i], text, len))
            fault.kind = (enum kind)i;
    }
    if (fault.kind == RESULT) {
        fault.op = find_op(text, len);
        if (fault.op == A64_UNDEFINED)
            return err_set(e, EINVAL, "fault: isa/a64.isa has no '%.*s'", (int)len, text);
        fault.bit = (unsigned)strtoul(*rest == ':' ? rest + 1 : "", &end, 10);
        if (*rest != ':' || end == rest + 1 || fault.bit > 127)
            return err_set(e, EINVAL, "fault '%s' is not NAME:BIT[@N], BIT up to 127", text);
        rest = end;
    }
    if (*rest == '@') {
        fault.from = strtoull(rest + 1, &end, 10);
        rest = end == rest + 1 ? "?" : end;
    }
    if (*rest)
        return err_set(e, EINVAL, "fault '%s' is not NAME:BIT[@N], crash, hang or lost-tlbi[@N]",
                       text);
    fault.base = base;
    fault.ops = *base;
    fault.ops.run = fault_run;
    fault.ops.tlbi = fault_tlbi;
    fault.planted = planted;
    *out = &fault.ops;
    return 0;
}
