/* AArch64 half of the random instruction test: see random.h.
 *
 * A static program without libc's help in the loop. It lives in its signal handler: each trial ends
 * with a signal (the words are followed by UDF), the handler saves the state that the kernel handed
 * it, puts the next trial into the same frame and returns into it. So no instruction of this
 * program runs with a trial's registers, and all of them can be used by the trials.
 */
#define _GNU_SOURCE
#include "random.h"

#include <asm/sigcontext.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define HANDLER_STACK UINT64_C(0x2a5b6c7d0000)
#define HANDLER_STACK_BYTES (64 * 1024)

static struct random_trial trials[RANDOM_BATCH];
static struct random_result results[RANDOM_BATCH];
static uint64_t batch_count, next;

static void fail(const char *what)
{
    if (write(2, what, strlen(what)) < 0)
        _exit(3);
    _exit(2);
}

/* False at the end of input before the first byte. */
static bool read_all(void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = read(0, (uint8_t *)to + done, bytes - done);
        if (n == 0 && done == 0)
            return false;
        if (n <= 0)
            fail("guest: input ends early\n");
        done += (size_t)n;
    }
    return true;
}

static void write_all(const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = write(1, (const uint8_t *)from + done, bytes - done);
        if (n <= 0)
            fail("guest: cannot write\n");
        done += (size_t)n;
    }
}

static void read_batch(void)
{
    if (!read_all(&batch_count, sizeof(batch_count)))
        _exit(0);
    if (batch_count == 0 || batch_count > RANDOM_BATCH)
        fail("guest: bad batch\n");
    if (!read_all(trials, batch_count * sizeof(trials[0])))
        fail("guest: input ends early\n");
    next = 0;
}

static struct fpsimd_context *fpsimd_of(ucontext_t *uc)
{
    struct fpsimd_context *f = (void *)uc->uc_mcontext.__reserved;
    if (f->head.magic != FPSIMD_MAGIC)
        fail("guest: no FPSIMD context\n");
    return f;
}

static void save_result(struct random_result *r, const siginfo_t *info, ucontext_t *uc)
{
    const struct fpsimd_context *f = fpsimd_of(uc);
    memcpy(r->state.x, uc->uc_mcontext.regs, sizeof(r->state.x));
    r->state.sp = uc->uc_mcontext.sp;
    r->state.pc = uc->uc_mcontext.pc;
    memcpy(r->state.v, f->vregs, sizeof(r->state.v));
    r->state.nzcv = uc->uc_mcontext.pstate & 0xf0000000u;
    r->state.fpcr = f->fpcr;
    r->state.fpsr = f->fpsr;
    for (unsigned z = 0; z < RANDOM_ZONES; z++)
        memcpy(r->state.memory[z], (const void *)random_zone_address(z), RANDOM_ZONE);
    r->signal = (uint64_t)info->si_signo;
    r->address = (uint64_t)info->si_addr;
}

static void load_trial(const struct random_trial *t, ucontext_t *uc)
{
    struct fpsimd_context *f = fpsimd_of(uc);
    uint32_t *slot = (uint32_t *)RANDOM_SLOT;
    for (unsigned i = 0; i < RANDOM_WORDS; i++)
        slot[i] = i < t->count ? t->word[i] : 0;
    __builtin___clear_cache((char *)slot, (char *)(slot + RANDOM_WORDS));
    memcpy(uc->uc_mcontext.regs, t->state.x, sizeof(t->state.x));
    uc->uc_mcontext.sp = t->state.sp;
    uc->uc_mcontext.pc = RANDOM_SLOT;
    uc->uc_mcontext.pstate = t->state.nzcv;
    memcpy(f->vregs, t->state.v, sizeof(t->state.v));
    f->fpcr = (uint32_t)t->state.fpcr;
    f->fpsr = (uint32_t)t->state.fpsr;
    for (unsigned z = 0; z < RANDOM_ZONES; z++)
        memcpy((void *)random_zone_address(z), t->state.memory[z], RANDOM_ZONE);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    if (batch_count) {
        save_result(&results[next++], info, context);
        if (next == batch_count)
            write_all(results, batch_count * sizeof(results[0]));
    }
    if (next == batch_count)
        read_batch();
    load_trial(&trials[next], context);
}

static void map(uint64_t address, uint64_t bytes, int prot)
{
    void *p = mmap((void *)address, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (p != (void *)address)
        fail("guest: cannot map the trial region\n");
}

int main(void)
{
    static const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE};
    map(RANDOM_REGION, RANDOM_REGION_BYTES, PROT_NONE);
    map(RANDOM_CODE, RANDOM_CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
    map(RANDOM_WINDOW, 3 * RANDOM_PAGE, PROT_READ | PROT_WRITE);
    for (unsigned i = 0; i < RANDOM_PAGE; i++)
        ((uint8_t *)RANDOM_READ_ONLY)[i] = random_read_only_byte(i);
    if (mprotect((void *)RANDOM_READ_ONLY, RANDOM_PAGE, PROT_READ))
        fail("guest: cannot protect the read-only page\n");
    /* Far from all numbers that trials like as SP: were SP in the signal stack, the next signal's
     * frame would go below SP, over the handler's own data. */
    void *handler_stack = mmap((void *)HANDLER_STACK, HANDLER_STACK_BYTES, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (handler_stack == MAP_FAILED)
        fail("guest: no signal stack\n");
    stack_t stack = {.ss_sp = handler_stack, .ss_size = HANDLER_STACK_BYTES};
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (sigaltstack(&stack, NULL))
        fail("guest: no signal stack\n");
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (sigaction(signals[i], &sa, NULL))
            fail("guest: cannot catch signals\n");
    }
    __asm__ volatile("udf #0");
    return 1;
}
