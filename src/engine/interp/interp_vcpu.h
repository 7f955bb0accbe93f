/* The interpreter's private data of one vCPU: translation buffer and decoded pages.
 *
 * Translation buffer: three direct-mapped sets, one per privilege (EL0; EL1 with PSTATE.PAN clear;
 * EL1 with it set), so that exception entry and return change a set index and flush nothing. An
 * entry holds one tag per kind of access. A write tag is present only for pages that are writable,
 * already dirty, hold no decoded code and no watchpoint: every other store takes the slow path.
 * Device memory is never entered, so the fast path touches RAM only.
 *
 * Decoded pages: by RAM page, one 8-byte record per instruction word. Exact: a store to such a page
 * resets the records it touches (slow path, since the write tag is withheld); writes by others are
 * queued by code_written() and taken at the next poll.
 */
#ifndef ENGINE_INTERP_INTERP_VCPU_H
#define ENGINE_INTERP_INTERP_VCPU_H

#include "a64/mmu.h"
#include "a64_ops.h"
#include "engine/interp/interp_int.h"
#include "engine/stress.h"
#include "vm/vm.h"

#define PAGE_MASK_VA (~(uint64_t)(MEM_PAGE_SIZE - 1))
#define TLB_ENTRIES 1024u
#define TLB_FILLED 64u /* entries remembered, so that a flush need not look at all */
/* No address of a page, nor of any byte in one: bits 55 and 63 of a translated address agree. */
#define TLB_INVALID (UINT64_C(1) << 55 | 1)

enum interp_set { SET_EL0, SET_EL1, SET_EL1_PAN, SET_COUNT };

struct tlb_entry {
    uint64_t tag[3]; /* by enum a64_access */
    uint64_t addend; /* host address = va + addend */
};

#define REC_UNDECODED 0xffffu

struct insn_rec {
    uint32_t word;
    uint16_t op; /* enum a64_op, or REC_UNDECODED */
};

#define PAGE_WORDS (MEM_PAGE_SIZE / 4)
#define CODE_PAGES_MAX 4096u   /* decoded pages kept: 32 MiB */
#define CODE_WRITES_MAX 256u   /* stores after which a page is taken for data again */
#define CODE_PENDING_MAX 64u   /* queue of pages written by others; overflow forgets everything */

struct code_page {
    uint64_t page;   /* RAM page index; ~0 while unused */
    uint32_t writes; /* stores seen since it was decoded */
    struct insn_rec rec[PAGE_WORDS];
};

struct interp {
    struct vcpu *v;
    struct mem *mem;
    enum interp_set set; /* of the current EL and PAN */
    bool align_check;    /* SCTLR_ELx.A for the current EL */
    bool watch;          /* some watchpoint is enabled */

    /* Where instructions come from now. */
    uint64_t fetch_va; /* page address, or TLB_INVALID */
    struct code_page *fetch_page;
    bool fetch_guarded;

    enum a64_exit exit;

    /* What the translation buffer was filled under; a change flushes it. */
    uint64_t regime[5];
    /* Range of addresses that were mapped by blocks, lower and upper half: a TLBI by address there
     * must remove every fragment, so it flushes. */
    struct { uint64_t lo, hi; } blocks[2];
    /* Entries filled since the last flush, and how many; TLB_FILLED + 1: too many to remember. */
    struct tlb_entry *filled[TLB_FILLED];
    unsigned filled_count;
    struct tlb_entry tlb[SET_COUNT][TLB_ENTRIES];
    uint8_t guarded[SET_COUNT][TLB_ENTRIES]; /* GP of the entry's page */

    struct code_page **by_page; /* RAM page index -> decoded page */
    struct code_page *pages;    /* CODE_PAGES_MAX of them, mapped without reserve */
    unsigned pages_used, pages_max, evict_next;

    pthread_mutex_t pending_lock;
    uint64_t pending[CODE_PENDING_MAX];
    unsigned pending_count; /* CODE_PENDING_MAX + 1: everything */

    uint64_t stat_tlb_fill, stat_tlb_flush, stat_decoded, stat_evicted;

    /* Of an engine that has an interpreter inside (its private data begins with this one): called
     * when a store of the interpreter hit a page that is marked as code. Null: nobody. */
    void (*code_stored)(struct interp *it, gpa_t pa, uint64_t len);

    struct stress stress;
    struct tlb_entry *only[SET_COUNT]; /* stress knob tlb1: the one entry of each set */
};

static inline struct interp *interp_of(struct a64_cpu *cpu)
{
    return cpu->engine;
}

static inline struct tlb_entry *tlb_at(struct interp *it, enum interp_set set, uint64_t va)
{
    return &it->tlb[set][(va >> MEM_PAGE_SHIFT) % TLB_ENTRIES];
}

/* interp.c, for engines that have an interpreter inside. */

/* An interpreter for the vCPU that works as its machine's engine_config says. -ENOMEM. @stopped */
int MUST_CHECK interp_init(struct interp *it, struct vcpu *v, struct err *e);
void interp_fini(struct interp *it);
/* engine_ops.context_changed of the interpreter. @vcpu */
void interp_context(struct interp *it);
/* Executes the instruction at PC as the interpreter's loop does, debug checks and fetch included;
 * its word comes from memory, and nothing of it is kept. PC is final after it. Interrupts and
 * requests are the caller's. With XR_EXIT, it->exit is the reason. @vcpu */
enum xr interp_step(struct a64_cpu *cpu);

/* interp_tlb.c */
void tlb_flush(struct interp *it);
void tlb_drop_writes(struct interp *it);
void tlb_invalidate(struct interp *it, const struct a64_tlbi *op);
void tlb_fill(struct interp *it, enum interp_set set, uint64_t va, enum a64_access access,
              const struct a64_translation *t, void *host);

/* interp_code.c */
int code_create(struct interp *it, struct err *e);
void code_destroy(struct interp *it);
/* Decoded page of a RAM page, made when missing. */
struct code_page *code_get(struct interp *it, uint64_t page);
/* Decodes the record at `index` of a page in place. */
void code_decode(struct interp *it, struct code_page *p, unsigned index);
/* A store by this vCPU to [pa, pa + len) of a page that holds code. */
void code_store(struct interp *it, gpa_t pa, uint64_t len);
void code_forget_page(struct interp *it, uint64_t page);
void code_forget_all(struct interp *it);
/* Applies the queue of pages that others wrote. */
void code_take_pending(struct interp *it);
void code_written(struct vcpu *v, uint64_t page);

#endif
