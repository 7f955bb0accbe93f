/* engine/jit/jit_evict.c: a region of the code cache is emptied while code that knows it lives on.
 * Whatever still led there would come to INT3, or into the middle of another block. */
#include "jit_rig.h"

#define FILLERS (RIG_DATA + 0x400000)
#define FILLER_BYTES 128u
#define FILLER_COUNT 2048u

/* Two pages of code next to each other, whose blocks the tests make at different times. */
#define PAGE RIG_CODE
#define NEXT (RIG_CODE + 0x1000)

static struct jit *jit_data(struct rig *r)
{
    return r->cpu->engine;
}

static void place_fillers(struct rig *r)
{
    struct code c = {0};
    for (unsigned i = 0; i < FILLER_BYTES / 4 - 1; i++)
        I(&c, EOR_s, 1, 0, 2 + i % 7, i % 5, 10 + i % 6, 10 + i % 6);
    I(&c, RET, LR);
    for (unsigned n = 0; n < FILLER_COUNT; n++)
        rig_place(r, FILLERS + FILLER_BYTES * n, &c);
}

/* Few and small regions. */
static int set_up(void **state)
{
    struct rig *r = jit_rig_create(&(struct engine_config){.stress.evict = true});
    place_fillers(r);
    *state = r;
    return 0;
}

/* ... and blocks that do not count their instructions, so that one may begin with its branch. */
static int set_up_uncounted(void **state)
{
    struct rig *r = rig_create_engine(
        &jit_engine, &(struct engine_config){.stress.evict = true}, CLOCK_HOST, 64 << 20);
    place_fillers(r);
    *state = r;
    return 0;
}

/* ---- What must be true of the cache at any time ---- */

static bool is_entry(const struct jit_code *c, uint64_t host)
{
    uint32_t entry = (uint32_t)(host - (uint64_t)(uintptr_t)c->exec);
    uint32_t n = (entry - (uint32_t)(c->first - c->write)) / c->hot_bytes;
    assert_in_range(n, 0, c->regions - 1);
    for (uint32_t k = 0; k < c->region[n].blocks; k++)
        if (c->block[1 + n * c->block_max + k].entry == entry)
            return true;
    return false;
}

static void check_page(const struct jit_code *c, const struct jit_page *p)
{
    unsigned count = 0;
    uint64_t covered = 0;
    for (unsigned k = 0; k < JIT_BUCKETS; k++) {
        for (uint32_t n = p->bucket[k]; n; n = c->block[n].next) {
            const struct jit_block *b = &c->block[n];
            assert_ptr_equal(&c->page[b->page], p);
            assert_in_range((n - 1) % c->block_max, 0,
                            c->region[(n - 1) / c->block_max].blocks - 1);
            for (unsigned at = b->off; at < (unsigned)b->off + b->bytes; at += 4)
                covered |= BIT(at / 64);
            count++;
        }
    }
    assert_int_equal(count, p->blocks);
    assert_int_not_equal(count, 0);
    assert_int_equal(covered, p->covered);
}

static void check_links(const struct jit_code *c, uint32_t n)
{
    const struct jit_region *to = &c->region[n];
    uint32_t first = (uint32_t)(c->first - c->write), middle = (uint32_t)(c->middle - c->write);
    for (uint32_t k = to->links; k; k = c->link[k].next) {
        uint32_t site = c->link[k].site, undo = c->link[k].undo;
        const struct jit_region *from =
            &c->region[site < middle ? (site - first) / c->hot_bytes
                                     : (site - middle) / c->cold_bytes];
        assert_true(from->turn > to->turn);
        assert_true(undo < JIT_FIXED_BYTES || undo >= middle);
    }
}

static void check_cache(struct rig *r)
{
    struct jit *j = jit_data(r);
    const struct jit_code *c = &j->code;
    for (uint64_t page = 0; page < c->ram_pages; page++) {
        assert_int_equal(mem_code_test(&r->vm.mem, page), c->by_page[page] != 0);
        if (c->by_page[page])
            check_page(c, &c->page[c->by_page[page]]);
    }
    for (uint32_t n = 0; n < c->regions; n++)
        check_links(c, n);
    for (unsigned n = 0; n <= JIT_SPACES; n++) {
        const struct jit_set *s = n ? &j->user[n - 1] : &j->kernel;
        if (!s->in_use || s->jump_turn != c->turn)
            continue;
        for (unsigned i = 0; i < X64_JUMP_ENTRIES; i++)
            assert_true(s->x->jump[i].pc == X64_TLB_NONE || is_entry(c, s->x->jump[i].host));
    }
}

/* ---- Making it full ---- */

static void call_filler(struct rig *r)
{
    static unsigned next;
    uint64_t x0 = r->cpu->x[0];
    (void)rig_call(r, FILLERS + FILLER_BYTES * next);
    r->cpu->x[0] = x0;
    next = (next + 1) % FILLER_COUNT;
}

/* Translates fillers until `turns` more regions were begun. */
static void go_on(struct rig *r, unsigned turns)
{
    struct jit *j = jit_data(r);
    uint64_t turn = j->code.turn + turns;
    while (j->code.turn < turn)
        call_filler(r);
    assert_int_equal(j->code.turn, turn);
    check_cache(r);
}

/* ... until the next block begins another one. */
static void fill(struct rig *r)
{
    while (jit_code_has_room(jit_data(r)))
        call_filler(r);
}

static struct jit_block *block_at(struct rig *r, uint64_t pc)
{
    struct jit *j = jit_data(r);
    return jit_code_find(j, (uint32_t)((pc - RIG_RAM) >> MEM_PAGE_SHIFT), pc % MEM_PAGE_SIZE,
                         j->mode);
}

/* A function that returns `value`. */
static void place_value(struct rig *r, uint64_t at, unsigned value)
{
    struct code c = {0};
    I(&c, MOVZ, 1, 0, value, 0);
    I(&c, RET, LR);
    rig_place(r, at, &c);
}

/* How A gets to B. */
enum way { JUMP, CONDITIONAL, CALL, WAYS };

static void place_way(struct rig *r, uint64_t at, uint64_t to, enum way way)
{
    struct code c = {0};
    uint32_t words = (uint32_t)((to - at) / 4);
    mov(&c, 9, LR);
    if (way == JUMP) {
        I(&c, B, (words - here(&c)) & 0x3ffffff);
    } else if (way == CONDITIONAL) {
        I(&c, CBZ, 1, (words - here(&c)) & 0x7ffff, XZR);
    } else {
        I(&c, BL, (words - here(&c)) & 0x3ffffff);
        I(&c, RET, 9);
    }
    rig_place(r, at, &c);
}

/* Enough for branches between pages to be linked. */
static void call_often(struct rig *r, uint64_t at, unsigned value)
{
    for (unsigned n = 0; n < 60; n++)
        assert_int_equal(rig_call(r, at), value);
}

/* ---- Links ---- */

/* B is older than A and is evicted first; A goes on living. */
static void check_link(struct rig *r, uint64_t a, uint64_t b, enum way way)
{
    struct jit *j = jit_data(r);
    place_value(r, b, 100 + way);
    place_way(r, a, b, way);
    call_often(r, b, 100 + way);
    uint64_t born = j->code.turn;
    go_on(r, 1);
    call_often(r, a, 100 + way);
    uint64_t undone = j->code.undone, links = j->stat.links + j->stat.crosses;
    call_often(r, a, 100 + way);
    assert_int_equal(j->stat.links + j->stat.crosses, links); /* it is linked */
    go_on(r, (unsigned)(born + j->code.regions - j->code.turn));
    assert_null(block_at(r, b));
    assert_non_null(block_at(r, a));
    assert_true(j->code.undone > undone);
    call_often(r, a, 100 + way);
    assert_non_null(block_at(r, b));
    check_cache(r);
}

static void test_links_in_a_page_to_an_evicted_block_are_undone(void **state)
{
    for (enum way way = 0; way < WAYS; way++) {
        check_link(*state, PAGE + 0x100, PAGE + 0x800, way);
        check_link(*state, PAGE + 0xa00, PAGE + 0x400, way); /* backwards: looks for requests */
        go_on(*state, jit_data(*state)->code.regions);
    }
}

/* A link to another page that is made again and again, as the address space's generation changes,
 * is recorded once. */
static void test_links_between_pages_are_recorded_once(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    place_value(r, NEXT, 5);
    place_way(r, PAGE, NEXT, CALL);
    call_often(r, NEXT, 5);
    go_on(r, 1);
    call_often(r, PAGE, 5);
    uint64_t crosses = j->stat.crosses;
    for (unsigned n = 0; n < 20; n++) {
        const struct a64_tlbi op = {.scope = A64_TLBI_VA_ALL_ASID, .el = 1, .va = PAGE};
        r->v->engine->tlbi(r->v, &op);
        call_often(r, PAGE, 5);
    }
    assert_true(j->stat.crosses >= crosses + 20);
    assert_int_equal(j->code.cross_count, 1);
}

static void test_links_to_an_evicted_block_of_another_page_are_undone(void **state)
{
    for (enum way way = 0; way < WAYS; way++) {
        check_link(*state, PAGE + 0x100, NEXT + 0x100, way);
        check_link(*state, NEXT + 0x200, PAGE + 0x200, way);
        go_on(*state, jit_data(*state)->code.regions);
    }
}

/* A is the older one: it goes first, and with it the link; its place is another's by the time that
 * B goes. */
static void test_link_of_an_evicted_block_is_left_alone(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    const uint64_t a = PAGE + 0x100, b = PAGE + 0x800;
    struct code c = {0};
    I(&c, CBNZ, 1, (uint32_t)(b - a) / 4, 5);
    I(&c, MOVZ, 1, 0, 7, 0);
    I(&c, RET, LR);
    rig_place(r, a, &c);
    place_value(r, b, 8);
    r->cpu->x[5] = 0;
    call_often(r, a, 7);
    const struct jit_block *block = block_at(r, a);
    go_on(r, 1);
    r->cpu->x[5] = 1;
    uint64_t links = j->stat.links;
    call_often(r, a, 8);
    assert_int_equal(j->stat.links, links + 1);
    assert_ptr_equal(block_at(r, a), block);
    uint64_t undone = j->code.undone;
    go_on(r, 2 * j->code.regions);
    assert_int_equal(j->code.undone, undone);
    call_often(r, a, 8);
}

/* The branch asks for its target, and making that empties the region of the branch: where it was is
 * the middle of the target now. */
static void test_branch_that_goes_while_its_target_is_made_is_not_linked(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    const uint64_t a = PAGE + 0x100, b = PAGE + 0x800;
    struct code c = {0}, target = {0};
    I(&c, CBNZ, 1, (uint32_t)(b - a) / 4, 5);
    I(&c, RET, LR);
    rig_place(r, a, &c);
    uint64_t expected = 0;
    for (unsigned n = 0; n < 50; n++) {
        if (n & 1)
            I(&target, EOR_s, 1, 0, 2, 0, 0, 0);
        else
            I(&target, ADD_s, 1, 0, 1, 0, 0, 0);
        expected = n & 1 ? expected ^ 0x55 : expected + 0x1111;
    }
    I(&target, RET, LR);
    rig_place(r, b, &target);
    fill(r); /* A is the first block of a region, so B will be where it was */
    r->cpu->x[5] = 0;
    (void)rig_call(r, a);
    uint64_t born = j->code.turn;
    go_on(r, j->code.regions - 1);
    fill(r);
    assert_non_null(block_at(r, a));
    for (unsigned n = 0; n < 3; n++) {
        r->cpu->x[0] = 0;
        r->cpu->x[1] = 0x1111;
        r->cpu->x[2] = 0x55;
        r->cpu->x[5] = 1;
        assert_int_equal(rig_call(r, a), expected);
        assert_int_equal(j->code.turn, born + j->code.regions);
    }
}

static void store_word(struct rig *r, uint64_t to, uint32_t word)
{
    r->cpu->x[2] = to;
    r->cpu->x[3] = word;
    assert_true(EXEC(r, STR_i, 0, 0, 2, 3));
}

/* A block that is a jump was linked to an older one, then invalidated: what its entry was patched
 * with lies over the jump. Undoing the link wrote over that. */
static void test_undoing_leaves_stale_entries_alone(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    const uint64_t b = PAGE + 0x800, a = PAGE + 0x100, c = PAGE + 0x10;
    place_value(r, b, 1);
    place_value(r, b + 8, 2);
    rig_poke(r, a, 4, a64_encode_B((b - a) / 4));
    place_way(r, c, a, JUMP);
    (void)rig_call(r, b);
    uint64_t born = j->code.turn;
    go_on(r, 1);
    call_often(r, c, 1);
    /* A jumps elsewhere; C leads to A's stale entry. */
    store_word(r, a, a64_encode_B((b + 8 - a) / 4));
    call_often(r, c, 2);
    go_on(r, (unsigned)(born + j->code.regions - j->code.turn));
    assert_null(block_at(r, b));
    assert_non_null(block_at(r, c));
    call_often(r, c, 2);
}

/* The target was written to: who links to it goes by its stale entry, in an older region. */
static void test_links_to_a_stale_block_are_undone(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    const uint64_t a = PAGE + 0x100, b = PAGE + 0x800;
    place_value(r, b, 1);
    place_way(r, a, b, JUMP);
    call_often(r, b, 1);
    uint64_t born = j->code.turn;
    go_on(r, 1);
    call_often(r, a, 1);
    store_word(r, b, a64_encode_MOVZ(1, 0, 2, 0));
    call_often(r, a, 2);
    go_on(r, (unsigned)(born + j->code.regions - j->code.turn));
    assert_non_null(block_at(r, a));
    call_often(r, a, 2);
}

/* ---- Jump caches ---- */

static void test_jump_entries_of_the_set_in_use_are_dropped(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    struct code c = {0};
    mov(&c, 9, LR);
    I(&c, BLR, 5);
    I(&c, RET, 9);
    rig_place(r, PAGE, &c);
    for (unsigned n = 0; n < 300; n++) { /* more of them than are remembered one by one */
        place_value(r, RIG_DATA + 0x100000 + 64 * n, n);
    }
    for (unsigned count = 10; count <= 300; count += 290) {
        for (unsigned round = 0; round < 3; round++) {
            for (unsigned n = 0; n < count; n++) {
                r->cpu->x[5] = RIG_DATA + 0x100000 + 64 * n;
                assert_int_equal(rig_call(r, PAGE), n);
            }
            go_on(r, 1 + 3 * round);
        }
        go_on(r, j->code.regions);
    }
}

#define USER_PAGE (PTE_PAGE | PTE_USER | PTE_NG)

static uint64_t run_user(struct rig *r)
{
    r->cpu->el = 0;
    r->cpu->spsel = 0;
    r->cpu->x[5] = rig_page(1);
    r->cpu->pc = rig_page(0);
    r->v->engine->context_changed(r->v);
    assert_false(rig_run(r));
    assert_int_equal(rig_ec(r), EC_SVC64);
    return r->cpu->x[0];
}

/* EL0's set is not the one in use while EL1 makes code: it is looked at before EL0 goes on. */
static void test_jump_entries_of_other_sets_are_dropped_before_they_are_used(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    struct code c = {0};
    I(&c, BLR, 5);
    I(&c, SVC, 0);
    rig_place(r, PAGE, &c);
    place_value(r, NEXT, 5);
    rig_map(r, 0, PAGE | USER_PAGE | PTE_READ_ONLY);
    rig_map(r, 1, NEXT | USER_PAGE | PTE_READ_ONLY);
    for (unsigned turns = 1; turns < 2 * j->code.regions; turns++) {
        assert_int_equal(run_user(r), 5);
        assert_int_equal(run_user(r), 5);
        go_on(r, turns);
    }
}

/* EL1's, when EL0 made the code: SVC and ERET look there without anything between. */
static void test_jump_entries_beyond_an_exception_are_dropped_before_they_are_used(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    const unsigned calls = 700, rounds = 4;
    struct code c = {0}, vector = {0};
    I(&vector, ADD_i, 1, 0, 1, 20, 20);
    I(&vector, SUBS_i, 1, 0, rounds * 2, 20, XZR);
    unsigned last = I(&vector, B_cond, 0, COND_EQ);
    I(&vector, ERET);
    label(&vector, last);
    I(&vector, HVC, 0);
    rig_place(r, RIG_VECTORS + 0x400, &vector);
    unsigned again = here(&c);
    I(&c, SVC, 0);
    li(&c, 6, calls);
    li(&c, 5, rig_page(2));
    unsigned loop = here(&c);
    I(&c, BLR, 5);
    I(&c, ADD_i, 1, 0, FILLER_BYTES, 5, 5);
    I(&c, SUBS_i, 1, 0, 1, 6, 6);
    b_cond(&c, COND_NE, loop);
    I(&c, SVC, 0);
    b(&c, again);
    rig_place(r, PAGE, &c);
    rig_map(r, 0, PAGE | USER_PAGE | PTE_READ_ONLY);
    for (unsigned n = 0; n < calls * FILLER_BYTES / 4096 + 1; n++)
        rig_map(r, 2 + n, (FILLERS + 4096 * n) | USER_PAGE | PTE_READ_ONLY);
    r->cpu->el = 0;
    r->cpu->spsel = 0;
    r->cpu->x[20] = 0;
    r->cpu->pc = rig_page(0);
    r->v->engine->context_changed(r->v);
    assert_true(rig_run(r));
    assert_int_equal(r->cpu->x[20], rounds * 2);
    assert_true(j->code.evictions > rounds * j->code.regions);
    check_cache(r);
}

/* ---- The return stack ---- */

/* A calls a function that goes through more code than there is room for, by branches that are no
 * calls, so that the return stack stays what it is, and then returns: A is gone. */
static void test_returns_into_evicted_regions_find_their_way(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    const uint64_t first = RIG_DATA + 0x100000;
    const unsigned count = 2000;
    struct code c = {0};
    mov(&c, 9, LR);
    I(&c, BLR, 5);
    I(&c, ADD_i, 1, 0, 5, 0, 0);
    I(&c, RET, 9);
    rig_place(r, PAGE, &c);
    for (unsigned n = 0; n < count; n++) {
        c.n = 0;
        I(&c, ADD_i, 1, 0, 1, 0, 0);
        I(&c, ADD_i, 1, 0, 64, 5, 5);
        if (n + 1 < count)
            I(&c, BR, 5);
        else
            I(&c, RET, LR);
        rig_place(r, first + 64 * n, &c);
    }
    for (unsigned round = 0; round < 3; round++) {
        uint64_t evictions = j->code.evictions;
        r->cpu->x[0] = 0;
        r->cpu->x[5] = first;
        assert_int_equal(rig_call(r, PAGE), count + 5);
        assert_true(round == 0 || j->code.evictions >= evictions + j->code.regions);
        check_cache(r);
    }
}

/* ---- Pages ---- */

static void test_pages_without_translations_are_data(void **state)
{
    struct rig *r = *state;
    struct jit *j = jit_data(r);
    uint64_t index = (PAGE - RIG_RAM) >> MEM_PAGE_SHIFT;
    place_value(r, PAGE, 1);
    place_value(r, PAGE + 0x800, 2);
    (void)rig_call(r, PAGE);
    go_on(r, 2);
    (void)rig_call(r, PAGE + 0x800);
    go_on(r, j->code.regions - 2);
    assert_true(mem_code_test(&r->vm.mem, index));
    assert_false(jit_code_covers(j, (uint32_t)index, 0, 4));
    assert_true(jit_code_covers(j, (uint32_t)index, 0x800, 4));
    go_on(r, 2);
    assert_false(mem_code_test(&r->vm.mem, index));
    /* A page that nothing could be translated from. */
    jit_code_page_unused(j, jit_code_page(j, (uint32_t)index));
    assert_false(mem_code_test(&r->vm.mem, index));
    check_cache(r);
    store_word(r, PAGE, a64_encode_MOVZ(1, 0, 3, 0));
    assert_int_equal(rig_call(r, PAGE), 3);
}

/* ---- Sizes ---- */

/* Blocks as long as they get, of instructions that take much host code: each must find room. */
static void test_long_blocks_fit(void **state)
{
    (void)state;
    for (unsigned small = 0; small < 2; small++) {
        struct rig *r = jit_rig_create(
            &(struct engine_config){.code_cache = ENGINE_CODE_MIN, .stress.evict = small});
        struct code c = {0};
        for (unsigned i = 0; i < 1023; i++) {
            if (i & 1)
                I(&c, LDP_off, 1, i % 4, 10 + i % 4, 2, 3 + i % 6);
            else
                I(&c, FDIV_f, 1, i % 32, i % 29, i % 27);
        }
        I(&c, RET, LR);
        for (unsigned page = 0; page < 64; page++)
            rig_place(r, RIG_DATA + 0x100000 + 4096 * page, &c);
        for (unsigned n = 0; n < 128; n++) {
            r->cpu->x[2] = RIG_DATA;
            (void)rig_call(r, RIG_DATA + 0x100000 + 4096 * (n % 64) + (n / 64 ? 4 : 0));
        }
        assert_int_equal(jit(r)->stat.too_big, 0);
        assert_true(jit(r)->code.evictions > 1);
        check_cache(r);
        rig_destroy(r);
    }
}

/* ---- IC, and writes by others ---- */

static void test_ic_iallu_forgets_nothing_and_new_code_runs(void **state)
{
    (void)state;
    struct rig *r = jit_rig_create(&(struct engine_config){.code_cache = ENGINE_CODE_MIN});
    struct code c = {0};
    mov(&c, 9, LR);
    li(&c, 1, 500);
    li(&c, 2, NEXT);
    li(&c, 3, a64_encode_MOVZ(1, 0, 0, 0));
    li(&c, 10, 0);
    unsigned loop = here(&c);
    I(&c, ADD_i, 1, 0, 32, 3, 3); /* the next immediate */
    I(&c, STR_i, 0, 0, 2, 3);
    emit(&c, word_sys(SYS_IC_IALLU, XZR));
    I(&c, ISB, 15);
    I(&c, BLR, 2);
    I(&c, ADD_s, 1, 0, 0, 0, 10, 10);
    I(&c, SUBS_i, 1, 0, 1, 1, 1);
    b_cond(&c, COND_NE, loop);
    mov(&c, 0, 10);
    I(&c, RET, 9);
    rig_place(r, PAGE, &c);
    place_value(r, NEXT, 0);
    place_fillers(r);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t resets = jit(r)->code.resets, blocks = jit(r)->stat.blocks;
        assert_int_equal(rig_call(r, PAGE), 500 * 501 / 2);
        assert_int_equal(jit(r)->code.resets, resets);
        /* What was written over, and nothing else: run() may begin in the middle of a block. */
        assert_in_range(jit(r)->stat.blocks - blocks, 500, 520);
        go_on(r, 1);
        place_value(r, NEXT, 0);
    }
    rig_destroy(r);
}

/* However many pages others wrote to, they and only they are translated again. */
static void test_writes_by_others_invalidate_what_was_written(void **state)
{
    (void)state;
    struct rig *r = jit_rig_create(&(struct engine_config){0});
    const uint64_t first = RIG_DATA + 0x100000;
    for (unsigned n = 0; n < 300; n++)
        place_value(r, first + 4096 * n, n);
    for (unsigned n = 0; n < 300; n++)
        assert_int_equal(rig_call(r, first + 4096 * n), n);
    uint64_t resets = jit(r)->code.resets, blocks = jit(r)->stat.blocks;
    for (unsigned n = 0; n < 300; n += 2)
        place_value(r, first + 4096 * n, n + 1000);
    for (unsigned n = 0; n < 300; n++)
        assert_int_equal(rig_call(r, first + 4096 * n), n % 2 ? n : n + 1000);
    assert_int_equal(jit(r)->code.resets, resets);
    assert_int_equal(jit(r)->stat.blocks - blocks, 150);
    check_cache(r);
    rig_destroy(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, jit_rig_tear_down)
#define UNCOUNTED(name) cmocka_unit_test_setup_teardown(name, set_up_uncounted, jit_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_links_in_a_page_to_an_evicted_block_are_undone),
        TEST(test_links_to_an_evicted_block_of_another_page_are_undone),
        TEST(test_links_between_pages_are_recorded_once),
        TEST(test_link_of_an_evicted_block_is_left_alone),
        UNCOUNTED(test_branch_that_goes_while_its_target_is_made_is_not_linked),
        UNCOUNTED(test_undoing_leaves_stale_entries_alone),
        TEST(test_links_to_a_stale_block_are_undone),
        TEST(test_jump_entries_of_the_set_in_use_are_dropped),
        TEST(test_jump_entries_of_other_sets_are_dropped_before_they_are_used),
        UNCOUNTED(test_jump_entries_beyond_an_exception_are_dropped_before_they_are_used),
        TEST(test_returns_into_evicted_regions_find_their_way),
        TEST(test_pages_without_translations_are_data),
        cmocka_unit_test(test_long_blocks_fit),
        cmocka_unit_test(test_ic_iallu_forgets_nothing_and_new_code_runs),
        cmocka_unit_test(test_writes_by_others_invalidate_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
