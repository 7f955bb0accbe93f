/* An event loop over epoll, and a thread that runs one.
 *
 * Sources are structures of the user, registered by address; the loop calls source->fn on its own
 * thread. Another thread reaches the loop through a notifier (an eventfd): ev_notify() makes the
 * notifier's function run soon, once for any number of notifications in between.
 */
#ifndef BASE_EVLOOP_H
#define BASE_EVLOOP_H

#include "base/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EVLOOP_BATCH 16

struct ev_source {
    int fd;
    void (*fn)(void *arg, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
    void *arg;
};

struct ev_notifier {
    struct ev_source source;
    atomic_bool signalled; /* an eventfd write is on its way: further ones are not needed */
    void (*fn)(void *arg);
    void *arg;
};

struct evloop {
    int epfd;
    atomic_bool quit;
    struct ev_notifier wake;
    struct ev_source *batch[EVLOOP_BATCH]; /* of the current epoll_wait; entries cleared by del */
    int batch_count;
};

/* -E... when the kernel refuses descriptors. @any */
int MUST_CHECK evloop_init(struct evloop *l, struct err *e);
/* Sources still registered are forgotten. The loop must not run. */
void evloop_fini(struct evloop *l);

/* Registers `s` (fd, fn and arg set) for `events`, level triggered; removes it.
 * evloop_del is for the loop's own thread, or while the loop does not run. */
int MUST_CHECK evloop_add(struct evloop *l, struct ev_source *s, uint32_t events, struct err *e);
void evloop_del(struct evloop *l, struct ev_source *s);

/* Serves sources until evloop_quit(), which any thread may call. @io */
void evloop_run(struct evloop *l);
void evloop_quit(struct evloop *l);

/* Creates a notifier of loop `l`; frees it (same rule as evloop_del). */
int MUST_CHECK ev_notifier_init(struct ev_notifier *n, struct evloop *l, void (*fn)(void *),
                                void *arg, struct err *e);
void ev_notifier_fini(struct ev_notifier *n, struct evloop *l);
/* @any, never blocks */
void ev_notify(struct ev_notifier *n);

/* A thread that runs an event loop. Signals are blocked on it and go to the main thread, apart from
 * those that a fault of the thread itself raises. */
struct iothread {
    struct evloop loop;
    pthread_t thread;
    bool running;
    char name[16]; /* seen by ps -T and gdb */
};

/* Prepares the loop (sources may be added), starts the thread, stops it, frees the loop. @any but
 * the thread itself */
int MUST_CHECK iothread_init(struct iothread *t, const char *name, struct err *e);
int MUST_CHECK iothread_start(struct iothread *t, struct err *e);
void iothread_stop(struct iothread *t);
void iothread_fini(struct iothread *t);

/* Starts a thread with signals blocked in that way and a name; for other loops than evloop. Returns
 * 0 or -E... with a text. @any */
int MUST_CHECK thread_start(pthread_t *thread, const char *name, void *(*fn)(void *), void *arg,
                            struct err *e);

#endif
