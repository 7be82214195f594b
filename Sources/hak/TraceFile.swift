// SPDX-License-Identifier: MIT
//
// A trace: what the threads of one process asked of its allocator, ready to be repeated
// (docs/trace-format.md).

import CTraceFormat

/// One event of a trace.
struct TraceEvent: Equatable {
    enum Kind: Equatable {
        case malloc(size: UInt64)
        case calloc(size: UInt64)
        case aligned(alignmentLog2: UInt64, size: UInt64)
        case realloc(size: UInt64)
        case free
    }

    let kind: Kind
    let use: SlotUse

    /// The number that stands for its kind in the file.
    var code: Int32 {
        switch kind {
        case .malloc: TRACE_MALLOC
        case .calloc: TRACE_CALLOC
        case .aligned: TRACE_ALIGNED
        case .realloc: TRACE_REALLOC
        case .free: TRACE_FREE
        }
    }
}

/// The events of one thread, being written.
struct TraceStream {
    private(set) var bytes: [UInt8] = []
    private var slot = 0

    mutating func append(_ event: TraceEvent) {
        let waits = event.use.waitsFor == nil ? 0 : TRACE_WAITS
        bytes.append(UInt8(event.code | waits))
        bytes.append(difference: Int64(event.use.slot - slot))
        slot = event.use.slot
        if let generation = event.use.waitsFor { bytes.append(varint: UInt64(generation)) }
        switch event.kind {
        case .malloc(let size), .calloc(let size), .realloc(let size):
            bytes.append(varint: size)
        case .aligned(let alignmentLog2, let size):
            bytes.append(varint: alignmentLog2)
            bytes.append(varint: size)
        case .free:
            break
        }
    }

    /// The thread of that stream begins.
    mutating func append(spawn stream: Int) {
        bytes.append(UInt8(TRACE_SPAWN))
        bytes.append(varint: UInt64(stream))
    }
}

/// A whole trace.
struct TraceFile {
    var header: trace_header_t
    let streams: [TraceStream]

    /// The command line, as far as it was kept.
    static func command(of header: trace_header_t) -> String {
        withUnsafeBytes(of: header.command) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The same with its figures only.
    func withoutStreams() -> TraceFile { TraceFile(header: header, streams: []) }

    /// The file: header, table, and the streams, each with the byte that ends it.
    func encoded() -> [UInt8] {
        var file = withUnsafeBytes(of: header) { Array($0) }
        var offset = file.count + streams.count * MemoryLayout<trace_stream_t>.size
        for stream in streams {
            let entry = trace_stream_t(
                offset: UInt64(offset), bytes: UInt64(stream.bytes.count + 1))
            withUnsafeBytes(of: entry) { file += $0 }
            offset += stream.bytes.count + 1
        }
        file.reserveCapacity(offset)
        for stream in streams { file += stream.bytes + [UInt8(TRACE_END)] }
        return file
    }
}
