/* The user's device tree (--dtb). Input: a byte of choices, then the tree. What comes out must be a
 * valid tree with memory in it. */
#include "base/check.h"
#include "board/virt.h"
#include "board/virt_map.h"
#include "input.h"

#include <libfdt.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint64_t choice = take(&in, 1);
    struct virt_config cfg = {.dtb = "tree",
                              .append = choice & 1 ? "console=ttyAMA0 root=/dev/vda" : NULL};
    cfg.have_seed = choice & 2;
    static struct virt b; /* large */
    b = (struct virt){.cfg = &cfg, .placed = {.dtb_max_bytes = 2u << 20}};
    b.vm.mem.ram_base = VIRT_RAM_BASE;
    b.vm.mem.ram_bytes = choice & 4 ? VIRT_RAM_MAX_BYTES : 4u << 20;
    if (choice & 8) {
        b.placed.initrd_start = VIRT_RAM_BASE + 4096;
        b.placed.initrd_end = VIRT_RAM_BASE + 8192;
    }
    if (!in.left) /* virt_create() refuses an empty file */
        return 0;
    CHECK(!buf_append(&b.user_dtb, in.p, in.left));
    struct buf out = {0};
    struct err e = {0};
    int r = virt_fdt_build(&b, &out, &e);
    CHECK(r ? r == -e.code && e.text[0] && !out.len : out.len && out.len <= b.placed.dtb_max_bytes);
    if (!r) {
        CHECK(!fdt_check_full(out.data, out.len));
        CHECK(fdt_path_offset(out.data, "/chosen") >= 0);
        CHECK(fdt_node_offset_by_prop_value(out.data, -1, "device_type", "memory",
                                            (int)sizeof("memory")) >= 0);
    }
    buf_fini(&out);
    buf_fini(&b.user_dtb);
    return 0;
}
