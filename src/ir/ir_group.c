/* One look-up for several accesses: loads and stores near the same address.
 *
 * A look-up of guest memory costs several times what the access itself does, and programs access
 * the same page again and again: fields of a structure, a frame on the stack, a count that is read
 * and written. Accesses of a block at constant distances from one value, or one sum of a base and
 * an index, form a group. Before the first of them a GUARD looks up the page that all bytes of the
 * group are in and gives the host address that stands for that value; the members are then plain
 * host accesses (IR_ACC_HOST), which cannot leave the block and do not touch NZCV, so that fewer
 * guest registers have to be written before them.
 *
 * What the guard does to the guest is what the first access would do anyway: where its page has no
 * entry yet, that access alone is translated. So nothing is marked dirty and no fault is found that
 * the guest's program would not have caused. A group with stores needs the entry for stores,
 * though: one that begins with a load hopes that the page has been written already. Where that is
 * wrong, the group's bytes are in two pages, or its page may not be entered, the guard leaves to a
 * translation of the rest without groups. Where that happens often the caller forbids the group
 * (`alone`).
 *
 * Why an answer is good until the end of the block: translations change by maintenance operations
 * and context changes only, which end a block or are the interpreter's (trait B ends all groups
 * here); a page gets its first translated code, or is to be watched, between blocks only. With
 * several vCPUs maintenance by another is taken between blocks, too, or by an instruction of the
 * interpreter, after which the block is then left.
 */
#include "ir/ir.h"

#include "base/bits.h"
#include "base/check.h"

#include <string.h>

#define GROUP_BYTES 512  /* from the first to the last byte: more of them cross a page more often */
#define GROUPS_MAX 64u   /* of a block; what does not fit has its own look-up */
#define IMM_MAX (INT64_C(1) << 30)

struct group {
    ir_val root, index;
    uint8_t how;    /* IR_GUARD_*, and the shift of the index */
    uint16_t first; /* member */
    uint16_t count;
    int64_t lo, hi; /* bytes, from root and index; the end excluded */
};

/* An access as a candidate. */
struct access {
    ir_val root, index;
    uint8_t shift;
    bool store;
    int64_t lo, hi;
};

struct grouping {
    struct ir_block *b;
    struct group group[GROUPS_MAX];
    unsigned count, open; /* those before `open` take no more members */
};

bool ir_can_group(enum ir_op op, unsigned sub2)
{
    switch (op) {
    case IR_LD:
    case IR_LDS:
    case IR_LDV:
    case IR_ST:
    case IR_STV:
        return !(sub2 & (IR_ACC_UNPRIV | IR_ACC_ORDERED));
    case IR_LDP:
    case IR_LDPS:
    case IR_LDPV:
    case IR_STP:
    case IR_STPV:
        return true;
    default:
        return false;
    }
}

static bool is_pair(unsigned op)
{
    return op != IR_LD && op != IR_LDS && op != IR_LDV && op != IR_ST && op != IR_STV;
}

static bool is_store(unsigned op)
{
    return op == IR_ST || op == IR_STV || op == IR_STP || op == IR_STPV;
}

/* The value that v is a constant away from, and how far. */
static ir_val root_of(const struct ir_block *b, ir_val v, int64_t *offset)
{
    const struct ir_insn *i = &b->insn[v];
    uint64_t k;
    while ((i->op == IR_ADD || i->op == IR_SUB) && i->type == IR_I64 && ir_is_const(b, i->b, &k) &&
           (int64_t)k > -IMM_MAX && (int64_t)k < IMM_MAX) {
        *offset += i->op == IR_ADD ? (int64_t)k : -(int64_t)k;
        v = i->a;
        i = &b->insn[v];
    }
    return v;
}

static bool describe(const struct ir_block *b, const struct ir_insn *i, struct access *a)
{
    bool pair = is_pair(i->op);
    int64_t lo = i->imm, scaled = 0;
    *a = (struct access){.root = root_of(b, i->a, &lo), .store = is_store(i->op)};
    if (!pair && i->b) {
        a->index = root_of(b, i->b, &scaled);
        a->shift = i->sub2 & IR_ACC_SHIFT;
        lo += scaled * (1 << a->shift);
    }
    a->lo = lo;
    a->hi = lo + (1 << i->sub << pair);
    return lo > -IMM_MAX && a->hi < IMM_MAX;
}

/* The group that the access may join, or null. */
static struct group *find(struct grouping *g, const struct access *a)
{
    for (unsigned n = g->count; n-- > g->open;) {
        struct group *p = &g->group[n];
        if (p->root == a->root && p->index == a->index && (p->how & IR_ACC_SHIFT) == a->shift &&
            (a->hi > p->hi ? a->hi : p->hi) - (a->lo < p->lo ? a->lo : p->lo) <= GROUP_BYTES)
            return p;
    }
    return NULL;
}

static void place(struct grouping *g, unsigned at, uint64_t alone)
{
    struct ir_insn *i = &g->b->insn[at];
    struct access a;
    if (!describe(g->b, i, &a))
        return;
    struct group *p = find(g, &a);
    if (!p) {
        if (g->count == GROUPS_MAX || bit(alone, i->guest))
            return;
        p = &g->group[g->count++];
        *p = (struct group){a.root, a.index, (uint8_t)(a.shift | (a.store ? IR_GUARD_STORE : 0)),
                            (uint16_t)at, 0, a.lo, a.hi};
    }
    p->count++;
    p->how |= a.store ? IR_GUARD_WRITE : 0;
    p->lo = a.lo < p->lo ? a.lo : p->lo;
    p->hi = a.hi > p->hi ? a.hi : p->hi;
    i->uses = (uint16_t)(p - g->group + 1); /* counted again after the passes */
}

static void rewrite(struct grouping *g, unsigned at)
{
    struct ir_insn *i = &g->b->insn[at];
    const struct group *p = &g->group[i->uses - 1];
    struct ir_insn *guard = &g->b->insn[p->first - 1];
    struct access a;
    if (p->count < 2)
        return;
    CHECK(describe(g->b, i, &a));
    if (p->first == at) {
        CHECK(guard->op == IR_NONE);
        *guard = (struct ir_insn){
            .op = IR_GUARD,
            .type = IR_I64,
            .sub = (uint8_t)(i->sub + is_pair(i->op)),
            .sub2 = p->how,
            .guest = i->guest,
            .a = p->root,
            .b = p->index,
            .imm = (int64_t)((uint64_t)p->hi << 32 | (uint32_t)p->lo),
        };
    }
    i->a = (ir_val)(p->first - 1);
    i->b = is_pair(i->op) ? i->b : 0;
    i->imm = a.lo;
    i->sub2 = (uint8_t)((i->sub2 & ~IR_ACC_SHIFT) | IR_ACC_HOST);
}

void ir_group(struct ir_block *b, uint64_t alone)
{
    struct grouping g = {.b = b};
    for (unsigned at = 1; at < b->count; at++) {
        struct ir_insn *i = &b->insn[at];
        i->uses = 0;
        if (ir_op_info[i->op].traits & IR_B)
            g.open = g.count;
        else if (ir_can_group((enum ir_op)i->op, i->sub2))
            place(&g, at, alone);
    }
    for (unsigned at = 1; at < b->count && g.count; at++) {
        if (b->insn[at].uses)
            rewrite(&g, at);
    }
}
