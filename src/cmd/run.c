/* `sojourn run`: opens what the options name, builds the machine, waits for its end.
 *
 * Signals: SIGINT, SIGTERM, SIGHUP and SIGQUIT are blocked in every thread and waited for by one of
 * their own, which asks for an orderly end; afterwards the process ends by the same signal, so that
 * the caller sees it. A second signal does not wait. SIGPIPE is ignored: writing to a closed pipe
 * is an error like any other.
 */
#include "backend/chr.h"
#include "backend/chr_tap.h"
#include "backend/term.h"
#include "base/bits.h"
#include "base/log.h"
#include "base/rng.h"
#include "board/virt.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "dev/semihost.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Everything a run owns, in the order it is made. */
struct run {
    struct run_options opt;
    struct virt_config cfg;
    struct virt board;
    bool backends_given, board_made;
    struct chr *console, *hvc;
    struct chr_tap *tap; /* over the console when semihosting uses it too; part of `console` */
    FILE *stats; /* null: none */
    pthread_t signal_thread;
    bool signal_thread_running;
    sigset_t signals;
    atomic_int signal; /* the signal that ended the run, or 0 */

    /* Consoles have threads of their own, which run before the machine is there and after it. */
    pthread_mutex_t lock;
    bool machine_ready;       /* lock */
    bool early_quit;          /* lock; asked for while there was no machine */
    struct err early_failure; /* lock */
};

/* ---- Consoles ---- */

static void console_failed(void *arg, const struct err *e)
{
    struct run *run = arg;
    pthread_mutex_lock(&run->lock);
    if (run->machine_ready)
        vm_fail(&run->board.vm, "%s", e->text);
    else
        run->early_failure = *e;
    pthread_mutex_unlock(&run->lock);
}

static const char keys_help[] = "\r\nsojourn keys:\r\n"
                                "  Ctrl-A x       end the virtual machine\r\n"
                                "  Ctrl-A p       press the power key\r\n"
                                "  Ctrl-A Ctrl-A  send Ctrl-A to the guest\r\n"
                                "  Ctrl-A h       this help\r\n";

static void console_command(void *arg, char key)
{
    struct run *run = arg;
    pthread_mutex_lock(&run->lock);
    switch (key) {
    case 'x':
        if (run->machine_ready)
            vm_post(&run->board.vm, VM_EVENT_QUIT, 0);
        else
            run->early_quit = true;
        break;
    case 'p':
        if (run->machine_ready)
            virt_power_key(&run->board);
        break;
    default:
        fputs(keys_help, stderr);
        break;
    }
    pthread_mutex_unlock(&run->lock);
}

/* Consoles may reach the machine from now on; what they asked for before happens now. */
static void let_consoles_in(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    run->machine_ready = true;
    if (run->early_failure.code)
        vm_fail(&run->board.vm, "%s", run->early_failure.text);
    else if (run->early_quit)
        vm_post(&run->board.vm, VM_EVENT_QUIT, 0);
    pthread_mutex_unlock(&run->lock);
}

static void keep_consoles_out(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    run->machine_ready = false;
    pthread_mutex_unlock(&run->lock);
}

static int open_console(struct run *run, const struct console_options *o, const char *option,
                        struct chr **out, struct err *e)
{
    const struct chr_owner owner = {console_failed, console_command, run};
    int r = 0;
    switch (o->kind) {
    case CONSOLE_NONE:
        *out = NULL;
        break;
    case CONSOLE_STDIO:
        r = chr_stdio_create(false, &owner, out, e);
        break;
    case CONSOLE_PTY:
        r = chr_pty_create(stderr, &owner, out, e);
        break;
    case CONSOLE_UNIX:
        r = chr_unix_create(o->path, &owner, out, e);
        break;
    case CONSOLE_FILE:
        r = chr_file_create(o->path, &owner, out, e);
        break;
    case CONSOLE_NULL:
        r = chr_null_create(out, e);
        break;
    }
    return r ? err_add(e, "--%s", option) : 0;
}

/* ---- Disks and networks ---- */

static int open_disks(struct run *run, struct err *e)
{
    for (unsigned i = 0; i < run->opt.disk_count; i++) {
        const struct disk_options *d = &run->opt.disks[i];
        struct virt_disk *to = &run->cfg.disks[i];
        const struct blk_config cfg = {
            .path = d->path, .readonly = d->readonly, .ephemeral = d->ephemeral};
        int r = blk_open(&cfg, &to->backend, e);
        if (r)
            return err_add(e, "--disk");
        run->cfg.disk_count = i + 1;
        to->queues = d->queues;
        snprintf(to->serial, sizeof(to->serial), "%s", d->serial);
    }
    return 0;
}

static int open_nets(struct run *run, struct err *e)
{
    for (unsigned i = 0; i < run->opt.net_count; i++) {
        const struct net_options *n = &run->opt.nets[i];
        struct virt_net *to = &run->cfg.nets[i];
        const struct net_user_config cfg = {.forwards = n->forwards,
                                            .forward_count = n->forward_count};
        int r = net_user_create(&cfg, &to->backend, e);
        if (r)
            return err_add(e, "--net");
        run->cfg.net_count = i + 1;
        /* Locally administered, told apart by the device's number. */
        const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, (uint8_t)(0x56 + i)};
        memcpy(to->mac, n->have_mac ? n->mac : mac, 6);
    }
    return 0;
}

/* ---- Signals ---- */

/* Ends the process by the signal's default action, with the terminal as it was found. */
static void end_by_signal(int sig, const sigset_t *signals)
{
    term_restore();
    signal(sig, SIG_DFL);
    raise(sig);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

/* The first signal asks for an orderly end; another one, or one that comes while the end is under
 * way (output that nobody reads can hold it up), ends at once. */
static void *signal_main(void *arg)
{
    struct run *run = arg;
    for (;;) {
        int sig = 0;
        if (sigwait(&run->signals, &sig) || sig == SIGUSR1)
            return NULL;
        pthread_mutex_lock(&run->lock);
        bool orderly = run->machine_ready && !atomic_exchange(&run->signal, sig);
        if (orderly)
            vm_post(&run->board.vm, VM_EVENT_QUIT, 0);
        pthread_mutex_unlock(&run->lock);
        if (!orderly)
            end_by_signal(sig, &run->signals);
    }
}

/* Before any thread starts: all of them inherit the mask. SIGUSR1 ends the signal thread. */
static void block_signals(struct run *run)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1};
    sigemptyset(&run->signals);
    for (unsigned i = 0; i < ARRAY_LEN(ending); i++)
        sigaddset(&run->signals, ending[i]);
    pthread_sigmask(SIG_BLOCK, &run->signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int start_signal_thread(struct run *run, struct err *e)
{
    int r = pthread_create(&run->signal_thread, NULL, signal_main, run);
    if (r)
        return err_set(e, r, "cannot start the signal thread: %s", strerror(r));
    run->signal_thread_running = true;
    return 0;
}

/* ---- Set-up and end ---- */

/* "-" is standard error; null: none was asked for. */
static int open_output(const char *option, const char *path, FILE **to, struct err *e)
{
    if (!path)
        return 0;
    *to = strcmp(path, "-") ? fopen(path, "we") : stderr;
    return *to ? 0 : err_set(e, errno, "--%s: '%s': %s", option, path, strerror(errno));
}

/* A file whose name others can foresee, in a folder where they can put one first. perf reads it
 * when we are gone, or while we run: each line is written at once. */
static int open_perf_map(FILE **to, struct err *e)
{
    char path[40];
    snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)getpid());
    if (unlink(path) && errno != ENOENT)
        return err_set(e, errno, "--perf-map: cannot replace '%s': %s", path, strerror(errno));
    *to = fopen(path, "wxe");
    if (!*to)
        return err_set(e, errno, "--perf-map: '%s': %s", path, strerror(errno));
    setvbuf(*to, NULL, _IOLBF, 0);
    return 0;
}

static int open_outputs(struct run *run, struct err *e)
{
    struct run_options *o = &run->opt;
    struct engine_trace *t = &o->engine_config.trace;
    int r = open_output("stats", o->stats, &run->stats, e);
    if (!r)
        r = open_output("trace", *o->trace ? o->trace : NULL, &t->to, e);
    if (!r && o->perf_map)
        r = open_perf_map(&t->perf_map, e);
    return r;
}

/* Closes *from, if it is open. False: something could not be written. */
static bool close_output(FILE **from)
{
    FILE *f = *from;
    *from = NULL;
    if (!f)
        return true;
    bool good = !ferror(f);
    return (f == stderr ? fflush(f) : fclose(f)) == 0 && good;
}

static int run_set_up(struct run *run, struct err *e)
{
    const struct run_options *o = &run->opt;
    int r = open_outputs(run, e);
    if (!r)
        r = open_disks(run, e);
    if (!r)
        r = open_nets(run, e);
    if (!r)
        r = open_console(run, &o->hvc, "hvc", &run->hvc, e);
    if (!r)
        r = open_console(run, &o->console, "console", &run->console, e);
    if (!r && o->semihosting && !(r = chr_tap_create(run->console, &run->tap, e)))
        run->console = chr_tap_chr(run->tap);
    if (r)
        return r;
    struct virt_config *cfg = &run->cfg;
    cfg->memory_bytes = o->memory_bytes;
    cfg->cpus = o->cpus;
    cfg->engine = o->engine;
    cfg->engine_config = o->engine_config;
    cfg->features = o->features;
    cfg->clock = o->clock;
    cfg->clock_seed = o->clock_seed;
    cfg->kernel = o->kernel;
    cfg->initrd = o->initrd;
    cfg->dtb = o->dtb;
    cfg->append = o->append;
    cfg->semihosting = o->semihosting;
    cfg->console = run->console;
    cfg->hvc = run->hvc;
    cfg->rng = o->rng;
    cfg->have_seed = true;
    if (o->clock == CLOCK_COUNTED)
        journal_seed_bytes(o->clock_seed, cfg->seed, sizeof(cfg->seed));
    else
        rng_bytes(cfg->seed, sizeof(cfg->seed));
    run->backends_given = true;
    r = virt_create(&run->board, cfg, e);
    if (r)
        return r;
    run->board_made = true;
    let_consoles_in(run);
    if (o->semihosting)
        r = semihost_create(&run->board.vm, run->tap, o->semihosting_dir, o->append, e);
    return r ? r : start_signal_thread(run, e);
}

static int write_stats(struct run *run, struct err *e)
{
    if (!run->stats)
        return 0;
    virt_stats(&run->board, run->stats);
    if (close_output(&run->stats))
        return 0;
    return err_set(e, EIO, "--stats: '%s': cannot write: %s", run->opt.stats, strerror(errno));
}

/* The vCPU has stopped for good: no more is written. */
static int end_trace(struct run *run, struct err *e)
{
    struct engine_trace *t = &run->opt.engine_config.trace;
    if (t->to && (ferror(t->to) || fflush(t->to)))
        return err_set(e, EIO, "--trace: '%s': cannot write: %s", run->opt.trace, strerror(errno));
    if (t->perf_map && (ferror(t->perf_map) || fflush(t->perf_map)))
        return err_set(e, EIO, "--perf-map: cannot write: %s", strerror(errno));
    return 0;
}

static void run_tear_down(struct run *run)
{
    keep_consoles_out(run);
    if (run->board_made)
        virt_destroy(&run->board);
    for (unsigned i = 0; !run->backends_given && i < run->cfg.disk_count; i++)
        blk_destroy(run->cfg.disks[i].backend);
    for (unsigned i = 0; !run->backends_given && i < run->cfg.net_count; i++)
        net_destroy(run->cfg.nets[i].backend);
    if (run->console)
        chr_destroy(run->console);
    if (run->hvc)
        chr_destroy(run->hvc);
    close_output(&run->stats);
    close_output(&run->opt.engine_config.trace.to);
    close_output(&run->opt.engine_config.trace.perf_map);
    if (run->signal_thread_running) {
        pthread_kill(run->signal_thread, SIGUSR1);
        pthread_join(run->signal_thread, NULL);
    }
    run_options_fini(&run->opt);
    pthread_mutex_destroy(&run->lock);
}

/* ---- The life of the machine ---- */

/* Runs until something ends it; returns the exit status, or -E... with a text. */
static int run_machine(struct run *run, struct err *e)
{
    struct vm *vm = &run->board.vm;
    for (;;) {
        int r = virt_reset(&run->board, e);
        if (!r)
            r = vm_start(vm, e);
        if (r)
            return r;
        enum vm_event event = vm_wait(vm);
        vm_stop(vm);
        switch (event) {
        case VM_EVENT_RESET:
            if (run->opt.no_reboot)
                return STATUS_RESET;
            break;
        case VM_EVENT_EXIT:
            return vm->exit_status;
        case VM_EVENT_FAILED:
            return err_set(e, vm->failure.code, "%s", vm->failure.text);
        case VM_EVENT_NONE:
        case VM_EVENT_POWEROFF:
        case VM_EVENT_QUIT:
            return STATUS_POWEROFF;
        }
    }
}

static int run_all(struct run *run, struct err *e)
{
    int r = run_set_up(run, e);
    if (r)
        return r;
    int status = run_machine(run, e);
    r = end_trace(run, e);
    if (!r)
        r = write_stats(run, e);
    return status < 0 ? status : r ? r : status;
}

int cmd_run(int argc, char **argv)
{
    struct err e = {0};
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return cmd_help(1, (char *[]){(char[]){"run"}, NULL});
    }
    struct run *run = calloc(1, sizeof(*run));
    if (!run) {
        fprintf(stderr, "sojourn: out of memory\n");
        return STATUS_FAILED;
    }
    int status = run_options_parse(&run->opt, argc, argv, &e);
    if (status) {
        fprintf(stderr, "sojourn: %s\n", e.text);
        run_options_fini(&run->opt);
        free(run);
        return STATUS_USAGE;
    }
    log_set_level(run->opt.log_level);
    pthread_mutex_init(&run->lock, NULL);
    block_signals(run);
    status = run_all(run, &e);
    int sig = atomic_load(&run->signal);
    sigset_t signals = run->signals;
    run_tear_down(run);
    free(run);
    if (status < 0) {
        log_error("%s", e.text);
        return STATUS_FAILED;
    }
    if (sig)
        end_by_signal(sig, &signals);
    return status;
}
