/* dev/semihost.c against "Semihosting for AArch32 and AArch64" 2.0. */
#include "dev/semihost.h"
#include "dev_test.h"

#include "a64/sysreg.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAM UINT64_C(0x40000000)
#define BLOCK RAM            /* parameter block */
#define NAME (RAM + 0x100)   /* a file name */
#define NAME2 (RAM + 0x1100) /* another */
#define DATA (RAM + 0x3000)
#define NOWHERE UINT64_C(0x10000000)
#define MINUS_1 UINT64_MAX

/* An engine that is never run. */
static int no_create(struct vcpu *v, struct err *e)
{
    (void)v;
    (void)e;
    return 0;
}

static void no_vcpu(struct vcpu *v)
{
    (void)v;
}

static void no_tlbi(struct vcpu *v, const struct a64_tlbi *op)
{
    (void)v;
    (void)op;
}

static void no_icache(struct vcpu *v, gpa_t pa, bool all)
{
    (void)v;
    (void)pa;
    (void)all;
}

static const struct engine_ops no_engine = {
    .name = "none",
    .vcpu_create = no_create,
    .vcpu_destroy = no_vcpu,
    .tlbi = no_tlbi,
    .context_changed = no_vcpu,
    .icache_invalidate = no_icache,
    .forget = no_vcpu,
};

struct fixture {
    struct machine *m;
    struct vcpu *v;
    int in[2], out[2]; /* the console's pipes */
    struct chr_tap *tap;
    char folder[64];
};

static size_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void make(struct fixture *f, bool with_folder)
{
    struct err e = {0};
    struct chr *inner;
    struct a64_features features = {{1, 0}};
    const struct chr_client client = {.can_receive = nothing};
    assert_int_equal(pipe(f->in) | pipe(f->out), 0);
    assert_int_equal(chr_stdio_create_fds(f->in[0], f->out[1], false, NULL, &inner, &e), 0);
    assert_int_equal(chr_tap_create(inner, &f->tap, &e), 0);
    assert_int_equal(chr_attach(chr_tap_chr(f->tap), &client, &e), 0);
    f->m = machine_create();
    assert_int_equal(vm_add_vcpu(&f->m->vm, &no_engine, &features, &e), 0);
    f->v = f->m->vm.vcpus[0];
    snprintf(f->folder, sizeof(f->folder), "/tmp/semihost-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    int r = semihost_create(&f->m->vm, f->tap, with_folder ? f->folder : NULL, "one two", &e);
    assert_int_equal(r, 0);
    vm_reset(&f->m->vm);
    atomic_store(&f->v->cpu.request, 0);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    make(*state, true);
    return 0;
}

static int set_up_without_folder(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    make(*state, false);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    machine_destroy(f->m);
    chr_detach(chr_tap_chr(f->tap));
    chr_destroy(chr_tap_chr(f->tap));
    for (unsigned i = 0; i < 2; i++) {
        close(f->in[i]);
        close(f->out[i]);
    }
    snprintf(command, sizeof(command), "rm -r '%s'", f->folder);
    int r = system(command);
    free(f);
    return r;
}

static void put(struct fixture *f, uint64_t pa, const void *data, size_t n)
{
    assert_true(mem_write(&f->m->vm.mem, pa, data, n));
}

static void get(struct fixture *f, uint64_t pa, void *data, size_t n)
{
    assert_true(mem_read(&f->m->vm.mem, pa, data, n));
}

/* A call with X1 as given; the guest goes on after it. */
static uint64_t call_x1(struct fixture *f, uint32_t op, uint64_t x1)
{
    f->v->cpu.x[0] = op | UINT64_C(0x7777) << 32; /* only W0 counts */
    f->v->cpu.x[1] = x1;
    assert_true(f->m->vm.semihost(f->v, f->m->vm.semihost_arg));
    return f->v->cpu.x[0];
}

/* A call with a parameter block of up to four fields. */
static uint64_t call(struct fixture *f, uint32_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t fields[4] = {a, b, c, d};
    put(f, BLOCK, fields, sizeof(fields));
    return call_x1(f, op, BLOCK);
}

static uint64_t last_errno(struct fixture *f)
{
    return call_x1(f, 0x13, 0);
}

static uint64_t sys_open(struct fixture *f, const char *name, unsigned mode)
{
    put(f, NAME, name, strlen(name) + 1);
    return call(f, 0x01, NAME, mode, strlen(name), 0);
}

static void expect_console(struct fixture *f, const char *text)
{
    char got[256];
    size_t n = 0;
    while (n < strlen(text)) {
        ssize_t r = read(f->out[0], got + n, sizeof(got) - n);
        assert_true(r > 0);
        n += (size_t)r;
    }
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, n);
}

/* ---- Console ---- */

static void test_semihost_writes_to_the_console(void **s)
{
    struct fixture *f = *s;
    put(f, DATA, "hello", 6);
    call_x1(f, 0x03, DATA);
    call_x1(f, 0x04, DATA + 1);
    expect_console(f, "hello");
    uint64_t tt = sys_open(f, ":tt", 4);
    assert_true(tt != MINUS_1 && tt != 0);
    assert_int_equal(call(f, 0x09, tt, 0, 0, 0), 1);
    assert_int_equal(call(f, 0x05, tt, DATA, 5, 0), 0);
    expect_console(f, "hello");
    assert_int_equal(call(f, 0x06, tt, DATA, 5, 0), MINUS_1);
    assert_int_equal(call(f, 0x0a, tt, 0, 0, 0), MINUS_1);
    assert_int_equal(call(f, 0x02, tt, 0, 0, 0), 0);
    assert_int_equal(call(f, 0x05, tt, DATA, 5, 0), MINUS_1);
    assert_int_equal(last_errno(f), EBADF);
}

static void test_semihost_reads_the_console(void **s)
{
    struct fixture *f = *s;
    assert_int_equal(write(f->in[1], "Az", 2), 2);
    assert_int_equal(call_x1(f, 0x07, 0), 'A');
    uint64_t tt = sys_open(f, ":tt", 0);
    char c;
    assert_int_equal(call(f, 0x06, tt, DATA, 100, 0), 99);
    get(f, DATA, &c, 1);
    assert_int_equal(c, 'z');
}

static void test_semihost_waiting_read_ends_when_the_vm_stops(void **s)
{
    struct fixture *f = *s;
    f->v->cpu.x[0] = 0x07;
    atomic_store(&f->m->vm.stopping, true);
    assert_false(f->m->vm.semihost(f->v, f->m->vm.semihost_arg));
    assert_int_equal(f->v->cpu.x[0], 0x07); /* so that the call can be made again */
}

/* ---- Files ---- */

static void test_semihost_file_life(void **s)
{
    struct fixture *f = *s;
    char text[16];
    uint64_t h = sys_open(f, "out.txt", 6);
    assert_true(h != MINUS_1 && h != 0);
    put(f, DATA, "0123456789", 10);
    assert_int_equal(call(f, 0x05, h, DATA, 10, 0), 0);
    assert_int_equal(call(f, 0x0c, h, 0, 0, 0), 10);
    assert_int_equal(call(f, 0x09, h, 0, 0, 0), 0);
    assert_int_equal(call(f, 0x0a, h, 4, 0, 0), 0);
    assert_int_equal(call(f, 0x06, h, DATA + 64, 16, 0), 10); /* 6 read, 10 not filled */
    get(f, DATA + 64, text, 6);
    assert_memory_equal(text, "456789", 6);
    assert_int_equal(call(f, 0x06, h, DATA + 64, 16, 0), 16); /* end of file */
    assert_int_equal(call(f, 0x02, h, 0, 0, 0), 0);
    put(f, NAME2, "new.txt", 8);
    assert_int_equal(call(f, 0x0f, NAME, 7, NAME2, 7), 0);
    assert_int_equal(call(f, 0x0e, NAME2, 7, 0, 0), 0);
    assert_int_equal(call(f, 0x0e, NAME2, 7, 0, 0), ENOENT);
    assert_int_equal(sys_open(f, "new.txt", 0), MINUS_1);
    assert_int_equal(last_errno(f), ENOENT);
}

static void test_semihost_append_mode_appends(void **s)
{
    struct fixture *f = *s;
    put(f, DATA, "ab", 2);
    uint64_t h = sys_open(f, "log", 4);
    assert_int_equal(call(f, 0x05, h, DATA, 2, 0), 0);
    h = sys_open(f, "log", 8);
    assert_int_equal(call(f, 0x05, h, DATA, 2, 0), 0);
    assert_int_equal(call(f, 0x0c, h, 0, 0, 0), 4);
}

static void test_semihost_files_stay_below_the_folder(void **s)
{
    struct fixture *f = *s;
    assert_int_equal(sys_open(f, "../x", 4), MINUS_1);
    assert_int_equal(last_errno(f), EXDEV);
    assert_int_equal(sys_open(f, "/etc/passwd", 0), MINUS_1);
    assert_int_equal(last_errno(f), EXDEV);
    put(f, NAME, "../x", 5);
    assert_int_equal(call(f, 0x0e, NAME, 4, 0, 0), EXDEV);
}

static void test_semihost_files_need_a_folder(void **s)
{
    struct fixture *f = *s;
    assert_int_equal(sys_open(f, "file", 4), MINUS_1);
    assert_int_equal(last_errno(f), EPERM);
    assert_int_equal(call(f, 0x0e, NAME, 4, 0, 0), EPERM);
    assert_int_equal(call(f, 0x0f, NAME, 4, NAME, 4), EPERM);
    assert_true(sys_open(f, ":tt", 4) != MINUS_1);
}

static void test_semihost_open_files_are_limited(void **s)
{
    struct fixture *f = *s;
    uint64_t last = 0;
    for (unsigned i = 0; i < SEMIHOST_MAX_FILES; i++) {
        last = sys_open(f, "file", 4);
        assert_true(last != MINUS_1);
    }
    assert_int_equal(sys_open(f, "file", 4), MINUS_1);
    assert_int_equal(last_errno(f), EMFILE);
    assert_int_equal(call(f, 0x02, last, 0, 0, 0), 0);
    assert_int_equal(sys_open(f, "file", 4), last);
}

static void test_semihost_reset_closes_files(void **s)
{
    struct fixture *f = *s;
    uint64_t h = sys_open(f, "file", 4);
    vm_reset(&f->m->vm);
    assert_int_equal(call(f, 0x0c, h, 0, 0, 0), MINUS_1);
    assert_int_equal(last_errno(f), EBADF);
}

static void test_semihost_refuses_bad_names_and_modes(void **s)
{
    struct fixture *f = *s;
    assert_int_equal(sys_open(f, "file", 12), MINUS_1);
    assert_int_equal(last_errno(f), EINVAL);
    put(f, NAME, "a\0b", 4);
    assert_int_equal(call(f, 0x01, NAME, 4, 3, 0), MINUS_1);
    assert_int_equal(last_errno(f), EINVAL);
    assert_int_equal(call(f, 0x01, NAME, 4, 4096, 0), MINUS_1);
    assert_int_equal(last_errno(f), ENAMETOOLONG);
    assert_int_equal(call(f, 0x01, NAME, 4, UINT64_MAX, 0), MINUS_1);
    assert_int_equal(call(f, 0x01, NAME, 4, 0, 0), MINUS_1);
    const uint64_t handles[] = {0, 1, 64, 65, UINT64_MAX, 1ull << 32 | 1};
    for (unsigned i = 0; i < ARRAY_LEN(handles); i++)
        assert_int_equal(call(f, 0x02, handles[i], 0, 0, 0), MINUS_1);
}

static void test_semihost_features_file(void **s)
{
    struct fixture *f = *s;
    uint8_t got[5];
    const uint8_t expected[5] = {0x53, 0x48, 0x46, 0x42, 0x03};
    uint64_t h = sys_open(f, ":semihosting-features", 0);
    assert_true(h != MINUS_1);
    assert_int_equal(call(f, 0x0c, h, 0, 0, 0), 5);
    assert_int_equal(call(f, 0x06, h, DATA, 5, 0), 0);
    get(f, DATA, got, 5);
    assert_memory_equal(got, expected, 5);
    assert_int_equal(call(f, 0x0a, h, 4, 0, 0), 0);
    assert_int_equal(call(f, 0x06, h, DATA, 5, 0), 4);
    assert_int_equal(call(f, 0x0a, h, UINT64_MAX, 0, 0), 0);
    assert_int_equal(call(f, 0x06, h, DATA, 5, 0), 5);
    assert_int_equal(sys_open(f, ":semihosting-features", 4), MINUS_1);
}

/* ---- Hostile addresses ---- */

static void test_semihost_bad_addresses_fail_the_call(void **s)
{
    struct fixture *f = *s;
    const uint8_t blocks[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x09,
                              0x0a, 0x0c, 0x0d, 0x15, 0x16, 0x30};
    for (unsigned i = 0; i < sizeof(blocks); i++) {
        assert_int_equal(call_x1(f, blocks[i], NOWHERE), MINUS_1);
        assert_int_equal(call_x1(f, blocks[i], UINT64_MAX - 3), MINUS_1);
        assert_int_equal(last_errno(f), EFAULT);
    }
    uint64_t h = sys_open(f, "file", 6);
    assert_int_equal(call(f, 0x05, h, NOWHERE, 9, 0), 9);
    assert_int_equal(call(f, 0x05, h, RAM + 0x10000 - 4, UINT64_MAX, 0), UINT64_MAX - 4);
    assert_int_equal(call(f, 0x0c, h, 0, 0, 0), 4);
    assert_int_equal(call(f, 0x0a, h, 0, 0, 0), 0);
    assert_int_equal(call(f, 0x06, h, NOWHERE, 9, 0), 9);
    assert_int_equal(call(f, 0x01, NOWHERE, 0, 4, 0), MINUS_1);
}

/* Virtual pages 0x1000 and 0x2000 are physical RAM+0x5000 and RAM+0x4000; 0x3000 is not mapped. */
static void test_semihost_addresses_are_virtual(void **s)
{
    struct fixture *f = *s;
    struct a64_cpu *cpu = &f->v->cpu;
    const uint64_t page = 0x703; /* AF, inner shareable, AttrIndx 0, a page or a table */
    put(f, RAM + 0x8000, &(uint64_t){(RAM + 0x9000) | 3}, 8);
    put(f, RAM + 0x9000, &(uint64_t){(RAM + 0xa000) | 3}, 8);
    put(f, RAM + 0xa008, &(uint64_t){(RAM + 0x5000) | page}, 8);
    put(f, RAM + 0xa010, &(uint64_t){(RAM + 0x4000) | page}, 8);
    put(f, RAM + 0x5ffd, "abc", 3);
    put(f, RAM + 0x4000, "def", 4);
    cpu->sys[A64_TTBR0_EL1] = RAM + 0x8000;
    cpu->sys[A64_TCR_EL1] = 25 | BIT(23) | UINT64_C(5) << 32; /* 39 bits, TTBR1 off, 48-bit PA */
    cpu->sys[A64_MAIR_EL1] = 0xff;
    cpu->sys[A64_SCTLR_EL1] |= 1;
    call_x1(f, 0x04, 0x1ffd);
    expect_console(f, "abcdef");
    assert_int_equal(call_x1(f, 0x04, 0x3000), MINUS_1);
    assert_int_equal(call_x1(f, 0x02, 0x2ffc), MINUS_1); /* the block runs into the unmapped page */
    assert_int_equal(last_errno(f), EFAULT);
}

/* ---- The rest ---- */

static void test_semihost_time(void **s)
{
    struct fixture *f = *s;
    uint64_t ticks;
    assert_int_equal(call_x1(f, 0x31, 0), SECOND_NS);
    clock_advance_to(&f->m->vm.clock, clock_now(&f->m->vm.clock) + 3 * SECOND_NS);
    assert_int_equal(call_x1(f, 0x10, 0), 300);
    assert_int_equal(call_x1(f, 0x30, DATA), 0);
    get(f, DATA, &ticks, 8);
    assert_int_equal(ticks, 3 * SECOND_NS);
    assert_int_equal(call_x1(f, 0x11, 0), WALL_SECONDS);
}

static void test_semihost_command_line(void **s)
{
    struct fixture *f = *s;
    char text[8];
    uint64_t fields[2];
    assert_int_equal(call(f, 0x15, DATA, 7, 0, 0), MINUS_1);
    assert_int_equal(call(f, 0x15, DATA, 8, 0, 0), 0);
    get(f, BLOCK, fields, 16);
    assert_int_equal(fields[1], 7);
    get(f, DATA, text, 8);
    assert_string_equal(text, "one two");
}

static void test_semihost_small_operations(void **s)
{
    struct fixture *f = *s;
    char name[32];
    uint64_t heap[4] = {1, 2, 3, 4};
    assert_int_equal(call(f, 0x08, MINUS_1, 0, 0, 0), 1);
    assert_int_equal(call(f, 0x08, 5, 0, 0, 0), 0);
    put(f, DATA, heap, 32);
    assert_int_equal(call(f, 0x16, DATA, 0, 0, 0), 0);
    get(f, DATA, heap, 32);
    assert_int_equal(heap[0] | heap[1] | heap[2] | heap[3], 0);
    assert_int_equal(call(f, 0x0d, DATA, 7, 32, 0), 0);
    get(f, DATA, name, 32);
    assert_string_equal(name, "semihost-007.tmp");
    assert_int_equal(call(f, 0x0d, DATA, 7, 16, 0), MINUS_1);
    assert_int_equal(call(f, 0x0d, DATA, 256, 32, 0), MINUS_1);
    assert_int_equal(call(f, 0x12, NAME, 4, 0, 0), MINUS_1);
    const uint32_t unknown[] = {0, 0x0b, 0x14, 0x17, 0x19, 0x32, 0x100, UINT32_MAX};
    for (unsigned i = 0; i < ARRAY_LEN(unknown); i++) {
        assert_int_equal(call_x1(f, unknown[i], 0), MINUS_1);
        assert_int_equal(last_errno(f), ENOSYS);
    }
}

static void expect_exit(struct fixture *f, uint32_t op, uint64_t reason, uint64_t code, int status)
{
    const uint64_t fields[2] = {reason, code};
    put(f, BLOCK, fields, sizeof(fields));
    f->m->vm.event = VM_EVENT_NONE;
    f->v->cpu.x[0] = op;
    f->v->cpu.x[1] = BLOCK;
    assert_false(f->m->vm.semihost(f->v, f->m->vm.semihost_arg));
    assert_int_equal(vm_wait(&f->m->vm), VM_EVENT_EXIT);
    assert_int_equal(f->m->vm.exit_status, status);
    assert_false(f->v->powered);
}

static void test_semihost_exit_status(void **s)
{
    struct fixture *f = *s;
    expect_exit(f, 0x18, 0x20026, 0, 0);
    expect_exit(f, 0x18, 0x20026, 42, 42);
    expect_exit(f, 0x20, 0x20026, 7, 7);
    expect_exit(f, 0x20, 0x20026, 0x101, 1);
    expect_exit(f, 0x18, 0x20023, 0, 1); /* ADP_Stopped_RunTimeError */
}

static void test_semihost_names_a_missing_folder(void **s)
{
    struct fixture *f = *s;
    struct err e = {0};
    assert_int_equal(semihost_create(&f->m->vm, f->tap, "/nonexistent", NULL, &e), -ENOENT);
    assert_non_null(strstr(e.text, "--semihosting"));
    assert_non_null(strstr(e.text, "/nonexistent"));
}

int main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(test_semihost_writes_to_the_console),
        ONE(test_semihost_reads_the_console),
        ONE(test_semihost_waiting_read_ends_when_the_vm_stops),
        ONE(test_semihost_file_life),
        ONE(test_semihost_append_mode_appends),
        ONE(test_semihost_files_stay_below_the_folder),
        cmocka_unit_test_setup_teardown(test_semihost_files_need_a_folder, set_up_without_folder,
                                        tear_down),
        ONE(test_semihost_open_files_are_limited),
        ONE(test_semihost_reset_closes_files),
        ONE(test_semihost_refuses_bad_names_and_modes),
        ONE(test_semihost_features_file),
        ONE(test_semihost_bad_addresses_fail_the_call),
        ONE(test_semihost_addresses_are_virtual),
        ONE(test_semihost_time),
        ONE(test_semihost_command_line),
        ONE(test_semihost_small_operations),
        ONE(test_semihost_exit_status),
        ONE(test_semihost_names_a_missing_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
