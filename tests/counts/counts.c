/* Counts the host instructions that translated code takes for small guest programs (kernels.S).
 *
 *   counts KERNELS.BIN [NAME...]
 *
 * prints for each program "NAME GUEST AVX2 AVX512": how many instructions of the guest and of the
 * host its rounds take: those of a run with more rounds less those of one with few, in a code cache
 * that has them translated and joined already. A count is the same on every machine:
 *  - The processor's trap flag (Intel SDM volume 3, 18.3.1.4) stops after each instruction of the
 *    thread that runs the guest; the handler counts those that are in the code cache, fixed code
 *    included. What C does for the guest is not counted: that is the compiler's.
 *  - The guest has no interrupts, so nothing depends on time.
 *  - The column AVX2 is what any host gets that the translator works on; AVX512 is for one level of
 *    AVX-512 with what came with it (VBMI2, GFNI, SHA: Ice Lake, Zen 4). "-": this host has less.
 * Lines that begin with # are for people.
 *
 * Each program is run by the interpreter as well. A difference in registers or memory afterwards is
 * an error, status 1.
 */
#include "a64/features.h"
#include "base/bits.h"
#include "base/hash.h"
#include "engine/interp/interp.h"
#include "engine/jit/jit.h"
#include "engine/jit/jit_int.h"
#include "vm/vm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define RAM UINT64_C(0x40000000)
#define RAM_BYTES (UINT64_C(16) << 20)
#define TABLES (RAM + 0x1000)
#define CODE (RAM + 0x200000) /* as kernels.S is linked: run.sh */
#define CODE_BYTES 0x100000u
#define DATA (RAM + 0x400000)
#define DATA_BYTES 0x10000u
#define STACK (RAM + 0x600000)
#define BUDGET UINT64_C(1000000) /* more than any program takes */

/* Descriptors of 1 GiB, Arm ARM D8.3: block, AF, inner shareable, MAIR index 0. */
#define BLOCK UINT64_C(0x701)
#define EL0 BIT(6)

struct kernel {
    char name[24];
    uint64_t entry, rounds[2];
};

static uint8_t image[CODE_BYTES];

static void quit(const char *what)
{
    fprintf(stderr, "counts: %s\n", what);
    exit(2);
}

/* ---- Counting ---- */

static struct {
    uintptr_t start, end; /* of the code cache */
    volatile uint64_t inside, outside; /* the code cache */
} count;

static void on_trap(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *u = context;
    uintptr_t at = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
    (void)sig;
    (void)info;
    if (at >= count.start && at < count.end)
        count.inside++;
    else
        count.outside++;
}

/* On a stack of its own: that of translated code is no ordinary one. */
static void catch_traps(void)
{
    static char stack[1 << 16];
    const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction act = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (sigaltstack(&alternative, NULL) || sigaction(SIGTRAP, &act, NULL))
        quit("cannot catch SIGTRAP");
}

static void trap_flag(bool on)
{
    uint64_t flags;
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; pop %0; lea 128(%%rsp), %%rsp"
                     : "=r"(flags)
                     :
                     : "memory");
    flags = on ? flags | 0x100 : flags & ~UINT64_C(0x100);
    __asm__ volatile("lea -128(%%rsp), %%rsp; push %0; popfq; lea 128(%%rsp), %%rsp"
                     :
                     : "r"(flags)
                     : "memory", "cc");
}

/* ---- Machines ---- */

struct machine {
    struct vm vm;
    struct vcpu *v;
    struct a64_cpu *cpu;
};

static void poke(struct machine *m, uint64_t pa, uint64_t value)
{
    if (!mem_write(&m->vm.mem, pa, &value, sizeof(value)))
        quit("no memory there");
}

/* RAM as it is for EL1, and 1 GiB above for EL0: EL1 may not execute what EL0 may write. */
static void tables(struct machine *m)
{
    uint64_t *sys = m->cpu->sys;
    poke(m, TABLES + 8, RAM | BLOCK);
    poke(m, TABLES + 16, RAM | BLOCK | EL0);
    sys[A64_MAIR_EL1] = 0xff; /* Normal, write-back */
    /* 39-bit addresses, 4 KiB, inner shareable and cacheable walks, 48-bit output, EPD1 */
    sys[A64_TCR_EL1] = 25 | 1 << 8 | 1 << 10 | 3 << 12 | BIT(23) | UINT64_C(5) << 32;
    sys[A64_TTBR0_EL1] = TABLES;
    sys[A64_SCTLR_EL1] |= BIT(0);
    sys[A64_CPACR_EL1] = 3 << 20;
}

static struct machine *machine_create(const struct engine_ops *engine, enum clock_source clock,
                                      bool avx2)
{
    struct machine *m = calloc(1, sizeof(*m));
    struct err e = {0};
    const struct a64_features features = a64_features_default();
    if (!m || vm_create(&m->vm, RAM, RAM_BYTES, clock, &e))
        quit("no machine");
    m->vm.engine_config.stress.avx2 = avx2;
    m->vm.engine_config.code_cache = ENGINE_CODE_MIN;
    if (vm_add_vcpu(&m->vm, engine, &features, &e))
        quit(e.text);
    m->v = m->vm.vcpus[0];
    m->cpu = &m->v->cpu;
    vm_reset(&m->vm);
    tables(m);
    if (!mem_write(&m->vm.mem, CODE, image, sizeof(image)))
        quit("no memory for the programs");
    return m;
}

static void machine_destroy(struct machine *m)
{
    vm_destroy(&m->vm);
    free(m);
}

/* The state that programs begin with. */
static void prepare(struct machine *m, const struct kernel *k, unsigned which)
{
    struct a64_cpu *cpu = m->cpu;
    for (uint64_t i = 0; i < DATA_BYTES; i += 8)
        poke(m, DATA + i, hash_bytes(&i, sizeof(i), 1) | UINT64_C(0x0101010101010101));
    memset(cpu->x, 0, sizeof(cpu->x));
    memset(cpu->v, 0, sizeof(cpu->v));
    cpu->fp.fpcr = cpu->fp.fpsr = 0;
    cpu->nzcv = 0;
    cpu->el = 1;
    cpu->spsel = 1;
    cpu->btype = 0;
    cpu->x[0] = k->rounds[which];
    cpu->x[1] = DATA;
    cpu->sp[1] = STACK;
    cpu->pc = k->entry;
    m->v->engine->context_changed(m->v);
}

static void run(struct machine *m)
{
    atomic_store(&m->cpu->request, 0); /* of the reset */
    enum a64_exit why = m->v->engine->run(m->v, BUDGET);
    if (why != A64_EXIT_HVC || m->cpu->exit_imm)
        quit("the program did not end at its HVC");
}

static uint64_t state(struct machine *m)
{
    const struct a64_cpu *cpu = m->cpu;
    uint64_t h = hash_bytes(cpu->x, sizeof(cpu->x), 0);
    const uint64_t rest[] = {cpu->pc, cpu->sp[1], cpu->nzcv, cpu->fp.fpsr};
    h = hash_bytes(cpu->v, sizeof(cpu->v), h);
    h = hash_bytes(rest, sizeof(rest), h);
    return hash_bytes(mem_ptr(&m->vm.mem, DATA, DATA_BYTES, MEM_READ), DATA_BYTES, h);
}

/* ---- The columns ---- */

/* What the columns are of: the host's features are cut down to these. */
static const struct x64_host avx2_level = {
    .cx16 = true, .sse42 = true, .movbe = true, .popcnt = true, .bmi1 = true, .bmi2 = true,
    .lzcnt = true, .avx = true, .avx2 = true, .fma = true, .f16c = true, .aes = true,
    .pclmul = true,
};

static struct x64_host avx512_level(void)
{
    struct x64_host h = avx2_level;
    h.sha = h.gfni = h.vaes = h.vpclmul = true;
    h.avx512f = h.avx512dq = h.avx512cd = h.avx512bw = h.avx512vl = h.avx512 = true;
    h.ifma = h.vbmi = h.vbmi2 = h.vnni = h.bitalg = h.vpopcntdq = true;
    return h;
}

static bool host_has(const struct x64_host *level)
{
    const struct x64_host host = x64_host_detect();
    bool all = true;
#define X(name, leaf, subleaf, reg, bit, state, need) all = all && host.name >= level->name;
#include "x64/host.def"
#undef X
    return all && host.avx512 >= level->avx512;
}

/* What two runs of a program took, and the state after each. */
struct took {
    uint64_t instructions[2], hash[2];
};

static struct took run_guest(const struct kernel *k)
{
    struct machine *m = machine_create(&interp_engine, CLOCK_COUNTED, false);
    struct took t;
    for (unsigned i = 0; i < 2; i++) {
        prepare(m, k, i);
        uint64_t before = m->cpu->instret;
        run(m);
        t.instructions[i] = m->cpu->instret - before;
        t.hash[i] = state(m);
    }
    machine_destroy(m);
    return t;
}

/* The third and fourth run: the first two translate and join. */
static struct took run_host(const struct kernel *k, const struct x64_host *level)
{
    struct machine *m = machine_create(&jit_engine, CLOCK_HOST, !level->avx512);
    struct jit *j = m->cpu->engine;
    struct took t;
    j->host = *level;
    m->vm.clock.tsc.line.limit = UINT64_MAX; /* time stands still, but can be read */
    count.start = (uintptr_t)j->code.exec;
    count.end = count.start + j->code.bytes;
    for (unsigned i = 0; i < 4; i++) {
        prepare(m, k, i % 2);
        count.inside = count.outside = 0;
        if (i >= 2)
            trap_flag(true);
        run(m);
        trap_flag(false);
        t.instructions[i % 2] = count.inside;
        t.hash[i % 2] = state(m);
    }
    printf("# %s %s: %llu, and %llu in C\n", k->name, level->avx512 ? "avx512" : "avx2",
           (unsigned long long)t.instructions[1], (unsigned long long)count.outside);
    machine_destroy(m);
    return t;
}

static uint64_t difference(const struct took *t)
{
    return t->instructions[1] - t->instructions[0];
}

static bool count_kernel(const struct kernel *k, bool avx512)
{
    const struct x64_host levels[] = {avx2_level, avx512_level()};
    const struct took guest = run_guest(k);
    uint64_t n = difference(&guest);
    char column[2][24] = {"-", "-"};
    for (unsigned i = 0; i < 1u + avx512; i++) {
        const struct took host = run_host(k, &levels[i]);
        if (host.hash[0] != guest.hash[0] || host.hash[1] != guest.hash[1]) {
            printf("%s error\n", k->name);
            return false;
        }
        snprintf(column[i], sizeof(column[i]), "%llu", (unsigned long long)difference(&host));
    }
    printf("# %s: %.2f %.2f for each guest instruction\n", k->name, atof(column[0]) / (double)n,
           atof(column[1]) / (double)n);
    printf("%s %llu %s %s\n", k->name, (unsigned long long)n, column[0], column[1]);
    return true;
}

static bool is_wanted(const char *name, char **names)
{
    bool wanted = !*names;
    for (; *names; names++)
        wanted = wanted || !strcmp(name, *names);
    return wanted;
}

int main(int argc, char **argv)
{
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!f || !fread(image, 1, sizeof(image), f))
        quit("usage: counts KERNELS.BIN [NAME...]");
    fclose(f);
    if (!host_has(&avx2_level)) {
        printf("skip counts the host lacks x86-64-v3 or AES\n");
        return 77;
    }
    const struct x64_host more = avx512_level();
    bool avx512 = host_has(&more), good = true;
    catch_traps();
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (const struct kernel *k = (const void *)image; *k->name; k++) {
        if (is_wanted(k->name, argv + 2) && !count_kernel(k, avx512))
            good = false;
    }
    return good ? 0 : 1;
}
