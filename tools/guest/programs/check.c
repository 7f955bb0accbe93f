/* Deterministic checks of a C compiler's output and of the processor: verify compiles it in the
 * guest at several levels; each must print the same, on every architecture (-fwrapv,
 * -ffp-contract=off). */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t seed;
static uint32_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    return seed ^= seed << 5;
}

static void mix(uint64_t *h, uint64_t v)
{
    *h = (*h ^ v) * UINT64_C(0x100000001b3);
}

static void put(const char *name, uint64_t h)
{
    printf("%s: %016" PRIx64 "\n", name, h);
}

/* Arithmetic of every width, so simple that the compiler makes vectors of it. */
#define WIDTH(T)                                                                                   \
    static uint64_t ints_##T(void)                                                                 \
    {                                                                                              \
        enum { N = 1003 };                                                                         \
        static T a[N], b[N], c[N];                                                                 \
        uint64_t h = 1;                                                                            \
        for (int i = 0; i < N; i++) {                                                              \
            a[i] = (T)((uint64_t)next() << 32 | next());                                           \
            b[i] = (T)((uint64_t)next() << 32 | next());                                           \
        }                                                                                          \
        for (int turn = 0; turn < 20; turn++) {                                                    \
            for (int i = 0; i < N; i++)                                                            \
                c[i] = (T)(a[i] * b[i] + (a[i] >> 3) - (T)(b[i] << 2));                            \
            for (int i = 0; i < N; i++)                                                            \
                a[i] = (T)(c[i] > b[i] ? c[i] - b[i] : b[i] ^ c[i]);                               \
            for (int i = 0; i < N; i++)                                                            \
                b[i] = a[i] < c[N - 1 - i] ? a[i] : c[N - 1 - i];                                  \
            T sum = 0, low = 0, any = 0;                                                           \
            for (int i = 0; i < N; i++) {                                                          \
                sum = (T)(sum + a[i]);                                                             \
                low = low < b[i] ? low : b[i];                                                     \
                any |= c[i];                                                                       \
            }                                                                                      \
            mix(&h, (uint64_t)sum);                                                                \
            mix(&h, (uint64_t)low);                                                                \
            mix(&h, (uint64_t)any);                                                                \
            for (int i = 0; i < N; i += 7)                                                         \
                mix(&h, (uint64_t)(b[i] | 1 ? a[i] / (T)(b[i] | 1) + a[i] % (T)(c[i] | 1) : 0));   \
        }                                                                                          \
        return h;                                                                                  \
    }
WIDTH(int8_t) WIDTH(uint8_t) WIDTH(int16_t) WIDTH(uint16_t)
WIDTH(int32_t) WIDTH(uint32_t) WIDTH(int64_t) WIDTH(uint64_t)

#define REAL(T, U, SQRT)                                                                           \
    static uint64_t reals_##T(void)                                                                \
    {                                                                                              \
        enum { N = 501 };                                                                          \
        static T a[N], b[N];                                                                       \
        uint64_t h = 2;                                                                            \
        for (int i = 0; i < N; i++) {                                                              \
            a[i] = (T)(int32_t)next() / (T)1024;                                                   \
            b[i] = (T)(next() >> 8) / (T)3 + (T)1;                                                 \
        }                                                                                          \
        for (int turn = 0; turn < 20; turn++) {                                                    \
            for (int i = 0; i < N; i++)                                                            \
                a[i] = a[i] * (T)0.75 + b[N - 1 - i] / (T)(i + 1);                                 \
            for (int i = 0; i < N; i++)                                                            \
                b[i] = SQRT(a[i] < 0 ? -a[i] : a[i]) + (a[i] > b[i] ? (T)1 : (T)(int)(b[i] / 4));  \
            T sum = 0;                                                                             \
            for (int i = 0; i < N; i++)                                                            \
                sum += a[i] - b[i];                                                                \
            U bits;                                                                                \
            memcpy(&bits, &sum, sizeof(bits));                                                     \
            mix(&h, bits);                                                                         \
            for (int i = 0; i < N; i++)                                                            \
                mix(&h, (uint64_t)(int64_t)a[i] ^ (uint32_t)(int32_t)(b[i] / 8));                  \
        }                                                                                          \
        return h;                                                                                  \
    }
REAL(float, uint32_t, sqrtf) REAL(double, uint64_t, sqrt)

static uint64_t wide(void)
{
    unsigned __int128 x = 1;
    __int128 y = -12345;
    uint64_t h = 3;
    for (int i = 0; i < 20000; i++) {
        uint64_t r = (uint64_t)next() << 32 | next();
        x = x * r + (x >> 61);
        y = (y << 3) / (int64_t)(r >> 20 | 1) - (int64_t)(x >> 64) + y % 977;
        mix(&h, (uint64_t)(x / (r | 1)) ^ (uint64_t)(y >> 5));
        mix(&h, (uint64_t)__builtin_popcountll(r) + (uint64_t)__builtin_ctzll(r | 1 << 20));
        mix(&h, __builtin_bswap64(r) ^ (r << (i & 63) | r >> (-i & 63)));
    }
    return h;
}

static uint64_t strings(void)
{
    char *a = malloc(5000), *b = malloc(5000);
    uint64_t h = 4;
    for (int i = 0; i < 4000; i++) {
        size_t n = next() % 300, at = next() % 64, to = next() % 64;
        for (size_t k = 0; k < n; k++)
            a[at + k] = (char)('a' + next() % 26);
        a[at + n] = 0;
        memcpy(b + to, a + at, n + 1);
        memmove(b + to + n / 3, b + to, n - n / 3);
        b[to + n] = 0;
        mix(&h, strlen(a + at) * 3 + (strcmp(a + at, b + to) > 0));
        mix(&h, memcmp(a + at, b + to, n) < 0);
        char *p = strchr(b + to, 'q'), *q = strstr(a + at, "zz"), *r = memchr(a + at, 'x', n);
        mix(&h, (uint64_t)(p ? p - b - (long)to : -1) * 7 + (uint64_t)(q ? q - a - (long)at : -1) +
                    (uint64_t)(r ? r - a - (long)at : -1) * 3);
        memset(b + to, i, n);
        mix(&h, n ? (unsigned char)b[to + n - 1] : 0);
    }
    free(a);
    free(b);
    return h;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint64_t sorting(void)
{
    static uint32_t v[20000];
    uint64_t h = 5;
    for (int i = 0; i < 20000; i++)
        v[i] = next();
    qsort(v, 20000, sizeof(v[0]), by_value);
    for (int i = 0; i < 20000; i++)
        mix(&h, v[i] + (i && v[i] < v[i - 1]));
    return h;
}

static jmp_buf env;
static volatile int signals;
static void on_signal(int n)
{
    signals++;
    if (n == SIGSEGV)
        siglongjmp(env, 1);
}

/* Loads and stores that do and do not fault, some across the end of a page. */
static uint64_t faults(void)
{
    struct across {
        uint64_t value;
    } __attribute__((packed));
    static const int may[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
    volatile uint64_t h = 6;
    volatile char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                               0);
    struct sigaction sa = {.sa_handler = on_signal};
    uint64_t g;
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    for (volatile int i = 0; i < 3000; i++) {
        mprotect((void *)(page + 4096), 4096, may[i % 3]);
        if (!sigsetjmp(env, 1)) {
            page[4000 + i % 96] = (char)i;
            h = h * 31 + ((volatile struct across *)(page + 4080 + i % 17))->value;
            page[4096 + i % 50] = (char)(i + 1);
            h = h * 33 + (unsigned char)page[4096 + i % 49];
        } else {
            h = h * 37 + (unsigned char)page[4000 + i % 96];
        }
        if (i % 10 == 0)
            raise(SIGUSR1);
    }
    munmap((void *)page, 8192);
    g = h;
    mix(&g, (uint64_t)signals);
    return g;
}

#if defined(__aarch64__)
static const uint32_t code_words[] = {0x52800000, 0x1b017c00, 0xd65f03c0}; /* mov w0, #n; mul */
#endif

/* Code that is made and changed while the program runs. */
static uint64_t self_made(void)
{
    uint64_t h = 7;
#if defined(__aarch64__)
    uint32_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t *at = code + i % 61 * 4;
        memcpy(at, code_words, sizeof(code_words));
        at[0] |= i << 5;
        __builtin___clear_cache((char *)at, (char *)(at + 3));
        uint32_t (*f)(uint32_t, uint32_t);
        memcpy(&f, &at, sizeof(f));
        for (uint32_t k = 0; k < 4; k++)
            mix(&h, f(0, k + 3));
    }
    munmap(code, 4096);
#else
    for (uint32_t i = 0; i < 3000; i++)
        for (uint32_t k = 0; k < 4; k++)
            mix(&h, i * (k + 3));
#endif
    return h;
}

static _Atomic uint64_t counter, lock, both[2];
static uint64_t plain;
static void *thread(void *arg)
{
    for (uint64_t i = 0; i < 20000; i++) {
        atomic_fetch_add(&counter, 3);
        atomic_fetch_xor_explicit(&both[0], i, memory_order_relaxed);
        uint64_t old = atomic_load(&both[1]);
        while (!atomic_compare_exchange_weak(&both[1], &old, old * 3 + 1 - old * 2))
            ;
        if (i % 16 == 0) {
            while (atomic_exchange_explicit(&lock, 1, memory_order_acquire))
                sched_yield();
            plain += (uintptr_t)arg;
            atomic_store_explicit(&lock, 0, memory_order_release);
        }
    }
    return NULL;
}

static uint64_t threads(void)
{
    pthread_t t[4];
    uint64_t h = 8;
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, thread, (void *)(i + 1));
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    mix(&h, counter);
    mix(&h, both[0]);
    mix(&h, both[1]);
    mix(&h, plain);
    return h;
}

static uint64_t processes(void)
{
    uint64_t h = 9;
    for (int i = 0; i < 40; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
            _exit(i * 5 & 255);
        waitpid(pid, &status, 0);
        mix(&h, (uint64_t)WEXITSTATUS(status));
    }
    return h;
}

#define RUN(name, call)                                                                            \
    do {                                                                                           \
        seed = 2463534242u;                                                                        \
        put(name, call());                                                                         \
        fflush(stdout);                                                                            \
    } while (0)

int main(void)
{
    RUN("int8", ints_int8_t);
    RUN("uint8", ints_uint8_t);
    RUN("int16", ints_int16_t);
    RUN("uint16", ints_uint16_t);
    RUN("int32", ints_int32_t);
    RUN("uint32", ints_uint32_t);
    RUN("int64", ints_int64_t);
    RUN("uint64", ints_uint64_t);
    RUN("float", reals_float);
    RUN("double", reals_double);
    RUN("wide", wide);
    RUN("strings", strings);
    RUN("sorting", sorting);
    RUN("faults", faults);
    RUN("self-made", self_made);
    RUN("threads", threads);
    RUN("processes", processes);
    return 0;
}
