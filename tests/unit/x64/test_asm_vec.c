/* x64/asm_vec.c, x64/asm_vec_mask.c, x64/vec_ops.def: every row in every form, length and encoding
 * reads back in Zydis as what the table says it is: mnemonic, registers, widths, memory (with the
 * scaled displacements of EVEX), mask, broadcast, rounding. */
#include "x64_expect.h"

#include <ctype.h>

#include "base/bits.h"

#define ROUNDS 5

enum form { RVM, RM, LD, LDST, MOV, MOVS, MR, RVR, RVL, VMI, IS4, XR, RX, MSK };
enum tuple { FULL, HALF, QUARTER, EIGHTH, DUP, S1, S2, S4, S8, S16, S32 };
enum lengths { ALL, LIG, L128, L256, L512 };
enum { E = 1, V = 2, VE = 3 };
enum { IMM = 1, ER = 2, SAE = 4, KD = 8, NM = 16, NARROW = 32, BC = 64, ST66 = 128 };
enum { W0, W01 = 2, W1 };

struct row {
    const char *name, *evex_name;
    enum form form;
    enum tuple tuple;
    enum lengths lengths;
    unsigned enc, flags, w;
};

static const struct row rows[] = {
#define X(name, enc, map, pp, opcode, w, form, tuple, lengths, flags, aux, evex_name)              \
    {#name, evex_name, form, tuple, lengths, enc, flags, w},
#include "x64/vec_ops.def"
#undef X
};

/* One case: a row at one length in one encoding, with random operands. */
struct vec_case {
    enum x64_vop op;
    const struct row *r;
    int l;
    bool evex;
    int dst, a, src, k, z, imm;
    struct x64_mem m;
    char name[32];
    struct operand dst_op, a_op, src_op, mem_op, imm_op;
};

static void mnemonic(struct vec_case *c)
{
    if (c->evex && c->r->evex_name) {
        snprintf(c->name, sizeof(c->name), "%s", c->r->evex_name);
        return;
    }
    size_t n = strlen(c->r->name);
    if (n > 2 && !strcmp(c->r->name + n - 2, "_I"))
        n -= 2;
    for (size_t i = 0; i < n; i++)
        c->name[i] = (char)tolower(c->r->name[i]);
    c->name[n] = 0;
}

static unsigned mem_bytes(const struct row *r, int l)
{
    switch (r->tuple) {
    case FULL: return 16u << l;
    case HALF: return 8u << l;
    case QUARTER: return 4u << l;
    case EIGHTH: return 2u << l;
    case DUP: return l ? 16u << l : 8;
    default: return 1u << (r->tuple - S1);
    }
}

/* Length of the operand in ModRM.rm. */
static int rm_length(const struct row *r, int l)
{
    switch (r->tuple) {
    case FULL:
    case DUP: return r->lengths == LIG ? 0 : l;
    case HALF: return l ? l - 1 : 0;
    case S32: return 1;
    default: return 0;
    }
}

static void make_case(struct asm_test *t, struct vec_case *c, unsigned op, int l, bool evex)
{
    const struct row *r = &rows[op];
    *c = (struct vec_case){.op = op, .r = r, .l = l, .evex = evex};
    mnemonic(c);
    int top = evex ? 32 : 16, wide = r->lengths == LIG ? 0 : l;
    c->dst = (int)asm_random(t, (uint32_t)top);
    c->a = (int)asm_random(t, (uint32_t)top);
    c->src = (int)asm_random(t, (uint32_t)top);
    if (evex && l < 2) { /* else VEX would be taken */
        c->dst |= 16;
        c->src |= 16;
    }
    if (evex && !(r->flags & NM) && asm_random(t, 2)) {
        c->k = 1 + (int)asm_random(t, 7);
        c->z = (int)asm_random(t, 2);
    }
    c->imm = (int)asm_random(t, 256);
    unsigned bytes = mem_bytes(r, l);
    c->m = asm_random_mem(t, (unsigned)__builtin_ctz(bytes));
    int dst_length = (r->flags & NARROW) ? (wide ? wide - 1 : 0) : wide;
    int other_length = rm_length(r, l);
    bool reversed = r->form == MR;
    c->dst_op = vec(reversed ? other_length : dst_length, c->dst);
    c->src_op = vec(reversed ? dst_length : other_length, c->src);
    c->a_op = vec(wide, c->a);
    c->mem_op = mem(8 * bytes, c->m);
    c->imm_op = imm(8, c->imm);
}

static void check_encoding(struct asm_test *t, const struct vec_case *c, bool z)
{
    assert_int_equal(t->insn.encoding, c->evex ? ZYDIS_INSTRUCTION_ENCODING_EVEX
                                               : ZYDIS_INSTRUCTION_ENCODING_VEX);
    if (!c->evex)
        return;
    if (c->r->lengths != LIG)
        assert_int_equal(t->insn.avx.vector_length, 128 << c->l);
    ZydisRegister k = c->k ? ZydisRegisterEncode(ZYDIS_REGCLASS_MASK, (ZyanU8)c->k)
                           : ZYDIS_REGISTER_K0;
    if (!(c->r->flags & NM))
        assert_int_equal(t->insn.avx.mask.reg, k);
    assert_int_equal(t->insn.raw.evex.z, z && c->k);
}

/* Emits with the immediate if the row has one, and compares. */
static void reg_forms(struct asm_test *t, struct vec_case *c)
{
    struct x64_buf *b = &t->b;
    enum form f = c->r->form;
    bool has_imm = c->r->flags & IMM;
    unsigned n = 3u + has_imm;
    if (f == RVM || f == MOVS || f == RVR) {
        if (c->k && has_imm)
            x64_k_vrrri(b, c->op, c->l, c->k, c->z, c->dst, c->a, c->src, c->imm);
        else if (c->k)
            x64_k_vrrr(b, c->op, c->l, c->k, c->z, c->dst, c->a, c->src);
        else if (has_imm)
            x64_vrrri(b, c->op, c->l, c->dst, c->a, c->src, c->imm);
        else
            x64_vrrr(b, c->op, c->l, c->dst, c->a, c->src);
        expect_operands(t, c->name, n,
                        (struct operand[]){c->dst_op, c->a_op, c->src_op, c->imm_op});
        check_encoding(t, c, c->z);
    } else if (f == RM || f == MOV || f == MR || f == VMI) {
        if (c->k && has_imm)
            x64_k_vrri(b, c->op, c->l, c->k, c->z, c->dst, c->src, c->imm);
        else if (c->k)
            x64_k_vrr(b, c->op, c->l, c->k, c->z, c->dst, c->src);
        else if (has_imm)
            x64_vrri(b, c->op, c->l, c->dst, c->src, c->imm);
        else
            x64_vrr(b, c->op, c->l, c->dst, c->src);
        expect_operands(t, c->name, n - 1, (struct operand[]){c->dst_op, c->src_op, c->imm_op});
        check_encoding(t, c, c->z);
    }
}

static void load_forms(struct asm_test *t, struct vec_case *c)
{
    struct x64_buf *b = &t->b;
    enum form f = c->r->form;
    bool has_imm = c->r->flags & IMM;
    if (has_imm)
        c->k = 0; /* no masked functions with both */
    unsigned n = 3u + has_imm;
    if (f == RVM || f == RVL) {
        if (c->k)
            x64_k_vrrm(b, c->op, c->l, c->k, c->z, c->dst, c->a, c->m);
        else if (has_imm)
            x64_vrrmi(b, c->op, c->l, c->dst, c->a, c->m, c->imm);
        else
            x64_vrrm(b, c->op, c->l, c->dst, c->a, c->m);
        expect_operands(t, c->name, n,
                        (struct operand[]){c->dst_op, c->a_op, c->mem_op, c->imm_op});
        check_encoding(t, c, c->z);
    } else if (f == RM || f == MOV || f == LD || f == LDST || f == MOVS || (f == VMI && c->evex)) {
        if (c->k)
            x64_k_vrm(b, c->op, c->l, c->k, c->z, c->dst, c->m);
        else if (has_imm)
            x64_vrmi(b, c->op, c->l, c->dst, c->m, c->imm);
        else
            x64_vrm(b, c->op, c->l, c->dst, c->m);
        expect_operands(t, c->name, n - 1, (struct operand[]){c->dst_op, c->mem_op, c->imm_op});
        check_encoding(t, c, c->z);
    }
}

static void store_forms(struct asm_test *t, struct vec_case *c)
{
    struct x64_buf *b = &t->b;
    enum form f = c->r->form;
    if (f != MOV && f != LDST && f != MOVS && f != MR && f != RVL)
        return;
    bool has_imm = c->r->flags & IMM;
    if (has_imm)
        c->k = 0;
    if (c->k)
        x64_k_vmr(b, c->op, c->l, c->k, c->m, c->src);
    else if (has_imm)
        x64_vmri(b, c->op, c->l, c->m, c->src, c->imm);
    else
        x64_vmr(b, c->op, c->l, c->m, c->src);
    expect_operands(t, c->name, 2u + has_imm,
                    (struct operand[]){c->mem_op, c->src_op, c->imm_op});
    check_encoding(t, c, false);
}

static bool has_length(const struct row *r, int l)
{
    switch (r->lengths) {
    case LIG:
    case L128: return l == 0;
    case L256: return l > 0;
    case L512: return l == 2;
    default: return true;
    }
}

/* Calls `f` with random cases of each row that has all of `flags` and the encoding. */
static void each_case(struct asm_test *t, unsigned enc, unsigned flags,
                      void (*f)(struct asm_test *, struct vec_case *))
{
    struct vec_case c;
    for (unsigned op = 0; op < X64_VOP_COUNT; op++) {
        if (!(rows[op].enc & enc) || (rows[op].flags & flags) != flags)
            continue;
        for (int l = 0; l < (enc == E ? 3 : 2); l++) {
            for (unsigned i = 0; has_length(&rows[op], l) && i < ROUNDS; i++) {
                make_case(t, &c, op, l, enc == E);
                f(t, &c);
            }
        }
    }
}

static void all_forms(struct asm_test *t, struct vec_case *c)
{
    if (c->evex && (c->r->flags & KD))
        return;
    reg_forms(t, c);
    int k = c->k;
    load_forms(t, c);
    c->k = k;
    store_forms(t, c);
}

static void test_vex_rows_are_read_back(void **state)
{
    each_case(*state, V, 0, all_forms);
}

static void test_evex_rows_are_read_back(void **state)
{
    each_case(*state, E, 0, all_forms);
}

/* ---- EVEX extras ---- */
static void scaled_displacements(struct asm_test *t, struct vec_case *c)
{
    int unit = (int)mem_bytes(c->r, c->l);
    const int disps[] = {unit, -128 * unit, 127 * unit, 128 * unit, -129 * unit, 127 * unit + 1,
                         unit / 2};
    if (c->r->flags & KD)
        return;
    for (unsigned i = 0; i < ARRAY_LEN(disps); i++) {
        bool is_short = disps[i] % unit == 0 && disps[i] / unit == (int8_t)(disps[i] / unit);
        c->m = x64_m(RDI, disps[i]);
        c->mem_op.m = c->m;
        unsigned before = t->count;
        load_forms(t, c);
        store_forms(t, c);
        if (t->count != before && disps[i])
            assert_int_equal(t->insn.raw.disp.size, is_short ? 8 : 32);
    }
}

static void test_evex_displacements_are_as_short_as_they_can_be(void **state)
{
    each_case(*state, E, 0, scaled_displacements);
}

static void mask_destination(struct asm_test *t, struct vec_case *c)
{
    struct x64_buf *b = &t->b;
    int kd = c->dst & 7;
    unsigned n = 3u + (c->r->flags & IMM);
    if (c->r->form == RM) {
        c->k = 0;
        x64_vfpclass_k(b, c->op, c->l, kd, c->src, c->imm);
        expect(t, c->name, mask(kd), c->src_op, c->imm_op);
        check_encoding(t, c, false);
        return;
    }
    if (n == 4)
        c->imm &= 31, c->imm_op.imm = c->imm;
    if (c->k)
        x64_k_vcmp_k(b, c->op, c->l, c->k, kd, c->a, c->src, c->imm);
    else
        x64_vcmp_k(b, c->op, c->l, kd, c->a, c->src, c->imm);
    expect_operands(t, c->name, n, (struct operand[]){mask(kd), c->a_op, c->src_op, c->imm_op});
    check_encoding(t, c, false);
    c->k = 0;
    x64_vcmp_km(b, c->op, c->l, kd, c->a, c->m, c->imm);
    expect_operands(t, c->name, n, (struct operand[]){mask(kd), c->a_op, c->mem_op, c->imm_op});
    check_encoding(t, c, false);
}

static void test_compares_to_masks_are_read_back(void **state)
{
    each_case(*state, E, KD, mask_destination);
}

static void broadcast(struct asm_test *t, struct vec_case *c)
{
    static const ZydisBroadcastMode modes[] = {
        ZYDIS_BROADCAST_MODE_1_TO_2, ZYDIS_BROADCAST_MODE_1_TO_4, ZYDIS_BROADCAST_MODE_1_TO_8,
        ZYDIS_BROADCAST_MODE_1_TO_16};
    if (c->r->form != RVM || (c->r->flags & (KD | IMM)))
        return;
    c->k = 0;
    x64_vrrm_bcst(&t->b, c->op, c->l, c->dst, c->a, c->m);
    unsigned bytes = c->r->w == W0 ? 4 : 8;
    c->mem_op.bits = 0;
    expect(t, c->name, c->dst_op, c->a_op, c->mem_op);
    assert_int_equal(t->insn.avx.broadcast.mode, modes[c->l + (bytes == 4)]);
}

static void test_broadcasts_are_read_back(void **state)
{
    each_case(*state, E, BC, broadcast);
}

static const ZydisRoundingMode rounding[] = {ZYDIS_ROUNDING_MODE_RN, ZYDIS_ROUNDING_MODE_RD,
                                             ZYDIS_ROUNDING_MODE_RU, ZYDIS_ROUNDING_MODE_RZ};

static void rounded(struct asm_test *t, struct vec_case *c)
{
    enum x64_rc rc = c->imm & 3;
    bool has_imm = c->r->flags & IMM;
    if ((c->l < 2 && c->r->lengths != LIG) || (c->r->flags & KD) || !(c->r->flags & (ER | SAE)))
        return;
    if (c->r->form == RVM && has_imm) {
        x64_vrrri_sae(&t->b, c->op, c->dst, c->a, c->src, c->imm);
        expect(t, c->name, c->dst_op, c->a_op, c->src_op, c->imm_op);
    } else if (c->r->form == RVM) {
        x64_vrrr_er(&t->b, c->op, rc, c->dst, c->a, c->src);
        expect(t, c->name, c->dst_op, c->a_op, c->src_op);
    } else if ((c->r->form == RM || c->r->form == MR) && has_imm) {
        x64_vrri_sae(&t->b, c->op, c->dst, c->src, c->imm);
        expect(t, c->name, c->dst_op, c->src_op, c->imm_op);
    } else if (c->r->form == RM) {
        x64_vrr_er(&t->b, c->op, rc, c->dst, c->src);
        expect(t, c->name, c->dst_op, c->src_op);
    } else {
        return;
    }
    assert_true(t->insn.avx.has_sae);
    assert_int_equal(t->insn.avx.rounding.mode, (c->r->flags & ER) ? rounding[rc] : 0);
}

static void test_rounding_modes_are_read_back(void **state)
{
    each_case(*state, E, 0, rounded);
}

static void test_blends_by_a_register_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct vec_case c;
    for (unsigned i = 0; i < 3 * 20; i++) {
        make_case(t, &c, X64_VPBLENDVB + i % 3, i & 1, false);
        int by = asm_random_reg(t);
        x64_vblendv(&t->b, c.op, c.l, c.dst, c.a, c.src, by);
        expect(t, c.name, c.dst_op, c.a_op, c.src_op, vec(c.l, by));
        x64_vblendv_m(&t->b, c.op, c.l, c.dst, c.a, c.m, by);
        expect(t, c.name, c.dst_op, c.a_op, c.mem_op, vec(c.l, by));
    }
}

/* ---- General registers ---- */
static const char *sized(char *room, const char *stem, int size)
{
    snprintf(room, 24, "%s%c", stem, size == 1 ? 'b' : size == 2 ? 'w' : size == 4 ? 'd' : 'q');
    return room;
}

static void test_moves_to_and_from_general_registers_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    char name[24];
    for (unsigned i = 0; i < 400; i++) {
        int size = 1 << (i & 3), r = asm_random_reg(t), w = i >> 2 & 1;
        int x = (int)asm_random(t, 32), y = (int)asm_random(t, 32), lane = (int)asm_random(t, 16);
        struct operand R = gpr(size == 8 ? 8 : 4, r);
        struct x64_mem m = asm_random_mem(t, i & 3);
        x64_vmov_xr(b, w, x, r), expect(t, w ? "vmovq" : "vmovd", vec(0, x), gpr(4 << w, r));
        x64_vmov_rx(b, w, r, x), expect(t, w ? "vmovq" : "vmovd", gpr(4 << w, r), vec(0, x));
        sized(name, "vpextr", size);
        x64_vpextr(b, size, r, x, lane), expect(t, name, R, vec(0, x), imm(8, lane));
        x64_vpextr_m(b, size, m, x, lane);
        expect(t, name, mem(8u * size, m), vec(0, x), imm(8, lane));
        sized(name, "vpinsr", size);
        x64_vpinsr(b, size, x, y, r, lane);
        expect(t, name, vec(0, x), vec(0, y), R, imm(8, lane));
        x64_vpinsr_m(b, size, x, y, m, lane);
        expect(t, name, vec(0, x), vec(0, y), mem(8u * size, m), imm(8, lane));
        int l = (int)asm_random(t, 3), k = (int)asm_random(t, 8), z = w && k;
        x64_vpbroadcast_r(b, size, l, k, z, x, r);
        expect(t, sized(name, "vpbroadcast", size), vec(l, x), R);
        assert_int_equal(t->insn.avx.mask.reg - ZYDIS_REGISTER_K0, k);
        assert_int_equal(t->insn.raw.evex.z, z);
        x64_vpmovm2(b, size, l, x, k), expect(t, sized(name, "vpmovm2", size), vec(l, x), mask(k));
        x64_vpmov2m(b, size, l, k, x);
        snprintf(name, sizeof(name), "vpmov%c2m", "bwdq"[i & 3]);
        expect(t, name, mask(k), vec(l, x));
        x64_vmovmsk(b, X64_VMOVMSKPS, w, r, x & 15);
        expect(t, "vmovmskps", gpr(4, r), vec(w, x & 15));
        x64_vmovmsk(b, X64_VMOVMSKPD, w, r, x & 15);
        expect(t, "vmovmskpd", gpr(4, r), vec(w, x & 15));
        x64_vmovmsk(b, X64_VPMOVMSKB, w, r, x & 15);
        expect(t, "vpmovmskb", gpr(4, r), vec(w, x & 15));
    }
}

static void test_conversions_of_general_registers_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    struct vec_case c = {.l = 0};
    for (unsigned i = 0; i < 40 * 12; i++) {
        int w = (int)asm_random(t, 2), r = asm_random_reg(t);
        int x = (int)asm_random(t, 32), y = (int)asm_random(t, 32);
        enum x64_rc rc = asm_random(t, 4);
        c.op = X64_VCVTSI2SS + i % 12;
        c.r = &rows[c.op];
        mnemonic(&c);
        if (c.r->form == XR) {
            x64_vcvt_xr(b, c.op, w, x, y, r);
            expect(t, c.name, vec(0, x), vec(0, y), gpr(4 << w, r));
            if (!w && (c.op == X64_VCVTSI2SD || c.op == X64_VCVTUSI2SD))
                continue;
            x64_vcvt_xr_er(b, c.op, rc, w, x, y, r);
            expect(t, c.name, vec(0, x), vec(0, y), gpr(4 << w, r));
        } else {
            x64_vcvt_rx(b, c.op, w, r, x), expect(t, c.name, gpr(4 << w, r), vec(0, x));
            x64_vcvt_rx_er(b, c.op, rc, w, r, x), expect(t, c.name, gpr(4 << w, r), vec(0, x));
        }
        assert_true(t->insn.avx.has_sae);
        assert_int_equal(t->insn.avx.rounding.mode, (c.r->flags & ER) ? rounding[rc] : 0);
    }
}

/* ---- Mask registers ---- */
static void test_mask_operations_are_read_back(void **state)
{
    struct asm_test *t = *state;
    struct x64_buf *b = &t->b;
    static const char *const names[] = {"kand", "kandn", "kor", "kxnor", "kxor", "kadd"};
    char n[24];
    for (unsigned i = 0; i < 200; i++) {
        int size = 1 << (i & 3), d = (int)asm_random(t, 8), s = (int)asm_random(t, 8);
        int c = (int)asm_random(t, 8), r = asm_random_reg(t), v = (int)asm_random(t, 64);
        struct operand D = mask(d), S = mask(s), R = gpr(size == 8 ? 8 : 4, r);
        struct x64_mem m = asm_random_mem(t, 0);
        for (unsigned op = X64_KAND; op <= X64_KADD; op++)
            x64_kop(b, op, size, d, s, c), expect(t, sized(n, names[op], size), D, S, mask(c));
        x64_knot(b, size, d, s), expect(t, sized(n, "knot", size), D, S);
        x64_kortest(b, size, d, s), expect(t, sized(n, "kortest", size), D, S);
        x64_ktest(b, size, d, s), expect(t, sized(n, "ktest", size), D, S);
        x64_kshiftl(b, size, d, s, v), expect(t, sized(n, "kshiftl", size), D, S, imm(8, v));
        x64_kshiftr(b, size, d, s, v), expect(t, sized(n, "kshiftr", size), D, S, imm(8, v));
        sized(n, "kmov", size);
        x64_kmov_kr(b, size, d, r), expect(t, n, D, R);
        x64_kmov_rk(b, size, r, s), expect(t, n, R, S);
        x64_kmov_kk(b, size, d, s), expect(t, n, D, S);
        x64_kmov_km(b, size, d, m), expect(t, n, D, mem(8u * size, m));
        x64_kmov_mk(b, size, m, s), expect(t, n, mem(8u * size, m), S);
    }
}

int main(void)
{
    struct asm_test t;
    asm_test_init(&t);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_vex_rows_are_read_back, &t),
        cmocka_unit_test_prestate(test_evex_rows_are_read_back, &t),
        cmocka_unit_test_prestate(test_evex_displacements_are_as_short_as_they_can_be, &t),
        cmocka_unit_test_prestate(test_compares_to_masks_are_read_back, &t),
        cmocka_unit_test_prestate(test_broadcasts_are_read_back, &t),
        cmocka_unit_test_prestate(test_rounding_modes_are_read_back, &t),
        cmocka_unit_test_prestate(test_blends_by_a_register_are_read_back, &t),
        cmocka_unit_test_prestate(test_moves_to_and_from_general_registers_are_read_back, &t),
        cmocka_unit_test_prestate(test_conversions_of_general_registers_are_read_back, &t),
        cmocka_unit_test_prestate(test_mask_operations_are_read_back, &t),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%u instructions compared\n", t.count);
    return failed;
}
