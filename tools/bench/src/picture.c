/*
 * picture ppm WIDTH HEIGHT SEED | picture y4m WIDTH HEIGHT FRAMES
 *
 * Makes a picture (PPM) or a video (Y4M, 4:2:0) for codecs: layers of smooth noise, as in
 * photographs, with moving discs over it. Integer arithmetic only, so that every machine makes the
 * same bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash(uint32_t x, uint32_t y, uint32_t seed)
{
    uint32_t h = x * 0x9E3779B1u ^ y * 0x85EBCA77u ^ seed * 0xC2B2AE3Du;

    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    h = (h ^ h >> 12) * 0x297A2D39u;
    return h ^ h >> 15;
}

/* Noise with a lattice of 2^log2_cell pixels, interpolated between the lattice's points: 0..255. */
static int smooth(int x, int y, int log2_cell, uint32_t seed)
{
    int cell = 1 << log2_cell, fx = x & (cell - 1), fy = y & (cell - 1);
    uint32_t cx = (uint32_t)(x >> log2_cell), cy = (uint32_t)(y >> log2_cell);
    int a = hash(cx, cy, seed) & 255, b = hash(cx + 1, cy, seed) & 255;
    int c = hash(cx, cy + 1, seed) & 255, d = hash(cx + 1, cy + 1, seed) & 255;
    int top = a * (cell - fx) + b * fx, bottom = c * (cell - fx) + d * fx;

    return (top * (cell - fy) + bottom * fy) >> (2 * log2_cell);
}

/* One sample of channel 0..2 at a time. */
static int sample(int x, int y, int channel, int frame, uint32_t seed)
{
    uint32_t s = seed * 3 + (uint32_t)channel;
    int pan = x + 3 * frame;
    int v = (smooth(pan, y, 7, s) * 4 + smooth(pan, y, 5, s) * 2 + smooth(pan, y, 3, s) +
             smooth(pan, y, 1, s)) / 8;

    for (int i = 0; i < 5; i++) {
        int cx = (int)(hash((uint32_t)i, 1, seed) % 640) + frame * (i - 2) * 4;
        int cy = (int)(hash((uint32_t)i, 2, seed) % 360) + frame * (i % 3 - 1) * 3;
        int dx = x - cx, dy = y - cy;
        if (dx * dx + dy * dy < 900 + 700 * i)
            v = (v + (int)(hash((uint32_t)i, 3, s) & 255) * 3) / 4;
    }
    return v > 255 ? 255 : v;
}

static void ppm(int width, int height, uint32_t seed)
{
    printf("P6\n%d %d\n255\n", width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                putchar(sample(x, y, c, 0, seed));
}

static void y4m(int width, int height, int frames)
{
    printf("YUV4MPEG2 W%d H%d F25:1 Ip A1:1 C420jpeg\n", width, height);
    for (int f = 0; f < frames; f++) {
        printf("FRAME\n");
        for (int c = 0; c < 3; c++) {
            int step = c ? 2 : 1;
            for (int y = 0; y < height; y += step)
                for (int x = 0; x < width; x += step)
                    putchar(c ? 64 + sample(x, y, c, f, 7) / 2 : sample(x, y, c, f, 7));
        }
    }
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "ppm"))
        ppm(atoi(argv[2]), atoi(argv[3]), (uint32_t)atoi(argv[4]));
    else if (argc == 5 && !strcmp(argv[1], "y4m"))
        y4m(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
    else
        return fprintf(stderr, "usage: picture ppm|y4m WIDTH HEIGHT SEED|FRAMES\n"), 2;
    return fflush(stdout) ? 1 : 0;
}
