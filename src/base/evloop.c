/* Event loop over epoll and eventfd. See evloop.h.
 *
 * A source that is removed while a batch of events is being served may still stand later in that
 * batch, and its memory may be gone: evloop_del() therefore clears it from the batch. That is why
 * removal belongs to the loop's own thread.
 *
 * A notifier skips the system call when a notification is already on its way. The flag is cleared
 * before the function runs, so a notification during the function causes another run: none is lost.
 */
#include "base/evloop.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void evloop_woken(void *arg)
{
    (void)arg; /* the loop looks at `quit` after each batch */
}

int evloop_init(struct evloop *l, struct err *e)
{
    memset(l, 0, sizeof(*l));
    l->epfd = fault_point("evloop_epoll") ? (errno = EMFILE, -1) : epoll_create1(EPOLL_CLOEXEC);
    if (l->epfd < 0)
        return err_set(e, errno, "cannot create an event loop: %s", strerror(errno));
    int r = ev_notifier_init(&l->wake, l, evloop_woken, NULL, e);
    if (r)
        close(l->epfd);
    return r;
}

void evloop_fini(struct evloop *l)
{
    ev_notifier_fini(&l->wake, l);
    close(l->epfd);
}

int evloop_add(struct evloop *l, struct ev_source *s, uint32_t events, struct err *e)
{
    struct epoll_event ev = {.events = events, .data.ptr = s};
    if (fault_point("evloop_add") ? (errno = ENOMEM, true)
                                  : epoll_ctl(l->epfd, EPOLL_CTL_ADD, s->fd, &ev) != 0)
        return err_set(e, errno, "cannot watch descriptor %d: %s", s->fd, strerror(errno));
    return 0;
}

void evloop_del(struct evloop *l, struct ev_source *s)
{
    CHECK(epoll_ctl(l->epfd, EPOLL_CTL_DEL, s->fd, NULL) == 0);
    for (int i = 0; i < l->batch_count; i++) {
        if (l->batch[i] == s)
            l->batch[i] = NULL;
    }
}

void evloop_run(struct evloop *l)
{
    while (!atomic_load(&l->quit)) {
        struct epoll_event ev[EVLOOP_BATCH];
        int n = epoll_wait(l->epfd, ev, EVLOOP_BATCH, -1);
        if (n < 0) {
            CHECK(errno == EINTR);
            continue;
        }
        for (int i = 0; i < n; i++)
            l->batch[i] = ev[i].data.ptr;
        l->batch_count = n;
        for (int i = 0; i < n; i++) {
            if (l->batch[i])
                l->batch[i]->fn(l->batch[i]->arg, ev[i].events);
        }
        l->batch_count = 0;
    }
}

void evloop_quit(struct evloop *l)
{
    atomic_store(&l->quit, true);
    ev_notify(&l->wake);
}

/* ---- Notifiers ---- */

static void notifier_ready(void *arg, uint32_t events)
{
    struct ev_notifier *n = arg;
    (void)events;
    uint64_t count;
    ssize_t r = read(n->source.fd, &count, sizeof(count));
    CHECK(r == sizeof(count) || errno == EAGAIN || errno == EINTR);
    atomic_store(&n->signalled, false);
    n->fn(n->arg);
}

int ev_notifier_init(struct ev_notifier *n, struct evloop *l, void (*fn)(void *), void *arg,
                     struct err *e)
{
    memset(n, 0, sizeof(*n));
    n->fn = fn;
    n->arg = arg;
    n->source.fn = notifier_ready;
    n->source.arg = n;
    n->source.fd = fault_point("evloop_eventfd") ? (errno = EMFILE, -1)
                                                 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (n->source.fd < 0)
        return err_set(e, errno, "cannot create an eventfd: %s", strerror(errno));
    int r = evloop_add(l, &n->source, EPOLLIN, e);
    if (r)
        close(n->source.fd);
    return r;
}

void ev_notifier_fini(struct ev_notifier *n, struct evloop *l)
{
    evloop_del(l, &n->source);
    close(n->source.fd);
}

void ev_notify(struct ev_notifier *n)
{
    if (atomic_exchange(&n->signalled, true))
        return;
    uint64_t one = 1;
    ssize_t r = write(n->source.fd, &one, sizeof(one));
    CHECK(r == sizeof(one));
}

/* ---- Threads ---- */

int thread_start(pthread_t *thread, const char *name, void *(*fn)(void *), void *arg, struct err *e)
{
    static const int own_faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t all, old;
    sigfillset(&all);
    for (unsigned i = 0; i < ARRAY_LEN(own_faults); i++)
        sigdelset(&all, own_faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int code = fault_point("thread_start") ? EAGAIN : pthread_create(thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (code)
        return err_set(e, code, "cannot start thread '%s': %s", name, strerror(code));
    char shortened[16];
    snprintf(shortened, sizeof(shortened), "%.15s", name);
    pthread_setname_np(*thread, shortened);
    return 0;
}

static void *iothread_main(void *arg)
{
    struct iothread *t = arg;
    evloop_run(&t->loop);
    return NULL;
}

int iothread_init(struct iothread *t, const char *name, struct err *e)
{
    memset(t, 0, sizeof(*t));
    snprintf(t->name, sizeof(t->name), "%.15s", name);
    return evloop_init(&t->loop, e);
}

int iothread_start(struct iothread *t, struct err *e)
{
    atomic_store(&t->loop.quit, false);
    int r = thread_start(&t->thread, t->name, iothread_main, t, e);
    t->running = r == 0;
    return r;
}

void iothread_stop(struct iothread *t)
{
    if (!t->running)
        return;
    evloop_quit(&t->loop);
    pthread_join(t->thread, NULL);
    t->running = false;
}

void iothread_fini(struct iothread *t)
{
    iothread_stop(t);
    evloop_fini(&t->loop);
}
