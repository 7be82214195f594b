// SPDX-License-Identifier: MIT
//
// Randomness that a seed repeats (SplitMix64). Every seed is printed; HAKMEM_TEST_SEED replays it.

import Foundation

struct Randomness {
    let seed: UInt64
    private var state: UInt64

    init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// The seed of a test: printed, so that a failure can be replayed.
    static func printedSeed(_ test: String = #function) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["HAKMEM_TEST_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0..<1 << 32)
        print("\(test): HAKMEM_TEST_SEED=\(seed)")
        return seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0..<bound`.
    mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: next() >> 1) % bound }

    /// A size as programs ask for: mostly small, now and then from any power of two up to `max`.
    mutating func size(max: UInt) -> UInt {
        var top: UInt = 256
        if below(30) == 0 {
            top = 1 << UInt(below(UInt.bitWidth - max.leadingZeroBitCount) + 1)
        } else {
            while top < max, next() & 1 == 1 { top *= 2 }
        }
        return Swift.min(max, UInt(truncatingIfNeeded: next()) % top + 1)
    }
}
