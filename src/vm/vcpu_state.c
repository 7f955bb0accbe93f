/* The field table of a vCPU's architected state: see vcpu.h. Registers go by their array; the
 * interrupt lines are driven again by the interrupt controller after a load. */
#include "vm/vcpu.h"

#define V struct a64_cpu

const struct state_field vcpu_fields[] = {
    F_ARRAY(V, x, uint64_t),
    F_UINT(V, pc),
    F_BYTES(V, v),
    F_BYTES(V, fp),
    F_UINT(V, nzcv),
    F_UINT(V, daif),
    F_UINT_MAX(V, el, 3),
    F_UINT_MAX(V, spsel, 1),
    F_UINT_MAX(V, pan, 1),
    F_UINT_MAX(V, uao, 1),
    F_UINT_MAX(V, dit, 1),
    F_UINT_MAX(V, ssbs, 1),
    F_UINT_MAX(V, il, 1),
    F_UINT_MAX(V, ss, 1),
    F_UINT_MAX(V, btype, 3),
    F_ARRAY(V, sp, uint64_t),
    F_ARRAY(V, sys, uint64_t),
    F_BYTES(V, monitor),
    F_BOOL(V, event_register),
    F_BOOL(V, os_double_lock),
    F_UINT(V, instret),
    F_UINT(V, pmu_cycle_base),
    F_UINT(V, pmu_instr_base),
    F_BOOL(V, step_valid),
    F_BOOL(V, step_exclusive),
    F_DERIVED(V, irq_lines, "driven by the interrupt controller after load"),
    F_DERIVED(V, request, "transient: every request is set again"),
    F_DERIVED(V, exit_imm, "transient: consumed before run() is called again"),
    F_WIRING(V, env),
    F_WIRING(V, env_ctx),
    F_WIRING(V, engine),
    F_WIRING(V, features),
    F_WIRING(V, max_el),
    F_WIRING(V, semihosting),
    F_END,
};
