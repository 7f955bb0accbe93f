/* Virtual time by the time stamp counter. See clock_tsc.h. */
#include "vm/clock_tsc.h"

#include "base/tsc.h"
#include "vm/clock.h"

#define LINE_NS 4000000u     /* how long a line is used */
#define LINE_SLACK 14u       /* a line is flatter than time by 2^-14: 61 ppm */
#define RATE_MIN_NS 20000000u /* intervals that rates are measured over: ... */
#define RATE_MAX_NS 1000000000u /* ... longer ones may have seen the host sleep */
#define RATE_CHANGE 9u       /* at most 2^-9 between two measurements */
#define LOOKS 3u

/* Host time, and ticks that are not before it but as near as can be had: of some looks the one that
 * took the shortest, as nobody interrupted it. */
static uint64_t look(uint64_t *ticks)
{
    uint64_t ns = 0, shortest = UINT64_MAX;
    for (unsigned n = 0; n < LOOKS; n++) {
        uint64_t before = tsc_read(), now = clock_host_ns(), after = tsc_read();
        if (after - before >= shortest)
            continue;
        shortest = after - before;
        ns = now;
        *ticks = after;
    }
    return ns;
}

static uint64_t get(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void put(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static bool by_line(const struct clock_line *l, uint64_t *now)
{
    uint64_t whole = get(&l->whole);
    uint64_t passed = tsc_read() - get(&l->ticks);
    bool valid = passed < get(&l->limit);
    *now = get(&l->now) + (passed * get(&l->mult) >> 32);
    return valid && get(&l->begun) == whole;
}

/* Under the lock. limit 0: there is none now. */
static void write_line(struct clock_line *l, uint64_t now, uint64_t ticks, uint64_t mult,
                       uint64_t limit)
{
    uint64_t number = l->begun + 1;
    __atomic_store_n(&l->begun, number, __ATOMIC_SEQ_CST);
    put(&l->now, now);
    put(&l->ticks, ticks);
    put(&l->mult, mult);
    put(&l->limit, limit);
    put(&l->whole, number);
}

/* A look at the host's clock also tells how fast the counter runs. Under the lock. */
static void measure_rate(struct clock_tsc *t, uint64_t ticks, uint64_t ns)
{
    uint64_t passed_ns = ns - t->rate_ns, passed = ticks - t->rate_ticks;
    if (passed_ns < RATE_MIN_NS && t->rate_ticks)
        return;
    if (passed_ns <= RATE_MAX_NS && t->rate_ticks && passed) {
        uint64_t rate = (uint64_t)(((unsigned __int128)passed_ns << 32) / passed);
        uint64_t change = rate > t->rate ? rate - t->rate : t->rate - rate;
        /* NTP changes it by 500 ppm; more is a counter that jumped: measure anew. */
        t->rate = !t->rate || change < t->rate >> RATE_CHANGE ? rate : 0;
    }
    t->rate_ticks = ticks;
    t->rate_ns = ns;
}

/* A new line, from now on. Under the lock. */
static uint64_t begin_line(struct clock_tsc *t)
{
    uint64_t ticks = 0, ns = look(&ticks), now = ns - t->offset;
    measure_rate(t, ticks, ns);
    uint64_t mult = t->rate - (t->rate >> LINE_SLACK);
    if (now < t->top || now >> 63) { /* a look is earlier than what it is taken for */
        uint64_t ahead = t->top - now < LINE_NS / 2 ? t->top - now : LINE_NS / 2;
        mult -= mult * ahead / LINE_NS; /* the host's clock comes nearer */
        now = t->top;
    }
    uint64_t limit = mult ? ((uint64_t)LINE_NS << 32) / mult : 0;
    t->top = now + (limit * mult >> 32);
    write_line(&t->line, now, ticks, mult, limit);
    return now;
}

void clock_tsc_init(struct clock_tsc *t)
{
    *t = (struct clock_tsc){.on = false};
    pthread_mutex_init(&t->lock, NULL);
}

void clock_tsc_fini(struct clock_tsc *t)
{
    pthread_mutex_destroy(&t->lock);
}

void clock_tsc_start(struct clock_tsc *t, uint64_t now, uint64_t offset)
{
    pthread_mutex_lock(&t->lock);
    t->on = true;
    t->top = now;
    t->offset = offset;
    begin_line(t);
    pthread_mutex_unlock(&t->lock);
}

void clock_tsc_stop(struct clock_tsc *t)
{
    pthread_mutex_lock(&t->lock);
    write_line(&t->line, 0, 0, 0, 0);
    t->on = false;
    pthread_mutex_unlock(&t->lock);
}

bool clock_tsc_now(struct clock_tsc *t, uint64_t *now)
{
    if (by_line(&t->line, now))
        return true;
    pthread_mutex_lock(&t->lock);
    bool on = t->on;
    if (on && !by_line(&t->line, now)) /* nobody else has asked meanwhile */
        *now = begin_line(t);
    pthread_mutex_unlock(&t->lock);
    return on;
}
