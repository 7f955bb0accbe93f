/* Semihosting for AArch32 and AArch64, release 2.0 (Arm 100863): the operations of chapter 6 with
 * the extensions SH_EXT_EXIT_EXTENDED and SH_EXT_STDOUT_STDERR of section 8, AArch64 only.
 *
 * A call is HLT #0xF000 with the operation's number in W0 and, for most, the guest-virtual address
 * of a block of 64-bit fields in X1; the result goes to X0. While it lasts the guest's CPU stands
 * still, which is what the specification expects; a call that waits (console input, a slow reader
 * of console output) looks every few milliseconds whether the VM is to be stopped.
 *
 * Everything in a block is the guest's: names are bounded by PATH_MAX and must be as long as they
 * say, data moves in chunks of a page through a buffer on the stack, an address that does not
 * translate fails the call with EFAULT. Names are resolved below one folder by backend/hostdir.
 *
 * Choices where the specification leaves them: SYS_SYSTEM fails always (a guest runs no programs on
 * the host); SYS_HEAPINFO answers 0, "unknown", in all fields; SYS_TMPNAM gives the same name for
 * the same identifier; a reserved operation fails with ENOSYS. Error numbers are those of Linux.
 *
 * NYI(semihost_eof): backends do not tell when their input has ended, so SYS_READ of ":tt" waits
 * for ever then.
 */
#include "dev/semihost.h"

#include "backend/hostdir.h"
#include "base/bits.h"
#include "base/fault.h"
#include "vm/vcpu_access.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITEC = 0x03,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_READC = 0x07,
    SYS_ISERROR = 0x08,
    SYS_ISTTY = 0x09,
    SYS_SEEK = 0x0a,
    SYS_FLEN = 0x0c,
    SYS_TMPNAM = 0x0d,
    SYS_REMOVE = 0x0e,
    SYS_RENAME = 0x0f,
    SYS_CLOCK = 0x10,
    SYS_TIME = 0x11,
    SYS_SYSTEM = 0x12,
    SYS_ERRNO = 0x13,
    SYS_GET_CMDLINE = 0x15,
    SYS_HEAPINFO = 0x16,
    SYS_EXIT = 0x18,
    SYS_EXIT_EXTENDED = 0x20,
    SYS_ELAPSED = 0x30,
    SYS_TICKFREQ = 0x31,
    SYS_COUNT
};

#define FAILED UINT64_MAX /* -1 */
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u
#define NS_PER_TICK 1u /* SYS_ELAPSED and SYS_TICKFREQ: nanoseconds */
#define NS_PER_SECOND UINT64_C(1000000000)
#define CHUNK 4096u
#define WAIT_MS 10u /* how often a waiting call looks whether the VM stops */

enum file_kind { FILE_FREE, FILE_CONSOLE_IN, FILE_CONSOLE_OUT, FILE_FEATURES, FILE_HOST };

struct file {
    enum file_kind kind;
    int fd;          /* FILE_HOST */
    uint64_t offset; /* FILE_FEATURES */
};

struct semihost {
    struct device dev;
    struct chr_tap *console;
    struct hostdir dir; /* fd -1: none */
    const char *cmdline;
    uint64_t last_errno;
    uint64_t start_ns;                     /* virtual time of the last reset */
    struct file files[SEMIHOST_MAX_FILES]; /* handle = index + 1 */
};

/* One call being served. */
struct call {
    struct semihost *s;
    struct vcpu *v;
    uint64_t block; /* X1 */
    bool stay;      /* do not step over the instruction */
};

/* Contents of ":semihosting-features": the magic bytes and one byte of feature bits. */
static const uint8_t features[] = {0x53, 0x48, 0x46, 0x42, 0x03};

/* ---- Parts of all operations ---- */

static struct semihost *semihost_of(struct device *d)
{
    return CONTAINER_OF(d, struct semihost, dev);
}

static uint64_t fail(struct call *c, int error)
{
    c->s->last_errno = (uint64_t)error;
    return FAILED;
}

static uint64_t bad_address(struct call *c, uint64_t va)
{
    guest_err(&c->s->dev.err, c->s->dev.name, "operation 0x%x: bad address 0x%llx",
              (unsigned)c->v->cpu.x[0], (unsigned long long)va);
    return fail(c, EFAULT);
}

/* Reads the first n fields of the parameter block; false: the call has failed. */
static bool get_fields(struct call *c, uint64_t *fields, unsigned n)
{
    if (vcpu_copy_in(c->v, c->block, fields, n * 8u) == n * 8u)
        return true;
    bad_address(c, c->block);
    return false;
}

static bool put_field(struct call *c, unsigned n, uint64_t value)
{
    uint64_t va = c->block + n * UINT64_C(8);
    if (vcpu_copy_out(c->v, va, &value, 8) == 8)
        return true;
    bad_address(c, va);
    return false;
}

/* Reads a name of `len` characters; false: the call has failed. */
static bool get_name(struct call *c, uint64_t va, uint64_t len, char name[PATH_MAX])
{
    if (len >= PATH_MAX) {
        fail(c, ENAMETOOLONG);
        return false;
    }
    if (vcpu_copy_in(c->v, va, name, len) != len) {
        bad_address(c, va);
        return false;
    }
    name[len] = 0;
    if (!len || strlen(name) != len) {
        fail(c, len ? EINVAL : ENOENT);
        return false;
    }
    return true;
}

static bool stopping(const struct call *c)
{
    return atomic_load(&c->v->vm->stopping);
}

/* Writes to the console, waiting for room; false when the VM stops before all is written. */
static bool console_write(struct call *c, const uint8_t *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        done += chr_tap_write(c->s->console, data + done, len - done, WAIT_MS);
        if (done < len && stopping(c)) {
            c->stay = true;
            return false;
        }
    }
    return true;
}

/* Reads at least one byte from the console; 0 when the VM stops before one came. */
static size_t console_read(struct call *c, uint8_t *data, size_t len)
{
    for (;;) {
        size_t n = chr_tap_read(c->s->console, data, len, WAIT_MS);
        if (n)
            return journal_bytes(&c->v->vm->journal, JOURNAL_INPUT, data, n, len);
        if (stopping(c)) {
            c->stay = true;
            return 0;
        }
    }
}

/* ---- Files ---- */

static struct file *file_find(struct call *c, uint64_t handle)
{
    struct file *f = handle - 1 < SEMIHOST_MAX_FILES ? &c->s->files[handle - 1] : NULL;
    if (f && f->kind != FILE_FREE)
        return f;
    fail(c, EBADF);
    return NULL;
}

static void file_close(struct file *f)
{
    if (f->kind == FILE_HOST)
        hostfile_close(f->fd);
    *f = (struct file){.kind = FILE_FREE, .fd = -1};
}

static void close_all(struct semihost *s)
{
    for (unsigned i = 0; i < SEMIHOST_MAX_FILES; i++)
        file_close(&s->files[i]);
}

/* Fills in a file for a name and one of the twelve modes of SYS_OPEN; -errno. */
static int file_open(struct semihost *s, const char *name, uint64_t mode, struct file *f)
{
    static const int flags[12] = {
        [0] = O_RDONLY, /* r, rb, r+, r+b */
        [1] = O_RDONLY,
        [2] = O_RDWR,
        [3] = O_RDWR,
        [4] = O_WRONLY | O_CREAT | O_TRUNC, /* w, wb, w+, w+b */
        [5] = O_WRONLY | O_CREAT | O_TRUNC,
        [6] = O_RDWR | O_CREAT | O_TRUNC,
        [7] = O_RDWR | O_CREAT | O_TRUNC,
        [8] = O_WRONLY | O_CREAT | O_APPEND, /* a, ab, a+, a+b */
        [9] = O_WRONLY | O_CREAT | O_APPEND,
        [10] = O_RDWR | O_CREAT | O_APPEND,
        [11] = O_RDWR | O_CREAT | O_APPEND,
    };
    if (mode >= ARRAY_LEN(flags))
        return -EINVAL;
    if (!strcmp(name, ":tt")) {
        f->kind = mode < 4 ? FILE_CONSOLE_IN : FILE_CONSOLE_OUT;
        return 0;
    }
    if (!strcmp(name, ":semihosting-features")) {
        f->kind = FILE_FEATURES;
        return mode < 2 ? 0 : -EACCES;
    }
    if (s->dir.fd < 0)
        return -EPERM;
    f->fd = hostdir_open_file(&s->dir, name, flags[mode]);
    f->kind = FILE_HOST;
    return f->fd < 0 ? f->fd : 0;
}

static uint64_t sys_open(struct call *c)
{
    uint64_t a[3];
    char name[PATH_MAX];
    if (!get_fields(c, a, 3) || !get_name(c, a[0], a[2], name))
        return FAILED;
    for (unsigned i = 0; i < SEMIHOST_MAX_FILES; i++) {
        if (c->s->files[i].kind != FILE_FREE)
            continue;
        struct file f = {.fd = -1};
        int r = file_open(c->s, name, a[1], &f);
        if (r)
            return fail(c, -r);
        c->s->files[i] = f;
        return i + 1;
    }
    return fail(c, EMFILE);
}

static uint64_t sys_close(struct call *c)
{
    uint64_t a[1];
    struct file *f = get_fields(c, a, 1) ? file_find(c, a[0]) : NULL;
    if (!f)
        return FAILED;
    file_close(f);
    return 0;
}

/* One chunk to a file; false: the call has failed or waits. */
static bool file_write(struct call *c, struct file *f, const uint8_t *data, size_t n)
{
    if (f->kind == FILE_CONSOLE_OUT)
        return console_write(c, data, n);
    ssize_t r = f->kind == FILE_HOST ? hostfile_write(f->fd, data, n) : -EBADF;
    if (r < 0)
        fail(c, (int)-r);
    return r >= 0;
}

/* Result: how many bytes were not written. */
static uint64_t sys_write(struct call *c)
{
    uint64_t a[3];
    struct file *f = get_fields(c, a, 3) ? file_find(c, a[0]) : NULL;
    if (!f)
        return FAILED;
    uint8_t chunk[CHUNK];
    uint64_t left = a[2];
    while (left && !stopping(c)) {
        size_t n = left < CHUNK ? left : CHUNK;
        size_t got = vcpu_copy_in(c->v, a[1] + (a[2] - left), chunk, n);
        if (got && !file_write(c, f, chunk, got))
            return left;
        left -= got;
        if (got < n) {
            bad_address(c, a[1] + (a[2] - left));
            return left;
        }
    }
    c->stay = left != 0;
    return left;
}

/* Up to n bytes of a file: how many, 0 at the end or when the VM stops, -errno. */
static ssize_t file_read(struct call *c, struct file *f, uint8_t *data, size_t n)
{
    switch (f->kind) {
    case FILE_CONSOLE_IN: return (ssize_t)console_read(c, data, n);
    case FILE_FEATURES: {
        uint64_t left = f->offset < sizeof(features) ? sizeof(features) - f->offset : 0;
        if (n > left)
            n = left;
        memcpy(data, features + (sizeof(features) - left), n);
        f->offset += n;
        return (ssize_t)n;
    }
    case FILE_HOST: {
        ssize_t r = hostfile_read(f->fd, data, n);
        return r <= 0
                   ? r
                   : (ssize_t)journal_bytes(&c->v->vm->journal, JOURNAL_INPUT, data, (size_t)r, n);
    }
    case FILE_FREE:
    case FILE_CONSOLE_OUT: break;
    }
    return -EBADF;
}

/* Result: how many bytes of the buffer were not filled; all of them means end of file. */
static uint64_t sys_read(struct call *c)
{
    uint64_t a[3];
    struct file *f = get_fields(c, a, 3) ? file_find(c, a[0]) : NULL;
    if (!f)
        return FAILED;
    uint8_t chunk[CHUNK];
    uint64_t left = a[2];
    while (left && !stopping(c)) {
        size_t n = left < CHUNK ? left : CHUNK;
        ssize_t got = file_read(c, f, chunk, n);
        if (got < 0)
            return left == a[2] ? fail(c, (int)-got) : left;
        size_t put = vcpu_copy_out(c->v, a[1] + (a[2] - left), chunk, (size_t)got);
        left -= put;
        if (put < (size_t)got) {
            bad_address(c, a[1] + (a[2] - left));
            return left;
        }
        if (!got || f->kind == FILE_CONSOLE_IN) /* the console gives what there is */
            return left;
    }
    c->stay = left != 0;
    return left;
}

static uint64_t sys_istty(struct call *c)
{
    uint64_t a[1];
    struct file *f = get_fields(c, a, 1) ? file_find(c, a[0]) : NULL;
    if (!f)
        return FAILED;
    return f->kind == FILE_CONSOLE_IN || f->kind == FILE_CONSOLE_OUT;
}

static uint64_t sys_seek(struct call *c)
{
    uint64_t a[2];
    struct file *f = get_fields(c, a, 2) ? file_find(c, a[0]) : NULL;
    if (!f)
        return FAILED;
    if (f->kind == FILE_FEATURES) {
        f->offset = a[1];
        return 0;
    }
    int r = f->kind == FILE_HOST ? hostfile_seek(f->fd, a[1]) : -ESPIPE;
    return r ? fail(c, -r) : 0;
}

static uint64_t sys_flen(struct call *c)
{
    uint64_t a[1];
    struct file *f = get_fields(c, a, 1) ? file_find(c, a[0]) : NULL;
    if (!f)
        return FAILED;
    if (f->kind == FILE_FEATURES)
        return sizeof(features);
    int64_t n = f->kind == FILE_HOST ? hostfile_length(f->fd) : -ESPIPE;
    return n < 0 ? fail(c, (int)-n) : (uint64_t)n;
}

static uint64_t sys_tmpnam(struct call *c)
{
    uint64_t a[3];
    if (!get_fields(c, a, 3))
        return FAILED;
    char name[32];
    size_t n =
        (size_t)snprintf(name, sizeof(name), "semihost-%03u.tmp", (unsigned)(a[1] & 0xff)) + 1;
    if (a[1] > 255 || a[2] < n)
        return fail(c, EINVAL);
    return vcpu_copy_out(c->v, a[0], name, n) == n ? 0 : bad_address(c, a[0]);
}

/* The results of the next two are error numbers, not -1. */
static uint64_t sys_remove(struct call *c)
{
    uint64_t a[2];
    char name[PATH_MAX];
    if (!get_fields(c, a, 2) || !get_name(c, a[0], a[1], name))
        return c->s->last_errno;
    int r = c->s->dir.fd < 0 ? -EPERM : hostdir_remove(&c->s->dir, name);
    if (r)
        fail(c, -r);
    return (uint64_t)-r;
}

static uint64_t sys_rename(struct call *c)
{
    uint64_t a[4];
    char from[PATH_MAX], to[PATH_MAX];
    if (!get_fields(c, a, 4) || !get_name(c, a[0], a[1], from) || !get_name(c, a[2], a[3], to))
        return c->s->last_errno;
    int r = c->s->dir.fd < 0 ? -EPERM : hostdir_rename(&c->s->dir, from, to);
    if (r)
        fail(c, -r);
    return (uint64_t)-r;
}

/* ---- The console's own operations ---- */

static uint64_t sys_writec(struct call *c)
{
    uint8_t ch;
    if (vcpu_copy_in(c->v, c->block, &ch, 1) != 1)
        return bad_address(c, c->block);
    console_write(c, &ch, 1);
    return 0;
}

static uint64_t sys_write0(struct call *c)
{
    uint64_t va = c->block;
    while (!stopping(c)) {
        uint8_t chunk[CHUNK];
        size_t n = vcpu_copy_in(c->v, va, chunk, CHUNK - va % CHUNK);
        const uint8_t *end = memchr(chunk, 0, n);
        if (!n)
            return bad_address(c, va);
        if (!console_write(c, chunk, end ? (size_t)(end - chunk) : n) || end)
            return 0;
        va += n;
    }
    c->stay = true;
    return 0;
}

static uint64_t sys_readc(struct call *c)
{
    uint8_t ch;
    return console_read(c, &ch, 1) ? ch : 0;
}

/* ---- Time, environment, end ---- */

static uint64_t elapsed_ns(const struct call *c)
{
    return c->v->cpu.env->counter(&c->v->cpu) - c->s->start_ns;
}

static uint64_t sys_iserror(struct call *c)
{
    uint64_t a[1];
    if (!get_fields(c, a, 1))
        return 1;
    return (int64_t)a[0] < 0;
}

static uint64_t sys_clock(struct call *c)
{
    return elapsed_ns(c) / (NS_PER_SECOND / 100);
}

static uint64_t sys_time(struct call *c)
{
    return clock_wall_seconds(&c->v->vm->clock);
}

static uint64_t sys_system(struct call *c)
{
    return fail(c, EPERM);
}

static uint64_t sys_errno(struct call *c)
{
    return c->s->last_errno;
}

static uint64_t sys_get_cmdline(struct call *c)
{
    uint64_t a[2];
    if (!get_fields(c, a, 2))
        return FAILED;
    size_t n = strlen(c->s->cmdline);
    if (a[1] < n + 1)
        return fail(c, ENAMETOOLONG);
    if (vcpu_copy_out(c->v, a[0], c->s->cmdline, n + 1) != n + 1)
        return bad_address(c, a[0]);
    return put_field(c, 1, n) ? 0 : FAILED;
}

static uint64_t sys_heapinfo(struct call *c)
{
    uint64_t a[1];
    const uint64_t unknown[4] = {0};
    if (!get_fields(c, a, 1))
        return FAILED;
    if (vcpu_copy_out(c->v, a[0], unknown, sizeof(unknown)) != sizeof(unknown))
        return bad_address(c, a[0]);
    return 0;
}

static uint64_t sys_exit(struct call *c)
{
    uint64_t a[2];
    if (!get_fields(c, a, 2)) /* it ends all the same */
        a[0] = a[1] = 0;
    int status = a[0] == ADP_STOPPED_APPLICATION_EXIT ? (int)(a[1] & 0xff) : 1;
    c->v->powered = false;
    c->stay = true;
    vm_post(c->v->vm, VM_EVENT_EXIT, status);
    return 0;
}

static uint64_t sys_elapsed(struct call *c)
{
    return put_field(c, 0, elapsed_ns(c) / NS_PER_TICK) ? 0 : FAILED;
}

static uint64_t sys_tickfreq(struct call *c)
{
    (void)c;
    return NS_PER_SECOND / NS_PER_TICK;
}

static uint64_t (*const operations[SYS_COUNT])(struct call *c) = {
    [SYS_OPEN] = sys_open,
    [SYS_CLOSE] = sys_close,
    [SYS_WRITEC] = sys_writec,
    [SYS_WRITE0] = sys_write0,
    [SYS_WRITE] = sys_write,
    [SYS_READ] = sys_read,
    [SYS_READC] = sys_readc,
    [SYS_ISERROR] = sys_iserror,
    [SYS_ISTTY] = sys_istty,
    [SYS_SEEK] = sys_seek,
    [SYS_FLEN] = sys_flen,
    [SYS_TMPNAM] = sys_tmpnam,
    [SYS_REMOVE] = sys_remove,
    [SYS_RENAME] = sys_rename,
    [SYS_CLOCK] = sys_clock,
    [SYS_TIME] = sys_time,
    [SYS_SYSTEM] = sys_system,
    [SYS_ERRNO] = sys_errno,
    [SYS_GET_CMDLINE] = sys_get_cmdline,
    [SYS_HEAPINFO] = sys_heapinfo,
    [SYS_EXIT] = sys_exit,
    [SYS_EXIT_EXTENDED] = sys_exit,
    [SYS_ELAPSED] = sys_elapsed,
    [SYS_TICKFREQ] = sys_tickfreq,
};

bool semihost_call(struct vcpu *v, void *arg)
{
    struct call c = {.s = arg, .v = v, .block = v->cpu.x[1]};
    uint32_t number = (uint32_t)v->cpu.x[0];
    pthread_mutex_lock(&c.s->dev.lock);
    uint64_t result;
    if (number < SYS_COUNT && operations[number]) {
        result = operations[number](&c);
    } else {
        guest_err(&c.s->dev.err, c.s->dev.name, "unknown operation 0x%x", number);
        result = fail(&c, ENOSYS);
    }
    pthread_mutex_unlock(&c.s->dev.lock);
    if (!c.stay)
        v->cpu.x[0] = result;
    return !c.stay;
}

/* ---- The device ---- */

static void semihost_reset(struct device *d)
{
    struct semihost *s = semihost_of(d);
    close_all(s);
    s->last_errno = 0;
    s->start_ns = clock_now(&d->vm->clock);
}

static int semihost_loaded(struct device *d, struct err *e)
{
    (void)e;
    close_all(semihost_of(d));
    return 0;
}

static void semihost_destroy(struct device *d)
{
    struct semihost *s = semihost_of(d);
    close_all(s);
    hostdir_close(&s->dir);
    pthread_mutex_destroy(&d->lock);
    free(s);
}

static const struct state_field semihost_fields[] = {
    F_DEVICE(struct semihost),
    F_WIRING(struct semihost, console),
    F_WIRING(struct semihost, dir),
    F_WIRING(struct semihost, cmdline),
    F_UINT(struct semihost, last_errno),
    F_UINT(struct semihost, start_ns),
    F_DERIVED(struct semihost, files, "closed by semihost_loaded(): open files are the host's"),
    F_END,
};

const struct dev_class semihost_class = {
    .name = "semihost",
    .fields = semihost_fields,
    .object_bytes = sizeof(struct semihost),
    .reset = semihost_reset,
    .loaded = semihost_loaded,
    .destroy = semihost_destroy,
};

int semihost_create(struct vm *vm, struct chr_tap *console, const char *dir, const char *cmdline,
                    struct err *e)
{
    struct semihost *s = fault_point("semihost_create") ? NULL : calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ENOMEM, "--semihosting: out of memory");
    s->console = console;
    s->cmdline = cmdline ? cmdline : "";
    s->dir.fd = -1;
    for (unsigned i = 0; i < SEMIHOST_MAX_FILES; i++)
        s->files[i].fd = -1;
    int r = dir ? hostdir_open(&s->dir, dir, e) : 0;
    if (r) {
        free(s);
        return err_add(e, "--semihosting");
    }
    r = device_attach(&s->dev, &semihost_class, vm, "semihost", 0, e);
    if (r) {
        hostdir_close(&s->dir);
        free(s);
        return r;
    }
    vm->semihost = semihost_call;
    vm->semihost_arg = s;
    return 0;
}
