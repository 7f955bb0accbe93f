/* The process of the AArch64 half. Trials and results are in shared memory, so that nothing copies
 * them; a byte in each direction says whose turn it is. */
#include "oracle.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(char **command, int in, int out, int fd)
{
    dup2(in, 0);
    dup2(out, 1);
    if (fd == RANDOM_FD)
        fcntl(fd, F_SETFD, 0);
    else
        dup2(fd, RANDOM_FD);
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

bool oracle_start(struct oracle *o, char **command)
{
    const size_t bytes = RANDOM_BATCHES * sizeof(*o->batch);
    int in[2], out[2], fd = memfd_create("random", MFD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
        perror("oracle: memory or pipes");
        return false;
    }
    o->batch = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    o->child = o->batch == MAP_FAILED ? -1 : fork();
    if (o->child < 0) {
        perror("oracle: process");
        return false;
    }
    if (o->child == 0)
        become(command, in[0], out[1], fd);
    close(in[0]);
    close(out[1]);
    close(fd);
    o->to = in[1];
    o->from = out[0];
    return true;
}

bool oracle_send(struct oracle *o, unsigned n)
{
    uint8_t byte = (uint8_t)n;
    o->batch[n].done = 0;
    return write(o->to, &byte, 1) == 1;
}

bool oracle_receive(struct oracle *o, unsigned n)
{
    uint8_t byte;
    return read(o->from, &byte, 1) == 1 && byte == n && o->batch[n].done == o->batch[n].count;
}

int oracle_stop(struct oracle *o)
{
    int status = 0;
    close(o->to);
    close(o->from);
    waitpid(o->child, &status, 0);
    munmap(o->batch, RANDOM_BATCHES * sizeof(*o->batch));
    return status;
}
