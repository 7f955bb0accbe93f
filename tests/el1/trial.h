/* What the two halves of the EL1 test share: the record of one trial and the memory map.
 *
 * A trial is the state of a PE at EL1 or EL0, system registers included, a few words, and up to
 * four translation table entries that differ from the fixed ones. It ends with the first HVC: one
 * follows the words, one stands at each exception vector, and the data page is full of them. So the
 * runner (runner.c), at EL2 of another implementation, gets the PE's state as the trial left it,
 * whatever that did to EL1's translation; the host half stops its engine at the same HVC.
 *
 *     CODE     page of the words: read-only, executable at EL1; CODE_EL0 is the alias for EL0
 *     VECTORS  16 x HVC
 *     FIXED    levels 1..3 that map the three pages above, 4 KiB granule, 39 bits, for either half
 *     WALK     a table for each level 0..3, all zero but for the trial's entries
 *     DATA     64 KiB of HVC
 *
 * With the MMU on, one half of the address space (TTBR0 or TTBR1) is FIXED and holds the code, and
 * the other is the trial's.
 */
#ifndef TESTS_EL1_TRIAL_H
#define TESTS_EL1_TRIAL_H

#include <stdint.h>

#define EL1_CODE UINT64_C(0x40200000)
#define EL1_VECTORS UINT64_C(0x40201000)
#define EL1_CODE_EL0 UINT64_C(0x40202000)
#define EL1_FIXED UINT64_C(0x40210000) /* one page for each level 1..3 */
#define EL1_WALK(level) (UINT64_C(0x40240000) + (level) * UINT64_C(0x10000))
#define EL1_DATA UINT64_C(0x40300000)
#define EL1_DATA_BYTES UINT64_C(0x10000)
#define EL1_UPPER UINT64_C(0xffffff8000000000)
#define EL1_HVC UINT32_C(0xd4000002)
#define EL1_FIXED_TSZ 25

/* Shared memory of the two halves, in the other implementation's RAM. */
#define EL1_RAM UINT64_C(0x40000000)
#define EL1_BATCH UINT64_C(0x42000000)

enum { EL1_WORDS = 4, EL1_ENTRIES = 4, EL1_WINDOW = 16, EL1_TRIALS = 32768 };

enum {
#define EL1REG(name, op0, op1, crn, crm, op2) EL1_##name,
#include "regs.def"
    EL1_REGS
};

struct el1_state {
    uint64_t x[31], sp[2], pc, pstate;
    uint64_t v[32][2], fpcr, fpsr;
    uint64_t sys[EL1_REGS];
};

struct el1_result {
    struct el1_state state;
    uint64_t entry[EL1_ENTRIES]; /* the trial's descriptors: access flag, dirty state */
    uint64_t data[EL1_WINDOW];   /* memory at the trial's `window` */
    uint64_t ec;                 /* what ended it: 0x16, HVC */
};

struct el1_entry {
    uint64_t pa, value;
};

struct el1_trial {
    struct el1_state state;
    struct el1_entry entry[EL1_ENTRIES]; /* pa 0: none */
    uint64_t window;                     /* physical address in DATA */
    uint32_t word[EL1_WORDS], count, kind;
};

/* At EL1_BATCH. `done`: trials completed; `error`: ESR of an exception of the runner itself. */
struct el1_batch {
    uint64_t count, done, error, where;
    struct el1_trial trial[EL1_TRIALS];
    struct el1_result result[EL1_TRIALS];
};

#endif
