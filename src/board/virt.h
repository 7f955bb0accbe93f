/* The machine `virt`: the only place that says which devices exist and how they are wired.
 */
#ifndef BOARD_VIRT_H
#define BOARD_VIRT_H

#include "backend/blk.h"
#include "backend/chr.h"
#include "backend/net.h"
#include "board/loader.h"
#include "vm/vm.h"

#define VIRT_MAX_DISKS 16u
#define VIRT_MAX_NETS 8u

struct virt_disk {
    struct blk *backend;        /* ownership passes to the device */
    unsigned queues;             /* 0: the default */
    char serial[21];             /* at most 20 characters, empty for none */
};

struct virt_net {
    struct net *backend;         /* ownership passes to the device */
    uint8_t mac[6];
};

/* What a machine is built of. Strings and backends are the caller's unless said otherwise. */
struct virt_config {
    uint64_t memory_bytes;
    unsigned cpus;
    const struct engine_ops *engine;
    struct engine_config engine_config;
    struct a64_features features;
    enum clock_source clock;
    uint64_t clock_seed; /* counted clock: of random numbers, through the journal */
    const char *kernel, *initrd, *dtb, *append; /* null when absent */
    bool semihosting;
    struct chr *console; /* never null */
    struct chr *hvc;     /* null: no second console */
    struct virt_disk disks[VIRT_MAX_DISKS];
    unsigned disk_count;
    struct virt_net nets[VIRT_MAX_NETS];
    unsigned net_count;
    bool rng;
    uint8_t seed[64]; /* for the guest's /chosen/rng-seed and kaslr-seed */
    bool have_seed;
};

struct power_key;

struct virt {
    struct vm vm;
    struct loader loader;
    struct loader_result placed;
    struct buf user_dtb;
    const struct virt_config *cfg; /* the caller keeps it until virt_destroy() */
    struct power_key *power_key;
    unsigned disks_taken, nets_taken; /* backends that a device owns by now */
    uint32_t virtio_slots; /* bit n: slot n holds a device */
    unsigned next_slot;
};

/* Builds the machine and reads the image files. It owns the disks' and networks' backends from the
 * call on: on failure they are destroyed too. @any */
int MUST_CHECK virt_create(struct virt *b, const struct virt_config *cfg, struct err *e);

/* Power-on reset: clears RAM, places images and device tree, resets vCPUs and devices. Also called
 * once before the first start. @stopped */
int MUST_CHECK virt_reset(struct virt *b, struct err *e);

/* Presses and releases the power key (a request to the guest's operating system). @any */
void virt_power_key(struct virt *b);

/* Statistics of the run as lines of name and value; with the counted clock also hashes of the
 * machine's state, by which runs can be compared. @stopped */
void virt_stats(struct virt *b, FILE *to);

void virt_destroy(struct virt *b);

/* virt_fdt.c: the machine's device tree, or the user's with memory, /chosen and seeds filled in,
 * into `out` (at most placed.dtb_max_bytes). -EINVAL when the user's is damaged. @stopped */
int MUST_CHECK virt_fdt_build(const struct virt *b, struct buf *out, struct err *e);

#endif
