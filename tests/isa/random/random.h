/* What the two halves of the random instruction test share: the record of one trial, the batches in
 * memory that both map, and the map of the address space in which a trial runs.
 *
 * A trial is one or two instruction words with the whole EL0 state before them. The AArch64 half
 * (guest.c, under qemu-user or on a real machine) answers with the state after them, the signal
 * that ended them and the memory around three page edges; the host half (machine.c) does the same
 * with an engine, in a VM whose page tables give EL0 the same map.
 *
 *     LEAVE   the AArch64 half's way out of the words; in the VM nothing is mapped there
 *     REGION  ... unmapped ...  CODE (4 pages of UDF #0; the words at SLOT, then a branch to LEAVE)
 *             ... unmapped ...
 *             WINDOW: two writable pages, then a read-only one   ... unmapped ...
 *             VECTORS: in the VM only, for EL1
 */
#ifndef TESTS_ISA_RANDOM_RANDOM_H
#define TESTS_ISA_RANDOM_RANDOM_H

#include <stdint.h>

#define RANDOM_PAGE UINT64_C(4096)
#define RANDOM_LEAVE UINT64_C(0x6fff0000)
#define RANDOM_REGION UINT64_C(0x70000000)
#define RANDOM_REGION_BYTES UINT64_C(0x200000)
#define RANDOM_CODE (RANDOM_REGION + 0x100000)
#define RANDOM_CODE_BYTES (4 * RANDOM_PAGE)
#define RANDOM_SLOT (RANDOM_CODE + 2 * RANDOM_PAGE)
#define RANDOM_WINDOW (RANDOM_REGION + 0x108000)
#define RANDOM_READ_ONLY (RANDOM_WINDOW + 2 * RANDOM_PAGE)
#define RANDOM_VECTORS (RANDOM_REGION + 0x1f0000)

/* Memory that a record carries: the first and the last bytes of the two writable pages. */
enum { RANDOM_ZONE = 128, RANDOM_ZONES = 4 };

/* Most words of a trial; tests/seq has more. */
#ifndef RANDOM_WORDS
#define RANDOM_WORDS 2
#endif

static inline uint64_t random_zone_address(unsigned zone)
{
    uint64_t page = RANDOM_WINDOW + zone / 2 * RANDOM_PAGE;
    return zone % 2 ? page + RANDOM_PAGE - RANDOM_ZONE : page;
}

/* The read-only page: byte i. */
static inline uint8_t random_read_only_byte(unsigned i)
{
    return (uint8_t)(i * 37u + (i >> 8) + 11u);
}

/* B RANDOM_LEAVE, as word n of the slot. */
static inline uint32_t random_leave(unsigned n)
{
    return 0x14000000u | ((uint32_t)((RANDOM_LEAVE - (RANDOM_SLOT + 4 * n)) / 4) & 0x3ffffffu);
}

/* guest.c knows the offsets of x .. fpsr. */
struct random_state {
    uint64_t x[31], sp;
    uint64_t v[32][2];
    uint64_t nzcv, fpcr, fpsr;
    uint64_t pc; /* result: where it went on, or the instruction that was not completed */
    uint8_t memory[RANDOM_ZONES][RANDOM_ZONE];
};

/* signal: the number on AArch64 Linux; 0 when the words were completed and PC follows them. Where
 * they branched elsewhere the trap there is told by pc alone. */
struct random_result {
    struct random_state state;
    uint64_t signal, address;
};

struct random_trial {
    struct random_state state;
    uint32_t word[RANDOM_WORDS], count;
    uint32_t steps;  /* most instructions executed here; 0: count */
    uint32_t repeat; /* the words are those of the trial before: they need no new translation */
};

/* Memory that both halves map; the AArch64 half finds it as RANDOM_FD. It reads the number of a
 * batch (one byte) from its standard input, runs it, and writes that byte. */
enum { RANDOM_BATCH = 256, RANDOM_BATCHES = 2, RANDOM_FD = 3 };

struct random_batch {
    uint64_t count, done;
    struct random_trial trial[RANDOM_BATCH];
    struct random_result result[RANDOM_BATCH];
};

#endif
