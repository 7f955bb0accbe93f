/* The reference engine: executes A64 one instruction at a time, as the Arm ARM's pseudocode says.
 *
 * It is the specification that every other engine is compared with, so it stays plain; what it
 * caches (translations, decoded instructions) it invalidates exactly. The loop runs records of one
 * decoded page until the PC leaves it. Interrupts and requests are polled at taken branches, page
 * changes and after instructions that may unmask them; at most RUN_BUDGET instructions pass between
 * two polls.
 *
 * Debug state (breakpoints, single-step, illegal execution state) switches to a loop that asks
 * before each instruction; watchpoints withhold translation buffer entries instead.
 */
#include "engine/interp/interp.h"

#include "a64/debug.h"
#include "a64/decode.h"
#include "a64_ops.h"
#include "engine/interp/interp_vcpu.h"
#include "interp_table.h"

#include "base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum xr interp_exit(struct a64_cpu *cpu, enum a64_exit reason)
{
    interp_of(cpu)->exit = reason;
    return XR_EXIT;
}

bool interp_sp_check_enabled(const struct a64_cpu *cpu)
{
    return bit(cpu->sys[A64_SCTLR_EL1], cpu->el == 0 ? 4 : 3); /* SA0 : SA */
}

/* ---- Context ---- */

static bool watchpoints_enabled(const struct a64_cpu *cpu)
{
    if (!(cpu->sys[A64_MDSCR_EL1] & MDSCR_MDE))
        return false;
    for (unsigned n = 0; n < A64_WATCHPOINTS; n++) {
        if (bit(cpu->sys[A64_DBGWCR0_EL1 + n], 0))
            return true;
    }
    return false;
}

/* Everything that is derived from PSTATE and the control registers. Cheap, since each exception
 * entry and return comes here. */
void interp_context(struct interp *it)
{
    struct a64_cpu *cpu = &it->v->cpu;
    uint64_t sctlr = cpu->sys[A64_SCTLR_EL1];
    const uint64_t regime[] = {sctlr, cpu->sys[A64_TCR_EL1], cpu->sys[A64_TTBR0_EL1],
                               cpu->sys[A64_TTBR1_EL1], cpu->sys[A64_MAIR_EL1]};
    _Static_assert(sizeof(regime) == sizeof(it->regime), "one word per control register");
    it->set = cpu->el == 0 ? SET_EL0 : cpu->pan ? SET_EL1_PAN : SET_EL1;
    it->align_check = bit(sctlr, 1);
    it->fetch_va = TLB_INVALID;
    bool watch = watchpoints_enabled(cpu);
    if (memcmp(regime, it->regime, sizeof(regime)) || watch || it->watch) {
        memcpy(it->regime, regime, sizeof(regime));
        it->watch = watch;
        tlb_flush(it);
    }
}

/* ---- Instruction fetch ---- */

/* Host address of the page that holds PC; sets fetch_guarded. Null: an exception was taken. */
static const uint8_t *interp_fetch_host(struct interp *it)
{
    struct a64_cpu *cpu = &it->v->cpu;
    cpu->pc = a64_untag(cpu, cpu->pc, true, cpu->el);
    if (UNLIKELY(cpu->pc & 3)) {
        a64_pc_alignment_fault(cpu);
        return NULL;
    }
    uint64_t va = cpu->pc & PAGE_MASK_VA;
    struct tlb_entry *e = tlb_at(it, it->set, va);
    if (e->tag[A64_ACCESS_FETCH] != va) {
        struct a64_walk req = {.va = cpu->pc, .access = A64_ACCESS_FETCH, .el = cpu->el};
        struct a64_translation t;
        struct a64_fault fault = {0};
        bool ok = a64_translate(cpu, &req, &t, &fault);
        uint8_t *host = ok ? mem_ptr(it->mem, t.pa & PAGE_MASK_VA, MEM_PAGE_SIZE, MEM_READ) : NULL;
        if (!host) {
            if (ok)
                fault = (struct a64_fault){.fsc = 0x10}; /* no memory there: external abort */
            fault.va = cpu->pc;
            a64_prefetch_abort(cpu, &fault);
            return NULL;
        }
        tlb_fill(it, it->set, va, A64_ACCESS_FETCH, &t, host);
    }
    it->fetch_guarded = it->guarded[it->set][(va >> MEM_PAGE_SHIFT) % TLB_ENTRIES];
    return (const uint8_t *)(uintptr_t)(va + e->addend);
}

/* Makes fetch_page the page that holds PC. False: an exception was taken. */
static bool interp_fetch(struct interp *it)
{
    const uint8_t *host = interp_fetch_host(it);
    if (!host)
        return false;
    it->fetch_page = code_get(it, (uint64_t)(host - it->mem->ram) >> MEM_PAGE_SHIFT);
    it->fetch_va = it->v->cpu.pc & PAGE_MASK_VA;
    return true;
}

/* ---- The loop ---- */

/* Takes a pending interrupt; true when run() must return because of a request. */
static inline bool interp_poll(struct a64_cpu *cpu)
{
    if (UNLIKELY(atomic_load_explicit(&cpu->request, memory_order_acquire)))
        return true;
    if (UNLIKELY(atomic_load_explicit(&cpu->irq_lines, memory_order_acquire)))
        a64_take_interrupt(cpu);
    return false;
}

/* Executes an instruction at PC, whose page fetch_guarded speaks of. */
static inline enum xr interp_word(struct interp *it, struct a64_cpu *cpu, unsigned op,
                                  uint32_t word)
{
    if (UNLIKELY(cpu->btype)) {
        if (it->fetch_guarded && !a64_bti_check(cpu, word))
            return XR_EXC;
        if (op != A64_BRK) /* its SPSR.BTYPE is the one it was reached with */
            cpu->btype = 0;
    }
    return interp_handlers[op](cpu, word);
}

/* Executes the instruction at PC, which lies in fetch_page. */
static inline enum xr interp_one(struct interp *it, struct a64_cpu *cpu)
{
    unsigned index = (cpu->pc >> 2) % PAGE_WORDS;
    struct insn_rec *rec = &it->fetch_page->rec[index];
    if (UNLIKELY(rec->op == REC_UNDECODED))
        code_decode(it, it->fetch_page, index);
    return interp_word(it, cpu, rec->op, rec->word);
}

/* Runs until the page is left or something must be looked at; the result of the last instruction.
 */
static inline enum xr interp_page(struct interp *it, struct a64_cpu *cpu, uint64_t end)
{
    for (;;) {
        enum xr r = interp_one(it, cpu);
        cpu->instret++;
        if (LIKELY(r == XR_NEXT)) {
            cpu->pc += 4;
            if (UNLIKELY((cpu->pc ^ it->fetch_va) & PAGE_MASK_VA) || UNLIKELY(cpu->instret >= end))
                return XR_NEXT;
        } else {
            return r;
        }
    }
}

static enum a64_exit interp_run_debug(struct interp *it, struct a64_cpu *cpu, uint64_t end);

/* `each`: polls before each instruction. */
static inline __attribute__((always_inline)) enum a64_exit
interp_loop(struct interp *it, struct a64_cpu *cpu, uint64_t end, bool each)
{
    code_take_pending(it);
    while (cpu->instret < end) {
        if (interp_poll(cpu))
            return A64_EXIT_REQUEST;
        if (UNLIKELY(a64_debug_active(cpu)))
            return interp_run_debug(it, cpu, end);
        if ((cpu->pc ^ it->fetch_va) & ~(uint64_t)(MEM_PAGE_SIZE - 4) && !interp_fetch(it)) {
            cpu->instret++; /* a vector that cannot be fetched must use up budget and time */
            continue;
        }
        switch (interp_page(it, cpu, each ? cpu->instret + 1 : end)) {
        case XR_NEXT:
        case XR_BRANCH:
        case XR_EXC:
            break;
        case XR_SYNC:
            cpu->pc += 4;
            break;
        case XR_EXIT:
            return it->exit;
        }
    }
    return A64_EXIT_BUDGET;
}

/* As interp_run, one instruction at a time with the debug checks in front. Ends when debug state
 * goes inactive: the caller's caller simply runs again. */
static enum a64_exit interp_run_debug(struct interp *it, struct a64_cpu *cpu, uint64_t end)
{
    while (cpu->instret < end) {
        if (interp_poll(cpu))
            return A64_EXIT_REQUEST;
        if (!a64_debug_active(cpu))
            return A64_EXIT_BUDGET;
        if (a64_debug_fetch(cpu))
            continue;
        if ((cpu->pc ^ it->fetch_va) & ~(uint64_t)(MEM_PAGE_SIZE - 4) && !interp_fetch(it)) {
            cpu->instret++;
            continue;
        }
        bool monitor = cpu->monitor.valid;
        enum xr r = interp_one(it, cpu);
        cpu->instret++;
        if (r == XR_NEXT || r == XR_SYNC)
            cpu->pc += 4;
        if (r != XR_EXC)
            a64_debug_step_done(cpu, !monitor && cpu->monitor.valid);
        if (r == XR_EXIT)
            return it->exit;
    }
    return A64_EXIT_BUDGET;
}

enum xr interp_step(struct a64_cpu *cpu)
{
    struct interp *it = interp_of(cpu);
    bool debug = a64_debug_active(cpu);
    if (debug && a64_debug_fetch(cpu))
        return XR_EXC;
    const uint8_t *host = interp_fetch_host(it);
    it->fetch_va = TLB_INVALID; /* there is no fetch_page */
    if (!host) {
        cpu->instret++;
        return XR_EXC;
    }
    uint32_t word;
    memcpy(&word, host + cpu->pc % MEM_PAGE_SIZE, sizeof(word));
    bool monitor = cpu->monitor.valid;
    enum xr r = interp_word(it, cpu, a64_decode_with(&cpu->features, word), word);
    cpu->instret++;
    if (r == XR_NEXT || r == XR_SYNC)
        cpu->pc += 4;
    if (debug && r != XR_EXC)
        a64_debug_step_done(cpu, !monitor && cpu->monitor.valid);
    return r;
}

/* As the stress knobs say. */
static enum a64_exit interp_run_stressed(struct interp *it, struct a64_cpu *cpu, uint64_t budget)
{
    uint64_t end = cpu->instret + stress_budget(&it->stress, budget);
    uint64_t flush = it->stress.knob.flush;
    enum a64_exit why = A64_EXIT_BUDGET;
    while (why == A64_EXIT_BUDGET && cpu->instret < end) {
        uint64_t stop = flush && flush < end - cpu->instret ? cpu->instret + flush : end;
        why = it->stress.knob.poll ? interp_loop(it, cpu, stop, true)
                                   : interp_loop(it, cpu, stop, false);
        if (flush) {
            tlb_flush(it);
            code_forget_all(it);
        }
    }
    return why;
}

static enum a64_exit interp_run(struct vcpu *v, uint64_t budget)
{
    struct a64_cpu *cpu = &v->cpu;
    struct interp *it = cpu->engine;
    if (UNLIKELY(it->stress.on))
        return interp_run_stressed(it, cpu, budget);
    return interp_loop(it, cpu, cpu->instret + budget, false);
}

bool interp_page_guarded(const struct a64_cpu *cpu)
{
    const struct interp *it = cpu->engine;
    return it->fetch_guarded;
}

/* ---- Engine table ---- */

int interp_init(struct interp *it, struct vcpu *v, struct err *e)
{
    it->v = v;
    it->mem = &v->vm->mem;
    it->filled_count = TLB_FILLED + 1; /* the first flush clears all */
    stress_init(&it->stress, &v->vm->engine_config.stress);
    tlb_flush(it);
    return code_create(it, e);
}

void interp_fini(struct interp *it)
{
    code_destroy(it);
}

static int interp_vcpu_create(struct vcpu *v, struct err *e)
{
    struct interp *it = fault_point("interp_alloc") ? NULL : calloc(1, sizeof(*it));
    if (!it)
        return err_set(e, ENOMEM, "out of memory for the interpreter");
    int r = interp_init(it, v, e);
    if (r)
        free(it);
    else
        v->cpu.engine = it;
    return r;
}

static void interp_vcpu_destroy(struct vcpu *v)
{
    struct interp *it = v->cpu.engine;
    interp_fini(it);
    free(it);
    v->cpu.engine = NULL;
}

static void interp_tlbi(struct vcpu *v, const struct a64_tlbi *op)
{
    tlb_invalidate(v->cpu.engine, op);
}

static void interp_context_changed(struct vcpu *v)
{
    interp_context(v->cpu.engine);
}

static void interp_icache_invalidate(struct vcpu *v, gpa_t pa, bool all)
{
    /* Stores of this PE reset decoded records when they happen, and writes of devices are queued
     * when they do: taking the queue makes every record what memory says, but for other PEs'. */
    struct interp *it = v->cpu.engine;
    uint64_t off = pa - it->mem->ram_base;
    code_take_pending(it);
    if (v->vm->cpu_count == 1)
        return;
    if (all)
        code_forget_all(it);
    else if (off < it->mem->ram_bytes)
        code_forget_page(it, off >> MEM_PAGE_SHIFT);
}

static void interp_forget(struct vcpu *v)
{
    code_forget_all(v->cpu.engine);
}

static void interp_stats(struct vcpu *v, FILE *to)
{
    const struct interp *it = v->cpu.engine;
    fprintf(to, "interp.decoded %llu\n", (unsigned long long)it->stat_decoded);
    fprintf(to, "interp.code_pages_evicted %llu\n", (unsigned long long)it->stat_evicted);
    fprintf(to, "interp.tlb_fills %llu\n", (unsigned long long)it->stat_tlb_fill);
    fprintf(to, "interp.tlb_flushes %llu\n", (unsigned long long)it->stat_tlb_flush);
}

const struct engine_ops interp_engine = {
    .name = "interp",
    .smp = true,
    .vcpu_create = interp_vcpu_create,
    .vcpu_destroy = interp_vcpu_destroy,
    .run = interp_run,
    .tlbi = interp_tlbi,
    .context_changed = interp_context_changed,
    .icache_invalidate = interp_icache_invalidate,
    .forget = interp_forget,
    .code_written = code_written,
    .stats = interp_stats,
};
