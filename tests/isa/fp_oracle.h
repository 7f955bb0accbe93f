// What the oracle program writes and the checker reads: little-endian records, one per execution.
#ifndef TESTS_ISA_FP_ORACLE_H
#define TESTS_ISA_FP_ORACLE_H

#include <stdint.h>

struct fp_record {
    uint32_t op; // row of fp_ops.def
    uint32_t fpcr;
    uint32_t fpsr;
    uint32_t pad;
    uint64_t a, b, c, result;
};

#endif
