/* SPDX-License-Identifier: MIT */
/*
 * What Swift cannot say (docs/adr/0003-c-in-headers-only.md): thread-local storage, addresses in
 * constant initialisers, a bit test whose carry is the answer, the caller's address, raw system
 * calls. Headers only; the definitions are weak and hidden, so each image has one of each.
 */
#ifndef HAKMEM_SHIM_H
#define HAKMEM_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define HAK_SHARED __attribute__((weak, visibility("hidden")))
#define HAK_OUT_OF_LINE __attribute__((weak, visibility("hidden"), noinline))
#define HAK_INLINE static inline __attribute__((always_inline))

/* ---- The empty cache and the empty map: what the hit path reads before anything is set up ---- */

/* The layout of a thread cache as far as it goes here; HakmemCore asserts that the two agree. */
#define HAK_BINS 85
#define HAK_OWN_MAP_OFFSET 4096

struct hak_empty_bin {
  const void *top;
  const void *full;
};

/* A cache without blocks: every bin is at once empty and full, and no granule is its own. */
struct hak_empty_cache {
  struct hak_empty_bin bins[HAK_BINS];
  uint64_t rest[(HAK_OWN_MAP_OFFSET - HAK_BINS * 16) / 8];
  uint64_t own_map;
};

/* What the top of a bin without a stack points to: a word without the mark of a ready block. The
   miss writes it, as it was, by the instruction that would clear the mark: it has a cache line of
   its own, because slow paths read what lies beside it. Stacks have their cache's own word. */
HAK_SHARED __attribute__((aligned(64))) uint64_t hak_no_block[8] = {0};
HAK_SHARED const void *const hak_empty_slot = hak_no_block;
HAK_INLINE uintptr_t hak_empty_slot_address(void) { return (uintptr_t)&hak_empty_slot; }

/* So that a thread without a cache needs no test on the hit path. */
HAK_SHARED __attribute__((aligned(4096))) const struct hak_empty_cache hak_empty_cache = {
    .bins = {[0 ... HAK_BINS - 1] = {&hak_empty_slot, (const void *)UINTPTR_MAX}}};

/* A map of one granule, which is nobody's, and its lines. */
HAK_SHARED __attribute__((aligned(16))) const uintptr_t hak_empty_map[18] = {0};

/* Base address of the block map, and the mask that turns `address >> 10` into an offset in it. */
HAK_SHARED uintptr_t hak_map_base = (uintptr_t)&hak_empty_map;
HAK_SHARED uintptr_t hak_map_mask = 0;

HAK_INLINE uintptr_t hak_map_base_get(void) { return hak_map_base; }
HAK_INLINE uintptr_t hak_map_mask_get(void) { return hak_map_mask; }
HAK_INLINE void hak_map_set(uintptr_t base, uintptr_t mask) {
  hak_map_base = base;
  hak_map_mask = mask;
}

/* ---- Thread-local storage: two words ---- */

/* The thread's cache; the empty one until it has one and after it has given it back. */
HAK_SHARED __attribute__((tls_model("initial-exec"))) __thread uintptr_t hak_tls_cache =
    (uintptr_t)&hak_empty_cache;
/* Not 0 once the thread's exit has given its cache back. */
HAK_SHARED __attribute__((tls_model("initial-exec"))) __thread uintptr_t hak_tls_exited = 0;

HAK_INLINE uintptr_t hak_cache_get(void) { return hak_tls_cache; }
HAK_INLINE void hak_cache_set(uintptr_t cache) { hak_tls_cache = cache; }
HAK_INLINE uintptr_t hak_cache_none(void) { return (uintptr_t)&hak_empty_cache; }
HAK_INLINE bool hak_exited_get(void) { return hak_tls_exited != 0; }
HAK_INLINE void hak_exited_set(bool exited) { hak_tls_exited = exited; }

/* ---- Bits ---- */

/*
 * Takes the mark of a ready block off its first word, all but bit 4; false when that was not there.
 * Two instructions with the branch on it; the compiler makes a load, a test and a store of it.
 */
HAK_INLINE bool hak_mark_clear(uintptr_t block) {
#if defined(__x86_64__)
  bool was_set;
  __asm__("andl $16, %0" : "+m"(*(uint32_t *)block), "=@ccnz"(was_set));
  return was_set;
#else
  return (*(uint32_t *)block &= 16) != 0;
#endif
}

/* The number of the highest bit of a word that is not 0. */
HAK_INLINE uintptr_t hak_highest_bit(uintptr_t word) {
  return 63 ^ (uintptr_t)__builtin_clzl(word);
}

/* Clears bit `unit` modulo 64 of a word; false when it was clear: one instruction for four. */
HAK_INLINE bool hak_bit_take(uint64_t *word, uintptr_t unit) {
#if defined(__x86_64__)
  bool was_set;
  __asm__("btrq %2, %0" : "+r"(*word), "=@ccc"(was_set) : "r"(unit));
  return was_set;
#else
  uint64_t bit = (uint64_t)1 << (unit & 63);
  bool was_set = (*word & bit) != 0;
  *word &= ~bit;
  return was_set;
#endif
}

/*
 * A word once more, in another register. Which of the two is the copy is the compiler's choice
 * otherwise, and for free's it matters (docs/adr/0028-one-start-check.md).
 */
HAK_INLINE uintptr_t hak_copied(uintptr_t word) {
#if defined(__x86_64__)
  uintptr_t copy;
  __asm__("movq %1, %0" : "=r"(copy) : "r"(word));
  return copy;
#else
  return word;
#endif
}

/* Moves a bin's top by a slot for a push, in one instruction where the compiler makes two. */
HAK_INLINE void hak_bin_push(uintptr_t bin) {
#if defined(__x86_64__)
  __asm__("subq $8, %0" : "+m"(*(uintptr_t *)bin) : : "cc");
#else
  *(uintptr_t *)bin -= 8;
#endif
}

/* A word that the program or the kernel may be writing: no access that race checkers see. */
HAK_INLINE uintptr_t hak_peek(uintptr_t address) {
#if defined(__x86_64__)
  uintptr_t word;
  __asm__ volatile("movq %1, %0" : "=r"(word) : "m"(*(const uintptr_t *)address));
  return word;
#else
  return *(const volatile uintptr_t *)address;
#endif
}

/* ---- Bytes: Embedded Swift's own copying goes byte by byte ---- */

HAK_INLINE void hak_copy(uintptr_t to, uintptr_t from, size_t bytes) {
  __builtin_memcpy((void *)to, (const void *)from, bytes);
}
/* A block of whole units, one at least: rounds up to one, and gives the block. */
HAK_INLINE void *hak_zero_small(uintptr_t block, size_t bytes) {
  typedef uint64_t unit __attribute__((vector_size(16), may_alias));
  const unit zero = {0, 0};
  unit *first = (unit *)block;
  unit *end = (unit *)(block + ((bytes + 15) & ~(size_t)15));
  if (bytes > 128) return __builtin_memset((void *)block, 0, bytes);
  /* From both ends; where they meet, twice. */
  first[0] = zero;
  end[-1] = zero;
  if (bytes > 32) {
    first[1] = zero;
    end[-2] = zero;
  }
  if (bytes > 64) {
    first[2] = first[3] = zero;
    end[-3] = end[-4] = zero;
  }
  return (void *)block;
}
HAK_INLINE void hak_zero(uintptr_t from, size_t bytes) { __builtin_memset((void *)from, 0, bytes); }

/* ---- errno, environment, caller ---- */

HAK_INLINE void hak_errno_set(int value) { errno = value; }
HAK_INLINE int hak_errno_get(void) { return errno; }

extern char **environ;
HAK_INLINE const char *const *hak_environ(void) { return (const char *const *)environ; }

HAK_INLINE uintptr_t hak_auxiliary(unsigned long type) { return getauxval(type); }

/* Where the function that this is written in returns to; and its frame. */
HAK_INLINE uintptr_t hak_caller(void) { return (uintptr_t)__builtin_return_address(0); }
HAK_INLINE uintptr_t hak_frame(void) { return (uintptr_t)__builtin_frame_address(0); }

/* The processor's time-stamp counter: constant rate, the same on all processors of a machine. */
HAK_INLINE uint64_t hak_ticks(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#endif
}

/* ---- Raw system calls: never through a wrapper that another library may have replaced ---- */

/* The kernel's answer: a value, or an errno negated. errno itself is left alone. */
HAK_INLINE intptr_t hak_syscall6(intptr_t number, uintptr_t a, uintptr_t b, uintptr_t c,
                                 uintptr_t d, uintptr_t e, uintptr_t f) {
#if defined(__x86_64__)
  intptr_t result;
  register uintptr_t r10 __asm__("r10") = d;
  register uintptr_t r8 __asm__("r8") = e;
  register uintptr_t r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register uintptr_t x8 __asm__("x8") = (uintptr_t)number;
  register uintptr_t x0 __asm__("x0") = a;
  register uintptr_t x1 __asm__("x1") = b;
  register uintptr_t x2 __asm__("x2") = c;
  register uintptr_t x3 __asm__("x3") = d;
  register uintptr_t x4 __asm__("x4") = e;
  register uintptr_t x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return (intptr_t)x0;
#else
#error "hakmem knows the system call convention of x86-64 and AArch64 only"
#endif
}

/* ---- The C library's C++ side, present only in programs that are C++ ---- */

typedef void (*hak_new_handler_t)(void);
extern hak_new_handler_t hak_cxx_get_new_handler(void) __asm__("_ZSt15get_new_handlerv")
    __attribute__((weak));
extern void hak_cxx_throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));

/*
 * What operator new does when memory is out: the new-handler, again and again, until there is
 * memory, it throws, or there is none; then std::bad_alloc. In C, because exceptions pass through
 * these frames and Embedded Swift emits no unwind tables; the hit paths jump here and leave no
 * frame of their own behind.
 */
extern void *hak_alloc_at(size_t size, const void *site);
extern void *hak_malloc(size_t size);
extern void *hak_aligned_alloc(size_t alignment, size_t size);

HAK_INLINE void hak_new_again(void) {
  hak_new_handler_t handler = hak_cxx_get_new_handler ? hak_cxx_get_new_handler() : 0;
  if (handler) {
    handler();
  } else {
    if (hak_cxx_throw_bad_alloc) hak_cxx_throw_bad_alloc();
    abort();
  }
}

HAK_OUT_OF_LINE void *hak_new_loop(size_t size) {
  void *block;
  while (!(block = hak_alloc_at(size, __builtin_return_address(0)))) hak_new_again();
  return block;
}

HAK_OUT_OF_LINE void *hak_new_aligned_loop(size_t size, size_t alignment) {
  void *block;
  while (!(block = hak_aligned_alloc(alignment, size))) hak_new_again();
  return block;
}

/*
 * The forms that do not throw must catch what a new-handler throws, which C cannot. When there is
 * a handler, the C++ library's own form does it: it calls operator new, which is ours.
 */
extern void *dlsym(void *handle, const char *name);
typedef void *(*hak_new_nothrow_t)(size_t size, const void *tag);
typedef void *(*hak_new_aligned_nothrow_t)(size_t size, size_t alignment, const void *tag);

HAK_OUT_OF_LINE void *hak_new_nothrow_loop(size_t size, const void *tag) {
  void *block = hak_malloc(size);
  if (block || !hak_cxx_get_new_handler || !hak_cxx_get_new_handler()) return block;
  void *next = dlsym((void *)-1L /* RTLD_NEXT */, "_ZnwmRKSt9nothrow_t");
  return next ? ((hak_new_nothrow_t)next)(size, tag) : 0;
}

HAK_OUT_OF_LINE void *hak_new_aligned_nothrow_loop(size_t size, size_t alignment,
                                                   const void *tag) {
  void *block = hak_aligned_alloc(alignment, size);
  if (block || !hak_cxx_get_new_handler || !hak_cxx_get_new_handler()) return block;
  void *next = dlsym((void *)-1L /* RTLD_NEXT */, "_ZnwmSt11align_val_tRKSt9nothrow_t");
  return next ? ((hak_new_aligned_nothrow_t)next)(size, alignment, tag) : 0;
}

#endif
