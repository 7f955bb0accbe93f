/* What integer, branch, load/store and system lifters make means what the interpreter does: random
 * instructions, alone and in sequences, before and after the IR's passes.
 *
 * The handlers run on a memory of one page made here, as in test_ldst.c, so that the file is the
 * other side of the memory contract of interp_int.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a64_encode.h"
#include "engine/lift/lift.h"
#include "ir_eval.h"

enum { PAGE = 4096, WORDS = 1024 };
static const gva_t base_va = 0x40000000;
static const gpa_t base_pa = 0x80000000;

/* A machine; cpu.engine points to it. */
struct machine {
    struct a64_cpu cpu;
    _Alignas(64) uint8_t bytes[PAGE];
    bool sp_checked, guarded;
};

/* ---- The memory contract ---- */

static uint8_t *at(struct a64_cpu *cpu, gva_t va, unsigned size)
{
    struct machine *m = cpu->engine;
    return va >= base_va && va - base_va <= PAGE - size ? m->bytes + (va - base_va) : NULL;
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

bool interp_load16(struct a64_cpu *cpu, gva_t va, enum interp_acc acc, uint64_t value[2])
{
    return interp_load_pair(cpu, va, 8, acc, value);
}

bool interp_store16(struct a64_cpu *cpu, gva_t va, enum interp_acc acc, const uint64_t value[2])
{
    return interp_store_pair(cpu, va, 8, acc, value);
}

void *interp_atomic(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa)
{
    *pa = va - base_va + base_pa;
    return size == 16 && va % 16 ? NULL : at(cpu, va, size);
}

void *interp_exclusive_store(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa)
{
    return va % size ? NULL : interp_atomic(cpu, va, size, pa);
}

void *interp_exclusive(struct a64_cpu *cpu, gva_t va, unsigned size, gpa_t *pa)
{
    return interp_exclusive_store(cpu, va, size, pa);
}

bool interp_zero_block(struct a64_cpu *cpu, gva_t va, unsigned bytes)
{
    uint8_t *p = at(cpu, align_down(va, bytes), bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

bool interp_cache_op(struct a64_cpu *cpu, gva_t va, enum interp_cache op)
{
    (void)op;
    return at(cpu, va, 1);
}

_Atomic uint64_t *interp_version_word(struct a64_cpu *cpu, const void *host)
{
    (void)cpu;
    (void)host;
    return NULL;
}

bool interp_sp_check_enabled(const struct a64_cpu *cpu)
{
    const struct machine *m = cpu->engine;
    return m->sp_checked;
}

bool interp_page_guarded(const struct a64_cpu *cpu)
{
    const struct machine *m = cpu->engine;
    return m->guarded;
}

enum xr interp_exit(struct a64_cpu *cpu, enum a64_exit reason)
{
    (void)cpu;
    (void)reason;
    return XR_EXIT;
}

static void env_nothing(struct a64_cpu *cpu)
{
    (void)cpu;
}

static uint64_t env_number(struct a64_cpu *cpu)
{
    return cpu->x[0];
}

static const struct a64_env env = {
    .context_changed = env_nothing,
    .pmu_changed = env_nothing,
    .timer_changed = env_nothing,
    .send_event = env_nothing,
    .counter = env_number,
    .cycles = env_number,
};

/* ---- Chance ---- */

static uint64_t chance = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t random64(void)
{
    chance ^= chance >> 12;
    chance ^= chance << 25;
    chance ^= chance >> 27;
    return chance * UINT64_C(0x2545f4914f6cdd1d);
}

static uint64_t random_operand(void)
{
    static const uint64_t edges[] = {0, 1, ~UINT64_C(0), BIT(63), BIT(31), BIT(63) - 1,
                                     BIT(31) - 1, UINT32_MAX, BIT(32)};
    uint64_t r = random64();
    switch (r % 4) {
    case 0: return edges[r / 4 % ARRAY_LEN(edges)];
    case 1: return random64() >> (r / 4 % 64);
    default: return random64();
    }
}

static uint32_t random_word(enum a64_op op)
{
    uint32_t word;
    do
        word = ((uint32_t)(random64() >> 32) & ~a64_op_info[op].mask) | a64_op_info[op].value;
    while (a64_decode(word) != op);
    if (op == A64_LDR_lit || op == A64_LDRSW_lit || op == A64_LDR_v_lit)
        word &= ~0x00fff000u; /* within the page, most of the time */
    return word;
}

static bool uses_memory(enum a64_op op)
{
    return a64_op_info[op].traits & (A64_TRAIT_READS_MEM | A64_TRAIT_WRITES_MEM);
}

/* A monitor that many store-exclusives find set for them. */
static void randomise_monitor(struct machine *m, unsigned rn)
{
    struct a64_cpu *cpu = &m->cpu;
    const gva_t va = xsp_read(cpu, rn);
    const unsigned size = 1u << random64() % 5;
    cpu->engine = m;
    const uint8_t *p = at(cpu, va, size);
    cpu->monitor = (struct a64_monitor){.valid = random64() % 8, .size = (uint8_t)size};
    cpu->monitor.pa = random64() % 8 ? va - base_va + base_pa : random64();
    if (p && random64() % 4)
        memcpy(cpu->monitor.value, p, size);
}

/* Registers at random, but such that a memory instruction mostly finds memory. */
static void randomise(struct machine *m, uint32_t word, unsigned mode)
{
    struct a64_cpu *cpu = &m->cpu;
    memset(cpu, 0, sizeof(*cpu));
    cpu->env = &env;
    cpu->features = a64_features_default();
    cpu->max_el = 1;
    cpu->el = mode & LIFT_EL1 ? 1 : 0;
    cpu->spsel = !(mode & LIFT_SPEL0) && cpu->el;
    cpu->sys[A64_CPACR_EL1] = mode & LIFT_FPOFF ? 0 : 3 << 20;
    cpu->sys[A64_SCTLR_EL1] = random64();
    cpu->sys[A64_TPIDR_EL0] = random64();
    cpu->sys[A64_ESR_EL1] = (uint32_t)random64();
    cpu->sys[A64_VBAR_EL1] = random64() & ~UINT64_C(0x7ff);
    cpu->sys[A64_MDSCR_EL1] = random64() & 7 ? 0x1000 : random64() & 0xffff;
    cpu->daif = (uint32_t)random64() & 0x3c0;
    cpu->nzcv = (uint32_t)random64() & 0xf0000000;
    m->sp_checked = mode & LIFT_SPCHECK;
    m->guarded = mode & LIFT_GUARDED;
    for (unsigned i = 0; i < 31; i++)
        cpu->x[i] = random_operand();
    for (unsigned i = 0; i < 32; i++)
        cpu->v[i] = (union a64_vreg){.d = {random64(), random64()}};
    for (unsigned i = 0; i < 4; i++)
        cpu->sp[i] = base_va + 1024 + (random64() & 0x3f0) + (random64() % 8 ? 0 : 8);
    for (unsigned i = 0; i < PAGE; i++)
        m->bytes[i] = (uint8_t)random64();
    unsigned rn = word >> 5 & 31, rm = word >> 16 & 31;
    if (uses_memory(a64_decode(word))) {
        if (rm < 31)
            cpu->x[rm] = random64() % 128 - 64;
        if (rn < 31)
            cpu->x[rn] = base_va + 1024 + random64() % 1024;
        if (a64_decode(word) == A64_SYS && (word & 31) < 31)
            cpu->x[word & 31] = base_va + random64() % PAGE;
        if (a64_op_info[a64_decode(word)].traits & A64_TRAIT_EXCLUSIVE && rn < 31 && random64() % 8)
            cpu->x[rn] &= ~UINT64_C(15);
    }
    randomise_monitor(m, rn);
}

/* ---- Comparing ---- */

static struct ir_block block;
static struct ir_eval eval;
static struct machine by_interp, by_ir;
static uint32_t words[WORDS];

struct outcome {
    bool fault;
    uint64_t pc; /* or number of the faulting instruction */
};

/* At most n instructions from `off`, or up to the first branch. */
static struct outcome interpret(struct machine *m, uint32_t off, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t word = words[off / 4 + i];
        m->cpu.pc = base_va + off + 4 * i;
        switch (interp_handlers[a64_decode(word)](&m->cpu, word)) {
        case XR_NEXT:
        case XR_SYNC: break;
        case XR_BRANCH: return (struct outcome){false, m->cpu.pc};
        default: return (struct outcome){true, i};
        }
    }
    return (struct outcome){false, base_va + off + 4 * n};
}

static struct outcome evaluate(struct machine *m, uint32_t off)
{
    eval.b = &block;
    eval.cpu = &m->cpu;
    eval.page = base_va;
    eval.off = off;
    eval.at = at;
    eval.pa_delta = base_pa - base_va;
    ir_eval(&eval);
    switch (eval.left) {
    case IR_LEFT_FAULT:
    case IR_LEFT_SINGLE:
    case IR_LEFT_TAKEN: return (struct outcome){true, (uint64_t)eval.to};
    case IR_LEFT_ADDRESS: return (struct outcome){false, (uint64_t)eval.to};
    case IR_LEFT_OFFSET: return (struct outcome){false, base_va + (uint64_t)eval.to};
    default: fail_msg("operation %lld", (long long)eval.to);
    }
    return (struct outcome){0};
}

static void print_words(uint32_t off, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t word = words[off / 4 + i];
        print_error("%08x %s\n", word, a64_op_info[a64_decode(word)].name);
    }
    ir_print(&block, stderr);
}

static bool states_differ(void)
{
    struct a64_cpu *a = &by_interp.cpu, *b = &by_ir.cpu;
    a->pc = b->pc = 0;
    a->engine = b->engine = NULL;
    memset(&a->monitor.size + 1, 0, 6); /* padding */
    memset(&b->monitor.size + 1, 0, 6);
    return memcmp(a, b, sizeof(*a)) || memcmp(by_interp.bytes, by_ir.bytes, PAGE);
}

static void report(uint32_t off, unsigned n, const struct outcome *want, const struct outcome *got)
{
    struct a64_cpu *a = &by_interp.cpu, *b = &by_ir.cpu;
    print_words(off, n);
    for (unsigned i = 0; i < 31; i++)
        if (a->x[i] != b->x[i])
            print_error("x%u: %llx, IR %llx\n", i, (unsigned long long)a->x[i],
                        (unsigned long long)b->x[i]);
    fail_msg("nzcv %x, IR %x; %s %llx, IR %s %llx", a->nzcv, b->nzcv, want->fault ? "fault" : "to",
             (unsigned long long)want->pc, got->fault ? "fault" : "to",
             (unsigned long long)got->pc);
}

/* Writes of DAIF are left to the interpreter when debug exceptions may come of them. */
static bool may_be_left(uint32_t word)
{
    enum a64_op op = a64_decode(word);
    return op == A64_MSR_i || op == A64_MSR_r;
}

/* What faults by IR, or is left to the interpreter, finds the state of before the instruction. */
static void compare(uint32_t off, unsigned n, const struct machine *start)
{
    by_interp = by_ir = *start;
    by_interp.cpu.engine = &by_interp;
    by_ir.cpu.engine = &by_ir;
    struct outcome want = interpret(&by_interp, off, n), got = evaluate(&by_ir, off);
    bool same = want.fault == got.fault && want.pc == got.pc;
    if (eval.left == IR_LEFT_SINGLE ||
        (eval.left == IR_LEFT_FAULT && (same || may_be_left(words[off / 4 + got.pc])))) {
        by_interp = *start;
        by_interp.cpu.engine = &by_interp;
        same = !interpret(&by_interp, off, (unsigned)got.pc).fault;
    }
    if (!same || states_differ())
        report(off, n, &want, &got);
}

/* The words at `off` on one random state; `passes` of ir_optimise, before which the block is
 * checked; with groups if there are any. */
static void try(uint32_t off, unsigned limit, unsigned mode, unsigned passes)
{
    const struct a64_features features = a64_features_default();
    char text[200];
    unsigned n = lift_block(&block, words, off, limit, mode, &features);
    if (!ir_verify(&block, text, sizeof(text))) {
        print_words(off, n);
        fail_msg("%s", text);
    }
    if (passes)
        ir_group(&block, 0);
    ir_optimise(&block, passes);
    if (!ir_verify(&block, text, sizeof(text)))
        fail_msg("after the passes: %s", text);
    static struct machine start;
    randomise(&start, words[off / 4], mode);
    compare(off, n, &start);
}

/* ---- Tests ---- */

#define LIFT(name) A64_##name,
static const uint16_t integer[] = {
#include "engine/lift/lift_int.def"
};
static const uint16_t branches[] = {
#include "engine/lift/lift_branch.def"
};
static const uint16_t memory[] = {
#include "engine/lift/lift_ldst.def"
};
#undef LIFT

static const unsigned modes[] = {LIFT_EL1, LIFT_EL1 | LIFT_SPCHECK, LIFT_SPCHECK,
                                 LIFT_EL1 | LIFT_SPEL0 | LIFT_SPCHECK, 0,
                                 LIFT_EL1 | LIFT_SPCHECK | LIFT_ALIGN | LIFT_GUARDED};

static void each_alone(const uint16_t *ops, unsigned count, unsigned trials)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < trials; k++) {
            uint32_t off = (uint32_t)random64() % WORDS * 4;
            words[off / 4] = random_word((enum a64_op)ops[i]);
            try(off, 1, modes[k % ARRAY_LEN(modes)], 0);
        }
}

static void test_integer_instructions_mean_the_same(void **unused)
{
    (void)unused;
    each_alone(integer, ARRAY_LEN(integer), 120);
}

static void test_branches_and_system_instructions_mean_the_same(void **unused)
{
    (void)unused;
    each_alone(branches, ARRAY_LEN(branches), 60);
}

/* The registers of MRS and MSR at random are mostly none. */
static void test_system_registers_mean_the_same(void **unused)
{
    static const uint16_t keys[] = {
#define SYSREG(name, op0, op1, crn, crm, op2, rd, wr, reset, mask, read, write, feat, trap, flags) \
    A64_SYS_KEY(op0, op1, crn, crm, op2),
#include "sysregs.def"
    };
    (void)unused;
    for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
        for (unsigned k = 0; k < 2 * ARRAY_LEN(modes); k++) {
            uint32_t read = keys[i] >> 14 == 3 || keys[i] >> 14 == 2 ? k & 1 : 0;
            words[7] = 0xd5000000u | read << 21 | (uint32_t)keys[i] << 5 | (random64() & 31);
            if (a64_decode(words[7]) == (read ? A64_MRS : A64_MSR_r))
                try(28, 1, modes[k / 2], IR_PASS_ALL);
        }
}

static void test_daif_and_dc_mean_the_same(void **unused)
{
    static const uint8_t crm[] = {4, 10, 11, 14, 5}; /* ZVA, CVAC, CVAU, CIVAC, IC IVAU */
    (void)unused;
    for (unsigned k = 0; k < 200; k++) {
        unsigned mode = modes[k % ARRAY_LEN(modes)];
        words[9] = a64_encode_MSR_i(3, (uint32_t)random64(), 6 + (k & 1));
        try(36, 1, mode, IR_PASS_ALL);
        for (unsigned n = 0; n < ARRAY_LEN(crm); n++) {
            words[9] = a64_encode_SYS(3, 7, crm[n], 1, (uint32_t)random64());
            try(36, 1, mode, IR_PASS_ALL);
        }
    }
}

static void test_loads_and_stores_mean_the_same(void **unused)
{
    (void)unused;
    each_alone(memory, ARRAY_LEN(memory), 12);
}

static void test_exclusives_mean_the_same(void **unused)
{
    static const uint16_t ops[] = {
        A64_STXRB, A64_STXRH, A64_STXR, A64_STXP, A64_STLXRB, A64_STLXRH, A64_STLXR, A64_STLXP,
        A64_LDXRB, A64_LDXRH, A64_LDXR, A64_LDXP, A64_LDAXRB, A64_LDAXRH, A64_LDAXR, A64_LDAXP,
        A64_CASP};
    (void)unused;
    each_alone(ops, ARRAY_LEN(ops), 100);
}

/* A load-exclusive, something, and a store-exclusive of the same size and base. */
static void test_exclusive_sequences_mean_the_same(void **unused)
{
    (void)unused;
    for (unsigned k = 0; k < 1000; k++) {
        uint32_t sf = k & 1, rn = (uint32_t)random64() & 31, rt = (uint32_t)random64() & 31;
        uint32_t rs = (uint32_t)random64() & 31, rt2 = (uint32_t)random64() & 31;
        bool pair = k & 2;
        words[3] = pair ? a64_encode_LDXP(sf, rt2, rn, rt) : a64_encode_LDAXR(sf, rn, rt);
        words[4] = a64_encode_ADD_i(1, 0, 16, rt % 31, rt % 31);
        words[5] = pair ? a64_encode_STLXP(sf, rs, rt2, rn, rt) : a64_encode_STXR(sf, rs, rn, rt);
        try(12, 3, modes[k / 4 % ARRAY_LEN(modes)], k & 8 ? IR_PASS_ALL : 0);
    }
}

/* Few registers, so that values meet; mostly integer instructions. */
static uint32_t word_of_sequence(void)
{
    uint64_t r = random64();
    uint32_t word;
    switch (r % 8) {
    case 0:
        return random_word((enum a64_op)branches[r / 8 % ARRAY_LEN(branches)]);
    case 1:
        word = random_word((enum a64_op)memory[r / 8 % ARRAY_LEN(memory)]);
        return word | 31 << 5; /* by SP */
    case 2:
        return a64_encode_ADD_i(1, 0, 16 * (r / 8 % 4) + r / 64 % 2 * 8, 31, 31);
    default:
        word = random_word((enum a64_op)integer[r / 8 % ARRAY_LEN(integer)]);
        return a64_decode(word & ~0x0000009cu) == a64_decode(word) ? word & ~0x0000009cu : word;
    }
}

static void test_sequences_mean_the_same(void **unused)
{
    (void)unused;
    for (unsigned k = 0; k < 4000; k++) {
        unsigned n = 2 + (unsigned)(random64() % 14);
        uint32_t off = (uint32_t)random64() % (WORDS - n + 1) * 4;
        for (unsigned i = 0; i < n; i++)
            words[off / 4 + i] = word_of_sequence();
        try(off, n, modes[k % (ARRAY_LEN(modes) - 1)], k & 1 ? IR_PASS_ALL : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integer_instructions_mean_the_same),
        cmocka_unit_test(test_branches_and_system_instructions_mean_the_same),
        cmocka_unit_test(test_system_registers_mean_the_same),
        cmocka_unit_test(test_daif_and_dc_mean_the_same),
        cmocka_unit_test(test_loads_and_stores_mean_the_same),
        cmocka_unit_test(test_exclusives_mean_the_same),
        cmocka_unit_test(test_exclusive_sequences_mean_the_same),
        cmocka_unit_test(test_sequences_mean_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
