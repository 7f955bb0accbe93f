/* A kernel file's bytes: gzip, Image, ELF, flat. Input: a byte of choices, two bytes of the initial
 * RAM disk's length, then the file. What is placed must lie in RAM, in order, and be the same
 * twice. */
#include "base/bits.h"
#include "base/check.h"
#include "board/loader.h"
#include "board/virt_map.h"
#include "input.h"

#define MIB(n) ((uint64_t)(n) << 20)

static bool is_inside(const struct mem *m, uint64_t start, uint64_t end)
{
    return start <= end && mem_ptr(m, start, end - start, MEM_READ);
}

static bool overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
    return a < b_end && b < a_end;
}

static void check_layout(const struct mem *m, const struct loader_result *r, uint64_t initrd)
{
    uint64_t dtb_end = r->dtb + r->dtb_max_bytes;
    CHECK(is_inside(m, r->kernel_start, r->kernel_end));
    CHECK(mem_ptr(m, r->entry, 1, MEM_READ));
    CHECK(is_inside(m, r->dtb, dtb_end) && r->dtb % MIB(2) == 0 && r->dtb_max_bytes <= MIB(2));
    CHECK(!overlap(r->dtb, dtb_end, r->kernel_start, r->kernel_end));
    CHECK(r->initrd_end - r->initrd_start == initrd);
    CHECK(!initrd || is_inside(m, r->initrd_start, r->initrd_end));
    CHECK(!overlap(r->initrd_start, r->initrd_end, r->kernel_start, r->kernel_end));
    CHECK(!overlap(r->initrd_start, r->initrd_end, r->dtb, dtb_end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mem mem;
    static uint8_t ramdisk[1 << 16];
    static const uint64_t sizes[] = {MIB(4), MIB(6) + 4096, MIB(70), MIB(64)};
    struct input in = {data, size};
    struct err e = {0};
    if (!mem.ram)
        CHECK(!mem_create(&mem, VIRT_RAM_BASE, MIB(70), &e));
    uint64_t choice = take(&in, 1), initrd = take(&in, 2);
    struct mem m = mem;
    m.ram_bytes = sizes[choice & 3];

    struct loader l = {.kernel_name = "kernel", .initrd_name = "initrd"};
    if (!in.left) /* loader_open() refuses an empty file */
        return 0;
    CHECK(!buf_append(&l.kernel, in.p, in.left));
    if (initrd)
        CHECK(!buf_append(&l.initrd, ramdisk, initrd));
    struct loader_result first, second;
    int r = loader_gunzip(&l.kernel, "kernel", m.ram_bytes, &e);
    if (!r)
        r = loader_place(&l, &m, &first, &e);
    CHECK(r ? r == -e.code && e.text[0] : true);
    if (!r) {
        check_layout(&m, &first, initrd);
        CHECK(!loader_place(&l, &m, &second, &e) && !memcmp(&first, &second, sizeof(first)));
    }
    loader_close(&l);
    return 0;
}
