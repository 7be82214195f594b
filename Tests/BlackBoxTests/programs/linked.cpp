/* SPDX-License-Identifier: MIT */
/* The same in C++: operators, containers, and the exception of a request that cannot be met. */
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "check.h"
#include "hakmem.h"

struct alignas(64) Line {
  char bytes[64];
};

static uint64_t calls() {
  hak_stats_t stats;
  CHECK(hak_stats(&stats, sizeof stats) == 0);
  return stats.calls_malloc + stats.calls_aligned;
}

int main() {
  uint64_t before = calls();
  std::map<int, std::string> words;
  for (int i = 0; i < 1000; i++) words[i] = std::string(100, 'x');
  CHECK(calls() - before >= 2000);
  before = calls();
  std::vector<std::unique_ptr<Line>> lines;
  for (int i = 0; i < 100; i++) lines.push_back(std::make_unique<Line>());
  CHECK(calls() - before >= 100);
  for (auto &line : lines) CHECK(reinterpret_cast<uintptr_t>(line.get()) % 64 == 0);
  bool was_thrown = false;
  try {
    (void)::operator new(static_cast<size_t>(1) << 62);
  } catch (const std::bad_alloc &) {
    was_thrown = true;
  }
  CHECK(was_thrown);
  say(1, "ok\n");
  return 0;
}
