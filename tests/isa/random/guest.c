/* AArch64 half of the random instruction test: see random.h.
 *
 * A trial is entered by a few instructions that load all registers from its record and branch to
 * the words; these are followed by a branch to `leave`, which stores all registers into the result.
 * TPIDR_EL0 is the one register that trials do not have: it holds X0 until there is a base
 * register. Trials that do not come that way end with a signal, whose handler takes the state from
 * its frame and goes on with the next trial without returning. An emulator translates words once
 * for all trials that repeat them.
 *
 * The program is linked next to random.h's region (-Ttext-segment), within reach of B;
 * the linker defines `guest_slot` as RANDOM_SLOT. */
#define _GNU_SOURCE
#include "random.h"

#include <asm/sigcontext.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define HANDLER_STACK UINT64_C(0x2a5b6c7d0000)
#define HANDLER_STACK_BYTES (64 * 1024)

static struct random_batch *batches, *batch;
static unsigned next;
static bool has_dit, has_ssbs;

/* For the assembly below: the C library's TPIDR_EL0, the stack of the loop, the result's state. */
uint64_t guest_tls, guest_sp;
struct random_state *guest_result;

void guest_enter(const struct random_state *s) __attribute__((noreturn));
void guest_left(void) __attribute__((noreturn));
void guest_restart(void) __attribute__((noreturn));
void guest_leave(void);

_Static_assert(offsetof(struct random_state, sp) == 248, "assembly");
_Static_assert(offsetof(struct random_state, v) == 256, "assembly");
_Static_assert(offsetof(struct random_state, nzcv) == 768, "assembly");
_Static_assert(offsetof(struct random_state, fpcr) == 776, "assembly");
_Static_assert(offsetof(struct random_state, fpsr) == 784, "assembly");
_Static_assert(RANDOM_SLOT == 0x70102000, "guest_slot of the link command");

__asm__(".text\n"
        ".globl guest_enter, guest_leave, guest_restart\n"
        "guest_enter:\n"
        "    clrex\n"
        "    add x4, x0, #768\n"
        "    ldp x1, x2, [x4]\n"
        "    ldr x3, [x4, #16]\n"
        "    ldr x4, [x0, #248]\n"
        "    msr nzcv, x1\n"
        "    msr fpcr, x2\n"
        "    msr fpsr, x3\n"
        "    mov sp, x4\n"
        "    .irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28\n"
        "    ldp q\\n, q30, [x0, #256 + \\n * 16]\n"
        "    .endr\n"
        "    ldp q30, q31, [x0, #736]\n"
        "    .irp n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29\n"
        "    ldr q\\n, [x0, #256 + \\n * 16]\n"
        "    .endr\n"
        "    ldp x2, x3, [x0, #16]\n"
        "    ldp x4, x5, [x0, #32]\n"
        "    ldp x6, x7, [x0, #48]\n"
        "    ldp x8, x9, [x0, #64]\n"
        "    ldp x10, x11, [x0, #80]\n"
        "    ldp x12, x13, [x0, #96]\n"
        "    ldp x14, x15, [x0, #112]\n"
        "    ldp x16, x17, [x0, #128]\n"
        "    ldp x18, x19, [x0, #144]\n"
        "    ldp x20, x21, [x0, #160]\n"
        "    ldp x22, x23, [x0, #176]\n"
        "    ldp x24, x25, [x0, #192]\n"
        "    ldp x26, x27, [x0, #208]\n"
        "    ldp x28, x29, [x0, #224]\n"
        "    ldr x30, [x0, #240]\n"
        "    ldp x0, x1, [x0]\n"
        "    b guest_slot\n"
        "guest_leave:\n"
        "    msr tpidr_el0, x0\n"
        "    adrp x0, guest_result\n"
        "    ldr x0, [x0, :lo12:guest_result]\n"
        "    stp x1, x2, [x0, #8]\n"
        "    mrs x1, nzcv\n"
        "    mrs x2, tpidr_el0\n"
        "    str x2, [x0]\n"
        "    stp x3, x4, [x0, #24]\n"
        "    stp x5, x6, [x0, #40]\n"
        "    stp x7, x8, [x0, #56]\n"
        "    stp x9, x10, [x0, #72]\n"
        "    stp x11, x12, [x0, #88]\n"
        "    stp x13, x14, [x0, #104]\n"
        "    stp x15, x16, [x0, #120]\n"
        "    stp x17, x18, [x0, #136]\n"
        "    stp x19, x20, [x0, #152]\n"
        "    stp x21, x22, [x0, #168]\n"
        "    stp x23, x24, [x0, #184]\n"
        "    stp x25, x26, [x0, #200]\n"
        "    stp x27, x28, [x0, #216]\n"
        "    stp x29, x30, [x0, #232]\n"
        "    mov x2, sp\n"
        "    str x2, [x0, #248]\n"
        "    mrs x2, fpcr\n"
        "    mrs x3, fpsr\n"
        "    add x4, x0, #768\n"
        "    stp x1, x2, [x4]\n"
        "    str x3, [x4, #16]\n"
        "    .irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30\n"
        "    str q\\n, [x0, #256 + \\n * 16]\n"
        "    .endr\n"
        "    .irp n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31\n"
        "    str q\\n, [x0, #256 + \\n * 16]\n"
        "    .endr\n"
        "    adrp x0, guest_tls\n"
        "    ldr x0, [x0, :lo12:guest_tls]\n"
        "    msr tpidr_el0, x0\n"
        "    adrp x0, guest_sp\n"
        "    ldr x0, [x0, :lo12:guest_sp]\n"
        "    mov sp, x0\n"
        "    b guest_left\n"
        "guest_restart:\n"
        "    adrp x0, guest_sp\n"
        "    ldr x0, [x0, :lo12:guest_sp]\n"
        "    mov sp, x0\n"
        "    b guest_next\n");

static void fail(const char *what)
{
    if (write(2, what, strlen(what)) < 0)
        _exit(3);
    _exit(2);
}

static void get_batch(void)
{
    uint8_t n;
    ssize_t got = read(0, &n, 1);
    if (got == 0)
        _exit(0);
    if (got < 0 || n >= RANDOM_BATCHES)
        fail("guest: bad input\n");
    batch = &batches[n];
    if (batch->count == 0 || batch->count > RANDOM_BATCH)
        fail("guest: bad batch\n");
    next = 0;
}

static void put_batch(void)
{
    uint8_t n = (uint8_t)(batch - batches);
    if (write(1, &n, 1) != 1)
        fail("guest: cannot write\n");
    batch = NULL;
}

static void write_words(const struct random_trial *t)
{
    uint32_t *slot = (uint32_t *)RANDOM_SLOT;
    for (unsigned i = 0; i <= RANDOM_WORDS; i++)
        slot[i] = i < t->count ? t->word[i] : i == t->count ? random_leave(i) : 0;
    __builtin___clear_cache((char *)slot, (char *)(slot + RANDOM_WORDS + 1));
}

/* PSTATE fields that trials may set and the kernel would give each signal anew. */
static void reset_pstate(void)
{
    if (has_dit)
        __asm__ volatile("msr s3_3_c4_c2_5, xzr");
    if (has_ssbs)
        __asm__ volatile("msr s3_3_c4_c2_6, xzr");
}

void guest_next(void) __attribute__((noreturn, used));
void guest_next(void)
{
    if (batch && next == batch->count)
        put_batch();
    if (!batch)
        get_batch();
    const struct random_trial *t = &batch->trial[next];
    guest_result = &batch->result[next].state;
    if (!t->repeat)
        write_words(t);
    for (unsigned z = 0; z < RANDOM_ZONES; z++)
        memcpy((void *)random_zone_address(z), t->state.memory[z], RANDOM_ZONE);
    reset_pstate();
    guest_enter(&t->state);
}

static void save_memory(struct random_result *r)
{
    for (unsigned z = 0; z < RANDOM_ZONES; z++)
        memcpy(r->state.memory[z], (const void *)random_zone_address(z), RANDOM_ZONE);
    batch->done = ++next;
}

/* All words were completed; guest_leave stored the registers. */
void __attribute__((used)) guest_left(void)
{
    struct random_result *r = &batch->result[next];
    r->state.pc = RANDOM_SLOT + 4 * batch->trial[next].count;
    r->signal = r->address = 0;
    save_memory(r);
    guest_next();
}

static const struct fpsimd_context *fpsimd_of(const ucontext_t *uc)
{
    const struct fpsimd_context *f = (const void *)uc->uc_mcontext.__reserved;
    if (f->head.magic != FPSIMD_MAGIC)
        fail("guest: no FPSIMD context\n");
    return f;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    const struct fpsimd_context *f = fpsimd_of(uc);
    if (!batch)
        fail("guest: signal outside of a trial\n");
    struct random_result *r = &batch->result[next];
    memcpy(r->state.x, uc->uc_mcontext.regs, sizeof(r->state.x));
    r->state.sp = uc->uc_mcontext.sp;
    r->state.pc = uc->uc_mcontext.pc;
    memcpy(r->state.v, f->vregs, sizeof(r->state.v));
    r->state.nzcv = uc->uc_mcontext.pstate & 0xf0000000u;
    r->state.fpcr = f->fpcr;
    r->state.fpsr = f->fpsr;
    r->signal = (uint64_t)sig;
    r->address = (uint64_t)info->si_addr;
    save_memory(r);
    guest_restart();
}

static void map(uint64_t address, uint64_t bytes, int prot)
{
    void *p = mmap((void *)address, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (p != (void *)address)
        fail("guest: cannot map the trial region\n");
}

static void map_region(void)
{
    map(RANDOM_REGION, RANDOM_REGION_BYTES, PROT_NONE);
    map(RANDOM_CODE, RANDOM_CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
    map(RANDOM_WINDOW, 3 * RANDOM_PAGE, PROT_READ | PROT_WRITE);
    for (unsigned i = 0; i < RANDOM_PAGE; i++)
        ((uint8_t *)RANDOM_READ_ONLY)[i] = random_read_only_byte(i);
    if (mprotect((void *)RANDOM_READ_ONLY, RANDOM_PAGE, PROT_READ))
        fail("guest: cannot protect the read-only page\n");
    map(RANDOM_LEAVE, RANDOM_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    uint64_t distance = (uint64_t)guest_leave - RANDOM_LEAVE;
    *(uint32_t *)RANDOM_LEAVE = 0x14000000u | ((uint32_t)(distance / 4) & 0x3ffffffu);
    __builtin___clear_cache((char *)RANDOM_LEAVE, (char *)RANDOM_LEAVE + 4);
}

int main(void)
{
    static const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE};
    batches = mmap(NULL, RANDOM_BATCHES * sizeof(*batches), PROT_READ | PROT_WRITE, MAP_SHARED,
                   RANDOM_FD, 0);
    if (batches == MAP_FAILED)
        fail("guest: cannot map the batches\n");
    map_region();
    uint64_t pfr0, pfr1; /* the kernel emulates these reads */
    __asm__("mrs %0, s3_0_c0_c4_0" : "=r"(pfr0));
    __asm__("mrs %0, s3_0_c0_c4_1" : "=r"(pfr1));
    has_dit = pfr0 >> 48 & 15;
    has_ssbs = (pfr1 >> 4 & 15) >= 2;
    /* Far from all numbers that trials like as SP: were SP in the signal stack, the next signal's
     * frame would go below SP, over the handler's own data. */
    void *handler_stack = mmap((void *)HANDLER_STACK, HANDLER_STACK_BYTES, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (handler_stack == MAP_FAILED)
        fail("guest: no signal stack\n");
    stack_t stack = {.ss_sp = handler_stack, .ss_size = HANDLER_STACK_BYTES};
    /* The handler does not return, so signals are not to be blocked while it runs. */
    struct sigaction sa = {.sa_sigaction = on_signal,
                           .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    if (sigaltstack(&stack, NULL))
        fail("guest: no signal stack\n");
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (sigaction(signals[i], &sa, NULL))
            fail("guest: cannot catch signals\n");
    }
    static uint8_t loop_stack[64 * 1024] __attribute__((aligned(16)));
    guest_sp = (uint64_t)(loop_stack + sizeof(loop_stack));
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(guest_tls));
    guest_restart();
}
