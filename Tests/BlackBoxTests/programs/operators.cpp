// SPDX-License-Identifier: MIT
// Every form of operator new and delete, the new-handler and the exceptions.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "check.h"

namespace {

constexpr std::size_t kImpossible = PTRDIFF_MAX;

// Keeps the compiler from pairing a new with its delete and removing both.
template <typename T>
T *opaque(T *pointer) {
  asm volatile("" : "+r"(pointer) : : "memory");
  return pointer;
}

void *use(void *block, std::size_t size, std::size_t alignment) {
  CHECK(block != nullptr);
  CHECK(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
  fill(block, size, 5);
  return opaque(block);
}

void check_plain() {
  for (std::size_t size : {0, 1, 7, 8, 15, 16, 24, 100, 1000, 5000, 40'000, 300'000, 5'000'000}) {
    const std::size_t alignment = size < 16 ? 8 : 16;
    ::operator delete(use(::operator new(size), size, alignment));
    ::operator delete(use(::operator new(size), size, alignment), size);
    ::operator delete(use(::operator new(size), size, alignment), std::nothrow);
    ::operator delete[](use(::operator new[](size), size, alignment));
    ::operator delete[](use(::operator new[](size), size, alignment), size);
    ::operator delete[](use(::operator new[](size), size, alignment), std::nothrow);
    ::operator delete(use(::operator new(size, std::nothrow), size, alignment));
    ::operator delete[](use(::operator new[](size, std::nothrow), size, alignment));
    // What new gives, free takes: many programs rely on it.
    std::free(use(::operator new(size), size, alignment));
  }
  ::operator delete(nullptr);
  ::operator delete[](nullptr);
  ::operator delete(nullptr, std::align_val_t{64});
}

void check_aligned() {
  for (std::size_t alignment = 1; alignment <= 1 << 20; alignment *= 2) {
    const auto align = std::align_val_t{alignment};
    for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}, alignment * 3}) {
      ::operator delete(use(::operator new(size, align), size, alignment), align);
      ::operator delete(use(::operator new(size, align), size, alignment), size, align);
      ::operator delete(use(::operator new(size, align), size, alignment), align, std::nothrow);
      ::operator delete[](use(::operator new[](size, align), size, alignment), align);
      ::operator delete[](use(::operator new[](size, align), size, alignment), size, align);
      ::operator delete[](use(::operator new[](size, align), size, alignment), align,
                          std::nothrow);
      void *block = ::operator new(size, align, std::nothrow);
      ::operator delete(use(block, size, alignment), align);
      block = ::operator new[](size, align, std::nothrow);
      ::operator delete[](use(block, size, alignment), align);
    }
  }
}

void check_zero_sizes() {
  std::set<void *> blocks;
  for (int i = 0; i < 1000; i++) blocks.insert(::operator new(0));
  CHECK(blocks.size() == 1000);
  for (void *block : blocks) ::operator delete(block, std::size_t{0});
}

template <typename Allocate>
bool throws_bad_alloc(Allocate allocate) {
  try {
    opaque(allocate());
  } catch (const std::bad_alloc &error) {
    return std::string(error.what()).find("bad") != std::string::npos;
  }
  return false;
}

void check_failures() {
  const auto align = std::align_val_t{64};
  CHECK(throws_bad_alloc([] { return ::operator new(kImpossible); }));
  CHECK(throws_bad_alloc([] { return ::operator new(SIZE_MAX); }));
  CHECK(throws_bad_alloc([] { return ::operator new[](kImpossible); }));
  CHECK(throws_bad_alloc([=] { return ::operator new(kImpossible, align); }));
  CHECK(throws_bad_alloc([=] { return ::operator new[](kImpossible, align); }));
  // libstdc++'s own aligned new rounds this size up to 0 and succeeds.
  if (dlsym(RTLD_DEFAULT, "hak_alloc") != nullptr) {
    CHECK(throws_bad_alloc([=] { return ::operator new(SIZE_MAX, align); }));
  }
  CHECK(opaque(::operator new(kImpossible, std::nothrow)) == nullptr);
  CHECK(opaque(::operator new[](SIZE_MAX, std::nothrow)) == nullptr);
  CHECK(opaque(::operator new(kImpossible, align, std::nothrow)) == nullptr);
  CHECK(opaque(::operator new[](kImpossible, align, std::nothrow)) == nullptr);

  volatile std::size_t count = SIZE_MAX / 2;
  bool is_caught = false;
  try {
    opaque(new std::uint64_t[count]);
  } catch (const std::bad_array_new_length &) {
    is_caught = true;
  }
  CHECK(is_caught);
  CHECK(throws_bad_alloc([] {
    static std::vector<char> bytes;
    bytes.reserve(bytes.max_size() - 1);
    return bytes.data();
  }));
}

int handler_runs;

// Gives up at its third run, as a handler that has nothing left to free does.
void handler() {
  if (++handler_runs == 3) std::set_new_handler(nullptr);
}

struct Stop {};

void check_handler() {
  const auto align = std::align_val_t{4096};
  auto runs = [](auto allocate) {
    handler_runs = 0;
    std::set_new_handler(handler);
    bool has_failed = false;
    try {
      has_failed = opaque(allocate()) == nullptr;
    } catch (const std::bad_alloc &) {
      has_failed = true;
    }
    CHECK(has_failed);
    return handler_runs;
  };
  CHECK(runs([] { return ::operator new(kImpossible); }) == 3);
  CHECK(runs([] { return ::operator new[](kImpossible); }) == 3);
  CHECK(runs([] { return ::operator new(kImpossible, std::nothrow); }) == 3);
  CHECK(runs([] { return ::operator new[](kImpossible, std::nothrow); }) == 3);
  CHECK(runs([=] { return ::operator new(kImpossible, align); }) == 3);
  CHECK(runs([=] { return ::operator new(kImpossible, align, std::nothrow); }) == 3);

  // An exception of the handler's own comes through, and nothrow swallows only bad_alloc's kind.
  std::set_new_handler([] { throw Stop(); });
  bool is_caught = false;
  try {
    opaque(::operator new(kImpossible));
  } catch (const Stop &) {
    is_caught = true;
  }
  CHECK(is_caught);
  std::set_new_handler([] { throw std::bad_alloc(); });
  CHECK(opaque(::operator new(kImpossible, std::nothrow)) == nullptr);
  std::set_new_handler(nullptr);
}

struct Thrower {
  char bytes[100];
  explicit Thrower(bool does_throw) {
    if (does_throw) throw Stop();
  }
};

struct alignas(128) Aligned {
  char bytes[200];
};

void check_expressions() {
  for (int i = 0; i < 1000; i++) {
    try {
      delete opaque(new Thrower(i % 2 == 0));
    } catch (const Stop &) {
    }
    auto *aligned = opaque(new Aligned[i % 7 + 1]);
    CHECK(reinterpret_cast<std::uintptr_t>(aligned) % alignof(Aligned) == 0);
    delete[] aligned;
    delete opaque(new std::string(i, 'x'));
    delete[] opaque(new std::string[i % 5 + 1]);
  }
}

}  // namespace

int main() {
  check_plain();
  check_aligned();
  check_zero_sizes();
  check_failures();
  check_handler();
  check_expressions();
  std::puts("ok");
}
