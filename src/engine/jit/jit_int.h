/* Inside of the translator's runtime: its private data of one vCPU, and what its files share.
 *
 *   jit.c            engine table, creation
 *   jit_run.c        the dispatcher: run(), why translated code came back, the hooks behind it
 *   jit_sync.c       guest state between struct a64_cpu and the form translated code has it in
 *   jit_tlb.c        translation sets: filling them, and what every change of context drops
 *   jit_code.c       the code cache: memory, pages, blocks, invalidation
 *   jit_evict.c      the code cache: regions, the links between them, room for more
 *   jit_translate.c  one block: lift, optimise, lower
 *   jit_exc.c        system calls and exception returns from translated to translated code
 *   jit_clock.c      where translated code finds the time
 *   jit_stats.c      statistics
 *   jit_trace.c      what --trace and --perf-map write
 *
 * Two forms of state. While translated code runs, and in the dispatcher between two blocks, SP,
 * NZCV, PC and the sticky flags of FPSR are in struct x64_area; jit_sync_out() completes struct
 * a64_cpu, which everything else needs, and jit_sync_in() goes back. Other registers are always
 * where struct a64_cpu has them when C runs: the fixed code saves and loads them around each call.
 *
 * Several vCPUs share nothing of this: each has its own sets, code cache and fixed code. What
 * reaches one from other threads are cpu->attention and the words behind it, its mailbox
 * (vm/broadcast.h), and code.written.
 *
 * Everything here: @vcpu unless it says otherwise.
 */
#ifndef ENGINE_JIT_JIT_INT_H
#define ENGINE_JIT_JIT_INT_H

#include "engine/interp/interp_vcpu.h"
#include "engine/lift/lift.h"
#include "x64/lower.h"

/* ---- Translation sets ---- */

#define JIT_SPACES 24u     /* address spaces of EL0 that have a set */
#define JIT_FETCH 256u     /* pages of code remembered by a set */
#define JIT_TRANSIENT 64u
#define JIT_PLACES 8192u   /* pages of code whose address a set knows; a power of two */
#define JIT_FILLED 256u    /* entries remembered, so that clearing need not look at all */
#define JIT_RANGES 16u
#define JIT_BLOOM_WORDS 1024u

/* Whose translations a set of EL0 holds. */
struct jit_space {
    uint64_t table; /* TTBR0_EL1.BADDR */
    uint16_t asid;
};

struct jit_fetch {
    uint64_t va; /* page address, or X64_TLB_NONE */
    uint32_t page;
    bool guarded;
};

/* A set and what is known of its entries. */
struct jit_set {
    struct x64_set *x;
    unsigned number;      /* 0: EL1's */
    bool in_use;          /* belongs to `space`; EL1's always */
    struct jit_space space;
    uint64_t used;        /* when last; for replacement */
    /* Entries made since the last clearing: index, and for data bit 15 for a store. Counts of
     * JIT_FILLED + 1: more than are remembered. */
    uint16_t data[JIT_FILLED], jumps[JIT_FILLED];
    unsigned data_count, jump_count;
    bool has_fetch;
    bool has_global;      /* of a global page: TLBI by any ASID concerns it */
    bool has_private;     /* EL1's: of a page of the upper half that is not global */
    unsigned jump_mode;   /* LIFT_* of what the jump cache leads to */
    uint64_t jump_turn;   /* jit_code.turn up to which its entries lead to code that is there */
    uint64_t jump_pages[JIT_BLOOM_WORDS]; /* Bloom filter of pages with jump entries */
    /* EL1's: entries that are valid for the present TTBR0, ASID and PAN only: index, and bit 15 for
     * a store; JIT_TRANSIENT + 1: more. Code at lower addresses is counted with them. */
    uint16_t transient[JIT_TRANSIENT];
    unsigned transient_count;
    bool transient_code;
    /* Addresses that were mapped by blocks: TLBI of one address removes all fragments. */
    struct jit_range { uint64_t lo, hi; } range[JIT_RANGES];
    unsigned ranges;
    struct x64_tlb_entry *only[2]; /* stress knob tlb1: the last load and store entry */
    struct jit_fetch fetch[JIT_FETCH];
    /* At which address each page of code is executed. Where there is no knowing, or one is
     * executed at two, no direct branches lead from page to page. */
    struct jit_place { uint64_t va; uint32_t page; } place[JIT_PLACES];
    unsigned places;
    bool aliased;
    bool worn_out; /* has no more generations */
};

/* ---- Code ---- */

#define JIT_BUCKETS 32u

struct jit_block {
    uint32_t next;  /* in its page's bucket; 0: none */
    uint32_t entry; /* offset in the code cache */
    uint32_t page;  /* its struct jit_page; 0: invalidated, only its code is still there */
    uint16_t off;   /* byte offset in its page */
    uint16_t bytes; /* of guest code */
    uint16_t mode;  /* LIFT_* */
};

/* A page of RAM with translations. */
struct jit_page {
    uint32_t page; /* of RAM */
    uint32_t next; /* free list */
    uint32_t blocks;
    uint32_t stores;    /* that hit translated instructions */
    uint32_t recounted; /* low bits of jit_code.turn when `covered` was made again */
    uint64_t covered;   /* pieces of 64 bytes with translated instructions */
    uint64_t starts[PAGE_WORDS / 64]; /* instructions that a block began with, once */
    uint64_t alone[PAGE_WORDS / 64];  /* instructions that no group begins with: left too often */
    uint32_t bucket[JIT_BUCKETS];
};

#define JIT_LEFT 256u /* places of groups that were left lately; a power of two */

/* A branch that leads to an older region than its own: jit_evict.c. */
struct jit_link {
    uint32_t next; /* in the list of the region it leads to; 0: none */
    uint32_t site; /* the branch's end, as an offset in the cache */
    uint32_t undo; /* where it leads unlinked; below JIT_FIXED_BYTES: it is one to another page, of
                    * which the generation ends that many bytes before `site` */
};

/* A part of the cache that is filled and emptied as a whole: a piece for blocks and one for what of
 * them is rarely executed. */
struct jit_region {
    uint64_t turn; /* jit_code.turn when it was begun; 0: it is empty */
    uint32_t blocks;
    uint32_t links; /* the first struct jit_link that leads here */
    uint32_t used;  /* bytes, once another one was begun */
};

#define JIT_FIXED_BYTES (UINT32_C(8) << 10) /* for the fixed code */

/* What all of this belongs to is the memory of translations; nothing of it is one vCPU's. */
struct jit_code {
    uint8_t *write; /* the cache as it is written ... */
    uint8_t *exec;  /* ... and as it is executed */
    uint64_t bytes;
    uint8_t *first;  /* after the fixed code: the regions' pieces for blocks, as it is written */
    uint8_t *middle; /* ... and those for what is rarely executed */
    struct jit_region *region;
    unsigned regions;
    uint32_t hot_bytes, cold_bytes; /* the pieces of a region */
    /* Counts regions begun, from `regions` on: the present one is number turn % regions, and what
     * an address in the cache meant in one turn it means until the region is begun again. */
    uint64_t turn;
    uint8_t *p, *end;         /* the next block goes here, in the present region */
    uint8_t *cold, *cold_end; /* and this of it here */
    uint32_t *by_page; /* RAM page -> index of its struct jit_page, 0: none */
    struct jit_page *page;
    struct jit_block *block; /* from 1 on, block_max for each region */
    struct jit_link *link;
    uint32_t page_max, page_count, page_free; /* index 0 is none */
    uint32_t block_max;
    uint32_t link_max, link_count, link_free; /* index 0 is none */
    uint32_t cross_max, cross_count;          /* of them, to other pages */
    uint32_t last_page; /* stress knob code1: RAM page of the last translation */
    /* RAM pages with code that others wrote to, a bit each; which of these words are not 0, a bit
     * each; and whether one of those is not. @any, atomic */
    uint64_t *written, *written_words;
    uint32_t written_any;
    uint64_t ram_pages;
    /* Statistics. */
    uint64_t evictions, evicted, undone, eviction_ns_max, resets, reset_ns_max;
};

/* ---- All of it ---- */

#define JIT_SYSTEM_WORDS (1u << 17)

struct jit_stats {
    uint64_t first_ticks, first_ns; /* when the engine was made: what a tick is */
    uint64_t misses, blocks, guest, bytes, cold, ticks, too_big;
    uint64_t entered, links, crosses, jumps, dispatches, single, counted, hooks;
    uint64_t ungrouped, alone, across;
    uint64_t exceptions; /* SVC and ERET that the interpreter did not see */
    uint64_t fills, walks, flushes, invalidated;
    uint64_t fallback[A64_OP_COUNT];
    /* Of MRS, MSR and SYS, by bits 21:5 of the word: L, op0, op1, CRn, CRm, op2. */
    uint64_t system[JIT_SYSTEM_WORDS];
};

struct jit {
    struct interp it; /* first: cpu->engine is the interpreter's data too */
    struct a64_cpu *cpu;
    struct x64_area *area;
    struct x64_host host;
    struct x64_layout layout;
    struct x64_glue glue;
    void *state; /* what RBP is */

    /* Of the present run(). */
    uint64_t end;  /* instret at which it ends */
    bool count;    /* instructions are counted: LIFT_COUNT */
    bool smp;      /* the machine has several vCPUs: LIFT_SMP */
    bool ungroup;  /* jit_fill(): the access is allowed, but not the group that it begins */
    bool exiting;  /* a hook wants run() to return it.exit */

    /* Context. */
    bool dirty;    /* something that jit_context() looks at may have changed */
    bool stale;    /* the interpreter does not know of a change of context: jit_interp_ready() */
    bool changed;  /* since it was cleared: translations, code or context: leave the block */
    unsigned mode; /* LIFT_* of the code to run now, without LIFT_GUARDED */
    uint64_t regime[4];
    struct jit_space space;
    bool pan;
    uint64_t clock; /* of set replacement */
    struct jit_set *el0;   /* of `space`; null: it has none yet */
    struct jit_set kernel; /* EL1's */
    struct jit_set user[JIT_SPACES];
    struct x64_set *empty;
    uint32_t *stored; /* RAM page -> where the store entry is: jit_tlb.c */

    struct jit_code code;
    struct jit_left { uint32_t page; uint16_t off, count; } left[JIT_LEFT];
    struct ir_block ir;
    struct lower *work; /* of x64_lower() */
    const struct engine_trace *trace; /* null: nothing to write */

    struct jit_stats stat;
};

/* Before the interpreter looks at memory: what follows from PSTATE and the control registers.
 * Changes of context are many more than instructions that it executes. */
static inline void jit_interp_ready(struct jit *j)
{
    if (j->stale)
        interp_context(&j->it);
    j->stale = false;
}

static inline struct jit *jit_of(struct interp *it)
{
    return (struct jit *)(void *)it;
}

/* What RBP is: the middle of the registers, which byte displacements then reach. */
#define JIT_STATE_BIAS 128

static inline struct jit *jit_of_state(void *state)
{
    struct a64_cpu *cpu = (struct a64_cpu *)(void *)((uint8_t *)state - JIT_STATE_BIAS);
    return cpu->engine;
}

/* ---- jit_sync.c ---- */

/* Completes struct a64_cpu, with PC at the site. */
void jit_sync_out(struct jit *j, uint32_t site);
/* ... with PC at `pc`, for an exit at which no instruction is to be given back. */
void jit_sync_out_at(struct jit *j, uint64_t pc);
/* Before translated code goes on. */
void jit_sync_in(struct jit *j);
/* LIFT_* that the state asks for, without LIFT_GUARDED; what it will be at another Exception level
 * and stack pointer. */
unsigned jit_mode(const struct jit *j);
unsigned jit_mode_at(const struct jit *j, unsigned el, unsigned spsel);
/* PSTATE.NZCV as area->nzcv has it, from there and back. */
uint32_t jit_nzcv_out(uint32_t w);
uint16_t jit_nzcv_in(uint32_t nzcv);

/* ---- jit_run.c ---- */

enum a64_exit jit_run(struct vcpu *v, uint64_t budget);
extern const struct x64_hooks jit_hooks;

/* ---- jit_tlb.c ---- */

int MUST_CHECK jit_tlb_create(struct jit *j, struct err *e);
void jit_tlb_destroy(struct jit *j);
void jit_tlb_flush(struct jit *j);
void jit_tlb_invalidate(struct jit *j, const struct a64_tlbi *op);
/* Makes area->set, area->unpriv_set and `mode` what the state asks for. */
void jit_context(struct jit *j);
/* The hook X64_E_FILL_*. */
uint64_t jit_fill(void *state, uint64_t va, uint32_t site, uint32_t entry);
/* The page of RAM that an instruction is fetched from; null: the fetch faults, the interpreter will
 * say how. Valid until the next call. */
const struct jit_fetch *jit_fetch(struct jit *j, uint64_t pc);
/* What the jump cache has for pc; null: nothing. */
const void *jit_jump_find(struct jit *j, uint64_t pc);
/* `host` is the translation of what is at pc now. */
void jit_jump_enter(struct jit *j, uint64_t pc, const void *host);
/* May a direct branch lead to pc, which the jump cache knows, while jit_generation() is what it
 * is? */
bool jit_may_cross(struct jit *j, uint64_t pc);
uint32_t jit_generation(struct jit *j);
/* A region was emptied: no entry that translated code can find leads there. */
void jit_jumps_evict(struct jit *j);
/* No address in the cache means anything any more. */
void jit_jumps_flush(struct jit *j);
/* Removes what lets stores to a page of RAM pass without a look. */
void jit_stores_drop(struct jit *j, uint32_t page);

/* ---- jit_code.c ---- */

int MUST_CHECK jit_code_create(struct jit *j, struct err *e);
void jit_code_destroy(struct jit *j);
struct jit_block *jit_code_find(struct jit *j, uint32_t page, uint32_t off, unsigned mode);
/* Data of a page, made and marked as code when missing: before its words are read. */
struct jit_page *jit_code_page(struct jit *j, uint32_t page);
/* Ends that when no translation was made and none is there. */
void jit_code_page_unused(struct jit *j, struct jit_page *p);
/* A block of `n` bytes of guest code; the caller has written it at code.p and fills `entry`. */
struct jit_block *jit_code_add(struct jit *j, struct jit_page *p, uint32_t off, unsigned mode,
                               unsigned n);
/* Nobody finds the block any more. Its page is no longer one of code when it was the last; else
 * its `covered` is left as it is. The block still says which page that was. */
void jit_code_remove(struct jit *j, struct jit_block *b);
/* Makes `covered` what the page's blocks cover. */
void jit_code_recount(struct jit *j, struct jit_page *p);
/* No page is one of code. */
void jit_code_forget_pages(struct jit *j);
/* True: the page is one of code to this vCPU. */
static inline bool jit_code_holds(const struct jit *j, uint32_t page)
{
    return j->code.by_page[page] != 0;
}
/* Translations of the page, or of all, may not be what memory says. */
void jit_code_doubt(struct jit *j, gpa_t pa, bool all);
/* True: a translated instruction lies in [off, off + len) of a page. */
bool jit_code_covers(const struct jit *j, uint32_t page, uint32_t off, uint32_t len);
/* interp.code_stored. */
void jit_code_stored(struct interp *it, gpa_t pa, uint64_t len);
/* No group begins at that instruction any more; blocks with it are made again. */
void jit_code_alone(struct jit *j, uint32_t page, uint32_t off);
/* engine_ops.code_written. @any */
void jit_code_written(struct vcpu *v, uint64_t page);
/* Invalidates what code_written() was told of. */
void jit_code_take_pending(struct jit *j);

/* ---- jit_evict.c ---- */

/* True: there is room for a block of usual size. */
bool jit_code_has_room(const struct jit *j);
/* True: nothing was made in the present region yet, so there is not more room to be had. */
bool jit_code_is_fresh(const struct jit *j);
/* Empties the oldest region and goes on there. The return stack must be started again unless this
 * is called from the dispatcher. */
void jit_code_evict(struct jit *j);
/* Forgets all translations. */
void jit_code_reset(struct jit *j);
/* Bytes of the regions that hold something. */
uint64_t jit_code_used(const struct jit *j);
/* What changes when the code at this address is thrown away. */
uint64_t jit_code_turn(const struct jit *j, uint64_t exec);
/* Makes the branch that ends at `point` lead to `host`, a block in its page. */
void jit_link(struct jit *j, uint64_t point, const void *host);
/* ... or one in another page, in the present generation; that generation's place ends `distance`
 * bytes before `point`. False: left as it is. */
bool jit_link_cross(struct jit *j, uint64_t point, uint32_t distance, const void *host);

static inline struct jit_region *jit_region_now(const struct jit *j)
{
    return &j->code.region[j->code.turn % j->code.regions];
}

static inline const void *jit_code_exec(const struct jit *j, const struct jit_block *b)
{
    return j->code.exec + b->entry;
}

/* The writable view of an address in the cache. */
static inline uint8_t *jit_code_write(const struct jit *j, uint64_t exec)
{
    return j->code.write + (exec - (uint64_t)(uintptr_t)j->code.exec);
}

/* ---- jit_translate.c ---- */

/* The translation of what is at guest address `pc`, which is mapped to this page of RAM; made when
 * missing. Null: it cannot be translated; the interpreter is to go on. Making it may empty
 * a region of the cache. The page part of `pc` is for people only. */
struct jit_block *jit_block_get(struct jit *j, uint32_t page, uint64_t pc, unsigned mode);

/* Makes area->set and area->unpriv_set what EL and PSTATE.UAO ask for. */
void jit_choose_sets(struct jit *j);

/* ---- jit_exc.c ---- */

/* x64_hooks.exception */
const void *jit_exception(void *state, uint64_t word_op, uint32_t site);

/* ---- jit_clock.c ---- */

void jit_clock_init(struct jit *j);

/* ---- jit_stats.c ---- */

void jit_stats_begin(struct jit *j);

/* The interpreter is to execute this instruction of a block. */
static inline void jit_stats_fallback(struct jit *j, enum a64_op op, uint32_t word)
{
    j->stat.hooks++;
    j->stat.fallback[op]++;
    if (word >> 22 == UINT32_C(0xd5000000) >> 22) /* system instructions */
        j->stat.system[word >> 5 & (JIT_SYSTEM_WORDS - 1)]++;
}

/* engine_ops.stats. @stopped */
void jit_stats(struct vcpu *v, FILE *to);

/* ---- jit_trace.c: all of them with j->trace only ---- */

/* Where a translation came from and where it is: written at code.p, its rare code at `cold`. */
struct jit_traced {
    uint32_t page; /* of RAM */
    uint64_t pc;
    const struct x64_result *result;
    const uint32_t *marks; /* x64_request.marks */
    const uint8_t *cold;
    uint32_t cold_bytes;
};

/* The block that was made from j->ir. */
void jit_trace_block(struct jit *j, const struct jit_block *b, const struct jit_traced *t);
/* The fixed code: from the cache's start to code.first. */
void jit_trace_glue(struct jit *j);

#endif
