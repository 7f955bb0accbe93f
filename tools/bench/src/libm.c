/*
 * libm COUNT
 *
 * COUNT times each of sin, cos, exp, log, pow, atan2, cbrt, with arguments over their usual ranges,
 * and now and then a number printed and read back. The C library's results may differ in the last
 * bit between architectures; the sums are printed with fewer digits than that shows in.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    long count = argc == 2 ? atol(argv[1]) : 0;
    double sums[8] = {0};

    for (long i = 0; i < count; i++) {
        double x = (double)(i * 7919 % 100003) / 1000 + 0.001;
        double y = (double)(i * 104729 % 99991) / 10000;
        sums[0] += sin(x);
        sums[1] += cos(y * 3);
        sums[2] += exp(-y);
        sums[3] += log(x);
        sums[4] += pow(x, y / 4);
        sums[5] += atan2(y, x - 50);
        sums[6] += cbrt(x * y);
        if (i % 64 == 0) {
            char text[40];
            snprintf(text, sizeof text, "%.6g", x * y);
            sums[7] += strtod(text, NULL);
        }
    }
    for (int i = 0; i < 8; i++)
        printf("%.8g\n", sums[i]);
    return 0;
}
