/* SPDX-License-Identifier: MIT */
/* glibc's reports and settings: mallinfo, mallinfo2, mallopt, malloc_stats, malloc_info. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { COUNT = 2000, SIZE = 1000, LARGE = 64 << 20 };

static void check_figures(void) {
  static void *blocks[COUNT];
  struct mallinfo2 before = mallinfo2();
  for (int i = 0; i < COUNT; i++) CHECK((blocks[i] = malloc(SIZE)) != NULL);
  struct mallinfo2 during = mallinfo2();
  CHECK(during.uordblks >= before.uordblks + (size_t)COUNT * SIZE);
  CHECK(during.arena >= during.uordblks);
  struct mallinfo narrow = mallinfo();
  CHECK((size_t)narrow.uordblks >= (size_t)COUNT * SIZE);
  for (int i = 0; i < COUNT; i++) free(blocks[i]);
  struct mallinfo2 after = mallinfo2();
  CHECK(after.uordblks + (size_t)COUNT * SIZE / 2 <= during.uordblks);

  void *large = malloc(LARGE);
  CHECK(large != NULL);
  struct mallinfo2 mapped = mallinfo2();
  CHECK(mapped.hblkhd + mapped.uordblks >= after.hblkhd + after.uordblks + LARGE);
  CHECK(mapped.hblks >= after.hblks);
  free(large);
}

static void check_settings(void) {
  CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
  CHECK(mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1);
  CHECK(mallopt(M_TOP_PAD, 1 << 16) == 1);
  CHECK(mallopt(M_MMAP_MAX, 1000) == 1);
  CHECK(mallopt(M_ARENA_MAX, 4) == 1);
  CHECK(mallopt(M_PERTURB, 0) == 1);
  void *block = malloc(2 << 20);
  CHECK(block != NULL);
  free(block);
}

static void check_texts(void) {
  char *text = NULL;
  size_t length = 0;
  FILE *memory = open_memstream(&text, &length);
  CHECK(memory != NULL && malloc_info(0, memory) == 0 && fclose(memory) == 0);
  CHECK(strncmp(text, "<malloc", 7) == 0 && strstr(text, "</malloc>") != NULL);
  CHECK(strstr(text, "version=") != NULL);
  free(text);
  CHECK(malloc_info(1, stdout) != 0);
  malloc_stats();
  int answer = malloc_trim(0);
  CHECK(answer == 0 || answer == 1);
}

int main(void) {
  check_figures();
  check_settings();
  check_texts();
  say(1, "ok\n");
  return 0;
}
