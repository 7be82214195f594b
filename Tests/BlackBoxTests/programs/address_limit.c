/* SPDX-License-Identifier: MIT */
/*
 * address_limit MIB: runs under an address-space or data limit of that many MiB. Allocates until
 * there is no more, frees, and does it again: what a limit refuses must come back as NULL with
 * ENOMEM, and what was freed must be there again.
 */
#include <errno.h>
#include <stdlib.h>

#include "check.h"

static size_t limit;

/* Holds the blocks of one round in a list that runs through them. */
struct link {
  struct link *next;
  size_t size;
};

/* Allocates blocks of `size` until NULL, checks and frees them all; gives the bytes that fitted. */
static size_t exhaust(size_t size) {
  struct link *first = NULL;
  size_t bytes = 0;
  for (;;) {
    errno = 0;
    struct link *block = malloc(size);
    if (block == NULL) break;
    fill(block, size, 0x77);
    *block = (struct link){first, size};
    first = block;
    bytes += size;
    CHECK(bytes < 2 * limit);
  }
  CHECK(errno == ENOMEM);
  errno = 0;
  CHECK(calloc(limit, 2) == NULL && errno == ENOMEM);
  errno = 0;
  CHECK(first == NULL || (realloc(first, 2 * limit) == NULL && errno == ENOMEM));
  while (first != NULL) {
    struct link *next = first->next;
    CHECK(first->size == size);
    CHECK(holds(first + 1, size - sizeof *first, 0x77));
    free(first);
    first = next;
  }
  return bytes;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  limit = (size_t)atol(arguments[1]) << 20;
  void *small = malloc(100);
  CHECK(small != NULL);
  errno = 0;
  CHECK(malloc(limit) == NULL && errno == ENOMEM);
  CHECK(malloc(limit * 4) == NULL && errno == ENOMEM);

  const size_t sizes[] = {64, 1000, 10000, 100000, 1 << 20, 5 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t first = exhaust(sizes[i]);
    size_t second = exhaust(sizes[i]);
    CHECK(first >= limit / 8);
    CHECK(second >= first / 4 * 3);
  }
  /* From small blocks to one large one and back: no size keeps what another needs. */
  void *large = malloc(limit / 8);
  CHECK(large != NULL);
  free(large);
  CHECK(exhaust(48) >= limit / 8);
  free(small);
  say(1, "ok\n");
  return 0;
}
