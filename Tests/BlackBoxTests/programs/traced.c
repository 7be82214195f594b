/* SPDX-License-Identifier: MIT */
/*
 * Calls whose number is known, for the recorder: 1000 blocks and their frees, then what the
 * argument says. No stdio, which allocates.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { BLOCKS = 1000, THREADS = 8 };

static void *blocks[BLOCKS];

static void allocate(void) {
  for (int i = 0; i < BLOCKS; i++) CHECK(blocks[i] = malloc(i % 100 + 1));
}

static void *release(void *unused) {
  for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
  return unused;
}

/* Every thread frees what the one before has allocated. */
static void hand_over(void) {
  for (int i = 0; i < THREADS; i++) {
    pthread_t thread;
    allocate();
    CHECK(pthread_create(&thread, NULL, release, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
}

/* The child frees blocks of its parent's and has some of its own. */
static void fork_once(void) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    release(NULL);
    for (int i = 0; i < 5 * BLOCKS; i++) free(malloc(64));
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* Each way to get and to resize a block, refused ones included. */
static void every_kind(void) {
  void *block = realloc(NULL, 10);
  CHECK(block = realloc(block, 1 << 20));
  CHECK(block = realloc(block, 100));
  free(block);
  CHECK(block = calloc(10, 10));
  free(block);
  CHECK(posix_memalign(&block, 4096, 100) == 0);
  free(block);
  CHECK(block = aligned_alloc(64, 640));
  free(block);
  CHECK(!malloc((size_t)-1 / 2));
  CHECK(!calloc((size_t)-1, 2));
  free(NULL);
}

int main(int count, char **words) {
  allocate();
  if (count > 1 && strcmp(words[1], "fork") == 0) fork_once();
  release(NULL);
  if (count > 1 && strcmp(words[1], "threads") == 0) hand_over();
  if (count > 1 && strcmp(words[1], "kinds") == 0) every_kind();
  if (count > 1 && strcmp(words[1], "killed") == 0) raise(SIGKILL);
  return 3;
}
