/* What test_interp_code.c says of the interpreter holds for the translator. */
#define RIG_ENGINE "jit"
#include "test_interp_code.c"
