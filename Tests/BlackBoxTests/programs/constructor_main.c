/* SPDX-License-Identifier: MIT */
/* Links constructor_library.c; resizes what its constructor allocated. */
#include <stdlib.h>

#include "check.h"

extern void *constructor_blocks[1000];

int main(void) {
  for (size_t i = 0; i < 1000; i += 2) {
    size_t size = i * 97 + 1;
    constructor_blocks[i] = realloc(constructor_blocks[i], size * 2);
    CHECK(constructor_blocks[i] != NULL);
    CHECK(holds(constructor_blocks[i], size, (unsigned char)i));
  }
  say(1, "ok\n");
  return 0;
}
