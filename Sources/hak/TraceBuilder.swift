// SPDX-License-Identifier: MIT
//
// Makes a trace of a log: addresses become slots, and calls that only the recorder can explain go.

import CTraceFormat

struct TraceBuilder {
    private struct Block {
        let slot: Int
        let size: UInt64
    }

    private var pool = SlotPool()
    private var streams: [TraceStream] = []
    /// Streams are threads in the order of their first event; by the log's thread.
    private var streamOfThread: [Int: Int] = [:]
    /// The stream of the event before, which has to begin a new thread.
    private var lastStream = 0
    private var blocks: [UInt64: Block] = [:]
    /// What a thread's realloc has taken off `blocks` and not put back yet.
    private var moving: [Int: Block] = [:]
    private var header = trace_header_t()
    private var bytesLive: UInt64 = 0
    private var calls: [UInt64] = Array(repeating: 0, count: 8)

    /// The trace of a whole log.
    static func trace(of log: TraceLog) -> TraceFile {
        var builder = TraceBuilder()
        builder.header.missed = log.header.missed
        builder.header.is_cut = log.header.is_cut
        var order = CallOrder(log)
        while let (thread, effect) = order.next() { builder.add(effect, by: thread) }
        return builder.file(command: log.command)
    }

    private mutating func add(_ effect: CallEffect, by thread: Int) {
        switch effect {
        case .whole(let call):
            addWhole(call, by: thread)
        case .reallocBegins(let old):
            moving[thread] = blocks.removeValue(forKey: old)
        case .reallocEnds(let call):
            addMoved(call, from: moving.removeValue(forKey: thread), by: thread)
        }
    }

    private mutating func addWhole(_ call: LoggedCall, by thread: Int) {
        switch call.kind {
        case .malloc(let size), .realloc(_, _, let size):
            addBirth(.malloc(size: size), size, at: call.address, by: thread)
        case .calloc(let size):
            addBirth(.calloc(size: size), size, at: call.address, by: thread)
        case .aligned(let alignmentLog2, let size):
            addBirth(
                .aligned(alignmentLog2: alignmentLog2, size: size), size, at: call.address,
                by: thread)
        case .free:
            guard let block = blocks.removeValue(forKey: call.address) else {
                header.strangers += 1
                return
            }
            addEnd(of: block, by: thread)
        }
    }

    /// A realloc of a block; of one from before the recording it is a birth.
    private mutating func addMoved(_ call: LoggedCall, from block: Block?, by thread: Int) {
        guard case .realloc(_, _, let size) = call.kind else { return }
        guard let block else {
            header.strangers += 1
            if call.address != 0 {
                addBirth(.malloc(size: size), size, at: call.address, by: thread)
            }
            return
        }
        guard call.address != 0 else { return addEnd(of: block, by: thread) }
        endForgotten(at: call.address, by: thread)
        let stream = stream(of: thread)
        let use = pool.renew(block.slot, by: stream)
        append(TraceEvent(kind: .realloc(size: size), use: use), to: stream)
        bytesLive -= block.size
        begin(Block(slot: block.slot, size: size), at: call.address)
    }

    private mutating func addBirth(
        _ kind: TraceEvent.Kind, _ size: UInt64, at address: UInt64, by thread: Int
    ) {
        endForgotten(at: address, by: thread)
        let stream = stream(of: thread)
        let use = pool.acquire(by: stream)
        append(TraceEvent(kind: kind, use: use), to: stream)
        begin(Block(slot: use.slot, size: size), at: address)
    }

    private mutating func begin(_ block: Block, at address: UInt64) {
        blocks[address] = block
        bytesLive += block.size
        header.bytes_requested += block.size
        header.bytes_live_max = max(header.bytes_live_max, bytesLive)
        header.blocks_live_max = max(header.blocks_live_max, UInt64(blocks.count))
    }

    private mutating func addEnd(of block: Block, by thread: Int) {
        let stream = stream(of: thread)
        append(TraceEvent(kind: .free, use: pool.release(block.slot, by: stream)), to: stream)
        bytesLive -= block.size
    }

    /// An address that is given out again was freed by a call that the recorder missed.
    private mutating func endForgotten(at address: UInt64, by thread: Int) {
        guard let forgotten = blocks.removeValue(forKey: address) else { return }
        header.missed += 1
        addEnd(of: forgotten, by: thread)
    }

    private mutating func append(_ event: TraceEvent, to stream: Int) {
        streams[stream].append(event)
        calls[Int(event.code)] += 1
        lastStream = stream
    }

    /// The thread's stream. A new one is spawned by the thread of the event before, which is as
    /// a rule the one that began it: beginning a thread allocates.
    private mutating func stream(of thread: Int) -> Int {
        if let known = streamOfThread[thread] { return known }
        let stream = streams.count
        streamOfThread[thread] = stream
        streams.append(TraceStream())
        if stream > 0 { streams[lastStream].append(spawn: stream) }
        return stream
    }

    private mutating func file(command: String) -> TraceFile {
        if streams.isEmpty { streams.append(TraceStream()) }
        header.magic = UInt64(TRACE_MAGIC)
        header.streams = UInt32(streams.count)
        header.slots = UInt64(pool.count)
        header.events = calls.reduce(0, +)
        withUnsafeMutableBytes(of: &header.calls) { raw in
            calls.withUnsafeBytes { raw.copyMemory(from: $0) }
        }
        withUnsafeMutableBytes(of: &header.command) { raw in
            let text = Array(command.utf8.prefix(Int(TRACE_COMMAND_BYTES) - 1))
            text.withUnsafeBytes { raw.copyMemory(from: $0) }
        }
        return TraceFile(header: header, streams: streams)
    }
}
