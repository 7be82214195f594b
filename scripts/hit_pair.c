/* SPDX-License-Identifier: MIT */
/*
 * A malloc and a free of one small block, over and over: what scripts/measure-linked.sh measures.
 * With HIT_PAIR_LOOP_ONLY the loop alone. Prints nanoseconds a round.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int count, char **words) {
  long rounds = count > 1 ? atol(words[1]) : 1000;
  double start = now();
  for (long round = 0; round < rounds; round++) {
#ifdef HIT_PAIR_LOOP_ONLY
    void *block = words;
    __asm__ volatile("" : "+r"(block) : : "memory");
#else
    void *block = malloc(24);
    /* Whoever knows malloc and free could drop both. */
    __asm__ volatile("" : "+r"(block) : : "memory");
    free(block);
#endif
  }
  printf("%.3f\n", (now() - start) / rounds);
  return 0;
}
