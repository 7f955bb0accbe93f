/*
 * AArch64 program: executes every row of fp_ops.def on edge-biased operands under random FPCR
 * values and writes operands, result and FPSR to stdout as struct fp_record. Run by
 * tests/isa/fp_oracle.sh under an emulator or on real hardware; the output is checked on the host
 * by fp_oracle_check. Usage: fp_oracle [COUNT-PER-ROW [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/a64/fp_operands.h"
#include "fp_oracle.h"

#define X(name, wa, wb, wc, text, expr)                                                            \
    static uint64_t run_##name(uint64_t a, uint64_t b, uint64_t c)                                 \
    {                                                                                              \
        uint64_t r;                                                                                \
                                                                                                   \
        __asm__ volatile("fmov d1, %1\n fmov d2, %2\n fmov d3, %3\n" text "\n fmov %0, d0"         \
                         : "=r"(r)                                                                 \
                         : "r"(a), "r"(b), "r"(c)                                                  \
                         : "v0", "v1", "v2", "v3", "v4", "v5", "x9", "x10", "cc");                 \
        return r;                                                                                  \
    }
#include "fp_ops.def"
#undef X

struct row {
    uint64_t (*run)(uint64_t, uint64_t, uint64_t);
    unsigned wa, wb, wc;
};

static const struct row rows[] = {
#define X(name, wa, wb, wc, text, expr) { run_##name, wa, wb, wc },
#include "fp_ops.def"
#undef X
};

// FZ16, FZ, DN, AHP in all combinations, plus RMode.
static uint64_t random_fpcr(uint64_t *seed)
{
    uint64_t r = fp_rand(seed) >> 20;
    uint64_t v = (r & 3) << 22;

    r >>= 2;
    return v | (r & 1) << 19 | (r >> 1 & 1) << 24 | (r >> 2 & 1) << 25 | (r >> 3 & 1) << 26;
}

int main(int argc, char **argv)
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

    for (uint32_t op = 0; op < sizeof(rows) / sizeof(rows[0]); op++)
        for (unsigned long i = 0; i < count; i++) {
            const struct row *row = &rows[op];
            struct fp_record rec = { .op = op };
            uint64_t fpcr = random_fpcr(&seed), fpsr = 0, off = 0;

            rec.a = fp_operand(&seed, row->wa);
            rec.b = fp_operand(&seed, row->wb);
            rec.c = fp_operand(&seed, row->wc);
            __asm__ volatile("msr fpcr, %0\n msr fpsr, %1" : : "r"(fpcr), "r"(fpsr) : "memory");
            rec.result = row->run(rec.a, rec.b, rec.c);
            __asm__ volatile("mrs %0, fpsr\n msr fpcr, %1" : "=r"(fpsr) : "r"(off) : "memory");
            rec.fpcr = (uint32_t)fpcr;
            rec.fpsr = (uint32_t)fpsr;
            if (fwrite(&rec, sizeof(rec), 1, stdout) != 1)
                return 1;
        }
    return fflush(stdout) ? 1 : 0;
}
