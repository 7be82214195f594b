// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import HakmemCoreHosted

@Suite struct SiteTableTests {
    private static let setBits = 4

    /// Runs `body` on a table of its own.
    private func withTable(_ body: (SiteTable) -> Void) {
        let bytes = SiteTable.bytes(setBits: SiteTableTests.setBits)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        body(SiteTable(memory: memory, setBits: SiteTableTests.setBits))
        memory.deallocate()
    }

    /// Sites that share a set with `site`.
    private func rivals(of site: UInt, _ count: Int) -> [UInt] {
        let set = SiteHash.set(site, bits: SiteTableTests.setBits)
        var sites: [UInt] = []
        var next = site
        while sites.count < count {
            next += 5
            if SiteHash.set(next, bits: SiteTableTests.setBits) == set { sites.append(next) }
        }
        return sites
    }

    private func statistics(_ table: SiteTable, _ site: UInt) -> SiteStatistics? {
        for index in 0..<table.count {
            if let entry = table.entry(index), entry.site == site { return entry.statistics }
        }
        return nil
    }

    @Test func layout() {
        SiteTable.assertLayout()
        #expect(MemoryLayout<SiteEntry>.stride == 64)
        #expect(SiteTable.bytes(setBits: 8) == 256 * 4 * 64)
    }

    @Test func aSitesRecord() {
        withTable { table in
            for (event, bytes) in [100, 200, 1_000_000].enumerated() {
                table.recordAllocation(0x4010, bytes: UInt(bytes), nowMs: UInt32(10 * event + 1))
                table.recordFree(0x4010, lifetimeMs: 5, nowMs: UInt32(10 * event + 6))
            }
            table.recordGrowth(0x4010, from: 100, to: 200)
            guard let record = statistics(table, 0x4010) else { return }
            #expect(record.allocations == 3 && record.frees == 3 && record.growths == 1)
            #expect(record.sizeMin == 112 && record.sizeMax == 1_000_000)
            #expect(record.bytes == 1_000_300 && record.meanBytes == 333_433)
            #expect(record.lifetimeMs == 6 && record.reuseMs == 6)
            #expect(record.growthPercent == 200)
            #expect((0..<8).map { record.sizes[$0] } == [1, 1, 0, 0, 0, 0, 0, 1])
        }
    }

    @Test func averagesReachTheirValue() {
        withTable { table in
            table.recordAllocation(0x10, bytes: 10, nowMs: 1)
            table.recordFree(0x10, lifetimeMs: 1000, nowMs: 1)
            for _ in 0..<400 { table.recordFree(0x10, lifetimeMs: 3, nowMs: 1) }
            #expect(statistics(table, 0x10)?.lifetimeMs == 4)
            for _ in 0..<400 { table.recordFree(0x10, lifetimeMs: 90, nowMs: 1) }
            #expect(statistics(table, 0x10)?.lifetimeMs == 91)
            table.recordGrowth(0x10, from: 16, to: 1 << 40)
            #expect(statistics(table, 0x10)?.growthPercent == 400)
        }
    }

    @Test func unknownSitesLeaveNothing() {
        withTable { table in
            table.recordFree(0x99, lifetimeMs: 1, nowMs: 1)
            table.recordGrowth(0x99, from: 1, to: 2)
            table.recordAllocation(0, bytes: 1, nowMs: 1)
            let isEmpty = (0..<table.count).allSatisfy { table.entry($0) == nil }
            #expect(isEmpty)
            #expect(table.rule(of: 0x99) == .none)
        }
    }

    @Test func sitesInUseStay() {
        withTable { table in
            let used = rivals(of: 0x55_0000, 4)
            for site in used {
                for event in 1...100 {
                    table.recordAllocation(site, bytes: 8, nowMs: UInt32(event))
                }
            }
            // Passers-by do not get in …
            for site in rivals(of: 0x77_0000, 8).prefix(8) {
                table.recordAllocation(site, bytes: 8, nowMs: 1)
            }
            for site in used { #expect(statistics(table, site) != nil) }
        }
    }

    @Test func sitesOutOfUseGo() {
        withTable { table in
            let sites = rivals(of: 0x55_0000, 5)
            for site in sites.prefix(4) { table.recordAllocation(site, bytes: 8, nowMs: 1) }
            for _ in 0..<20 { table.recordAllocation(sites[4], bytes: 8, nowMs: 1) }
            #expect(statistics(table, sites[4]) != nil)
        }
    }

    @Test func givenRulesStay() {
        withTable { table in
            let rule = SiteRule(route: .direct, growthPercent: 150)
            let sites = rivals(of: 0x55_0000, 30)
            let isGiven = table.give(sites[0], rule)
            #expect(isGiven)
            for site in sites.dropFirst() {
                for _ in 0..<50 { table.recordAllocation(site, bytes: 8, nowMs: 1) }
            }
            table.decideRules(delayMs: 100)
            #expect(table.rule(of: sites[0]) == rule)
            for site in sites[1...3] { _ = table.give(site, rule) }
            let others = sites.filter { table.rule(of: $0) == .none }
            #expect(others.count >= 26)
        }
    }

    @Test func rulesAreDrawnFromRecords() {
        withTable { table in
            var event: UInt32 = 1
            for _ in 0..<40 {
                table.recordAllocation(0x1234, bytes: 1 << 20, nowMs: event)
                table.recordFree(0x1234, lifetimeMs: 2, nowMs: event + 2)
                event += 4
            }
            #expect(table.rule(of: 0x1234) == .none)
            table.decideRules(delayMs: 100)
            #expect(table.rule(of: 0x1234).route == .bigCache)
        }
    }

    @Test func anyEventsLeaveItSound() {
        let seed = Randomness.printedSeed()
        var randomness = Randomness(seed: seed)
        withTable { table in
            for step in 0..<20_000 {
                let site = UInt(0x4000 + 8 * (randomness.below(12) * randomness.below(20)))
                let event = UInt32(truncatingIfNeeded: randomness.next())
                switch randomness.below(8) {
                case 0...3:
                    table.recordAllocation(site, bytes: randomness.size(max: 1 << 62), nowMs: event)
                case 4...5: table.recordFree(site, lifetimeMs: event, nowMs: event)
                case 6: table.recordGrowth(site, from: 1 << (event % 40), to: 1 << (event % 41))
                default: table.decideRules(delayMs: event % 1000)
                }
                if step % 100 == 0 { table.checkInvariants() }
            }
            table.checkInvariants()
        }
    }

    /// One thread writes; others ask for rules and get one that some site had.
    @Test func rulesMayBeAskedByAnyThread() throws {
        let bytes = SiteTable.bytes(setBits: SiteTableTests.setBits)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        let address = UInt(bitPattern: memory)
        let sites = rivals(of: 0x1000, 12)
        let rule = SiteRule(route: .direct, growthPercent: 0)
        try onThreads(4) { number in
            let memory = try #require(UnsafeMutableRawPointer(bitPattern: address))
            let table = SiteTable(memory: memory, setBits: SiteTableTests.setBits)
            for round in 0..<2000 {
                let site = sites[(round + number) % sites.count]
                if number == 0 {
                    table.recordAllocation(site, bytes: 8, nowMs: 1)
                    if round % 50 == 0 { _ = table.give(sites[0], rule) }
                } else {
                    let found = table.rule(of: site)
                    try require(found == rule || found == .none, "a rule that nobody gave")
                }
            }
        }
    }
}
