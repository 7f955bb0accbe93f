/* Random trials with a bias to where the mistakes are: equal registers, register 31, fields of all
 * zeros and all ones, numbers next to the edges of their formats, addresses next to the edges of
 * pages.
 *
 * Addresses are found without knowing addressing modes: the trial is run once with the base
 * register far outside the map, and FAR says how far from it the instruction reaches.
 */
#include "generate.h"

#include "a64/exception.h"
#include "a64/mmu.h"
#include "known.h"

#include <string.h>

#define PROBE UINT64_C(0x100000000000) /* nothing is mapped anywhere near */

static uint64_t rnd(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s * UINT64_C(0x2545f4914f6cdd1d) >> 3 ^ *s;
}

/* True once in n. */
static bool one_in(uint64_t *s, unsigned n)
{
    return (rnd(s) >> 20) % n == 0;
}

/* ---- Operands ---- */

/* A number of a format with `e` exponent and `f` fraction bits. */
static uint64_t edge_float(uint64_t *s, unsigned e, unsigned f)
{
    uint64_t r = rnd(s), frac = rnd(s) & MASK(f), bias = MASK(e - 1), exp;
    switch (r & 15) {
    case 0: exp = 0; frac = 0; break;
    case 1: exp = MASK(e); frac = 0; break;
    case 2: exp = MASK(e); frac |= BIT(f - 1); break;
    case 3: exp = MASK(e); frac = (frac & ~BIT(f - 1)) | 1; break;
    case 4: exp = 0; break;
    case 5: exp = 0; frac = (r >> 16) & 3; break;
    case 6: exp = 1; frac &= 7; break;
    case 7: exp = MASK(e) - 1; frac |= MASK(f) & ~UINT64_C(7); break;
    case 8: exp = bias + ((r >> 16) & 3) - 2; frac = r & BIT(20) ? BIT(f - 1) : 0; break;
    case 9: exp = bias + ((r >> 16) & 63); frac &= ~MASK(f / 2); break;
    case 10: exp = bias / 2 + ((r >> 16) & 7); break;
    case 11: exp = bias + ((r >> 16) & 127); break;
    case 12: exp = rnd(s) & MASK(e); break;
    default: exp = bias + ((r >> 16) & 15) - 8; break;
    }
    return (r >> 63) << (e + f) | (exp & MASK(e)) << f | frac;
}

static uint64_t edge_int(uint64_t *s)
{
    uint64_t r = rnd(s), one = BIT((r >> 8) & 63);
    switch (r & 15) {
    case 0: return (r >> 16) & 3;
    case 1: return one;
    case 2: return one - 1;
    case 3: return ~one;
    case 4: return -one;
    case 5: return rnd(s) >> ((r >> 8) & 63);
    case 6: return one * 0x0001000100010001u;
    case 7: return ~UINT64_C(0) - ((r >> 16) & 3);
    case 8: return BIT(63) - ((r >> 16) & 1);
    case 9: return (BIT(31) - ((r >> 16) & 1)) | (r & BIT(40) ? rnd(s) << 32 : 0);
    case 10: return RANDOM_REGION + (r >> 16) % RANDOM_REGION_BYTES;
    default: return rnd(s);
    }
}

static uint64_t edge_vector(uint64_t *s, unsigned kind)
{
    uint64_t v = 0;
    switch (kind) {
    case 0: return edge_float(s, 11, 52);
    case 1: return edge_float(s, 8, 23) << 32 | edge_float(s, 8, 23);
    case 2:
    case 3:
        for (unsigned i = 0; i < 4; i++)
            v = v << 16 | (kind == 2 ? edge_float(s, 5, 10) : edge_float(s, 8, 7));
        return v;
    default: return edge_int(s);
    }
}

/* Which parts of a state get new values. */
struct renew {
    uint32_t x, v; /* a bit for each register; bit 31 of x: SP */
    bool memory;
};

static const struct renew renew_all = {~0u, ~0u, true};

static void make_state(uint64_t *s, struct random_state *st, unsigned kind,
                       const struct renew *renew)
{
    for (unsigned n = 0; n < 31; n++)
        if (bit(renew->x, n))
            st->x[n] = edge_int(s);
    if (bit(renew->x, 31))
        st->sp = edge_int(s) & ~UINT64_C(15);
    for (unsigned n = 0; n < 32; n++)
        for (unsigned i = 0; i < 2 && bit(renew->v, n); i++)
            st->v[n][i] = edge_vector(s, one_in(s, 16) ? (unsigned)(rnd(s) % 5) : kind);
    st->nzcv = (rnd(s) & 15) << 28;
    st->fpcr = rnd(s) & FPCR_MASK & (rnd(s) | rnd(s));
    if (one_in(s, 2))
        st->fpcr &= FPCR_RMODE;
    st->fpsr = one_in(s, 4) ? rnd(s) & 0x0800009f : 0;
    for (unsigned z = 0; z < RANDOM_ZONES && renew->memory; z++) {
        for (unsigned i = 0; i < RANDOM_ZONE; i += 8) {
            uint64_t v = edge_int(s);
            memcpy(&st->memory[z][i], &v, sizeof(v));
        }
    }
}

/* The format a line is likely to use: 0 double, 1 single, 2 half, 3 BFloat16, 4 integer. */
static unsigned make_kind(uint64_t *s, const struct a64_op_info *info, uint32_t word)
{
    unsigned r = (unsigned)(rnd(s) >> 32) & 15;
    if (r < 2)
        return r < 1 ? 4 : (unsigned)(rnd(s) % 5);
    if (info->feature == A64_FEAT_BF16)
        return r < 12 ? 3 : 1;
    if (info->feature == A64_FEAT_FP16 || info->feature == A64_FEAT_FHM)
        return 2;
    for (unsigned i = 0; i < info->field_count; i++)
        if (strcmp(info->fields[i].name, "sz") == 0)
            return bit(word, info->fields[i].lo) ? 0 : 1;
    return (unsigned)(rnd(s) % 5);
}

/* ---- Words ---- */

static const struct a64_op_field *find_field(const struct a64_op_info *info, const char *name)
{
    for (unsigned i = 0; i < info->field_count; i++)
        if (strcmp(info->fields[i].name, name) == 0)
            return &info->fields[i];
    return NULL;
}

static bool is_register(const struct a64_op_field *f)
{
    return f->name[0] == 'r' && f->width == 5;
}

static uint32_t put_field(uint32_t word, const struct a64_op_field *f, uint64_t value)
{
    return (uint32_t)bits_set(word, f->lo + f->width - 1u, f->lo, value);
}

static uint64_t make_field(uint64_t *s, const struct a64_op_field *f, uint64_t last_register)
{
    uint64_t r = rnd(s);
    if (is_register(f))
        return (r & 7) == 0 ? 31 : (r & 7) == 1 ? last_register : (r >> 8) & 31;
    if (f->width < 4)
        return r >> 8;
    if (f->width >= 14) /* branch offsets: often near enough to stay in the region */
        return (r & 3) == 0 ? r >> 8 : (uint64_t)sign_extend(r >> 8, 11);
    return (r & 7) == 0 ? 0 : (r & 7) == 1 ? ~UINT64_C(0) : r >> 8;
}

/* What EL0 has in the system instruction space: bits 20..5 of the words. */
#define SYSTEM(op0, op1, crn, crm, op2)                                                            \
    ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

static const uint16_t el0_registers[] = {
    SYSTEM(3, 3, 4, 2, 0), /* NZCV */
    SYSTEM(3, 3, 4, 2, 1), /* DAIF: trapped */
    SYSTEM(3, 3, 4, 2, 5), /* DIT */
    SYSTEM(3, 3, 4, 2, 6), /* SSBS */
    SYSTEM(3, 3, 4, 4, 0), /* FPCR */
    SYSTEM(3, 3, 4, 4, 1), /* FPSR */
};

/* Those of EL1 that have a value before each trial (machine.c); tests/el1 has the others. */
static const uint16_t el1_registers[] = {
    SYSTEM(3, 3, 4, 2, 0),  /* NZCV */
    SYSTEM(3, 3, 4, 2, 1),  /* DAIF */
    SYSTEM(3, 3, 4, 4, 0),  /* FPCR */
    SYSTEM(3, 3, 4, 4, 1),  /* FPSR */
    SYSTEM(3, 0, 4, 2, 0),  /* SPSel */
    SYSTEM(3, 0, 4, 2, 2),  /* CurrentEL */
    SYSTEM(3, 0, 4, 2, 3),  /* PAN */
    SYSTEM(3, 0, 4, 2, 4),  /* UAO */
    SYSTEM(3, 0, 4, 1, 0),  /* SP_EL0 */
    SYSTEM(3, 0, 4, 0, 1),  /* ELR_EL1 */
    SYSTEM(3, 0, 4, 0, 0),  /* SPSR_EL1 */
    SYSTEM(3, 3, 13, 0, 2), /* TPIDR_EL0 */
    SYSTEM(3, 3, 13, 0, 3), /* TPIDRRO_EL0 */
};

static const uint16_t el1_instructions[] = {
    SYSTEM(1, 3, 7, 5, 1),  /* IC IVAU */
    SYSTEM(1, 0, 7, 5, 0),  /* IC IALLU */
    SYSTEM(1, 3, 7, 10, 1), /* DC CVAC */
    SYSTEM(1, 0, 7, 6, 1),  /* DC IVAC */
    SYSTEM(1, 0, 8, 7, 0),  /* TLBI VMALLE1 */
    SYSTEM(1, 0, 8, 7, 1),  /* TLBI VAE1 */
};

static const uint16_t el1_fields[] = {
    SYSTEM(0, 0, 4, 0, 3), /* UAO */
    SYSTEM(0, 0, 4, 0, 4), /* PAN */
    SYSTEM(0, 0, 4, 0, 5), /* SPSel */
    SYSTEM(0, 3, 4, 0, 6), /* DAIFSet */
    SYSTEM(0, 3, 4, 0, 7), /* DAIFClr */
};

static const uint16_t el0_instructions[] = {
    SYSTEM(1, 3, 7, 5, 1),  /* IC IVAU */
    SYSTEM(1, 3, 7, 10, 1), /* DC CVAC */
    SYSTEM(1, 3, 7, 11, 1), /* DC CVAU */
    SYSTEM(1, 3, 7, 14, 1), /* DC CIVAC */
};

static const uint16_t el0_fields[] = {
    SYSTEM(0, 3, 4, 0, 1), /* SSBS */
    SYSTEM(0, 3, 4, 0, 2), /* DIT */
    SYSTEM(0, 3, 4, 0, 6), /* DAIFSet: trapped */
    SYSTEM(0, 3, 4, 0, 7), /* DAIFClr: trapped */
};

#define ONE_OF(list, r) ((list)[(r) % ARRAY_LEN(list)])

/* Most words of this space are UNDEFINED or not compared; puts one there that is not. */
static uint32_t make_system(uint64_t *s, unsigned el, enum a64_op op, uint32_t word)
{
    uint64_t r = rnd(s) >> 8, key;
    switch (op) {
    case A64_MRS:
    case A64_MSR_r:
        key = el ? ONE_OF(el1_registers, r) : ONE_OF(el0_registers, r);
        break;
    case A64_SYS:
        key = el ? ONE_OF(el1_instructions, r) : ONE_OF(el0_instructions, r);
        break;
    case A64_MSR_i:
        key = (el ? ONE_OF(el1_fields, r) : ONE_OF(el0_fields, r)) | (r >> 16 & 15) << 3;
        break;
    default:
        return word;
    }
    return (uint32_t)bits_set(word, 20, 5, key);
}

static uint32_t make_word(uint64_t *s, unsigned el, enum a64_op op)
{
    const struct a64_op_info *info = &a64_op_info[op];
    uint64_t last_register = rnd(s) & 31, ignored = one_in(s, 2) ? ~UINT64_C(0) : rnd(s);
    uint32_t word = info->value | ((uint32_t)ignored & ~info->mask);
    for (unsigned i = 0; i < info->field_count; i++) {
        uint64_t value = make_field(s, &info->fields[i], last_register);
        word = put_field(word, &info->fields[i], value);
        if (is_register(&info->fields[i]))
            last_register = value & 31;
    }
    return one_in(s, 4) ? word : make_system(s, el, op, word);
}

/* A word that no line matches: one bit away from one that is matched, or just random. */
static uint32_t make_gap(uint64_t *s, unsigned el)
{
    enum a64_op near = (enum a64_op)(1 + rnd(s) % (A64_OP_COUNT - 1));
    uint32_t word = make_word(s, el, near);
    return one_in(s, 8) ? (uint32_t)(rnd(s) >> 16) : word ^ UINT32_C(1) << rnd(s) % 32;
}

/* ---- Addresses ---- */

static uint64_t make_target(uint64_t *s)
{
    static const uint64_t edges[] = {RANDOM_WINDOW, RANDOM_WINDOW + RANDOM_PAGE, RANDOM_READ_ONLY,
                                     RANDOM_READ_ONLY + RANDOM_PAGE};
    uint64_t r = rnd(s), at = edges[r % ARRAY_LEN(edges)] + ((r >> 8) & 127) - 64;
    if (one_in(s, 2)) /* mapped on both sides */
        at = RANDOM_WINDOW + RANDOM_PAGE + ((r >> 8) & 127) - 64;
    return one_in(s, 2) ? at & ~UINT64_C(15) : at;
}

static bool is_memory_op(const struct a64_op_info *info)
{
    return info->traits & (A64_TRAIT_READS_MEM | A64_TRAIT_WRITES_MEM);
}

static uint64_t *base_register(const struct a64_op_info *info, struct random_trial *t)
{
    const struct a64_op_field *f = find_field(info, "rn");
    if (!f)
        f = find_field(info, "rt");
    unsigned n = f ? (unsigned)bits(t->word[0], f->lo + 4u, f->lo) : 31;
    return n < 31 ? &t->state.x[n] : find_field(info, "rn") ? &t->state.sp : NULL;
}

/* The words of a literal load name its address: they are aimed when they are made. */
static void aim_literal(const struct a64_op_info *info, uint64_t *s, struct random_trial *t)
{
    const struct a64_op_field *literal = find_field(info, "imm19");
    if (literal)
        t->word[0] = put_field(t->word[0], literal, (make_target(s) - RANDOM_SLOT) / 4);
}

/* Makes the access of the trial's first word hit the window. */
static void aim(struct machine *m, const struct a64_op_info *info, uint64_t *s,
                struct random_trial *t)
{
    uint64_t target = make_target(s), esr;
    struct random_result r;
    if (find_field(info, "imm19"))
        return;
    uint64_t *base = base_register(info, t);
    if (!base)
        return;
    *base = PROBE;
    machine_run(m, t, &r, &esr);
    *base = target;
    if (machine_is_data_abort(esr))
        *base = target - (r.address - PROBE);
    if (base == &t->state.sp && !one_in(s, 16))
        *base &= ~UINT64_C(15);
    else if (m->el == 0 && one_in(s, 8))
        *base = bits_set(*base, 63, 56, rnd(s)); /* TBI */
}

/* Half of the store-exclusives follow a load-exclusive of their size, most from their address. */
static void add_exclusive_load(uint64_t *s, struct random_trial *t)
{
    uint32_t store = t->word[0], load = store | BIT(22) | 31u << 16;
    unsigned rn = (unsigned)bits(store, 9, 5), rt = (unsigned)(rnd(s) & 31);
    unsigned rt2 = (rt + 1) & 31;
    if (one_in(s, 2) || rt == rn || rt2 == rn)
        return;
    load = (uint32_t)bits_set(load, 4, 0, rt);
    if (bit(load, 21))
        load = (uint32_t)bits_set(load, 14, 10, rt2);
    t->word[0] = load;
    t->word[1] = store;
    t->count = 2;
}

static bool in_region(uint64_t address)
{
    return address - RANDOM_REGION < RANDOM_REGION_BYTES;
}

/* Only the code pages and the window may be reached: what else the guest program has mapped is not
 * for trials. A branch to itself would never end. */
static bool is_contained(const struct machine *m, const struct random_trial *t,
                         const struct random_result *r, uint64_t esr)
{
    uint64_t address = (uint64_t)sign_extend(r->address, 56);
    if (!machine_kept_words(m, t))
        return false;
    if (machine_is_data_abort(esr))
        return in_region(address);
    if (!esr && r->state.pc - RANDOM_SLOT < 4 * t->count)
        return false;
    return in_region(r->state.pc);
}

/* Registers of branches point into the code pages, most of them. */
static void aim_branch(const struct machine *m, const struct a64_op_info *info, uint64_t *s,
                       struct random_trial *t)
{
    const struct a64_op_field *f = find_field(info, "rn");
    unsigned n = f ? (unsigned)bits(t->word[0], f->lo + 4u, f->lo) : 31;
    if (n == 31)
        return;
    t->state.x[n] = RANDOM_CODE + rnd(s) % RANDOM_CODE_BYTES;
    if (!one_in(s, 8))
        t->state.x[n] &= ~UINT64_C(3);
    if (m->el == 0 && one_in(s, 8))
        t->state.x[n] = bits_set(t->state.x[n], 63, 56, rnd(s));
}

/* ---- Trials ---- */

/* Pairs of numbers that matter together: quotients that overflow, sums that carry. */
static void pair_operands(const struct a64_op_info *info, uint64_t *s, struct random_trial *t)
{
    static const uint64_t pairs[][2] = {
        {BIT(63), ~UINT64_C(0)},           {BIT(31), ~UINT64_C(0)},
        {BIT(31), 0xffffffff},             {~MASK(31), 0xffffffff},
        {BIT(63), 1},                      {BIT(63) - 1, 1},
        {BIT(63), BIT(63)},                {BIT(31) - 1, 1},
        {~UINT64_C(0), 1},                 {0xffffffff, 1},
        {0, ~UINT64_C(0)},                 {0, 0},
        {BIT(63), 0},                      {BIT(31), 0},
    };
    const struct a64_op_field *rn = find_field(info, "rn"), *rm = find_field(info, "rm");
    const uint64_t r = rnd(s) >> 8, *pair = pairs[r % ARRAY_LEN(pairs)];
    uint64_t first = pair[0], second = pair[1];
    if (!rn || !rm || !is_register(rn) || !is_register(rm))
        return;
    if (r >> 40 & 1) /* any number, and the same or its negative */
        second = r >> 41 & 1 ? first = edge_int(s) : -(first = edge_int(s));
    unsigned n = (unsigned)bits(t->word[0], rn->lo + 4u, rn->lo);
    unsigned m = (unsigned)bits(t->word[0], rm->lo + 4u, rm->lo);
    bool swap = r >> 42 & 1;
    if (n < 31)
        t->state.x[n] = swap ? second : first;
    if (m < 31)
        t->state.x[m] = swap ? first : second;
    if (info->traits & A64_TRAIT_FP) {
        for (unsigned i = 0; i < 2; i++) {
            t->state.v[n][i] = swap ? second : first;
            t->state.v[m][i] = swap ? first : second;
        }
    }
}

/* What the words use, four registers from each that they name, and a few that they do not. */
static struct renew renew_operands(const struct a64_op_info *info, uint64_t *s,
                                   const struct random_trial *t)
{
    uint64_t registers = rnd(s) & rnd(s) & rnd(s) & MASK(32);
    for (unsigned i = 0; i < info->field_count; i++) {
        const struct a64_op_field *f = &info->fields[i];
        for (unsigned k = 0; k < t->count && is_register(f); k++)
            registers |= UINT64_C(15) << bits(t->word[k], f->lo + 4u, f->lo);
    }
    uint32_t round = (uint32_t)(registers | registers >> 32); /* after 31 comes 0 */
    return (struct renew){.x = round, .v = round,
                          .memory = is_memory_op(info) || (info->traits & A64_TRAIT_EXCLUSIVE)};
}

/* A state for the trial's words, whose line is `op`, and its result. */
static bool try_state(struct machine *m, enum a64_op op, uint64_t *s, const struct renew *renew,
                      struct random_trial *t, struct random_result *r, uint64_t *esr)
{
    const struct a64_op_info *info = &a64_op_info[op];
    make_state(s, &t->state, make_kind(s, info, t->word[t->count - 1]), renew);
    if (is_memory_op(info) || (info->traits & A64_TRAIT_EXCLUSIVE))
        aim(m, info, s, t);
    else if (info->traits & A64_TRAIT_BRANCH)
        aim_branch(m, info, s, t);
    else if (one_in(s, 8))
        pair_operands(info, s, t);
    machine_run(m, t, r, esr);
    return is_contained(m, t, r, *esr);
}

bool generate_trial(struct machine *m, enum a64_op op, uint64_t *s, struct random_trial *t,
                    struct random_result *r, uint64_t *esr)
{
    const struct a64_op_info *info = &a64_op_info[op];
    for (unsigned tries = 0; tries < 1000; tries++) {
        uint32_t word = op == A64_UNDEFINED ? make_gap(s, m->el) : make_word(s, m->el, op);
        if (a64_decode(word) != op || !known_comparable(op, word))
            continue;
        memset(t->word, 0, sizeof(t->word));
        t->word[0] = word;
        t->count = 1;
        t->steps = t->repeat = 0;
        if (is_memory_op(info))
            aim_literal(info, s, t);
        if ((info->traits & A64_TRAIT_EXCLUSIVE) && (info->traits & A64_TRAIT_WRITES_MEM))
            add_exclusive_load(s, t);
        if (a64_decode(t->word[0]) == A64_UNDEFINED && op != A64_UNDEFINED)
            continue;
        if (try_state(m, op, s, &renew_all, t, r, esr))
            return true;
    }
    return false;
}

bool generate_again(struct machine *m, enum a64_op op, uint64_t *s, const struct random_trial *last,
                    struct random_trial *t, struct random_result *r, uint64_t *esr)
{
    *t = *last;
    t->repeat = 1;
    for (unsigned tries = 0; tries < 8; tries++) {
        const struct renew renew = renew_operands(&a64_op_info[op], s, t);
        if (try_state(m, op, s, &renew, t, r, esr))
            return true;
    }
    return false;
}

uint32_t generate_word(uint64_t *seed, enum a64_op op)
{
    return make_word(seed, 0, op);
}

void generate_state(uint64_t *seed, struct random_state *st, unsigned kind)
{
    make_state(seed, st, kind, &renew_all);
}
