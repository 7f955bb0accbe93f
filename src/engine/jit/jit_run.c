/* The dispatcher: finds the block to run, enters it, and acts on why it came back.
 *
 * Translated code looks for requests where loops and returns pass (cpu->attention) and then comes
 * here; so does everything that is not translated, that faults, or that another state of the PE is
 * needed for: the interpreter then executes exactly one instruction. Debug state, landing pads
 * (BTI) and Exception levels above 1 are its own altogether.
 *
 * Counting. When somebody can see the number of executed instructions (the counted clock, event
 * counters of the PMU, stress knobs) blocks subtract their instructions from area->budget at entry,
 * sites say how many of them were not executed, and instret is exact whenever C looks at it. A
 * block that the budget does not allow is executed by the interpreter up to its end: run() returns
 * after exactly the same instruction as the interpreter. Otherwise instret stands still in
 * translated code and run() ends by request only.
 */
#include "engine/jit/jit_int.h"

#include "a64/debug.h"
#include "interp_table.h"

#include <string.h>

enum go {
    GO_ON,   /* look again */
    GO_STEP, /* the interpreter is to execute one instruction */
    GO_EXIT, /* leave run() with it.exit */
};

/* ---- Requests ---- */

/* True: an interrupt is pending that PSTATE does not mask. */
static bool interrupt_wanted(struct a64_cpu *cpu)
{
    unsigned lines = atomic_load_explicit(&cpu->irq_lines, memory_order_acquire);
    return (lines & A64_LINE_IRQ && !(cpu->daif & PSTATE_I)) ||
           (lines & A64_LINE_FIQ && !(cpu->daif & PSTATE_F)) ||
           (lines & A64_LINE_SERROR && !(cpu->daif & PSTATE_A));
}

static bool request_wanted(struct a64_cpu *cpu)
{
    return atomic_load_explicit(&cpu->request, memory_order_acquire) != 0;
}

static bool attention(struct a64_cpu *cpu)
{
    return atomic_load_explicit(&cpu->attention, memory_order_relaxed) != 0;
}

/* Before the words behind it are looked at: who sets one of them after that sets it again. */
static void attention_clear(struct a64_cpu *cpu)
{
    if (attention(cpu))
        atomic_store(&cpu->attention, 0);
}

/* Takes a pending interrupt; true when run() must return because of a request. */
static bool poll(struct a64_cpu *cpu)
{
    attention_clear(cpu);
    if (request_wanted(cpu))
        return true;
    if (interrupt_wanted(cpu))
        a64_take_interrupt(cpu);
    return false;
}

/* ---- Hooks: what translated code calls ---- */

static bool hook_poll(void *state, uint32_t site)
{
    struct a64_cpu *cpu = jit_of_state(state)->cpu;
    (void)site; /* the fixed code leaves to it */
    attention_clear(cpu);
    return !request_wanted(cpu) && !interrupt_wanted(cpu);
}

/* After an instruction of the interpreter in the middle of a block: may the block go on? */
static bool may_continue(struct jit *j, enum xr r)
{
    struct a64_cpu *cpu = j->cpu;
    if (j->changed || attention(cpu) || jit_mode(j) != j->mode)
        return false;
    return r == XR_NEXT ||
           (!request_wanted(cpu) && !interrupt_wanted(cpu) && !a64_debug_active(cpu));
}

#define LEFT_OFTEN 32 /* more than the times a program's pages become dirty at one place */

/* ---- From block to block ---- */

/* Landing pads, debug state and higher levels are the interpreter's. */
static bool can_translate(const struct a64_cpu *cpu)
{
    return cpu->el <= 1 && !cpu->btype && !a64_debug_active(cpu);
}

/* The block at a guest address; null: the interpreter is to go on there. */
static struct jit_block *block_at(struct jit *j, uint64_t pc, bool *guarded)
{
    const struct jit_fetch *f = pc & 3 ? NULL : jit_fetch(j, pc);
    if (!f)
        return NULL;
    *guarded = f->guarded;
    return jit_block_get(j, f->page, pc, j->mode | (f->guarded ? LIFT_GUARDED : 0));
}

/* Code of the block at a place of the page being executed; `how`: 0 or LIFT_SINGLE. Null: look
 * again. */
static const void *block_host(struct jit *j, uint64_t pc, unsigned how)
{
    const struct jit_fetch *f = jit_fetch(j, pc);
    const struct jit_block *b =
        f ? jit_block_get(j, f->page, pc, j->mode | how | (f->guarded ? LIFT_GUARDED : 0)) : NULL;
    return b ? jit_code_exec(j, b) : NULL;
}

/* A group is left at pc: after some times there is no such group. */
static void note_left(struct jit *j, uint64_t pc)
{
    const struct jit_fetch *f = jit_fetch(j, pc);
    uint16_t off = pc % MEM_PAGE_SIZE;
    if (!f)
        return;
    struct jit_left *l = &j->left[(f->page ^ off >> 2) % JIT_LEFT];
    if (l->page != f->page || l->off != off)
        *l = (struct jit_left){.page = f->page, .off = off};
    if (++l->count > LEFT_OFTEN) {
        l->count = 0;
        jit_code_alone(j, f->page, off);
    }
}

/* A group whose page may not be entered: goes on without groups. */
static const void *leave_group(struct jit *j, uint32_t site)
{
    uint64_t pc = j->area->page + (uint64_t)(int64_t)x64_site_off(site);
    j->ungroup = false;
    j->stat.ungrouped++;
    note_left(j, pc);
    j->area->budget += x64_site_undone(site);
    const void *host = block_host(j, pc, LIFT_SINGLE);
    if (!host)
        jit_sync_out_at(j, pc);
    return host;
}

/* A branch inside a page, taken for the first time: it now leads to the block. Null: look again. */
static const void *follow_link(struct jit *j, const struct x64_left *left)
{
    uint32_t site = (uint32_t)left->site;
    uint64_t pc = j->area->page + (uint64_t)(int64_t)x64_site_off(site);
    uint64_t turn = jit_code_turn(j, left->arg);
    j->stat.links++;
    j->area->budget += x64_site_undone(site);
    const void *host = block_host(j, pc, site & X64_SITE_SINGLE ? LIFT_SINGLE : 0);
    if (!host) {
        jit_sync_out_at(j, pc);
        return NULL;
    }
    if (jit_code_turn(j, left->arg) == turn) /* the branch is still there */
        jit_link(j, left->arg, host);
    return host;
}

/* Where PSTATE.BTYPE is looked at: a guarded page, and BRK, whose SPSR shows it. Branches that set
 * it must come to the dispatcher to get there. */
static bool sees_btype(struct jit *j, uint64_t pc, bool guarded)
{
    uint32_t word;
    const struct jit_fetch *f = jit_fetch(j, pc);
    if (guarded || !f)
        return true;
    memcpy(&word, j->it.mem->ram + ((uint64_t)f->page << MEM_PAGE_SHIFT) + pc % MEM_PAGE_SIZE,
           sizeof(word));
    return (word & a64_op_info[A64_BRK].mask) == a64_op_info[A64_BRK].value;
}

/* An indirect branch, or one to another page, that the jump cache does not know. */
static const void *follow_jump(struct jit *j, const struct x64_left *left)
{
    uint64_t pc = left->arg;
    bool guarded = false;
    j->stat.jumps++;
    const struct jit_block *b = attention(j->cpu) ? NULL : block_at(j, pc, &guarded);
    bool seen = !b || sees_btype(j, pc, guarded);
    if (seen || j->count) /* when counting, the block clears it once it runs */
        j->cpu->btype = (uint8_t)left->site;
    if (!b || (seen && left->site)) {
        jit_sync_out_at(j, pc);
        return NULL;
    }
    const void *host = jit_code_exec(j, b);
    if (!seen)
        jit_jump_enter(j, pc, host);
    j->area->page = pc & PAGE_MASK_VA;
    return host;
}

/* ---- Hooks that change where translated code goes on ---- */

/* The code at PC, when nothing wants the dispatcher to look first; else null. */
static const void *go_on(struct jit *j)
{
    struct a64_cpu *cpu = j->cpu;
    bool guarded;
    if (cpu->instret >= j->end || attention(cpu) || request_wanted(cpu) || interrupt_wanted(cpu) ||
        !can_translate(cpu))
        return NULL;
    if (j->dirty || jit_mode(j) != j->mode)
        jit_context(j);
    const void *host = jit_jump_find(j, cpu->pc);
    if (!host) {
        const struct jit_block *b = block_at(j, cpu->pc, &guarded);
        if (!b)
            return NULL;
        host = jit_code_exec(j, b);
        if (!sees_btype(j, cpu->pc, guarded))
            jit_jump_enter(j, cpu->pc, host);
    }
    jit_sync_in(j);
    j->area->page = cpu->pc & PAGE_MASK_VA;
    j->area->saved_rsp = j->area->stack_base;
    j->changed = false;
    return host;
}

static const void *hook_interp(void *state, uint64_t word_op, uint32_t site)
{
    struct jit *j = jit_of_state(state);
    struct a64_cpu *cpu = j->cpu;
    enum a64_op op = (enum a64_op)(word_op >> 32);
    jit_stats_fallback(j, op, (uint32_t)word_op);
    jit_sync_out(j, site);
    if (op == A64_BR || op == A64_BLR) {
        const struct jit_fetch *f = jit_fetch(j, cpu->pc);
        j->it.fetch_guarded = f && f->guarded;
    }
    if (op != A64_SVC && op != A64_ERET)
        jit_interp_ready(j);
    enum xr r = interp_handlers[op](cpu, (uint32_t)word_op);
    cpu->instret++;
    j->exiting = r == XR_EXIT;
    if (j->exiting)
        return NULL;
    if (r != XR_NEXT && r != XR_SYNC)
        return go_on(j);
    cpu->pc += 4;
    if (!may_continue(j, r))
        return go_on(j);
    jit_sync_in(j);
    j->area->budget -= (int64_t)x64_site_undone(site) - 1;
    return X64_GO_ON;
}

/* An indirect branch, or one to another page, that the jump cache does not know. Null:
 * follow_jump() is to look again. */
static const void *hook_jump(void *state, uint64_t pc, uint32_t btype)
{
    struct jit *j = jit_of_state(state);
    uint64_t turn = j->code.turn;
    bool guarded;
    const struct jit_block *b = attention(j->cpu) ? NULL : block_at(j, pc, &guarded);
    if (turn != j->code.turn) /* calls may come back to what was there */
        j->area->saved_rsp = j->area->stack_base;
    bool seen = b && sees_btype(j, pc, guarded);
    if (!b || (seen && btype))
        return NULL;
    const void *host = jit_code_exec(j, b);
    if (!seen)
        jit_jump_enter(j, pc, host);
    if (j->count) /* the block clears it once it runs */
        j->cpu->btype = (uint8_t)btype;
    j->stat.jumps++;
    j->area->page = pc & PAGE_MASK_VA;
    return host;
}

/* A direct branch to another page. It holds as long as nothing that this address space executes
 * moves, and no page of code is executed at two addresses. */
static const void *hook_cross(void *state, uint64_t pc, uint64_t point, uint32_t distance)
{
    struct jit *j = jit_of_state(state);
    const void *host = jit_jump_find(j, pc);
    if (!host || attention(j->cpu) || !jit_may_cross(j, pc)) /* new: it need not come back soon */
        return hook_jump(state, pc, 0);
    j->area->page = pc & PAGE_MASK_VA;
    j->stat.crosses += jit_link_cross(j, point, distance, host);
    return host;
}

const struct x64_hooks jit_hooks = {
    .fill = jit_fill,
    .interp = hook_interp,
    .exception = jit_exception,
    .jump = hook_jump,
    .cross = hook_cross,
    .poll = hook_poll,
};

/* ---- Running ---- */

/* Runs translated code from block `b` at PC on. */
static enum go run_blocks(struct jit *j, const struct jit_block *b)
{
    const void *host = jit_code_exec(j, b);
    struct x64_left left;
    jit_sync_in(j);
    j->area->page = j->cpu->pc & PAGE_MASK_VA;
    while (host) {
        j->changed = false;
        j->stat.entered++;
        j->glue.enter(j->state, host, &left);
        switch ((enum x64_leave)left.why) {
        case X64_LEAVE_LINK:
            host = follow_link(j, &left);
            break;
        case X64_LEAVE_JUMP:
            host = follow_jump(j, &left);
            break;
        case X64_LEAVE_DISPATCH:
            j->stat.dispatches++;
            jit_sync_out(j, (uint32_t)left.site);
            return GO_ON;
        case X64_LEAVE_INTERP_ONE:
            if (j->ungroup) {
                host = leave_group(j, (uint32_t)left.site);
                break;
            }
            jit_sync_out(j, (uint32_t)left.site);
            return GO_STEP;
        case X64_LEAVE_DONE:
            return j->exiting ? GO_EXIT : GO_ON;
        }
    }
    return GO_ON;
}

static enum go run_translated(struct jit *j)
{
    struct a64_cpu *cpu = j->cpu;
    bool guarded;
    if (!can_translate(cpu))
        return GO_STEP;
    if (j->dirty || jit_mode(j) != j->mode)
        jit_context(j);
    const struct jit_block *b = block_at(j, cpu->pc, &guarded);
    if (!b)
        return GO_STEP;
    if (j->count && b->bytes / 4 > j->end - cpu->instret) {
        j->stat.counted++;
        return GO_STEP;
    }
    return run_blocks(j, b);
}

static enum a64_exit loop(struct jit *j, uint64_t end)
{
    struct a64_cpu *cpu = j->cpu;
    j->end = end;
    while (cpu->instret < end) {
        if (poll(cpu))
            return A64_EXIT_REQUEST;
        enum go go = run_translated(j);
        if (go == GO_STEP) {
            j->stat.single++;
            jit_interp_ready(j);
            if (interp_step(cpu) == XR_EXIT)
                go = GO_EXIT;
        }
        if (go == GO_EXIT)
            return j->it.exit;
    }
    return A64_EXIT_BUDGET;
}

/* ---- run() ---- */

/* Must instructions be counted? Event counters of the PMU are taken to count them. */
static bool must_count(const struct jit *j)
{
    const uint64_t *sys = j->cpu->sys;
    return j->it.v->vm->clock.source == CLOCK_COUNTED || j->it.stress.on ||
           (bit(sys[A64_PMCR_EL0], 0) && (sys[A64_PMCNTENSET_EL0] & ~BIT(31)));
}

enum a64_exit jit_run(struct vcpu *v, uint64_t budget)
{
    struct jit *j = v->cpu.engine;
    struct a64_cpu *cpu = &v->cpu;
    struct stress *stress = &j->it.stress;
    uint64_t flush = stress->knob.flush;
    j->count = must_count(j);
    j->smp = v->vm->cpu_count > 1;
    j->dirty = true;
    jit_code_take_pending(j);
    if (LIKELY(!stress->on))
        return loop(j, cpu->instret + budget);
    uint64_t end = cpu->instret + stress_budget(stress, budget);
    enum a64_exit why = A64_EXIT_BUDGET;
    while (why == A64_EXIT_BUDGET && cpu->instret < end) {
        why = loop(j, flush && flush < end - cpu->instret ? cpu->instret + flush : end);
        if (flush) {
            jit_tlb_flush(j);
            tlb_flush(&j->it);
            jit_code_reset(j);
        }
    }
    return why;
}
