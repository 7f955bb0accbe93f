/* See fault.h. The two globals exist for tests only and stay at zero in the product. */
#include "base/fault.h"

#include <stddef.h>

static unsigned long fault_countdown;
static const char *fault_hit;

bool fault_point(const char *name)
{
    if (!__atomic_load_n(&fault_countdown, __ATOMIC_RELAXED))
        return false;
    if (__atomic_sub_fetch(&fault_countdown, 1, __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&fault_hit, name, __ATOMIC_RELAXED);
    return true;
}

const char *fault_arm(unsigned long n)
{
    __atomic_store_n(&fault_countdown, n, __ATOMIC_RELAXED);
    return __atomic_exchange_n(&fault_hit, NULL, __ATOMIC_RELAXED);
}
