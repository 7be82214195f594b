// SPDX-License-Identifier: MIT
//
// The parts of slow paths that are timed, when anybody asks: HAKMEM_TIMING, or learning, which
// weighs the CPU time of its strategies.
//
//   meters: 16 shards of a record a section, mapped at the start if need be
//
// A thread takes the shard that its cache's address names, so that threads seldom share one; the
// records are atomic because they may. Sections nest: a refill is part of the slow path around it.
// Learning weighs the outer ones alone, and pauses them while there is nothing to decide.
//
// Off, a section costs a load and a branch that is never taken; and nothing in a library that was
// built without the traits Timing and Learning. On, two readings of the time-stamp counter and
// three additions: SectionsReport prints what that is on this machine. While anything is measured,
// blocks that the first step of a slow path could serve take the whole of it, and are in its time.

import CHakmemShim
import Synchronization

enum Section: Int {
    case mallocSlow, freeSlow, refill, flush, drain, tick
    case largeGet, largePut, whaleGet, whalePut
    case mmap, munmap, mremap, madvise

    static let count = 14

    /// Whether the section is a whole slow path, and none of its parts.
    @inline(__always)
    var isWhole: Bool { self == .mallocSlow || self == .freeSlow }

    /// The seed's names, where it had them.
    var name: StaticString {
        switch self {
        case .mallocSlow: "hak_alloc slow path"
        case .freeSlow: "hak_free slow path"
        case .refill: "refill"
        case .flush: "flush"
        case .drain: "drain"
        case .tick: "tick"
        case .largeGet: "bigcache_get"
        case .largePut: "bigcache_put"
        case .whaleGet: "whale_get"
        case .whalePut: "whale_put"
        case .mmap: "syscall_mmap"
        case .munmap: "syscall_munmap"
        case .mremap: "syscall_mremap"
        case .madvise: "syscall_madvise"
        }
    }
}

/// What was measured of a section, in one shard. Relaxed: read as of some moment.
struct SectionMeter: ~Copyable {
    let calls: Atomic<UInt>
    let ticks: Atomic<UInt>
    let longest: Atomic<UInt>
    let last: Atomic<UInt>
}

/// How much of slow paths is measured.
enum SectionLevel: UInt32 {
    case nothing = 0
    /// Nothing is timed, but call sites are looked at, which only the whole of a slow path does.
    case sites
    /// Whole slow paths are timed.
    case whole
    /// Their parts too.
    case parts
}

#if HAKMEM_TIMING || HAKMEM_LEARNING
    /// A SectionLevel. Written by the start and the cold tick; relaxed: late is as good.
    private let sectionLevel = Atomic<UInt32>(0)
#endif

enum Sections {
    static let shardCount: UInt = 16
    static let bytes = shardCount * UInt(Section.count) * UInt(MemoryLayout<SectionMeter>.stride)

    /// Address of the meters; 0 while nothing is measured. Guarded by: written once by the start.
    #if HAKMEM_TIMING || HAKMEM_LEARNING
        nonisolated(unsafe) static var metersAddress: UInt = 0
    #else
        static var metersAddress: UInt { 0 }
    #endif

    @inline(__always)
    static var areMeasured: Bool {
        #if HAKMEM_TIMING || HAKMEM_LEARNING
            return sectionLevel.load(ordering: .relaxed) != SectionLevel.nothing.rawValue
        #else
            return false
        #endif
    }

    /// Begins to measure; refused the memory, nothing is. For the start.
    static func begin(_ level: SectionLevel) {
        #if HAKMEM_TIMING || HAKMEM_LEARNING
            metersAddress = SystemCall.map(bytes: bytes) ?? 0
            if metersAddress != 0 { measure(level) }
        #endif
    }

    /// Changes how much is measured, after `begin`. For the cold tick, and for tests.
    static func measure(_ level: SectionLevel) {
        #if HAKMEM_TIMING || HAKMEM_LEARNING
            sectionLevel.store(level.rawValue, ordering: .relaxed)
        #endif
    }

    #if HAKMEM_TIMING || HAKMEM_LEARNING
        @inline(__always)
        private static func isTimed(_ section: Section) -> Bool {
            let least = section.isWhole ? SectionLevel.whole : .parts
            return sectionLevel.load(ordering: .relaxed) >= least.rawValue
        }
    #endif

    /// The shard of the calling thread.
    private static var shard: UInt { (hak_cache_get() >> 16) & (shardCount - 1) }

    /// How long the calling thread's last run of a section took, or another's of its shard.
    static func lastTicks(_ section: Section) -> UInt {
        meter(section, shard: shard).pointee.last.load(ordering: .relaxed)
    }

    static func meter(_ section: Section, shard: UInt) -> UnsafeMutablePointer<SectionMeter> {
        let index = shard &* UInt(Section.count) &+ UInt(section.rawValue)
        return pointer(
            metersAddress &+ index &* UInt(MemoryLayout<SectionMeter>.stride),
            to: SectionMeter.self)
    }

    /// Runs `body` as a section.
    @inline(__always)
    static func measure<Result>(_ section: Section, _ body: () -> Result) -> Result {
        #if HAKMEM_TIMING || HAKMEM_LEARNING
            if !isTimed(section) { return body() }
            let start = hak_ticks()
            let result = body()
            note(section, hak_ticks() &- start)
            return result
        #else
            return body()
        #endif
    }

    @inline(never)
    private static func note(_ section: Section, _ ticks: UInt64) {
        let meter = meter(section, shard: shard)
        let amount = UInt(ticks)
        meter.pointee.last.store(amount, ordering: .relaxed)
        meter.pointee.calls.wrappingAdd(1, ordering: .relaxed)
        meter.pointee.ticks.wrappingAdd(amount, ordering: .relaxed)
        if amount > meter.pointee.longest.load(ordering: .relaxed) {
            meter.pointee.longest.store(amount, ordering: .relaxed)
        }
    }

    /// Takes back what the calling thread has measured in trying how dear that is.
    static func forget(_ section: Section, calls: UInt, ticks: UInt) {
        let meter = meter(section, shard: shard)
        meter.pointee.calls.wrappingSubtract(calls, ordering: .relaxed)
        meter.pointee.ticks.wrappingSubtract(ticks, ordering: .relaxed)
    }

    /// What all threads have measured of a section.
    static func total(_ section: Section) -> (calls: UInt, ticks: UInt, longest: UInt) {
        if metersAddress == 0 { return (0, 0, 0) }
        var calls: UInt = 0
        var ticks: UInt = 0
        var longest: UInt = 0
        for shard in 0..<shardCount {
            let meter = meter(section, shard: shard)
            calls &+= meter.pointee.calls.load(ordering: .relaxed)
            ticks &+= meter.pointee.ticks.load(ordering: .relaxed)
            longest = max(longest, meter.pointee.longest.load(ordering: .relaxed))
        }
        return (calls, ticks, longest)
    }
}
