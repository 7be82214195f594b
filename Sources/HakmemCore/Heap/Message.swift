// SPDX-License-Identifier: MIT
//
// Remote frees, in messages: the blocks that one thread frees of another's are gathered, sent to
// the owner's inbox with one exchange for many, and freed by the owner at its next refill.
//
//   message (512 B):  next · owner · count, bytes · blocks[61]
//
// A thread has a few messages open at a time, each for one owner. Blocks in an open message are
// still out as far as the map says, so their spans cannot go; the owner sees them only when the
// message is sent: when it is full, in blocks or in bytes, when its place is needed for
// another owner, at the sender's tick, and when the sender's thread exits.
//
// Ordering: the sender's blocks are published by the releasing compare-exchange on the owner's
// inbox; the owner takes the whole list with one acquiring exchange. A pushed list is only ever
// taken as a whole, so there is no ABA.

import Synchronization

enum SentBlock {
    /// Beside the address of a sent block, which is a multiple of 16: the sender found the mark of
    /// a free block on it.
    static let markedBit: UInt = 1
}

struct MessageHeader {
    var next: UInt
    /// The thread cache that owns the blocks.
    var owner: UInt
    var count: UInt32
    /// Bytes of those of its blocks that are not tiny.
    var bytes: UInt32
}

struct Message {
    let address: UInt

    static let bytes: UInt = 512
    private static let headerBytes: UInt = 24
    static let blocksMax = UInt32((bytes - headerBytes) / 8)
    /// A message with so many bytes of blocks above tiny ones is full: what it may keep from its
    /// owner is bounded. As many tiny ones as it holds are less.
    static let bytesMax: UInt32 = 64 << 10

    var header: UnsafeMutablePointer<MessageHeader> { pointer(address, to: MessageHeader.self) }

    /// Adds a block; true when the message is full.
    @inline(__always)
    func append(_ block: UInt, _ sizeClass: SizeClass) -> Bool {
        let count = header.pointee.count &+ 1
        blocks[Int(count &- 1)] = block
        header.pointee.count = count
        if sizeClass.isTiny { return count == Message.blocksMax }
        header.pointee.bytes &+= UInt32(sizeClass.blockBytes)
        return count == Message.blocksMax || header.pointee.bytes >= Message.bytesMax
    }

    /// Bytes of its blocks: of those that are not tiny, or, where all are, as if all were as large
    /// as the first; 0 where that is a block no more, but has been freed twice.
    var likelyBytes: UInt32 {
        if header.pointee.bytes != 0 { return header.pointee.bytes }
        let owner = BlockMap.owner(blocks[0])
        if owner == 0 || owner & Owner.wholeMark != 0 { return 0 }
        return header.pointee.count &* UInt32(Owner.sizeClass(owner).blockBytes)
    }

    @inline(__always)
    var blocks: UnsafeMutablePointer<UInt> {
        pointer(address + Message.headerBytes, to: UInt.self)
    }
}

/// Messages that nobody uses, so many at a time: linked by `next`, the last one's is 0.
struct MessageBatch {
    let first: Message

    static let count = 4

    /// The batch that follows in the pool.
    var next: UInt {
        get { first.header.pointee.owner }
        nonmutating set { first.header.pointee.owner = newValue }
    }

    /// A batch of new messages, or nil when out of memory.
    static func make() -> MessageBatch? {
        guard let start = metadata.allocate(Message.bytes * UInt(count), alignment: 64) else {
            return nil
        }
        var next: UInt = 0
        for index in (0..<UInt(count)).reversed() {
            let message = Message(address: start + index * Message.bytes)
            message.header.pointee.next = next
            next = message.address
        }
        return MessageBatch(first: Message(address: start))
    }
}

/// What the message pool is made of. Zeroed memory is its valid initial state.
/// The lock is not the first field: tools take an access to the first for one to the whole.
struct MessagePoolFields: ~Copyable {
    var firstBatch: UInt
    let lock: Lock
}

/// Messages that nobody uses, beside those that each cache keeps. Guarded by: its lock.
struct MessagePool {
    /// Shared by all threads: no access to it as a whole, which would have to be exclusive.
    let fields: UnsafeMutablePointer<MessagePoolFields>

    /// Nil when there is none in the pool.
    func acquire() -> MessageBatch? {
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        if fields.pointee.firstBatch == 0 { return nil }
        let batch = MessageBatch(first: Message(address: fields.pointee.firstBatch))
        fields.pointee.firstBatch = batch.next
        return batch
    }

    func release(_ batch: MessageBatch) {
        fields.pointee.lock.acquire()
        batch.next = fields.pointee.firstBatch
        fields.pointee.firstBatch = batch.first.address
        fields.pointee.lock.release()
    }

    func acquireLock() { fields.pointee.lock.acquire() }
    func releaseLock() { fields.pointee.lock.release() }
    func resetAfterFork() { fields.pointee.lock.resetAfterFork() }
}

/// The messages that nobody uses of one thread, which meets the pool's lock once for several: most
/// that free others' blocks are sent blocks, too. Zeroed memory has none.
struct SpareMessages: ~Copyable {
    /// Linked by `next`; a batch, or what is left of one, and another whole one behind it.
    private var first: UInt = 0
    private var count = 0

    /// An empty message, or nil when out of memory.
    mutating func take() -> Message? {
        if count == 0 {
            guard let batch = messagePool.acquire() ?? MessageBatch.make() else { return nil }
            first = batch.first.address
            count = MessageBatch.count
        }
        let message = Message(address: first)
        first = message.header.pointee.next
        count -= 1
        message.header.pointee.count = 0
        message.header.pointee.bytes = 0
        return message
    }

    mutating func give(_ message: Message) {
        message.header.pointee.next = first
        first = message.address
        count += 1
        if count == 2 * MessageBatch.count { release() }
    }

    /// Leaves whole batches to the others, and hands out what is left over.
    mutating func disperse(_ body: (Message) -> Void) {
        while count >= MessageBatch.count { release() }
        while count > 0 {
            let message = Message(address: first)
            first = message.header.pointee.next
            count -= 1
            body(message)
        }
    }

    /// Leaves a batch to the others.
    private mutating func release() {
        let batch = MessageBatch(first: Message(address: first))
        var last = batch.first
        for _ in 1..<MessageBatch.count {
            last = Message(address: last.header.pointee.next)
        }
        first = last.header.pointee.next
        last.header.pointee.next = 0
        count -= MessageBatch.count
        messagePool.release(batch)
    }
}

/// A thread's open messages. Zeroed memory has none.
struct Outgoing: ~Copyable {
    static let slotCount: UInt = 8
    private var slots: InlineArray<8, UInt>
    private var openCount: UInt
    var spares: SpareMessages

    /// Adds a block of a slab that has this owner word; false when out of memory for a message.
    @inline(__always)
    mutating func add(_ block: UInt, owner: UInt) -> Bool {
        let cache = Owner.cache(owner)
        let slot = Outgoing.slot(cache)
        let address = slots[unchecked: slot]
        if address != 0 {
            let message = Message(address: address)
            if message.header.pointee.owner == cache.address {
                if message.append(block, Owner.sizeClass(owner)) { send(slot) }
                return true
            }
        }
        return open(slot, block, owner, cache)
    }

    /// Caches lie some pages apart: the page number is mixed so that neighbours spread.
    @inline(__always)
    static func slot(_ owner: ThreadCache) -> Int {
        Int((((owner.address &>> 12) &* 0x9E37_79B9) &>> 16) & (Outgoing.slotCount &- 1))
    }

    @inline(never)
    private mutating func open(
        _ slot: Int, _ block: UInt, _ owner: UInt, _ cache: ThreadCache
    ) -> Bool {
        if slots[slot] != 0 { send(slot) }
        guard let message = spares.take() else { return false }
        message.header.pointee.owner = cache.address
        // No block is so large that it fills a message.
        _ = message.append(block, Owner.sizeClass(owner))
        slots[slot] = message.address
        openCount += 1
        return true
    }

    @inline(never)
    private mutating func send(_ slot: Int) {
        let message = Message(address: slots[slot])
        slots[slot] = 0
        openCount -= 1
        CachePool.deliver(message, to: ThreadCache(at: message.header.pointee.owner))
    }

    /// Drops what is open: in a forked child, of a thread that is not there.
    mutating func forget() {
        slots = InlineArray(repeating: 0)
        openCount = 0
        spares = SpareMessages()
    }

    mutating func sendAll() {
        if openCount == 0 { return }
        for slot in 0..<Int(Outgoing.slotCount) where slots[slot] != 0 { send(slot) }
    }
}
