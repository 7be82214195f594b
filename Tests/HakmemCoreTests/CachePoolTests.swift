// SPDX-License-Identifier: MIT

import CHakmemShim
import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct MessageTests {
        init() { StartedHeap.ensure() }

        @Test func aMessageIsFullAtItsBound() throws {
            var spares = SpareMessages()
            let taken = spares.take()
            let message = try #require(taken)
            let sizeClass = SizeClass(bytes: tinyMax)
            for block in 1..<UInt(Message.blocksMax) {
                #expect(!message.append(block, sizeClass))
            }
            #expect(message.append(UInt(Message.blocksMax), sizeClass))
            #expect((0..<Int(Message.blocksMax)).allSatisfy { message.blocks[$0] == UInt($0) + 1 })
            spares.give(message)
            let again = spares.take()
            #expect(again?.address == message.address)
            #expect(again?.header.pointee.count == .some(0))
        }

        /// A thread keeps some of what nobody uses, and leaves the rest to the others in batches.
        @Test func spareMessagesGoRound() throws {
            var giver = SpareMessages()
            var taker = SpareMessages()
            let count = 5 * MessageBatch.count
            let messages = (0..<count).compactMap { _ in giver.take()?.address }
            try #require(Set(messages).count == count)
            for address in messages { giver.give(Message(address: address)) }
            let others = Set((0..<4 * MessageBatch.count).compactMap { _ in taker.take()?.address })
            let kept = Set((0..<MessageBatch.count).compactMap { _ in giver.take()?.address })
            #expect(others.isSubset(of: messages) && others.count == 4 * MessageBatch.count)
            #expect(kept.isSubset(of: messages) && kept.isDisjoint(with: others))
        }

        /// A message keeps few large blocks, which would be much memory, from their owner.
        @Test func aMessageIsFullOfSoManyBytes() throws {
            for bytes in [tinyMax + 1, 5000, mediumMax] as [UInt] {
                let sizeClass = SizeClass(bytes: bytes)
                var spares = SpareMessages()
                let taken = spares.take()
                let message = try #require(taken)
                var count: UInt = 1
                while !message.append(count * unitBytes, sizeClass) { count += 1 }
                let most = UInt(Message.bytesMax) + sizeClass.blockBytes
                #expect(count * sizeClass.blockBytes < most, "\(bytes) bytes")
                #expect(count > 1, "\(bytes) bytes")
            }
        }

        /// Caches of threads that begin together lie at equal distances: with their stacks between
        /// them, or without.
        @Test(arguments: [8493, 10_542, 8492, 8488, 16_384] as [UInt])
        func cachesOfLikeThreadsHaveMessagesOfTheirOwn(pages: UInt) {
            let slots = (0..<Outgoing.slotCount).map {
                Outgoing.slot(ThreadCache(at: 0x7F98_E6AD_2000 - $0 * pages << 12))
            }
            #expect(slots.allSatisfy { $0 < Int(Outgoing.slotCount) })
            #expect(Set(slots).count >= Int(Outgoing.slotCount) / 2, "\(slots)")
        }

        @Test func theOwnerWordNamesCacheAndClass() throws {
            try withCache { cache in
                for bytes in [16, tinyMax, tinyMax + 1, mediumMax] as [UInt] {
                    let block = try Block.take(bytes)
                    let owner = BlockMap.owner(block)
                    try require(Owner.cache(owner) == cache, "\(bytes) bytes: another cache")
                    try require(
                        Owner.sizeClass(owner) == SizeClass(bytes: bytes), "another class")
                    Block.free(block)
                }
            }
        }

        /// Blocks freed by another thread come home when it exits, and not before they are sent.
        @Test func exitSendsWhatWaits() throws {
            try withCache { cache in
                let blocks = try (0..<5).map { _ in try Block.take(200) }
                let isOpen = try onThread {
                    blocks.forEach(Block.free)
                    return blocks.allSatisfy(ThreadCache.isOut)
                }
                try require(isOpen, "a remote free cleared the map")
                try require(cache.header.pointee.inbox.load(ordering: .relaxed) != 0)
                cache.drainInbox()
                try require(!blocks.contains(where: ThreadCache.isOut), "blocks are still out")
            }
        }

        @Test func severalThreadsSendToSeveralOwners() throws {
            let owners = 6
            let held = (0..<owners).map { _ in Guarded<[UInt]>([]) }
            let barrier = Barrier(parties: owners)
            // Noted, not thrown: nobody may leave while others wait for him.
            let found = Guarded<[String]>([])
            try onThreads(owners) { number in
                hakFree(hakMalloc(1))
                let cache = ThreadCache(at: hak_cache_get())
                for round in 0..<10 {
                    let blocks = try (0..<500).map { try Block.take(UInt(16 + ($0 * 37) % 3000)) }
                    held[number].set(blocks)
                    barrier.wait()
                    // Each frees a part of every other's blocks.
                    for owner in 0..<owners where owner != number {
                        let share = (number + owners - owner - 1) % owners
                        let part = held[owner].get().enumerated().filter {
                            $0.offset % (owners - 1) == share
                        }
                        for (_, block) in part { Block.free(block) }
                    }
                    cache.header.pointee.outgoing.sendAll()
                    barrier.wait()
                    cache.drainInbox()
                    let lost = blocks.filter(ThreadCache.isOut)
                    let wrong = lost.map { "\($0) lost in round \(round)" } + cache.violations()
                    found.change { $0 += wrong.prefix(3) }
                    barrier.wait()
                }
            }
            #expect(found.get().isEmpty)
        }
    }

    @Suite struct CachePoolTests {
        init() { StartedHeap.ensure() }

        @Test func anExitedThreadsCacheIsAdopted() throws {
            let first = try withCache { $0.address }
            let count = cachePool.fields.pointee.cacheCount.load(ordering: .relaxed)
            for _ in 0..<50 { try require(withCache { $0.address } == first) }
            #expect(cachePool.fields.pointee.cacheCount.load(ordering: .relaxed) == count)
        }

        @Test func blocksOutliveTheirThread() throws {
            try withCache { own in
                let blocks = try withCache { _ in
                    try (0..<2000).map { index in
                        let block = try Block.take(UInt(16 + index % 900))
                        UnsafeMutableRawPointer(bitPattern: block)!.fill(16, UInt64(index))
                        return block
                    }
                }
                for (index, block) in blocks.enumerated() {
                    let memory = UnsafeMutableRawPointer(bitPattern: block)!
                    try require(memory.holds(16, UInt64(index)), "block \(index) changed")
                    Block.free(block)
                }
                own.header.pointee.outgoing.sendAll()
                // Nobody owns them: the sender has visited the cache and freed them itself.
                try require(!blocks.contains(where: ThreadCache.isOut), "blocks are still out")
            }
        }

        @Test func aThreadThatHasExitedBorrows() throws {
            try withCache { _ in
                let owned = cachePool.fields.pointee.ownedCount.load(ordering: .relaxed)
                try TestThread {
                    hakFree(hakMalloc(100))
                    hakThreadExit(nil)
                    for bytes in [24, 2000, 100_000] as [UInt] {
                        let block = try Block.take(bytes)
                        try require(hak_cache_get() == hak_cache_none(), "it kept a cache")
                        Block.free(block)
                    }
                }.join()
                try require(cachePool.fields.pointee.ownedCount.load(ordering: .relaxed) == owned)
            }
        }

        @Test func theExitKeyGivesTheCacheBack() throws {
            let owned = cachePool.fields.pointee.ownedCount.load(ordering: .relaxed)
            for _ in 0..<20 {
                try TestThread(returnsCache: false) { hakFree(hakMalloc(100)) }.join()
            }
            #expect(cachePool.fields.pointee.ownedCount.load(ordering: .relaxed) == owned)
        }
    }
}
