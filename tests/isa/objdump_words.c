/* Words for objdump_check.sh, with what our disassembler says of them.
 *
 *     objdump_words BINARY LISTING
 *
 * For each line of isa/ a number of words with random fields, and as many with one bit of such a
 * word flipped (those find gaps and lines that match too much). BINARY gets the words, LISTING one
 * line each: LINE-NAME, traits with 'u' or '-', the word and its disassembly.
 */
#include "a64/disasm.h"
#include "a64_ops.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_PER_LINE = 64 };

/* xorshift64*: the same words in each run. */
static uint32_t random_word(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

static bool put_word(FILE *binary, FILE *listing, uint32_t word, uint64_t pc)
{
    char text[256];
    const struct a64_op_info *info = &a64_op_info[a64_decode(word)];
    a64_disasm(word, pc, text, sizeof(text));
    fprintf(listing, "%s %c %08" PRIx32 " %s\n", info->name,
            info->traits & A64_TRAIT_MAYBE_UNDEFINED ? 'u' : '-', word, text);
    return fwrite(&word, sizeof(word), 1, binary) == 1;
}

int main(int argc, char **argv)
{
    FILE *binary = argc == 3 ? fopen(argv[1], "wb") : NULL;
    FILE *listing = binary ? fopen(argv[2], "w") : NULL;
    if (!listing) {
        fprintf(stderr, "usage: objdump_words BINARY LISTING\n");
        return 2;
    }
    uint64_t state = 88172645463325252, pc = 0;
    bool ok = true;
    for (unsigned op = A64_UNDEFINED + 1; op < A64_OP_COUNT; op++) {
        for (unsigned i = 0; i < WORDS_PER_LINE; i++) {
            const struct a64_op_info *info = &a64_op_info[op];
            uint32_t word = (random_word(&state) & ~info->mask) | info->value;
            if (i % 8 == 7) /* all-ones and all-zeros fields are where aliases and exceptions are */
                word = i & 8 ? info->value : info->value | ~info->mask;
            ok &= put_word(binary, listing, word, pc);
            ok &= put_word(binary, listing, word ^ UINT32_C(1) << random_word(&state) % 32, pc + 4);
            pc += 8;
        }
    }
    ok &= fclose(binary) == 0;
    ok &= fclose(listing) == 0;
    if (!ok)
        perror("objdump_words");
    return ok ? 0 : 1;
}
