/* dev/pl011.c against DDI 0183. */
#include "dev/pl011.h"
#include "dev_test.h"

enum {
    DR = 0x00, RSR = 0x04, FR = 0x18, ILPR = 0x20, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c,
    CR = 0x30, IFLS = 0x34, IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44, DMACR = 0x48,
};
enum { CTS = 1, DSR = 2, DCD = 4, BUSY = 8, RXFE = 16, TXFF = 32, RXFF = 64, TXFE = 128 };
enum { INT_RX = 0x10, INT_TX = 0x20, INT_RT = 0x40, INT_OE = 0x400 };
enum { ENABLE = 0x301, FEN = 0x10 };

/* A backend that takes as many bytes as it is told to have room for. */
struct fake_chr {
    struct chr chr;
    const struct chr_client *client;
    char out[256];
    size_t len, room;
    unsigned rx_ready;
    bool refuse;
};

static size_t fake_write(struct chr *c, const void *data, size_t len)
{
    struct fake_chr *f = (struct fake_chr *)c;
    size_t n = len < f->room ? len : f->room;
    memcpy(f->out + f->len, data, n);
    f->len += n;
    f->room -= n;
    return n;
}

static void fake_rx_ready(struct chr *c)
{
    ((struct fake_chr *)c)->rx_ready++;
}

static int fake_attach(struct chr *c, const struct chr_client *client, struct err *e)
{
    struct fake_chr *f = (struct fake_chr *)c;
    if (f->refuse)
        return err_set(e, EIO, "no backend today");
    f->client = client;
    return 0;
}

static void fake_detach(struct chr *c)
{
    ((struct fake_chr *)c)->client = NULL;
}

static const struct chr_ops fake_ops = {
    .write = fake_write, .rx_ready = fake_rx_ready, .attach = fake_attach, .detach = fake_detach};

static struct fake_chr fake_create(void)
{
    return (struct fake_chr){.chr = {&fake_ops}, .room = 256};
}

static struct machine *with_uart(struct fake_chr *f)
{
    struct machine *m = machine_create();
    struct err e = {0};
    struct chr *chr = f ? &f->chr : NULL;
    assert_int_equal(pl011_create(&m->vm, "pl011", DEV_BASE, machine_irq(m), chr, &e), 0);
    return m;
}

static size_t receive(struct fake_chr *f, const char *text)
{
    size_t n = f->client->can_receive(f->client->arg);
    if (n > strlen(text))
        n = strlen(text);
    if (n)
        f->client->receive(f->client->arg, (const uint8_t *)text, n);
    return n;
}

static const char thirty_two[] = "0123456789abcdefghijklmnopqrstuv";

static void test_pl011_reset_values(void **s)
{
    (void)s;
    struct machine *m = with_uart(NULL);
    assert_int_equal(rd(m, DR), 0);
    assert_int_equal(rd(m, RSR), 0);
    assert_int_equal(rd(m, FR), TXFE | RXFE | CTS | DSR | DCD);
    assert_int_equal(rd(m, CR), 0x300);
    assert_int_equal(rd(m, IFLS), 0x12);
    const unsigned zero[] = {ILPR, IBRD, FBRD, LCR_H, IMSC, RIS, MIS, DMACR};
    for (unsigned i = 0; i < ARRAY_LEN(zero); i++)
        assert_int_equal(rd(m, zero[i]), 0);
    const uint8_t id[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(rd(m, 0xfe0 + 4 * i), id[i]);
    machine_destroy(m);
}

static void test_pl011_register_widths_and_raz_wi(void **s)
{
    (void)s;
    struct machine *m = with_uart(NULL);
    const struct { unsigned reg; uint32_t mask; } w[] = {
        {ILPR, 0xff}, {IBRD, 0xffff}, {FBRD, 0x3f}, {LCR_H, 0xff}, {CR, 0xff87}, {IFLS, 0x3f},
        {IMSC, 0x7ff}, {DMACR, 7}};
    for (unsigned i = 0; i < ARRAY_LEN(w); i++) {
        wr(m, w[i].reg, 0xffffffff);
        assert_int_equal(rd(m, w[i].reg), w[i].mask);
    }
    assert_int_equal(guest_errors(m->vm.devices), 0);
    wr(m, FR, 0); /* read only */
    wr(m, RIS, 0);
    wr(m, 0xfe0, 0);
    wr(m, 0x80, 1);
    assert_int_equal(rd(m, 0x80), 0);
    assert_int_equal(rd_size(m, 0x31, 1), 0);
    assert_int_equal(guest_errors(m->vm.devices), 6);
    machine_destroy(m);
}

static void test_pl011_takes_bytes_halfwords_and_words(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    wr_size(m, DR, 1, 'a');
    wr_size(m, DR, 2, 'b');
    wr_size(m, DR, 4, 'c');
    assert_memory_equal(f.out, "abc", 3);
    assert_int_equal(rd_size(m, CR, 1), 0);
    assert_int_equal(rd_size(m, CR, 2), 0x300);
    assert_int_equal(rd_size(m, CR, 8), 0); /* not accepted */
    assert_int_equal(guest_errors(m->vm.devices), 1);
    machine_destroy(m);
}

static void test_pl011_transmits_before_firmware_would_enable_it(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    wr(m, DR, 'x');
    assert_int_equal(f.len, 1);
    assert_true(rd(m, FR) & TXFE);
    wr(m, CR, 1); /* TXE off: held */
    wr(m, DR, 'y');
    assert_int_equal(f.len, 1);
    assert_true(rd(m, FR) & BUSY);
    wr(m, CR, ENABLE);
    assert_int_equal(f.len, 2);
    machine_destroy(m);
}

static void test_pl011_loses_no_output_to_a_slow_backend(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    f.room = 3;
    wr(m, CR, ENABLE);
    wr(m, LCR_H, FEN);
    for (unsigned i = 0; i < 3 + 32; i++) {
        assert_false(rd(m, FR) & TXFF);
        wr(m, DR, "xyz0123456789abcdefghijklmnopqrstuv"[i]);
    }
    assert_true(rd(m, FR) & TXFF);
    assert_true(rd(m, FR) & BUSY);
    assert_false(rd(m, FR) & TXFE);
    wr(m, DR, '!'); /* the guest did not look: lost, as on the chip, and counted */
    assert_int_equal(guest_errors(m->vm.devices), 1);
    f.room = 10;
    f.client->write_ready(f.client->arg);
    assert_int_equal(f.len, 13);
    wr(m, DR, 'w'); /* the ring wraps */
    f.room = 100;
    f.client->write_ready(f.client->arg);
    assert_int_equal(f.len, 3 + 32 + 1);
    assert_memory_equal(f.out, "xyz", 3);
    assert_memory_equal(f.out + 3, thirty_two, 32);
    assert_int_equal(f.out[35], 'w');
    assert_true(rd(m, FR) & TXFE);
    machine_destroy(m);
}

static void test_pl011_without_fifo_is_one_character_deep(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    f.room = 0;
    wr(m, CR, ENABLE);
    wr(m, DR, 'a');
    assert_true(rd(m, FR) & TXFF);
    assert_int_equal(f.client->can_receive(f.client->arg), 1);
    receive(&f, "q");
    assert_true(rd(m, FR) & RXFF);
    assert_int_equal(f.client->can_receive(f.client->arg), 0);
    assert_int_equal(rd(m, RIS), INT_RX);
    assert_int_equal(rd(m, DR), 'q');
    assert_int_equal(rd(m, RIS), 0);
    machine_destroy(m);
}

static void test_pl011_last_output_leaves_at_reset_and_destruction(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    f.room = 0;
    wr(m, DR, 'a');
    f.room = 10;
    vm_reset(&m->vm);
    assert_int_equal(f.len, 1);
    f.room = 0;
    wr(m, DR, 'b');
    f.room = 10;
    machine_destroy(m);
    assert_int_equal(f.len, 2);
    assert_null(f.client);
}

static void test_pl011_transmit_interrupt_goes_by_the_trigger_level(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    wr(m, CR, ENABLE);
    wr(m, LCR_H, FEN);
    wr(m, IMSC, INT_TX);
    assert_false(m->line); /* never without a transmission */
    f.room = 0;
    for (unsigned i = 0; i < 32; i++)
        wr(m, DR, thirty_two[i]);
    assert_false(m->line);
    f.room = 15; /* 17 left: above one half */
    f.client->write_ready(f.client->arg);
    assert_false(m->line);
    f.room = 1;
    f.client->write_ready(f.client->arg);
    assert_true(m->line);
    wr(m, DR, 'a'); /* above the level again */
    assert_false(m->line);
    f.room = 100;
    f.client->write_ready(f.client->arg);
    assert_true(m->line);
    wr(m, ICR, INT_TX);
    assert_false(m->line);
    wr(m, DR, 'b');
    assert_true(m->line);
    wr(m, IMSC, 0);
    assert_false(m->line);
    assert_int_equal(rd(m, RIS), INT_TX);
    assert_int_equal(rd(m, MIS), 0);
    machine_destroy(m);
}

static void test_pl011_input_waits_until_the_receiver_is_on(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    assert_int_equal(f.client->can_receive(f.client->arg), 0);
    wr(m, LCR_H, FEN);
    wr(m, CR, 0x101);
    assert_int_equal(f.client->can_receive(f.client->arg), 0);
    assert_int_equal(f.rx_ready, 0);
    wr(m, CR, ENABLE);
    assert_int_equal(f.rx_ready, 1);
    assert_int_equal(f.client->can_receive(f.client->arg), 32);
    machine_destroy(m);
}

static void test_pl011_takes_nothing_while_the_machine_is_stopped(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    struct device *d = m->vm.devices;
    wr(m, LCR_H, FEN);
    wr(m, CR, ENABLE);
    d->cls->pause(d, true);
    assert_int_equal(f.client->can_receive(f.client->arg), 0);
    unsigned before = f.rx_ready;
    d->cls->pause(d, false);
    assert_int_equal(f.rx_ready, before + 1);
    assert_int_equal(f.client->can_receive(f.client->arg), 32);
    machine_destroy(m);
}

static void test_pl011_receives_in_order_and_asks_for_more(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    wr(m, CR, ENABLE);
    wr(m, LCR_H, FEN);
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(receive(&f, "0123456789abcdefghijklmnopqrstuvX"), 32);
        assert_true(rd(m, FR) & RXFF);
        assert_int_equal(receive(&f, "more"), 0);
        unsigned before = f.rx_ready;
        for (unsigned i = 0; i < 32; i++)
            assert_int_equal(rd(m, DR), thirty_two[i]);
        assert_true(f.rx_ready > before);
        assert_true(rd(m, FR) & RXFE);
        assert_int_equal(receive(&f, "!!!!!"), 5); /* shift the ring */
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(rd(m, DR), '!');
    }
    machine_destroy(m);
}

static void test_pl011_receive_interrupts(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    wr(m, CR, ENABLE);
    wr(m, LCR_H, FEN);
    wr(m, IMSC, INT_RX | INT_RT);
    receive(&f, "abc"); /* below the trigger level: timeout */
    assert_int_equal(rd(m, MIS), INT_RT);
    assert_true(m->line);
    rd(m, DR);
    rd(m, DR);
    assert_true(m->line);
    rd(m, DR);
    assert_false(m->line);
    receive(&f, "0123456789abcdef"); /* 16: one half */
    assert_int_equal(rd(m, MIS), INT_RX | INT_RT);
    rd(m, DR);
    assert_int_equal(rd(m, MIS), INT_RT);
    wr(m, ICR, INT_RT);
    assert_false(m->line);
    wr(m, IFLS, 0); /* 4 */
    receive(&f, "g");
    assert_int_equal(rd(m, RIS), INT_RX | INT_RT);
    machine_destroy(m);
}

static void test_pl011_reports_an_overrun(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    wr(m, CR, ENABLE); /* one deep */
    f.client->receive(f.client->arg, (const uint8_t *)"ab", 2); /* a backend that did not ask */
    assert_int_equal(rd(m, RIS), INT_RX | INT_OE);
    assert_int_equal(rd(m, RSR), 8);
    wr(m, RSR, 0);
    assert_int_equal(rd(m, RSR), 0);
    assert_int_equal(rd(m, DR), 'a');
    machine_destroy(m);
}

static void test_pl011_loopback(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = with_uart(&f);
    wr(m, LCR_H, FEN);
    wr(m, CR, ENABLE | 0x80);
    assert_int_equal(rd(m, FR) & 0x107, 0); /* outputs are off */
    assert_int_equal(rd(m, RIS), 0xe);      /* CTS, DCD, DSR changed */
    wr(m, ICR, 0xf);
    wr(m, CR, ENABLE | 0x80 | 0x3c00);
    assert_int_equal(rd(m, FR) & 0x107, 0x107);
    assert_int_equal(rd(m, RIS), 0xf);
    wr(m, DR, 'L');
    assert_int_equal(f.len, 0);
    assert_int_equal(rd(m, DR), 'L');
    machine_destroy(m);
}

static void test_pl011_state(void **s)
{
    (void)s;
    struct fake_chr f = fake_create(), g = fake_create();
    struct machine *m = with_uart(&f), *other = with_uart(&g);
    struct device *d = m->vm.devices;
    wr(m, CR, ENABLE);
    wr(m, LCR_H, FEN | 0x60);
    wr(m, IBRD, 13);
    wr(m, FBRD, 1);
    wr(m, ILPR, 3);
    wr(m, IFLS, 0x24);
    wr(m, DMACR, 2);
    wr(m, IMSC, 0x50);
    f.room = g.room = 0;
    wr(m, DR, 'o');
    receive(&f, "in");
    f.client->receive(f.client->arg, (const uint8_t *)thirty_two, 32); /* sets RSR */
    check_save_load(d, other->vm.devices);
    assert_true(other->line);
    assert_int_equal(rd(other, DR), 'i');
    g.room = 10;
    g.client->write_ready(g.client->arg);
    assert_int_equal(g.out[0], 'o');
    check_hostile_loads(d);
    check_load_refuses(d, "cr", 4, 0x78);
    machine_destroy(other);

    other = with_uart(&g);
    check_reset_is_fresh(d, other->vm.devices);
    assert_false(m->line);
    machine_destroy(other);
    machine_destroy(m);
}

static void test_pl011_creation_failures(void **s)
{
    (void)s;
    struct fake_chr f = fake_create();
    struct machine *m = machine_create();
    struct err e = {0};
    f.refuse = true;
    assert_int_equal(pl011_create(&m->vm, "a", DEV_BASE, machine_irq(m), &f.chr, &e), -EIO);
    assert_int_equal(pl011_create(&m->vm, "b", DEV_BASE, machine_irq(m), NULL, &e), -EINVAL);
    fault_arm(1);
    assert_int_equal(pl011_create(&m->vm, "c", 0, machine_irq(m), NULL, &e), -ENOMEM);
    fault_arm(0);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pl011_reset_values),
        cmocka_unit_test(test_pl011_register_widths_and_raz_wi),
        cmocka_unit_test(test_pl011_takes_bytes_halfwords_and_words),
        cmocka_unit_test(test_pl011_transmits_before_firmware_would_enable_it),
        cmocka_unit_test(test_pl011_loses_no_output_to_a_slow_backend),
        cmocka_unit_test(test_pl011_without_fifo_is_one_character_deep),
        cmocka_unit_test(test_pl011_last_output_leaves_at_reset_and_destruction),
        cmocka_unit_test(test_pl011_transmit_interrupt_goes_by_the_trigger_level),
        cmocka_unit_test(test_pl011_input_waits_until_the_receiver_is_on),
        cmocka_unit_test(test_pl011_takes_nothing_while_the_machine_is_stopped),
        cmocka_unit_test(test_pl011_receives_in_order_and_asks_for_more),
        cmocka_unit_test(test_pl011_receive_interrupts),
        cmocka_unit_test(test_pl011_reports_an_overrun),
        cmocka_unit_test(test_pl011_loopback),
        cmocka_unit_test(test_pl011_state),
        cmocka_unit_test(test_pl011_creation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
