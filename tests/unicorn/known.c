/* The one table of known differences between the engines and Unicorn 2.0.1, which is QEMU 5.0's
 * translator. */
#include "uni_known.h"

#include "a64/exception.h"
#include "a64/fp.h"
#include "a64/mmu.h"

#include <string.h>

/* ---- Not compared at all ---- */

struct exclusion {
    enum a64_op op;
    uint32_t mask, value; /* words of that line */
    const char *reason;
};

static const struct exclusion exclusions[] = {
    {A64_UNDEFINED, 0xffe0fc00, 0x9ac03000, "FEAT_PAuth: PACGA, which QEMU has"},
    {A64_UNDEFINED, 0xffff0000, 0xdac10000, "FEAT_PAuth: PACIA and the like"},
    {A64_UNDEFINED, 0xfe1ff800, 0xd61f0800, "FEAT_PAuth: BRAA, BLRAA, RETAA, ERETAA"},
    {A64_UNDEFINED, 0xfffffc1f, 0xd69f0000, "ERET with Rn other than 31: QEMU 5.0 accepts it"},
    {A64_UNDEFINED, 0xff200400, 0xf8200400, "FEAT_PAuth: LDRAA, LDRAB"},
    {A64_UNDEFINED, 0xffe08000, 0xce400000, "FEAT_SM3: SM3SS1, which QEMU has"},
    {A64_UNDEFINED, 0xffe0c000, 0xce408000, "FEAT_SM3: SM3TT"},
    {A64_UNDEFINED, 0xffe0f000, 0xce60c000, "FEAT_SM3, FEAT_SM4: SM3PARTW, SM4EKEY"},
    {A64_UNDEFINED, 0xfffffc00, 0xcec08400, "FEAT_SM4: SM4E"},
    {A64_UNDEFINED, 0xff7fcc00, 0x5e70c800, "QEMU accepts scalar pairwise, half, with sz = 1"},
    {A64_UNDEFINED, 0xbf7fcc00, 0x0e70c800, "QEMU accepts across lanes, half, with sz = 1"},
    {A64_UNDEFINED, 0xbff8fc00, 0x2f00fc00, "QEMU accepts modified immediate with op = o2 = 1"},
    {A64_UNDEFINED, 0x8f7e0c00, 0x0e780800,
     "two-register miscellaneous (FP16): QEMU aborts on some unallocated words"},
    {A64_UNDEFINED, 0x9f60c400, 0x0e400400,
     "three registers, same type (FP16): QEMU aborts on some unallocated words"},
    {A64_UNDEFINED, 0xdf60c400, 0x5e400400, "the same, scalar"},
    {A64_HVC, 0, 0, "leaves the engine: no EL2 here"},
    {A64_SMC, 0, 0, "leaves the engine: no EL3 here"},
    {A64_ERET, 0, 0, "leaves EL1; tests/el1 has it"},
    {A64_WFI, 0, 0, "waits"},
    {A64_WFE, 0, 0, "waits"},
    {A64_HLT, 0x001fffe0, 0xf000u << 5, "semihosting"},
    {A64_SYSL, 0, 0, "tests/el1 has the whole space"},
};

/* Bits 20..5 of MRS, MSR and SYS words that are compared here: PSTATE, FPCR, FPSR, registers with a
 * value before each trial, and instructions that need no translation. tests/el1 has the others. */
#define KEY(op0, op1, crn, crm, op2)                                                               \
    ((uint32_t)(op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

static const uint32_t keys[] = {
    KEY(3, 3, 4, 2, 0), KEY(3, 3, 4, 2, 1), KEY(3, 3, 4, 4, 0), KEY(3, 3, 4, 4, 1),
    KEY(3, 0, 4, 2, 0), KEY(3, 0, 4, 2, 2), KEY(3, 0, 4, 2, 3), KEY(3, 0, 4, 2, 4),
    KEY(3, 0, 4, 1, 0), KEY(3, 0, 4, 0, 1), KEY(3, 0, 4, 0, 0), KEY(3, 3, 13, 0, 2),
    KEY(3, 3, 13, 0, 3),
    KEY(1, 3, 7, 5, 1), KEY(1, 0, 7, 5, 0), KEY(1, 3, 7, 10, 1), KEY(1, 0, 7, 6, 1),
    KEY(1, 0, 8, 7, 0), KEY(1, 0, 8, 7, 1),
};

static bool is_compared_key(enum a64_op op, uint32_t word)
{
    const uint32_t key = (uint32_t)bits(word, 20, 5);
    if (op != A64_MRS && op != A64_MSR_r && op != A64_SYS)
        return true;
    for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
        if (key == keys[i])
            return true;
    return false;
}

bool known_comparable(enum a64_op op, uint32_t word)
{
    for (unsigned i = 0; i < ARRAY_LEN(exclusions); i++) {
        const struct exclusion *e = &exclusions[i];
        if (e->op == op && (word & e->mask) == e->value)
            return false;
    }
    return is_compared_key(op, word);
}

/* ---- Known differences ---- */

struct difference {
    enum a64_op op;
    const struct random_trial *t;
    const struct uni_result *mine, *theirs;
    uint64_t esr;
};

static bool begins(enum a64_op op, const char *prefix)
{
    return strncmp(a64_op_info[op].name, prefix, strlen(prefix)) == 0;
}

static bool missing_feature(const struct difference *d)
{
    const unsigned feature = a64_op_info[d->op].feature;
    return d->mine->r.signal == EMULATOR_NONE && d->theirs->r.signal == EMULATOR_UNDEFINED &&
           (feature == A64_FEAT_BF16 || feature == A64_FEAT_I8MM);
}

static bool missing_pstate(const struct difference *d)
{
    uint32_t key = (uint32_t)bits(d->t->word[0], 20, 5) & ~(15u << 3);
    return d->op == A64_MSR_i && (key == KEY(0, 3, 4, 0, 1) || key == KEY(0, 3, 4, 0, 2)) &&
           d->theirs->r.signal == EMULATOR_UNDEFINED;
}

static bool spsr_bits(const struct difference *d)
{
    struct uni_result r = *d->theirs;
    r.spsr &= 0xffffffff;
    return d->op == A64_MSR_r && memcmp(&r, d->mine, sizeof(r)) == 0;
}

static bool aarch32_fields(const struct difference *d)
{
    struct uni_result r = *d->theirs;
    r.r.state.fpcr &= ~UINT64_C(0x370000);
    r.r.state.fpsr &= ~UINT64_C(0xf0000000);
    return d->op == A64_MSR_r && memcmp(&r, d->mine, sizeof(r)) == 0;
}

static bool scalar_fixed(const struct difference *d)
{
    unsigned rd = d->t->word[0] & 31;
    uint64_t theirs = d->theirs->r.state.v[rd][0];
    return d->op == A64_FCVTZS_sshx && theirs >> 16 == 0xffff &&
           d->mine->r.state.v[rd][0] == (theirs & 0xffff);
}

static bool js_denormal(const struct difference *d)
{
    uint64_t operand = d->t->state.v[bits(d->t->word[0], 9, 5)][0];
    return d->op == A64_FJCVTZS && (d->t->state.fpcr & FPCR_FZ) && operand && operand >> 52 == 0 &&
           d->mine->r.state.nzcv == 0 && d->theirs->r.state.nzcv == BIT(30);
}

static bool sp_alignment(const struct difference *d)
{
    return bits(d->esr, 31, 26) == EC_SP_ALIGN;
}

/* Instructions whose alignment rule FEAT_LSE2 relaxes. */
static bool is_ordered_or_atomic(enum a64_op op)
{
    const struct a64_op_info *info = &a64_op_info[op];
    return (info->traits & A64_TRAIT_EXCLUSIVE) || info->feature == A64_FEAT_LSE ||
           info->feature == A64_FEAT_LRCPC || info->feature == A64_FEAT_LRCPC2 ||
           info->feature == A64_FEAT_LOR || begins(op, "LDAR") || begins(op, "STLR");
}

static bool lse2(const struct difference *d)
{
    return is_ordered_or_atomic(d->op) && d->mine->r.signal == EMULATOR_NONE &&
           d->theirs->r.signal == EMULATOR_DATA;
}

static bool ordered_unaligned(const struct difference *d)
{
    return is_ordered_or_atomic(d->op) && d->mine->r.signal == EMULATOR_DATA &&
           bits(d->esr, 5, 0) == A64_FSC_ALIGNMENT && d->theirs->r.signal == EMULATOR_NONE;
}

/* The memory that LDSMAX, LDUMIN and the like leave; Rt is right. */
static bool signed_extremes(const struct difference *d)
{
    struct uni_result r = *d->theirs;
    memcpy(r.r.state.memory, d->mine->r.state.memory, sizeof(r.r.state.memory));
    return (begins(d->op, "LDSM") || begins(d->op, "LDUM")) && bits(d->t->word[0], 31, 30) < 3 &&
           memcmp(&r, d->mine, sizeof(r)) == 0;
}

static bool half_complex(const struct difference *d)
{
    struct uni_result r = *d->theirs;
    if ((r.r.state.fpsr & d->mine->r.state.fpsr) != d->mine->r.state.fpsr)
        return false;
    r.r.state.fpsr = d->mine->r.state.fpsr;
    return d->op == A64_FCMLA_eh && !bit(d->t->word[0], 30) && memcmp(&r, d->mine, sizeof(r)) == 0;
}

static bool second_word(const struct difference *d)
{
    struct uni_result r = *d->theirs;
    bool first = d->t->count == 2 && r.r.signal && r.r.state.pc == RANDOM_SLOT;
    r.r.state.pc = RANDOM_SLOT + 4;
    memcpy(r.r.state.memory, d->mine->r.state.memory, sizeof(r.r.state.memory));
    const unsigned loaded[] = {d->t->word[0] & 31, (unsigned)bits(d->t->word[0], 14, 10)};
    for (unsigned i = 0; i < 2; i++)
        if (loaded[i] < 31)
            r.r.state.x[loaded[i]] = d->mine->r.state.x[loaded[i]];
    return first && memcmp(&r, d->mine, sizeof(r)) == 0;
}

static bool pair_to_read_only(const struct difference *d)
{
    return (d->op == A64_STXP || d->op == A64_STLXP) && d->t->count == 2 &&
           d->mine->r.signal == EMULATOR_DATA && (bits(d->esr, 5, 0) & ~3u) == 0x0c &&
           d->mine->r.state.pc == RANDOM_SLOT + 4 && d->theirs->r.signal == EMULATOR_NONE;
}

static bool cache_maintenance(const struct difference *d)
{
    return d->op == A64_SYS && bits(d->t->word[0], 15, 12) == 7 &&
           d->mine->r.signal == EMULATOR_DATA && d->theirs->r.signal == EMULATOR_NONE;
}

/* Rt = Rt2 of a load pair. */
static bool same_targets(const struct difference *d)
{
    struct uni_result r = *d->theirs;
    unsigned rt = d->t->word[0] & 31, rt2 = (unsigned)bits(d->t->word[0], 14, 10);
    if (!(begins(d->op, "LDP") || begins(d->op, "LDNP") || begins(d->op, "LDXP") ||
          begins(d->op, "LDAXP")) || rt != rt2)
        return false;
    if (a64_op_info[d->op].traits & A64_TRAIT_FP)
        memcpy(r.r.state.v[rt], d->mine->r.state.v[rt], sizeof(r.r.state.v[rt]));
    else if (rt < 31)
        r.r.state.x[rt] = d->mine->r.state.x[rt];
    return memcmp(&r, d->mine, sizeof(r)) == 0;
}

/* An abort: registers that were to be loaded and memory that was to be stored. */
static bool unknown_after_abort(const struct difference *d)
{
    const unsigned traits = a64_op_info[d->op].traits;
    struct uni_result r = *d->theirs;
    if (d->mine->r.signal != EMULATOR_DATA || d->theirs->r.signal != EMULATOR_DATA)
        return false;
    if (traits & A64_TRAIT_WRITES_MEM)
        memcpy(r.r.state.memory, d->mine->r.state.memory, sizeof(r.r.state.memory));
    if (traits & A64_TRAIT_FP)
        memcpy(r.r.state.v, d->mine->r.state.v, sizeof(r.r.state.v));
    return memcmp(&r, d->mine, sizeof(r)) == 0;
}

struct known {
    bool (*applies)(const struct difference *d);
    const char *reason;
};

static const struct known rows[] = {
    {missing_feature, "QEMU 5.0 lacks FEAT_BF16 and FEAT_I8MM"},
    {missing_pstate, "QEMU 5.0's max has no FEAT_SSBS and no FEAT_DIT"},
    {spsr_bits, "SPSR_EL1 is 32 bits wide (C5.2.18: the upper half is RES0); QEMU keeps 64"},
    {aarch32_fields, "FPCR.Len and Stride, FPSR.NZCV: for AArch32 state, which QEMU has"},
    {scalar_fixed, "FCVTZS to a 16-bit fixed-point scalar: QEMU leaves the sign extension in "
                   "bits 31..16 of Vd"},
    {js_denormal, "FJCVTZS of a positive denormal under FPCR.FZ: QEMU sets Z, FPToFixedJS() clears "
                  "it"},
    {sp_alignment, "QEMU has no SP alignment check"},
    {lse2, "QEMU 5.0 has no FEAT_LSE2: it faults on unaligned accesses within 16 bytes"},
    {ordered_unaligned, "QEMU 5.0 does not check the alignment of LDAR, LDAPR, LDAPUR and others"},
    {signed_extremes, "LDSMAX, LDSMIN, LDUMAX, LDUMIN of less than 64 bits: QEMU 5.0 stores other "
                      "values; QEMU 7.2 (tests/isa/random) agrees with us. Cause not looked up"},
    {half_complex, "FCMLA (by element) of four halves: QEMU 5.0 computes eight, and keeps the "
                   "flags of all"},
    {second_word, "Unicorn 2.0.1 tells the PC of the first word for a fault of a store-exclusive"},
    {pair_to_read_only, "Unicorn 2.0.1: a 64-bit STXP to a read-only page neither faults nor "
                        "writes"},
    {cache_maintenance, "QEMU does not translate the address of cache maintenance"},
    {same_targets, "CONSTRAINED UNPREDICTABLE: which element ends in the register"},
    {unknown_after_abort, "UNKNOWN: registers that an aborted load and memory that an aborted "
                          "store would have written"},
};

const char *uni_known(enum a64_op op, const struct random_trial *t, const struct uni_result *mine,
                      const struct uni_result *theirs, uint64_t esr)
{
    const struct difference d = {op, t, mine, theirs, esr};
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].applies(&d))
            return rows[i].reason;
    return NULL;
}
