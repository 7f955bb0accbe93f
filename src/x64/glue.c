/* The fixed code between C and translated code. See lower.h for the contracts, area.h for the
 * words.
 *
 * A call from translated code to C happens on the C stack, with the caller-saved registers of the
 * System V ABI kept: for a hook that does not look at guest state in a scratch area, for one that
 * does in the guest state itself. Translated code runs on its own return stack, which lies below
 * the frame of enter() on the same host stack; C called from there starts further down.
 */
#include "base/check.h"
#include "x64/lower_int.h"

#include <string.h>

/* Return stack: a call that finds less than this many bytes left starts it again. */
#define RETURN_STACK_BYTES 65536
#define GAP_BYTES 4096 /* below the limit: pushes of calls and of entries */

/* Why the glue's own labels are few: these are the tails shared by the entries. */
struct glue {
    struct x64_buf *b;
    const struct x64_layout *layout;
    const struct x64_host *host;
    const struct x64_hooks *hooks;
    uint8_t *leave;       /* ECX site, RAX argument, ESI why: saves the guest and returns to C */
    uint8_t *leave_saved; /* the same with guest state already in memory */
    uint8_t *interp;      /* X64_E_INTERP */
};

#define area_mem(g, field) \
    x64_m(RBP, (g)->layout->area + (int32_t)offsetof(struct x64_area, field))

static struct x64_mem save_mem(const struct glue *g, unsigned n)
{
    return x64_m(RBP, area_mem(g, save).disp + 8 * (int32_t)n);
}

static struct x64_mem vsave_mem(const struct glue *g, unsigned n)
{
    return x64_m(RBP, area_mem(g, vsave).disp + 16 * (int32_t)n);
}

static struct x64_mem home_mem(const struct glue *g, unsigned r)
{
    return r == IR_SP ? area_mem(g, sp) : x64_m(RBP, g->layout->x + 8 * (int32_t)r);
}

static unsigned vector_homes(const struct glue *g)
{
    return g->host->avx512 ? 26 : 10;
}

/* ---- Guest registers with homes ---- */

static void homes(const struct glue *g, bool store)
{
    for (unsigned r = 0; r < IR_GPRS; r++) {
        int home = lo_home(r);
        if (home >= 0 && store)
            x64_store(g->b, 8, home_mem(g, r), home);
        else if (home >= 0)
            x64_load(g->b, 8, false, 1, home, home_mem(g, r));
    }
}

static void vector_moves(const struct glue *g, bool store)
{
    for (unsigned r = 0; r < vector_homes(g); r++) {
        struct x64_mem m = x64_m(RBP, g->layout->v + 16 * (int32_t)r);
        if (store)
            x64_vmr(g->b, X64_VMOVAPS, 0, m, (int)r + 6);
        else
            x64_vrm(g->b, X64_VMOVAPS, 0, (int)r + 6, m);
    }
}

/* ---- Value registers and, for hooks that do not see guest state, caller-saved homes ---- */

static const uint8_t values[] = {RDX, RSI, RDI};
static const uint8_t caller_saved_homes[] = {R8, R9, R10, R11};

static void value_registers(const struct glue *g, bool store)
{
    for (unsigned n = 0; n < sizeof(values); n++) {
        if (store)
            x64_store(g->b, 8, save_mem(g, n), values[n]);
        else
            x64_load(g->b, 8, false, 1, values[n], save_mem(g, n));
    }
    for (unsigned n = 0; n < 6; n++) { /* XMM0 to 5 */
        if (store)
            x64_vmr(g->b, X64_VMOVAPS, 0, vsave_mem(g, n), (int)n);
        else
            x64_vrm(g->b, X64_VMOVAPS, 0, (int)n, vsave_mem(g, n));
    }
}

static void caller_homes(const struct glue *g, bool store)
{
    for (unsigned n = 0; n < sizeof(caller_saved_homes); n++) {
        if (store)
            x64_store(g->b, 8, save_mem(g, 3 + n), caller_saved_homes[n]);
        else
            x64_load(g->b, 8, false, 1, caller_saved_homes[n], save_mem(g, 3 + n));
    }
}

/* All that C may change and translated code has, RAX and RCX apart. */
static void caller_saved(const struct glue *g, bool store)
{
    value_registers(g, store);
    caller_homes(g, store);
    vector_moves(g, store);
}

/* Calls `hook` on the C stack; arguments beyond the state are in their registers. */
static void call_c(const struct glue *g, uintptr_t hook)
{
    struct x64_buf *b = g->b;
    x64_store(b, 8, area_mem(g, saved_rsp), RSP);
    x64_load(b, 8, false, 1, RSP, area_mem(g, c_rsp));
    x64_mov_rr(b, 1, RDI, RBP);
    x64_mov_ri(b, RAX, hook);
    x64_call_r(b, RAX);
    x64_load(b, 8, false, 1, RSP, area_mem(g, saved_rsp));
}

/* ---- Leaving ---- */

static void leave_tail(struct glue *g)
{
    struct x64_buf *b = g->b;
    static const uint8_t popped[] = {R15, R14, R13, R12, RBX, RBP};
    g->leave = b->p;
    homes(g, true);
    vector_moves(g, true);
    x64_stmxcsr(b, area_mem(g, mxcsr));
    g->leave_saved = b->p;
    x64_ldmxcsr(b, area_mem(g, c_mxcsr));
    x64_load(b, 8, false, 1, RSP, area_mem(g, stack_base));
    x64_alu_ri(b, X64_ADD, 1, RSP, 16); /* the sentinel */
    x64_pop(b, RDX);                    /* struct x64_left */
    x64_store(b, 8, x64_m(RDX, offsetof(struct x64_left, why)), RSI);
    x64_mov_rr(b, 0, RCX, RCX);
    x64_store(b, 8, x64_m(RDX, offsetof(struct x64_left, site)), RCX);
    x64_store(b, 8, x64_m(RDX, offsetof(struct x64_left, arg)), RAX);
    for (unsigned n = 0; n < sizeof(popped); n++)
        x64_pop(b, popped[n]);
    x64_ret(b);
}

/* An entry that is jumped to. */
static uint8_t *leave_for(struct glue *g, enum x64_leave why)
{
    uint8_t *at = g->b->p;
    if (why == X64_LEAVE_LINK)
        x64_mov_rr(g->b, 1, RAX, RDX);
    x64_mov_ri(g->b, RSI, why);
    x64_jmp(g->b, g->leave);
    return at;
}

/* After a hook that may know where to go on: goes there. If it does not (null), the code behind
 * gets save_mem(0) in RAX and save_mem(rcx) in RCX. */
static void go_there(struct glue *g, unsigned rcx)
{
    struct x64_buf *b = g->b;
    x64_load(b, 8, false, 1, R14, area_mem(g, set));
    caller_homes(g, false);
    vector_moves(g, false);
    x64_test_rr(b, 1, RAX, RAX);
    uint8_t *unknown = x64_jcc_fwd8(b, X64_E);
    x64_jmp_r(b, RAX);
    x64_patch(b, unknown);
    x64_load(b, 8, false, 1, RAX, save_mem(g, 0));
    x64_load(b, 8, false, 1, RCX, save_mem(g, rcx));
}

/* Goes to the code that `hook` knows for guest address RAX (more arguments from RDX on), or leaves
 * to that address with PSTATE.BTYPE from save_mem(1). No values are needed any more. */
static void ask_for_code(struct glue *g, uintptr_t hook)
{
    struct x64_buf *b = g->b;
    caller_homes(g, true);
    vector_moves(g, true);
    x64_store(b, 8, save_mem(g, 0), RAX);
    x64_mov_rr(b, 1, RSI, RAX);
    call_c(g, hook);
    go_there(g, 1);
    (void)leave_for(g, X64_LEAVE_JUMP);
}

/* The entries for a guest address that the jump cache has not in its place. */
static void jump_entries(struct glue *g, uint8_t *at[X64_E_COUNT])
{
    struct x64_buf *b = g->b;
    int32_t jump = (int32_t)offsetof(struct x64_set, jump);
    at[X64_E_JUMP_SECOND] = b->p;
    x64_alu_ri(b, X64_XOR, 0, RCX, 16);
    x64_alu_rm(b, X64_CMP, 1, RAX, x64_mi(R14, RCX, 0, jump));
    uint8_t *miss = x64_jcc_fwd8(b, X64_NE);
    x64_alu_ri(b, X64_AND, 1, RAX, -4096);
    x64_store(b, 8, area_mem(g, page), RAX);
    x64_jmp_m(b, x64_mi(R14, RCX, 0, jump + 8));
    at[X64_E_RETURN_MISS] = b->p;
    x64_mov_ri(b, RDX, 0);
    at[X64_E_JUMP_LEAVE] = b->p;
    x64_patch(b, miss);
    x64_store(b, 8, save_mem(g, 1), RDX);
    ask_for_code(g, (uintptr_t)g->hooks->jump);
}

/* A direct branch to another page whose generation is not the present one. Programs that take
 * turns have the jump cache; the one that stays gets the link. */
#define RELINK_EVERY 16

static uint8_t *cross(struct glue *g)
{
    struct x64_buf *b = g->b;
    uint8_t *at = b->p;
    int32_t jump = (int32_t)offsetof(struct x64_set, jump);
    x64_alu_mi(b, X64_SUB, 0, area_mem(g, relink), 1);
    uint8_t *link = x64_jcc_fwd8(b, X64_S);
    x64_rorx(b, 1, RDI, RAX, 12); /* 16 x64_jump_index() */
    x64_lea(b, 0, RSI, x64_mi(X64_NONE, RAX, 2, 0));
    x64_alu_rr(b, X64_XOR, 0, RSI, RDI);
    x64_alu_ri(b, X64_AND, 0, RSI, (int)(X64_JUMP_ENTRIES - 1) << 4);
    x64_alu_rm(b, X64_CMP, 1, RAX, x64_mi(R14, RSI, 0, jump));
    uint8_t *miss = x64_jcc_fwd8(b, X64_NE);
    x64_alu_ri(b, X64_AND, 1, RAX, -4096);
    x64_store(b, 8, area_mem(g, page), RAX);
    x64_jmp_m(b, x64_mi(R14, RSI, 0, jump + 8));
    x64_patch(b, link);
    x64_patch(b, miss);
    x64_store_i(b, 4, area_mem(g, relink), RELINK_EVERY);
    x64_store_i(b, 8, save_mem(g, 1), 0);
    ask_for_code(g, (uintptr_t)g->hooks->cross);
    return at;
}

/* ---- Entering: void enter(RDI state, RSI host, RDX left) ---- */

static uint8_t *enter(struct glue *g)
{
    struct x64_buf *b = g->b;
    static const uint8_t pushed[] = {RBP, RBX, R12, R13, R14, R15, RDX};
    uint8_t *at = b->p;
    for (unsigned n = 0; n < sizeof(pushed); n++)
        x64_push(b, pushed[n]);
    x64_mov_rr(b, 1, RBP, RDI);
    /* 8 bytes of return address and 7 pushes: RSP is 16-byte aligned. The pair of the empty stack
     * stands for no caller. A guest may return to an odd address all the same: that one misses. */
    x64_push_i(b, 1);
    x64_push_m(b, x64_m(RBP, area_mem(g, entry).disp + 8 * X64_E_RETURN_MISS));
    x64_store(b, 8, area_mem(g, stack_base), RSP);
    x64_lea(b, 1, RAX, x64_m(RSP, -RETURN_STACK_BYTES));
    x64_store(b, 8, area_mem(g, stack_limit), RAX);
    x64_alu_ri(b, X64_SUB, 1, RAX, GAP_BYTES);
    x64_store(b, 8, area_mem(g, c_rsp), RAX);
    x64_stmxcsr(b, area_mem(g, c_mxcsr));
    x64_ldmxcsr(b, area_mem(g, mxcsr));
    x64_load(b, 8, false, 1, R14, area_mem(g, set));
    x64_mov_rr(b, 1, RAX, RSI);
    homes(g, false);
    vector_moves(g, false);
    x64_jmp_r(b, RAX);
    return at;
}

/* ---- Entries that are called ---- */

/* Looks for the page of RAX, ECX = site, in the second way and exchanges the two entries; returns
 * to the caller of the entry then. A group with stores wants the entry for stores. */
static void second_way(const struct glue *g, bool store)
{
    struct x64_buf *b = g->b;
    const int32_t stores = (int32_t)offsetof(struct x64_set, store);
    const int32_t second = (int32_t)offsetof(struct x64_set, second);
    for (unsigned n = 0; n < sizeof(values); n++)
        x64_store(b, 8, save_mem(g, n), values[n]);
    x64_mov_rr(b, 0, RDX, RCX); /* RSI = page of the last byte */
    x64_shift_ri(b, X64_SHR, 0, RDX, 28);
    x64_alu_ri(b, X64_AND, 0, RDX, 7);
    x64_mov_ri(b, RSI, 1);
    x64_shlx(b, 1, RSI, RSI, RDX);
    x64_lea(b, 1, RSI, x64_mi(RAX, RSI, 0, -1));
    x64_alu_ri(b, X64_AND, 1, RSI, -4096);
    x64_rorx(b, 1, RDX, RAX, 8); /* RDX = place of the entry */
    x64_alu_ri(b, X64_AND, 0, RDX, (int)(X64_SET_ENTRIES - 1) << 4);
    if (store) {
        x64_alu_ri(b, X64_ADD, 0, RDX, stores);
    } else {
        x64_test_ri(b, 0, RCX, (int32_t)X64_SITE_WRITE);
        uint8_t *loads = x64_jcc_fwd8(b, X64_E);
        x64_alu_ri(b, X64_ADD, 0, RDX, stores);
        x64_patch(b, loads);
    }
    x64_alu_rm(b, X64_CMP, 1, RSI, x64_mi(R14, RDX, 0, second));
    uint8_t *none = x64_jcc_fwd(b, X64_NE);
    x64_load(b, 8, false, 1, RAX, x64_mi(R14, RDX, 0, second + 8));
    x64_load(b, 8, false, 1, RDI, x64_mi(R14, RDX, 0, 0));
    x64_store(b, 8, x64_mi(R14, RDX, 0, second), RDI);
    x64_load(b, 8, false, 1, RDI, x64_mi(R14, RDX, 0, 8));
    x64_store(b, 8, x64_mi(R14, RDX, 0, second + 8), RDI);
    x64_store(b, 8, x64_mi(R14, RDX, 0, 0), RSI);
    x64_store(b, 8, x64_mi(R14, RDX, 0, 8), RAX);
    for (unsigned n = 0; n < sizeof(values); n++)
        x64_load(b, 8, false, 1, values[n], save_mem(g, n));
    x64_ret(b);
    x64_patch(b, none);
    for (unsigned n = 0; n < sizeof(values); n++)
        x64_load(b, 8, false, 1, values[n], save_mem(g, n));
}

/* RAX = address, ECX = site: RAX = addend. */
static uint8_t *fill(struct glue *g, enum x64_entry entry)
{
    struct x64_buf *b = g->b;
    uint8_t *at = b->p;
    if (entry == X64_E_FILL_LOAD || entry == X64_E_FILL_STORE)
        second_way(g, entry == X64_E_FILL_STORE);
    caller_saved(g, true);
    x64_store(b, 8, save_mem(g, 7), RCX);
    x64_mov_rr(b, 1, RSI, RAX);
    x64_mov_rr(b, 0, RDX, RCX);
    x64_mov_ri(b, RCX, entry);
    call_c(g, (uintptr_t)g->hooks->fill);
    caller_saved(g, false);
    x64_test_rr(b, 1, RAX, RAX);
    uint8_t *fault = x64_jcc_fwd8(b, X64_E);
    x64_ret(b);
    x64_patch(b, fault);
    x64_load(b, 8, false, 1, RCX, save_mem(g, 7));
    x64_mov_ri(b, RSI, X64_LEAVE_INTERP_ONE);
    x64_jmp(b, g->leave);
    return at;
}

/* RAX = word | operation << 32, ECX = site. */
static uint8_t *interp(struct glue *g)
{
    struct x64_buf *b = g->b;
    uint8_t *at = b->p;
    value_registers(g, true);
    homes(g, true);
    vector_moves(g, true);
    x64_stmxcsr(b, area_mem(g, mxcsr));
    x64_mov_rr(b, 1, RSI, RAX);
    x64_mov_rr(b, 0, RDX, RCX);
    call_c(g, (uintptr_t)g->hooks->interp);
    x64_test_rr(b, 1, RAX, RAX);
    uint8_t *left = x64_jcc_fwd(b, X64_E);
    x64_ldmxcsr(b, area_mem(g, mxcsr));
    x64_load(b, 8, false, 1, R14, area_mem(g, set));
    homes(g, false);
    vector_moves(g, false);
    x64_alu_ri(b, X64_CMP, 1, RAX, (int32_t)(intptr_t)X64_GO_ON);
    uint8_t *elsewhere = x64_jcc_fwd8(b, X64_NE);
    value_registers(g, false);
    x64_ret(b);
    x64_patch(b, elsewhere);
    x64_jmp_r(b, RAX);
    x64_patch(b, left);
    x64_mov_ri(b, RSI, X64_LEAVE_DONE);
    x64_jmp(b, g->leave_saved);
    return at;
}

/* RAX = word | operation << 32, ECX = site. No values are needed any more, SP may change; FPSR and
 * NZCV are where they are. */
static uint8_t *exception(struct glue *g)
{
    struct x64_buf *b = g->b;
    uint8_t *at = b->p;
    int sp = lo_home(IR_SP);
    caller_homes(g, true);
    vector_moves(g, true);
    x64_store(b, 8, home_mem(g, IR_SP), sp);
    x64_store(b, 8, save_mem(g, 0), RAX);
    x64_store(b, 8, save_mem(g, 7), RCX);
    x64_mov_rr(b, 1, RSI, RAX);
    x64_mov_rr(b, 0, RDX, RCX);
    call_c(g, (uintptr_t)g->hooks->exception);
    x64_load(b, 8, false, 1, sp, home_mem(g, IR_SP));
    go_there(g, 7);
    x64_jmp(b, g->interp);
    return at;
}

/* ECX = site. */
static uint8_t *poll(struct glue *g)
{
    struct x64_buf *b = g->b;
    uint8_t *at = b->p;
    caller_saved(g, true);
    x64_store(b, 8, save_mem(g, 7), RCX);
    x64_mov_rr(b, 0, RSI, RCX);
    call_c(g, (uintptr_t)g->hooks->poll);
    x64_test_sz_rr(b, 1, RAX, RAX);
    caller_saved(g, false);
    x64_load(b, 8, false, 1, RCX, save_mem(g, 7));
    uint8_t *wanted = x64_jcc_fwd8(b, X64_E);
    x64_ret(b);
    x64_patch(b, wanted);
    x64_mov_ri(b, RSI, X64_LEAVE_DISPATCH);
    x64_jmp(b, g->leave);
    return at;
}

bool x64_glue_make(struct x64_buf *buf, int64_t exec_minus_write, const struct x64_layout *layout,
                   const struct x64_host *host, const struct x64_hooks *hooks,
                   struct x64_glue *out)
{
    struct glue g = {.b = buf, .layout = layout, .host = host, .hooks = hooks};
    uint8_t *at[X64_E_COUNT];
    leave_tail(&g);
    for (unsigned n = X64_E_FILL_LOAD; n <= X64_E_FILL_UNPRIV_STORE; n++)
        at[n] = fill(&g, (enum x64_entry)n);
    at[X64_E_INTERP] = g.interp = interp(&g);
    at[X64_E_EXCEPTION] = exception(&g);
    at[X64_E_LINK] = leave_for(&g, X64_LEAVE_LINK);
    at[X64_E_DISPATCH] = leave_for(&g, X64_LEAVE_DISPATCH);
    at[X64_E_INTERP_ONE] = leave_for(&g, X64_LEAVE_INTERP_ONE);
    at[X64_E_POLL] = poll(&g);
    jump_entries(&g, at);
    at[X64_E_CROSS] = cross(&g);
    uint8_t *first = enter(&g);
    if (buf->full)
        return false;
    for (unsigned n = 0; n < X64_E_COUNT; n++)
        out->entry[n] = (uint64_t)((intptr_t)at[n] + exec_minus_write);
    uintptr_t code = (uintptr_t)((intptr_t)first + exec_minus_write);
    memcpy(&out->enter, &code, sizeof(out->enter));
    return true;
}
