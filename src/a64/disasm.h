/* A64 disassembler: text from the templates of isa/. */
#ifndef A64_DISASM_H
#define A64_DISASM_H

#include <stddef.h>
#include <stdint.h>

/* Writes the instruction `word` at address `pc` to buf as text without aliases, as much as fits,
 * always terminated; what is unallocated becomes ".inst 0x........". Whether this PE has the
 * feature plays no part. Returns the length of the whole text. @any */
size_t a64_disasm(uint32_t word, uint64_t pc, char *buf, size_t size);

#endif
