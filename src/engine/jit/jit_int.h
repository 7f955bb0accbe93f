/* Inside of the translator's runtime: its private data of one vCPU, and what its files share.
 *
 *   jit.c            engine table, creation
 *   jit_run.c        the dispatcher: run(), why translated code came back, the hooks behind it
 *   jit_sync.c       guest state between struct a64_cpu and the form translated code has it in
 *   jit_tlb.c        translation sets: filling them, and what every change of context drops
 *   jit_code.c       the code cache: memory, pages, blocks, invalidation
 *   jit_translate.c  one block: lift, optimise, lower
 *   jit_stats.c      statistics
 *   jit_trace.c      what --trace and --perf-map write
 *
 * Two forms of state. While translated code runs, and in the dispatcher between two blocks, SP,
 * NZCV, PC and the sticky flags of FPSR are in struct x64_area; jit_sync_out() completes struct
 * a64_cpu, which everything else needs, and jit_sync_in() goes back. Other registers are always
 * where struct a64_cpu has them when C runs: the fixed code saves and loads them around each call.
 *
 * Everything here: @vcpu unless it says otherwise.
 */
#ifndef ENGINE_JIT_JIT_INT_H
#define ENGINE_JIT_JIT_INT_H

#include "engine/interp/interp_vcpu.h"
#include "engine/lift/lift.h"
#include "x64/lower.h"

#include <pthread.h>

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
    uint16_t off;   /* byte offset in its page */
    uint16_t bytes; /* of guest code */
    uint16_t mode;  /* LIFT_* */
};

/* A page of RAM with translations. */
struct jit_page {
    uint32_t page; /* of RAM */
    uint32_t next; /* free list */
    uint32_t blocks;
    uint32_t stores;  /* that hit translated instructions */
    uint64_t covered; /* pieces of 64 bytes with translated instructions */
    uint64_t starts[PAGE_WORDS / 64]; /* instructions that a block began with, once */
    uint64_t alone[PAGE_WORDS / 64];  /* instructions that no group begins with: left too often */
    uint32_t bucket[JIT_BUCKETS];
};

#define JIT_LEFT 256u /* places of groups that were left lately; a power of two */

#define JIT_BLOCK_ROOM (UINT32_C(256) << 10) /* more than any block takes */

struct jit_code {
    uint8_t *write;  /* the cache as it is written ... */
    uint8_t *exec;   /* ... and as it is executed */
    uint64_t bytes;
    uint8_t *first;  /* after the fixed code, in the writable view */
    uint8_t *p;      /* the next block goes here */
    uint8_t *middle; /* where the half for what is rarely executed begins */
    uint8_t *cold;   /* the next of it goes here */
    uint64_t epoch;  /* counts resets: addresses in the cache are of one epoch */
    uint32_t *by_page; /* RAM page -> index of its struct jit_page, 0: none */
    struct jit_page *page;
    struct jit_block *block;
    uint32_t page_max, page_count, page_free; /* index 0 is none */
    uint32_t block_max, block_count, block_free;
    uint32_t last_page; /* stress knob code1: RAM page of the last translation */
};

/* ---- All of it ---- */

struct jit_stats {
    uint64_t first_ticks, first_ns; /* when the engine was made: what a tick is */
    uint64_t blocks, guest, bytes, cold, ticks, reset_ticks_max, too_big;
    uint64_t entered, links, crosses, jumps, dispatches, single, hooks;
    uint64_t ungrouped, alone;
    uint64_t fills, walks, flushes, invalidated, resets;
    uint64_t fallback[A64_OP_COUNT];
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
    uint32_t crc32[256];

    pthread_mutex_t pending_lock;
    uint64_t pending[CODE_PENDING_MAX];
    unsigned pending_count; /* CODE_PENDING_MAX + 1: everything */

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
/* LIFT_* that the state asks for, without LIFT_GUARDED. */
unsigned jit_mode(const struct jit *j);

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
/* Addresses in the cache are no more. */
void jit_jumps_flush(struct jit *j);
/* Removes what lets stores to a page of RAM pass without a look. */
void jit_stores_drop(struct jit *j, uint32_t page);

/* ---- jit_code.c ---- */

int MUST_CHECK jit_code_create(struct jit *j, struct err *e);
void jit_code_destroy(struct jit *j);
void jit_code_reset(struct jit *j);
struct jit_block *jit_code_find(struct jit *j, uint32_t page, uint32_t off, unsigned mode);
/* Data of a page, made and marked as code when missing: before its words are read. */
struct jit_page *jit_code_page(struct jit *j, uint32_t page);
/* A block of `n` bytes of guest code; the caller has written it at code.p and fills `entry`. */
struct jit_block *jit_code_add(struct jit *j, struct jit_page *p, uint32_t off, unsigned mode,
                               unsigned n);
/* True: there may be no more room; reset before translating. */
bool jit_code_full(const struct jit *j);
/* True: a translated instruction lies in [off, off + len) of a page. */
bool jit_code_covers(const struct jit *j, uint32_t page, uint32_t off, uint32_t len);
/* interp.code_stored. */
void jit_code_stored(struct interp *it, gpa_t pa, uint64_t len);
/* No group begins at that instruction any more; blocks with it are made again. */
void jit_code_alone(struct jit *j, uint32_t page, uint32_t off);
/* engine_ops.code_written. @any */
void jit_code_written(struct vcpu *v, uint64_t page);
void jit_code_take_pending(struct jit *j);

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
 * missing. Null: it cannot be translated; the interpreter is to go on. Making it may reset the
 * cache. The page part of `pc` is for people only. */
struct jit_block *jit_block_get(struct jit *j, uint32_t page, uint64_t pc, unsigned mode);

/* ---- jit_stats.c ---- */

void jit_stats_begin(struct jit *j);
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
