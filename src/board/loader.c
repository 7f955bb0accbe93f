/* See loader.h.
 *
 * Every number in an image header is somebody else's: it is checked against the file's length and
 * against RAM before it is used. Layout in RAM, from the bottom: kernel, device tree, initial RAM
 * disk; in a small memory: kernel, initial RAM disk, device tree at the end; with an ELF program at
 * RAM's end: device tree, initial RAM disk, program.
 */
#include "board/loader.h"

#include "base/bits.h"
#include "board/virt_map.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define ALIGN_2M (UINT64_C(2) << 20)
#define DTB_BYTES ALIGN_2M /* the boot protocol: at most 2 MiB, not crossing a 2 MiB boundary */

#define IMAGE_MAGIC 0x644d5241u /* "ARM\x64" at byte 56 */
#define IMAGE_HEADER_BYTES 64u
#define IMAGE_FLAG_BIG_ENDIAN 1u

/* ---- Reading ---- */

int loader_gunzip(struct buf *b, const char *name, uint64_t max_bytes, struct err *e)
{
    if (b->len < 18 || b->data[0] != 0x1f || b->data[1] != 0x8b)
        return 0;
    z_stream z = {.next_in = b->data, .avail_in = (uInt)b->len};
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return err_set(e, ENOMEM, "'%s': out of memory to unpack", name);
    struct buf out = {0};
    uint8_t *chunk = malloc(1 << 16);
    int r = chunk ? 0 : err_set(e, ENOMEM, "'%s': out of memory to unpack", name);
    int z_result = Z_OK;
    while (!r && z_result != Z_STREAM_END) {
        z.next_out = chunk;
        z.avail_out = 1 << 16;
        z_result = inflate(&z, Z_NO_FLUSH);
        if (z_result != Z_OK && z_result != Z_STREAM_END)
            r = err_set(e, EINVAL, "'%s': damaged gzip data (%s)", name,
                        z.msg ? z.msg : "it ends too early");
        else if (out.len + ((1u << 16) - z.avail_out) > max_bytes)
            r = err_set(e, EFBIG,
                        "'%s' unpacks to more than the %llu MiB of memory; give more with "
                        "--memory",
                        name, (unsigned long long)(max_bytes >> 20));
        else if (buf_append(&out, chunk, (1u << 16) - z.avail_out))
            r = err_set(e, ENOMEM, "'%s': out of memory to unpack", name);
    }
    inflateEnd(&z);
    free(chunk);
    if (!r && !out.len)
        r = err_set(e, EINVAL, "'%s' unpacks to nothing", name);
    if (r) {
        buf_fini(&out);
        return r;
    }
    buf_fini(b);
    *b = out;
    return 0;
}

static int read_file(struct buf *b, const char *name, uint64_t max_bytes, struct err *e)
{
    int r = buf_read_file(b, name, max_bytes, e);
    if (r == -EFBIG)
        return err_set(e, EFBIG,
                       "'%s' does not fit into %llu MiB of memory; give more with --memory", name,
                       (unsigned long long)(max_bytes >> 20));
    if (!r && b->len == 0)
        return err_set(e, EINVAL, "'%s' is empty", name);
    return r;
}

int loader_open(struct loader *l, const struct loader_files *files, uint64_t max_bytes,
                struct err *e)
{
    *l = (struct loader){.kernel_name = files->kernel, .initrd_name = files->initrd};
    int r;
    if (files->kernel) {
        r = read_file(&l->kernel, files->kernel, max_bytes, e);
        if (!r)
            r = loader_gunzip(&l->kernel, files->kernel, max_bytes, e);
        if (r) {
            err_add(e, "--kernel");
            goto fail;
        }
    }
    if (files->initrd) {
        r = read_file(&l->initrd, files->initrd, max_bytes, e);
        if (r) {
            err_add(e, "--initrd");
            goto fail;
        }
    }
    return 0;
fail:
    loader_close(l);
    return r;
}

void loader_close(struct loader *l)
{
    buf_fini(&l->kernel);
    buf_fini(&l->initrd);
}

/* ---- Kernel formats ---- */

static int too_large(const struct loader *l, const struct mem *m, struct err *e)
{
    return err_set(e, EFBIG,
                   "--kernel: '%s' does not fit into %llu MiB of memory; give more with --memory",
                   l->kernel_name, (unsigned long long)(m->ram_bytes >> 20));
}

/* Copies file bytes to guest memory and clears up to mem_bytes. */
static int put(struct mem *m, uint64_t pa, const void *data, uint64_t bytes, uint64_t mem_bytes)
{
    uint8_t *to = mem_ptr(m, pa, mem_bytes, MEM_WRITE);
    if (!to)
        return -EFBIG;
    memcpy(to, data, bytes);
    memset(to + bytes, 0, mem_bytes - bytes);
    mem_wrote(m, pa, mem_bytes);
    return 0;
}

static int place_image(const struct loader *l, struct mem *m, struct loader_result *out,
                       struct err *e)
{
    const uint8_t *h = l->kernel.data;
    uint64_t text_offset = le_load(h + 8, 8), image_size = le_load(h + 16, 8);
    uint64_t flags = le_load(h + 24, 8);
    if (image_size == 0)
        text_offset = 0x80000; /* before Linux 3.17 */
    if (flags & IMAGE_FLAG_BIG_ENDIAN)
        return err_set(e, EINVAL,
                       "--kernel: '%s' is a big-endian kernel, which this machine cannot run",
                       l->kernel_name);
    if (text_offset >= ALIGN_2M || text_offset % 4)
        return err_set(e, EINVAL, "--kernel: '%s': damaged Image header (text offset 0x%llx)",
                       l->kernel_name, (unsigned long long)text_offset);
    if (image_size < l->kernel.len)
        image_size = l->kernel.len;
    out->kernel_start = out->entry = m->ram_base + text_offset;
    if (image_size > m->ram_bytes || put(m, out->entry, h, l->kernel.len, image_size))
        return too_large(l, m, e);
    out->kernel_end = out->entry + image_size;
    return 0;
}

static int bad_elf(const struct loader *l, const char *why, struct err *e)
{
    return err_set(e, EINVAL, "--kernel: '%s': damaged or unsuitable ELF file: %s", l->kernel_name,
                   why);
}

static int place_segment(const struct loader *l, struct mem *m, const Elf64_Phdr *p, uint64_t entry,
                         struct loader_result *out, struct err *e)
{
    if (p->p_offset > l->kernel.len || p->p_filesz > l->kernel.len - p->p_offset)
        return bad_elf(l, "a segment lies outside the file", e);
    if (p->p_memsz < p->p_filesz)
        return bad_elf(l, "a segment is smaller in memory than in the file", e);
    if (!mem_ptr(m, p->p_paddr, p->p_memsz, MEM_WRITE))
        return err_set(e, EFBIG,
                       "--kernel: '%s': segment at 0x%llx of %llu bytes is outside memory "
                       "(0x%llx, %llu MiB)",
                       l->kernel_name, (unsigned long long)p->p_paddr,
                       (unsigned long long)p->p_memsz, (unsigned long long)m->ram_base,
                       (unsigned long long)(m->ram_bytes >> 20));
    if (put(m, p->p_paddr, l->kernel.data + p->p_offset, p->p_filesz, p->p_memsz))
        return too_large(l, m, e);
    if (entry - p->p_vaddr < p->p_memsz)
        out->entry = entry - p->p_vaddr + p->p_paddr;
    if (p->p_paddr < out->kernel_start)
        out->kernel_start = p->p_paddr;
    if (p->p_paddr + p->p_memsz > out->kernel_end)
        out->kernel_end = p->p_paddr + p->p_memsz;
    return 0;
}

static int place_elf(const struct loader *l, struct mem *m, struct loader_result *out,
                     struct err *e)
{
    Elf64_Ehdr h;
    if (l->kernel.len < sizeof(h))
        return bad_elf(l, "the header is cut off", e);
    memcpy(&h, l->kernel.data, sizeof(h));
    if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
        h.e_machine != EM_AARCH64)
        return bad_elf(l, "not a little-endian AArch64 program", e);
    if (h.e_type != ET_EXEC && h.e_type != ET_DYN)
        return bad_elf(l, "not an executable", e);
    if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phoff > l->kernel.len ||
        (uint64_t)h.e_phnum * sizeof(Elf64_Phdr) > l->kernel.len - h.e_phoff)
        return bad_elf(l, "the program headers lie outside the file", e);
    out->kernel_start = UINT64_MAX;
    out->kernel_end = 0;
    out->entry = UINT64_MAX;
    for (unsigned i = 0; i < h.e_phnum; i++) {
        Elf64_Phdr p;
        memcpy(&p, l->kernel.data + h.e_phoff + i * sizeof(p), sizeof(p));
        if (p.p_type != PT_LOAD || !p.p_memsz)
            continue;
        int r = place_segment(l, m, &p, h.e_entry, out, e);
        if (r)
            return r;
    }
    if (out->kernel_end == 0)
        return bad_elf(l, "nothing to load", e);
    if (out->entry == UINT64_MAX)
        return bad_elf(l, "the entry point lies outside its segments", e);
    return 0;
}

static int place_flat(const struct loader *l, struct mem *m, struct loader_result *out,
                      struct err *e)
{
    out->kernel_start = out->entry = m->ram_base + VIRT_FLAT_OFFSET;
    if (put(m, out->entry, l->kernel.data, l->kernel.len, l->kernel.len))
        return too_large(l, m, e);
    out->kernel_end = out->entry + l->kernel.len;
    return 0;
}

static int place_kernel(const struct loader *l, struct mem *m, struct loader_result *out,
                        struct err *e)
{
    const struct buf *k = &l->kernel;
    if (k->len >= IMAGE_HEADER_BYTES && le_load(k->data + 56, 4) == IMAGE_MAGIC)
        return place_image(l, m, out, e);
    if (k->len >= 4 && !memcmp(k->data, ELFMAG, 4))
        return place_elf(l, m, out, e);
    if (k->len >= 8 && !memcmp(k->data, "MZ", 2) && !memcmp(k->data + 4, "zimg", 4))
        return err_set(
            e, EINVAL,
            "--kernel: '%s' is an EFI zboot image, which needs firmware; unpack it to an Image",
            l->kernel_name);
    return place_flat(l, m, out, e);
}

/* ---- Layout ---- */

/* Whether device tree and initrd go at these addresses, both below `end`. */
static bool fits(uint64_t dtb, uint64_t initrd, uint64_t initrd_bytes, uint64_t end)
{
    return dtb <= end && DTB_BYTES <= end - dtb && initrd <= end && initrd_bytes <= end - initrd;
}

/* In this order: both above the kernel, far from RAM's start; the device tree at RAM's end; both
 * below a kernel that lies high. */
static bool find_room(const struct mem *m, const struct loader_result *k, uint64_t initrd_bytes,
                      uint64_t *dtb, uint64_t *initrd)
{
    uint64_t end = m->ram_base + m->ram_bytes;
    *dtb = align_up(k->kernel_end, ALIGN_2M);
    if (*dtb < m->ram_base + VIRT_DTB_OFFSET)
        *dtb = m->ram_base + VIRT_DTB_OFFSET;
    *initrd = *dtb + DTB_BYTES;
    if (fits(*dtb, *initrd, initrd_bytes, end))
        return true;
    if (m->ram_bytes < DTB_BYTES)
        return false;
    *dtb = align_down(end - DTB_BYTES, ALIGN_2M);
    *initrd = align_up(k->kernel_end, MEM_PAGE_SIZE);
    if (*dtb >= k->kernel_end && fits(*dtb, *initrd, initrd_bytes, *dtb + DTB_BYTES) &&
        *initrd + initrd_bytes <= *dtb)
        return true;
    *dtb = align_up(m->ram_base, ALIGN_2M);
    *initrd = *dtb + DTB_BYTES;
    return fits(*dtb, *initrd, initrd_bytes, k->kernel_start);
}

static int place_rest(const struct loader *l, struct mem *m, struct loader_result *out,
                      struct err *e)
{
    uint64_t initrd_bytes = l->initrd.len;
    if (!find_room(m, out, initrd_bytes, &out->dtb, &out->initrd_start)) {
        if (!initrd_bytes || !find_room(m, out, 0, &out->dtb, &out->initrd_start))
            return too_large(l, m, e);
        return err_set(e, EFBIG,
                       "--initrd: '%s' (%llu MiB) does not fit into %llu MiB of memory beside the "
                       "kernel; give more with --memory",
                       l->initrd_name, (unsigned long long)(initrd_bytes >> 20),
                       (unsigned long long)(m->ram_bytes >> 20));
    }
    out->dtb_max_bytes = DTB_BYTES;
    out->initrd_end = out->initrd_start + initrd_bytes;
    if (initrd_bytes && !mem_write(m, out->initrd_start, l->initrd.data, initrd_bytes))
        return err_set(e, EFBIG, "--initrd: '%s' does not fit into memory", l->initrd_name);
    return 0;
}

int loader_place(const struct loader *l, struct mem *m, struct loader_result *out, struct err *e)
{
    *out = (struct loader_result){0};
    int r = place_kernel(l, m, out, e);
    return r ? r : place_rest(l, m, out, e);
}
