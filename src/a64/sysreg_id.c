/* The values of the identification registers (Arm ARM D17.2, ID_*; D17.2.28 CLIDR, D17.2.34 CTR).
 *
 * Two sources: fields that isa/features.def switches, and constants of this implementation, below.
 * What is not said here reads as zero: "not implemented". MIDR_EL1 has implementer 0x00, "reserved
 * for software use": no operating system's table of processor errata has such an entry, so none of
 * their workarounds is applied to a machine that does not have the fault.
 *
 * PMUVer says PMUv3 (and not the PMUv3p1 of Armv8.1) because STALL_FRONTEND and STALL_BACKEND are
 * not counted; EL2 and EL3 fields follow max_el. */
#include "a64/sysreg_int.h"

struct id_field {
    enum a64_feature feat; /* A64_FEAT_BASE: always */
    enum a64_sysreg reg;
    uint8_t lsb;
    uint8_t value;
};

static const struct id_field fields[] = {
#define FEATURE(name, offered, reg, lsb, value, deps, text) \
    { A64_FEAT_##name, A64_##reg, lsb, value },
#define ID_ALSO(name, reg, lsb, value) { A64_FEAT_##name, A64_##reg, lsb, value },
#include "features.def"
    { A64_FEAT_BASE, A64_ID_AA64PFR0_EL1, 0, 1 },   /* EL0: AArch64 only */
    { A64_FEAT_BASE, A64_ID_AA64PFR0_EL1, 4, 1 },   /* EL1: AArch64 only */
    { A64_FEAT_BASE, A64_ID_AA64DFR0_EL1, 0, 8 },   /* DebugVer: Armv8.2 debug */
    { A64_FEAT_BASE, A64_ID_AA64DFR0_EL1, 12, A64_BREAKPOINTS - 1 },
    { A64_FEAT_BASE, A64_ID_AA64DFR0_EL1, 20, A64_WATCHPOINTS - 1 },
    { A64_FEAT_BASE, A64_ID_AA64DFR0_EL1, 28, A64_CONTEXT_BREAKPOINTS - 1 },
    { A64_FEAT_BASE, A64_ID_AA64DFR0_EL1, 36, 15 }, /* DoubleLock: not implemented */
    { A64_FEAT_BASE, A64_ID_AA64MMFR0_EL1, 0, 5 },  /* PARange: 48 bits */
    { A64_FEAT_BASE, A64_ID_AA64MMFR0_EL1, 20, 1 }, /* TGran16: yes; TGran4, TGran64: 0 = yes */
};

#define MIDR 0x000f0530u /* implementer 0, architecture "by ID registers", part 0x053 */
/* RES1 | IDC (data caches need no cleaning for instruction fetch) | CWG, ERG, DminLine, IminLine:
 * 16 words = 64 bytes | L1Ip: PIPT. DIC = 0: IC IVAU is needed. */
#define CTR (BIT(31) | BIT(28) | 4u << 24 | 4u << 20 | 4u << 16 | 3u << 14 | 4u)
/* Level 1 separate, level 2 unified, LoC = 2, LoUU = LoUIS = 0 (IDC). */
#define CLIDR (3u | 4u << 3 | 2u << 24)
#define MPIDR_RES1 BIT(31)
/* SW_INCR, INST_RETIRED, CPU_CYCLES, CHAIN */
#define PMCEID0 (BIT(0x00) | BIT(0x08) | BIT(0x11) | BIT(0x1e))

void a64_id_reset(struct a64_cpu *cpu)
{
    uint64_t *sys = cpu->sys;
    for (unsigned i = 0; i < ARRAY_LEN(fields); i++) {
        const struct id_field *f = &fields[i];
        if (!a64_feature_has(&cpu->features, f->feat))
            continue;
        if (f->value > bits(sys[f->reg], f->lsb + 3u, f->lsb))
            sys[f->reg] = bits_set(sys[f->reg], f->lsb + 3u, f->lsb, f->value);
    }
    if (cpu->max_el >= 2)
        sys[A64_ID_AA64PFR0_EL1] = bits_set(sys[A64_ID_AA64PFR0_EL1], 11, 8, 1);
    if (cpu->max_el >= 3)
        sys[A64_ID_AA64PFR0_EL1] = bits_set(sys[A64_ID_AA64PFR0_EL1], 15, 12, 1);
    sys[A64_MIDR_EL1] = MIDR;
    sys[A64_MPIDR_EL1] |= MPIDR_RES1;
    sys[A64_CTR_EL0] = CTR;
    sys[A64_CLIDR_EL1] = CLIDR;
    sys[A64_PMCEID0_EL0] = PMCEID0;
}

/* Geometry of the cache that CSSELR_EL1 names: line 64 bytes, sets and ways as in sysregs.def. */
enum a64_sys_result sysrd_ccsidr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    const uint64_t l1 = (uint64_t)127 << 13 | 3u << 3 | 2, l2 = (uint64_t)1023 << 13 | 15u << 3 | 2;
    (void)reg;
    switch (cpu->sys[A64_CSSELR_EL1]) {
    case 0: /* level 1 data */
    case 1: /* level 1 instruction */
        *value = l1;
        break;
    case 2:
        *value = l2;
        break;
    default: /* no such cache: UNKNOWN */
        *value = 0;
    }
    return A64_SYS_OK;
}
