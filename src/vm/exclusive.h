/* What makes exclusives and atomic operations of several vCPUs exact: version words, hashed by host
 * address. doc/decisions/0011-exclusives-smp.md says what is exact and what is not.
 *
 * Each word counts the atomic writes (STXR, LSE) to the 16-byte granules that hash to it, by twos;
 * while one of them is under way the word is odd, and is a lock. LDXR remembers the word; STXR
 * takes the lock only if the word is what it was, so nothing atomic has written in between,
 * whatever the value is now; then it compares and exchanges, since plain stores do not come here.
 *
 * An access of an exclusive or an atomic operation lies within 16 bytes, so two that overlap have
 * one word. The holder does a handful of instructions and never sleeps. A machine with one vCPU
 * does not use them. */
#ifndef VM_EXCLUSIVE_H
#define VM_EXCLUSIVE_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EXCLUSIVE_WORDS 4096u /* neighbours share a cache line as the guest's own data does */

struct exclusive {
    _Atomic uint64_t word[EXCLUSIVE_WORDS];
};

static inline _Atomic uint64_t *exclusive_word(struct exclusive *x, const void *host)
{
    return &x->word[((uintptr_t)host >> 4) % EXCLUSIVE_WORDS];
}

/* Waits while an atomic write is under way; what the word is then. @vcpu */
static inline uint64_t exclusive_version(const _Atomic uint64_t *word)
{
    uint64_t version;
    for (unsigned n = 1; (version = atomic_load_explicit(word, memory_order_acquire)) & 1; n++) {
        if (n % 64)
            __builtin_ia32_pause();
        else
            sched_yield(); /* the holder has lost its host processor */
    }
    return version;
}

/* Takes the lock if the word still is `version`. @vcpu */
static inline bool exclusive_try(_Atomic uint64_t *word, uint64_t version)
{
    return atomic_compare_exchange_strong(word, &version, version + 1);
}

/* Takes the lock; what the word was. @vcpu */
static inline uint64_t exclusive_lock(_Atomic uint64_t *word)
{
    for (;;) {
        uint64_t version = exclusive_version(word);
        if (exclusive_try(word, version))
            return version;
    }
}

/* Gives it back; `wrote`: memory was written, so monitors that remember `version` are void. @vcpu
 */
static inline void exclusive_unlock(_Atomic uint64_t *word, uint64_t version, bool wrote)
{
    atomic_store_explicit(word, version + (wrote ? 2 : 0), memory_order_release);
}

#endif
