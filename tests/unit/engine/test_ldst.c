/* Loads and stores do to registers and memory what the Arm ARM says, and nothing when they fault.
 *
 * The handlers run on a memory of one page made here: this file is the other side of the memory
 * contract of interp_int.h, so that a fault can be had at any byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a64_encode.h"
#include "engine/interp/interp_int.h"
#include "interp_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096 };
static const gva_t base_va = 0x40000000;
static const gpa_t base_pa = 0x80000000;

/* What cpu->engine points to. */
struct page {
    _Alignas(16) uint8_t bytes[PAGE];
    unsigned faults;
};

/* ---- The memory contract ---- */

static uint8_t *at(struct a64_cpu *cpu, gva_t va, unsigned size)
{
    struct page *p = cpu->engine;
    if (va >= base_va && va + size <= base_va + PAGE)
        return p->bytes + (va - base_va);
    p->faults++;
    return NULL;
}

bool interp_load(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc, uint64_t *value)
{
    const uint8_t *p = at(cpu, va, size);
    (void)acc;
    if (p)
        *value = le_load(p, size);
    return p;
}

bool interp_store(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc, uint64_t value)
{
    uint8_t *p = at(cpu, va, size);
    (void)acc;
    if (p)
        le_store(p, size, value);
    return p;
}

bool interp_load16(struct a64_cpu *cpu, gva_t va, enum interp_acc acc, uint64_t value[2])
{
    return interp_load_pair(cpu, va, 8, acc, value);
}

bool interp_store16(struct a64_cpu *cpu, gva_t va, enum interp_acc acc, const uint64_t value[2])
{
    return interp_store_pair(cpu, va, 8, acc, value);
}

bool interp_load_pair(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc,
                      uint64_t value[2])
{
    return interp_load(cpu, va, size, acc, &value[0]) &&
           interp_load(cpu, va + size, size, acc, &value[1]);
}

bool interp_store_pair(struct a64_cpu *cpu, gva_t va, unsigned size, enum interp_acc acc,
                       const uint64_t value[2])
{
    return at(cpu, va, 2 * size) && interp_store(cpu, va, size, acc, value[0]) &&
           interp_store(cpu, va + size, size, acc, value[1]);
}

void *interp_atomic(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa)
{
    *pa = va - base_va + base_pa;
    return at(cpu, va, size);
}

void *interp_exclusive_store(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa)
{
    return interp_atomic(cpu, va, size, pa);
}

void *interp_exclusive(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa)
{
    return interp_atomic(cpu, va, size, pa);
}

_Atomic uint64_t *interp_version_word(struct a64_cpu *cpu, const void *host)
{
    (void)cpu;
    (void)host;
    return NULL;
}

bool interp_sp_check_enabled(const struct a64_cpu *cpu)
{
    (void)cpu;
    return false;
}

/* ---- Set-up ---- */

/* Runs one instruction: RUN(cpu, LDR_i, fields from the most significant one). */
#define RUN(cpu, NAME, ...) interp_##NAME(cpu, a64_encode_##NAME(__VA_ARGS__))
#define RUN_OK(cpu, NAME, ...) assert_int_equal(RUN(cpu, NAME, __VA_ARGS__), XR_NEXT)

/* X1 = address of the page, X2.. = recognisable values, memory = 0, 1, 2... */
static int set_up(void **state)
{
    struct a64_cpu *cpu = calloc(1, sizeof(*cpu));
    struct page *page = aligned_alloc(16, sizeof(*page));
    if (!cpu || !page)
        return -1;
    memset(page, 0, sizeof(*page));
    for (unsigned i = 0; i < PAGE; i++)
        page->bytes[i] = (uint8_t)i;
    for (unsigned i = 0; i < 31; i++)
        cpu->x[i] = UINT64_C(0x8182838485868700) + i;
    for (unsigned i = 0; i < 32; i++)
        cpu->v[i] = (union a64_vreg){.d = {0x1111 * i, 0x2222 * i}};
    cpu->x[1] = base_va;
    cpu->engine = page;
    *state = cpu;
    return 0;
}

static int tear_down(void **state)
{
    struct a64_cpu *cpu = *state;
    free(cpu->engine);
    free(cpu);
    return 0;
}

static uint8_t *bytes(struct a64_cpu *cpu)
{
    struct page *p = cpu->engine;
    return p->bytes;
}

/* ---- Registers ---- */

static void test_ldr_extends_by_mnemonic(void **state)
{
    struct a64_cpu *cpu = *state;
    bytes(cpu)[8] = 0x80;
    RUN_OK(cpu, LDRB_i, 8, 1, 2);
    assert_int_equal(cpu->x[2], 0x80);
    RUN_OK(cpu, LDRSB_w_i, 8, 1, 2);
    assert_int_equal(cpu->x[2], 0xffffff80);
    RUN_OK(cpu, LDRSB_x_i, 8, 1, 2);
    assert_true(cpu->x[2] == UINT64_C(0xffffffffffffff80));
    RUN_OK(cpu, LDR_i, 1, 0, 1, 31); /* XZR */
    assert_int_equal(cpu->x[1], base_va);
}

static void test_ldr_register_offset_extends_and_scales(void **state)
{
    struct a64_cpu *cpu = *state;
    cpu->x[1] = base_va + 64;
    cpu->x[2] = 0xabcdef01fffffffe; /* W2 = -2 */
    RUN_OK(cpu, LDRH_r, 2, 6, 1, 1, 3);
    assert_int_equal(cpu->x[3], 60 | 61 << 8);
    cpu->x[1] = base_va - 0xfffffffe;
    RUN_OK(cpu, LDRB_r, 2, 2, 1, 1, 3);
    assert_int_equal(cpu->x[3], 0);
}

static void test_ldr_literal_is_relative_to_pc(void **state)
{
    struct a64_cpu *cpu = *state;
    cpu->pc = base_va + 100;
    RUN_OK(cpu, LDR_lit, 0, 0x7fffc, 5); /* -16 */
    assert_int_equal(cpu->x[5], 0x57565554);
    RUN_OK(cpu, LDR_v_lit, 2, 1, 5);
    assert_true(cpu->v[5].d[1] == UINT64_C(0x7776757473727170));
}

static void test_pre_and_post_index_write_base_after_the_access(void **state)
{
    struct a64_cpu *cpu = *state;
    RUN_OK(cpu, LDR_post, 1, 16, 1, 2);
    assert_true(cpu->x[2] == UINT64_C(0x0706050403020100) && cpu->x[1] == base_va + 16);
    RUN_OK(cpu, LDRB_pre, 0x1ff, 1, 2);
    assert_true(cpu->x[2] == 15 && cpu->x[1] == base_va + 15);
    RUN_OK(cpu, STRB_post, 1, 1, 1); /* stores the old base */
    assert_int_equal(bytes(cpu)[15], 15);
    assert_int_equal(cpu->x[1], base_va + 16);
}

static void test_load_of_vector_zeroes_the_rest(void **state)
{
    struct a64_cpu *cpu = *state;
    RUN_OK(cpu, LDR_v_i, 2, 4, 1, 7);
    assert_true(cpu->v[7].d[0] == 0x13121110 && cpu->v[7].d[1] == 0);
}

/* ---- Faults ---- */

#define ASSERT_FAULT_CHANGES_NOTHING(cpu, NAME, ...)                                               \
    do {                                                                                           \
        struct a64_cpu before = *(cpu);                                                            \
        assert_int_equal(RUN(cpu, NAME, __VA_ARGS__), XR_EXC);                                     \
        assert_memory_equal(&before, cpu, sizeof(before));                                         \
    } while (0)

static void test_fault_changes_no_register(void **state)
{
    struct a64_cpu *cpu = *state;
    cpu->x[1] = base_va + PAGE;
    ASSERT_FAULT_CHANGES_NOTHING(cpu, LDR_post, 1, 8, 1, 2);
    ASSERT_FAULT_CHANGES_NOTHING(cpu, STR_v_pre, 3, 8, 1, 2);
    ASSERT_FAULT_CHANGES_NOTHING(cpu, LDXR, 1, 1, 2);
    ASSERT_FAULT_CHANGES_NOTHING(cpu, LDADD, 1, 1, 1, 3, 1, 2);
    cpu->x[1] = base_va + PAGE - 8; /* the second element faults */
    ASSERT_FAULT_CHANGES_NOTHING(cpu, LDP_post, 1, 8, 2, 1, 3);
    ASSERT_FAULT_CHANGES_NOTHING(cpu, STP_pre, 1, 0, 2, 1, 3);
    ASSERT_FAULT_CHANGES_NOTHING(cpu, LDP_v_post, 2, 8, 2, 1, 3);
    ASSERT_FAULT_CHANGES_NOTHING(cpu, LD4_m_post, 1, 31, 0, 1, 30);
    ASSERT_FAULT_CHANGES_NOTHING(cpu, LD2_sd_post, 0, 31, 1, 30);
    ASSERT_FAULT_CHANGES_NOTHING(cpu, LD2R_post, 1, 31, 3, 1, 30);
}

static void test_store_pair_fault_writes_nothing(void **state)
{
    struct a64_cpu *cpu = *state;
    uint8_t before[PAGE];
    memcpy(before, bytes(cpu), PAGE);
    cpu->x[1] = base_va + PAGE - 8;
    assert_int_equal(RUN(cpu, STP_off, 1, 0, 2, 1, 3), XR_EXC);
    assert_memory_equal(before, bytes(cpu), PAGE);
}

static void test_prefetch_never_faults(void **state)
{
    struct a64_cpu *cpu = *state;
    cpu->x[1] = 1;
    ((struct page *)cpu->engine)->faults = 0;
    RUN_OK(cpu, PRFM_i, 0, 1, 0);
    RUN_OK(cpu, PRFUM, 3, 1, 0);
    assert_int_equal(((struct page *)cpu->engine)->faults, 0);
}

/* ---- Exclusives ---- */

static void test_stxr_succeeds_once_after_ldxr(void **state)
{
    struct a64_cpu *cpu = *state;
    RUN_OK(cpu, LDXR, 1, 1, 2);
    assert_true(cpu->monitor.valid && cpu->monitor.pa == base_pa && cpu->monitor.size == 8);
    RUN_OK(cpu, STXR, 1, 4, 1, 3);
    assert_int_equal(cpu->x[4], 0);
    assert_true(le_load(bytes(cpu), 8) == cpu->x[3]);
    RUN_OK(cpu, STXR, 1, 4, 1, 2);
    assert_int_equal(cpu->x[4], 1);
    assert_true(le_load(bytes(cpu), 8) == cpu->x[3]);
}

static void test_stxr_fails_without_monitor_or_match(void **state)
{
    struct a64_cpu *cpu = *state;
    uint8_t before[PAGE];
    memcpy(before, bytes(cpu), PAGE);
    RUN_OK(cpu, STXRB, 4, 1, 3);
    assert_int_equal(cpu->x[4], 1);
    RUN_OK(cpu, LDXRB, 1, 2); /* another size */
    RUN_OK(cpu, STXRH, 4, 1, 3);
    assert_int_equal(cpu->x[4], 1);
    assert_false(cpu->monitor.valid);
    RUN_OK(cpu, LDXRB, 1, 2); /* another address */
    cpu->x[1]++;
    RUN_OK(cpu, STXRB, 4, 1, 3);
    assert_int_equal(cpu->x[4], 1);
    assert_memory_equal(before, bytes(cpu), PAGE);
}

/* The value alone does not make a location the one that was loaded. */
static void test_stxr_fails_at_another_address_with_the_same_value(void **state)
{
    struct a64_cpu *cpu = *state;
    bytes(cpu)[1] = bytes(cpu)[0];
    RUN_OK(cpu, LDXRB, 1, 2);
    cpu->x[1]++;
    RUN_OK(cpu, STXRB, 4, 1, 3);
    assert_int_equal(cpu->x[4], 1);
    assert_int_equal(bytes(cpu)[1], bytes(cpu)[0]);
}

static void test_stxr_clears_the_monitor_even_if_it_stored_what_was_there(void **state)
{
    struct a64_cpu *cpu = *state;
    RUN_OK(cpu, LDXR, 1, 1, 2);
    RUN_OK(cpu, STXR, 1, 4, 1, 2);
    assert_int_equal(cpu->x[4], 0);
    assert_false(cpu->monitor.valid);
    RUN_OK(cpu, STXR, 1, 4, 1, 2);
    assert_int_equal(cpu->x[4], 1);
}

static void test_stxr_fails_when_memory_changed(void **state)
{
    struct a64_cpu *cpu = *state;
    RUN_OK(cpu, LDXP, 1, 2, 1, 5);
    bytes(cpu)[15] ^= 1;
    RUN_OK(cpu, STXP, 1, 4, 6, 1, 7);
    assert_int_equal(cpu->x[4], 1);
    assert_int_equal(bytes(cpu)[0], 0);
}

static void test_pair_exclusive_moves_16_bytes(void **state)
{
    struct a64_cpu *cpu = *state;
    RUN_OK(cpu, LDAXP, 1, 3, 1, 2);
    assert_true(cpu->x[2] == UINT64_C(0x0706050403020100));
    assert_true(cpu->x[3] == UINT64_C(0x0f0e0d0c0b0a0908));
    RUN_OK(cpu, STLXP, 1, 4, 2, 1, 3); /* swapped */
    assert_int_equal(cpu->x[4], 0);
    assert_true(le_load(bytes(cpu), 8) == cpu->x[3] && le_load(bytes(cpu) + 8, 8) == cpu->x[2]);
    RUN_OK(cpu, LDXP, 0, 3, 1, 2);
    RUN_OK(cpu, STXP, 0, 4, 2, 1, 3);
    assert_int_equal(cpu->x[4], 0);
    assert_int_equal(le_load(bytes(cpu), 4), 0x0f0e0d0c);
}

static void test_stxr_status_may_overlap_operands(void **state)
{
    struct a64_cpu *cpu = *state;
    RUN_OK(cpu, LDXR, 0, 1, 2);
    RUN_OK(cpu, STXR, 0, 3, 1, 3);
    assert_int_equal(cpu->x[3], 0);
    assert_int_equal(le_load(bytes(cpu), 4), 0x85868703);
}

/* ---- LSE ---- */

static void test_lse_sizes_and_results(void **state)
{
    struct a64_cpu *cpu = *state;
    cpu->x[3] = 0xff80;
    bytes(cpu)[0] = 0x7f;
    RUN_OK(cpu, LDSMAXB, 0, 0, 3, 1, 2);
    assert_true(cpu->x[2] == 0x7f && bytes(cpu)[0] == 0x7f);
    RUN_OK(cpu, LDUMAXB, 0, 0, 3, 1, 2);
    assert_true(cpu->x[2] == 0x7f && bytes(cpu)[0] == 0x80);
    RUN_OK(cpu, LDADDB, 1, 1, 3, 1, 31); /* STADDLB; wraps */
    assert_true(bytes(cpu)[0] == 0 && bytes(cpu)[1] == 1);
    RUN_OK(cpu, SWP, 1, 0, 0, 31, 1, 5);
    assert_true(cpu->x[5] == UINT64_C(0x0706050403020100));
    assert_true(le_load(bytes(cpu), 8) == 0 && bytes(cpu)[8] == 8);
}

static void test_cas_returns_what_was_there(void **state)
{
    struct a64_cpu *cpu = *state;
    cpu->x[4] = 0xffffffff03020100;
    RUN_OK(cpu, CAS, 0, 1, 4, 1, 1, 5); /* W compare: equal */
    assert_true(cpu->x[4] == 0x03020100 && le_load(bytes(cpu), 4) == 0x85868705);
    RUN_OK(cpu, CAS, 1, 0, 4, 0, 1, 6); /* differs */
    assert_true(cpu->x[4] == UINT64_C(0x0706050485868705) && bytes(cpu)[0] == 5);
    cpu->x[4] = 0x0706050485868705;
    cpu->x[5] = 0x0f0e0d0c0b0a0908;
    RUN_OK(cpu, CASP, 1, 0, 4, 0, 1, 6);
    assert_true(le_load(bytes(cpu), 8) == cpu->x[6] && le_load(bytes(cpu) + 8, 8) == cpu->x[7]);
}

struct adder {
    struct a64_cpu cpu;
    bool exclusive;
};

enum { ADDS = 20000 };

static void *add_many(void *arg)
{
    struct adder *a = arg;
    struct a64_cpu *cpu = &a->cpu;
    cpu->x[1] = base_va;
    cpu->x[3] = 1;
    for (unsigned i = 0; i < ADDS; i++) {
        if (!a->exclusive) {
            (void)RUN(cpu, LDADD, 1, 0, 0, 3, 1, 31);
            continue;
        }
        do {
            (void)RUN(cpu, LDXR, 1, 1, 2);
            cpu->x[2]++;
            (void)RUN(cpu, STXR, 1, 4, 1, 2);
        } while (cpu->x[4]);
    }
    return NULL;
}

static void test_atomics_and_exclusives_lose_no_update_between_threads(void **state)
{
    struct a64_cpu *cpu = *state;
    struct adder *a = calloc(2, sizeof(*a));
    pthread_t t;
    assert_non_null(a);
    memset(bytes(cpu), 0, 8);
    a[0].exclusive = true;
    a[0].cpu.engine = a[1].cpu.engine = cpu->engine;
    assert_int_equal(pthread_create(&t, NULL, add_many, &a[0]), 0);
    add_many(&a[1]);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(le_load(bytes(cpu), 8), 2 * ADDS);
    free(a);
}

/* ---- Structures ---- */

static void test_ld3_deinterleaves_and_st3_interleaves(void **state)
{
    struct a64_cpu *cpu = *state;
    RUN_OK(cpu, LD3_m_post, 1, 31, 0, 1, 31); /* V31, V0, V1 */
    assert_int_equal(cpu->x[1], base_va + 48);
    for (unsigned i = 0; i < 16; i++)
        assert_true(cpu->v[31].b[i] == 3 * i && cpu->v[0].b[i] == 3 * i + 1 &&
                    cpu->v[1].b[i] == 3 * i + 2);
    cpu->x[1] = base_va + 1024;
    RUN_OK(cpu, ST3_m, 1, 0, 1, 31);
    assert_memory_equal(bytes(cpu), bytes(cpu) + 1024, 48);
}

static void test_single_lane_load_keeps_the_other_lanes(void **state)
{
    struct a64_cpu *cpu = *state;
    cpu->x[2] = 100;
    RUN_OK(cpu, LD2_sh_post, 1, 2, 0, 1, 1, 4); /* lane 5 */
    assert_true(cpu->v[4].h[5] == 0x0100 && cpu->v[5].h[5] == 0x0302);
    assert_true(cpu->v[4].d[0] == 0x4444 && cpu->v[4].h[4] == 0x8888);
    assert_int_equal(cpu->x[1], base_va + 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_ldr_extends_by_mnemonic),
        TEST(test_ldr_register_offset_extends_and_scales),
        TEST(test_ldr_literal_is_relative_to_pc),
        TEST(test_pre_and_post_index_write_base_after_the_access),
        TEST(test_load_of_vector_zeroes_the_rest),
        TEST(test_fault_changes_no_register),
        TEST(test_store_pair_fault_writes_nothing),
        TEST(test_prefetch_never_faults),
        TEST(test_stxr_succeeds_once_after_ldxr),
        TEST(test_stxr_fails_without_monitor_or_match),
        TEST(test_stxr_fails_at_another_address_with_the_same_value),
        TEST(test_stxr_clears_the_monitor_even_if_it_stored_what_was_there),
        TEST(test_stxr_fails_when_memory_changed),
        TEST(test_pair_exclusive_moves_16_bytes),
        TEST(test_stxr_status_may_overlap_operands),
        TEST(test_lse_sizes_and_results),
        TEST(test_cas_returns_what_was_there),
        TEST(test_atomics_and_exclusives_lose_no_update_between_threads),
        TEST(test_ld3_deinterleaves_and_st3_interleaves),
        TEST(test_single_lane_load_keeps_the_other_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
