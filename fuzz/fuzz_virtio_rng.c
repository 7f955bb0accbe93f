/* The entropy device with a hostile driver: see queues.h. */
#include "base/check.h"
#include "queues.h"
#include "virtio/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct queue_test t;
    if (!t.vd) {
        struct err e = {0};
        queue_test_init(&t);
        CHECK(!virtio_rng_create(&t.vm, &t.vd, &e));
        queue_test_ready(&t);
    }
    queue_test_run(&t, data, size);
    return 0;
}
