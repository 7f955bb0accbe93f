/* The verbs of the command line; each gets the arguments after its name and returns the process'
 * exit status. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#define SOJOURN_VERSION "0.1.0"

/* Exit statuses of `sojourn run`. */
#define STATUS_POWEROFF 0
#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_RESET 3

#define VERB(name, summary) int cmd_##name(int argc, char **argv);
#include "cmd/verbs.def"
#undef VERB

#endif
