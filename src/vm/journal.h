/* All nondeterminism passes here: time reads, interrupt arrival, DMA completion, random numbers,
 * input. The live journal hands values through; the fixed one makes random numbers from a seed and
 * has one wall-clock time, so that with the counted clock runs without input are alike. Record and
 * replay will be two more implementations. A test double records the calls.
 */
#ifndef VM_JOURNAL_H
#define VM_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum journal_kind {
    JOURNAL_TIME,       /* host monotonic time read, ns */
    JOURNAL_WALL,       /* wall-clock seconds */
    JOURNAL_RANDOM,     /* random bytes for RNDR and virtio-rng */
    JOURNAL_INPUT,      /* bytes from a console's host side or a network */
    JOURNAL_INTERRUPT,  /* an asynchronous interrupt line change reached a vCPU */
    JOURNAL_DMA,        /* completion of a device's asynchronous work */
    JOURNAL_STEAL,      /* ns more that a vCPU's thread was kept waiting by the host */
};

struct journal;

struct journal_ops {
    /* Returns the value to use for an event whose live value is given. */
    uint64_t (*value)(struct journal *j, enum journal_kind kind, uint64_t live);
    /* Same for bytes, replaced in place; returns the length to use (<= cap). */
    size_t (*bytes)(struct journal *j, enum journal_kind kind, void *data, size_t len, size_t cap);
};

struct journal {
    const struct journal_ops *ops;
    uint64_t random; /* generator of the fixed journal; atomic access */
};

/* The journal that hands every live value through. */
extern const struct journal_ops journal_live_ops;

/* Makes it a fixed journal. @stopped */
void journal_fix(struct journal *j, uint64_t seed);

/* Bytes that are a function of the seed, for what a fixed machine is configured with. @any */
void journal_seed_bytes(uint64_t seed, void *data, size_t len);

/* True: every value is handed through and nobody takes note of it, so that what is live anyway need
 * not be shown to it. @any */
bool journal_is_live(const struct journal *j);

static inline uint64_t journal_value(struct journal *j, enum journal_kind kind, uint64_t live)
{
    return j->ops->value(j, kind, live);
}

static inline size_t journal_bytes(struct journal *j, enum journal_kind kind, void *data,
                                   size_t len, size_t cap)
{
    return j->ops->bytes(j, kind, data, len, cap);
}

#endif
