/* SVC from EL0 and ERET, from translated code to translated code.
 *
 * A system call crosses the border between the Exception levels twice, and in nearly all of them
 * nothing else has happened: no register of the translation regime was written, nothing is
 * pending, nobody debugs or counts. Then what follows is known before the instruction is executed:
 * where it leads, in which set and mode, and that the jump cache has the code there. If any of this
 * is not so, nothing is done here and the interpreter executes the instruction. What the exception
 * does to the PE is a64/exception.c's.
 *
 * Counting: the block was charged with all its instructions, this one is the last, and the block
 * that follows looks at the budget.
 */
#include "engine/jit/jit_int.h"

#include "a64/debug.h"
#include "a64/exception.h"

/* SPSR bits of a return that is out of the ordinary: BTYPE, IL, SS; AArch32, EL2 and EL3. */
#define SPSR_ODD (BIT(21) | BIT(20) | BIT(11) | BIT(10) | BIT(4) | BIT(3) | BIT(1))
#define SPSR_PAN 22
#define SCTLR_SPAN 23
#define VECTOR_LOWER_EL 0x400

struct border {
    unsigned el, spsel, pan; /* beyond it */
    uint64_t pc;
};

/* Is there anything that somebody must look at before or after? */
static bool is_quiet(const struct jit *j)
{
    const struct a64_cpu *cpu = j->cpu;
    return !j->dirty && !j->it.watch && !bit(cpu->sys[A64_PMCR_EL0], 0) &&
           !(cpu->sys[A64_MDSCR_EL1] & (MDSCR_SS | MDSCR_MDE)) &&
           !atomic_load_explicit(&cpu->attention, memory_order_relaxed) &&
           !atomic_load_explicit(&cpu->irq_lines, memory_order_relaxed);
}

static bool system_call(const struct a64_cpu *cpu, struct border *b)
{
    bool pan = a64_feature_has(&cpu->features, A64_FEAT_PAN) &&
               !bit(cpu->sys[A64_SCTLR_EL1], SCTLR_SPAN);
    *b = (struct border){
        .el = 1, .spsel = 1, .pan = pan || cpu->pan,
        .pc = cpu->sys[A64_VBAR_EL1] + VECTOR_LOWER_EL,
    };
    return cpu->el == 0;
}

static bool exception_return(const struct a64_cpu *cpu, struct border *b)
{
    uint64_t spsr = cpu->sys[A64_SPSR_EL1];
    *b = (struct border){
        .el = bit(spsr, 2), .spsel = bit(spsr, 0),
        .pan = bit(spsr, SPSR_PAN) && a64_feature_has(&cpu->features, A64_FEAT_PAN),
        .pc = cpu->sys[A64_ELR_EL1],
    };
    return cpu->el == 1 && !(spsr & SPSR_ODD) && (b->el || !b->spsel);
}

/* The code beyond the border, or null. An address with a tag would lose it; and regions of the code
 * cache may have been emptied since the set was used last. */
static const void *code_there(const struct jit *j, const struct border *b, unsigned mode)
{
    const struct jit_set *s = b->el ? &j->kernel : j->el0;
    if (!s || s->jump_mode != mode || s->jump_turn != j->code.turn ||
        (b->el && b->pan && !j->pan) || (uint64_t)sign_extend(b->pc, 56) != b->pc)
        return NULL;
    unsigned index = x64_jump_index(b->pc);
    if (s->x->jump[index].pc != b->pc)
        index ^= 1;
    const struct x64_jump_entry *e = &s->x->jump[index];
    return e->pc == b->pc ? (const void *)(uintptr_t)e->host : NULL;
}

const void *jit_exception(void *state, uint64_t word_op, uint32_t site)
{
    struct jit *j = jit_of_state(state);
    struct a64_cpu *cpu = j->cpu;
    struct x64_area *area = j->area;
    bool call = word_op >> 32 == A64_SVC;
    struct border b;
    if (!is_quiet(j) || !(call ? system_call(cpu, &b) : exception_return(cpu, &b)))
        return NULL;
    unsigned mode = jit_mode_at(j, b.el, b.spsel);
    const void *host = code_there(j, &b, mode);
    if (!host)
        return NULL;

    cpu->pc = area->page + (uint64_t)(int64_t)x64_site_off(site);
    cpu->nzcv = jit_nzcv_out(area->nzcv);
    sp_write(cpu, area->sp);
    if (call)
        a64_exception_return_to(cpu, EC_SVC64, a64_get_SVC((uint32_t)word_op).imm16, cpu->pc + 4,
                                1);
    else
        a64_eret(cpu);
    DCHECK(cpu->pc == b.pc && cpu->el == b.el && jit_mode(j) == mode);

    /* As jit_context() would find it. */
    j->dirty = j->changed = false;
    j->mode = mode;
    if (b.el)
        j->pan = b.pan;
    jit_choose_sets(j);
    area->sp = sp_read(cpu);
    area->nzcv = jit_nzcv_in(cpu->nzcv);
    area->page = b.pc & PAGE_MASK_VA;
    area->saved_rsp = area->stack_base;
    j->stat.exceptions++;
    return host;
}
