/* Where translated code finds the time: the line of the machine's clock (vm/clock_tsc.h). With the
 * counted clock, or when the journal takes note of each time, it has no valid line ever, and every
 * read of the counter is the interpreter's.
 */
#include "engine/jit/jit_int.h"

#include "vm/vm.h"

#include <stddef.h>

#define SAME(field)                                                                                \
    _Static_assert(offsetof(struct clock_line, field) == offsetof(struct x64_clock, field), #field)
SAME(limit);
SAME(begun);
SAME(whole);
SAME(ticks);
SAME(mult);
SAME(now);
#undef SAME

void jit_clock_init(struct jit *j)
{
    j->area->clock = (uint64_t)(uintptr_t)&j->it.v->vm->clock.tsc.line;
}
