/* SPDX-License-Identifier: MIT */
/* Prints its own peak resident set in KiB (VmHWM), having done no more than `true` does. */
#include <fcntl.h>
#include <stdlib.h>

#include "check.h"

int main(void) {
  static char text[8192];
  free(malloc(100));
  int file = open("/proc/self/status", O_RDONLY);
  CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0);
  char *figure = strstr(text, "VmHWM:");
  CHECK(figure != NULL);
  figure += strlen("VmHWM:");
  *strstr(figure, " kB") = '\n';
  figure[strcspn(figure, "\n") + 1] = 0;
  say(1, figure);
  return 0;
}
