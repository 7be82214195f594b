// SPDX-License-Identifier: MIT
//
// Whether an address is the start of a block: blocks of small classes lie at multiples of their
// size, and a multiplication tells multiples.
//
// With c = ⌊2^64 / s⌋ + 1, so that c·s = 2^64 + e for some 1 ≤ e ≤ s, and an address p = q·s + t:
//
//   t = 0:   p·c mod 2^64 = q·e ≤ p < 2^47                  the product's upper 17 bits are 0
//   t > 0:   p·c mod 2^64 ≥ c > 2^64 / s                    they are at least 2^17 / s
//
// (User addresses are below 2^47 on every Linux that has not been asked for more. The other end,
// t = s − 1, stays below 2^64 − c + e + 2^47, so nothing wraps.)
//
// Free adds those bits to its bin's top before it compares that with the bin's bound. These two are
// at most 2^17 / s bytes apart (`SizeClass.stackSlotsMax`, ThreadCache+Bins), so a wrong address
// looks like a full bin: one branch tells both. Source of the method: Lemire, Kaser, Kurz, "Faster
// remainder by direct computation", 2019.

/// What a thread cache knows of a small class for its start check, and the bottom of its stack,
/// which shares the cache line.
struct StartCheck {
    let reciprocal: UInt
    /// The slot at the bottom of the class's stack, shallow or deep (ThreadCache+Bins).
    var bottom: UInt

    private static let shift: UInt = 47

    init(blockBytes: UInt, bottom: UInt) {
        reciprocal = UInt.max / blockBytes + 1
        self.bottom = bottom
    }

    /// 0 when `address` is a multiple of the block size, and at least a full window's bytes if not.
    @inline(__always)
    static func excess(_ address: UInt, _ reciprocal: UInt) -> UInt {
        (address &* reciprocal) &>> shift
    }

    static func assertLayout() {
        for index in 1...SizeClass.smallCount {
            let sizeClass = SizeClass(index: index)
            let leastExcess = 1 << (UInt(UInt.bitWidth) - shift) / sizeClass.blockBytes
            layoutAssert(UInt(sizeClass.stackSlotsMax) * 8 <= leastExcess)
        }
    }
}
