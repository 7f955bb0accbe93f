/* Decoded instructions by RAM page. See interp_vcpu.h.
 *
 * Order that makes it exact: a page is marked as code and every write tag dropped before its first
 * word is read for decoding; so a store either comes through the slow path, which resets the
 * record, or happened before and is what was decoded.
 *
 * That is for the stores of this PE. Those of another need its IC IVAU or IC IALLUIS (CTR_EL0.DIC
 * is 0), which reaches all that have decoded (vm/broadcast.h), so other PEs' write tags may stay.
 * Each PE that has decoded the page holds its mark.
 */
#include "a64/decode.h"
#include "base/fault.h"
#include "engine/interp/interp_vcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NO_PAGE UINT64_MAX

static void code_reset_page(struct code_page *p, uint64_t page)
{
    p->page = page;
    p->writes = 0;
    memset(p->rec, 0xff, sizeof(p->rec)); /* REC_UNDECODED everywhere */
}

int code_create(struct interp *it, struct err *e)
{
    uint64_t ram_pages = it->mem->ram_bytes >> MEM_PAGE_SHIFT;
    size_t bytes = CODE_PAGES_MAX * sizeof(struct code_page);
    it->by_page = fault_point("code_by_page") ? NULL : calloc(ram_pages, sizeof(*it->by_page));
    if (!it->by_page)
        return err_set(e, ENOMEM, "out of memory for the interpreter's page table");
    void *p = fault_point("code_pages") ? MAP_FAILED
                                        : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        free(it->by_page);
        return err_set(e, ENOMEM, "out of memory for the interpreter's decoded pages");
    }
    it->pages = p;
    it->pages_max = it->stress.knob.code1 ? 1 : CODE_PAGES_MAX;
    pthread_mutex_init(&it->pending_lock, NULL);
    return 0;
}

void code_destroy(struct interp *it)
{
    munmap(it->pages, CODE_PAGES_MAX * sizeof(struct code_page));
    free(it->by_page);
    pthread_mutex_destroy(&it->pending_lock);
}

static void code_release(struct interp *it, struct code_page *p)
{
    if (p->page == NO_PAGE)
        return;
    it->by_page[p->page] = NULL;
    mem_code_let_go(it->mem, p->page);
    p->page = NO_PAGE;
    it->fetch_va = TLB_INVALID;
}

/* A free page: a new one while there are any, else the oldest (first in, first out). */
static struct code_page *code_allocate(struct interp *it)
{
    if (it->pages_used < it->pages_max)
        return &it->pages[it->pages_used++];
    struct code_page *p = &it->pages[it->evict_next];
    it->evict_next = (it->evict_next + 1) % it->pages_max;
    code_release(it, p);
    it->stat_evicted++;
    return p;
}

struct code_page *code_get(struct interp *it, uint64_t page)
{
    struct code_page *p = it->by_page[page];
    if (LIKELY(p != NULL))
        return p;
    p = code_allocate(it);
    code_reset_page(p, page);
    it->by_page[page] = p;
    mem_code_hold(it->mem, page);
    tlb_drop_writes(it);
    return p;
}

void code_decode(struct interp *it, struct code_page *p, unsigned index)
{
    uint32_t word;
    memcpy(&word, it->mem->ram + (p->page << MEM_PAGE_SHIFT) + index * 4, sizeof(word));
    enum a64_op op = a64_decode_with(&it->v->cpu.features, word);
    p->rec[index] = (struct insn_rec){.word = word, .op = (uint16_t)op};
    it->stat_decoded++;
}

void code_store(struct interp *it, gpa_t pa, uint64_t len)
{
    uint64_t off = pa - it->mem->ram_base;
    if (it->code_stored)
        it->code_stored(it, pa, len);
    struct code_page *p = it->by_page[off >> MEM_PAGE_SHIFT];
    if (!p)
        return;
    if (++p->writes > CODE_WRITES_MAX && p != it->fetch_page) {
        code_release(it, p);
        return;
    }
    unsigned first = (off % MEM_PAGE_SIZE) / 4, last = (off % MEM_PAGE_SIZE + len - 1) / 4;
    for (unsigned i = first; i <= last; i++)
        p->rec[i].op = REC_UNDECODED;
}

void code_forget_page(struct interp *it, uint64_t page)
{
    if (it->by_page[page])
        code_reset_page(it->by_page[page], page);
}

void code_forget_all(struct interp *it)
{
    for (unsigned i = 0; i < it->pages_used; i++)
        code_release(it, &it->pages[i]);
    it->pages_used = 0;
    it->evict_next = 0;
    it->fetch_va = TLB_INVALID;
}

void code_take_pending(struct interp *it)
{
    pthread_mutex_lock(&it->pending_lock);
    if (it->pending_count > CODE_PENDING_MAX) {
        code_forget_all(it);
    } else {
        for (unsigned i = 0; i < it->pending_count; i++)
            code_forget_page(it, it->pending[i]);
    }
    it->pending_count = 0;
    pthread_mutex_unlock(&it->pending_lock);
}

void code_written(struct vcpu *v, uint64_t page)
{
    struct interp *it = v->cpu.engine;
    pthread_mutex_lock(&it->pending_lock);
    if (it->pending_count < CODE_PENDING_MAX)
        it->pending[it->pending_count++] = page;
    else
        it->pending_count = CODE_PENDING_MAX + 1;
    pthread_mutex_unlock(&it->pending_lock);
    vcpu_request(v, VCPU_REQ_CODE);
}
