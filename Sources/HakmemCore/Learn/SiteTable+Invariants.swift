// SPDX-License-Identifier: MIT
//
// What must hold of a site table between two calls of its writer.

extension SiteTable {
    /// Every site stands in its own set and once, and its record is consistent. By the writer.
    func checkInvariants() {
        for index in 0..<count {
            guard let entry = entry(index) else { continue }
            precondition(SiteHash.set(entry.site, bits: setBits) == index / SiteTable.ways)
            let first = index / SiteTable.ways * SiteTable.ways
            for other in first..<index { precondition(self.entry(other)?.site != entry.site) }
            let record = entry.statistics
            precondition(record.allocations == 0 || record.sizeMin <= record.sizeMax)
            precondition(record.growthPercent <= SiteRule.growthPercentMax)
            precondition((record.growths == 0) == (record.growthPercent == 0))
            precondition((record.frees == 0) == (record.lifetimeMs == 0))
        }
    }
}
