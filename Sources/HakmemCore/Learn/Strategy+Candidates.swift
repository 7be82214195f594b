// SPDX-License-Identifier: MIT
//
// Which strategies a load can tell apart, and in which order they are tried: those that change one
// thing first, those that change everything last, and the two extremes only if what goes half as
// far in their direction was better.
//
//   default ─ large-keeper, grower, wide-refill, whale-keeper, patient ─► hoard, if anything is
//             better than before ─ huge-pages, narrow-refill, by-site, lean ─► prompt, if lean is
//             better

extension Strategy {
    /// The strategy that is tried at a place in the order, 0..<count.
    static func inOrder(_ place: Int) -> Int {
        let order: InlineArray<12, UInt8> = [0, 5, 9, 7, 6, 3, 4, 10, 8, 11, 1, 2]
        return Int(order[place])
    }

    /// The two that go as far as there is to go, and what goes half as far as the first.
    static let prompt = 2
    static let hoard = 4
    static let lean = 1

    /// Whether this one and another would do the same under a load with these demands, measured
    /// under `running`.
    func isSame(as other: Strategy, under demands: Demands, running: Strategy) -> Bool {
        !(differsInCaches(from: other, demands) || differsInDelay(from: other, demands, running)
            || differsInCounts(from: other, demands))
    }

    private func differsInCaches(from other: Strategy, _ demands: Demands) -> Bool {
        if largeCacheBytesMax != other.largeCacheBytesMax {
            let limit = min(largeCacheBytesMax, other.largeCacheBytesMax)
            if demands.feelsLargeMisses { return true }
            if demands.feels(peak: demands.largeBytesPeak, above: limit) { return true }
        }
        if largeCacheSlackShift != other.largeCacheSlackShift, demands.feelsLargeMisses {
            return true
        }
        if whaleCacheBytesMax != other.whaleCacheBytesMax {
            let limit = min(whaleCacheBytesMax, other.whaleCacheBytesMax)
            if demands.feelsWhaleMisses { return true }
            if demands.feels(peak: demands.whaleBytesPeak, above: limit) { return true }
        }
        let limit = min(retainBytesMax, other.retainBytesMax)
        return retainBytesMax != other.retainBytesMax
            && demands.feels(peak: demands.dirtyBytesPeak, above: limit)
    }

    /// A longer delay shows where something was given back; a shorter one where something is kept.
    private func differsInDelay(
        from other: Strategy, _ demands: Demands, _ running: Strategy
    ) -> Bool {
        if purgeDelayMs == other.purgeDelayMs { return false }
        if demands.feelsPurges { return true }
        return min(purgeDelayMs, other.purgeDelayMs) < running.purgeDelayMs && demands.feelsKept
    }

    private func differsInCounts(from other: Strategy, _ demands: Demands) -> Bool {
        if refillBlocksMax != other.refillBlocksMax, demands.feelsRefills,
            min(refillBlocksMax, other.refillBlocksMax) < 2 * demands.refillMean
        {
            return true
        }
        if headRoomPercent != other.headRoomPercent, demands.feelsMoves { return true }
        let misses = demands.feelsLargeMisses || demands.feelsWhaleMisses
        if bigCacheSlots != other.bigCacheSlots, misses { return true }
        return usesHugePages != other.usesHugePages && demands.feelsWhaleMisses
    }

    /// Every strategy: what competes where nothing is known of a load's demands.
    package static let everyone: UInt16 = 1 << UInt16(count) - 1

    /// Bit i: strategy i is worth a trial under a load with these demands, measured under
    /// `running`. Of those that do the same the first in the order stands for all, `running` for
    /// its like. Huge pages are none where whales are written sparsely.
    /// `strategy` gives the strategies as they are in this process.
    static func candidates(
        _ running: Int, under demands: Demands, _ strategy: (Int) -> Strategy = { at($0) }
    ) -> UInt16 {
        let active = strategy(running)
        var candidates: UInt16 = 1 << UInt16(running)
        for place in 0..<count {
            let index = inOrder(place)
            if strategy(index).usesHugePages, demands.isSparse { continue }
            var isNew = true
            for other in 0..<count where candidates >> UInt16(other) & 1 == 1 {
                if strategy(index).isSame(as: strategy(other), under: demands, running: active) {
                    isNew = false
                }
            }
            if isNew { candidates |= 1 << UInt16(index) }
        }
        return candidates
    }
}
