/* Comparison of an emitted instruction with what Zydis reads in its bytes: x64_expect.h. */
#include "x64_expect.h"

void asm_test_init(struct asm_test *t)
{
    memset(t, 0, sizeof(*t));
    t->seed = 0x9e3779b97f4a7c15;
    t->b = (struct x64_buf){.p = t->code, .start = t->code, .end = t->code + sizeof(t->code)};
    ZyanStatus status = ZydisDecoderInit(&t->decoder, ZYDIS_MACHINE_MODE_LONG_64,
                                         ZYDIS_STACK_WIDTH_64);
    assert_true(ZYAN_SUCCESS(status));
}

uint32_t asm_random(struct asm_test *t, uint32_t below)
{
    t->seed = t->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((t->seed >> 32) * below >> 32);
}

int asm_random_reg(struct asm_test *t)
{
    return (int)asm_random(t, 16);
}

static int32_t random_disp(struct asm_test *t, unsigned scale_log2)
{
    static const int32_t borders[] = {0, 1, -1, 127, 128, -128, -129};
    switch (asm_random(t, 5)) {
    case 0: return 0;
    case 1: return borders[asm_random(t, 7)];
    case 2: return borders[asm_random(t, 7)] * (1 << scale_log2);
    case 3: return (int32_t)asm_random(t, 1u << 14) - (1 << 13);
    default: return (int32_t)(asm_random(t, 0xffffffff));
    }
}

struct x64_mem asm_random_mem(struct asm_test *t, unsigned scale_log2)
{
    int32_t disp = random_disp(t, scale_log2);
    if (asm_random(t, 12) == 0)
        return x64_m_at(&t->b, (void *)((uintptr_t)t->b.p + ((uint32_t)disp & 0xffffff)));
    int base = asm_random(t, 12) == 0 ? X64_NONE : asm_random_reg(t);
    int index = asm_random(t, 2) ? X64_NONE : asm_random_reg(t);
    if (index == RSP || index == X64_NONE)
        return x64_m(base, disp);
    return x64_mi(base, index, (int)asm_random(t, 4), disp);
}

/* ---- Expected operands ---- */
struct operand gpr(int size, int r)
{
    struct operand o = {.kind = OPERAND_REG, .id = r};
    o.regs = size == 8   ? ZYDIS_REGCLASS_GPR64
             : size == 4 ? ZYDIS_REGCLASS_GPR32
             : size == 2 ? ZYDIS_REGCLASS_GPR16
                         : ZYDIS_REGCLASS_GPR8;
    if (size == 1 && r >= 4)
        o.id += 4; /* Zydis counts ah, ch, dh and bh before spl */
    return o;
}

struct operand vec(int l, int r)
{
    static const ZydisRegisterClass classes[] = {ZYDIS_REGCLASS_XMM, ZYDIS_REGCLASS_YMM,
                                                 ZYDIS_REGCLASS_ZMM};
    return (struct operand){.kind = OPERAND_REG, .regs = classes[l], .id = r};
}

struct operand mask(int k)
{
    return (struct operand){.kind = OPERAND_REG, .regs = ZYDIS_REGCLASS_MASK, .id = k};
}

struct operand mem(unsigned bits, struct x64_mem m)
{
    return (struct operand){.kind = OPERAND_MEM, .m = m, .bits = bits};
}

struct operand imm(unsigned bits, int64_t v)
{
    return (struct operand){.kind = OPERAND_IMM, .bits = bits, .imm = v};
}

/* ---- Comparison ---- */
static ZydisRegister gpr64_or_none(int r)
{
    return r < 0 ? ZYDIS_REGISTER_NONE : ZydisRegisterEncode(ZYDIS_REGCLASS_GPR64, (ZyanU8)r);
}

static bool same_mem(const struct asm_test *t, const ZydisDecodedOperand *seen,
                     const struct operand *o)
{
    const ZydisDecodedOperandMem *m = &seen->mem;
    if (o->bits && seen->size != o->bits)
        return false;
    if (o->m.base == X64_RIP)
        return m->base == ZYDIS_REGISTER_RIP && m->index == ZYDIS_REGISTER_NONE &&
               m->disp.value + t->insn.length == o->m.disp;
    return m->base == gpr64_or_none(o->m.base) && m->index == gpr64_or_none(o->m.index) &&
           m->disp.value == o->m.disp && (o->m.index < 0 || m->scale == 1 << o->m.scale_log2);
}

static bool same_operand(const struct asm_test *t, const ZydisDecodedOperand *seen,
                         const struct operand *o)
{
    switch (o->kind) {
    case OPERAND_REG:
        return seen->type == ZYDIS_OPERAND_TYPE_REGISTER &&
               seen->reg.value == ZydisRegisterEncode(o->regs, (ZyanU8)o->id);
    case OPERAND_MEM: return seen->type == ZYDIS_OPERAND_TYPE_MEMORY && same_mem(t, seen, o);
    case OPERAND_IMM:
        return seen->type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
               (seen->imm.value.u ^ (uint64_t)o->imm) << (64 - o->bits) == 0;
    }
    return false;
}

static void fail_with(const struct asm_test *t, const char *mnemonic, const char *what, unsigned n)
{
    char hex[64] = "", text[128] = "(not an instruction)";
    for (const uint8_t *p = t->code; p < t->b.p && p < t->code + 16; p++)
        snprintf(hex + strlen(hex), sizeof(hex) - strlen(hex), "%02x ", *p);
    ZydisFormatter formatter;
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    ZydisFormatterFormatInstruction(&formatter, &t->insn, t->ops, t->insn.operand_count_visible,
                                    text, sizeof(text), 0, NULL);
    fail_msg("%s: %s %u: %s: %s", mnemonic, what, n, hex, text);
}

void expect_operands(struct asm_test *t, const char *mnemonic, unsigned count,
                     const struct operand *ops)
{
    size_t length = (size_t)(t->b.p - t->code);
    assert_false(t->b.full);
    ZyanStatus status = ZydisDecoderDecodeFull(&t->decoder, t->code, length, &t->insn, t->ops);
    if (!ZYAN_SUCCESS(status)) {
        memset(&t->insn, 0, sizeof(t->insn));
        fail_with(t, mnemonic, "no valid instruction, status", status & 0xff);
    }
    if (t->insn.length != length)
        fail_with(t, mnemonic, "length in bytes is not", (unsigned)length);
    if (strcmp(ZydisMnemonicGetString(t->insn.mnemonic), mnemonic))
        fail_with(t, mnemonic, "mnemonic, instruction", t->count);
    unsigned n = 0;
    for (unsigned i = 0; i < t->insn.operand_count_visible; i++) {
        const ZydisDecodedOperand *seen = &t->ops[i];
        if (seen->encoding == ZYDIS_OPERAND_ENCODING_MASK)
            continue; /* t->insn.avx.mask says the same */
        if (n >= count || !same_operand(t, seen, &ops[n]))
            fail_with(t, mnemonic, "operand", n);
        n++;
    }
    if (n != count)
        fail_with(t, mnemonic, "operands expected", count);
    t->count++;
    t->b.p = t->code;
}
