/* Host half: the process of the AArch64 half, and the memory with the batches. */
#ifndef TESTS_ISA_RANDOM_ORACLE_H
#define TESTS_ISA_RANDOM_ORACLE_H

#include "random.h"

#include <stdbool.h>
#include <sys/types.h>

struct oracle {
    struct random_batch *batch; /* RANDOM_BATCHES of them */
    int to, from;
    pid_t child;
};

/* Starts COMMAND. False, after saying why on stderr, if that is not possible. */
bool oracle_start(struct oracle *o, char **command);

/* Has batch n run. Batches are run in the order in which they are sent. */
bool oracle_send(struct oracle *o, unsigned n);

/* Waits until batch n was run. False: the process ended in it; batch[n].done says where. */
bool oracle_receive(struct oracle *o, unsigned n);

/* Ends the process. Its wait status. */
int oracle_stop(struct oracle *o);

#endif
