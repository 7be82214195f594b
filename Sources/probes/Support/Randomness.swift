// SPDX-License-Identifier: MIT
//
// Randomness that a seed repeats (SplitMix64).

/// A sequence of numbers that follows from its seed alone.
struct Randomness {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0..<bound`.
    mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: next() >> 1) % bound }

    /// A size as programs ask for: mostly small, each doubling rarer, at most `max`, and now and
    /// then one from any power of two, so that the large paths get their share.
    mutating func size(max: UInt) -> UInt {
        let smallestTop: UInt = 256
        var top = smallestTop
        if below(40) == 0 {
            let doublings = UInt.bitWidth - (max / smallestTop).leadingZeroBitCount
            top <<= UInt(below(doublings + 1))
        } else {
            while top < max, next() & 1 == 1 { top *= 2 }
        }
        return Swift.min(max, UInt(truncatingIfNeeded: next()) % top + 1)
    }
}
