/* Building integer operations: constants fold, neutral elements vanish, a constant operand is put
 * second, a subtraction of a constant becomes an addition.
 *
 * One rule is not obvious: (x + c1) + c2 becomes x + (c1 + c2) only where that keeps no value alive
 * that would be dead otherwise. x has a register for free while it is what a guest register holds,
 * and within one guest instruction; elsewhere the shorter chain would cost a register and a move.
 * That the address of the code plus a constant is the address of another place is always a gain.
 */
#include "ir/ir.h"

#include "base/bits.h"

static unsigned width_of(enum ir_type t)
{
    return t == IR_I32 ? 32 : 64;
}

/* ---- Constants ---- */

static uint64_t fold_umulh(uint64_t x, uint64_t y)
{
    return (uint64_t)((unsigned __int128)x * y >> 64);
}

static uint64_t fold_smulh(uint64_t x, uint64_t y)
{
    return (uint64_t)((__int128)(int64_t)x * (int64_t)y >> 64);
}

/* x and y sign-extended to 64 bits. */
static uint64_t fold_sdiv(int64_t x, int64_t y)
{
    if (y == 0)
        return 0;
    return y == -1 ? 0 - (uint64_t)x : (uint64_t)(x / y);
}

/* x and y are zero-extended from the width w; the result may have bits above it. False: not an
 * operation that folds. */
static bool fold_bin(enum ir_op op, unsigned w, uint64_t x, uint64_t y, uint64_t *out)
{
    unsigned shift = (unsigned)y & (w - 1);
    int64_t sx = sign_extend(x, w);
    switch (op) {
    case IR_ADD: *out = x + y; return true;
    case IR_SUB: *out = x - y; return true;
    case IR_AND: *out = x & y; return true;
    case IR_ANDN: *out = x & ~y; return true;
    case IR_OR: *out = x | y; return true;
    case IR_XOR: *out = x ^ y; return true;
    case IR_SHL: *out = x << shift; return true;
    case IR_SHR: *out = x >> shift; return true;
    case IR_SAR: *out = (uint64_t)(sx >> shift); return true;
    case IR_ROR: *out = ror_bits(x, w, shift); return true;
    case IR_MUL: *out = x * y; return true;
    case IR_UMULH: *out = fold_umulh(x, y); return true;
    case IR_SMULH: *out = fold_smulh(x, y); return true;
    case IR_UDIV: *out = y ? x / y : 0; return true;
    case IR_SDIV: *out = fold_sdiv(sx, sign_extend(y, w)); return true;
    default: return false;
    }
}

static uint64_t reverse_bits(uint64_t x)
{
    x = (x >> 1 & UINT64_C(0x5555555555555555)) | (x & UINT64_C(0x5555555555555555)) << 1;
    x = (x >> 2 & UINT64_C(0x3333333333333333)) | (x & UINT64_C(0x3333333333333333)) << 2;
    x = (x >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
    return __builtin_bswap64(x);
}

static bool fold_un(enum ir_op op, unsigned w, uint64_t x, uint64_t *out)
{
    switch (op) {
    case IR_NOT: *out = ~x; return true;
    case IR_NEG: *out = 0 - x; return true;
    case IR_CLZ: *out = x ? (uint64_t)__builtin_clzll(x) - (64 - w) : w; return true;
    case IR_RBIT: *out = reverse_bits(x) >> (64 - w); return true;
    case IR_BSWAP: *out = __builtin_bswap64(x) >> (64 - w); return true;
    case IR_REV16:
        *out = (x >> 8 & UINT64_C(0x00ff00ff00ff00ff)) | (x & UINT64_C(0x00ff00ff00ff00ff)) << 8;
        return true;
    default: return false;
    }
}

/* ---- One constant operand ---- */

static bool is_commutative(enum ir_op op)
{
    return op == IR_ADD || op == IR_AND || op == IR_OR || op == IR_XOR || op == IR_MUL ||
           op == IR_UMULH || op == IR_SMULH;
}

/* v is in a guest register now, or will be gone with the guest instruction anyway. */
static bool costs_no_register(const struct ir_block *b, ir_val v, ir_val user)
{
    const struct ir_insn *i = &b->insn[v];
    return (i->op == IR_GET && b->gpr[i->imm] == v) || b->insn[user].guest == b->guest;
}

static ir_val emit_bini(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x, uint64_t y)
{
    ir_val k = ir_const(b, t, y);
    return ir_emit(b, op, t, 0, x, k, 0, 0);
}

static ir_val add_const(struct ir_block *b, enum ir_type t, ir_val x, uint64_t y)
{
    uint64_t inner;
    if (t == IR_I32)
        y = (uint32_t)y;
    if (!y)
        return x;
    const struct ir_insn *i = &b->insn[x];
    if (i->op == IR_PC)
        return ir_emit(b, IR_PC, IR_I64, 0, 0, 0, 0, (int64_t)((uint64_t)i->imm + y));
    if (i->op == IR_ADD && i->type == t && ir_is_const(b, i->b, &inner) &&
        costs_no_register(b, i->a, x))
        return add_const(b, t, i->a, inner + y);
    return emit_bini(b, IR_ADD, t, x, y);
}

static ir_val mul_const(struct ir_block *b, enum ir_type t, ir_val x, uint64_t y)
{
    if (y == 0)
        return ir_const(b, t, 0);
    if (y == 1)
        return x;
    if ((y & (y - 1)) == 0)
        return emit_bini(b, IR_SHL, t, x, (uint64_t)__builtin_ctzll(y));
    return emit_bini(b, IR_MUL, t, x, y);
}

/* x is no constant; y is one, within the width. */
static ir_val bin_const(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x, uint64_t y)
{
    uint64_t ones = MASK(width_of(t));
    switch (op) {
    case IR_ADD:
        return add_const(b, t, x, y);
    case IR_SUB:
        return add_const(b, t, x, 0 - y);
    case IR_ANDN:
        return bin_const(b, IR_AND, t, x, ~y & ones);
    case IR_AND:
        if (y == ones)
            return x;
        return y ? emit_bini(b, op, t, x, y) : ir_const(b, t, 0);
    case IR_OR:
        if (y == ones)
            return ir_const(b, t, ones);
        return y ? emit_bini(b, op, t, x, y) : x;
    case IR_XOR:
        if (y == ones)
            return ir_un(b, IR_NOT, t, x);
        return y ? emit_bini(b, op, t, x, y) : x;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROR:
        y &= width_of(t) - 1;
        return y ? emit_bini(b, op, t, x, y) : x;
    case IR_MUL:
        return mul_const(b, t, x, y);
    case IR_UDIV:
    case IR_SDIV:
        if (y <= 1)
            return y ? x : ir_const(b, t, 0);
        return emit_bini(b, op, t, x, y);
    default:
        return emit_bini(b, op, t, x, y);
    }
}

/* The first operand is 0, the second no constant, and the operation is not commutative. */
static ir_val bin_of_zero(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val zero, ir_val y)
{
    switch (op) {
    case IR_SUB:
        return ir_un(b, IR_NEG, t, y);
    case IR_ANDN:
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROR:
    case IR_UDIV:
    case IR_SDIV:
        return zero;
    default:
        return ir_emit(b, op, t, 0, zero, y, 0, 0);
    }
}

/* ---- Building ---- */

ir_val ir_bin(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x, ir_val y)
{
    uint64_t kx, ky, result;
    bool x_const = ir_is_const(b, x, &kx), y_const = ir_is_const(b, y, &ky);
    if (x_const && y_const && fold_bin(op, width_of(t), kx, ky, &result))
        return ir_const(b, t, result);
    if (y_const)
        return bin_const(b, op, t, x, ky);
    if (x_const && is_commutative(op))
        return bin_const(b, op, t, y, kx);
    if (x_const && kx == 0)
        return bin_of_zero(b, op, t, x, y);
    if (x == y) {
        if (op == IR_AND || op == IR_OR)
            return x;
        if (op == IR_SUB || op == IR_XOR || op == IR_ANDN)
            return ir_const(b, t, 0);
    }
    return ir_emit(b, op, t, 0, x, y, 0, 0);
}

ir_val ir_bini(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x, uint64_t y)
{
    uint64_t kx, result;
    y &= MASK(width_of(t));
    if (!ir_is_const(b, x, &kx))
        return bin_const(b, op, t, x, y);
    if (fold_bin(op, width_of(t), kx, y, &result))
        return ir_const(b, t, result);
    return emit_bini(b, op, t, x, y);
}

ir_val ir_bin_setf(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x, ir_val y)
{
    uint64_t k;
    if ((op == IR_ADD || op == IR_AND) && ir_is_const(b, x, &k) && !ir_is_const(b, y, &k)) {
        ir_val swap = x;
        x = y;
        y = swap;
    }
    ir_val v = ir_emit(b, op, t, 0, x, y, 0, 0);
    b->insn[v].setf = true;
    return v;
}

ir_val ir_un(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x)
{
    uint64_t k, result;
    if (op == IR_TRUNC)
        return ir_trunc(b, x);
    if (op == IR_ZEXT)
        return ir_zext(b, x);
    if (ir_is_const(b, x, &k) && fold_un(op, width_of(t), k, &result))
        return ir_const(b, t, result);
    return ir_emit(b, op, t, 0, x, 0, 0, 0);
}

/* How many low bits of v can be other than 0. */
static unsigned known_width(const struct ir_block *b, ir_val v)
{
    const struct ir_insn *i = &b->insn[v];
    unsigned w = width_of((enum ir_type)i->type), n = w;
    uint64_t k;
    switch (i->op) {
    case IR_UEXT:
    case IR_LD:
    case IR_GETS:
        n = 8u << i->sub;
        break;
    case IR_VGET:
        if (!i->sub2)
            n = 8u << i->sub;
        break;
    case IR_CSET:
        n = 1;
        break;
    case IR_ZEXT:
    case IR_TRUNC:
        n = known_width(b, i->a);
        break;
    case IR_AND:
        if (ir_is_const(b, i->b, &k))
            n = k ? 64 - (unsigned)__builtin_clzll(k) : 0;
        break;
    case IR_SHR:
        if (ir_is_const(b, i->b, &k))
            n = w - ((unsigned)k & (w - 1));
        break;
    default:
        break;
    }
    return n < w ? n : w;
}

ir_val ir_ext(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned sub, ir_val x)
{
    unsigned n = 8u << sub;
    uint64_t k;
    if (ir_is_const(b, x, &k))
        return ir_const(b, t, op == IR_SEXT ? (uint64_t)sign_extend(k, n) : k & MASK(n));
    if (n >= width_of(t) || known_width(b, x) <= (op == IR_SEXT ? n - 1 : n))
        return x;
    return ir_emit(b, op, t, sub, x, 0, 0, 0);
}

ir_val ir_csel(struct ir_block *b, enum ir_type t, unsigned cond, ir_val x, ir_val y)
{
    uint64_t kx, ky;
    if (x == y)
        return x;
    if (ir_is_const(b, x, &kx) && ir_is_const(b, y, &ky)) {
        if (kx == ky)
            return x;
        if (kx <= 1 && ky <= 1) /* the other sense of a condition is its neighbour */
            return ir_emit(b, IR_CSET, t, kx ? cond : cond ^ 1, 0, 0, 0, 0);
    }
    return ir_emit(b, IR_CSEL, t, cond, x, y, 0, 0);
}
