/* A complete board with one of everything, made once per process and reset for each input. It has
 * no running threads: the virtio devices' I/O threads are stopped, the vCPU runs on the caller's,
 * the clock counts instructions; so an input does the same each time. */
#ifndef FUZZ_MACHINE_H
#define FUZZ_MACHINE_H

#include "board/virt.h"
#include "board/virt_map.h"
#include "fakes.h"
#include "input.h"
#include "virtio/virtio.h"

#define MACHINE_RAM_BYTES (UINT64_C(4) << 20)
#define MACHINE_MAX_DEVICES 96

struct machine {
    struct virt_config cfg;
    struct virt board;
    struct fake_chr console, hvc;
    struct fake_blk blk;
    struct fake_net net;
    struct chr_tap *tap;   /* over the console */
    struct a64_env env;    /* the vCPU's, with a limit on exceptions */
    unsigned contexts;     /* changes of context since the limit was set */
    struct device *devices[MACHINE_MAX_DEVICES];
    unsigned device_count;
};

/* The machine, made by the first call; reset to power-on with RAM cleared. */
struct machine *machine_get(void);
void machine_reset(struct machine *m);

/* The virtio device behind `d`, or null. */
struct virtio_dev *machine_virtio(struct device *d);
/* Serves all queues once. */
void machine_serve(struct machine *m);

/* Runs the vCPU for at most `insns` instructions and a bounded number of exceptions; does what the
 * run loop does at each exit, without sleeping. */
void machine_run(struct machine *m, uint64_t insns);

/* One step of a script taken from the input: an access to a device, input from the host, time. */
void machine_step(struct machine *m, struct input *in);

#endif
