// SPDX-License-Identifier: MIT
//
// The events of one thread, read from the trace in pieces and carried out (docs/trace-format.md).

import CTraceFormat
import CWorkload

/// What a replay writes to the blocks that it gets.
enum ReplayTouch {
    case none, ends, pages
}

struct ReplayStream {
    private let replay: UnsafePointer<Replay>
    private let buffer: UnsafeMutablePointer<UInt8>
    private let bufferBytes: Int
    /// Read from the file already, and to be read.
    private var position = 0
    private var available = 0
    private var fileOffset: Int
    private var fileBytesLeft: Int

    /// Most of the trace that a thread holds at once.
    private static let bufferBytesMax = 64 * 1024
    /// Room for one event more than was read.
    private static let padding = Int(TRACE_EVENT_BYTES_MAX)

    init(_ stream: Int, of replay: UnsafePointer<Replay>) {
        let place = replay.pointee.streams[stream]
        self.replay = replay
        fileOffset = Int(place.offset)
        fileBytesLeft = Int(place.bytes)
        bufferBytes = min(fileBytesLeft, Self.bufferBytesMax) + 2 * Self.padding
        guard let memory = workload_map(bufferBytes) else {
            fail("no memory to read the trace", status: ExitStatus.failure)
        }
        buffer = memory.assumingMemoryBound(to: UInt8.self)
    }

    /// Carries out every event.
    mutating func run() {
        var slot = 0
        while true {
            if available - position < Self.padding, fileBytesLeft > 0 { refill() }
            let code = Int32(buffer[position])
            position += 1
            if code == TRACE_END { break }
            if code == TRACE_SPAWN {
                replay.pointee.spawn(Int(truncatingIfNeeded: number()), replay)
                continue
            }
            slot &+= Int(truncatingIfNeeded: difference())
            guard slot >= 0, slot < replay.pointee.slots.count else { Self.failBroken() }
            let kind = code & ~TRACE_WAITS
            if code & TRACE_WAITS != 0 {
                let isEnd = kind == TRACE_FREE || kind == TRACE_REALLOC
                replay.pointee.slots.await(slot, generation: number(), holdsBlock: isEnd)
            }
            carryOut(kind, slot)
        }
        munmap(buffer, bufferBytes)
    }

    @inline(__always)
    private mutating func carryOut(_ kind: Int32, _ slot: Int) {
        switch kind {
        case TRACE_MALLOC:
            let size = size()
            begin(replay.pointee.isAlone ? Self.stand : malloc(size), size, slot)
        case TRACE_FREE:
            let block = replay.pointee.slots.block(slot)
            replay.pointee.slots.clear(slot)
            if !replay.pointee.isAlone { free(block) }
        case TRACE_REALLOC:
            let size = size()
            let block = replay.pointee.slots.block(slot)
            begin(replay.pointee.isAlone ? Self.stand : realloc(block, size), size, slot)
        case TRACE_CALLOC:
            let size = size()
            begin(replay.pointee.isAlone ? Self.stand : calloc(1, size), size, slot)
        case TRACE_ALIGNED:
            let alignment = 1 << Int(truncatingIfNeeded: number())
            let size = size()
            var block: UnsafeMutableRawPointer? = Self.stand
            if !replay.pointee.isAlone {
                let least = MemoryLayout<UnsafeRawPointer>.size
                if posix_memalign(&block, max(alignment, least), size) != 0 { block = nil }
            }
            begin(block, size, slot)
        default:
            Self.failBroken()
        }
    }

    @inline(__always)
    private func begin(_ block: UnsafeMutableRawPointer?, _ size: Int, _ slot: Int) {
        guard let block else {
            fail("the allocator gave no memory", status: ExitStatus.failure)
        }
        switch replay.pointee.touch {
        case .none:
            break
        case .ends:
            workload_touch_ends(block, size)
        case .pages:
            workload_touch(block, size)
            workload_touch_ends(block, size)
        }
        replay.pointee.slots.put(block, in: slot)
    }

    /// What stands for a block where no allocator is called.
    private static var stand: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 16) }

    private static func failBroken() -> Never {
        fail("the trace is broken; `hak replay` says where", status: ExitStatus.failure)
    }

    // MARK: Reading

    private mutating func size() -> Int { Int(truncatingIfNeeded: number()) }

    @inline(__always)
    private mutating func number() -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = buffer[position]
            position += 1
            value |= UInt64(byte & 0x7F) &<< shift
            if byte < 0x80 || shift > 56 { return value }
            shift += 7
        }
    }

    @inline(__always)
    private mutating func difference() -> Int64 {
        let number = number()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    /// Moves what is left to the front and reads on. Zeros follow what was read, so that a stream
    /// without an end ends all the same.
    private mutating func refill() {
        let left = available - position
        if left > 0 { memmove(buffer, buffer + position, left) }
        position = 0
        available = max(left, 0)
        let wanted = min(fileBytesLeft, bufferBytes - Self.padding - available)
        let got = pread(replay.pointee.file, buffer + available, wanted, fileOffset)
        guard got > 0 else { fail("cannot read the trace", status: ExitStatus.failure) }
        available += got
        fileOffset += got
        fileBytesLeft -= got
        memset(buffer + available, 0, Self.padding)
    }
}
