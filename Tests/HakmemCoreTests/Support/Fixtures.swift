// SPDX-License-Identifier: MIT
//
// What the tests of the heap share. The heap is the process's, so its suites run one after another:
// each is an extension of `HeapTests`.

import CHakmemShim
import Glibc
import Testing

@testable import HakmemCoreHosted

@Suite(.serialized)
struct HeapTests {}

/// The heap, started, with the exit key and the fork handlers of the shipped library.
enum StartedHeap {
    private static let started: Void = hakConstructor()

    static func ensure() { _ = started }
}

enum Heap {
    /// The lowest address of the newest chunk.
    static func start() throws -> UInt {
        hakFree(hakMalloc(1))
        guard let chunk = pageHeap.firstChunk else {
            throw Violation(description: "no chunk")
        }
        return chunk.start
    }
}

/// Runs `body` in a new thread with the cache that it has adopted, and looks the cache and the page
/// heap over afterwards.
///
/// Unless it `isTicking`, nothing ages what the cache keeps while the test looks at it, nor before
/// the cache's next thread does: how long a test has taken does not change what it sees.
@discardableResult
func withCache<Value>(
    isTicking: Bool = false, _ body: @escaping (ThreadCache) throws -> Value
) throws -> Value {
    StartedHeap.ensure()
    return try onThread {
        hakFree(hakMalloc(1))
        let cache = ThreadCache(at: hak_cache_get())
        cache.endSettling()
        if !isTicking { cache.header.pointee.callsUntilTick = .max }
        cache.header.pointee.freshGranules = 0
        defer { cache.header.pointee.callsUntilTick = ThreadCache.callsPerTick }
        let value = try body(cache)
        try requireIntact(cache)
        return value
    }
}

/// Throws where an invariant of a cache or of the page heap does not hold.
func requireIntact(_ cache: ThreadCache, line: UInt = #line) throws {
    let violations = cache.violations() + pageHeap.violations()
    try require(violations.isEmpty, violations.prefix(5).joined(separator: "; "), line: line)
}

/// Runs `body` with one option other than the process has it.
func withOption<Option, Value>(
    _ option: WritableKeyPath<OptionValues, Option>, _ value: Option, _ body: () throws -> Value
) rethrows -> Value {
    StartedHeap.ensure()
    let saved = process.options
    process.options[keyPath: option] = value
    Policy.make()
    defer {
        process.options = saved
        Policy.make()
    }
    return try body()
}

extension OptionValues {
    /// What a process with this environment has. The texts live as long as the process.
    static func parsed(_ environment: [String]) -> OptionValues {
        var entries: [UnsafePointer<CChar>?] = environment.map { UnsafePointer(strdup($0)) }
        entries.append(nil)
        return entries.withUnsafeBufferPointer { OptionValues(environment: $0.baseAddress) }
    }
}

/// Runs `body` while sections are measured and, given a mode, strategies are learnt.
func withLearning<Value>(
    _ mode: EvolutionMode? = nil, profile: String? = nil, log: Int32 = -1,
    _ body: () throws -> Value
) throws -> Value {
    StartedHeap.ensure()
    guard let meters = SystemCall.map(bytes: Sections.bytes) else { throw Violation.outOfMemory }
    Sections.metersAddress = meters
    Sections.measure(.parts)
    if let mode {
        if let profile {
            profile.withCString { Evolution.begin(mode, profile: $0, log: log) }
        } else {
            Evolution.begin(mode, profile: nil, log: log)
        }
    }
    defer {
        Evolution.end()
        Sections.measure(.nothing)
        Sections.metersAddress = 0
        SystemCall.unmap(meters, bytes: Sections.bytes)
        Policy.make()
    }
    return try body()
}

/// Descriptors of a pipe; `collect` reads what was written after closing the writing end.
struct Pipe {
    let reading: Int32
    let writing: Int32

    init() {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0)
        (reading, writing) = (ends[0], ends[1])
    }

    /// All that was written, at most what a pipe holds.
    func collect() -> String {
        close(writing)
        defer { close(reading) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(reading, &chunk, chunk.count)
            if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}

extension UnsafeMutableRawPointer {
    var address: UInt { UInt(bitPattern: self) }

    /// Fills the block with a pattern of `identity`; `holds` verifies it.
    func fill(_ bytes: UInt, _ identity: UInt64) {
        let words = Int(bytes / 8)
        let start = assumingMemoryBound(to: UInt64.self)
        for index in 0..<words { start[index] = identity &* UInt64(index | 1) }
        for index in words * 8..<Int(bytes) {
            storeBytes(of: UInt8(truncatingIfNeeded: identity), toByteOffset: index, as: UInt8.self)
        }
    }

    func holds(_ bytes: UInt, _ identity: UInt64) -> Bool {
        let words = Int(bytes / 8)
        let start = assumingMemoryBound(to: UInt64.self)
        for index in 0..<words where start[index] != identity &* UInt64(index | 1) { return false }
        return true
    }

    func isZero(_ bytes: UInt) -> Bool {
        let words = UnsafeRawBufferPointer(start: self, count: Int(bytes))
        return words.allSatisfy { $0 == 0 }
    }
}

extension Span {
    /// Whether its memory may be other than zero. (Expectations cannot look into a header.)
    var isDirty: Bool { header.pointee.isDirty }
}
