/* SPDX-License-Identifier: MIT */
/*
 * What of the C library the core uses that Swift would say in more words, or not at all: a thread,
 * its dlopen, the structs of its statistics, its files. Inline functions, as in shim.h.
 */
#ifndef HAKMEM_LIBC_H
#define HAKMEM_LIBC_H

#include <signal.h>
#include <stdio.h>

#include "shim.h"

/* ---- A thread of our own ---- */

/* Starts a detached thread that no signal is delivered to, if there is one to be had. Its stack is
   as large as any: a process that ends with it does there what is left to do. */
HAK_INLINE void hak_thread_start(void *(*body)(void *)) {
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  if (pthread_create(&thread, 0, body, 0) == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, 0);
}

/* ---- dlopen ---- */

/*
 * The next library's, which is glibc's. It asks for its caller by the return address: where that
 * one's file says that libraries lie, it looks. So both this and who calls it only jump on.
 */
typedef void *(*hak_dlopen_t)(const char *path, int flags);

HAK_OUT_OF_LINE void *hak_dlopen_next(const char *path, int flags) {
  hak_dlopen_t next = (hak_dlopen_t)dlsym((void *)-1L /* RTLD_NEXT */, "dlopen");
  if (!next) return 0;
  __attribute__((musttail)) return next(path, flags);
}

#if defined(__GLIBC__)
HAK_INLINE int hak_deepbind(void) { return 8 /* RTLD_DEEPBIND */; }
#else
HAK_INLINE int hak_deepbind(void) { return 0; }
#endif

/* ---- glibc's statistics structs, whose own header declares malloc ---- */

typedef struct hak_mallinfo {
  int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
} hak_mallinfo_t;
typedef struct hak_mallinfo2 {
  size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
} hak_mallinfo2_t;

/* ---- stdio of malloc_info ---- */

HAK_INLINE bool hak_file_write(void *stream, const uint8_t *bytes, size_t count) {
  return fwrite(bytes, 1, count, (FILE *)stream) == count;
}

#endif
