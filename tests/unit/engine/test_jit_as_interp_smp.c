/* What test_smp.c says of the interpreter holds for the translator. */
#define RIG_ENGINE "jit"
#include "test_smp.c"
