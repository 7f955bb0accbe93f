/* The one table of known differences between the engines and QEMU 7.2's system emulation. A row
 * that recognises its case changes their result to what the architecture says; if all rows together
 * leave no difference, the trial is explained. References are to the Arm ARM, DDI 0487. */
#include "known.h"

#include "a64/exception.h"
#include "base/bits.h"

#include <stddef.h>
#include <string.h>

#define PSTATE_NZCV_BITS UINT64_C(0xf0000000)

static unsigned ec_of(const struct el1_result *r)
{
    return (unsigned)bits(r->state.sys[EL1_ESR_EL1], 31, 26);
}

/* Ended at a vector of VBAR_EL1. */
static bool took_exception(const struct el1_trial *t, const struct el1_result *r)
{
    return r->state.pc - t->state.sys[EL1_VBAR_EL1] < 0x800;
}

static bool entry_flags(const struct el1_trial *t, const struct el1_result *mine,
                        struct el1_result *theirs)
{
    uint64_t mask = PSTATE_NZCV_BITS | BIT(24);
    uint64_t fixed = (theirs->state.pstate & ~mask) | (mine->state.pstate & mask);
    if (!took_exception(t, theirs) || (theirs->state.pstate & mask) || fixed == theirs->state.pstate)
        return false;
    theirs->state.pstate = fixed;
    return true;
}

static bool breakpoint_bas(const struct el1_trial *t, const struct el1_result *mine,
                           struct el1_result *theirs)
{
    static const unsigned regs[] = {EL1_DBGBCR0_EL1, EL1_DBGBCR5_EL1};
    bool any = false;
    (void)t;
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
        uint64_t *v = &theirs->state.sys[regs[i]];
        if (*v != mine->state.sys[regs[i]] && (*v | 0x1e0) == mine->state.sys[regs[i]]) {
            *v |= 0x1e0;
            any = true;
        }
    }
    return any;
}

/* Where mine stopped at an exception that theirs does not have: everything is as mine. */
static bool as_mine(const struct el1_result *mine, struct el1_result *theirs)
{
    *theirs = *mine;
    return true;
}

static bool sp_alignment(const struct el1_trial *t, const struct el1_result *mine,
                         struct el1_result *theirs)
{
    return t->kind == 2 && bits(t->word[0], 9, 5) == 31 && took_exception(t, mine) &&
           ec_of(mine) == EC_SP_ALIGN && ec_of(theirs) != EC_SP_ALIGN && as_mine(mine, theirs);
}

static bool pc_alignment(const struct el1_trial *t, const struct el1_result *mine,
                         struct el1_result *theirs)
{
    return took_exception(t, mine) && ec_of(mine) == EC_PC_ALIGN &&
           (ec_of(theirs) & ~1u) == EC_IABT_LOWER && as_mine(mine, theirs);
}

static bool cache_maintenance(const struct el1_trial *t, const struct el1_result *mine,
                              struct el1_result *theirs)
{
    bool by_address = (t->word[0] & 0xfff8f000) == 0xd5087000 && (t->word[0] & 0xffffffe0) != 0xd50b7420;
    return by_address && took_exception(t, mine) && (ec_of(mine) & ~1u) == EC_DABT_LOWER &&
           bit(mine->state.sys[EL1_ESR_EL1], 8) && !took_exception(t, theirs) &&
           as_mine(mine, theirs);
}

struct known {
    bool (*fix)(const struct el1_trial *t, const struct el1_result *mine,
                struct el1_result *theirs);
    const char *reason;
};

static const struct known rows[] = {
    {sp_alignment, "QEMU has no SP alignment check (D1.3.10.3)"},
    {pc_alignment, "QEMU translates a misaligned PC before it checks the alignment; the PC alignment "
                   "fault has the higher priority (D1.3.5.5)"},
    {cache_maintenance, "QEMU does not translate the address of cache maintenance (D7.5.9.3)"},
    {entry_flags, "QEMU clears NZCV and DIT on exception entry; AArch64.TakeException() does not"},
    {breakpoint_bas, "DBGBCR.BAS is RES1 where no level has AArch32 (D17.3.2); QEMU has AArch32"},
};

const char *known_difference(const struct el1_trial *t, const struct el1_result *mine,
                             const struct el1_result *theirs)
{
    const char *reason = NULL;
    struct el1_result fixed = *theirs;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].fix(t, mine, &fixed) && !reason)
            reason = rows[i].reason;
    }
    return memcmp(mine, &fixed, sizeof(fixed)) == 0 ? reason : NULL;
}
