/* board/loader.c: what each format places where, and that nothing in a file is believed. */
#include "board/loader.h"

#include "base/bits.h"
#include "board/virt_map.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
/* after the above */
#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)
#define RAM_BYTES (16 * MIB)
#define RAM ((uint64_t)VIRT_RAM_BASE)
#define DTB_SMALL (RAM + RAM_BYTES - 2 * MIB) /* where the device tree goes in this much memory */

struct fixture {
    struct mem mem;
    struct loader l;
    struct loader_result at;
    struct err e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    *state = f;
    f->l.kernel_name = "kernel";
    f->l.initrd_name = "initrd";
    return mem_create(&f->mem, RAM, RAM_BYTES, &f->e);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    loader_close(&f->l);
    mem_destroy(&f->mem);
    free(f);
    return 0;
}

/* Replaces the kernel by `bytes` bytes that begin with `data`. */
static void set_kernel(struct fixture *f, const void *data, size_t n, size_t bytes)
{
    buf_fini(&f->l.kernel);
    uint8_t *zero = calloc(1, bytes ? bytes : 1);
    assert_non_null(zero);
    memcpy(zero, data, n);
    assert_int_equal(buf_append(&f->l.kernel, zero, bytes), 0);
    free(zero);
}

static void set_initrd(struct fixture *f, size_t bytes)
{
    buf_fini(&f->l.initrd);
    uint8_t *fill = malloc(bytes);
    assert_non_null(fill);
    memset(fill, 0x5a, bytes);
    assert_int_equal(buf_append(&f->l.initrd, fill, bytes), 0);
    free(fill);
}

static int place(struct fixture *f)
{
    f->e = (struct err){0};
    int r = loader_place(&f->l, &f->mem, &f->at, &f->e);
    if (r)
        assert_true(strlen(f->e.text) > 10);
    return r;
}

static uint8_t byte_at(struct fixture *f, uint64_t pa)
{
    uint8_t b;
    assert_true(mem_read(&f->mem, pa, &b, 1));
    return b;
}

/* Kernel, initial RAM disk and device tree must not touch. */
static void expect_apart(const struct fixture *f)
{
    const uint64_t range[3][2] = {{f->at.kernel_start, f->at.kernel_end},
                                  {f->at.initrd_start, f->at.initrd_end},
                                  {f->at.dtb, f->at.dtb + f->at.dtb_max_bytes}};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(range[i][0] >= f->mem.ram_base && range[i][0] <= range[i][1]);
        assert_true(range[i][1] <= f->mem.ram_base + f->mem.ram_bytes);
        for (unsigned j = 0; j < i; j++)
            assert_true(range[i][1] <= range[j][0] || range[j][1] <= range[i][0] ||
                        range[i][0] == range[i][1]);
    }
    assert_int_equal(f->at.dtb % 8, 0);
    assert_true(f->at.dtb / (2 * MIB) == (f->at.dtb + f->at.dtb_max_bytes - 1) / (2 * MIB));
}

/* ---- Flat ---- */

static void test_flat_binary_goes_to_ram_plus_0x80000(void **state)
{
    struct fixture *f = *state;
    set_kernel(f, "\x01\x02\x03\x04\x05", 5, 5);
    assert_int_equal(place(f), 0);
    assert_int_equal(f->at.entry, RAM + 0x80000);
    assert_int_equal(byte_at(f, RAM + 0x80004), 5);
    assert_int_equal(f->at.kernel_end, RAM + 0x80005);
    assert_int_equal(f->at.initrd_start, f->at.initrd_end);
    expect_apart(f);
}

static void test_flat_binary_of_one_byte(void **state)
{
    struct fixture *f = *state;
    set_kernel(f, "\x01", 1, 1);
    assert_int_equal(place(f), 0);
    expect_apart(f);
}

static void test_flat_binary_size_limit(void **state)
{
    struct fixture *f = *state;
    const uint64_t most = DTB_SMALL - RAM - 0x80000;
    for (int d = -1; d <= 1; d++) {
        set_kernel(f, "\x01", 1, most + (uint64_t)d);
        assert_int_equal(place(f), d <= 0 ? 0 : -EFBIG);
        if (d <= 0)
            expect_apart(f);
        else
            assert_non_null(strstr(f->e.text, "--memory"));
    }
}

static void test_memory_smaller_than_the_device_tree_is_refused(void **state)
{
    struct fixture *f = *state;
    mem_destroy(&f->mem);
    assert_int_equal(mem_create(&f->mem, RAM, MIB, &f->e), 0);
    set_kernel(f, "\x01", 1, 4);
    assert_int_equal(place(f), -EFBIG);
}

/* ---- Initial RAM disk ---- */

static void test_initrd_size_limit(void **state)
{
    struct fixture *f = *state;
    set_kernel(f, "\x01", 1, 4096);
    const uint64_t most = DTB_SMALL - (RAM + 0x81000);
    for (int d = -1; d <= 1; d++) {
        set_initrd(f, most + (uint64_t)d);
        assert_int_equal(place(f), d <= 0 ? 0 : -EFBIG);
        if (d > 0) {
            assert_non_null(strstr(f->e.text, "--initrd"));
            continue;
        }
        expect_apart(f);
        assert_int_equal(f->at.initrd_end - f->at.initrd_start, most + (uint64_t)d);
        assert_int_equal(byte_at(f, f->at.initrd_start), 0x5a);
        assert_int_equal(byte_at(f, f->at.initrd_end - 1), 0x5a);
    }
}

static void test_large_memory_keeps_64_mib_clear_behind_a_flat_binary(void **state)
{
    struct fixture *f = *state;
    mem_destroy(&f->mem);
    assert_int_equal(mem_create(&f->mem, RAM, 128 * MIB, &f->e), 0);
    set_kernel(f, "\x01", 1, 4096);
    for (int d = -1; d <= 1; d++) {
        set_initrd(f, 62 * MIB + (uint64_t)(d * 4096));
        assert_int_equal(place(f), 0);
        expect_apart(f);
        if (d <= 0)
            assert_int_equal(f->at.dtb, RAM + VIRT_DTB_OFFSET);
    }
}

/* ---- Image ---- */

struct image_header {
    uint32_t code[2];
    uint64_t text_offset, image_size, flags, reserved[3];
    uint32_t magic, pe;
};

static const struct image_header image = {
    .code = {0xd503201f}, .image_size = 0x3000, .flags = 0xa, .magic = 0x644d5241};

static void test_image_is_placed_by_its_header(void **state)
{
    struct fixture *f = *state;
    struct image_header h = image;
    h.text_offset = 0x80000;
    memset(mem_ptr(&f->mem, RAM, RAM_BYTES, MEM_WRITE), 0xff, RAM_BYTES);
    set_kernel(f, &h, sizeof(h), 0x1000);
    assert_int_equal(place(f), 0);
    assert_int_equal(f->at.entry, RAM + 0x80000);
    assert_int_equal(f->at.kernel_end, RAM + 0x83000);
    assert_int_equal(byte_at(f, RAM + 0x80000), 0x1f);
    assert_int_equal(byte_at(f, RAM + 0x82fff), 0); /* .bss */
    assert_int_equal(byte_at(f, RAM + 0x83000), 0xff);
    h = image;
    set_kernel(f, &h, sizeof(h), 0x1000);
    assert_int_equal(place(f), 0);
    assert_int_equal(f->at.entry, RAM);
}

static void test_image_without_size_uses_the_old_offset(void **state)
{
    struct fixture *f = *state;
    struct image_header h = image;
    h.image_size = 0;
    h.text_offset = 0x123;
    set_kernel(f, &h, sizeof(h), 0x1000);
    assert_int_equal(place(f), 0);
    assert_int_equal(f->at.entry, RAM + 0x80000);
}

static void test_image_with_impossible_header_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct {
        uint64_t text_offset, image_size, flags;
        int result;
    } cases[] = {
        {0, 0x3000, 0xb, -EINVAL},       /* big-endian */
        {2 * MIB, 0x3000, 0xa, -EINVAL}, /* offset too large */
        {2 * MIB - 4, 0x3000, 0xa, 0},
        {2, 0x3000, 0xa, -EINVAL}, /* misaligned */
        {UINT64_MAX - 3, 0x3000, 0xa, -EINVAL},
        {0, UINT64_MAX, 0xa, -EFBIG},
        {0, RAM_BYTES + 1, 0xa, -EFBIG},
        {0, RAM_BYTES - 2 * MIB, 0xa, 0},
        {0, RAM_BYTES - 2 * MIB + 1, 0xa, -EFBIG},
        {4, RAM_BYTES - 3, 0xa, -EFBIG},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct image_header h = image;
        h.text_offset = cases[i].text_offset;
        h.image_size = cases[i].image_size;
        h.flags = cases[i].flags;
        set_kernel(f, &h, sizeof(h), 0x1000);
        if (place(f) != cases[i].result)
            fail_msg("case %u: %s", i, f->e.text);
    }
}

/* ---- ELF ---- */

struct elf_file {
    Elf64_Ehdr h;
    Elf64_Phdr p[2];
    uint8_t text[16];
};

static struct elf_file good_elf(void)
{
    return (struct elf_file){
        .h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
              .e_type = ET_EXEC,
              .e_machine = EM_AARCH64,
              .e_version = EV_CURRENT,
              .e_entry = 0xffff800000000004,
              .e_phoff = sizeof(Elf64_Ehdr),
              .e_ehsize = sizeof(Elf64_Ehdr),
              .e_phentsize = sizeof(Elf64_Phdr),
              .e_phnum = 2},
        .p = {{.p_type = PT_LOAD,
               .p_offset = offsetof(struct elf_file, text),
               .p_vaddr = 0xffff800000000000,
               .p_paddr = RAM + 0x100000,
               .p_filesz = 16,
               .p_memsz = 0x1000},
              {.p_type = PT_NOTE, .p_paddr = 0, .p_filesz = UINT64_MAX, .p_memsz = UINT64_MAX}},
        .text = {0xaa, 0xbb},
    };
}

static int place_elf(struct fixture *f, const struct elf_file *elf, size_t bytes)
{
    set_kernel(f, elf, bytes < sizeof(*elf) ? bytes : sizeof(*elf), bytes);
    return place(f);
}

static void test_elf_goes_to_its_own_addresses(void **state)
{
    struct fixture *f = *state;
    struct elf_file elf = good_elf();
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), 0);
    assert_int_equal(f->at.entry, RAM + 0x100004); /* the virtual entry, made physical */
    assert_int_equal(f->at.kernel_start, RAM + 0x100000);
    assert_int_equal(f->at.kernel_end, RAM + 0x101000);
    assert_int_equal(byte_at(f, RAM + 0x100001), 0xbb);
    expect_apart(f);
}

/* A program that ends where RAM ends was refused although there was room below it. */
static void test_elf_at_the_end_of_ram_has_its_tree_below(void **state)
{
    struct fixture *f = *state;
    struct elf_file elf = good_elf();
    elf.p[0].p_paddr = RAM + RAM_BYTES - 0x1000;
    set_initrd(f, 0x1234);
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), 0);
    assert_int_equal(f->at.kernel_end, RAM + RAM_BYTES);
    assert_int_equal(byte_at(f, f->at.initrd_start), 0x5a);
    expect_apart(f);
}

static void test_elf_cut_off_anywhere_is_refused(void **state)
{
    struct fixture *f = *state;
    struct elf_file elf = good_elf();
    for (size_t n = 4; n < sizeof(elf); n++)
        assert_int_equal(place_elf(f, &elf, n), -EINVAL);
}

static void test_elf_of_other_machines_is_refused(void **state)
{
    struct fixture *f = *state;
    struct elf_file elf = good_elf();
    elf.h.e_machine = EM_X86_64;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf = good_elf();
    elf.h.e_ident[EI_CLASS] = ELFCLASS32;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf = good_elf();
    elf.h.e_ident[EI_DATA] = ELFDATA2MSB;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf = good_elf();
    elf.h.e_type = ET_REL;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
}

static void test_elf_segment_must_lie_in_ram(void **state)
{
    struct fixture *f = *state;
    const struct {
        uint64_t paddr, memsz;
        int result;
    } cases[] = {
        {RAM, 0x1000, 0},
        {RAM - 1, 0x1000, -EFBIG},
        {0, 0x1000, -EFBIG},
        {RAM + RAM_BYTES - 0x1000, 0x1001, -EFBIG},
        {RAM, UINT64_MAX, -EFBIG},
        {UINT64_MAX - 0xfff, 0x1000, -EFBIG},
        {DTB_SMALL - 0x1000, 0x1000, 0},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct elf_file elf = good_elf();
        elf.p[0].p_paddr = cases[i].paddr;
        elf.p[0].p_memsz = cases[i].memsz;
        if (place_elf(f, &elf, sizeof(elf)) != cases[i].result)
            fail_msg("case %u: %s", i, f->e.text);
    }
}

static void test_elf_with_impossible_headers_is_refused(void **state)
{
    struct fixture *f = *state;
    struct elf_file elf = good_elf();
    elf.p[0].p_offset = sizeof(elf) - 15;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf.p[0].p_offset = UINT64_MAX;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf = good_elf();
    elf.p[0].p_memsz = 15; /* smaller than in the file */
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf = good_elf();
    elf.h.e_phoff = UINT64_MAX;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf = good_elf();
    elf.h.e_phnum = 0xffff;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf = good_elf();
    elf.h.e_phentsize = 1;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf = good_elf();
    elf.h.e_phnum = 0;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
    elf = good_elf();
    elf.h.e_entry = 0;
    assert_int_equal(place_elf(f, &elf, sizeof(elf)), -EINVAL);
}

static void test_zboot_image_names_the_remedy(void **state)
{
    struct fixture *f = *state;
    set_kernel(f, "MZ\0\0zimg", 8, 4096);
    assert_int_equal(place(f), -EINVAL);
    assert_non_null(strstr(f->e.text, "unpack"));
}

/* ---- gzip ---- */

static void compress_to(struct buf *out, uint8_t *data, size_t n)
{
    uint8_t packed[4096];
    z_stream z = {
        .next_in = data, .avail_in = (uInt)n, .next_out = packed, .avail_out = sizeof(packed)};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(buf_append(out, packed, sizeof(packed) - z.avail_out), 0);
    deflateEnd(&z);
}

static void test_gunzip_limit(void **state)
{
    (void)state;
    uint8_t *data = calloc(1, 100000);
    assert_non_null(data);
    data[99999] = 7;
    for (int d = -1; d <= 1; d++) {
        struct buf b = {0};
        struct err e = {0};
        compress_to(&b, data, 100000);
        assert_int_equal(loader_gunzip(&b, "x", (uint64_t)(100000 + d), &e), d < 0 ? -EFBIG : 0);
        if (d >= 0) {
            assert_int_equal(b.len, 100000);
            assert_int_equal(b.data[99999], 7);
        }
        buf_fini(&b);
    }
    free(data);
}

static void test_gunzip_refuses_every_damage(void **state)
{
    (void)state;
    uint8_t data[600];
    struct buf good = {0};
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * i >> 3);
    compress_to(&good, data, sizeof(data));
    for (size_t n = 18; n < good.len; n++) { /* cut off */
        struct buf b = {0};
        struct err e = {0};
        assert_int_equal(buf_append(&b, good.data, n), 0);
        assert_int_equal(loader_gunzip(&b, "x", 1 << 20, &e), -EINVAL);
        buf_fini(&b);
    }
    for (size_t i = good.len - 8; i < good.len; i++) { /* wrong checksum or length */
        struct buf b = {0};
        struct err e = {0};
        assert_int_equal(buf_append(&b, good.data, good.len), 0);
        b.data[i] ^= 1;
        assert_int_equal(loader_gunzip(&b, "x", 1 << 20, &e), -EINVAL);
        assert_non_null(strstr(e.text, "damaged"));
        buf_fini(&b);
    }
    buf_fini(&good);
}

static void test_gunzip_leaves_other_contents_alone(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_append(&b, "not compressed at all", 21), 0);
    assert_int_equal(loader_gunzip(&b, "x", 4, NULL), 0);
    assert_int_equal(b.len, 21);
    buf_fini(&b);
}

/* ---- Files ---- */

static void test_open_names_option_and_file(void **state)
{
    (void)state;
    struct loader l;
    struct err e = {0};
    char empty[] = "/tmp/loader-XXXXXX";
    int fd = mkstemp(empty);
    assert_true(fd >= 0);
    assert_int_equal(loader_open(&l, &(struct loader_files){.kernel = "/none"}, MIB, &e), -ENOENT);
    assert_non_null(strstr(e.text, "--kernel"));
    assert_non_null(strstr(e.text, "/none"));
    assert_int_equal(loader_open(&l, &(struct loader_files){.kernel = empty}, MIB, &e), -EINVAL);
    assert_int_equal(write(fd, "1234", 4), 4);
    assert_int_equal(loader_open(&l, &(struct loader_files){.kernel = empty}, 3, &e), -EFBIG);
    assert_int_equal(loader_open(&l, &(struct loader_files){empty, "/none"}, MIB, &e), -ENOENT);
    assert_non_null(strstr(e.text, "--initrd"));
    assert_int_equal(loader_open(&l, &(struct loader_files){.kernel = empty}, 4, &e), 0);
    assert_int_equal(l.kernel.len, 4);
    loader_close(&l);
    close(fd);
    unlink(empty);
}

int main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(test_flat_binary_goes_to_ram_plus_0x80000),
        ONE(test_flat_binary_of_one_byte),
        ONE(test_flat_binary_size_limit),
        ONE(test_memory_smaller_than_the_device_tree_is_refused),
        ONE(test_initrd_size_limit),
        ONE(test_large_memory_keeps_64_mib_clear_behind_a_flat_binary),
        ONE(test_image_is_placed_by_its_header),
        ONE(test_image_without_size_uses_the_old_offset),
        ONE(test_image_with_impossible_header_is_refused),
        ONE(test_elf_goes_to_its_own_addresses),
        ONE(test_elf_at_the_end_of_ram_has_its_tree_below),
        ONE(test_elf_cut_off_anywhere_is_refused),
        ONE(test_elf_of_other_machines_is_refused),
        ONE(test_elf_segment_must_lie_in_ram),
        ONE(test_elf_with_impossible_headers_is_refused),
        ONE(test_zboot_image_names_the_remedy),
        cmocka_unit_test(test_gunzip_limit),
        cmocka_unit_test(test_gunzip_refuses_every_damage),
        cmocka_unit_test(test_gunzip_leaves_other_contents_alone),
        cmocka_unit_test(test_open_names_option_and_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
