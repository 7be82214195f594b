/* SPDX-License-Identifier: MIT */
/*
 * Large blocks of sites that behave differently: what one frees it wants again at once, what the
 * other frees never, a third grows.
 */
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#define SITE __attribute__((noinline))

SITE static char *quick() {
  char *block = static_cast<char *>(malloc(700000));
  memset(block, 1, 700000);
  return block;
}

SITE static char *with_new() {
  char *block = static_cast<char *>(operator new(900000));
  memset(block, 2, 900000);
  return block;
}

SITE static char *growing() {
  char *block = static_cast<char *>(malloc(40000));
  for (size_t bytes = 80000; bytes < 700000; bytes *= 2)
    block = static_cast<char *>(realloc(block, bytes));
  return block;
}

int main() {
  for (int round = 0; round < 40000; round++) {
    char *one = quick();
    char *two = with_new();
    free(growing());
    operator delete(two);
    free(one);
  }
  return 0;
}
