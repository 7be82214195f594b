// SPDX-License-Identifier: MIT
//
// Contents that tell whose block it is: one word, repeated over all of its bytes.

import Glibc

enum Pattern {
    /// Fills `count` bytes with the pattern of `identity`, doubling what is written each step.
    static func fill(_ block: Block, _ count: UInt, _ identity: UInt64) {
        var word = identity.bigEndian
        var filled = min(Int(count), MemoryLayout<UInt64>.size)
        memcpy(block, &word, filled)
        while filled < Int(count) {
            let step = min(filled, Int(count) - filled)
            memcpy(block + filled, block, step)
            filled += step
        }
    }

    /// Whether the first `count` bytes still hold the pattern of `identity`.
    static func holds(_ block: Block, _ count: UInt, _ identity: UInt64) -> Bool {
        var word = identity.bigEndian
        let first = min(Int(count), MemoryLayout<UInt64>.size)
        guard memcmp(block, &word, first) == 0 else { return false }
        return memcmp(block, block + first, Int(count) - first) == 0
    }

    /// Whether `count` bytes are all zero.
    static func isZero(_ block: Block, _ count: UInt) -> Bool {
        guard count > 0 else { return true }
        guard block.load(as: UInt8.self) == 0 else { return false }
        return memcmp(block, block + 1, Int(count) - 1) == 0
    }
}
