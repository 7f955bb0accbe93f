/* See entropy.h. */
#include "backend/entropy.h"

#include "base/check.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

void entropy_fill(void *buf, size_t len)
{
    uint8_t *p = buf;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        CHECK(n > 0 || errno == EINTR);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}
