/*
 * text KIBIBYTES
 *
 * Prints text to compress and to search: sentences of words whose frequencies fall as in natural
 * language (the k-th word about 1/k as often as the first), with numbers and repeated phrases in
 * between. Integer arithmetic only, so that every machine prints the same bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 4096, PHRASES = 64 };

static uint32_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* An index below `count`; small ones are much more frequent. */
static uint32_t skewed(uint64_t *state, uint32_t count)
{
    uint32_t bits = 0;

    for (uint32_t c = count; c > 1; c >>= 1)
        bits++;
    uint32_t range = 1u << (1 + next(state) % bits);
    return next(state) % range % count;
}

static size_t make_word(char *to, uint64_t *state)
{
    static const char *const parts[] = {
        "a",   "be",  "con", "der", "est",  "fil", "gra", "hi", "ing", "jo",
        "ke",  "lo",  "men", "nor", "o",    "per", "qua", "re", "st",  "tion",
        "un",  "ver", "wa",  "xi",  "yo",   "zen", "ti",  "al", "ch",  "ma"};
    size_t n = 0;

    for (uint32_t k = 1 + next(state) % 4; k; k--)
        for (const char *p = parts[next(state) % 30]; *p; p++)
            to[n++] = *p;
    to[n] = 0;
    return n;
}

int main(int argc, char **argv)
{
    static char words[WORDS][24];
    uint64_t state = 20240229;

    if (argc != 2)
        return fprintf(stderr, "usage: text KIBIBYTES\n"), 2;
    for (int i = 0; i < WORDS; i++)
        make_word(words[i], &state);
    long size = atol(argv[1]) * 1024, written = 0;
    for (uint32_t count = 1; written < size; count++) {
        uint32_t kind = next(&state) % 64;
        int n;
        if (kind == 0) {
            n = printf("%u ", next(&state) % 100000);
        } else if (kind < 4) {
            uint64_t phrase = next(&state) % PHRASES;
            n = 0;
            for (int k = 0; k < 6; k++)
                n += printf("%s ", words[skewed(&phrase, WORDS)]);
        } else {
            const char *end = count % 11 ? " " : count % 33 ? ", " : ".\n";
            n = printf("%s%s", words[skewed(&state, WORDS)], end);
        }
        written += n;
    }
    return fflush(stdout) ? 1 : 0;
}
