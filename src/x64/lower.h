/* From IR to x86-64 code: one block. */
#ifndef X64_LOWER_H
#define X64_LOWER_H

#include "ir/ir.h"
#include "x64/area.h"
#include "x64/asm.h"
#include "x64/host.h"

struct x64_request {
    const struct ir_block *block; /* with uses counted */
    const struct x64_layout *layout;
    const struct x64_host *host;
    bool count;      /* instructions are counted against area->budget */
    bool single;     /* entered where a group was left: that must get on, see lo_count_entry */
    bool smp;        /* other vCPUs access guest memory at the same time */
    bool no_chain;   /* stress: every branch to the dispatcher */
    bool poll_all;   /* stress: look for requests at every exit */
    struct lower *work; /* from x64_work_new() */
    /* For what is rarely executed, within reach of rel32; null: after the rest. */
    struct x64_buf *cold;
    uint32_t start;  /* byte offset of the block's first instruction in its page */
    uint32_t *marks; /* null, or gets where in the code each guest instruction begins, and then
                      * where what is out of line does: guest_count + 1 offsets, ascending */
};

struct x64_result {
    uint32_t entry;  /* offset of the entry in the code written; code before it is the stale path */
    uint32_t bytes;  /* without those in `cold` */
};

/* Working memory of x64_lower(), for one thread at a time. Null: out of memory. @any */
struct lower;
struct lower *x64_work_new(void);
void x64_work_free(struct lower *work);

/* Writes the block's code at buf->p. False: the buffer is full. The code begins with the path that
 * a patched entry jumps to (x64_make_stale) and is position independent, except that calls to
 * area->entry go through RBP. @any */
bool x64_lower(const struct x64_request *req, struct x64_buf *buf, struct x64_result *result);

/* Makes the entry at `entry` go to its stale path: 2 bytes. @any that owns the code */
void x64_make_stale(uint8_t *entry);

/* True: the link that ends at `point` was the jump that its block begins with, and was written over
 * by x64_make_stale(): nobody executes it, and it must be left alone. @any that owns the code */
bool x64_is_stale_jump(const uint8_t *point);

/* Site word of ECX: where in the page (bits 15:0, signed), how many guest instructions of the block
 * were not executed though the budget was charged with them at its entry (26:16), log2 of the bytes
 * of an access that needs X64_E_FILL_* (30:28), whether it is the first of a group (31), and one
 * with stores (27). In a link, X64_SITE_SINGLE asks for a translation without groups. */
#define X64_SITE(off, undone) (((uint32_t)(off) & 0xffffu) | (uint32_t)(undone) << 16)
static inline int32_t x64_site_off(uint32_t site) { return (int16_t)site; }
static inline uint32_t x64_site_undone(uint32_t site) { return site >> 16 & 0x7ff; }
static inline unsigned x64_site_log2(uint32_t site) { return site >> 28 & 7; }
#define X64_SITE_GROUP (UINT32_C(1) << 31)
#define X64_SITE_WRITE (UINT32_C(1) << 27)
#define X64_SITE_SINGLE X64_SITE_GROUP

/* ---- Fixed code, made once: how C enters translated code and how that comes back ---- */

/* C functions behind the entries. Each gets what RBP is (`state` of enter) first. A site counts the
 * instruction it stands for as not executed. */
struct x64_hooks {
    /* Addend for [va, ...), or 0: the instruction at the site is to be interpreted. */
    uint64_t (*fill)(void *state, uint64_t va, uint32_t site, uint32_t entry);
    /* Runs one instruction by the interpreter. Where to go on: X64_GO_ON: in the block, after it;
     * null: back in C; else the code there, with an empty return stack. */
    const void *(*interp)(void *state, uint64_t word_op, uint32_t site);
    /* X64_E_EXCEPTION, before `interp`: where to go on, with an empty return stack, or null when it
     * has done nothing. Of guest registers only SP may change. */
    const void *(*exception)(void *state, uint64_t word_op, uint32_t site);
    /* The code at a guest address that the jump cache does not know, reached with this
     * PSTATE.BTYPE; null: translated code is left (X64_LEAVE_JUMP). A hook that throws the code
     * away that calls return to sets area->saved_rsp to stack_base. */
    const void *(*jump)(void *state, uint64_t pc, uint32_t btype);
    /* X64_E_CROSS: code for guest address `pc`, or null: leave. May make the branch that ends at
     * `point` lead there; its generation ends `distance` bytes before. */
    const void *(*cross)(void *state, uint64_t pc, uint64_t point, uint32_t distance);
    /* True: nothing to do, the block goes on. */
    bool (*poll)(void *state, uint32_t site);
};

#define X64_GO_ON ((const void *)1)

/* Why translated code came back to C. */
enum x64_leave {
    X64_LEAVE_LINK,       /* target at `site`; `arg` = host address of the rel32's end */
    X64_LEAVE_DISPATCH,   /* go on at `site` */
    X64_LEAVE_INTERP_ONE, /* interpret one instruction at `site` */
    X64_LEAVE_JUMP,       /* go on at guest address `arg`; `site` is PSTATE.BTYPE there */
    X64_LEAVE_DONE,       /* a hook said so; it has set everything */
};

struct x64_left {
    uint64_t why; /* enum x64_leave */
    uint64_t site;
    uint64_t arg;
};

struct x64_glue {
    /* Runs code at `host` until it leaves. state: what RBP is to be. */
    void (*enter)(void *state, const void *host, struct x64_left *left);
    uint64_t entry[X64_E_COUNT]; /* for area->entry */
};

/* Writes the fixed code at buf->p, to be executed at `exec` when written at `write` (two views of
 * one memory). False: the buffer is full. */
bool x64_glue_make(struct x64_buf *buf, int64_t exec_minus_write, const struct x64_layout *layout,
                   const struct x64_host *host, const struct x64_hooks *hooks,
                   struct x64_glue *out);

#endif
