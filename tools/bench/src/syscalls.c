/*
 * syscalls COUNT
 *
 * COUNT times each: getppid, a read of one byte of /dev/zero, a write of one byte to /dev/null.
 * Exception entry and return, and short ways through the kernel.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long count = argc == 2 ? atol(argv[1]) : 0, sum = 0;
    int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
    long parent = getppid();

    for (long i = 0; i < count; i++) {
        char byte = 1;
        sum += syscall(SYS_getppid) == parent;
        sum += read(zero, &byte, 1) + byte;
        sum += write(null, &byte, 1);
    }
    printf("%ld\n", sum);
    return sum != 3 * count;
}
