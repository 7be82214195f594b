// SPDX-License-Identifier: MIT
// Templates and containers enough to make a compiler work; the program sums them up.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N>
struct Tower {
  static long height(long x) { return x % 7 + Tower<N - 1>::height(x * N % 1009); }
};
template <>
struct Tower<0> {
  static long height(long x) { return x; }
};

struct Shape {
  virtual ~Shape() = default;
  virtual std::string name() const = 0;
};
template <int N>
struct Polygon : Shape {
  std::string name() const override { return std::to_string(N) + "-gon"; }
};

int main() {
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 0; i < 300; i++) {
    if (i % 2) shapes.push_back(std::make_unique<Polygon<3>>());
    else shapes.push_back(std::make_unique<Polygon<8>>());
  }
  std::map<std::string, std::vector<int>> places;
  for (std::size_t i = 0; i < shapes.size(); i++) places[shapes[i]->name()].push_back(int(i));
  std::unordered_map<std::string, std::variant<int, std::string>> table;
  for (auto &[name, list] : places) table[name] = int(list.size());
  for (auto &[name, list] : places) std::cout << name << " " << std::get<int>(table[name]) << "\n";
  std::regex pattern("([0-9]+)-gon");
  std::cout << std::regex_replace(std::string("a 12-gon"), pattern, "<$1>") << "\n";
  std::function<long(long)> tower = Tower<200>::height;
  std::cout << tower(12345) << "\n";
}
