// SPDX-License-Identifier: MIT
// A small program for swiftc to compile and the library to run.
struct Point: Hashable { var x: Int, y: Int }

var counts: [Point: [String]] = [:]
for i in 0..<20_000 {
    counts[Point(x: i % 97, y: i % 31), default: []].append(String(i * 7919 % 10_007))
}
let longest = counts.values.map { $0.joined(separator: ",").count }.max()!
print(counts.count, longest, counts.values.reduce(0) { $0 + $1.count })
