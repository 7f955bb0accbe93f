/* Rows of the isa_*.S tables: one instruction (or a few), its operands, what it must leave.
 *
 *   X((insn), x1, x2, x3, nzcv,                          x0, nzcv)         integer
 *   V((insn), v1h, v1l, v2h, v2l, v0h, v0l, fpcr,        v0h, v0l, fpsr)   vector and FP
 *   M((insn), v1h, v1l, v2h, v2l, x1, nzcv, fpcr,        x0, nzcv, v0h, v0l, fpsr)   both kinds
 *   L((insn), x11,                                       x0, x2, delta)    load, general
 *   F((insn), x11,                                       v0h, v0l, v1h, v1l, delta, sum)   vector
 *   S((insn), x11,                                       delta, sum, off, hi, lo)   store
 *
 * vNh, vNl: the halves of Vn. nzcv: 0 to 15. x0 starts as ISA_X0; registers that a row does not
 * name start as isa.c says. Loads and stores: x10 points into the middle of isa_buffer, whose byte
 * n is n * 7 + 3; delta is how far x10 moved; sum is a hash of all that was loaded (V0 to V3) or of
 * the whole buffer; off, hi, lo: 16 bytes of the buffer at x10's first value + off. */
#ifndef ISA_H
#define ISA_H

#include "rt.h"

#define ISA_X0 0xa5a5a5a5a5a5a5a5
#define ISA_MIDDLE 256
#define ISA_BYTES 512

#define C_X0 0
#define C_NZCV 32
#define C_X10 40
#define C_X11 48
#define C_FPCR 56
#define C_FPSR 64
#define C_V 80


#ifdef __ASSEMBLER__
#define UNP_(...) __VA_ARGS__
#define ROW_(kind, insn, ...)                                                                      \
    .pushsection .text.isa, "ax"; 77: UNP_ insn; ret; .popsection;                                 \
    .pushsection .isarows, "aw"; .quad 77b; .long __LINE__, kind; .quad __VA_ARGS__;               \
    .balign 128, 0; .popsection
#define X(insn, ...) ROW_(0, insn, __VA_ARGS__)
#define V(insn, ...) ROW_(1, insn, __VA_ARGS__)
#define M(insn, ...) ROW_(2, insn, __VA_ARGS__)
#define L(insn, ...) ROW_(3, insn, __VA_ARGS__)
#define F(insn, ...) ROW_(4, insn, __VA_ARGS__)
#define S(insn, ...) ROW_(5, insn, __VA_ARGS__)
/* First and last line of a table. */
#define TABLE(name)                                                                                \
    .pushsection .isarows, "aw"; .balign 128; .global isa_rows; isa_rows: .popsection;             \
    .pushsection .rodata; .global isa_file; isa_file: .asciz name; .popsection
#define END_TABLE .pushsection .isarows, "aw"; .global isa_rows_end; isa_rows_end: .popsection
#else
enum isa_kind { ISA_X, ISA_V, ISA_M, ISA_L, ISA_F, ISA_S };
/* Registers going in and coming out of one row. */
struct isa_context {
    u64 x[4], nzcv, x10, x11, fpcr, fpsr, unused;
    u64 v[4][2];
};
struct isa_row {
    const void *fn;
    u32 line, kind;
    u64 a[14]; /* operands, then results */
};
_Static_assert(sizeof(struct isa_row) == 128, "as ROW_ lays it out");
extern const struct isa_row isa_rows[], isa_rows_end[];
extern const char isa_file[];
void isa_call(const void *fn, struct isa_context *c);
#endif
#endif
