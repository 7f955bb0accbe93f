/* The interpreter's translation buffer. See interp_vcpu.h for its shape and rules. */
#include "a64/debug.h"
#include "engine/interp/interp_vcpu.h"

#include <string.h>

static void tlb_clear_entry(struct tlb_entry *t)
{
    t->tag[A64_ACCESS_READ] = t->tag[A64_ACCESS_WRITE] = t->tag[A64_ACCESS_FETCH] = TLB_INVALID;
}

/* Which entries may have a tag: those that `filled` remembers, else all. An engine that only
 * interprets now and then flushes more often than it fills. */
static void tlb_each_filled(struct interp *it, void (*fn)(struct tlb_entry *))
{
    if (it->filled_count <= TLB_FILLED) {
        for (unsigned i = 0; i < it->filled_count; i++)
            fn(it->filled[i]);
        return;
    }
    for (unsigned s = 0; s < SET_COUNT; s++) {
        for (unsigned i = 0; i < TLB_ENTRIES; i++)
            fn(&it->tlb[s][i]);
    }
}

void tlb_flush(struct interp *it)
{
    tlb_each_filled(it, tlb_clear_entry);
    it->filled_count = 0;
    for (unsigned half = 0; half < 2; half++) {
        it->blocks[half].lo = UINT64_MAX;
        it->blocks[half].hi = 0;
    }
    it->fetch_va = TLB_INVALID;
    it->stat_tlb_flush++;
}

static void tlb_clear_write(struct tlb_entry *t)
{
    t->tag[A64_ACCESS_WRITE] = TLB_INVALID;
}

/* A page now holds code: no write tag may stand for it under any address, so all go. */
void tlb_drop_writes(struct interp *it)
{
    tlb_each_filled(it, tlb_clear_write);
}

void tlb_invalidate(struct interp *it, const struct a64_tlbi *op)
{
    bool by_va = op->scope == A64_TLBI_VA || op->scope == A64_TLBI_VA_ALL_ASID;
    unsigned half = op->va >> 63;
    bool in_block = op->va >= it->blocks[half].lo && op->va <= it->blocks[half].hi;
    if (!by_va || in_block || op->bytes > 64 * MEM_PAGE_SIZE) {
        tlb_flush(it);
        return;
    }
    uint64_t bytes = op->bytes ? op->bytes : MEM_PAGE_SIZE;
    for (uint64_t off = 0; off < bytes; off += MEM_PAGE_SIZE) {
        uint64_t va = (op->va + off) & PAGE_MASK_VA;
        for (unsigned s = 0; s < SET_COUNT; s++)
            tlb_clear_entry(tlb_at(it, s, va));
    }
    it->fetch_va = TLB_INVALID;
}

/* Stress knob tlb1: the entry that is filled now replaces the only other one of its set. */
static void tlb_make_only(struct interp *it, enum interp_set set, struct tlb_entry *e)
{
    if (it->only[set] && it->only[set] != e)
        tlb_clear_entry(it->only[set]);
    it->only[set] = e;
}

void tlb_fill(struct interp *it, enum interp_set set, uint64_t va, enum a64_access access,
              const struct a64_translation *t, void *host)
{
    uint64_t page_va = va & PAGE_MASK_VA;
    struct tlb_entry *e = tlb_at(it, set, va);
    if (UNLIKELY(it->stress.knob.tlb1))
        tlb_make_only(it, set, e);
    uint64_t addend = (uint64_t)(uintptr_t)host - va;
    if (e->addend != addend || (e->tag[A64_ACCESS_READ] != page_va &&
                                e->tag[A64_ACCESS_WRITE] != page_va &&
                                e->tag[A64_ACCESS_FETCH] != page_va))
        tlb_clear_entry(e);
    if (it->filled_count < TLB_FILLED)
        it->filled[it->filled_count++] = e;
    else
        it->filled_count = TLB_FILLED + 1;
    e->addend = addend;
    e->tag[access] = page_va;
    it->guarded[set][(va >> MEM_PAGE_SHIFT) % TLB_ENTRIES] = t->guarded;
    it->stat_tlb_fill++;
    if (t->log2_bytes > MEM_PAGE_SHIFT) {
        unsigned half = va >> 63;
        uint64_t size = MASK(t->log2_bytes);
        if ((va & ~size) < it->blocks[half].lo)
            it->blocks[half].lo = va & ~size;
        if ((va | size) > it->blocks[half].hi)
            it->blocks[half].hi = va | size;
    }
}
