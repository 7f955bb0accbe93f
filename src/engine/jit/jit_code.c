/* The code cache: its memory, the blocks by page of RAM, and their invalidation. jit_evict.c has
 * where in it blocks are put, and how room is made.
 *
 * Memory is a memfd that is mapped twice, once writable and once executable, so that no mapping is
 * both (a process that forks has one private mapping instead: engine_config.forks).
 *
 * A translation belongs to a page of RAM, whatever addresses map it; code is position independent,
 * and links hold in the page, or for one generation of an address space, so a change of mappings
 * concerns the translation sets only.
 *
 * Exactness. A page is marked as code and every store entry that this vCPU has for it dropped
 * before its words are read, so a store of its own either comes to jit_code_stored() (from the
 * interpreter; translated code never stores over translated instructions) or happened before.
 * Writes by devices are reported by mem_wrote(), noted, and taken at the next poll. So with one
 * vCPU a translation is what memory says, or a write to it is noted; nothing has to be forgotten
 * for IC IVAU or IC IALLU.
 *
 * Several vCPUs have a cache each; all this is one vCPU's. They keep store entries for pages that
 * others have translated, and what they store there is not noted: a translation may stay what
 * memory said before until there is an IC (jit_icache_invalidate()), which reaches all whose mark
 * the page has: each that has translated it holds it (mem_code_hold()). Who marks after the IC
 * looked reads after that what was stored before the IC (vcpu_env.c, page_has_code()). A word is
 * read once, as a whole, so one that is stored at the same time is the old or the new one.
 *
 * A block that is no longer
 * what memory says has its entry patched to a path that goes to the dispatcher; its code stays
 * until its region is emptied, since a call may return into it and links lead to it.
 */
#include "engine/jit/jit_int.h"

#include "base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK_BYTES 64u  /* of a region for each block it may have */
#define LINK_BYTES 16u   /* of rare code for each branch: the least that an unlinked one has */
#define CROSS_BYTES 32u  /* ... and one to another page */
#define REGION_BYTES (UINT64_C(4) << 20)
#define REGIONS_MIN 16u
#define HOT_SHARE 7u /* of 12: what blocks take of a region; 58 % when Debian's gcc is translated */
#define EVICT_REGIONS 8u /* stress knob evict */
#define EVICT_BYTES (UINT64_C(32) << 10)
#define STORES_MAX 16u   /* into translated instructions; then all translations of the page go */
#define PIECE_LOG2 6

/* Pieces of a page that [off, off + len) touches, one bit each. */
static uint64_t pieces(uint32_t off, uint32_t len)
{
    unsigned first = off >> PIECE_LOG2, last = (off + len - 1) >> PIECE_LOG2;
    return MASK(last + 1) & ~MASK(first);
}

static struct jit_page *page_data(const struct jit *j, uint32_t page)
{
    uint32_t index = j->code.by_page[page];
    return index ? &j->code.page[index] : NULL;
}

static unsigned bucket_of(uint32_t off)
{
    return (off >> 2 ^ off >> 7) % JIT_BUCKETS;
}

/* ---- Finding and adding ---- */

struct jit_block *jit_code_find(struct jit *j, uint32_t page, uint32_t off, unsigned mode)
{
    const struct jit_page *p = page_data(j, page);
    if (!p)
        return NULL;
    for (uint32_t n = p->bucket[bucket_of(off)]; n; n = j->code.block[n].next) {
        struct jit_block *b = &j->code.block[n];
        if (b->off == off && b->mode == mode)
            return b;
    }
    return NULL;
}

struct jit_page *jit_code_page(struct jit *j, uint32_t page)
{
    struct jit_code *c = &j->code;
    struct jit_page *p = page_data(j, page);
    if (p)
        return p;
    uint32_t n = c->page_free;
    if (n)
        c->page_free = c->page[n].next;
    else
        n = c->page_count++;
    CHECK(n < c->page_max);
    p = &c->page[n];
    *p = (struct jit_page){.page = page};
    c->by_page[page] = n;
    mem_code_hold(j->it.mem, page);
    jit_stores_drop(j, page);
    tlb_drop_writes(&j->it);
    return p;
}

struct jit_block *jit_code_add(struct jit *j, struct jit_page *p, uint32_t off, unsigned mode,
                               unsigned n)
{
    struct jit_code *c = &j->code;
    struct jit_region *r = jit_region_now(j);
    CHECK(r->blocks < c->block_max);
    uint32_t at = 1 + (uint32_t)(r - c->region) * c->block_max + r->blocks++;
    uint32_t *bucket = &p->bucket[bucket_of(off)];
    c->block[at] = (struct jit_block){
        .next = *bucket,
        .page = (uint32_t)(p - c->page),
        .off = (uint16_t)off,
        .bytes = (uint16_t)n,
        .mode = (uint16_t)mode,
    };
    *bucket = at;
    p->blocks++;
    p->covered |= pieces(off, n);
    return &c->block[at];
}

/* ---- Forgetting ---- */

static void page_release(struct jit *j, struct jit_page *p)
{
    struct jit_code *c = &j->code;
    uint32_t n = c->by_page[p->page];
    c->by_page[p->page] = 0;
    mem_code_let_go(j->it.mem, p->page);
    p->next = c->page_free;
    c->page_free = n;
}

void jit_code_page_unused(struct jit *j, struct jit_page *p)
{
    if (!p->blocks)
        page_release(j, p);
}

void jit_code_remove(struct jit *j, struct jit_block *b)
{
    struct jit_code *c = &j->code;
    struct jit_page *p = &c->page[b->page];
    uint32_t *link = &p->bucket[bucket_of(b->off)];
    while (&c->block[*link] != b)
        link = &c->block[*link].next;
    *link = b->next;
    p->blocks--;
    jit_code_page_unused(j, p);
}

void jit_code_recount(struct jit *j, struct jit_page *p)
{
    p->covered = 0;
    p->recounted = (uint32_t)j->code.turn;
    for (unsigned k = 0; k < JIT_BUCKETS; k++) {
        for (uint32_t n = p->bucket[k]; n; n = j->code.block[n].next)
            p->covered |= pieces(j->code.block[n].off, j->code.block[n].bytes);
    }
}

void jit_code_forget_pages(struct jit *j)
{
    struct jit_code *c = &j->code;
    for (uint32_t n = 1; n < c->page_count; n++) {
        struct jit_page *p = &c->page[n];
        if (c->by_page[p->page] == n) {
            c->by_page[p->page] = 0;
            mem_code_let_go(j->it.mem, p->page);
        }
    }
    c->page_count = 1;
    c->page_free = 0;
}

/* Invalidates the blocks that [off, off + len) of the page touches. */
static void page_written(struct jit *j, struct jit_page *p, uint32_t off, uint32_t len)
{
    struct jit_code *c = &j->code;
    p->covered = 0;
    for (unsigned k = 0; k < JIT_BUCKETS; k++) {
        uint32_t *link = &p->bucket[k];
        while (*link) {
            struct jit_block *b = &c->block[*link];
            if (b->off >= off + len || off >= (uint32_t)b->off + b->bytes) {
                p->covered |= pieces(b->off, b->bytes);
                link = &b->next;
                continue;
            }
            *link = b->next;
            b->page = 0;
            x64_make_stale(c->write + b->entry);
            p->blocks--;
            j->stat.invalidated++;
            j->changed = true;
        }
    }
    jit_code_page_unused(j, p);
}

bool jit_code_covers(const struct jit *j, uint32_t page, uint32_t off, uint32_t len)
{
    const struct jit_page *p = page_data(j, page);
    if (!p || !(p->covered & pieces(off, len)))
        return false;
    for (unsigned k = 0; k < JIT_BUCKETS; k++) {
        for (uint32_t n = p->bucket[k]; n; n = j->code.block[n].next) {
            const struct jit_block *b = &j->code.block[n];
            if (b->off < off + len && off < (uint32_t)b->off + b->bytes)
                return true;
        }
    }
    return false;
}

void jit_code_alone(struct jit *j, uint32_t page, uint32_t off)
{
    struct jit_page *p = page_data(j, page);
    if (!p)
        return;
    p->alone[off / 256] |= BIT(off / 4 % 64);
    p->blocks++; /* the page is kept, and what is known of it */
    page_written(j, p, off, 4);
    p->blocks--;
    j->stat.alone++;
}

void jit_code_stored(struct interp *it, gpa_t pa, uint64_t len)
{
    struct jit *j = jit_of(it);
    uint64_t at = pa - it->mem->ram_base;
    uint32_t page = (uint32_t)(at >> MEM_PAGE_SHIFT), off = (uint32_t)at % MEM_PAGE_SIZE;
    if (!jit_code_covers(j, page, off, (uint32_t)len))
        return;
    struct jit_page *p = page_data(j, page);
    if (++p->stores > STORES_MAX)
        page_written(j, p, 0, MEM_PAGE_SIZE);
    else
        page_written(j, p, off, (uint32_t)len);
}

/* ---- Writes by others ---- */

void jit_code_doubt(struct jit *j, gpa_t pa, bool all)
{
    uint64_t off = pa - j->it.mem->ram_base;
    struct jit_page *p = NULL;
    if (all)
        jit_code_reset(j);
    else if (off < j->it.mem->ram_bytes)
        p = page_data(j, (uint32_t)(off >> MEM_PAGE_SHIFT));
    if (p)
        page_written(j, p, 0, MEM_PAGE_SIZE);
}

/* Bits are set from the bottom up and taken from the top down: what is set while they are taken is
 * found now or the next time. */
void jit_code_written(struct vcpu *v, uint64_t page)
{
    struct jit *j = jit_of(v->cpu.engine);
    struct jit_code *c = &j->code;
    __atomic_fetch_or(&c->written[page / 64], BIT(page % 64), __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&c->written_words[page / 4096], BIT(page / 64 % 64), __ATOMIC_SEQ_CST);
    __atomic_store_n(&c->written_any, 1, __ATOMIC_SEQ_CST);
    vcpu_request(v, VCPU_REQ_CODE);
}

static uint64_t take_bits(uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED) ? __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST)
                                                   : 0;
}

static void take_written(struct jit *j, uint64_t first, uint64_t pages)
{
    for (; pages; pages &= pages - 1) {
        struct jit_page *p = page_data(j, (uint32_t)(first + (unsigned)__builtin_ctzll(pages)));
        if (p)
            page_written(j, p, 0, MEM_PAGE_SIZE);
    }
}

void jit_code_take_pending(struct jit *j)
{
    struct jit_code *c = &j->code;
    if (LIKELY(!__atomic_load_n(&c->written_any, __ATOMIC_SEQ_CST)) ||
        !__atomic_exchange_n(&c->written_any, 0, __ATOMIC_SEQ_CST))
        return;
    for (uint64_t n = 0; n <= (c->ram_pages - 1) / 4096; n++) {
        for (uint64_t words = take_bits(&c->written_words[n]); words; words &= words - 1) {
            uint64_t word = 64 * n + (unsigned)__builtin_ctzll(words);
            take_written(j, 64 * word, take_bits(&c->written[word]));
        }
    }
}

/* ---- Memory ---- */

/* Zero-filled address space; memory comes as it is touched. Null: there is none. */
static void *reserve(const char *point, size_t bytes)
{
    void *p = fault_point(point) ? MAP_FAILED
                                 : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static int map_private(struct jit_code *c, struct err *e)
{
    void *p = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return err_set(e, errno, "cannot map the code cache: %s", strerror(errno));
    c->write = c->exec = p;
    return 0;
}

static int map_twice(struct jit_code *c, struct err *e)
{
    int fd = fault_point("jit_memfd") ? (errno = EMFILE, -1)
                                      : memfd_create("sojourn-code", MFD_CLOEXEC);
    if (fd < 0)
        return err_set(e, errno, "cannot create the code cache: %s", strerror(errno));
    void *w = MAP_FAILED, *x = MAP_FAILED;
    int code = ftruncate(fd, (off_t)c->bytes) ? errno : 0;
    if (!code) {
        w = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
        x = mmap(NULL, c->bytes, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_NORESERVE, fd, 0);
        code = w == MAP_FAILED || x == MAP_FAILED ? errno : 0;
    }
    close(fd);
    if (!code) {
        c->write = w;
        c->exec = x;
        return 0;
    }
    if (w != MAP_FAILED)
        munmap(w, c->bytes);
    if (x != MAP_FAILED)
        munmap(x, c->bytes);
    return err_set(e, code, "cannot map the code cache of %llu MiB: %s",
                   (unsigned long long)(c->bytes >> 20), strerror(code));
}

static void unmap(struct jit_code *c)
{
    munmap(c->exec, c->bytes);
    if (c->write != c->exec)
        munmap(c->write, c->bytes);
}

/* Cuts the cache into regions: few enough that the one which is not full costs little, small
 * enough that emptying one takes no time that anybody notices. */
static void divide(struct jit_code *c, const struct engine_stress *knob)
{
    c->regions = c->bytes / REGION_BYTES > REGIONS_MIN ? (unsigned)(c->bytes / REGION_BYTES)
                                                       : REGIONS_MIN;
    uint64_t bytes = (c->bytes - JIT_FIXED_BYTES) / c->regions;
    if (knob->evict) {
        c->regions = EVICT_REGIONS;
        bytes = EVICT_BYTES;
    }
    c->hot_bytes = (uint32_t)(bytes * HOT_SHARE / 12) & ~63u;
    c->cold_bytes = (uint32_t)(bytes - c->hot_bytes) & ~63u;
    c->first = c->write + JIT_FIXED_BYTES;
    c->middle = c->first + (uint64_t)c->regions * c->hot_bytes;
    c->block_max = c->hot_bytes / BLOCK_BYTES;
    uint64_t cold = (uint64_t)c->regions * c->cold_bytes, blocks = c->regions * c->block_max;
    c->cross_max = (uint32_t)(cold / CROSS_BYTES);
    c->link_max = (uint32_t)(cold / LINK_BYTES) + c->cross_max + 1;
    c->page_max = (uint32_t)(c->ram_pages < blocks ? c->ram_pages : blocks) + 2;
}

static bool make_tables(struct jit_code *c)
{
    uint64_t words = (c->ram_pages + 63) / 64;
    c->by_page = fault_point("jit_by_page") ? NULL : calloc(c->ram_pages, sizeof(*c->by_page));
    c->written = fault_point("jit_written") ? NULL : calloc(words, sizeof(*c->written));
    c->written_words = fault_point("jit_written_words")
                           ? NULL
                           : calloc((words + 63) / 64, sizeof(*c->written_words));
    c->region = fault_point("jit_regions") ? NULL : calloc(c->regions, sizeof(*c->region));
    c->page = reserve("jit_pages", c->page_max * sizeof(*c->page));
    c->block = reserve("jit_blocks", (1 + (size_t)c->regions * c->block_max) * sizeof(*c->block));
    c->link = reserve("jit_links", c->link_max * sizeof(*c->link));
    return c->by_page && c->written && c->written_words && c->region && c->page && c->block &&
           c->link;
}

int jit_code_create(struct jit *j, struct err *e)
{
    struct jit_code *c = &j->code;
    const struct engine_config *config = &j->it.v->vm->engine_config;
    c->ram_pages = j->it.mem->ram_bytes >> MEM_PAGE_SHIFT;
    c->bytes = config->code_cache ? config->code_cache : ENGINE_CODE_DEFAULT;
    c->bytes = (c->bytes + MEM_PAGE_SIZE - 1) & PAGE_MASK_VA;
    if (c->bytes < ENGINE_CODE_MIN || c->bytes > ENGINE_CODE_MAX)
        return err_set(e, EINVAL, "the code cache has between %llu and %llu MiB",
                       (unsigned long long)(ENGINE_CODE_MIN >> 20),
                       (unsigned long long)(ENGINE_CODE_MAX >> 20));
    int r = config->forks ? map_private(c, e) : map_twice(c, e);
    if (r)
        return r;
    divide(c, &j->it.stress.knob);
    if (!make_tables(c)) {
        jit_code_destroy(j);
        return err_set(e, ENOMEM, "out of memory for the tables of the code cache");
    }
    c->page_count = 1;
    c->last_page = UINT32_MAX;
    jit_code_reset(j);
    c->resets = 0;
    return 0;
}

void jit_code_destroy(struct jit *j)
{
    struct jit_code *c = &j->code;
    if (c->page)
        munmap(c->page, c->page_max * sizeof(*c->page));
    if (c->block)
        munmap(c->block, (1 + (size_t)c->regions * c->block_max) * sizeof(*c->block));
    if (c->link)
        munmap(c->link, c->link_max * sizeof(*c->link));
    free(c->region);
    free(c->written_words);
    free(c->written);
    free(c->by_page);
    unmap(c);
}
