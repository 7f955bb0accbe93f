/* One PE with a fake surrounding: a megabyte of memory for page tables, clocks that the test turns,
 * and counters of the calls it makes. */
#ifndef TESTS_UNIT_A64_FAKE_PE_H
#define TESTS_UNIT_A64_FAKE_PE_H

#include "a64/debug.h"
#include "a64/exception.h"
#include "a64/mmu.h"
#include "a64/pmu.h"
#include "a64/sysreg.h"
#include "base/bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FAKE_MEM_BYTES (1u << 20)

struct fake_pe {
    struct a64_cpu cpu;
    uint64_t mem[FAKE_MEM_BYTES / 8];
    gpa_t next_table; /* allocator of fake_table() */
    uint64_t counter, cycles;
    bool no_random;
    unsigned timer_calls, pmu_calls, context_calls, tlbi_calls, ic_all_calls, cas_calls;
    struct a64_tlbi tlbi;
    gpa_t fail_pa;        /* an external abort here; ~0: none */
    uint64_t cas_meddle;  /* xor into memory before the next compare, then 0 */
    enum a64_sysreg icc_reg;
    uint64_t icc_value;
};

static inline struct fake_pe *fake_of(struct a64_cpu *cpu)
{
    return cpu->env_ctx;
}

static inline bool fake_walk_read(struct a64_cpu *cpu, gpa_t pa, uint64_t *value)
{
    struct fake_pe *f = fake_of(cpu);
    assert_int_equal(pa & 7, 0);
    if (pa >= FAKE_MEM_BYTES || pa == f->fail_pa)
        return false;
    *value = f->mem[pa / 8];
    return true;
}

static inline bool fake_walk_cas(struct a64_cpu *cpu, gpa_t pa, uint64_t *expected,
                                 uint64_t desired)
{
    struct fake_pe *f = fake_of(cpu);
    f->cas_calls++;
    if (pa >= FAKE_MEM_BYTES)
        return false;
    uint64_t *p = &f->mem[pa / 8];
    *p ^= f->cas_meddle;
    f->cas_meddle = 0;
    if (*p == *expected)
        *p = desired;
    else
        *expected = *p;
    return true;
}

static inline uint64_t fake_counter(struct a64_cpu *cpu)
{
    return fake_of(cpu)->counter;
}

static inline uint64_t fake_cycles(struct a64_cpu *cpu)
{
    return fake_of(cpu)->cycles;
}

static inline void fake_timer_changed(struct a64_cpu *cpu)
{
    fake_of(cpu)->timer_calls++;
}

static inline void fake_pmu_changed(struct a64_cpu *cpu)
{
    fake_of(cpu)->pmu_calls++;
}

static inline void fake_context_changed(struct a64_cpu *cpu)
{
    fake_of(cpu)->context_calls++;
}

static inline bool fake_random(struct a64_cpu *cpu, uint64_t *value)
{
    *value = 0x1234;
    return !fake_of(cpu)->no_random;
}

static inline bool fake_icc_read(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t *value)
{
    fake_of(cpu)->icc_reg = reg;
    *value = fake_of(cpu)->icc_value;
    return reg != A64_ICC_AP0R3_EL1;
}

static inline bool fake_icc_write(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t value)
{
    fake_of(cpu)->icc_reg = reg;
    fake_of(cpu)->icc_value = value;
    return reg != A64_ICC_AP0R3_EL1;
}

static inline void fake_tlbi(struct a64_cpu *cpu, const struct a64_tlbi *op)
{
    fake_of(cpu)->tlbi = *op;
    fake_of(cpu)->tlbi_calls++;
}

static inline void fake_icache(struct a64_cpu *cpu, gpa_t pa, enum a64_icache what)
{
    (void)pa;
    fake_of(cpu)->ic_all_calls += what != A64_ICACHE_LINE;
}

static inline void fake_send_event(struct a64_cpu *cpu)
{
    (void)cpu;
}

static const struct a64_env fake_env = {
    .walk_read = fake_walk_read,
    .walk_cas = fake_walk_cas,
    .counter = fake_counter,
    .timer_changed = fake_timer_changed,
    .pmu_changed = fake_pmu_changed,
    .cycles = fake_cycles,
    .random = fake_random,
    .icc_read = fake_icc_read,
    .icc_write = fake_icc_write,
    .tlbi = fake_tlbi,
    .icache_invalidate = fake_icache,
    .context_changed = fake_context_changed,
    .send_event = fake_send_event,
};

/* A PE just out of reset at EL`max_el`, with CPU default's features. */
static inline void fake_init_el(struct fake_pe *f, unsigned max_el)
{
    memset(f, 0, sizeof(*f));
    f->fail_pa = ~UINT64_C(0);
    f->cpu.env = &fake_env;
    f->cpu.env_ctx = f;
    f->cpu.max_el = (uint8_t)max_el;
    f->cpu.features = a64_features_default();
    a64_reset(&f->cpu);
}

static inline int fake_setup(void **state)
{
    struct fake_pe *f = malloc(sizeof(*f));
    if (!f)
        return -1;
    fake_init_el(f, 1);
    *state = f;
    return 0;
}

static inline int fake_teardown(void **state)
{
    free(*state);
    return 0;
}

#define FAKE_TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

static inline unsigned fake_key(enum a64_sysreg reg)
{
    return a64_sysreg_info(reg)->key;
}

/* MRS and MSR as the guest, which must not trap. */
static inline uint64_t fake_mrs(struct a64_cpu *cpu, enum a64_sysreg reg)
{
    uint64_t v = 0;
    assert_int_not_equal(a64_sysreg_read(cpu, fake_key(reg), 0, &v), A64_SYS_TRAPPED);
    return v;
}

static inline void fake_msr(struct a64_cpu *cpu, enum a64_sysreg reg, uint64_t v)
{
    assert_int_not_equal(a64_sysreg_write(cpu, fake_key(reg), 0, v), A64_SYS_TRAPPED);
}

static inline unsigned fake_ec(const struct a64_cpu *cpu)
{
    return (unsigned)bits(cpu->sys[A64_ESR_EL1], 31, 26);
}

static inline uint32_t fake_iss(const struct a64_cpu *cpu)
{
    return (uint32_t)bits(cpu->sys[A64_ESR_EL1], 24, 0);
}

/* Goes to an Exception level without an exception. */
static inline void fake_go(struct a64_cpu *cpu, unsigned el)
{
    cpu->el = (uint8_t)el;
    cpu->spsel = el > 0;
}

/* A zeroed table of `bytes`, naturally aligned. */
static inline gpa_t fake_table(struct fake_pe *f, unsigned bytes)
{
    gpa_t pa = align_up(f->next_table, bytes);
    f->next_table = pa + bytes;
    assert_true(f->next_table <= FAKE_MEM_BYTES);
    memset(&f->mem[pa / 8], 0, bytes);
    return pa;
}

#endif
