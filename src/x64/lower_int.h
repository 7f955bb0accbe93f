/* Inside of the back end: what the lowering functions of operations share.
 *
 * One pass over the block, in order; each value lives in a host register, in the home of a guest
 * register, in guest state memory, in a spill slot, or is a constant. Allocation:
 *
 *   RAX RCX            scratch: any lowering may use them, nothing lives there between operations
 *   RDX RSI RDI        values
 *   RBX R8-R13 R15     homes of the hottest guest registers (lo_home), in all blocks alike
 *   XMM0 XMM1 XMM2     scratch
 *   XMM3 XMM4 XMM5     values
 *   XMM6-XMM15         homes of V0-V9
 *   XMM16-XMM31        homes of V10-V25 where there is AVX-512; memory operands otherwise
 *   K1-K7              scratch
 *
 * How to write a lowering, `void lower_NAME(struct lower *e, const struct ir_insn *i)`:
 *  1. Get operands: lo_r() / lo_v(); they stay where they are until the lowering returns.
 *  2. Call lo_clobber(e) BEFORE the first instruction that changes EFLAGS (most integer
 *     instructions, vptest, vucomis*, vcomis*, kortest; not mov, lea, shlx, rorx, vector
 *     arithmetic).
 *  3. Get the destination, lo_rdef() / lo_vdef(). It MAY be the register of an operand. So write it
 *     in the last instruction only, having computed in scratch before; or compare with the
 *     operands'.
 *  4. Emit. Nothing else: uses and register lifetimes are the driver's.
 * Registers 16..31 occur only with AVX-512. A form that exists in VEX only needs lo_below16().
 */
#ifndef X64_LOWER_INT_H
#define X64_LOWER_INT_H

#include "x64/lower.h"

#include <stddef.h>

#define LO_XS0 0 /* scratch vectors */
#define LO_XS1 1
#define LO_XS2 2

/* Where NZCV is. */
enum lo_flags {
    LO_F_MEM,   /* area->nzcv, or computed again from e->lazy, or nobody will ask */
    LO_F_SUB,   /* EFLAGS: CF = !C */
    LO_F_ADD,   /* EFLAGS: CF = C */
    LO_F_LOGIC, /* EFLAGS: C = 0, V = 0, CF = OF = 0 */
    LO_F_FCMP,  /* EFLAGS after vucomis */
    LO_F_FCMPX, /* EFLAGS after vucomis with the operands exchanged */
};

enum lo_where { LO_NOWHERE, LO_REG, LO_HOME, LO_STATE, LO_SPILL, LO_CONST };

struct lo_loc {
    uint8_t where;
    uint8_t n;      /* host register, guest register or slot */
    /* LO_REG: guest register in state memory that holds it too, or LO_SLOT + the slot that does, or
     * LO_NO_MIRROR. */
    uint8_t mirror;
};
#define LO_NO_MIRROR 0xffu
#define LO_SLOT 64u

/* How NZCV can be computed again from operands that are still there. */
struct lo_lazy {
    bool valid;
    uint16_t last_a, last_b; /* the operands' last uses without this one */
    uint8_t op;   /* IR_ADD, IR_SUB or IR_AND */
    uint8_t type;
    struct lo_loc a, b; /* in a cold piece: where they were at the branch */
    uint64_t ka, kb;    /* constants */
    ir_val va, vb;
};

struct lo_cold;
struct lower;
typedef void lo_cold_fn(struct lower *e, const struct lo_cold *c);

/* A piece of code out of line. */
struct lo_cold {
    lo_cold_fn *fn;
    uint8_t *point;  /* forward branch that comes here */
    uint8_t *resume; /* where it may go back to */
    const struct ir_insn *insn;
    struct lo_lazy lazy;  /* NZCV to be computed and saved first */
    uint8_t flags;        /* enum lo_flags to be saved first, LO_F_MEM: none */
    int8_t r[4];
    int64_t imm;
};

#define LO_MAX_COLD 512u

struct lower {
    struct x64_buf *b;
    const struct x64_request *req;
    const struct ir_block *ir;
    const struct x64_host *host;
    unsigned at; /* index of the operation being lowered */
    enum lo_flags flags;
    bool flags_saved; /* area->nzcv has them as well */
    uint16_t flags_last; /* last operation that may need the present flags */
    struct lo_lazy lazy; /* of the present flags */
    uint16_t flag_need[IR_MAX_INSNS]; /* by operation that sets flags: its flags_last */
    uint16_t last[IR_MAX_INSNS];      /* last use of each value */
    /* The result of `at` is in RCX or XMM2, as nothing else was free; it goes to a spill slot. */
    bool def_spill, vdef_spill;
    uint16_t owner[16], vowner[32];     /* value in each allocatable register */
    uint32_t busy, vbusy;               /* registers of the operation being lowered */
    uint16_t guest[32], vguest[32];     /* value that each guest register holds now, 0 unknown */
    uint32_t spills, vspills;           /* used slots */
    uint16_t sha_at; /* operation that left the SHA-256 state in XS1 and XS2, or 0 */
    struct lo_loc loc[IR_MAX_INSNS];
    unsigned cold_count;
    struct lo_cold cold[LO_MAX_COLD];
    struct x64_result *result;
    uint8_t *code; /* first byte of the block */
};

/* ---- Values ---- */

/* Register that holds integer value v now. */
int lo_r(struct lower *e, ir_val v);
/* True: the constant. */
bool lo_const(const struct lower *e, ir_val v, uint64_t *value);
/* Register for i's integer result. */
int lo_rdef(struct lower *e, const struct ir_insn *i);
/* Vector register that holds v now. */
int lo_v(struct lower *e, ir_val v);
/* Vector register for i's result. */
int lo_vdef(struct lower *e, const struct ir_insn *i);
/* x, or `scratch` with a copy of it if x is not below 16. */
int lo_below16(struct lower *e, int x, int scratch);
/* A vector constant as memory operand. */
struct x64_mem lo_k(const struct lower *e, enum x64_const k);
/* A word of the area; FPSR. */
#define lo_area(e, field) \
    x64_m(RBP, (e)->req->layout->area + (int32_t)offsetof(struct x64_area, field))
struct x64_mem lo_fpsr(const struct lower *e);
/* Word at `offset` of the guest state; X register in memory; V register in memory. */
struct x64_mem lo_state(const struct lower *e, int32_t offset);
struct x64_mem lo_x_mem(const struct lower *e, unsigned r);
struct x64_mem lo_v_mem(const struct lower *e, unsigned r);
/* Host register of a guest register's home, or -1. */
int lo_home(unsigned r);
int lo_vhome(const struct lower *e, unsigned r);
/* Is a value register free? */
bool lo_has_free(const struct lower *e);
/* Where v is that is in no register, and no constant. */
struct x64_mem lo_in_memory(const struct lower *e, ir_val v);
/* Puts v into RDX, for instructions that have an operand there. */
void lo_to_rdx(struct lower *e, ir_val v);
/* A free value register for the time of this operation. */
int lo_temp(struct lower *e);
/* As lo_rdef, lo_vdef for the value of another operation (the second result of a pair). */
int lo_rdef_of(struct lower *e, unsigned value);
int lo_vdef_of(struct lower *e, unsigned value);
/* v's underlying value, behind TRUNC and ZEXT. */
ir_val lo_root(const struct lower *e, ir_val v);
/* op dst, v with v as register, memory operand or immediate; dst must not be v's register unless
 * that is meant. */
void lo_alu(struct lower *e, enum x64_alu op, int w, int dst, ir_val v);
/* mov dst, v; keeps EFLAGS. */
void lo_mov(struct lower *e, int w, int dst, ir_val v);
/* The same for a value whose place was noted before; k: it, if it is a constant. */
void lo_mov_at(struct lower *e, int w, int dst, struct lo_loc l, uint64_t k);
void lo_alu_at(struct lower *e, enum x64_alu op, int w, int dst, struct lo_loc l, uint64_t k);
/* Can the constant be an immediate operand? */
bool lo_fits(uint64_t k, int w);
/* v is not needed any more if its last use is past. */
void lo_release(struct lower *e, ir_val v);
/* Somebody else has written guest registers. Constants alone live on. */
void lo_forget_guest(struct lower *e);
/* A result that is in RCX or XMM2 for want of a register, to its slot. */
void lo_spill_result(struct lower *e);
/* Calls an entry; it preserves all but RAX, RCX and EFLAGS. */
void lo_call_entry(struct lower *e, enum x64_entry entry);
void lo_jump_entry(struct lower *e, enum x64_entry entry);
/* Site word for leaving at guest offset `off` with this many instructions of the block done. */
uint32_t lo_site(const struct lower *e, int32_t off, unsigned done);
/* Byte offset of the guest instruction of i. */
int32_t lo_off(const struct lower *e, const struct ir_insn *i);

/* RAX = host address of the aligned location of 1 << log2 bytes at a + imm; one that is not aligned
 * is the interpreter's. Changes RCX; takes no register but that of a. */
void lo_locate(struct lower *e, const struct ir_insn *i, unsigned log2, bool store);

/* Version words (area.h), with several vCPUs only. dst = address of the word of the host address in
 * `host`; changes EFLAGS. */
void lo_version_word(struct lower *e, int dst, int host);
/* The word at `word` is locked; if it is locked already, the interpreter executes the instruction,
 * which knows how to wait. Changes EFLAGS. */
void lo_version_lock(struct lower *e, const struct ir_insn *i, int word);
/* Ends that: NE with `compared` says that nothing was written. Changes EFLAGS. */
void lo_version_unlock(struct lower *e, int word, bool compared);
/* The interpreter executes the instruction if the forward branch `point` is taken. */
void lo_cold_interp_one(struct lower *e, const struct ir_insn *i, uint8_t *point);

/* ---- Flags ---- */

/* EFLAGS are about to change: saves NZCV if it lives there and is still needed. */
void lo_clobber(struct lower *e);
/* EFLAGS now hold NZCV in the way of `kind` (after an instruction that set them). */
void lo_flags_set(struct lower *e, enum lo_flags kind);
/* Before an operation that can leave the block: NZCV is saved, or can be computed out of line. */
void lo_flags_before_exit(struct lower *e);
/* NZCV into area->nzcv, now. */
void lo_flags_save(struct lower *e);
/* The operands of `e->lazy` are about to be lost. */
void lo_lazy_lose(struct lower *e, ir_val v);
/* After lo_flags_set: they can be computed again from the operands of i. */
void lo_lazy_begin(struct lower *e, const struct ir_insn *i);
/* NZCV is in area->nzcv from here on, if somebody needs it. For operations that end the block. */
void lo_flags_memory(struct lower *e);
/* What a cold piece that is entered from here must do about NZCV. */
void lo_cold_state(struct lower *e, struct lo_cold *c);
/* Nobody needs the present flags any more. */
void lo_lazy_end(struct lower *e);
/* At the block's entry: charges the budget. */
void lo_count_entry(struct lower *e);
/* The branch that ends at `point` leads to `target` of the page, by way of X64_E_LINK at first.
 * NZCV is in memory. */
void lo_link_point(struct lower *e, const struct ir_insn *i, uint8_t *point, int32_t target);
/* The same, to a translation without groups. */
void lo_link_single(struct lower *e, const struct ir_insn *i, uint8_t *point, int32_t target);
/* Gives back what the block was charged with and did not do. */
void lo_refund(struct lower *e, unsigned done);
/* In a cold piece, first: saves NZCV as it was at the branch. Changes RAX, EFLAGS. */
void lo_cold_flags(struct lower *e, const struct lo_cold *c);
/* EFLAGS such that host condition codes stand for A64 condition `cond` (0..13): the code, with up
 * to one more instruction emitted that changes no register but RAX. */
enum x64_cc lo_cond(struct lower *e, unsigned cond);
/* Is A64 condition `cond` one host condition after a comparison with exchanged operands only? */
bool lo_fcmp_exchange(unsigned cond);

/* ---- Out of line ---- */

/* The code that `fn` emits at the end of the block is where `point` goes; resume defaults to
 * the present position and can be set later. */
struct lo_cold *lo_cold(struct lower *e, uint8_t *point, const struct ir_insn *i, lo_cold_fn *fn);
/* Out of line: the interpreter executes the guest instruction of i (i->imm = word | operation <<
 * 32), then its result is loaded into register `dst` (vector: from V[rd]; integer: from X[rd]; rd =
 * word bits 4:0) and the code goes on at the present position, so call it after the destination has
 * been written. Guest state must be exact at i: its row has trait X. */
void lo_cold_interp(struct lower *e, uint8_t *point, const struct ir_insn *i, int dst, bool vector);

/* ---- Lowering functions, one per row of ir/ops_*.def ---- */
#define OP(name, result, a, b, c, traits, text) \
    void lower_##name(struct lower *e, const struct ir_insn *i);
#include "ir/ops_int.def"
#include "ir/ops_vint.def"
#include "ir/ops_vfp.def"
#include "ir/ops_vperm.def"
#undef OP

#endif
