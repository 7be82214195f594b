// SPDX-License-Identifier: MIT
//
// The blocks of a replay, by the slots that its events name.
//
//   word of a slot:  generation, 16 bits │ address, 48 bits; 0 while the slot is free
//
// An event that follows one of another thread waits until the word has the generation that the
// other leaves behind: with an address before a free or a realloc, without one before a new block.
// Words are stored with release and awaited with acquire order: what a thread has written to a
// block is there for the thread that frees it. Every wait is for an event that comes before in the
// recorded order, so there is always a thread that need not wait.

import CWorkload
import Synchronization

struct ReplaySlots {
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    let count: Int

    private static let addressBits: UInt64 = 48
    private static let addressMask: UInt64 = (1 << addressBits) - 1

    init(count: Int) {
        let bytes = max(count, 1) * MemoryLayout<Atomic<UInt64>>.stride
        guard let memory = workload_map(bytes) else {
            fail("no memory for the slots of the trace", status: ExitStatus.failure)
        }
        workload_touch(memory, bytes)  // its page faults are not the allocator's
        words = memory.bindMemory(to: Atomic<UInt64>.self, capacity: max(count, 1))
        self.count = count
    }

    /// Bytes of the table, which are part of the resident set.
    var bytes: Int { count * MemoryLayout<Atomic<UInt64>>.stride }

    /// The block in the slot.
    @inline(__always)
    func block(_ slot: Int) -> UnsafeMutableRawPointer? {
        let word = words[slot].load(ordering: .relaxed)
        return UnsafeMutableRawPointer(bitPattern: UInt(word & Self.addressMask))
    }

    /// Another block comes into the slot.
    @inline(__always)
    func put(_ block: UnsafeMutableRawPointer, in slot: Int) {
        let generation = (words[slot].load(ordering: .relaxed) >> Self.addressBits) &+ 1
        let word = generation << Self.addressBits | UInt64(UInt(bitPattern: block))
        words[slot].store(word, ordering: .releasing)
    }

    /// The slot is free.
    @inline(__always)
    func clear(_ slot: Int) {
        let word = words[slot].load(ordering: .relaxed)
        words[slot].store(word & ~Self.addressMask, ordering: .releasing)
    }

    /// Waits until the slot has the generation and a block, or none.
    @inline(never)
    func await(_ slot: Int, generation: UInt64, holdsBlock: Bool) {
        ReplayWait.until {
            let word = words[slot].load(ordering: .acquiring)
            return word >> Self.addressBits == generation
                && (word & Self.addressMask != 0) == holdsBlock
        }
    }

    /// Blocks that are in slots.
    func liveCount() -> Int {
        var live = 0
        for slot in 0..<count where block(slot) != nil { live += 1 }
        return live
    }
}
