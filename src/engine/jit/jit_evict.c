/* Room in the code cache: regions that are filled and emptied in turn, and the branches that lead
 * from one to another.
 *
 * Behind the fixed code, which stays, the cache is a ring of regions of equal size. Blocks are put
 * into the present one; when it is full the oldest is emptied and becomes the present one. So the
 * order is first in, first out, a stale block's room comes back with its region, and the work is
 * that of one region, whatever the cache's size.
 *
 * What leads to a region that is emptied, and how each is ended:
 *  - Look-up by page: its blocks leave their pages. A page without blocks is one of data again.
 *  - Links: a branch in an older region goes when that one does, before; only those in younger ones
 *    must be undone, and only they are recorded (struct jit_link), in a list of the region they
 *    lead to. When that is emptied they all are still there, all the others have gone. A link in a
 *    page goes back to the code that asks for its target, one to another page loses its generation.
 *    Stale blocks are blocks in this: links and jump entries may lead to them.
 *  - Jump caches of the translation sets: the one in use at once, others before they are used
 *    (jit_jumps_evict(), struct jit_set.jump_turn).
 *  - Return addresses: the return stack is started again; C knows no address in the cache that it
 *    would go back to.
 * The last two are a vCPU's own. With several, a region may be filled again only when each of them
 * has done its part.
 *
 * How many records there can be: a branch in a page is linked once, and again only after it was
 * undone, and each has LINK_BYTES of rare code at least. One to another page may be made anew for
 * another target, so they have a share of their own that they cannot exceed; those beyond it are
 * made by the jump cache.
 */
#include "engine/jit/jit_int.h"

#include "vm/clock.h"

#include <string.h>

/* What a block may take, to be tried where it could go: else the region counts as full. */
#define ROOM_BYTES 1024

/* ---- Where is what ---- */

static uint32_t offset_of(const struct jit_code *c, uint64_t exec)
{
    return (uint32_t)(exec - (uint64_t)(uintptr_t)c->exec);
}

static struct jit_region *region_of(const struct jit_code *c, uint32_t offset)
{
    uint32_t first = (uint32_t)(c->first - c->write), middle = (uint32_t)(c->middle - c->write);
    uint32_t n = offset < middle ? (offset - first) / c->hot_bytes
                                 : (offset - middle) / c->cold_bytes;
    CHECK(offset >= first && n < c->regions);
    return &c->region[n];
}

uint64_t jit_code_turn(const struct jit *j, uint64_t exec)
{
    return region_of(&j->code, offset_of(&j->code, exec))->turn;
}

/* ---- Links ---- */

static uint32_t target_of(const struct jit_code *c, uint32_t site)
{
    int32_t rel;
    memcpy(&rel, c->write + site - sizeof(rel), sizeof(rel));
    return site + (uint32_t)rel;
}

static void set_target(struct jit_code *c, uint32_t site, uint32_t target)
{
    uint32_t rel = target - site;
    memcpy(c->write + site - sizeof(rel), &rel, sizeof(rel));
}

static void set_generation(struct jit_code *c, uint32_t site, uint32_t distance,
                           uint32_t generation)
{
    memcpy(c->write + site - distance - sizeof(generation), &generation, sizeof(generation));
}

/* Makes sure that a branch at `site` is undone when the region it is to lead to is emptied. False:
 * it must not be made. */
static bool record(struct jit_code *c, uint32_t site, uint32_t target, uint32_t undo)
{
    struct jit_region *to = region_of(c, target);
    uint32_t n = c->link_free;
    bool cross = undo < JIT_FIXED_BYTES;
    if (region_of(c, site)->turn <= to->turn)
        return true;
    if (cross && region_of(c, target_of(c, site)) == to)
        return true; /* recorded when it was made lead there */
    if (cross && c->cross_count == c->cross_max)
        return false;
    if (n)
        c->link_free = c->link[n].next;
    else if (c->link_count < c->link_max)
        n = c->link_count++;
    else
        return false;
    c->cross_count += cross;
    c->link[n] = (struct jit_link){.next = to->links, .site = site, .undo = undo};
    to->links = n;
    return true;
}

void jit_link(struct jit *j, uint64_t point, const void *host)
{
    struct jit_code *c = &j->code;
    uint32_t site = offset_of(c, point), target = offset_of(c, (uint64_t)(uintptr_t)host);
    uint32_t stub = target_of(c, site);
    if (c->write + stub >= c->middle && record(c, site, target, stub))
        set_target(c, site, target);
}

bool jit_link_cross(struct jit *j, uint64_t point, uint32_t distance, const void *host)
{
    struct jit_code *c = &j->code;
    uint32_t site = offset_of(c, point), target = offset_of(c, (uint64_t)(uintptr_t)host);
    if (!record(c, site, target, distance))
        return false;
    set_target(c, site, target);
    set_generation(c, site, distance, jit_generation(j));
    return true;
}

static void undo_links(struct jit_code *c, struct jit_region *r)
{
    for (uint32_t n = r->links, next; n; n = next) {
        struct jit_link *l = &c->link[n];
        bool cross = l->undo < JIT_FIXED_BYTES;
        next = l->next;
        /* Is it still one, and was it not made lead elsewhere since? */
        if (!x64_is_stale_jump(c->write + l->site) && region_of(c, target_of(c, l->site)) == r) {
            if (cross)
                set_generation(c, l->site, l->undo, X64_NO_GENERATION);
            set_target(c, l->site, cross ? l->site : l->undo);
            c->undone++;
        }
        c->cross_count -= cross;
        l->next = c->link_free;
        c->link_free = n;
    }
    r->links = 0;
}

/* ---- Regions ---- */

bool jit_code_has_room(const struct jit *j)
{
    const struct jit_code *c = &j->code;
    return c->end - c->p >= ROOM_BYTES && c->cold_end - c->cold >= ROOM_BYTES &&
           jit_region_now(j)->blocks < c->block_max;
}

bool jit_code_is_fresh(const struct jit *j)
{
    return !jit_region_now(j)->blocks;
}

static void begin(struct jit_code *c)
{
    uint32_t n = (uint32_t)(c->turn % c->regions);
    c->region[n] = (struct jit_region){.turn = c->turn};
    c->p = c->first + (size_t)n * c->hot_bytes;
    c->end = c->p + c->hot_bytes;
    c->cold = c->middle + (size_t)n * c->cold_bytes;
    c->cold_end = c->cold + c->cold_bytes;
}

/* Those that were invalidated are in no page any more. */
static void remove_blocks(struct jit *j, struct jit_region *r)
{
    struct jit_code *c = &j->code;
    struct jit_block *first = &c->block[1 + (size_t)(r - c->region) * c->block_max];
    for (struct jit_block *b = first; b < first + r->blocks; b++) {
        if (b->page)
            jit_code_remove(j, b);
        c->evicted += b->page != 0;
    }
    for (struct jit_block *b = first; b < first + r->blocks; b++) {
        struct jit_page *p = &c->page[b->page];
        if (b->page && p->blocks && p->recounted != (uint32_t)c->turn)
            jit_code_recount(j, p);
        b->page = 0;
    }
}

static uint32_t used_now(const struct jit_code *c)
{
    return c->hot_bytes - (uint32_t)(c->end - c->p) + c->cold_bytes -
           (uint32_t)(c->cold_end - c->cold);
}

uint64_t jit_code_used(const struct jit *j)
{
    uint64_t bytes = used_now(&j->code);
    for (unsigned n = 0; n < j->code.regions; n++)
        bytes += j->code.region[n].used;
    return bytes;
}

void jit_code_evict(struct jit *j)
{
    struct jit_code *c = &j->code;
    uint64_t start = clock_thread_ns();
    jit_region_now(j)->used = used_now(c);
    c->turn++;
    struct jit_region *r = jit_region_now(j);
    bool used = r->turn != 0;
    if (used) {
        remove_blocks(j, r);
        undo_links(c, r);
        c->evictions++;
    }
    begin(c);
    jit_jumps_evict(j);
    if (j->it.stress.knob.evict) { /* who comes by an old address is to be found: INT3 */
        memset(c->p, 0xcc, c->hot_bytes);
        memset(c->cold, 0xcc, c->cold_bytes);
    }
    uint64_t ns = clock_thread_ns() - start;
    if (used && ns > c->eviction_ns_max)
        c->eviction_ns_max = ns;
}

void jit_code_reset(struct jit *j)
{
    struct jit_code *c = &j->code;
    bool timed = !j->it.stress.knob.code1; /* else for each page: it would be most of it */
    uint64_t start = timed ? clock_thread_ns() : 0;
    jit_code_forget_pages(j);
    memset(c->region, 0, c->regions * sizeof(*c->region));
    c->link_count = 1;
    c->link_free = c->cross_count = 0;
    c->turn += c->regions;
    begin(c);
    jit_jumps_flush(j);
    j->changed = true;
    c->resets++;
    uint64_t ns = timed ? clock_thread_ns() - start : 0;
    if (ns > c->reset_ns_max)
        c->reset_ns_max = ns;
}
