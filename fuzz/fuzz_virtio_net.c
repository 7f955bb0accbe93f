/* The network device with a hostile driver and hostile frames: see queues.h. Device steps: frames
 * from the network, taken from guest memory or made up; link changes. */
#include "base/check.h"
#include "queues.h"
#include "virtio/net.h"

static struct fake_net link_end;

static void net_step(struct queue_test *t, unsigned op, unsigned a, unsigned b)
{
    uint8_t frame[2048];
    size_t len = b % sizeof(frame);
    switch (op) {
    case 0:
        for (size_t i = 0; i < len; i++)
            frame[i] = (uint8_t)(i < 6 ? 0xff : i * a);
        link_end.receive(link_end.arg, frame, len);
        break;
    case 1:
        if (len > 1536)
            len = 1536;
        link_end.receive(link_end.arg, t->vm.mem.ram + QUEUE_DATA + a * 8, len);
        break;
    case 2:
        virtio_net_set_link(t->vd, a & 1);
        break;
    default:
        virtio_net_announce(t->vd);
        break;
    }
}

static void net_begin(struct queue_test *t, unsigned flags)
{
    (void)t;
    link_end.loops = flags & Q_BACKEND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct queue_test t = {.step = net_step, .begin = net_begin};
    if (!t.vd) {
        struct err e = {0};
        fake_net_init(&link_end);
        queue_test_init(&t);
        const struct virtio_net_config cfg = {.backend = &link_end.net,
                                              .mac = {0x52, 0x54, 0, 0x12, 0x34, 0x56}};
        CHECK(!virtio_net_create(&t.vm, &cfg, &t.vd, &e));
        queue_test_ready(&t);
    }
    queue_test_run(&t, data, size);
    return 0;
}
