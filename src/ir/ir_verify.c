/* Whether a block is what ir.h and the tables ops_*.def promise: for tests, the debug build and the
 * fuzzer; translated code of a block that is not would be wrong in ways that are hard to trace
 * back.
 *
 * The types of results and operands follow from the table's letters. Two things do not: an operand
 * "I" of an operation whose result is a vector may have either width, and an operation without a
 * result has the type of its operands "I".
 */
#include "ir/ir.h"

#include "base/bits.h"

#include <ctype.h>

/* What is being checked and where to say what is wrong. */
struct verifier {
    const struct ir_block *b;
    unsigned at;
    char *text;
    size_t size;
};

static bool wrong(const struct verifier *f, const char *what)
{
    unsigned op = f->b->insn[f->at].op;
    snprintf(f->text, f->size, "%u: %s: %s", f->at, op < IR_OP_COUNT ? ir_op_info[op].name : "?",
             what);
    return false;
}

static bool is_int(unsigned type)
{
    return type == IR_I32 || type == IR_I64;
}

/* Does `type` fit the letter of the table, in an operation of type `own`? */
static bool letter_fits(char letter, unsigned type, unsigned own)
{
    switch (letter) {
    case 'W': return type == IR_I32;
    case 'L': return type == IR_I64;
    case 'Q': return type == IR_V128;
    case 'I': return is_int(type) && (type == own || own == IR_V128);
    default: return false;
    }
}

static bool verify_operand(const struct verifier *f, unsigned n, ir_val v)
{
    static const char *const place[3] = {"operand a", "operand b", "operand c"};
    const struct ir_insn *i = &f->b->insn[f->at], *from = &f->b->insn[v < f->at ? v : 0];
    char letter = ir_op_info[i->op].operand[n], what[64];
    const char *problem;
    if (!v && (letter == '-' || islower((unsigned char)letter)))
        return true;
    if (letter == '-')
        problem = "it takes none";
    else if (!v)
        problem = "missing";
    else if (v >= f->at)
        problem = "made later";
    else if (ir_op_info[from->op].result == 'V')
        problem = "has no result";
    else if (!letter_fits((char)toupper((unsigned char)letter), from->type, i->type))
        problem = "wrong type";
    else
        return true;
    snprintf(what, sizeof(what), "%s, %%%u: %s", place[n], v, problem);
    return wrong(f, what);
}

/* The bounds of sub, sub2 and imm that the back end would index with. */
static bool selectors_fit(const struct ir_insn *i)
{
    unsigned width = i->type == IR_I32 ? 32 : 64;
    switch (i->op) {
    case IR_GET:
    case IR_PUT:
    case IR_GETV:
    case IR_PUTV:
        return i->imm >= 0 && i->imm < 32;
    case IR_CONST:
        return i->type == IR_I64 || (uint64_t)i->imm <= UINT32_MAX;
    case IR_CSEL:
    case IR_CSET:
    case IR_EXITC:
        return i->sub < 14;
    case IR_CCMP:
        return i->sub < 14 && i->imm >= 0 && i->imm < 16;
    case IR_SEXT:
    case IR_UEXT:
        return i->sub <= 2;
    case IR_EXTR:
        return i->imm > 0 && i->imm < (int64_t)width;
    case IR_BFI:
        return i->sub2 && i->sub + i->sub2 <= (int)width;
    case IR_LD:
    case IR_LDS:
    case IR_ST:
    case IR_LDP:
    case IR_RMW:
    case IR_CAS:
    case IR_LDX:
    case IR_STX:
    case IR_PUTS:
        return i->sub <= 3;
    case IR_GUARD:
        return i->sub <= 5 && i->sub2 < 16 && (int32_t)i->imm < (int32_t)(i->imm >> 32);
    case IR_LDV:
    case IR_STV:
    case IR_LDPV:
    case IR_STPV:
        return i->sub <= 4;
    case IR_PREFETCH:
        return i->sub <= 1 && i->sub2 <= 3;
    case IR_EXITB:
        return i->sub <= 1 && i->sub2 < width;
    case IR_VGET:
    case IR_VSET:
        return i->sub <= 3 && i->imm >= 0 && i->imm < 16 >> i->sub;
    default:
        return true;
    }
}

/* A member of a group has its address from a GUARD. */
static bool guard_fits(const struct ir_block *b, const struct ir_insn *i)
{
    if (!ir_can_group((enum ir_op)i->op, i->sub2) || !(i->sub2 & IR_ACC_HOST))
        return true;
    return b->insn[i->a].op == IR_GUARD;
}

/* A second result follows what makes both; CASP what keeps its operands. */
static bool pair_follows(const struct ir_block *b, unsigned at)
{
    unsigned op = b->insn[at].op, before = b->insn[at - 1].op;
    if (op == IR_PAIR)
        return (before == IR_LDP || before == IR_LDPS || before == IR_LDXP || before == IR_CASP) &&
               b->insn[at].type == b->insn[at - 1].type;
    if (op == IR_CASP)
        return before == IR_HOLD;
    return op != IR_PAIRV || before == IR_LDPV;
}

static bool verify_insn(const struct verifier *f)
{
    const struct ir_insn *i = &f->b->insn[f->at];
    if (i->op >= IR_OP_COUNT)
        return wrong(f, "no operation");
    const struct ir_op_info *info = &ir_op_info[i->op];
    if (i->op == IR_NONE)
        return i->a || i->b || i->c ? wrong(f, "a dropped instruction has operands") : true;
    if (info->result != 'V' && !letter_fits(info->result, i->type, i->type))
        return wrong(f, "wrong type of result");
    if (i->setf && !(info->traits & IR_S))
        return wrong(f, "cannot define NZCV");
    if (!i->setf && info->traits & IR_S && info->result == 'V')
        return wrong(f, "does nothing without setf");
    if (!verify_operand(f, 0, i->a) || !verify_operand(f, 1, i->b) || !verify_operand(f, 2, i->c))
        return false;
    if (i->op == IR_ZEXT && f->b->insn[i->a].op == IR_TRUNC)
        return wrong(f, "of a TRUNC, which leaves the upper half as it is");
    if (!selectors_fit(i))
        return wrong(f, "sub, sub2 or imm out of range");
    if (!guard_fits(f->b, i))
        return wrong(f, "has no guard");
    if (!pair_follows(f->b, f->at))
        return wrong(f, "not after the operation it belongs to");
    return true;
}

bool ir_verify(const struct ir_block *b, char *text, size_t size)
{
    struct verifier f = {b, 0, text, size};
    unsigned guest = 0;
    bool ended = false;
    if (b->full || b->count > IR_MAX_INSNS || b->count == 0) {
        snprintf(text, size, "the block is full");
        return false;
    }
    for (f.at = 1; f.at < b->count; f.at++) {
        const struct ir_insn *i = &b->insn[f.at];
        if (!verify_insn(&f))
            return false;
        if (i->op == IR_NONE)
            continue;
        if (ended)
            return wrong(&f, "after the end of the block");
        if (i->guest < guest || i->guest >= IR_MAX_GUEST)
            return wrong(&f, "guest instruction out of order");
        guest = i->guest;
        ended = ir_op_info[i->op].traits & IR_E;
    }
    if (!ended) {
        f.at = b->count - 1;
        return wrong(&f, "the block does not end with a control operation");
    }
    return true;
}
