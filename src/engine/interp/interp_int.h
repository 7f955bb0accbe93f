/* Inside of the interpreter: what the instruction handlers share.
 *
 * One handler per line of isa/a64.isa, declared by the generated header (a missing handler is a
 * link error). A handler is called with cpu->pc at the instruction and the word already matched and
 * its feature present; it gets its fields with a64_get_<NAME>(word). Handlers are the
 * specification: they follow the Arm ARM's pseudocode in plain C and take no short cuts.
 */
#ifndef ENGINE_INTERP_INTERP_INT_H
#define ENGINE_INTERP_INTERP_INT_H

#include "a64/cpu.h"
#include "a64/exception.h"
#include "base/check.h"

/* What the run loop does after a handler. */
enum xr {
    XR_NEXT,   /* go on at pc + 4 */
    XR_BRANCH, /* the handler set pc */
    XR_SYNC,   /* go on at pc + 4, but interrupts, translation or debug state may have changed */
    XR_EXC,    /* an exception was taken or returned from: pc and context are new */
    XR_EXIT,   /* pc is final; leave run() with the reason in the engine's exit field */
};

typedef enum xr interp_fn(struct a64_cpu *cpu, uint32_t word);

/* ---- Memory, with translation, alignment, watchpoints and MMIO ---- */

/* Kinds of data access; they differ in privilege, alignment rule and ESR contents. */
enum interp_acc {
    ACC_NORMAL,  /* loads and stores: unaligned allowed unless SCTLR.A or Device memory */
    ACC_UNPRIV,  /* LDTR/STTR: EL0 permissions when at EL1 (UAO clear) */
    ACC_ORDERED, /* acquire/release, LDAPR...: FEAT_LSE2 rule (within 16 bytes), SCTLR.nAA */
    ACC_ATOMIC,  /* exclusives and LSE: FEAT_LSE2 rule; exclusives must be naturally aligned */
    ACC_VECTOR,  /* SIMD element and structure accesses: alignment by element size */
};

/* Each returns false when an exception has been taken (the handler then returns XR_EXC and must
 * not have changed any register). `size` is 1, 2, 4 or 8 bytes; the value is zero-extended. SP
 * alignment of the base register is checked by interp_base(). @vcpu */
bool interp_load(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc,
                 uint64_t *value);
bool interp_store(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc,
                  uint64_t value);
/* 16 bytes, single-copy atomic when aligned (FEAT_LSE2). */
bool interp_load16(struct a64_cpu *cpu, gva_t va, enum interp_acc acc, uint64_t value[2]);
bool interp_store16(struct a64_cpu *cpu, gva_t va, enum interp_acc acc, const uint64_t value[2]);
/* Two elements of `size` each at va and va + size (LDP, STP): no register changes on a fault of the
 * second. For a store nothing is written when the second one faults. */
bool interp_load_pair(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc,
                      uint64_t value[2]);
bool interp_store_pair(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc,
                       const uint64_t value[2]);
/* Host address of an aligned location in RAM for an atomic read-modify-write of 1..16 bytes, with
 * read and write permission checked; *pa gets its physical address. Null: exception taken (also for
 * Device memory: unsupported atomic, FSC 0x35). Code pages are invalidated and the page dirtied. */
void *interp_atomic(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa);
/* The same for a store-exclusive, whose faults are those of a write. */
void *interp_exclusive_store(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa);
/* Host address and physical address of an aligned location for an exclusive load (read only). */
void *interp_exclusive(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa);
/* The version word of such a location, or null when there is only one PE (vm/exclusive.h). */
_Atomic uint64_t *interp_version_word(struct a64_cpu *cpu, const void *host);
/* DC ZVA: zeroes the aligned block of `bytes`. */
bool interp_zero_block(struct a64_cpu *cpu, gva_t va, unsigned bytes);
/* Cache maintenance by VA (DC CVAU, IVAC, CIVAC..., IC IVAU): checks permission, and for IC IVAU
 * invalidates decoded instructions. */
enum interp_cache { CACHE_CLEAN, CACHE_INVALIDATE, CACHE_INSTRUCTIONS };
bool interp_cache_op(struct a64_cpu *cpu, gva_t va, enum interp_cache op);

/* Xn|SP as a base register, with the SP alignment check. False: exception taken. */
static inline bool interp_base(struct a64_cpu *cpu, unsigned n, uint64_t *va);

/* InGuardedPage of the pseudocode: the page of the instruction at cpu->pc has the GP attribute (for
 * PSTATE.BTYPE after BR). */
bool interp_page_guarded(const struct a64_cpu *cpu);

/* ---- Control ---- */

/* Leaves run() with `reason` after this instruction (return the result from the handler). */
enum xr interp_exit(struct a64_cpu *cpu, enum a64_exit reason);

/* UNDEFINED: takes the exception and returns XR_EXC. */
static inline enum xr interp_undefined(struct a64_cpu *cpu)
{
    a64_undefined(cpu);
    return XR_EXC;
}

/* ---- Helpers of the pseudocode's shared library (aarch64/functions, shared/functions) ---- */

/* SCTLR_ELx.SA / SA0 for the current Exception level. */
bool interp_sp_check_enabled(const struct a64_cpu *cpu);

static inline bool interp_base(struct a64_cpu *cpu, unsigned n, uint64_t *va)
{
    *va = xsp_read(cpu, n);
    if (n == 31 && UNLIKELY(*va & 15) && interp_sp_check_enabled(cpu)) {
        a64_sp_alignment_fault(cpu);
        return false;
    }
    return true;
}

/* AddWithCarry on `n` = 32 or 64 bits: *nzcv gets PSTATE_* bits. */
static inline uint64_t add_with_carry(unsigned n, uint64_t x, uint64_t y, bool carry,
                                      uint32_t *nzcv)
{
    uint64_t r, c, v;
    if (n == 64) {
        unsigned __int128 wide = (unsigned __int128)x + y + carry;
        r = (uint64_t)wide;
        c = (uint64_t)(wide >> 64);
        v = ((x ^ r) & (y ^ r)) >> 63;
    } else {
        uint64_t wide = (x & UINT32_MAX) + (y & UINT32_MAX) + carry;
        r = wide & UINT32_MAX;
        c = wide >> 32;
        v = (((x ^ r) & (y ^ r)) >> 31) & 1;
    }
    *nzcv = ((uint32_t)(r >> (n - 1)) & 1 ? PSTATE_N : 0) | (r == 0 ? PSTATE_Z : 0) |
            (c ? PSTATE_C : 0) | (v ? PSTATE_V : 0);
    return r;
}

/* ConditionHolds(cond). */
static inline bool condition_holds(uint32_t nzcv, unsigned cond)
{
    bool n = nzcv & PSTATE_N, z = nzcv & PSTATE_Z, c = nzcv & PSTATE_C, v = nzcv & PSTATE_V, r;
    switch (cond >> 1) {
    case 0: r = z; break;
    case 1: r = c; break;
    case 2: r = n; break;
    case 3: r = v; break;
    case 4: r = c && !z; break;
    case 5: r = n == v; break;
    case 6: r = n == v && !z; break;
    default: return true; /* AL and NV */
    }
    return (cond & 1) ? !r : r;
}

#endif
