/* SPDX-License-Identifier: MIT */
/* A library whose constructor allocates before any other, and whose destructor frees last. */
#include <stdlib.h>

#include "check.h"

void *constructor_blocks[1000];

__attribute__((constructor(101))) static void allocate_first(void) {
  for (size_t i = 0; i < 1000; i++) {
    size_t size = i * 97 + 1;
    constructor_blocks[i] = i % 3 == 0 ? calloc(1, size) : malloc(size);
    CHECK(constructor_blocks[i] != NULL);
    CHECK(i % 3 != 0 || holds(constructor_blocks[i], size, 0));
    fill(constructor_blocks[i], size, (unsigned char)i);
  }
}

__attribute__((destructor(101))) static void free_last(void) {
  for (size_t i = 0; i < 1000; i++) {
    CHECK(holds(constructor_blocks[i], i * 97 + 1, (unsigned char)i));
    free(constructor_blocks[i]);
    free(malloc(i * 31));
  }
  say(1, "freed last\n");
}
