/* AArch64 half of the instruction oracle: executes every record of standard input natively (under
 * qemu-user, or on a real machine) and writes the records with the state after.
 *
 * Built statically with the cross compiler. All words go into one executable mapping before the
 * first one runs, each followed by RET. X29 holds the record while a word runs.
 */
#define _GNU_SOURCE
#include "insn_oracle.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

static volatile sig_atomic_t was_undefined;

/* UNDEFINED: go on as if the word had been a RET. */
static void on_sigill(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig;
    (void)info;
    was_undefined = 1;
    uc->uc_mcontext.pc = uc->uc_mcontext.regs[30];
}

/* insn_oracle_run.S */
void oracle_execute(struct oracle_record *r, const uint32_t *code);

_Static_assert(offsetof(struct oracle_record, x) == 512, "X of insn_oracle_run.S");
_Static_assert(offsetof(struct oracle_record, nzcv) == 752, "NZCV");
_Static_assert(offsetof(struct oracle_record, fpcr) == 760, "FPCR");
_Static_assert(offsetof(struct oracle_record, fpsr) == 768, "FPSR");

static void *need(void *p)
{
    if (!p || p == MAP_FAILED) {
        perror("insn_oracle_guest: memory");
        exit(1);
    }
    return p;
}

int main(void)
{
    struct oracle_record *r = NULL;
    size_t count = 0, capacity = 0;
    for (;;) {
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 4096;
            r = need(realloc(r, capacity * sizeof(*r)));
        }
        if (fread(&r[count], sizeof(*r), 1, stdin) != 1)
            break;
        count++;
    }
    size_t bytes = (count + 1) * 8;
    uint32_t *code = need(mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (size_t i = 0; i < count; i++) {
        code[2 * i] = r[i].word;
        code[2 * i + 1] = 0xd65f03c0; /* RET */
    }
    __builtin___clear_cache((char *)code, (char *)code + bytes);
    struct sigaction sa = {.sa_sigaction = on_sigill, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &sa, NULL);
    for (size_t i = 0; i < count; i++) {
        was_undefined = 0;
        oracle_execute(&r[i], &code[2 * i]);
        r[i].undefined = (uint64_t)was_undefined;
    }
    return fwrite(r, sizeof(*r), count, stdout) == count ? 0 : 1;
}
