/* The console device with a hostile driver: see queues.h. Device steps: typed input, a reader of
 * the output that takes its time, another size of the terminal. */
#include "base/check.h"
#include "queues.h"
#include "virtio/console.h"

static struct fake_chr terminal;

static void console_step(struct queue_test *t, unsigned op, unsigned a, unsigned b)
{
    if (op == 0)
        fake_chr_input(&terminal, t->vm.mem.ram + QUEUE_DATA, b % 4096);
    else if (op == 1)
        fake_chr_drain(&terminal, b);
    else if (op == 2)
        virtio_console_resize(t->vd, (uint16_t)a, (uint16_t)b);
    else
        terminal.room = a;
}

static void console_begin(struct queue_test *t, unsigned flags)
{
    (void)t;
    terminal.starved = false;
    terminal.room = flags & Q_BACKEND ? 16 : SIZE_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct queue_test t = {.step = console_step, .begin = console_begin};
    if (!t.vd) {
        struct err e = {0};
        fake_chr_init(&terminal);
        queue_test_init(&t);
        const struct virtio_console_config cfg = {.chr = &terminal.chr};
        CHECK(!virtio_console_create(&t.vm, &cfg, &t.vd, &e));
        queue_test_ready(&t);
    }
    queue_test_run(&t, data, size);
    return 0;
}
