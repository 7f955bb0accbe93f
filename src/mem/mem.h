/* Guest-physical memory: RAM and where it lies in the host.
 *
 * RAM is one memfd mapped once, so that other processes can map it too. Exactly one family of
 * functions turns a guest-physical address into a host pointer (mem_ptr), always with a length.
 * Everything that is not RAM belongs to the bus (vm/bus.h).
 *
 * The module also knows which pages hold instructions that an engine has decoded or translated:
 * an engine marks a page before it relies on its contents, and every write that does not come
 * through that engine's own fast path (devices, other vCPUs' slow paths) reports it.
 */
#ifndef MEM_MEM_H
#define MEM_MEM_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t gpa_t;

#define MEM_PAGE_SHIFT 12
#define MEM_PAGE_SIZE 4096u

enum mem_access { MEM_READ, MEM_WRITE };

/* Called after a page that holds code was written by somebody else than the engine. Any thread. */
typedef void mem_code_hook(void *arg, uint64_t page);

struct mem {
    gpa_t ram_base;
    uint64_t ram_bytes;
    uint8_t *ram; /* host address of ram_base */
    int fd;       /* the memfd, owned */
    uint8_t *code_pages; /* one byte per RAM page: nonzero = holds decoded code; atomic access */
    mem_code_hook *code_hook;
    void *code_hook_arg;
};

/* Creates RAM of `bytes` (a multiple of the page size) at `base`, zero-filled, not yet populated.
 * -ENOMEM or the memfd's error. @any */
int MUST_CHECK mem_create(struct mem *m, gpa_t base, uint64_t bytes, struct err *e);

/* Unmaps RAM and closes the memfd. @stopped */
void mem_destroy(struct mem *m);

/* Back to zero-filled RAM, giving the pages back to the host. @stopped */
int MUST_CHECK mem_reset(struct mem *m, struct err *e);

/* Host address of [pa, pa+len) when all of it is RAM, else null. For MEM_WRITE the caller must call
 * mem_wrote() afterwards. The pointer is valid while the VM lives. @any */
static inline void *mem_ptr(const struct mem *m, gpa_t pa, uint64_t len, enum mem_access access)
{
    (void)access;
    uint64_t off = pa - m->ram_base;
    if (off >= m->ram_bytes || len > m->ram_bytes - off)
        return NULL;
    return m->ram + off;
}

/* Tells that [pa, pa+len), obtained by mem_ptr for writing, was written: reports pages that hold
 * code to the hook. @any */
void mem_wrote(struct mem *m, gpa_t pa, uint64_t len);

/* Copies between a host buffer and RAM; false when any byte is outside RAM (nothing is copied).
 * These are what device DMA uses. @any */
bool mem_read(const struct mem *m, gpa_t pa, void *dst, size_t len);
bool mem_write(struct mem *m, gpa_t pa, const void *src, size_t len);

/* Marks the RAM page with host-independent index `page` ((pa - ram_base) >> 12) as holding code, or
 * not. Sequentially consistent: a writer either sees the mark or its data is seen by the decode
 * that follows. @vcpu */
void mem_code_mark(struct mem *m, uint64_t page, bool holds_code);

/* The same for marks that several set, each once at a time: the page is marked while anybody holds
 * it. At most 255 hold a page. Not to be mixed with mem_code_mark() for a page. @vcpu */
void mem_code_hold(struct mem *m, uint64_t page);
void mem_code_let_go(struct mem *m, uint64_t page);

static inline bool mem_code_test(const struct mem *m, uint64_t page)
{
    return __atomic_load_n(&m->code_pages[page], __ATOMIC_RELAXED) != 0;
}

#endif
