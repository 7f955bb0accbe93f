/*
 * forkexec COUNT
 *
 * Starts /bin/true COUNT times, one after the other, with fork and execve: page tables, address
 * spaces, the dynamic loader and many first executions of little code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long count = argc == 2 ? atol(argv[1]) : 0, good = 0;

    for (long i = 0; i < count; i++) {
        pid_t child = fork();
        int status;
        if (!child) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(127);
        }
        if (child < 0 || waitpid(child, &status, 0) < 0)
            return perror("forkexec"), 1;
        good += WIFEXITED(status) && !WEXITSTATUS(status);
    }
    printf("%ld of %ld\n", good, count);
    return good != count;
}
