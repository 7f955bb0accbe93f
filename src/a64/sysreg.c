/* Dispatch of MRS, MSR and SYS by the table isa/sysregs.def.
 *
 * The rows expand three times: into the cases of a `switch` over the 16-bit encoding (a compiled
 * decision tree; a repeated encoding is a compile error), into the public table of facts, and into
 * the accessor functions. An access is checked in the architecture's order: allocated and present
 * at this Exception level (else UNDEFINED), traps, then the accessor.
 *
 * Encodings that no row names are UNDEFINED, but the ID space op0 = 3, op1 = 0, CRn = 0, CRm = 0-7
 * reads as zero at EL1 (the AArch32 ID registers are there, and what future features will name).
 * FEAT_IDST is not offered: EL0 reads of it are UNDEFINED. */
#include "a64/sysreg.h"

#include "a64/sysreg_int.h"
#include "base/check.h"

enum { N = 4, CTX = A64_SYSREG_CTX, ALIAS = A64_SYSREG_ALIAS, NOSAVE = A64_SYSREG_NOSAVE };
#define ALL UINT64_MAX

/* Rules that may trap an access from EL0 to EL1 (FP: from any level). */
enum trap {
    TRAP_NONE,
    TRAP_UCT,     /* SCTLR_EL1.UCT */
    TRAP_UCI,     /* SCTLR_EL1.UCI */
    TRAP_DZE,     /* SCTLR_EL1.DZE */
    TRAP_UMA,     /* SCTLR_EL1.UMA */
    TRAP_FP,      /* CPACR_EL1.FPEN, with its own exception class */
    TRAP_SPSEL,   /* SP_EL0 while it is the current stack pointer: UNDEFINED */
    TRAP_TDCC,    /* MDSCR_EL1.TDCC */
    TRAP_CNTFRQ,  /* CNTKCTL_EL1.EL0PCTEN or EL0VCTEN */
    TRAP_PCTEN,   /* CNTKCTL_EL1.EL0PCTEN */
    TRAP_VCTEN,   /* .EL0VCTEN */
    TRAP_PTEN,    /* .EL0PTEN */
    TRAP_VTEN,    /* .EL0VTEN */
    TRAP_PMEN,    /* PMUSERENR_EL0.EN */
    TRAP_PMSW,    /* .SW or EN */
    TRAP_PMCR,    /* .CR or EN for reads, EN for writes */
    TRAP_PMER,    /* .ER or EN */
    TRAP_PMER_RO, /* .ER or EN for reads, EN for writes */
};

static const struct a64_sysreg_info infos[A64_SYSREG_COUNT] = {
#define SYSREG(nm, op0, op1, crn, crm, op2, rdel, wrel, rst, mask, rdfn, wrfn, feat, trp, flg) \
    [A64_##nm] = {                                                                             \
        .name = #nm,                                                                           \
        .reset = rst,                                                                          \
        .writable = mask,                                                                      \
        .key = A64_SYS_KEY(op0, op1, crn, crm, op2),                                           \
        .rd = rdel,                                                                            \
        .wr = wrel,                                                                            \
        .feature = A64_FEAT_##feat,                                                            \
        .trap = TRAP_##trp,                                                                    \
        .flags = flg,                                                                          \
    },
#include "sysregs.def"
};

/* Null: the stored value, under `writable`. */
#define sysrd_plain NULL
#define syswr_plain NULL
#define syswr_none NULL

static const struct {
    sysrd_fn *read;
    syswr_fn *write;
} accessors[A64_SYSREG_COUNT] = {
#define SYSREG(name, op0, op1, crn, crm, op2, rd, wr, reset, mask, read, write, feat, trap, flags) \
    [A64_##name] = { sysrd_##read, syswr_##write },
#include "sysregs.def"
};

struct sysop_info {
    const char *name;
    sysop_fn *action;
    uint8_t el, feature, trap;
};

static const struct sysop_info sysops[A64_SYSOP_COUNT] = {
#define SYSOP(nm, op1, crn, crm, op2, minel, act, feat, trp) \
    [A64_##nm] = { #nm, sysop_##act, minel, A64_FEAT_##feat, TRAP_##trp },
#include "sysregs.def"
};

/* ---- The table ---- */

const struct a64_sysreg_info *a64_sysreg_info(enum a64_sysreg reg)
{
    CHECK(reg < A64_SYSREG_COUNT);
    return &infos[reg];
}

enum a64_sysreg a64_sysreg_find(unsigned key)
{
    switch (key) {
#define SYSREG(name, op0, op1, crn, crm, op2, rd, wr, reset, mask, read, write, feat, trap, flags) \
    case A64_SYS_KEY(op0, op1, crn, crm, op2):                                                     \
        return A64_##name;
#include "sysregs.def"
    default:
        return A64_SYSREG_COUNT;
    }
}

bool a64_sysreg_is_plain(enum a64_sysreg reg, unsigned el, bool write)
{
    CHECK(reg < A64_SYSREG_COUNT);
    const struct a64_sysreg_info *info = &infos[reg];
    bool traps = el == 0 ? info->trap != TRAP_NONE
                         : info->trap == TRAP_FP || info->trap == TRAP_SPSEL;
    if (traps || el < (write ? info->wr : info->rd))
        return false;
    return write ? !accessors[reg].write && !(info->flags & A64_SYSREG_CTX) : !accessors[reg].read;
}

enum a64_sysop a64_sysop_find(unsigned key)
{
    switch (key) {
#define SYSOP(name, op1, crn, crm, op2, el, action, feat, trap) \
    case A64_SYS_KEY(1, op1, crn, crm, op2):                    \
        return A64_##name;
#include "sysregs.def"
    default:
        return A64_SYSOP_COUNT;
    }
}

const char *a64_sysop_name(enum a64_sysop op)
{
    return op < A64_SYSOP_COUNT ? sysops[op].name : NULL;
}

void sysreg_store(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    uint64_t mask = infos[reg].writable;
    cpu->sys[reg] = (cpu->sys[reg] & ~mask) | (value & mask);
}

/* ---- Traps ---- */

/* ISS of a trapped MSR, MRS or system instruction. */
static uint32_t sys_iss(unsigned key, unsigned rt, bool read)
{
    return (uint32_t)(bits(key, 15, 14) << 20 | bits(key, 2, 0) << 17 | bits(key, 13, 11) << 14 |
                      bits(key, 10, 7) << 10 | (uint64_t)rt << 5 | bits(key, 6, 3) << 1 | read);
}

/* What the trap rule says to an EL0 access. */
static bool el0_allowed(const struct a64_cpu *cpu, enum trap trap, bool read)
{
    uint64_t sctlr = cpu->sys[A64_SCTLR_EL1], cnt = cpu->sys[A64_CNTKCTL_EL1];
    uint64_t pmu = cpu->sys[A64_PMUSERENR_EL0];
    bool en = bit(pmu, 0);
    switch (trap) {
    case TRAP_UCT:
        return bit(sctlr, 15);
    case TRAP_UCI:
        return bit(sctlr, 26);
    case TRAP_DZE:
        return bit(sctlr, 14);
    case TRAP_UMA:
        return bit(sctlr, 9);
    case TRAP_TDCC:
        return !(cpu->sys[A64_MDSCR_EL1] & MDSCR_TDCC);
    case TRAP_CNTFRQ:
        return cnt & 3;
    case TRAP_PCTEN:
        return bit(cnt, 0);
    case TRAP_VCTEN:
        return bit(cnt, 1);
    case TRAP_PTEN:
        return bit(cnt, 9);
    case TRAP_VTEN:
        return bit(cnt, 8);
    case TRAP_PMEN:
        return en;
    case TRAP_PMSW:
        return en || bit(pmu, 1);
    case TRAP_PMCR:
        return en || (read && bit(pmu, 2));
    case TRAP_PMER:
        return en || bit(pmu, 3);
    case TRAP_PMER_RO:
        return en || (read && bit(pmu, 3));
    case TRAP_NONE:
    case TRAP_FP:
    case TRAP_SPSEL:
        break;
    }
    return true;
}

/* True when the access may go on; otherwise the exception was taken. */
static bool trap_check(struct a64_cpu *cpu, enum trap trap, unsigned key, unsigned rt, bool read)
{
    if (trap == TRAP_NONE)
        return true;
    if (trap == TRAP_FP)
        return a64_fp_check(cpu);
    if (trap == TRAP_SPSEL && cpu->spsel == 0) {
        a64_undefined(cpu);
        return false;
    }
    if (cpu->el > 0 || el0_allowed(cpu, trap, read))
        return true;
    a64_exception(cpu, EC_SYS64, sys_iss(key, rt, read));
    return false;
}

/* ---- Access ---- */

/* CRm 1 to 7: what is reserved there reads as zero (Arm ARM D17.1, and HCR_EL2.TID3 traps it). What
 * is unallocated beside MIDR_EL1, CRm 0, is UNDEFINED like anything else. */
static bool is_id_space(unsigned key)
{
    unsigned crm = (unsigned)bits(key, 6, 3);
    return bits(key, 15, 7) == A64_SYS_KEY(3, 0, 0, 0, 0) >> 7 && crm >= 1 && crm <= 7;
}

static bool has_feature(const struct a64_cpu *cpu, unsigned feature)
{
    return a64_feature_has(&cpu->features, (enum a64_feature)feature);
}

enum a64_sys_result a64_sysreg_read(struct a64_cpu *cpu, unsigned key, unsigned rt, uint64_t *value)
{
    enum a64_sysreg reg = a64_sysreg_find(key);
    if (reg == A64_SYSREG_COUNT) {
        if (cpu->el == 0 || !is_id_space(key))
            return sys_undefined(cpu);
        *value = 0;
        return A64_SYS_OK;
    }
    const struct a64_sysreg_info *info = &infos[reg];
    if (cpu->el < info->rd || !has_feature(cpu, info->feature))
        return sys_undefined(cpu);
    if (!trap_check(cpu, (enum trap)info->trap, key, rt, true))
        return A64_SYS_TRAPPED;
    if (accessors[reg].read)
        return accessors[reg].read(cpu, reg, value);
    *value = cpu->sys[reg];
    return A64_SYS_OK;
}

enum a64_sys_result a64_sysreg_write(struct a64_cpu *cpu, unsigned key, unsigned rt, uint64_t value)
{
    enum a64_sysreg reg = a64_sysreg_find(key);
    enum a64_sys_result result = A64_SYS_OK;
    if (reg == A64_SYSREG_COUNT)
        return sys_undefined(cpu);
    const struct a64_sysreg_info *info = &infos[reg];
    if (cpu->el < info->wr || !has_feature(cpu, info->feature))
        return sys_undefined(cpu);
    if (!trap_check(cpu, (enum trap)info->trap, key, rt, false))
        return A64_SYS_TRAPPED;
    if (accessors[reg].write)
        result = accessors[reg].write(cpu, reg, value);
    else
        sysreg_store(cpu, reg, value);
    if ((info->flags & A64_SYSREG_CTX) && result == A64_SYS_OK) {
        context_changed(cpu);
        result = A64_SYS_CONTEXT;
    }
    return result;
}

enum a64_sys_result a64_sys(struct a64_cpu *cpu, unsigned key, unsigned rt, uint64_t value)
{
    enum a64_sysop op = a64_sysop_find(key);
    if (op == A64_SYSOP_COUNT)
        return sys_undefined(cpu);
    const struct sysop_info *info = &sysops[op];
    if (cpu->el < info->el || !has_feature(cpu, info->feature))
        return sys_undefined(cpu);
    if (!trap_check(cpu, (enum trap)info->trap, key, rt, false))
        return A64_SYS_TRAPPED;
    return info->action(cpu, op, value);
}

/* ---- MSR (immediate) ---- */

enum { PSTATE_UAO = 003, PSTATE_PAN = 004, PSTATE_SPSEL = 005 };        /* op1 = 0: op1:op2 */
enum { PSTATE_SSBS = 031, PSTATE_DIT = 032, PSTATE_DAIFSET = 036, PSTATE_DAIFCLR = 037 }; /* 3 */

/* The field's register, for the write accessor, or A64_SYSREG_COUNT. */
static enum a64_sysreg imm_register(unsigned op)
{
    switch (op) {
    case PSTATE_UAO:
        return A64_UAO;
    case PSTATE_PAN:
        return A64_PAN;
    case PSTATE_SPSEL:
        return A64_SPSel;
    case PSTATE_SSBS:
        return A64_SSBS;
    case PSTATE_DIT:
        return A64_DIT;
    case PSTATE_DAIFSET:
    case PSTATE_DAIFCLR:
        return A64_DAIF;
    default:
        return A64_SYSREG_COUNT;
    }
}

enum a64_sys_result a64_msr_imm(struct a64_cpu *cpu, unsigned op1, unsigned op2, unsigned crm)
{
    unsigned op = op1 << 3 | op2;
    enum a64_sysreg reg = imm_register(op);
    if (reg == A64_SYSREG_COUNT)
        return sys_undefined(cpu);
    const struct a64_sysreg_info *info = &infos[reg];
    if (cpu->el < info->wr || !has_feature(cpu, info->feature))
        return sys_undefined(cpu);
    if (!trap_check(cpu, (enum trap)info->trap, A64_SYS_KEY(0, op1, 4, crm, op2), 31, false))
        return A64_SYS_TRAPPED;

    uint64_t daif = (uint64_t)crm << 6, value;
    switch (op) {
    case PSTATE_DAIFSET:
        value = cpu->daif | daif;
        break;
    case PSTATE_DAIFCLR:
        value = cpu->daif & ~daif;
        break;
    case PSTATE_SPSEL:
        value = crm & 1;
        break;
    default: /* the accessor looks only at the field's own bit */
        value = crm & 1 ? UINT64_MAX : 0;
    }
    return accessors[reg].write(cpu, reg, value);
}
