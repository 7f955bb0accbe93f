/* An instruction is emitted into t->b, then expect() decodes it with Zydis and compares all of it:
 * length, mnemonic, each explicit operand. After expect(), t->insn and t->ops are Zydis's view of
 * the instruction, for what only some tests ask (encoding, mask, rounding), and t->b is empty. */
#ifndef TESTS_X64_EXPECT_H
#define TESTS_X64_EXPECT_H

#include <Zydis/Zydis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#include "x64/asm.h"

enum operand_kind { OPERAND_REG, OPERAND_MEM, OPERAND_IMM };

struct operand {
    enum operand_kind kind;
    ZydisRegisterClass regs; /* with id: the register */
    int id;
    struct x64_mem m;
    unsigned bits; /* of memory (0: not compared); of an immediate: how many are compared */
    int64_t imm;
};

struct asm_test {
    struct x64_buf b;
    uint8_t code[64];
    uint64_t seed;
    unsigned count; /* instructions compared so far */
    ZydisDecoder decoder;
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

void asm_test_init(struct asm_test *t);
uint32_t asm_random(struct asm_test *t, uint32_t below);
int asm_random_reg(struct asm_test *t); /* 0..15 */
/* Every kind: no base, any base and index, rip, and displacements around the borders of each form,
 * those of EVEX with disp8 * 2^scale_log2 included. */
struct x64_mem asm_random_mem(struct asm_test *t, unsigned scale_log2);

struct operand gpr(int size, int r); /* size in bytes */
struct operand vec(int l, int r);
struct operand mask(int k);
struct operand mem(unsigned bits, struct x64_mem m);
struct operand imm(unsigned bits, int64_t v);

void expect_operands(struct asm_test *t, const char *mnemonic, unsigned count,
                     const struct operand *ops);

#define expect(t, mnemonic, ...)                                                                   \
    expect_operands(t, mnemonic, sizeof((struct operand[]){__VA_ARGS__}) / sizeof(struct operand), \
                    (struct operand[]){__VA_ARGS__})
#define expect_plain(t, mnemonic) expect_operands(t, mnemonic, 0, NULL)

#endif
