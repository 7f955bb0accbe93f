/* Vector instructions: one emitter driven by the table of vec_ops.def.
 *
 * Every public function describes its operands as a struct x64_vec and calls emit_reg() or
 * emit_mem(), which choose the encoding: VEX if the row has it and nothing asks for EVEX (register
 * above 15, 512 bits, mask, broadcast, rounding mode, mask destination). So a call serves AVX2 and
 * AVX-512. The row's form says which functions take it, which is CHECKed: another function would
 * make another instruction of it.
 *
 * EVEX (SDM volume 2, 2.7): 62, then ~R ~X ~B ~R' 0 mmm, then W ~vvvv 1 pp, then z L'L b ~V' aaa.
 */
#include "x64/asm_vec_int.h"

enum { T_FULL, T_HALF, T_QUARTER, T_EIGHTH, T_DUP, T_S1, T_S2, T_S4, T_S8, T_S16, T_S32 };
enum { L_ALL, L_LIG, L_L128, L_L256, L_L512 };

/* The forms as sets of the shapes that the functions have. */
enum { RRR = 1, RRM = 2, RR = 4, RM = 8, MR = 16, REVERSED = 32, SHIFT = 64, OTHER = 128 };
enum {
    F_RVM = RRR | RRM,
    F_RM = RR | RM,
    F_LD = RM,
    F_LDST = RM | MR,
    F_MOV = RR | RM | MR,
    F_MOVS = RRR | RM | MR,
    F_MR = RR | MR | REVERSED,
    F_RVR = RRR,
    F_RVL = RRM | MR,
    F_VMI = RR | RM | SHIFT,
    F_IS4 = OTHER,
    F_XR = OTHER,
    F_RX = OTHER,
    F_MSK = OTHER,
};

enum { M0F = 1, M38, M3A };
enum { NP, P66, PF3, PF2 };
enum { W0 = 0, W01 = 2, W1 = 3 };
enum { E = 1, V = 2, VE = 3 };

struct row {
    uint16_t op;     /* as asm_int.h writes it */
    uint8_t aux;
    uint8_t form;
    uint16_t flags;
    uint8_t w : 2;   /* bit 0: in VEX, bit 1: in EVEX */
    uint8_t enc : 2;
    uint8_t lengths : 3;
    uint8_t tuple;
};

static const struct row rows[X64_VOP_COUNT] = {
#define X(name, enc, map, pp, opcode, w, form, tuple, lengths, flags, aux, evex_name)              \
    {(map) << 8 | (pp) << 12 | (opcode), aux, F_##form, flags, w, enc, L_##lengths, T_##tuple},
#include "x64/vec_ops.def"
#undef X
};

static inline unsigned disp8_log2(const struct row *r, unsigned l)
{
    switch (r->tuple) {
    case T_FULL: return 4 + l;
    case T_HALF: return 3 + l;
    case T_QUARTER: return 2 + l;
    case T_EIGHTH: return 1 + l;
    case T_DUP: return l ? 4 + l : 3;
    default: return r->tuple - (unsigned)T_S1;
    }
}

/* L as the encoding has it; CHECKs that the row has this length. */
static inline unsigned row_length(const struct row *r, int l)
{
    switch (r->lengths) {
    case L_LIG: return 0;
    case L_L128: CHECK(l == 0); return 0;
    case L_L256: CHECK(l == 1 || l == 2); break;
    case L_L512: CHECK(l == 2); break;
    default: CHECK(l >= 0 && l <= 2); break;
    }
    return (unsigned)l;
}

static inline uint8_t *put_evex(uint8_t *p, unsigned op, unsigned w, unsigned l,
                                const struct x64_vec *o, unsigned x, unsigned bb)
{
    unsigned r = (unsigned)o->reg, v = (unsigned)o->v;
    *p++ = 0x62;
    *p++ = (uint8_t)((~r & 8) << 4 | (~x & 8) << 3 | (~bb & 8) << 2 | (~r & 16) | (op >> 8 & 3));
    *p++ = (uint8_t)(w << 7 | (~v & 15) << 3 | 4 | (op >> 12 & 3));
    *p++ = (uint8_t)((unsigned)o->z << 7 | l << 5 | (unsigned)o->b << 4 | (~v & 16) >> 1 |
                     (unsigned)o->k);
    *p++ = (uint8_t)op;
    return p;
}

/* Inlined into each public function, most of whose operands are then constants: going through a
 * struct in memory takes three times as long. */
#define INLINE static inline __attribute__((always_inline))

INLINE void vec_reg(struct x64_buf *b, unsigned op, unsigned row_w, unsigned enc, int l,
                    const struct x64_vec *o, int rm)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    unsigned reg = (unsigned)o->reg, v = (unsigned)o->v, m = (unsigned)rm;
    if ((enc & V) && !o->evex && l < 2 && (reg | v | m) < 16) {
        p = x64_put_vex(p, op, row_w & 1, (unsigned)l, reg, v, 0, m);
    } else {
        CHECK((enc & E) && (reg | v | m) < 32);
        p = put_evex(p, op, row_w >> 1, o->b ? (unsigned)o->rc : (unsigned)l, o, m >> 1, m);
    }
    p = x64_put_rr(p, reg, m);
    *p = (uint8_t)o->imm;
    b->p = p + o->imm_bytes;
}

INLINE void vec_mem(struct x64_buf *b, unsigned op, unsigned row_w, unsigned enc, int l,
                    unsigned scale_log2, const struct x64_vec *o, struct x64_mem m)
{
    uint8_t *p = x64_begin(b);
    if (!p)
        return;
    unsigned reg = (unsigned)o->reg, v = (unsigned)o->v;
    unsigned x = x64_reg_or_0(m.index), bb = x64_reg_or_0(m.base);
    if ((enc & V) && !o->evex && l < 2 && (reg | v) < 16) {
        p = x64_put_vex(p, op, row_w & 1, (unsigned)l, reg, v, x, bb);
        scale_log2 = 0;
    } else {
        CHECK((enc & E) && (reg | v) < 32);
        p = put_evex(p, op, row_w >> 1, (unsigned)l, o, x, bb);
    }
    p = x64_put_mem(p, b->p, reg, m, scale_log2, o->imm_bytes);
    *p = (uint8_t)o->imm;
    b->p = p + o->imm_bytes;
}

void x64_vec_reg(struct x64_buf *b, unsigned op, unsigned row_w, unsigned enc, int l,
                 const struct x64_vec *o, int rm)
{
    vec_reg(b, op, row_w, enc, l, o, rm);
}

void x64_vec_mem(struct x64_buf *b, unsigned op, unsigned row_w, unsigned enc, int l,
                 unsigned scale_log2, const struct x64_vec *o, struct x64_mem m)
{
    vec_mem(b, op, row_w, enc, l, scale_log2, o, m);
}

/* ---- By rows ---- */
static inline const struct row *row_of(enum x64_vop op, unsigned shape, const struct x64_vec *o)
{
    CHECK((unsigned)op < X64_VOP_COUNT);
    const struct row *r = &rows[op];
    CHECK((r->form & shape) == shape && !(r->flags & IMM) == !o->imm_bytes);
    CHECK(!o->k || !(r->flags & NM));
    return r;
}

/* A row whose EVEX form writes a mask is VEX only for everybody but the functions for that. */
static inline unsigned vector_enc(const struct row *r)
{
    return (r->flags & KD) ? r->enc & (unsigned)V : r->enc;
}

INLINE void emit_reg(struct x64_buf *b, enum x64_vop op, unsigned shape, int l, struct x64_vec o,
                     int rm)
{
    const struct row *r = row_of(op, shape, &o);
    unsigned length = row_length(r, l);
    if (r->form & REVERSED) {
        int dst = o.reg;
        o.reg = (int8_t)rm;
        rm = dst;
    } else if (r->form & SHIFT) {
        o.v = o.reg;
        o.reg = (int8_t)r->aux;
    }
    vec_reg(b, r->op, r->w, vector_enc(r), (int)length, &o, rm);
}

INLINE void emit_mem(struct x64_buf *b, enum x64_vop op, unsigned shape, int l, struct x64_vec o,
                     struct x64_mem m)
{
    const struct row *r = row_of(op, shape, &o);
    unsigned length = row_length(r, l), opcode = r->op, enc = vector_enc(r);
    if (r->form & SHIFT) {
        o.v = o.reg;
        o.reg = (int8_t)r->aux;
        enc &= E;
    } else if (shape == MR && !(r->form & REVERSED)) {
        opcode = (opcode & ~0xffu) | r->aux;
        if (r->flags & ST66)
            opcode = (opcode & ~X64_PP(3)) | X64_66;
    }
    unsigned scale = o.b ? 2u + (r->w >> 1) : disp8_log2(r, length);
    vec_mem(b, opcode, r->w, enc, (int)length, scale, &o, m);
}

/* Operands: destination, second register, and optionally an immediate; or with a mask. */
static inline struct x64_vec ops(int reg, int v)
{
    return (struct x64_vec){.reg = (int8_t)reg, .v = (int8_t)v};
}

static inline struct x64_vec ops_imm(int reg, int v, int imm)
{
    return (struct x64_vec){.reg = (int8_t)reg, .v = (int8_t)v, .imm_bytes = 1,
                            .imm = (uint8_t)imm};
}

static inline struct x64_vec ops_k(struct x64_vec o, int k, int z)
{
    CHECK(k >= 0 && k < 8);
    o.evex = true;
    o.k = (uint8_t)k;
    o.z = z && k;
    return o;
}

void x64_vrrr(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, int src2)
{
    emit_reg(b, op, RRR, L, ops(dst, a), src2);
}

void x64_vrrm(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, struct x64_mem m)
{
    emit_mem(b, op, RRM, L, ops(dst, a), m);
}

void x64_vrrri(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, int src2, int imm)
{
    emit_reg(b, op, RRR, L, ops_imm(dst, a, imm), src2);
}

void x64_vrrmi(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, struct x64_mem m, int imm)
{
    emit_mem(b, op, RRM, L, ops_imm(dst, a, imm), m);
}

void x64_vrr(struct x64_buf *b, enum x64_vop op, int L, int dst, int src)
{
    emit_reg(b, op, RR, L, ops(dst, 0), src);
}

void x64_vrm(struct x64_buf *b, enum x64_vop op, int L, int dst, struct x64_mem m)
{
    emit_mem(b, op, RM, L, ops(dst, 0), m);
}

void x64_vrri(struct x64_buf *b, enum x64_vop op, int L, int dst, int src, int imm)
{
    emit_reg(b, op, RR, L, ops_imm(dst, 0, imm), src);
}

void x64_vrmi(struct x64_buf *b, enum x64_vop op, int L, int dst, struct x64_mem m, int imm)
{
    emit_mem(b, op, RM, L, ops_imm(dst, 0, imm), m);
}

void x64_vmr(struct x64_buf *b, enum x64_vop op, int L, struct x64_mem m, int src)
{
    emit_mem(b, op, MR, L, ops(src, 0), m);
}

void x64_vmri(struct x64_buf *b, enum x64_vop op, int L, struct x64_mem m, int src, int imm)
{
    emit_mem(b, op, MR, L, ops_imm(src, 0, imm), m);
}

/* ---- Masked ---- */
/* Not inlined: these are too many, and not as frequent. */
static __attribute__((noinline)) void emit_reg_evex(struct x64_buf *b, enum x64_vop op,
                                                    unsigned shape, int l, struct x64_vec o, int rm)
{
    emit_reg(b, op, shape, l, o, rm);
}

static __attribute__((noinline)) void emit_mem_evex(struct x64_buf *b, enum x64_vop op,
                                                    unsigned shape, int l, struct x64_vec o,
                                                    struct x64_mem m)
{
    emit_mem(b, op, shape, l, o, m);
}

void x64_k_vrrr(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int a, int src2)
{
    emit_reg_evex(b, op, RRR, L, ops_k(ops(dst, a), k, z), src2);
}

void x64_k_vrrm(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int a,
                struct x64_mem m)
{
    emit_mem_evex(b, op, RRM, L, ops_k(ops(dst, a), k, z), m);
}

void x64_k_vrrri(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int a, int src2,
                 int imm)
{
    emit_reg_evex(b, op, RRR, L, ops_k(ops_imm(dst, a, imm), k, z), src2);
}

void x64_k_vrr(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int src)
{
    emit_reg_evex(b, op, RR, L, ops_k(ops(dst, 0), k, z), src);
}

void x64_k_vrm(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, struct x64_mem m)
{
    emit_mem_evex(b, op, RM, L, ops_k(ops(dst, 0), k, z), m);
}

void x64_k_vrri(struct x64_buf *b, enum x64_vop op, int L, int k, int z, int dst, int src, int imm)
{
    emit_reg_evex(b, op, RR, L, ops_k(ops_imm(dst, 0, imm), k, z), src);
}

void x64_k_vmr(struct x64_buf *b, enum x64_vop op, int L, int k, struct x64_mem m, int src)
{
    emit_mem_evex(b, op, MR, L, ops_k(ops(src, 0), k, 0), m);
}

void x64_vrrm_bcst(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, struct x64_mem m)
{
    CHECK(rows[op].flags & BC);
    struct x64_vec o = ops_k(ops(dst, a), 0, 0);
    o.b = true;
    emit_mem_evex(b, op, RRM, L, o, m);
}

/* ---- Rounding in the instruction ---- */
/* The operands with EVEX.b and the mode; SAE rows have no mode and L'L stays 0. */
static struct x64_vec with_rc(const struct row *r, struct x64_vec o, enum x64_rc rc)
{
    CHECK(r->flags & (ER | SAE));
    o.evex = true;
    o.b = true;
    o.rc = (r->flags & ER) ? rc : 0;
    return o;
}

static void emit_rounded(struct x64_buf *b, enum x64_vop op, unsigned shape, enum x64_rc rc,
                         struct x64_vec o, int rm)
{
    const struct row *r = &rows[op];
    emit_reg_evex(b, op, shape, r->lengths == L_LIG ? 0 : 2, with_rc(r, o, rc), rm);
}

void x64_vrrr_er(struct x64_buf *b, enum x64_vop op, enum x64_rc rc, int dst, int a, int src2)
{
    emit_rounded(b, op, RRR, rc, ops(dst, a), src2);
}

void x64_vrr_er(struct x64_buf *b, enum x64_vop op, enum x64_rc rc, int dst, int src)
{
    emit_rounded(b, op, RR, rc, ops(dst, 0), src);
}

void x64_vrrri_sae(struct x64_buf *b, enum x64_vop op, int dst, int a, int src2, int imm)
{
    emit_rounded(b, op, RRR, X64_RN, ops_imm(dst, a, imm), src2);
}

void x64_vrri_sae(struct x64_buf *b, enum x64_vop op, int dst, int src, int imm)
{
    emit_rounded(b, op, RR, X64_RN, ops_imm(dst, 0, imm), src);
}

/* ---- Mask destinations ---- */
static struct x64_vec k_dst(const struct row *r, int k, int kdst, int a, int imm)
{
    CHECK((r->flags & KD) && (r->enc & E) && kdst >= 0 && kdst < 8);
    return (struct x64_vec){.reg = (int8_t)kdst, .v = (int8_t)a, .evex = true, .k = (unsigned)k & 7,
                            .imm_bytes = (r->flags & IMM) != 0, .imm = (uint8_t)imm};
}

void x64_k_vcmp_k(struct x64_buf *b, enum x64_vop op, int L, int k, int kdst, int a, int src2,
                  int imm)
{
    const struct row *r = &rows[op];
    struct x64_vec o = k_dst(r, k, kdst, a, imm);
    CHECK(r->form == F_RVM);
    x64_vec_reg(b, r->op, r->w, E, (int)row_length(r, L), &o, src2);
}

void x64_vcmp_k(struct x64_buf *b, enum x64_vop op, int L, int kdst, int a, int src2, int imm)
{
    x64_k_vcmp_k(b, op, L, 0, kdst, a, src2, imm);
}

void x64_vcmp_km(struct x64_buf *b, enum x64_vop op, int L, int kdst, int a, struct x64_mem m,
                 int imm)
{
    const struct row *r = &rows[op];
    struct x64_vec o = k_dst(r, 0, kdst, a, imm);
    CHECK(r->form == F_RVM);
    unsigned length = row_length(r, L);
    x64_vec_mem(b, r->op, r->w, E, (int)length, disp8_log2(r, length), &o, m);
}

void x64_vfpclass_k(struct x64_buf *b, enum x64_vop op, int L, int kdst, int src, int imm)
{
    const struct row *r = &rows[op];
    struct x64_vec o = k_dst(r, 0, kdst, 0, imm);
    CHECK(r->form == F_RM);
    x64_vec_reg(b, r->op, r->w, E, (int)row_length(r, L), &o, src);
}

/* ---- Rows with a register in the immediate, or a general register ---- */
void x64_vblendv(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, int src2, int mask)
{
    CHECK(op >= X64_VPBLENDVB && op <= X64_VBLENDVPD && mask < 16);
    struct x64_vec o = ops_imm(dst, a, mask << 4);
    x64_vec_reg(b, rows[op].op, 0, V, L, &o, src2);
}

void x64_vblendv_m(struct x64_buf *b, enum x64_vop op, int L, int dst, int a, struct x64_mem m,
                   int mask)
{
    CHECK(op >= X64_VPBLENDVB && op <= X64_VBLENDVPD && mask < 16);
    struct x64_vec o = ops_imm(dst, a, mask << 4);
    x64_vec_mem(b, rows[op].op, 0, V, L, 0, &o, m);
}

void x64_vmovmsk(struct x64_buf *b, enum x64_vop op, int L, int r, int x)
{
    CHECK(op >= X64_VMOVMSKPS && op <= X64_VPMOVMSKB);
    struct x64_vec o = ops(r, 0);
    x64_vec_reg(b, rows[op].op, 0, V, L, &o, x);
}

void x64_vcvt_xr(struct x64_buf *b, enum x64_vop op, int w, int dst, int a, int r)
{
    CHECK(op >= X64_VCVTSI2SS && op <= X64_VCVTUSI2SD);
    struct x64_vec o = ops(dst, a);
    x64_vec_reg(b, rows[op].op, w ? W1 : W0, rows[op].enc, 0, &o, r);
}

void x64_vcvt_xr_er(struct x64_buf *b, enum x64_vop op, enum x64_rc rc, int w, int dst, int a,
                    int r)
{
    CHECK(op >= X64_VCVTSI2SS && op <= X64_VCVTUSI2SD);
    /* 32 bits to double is always exact, and has no rounding */
    CHECK(w || (op != X64_VCVTSI2SD && op != X64_VCVTUSI2SD));
    struct x64_vec o = with_rc(&rows[op], ops(dst, a), rc);
    x64_vec_reg(b, rows[op].op, w ? W1 : W0, E, 0, &o, r);
}

void x64_vcvt_rx(struct x64_buf *b, enum x64_vop op, int w, int r, int x)
{
    CHECK(op >= X64_VCVTSS2SI && op <= X64_VCVTTSD2USI);
    struct x64_vec o = ops(r, 0);
    x64_vec_reg(b, rows[op].op, w ? W1 : W0, rows[op].enc, 0, &o, x);
}

void x64_vcvt_rx_er(struct x64_buf *b, enum x64_vop op, enum x64_rc rc, int w, int r, int x)
{
    CHECK(op >= X64_VCVTSS2SI && op <= X64_VCVTTSD2USI);
    struct x64_vec o = with_rc(&rows[op], ops(r, 0), rc);
    x64_vec_reg(b, rows[op].op, w ? W1 : W0, E, 0, &o, x);
}
