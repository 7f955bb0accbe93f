/* Leaving a block: exits, links, calls and returns, the interpreter.
 *
 * Branches within the guest page are direct jumps that are linked when first taken: the page is
 * what the translation is keyed by, so they hold in every address space. Direct branches to other
 * pages are linked too, but hold for one generation of an address space (struct x64_set), which
 * they compare; else, and for branches to registers, there is the jump cache of the translation
 * set. Calls keep pairs (host return address, guest return address) on the return stack, and a
 * return compares.
 *
 * A request (interrupt, stop) is looked for where a loop or a return passes: backward branches,
 * indirect branches and returns.
 */
#include "x64/lower_int.h"

#include "base/check.h"

#define PAGE_BYTES 4096
#define JUMP_MASK ((int)(X64_JUMP_ENTRIES - 1) << 4)
#define LINK_REG 30

struct lo_cold *lo_cold(struct lower *e, uint8_t *point, const struct ir_insn *i, lo_cold_fn *fn)
{
    if (e->cold_count == LO_MAX_COLD) {
        e->b->full = true; /* x64_lower() fails */
        e->cold_count--;
    }
    struct lo_cold *c = &e->cold[e->cold_count++];
    c->fn = fn;
    c->point = point;
    c->resume = e->b->p;
    c->insn = i;
    c->imm = 0;
    lo_cold_state(e, c);
    return c;
}

/* ---- Budget ---- */

/* A block that the budget does not allow. From one without groups the dispatcher would go to the
 * group's, which may be shorter, be left, come back here, and so on. */
static void cold_entry(struct lower *e, const struct lo_cold *c)
{
    (void)c;
    x64_mov_ri(e->b, RCX, lo_site(e, (int32_t)e->req->start, 0));
    lo_jump_entry(e, e->req->single ? X64_E_INTERP_ONE : X64_E_DISPATCH);
}

void lo_count_entry(struct lower *e)
{
    if (!e->req->count)
        return;
    x64_alu_mi(e->b, X64_SUB, 1, lo_area(e, budget), (int32_t)e->ir->guest_count);
    lo_cold(e, x64_jcc_fwd(e->b, X64_S), &e->ir->insn[0], cold_entry);
    x64_store_i(e->b, 1, x64_m(RBP, e->req->layout->btype), 0);
}

void lo_refund(struct lower *e, unsigned done)
{
    unsigned undone = e->ir->guest_count - done;
    if (e->req->count && undone)
        x64_alu_mi(e->b, X64_ADD, 1, lo_area(e, budget), (int32_t)undone);
}

/* ---- Going somewhere ---- */

static void cold_poll(struct lower *e, const struct lo_cold *c)
{
    x64_mov_ri(e->b, RCX, (uint32_t)c->imm);
    lo_call_entry(e, X64_E_POLL);
    x64_jmp(e->b, c->resume);
}

/* Looks for a request; leaving means going on at `target` of the page, the budget being settled. */
static void poll(struct lower *e, const struct ir_insn *i, int32_t target)
{
    x64_alu_mi(e->b, X64_CMP, 0, x64_m(RBP, e->req->layout->attention), 0);
    struct lo_cold *c = lo_cold(e, x64_jcc_fwd(e->b, X64_NE), i, cold_poll);
    c->flags = LO_F_MEM;
    c->lazy.valid = false;
    c->imm = X64_SITE(target, 0);
}

/* What PSTATE.BTYPE is where a branch to a register leads. */
static unsigned btype(const struct ir_insn *i)
{
    return i->op == IR_JUMPR || i->op == IR_CALLR ? i->sub2 : 0;
}

/* Leaves to guest address RAX. */
static void jump_miss(struct lower *e, unsigned next_btype)
{
    x64_mov_ri(e->b, RDX, next_btype);
    lo_jump_entry(e, X64_E_JUMP_LEAVE);
}

static void cold_jump(struct lower *e, const struct lo_cold *c)
{
    jump_miss(e, (unsigned)c->imm);
}

/* A cold piece that leaves to guest address RAX. */
static void to_dispatcher(struct lower *e, const struct ir_insn *i, enum x64_cc cc,
                          unsigned next_btype)
{
    struct lo_cold *c = lo_cold(e, x64_jcc_fwd(e->b, cc), i, cold_jump);
    c->flags = LO_F_MEM;
    c->lazy.valid = false;
    c->imm = next_btype;
}

/* A miss in the jump cache. r[0]: is it that of a call? It then comes back where that one does. */
static void cold_second(struct lower *e, const struct lo_cold *c)
{
    x64_mov_ri(e->b, RDX, (uint64_t)c->imm);
    if (!c->r[0]) {
        lo_jump_entry(e, X64_E_JUMP_SECOND);
        return;
    }
    lo_call_entry(e, X64_E_JUMP_SECOND);
    x64_jmp(e->b, c->resume);
}

/* Goes to guest address RAX by the jump cache. */
static void jump_cache(struct lower *e, const struct ir_insn *i, unsigned next_btype, bool call)
{
    struct x64_buf *b = e->b;
    int32_t jump = (int32_t)offsetof(struct x64_set, jump);
    if (next_btype && e->req->count) /* the block there clears it, unless its budget is used up */
        x64_store_i(b, 1, x64_m(RBP, e->req->layout->btype), (int32_t)next_btype);
    x64_alu_mi(b, X64_CMP, 0, x64_m(RBP, e->req->layout->attention), 0);
    to_dispatcher(e, i, X64_NE, next_btype);
    x64_rorx(b, 1, RDX, RAX, 12); /* x64_jump_index() * 16; no values are needed any more */
    x64_lea(b, 0, RCX, x64_mi(X64_NONE, RAX, 2, 0));
    x64_alu_rr(b, X64_XOR, 0, RCX, RDX);
    x64_alu_ri(b, X64_AND, 0, RCX, JUMP_MASK);
    x64_alu_rm(b, X64_CMP, 1, RAX, x64_mi(R14, RCX, 0, jump));
    struct lo_cold *c = lo_cold(e, x64_jcc_fwd(b, X64_NE), i, cold_second);
    c->flags = LO_F_MEM;
    c->lazy.valid = false;
    c->imm = next_btype;
    c->r[0] = call;
    x64_alu_ri(b, X64_AND, 1, RAX, -PAGE_BYTES);
    x64_store(b, 8, lo_area(e, page), RAX);
    if (call)
        x64_call_m(b, x64_mi(R14, RCX, 0, jump + 8));
    else
        x64_jmp_m(b, x64_mi(R14, RCX, 0, jump + 8));
    c->resume = b->p;
}

static void jump_indirect(struct lower *e, const struct ir_insn *i, unsigned next_btype)
{
    if (e->req->no_chain) {
        jump_miss(e, next_btype);
        return;
    }
    jump_cache(e, i, next_btype, false);
}

static void page_address(struct lower *e, int64_t imm)
{
    x64_load(e->b, 8, false, 1, RAX, lo_area(e, page));
    x64_alu_ri(e->b, X64_ADD, 1, RAX, (int32_t)imm);
}

/* The link stub of the branch that ends at c->point: asks for the target. imm: it, with bits of the
 * site in the upper half. */
static void cold_link(struct lower *e, const struct lo_cold *c)
{
    struct x64_buf *b = e->b;
    x64_lea(b, 1, RDX, x64_m_at(b, c->point));
    x64_mov_ri(b, RCX, X64_SITE((int32_t)c->imm, 0) | (uint32_t)(c->imm >> 32));
    lo_jump_entry(e, X64_E_LINK);
}

static void link_point(struct lower *e, const struct ir_insn *i, uint8_t *point, int32_t target,
                       uint32_t how)
{
    struct lo_cold *c = lo_cold(e, point, i, cold_link);
    c->flags = LO_F_MEM;
    c->lazy.valid = false;
    c->imm = (int64_t)((uint64_t)how << 32 | (uint32_t)target);
}

void lo_link_point(struct lower *e, const struct ir_insn *i, uint8_t *point, int32_t target)
{
    link_point(e, i, point, target, 0);
}

void lo_link_single(struct lower *e, const struct ir_insn *i, uint8_t *point, int32_t target)
{
    link_point(e, i, point, target, X64_SITE_SINGLE);
}

/* A link is a jump, a call or a conditional jump: E9 rel32, E8 rel32, 0F 8x rel32; and
 * a patched entry EB rel8. */
bool x64_is_stale_jump(const uint8_t *point)
{
    return point[-5] == 0xeb;
}

/* r[0]: is it a call? imm: target; resume: the end of the branch; r[1]: distance of X64_E_CROSS. */
static void cold_cross(struct lower *e, const struct lo_cold *c)
{
    struct x64_buf *b = e->b;
    page_address(e, c->imm);
    x64_lea(b, 1, RDX, x64_m_at(b, c->resume));
    x64_mov_ri(b, RCX, (uint64_t)c->r[1]);
    if (!c->r[0]) {
        lo_jump_entry(e, X64_E_CROSS);
        return;
    }
    lo_call_entry(e, X64_E_CROSS);
    x64_jmp(b, c->resume);
}

static void cold_cross_poll(struct lower *e, const struct lo_cold *c)
{
    page_address(e, c->imm);
    jump_miss(e, 0);
}

/* To a fixed place in another page: a direct branch, while the generation of what this address
 * space executes is the one it was made for. */
static void cross(struct lower *e, const struct ir_insn *i, int64_t target, bool call)
{
    struct x64_buf *b = e->b;
    int32_t generation = (int32_t)offsetof(struct x64_set, generation);
    x64_alu_mi(b, X64_CMP, 0, x64_m(R14, generation), X64_NO_GENERATION);
    const uint8_t *compared = b->p;
    struct lo_cold *c = lo_cold(e, x64_jcc_fwd(b, X64_NE), i, cold_cross);
    c->flags = LO_F_MEM;
    c->lazy.valid = false;
    c->imm = target;
    c->r[0] = call;
    if (target < 0 || e->req->poll_all) {
        x64_alu_mi(b, X64_CMP, 0, x64_m(RBP, e->req->layout->attention), 0);
        struct lo_cold *p = lo_cold(e, x64_jcc_fwd(b, X64_NE), i, cold_cross_poll);
        p->flags = LO_F_MEM;
        p->lazy.valid = false;
        p->imm = target;
    }
    x64_alu_mi(b, X64_ADD, 1, lo_area(e, page), (int32_t)(target & -PAGE_BYTES));
    if (call)
        x64_call(b, b->p);
    else
        x64_jmp(b, b->p);
    c->resume = b->p;
    c->r[1] = (int8_t)(b->p - compared);
}

/* The end of a path: NZCV is in memory and the budget settled. */
static void go(struct lower *e, const struct ir_insn *i, int64_t target)
{
    if (target < 0 || target >= PAGE_BYTES) {
        if (e->req->no_chain) {
            page_address(e, target);
            jump_miss(e, 0);
        } else {
            cross(e, i, target, false);
        }
        return;
    }
    if (target <= lo_off(e, i) || e->req->poll_all)
        poll(e, i, (int32_t)target);
    if (e->req->no_chain) {
        x64_mov_ri(e->b, RCX, X64_SITE((int32_t)target, 0));
        lo_jump_entry(e, X64_E_DISPATCH);
        return;
    }
    lo_link_point(e, i, x64_jmp_fwd(e->b), (int32_t)target);
}

static void cold_exit(struct lower *e, const struct lo_cold *c)
{
    lo_refund(e, c->insn->guest + 1u);
    go(e, c->insn, c->insn->imm);
}

/* Leaves to i->imm on host condition cc: directly where nothing is to be done on the way. */
static void exit_if(struct lower *e, const struct ir_insn *i, enum x64_cc cc)
{
    uint8_t *point = x64_jcc_fwd(e->b, cc);
    struct lo_cold *c = lo_cold(e, point, i, cold_exit);
    bool idle = c->flags == LO_F_MEM && !c->lazy.valid && !e->req->count && !e->req->poll_all &&
                !e->req->no_chain;
    if (idle && i->imm > lo_off(e, i) && i->imm < PAGE_BYTES) {
        c->fn = cold_link;
        c->imm = i->imm;
    }
}

void lower_EXITC(struct lower *e, const struct ir_insn *i)
{
    exit_if(e, i, lo_cond(e, i->sub));
}

void lower_EXITZ(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a);
    lo_clobber(e);
    x64_test_rr(e->b, i->type == IR_I64, a, a);
    exit_if(e, i, i->sub ? X64_NE : X64_E);
}

void lower_EXITB(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a), bit = i->sub2;
    enum x64_cc set = X64_NE;
    lo_clobber(e);
    if (bit < 8) {
        x64_test_sz_ri(e->b, 1, a, (int8_t)(1 << bit));
    } else if (bit < 31) {
        x64_test_ri(e->b, 0, a, 1 << bit);
    } else if (bit == 31 || bit == 63) {
        x64_test_rr(e->b, bit == 63, a, a);
        set = X64_S;
    } else {
        x64_bt_ri(e->b, 1, a, bit);
        set = X64_B;
    }
    exit_if(e, i, i->sub ? set : x64_cc_not(set));
}

void lower_JUMP(struct lower *e, const struct ir_insn *i)
{
    lo_flags_memory(e);
    go(e, i, i->imm);
}

/* ---- Calls and returns ---- */

/* Where a call comes back to: the guest return address is on top of the stack. */
static void return_site(struct lower *e, const struct ir_insn *i)
{
    int32_t next = lo_off(e, i) + 4;
    x64_pop(e->b, RAX);
    if (next == PAGE_BYTES) {
        jump_indirect(e, i, 0);
        return;
    }
    x64_alu_ri(e->b, X64_AND, 1, RAX, -PAGE_BYTES);
    x64_store(e->b, 8, lo_area(e, page), RAX);
    if (e->req->no_chain) {
        x64_mov_ri(e->b, RCX, X64_SITE(next, 0));
        lo_jump_entry(e, X64_E_DISPATCH);
    } else {
        lo_link_point(e, i, x64_jmp_fwd(e->b), next);
    }
}

/* RAX = guest target. Pushes the guest return address unless the stack is full: then the dispatcher
 * starts a new one. */
static void push_return(struct lower *e, const struct ir_insn *i)
{
    x64_alu_rm(e->b, X64_CMP, 1, RSP, lo_area(e, stack_limit));
    to_dispatcher(e, i, X64_B, btype(i));
    x64_push_m(e->b, lo_x_mem(e, LINK_REG));
}

void lower_CALL(struct lower *e, const struct ir_insn *i)
{
    lo_flags_memory(e);
    bool inside = i->imm >= 0 && i->imm < PAGE_BYTES;
    page_address(e, i->imm);
    if (e->req->no_chain) {
        jump_miss(e, btype(i));
        return;
    }
    if (inside) {
        push_return(e, i);
        lo_link_point(e, i, x64_call_fwd(e->b), (int32_t)i->imm);
    } else {
        push_return(e, i);
        cross(e, i, i->imm, true);
    }
    return_site(e, i);
}

void lower_CALLR(struct lower *e, const struct ir_insn *i)
{
    lo_flags_memory(e);
    lo_mov(e, 1, RAX, i->a);
    if (e->req->no_chain) {
        jump_miss(e, btype(i));
        return;
    }
    push_return(e, i);
    jump_cache(e, i, btype(i), true);
    return_site(e, i);
}

void lower_JUMPR(struct lower *e, const struct ir_insn *i)
{
    lo_flags_memory(e);
    lo_mov(e, 1, RAX, i->a);
    jump_indirect(e, i, btype(i));
}

/* Not to where the last call came from: the return stack starts again. */
static void cold_return(struct lower *e, const struct lo_cold *c)
{
    x64_load(e->b, 8, false, 1, RSP, lo_area(e, stack_base));
    jump_indirect(e, c->insn, 0);
}

void lower_RET(struct lower *e, const struct ir_insn *i)
{
    lo_flags_memory(e);
    lo_mov(e, 1, RAX, i->a);
    if (e->req->no_chain) {
        jump_miss(e, btype(i));
        return;
    }
    x64_alu_mi(e->b, X64_CMP, 0, x64_m(RBP, e->req->layout->attention), 0);
    to_dispatcher(e, i, X64_NE, 0);
    x64_alu_rm(e->b, X64_CMP, 1, RAX, x64_m(RSP, 8));
    struct lo_cold *c = lo_cold(e, x64_jcc_fwd(e->b, X64_NE), i, cold_return);
    c->flags = LO_F_MEM;
    c->lazy.valid = false;
    x64_ret(e->b);
}

/* ---- The interpreter and the dispatcher ---- */

void lower_INTERP(struct lower *e, const struct ir_insn *i)
{
    lo_flags_memory(e);
    x64_mov_ri(e->b, RAX, (uint64_t)i->imm);
    x64_mov_ri(e->b, RCX, lo_site(e, lo_off(e, i), i->guest));
    lo_call_entry(e, i->sub2 ? X64_E_EXCEPTION : X64_E_INTERP);
    e->flags = LO_F_MEM;
    lo_forget_guest(e);
}

void lower_LEAVE(struct lower *e, const struct ir_insn *i)
{
    lo_flags_memory(e);
    x64_mov_ri(e->b, RCX, X64_SITE((int32_t)i->imm, 0));
    lo_jump_entry(e, X64_E_DISPATCH);
}

static void cold_leaves(struct lower *e, const struct lo_cold *c)
{
    x64_mov_ri(e->b, RCX, lo_site(e, (int32_t)c->insn->imm, c->insn->guest + 1u));
    lo_jump_entry(e, X64_E_DISPATCH);
}

void lower_LEAVES(struct lower *e, const struct ir_insn *i)
{
    lo_clobber(e);
    x64_alu_mi(e->b, X64_CMP, 0, lo_state(e, (int32_t)(i->imm >> 32)), 0);
    lo_cold(e, x64_jcc_fwd(e->b, X64_NE), i, cold_leaves);
}

/* r[0] = destination, r[1] = is it a vector */
static void cold_again(struct lower *e, const struct lo_cold *c)
{
    struct x64_buf *b = e->b;
    unsigned rd = (unsigned)c->insn->imm & 31;
    x64_mov_ri(b, RAX, (uint64_t)c->insn->imm);
    x64_mov_ri(b, RCX, lo_site(e, lo_off(e, c->insn), c->insn->guest));
    lo_call_entry(e, X64_E_INTERP);
    if (c->r[1] && lo_vhome(e, rd) != c->r[0])
        x64_vrm(b, X64_VMOVAPS, 0, c->r[0], lo_v_mem(e, rd));
    else if (!c->r[1] && rd < 31 && lo_home(rd) != c->r[0])
        x64_load(b, 8, false, 1, c->r[0], lo_x_mem(e, rd));
    x64_jmp(b, c->resume);
}

void lo_cold_interp(struct lower *e, uint8_t *point, const struct ir_insn *i, int dst, bool vector)
{
    struct lo_cold *c = lo_cold(e, point, i, cold_again);
    c->r[0] = (int8_t)dst;
    c->r[1] = vector;
}
