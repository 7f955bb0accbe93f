/* What the files of tools/lockstep share.
 *
 *   main.c     command line; runs two machines side by side and compares them
 *   bisect.c   finds the first instruction after which they differ, and prints it
 *   side.c     the driver's end of a machine: commands, replies, what became of its process
 *   worker.c   the process that holds a machine
 *   fault.c    an engine with a planted fault, to test the tool
 *   fields.c   a saved machine as a list of named values
 *
 * Each machine is a process of its own: the two run at the same time, a crash of one is a result
 * like any other, and fork() makes a checkpoint that holds everything, the engine's translation
 * buffer and decoded instructions included. A saved state would not do: loading it makes an engine
 * forget what it has derived, and what was derived wrongly is what is looked for.
 */
#ifndef LOCKSTEP_LOCKSTEP_H
#define LOCKSTEP_LOCKSTEP_H

#include "a64/features.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* ---- The machine that both are ---- */

struct ls_machine {
    const char *kernel, *initrd, *append, *console;
    uint64_t memory_bytes, seed;
    uint64_t sample; /* a look at the registers each so many instructions */
    struct a64_features features;
    bool rng;
};

/* ---- Between driver and worker: one command, one reply, over a socket ---- */

enum ls_command_kind {
    LS_RUN,      /* until `arg` instructions were executed since the reset, or the machine's end */
    LS_RAM,      /* brings the hash of RAM up to date */
    LS_MARK,     /* makes a checkpoint here, in place of an older one */
    LS_REWIND,   /* back to the checkpoint, which is used up */
    LS_SAVE,     /* data: the machine's state, as vm_save() has it */
    LS_PAGES,    /* data: uint64_t for each page of RAM, what vm_hash_page() says */
    LS_PAGE,     /* data: the page with number `arg` */
    LS_INSN,     /* data: struct ls_insn, the instruction that comes next */
};

struct ls_command {
    uint64_t kind, arg;
};

/* Why a machine does not go on. */
enum ls_end {
    LS_GOES_ON,
    LS_OFF,     /* the guest switched it off, or its vCPU */
    LS_RESET,   /* the guest asked for a reset */
    LS_EXIT,    /* semihosting */
    LS_FAILED,  /* VM_EVENT_FAILED */
    LS_IDLE,    /* it waits for something that will not happen */
    LS_CRASHED, /* the process: killed by a signal, or it did not finish in time */
};

/* Where the machine is after the command, and how it came there. All of it is compared. */
struct ls_where {
    uint64_t instret, now; /* instructions executed; virtual time */
    uint64_t state, ram;   /* hashes; that of RAM is as of the last LS_RAM */
    uint64_t trail;        /* hash of the registers at each sample so far */
    uint64_t console, console_bytes;
    uint64_t end;          /* enum ls_end */
};

struct ls_reply {
    struct ls_where at;
    uint64_t pid;
    uint64_t length; /* bytes of data that follow */
};

struct ls_insn {
    uint64_t pc;
    uint32_t word;
    uint32_t el;
    bool fetched; /* else the fetch faults */
    bool interrupt; /* one is pending and not masked: it is taken first */
};

/* ---- Planted faults (fault.c) ---- */

struct engine_ops;

/* What a fault did, in memory that driver and worker share. */
struct ls_planted {
    bool done;
    uint32_t word;
    uint64_t instret, pc; /* before the instruction */
};

/* Reads "NAME:BIT[@N]" and gives an engine that works like `base` but for the first execution of
 * instruction NAME after N instructions: one bit of its result is wrong; or "crash", "hang" or
 * "lost-tlbi" [@N]. One per process. -EINVAL. */
int MUST_CHECK fault_parse(const char *text, const struct engine_ops *base,
                           struct ls_planted *planted, const struct engine_ops **out,
                           struct err *e);

/* ---- The worker (worker.c) ---- */

/* Makes the machine with the engine `spec` ("NAME[,stress=...][,fault=...]") and serves commands
 * from the socket until it is closed. Errors before the first command go to stderr. Does not
 * return. */
_Noreturn void worker_main(const struct ls_machine *m, const char *spec,
                           struct ls_planted *planted, int fd);

/* ---- The driver's end (side.c) ---- */

struct side {
    const char *name, *spec; /* "A", "interp,stress=poll" */
    int fd;
    pid_t pid; /* of the process that answers now */
    struct ls_where at;
    struct ls_planted *planted;
    bool rewound;     /* by a crash: the checkpoint answers */
    double timeout_s; /* for one command */
    double slowest_s; /* command so far that was finished */
};

/* Starts a worker and waits for its machine to be ready; -E... with a text. */
int MUST_CHECK side_start(struct side *s, const struct ls_machine *m, struct err *e);
void side_stop(struct side *s);

/* Sends a command to one or both, and waits for both replies, so that they work at the same time.
 * After a crash at.end says so. */
void side_send(struct side *s, enum ls_command_kind kind, uint64_t arg);
void side_wait(struct side *s, struct buf *data);
void both_do(struct side side[2], enum ls_command_kind kind, uint64_t arg);
/* Back to the checkpoint, which stays. */
void both_rewind(struct side side[2]);
bool both_equal(const struct side side[2]);

/* ---- Finding it (bisect.c) ---- */

/* The machines were equal after `lo` instructions, where they have checkpoints, and differ after
 * `hi`; run() took them there in pieces of `chunk`. Prints what is found; `dump`: null, or where
 * to write both whole states. Returns the exit status. */
int bisect(struct side side[2], uint64_t lo, uint64_t hi, uint64_t chunk, const char *dump);

/* ---- A saved machine as values (fields.c) ---- */

struct ls_value {
    char name[80];
    uint64_t value;
};

struct ls_values {
    struct ls_value *v; /* owned */
    size_t count, cap;
};

/* False when the bytes are not what vm_save() writes. */
bool values_read(struct ls_values *to, const uint8_t *data, size_t len);
void values_fini(struct ls_values *v);

#endif
