// SPDX-License-Identifier: MIT
//
// Threads that start together: each prepares itself, waits for all, and works on the clock.
//
//   main     start ──────────── ready ─ clock ─ go ───────────────── join ─ clock
//   thread          prepare ─── ready ───────── go ─ work ─ leave ──┘

import CWorkload

/// What a thread runs: it gets its own worker's address.
typealias ThreadBody = @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

/// Some threads, each with a worker of its own in mapped memory.
///
/// Invariant: a body calls `meet` exactly once, between its preparation and its work.
struct Crew<Worker> {
    let count: Int
    let workers: UnsafeMutablePointer<Worker>
    private let threads: UnsafeMutablePointer<pthread_t>

    init(count: Int) {
        self.count = count
        workers = mappedMemory(count, of: Worker.self)
        threads = mappedMemory(count, of: pthread_t.self)
    }

    /// Starts every thread.
    func start(_ body: ThreadBody) {
        for index in 0..<count { start(index, body) }
    }

    /// Starts one thread.
    func start(_ index: Int, _ body: ThreadBody) {
        guard pthread_create(threads + index, nil, body, workers + index) == 0 else {
            fail("no more threads; lower --threads", status: ExitStatus.failure)
        }
    }

    /// Waits for the end of one thread.
    func join(_ index: Int) { pthread_join(threads[index], nil) }

    /// Waits for the end of every thread.
    func join() {
        for index in 0..<count { join(index) }
    }
}

/// A point that a number of threads reach before any goes on.
struct MeetingPoint {
    private let barrier: UnsafeMutablePointer<pthread_barrier_t>

    /// For `count` threads.
    init(count: Int) {
        barrier = mappedMemory(1, of: pthread_barrier_t.self)
        pthread_barrier_init(barrier, nil, UInt32(count))
    }

    func wait() { pthread_barrier_wait(barrier) }
}

extension Measurement {
    /// Measures `body` on a crew from the moment that all threads are prepared to their end. Each
    /// thread waits at `start` twice: when it is prepared, and for the clock.
    mutating func section<Worker>(
        operations: Int, _ crew: Crew<Worker>, _ start: MeetingPoint, _ body: ThreadBody
    ) {
        crew.start(body)
        start.wait()
        section(operations: operations) {
            start.wait()
            crew.join()
        }
    }
}
