/* The guest's half of the litmus tests: a bare-metal program for 2 to 4 vCPUs. */
#ifndef LITMUS_GUEST_H
#define LITMUS_GUEST_H

#define STACK_BYTES 0x4000
#define CPUS 4u

#ifndef __ASSEMBLER__

typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

#define POOL 0x42000000ul   /* variables */
#define ALIAS 0x40000000ul  /* added to an address in RAM: the same memory at another address */

/* One test, as litmus.c makes them. */
struct guest_test {
    const char *name;
    void (*thread[CPUS])(u32 *x, u32 *y, u32 *z, u32 *unused, u32 *out);
    u32 threads, vars, reads, finals;
};
extern const struct guest_test guest_tests[], guest_tests_end[];

extern u32 cpus; /* that came up */

/* All vCPUs call it; none returns before all have. */
void barrier(void);
/* A barrier, and then a wait of limited length, so that all run at the same time. */
void start(u32 me);
void say(const char *s);
void say_number(u64 n);
/* A line `kind name a b`. */
void say_result(const char *kind, const char *name, u64 a, u64 b);
u32 next_random(u64 *state);

/* atomics.c: all vCPUs call it. */
void atomics(u32 me, u64 rounds);

#endif
#endif
