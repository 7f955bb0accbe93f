/* Integer arithmetic, logic, shifts, bit fields, selection by NZCV, the guest's state words. */
#include "x64/lower_int.h"

#include "base/check.h"

static int wide(const struct ir_insn *i)
{
    return i->type == IR_I64;
}

/* Register of v now, or -1. */
static int where(const struct lower *e, ir_val v)
{
    struct lo_loc l = e->loc[lo_root(e, v)];
    return l.where == LO_REG ? l.n : l.where == LO_HOME ? lo_home(l.n) : -1;
}

/* Operands that are used again while a register is free, or are constants no immediate can hold,
 * come into registers; others may stay in memory and be memory operands. */
static void prepare(struct lower *e, ir_val v, int w)
{
    uint64_t k;
    ir_val r = lo_root(e, v);
    struct lo_loc l = e->loc[r];
    bool big = lo_const(e, r, &k) && !lo_fits(k, w);
    bool memory = l.where == LO_STATE || l.where == LO_SPILL;
    if (big || l.where == LO_REG || (memory && e->last[r] > e->at && lo_has_free(e)))
        (void)lo_r(e, r);
}

/* EFLAGS hold NZCV that somebody still wants from there. */
static bool flags_live(const struct lower *e)
{
    return e->flags != LO_F_MEM && !e->flags_saved && !e->lazy.valid && e->flags_last > e->at;
}

/* dst = a op b by a two-operand instruction. */
static void two_operand(struct lower *e, enum x64_alu op, int w, int dst, ir_val a, ir_val b,
                        bool commutes)
{
    int rb = where(e, b);
    if (rb == dst && where(e, a) != dst) {
        if (commutes) {
            lo_alu(e, op, w, dst, a);
            return;
        }
        lo_mov(e, w, RAX, a);
        x64_alu_rr(e->b, op, w, RAX, rb);
        x64_mov_rr(e->b, 1, dst, RAX);
        return;
    }
    if (w || where(e, a) != dst)
        lo_mov(e, w, dst, a);
    lo_alu(e, op, w, dst, b);
}

static void binary(struct lower *e, const struct ir_insn *i, enum x64_alu op, bool commutes,
                   enum lo_flags kind)
{
    int w = wide(i);
    prepare(e, i->a, w);
    prepare(e, i->b, w);
    lo_clobber(e);
    if (i->setf && !i->uses) {
        uint64_t k;
        if (op == X64_SUB) {
            lo_alu(e, X64_CMP, w, lo_r(e, i->a), i->b);
        } else if (op == X64_AND && lo_const(e, i->b, &k) && lo_fits(k, w)) {
            x64_test_ri(e->b, w, lo_r(e, i->a), (int32_t)k);
        } else if (op == X64_AND) {
            x64_test_rr(e->b, w, lo_r(e, i->a), lo_r(e, i->b));
        } else {
            lo_mov(e, w, RAX, i->a);
            lo_alu(e, op, w, RAX, i->b);
        }
    } else {
        two_operand(e, op, w, lo_rdef(e, i), i->a, i->b, commutes);
    }
    if (i->setf) {
        lo_flags_set(e, kind);
        if (!i->uses && (i->op == IR_ADD || i->op == IR_SUB || i->op == IR_AND))
            lo_lazy_begin(e, i);
    }
}

void lower_ADD(struct lower *e, const struct ir_insn *i)
{
    uint64_t k;
    int w = wide(i);
    if (i->setf || (!lo_const(e, i->b, &k) && where(e, i->b) < 0 && !flags_live(e))) {
        binary(e, i, X64_ADD, true, LO_F_ADD);
        return;
    }
    /* lea leaves EFLAGS alone and has a destination of its own. */
    int a = lo_r(e, i->a);
    if (lo_const(e, i->b, &k) && lo_fits(k, w)) {
        x64_lea(e->b, w, lo_rdef(e, i), x64_m(a, (int32_t)k));
    } else {
        int b = lo_r(e, i->b);
        x64_lea(e->b, w, lo_rdef(e, i), x64_mi(a, b, 0, 0));
    }
}

void lower_SUB(struct lower *e, const struct ir_insn *i)
{
    uint64_t k;
    int w = wide(i);
    if (!i->setf && lo_const(e, i->b, &k) && lo_fits(-k, w)) {
        int a = lo_r(e, i->a);
        x64_lea(e->b, w, lo_rdef(e, i), x64_m(a, (int32_t)-k));
        return;
    }
    binary(e, i, X64_SUB, false, LO_F_SUB);
}

void lower_AND(struct lower *e, const struct ir_insn *i)
{
    binary(e, i, X64_AND, true, LO_F_LOGIC);
}

void lower_OR(struct lower *e, const struct ir_insn *i)
{
    binary(e, i, X64_OR, true, LO_F_LOGIC);
}

void lower_XOR(struct lower *e, const struct ir_insn *i)
{
    binary(e, i, X64_XOR, true, LO_F_LOGIC);
}

void lower_ANDN(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a), b = lo_r(e, i->b);
    lo_clobber(e);
    int dst = i->uses ? lo_rdef(e, i) : RAX;
    x64_andn(e->b, wide(i), dst, b, a);
    if (i->setf)
        lo_flags_set(e, LO_F_LOGIC);
}

/* ADC and SBC: the carry from NZCV into CF, in the sense that the host wants it. */
static void with_carry(struct lower *e, const struct ir_insn *i, enum x64_alu op, bool inverted)
{
    int w = wide(i);
    prepare(e, i->a, w);
    prepare(e, i->b, w);
    (void)lo_cond(e, 2); /* EFLAGS hold NZCV */
    if ((e->flags == LO_F_SUB) != inverted)
        x64_cmc(e->b);
    e->flags = LO_F_MEM;
    int dst = i->uses ? lo_rdef(e, i) : RCX; /* neither it nor the moves change EFLAGS */
    int rb = where(e, i->b);
    bool second = rb >= 0 && rb == dst && where(e, i->a) != dst;
    if (second && !inverted) {
        lo_alu(e, op, w, dst, i->a);
    } else {
        int sum = second ? RCX : dst;
        if (where(e, i->a) != sum)
            lo_mov(e, w, sum, i->a);
        lo_alu(e, op, w, sum, i->b);
        if (sum != dst)
            x64_mov_rr(e->b, 1, dst, sum);
    }
    if (i->setf)
        lo_flags_set(e, op == X64_ADC ? LO_F_ADD : LO_F_SUB);
}

void lower_ADC(struct lower *e, const struct ir_insn *i)
{
    if (!i->setf)
        lo_flags_memory(e);
    with_carry(e, i, X64_ADC, false);
}

void lower_SBC(struct lower *e, const struct ir_insn *i)
{
    if (!i->setf)
        lo_flags_memory(e);
    with_carry(e, i, X64_SBB, true);
}

void lower_NOT(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a), dst = lo_rdef(e, i);
    if (dst != a || !wide(i))
        x64_mov_rr(e->b, wide(i), dst, a);
    x64_not(e->b, wide(i), dst);
}

void lower_NEG(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a);
    lo_clobber(e);
    int dst = lo_rdef(e, i);
    if (dst != a)
        x64_mov_rr(e->b, wide(i), dst, a);
    x64_neg(e->b, wide(i), dst);
}

/* ---- Shifts ---- */

static void shift(struct lower *e, const struct ir_insn *i, enum x64_shift op,
                  void (*by_register)(struct x64_buf *b, int w, int dst, int src, int count))
{
    int w = wide(i), a = lo_r(e, i->a);
    uint64_t k;
    if (!lo_const(e, i->b, &k)) {
        int n = lo_r(e, i->b);
        by_register(e->b, w, lo_rdef(e, i), a, n);
        return;
    }
    k &= w ? 63 : 31;
    if (op == X64_SHL && k <= 3 && k) {
        x64_lea(e->b, w, lo_rdef(e, i),
                k == 1 ? x64_mi(a, a, 0, 0) : x64_mi(X64_NONE, a, (int)k, 0));
        return;
    }
    if (flags_live(e)) { /* two instructions, but NZCV stays where it is */
        x64_mov_ri(e->b, RCX, k);
        by_register(e->b, w, lo_rdef(e, i), a, RCX);
        return;
    }
    if (k)
        lo_clobber(e);
    int dst = lo_rdef(e, i);
    if (dst != a || !w)
        x64_mov_rr(e->b, w, dst, a);
    if (k)
        x64_shift_ri(e->b, op, w, dst, (int)k);
}

void lower_SHL(struct lower *e, const struct ir_insn *i)
{
    shift(e, i, X64_SHL, x64_shlx);
}

void lower_SHR(struct lower *e, const struct ir_insn *i)
{
    shift(e, i, X64_SHR, x64_shrx);
}

void lower_SAR(struct lower *e, const struct ir_insn *i)
{
    shift(e, i, X64_SAR, x64_sarx);
}

void lower_ROR(struct lower *e, const struct ir_insn *i)
{
    int w = wide(i), a = lo_r(e, i->a);
    uint64_t k;
    if (lo_const(e, i->b, &k)) {
        x64_rorx(e->b, w, lo_rdef(e, i), a, (int)k & (w ? 63 : 31));
        return;
    }
    lo_clobber(e);
    lo_mov(e, 1, RCX, i->b);
    x64_mov_rr(e->b, w, RAX, a);
    x64_shift_cl(e->b, X64_ROR, w, RAX);
    x64_mov_rr(e->b, 1, lo_rdef(e, i), RAX);
}

void lower_EXTR(struct lower *e, const struct ir_insn *i)
{
    int w = wide(i), a = lo_r(e, i->a), b = lo_r(e, i->b);
    lo_clobber(e);
    x64_mov_rr(e->b, w, RCX, b);
    x64_shrd_rri(e->b, w, RCX, a, (int)i->imm);
    x64_mov_rr(e->b, 1, lo_rdef(e, i), RCX);
}

/* ---- Multiplication and division ---- */

/* The low or high half of a * b by mulx, which leaves EFLAGS alone: long products are sums of these
 * with a carry running through them. The operand that is needed longest is the one in RDX. */
static void product(struct lower *e, const struct ir_insn *i, bool high)
{
    ir_val a = lo_root(e, i->a), b = lo_root(e, i->b);
    uint64_t k;
    if (where(e, b) == RDX || (where(e, a) != RDX && e->last[b] > e->last[a])) {
        ir_val swap = a;
        a = b;
        b = swap;
    }
    lo_to_rdx(e, a);
    prepare(e, b, 1);
    if (lo_const(e, b, &k))
        (void)lo_r(e, b);
    int src = where(e, b), dst = lo_rdef(e, i);
    int hi = high ? dst : RAX; /* with one destination, it is the high half */
    if (src >= 0)
        x64_mulx(e->b, 1, hi, dst, src);
    else
        x64_mulx_m(e->b, 1, hi, dst, lo_in_memory(e, b));
}

void lower_MUL(struct lower *e, const struct ir_insn *i)
{
    int w = wide(i);
    uint64_t k;
    if (lo_const(e, i->b, &k) && lo_fits(k, w)) {
        int a = lo_r(e, i->a);
        lo_clobber(e);
        x64_imul_rri(e->b, w, lo_rdef(e, i), a, (int32_t)k);
        return;
    }
    if (w && flags_live(e)) {
        product(e, i, false);
        return;
    }
    int a = lo_r(e, i->a);
    prepare(e, i->b, w);
    if (lo_const(e, i->b, &k))
        (void)lo_r(e, i->b);
    lo_clobber(e);
    int b = where(e, i->b), dst = lo_rdef(e, i);
    if (dst == b) {
        x64_imul_rr(e->b, w, dst, a);
        return;
    }
    if (dst != a)
        x64_mov_rr(e->b, w, dst, a);
    if (b >= 0)
        x64_imul_rr(e->b, w, dst, b);
    else
        x64_imul_rm(e->b, w, dst, lo_in_memory(e, i->b));
}

void lower_UMULH(struct lower *e, const struct ir_insn *i)
{
    product(e, i, true);
}

/* RDX is a value register and is kept in RCX. */
void lower_SMULH(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a), b = lo_r(e, i->b);
    lo_clobber(e);
    x64_mov_rr(e->b, 1, RCX, RDX);
    x64_mov_rr(e->b, 1, RAX, a);
    x64_imul1(e->b, 1, b);
    x64_mov_rr(e->b, 1, RAX, RDX);
    x64_mov_rr(e->b, 1, RDX, RCX);
    x64_mov_rr(e->b, 1, lo_rdef(e, i), RAX);
}

/* RAX / RCX; RDX, a value register, is kept in memory. Division by zero gives 0, no fault. */
static void divide(struct lower *e, const struct ir_insn *i, bool is_signed)
{
    struct x64_buf *b = e->b;
    int w = wide(i), ra = lo_r(e, i->a), rb = lo_r(e, i->b);
    uint8_t *negate = NULL, *done = NULL;
    lo_clobber(e);
    x64_mov_rr(b, w, RCX, rb);
    x64_mov_rr(b, w, RAX, ra);
    x64_store(b, 8, lo_area(e, lo_hi), RDX);
    x64_test_rr(b, w, RCX, RCX);
    uint8_t *zero = x64_jcc_fwd8(b, X64_E);
    if (is_signed) {
        x64_alu_ri(b, X64_CMP, w, RCX, -1);
        negate = x64_jcc_fwd8(b, X64_E);
        if (w)
            x64_cqo(b);
        else
            x64_cdq(b);
        x64_idiv(b, w, RCX);
    } else {
        x64_alu_rr(b, X64_XOR, 0, RDX, RDX);
        x64_div(b, w, RCX);
    }
    done = x64_jmp_fwd8(b);
    if (is_signed) {
        x64_patch(b, negate);
        x64_neg(b, w, RAX);
        uint8_t *over = x64_jmp_fwd8(b);
        x64_patch(b, zero);
        x64_alu_rr(b, X64_XOR, 0, RAX, RAX);
        x64_patch(b, over);
    } else {
        x64_patch(b, zero);
        x64_alu_rr(b, X64_XOR, 0, RAX, RAX);
    }
    x64_patch(b, done);
    x64_load(b, 8, false, 1, RDX, lo_area(e, lo_hi));
    x64_mov_rr(b, 1, lo_rdef(e, i), RAX);
}

void lower_UDIV(struct lower *e, const struct ir_insn *i)
{
    divide(e, i, false);
}

void lower_SDIV(struct lower *e, const struct ir_insn *i)
{
    divide(e, i, true);
}

/* ---- Extension, bits ---- */

void lower_SEXT(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a);
    x64_ext_rr(e->b, 1 << i->sub, true, wide(i), lo_rdef(e, i), a);
}

void lower_UEXT(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a), dst = lo_rdef(e, i);
    if (i->sub == 2)
        x64_mov_rr(e->b, 0, dst, a);
    else
        x64_ext_rr(e->b, 1 << i->sub, false, 0, dst, a);
}

void lower_CLZ(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a);
    lo_clobber(e);
    x64_lzcnt(e->b, wide(i), lo_rdef(e, i), a);
}

void lower_BSWAP(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a), dst = lo_rdef(e, i);
    if (dst != a || !wide(i))
        x64_mov_rr(e->b, wide(i), dst, a);
    x64_bswap(e->b, wide(i), dst);
}

/* RAX = groups of n bits of RAX exchanged with their neighbours; mask: the lower of each two. */
static void swap_groups(struct lower *e, int w, int n, uint64_t mask)
{
    struct x64_buf *b = e->b;
    x64_mov_rr(b, w, RCX, RAX);
    x64_shift_ri(b, X64_SHR, w, RCX, n);
    if (w) {
        x64_store(b, 8, lo_area(e, lo_hi), RCX);
        x64_mov_ri(b, RCX, mask);
        x64_alu_rr(b, X64_AND, 1, RAX, RCX);
        x64_alu_rm(b, X64_AND, 1, RCX, lo_area(e, lo_hi));
    } else {
        x64_alu_ri(b, X64_AND, 0, RAX, (int32_t)mask);
        x64_alu_ri(b, X64_AND, 0, RCX, (int32_t)mask);
    }
    x64_shift_ri(b, X64_SHL, w, RAX, n);
    x64_alu_rr(b, X64_OR, w, RAX, RCX);
}

void lower_RBIT(struct lower *e, const struct ir_insn *i)
{
    int w = wide(i), a = lo_r(e, i->a);
    lo_clobber(e);
    x64_mov_rr(e->b, w, RAX, a);
    x64_bswap(e->b, w, RAX);
    swap_groups(e, w, 4, 0x0f0f0f0f0f0f0f0f);
    swap_groups(e, w, 2, 0x3333333333333333);
    swap_groups(e, w, 1, 0x5555555555555555);
    x64_mov_rr(e->b, 1, lo_rdef(e, i), RAX);
}

void lower_REV16(struct lower *e, const struct ir_insn *i)
{
    int w = wide(i), a = lo_r(e, i->a);
    lo_clobber(e);
    x64_mov_rr(e->b, w, RAX, a);
    swap_groups(e, w, 8, 0x00ff00ff00ff00ff);
    x64_mov_rr(e->b, 1, lo_rdef(e, i), RAX);
}

/* a ^ ((a ^ (b << lsb)) & mask), the mask made by shifts. */
void lower_BFI(struct lower *e, const struct ir_insn *i)
{
    int w = wide(i), bits = w ? 64 : 32, lsb = i->sub, width = i->sub2;
    int a = lo_r(e, i->a), b = lo_r(e, i->b);
    lo_clobber(e);
    x64_mov_rr(e->b, w, RCX, b);
    if (lsb)
        x64_shift_ri(e->b, X64_SHL, w, RCX, lsb);
    x64_alu_rr(e->b, X64_XOR, w, RCX, a);
    if (bits - lsb - width)
        x64_shift_ri(e->b, X64_SHL, w, RCX, bits - lsb - width);
    if (bits - width)
        x64_shift_ri(e->b, X64_SHR, w, RCX, bits - width);
    if (lsb)
        x64_shift_ri(e->b, X64_SHL, w, RCX, lsb);
    x64_alu_rr(e->b, X64_XOR, w, RCX, a);
    x64_mov_rr(e->b, 1, lo_rdef(e, i), RCX);
}

void lower_CRC32C(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a), b = lo_r(e, i->b);
    x64_mov_rr(e->b, 0, RAX, a);
    x64_crc32(e->b, 1 << i->sub, RAX, b);
    x64_mov_rr(e->b, 1, lo_rdef(e, i), RAX);
}

/* Polynomials with the first bit lowest. q = (crc + data) / P modulo x^64 makes q P equal to
 * crc + data in the low 64 bits, so what is above is the remainder of their product with x^64:
 * without a table. Less data goes to the upper end of the 64 bits, and the crc that it does not
 * reach is added after. */
void lower_CRC32(struct lower *e, const struct ir_insn *i)
{
    const int bits = 8 << i->sub, crc = lo_r(e, i->a), data = lo_r(e, i->b);
    x64_vmov_xr(e->b, 0, LO_XS1, crc);
    x64_vmov_xr(e->b, 1, LO_XS0, data);
    x64_vrrr(e->b, X64_VPXOR, 0, LO_XS0, LO_XS0, LO_XS1);
    if (bits < 64)
        x64_vrri(e->b, X64_VPSLLQ_I, 0, LO_XS0, LO_XS0, 64 - bits);
    x64_vrrmi(e->b, X64_VPCLMULQDQ, 0, LO_XS0, LO_XS0, lo_k(e, X64_K_CRC32), 0x00);
    x64_vrrmi(e->b, X64_VPCLMULQDQ, 0, LO_XS0, LO_XS0, lo_k(e, X64_K_CRC32), 0x10);
    if (bits >= 32) {
        x64_vpextr(e->b, 4, lo_rdef(e, i), LO_XS0, 2);
        return;
    }
    x64_vrri(e->b, X64_VPSRLDQ_I, 0, LO_XS0, LO_XS0, 8);
    x64_vrri(e->b, X64_VPSRLD_I, 0, LO_XS1, LO_XS1, bits);
    x64_vrrr(e->b, X64_VPXOR, 0, LO_XS0, LO_XS0, LO_XS1);
    x64_vmov_rx(e->b, 0, lo_rdef(e, i), LO_XS0);
}

/* ---- NZCV ---- */

void lower_CSEL(struct lower *e, const struct ir_insn *i)
{
    int w = wide(i);
    enum x64_cc cc = lo_cond(e, i->sub);
    int a = lo_r(e, i->a), b = lo_r(e, i->b), dst = lo_rdef(e, i);
    if (dst == a) {
        x64_cmov(e->b, x64_cc_not(cc), w, dst, b);
        return;
    }
    if (dst != b)
        x64_mov_rr(e->b, w, dst, b);
    x64_cmov(e->b, cc, w, dst, a); /* writes the whole register, taken or not */
}

void lower_CSET(struct lower *e, const struct ir_insn *i)
{
    enum x64_cc cc = lo_cond(e, i->sub);
    x64_setcc(e->b, cc, RAX);
    x64_ext_rr(e->b, 1, false, 0, lo_rdef(e, i), RAX);
}

void lower_CCMP(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    int w = wide(i), nzcv = (int)i->imm;
    enum x64_cc cc = lo_cond(e, i->sub);
    int x = lo_r(e, i->a);
    uint64_t k;
    bool imm = lo_const(e, i->b, &k) && lo_fits(k, w);
    int y = imm ? -1 : lo_r(e, i->b);
    uint8_t *no = x64_jcc_fwd8(b, x64_cc_not(cc));
    if (i->sub2)
        x64_mov_rr(b, w, RAX, x);
    if (imm)
        x64_alu_ri(b, i->sub2 ? X64_ADD : X64_CMP, w, i->sub2 ? RAX : x, (int32_t)k);
    else
        x64_alu_rr(b, i->sub2 ? X64_ADD : X64_CMP, w, i->sub2 ? RAX : x, y);
    if (i->sub2)
        x64_cmc(b);
    uint8_t *done = x64_jmp_fwd8(b);
    x64_patch(b, no);
    /* N to SF, Z to ZF, C inverted to CF, V to AL. */
    unsigned ah = (nzcv & 8 ? 0x80u : 0) | (nzcv & 4 ? 0x40u : 0) | (nzcv & 2 ? 0 : 1u);
    x64_mov_ri(b, RAX, ah << 8 | (nzcv & 1));
    x64_alu_sz_ri(b, X64_ADD, 1, RAX, 0x7f);
    x64_sahf(b);
    x64_patch(b, done);
    lo_flags_set(e, LO_F_SUB);
}

/* The condition that the flags of the present operation are first asked for; 15: none. */
static unsigned first_condition(const struct lower *e)
{
    unsigned end = e->flag_need[e->at];
    for (unsigned n = e->at + 1; n <= end; n++) {
        const struct ir_insn *i = &e->ir->insn[n];
        if (i->op == IR_FCSEL)
            return i->sub2 & 15u;
        if (i->op == IR_EXITC || i->op == IR_CSEL || i->op == IR_CSET)
            return i->sub;
    }
    return 15;
}

void lower_FCMP(struct lower *e, const struct ir_insn *i)
{
    bool single = i->sub == 2;
    int a = lo_v(e, i->a), b = LO_XS0;
    if (i->b)
        b = lo_v(e, i->b);
    else
        x64_vrrr(e->b, X64_VXORPS, 0, LO_XS0, LO_XS0, LO_XS0);
    bool exchange = lo_fcmp_exchange(first_condition(e));
    enum x64_vop op = i->sub2 ? (single ? X64_VCOMISS : X64_VCOMISD)
                              : (single ? X64_VUCOMISS : X64_VUCOMISD);
    lo_clobber(e);
    x64_vrr(e->b, op, 0, exchange ? b : a, exchange ? a : b);
    lo_flags_set(e, exchange ? LO_F_FCMPX : LO_F_FCMP);
}

/* ---- State words ---- */

void lower_GETS(struct lower *e, const struct ir_insn *i)
{
    x64_load(e->b, 1 << i->sub, false, 1, lo_rdef(e, i), lo_state(e, (int32_t)i->imm));
}

void lower_PUTS(struct lower *e, const struct ir_insn *i)
{
    x64_store(e->b, 1 << i->sub, lo_state(e, (int32_t)i->imm), lo_r(e, i->a));
}

void lower_PC(struct lower *e, const struct ir_insn *i)
{
    int dst = lo_rdef(e, i);
    x64_load(e->b, 8, false, 1, dst, lo_area(e, page));
    if (i->imm == (int32_t)i->imm) {
        if (i->imm)
            x64_lea(e->b, 1, dst, x64_m(dst, (int32_t)i->imm));
    } else {
        x64_mov_ri(e->b, RAX, (uint64_t)i->imm);
        x64_lea(e->b, 1, dst, x64_mi(dst, RAX, 0, 0));
    }
}
