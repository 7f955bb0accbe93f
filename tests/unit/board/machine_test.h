/* What the tests of whole machines share: a machine built by virt_create() with a flat program,
 * whose console is kept in memory, whose wall clock and random numbers are fixed, and which can be
 * stopped after an exact number of instructions. */
#ifndef TESTS_UNIT_BOARD_MACHINE_TEST_H
#define TESTS_UNIT_BOARD_MACHINE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../engine/guest_code.h"
#include "board/virt.h"
#include "board/virt_map.h"
#include "engine/interp/interp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MACHINE_RAM_BYTES (UINT64_C(8) << 20)
#define MACHINE_ENTRY (VIRT_RAM_BASE + (uint64_t)VIRT_FLAT_OFFSET)
#define MACHINE_DATA (VIRT_RAM_BASE + UINT64_C(0x300000))

/* A console whose output is kept. */
struct capture {
    struct chr chr;
    const struct chr_client *client;
    char text[65536];
    size_t len;
};

struct board {
    struct virt virt;
    struct virt_config cfg;
    struct capture console;
    struct journal_ops journal;
    char kernel[40]; /* a temporary file */
};

/* ---- The console ---- */

static inline struct capture *capture_of(struct chr *c)
{
    return CONTAINER_OF(c, struct capture, chr);
}

static inline size_t capture_write(struct chr *c, const void *data, size_t len)
{
    struct capture *k = capture_of(c);
    assert_true(len <= sizeof(k->text) - k->len);
    memcpy(k->text + k->len, data, len);
    k->len += len;
    return len;
}

static inline void capture_rx_ready(struct chr *c)
{
    (void)c;
}

static inline int capture_attach(struct chr *c, const struct chr_client *client, struct err *e)
{
    (void)e;
    capture_of(c)->client = client;
    return 0;
}

static inline void capture_detach(struct chr *c)
{
    capture_of(c)->client = NULL;
}

static inline bool capture_size(struct chr *c, uint16_t *cols, uint16_t *rows)
{
    (void)c;
    (void)cols;
    (void)rows;
    return false;
}

static inline void capture_destroy(struct chr *c)
{
    (void)c;
}

static const struct chr_ops capture_ops = {
    capture_write, capture_rx_ready, capture_attach, capture_detach, capture_size, capture_destroy,
};

/* Types into the console of a stopped machine, as far as the device has room. The UART takes
 * nothing while it is stopped, so it is let go for that. */
static inline void board_type(struct board *m, const char *text)
{
    const struct chr_client *k = m->console.client;
    struct device *d = m->virt.vm.devices;
    while (strcmp(d->name, "pl011"))
        d = d->next;
    d->cls->pause(d, false);
    size_t n = k->can_receive(k->arg), len = strlen(text);
    if (n)
        k->receive(k->arg, (const uint8_t *)text, len < n ? len : n);
    d->cls->pause(d, true);
}

/* ---- Stopping at an instruction ---- */

/* The interpreter, but a machine that is to stop at instruction `stop_at` stops exactly there. */
static uint64_t stop_at = UINT64_MAX;

static inline enum a64_exit run_to_stop(struct vcpu *v, uint64_t budget)
{
    uint64_t left = stop_at - v->cpu.instret;
    enum a64_exit why = A64_EXIT_REQUEST;
    if (left)
        why = interp_engine.run(v, budget < left ? budget : left);
    if (v->cpu.instret >= stop_at) {
        atomic_store(&v->vm->stopping, true);
        vm_post(v->vm, VM_EVENT_QUIT, 0);
    }
    return why;
}

static struct engine_ops stopping_engine;

/* ---- The machine ---- */

static inline uint64_t fixed_value(struct journal *j, enum journal_kind kind, uint64_t live)
{
    (void)j;
    return kind == JOURNAL_WALL ? 1700000000u : kind == JOURNAL_RANDOM ? 42 : live;
}

static inline void write_kernel(struct board *m, const struct code *c)
{
    strcpy(m->kernel, "/tmp/sojourn-test-XXXXXX");
    int fd = mkstemp(m->kernel);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, c->w, c->n * 4), (ssize_t)(c->n * 4));
    close(fd);
}

static inline struct board *board_new(const struct code *c, enum clock_source clock)
{
    struct board *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    stopping_engine = interp_engine;
    stopping_engine.run = run_to_stop;
    write_kernel(m, c);
    m->console.chr.ops = &capture_ops;
    m->cfg = (struct virt_config){
        .memory_bytes = MACHINE_RAM_BYTES,
        .cpus = 1,
        .engine = &stopping_engine,
        .features = a64_features_default(),
        .clock = clock,
        .kernel = m->kernel,
        .console = &m->console.chr,
        .rng = true,
    };
    return m;
}

/* Builds it, as configured, and resets it. */
static inline void board_build(struct board *m)
{
    struct err e = {0};
    if (virt_create(&m->virt, &m->cfg, &e))
        fail_msg("%s", e.text);
    m->journal = journal_live_ops;
    m->journal.value = fixed_value;
    m->virt.vm.journal.ops = &m->journal;
    if (virt_reset(&m->virt, &e))
        fail_msg("%s", e.text);
}

static inline struct board *board_create(const struct code *c, enum clock_source clock)
{
    struct board *m = board_new(c, clock);
    board_build(m);
    return m;
}

static inline void board_destroy(struct board *m)
{
    virt_destroy(&m->virt);
    unlink(m->kernel);
    free(m);
}

/* Runs until instruction `at`, or to the end; which it was. */
static inline enum vm_event board_run(struct board *m, uint64_t at)
{
    struct err e = {0};
    stop_at = at;
    assert_int_equal(vm_start(&m->virt.vm, &e), 0);
    enum vm_event event = vm_wait(&m->virt.vm);
    vm_stop(&m->virt.vm);
    return event;
}

static inline uint64_t board_peek(struct board *m, uint64_t pa, unsigned size)
{
    const void *p = mem_ptr(&m->virt.vm.mem, pa, size, MEM_READ);
    assert_non_null(p);
    return le_load(p, size);
}

#endif
