/* Control registers whose writable bits depend on features, and other registers with an accessor
 * (Arm ARM D17.2: SCTLR_EL1, TCR_EL1, DCZID_EL0, ISR_EL1, RVBAR_ELx; GICv3: ICC_*_EL1).
 *
 * A bit whose feature is missing is RES0 and cannot be set, so the code that acts on it need not
 * ask for the feature again (TCR.HA, SCTLR.BT0, ...). */
#include "a64/sysreg_int.h"

struct feature_bits {
    enum a64_feature feat;
    uint64_t bits;
};

static const struct feature_bits sctlr_bits[] = {
    /* M A C SA SA0 UMA I DZE UCT nTWI nTWE WXN UCI; EE and E0E are RES0 (little-endian only) */
    { A64_FEAT_BASE, BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(9) | BIT(12) | BIT(14) |
                         BIT(15) | BIT(16) | BIT(18) | BIT(19) | BIT(26) },
    { A64_FEAT_LSE2, BIT(6) },             /* nAA */
    { A64_FEAT_IESB, BIT(21) },            /* IESB */
    { A64_FEAT_PAN, BIT(23) },             /* SPAN */
    { A64_FEAT_BTI, BIT(35) | BIT(36) },   /* BT0, BT1 */
    { A64_FEAT_SSBS, BIT(44) },            /* DSSBS */
};

static const struct feature_bits tcr_bits[] = {
    /* T0SZ EPD0 IRGN0 ORGN0 SH0 TG0, T1SZ A1 EPD1 IRGN1 ORGN1 SH1 TG1, IPS, TBI0 TBI1 */
    { A64_FEAT_BASE, 0x67ffffffbfu },
    { A64_FEAT_ASID16, BIT(36) },          /* AS */
    { A64_FEAT_HAFDBS, BIT(39) | BIT(40) }, /* HA, HD */
    { A64_FEAT_HPDS, BIT(41) | BIT(42) },  /* HPD0, HPD1 */
    { A64_FEAT_E0PD, BIT(55) | BIT(56) },  /* E0PD0, E0PD1 */
};

static uint64_t writable(const struct a64_cpu *cpu, const struct feature_bits *b, size_t n)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < n; i++)
        if (a64_feature_has(&cpu->features, b[i].feat))
            mask |= b[i].bits;
    return mask;
}

enum a64_sys_result syswr_sctlr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    uint64_t mask = writable(cpu, sctlr_bits, ARRAY_LEN(sctlr_bits));
    if (reg != A64_SCTLR_EL1) /* EL2 and EL3: M A C SA nAA I WXN IESB BT DSSBS */
        mask &= BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(6) | BIT(12) | BIT(19) | BIT(21) |
                BIT(36) | BIT(44);
    cpu->sys[reg] = (cpu->sys[reg] & ~mask) | (value & mask);
    return A64_SYS_OK;
}

enum a64_sys_result syswr_tcr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    cpu->sys[reg] = value & writable(cpu, tcr_bits, ARRAY_LEN(tcr_bits));
    return A64_SYS_OK;
}

enum a64_sys_result syswr_ttbr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    if (!a64_feature_has(&cpu->features, A64_FEAT_TTCNP))
        value &= ~BIT(0); /* CnP */
    cpu->sys[reg] = value;
    return A64_SYS_OK;
}

/* DC ZVA writes 64 bytes; DZP says that it is not allowed here. */
enum a64_sys_result sysrd_dczid(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    (void)reg;
    *value = 4;
    if (cpu->el == 0 && !bit(cpu->sys[A64_SCTLR_EL1], 14))
        *value |= BIT(4);
    return A64_SYS_OK;
}

/* Exists at the highest implemented Exception level only. */
enum a64_sys_result sysrd_rvbar(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    unsigned el = reg == A64_RVBAR_EL1 ? 1 : reg == A64_RVBAR_EL2 ? 2 : 3;
    if (el != cpu->max_el)
        return sys_undefined(cpu);
    *value = cpu->sys[reg];
    return A64_SYS_OK;
}

enum a64_sys_result sysrd_isr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    unsigned lines = atomic_load_explicit(&cpu->irq_lines, memory_order_acquire);
    (void)reg;
    *value = (lines & A64_LINE_SERROR ? PSTATE_A : 0) | (lines & A64_LINE_IRQ ? PSTATE_I : 0) |
             (lines & A64_LINE_FIQ ? PSTATE_F : 0);
    return A64_SYS_OK;
}

enum a64_sys_result sysrd_icc(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    if (!cpu->env->icc_read || !cpu->env->icc_read(cpu, reg, value))
        return sys_undefined(cpu);
    /* An acknowledge or a priority change may drop or raise the interrupt lines. */
    return A64_SYS_CONTEXT;
}

enum a64_sys_result syswr_icc(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    if (!cpu->env->icc_write || !cpu->env->icc_write(cpu, reg, value))
        return sys_undefined(cpu);
    return A64_SYS_CONTEXT;
}

enum a64_sys_result sysrd_zero(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    (void)cpu;
    (void)reg;
    *value = 0;
    return A64_SYS_OK;
}

enum a64_sys_result syswr_ignore(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    (void)cpu;
    (void)reg;
    (void)value;
    return A64_SYS_OK;
}
