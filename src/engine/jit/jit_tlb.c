/* Translation sets: what translated code finds loads, stores, indirect branches and pages of code
 * by. See x64/area.h for their shape; translation is Arm ARM D8, maintenance D8.13.
 *
 * One set is EL1's, a pool is EL0's, one for each (TTBR0, ASID) that ran lately, so that a switch
 * of tasks drops nothing. What is entered, and when it must go:
 *  - TTBR1's base, TCR, MAIR and the bits of SCTLR that translation looks at: all sets are cleared
 *    when one of them changes. While a watchpoint is enabled, at each change of context.
 *  - EL1's set outlives changes of TTBR0, ASID and PSTATE.PAN. Entries that depend on them (lower
 *    half, or accessible at EL0 while PAN is clear) are listed as transient and dropped.
 *  - Store entries: only of pages that are dirty and hold no translation of this vCPU. `stored`
 *    remembers for each page of RAM where its store entry is, so that the first translation of
 *    a page finds it; several places are looked for in all sets.
 *  - Jump entries: of pages that are not guarded (BTI), to code of one mode; another mode of the
 *    same set clears them. A Bloom filter of their pages makes TLBI of data pages cheap. Those to
 *    a region of the code cache that was emptied go before the set is used again.
 *  - Device memory, tagged addresses and watched pages are never entered.
 *
 * All of it is one vCPU's, and only its own thread touches it: TLBI *IS of another comes by mail to
 * jit_tlb_invalidate() (vm/broadcast.h), at a poll, in a DSB or around a device access. The first
 * is outside of translated code; in the others `changed` makes the block be left, so what it found
 * before, and the return stack, are not used any more.
 */
#include "engine/jit/jit_int.h"

#include "a64/debug.h"
#include "base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define UPPER BIT(55)
#define STORE_BIT 0x8000u
#define STORED_MANY UINT32_MAX
#define RANGE_JOIN (UINT64_C(64) << 20) /* blocks nearer than that become one range */
#define FLUSH_PAGES 64u                 /* TLBI of more pages clears the set */
#define SCTLR_REGIME (BIT(0) | BIT(19)) /* M, WXN */
#define ZVA_BYTES 64u                   /* DC ZVA: the only access of that size */
#define TTBR_BASE (MASK(48) & ~BIT(0))

enum { LOAD, STORE };

static unsigned set_index(uint64_t va)
{
    return (unsigned)(va >> MEM_PAGE_SHIFT) % X64_SET_ENTRIES;
}

static struct x64_tlb_entry *data_entry(struct jit_set *s, unsigned index, bool store)
{
    return store ? &s->x->store[index] : &s->x->load[index];
}

static struct x64_tlb_entry *second_entry(struct jit_set *s, unsigned index, bool store)
{
    return &s->x->second[index + (store ? X64_SET_ENTRIES : 0)];
}

static void drop_entry(struct jit_set *s, unsigned index, bool store)
{
    data_entry(s, index, store)->tag = second_entry(s, index, store)->tag = X64_TLB_NONE;
}

/* ---- Clearing ---- */

static void clear_tags(void *entries, size_t count)
{
    struct x64_tlb_entry *e = entries;
    for (size_t i = 0; i < count; i++)
        e[i].tag = X64_TLB_NONE;
}

static void clear_fetch(struct jit_set *s)
{
    for (unsigned i = 0; i < JIT_FETCH && s->has_fetch; i++)
        s->fetch[i].va = X64_TLB_NONE;
    s->has_fetch = false;
}

/* Direct branches between pages hold no longer. Sets number theirs in turn. */
static void new_generation(struct jit_set *s)
{
    s->x->generation += JIT_SPACES + 1;
    if (s->x->generation >= X64_NO_GENERATION - JIT_SPACES - 1) {
        s->x->generation = 0; /* after 2^26 of them; no branch has 0 */
        s->aliased = s->worn_out = true;
    }
}

static void clear_jumps(struct jit_set *s)
{
    if (s->jump_count > JIT_FILLED)
        clear_tags(s->x->jump, X64_JUMP_ENTRIES);
    for (unsigned i = 0; i < s->jump_count && s->jump_count <= JIT_FILLED; i++)
        s->x->jump[s->jumps[i]].pc = X64_TLB_NONE;
    if (s->jump_count) {
        memset(s->jump_pages, 0, sizeof(s->jump_pages));
        new_generation(s);
    }
    s->jump_count = 0;
}

static void clear_data(struct jit_set *s)
{
    if (s->data_count > JIT_FILLED)
        clear_tags(s->x->load, 4 * X64_SET_ENTRIES);
    for (unsigned i = 0; i < s->data_count && s->data_count <= JIT_FILLED; i++)
        drop_entry(s, s->data[i] & ~STORE_BIT, s->data[i] & STORE_BIT);
    s->data_count = 0;
}

/* To a list of what was entered. */
static void remember(uint16_t list[JIT_FILLED], unsigned *count, unsigned what)
{
    if (*count < JIT_FILLED)
        list[(*count)++] = (uint16_t)what;
    else
        *count = JIT_FILLED + 1;
}

static void clear_set(struct jit_set *s)
{
    clear_data(s);
    clear_jumps(s);
    clear_fetch(s);
    s->has_global = s->has_private = false;
    s->transient_count = 0;
    s->transient_code = false;
    s->ranges = 0;
    if (s->places)
        memset(s->place, 0, sizeof(s->place));
    s->places = 0;
    s->aliased = s->worn_out;
}

static void clear_transient(struct jit_set *s)
{
    if (s->transient_count > JIT_TRANSIENT) {
        clear_set(s);
        return;
    }
    for (unsigned i = 0; i < s->transient_count; i++) {
        uint16_t t = s->transient[i];
        drop_entry(s, t & ~STORE_BIT, t & STORE_BIT);
    }
    s->transient_count = 0;
    if (s->transient_code) {
        clear_jumps(s);
        clear_fetch(s);
    }
    s->transient_code = false;
}

/* Removes entries that lead to regions of the code cache which were emptied since this was last
 * done: those of the turns after jump_turn, which lie one after the other in a ring. */
static void evict_jumps(const struct jit_code *c, struct jit_set *s)
{
    uint64_t turns = c->turn - s->jump_turn;
    uint64_t ring = (uint64_t)c->regions * c->hot_bytes, emptied = turns * c->hot_bytes;
    uint64_t first = (uint64_t)(uintptr_t)(c->exec + (c->first - c->write)) +
                     (s->jump_turn + 1) % c->regions * c->hot_bytes;
    bool listed = s->jump_count <= JIT_FILLED;
    unsigned kept = 0;
    if (turns >= c->regions)
        clear_jumps(s);
    for (unsigned i = 0; i < (listed ? s->jump_count : X64_JUMP_ENTRIES) && s->jump_count; i++) {
        struct x64_jump_entry *e = &s->x->jump[listed ? s->jumps[i] : i];
        uint64_t from_first = e->host - first;
        if (e->pc == X64_TLB_NONE)
            continue;
        if ((from_first >= ring ? from_first + ring : from_first) < emptied)
            e->pc = X64_TLB_NONE;
        else if (listed)
            s->jumps[kept++] = s->jumps[i];
    }
    if (listed && s->jump_count) /* not 0: branches to other pages may hold still */
        s->jump_count = kept ? kept : 1;
    s->jump_turn = c->turn;
}

/* A set that is not in use is cleared when it is taken. */
void jit_tlb_flush(struct jit *j)
{
    clear_set(&j->kernel);
    for (unsigned i = 0; i < JIT_SPACES; i++)
        j->user[i].in_use = false;
    j->el0 = NULL;
    j->dirty = j->changed = true;
    j->stat.flushes++;
}

/* The set whose jump cache the present level and space use; null: none. */
static struct jit_set *jump_set(struct jit *j)
{
    return j->cpu->el ? &j->kernel : j->el0;
}

void jit_jumps_evict(struct jit *j)
{
    struct jit_set *s = jump_set(j);
    if (s && s->jump_turn != j->code.turn)
        evict_jumps(&j->code, s);
}

void jit_jumps_flush(struct jit *j)
{
    clear_jumps(&j->kernel);
    for (unsigned i = 0; i < JIT_SPACES; i++) {
        if (j->user[i].in_use)
            clear_jumps(&j->user[i]);
    }
    jit_jumps_evict(j);
}

/* ---- The set of an address space ---- */

static bool same_space(const struct jit_space *a, const struct jit_space *b)
{
    return a->table == b->table && a->asid == b->asid;
}

static struct jit_set *find_user(struct jit *j)
{
    for (unsigned i = 0; i < JIT_SPACES; i++) {
        if (j->user[i].in_use && same_space(&j->user[i].space, &j->space))
            return &j->user[i];
    }
    return NULL;
}

/* A set for the present space: an unused one, or that which was not used for longest. */
static struct jit_set *take_user(struct jit *j)
{
    struct jit_set *s = &j->user[0];
    for (unsigned i = 0; i < JIT_SPACES && s->in_use; i++) {
        if (!j->user[i].in_use || j->user[i].used < s->used)
            s = &j->user[i];
    }
    clear_set(s);
    s->in_use = true;
    s->space = j->space;
    return s;
}

/* Sets that translated code and LDTR, STTR use now. */
void jit_choose_sets(struct jit *j)
{
    const struct a64_cpu *cpu = j->cpu;
    struct x64_set *user = j->el0 ? j->el0->x : j->empty;
    j->area->set = (uint64_t)(uintptr_t)(cpu->el ? j->kernel.x : user);
    j->area->unpriv_set = (uint64_t)(uintptr_t)(cpu->el && cpu->uao ? j->kernel.x : user);
    if (j->el0)
        j->el0->used = ++j->clock;
    jit_jumps_evict(j);
}

/* EL0's set of the present space, made when missing. */
static struct jit_set *user_set(struct jit *j)
{
    if (!j->el0) {
        j->el0 = take_user(j);
        j->el0->jump_mode = j->cpu->el ? UINT32_MAX : j->mode;
        jit_choose_sets(j);
    }
    return j->el0;
}

static struct jit_set *current_set(struct jit *j)
{
    return j->cpu->el ? &j->kernel : user_set(j);
}

void jit_context(struct jit *j)
{
    const struct a64_cpu *cpu = j->cpu;
    const uint64_t *sys = cpu->sys;
    const uint64_t regime[] = {sys[A64_SCTLR_EL1] & SCTLR_REGIME, sys[A64_TCR_EL1],
                               sys[A64_TTBR1_EL1] & TTBR_BASE, sys[A64_MAIR_EL1]};
    _Static_assert(sizeof(regime) == sizeof(j->regime), "one word per control register");
    j->dirty = false;
    if (memcmp(regime, j->regime, sizeof(regime)) || j->it.watch) {
        memcpy(j->regime, regime, sizeof(regime));
        jit_tlb_flush(j);
        j->dirty = false;
    }
    const struct jit_space space = {sys[A64_TTBR0_EL1] & TTBR_BASE, a64_current_asid(cpu)};
    bool moved = !same_space(&space, &j->space), pan = cpu->el && cpu->pan;
    if (moved || (cpu->el && pan && !j->pan))
        clear_transient(&j->kernel);
    if (cpu->el)
        j->pan = pan;
    j->space = space;
    if (moved || !j->el0)
        j->el0 = find_user(j);
    jit_choose_sets(j);
    j->mode = jit_mode(j);
    struct jit_set *s = cpu->el ? &j->kernel : j->el0;
    if (s && s->jump_mode != j->mode) {
        clear_jumps(s);
        s->jump_mode = j->mode;
    }
}

/* ---- Entering data pages ---- */

static void add_range(struct jit_set *s, uint64_t lo, uint64_t hi)
{
    struct jit_range *nearest = NULL;
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < s->ranges; i++) {
        struct jit_range *r = &s->range[i];
        uint64_t gap = lo > r->hi ? lo - r->hi : hi < r->lo ? r->lo - hi : 0;
        if (gap < least) {
            least = gap;
            nearest = r;
        }
    }
    if (least > RANGE_JOIN && s->ranges < JIT_RANGES) {
        s->range[s->ranges++] = (struct jit_range){lo, hi};
        return;
    }
    nearest->lo = lo < nearest->lo ? lo : nearest->lo;
    nearest->hi = hi > nearest->hi ? hi : nearest->hi;
}

static bool in_range(const struct jit_set *s, uint64_t lo, uint64_t hi)
{
    for (unsigned i = 0; i < s->ranges; i++) {
        if (hi >= s->range[i].lo && lo <= s->range[i].hi)
            return true;
    }
    return false;
}

/* What TLBI must know of a translation that is entered. */
static void note_kind(struct jit *j, struct jit_set *s, uint64_t va,
                      const struct a64_translation *t)
{
    if (t->global)
        s->has_global = true;
    else if (s == &j->kernel && (va & UPPER))
        s->has_private = true;
    if (t->log2_bytes > MEM_PAGE_SHIFT)
        add_range(s, va & ~MASK(t->log2_bytes), va | MASK(t->log2_bytes));
}

/* Is this translation of EL1's set one that another TTBR0, ASID or PAN ends? */
static bool is_transient(struct jit *j, uint64_t va)
{
    struct a64_cpu *cpu = j->cpu;
    if (!(va & UPPER))
        return true;
    if (cpu->pan || !a64_feature_has(&cpu->features, A64_FEAT_PAN))
        return false;
    struct a64_walk req = {.va = va, .access = A64_ACCESS_READ, .el = 1, .pan = true, .at = true};
    struct a64_translation t;
    struct a64_fault fault;
    return !a64_translate(cpu, &req, &t, &fault);
}

static bool maps_page(const struct jit *j, const struct x64_tlb_entry *e, uint32_t page)
{
    const uint8_t *host = j->it.mem->ram + ((uint64_t)page << MEM_PAGE_SHIFT);
    return e->tag != X64_TLB_NONE && e->tag + e->addend == (uint64_t)(uintptr_t)host;
}

static struct jit_set *set_number(struct jit *j, unsigned number)
{
    return number ? &j->user[number - 1] : &j->kernel;
}

/* `stored`: 0, or set number + 1 in bits 31:16 and index below, or STORED_MANY. */
static struct x64_tlb_entry *stored_entry(struct jit *j, uint32_t where)
{
    return &set_number(j, (where >> 16) - 1)->x->store[where & 0xffff];
}

static struct x64_tlb_entry *stored_second(struct jit *j, uint32_t where)
{
    return second_entry(set_number(j, (where >> 16) - 1), where & 0xffff, true);
}

static void note_store(struct jit *j, struct jit_set *s, unsigned index, uint32_t page)
{
    uint32_t here = (s->number + 1) << 16 | index, was = j->stored[page];
    if (was == here || was == STORED_MANY)
        return;
    j->stored[page] = was && (maps_page(j, stored_entry(j, was), page) ||
                              maps_page(j, stored_second(j, was), page))
                          ? STORED_MANY
                          : here;
}

void jit_stores_drop(struct jit *j, uint32_t page)
{
    uint32_t where = j->stored[page];
    j->stored[page] = 0;
    if (where && where != STORED_MANY) {
        struct x64_tlb_entry *e = stored_entry(j, where), *v = stored_second(j, where);
        if (maps_page(j, e, page))
            e->tag = X64_TLB_NONE;
        if (maps_page(j, v, page))
            v->tag = X64_TLB_NONE;
    }
    for (unsigned n = 0; n <= JIT_SPACES && where == STORED_MANY; n++) {
        struct jit_set *s = set_number(j, n);
        for (unsigned i = 0; i < X64_SET_ENTRIES && s->data_count; i++) {
            if (maps_page(j, &s->x->store[i], page))
                s->x->store[i].tag = X64_TLB_NONE;
            if (maps_page(j, second_entry(s, i, true), page))
                second_entry(s, i, true)->tag = X64_TLB_NONE;
        }
    }
}

/* Enters a page; `addend` is that of `va`, which is a page address without tag. */
static void enter(struct jit *j, struct jit_set *s, uint64_t va, uint64_t addend, bool store,
                  bool transient)
{
    unsigned index = set_index(va);
    struct x64_tlb_entry *e = data_entry(s, index, store);
    if (UNLIKELY(j->it.stress.knob.tlb1)) {
        if (s->only[store])
            s->only[store]->tag = X64_TLB_NONE;
        s->only[store] = e;
    }
    if (e->tag == X64_TLB_NONE)
        remember(s->data, &s->data_count, index | (store ? STORE_BIT : 0));
    else if (e->tag != va)
        *second_entry(s, index, store) = *e;
    e->tag = va;
    e->addend = addend;
    if (transient) {
        if (s->transient_count < JIT_TRANSIENT)
            s->transient[s->transient_count++] = (uint16_t)(index | (store ? STORE_BIT : 0));
        else
            s->transient_count = JIT_TRANSIENT + 1;
    }
    if (store)
        note_store(j, s, index,
                   (uint32_t)((va + addend - (uint64_t)(uintptr_t)j->it.mem->ram) >>
                              MEM_PAGE_SHIFT));
}

/* An access that no entry allows, not yet known to be allowed at all. */
struct miss {
    uint64_t va;
    unsigned bytes;
    bool write, el0;
    bool group, stores; /* the first of a group, one with stores */
    bool entered;       /* out: there is an entry for it now */
};

/* The addend for a translated access; enters what may be entered. 0: the interpreter. */
static uint64_t fill_translated(struct jit *j, struct miss *m,
                                const struct a64_translation *t)
{
    struct mem *mem = j->it.mem;
    uint64_t va = m->va & PAGE_MASK_VA;
    uint8_t *host = mem_ptr(mem, t->pa & PAGE_MASK_VA, MEM_PAGE_SIZE, MEM_READ);
    bool device = t->type == A64_MEM_DEVICE;
    if (!host || (device && (m->bytes == ZVA_BYTES || (m->va & (m->bytes - 1)))))
        return 0; /* the interpreter knows which accesses fault */
    uint64_t addend = (uint64_t)(uintptr_t)host - va;
    uint32_t page = (uint32_t)((uint64_t)(host - mem->ram) >> MEM_PAGE_SHIFT);
    bool code = jit_code_holds(j, page);
    if (m->write && code && jit_code_covers(j, page, m->va % MEM_PAGE_SIZE, m->bytes))
        return 0;
    if (device || j->it.stress.knob.nofast || m->va != a64_untag(j->cpu, m->va, false, j->cpu->el))
        return addend;
    struct jit_set *s = m->el0 ? user_set(j) : &j->kernel;
    bool transient = s == &j->kernel && is_transient(j, m->va);
    note_kind(j, s, va, t);
    if (t->readable)
        enter(j, s, va, addend, LOAD, transient);
    bool stores = t->writable && t->dirty && !code;
    if (stores)
        enter(j, s, va, addend, STORE, transient);
    m->entered = m->stores ? stores : t->readable;
    return addend;
}

static bool translate_miss(struct jit *j, const struct miss *m, uint64_t va,
                           struct a64_translation *t)
{
    struct a64_walk req = {
        .va = va,
        .access = m->write ? A64_ACCESS_WRITE : A64_ACCESS_READ,
        .el = !m->el0,
        .pan = !m->el0 && j->cpu->pan,
    };
    struct a64_fault fault;
    j->stat.walks++;
    return a64_translate(j->cpu, &req, t, &fault);
}

static bool is_watched(struct jit *j, uint64_t va)
{
    return j->it.watch && a64_watch_page(j->cpu, va & PAGE_MASK_VA);
}

/* Host address of what a load at va may read without leaving its page, by the set or else the
 * tables; null: the interpreter. */
static const uint8_t *load_page(struct jit *j, const struct miss *m, uint64_t va, unsigned bytes)
{
    struct jit_set *s = m->el0 ? user_set(j) : &j->kernel;
    const struct x64_tlb_entry *e = data_entry(s, set_index(va), LOAD);
    struct a64_translation t;
    if (e->tag == (va & PAGE_MASK_VA))
        return (const uint8_t *)(uintptr_t)(va + e->addend);
    if (is_watched(j, va) || !translate_miss(j, m, va, &t) || t.type == A64_MEM_DEVICE)
        return NULL;
    return mem_ptr(j->it.mem, t.pa, bytes, MEM_READ);
}

/* A load from two pages: its bytes are put together in the area, and the addend leads there. 0: the
 * interpreter. */
static uint64_t fill_across(struct jit *j, const struct miss *m)
{
    unsigned first = MEM_PAGE_SIZE - (unsigned)(m->va % MEM_PAGE_SIZE);
    const uint64_t va[2] = {m->va, m->va + first};
    const unsigned bytes[2] = {first, m->bytes - first};
    const uint8_t *host[2];
    _Static_assert(sizeof(j->area->bounce) >= ZVA_BYTES, "the largest access fits");
    for (unsigned n = 0; n < 2; n++) {
        host[n] = load_page(j, m, va[n], bytes[n]);
        if (!host[n])
            return 0;
    }
    uint8_t *bounce = (uint8_t *)j->area->bounce;
    memcpy(bounce, host[0], bytes[0]);
    memcpy(bounce + first, host[1], bytes[1]);
    j->stat.across++;
    return (uint64_t)(uintptr_t)bounce - m->va;
}

uint64_t jit_fill(void *state, uint64_t va, uint32_t site, uint32_t entry)
{
    struct jit *j = jit_of_state(state);
    struct a64_cpu *cpu = j->cpu;
    bool unpriv = entry == X64_E_FILL_UNPRIV_LOAD || entry == X64_E_FILL_UNPRIV_STORE;
    struct miss m = {
        .va = va,
        .bytes = 1u << x64_site_log2(site),
        .write = entry == X64_E_FILL_STORE || entry == X64_E_FILL_UNPRIV_STORE,
        .el0 = cpu->el == 0 || (unpriv && !cpu->uao),
        .group = site & X64_SITE_GROUP,
        .stores = site & X64_SITE_WRITE,
    };
    struct a64_translation t;
    j->stat.fills++;
    if (va % MEM_PAGE_SIZE + m.bytes > MEM_PAGE_SIZE)
        return m.write ? 0 : fill_across(j, &m);
    if (is_watched(j, va))
        return 0;
    uint64_t addend = translate_miss(j, &m, va, &t) ? fill_translated(j, &m, &t) : 0;
    j->ungroup = addend && m.group && !m.entered;
    return j->ungroup ? 0 : addend;
}

/* ---- Code ---- */

/* True: the present address space has `page` at address va too. */
static bool still_at(struct jit *j, uint64_t va, uint32_t page)
{
    struct a64_walk req = {.va = va, .access = A64_ACCESS_FETCH, .el = j->cpu->el};
    struct a64_translation t;
    struct a64_fault fault;
    return a64_translate(j->cpu, &req, &t, &fault) &&
           (t.pa - j->it.mem->ram_base) >> MEM_PAGE_SHIFT == page;
}

/* A page of code is about to be executed at address va & PAGE_MASK_VA (odd: not 0): see struct
 * jit_set.place. Every page that is comes here first, since clear_set() empties the table together
 * with all that leads to a page. */
static void note_place(struct jit *j, struct jit_set *s, uint32_t page, uint64_t va)
{
    unsigned at = page * 0x9e3779b1u / (UINT32_MAX / JIT_PLACES + 1);
    for (unsigned i = 0; i < 16; i++) {
        struct jit_place *p = &s->place[(at + i) % JIT_PLACES];
        if (p->va && p->page != page)
            continue;
        bool moved = p->va && p->va != va;
        if (moved && still_at(j, p->va & PAGE_MASK_VA, page))
            break;
        if (moved)
            new_generation(s);
        s->places++;
        *p = (struct jit_place){.va = va, .page = page};
        return;
    }
    s->aliased = true;
    new_generation(s);
}

bool jit_may_cross(struct jit *j, uint64_t pc)
{
    return !current_set(j)->aliased && jit_jump_find(j, pc);
}

uint32_t jit_generation(struct jit *j)
{
    return current_set(j)->x->generation;
}

const struct jit_fetch *jit_fetch(struct jit *j, uint64_t pc)
{
    struct jit_set *s = current_set(j);
    uint64_t va = pc & PAGE_MASK_VA;
    struct jit_fetch *f = &s->fetch[(va >> MEM_PAGE_SHIFT) % JIT_FETCH];
    if (LIKELY(f->va == va))
        return f;
    struct a64_walk req = {.va = pc, .access = A64_ACCESS_FETCH, .el = j->cpu->el};
    struct a64_translation t;
    struct a64_fault fault;
    if (va != a64_untag(j->cpu, va, true, j->cpu->el) || !a64_translate(j->cpu, &req, &t, &fault))
        return NULL;
    const uint8_t *host = mem_ptr(j->it.mem, t.pa & PAGE_MASK_VA, MEM_PAGE_SIZE, MEM_READ);
    if (!host)
        return NULL;
    note_kind(j, s, va, &t);
    if (s == &j->kernel && !(va & UPPER))
        s->transient_code = true;
    s->has_fetch = true;
    *f = (struct jit_fetch){
        .va = va,
        .page = (uint32_t)((uint64_t)(host - j->it.mem->ram) >> MEM_PAGE_SHIFT),
        .guarded = t.guarded,
    };
    note_place(j, s, f->page, va | 1);
    return f;
}

static unsigned bloom_bit(uint64_t va)
{
    uint64_t page = va >> MEM_PAGE_SHIFT;
    /* 16 bits: programs execute thousands of pages. */
    return (unsigned)(page * UINT64_C(0x9e3779b97f4a7c15) >> 48);
}

const void *jit_jump_find(struct jit *j, uint64_t pc)
{
    const struct x64_set *x = current_set(j)->x;
    unsigned index = x64_jump_index(pc);
    DCHECK(current_set(j)->jump_turn == j->code.turn);
    if (x->jump[index].pc != pc)
        index ^= 1;
    return x->jump[index].pc == pc ? (const void *)(uintptr_t)x->jump[index].host : NULL;
}

void jit_jump_enter(struct jit *j, uint64_t pc, const void *host)
{
    struct jit_set *s = current_set(j);
    DCHECK(s->jump_mode == j->mode && s->jump_turn == j->code.turn);
    unsigned b = bloom_bit(pc), index = x64_jump_index(pc);
    struct x64_jump_entry *e = &s->x->jump[index];
    if (e->pc == X64_TLB_NONE) {
        remember(s->jumps, &s->jump_count, index);
    } else if (e->pc != pc) { /* what is there makes room */
        remember(s->jumps, &s->jump_count, index ^ 1);
        s->x->jump[index ^ 1] = *e;
    }
    *e = (struct x64_jump_entry){.pc = pc, .host = (uint64_t)(uintptr_t)host};
    s->jump_pages[b / 64] |= BIT(b % 64);
}

/* ---- TLBI ---- */

static void drop_jumps(struct jit_set *s, uint64_t va)
{
    unsigned b = bloom_bit(va), first = x64_jump_index(va) & ~(PAGE_WORDS - 1);
    if (!s->jump_count || !(s->jump_pages[b / 64] & BIT(b % 64)))
        return;
    if (!s->number && !(va & UPPER) && !s->transient_code) /* of a program: EL1 has nothing there */
        return;
    new_generation(s);
    for (unsigned i = 0; i < PAGE_WORDS; i++) {
        struct x64_jump_entry *e = &s->x->jump[first + i];
        if ((e->pc & PAGE_MASK_VA) == va)
            e->pc = X64_TLB_NONE;
    }
}

static void drop_pages(struct jit_set *s, uint64_t va, uint64_t bytes)
{
    if (bytes > FLUSH_PAGES * MEM_PAGE_SIZE || in_range(s, va, va + bytes - 1)) {
        clear_set(s);
        return;
    }
    for (uint64_t end = va + bytes; va != end; va += MEM_PAGE_SIZE) {
        for (unsigned store = 0; store < 2 && s->data_count; store++) {
            struct x64_tlb_entry *e = data_entry(s, set_index(va), store);
            if (e->tag == va)
                e->tag = X64_TLB_NONE;
            e = second_entry(s, set_index(va), store);
            if (e->tag == va)
                e->tag = X64_TLB_NONE;
        }
        struct jit_fetch *f = &s->fetch[(va >> MEM_PAGE_SHIFT) % JIT_FETCH];
        if (f->va == va)
            f->va = X64_TLB_NONE;
        drop_jumps(s, va);
    }
}

static void invalidate_va(struct jit *j, const struct a64_tlbi *op)
{
    uint64_t bytes = op->bytes ? op->bytes : MEM_PAGE_SIZE, va = op->va & PAGE_MASK_VA;
    drop_pages(&j->kernel, va, bytes);
    for (unsigned i = 0; i < JIT_SPACES; i++) {
        struct jit_set *s = &j->user[i];
        if (s->in_use && (op->scope == A64_TLBI_VA_ALL_ASID || s->has_global ||
                          s->space.asid == op->asid))
            drop_pages(s, va, bytes);
    }
}

static void invalidate_asid(struct jit *j, const struct a64_tlbi *op)
{
    if (j->kernel.has_private)
        clear_set(&j->kernel);
    else
        clear_transient(&j->kernel);
    for (unsigned i = 0; i < JIT_SPACES; i++) {
        if (j->user[i].in_use && j->user[i].space.asid == op->asid)
            clear_set(&j->user[i]);
    }
}

void jit_tlb_invalidate(struct jit *j, const struct a64_tlbi *op)
{
    j->changed = true;
    switch (op->scope) {
    case A64_TLBI_VA:
    case A64_TLBI_VA_ALL_ASID:
        invalidate_va(j, op);
        break;
    case A64_TLBI_ASID:
        invalidate_asid(j, op);
        break;
    case A64_TLBI_ALL:
        jit_tlb_flush(j);
        break;
    }
}

/* ---- Creation ---- */

static void init_set(struct jit_set *s, unsigned number, struct x64_set *x)
{
    s->number = number;
    s->x = x;
    x->generation = number + 2;
    s->jump_mode = UINT32_MAX;
    s->data_count = s->jump_count = JIT_FILLED + 1; /* never cleared yet */
    s->has_fetch = true;
}

int jit_tlb_create(struct jit *j, struct err *e)
{
    size_t bytes = (JIT_SPACES + 2) * sizeof(struct x64_set);
    struct x64_set *x = fault_point("jit_sets")
                            ? MAP_FAILED
                            : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (x == MAP_FAILED)
        return err_set(e, ENOMEM, "out of memory for the translation sets");
    uint64_t pages = j->it.mem->ram_bytes >> MEM_PAGE_SHIFT;
    j->stored = fault_point("jit_stored") ? NULL : calloc(pages, sizeof(*j->stored));
    if (!j->stored) {
        munmap(x, bytes);
        return err_set(e, ENOMEM, "out of memory for the page table of the translation sets");
    }
    j->empty = x;
    clear_tags(x, sizeof(*x) / sizeof(struct x64_tlb_entry));
    init_set(&j->kernel, 0, x + 1);
    j->kernel.in_use = true;
    clear_set(&j->kernel);
    for (unsigned i = 0; i < JIT_SPACES; i++)
        init_set(&j->user[i], i + 1, x + 2 + i);
    return 0;
}

void jit_tlb_destroy(struct jit *j)
{
    munmap(j->empty, (JIT_SPACES + 2) * sizeof(struct x64_set));
    free(j->stored);
}
