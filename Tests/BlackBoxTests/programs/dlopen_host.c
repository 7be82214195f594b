/* SPDX-License-Identifier: MIT */
/* dlopen_host PLUGIN: opens and closes a library many times, also from threads. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

static const char *path;

static void *use_plugin(void *unused) {
  (void)unused;
  for (int round = 0; round < 100; round++) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    void *(*make)(size_t) = (void *(*)(size_t))dlsym(library, "plugin_make");
    void (*drop)(void *) = (void (*)(void *))dlsym(library, "plugin_drop");
    CHECK(make != NULL && drop != NULL);
    for (size_t size = 1; size < 200000; size = size * 3 + 1) {
      void *theirs = make(size);
      CHECK(holds(theirs, size, 8));
      free(theirs);
      drop(malloc(size));
    }
    CHECK(dlclose(library) == 0);
  }
  return NULL;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  path = arguments[1];
  use_plugin(NULL);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, use_plugin, NULL) == 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  say(1, "ok\n");
  return 0;
}
