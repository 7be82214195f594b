// SPDX-License-Identifier: MIT
//
// Repeats a trace: each of its threads carries out its own events, with waits only where a block
// passes from one thread to another.
//
//   workloads replay FILE [--touch none|ends|pages] [--alone]
//
// --alone reads the trace and calls no allocator: what the harness itself costs.

import CTraceFormat
import CWorkload
import Synchronization

/// A trace in use. Nothing of it changes while threads run, but the count of them.
struct Replay: ~Copyable {
    let file: Int32
    let header: trace_header_t
    let streams: UnsafeMutablePointer<trace_stream_t>
    let slots: ReplaySlots
    let touch: ReplayTouch
    let isAlone: Bool
    /// Threads that have not ended. Released by each as its last step, acquired by the first.
    let running = Atomic<Int>(0)

    init(path: UnsafePointer<CChar>, touch: ReplayTouch, isAlone: Bool) {
        file = workload_open(path)
        guard file >= 0 else { fail("cannot read the trace ", path, status: ExitStatus.usage) }
        var header = trace_header_t()
        let headerBytes = MemoryLayout<trace_header_t>.size
        guard pread(file, &header, headerBytes, 0) == headerBytes, header.magic == TRACE_MAGIC,
            header.streams > 0, header.slots < 1 << 40
        else { fail("this is no trace: ", path, status: ExitStatus.usage) }
        let tableBytes = Int(header.streams) * MemoryLayout<trace_stream_t>.stride
        guard let table = workload_map(tableBytes),
            pread(file, table, tableBytes, headerBytes) == tableBytes
        else { fail("cannot read the streams of ", path, status: ExitStatus.failure) }
        self.header = header
        streams = table.bindMemory(to: trace_stream_t.self, capacity: Int(header.streams))
        slots = ReplaySlots(count: Int(header.slots))
        self.touch = touch
        self.isAlone = isAlone
    }

    /// Begins the thread of a stream.
    func spawn(_ stream: Int, _ replay: UnsafePointer<Replay>) {
        guard stream > 0, stream < Int(header.streams),
            let memory = workload_map(MemoryLayout<ReplayThread>.size)
        else { fail("cannot begin a thread of the trace", status: ExitStatus.failure) }
        memory.bindMemory(to: ReplayThread.self, capacity: 1)
            .initialize(to: ReplayThread(replay: replay, stream: stream))
        running.wrappingAdd(1, ordering: .relaxed)
        let refusal = workload_spawn(
            { memory in
                if let memory { ReplayThread.run(memory) }
                return nil
            }, memory)
        guard refusal == 0 else {
            fail("pthread_create was refused", status: ExitStatus.failure)
        }
    }

    /// Waits for every thread that was begun.
    func awaitThreads() {
        ReplayWait.until { running.load(ordering: .acquiring) == 0 }
    }
}

/// What a thread is begun with.
struct ReplayThread {
    let replay: UnsafePointer<Replay>
    let stream: Int

    /// The thread's body; `memory` holds one of these and is unmapped.
    static func run(_ memory: UnsafeMutableRawPointer) {
        let thread = memory.load(as: ReplayThread.self)
        munmap(memory, MemoryLayout<ReplayThread>.size)
        var stream = ReplayStream(thread.stream, of: thread.replay)
        stream.run()
        thread.replay.pointee.running.wrappingSubtract(1, ordering: .releasing)
    }
}

/// Repeats the trace that the command line names, and reports.
func runReplay(_ arguments: Arguments) {
    guard let path = arguments[2] else {
        fail("no trace given: workloads replay FILE", status: ExitStatus.usage)
    }
    var touch = ReplayTouch.ends
    var isAlone = false
    var index = 3
    while let argument = arguments[index] {
        if matches(argument, "--alone") {
            isAlone = true
        } else if matches(argument, "--touch"), let word = arguments[index + 1] {
            touch = replayTouch(word)
            index += 1
        } else {
            fail("option unknown to replay: ", argument, status: ExitStatus.usage)
        }
        index += 1
    }
    // Nothing stands behind the blocks that no allocator gave.
    var replay = Replay(path: path, touch: isAlone ? .none : touch, isAlone: isAlone)
    withUnsafePointer(to: &replay) { replay in
        let before = ReplayCost.ofProcess()
        var stream = ReplayStream(0, of: replay)
        stream.run()
        replay.pointee.awaitThreads()
        let cost = ReplayCost.ofProcess().since(before)
        report(cost, of: replay)
    }
}

private func replayTouch(_ word: UnsafePointer<CChar>) -> ReplayTouch {
    if matches(word, "none") { return .none }
    if matches(word, "ends") { return .ends }
    if matches(word, "pages") { return .pages }
    fail("--touch takes none, ends or pages, not ", word, status: ExitStatus.usage)
}
