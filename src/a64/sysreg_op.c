/* System instructions: AT, TLBI, IC, DC (Arm ARM C5.3-C5.5). Traps were checked by a64_sys(). */
#include "a64/mmu.h"
#include "a64/sysreg_int.h"

#define PAR_F BIT(0)
#define PAR_NS BIT(9)
#define PAR_RES1 BIT(11)

/* Data cache maintenance by set/way: the host's caches are coherent. */
enum a64_sys_result sysop_nop(struct a64_cpu *cpu, enum a64_sysop op, uint64_t value)
{
    (void)cpu;
    (void)op;
    (void)value;
    return A64_SYS_OK;
}

/* By address, and DC ZVA: permitted; the caller translates and does the rest. */
enum a64_sys_result sysop_line(struct a64_cpu *cpu, enum a64_sysop op, uint64_t value)
{
    return sysop_nop(cpu, op, value);
}

enum a64_sys_result sysop_ic_all(struct a64_cpu *cpu, enum a64_sysop op, uint64_t value)
{
    (void)value;
    if (cpu->env->icache_invalidate)
        cpu->env->icache_invalidate(cpu, 0,
                                    op == A64_IC_IALLUIS ? A64_ICACHE_ALL_IS : A64_ICACHE_ALL);
    return A64_SYS_CONTEXT;
}

/* AT: the outcome is written to PAR_EL1; only an external abort on the walk is an exception. */
enum a64_sys_result sysop_at(struct a64_cpu *cpu, enum a64_sysop op, uint64_t value)
{
    bool el0 = op == A64_AT_S1E0R || op == A64_AT_S1E0W;
    bool with_pan = op == A64_AT_S1E1RP || op == A64_AT_S1E1WP;
    bool write = op == A64_AT_S1E1W || op == A64_AT_S1E0W || op == A64_AT_S1E1WP;
    struct a64_walk req = {
        .va = value,
        .access = write ? A64_ACCESS_WRITE : A64_ACCESS_READ,
        .el = el0 ? 0 : 1,
        .pan = with_pan && cpu->pan,
        .at = true,
    };
    struct a64_translation t;
    struct a64_fault f;

    if (a64_translate(cpu, &req, &t, &f)) {
        cpu->sys[A64_PAR_EL1] = (uint64_t)t.attr << 56 | (t.pa & ~MASK(12)) | PAR_RES1 | PAR_NS |
                                (uint64_t)t.sh << 7;
        return A64_SYS_OK;
    }
    if ((f.fsc & ~3u) == A64_FSC_EXTERNAL_WALK) {
        f.cm = true;
        a64_data_abort(cpu, &f);
        return A64_SYS_TRAPPED;
    }
    cpu->sys[A64_PAR_EL1] = PAR_RES1 | (uint64_t)f.fsc << 1 | PAR_F;
    return A64_SYS_OK;
}

static enum a64_tlbi_scope tlbi_scope(enum a64_sysop op)
{
    switch (op) {
    case A64_TLBI_VAE1IS:
    case A64_TLBI_VALE1IS:
    case A64_TLBI_VAE1:
    case A64_TLBI_VALE1:
        return A64_TLBI_VA;
    case A64_TLBI_ASIDE1IS:
    case A64_TLBI_ASIDE1:
        return A64_TLBI_ASID;
    case A64_TLBI_VAAE1IS:
    case A64_TLBI_VAALE1IS:
    case A64_TLBI_VAAE1:
    case A64_TLBI_VAALE1:
        return A64_TLBI_VA_ALL_ASID;
    default:
        return A64_TLBI_ALL;
    }
}

enum a64_sys_result sysop_tlbi(struct a64_cpu *cpu, enum a64_sysop op, uint64_t value)
{
    bool wide_asid = bit(cpu->sys[A64_TCR_EL1], 36);
    struct a64_tlbi t = {
        .scope = tlbi_scope(op),
        .broadcast = op <= A64_TLBI_VAALE1IS,
        .last_level = op == A64_TLBI_VALE1IS || op == A64_TLBI_VAALE1IS || op == A64_TLBI_VALE1 ||
                      op == A64_TLBI_VAALE1,
        .el = 1,
    };
    if (t.scope == A64_TLBI_ASID || t.scope == A64_TLBI_VA)
        t.asid = (uint16_t)bits(value, wide_asid ? 63 : 55, 48);
    if (t.scope == A64_TLBI_VA || t.scope == A64_TLBI_VA_ALL_ASID)
        t.va = (gva_t)sign_extend(value << 12, 56); /* VA[55:12] is in bits 43:0 */
    if (cpu->env->tlbi)
        cpu->env->tlbi(cpu, &t);
    return A64_SYS_CONTEXT;
}
