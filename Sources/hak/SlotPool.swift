// SPDX-License-Identifier: MIT
//
// The places for blocks that the events of a trace name, and who waits for whom.
//
// A slot's generation counts the blocks that it has held, 16 bits of it. A thread that touches a
// slot whose last event was its own needs no wait: its stream is in order. Otherwise its event
// waits until the slot has the generation that the other thread's event leaves behind.
//
// A thread takes the slot that it freed last. Without one, it takes over the oldest of another
// thread that has more than slackMax of them: so producers do not run ahead of consumers by more,
// and slots stay about as many as blocks live at once.

/// Which slot an event names, and the generation to wait for, if any.
struct SlotUse: Equatable {
    let slot: Int
    let waitsFor: UInt16?
}

struct SlotPool {
    /// Free slots that each thread keeps before others take them over.
    static let slackMax = 256
    /// Threads that are asked for a slot before a new one is made.
    private static let askedMax = 8

    private struct Slot {
        /// The thread of the last event.
        var thread: Int
        var generation: UInt16
    }

    /// The slots that a thread has freed: a queue to others, a stack to itself.
    private struct FreeSlots {
        private var slots: [Int] = []
        private var first = 0

        var count: Int { slots.count - first }

        mutating func push(_ slot: Int) { slots.append(slot) }

        mutating func popLast() -> Int? { count > 0 ? slots.removeLast() : nil }

        mutating func popFirst() -> Int? {
            guard count > 0 else { return nil }
            defer {
                first += 1
                if first > 1024, first * 2 > slots.count {
                    slots.removeFirst(first)
                    first = 0
                }
            }
            return slots[first]
        }
    }

    private var slots: [Slot] = []
    private var free: [FreeSlots] = []
    /// The thread that is asked next.
    private var asked = 0

    /// Slots made.
    var count: Int { slots.count }

    /// A slot for a block that `thread` allocates.
    mutating func acquire(by thread: Int) -> SlotUse {
        while free.count <= thread { free.append(FreeSlots()) }
        if let slot = free[thread].popLast() ?? takeOver() { return use(slot, by: thread) }
        slots.append(Slot(thread: thread, generation: 1))
        return SlotUse(slot: slots.count - 1, waitsFor: nil)
    }

    /// The block in the slot moves: to a realloc of `thread`.
    mutating func renew(_ slot: Int, by thread: Int) -> SlotUse { use(slot, by: thread) }

    /// The block in the slot is freed by `thread`.
    mutating func release(_ slot: Int, by thread: Int) -> SlotUse {
        while free.count <= thread { free.append(FreeSlots()) }
        let waits = slots[slot].thread != thread
        slots[slot].thread = thread
        free[thread].push(slot)
        return SlotUse(slot: slot, waitsFor: waits ? slots[slot].generation : nil)
    }

    private mutating func use(_ slot: Int, by thread: Int) -> SlotUse {
        let before = slots[slot]
        slots[slot] = Slot(thread: thread, generation: before.generation &+ 1)
        return SlotUse(slot: slot, waitsFor: before.thread != thread ? before.generation : nil)
    }

    private mutating func takeOver() -> Int? {
        for _ in 0..<min(SlotPool.askedMax, free.count) {
            if free[asked].count > SlotPool.slackMax { return free[asked].popFirst() }
            asked = (asked + 1) % free.count
        }
        return nil
    }
}
