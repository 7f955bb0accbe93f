/* The lifter makes well-formed blocks of any words, lifts what it has a row for, and makes of
 * common idioms what the back end does best. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a64/cpu.h"
#include "a64_encode.h"
#include "base/bits.h"
#include "engine/lift/lift.h"

#include <stdio.h>

enum { WORDS = 1024, OFF = 0x100 };

static struct ir_block block;
static uint32_t words[WORDS];
static uint64_t chance = 1;

static uint64_t random64(void)
{
    chance ^= chance >> 12;
    chance ^= chance << 25;
    chance ^= chance >> 27;
    return chance * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t random_word(enum a64_op op)
{
    uint32_t word;
    do
        word = ((uint32_t)(random64() >> 32) & ~a64_op_info[op].mask) | a64_op_info[op].value;
    while (a64_decode(word) != op);
    return word;
}

static unsigned lift(uint32_t off, unsigned limit, unsigned mode)
{
    const struct a64_features features = a64_features_default();
    char text[200];
    unsigned n = lift_block(&block, words, off, limit, mode, &features);
    if (!ir_verify(&block, text, sizeof(text))) {
        ir_print(&block, stderr);
        fail_msg("%08x %s, mode %x: %s", words[off / 4],
                 a64_op_info[a64_decode(words[off / 4])].name, mode, text);
    }
    return n;
}

/* The word alone is lifted to operations that start with `list`; NONE ends it. GET, GETV, CONST,
 * TRUNC and ZEXT are passed over. */
static void expect(uint32_t word, unsigned mode, const enum ir_op *list)
{
    words[OFF / 4] = word;
    lift(OFF, 1, mode);
    for (unsigned at = 1; at < block.count; at++) {
        enum ir_op op = (enum ir_op)block.insn[at].op;
        if (op == IR_GET || op == IR_GETV || op == IR_CONST || op == IR_TRUNC || op == IR_ZEXT ||
            op == IR_NONE) /* room for a GUARD */
            continue;
        if (*list == IR_NONE)
            return;
        if (op != *list) {
            ir_print(&block, stderr);
            fail_msg("%08x: %s instead of %s", word, ir_op_info[op].name, ir_op_info[*list].name);
        }
        list++;
    }
    assert_int_equal(*list, IR_NONE);
}

#define LIST(...) ((const enum ir_op[]){__VA_ARGS__, IR_NONE})
#define EXPECT(word, ...) expect(word, LIFT_EL1 | LIFT_SPCHECK, LIST(__VA_ARGS__))

/* The n-th operation of kind `op`, from 0. */
static const struct ir_insn *find(enum ir_op op, unsigned n)
{
    for (unsigned at = 1; at < block.count; at++)
        if (block.insn[at].op == op && n-- == 0)
            return &block.insn[at];
    fail_msg("no %s", ir_op_info[op].name);
    return NULL;
}

static unsigned count(enum ir_op op)
{
    unsigned n = 0;
    for (unsigned at = 1; at < block.count; at++)
        n += block.insn[at].op == op;
    return n;
}

/* ---- Any words ---- */

static void test_each_encoding_makes_a_well_formed_block(void **unused)
{
    (void)unused;
    for (unsigned op = 0; op < A64_OP_COUNT; op++)
        for (unsigned k = 0; k < 24; k++) {
            words[OFF / 4] = op ? random_word((enum a64_op)op) : 0;
            lift(OFF, 1, (unsigned)random64() % LIFT_MODES);
        }
}

static void test_any_words_make_a_well_formed_block(void **unused)
{
    (void)unused;
    for (unsigned k = 0; k < 300; k++) {
        for (unsigned i = 0; i < WORDS; i++)
            words[i] = random_word((enum a64_op)(1 + random64() % (A64_OP_COUNT - 1)));
        uint32_t off = (uint32_t)random64() % WORDS * 4;
        unsigned n = lift(off, IR_MAX_GUEST, (unsigned)random64() % LIFT_MODES);
        assert_in_range(n, 1, IR_MAX_GUEST);
        assert_true(off + 4 * n <= 4 * WORDS);
        assert_int_equal(block.guest_count, n);
    }
}

#define LIFT(name) A64_##name,
static const uint16_t rows[] = {
#include "engine/lift/lift_int.def"
#include "engine/lift/lift_branch.def"
#include "engine/lift/lift_ldst.def"
};
#undef LIFT

static void test_rows_are_lifted(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        enum a64_op op = (enum a64_op)rows[i];
        if (op == A64_MRS || op == A64_MSR_r || op == A64_MSR_i || op == A64_SYS)
            continue; /* some of their words */
        words[OFF / 4] = random_word(op);
        lift(OFF, 1, LIFT_EL1 | LIFT_SPCHECK);
        if (count(IR_INTERP))
            fail_msg("%s", a64_op_info[op].name);
    }
}

static void test_absent_features_are_left_to_the_interpreter(void **unused)
{
    struct a64_features features = a64_features_default();
    (void)unused;
    a64_feature_set(&features, A64_FEAT_LSE, false);
    words[OFF / 4] = a64_encode_LDADD(1, 0, 0, 1, 2, 3);
    assert_int_equal(lift_block(&block, words, OFF, 1, LIFT_EL1, &features), 1);
    assert_int_equal(find(IR_INTERP, 0)->imm >> 32, A64_UNDEFINED);
}

static void test_fp_loads_trap_when_fp_is_off(void **unused)
{
    (void)unused;
    expect(a64_encode_LDR_q_i(0, 1, 2), LIFT_FPOFF, LIST(IR_INTERP));
    expect(a64_encode_LDR_q_i(0, 1, 2), 0, LIST(IR_LDV, IR_PUTV));
}

static void test_aligned_mode_leaves_memory_to_the_interpreter(void **unused)
{
    (void)unused;
    expect(a64_encode_LDR_i(1, 0, 1, 2), LIFT_ALIGN, LIST(IR_INTERP));
    expect(a64_encode_STP_pre(1, 2, 3, 31, 4), LIFT_ALIGN, LIST(IR_INTERP));
    expect(a64_encode_CAS(1, 0, 1, 0, 2, 3), LIFT_ALIGN, LIST(IR_INTERP));
}

/* ---- Idioms ---- */

static void test_moves_cost_nothing_but_the_put(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_ORR_s(1, 0, 2, 0, 31, 1), IR_PUT, IR_JUMP); /* MOV x1, x2 */
    EXPECT(a64_encode_ADD_i(1, 0, 0, 31, 29), IR_PUT, IR_JUMP);   /* MOV x29, sp */
    EXPECT(a64_encode_ORR_s(0, 0, 2, 0, 31, 1), IR_UEXT, IR_PUT); /* MOV w1, w2 */
    EXPECT(a64_encode_NOP(), IR_JUMP);
}

static void test_constants_fold(void **unused)
{
    (void)unused;
    words[OFF / 4] = a64_encode_MOVZ(1, 0, 0x1234, 5);
    words[OFF / 4 + 1] = a64_encode_MOVK(1, 1, 0x5678, 5);
    words[OFF / 4 + 2] = a64_encode_MOVK(1, 3, 0x9abc, 5);
    lift(OFF, 3, 0);
    const struct ir_insn *put = find(IR_PUT, 2);
    assert_int_equal(block.insn[put->a].op, IR_CONST);
    assert_true((uint64_t)block.insn[put->a].imm == UINT64_C(0x9abc000056781234));
}

static void test_adrp_and_add_are_one_address(void **unused)
{
    (void)unused;
    words[OFF / 4] = a64_encode_ADRP(1, 2, 5); /* 9 pages on */
    words[OFF / 4 + 1] = a64_encode_ADD_i(1, 0, 0x123, 5, 5);
    lift(OFF, 2, 0);
    assert_int_equal(block.insn[find(IR_PUT, 1)->a].op, IR_PC);
    assert_int_equal(block.insn[find(IR_PUT, 1)->a].imm, 0x9123);
}

static void test_bitfield_moves_become_their_aliases(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_UBFM(1, 1, 60, 59, 2, 1), IR_SHL, IR_PUT);  /* LSL #4 */
    EXPECT(a64_encode_UBFM(1, 1, 4, 63, 2, 1), IR_SHR, IR_PUT);   /* LSR #4 */
    EXPECT(a64_encode_SBFM(0, 0, 4, 31, 2, 1), IR_SAR, IR_PUT);   /* ASR w */
    EXPECT(a64_encode_UBFM(0, 0, 0, 7, 2, 1), IR_UEXT, IR_PUT);   /* UXTB */
    EXPECT(a64_encode_SBFM(1, 1, 0, 31, 2, 1), IR_SEXT, IR_PUT);  /* SXTW */
    EXPECT(a64_encode_UBFM(1, 1, 5, 9, 2, 1), IR_SHR, IR_AND, IR_PUT);  /* UBFX */
    EXPECT(a64_encode_UBFM(1, 1, 61, 4, 2, 1), IR_AND, IR_SHL, IR_PUT); /* UBFIZ */
    EXPECT(a64_encode_SBFM(1, 1, 5, 9, 2, 1), IR_SHL, IR_SAR, IR_PUT);  /* SBFX */
    EXPECT(a64_encode_SBFM(1, 1, 62, 31, 2, 1), IR_SEXT, IR_SHL, IR_PUT); /* SBFIZ of a word */
    EXPECT(a64_encode_BFM(1, 1, 60, 7, 2, 1), IR_BFI, IR_PUT);          /* BFI #4, #8 */
    EXPECT(a64_encode_BFM(1, 1, 4, 11, 2, 1), IR_SHR, IR_BFI, IR_PUT);  /* BFXIL */
    EXPECT(a64_encode_BFM(1, 1, 60, 7, 31, 1), IR_AND, IR_PUT);         /* BFC */
    EXPECT(a64_encode_EXTR(1, 1, 2, 9, 2, 1), IR_ROR, IR_PUT);          /* ROR */
}

static void test_conditions_make_numbers(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_CSINC(0, 31, 0, 31, 1), IR_CSET, IR_PUT);
    assert_int_equal(find(IR_CSET, 0)->sub, 1); /* CSET ne is CSINC eq */
    EXPECT(a64_encode_CSINV(1, 31, 0, 31, 1), IR_CSET, IR_ADD, IR_PUT);
    EXPECT(a64_encode_CSEL(1, 3, 14, 2, 1), IR_PUT, IR_JUMP); /* always */
    EXPECT(a64_encode_CSEL(1, 3, 1, 2, 1), IR_CSEL, IR_PUT);
}

static void test_comparisons_set_flags_only(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_SUBS_i(1, 0, 5, 2, 31), IR_SUB, IR_JUMP);
    assert_true(find(IR_SUB, 0)->setf);
    EXPECT(a64_encode_ANDS_s(0, 0, 2, 0, 2, 31), IR_AND, IR_JUMP);
    assert_true(find(IR_AND, 0)->setf);
    EXPECT(a64_encode_CCMP_r(1, 3, 2, 4, 9), IR_CCMP, IR_JUMP);
    assert_int_equal(find(IR_CCMP, 0)->imm, 9);
}

static void test_branches_know_their_target(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_B(0x3ffffff), IR_JUMP); /* -4 */
    assert_int_equal(find(IR_JUMP, 0)->imm, OFF - 4);
    EXPECT(a64_encode_BL(0x1000), IR_PC, IR_PUT, IR_CALL);
    assert_int_equal(find(IR_PC, 0)->imm, OFF + 4);
    assert_int_equal(find(IR_CALL, 0)->imm, OFF + 0x4000);
    EXPECT(a64_encode_B_cond(2, 11), IR_EXITC, IR_JUMP);
    assert_int_equal(find(IR_EXITC, 0)->imm, OFF + 8);
    assert_int_equal(find(IR_EXITC, 0)->sub, 11);
    EXPECT(a64_encode_TBNZ(1, 2, 4, 3), IR_EXITB, IR_JUMP);
    assert_int_equal(find(IR_EXITB, 0)->sub2, 34);
    EXPECT(a64_encode_BLR(30), IR_PC, IR_PUT, IR_CALLR);
    assert_int_equal(block.insn[find(IR_CALLR, 0)->a].op, IR_GET);
    EXPECT(a64_encode_RET(30), IR_RET);
    expect(a64_encode_BR(3), LIFT_GUARDED, LIST(IR_INTERP, IR_LEAVE));
}

static void test_addresses_take_scaled_index_and_offset(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_LDR_r(1, 3, 3, 1, 2, 1), IR_LD, IR_PUT);
    assert_int_equal(find(IR_LD, 0)->sub2, 3);
    EXPECT(a64_encode_LDRB_r(3, 6, 0, 2, 1), IR_SEXT, IR_LD, IR_PUT);
    EXPECT(a64_encode_LDR_q_r(3, 3, 1, 2, 1), IR_SHL, IR_LDV, IR_PUTV);
    EXPECT(a64_encode_LDP_pre(1, 2, 3, 4, 1), IR_LDP, IR_PAIR, IR_PUT, IR_PUT, IR_ADD, IR_PUT);
    assert_int_equal(find(IR_LDP, 0)->imm, 16);
    EXPECT(a64_encode_LDTR(1, 8, 4, 1), IR_LD, IR_PUT);
    assert_int_equal(find(IR_LD, 0)->sub2, IR_ACC_UNPRIV);
    expect(a64_encode_LDTR(1, 8, 4, 1), 0, LIST(IR_LD, IR_PUT));
    assert_int_equal(find(IR_LD, 0)->sub2, 0);
    EXPECT(a64_encode_PRFM_i(1, 31, 2), IR_PREFETCH, IR_JUMP); /* PLDL2KEEP */
    assert_int_equal(find(IR_PREFETCH, 0)->sub, 0);
    EXPECT(a64_encode_PRFUM(8, 4, 16), IR_PREFETCH, IR_JUMP); /* PSTL1KEEP */
    assert_int_equal(find(IR_PREFETCH, 0)->sub, 1);
    EXPECT(a64_encode_PRFUM(8, 4, 8), IR_JUMP); /* PLIL1KEEP */
}

static void test_memory_comes_before_any_put(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned last_access = 0, first_put = UINT16_MAX;
        if (!(a64_op_info[rows[i]].traits & (A64_TRAIT_READS_MEM | A64_TRAIT_WRITES_MEM)))
            continue;
        words[OFF / 4] = random_word((enum a64_op)rows[i]);
        lift(OFF, 1, LIFT_SPCHECK);
        for (unsigned at = 1; at + 1 < block.count; at++) {
            const struct ir_insn *x = &block.insn[at];
            if (ir_op_info[x->op].traits & IR_X)
                last_access = at;
            else if ((x->op == IR_PUT || x->op == IR_PUTV) && at < first_put)
                first_put = at;
        }
        if (last_access > first_put)
            fail_msg("%s", a64_op_info[rows[i]].name);
    }
}

static void test_stack_alignment_is_checked_once(void **unused)
{
    (void)unused;
    words[OFF / 4] = a64_encode_STP_pre(1, 0x7e, 30, 31, 29); /* STP x29, x30, [sp, #-16]! */
    words[OFF / 4 + 1] = a64_encode_SUB_i(1, 0, 64, 31, 31);
    words[OFF / 4 + 2] = a64_encode_STR_i(1, 1, 31, 0);
    words[OFF / 4 + 3] = a64_encode_ADD_i(1, 0, 8, 31, 31);
    words[OFF / 4 + 4] = a64_encode_LDR_i(1, 1, 31, 0);
    lift(OFF, 3, LIFT_SPCHECK);
    assert_int_equal(count(IR_CHKSP), 1);
    lift(OFF, 5, LIFT_SPCHECK);
    assert_int_equal(count(IR_CHKSP), 2);
    lift(OFF, 5, 0);
    assert_int_equal(count(IR_CHKSP), 0);
}

/* ---- System ---- */

static void test_thread_pointer_is_a_load(void **unused)
{
    (void)unused;
    words[OFF / 4] = a64_encode_MRS(1, 3, 13, 0, 2, 4); /* TPIDR_EL0 */
    expect(words[OFF / 4], 0, LIST(IR_GETS, IR_PUT));
    assert_int_equal(find(IR_GETS, 0)->imm, offsetof(struct a64_cpu, sys[A64_TPIDR_EL0]));
    words[OFF / 4] = a64_encode_MRS(1, 0, 13, 0, 4, 4); /* TPIDR_EL1 */
    expect(words[OFF / 4], 0, LIST(IR_INTERP));
    expect(words[OFF / 4], LIFT_EL1, LIST(IR_GETS, IR_PUT));
}

/* At EL0 it may trap; and when instructions are counted they may be what time is. */
static void test_counter_is_read_in_place(void **unused)
{
    (void)unused;
    const uint32_t virt = a64_encode_MRS(1, 3, 14, 0, 2, 4);
    const uint32_t phys = a64_encode_MRS(1, 3, 14, 0, 1, 4);
    expect(virt, LIFT_EL1, LIST(IR_GETS, IR_COUNTER, IR_PUT));
    assert_int_equal(find(IR_COUNTER, 0)->imm, (int64_t)((uint64_t)A64_MRS << 32 | virt));
    assert_int_equal(find(IR_GETS, 0)->imm, offsetof(struct a64_cpu, sys[A64_CNTVOFF_EL2]));
    expect(phys, LIFT_EL1, LIST(IR_COUNTER, IR_PUT));
    expect(virt, LIFT_EL1 | LIFT_COUNT, LIST(IR_INTERP));
    expect(a64_encode_MRS(1, 3, 14, 0, 2, 31), LIFT_EL1, LIST(IR_INTERP));
    expect(virt, 0, LIST(IR_GETS, IR_SHR, IR_NOT, IR_AND, IR_CHKSP, IR_GETS, IR_COUNTER, IR_PUT));
    assert_int_equal(find(IR_GETS, 0)->imm, offsetof(struct a64_cpu, sys[A64_CNTKCTL_EL1]));
}

static void test_fpsr_is_in_two_places(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_MRS(1, 3, 4, 4, 1, 4), IR_GETFPSR, IR_PUT);
    EXPECT(a64_encode_MSR_r(1, 3, 4, 4, 1, 4), IR_AND, IR_PUTFPSR);
    expect(a64_encode_MRS(1, 3, 4, 4, 1, 4), LIFT_FPOFF, LIST(IR_INTERP));
    expect(a64_encode_MSR_r(1, 3, 4, 4, 1, 4), LIFT_FPOFF, LIST(IR_INTERP));
}

static void test_context_writes_are_left_to_the_interpreter(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_MSR_r(1, 0, 2, 0, 0, 4), IR_INTERP);  /* TTBR0_EL1 */
    EXPECT(a64_encode_MSR_r(1, 0, 4, 0, 1, 4), IR_PUTS);    /* ELR_EL1 */
    EXPECT(a64_encode_MSR_r(1, 0, 4, 1, 0, 4), IR_PUTS);    /* SP_EL0 */
    expect(a64_encode_MSR_r(1, 0, 4, 1, 0, 4), LIFT_EL1 | LIFT_SPEL0, LIST(IR_INTERP));
    EXPECT(a64_encode_MSR_r(1, 0, 13, 0, 1, 4), IR_GETS, IR_AND, IR_SHR, IR_OR, IR_CHKSP,
           IR_GETS, IR_AND, IR_AND, IR_OR, IR_PUTS); /* CONTEXTIDR_EL1 */
    EXPECT(a64_encode_MSR_i(0, 1, 5), IR_INTERP);           /* SPSel */
}

static void test_unmasking_looks_for_interrupts(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_MSR_i(3, 2, 6), IR_GETS, IR_OR, IR_PUTS, IR_JUMP);
    EXPECT(a64_encode_MSR_i(3, 2, 7), IR_GETS, IR_AND, IR_PUTS, IR_LEAVES, IR_JUMP);
    const struct ir_insn *leaves = find(IR_LEAVES, 0);
    assert_int_equal(leaves->imm >> 32, offsetof(struct a64_cpu, irq_lines));
    assert_int_equal((int32_t)leaves->imm, OFF + 4);
    expect(a64_encode_MSR_i(3, 2, 7), 0, LIST(IR_INTERP));
    EXPECT(a64_encode_ISB(15), IR_LEAVES, IR_JUMP);
}

static void test_only_full_barriers_fence(void **unused)
{
    (void)unused;
    EXPECT(a64_encode_DMB(11), IR_FENCE, IR_JUMP); /* ISH */
    EXPECT(a64_encode_DMB(10), IR_JUMP);           /* ISHST */
    EXPECT(a64_encode_DMB(9), IR_JUMP);            /* ISHLD */
    EXPECT(a64_encode_DSB(10), IR_FENCE, IR_JUMP);
}

/* FPCR.FZ with FPSR.IXC: translated code relies on IXC, so only the interpreter clears it. What
 * comes from an operation is not checked again. */
static void test_flushing_code_does_not_write_fpsr(void **unused)
{
    (void)unused;
    const uint32_t put = a64_encode_MSR_r(1, 3, 4, 4, 1, 0);
    expect(put, LIFT_EL1, LIST(IR_AND, IR_PUTFPSR, IR_JUMP));
    expect(put, LIFT_EL1 | LIFT_FPFLUSH, LIST(IR_INTERP, IR_JUMP));
    words[0] = a64_encode_FADD_f(1, 2, 1, 0);
    words[1] = a64_encode_FMUL_f(1, 0, 0, 3);
    lift(0, 2, LIFT_FPFLUSH);
    assert_int_equal(count(IR_FCHK), 2);
}

/* With several vCPUs these wait for others, tell them something, or give the host's processor away.
 */
static void test_what_concerns_other_vcpus_is_interpreted(void **state)
{
    (void)state;
    const uint32_t dsb = a64_encode_DSB(11), dmb = a64_encode_DMB(11), yield = a64_encode_YIELD();
    const uint32_t ic_ivau = a64_encode_SYS(3, 7, 5, 1, 2);
    expect(dsb, LIFT_EL1, LIST(IR_FENCE));
    expect(dsb, LIFT_EL1 | LIFT_SMP, LIST(IR_INTERP));
    expect(dmb, LIFT_EL1 | LIFT_SMP, LIST(IR_FENCE));
    expect(yield, LIFT_EL1 | LIFT_SMP, LIST(IR_INTERP));
    expect(ic_ivau, LIFT_EL1 | LIFT_SMP, LIST(IR_INTERP));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flushing_code_does_not_write_fpsr),
        cmocka_unit_test(test_each_encoding_makes_a_well_formed_block),
        cmocka_unit_test(test_any_words_make_a_well_formed_block),
        cmocka_unit_test(test_rows_are_lifted),
        cmocka_unit_test(test_absent_features_are_left_to_the_interpreter),
        cmocka_unit_test(test_fp_loads_trap_when_fp_is_off),
        cmocka_unit_test(test_aligned_mode_leaves_memory_to_the_interpreter),
        cmocka_unit_test(test_moves_cost_nothing_but_the_put),
        cmocka_unit_test(test_constants_fold),
        cmocka_unit_test(test_adrp_and_add_are_one_address),
        cmocka_unit_test(test_bitfield_moves_become_their_aliases),
        cmocka_unit_test(test_conditions_make_numbers),
        cmocka_unit_test(test_comparisons_set_flags_only),
        cmocka_unit_test(test_branches_know_their_target),
        cmocka_unit_test(test_addresses_take_scaled_index_and_offset),
        cmocka_unit_test(test_memory_comes_before_any_put),
        cmocka_unit_test(test_stack_alignment_is_checked_once),
        cmocka_unit_test(test_thread_pointer_is_a_load),
        cmocka_unit_test(test_fpsr_is_in_two_places),
        cmocka_unit_test(test_counter_is_read_in_place),
        cmocka_unit_test(test_context_writes_are_left_to_the_interpreter),
        cmocka_unit_test(test_unmasking_looks_for_interrupts),
        cmocka_unit_test(test_only_full_barriers_fence),
        cmocka_unit_test(test_what_concerns_other_vcpus_is_interpreted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
