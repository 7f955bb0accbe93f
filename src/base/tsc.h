/* The host's time stamp counter (Intel SDM volume 3, 17.17; AMD APM volume 2, 13.2.4): ticks at a
 * constant rate, for intervals. What a tick is, is not known here.
 */
#ifndef BASE_TSC_H
#define BASE_TSC_H

#include <stdbool.h>
#include <stdint.h>
#include <x86intrin.h>

/* True: the counter runs at one rate in all power states (CPUID 80000007H EDX bit 8), and the
 * kernel, which watches it, keeps its own time by it: all processors agree. @any */
bool tsc_is_time(void);

/* Ticks now; not before earlier loads are done. @any */
static inline uint64_t tsc_read(void)
{
    _mm_lfence();
    return __rdtsc();
}

#endif
