// SPDX-License-Identifier: MIT
//
// Call sites in the running heap: which site asked for a block of whole granules is written into
// the block's span; what becomes of the block is told to the site table; and the rules that follow
// are asked by the caches of large blocks and whales, and by realloc.
//
//   request ──► noteSite (thread cache) ──► span.site ──► free: which rule? ──► keep, purge, unmap
//                                           └► SiteTable: sizes, lifetimes, reuse, growth ──► rules
//
// Small and medium blocks have no site: their frees would have to look for it. Nothing of this is
// on a hit path, and without learning there is no table: rules are then `none` after one load.
//
// Guarded by: the table has one writer at a time, who has `busy`; it is only ever tried, and a
// sample that finds it taken is dropped. Rules are read by any thread (SiteTable). Counters
// are relaxed.

import CHakmemShim
import Synchronization

extension Span {
    /// Large blocks and whales: the low 48 bits of the call site; 0 when it is not known. It lies
    /// in fields that only slabs use.
    var site: UInt {
        get { UInt(header.pointee.cursor) | UInt(header.pointee.phase) << 32 }
        nonmutating set {
            header.pointee.cursor = UInt32(truncatingIfNeeded: newValue)
            header.pointee.phase = UInt16(truncatingIfNeeded: newValue >> 32)
        }
    }

    /// When the block was handed out, in ms.
    fileprivate var birthMs: UInt32 {
        get { header.pointee.blocksOut }
        nonmutating set { header.pointee.blocksOut = newValue }
    }
}

extension ThreadCache {
    /// Remembers where the request under way comes from, if anybody will ask.
    @inline(__always)
    func noteSite(_ site: UInt, bytes: UInt) {
        if SiteSamples.isOn, bytes > mediumMax { header.pointee.site = SiteWalk.program(site) }
    }

    /// The site of the request under way, for the block that it gets.
    @inline(__always)
    func takeSite() -> UInt {
        guard SiteSamples.isOn else { return 0 }
        let site = header.pointee.site
        header.pointee.site = 0
        return site
    }
}

/// What stands before the table in its mapping. Zeroed memory is its valid initial state.
struct SiteSamplesFields: ~Copyable {
    let busy: Atomic<UInt32>
    /// Samples taken. Written with busy.
    let samples: Atomic<UInt>
    /// Blocks that a site got back from its own slots; samples that found the table taken.
    let hits: Atomic<UInt>
    let dropped: Atomic<UInt>
    /// Whether any site has or had a rule. Guarded by: busy, but for the relaxed reading.
    let hasRules: Atomic<UInt32>
    /// Whether sites are learnt from; else rules stand as given. Written by the start.
    let areTaken: Atomic<UInt32>
}

enum SiteSamples {
    static let setBits = 8
    private static let headBytes: UInt = 4096

    /// Address of the fields and the table; 0 while sites are not learnt from. Guarded by: written
    /// once by the start.
    nonisolated(unsafe) private static var address: UInt = 0

    @inline(__always)
    static var isOn: Bool {
        #if HAKMEM_LEARNING
            return address != 0
        #else
            return false
        #endif
    }

    private static var bytes: UInt { headBytes + UInt(SiteTable.bytes(setBits: setBits)) }

    static var fields: UnsafeMutablePointer<SiteSamplesFields> {
        pointer(address, to: SiteSamplesFields.self)
    }

    /// The table. Writers have `busy`, or are alone.
    static var table: SiteTable {
        SiteTable(
            memory: UnsafeMutableRawPointer(bitPattern: address + headBytes).unsafelyUnwrapped,
            setBits: setBits)
    }

    /// For the start, and for tests; refused the memory, no site is known. Without `samples` rules
    /// are only given.
    static func begin(samples: Bool = true) {
        address = SystemCall.map(bytes: bytes) ?? 0
        if isOn { fields.pointee.areTaken.store(samples ? 1 : 0, ordering: .relaxed) }
    }

    /// Whether sites are learnt from.
    static var areTaken: Bool { isOn && fields.pointee.areTaken.load(ordering: .relaxed) != 0 }

    /// For tests: slow paths must be at rest.
    static func end() {
        if address != 0 { SystemCall.unmap(address, bytes: bytes) }
        address = 0
    }

    /// The rule of a site; `none` for 0.
    @inline(__always)
    static func rule(of site: UInt) -> SiteRule {
        if site == 0 || !isOn { return .none }
        return table.rule(of: site)
    }

    /// Whether any site has a rule, so that sites must be known.
    static var hasRules: Bool {
        isOn && fields.pointee.hasRules.load(ordering: .relaxed) != 0
    }

    /// Counts since the start; all 0 while sites are not learnt from.
    static var figures: (samples: UInt, hits: UInt, dropped: UInt) {
        if !isOn { return (0, 0, 0) }
        let samples = fields.pointee.samples.load(ordering: .relaxed)
        let hits = fields.pointee.hits.load(ordering: .relaxed)
        return (samples, hits, fields.pointee.dropped.load(ordering: .relaxed))
    }

    /// Sites in the table, and those that have a rule: as of some moment.
    static var known: (sites: Int, rules: Int) {
        isOn ? table.known : (0, 0)
    }

    static func countHit() { fields.pointee.hits.wrappingAdd(1, ordering: .relaxed) }

    // MARK: Samples

    /// A block of `site` was handed out. Also where no site is known: the span's fields are anyhow
    /// written.
    @inline(__always)
    static func noteAllocation(_ span: Span, _ site: UInt, bytes: UInt) {
        span.site = site
        if site == 0 || !areTaken { return }
        let nowMs = Clock.nowMs()
        span.birthMs = nowMs
        sample { $0.recordAllocation(site, bytes: bytes, nowMs: nowMs) }
    }

    /// A block was freed; says what its site's rule is.
    @inline(__always)
    static func noteFree(_ span: Span) -> SiteRoute {
        if !isOn { return .pool }
        let site = span.site
        if site == 0 { return .pool }
        if areTaken {
            let nowMs = Clock.nowMs()
            sample { $0.recordFree(site, lifetimeMs: nowMs &- span.birthMs, nowMs: nowMs) }
        }
        return rule(of: site).route
    }

    static func noteGrowth(_ site: UInt, from oldBytes: UInt, to newBytes: UInt) {
        if !areTaken { return }
        sample { $0.recordGrowth(site, from: oldBytes, to: newBytes) }
    }

    private static func sample(_ body: (SiteTable) -> Void) {
        write { table in
            ThreadCache.count(fields.pointee.samples)
            body(table)
        }
    }

    private static func write(_ body: (SiteTable) -> Void) {
        let isMine = fields.pointee.busy.compareExchange(
            expected: 0, desired: 1, ordering: .acquiring
        ).exchanged
        if !isMine {
            fields.pointee.dropped.wrappingAdd(1, ordering: .relaxed)
            return
        }
        body(table)
        fields.pointee.busy.store(0, ordering: .releasing)
    }

    /// Gives a site the rule that a profile has. For the start, which is alone.
    static func give(_ site: UInt, _ rule: SiteRule) {
        if table.give(site, rule) { fields.pointee.hasRules.store(1, ordering: .relaxed) }
    }

    /// Draws the rules of all sites. For the cold tick.
    static func decide() {
        let delayMs = UInt32(policy.pointee.purgeDelayMs)
        write { table in
            if table.decideRules(delayMs: delayMs) {
                fields.pointee.hasRules.store(1, ordering: .relaxed)
            }
        }
    }

    /// In a forked child: whoever was writing is not there.
    static func resetAfterFork() {
        if isOn { fields.pointee.busy.store(0, ordering: .relaxed) }
    }
}
