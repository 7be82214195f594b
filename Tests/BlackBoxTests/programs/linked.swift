// SPDX-License-Identifier: MIT
//
// The same in Swift: the runtime's own blocks come from the heap that is linked in.

import CHakmem

func calls() -> UInt64 {
    var stats = hak_stats_t()
    precondition(hak_stats(&stats, MemoryLayout<hak_stats_t>.size) == 0)
    return stats.calls_malloc + stats.calls_aligned
}

let before = calls()
var words: [String: [Int]] = [:]
for number in 0..<10_000 { words["the number \(number)", default: []].append(number) }
precondition(words.count == 10_000 && calls() - before >= 10_000)
print("ok")
