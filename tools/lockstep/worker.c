/* The process that holds one machine. It has no vCPU thread: vcpu_run_until() runs the guest when
 * the driver says so. Time is counted in instructions and nothing comes from outside, so the
 * machine is a function of its configuration.
 *
 * A checkpoint is a child made by fork(), which waits at a pipe. To go back the parent wakes it and
 * ends; the child then answers the driver. A parent that dies also wakes it: so a crash ends with
 * the machine back at the checkpoint. RAM is private memory here instead of the memfd, or parent
 * and child would share it. Threads do not survive fork(), and none are needed: virtio queues are
 * served by the vCPU when the clock is the counted one, and the console is the one below.
 *
 * A wrong result can be overwritten before the driver compares. So the registers are looked at more
 * often than that, at the same instruction counts in both machines, and a hash of what was seen is
 * part of what is compared: it stays different.
 */
#include "lockstep.h"

#include "a64/mmu.h"
#include "a64/pmu.h"
#include "backend/chr.h"
#include "base/bits.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "board/virt.h"
#include "engine/engines.h"
#include "vm/vm_hash.h"
#include "vm/vm_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDLE_NS UINT64_C(3600000000000) /* a guest that waits for longer waits for ever */
#define PRESENT (UINT64_C(3) << 62)     /* /proc/PID/pagemap: in memory or swapped out */

/* A console that keeps a hash of what the guest wrote, and writes it to a file at the place where
 * it belongs, so that going back and writing it again does no harm. */
struct console {
    struct chr chr;
    uint64_t hash, bytes;
    int fd; /* -1: none */
};

struct worker {
    struct virt_config cfg;
    struct virt board;
    struct console console;
    struct clock_timer idle;
    bool is_idle;
    enum ls_end end;
    uint64_t sample, trail;
    uint64_t ram_hash;
    uint64_t *page_hash; /* of each page of RAM */
    int fd;              /* to the driver */
    pid_t driver;
    int wake;            /* pipe to the checkpoint; -1: there is none */
    pid_t checkpoint;
};

static struct vm *vm_of(struct worker *w)
{
    return &w->board.vm;
}

/* ---- Console ---- */

static size_t console_write(struct chr *c, const void *data, size_t len)
{
    struct console *con = CONTAINER_OF(c, struct console, chr);
    con->hash = hash_bytes(data, len, con->hash);
    if (con->fd >= 0 && pwrite(con->fd, data, len, (off_t)con->bytes) != (ssize_t)len)
        con->fd = -1;
    con->bytes += len;
    return len;
}

static void console_nothing(struct chr *c)
{
    (void)c;
}

static int console_attach(struct chr *c, const struct chr_client *client, struct err *e)
{
    (void)c;
    (void)client;
    (void)e;
    return 0;
}

static bool console_size(struct chr *c, uint16_t *cols, uint16_t *rows)
{
    (void)c;
    (void)cols;
    (void)rows;
    return false;
}

static const struct chr_ops console_ops = {
    .write = console_write,
    .rx_ready = console_nothing,
    .attach = console_attach,
    .detach = console_nothing,
    .size = console_size,
    .destroy = console_nothing,
};

/* ---- Making the machine ---- */

static void idle_too_long(void *arg)
{
    struct worker *w = arg;
    w->is_idle = true;
    vm_post(vm_of(w), VM_EVENT_QUIT, 0);
}

/* "NAME[,stress=...][,fault=...]" */
static int choose_engine(struct worker *w, const char *spec, struct ls_planted *planted,
                         struct err *e)
{
    static const char key[] = ",fault=";
    const char *fault = strstr(spec, key);
    size_t len = fault ? (size_t)(fault - spec) : strlen(spec);
    char text[256];
    if (len >= sizeof(text))
        return err_set(e, EINVAL, "'%.40s...' is too long", spec);
    memcpy(text, spec, len);
    text[len] = 0;
    int r = engine_parse(text, &w->cfg.engine, &w->cfg.engine_config, e);
    w->cfg.engine_config.forks = true;
    if (!r && fault)
        r = fault_parse(fault + sizeof(key) - 1, w->cfg.engine, planted, &w->cfg.engine, e);
    return r;
}

static int private_ram(struct mem *m, struct err *e)
{
    void *p = mmap(m->ram, m->ram_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (p == MAP_FAILED)
        return err_set(e, errno, "cannot make guest memory private: %s", strerror(errno));
    (void)madvise(p, m->ram_bytes, MADV_NOHUGEPAGE); /* a copied page is to be a small one */
    return 0;
}

static int make_machine(struct worker *w, const struct ls_machine *m, const char *spec,
                        struct ls_planted *planted, struct err *e)
{
    struct virt_config *cfg = &w->cfg;
    w->console = (struct console){.chr = {&console_ops}, .fd = -1};
    if (m->console) {
        w->console.fd = open(m->console, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (w->console.fd < 0)
            return err_set(e, errno, "'%s': %s", m->console, strerror(errno));
    }
    *cfg = (struct virt_config){
        .memory_bytes = m->memory_bytes,
        .cpus = 1,
        .features = m->features,
        .clock = CLOCK_COUNTED,
        .clock_seed = m->seed,
        .kernel = m->kernel,
        .initrd = m->initrd,
        .append = m->append,
        .console = &w->console.chr,
        .rng = m->rng,
        .have_seed = true,
    };
    journal_seed_bytes(m->seed, cfg->seed, sizeof(cfg->seed));
    int r = choose_engine(w, spec, planted, e);
    if (!r)
        r = virt_create(&w->board, cfg, e);
    struct vm *vm = vm_of(w);
    if (!r)
        r = private_ram(&vm->mem, e);
    if (!r)
        r = virt_reset(&w->board, e);
    if (r)
        return r;
    w->page_hash = calloc(vm->mem.ram_bytes / MEM_PAGE_SIZE, sizeof(*w->page_hash));
    if (!w->page_hash)
        return err_set(e, ENOMEM, "out of memory");
    clock_timer_init(&w->idle, idle_too_long, w);
    clock_start(&vm->clock);
    for (struct device *d = vm->devices; d; d = d->next) {
        if (d->cls->pause)
            d->cls->pause(d, false);
    }
    return 0;
}

/* ---- Running ---- */

/* Takes an event that ended the machine. */
static enum ls_end take_end(struct worker *w)
{
    struct vm *vm = vm_of(w);
    if (vm->event == VM_EVENT_NONE)
        return vm->vcpus[0]->powered ? LS_GOES_ON : LS_OFF;
    switch (vm_wait(vm)) {
    case VM_EVENT_RESET:
        return LS_RESET;
    case VM_EVENT_EXIT:
        return LS_EXIT;
    case VM_EVENT_FAILED:
        return LS_FAILED;
    case VM_EVENT_QUIT:
        return w->is_idle ? LS_IDLE : LS_OFF;
    case VM_EVENT_NONE:
    case VM_EVENT_POWEROFF:
        break;
    }
    return LS_OFF;
}

/* What most instructions write. */
static void look(struct worker *w, const struct a64_cpu *cpu)
{
    const uint64_t rest[] = {cpu->pc, cpu->fp.fpcr, cpu->fp.fpsr,
                             cpu->nzcv | cpu->daif | cpu->el,
                             cpu->sp[0], cpu->sp[1],   cpu->sp[2],   cpu->sp[3]};
    uint64_t h = hash_bytes(cpu->x, sizeof(cpu->x), w->trail);
    h = hash_bytes(cpu->v, sizeof(cpu->v), h);
    w->trail = hash_bytes(rest, sizeof(rest), h);
}

static void run_until(struct worker *w, uint64_t instret)
{
    struct vm *vm = vm_of(w);
    if (w->end != LS_GOES_ON)
        return;
    struct vcpu *v = vm->vcpus[0];
    clock_timer_set(&vm->clock, &w->idle, clock_now(&vm->clock) + IDLE_NS);
    while (v->cpu.instret < instret && w->end == LS_GOES_ON) {
        uint64_t next = v->cpu.instret - v->cpu.instret % w->sample + w->sample;
        vcpu_run_until(v, next < instret ? next : instret);
        if (v->cpu.instret == next)
            look(w, &v->cpu);
        w->end = take_end(w);
    }
}

/* ---- RAM ---- */

/* Which pages of RAM were ever touched: entries of the kernel's map of this process. Null: unknown,
 * all must be looked at. The caller frees it. */
static uint64_t *touched_pages(const struct mem *m)
{
    size_t bytes = m->ram_bytes / MEM_PAGE_SIZE * sizeof(uint64_t);
    off_t at = (off_t)((uintptr_t)m->ram / MEM_PAGE_SIZE * sizeof(uint64_t));
    uint64_t *map = malloc(bytes);
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    size_t done = 0;
    while (map && fd >= 0 && done < bytes) {
        ssize_t n = pread(fd, (uint8_t *)map + done, bytes - done, at + (off_t)done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    if (done == bytes)
        return map;
    free(map);
    return NULL;
}

static void hash_ram(struct worker *w)
{
    const struct mem *m = &vm_of(w)->mem;
    uint64_t *map = touched_pages(m), sum = 0;
    for (uint64_t page = 0; page < m->ram_bytes / MEM_PAGE_SIZE; page++) {
        if (map && !(map[page] & PRESENT))
            continue;
        w->page_hash[page] = vm_hash_page(page, m->ram + page * MEM_PAGE_SIZE);
        sum += w->page_hash[page];
    }
    free(map);
    w->ram_hash = sum;
}

/* ---- Checkpoints ---- */

static void drop_checkpoint(struct worker *w)
{
    if (w->wake < 0)
        return;
    const uint8_t drop = 'd';
    ssize_t n = write(w->wake, &drop, 1);
    close(w->wake);
    w->wake = -1;
    if (n == 1)
        (void)waitpid(w->checkpoint, NULL, 0);
}

/* Ends with the driver, also while a hanging engine runs. A checkpoint that was woken becomes the
 * driver's child when the process that made it has ended. */
static void die_with_driver(struct worker *w)
{
    for (unsigned i = 0; getppid() != w->driver; i++) {
        if (i == 3000) /* the driver is no more */
            _exit(0);
        usleep(1000);
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Returns in the one that goes on, and later in the checkpoint if it is woken; `woken` says
 * which. */
static void make_checkpoint(struct worker *w, bool *woken)
{
    int pipe_fd[2];
    *woken = false;
    drop_checkpoint(w);
    CHECK(!pipe2(pipe_fd, O_CLOEXEC));
    w->checkpoint = fork();
    CHECK(w->checkpoint >= 0);
    if (w->checkpoint > 0) {
        close(pipe_fd[0]);
        w->wake = pipe_fd[1];
        return;
    }
    close(pipe_fd[1]);
    uint8_t what = 0;
    ssize_t n;
    do {
        n = read(pipe_fd[0], &what, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 1 && what == 'd')
        _exit(0);
    close(pipe_fd[0]);
    w->wake = -1;
    *woken = true;
    die_with_driver(w);
}

static _Noreturn void give_way_to_checkpoint(struct worker *w)
{
    const uint8_t go = 'g';
    CHECK(w->wake >= 0);
    _exit(write(w->wake, &go, 1) == 1 ? 0 : 1);
}

/* ---- Serving the driver ---- */

static bool send_all(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static _Noreturn void leave(struct worker *w, int status)
{
    drop_checkpoint(w);
    _exit(status);
}

static void reply(struct worker *w, const void *data, size_t len)
{
    struct vm *vm = vm_of(w);
    struct err e = {0};
    struct ls_reply r = {
        .at = {
            .instret = vm->vcpus[0]->cpu.instret,
            .ram = w->ram_hash,
            .trail = w->trail,
            .console = w->console.hash,
            .console_bytes = w->console.bytes,
            .end = w->end,
        },
        .pid = (uint64_t)getpid(),
        .length = len,
    };
    int bad = vm_hash_state(vm, &r.at.state, &e);
    CHECK(!bad);
    r.at.now = clock_now(&vm->clock);
    if (!send_all(w->fd, &r, sizeof(r)) || (len && !send_all(w->fd, data, len)))
        leave(w, 0); /* the driver has gone */
}

static void reply_saved(struct worker *w)
{
    struct buf b = {0};
    struct err e = {0};
    a64_pmu_sync(&vm_of(w)->vcpus[0]->cpu);
    int bad = vm_save(vm_of(w), &b, &e);
    CHECK(!bad);
    reply(w, b.data, b.len);
    buf_fini(&b);
}

static void reply_insn(struct worker *w)
{
    struct vm *vm = vm_of(w);
    struct a64_cpu *cpu = &vm->vcpus[0]->cpu;
    struct ls_insn i = {.pc = cpu->pc, .el = cpu->el};
    struct a64_walk req = {.va = cpu->pc, .access = A64_ACCESS_FETCH, .el = cpu->el};
    struct a64_translation t;
    struct a64_fault f;
    i.fetched = !(cpu->pc & 3) && a64_translate(cpu, &req, &t, &f) &&
                mem_read(&vm->mem, t.pa, &i.word, sizeof(i.word));
    unsigned lines = atomic_load(&cpu->irq_lines);
    i.interrupt = (lines & A64_LINE_IRQ && !(cpu->daif & PSTATE_I)) ||
                  (lines & A64_LINE_FIQ && !(cpu->daif & PSTATE_F));
    reply(w, &i, sizeof(i));
}

static void serve(struct worker *w, const struct ls_command *c)
{
    const struct mem *m = &vm_of(w)->mem;
    uint64_t pages = m->ram_bytes / MEM_PAGE_SIZE;
    bool woken;
    switch (c->kind) {
    case LS_RUN:
        run_until(w, c->arg);
        break;
    case LS_RAM:
        hash_ram(w);
        break;
    case LS_MARK:
        make_checkpoint(w, &woken);
        break; /* a checkpoint that is woken replies once more: to LS_REWIND, or for a crash */
    case LS_REWIND:
        give_way_to_checkpoint(w);
    case LS_SAVE:
        reply_saved(w);
        return;
    case LS_PAGES:
        hash_ram(w);
        reply(w, w->page_hash, pages * sizeof(*w->page_hash));
        return;
    case LS_PAGE:
        CHECK(c->arg < pages);
        reply(w, m->ram + c->arg * MEM_PAGE_SIZE, MEM_PAGE_SIZE);
        return;
    case LS_INSN:
        reply_insn(w);
        return;
    }
    reply(w, NULL, 0);
}

_Noreturn void worker_main(const struct ls_machine *m, const char *spec,
                           struct ls_planted *planted, int fd)
{
    struct worker *w = calloc(1, sizeof(*w));
    struct err e = {0};
    CHECK(w);
    log_set_level(LOG_ERROR);
    w->driver = getppid();
    die_with_driver(w);
    w->fd = fd;
    w->sample = m->sample;
    w->wake = -1;
    if (make_machine(w, m, spec, planted, &e)) {
        fprintf(stderr, "lockstep: %s: %s\n", spec, e.text);
        _exit(2);
    }
    reply(w, NULL, 0);
    struct ls_command c;
    for (;;) {
        ssize_t n = read(fd, &c, sizeof(c));
        if (n < 0 && errno == EINTR)
            continue;
        if (n != sizeof(c))
            leave(w, 0);
        serve(w, &c);
    }
}
