/*
 * nbody STEPS
 *
 * The sun and the outer planets under gravity, in double precision: multiplications, additions,
 * square roots and divisions that depend on each other. Prints the energy, which shows a wrong bit
 * anywhere. Built without contraction to FMA, so that all machines agree.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct body {
    double x[3], v[3], mass;
};

enum { BODIES = 5 };

static void advance(struct body *b, double dt)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            double d[3], r2 = 0;
            for (int k = 0; k < 3; k++) {
                d[k] = b[i].x[k] - b[j].x[k];
                r2 += d[k] * d[k];
            }
            double pull = dt / (r2 * sqrt(r2));
            for (int k = 0; k < 3; k++) {
                b[i].v[k] -= d[k] * b[j].mass * pull;
                b[j].v[k] += d[k] * b[i].mass * pull;
            }
        }
    }
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            b[i].x[k] += dt * b[i].v[k];
}

static double energy(const struct body *b)
{
    double e = 0;

    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++)
            e += 0.5 * b[i].mass * b[i].v[k] * b[i].v[k];
        for (int j = i + 1; j < BODIES; j++) {
            double r2 = 0;
            for (int k = 0; k < 3; k++)
                r2 += (b[i].x[k] - b[j].x[k]) * (b[i].x[k] - b[j].x[k]);
            e -= b[i].mass * b[j].mass / sqrt(r2);
        }
    }
    return e;
}

int main(int argc, char **argv)
{
    struct body bodies[BODIES] = {
        /* astronomical units, years / (2 pi), solar masses: round figures near the real ones */
        {{0, 0, 0}, {0, 0, 0}, 1.0},
        {{4.84, -1.16, -0.10}, {0.0966, 0.4460, -0.0040}, 9.548e-4},
        {{8.34, 4.12, -0.40}, {-0.1607, 0.2904, 0.0013}, 2.859e-4},
        {{12.89, -15.11, -0.22}, {0.1722, 0.1382, -0.0017}, 4.366e-5},
        {{15.38, -25.92, 0.18}, {0.1556, 0.0945, -0.0055}, 5.151e-5},
    };
    long steps = argc == 2 ? atol(argv[1]) : 0;

    printf("%.17g\n", energy(bodies));
    for (long i = 0; i < steps; i++)
        advance(bodies, 0.06);
    printf("%.17g\n", energy(bodies));
    return 0;
}
