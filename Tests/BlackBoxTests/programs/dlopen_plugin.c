/* SPDX-License-Identifier: MIT */
/* A library that is opened at run time and hands blocks over in both directions. */
#include <stdlib.h>

#include "check.h"

static void *kept;

__attribute__((constructor)) static void start(void) {
  kept = malloc(1000);
  CHECK(kept != NULL);
  fill(kept, 1000, 7);
}

__attribute__((destructor)) static void stop(void) {
  CHECK(holds(kept, 1000, 7));
  free(kept);
}

/* A block for the caller to free. */
void *plugin_make(size_t size) {
  void *block = malloc(size);
  CHECK(block != NULL);
  fill(block, size, 8);
  return block;
}

/* Which free this library has. */
void *plugin_free(void) { return (void *)free; }

/* Frees a block of the caller's. */
void plugin_drop(void *block) { free(block); }
