/* Exclusives and atomic memory operations (Arm ARM DDI 0487, B2.12; C4.1.94: Load/store exclusive
 * register and pair, Compare and swap, Compare and swap pair, Atomic memory operations).
 *
 * Both rest on the host's compare-and-exchange. The exclusive monitor remembers the physical
 * address and the value that LDXR saw; STXR succeeds if the location still holds that value at the
 * moment of the exchange. With one PE that is all: a location that a device changed and changed
 * back meanwhile is not noticed, and nobody can tell this from the store having come later. With
 * several PEs each atomic write also counts up a version word of the location (vm/exclusive.h),
 * LDXR remembers it, and STXR fails when it has changed; so an atomic write in between is noticed
 * whatever it wrote. The monitor is cleared by STXR whatever its outcome, by CLREX and by exception
 * return; a store by the PE itself in between does not clear it, as the architecture allows.
 *
 * The order of a failing monitor check and an abort is IMPLEMENTATION DEFINED: without a monitor of
 * the right size STXR fails without an access; else the access is checked first.
 *
 * Every locked host instruction is a full barrier, so the A and L bits need nothing more.
 *
 * The host's instructions are written as inline assembly: locations may be unaligned within 16
 * bytes (FEAT_LSE2), which the compiler's atomic built-ins do not allow, and 16 bytes would need
 * libatomic.
 *
 * CONSTRAINED UNPREDICTABLE: STXR with Rs = Rt, Rt2 or Rn uses the old values and then writes the
 * status; LDXP with Rt = Rt2 leaves the second element in the register; STXP after LDXR or of
 * another size or address than the load fails.
 */
#include "engine/interp/handler_int.h"
#include "vm/exclusive.h"

/* ---- The host's compare-and-exchange ---- */

#define CMPXCHG(suffix, reg, type)                                                                 \
    static bool cmpxchg_##type(void *p, uint64_t *expected, uint64_t desired)                      \
    {                                                                                              \
        type old = (type)*expected, new = (type)desired;                                           \
        bool ok;                                                                                   \
        __asm__ volatile("lock cmpxchg" suffix " %" reg "[new], (%[p])"                            \
                         : "+a"(old), "=@ccz"(ok)                                                  \
                         : [p] "r"(p), [new] "q"(new)                                              \
                         : "memory");                                                              \
        *expected = old;                                                                           \
        return ok;                                                                                 \
    }
CMPXCHG("b", "b", uint8_t)
CMPXCHG("w", "w", uint16_t)
CMPXCHG("l", "k", uint32_t)
CMPXCHG("q", "q", uint64_t)

/* If the `size` bytes at p are *expected they become *desired and the result is true; else
 * *expected gets what they are. p is aligned to 16 if size is 16. */
static bool compare_exchange(void *p, unsigned size, uint64_t expected[2],
                             const uint64_t desired[2])
{
    bool ok;
    switch (size) {
    case 1:
        return cmpxchg_uint8_t(p, expected, desired[0]);
    case 2:
        return cmpxchg_uint16_t(p, expected, desired[0]);
    case 4:
        return cmpxchg_uint32_t(p, expected, desired[0]);
    case 8:
        return cmpxchg_uint64_t(p, expected, desired[0]);
    default:
        __asm__ volatile("lock cmpxchg16b (%[p])"
                         : "+a"(expected[0]), "+d"(expected[1]), "=@ccz"(ok)
                         : [p] "r"(p), "b"(desired[0]), "c"(desired[1])
                         : "memory");
        return ok;
    }
}

/* The same as an atomic write that others' monitors notice. */
static bool noticed_exchange(struct a64_cpu *cpu, void *p, unsigned size, uint64_t expected[2],
                             const uint64_t desired[2])
{
    _Atomic uint64_t *word = interp_version_word(cpu, p);
    if (!word)
        return compare_exchange(p, size, expected, desired);
    uint64_t version = exclusive_lock(word);
    bool ok = compare_exchange(p, size, expected, desired);
    exclusive_unlock(word, version, ok);
    return ok;
}

/* STXR's: fails, too, if there was another atomic write since `version`. */
static bool monitored_exchange(struct a64_cpu *cpu, void *p, const struct a64_monitor *m,
                               const uint64_t desired[2])
{
    _Atomic uint64_t *word = interp_version_word(cpu, p);
    uint64_t expected[2] = {m->value[0], m->value[1]};
    if (!word)
        return compare_exchange(p, m->size, expected, desired);
    if (!exclusive_try(word, m->version))
        return false;
    bool ok = compare_exchange(p, m->size, expected, desired);
    exclusive_unlock(word, m->version, ok);
    return ok;
}

/* One access, which for 16 bytes is a vector load: hosts with AVX do it at once. Assembly for the
 * same reason as above; within 16 bytes the host's plain loads are atomic. */
static void atomic_read(const void *p, unsigned size, uint64_t value[2])
{
    value[0] = value[1] = 0;
    switch (size) {
    case 1:
        __asm__ volatile("movzbl (%[p]), %k[v]" : [v] "=r"(value[0]) : [p] "r"(p) : "memory");
        break;
    case 2:
        __asm__ volatile("movzwl (%[p]), %k[v]" : [v] "=r"(value[0]) : [p] "r"(p) : "memory");
        break;
    case 4:
        __asm__ volatile("movl (%[p]), %k[v]" : [v] "=r"(value[0]) : [p] "r"(p) : "memory");
        break;
    case 8:
        __asm__ volatile("movq (%[p]), %[v]" : [v] "=r"(value[0]) : [p] "r"(p) : "memory");
        break;
    default:
        __asm__ volatile("movdqa (%[p]), %%xmm0\n\tmovdqu %%xmm0, (%[v])"
                         :
                         : [p] "r"(p), [v] "r"(value)
                         : "xmm0", "memory");
        break;
    }
}

/* ---- Exclusives ---- */

static bool load_exclusive(struct a64_cpu *cpu, unsigned rn, unsigned size)
{
    gva_t va;
    gpa_t pa;
    if (!interp_base(cpu, rn, &va))
        return false;
    const void *p = interp_exclusive(cpu, va, size, &pa);
    if (!p)
        return false;
    struct a64_monitor m = {.valid = true, .size = (uint8_t)size, .pa = pa};
    const _Atomic uint64_t *word = interp_version_word(cpu, p);
    m.version = word ? exclusive_version(word) : 0;
    atomic_read(p, size, m.value);
    cpu->monitor = m;
    return true;
}

static enum xr load_exclusive_one(struct a64_cpu *cpu, unsigned log2, unsigned rn, unsigned rt)
{
    if (!load_exclusive(cpu, rn, 1u << log2))
        return XR_EXC;
    x_write(cpu, rt, cpu->monitor.value[0]);
    return XR_NEXT;
}

static enum xr load_exclusive_pair(struct a64_cpu *cpu, bool sf, unsigned rn, unsigned rt,
                                   unsigned rt2)
{
    if (!load_exclusive(cpu, rn, sf ? 16 : 8))
        return XR_EXC;
    const uint64_t *v = cpu->monitor.value;
    x_write(cpu, rt, sf ? v[0] : v[0] & UINT32_MAX);
    x_write(cpu, rt2, sf ? v[1] : v[0] >> 32);
    return XR_NEXT;
}

static enum xr store_exclusive(struct a64_cpu *cpu, unsigned size, unsigned rn, unsigned rs,
                               const uint64_t value[2])
{
    gva_t va;
    gpa_t pa;
    bool done = false;
    if (!interp_base(cpu, rn, &va))
        return XR_EXC;
    struct a64_monitor m = cpu->monitor;
    if (m.valid && m.size == size) {
        void *p = interp_exclusive_store(cpu, va, size, &pa);
        if (!p)
            return XR_EXC;
        done = pa == m.pa && monitored_exchange(cpu, p, &m, value);
    }
    cpu->monitor.valid = false;
    x_write(cpu, rs, !done);
    return XR_NEXT;
}

static enum xr store_exclusive_one(struct a64_cpu *cpu, unsigned log2, unsigned rn, unsigned rs,
                                   unsigned rt)
{
    const uint64_t value[2] = {x_read(cpu, rt) & MASK(8u << log2), 0};
    return store_exclusive(cpu, 1u << log2, rn, rs, value);
}

static enum xr store_exclusive_pair(struct a64_cpu *cpu, bool sf, unsigned rn, unsigned rs,
                                    unsigned rt, unsigned rt2)
{
    const uint64_t a = x_read(cpu, rt), b = x_read(cpu, rt2);
    const uint64_t value[2] = {sf ? a : (a & UINT32_MAX) | b << 32, sf ? b : 0};
    return store_exclusive(cpu, sf ? 16 : 8, rn, rs, value);
}

/* ---- Compare and swap ---- */

static enum xr cas(struct a64_cpu *cpu, unsigned log2, unsigned rs, unsigned rn, unsigned rt)
{
    const uint64_t mask = MASK(8u << log2);
    uint64_t expected[2] = {x_read(cpu, rs) & mask, 0};
    const uint64_t desired[2] = {x_read(cpu, rt) & mask, 0};
    gva_t va;
    gpa_t pa;
    if (!interp_base(cpu, rn, &va))
        return XR_EXC;
    void *p = interp_atomic(cpu, va, 1u << log2, &pa);
    if (!p)
        return XR_EXC;
    noticed_exchange(cpu, p, 1u << log2, expected, desired);
    x_write(cpu, rs, expected[0]);
    return XR_NEXT;
}

enum xr interp_CASP(struct a64_cpu *cpu, uint32_t word)
{
    const struct a64_f_CASP f = a64_get_CASP(word);
    const uint64_t s[2] = {x_read(cpu, f.rs), x_read(cpu, f.rs + 1)};
    const uint64_t t[2] = {x_read(cpu, f.rt), x_read(cpu, f.rt + 1)};
    uint64_t expected[2] = {f.sf ? s[0] : (s[0] & UINT32_MAX) | s[1] << 32, s[1]};
    const uint64_t desired[2] = {f.sf ? t[0] : (t[0] & UINT32_MAX) | t[1] << 32, t[1]};
    const unsigned size = f.sf ? 16 : 8;
    gva_t va;
    gpa_t pa;
    if (!interp_base(cpu, f.rn, &va))
        return XR_EXC;
    void *p = interp_atomic(cpu, va, size, &pa);
    if (!p)
        return XR_EXC;
    noticed_exchange(cpu, p, size, expected, desired);
    x_write(cpu, f.rs, f.sf ? expected[0] : expected[0] & UINT32_MAX);
    x_write(cpu, f.rs + 1, f.sf ? expected[1] : expected[0] >> 32);
    return XR_NEXT;
}

/* ---- Atomic memory operations ---- */

/* What memory becomes: m is memory, s is Xs, both zero-extended from `width` bits. */
typedef uint64_t rmw_fn(uint64_t m, uint64_t s, unsigned width);

#define RMW_FN(name, expr)                                                                         \
    static uint64_t name(uint64_t m, uint64_t s, unsigned width)                                   \
    {                                                                                              \
        (void)m;                                                                                   \
        (void)width;                                                                               \
        return expr;                                                                               \
    }
RMW_FN(rmw_add, m + s)
RMW_FN(rmw_clr, m & ~s)
RMW_FN(rmw_eor, m ^ s)
RMW_FN(rmw_set, m | s)
RMW_FN(rmw_smax, sign_extend(m, width) > sign_extend(s, width) ? m : s)
RMW_FN(rmw_smin, sign_extend(m, width) < sign_extend(s, width) ? m : s)
RMW_FN(rmw_umax, m > s ? m : s)
RMW_FN(rmw_umin, m < s ? m : s)
RMW_FN(rmw_swp, s)

static enum xr rmw(struct a64_cpu *cpu, rmw_fn *fn, unsigned log2, unsigned rs, unsigned rn,
                   unsigned rt)
{
    const unsigned size = 1u << log2, width = 8u << log2;
    const uint64_t s = x_read(cpu, rs) & MASK(width);
    gva_t va;
    gpa_t pa;
    if (!interp_base(cpu, rn, &va))
        return XR_EXC;
    void *p = interp_atomic(cpu, va, size, &pa);
    if (!p)
        return XR_EXC;
    uint64_t old[2] = {le_load(p, size), 0}; /* a guess: the exchange tells */
    uint64_t new[2] = {0, 0};
    do {
        new[0] = fn(old[0], s, width) & MASK(width);
    } while (!noticed_exchange(cpu, p, size, old, new));
    x_write(cpu, rt, old[0]);
    return XR_NEXT;
}

/* ---- Handlers ---- */

#define LOAD_EXCLUSIVE(name)                                                                       \
    HANDLER(name##RB, load_exclusive_one(cpu, 0, f.rn, f.rt))                                      \
    HANDLER(name##RH, load_exclusive_one(cpu, 1, f.rn, f.rt))                                      \
    HANDLER(name##R, load_exclusive_one(cpu, 2 + f.sf, f.rn, f.rt))                                \
    HANDLER(name##P, load_exclusive_pair(cpu, f.sf, f.rn, f.rt, f.rt2))
#define STORE_EXCLUSIVE(name)                                                                      \
    HANDLER(name##RB, store_exclusive_one(cpu, 0, f.rn, f.rs, f.rt))                               \
    HANDLER(name##RH, store_exclusive_one(cpu, 1, f.rn, f.rs, f.rt))                               \
    HANDLER(name##R, store_exclusive_one(cpu, 2 + f.sf, f.rn, f.rs, f.rt))                         \
    HANDLER(name##P, store_exclusive_pair(cpu, f.sf, f.rn, f.rs, f.rt, f.rt2))

LOAD_EXCLUSIVE(LDX)
LOAD_EXCLUSIVE(LDAX)
STORE_EXCLUSIVE(STX)
STORE_EXCLUSIVE(STLX)

HANDLER(CASB, cas(cpu, 0, f.rs, f.rn, f.rt))
HANDLER(CASH, cas(cpu, 1, f.rs, f.rn, f.rt))
HANDLER(CAS, cas(cpu, 2 + f.sf, f.rs, f.rn, f.rt))

#define RMW(name, fn)                                                                              \
    HANDLER(name##B, rmw(cpu, fn, 0, f.rs, f.rn, f.rt))                                            \
    HANDLER(name##H, rmw(cpu, fn, 1, f.rs, f.rn, f.rt))                                            \
    HANDLER(name, rmw(cpu, fn, 2 + f.sf, f.rs, f.rn, f.rt))

RMW(LDADD, rmw_add)
RMW(LDCLR, rmw_clr)
RMW(LDEOR, rmw_eor)
RMW(LDSET, rmw_set)
RMW(LDSMAX, rmw_smax)
RMW(LDSMIN, rmw_smin)
RMW(LDUMAX, rmw_umax)
RMW(LDUMIN, rmw_umin)
RMW(SWP, rmw_swp)
