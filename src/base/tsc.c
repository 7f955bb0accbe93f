/* Is the time stamp counter a clock? See tsc.h. */
#include "base/tsc.h"

#include <cpuid.h>
#include <stdio.h>
#include <string.h>

#define LEAF_POWER 0x80000007u
#define EDX_INVARIANT_TSC (1u << 8)
#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

static bool is_invariant(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(LEAF_POWER, &eax, &ebx, &ecx, &edx) && (edx & EDX_INVARIANT_TSC);
}

static bool kernel_uses_it(void)
{
    char name[16] = "";
    FILE *f = fopen(CLOCKSOURCE, "re");
    if (!f)
        return false;
    bool known = fgets(name, sizeof(name), f) && !strcmp(name, "tsc\n");
    fclose(f);
    return known;
}

bool tsc_is_time(void)
{
    return is_invariant() && kernel_uses_it();
}
