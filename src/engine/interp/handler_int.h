/* The frame of an instruction handler, for files that make many of them from tables: `body` is an
 * expression of type enum xr that may use cpu and the fields f of the instruction. */
#ifndef ENGINE_INTERP_HANDLER_INT_H
#define ENGINE_INTERP_HANDLER_INT_H

#include "interp_table.h"

#define HANDLER(name, body)                                                                        \
    enum xr interp_##name(struct a64_cpu *cpu, uint32_t word)                                      \
    {                                                                                              \
        const struct a64_f_##name f = a64_get_##name(word);                                        \
        return body;                                                                               \
    }

#endif
