/* SPDX-License-Identifier: MIT */
/*
 * The libc that the recorder calls (Embedded Swift has no Glibc module on Linux), and what Swift
 * cannot say: thread-local storage, calls with variable arguments, pointer macros. No C file.
 */
#ifndef HAKMEM_RECORDER_H
#define HAKMEM_RECORDER_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../CTraceFormat/trace_format.h"

#define RECORDER_SHARED __attribute__((weak, visibility("hidden")))
#define RECORDER_INLINE static inline __attribute__((always_inline))

/*
 * glibc's own allocator under the names that it keeps for those who replace malloc. Looking the
 * next malloc up with dlsym would not do: dlsym allocates.
 */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void *__libc_valloc(size_t size);
extern void *__libc_pvalloc(size_t size);
extern void __libc_free(void *block);

/*
 * glibc's malloc_usable_size, which has no such name. In programs that are linked with another
 * allocator the name alone means that one's. dlsym may allocate here: the recorder can serve it.
 */
RECORDER_INLINE size_t recorder_libc_usable_size(void *block) {
  static size_t (*volatile function)(void *);
  if (!function) {
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (libc) function = (size_t (*)(void *))dlsym(libc, "malloc_usable_size");
  }
  return function ? function(block) : 0;
}

/*
 * What a thread knows of the chunk it writes to. All zero: it has none. Without an initialiser the
 * variable below would be a declaration only.
 */
typedef struct recorder_thread {
  uint8_t *next;    /* where the next event goes */
  uint8_t *end;     /* the end of the chunk */
  uint64_t order;   /* of the last event */
  uint64_t address; /* the last one written */
  uint32_t number;  /* of the thread; 0 before its first event */
  bool is_busy;     /* in the recorder: calls from signal handlers and from libc pass by */
} recorder_thread_t;

RECORDER_SHARED __attribute__((tls_model("initial-exec"))) __thread recorder_thread_t
    recorder_current = {0};

RECORDER_INLINE recorder_thread_t *recorder_thread(void) { return &recorder_current; }

/* One more of what other threads count too. */
RECORDER_INLINE void recorder_count(uint64_t *counter) {
  __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* Keeps a signal handler from seeing the stores before and after in another order. */
RECORDER_INLINE void recorder_fence(void) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

/* The first byte of an event, written last: a process killed before it leaves no half event. */
RECORDER_INLINE void recorder_publish(uint8_t *byte, uint8_t value) {
  __atomic_store_n(byte, value, __ATOMIC_RELEASE);
}

RECORDER_INLINE void recorder_errno_set(int value) { errno = value; }
RECORDER_INLINE int recorder_errno(void) { return errno; }

/*
 * Files by raw system calls: open and close of libc are places where a thread can be cancelled,
 * and malloc is none.
 */
RECORDER_INLINE int recorder_open(const char *path, int flags) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0666);
}
RECORDER_INLINE void recorder_close(int file) { syscall(SYS_close, file); }
RECORDER_INLINE ssize_t recorder_read(int file, void *bytes, size_t count) {
  return syscall(SYS_read, file, bytes, count);
}

/* Memory of the recorder's own. NULL when there is none. */
RECORDER_INLINE void *recorder_page(size_t bytes) {
  void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return start == MAP_FAILED ? NULL : start;
}

/*
 * Backs a part of a file with space and maps it. NULL when the file system has no room: a store
 * to the mapping must not be what finds out. Where it can promise no room the file just grows.
 */
RECORDER_INLINE void *recorder_map(int file, off_t offset, size_t bytes) {
  if (syscall(SYS_fallocate, file, 0, offset, (off_t)bytes) != 0) {
    const char zero = 0;
    if (errno != EOPNOTSUPP) return NULL;
    if (syscall(SYS_pwrite64, file, &zero, 1, offset + (off_t)bytes - 1) != 1) return NULL;
  }
  void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);
  return start == MAP_FAILED ? NULL : start;
}

#endif
