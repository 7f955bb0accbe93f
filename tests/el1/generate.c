/* Random trials: registers with random values, words, translation tables. What is chosen here so
 * that both halves can run it: the fixed half of the address space stays mapped, SCTLR_EL1.{EE,E0E}
 * stay clear (little-endian only), nothing waits, nothing reads a clock. */
#include "generate.h"

#include "a64/sysreg.h"
#include "base/bits.h"

#include <string.h>

const char *const el1_kind_name[EL1_KINDS] = {
    [EL1_SYSREG] = "sysreg",
    [EL1_SYSTEM] = "system",
    [EL1_PSTATE] = "pstate",
    [EL1_WALK_KIND] = "walk",
    [EL1_PAIR_KIND] = "pair",
};

#define SCTLR_RES1 UINT64_C(0x30d00980)
#define SCTLR_EE (BIT(25) | BIT(24))
#define SPSR_DAIF 0x3c0u

static uint64_t rnd(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s * UINT64_C(0x2545f4914f6cdd1d) >> 3 ^ *s;
}

static bool one_in(uint64_t *s, unsigned n)
{
    return (rnd(s) >> 20) % n == 0;
}

static uint64_t edge(uint64_t *s)
{
    uint64_t r = rnd(s), one = BIT((r >> 8) & 63);
    switch (r & 7) {
    case 0: return one;
    case 1: return ~one;
    case 2: return one - 1;
    case 3: return ~UINT64_C(0);
    case 4: return EL1_DATA + ((r >> 16) & 0xfff8);
    default: return rnd(s);
    }
}

/* ---- The state that all kinds begin with: MMU off, at the words ---- */

static void make_state(uint64_t *s, struct el1_trial *t)
{
    struct el1_state *st = &t->state;
    for (unsigned n = 0; n < 31; n++)
        st->x[n] = edge(s);
    for (unsigned n = 0; n < 64; n++)
        st->v[n / 2][n % 2] = rnd(s);
    st->sp[0] = EL1_DATA + 0x2000;
    st->sp[1] = EL1_DATA + 0x3000;
    st->pc = EL1_CODE;
    st->pstate = (rnd(s) & 0xf0000000u) | SPSR_DAIF | 5;
    st->pstate |= rnd(s) & (BIT(22) | BIT(23) | BIT(24) | BIT(12)); /* PAN UAO DIT SSBS */
    if (one_in(s, 3)) /* EL0t, EL1t */
        st->pstate = bits_set(st->pstate, 3, 0, one_in(s, 2) ? 4 : 0);
    st->sys[EL1_SCTLR_EL1] = SCTLR_RES1 | (rnd(s) & (BIT(9) | BIT(12) | BIT(14) | BIT(15) |
                             BIT(16) | BIT(18) | BIT(23) | BIT(26) | BIT(44) | BIT(3) | BIT(4)));
    st->sys[EL1_CPACR_EL1] = one_in(s, 8) ? rnd(s) & 0x300000 : 0x300000;
    st->sys[EL1_VBAR_EL1] = EL1_VECTORS;
    st->sys[EL1_TCR_EL1] = 25 | 25u << 16 | 2u << 30 | UINT64_C(5) << 32;
    st->sys[EL1_ESR_EL1] = (uint32_t)rnd(s);
    st->sys[EL1_FAR_EL1] = rnd(s);
    st->sys[EL1_ELR_EL1] = rnd(s);
    st->sys[EL1_SPSR_EL1] = 0x3c5;
    st->sys[EL1_TPIDR_EL1] = rnd(s);
    st->sys[EL1_TPIDR_EL0] = rnd(s);
    st->sys[EL1_DBGBCR0_EL1] = st->sys[EL1_DBGBCR5_EL1] = 0x1e0;
    st->sys[EL1_CNTP_CVAL_EL0] = ~UINT64_C(0);
    st->sys[EL1_CNTV_CVAL_EL0] = ~UINT64_C(0);
    t->window = EL1_DATA;
}

/* ---- Registers and words of the system instruction space ---- */

static const uint16_t no_registers[] = {
    /* time and counters; the GIC; random numbers (tests/prog has programs for all of them) */
#define KEY(op0, op1, crn, crm, op2) ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
    KEY(3, 3, 14, 0, 1), KEY(3, 3, 14, 0, 2), KEY(3, 3, 14, 2, 0), KEY(3, 3, 14, 3, 0),
    KEY(3, 3, 2, 4, 0), KEY(3, 3, 2, 4, 1), KEY(3, 0, 4, 6, 0), KEY(3, 3, 9, 13, 0),
    KEY(3, 3, 9, 12, 3), KEY(3, 3, 9, 14, 3), KEY(3, 3, 9, 12, 4), KEY(3, 3, 9, 13, 1),
    KEY(3, 3, 9, 13, 2),
    KEY(2, 0, 0, 2, 0), /* MDCCINT_EL1: no storage in QEMU, MRS leaves Xt as it was */
};

static bool is_excluded(unsigned key)
{
    for (unsigned i = 0; i < ARRAY_LEN(no_registers); i++)
        if (no_registers[i] == key)
            return true;
    unsigned crn = key >> 7 & 15, crm = key >> 3 & 15;
    if (key >> 11 == (3 << 3 | 0) && crn == 12 && crm >= 8) /* ICC_* */
        return true;
    return key >> 11 == (3 << 3 | 3) && crn == 14 && crm >= 8 && crm < 12; /* PMEVCNTR: may count */
}

static void make_sysreg(uint64_t *s, struct el1_trial *t)
{
    const struct a64_sysreg_info *info;
    do
        info = a64_sysreg_info((enum a64_sysreg)(rnd(s) % A64_SYSREG_COUNT));
    while ((info->rd > 1 && info->wr > 1) || is_excluded(info->key));
    uint32_t key = info->key;
    t->word[0] = 0xd5000000u | key << 5;
    t->word[1] = 0xd5200000u | key << 5 | 1;
    t->count = 2;
    if (strcmp(info->name, "SCTLR_EL1") == 0)
        t->state.x[0] &= ~(BIT(0) | SCTLR_EE);
    if (one_in(s, 8))
        t->word[0] = t->word[1];
}

static void make_system(uint64_t *s, struct el1_trial *t)
{
    static const uint8_t op1[8] = {0, 3, 0, 3, 0, 1, 2, 7};
    uint64_t r;
    unsigned key;
    do {
        r = rnd(s);
        key = (unsigned)(r >> 8 & 0xffff);
        if (r & 3)
            key = (unsigned)bits_set(key, 13, 11, op1[r >> 32 & 7]);
    } while (is_excluded(key) || (key >> 14 == 0 && bits(key, 10, 7) == 2) /* hints: wait */);
    t->word[0] = 0xd5000000u | key << 5 | (uint32_t)(r >> 40 & 1) << 21 | (r >> 41 & 7 ? 0 : 31);
    t->count = 1;
    t->state.x[0] = edge(s);
    if (key >> 14 == 1 || one_in(s, 2))
        t->state.x[0] = t->window + (rnd(s) & 0x7f);
    if (key == KEY(3, 0, 1, 0, 0))
        t->state.x[0] &= ~(BIT(0) | SCTLR_EE);
}

/* ---- Exceptions ---- */

static uint64_t make_spsr(uint64_t *s)
{
    static const uint8_t mode[8] = {0, 4, 5, 0, 4, 5, 8, 1};
    uint64_t r = rnd(s), v = rnd(s) & 0xffffffff;
    v = bits_set(v, 4, 0, r & 7 ? mode[r >> 8 & 7] : r >> 8);
    if (r & 0x700000)
        v &= ~BIT(20); /* IL */
    return (v & ~BIT(4)) | SPSR_DAIF; /* the other side has AArch32 */
}

static void make_pstate(uint64_t *s, struct el1_trial *t)
{
    static const uint32_t fields[] = {3, 4, 5, 0x1a, 0x19, 0x1e, 0x1f, 0x1c}; /* op1:op2 */
    uint64_t r = rnd(s);
    uint32_t imm = (uint32_t)(r >> 16 & 0xffff), f = fields[r >> 40 & 7];
    t->count = 1;
    switch (r & 15) {
    case 0: t->word[0] = 0xd4000001 | imm << 5; break; /* SVC */
    case 1: t->word[0] = 0xd4200000 | imm << 5; break; /* BRK */
    case 2: t->word[0] = imm; break;                   /* UDF */
    case 3: t->word[0] = 0xd4400000 | (imm & 0xfff) << 5; break; /* HLT */
    case 4:
    case 5:
    case 6:
        t->word[0] = 0xd500401f | (f >> 3) << 16 | (f & 7) << 5 | (imm & 15) << 8;
        break;
    case 7: /* BR to a misaligned or odd address */
        t->word[0] = 0xd61f0000;
        t->state.x[0] = EL1_DATA + (rnd(s) & 0xf7);
        break;
    case 8: /* SP misaligned */
        t->word[0] = 0xf94003e1;
        t->state.sp[0] += rnd(s) & 15;
        t->state.sp[1] += rnd(s) & 15;
        break;
    default:
        t->word[0] = 0xd69f03e0; /* ERET */
        if (t->state.pstate & 4 || one_in(s, 16))
            t->state.sys[EL1_SPSR_EL1] = make_spsr(s);
        t->state.sys[EL1_ELR_EL1] = EL1_DATA + (rnd(s) & 0xfc) + (one_in(s, 8) ? rnd(s) & 3 : 0);
        if (one_in(s, 8))
            t->state.sys[EL1_ELR_EL1] |= rnd(s) << 56;
        t->state.sys[EL1_TCR_EL1] |= rnd(s) & (BIT(37) | BIT(38));
    }
}

/* ---- Translation ---- */

static const uint32_t accesses[] = {
    0xf9400001, 0xf9000001, /* LDR X, STR X */
    0x39400001, 0x39000001, /* LDRB, STRB */
    0x79400001, 0x79000001, 0xb9400001, 0xb9000001,
    0xf8400801, 0xf8000801, 0x38400801, 0x38000801, /* LDTR, STTR, LDTRB, STTRB */
    0xa9400801, 0xa9000801, /* LDP, STP */
    0xc85f7c01, 0xc8dffc01, 0xc89ffc01, 0xf8bfc001, /* LDXR, LDAR, STLR, LDAPR */
    0xc8a17c02, 0xf8210002, 0xf8218002, /* CAS, LDADD, SWP */
    0x3dc00001, 0x3d800001, 0xad400801, 0xad000801, /* LDR Q, STR Q, LDP Q, STP Q */
    0x4c407001, 0x4c007001, /* LD1, ST1 */
    0xf8408401, 0xf8008c01, /* LDR post-indexed, STR pre-indexed */
    0xd50b7420, 0xd5087620, 0xf9800000, /* DC ZVA, DC IVAC, PRFM */
    0xd50b7a20, 0xd50b7b20, 0xd50b7e20, 0xd50b7520, /* DC CVAC, CVAU, CIVAC, IC IVAU */
    0xd5087800, 0xd5087820, 0xd5087840, 0xd5087860, 0xd5087900, 0xd5087920, /* AT S1E1R .. S1E1WP */
    0xd61f0000, 0xd63f0000, 0xd61f0000, 0xd63f0000, /* BR, BLR: fetch */
    0xd5087800, 0xd5087820, 0xd5087840, 0xd5087860, 0xd5087900, 0xd5087920,
};

struct regime {
    unsigned grain, tsz;
    bool upper;
};

/* Address bits with no memory, or beyond TCR_EL1.IPS; other devices of QEMU are at 38 and 39. */
static const uint8_t nowhere[] = {36, 37, 40, 41, 42, 43, 44, 45, 46, 47};

static uint64_t make_leaf(uint64_t *s, uint64_t pa, unsigned lo, unsigned level)
{
    uint64_t r = rnd(s), d = pa & ~MASK(lo);
    d |= r & (3u << 6 | 3u << 8 | BIT(11) | 7u << 2 | BIT(51) | BIT(53) | BIT(54));
    d |= rnd(s) & rnd(s) & (BIT(50) | BIT(52) | UINT64_C(15) << 55);
    d |= one_in(s, 4) ? 0 : BIT(10);
    d |= level == 3 ? 3 : 1;
    if (one_in(s, 16)) /* no table at 0: flash is there */
        d ^= BIT(pa >> lo ? rnd(s) & 1 : 0);
    if (one_in(s, 16))
        d |= BIT(nowhere[rnd(s) % ARRAY_LEN(nowhere)]);
    return d;
}

static uint64_t make_table(uint64_t *s, unsigned level)
{
    uint64_t d = EL1_WALK(level + 1) | 3 | (rnd(s) & (UINT64_C(127) << 52 | 0x3ff << 2));
    d |= one_in(s, 3) ? (rnd(s) & UINT64_C(15) << 59) : 0; /* APTable, UXNTable, PXNTable */
    if (one_in(s, 24))
        d ^= BIT(rnd(s) & 1);
    if (one_in(s, 32))
        d |= BIT(nowhere[rnd(s) % ARRAY_LEN(nowhere)]);
    return d;
}

/* The tables' entries for one address; returns the level of the first table. */
static unsigned make_tables(uint64_t *s, const struct regime *r, uint64_t va, struct el1_trial *t)
{
    unsigned stride = r->grain - 3, hi = 63 - r->tsz;
    unsigned levels = (64 - r->tsz - r->grain + stride - 1) / stride, start = 4 - levels;
    unsigned leaf = one_in(s, 2) ? 3 : (r->grain == 12 ? 1 : 2) + (unsigned)(rnd(s) & 1);
    if (one_in(s, 32))
        leaf = start;
    if (leaf < start)
        leaf = start;
    for (unsigned level = start; level <= leaf; level++) {
        unsigned lo = (3 - level) * stride + r->grain;
        struct el1_entry *e = &t->entry[level];
        e->pa = EL1_WALK(level) + bits(va, hi, lo) * 8;
        e->value = level == leaf ? make_leaf(s, t->window, lo, level) : make_table(s, level);
        hi = lo - 1;
    }
    return start;
}

static uint64_t make_tcr(uint64_t *s, const struct regime *r)
{
    unsigned log2 = r->grain, at = r->upper ? 16 : 0;
    uint64_t tg0 = log2 == 12 ? 0 : log2 == 14 ? 2 : 1, tg1 = log2 == 12 ? 2 : log2 == 14 ? 1 : 3;
    uint64_t tcr = (uint64_t)r->tsz << at | 0x3500u << at;
    tcr |= r->upper ? EL1_FIXED_TSZ | 0x3500u : (uint64_t)(EL1_FIXED_TSZ | 0x3500u) << 16;
    tcr |= r->upper ? tg1 << 30 : tg0 << 14 | UINT64_C(2) << 30;
    tcr |= (one_in(s, 6) ? rnd(s) % 6 : 5) << 32; /* IPS */
    tcr |= rnd(s) & (BIT(22) | BIT(36) | BIT(39) | BIT(40)); /* A1, AS, HA, HD */
    tcr |= one_in(s, 16) ? BIT(7 + at) : 0; /* EPD */
    tcr |= (rnd(s) & 1) << (r->upper ? 38 : 37); /* TBI */
    tcr |= (rnd(s) & 1) << (r->upper ? 42 : 41); /* HPD */
    tcr |= (uint64_t)one_in(s, 6) << (r->upper ? 56 : 55); /* E0PD */
    return tcr;
}

static uint64_t make_va(uint64_t *s, const struct regime *r, uint64_t off)
{
    unsigned in = 64 - r->tsz;
    uint64_t va = (((EL1_DATA & MASK(30)) | (rnd(s) & ~MASK(30))) & MASK(in)) + off;
    va &= MASK(in);
    if (r->upper)
        va |= ~MASK(in);
    if (one_in(s, 16))
        va ^= BIT(in + rnd(s) % (64 - in));
    if (one_in(s, 4))
        va = bits_set(va, 63, 56, rnd(s));
    return va;
}

static void make_walk(uint64_t *s, struct el1_trial *t)
{
    static const uint8_t grains[] = {12, 14, 16};
    struct el1_state *st = &t->state;
    struct regime r = {.grain = grains[rnd(s) % 3], .upper = one_in(s, 2)};
    unsigned last = r.grain == 16 ? 47 : 48;
    r.tsz = one_in(s, 4) ? 16 + (unsigned)(rnd(s) % (last - 15)) : 16 + (unsigned)(rnd(s) % 24);
    uint64_t off = rnd(s) % 0x1fe << 7;
    t->window = EL1_DATA + off;
    off += one_in(s, 2) ? (rnd(s) & 7) * 8 : rnd(s) & 63;
    if (one_in(s, 8)) {
        t->window = EL1_DATA + 0xbfc0;
        off = 0xbfc0 + (rnd(s) & 63); /* into the next page of 4 or 16 KiB */
    }
    uint64_t va = make_va(s, &r, off);
    unsigned start = make_tables(s, &r, va, t);
    st->sys[EL1_TCR_EL1] = make_tcr(s, &r);
    uint64_t walk = EL1_WALK(start) | (rnd(s) & 0xffff) << 48 | (rnd(s) & 1);
    if (one_in(s, 32))
        walk |= BIT(nowhere[rnd(s) % ARRAY_LEN(nowhere)]);
    uint64_t fixed = EL1_FIXED | (rnd(s) & 0xffff) << 48, base = r.upper ? 0 : EL1_UPPER;
    st->sys[EL1_TTBR0_EL1] = r.upper ? fixed : walk;
    st->sys[EL1_TTBR1_EL1] = r.upper ? walk : fixed;
    st->sys[EL1_MAIR_EL1] = UINT64_C(0xffbb440c08f40400);
    st->sys[EL1_VBAR_EL1] = base | EL1_VECTORS;
    st->sys[EL1_CPACR_EL1] = 0x300000;
    st->sys[EL1_SCTLR_EL1] |= BIT(0) | (rnd(s) & (BIT(2) | BIT(6) | BIT(19)));
    st->sys[EL1_SCTLR_EL1] |= one_in(s, 4) ? BIT(1) : 0; /* A */
    st->sys[EL1_SCTLR_EL1] |= rnd(s) & (BIT(35) | BIT(36)); /* BT0, BT1 */
    st->pc = base | (st->pstate & 4 ? EL1_CODE : EL1_CODE_EL0);
    st->x[0] = va;
    t->word[0] = accesses[rnd(s) % ARRAY_LEN(accesses)];
    t->count = 1;
    if (one_in(s, 32)) { /* any TnSZ: it may reach other entries than meant, so no stores */
        st->sys[EL1_TCR_EL1] = bits_set(st->sys[EL1_TCR_EL1], r.upper ? 21 : 5, r.upper ? 16 : 0,
                                        rnd(s));
        t->word[0] = one_in(s, 2) ? 0xf9400001 : 0xd5087800;
    }
}

/* What the first access left in a translation buffer serves the second one, or must not. */
static void make_pair(uint64_t *s, struct el1_trial *t)
{
    static const uint32_t first[] = {
        0xf9400001, 0xf9000001, 0x39400001, 0x39000001, 0xf8400801, 0xf8000801, /* LDR .. STTR */
        0xa9400801, 0xa9000801, 0x3dc00001, 0x3d800001, 0xc8dffc01, 0xc89ffc01, /* LDP .. STLR */
    };
    make_walk(s, t);
    uint32_t second = t->word[0];
    bool plain = (second >> 24 & 0xfc) != 0xd4; /* neither a branch nor of the system space */
    t->word[0] = plain && one_in(s, 4) ? second : first[rnd(s) % ARRAY_LEN(first)];
    if (one_in(s, 3)) { /* MSR PAN, MSR UAO */
        uint64_t r = rnd(s);
        t->word[t->count++] = 0xd500401f | (r & 2 ? 4 : 3) << 5 | (uint32_t)(r >> 8 & 1) << 8;
    }
    t->word[t->count++] = second;
}

void generate_trial(enum el1_kind kind, uint64_t *seed, struct el1_trial *t)
{
    memset(t, 0, sizeof(*t));
    t->kind = kind;
    make_state(seed, t);
    switch (kind) {
    case EL1_SYSREG: make_sysreg(seed, t); break;
    case EL1_SYSTEM: make_system(seed, t); break;
    case EL1_PSTATE: make_pstate(seed, t); break;
    case EL1_WALK_KIND: make_walk(seed, t); break;
    default: make_pair(seed, t); break;
    }
}
