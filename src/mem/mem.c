/* Guest RAM as one shared memfd mapping, and the marks of pages that hold code. See mem.h.
 *
 * The mapping is MAP_NORESERVE: a guest may be given more memory than it ever touches. A page of
 * guard (PROT_NONE) lies on either side, so that an off-by-one in our own code is a crash and not a
 * silent write into a neighbour.
 */
#include "mem/mem.h"

#include "base/check.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_BYTES 65536u

static int mem_map(struct mem *m, struct err *e)
{
    uint8_t *area = fault_point("mem_mmap")
                        ? (errno = ENOMEM, MAP_FAILED)
                        : mmap(NULL, m->ram_bytes + 2 * GUARD_BYTES, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED)
        return err_set(e, errno, "cannot reserve %llu MiB of address space for guest memory: %s",
                       (unsigned long long)(m->ram_bytes >> 20), strerror(errno));
    m->ram = area + GUARD_BYTES;
    if (mmap(m->ram, m->ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
             m->fd, 0) == MAP_FAILED) {
        int code = errno;
        munmap(area, m->ram_bytes + 2 * GUARD_BYTES);
        return err_set(e, code, "cannot map guest memory: %s", strerror(code));
    }
    return 0;
}

int mem_create(struct mem *m, gpa_t base, uint64_t bytes, struct err *e)
{
    CHECK(bytes && bytes % MEM_PAGE_SIZE == 0 && base % MEM_PAGE_SIZE == 0);
    *m = (struct mem){.ram_base = base, .ram_bytes = bytes, .fd = -1};
    m->fd = fault_point("mem_memfd") ? (errno = EMFILE, -1)
                                     : memfd_create("sojourn-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (m->fd < 0)
        return err_set(e, errno, "cannot create guest memory: %s", strerror(errno));
    int r;
    if (ftruncate(m->fd, (off_t)bytes)) {
        r = err_set(e, errno, "cannot size guest memory to %llu MiB: %s",
                    (unsigned long long)(bytes >> 20), strerror(errno));
        goto fail_fd;
    }
    r = mem_map(m, e);
    if (r)
        goto fail_fd;
    m->code_pages = fault_point("mem_code_pages") ? NULL : calloc(bytes / MEM_PAGE_SIZE, 1);
    if (!m->code_pages) {
        r = err_set(e, ENOMEM, "out of memory for the code page map");
        goto fail_map;
    }
    return 0;

fail_map:
    munmap(m->ram - GUARD_BYTES, m->ram_bytes + 2 * GUARD_BYTES);
fail_fd:
    close(m->fd);
    *m = (struct mem){.fd = -1};
    return r;
}

void mem_destroy(struct mem *m)
{
    if (!m->ram)
        return;
    munmap(m->ram - GUARD_BYTES, m->ram_bytes + 2 * GUARD_BYTES);
    close(m->fd);
    free(m->code_pages);
    *m = (struct mem){.fd = -1};
}

int mem_reset(struct mem *m, struct err *e)
{
    if (fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)m->ram_bytes))
        return err_set(e, errno, "cannot clear guest memory: %s", strerror(errno));
    return 0;
}

void mem_wrote(struct mem *m, gpa_t pa, uint64_t len)
{
    uint64_t off = pa - m->ram_base;
    if (!len || off >= m->ram_bytes || !m->code_hook)
        return;
    uint64_t last = (off + len - 1) >> MEM_PAGE_SHIFT;
    for (uint64_t page = off >> MEM_PAGE_SHIFT; page <= last; page++) {
        /* A read-modify-write, so that the data written before is visible before the mark is read.
         */
        if (__atomic_fetch_or(&m->code_pages[page], 0, __ATOMIC_SEQ_CST))
            m->code_hook(m->code_hook_arg, page);
    }
}

bool mem_read(const struct mem *m, gpa_t pa, void *dst, size_t len)
{
    const void *src = mem_ptr(m, pa, len, MEM_READ);
    if (!src)
        return false;
    memcpy(dst, src, len);
    return true;
}

bool mem_write(struct mem *m, gpa_t pa, const void *src, size_t len)
{
    void *dst = mem_ptr(m, pa, len, MEM_WRITE);
    if (!dst)
        return false;
    memcpy(dst, src, len);
    mem_wrote(m, pa, len);
    return true;
}

void mem_code_mark(struct mem *m, uint64_t page, bool holds_code)
{
    __atomic_exchange_n(&m->code_pages[page], holds_code, __ATOMIC_SEQ_CST);
}

void mem_code_hold(struct mem *m, uint64_t page)
{
    __atomic_fetch_add(&m->code_pages[page], 1, __ATOMIC_SEQ_CST);
}

void mem_code_let_go(struct mem *m, uint64_t page)
{
    __atomic_fetch_sub(&m->code_pages[page], 1, __ATOMIC_SEQ_CST);
}
