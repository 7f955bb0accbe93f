/* x64/asm.c, x64/asm_flow.c: Zydis reads in the bytes of each form what was asked for, whatever the
 * registers and addresses; branches land where they were bound; a full buffer stays intact. */
#include "x64_expect.h"

#include <sys/mman.h>

#include "base/bits.h"
#include "x64/host.h"

#define ROUNDS 40

static const char *const alu_names[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
static const char *const shift_names[] = {"rol", "ror", "rcl", "rcr", "shl", "shr", NULL, "sar"};
static const char *const cc_names[] = {"o", "no", "b",  "nb", "z", "nz", "be", "nbe",
                                       "s", "ns", "p", "np", "l", "nl", "le", "nle"};
static const int32_t imms[] = {0, 1, -1, 127, -128, 128, -129, 0x7fff, 0x12345678, INT32_MIN};
static const int sizes[] = {1, 2, 4, 8};

static int32_t random_imm(struct asm_test *t)
{
    return asm_random(t, 2) ? imms[asm_random(t, ARRAY_LEN(imms))]
                            : (int32_t)asm_random(t, 0xffffffff);
}

static void alu_forms(struct asm_test *t, unsigned op, int w)
{
    struct x64_buf *b = &t->b;
    const char *name = alu_names[op];
    int d = asm_random_reg(t), s = asm_random_reg(t), size = 4 << w;
    struct x64_mem m = asm_random_mem(t, 0);
    int32_t v = random_imm(t);
    x64_alu_rr(b, op, w, d, s);
    expect(t, name, gpr(size, d), gpr(size, s));
    x64_alu_ri(b, op, w, d, v);
    expect(t, name, gpr(size, d), imm(64, v));
    x64_alu_rm(b, op, w, d, m);
    expect(t, name, gpr(size, d), mem(8u * size, m));
    x64_alu_mr(b, op, w, m, s);
    expect(t, name, mem(8u * size, m), gpr(size, s));
    x64_alu_mi(b, op, w, m, v);
    expect(t, name, mem(8u * size, m), imm(64, v));
    x64_alu_mi8(b, op, m, (int8_t)v);
    expect(t, name, mem(8, m), imm(8, v));
}

static void alu_sized_forms(struct asm_test *t, unsigned op, int size)
{
    struct x64_buf *b = &t->b;
    const char *name = alu_names[op];
    int d = asm_random_reg(t), s = asm_random_reg(t);
    struct x64_mem m = asm_random_mem(t, 0);
    int32_t v = random_imm(t);
    unsigned bits = 8u * size;
    x64_alu_sz_rr(b, op, size, d, s);
    expect(t, name, gpr(size, d), gpr(size, s));
    x64_alu_sz_ri(b, op, size, d, v);
    expect(t, name, gpr(size, d), imm(bits, v));
    x64_alu_sz_rm(b, op, size, d, m);
    expect(t, name, gpr(size, d), mem(bits, m));
    x64_alu_sz_mr(b, op, size, m, s);
    expect(t, name, mem(bits, m), gpr(size, s));
    x64_alu_sz_mi(b, op, size, m, v);
    expect(t, name, mem(bits, m), imm(bits, v));
}

static void test_arithmetic_is_read_back(void **state)
{
    struct asm_test *t = *state;
    for (unsigned op = X64_ADD; op <= X64_CMP; op++) {
        for (unsigned i = 0; i < ROUNDS; i++) {
            alu_forms(t, op, i & 1);
            alu_sized_forms(t, op, sizes[i & 3]);
        }
    }
}

static void test_tests_and_products_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    static void (*const unary[])(struct x64_buf *, int, int) = {x64_not, x64_neg,   x64_mul,
                                                                x64_div, x64_imul1, x64_idiv};
    static const char *const unary_names[] = {"not", "neg", "mul", "div", "imul", "idiv"};
    for (unsigned i = 0; i < ROUNDS; i++) {
        int w = i & 1, n = 4 << w, size = sizes[i & 3];
        int d = asm_random_reg(t), s = asm_random_reg(t);
        struct x64_mem m = asm_random_mem(t, 0);
        int32_t v = random_imm(t);
        x64_test_rr(b, w, d, s), expect(t, "test", gpr(n, d), gpr(n, s));
        x64_test_ri(b, w, d, v), expect(t, "test", gpr(n, d), imm(64, v));
        x64_test_mi(b, w, m, v), expect(t, "test", mem(8u * n, m), imm(64, v));
        x64_test_mr(b, w, m, s), expect(t, "test", mem(8u * n, m), gpr(n, s));
        x64_test_mi8(b, m, (int8_t)v), expect(t, "test", mem(8, m), imm(8, v));
        x64_test_sz_rr(b, size, d, s), expect(t, "test", gpr(size, d), gpr(size, s));
        x64_test_sz_ri(b, size, d, v), expect(t, "test", gpr(size, d), imm(8u * size, v));
        for (unsigned u = 0; u < ARRAY_LEN(unary); u++) {
            unary[u](b, w, d);
            expect(t, unary_names[u], gpr(n, d));
        }
        x64_imul_rr(b, w, d, s), expect(t, "imul", gpr(n, d), gpr(n, s));
        x64_imul_rri(b, w, d, s, v), expect(t, "imul", gpr(n, d), gpr(n, s), imm(64, v));
        x64_imul_rm(b, w, d, m), expect(t, "imul", gpr(n, d), mem(8u * n, m));
    }
    x64_cdq(b), expect_plain(t, "cdq");
    x64_cqo(b), expect_plain(t, "cqo");
}

/* ---- Moves ---- */
static void move_forms(struct asm_test *t, int size, int w, int d, int s)
{
    struct x64_buf *b = &t->b;
    struct x64_mem m = asm_random_mem(t, 0);
    static const char *const sign_names[] = {[1] = "movsx", [2] = "movsx", [4] = "movsxd"};
    unsigned bits = 8u * size;
    for (int sext = 0; sext < 2; sext++) {
        bool plain = size == 8 || (size == 4 && !(sext && w));
        const char *name = plain ? "mov" : sext ? sign_names[size] : "movzx";
        int to = plain ? size : sext && w ? 8 : 4;
        x64_load(b, size, sext, w, d, m);
        expect(t, name, gpr(to, d), mem(bits, m));
        if (size < 8) {
            x64_ext_rr(b, size, sext, w, d, s);
            if (plain)
                expect(t, name, gpr(4, d), gpr(4, s));
            else
                expect(t, name, gpr(to, d), gpr(size, s));
        }
    }
    x64_store(b, size, m, s), expect(t, "mov", mem(bits, m), gpr(size, s));
    int32_t v = random_imm(t);
    x64_store_i(b, size, m, v), expect(t, "mov", mem(bits, m), imm(bits, v));
    x64_xchg_mr(b, size, m, s), expect(t, "xchg", mem(bits, m), gpr(size, s));
    x64_cmpxchg_mr(b, size, m, s), expect(t, "cmpxchg", mem(bits, m), gpr(size, s));
    x64_xadd_mr(b, size, m, s), expect(t, "xadd", mem(bits, m), gpr(size, s));
    x64_crc32(b, size, d, s), expect(t, "crc32", gpr(size == 8 ? 8 : 4, d), gpr(size, s));
    if (size > 1) {
        x64_movbe_load(b, size, d, m), expect(t, "movbe", gpr(size, d), mem(bits, m));
        x64_movbe_store(b, size, m, s), expect(t, "movbe", mem(bits, m), gpr(size, s));
    }
}

static void test_moves_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    for (unsigned i = 0; i < 4 * ROUNDS; i++) {
        int w = i >> 2 & 1, n = 4 << w, d = asm_random_reg(t), s = asm_random_reg(t);
        struct x64_mem m = asm_random_mem(t, 0);
        int32_t v = random_imm(t);
        move_forms(t, sizes[i & 3], w, d, s);
        x64_lea(b, w, d, m), expect(t, "lea", gpr(n, d), mem(0, m));
        x64_bswap(b, w, d), expect(t, "bswap", gpr(n, d));
        x64_push(b, d), expect(t, "push", gpr(8, d));
        x64_pop(b, d), expect(t, "pop", gpr(8, d));
        x64_push_m(b, m), expect(t, "push", mem(64, m));
        x64_pop_m(b, m), expect(t, "pop", mem(64, m));
        x64_push_i(b, v), expect(t, "push", imm(64, v));
        x64_xchg_rr(b, w, d, s), expect(t, "xchg", gpr(n, d), gpr(n, s));
        x64_movabs(b, d, (uint64_t)(int64_t)v), expect(t, "mov", gpr(8, d), imm(64, v));
        x64_mov_rr(b, 0, d, s), expect(t, "mov", gpr(4, d), gpr(4, s));
        if (d != s)
            x64_mov_rr(b, 1, d, s), expect(t, "mov", gpr(8, d), gpr(8, s));
    }
    x64_mov_rr(b, 1, R9, R9);
    assert_ptr_equal(b->p, t->code);
}

static void test_constants_take_the_shortest_move(void **state)
{
    struct asm_test *t = *state;
    static const struct {
        uint64_t v;
        int size;
        unsigned bytes; /* without REX.B, of a 32-bit move */
    } rows[] = {
        {0, 4, 5},
        {0xffffffff, 4, 5},
        {0x100000000, 8, 10},
        {UINT64_MAX, 8, 7},
        {0xffffffff80000000, 8, 7},
        {0xffffffff7fffffff, 8, 10},
        {0x123456789abcdef0, 8, 10},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        for (int r = RAX; r <= R15; r++) {
            x64_mov_ri(&t->b, r, rows[i].v);
            unsigned rex = rows[i].size == 4 && r >= R8;
            assert_int_equal(t->b.p - t->code, rows[i].bytes + rex);
            expect(t, "mov", gpr(rows[i].size, r), imm(8u * rows[i].size, (int64_t)rows[i].v));
        }
    }
}

/* ---- Shifts and bits ---- */
static void test_shifts_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    for (unsigned i = 0; i < 8 * ROUNDS; i++) {
        unsigned op = i & 7;
        int w = i >> 3 & 1, n = 4 << w, d = asm_random_reg(t), s = asm_random_reg(t);
        int c = asm_random_reg(t), v = (int)asm_random(t, 32u << w), size = sizes[i >> 3 & 3];
        struct x64_mem m = asm_random_mem(t, 0);
        x64_shld_rri(b, w, d, s, v), expect(t, "shld", gpr(n, d), gpr(n, s), imm(8, v));
        x64_shrd_rri(b, w, d, s, v), expect(t, "shrd", gpr(n, d), gpr(n, s), imm(8, v));
        x64_rorx(b, w, d, s, v), expect(t, "rorx", gpr(n, d), gpr(n, s), imm(8, v));
        x64_rorx_m(b, w, d, m, v), expect(t, "rorx", gpr(n, d), mem(8u * n, m), imm(8, v));
        x64_shlx(b, w, d, s, c), expect(t, "shlx", gpr(n, d), gpr(n, s), gpr(n, c));
        x64_shrx(b, w, d, s, c), expect(t, "shrx", gpr(n, d), gpr(n, s), gpr(n, c));
        x64_sarx(b, w, d, s, c), expect(t, "sarx", gpr(n, d), gpr(n, s), gpr(n, c));
        x64_shlx_m(b, w, d, m, c), expect(t, "shlx", gpr(n, d), mem(8u * n, m), gpr(n, c));
        x64_shrx_m(b, w, d, m, c), expect(t, "shrx", gpr(n, d), mem(8u * n, m), gpr(n, c));
        x64_sarx_m(b, w, d, m, c), expect(t, "sarx", gpr(n, d), mem(8u * n, m), gpr(n, c));
        if (!shift_names[op])
            continue;
        x64_shift_ri(b, op, w, d, v), expect(t, shift_names[op], gpr(n, d), imm(8, v));
        x64_shift_ri(b, op, w, d, 1), expect(t, shift_names[op], gpr(n, d), imm(8, 1));
        x64_shift_cl(b, op, w, d), expect(t, shift_names[op], gpr(n, d), gpr(1, RCX));
        x64_shift_mi(b, op, w, m, v), expect(t, shift_names[op], mem(8u * n, m), imm(8, v));
        x64_shift_sz_ri(b, op, size, d, 5), expect(t, shift_names[op], gpr(size, d), imm(8, 5));
    }
}

static void test_bit_operations_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    for (unsigned i = 0; i < 2 * ROUNDS; i++) {
        int w = i & 1, n = 4 << w, d = asm_random_reg(t), s = asm_random_reg(t);
        int c = asm_random_reg(t), v = (int)asm_random(t, 32u << w);
        struct operand D = gpr(n, d), S = gpr(n, s), C = gpr(n, c);
        struct x64_mem m = asm_random_mem(t, 0);
        x64_andn(b, w, d, s, c), expect(t, "andn", D, S, C);
        x64_andn_m(b, w, d, s, m), expect(t, "andn", D, S, mem(8u * n, m));
        x64_bextr(b, w, d, s, c), expect(t, "bextr", D, S, C);
        x64_bzhi(b, w, d, s, c), expect(t, "bzhi", D, S, C);
        x64_pext(b, w, d, s, c), expect(t, "pext", D, S, C);
        x64_pdep(b, w, d, s, c), expect(t, "pdep", D, S, C);
        x64_mulx(b, w, d, s, c), expect(t, "mulx", D, S, C);
        x64_mulx_m(b, w, d, s, m), expect(t, "mulx", D, S, mem(8u * n, m));
        x64_blsr(b, w, d, s), expect(t, "blsr", D, S);
        x64_blsi(b, w, d, s), expect(t, "blsi", D, S);
        x64_blsmsk(b, w, d, s), expect(t, "blsmsk", D, S);
        x64_lzcnt(b, w, d, s), expect(t, "lzcnt", D, S);
        x64_tzcnt(b, w, d, s), expect(t, "tzcnt", D, S);
        x64_popcnt(b, w, d, s), expect(t, "popcnt", D, S);
        x64_bt_rr(b, w, d, s), expect(t, "bt", D, S);
        x64_bt_ri(b, w, d, v), expect(t, "bt", D, imm(8, v));
        x64_bt_mi(b, w, m, v), expect(t, "bt", mem(8u * n, m), imm(8, v));
        x64_bts_ri(b, w, d, v), expect(t, "bts", D, imm(8, v));
        x64_bts_mi(b, w, m, v), expect(t, "bts", mem(8u * n, m), imm(8, v));
        x64_btr_ri(b, w, d, v), expect(t, "btr", D, imm(8, v));
        x64_btc_ri(b, w, d, v), expect(t, "btc", D, imm(8, v));
    }
}

/* ---- Conditions, plain instructions, SHA ---- */
static const char *joined(char *room, const char *a, const char *c)
{
    snprintf(room, 16, "%s%s", a, c);
    return room;
}

static void test_conditions_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    char name[16];
    for (unsigned cc = X64_O; cc <= X64_G; cc++) {
        for (int r = RAX; r <= R15; r++) {
            int w = r & 1, n = 4 << w, s = asm_random_reg(t);
            struct x64_mem m = asm_random_mem(t, 0);
            x64_setcc(b, cc, r), expect(t, joined(name, "set", cc_names[cc]), gpr(1, r));
            x64_setcc_m(b, cc, m), expect(t, joined(name, "set", cc_names[cc]), mem(8, m));
            joined(name, "cmov", cc_names[cc]);
            x64_cmov(b, cc, w, r, s), expect(t, name, gpr(n, r), gpr(n, s));
            x64_cmov_m(b, cc, w, r, m), expect(t, name, gpr(n, r), mem(8u * n, m));
        }
    }
    assert_int_equal(x64_cc_not(X64_B), X64_AE);
    assert_int_equal(x64_cc_not(X64_G), X64_LE);
}

static void test_plain_instructions_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    static const struct {
        void (*emit)(struct x64_buf *);
        const char *name;
    } plain[] = {
        {x64_cmc, "cmc"},       {x64_stc, "stc"},       {x64_clc, "clc"},     {x64_lahf, "lahf"},
        {x64_sahf, "sahf"},     {x64_mfence, "mfence"}, {x64_lfence, "lfence"},
        {x64_sfence, "sfence"}, {x64_rdtsc, "rdtsc"},   {x64_rdtscp, "rdtscp"},
        {x64_pause, "pause"},   {x64_ud2, "ud2"},       {x64_int3, "int3"},   {x64_ret, "ret"},
        {x64_pushfq, "pushfq"}, {x64_popfq, "popfq"},   {x64_vzeroupper, "vzeroupper"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(plain); i++)
        plain[i].emit(b), expect_plain(t, plain[i].name);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct x64_mem m = asm_random_mem(t, 0);
        int r = asm_random_reg(t);
        x64_ldmxcsr(b, m), expect(t, "ldmxcsr", mem(32, m));
        x64_stmxcsr(b, m), expect(t, "stmxcsr", mem(32, m));
        x64_prefetcht0(b, m), expect(t, "prefetcht0", mem(0, m));
        x64_prefetchw(b, m), expect(t, "prefetchw", mem(0, m));
        x64_cmpxchg16b(b, m), expect(t, "cmpxchg16b", mem(128, m));
        x64_jmp_r(b, r), expect(t, "jmp", gpr(8, r));
        x64_call_r(b, r), expect(t, "call", gpr(8, r));
        x64_jmp_m(b, m), expect(t, "jmp", mem(64, m));
        x64_call_m(b, m), expect(t, "call", mem(64, m));
    }
    x64_lock(b), x64_alu_mi(b, X64_OR, 0, x64_m(RSP, 0), 0);
    expect(t, "or", mem(32, x64_m(RSP, 0)), imm(64, 0));
    assert_true(t->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK);
}

static void test_sha_is_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    static const char *const names[] = {"sha1nexte",   "sha1msg1",   "sha1msg2",
                                        "sha256rnds2", "sha256msg1", "sha256msg2"};
    for (unsigned i = 0; i < 6 * ROUNDS; i++) {
        unsigned op = i % 6;
        int d = asm_random_reg(t), s = asm_random_reg(t);
        struct x64_mem m = asm_random_mem(t, 0);
        x64_sha_rr(b, op, d, s), expect(t, names[op], vec(0, d), vec(0, s));
        x64_sha_rm(b, op, d, m), expect(t, names[op], vec(0, d), mem(128, m));
        x64_sha1rnds4(b, d, s, i & 3), expect(t, "sha1rnds4", vec(0, d), vec(0, s), imm(8, i & 3));
    }
}

static void test_nops_fill_any_number_of_bytes(void **state)
{
    struct asm_test *t = *state;
    for (unsigned n = 1; n <= 32; n++) {
        x64_nop(&t->b, n);
        assert_int_equal(t->b.p - t->code, n);
        unsigned at = 0, count = 0;
        for (; at < n; at += t->insn.length, count++) {
            ZyanStatus s =
                ZydisDecoderDecodeFull(&t->decoder, t->code + at, n - at, &t->insn, t->ops);
            assert_true(ZYAN_SUCCESS(s) && t->insn.mnemonic == ZYDIS_MNEMONIC_NOP);
        }
        assert_int_equal(at, n);
        assert_int_equal(count, (n + 8) / 9);
        t->b.p = t->code;
    }
    x64_byte(&t->b, 1);
    x64_align(&t->b, 16);
    assert_int_equal((uintptr_t)t->b.p & 15, 0);
    t->b.p = t->code;
}

/* ---- Branches ---- */
/* p + distance, far outside of what p points into too. */
static const uint8_t *away(const uint8_t *p, int64_t distance)
{
    union {
        uintptr_t n;
        const uint8_t *p;
    } at = {.p = p};
    at.n += (uintptr_t)distance;
    return at.p;
}

static void test_branches_reach_their_targets(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    char name[16];
    static const int32_t distances[] = {0, 2, -100, 127, 128, 129, 130, -126, -127, 0x7000000};
    for (unsigned i = 0; i < ARRAY_LEN(distances); i++) {
        const uint8_t *to = away(t->code, distances[i]);
        for (unsigned cc = X64_O; cc <= X64_G; cc++) {
            joined(name, "j", cc_names[cc]);
            x64_jcc(b, cc, to);
            assert_int_equal(b->p - t->code, 6);
            expect(t, name, imm(64, distances[i] - 6));
            x64_jcc_near(b, cc, to);
            bool in_reach = distances[i] - 2 == (int8_t)(distances[i] - 2);
            assert_int_equal(b->p - t->code, in_reach ? 2 : 6);
            expect(t, name, imm(64, distances[i] - (in_reach ? 2 : 6)));
        }
        x64_jmp(b, to), expect(t, "jmp", imm(64, distances[i] - 5));
        x64_call(b, to), expect(t, "call", imm(64, distances[i] - 5));
        x64_jmp_near(b, to);
        expect(t, "jmp", imm(64, distances[i] - (int)(b->p - t->code)));
    }
}

static void bind_after(struct asm_test *t, uint8_t *point, unsigned gap)
{
    uint8_t *end = t->b.p;
    t->b.p = (uint8_t *)((uintptr_t)end + gap);
    x64_patch(&t->b, point);
    t->b.p = end;
}

static void test_forward_branches_are_bound(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    char name[16];
    static const unsigned gaps[] = {0, 1, 0x70, 0x7f, 0xeb, 0x100, 0x70ebeb};
    for (unsigned i = 0; i < ARRAY_LEN(gaps); i++) {
        for (unsigned cc = X64_O; cc <= X64_G; cc++) {
            joined(name, "j", cc_names[cc]);
            bind_after(t, x64_jcc_fwd(b, cc), gaps[i]);
            expect(t, name, imm(64, gaps[i]));
            if (gaps[i] <= 0x7f)
                bind_after(t, x64_jcc_fwd8(b, cc), gaps[i]), expect(t, name, imm(64, gaps[i]));
        }
        bind_after(t, x64_jmp_fwd(b), gaps[i]), expect(t, "jmp", imm(64, gaps[i]));
        bind_after(t, x64_call_fwd(b), gaps[i]), expect(t, "call", imm(64, gaps[i]));
        if (gaps[i] <= 0x7f)
            bind_after(t, x64_jmp_fwd8(b), gaps[i]), expect(t, "jmp", imm(64, gaps[i]));
        for (int r = RAX; r <= R15; r++) {
            struct x64_mem to = x64_m_at(b, away(t->code, 7 + (int64_t)gaps[i]));
            bind_after(t, x64_lea_fwd(b, r), gaps[i]);
            expect(t, "lea", gpr(8, r), mem(0, to));
        }
    }
    uint8_t *point = x64_jmp_fwd(b);
    x64_patch_to(point, away(t->code, -0x12345));
    x64_patch_to(point, away(t->code, 0x70eb00));
    expect(t, "jmp", imm(64, 0x70eb00 - 5));
}

static void test_full_buffer_stays_intact(void **state)
{
    (void)state;
    uint8_t room[256];
    for (unsigned size = 0; size < 120; size++) {
        memset(room, 0xa5, sizeof(room));
        struct x64_buf b = {.p = room, .start = room, .end = room + size};
        uint8_t *full_at = NULL;
        for (unsigned i = 0; i < 60; i++) {
            x64_lock(&b);
            x64_alu_mi(&b, X64_ADD, 1, x64_mi(R12, R13, 3, 0x12345678), 0x12345678);
            x64_patch(&b, x64_jcc_fwd(&b, X64_E));
            x64_k_vrrm(&b, X64_VPADDD, 2, 1, 1, 31, 30, x64_mi(R12, R13, 3, 0x12345678));
            x64_nop(&b, 3);
            x64_jmp_near(&b, room);
            if (!full_at && b.full)
                full_at = b.p;
            assert_true(!full_at || b.p == full_at);
        }
        assert_true(b.full);
        assert_true(b.p <= b.end);
        for (unsigned i = size; i < sizeof(room); i++)
            assert_int_equal(room[i], 0xa5);
        assert_null(x64_jmp_fwd(&b));
        x64_byte(&b, 1);
        x64_data(&b, room, 1);
        assert_true(b.full);
    }
}

/* ---- Execution ---- */
typedef uint64_t (*code_fn)(uint64_t a, uint64_t c);

static uint64_t run_code(struct x64_buf *b, uint64_t a, uint64_t c)
{
    assert_false(b->full);
    union {
        void *p;
        code_fn f;
    } entry = {.p = b->start};
    assert_int_equal(mprotect(b->start, 4096, PROT_READ | PROT_EXEC), 0);
    uint64_t r = entry.f(a, c);
    assert_int_equal(mprotect(b->start, 4096, PROT_READ | PROT_WRITE), 0);
    b->p = b->start;
    return r;
}

static void test_code_runs(void **state)
{
    (void)state;
    uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    struct x64_buf buf = {.p = page, .start = page, .end = page + 4096}, *b = &buf;

    /* sum of rdi, rdi - 1, .. 1: a loop with a forward exit and a backward branch */
    x64_alu_rr(b, X64_XOR, 0, RAX, RAX);
    uint8_t *loop = b->p;
    x64_test_rr(b, 1, RDI, RDI);
    uint8_t *out = x64_jcc_fwd8(b, X64_E);
    x64_alu_rr(b, X64_ADD, 1, RAX, RDI);
    x64_alu_ri(b, X64_SUB, 1, RDI, 1);
    x64_jmp_near(b, loop);
    x64_patch(b, out);
    x64_ret(b);
    assert_int_equal(run_code(b, 1000, 0), 500500);

    /* a call forward, data relative to rip, an address taken forward */
    uint8_t *call = x64_call_fwd(b), *data = x64_lea_fwd(b, RDX);
    x64_alu_rm(b, X64_ADD, 1, RAX, x64_m(RDX, 0));
    x64_ret(b);
    x64_patch(b, call);
    x64_lea(b, 1, RAX, x64_mi(RDI, RSI, 3, 5));
    x64_ret(b);
    x64_align(b, 8);
    x64_patch(b, data);
    x64_data(b, &(uint64_t){0x1000000000}, 8);
    assert_int_equal(run_code(b, 100, 20), 0x1000000000 + 100 + 8 * 20 + 5);

    /* 16 bytes incremented in a vector, and the byte that x64_m_at names */
    x64_vmov_xr(b, 1, 9, RDI);
    x64_vmov_xr(b, 1, 10, RSI);
    x64_vrrr(b, X64_VPADDB, 0, 11, 10, 9);
    x64_vmov_rx(b, 1, RAX, 11);
    x64_mov_ri(b, RCX, 0x0100000000000000);
    x64_alu_rr(b, X64_ADD, 1, RAX, RCX);
    x64_ret(b);
    assert_int_equal(run_code(b, 0x01ff02fe03fd04fc, 0x0101010101010101), 0x030003ff04fe05fd);

    x64_load(b, 4, false, 0, RAX, x64_m_at(b, page + 64));
    x64_store_i(b, 4, x64_m(RDI, 0), 77);
    x64_ret(b);
    memcpy(page + 64, &(uint32_t){0xfeedface}, 4);
    uint32_t stored = 0;
    assert_int_equal(run_code(b, (uintptr_t)&stored, 0), 0xfeedface);
    assert_int_equal(stored, 77);
    munmap(page, 4096);
}

/* ---- Host ---- */
static void test_host_agrees_with_the_compiler(void **state)
{
    (void)state;
    struct x64_host h = x64_host_detect();
    __builtin_cpu_init();
    assert_int_equal(h.avx2, __builtin_cpu_supports("avx2") != 0);
    assert_int_equal(h.bmi2, __builtin_cpu_supports("bmi2") != 0);
    assert_int_equal(h.fma, __builtin_cpu_supports("fma") != 0);
    assert_int_equal(h.gfni, __builtin_cpu_supports("gfni") != 0);
    assert_int_equal(h.vpclmul, __builtin_cpu_supports("vpclmulqdq") != 0);
    assert_int_equal(h.avx512,
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"));
    if (h.avx512)
        assert_int_equal(h.vbmi2, __builtin_cpu_supports("avx512vbmi2") != 0);
    struct x64_host all = h;
    x64_host_drop_avx512(&all);
    assert_false(all.avx512 || all.avx512f || all.vbmi || all.vpopcntdq || all.bf16);
    assert_int_equal(all.avx2, h.avx2);
    h.lzcnt = false;
    assert_non_null(x64_host_missing(&h));
    memset(&h, 1, sizeof(h));
    assert_null(x64_host_missing(&h));
    h.f16c = false;
    assert_string_equal(x64_host_missing(&h), "f16c");
}

int main(void)
{
    struct asm_test t;
    asm_test_init(&t);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_arithmetic_is_read_back, &t),
        cmocka_unit_test_prestate(test_tests_and_products_are_read_back, &t),
        cmocka_unit_test_prestate(test_moves_are_read_back, &t),
        cmocka_unit_test_prestate(test_constants_take_the_shortest_move, &t),
        cmocka_unit_test_prestate(test_shifts_are_read_back, &t),
        cmocka_unit_test_prestate(test_bit_operations_are_read_back, &t),
        cmocka_unit_test_prestate(test_conditions_are_read_back, &t),
        cmocka_unit_test_prestate(test_plain_instructions_are_read_back, &t),
        cmocka_unit_test_prestate(test_sha_is_read_back, &t),
        cmocka_unit_test_prestate(test_nops_fill_any_number_of_bytes, &t),
        cmocka_unit_test_prestate(test_branches_reach_their_targets, &t),
        cmocka_unit_test_prestate(test_forward_branches_are_bound, &t),
        cmocka_unit_test(test_full_buffer_stays_intact),
        cmocka_unit_test(test_code_runs),
        cmocka_unit_test(test_host_agrees_with_the_compiler),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%u instructions compared\n", t.count);
    return failed;
}
