// SPDX-License-Identifier: MIT
//
// A bounded bag through which threads hand blocks to each other.
//
// Its memory is its own mapping, so that a forked child can take blocks out without help from
// anything that another thread held at the fork.

import Glibc

/// A block that travels: whoever has it may free it.
struct Parcel {
    let block: Block
    let size: UInt
    let identity: UInt64

    /// A new block, filled.
    static func make(size: UInt, _ random: inout Randomness) -> Parcel {
        let identity = random.next()
        let block: Block?
        switch identity % 16 {
        case 0: block = heap.calloc(size, 1)
        case 1: block = heap.memalign(64 << UInt(identity >> 8 & 7), size)
        case 2: block = heap.realloc(heap.malloc(size / 2 + 1), size)
        default: block = heap.malloc(size)
        }
        guard let block else { fail("no block of \(size) bytes") }
        if identity % 16 == 0, !Pattern.isZero(block, size) { fail("calloc gave dirty memory") }
        Pattern.fill(block, size, identity)
        return Parcel(block: block, size: size, identity: identity)
    }

    /// Whether the contents are as they were left.
    var isIntact: Bool { Pattern.holds(block, size, identity) }

    /// Verifies and frees the block.
    func release() {
        if !isIntact { fail("a block of \(size) bytes at \(block) changed") }
        heap.free(block)
    }

    /// The same block in another size.
    func resized(to newSize: UInt) -> Parcel {
        if !isIntact { fail("a block of \(size) bytes at \(block) changed") }
        guard let moved = heap.realloc(block, newSize) else { fail("realloc gave NULL") }
        if !Pattern.holds(moved, min(size, newSize), identity) { fail("realloc lost contents") }
        Pattern.fill(moved, newSize, identity)
        return Parcel(block: moved, size: newSize, identity: identity)
    }
}

/// The bag. Guarded by: its lock.
final class Exchange: @unchecked Sendable {
    private let lock = Mutex()
    private let parcels: UnsafeMutablePointer<Parcel>
    private let capacity: Int
    private var count = 0

    init(capacity: Int) {
        self.capacity = capacity
        let bytes = capacity * MemoryLayout<Parcel>.stride
        let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { fail("mmap: errno \(errno)") }
        parcels = memory.bindMemory(to: Parcel.self, capacity: capacity)
    }

    /// Puts a parcel in, or says that there is no room.
    func offer(_ parcel: Parcel) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard count < capacity else { return false }
        parcels[count] = parcel
        count += 1
        return true
    }

    /// Takes one out; `choice` picks which.
    func take(_ choice: Int) -> Parcel? {
        lock.lock()
        defer { lock.unlock() }
        return takeUnlocked(choice)
    }

    /// How many there are.
    var heldCount: Int {
        lock.lock()
        defer { lock.unlock() }
        return count
    }

    /// `heldCount` for the caller of `whileHeld` and its forked child.
    var heldCountUnlocked: Int { count }

    /// Verifies and frees everything.
    func drain() {
        while let parcel = take(0) { parcel.release() }
    }

    /// Runs `body`, which may fork, while no other thread changes the bag. The child ends in it.
    func whileHeld(_ body: (Exchange) -> Void) {
        lock.lock()
        body(self)
        lock.unlock()
    }

    /// `take` for the caller of `whileHeld` and its forked child.
    func takeUnlocked(_ choice: Int) -> Parcel? {
        guard count > 0 else { return nil }
        let index = choice % count
        let parcel = parcels[index]
        count -= 1
        parcels[index] = parcels[count]
        return parcel
    }
}
