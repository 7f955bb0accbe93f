/* The translator as an engine: creation and the engine's table. See jit_int.h for the
 * parts and doc/ for how translation works. */
#include "engine/jit/jit.h"

#include "engine/jit/jit_int.h"

#include "a64/debug.h"
#include "base/fault.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

_Static_assert(sizeof(struct x64_area) <= A64_ENGINE_AREA, "area of translated code");
_Static_assert(offsetof(struct jit, it) == 0, "cpu->engine is a struct interp, too");
_Static_assert(offsetof(struct a64_cpu, x) == 0, "JIT_STATE_BIAS");
_Static_assert(offsetof(struct a64_monitor, valid) == 0 && sizeof(bool) == 1 &&
                   offsetof(struct a64_monitor, size) == 1 &&
                   offsetof(struct a64_monitor, pa) == 8 &&
                   offsetof(struct a64_monitor, value) == 16 &&
                   offsetof(struct a64_monitor, version) == 32,
               "x64_layout.monitor");
_Static_assert(EXCLUSIVE_WORDS == X64_VERSIONS, "x64_area.versions");
_Static_assert(sizeof(atomic_uint) == 4, "translated code compares 4 bytes");

/* ---- Creation ---- */

#define FROM_STATE(member) ((int32_t)offsetof(struct a64_cpu, member) - JIT_STATE_BIAS)

static const struct x64_layout layout = {
    .state = -JIT_STATE_BIAS,
    .x = FROM_STATE(x),
    .v = FROM_STATE(v),
    .fpsr = FROM_STATE(fp.fpsr),
    .attention = FROM_STATE(attention),
    .monitor = FROM_STATE(monitor),
    .btype = FROM_STATE(btype),
    .area = FROM_STATE(engine_area),
};

/* The fixed code, at the start of the cache, and the words that lead to it. */
static int make_glue(struct jit *j, struct err *e)
{
    struct jit_code *c = &j->code;
    struct x64_buf buf = {.p = c->write, .start = c->write, .end = c->first};
    if (!x64_glue_make(&buf, (int64_t)(c->exec - c->write), &j->layout, &j->host, &jit_hooks,
                       &j->glue))
        return err_set(e, ENOMEM, "the code cache is too small");
    x64_area_init(j->area);
    for (unsigned n = 0; n < X64_E_COUNT; n++)
        j->area->entry[n] = j->glue.entry[n];
    j->area->versions = (uint64_t)(uintptr_t)j->it.v->vm->exclusive.word;
    j->area->ram_delta = j->it.mem->ram_base - (uint64_t)(uintptr_t)j->it.mem->ram;
    jit_clock_init(j);
    if (j->trace)
        jit_trace_glue(j);
    return 0;
}

static int init(struct jit *j, struct vcpu *v, struct err *e)
{
    int r = interp_init(&j->it, v, e);
    if (r)
        return r;
    j->cpu = &v->cpu;
    j->state = (uint8_t *)&v->cpu + JIT_STATE_BIAS;
    j->area = (struct x64_area *)(void *)v->cpu.engine_area;
    j->layout = layout;
    if (j->it.stress.knob.avx2)
        x64_host_drop_avx512(&j->host);
    const struct engine_trace *trace = &v->vm->engine_config.trace;
    j->trace = trace->to || trace->perf_map ? trace : NULL;
    jit_stats_begin(j);
    j->it.code_stored = jit_code_stored;
    r = jit_tlb_create(j, e);
    if (r)
        goto fail_interp;
    r = jit_code_create(j, e);
    if (r)
        goto fail_tlb;
    r = make_glue(j, e);
    if (r)
        goto fail_code;
    j->work = fault_point("jit_work") ? NULL : x64_work_new();
    if (j->work)
        return 0;
    r = err_set(e, ENOMEM, "out of memory for the translator");

fail_code:
    jit_code_destroy(j);
fail_tlb:
    jit_tlb_destroy(j);
fail_interp:
    interp_fini(&j->it);
    return r;
}

static int jit_vcpu_create(struct vcpu *v, struct err *e)
{
    const struct x64_host host = x64_host_detect();
    const char *missing = x64_host_missing(&host);
    if (missing)
        return err_set(e, ENOTSUP, "engine jit needs a processor with %s (x86-64-v3); use --engine "
                                   "interp",
                       missing);
    struct jit *j = fault_point("jit_alloc") ? NULL : calloc(1, sizeof(*j));
    if (!j)
        return err_set(e, ENOMEM, "out of memory for the translator");
    j->host = host;
    int r = init(j, v, e);
    if (r)
        free(j);
    else
        v->cpu.engine = j;
    return r;
}

static void jit_vcpu_destroy(struct vcpu *v)
{
    struct jit *j = v->cpu.engine;
    x64_work_free(j->work);
    jit_code_destroy(j);
    jit_tlb_destroy(j);
    interp_fini(&j->it);
    free(j);
    v->cpu.engine = NULL;
}

/* ---- Events ---- */

static void jit_tlbi(struct vcpu *v, const struct a64_tlbi *op)
{
    struct jit *j = v->cpu.engine;
    tlb_invalidate(&j->it, op);
    jit_tlb_invalidate(j, op);
}

static void jit_context_changed(struct vcpu *v)
{
    struct jit *j = v->cpu.engine;
    j->stale = true;
    if (j->it.watch || v->cpu.sys[A64_MDSCR_EL1] & MDSCR_MDE) /* `watch` may change */
        jit_interp_ready(j);
    j->dirty = j->changed = true;
}

/* IC IVAU and IC IALLU forget nothing, as there is nothing that is not what memory says, or noted.
 * Stores of this vCPU invalidate when they are executed (no store entry exists for a page with
 * translations). Writes of devices were noted by mem_wrote() before the device told anybody that
 * they are done, so before the guest could order an IC after them: they are taken here, as
 * they would be at the next poll.
 *
 * What other vCPUs stored is not noted: they keep their store entries for pages that this one has
 * translated, as the architecture lets a PE execute what was there before until the PE that stored
 * (or any other) has executed IC IVAU or IC IALLUIS, and its DSB is complete (Arm ARM B2.7.4.2;
 * CTR_EL0.DIC is 0). That comes here by mail (vm/broadcast.h), and translations of the page go. */
static void jit_icache_invalidate(struct vcpu *v, gpa_t pa, bool all)
{
    jit_code_take_pending(v->cpu.engine);
    if (v->vm->cpu_count > 1)
        jit_code_doubt(v->cpu.engine, pa, all);
}

static void jit_forget(struct vcpu *v)
{
    jit_code_reset(v->cpu.engine);
}

static const char *jit_missing(void)
{
    const struct x64_host host = x64_host_detect();
    return x64_host_missing(&host);
}

const struct engine_ops jit_engine = {
    .name = "jit",
    .missing = jit_missing,
    .translates = true,
    .smp = true,
    .vcpu_create = jit_vcpu_create,
    .vcpu_destroy = jit_vcpu_destroy,
    .run = jit_run,
    .tlbi = jit_tlbi,
    .context_changed = jit_context_changed,
    .icache_invalidate = jit_icache_invalidate,
    .forget = jit_forget,
    .code_written = jit_code_written,
    .stats = jit_stats,
};
