/* What the two halves of the random instruction test share: the record of one trial and the map of
 * the address space in which it runs.
 *
 * A trial is one or two instruction words with the whole EL0 state before them. The AArch64 half
 * (guest.c, under qemu-user or on a real machine) answers with the state after them, the signal
 * that ended them and the memory around three page edges; the host half (machine.c) does the same
 * with an engine, in a VM whose page tables give EL0 the same map.
 *
 *     REGION  ... unmapped ...  CODE (4 pages of UDF #0, the words at SLOT)  ... unmapped ...
 *             WINDOW: two writable pages, then a read-only one   ... unmapped ...
 */
#ifndef TESTS_ISA_RANDOM_RANDOM_H
#define TESTS_ISA_RANDOM_RANDOM_H

#include <stdint.h>

#define RANDOM_PAGE UINT64_C(4096)
#define RANDOM_REGION UINT64_C(0x70000000)
#define RANDOM_REGION_BYTES UINT64_C(0x200000)
#define RANDOM_CODE (RANDOM_REGION + 0x100000)
#define RANDOM_CODE_BYTES (4 * RANDOM_PAGE)
#define RANDOM_SLOT (RANDOM_CODE + 2 * RANDOM_PAGE)
#define RANDOM_WINDOW (RANDOM_REGION + 0x108000)
#define RANDOM_READ_ONLY (RANDOM_WINDOW + 2 * RANDOM_PAGE)

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

struct random_state {
    uint64_t x[31], sp;
    uint64_t v[32][2];
    uint64_t nzcv, fpcr, fpsr;
    uint64_t pc; /* result: where it went on, or the instruction that was not completed */
    uint8_t memory[RANDOM_ZONES][RANDOM_ZONE];
};

/* signal: the number on AArch64 Linux; the end of the words by a trap is told by pc alone. */
struct random_result {
    struct random_state state;
    uint64_t signal, address;
};

struct random_trial {
    struct random_state state;
    uint32_t word[RANDOM_WORDS], count;
    uint32_t steps; /* most instructions executed here; 0: count */
};

/* The guest reads batches: a count, that many trials; and answers with as many results. */
enum { RANDOM_BATCH = 256 };

#endif
