/*
 * mandelbrot SIDE
 *
 * Iterations of z*z + c in double precision over a square of SIDE points: short loops of
 * multiplications, additions and a comparison. Prints the sum of all counts. Built without
 * contraction to FMA.
 */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    int side = argc == 2 ? atoi(argv[1]) : 0;
    unsigned long sum = 0;

    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
            double cr = 3.0 * x / side - 2.25, ci = 3.0 * y / side - 1.5, zr = 0, zi = 0;
            unsigned n = 0;
            while (n < 200 && zr * zr + zi * zi < 4) {
                double t = zr * zr - zi * zi + cr;
                zi = 2 * zr * zi + ci;
                zr = t;
                n++;
            }
            sum = sum * 31 + n;
        }
    }
    printf("%lu\n", sum);
    return 0;
}
