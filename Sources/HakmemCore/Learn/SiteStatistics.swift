// SPDX-License-Identifier: MIT
//
// What is known of a site, and the rule that follows from it.
//
// What decides is how long freed memory waits until its site asks for memory again, against how
// long free memory stays before it goes back to the system:
//
//   seen seldom, small, or freed seldom                            none, or pool
//   wanted again well within the delay, so kept through pauses     bigCache if mostly large
//                                                                  keepHot else
//   wanted again about when it would go back                       pool: as by size
//   wanted again later: it would go back and be missing anyhow     purgeAtOnce
//   never seen to be wanted again                                  direct: for anybody
//
// So a rule loses nothing against routing by size where a site does what it did.

/// A site's record, copied out of the table.
package struct SiteStatistics {
    /// Samples of blocks asked for, and of blocks freed.
    package var allocations: UInt32 = 0
    package var frees: UInt32 = 0
    /// Samples of growth by realloc.
    package var growths: UInt32 = 0
    package var bytes: UInt64 = 0
    package var sizeMin: UInt = 0
    package var sizeMax: UInt = 0
    package var sizes = SizeShares()
    /// Means from a block's start to its end, and from an end to the next start, in ms, and 1 more;
    /// 0 when none was seen.
    package var lifetimeMs: UInt32 = 0
    package var reuseMs: UInt32 = 0
    /// The size after a growth in percent of the one before.
    package var growthPercent: UInt16 = 0

    package init() {}

    package var meanBytes: UInt {
        allocations == 0 ? 0 : UInt(bytes / UInt64(allocations))
    }

    /// Samples below which nothing is concluded.
    static let samplesMin: UInt32 = 16
    /// Memory that waits up to this part of the delay is wanted again well within it.
    private static let soonPart: UInt32 = 4
    /// Smaller blocks are purged together with others, when they are due: a call for each is dear.
    private static let purgedBytesMin: UInt = 256 * 1024
    /// The least delay that rules are drawn for, in ms.
    private static let delayMsMin: UInt32 = 20
    /// One growth in this many allocations makes a growing site.
    private static let growthsPerAllocation: UInt32 = 4
    /// Growth below this is what size classes cover anyhow, in percent.
    private static let growthPercentMin: UInt16 = 110

    /// The rule that the record speaks for, where free memory goes back after `delayMs`.
    package func rule(delayMs: UInt32) -> SiteRule {
        guard allocations >= SiteStatistics.samplesMin else { return .none }
        return SiteRule(
            route: route(max(delayMs, SiteStatistics.delayMsMin)), growthPercent: growth)
    }

    private func route(_ delayMs: UInt32) -> SiteRoute {
        guard meanBytes > mediumMax, frees >= SiteStatistics.samplesMin else { return .pool }
        if reuseMs == 0 { return .direct }
        if reuseMs > delayMs {
            return meanBytes >= SiteStatistics.purgedBytesMin ? .purgeAtOnce : .direct
        }
        if reuseMs > delayMs / SiteStatistics.soonPart { return .pool }
        return sizes.isMostlyLarge ? .bigCache : .keepHot
    }

    private var growth: UInt16 {
        let isGrowing = growths >= allocations / SiteStatistics.growthsPerAllocation && growths > 0
        return isGrowing && growthPercent >= SiteStatistics.growthPercentMin ? growthPercent : 0
    }
}
