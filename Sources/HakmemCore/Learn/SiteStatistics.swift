// SPDX-License-Identifier: MIT
//
// What is known of a site, and the rule that follows from it.
//
//   seen seldom                                                    none
//   mostly large   used again soon: wait for it in its slots       bigCache
//                  not used again soon                             direct
//   other blocks   of whole spans, not used again soon             direct
//                  of whole spans, used again soon, short-lived    keepHot
//                  small                                           pool
//
// Times are counted in events of the table: they are what memory competes with, and need no clock.

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
    /// From a block's start to its end, and from an end to the next start, in events.
    package var lifetime: UInt32 = 0
    package var reuseDistance: UInt32 = 0
    /// The size after a growth in percent of the one before.
    package var growthPercent: UInt16 = 0

    package init() {}

    package var meanBytes: UInt {
        allocations == 0 ? 0 : UInt(bytes / UInt64(allocations))
    }

    /// Samples below which nothing is concluded.
    static let samplesMin: UInt32 = 16
    /// A distance up to this is soon, in events.
    static let soonEvents: UInt32 = 1024
    /// One growth in this many allocations makes a growing site.
    private static let growthsPerAllocation: UInt32 = 4
    /// Growth below this is what size classes cover anyhow, in percent.
    private static let growthPercentMin: UInt16 = 110

    /// The rule that the record speaks for.
    package var rule: SiteRule {
        guard allocations >= SiteStatistics.samplesMin else { return .none }
        return SiteRule(route: route, growthPercent: growth)
    }

    private var route: SiteRoute {
        let isReused = frees > 0 && reuseDistance > 0 && reuseDistance <= SiteStatistics.soonEvents
        let isFreed = frees >= SiteStatistics.samplesMin
        if sizes.isMostlyLarge {
            if isReused { return .bigCache }
            if !isFreed { return .pool }
            return .direct
        }
        if meanBytes <= mediumMax || !isFreed { return .pool }
        if !isReused { return .direct }
        return lifetime <= SiteStatistics.soonEvents ? .keepHot : .pool
    }

    private var growth: UInt16 {
        let isGrowing = growths >= allocations / SiteStatistics.growthsPerAllocation && growths > 0
        return isGrowing && growthPercent >= SiteStatistics.growthPercentMin ? growthPercent : 0
    }
}
