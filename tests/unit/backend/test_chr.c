/* The character backends, with pipes, pseudo-terminals, sockets and files for the host's side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/chr.h"
#include "backend/term.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static struct err e;
static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    strcpy(folder, "/tmp/sojourn-test-chr-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/it", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* A device with `room` bytes of room. */
struct guest {
    pthread_mutex_t lock;
    size_t room, len;
    uint8_t data[1 << 16];
    atomic_uint ready;
    /* and the owner */
    atomic_uint failures;
    char failure[ERR_TEXT_MAX];
    char keys[16];
    atomic_uint key_count;
};

static struct guest guest;

static size_t guest_can_receive(void *arg)
{
    struct guest *g = arg;
    pthread_mutex_lock(&g->lock);
    size_t n = g->room;
    pthread_mutex_unlock(&g->lock);
    return n;
}

static void guest_receive(void *arg, const uint8_t *data, size_t len)
{
    struct guest *g = arg;
    pthread_mutex_lock(&g->lock);
    assert_true(len <= g->room);
    memcpy(g->data + g->len, data, len);
    g->len += len;
    g->room -= len;
    pthread_mutex_unlock(&g->lock);
}

static void guest_ready(void *arg)
{
    atomic_fetch_add(&((struct guest *)arg)->ready, 1);
}

static void owner_failed(void *arg, const struct err *err)
{
    struct guest *g = arg;
    strcpy(g->failure, err->text);
    atomic_fetch_add(&g->failures, 1);
}

static void owner_command(void *arg, char key)
{
    struct guest *g = arg;
    g->keys[atomic_load(&g->key_count)] = key;
    atomic_fetch_add(&g->key_count, 1);
}

static const struct chr_owner owner = {owner_failed, owner_command, &guest};

static void attach(struct chr *c, size_t room)
{
    struct chr_client client = {guest_can_receive, guest_receive, guest_ready, &guest};
    assert_int_equal(chr_attach(c, &client, &e), 0);
    pthread_mutex_lock(&guest.lock);
    guest.room = room;
    pthread_mutex_unlock(&guest.lock);
    chr_rx_ready(c);
}

static void new_guest(void)
{
    memset(&guest, 0, sizeof(guest));
    pthread_mutex_init(&guest.lock, NULL);
}

static size_t guest_len(void)
{
    pthread_mutex_lock(&guest.lock);
    size_t n = guest.len;
    pthread_mutex_unlock(&guest.lock);
    return n;
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        for (unsigned wait_ms = 0; !(condition) && wait_ms < 5000; wait_ms++)                      \
            sleep_ms(1);                                                                           \
        assert_true(condition);                                                                    \
    } while (0)

/* Reads exactly n bytes. */
static void read_all(int fd, void *p, size_t n)
{
    uint8_t *at = p;
    while (n) {
        struct pollfd poll_fd = {fd, POLLIN, 0};
        assert_int_equal(poll(&poll_fd, 1, 5000), 1);
        ssize_t r = read(fd, at, n);
        assert_true(r > 0);
        at += r;
        n -= (size_t)r;
    }
}

struct pipes {
    int in[2], out[2]; /* in: what the backend reads; out: what it writes */
};

static struct chr *with_pipes(struct pipes *p, bool escape)
{
    struct chr *c = NULL;
    new_guest();
    assert_int_equal(pipe(p->in), 0);
    assert_int_equal(pipe(p->out), 0);
    assert_int_equal(chr_stdio_create_fds(p->in[0], p->out[1], escape, &owner, &c, &e), 0);
    close(p->in[0]);
    close(p->out[1]);
    return c;
}

static void end_pipes(struct chr *c, struct pipes *p)
{
    chr_detach(c);
    chr_destroy(c);
    close(p->in[1]);
    close(p->out[0]);
}

static void test_stdio_passes_pipes_as_they_are(void **state)
{
    (void)state;
    struct pipes p;
    struct chr *c = with_pipes(&p, false);
    uint8_t all[256], back[256];
    for (unsigned i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    assert_int_equal(chr_write(c, all, 256), 256); /* before anybody is attached */
    read_all(p.out[0], back, 256);
    assert_memory_equal(back, all, 256);
    assert_int_equal(write(p.in[1], all, 256), 256);
    attach(c, 100);
    WAIT_FOR(guest_len() == 100);
    sleep_ms(5);
    assert_int_equal(guest_len(), 100); /* no more than it has room for */
    attach(c, 1000);
    WAIT_FOR(guest_len() == 256);
    assert_memory_equal(guest.data, all, 256);
    assert_int_equal(atomic_load(&guest.key_count), 0);
    end_pipes(c, &p);
}

static void test_stdio_end_of_input_is_no_failure(void **state)
{
    (void)state;
    struct pipes p;
    struct chr *c = with_pipes(&p, false);
    attach(c, 100);
    assert_int_equal(write(p.in[1], "bye", 3), 3);
    close(p.in[1]);
    WAIT_FOR(guest_len() == 3);
    sleep_ms(5);
    assert_int_equal(atomic_load(&guest.failures), 0);
    assert_int_equal(chr_write(c, "on", 2), 2);
    uint8_t back[2];
    read_all(p.out[0], back, 2);
    p.in[1] = open("/dev/null", O_WRONLY);
    end_pipes(c, &p);
}

static void test_stdio_escapes(void **state)
{
    (void)state;
    struct pipes p;
    struct chr *c = with_pipes(&p, true);
    attach(c, 100);
    static const char typed[] = "a\1\1b\1ac\1h\1xd\1";
    assert_int_equal(write(p.in[1], typed, sizeof(typed) - 1), sizeof(typed) - 1);
    WAIT_FOR(guest_len() == 6);
    assert_memory_equal(guest.data, "a\1b\1cd", 6);
    WAIT_FOR(atomic_load(&guest.key_count) == 2);
    assert_memory_equal(guest.keys, "hx", 2);
    assert_int_equal(write(p.in[1], "x", 1), 1); /* the escape may be split between reads */
    WAIT_FOR(atomic_load(&guest.key_count) == 3);
    end_pipes(c, &p);
}

static void test_stdio_closed_pipe_is_one_clear_failure(void **state)
{
    (void)state;
    struct pipes p;
    struct chr *c = with_pipes(&p, false);
    attach(c, 100);
    close(p.out[0]);
    chr_write(c, "x", 1);
    WAIT_FOR(atomic_load(&guest.failures) == 1);
    assert_string_equal(guest.failure, "standard output: closed by its reader");
    for (unsigned i = 0; i < 100000; i++) /* discarded, the device is never stuck */
        assert_int_equal(chr_write(c, "0123456789", 10), 10);
    sleep_ms(5);
    assert_int_equal(atomic_load(&guest.failures), 1);
    p.out[0] = open("/dev/null", O_RDONLY);
    end_pipes(c, &p);
}

static void test_stdio_slow_reader_holds_the_device_back_and_loses_nothing(void **state)
{
    (void)state;
    struct pipes p;
    struct chr *c = with_pipes(&p, false);
    attach(c, 100);
    size_t sent = 0;
    for (unsigned refused = 0; refused < 20;) { /* for 100 ms nothing more goes in */
        uint8_t piece[1000];
        for (size_t i = 0; i < sizeof(piece); i++)
            piece[i] = (uint8_t)((sent + i) * 13 + (sent + i) / 251);
        size_t n = chr_write(c, piece, sizeof(piece));
        sent += n;
        refused = n ? 0 : refused + 1;
        if (!n)
            sleep_ms(5);
    }
    assert_in_range(sent, CHR_BUFFER_BYTES, CHR_BUFFER_BYTES + 65536 + 4096);
    unsigned before = atomic_load(&guest.ready);
    for (size_t at = 0; at < sent; at++) {
        uint8_t byte;
        read_all(p.out[0], &byte, 1);
        if (byte != (uint8_t)(at * 13 + at / 251))
            fail_msg("byte %zu differs", at);
    }
    WAIT_FOR(atomic_load(&guest.ready) == before + 1);
    end_pipes(c, &p);
}

static void *slow_reader(void *arg)
{
    int fd = *(int *)arg;
    static size_t total;
    uint8_t data[8192];
    ssize_t n;
    total = 0;
    while ((n = read(fd, data, sizeof(data))) > 0) {
        total += (size_t)n;
        sleep_ms(1);
    }
    return &total;
}

static void test_stdio_end_flushes_what_was_written(void **state)
{
    (void)state;
    struct pipes p;
    struct chr *c = with_pipes(&p, false);
    static uint8_t data[CHR_BUFFER_BYTES];
    assert_int_equal(chr_write(c, data, sizeof(data)), sizeof(data));
    pthread_t t;
    pthread_create(&t, NULL, slow_reader, &p.out[0]);
    chr_destroy(c);
    void *total;
    pthread_join(t, &total);
    assert_int_equal(*(size_t *)total, sizeof(data));
    close(p.in[1]);
    close(p.out[0]);
}

static void test_stdio_full_disk_is_told_once_and_goes_on(void **state)
{
    (void)state;
    new_guest();
    struct chr *c = NULL;
    int null = open("/dev/null", O_RDONLY), full = open("/dev/full", O_WRONLY);
    assert_int_equal(chr_stdio_create_fds(null, full, false, &owner, &c, &e), 0);
    attach(c, 1);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(chr_write(c, "text", 4), 4);
        sleep_ms(1);
    }
    assert_int_equal(atomic_load(&guest.failures), 0);
    chr_detach(c);
    chr_destroy(c);
    close(null);
    close(full);
}

static void test_stdio_appends_at_the_offset_of_a_redirected_file(void **state)
{
    (void)state;
    new_guest();
    struct chr *c = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, "before ", 7), 7);
    assert_int_equal(chr_stdio_create_fds(-1, fd, false, &owner, &c, &e), 0);
    chr_write(c, "after", 5);
    chr_destroy(c);
    char back[13] = {0};
    assert_int_equal(pread(fd, back, 12, 0), 12);
    assert_string_equal(back, "before after");
    close(fd);
    unlink(path);
}

/* ---- Terminal ---- */

static int open_terminal(int *slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    char name[64];
    assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
    assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
    *slave = open(name, O_RDWR | O_NOCTTY);
    assert_true(*slave >= 0);
    return master;
}

static bool is_raw(int fd)
{
    struct termios t;
    assert_int_equal(tcgetattr(fd, &t), 0);
    return !(t.c_lflag & ICANON) && !(t.c_lflag & ECHO) && !(t.c_lflag & ISIG);
}

static void test_terminal_is_raw_while_used_and_restored_after(void **state)
{
    (void)state;
    new_guest();
    int slave, master = open_terminal(&slave);
    struct winsize w = {.ws_col = 132, .ws_row = 43};
    ioctl(master, TIOCSWINSZ, &w);
    struct termios before, after;
    memset(&before, 0, sizeof(before));
    memset(&after, 0, sizeof(after));
    tcgetattr(slave, &before);
    struct chr *c = NULL;
    assert_int_equal(chr_stdio_create_fds(slave, slave, false, &owner, &c, &e), 0);
    assert_true(is_raw(slave));
    assert_int_equal(fcntl(slave, F_GETFL) & O_NONBLOCK, 0); /* it is the shell's, too */
    uint16_t cols = 0, rows = 0;
    assert_true(chr_size(c, &cols, &rows));
    assert_int_equal(cols, 132);
    assert_int_equal(rows, 43);
    attach(c, 10);
    assert_int_equal(write(master, "q\3\1x", 4), 4); /* Ctrl-C is the guest's */
    WAIT_FOR(guest_len() == 2);
    WAIT_FOR(atomic_load(&guest.key_count) == 1);
    chr_detach(c);
    chr_destroy(c);
    tcgetattr(slave, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    close(slave);
    close(master);
}

static void test_terminal_escape_works_when_the_guest_takes_no_input(void **state)
{
    (void)state;
    new_guest();
    int slave, master = open_terminal(&slave);
    struct chr *c = NULL;
    assert_int_equal(chr_stdio_create_fds(slave, slave, false, &owner, &c, &e), 0);
    attach(c, 0);
    static const char keys[2000] = "typed into a guest that hangs";
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(write(master, keys, sizeof(keys)), sizeof(keys));
        sleep_ms(2);
    }
    assert_int_equal(write(master, "\1x", 2), 2);
    WAIT_FOR(atomic_load(&guest.key_count) == 1);
    chr_detach(c);
    chr_destroy(c);
    close(slave);
    close(master);
}

static void test_terminal_hang_up_is_a_failure(void **state)
{
    (void)state;
    new_guest();
    int slave, master = open_terminal(&slave);
    struct chr *c = NULL;
    assert_int_equal(chr_stdio_create_fds(slave, slave, false, &owner, &c, &e), 0);
    attach(c, 10);
    close(master);
    WAIT_FOR(atomic_load(&guest.failures) == 1);
    assert_non_null(strstr(guest.failure, "terminal was closed"));
    chr_detach(c);
    chr_destroy(c);
    close(slave);
}

/* In a child each: the terminal must be as before however the process ends. */
static void ends_restored(int how)
{
    int slave, master = open_terminal(&slave);
    pid_t child = fork();
    if (child == 0) {
        struct err err;
        static const int faults[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL};
        for (unsigned i = 0; i < 4; i++)
            signal(faults[i], SIG_DFL); /* cmocka has handlers of its own */
        if (term_raw(slave, &err) || !is_raw(slave))
            _exit(99);
        if (how == 0)
            exit(0);
        if (how == 1)
            abort();
        raise(how);
        _exit(98);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (how == 0)
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    else
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == (how == 1 ? SIGABRT : how));
    assert_false(is_raw(slave));
    close(slave);
    close(master);
}

static void test_terminal_is_restored_at_exit_abort_and_faults(void **state)
{
    (void)state;
    ends_restored(0);
    ends_restored(1);
    ends_restored(SIGSEGV);
    ends_restored(SIGBUS);
    ends_restored(SIGILL);
}

/* ---- Pseudo-terminal ---- */

static void test_pty_carries_bytes_and_survives_reopening(void **state)
{
    (void)state;
    new_guest();
    struct chr *c = NULL;
    FILE *f = tmpfile();
    assert_int_equal(chr_pty_create(f, &owner, &c, &e), 0);
    char line[128], name[64];
    rewind(f);
    assert_non_null(fgets(line, sizeof(line), f));
    assert_int_equal(sscanf(line, "sojourn: console is %63s", name), 1);
    fclose(f);
    attach(c, 100);
    assert_int_equal(chr_write(c, "early", 5), 5); /* kept for whoever comes */
    for (unsigned round = 0; round < 2; round++) {
        int fd = open(name, O_RDWR | O_NOCTTY);
        assert_true(fd >= 0);
        char back[6] = {0};
        read_all(fd, back, 5);
        assert_string_equal(back, round ? "again" : "early");
        assert_int_equal(write(fd, "\3in", 3), 3);
        WAIT_FOR(guest_len() == 3 * (round + 1));
        close(fd);
        sleep_ms(250);
        chr_write(c, "again", 5);
    }
    assert_int_equal(atomic_load(&guest.failures), 0);
    chr_detach(c);
    chr_destroy(c);
}

/* ---- Unix socket ---- */

static int connect_to(const char *p)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, p);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a))) {
        close(fd);
        return -1;
    }
    return fd;
}

static void test_unix_serves_one_client_after_the_other(void **state)
{
    (void)state;
    new_guest();
    struct chr *c = NULL;
    assert_int_equal(chr_unix_create(path, &owner, &c, &e), 0);
    attach(c, 1000);
    chr_write(c, "hello", 5);
    int first = connect_to(path), second = connect_to(path);
    assert_true(first >= 0 && second >= 0);
    char back[6] = {0};
    read_all(first, back, 5);
    assert_string_equal(back, "hello");
    assert_int_equal(write(second, "two", 3), 3);
    assert_int_equal(write(first, "one", 3), 3);
    WAIT_FOR(guest_len() == 3);
    sleep_ms(5);
    assert_int_equal(guest_len(), 3); /* the second waits */
    close(first);
    WAIT_FOR(guest_len() == 6);
    assert_memory_equal(guest.data, "onetwo", 6);
    chr_write(c, "there", 5);
    read_all(second, back, 5);
    assert_string_equal(back, "there");
    close(second);
    chr_detach(c);
    chr_destroy(c);
    assert_int_equal(access(path, F_OK), -1); /* removed at the end */
}

static void test_unix_without_client_keeps_the_latest_output(void **state)
{
    (void)state;
    new_guest();
    struct chr *c = NULL;
    assert_int_equal(chr_unix_create(path, &owner, &c, &e), 0);
    attach(c, 0);
    static uint8_t back[CHR_BUFFER_BYTES];
    for (unsigned i = 0; i < 3 * CHR_BUFFER_BYTES / 4; i++)
        assert_int_equal(chr_write(c, &i, 4), 4); /* never refused */
    int fd = connect_to(path);
    read_all(fd, back, sizeof(back));
    unsigned last;
    memcpy(&last, back + sizeof(back) - 4, 4);
    assert_int_equal(last, 3 * CHR_BUFFER_BYTES / 4 - 1);
    close(fd);
    chr_detach(c);
    chr_destroy(c);
}

static void test_unix_replaces_stale_sockets_only(void **state)
{
    (void)state;
    new_guest();
    struct chr *c = NULL, *d = NULL;
    assert_int_equal(chr_unix_create(path, &owner, &c, &e), 0);
    assert_int_equal(chr_unix_create(path, &owner, &d, &e), -EADDRINUSE);
    assert_non_null(strstr(e.text, "in use"));
    chr_destroy(c);

    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (const struct sockaddr *)&a, sizeof(a)), 0);
    close(dead); /* its owner died */
    assert_int_equal(chr_unix_create(path, &owner, &c, &e), 0);
    chr_destroy(c);

    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(chr_unix_create(path, &owner, &c, &e), -EEXIST);
    assert_int_equal(access(path, F_OK), 0); /* not ours to remove */
    unlink(path);
    assert_int_equal(chr_unix_create("/nonexistent/x", &owner, &c, &e), -ENOENT);
    char longer[200];
    memset(longer, 'x', sizeof(longer));
    longer[199] = 0;
    assert_int_equal(chr_unix_create(longer, &owner, &c, &e), -ENAMETOOLONG);
}

/* ---- File and null ---- */

static void test_file_is_truncated_and_written(void **state)
{
    (void)state;
    struct chr *c = NULL;
    FILE *f = fopen(path, "w");
    fputs("what was there before", f);
    fclose(f);
    assert_int_equal(chr_file_create(path, &owner, &c, &e), 0);
    chr_write(c, "new", 3);
    chr_destroy(c);
    char back[30] = {0};
    f = fopen(path, "r");
    assert_int_equal(fread(back, 1, 29, f), 3);
    fclose(f);
    assert_string_equal(back, "new");
    unlink(path);
    assert_int_equal(chr_file_create("/nonexistent/x", &owner, &c, &e), -ENOENT);
    assert_non_null(strstr(e.text, "/nonexistent/x"));
    assert_int_equal(chr_file_create("/", &owner, &c, &e), -EISDIR);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(chr_file_create(path, &owner, &c, &e), -ENXIO);
    unlink(path);
}

static void test_file_on_a_full_disk_does_not_stop_the_guest(void **state)
{
    (void)state;
    new_guest();
    struct chr *c = NULL;
    assert_int_equal(chr_file_create("/dev/full", &owner, &c, &e), 0);
    static uint8_t data[4096];
    for (unsigned i = 0; i < 200; i++) {
        size_t n = 0;
        WAIT_FOR((n += chr_write(c, data, sizeof(data) - n)) == sizeof(data));
    }
    chr_destroy(c);
    assert_int_equal(atomic_load(&guest.failures), 0);
}

static void test_null_takes_everything(void **state)
{
    (void)state;
    struct chr *c = NULL;
    uint16_t cols, rows;
    assert_int_equal(chr_null_create(&c, &e), 0);
    assert_int_equal(chr_write(c, "x", 1), 1);
    assert_false(chr_size(c, &cols, &rows));
    chr_rx_ready(c);
    chr_detach(c);
    chr_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First, while this process has never had a raw terminal. */
        cmocka_unit_test(test_terminal_is_restored_at_exit_abort_and_faults),
        cmocka_unit_test(test_stdio_passes_pipes_as_they_are),
        cmocka_unit_test(test_stdio_end_of_input_is_no_failure),
        cmocka_unit_test(test_stdio_escapes),
        cmocka_unit_test(test_stdio_closed_pipe_is_one_clear_failure),
        cmocka_unit_test(test_stdio_slow_reader_holds_the_device_back_and_loses_nothing),
        cmocka_unit_test(test_stdio_end_flushes_what_was_written),
        cmocka_unit_test(test_stdio_full_disk_is_told_once_and_goes_on),
        cmocka_unit_test(test_stdio_appends_at_the_offset_of_a_redirected_file),
        cmocka_unit_test(test_terminal_is_raw_while_used_and_restored_after),
        cmocka_unit_test(test_terminal_escape_works_when_the_guest_takes_no_input),
        cmocka_unit_test(test_terminal_hang_up_is_a_failure),
        cmocka_unit_test(test_pty_carries_bytes_and_survives_reopening),
        cmocka_unit_test(test_unix_serves_one_client_after_the_other),
        cmocka_unit_test(test_unix_without_client_keeps_the_latest_output),
        cmocka_unit_test(test_unix_replaces_stale_sockets_only),
        cmocka_unit_test(test_file_is_truncated_and_written),
        cmocka_unit_test(test_file_on_a_full_disk_does_not_stop_the_guest),
        cmocka_unit_test(test_null_takes_everything),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
