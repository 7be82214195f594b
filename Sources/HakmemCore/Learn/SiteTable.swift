// SPDX-License-Identifier: MIT
//
// The call sites that allocate: a table of fixed size over memory that its owner provides. It
// forgets: a site that finds its set full of sites in use leaves no trace but makes them weaker.
//
//   2^setBits sets of 4 entries, an entry a cache line:
//
//     bytes · site · rule · counts · sizes · lifetime · time to reuse · uses · growth
//
// Replacement: each time that a new site finds its set full, every entry of the set loses one use
// in eight; the entry without uses goes. So a site in use stays, however many pass by once.
//
// Owner and ordering: one writer at a time (the caller holds a lock, or drops the sample when it is
// taken). `rule` may be asked by any thread without it: it reads `site` and `rule` alone, which are
// atomic. Relaxed is enough, since a rule is advice: between a replaced site and its rule a reader
// may see the rule of the site before. Zeroed memory is an empty table.
//
// Cost: a look-up reads one to four lines; a record writes one.

import Synchronization

struct SiteEntry: ~Copyable {
    /// First, and not an atomic: tools take the writer's access to the first field for one to the
    /// whole entry.
    var bytes: UInt64
    /// The site's address; 0 in an unused entry. Partner of the load in SiteTable.rule.
    let site: Atomic<UInt>
    /// The bits of a SiteRule. Partner of the load in SiteTable.rule.
    let rule: Atomic<UInt32>
    var allocations: UInt32
    var frees: UInt32
    var growths: UInt32
    /// When the site last freed a block, in ms; 0 when there is nothing to measure from.
    var freedMs: UInt32
    /// In units of 16 bytes, and not above what fits.
    var sizeMin: UInt32
    var sizeMax: UInt32
    var lifetimeMs: UInt32
    var reuseMs: UInt32
    var sizes: SizeShares
    var uses: UInt16
    var growthPercent: UInt16
    /// Whether the rule was given, and is not to be learnt.
    var isGiven: Bool
}

struct SiteTable {
    private let entries: UnsafeMutablePointer<SiteEntry>
    let setBits: Int

    static let ways = 4
    static let entryBytes = 64
    private static let usesMax: UInt16 = 1 << 15
    /// A new value has the weight 1 / 2^shift in a moving average.
    private static let averageShift: UInt32 = 3
    /// Longer times count as this, in ms; in averages, all count as 1 ms more than they were.
    private static let passedMsMax: UInt32 = 3_600_000

    /// Bytes of a table with 2^`setBits` sets.
    static func bytes(setBits: Int) -> Int { (ways * entryBytes) << setBits }

    /// A table in `memory`: zeroed, aligned to an entry, as many bytes as `bytes(setBits:)` says.
    init(memory: UnsafeMutableRawPointer, setBits: Int) {
        precondition(setBits >= 1 && setBits <= 16)
        precondition(UInt(bitPattern: memory) % UInt(SiteTable.entryBytes) == 0)
        entries = memory.assumingMemoryBound(to: SiteEntry.self)
        self.setBits = setBits
    }

    var count: Int { SiteTable.ways << setBits }

    private func firstOfSet(_ site: UInt) -> Int {
        SiteHash.set(site, bits: setBits) * SiteTable.ways
    }

    /// The rule for a site; `none` when the table does not know it. Any thread.
    func rule(of site: UInt) -> SiteRule {
        let first = firstOfSet(site)
        for way in 0..<SiteTable.ways {
            let entry = entries + (first + way)
            if entry.pointee.site.load(ordering: .relaxed) == site {
                return SiteRule(bits: entry.pointee.rule.load(ordering: .relaxed))
            }
        }
        return .none
    }

    private func find(_ site: UInt) -> UnsafeMutablePointer<SiteEntry>? {
        let first = firstOfSet(site)
        for way in 0..<SiteTable.ways {
            let entry = entries + (first + way)
            if entry.pointee.site.load(ordering: .relaxed) == site { return entry }
        }
        return nil
    }

    /// The site's entry, new if need be; nil when its set is full of sites in use.
    private func obtain(_ site: UInt) -> UnsafeMutablePointer<SiteEntry>? {
        if site == 0 { return nil }
        if let entry = find(site) { return entry }
        let first = firstOfSet(site)
        var least: UnsafeMutablePointer<SiteEntry>?
        for way in 0..<SiteTable.ways {
            let entry = entries + (first + way)
            if entry.pointee.site.load(ordering: .relaxed) == 0 {
                replace(entry, by: site)
                return entry
            }
            entry.pointee.uses -= (entry.pointee.uses + 7) / 8
            if entry.pointee.uses == 0, !entry.pointee.isGiven { least = entry }
        }
        guard let least else { return nil }
        replace(least, by: site)
        return least
    }

    private func replace(_ entry: UnsafeMutablePointer<SiteEntry>, by site: UInt) {
        entry.pointee.rule.store(0, ordering: .relaxed)
        entry.pointee.site.store(site, ordering: .relaxed)
        entry.pointee.uses = 1
        entry.pointee.allocations = 0
        entry.pointee.frees = 0
        entry.pointee.growths = 0
        entry.pointee.freedMs = 0
        entry.pointee.bytes = 0
        entry.pointee.sizeMin = .max
        entry.pointee.sizeMax = 0
        entry.pointee.lifetimeMs = 0
        entry.pointee.reuseMs = 0
        entry.pointee.growthPercent = 0
        entry.pointee.sizes = SizeShares()
        entry.pointee.isGiven = false
    }

    /// A block of `bytes` was asked for at `site`, at `nowMs` of a clock that may wrap.
    func recordAllocation(_ site: UInt, bytes: UInt, nowMs: UInt32) {
        guard let entry = obtain(site) else { return }
        entry.pointee.uses = min(entry.pointee.uses + 1, SiteTable.usesMax)
        if entry.pointee.allocations == .max { return }
        entry.pointee.allocations += 1
        entry.pointee.bytes += UInt64(min(bytes, 1 << 31))
        let units = UInt32(clamping: (min(bytes, requestMax) + unitBytes - 1) >> unitShift)
        entry.pointee.sizes.add(bytes)
        entry.pointee.sizeMin = min(entry.pointee.sizeMin, units)
        entry.pointee.sizeMax = max(entry.pointee.sizeMax, units)
        if entry.pointee.freedMs != 0 {
            let passedMs = min(nowMs &- entry.pointee.freedMs, SiteTable.passedMsMax)
            SiteTable.average(&entry.pointee.reuseMs, passedMs + 1)
            entry.pointee.freedMs = 0
        }
    }

    /// A block of `site` was freed, `lifetimeMs` after it was asked for.
    func recordFree(_ site: UInt, lifetimeMs: UInt32, nowMs: UInt32) {
        guard let entry = find(site) else { return }
        if entry.pointee.frees < .max { entry.pointee.frees += 1 }
        SiteTable.average(
            &entry.pointee.lifetimeMs, min(lifetimeMs, SiteTable.passedMsMax) + 1)
        entry.pointee.freedMs = max(nowMs, 1)
    }

    /// A block of `site` grew by realloc.
    func recordGrowth(_ site: UInt, from oldBytes: UInt, to newBytes: UInt) {
        guard newBytes > oldBytes, oldBytes > 0, let entry = find(site) else { return }
        if entry.pointee.growths < .max { entry.pointee.growths += 1 }
        // Blocks so large that a hundred times their size is no number lose their last bits.
        let shift: UInt = oldBytes >> 32 == 0 ? 0 : 30
        let ratio = newBytes / oldBytes >= 4 ? 400 : (newBytes >> shift) * 100 / (oldBytes >> shift)
        var average = UInt32(entry.pointee.growthPercent)
        SiteTable.average(&average, UInt32(ratio))
        entry.pointee.growthPercent = UInt16(clamping: average)
    }

    /// Moves an average towards a value; the first value is the average. Neither is 0.
    private static func average(_ average: inout UInt32, _ value: UInt32) {
        if average == 0 {
            average = value
        } else if value >= average {
            let step = (value - average) >> averageShift
            average += value == average ? 0 : max(step, 1)
        } else {
            average -= max((average - value) >> averageShift, 1)
        }
    }

    /// Gives a site a rule that learning leaves alone; false when there is no place for it.
    func give(_ site: UInt, _ rule: SiteRule) -> Bool {
        guard let entry = obtain(site) else { return false }
        entry.pointee.rule.store(rule.bits, ordering: .relaxed)
        entry.pointee.isGiven = true
        return true
    }

    /// Draws every site's rule; whether one of them is a rule that says something. Free memory is
    /// given back after `delayMs`. For the tick.
    @discardableResult
    func decideRules(delayMs: UInt32) -> Bool {
        var isFound = false
        for index in 0..<count {
            let entry = entries + index
            if entry.pointee.site.load(ordering: .relaxed) == 0 { continue }
            if entry.pointee.isGiven {
                isFound = true
                continue
            }
            let rule = SiteTable.statistics(entry).rule(delayMs: delayMs)
            entry.pointee.rule.store(rule.bits, ordering: .relaxed)
            isFound = isFound || rule != .none
        }
        return isFound
    }

    /// Sites that the table knows, and those that have a rule. Any thread.
    var known: (sites: Int, rules: Int) {
        var sites = 0
        var rules = 0
        for index in 0..<count where entries[index].site.load(ordering: .relaxed) != 0 {
            sites += 1
            if entries[index].rule.load(ordering: .relaxed) != SiteRule.none.bits { rules += 1 }
        }
        return (sites, rules)
    }

    /// The site of an entry, its rule and its record; nil for an unused one.
    func entry(_ index: Int) -> (site: UInt, rule: SiteRule, statistics: SiteStatistics)? {
        let entry = entries + index
        let site = entry.pointee.site.load(ordering: .relaxed)
        if site == 0 { return nil }
        let rule = SiteRule(bits: entry.pointee.rule.load(ordering: .relaxed))
        return (site, rule, SiteTable.statistics(entry))
    }

    private static func statistics(_ entry: UnsafeMutablePointer<SiteEntry>) -> SiteStatistics {
        var statistics = SiteStatistics()
        statistics.allocations = entry.pointee.allocations
        statistics.frees = entry.pointee.frees
        statistics.growths = entry.pointee.growths
        statistics.bytes = entry.pointee.bytes
        if entry.pointee.allocations > 0 {
            statistics.sizeMin = UInt(entry.pointee.sizeMin) << unitShift
            statistics.sizeMax = UInt(entry.pointee.sizeMax) << unitShift
        }
        statistics.sizes = entry.pointee.sizes
        statistics.lifetimeMs = entry.pointee.lifetimeMs
        statistics.reuseMs = entry.pointee.reuseMs
        statistics.growthPercent = entry.pointee.growthPercent
        return statistics
    }

    static func assertLayout() {
        layoutAssert(MemoryLayout<SiteEntry>.stride == entryBytes)
    }
}
