/* The one table of known differences between the engines and QEMU 7.2's system emulation. A row
 * that recognises its case changes their result to what the architecture says; if all rows together
 * leave no difference, the trial is explained. References are to the Arm ARM, DDI 0487. */
#include "known.h"

#include "generate.h"
#include "machine.h"

#include "a64/exception.h"
#include "base/bits.h"

#include <stddef.h>
#include <string.h>

#define NZCV_DIT (UINT64_C(0xf0000000) | BIT(24))
#define BTYPE UINT64_C(0xc00)
#define PAN BIT(22)
#define ERET 0xd69f03e0u

static unsigned ec_of(const struct el1_result *r)
{
    return (unsigned)bits(r->state.sys[EL1_ESR_EL1], 31, 26);
}

static unsigned fsc_of(const struct el1_result *r)
{
    return (unsigned)bits(r->state.sys[EL1_ESR_EL1], 5, 0);
}

/* Ended at a vector of VBAR_EL1. */
static bool took_exception(const struct el1_trial *t, const struct el1_result *r)
{
    return r->state.pc - t->state.sys[EL1_VBAR_EL1] < 0x800;
}

/* ... with ELR_EL1 at the word in question, the first of them here. */
static bool faulted(const struct el1_trial *t, const struct el1_result *r)
{
    return took_exception(t, r) && r->state.sys[EL1_ELR_EL1] == t->state.pc;
}

/* Of two accesses, the one that faulted, or the second, is in question: all rows see it as the
 * trial's first word. */
static struct el1_trial as_single(const struct el1_trial *t, const struct el1_result *mine,
                                  const struct el1_result *theirs)
{
    struct el1_trial one = *t;
    uint32_t at = t->count - 1;
    for (uint32_t i = t->count; i-- > 0;) {
        one.state.pc = t->state.pc + 4 * i;
        if (faulted(&one, mine) || faulted(&one, theirs))
            at = i;
    }
    one.state.pc = t->state.pc + 4 * at;
    one.word[0] = t->word[at];
    one.count = 1;
    return one;
}

static bool is_data_abort(const struct el1_trial *t, const struct el1_result *r)
{
    return faulted(t, r) && (ec_of(r) & ~1u) == EC_DABT_LOWER;
}

/* The case is recognised as a whole: their result is not looked at further. */
static bool as_mine(const struct el1_result *mine, struct el1_result *theirs)
{
    *theirs = *mine;
    return true;
}

/* ---- Exceptions ---- */

static bool entry_flags(const struct el1_trial *t, const struct el1_result *mine,
                        struct el1_result *theirs)
{
    uint64_t *p = &theirs->state.pstate, fixed = (*p & ~NZCV_DIT) | (mine->state.pstate & NZCV_DIT);
    if (!took_exception(t, theirs) || (*p & NZCV_DIT) || fixed == *p)
        return false;
    *p = fixed;
    return true;
}

static bool illegal_return(const struct el1_trial *t, const struct el1_result *mine,
                           struct el1_result *theirs)
{
    uint64_t *s = &theirs->state.sys[EL1_SPSR_EL1];
    uint64_t *elr = &theirs->state.sys[EL1_ELR_EL1], want = mine->state.sys[EL1_ELR_EL1];
    bool any = false;
    if (t->word[0] != ERET || !bit(mine->state.sys[EL1_SPSR_EL1], 20) || !bit(*s, 20))
        return false;
    if ((*s ^ mine->state.sys[EL1_SPSR_EL1]) & PAN) {
        *s ^= PAN;
        theirs->state.pstate = (theirs->state.pstate & ~PAN) | (mine->state.pstate & PAN);
        any = true;
    }
    if (*elr != want && *elr == t->state.sys[EL1_ELR_EL1] &&
        (uint64_t)sign_extend(*elr, 56) == want) {
        if (theirs->state.sys[EL1_FAR_EL1] == *elr)
            theirs->state.sys[EL1_FAR_EL1] = want;
        *elr = want;
        any = true;
    }
    return any;
}

static bool zero_btype(const struct el1_trial *t, const struct el1_result *mine,
                       struct el1_result *theirs)
{
    uint64_t *s = &theirs->state.sys[EL1_SPSR_EL1], *p = &theirs->state.pstate;
    uint64_t before = *s ^ *p;
    /* UNDEFINED, access traps, SVC, data aborts; a store of the trial may have made its target */
    const uint64_t may_zero = BIT(0) | BIT(0x07) | BIT(0x15) | BIT(0x18) | BIT(0x24) | BIT(0x25);
    if (took_exception(t, mine) && may_zero >> ec_of(mine) & 1)
        *s = (*s & ~BTYPE) | (mine->state.sys[EL1_SPSR_EL1] & BTYPE);
    if (!took_exception(t, mine)) /* HVC */
        *p = (*p & ~BTYPE) | (mine->state.pstate & BTYPE);
    return (*s ^ *p) != before;
}

static bool sp_alignment(const struct el1_trial *t, const struct el1_result *mine,
                         struct el1_result *theirs)
{
    return t->kind == EL1_PSTATE && bits(t->word[0], 9, 5) == 31 && faulted(t, mine) &&
           ec_of(mine) == EC_SP_ALIGN && as_mine(mine, theirs);
}

static bool pc_alignment(const struct el1_trial *t, const struct el1_result *mine,
                         struct el1_result *theirs)
{
    bool any = false;
    if (!took_exception(t, mine) || ec_of(mine) != EC_PC_ALIGN || !took_exception(t, theirs) ||
        !(mine->state.sys[EL1_ELR_EL1] & 3))
        return false;
    if ((ec_of(theirs) & ~1u) == EC_IABT_LOWER)
        return as_mine(mine, theirs);
    for (unsigned i = 0; i < EL1_ENTRIES; i++) { /* the translation sets the access flag */
        if (theirs->entry[i] == (mine->entry[i] | BIT(10)) && theirs->entry[i] != mine->entry[i]) {
            theirs->entry[i] = mine->entry[i];
            any = true;
        }
    }
    return any;
}

/* ---- Memory ---- */

static bool is_maintenance(uint32_t word)
{
    return (word & 0xfff8f000) == 0xd5087000 && bits(word, 11, 8) != 4 && bits(word, 11, 8) != 8 &&
           bits(word, 11, 8) != 9;
}

static bool cache_maintenance(const struct el1_trial *t, const struct el1_result *mine,
                              struct el1_result *theirs)
{
    bool any = false;
    if (!is_maintenance(t->word[0]))
        return false;
    for (unsigned i = 0; i < EL1_ENTRIES; i++) { /* nor does it set the access flag */
        if (mine->entry[i] == (theirs->entry[i] | BIT(10)) && mine->entry[i] != theirs->entry[i]) {
            theirs->entry[i] = mine->entry[i];
            any = true;
        }
    }
    if (any)
        return true;
    return is_data_abort(t, mine) &&
           bit(mine->state.sys[EL1_ESR_EL1], 8) && !is_data_abort(t, theirs) &&
           as_mine(mine, theirs);
}

/* The trial's leaf descriptor: a block, or the last. */
static uint64_t leaf_of(const struct el1_trial *t)
{
    uint64_t leaf = 0;
    for (unsigned i = 0; i < EL1_ENTRIES; i++) {
        if (!t->entry[i].pa)
            continue;
        leaf = t->entry[i].value;
        if ((leaf & 3) == 1)
            break;
    }
    return leaf;
}

static bool is_device(const struct el1_trial *t)
{
    uint64_t leaf = leaf_of(t);
    if (!bit(t->state.sys[EL1_SCTLR_EL1], 0))
        return true;
    return (t->state.sys[EL1_MAIR_EL1] >> (8 * bits(leaf, 4, 2)) & 0xf0) == 0;
}

static bool device_alignment(const struct el1_trial *t, const struct el1_result *mine,
                             struct el1_result *theirs)
{
    return is_data_abort(t, mine) && fsc_of(mine) == 0x21 && is_device(t) &&
           !(is_data_abort(t, theirs) && fsc_of(theirs) == 0x21) &&
           ((mine->state.sys[EL1_FAR_EL1] & 15) || (t->word[0] & ~31u) == 0xd50b7420) &&
           as_mine(mine, theirs);
}

/* Exclusive, ordered, compare and swap, atomic. */
static bool is_ordered(uint32_t word)
{
    return (word & 0x3f000000) == 0x08000000 || (word & 0x3f200c00) == 0x38200000;
}

static bool nothing_there(const struct el1_trial *t, const struct el1_result *mine,
                          struct el1_result *theirs)
{
    uint64_t *far = &theirs->state.sys[EL1_FAR_EL1], change = *far ^ mine->state.sys[EL1_FAR_EL1];
    if (!is_data_abort(t, mine) || !is_data_abort(t, theirs))
        return false;
    if (fsc_of(mine) == 0x10 && (fsc_of(theirs) & ~3u) == 4 && bits(*far, 11, 0) == 0)
        return as_mine(mine, theirs); /* the other page's fault */
    if (fsc_of(theirs) != 0x10)
        return false;
    if (fsc_of(mine) == 0x21 || fsc_of(mine) == 0x35)
        return as_mine(mine, theirs);
    if ((fsc_of(mine) & ~3u) == 4 && bits(mine->state.sys[EL1_FAR_EL1], 11, 0) == 0)
        return as_mine(mine, theirs); /* the other page's fault */
    if ((fsc_of(mine) & ~3u) == 0x0c && is_ordered(t->word[0]))
        return as_mine(mine, theirs); /* atomic: the read of it comes first there */
    if (fsc_of(mine) != 0x10 || change == 0 || change > 31)
        return false;
    *far ^= change;
    return true;
}

static bool unknown_after_abort(const struct el1_trial *t, const struct el1_result *mine,
                                struct el1_result *theirs)
{
    if (!is_data_abort(t, mine) || !is_data_abort(t, theirs) ||
        (memcmp(theirs->state.v, mine->state.v, sizeof(mine->state.v)) == 0 &&
         memcmp(theirs->data, mine->data, sizeof(mine->data)) == 0))
        return false;
    memcpy(theirs->state.v, mine->state.v, sizeof(mine->state.v));
    memcpy(theirs->data, mine->data, sizeof(mine->data));
    return true;
}

static bool lse2(const struct el1_trial *t, const struct el1_result *mine,
                 struct el1_result *theirs)
{
    return is_ordered(t->word[0]) && is_data_abort(t, theirs) && fsc_of(theirs) == 0x21 &&
           !bit(t->state.sys[EL1_SCTLR_EL1], 1) && (t->state.x[0] & 7) && as_mine(mine, theirs);
}

static bool ldapr_unaligned(const struct el1_trial *t, const struct el1_result *mine,
                            struct el1_result *theirs)
{
    return t->word[0] == 0xf8bfc001 && is_data_abort(t, mine) && fsc_of(mine) == 0x21 &&
           (t->state.x[0] & 7) && as_mine(mine, theirs);
}

static unsigned log2_grain(const struct el1_trial *t)
{
    static const uint8_t tg0[] = {12, 16, 14, 12}, tg1[] = {12, 14, 12, 16};
    uint64_t tcr = t->state.sys[EL1_TCR_EL1];
    bool upper = !(t->state.sys[EL1_VBAR_EL1] >> 63);
    return upper ? tg1[bits(tcr, 31, 30)] : tg0[bits(tcr, 15, 14)];
}

static bool large_block(const struct el1_trial *t, const struct el1_result *mine,
                        struct el1_result *theirs)
{
    unsigned first = log2_grain(t) == 12 ? 1 : 2;
    uint64_t par = mine->state.sys[EL1_PAR_EL1];
    unsigned fsc = took_exception(t, mine) ? fsc_of(mine) : par & 1 ? (unsigned)bits(par, 6, 1) : 0;
    bool block = false;
    for (unsigned i = 0; i < EL1_ENTRIES; i++) /* with any TnSZ, its level may be another */
        block = block || (t->entry[i].pa && (t->entry[i].value & 3) == 1);
    return t->kind >= EL1_WALK_KIND && block && fsc - 4 < first && as_mine(mine, theirs);
}

static bool dirty_wxn(const struct el1_trial *t, const struct el1_result *mine,
                      struct el1_result *theirs)
{
    uint64_t leaf = leaf_of(t);
    return (bit(t->state.sys[EL1_SCTLR_EL1], 19) || bit(leaf, 6)) &&
           bits(t->state.sys[EL1_TCR_EL1], 40, 39) == 3 && bit(leaf, 51) && bit(leaf, 7) &&
           took_exception(t, mine) &&
           (ec_of(mine) & ~1u) == EC_IABT_LOWER && (fsc_of(mine) & ~3u) == 0x0c &&
           as_mine(mine, theirs);
}

static bool is_at(uint32_t word)
{
    return (word & 0xfffffe80) == 0xd5087800;
}

static bool at_shareability(const struct el1_trial *t, const struct el1_result *mine,
                            struct el1_result *theirs)
{
    uint64_t *par = &theirs->state.sys[EL1_PAR_EL1], want = mine->state.sys[EL1_PAR_EL1];
    uint64_t attr = *par >> 56;
    if (!is_at(t->word[0]) || (*par & 1) || (attr >= 0x10 && attr != 0x44) ||
        bits(want, 8, 7) != 2 || bits(*par, 8, 7) == 2)
        return false;
    *par = bits_set(*par, 8, 7, 2);
    return true;
}

static bool at_access_flag(const struct el1_trial *t, const struct el1_result *mine,
                           struct el1_result *theirs)
{
    const uint64_t first = t->kind == EL1_PAIR_KIND ? BIT(10) : 0; /* the first access may have */
    unsigned fsc = fsc_of(mine);
    bool may = is_at(t->word[0]) ||
               (took_exception(t, mine) && ((fsc & ~3u) == 0x0c || fsc == 0x21)), any = false;
    for (unsigned i = 0; may && i < EL1_ENTRIES; i++) {
        uint64_t change = theirs->entry[i] ^ mine->entry[i];
        if (change && (change & ~(BIT(10) | (is_at(t->word[0]) ? BIT(7) : 0))) == 0 &&
            (mine->entry[i] & ~first) == (t->entry[i].value & ~first)) {
            theirs->entry[i] = mine->entry[i];
            any = true;
        }
    }
    return any;
}

static bool size_out_of_range(const struct el1_trial *t, const struct el1_result *mine,
                              struct el1_result *theirs)
{
    bool upper = !(t->state.sys[EL1_VBAR_EL1] >> 63);
    uint64_t tcr = t->state.sys[EL1_TCR_EL1], par = mine->state.sys[EL1_PAR_EL1];
    unsigned tsz = (unsigned)(upper ? bits(tcr, 21, 16) : bits(tcr, 5, 0));
    bool fault = took_exception(t, mine) ? fsc_of(mine) == 4 : (par & 1) && bits(par, 6, 1) == 4;
    return t->kind >= EL1_WALK_KIND && (tsz < 16 || tsz > (log2_grain(t) == 16 ? 47u : 48u)) &&
           fault && as_mine(mine, theirs);
}

static bool immediate_trap(const struct el1_trial *t, const struct el1_result *mine,
                           struct el1_result *theirs)
{
    uint64_t *esr = &theirs->state.sys[EL1_ESR_EL1], e = *esr;
    if ((t->word[0] & 0xfff8f01f) != 0xd500401f || !faulted(t, mine) || ec_of(mine) != 0x18 ||
        bits_set(bits_set(e, 19, 17, bits(e, 16, 14)), 16, 14, bits(e, 19, 17)) !=
            mine->state.sys[EL1_ESR_EL1])
        return false;
    *esr = mine->state.sys[EL1_ESR_EL1];
    return true;
}

/* ---- Registers ---- */

enum how {
    RES0,    /* they keep bits outside `mask`; `set` is RES1 */
    VALUE,   /* IMPLEMENTATION DEFINED value */
    MISSING, /* UNDEFINED there */
    TRAPPED, /* FEAT_IDST: a trap there */
    EXTRA,   /* allocated by a feature that no CPU model here has */
};

struct reg_row {
    uint16_t key, mask_key;
    enum how how;
    uint64_t mask, set;
    const char *reason;
};

#define K(op0, op1, crn, crm, op2) ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
#define ALL 0xffff
#define ANY_CRM (ALL & ~(15 << 3))
#define ANY_OP2 (ALL & ~7)
#define KEEPS "QEMU keeps bits that are RES0 or of a feature it has: "

static const struct reg_row reg_rows[] = {
    {K(2, 0, 0, 0, 5), ANY_CRM, RES0, 0xffe007, 0x1e0, KEEPS "DBGBCR (BAS is RES1 without AArch32, "
     "D17.3.2)"},
    {K(2, 0, 0, 0, 7), ANY_CRM, RES0, 0x1f1fffff, 0, KEEPS "DBGWCR (D17.3.12)"},
    {K(2, 0, 0, 2, 2), ALL, RES0, 0xb001, 0, KEEPS "MDSCR_EL1 (D17.3.20)"},
    {K(2, 0, 1, 3, 4), ALL, RES0, 0, 0, KEEPS "OSDLR_EL1: FEAT_DoubleLock is not offered"},
    {K(3, 0, 1, 0, 0), ALL, RES0, 0x101804add25f, 0x30500980,
     KEEPS "SCTLR_EL1 (D17.2.118)"},
    {K(3, 0, 1, 0, 2), ALL, RES0, 0x300000, 0, KEEPS "CPACR_EL1 (D17.2.30)"},
    {K(3, 0, 2, 0, 2), ALL, RES0, 0x018007f7ffffffbf, 0, KEEPS "TCR_EL1 (D17.2.131)"},
    {K(3, 0, 4, 0, 0), ALL, RES0, 0xffffffff, 0, KEEPS "SPSR_EL1 (C5.2.18)"},
    {K(3, 0, 5, 2, 0), ALL, RES0, 0xffffffff, 0, KEEPS "ESR_EL1: FEAT_LS64 is not offered"},
    {K(3, 0, 12, 0, 0), ALL, RES0, ~UINT64_C(0x7ff), 0, KEEPS "VBAR_EL1 (D17.2.146)"},
    {K(3, 0, 12, 1, 1), ALL, RES0, 0x81ffffff, 0, KEEPS "DISR_EL1 (D17.4.1)"},
    {K(3, 0, 13, 0, 1), ALL, RES0, 0xffffffff, 0, KEEPS "CONTEXTIDR_EL1 (D17.2.27)"},
    {K(3, 0, 14, 1, 0), ALL, RES0, 0x3ff, 0, KEEPS "CNTKCTL_EL1 (D17.8.15)"},
    {K(3, 3, 4, 4, 0), ALL, RES0, 0x7c89f00 & ~0xff00u, 0, KEEPS "FPCR (C5.2.8)"},
    {K(3, 3, 4, 4, 1), ALL, RES0, 0x800009f, 0, KEEPS "FPSR.NZCV is AArch32's (C5.2.10)"},
    {K(3, 3, 9, 12, 0), ALL, VALUE, 0, 0, "PMCR_EL0.{IMP, IDCODE, N}: IMPLEMENTATION DEFINED"},
    {K(3, 3, 14, 12, 0), ANY_OP2, RES0, 0xc00003ff, 0, KEEPS "PMEVTYPER (FEAT_PMUv3p1, EL2)"},
    {K(3, 3, 14, 15, 7), ALL, RES0, 0xc0000000, 0, KEEPS "PMCCFILTR_EL0 (EL2)"},
    {K(3, 0, 0, 0, 0), ALL & ~127, VALUE, 0, 0, "identification: IMPLEMENTATION DEFINED"},
    {K(3, 1, 0, 0, 0), ANY_OP2, VALUE, 0, 0, "CCSIDR, CLIDR, AIDR: IMPLEMENTATION DEFINED"},
    {K(3, 3, 0, 0, 0), ANY_OP2, VALUE, 0, 0, "CTR, DCZID: IMPLEMENTATION DEFINED"},
    {K(3, 3, 9, 12, 6), ALL & ~1, VALUE, 0, 0, "PMCEID: IMPLEMENTATION DEFINED"},
    {K(3, 0, 0, 0, 0), ALL & ~127, TRAPPED, 0, 0, "FEAT_IDST: a trap there, not UNDEFINED"},
    {K(3, 1, 0, 0, 0), ALL & ~127, TRAPPED, 0, 0, "FEAT_IDST: a trap there, not UNDEFINED"},
    {K(3, 3, 0, 0, 0), ALL & ~127, TRAPPED, 0, 0, "FEAT_IDST: a trap there, not UNDEFINED"},
    {K(2, 0, 0, 0, 2), ANY_CRM, MISSING, 0, 0, "QEMU 7.2 has no OSDTRRX, OSDTRTX, OSECCR"},
    {K(2, 0, 1, 4, 4), ALL, MISSING, 0, 0, "QEMU 7.2 has no DBGPRCR_EL1"},
    {K(2, 0, 7, 0, 6), ANY_CRM, MISSING, 0, 0, "QEMU 7.2 has no DBGCLAIM, DBGAUTHSTATUS"},
    {K(2, 3, 0, 4, 0), ALL, MISSING, 0, 0, "QEMU 7.2 has no DBGDTR_EL0"},
    {K(2, 3, 0, 5, 0), ALL, MISSING, 0, 0, "QEMU 7.2 has no DBGDTRRX_EL0"},
    {K(3, 0, 5, 3, 0), ANY_OP2, MISSING, 0, 0, "ERRIDR_EL1.NUM = 0: ERRSELR_EL1 may be UNDEFINED"},
    {K(3, 0, 5, 4, 0), ALL & ~15, MISSING, 0, 0, "ERRIDR_EL1.NUM = 0: ERX may be UNDEFINED"},
    {K(3, 0, 12, 0, 1), ALL, MISSING, 0, 0, "RVBAR_EL1 is for the highest level, EL2 there"},
    {K(3, 3, 14, 0, 0), ALL, VALUE, 0, 0, "CNTFRQ_EL0: IMPLEMENTATION DEFINED reset value"},
    {K(3, 3, 14, 0, 0), ALL, MISSING, 0, 0, "CNTFRQ_EL0 is written at the highest level only"},
    {K(1, 0, 8, 0, 0), ALL & ~(1 << 11 | 127), EXTRA, 0, 0, "FEAT_TLBIOS, FEAT_TLBIRANGE"},
    {K(3, 3, 4, 2, 7), ALL, EXTRA, 0, 0, "FEAT_MTE: TCO"},
    {K(0, 3, 4, 0, 4), ANY_CRM, EXTRA, 0, 0, "FEAT_MTE: MSR TCO"},
    {K(3, 0, 1, 0, 5), ALL & ~3, EXTRA, 0, 0, "FEAT_MTE: RGSR, GCR"},
    {K(3, 0, 5, 6, 0), ANY_OP2, EXTRA, 0, 0, "FEAT_MTE: TFSR"},
    {K(1, 0, 7, 0, 0), ALL & ~(3 << 11 | 127), EXTRA, 0, 0, "FEAT_MTE, FEAT_DPB2: maintenance"},
    {K(3, 0, 11, 0, 0), ALL & ~(7 << 11 | 127), EXTRA, 0, 0, "IMPLEMENTATION DEFINED space"},
    {K(3, 0, 15, 0, 0), ALL & ~(7 << 11 | 127), EXTRA, 0, 0, "IMPLEMENTATION DEFINED space"},
    {K(3, 0, 9, 14, 6), ALL, EXTRA, 0, 0, "FEAT_PMUv3p4: PMMIR_EL1"},
    {K(3, 3, 13, 0, 7), ALL, EXTRA, 0, 0, "FEAT_SCXTNUM"},
    {K(3, 0, 13, 0, 7), ALL, EXTRA, 0, 0, "FEAT_SCXTNUM"},
};

static bool last_is_read(const struct el1_trial *t, unsigned *rt)
{
    uint32_t word = t->word[t->count - 1];
    *rt = word & 31;
    return (word & 0xfff00000) == 0xd5300000 && *rt < 31;
}

static bool completed(const struct el1_trial *t, const struct el1_result *r)
{
    return r->state.pc == t->state.pc + 4 * t->count + 4 ||
           (took_exception(t, r) && r->state.sys[EL1_ELR_EL1] == t->state.pc + 4 * t->count);
}

static bool fix_register(const struct reg_row *row, const struct el1_trial *t,
                         const struct el1_result *mine, struct el1_result *theirs)
{
    struct el1_result before = *theirs;
    unsigned rt;
    bool read = last_is_read(t, &rt);
    switch (row->how) {
    case RES0:
        if (read && completed(t, theirs))
            theirs->state.x[rt] = (theirs->state.x[rt] & row->mask) | row->set;
        for (unsigned i = 0; i < EL1_REGS; i++)
            if ((machine_key(i) & row->mask_key) == row->key)
                theirs->state.sys[i] = (theirs->state.sys[i] & row->mask) | row->set;
        if (row->key == K(3, 3, 4, 4, 0))
            theirs->state.fpcr &= row->mask;
        if (row->key == K(3, 3, 4, 4, 1))
            theirs->state.fpsr &= row->mask;
        break;
    case VALUE:
        if (read && completed(t, theirs) && completed(t, mine))
            theirs->state.x[rt] = mine->state.x[rt];
        break;
    case MISSING:
        if (faulted(t, theirs) && (ec_of(theirs) == EC_UNKNOWN || ec_of(theirs) == 0x18) &&
            !faulted(t, mine))
            as_mine(mine, theirs);
        break;
    case TRAPPED:
        if (faulted(t, theirs) && ec_of(theirs) == 0x18 && faulted(t, mine) &&
            ec_of(mine) == EC_UNKNOWN)
            theirs->state.sys[EL1_ESR_EL1] = mine->state.sys[EL1_ESR_EL1];
        break;
    default:
        if (faulted(t, mine) && ec_of(mine) == EC_UNKNOWN &&
            !(faulted(t, theirs) && ec_of(theirs) == EC_UNKNOWN))
            as_mine(mine, theirs);
    }
    return memcmp(&before, theirs, sizeof(before)) != 0;
}

static const char *fix_registers(const struct el1_trial *t, const struct el1_result *mine,
                                 struct el1_result *theirs)
{
    unsigned key = t->word[0] >> 5 & 0xffff;
    const char *reason = NULL;
    if ((t->word[0] & 0xffc00000) != 0xd5000000)
        return NULL;
    for (unsigned i = 0; i < ARRAY_LEN(reg_rows); i++) {
        const struct reg_row *row = &reg_rows[i];
        if ((key & row->mask_key) == row->key && fix_register(row, t, mine, theirs) && !reason)
            reason = row->reason;
    }
    return reason;
}

/* ---- The table ---- */

struct known {
    bool (*fix)(const struct el1_trial *t, const struct el1_result *mine,
                struct el1_result *theirs);
    const char *reason;
};

static const struct known rows[] = {
    {sp_alignment, "QEMU has no SP alignment check (D1.3.10.3)"},
    {pc_alignment, "QEMU translates a misaligned PC before it checks alignment; the PC alignment "
                   "fault has the higher priority (D1.3.5.5)"},
    {cache_maintenance, "QEMU does not translate the address of cache maintenance (D7.5.9)"},
    {device_alignment, "QEMU 7.2 allows unaligned accesses and DC ZVA to Device memory (B2.9.3)"},
    {nothing_there, "IMPLEMENTATION DEFINED: unaligned or exclusive access where no memory is; "
                    "here an alignment or unsupported atomic fault as of a device, there an "
                    "external abort of an aligned part"},
    {unknown_after_abort, "UNKNOWN: registers that an aborted load and memory that an aborted "
                          "store would have written"},
    {lse2, "QEMU 7.2 has no FEAT_LSE2: it faults on unaligned accesses within 16 bytes (B2.5.2)"},
    {ldapr_unaligned, "QEMU 7.2 does not check the alignment of LDAPR (B2.5.2)"},
    {at_shareability, "PAR_EL1.SH of Device and Non-cacheable memory is Outer Shareable "
                      "(PAREncodeShareability()); QEMU copies the descriptor's"},
    {at_access_flag, "AT, permission and alignment faults may update the descriptor or not "
                     "(Unpredictable_AFUPDATE)"},
    {size_out_of_range, "CONSTRAINED UNPREDICTABLE: TCR_EL1.TnSZ out of range (D8.2); below 16 it "
                        "is FEAT_LVA's, which QEMU has"},
    {immediate_trap, "ESR_EL1 of a trapped MSR (immediate): QEMU 7.2 exchanges Op1 and Op2"},
    {illegal_return, "an illegal exception return restores PSTATE.PAN (SetPSTATEFromPSR()) and "
                     "removes the tag of ELR (AArch64.ExceptionReturn()); QEMU does neither"},
    {dirty_wxn, "a clean page with DBM counts as writable for WXN, and for EL1's execution where "
                "EL0 may write (AArch64.S1Walk()); QEMU 7.2 takes AP[2] as it is"},
    {large_block, "QEMU 7.2 accepts blocks at levels where the granule has none (D8.3.1)"},
    {zero_btype, "CONSTRAINED UNPREDICTABLE: SPSR.BTYPE of these exceptions may be zero "
                 "(AArch64.TakeException(), Unpredictable_ZEROBTYPE)"},
    {entry_flags, "QEMU clears NZCV and DIT on exception entry; AArch64.TakeException() does not"},
};

const char *known_difference(const struct el1_trial *t, const struct el1_result *mine,
                             const struct el1_result *theirs)
{
    struct el1_result fixed = *theirs;
    const struct el1_trial one = t->kind == EL1_PAIR_KIND ? as_single(t, mine, theirs) : *t;
    t = &one;
    const char *reason = fix_registers(t, mine, &fixed);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].fix(t, mine, &fixed) && !reason)
            reason = rows[i].reason;
    }
    return memcmp(mine, &fixed, sizeof(fixed)) == 0 ? reason : NULL;
}
