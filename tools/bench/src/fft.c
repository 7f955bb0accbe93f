/*
 * fft ROUNDS
 *
 * A radix-2 Fourier transform of 4096 complex points in double precision, its inverse, and a
 * conversion to single precision and integers and back in between. The twiddle factors come from
 * a recurrence, not from libm, whose last digits differ between architectures. Built without
 * contraction to FMA.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOG2_POINTS = 12, POINTS = 1 << LOG2_POINTS };

struct complex {
    double re, im;
};

/* cos and sin of 2 pi / 2^k from those of the angle twice as large. */
static void make_twiddles(struct complex *w)
{
    struct complex root = {-1, 0};

    for (int length = 2; length <= POINTS; length *= 2) {
        struct complex z = {1, 0};
        for (int i = 0; i < length / 2; i++) {
            w[length / 2 + i] = z;
            z = (struct complex){z.re * root.re - z.im * root.im, z.re * root.im + z.im * root.re};
        }
        root = (struct complex){sqrt((1 + root.re) / 2), sqrt((1 - root.re) / 2)};
    }
}

static void transform(struct complex *a, const struct complex *w, double sign)
{
    for (int i = 1, j = 0; i < POINTS; i++) {
        int bit = POINTS / 2;
        for (; j & bit; bit /= 2)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            struct complex t = a[i];
            a[i] = a[j];
            a[j] = t;
        }
    }
    for (int half = 1; half < POINTS; half *= 2) {
        for (int i = 0; i < POINTS; i += 2 * half) {
            for (int k = 0; k < half; k++) {
                struct complex t = w[half + k], *p = &a[i + k], *q = &a[i + k + half];
                double re = q->re * t.re - q->im * t.im * sign;
                double im = q->re * t.im * sign + q->im * t.re;
                *q = (struct complex){p->re - re, p->im - im};
                *p = (struct complex){p->re + re, p->im + im};
            }
        }
    }
}

int main(int argc, char **argv)
{
    static struct complex a[POINTS], w[POINTS];
    long rounds = argc == 2 ? atol(argv[1]) : 0;
    double sum = 0;

    make_twiddles(w);
    for (int i = 0; i < POINTS; i++)
        a[i] = (struct complex){(i * 37 % 101) - 50, (i * 53 % 89) - 44};
    for (long r = 0; r < rounds; r++) {
        transform(a, w, 1);
        sum += (float)a[r % POINTS].re + (double)(long)(a[r % POINTS].im * 16);
        transform(a, w, -1);
        for (int i = 0; i < POINTS; i++)
            a[i] = (struct complex){a[i].re / POINTS, a[i].im / POINTS};
    }
    printf("%.17g %.17g %.17g\n", sum, a[1].re, a[POINTS - 1].im);
    return 0;
}
