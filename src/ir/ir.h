/* The typed intermediate representation that A64 is lifted to and host code is made from.
 *
 * A block is one superblock: straight-line code with side exits, in static single assignment form.
 * A value is named by the index of the instruction that makes it; index 0 is no value. Guest
 * registers are read by GET/GETV and written by PUT/PUTV in program order, so that at each
 * instruction that can leave the block (traits X and B of the tables) the guest's state is exact
 * without any recipe. NZCV is one implicit register: operations with the `setf` mark define it,
 * those with trait F read it.
 *
 * Types are 32- and 64-bit integers and 128-bit vectors; a scalar floating-point value is a vector
 * whose upper part is zero where the guest's register is. An I32 value is held zero-extended,
 * except that TRUNC only reinterprets its operand.
 *
 * The tables ops_*.def say what each operation is; this folder knows nothing of A64 or the host.
 * Memory of a block is the caller's and is reused; nothing here allocates. All functions: @any, on
 * a block that nobody else uses.
 */
#ifndef IR_IR_H
#define IR_IR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum ir_type { IR_VOID, IR_I32, IR_I64, IR_V128 };

enum ir_op {
    IR_NONE,
#define OP(name, result, a, b, c, traits, text) IR_##name,
#include "ir/ops_int.def"
#include "ir/ops_vint.def"
#include "ir/ops_vfp.def"
#include "ir/ops_vperm.def"
#undef OP
    IR_OP_COUNT
};

/* Traits of an operation. */
#define IR_P 1u   /* pure: may go when nobody uses the result or the NZCV; not what writes FPSR */
#define IR_F 2u   /* reads NZCV */
#define IR_S 4u   /* may define NZCV: when insn.setf is set */
#define IR_X 8u   /* may leave the block here: guest state must be exact */
#define IR_B 16u  /* barrier: guest registers may change */
#define IR_E 32u  /* ends the block */

struct ir_op_info {
    const char *name;
    char result;      /* V none, I as insn.type, W I32, L I64, Q V128 */
    char operand[3];  /* - none, I, W, L, Q; lower case: may be absent */
    uint8_t traits;
    const char *text; /* what `sub`, `sub2` and `imm` mean, and what it does */
};

extern const struct ir_op_info ir_op_info[IR_OP_COUNT];

typedef uint16_t ir_val;

/* sub2 of loads and stores: the shift of the index in bits 1:0, and how the access is made. */
#define IR_ACC_SHIFT 3u
#define IR_ACC_UNPRIV 4u  /* LDTR, STTR: as EL0 */
#define IR_ACC_HOST 16u   /* a is what a GUARD gave; not of the other ways */
#define IR_ACC_ORDERED 8u /* load-acquire, store-release: an unaligned one is left to the
                           * interpreter; the store is sequentially consistent */
/* sub2 of GUARD: the shift of the index in bits 1:0 */
#define IR_GUARD_STORE 4u /* the first access is a store */
#define IR_GUARD_WRITE 8u /* there are stores */
/* sub2 of RMW */
enum ir_rmw {
    IR_RMW_ADD, IR_RMW_CLR, IR_RMW_EOR, IR_RMW_SET, IR_RMW_SMAX, IR_RMW_SMIN, IR_RMW_UMAX,
    IR_RMW_UMIN, IR_RMW_SWP,
};

struct ir_insn {
    uint16_t op;    /* enum ir_op */
    uint8_t type;   /* of the result; of the operands where there is no result */
    uint8_t sub;    /* by operation: condition, log2 of a size, element size, ... */
    uint8_t sub2;
    bool setf;      /* defines NZCV */
    uint16_t guest; /* index of the guest instruction in the block */
    ir_val a, b, c;
    uint16_t uses;  /* filled by ir_count_uses */
    uint16_t last;  /* index of the last instruction that uses it */
    int64_t imm;
};

#define IR_MAX_INSNS 4096u
#define IR_MAX_GUEST 64u
#define IR_GPRS 32u /* 0..30, and 31 = the current stack pointer */
#define IR_SP 31u
#define IR_VECS 32u

struct ir_block {
    struct ir_insn insn[IR_MAX_INSNS];
    unsigned count;
    unsigned guest;        /* guest instruction being lifted */
    unsigned guest_count;
    bool full;             /* too many instructions: the block is useless */
    /* While building: the value that each guest register has now, 0 = unknown. */
    ir_val gpr[IR_GPRS], vec[IR_VECS];
    /* The last instructions of some kinds, to find a constant again. */
    ir_val constant[16];
};

/* Traits of an instruction: a member of a group cannot leave. */
static inline unsigned ir_traits(const struct ir_insn *i)
{
    unsigned traits = ir_op_info[i->op].traits;
    bool host = i->op >= IR_LD && i->op <= IR_STPV && i->sub2 & IR_ACC_HOST;
    return host ? traits & ~IR_X : traits;
}

void ir_begin(struct ir_block *b);

/* Both selectors of an operation in the `sub` argument of ir_emit and ir_vec. */
#define IR_SUB(sub, sub2) ((unsigned)(sub) | (unsigned)(sub2) << 8)

/* Appends as it is, without folding; `sub` may hold sub2 as well, see IR_SUB. Operations that have
 * no result but NZCV (CCMP, FCMP) get the setf mark. Returns its index. Sets b->full and returns 0
 * when there is no room; every function below takes such a 0 and goes on, for nothing. */
ir_val ir_emit(struct ir_block *b, enum ir_op op, enum ir_type type, unsigned sub, ir_val a,
               ir_val x, ir_val c, int64_t imm);

/* ---- Building: integers. `t` is IR_I32 or IR_I64. Constants fold. ---- */

ir_val ir_const(struct ir_block *b, enum ir_type t, uint64_t value);
bool ir_is_const(const struct ir_block *b, ir_val v, uint64_t *value);
/* Guest register r (31 = SP) as I64, or its low half. */
ir_val ir_get(struct ir_block *b, unsigned r, enum ir_type t);
/* Writes a guest register; an I32 value is zero-extended. */
void ir_put(struct ir_block *b, unsigned r, ir_val v);
ir_val ir_trunc(struct ir_block *b, ir_val v); /* I64 -> I32; an I32 as it is */
ir_val ir_zext(struct ir_block *b, ir_val v);  /* I32 -> I64; an I64 as it is */
/* Two operands of type t; folds constants and neutral elements. Not for operations with setf. */
ir_val ir_bin(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x, ir_val y);
/* The same, and defines NZCV. */
ir_val ir_bin_setf(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x, ir_val y);
ir_val ir_bini(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x, uint64_t y);
ir_val ir_un(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val x);
/* op = IR_SEXT or IR_UEXT of the low 1 << sub bytes; nothing where x is known to be so already. */
ir_val ir_ext(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned sub, ir_val x);
/* cond ? x : y, cond 0..13; becomes CSET for 1 and 0. */
ir_val ir_csel(struct ir_block *b, enum ir_type t, unsigned cond, ir_val x, ir_val y);

/* ---- Building: vectors ---- */

ir_val ir_getv(struct ir_block *b, unsigned r);
void ir_putv(struct ir_block *b, unsigned r, ir_val v);
/* An operation on vectors; sub and sub2 as its row says; absent operands 0. */
ir_val ir_vec(struct ir_block *b, enum ir_op op, unsigned sub, ir_val x, ir_val y, ir_val z,
              int64_t imm);

static inline enum ir_type ir_type_of(const struct ir_block *b, ir_val v)
{
    return (enum ir_type)b->insn[v].type;
}

/* ---- Passes: each may be left out; bits of `passes` in ir_optimise ---- */

#define IR_PASS_FLAGS 1u /* NZCV that nobody reads before it is defined again is not defined */
#define IR_PASS_PUTS 2u  /* a guest register written again before anybody could look */
#define IR_PASS_DEAD 4u  /* pure operations without a use */
#define IR_PASS_ALL 7u

/* Bit n of `alone`: no group begins with guest instruction n. Before ir_optimise(). */
void ir_group(struct ir_block *b, uint64_t alone);
/* May an access of this kind be a member of a group? */
bool ir_can_group(enum ir_op op, unsigned sub2);

void ir_optimise(struct ir_block *b, unsigned passes);
/* Fills uses and last; the back end needs it, after the passes. */
void ir_count_uses(struct ir_block *b);

/* ---- Looking at it ---- */

/* Checks types, order and operand counts. False: `text` gets what is wrong, with the index. */
bool ir_verify(const struct ir_block *b, char *text, size_t size);
void ir_print(const struct ir_block *b, FILE *to);

#endif
