/* SPDX-License-Identifier: MIT */
/*
 * last_thread [raw]: main ends before another thread does; then the process ends with that one,
 * and with what is left to do then, which takes a large stack. With `raw` main ends by a system
 * call, of which nobody in the process knows: then nothing is left to do.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "check.h"

static pthread_t first;
static int is_raw;

/* Waits until this thread and main's, which has ended, are the last. The test has a limit. */
static void wait_for_the_others(void) {
  char text[4096];
  for (;;) {
    int file = open("/proc/self/status", O_RDONLY);
    ssize_t count = read(file, text, sizeof text - 1);
    CHECK(file >= 0 && count > 0);
    close(file);
    text[count] = 0;
    char *place = strstr(text, "\nThreads:");
    CHECK(place != NULL);
    if (strtol(place + 9, NULL, 10) == 2) return;
    usleep(1000);
  }
}

static void *outlive(void *kept) {
  free(kept);
  if (!is_raw) CHECK(pthread_join(first, NULL) == 0);
  wait_for_the_others();
  free(malloc(1000));
  if (is_raw) say(1, "ok\n");
  return NULL;
}

static void finish(void) {
  char frame[1 << 20];
  fill(frame, sizeof frame, 7);
  if (holds(frame, sizeof frame, 7)) say(1, "ok\n");
}

int main(int count, char **arguments) {
  (void)arguments;
  pthread_t second;
  first = pthread_self();
  is_raw = count > 1;
  CHECK(atexit(finish) == 0);
  CHECK(pthread_create(&second, NULL, outlive, malloc(1000)) == 0);
  pthread_detach(second);
  if (is_raw) syscall(SYS_exit, 0);
  pthread_exit(NULL);
}
