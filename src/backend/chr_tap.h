/* A character backend for two users: a device (the serial port), and a reader and writer that
 * blocks (semihosting calls, during which the guest's CPU stands still).
 *
 * Output of both goes out in the order written. Input goes to the blocking reader while it waits
 * for some, else to the device; none is lost.
 */
#ifndef BACKEND_CHR_TAP_H
#define BACKEND_CHR_TAP_H

#include "backend/chr.h"

struct chr_tap;

/* Puts a tap over `inner`, which must not be attached yet and belongs to the tap from then on (on
 * failure it stays the caller's). Input comes while a device is attached to the tap. -ENOMEM. @any
 */
int MUST_CHECK chr_tap_create(struct chr *inner, struct chr_tap **out, struct err *e);

/* The backend to give to the device. chr_destroy() of it destroys tap and inner backend. @any */
struct chr *chr_tap_chr(struct chr_tap *t);

/* Writes up to len bytes; when there is no room, waits for it up to wait_ms. Returns how many were
 * taken, maybe 0. Not on the backend's thread. @any */
size_t chr_tap_write(struct chr_tap *t, const void *data, size_t len, unsigned wait_ms);

/* Reads 1 to len bytes (len >= 1), waiting for the first up to wait_ms; 0 when none came. Not on
 * the backend's thread. @any */
size_t chr_tap_read(struct chr_tap *t, void *data, size_t len, unsigned wait_ms);

#endif
