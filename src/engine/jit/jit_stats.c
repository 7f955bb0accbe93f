/* Statistics of the translator, one "jit.NAME VALUE" line each; doc/translator.md explains them.
 *
 * Time spent on translation is measured in ticks of the host's time stamp counter, which costs
 * little enough to be always on. What a tick is comes from the host's clock at both ends of the
 * engine's life.
 */
#include "engine/jit/jit_int.h"

#include "a64/sysreg.h"
#include "vm/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <x86intrin.h>

void jit_stats_begin(struct jit *j)
{
    j->stat.first_ticks = __rdtsc();
    j->stat.first_ns = clock_host_ns();
}

static double ns_of(const struct jit_stats *s, uint64_t ticks)
{
    uint64_t all = __rdtsc() - s->first_ticks;
    return all ? (double)ticks * (double)(clock_host_ns() - s->first_ns) / (double)all : 0;
}

static void line(FILE *to, const char *name, uint64_t value)
{
    fprintf(to, "jit.%s %" PRIu64 "\n", name, value);
}

/* What the interpreter executed for translated code, by encoding. */
struct fallback {
    unsigned op;
    uint64_t count;
};

static int more_first(const void *a, const void *b)
{
    const struct fallback *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->op < y->op ? -1 : 1;
}

static void show_fallbacks(const struct jit_stats *s, FILE *to)
{
    struct fallback list[A64_OP_COUNT];
    unsigned n = 0;
    for (unsigned op = 0; op < A64_OP_COUNT; op++) {
        if (s->fallback[op])
            list[n++] = (struct fallback){op, s->fallback[op]};
    }
    qsort(list, n, sizeof(list[0]), more_first);
    for (unsigned k = 0; k < n; k++)
        fprintf(to, "jit.fallback.%s %" PRIu64 "\n", a64_op_info[list[k].op].name, list[k].count);
}

/* The name of bits 20:5 of a word, as isa/sysregs.def has it; null: it is not there. */
static const char *system_name(unsigned key)
{
    enum a64_sysreg reg = a64_sysreg_find(key);
    return reg == A64_SYSREG_COUNT ? a64_sysop_name(a64_sysop_find(key))
                                   : a64_sysreg_info(reg)->name;
}

/* Which registers and which system instructions those were. */
static void show_system(const struct jit_stats *s, FILE *to)
{
    for (unsigned k = 0; k < JIT_SYSTEM_WORDS; k++) {
        if (!s->system[k])
            continue;
        unsigned op0 = k >> 14 & 3;
        const char *name = system_name(k & 0xffff);
        fprintf(to, "jit.system.%s.", op0 < 2 ? "SYS" : k >> 16 ? "MRS" : "MSR");
        if (name)
            fprintf(to, "%s", name);
        else
            fprintf(to, "S%u_%u_C%u_C%u_%u", op0, k >> 11 & 7, k >> 7 & 15, k >> 3 & 15, k & 7);
        fprintf(to, " %" PRIu64 "\n", s->system[k]);
    }
}

void jit_stats(struct vcpu *v, FILE *to)
{
    const struct jit *j = v->cpu.engine;
    const struct jit_stats *s = &j->stat;
    double ns = ns_of(s, s->ticks);
    line(to, "blocks", s->blocks);
    line(to, "guest_instructions", s->guest);
    line(to, "code_bytes", s->bytes);
    line(to, "cold_code_bytes", s->cold);
    line(to, "cache_bytes", j->code.bytes);
    line(to, "cache_used_bytes", jit_code_used(j));
    line(to, "cache_misses", s->misses);
    line(to, "cache_evictions", j->code.evictions);
    line(to, "cache_evicted_blocks", j->code.evicted);
    line(to, "cache_eviction_ns_max", j->code.eviction_ns_max);
    line(to, "cache_undone_links", j->code.undone);
    line(to, "cache_resets", j->code.resets);
    line(to, "cache_reset_ns_max", j->code.reset_ns_max);
    line(to, "translation_ns", (uint64_t)ns);
    fprintf(to, "jit.translation_ns_per_instruction %.1f\n", s->guest ? ns / (double)s->guest : 0);
    line(to, "untranslatable", s->too_big);
    line(to, "entered", s->entered);
    line(to, "links", s->links);
    line(to, "links_between_pages", s->crosses);
    line(to, "jump_misses", s->jumps);
    line(to, "dispatches", s->dispatches);
    line(to, "single_steps", s->single);
    line(to, "single_steps_counted", s->counted);
    line(to, "groups_left", s->ungrouped);
    line(to, "groups_given_up", s->alone);
    line(to, "loads_across_pages", s->across);
    line(to, "fills", s->fills);
    line(to, "walks", s->walks);
    line(to, "tlb_flushes", s->flushes);
    line(to, "invalidated_blocks", s->invalidated);
    line(to, "exceptions", s->exceptions);
    line(to, "interpreted", s->hooks);
    show_fallbacks(s, to);
    show_system(s, to);
}
