/*
 * faults COUNT
 *
 * COUNT times: maps 4 MiB of fresh memory, writes to each page, forks a child that writes to a
 * quarter of them again (copy on write), unmaps. Page faults, page tables, TLB maintenance.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 4 << 20, PAGE = 4096 };

int main(int argc, char **argv)
{
    long count = argc == 2 ? atol(argv[1]) : 0, sum = 0;

    for (long i = 0; i < count; i++) {
        volatile unsigned char *p =
            mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || madvise((void *)(size_t)p, BYTES, MADV_NOHUGEPAGE))
            return perror("faults"), 1;
        for (int at = 0; at < BYTES; at += PAGE)
            p[at] = (unsigned char)(at / PAGE + i);
        pid_t child = fork();
        if (child < 0)
            return perror("faults"), 1;
        if (!child) {
            for (int at = 0; at < BYTES; at += 4 * PAGE)
                p[at] = 0;
            _exit(0);
        }
        waitpid(child, NULL, 0);
        for (int at = 0; at < BYTES; at += PAGE)
            sum += p[at];
        munmap((void *)(size_t)p, BYTES);
    }
    printf("%ld\n", sum);
    return 0;
}
