/* Random bytes of the host, for the guest's entropy device. */
#ifndef BACKEND_ENTROPY_H
#define BACKEND_ENTROPY_H

#include <stddef.h>

/* Fills all of `buf` from the kernel's generator; blocks only before it is seeded (early boot of the
 * host). Cannot fail on a kernel that has getrandom(2). @any */
void entropy_fill(void *buf, size_t len);

#endif
