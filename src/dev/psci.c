/* PSCI 1.1 (DEN0022 section 5), the Arm Architecture Service of SMCCC 1.1 (DEN0028 section 7), and
 * the calls of Paravirtualized Time (DEN0057A 3); the stolen time itself is vm/vcpu_steal.c's.
 *
 * The firmware that a guest without EL3 talks to is this file. Calls come with the function
 * identifier in w0; of SMC32 calls the arguments are w1..w3, of SMC64 calls x1..x3. Only functions
 * that DEN0022 gives an SMC64 form have one. A result is sign-extended into x0, which suits callers
 * that look at 32 or 64 bits; x1..x3 are preserved. Whatever is unknown, the yielding calls and an
 * immediate other than 0 included, returns NOT_SUPPORTED (-1).
 *
 * The rows of `functions` are all there is; PSCI_FEATURES answers from the same rows.
 *
 * What power is and who changes it is in vm/vcpu_power.c: CPU_ON leaves a request, which the
 * target's own thread fulfils. CPU_SUSPEND, whichever state is asked for, is a standby state: it
 * returns like WFI (5.4.1 allows a shallower state than requested, and retains everything), so the
 * entry point is not looked at. SYSTEM_RESET2's only type is the architectural warm reset, done as
 * a full reset. There is no Trusted OS, so CPU_OFF is never denied, also not for the last PE that
 * is on.
 */
#include "dev/psci.h"

#include "base/bits.h"

#define PSCI_1_1 0x00010001
#define SMCCC_1_1 0x00010001
#define SMCCC_NOT_NEEDED 1 /* an architectural workaround that this PE does not need but may call */
#define MIGRATE_NOT_NEEDED 2

enum { AFFINITY_ON, AFFINITY_OFF, AFFINITY_ON_PENDING };

#define NO_RETURN INT64_MIN /* the PE has stopped executing: its registers are left alone */

#define POWER_STATE_RESERVED 0xfcfe0000u /* original format: bits 31..26 and 23..17 */

#define AFFINITY_MASK UINT64_C(0xff00ffffff) /* Aff3, Aff2, Aff1, Aff0 of MPIDR_EL1 */

struct call {
    uint64_t a[4]; /* x0..x3 with the width rule applied */
};

static uint64_t vcpu_affinity(const struct vcpu *v)
{
    return vcpu_mpidr(v) & AFFINITY_MASK;
}

/* ---- Functions ---- */

static int64_t psci_version(struct vcpu *v, const struct call *c)
{
    (void)v;
    (void)c;
    return PSCI_1_1;
}

static int64_t psci_cpu_suspend(struct vcpu *v, const struct call *c)
{
    if (c->a[1] & POWER_STATE_RESERVED)
        return PSCI_INVALID_PARAMETERS;
    vcpu_wfi(v);
    return PSCI_SUCCESS;
}

static int64_t psci_cpu_off(struct vcpu *v, const struct call *c)
{
    (void)c;
    vcpu_power_off(v);
    return NO_RETURN;
}

static struct vcpu *find_cpu(struct vm *vm, uint64_t affinity)
{
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        if (vcpu_affinity(vm->vcpus[i]) == affinity)
            return vm->vcpus[i];
    }
    return NULL;
}

/* An entry point at which no PE could begin: not memory, or not an instruction's address. */
static bool bad_entry(const struct vm *vm, uint64_t entry)
{
    return entry % 4 || !mem_ptr(&vm->mem, entry, 4, MEM_READ);
}

static int64_t psci_cpu_on(struct vcpu *v, const struct call *c)
{
    struct vcpu *t = find_cpu(v->vm, c->a[1]);
    if (!t)
        return PSCI_INVALID_PARAMETERS;
    if (bad_entry(v->vm, c->a[2]))
        return PSCI_INVALID_ADDRESS;
    switch (vcpu_power_on(t, c->a[2], c->a[3])) {
    case VCPU_ON:
        return PSCI_ALREADY_ON;
    case VCPU_ON_PENDING:
        return PSCI_ON_PENDING;
    case VCPU_OFF:
        break;
    }
    return PSCI_SUCCESS;
}

/* Of a level above 0: ON when any PE in it is on, OFF when all are off. */
static int64_t psci_affinity_info(struct vcpu *v, const struct call *c)
{
    if (c->a[2] > 3 || c->a[1] & ~AFFINITY_MASK)
        return PSCI_INVALID_PARAMETERS;
    unsigned shift = c->a[2] == 3 ? 32 : (unsigned)c->a[2] * 8;
    struct vm *vm = v->vm;
    int64_t r = PSCI_INVALID_PARAMETERS;
    for (unsigned i = 0; i < vm->cpu_count && r != AFFINITY_ON; i++) {
        if (vcpu_affinity(vm->vcpus[i]) >> shift != c->a[1] >> shift)
            continue;
        enum vcpu_power p = vcpu_power(vm->vcpus[i]);
        if (p == VCPU_ON)
            r = AFFINITY_ON;
        else if (p == VCPU_ON_PENDING)
            r = AFFINITY_ON_PENDING;
        else if (r == PSCI_INVALID_PARAMETERS)
            r = AFFINITY_OFF;
    }
    return r;
}

static int64_t psci_migrate_info_type(struct vcpu *v, const struct call *c)
{
    (void)v;
    (void)c;
    return MIGRATE_NOT_NEEDED; /* there is no Trusted OS */
}

static int64_t psci_system_off(struct vcpu *v, const struct call *c)
{
    (void)c;
    vcpu_power_off(v);
    vm_post(v->vm, VM_EVENT_POWEROFF, 0);
    return NO_RETURN;
}

static int64_t psci_system_reset(struct vcpu *v, const struct call *c)
{
    (void)c;
    vcpu_power_off(v);
    vm_post(v->vm, VM_EVENT_RESET, 0);
    return NO_RETURN;
}

static int64_t psci_system_reset2(struct vcpu *v, const struct call *c)
{
    if ((uint32_t)c->a[1] != 0) /* 0 is SYSTEM_WARM_RESET; there are no vendor-specific types */
        return PSCI_INVALID_PARAMETERS;
    return psci_system_reset(v, c);
}

static int64_t smccc_version(struct vcpu *v, const struct call *c)
{
    (void)v;
    (void)c;
    return SMCCC_1_1;
}

/* Nothing to do on this PE, which does not speculate. */
static int64_t smccc_workaround(struct vcpu *v, const struct call *c)
{
    (void)v;
    return (int64_t)c->a[0];
}

static int64_t pv_time_features(struct vcpu *v, const struct call *c)
{
    uint32_t id = (uint32_t)c->a[1];
    bool known = id == PV_TIME_FEATURES || id == PV_TIME_ST;
    return v->steal.at && known ? 0 : PSCI_NOT_SUPPORTED;
}

static int64_t pv_time_st(struct vcpu *v, const struct call *c)
{
    (void)c;
    gpa_t at = vcpu_steal_start(v);
    return at ? (int64_t)at : PSCI_NOT_SUPPORTED;
}

static int64_t psci_features(struct vcpu *v, const struct call *c);
static int64_t smccc_arch_features(struct vcpu *v, const struct call *c);

/* ---- Dispatch ---- */

struct function {
    uint32_t id; /* SMC32 form */
    bool has_smc64;
    bool is_psci;       /* PSCI_FEATURES knows it */
    int64_t features;   /* answer of PSCI_FEATURES, or of SMCCC_ARCH_FEATURES */
    int64_t (*call)(struct vcpu *v, const struct call *c);
};

static const struct function functions[] = {
    {PSCI_VERSION, false, true, 0, psci_version},
    {PSCI_CPU_SUSPEND, true, true, 0, psci_cpu_suspend}, /* original format, platform coordinated */
    {PSCI_CPU_OFF, false, true, 0, psci_cpu_off},
    {PSCI_CPU_ON, true, true, 0, psci_cpu_on},
    {PSCI_AFFINITY_INFO, true, true, 0, psci_affinity_info},
    {PSCI_MIGRATE_INFO_TYPE, false, true, 0, psci_migrate_info_type},
    {PSCI_SYSTEM_OFF, false, true, 0, psci_system_off},
    {PSCI_SYSTEM_RESET, false, true, 0, psci_system_reset},
    {PSCI_FEATURES, false, true, 0, psci_features},
    {PSCI_SYSTEM_RESET2, true, true, 0, psci_system_reset2},
    {SMCCC_VERSION, false, true, 0, smccc_version},
    {SMCCC_ARCH_FEATURES, false, false, 0, smccc_arch_features},
    {SMCCC_ARCH_WORKAROUND_1, false, false, SMCCC_NOT_NEEDED, smccc_workaround},
    {SMCCC_ARCH_WORKAROUND_2, false, false, SMCCC_NOT_NEEDED, smccc_workaround},
    {SMCCC_ARCH_WORKAROUND_3, false, false, SMCCC_NOT_NEEDED, smccc_workaround},
    {PV_TIME_FEATURES, false, false, 0, pv_time_features},
    {PV_TIME_ST, false, false, 0, pv_time_st},
};

static const struct function *find_function(uint32_t id)
{
    for (unsigned i = 0; i < ARRAY_LEN(functions); i++) {
        const struct function *f = &functions[i];
        if (id == f->id || (f->has_smc64 && id == (f->id | SMCCC_64)))
            return f;
    }
    return NULL;
}

static int64_t psci_features(struct vcpu *v, const struct call *c)
{
    const struct function *f = find_function((uint32_t)c->a[1]);
    (void)v;
    return f && f->is_psci ? f->features : PSCI_NOT_SUPPORTED;
}

static int64_t smccc_arch_features(struct vcpu *v, const struct call *c)
{
    const struct function *f = find_function((uint32_t)c->a[1]);
    if (f && f->id == PV_TIME_FEATURES)
        return pv_time_features(v, c);
    return f && f->id < PSCI_VERSION ? f->features : PSCI_NOT_SUPPORTED;
}

void psci_smccc(struct vcpu *v, void *arg)
{
    (void)arg;
    uint32_t id = (uint32_t)v->cpu.x[0];
    const struct function *f = v->cpu.exit_imm ? NULL : find_function(id);
    struct call c;
    for (unsigned i = 0; i < ARRAY_LEN(c.a); i++)
        c.a[i] = id & SMCCC_64 ? v->cpu.x[i] : (uint32_t)v->cpu.x[i];
    int64_t result = f ? f->call(v, &c) : PSCI_NOT_SUPPORTED;
    if (result != NO_RETURN)
        v->cpu.x[0] = (uint64_t)result;
}
