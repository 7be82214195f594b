/* SPDX-License-Identifier: MIT */
/* Verified work over all kinds of blocks, in which any allocation may be refused. */
#ifndef HEAP_WORK_H
#define HEAP_WORK_H

#include <errno.h>
#include <stdlib.h>

#include "check.h"

enum { HEAP_WORK_BLOCKS = 300 };

/* The live blocks of one worker, and how often it was refused. */
struct heap_work {
  struct {
    unsigned char *block;
    size_t size;
  } slots[HEAP_WORK_BLOCKS];
  uint64_t state;
  long refused;
};

/* Checks a slot's block and frees it. */
static inline void heap_work_free(struct heap_work *work, size_t i) {
  CHECK(holds(work->slots[i].block, work->slots[i].size, (unsigned char)i));
  free(work->slots[i].block);
  work->slots[i].block = NULL;
  work->slots[i].size = 0;
}

static inline void *heap_work_allocate(uint64_t choice, size_t size) {
  void *block = NULL;
  switch (choice % 8) {
    case 0:
      block = calloc(1, size);
      CHECK(block == NULL || holds(block, size, 0));
      return block;
    case 1:
      return aligned_alloc(256, (size + 255) / 256 * 256);
    case 2:
      if (posix_memalign(&block, 8192, size) != 0) errno = ENOMEM;
      return block;
    default:
      return malloc(size);
  }
}

/* `steps` random operations on blocks up to `size_max`; a refusal must say ENOMEM. */
static inline void heap_work_steps(struct heap_work *work, int steps, size_t size_max) {
  for (int step = 0; step < steps; step++) {
    uint64_t choice = next_random(&work->state);
    size_t i = choice % HEAP_WORK_BLOCKS;
    size_t size = random_size(&work->state, size_max);
    errno = 0;
    if (work->slots[i].block == NULL) {
      work->slots[i].block = heap_work_allocate(choice >> 32, size);
      if (work->slots[i].block == NULL) {
        CHECK(errno == ENOMEM);
        work->refused++;
        continue;
      }
    } else if (choice >> 40 & 1) {
      unsigned char *moved = realloc(work->slots[i].block, size);
      size_t kept = size < work->slots[i].size ? size : work->slots[i].size;
      if (moved == NULL) {
        CHECK(errno == ENOMEM);
        CHECK(holds(work->slots[i].block, work->slots[i].size, (unsigned char)i));
        work->refused++;
        continue;
      }
      CHECK(holds(moved, kept, (unsigned char)i));
      work->slots[i].block = moved;
    } else {
      heap_work_free(work, i);
      continue;
    }
    work->slots[i].size = size;
    fill(work->slots[i].block, size, (unsigned char)i);
  }
}

/* Checks and frees everything. */
static inline void heap_work_end(struct heap_work *work) {
  for (size_t i = 0; i < HEAP_WORK_BLOCKS; i++) heap_work_free(work, i);
}

#endif
