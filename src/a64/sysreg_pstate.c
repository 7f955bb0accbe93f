/* System registers that are views of PSTATE, the stack pointers, FPCR/FPSR, and RNDR (C5.2). */
#include "a64/sysreg_int.h"

#define READ(name, expr)                                                                    \
    enum a64_sys_result sysrd_##name(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *v) \
    {                                                                                       \
        (void)reg;                                                                          \
        *v = (expr);                                                                        \
        return A64_SYS_OK;                                                                  \
    }

/* `stmt` assigns from v; `how` is what the run loop must do after. */
#define WRITE(name, stmt, how)                                                             \
    enum a64_sys_result syswr_##name(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t v) \
    {                                                                                      \
        (void)reg;                                                                         \
        stmt;                                                                              \
        return how;                                                                        \
    }

READ(sp_el0, cpu->sp[0])
READ(sp_el1, cpu->sp[1])
READ(sp_el2, cpu->sp[2])
READ(spsel, cpu->spsel)
READ(currentel, (uint64_t)cpu->el << 2)
READ(pan, (uint64_t)cpu->pan << 22)
READ(uao, (uint64_t)cpu->uao << 23)
READ(dit, (uint64_t)cpu->dit << 24)
READ(ssbs, (uint64_t)cpu->ssbs << 12)
READ(nzcv, cpu->nzcv)
READ(daif, cpu->daif)
READ(fpcr, cpu->fp.fpcr)
READ(fpsr, cpu->fp.fpsr)

WRITE(sp_el0, cpu->sp[0] = v, A64_SYS_OK)
WRITE(sp_el1, cpu->sp[1] = v, A64_SYS_OK)
WRITE(sp_el2, cpu->sp[2] = v, A64_SYS_OK)
WRITE(spsel, cpu->spsel = bit(v, 0), A64_SYS_OK)
WRITE(dit, cpu->dit = bit(v, 24), A64_SYS_OK)
WRITE(ssbs, cpu->ssbs = bit(v, 12), A64_SYS_OK)
WRITE(nzcv, cpu->nzcv = (uint32_t)v & 0xf0000000u, A64_SYS_OK)
WRITE(daif, cpu->daif = (uint32_t)v & 0x3c0u, A64_SYS_CONTEXT)
WRITE(fpsr, cpu->fp.fpsr = (uint32_t)v & FPSR_MASK, A64_SYS_OK)

enum a64_sys_result syswr_fpcr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    uint32_t mask = FPCR_MASK;
    (void)reg;
    if (!a64_feature_has(&cpu->features, A64_FEAT_FP16))
        mask &= ~FPCR_FZ16;
    cpu->fp.fpcr = (uint32_t)value & mask;
    return A64_SYS_OK;
}

enum a64_sys_result syswr_pan(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    (void)reg;
    cpu->pan = bit(value, 22);
    context_changed(cpu);
    return A64_SYS_CONTEXT;
}

enum a64_sys_result syswr_uao(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    (void)reg;
    cpu->uao = bit(value, 23);
    context_changed(cpu);
    return A64_SYS_CONTEXT;
}

/* RNDR, RNDRRS: NZCV says whether there was a number (0000) or not (0100, value 0). */
enum a64_sys_result sysrd_rndr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    uint64_t random;
    bool ok = cpu->env->random && cpu->env->random(cpu, &random);
    (void)reg;
    *value = ok ? random : 0;
    cpu->nzcv = ok ? 0 : PSTATE_Z;
    return A64_SYS_OK;
}
