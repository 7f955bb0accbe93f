/*
 * timed OUTPUT ERRORS PROGRAM [ARGUMENT...]
 *
 * Runs a program with its standard output and error in files and prints "SECONDS CPU STATUS": how
 * long it took, by CLOCK_MONOTONIC, from before the fork until it is reaped, as for somebody who
 * waits for it; processor time of it and of the children that it waited for; its exit status (128 +
 * number for a signal).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int redirect(const char *path, int to)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    return fd < 0 || dup2(fd, to) < 0 || (fd != to && close(fd)) ? -1 : 0;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: timed OUTPUT ERRORS PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    double start = now();
    pid_t child = fork();
    if (child < 0) {
        perror("timed: fork");
        return 1;
    }
    if (!child) {
        int null = open("/dev/null", O_RDONLY);
        if (null >= 0 && dup2(null, 0) >= 0 && !redirect(argv[1], 1) && !redirect(argv[2], 2))
            execvp(argv[3], argv + 3);
        _exit(127);
    }
    int status;
    struct rusage used;
    if (wait4(child, &status, 0, &used) < 0) {
        perror("timed: wait4");
        return 1;
    }
    double seconds = now() - start;
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
    printf("%.6f %.6f %d\n", seconds, cpu,
           WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    return 0;
}
