/* Stolen time (DEN0057A 3): how long a vCPU was to run and the host ran something else.
 *
 * The guest finds it in a structure in its RAM, one per vCPU, in 64 KiB that the board keeps free.
 * RAM rather than a window of the bus, because the document asks for Normal memory and because
 * Linux reads it at every context switch. Until a guest has asked where its structure is
 * (PV_TIME_ST), nothing is written: memory of a guest that does not know of all this is its own.
 *
 * What counts as stolen is the run delay that the host's scheduler keeps of the vCPU's thread. To
 * read it is a system call, so it is not done between instructions but where the thread comes by
 * on its own: when a timer of the guest has fired (so that the tick that accounts for it finds a
 * new number) and when a sleep is over; and at most once in STEAL_INTERVAL_NS. Only the vCPU's own
 * thread does it. The value is the sum over all threads that the vCPU had since the machine's
 * reset: it never decreases, across CPU_OFF, pauses and saves.
 *
 * With the counted clock time passes only with instructions, so nothing is stolen: the board does
 * not offer the structure, and here nothing is read. Otherwise what was read passes the journal.
 */
#include "vm/vcpu_int.h"

#include "base/bits.h"
#include "base/log.h"
#include "base/run_delay.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define STEAL_INTERVAL_NS 2000000u /* half a tick of a kernel that ticks 250 times a second */

/* DEN0057A 3.2.3, little-endian. */
struct stolen_time {
    uint32_t revision;   /* 0 */
    uint32_t attributes; /* 0 */
    uint64_t stolen_ns;
    uint8_t padding[VCPU_STEAL_BYTES - 16]; /* 0 */
};

_Static_assert(sizeof(struct stolen_time) == VCPU_STEAL_BYTES, "an entry of the board's table");

/* Readers see the old value or the new one. */
static void publish(struct vcpu *v)
{
    struct mem *m = &v->vm->mem;
    struct stolen_time *s = mem_ptr(m, v->steal.at, sizeof(*s), MEM_WRITE);
    __atomic_store_n(&s->stolen_ns, v->steal.ns, __ATOMIC_RELEASE);
    mem_wrote(m, v->steal.at, sizeof(*s));
}

static void read_delay(struct vcpu *v)
{
    uint64_t now_ns;
    if (!run_delay_read(v->steal.fd, &now_ns) || now_ns < v->steal.seen)
        return; /* it stands still, as it does on a host that keeps no statistics */
    v->steal.ns += journal_value(&v->vm->journal, JOURNAL_STEAL, now_ns - v->steal.seen);
    v->steal.seen = now_ns;
    publish(v);
}

void vcpu_steal_begin(struct vcpu *v)
{
    struct err e = {0};
    if (!v->steal.on || v->steal.fd >= 0 || v->vm->clock.source == CLOCK_COUNTED)
        return;
    int fd = run_delay_open(&e);
    if (fd < 0) {
        log_warn("vCPU %u: the guest will see no stolen time: %s", v->index, e.text);
        return;
    }
    v->steal.seen = 0;
    if (!run_delay_read(fd, &v->steal.seen))
        log_warn("vCPU %u: the guest will see no stolen time: the host's statistics are empty",
                 v->index);
    v->steal.fd = fd;
    v->steal.due = 0;
}

void vcpu_steal_forget(struct vcpu *v)
{
    if (v->steal.fd >= 0)
        close(v->steal.fd);
    v->steal.fd = -1;
}

void vcpu_steal_end(struct vcpu *v)
{
    if (v->steal.fd >= 0)
        read_delay(v);
    vcpu_steal_forget(v);
}

void vcpu_steal_update(struct vcpu *v)
{
    if (v->steal.fd < 0)
        return;
    vtime_t now = clock_now(&v->vm->clock);
    if (now < v->steal.due)
        return;
    v->steal.due = now + STEAL_INTERVAL_NS;
    read_delay(v);
}

gpa_t vcpu_steal_start(struct vcpu *v)
{
    struct mem *m = &v->vm->mem;
    struct stolen_time *s = v->steal.at ? mem_ptr(m, v->steal.at, sizeof(*s), MEM_WRITE) : NULL;
    if (!s)
        return 0;
    memset(s, 0, sizeof(*s));
    v->steal.on = true;
    publish(v);
    vcpu_steal_begin(v);
    return v->steal.at;
}

void vcpu_steal_reset(struct vcpu *v)
{
    gpa_t table = v->vm->steal_base;
    vcpu_steal_forget(v);
    v->steal.at = table ? table + v->index * VCPU_STEAL_BYTES : 0;
    v->steal.on = false;
    v->steal.ns = 0;
}

int vcpu_steal_loaded(struct vcpu *v, struct err *e)
{
    gpa_t at = v->steal.at;
    vcpu_steal_forget(v);
    if (at ? at % VCPU_STEAL_BYTES || !mem_ptr(&v->vm->mem, at, VCPU_STEAL_BYTES, MEM_WRITE)
           : v->steal.on || v->steal.ns)
        return err_set(e, EINVAL, "saved state of the vCPU is impossible: stolen time");
    return 0;
}
