/* See rng.h. */
#include "base/rng.h"

#include "base/check.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

void rng_bytes(void *p, size_t n)
{
    uint8_t *at = p;
    while (n) {
        ssize_t r = getrandom(at, n, 0);
        if (r < 0) {
            CHECK(errno == EINTR);
            continue;
        }
        at += r;
        n -= (size_t)r;
    }
}
