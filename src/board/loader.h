/* Puts kernel, initial RAM disk and device tree into guest memory: the arm64 Image boot protocol
 * (Linux Documentation/arm64/booting.rst), ELF executables and flat binaries.
 */
#ifndef BOARD_LOADER_H
#define BOARD_LOADER_H

#include "base/buf.h"
#include "base/err.h"
#include "mem/mem.h"

#include <stdint.h>

/* What is to be loaded; the texts are file names, null when absent. Not owned. */
struct loader_files {
    const char *kernel;
    const char *initrd;
};

/* Where it went. */
struct loader_result {
    uint64_t entry; /* guest-physical address of the first instruction */
    uint64_t kernel_start, kernel_end;
    uint64_t initrd_start, initrd_end; /* equal when there is none */
    uint64_t dtb;                      /* address reserved for the device tree */
    uint64_t dtb_max_bytes;
};

/* Contents read once, so that a reset of the machine loads the same bytes again. */
struct loader {
    struct buf kernel; /* unpacked when the file was compressed */
    struct buf initrd;
    const char *kernel_name, *initrd_name; /* not owned */
};

/* Reads the files. -E... names the file and what is wrong with it. @stopped */
int MUST_CHECK loader_open(struct loader *l, const struct loader_files *files, uint64_t max_bytes,
                           struct err *e);

/* Copies them into memory and decides where everything goes; for the same contents and memory
 * always the same. -EFBIG when they do not fit, -EINVAL when a file is damaged. @stopped */
int MUST_CHECK loader_place(const struct loader *l, struct mem *m, struct loader_result *out,
                            struct err *e);

/* Frees the contents. @stopped */
void loader_close(struct loader *l);

/* Unpacks a gzip member in place when the buffer holds one; at most max_bytes come out. Exported
 * for tests. -EINVAL when it is damaged, -EFBIG when too large. @any */
int MUST_CHECK loader_gunzip(struct buf *b, const char *name, uint64_t max_bytes, struct err *e);

#endif
