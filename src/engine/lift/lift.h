/* A64 to IR: one superblock at a time.
 *
 * The lifter reads instruction words of one guest page, from an offset to the first unconditional
 * branch, the end of the page or a limit, and appends IR to a block. Each encoding of isa/a64.isa
 * either has a lift function (a row LIFT(NAME) in one of the lift_*.def files) or becomes
 * IR_INTERP, the interpreter's handler for one instruction; so the lifter never fails and a
 * missing row costs time only. What a lift function may assume statically is the mode, which is
 * part of the key that translations are found by.
 */
#ifndef ENGINE_LIFT_LIFT_H
#define ENGINE_LIFT_LIFT_H

#include "a64/features.h"
#include "ir/ir.h"

/* Mode of a translation. */
#define LIFT_EL1 1u      /* Exception level 1, else 0 */
#define LIFT_FPOFF 2u    /* SIMD&FP instructions trap (CPACR_EL1.FPEN) */
#define LIFT_FPSLOW 4u   /* FPCR.FZ, and FPSR.IXC is clear: arithmetic by the interpreter */
#define LIFT_ALIGN 8u    /* SCTLR_EL1.A: unaligned accesses fault */
#define LIFT_SPCHECK 16u /* SCTLR_EL1.SA or SA0: SP as a base must be aligned */
#define LIFT_COUNT 32u   /* instructions are counted */
#define LIFT_GUARDED 64u /* the page has the GP attribute: BTI */
#define LIFT_SPEL0 128u   /* EL1 with SPSel = 0: SP is SP_EL0 */
#define LIFT_SINGLE 256u  /* each access has its own look-up: IR_PASS_GROUPS is left out */
#define LIFT_FPFLUSH 512u /* FPCR.FZ, and FPSR.IXC is set: the host's flag does no harm */
#define LIFT_FPODD 1024u  /* FPCR.DN, AHP or FZ16: half precision, and what keeps NaNs as they
                           * are, by the interpreter */
#define LIFT_SMP 2048u    /* the machine has several vCPUs: what the host's order of accesses does
                           * not do alone */
#define LIFT_MODES 4096u

struct lift {
    struct ir_block *b;
    unsigned mode;
    const struct a64_features *features;
    int32_t off;     /* byte offset of the instruction from its page */
    bool ended;      /* set by a lift function that ended the block */
    ir_val sp_checked; /* value of SP whose alignment was checked in this block, 0 none */
};

/* Lifts one instruction whose word has matched. False: not done, and nothing was emitted. */
typedef bool lift_fn(struct lift *l, uint32_t word);

/* Fills `b` from `words`, the page's 1024 words, starting at byte offset `off`; at most `limit`
 * instructions. The block ends with a control operation. Returns the number of guest instructions.
 */
unsigned lift_block(struct ir_block *b, const uint32_t *words, uint32_t off, unsigned limit,
                    unsigned mode, const struct a64_features *features);

/* ---- For lift functions ---- */

/* General register n as type t; 31 is zero. */
static inline ir_val lift_x(struct lift *l, unsigned n, enum ir_type t)
{
    return n == 31 ? ir_const(l->b, t, 0) : ir_get(l->b, n, t);
}

/* General register n; 31 is SP. */
static inline ir_val lift_xsp(struct lift *l, unsigned n, enum ir_type t)
{
    return ir_get(l->b, n, t);
}

/* Writes register n; 31 is the zero register: nothing. */
static inline void lift_put(struct lift *l, unsigned n, ir_val v)
{
    if (n != 31)
        ir_put(l->b, n, v);
}

/* Writes register n; 31 is SP. */
static inline void lift_put_sp(struct lift *l, unsigned n, ir_val v)
{
    ir_put(l->b, n, v);
}

/* IR_I64 if sf, else IR_I32. */
static inline enum ir_type lift_sf(unsigned sf)
{
    return sf ? IR_I64 : IR_I32;
}

#endif
