/* SPDX-License-Identifier: MIT */
/* A program with hakmem linked in: its own calls, those of libc, and threads are counted. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "hakmem.h"

enum { BLOCKS = 1000, THREADS = 4 };

static void *work(void *unused) {
  for (int i = 0; i < BLOCKS; i++) {
    char *volatile block = malloc(i + 1);
    CHECK(block);
    fill(block, i + 1, (unsigned char)i);
    free(block);
  }
  return unused;
}

static hak_stats_t stats(void) {
  hak_stats_t stats;
  CHECK(hak_stats(&stats, sizeof stats) == 0);
  return stats;
}

int main(void) {
  hak_stats_t before = stats();
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, work, NULL));
  for (int i = 0; i < THREADS; i++) CHECK(!pthread_join(threads[i], NULL));
  hak_stats_t after = stats();
  CHECK(after.calls_malloc - before.calls_malloc >= THREADS * BLOCKS);
  CHECK(after.calls_free - before.calls_free >= THREADS * BLOCKS);

  /* A block of libc's comes from the same heap and goes back to it. */
  char *copy = strdup("hakmem");
  CHECK(copy && stats().calls_malloc > after.calls_malloc);
  CHECK(hak_usable_size(copy) >= 7);
  free(copy);
  void *aligned = NULL;
  CHECK(posix_memalign(&aligned, 4096, 10) == 0 && (uintptr_t)aligned % 4096 == 0);
  CHECK((aligned = realloc(aligned, 1 << 22)));
  free(aligned);
  say(1, "ok\n");
  return 0;
}
