/* Lifters of AdvSIMD loads and stores of multiple structures of two to four elements: LD2, ST2,
 * LD3, ST3, LD4 and ST4 (Arm ARM DDI 0487, C4.1.94). Memory is moved in whole registers, and the
 * elements are dealt out to, or collected from, the registers by UZP and ZIP.
 *
 * With x y z w the elements of structures of four: the even elements of two registers of memory are
 * x z x z..., the odd ones y w y w...; the even ones of these are x x..., and so on. Stores go the
 * other way. In the 64-bit forms a register of memory is as many structures as fit, and the upper
 * half of each result is cleared.
 *
 * Of structures of three, in registers of L lanes: lane p of the k-th register of memory is number
 * kL + p of the stream, so it belongs to element (kL + p) mod 3. No two lanes of one element are at
 * the same p, since L is a power of two. So one choice among three registers for each lane collects
 * an element, in an order that a stride of 3 puts right; a store goes the other way, with a stride
 * of 11, the inverse of 3 modulo 16, 8, 4 and 2.
 */
#include "engine/lift/lift_gpr_int.h"

enum { NO_WRITEBACK = -1 };

struct weave {
    bool q;
    unsigned size, rn, rt;
    int rm;
};

/* ---- Dealing out and collecting ---- */

static ir_val even(struct lift *l, unsigned size, ir_val x, ir_val y)
{
    return ir_vec(l->b, IR_VUZP, size, x, y, 0, 0);
}

static ir_val odd(struct lift *l, unsigned size, ir_val x, ir_val y)
{
    return ir_vec(l->b, IR_VUZP, IR_SUB(size, 1), x, y, 0, 0);
}

static ir_val low(struct lift *l, unsigned size, ir_val x, ir_val y)
{
    return ir_vec(l->b, IR_VZIP, size, x, y, 0, 0);
}

static ir_val high(struct lift *l, unsigned size, ir_val x, ir_val y)
{
    return ir_vec(l->b, IR_VZIP, IR_SUB(size, 1), x, y, 0, 0);
}

/* Vt+n := v, the low half of it in the 64-bit form. */
static void put_element(struct lift *l, const struct weave *w, unsigned n, ir_val v)
{
    ir_putv(l->b, (w->rt + n) % 32, w->q ? v : ir_vec(l->b, IR_VLOW, 3, v, 0, 0, 0));
}

static ir_val get_element(struct lift *l, const struct weave *w, unsigned n)
{
    return ir_getv(l->b, (w->rt + n) % 32);
}

/* ---- Memory ---- */

/* Two registers at base + imm. */
static void load_two(struct lift *l, ir_val base, int64_t imm, ir_val m[2])
{
    m[0] = ir_emit(l->b, IR_LDPV, IR_V128, 4, base, 0, 0, imm);
    m[1] = ir_emit(l->b, IR_PAIRV, IR_V128, 0, 0, 0, 0, 0);
}

static void store_two(struct lift *l, ir_val base, int64_t imm, ir_val x, ir_val y)
{
    ir_emit(l->b, IR_STPV, IR_VOID, 4, base, x, y, imm);
}

static void ld2(struct lift *l, const struct weave *w, ir_val base)
{
    ir_val m[2];
    if (w->q)
        load_two(l, base, 0, m);
    else
        m[0] = m[1] = lift_load_v(l, 4, &(struct lift_addr){.base = base});
    put_element(l, w, 0, even(l, w->size, m[0], m[1]));
    put_element(l, w, 1, odd(l, w->size, m[0], m[1]));
}

static void st2(struct lift *l, const struct weave *w, ir_val base)
{
    ir_val x = get_element(l, w, 0), y = get_element(l, w, 1);
    ir_val first = low(l, w->size, x, y);
    if (w->q)
        store_two(l, base, 0, first, high(l, w->size, x, y));
    else
        lift_store_v(l, 4, first, &(struct lift_addr){.base = base});
}

static void ld4(struct lift *l, const struct weave *w, ir_val base)
{
    ir_val m[4], xz[2], yw[2];
    load_two(l, base, 0, m);
    if (w->q)
        load_two(l, base, 32, m + 2);
    for (unsigned i = 0; i < 2; i++) {
        xz[i] = i && !w->q ? xz[0] : even(l, w->size, m[2 * i], m[2 * i + 1]);
        yw[i] = i && !w->q ? yw[0] : odd(l, w->size, m[2 * i], m[2 * i + 1]);
    }
    put_element(l, w, 0, even(l, w->size, xz[0], xz[1]));
    put_element(l, w, 1, even(l, w->size, yw[0], yw[1]));
    put_element(l, w, 2, odd(l, w->size, xz[0], xz[1]));
    put_element(l, w, 3, odd(l, w->size, yw[0], yw[1]));
}

static void st4(struct lift *l, const struct weave *w, ir_val base)
{
    ir_val x = get_element(l, w, 0), y = get_element(l, w, 1);
    ir_val z = get_element(l, w, 2), v = get_element(l, w, 3);
    ir_val xz = low(l, w->size, x, z), yw = low(l, w->size, y, v);
    ir_val m0 = low(l, w->size, xz, yw), m1 = high(l, w->size, xz, yw);
    if (w->q) {
        xz = high(l, w->size, x, z);
        yw = high(l, w->size, y, v);
        ir_val m2 = low(l, w->size, xz, yw), m3 = high(l, w->size, xz, yw);
        store_two(l, base, 0, m0, m1);
        store_two(l, base, 32, m2, m3);
    } else {
        store_two(l, base, 0, m0, m1);
    }
}

/* Lanes of a register. */
static unsigned lane_count(const struct weave *w)
{
    return (w->q ? 16u : 8u) >> w->size;
}

/* Lane p of the result is that of x[(first + p * step) mod 3]. */
static ir_val thirds(struct lift *l, unsigned size, const ir_val x[3], unsigned first,
                     unsigned step)
{
    return ir_vec(l->b, IR_VTHIRDS, size, x[first % 3], x[(first + step) % 3],
                  x[(first + 2 * step) % 3], 0);
}

static ir_val stride(struct lift *l, const struct weave *w, unsigned by, unsigned from, ir_val x)
{
    const unsigned lanes = lane_count(w);
    if (lanes == 2 && from % 2 == 0)
        return x;
    return ir_vec(l->b, IR_VSTRIDE, IR_SUB(w->size, by), x, 0, 0,
                  from % lanes | (w->q ? 0 : 0x100));
}

/* Lane p of register k is of element n if kL + p = n mod 3, so if k = (n - p)L: L is its own
 * inverse. */
static void ld3(struct lift *l, const struct weave *w, ir_val base)
{
    const unsigned log2 = 3 + w->q, lanes = lane_count(w);
    ir_val m[3];
    m[0] = ir_emit(l->b, IR_LDPV, IR_V128, log2, base, 0, 0, 0);
    m[1] = ir_emit(l->b, IR_PAIRV, IR_V128, 0, 0, 0, 0, 0);
    m[2] = lift_load_v(l, log2, &(struct lift_addr){.base = base, .imm = 2 << log2});
    for (unsigned n = 0; n < 3; n++)
        put_element(l, w, n, stride(l, w, 3, n, thirds(l, w->size, m, n * lanes, 2 * lanes)));
}

static void st3(struct lift *l, const struct weave *w, ir_val base)
{
    const unsigned log2 = 3 + w->q, lanes = lane_count(w);
    ir_val x[3], m[3];
    for (unsigned n = 0; n < 3; n++)
        x[n] = stride(l, w, 11, 5 * n, get_element(l, w, n));
    for (unsigned k = 0; k < 3; k++)
        m[k] = thirds(l, w->size, x, k * lanes, 1);
    ir_emit(l->b, IR_STPV, IR_VOID, log2, base, m[0], m[1], 0);
    lift_store_v(l, log2, m[2], &(struct lift_addr){.base = base, .imm = 2 << log2});
}

/* ---- Lift functions ---- */

typedef void weave_fn(struct lift *l, const struct weave *w, ir_val base);

/* Base := base + Xm afterwards, or + the bytes moved when m is 31. */
static bool weave(struct lift *l, weave_fn *fn, unsigned selem, const struct weave *w)
{
    if (l->mode & LIFT_ALIGN)
        return false;
    ir_val base = lift_base(l, w->rn);
    fn(l, w, base);
    if (w->rm == 31)
        lift_write_back(l, w->rn, base, selem << (3 + w->q));
    else if (w->rm != NO_WRITEBACK)
        lift_put_sp(l, w->rn,
                    ir_bin(l->b, IR_ADD, IR_I64, base, lift_x(l, (unsigned)w->rm, IR_I64)));
    return true;
}

#define WEAVE_1(name, fn, selem, index)                                                            \
    LIFTER(name, weave(l, fn, selem, &(const struct weave){.q = f.q, .size = f.size, .rn = f.rn,   \
                                                           .rt = f.rt, .rm = index}))
#define WEAVE(name, fn, selem)                                                                     \
    WEAVE_1(name, fn, selem, NO_WRITEBACK)                                                         \
    WEAVE_1(name##_post, fn, selem, (int)f.rm)

WEAVE(LD2_m, ld2, 2)
WEAVE(ST2_m, st2, 2)
WEAVE(LD4_m, ld4, 4)
WEAVE(ST4_m, st4, 4)
WEAVE(LD3_m, ld3, 3)
WEAVE(ST3_m, st3, 3)
