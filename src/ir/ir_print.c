/* A block as text, one line for each instruction that is not dropped:
 *
 *     12: i64 add.s %3, #0x10 ; guest 4
 *
 * %N is the value of instruction N; a constant is written in its place as well as where it is made.
 * ".s" marks one that defines NZCV. What the operation's row calls sub, sub2 and imm follows by
 * name where it is not 0; a condition by its A64 name. Uses are there once they have been counted.
 */
#include "ir/ir.h"

#include "base/bits.h"

#include <ctype.h>
#include <inttypes.h>

static const char *const type_name[] = {
    [IR_VOID] = "void",
    [IR_I32] = "i32",
    [IR_I64] = "i64",
    [IR_V128] = "v128",
};

static const char cond_name[16][3] = {
    "eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv",
};

static bool has_cond(unsigned op)
{
    return op == IR_CSEL || op == IR_CSET || op == IR_CCMP || op == IR_EXITC;
}

static void print_name(const struct ir_insn *i, FILE *to)
{
    const char *type = i->type < ARRAY_LEN(type_name) ? type_name[i->type] : "?";
    if (i->op >= IR_OP_COUNT) {
        fprintf(to, "%s operation-%u", type, i->op);
        return;
    }
    fprintf(to, "%s ", type);
    for (const char *p = ir_op_info[i->op].name; *p; p++)
        fputc(tolower((unsigned char)*p), to);
    if (i->setf)
        fputs(".s", to);
}

static void print_operands(const struct ir_block *b, const struct ir_insn *i, FILE *to)
{
    const ir_val operand[3] = {i->a, i->b, i->c};
    const char *before = " ";
    for (unsigned n = 0; n < 3; n++) {
        ir_val v = operand[n];
        uint64_t k;
        if (!v)
            continue;
        if (v < b->count && ir_is_const(b, v, &k))
            fprintf(to, "%s#0x%" PRIx64, before, k);
        else
            fprintf(to, "%s%%%u", before, v);
        before = ", ";
    }
}

static void print_selectors(const struct ir_insn *i, FILE *to)
{
    if (has_cond(i->op))
        fprintf(to, " %s", cond_name[i->sub & 15]);
    else if (i->sub)
        fprintf(to, " sub=%u", i->sub);
    if (i->sub2)
        fprintf(to, " sub2=%u", i->sub2);
    if (i->op == IR_CONST)
        fprintf(to, " #0x%" PRIx64, (uint64_t)i->imm);
    else if ((i->op == IR_GET || i->op == IR_PUT) && i->imm == IR_SP)
        fputs(" sp", to);
    else if (i->op == IR_GET || i->op == IR_PUT)
        fprintf(to, " x%" PRId64, i->imm);
    else if (i->op == IR_GETV || i->op == IR_PUTV)
        fprintf(to, " v%" PRId64, i->imm);
    else if (i->imm)
        fprintf(to, " imm=%s0x%" PRIx64, i->imm < 0 ? "-" : "",
                i->imm < 0 ? 0 - (uint64_t)i->imm : (uint64_t)i->imm);
}

void ir_print(const struct ir_block *b, FILE *to)
{
    for (unsigned v = 1; v < b->count; v++) {
        const struct ir_insn *i = &b->insn[v];
        if (i->op == IR_NONE)
            continue;
        fprintf(to, "%4u: ", v);
        print_name(i, to);
        print_operands(b, i, to);
        print_selectors(i, to);
        fprintf(to, " ; guest %u", i->guest);
        if (i->uses)
            fprintf(to, ", %u uses, last %u", i->uses, i->last);
        fputc('\n', to);
    }
    if (b->full)
        fputs("the block is full\n", to);
}
