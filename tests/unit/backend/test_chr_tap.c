/* Promises of backend/chr_tap: one console for a device and a blocking reader and writer. */
#include "backend/chr_tap.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after the above */
#include <cmocka.h>

/* A device that takes what it is given. */
struct device_end {
    pthread_mutex_t lock;
    pthread_cond_t came;
    char text[64];
    size_t len;
    size_t room;
};

struct fixture {
    int in[2], out[2]; /* pipes */
    struct chr_tap *tap;
    struct device_end device;
};

static size_t device_can_receive(void *arg)
{
    struct device_end *d = arg;
    pthread_mutex_lock(&d->lock);
    size_t n = d->room;
    pthread_mutex_unlock(&d->lock);
    return n;
}

static void device_receive(void *arg, const uint8_t *data, size_t len)
{
    struct device_end *d = arg;
    pthread_mutex_lock(&d->lock);
    memcpy(d->text + d->len, data, len);
    d->len += len;
    d->room -= len;
    pthread_cond_broadcast(&d->came);
    pthread_mutex_unlock(&d->lock);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct chr *inner;
    struct err e;
    if (!f || pipe(f->in) || pipe(f->out))
        return -1;
    pthread_mutex_init(&f->device.lock, NULL);
    pthread_cond_init(&f->device.came, NULL);
    if (chr_stdio_create_fds(f->in[0], f->out[1], false, NULL, &inner, &e) ||
        chr_tap_create(inner, &f->tap, &e))
        return -1;
    const struct chr_client client = {device_can_receive, device_receive, NULL, &f->device};
    *state = f;
    return chr_attach(chr_tap_chr(f->tap), &client, &e);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    chr_detach(chr_tap_chr(f->tap));
    chr_destroy(chr_tap_chr(f->tap));
    for (unsigned i = 0; i < 2; i++) {
        close(f->in[i]);
        close(f->out[i]);
    }
    pthread_cond_destroy(&f->device.came);
    pthread_mutex_destroy(&f->device.lock);
    free(f);
    return 0;
}

static void type(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->in[1], text, strlen(text)), strlen(text));
}

static void test_tap_read_times_out_without_input(void **state)
{
    struct fixture *f = *state;
    char c;
    assert_int_equal(chr_tap_read(f->tap, &c, 1, 5), 0);
}

static void test_tap_reader_gets_input_while_it_waits(void **state)
{
    struct fixture *f = *state;
    char text[16];
    type(f, "abc");
    size_t n = 0;
    while (n < 3)
        n += chr_tap_read(f->tap, text + n, sizeof(text) - n, 10);
    assert_memory_equal(text, "abc", 3);
    assert_int_equal(f->device.len, 0);
}

static void test_tap_reader_takes_no_more_than_it_asked_for(void **state)
{
    struct fixture *f = *state;
    char c;
    type(f, "xyz");
    while (!chr_tap_read(f->tap, &c, 1, 10))
        ;
    assert_int_equal(c, 'x');
    pthread_mutex_lock(&f->device.lock);
    f->device.room = 16;
    pthread_mutex_unlock(&f->device.lock);
    chr_rx_ready(chr_tap_chr(f->tap));
    pthread_mutex_lock(&f->device.lock);
    while (f->device.len < 2)
        pthread_cond_wait(&f->device.came, &f->device.lock);
    assert_memory_equal(f->device.text, "yz", 2);
    pthread_mutex_unlock(&f->device.lock);
}

static void test_tap_output_of_both_keeps_order(void **state)
{
    struct fixture *f = *state;
    char text[16];
    size_t n = 0;
    assert_int_equal(chr_write(chr_tap_chr(f->tap), "one ", 4), 4);
    assert_int_equal(chr_tap_write(f->tap, "two ", 4, 1000), 4);
    assert_int_equal(chr_write(chr_tap_chr(f->tap), "three", 5), 5);
    while (n < 13) {
        ssize_t r = read(f->out[0], text + n, sizeof(text) - n);
        assert_true(r > 0);
        n += (size_t)r;
    }
    assert_memory_equal(text, "one two three", 13);
}

static void test_tap_write_waits_for_room(void **state)
{
    struct fixture *f = *state;
    static char block[65536], got[65536];
    size_t written = 0, taken;
    memset(block, 'w', sizeof(block));
    while ((taken = chr_tap_write(f->tap, block, sizeof(block),
                                  50))) /* until pipe and buffer are full */
        written += taken;
    assert_true(written >= CHR_BUFFER_BYTES);
    size_t n = 0, more = 0;
    while (n < sizeof(got)) {
        ssize_t r = read(f->out[0], got, sizeof(got));
        assert_true(r > 0);
        n += (size_t)r;
    }
    for (unsigned i = 0; !more && i < 100; i++)
        more = chr_tap_write(f->tap, "x", 1, 100);
    assert_int_equal(more, 1);
}

int main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(test_tap_read_times_out_without_input),
        ONE(test_tap_reader_gets_input_while_it_waits),
        ONE(test_tap_reader_takes_no_more_than_it_asked_for),
        ONE(test_tap_output_of_both_keeps_order),
        ONE(test_tap_write_waits_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
