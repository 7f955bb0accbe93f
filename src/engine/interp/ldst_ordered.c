/* Load-acquire and store-release without exclusives (Arm ARM DDI 0487, B2.3.10; C4.1.94:
 * Load/store ordered, LDAPR, LDAPR/STLR (unscaled immediate)).
 *
 * The host is x86-64 (TSO): its loads are acquires and its stores are releases, so only the
 * compiler must be kept from moving accesses, except for one pair. An STLR is observed before a
 * later LDAR of the same PE, which TSO's store buffer does not give: the release is therefore
 * followed by a full fence. Nothing is needed at the load, and LDAPR may pass earlier releases.
 *
 * LDLAR and STLLR order accesses within one LORegion; LDAR and STLR are a stronger, allowed form.
 */
#include "engine/interp/handler_int.h"
#include "engine/interp/ldst_int.h"

static enum xr acquire(struct a64_cpu *cpu, enum ls_kind kind, unsigned log2, unsigned rt,
                       unsigned rn, uint64_t offset)
{
    gva_t base;
    if (!interp_base(cpu, rn, &base) ||
        !ldst_transfer(cpu, base + offset, kind, log2, rt, ACC_ORDERED))
        return XR_EXC;
    atomic_thread_fence(memory_order_acquire);
    return XR_NEXT;
}

static enum xr release(struct a64_cpu *cpu, unsigned log2, unsigned rt, unsigned rn,
                       uint64_t offset)
{
    gva_t base;
    if (!interp_base(cpu, rn, &base))
        return XR_EXC;
    atomic_thread_fence(memory_order_release);
    if (!ldst_transfer(cpu, base + offset, LS_STORE, log2, rt, ACC_ORDERED))
        return XR_EXC;
    atomic_thread_fence(memory_order_seq_cst);
    return XR_NEXT;
}

#define ACQUIRE(name)                                                                              \
    HANDLER(name##B, acquire(cpu, LS_LOAD, 0, f.rt, f.rn, 0))                                      \
    HANDLER(name##H, acquire(cpu, LS_LOAD, 1, f.rt, f.rn, 0))                                      \
    HANDLER(name, acquire(cpu, LS_LOAD, 2 + f.sf, f.rt, f.rn, 0))
#define RELEASE(name)                                                                              \
    HANDLER(name##B, release(cpu, 0, f.rt, f.rn, 0))                                               \
    HANDLER(name##H, release(cpu, 1, f.rt, f.rn, 0))                                               \
    HANDLER(name, release(cpu, 2 + f.sf, f.rt, f.rn, 0))

ACQUIRE(LDAR)
ACQUIRE(LDLAR)
ACQUIRE(LDAPR)
RELEASE(STLR)
RELEASE(STLLR)

#define ACQUIRE_UNSCALED(name, kind, log2)                                                         \
    HANDLER(name, acquire(cpu, kind, log2, f.rt, f.rn, (uint64_t)sign_extend(f.imm9, 9)))
#define RELEASE_UNSCALED(name, log2)                                                               \
    HANDLER(name, release(cpu, log2, f.rt, f.rn, (uint64_t)sign_extend(f.imm9, 9)))

ACQUIRE_UNSCALED(LDAPURB, LS_LOAD, 0)
ACQUIRE_UNSCALED(LDAPURSB_x, LS_LOAD_SX, 0)
ACQUIRE_UNSCALED(LDAPURSB_w, LS_LOAD_SW, 0)
ACQUIRE_UNSCALED(LDAPURH, LS_LOAD, 1)
ACQUIRE_UNSCALED(LDAPURSH_x, LS_LOAD_SX, 1)
ACQUIRE_UNSCALED(LDAPURSH_w, LS_LOAD_SW, 1)
ACQUIRE_UNSCALED(LDAPUR, LS_LOAD, 2 + f.sf)
ACQUIRE_UNSCALED(LDAPURSW, LS_LOAD_SX, 2)
RELEASE_UNSCALED(STLURB, 0)
RELEASE_UNSCALED(STLURH, 1)
RELEASE_UNSCALED(STLUR, 2 + f.sf)
