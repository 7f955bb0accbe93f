/* Stage 1 address translation (Arm ARM D8; pseudocode AArch64.S1Translate and what it calls).
 *
 * a64_translate() reads the translation control registers into a `struct regime`, walks the tables
 * through env->walk_read, checks permissions and, last, writes back the access flag and dirty state
 * with env->walk_cas, starting again when another PE changed the descriptor meanwhile. It keeps no
 * state: engines cache its results.
 *
 * The order of checks is the architecture's: address range, then at each level external abort,
 * validity, output address size; then access flag; then permissions.
 *
 * Choices where the architecture leaves one (CONSTRAINED UNPREDICTABLE or IMPLEMENTATION DEFINED):
 *  - TnSZ out of range: level 0 Translation fault. A reserved TG0 or TG1 means 4 KiB.
 *  - TCR.IPS = 6 or 7: 48 bits.
 *  - The Contiguous bit is believed (log2_run) but the entry itself decides; a misprogrammed one
 *    does not fault.
 *  - Execution from Device memory is as from Normal Non-cacheable.
 *  - A faulting access does not set the access flag, an AT instruction neither, and AT does not
 *    report an access flag fault where hardware would have set the flag.
 *  - Unused low bits of TTBR.BADDR, and descriptor bits 15:12 with 64 KiB pages (FEAT_LPA is not
 *    offered), are ignored.
 * NYI(el2): stage 2, HCR_EL2.{DC,TGE,E2H}. NYI(el3): NS and NSTable (the PE is Non-secure). */
#include "a64/mmu.h"

#define SCTLR_M 0
#define SCTLR_I 12
#define SCTLR_WXN 19
#define PA_BITS 48

#define DESC_VALID BIT(0)
#define DESC_TABLE BIT(1)
#define DESC_AP1 BIT(6) /* EL0 access */
#define DESC_AP2 BIT(7) /* read only */
#define DESC_AF BIT(10)
#define DESC_NG BIT(11)
#define DESC_GP BIT(50)
#define DESC_DBM BIT(51)
#define DESC_CONTIGUOUS BIT(52)
#define DESC_PXN BIT(53)
#define DESC_UXN BIT(54) /* XN in a regime with one privilege */
#define DESC_PXN_TABLE BIT(59)
#define DESC_UXN_TABLE BIT(60)
#define DESC_AP0_TABLE BIT(61)
#define DESC_AP1_TABLE BIT(62)
#define DESC_ADDR (MASK(48) & ~MASK(12))

/* What one translation needs of TCR, TTBR and SCTLR. */
struct regime {
    uint64_t sctlr, ttbr, mair;
    unsigned tsz, log2_grain, out_bits;
    bool single;   /* one privilege: EL2, EL3 */
    bool disabled; /* EPDn, E0PDn */
    bool hpd, ha, hd;
    bool upper;    /* the range of TTBR1 */
    unsigned top;  /* highest address bit that must agree with the range: 55 with TBI */
};

/* The leaf descriptor and what the tables above said. */
struct leaf {
    uint64_t desc;
    gpa_t desc_pa;
    uint64_t table_attrs; /* DESC_*_TABLE, accumulated */
    unsigned level, log2_bytes;
};

/* Permissions of one privilege. */
struct perms {
    bool r, w, x;
};

static bool has(const struct a64_cpu *cpu, enum a64_feature f)
{
    return a64_feature_has(&cpu->features, f);
}

/* ---- Address and control fields ---- */

static bool tbi(const struct a64_cpu *cpu, gva_t va, unsigned el)
{
    /* FEAT_PAuth's TBID is not offered: instruction and data addresses are alike. */
    if (el <= 1)
        return bit(cpu->sys[A64_TCR_EL1], bit(va, 55) ? 38 : 37);
    return bit(cpu->sys[el == 2 ? A64_TCR_EL2 : A64_TCR_EL3], 20);
}

gva_t a64_untag(const struct a64_cpu *cpu, gva_t va, bool fetch, unsigned el)
{
    (void)fetch;
    if (!tbi(cpu, va, el))
        return va;
    return el <= 1 ? (gva_t)sign_extend(va, 56) : va & MASK(56);
}

uint16_t a64_current_asid(const struct a64_cpu *cpu)
{
    uint64_t tcr = cpu->sys[A64_TCR_EL1];
    uint64_t ttbr = cpu->sys[bit(tcr, 22) ? A64_TTBR1_EL1 : A64_TTBR0_EL1];
    return (uint16_t)bits(ttbr, bit(tcr, 36) ? 63 : 55, 48);
}

static unsigned output_bits(unsigned ps)
{
    static const uint8_t size[8] = { 32, 36, 40, 42, 44, 48, 48, 48 };
    return size[ps & 7];
}

static unsigned grain_tg0(unsigned tg)
{
    return tg == 1 ? 16 : tg == 2 ? 14 : 12;
}

static unsigned grain_tg1(unsigned tg)
{
    return tg == 3 ? 16 : tg == 1 ? 14 : 12;
}

static void regime_el1(const struct a64_cpu *cpu, const struct a64_walk *req, struct regime *r)
{
    uint64_t tcr = cpu->sys[A64_TCR_EL1];
    r->upper = bit(req->va, 55);
    r->sctlr = cpu->sys[A64_SCTLR_EL1];
    r->mair = cpu->sys[A64_MAIR_EL1];
    r->out_bits = output_bits((unsigned)bits(tcr, 34, 32));
    r->ha = bit(tcr, 39);
    r->hd = r->ha && bit(tcr, 40);
    if (r->upper) {
        r->ttbr = cpu->sys[A64_TTBR1_EL1];
        r->tsz = (unsigned)bits(tcr, 21, 16);
        r->log2_grain = grain_tg1((unsigned)bits(tcr, 31, 30));
        r->disabled = bit(tcr, 23) || (req->el == 0 && bit(tcr, 56));
        r->hpd = bit(tcr, 42);
    } else {
        r->ttbr = cpu->sys[A64_TTBR0_EL1];
        r->tsz = (unsigned)bits(tcr, 5, 0);
        r->log2_grain = grain_tg0((unsigned)bits(tcr, 15, 14));
        r->disabled = bit(tcr, 7) || (req->el == 0 && bit(tcr, 55));
        r->hpd = bit(tcr, 41);
    }
}

static void regime_single(const struct a64_cpu *cpu, unsigned el, struct regime *r)
{
    uint64_t tcr = cpu->sys[el == 2 ? A64_TCR_EL2 : A64_TCR_EL3];
    r->single = true;
    r->sctlr = cpu->sys[el == 2 ? A64_SCTLR_EL2 : A64_SCTLR_EL3];
    r->mair = cpu->sys[el == 2 ? A64_MAIR_EL2 : A64_MAIR_EL3];
    r->ttbr = cpu->sys[el == 2 ? A64_TTBR0_EL2 : A64_TTBR0_EL3];
    r->out_bits = output_bits((unsigned)bits(tcr, 18, 16));
    r->tsz = (unsigned)bits(tcr, 5, 0);
    r->log2_grain = grain_tg0((unsigned)bits(tcr, 15, 14));
    r->ha = bit(tcr, 21);
    r->hd = r->ha && bit(tcr, 22);
    r->hpd = bit(tcr, 24);
}

/* ---- Faults ---- */

static bool fault_at(const struct a64_walk *req, struct a64_fault *f, unsigned fsc, unsigned level)
{
    *f = (struct a64_fault){
        .fsc = (uint8_t)(fsc + level),
        .write = req->access == A64_ACCESS_WRITE,
        .va = req->va,
    };
    return false;
}

/* ---- Translation disabled ---- */

static bool translate_off(const struct a64_walk *req, const struct regime *r,
                          struct a64_translation *out, struct a64_fault *f)
{
    if (bits(req->va, r->top, PA_BITS) != 0)
        return fault_at(req, f, A64_FSC_ADDRESS_SIZE, 0);
    bool fetch = req->access == A64_ACCESS_FETCH;
    *out = (struct a64_translation){
        .pa = req->va & MASK(PA_BITS),
        .log2_bytes = PA_BITS,
        .log2_run = PA_BITS,
        .type = fetch ? A64_MEM_NORMAL : A64_MEM_DEVICE, /* data: Device-nGnRnE */
        .attr = !fetch ? 0x00 : bit(r->sctlr, SCTLR_I) ? 0xaa : 0x44,
        .sh = 2,
        .readable = true,
        .writable = true,
        .executable = true,
        .dirty = true,
        .global = true,
    };
    return true;
}

/* ---- Table walk ---- */

/* Checks the address range and gives the first level and table. */
static bool walk_start(const struct a64_cpu *cpu, const struct a64_walk *req,
                       const struct regime *r, unsigned *level, gpa_t *table, struct a64_fault *f)
{
    unsigned stride = r->log2_grain - 3, in_bits = 64 - r->tsz;
    unsigned max_tsz = has(cpu, A64_FEAT_TTST) ? (r->log2_grain == 16 ? 47 : 48) : 39;

    if (r->disabled || r->tsz < 16 || r->tsz > max_tsz)
        return fault_at(req, f, A64_FSC_TRANSLATION, 0);
    uint64_t outside = bits(r->upper ? ~req->va : req->va, r->top, in_bits);
    if (outside != 0)
        return fault_at(req, f, A64_FSC_TRANSLATION, 0);
    if (bits(r->ttbr, 47, 1) >> (r->out_bits - 1) != 0)
        return fault_at(req, f, A64_FSC_ADDRESS_SIZE, 0);

    unsigned levels = (in_bits - r->log2_grain + stride - 1) / stride;
    *level = 4 - levels;
    /* The table of the first level has only as many entries as address bits are left. */
    unsigned log2_table = in_bits - ((levels - 1) * stride + r->log2_grain) + 3;
    *table = r->ttbr & MASK(48) & ~MASK(log2_table);
    return true;
}

static bool walk(struct a64_cpu *cpu, const struct a64_walk *req, const struct regime *r,
                 struct leaf *leaf, struct a64_fault *f)
{
    unsigned stride = r->log2_grain - 3, level, hi = 63 - r->tsz;
    gpa_t table;
    if (!walk_start(cpu, req, r, &level, &table, f))
        return false;
    leaf->table_attrs = 0;
    for (;; level++) {
        unsigned lo = (3 - level) * stride + r->log2_grain;
        uint64_t desc;
        leaf->desc_pa = table + (bits(req->va, hi, lo) << 3);
        if (!cpu->env->walk_read(cpu, leaf->desc_pa, &desc))
            return fault_at(req, f, A64_FSC_EXTERNAL_WALK, level);
        if (!(desc & DESC_VALID) || (level == 3 && !(desc & DESC_TABLE)))
            return fault_at(req, f, A64_FSC_TRANSLATION, level);
        bool is_leaf = level == 3 || !(desc & DESC_TABLE);
        if (is_leaf && level < (r->log2_grain == 12 ? 1u : 2u)) /* no blocks that large */
            return fault_at(req, f, A64_FSC_TRANSLATION, level);
        if ((desc & DESC_ADDR) >> r->out_bits != 0)
            return fault_at(req, f, A64_FSC_ADDRESS_SIZE, level);
        if (is_leaf) {
            leaf->desc = desc;
            leaf->level = level;
            leaf->log2_bytes = lo;
            return true;
        }
        if (!r->hpd)
            leaf->table_attrs |= desc;
        table = desc & DESC_ADDR & ~MASK(r->log2_grain);
        hi = lo - 1;
    }
}

/* Entries that the Contiguous bit joins, as a power of two. */
static unsigned log2_contiguous(unsigned log2_grain, unsigned level)
{
    if (log2_grain == 16)
        return 5;
    if (log2_grain == 14)
        return level == 3 ? 7 : 5;
    return 4;
}

/* ---- Permissions ---- */

/* AArch64.S1DirectBasePermissions for a leaf whose AP[2] is `read_only`. */
static struct perms permissions(const struct a64_walk *req, const struct regime *r,
                                const struct leaf *leaf, bool read_only)
{
    uint64_t d = leaf->desc, t = leaf->table_attrs;
    bool wxn = bit(r->sctlr, SCTLR_WXN);
    struct perms p;

    read_only = read_only || (t & DESC_AP1_TABLE);
    if (r->single) {
        p.r = true;
        p.w = !read_only;
        p.x = !(d & DESC_UXN) && !(t & DESC_UXN_TABLE) && !(p.w && wxn);
        return p;
    }
    bool user = (d & DESC_AP1) && !(t & DESC_AP0_TABLE), user_w = user && !read_only;
    if (req->el == 0) {
        p.r = user;
        p.w = user_w;
        p.x = !(d & DESC_UXN) && !(t & DESC_UXN_TABLE) && !(user_w && wxn);
        return p;
    }
    p.r = true;
    p.w = !read_only;
    p.x = !(d & DESC_PXN) && !(t & DESC_PXN_TABLE) && !(p.w && wxn) && !user_w;
    if (req->pan && user)
        p.r = p.w = false;
    return p;
}

static bool allowed(const struct perms *p, enum a64_access access)
{
    switch (access) {
    case A64_ACCESS_READ:
        return p->r;
    case A64_ACCESS_WRITE:
        return p->w;
    default:
        return p->x;
    }
}

/* ---- The whole ---- */

static void regime_get(const struct a64_cpu *cpu, const struct a64_walk *req, struct regime *r)
{
    *r = (struct regime){ 0 };
    if (req->el <= 1)
        regime_el1(cpu, req, r);
    else
        regime_single(cpu, req->el, r);
    r->top = tbi(cpu, req->va, req->el) ? 55 : 63;
}

static void result(const struct a64_walk *req, const struct regime *r, const struct leaf *leaf,
                   const struct perms *p, struct a64_translation *out)
{
    uint64_t d = leaf->desc;
    uint8_t attr = (uint8_t)(r->mair >> (8 * bits(d, 4, 2)));
    bool device = (attr & 0xf0) == 0;

    out->pa = (d & DESC_ADDR & ~MASK(leaf->log2_bytes)) | (req->va & MASK(leaf->log2_bytes));
    out->log2_bytes = (uint8_t)leaf->log2_bytes;
    out->log2_run = out->log2_bytes;
    if (d & DESC_CONTIGUOUS)
        out->log2_run += (uint8_t)log2_contiguous(r->log2_grain, leaf->level);
    out->type = device ? A64_MEM_DEVICE : A64_MEM_NORMAL;
    out->attr = attr;
    /* Device and Non-cacheable memory is always Outer Shareable. */
    out->sh = device || attr == 0x44 ? 2 : (uint8_t)bits(d, 9, 8);
    out->readable = p->r;
    out->writable = p->w;
    out->executable = p->x;
    out->dirty = p->w && !(d & DESC_AP2);
    out->global = r->single || !(d & DESC_NG);
    out->guarded = d & DESC_GP;
}

bool a64_translate(struct a64_cpu *cpu, const struct a64_walk *req, struct a64_translation *out,
                   struct a64_fault *fault)
{
    struct regime r;
    struct leaf leaf;

    regime_get(cpu, req, &r);
    if (!bit(r.sctlr, SCTLR_M))
        return translate_off(req, &r, out, fault);
    for (;;) {
        if (!walk(cpu, req, &r, &leaf, fault))
            return false;
        if (!(leaf.desc & DESC_AF) && !r.ha)
            return fault_at(req, fault, A64_FSC_ACCESS_FLAG, leaf.level);
        /* With hardware dirty state, a clean page with DBM counts as writable. */
        bool dbm = r.hd && (leaf.desc & DESC_DBM);
        struct perms p = permissions(req, &r, &leaf, (leaf.desc & DESC_AP2) && !dbm);
        if (!allowed(&p, req->access))
            return fault_at(req, fault, A64_FSC_PERMISSION, leaf.level);

        uint64_t want = leaf.desc;
        if (!req->at) {
            want |= DESC_AF;
            if (req->access == A64_ACCESS_WRITE && dbm)
                want &= ~DESC_AP2;
        }
        if (want != leaf.desc) {
            uint64_t seen = leaf.desc;
            if (!cpu->env->walk_cas(cpu, leaf.desc_pa, &seen, want))
                return fault_at(req, fault, A64_FSC_EXTERNAL_WALK, leaf.level);
            if (seen != leaf.desc)
                continue;
            leaf.desc = want;
        }
        result(req, &r, &leaf, &p, out);
        return true;
    }
}
