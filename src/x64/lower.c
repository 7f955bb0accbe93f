/* The back end's driver: where values live, and the order of things. See lower_int.h. */
#include "x64/lower_int.h"

#include "base/check.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- Homes ---- */

/* By how often Debian's arm64 libc names each register: x0 x1 sp x2 x19 x3 x20 x21 (x29 is written
 * in prologues only). */
int lo_home(unsigned r)
{
    static const int8_t home[IR_GPRS] = {
        [0] = R8, [1] = R9, [2] = R10, [3] = R11, [19] = R15, [20] = R12, [21] = R13,
        [IR_SP] = RBX,
    };
    return home[r] ? home[r] : -1;
}

int lo_vhome(const struct lower *e, unsigned r)
{
    return r < (e->host->avx512 ? 26u : 10u) ? (int)r + 6 : -1;
}

struct x64_mem lo_state(const struct lower *e, int32_t offset)
{
    return x64_m(RBP, e->req->layout->state + offset);
}

struct x64_mem lo_x_mem(const struct lower *e, unsigned r)
{
    return r == IR_SP ? lo_area(e, sp) : x64_m(RBP, e->req->layout->x + 8 * (int32_t)r);
}

struct x64_mem lo_v_mem(const struct lower *e, unsigned r)
{
    return x64_m(RBP, e->req->layout->v + 16 * (int32_t)r);
}

struct x64_mem lo_fpsr(const struct lower *e)
{
    return x64_m(RBP, e->req->layout->fpsr);
}

struct x64_mem lo_k(const struct lower *e, enum x64_const k)
{
    int32_t at = e->req->layout->area + (int32_t)offsetof(struct x64_area, constant);
    return x64_m(RBP, at + 16 * (int32_t)k);
}

static struct x64_mem spill_mem(const struct lower *e, unsigned slot)
{
    int32_t at = e->req->layout->area + (int32_t)offsetof(struct x64_area, spill);
    return x64_m(RBP, at + 8 * (int32_t)slot);
}

static struct x64_mem vspill_mem(const struct lower *e, unsigned slot)
{
    int32_t at = e->req->layout->area + (int32_t)offsetof(struct x64_area, vspill);
    return x64_m(RBP, at + 16 * (int32_t)slot);
}

/* ---- Values ---- */

ir_val lo_root(const struct lower *e, ir_val v)
{
    while (e->ir->insn[v].op == IR_TRUNC || e->ir->insn[v].op == IR_ZEXT)
        v = e->ir->insn[v].a;
    return v;
}

bool lo_const(const struct lower *e, ir_val v, uint64_t *value)
{
    const struct ir_insn *i = &e->ir->insn[lo_root(e, v)];
    if (i->op != IR_CONST)
        return false;
    *value = i->type == IR_I32 ? (uint32_t)i->imm : (uint64_t)i->imm;
    return true;
}

/* Where an integer value is as a memory operand. */
static struct x64_mem value_mem(const struct lower *e, struct lo_loc l)
{
    return l.where == LO_SPILL ? spill_mem(e, l.n) : lo_x_mem(e, l.n);
}

static const uint8_t temps[] = {RDX, RSI, RDI};
static const uint8_t vtemps[] = {3, 4, 5};

/* Too many values at once: the block cannot be translated, the caller tries with a shorter one or
 * leaves it to the interpreter. */
static void give_up(struct lower *e)
{
    e->b->full = true;
}

static unsigned free_slot(struct lower *e, uint32_t *used, unsigned count)
{
    for (unsigned slot = 0; slot < count; slot++) {
        if (!(*used >> slot & 1)) {
            *used |= 1u << slot;
            return slot;
        }
    }
    give_up(e);
    return 0;
}

static bool in_slot(const struct lo_loc *l)
{
    return l->mirror >= LO_SLOT && l->mirror != LO_NO_MIRROR;
}

/* A value in a register needs its slot no more. */
static void leave_slot(struct lo_loc *l, uint32_t *used)
{
    if (!in_slot(l))
        return;
    *used &= ~(1u << (l->mirror - LO_SLOT));
    l->mirror = LO_NO_MIRROR;
}

/* Where a value that loses its register is already. */
static struct lo_loc of_mirror(const struct lo_loc *l)
{
    if (in_slot(l))
        return (struct lo_loc){LO_SPILL, (uint8_t)(l->mirror - LO_SLOT), LO_NO_MIRROR};
    return (struct lo_loc){LO_STATE, l->mirror, LO_NO_MIRROR};
}

/* Where a value is that was loaded from `from` into register r. */
static struct lo_loc with_mirror(int r, struct lo_loc from)
{
    uint8_t mirror = (uint8_t)(from.where == LO_SPILL ? LO_SLOT + from.n : from.n);
    return (struct lo_loc){LO_REG, (uint8_t)r, mirror};
}

/* Takes the value out of register r: back to guest state or a slot if that holds it, else to a
 * slot. */
static void evict(struct lower *e, int r)
{
    ir_val v = e->owner[r];
    struct lo_loc *l = &e->loc[v];
    e->owner[r] = 0;
    if (e->ir->insn[v].op == IR_CONST) {
        *l = (struct lo_loc){LO_CONST, 0, LO_NO_MIRROR};
        return;
    }
    if (l->mirror != LO_NO_MIRROR) {
        *l = of_mirror(l);
        return;
    }
    unsigned slot = free_slot(e, &e->spills, X64_SPILLS);
    x64_store(e->b, 8, spill_mem(e, slot), r);
    *l = (struct lo_loc){LO_SPILL, (uint8_t)slot, LO_NO_MIRROR};
}

static void vevict(struct lower *e, int r)
{
    ir_val v = e->vowner[r];
    struct lo_loc *l = &e->loc[v];
    e->vowner[r] = 0;
    if (l->mirror != LO_NO_MIRROR) {
        *l = of_mirror(l);
        return;
    }
    unsigned slot = free_slot(e, &e->vspills, X64_VSPILLS);
    x64_vmr(e->b, X64_VMOVAPS, 0, vspill_mem(e, slot), r);
    *l = (struct lo_loc){LO_SPILL, (uint8_t)slot, LO_NO_MIRROR};
}

/* How far the next use of v is, at most NEAR. */
#define NEAR 24u

static unsigned next_use(const struct lower *e, ir_val v)
{
    unsigned end = e->last[v] < e->at + NEAR ? e->last[v] : e->at + NEAR;
    if (end < e->at)
        return NEAR;
    for (unsigned j = e->at + 1; j < end; j++) {
        const struct ir_insn *i = &e->ir->insn[j];
        if (lo_root(e, i->a) == v || lo_root(e, i->b) == v || lo_root(e, i->c) == v)
            return j - e->at;
    }
    return end - e->at;
}

/* How good it is to take a register from v: one that holds nothing is best, then what is needed
 * last, all the more when it is in memory too. */
static unsigned worth(const struct lower *e, ir_val v)
{
    if (!v)
        return UINT32_MAX;
    bool cheap = e->loc[v].mirror != LO_NO_MIRROR || e->ir->insn[v].op == IR_CONST;
    return 1 + next_use(e, v) + (cheap ? NEAR / 2 : 0);
}

/* A register for now, or -1 if all hold operands of this operation. */
static int try_temp(struct lower *e)
{
    int best = -1;
    unsigned most = 0;
    for (unsigned k = 0; k < sizeof(temps) && most != UINT32_MAX; k++) {
        int r = temps[k];
        unsigned gain = e->busy >> r & 1 ? 0 : worth(e, e->owner[r]);
        if (gain > most) {
            best = r;
            most = gain;
        }
    }
    if (best >= 0) {
        if (e->owner[best])
            evict(e, best);
        e->busy |= 1u << best;
    }
    return best;
}

bool lo_has_free(const struct lower *e)
{
    for (unsigned k = 0; k < sizeof(temps); k++) {
        if (!(e->busy >> temps[k] & 1) && !e->owner[temps[k]])
            return true;
    }
    return false;
}

struct x64_mem lo_in_memory(const struct lower *e, ir_val v)
{
    return value_mem(e, e->loc[lo_root(e, v)]);
}

int lo_temp(struct lower *e)
{
    int r = try_temp(e);
    if (r >= 0)
        return r;
    give_up(e);
    return temps[0];
}

static int vtemp(struct lower *e)
{
    int best = -1;
    unsigned most = 0;
    for (unsigned k = 0; k < sizeof(vtemps) && most != UINT32_MAX; k++) {
        int r = vtemps[k];
        unsigned gain = e->vbusy >> r & 1 ? 0 : worth(e, e->vowner[r]);
        if (gain > most) {
            best = r;
            most = gain;
        }
    }
    if (best >= 0) {
        if (e->vowner[best])
            vevict(e, best);
        e->vbusy |= 1u << best;
    }
    return best;
}

int lo_r(struct lower *e, ir_val v)
{
    v = lo_root(e, v);
    struct lo_loc *l = &e->loc[v];
    uint64_t k;
    switch (l->where) {
    case LO_REG:
        e->busy |= 1u << l->n;
        return l->n;
    case LO_HOME:
        return lo_home(l->n);
    case LO_CONST: {
        int r = lo_temp(e);
        CHECK(lo_const(e, v, &k));
        x64_mov_ri(e->b, r, k);
        *l = (struct lo_loc){LO_REG, (uint8_t)r, LO_NO_MIRROR};
        e->owner[r] = v;
        return r;
    }
    default:
        break;
    }
    if (e->b->full) /* given up: nothing is where it should be */
        return temps[0];
    CHECK(l->where == LO_STATE || l->where == LO_SPILL);
    int r = lo_temp(e);
    x64_load(e->b, 8, false, 1, r, value_mem(e, *l));
    *l = with_mirror(r, *l);
    e->owner[r] = v;
    return r;
}

void lo_to_rdx(struct lower *e, ir_val v)
{
    struct lo_loc *l = &e->loc[lo_root(e, v)], from = *l;
    v = lo_root(e, v);
    if (from.where != LO_REG || from.n != RDX) {
        if (e->owner[RDX])
            evict(e, RDX);
        lo_mov(e, 1, RDX, v);
        if (from.where == LO_REG) {
            e->owner[from.n] = 0;
            l->n = RDX;
        } else if (from.where == LO_CONST) {
            *l = (struct lo_loc){LO_REG, RDX, LO_NO_MIRROR};
        } else if (from.where != LO_HOME) {
            *l = with_mirror(RDX, from);
        }
        if (from.where != LO_HOME)
            e->owner[RDX] = v;
    }
    e->busy |= 1u << RDX;
}

int lo_v(struct lower *e, ir_val v)
{
    struct lo_loc *l = &e->loc[v];
    if (l->where == LO_REG) {
        e->vbusy |= 1u << l->n;
        return l->n;
    }
    if (l->where == LO_HOME)
        return lo_vhome(e, l->n);
    if (e->b->full)
        return vtemps[0];
    CHECK(l->where == LO_STATE || l->where == LO_SPILL);
    int r = vtemp(e);
    if (r < 0) {
        give_up(e);
        return vtemps[0];
    }
    x64_vrm(e->b, X64_VMOVAPS, 0, r,
            l->where == LO_SPILL ? vspill_mem(e, l->n) : lo_v_mem(e, l->n));
    *l = with_mirror(r, *l);
    e->vowner[r] = v;
    return r;
}

int lo_below16(struct lower *e, int x, int scratch)
{
    if (x < 16)
        return x;
    x64_vrr(e->b, X64_VMOVAPS, 0, scratch, x);
    return scratch;
}

bool lo_fits(uint64_t k, int w)
{
    return !w || (int64_t)k == (int32_t)k;
}

void lo_mov_at(struct lower *e, int w, int dst, struct lo_loc l, uint64_t k)
{
    if (l.where == LO_CONST)
        x64_mov_ri(e->b, dst, w ? k : (uint32_t)k);
    else if (l.where == LO_REG)
        x64_mov_rr(e->b, w, dst, l.n);
    else if (l.where == LO_HOME)
        x64_mov_rr(e->b, w, dst, lo_home(l.n));
    else
        x64_load(e->b, w ? 8 : 4, false, w, dst, value_mem(e, l));
}

void lo_mov(struct lower *e, int w, int dst, ir_val v)
{
    uint64_t k = 0;
    v = lo_root(e, v);
    (void)lo_const(e, v, &k);
    lo_mov_at(e, w, dst, e->loc[v], k);
}

void lo_alu_at(struct lower *e, enum x64_alu op, int w, int dst, struct lo_loc l, uint64_t k)
{
    if (l.where == LO_CONST)
        x64_alu_ri(e->b, op, w, dst, (int32_t)k);
    else if (l.where == LO_REG)
        x64_alu_rr(e->b, op, w, dst, l.n);
    else if (l.where == LO_HOME)
        x64_alu_rr(e->b, op, w, dst, lo_home(l.n));
    else
        x64_alu_rm(e->b, op, w, dst, value_mem(e, l));
}

void lo_alu(struct lower *e, enum x64_alu op, int w, int dst, ir_val v)
{
    uint64_t k = 0;
    v = lo_root(e, v);
    if (lo_const(e, v, &k) && !lo_fits(k, w))
        x64_alu_rr(e->b, op, w, dst, lo_r(e, v));
    else
        lo_alu_at(e, op, w, dst, e->loc[v], k);
}

/* ---- Destinations ---- */

/* The guest register with a home that a PUT (or PUTV) right after writes `value` to, so that it
 * can be made there; or -1. Nobody may look at the old contents in between. */
static int put_target(const struct lower *e, unsigned value, enum ir_op put)
{
    const struct ir_insn *in = e->ir->insn;
    unsigned end = value + 6 < e->ir->count ? value + 6 : e->ir->count;
    for (unsigned j = value + 1; j < end; j++) {
        if (in[j].op == put && lo_root(e, in[j].a) == value)
            return (int)in[j].imm;
        if (ir_traits(&in[j]) & (IR_X | IR_B | IR_E))
            return -1;
    }
    return -1;
}

/* Is it right to overwrite guest register r's home by the result of the present operation? */
static bool home_is_free(const struct lower *e, unsigned value, unsigned r, ir_val old,
                         enum ir_op get)
{
    const struct ir_insn *in = e->ir->insn;
    if (old && e->loc[old].where == LO_HOME && e->loc[old].n == r && e->last[old] > value)
        return false;
    for (unsigned j = value + 1; lo_root(e, in[j].a) != value || in[j].imm != (int64_t)r; j++) {
        if (in[j].op == get && in[j].imm == (int64_t)r)
            return false;
    }
    return true;
}

int lo_rdef_of(struct lower *e, unsigned value)
{
    int r = put_target(e, value, IR_PUT);
    if (r >= 0 && lo_home((unsigned)r) >= 0 &&
        home_is_free(e, value, (unsigned)r, e->guest[r], IR_GET)) {
        e->guest[r] = 0;
        e->loc[value] = (struct lo_loc){LO_HOME, (uint8_t)r, LO_NO_MIRROR};
        return lo_home((unsigned)r);
    }
    int t = try_temp(e);
    for (unsigned k = 0; t < 0 && k < sizeof(temps); k++) { /* an operand's that ends here */
        ir_val v = e->owner[temps[k]];
        if (!v || e->last[v] <= e->at)
            t = temps[k];
    }
    if (t < 0) {
        e->def_spill = true;
        return RCX;
    }
    e->owner[t] = (ir_val)value;
    e->loc[value] = (struct lo_loc){LO_REG, (uint8_t)t, LO_NO_MIRROR};
    return t;
}

int lo_rdef(struct lower *e, const struct ir_insn *i)
{
    return lo_rdef_of(e, (unsigned)(i - e->ir->insn));
}

int lo_vdef_of(struct lower *e, unsigned value)
{
    int r = put_target(e, value, IR_PUTV);
    if (r >= 0 && lo_vhome(e, (unsigned)r) >= 0 &&
        home_is_free(e, value, (unsigned)r, e->vguest[r], IR_GETV)) {
        e->vguest[r] = 0;
        e->loc[value] = (struct lo_loc){LO_HOME, (uint8_t)r, LO_NO_MIRROR};
        return lo_vhome(e, (unsigned)r);
    }
    int t = vtemp(e);
    for (unsigned k = 0; t < 0 && k < sizeof(vtemps); k++) {
        ir_val v = e->vowner[vtemps[k]];
        if (!v || e->last[v] <= e->at)
            t = vtemps[k];
    }
    if (t < 0) {
        e->vdef_spill = true;
        return LO_XS2;
    }
    e->vowner[t] = (ir_val)value;
    e->loc[value] = (struct lo_loc){LO_REG, (uint8_t)t, LO_NO_MIRROR};
    return t;
}

int lo_vdef(struct lower *e, const struct ir_insn *i)
{
    return lo_vdef_of(e, (unsigned)(i - e->ir->insn));
}

/* ---- The end of lives ---- */

void lo_release(struct lower *e, ir_val v)
{
    v = lo_root(e, v);
    struct lo_loc *l = &e->loc[v];
    if (!v || e->last[v] > e->at)
        return;
    bool vector = e->ir->insn[v].type == IR_V128;
    if (l->where == LO_REG)
        leave_slot(l, vector ? &e->vspills : &e->spills);
    if (l->where == LO_REG && !vector && e->owner[l->n] == v)
        e->owner[l->n] = 0;
    else if (l->where == LO_REG && vector && e->vowner[l->n] == v)
        e->vowner[l->n] = 0;
    else if (l->where == LO_SPILL && !vector)
        e->spills &= ~(1u << l->n);
    else if (l->where == LO_SPILL)
        e->vspills &= ~(1u << l->n);
    if (l->where == LO_REG || l->where == LO_SPILL)
        l->where = LO_NOWHERE;
}

/* Result in a scratch register because no other was free: to its slot. */
void lo_spill_result(struct lower *e)
{
    ir_val v = (ir_val)e->at;
    if (e->def_spill) {
        unsigned slot = free_slot(e, &e->spills, X64_SPILLS);
        x64_store(e->b, 8, spill_mem(e, slot), RCX);
        e->loc[v] = (struct lo_loc){LO_SPILL, (uint8_t)slot, LO_NO_MIRROR};
        e->def_spill = false;
    }
    if (e->vdef_spill) {
        unsigned slot = free_slot(e, &e->vspills, X64_VSPILLS);
        x64_vmr(e->b, X64_VMOVAPS, 0, vspill_mem(e, slot), LO_XS2);
        e->loc[v] = (struct lo_loc){LO_SPILL, (uint8_t)slot, LO_NO_MIRROR};
        e->vdef_spill = false;
    }
}

/* ---- Guest registers ---- */

void lower_GET(struct lower *e, const struct ir_insn *i)
{
    unsigned r = (unsigned)i->imm;
    e->loc[e->at] = (struct lo_loc){lo_home(r) >= 0 ? LO_HOME : LO_STATE, (uint8_t)r, LO_NO_MIRROR};
    e->guest[r] = (ir_val)e->at;
}

void lower_GETV(struct lower *e, const struct ir_insn *i)
{
    unsigned r = (unsigned)i->imm;
    e->loc[e->at] =
        (struct lo_loc){lo_vhome(e, r) >= 0 ? LO_HOME : LO_STATE, (uint8_t)r, LO_NO_MIRROR};
    e->vguest[r] = (ir_val)e->at;
}

/* Guest register r is about to change: what it held moves to a host register if it is still
 * needed. */
static void displace(struct lower *e, unsigned r, ir_val now)
{
    ir_val old = e->guest[r];
    if (!old || old == now)
        return;
    lo_lazy_lose(e, old);
    struct lo_loc *l = &e->loc[old];
    bool here = (l->where == LO_HOME || l->where == LO_STATE) && l->n == r;
    if (here && e->ir->insn[old].op == IR_CONST) {
        l->where = LO_CONST;
    } else if (here && e->last[old] > e->at) {
        int t = lo_temp(e);
        lo_mov(e, 1, t, old);
        *l = (struct lo_loc){LO_REG, (uint8_t)t, LO_NO_MIRROR};
        e->owner[t] = old;
    } else if (here) {
        l->where = LO_NOWHERE;
    } else if (l->where == LO_REG && l->mirror == r) {
        l->mirror = LO_NO_MIRROR;
    }
}

void lo_forget_guest(struct lower *e)
{
    for (unsigned r = 0; r < 32; r++) {
        ir_val v = e->guest[r];
        struct lo_loc *l = &e->loc[v];
        if (v && e->ir->insn[v].op == IR_CONST && (l->where == LO_HOME || l->where == LO_STATE))
            l->where = LO_CONST;
        e->guest[r] = e->vguest[r] = 0;
    }
}

void lower_PUT(struct lower *e, const struct ir_insn *i)
{
    unsigned r = (unsigned)i->imm;
    ir_val v = lo_root(e, i->a);
    struct lo_loc *l = &e->loc[v];
    int home = lo_home(r);
    uint64_t k;
    if (l->where == LO_REG)
        e->busy |= 1u << l->n;
    displace(e, r, v);
    e->guest[r] = v;
    if (home >= 0) {
        if (l->where == LO_HOME && l->n == r)
            return;
        lo_mov(e, 1, home, v);
        leave_slot(l, &e->spills);
        if (l->where == LO_REG && l->mirror == LO_NO_MIRROR) {
            e->owner[l->n] = 0;
            *l = (struct lo_loc){LO_HOME, (uint8_t)r, LO_NO_MIRROR};
        }
        return;
    }
    if (lo_const(e, v, &k)) {
        if ((int64_t)k == (int32_t)k) {
            x64_store_i(e->b, 8, lo_x_mem(e, r), (int32_t)k);
        } else {
            x64_mov_ri(e->b, RAX, k);
            x64_store(e->b, 8, lo_x_mem(e, r), RAX);
        }
        return;
    }
    if (l->where == LO_STATE && l->n == r)
        return;
    x64_store(e->b, 8, lo_x_mem(e, r), lo_r(e, v));
    if (l->where != LO_REG)
        return;
    leave_slot(l, &e->spills);
    l->mirror = (uint8_t)r;
}

static void vdisplace(struct lower *e, unsigned r, ir_val now)
{
    ir_val old = e->vguest[r];
    if (!old || old == now)
        return;
    struct lo_loc *l = &e->loc[old];
    bool here = (l->where == LO_HOME || l->where == LO_STATE) && l->n == r;
    if (here && e->last[old] > e->at) {
        int t = vtemp(e);
        if (t < 0) {
            give_up(e);
            return;
        }
        if (l->where == LO_HOME)
            x64_vrr(e->b, X64_VMOVAPS, 0, t, lo_vhome(e, r));
        else
            x64_vrm(e->b, X64_VMOVAPS, 0, t, lo_v_mem(e, r));
        *l = (struct lo_loc){LO_REG, (uint8_t)t, LO_NO_MIRROR};
        e->vowner[t] = old;
    } else if (here) {
        l->where = LO_NOWHERE;
    } else if (l->where == LO_REG && l->mirror == r) {
        l->mirror = LO_NO_MIRROR;
    }
}

void lower_PUTV(struct lower *e, const struct ir_insn *i)
{
    unsigned r = (unsigned)i->imm;
    ir_val v = i->a;
    struct lo_loc *l = &e->loc[v];
    int home = lo_vhome(e, r);
    if (l->where == LO_REG)
        e->vbusy |= 1u << l->n;
    vdisplace(e, r, v);
    e->vguest[r] = v;
    if (home >= 0) {
        if (l->where == LO_HOME && l->n == r)
            return;
        x64_vrr(e->b, X64_VMOVAPS, 0, home, lo_v(e, v));
        leave_slot(l, &e->vspills);
        if (l->where == LO_REG && l->mirror == LO_NO_MIRROR) {
            e->vowner[l->n] = 0;
            *l = (struct lo_loc){LO_HOME, (uint8_t)r, LO_NO_MIRROR};
        }
        return;
    }
    if (l->where == LO_STATE && l->n == r)
        return;
    x64_vmr(e->b, X64_VMOVAPS, 0, lo_v_mem(e, r), lo_v(e, v));
    if (l->where != LO_REG)
        return;
    leave_slot(l, &e->vspills);
    l->mirror = (uint8_t)r;
}

/* ---- The loop ---- */

typedef void lower_fn(struct lower *e, const struct ir_insn *i);

static lower_fn *const lower_table[IR_OP_COUNT] = {
#define OP(name, result, a, b, c, traits, text) [IR_##name] = lower_##name,
#include "ir/ops_int.def"
#include "ir/ops_vint.def"
#include "ir/ops_vfp.def"
#include "ir/ops_vperm.def"
#undef OP
};

void lower_CONST(struct lower *e, const struct ir_insn *i)
{
    (void)i;
    e->loc[e->at] = (struct lo_loc){LO_CONST, 0, LO_NO_MIRROR};
}

/* Aliases of their operand: see lo_root(). */
void lower_TRUNC(struct lower *e, const struct ir_insn *i)
{
    (void)e;
    (void)i;
}

void lower_ZEXT(struct lower *e, const struct ir_insn *i)
{
    lower_TRUNC(e, i);
}

/* Which operation needs the flags of each one that sets them, last. */
static void find_flag_needs(struct lower *e)
{
    uint16_t need = 0;
    for (unsigned n = e->ir->count; n-- > 1;) {
        const struct ir_insn *i = &e->ir->insn[n];
        unsigned traits = ir_traits(i);
        if (i->setf) {
            e->flag_need[n] = need;
            need = 0;
        }
        if ((traits & (IR_F | IR_X | IR_B | IR_E)) && !need)
            need = (uint16_t)n;
    }
}

/* What the operation at hand is going to overwrite must not be what NZCV would be computed from. */
static void protect_lazy(struct lower *e)
{
    if (!e->lazy.valid)
        return;
    for (unsigned v = e->at; v < e->at + 2 && v < e->ir->count; v++) {
        int r = e->ir->insn[v].type == IR_V128 ? -1 : put_target(e, v, IR_PUT);
        if (r >= 0 && e->guest[r])
            lo_lazy_lose(e, e->guest[r]);
    }
}

static void lower_one(struct lower *e)
{
    const struct ir_insn *i = &e->ir->insn[e->at];
    unsigned traits = ir_traits(i);
    e->busy = e->vbusy = 0;
    protect_lazy(e);
    if (traits & (IR_X | IR_B | IR_E))
        lo_flags_before_exit(e);
    lower_table[i->op](e, i);
    lo_spill_result(e);
    if (e->lazy.valid && e->flags_last <= e->at)
        lo_lazy_end(e);
    lo_release(e, i->a);
    lo_release(e, i->b);
    lo_release(e, i->c);
    if (ir_op_info[i->op].result != 'V')
        lo_release(e, (ir_val)e->at);
}

/* What a patched entry jumps to, right before the entry: a jump that is linked like others, so that
 * who came by an old link goes on to the new translation. */
#define STALE_BYTES 5

static void lower_head(struct lower *e)
{
    struct x64_buf *b = e->b;
    while (!b->full && ((uintptr_t)(b->p + STALE_BYTES) & 15))
        x64_byte(b, 0x90);
    uint8_t *at = b->p;
    lo_link_point(e, &e->ir->insn[0], x64_jmp_fwd(b), (int32_t)e->req->start);
    if (b->full)
        return;
    CHECK(b->p - at == STALE_BYTES);
    e->result->entry = (uint32_t)(b->p - e->code);
}

void x64_make_stale(uint8_t *entry)
{
    const uint8_t jump[2] = {0xeb, (uint8_t)-(STALE_BYTES + 2)};
    memcpy(entry, jump, sizeof(jump));
}

static void lower_cold(struct lower *e)
{
    struct x64_buf *hot = e->b;
    if (e->req->cold)
        e->b = e->req->cold;
    for (unsigned k = 0; k < e->cold_count && !e->b->full; k++) { /* a piece may add others */
        struct lo_cold *c = &e->cold[k];
        x64_patch(e->b, c->point);
        lo_cold_flags(e, c);
        c->fn(e, c);
    }
    hot->full |= e->b->full;
    e->b = hot;
}

/* x64_request.marks from number `from` to `to`: the code goes on here. The next one to set. */
static unsigned mark(const struct lower *e, unsigned from, unsigned to)
{
    while (from <= to)
        e->req->marks[from++] = (uint32_t)(e->b->p - e->code);
    return from;
}

bool x64_lower(const struct x64_request *req, struct x64_buf *buf, struct x64_result *result)
{
    struct lower *e = req->work;
    const struct ir_block *ir = req->block;
    e->b = buf;
    e->req = req;
    e->ir = ir;
    e->host = req->host;
    e->flags = LO_F_MEM;
    e->lazy.valid = false;
    e->flags_last = 0;
    memset(e->owner, 0, sizeof(e->owner));
    memset(e->vowner, 0, sizeof(e->vowner));
    memset(e->guest, 0, sizeof(e->guest));
    memset(e->vguest, 0, sizeof(e->vguest));
    e->spills = e->vspills = 0;
    e->sha_at = 0;
    e->def_spill = e->vdef_spill = false;
    e->cold_count = 0;
    e->result = result;
    e->code = buf->p;
    for (unsigned n = 1; n < ir->count; n++)
        e->last[n] = ir->insn[n].last;
    find_flag_needs(e);
    lower_head(e);
    lo_count_entry(e);
    unsigned marked = 0;
    for (e->at = 1; e->at < ir->count && !buf->full; e->at++) {
        if (req->marks)
            marked = mark(e, marked, ir->insn[e->at].guest);
        if (ir->insn[e->at].op != IR_NONE)
            lower_one(e);
    }
    if (req->marks)
        mark(e, marked, ir->guest_count);
    if (!buf->full)
        lower_cold(e);
    result->bytes = (uint32_t)(buf->p - e->code);
    return !buf->full;
}

struct lower *x64_work_new(void)
{
    return calloc(1, sizeof(struct lower));
}

void x64_work_free(struct lower *work)
{
    free(work);
}

void x64_area_init(struct x64_area *area)
{
    static const uint64_t constants[X64_K_COUNT][2] = {
#define CONST(name, lo, hi) [X64_K_##name] = {lo, hi},
#include "x64/consts.def"
#undef CONST
    };
    memcpy(area->constant, constants, sizeof(constants));
    /* AH: ZF 6, PF 2, CF 0, bit 1 set. Greater 02, less 03, equal 42, unordered 47: NZCV 0010,
     * 1000, 0110, 0011. */
    for (unsigned x = 0; x < 2; x++) {
        area->fcmp[x][x ? 0x03 : 0x02] = 0;
        area->fcmp[x][x ? 0x02 : 0x03] = 0x8100;
        area->fcmp[x][0x42] = 0x4000;
        area->fcmp[x][0x47] = 0x0001;
    }
}
