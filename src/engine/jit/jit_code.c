/* The code cache: its memory, the blocks by page of RAM, and their invalidation.
 *
 * Memory is a memfd that is mapped twice, once writable and once executable, so that no mapping is
 * both (a process that forks has one private mapping instead: engine_config.forks). Blocks are put
 * one after the other behind the fixed code; when there is no more room everything is forgotten,
 * which costs no more than walking the pages that have translations.
 *
 * A translation belongs to a page of RAM, whatever addresses map it; code is position independent
 * and links stay inside a page, so a change of mappings concerns the translation sets only.
 *
 * Exactness. A page is marked as code and every store entry for it dropped before its words are
 * read, so a store either comes to jit_code_stored() (from the interpreter; translated code never
 * stores over translated instructions) or happened before. Writes by others are queued and taken at
 * the next poll. A block that is no longer what memory says has its entry patched to a path that
 * goes to the dispatcher; its code stays until the cache is reset, since a call may return into it
 * and links lead to it.
 */
#include "engine/jit/jit_int.h"

#include "base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#define BLOCK_BYTES 128u /* at least: how many blocks there can be */
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

bool jit_code_full(const struct jit *j)
{
    const struct jit_code *c = &j->code;
    return c->middle - c->p < (ptrdiff_t)JIT_BLOCK_ROOM ||
           c->write + c->bytes - c->cold < (ptrdiff_t)JIT_BLOCK_ROOM ||
           (c->block_count == c->block_max && !c->block_free) ||
           (c->page_count == c->page_max && !c->page_free);
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
    mem_code_mark(j->it.mem, page, true);
    jit_stores_drop(j, page);
    tlb_drop_writes(&j->it);
    return p;
}

struct jit_block *jit_code_add(struct jit *j, struct jit_page *p, uint32_t off, unsigned mode,
                               unsigned n)
{
    struct jit_code *c = &j->code;
    uint32_t at = c->block_free;
    if (at)
        c->block_free = c->block[at].next;
    else
        at = c->block_count++;
    CHECK(at < c->block_max);
    uint32_t *bucket = &p->bucket[bucket_of(off)];
    c->block[at] = (struct jit_block){
        .next = *bucket, .off = (uint16_t)off, .bytes = (uint16_t)n, .mode = (uint16_t)mode,
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
    mem_code_mark(j->it.mem, p->page, false);
    p->next = c->page_free;
    c->page_free = n;
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
            uint32_t n = *link;
            *link = b->next;
            x64_make_stale(c->write + b->entry);
            b->next = c->block_free;
            c->block_free = n;
            p->blocks--;
            j->stat.invalidated++;
            j->changed = true;
        }
    }
    if (!p->blocks)
        page_release(j, p);
}

void jit_code_reset(struct jit *j)
{
    struct jit_code *c = &j->code;
    uint64_t start = __rdtsc();
    for (uint32_t n = 1; n < c->page_count; n++) {
        struct jit_page *p = &c->page[n];
        if (c->by_page[p->page] == n) {
            c->by_page[p->page] = 0;
            mem_code_mark(j->it.mem, p->page, false);
        }
    }
    c->page_count = c->block_count = 1;
    c->page_free = c->block_free = 0;
    c->p = c->first;
    c->cold = c->middle;
    c->epoch++;
    jit_jumps_flush(j);
    j->changed = true;
    j->stat.resets++;
    uint64_t ticks = __rdtsc() - start;
    if (ticks > j->stat.reset_ticks_max)
        j->stat.reset_ticks_max = ticks;
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

void jit_code_take_pending(struct jit *j)
{
    pthread_mutex_lock(&j->pending_lock);
    if (j->pending_count > CODE_PENDING_MAX)
        jit_code_reset(j);
    for (unsigned i = 0; i < j->pending_count && i < CODE_PENDING_MAX; i++) {
        struct jit_page *p = page_data(j, (uint32_t)j->pending[i]);
        if (p)
            page_written(j, p, 0, MEM_PAGE_SIZE);
    }
    j->pending_count = 0;
    pthread_mutex_unlock(&j->pending_lock);
}

void jit_code_written(struct vcpu *v, uint64_t page)
{
    struct jit *j = jit_of(v->cpu.engine);
    pthread_mutex_lock(&j->pending_lock);
    if (j->pending_count < CODE_PENDING_MAX)
        j->pending[j->pending_count++] = page;
    else
        j->pending_count = CODE_PENDING_MAX + 1;
    pthread_mutex_unlock(&j->pending_lock);
    vcpu_request(v, VCPU_REQ_CODE);
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

int jit_code_create(struct jit *j, struct err *e)
{
    struct jit_code *c = &j->code;
    const struct engine_config *config = &j->it.v->vm->engine_config;
    uint64_t ram_pages = j->it.mem->ram_bytes >> MEM_PAGE_SHIFT;
    c->bytes = config->code_cache ? config->code_cache : ENGINE_CODE_DEFAULT;
    c->bytes = (c->bytes + MEM_PAGE_SIZE - 1) & PAGE_MASK_VA;
    if (c->bytes < ENGINE_CODE_MIN || c->bytes > ENGINE_CODE_MAX)
        return err_set(e, EINVAL, "the code cache has between %llu and %llu MiB",
                       (unsigned long long)(ENGINE_CODE_MIN >> 20),
                       (unsigned long long)(ENGINE_CODE_MAX >> 20));
    int r = config->forks ? map_private(c, e) : map_twice(c, e);
    if (r)
        return r;
    c->block_max = (uint32_t)(c->bytes / BLOCK_BYTES);
    c->page_max = ram_pages < c->block_max ? (uint32_t)ram_pages + 1 : c->block_max;
    c->by_page = fault_point("jit_by_page") ? NULL : calloc(ram_pages, sizeof(*c->by_page));
    c->page = reserve("jit_pages", c->page_max * sizeof(*c->page));
    c->block = reserve("jit_blocks", c->block_max * sizeof(*c->block));
    c->page_count = c->block_count = 1;
    c->last_page = UINT32_MAX;
    c->first = c->p = c->write;
    c->middle = c->cold = c->write + c->bytes / 2;
    pthread_mutex_init(&j->pending_lock, NULL);
    if (c->by_page && c->page && c->block)
        return 0;
    jit_code_destroy(j);
    return err_set(e, ENOMEM, "out of memory for the tables of the code cache");
}

void jit_code_destroy(struct jit *j)
{
    struct jit_code *c = &j->code;
    if (c->page)
        munmap(c->page, c->page_max * sizeof(*c->page));
    if (c->block)
        munmap(c->block, c->block_max * sizeof(*c->block));
    free(c->by_page);
    unmap(c);
    pthread_mutex_destroy(&j->pending_lock);
}
