/* Mailboxes, epochs and the wait of a DSB. See broadcast.h for the protocol and why it is right.
 *
 * A machine with one vCPU has nobody to tell: each function then returns at once.
 */
#include "vm/broadcast.h"

#include "vm/vm.h"

#include <sched.h>

#define SPINS 200u  /* looks before the waiter gives the host's processor away */
#define YIELDS 20u  /* ... before it sleeps */

static bool alone(const struct vm *vm)
{
    return vm->cpu_count < 2;
}

void broadcast_hub_init(struct broadcast_hub *h)
{
    atomic_store(&h->epoch, 1);
    atomic_store(&h->waiters, 0);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->passed, NULL);
}

void broadcast_hub_fini(struct broadcast_hub *h)
{
    pthread_cond_destroy(&h->passed);
    pthread_mutex_destroy(&h->lock);
}

void broadcast_init(struct broadcast *b)
{
    pthread_mutex_init(&b->lock, NULL);
}

void broadcast_fini(struct broadcast *b)
{
    pthread_mutex_destroy(&b->lock);
}

/* ---- Sending ---- */

static bool same_tlbi(const struct a64_tlbi *a, const struct a64_tlbi *b)
{
    return a->scope == b->scope && a->last_level == b->last_level && a->el == b->el &&
           a->asid == b->asid && a->va == b->va && a->bytes == b->bytes;
}

static void post_tlbi(struct broadcast *b, const struct a64_tlbi *op)
{
    unsigned n = b->tlbi_count;
    if (n > BROADCAST_TLBI_MAX || (n && same_tlbi(&b->tlbi[n - 1], op)))
        return;
    if (n < BROADCAST_TLBI_MAX)
        b->tlbi[n] = *op;
    b->tlbi_count = n + 1;
}

static void post_code(struct broadcast *b, gpa_t page, bool all)
{
    unsigned n = b->code_count;
    if (all)
        n = BROADCAST_CODE_MAX;
    if (n > BROADCAST_CODE_MAX || (n && !all && b->code[n - 1] == page))
        return;
    if (n < BROADCAST_CODE_MAX)
        b->code[n] = page;
    b->code_count = n + 1;
}

/* Steps 2 and 3, after the mail is in the boxes. */
static uint64_t start_epoch(struct vm *vm, const struct vcpu *except)
{
    uint64_t epoch = atomic_fetch_add(&vm->broadcast.epoch, 1) + 1;
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        struct vcpu *r = vm->vcpus[i];
        if (r != except && atomic_load(&r->broadcast.running))
            vcpu_request(r, VCPU_REQ_BROADCAST);
    }
    return epoch;
}

/* One operation as mail. */
struct mail {
    const struct a64_tlbi *tlbi; /* null: it is about code */
    gpa_t page;
    bool all;
};

static void send(struct vcpu *v, const struct mail *m)
{
    struct vm *vm = v->vm;
    if (alone(vm))
        return;
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        struct broadcast *b = &vm->vcpus[i]->broadcast;
        if (vm->vcpus[i] == v)
            continue;
        pthread_mutex_lock(&b->lock);
        if (m->tlbi)
            post_tlbi(b, m->tlbi);
        else
            post_code(b, m->page, m->all);
        pthread_mutex_unlock(&b->lock);
    }
    v->broadcast.sent++;
    v->broadcast.ticket = start_epoch(vm, v);
}

void broadcast_tlbi(struct vcpu *v, const struct a64_tlbi *op)
{
    send(v, &(const struct mail){.tlbi = op});
}

void broadcast_code(struct vcpu *v, gpa_t pa, bool all)
{
    send(v, &(const struct mail){.page = pa & ~(gpa_t)(MEM_PAGE_SIZE - 1), .all = all});
}

uint64_t broadcast_start_epoch(struct vm *vm)
{
    return start_epoch(vm, NULL);
}

/* ---- Taking ---- */

/* Somebody may sleep until this vCPU passed or left. */
static void tell_waiters(struct broadcast_hub *h)
{
    if (!atomic_load(&h->waiters))
        return;
    pthread_mutex_lock(&h->lock);
    pthread_cond_broadcast(&h->passed);
    pthread_mutex_unlock(&h->lock);
}

void broadcast_take(struct vcpu *v)
{
    struct broadcast *b = &v->broadcast;
    struct broadcast_hub *h = &v->vm->broadcast;
    struct a64_tlbi tlbi[BROADCAST_TLBI_MAX];
    gpa_t code[BROADCAST_CODE_MAX];
    uint64_t epoch = atomic_load(&h->epoch);

    pthread_mutex_lock(&b->lock);
    unsigned tlbis = b->tlbi_count, codes = b->code_count;
    memcpy(tlbi, b->tlbi, sizeof(tlbi));
    memcpy(code, b->code, sizeof(code));
    b->tlbi_count = b->code_count = 0;
    pthread_mutex_unlock(&b->lock);

    if (tlbis > BROADCAST_TLBI_MAX)
        v->engine->tlbi(v, &(struct a64_tlbi){.scope = A64_TLBI_ALL, .el = 1});
    for (unsigned i = 0; tlbis <= BROADCAST_TLBI_MAX && i < tlbis; i++)
        v->engine->tlbi(v, &tlbi[i]);
    if (codes > BROADCAST_CODE_MAX)
        v->engine->icache_invalidate(v, 0, true);
    for (unsigned i = 0; codes <= BROADCAST_CODE_MAX && i < codes; i++)
        v->engine->icache_invalidate(v, code[i], false);

    atomic_store(&b->passed, epoch);
    tell_waiters(h);
}

void broadcast_enter(struct vcpu *v)
{
    if (alone(v->vm))
        return;
    atomic_store(&v->broadcast.running, true);
    if (atomic_load(&v->broadcast.passed) != atomic_load(&v->vm->broadcast.epoch))
        broadcast_take(v);
}

void broadcast_leave(struct vcpu *v)
{
    if (alone(v->vm))
        return;
    atomic_store(&v->broadcast.running, false);
    tell_waiters(&v->vm->broadcast);
}

void broadcast_reset(struct vcpu *v)
{
    struct broadcast *b = &v->broadcast;
    pthread_mutex_lock(&b->lock);
    b->tlbi_count = b->code_count = 0;
    pthread_mutex_unlock(&b->lock);
    b->ticket = 0;
}

/* ---- Waiting ---- */

static bool passed_except(struct vm *vm, const struct vcpu *except, uint64_t epoch)
{
    for (unsigned i = 0; i < vm->cpu_count; i++) {
        const struct broadcast *b = &vm->vcpus[i]->broadcast;
        if (vm->vcpus[i] != except && atomic_load(&b->running) &&
            atomic_load(&b->passed) < epoch)
            return false;
    }
    return true;
}

bool broadcast_passed(struct vm *vm, uint64_t epoch)
{
    return passed_except(vm, NULL, epoch);
}

/* Whoever passes does so within some instructions, unless the host has given its processor to
 * somebody else, perhaps to this thread. */
static void wait_passed(struct vm *vm, const struct vcpu *v, uint64_t epoch)
{
    struct broadcast_hub *h = &vm->broadcast;
    for (unsigned i = 0; i < SPINS + YIELDS; i++) {
        if (passed_except(vm, v, epoch))
            return;
        if (i < SPINS)
            __builtin_ia32_pause();
        else
            sched_yield();
    }
    pthread_mutex_lock(&h->lock);
    atomic_fetch_add(&h->waiters, 1);
    while (!passed_except(vm, v, epoch))
        pthread_cond_wait(&h->passed, &h->lock);
    atomic_fetch_sub(&h->waiters, 1);
    pthread_mutex_unlock(&h->lock);
}

void broadcast_complete(struct vcpu *v)
{
    uint64_t ticket = v->broadcast.ticket;
    if (!ticket)
        return;
    v->broadcast.ticket = 0;
    if (passed_except(v->vm, v, ticket))
        return;
    bool running = atomic_load(&v->broadcast.running);
    v->broadcast.waits++;
    broadcast_leave(v);
    wait_passed(v->vm, v, ticket);
    if (running)
        broadcast_enter(v);
}
