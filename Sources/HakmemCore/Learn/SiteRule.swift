// SPDX-License-Identifier: MIT
//
// A rule for the blocks of one call site: where they come from and what becomes of them, learnt
// from what the site did or given by a person. A rule is advice: a wrong one costs time or memory.

/// Where a site's blocks go.
package enum SiteRoute: UInt8 {
    /// As their size says; the rule of every site until more is known.
    case pool = 0
    /// Freed blocks wait for the site in slots of its own, long, and push no others out.
    case bigCache
    /// Past the caches: freed memory is anybody's at once, and a whale is unmapped.
    case direct
    /// Freed blocks wait long, whoever asks for them first.
    case keepHot
    /// Freed memory goes back to the system at once.
    case purgeAtOnce

    package static let count = 5

    /// Whether freed blocks stay through pauses.
    var isHot: Bool { self == .bigCache || self == .keepHot }

    /// The route's name in profiles; never changed, only added to.
    package var word: StaticString {
        switch self {
        case .pool: "pool"
        case .bigCache: "bigcache"
        case .direct: "direct"
        case .keepHot: "keep-hot"
        case .purgeAtOnce: "purge"
        }
    }
}

package struct SiteRule: Equatable {
    package let route: SiteRoute
    /// What realloc should expect a growing block to become, in percent of what it is; 0 when
    /// nothing is known, 100…`growthPercentMax` else.
    package let growthPercent: UInt16

    package static let growthPercentMax: UInt16 = 400
    package static let none = SiteRule(route: .pool, growthPercent: 0)

    package init(route: SiteRoute, growthPercent: UInt16) {
        self.route = route
        self.growthPercent =
            growthPercent == 0 ? 0 : min(max(growthPercent, 100), SiteRule.growthPercentMax)
    }

    /// The rule as one word, for an atomic; 0 is `none`.
    var bits: UInt32 { UInt32(route.rawValue) << 16 | UInt32(growthPercent) }

    init(bits: UInt32) {
        self.init(
            route: SiteRoute(rawValue: UInt8(truncatingIfNeeded: bits >> 16)) ?? .pool,
            growthPercent: UInt16(truncatingIfNeeded: bits))
    }
}
