/* Exclusives, and compare and swap of 16 bytes.
 *
 * The exclusive monitor is the guest's, in its state, and means what the interpreter makes of it
 * (doc/decisions/0004): a load remembers size, physical address and value; a store compares them
 * and then exchanges with the remembered value as the one that is expected. So a sequence that
 * begins here may end there, and the other way round.
 *
 * With several vCPUs a load remembers the version word of the location too, before it reads; a
 * store locks the word if it is what it was, and counts it up (vm/exclusive.h has the why).
 *
 * CMPXCHG16B has its operands in RDX:RAX and RCX:RBX and leaves no register for the address but RSI
 * and RDI; what lives in RBX, RDX and RSI is put aside for the time of the instruction.
 */
#include "x64/lower_int.h"

enum { MONITOR_PA = 8, MONITOR_VALUE = 16, MONITOR_VERSION = 32 };

static struct x64_mem monitor(const struct lower *e, int32_t word)
{
    return x64_m(RBP, e->req->layout->monitor + word);
}

/* The first two bytes of the monitor when it is valid: valid and size. */
static int32_t armed(unsigned log2)
{
    return 1 | 1 << log2 << 8;
}

/* RAX = host address: the monitor is set but for the value. */
static void arm(struct lower *e, unsigned log2)
{
    struct x64_buf *b = e->b;
    x64_alu_rm(b, X64_ADD, 1, RAX, lo_area(e, ram_delta));
    x64_store(b, 8, monitor(e, MONITOR_PA), RAX);
    x64_store_i(b, 2, monitor(e, 0), armed(log2));
}

/* The two results of a 16-byte operation, from `words`. All operands have been used. */
static void results(struct lower *e, const struct ir_insn *i, struct x64_mem words)
{
    e->busy = 0;
    int first = lo_rdef(e, i);
    e->busy |= 1u << first;
    int second = lo_rdef_of(e, e->at + 1);
    x64_load(e->b, 8, false, 1, first, words);
    words.disp += 8;
    x64_load(e->b, 8, false, 1, second, words);
}

/* RAX = host address. The monitor gets the version; while an atomic write is under way, which the
 * interpreter waits for, it executes the instruction. Changes RCX. */
static void note_version(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    if (!e->req->smp)
        return;
    lo_version_word(e, RCX, RAX);
    x64_load(b, 8, false, 1, RCX, x64_m(RCX, 0));
    x64_test_sz_ri(b, 1, RCX, 1);
    lo_cold_interp_one(e, i, x64_jcc_fwd(b, X64_NE));
    x64_store(b, 8, monitor(e, MONITOR_VERSION), RCX);
}

/* ---- Loads ---- */

void lower_LDX(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    lo_locate(e, i, i->sub, false);
    note_version(e, i);
    x64_load(b, 1 << i->sub, false, 1, RCX, x64_m(RAX, 0));
    arm(e, i->sub);
    x64_store(b, 8, monitor(e, MONITOR_VALUE), RCX);
    x64_store_i(b, 8, monitor(e, MONITOR_VALUE + 8), 0);
    if (i->uses)
        x64_mov_rr(b, 1, lo_rdef(e, i), RCX);
}

/* 16 aligned bytes are one access with AVX. */
void lower_LDXP(struct lower *e, const struct ir_insn *i)
{
    lo_locate(e, i, 4, false);
    note_version(e, i);
    x64_vrm(e->b, X64_VMOVDQA, 0, LO_XS0, x64_m(RAX, 0));
    arm(e, 4);
    x64_vmr(e->b, X64_VMOVUPS, 0, monitor(e, MONITOR_VALUE), LO_XS0);
    results(e, i, monitor(e, MONITOR_VALUE));
}

/* ---- Stores ---- */

/* Branch that is taken with NE if the monitor is not set for this size. */
static uint8_t *not_armed(struct lower *e, unsigned log2)
{
    lo_clobber(e);
    x64_alu_sz_mi(e->b, X64_CMP, 2, monitor(e, 0), armed(log2));
    return x64_jcc_fwd(e->b, X64_NE);
}

/* RCX = RAX, a host address. Branch that is taken with NE if it is not the monitor's. */
static uint8_t *elsewhere(struct lower *e)
{
    struct x64_buf *b = e->b;
    x64_mov_rr(b, 1, RCX, RAX);
    x64_alu_rm(b, X64_ADD, 1, RAX, lo_area(e, ram_delta));
    x64_alu_rm(b, X64_CMP, 1, RAX, monitor(e, MONITOR_PA));
    return x64_jcc_fwd(b, X64_NE);
}

/* Where all ways meet: E if something was stored. */
static void finish(struct lower *e, const struct ir_insn *i, uint8_t *a, uint8_t *c)
{
    struct x64_buf *b = e->b;
    x64_patch(b, a);
    x64_patch(b, c);
    x64_store_i(b, 1, monitor(e, 0), 0);
    if (!i->uses)
        return;
    x64_mov_ri(b, RCX, 0);
    x64_setcc(b, X64_NE, RCX);
    x64_mov_rr(b, 0, lo_rdef(e, i), RCX);
}

/* Locks the version word at `word` if it is what the monitor remembers; a branch that is taken with
 * NE if it is not. Changes RAX, RCX. */
static uint8_t *lock_version(struct lower *e, int word)
{
    struct x64_buf *b = e->b;
    x64_load(b, 8, false, 1, RAX, monitor(e, MONITOR_VERSION));
    x64_lea(b, 1, RCX, x64_m(RAX, 1));
    x64_lock(b);
    x64_cmpxchg_mr(b, 8, x64_m(word, 0), RCX);
    return x64_jcc_fwd(b, X64_NE);
}

/* Gives it back: two more if E, what it was if NE. Changes RAX, RCX; keeps EFLAGS. */
static void unlock_version(struct lower *e, int word)
{
    struct x64_buf *b = e->b;
    x64_load(b, 8, false, 1, RAX, monitor(e, MONITOR_VERSION));
    x64_lea(b, 1, RCX, x64_m(RAX, 2));
    x64_cmov(b, X64_NE, 1, RCX, RAX);
    x64_store(b, 8, x64_m(word, 0), RCX);
}

static struct x64_mem kept(const struct lower *e, int32_t word)
{
    struct x64_mem m = lo_area(e, lo_hi);
    m.disp += word;
    return m;
}

/* As below, RCX = host address that is the monitor's. */
static void store_shared(struct lower *e, const struct ir_insn *i, int value, int word)
{
    struct x64_buf *b = e->b;
    lo_version_word(e, word, RCX);
    x64_store(b, 8, kept(e, 0), RCX);
    uint8_t *changed = lock_version(e, word);
    x64_load(b, 8, false, 1, RCX, kept(e, 0));
    x64_load(b, 8, false, 1, RAX, monitor(e, MONITOR_VALUE));
    x64_lock(b);
    x64_cmpxchg_mr(b, 1 << i->sub, x64_m(RCX, 0), value);
    unlock_version(e, word);
    x64_patch(b, changed);
}

void lower_STX(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    lo_r(e, i->a); /* nothing may be moved between the branches */
    int value = lo_r(e, i->c), word = e->req->smp ? lo_temp(e) : -1;
    uint8_t *a = not_armed(e, i->sub);
    lo_locate(e, i, i->sub, true);
    uint8_t *c = elsewhere(e);
    if (e->req->smp) {
        store_shared(e, i, value, word);
        finish(e, i, a, c);
        return;
    }
    x64_load(b, 8, false, 1, RAX, monitor(e, MONITOR_VALUE));
    x64_lock(b);
    x64_cmpxchg_mr(b, 1 << i->sub, x64_m(RCX, 0), value);
    finish(e, i, a, c);
}

/* A word of the area that is free during an operation of 16 bytes. */
static struct x64_mem aside_mem(const struct lower *e, unsigned n)
{
    struct x64_mem m = lo_area(e, save);
    m.disp += 8 * (int32_t)n;
    return m;
}

#define ASIDE_WORD 3 /* the version word's address */

static void put_aside(struct lower *e, bool back)
{
    static const uint8_t aside[] = {RBX, RDX, RSI};
    for (unsigned n = 0; n < sizeof(aside); n++) {
        struct x64_mem m = aside_mem(e, n);
        if (back)
            x64_load(e->b, 8, false, 1, aside[n], m);
        else
            x64_store(e->b, 8, m, aside[n]);
    }
}

/* RSI = host address, RDX:RAX = expected; desired is what is kept. */
static void exchange(struct lower *e)
{
    x64_load(e->b, 8, false, 1, RBX, kept(e, 0));
    x64_load(e->b, 8, false, 1, RCX, kept(e, 8));
    x64_lock(e->b);
    x64_cmpxchg16b(e->b, x64_m(RSI, 0));
}

static void keep(struct lower *e, int low, int high)
{
    x64_store(e->b, 8, kept(e, 0), low);
    x64_store(e->b, 8, kept(e, 8), high);
}

void lower_STXP(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    lo_r(e, i->a);
    keep(e, lo_r(e, i->b), lo_r(e, i->c));
    uint8_t *a = not_armed(e, 4);
    lo_locate(e, i, 4, true);
    uint8_t *c = elsewhere(e);
    put_aside(e, false);
    x64_mov_rr(b, 1, RSI, RCX);
    uint8_t *changed = NULL;
    if (e->req->smp) {
        lo_version_word(e, RBX, RSI);
        x64_store(b, 8, aside_mem(e, ASIDE_WORD), RBX);
        changed = lock_version(e, RBX);
    }
    x64_load(b, 8, false, 1, RAX, monitor(e, MONITOR_VALUE));
    x64_load(b, 8, false, 1, RDX, monitor(e, MONITOR_VALUE + 8));
    exchange(e);
    if (e->req->smp) {
        x64_load(b, 8, false, 1, RSI, aside_mem(e, ASIDE_WORD));
        unlock_version(e, RSI);
        x64_patch(b, changed);
    }
    put_aside(e, true);
    finish(e, i, a, c);
}

/* ---- Compare and swap ---- */

void lower_HOLD(struct lower *e, const struct ir_insn *i)
{
    keep(e, lo_r(e, i->a), lo_r(e, i->b));
}

void lower_CASP(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    int low = lo_r(e, i->b), high = lo_r(e, i->c);
    lo_locate(e, i, 4, true);
    if (e->req->smp) {
        lo_version_word(e, RCX, RAX);
        x64_store(b, 8, aside_mem(e, ASIDE_WORD), RCX);
        lo_version_lock(e, i, RCX);
    }
    put_aside(e, false);
    x64_mov_rr(b, 1, RCX, RAX);
    x64_mov_rr(b, 1, RAX, low); /* before RDX, which may be it, changes; and RSI may be `high` */
    x64_mov_rr(b, 1, RDX, high);
    x64_mov_rr(b, 1, RSI, RCX);
    exchange(e);
    keep(e, RAX, RDX);
    put_aside(e, true);
    if (e->req->smp) {
        x64_load(b, 8, false, 1, RCX, aside_mem(e, ASIDE_WORD));
        lo_version_unlock(e, RCX, true);
    }
    results(e, i, kept(e, 0));
}
