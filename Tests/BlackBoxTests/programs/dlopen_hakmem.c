/* SPDX-License-Identifier: MIT */
/*
 * dlopen_hakmem LIBRARY: opens libhakmem.so in a program that runs on another malloc, while its
 * threads are running, and uses both heaps side by side.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

static void *(*hak_alloc)(size_t);
static void *(*hak_realloc)(void *, size_t);
static void (*hak_free)(void *);
static size_t (*hak_usable_size)(const void *);
static pthread_barrier_t opened;

static void use_both(uint64_t state) {
  enum { COUNT = 200 };
  struct {
    void *theirs, *own;
    size_t size;
  } blocks[COUNT] = {0};
  for (int step = 0; step < 20000; step++) {
    int i = (int)(next_random(&state) % COUNT);
    unsigned char mark = (unsigned char)i;
    CHECK(holds(blocks[i].theirs, blocks[i].size, mark));
    CHECK(holds(blocks[i].own, blocks[i].size, mark));
    hak_free(blocks[i].theirs);
    free(blocks[i].own);
    size_t size = blocks[i].size = random_size(&state, 1 << 20);
    blocks[i].theirs = hak_realloc(hak_alloc(size / 2 + 1), size);
    blocks[i].own = malloc(size);
    CHECK(blocks[i].theirs != NULL && blocks[i].own != NULL);
    CHECK(hak_usable_size(blocks[i].theirs) >= size);
    fill(blocks[i].theirs, size, mark);
    fill(blocks[i].own, size, mark);
  }
  for (int i = 0; i < COUNT; i++) {
    hak_free(blocks[i].theirs);
    free(blocks[i].own);
  }
}

static void *run(void *seed) {
  pthread_barrier_wait(&opened);
  use_both((uint64_t)(uintptr_t)seed);
  return NULL;
}

static void *close_it(void *library) {
  hak_free(hak_alloc(100));
  CHECK(dlclose(library) == 0);
  return NULL;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  pthread_barrier_init(&opened, NULL, 4);
  pthread_t threads[3];
  for (uintptr_t i = 0; i < 3; i++) {
    CHECK(pthread_create(&threads[i], NULL, run, (void *)(i + 1)) == 0);
  }
  void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) say(2, dlerror());
  CHECK(library != NULL);
  hak_alloc = (void *(*)(size_t))dlsym(library, "hak_alloc");
  hak_realloc = (void *(*)(void *, size_t))dlsym(library, "hak_realloc");
  hak_free = (void (*)(void *))dlsym(library, "hak_free");
  hak_usable_size = (size_t(*)(const void *))dlsym(library, "hak_usable_size");
  CHECK(hak_alloc && hak_realloc && hak_free && hak_usable_size);
  pthread_barrier_wait(&opened);
  use_both(77);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  /* Closed, it stays: this block is in it, and what ends a thread that has used it. */
  void *kept = hak_alloc(100);
  CHECK(pthread_create(&threads[0], NULL, close_it, library) == 0);
  pthread_join(threads[0], NULL);
  hak_free(kept);
  say(1, "ok\n");
  return 0;
}
