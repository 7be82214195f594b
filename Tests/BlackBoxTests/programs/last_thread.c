/* SPDX-License-Identifier: MIT */
/* last_thread: main ends before another thread does; then the process ends with that one. */
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

static pthread_t first;

static void *outlive(void *unused) {
  (void)unused;
  CHECK(pthread_join(first, NULL) == 0);
  free(malloc(1000));
  say(1, "ok\n");
  return NULL;
}

int main(void) {
  pthread_t second;
  first = pthread_self();
  free(malloc(1000));
  CHECK(pthread_create(&second, NULL, outlive, NULL) == 0);
  pthread_detach(second);
  pthread_exit(NULL);
}
