/* SPDX-License-Identifier: MIT */
/*
 * waiting: frees much memory and waits, without a call to malloc, until it has gone back; then a
 * forked child does the same. Prints how many threads the process has.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

enum { WHALE_BYTES = 80 << 20, COUNT = 20000, SMALL_BYTES = 500, LEFT_KIB_MAX = 8 << 10 };

/* A figure of /proc/self/status. */
static long figure(const char *name) {
  char text[4096];
  int file = open("/proc/self/status", O_RDONLY);
  ssize_t count = read(file, text, sizeof text - 1);
  CHECK(file >= 0 && count > 0);
  close(file);
  text[count] = 0;
  char *place = strstr(text, name);
  CHECK(place != NULL);
  return strtol(place + strlen(name), NULL, 10);
}

static void use_memory(void) {
  static void *blocks[COUNT];
  long before = figure("\nVmRSS:");
  void *whale = malloc(WHALE_BYTES);
  CHECK(whale != NULL);
  fill(whale, WHALE_BYTES, 7);
  for (int i = 0; i < COUNT; i++) {
    blocks[i] = malloc(SMALL_BYTES);
    CHECK(blocks[i] != NULL);
    fill(blocks[i], SMALL_BYTES, 8);
  }
  CHECK(figure("\nVmRSS:") > before + (WHALE_BYTES >> 10));
  for (int i = 0; i < COUNT; i++) free(blocks[i]);
  free(whale);
  /* The test has a limit of its own: here it is as long as it takes. */
  struct timespec moment = {0, 10 * 1000 * 1000};
  while (figure("\nVmRSS:") > before + LEFT_KIB_MAX) nanosleep(&moment, NULL);
}

int main(void) {
  use_memory();
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    use_memory();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  say(1, figure("\nThreads:") == 2 ? "two threads\n" : "not two threads\n");
  return 0;
}
