/* Features of the host by CPUID and XGETBV; Intel SDM volume 1, 13.2 and 14.3.
 *
 * A feature counts only if the system saves the registers it works on: XCR0 has SSE and AVX state
 * for ymm, and opmask, ZMM_Hi256 and Hi16_ZMM as well for AVX-512.
 */
#include "x64/host.h"

#include <cpuid.h>
#include <stddef.h>
#include <stdint.h>

enum { NONE = 0, YMM = 0x6, ZMM = 0xe6 }; /* bits of XCR0 */
enum { EAX, EBX, ECX, EDX };

#define OSXSAVE (1u << 27) /* of leaf 1, ECX */

static bool cpuid_bit(unsigned leaf, unsigned subleaf, unsigned reg, unsigned bit)
{
    unsigned r[4];
    return __get_cpuid_count(leaf, subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) &&
           (r[reg] >> bit & 1);
}

static uint64_t saved_state(void)
{
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

struct x64_host x64_host_detect(void)
{
    struct x64_host h = {0};
    uint64_t saved = saved_state();
#define X(name, leaf, subleaf, reg, bit, state, need)                                              \
    h.name = (saved & (state)) == (state) && cpuid_bit(leaf, subleaf, reg, bit);
#include "x64/host.def"
#undef X
    h.avx512 = h.avx512f && h.avx512bw && h.avx512dq && h.avx512vl && h.avx512cd;
    if (!h.avx512)
        x64_host_drop_avx512(&h);
    return h;
}

const char *x64_host_missing(const struct x64_host *host)
{
#define X(name, leaf, subleaf, reg, bit, state, need)                                              \
    if ((need) && !host->name)                                                                     \
        return #name;
#include "x64/host.def"
#undef X
    return NULL;
}

void x64_host_drop_avx512(struct x64_host *host)
{
    host->avx512 = false;
#define X(name, leaf, subleaf, reg, bit, state, need)                                              \
    if ((state) == ZMM)                                                                            \
        host->name = false;
#include "x64/host.def"
#undef X
}
