/* One block: from words of guest memory to code in the cache.
 *
 * lift (engine/lift) -> passes (ir/) -> lower (x64/). Each of these can find a block too long; it
 * is then made again with half of the instructions, down to one. What cannot be translated even so
 * is left to the interpreter, one instruction at a time, and counted. A block that does not fit in
 * what is left of its region of the cache is made again in the next one.
 */
#include "engine/jit/jit_int.h"

#include "base/log.h"

#include <x86intrin.h>

#define BLOCK_ALIGN 16u

/* In debug builds: is the IR what ir.h says? */
static __attribute__((unused)) bool ir_is_right(const struct ir_block *ir)
{
    char text[200] = "";
    bool ok = ir_verify(ir, text, sizeof(text));
    if (!ok)
        log_msg(LOG_ERROR, "jit: %s", text);
    return ok;
}

static unsigned passes(const struct engine_stress *knob)
{
    return (knob->noflags ? 0 : IR_PASS_FLAGS) | (knob->noputs ? 0 : IR_PASS_PUTS) |
           (knob->nodead ? 0 : IR_PASS_DEAD);
}

/* Writes `limit` instructions or fewer as code at code.p. False: too long. */
static bool write_code(struct jit *j, const uint32_t *words, uint32_t off, unsigned limit,
                       unsigned mode, uint64_t alone, uint32_t *marks, struct x64_buf *buf,
                       struct x64_buf *cold, struct x64_result *result)
{
    struct ir_block *ir = &j->ir;
    lift_block(ir, words, off, limit, mode, &j->cpu->features);
    if (ir->full)
        return false;
    const struct engine_stress *knob = &j->it.stress.knob;
    if (!(mode & LIFT_SINGLE) && !knob->nogroups)
        ir_group(ir, alone);
    ir_optimise(ir, passes(knob));
    DCHECK(ir_is_right(ir));
    ir_count_uses(ir);
    const struct x64_request req = {
        .block = ir,
        .layout = &j->layout,
        .host = &j->host,
        .count = j->count,
        .single = mode & LIFT_SINGLE,
        .smp = mode & LIFT_SMP,
        .no_chain = knob->nochain,
        .poll_all = knob->poll,
        .work = j->work,
        .cold = cold,
        .start = off,
        .marks = j->trace ? marks : NULL,
    };
    return x64_lower(&req, buf, result);
}

/* How many instructions a block at `off` takes at most: it ends where another begins, so that code
 * is not translated again and again from each place that is jumped to. */
static unsigned block_limit(const struct jit_page *p, uint32_t off)
{
    unsigned first = off / 4, next = first + 1, end = first + IR_MAX_GUEST;
    while (next < PAGE_WORDS && next < end && !bit(p->starts[next / 64], next % 64))
        next++;
    return next - first;
}

/* Which instructions of a block at `off` no group may begin with, a bit each. */
static uint64_t alone_from(const struct jit_page *p, uint32_t off)
{
    unsigned first = off / 4, word = first / 64, shift = first % 64;
    uint64_t mask = p->alone[word] >> shift;
    if (shift && word + 1 < ARRAY_LEN(p->alone))
        mask |= p->alone[word + 1] << (64 - shift);
    return mask;
}

/* The block whose code was written at code.p and code.cold. */
static struct jit_block *keep(struct jit *j, struct jit_page *p, const struct jit_traced *t,
                              unsigned mode)
{
    struct jit_code *c = &j->code;
    uint32_t off = t->pc % MEM_PAGE_SIZE;
    struct jit_block *b = jit_code_add(j, p, off, mode, 4 * j->ir.guest_count);
    if (!(mode & LIFT_SINGLE))
        p->starts[off / 256] |= BIT(off / 4 % 64);
    b->entry = (uint32_t)(c->p - c->write) + t->result->entry;
    j->stat.blocks++;
    j->stat.guest += j->ir.guest_count;
    j->stat.bytes += t->result->bytes;
    j->stat.cold += t->cold_bytes;
    if (UNLIKELY(j->trace != NULL)) {
        uint64_t start = __rdtsc();
        jit_trace_block(j, b, t);
        j->stat.ticks -= __rdtsc() - start;
    }
    c->cold += t->cold_bytes;
    c->p += (t->result->bytes + BLOCK_ALIGN - 1) & ~(BLOCK_ALIGN - 1);
    if (c->p > c->end)
        c->p = c->end;
    return b;
}

static bool is_full(const struct x64_buf *b)
{
    return b->end - b->p < X64_ROOM;
}

static struct jit_block *translate(struct jit *j, uint32_t page, uint64_t pc, unsigned mode)
{
    uint32_t off = pc % MEM_PAGE_SIZE, marks[IR_MAX_GUEST + 1];
    struct jit_code *c = &j->code;
    struct jit_page *p = jit_code_page(j, page);
    const uint32_t *words =
        (const uint32_t *)(const void *)(j->it.mem->ram + ((uint64_t)page << MEM_PAGE_SHIFT));
    unsigned limit = block_limit(p, off);
    while (limit) {
        struct x64_buf buf = {.p = c->p, .start = c->p, .end = c->end};
        struct x64_buf cold = {.p = c->cold, .start = c->cold, .end = c->cold_end};
        struct x64_result result = {0};
        if (write_code(j, words, off, limit, mode, alone_from(p, off), marks, &buf, &cold,
                       &result)) {
            const struct jit_traced made = {page, pc, &result, marks, c->cold,
                                            (uint32_t)(cold.p - c->cold)};
            return keep(j, p, &made, mode);
        }
        if ((is_full(&buf) || is_full(&cold)) && !jit_code_is_fresh(j)) {
            jit_code_evict(j);
            p = jit_code_page(j, page); /* it may have gone with the region */
        } else {
            limit /= 2;
        }
    }
    jit_code_page_unused(j, p);
    j->stat.too_big++;
    return NULL;
}

struct jit_block *jit_block_get(struct jit *j, uint32_t page, uint64_t pc, unsigned mode)
{
    struct jit_block *b = jit_code_find(j, page, pc % MEM_PAGE_SIZE, mode);
    if (LIKELY(b != NULL))
        return b;
    struct jit_code *c = &j->code;
    uint64_t start = __rdtsc();
    j->stat.misses++;
    if (j->it.stress.knob.code1 && c->last_page != page)
        jit_code_reset(j);
    else if (!jit_code_has_room(j))
        jit_code_evict(j);
    c->last_page = page;
    b = translate(j, page, pc, mode);
    j->stat.ticks += __rdtsc() - start;
    return b;
}
