/* Counts the host instructions that translated code takes for small guest programs (kernels.S).
 *
 *   counts KERNELS.BIN [NAME...]
 *
 * prints for each program "NAME GUEST AVX2 AVX512", the guest's instructions and the host's, in a
 * code cache that has them translated and joined already. A count is the same on every machine:
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

/* Descriptors of 1 GiB, Arm ARM D8.3: block, AF, inner shareable, MAIR index 0. */
#define BLOCK UINT64_C(0x701)
#define EL0 BIT(6)

struct kernel {
    char name[24];
    uint64_t entry, rounds;
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
    volatile uint64_t inside, outside;
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
static void prepare(struct machine *m, const struct kernel *k)
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
    cpu->x[0] = k->rounds;
    cpu->x[1] = DATA;
    cpu->sp[1] = STACK;
    cpu->pc = k->entry;
    m->v->engine->context_changed(m->v);
}

static void run(struct machine *m)
{
    enum a64_exit why;
    do
        why = m->v->engine->run(m->v, UINT64_MAX / 2 - m->cpu->instret);
    while (why == A64_EXIT_BUDGET || why == A64_EXIT_REQUEST);
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

/* Guest instructions of a program, by the interpreter; *hash: the state afterwards. */
static uint64_t count_guest(const struct kernel *k, uint64_t *hash)
{
    struct machine *m = machine_create(&interp_engine, CLOCK_COUNTED, false);
    prepare(m, k);
    uint64_t before = m->cpu->instret;
    run(m);
    uint64_t n = m->cpu->instret - before;
    *hash = state(m);
    machine_destroy(m);
    return n;
}

/* Host instructions of its second run. False: other results than the interpreter's. */
static bool count_host(const struct kernel *k, const struct x64_host *level, uint64_t hash,
                       uint64_t *host)
{
    struct machine *m = machine_create(&jit_engine, CLOCK_HOST, !level->avx512);
    struct jit *j = m->cpu->engine;
    j->host = *level;
    prepare(m, k);
    run(m);
    bool same = state(m) == hash;
    prepare(m, k);
    count.start = (uintptr_t)j->code.exec;
    count.end = count.start + j->code.bytes;
    count.inside = count.outside = 0;
    trap_flag(true);
    run(m);
    trap_flag(false);
    *host = count.inside;
    printf("# %s %s: %llu instructions in C\n", k->name, level->avx512 ? "avx512" : "avx2",
           (unsigned long long)count.outside);
    same = same && state(m) == hash;
    machine_destroy(m);
    return same;
}

static bool count_kernel(const struct kernel *k, bool avx512)
{
    const struct x64_host levels[] = {avx2_level, avx512_level()};
    uint64_t hash, host[2] = {0}, guest = count_guest(k, &hash);
    bool good = true;
    for (unsigned i = 0; i < 1u + avx512 && good; i++)
        good = count_host(k, &levels[i], hash, &host[i]);
    if (!good) {
        printf("# %s: other results than the interpreter's\n%s error\n", k->name, k->name);
        return false;
    }
    printf("# %s: %.3f", k->name, (double)host[0] / (double)guest);
    if (avx512)
        printf(" %.3f", (double)host[1] / (double)guest);
    printf(" for each guest instruction\n%s %llu %llu ", k->name, (unsigned long long)guest,
           (unsigned long long)host[0]);
    printf(avx512 ? "%llu\n" : "-\n", (unsigned long long)host[1]);
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
    for (const struct kernel *k = (const void *)image; *k->name; k++) {
        if (is_wanted(k->name, argv + 2) && !count_kernel(k, avx512))
            good = false;
    }
    return good ? 0 : 1;
}
