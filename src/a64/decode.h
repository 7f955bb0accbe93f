/* Decoding as a PE with certain features does it: what it lacks is UNDEFINED. */
#ifndef A64_DECODE_H
#define A64_DECODE_H

#include "a64/features.h"
#include "a64_ops.h"

/* The encoding that `word` is, or A64_UNDEFINED. @any */
static inline enum a64_op a64_decode_with(const struct a64_features *has, uint32_t word)
{
    enum a64_op op = a64_decode(word);
    const struct a64_op_info *info = &a64_op_info[op];
    return a64_feature_has(has, info->feature) && a64_feature_has(has, info->feature2)
               ? op
               : A64_UNDEFINED;
}

#endif
