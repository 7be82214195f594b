// SPDX-License-Identifier: MIT
//
// Where a site's entry may stand: the set of a call site's address. A multiplication by 2^64 / φ,
// of which the upper bits are taken: they depend on all bits below. Chosen by experiment on return
// addresses of real programs (docs/adr/0007-site-hash.md).

enum SiteHash {
    private static let factor: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// The set of `site` among 2^`bits` sets, `bits` from 1 to 63.
    @inline(__always)
    static func set(_ site: UInt, bits: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(site) &* factor) >> UInt64(64 - bits))
    }
}
