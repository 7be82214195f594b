/* SPDX-License-Identifier: MIT */
/* What the test programs share. Nothing here allocates, so that a failing heap can be told of. */
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* Writes `text` to `file` in one call and no buffer. */
static inline void say(int file, const char *text) {
  if (write(file, text, strlen(text)) < 0) _exit(2);
}

#define CHECK_TEXT(line) #line
#define CHECK_LINE(line) CHECK_TEXT(line)

/* Ends the program when `condition` is false. */
#define CHECK(condition) \
  ((condition) ? (void)0 \
               : (say(2, "FAILED " __FILE__ ":" CHECK_LINE(__LINE__) ": " #condition "\n"), \
                  _exit(1)))

/* Fills a block so that `holds` knows it again. */
static inline void fill(void *block, size_t size, unsigned char mark) {
  memset(block, mark, size);
}

static inline int holds(const void *block, size_t size, unsigned char mark) {
  const unsigned char *bytes = (const unsigned char *)block;
  return size == 0 || (bytes[0] == mark && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Randomness that repeats: the next number of the xorshift sequence in `*state`. */
static inline uint64_t next_random(uint64_t *state) {
  uint64_t value = *state;
  value ^= value << 13;
  value ^= value >> 7;
  value ^= value << 17;
  return *state = value;
}

/* A size, mostly small, at most `max`. */
static inline size_t random_size(uint64_t *state, size_t max) {
  size_t top = 64u << next_random(state) % 18;
  return next_random(state) % (top < max ? top : max) + 1;
}

#endif
