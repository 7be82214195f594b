// SPDX-License-Identifier: MIT
// Thread-local and static objects whose destructors allocate and free.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

namespace {

struct Worker {
  std::map<int, std::string> texts;
  std::vector<char> bytes;
  Worker() {
    for (int i = 0; i < 100; i++) texts[i] = std::string(i * 7, 'a' + i % 26);
    bytes.resize(100'000, 'x');
  }
  ~Worker() {
    for (auto &[key, text] : texts) {
      CHECK(text == std::string(key * 7, 'a' + key % 26));
      text += std::string(1000, 'z');
    }
    bytes.resize(300'000, 'y');
    CHECK(bytes[99'999] == 'x' && bytes[299'999] == 'y');
  }
  void touch() { texts[1000] = std::string(7000, 'a' + 1000 % 26); }
};

thread_local Worker first;
thread_local Worker second;
Worker whole;

}  // namespace

int main() {
  std::atexit([] { free(std::malloc(5000)); });
  for (int round = 0; round < 50; round++) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
      threads.emplace_back([] {
        first.touch();
        second.touch();
      });
    }
    for (auto &thread : threads) thread.join();
  }
  whole.touch();
  std::puts("ok");
}
