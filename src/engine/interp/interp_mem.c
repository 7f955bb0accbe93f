/* Data accesses of the interpreter: fast path through the translation buffer, slow path for the
 * rest.
 *
 * The slow path does one thing in one way: an access is `len` bytes made of elements of `elem`
 * bytes. It is checked for alignment (Arm ARM B2.5.2, AArch64.UnalignedAccessFaults), split where
 * it crosses a page, every part is translated before any byte moves, and then bytes are copied or,
 * for device windows, elements are passed to the bus. Faults take the exception and return false;
 * no state of the instruction has changed then.
 */
#include "a64/debug.h"
#include "engine/interp/interp_vcpu.h"

#include <string.h>

/* DFSC values used here (ESR_ELx.ISS encodings for Data Aborts). */
#define FSC_EXTERNAL 0x10
#define FSC_ALIGNMENT 0x21
#define FSC_UNSUPPORTED_ATOMIC 0x35

#define MAX_BYTES 32u /* largest access: a pair of 16-byte registers */

/* One part of an access within one page: RAM or a device. */
struct spot {
    uint8_t *host; /* null: a device window */
    gpa_t pa;
    bool device; /* Device memory type (RAM can have it too) */
    bool alone;  /* one element, and the whole access: nothing that was translated is used later */
};

static enum interp_set set_for(struct a64_cpu *cpu, enum interp_acc acc)
{
    struct interp *it = interp_of(cpu);
    return acc == ACC_UNPRIV && !cpu->uao ? SET_EL0 : it->set;
}

static bool abort_data(struct a64_cpu *cpu, uint8_t fsc, gva_t va, bool write)
{
    a64_data_abort(cpu, &(struct a64_fault){.fsc = fsc, .va = va, .write = write});
    return false;
}

/* ---- Translation of one part ---- */

static unsigned req_el(const struct a64_cpu *cpu, enum interp_set set)
{
    return set == SET_EL0 ? 0 : cpu->el;
}

/* `far`: what FAR_EL1 gets if there is a fault. */
static bool translate(struct a64_cpu *cpu, gva_t va, gva_t far, enum interp_set set,
                      enum a64_access access, struct a64_translation *t)
{
    struct a64_walk req = {
        .va = va,
        .access = access,
        .el = (uint8_t)req_el(cpu, set),
        .pan = set == SET_EL1_PAN,
    };
    struct a64_fault fault = {0};
    if (a64_translate(cpu, &req, t, &fault))
        return true;
    fault.va = far;
    fault.write = access == A64_ACCESS_WRITE;
    a64_data_abort(cpu, &fault);
    return false;
}

/* May a tag for this access be entered? See interp_vcpu.h. */
static bool may_cache(struct interp *it, struct a64_cpu *cpu, gva_t va, bool write,
                      const struct a64_translation *t)
{
    if (t->type == A64_MEM_DEVICE || (it->watch && a64_watch_page(cpu, va & PAGE_MASK_VA)) ||
        it->stress.knob.nofast)
        return false;
    uint64_t page = (t->pa - it->mem->ram_base) >> MEM_PAGE_SHIFT;
    return !write || (t->dirty && !mem_code_test(it->mem, page));
}

/* Finds where [va, va+len), inside one page, lies. */
static bool find_spot_far(struct a64_cpu *cpu, gva_t va, gva_t far, unsigned len,
                          enum interp_set set, bool write, struct spot *s)
{
    struct interp *it = interp_of(cpu);
    enum a64_access access = write ? A64_ACCESS_WRITE : A64_ACCESS_READ;
    const struct tlb_entry *e = tlb_at(it, set, va);
    if (e->tag[access] == (va & PAGE_MASK_VA)) {
        s->host = (uint8_t *)(uintptr_t)(va + e->addend);
        s->pa = (uint64_t)(s->host - it->mem->ram) + it->mem->ram_base;
        s->device = false;
        return true;
    }
    struct a64_translation t;
    if (!translate(cpu, va, far, set, access, &t))
        return false;
    s->pa = t.pa;
    s->device = t.type == A64_MEM_DEVICE;
    s->host = mem_ptr(it->mem, t.pa, len, write ? MEM_WRITE : MEM_READ);
    if (s->host && may_cache(it, cpu, va, write, &t) && va == a64_untag(cpu, va, false, cpu->el))
        tlb_fill(it, set, va, access, &t, s->host);
    return !it->watch || !a64_debug_access_as(cpu, va, len, write, req_el(cpu, set));
}

static bool find_spot(struct a64_cpu *cpu, gva_t va, unsigned len, enum interp_set set, bool write,
                      struct spot *s)
{
    return find_spot_far(cpu, va, va, len, set, write, s);
}

/* ---- Alignment ---- */

static bool within_16(gva_t va, unsigned len)
{
    return (va & 15) + len <= 16;
}

/* AArch64.UnalignedAccessFaults: decided before translation. `elem` is the unit of alignment. */
static bool alignment_faults(struct a64_cpu *cpu, gva_t va, unsigned len, unsigned elem,
                             enum interp_acc acc)
{
    if (!(va & (elem - 1)))
        return false;
    struct interp *it = interp_of(cpu);
    if (it->align_check)
        return true;
    bool lse2 = a64_feature_has(&cpu->features, A64_FEAT_LSE2);
    switch (acc) {
    case ACC_ATOMIC:
        return !lse2 || !within_16(va, len);
    case ACC_ORDERED:
        return !lse2 || (!bit(cpu->sys[A64_SCTLR_EL1], 6) && !within_16(va, len)); /* nAA */
    case ACC_NORMAL:
    case ACC_UNPRIV:
    case ACC_VECTOR:
        return false;
    }
    return true;
}

/* ---- Guest RAM ---- */

/* Each access of an element is one access of the host. The host does it at once when it lies in one
 * cache line, so aligned ones are single-copy atomic (B2.2.1), those of 16 bytes because hosts with
 * AVX do aligned vector accesses at once, and unaligned ones within 16 bytes as well (FEAT_LSE2).
 * Volatile, so that the compiler neither splits nor repeats them. What guests and devices race for
 * here is theirs to order: tests/tsan.supp names these functions. */

typedef uint16_t any16 __attribute__((aligned(1), may_alias));
typedef uint32_t any32 __attribute__((aligned(1), may_alias));
typedef uint64_t any64 __attribute__((aligned(1), may_alias));
typedef uint64_t any128 __attribute__((vector_size(16), aligned(1), may_alias));

static inline uint64_t host_load(const void *p, unsigned size)
{
    switch (size) {
    case 8: return *(const volatile any64 *)p;
    case 4: return *(const volatile any32 *)p;
    case 2: return *(const volatile any16 *)p;
    default: return *(const volatile uint8_t *)p;
    }
}

static inline void host_store(void *p, unsigned size, uint64_t value)
{
    switch (size) {
    case 8: *(volatile any64 *)p = value; break;
    case 4: *(volatile any32 *)p = (uint32_t)value; break;
    case 2: *(volatile any16 *)p = (uint16_t)value; break;
    default: *(volatile uint8_t *)p = (uint8_t)value; break;
    }
}

static inline void copy16(void *to, const void *from)
{
    *(volatile any128 *)to = *(const volatile any128 *)from;
}

/* The unit in which [host, host+len) is accessed: the element; two of 4 bytes together, and two of
 * 8 when they are aligned together (FEAT_LSE2: LDP, STP within 16 aligned bytes; the host's access
 * of 8 bytes is one wherever it is there); bytes, when an element is cut by the end of a page. */
static unsigned step_of(const void *host, unsigned len, unsigned elem)
{
    if (len % elem)
        return 1;
    if (elem == 4 && len == 8)
        return 8;
    return elem == 8 && len == 16 && (uintptr_t)host % 16 == 0 ? 16 : elem;
}

static void ram_copy(uint8_t *to, const uint8_t *from, unsigned len, unsigned step)
{
    for (unsigned i = 0; i < len; i += step) {
        if (step == 16)
            copy16(to + i, from + i);
        else
            host_store(to + i, step, host_load(from + i, step));
    }
}

/* ---- The slow path ---- */

/* One element. A device may be busy for long, so others need not wait for this vCPU meanwhile. */
static bool device_element(struct vcpu *v, gpa_t pa, unsigned size, bool alone, bool write,
                           uint64_t *value)
{
    struct bus *bus = &v->vm->bus;
    if (alone)
        broadcast_leave(v);
    bool ok = write ? bus_write(bus, pa, size, *value) : bus_read(bus, pa, size, value);
    if (alone)
        broadcast_enter(v);
    return ok;
}

/* Device windows take naturally aligned elements of at most 8 bytes. A device sees the time of this
 * instruction; after a write, which may have moved a timer or an interrupt, the run loop looks. */
static bool device_access(struct a64_cpu *cpu, const struct spot *s, gva_t va, unsigned len,
                          unsigned elem, bool write, uint8_t *data)
{
    struct interp *it = interp_of(cpu);
    unsigned step = elem > 8 ? 8 : elem;
    vcpu_sync_clock(it->v);
    if (write)
        it->fetch_va = TLB_INVALID;
    for (unsigned i = 0; i < len; i += step) {
        uint64_t value = le_load(data + i, step);
        if (!device_element(it->v, s->pa + i, step, s->alone, write, &value)) {
            a64_data_abort(
                cpu, &(struct a64_fault){
                         .fsc = FSC_EXTERNAL, .external = false, .va = va + i, .write = write});
            return false;
        }
        if (!write)
            le_store(data + i, step, value);
    }
    return true;
}

static bool move_part(struct a64_cpu *cpu, const struct spot *s, gva_t va, unsigned len,
                      unsigned elem, bool write, uint8_t *data)
{
    struct interp *it = interp_of(cpu);
    if (!s->host)
        return device_access(cpu, s, va, len, elem, write, data);
    if (!write) {
        ram_copy(data, s->host, len, step_of(s->host, len, elem));
        return true;
    }
    ram_copy(s->host, data, len, step_of(s->host, len, elem));
    if (mem_code_test(it->mem, (s->pa - it->mem->ram_base) >> MEM_PAGE_SHIFT))
        code_store(it, s->pa, len);
    return true;
}

static bool access_slow(struct a64_cpu *cpu, gva_t va, unsigned len, unsigned elem,
                        enum interp_acc acc, bool write, void *data)
{
    if (alignment_faults(cpu, va, len, elem, acc))
        return abort_data(cpu, FSC_ALIGNMENT, va, write);
    enum interp_set set = set_for(cpu, acc);
    unsigned first = MEM_PAGE_SIZE - (unsigned)(va % MEM_PAGE_SIZE);
    if (first > len)
        first = len;
    struct spot s[2];
    if (!find_spot(cpu, va, first, set, write, &s[0]))
        return false;
    if (first < len && !find_spot(cpu, va + first, len - first, set, write, &s[1]))
        return false;
    bool device = s[0].device || (first < len && s[1].device);
    if ((device || !s[0].host || (first < len && !s[1].host)) && (va & (elem - 1)))
        return abort_data(cpu, FSC_ALIGNMENT, va, write);
    s[0].alone = len == elem && first == len && len <= 8;
    s[1].alone = false;
    uint8_t *bytes = data;
    if (!move_part(cpu, &s[0], va, first, elem, write, bytes))
        return false;
    return first == len ||
           move_part(cpu, &s[1], va + first, len - first, elem, write, bytes + first);
}

/* ---- The fast path ---- */

/* Host address of an access that the translation buffer allows as it is, else null. */
static inline void *fast_ptr(struct a64_cpu *cpu, gva_t va, unsigned len, unsigned elem,
                             enum interp_acc acc, enum a64_access access)
{
    struct interp *it = interp_of(cpu);
    const struct tlb_entry *e = tlb_at(it, set_for(cpu, acc), va);
    if (UNLIKELY(e->tag[access] != (va & PAGE_MASK_VA)))
        return NULL;
    if (UNLIKELY(va & (elem - 1)) &&
        (it->align_check || acc == ACC_ORDERED || acc == ACC_ATOMIC))
        return NULL;
    if (UNLIKELY((va & (MEM_PAGE_SIZE - 1)) + len > MEM_PAGE_SIZE))
        return NULL;
    return (void *)(uintptr_t)(va + e->addend);
}

bool interp_load(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc, uint64_t *value)
{
    const void *p = fast_ptr(cpu, va, size, size, acc, A64_ACCESS_READ);
    if (LIKELY(p != NULL)) {
        *value = host_load(p, size);
        return true;
    }
    uint64_t v = 0;
    if (!access_slow(cpu, va, size, size, acc, false, &v))
        return false;
    *value = v;
    return true;
}

bool interp_store(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc, uint64_t value)
{
    void *p = fast_ptr(cpu, va, size, size, acc, A64_ACCESS_WRITE);
    if (LIKELY(p != NULL)) {
        host_store(p, size, value);
        return true;
    }
    return access_slow(cpu, va, size, size, acc, true, &value);
}

bool interp_load16(struct a64_cpu *cpu, gva_t va, enum interp_acc acc, uint64_t value[2])
{
    const void *p = fast_ptr(cpu, va, 16, 16, acc, A64_ACCESS_READ);
    if (LIKELY(p != NULL)) {
        copy16(value, p);
        return true;
    }
    uint64_t v[2];
    if (!access_slow(cpu, va, 16, 16, acc, false, v))
        return false;
    copy16(value, v);
    return true;
}

bool interp_store16(struct a64_cpu *cpu, gva_t va, enum interp_acc acc, const uint64_t value[2])
{
    void *p = fast_ptr(cpu, va, 16, 16, acc, A64_ACCESS_WRITE);
    if (LIKELY(p != NULL)) {
        copy16(p, value);
        return true;
    }
    uint64_t v[2] = {value[0], value[1]};
    return access_slow(cpu, va, 16, 16, acc, true, v);
}

bool interp_load_pair(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc,
                      uint64_t value[2])
{
    const uint8_t *p = fast_ptr(cpu, va, 2 * size, size, acc, A64_ACCESS_READ);
    uint8_t bytes[MAX_BYTES];
    if (UNLIKELY(p == NULL)) {
        if (!access_slow(cpu, va, 2 * size, size, acc, false, bytes))
            return false;
        p = bytes;
    }
    unsigned step = step_of(p, 2 * size, size);
    if (step == 16) {
        copy16(value, p);
    } else if (step == 2 * size) {
        uint64_t both = host_load(p, step);
        value[0] = (uint32_t)both;
        value[1] = both >> 32;
    } else {
        value[0] = host_load(p, size);
        value[1] = host_load(p + size, size);
    }
    return true;
}

bool interp_store_pair(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc,
                       const uint64_t value[2])
{
    uint8_t *p = fast_ptr(cpu, va, 2 * size, size, acc, A64_ACCESS_WRITE);
    if (LIKELY(p != NULL)) {
        unsigned step = step_of(p, 2 * size, size);
        if (step == 16) {
            copy16(p, value);
        } else if (step == 2 * size) {
            host_store(p, step, (uint32_t)value[0] | value[1] << 32);
        } else {
            host_store(p, size, value[0]);
            host_store(p + size, size, value[1]);
        }
        return true;
    }
    uint8_t bytes[MAX_BYTES];
    host_store(bytes, size, value[0]);
    host_store(bytes + size, size, value[1]);
    return access_slow(cpu, va, 2 * size, size, acc, true, bytes);
}

/* ---- Atomics, DC ZVA, cache maintenance ---- */

/* What is done with one piece. */
enum piece { PIECE_LOAD, PIECE_STORE, PIECE_UPDATE };

/* A location that must be one piece of RAM with Normal attributes. */
static void *one_piece(struct a64_cpu *cpu, gva_t va, unsigned size, enum piece how, gpa_t *pa)
{
    struct spot s;
    /* What a read would fault on is reported as a read, also for a read-modify-write (ESR.WnR). */
    if (alignment_faults(cpu, va, size, size, ACC_ATOMIC)) {
        abort_data(cpu, FSC_ALIGNMENT, va, how == PIECE_STORE);
        return NULL;
    }
    if (how != PIECE_STORE && !find_spot(cpu, va, size, interp_of(cpu)->set, false, &s))
        return NULL;
    if (how != PIECE_LOAD && !find_spot(cpu, va, size, interp_of(cpu)->set, true, &s))
        return NULL;
    if (!s.host || s.device) {
        /* Exclusives and atomics to RAM mapped as Device work on real parts as long as aligned;
         * only a device window cannot do them (IMPLEMENTATION DEFINED fault). */
        if (!s.host || (va & (size - 1))) {
            abort_data(cpu, s.host ? FSC_ALIGNMENT : FSC_UNSUPPORTED_ATOMIC, va,
                       s.host ? how == PIECE_STORE : how != PIECE_LOAD);
            return NULL;
        }
    }
    *pa = s.pa;
    return s.host;
}

static void *piece_to_write(struct a64_cpu *cpu, gva_t va, unsigned size, enum piece how, gpa_t *pa)
{
    struct interp *it = interp_of(cpu);
    void *p = one_piece(cpu, va, size, how, pa);
    if (p && mem_code_test(it->mem, (*pa - it->mem->ram_base) >> MEM_PAGE_SHIFT))
        code_store(it, *pa, size);
    return p;
}

void *interp_atomic(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa)
{
    return piece_to_write(cpu, va, size, PIECE_UPDATE, pa);
}

void *interp_exclusive_store(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa)
{
    return piece_to_write(cpu, va, size, PIECE_STORE, pa);
}

void *interp_exclusive(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa)
{
    return one_piece(cpu, va, size, PIECE_LOAD, pa);
}

_Atomic uint64_t *interp_version_word(struct a64_cpu *cpu, const void *host)
{
    struct vm *vm = interp_of(cpu)->v->vm;
    return vm->cpu_count > 1 ? exclusive_word(&vm->exclusive, host) : NULL;
}

bool interp_zero_block(struct a64_cpu *cpu, gva_t va, unsigned bytes)
{
    struct interp *it = interp_of(cpu);
    gva_t at = va & ~(uint64_t)(bytes - 1);
    struct spot s;
    /* A fault reports the register's address, not the block's (D17.2.40, FAR_EL1). */
    if (!find_spot_far(cpu, at, va, bytes, it->set, true, &s))
        return false;
    if (!s.host || s.device)
        return abort_data(cpu, FSC_ALIGNMENT, va, true);
    for (unsigned i = 0; i < bytes; i += 8)
        host_store(s.host + i, 8, 0);
    if (mem_code_test(it->mem, (s.pa - it->mem->ram_base) >> MEM_PAGE_SHIFT))
        code_store(it, s.pa, bytes);
    return true;
}

bool interp_cache_op(struct a64_cpu *cpu, gva_t va, enum interp_cache op)
{
    /* From EL1 these need a translation but no permission (D7.5.8), from EL0 read permission; PAN
     * does not apply. Invalidation without cleaning needs write permission, and makes nothing
     * dirty. */
    bool write = op == CACHE_INVALIDATE;
    struct a64_walk req = {
        .va = va,
        .access = write ? A64_ACCESS_WRITE : A64_ACCESS_READ,
        .el = cpu->el,
        .at = write,
    };
    struct a64_translation t;
    struct a64_fault fault = {0};
    if (!a64_translate(cpu, &req, &t, &fault)) {
        fault.va = va;
        fault.cm = true;
        fault.write = true;
        a64_data_abort(cpu, &fault);
        return false;
    }
    if (op == CACHE_INSTRUCTIONS)
        cpu->env->icache_invalidate(cpu, t.pa, false);
    return true;
}
