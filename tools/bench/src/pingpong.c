/*
 * pingpong COUNT
 *
 * Two processes pass a number to and fro through two pipes: a context switch for each of 2 * COUNT
 * messages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long count = argc == 2 ? atol(argv[1]) : 0, value = 0;
    int to[2], from[2];

    if (pipe(to) || pipe(from))
        return perror("pingpong"), 1;
    pid_t child = fork();
    if (child < 0)
        return perror("pingpong"), 1;
    if (!child) {
        close(to[1]);
        while (read(to[0], &value, sizeof value) == (ssize_t)sizeof value) {
            value += 3;
            if (write(from[1], &value, sizeof value) < 0)
                _exit(1);
        }
        _exit(0);
    }
    for (long i = 0; i < count; i++) {
        if (write(to[1], &value, sizeof value) < 0 ||
            read(from[0], &value, sizeof value) != (ssize_t)sizeof value)
            return perror("pingpong"), 1;
    }
    close(to[1]);
    waitpid(child, NULL, 0);
    printf("%ld\n", value);
    return value != 3 * count;
}
