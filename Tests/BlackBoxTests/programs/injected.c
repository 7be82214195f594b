/* SPDX-License-Identifier: MIT */
/* The program that injector.c refuses system calls: any allocation may fail, none may do harm. */
#include "heap_work.h"

int main(void) {
  static struct heap_work work = {.state = 21};
  heap_work_steps(&work, 600, 8 << 20);
  heap_work_end(&work);
  heap_work_steps(&work, 200, 1 << 16);
  heap_work_end(&work);
  say(1, "ok\n");
  return 0;
}
