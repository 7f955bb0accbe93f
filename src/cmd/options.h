/* The options of `sojourn run`: what was asked for, checked one by one but not yet opened.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include "a64/features.h"
#include "backend/net.h"
#include "base/err.h"
#include "base/log.h"
#include "vm/clock.h"
#include "vm/engine.h"

#include <stdbool.h>
#include <stdint.h>

#define OPT_MAX_DISKS 16u
#define OPT_MAX_NETS 8u
#define OPT_MAX_FORWARDS 32u
#define OPT_PATH_MAX 4096u

enum console_kind {
    CONSOLE_NONE,
    CONSOLE_STDIO,
    CONSOLE_PTY,
    CONSOLE_UNIX,
    CONSOLE_FILE,
    CONSOLE_NULL
};

struct console_options {
    enum console_kind kind;
    const char *path; /* inside argv */
};

struct disk_options {
    char path[OPT_PATH_MAX];
    bool readonly, ephemeral;
    char serial[21];
    unsigned queues; /* 0: the default */
};

struct net_options {
    bool have_mac;
    uint8_t mac[6];
    struct net_forward forwards[OPT_MAX_FORWARDS];
    unsigned forward_count;
};

struct run_options {
    const char *kernel, *initrd, *append, *dtb;
    uint64_t memory_bytes;
    unsigned cpus;
    struct a64_features features;
    const struct engine_ops *engine;
    struct engine_config engine_config;
    enum clock_source clock;
    uint64_t clock_seed;
    struct disk_options *disks; /* OPT_MAX_DISKS of them, owned */
    unsigned disk_count;
    struct net_options *nets; /* OPT_MAX_NETS of them, owned */
    unsigned net_count;
    bool net_none;
    struct console_options console, hvc;
    bool rng, semihosting, no_reboot;
    const char *semihosting_dir;
    const char *stats;
    char trace[OPT_PATH_MAX]; /* empty: none */
    bool perf_map;            /* the streams of engine_config.trace are not open yet */
    enum log_level log_level;
};

/* One row of run_options.def. */
struct option_row {
    const char *name;
    char short_name;
    const char *argument; /* null: a switch; "[=...]": optional, only with '=' */
    int (*set)(struct run_options *o, const char *value, struct err *e);
    const char *help;
};

extern const struct option_row run_option_rows[];
extern const unsigned run_option_count;

/* Fills in defaults, then what argv says (argv[0] is the first option). Values point into argv.
 * -EINVAL names the option and the remedy. Call run_options_fini() in any case. */
int MUST_CHECK run_options_parse(struct run_options *o, int argc, char **argv, struct err *e);
void run_options_fini(struct run_options *o);

/* "512M", "2G", "1024" (MiB): bytes. Exported for tests. */
int MUST_CHECK parse_size(const char *text, uint64_t *bytes, struct err *e);

#endif
