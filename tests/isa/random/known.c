/* The one table of known differences between the interpreter and QEMU 7.2's user mode emulation,
 * each with its reason. A row is as narrow as can be: it applies to its instructions only if its
 * function recognises the case.
 */
#include "known.h"

#include "a64/fp.h"
#include "base/bits.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

/* ---- Not compared at all ---- */

struct exclusion {
    enum a64_op op;
    uint32_t mask, value; /* words of that line */
    const char *reason;
};

#define SYSREG_MASK 0x001fffe0u
#define SYSREG(op0, op1, crn, crm, op2)                                                            \
    ((uint32_t)(op0) << 19 | (op1) << 16 | (crn) << 12 | (crm) << 8 | (op2) << 5)

static const struct exclusion exclusions[] = {
    {A64_UNDEFINED, 0x8f7e0c00, 0x0e780800,
     "two-register miscellaneous (FP16): QEMU 7.2 aborts on some unallocated words"},
    {A64_UNDEFINED, 0xffe0fc00, 0x9ac01000, "FEAT_MTE: IRG, which QEMU has"},
    {A64_UNDEFINED, 0xffe0fc00, 0x9ac01400, "FEAT_MTE: GMI"},
    {A64_UNDEFINED, 0xdfe0fc00, 0x9ac00000, "FEAT_MTE: SUBP, SUBPS"},
    {A64_UNDEFINED, 0xbfc00000, 0x91800000, "FEAT_MTE: ADDG, SUBG"},
    {A64_UNDEFINED, 0xff200000, 0xd9200000, "FEAT_MTE: loads and stores of tags"},
    {A64_UNDEFINED, 0xfe400000, 0x68000000, "FEAT_MTE: STGP"},
    {A64_UNDEFINED, 0xffe08000, 0xce400000, "FEAT_SM3: SM3SS1, which QEMU has"},
    {A64_UNDEFINED, 0xffe0c000, 0xce408000, "FEAT_SM3: SM3TT"},
    {A64_UNDEFINED, 0xffe0f000, 0xce60c000, "FEAT_SM3, FEAT_SM4: SM3PARTW, SM4EKEY"},
    {A64_UNDEFINED, 0xfffffc00, 0xcec08400, "FEAT_SM4: SM4E"},
    {A64_UNDEFINED, 0xff7fcc00, 0x5e70c800, "QEMU accepts scalar pairwise, half, with sz = 1"},
    {A64_UNDEFINED, 0xbf7fcc00, 0x0e70c800, "QEMU accepts across lanes, half, with sz = 1"},
    {A64_UNDEFINED, 0xbff8fc00, 0x2f00fc00, "QEMU accepts modified immediate with op = o2 = 1"},
    {A64_SVC, 0, 0, "is a system call of the program that runs the trials"},
    {A64_WFI, 0, 0, "waits"},
    {A64_WFE, 0, 0, "waits"},
    {A64_HLT, 0x001fffe0, 0xf000u << 5, "is a semihosting call of QEMU"},
    {A64_MRS, 0x001ff000, SYSREG(3, 0, 0, 0, 0), "Linux emulates the ID registers"},
    {A64_MRS, SYSREG_MASK, SYSREG(3, 3, 0, 0, 1), "CTR_EL0: IMPLEMENTATION DEFINED"},
    {A64_MRS, SYSREG_MASK, SYSREG(3, 3, 0, 0, 7), "DCZID_EL0: IMPLEMENTATION DEFINED"},
    {A64_MRS, SYSREG_MASK & ~0xe0u, SYSREG(3, 3, 2, 4, 0), "RNDR: random"},
    {A64_MRS, SYSREG_MASK, SYSREG(2, 3, 0, 4, 0), "DBGDTR_EL0: QEMU 7.2 has none"},
    {A64_MRS, SYSREG_MASK, SYSREG(2, 3, 0, 5, 0), "DBGDTRRX_EL0: QEMU 7.2 has none"},
    {A64_MSR_r, SYSREG_MASK, SYSREG(2, 3, 0, 4, 0), "DBGDTR_EL0: QEMU 7.2 has none"},
    {A64_MSR_r, SYSREG_MASK, SYSREG(2, 3, 0, 5, 0), "DBGDTRTX_EL0: QEMU 7.2 has none"},
    {A64_MRS, 0x001ff000, SYSREG(3, 3, 13, 0, 0), "TPIDR_EL0 belongs to the C library"},
    {A64_MSR_r, 0x001ff000, SYSREG(3, 3, 13, 0, 0), "TPIDR_EL0 belongs to the C library"},
    {A64_MRS, 0x001ff000, SYSREG(3, 3, 14, 0, 0), "timers, performance monitors: time"},
    {A64_MSR_r, 0x001ff000, SYSREG(3, 3, 14, 0, 0), "timers, performance monitors: time"},
    {A64_MRS, 0x001ff000, SYSREG(3, 3, 9, 0, 0), "performance monitors: time"},
    {A64_MSR_r, 0x001ff000, SYSREG(3, 3, 9, 0, 0), "performance monitors: time"},
    {A64_SYS, SYSREG_MASK, SYSREG(1, 3, 7, 4, 1), "DC ZVA: block size IMPLEMENTATION DEFINED"},
    {A64_SYS, SYSREG_MASK, SYSREG(1, 3, 7, 12, 1), "DC CVAP: not in QEMU's user mode"},
    {A64_SYS, 0x001ff0e0, SYSREG(1, 3, 7, 0, 3), "FEAT_MTE: DC to tags, which QEMU has"},
    {A64_SYS, 0x001ff0e0, SYSREG(1, 3, 7, 0, 4), "FEAT_MTE: DC GZVA"},
    {A64_SYS, 0x001ff0e0, SYSREG(1, 3, 7, 0, 5), "FEAT_MTE: DC to tags and data"},
};

bool known_comparable(enum a64_op op, uint32_t word)
{
    for (unsigned i = 0; i < ARRAY_LEN(exclusions); i++) {
        const struct exclusion *e = &exclusions[i];
        if (e->op == op && (word & e->mask) == e->value)
            return false;
    }
    return true;
}

/* ---- Known differences ---- */

static bool begins(enum a64_op op, const char *prefix)
{
    return strncmp(a64_op_info[op].name, prefix, strlen(prefix)) == 0;
}

static bool scalar_fixed(enum a64_op op, const struct random_trial *t,
                         const struct random_result *mine, const struct random_result *theirs)
{
    unsigned rd = t->word[0] & 31;
    return op == A64_FCVTZS_sshx && theirs->state.v[rd][0] >> 16 == 0xffff &&
           mine->state.v[rd][0] == (theirs->state.v[rd][0] & 0xffff);
}

static bool js_denormal(enum a64_op op, const struct random_trial *t,
                        const struct random_result *mine, const struct random_result *theirs)
{
    uint64_t operand = t->state.v[bits(t->word[0], 9, 5)][0];
    return op == A64_FJCVTZS && (t->state.fpcr & FPCR_FZ) && operand && operand >> 52 == 0 &&
           mine->state.nzcv == 0 && theirs->state.nzcv == BIT(30);
}

static uint64_t base_of(const struct random_trial *t)
{
    unsigned rn = (unsigned)bits(t->word[0], 9, 5);
    return rn < 31 ? t->state.x[rn] : t->state.sp;
}

static bool sp_alignment(enum a64_op op, const struct random_trial *t,
                         const struct random_result *mine, const struct random_result *theirs)
{
    (void)op;
    return (t->state.sp & 15) && bits(t->word[0], 9, 5) == 31 && mine->signal == SIGBUS &&
           theirs->signal != SIGBUS;
}

/* Instructions whose alignment rule FEAT_LSE2 relaxes. */
static bool is_ordered_or_atomic(enum a64_op op)
{
    const struct a64_op_info *info = &a64_op_info[op];
    return (info->traits & A64_TRAIT_EXCLUSIVE) || info->feature == A64_FEAT_LSE ||
           info->feature == A64_FEAT_LRCPC || info->feature == A64_FEAT_LRCPC2 ||
           info->feature == A64_FEAT_LOR || begins(op, "LDAR") || begins(op, "STLR");
}

static bool lse2(enum a64_op op, const struct random_trial *t, const struct random_result *mine,
                 const struct random_result *theirs)
{
    const bool unscaled = a64_op_info[op].feature == A64_FEAT_LRCPC2;
    uint64_t offset = unscaled ? bits(t->word[0], 20, 12) : 0;
    return is_ordered_or_atomic(op) && ((base_of(t) + offset) & 15) &&
           theirs->signal == SIGBUS && mine->signal != SIGBUS;
}

static bool ldapr_unaligned(enum a64_op op, const struct random_trial *t,
                            const struct random_result *mine, const struct random_result *theirs)
{
    (void)t;
    const unsigned feature = a64_op_info[op].feature;
    return (feature == A64_FEAT_LRCPC || feature == A64_FEAT_LRCPC2) && mine->signal == SIGBUS &&
           theirs->signal != SIGBUS;
}

static bool aarch32_fields(enum a64_op op, const struct random_trial *t,
                           const struct random_result *mine, const struct random_result *theirs)
{
    struct random_result r = *theirs;
    (void)t;
    r.state.fpcr &= ~UINT64_C(0x370000);
    r.state.fpsr &= ~UINT64_C(0xf0000000);
    return op == A64_MSR_r && memcmp(&r, mine, sizeof(r)) == 0;
}

/* Rt = Rt2 of a load pair. */
static bool same_targets(enum a64_op op, const struct random_trial *t,
                         const struct random_result *mine, const struct random_result *theirs)
{
    struct random_result r = *theirs;
    unsigned rt = t->word[0] & 31, rt2 = (unsigned)bits(t->word[0], 14, 10);
    if (!(begins(op, "LDP") || begins(op, "LDNP") || begins(op, "LDXP") || begins(op, "LDAXP")) ||
        rt != rt2)
        return false;
    if (a64_op_info[op].traits & A64_TRAIT_FP)
        memcpy(r.state.v[rt], mine->state.v[rt], sizeof(r.state.v[rt]));
    else if (rt < 31)
        r.state.x[rt] = mine->state.x[rt];
    return memcmp(&r, mine, sizeof(r)) == 0;
}

/* An abort: registers that were to be loaded and memory that was to be stored. */
static bool unknown_after_abort(enum a64_op op, const struct random_trial *t,
                                const struct random_result *mine,
                                const struct random_result *theirs)
{
    struct random_result r = *theirs;
    if (!mine->signal || mine->signal != theirs->signal)
        return false;
    if (a64_op_info[op].traits & A64_TRAIT_WRITES_MEM)
        memcpy(r.state.memory, mine->state.memory, sizeof(r.state.memory));
    if (a64_op_info[op].traits & A64_TRAIT_FP)
        memcpy(r.state.v, mine->state.v, sizeof(r.state.v));
    return (a64_op_info[op].traits & (A64_TRAIT_WRITES_MEM | A64_TRAIT_READS_MEM)) &&
           base_of(t) != 0 && memcmp(&r, mine, sizeof(r)) == 0;
}

static bool cache_maintenance(enum a64_op op, const struct random_trial *t,
                              const struct random_result *mine, const struct random_result *theirs)
{
    return op == A64_SYS && (t->word[0] & 0x001ff000) == SYSREG(1, 3, 7, 0, 0) &&
           mine->signal == SIGSEGV && theirs->signal == 0;
}

static bool pair_with_zero(enum a64_op op, const struct random_trial *t,
                           const struct random_result *mine, const struct random_result *theirs)
{
    struct random_result r = *theirs;
    r.state.sp = mine->state.sp;
    return begins(op, "CASP") && bits(t->word[0], 20, 16) == 30 && bit(t->word[0], 30) &&
           mine->state.sp == t->state.sp && memcmp(&r, mine, sizeof(r)) == 0;
}

static bool tag_check_override(enum a64_op op, const struct random_trial *t,
                               const struct random_result *mine, const struct random_result *theirs)
{
    return op == A64_MSR_i && (t->word[0] & 0x000700e0) == (3u << 16 | 4u << 5) &&
           mine->signal == SIGILL && theirs->signal == 0;
}

struct known {
    bool (*applies)(enum a64_op op, const struct random_trial *t, const struct random_result *mine,
                    const struct random_result *theirs);
    const char *reason;
};

static const struct known differences[] = {
    {scalar_fixed, "FCVTZS to a 16-bit fixed-point scalar: QEMU leaves the sign extension in "
                   "bits 31..16 of Vd"},
    {js_denormal, "FJCVTZS of a positive denormal under FPCR.FZ: QEMU sets Z, FPToFixedJS() "
                  "clears it"},
    {sp_alignment, "QEMU has no SP alignment check"},
    {lse2, "QEMU 7.2 has no FEAT_LSE2: it faults on unaligned accesses within 16 bytes"},
    {ldapr_unaligned, "QEMU 7.2 does not check the alignment of LDAPR, LDAPUR and STLUR"},
    {aarch32_fields, "FPCR.Len and Stride, FPSR.NZCV: for AArch32 state, which QEMU has"},
    {same_targets, "CONSTRAINED UNPREDICTABLE: which element ends in the register"},
    {unknown_after_abort, "UNKNOWN: registers that an aborted load and memory that an aborted "
                          "store would have written"},
    {cache_maintenance, "QEMU does not translate the address of cache maintenance"},
    {pair_with_zero, "CASP X30, XZR: QEMU 7.2 writes the second register's value to SP"},
    {tag_check_override, "MSR TCO: QEMU has FEAT_MTE"},
};

const char *known_difference(enum a64_op op, const struct random_trial *t,
                             const struct random_result *mine, const struct random_result *theirs)
{
    for (unsigned i = 0; i < ARRAY_LEN(differences); i++)
        if (differences[i].applies(op, t, mine, theirs))
            return differences[i].reason;
    return NULL;
}
