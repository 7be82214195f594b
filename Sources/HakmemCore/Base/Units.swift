// SPDX-License-Identifier: MIT
//
// The geometry of the heap: every size that two files must agree on, and the arithmetic on them.
//
//   unit      16 B   what block addresses and sizes are multiples of
//   line     1 KiB   64 units: one entry of the block map
//   granule 16 KiB   what the page heap deals in; a span is a run of granules
//
// Sizes route to pools by size alone:
//
//   0 ... tinyMax       Tiny Pool   bins of the thread cache, 16-byte classes
//     ... mediumMax     L2 Pool     bins of the thread cache, four classes a doubling
//     ... largeMax      L2.5 Pool   whole spans, a reuse cache a thread
//   above               whales      a mapping each, kept in the whale cache

let unitShift: UInt = 4
let lineShift: UInt = 10
let granuleShift: UInt = 14

let unitBytes: UInt = 1 << unitShift
let lineBytes: UInt = 1 << lineShift
let granuleBytes: UInt = 1 << granuleShift
let linesPerGranule: UInt = granuleBytes >> lineShift

/// Largest block whose bin malloc finds by its size alone.
let tinyMax: UInt = 1024
/// Largest block that free's hit path puts on its bin.
let smallMax: UInt = 4096
/// Largest block that shares its span with others.
let mediumMax: UInt = 32 * 1024
/// Largest block that the page heap serves.
let largeMax: UInt = 64 * 1024 * 1024
/// Largest request of all: what the C standard's pointer difference can express.
let requestMax: UInt = UInt(Int.max)

/// `value` rounded up to a multiple of `alignment`, a power of two. The caller excludes overflow.
@inline(__always)
func alignUp(_ value: UInt, to alignment: UInt) -> UInt {
    (value &+ (alignment &- 1)) & ~(alignment &- 1)
}

/// Whether `value` is a power of two.
@inline(__always)
func isPowerOfTwo(_ value: UInt) -> Bool {
    value != 0 && value & (value &- 1) == 0
}

/// The pointer at `address`, which is never 0 here.
@inline(__always)
func pointer<T: ~Copyable>(_ address: UInt, to type: T.Type) -> UnsafeMutablePointer<T> {
    UnsafeMutablePointer<T>(bitPattern: address).unsafelyUnwrapped
}
