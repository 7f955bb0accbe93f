/* Random accesses to every register window of a complete board, with input from the host, time and
 * resets in between. Input: steps of machine_step(). */
#include "machine.h"

#define MAX_STEPS 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct machine *m = machine_get();
    for (unsigned i = 0; i < MAX_STEPS && in.left; i++)
        machine_step(m, &in);
    machine_serve(m);
    return 0;
}
