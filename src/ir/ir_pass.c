/* The passes, all in one scan from the end of a block to its start, and the count of uses.
 *
 * Going backwards each instruction is met after everything that could need it, so that one scan
 * settles all three questions, and an operation found dead needs its operands no more, nor NZCV.
 * Where the block may be left (trait X) the guest's registers and NZCV must be as the architecture
 * says: there all of them are needed. The operations that are dropped become IR_NONE in place;
 * nothing moves.
 *
 * What an operation does to FPSR is not tracked: one that may write it has no trait P and stays.
 */
#include "ir/ir.h"

#include "base/bits.h"

/* What is needed after the instruction being looked at. */
struct needs {
    uint64_t value[IR_MAX_INSNS / 64]; /* a bit for each value */
    uint32_t gpr_gone, vec_gone;       /* guest registers written before anybody looks */
    bool nzcv;
    unsigned passes;
};

static void drop(struct ir_insn *i)
{
    *i = (struct ir_insn){.op = IR_NONE, .guest = i->guest};
}

static void need_value(struct needs *n, ir_val v)
{
    n->value[v / 64] |= BIT(v % 64);
}

/* A guest register is written: false if nobody can see that. */
static bool put_is_needed(struct needs *n, uint32_t *gone, unsigned r)
{
    if (*gone >> r & 1 && (n->passes & IR_PASS_PUTS))
        return false;
    *gone |= 1u << r;
    return true;
}

/* i defines NZCV: whether anybody reads that; it is defined afresh for what comes before. */
static bool nzcv_is_needed(struct needs *n)
{
    bool needed = n->nzcv || !(n->passes & IR_PASS_FLAGS);
    n->nzcv = false;
    return needed;
}

static bool insn_is_needed(struct needs *n, struct ir_insn *i, ir_val v, unsigned traits)
{
    switch (i->op) {
    case IR_PUT:
        return put_is_needed(n, &n->gpr_gone, (unsigned)i->imm);
    case IR_PUTV:
        return put_is_needed(n, &n->vec_gone, (unsigned)i->imm);
    case IR_GET:
        n->gpr_gone &= ~(1u << i->imm);
        break;
    case IR_GETV:
        n->vec_gone &= ~(1u << i->imm);
        break;
    default:
        break;
    }
    bool has_result = ir_op_info[i->op].result != 'V';
    if (i->setf && !nzcv_is_needed(n)) {
        if (has_result)
            i->setf = false;
        else if (traits & IR_P)
            return false;
    }
    if (!(traits & IR_P) || !(n->passes & IR_PASS_DEAD) || i->setf)
        return true;
    return has_result && (n->value[v / 64] & BIT(v % 64));
}

void ir_optimise(struct ir_block *b, unsigned passes)
{
    struct needs n = {.nzcv = true, .passes = passes};
    for (unsigned v = b->count; --v > 0;) {
        struct ir_insn *i = &b->insn[v];
        unsigned traits = ir_traits(i);
        if (traits & (IR_X | IR_B | IR_E)) {
            /* Left here, the block has not done what i does; i itself may define NZCV only. */
            n.gpr_gone = n.vec_gone = 0;
            n.nzcv = true;
        } else if (!insn_is_needed(&n, i, (ir_val)v, traits)) {
            drop(i);
            continue;
        }
        if (traits & IR_F)
            n.nzcv = true;
        need_value(&n, i->a);
        need_value(&n, i->b);
        need_value(&n, i->c);
    }
}

/* A use of v by the instruction at `at`; TRUNC and ZEXT share the place of their operand, which
 * therefore lives as long as they do. */
static void count_use(struct ir_block *b, ir_val v, unsigned at)
{
    while (v) {
        struct ir_insn *i = &b->insn[v];
        i->uses++;
        i->last = (uint16_t)at;
        v = i->op == IR_TRUNC || i->op == IR_ZEXT ? i->a : 0;
    }
}

void ir_count_uses(struct ir_block *b)
{
    for (unsigned v = 0; v < b->count; v++)
        b->insn[v].uses = b->insn[v].last = 0;
    for (unsigned v = 1; v < b->count; v++) {
        const struct ir_insn *i = &b->insn[v];
        count_use(b, i->a, v);
        count_use(b, i->b, v);
        count_use(b, i->c, v);
    }
}
