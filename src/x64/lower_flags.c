/* NZCV: in EFLAGS from the instruction that sets it to those that use it, in area->nzcv, or
 * computed again from the operands of a comparison where somebody wants to see it out of line.
 *
 * The memory form is what LAHF and SETO AL leave after a subtraction: AH has SF (bit 7), ZF (6)
 * and CF (0, inverted: x86 borrows where A64 carries), AL has OF. After an addition the carry is
 * complemented before it is saved; after a logical operation, whose C is 0, it is set.
 */
#include "x64/lower_int.h"

#include "base/check.h"

#include <stddef.h>

static struct x64_mem nzcv_mem(const struct lower *e)
{
    return lo_area(e, nzcv);
}

static bool is_fcmp(enum lo_flags kind)
{
    return kind == LO_F_FCMP || kind == LO_F_FCMPX;
}

/* AX = the memory form of EFLAGS after vucomis, by the table: AH is one of four values. */
static void fcmp_word(struct lower *e, enum lo_flags kind)
{
    struct x64_mem table = lo_area(e, fcmp);
    x64_mov_ri(e->b, RAX, 0);
    x64_lahf(e->b);
    x64_shift_ri(e->b, X64_SHR, 0, RAX, 8);
    if (kind == LO_F_FCMPX)
        table.disp += 2 * (int32_t)X64_FCMP_ENTRIES;
    x64_load(e->b, 2, false, 0, RAX, x64_mi(RBP, RAX, 1, table.disp));
}

/* EFLAGS from the memory form in AX. */
static void from_word(struct lower *e)
{
    x64_alu_sz_ri(e->b, X64_ADD, 1, RAX, 0x7f); /* OF from AL */
    x64_sahf(e->b);
}

/* Turns EFLAGS of `kind` into those of a subtraction. After vucomis, changes RAX. */
static void to_sub(struct lower *e, enum lo_flags kind)
{
    if (kind == LO_F_ADD) {
        x64_cmc(e->b);
    } else if (kind == LO_F_LOGIC) {
        x64_stc(e->b);
    } else if (is_fcmp(kind)) {
        fcmp_word(e, kind);
        from_word(e);
    }
}

/* EFLAGS of `kind` to memory. After vucomis they are lost, else those of a subtraction then. */
static void store_as(struct lower *e, enum lo_flags kind)
{
    if (is_fcmp(kind)) {
        fcmp_word(e, kind);
    } else {
        to_sub(e, kind);
        x64_lahf(e->b);
        x64_setcc(e->b, X64_O, RAX);
    }
    x64_store(e->b, 2, nzcv_mem(e), RAX);
}

void lo_flags_save(struct lower *e)
{
    store_as(e, e->flags);
    e->flags = is_fcmp(e->flags) ? LO_F_MEM : LO_F_SUB;
    e->flags_saved = true;
}

/* Does anybody at or after the present operation need the flags? */
static bool needed(const struct lower *e)
{
    return e->flags_last >= e->at;
}

void lo_flags_set(struct lower *e, enum lo_flags kind)
{
    lo_lazy_end(e);
    e->flags = kind;
    e->flags_saved = false;
    e->flags_last = e->flag_need[e->at];
}

void lo_clobber(struct lower *e)
{
    if (e->flags == LO_F_MEM)
        return;
    if (!e->flags_saved && !e->lazy.valid && e->flags_last > e->at)
        lo_flags_save(e);
    e->flags = LO_F_MEM;
}

void lo_flags_before_exit(struct lower *e)
{
    if (e->flags == LO_F_MEM || e->flags_saved || !needed(e) || e->lazy.valid)
        return;
    if (e->ir->insn[e->at].op == IR_EXITC) /* its taken path saves them */
        return;
    lo_flags_save(e);
}

/* ---- Computing them again ---- */

void lo_lazy_begin(struct lower *e, const struct ir_insn *i)
{
    ir_val a = lo_root(e, i->a), b = lo_root(e, i->b);
    uint64_t k;
    if (e->flags_last <= e->at || (lo_const(e, b, &k) && !lo_fits(k, i->type == IR_I64)))
        return;
    e->lazy = (struct lo_lazy){.valid = true, .op = (uint8_t)i->op, .type = i->type,
                               .va = a, .vb = b,
                               .last_a = e->last[a], .last_b = e->last[b]};
    if (e->last[a] < e->flags_last)
        e->last[a] = e->flags_last;
    if (e->last[b] < e->flags_last)
        e->last[b] = e->flags_last;
}

void lo_lazy_end(struct lower *e)
{
    struct lo_lazy *z = &e->lazy;
    if (!z->valid)
        return;
    z->valid = false;
    e->last[z->va] = z->last_a;
    e->last[z->vb] = z->last_b;
    /* The operands of the present operation are the driver's. */
    if (e->last[z->va] < e->at)
        lo_release(e, z->va);
    if (e->last[z->vb] < e->at)
        lo_release(e, z->vb);
}

static void locate(const struct lower *e, ir_val v, struct lo_loc *l, uint64_t *k)
{
    *l = e->loc[v];
    (void)lo_const(e, v, k);
}

/* RAX = first operand; then the operation that sets EFLAGS. */
static void compute(struct lower *e, const struct lo_lazy *z)
{
    int w = z->type == IR_I64;
    enum x64_alu op = z->op == IR_ADD ? X64_ADD : z->op == IR_SUB ? X64_CMP : X64_AND;
    lo_mov_at(e, w, RAX, z->a, z->ka);
    lo_alu_at(e, op, w, RAX, z->b, z->kb);
}

static enum lo_flags kind_of(const struct lo_lazy *z)
{
    return z->op == IR_ADD ? LO_F_ADD : z->op == IR_SUB ? LO_F_SUB : LO_F_LOGIC;
}

static struct lo_lazy lazy_now(const struct lower *e)
{
    struct lo_lazy z = e->lazy;
    locate(e, z.va, &z.a, &z.ka);
    locate(e, z.vb, &z.b, &z.kb);
    return z;
}

/* EFLAGS from the operands. */
static void lazy_reload(struct lower *e)
{
    struct lo_lazy z = lazy_now(e);
    compute(e, &z);
    e->flags = kind_of(&z);
    e->flags_saved = false;
}

void lo_lazy_lose(struct lower *e, ir_val v)
{
    struct lo_lazy *z = &e->lazy;
    if (!z->valid || (v != z->va && v != z->vb))
        return;
    if (needed(e)) {
        if (e->flags == LO_F_MEM)
            lazy_reload(e);
        if (!e->flags_saved)
            lo_flags_save(e);
    }
    lo_lazy_end(e);
}

void lo_flags_memory(struct lower *e)
{
    if (e->flags == LO_F_MEM && e->lazy.valid)
        lazy_reload(e);
    if (e->flags != LO_F_MEM && !e->flags_saved)
        lo_flags_save(e);
    lo_lazy_end(e);
}

void lo_cold_state(struct lower *e, struct lo_cold *c)
{
    c->flags = LO_F_MEM;
    c->lazy.valid = false;
    if (!needed(e))
        return;
    if (e->flags != LO_F_MEM && !e->flags_saved)
        c->flags = (uint8_t)e->flags;
    else if (e->flags == LO_F_MEM && e->lazy.valid)
        c->lazy = lazy_now(e);
}

void lo_cold_flags(struct lower *e, const struct lo_cold *c)
{
    enum lo_flags kind = (enum lo_flags)c->flags;
    if (c->lazy.valid) {
        compute(e, &c->lazy);
        kind = kind_of(&c->lazy);
    }
    if (kind == LO_F_MEM)
        return;
    store_as(e, kind);
}

/* ---- Conditions ---- */

static void reload(struct lower *e)
{
    if (e->lazy.valid) {
        lazy_reload(e);
        return;
    }
    x64_load(e->b, 2, false, 0, RAX, nzcv_mem(e));
    from_word(e);
    e->flags = LO_F_SUB;
    e->flags_saved = true;
}

/* By A64 condition, EFLAGS of a subtraction. */
static const uint8_t cc_sub[14] = {
    X64_E, X64_NE, X64_AE, X64_B, X64_S, X64_NS, X64_O, X64_NO, X64_A, X64_BE, X64_GE, X64_L, X64_G,
    X64_LE,
};
/* The same after vucomis, which sets ZF PF CF if unordered, CF if less, ZF if equal; 0xff: not one
 * host condition. */
static const uint8_t cc_fcmp[2][14] = {
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, X64_P, X64_NP, 0xff, 0xff, X64_AE, X64_B, X64_A, X64_BE},
    {0xff, 0xff, 0xff, 0xff, X64_A, X64_BE, X64_P, X64_NP, X64_B, X64_AE, 0xff, 0xff, 0xff, 0xff},
};

bool lo_fcmp_exchange(unsigned cond)
{
    return cond < 14 && cc_fcmp[0][cond] == 0xff && cc_fcmp[1][cond] != 0xff;
}

enum x64_cc lo_cond(struct lower *e, unsigned cond)
{
    CHECK(cond < 14);
    if (e->flags == LO_F_MEM)
        reload(e);
    bool carry = cond == 2 || cond == 3 || cond == 8 || cond == 9;
    if (is_fcmp(e->flags)) {
        uint8_t cc = cc_fcmp[e->flags == LO_F_FCMPX][cond];
        if (cc != 0xff)
            return (enum x64_cc)cc;
        to_sub(e, e->flags);
        e->flags = LO_F_SUB;
    } else if (carry && e->flags == LO_F_ADD && (cond == 2 || cond == 3)) {
        return cond == 2 ? X64_B : X64_AE;
    } else if (carry && e->flags != LO_F_SUB) {
        to_sub(e, e->flags);
        e->flags = LO_F_SUB;
    }
    return (enum x64_cc)cc_sub[cond];
}
