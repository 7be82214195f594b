/* SPDX-License-Identifier: MIT */
/*
 * deepbind_host PLUGIN: opens a library with RTLD_DEEPBIND, by a name that only this program's own
 * RUNPATH finds, and says whose free the library has: "same" as the program, or "another".
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "check.h"

int main(int count, char **arguments) {
  CHECK(count == 2);
  void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  CHECK(library != NULL);
  void *(*get_free)(void) = (void *(*)(void))dlsym(library, "plugin_free");
  void *(*make)(size_t) = (void *(*)(size_t))dlsym(library, "plugin_make");
  void (*drop)(void *) = (void (*)(void *))dlsym(library, "plugin_drop");
  CHECK(get_free != NULL && make != NULL && drop != NULL);
  int is_same = get_free() == dlsym(RTLD_DEFAULT, "free");
  if (is_same) {
    for (size_t size = 1; size < 200000; size = size * 3 + 1) {
      free(make(size));
      drop(malloc(size));
    }
  }
  say(1, is_same ? "same\n" : "another\n");
  CHECK(dlopen("no such library", RTLD_NOW) == NULL && dlerror() != NULL);
  return 0;
}
