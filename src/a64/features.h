/* Which architectural features a PE has. The rows are isa/features.def; the ID registers are
 * computed from them (sysreg_id.c), so the guest is told exactly what decode and system registers
 * implement. */
#ifndef A64_FEATURES_H
#define A64_FEATURES_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* A64_FEAT_BASE stands for what every PE has: Armv8.0-A with FP and Advanced SIMD. */
enum a64_feature {
    A64_FEAT_BASE,
#define FEATURE(name, offered, reg, lsb, value, deps, text) A64_FEAT_##name,
#include "features.def"
    A64_FEATURE_COUNT
};

struct a64_features {
    uint64_t bits[2]; /* bit n%64 of word n/64 is feature n; A64_FEAT_BASE is always set */
};

/* True when the feature is present. @any */
static inline bool a64_feature_has(const struct a64_features *f, enum a64_feature feat)
{
    return (f->bits[(unsigned)feat / 64] >> ((unsigned)feat % 64)) & 1;
}

/* Switches one feature on or off, without a look at dependencies. @stopped */
void a64_feature_set(struct a64_features *f, enum a64_feature feat, bool on);

/* The features of CPU `default`. @any */
struct a64_features a64_features_default(void);

/* The name as in isa/features.def ("LSE2"), static storage; "BASE" for A64_FEAT_BASE. @any */
const char *a64_feature_name(enum a64_feature feat);

/* One line on what the feature is, static storage. @any */
const char *a64_feature_text(enum a64_feature feat);

/* Reads what follows --cpu: `default` or `max`, then any number of ",+feature" and ",-feature"
 * (names in any case). -EINVAL with the reason for unknown models and features, and for a feature
 * whose dependency is off; *out is then unchanged. @any */
int MUST_CHECK a64_features_parse(struct a64_features *out, const char *text, struct err *e);

#endif
