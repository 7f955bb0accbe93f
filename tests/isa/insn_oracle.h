/* The record that insn_oracle_check (host) and insn_oracle_guest (AArch64, under qemu-user) share:
 * one instruction word with the state before it; the guest replaces the state by that after it. */
#ifndef TESTS_ISA_INSN_ORACLE_H
#define TESTS_ISA_INSN_ORACLE_H

#include <stdint.h>

/* X29 and X30 belong to the guest's harness: words that name them are not generated. */
enum { ORACLE_GPRS = 29 };

struct oracle_record {
    uint64_t v[32][2];
    uint64_t x[ORACLE_GPRS + 1]; /* the last one is padding */
    uint64_t nzcv, fpcr, fpsr;
    uint64_t undefined; /* result: the word raised SIGILL, nothing else was changed */
    uint32_t word, pad;
};

#endif
