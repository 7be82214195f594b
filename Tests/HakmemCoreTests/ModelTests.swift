// SPDX-License-Identifier: MIT
//
// Random operations over the whole family against a shadow heap: alone, and in threads that hand
// blocks over, exit and adopt. HAKMEM_TEST_SECONDS makes the stress longer.

import CHakmemShim
import Foundation
import Glibc
import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct ModelTests {
        private static let steps = 20_000

        private func expectIntactPool(_ location: SourceLocation = #_sourceLocation) {
            let found = pageHeap.violations()
            #expect(found.isEmpty, "\(found.prefix(5))", sourceLocation: location)
        }

        @Test func oneThread() throws {
            let seed = Randomness.printedSeed()
            try withCache(isTicking: true) { cache in
                var shadow = ShadowHeap(seed: seed)
                for step in 0..<ModelTests.steps {
                    do { try shadow.step() } catch {
                        throw Violation(description: "step \(step): \(error)")
                    }
                    if step % 2000 == 0 { try requireIntact(cache) }
                }
                try shadow.releaseAll()
            }
        }

        @Test func threadsHandBlocksOver() throws {
            StartedHeap.ensure()
            let seed = Randomness.printedSeed()
            let mailbox = Guarded<[[ShadowBlock]]>([])
            try onThreads(4) { number in
                var shadow = ShadowHeap(seed: seed &+ UInt64(number) &* 7919, liveBytesMax: 8 << 20)
                for step in 0..<ModelTests.steps / 4 {
                    try shadow.step()
                    if step % 500 == 499 {
                        mailbox.change { $0.append(shadow.handOver()) }
                        if let other = mailbox.change({ $0.count > 2 ? $0.removeFirst() : nil }) {
                            shadow.take(other)
                        }
                    }
                }
                try shadow.releaseAll()
            }
            try onThread {
                var shadow = ShadowHeap(seed: 0)
                for each in mailbox.get() { shadow.take(each) }
                try shadow.releaseAll()
            }
            expectIntactPool()
        }

        /// Short-lived threads that leave blocks behind for others, until time is up.
        @Test func threadsComeAndGo() throws {
            StartedHeap.ensure()
            let seed = Randomness.printedSeed()
            let given = ProcessInfo.processInfo.environment["HAKMEM_TEST_SECONDS"]
            let deadline = ContinuousClock.now + .seconds(given.flatMap { Int($0) } ?? 2)
            let mailbox = Guarded<[ShadowBlock]>([])
            try onThreads(3) { number in
                var random = Randomness(seed: seed &+ UInt64(number))
                while ContinuousClock.now < deadline {
                    let childSeed = random.next()
                    try TestThread {
                        var shadow = ShadowHeap(seed: childSeed, liveBytesMax: 4 << 20)
                        shadow.take(
                            mailbox.change { blocks in
                                defer { blocks = [] }
                                return blocks
                            })
                        for _ in 0..<Int(childSeed % 400) { try shadow.step() }
                        let left = shadow.handOver()
                        try shadow.releaseAll()
                        mailbox.change { $0 += left }
                    }.join()
                }
            }
            try onThread {
                var shadow = ShadowHeap(seed: 0)
                shadow.take(mailbox.get())
                try shadow.releaseAll()
            }
            expectIntactPool()
            // Nobody owns a cache now: all of them are whole, and nothing is out.
            try withCache { _ in
                var found: [String] = []
                cachePool.forEachCache { cache in
                    if cache.header.pointee.state.load(ordering: .relaxed) == CacheState.pooled {
                        if cache.header.pointee.inbox.load(ordering: .relaxed) != 0 {
                            found.append("a message waits in a pooled cache")
                        }
                        found += cache.violations()
                    }
                }
                try require(found.isEmpty, found.prefix(5).joined(separator: "; "))
                let live = Statistics().classes[5].live
                try require(live == 0, "\(live) blocks of 80 bytes are out")
            }
        }
    }
}
