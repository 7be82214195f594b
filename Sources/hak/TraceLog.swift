// SPDX-License-Identifier: MIT
//
// The log of one process image, as the recorder left it: a header, and chunks of events, each of
// one thread (docs/trace-format.md). It is read while nobody checks it any more, so an event that
// makes no sense ends its chunk.

import CTraceFormat

/// One recorded call.
struct LoggedCall: Equatable {
    enum Kind: Equatable {
        case malloc(size: UInt64)
        case calloc(size: UInt64)
        case aligned(alignmentLog2: UInt64, size: UInt64)
        /// `old` is the block before, 0 for NULL; it ended at the place `began` in the order.
        case realloc(began: UInt64, old: UInt64, size: UInt64)
        case free
    }

    let kind: Kind
    /// The block that the call gave or took; 0 for NULL.
    let address: UInt64
    /// The call's place in the order of all threads' events.
    let order: UInt64
}

struct TraceLog {
    let header: trace_log_header_t
    /// The calls' bytes by thread, in the order of the threads' first calls: places of the chunks.
    private let chunks: [[Int]]
    private let bytes: UnsafeRawBufferPointer

    /// Nil when `bytes`, which must outlive the log, do not begin with the header of a log.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Int(TRACE_LOG_HEADER_BYTES) else { return nil }
        header = bytes.loadUnaligned(as: trace_log_header_t.self)
        guard header.magic == TRACE_LOG_MAGIC else { return nil }
        var chunks: [[Int]] = []
        var start = Int(TRACE_LOG_HEADER_BYTES)
        while start + MemoryLayout<trace_log_chunk_t>.size <= bytes.count {
            let chunk = bytes.loadUnaligned(fromByteOffset: start, as: trace_log_chunk_t.self)
            // A chunk of nobody was taken and never begun. Threads are numbered as they begin one.
            if chunk.thread > 0, Int(chunk.thread) <= bytes.count / Int(TRACE_LOG_CHUNK_BYTES) + 1 {
                while chunks.count < Int(chunk.thread) { chunks.append([]) }
                chunks[Int(chunk.thread) - 1].append(start)
            }
            start += Int(TRACE_LOG_CHUNK_BYTES)
        }
        self.chunks = chunks
        self.bytes = bytes
    }

    var threadCount: Int { chunks.count }

    /// The words of the command line on one line, a space between them.
    var command: String {
        let words = withUnsafeBytes(of: header.command) { raw in
            raw.split { $0 <= UInt8(ascii: " ") }.map { String(decoding: $0, as: UTF8.self) }
        }
        return words.joined(separator: " ")
    }

    /// The calls of a thread, in its order.
    func calls(ofThread thread: Int) -> ThreadCalls {
        ThreadCalls(bytes: bytes, chunks: chunks[thread])
    }
}

/// Reads the calls of one thread, chunk after chunk.
struct ThreadCalls: IteratorProtocol {
    private let bytes: UnsafeRawBufferPointer
    private var chunks: ArraySlice<Int>
    private var reader: VarintReader?
    private var order: UInt64 = 0
    private var address: UInt64 = 0

    init(bytes: UnsafeRawBufferPointer, chunks: [Int]) {
        self.bytes = bytes
        self.chunks = chunks[...]
    }

    mutating func next() -> LoggedCall? {
        while true {
            if let call = readCall() { return call }
            guard let start = chunks.popFirst() else { return nil }
            let end = min(start + Int(TRACE_LOG_CHUNK_BYTES), bytes.count)
            let chunk = bytes.loadUnaligned(fromByteOffset: start, as: trace_log_chunk_t.self)
            order = chunk.order
            address = 0
            reader = VarintReader(
                UnsafeRawBufferPointer(rebasing: bytes[start..<end]),
                from: MemoryLayout<trace_log_chunk_t>.size)
        }
    }

    /// The next call of the chunk; nil at its end.
    private mutating func readCall() -> LoggedCall? {
        guard let code = reader?.byte(), Int32(code) != TRACE_END,
            let step = reader?.number()
        else { return end() }
        order &+= step
        switch Int32(code) {
        case TRACE_MALLOC:
            guard let size = reader?.number() else { return end() }
            return call(.malloc(size: size))
        case TRACE_CALLOC:
            guard let size = reader?.number() else { return end() }
            return call(.calloc(size: size))
        case TRACE_ALIGNED:
            guard let alignment = reader?.number(), let size = reader?.number() else {
                return end()
            }
            return call(.aligned(alignmentLog2: alignment, size: size))
        case TRACE_REALLOC:
            guard let distance = reader?.number(), let old = readAddress(),
                let size = reader?.number()
            else { return end() }
            return call(.realloc(began: order &- distance, old: old, size: size))
        case TRACE_FREE:
            return call(.free)
        default:
            return end()
        }
    }

    private mutating func call(_ kind: LoggedCall.Kind) -> LoggedCall? {
        guard let address = readAddress() else { return end() }
        return LoggedCall(kind: kind, address: address, order: order)
    }

    private mutating func readAddress() -> UInt64? {
        guard let difference = reader?.difference() else { return nil }
        address &+= UInt64(bitPattern: difference)
        return address
    }

    private mutating func end() -> LoggedCall? {
        reader = nil
        return nil
    }
}
