/* Guest memory: look-up in the translation set of R14, and the access itself.
 *
 *     rorx rax, base, 8 ; and eax, 0xfff0     index of the first byte's page, times 16
 *     lea  rcx, [base + size - 1] ; and rcx, -4096
 *     cmp  rcx, [r14 + rax + array]           page of the LAST byte: an access that crosses misses
 *     jne  cold
 *     mov  rax, [r14 + rax + array + 8]       addend
 *     mov  dst, [rax + base + disp]
 *
 * A GUARD does this once for a group of accesses (ir/ir_group.c), which are then one instruction
 * each.
 *
 * The cold path asks X64_E_FILL_* for the addend and joins in before the access, or does not come
 * back: then the interpreter executes the instruction. An ordered or atomic access has its low
 * address bits in the comparison, so that an unaligned one goes to the cold path, and from there to
 * the interpreter, which knows where it is allowed.
 */
#include "x64/lower_int.h"

#include "base/check.h"

#define PAGE_MASK (-4096)
#define INDEX_MASK ((int)(X64_SET_ENTRIES - 1) << 4)

/* How one access finds its memory. */
struct lookup {
    int base;      /* register */
    int32_t disp;
    unsigned log2; /* of all its bytes */
    bool store, unpriv, aligned;
    bool host; /* base is a host address */
};

void lo_call_entry(struct lower *e, enum x64_entry entry)
{
    x64_call_m(e->b, x64_m(RBP, lo_area(e, entry).disp + 8 * (int32_t)entry));
}

void lo_jump_entry(struct lower *e, enum x64_entry entry)
{
    x64_jmp_m(e->b, x64_m(RBP, lo_area(e, entry).disp + 8 * (int32_t)entry));
}

int32_t lo_off(const struct lower *e, const struct ir_insn *i)
{
    return (int32_t)e->req->start + 4 * i->guest;
}

uint32_t lo_site(const struct lower *e, int32_t off, unsigned done)
{
    return X64_SITE(off, e->ir->guest_count - done);
}

/* Site of the instruction itself, not executed. */
static uint32_t site_here(const struct lower *e, const struct ir_insn *i)
{
    return lo_site(e, lo_off(e, i), i->guest);
}

/* r[0] = base, r[1] = enum x64_entry, imm = disp | log2 << 32 | aligned << 40 */
static void cold_fill(struct lower *e, const struct lo_cold *c)
{
    struct x64_buf *b = e->b;
    int32_t disp = (int32_t)c->imm;
    unsigned log2 = (unsigned)(c->imm >> 32) & 0xff;
    uint8_t *unaligned = NULL;
    x64_lea(b, 1, RAX, x64_m(c->r[0], disp));
    x64_mov_ri(b, RCX, site_here(e, c->insn) | log2 << 28);
    if (c->imm >> 40 & 1) {
        x64_test_sz_ri(b, 1, RAX, (1 << log2) - 1);
        unaligned = x64_jcc_fwd8(b, X64_NE);
    }
    lo_call_entry(e, (enum x64_entry)c->r[1]);
    x64_jmp(b, c->resume);
    if (unaligned) {
        x64_patch(b, unaligned);
        lo_jump_entry(e, X64_E_INTERP_ONE);
    }
}

/* RAX = addend for the access. RCX changes. */
static void look_up(struct lower *e, const struct ir_insn *i, const struct lookup *k)
{
    struct x64_buf *b = e->b;
    int32_t array = k->store ? (int32_t)offsetof(struct x64_set, store) : 0, size = 1 << k->log2;
    int set = R14;
    if (k->host)
        return;
    lo_clobber(e);
    if (k->unpriv) {
        set = lo_temp(e);
        x64_load(b, 8, false, 1, set, lo_area(e, unpriv_set));
    }
    int va = k->base;
    if (k->disp || k->aligned) {
        x64_lea(b, 1, RCX, x64_m(k->base, k->disp));
        va = RCX;
    }
    x64_rorx(b, 1, RAX, va, 8);
    if (!k->aligned && size > 1)
        x64_lea(b, 1, RCX, x64_m(va, size - 1));
    else if (va != RCX)
        x64_mov_rr(b, 1, RCX, va);
    x64_alu_ri(b, X64_AND, 0, RAX, INDEX_MASK);
    x64_alu_ri(b, X64_AND, 1, RCX, k->aligned ? PAGE_MASK | (size - 1) : PAGE_MASK);
    x64_alu_rm(b, X64_CMP, 1, RCX, x64_mi(set, RAX, 0, array));
    uint8_t *miss = x64_jcc_fwd(b, X64_NE);
    x64_load(b, 8, false, 1, RAX, x64_mi(set, RAX, 0, array + 8));
    struct lo_cold *c = lo_cold(e, miss, i, cold_fill);
    c->r[0] = (int8_t)k->base;
    c->r[1] = (int8_t)(k->unpriv ? (k->store ? X64_E_FILL_UNPRIV_STORE : X64_E_FILL_UNPRIV_LOAD)
                       : k->store ? X64_E_FILL_STORE
                                  : X64_E_FILL_LOAD);
    c->imm = (int64_t)(uint32_t)k->disp | (int64_t)k->log2 << 32 | (int64_t)k->aligned << 40;
}

/* base and disp of a + (b << shift) + imm; an index is added in a register of its own. */
static void address(struct lower *e, const struct ir_insn *i, ir_val index, struct lookup *k)
{
    uint32_t busy = e->busy;
    int a = lo_r(e, i->a);
    k->base = a;
    k->disp = (int32_t)i->imm;
    if (index) {
        int x = lo_r(e, index);
        e->busy = busy; /* the sum may take the place of one of them */
        int t = lo_temp(e);
        x64_lea(e->b, 1, t, x64_mi(a, x, i->sub2 & IR_ACC_SHIFT, (int32_t)i->imm));
        k->base = t;
        k->disp = 0;
    }
}

static struct lookup plan(struct lower *e, const struct ir_insn *i, ir_val index, bool store)
{
    struct lookup k = {.log2 = i->sub, .store = store};
    k.host = i->sub2 & IR_ACC_HOST;
    k.unpriv = i->sub2 & IR_ACC_UNPRIV;
    k.aligned = (i->sub2 & IR_ACC_ORDERED) && i->sub;
    address(e, i, index, &k);
    return k;
}

static struct x64_mem at(const struct lookup *k, int32_t more)
{
    return k->host ? x64_m(k->base, k->disp + more) : x64_mi(k->base, RAX, 0, k->disp + more);
}

/* ---- Groups ---- */

static int32_t group_lo(const struct ir_insn *i)
{
    return (int32_t)i->imm;
}

/* Address of the last byte, from the base. */
static int32_t group_last(const struct ir_insn *i)
{
    return (int32_t)(i->imm >> 32) - 1;
}

/* A group in two pages goes on without groups; else the fill for the access that comes first. r[0]:
 * the base. */
static void cold_guard(struct lower *e, const struct lo_cold *c)
{
    struct x64_buf *b = e->b;
    const struct ir_insn *i = c->insn;
    x64_lea(b, 1, RAX, x64_m(c->r[0], group_lo(i)));
    x64_lea(b, 1, RCX, x64_m(c->r[0], group_last(i)));
    x64_alu_rr(b, X64_XOR, 1, RCX, RAX);
    x64_test_ri(b, 1, RCX, PAGE_MASK);
    uint8_t *one_page = x64_jcc_fwd8(b, X64_E);
    lo_refund(e, i->guest);
    lo_link_single(e, i, x64_jmp_fwd(b), lo_off(e, i));
    x64_patch(b, one_page);
    x64_lea(b, 1, RAX, x64_m(c->r[0], (int32_t)i[1].imm));
    x64_mov_ri(b, RCX, site_here(e, i) | (uint32_t)i->sub << 28 | X64_SITE_GROUP |
                          (i->sub2 & IR_GUARD_WRITE ? X64_SITE_WRITE : 0));
    lo_call_entry(e, i->sub2 & IR_GUARD_STORE ? X64_E_FILL_STORE : X64_E_FILL_LOAD);
    x64_jmp(b, c->resume);
}

void lower_GUARD(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    int32_t array = i->sub2 & IR_GUARD_WRITE ? (int32_t)offsetof(struct x64_set, store) : 0;
    int base = lo_r(e, i->a);
    if (i->b) {
        int index = lo_r(e, i->b), sum = lo_temp(e);
        x64_lea(b, 1, sum, x64_mi(base, index, i->sub2 & IR_ACC_SHIFT, 0));
        base = sum;
    }
    lo_clobber(e);
    x64_lea(b, 1, RCX, x64_m(base, group_last(i)));
    if (group_lo(i)) {
        x64_lea(b, 0, RAX, x64_m(base, group_lo(i)));
        x64_shift_ri(b, X64_SHR, 0, RAX, 8);
    } else {
        x64_rorx(b, 1, RAX, base, 8);
    }
    x64_alu_ri(b, X64_AND, 0, RAX, INDEX_MASK);
    x64_alu_ri(b, X64_AND, 1, RCX, PAGE_MASK);
    x64_alu_rm(b, X64_CMP, 1, RCX, x64_mi(R14, RAX, 0, array));
    uint8_t *miss = x64_jcc_fwd(b, X64_NE);
    x64_load(b, 8, false, 1, RAX, x64_mi(R14, RAX, 0, array + 8));
    lo_cold(e, miss, i, cold_guard)->r[0] = (int8_t)base;
    x64_lea(b, 1, lo_rdef(e, i), x64_mi(base, RAX, 0, 0));
}

/* ---- Loads ---- */

static void load(struct lower *e, const struct ir_insn *i, bool sext)
{
    struct lookup k = plan(e, i, i->b, false);
    look_up(e, i, &k);
    x64_load(e->b, 1 << i->sub, sext, i->type == IR_I64, lo_rdef(e, i), at(&k, 0));
}

void lower_LD(struct lower *e, const struct ir_insn *i)
{
    load(e, i, false);
}

void lower_LDS(struct lower *e, const struct ir_insn *i)
{
    load(e, i, true);
}

static void vector_load(struct lower *e, unsigned log2, int dst, struct x64_mem m)
{
    struct x64_buf *b = e->b;
    switch (log2) {
    case 4: x64_vrm(b, X64_VMOVUPS, 0, dst, m); break;
    case 3: x64_vrm(b, X64_VMOVQ, 0, dst, m); break;
    case 2: x64_vrm(b, X64_VMOVD, 0, dst, m); break;
    default: /* by way of a general register */
        x64_load(b, 1 << log2, false, 0, RCX, m);
        x64_vmov_xr(b, 0, dst, RCX);
        break;
    }
}

void lower_LDV(struct lower *e, const struct ir_insn *i)
{
    struct lookup k = plan(e, i, i->b, false);
    look_up(e, i, &k);
    vector_load(e, i->sub, lo_vdef(e, i), at(&k, 0));
}

/* A pair is one access where it lies in 16 aligned bytes (FEAT_LSE2), as the host's accesses of 8
 * bytes and its vector loads and stores of 16 are (B2.2.1). */
static void load_pair_at_once(struct lower *e, const struct ir_insn *i, struct x64_mem m, bool sext)
{
    struct x64_buf *b = e->b;
    int size = 1 << i->sub;
    x64_vrm(b, size == 8 ? X64_VMOVUPS : X64_VMOVQ, 0, LO_XS0, m);
    int d1 = lo_rdef(e, i);
    x64_vmov_rx(b, size == 8, d1, LO_XS0);
    if (sext)
        x64_ext_rr(b, 4, true, 1, d1, d1);
    if (e->def_spill)
        lo_spill_result(e);
    else
        e->busy |= 1u << d1;
    int d2 = lo_rdef_of(e, e->at + 1);
    x64_vpextr(b, size, d2, LO_XS0, 1);
    if (sext)
        x64_ext_rr(b, 4, true, 1, d2, d2);
}

static void load_pair(struct lower *e, const struct ir_insn *i, bool sext)
{
    struct lookup k = plan(e, i, 0, false);
    int w = i->type == IR_I64, size = 1 << i->sub;
    k.log2++;
    look_up(e, i, &k);
    if (e->req->smp) {
        load_pair_at_once(e, i, at(&k, 0), sext);
        return;
    }
    struct x64_mem first = at(&k, 0), second = at(&k, size);
    int d1 = lo_rdef(e, i);
    if (e->def_spill) { /* RCX: the second goes there after the first has gone to its slot */
        x64_load(e->b, size, sext, w, d1, first);
        lo_spill_result(e);
        x64_load(e->b, size, sext, w, lo_rdef_of(e, e->at + 1), second);
        return;
    }
    e->busy |= 1u << d1;
    int d2 = lo_rdef_of(e, e->at + 1);
    if (d1 == k.base) {
        x64_lea(e->b, 1, RAX, first);
        first = x64_m(RAX, 0);
        second = x64_m(RAX, size);
    }
    x64_load(e->b, size, sext, w, d1, first);
    x64_load(e->b, size, sext, w, d2, second);
}

void lower_LDP(struct lower *e, const struct ir_insn *i)
{
    load_pair(e, i, false);
}

void lower_LDPS(struct lower *e, const struct ir_insn *i)
{
    load_pair(e, i, true);
}

/* Made by the operation before. */
void lower_PAIR(struct lower *e, const struct ir_insn *i)
{
    (void)e;
    (void)i;
}

void lower_PAIRV(struct lower *e, const struct ir_insn *i)
{
    lower_PAIR(e, i);
}

void lower_LDPV(struct lower *e, const struct ir_insn *i)
{
    struct lookup k = plan(e, i, 0, false);
    k.log2++;
    look_up(e, i, &k);
    vector_load(e, i->sub, lo_vdef(e, i), at(&k, 0));
    if (e->vdef_spill)
        lo_spill_result(e);
    vector_load(e, i->sub, lo_vdef_of(e, e->at + 1), at(&k, 1 << i->sub));
}

/* ---- Stores ---- */

/* A constant that the store can carry. */
static bool store_const(const struct lower *e, ir_val v, int32_t *imm)
{
    uint64_t k;
    if (!lo_const(e, v, &k) || (int64_t)k != (int32_t)k)
        return false;
    *imm = (int32_t)k;
    return true;
}

void lower_ST(struct lower *e, const struct ir_insn *i)
{
    int32_t imm;
    bool constant = store_const(e, i->c, &imm);
    struct lookup k = plan(e, i, i->b, true);
    int c = constant ? -1 : lo_r(e, i->c);
    look_up(e, i, &k);
    if (i->sub2 & IR_ACC_ORDERED) { /* no later load may pass it: xchg is a full barrier */
        if (constant)
            x64_mov_ri(e->b, RCX, (uint64_t)(int64_t)imm);
        else
            x64_mov_rr(e->b, 1, RCX, c);
        x64_xchg_mr(e->b, 1 << i->sub, at(&k, 0), RCX);
    } else if (constant) {
        x64_store_i(e->b, 1 << i->sub, at(&k, 0), imm);
    } else {
        x64_store(e->b, 1 << i->sub, at(&k, 0), c);
    }
}

static void vector_store(struct lower *e, unsigned log2, struct x64_mem m, int src)
{
    struct x64_buf *b = e->b;
    switch (log2) {
    case 4: x64_vmr(b, X64_VMOVUPS, 0, m, src); break;
    case 3: x64_vmr(b, X64_VMOVQ, 0, m, src); break;
    case 2: x64_vmr(b, X64_VMOVD, 0, m, src); break;
    default:
        x64_vmov_rx(b, 0, RCX, src);
        x64_store(b, 1 << log2, m, RCX);
        break;
    }
}

void lower_STV(struct lower *e, const struct ir_insn *i)
{
    struct lookup k = plan(e, i, i->b, true);
    int c = lo_v(e, i->c);
    look_up(e, i, &k);
    vector_store(e, i->sub, at(&k, 0), c);
}

/* b, c: -1: a constant that fits an immediate. */
static void store_pair_at_once(struct lower *e, const struct ir_insn *i, struct x64_mem m, int b,
                               int c)
{
    const int from[] = {b, c};
    const ir_val value[] = {i->b, i->c};
    int size = 1 << i->sub;
    for (int n = 0; n < 2; n++) {
        int r = from[n];
        if (r < 0) {
            lo_mov(e, 1, RCX, value[n]);
            r = RCX;
        }
        if (n == 0)
            x64_vmov_xr(e->b, size == 8, LO_XS0, r);
        else
            x64_vpinsr(e->b, size, LO_XS0, LO_XS0, r, 1);
    }
    x64_vmr(e->b, size == 8 ? X64_VMOVUPS : X64_VMOVQ, 0, m, LO_XS0);
}

void lower_STP(struct lower *e, const struct ir_insn *i)
{
    int32_t first, second;
    struct lookup k = plan(e, i, 0, true);
    bool const1 = store_const(e, i->b, &first), const2 = store_const(e, i->c, &second);
    int b = const1 ? -1 : lo_r(e, i->b), c = const2 ? -1 : lo_r(e, i->c), size = 1 << i->sub;
    k.log2++;
    look_up(e, i, &k);
    if (e->req->smp) {
        store_pair_at_once(e, i, at(&k, 0), b, c);
        return;
    }
    if (const1)
        x64_store_i(e->b, size, at(&k, 0), first);
    else
        x64_store(e->b, size, at(&k, 0), b);
    if (const2)
        x64_store_i(e->b, size, at(&k, size), second);
    else
        x64_store(e->b, size, at(&k, size), c);
}

void lower_STPV(struct lower *e, const struct ir_insn *i)
{
    struct lookup k = plan(e, i, 0, true);
    int b = lo_v(e, i->b), c = lo_v(e, i->c);
    k.log2++;
    look_up(e, i, &k);
    vector_store(e, i->sub, at(&k, 0), b);
    vector_store(e, i->sub, at(&k, 1 << i->sub), c);
}

void lower_ZERO64(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a), t = lo_temp(e);
    lo_clobber(e);
    x64_mov_rr(e->b, 1, t, a);
    x64_alu_ri(e->b, X64_AND, 1, t, -64);
    struct lookup k = {.base = t, .log2 = 6, .store = true};
    look_up(e, i, &k);
    x64_vrrr(e->b, X64_VXORPS, 0, LO_XS0, LO_XS0, LO_XS0);
    for (int32_t n = 0; n < 64; n += 16)
        x64_vmr(e->b, X64_VMOVUPS, 0, at(&k, n), LO_XS0);
}

/* ---- Checks and order ---- */

static void cold_interp_one(struct lower *e, const struct lo_cold *c)
{
    x64_mov_ri(e->b, RCX, site_here(e, c->insn));
    lo_jump_entry(e, X64_E_INTERP_ONE);
}

void lo_cold_interp_one(struct lower *e, const struct ir_insn *i, uint8_t *point)
{
    lo_cold(e, point, i, cold_interp_one);
}

void lower_CHKSP(struct lower *e, const struct ir_insn *i)
{
    int a = lo_r(e, i->a);
    lo_clobber(e);
    x64_test_sz_ri(e->b, 1, a, 15);
    lo_cold_interp_one(e, i, x64_jcc_fwd(e->b, X64_NE));
}

/* x86 keeps all orders but that of a store and a later load. */
void lower_FENCE(struct lower *e, const struct ir_insn *i)
{
    (void)i;
    lo_clobber(e);
    x64_lock(e->b);
    x64_alu_mi(e->b, X64_OR, 0, x64_m(RSP, 0), 0);
}

/* A page that has no entry is not looked for: the access itself will, if it comes. */
void lower_PREFETCH(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    struct lookup k = {0};
    address(e, i, i->b, &k);
    lo_clobber(e);
    x64_lea(b, 1, RCX, x64_m(k.base, k.disp));
    x64_rorx(b, 1, RAX, RCX, 8);
    x64_alu_ri(b, X64_AND, 0, RAX, INDEX_MASK);
    x64_alu_ri(b, X64_AND, 1, RCX, PAGE_MASK);
    x64_alu_rm(b, X64_CMP, 1, RCX, x64_mi(R14, RAX, 0, 0));
    uint8_t *none = x64_jcc_fwd8(b, X64_NE);
    x64_load(b, 8, false, 1, RAX, x64_mi(R14, RAX, 0, 8));
    if (i->sub)
        x64_prefetchw(b, at(&k, 0));
    else
        x64_prefetcht0(b, at(&k, 0));
    x64_patch(b, none);
}

/* ---- Atomics: other agents than this vCPU touch guest memory (devices), with plain accesses; each
 * of these is one host instruction or a compare and exchange. With several vCPUs it has the lock of
 * its version word, so that exclusives notice it. ---- */

void lo_locate(struct lower *e, const struct ir_insn *i, unsigned log2, bool store)
{
    struct lookup k = {.log2 = log2, .store = store, .aligned = log2 > 0};
    k.base = lo_r(e, i->a);
    k.disp = (int32_t)i->imm;
    look_up(e, i, &k);
    x64_lea(e->b, 1, RAX, at(&k, 0));
}

static void locate(struct lower *e, const struct ir_insn *i)
{
    lo_locate(e, i, i->sub, true);
}

/* dst = low bytes of src, zero-extended. */
static void result(struct lower *e, const struct ir_insn *i, int src)
{
    if (!i->uses)
        return;
    int size = 1 << i->sub, dst = lo_rdef(e, i);
    if (size >= 4)
        x64_mov_rr(e->b, size == 8, dst, src);
    else
        x64_ext_rr(e->b, size, false, 0, dst, src);
}

/* RCX = what operation sub2 makes of RAX (old) and c. */
static void combine(struct lower *e, const struct ir_insn *i, int c)
{
    struct x64_buf *b = e->b;
    int w = i->sub == 3;
    static const uint8_t keep_old[] = {
        [IR_RMW_SMAX] = X64_G, [IR_RMW_SMIN] = X64_L, [IR_RMW_UMAX] = X64_A, [IR_RMW_UMIN] = X64_B};
    switch (i->sub2) {
    case IR_RMW_CLR: x64_andn(b, w, RCX, c, RAX); return;
    case IR_RMW_EOR:
    case IR_RMW_SET:
        x64_mov_rr(b, 1, RCX, c);
        x64_alu_rr(b, i->sub2 == IR_RMW_EOR ? X64_XOR : X64_OR, w, RCX, RAX);
        return;
    default: break;
    }
    x64_mov_rr(b, 1, RCX, c);
    x64_alu_sz_rr(b, X64_CMP, 1 << i->sub, RAX, c);
    x64_cmov(b, (enum x64_cc)keep_old[i->sub2], 1, RCX, RAX);
}

void lo_version_word(struct lower *e, int dst, int host)
{
    struct x64_buf *b = e->b;
    if (dst != host)
        x64_mov_rr(b, 0, dst, host);
    x64_alu_ri(b, X64_AND, 0, dst, (int)(X64_VERSIONS - 1) << 4);
    x64_shift_ri(b, X64_SHR, 0, dst, 1);
    x64_alu_rm(b, X64_ADD, 1, dst, lo_area(e, versions));
}

void lo_version_lock(struct lower *e, const struct ir_insn *i, int word)
{
    x64_lock(e->b);
    x64_bts_mi(e->b, 1, x64_m(word, 0), 0);
    lo_cold_interp_one(e, i, x64_jcc_fwd(e->b, X64_B));
}

void lo_version_unlock(struct lower *e, int word, bool compared)
{
    struct x64_buf *b = e->b;
    uint8_t *not = compared ? x64_jcc_fwd8(b, X64_NE) : NULL;
    x64_alu_mi(b, X64_ADD, 1, x64_m(word, 0), 1);
    if (!not)
        return;
    uint8_t *end = x64_jmp_fwd8(b);
    x64_patch(b, not);
    x64_alu_mi(b, X64_SUB, 1, x64_m(word, 0), 1);
    x64_patch(b, end);
}

/* ADD or SWP of register c at [at]; `old` gets what was there. */
static void add_or_swap(struct lower *e, const struct ir_insn *i, int c, int at, int old)
{
    int size = 1 << i->sub;
    x64_mov_rr(e->b, 1, old, c);
    if (i->sub2 == IR_RMW_ADD) {
        x64_lock(e->b);
        x64_xadd_mr(e->b, size, x64_m(at, 0), old);
    } else {
        x64_xchg_mr(e->b, size, x64_m(at, 0), old);
    }
}

/* Any other operation at [at]: RAX = what was there. */
static void update(struct lower *e, const struct ir_insn *i, int c, int at)
{
    struct x64_buf *b = e->b;
    int size = 1 << i->sub;
    x64_load(b, size, false, 1, RAX, x64_m(at, 0));
    uint8_t *again = b->p;
    combine(e, i, c);
    x64_lock(b);
    x64_cmpxchg_mr(b, size, x64_m(at, 0), RCX);
    x64_jcc_near(b, X64_NE, again);
}

/* The old value's register; t: a free one. */
static int shared_rmw(struct lower *e, const struct ir_insn *i, int c, int t)
{
    struct x64_buf *b = e->b;
    locate(e, i);
    x64_mov_rr(b, 1, t, RAX);
    lo_version_word(e, RCX, RAX);
    x64_store(b, 8, lo_area(e, lo_hi), RCX);
    lo_version_lock(e, i, RCX);
    if (i->sub2 == IR_RMW_ADD || i->sub2 == IR_RMW_SWP) {
        add_or_swap(e, i, c, t, RAX);
    } else {
        update(e, i, c, t);
    }
    x64_load(b, 8, false, 1, RCX, lo_area(e, lo_hi));
    lo_version_unlock(e, RCX, false);
    return RAX;
}

void lower_RMW(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    int c = lo_r(e, i->c);
    if (e->req->smp) {
        int old = shared_rmw(e, i, c, lo_temp(e));
        result(e, i, old);
        return;
    }
    if (i->sub2 == IR_RMW_ADD || i->sub2 == IR_RMW_SWP) {
        locate(e, i);
        add_or_swap(e, i, c, RAX, RCX);
        result(e, i, RCX);
        return;
    }
    int t = lo_temp(e);
    locate(e, i);
    x64_mov_rr(b, 1, t, RAX);
    update(e, i, c, t);
    result(e, i, RAX);
}

void lower_CAS(struct lower *e, const struct ir_insn *i)
{
    struct x64_buf *b = e->b;
    int expected = lo_r(e, i->b), desired = lo_r(e, i->c), size = 1 << i->sub;
    locate(e, i);
    if (e->req->smp) {
        lo_version_word(e, RCX, RAX);
        x64_store(b, 8, lo_area(e, lo_hi), RCX);
        lo_version_lock(e, i, RCX);
    }
    x64_mov_rr(b, 1, RCX, RAX);
    x64_mov_rr(b, 1, RAX, expected);
    x64_lock(b);
    x64_cmpxchg_mr(b, size, x64_m(RCX, 0), desired);
    if (e->req->smp) {
        x64_load(b, 8, false, 1, RCX, lo_area(e, lo_hi));
        lo_version_unlock(e, RCX, true);
    }
    result(e, i, RAX);
}
