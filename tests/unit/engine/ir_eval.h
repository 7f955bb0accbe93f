/* What a block of IR means: the integer, memory and control operations and the vector moves that
 * loads need, executed one by one on struct a64_cpu. Slow and plain: the other side of comparisons
 * between lifters and the interpreter, without a back end. */
#ifndef TESTS_UNIT_ENGINE_IR_EVAL_H
#define TESTS_UNIT_ENGINE_IR_EVAL_H

#include "engine/interp/interp_int.h"
#include "interp_table.h"
#include "ir/ir.h"

#include <stdlib.h>

enum ir_left {
    IR_LEFT_OFFSET,  /* to `to`, an offset from the page of code */
    IR_LEFT_ADDRESS, /* to `to`, an address */
    IR_LEFT_FAULT,   /* the guest instruction at index `to` must be interpreted */
    IR_LEFT_TAKEN,   /* its handler ended neither went on nor branched: see there */
    IR_LEFT_SINGLE,  /* before the guest instruction at index `to`, to go on without groups */
    IR_LEFT_UNKNOWN, /* operation `to` is not one of these */
};

struct ir_eval {
    const struct ir_block *b;
    struct a64_cpu *cpu;
    uint64_t page; /* address of the page of code */
    uint32_t off;  /* of the block's first instruction */
    uint8_t *(*at)(struct a64_cpu *cpu, gva_t va, unsigned size); /* null: fault */
    union a64_vreg v[IR_MAX_INSNS];
    union a64_vreg second; /* of a pair */
    union a64_vreg held;   /* for CASP */
    uint64_t pa_delta;     /* physical address = guest address + this */
    enum ir_left left;
    int64_t to;
};

static inline bool eval_leave(struct ir_eval *e, enum ir_left how, int64_t to)
{
    e->left = how;
    e->to = to;
    return false;
}

static inline bool eval_fault(struct ir_eval *e, const struct ir_insn *i)
{
    return eval_leave(e, IR_LEFT_FAULT, i->guest);
}

static inline uint64_t eval_crc(uint32_t crc, uint64_t data, unsigned bytes, uint32_t poly)
{
    for (unsigned i = 0; i < 8 * bytes; i++)
        crc = crc >> 1 ^ ((crc ^ (uint32_t)(data >> i)) & 1 ? poly : 0);
    return crc;
}

static inline uint64_t eval_divide(const struct ir_insn *i, unsigned w, uint64_t x, uint64_t y)
{
    if (!y)
        return 0;
    if (i->op == IR_UDIV)
        return x / y;
    int64_t sy = sign_extend(y, w);
    return sy == -1 ? 0 - x : (uint64_t)(sign_extend(x, w) / sy);
}

static inline uint64_t eval_count(uint64_t x, unsigned w)
{
    unsigned n = 0;
    while (n < w && !bit(x, w - 1 - n))
        n++;
    return n;
}

static inline uint64_t eval_reverse(uint64_t x, unsigned w, unsigned unit, unsigned within)
{
    uint64_t r = 0; /* units of `unit` bits reversed within groups of `within` */
    for (unsigned n = 0; n < w; n += unit) {
        unsigned group = n / within * within, to = group + within - unit - (n - group);
        r |= bits(x, n + unit - 1, n) << to;
    }
    return r;
}

/* Integer results without memory. False: none of these. */
static inline bool eval_alu(struct ir_eval *e, const struct ir_insn *i, uint64_t *out)
{
    const unsigned w = i->type == IR_I32 ? 32 : 64;
    const uint64_t a = e->v[i->a].d[0] & MASK(w), b = e->v[i->b].d[0] & MASK(w);
    const unsigned n = (unsigned)b & (w - 1);
    uint32_t *nzcv = &e->cpu->nzcv, flags = *nzcv;
    const bool c = flags & PSTATE_C;
    uint64_t r;
    switch (i->op) {
    case IR_ADD: r = add_with_carry(w, a, b, false, &flags); break;
    case IR_SUB: r = add_with_carry(w, a, ~b, true, &flags); break;
    case IR_ADC: r = add_with_carry(w, a, b, c, &flags); break;
    case IR_SBC: r = add_with_carry(w, a, ~b, c, &flags); break;
    case IR_AND:
    case IR_ANDN:
        r = i->op == IR_AND ? a & b : a & ~b;
        flags = (bit(r, w - 1) ? PSTATE_N : 0) | (r == 0 ? PSTATE_Z : 0);
        break;
    case IR_OR: r = a | b; break;
    case IR_XOR: r = a ^ b; break;
    case IR_NOT: r = ~a; break;
    case IR_NEG: r = 0 - a; break;
    case IR_SHL: r = a << n; break;
    case IR_SHR: r = a >> n; break;
    case IR_SAR: r = (uint64_t)(sign_extend(a, w) >> n); break;
    case IR_ROR: r = ror_bits(a, w, n); break;
    case IR_EXTR: r = a << (w - i->imm) | b >> i->imm; break;
    case IR_MUL: r = a * b; break;
    case IR_UMULH: r = (uint64_t)((unsigned __int128)a * b >> 64); break;
    case IR_SMULH: r = (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64); break;
    case IR_UDIV:
    case IR_SDIV: r = eval_divide(i, w, a, b); break;
    case IR_SEXT: r = (uint64_t)sign_extend(a, 8u << i->sub); break;
    case IR_UEXT: r = a & MASK(8u << i->sub); break;
    case IR_CLZ: r = eval_count(a, w); break;
    case IR_RBIT: r = eval_reverse(a, w, 1, w); break;
    case IR_BSWAP: r = eval_reverse(a, w, 8, w); break;
    case IR_REV16: r = eval_reverse(a, w, 8, 16); break;
    case IR_BFI: r = bits_set(a, i->sub + i->sub2 - 1u, i->sub, b); break;
    case IR_CRC32: r = eval_crc((uint32_t)a, e->v[i->b].d[0], 1u << i->sub, 0xedb88320); break;
    case IR_CRC32C: r = eval_crc((uint32_t)a, e->v[i->b].d[0], 1u << i->sub, 0x82f63b78); break;
    case IR_CSEL: r = condition_holds(flags, i->sub) ? a : b; break;
    case IR_CSET: r = condition_holds(flags, i->sub); break;
    case IR_CONST: r = (uint64_t)i->imm; break;
    case IR_PC: r = e->page + (uint64_t)i->imm; break;
    case IR_TRUNC:
    case IR_ZEXT: r = e->v[i->a].d[0] & UINT32_MAX; break;
    default: return false;
    }
    if (i->setf)
        *nzcv = flags;
    *out = r & MASK(w);
    return true;
}

static inline uint64_t eval_rmw(unsigned op, uint64_t m, uint64_t s, unsigned w)
{
    const int64_t sm = sign_extend(m, w), ss = sign_extend(s, w);
    switch (op) {
    case IR_RMW_ADD: return m + s;
    case IR_RMW_CLR: return m & ~s;
    case IR_RMW_EOR: return m ^ s;
    case IR_RMW_SET: return m | s;
    case IR_RMW_SMAX: return sm > ss ? m : s;
    case IR_RMW_SMIN: return sm < ss ? m : s;
    case IR_RMW_UMAX: return m > s ? m : s;
    case IR_RMW_UMIN: return m < s ? m : s;
    default: return s;
    }
}

/* Memory operations with an integer or a vector. False: fault, or left set to unknown. */
static inline bool eval_memory(struct ir_eval *e, const struct ir_insn *i, union a64_vreg *out)
{
    const bool pair = i->op == IR_LDP || i->op == IR_LDPS || i->op == IR_LDPV || i->op == IR_STP ||
                      i->op == IR_STPV;
    const bool scalar = i->op == IR_RMW || i->op == IR_CAS || pair;
    const unsigned bytes = 1u << i->sub, w = 8 * bytes;
    const union a64_vreg *b = &e->v[i->b], *c = &e->v[i->c];
    uint64_t va = e->v[i->a].d[0] + (uint64_t)i->imm;
    if (!scalar && i->b)
        va += b->d[0] << (i->sub2 & IR_ACC_SHIFT);
    uint8_t *p = e->at(e->cpu, va, pair ? 2 * bytes : bytes);
    if (!p)
        return eval_fault(e, i);
    switch (i->op) {
    case IR_LD:
    case IR_LDV:
    case IR_LDP:
    case IR_LDPV:
        memcpy(out, p, bytes);
        memset(&e->second, 0, sizeof(e->second));
        if (pair)
            memcpy(&e->second, p + bytes, bytes);
        return true;
    case IR_LDS:
    case IR_LDPS:
        out->d[0] = (uint64_t)sign_extend(le_load(p, bytes), w) & MASK(i->type == IR_I32 ? 32 : 64);
        if (pair)
            e->second.d[0] = (uint64_t)sign_extend(le_load(p + bytes, bytes), w);
        return true;
    case IR_ST:
    case IR_STV:
        memcpy(p, c, bytes);
        return true;
    case IR_STP:
    case IR_STPV:
        memcpy(p, b, bytes);
        memcpy(p + bytes, c, bytes);
        return true;
    case IR_RMW:
        out->d[0] = le_load(p, bytes);
        le_store(p, bytes, eval_rmw(i->sub2, out->d[0], c->d[0] & MASK(w), w));
        return true;
    default: /* CAS */
        out->d[0] = le_load(p, bytes);
        if (out->d[0] == (b->d[0] & MASK(w)))
            le_store(p, bytes, c->d[0]);
        return true;
    }
}

/* Exclusives and CASP. False: fault. */
static inline bool eval_exclusive(struct ir_eval *e, const struct ir_insn *i, union a64_vreg *out)
{
    struct a64_monitor *m = &e->cpu->monitor;
    const bool wide = i->op == IR_LDXP || i->op == IR_STXP || i->op == IR_CASP;
    const unsigned bytes = wide ? 16 : 1u << i->sub;
    const uint64_t va = e->v[i->a].d[0];
    const union a64_vreg wanted = {.d = {e->v[i->b].d[0], e->v[i->c].d[0]}};
    const bool store = i->op == IR_STX || i->op == IR_STXP;
    out->d[0] = store;
    if (store && (!m->valid || m->size != bytes)) {
        m->valid = false;
        return true;
    }
    uint8_t *p = va % bytes ? NULL : e->at(e->cpu, va, bytes);
    if (!p)
        return eval_fault(e, i);
    if (store) {
        if (m->pa == va + e->pa_delta && !memcmp(p, m->value, bytes)) {
            memcpy(p, wide ? &wanted : &e->v[i->c], bytes);
            out->d[0] = 0;
        }
        m->valid = false;
        return true;
    }
    union a64_vreg old = {.d = {0, 0}};
    memcpy(&old, p, bytes);
    out->d[0] = old.d[0];
    e->second.d[0] = old.d[1];
    if (i->op == IR_CASP) {
        if (!memcmp(p, &wanted, 16))
            memcpy(p, &e->held, 16);
    } else {
        m->valid = true;
        m->size = (uint8_t)bytes;
        m->pa = va + e->pa_delta;
        memcpy(m->value, &old, 16);
    }
    return true;
}

/* VZIP and VUZP. */
static inline void eval_weave(const struct ir_insn *i, const union a64_vreg *a,
                              const union a64_vreg *b, union a64_vreg *out)
{
    const union a64_vreg from[2] = {*a, *b};
    const size_t bytes = (size_t)1 << i->sub, half = 8 >> i->sub;
    for (size_t n = 0; n < 2 * half; n++) {
        size_t element = i->op == IR_VUZP ? 2 * n + i->sub2 : n / 2 + i->sub2 * half;
        size_t which = i->op == IR_VUZP ? element / (2 * half) : n % 2;
        memcpy(out->b + n * bytes, from[which].b + element % (2 * half) * bytes, bytes);
    }
}

/* VTHIRDS and VSTRIDE. */
static inline void eval_three(struct ir_eval *e, const struct ir_insn *i, union a64_vreg *out)
{
    const union a64_vreg *from[3] = {&e->v[i->a], &e->v[i->b], &e->v[i->c]};
    const size_t bytes = (size_t)1 << i->sub, half = (size_t)i->imm >> 8;
    const size_t lanes = (half ? 8 : 16) / bytes, first = (size_t)i->imm & 0xff;
    *out = *from[0];
    for (size_t p = 0; p < lanes; p++) {
        const size_t lane = i->op == IR_VTHIRDS ? p : (p * i->sub2 + first) % lanes;
        memcpy(out->b + p * bytes, from[i->op == IR_VTHIRDS ? p % 3 : 0]->b + lane * bytes, bytes);
    }
}

/* A member of its group may be in another page, or nowhere. */
static inline bool eval_guard(struct ir_eval *e, const struct ir_insn *i, union a64_vreg *out)
{
    const int64_t lo = (int32_t)i->imm, hi = (int32_t)(i->imm >> 32);
    const uint64_t index = i->b ? e->v[i->b].d[0] << (i->sub2 & IR_ACC_SHIFT) : 0;
    const uint64_t root = e->v[i->a].d[0] + index, first = root + (uint64_t)lo;
    if ((first ^ (root + (uint64_t)hi - 1)) >> 12)
        return eval_leave(e, IR_LEFT_SINGLE, i->guest);
    out->d[0] = root;
    return e->at(e->cpu, first, (unsigned)(hi - lo)) ? true : eval_fault(e, i);
}

/* State, vector moves and control. False: left. */
static inline bool eval_other(struct ir_eval *e, const struct ir_insn *i, union a64_vreg *out)
{
    struct a64_cpu *cpu = e->cpu;
    uint8_t *state = (uint8_t *)cpu;
    const union a64_vreg *a = &e->v[i->a], *b = &e->v[i->b];
    const unsigned w = i->type == IR_I32 ? 32 : 64;
    const unsigned bytes = 1u << i->sub;
    uint8_t *p;
    switch (i->op) {
    case IR_NONE:
    case IR_PREFETCH:
    case IR_FENCE: return true;
    case IR_GET: out->d[0] = xsp_read(cpu, (unsigned)i->imm); return true;
    case IR_PUT: xsp_write(cpu, (unsigned)i->imm, a->d[0]); return true;
    case IR_GETV: *out = cpu->v[i->imm]; return true;
    case IR_PUTV: cpu->v[i->imm] = *a; return true;
    case IR_GETS: out->d[0] = le_load(state + i->imm, bytes); return true;
    case IR_PUTS: le_store(state + i->imm, bytes, a->d[0]); return true;
    case IR_PAIR:
    case IR_PAIRV: *out = e->second; return true;
    case IR_CCMP:
        if (condition_holds(cpu->nzcv, i->sub))
            add_with_carry(w, a->d[0], i->sub2 ? b->d[0] : ~b->d[0], !i->sub2, &cpu->nzcv);
        else
            cpu->nzcv = (uint32_t)i->imm << 28;
        return true;
    case IR_VGET: memcpy(out, a->b + ((size_t)i->imm << i->sub), bytes); return true;
    case IR_VSET:
        *out = *a;
        memcpy(out->b + ((size_t)i->imm << i->sub), b, bytes);
        return true;
    case IR_VDUP:
        for (unsigned n = 0; n < 16; n += bytes)
            memcpy(out->b + n, a, bytes);
        return true;
    case IR_VZIP:
    case IR_VUZP: eval_weave(i, a, b, out); return true;
    case IR_VTHIRDS:
    case IR_VSTRIDE: eval_three(e, i, out); return true;
    case IR_VLOW: memcpy(out, a, bytes); return true;
    case IR_ZERO64:
        p = e->at(cpu, align_down(a->d[0], 64), 64);
        if (!p)
            return eval_fault(e, i);
        memset(p, 0, 64);
        return true;
    case IR_GUARD: return eval_guard(e, i, out);
    case IR_GETFPSR: out->d[0] = cpu->fp.fpsr; return true;
    case IR_PUTFPSR: cpu->fp.fpsr = (uint32_t)a->d[0]; return true;
    case IR_COUNTER: out->d[0] = cpu->env->counter(cpu) - a->d[0]; return true;
    case IR_CHKSP: return a->d[0] & 15 ? eval_fault(e, i) : true;
    case IR_EXITC:
        return condition_holds(cpu->nzcv, i->sub) ? eval_leave(e, IR_LEFT_OFFSET, i->imm) : true;
    case IR_EXITZ:
        return ((a->d[0] & MASK(w)) != 0) == i->sub ? eval_leave(e, IR_LEFT_OFFSET, i->imm) : true;
    case IR_EXITB:
        return bit(a->d[0], i->sub2) == i->sub ? eval_leave(e, IR_LEFT_OFFSET, i->imm) : true;
    case IR_LEAVES:
        return le_load(state + (i->imm >> 32), 4) ? eval_leave(e, IR_LEFT_OFFSET, (int32_t)i->imm)
                                                  : true;
    case IR_JUMP:
    case IR_CALL:
    case IR_LEAVE: return eval_leave(e, IR_LEFT_OFFSET, i->imm);
    case IR_JUMPR:
    case IR_CALLR: cpu->btype = i->sub2; return eval_leave(e, IR_LEFT_ADDRESS, (int64_t)a->d[0]);
    case IR_RET: cpu->btype = 0; return eval_leave(e, IR_LEFT_ADDRESS, (int64_t)a->d[0]);
    case IR_INTERP: {
        cpu->pc = e->page + e->off + 4u * i->guest;
        enum xr r = interp_handlers[i->imm >> 32](cpu, (uint32_t)i->imm);
        if (r == XR_BRANCH)
            return eval_leave(e, IR_LEFT_ADDRESS, (int64_t)cpu->pc);
        return r == XR_NEXT || r == XR_SYNC || eval_leave(e, IR_LEFT_TAKEN, i->guest);
    }
    default: return eval_leave(e, IR_LEFT_UNKNOWN, i->op);
    }
}

/* Executes the block; e->left and e->to say how it was left. */
static inline void ir_eval(struct ir_eval *e)
{
    for (unsigned at = 1; at < e->b->count; at++) {
        const struct ir_insn *i = &e->b->insn[at];
        union a64_vreg out = {.d = {0, 0}};
        bool go_on = true;
        switch (i->op) {
        case IR_LD:
        case IR_LDS:
        case IR_LDV:
        case IR_ST:
        case IR_STV:
        case IR_LDP:
        case IR_LDPS:
        case IR_LDPV:
        case IR_STP:
        case IR_STPV:
        case IR_RMW:
        case IR_CAS:
            go_on = eval_memory(e, i, &out);
            break;
        case IR_LDX:
        case IR_LDXP:
        case IR_STX:
        case IR_STXP:
        case IR_CASP:
            go_on = eval_exclusive(e, i, &out);
            break;
        case IR_HOLD:
            e->held = (union a64_vreg){.d = {e->v[i->a].d[0], e->v[i->b].d[0]}};
            break;
        default:
            if (!eval_alu(e, i, &out.d[0]))
                go_on = eval_other(e, i, &out);
        }
        if (!go_on)
            return;
        /* What only reinterprets leaves garbage above, as TRUNC may. */
        if (i->op == IR_TRUNC)
            out.d[0] = e->v[i->a].d[0];
        e->v[at] = out;
    }
    e->left = IR_LEFT_UNKNOWN;
    e->to = -1;
}

#endif
