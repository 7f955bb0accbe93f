/* The driver's end of a machine. See lockstep.h. */
#include "lockstep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECKPOINT_S 60 /* for the checkpoint of one that hangs to answer */

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- Receiving ---- */

/* 1: got all; 0: the other end is closed; -1: too late. */
static int receive_all(int fd, void *data, size_t len, double until)
{
    uint8_t *p = data;
    while (len) {
        double left = until - now_s();
        struct pollfd pf = {.fd = fd, .events = POLLIN};
        int r = left > 0 ? poll(&pf, 1, (int)(left * 1000) + 1) : 0;
        if (r == 0)
            return -1;
        ssize_t n = r < 0 ? -1 : read(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        p += n;
        len -= (size_t)n;
    }
    return 1;
}

static bool receive_reply(struct side *s, struct buf *data, double until)
{
    struct ls_reply r;
    int got = receive_all(s->fd, &r, sizeof(r), until);
    if (got < 0) { /* it hangs: its checkpoint answers instead */
        fprintf(stderr, "lockstep: %s did not finish in %.0f s\n", s->name, s->timeout_s);
        kill(s->pid, SIGKILL);
        got = receive_all(s->fd, &r, sizeof(r), now_s() + CHECKPOINT_S);
    }
    if (got != 1)
        return false;
    bool crashed = s->pid && (pid_t)r.pid != s->pid && !s->rewound;
    s->pid = (pid_t)r.pid;
    s->at = r.at;
    s->rewound = crashed;
    if (crashed)
        s->at.end = LS_CRASHED;
    uint8_t piece[4096];
    for (uint64_t left = r.length; left;) {
        size_t n = left < sizeof(piece) ? (size_t)left : sizeof(piece);
        if (receive_all(s->fd, piece, n, until) != 1 || (data && buf_append(data, piece, n)))
            return false;
        left -= n;
    }
    return true;
}

void side_wait(struct side *s, struct buf *data)
{
    double begin = now_s();
    if (s->at.end == LS_CRASHED)
        return;
    if (!receive_reply(s, data, begin + s->timeout_s)) {
        s->at.end = LS_CRASHED; /* and there was no checkpoint */
        s->rewound = false;
    }
    double took = now_s() - begin;
    if (took > s->slowest_s && s->at.end != LS_CRASHED)
        s->slowest_s = took;
}

/* ---- Sending ---- */

void side_send(struct side *s, enum ls_command_kind kind, uint64_t arg)
{
    struct ls_command c = {.kind = kind, .arg = arg};
    if (s->at.end == LS_CRASHED)
        return;
    if (kind == LS_REWIND)
        s->pid = 0; /* another process will answer */
    if (send(s->fd, &c, sizeof(c), MSG_NOSIGNAL) != sizeof(c))
        return; /* side_wait() will see why */
}

void both_do(struct side side[2], enum ls_command_kind kind, uint64_t arg)
{
    for (unsigned i = 0; i < 2; i++)
        side_send(&side[i], kind, arg);
    for (unsigned i = 0; i < 2; i++)
        side_wait(&side[i], NULL);
}

void both_rewind(struct side side[2])
{
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &side[i];
        bool there = s->rewound;
        if (s->at.end == LS_CRASHED && there)
            s->at.end = LS_GOES_ON; /* the checkpoint has answered already */
        s->rewound = false;
        if (!there) {
            side_send(s, LS_REWIND, 0);
            side_wait(s, NULL);
        }
    }
    both_do(side, LS_MARK, 0);
}

bool both_equal(const struct side side[2])
{
    return !memcmp(&side[0].at, &side[1].at, sizeof(side[0].at));
}

/* ---- Life ---- */

int side_start(struct side *s, const struct ls_machine *m, struct err *e)
{
    int fd[2];
    s->planted = mmap(NULL, sizeof(*s->planted), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s->planted == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
        return err_set(e, errno, "%s: %s", s->name, strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return err_set(e, errno, "%s: fork: %s", s->name, strerror(errno));
    if (pid == 0) {
        close(fd[0]);
        worker_main(m, s->spec, s->planted, fd[1]);
    }
    close(fd[1]);
    s->fd = fd[0];
    side_wait(s, NULL);
    if (s->at.end == LS_CRASHED)
        return err_set(e, EINVAL, "%s: the machine cannot be made", s->name);
    return 0;
}

void side_stop(struct side *s)
{
    close(s->fd);
    munmap(s->planted, sizeof(*s->planted));
}
