/* What the host's processor has, as translated code may use it: host.def. */
#ifndef X64_HOST_H
#define X64_HOST_H

#include <stdbool.h>

struct x64_host {
#define X(name, leaf, subleaf, reg, bit, state, need) bool name;
#include "x64/host.def"
#undef X
    bool avx512; /* F, BW, DQ, VL and CD together; no other AVX-512 feature is true without it */
};

/* Asks the processor, and the system for the registers that it saves. @any, cannot fail */
struct x64_host x64_host_detect(void);

/* The name of a feature that translated code needs and the host lacks, or NULL. Static. @any */
const char *x64_host_missing(const struct x64_host *host);

/* Makes the host one without AVX-512, for tests and comparisons. @any */
void x64_host_drop_avx512(struct x64_host *host);

#endif
